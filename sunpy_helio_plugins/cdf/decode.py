"""
Decode the values of CDF variables: convert the bytes of their blocks to arrays.

``docs/dev/cdf.rst`` gives the reasons, and measurements, for not using a library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.cdf.metadata import FrozenList
from sunpy_helio_plugins.cdf.records import expanded
from sunpy_helio_plugins.cdf.structure import AttributeEntry, Block, Structure, VariableLayout
from sunpy_helio_plugins.errors import FileError

__all__ = ["KINDS", "Values", "attribute_of", "plain", "values_of"]

KINDS = {
    1: "CDF_INT1", 2: "CDF_INT2", 4: "CDF_INT4", 8: "CDF_INT8", 11: "CDF_UINT1", 12: "CDF_UINT2", 14: "CDF_UINT4",
    21: "CDF_REAL4", 22: "CDF_REAL8", 31: "CDF_EPOCH", 32: "CDF_EPOCH16", 33: "CDF_TIME_TT2000", 41: "CDF_BYTE",
    44: "CDF_FLOAT", 45: "CDF_DOUBLE", 51: "CDF_CHAR", 52: "CDF_UCHAR",
}  # fmt: skip
"""Names of the data types."""

_NUMBERS = {
    1: "i1", 2: "i2", 4: "i4", 8: "i8", 11: "u1", 12: "u2", 14: "u4", 21: "f4", 22: "f8", 31: "f8", 32: "c16",
    33: "i8", 41: "i1", 44: "f4", 45: "f8",
}  # fmt: skip
_TEXTS = (51, 52)
_BIG = (1, 2, 5, 7, 9, 11, 12, 18)
"""Big-endian encodings."""

_D, _G = (8, 129, 55), (11, 1025, 52)
"""The bits of the exponent, its offset, and the bits of the fraction of 64-bit floats of the VAX."""

_AT_ONCE = 2**20

_VAX = {3: _D, 14: _D, 15: _G, 20: _D, 21: _G}
"""Encodings with floating point numbers of the VAX, and the format of those of 64 bits."""

_PADS = {"i": lambda kind: np.iinfo(kind).min + 1, "u": lambda kind: np.iinfo(kind).max - 1}
_TEXT_PAD, _FLOAT_PAD = b" ", -1e30
_AS_BEFORE = 2


class Values(NamedTuple):
    """
    The values of a variable.

    Attributes
    ----------
    values : numpy.ndarray
        Numbers in the native byte order, or texts; the first axis is the record if the variable varies.
    missing : numpy.ndarray or None
        Which records were never written and have the pad value; `None` if all were written.
    """

    values: NDArray[Any]
    missing: NDArray[np.bool_] | None


def values_of(layout: VariableLayout, structure: Structure, rows: range | None = None) -> Values:
    """
    Return the values of a variable, or of a range of its records, without decoding the blocks of the others.

    `FileError` is raised if the file has changed, is damaged or is not supported. Memory is allocated for records that
    blocks contain; other records count as in `Structure.allocate`.
    """
    rows = range(layout.records if layout.varies else min(layout.records, 1)) if rows is None else rows
    count = len(rows)
    dtype = _dtype(layout.type, layout.elements, structure.encoding)
    wanted = [block for block in layout.blocks if block.first < rows.stop and block.last >= rows.start]
    # A block contains any number of records without bytes.
    absent = count - (_covered(wanted, rows) if layout.record else 0)
    if absent:
        structure.allocate(absent * max(layout.record, 1), f"the {absent} of {count} records that were not written")
    raw = np.empty(count * layout.record, np.uint8)
    written = np.zeros(count, bool)
    for first, last, content in _contents(wanted, layout, structure, rows):
        place = (first - rows.start) * layout.record
        raw[place : place + len(content)] = np.frombuffer(content, np.uint8)
        written[first - rows.start : last + 1 - rows.start] = True
    raw = _ieee(raw, layout.type, structure.encoding)
    missing = None
    if not written.all():
        missing = _fill(raw.reshape(count, layout.record), written, layout, structure, rows)
    found = _shaped(raw.view(dtype), count, layout, structure.is_row_major)
    found = _text(found) if layout.type in _TEXTS else found.astype(found.dtype.newbyteorder("="), copy=False)
    return Values(found.reshape(layout.shape) if count and not layout.varies else found, missing)


def _covered(blocks: Sequence[Block], rows: range) -> int:
    """Return how many records of a range are in blocks."""
    count, after = 0, rows.start
    for block in sorted(blocks):
        last = min(block.last + 1, rows.stop)
        count += max(last - max(block.first, after), 0)
        after = max(after, last)
    return count


def _shaped(flat: NDArray[Any], count: int, layout: VariableLayout, is_row_major: bool) -> NDArray[Any]:
    """Reshape values to their dimensions, in the order that the file uses."""
    if is_row_major or len(layout.shape) < 2:
        return flat.reshape(count, *layout.shape)
    turned = flat.reshape(count, *layout.shape[::-1])
    return np.ascontiguousarray(turned.transpose(0, *range(len(layout.shape), 0, -1)))


def attribute_of(entry: AttributeEntry, encoding: int) -> Any:
    """Return the value of an attribute as plain Python: a text, a number, or several."""
    if entry.type in _TEXTS:
        return _decoded(entry.content).replace("\0", "")
    if not entry.elements:
        return FrozenList(())
    content = _ieee(np.frombuffer(entry.content, np.uint8), entry.type, encoding)
    found = content.view(_dtype(entry.type, 1, encoding))
    values = found.astype(found.dtype.newbyteorder("="))
    return plain(values[0] if len(values) == 1 else values)


def plain(value: Any) -> Any:
    """Return an attribute's value without numpy's types, so that it can be written to a table's header."""
    bare = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return FrozenList(bare) if isinstance(bare, list) else bare


def _dtype(kind: int, elements: int, encoding: int) -> np.dtype[Any]:
    if kind in _TEXTS:
        return np.dtype(f"S{elements}")
    number = np.dtype(_NUMBERS[kind])
    order: Literal[">", "<"] = ">" if encoding in _BIG else "<"
    return number.newbyteorder(order)


def _contents(
    blocks: Sequence[Block], layout: VariableLayout, structure: Structure, rows: range
) -> Iterator[tuple[int, int, bytes]]:
    """Yield the wanted records of blocks: the numbers of the first and the last one, and their bytes."""
    if structure.content:
        for block in blocks:
            yield _part(block, layout, rows, partial(_slice, structure.content))
        return
    with Path(structure.path).open("rb") as stream:
        for block in blocks:
            yield _part(block, layout, rows, partial(_read, stream))


def _part(
    block: Block, layout: VariableLayout, rows: range, read: Callable[[int, int], bytes]
) -> tuple[int, int, bytes]:
    """Return the wanted records of a block; of a compressed one, all of it is read."""
    first, last = max(block.first, rows.start), min(block.last, rows.stop - 1)
    start, size = (first - block.first) * layout.record, (last - first + 1) * layout.record
    if block.is_compressed:
        packed = read(block.place, block.size)
        content = expanded(packed, layout.compression, (block.last - block.first + 1) * layout.record)
        return first, last, content[start : start + size]
    content = read(block.place + start, min(size, block.size - start))
    if len(content) != size:
        raise FileError(f"its records {first} to {last} have {len(content)} bytes instead of {size}")
    return first, last, content


def _slice(content: bytes, place: int, size: int) -> bytes:
    return content[place : place + size]


def _read(stream: BinaryIO, place: int, size: int) -> bytes:
    stream.seek(place)
    content = stream.read(size)
    if len(content) < size:
        raise FileError("the file ends too early; it was changed after it was opened")
    return content


def _fill(
    rows: NDArray[np.uint8], written: NDArray[np.bool_], layout: VariableLayout, structure: Structure, numbers: range
) -> NDArray[np.bool_]:
    """Fill the records that were never written, as the file specifies, and return which have the pad value."""
    missing = ~written
    pad = _pad(layout, structure.encoding)
    for first, last in _runs(missing):
        known = first
        before = rows[first - 1] if first else _record_before(layout, structure, numbers.start)
        if layout.sparse == _AS_BEFORE and before is not None:
            # A record after one that is lost repeats an unknown one.
            lost = [one - numbers.start for one, other in layout.lost if other >= first + numbers.start]
            known = max(min([last, *lost]), first)
            rows[first:known] = before
            missing[first:known] = False
        if layout.record:
            rows[known:last] = np.tile(pad, layout.record // len(pad))
    return missing


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first and the last index, exclusive, of each run of true elements."""
    borders = np.flatnonzero(np.diff(flags, prepend=False, append=False)).tolist()
    return list(zip(borders[::2], borders[1::2], strict=True))


def _record_before(layout: VariableLayout, structure: Structure, row: int) -> NDArray[np.uint8] | None:
    """Return the last record that was written before a row, or `None` if there is none or it is lost."""
    last = max((block for block in layout.blocks if block.first < row), key=lambda block: block.last, default=None)
    if last is None or any(first < row and other > last.last for first, other in layout.lost):
        return None
    number = min(last.last, row - 1)
    ((_, _, content),) = _contents([last], layout, structure, range(number, number + 1))
    return _ieee(np.frombuffer(content, np.uint8), layout.type, structure.encoding)


def _pad(layout: VariableLayout, encoding: int) -> NDArray[np.uint8]:
    """Return the pad value: that of the file, or else the default of the type (CDF User's Guide, section 2.3.20)."""
    if layout.pad:
        return _ieee(np.frombuffer(layout.pad, np.uint8), layout.type, encoding)
    dtype = _dtype(layout.type, layout.elements, encoding)
    if layout.type in _TEXTS:
        return np.frombuffer(_TEXT_PAD * layout.elements, np.uint8)
    value = 0 if dtype.kind == "c" else _PADS[dtype.kind](dtype) if dtype.kind in _PADS else _FLOAT_PAD
    return np.frombuffer(np.array(value, dtype).tobytes(), np.uint8)


def _ieee(raw: NDArray[np.uint8], kind: int, encoding: int) -> NDArray[np.uint8]:
    """Convert floats of the VAX to those of IEEE 754, which are little-endian as well; return other bytes unchanged."""
    if encoding not in _VAX or np.dtype(_NUMBERS.get(kind, "u1")).kind not in "fc":
        return raw
    size = 4 if _NUMBERS[kind] == "f4" else 8
    layout = (8, 129, 23) if size == 4 else _VAX[encoding]
    made = np.empty(len(raw), np.uint8)
    for start in range(0, len(raw), _AT_ONCE):
        part = raw[start : start + _AT_ONCE]
        made[start : start + len(part)] = _from_vax(part, size, *layout).view(np.uint8)
    return made


def _from_vax(raw: NDArray[np.uint8], size: int, bits: int, offset: int, fraction: int) -> NDArray[Any]:
    """Return numbers of the VAX, given the bits of their exponent, its offset and the bits of their fraction."""
    # The 16-bit words of a number are in the order of their significance, and each is little-endian.
    words = raw.view("<u2").reshape(-1, size // 2).astype(np.uint64)
    number = words[:, 0]
    for place in range(1, size // 2):
        number = number << np.uint64(16) | words[:, place]
    exponent = (number >> np.uint64(fraction)).astype(np.int64) & (2**bits - 1)
    mantissa = number & np.uint64(2**fraction - 1) | np.uint64(2**fraction)
    values = np.ldexp(mantissa.astype(np.float64), exponent - offset - fraction)
    is_negative = (number >> np.uint64(8 * size - 1)).astype(bool)
    values = np.where(is_negative, -values, values)
    # An exponent of zero is a number of zero, or with a sign none.
    values = np.where(exponent == 0, np.where(is_negative, np.nan, 0.0), values)
    return values.astype(f"<f{size}")


def _text(found: NDArray[Any]) -> NDArray[Any]:
    """Return texts, each of which ends at its first zero byte."""
    size = found.dtype.itemsize
    letters = np.ascontiguousarray(found).view(np.uint8).reshape(-1, size)
    if not letters.all():
        letters = np.where(np.logical_or.accumulate(letters == 0, axis=1), np.uint8(0), letters)
    if not (letters & 0x80).any():
        used = np.flatnonzero(letters.any(axis=0))
        width = int(used[-1]) + 1 if len(used) else 1
        return letters[:, :width].astype(np.uint32).view(f"U{width}").reshape(found.shape)
    each, numbers = np.unique(np.ascontiguousarray(letters).reshape(-1).view(found.dtype), return_inverse=True)
    flat = [_decoded(text) for text in each.tolist()]
    return np.array(flat, dtype=f"U{max(1, *map(len, flat))}")[numbers].reshape(found.shape)


def _decoded(content: bytes) -> str:
    """Decode a text as UTF-8, or as Latin-1, which old files use."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
