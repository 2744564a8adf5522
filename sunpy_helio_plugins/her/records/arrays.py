"""The records of events as arrays of Arrow, one for each keyword, and back."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.records.blocks import CompressedRecords, Flat, Source, flattened, has_whole_names, plain
from sunpy_helio_plugins.her.records.column import EventRecords
from sunpy_helio_plugins.her.records.decode import decoded_values
from sunpy_helio_plugins.io.arrow.arrays import mask_of_array, objects_of

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["REFUSALS", "ArrowRecords", "KeywordArrays", "LazyRecords", "flat_records", "values_of_array"]

Record = dict[str, Any]
Values = list[Any]
Rows = NDArray[np.intp]

_TYPES = {str: "string", bool: "bool", int: "double", float: "double"}
"""The types of arrays in Arrow. The registry writes whole numbers without a fraction, also among others."""

REFUSALS = (UnicodeError, OverflowError, ValueError, TypeError)
"""What Arrow raises for values that an array cannot represent."""

_CHUNK = 1000
"""The number of records that are converted at a time: these fit into the processor's cache."""


class KeywordArrays:
    """
    The values of each keyword of records as an array; raise a `TypeError` if this is not possible.

    Parameters
    ----------
    records : sequence of dict or of tuple
        The records, or their names and values.

    Attributes
    ----------
    layouts : list of tuple of str
        The different sequences of keywords.
    keys : list of str
        All keywords.
    fields : dict of pyarrow.Array
        The values of each keyword that was converted.
    whole : list of str
        The keywords whose whole numbers are integers.
    others : dict
        The values by row and keyword that do not have the type of the rest.
    """

    def __init__(self, records: Sequence[Record] | Sequence[Flat]) -> None:
        kinds = set(map(type, records))
        if kinds - {dict} and kinds - {tuple}:
            raise TypeError
        self.records: Sequence[Any] = records
        names: Callable[[Any], tuple[Any, ...]] = tuple
        self._values: Callable[[Any], Iterable[Any]] = dict.values
        if kinds == {tuple}:
            names, self._values = operator.itemgetter(0), operator.itemgetter(1)
        known: dict[tuple[Any, ...], list[int]] = {}
        for row, layout in enumerate(map(names, records)):
            known.setdefault(layout, []).append(row)
        self.layouts, self._rows = list(known), [np.array(rows) for rows in known.values()]
        self.keys = list(dict.fromkeys(chain.from_iterable(known)))
        if not self.keys or not all(type(key) is str and key.isprintable() for key in self.keys):
            raise TypeError
        self.fields: dict[str, pa.Array] = {}
        self.whole: list[str] = []
        self.others: dict[int, Record] = {}

    def convert(self, kinds: Mapping[str, type]) -> dict[str, Values]:
        """Convert keywords, whose types are known in case that no record has a value; return the values of others."""
        columns = {name: _Column() for name in kinds}
        rest: dict[str, Values] = {name: [None] * len(self.records) for name in self.keys if name not in kinds}
        for rows, values in self._parts():
            for name, column in columns.items():
                self.keep(name, column.add(rows, values.get(name)))
            for name in rest.keys() & values.keys():
                for row, value in zip(rows.tolist(), values[name], strict=True):
                    rest[name][row] = plain(value)
        order = self._order()
        for name, column in columns.items():
            kind = _TYPES.get(column.kind or kinds[name])
            if kind is None:
                continue
            self.fields[name] = made = column.array(kind, order)
            if column.kind is not None and kind == "double":
                is_whole, others = _integers(made, column.are_integers)
                self.keep(name, others)
                self.whole += [name] * is_whole
        return rest

    @property
    def numbers(self) -> NDArray[np.int32]:
        """The number of the layout of each record."""
        made = np.empty(len(self.records), dtype=np.int32)
        for number, rows in enumerate(self._rows):
            made[rows] = number
        return made

    def keep(self, name: str, cells: Mapping[int, Any]) -> None:
        """Keep the values of some rows as they are."""
        for row, value in cells.items():
            self.others.setdefault(row, {})[name] = plain(value)

    def _parts(self) -> Iterator[tuple[Rows, dict[str, tuple[Any, ...]]]]:
        """Yield the rows of some records of one layout, and their values by keyword."""
        for layout, rows in zip(self.layouts, self._rows, strict=True):
            for first in range(0, len(rows), _CHUNK):
                own = rows[first : first + _CHUNK]
                values = zip(*map(self._values, map(self.records.__getitem__, own.tolist())), strict=True)
                yield own, dict(zip(layout, values, strict=False))

    def _order(self) -> Rows | None:
        """Return where each record is among those of `_parts`; `None` if they have the same order."""
        if len(self.layouts) == 1:
            return None
        made = np.empty(len(self.records), dtype=np.intp)
        made[np.concatenate(self._rows)] = np.arange(len(made))
        return made


def flat_records(column: EventRecords) -> list[Flat] | list[Record]:
    """Return the names and values of records, those of responses without an object of each; or else the records."""
    if not any(isinstance(block.source, CompressedRecords) for block in column.blocks):
        return list(column)
    last, records, order = -1, list[Flat](), None
    made: list[Flat] = []
    for number, row in column.places.tolist():
        if number < 0:
            raise TypeError
        if number != last:
            last, records, order = number, _flat(column.blocks[number].source), column.blocks[number].order
        made.append(records[row if order is None else order[row]])
    return made


def _flat(source: Source) -> list[Flat]:
    if not isinstance(source, CompressedRecords):
        return flattened(source)
    content = source.body()
    found = decoded_values(content)
    events: list[Flat] = [] if found is None else found["result"]
    # Others are not events.
    are_whole = all(map(has_whole_names, {id(names): names for names, _ in events}.values()))
    return events if events and are_whole else flattened(source.records())


class _Column:
    """The values of a keyword; ``kind`` is the type of the first one, and ``are_integers`` of numbers in rows."""

    def __init__(self) -> None:
        self.kind: type | None = None
        self.are_integers: list[tuple[Rows, bool | NDArray[np.bool_]]] = []
        self._pieces: list[pa.Array | int] = []

    def add(self, rows: Rows, values: tuple[Any, ...] | None) -> dict[int, Any]:
        """Add the values of some records; return those of another type by their rows."""
        is_none = values is None or (values[0] is None and values[-1] is None)
        if values is None or (is_none and values.count(None) == len(values)):
            self._pieces.append(len(rows))
            return {}
        if self.kind is None:
            self.kind = next(type(value) for value in values if value is not None)
        kind = _TYPES.get(self.kind, "")
        kinds = frozenset(map(type, values)) if kind == "double" else _NUMBERS
        made, others = _converted(values, kind, kinds <= _NUMBERS)
        self._pieces.append(made)
        if kind == "double" and int in kinds:
            self.are_integers.append((rows, float not in kinds or _are_integers(values)))
        return {int(rows[place]): value for place, value in others.items()}

    def array(self, kind: str, order: Rows | None) -> pa.Array:
        """Return all values as an array, in another order."""
        import pyarrow as pa

        form = pa.type_for_alias(kind)
        counts = [piece if type(piece) is int else 0 for piece in self._pieces]
        if all(counts):
            return pa.nulls(sum(counts), form)
        pieces = [pa.nulls(count, form) if count else piece for piece, count in zip(self._pieces, counts, strict=True)]
        made = pa.concat_arrays(pieces)
        return made if order is None else made.take(pa.array(order))


def _are_integers(values: tuple[Any, ...]) -> NDArray[np.bool_]:
    return np.fromiter(map(operator.is_, map(type, values), repeat(int)), dtype=bool, count=len(values))


def _converted(values: tuple[Any, ...], kind: str, can_be_numbers: bool) -> tuple[pa.Array | int, dict[int, Any]]:
    """Return values as an array of a type, and those of other types by their places."""
    import pyarrow as pa

    if not kind:
        return len(values), {place: value for place, value in enumerate(values) if value is not None}
    try:
        if kind == "string" and values[0] == values[-1] and values.count(values[0]) == len(values):
            return pa.repeat(pa.scalar(values[0], kind), len(values)), {}
        if can_be_numbers:
            return pa.array(values, kind), {}
    except REFUSALS:
        pass
    others = {place: value for place, value in enumerate(values) if value is not None and not _fits(value, kind)}
    return pa.array([None if place in others else value for place, value in enumerate(values)], kind), others


_NUMBERS = frozenset({int, float, type(None)})


def _fits(value: Any, kind: str) -> bool:
    """Return whether Arrow can represent a value."""
    import pyarrow as pa

    try:
        pa.array([value], kind)
    except REFUSALS:
        return False
    return kind != "double" or type(value) in _NUMBERS


def _integers(
    array: pa.Array, known: Iterable[tuple[Rows, bool | NDArray[np.bool_]]]
) -> tuple[bool, dict[int, int | float]]:  # fmt: skip
    """Return whether whole numbers of an array are integers, and those of the other type by their rows."""
    data = array.to_numpy(zero_copy_only=False)
    are_integers = np.zeros(len(data), dtype=bool)
    for rows, one in known:
        are_integers[rows] = one
    whole = _are_whole(data)
    count, integers = np.count_nonzero(whole), np.count_nonzero(whole & are_integers)
    usual = bool(count and 2 * integers >= count)
    wrong = np.flatnonzero(whole & (are_integers != usual)) if 0 < integers < count else np.empty(0, np.intp)
    return usual, {row: float(data[row]) if usual else int(data[row]) for row in wrong.tolist()}


def _are_whole(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.isfinite(values) & (values == np.rint(values))


class ArrowRecords(NamedTuple):
    """
    Records that `KeywordArrays` converted.

    Attributes
    ----------
    fields, layouts, whole, others
        As of `KeywordArrays`; the layouts may be lists.
    numbers : numpy.ndarray of int
        The number of the layout of each record.
    rest : dict of list
        Values of keywords that were not converted.
    """

    fields: Mapping[str, pa.Array]
    layouts: Sequence[Sequence[str]]
    numbers: NDArray[np.int32]
    whole: frozenset[str]
    others: Mapping[int, Record]
    rest: Mapping[str, Values]

    def check(self) -> None:
        """Raise a `ValueError` if the parts do not fit together."""
        import pyarrow as pa

        are_known = (
            pa.types.is_string, pa.types.is_dictionary, pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating,
        )  # fmt: skip
        for name, field in self.fields.items():
            if not any(is_known(field.type) for is_known in are_known):
                raise ValueError(f"the values of {name} are {field.type}")
        if len(self.numbers) and not 0 <= self.numbers.min() <= self.numbers.max() < len(self.layouts):
            raise ValueError("records have an unknown sequence of keywords")
        if any(len(values) != len(self.numbers) for values in self.rest.values()):
            raise ValueError("records and their references differ in length")

    def records(self) -> list[Record]:
        """Return the records."""
        made = np.empty(len(self.numbers), dtype=object)
        for number, layout in enumerate(self.layouts):
            rows = np.flatnonzero(self.numbers == number)
            made[rows] = _records(self.fields, layout, self.whole, rows)
        for name, values in self.rest.items():
            for record, value in zip(made, values, strict=True):
                if name in record:
                    record[name] = value
        for row, other in self.others.items():
            made[row] |= other
        return list(made.tolist())


class LazyRecords(Sequence[Record]):
    """
    Records that are created together when one of them is accessed.

    Parameters
    ----------
    stored : ArrowRecords
        The records.
    """

    def __init__(self, stored: ArrowRecords) -> None:
        self._count = len(stored.numbers)
        self._stored: ArrowRecords | None = stored
        self._records: list[Record] = []

    def _all(self) -> list[Record]:
        stored = self._stored
        if stored is not None:
            # In this order, so that another thread finds one of them.
            self._records = stored.records()
            self._stored = None
        return self._records

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, item: int) -> Record: ...
    @overload
    def __getitem__(self, item: slice) -> list[Record]: ...

    def __getitem__(self, item: int | slice) -> Record | list[Record]:
        """Return a record, or a list of them."""
        return self._all()[item]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._all())

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (self._all(),)


def _records(
    fields: Mapping[str, pa.Array], layout: Sequence[str], whole: frozenset[str], rows: NDArray[np.intp]
) -> NDArray[np.object_]:  # fmt: skip
    """Return the records of one layout."""
    import pyarrow as pa

    order = pa.array(rows)
    template, varied, columns = dict.fromkeys(layout), [], []
    for name in layout:
        field = fields.get(name)
        if field is None or field.null_count == len(field):
            continue
        field = field if len(rows) == len(field) else field.take(order)
        values = values_of_array(field, is_whole=name in whole)
        # Not for zeros, of which two are equal although their signs differ.
        if field.null_count == 0 and values[0] != 0 and values.count(values[0]) == len(values):
            template[name] = values[0]
        else:
            varied.append(name)
            columns.append(values)
    made = np.empty(len(rows), dtype=object)
    for place, row in enumerate(_transposed(columns, len(rows))):
        made[place] = record = template.copy()
        record.update(zip(varied, row, strict=True))
    return made


def _transposed(columns: list[Values], count: int) -> Iterator[tuple[Any, ...]]:
    return zip(*columns, strict=True) if columns else iter([()] * count)


def values_of_array(field: pa.Array, is_whole: bool = False) -> Values:
    """Return the values of an array, `None` for nulls, and whole numbers as integers if they were."""
    import pyarrow as pa

    kind = field.type
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
        return list(objects_of(field).tolist())
    mask = mask_of_array(field)
    data = (field if mask is None else field.fill_null(False if pa.types.is_boolean(kind) else 0)).to_numpy(
        zero_copy_only=False
    )
    made: Values = data.tolist()
    if is_whole:
        are_whole = _are_whole(data)
        if are_whole.all():
            made = data.astype(np.int64).tolist()
        else:
            for row in np.flatnonzero(are_whole).tolist():
                made[row] = int(made[row])
    for row in [] if mask is None else np.flatnonzero(mask).tolist():
        made[row] = None
    return made
