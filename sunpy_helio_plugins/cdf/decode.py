"""
Decode the values of CDF variables: convert the bytes of their blocks to arrays.

``docs/dev/cdf.rst`` gives the reasons, and measurements, for not using a library.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

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

_VAX = (3, 14, 15, 20, 21)
"""Encodings with floating point numbers of the VAX."""

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


def values_of(layout: VariableLayout, structure: Structure) -> Values:
    """Return the values of a variable; raise `FileError` if the file has changed, is damaged or is not supported."""
    count = layout.records if layout.varies else min(layout.records, 1)
    dtype = _dtype(layout.type, layout.elements, structure.encoding)
    raw = np.empty(count * layout.record, np.uint8)
    written = np.zeros(count, bool)
    for block, content in _contents(layout, structure, count):
        part = np.frombuffer(content, np.uint8)
        start = block.first * layout.record
        last = min(block.last, count - 1)
        size = (last + 1) * layout.record - start
        if len(part) < size:
            raise FileError(f"its records {block.first} to {block.last} have {len(part)} bytes instead of {size}")
        raw[start : start + size] = part[:size]
        written[block.first : last + 1] = True
    missing = _fill(raw.reshape(count, layout.record), written, layout, dtype) if not written.all() else None
    found = _shaped(raw.view(dtype), count, layout, structure.is_row_major)
    found = _text(found) if layout.type in _TEXTS else found.astype(found.dtype.newbyteorder("="), copy=False)
    return Values(found.reshape(layout.shape) if count and not layout.varies else found, missing)


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
    found = np.frombuffer(entry.content, _dtype(entry.type, 1, encoding))
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
    if number.kind in "fc" and encoding in _VAX:
        raise FileError(f"floating point numbers of the VAX (encoding {encoding}) are not supported")
    order: Literal[">", "<"] = ">" if encoding in _BIG else "<"
    return number.newbyteorder(order)


def _contents(layout: VariableLayout, structure: Structure, count: int) -> Iterator[tuple[Block, bytes]]:
    """Yield the blocks that contain wanted records, each with its bytes."""
    wanted = [block for block in layout.blocks if block.first < count]
    if structure.content:
        for block in wanted:
            yield block, _expanded(structure.content[block.place : block.place + block.size], block, layout)
        return
    with Path(structure.path).open("rb") as stream:
        for block in wanted:
            stream.seek(block.place)
            content = stream.read(block.size)
            if len(content) < block.size:
                raise FileError("the file ends too early; it was changed after it was opened")
            yield block, _expanded(content, block, layout)


def _expanded(content: bytes, block: Block, layout: VariableLayout) -> bytes:
    if not block.is_compressed:
        return content
    return expanded(content, layout.compression, (block.last - block.first + 1) * layout.record)


def _fill(
    rows: NDArray[np.uint8], written: NDArray[np.bool_], layout: VariableLayout, dtype: np.dtype[Any]
) -> NDArray[np.bool_]:
    """Fill the records that were never written, as the file specifies, and return which have the pad value."""
    pad = np.frombuffer(layout.pad or _usual_pad(layout, dtype), np.uint8)
    source = np.where(written, np.arange(len(rows)), -1)
    if layout.sparse == _AS_BEFORE:
        source = np.maximum.accumulate(source)
    missing = source < 0
    if layout.record:
        rows[missing] = np.tile(pad, layout.record // len(pad))
    again = ~written & ~missing
    rows[again] = rows[source[again]]
    return missing


def _usual_pad(layout: VariableLayout, dtype: np.dtype[Any]) -> bytes:
    """Return the default pad value of a type (CDF User's Guide, section 2.3.20)."""
    if layout.type in _TEXTS:
        return _TEXT_PAD * layout.elements
    if dtype.kind == "c":
        return np.array(0, dtype).tobytes()
    value = _PADS[dtype.kind](dtype) if dtype.kind in _PADS else _FLOAT_PAD
    return np.array(value, dtype).tobytes()


def _text(found: NDArray[Any]) -> NDArray[Any]:
    """Return texts, each of which ends at its first zero byte."""
    flat = [_decoded(text.partition(b"\0")[0]) for text in found.ravel().tolist()]
    width = max(map(len, flat), default=0)
    return np.array(flat, dtype=f"U{max(width, 1)}").reshape(found.shape)


def _decoded(content: bytes) -> str:
    """Decode a text as UTF-8, or as Latin-1, which old files use."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
