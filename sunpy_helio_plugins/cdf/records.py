"""
Read the records of a CDF file, with checks that each is inside the file.

The records of a CDF file refer to each other by their offset in the file. In a damaged file an offset may be outside of
the file or lead back to a previous record, and a count may be in the billions: a reader that does not check them never
ends, or allocates more memory than available. The layouts are those of the CDF Internal Format Description 3.9,
chapter 2, and for older files those of the descriptions of their time.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from sunpy_helio_plugins.errors import FileError

_inflate: Any = zlib
with contextlib.suppress(ImportError):
    _inflate = importlib.import_module("isal.isal_zlib")  # decompresses in half the time

__all__ = [
    "ADR", "AGREDR", "AZEDR", "CCR", "CDR", "CPR", "CVVR", "GDR", "MAGIC", "RVDR", "SIZES", "VVR", "VXR", "ZVDR",
    "RecordReader", "check_checksum", "check_whole", "expanded", "unpacked",
]  # fmt: skip

MAGIC = {0xCDF30001: 8, 0xCDF26002: 4, 0x0000FFFF: 4}
"""The bytes of an offset in the file, by the first 4 bytes: for version 3, for 2.6 and 2.7, and for earlier ones."""

CDR, GDR, RVDR, ADR, AGREDR, VXR, VVR, ZVDR, AZEDR, CCR, CPR, CVVR = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13
"""Kinds of records: of the file, of a variable (r and z), of an attribute and its entries, of an index, of blocks."""

SIZES = {
    1: 1, 2: 2, 4: 4, 8: 8, 11: 1, 12: 2, 14: 4, 21: 4, 22: 8, 31: 8, 32: 16, 33: 8, 41: 1, 44: 4, 45: 8, 51: 1, 52: 1,
}  # fmt: skip
"""Bytes of one element of each data type."""

_VDR = "oioiiooiiiii" + "iioi"
_FIELDS = {
    CDR: "oioiiii", GDR: "oioooo" + "iiiii", RVDR: _VDR, ZVDR: _VDR, ADR: "oiooiiiii" + "oiii", AGREDR: "oioiiii",
    AZEDR: "oioiiii", VXR: "oioii", VVR: "oi", CVVR: "oiio", CCR: "oiooi", CPR: "oii",
}  # fmt: skip
"""The first fields of a record: its size and kind, then offsets (o) and integers (i)."""

_WASTED = 128
"""Unused bytes in the middle of the variables' records before version 2.5."""

_NAMES = {8: 256, 4: 64}
_MOST_DIMENSIONS = 20
_GROWTH, _ALWAYS = 1100, 2**26
"""The limit of the data's size, relative to the file (the maximum for deflate), and a size that is always allowed."""

_PLAIN, _COMPRESSED = 0x0000FFFF, 0xCCCC0001
_RLE, _GZIP = 1, 5


class RecordReader:
    """Reads the records of one file, whose content is a buffer."""

    def __init__(self, content: Any) -> None:
        self.content = content
        self.word = MAGIC[struct.unpack(">I", content[:4])[0]]
        self._layouts = {kind: self._struct(fields) for kind, fields in _FIELDS.items()}
        self._begin = self._struct("oi")
        self._seen: set[int] = set()
        self.lost: list[tuple[int, int]] | None = None
        """The records that cannot be read, if the rest is wanted; see `sunpy_helio_plugins.cdf.salvage`."""
        self.most = max(_GROWTH * len(content), _ALWAYS)

    def _struct(self, fields: str) -> struct.Struct:
        return struct.Struct(">" + fields.replace("o", "q" if self.word == 8 else "i"))

    def use_oldest_layout(self) -> None:
        """Use the layout of the variables' records before version 2.5."""
        self._layouts[RVDR] = self._layouts[ZVDR] = self._struct(f"{_VDR[:12]}{_WASTED}x{_VDR[12:]}")

    def length(self, kind: int) -> int:
        """Return the size of a record's fields."""
        return self._layouts[kind].size

    def record(self, place: int, *kinds: int) -> tuple[int, ...]:
        """Return the fields of the record at an offset, which must be of a given kind and inside the file."""
        if not 8 <= place <= len(self.content) - self._begin.size:
            raise FileError(f"the offset {place} of a record is outside the file")
        size, kind = self._begin.unpack_from(self.content, place)
        if kind not in kinds:
            raise FileError(f"the record at {place} is of kind {kind}, not {kinds[0]}")
        # The complete records of a block that the end of the file cuts can be recovered.
        needed = self.length(kind) if kind == VVR and self.lost is not None else size
        if size < self.length(kind) or place + needed > len(self.content):
            raise FileError(f"the record at {place} has an impossible size of {size} bytes")
        return self._layouts[kind].unpack_from(self.content, place)

    def once(self, place: int) -> None:
        """Raise an error if an offset was read before."""
        if place in self._seen:
            raise FileError(f"the record at {place} is referred to twice")
        self._seen.add(place)

    def chain(self, place: int, kind: int, count: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Yield the records of a linked list, each once; the count must be right."""
        for number in range(count):
            self.once(place)
            fields = self.record(place, kind)
            yield place, fields
            place = fields[2]
            if place == 0 and number + 1 < count:
                raise FileError(f"only {number + 1} of {count} records of kind {kind} are present")

    def integers(self, place: int, count: int) -> tuple[int, ...]:
        """Return a number of integers at an offset."""
        if not 0 <= count <= _MOST_DIMENSIONS:
            raise FileError(f"the number of dimensions, {count}, is not between 0 and {_MOST_DIMENSIONS}")
        return struct.unpack_from(f">{count}i", self.content, place)

    def name(self, place: int) -> str:
        """Return the name at an offset."""
        raw = bytes(self.content[place : place + self.name_length]).partition(b"\0")[0]
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("latin-1")

    @property
    def name_length(self) -> int:
        """The bytes of a name."""
        return _NAMES[self.word]

    def compression(self, place: int) -> int:
        """Return the kind of compression in a record: 1 for runs of zeros, 5 for gzip, others."""
        return self.record(place, CPR)[2]


def unpacked(content: Any, *, is_whole: bool = True) -> Any:
    """
    Return the content of a file, decompressed if it is compressed as a whole; raise `FileError` if it is not CDF.

    Without ``is_whole``, a compressed file may be truncated: the beginning of its content is returned.
    """
    if len(content) < 8:
        raise FileError(f"it has only {len(content)} bytes")
    magic, kind = struct.unpack(">II", content[:8])
    if magic not in MAGIC or kind not in (_PLAIN, _COMPRESSED):
        raise FileError(f"it begins with {content[:16]!r}")
    if kind == _PLAIN:
        return content
    web = RecordReader(content)
    head = content[:4] + struct.pack(">I", _PLAIN)
    begin = 8 + web.length(CCR)
    if not is_whole and len(content) > begin:
        return head + _beginning(bytes(content[begin:]), web.most)
    size, _, about, grown, _ = web.record(8, CCR)
    if not 0 < grown <= web.most:
        raise FileError(f"the size of its content, {grown} bytes, is not possible")
    return head + expanded(bytes(content[begin : 8 + size]), web.compression(about), grown)


def _beginning(packed: bytes, most: int) -> bytes:
    """Decompress the content of a file that may be truncated."""
    if not packed.startswith(b"\x1f\x8b"):
        return _repeated(packed)
    try:
        return zlib.decompressobj(31).decompress(packed, most)
    except zlib.error as error:
        raise FileError(f"it is compressed as a whole, and is damaged ({error})") from None


def _repeated(packed: bytes) -> bytes:
    """Decompress runs of zeros: the byte after a zero is the number of further zeros."""
    return re.sub(rb"\0(.)", lambda run: bytes(run[1][0] + 1), packed, flags=re.DOTALL)


def expanded(packed: bytes, kind: int, size: int) -> bytes:
    """Decompress ``size`` bytes; raise `FileError` for another size, a wrong checksum or an unsupported compression."""
    if kind == _GZIP:
        content = _gunzipped(packed, size)
    elif kind == _RLE:
        content = _repeated(packed)
    else:
        raise FileError(f"CDF compression {kind} is not supported; gzip is")
    if len(content) != size:
        raise FileError(f"a compressed block has {len(content)} bytes instead of {size}")
    return content


def _gunzipped(packed: bytes, size: int) -> bytes:
    """Decompress a stream of gzip to its end, where its checksum is: it is reached one byte after the data only."""
    stream = _inflate.decompressobj(31)
    try:
        content: bytes = stream.decompress(packed, size + 1)
    except (zlib.error, _inflate.error) as error:
        raise FileError(f"a compressed block is damaged ({error})") from None
    if len(content) <= size and not stream.eof:
        raise FileError("a compressed block is truncated")
    return content


_CHECKSUM = 16
"""Bytes of the MD5 digest that may follow the last record (CDF Internal Format Description 3.9, section 2.1)."""

_AT_ONCE = 1 << 20


def check_whole(content: Any, *, blocks: bool) -> None:
    """
    Raise `FileError` unless the records of a file fill it to its end.

    Records follow each other without gaps, so that a file that is truncated, or to which bytes are appended, is found
    without its tables. ``blocks`` also checks each compressed block to its end.
    """
    if len(content) < 8 or struct.unpack(">I", content[:4])[0] not in MAGIC:
        raise FileError(f"it begins with {bytes(content[:16])!r}")
    web, place = RecordReader(content), 8
    begin = struct.Struct(">qi" if web.word == 8 else ">ii")
    while len(content) - place >= begin.size:
        size, kind = begin.unpack_from(content, place)
        if size < begin.size or place + size > len(content):
            break
        if blocks and kind in (CCR, CVVR):
            _check_block(bytes(content[place + web.length(kind) : place + size]))
        place += size
    left = len(content) - place
    if left == _CHECKSUM:
        check_checksum(content)
    elif left:
        state = f"the file ends after {len(content)} bytes, and its complete records after {place}"
        raise FileError(f"{state}: it is truncated, or something was appended")


def _check_block(packed: bytes) -> None:
    """Decompress a block of gzip to its end, without keeping what it contains."""
    if not packed.startswith(b"\x1f\x8b"):
        return
    stream = zlib.decompressobj(31)
    try:
        while packed and not stream.eof:
            stream.decompress(packed, _AT_ONCE)
            packed = stream.unconsumed_tail
    except zlib.error as error:
        raise FileError(f"a compressed block is damaged ({error})") from None
    if not stream.eof:
        raise FileError("a compressed block is truncated")


def check_checksum(content: Any) -> None:
    """Raise `FileError` if the digest at the end of a file is not that of the bytes before it."""
    with memoryview(content) as whole, whole[:-_CHECKSUM] as records:
        found = hashlib.md5(records, usedforsecurity=False).digest()
    if found != bytes(content[-_CHECKSUM:]):
        raise FileError("its checksum is wrong: it is damaged")
