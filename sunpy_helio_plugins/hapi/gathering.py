"""
Arrow's blocks of fields, gathered into one array for each parameter.

The arrays have their final size from the start, so that no more than one block is ever held twice: the number of
records is judged by samples, since counting the lines would cost a tenth of reading them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.hapi.header import Parameter
from sunpy_helio_plugins.hapi.whole import whole_or_float

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Gathered", "expected_lines"]

_SAMPLES, _SAMPLE = 16, 1 << 14


def expected_lines(body: bytes, start: int) -> int:
    """Return, from samples all over a body, how many lines there are, rather a few too many than too few."""
    whole = len(body) - start
    if whole <= _SAMPLES * _SAMPLE:
        return body.count(b"\n", start) + 1
    places = range(start, len(body) - _SAMPLE, (whole - _SAMPLE) // _SAMPLES)
    counted = sum(body.count(b"\n", place, place + _SAMPLE) for place in places)
    return int(1.03 * whole * counted / (len(places) * _SAMPLE)) + _SAMPLES


class Gathered:
    """
    The values of all parameters, as they come in.

    Parameters
    ----------
    parameters : sequence of Parameter
        The parameters; their fields stand in this order.
    types : sequence of pyarrow.DataType
        The types of all fields.
    rows : int
        How many records there may be.
    """

    def __init__(self, parameters: Sequence[Parameter], types: Sequence[pa.DataType], rows: int) -> None:
        self.rows, self.room = 0, max(1, rows)
        self.parameters: list[_Texts | _Numbers] = []
        self.numbers: dict[Any, list[int]] = {}
        first = 0
        for parameter in parameters:
            kind = types[first]
            if parameter.is_text:
                self.parameters.append(_Texts(first, parameter, self.room))
            else:
                fields = self.numbers.setdefault(kind, [])
                self.parameters.append(_Numbers(len(fields), kind, parameter, self.room))
                fields += range(first, first + parameter.width)
            first += parameter.width

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in a block."""
        if not batch.num_rows:
            return
        stop = self.rows + batch.num_rows
        if stop > self.room:
            self.room = stop + stop // 4
            for one in self.parameters:
                one.grow(self.rows, self.room)
        grids = {kind: _grid(batch, fields) for kind, fields in self.numbers.items()}
        for one in self.parameters:
            one.add(slice(self.rows, stop), batch, grids)
        self.rows = stop

    def finish(self) -> list[NDArray[Any]]:
        r"""Return one array of shape (n, \*shape) for each parameter, masked where a whole number is missing."""
        self.parameters.reverse()
        return [self.parameters.pop().finish(self.rows) for _ in range(len(self.parameters))]


_Grid = tuple[NDArray[Any], NDArray[np.bool_] | None]


def _grid(batch: pa.RecordBatch, fields: list[int]) -> _Grid:
    """Return fields of one type of number, shape (rows, fields), and where there are none; in floats these are NaN."""
    import pyarrow as pa

    part = batch.select(fields)
    mask = None
    if pa.types.is_integer(part.schema.field(0).type) and any(column.null_count for column in part.columns):
        mask = np.stack([column.is_null().to_numpy(zero_copy_only=False) for column in part.columns], axis=1)
        part = pa.RecordBatch.from_arrays([column.fill_null(0) for column in part.columns], schema=part.schema)
    return part.to_tensor(null_to_nan=True, row_major=False).to_numpy(), mask


class _Numbers:
    """Gathers the numbers of one parameter."""

    def __init__(self, first: int, kind: Any, parameter: Parameter, room: int) -> None:
        self.kind, self.parameter = kind, parameter
        self.fields = slice(first, first + parameter.width)
        self.values = np.empty((room, parameter.width), kind.to_pandas_dtype())
        self.mask: NDArray[np.bool_] | None = None

    def grow(self, rows: int, room: int) -> None:
        self.values = _grown(self.values, rows, room)
        if self.mask is not None:
            self.mask = _grown(self.mask, rows, room)

    def add(self, rows: slice, batch: pa.RecordBatch, grids: dict[Any, _Grid]) -> None:
        values, mask = grids[self.kind]
        self.values[rows] = values[:, self.fields]
        if mask is not None and self.mask is None:
            self.mask = np.zeros(self.values.shape, dtype=bool)
        if self.mask is not None:
            self.mask[rows] = False if mask is None else mask[:, self.fields]

    def finish(self, rows: int) -> NDArray[Any]:
        values = self.values[:rows]
        if self.parameter.type == "integer":
            values = whole_or_float(values, self.parameter)
        if self.mask is not None:
            values = np.ma.MaskedArray(values, self.mask[:rows])
        return values.reshape(-1, *self.parameter.shape)


class _Texts:
    """Gathers the texts of one parameter as bytes, straight from arrow's buffers: objects would cost most of all."""

    def __init__(self, first: int, parameter: Parameter, room: int) -> None:
        self.first, self.parameter = first, parameter
        self.values: NDArray[np.bytes_] = np.empty((room, parameter.width), "S1")

    def grow(self, rows: int, room: int) -> None:
        self.values = _grown(self.values, rows, room)

    def add(self, rows: slice, batch: pa.RecordBatch, grids: dict[Any, _Grid]) -> None:
        texts = [_bytes(batch.column(self.first + index)) for index in range(self.parameter.width)]
        longest = max(texts, key=lambda field: field.dtype.itemsize).dtype
        if longest.itemsize > self.values.dtype.itemsize:
            self.values = _grown(self.values, rows.start, len(self.values), longest)
        for index, field in enumerate(texts):
            self.values[rows, index] = field

    def finish(self, rows: int) -> NDArray[Any]:
        return self.values[:rows].reshape(-1, *self.parameter.shape)


def _grown(values: NDArray[Any], rows: int, room: int, dtype: np.dtype[Any] | None = None) -> NDArray[Any]:
    """Return an array with more room, and what was in the first rows; what is not written to takes no memory."""
    grown = np.empty((room, *values.shape[1:]), dtype or values.dtype)
    grown[:rows] = values[:rows]
    return grown


def _bytes(column: pa.Array) -> NDArray[np.bytes_]:
    import pyarrow as pa

    if pa.types.is_fixed_size_binary(column.type):
        width = column.type.byte_width
        return np.frombuffer(column.buffers()[1], f"S{width}", len(column), column.offset * width)
    offsets = np.frombuffer(column.buffers()[1], np.int32, len(column) + 1, column.offset * 4)
    lengths = np.diff(offsets)
    width = int(lengths.max())
    if not width:
        return np.zeros(len(column), "S1")
    data = np.frombuffer(column.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
    if width == lengths.min():
        return data.view(f"S{width}")
    grid = np.zeros((len(column), width), np.uint8)
    grid[np.arange(width) < lengths[:, None]] = data
    return grid.view(f"S{width}").reshape(-1)
