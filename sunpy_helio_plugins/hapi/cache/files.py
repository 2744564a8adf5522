"""Kept records as the file that their server would send."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.records import decode
from sunpy_helio_plugins.hapi.records.decode import Columns
from sunpy_helio_plugins.hapi.records.file import HAPIDocument, as_json, parse_document
from sunpy_helio_plugins.quantities.spans import ordinals, stamps_of

__all__ = ["file_of"]

_LONGEST_STAMP, _MOST_DIGITS = 30, 9


def file_of(document: HAPIDocument, info: Info, chosen: str) -> bytes | None:
    """
    Return decoded records with their header in a format, or in CSV if they do not fit into binary records.

    The time stamps have the length of the header if that is exact. `None` is returned if the same records cannot be
    read from the file.
    """
    columns = document.columns()
    digits = _digits(columns[0], info.time.length)
    stamped = [stamps_of(columns[0], digits), *columns[1:]]
    length = stamped[0].dtype.itemsize
    info = Info(
        {**info.raw, "parameters": [{**info.time.raw, "length": length}, *(one.raw for one in info.parameters[1:])]}
    )
    try:
        body = _binary(stamped, info) if chosen == "binary" else None
        if chosen == "json":
            content = as_json(info.with_format("json"), decode.to_json(stamped))
        else:
            found = "csv" if body is None else "binary"
            content = info.with_format(found).header(found) + (body or _csv(stamped))
        return content if _is_same(parse_document(content).columns(), columns) else None
    except (FileError, ValueError):
        return None


def _digits(times: NDArray[np.int64], length: int | None) -> int:
    """Return the number of digits of a second in time stamps of a length, or all if these are not exact."""
    digits = min(max((length or _LONGEST_STAMP) - 21, 0), _MOST_DIGITS)
    step = 10 ** (_MOST_DIGITS - digits)
    # A day of ordinals is a whole number of seconds.
    return digits if not (times % step).any() else _MOST_DIGITS


def _csv(columns: Columns) -> bytes:
    """Return CSV; masked integers are empty, and floats the shortest text from which they are read again."""
    import pyarrow.compute as pc

    cells = [_cells(part) for column in columns for part in column.reshape(len(column), -1).T]
    lines = pc.binary_join_element_wise(*cells, b",").to_pylist()
    return b"".join(b"%b\n" % line for line in lines)


def _cells(values: NDArray[Any]) -> Any:
    """Return the values of one field as an array of Arrow with their texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    plain = np.ascontiguousarray(np.ma.getdata(values))
    if plain.dtype.kind in "SU":
        return pa.array(list(map(_quoted, _encoded(plain).tolist())), pa.binary())
    texts = pa.array(plain).cast(pa.string())
    if plain.dtype.kind == "f":
        texts = pc.if_else(pa.array(np.isnan(plain)), "NaN", texts)
    if isinstance(values, np.ma.MaskedArray):
        texts = pc.if_else(pa.array(np.ascontiguousarray(np.ma.getmaskarray(values))), "", texts)
    return texts.cast(pa.binary())


def _encoded(texts: NDArray[Any]) -> NDArray[np.bytes_]:
    return np.char.encode(texts, "utf-8") if texts.dtype.kind == "U" else texts


def _quoted(text: bytes) -> bytes:
    if any(mark in text for mark in (b'"', b",", b"\n", b"\r")):
        return b'"%b"' % text.replace(b'"', b'""')
    return text


def _binary(columns: Columns, info: Info) -> bytes | None:
    """Return binary records; `None` if the layout is not known, or a value does not fit into it."""
    try:
        layout = info.record()
    except FileError:
        return None
    records = np.zeros(len(columns[0]), layout)
    for name, column in zip(layout.names or (), columns, strict=True):
        if isinstance(column, np.ma.MaskedArray) or not _fits(_encoded(column), layout[name].base):
            return None
        records[name] = _encoded(column)
    return records.tobytes()


def _fits(values: NDArray[Any], kind: np.dtype[Any]) -> bool:
    if values.dtype.kind in "iu" and kind.kind == "i":
        bounds = np.iinfo(kind)
        return not values.size or bool(values.min() >= bounds.min and values.max() <= bounds.max)
    return values.dtype.kind == kind.kind and values.dtype.itemsize <= kind.itemsize


def _is_same(read: Columns, columns: Sequence[NDArray[Any]]) -> bool:
    """Return whether columns with time stamps have the values of columns with ordinals."""
    times = ordinals(np.ascontiguousarray(np.ma.getdata(read[0]).reshape(len(read[0])), dtype="S"))
    return np.array_equal(times, columns[0]) and all(map(_are_equal, read[1:], columns[1:]))


def _are_equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    lost = np.ma.getmaskarray(other)
    if one.shape != other.shape or not np.array_equal(np.ma.getmaskarray(one), lost):
        return False
    first, second = (_decoded(np.ma.getdata(part)[~lost]) for part in (one, other))
    return first.dtype.kind == second.dtype.kind and np.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def _decoded(values: NDArray[Any]) -> NDArray[Any]:
    return np.char.decode(values, "utf-8", "replace") if values.dtype.kind == "S" and values.size else values
