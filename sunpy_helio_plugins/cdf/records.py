"""
The records of which a CDF file consists, each looked at within its bounds.

A CDF file is a web of records that name each other by their place in the file. In a damaged file a place may lie
outside the file or lead back to where one came from, and a count may be in the billions: a reader that trusts them runs
for ever or asks for more memory than there is. The layouts are those of the CDF Internal Format Description 3.9,
chapter 2, and for older files those of the descriptions of their time.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from sunpy_helio_plugins.errors import FileError

__all__ = [
    "ADR", "AGREDR", "AZEDR", "CCR", "CDR", "CPR", "CVVR", "GDR", "MAGIC", "RVDR", "SIZES", "VVR", "VXR", "ZVDR",
    "RecordReader", "expanded", "unpacked",
]  # fmt: skip

MAGIC = {0xCDF30001: 8, 0xCDF26002: 4, 0x0000FFFF: 4}
"""The size of a place in the file, by the first word: that of version 3, of 2.6 and 2.7, and of earlier ones."""

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
"""What a record begins with: its size and kind, then places (o) and integers (i)."""

_WASTED = 128
"""Bytes in the middle of the variables' records before version 2.5, which mean nothing."""

_NAMES = {8: 256, 4: 64}
_MOST_DIMENSIONS = 20
_GROWTH, _ALWAYS = 1100, 2**26
"""How much larger than the file its data may be: deflate cannot do more; and how large they may be in any case."""

_PLAIN, _COMPRESSED = 0x0000FFFF, 0xCCCC0001
_RLE, _GZIP = 1, 5


class RecordReader:
    """
    The records of one file.

    Parameters
    ----------
    content : buffer
        The file.
    """

    def __init__(self, content: Any) -> None:
        self.content = content
        self.word = MAGIC[struct.unpack(">I", content[:4])[0]]
        self._layouts = {kind: self._struct(fields) for kind, fields in _FIELDS.items()}
        self._begin = self._struct("oi")
        self._seen: set[int] = set()
        self.most = max(_GROWTH * len(content), _ALWAYS)

    def _struct(self, fields: str) -> struct.Struct:
        return struct.Struct(">" + fields.replace("o", "q" if self.word == 8 else "i"))

    def use_oldest_layout(self) -> None:
        """Take the variables' records for those of a file before version 2.5."""
        self._layouts[RVDR] = self._layouts[ZVDR] = self._struct(f"{_VDR[:12]}{_WASTED}x{_VDR[12:]}")

    def length(self, kind: int) -> int:
        """Return the size of a record's fields."""
        return self._layouts[kind].size

    def record(self, place: int, *kinds: int) -> tuple[int, ...]:
        """Return the fields of the record at a place, which must be of one of some kinds and inside the file."""
        if not 8 <= place <= len(self.content) - self._begin.size:
            raise FileError(f"a record is said to be at {place}, outside the file")
        size, kind = self._begin.unpack_from(self.content, place)
        if kind not in kinds:
            raise FileError(f"the record at {place} is of kind {kind}, not {kinds[0]}")
        if size < self.length(kind) or place + size > len(self.content):
            raise FileError(f"the record at {place} claims {size} bytes")
        return self._layouts[kind].unpack_from(self.content, place)

    def once(self, place: int) -> None:
        """Refuse a place where one has been already."""
        if place in self._seen:
            raise FileError(f"the record at {place} is named twice")
        self._seen.add(place)

    def chain(self, place: int, kind: int, count: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Go along records that name the next one, each once; the count must be right."""
        for number in range(count):
            self.once(place)
            fields = self.record(place, kind)
            yield place, fields
            place = fields[2]
            if place == 0 and number + 1 < count:
                raise FileError(f"of {count} records of kind {kind} there are {number + 1}")

    def integers(self, place: int, count: int) -> tuple[int, ...]:
        """Return some integers."""
        if not 0 <= count <= _MOST_DIMENSIONS:
            raise FileError(f"there are said to be {count} dimensions")
        return struct.unpack_from(f">{count}i", self.content, place)

    def name(self, place: int) -> str:
        """Return the name at a place."""
        raw = bytes(self.content[place : place + self.name_length]).partition(b"\0")[0]
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode("latin-1")

    @property
    def name_length(self) -> int:
        """Bytes that a name takes."""
        return _NAMES[self.word]

    def compression(self, place: int) -> int:
        """Return the kind of compression that a record tells: 1 for runs of zeros, 5 for gzip, others."""
        return self.record(place, CPR)[2]


def unpacked(content: Any) -> Any:
    """
    Return the content of a file without the compression of the whole.

    Parameters
    ----------
    content : buffer
        The file.

    Raises
    ------
    FileError
        It is no CDF file, or compressed in a way that is not read.
    """
    if len(content) < 8:
        raise FileError("it ends before it has begun")
    magic, kind = struct.unpack(">II", content[:8])
    if magic not in MAGIC or kind not in (_PLAIN, _COMPRESSED):
        raise FileError(f"it begins with {content[:16]!r}")
    if kind == _PLAIN:
        return content
    web = RecordReader(content)
    size, _, about, grown, _ = web.record(8, CCR)
    if not 0 < grown <= web.most:
        raise FileError(f"it claims {grown} bytes of content")
    packed = bytes(content[8 + web.length(CCR) : 8 + size])
    return content[:4] + struct.pack(">I", _PLAIN) + expanded(packed, web.compression(about), grown)


def expanded(packed: bytes, kind: int, size: int) -> bytes:
    """
    Return what was compressed.

    Parameters
    ----------
    packed : bytes
        The compressed bytes.
    kind : int
        The CDF compression.
    size : int
        How many bytes are wanted; what comes after them is not made.

    Raises
    ------
    FileError
        The kind is not read, or the bytes are damaged.
    """
    if kind == _GZIP:
        try:
            return zlib.decompressobj(31).decompress(packed, size)
        except zlib.error as error:
            raise FileError(f"a compressed block is damaged ({error})") from None
    if kind == _RLE:  # a zero stands for as many as the byte after it says, and one more
        return re.sub(rb"\0(.)", lambda run: bytes(run[1][0] + 1), packed, flags=re.DOTALL)[:size]
    raise FileError(f"it is compressed in a way (CDF compression {kind}) that is not read here; gzip is")
