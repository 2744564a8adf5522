"""
CSV records of HAPI to columns.

pyarrow reads the fields (RFC 4180: quoted texts may hold commas, quotes and line ends), with one thread and in blocks
of 1 MB. Of the three readers that were measured, pandas needs four times as long for narrow tables, since it makes an
object of each stamp; polars is as fast, but takes its threads from a pool for the whole process. pyarrow cuts stamps of
one length into one array, keeps texts as they stand, and counts the fields of every record.
"""

from __future__ import annotations

import contextlib
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
_WIDE, _WIDE_BLOCK = 100, 1 << 22
"""Wide records are read in larger blocks, since each block costs a little for each field."""

_LARGEST_BLOCK = 1 << 30
_COUNT = re.compile(r"Expected (\d+) columns, got (\d+)(?:: (.*))?", re.DOTALL)


def from_csv(body: bytes, info: Info, start: int = 0) -> list[NDArray[Any]]:
    r"""
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
        One array of shape (n, \*shape) for each parameter; texts as bytes. Whole numbers are masked where a field is
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
    return _read(body, start, info, fields)


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


def _read(body: bytes, start: int, info: Info, fields: int) -> list[NDArray[Any]]:
    """Read with one choice of types after the other, and in larger blocks where a record does not fit into one."""
    import pyarrow as pa

    size, error = _WIDE_BLOCK if fields > _WIDE else _BLOCK, ""
    for types in _types(info, body[start : start + _HEAD]):
        while True:
            try:
                return _columns(body, start, info, types, size)
            except pa.ArrowInvalid as invalid:
                error = str(invalid)
            if "straddling" not in error or size >= _LARGEST_BLOCK:
                break
            size *= 16
        if "conversion error" not in error:
            break
    raise FileError(_explained(error))


def _columns(body: bytes, start: int, info: Info, types: list[pa.DataType], size: int) -> list[NDArray[Any]]:
    """Read block by block into arrays of the final size: at no time is more than one block held twice."""
    import pyarrow as pa
    from pyarrow import csv

    names = [str(index) for index in range(len(types))]
    reader = csv.open_csv(
        pa.BufferReader(pa.py_buffer(body).slice(start)),
        csv.ReadOptions(use_threads=False, block_size=size, column_names=names),
        csv.ParseOptions(newlines_in_values=body.find(b'"', start) >= 0),
        csv.ConvertOptions(
            column_types=dict(zip(names, types, strict=True)), null_values=_NO_NUMBER, check_utf8=False
        ),
    )
    targets: list[_Texts | _Numbers] = []
    first = 0
    for parameter in info.parameters:
        targets.append(_Texts(first, parameter) if parameter.is_text else _Numbers(first, parameter, types))
        first += parameter.width
    with reader:
        for batch in reader:
            # Counting the records would cost a fifth of reading them; a block tells how many there may be.
            guess = int(batch.num_rows * max(1.0, 1.03 * (len(body) - start) / size))
            for target in targets:
                target.add(batch, guess)
    targets.reverse()
    return [targets.pop().finish() for _ in range(len(targets))]


def _explained(words: str) -> str:
    counted = _COUNT.search(words)
    if counted is None:
        return f"These CSV records cannot be read: {words.replace('In ', '')}."
    record = (counted[3] or "")[:120]
    return f"The record {record!r} has {counted[2]} fields, the header says {counted[1]}."


class _Numbers:
    """Gathers the numbers of one parameter."""

    def __init__(self, first: int, parameter: Parameter, types: list[pa.DataType]) -> None:
        import pyarrow as pa

        self.first, self.parameter, self.rows = first, parameter, 0
        self.values = np.empty((0, parameter.width), np.int64 if types[first] == pa.int64() else np.float64)
        self.mask: NDArray[np.bool_] | None = None

    def add(self, batch: Any, guess: int) -> None:
        stop = self.rows + batch.num_rows
        if stop > len(self.values):
            self._grow(max(guess, stop + stop // 8))
        for index in range(self.parameter.width):
            column = batch.column(self.first + index)
            if column.null_count and self.values.dtype.kind == "i":
                if self.mask is None:
                    self.mask = np.zeros(self.values.shape, dtype=bool)
                self.mask[self.rows : stop, index] = column.is_null().to_numpy(zero_copy_only=False)
                column = column.fill_null(0)
            self.values[self.rows : stop, index] = column.to_numpy(zero_copy_only=False)
        self.rows = stop

    def _grow(self, rows: int) -> None:
        # In place: what is never written to takes no memory.
        self.values.resize((rows, self.parameter.width), refcheck=False)
        if self.mask is not None:
            self.mask.resize((rows, self.parameter.width), refcheck=False)

    def finish(self) -> NDArray[Any]:
        self._grow(self.rows)
        values = self.values
        if self.parameter.type == "integer":
            values = whole_or_float(values, self.parameter)
        if self.mask is not None:
            values = np.ma.MaskedArray(values, self.mask)
        return values.reshape(-1, *self.parameter.shape)


class _Texts:
    """Gathers the texts of one parameter as bytes, straight from arrow's buffers: objects would cost most of all."""

    def __init__(self, first: int, parameter: Parameter) -> None:
        self.first, self.parameter, self.rows = first, parameter, 0
        self.values: NDArray[np.bytes_] = np.empty((0, parameter.width), "S1")

    def add(self, batch: Any, guess: int) -> None:
        stop = self.rows + batch.num_rows
        for index in range(self.parameter.width):
            texts = _bytes(batch.column(self.first + index))
            if texts.dtype.itemsize > self.values.dtype.itemsize:
                self.values = self.values.astype(texts.dtype)
            if stop > len(self.values):
                self.values.resize((max(guess, stop + stop // 8), self.parameter.width), refcheck=False)
            self.values[self.rows : stop, index] = texts
        self.rows = stop

    def finish(self) -> NDArray[Any]:
        self.values.resize((self.rows, self.parameter.width), refcheck=False)
        return self.values.reshape(-1, *self.parameter.shape)


def _bytes(column: Any) -> NDArray[np.bytes_]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_fixed_size_binary(kind):
        width = kind.byte_width
        return np.frombuffer(column.buffers()[1], f"S{width}", len(column), column.offset * width)
    offsets = np.frombuffer(column.buffers()[1], np.int32, len(column) + 1, column.offset * 4)
    lengths = np.diff(offsets)
    width = max(1, int(lengths.max(initial=1)))
    grid = np.zeros((len(column), width), np.uint8)
    if lengths.any():
        data = np.frombuffer(column.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
        grid[np.arange(width) < lengths[:, None]] = data
    return grid.view(f"S{width}").reshape(-1)


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
    with contextlib.suppress(ValueError):
        lost |= values == float(parameter.fill if parameter.fill is not None else "nan")
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
