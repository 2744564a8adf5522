"""
Read the structure of a CDF file: its variables, the location of their records, and all attributes.

Every record is read once before values are decoded: a file with inconsistent records is refused.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from sunpy_helio_plugins.cdf.records import (  # fmt: skip
    ADR,
    AGREDR,
    AZEDR,
    CDR,
    CVVR,
    GDR,
    RVDR,
    SIZES,
    VVR,
    VXR,
    ZVDR,
    RecordReader,
    check_checksum,
    unpacked,
)
from sunpy_helio_plugins.errors import FileError, disk_error

__all__ = ["AttributeEntry", "Block", "Structure", "VariableLayout", "examine"]

_RESERVED = 20
"""Bytes between the fields and the value of an attribute's entry."""

_GLOBAL = (1, 3)
_DEPTH = 20
_ROW_MAJOR, _SINGLE_FILE, _HAS_MD5 = 1, 2, 4 | 8
_VARIES, _HAS_PAD, _IS_COMPRESSED = 1, 2, 4


class AttributeEntry(NamedTuple):
    """
    The value of an attribute, as stored in the file.

    Attributes
    ----------
    attribute : str
        The attribute's name.
    is_global : bool
        Whether it is an attribute of the file.
    is_z : bool
        Whether the variable is a zVariable.
    number : int
        The variable's number among its kind, or that of the entry.
    type, elements : int
        The CDF data type, and the number of elements of the value.
    content : bytes
        The value.
    """

    attribute: str
    is_global: bool
    is_z: bool
    number: int
    type: int
    elements: int
    content: bytes


class Block(NamedTuple):
    """
    The location of some records of a variable.

    Attributes
    ----------
    first, last : int
        Numbers of the records.
    place, size : int
        Offset and number of their bytes in the file.
    is_compressed : bool
        Whether they are compressed.
    """

    first: int
    last: int
    place: int
    size: int
    is_compressed: bool


class VariableLayout(NamedTuple):
    """
    A variable as the file describes it.

    Attributes
    ----------
    name : str
        Its name.
    is_z : bool
        Whether it is a zVariable.
    number : int
        Its number among its kind.
    type, elements : int
        The CDF data type, and the number of elements of a value; more than one for texts.
    shape : tuple of int
        The dimensions of a record in which the variable varies.
    varies : bool
        Whether it varies with the record.
    records : int
        The number of records, including those that were never written.
    sparse : int
        The value of records that were never written: the pad value, or (2) the previous record.
    pad : bytes
        The pad value; empty for the default of the type.
    compression : int
        The kind of compression, 0 for none.
    blocks : tuple of Block
        The locations of the records.
    """

    name: str
    is_z: bool
    number: int
    type: int
    elements: int
    shape: tuple[int, ...]
    varies: bool
    records: int
    sparse: int
    pad: bytes
    compression: int
    blocks: tuple[Block, ...]

    @property
    def record(self) -> int:
        """Bytes of a record."""
        return SIZES[self.type] * self.elements * prod(self.shape)


@dataclass
class Structure:
    """
    The structure of a file.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    encoding : int
        The encoding of numbers.
    is_row_major : bool
        Whether the last dimension varies fastest.
    variables : list of VariableLayout
        The variables, rVariables first.
    entries : list of AttributeEntry
        The values of all attributes.
    content : bytes
        The decompressed file if it is compressed as a whole; empty if it can be read in place.
    """

    path: Path
    encoding: int = 0
    is_row_major: bool = True
    variables: list[VariableLayout] = field(default_factory=list)
    entries: list[AttributeEntry] = field(default_factory=list)
    content: bytes = field(default=b"", repr=False)


def examine(path: Path) -> Structure:
    """Read the structure of a CDF file; raise `FileError` if it is not a CDF file or is damaged."""
    found = Structure(path)
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            content = unpacked(mapped)
            if content is not mapped:
                found.content = content
            if _follow(RecordReader(content), found) & _HAS_MD5 == _HAS_MD5:
                check_checksum(mapped)
    except FileError as error:
        raise FileError(f"{path}: this cannot be read as a CDF file ({error}).") from None
    except OSError as error:
        raise disk_error(error, path, "read") from error
    except (ValueError, struct.error) as error:
        raise FileError(f"{path}: this cannot be read as a CDF file ({error}).") from error
    return found


def _follow(web: RecordReader, found: Structure) -> int:
    """Read all records, and return the flags of the file."""
    _, _, directory, version, release, found.encoding, flags = web.record(8, CDR)
    if not flags & _SINGLE_FILE:
        raise FileError("its variables are in separate files, which is not supported")
    if (version, release) < (2, 5):
        web.use_oldest_layout()
    found.is_row_major = bool(flags & _ROW_MAJOR)
    _, _, rhead, zhead, ahead, end, rcount, acount, _, rdims, zcount = web.record(directory, GDR)
    if end > len(web.content):
        raise FileError(f"it ends after {len(web.content)} bytes, but {end} are needed")
    shape = web.integers(directory + web.length(GDR) + web.word + 12, rdims)
    for place, fields in web.chain(rhead, RVDR, rcount):
        found.variables.append(_variable(web, place, fields, place + web.length(RVDR) + web.name_length, shape))
    for place, fields in web.chain(zhead, ZVDR, zcount):
        about = place + web.length(ZVDR) + web.name_length
        sizes = web.integers(about + 4, web.integers(about, 1)[0])
        found.variables.append(_variable(web, place, fields, about + 4 + 4 * len(sizes), sizes))
    for place, fields in web.chain(ahead, ADR, acount):
        found.entries.extend(_entries(web, place, fields))
    return flags


def _entries(web: RecordReader, place: int, fields: tuple[int, ...]) -> Iterator[AttributeEntry]:
    """Yield the values of an attribute."""
    _, _, _, first, scope, _, count, _, _, zfirst, zcount, _, _ = fields
    attribute, is_global = web.name(place + web.length(ADR)), scope in _GLOBAL
    for kind, head, number in ((AGREDR, first, count), (AZEDR, zfirst, zcount)):
        for at, (size, _, _, _, type_, variable, elements) in web.chain(head, kind, number):
            length = elements * SIZES.get(type_, -1)
            start = web.length(kind) + _RESERVED
            if length < 0 or start + length > size:
                raise FileError("the value of an attribute is longer than its record")
            content = bytes(web.content[at + start : at + start + length])
            yield AttributeEntry(attribute, is_global, kind == AZEDR, variable, type_, elements, content)


def _variable(
    web: RecordReader, place: int, fields: tuple[int, ...], about: int, sizes: tuple[int, ...]
) -> VariableLayout:
    """Return a variable; ``about`` is the offset of the flags of the dimensions in which it varies."""
    _, kind, _, type_, last, head, _, flags, sparse, _, _, _, elements, number, packed, _ = fields
    if type_ not in SIZES or elements < 1 or last < -1 or any(size < 0 for size in sizes):
        raise FileError(f"the variable at {place} has an unknown data type or a negative size")
    varying = web.integers(about, len(sizes))
    shape = tuple(size for size, varies in zip(sizes, varying, strict=True) if varies)
    after = about + 4 * len(sizes)
    pad = bytes(web.content[after : after + SIZES[type_] * elements]) if flags & _HAS_PAD else b""
    made = VariableLayout(
        web.name(place + web.length(kind)), kind == ZVDR, number, type_, elements, shape, bool(flags & _VARIES),
        last + 1, sparse, pad, web.compression(packed) if flags & _IS_COMPRESSED else 0, (),
    )  # fmt: skip
    if max(made.record, 1) * made.records > web.most:
        raise FileError(f"the variable {made.name} cannot have {made.records} records of {made.record} bytes")
    return made._replace(blocks=tuple(_blocks(web, head, made.record, _DEPTH)) if last >= 0 and head else ())


def _blocks(web: RecordReader, place: int, record: int, depth: int) -> Iterator[Block]:
    """Yield the blocks of an index of records, and of the indices below it."""
    if depth == 0:
        raise FileError(f"the index at {place} is too deep")
    while place:
        web.once(place)
        size, _, following, count, used = web.record(place, VXR)
        start = web.length(VXR)
        if not 0 <= used <= count or start + count * (8 + web.word) > size:
            raise FileError(f"the index at {place} cannot have {count} blocks")
        first = struct.unpack_from(f">{count}i", web.content, place + start)
        last = struct.unpack_from(f">{count}i", web.content, place + start + 4 * count)
        form = "q" if web.word == 8 else "i"
        places = struct.unpack_from(f">{count}{form}", web.content, place + start + 8 * count)
        for one, other, block in zip(first[:used], last[:used], places[:used], strict=True):
            yield from _block(web, block, one, other, record, depth)
        place = following


def _block(web: RecordReader, place: int, first: int, last: int, record: int, depth: int) -> Iterator[Block]:
    """Yield a block of records, and check that it contains as many as its index states."""
    if not 0 <= first <= last:
        raise FileError(f"the block at {place} cannot contain the records {first} to {last}")
    fields: Any = web.record(place, VVR, CVVR, VXR)
    if fields[1] == VXR:
        yield from _blocks(web, place, record, depth - 1)
    elif fields[1] == VVR:
        size = (last - first + 1) * record
        if fields[0] - web.length(VVR) < size:
            raise FileError(f"the block at {place} contains fewer than {last - first + 1} records")
        yield Block(first, last, place + web.length(VVR), size, False)
    else:
        if not 0 < fields[3] <= fields[0] - web.length(CVVR):
            raise FileError(f"the block at {place} cannot have {fields[3]} bytes")
        yield Block(first, last, place + web.length(CVVR), fields[3], True)
