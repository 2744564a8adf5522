"""
Events as the registry sent them: the values of each keyword, and the complete records.

A response is divided into columns at once, while it is in the processor's cache. Its records are objects with about 150
members, ten times as large as the text: they are kept as compressed text, and are decoded again when they are accessed.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any, Self

import numpy as np
from astropy.utils.data_info import ParentDtypeInfo
from numpy.typing import NDArray

__all__ = ["Cells", "CompressedRecords", "EventRecords", "RecordBlock", "nothing"]

Record = dict[str, Any]
Rows = NDArray[np.intp]

_NOTHING = frozenset({type(None)})
_NUMBERS = frozenset({int, float, type(None)})
_WORDS = (frozenset({str, type(None)}), frozenset({bool, type(None)}))

_LARGEST = 2.0**53
"""Floats cannot represent all integers from here on."""

_SAMPLE, _MOST_IN_SAMPLE = 64, 16
"""The number of values from which it is estimated whether few of them are different."""


@dataclass(frozen=True, eq=False, slots=True)
class Cells:
    """
    The values of one keyword, in one of three forms.

    Attributes
    ----------
    kinds : frozenset of type
        Their types.
    numbers, are_whole : numpy.ndarray or None
        Numbers, NaN for `None`, and which of them are integers.
    words, places : list and numpy.ndarray, or None
        The different values in the order of their first rows, and the index of each row's.
    objects : list or None
        The values themselves.
    """

    kinds: frozenset[type]
    numbers: NDArray[np.float64] | None = None
    are_whole: NDArray[np.bool_] | None = None
    words: list[Any] | None = None
    places: NDArray[np.int32] | None = None
    objects: list[Any] | None = None

    @classmethod
    def of(cls, values: list[Any]) -> Cells:
        """Return values in their most compact form."""
        first, last = (values[0], values[-1]) if values else (None, None)
        if (first is None or type(first) is str) and first == last and values.count(first) == len(values):
            # Most columns of a response.
            return cls(frozenset({type(first)}), words=[first], places=_same(len(values)))
        types = list(map(type, values))
        kinds = frozenset(types)
        if kinds <= _NUMBERS:
            return _numbers(values, types, kinds) or cls(kinds, objects=values)
        if any(kinds <= known for known in _WORDS) and len(set(values[:_SAMPLE])) <= _MOST_IN_SAMPLE:
            known = {value: place for place, value in enumerate(dict.fromkeys(values))}
            return cls(kinds, words=list(known), places=_places(known, values))
        return cls(kinds, objects=values)

    def __len__(self) -> int:
        return len(next(part for part in (self.numbers, self.places, self.objects) if part is not None))

    @property
    def is_nothing(self) -> bool:
        """Whether all values are missing."""
        return self.kinds <= _NOTHING

    @property
    def different(self) -> list[Any]:
        """The different values, or all of them in the other forms."""
        return self.values if self.words is None else self.words

    @property
    def values(self) -> list[Any]:
        """The values; not to be changed."""
        if self.objects is not None:
            return self.objects
        if self.words is not None:
            return _spread(self.words, self.places).tolist()
        assert self.numbers is not None  # noqa: S101 - one of three forms
        made: list[Any] = self.numbers.tolist()
        for row in np.flatnonzero(np.isnan(self.numbers)).tolist():
            made[row] = None
        for row in [] if self.are_whole is None else np.flatnonzero(self.are_whole).tolist():
            made[row] = int(made[row])
        return made

    def value(self, row: int) -> Any:
        """Return the value of a row."""
        return self.take(np.array([row])).values[0]

    def changed(self, changes: dict[int, Any]) -> Cells:
        """Return the values with others in some rows: numbers or `None`."""
        if self.numbers is None:
            values = list(self.values)
            for row, value in changes.items():
                values[row] = value
            return Cells.of(values)
        data, rows = self.numbers.copy(), list(changes)
        data[rows] = np.array(list(changes.values()), dtype=float)
        whole = None if self.are_whole is None else self.are_whole.copy()
        if whole is not None:
            whole[rows] = False
        return _of_numbers(data, whole)

    def take(self, rows: Rows) -> Cells:
        """Return the values of some rows."""
        if self.objects is not None:
            found = _spread(self.objects, rows).tolist()
            return Cells(frozenset(map(type, found)), objects=found)
        if self.words is not None and self.places is not None:
            used, first, places = np.unique(self.places[rows], return_index=True, return_inverse=True)
            order = np.argsort(first)
            words = [self.words[used[one]] for one in order]
            return Cells(frozenset(map(type, words)), words=words, places=np.argsort(order)[places].astype(np.int32))
        assert self.numbers is not None  # noqa: S101 - one of three forms
        whole = None if self.are_whole is None else self.are_whole[rows]
        return _of_numbers(self.numbers[rows], whole)


def nothing(count: int) -> Cells:
    """Return missing values."""
    return Cells(_NOTHING, words=[None], places=_same(count))


def _same(count: int) -> NDArray[np.int32]:
    return np.broadcast_to(np.int32(0), count)


def _places(known: dict[Any, int], values: list[Any]) -> NDArray[np.int32]:
    if len(known) == 1:
        return _same(len(values))
    return np.fromiter(map(known.__getitem__, values), dtype=np.int32, count=len(values))


def _spread(values: list[Any], rows: Any) -> NDArray[np.object_]:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return np.asarray(made[rows])


def _numbers(values: list[Any], types: list[type], kinds: frozenset[type]) -> Cells | None:
    """Return numbers as an array; `None` if they could not be restored from it."""
    try:
        data = np.array(values, dtype=float)
    except OverflowError:
        return None
    if int in kinds and (np.abs(data) >= _LARGEST).any():
        return None
    if np.count_nonzero(np.isnan(data)) != (values.count(None) if type(None) in kinds else 0):
        return None
    whole = None
    if int in kinds:
        whole = np.fromiter(map(operator.is_, types, repeat(int)), dtype=bool, count=len(types))
    return Cells(kinds, numbers=data, are_whole=whole)


def _of_numbers(data: NDArray[np.float64], whole: NDArray[np.bool_] | None) -> Cells:
    gone = np.isnan(data)
    are_whole = np.zeros(len(data), dtype=bool) if whole is None else whole
    found = (type(None), gone.any()), (int, are_whole.any()), (float, not (gone | are_whole).all())
    kinds = frozenset(kind for kind, is_found in found if is_found)
    if kinds <= _NOTHING:
        return nothing(len(data))
    return Cells(kinds, numbers=data, are_whole=whole if int in kinds else None)


def joined(parts: Sequence[Cells]) -> Cells:
    """Return the values of several parts one after the other."""
    if len(parts) == 1:
        return parts[0]
    kinds = frozenset(chain.from_iterable(part.kinds for part in parts))
    if kinds <= _NUMBERS and all(part.numbers is not None or part.is_nothing for part in parts) and kinds - _NOTHING:
        return _joined_numbers(parts, kinds)
    if any(part.words is None for part in parts) or not any(kinds <= known for known in _WORDS):
        return Cells(kinds, objects=list(chain.from_iterable(part.values for part in parts)))
    known = {word: place for place, word in enumerate(dict.fromkeys(chain.from_iterable(p.different for p in parts)))}
    if len(known) == 1:
        return Cells(kinds, words=list(known), places=_same(sum(map(len, parts))))
    places = [np.array([known[word] for word in part.different], dtype=np.int32)[part.places] for part in parts]
    return Cells(kinds, words=list(known), places=np.concatenate(places))


def _joined_numbers(parts: Sequence[Cells], kinds: frozenset[type]) -> Cells:
    data = [np.full(len(part), np.nan) if part.numbers is None else part.numbers for part in parts]
    whole = None
    if int in kinds:
        marks = [np.zeros(len(part), dtype=bool) if part.are_whole is None else part.are_whole for part in parts]
        whole = np.concatenate(marks)
    return Cells(kinds, numbers=np.concatenate(data), are_whole=whole)


CODEC = "zstd"
"""The method of compression."""


class CompressedRecords:
    """
    The records of a response, which are decoded on access.

    Parameters
    ----------
    content : bytes
        The body of the response.
    decode : callable
        Returns the records of a body.

    Attributes
    ----------
    content : bytes
        The compressed body.
    codec : str
        The method of compression; empty if it is not available.
    size : int
        The number of bytes of the body.
    """

    def __init__(self, content: bytes, decode: Callable[[bytes], list[Record]]) -> None:
        import pyarrow as pa

        self._decode, self.size = decode, len(content)
        self.codec = CODEC if pa.Codec.is_available(CODEC) else ""
        self.content: bytes = pa.compress(content, self.codec, asbytes=True) if self.codec else content

    def records(self) -> list[Record]:
        """Decode all records."""
        import pyarrow as pa

        if not self.codec:
            return self._decode(self.content)
        return self._decode(pa.decompress(self.content, self.size, self.codec, asbytes=True))


Source = CompressedRecords | list[Record]


class RecordBlock:
    """
    Records that were received together, divided into columns.

    Parameters
    ----------
    records : list of dict
        The records.
    source : CompressedRecords, optional
        Where they can be decoded again; by default they are kept.

    Attributes
    ----------
    layouts : list of tuple of str
        The different sequences of keywords.
    numbers : numpy.ndarray
        The number of each record's.
    cells : dict of Cells
        The values by keyword.
    """

    def __init__(self, records: list[Record], source: CompressedRecords | None = None) -> None:
        self.source: Source = records if source is None else source
        found = _layouts(records)
        self.layouts = list(found)
        self.numbers = np.zeros(len(records), dtype=np.int32)
        self.cells: dict[str, Cells] = {}
        for number, own in enumerate(found.values()):
            self.numbers[own] = number
        columns = _columns(records, found)
        self.cells = {name: Cells.of(columns.pop(name)) for name in list(columns)}

    @classmethod
    def undivided(cls, source: Source, count: int) -> RecordBlock:
        """Return a number of records without their columns."""
        made = cls([])
        made.source = source
        made.numbers = np.zeros(count, dtype=np.int32)
        return made

    def __len__(self) -> int:
        return len(self.numbers)


def _layouts(records: list[Record]) -> dict[tuple[str, ...], list[int]]:
    """Return the rows of the records with the same keywords in the same order."""
    layouts = list(map(tuple, records))
    if layouts and layouts.count(layouts[0]) == len(layouts):
        return {layouts[0]: list(range(len(layouts)))}
    rows: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, names in enumerate(layouts):
        rows[names].append(row)
    return rows


def _columns(records: list[Record], layouts: dict[tuple[str, ...], list[int]]) -> dict[str, list[Any]]:
    """Return the values of each keyword of all records; `None` where a record does not have it."""
    made: dict[str, list[Any]] = {}
    for names, own in layouts.items():
        if not names:
            continue
        values = list(chain.from_iterable(records[row].values() for row in own))
        columns = {name: values[place :: len(names)] for place, name in enumerate(names)}
        if len(layouts) == 1:
            return columns
        for name, column in columns.items():
            whole = made.setdefault(name, [None] * len(records))
            for row, value in zip(own, column, strict=True):
                whole[row] = value
    return made


_BLOCK = 500
"""The number of records that are divided into columns at a time: these fit into the processor's cache."""

_MOST_DECODED = 2
"""The number of responses whose records are in memory after an access."""


class EventRecordsInfo(ParentDtypeInfo):
    """Info of a column of records."""

    mask_val = None
    attrs_from_parent = frozenset({"dtype"})
    _represent_as_dict_primary_data = "data"

    def _represent_as_dict(self, attrs: Any = None) -> dict[str, Any]:
        """Return what astropy writes: a column of objects."""
        return {"data": self._parent.__array__(), "__class__": "astropy.table.column.Column"}

    def new_like(self, cols: Any, length: int, metadata_conflicts: str = "warn", name: Any = None) -> Any:
        """Return a column without records, to be filled with those of other columns."""
        attrs = self.merge_cols_attributes(cols, metadata_conflicts, name, ("meta", "format", "description"))
        made = EventRecords([], np.full((length, 2), -1))
        made.info.name, made.info.description, made.info.meta = name, attrs.get("description"), attrs.get("meta")
        return made


class EventRecords:
    """
    A column of the records of events, each a dict as the registry sent it.

    Those of a search are decoded when they are accessed: changes to them are not kept.

    Parameters
    ----------
    blocks : sequence of RecordBlock
        Records that were received together.
    places : numpy.ndarray of int
        Shape (n, 2): the block of each record, and its index there; negative for `None`.
    """

    info = EventRecordsInfo()

    def __init__(self, blocks: Sequence[RecordBlock], places: Rows, decoded: dict[int, Any] | None = None) -> None:
        self.blocks, self.places = blocks, places
        # The records that were decoded last; slices share them.
        self._decoded: dict[int, list[Record]] = {} if decoded is None else decoded

    @classmethod
    def of(cls, records: Sequence[Record] | EventRecords) -> EventRecords:
        """Return records that are in memory."""
        if isinstance(records, EventRecords) and all(block.cells for block in records.blocks):
            return records
        records = list(records)
        return cls.joined(
            [RecordBlock(list(records[first : first + _BLOCK])) for first in range(0, len(records), _BLOCK)]
        )

    @classmethod
    def joined(cls, blocks: Sequence[RecordBlock]) -> EventRecords:
        """Return all records of blocks."""
        counts = list(map(len, blocks))
        rows = [np.arange(count) for count in counts]
        numbers = np.repeat(np.arange(len(blocks)), counts)
        return cls(blocks, np.stack([numbers, np.concatenate([np.empty(0, np.intp), *rows])], axis=1))

    @classmethod
    def kept(cls, column: Iterable[Any]) -> Any:
        """Return records that were read from a file; a column with anything else is returned unchanged."""
        cells = list(column)
        if set(map(type, cells)) - {dict}:
            return column
        return cls.joined([RecordBlock.undivided(cells, len(cells))])

    @property
    def shape(self) -> tuple[int]:
        """The number of rows, as of an array of objects."""
        return (len(self),)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The data type of an array of objects."""
        return np.dtype(object)

    @property
    def ndim(self) -> int:
        """The number of dimensions, as of an array of objects."""
        return 1

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int | np.integer):
            number, row = self.places[item].tolist()
            return None if number < 0 else self._records(number)[row]
        return self.take(np.arange(len(self))[item])

    def __iter__(self) -> Iterator[Any]:
        return (self[row] for row in range(len(self)))

    def _records(self, number: int) -> list[Record]:
        source = self.blocks[number].source
        if isinstance(source, list):
            return source
        if number not in self._decoded:
            while len(self._decoded) >= _MOST_DECODED:
                self._decoded.pop(next(iter(self._decoded), -1), None)
            self._decoded[number] = source.records()
        return self._decoded[number]

    def tolist(self) -> list[Any]:
        """Return the records."""
        return list(self)

    def __array__(self, *args: Any, **kwargs: Any) -> NDArray[np.object_]:
        made = np.empty(len(self), dtype=object)
        for row, record in enumerate(self):
            made[row] = record
        return made

    def take(self, indices: Any, axis: int = 0) -> Self:
        """Return the rows of the given indices."""
        return self._like(self.blocks, self.places[np.asarray(indices, dtype=np.intp).reshape(-1)], self._decoded)

    def _like(self, blocks: Sequence[RecordBlock], places: Rows, decoded: dict[int, Any] | None = None) -> Self:
        made = type(self)(blocks, places, decoded)
        if "info" in self.__dict__:
            made.info = self.info
        return made

    def copy(self, order: str = "C") -> Self:
        """Return a copy; records are shared."""
        return self._like(self.blocks, self.places.copy(), self._decoded)

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.blocks, self.places)

    def __eq__(self, other: object) -> Any:
        if not hasattr(other, "__len__") or len(other) != len(self):
            return NotImplemented
        pairs = zip(self, list(other), strict=True)  # type: ignore[call-overload]
        return np.array([mine == yours for mine, yours in pairs], dtype=bool)

    __hash__ = None  # type: ignore[assignment]

    def __setitem__(self, item: Any, value: Any) -> None:
        """Replace records by those of another column, by one record, or by `None`."""
        rows = np.atleast_1d(np.arange(len(self))[item])
        is_one = value is None or value is np.ma.masked or isinstance(value, dict)
        if is_one and not isinstance(value, dict):
            self.places[rows] = -1
            return
        given = value if isinstance(value, EventRecords) else EventRecords.of([value] if is_one else list(value))
        places = given.places.copy()
        places[:, 0] += np.where(places[:, 0] < 0, 0, len(self.blocks))
        self.blocks = [*self.blocks, *given.blocks]
        self.places[rows] = places

    def insert(self, index: int, value: Any, axis: int = 0) -> Self:
        """Return a column with a record inserted before a row; `None` inserts a missing one."""
        at = range(len(self) + 1)[index]
        made = self._like(self.blocks, np.insert(self.places, at, -1, axis=0), self._decoded)
        made[at] = value
        return made

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        # Tables broadcast columns of one row.
        if function is np.broadcast_to:
            return self.take(np.broadcast_to(np.arange(len(self)), args[1] if len(args) > 1 else kwargs["shape"]))
        return NotImplemented

    def __repr__(self) -> str:
        return f"<EventRecords of {len(self)} events>"

    def pop_cells(self) -> dict[str, Cells]:
        """Return the values of all keywords in the order of the records, and remove them here."""
        return self._cells(dict.fromkeys(chain.from_iterable(self._layouts())), is_last=True)

    def _cells(self, wanted: Iterable[str], is_last: bool = False) -> dict[str, Cells]:
        counts = list(map(len, self.blocks))
        begins = np.concatenate([[0], np.cumsum(counts)]).astype(np.intp)
        order = begins[self.places[:, 0]] + self.places[:, 1] if len(self) else np.empty(0, np.intp)
        are_all = len(order) == begins[-1] and bool((order == np.arange(len(order))).all())
        made: dict[str, Cells] = {}
        for name in wanted if len(self) else ():
            parts = [block.cells.get(name) or nothing(len(block)) for block in self.blocks if len(block)]
            for block in self.blocks if is_last else ():
                block.cells.pop(name, None)
            whole = joined(parts)
            made[name] = whole if are_all else whole.take(order)
        return made

    def _layouts(self) -> list[tuple[str, ...]]:
        """Return the sequences of keywords in the order in which they occur first."""
        known: dict[tuple[str, ...], int] = {}
        parts = [
            np.array([known.setdefault(layout, len(known)) for layout in block.layouts], dtype=np.int32)[block.numbers]
            for block in self.blocks
        ]  # fmt: skip
        if len(known) <= 1:
            return list(known)
        begins = np.concatenate([[0], np.cumsum(list(map(len, parts)))])
        numbers = np.concatenate(parts)[begins[self.places[:, 0]] + self.places[:, 1]]
        found, first = np.unique(numbers, return_index=True)
        layouts = list(known)
        return [layouts[found[one]] for one in np.argsort(first)]

    def brief(self, names: Sequence[str]) -> list[Record]:
        """Return records with a few keywords only."""
        found = self._cells(dict.fromkeys(names))
        return [dict(zip(found, row, strict=True)) for row in zip(*(one.values for one in found.values()), strict=True)]
