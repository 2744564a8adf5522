"""
Records of HAPI to columns: CSV, binary and JSON, each to one array per parameter.

Arrays come out as the stream holds them: texts as bytes or str, doubles as float64, integers as int32 or int64 (masked
where a field holds none), fill values in place. What they mean is for `sunpy_helio_plugins.hapi.tables` to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.csv_records import empty, from_csv
from sunpy_helio_plugins.hapi.header import Info, Parameter
from sunpy_helio_plugins.hapi.whole import whole_or_float

__all__ = ["Columns", "from_binary", "from_csv", "from_json"]

Columns = list[NDArray[Any]]
"""One array of shape (n, \\*shape) for each parameter, in the header's order."""


def from_binary(body: bytes, info: Info, start: int = 0) -> Columns:
    """
    Read binary records.

    Parameters
    ----------
    body : bytes
        The records.
    info : Info
        Their header.
    start : int, optional
        Where in ``body`` the first record begins.

    Returns
    -------
    list of numpy.ndarray
        One array for each parameter. Texts are part of one array of whole records; numbers are arrays of their own.

    Raises
    ------
    FileError
        The bytes are no whole number of records, or the header does not tell their layout.
    """
    layout = info.record()
    length = len(body) - start
    if length % layout.itemsize:
        raise FileError(f"{length} bytes are no whole number of records of {layout.itemsize} bytes: cut, or mixed.")
    records = np.frombuffer(body, layout, offset=start) if length else np.empty(0, layout)
    return [records[name] if one.is_text else records[name].copy() for name, one in _fields(layout, info)]


def _fields(layout: np.dtype[Any], info: Info) -> Iterable[tuple[str, Parameter]]:
    return zip(layout.names or (), info.parameters, strict=True)


def from_json(data: Any, info: Info) -> Columns:
    """
    Read the ``data`` of a JSON answer.

    Parameters
    ----------
    data : list
        Records, nested as ``size`` says or flat (server-nodejs writes arrays flat).
    info : Info
        The header around them.

    Returns
    -------
    list of numpy.ndarray
        One array for each parameter.

    Raises
    ------
    FileError
        The records do not have the shape that the header says.
    """
    if not data:
        return [empty(parameter) for parameter in info.parameters]
    if not isinstance(data, list) or not all(isinstance(record, list) for record in data):
        raise FileError("The data of this JSON answer are no list of records.")
    fields = sum(parameter.width for parameter in info.parameters)
    flat = [_leaves(record) for record in data]
    if any(len(record) != fields for record in flat):
        raise FileError(f"A record of this JSON answer does not have the {fields} values that its header says.")
    columns, first = [], 0
    for parameter in info.parameters:
        cut = slice(first, first + parameter.width)
        kind: Any = None if parameter.is_text else float
        values = np.array([[_number_or_text(leaf, parameter) for leaf in record[cut]] for record in flat], dtype=kind)
        typed = whole_or_float(values, parameter) if parameter.type == "integer" else values
        columns.append(typed.reshape(-1, *parameter.shape))
        first += parameter.width
    return columns


def _leaves(value: Any) -> list[Any]:
    return [leaf for part in value for leaf in _leaves(part)] if isinstance(value, list) else [value]


def _number_or_text(leaf: Any, parameter: Parameter) -> Any:
    if parameter.is_text:
        return "" if leaf is None else str(leaf)
    try:
        return np.nan if leaf is None else float(leaf)
    except (TypeError, ValueError):
        raise FileError(f"{leaf!r} is no {parameter.type} of the parameter {parameter.name!r}.") from None
