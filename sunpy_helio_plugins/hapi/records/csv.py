"""Decode CSV records to columns."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.model import NUMBERS, Info, Parameter
from sunpy_helio_plugins.quantities.exact import check_size
from sunpy_helio_plugins.quantities.fills import exact_integer, is_fill

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "EXACT",
    "INTEGERS",
    "NO_NUMBER",
    "ColumnBuffers",
    "concatenated",
    "empty",
    "exact_json",
    "expected_lines",
    "from_csv",
    "integers",
    "integers_of",
    "is_names_row",
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

_LARGE = re.compile(rb"\d{16}[.eE]|\d[eE]\+?\d\d")
"""JSON numbers that may be integers beyond `EXACT`, written as floats."""


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


def exact_json(text: bytes) -> Any:
    """Decode JSON; integers beyond `EXACT` stay exact, also if they are written as ``9007199254740993.0``."""
    check_size(text)
    may_be = (b'"parameters"' not in text or b'"integer"' in text or b'"long"' in text) and _LARGE.search(text)
    return json.loads(text, parse_float=_decoded if may_be else None)


def _decoded(text: str) -> int | float:
    number = float(text)
    if -EXACT < number < EXACT or not np.isfinite(number):
        return number
    exact = exact_integer(text)
    return number if exact is None else exact


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


def concatenated(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Concatenate columns of several responses; raise an error if their integers need different types."""
    kinds = {part.dtype.kind for part in parts if part.size}
    if len(kinds) > 1 and kinds <= set("iuf"):
        if "f" not in kinds and all(part.dtype.kind == "u" or np.ma.getdata(part).min() >= 0 for part in parts):
            parts = [part.astype(np.uint64) for part in parts]
        elif any(_is_inexact(part) for part in parts):
            raise FileError("The responses contain integers that do not fit into a common type; read them one by one.")
    is_masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
    joined: NDArray[Any] = np.ma.concatenate(parts) if is_masked else np.concatenate(parts)
    return joined


def _is_inexact(part: NDArray[Any]) -> bool:
    """Return whether integers change if they are converted to floats."""
    if part.dtype.kind not in "iu":
        return False
    plain = np.ma.getdata(part)
    return bool(part.size and (plain.max() > EXACT or plain.min() < -EXACT))


def _read_number(cell: Any, parameter: Parameter) -> int | float | None:
    """Parse one field as an integer, else as a float; return `None` for a missing value."""
    text = cell.decode("utf-8", "replace").strip() if isinstance(cell, bytes) else cell
    text = text.strip() if isinstance(text, str) else text
    if text is None or (isinstance(text, str) and text in _NOTHING) or text != text:
        return None
    try:
        exact = int(text) if isinstance(text, bool) else exact_integer(text)
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


_SAMPLES, _SAMPLE = 16, 1 << 14


def expected_lines(body: bytes, start: int) -> int:
    """Estimate the number of lines from samples of the body, and rather overestimate it."""
    whole = len(body) - start
    if whole <= _SAMPLES * _SAMPLE:
        return body.count(b"\n", start) + 1
    places = range(start, len(body) - _SAMPLE, (whole - _SAMPLE) // _SAMPLES)
    counted = sum(body.count(b"\n", place, place + _SAMPLE) for place in places)
    return int(1.03 * whole * counted / (len(places) * _SAMPLE)) + _SAMPLES


class ColumnBuffers:
    """
    Collect the values of all parameters, block by block.

    Parameters
    ----------
    parameters : sequence of Parameter
        The parameters in the order of their fields.
    types : sequence of pyarrow.DataType
        The types of all fields.
    room : int
        The expected number of records.
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
        """Append a block of records."""
        if not batch.num_rows:
            return
        rows = slice(self.rows, self.rows + batch.num_rows)
        if rows.stop > self.room:
            self._resize(rows.stop + rows.stop // 4)
        for one in self._all():
            one.add(rows, batch)
        self.rows = rows.stop

    def finish(self) -> list[NDArray[Any]]:
        r"""Return one array of shape (n, \*shape) for each parameter; missing integers are masked."""
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
    Collect the fields of one numeric type as the rows of a single array.

    The columns of a table share this array, as those of a `pandas.DataFrame` do: hundreds of separate arrays would take
    more time than copying the numbers.
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
        # Missing floats are NaN. For integers, null_to_nan would convert them to floats.
        is_float = self.values.dtype.kind == "f"
        self.values[:, rows] = part.to_tensor(null_to_nan=is_float, row_major=False).to_numpy().T
        if self.mask is not None:
            self.mask[:, rows] = False if missing is None else missing

    def finish(self, rows: int, fields: slice) -> NDArray[Any]:
        values = self.values[fields, :rows].T
        return values if self.mask is None else np.ma.MaskedArray(values, self.mask[fields, :rows].T)


class _Texts:
    """Collect the strings of one parameter as bytes from the buffers of arrow; Python objects would be much slower."""

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
    """Copy the first rows into an array of another size; memory that is not written to is not allocated."""
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


_HEAD = 1 << 16

_MANY = 10_000

_BLOCK = 1 << 19

_WIDE, _WIDE_BLOCK = 100, 1 << 22
"""Records of many fields are parsed in larger blocks: each block takes a microsecond for each field."""

_LARGEST_BLOCK = 1 << 30

_COUNT = re.compile(r"Expected (\d+) columns, got (\d+)(?:: (.*))?", re.DOTALL)


def from_csv(body: bytes, info: Info, start: int = 0) -> list[NDArray[Any]]:
    r"""Parse CSV records after the offset ``start`` to one array of shape (n, \*shape) for each parameter."""
    fields = sum(parameter.width for parameter in info.parameters)
    head = body[start : start + _HEAD]
    if not head.strip() and not body[start:].strip():
        return [empty(parameter) for parameter in info.parameters]
    start += _names_row(head, info)
    _check_first(body, start, fields)
    return _read(body, start, info, fields)


def empty(parameter: Parameter) -> NDArray[Any]:
    """Return an array of zero records for a parameter."""
    kind: Any = "S1" if parameter.is_text else kind_of(parameter) if parameter.type in INTEGERS else "f8"
    return np.empty((0, *parameter.shape), dtype=kind)


def _names_row(head: bytes, info: Info) -> int:
    """Return the length of a first line that contains the names or labels of the parameters, else 0."""
    row, end, _ = head.partition(b"\n")
    shown = row.decode("utf-8", "replace").strip().replace('"', "").lower()
    names = ",".join(name for one in info.parameters for name in [one.name] * one.width).lower()
    titles = ",".join(title for one in info.parameters for title in one.labels or [one.title]).lower()
    return len(row) + len(end) if shown in (names, titles, ",".join(info.names).lower()) else 0


def is_names_row(line: bytes, info: Info) -> bool:
    """Return whether a line contains the names or labels of the parameters."""
    return _names_row(line, info) > 0


def _check_first(body: bytes, start: int, fields: int) -> None:
    """Refuse a body with fewer separators than one record needs, before that many columns are created."""
    if fields > _MANY and body.count(b",", start) < fields - 1:
        shown = body[start : start + 120].partition(b"\n")[0].decode("utf-8", "replace")
        raise FileError(f"The record {shown!r} has fewer fields than the {fields} that the header describes.")


def _read(body: bytes, start: int, info: Info, fields: int) -> list[NDArray[Any]]:
    """Parse with one choice of types after the other, and in larger blocks if a record does not fit into one."""
    import pyarrow as pa

    size, error = _WIDE_BLOCK if fields > _WIDE else _BLOCK, ""
    for types, no_number in _choices(info, body[start : start + _HEAD]):
        while True:
            try:
                return _columns(body, start, info, types, no_number, size)
            except pa.ArrowInvalid as invalid:
                error = str(invalid)
            if "straddling" not in error or size >= _LARGEST_BLOCK:
                break
            size *= 16
        if "conversion error" not in error:
            break
    raise FileError(_explained(error))


def _choices(info: Info, head: bytes) -> Iterator[tuple[list[pa.DataType], list[str]]]:
    """
    Yield the types of all fields, and the strings that represent missing numbers.

    The first choice suits most servers. The next ones allow missing numbers, and integers that are read as strings:
    they may be "1.0", exceed 63 bits, or have a fill value beyond any integer (hapiclient's issue 73). The last one
    reads parameters of unknown types as strings.
    """
    import pyarrow as pa

    length = len(re.split(rb"[,\r\n]", head.lstrip(), maxsplit=1)[0].strip(b'"'))
    text = pa.binary()
    # Searching for these strings takes a tenth of the time; arrow parses NaN as a number anyway.
    for first, whole, other, no_number in (
        (pa.binary(length) if length and info.time.width == 1 else text, pa.int64(), pa.float64(), []),
        (text, pa.int64(), pa.float64(), NO_NUMBER),
        (text, text, pa.float64(), NO_NUMBER),
        (text, text, text, NO_NUMBER),
    ):
        kinds = {"double": pa.float64(), "integer": whole, "long": whole, "string": text, "isotime": text}
        types = [kinds.get(one.type, other) for one in info.parameters for _ in range(one.width)]
        yield [first, *types[1:]], no_number


def _columns(
    body: bytes, start: int, info: Info, types: list[pa.DataType], no_number: list[str], size: int
) -> list[NDArray[Any]]:
    import pyarrow as pa
    from pyarrow import csv

    names = [str(index) for index in range(len(types))]
    is_wide, lent = len(types) > _WIDE, memoryview(body)
    may_quote = any(parameter.type not in NUMBERS for parameter in info.parameters[1:]) and body.find(b'"', start) >= 0
    gathered = ColumnBuffers(info.parameters, types, expected_lines(body, start))
    reader = None
    try:
        reader = csv.open_csv(
            pa.BufferReader(pa.py_buffer(lent).slice(start)),
            csv.ReadOptions(use_threads=False, block_size=size, column_names=names),
            csv.ParseOptions(newlines_in_values=may_quote),
            csv.ConvertOptions(
                column_types=dict(zip(names, types, strict=True)), null_values=no_number, check_utf8=False
            ),
            # Arrow's allocator is faster for many small buffers, but it retains pages of 2 MB.
            memory_pool=pa.default_memory_pool() if is_wide else pa.system_memory_pool(),
        )
        with reader:
            for batch in reader:
                gathered.add(batch)
    finally:
        del reader
        _take_back(lent)
    return gathered.finish()


def _take_back(lent: memoryview) -> None:
    """
    Wait until the threads of Arrow have returned the bytes, usually at once.

    One that does so while Python exits ends the process: "terminate called without an active exception".
    """
    for _ in range(_MOST_WAITS):
        with contextlib.suppress(BufferError):
            lent.release()
            return
        time.sleep(1e-4)


_MOST_WAITS = 2000


def _explained(words: str) -> str:
    counted = _COUNT.search(words)
    if counted is None:
        return f"These CSV records cannot be read: {words.replace('In ', '')}."
    record = (counted[3] or "")[:120]
    return f"The record {record!r} has {counted[2]} fields, but the header describes {counted[1]}."
