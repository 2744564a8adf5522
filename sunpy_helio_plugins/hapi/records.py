"""
Records of HAPI to columns: CSV, binary and JSON, each to one array per parameter.

Arrays come out as the stream holds them: texts as bytes or str, doubles as float64, integers as int32, fill values in
place. What they mean is for `sunpy_helio_plugins.hapi.tables` to say.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.header import Info, Parameter

__all__ = ["Columns", "from_binary", "from_csv", "from_json"]

_NO_NUMBER = ["", "NaN", "nan", "NAN", "null"]

Columns = list[NDArray[Any]]
"""One array of shape (n, \\*shape) for each parameter, in the header's order."""


def from_binary(body: bytes, info: Info) -> Columns:
    """
    Read binary records.

    Parameters
    ----------
    body : bytes
        The records without header.
    info : Info
        Their header.

    Returns
    -------
    list of numpy.ndarray
        One array for each parameter.

    Raises
    ------
    FileError
        The bytes are no whole number of records, or the header does not tell their layout.
    """
    layout = info.record()
    if len(body) % layout.itemsize:
        raise FileError(f"{len(body)} bytes are no whole number of records of {layout.itemsize} bytes: cut, or mixed.")
    records = np.frombuffer(body, dtype=layout)
    return [records[name].copy() for name in layout.names or ()]


def from_csv(body: bytes, info: Info) -> Columns:
    """
    Read CSV records (RFC 4180: quoted texts may hold commas, quotes and line ends).

    Parameters
    ----------
    body : bytes
        The records without header.
    info : Info
        Their header.

    Returns
    -------
    list of numpy.ndarray
        One array for each parameter. An integer that is empty or no number becomes a float array with NaN.

    Raises
    ------
    FileError
        A record does not have as many fields as the header says, or a field is no number where one belongs.
    """
    fields = sum(parameter.width for parameter in info.parameters)
    if not body.strip():
        return [_empty(parameter) for parameter in info.parameters]
    _check_fields(body, fields)
    stamps = _stamps(body)
    frame = _frame(body, info, fields, skip=stamps is not None)
    columns: Columns = [] if stamps is None else [stamps]
    first = len(columns)
    for parameter in info.parameters[first:]:
        parts = [frame[str(index)].to_numpy() for index in range(first, first + parameter.width)]
        values = parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)
        columns.append(_typed(values.reshape(-1, *parameter.shape), parameter))
        first += parameter.width
    return columns


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
        return [_empty(parameter) for parameter in info.parameters]
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
        columns.append(_typed(values.reshape(-1, *parameter.shape), parameter))
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


def _empty(parameter: Parameter) -> NDArray[Any]:
    kind = "U1" if parameter.is_text else "i4" if parameter.type == "integer" else "f8"
    return np.empty((0, *parameter.shape), dtype=kind)


def _typed(values: NDArray[Any], parameter: Parameter) -> NDArray[Any]:
    """Give texts a fixed width and whole numbers their type; NaN, which no integer can hold, keeps them floats."""
    if parameter.is_text:
        return values.astype(str)
    if parameter.type != "integer" or not np.isfinite(values).all():
        return values
    whole = values.astype(np.int64)
    narrow = whole.astype(np.int32)
    return narrow if (narrow == whole).all() else whole


def _check_fields(body: bytes, fields: int) -> None:
    """Count fields before pandas does: it fills short records with nothing, and says nothing."""
    if b'"' in body:
        rows = csv.reader(io.StringIO(body.decode("utf-8", "replace"), newline=""))
        wrong = next((row for row in rows if row and len(row) != fields), None)
        if wrong is None:
            return
        raise FileError(f"The record {','.join(wrong)[:120]!r} has {len(wrong)} fields, the header says {fields}.")
    lines = body.count(b"\n") + (not body.endswith(b"\n"))
    if body.count(b",") == lines * (fields - 1):
        return
    for line in body.splitlines():
        if line.strip() and line.count(b",") != fields - 1:
            shown = line[:120].decode("utf-8", "replace")
            raise FileError(f"The record {shown!r} has {line.count(b',') + 1} fields, the header says {fields}.")


def _stamps(body: bytes) -> NDArray[Any] | None:
    """
    Return the primary times as bytes, cut out of the lines; `None` where lines do not all begin alike.

    A dataset's times have one length (specification, section "Representation of Time"), and pandas would make an
    object of each, which costs more than all the rest.
    """
    width = body.find(b",")
    if width < 1 or b'"' in body:
        return None
    raw = np.frombuffer(body if body.endswith(b"\n") else body + b"\n", np.uint8)
    ends = np.flatnonzero(raw == ord("\n"))
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (ends - starts <= width).any() or (raw[starts + width] != ord(",")).any():
        return None
    grid = np.lib.stride_tricks.sliding_window_view(raw, width)[starts]
    odd = (grid == ord(",")) | (grid == ord(" "))
    return None if odd.any() else np.ascontiguousarray(grid).view(f"S{width}").reshape(-1)


def _frame(body: bytes, info: Info, fields: int, skip: bool) -> Any:
    """Read the fields of CSV, without the first where that is known already."""
    import pandas as pd

    texts = [parameter.is_text for parameter in info.parameters for _ in range(parameter.width)]
    missing = {str(index): _NO_NUMBER for index, text in enumerate(texts) if not text}
    try:
        return pd.read_csv(
            io.BytesIO(body),
            header=None,
            names=[str(index) for index in range(fields)],
            index_col=False,
            usecols=[str(index) for index in range(int(skip), fields)],
            dtype={str(index): str if text else float for index, text in enumerate(texts)},
            keep_default_na=False,
            na_values=missing,
            skipinitialspace=True,
            encoding="utf-8",
        )
    except ValueError as error:
        raise FileError(f"These CSV records cannot be read: {error}.") from None
