"""
CSV records of HAPI to columns.

pyarrow reads the fields (RFC 4180: quoted texts may hold commas, quotes and line ends), with one thread and in blocks of
1 MB: of pandas, pyarrow and polars it is the only one that is fast for few and for many columns, keeps texts as they
stand, reads stamps of one length without making an object of each, and counts every record's fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.header import Info, Parameter

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["from_csv"]

_NO_NUMBER = ["", "NaN", "nan", "NAN", "Nan", "-nan", "-NaN", "null", "NULL", "None"]
_HEAD = 1 << 16
_MANY = 10_000
_BLOCK = 1 << 20
_LARGEST_BLOCK = 1 << 30
_COUNT = re.compile(r"Expected (\d+) columns, got (\d+)(?:: (.*))?", re.DOTALL)


def from_csv(body: bytes, info: Info, start: int = 0) -> list[NDArray[Any]]:
    """
    Read CSV records.

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
        One array of shape (n, \\*shape) for each parameter; texts as bytes. Whole numbers are masked where a field is
        empty or no number.

    Raises
    ------
    FileError
        A record does not have as many fields as the header says, or a field is no number where one belongs.
    """
    fields = sum(parameter.width for parameter in info.parameters)
    head = body[start : start + _HEAD]
    if not head.strip() and not body[start:].strip():
        return [empty(parameter) for parameter in info.parameters]
    start += _names_row(head, info)
    _check_first(body, start, fields)
    read = _read(body, start, _types(info, body[start : start + _HEAD]), fields)
    columns: list[pa.ChunkedArray | None] = list(read.columns)
    del read
    made, first = [], 0
    for parameter in info.parameters:
        made.append(_parameter(columns, first, parameter))
        first += parameter.width
    return made


def empty(parameter: Parameter) -> NDArray[Any]:
    """Return the values of a parameter in no records."""
    kind = "S1" if parameter.is_text else "i4" if parameter.type == "integer" else "f8"
    return np.empty((0, *parameter.shape), dtype=kind)


def _names_row(head: bytes, info: Info) -> int:
    """Return the length of a first row that holds the parameters' names or labels instead of values."""
    row, end, _ = head.partition(b"\n")
    shown = row.decode("utf-8", "replace").strip().replace('"', "").lower()
    names = ",".join(name for one in info.parameters for name in [one.name] * one.width).lower()
    titles = ",".join(title for one in info.parameters for title in one.labels or [one.title]).lower()
    return len(row) + len(end) if shown in (names, titles, ",".join(info.names).lower()) else 0


def _check_first(body: bytes, start: int, fields: int) -> None:
    """Refuse a body whose first record has fewer separators than it must, before as many columns are made."""
    if fields > _MANY and body.count(b",", start) < fields - 1:
        shown = body[start : start + 120].partition(b"\n")[0].decode("utf-8", "replace")
        raise FileError(f"The record {shown!r} has fewer fields than the {fields} of the header.")


def _types(info: Info, head: bytes) -> Iterator[list[pa.DataType]]:
    """Yield the fields' types: at first the ones that most servers' records have, then the most patient ones."""
    import pyarrow as pa

    kinds = {"double": pa.float64(), "integer": pa.int64(), "string": pa.binary(), "isotime": pa.binary()}
    for patient in (False, True):
        types = []
        for parameter in info.parameters:
            kind = kinds.get(parameter.type, pa.float64())
            # An integer may hold "NaN", "1.0" or a fill beyond any integer: hapiclient's issue 73.
            types += [pa.float64() if patient and kind == pa.int64() else kind] * parameter.width
        if not patient and info.time.width == 1:
            length = len(re.split(rb"[,\r\n]", head.lstrip(), maxsplit=1)[0].strip(b'"'))
            types[0] = pa.binary(length) if length else types[0]
        yield types


def _read(body: bytes, start: int, candidates: Iterator[list[pa.DataType]], fields: int) -> pa.Table:
    import pyarrow as pa

    error: Exception | None = None
    for types in candidates:
        try:
            return _table(body, start, types, fields)
        except pa.ArrowInvalid as invalid:
            error = invalid
            if "conversion error" not in str(invalid):
                break
    raise FileError(_explained(str(error)))


def _table(body: bytes, start: int, types: list[pa.DataType], fields: int) -> pa.Table:
    import pyarrow as pa
    from pyarrow import csv

    names = [str(index) for index in range(fields)]
    parsing = csv.ParseOptions(newlines_in_values=body.find(b'"', start) >= 0)
    conversion = csv.ConvertOptions(
        column_types=dict(zip(names, types, strict=True)), null_values=_NO_NUMBER, check_utf8=False
    )
    size = _BLOCK
    while True:
        options = csv.ReadOptions(use_threads=False, block_size=size, column_names=names)
        try:
            return csv.read_csv(pa.BufferReader(pa.py_buffer(body).slice(start)), options, parsing, conversion)
        except pa.ArrowInvalid as error:
            # A record that is longer than a block.
            if "straddling" not in str(error) or size >= _LARGEST_BLOCK:
                raise
            size *= 16


def _explained(words: str) -> str:
    counted = _COUNT.search(words)
    if counted is None:
        return f"These CSV records cannot be read: {words.replace('In ', '')}."
    record = (counted[3] or "")[:120]
    return f"The record {record!r} has {counted[2]} fields, the header says {counted[1]}."


def _parameter(columns: list[pa.ChunkedArray | None], first: int, parameter: Parameter) -> NDArray[Any]:
    """Make one parameter's array, and let go of the columns that it was made of."""
    own = columns[first : first + parameter.width]
    columns[first : first + parameter.width] = [None] * parameter.width
    if parameter.is_text:
        return _texts(own, parameter)
    if len(own) == 1:
        return _scalar(own.pop(), parameter).reshape(-1, *parameter.shape)
    rows = len(own[0])  # type: ignore[arg-type]
    values = np.empty((rows, len(own)))
    for index, column in enumerate(own):
        own[index] = None
        start = 0
        for chunk in column.chunks:  # type: ignore[union-attr]
            values[start : start + len(chunk), index] = chunk.to_numpy(zero_copy_only=False)
            start += len(chunk)
    return _typed(values, parameter).reshape(-1, *parameter.shape)


def _scalar(column: Any, parameter: Parameter) -> NDArray[Any]:
    import pyarrow as pa

    if parameter.type == "integer" and column.type == pa.int64() and column.null_count:
        mask = column.is_null().to_numpy()
        return np.ma.MaskedArray(whole(column.fill_null(0).to_numpy()), mask)
    return _typed(column.to_numpy(), parameter)


def _typed(values: NDArray[Any], parameter: Parameter) -> NDArray[Any]:
    return whole_or_float(values, parameter) if parameter.type == "integer" else values


def whole_or_float(values: NDArray[Any], parameter: Parameter) -> NDArray[Any]:
    """
    Return whole numbers as integers, masked where they are none or the fill value; floats where others are among them.

    Parameters
    ----------
    values : numpy.ndarray
        What a stream holds for a parameter of type integer.
    parameter : Parameter
        Its description.
    """
    if values.dtype.kind == "i":
        return whole(values)
    lost = ~np.isfinite(values)
    try:
        lost |= values == float(parameter.fill if parameter.fill is not None else "nan")
    except ValueError:
        pass
    kept = np.where(lost, 0, values)
    # Beyond 2^53 a double may be another number than the one that was written.
    if (np.abs(kept) > 2**53).any() or (kept != np.rint(kept)).any():
        return values
    integers = whole(kept.astype(np.int64))
    return np.ma.MaskedArray(integers, lost) if lost.any() else integers


def whole(values: NDArray[np.int64]) -> NDArray[Any]:
    """Return integers in the 32 bits that HAPI gives them, where they fit."""
    limits = np.iinfo(np.int32)
    fit = not len(values) or (values.min() >= limits.min and values.max() <= limits.max)
    return values.astype(np.int32) if fit else values


def _texts(own: list[Any], parameter: Parameter) -> NDArray[Any]:
    parts = [_bytes(column) for column in own]
    own.clear()
    values = parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)
    return values.reshape(-1, *parameter.shape)


def _bytes(column: Any) -> NDArray[np.bytes_]:
    """Return texts as fixed-width bytes, straight from arrow's buffers: objects of Python would cost most of all."""
    import pyarrow as pa

    if pa.types.is_fixed_size_binary(column.type):
        width = column.type.byte_width
        parts = [
            np.frombuffer(chunk.buffers()[1], f"S{width}", len(chunk), chunk.offset * width)
            for chunk in column.chunks
            if len(chunk)
        ]
        return np.concatenate(parts) if parts else np.empty(0, f"S{width}")
    made = [_padded(chunk) for chunk in column.chunks]
    return np.concatenate(made) if made else np.empty(0, "S1")


def _padded(chunk: Any) -> NDArray[np.bytes_]:
    offsets = np.frombuffer(chunk.buffers()[1], np.int32, len(chunk) + 1, chunk.offset * 4)
    lengths = np.diff(offsets)
    width = max(1, int(lengths.max(initial=0)))
    grid = np.zeros((len(chunk), width), np.uint8)
    if lengths.any():
        data = np.frombuffer(chunk.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
        grid[np.arange(width) < lengths[:, None]] = data
    return grid.view(f"S{width}").reshape(-1)
