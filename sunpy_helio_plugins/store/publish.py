"""
Part files, which become complete files in one step.

A part file is beside its target, has a hidden, random name, and is locked by the process that writes it. Part files
without a lock were left by a process that was killed; the next process that writes the same target removes them.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import shutil
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from weakref import WeakValueDictionary

from sunpy_helio_plugins.errors import LockedError, local

try:
    import fcntl
except ImportError:  # pragma: no cover - only on Windows
    # An open file cannot be removed there, so that no lock is needed.
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "FolderListing",
    "RunFolders",
    "is_in_use",
    "locked",
    "make_folder",
    "new_part",
    "numbered",
    "publish",
    "remove_stale",
    "sweep",
    "sync_to_disk",
    "whole_file",
    "whole_folder",
    "write_whole",
]

_KEPT = 180
"""Bytes of the target's name in the name of a part file; the rest of 255 is for the prefix and suffix."""

_COMPRESSED = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})


@contextlib.contextmanager
def new_part(target: Path, listing: FolderListing | None = None) -> Iterator[tuple[Path, IO[bytes]]]:
    """Yield the path and the binary stream of a part file, locked within the block and removed after it."""
    (FolderListing(target.parent) if listing is None else listing).remove_stale(target)
    path, stream = _locked_part(target)
    try:
        with stream:
            yield path, stream
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Create a folder and those above it, if they do not exist."""
    with local(folder, "created"):
        folder.mkdir(parents=True, exist_ok=True)


class _PartStream(io.BufferedWriter):
    """A part file; errors of the disk name the file that it becomes."""

    def __init__(self, path: Path, target: Path) -> None:
        self._target = target
        super().__init__(io.FileIO(path, "xb+"))

    def write(self, data: Any, /) -> int:
        with local(self._target):
            return super().write(data)

    def flush(self) -> None:
        with local(self._target):
            super().flush()


_streams: WeakValueDictionary[Path, IO[bytes]] = WeakValueDictionary()
"""The streams of part files that are open in this process."""


def _locked_part(target: Path) -> tuple[Path, IO[bytes]]:
    while True:
        path = target.with_name(f"{_prefix(target)}{secrets.token_hex(4)}.part")
        with local(target):
            stream = _PartStream(path, target)
        if _lock(stream, wait=True) and _is_at(stream, path):
            _streams[path] = stream
            return path, stream
        # Another process removed it between its creation and its lock.
        stream.close()


def _prefix(target: Path) -> str:
    return f".{_short(target.name)}."


def _short(name: str) -> str:
    """Return the part of a target's name that fits into the names of its part files and lock."""
    return name.encode()[:_KEPT].decode(errors="ignore")


def _lock(stream: IO[Any], *, wait: bool) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: part files then differ by their random names only
        return wait
    return True


@contextlib.contextmanager
def locked(target: Path, *, wait: bool = True) -> Iterator[None]:
    """
    Lock a target against other processes and threads until the end of the block; a kill ends the lock.

    Others wait; without ``wait``, raise a `LockedError` if another one has the lock.
    """
    path = target.with_name(f".{_short(target.name.lstrip('.'))}.lock")
    with local(target):
        opened = path.open("a+b")
    with opened as stream:
        if not (_lock_file(stream, wait) if fcntl is not None else _lock_byte(stream, wait)):
            raise LockedError(f"{target} is in use by another run; wait until it has ended.")
        yield


def _lock_file(stream: IO[bytes], wait: bool) -> bool:
    """Lock a file until it is closed; return whether no other one has the lock."""
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _lock_byte(stream: IO[bytes], wait: bool) -> bool:
    """Lock a file on Windows, as `_lock_file` does."""
    import msvcrt

    while True:
        try:
            stream.seek(0)
            kind = msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK  # type: ignore[attr-defined]
            msvcrt.locking(stream.fileno(), kind, 1)  # type: ignore[attr-defined]
        except OSError as error:
            if not wait:
                return False
            if error.errno == errno.EDEADLK:  # it gives up after ten seconds
                continue
        return True


def _is_at(stream: IO[Any], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def remove_stale(target: Path) -> None:
    """Remove the part files of a target that no running process has locked."""
    FolderListing(target.parent).remove_stale(target)


def sweep(folder: Path, age: float) -> list[Path]:
    """Remove the part files in a folder and below it that are older than some seconds and not locked; return them."""
    found, limit = [], time.time() - age
    for part in folder.rglob(".*.part"):
        with contextlib.suppress(OSError):
            if _PART.search(part.name) and part.is_file() and part.stat().st_mtime < limit:
                _remove_if_stale(part)
                found += [] if part.exists() else [part]
    return found


def is_in_use(part: Path) -> bool:
    """Return whether a running process has locked a part file."""
    if fcntl is None:
        return False
    with part.open("rb+") as stream:
        return not _lock(stream, wait=False)


_PART = re.compile(r"\.[0-9a-f]{8}\.part$")


class FolderListing:
    """The names in a folder, listed once; a folder that does not exist has none."""

    def __init__(self, folder: Path) -> None:
        try:
            names = os.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            names = []
        self._names = frozenset(map(os.path.normcase, names))
        self._parts = sorted(name for name in names if name.startswith(".") and name.endswith(".part"))

    def has(self, name: str) -> bool:
        """Tell whether the folder had an entry of this name."""
        return os.path.normcase(name) in self._names

    def remove_stale(self, target: Path) -> None:
        """Remove the part files of a target in this folder that no running process has locked."""
        prefix = _prefix(target)
        index = bisect_left(self._parts, prefix)
        while index < len(self._parts) and self._parts[index].startswith(prefix):
            with contextlib.suppress(OSError):
                _remove_if_stale(target.with_name(self._parts[index]))
            index += 1


class RunFolders:
    """The folders to which one run downloads: each is listed once, and no two files get the same target."""

    def __init__(self) -> None:
        self._listings: dict[Path, FolderListing] = {}
        self._claimed: set[Path] = set()
        self._numbers: dict[Path, int] = {}

    def claim(self, target: Path) -> Path:
        """Return a target that no other file of the run has: this one, or this one with a number."""
        candidate, number = target, self._numbers.get(target, 1)
        while candidate in self._claimed:
            number += 1
            candidate = numbered(target, number)
        if candidate is not target:
            self._numbers[target] = number
        self._claimed.add(candidate)
        return candidate

    def listing(self, folder: Path) -> FolderListing:
        """Return the contents that a folder had when the run first needed them."""
        if folder not in self._listings:
            self._listings[folder] = FolderListing(folder)
        return self._listings[folder]


def _remove_if_stale(part: Path) -> None:
    if fcntl is None:
        part.unlink(missing_ok=True)
        return
    with part.open("rb+") as stream:
        if _lock(stream, wait=False):
            part.unlink(missing_ok=True)


def sync_to_disk(stream: IO[bytes]) -> None:
    """Write a flushed part file to the disk, so that a power cut after its publication leaves no empty file."""
    with local(getattr(stream, "_target", "The file")):
        os.fsync(stream.fileno())


@contextlib.contextmanager
def whole_file(target: Path, *, overwrite: bool = True) -> Iterator[IO[bytes]]:
    """
    Yield the stream of a file that appears at the end of the block, complete and on the disk; an error leaves no part.

    A file that exists is a `DiskError` unless it is replaced.
    """
    with local(target):
        if not overwrite and target.exists():
            raise FileExistsError(errno.EEXIST, "")
        with new_part(target) as (part, stream):
            yield stream
            stream.flush()
            sync_to_disk(stream)
            publish(part, target, overwrite)


@contextlib.contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """
    Yield another folder, which gets the name of an empty or missing one at the end of the block, complete.

    An error or a kill leaves nothing in the target. The caller has the lock of the target.
    """
    part = target.with_name(f".{_short(target.name.lstrip('.'))}.partial")
    with local(target):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        try:
            yield part
            if target.exists():
                target.rmdir()
            part.rename(target)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def write_whole(target: Path, content: bytes) -> None:
    """Write a file in one step, and replace one of that name."""
    with whole_file(target) as stream:
        stream.write(content)


def publish(part: Path, target: Path, overwrite: bool | str) -> Path:
    """
    Rename a part file to its target in one step, and return the path.

    ``overwrite`` is `True` to replace a file of that name, `False` to keep it, or "unique" to number the new one.
    """
    with local(target):
        return _published(part, target, overwrite)


def _published(part: Path, target: Path, overwrite: bool | str) -> Path:
    if fcntl is None and (stream := _streams.get(part)) is not None:
        stream.close()  # Windows does not rename open files
    if overwrite is True:
        part.replace(target)
        return target
    candidate, number = target, 1
    while not _rename_new(part, candidate):
        if overwrite != "unique":
            if not target.is_file():
                raise OSError(errno.EISDIR if target.is_dir() else errno.EEXIST, "the name is taken")
            return target
        number += 1
        candidate = numbered(target, number)
    return candidate


def numbered(target: Path, number: int) -> Path:
    """Return a name with a number before its suffix, which may be two for compressed files (``.csv.gz``)."""
    suffixes = target.suffixes
    tail = "".join(suffixes[-2:]) if len(suffixes) > 1 and suffixes[-1] in _COMPRESSED else target.suffix
    stem = target.name[: len(target.name) - len(tail)] if tail else target.name
    return target.with_name(f"{stem}-{number}{tail}")


def _rename_new(part: Path, target: Path) -> bool:
    """Rename without replacing, also in a race: a hard link fails if the name is taken."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links, such as exFAT
        return _rename_alone(part, target)
    return True


_renaming = threading.Lock()


def _rename_alone(part: Path, target: Path) -> bool:
    """Rename unless the name is taken, one thread and one process at a time: the name never has an incomplete file."""
    with _renaming, _locked_folder(target.parent):
        if os.path.lexists(target):
            return False
        try:
            os.rename(part, target)
        except FileExistsError:
            return False
    return True


@contextlib.contextmanager
def _locked_folder(folder: Path) -> Iterator[None]:
    """Lock a folder, where the system can do so, for processes that publish files in it; a kill ends the lock."""
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
