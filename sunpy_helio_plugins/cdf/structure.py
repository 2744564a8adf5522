"""
Read the structure of a CDF file: its variables, the location of their records, and all attributes.

Every record is read once before values are decoded: a file with inconsistent records is refused.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
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

__all__ = [
    "HAS_MD5", "AttributeEntry", "Block", "Directory", "Structure", "VariableLayout", "blocks_of", "directory_of",
    "entry_of", "examine", "is_global_scope", "mapped", "overlaps", "spare_bytes", "variable_of",
]  # fmt: skip

_RESERVED = 20
"""Bytes between the fields and the value of an attribute's entry."""

_GLOBAL = (1, 3)
_DEPTH = 20
_SPARE, _SPARE_GROWTH = 2**24, 100
_SHARE = 1100
"""The largest ratio of a block to its compressed size: that of deflate is 1,032."""
_ROW_MAJOR, _SINGLE_FILE, HAS_MD5 = 1, 2, 4 | 8
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
    lost : tuple of (int, int)
        The first and last numbers of records that cannot be read; only in a damaged file.
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
    lost: tuple[tuple[int, int], ...] = ()

    @property
    def record(self) -> int:
        """Bytes of a record."""
        return SIZES[self.type] * self.elements * prod(self.shape)


class Directory(NamedTuple):
    """
    The contents of a file.

    Attributes
    ----------
    rvariables, zvariables, attributes : tuple of (int, int)
        The offset of the first record of a list, and the number of its records.
    shape : tuple of int
        The dimensions of rVariables.
    end : int
        The size of the file, without a checksum.
    """

    rvariables: tuple[int, int]
    zvariables: tuple[int, int]
    attributes: tuple[int, int]
    shape: tuple[int, ...]
    end: int


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
    spare : int
        The bytes that may still be allocated for records that the file does not contain; see `spare_bytes`.
    problems : list of str
        What a damaged file has lost.
    """

    path: Path
    encoding: int = 0
    is_row_major: bool = True
    variables: list[VariableLayout] = field(default_factory=list)
    entries: list[AttributeEntry] = field(default_factory=list)
    content: bytes = field(default=b"", repr=False)
    spare: int = _SPARE
    problems: list[str] = field(default_factory=list)

    def allocate(self, size: int, what: str) -> None:
        """Count bytes for records that the file does not contain; raise `FileError` if they are too many."""
        if size > self.spare:
            raise FileError(
                f"{what} would need {size} bytes, and {self.spare} are left for records without content in the file; "
                "read fewer columns or records at a time"
            )
        self.spare -= size


def examine(path: Path) -> Structure:
    """Read the structure of a CDF file; raise `FileError` if it is not a CDF file or is damaged."""
    with mapped(path) as content:
        found = Structure(path, spare=spare_bytes(len(content)))
        records = unpacked(content)
        if records is not content:
            found.content = records
        if _follow(RecordReader(records), found) & HAS_MD5 == HAS_MD5:
            check_checksum(content)
    return found


@contextmanager
def mapped(path: Path) -> Iterator[mmap.mmap]:
    """Provide the bytes of a file; errors that are raised while it is read are a `FileError` that names it."""
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content
    except FileError as error:
        raise FileError(f"{path}: this cannot be read as a CDF file ({error}).") from None
    except OSError as error:
        raise disk_error(error, path, "read") from error
    except (ValueError, struct.error) as error:
        raise FileError(f"{path}: this cannot be read as a CDF file ({error}).") from error


def spare_bytes(stored: int) -> int:
    """
    Return the bytes that may be allocated for records that a file of a size does not contain.

    A sparse variable declares any number of records in a few bytes. The limit holds for all variables of a file
    together, so that the memory is bounded by the size of the file.
    """
    return _SPARE + _SPARE_GROWTH * stored


def directory_of(web: RecordReader, found: Structure) -> tuple[Directory, int]:
    """Read the first two records, and return the heads of the lists of records and the flags of the file."""
    _, _, place, version, release, found.encoding, flags = web.record(8, CDR)
    if not flags & _SINGLE_FILE:
        raise FileError("its variables are in separate files, which is not supported")
    if (version, release) < (2, 5):
        web.use_oldest_layout()
    found.is_row_major = bool(flags & _ROW_MAJOR)
    _, _, rhead, zhead, ahead, end, rcount, acount, _, rdims, zcount = web.record(place, GDR)
    shape = web.integers(place + web.length(GDR) + web.word + 12, rdims)
    return Directory((rhead, rcount), (zhead, zcount), (ahead, acount), shape, end), flags


def _follow(web: RecordReader, found: Structure) -> int:
    """Read all records, and return the flags of the file."""
    directory, flags = directory_of(web, found)
    if directory.end > len(web.content):
        raise FileError(f"it ends after {len(web.content)} bytes, but {directory.end} are needed")
    for kind, head in ((RVDR, directory.rvariables), (ZVDR, directory.zvariables)):
        for place, fields in web.chain(head[0], kind, head[1]):
            layout, index = variable_of(web, place, fields, directory.shape)
            found.variables.append(layout._replace(blocks=tuple(blocks_of(web, index, layout.record))))
    for place, other in overlaps(found.variables):
        raise FileError(f"the blocks at {place} and {other} overlap")
    for place, fields in web.chain(directory.attributes[0], ADR, directory.attributes[1]):
        found.entries.extend(_entries(web, place, fields))
    return flags


def overlaps(variables: Iterable[VariableLayout]) -> Iterator[tuple[int, int]]:
    """Yield the offsets of blocks that share bytes: their arrays together could be much larger than the file."""
    blocks = sorted((block.place, block.size) for layout in variables for block in layout.blocks)
    for (place, size), (other, _) in pairwise(blocks):
        if place + size > other:
            yield place, other


def _entries(web: RecordReader, place: int, fields: tuple[int, ...]) -> Iterator[AttributeEntry]:
    """Yield the values of an attribute."""
    _, _, _, first, scope, _, count, _, _, zfirst, zcount, _, _ = fields
    attribute, is_global = web.name(place + web.length(ADR)), scope in _GLOBAL
    for kind, head, number in ((AGREDR, first, count), (AZEDR, zfirst, zcount)):
        for at, entry in web.chain(head, kind, number):
            yield entry_of(web, at, entry, attribute, is_global)


def entry_of(web: RecordReader, place: int, fields: tuple[int, ...], attribute: str, is_global: bool) -> AttributeEntry:
    """Return one value of an attribute."""
    size, kind, _, _, type_, variable, elements = fields
    if type_ not in SIZES or elements < 0:
        raise FileError(f"the value of an attribute at {place} has an unknown data type or a negative size")
    length = elements * SIZES[type_]
    start = web.length(kind) + _RESERVED
    if start + length > size:
        raise FileError("the value of an attribute is longer than its record")
    content = bytes(web.content[place + start : place + start + length])
    return AttributeEntry(attribute, is_global, kind == AZEDR, variable, type_, elements, content)


def is_global_scope(scope: int) -> bool:
    """Return whether an attribute belongs to the file, not to variables."""
    return scope in _GLOBAL


def variable_of(
    web: RecordReader, place: int, fields: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[VariableLayout, int]:
    """Return a variable without its blocks, and the offset of their index; ``shape`` is that of rVariables."""
    _, kind, _, type_, last, head, _, flags, sparse, _, _, _, elements, number, packed, _ = fields
    about = place + web.length(kind) + web.name_length
    if kind == ZVDR:
        shape = web.integers(about + 4, web.integers(about, 1)[0])
        about += 4 + 4 * len(shape)
    if type_ not in SIZES or elements < 1 or last < -1 or any(size < 0 for size in shape):
        raise FileError(f"the variable at {place} has an unknown data type or a negative size")
    varying = web.integers(about, len(shape))
    sizes = tuple(size for size, varies in zip(shape, varying, strict=True) if varies)
    after = about + 4 * len(shape)
    pad = bytes(web.content[after : after + SIZES[type_] * elements]) if flags & _HAS_PAD else b""
    made = VariableLayout(
        web.name(place + web.length(kind)), kind == ZVDR, number, type_, elements, sizes, bool(flags & _VARIES),
        last + 1, sparse, pad, web.compression(packed) if flags & _IS_COMPRESSED else 0, (),
    )  # fmt: skip
    if not sparse and max(made.record, 1) * made.records > web.most:
        raise FileError(f"the variable {made.name} cannot have {made.records} records of {made.record} bytes")
    return made, head if last >= 0 else 0


def blocks_of(web: RecordReader, place: int, record: int, depth: int = _DEPTH) -> Iterator[Block]:
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
            try:
                yield from _block(web, block, one, other, record, depth)
            except FileError:
                if web.lost is None:
                    raise
                web.lost.append((one, other))
        place = following


def _block(web: RecordReader, place: int, first: int, last: int, record: int, depth: int) -> Iterator[Block]:
    """Yield a block of records, and check that it contains as many as its index states."""
    if not 0 <= first <= last:
        raise FileError(f"the block at {place} cannot contain the records {first} to {last}")
    fields: Any = web.record(place, VVR, CVVR, VXR)
    if fields[1] == VXR:
        yield from blocks_of(web, place, record, depth - 1)
        return
    web.once(place)
    size, start = (last - first + 1) * record, place + web.length(fields[1])
    if fields[1] == CVVR:
        yield Block(first, last, start, _compressed_size(web, place, fields, size), True)
        return
    if fields[0] - web.length(VVR) < size:
        raise FileError(f"the block at {place} contains fewer than {last - first + 1} records")
    if web.lost is not None and start + size > len(web.content):
        present = (len(web.content) - start) // record
        web.lost.append((first + present, last))
        last, size = first + present - 1, present * record
    if first <= last:
        yield Block(first, last, start, size, False)


def _compressed_size(web: RecordReader, place: int, fields: tuple[int, ...], size: int) -> int:
    """Return the bytes of a compressed block, and check that they can contain as many as its records have."""
    stored = fields[3]
    if not 0 < stored <= fields[0] - web.length(CVVR):
        raise FileError(f"the block at {place} cannot have {stored} bytes")
    if size > _SHARE * stored:
        raise FileError(f"the block at {place} cannot contain {size} bytes, compressed to {stored}")
    return stored
