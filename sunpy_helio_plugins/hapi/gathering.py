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

from sunpy_helio_plugins.hapi.parameter import Parameter
from sunpy_helio_plugins.hapi.whole import INTEGERS, integers, integers_of

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
    room : int
        How many records there may be.
    """

    def __init__(self, parameters: Sequence[Parameter], types: Sequence[pa.DataType], room: int) -> None:
        self.parameters, self.rows, self.room = parameters, 0, max(1, room)
        fields: dict[pa.DataType, list[int]] = {}
        self.texts: list[_Texts] = []
        self.places: list[tuple[pa.DataType | None, int]] = []
        first = 0
        for parameter in parameters:
            own = range(first, first + parameter.width)
            kind = None if _is_text(types[first]) else types[first]
            self.places.append((kind, len(self.texts) if kind is None else len(fields.get(kind, []))))
            if kind is None:
                self.texts.append(_Texts(own, self.room))
            else:
                fields.setdefault(kind, []).extend(own)
            first += parameter.width
        self.numbers = {kind: _Numbers(own, kind, self.room) for kind, own in fields.items()}

    def add(self, batch: pa.RecordBatch) -> None:
        """Take in a block."""
        if not batch.num_rows:
            return
        rows = slice(self.rows, self.rows + batch.num_rows)
        if rows.stop > self.room:
            self._resize(rows.stop + rows.stop // 4)
        for one in self._all():
            one.add(rows, batch)
        self.rows = rows.stop

    def finish(self) -> list[NDArray[Any]]:
        r"""Return one array of shape (n, \*shape) for each parameter, masked where a whole number is missing."""
        if self.rows < 0.8 * self.room:
            self._resize(self.rows)
        made = []
        for parameter, (kind, place) in zip(self.parameters, self.places, strict=True):
            if kind is None:
                values = self.texts[place].finish(self.rows)
                values = integers_of(values.ravel(), parameter) if parameter.type in INTEGERS else values
            else:
                values = self.numbers[kind].finish(self.rows, slice(place, place + parameter.width))
                values = integers(values, parameter) if parameter.type in INTEGERS else values
            made.append(values.reshape(-1, *parameter.shape))
        return made

    def _all(self) -> list[_Texts | _Numbers]:
        return [*self.texts, *self.numbers.values()]

    def _resize(self, room: int) -> None:
        for one in self._all():
            one.resize(self.rows, room)
        self.room = room


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))


class _Numbers:
    """
    Gathers the fields of one type of number, each as one line of a grid.

    The columns of a table share this grid, as those of a `pandas.DataFrame` do: hundreds of arrays of their own would
    cost more than copying the numbers.
    """

    def __init__(self, fields: list[int], kind: pa.DataType, room: int) -> None:
        self.fields = fields
        self.values = np.empty((len(fields), room), kind.to_pandas_dtype())
        self.mask: NDArray[np.bool_] | None = None

    def resize(self, rows: int, room: int) -> None:
        self.values = _resized(self.values, rows, room)
        if self.mask is not None:
            self.mask = _resized(self.mask, rows, room)

    def add(self, rows: slice, batch: pa.RecordBatch) -> None:
        import pyarrow as pa

        part = batch.select(self.fields)
        missing = None
        if self.values.dtype.kind == "i" and any(column.null_count for column in part.columns):
            missing = np.stack([column.is_null().to_numpy(zero_copy_only=False) for column in part.columns])
            part = pa.RecordBatch.from_arrays([column.fill_null(0) for column in part.columns], schema=part.schema)
            if self.mask is None:
                self.mask = np.zeros(self.values.shape, dtype=bool)
        # Floats that are missing are NaN; integers would go through floats for its sake.
        is_float = self.values.dtype.kind == "f"
        self.values[:, rows] = part.to_tensor(null_to_nan=is_float, row_major=False).to_numpy().T
        if self.mask is not None:
            self.mask[:, rows] = False if missing is None else missing

    def finish(self, rows: int, fields: slice) -> NDArray[Any]:
        values = self.values[fields, :rows].T
        return values if self.mask is None else np.ma.MaskedArray(values, self.mask[fields, :rows].T)


class _Texts:
    """Gathers the texts of one parameter as bytes, straight from arrow's buffers: objects would cost most of all."""

    def __init__(self, fields: range, room: int) -> None:
        self.fields = fields
        self.values = np.empty((len(fields), room), "S1")

    def resize(self, rows: int, room: int) -> None:
        self.values = _resized(self.values, rows, room)

    def add(self, rows: slice, batch: pa.RecordBatch) -> None:
        texts = [_bytes(batch.column(field)) for field in self.fields]
        longest = max(texts, key=lambda field: field.dtype.itemsize).dtype
        if longest.itemsize > self.values.dtype.itemsize:
            self.values = _resized(self.values, rows.start, self.values.shape[1], longest)
        for index, field in enumerate(texts):
            self.values[index, rows] = field

    def finish(self, rows: int) -> NDArray[np.bytes_]:
        return self.values[:, :rows].T


def _resized(values: NDArray[Any], rows: int, room: int, dtype: np.dtype[Any] | None = None) -> NDArray[Any]:
    """Return an array with other room, and what was in the first rows; what is not written to takes no memory."""
    resized = np.empty((len(values), room), dtype or values.dtype)
    resized[:, :rows] = values[:, :rows]
    return resized


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
