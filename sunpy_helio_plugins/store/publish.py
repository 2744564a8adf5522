"""
Part files, in which downloads are stored until they are complete.

A part is in the folder of its target under a hidden random name, and is locked by the process that writes it. Parts
that no process has locked were left by a process that was killed; the next download of the same target removes them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

try:
    import fcntl
except ImportError:  # Windows: an open file cannot be removed there, which is all the lock that is needed
    fcntl = None  # type: ignore[assignment]

__all__ = ["FolderListing", "RunFolders", "new_part", "numbered", "publish", "remove_stale", "settle"]

_KEPT = 180
"""Characters of the target's name that a part's name keeps: the rest of 255 bytes is for its marks."""

_COMPRESSED = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})


@contextlib.contextmanager
def new_part(target: Path, listing: FolderListing | None = None) -> Iterator[tuple[Path, IO[bytes]]]:
    """
    Make a part file for a target, locked for as long as the block runs, and removed after it.

    Parameters
    ----------
    target : pathlib.Path
        The file that is to be; its folder must exist.
    listing : FolderListing, optional
        The contents of the folder, if they are listed already.

    Yields
    ------
    path : pathlib.Path
        The part.
    stream : file object
        The part, open for writing in binary.
    """
    (FolderListing(target.parent) if listing is None else listing).remove_stale(target)
    path, stream = _locked_part(target)
    try:
        with stream:
            yield path, stream
    finally:
        path.unlink(missing_ok=True)


def _locked_part(target: Path) -> tuple[Path, IO[bytes]]:
    while True:
        path = target.with_name(f"{_prefix(target)}{secrets.token_hex(4)}.part")
        stream = path.open("xb")
        if _lock(stream, wait=True) and _is_at(stream, path):
            return path, stream
        # Somebody who cleaned up took it for a leftover, between its making and its locking.
        stream.close()


def _prefix(target: Path) -> str:
    name = target.name.encode()[:_KEPT].decode(errors="ignore")
    return f".{name}."


def _lock(stream: IO[Any], *, wait: bool) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks: then parts are told apart by their random names alone
        return wait
    return True


def _is_at(stream: IO[Any], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


def remove_stale(target: Path) -> None:
    """
    Remove the parts of a target that no living process holds.

    Parameters
    ----------
    target : pathlib.Path
        The file that they were to become.
    """
    FolderListing(target.parent).remove_stale(target)


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
        """Remove the parts of a target in this folder that no living process holds."""
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


def settle(stream: IO[bytes]) -> None:
    """
    Wait until a part is on the disk, so that a power cut after its publication leaves no empty file of its name.

    Parameters
    ----------
    stream : file object
        The part, flushed; what others have written to the same file is waited for as well.
    """
    os.fsync(stream.fileno())


def publish(part: Path, target: Path, overwrite: bool | str) -> Path:
    """
    Give a part its name in one step.

    Parameters
    ----------
    part : pathlib.Path
        The whole part.
    target : pathlib.Path
        The name that it is to have.
    overwrite : bool or "unique"
        Whether a file of that name is replaced, kept, or left beside a numbered new one.

    Returns
    -------
    pathlib.Path
        Where the file is.
    """
    if overwrite is True:
        part.replace(target)
        return target
    candidate, number = target, 1
    while not _rename_new(part, candidate):
        if overwrite != "unique":
            if not target.is_file():
                raise FileExistsError(errno.EEXIST, "something that is no file has that name", str(target))
            return target
        number += 1
        candidate = numbered(target, number)
    return candidate


def numbered(target: Path, number: int) -> Path:
    """
    Return a name with a number before its suffix.

    Parameters
    ----------
    target : pathlib.Path
        The name; the suffix of a compressed file includes the one before, as in ``.csv.gz``.
    number : int
        The number.
    """
    suffixes = target.suffixes
    tail = "".join(suffixes[-2:]) if len(suffixes) > 1 and suffixes[-1] in _COMPRESSED else target.suffix
    stem = target.name[: len(target.name) - len(tail)] if tail else target.name
    return target.with_name(f"{stem}-{number}{tail}")


def _rename_new(part: Path, target: Path) -> bool:
    """Rename without replacing, also in a race: a hard link fails where the name is taken."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: an empty file takes the name, then the part replaces it
        try:
            target.open("xb").close()
        except FileExistsError:
            return False
        try:
            part.replace(target)
        except OSError:
            target.unlink()
            raise
    return True
