"""
Whether the records of a CDF file hang together, found out before anybody follows them.

A CDF file is a web of records that name each other by their place in the file. In a damaged file a place may lie
outside the file or lead back to where one came from, and a count may be in the billions: a reader that trusts them runs
for ever or asks for more memory than there is. `check` follows every record once, within bounds. The records are those
of the CDF Internal Format Description 3.9, chapter 2.
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from sunpy_helio_plugins.errors import FileError

__all__ = ["Entry", "check"]

_MAGIC = {0xCDF30001: 8, 0xCDF26002: 4, 0x0000FFFF: 4}
"""The size of a place in the file, by the first word: that of version 3, of 2.6 and 2.7, and of earlier ones."""

_PLAIN, _COMPRESSED = 0x0000FFFF, 0xCCCC0001
_CDR, _GDR, _RVDR, _ADR, _AGREDR, _VXR, _VVR, _ZVDR, _AZEDR, _CCR, _CPR, _CVVR = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13
_GZIP = 5

_FIELDS = {
    _CDR: "oioiii", _GDR: "oioooo" + "iiiii", _RVDR: "oioiiooiiiiiiioi", _ZVDR: "oioiiooiiiiiiioi",
    _ADR: "oiooiiiii" + "oiii", _AGREDR: "oioiiii", _AZEDR: "oioiiii", _VXR: "oioii", _VVR: "oi", _CVVR: "oiio",
    _CCR: "oiooi", _CPR: "oii",
}  # fmt: skip
"""What a record begins with: its size and kind, then places (o) and integers (i)."""

_SIZES = {
    1: 1, 2: 2, 4: 4, 8: 8, 11: 1, 12: 2, 14: 4, 21: 4, 22: 8, 31: 8, 32: 16, 33: 8, 41: 1, 44: 4, 45: 8, 51: 1, 52: 1,
}  # fmt: skip
"""Bytes of one element of each data type."""

_NAMES = {8: 256, 4: 64}
_RESERVED = 20
"""Bytes between the fields and the value of an attribute's entry."""

_GLOBAL = (1, 3)
_DEPTH = 20
_MOST_DIMENSIONS = 20
_GROWTH, _ALWAYS = 1100, 2**26
"""How much larger than the file its data may be: deflate cannot do more; and how large they may be in any case."""


class Entry(NamedTuple):
    """
    The value of an attribute of a variable, as it stands in the file.

    Attributes
    ----------
    attribute : str
        The attribute's name.
    is_z : bool
        Whether the variable is a zVariable.
    variable : int
        The variable's number among its kind.
    type, elements : int
        The CDF data type, and how many elements the value has.
    encoding : int
        How the file writes numbers.
    content : bytes
        The value.
    """

    attribute: str
    is_z: bool
    variable: int
    type: int
    elements: int
    encoding: int
    content: bytes


def check(path: Path) -> list[Entry]:
    """
    Refuse a CDF file whose records do not hang together.

    Parameters
    ----------
    path : pathlib.Path
        The file, which may be compressed as a whole.

    Returns
    -------
    list of Entry
        The attributes of its variables: they have been seen on the way, whereas cdflib goes through all of them again
        for each variable, which takes seconds where there are hundreds.

    Raises
    ------
    FileError
        It is no CDF file, or a damaged one.
    """
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            web = _Web(_unpacked(content))
            web.follow()
            return web.found
    except FileError as error:
        raise FileError(f"{path}: this cannot be read as a CDF file ({error}).") from None
    except (OSError, ValueError, struct.error, zlib.error) as error:
        raise FileError(f"{path}: this cannot be read as a CDF file ({error}).") from error


def _unpacked(content: Any) -> Any:
    """Return the content, without the compression of the whole."""
    if len(content) < 8:
        raise FileError("it ends before it has begun")
    magic, kind = struct.unpack(">II", content[:8])
    if magic not in _MAGIC:
        raise FileError(f"it begins with {content[:16]!r}")
    if kind != _COMPRESSED:
        return content
    web = _Web(content)
    place = 8
    size, _, about, grown, _ = web.record(place, (_CCR,))
    kind = web.record(about, (_CPR,))[2]
    if kind != _GZIP:
        raise FileError("it is compressed as a whole in another way than gzip")
    if not 0 < grown <= max(_GROWTH * len(content), _ALWAYS):
        raise FileError(f"it claims {grown} bytes of content")
    packed = content[place + web.length(_CCR) : place + size]
    return content[:4] + struct.pack(">I", _PLAIN) + zlib.decompressobj(31).decompress(packed, grown)


class _Web:
    """The records of one file."""

    def __init__(self, content: Any) -> None:
        self.content = content
        self.word = _MAGIC[struct.unpack(">I", content[:4])[0]]
        places = {"o": "q" if self.word == 8 else "i", "i": "i"}
        self.layouts = {
            kind: struct.Struct(">" + "".join(places[field] for field in fields)) for kind, fields in _FIELDS.items()
        }
        self.begin = struct.Struct(">" + places["o"] + "i")
        self.seen: set[int] = set()
        self.most = max(_GROWTH * len(content), _ALWAYS)
        self.found: list[Entry] = []

    def length(self, kind: int) -> int:
        return self.layouts[kind].size

    def record(self, place: int, kinds: tuple[int, ...]) -> tuple[int, ...]:
        """Return the fields of the record at a place, which must be of one of some kinds and inside the file."""
        if not 8 <= place <= len(self.content) - self.begin.size:
            raise FileError(f"a record is said to be at {place}, outside the file")
        size, kind = self.begin.unpack_from(self.content, place)
        if kind not in kinds:
            raise FileError(f"the record at {place} is of kind {kind}, not {kinds[0]}")
        if size < self.length(kind) or place + size > len(self.content):
            raise FileError(f"the record at {place} claims {size} bytes")
        return self.layouts[kind].unpack_from(self.content, place)

    def chain(self, place: int, kinds: tuple[int, ...], count: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Go along records that name the next one, each once; the count must be right."""
        for number in range(count):
            if place in self.seen:
                raise FileError(f"the record at {place} is named twice")
            self.seen.add(place)
            fields = self.record(place, kinds)
            yield place, fields
            place = fields[2]
            if place == 0 and number + 1 < count:
                raise FileError(f"of {count} records of kind {kinds[0]} there are {number + 1}")

    def follow(self) -> None:
        """Follow all records."""
        _, _, directory, _, _, encoding = self.record(8, (_CDR,))
        _, _, rhead, zhead, ahead, end, rcount, acount, _, rdims, zcount = self.record(directory, (_GDR,))
        if end > len(self.content):
            raise FileError(f"it ends after {len(self.content)} bytes, {end} are needed")
        shape = self.integers(directory + self.length(_GDR) + self.word + 12, rdims)
        for place, fields in self.chain(rhead, (_RVDR,), rcount):
            self.variable(place, fields, shape)
        for place, fields in self.chain(zhead, (_ZVDR,), zcount):
            about = place + self.length(_ZVDR) + _NAMES[self.word]
            self.variable(place, fields, self.integers(about + 4, self.integers(about, 1)[0]))
        for place, fields in self.chain(ahead, (_ADR,), acount):
            _, _, _, first, scope, _, count, _, _, zfirst, zentries, _, _ = fields
            name = self.name(place + self.length(_ADR))
            for kind, head, number in ((_AGREDR, first, count), (_AZEDR, zfirst, zentries)):
                entries = [
                    Entry(name, kind == _AZEDR, variable, type_, elements, encoding, content)
                    for variable, type_, elements, content in self.entries(head, kind, number)
                ]
                self.found += entries if scope not in _GLOBAL else []

    def integers(self, place: int, count: int) -> tuple[int, ...]:
        if not 0 <= count <= _MOST_DIMENSIONS:
            raise FileError(f"there are said to be {count} dimensions")
        return struct.unpack_from(f">{count}i", self.content, place)

    def name(self, place: int) -> str:
        text = bytes(self.content[place : place + _NAMES[self.word]])
        return text.partition(b"\0")[0].decode("utf-8", "replace")

    def entries(self, place: int, kind: int, count: int) -> Iterator[tuple[int, int, int, bytes]]:
        """Follow the values of an attribute."""
        for at, (size, _, _, _, type_, variable, elements) in self.chain(place, (kind,), count):
            length = elements * _SIZES.get(type_, -1)
            start = self.length(kind) + _RESERVED
            if length < 0 or start + length > size:
                raise FileError("the value of an attribute is longer than its record")
            yield variable, type_, elements, bytes(self.content[at + start : at + start + length])

    def variable(self, place: int, fields: tuple[int, ...], shape: tuple[int, ...]) -> None:
        """Follow what a variable consists of."""
        type_, last, head, elements = fields[3], fields[4], fields[5], fields[12]
        if type_ not in _SIZES or elements < 1 or last < -1 or any(size < 0 for size in shape):
            raise FileError(f"the variable at {place} is of no kind, or has a size that is none")
        record = _SIZES[type_] * elements * prod(shape)
        if record * (last + 1) > self.most:
            raise FileError(f"the variable at {place} claims {record * (last + 1)} bytes")
        if last >= 0 and head:
            self.index(head, record, _DEPTH)

    def index(self, place: int, record: int, depth: int) -> None:
        """Follow an index of blocks of records, and the indices below it."""
        while place:
            if place in self.seen or depth == 0:
                raise FileError(f"the index at {place} is named twice")
            self.seen.add(place)
            size, _, following, count, used = self.record(place, (_VXR,))
            start = self.length(_VXR)
            if not 0 <= used <= count or start + count * (8 + self.word) > size:
                raise FileError(f"the index at {place} claims {count} blocks")
            first = struct.unpack_from(f">{count}i", self.content, place + start)
            last = struct.unpack_from(f">{count}i", self.content, place + start + 4 * count)
            form = "q" if self.word == 8 else "i"
            blocks = struct.unpack_from(f">{count}{form}", self.content, place + start + 8 * count)
            for one, other, block in zip(first[:used], last[:used], blocks[:used], strict=True):
                self.block(block, other - one + 1, record, depth)
            place = following

    def block(self, place: int, count: int, record: int, depth: int) -> None:
        """Look at a block of records: whether it holds as many as its index says."""
        if count < 1:
            raise FileError(f"the block at {place} claims {count} records")
        fields = self.record(place, (_VVR, _CVVR, _VXR))
        if fields[1] == _VXR:
            self.index(place, record, depth - 1)
        elif fields[1] == _VVR and fields[0] - self.length(_VVR) < count * record:
            raise FileError(f"the block at {place} holds less than {count} records")
        elif fields[1] == _CVVR and not 0 < fields[3] <= fields[0]:
            raise FileError(f"the block at {place} claims {fields[3]} bytes")
