"""
Records that were received together, divided into columns.

A response is divided at once: its records as objects, with about 150 members each, are ten times as large as the text.
They are kept as compressed text, and are decoded again when they are accessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, TypeAlias, overload

import msgspec
import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.records.cells import Cells, joined, nothing, value_of_json
from sunpy_helio_plugins.her.records.msgpack import StoredColumns, bytes_of_columns, columns_of_bytes

__all__ = [
    "BlockRecords", "CompressedRecords", "Flat", "FlatRecords", "RecordBlock", "RecordView", "flattened",
    "has_whole_names", "plain",
]  # fmt: skip

Record = dict[str, Any]

Flat: TypeAlias = tuple[tuple[str, ...], tuple[Any, ...]]
"""
The names and the values of a record; JSON is never decoded to tuples otherwise.

Lists and objects among the values can be JSON, as `msgspec.Raw`.
"""

CODEC = "zstd"
"""The method of compression."""


def flattened(records: Iterable[Any]) -> list[Flat]:
    """Return records, or their names and values, as names and values."""
    made: list[Flat] = []
    last: tuple[str, ...] = ()
    for one in records:
        if type(one) is tuple:
            made.append(one)
            continue
        names = tuple(one)
        last = last if names == last else names
        made.append((last, tuple(one.values())))
    return made


class FlatRecords(Sequence[Record]):
    """
    Records as names and values, each of which becomes a dict when it is accessed.

    Parameters
    ----------
    flat : list of tuple
        Their names and values.
    """

    def __init__(self, flat: list[Flat]) -> None:
        self.flat = flat

    def __len__(self) -> int:
        return len(self.flat)

    @overload
    def __getitem__(self, item: int) -> Record: ...
    @overload
    def __getitem__(self, item: slice) -> list[Record]: ...

    def __getitem__(self, item: int | slice) -> Record | list[Record]:
        """Return a record, or a list of them."""
        if isinstance(item, slice):
            return [_record(one) for one in self.flat[item]]
        return _record(self.flat[item])

    def __iter__(self) -> Iterator[Record]:
        return map(_record, self.flat)

    def values_of(self, name: str) -> list[Any]:
        """Return a keyword of all records; `None` where a record does not have it."""
        last: tuple[str, ...] = ()
        made, place = [], -1
        for names, values in self.flat:
            if names is not last:
                last, place = names, names.index(name) if name in names else -1
            made.append(None if place < 0 else plain(values[place]))
        return made

    def views(self) -> Iterator[RecordView]:
        """Yield the records, to look up a few keywords of each."""
        last, places = None, dict[str, int]()
        for names, values in self.flat:
            if names is not last:
                last, places = names, {name: place for place, name in enumerate(names)}
            yield RecordView(places, values)


class RecordView(Mapping[str, Any]):
    """A record whose members are looked up, without a dict of them."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: dict[str, int], values: tuple[Any, ...]) -> None:
        self._places, self._values = places, values

    def __getitem__(self, name: str) -> Any:
        return plain(self._values[self._places[name]])

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a member, or something else."""
        place = self._places.get(name)
        return default if place is None else plain(self._values[place])


def _record(one: Flat) -> Record:
    names, values = one
    return dict(zip(names, map(plain, values), strict=True))


def has_whole_names(names: Iterable[str]) -> bool:
    """Return whether the keywords of a record are not damaged: control characters in one are damage."""
    return "".join(names).isprintable()


def plain(value: Any) -> Any:
    """Return a value, which can be the JSON of a list or an object."""
    return value_of_json(bytes(value)) if type(value) is msgspec.Raw else value


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
    columns : bytes
        The compressed columns, as of `bytes_of_columns`; empty if they are not kept.
    columns_size : int
        Their number of bytes before the compression.
    """

    def __init__(self, content: bytes, decode: Callable[[bytes], list[Record]]) -> None:
        import pyarrow as pa

        self._decode, self.size = decode, len(content)
        self.codec = CODEC if pa.Codec.is_available(CODEC) else ""
        self.content: bytes = self._compressed(content)
        self.columns, self.columns_size = b"", 0

    @classmethod
    def kept(cls, content: bytes, size: int, codec: str, decode: Callable[[bytes], list[Record]]) -> CompressedRecords:
        """Return records whose body was compressed before."""
        made = cls.__new__(cls)
        made.content, made.size, made.codec, made._decode = content, size, codec, decode
        made.columns, made.columns_size = b"", 0
        return made

    def with_columns(self, columns: bytes, size: int) -> CompressedRecords:
        """Return the same records with their columns, which were compressed before; without them if empty."""
        made = self.kept(self.content, self.size, self.codec, self._decode)
        made.columns, made.columns_size = columns, size
        return made

    def divided_as(self, block: RecordBlock, associations: list[dict[str, Any]]) -> CompressedRecords:
        """Return the same records with the columns of a block, and the relations of its events."""
        told = StoredColumns(block.layouts, block.counts, block.order, block.cells, associations)
        made = bytes_of_columns(told)
        return self.with_columns(self._compressed(made) if made else b"", len(made))

    def _compressed(self, content: bytes) -> bytes:
        import pyarrow as pa

        return bytes(pa.compress(content, self.codec, asbytes=True)) if self.codec else content

    def _decompressed(self, content: bytes, size: int) -> bytes:
        import pyarrow as pa

        return bytes(pa.decompress(content, size, self.codec, asbytes=True)) if self.codec else content

    def body(self) -> bytes:
        """Return the body; raise an OSError or a ValueError if it is damaged."""
        return self._decompressed(self.content, self.size)

    def records(self) -> list[Record]:
        """Decode all records."""
        return self._decode(self.body())

    def block(self) -> tuple[RecordBlock, list[dict[str, Any]]] | None:
        """Return the columns and the relations, if they are kept; raise an OSError or a ValueError if damaged."""
        if not self.columns:
            return None
        told = columns_of_bytes(self._decompressed(self.columns, self.columns_size))
        return None if told is None else (RecordBlock.of_columns(told, self.with_columns(b"", 0)), told.associations)


Source = CompressedRecords | Sequence[Record]


class RecordBlock:
    """
    Records that were received together, divided into columns.

    Those with the same keywords in the same order follow each other in the columns.

    Parameters
    ----------
    records : list of dict or FlatRecords
        The records.
    source : CompressedRecords, optional
        Where they can be decoded again; by default they are kept.

    Attributes
    ----------
    layouts : list of tuple of str
        The different sequences of keywords.
    counts : list of int
        The number of records of each layout.
    order : numpy.ndarray or None
        The place of each row of the columns among the records; `None` if they are the same.
    cells : dict of Cells
        The values by keyword.
    """

    def __init__(self, records: Sequence[Record], source: CompressedRecords | None = None) -> None:
        self.source: Source = records if source is None else source
        whole = DividedValues(records.flat if isinstance(records, FlatRecords) else flattened(records))
        self.layouts, self.counts, self.order = whole.layouts, whole.counts, whole.order
        self.cells = dict(whole.columns())

    @classmethod
    def undivided(cls, source: Source, count: int) -> RecordBlock:
        """Return a number of records without their columns."""
        made = cls([])
        made.source = source
        made.layouts, made.counts = [()], [count]
        return made

    @classmethod
    def of_columns(cls, columns: StoredColumns, source: CompressedRecords) -> RecordBlock:
        """Return records with columns that were stored."""
        made = cls([])
        made.source = source
        made.layouts, made.counts, made.order, made.cells = columns[:4]
        return made

    def divided(self) -> RecordBlock:
        """Return the same records with their columns."""
        if isinstance(self.source, CompressedRecords):
            stored = self.source.block()
            return RecordBlock(self.source.records(), self.source) if stored is None else stored[0]
        return RecordBlock(self.source)

    @property
    def rows(self) -> NDArray[np.intp]:
        """The row of each record in the columns."""
        count = len(self)
        if self.order is None:
            return np.arange(count)
        made = np.empty(count, dtype=np.intp)
        made[self.order] = np.arange(count)
        return made

    def __len__(self) -> int:
        return sum(self.counts)


class DividedValues:
    """
    The values of records by keyword, those with the same keywords in the same order one after the other.

    Parameters
    ----------
    records : list of tuple
        The names and values of each.

    Attributes
    ----------
    layouts, counts, order
        As of `RecordBlock`.
    """

    def __init__(self, records: list[Flat]) -> None:
        self._rows: list[list[tuple[Any, ...]]] = []
        places = self._group(records)
        self.counts = list(map(len, places))
        self.order: NDArray[np.intp] | None = None
        if len(places) > 1:
            self.order = np.array(list(chain.from_iterable(places)), dtype=np.intp)

    def _group(self, records: list[Flat]) -> list[list[int]]:
        """Divide records by their layouts; return the places of each layout."""
        found: dict[tuple[str, ...], tuple[list[int], list[tuple[Any, ...]]]] = {}
        last: tuple[str, ...] | None = None
        places: list[int] = []
        rows: list[tuple[Any, ...]] = []
        for place, (names, values) in enumerate(records):
            if names is not last and names != last:
                last = names
                places, rows = found.setdefault(names, ([], []))
            places.append(place)
            rows.append(values)
        self.layouts = list(found)
        self._rows = [rows for _, rows in found.values()]
        return [places for places, _ in found.values()]

    def columns(self) -> Iterator[tuple[str, Cells]]:
        """Yield each keyword and its values; `None` where a record does not have it."""
        if len(self.layouts) == 1:
            # One by one, so that each is in the processor's cache.
            for name, values in zip(self.layouts[0], zip(*self._rows[0], strict=True), strict=True):
                yield name, Cells.of(values)
            return
        pairs = zip(self.layouts, self._rows, strict=True)
        columns = [dict(zip(names, zip(*rows, strict=True), strict=True)) for names, rows in pairs]
        gaps = [(None,) * count for count in self.counts]
        for name in dict.fromkeys(chain.from_iterable(self.layouts)):
            owners = [number for number, column in enumerate(columns) if name in column]
            if len(owners) == 1:
                before, after = sum(self.counts[: owners[0]]), sum(self.counts[owners[0] + 1 :])
                around = (nothing(before), Cells.of(columns[owners[0]].pop(name)), nothing(after))
                yield name, joined([part for part in around if len(part)])
                continue
            parts = [column.pop(name, gap) for column, gap in zip(columns, gaps, strict=True)]
            yield name, Cells.of(tuple(chain.from_iterable(parts)))


class BlockRecords(Sequence[Record]):
    """
    The records of a block, which are looked up in its columns.

    Parameters
    ----------
    block : RecordBlock
        Records with their columns.
    """

    def __init__(self, block: RecordBlock) -> None:
        self._block, self._rows = block, block.rows
        self._values: dict[str, list[Any]] = {}

    def __len__(self) -> int:
        return len(self._block)

    @overload
    def __getitem__(self, item: int) -> Record: ...
    @overload
    def __getitem__(self, item: slice) -> list[Record]: ...

    def __getitem__(self, item: int | slice) -> Record | list[Record]:
        """Return a record, or a list of them."""
        if isinstance(item, slice):
            return [self[place] for place in range(len(self))[item]]
        row = int(self._rows[item])
        return {name: self._block.cells[name].value(row) for name in self._layout_of(row)}

    def values_of(self, name: str) -> list[Any]:
        """Return a keyword of all records; `None` where a record does not have it."""
        if name not in self._values:
            cells = self._block.cells.get(name) or nothing(len(self))
            self._values[name] = (cells if self._block.order is None else cells.take(self._rows)).values
        return self._values[name]

    def views(self) -> Iterator[ColumnsView]:
        """Yield the records, to look up a few keywords of each."""
        layouts = [frozenset(layout) for layout in self._block.layouts]
        numbers = np.repeat(np.arange(len(layouts)), self._block.counts)[self._rows]
        for place, number in enumerate(numbers.tolist()):
            yield ColumnsView(self, layouts[number], place)

    def _layout_of(self, row: int) -> tuple[str, ...]:
        number = np.searchsorted(np.cumsum(self._block.counts), row, side="right")
        return self._block.layouts[int(number)]


class ColumnsView(Mapping[str, Any]):
    """A record whose members are looked up in the columns of a block."""

    __slots__ = ("_names", "_place", "_records")

    def __init__(self, records: BlockRecords, names: frozenset[str], place: int) -> None:
        self._records, self._names, self._place = records, names, place

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return self._records.values_of(name)[self._place]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a member, or something else."""
        return self[name] if name in self._names else default
