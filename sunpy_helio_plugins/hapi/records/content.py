"""The bytes of a response or a file; those of a file are read in parts."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import BoundedSemaphore
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError, local

__all__ = ["Bytes", "Content", "FileContent", "end_last_line", "kept", "line_ends", "replace_bytes", "spooled"]

_STEP = 1 << 22

_COPIED = 1 << 20

_LARGE = 1 << 20
"""The largest number of bytes that are kept in memory instead of a temporary file."""

Bytes = NDArray[np.uint8]

_QUOTE, _RETURN, _LINE = b'"\r\n'

_QUOTED = re.compile(rb'(?<![^,\r\n])"(?:[^"]|"")*+(?:"|\Z)')
"""A quoted field: quotes are special only at its beginning (RFC 4180). A field cut by the block extends to its end."""


class FileContent:
    """
    The bytes of a file, of which slices are read when they are needed.

    Parameters
    ----------
    name : str
        The file, for messages.
    source : callable or binary file
        A function that opens the file, again after each `release`; or a temporary file, which stays open.
    """

    def __init__(self, name: str, source: Callable[[], IO[bytes]] | IO[bytes]) -> None:
        self._name, self._size = name, -1
        self._begin = source if callable(source) else None
        self._stream: IO[bytes] | None = None if callable(source) else source
        self._measure()

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        with local(self._name, "read"):
            stream = self._opened()
            stream.seek(start)
            found = stream.read(max(0, stop - start))
        if len(found) < stop - start:
            raise FileError(f"{self._name} was cut while it was read.")
        return found

    def _opened(self) -> IO[bytes]:
        if self._stream is None and self._begin is not None:
            self._stream = self._begin()
            self._measure()
        assert self._stream is not None  # noqa: S101 - for the type checker: a temporary file is always open
        return self._stream

    def _measure(self) -> None:
        stream = self._opened()
        # Closes the file also if it is part of a cycle, such as that of an exception and its traceback.
        weakref.finalize(self, stream.close)
        stream.seek(0, os.SEEK_END)
        if self._size not in (-1, stream.tell()):
            raise FileError(f"{self._name} was changed while it was read.")
        self._size = stream.tell()

    def release(self) -> None:
        """Close the file until it is read again, so that any number of files can be read as one table."""
        if self._stream is not None and self._begin is not None:
            self._stream.close()
            self._stream = None

    def count(self, text: bytes, start: int = 0, end: int | None = None) -> int:
        """Count a single byte, as `bytes.count` does."""
        stop = self._size if end is None else min(end, self._size)
        return sum(self[place : min(place + _STEP, stop)].count(text) for place in range(start, stop, _STEP))

    def find(self, text: bytes, start: int = 0) -> int:
        """Find a single byte, as `bytes.find` does."""
        for place in range(start, self._size, _STEP):
            found = self[place : place + _STEP].find(text)
            if found >= 0:
                return place + found
        return -1

    def endswith(self, text: bytes) -> bool:
        """Return whether the file ends with some bytes."""
        return self[max(0, self._size - len(text)) :] == text


Content = bytes | FileContent


def spooled(parts: Iterable[bytes]) -> IO[bytes]:
    """Write bytes to a temporary file if they are many, and return the stream."""
    stream: Any = tempfile.SpooledTemporaryFile(max_size=_LARGE)  # noqa: SIM115 - the caller closes it
    try:
        for part in parts:
            with local(tempfile.gettempdir()):
                stream.write(part)
    except BaseException:
        stream.close()
        raise
    return stream


_free_files = BoundedSemaphore(200)
"""The largest number of temporary files of responses: a process can open about a thousand files and sockets."""


def kept(content: Content) -> Content:
    """Return the bytes of a response; those of a large one are moved to a temporary file, if there can be one."""
    if not isinstance(content, bytes) or len(content) <= _LARGE or not _free_files.acquire(blocking=False):
        return content
    found = _moved(content)
    if found is None:
        _free_files.release()
        return content
    weakref.finalize(found, _free_files.release)
    return found


def _moved(content: bytes) -> FileContent | None:
    """Write bytes to a temporary file; return `None` if the disk is full, or does not accept files."""
    try:
        stream = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the content
    except OSError:
        return None
    try:
        stream.write(content)
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError):  # what could not be written
            stream.close()
        return None
    return FileContent("the response", stream)


def line_ends(block: Bytes, is_last: bool) -> NDArray[np.int64]:
    """Return where records end: after line ends outside of quotes, and at the end of the last block."""
    after = np.append(block[1:], _LINE if is_last else _RETURN)
    lines = np.flatnonzero((block == _LINE) | ((block == _RETURN) & (after != _LINE)))
    if not is_last and len(lines) and lines[-1] == len(block) - 1 and block[-1] == _RETURN:
        lines = lines[:-1]
    if (block == _QUOTE).any():
        quoted = np.array([found.span() for found in _QUOTED.finditer(block.data)], dtype=np.int64).reshape(-1, 2)
        before = np.searchsorted(quoted[:, 0], lines) - 1
        lines = lines[(before < 0) | (lines >= quoted[before, 1])] if len(quoted) else lines
    ends = lines + 1
    if is_last and (not len(ends) or ends[-1] < len(block)):
        ends = np.append(ends, len(block))
    return ends


def end_last_line(part: Path) -> None:
    """Write the line end that some servers leave out: without it nobody could tell later that the file is whole."""
    with part.open("r+b") as stream:
        stream.seek(-1, os.SEEK_END)
        if stream.read(1) != b"\n":
            stream.seek(0, os.SEEK_END)
            stream.write(b"\n")


def replace_bytes(part: Path, start: int, end: int, text: bytes) -> None:
    """Put a text in the place of some bytes of a file. The file stays the same one: it may be locked."""
    shift = len(text) - (end - start)
    size = part.stat().st_size
    blocks = range(end, size, _COPIED)
    with part.open("r+b") as stream:
        for block in reversed(blocks) if shift > 0 else blocks:
            stream.seek(block)
            moved = stream.read(min(_COPIED, size - block))
            stream.seek(block + shift)
            stream.write(moved)
        stream.seek(start)
        stream.write(text)
        stream.truncate(size + shift)
