"""The records of one response, decoded: as they are kept, cut to ranges, and joined again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.model import Info, Parameter
from sunpy_helio_plugins.hapi.records.buffers import ColumnBuffers, concatenated
from sunpy_helio_plugins.hapi.records.decode import Columns
from sunpy_helio_plugins.hapi.records.file import HAPIDocument
from sunpy_helio_plugins.hapi.records.table import missing
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.quantities.spans import ordinals
from sunpy_helio_plugins.store.arrow import ColumnFile
from sunpy_helio_plugins.store.intervals import Range

__all__ = ["DecodedDocument", "Segment", "decoded"]


@dataclass(frozen=True)
class DecodedDocument(HAPIDocument):
    """A response without its bytes: the columns of consecutive ranges were decoded already."""

    parts: Sequence[Columns] = field(default=(), repr=False)

    @property
    def size(self) -> int:
        """Bytes of the columns."""
        return sum(column.nbytes for part in self.parts for column in part)

    @property
    def count(self) -> int:
        """The number of records."""
        return sum(len(part[0]) for part in self.parts)

    @property
    def expected_rows(self) -> int:
        """The number of records."""
        return self.count

    def columns(self) -> Columns:
        """Return one array for each parameter, in a new list."""
        if len(self.parts) == 1:
            return list(self.parts[0])
        return [concatenated(columns) for columns in zip(*self.parts, strict=True)]

    def add_to(self, gathered: ColumnBuffers) -> None:
        """Append the records to others."""
        for part in self.parts:
            gathered.add(part)


@dataclass(frozen=True)
class Segment:
    """
    Records of a range.

    Attributes
    ----------
    range : Range
        The range, in ordinals of `sunpy_helio_plugins.quantities.spans`; there are no other records in it.
    info : Info
        The header of the response.
    times : numpy.ndarray
        The ordinal of each record.
    columns : dict
        The values of each parameter by its name, and the ordinals by that of the time.
    names : frozenset of str
        The names of the parameters.
    is_ordered : bool
        Whether each record is later than the one before; other responses may be spliced of two, and are not kept.
    """

    range: Range
    info: Info = field(repr=False)
    times: NDArray[np.int64] = field(repr=False)
    columns: Mapping[str, NDArray[Any]] = field(repr=False)
    names: frozenset[str] = frozenset()
    is_ordered: bool = True

    @classmethod
    def of_file(cls, opened: ColumnFile, time: str) -> Segment:
        """Return the records of a file of the cache; the name of the time is given."""
        times = opened.columns[time]
        whole = Range(int(times[0]), int(times[-1]) + 1)
        return cls(whole, Info(kept_json(opened.header)), times, opened.columns, frozenset(opened.columns))

    def has(self, name: str) -> bool:
        """Return whether it includes a parameter; an empty response includes those that were requested."""
        return name in self.names

    @property
    def header(self) -> str:
        """The header as JSON."""
        return json.dumps(dict(self.info.raw), ensure_ascii=False)

    def rows(self, part: Range) -> slice | NDArray[np.intp]:
        """Return the indices of the records in a range."""
        if self.is_ordered:
            first, before = np.searchsorted(self.times, part)
            return slice(int(first), int(before))
        return np.flatnonzero((self.times >= part.first) & (self.times < part.before))

    def parameter(self, name: str) -> Parameter:
        """Return the description of a parameter in the header."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Parameter]:
        return {one.name: one for one in self.info.parameters}

    def is_fill(self, name: str) -> bool:
        """Return whether a parameter has nothing but fill values."""
        values, parameter = self.columns[name], self.parameter(name)
        for some in (values[:1], values[-1:], values):
            lost = missing(some, parameter)
            if lost is None or not lost.all():
                return False
        return True


def decoded(document: HAPIDocument, names: Sequence[str], whole: Range) -> tuple[Segment, HAPIDocument]:
    """
    Decode a response; return its records within a range, and the whole of it.

    A `FileError` is raised for one that cannot be read, or has times too far from 1970.
    """
    info = document.info
    if not document.count:
        return Segment(whole, info, np.empty(0, np.int64), {}, frozenset(names)), document
    columns = document.columns()
    stamps = np.ma.getdata(columns[0]).reshape(len(columns[0]))
    try:
        found = ordinals(np.ascontiguousarray(stamps, dtype="S"))
    except (ValueError, OverflowError) as error:
        raise FileError(f"A record does not begin with a valid time: {error}.") from None
    inside = (found >= whole.first) & (found < whole.before)
    kept = [found, *columns[1:]]
    if not inside.all():
        kept = [column[inside] for column in kept]
    made = DecodedDocument(info, document.format, b"", 0, has_header=document.has_header, parts=[columns])
    is_ordered = bool((np.diff(kept[0]) > 0).all())
    return Segment(whole, info, kept[0], dict(zip(names, kept, strict=True)), frozenset(names), is_ordered), made
