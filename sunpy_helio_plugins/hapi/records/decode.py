"""
Decode records of HAPI (CSV, binary or JSON) to one array for each parameter.

Strings are returned as bytes or str, doubles as float64, integers as int64 (masked where a field is empty); fill values
are unchanged. `sunpy_helio_plugins.hapi.records.table` interprets them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.model import NUMBERS, Info, Parameter
from sunpy_helio_plugins.hapi.records.buffers import INTEGERS, NO_NUMBER, ColumnBuffers, empty, integers, integers_of
from sunpy_helio_plugins.hapi.records.content import Content

__all__ = ["Columns", "add_binary", "binary_count", "from_json", "to_json"]

Columns = list[NDArray[Any]]
"""One array of shape (n, \\*shape) for each parameter, in the order of the header."""


_BLOCK = 1 << 19
"""Bytes of binary records that are copied to columns at once."""

_READ = 1 << 22
"""Bytes of binary records that are read from a file at once."""


def binary_count(body: Content, info: Info, start: int = 0) -> int:
    """Return the number of binary records after the offset ``start``; raise an error if one is not complete."""
    size, length = info.record().itemsize, len(body) - start
    if length % size:
        raise FileError(f"{length} bytes are not a multiple of the record size of {size} bytes: truncated?")
    return length // size


def add_binary(body: Content, info: Info, start: int, gathered: ColumnBuffers) -> None:
    """Parse binary records after the offset ``start``, and append them to those that were parsed before."""
    binary_count(body, info, start)
    layout = info.record()
    whole = memoryview(body) if isinstance(body, bytes) else body
    many, few = (max(1, size // layout.itemsize) for size in (_READ, _BLOCK))
    for place in range(start, len(body), many * layout.itemsize):
        read = np.frombuffer(whole[place : place + many * layout.itemsize], layout)
        for first in range(0, len(read), few):
            records = read[first : first + few]
            gathered.add([records[name] for name, _ in _fields(layout, info)])


def _fields(layout: np.dtype[Any], info: Info) -> Iterable[tuple[str, Parameter]]:
    return zip(layout.names or (), info.parameters, strict=True)


def from_json(data: Any, info: Info) -> Columns:
    """Parse the ``data`` of a JSON response: records that are nested as in ``size``, or flat as from server-nodejs."""
    if data is None or data == []:
        return [empty(parameter) for parameter in info.parameters]
    if not isinstance(data, list) or not all(isinstance(record, list) for record in data):
        raise FileError("The data of this JSON response are not a list of records.")
    cells = _cells(data, info)
    return [_column(own, parameter) for own, parameter in zip(cells, info.parameters, strict=True)]


def to_json(columns: Columns) -> list[list[Any]]:
    """Return columns as the ``data`` of a JSON answer; masked integers and NaN are null, as `from_json` reads them."""
    return [list(record) for record in zip(*(map(_plain, column.tolist()) for column in columns), strict=True)]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return None if value != value else value


def _cells(data: list[list[Any]], info: Info) -> Iterable[list[Any]]:
    """Return the values of each parameter in all records: a value, or a list of values in any nesting."""
    widths = [parameter.width for parameter in info.parameters]
    if all(len(record) == len(widths) for record in data):
        return [list(own) for own in zip(*data, strict=True)]
    flat = [_leaves(record) for record in data]
    if any(len(record) != sum(widths) for record in flat):
        raise FileError(f"A record of this JSON response does not have the {sum(widths)} values of its header.")
    ends = np.cumsum(widths).tolist()
    return [[record[end - width : end] for record in flat] for end, width in zip(ends, widths, strict=True)]


def _column(cells: list[Any], parameter: Parameter) -> NDArray[Any]:
    values = _at_once(cells, parameter)
    if values is None or values.size != len(cells) * parameter.width:
        values = _one_by_one(cells, parameter)
    return values.reshape(len(cells), *parameter.shape)


def _at_once(cells: list[Any], parameter: Parameter) -> NDArray[Any] | None:
    """Convert values that all have the expected type; `None` if they must be converted one by one."""
    if parameter.is_text:
        return np.array(cells) if all(type(cell) is str for cell in cells) else None
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        if parameter.type not in INTEGERS:
            return np.array(cells, dtype=float)
        values = np.array(cells)
        return integers(values, parameter) if values.dtype.kind in "iu" else None
    return None


def _one_by_one(cells: list[Any], parameter: Parameter) -> NDArray[Any]:
    leaves = [_leaves(cell) for cell in cells]
    width = parameter.width
    if any(len(own) != width for own in leaves):
        raise FileError(f"A record of this JSON response does not have the {width} values of {parameter.name!r}.")
    if parameter.type in INTEGERS:
        return integers_of([leaf for own in leaves for leaf in own], parameter)
    if not parameter.is_text:
        try:
            return np.array([[_number(leaf, parameter) for leaf in own] for own in leaves], dtype=float)
        except FileError:
            # Parameters of unknown types may be strings.
            if parameter.type in NUMBERS:
                raise
    return np.array([["" if leaf is None else str(leaf) for leaf in own] for own in leaves])


def _leaves(value: Any) -> list[Any]:
    return [leaf for part in value for leaf in _leaves(part)] if isinstance(value, list) else [value]


def _number(leaf: Any, parameter: Parameter) -> float:
    if leaf is None or leaf in NO_NUMBER:
        return np.nan
    try:
        return float(leaf)
    except (TypeError, ValueError, OverflowError):
        raise FileError(f"{leaf!r} is not a valid {parameter.type} of the parameter {parameter.name!r}.") from None
