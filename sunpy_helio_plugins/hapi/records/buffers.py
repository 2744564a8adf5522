"""The values of records as arrays that grow block by block, and the common types of their blocks."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.model import Parameter
from sunpy_helio_plugins.quantities.days import time_of_parts
from sunpy_helio_plugins.quantities.fills import exact_integer, is_fill
from sunpy_helio_plugins.quantities.iso8601 import split
from sunpy_helio_plugins.quantities.leap import JD_1970, quasi_lengths
from sunpy_helio_plugins.quantities.spans import parts_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "EXACT",
    "INTEGERS",
    "NO_NUMBER",
    "ColumnBuffers",
    "Instants",
    "concatenated",
    "empty",
    "integers",
    "integers_of",
    "kind_of",
]

INTEGERS = ("integer", "long")
"""The types of integers; ``long`` is from a later version of HAPI."""

NO_NUMBER = ["", "NaN", "nan", "NAN", "Nan", "-nan", "-NaN", "null", "NULL", "None"]
"""The strings that servers send for missing numbers."""

EXACT = 2**53
"""The largest integer up to which every integer can be represented as a float."""

_SIGNED, _UNSIGNED = np.iinfo(np.int64), np.iinfo(np.uint64)

_NOTHING = frozenset(NO_NUMBER)


def kind_of(parameter: Parameter) -> type[np.int64] | type[np.uint64]:
    """Return the type of an integer parameter: unsigned if its fill value needs it."""
    fill = None if parameter.fill is None else exact_integer(parameter.fill)
    return np.uint64 if fill is not None and _SIGNED.max < fill <= _UNSIGNED.max else np.int64


def integers(values: NDArray[Any], parameter: Parameter) -> NDArray[Any]:
    """Convert integers of any width to the type that the header implies; masks are kept."""
    kind = kind_of(parameter)
    if values.dtype == kind:
        return values
    if kind is np.int64:
        is_large = values.dtype == np.uint64 and values.size and np.ma.getdata(values).max() > _SIGNED.max
        return values if is_large else values.astype(kind)
    if values.size and np.ma.getdata(values).min() < 0:
        return integers_of([int(value) for value in values.ravel()], parameter).reshape(values.shape)
    return values.astype(kind)


def integers_of(cells: Sequence[Any] | NDArray[np.bytes_], parameter: Parameter) -> NDArray[Any]:
    """
    Convert the fields of an integer parameter in any spelling, such as ``1.0`` and ``1e3``.

    Missing values are masked, and so is a fill value beyond 64 bits. The result is floats if any value is not integral,
    contrary to the header; a `FileError` is raised if these cannot represent one of the integers.
    """
    known: dict[Any, int | float | None] = {}
    read: list[int | float | None] = []
    for cell in cells.tolist() if isinstance(cells, np.ndarray) else cells:
        # 1, 1.0 and True are one key.
        key = (type(cell), cell)
        if key not in known:
            known[key] = _read_number(cell, parameter)
        read.append(known[key])
    present = [value for value in read if value is not None]
    if any(isinstance(value, float) for value in present):
        return _floats(read, parameter)
    kind = _kind(present, parameter)
    filled = np.array([0 if value is None else value for value in read], dtype=kind)
    if len(present) == len(read):
        return filled
    return np.ma.MaskedArray(filled, [value is None for value in read])


def _is_inexact(part: NDArray[Any]) -> bool:
    """Return whether integers change if they are converted to floats."""
    if part.dtype.kind not in "iu":
        return False
    plain = np.ma.getdata(part)
    return bool(part.size and (plain.max() > EXACT or plain.min() < -EXACT))


_HEXADECIMAL = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
"""The notation that Arrow reads in columns of integers."""


def _read_number(cell: Any, parameter: Parameter) -> int | float | None:
    """Parse one field as an integer, else as a float; return `None` for a missing value."""
    text = cell.decode("utf-8", "replace").strip() if isinstance(cell, bytes) else cell
    text = text.strip() if isinstance(text, str) else text
    if text is None or (isinstance(text, str) and text in _NOTHING) or text != text:
        return None
    try:
        is_hexadecimal = isinstance(text, str) and _HEXADECIMAL.fullmatch(text)
        exact = int(text, 16) if is_hexadecimal else int(text) if isinstance(text, bool) else exact_integer(text)
        number = float(text) if exact is None or not _SIGNED.min <= exact <= _UNSIGNED.max else None
    except (TypeError, ValueError, OverflowError):
        raise FileError(f"{text!r} is not a valid {parameter.type} of the parameter {parameter.name!r}.") from None
    if number is None:
        return exact
    return None if not np.isfinite(number) or is_fill(np.array([number]), parameter.fill) is not None else number


def _kind(present: Sequence[Any], parameter: Parameter) -> Any:
    kind = kind_of(parameter)
    least, most = min(present, default=0), max(present, default=0)
    if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
        return kind
    if least >= 0 or most <= _SIGNED.max:
        return np.uint64 if least >= 0 else np.int64
    raise FileError(
        f"The parameter {parameter.name!r} contains {least} and {most}, which do not fit into one type of "
        "64 bits; request shorter ranges."
    )


def _floats(read: Sequence[int | float | None], parameter: Parameter) -> NDArray[np.float64]:
    changed = next((value for value in read if isinstance(value, int) and int(float(value)) != value), None)
    if changed is not None:
        raise FileError(
            f"The type of {parameter.name!r} is integer according to the header, but not all of its values are; "
            f"{changed} cannot be represented as a float. Correct the type in the header, or the values."
        )
    return np.array([np.nan if value is None else value for value in read], dtype=float)


def concatenated(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Concatenate columns of several responses; raise an error if their integers need different types."""
    kinds = {part.dtype.kind for part in parts if part.size}
    if len(kinds) > 1 and kinds <= set("iuf"):
        if "f" not in kinds and all(part.dtype.kind == "u" or np.ma.getdata(part).min() >= 0 for part in parts):
            parts = [part.astype(np.uint64) for part in parts]
        elif any(_is_inexact(np.ma.getdata(part)) for part in parts):
            raise FileError("The responses contain integers that do not fit into a common type; read them one by one.")
    is_masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
    joined: NDArray[Any] = np.ma.concatenate(parts) if is_masked else np.concatenate(parts)
    return joined


def empty(parameter: Parameter) -> NDArray[Any]:
    """Return an array of zero records for a parameter."""
    kind: Any = "S1" if parameter.is_text else kind_of(parameter) if parameter.type in INTEGERS else "f8"
    return np.empty((0, *parameter.shape), dtype=kind)


class Instants:
    """
    Times as days and fractions of days, for the number of time stamps that is expected.

    The time stamps are parsed block by block: parsing all of them would need six times the memory of the result, and
    parsing a few at a time would take longer.
    """

    _BLOCK = 1 << 20

    def __init__(self, room: int) -> None:
        self.day, self.fraction = np.empty(room), np.empty(room)
        self._few: list[NDArray[np.bytes_]] = []
        self._first = self._next = 0

    def resize(self, rows: int, room: int) -> None:
        """Change the number of expected time stamps; the first ``rows`` of them are kept."""
        self.day, self.fraction = (_resized(one[None], rows, room)[0] for one in (self.day, self.fraction))

    def add(self, first: int, stamps: NDArray[Any]) -> None:
        """Add time stamps in the forms of HAPI, or ordinals, shape (n,), to the rows from ``first`` on."""
        if stamps.dtype.kind == "i":
            rows = slice(first, first + len(stamps))
            self.day[rows], self.fraction[rows] = parts_of(stamps)
            return
        if first != self._next:
            self.flush()
            self._first = first
        self._few.append(np.ascontiguousarray(stamps, dtype="S"))
        self._next = first + len(stamps)
        if (self._next - self._first) * max(1, self._few[-1].dtype.itemsize) >= self._BLOCK:
            self.flush()

    def flush(self) -> None:
        """Parse the time stamps that were added."""
        few, first = self._few, self._first
        self._few, self._first = [], self._next
        if few:
            self._parse(first, few[0] if len(few) == 1 else np.concatenate(few))

    def cut(self, rows: int) -> None:
        """Remove the time stamps after the first ``rows``."""
        if self._next > rows:
            kept = max(0, rows - self._first)
            self._few = [np.concatenate(self._few)[:kept]] if kept else []
            self._first = min(self._first, rows)
            self._next = rows

    def _parse(self, first: int, stamps: NDArray[np.bytes_]) -> None:
        step = max(1, self._BLOCK // max(1, stamps.dtype.itemsize))
        for start in range(0, len(stamps), step):
            days, nanos = split(stamps[start : start + step])
            rows = slice(first + start, first + start + len(days))
            np.add(days, JD_1970 + 0.5, out=self.day[rows])
            np.divide(nanos, quasi_lengths(days), out=self.fraction[rows])
            self.fraction[rows] -= 0.5

    def finish(self, rows: int) -> Time:
        """Return the first rows as the same times as `times.from_iso` does."""
        self.flush()
        return time_of_parts(self.day[:rows], self.fraction[:rows])


class ColumnBuffers:
    """
    Collect the values of all parameters, block by block and file by file.

    The columns of one numeric type share an array, as those of a `pandas.DataFrame` do: hundreds of separate arrays
    would take more time than copying the numbers. A column whose type changes gets an array of its own.

    Parameters
    ----------
    parameters : sequence of Parameter
        The parameters in the order of their fields.
    room : int
        The expected number of records. Memory that is not written to is not allocated.
    has_instants : bool, optional
        Whether the primary times are parsed; they are time stamps otherwise.
    """

    def __init__(self, parameters: Sequence[Parameter], room: int, has_instants: bool = False) -> None:
        self.rows, self.room = 0, max(1, room)
        self.instants = Instants(self.room) if has_instants else None
        ends = np.cumsum([parameter.width for parameter in parameters]).tolist()
        fields = [range(end - one.width, end) for end, one in zip(ends, parameters, strict=True)]
        self._buffers = list(map(_Buffer, parameters, fields))
        kinds = dict.fromkeys(one.kind for one in self._buffers if one.kind != _TEXT)
        self._groups = [_Group(kind, self._buffers, self.room) for kind in kinds]
        for one in self._buffers[1:] if has_instants else self._buffers:
            if one.kind == _TEXT:
                one.values = np.empty((len(one.fields), self.room), _TEXT)

    def add(self, columns: Sequence[NDArray[Any]]) -> None:
        r"""Append columns, one array of shape (n, \*shape) for each parameter."""
        rows = self._next(len(columns[0]))
        if rows is None:
            return
        for one, values in zip(self._buffers, columns, strict=True):
            if one.values is None:
                self._parse(rows, values)
            else:
                one.add(rows, values)
        self.rows = rows.stop

    def add_batch(self, batch: pa.RecordBatch) -> None:
        """Append a block of records with one column of Arrow for each field."""
        rows = self._next(batch.num_rows)
        if rows is None:
            return
        done = [group.kind for group in self._groups if group.add(rows, batch)]
        for one in self._buffers:
            if one.kind in done:
                continue
            texts = _texts(batch, one.fields)
            if one.values is None:
                self._parse(rows, texts)
            elif one.parameter.type in INTEGERS:
                one.add(rows, integers_of(texts.ravel(), one.parameter))
            else:
                one.add(rows, texts)
        self.rows = rows.stop

    def cut(self, rows: int) -> None:
        """Remove the records after the first ``rows``."""
        self.rows = rows
        if self.instants is not None:
            self.instants.cut(rows)

    def finish(self) -> list[Any]:
        r"""
        Return one array of shape (n, \*shape) for each parameter; missing integers are masked.

        The first one is an `~astropy.time.Time` if the times are parsed.
        """
        if self.rows < 0.8 * self.room and self.rows * sum(len(one.fields) for one in self._buffers) < _FEW:
            self._resize(self.rows)
        if self.instants is not None:
            with _valid_times():
                self.instants.flush()
        return [
            self.instants.finish(self.rows) if one.values is None and self.instants else one.finish(self.rows)
            for one in self._buffers
        ]

    def _next(self, count: int) -> slice | None:
        """Return the rows of a further block, for which there is room; `None` if it is empty."""
        rows = slice(self.rows, self.rows + count)
        if rows.stop > self.room:
            self._resize(rows.stop + rows.stop // 4)
        return rows if count else None

    def _parse(self, rows: slice, stamps: NDArray[Any]) -> None:
        if self.instants is not None:  # pragma: no branch - only called for the times
            with _valid_times():
                self.instants.add(rows.start, np.ma.getdata(stamps).reshape(rows.stop - rows.start))

    def _resize(self, room: int) -> None:
        self.room = max(1, room)
        if self.instants is not None:
            self.instants.resize(self.rows, self.room)
        for one in self._buffers:
            one.resize(self.rows, self.room)
        for group in self._groups:
            group.resize(self.rows, self.room)


@contextlib.contextmanager
def _valid_times() -> Iterator[None]:
    """Convert errors of time stamps to errors of the file."""
    try:
        yield
    except ValueError as error:
        raise FileError(f"A record does not begin with a valid time: {error}") from None


_FEW = 1 << 22
"""The largest number of values that are copied to an array of their size at the end; more remain in a larger one."""


_TEXT = "S1"


class _Group:
    """The columns of one numeric type, whose fields are the rows of a single array."""

    def __init__(self, kind: str, buffers: Sequence[_Buffer], room: int) -> None:
        self.kind = kind
        self._buffers = [one for one in buffers if one.kind == kind]
        self._fields = [field for one in self._buffers for field in one.fields]
        self._values = np.empty((len(self._fields), room), kind)
        self._lend()

    def resize(self, rows: int, room: int) -> None:
        """Change the number of rows."""
        self._values = _resized(self._values, rows, room)
        self._lend()

    def add(self, rows: slice, batch: pa.RecordBatch) -> bool:
        """Copy the fields of this group from a batch, and return whether they have its type."""
        import pyarrow as pa

        part = batch.select(self._fields)
        if any(kind != pa.from_numpy_dtype(self.kind) for kind in set(part.schema.types)):
            return False
        is_float, missing = self.kind == "f8", None
        if not is_float and any(column.null_count for column in part.columns):
            missing = np.stack([column.is_null().to_numpy(zero_copy_only=False) for column in part.columns])
            part = pa.RecordBatch.from_arrays([column.fill_null(0) for column in part.columns], schema=part.schema)
        # Missing floats are NaN. For integers, null_to_nan would convert them to floats.
        grid = part.to_tensor(null_to_nan=is_float, row_major=False).to_numpy().T
        if missing is None and all(one.is_plain for one in self._buffers):
            self._values[:, rows] = grid
            return True
        for one, place in self._places():
            lost = None if missing is None else missing[place]
            one.add(rows, grid[place].T, None if lost is None or not lost.any() else lost)
        return True

    def _lend(self) -> None:
        for one, place in self._places():
            if not one.is_own:
                one.values = self._values[place]

    def _places(self) -> Iterator[tuple[_Buffer, slice]]:
        end = 0
        for one in self._buffers:
            end += len(one.fields)
            yield one, slice(end - len(one.fields), end)


class _Buffer:
    """The values of one parameter: one row for each of its fields, or none for times that are parsed elsewhere."""

    def __init__(self, parameter: Parameter, fields: range) -> None:
        self.parameter, self.fields = parameter, fields
        self.kind = _TEXT if parameter.is_text else "i8" if parameter.type in INTEGERS else "f8"
        self.values: NDArray[Any] | None = None
        self.mask: NDArray[np.bool_] | None = None
        self.is_own = self.kind == _TEXT

    @property
    def is_plain(self) -> bool:
        """Whether the column is part of the array of its group, and does not have a mask."""
        return not self.is_own and self.mask is None

    def add(self, rows: slice, values: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> None:
        """Copy values of any type to some rows."""
        plain = np.ma.getdata(values).reshape(-1, len(self.fields)).T
        if isinstance(values, np.ma.MaskedArray):
            missing = np.ma.getmaskarray(values).reshape(-1, len(self.fields)).T
        own = self._fitting(rows.start, plain)
        is_decoded = own.dtype.kind == "U" and plain.dtype.kind == "S"
        own[:, rows] = np.char.decode(plain, "utf-8", "replace") if is_decoded else plain
        if missing is not None and self.mask is None:
            self.mask = np.zeros(own.shape, dtype=bool)
        if self.mask is not None:
            self.mask[:, rows] = False if missing is None else missing

    def _fitting(self, rows: int, plain: NDArray[Any]) -> NDArray[Any]:
        """Return the array, in a type that these and the values of the first rows have in common."""
        assert self.values is not None  # noqa: S101 - for the type checker: only times have none
        has, given = self.values.dtype, plain.dtype
        if has == given or (has.kind == given.kind and np.can_cast(given, has)):
            return self.values
        kind = _common_type(self.values[:, :rows], plain) if rows else given
        self.values, self.is_own = _resized(self.values, rows, self.values.shape[1], kind), True
        return self.values

    def resize(self, rows: int, room: int) -> None:
        """Change the number of rows; a column of a group gets its array from the group."""
        if self.values is not None and self.is_own:
            self.values = _resized(self.values, rows, room)
        if self.mask is not None:
            self.mask = _resized(self.mask, rows, room)

    def finish(self, rows: int) -> NDArray[Any]:
        """Return the first rows."""
        if self.values is None or not rows:
            return empty(self.parameter)
        values = _shaped(self.values[:, :rows], self.parameter)
        if self.mask is not None and self.mask[:, :rows].any():
            values = np.ma.MaskedArray(values, _shaped(self.mask[:, :rows], self.parameter))
        return integers(values, self.parameter) if values.dtype.kind in "iu" else values


def _shaped(grid: NDArray[Any], parameter: Parameter) -> NDArray[Any]:
    r"""Return an array of the shape (fields, n) as (n, \*shape), without a copy."""
    return np.moveaxis(grid.reshape(*parameter.shape, grid.shape[1]), -1, 0)


def _common_type(one: NDArray[Any], other: NDArray[Any]) -> np.dtype[Any]:
    """Return the type for values of two blocks; raise an error if integers cannot be represented in it."""
    kinds = {one.dtype.kind, other.dtype.kind}
    if len(kinds) == 1 or not kinds <= set("iuf"):
        return np.promote_types(one.dtype, other.dtype)
    if "f" not in kinds and all(part.dtype.kind == "u" or part.min() >= 0 for part in (one, other)):
        return np.dtype(np.uint64)
    if any(_is_inexact(part) for part in (one, other)):
        raise FileError("The records contain integers that do not fit into a common type; read them in parts.")
    return np.dtype(np.float64)


def _resized(values: NDArray[Any], rows: int, room: int, dtype: np.dtype[Any] | None = None) -> NDArray[Any]:
    """Copy the first rows into an array of another size; memory that is not written to is not allocated."""
    resized = np.empty((len(values), room), dtype or values.dtype)
    if values.dtype.kind == "S" and resized.dtype.kind == "U":
        resized[:, :rows] = np.char.decode(values[:, :rows], "utf-8", "replace") if rows else ""
    else:
        resized[:, :rows] = values[:, :rows]
    return resized


def _texts(batch: pa.RecordBatch, fields: Sequence[int]) -> NDArray[np.bytes_]:
    """Return fields of Arrow as texts, shape (n, fields); a number becomes the text that it was."""
    columns = [batch.column(field) for field in fields]
    found = [_bytes(one) if _is_text(one.type) else one.to_numpy(zero_copy_only=False) for one in columns]
    return np.stack(found, axis=1) if len(found) > 1 else found[0][:, None]


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_fixed_size_binary(kind))


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
