"""Checks of compressed streams and files: each is read to its end mark, and its checksums are compared."""

from __future__ import annotations

import bz2
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from mmap import mmap
from pathlib import Path
from typing import IO, Any

from sunpy_helio_plugins.errors import FileError

__all__ = [
    "CompressedStreams",
    "DamagedStreamError",
    "check_compressed",
    "decompressed",
    "decompressed_parts",
    "is_compressed",
    "is_doubled",
    "is_whole_png",
    "zlib_stream",
]

_LARGEST_PART = 1_048_576

_MOST_MEMORY = 1 << 28
"""Four times as much as the strongest preset of xz needs; the header of a stream could require 4 GB."""

_ZIP = b"PK\3\4"


class DamagedStreamError(FileError):
    """A compressed stream that is truncated or damaged."""


class _ZlibStream:
    """A stream of zlib with the methods of those of bzip2 and xz."""

    def __init__(self, bits: int) -> None:
        self._stream = zlib.decompressobj(bits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def unused_data(self) -> bytes:
        return self._stream.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        part = self._stream.decompress(self._stream.unconsumed_tail + data, most)
        self.needs_input = len(part) < most
        return part


def zlib_stream(bits: int) -> Callable[[], _ZlibStream]:
    """Return a function that begins a stream of zlib: 31 bits for gzip, 15 for zlib, -15 without header."""
    return lambda: _ZlibStream(bits)


_KINDS: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": zlib_stream(31), b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": partial(lzma.LZMADecompressor, memlimit=_MOST_MEMORY),
}  # fmt: skip
"""The first bytes of each kind of compressed file, and the function that begins a stream."""


class CompressedStreams:
    """
    Compressed streams that follow each other.

    Python's readers of files take a damaged further stream for appended bytes; here only zero bytes may be appended.

    Parameters
    ----------
    begin : callable
        Returns a new stream.
    start : bytes, optional
        The first bytes of a further stream; without them there is only one.
    """

    def __init__(self, begin: Callable[[], Any], start: bytes = b"") -> None:
        self._begin, self._start = begin, start
        self._stream = begin()
        self._is_empty = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decompressed parts of some bytes; raise `DamagedStreamError` if they are damaged."""
        self._is_empty &= not data
        while True:
            if self._stream.eof:
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._begin_next(data)
            try:
                part = self._stream.decompress(data, _LARGEST_PART)
            except (zlib.error, OSError, ValueError, lzma.LZMAError) as error:
                raise DamagedStreamError(f"the compressed stream is damaged ({error})") from error
            if part:
                yield part
            if not self._stream.eof and self._stream.needs_input:
                return
            data = self._stream.unused_data if self._stream.eof else b""

    def _begin_next(self, data: bytes) -> None:
        count = min(len(data), len(self._start))
        if not count or data[:count] != self._start[:count]:
            raise DamagedStreamError(f"the bytes {data[:8]!r} follow the end of the compressed stream")
        self._stream = self._begin()

    def check_end(self) -> None:
        """Raise `DamagedStreamError` unless the stream is complete or empty."""
        if not (self._is_empty or self._stream.eof):
            raise DamagedStreamError("the compressed stream is truncated")


def is_compressed(head: bytes) -> bool:
    """Return whether the first bytes of a file are those of gzip, bzip2 or xz."""
    return head.startswith(tuple(_KINDS))


def decompressed(content: bytes, most: int) -> bytes:
    """Decompress gzip, bzip2 or xz; raise `FileError` if it is damaged, or larger than ``most`` bytes."""
    return b"".join(decompressed_parts((content,), most))


def decompressed_parts(parts: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Decompress gzip, bzip2 or xz part by part, as `decompressed` does; the first part contains the first bytes."""
    reader, size = None, 0
    for given in parts:
        reader = _of_file(given) if reader is None else reader
        for part in reader.feed(given):
            yield part
            size += len(part)
            if size > most:
                raise FileError(f"it is larger than {most} bytes when it is decompressed")
    if reader is not None:
        reader.check_end()


def check_compressed(path: Path) -> None:
    """Raise `FileError` for a compressed file that is truncated or damaged; accept files that are not compressed."""
    with path.open("rb") as stream:
        part = stream.read(_LARGEST_PART)
        if part.startswith(_ZIP):
            _check_zip(stream)
        elif is_compressed(part):
            reader = _of_file(part)
            while part:
                for _ in reader.feed(part):
                    pass
                part = stream.read(_LARGEST_PART)
            reader.check_end()


def _of_file(head: bytes) -> CompressedStreams:
    start = next(start for start in _KINDS if head.startswith(start))
    return CompressedStreams(_KINDS[start], start)


def _check_zip(stream: IO[bytes]) -> None:
    try:
        with zipfile.ZipFile(stream) as archive:
            if any(one.flag_bits & 1 for one in archive.infolist()):
                return  # encrypted files cannot be checked
            bad: Any = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, RuntimeError) as error:
        bad = error
    if bad is not None:
        raise DamagedStreamError(f"the zip archive is damaged ({bad})")


_SHORTEST = 64
"""Bytes of a file that may consist of two equal halves by chance."""


def is_doubled(content: bytes | mmap) -> bool:
    """Return whether a file consists of the same content twice; a file of one value does not."""
    middle, odd = divmod(len(content), 2)
    if odd or middle < _SHORTEST or content[:_SHORTEST] != content[middle : middle + _SHORTEST]:
        return False
    return content[:middle] == content[middle:] and len(set(content[:_SHORTEST])) > 1


def is_whole_png(content: bytes | mmap) -> bool:
    """Return whether the chunks of a PNG image have the right checksums, and the last one ends the file."""
    place, size, kind = 8, len(content), b""
    while place + 12 <= size and kind != b"IEND":
        length = int.from_bytes(content[place : place + 4], "big")
        kind = content[place + 4 : place + 8]
        end = place + 8 + length
        if zlib.crc32(content[place + 4 : end]) != int.from_bytes(content[end : end + 4], "big"):
            return False
        place = end + 4
    return kind == b"IEND" and place == size
