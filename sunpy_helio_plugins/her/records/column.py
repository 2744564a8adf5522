"""The column of the records of events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Self

import numpy as np
from astropy.utils.data_info import ParentDtypeInfo
from numpy.typing import NDArray

from sunpy_helio_plugins.her.records.blocks import CompressedRecords, RecordBlock
from sunpy_helio_plugins.her.records.cells import Cells, joined, nothing

__all__ = ["EventRecords", "LazyColumn", "ObjectColumn"]

Record = dict[str, Any]
Rows = NDArray[np.intp]

_BLOCK = 1000
"""The number of records that are divided into columns at a time: these fit into the processor's cache."""

_FEW = 2
"""The part of the records of several blocks from which all are divided into columns, to use some of them."""

_MOST_DECODED = 2
"""The number of responses whose records are in memory after an access."""


class ObjectColumnInfo(ParentDtypeInfo):
    """Info of a column of objects that are made when they are accessed."""

    mask_val = None
    attrs_from_parent = frozenset({"dtype"})
    _represent_as_dict_primary_data = "data"

    def _represent_as_dict(self, attrs: Any = None) -> dict[str, Any]:
        """Return what astropy writes: a column of objects."""
        return {"data": np.asarray(self._parent), "__class__": "astropy.table.column.Column"}

    def new_like(self, cols: Any, length: int, metadata_conflicts: str = "warn", name: Any = None) -> Any:
        """Return a column of missing objects, to be filled with those of other columns."""
        attrs = self.merge_cols_attributes(cols, metadata_conflicts, name, ("meta", "format", "description"))
        made = cols[0].missing(length)
        made.info.name, made.info.description, made.info.meta = name, attrs.get("description"), attrs.get("meta")
        return made


class ObjectColumn:
    """The properties of a column of objects that astropy takes from an array."""

    def __len__(self) -> int:
        raise NotImplementedError  # pragma: no cover - each subclass has its own

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


class LazyColumn(ObjectColumn, ABC):
    """A column of objects that are made when they are accessed."""

    info = ObjectColumnInfo()

    @abstractmethod
    def __iter__(self) -> Iterator[Any]:
        """Iterate over the objects."""

    @abstractmethod
    def take(self, indices: Any, axis: int = 0) -> Self:
        """Return the rows of the given indices."""

    @abstractmethod
    def copy(self, order: str = "C") -> Self:
        """Return a copy."""

    def tolist(self) -> list[Any]:
        """Return the objects."""
        return list(self)

    def __array__(self, *args: Any, **kwargs: Any) -> NDArray[np.object_]:
        made = np.empty(len(self), dtype=object)
        for row, one in enumerate(self):
            made[row] = one
        return made

    def __copy__(self) -> Self:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.copy()

    def __eq__(self, other: object) -> Any:
        if not hasattr(other, "__len__") or len(other) != len(self):
            return NotImplemented
        pairs = zip(self, list(other), strict=True)  # type: ignore[call-overload]
        return np.array([mine == yours for mine, yours in pairs], dtype=bool)

    __hash__ = None  # type: ignore[assignment]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        # Tables broadcast columns of one row.
        if function is np.broadcast_to:
            return self.take(np.broadcast_to(np.arange(len(self)), args[1] if len(args) > 1 else kwargs["shape"]))
        if function in (np.shape, np.ndim, np.size):
            return function(np.broadcast_to(np.False_, self.shape))
        return function(*_as_arrays(args), **dict(zip(kwargs, _as_arrays(kwargs.values()), strict=True)))

    def _with_info_of(self, other: Self) -> Self:
        if "info" in other.__dict__:
            self.info = other.info
        return self


def _as_arrays(values: Any) -> Any:
    """Return arguments with arrays of objects instead of columns."""
    return [
        np.asarray(one) if isinstance(one, LazyColumn) else _as_arrays(one) if isinstance(one, list | tuple) else one
        for one in values
    ]


class EventRecords(LazyColumn):
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

    def __init__(self, blocks: Sequence[RecordBlock], places: Rows, decoded: dict[int, Any] | None = None) -> None:
        self.blocks, self.places = blocks, places
        # The records that were decoded last; slices share them.
        self._decoded: dict[int, list[Record]] = {} if decoded is None else decoded

    @classmethod
    def of(cls, records: Sequence[Record] | EventRecords) -> EventRecords:
        """Return records that are in memory."""
        if isinstance(records, EventRecords) and records.has_columns:
            return records
        if isinstance(records, EventRecords) and len(records) * _FEW >= sum(map(len, records.blocks)):
            return records.divided()
        records = list(records)
        return cls.joined(
            [RecordBlock(list(records[first : first + _BLOCK])) for first in range(0, len(records), _BLOCK)]
        )

    @classmethod
    def joined(cls, blocks: Sequence[RecordBlock]) -> EventRecords:
        """Return all records of blocks."""
        rows = [block.rows for block in blocks]
        numbers = np.repeat(np.arange(len(blocks)), list(map(len, rows)))
        return cls(blocks, np.stack([numbers, np.concatenate([np.empty(0, np.intp), *rows])], axis=1))

    @classmethod
    def kept(cls, column: Iterable[Any]) -> Any:
        """Return records that were read from a file; a column with anything else is returned unchanged."""
        cells = list(column)
        if set(map(type, cells)) - {dict}:
            return column
        return cls.joined([RecordBlock.undivided(cells, len(cells))])

    @property
    def has_columns(self) -> bool:
        """Whether all blocks are divided into columns."""
        return all(block.cells for block in self.blocks if len(block))

    def divided(self) -> Self:
        """Return the same records with their columns, where they are missing."""
        blocks, places = list(self.blocks), self.places.copy()
        for number, block in enumerate(blocks):
            if not block.cells and len(block):
                blocks[number] = block.divided()
                own = places[:, 0] == number
                of_source = places[own, 1] if block.order is None else block.order[places[own, 1]]
                places[own, 1] = blocks[number].rows[of_source]
        return self._like(blocks, places)

    def column(self, name: str) -> list[Any]:
        """Return a keyword of all records; `None` where a record does not have it."""
        if self.has_columns:
            return self._cells([name])[name].values if len(self) else []
        return [record.get(name) for record in self]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int | np.integer):
            number, row = self.places[item].tolist()
            return None if number < 0 else self._record(number, row)
        return self.take(np.arange(len(self))[item])

    def __iter__(self) -> Iterator[Any]:
        records: Sequence[Record]
        last, records, order = -1, [], None
        for number, row in self.places.tolist():
            if number != last:
                last = number
                records, order = ([], None) if number < 0 else (self._records(number), self.blocks[number].order)
            yield None if number < 0 else records[row if order is None else order[row]]

    def _record(self, number: int, row: int) -> Record:
        order = self.blocks[number].order
        return self._records(number)[row if order is None else order[row]]

    def _records(self, number: int) -> Sequence[Record]:
        """Return the records of a block."""
        source = self.blocks[number].source
        if not isinstance(source, CompressedRecords):
            return source
        if number not in self._decoded:
            while len(self._decoded) >= _MOST_DECODED:
                self._decoded.pop(next(iter(self._decoded), -1), None)
            self._decoded[number] = source.records()
        return self._decoded[number]

    def take(self, indices: Any, axis: int = 0) -> Self:
        """Return the rows of the given indices."""
        return self._like(self.blocks, self.places[np.asarray(indices, dtype=np.intp).reshape(-1)], self._decoded)

    def _like(self, blocks: Sequence[RecordBlock], places: Rows, decoded: dict[int, Any] | None = None) -> Self:
        return type(self)(blocks, places, decoded)._with_info_of(self)

    def missing(self, length: int) -> Self:
        """Return a column without records."""
        return type(self)([], np.full((length, 2), -1))

    def copy(self, order: str = "C") -> Self:
        """Return a copy; records are shared."""
        return self._like(self.blocks, self.places.copy(), self._decoded)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.blocks, self.places)

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

    def __repr__(self) -> str:
        return f"<EventRecords of {len(self)} events>"

    def pop_cells(self) -> dict[str, Cells]:
        """Return the values of all keywords in the order of the records, and remove them here."""
        return self._cells(dict.fromkeys(chain.from_iterable(self.layouts()[0])), is_last=True)

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

    def layouts(self) -> tuple[list[tuple[str, ...]], NDArray[np.intp]]:
        """Return the sequences of keywords in the order in which they occur first, and the number of each record's."""
        known: dict[tuple[str, ...], int] = {}
        parts = [
            np.repeat([known.setdefault(layout, len(known)) for layout in block.layouts], block.counts)
            for block in self.blocks
        ]
        if len(known) <= 1 or not len(self):
            return list(known), np.zeros(len(self), dtype=np.intp)
        begins = np.concatenate([[0], np.cumsum(list(map(len, parts)))])
        numbers = np.concatenate(parts)[begins[self.places[:, 0]] + self.places[:, 1]]
        found, first, places = np.unique(numbers, return_index=True, return_inverse=True)
        order, layouts = np.argsort(first), list(known)
        return [layouts[found[one]] for one in order], np.argsort(order)[places]

    def brief(self, names: Sequence[str]) -> list[Record]:
        """Return records with a few keywords only."""
        found = self._cells(dict.fromkeys(names))
        return [dict(zip(found, row, strict=True)) for row in zip(*(one.values for one in found.values()), strict=True)]
