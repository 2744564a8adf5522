"""
The events of time ranges as the registry sent them: divided by time, kept in files, and how long they are believed.

Times are milliseconds from 1970 in UTC. The registry returns the events that overlap a time range, both ends inclusive:
a range is known if all events that overlap it are known. An event that extends over several ranges is in all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.her.filters.evaluate import stamp
from sunpy_helio_plugins.her.paging import identity_of
from sunpy_helio_plugins.her.records.blocks import CompressedRecords, FlatRecords, RecordBlock
from sunpy_helio_plugins.her.records.column import EventRecords
from sunpy_helio_plugins.her.service import records_of
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.store.arrow import ColumnFile
from sunpy_helio_plugins.store.intervals import Entry, Range, State, joined

__all__ = ["COLUMN", "EventPart", "EventSegment", "count_of", "entries", "instant", "packed", "unpacked"]

Record = dict[str, Any]

COLUMN = "json"
"""The name of the column of bytes in a file of the store."""

UNKNOWN = -(2**62)
"""The time of an event that cannot be read."""

_DAY = 86400.0

_CHANGED = ("revision", "kb_archivdate", "event_importance_num_ratings")
"""The keywords that the registry changes with an event."""

_EPOCH = datetime(1970, 1, 1)

_MILLISECOND = timedelta(milliseconds=1)

_MOST_PARTS = 8
"""The number of ranges of a response that are requested again sooner than the others."""


def instant(value: Any) -> int | None:
    """Return a time of the registry in milliseconds; `None` if it cannot be read."""
    try:
        return (datetime.fromisoformat(stamp(value)) - _EPOCH) // _MILLISECOND
    except ValueError:
        return None


def _column(records: Sequence[Record] | EventRecords, name: str) -> list[Any]:
    """Return a keyword of events; `None` where one does not have it."""
    if isinstance(records, EventRecords):
        return records.column(name)
    return records.values_of(name) if isinstance(records, FlatRecords) else [record.get(name) for record in records]


def _instants(records: Sequence[Record] | EventRecords, name: str) -> NDArray[np.int64]:
    """Return a time of each event in milliseconds; `UNKNOWN` if it cannot be read."""
    values = _column(records, name)
    if values and all(type(value) is str and stamp(value) == value for value in values):
        try:
            return np.array(values, dtype="M8[ms]").astype(np.int64)
        except ValueError:  # a day that does not exist
            pass
    found = map(instant, values)
    return np.array([UNKNOWN if one is None else one for one in found], dtype=np.int64)


@dataclass(frozen=True)
class EventSegment:
    """
    Events and their relations, in the order of the registry.

    Attributes
    ----------
    records, associations : list of dict
        The events and their relations; the former may be compressed.
    verdicts : dict or None
        The rows of the events that match the search, with the reasons why this is uncertain; `None` if it is not known.
    """

    records: Sequence[Record] | EventRecords = field(repr=False, default_factory=list)
    associations: list[Record] = field(repr=False, default_factory=list)
    verdicts: dict[int, tuple[str, ...]] | None = field(repr=False, default=None)

    @cached_property
    def identities(self) -> list[str]:
        """The IVORN and the revision of each event."""
        named = zip(_column(self.records, "kb_archivid"), _column(self.records, "revision"), strict=True)
        return [
            f"{ivorn} {revision}" if ivorn else identity_of(self.records[row])
            for row, (ivorn, revision) in enumerate(named)
        ]

    @cached_property
    def names(self) -> list[str]:
        """The IVORN of each event, which its revisions share."""
        ivorns = _column(self.records, "kb_archivid")
        return [str(ivorn or identity) for ivorn, identity in zip(ivorns, self.identities, strict=True)]

    @cached_property
    def versions(self) -> list[tuple[str, ...]]:
        """The values of each event that change if it is revised, archived again or rated."""
        columns = (map(str, _column(self.records, name)) for name in _CHANGED)
        return list(zip(*columns, strict=True))

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The start of each event, or `UNKNOWN`."""
        return _instants(self.records, "event_starttime")

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """The end of each event, or `UNKNOWN`."""
        return _instants(self.records, "event_endtime")

    @cached_property
    def archived(self) -> NDArray[np.int64]:
        """When each event was archived, or `UNKNOWN`."""
        return _instants(self.records, "kb_archivdate")

    @cached_property
    def readable(self) -> NDArray[np.bool_]:
        """Whether the times of each event can be read."""
        return np.asarray((self.starts != UNKNOWN) & (self.ends != UNKNOWN))

    def compressed(self, bodies: Sequence[tuple[CompressedRecords, int]]) -> EventSegment:
        """Return the same events, which are decoded from the bodies of responses, each with a number of them."""
        blocks = [RecordBlock.undivided(body, count) for body, count in bodies]
        made = EventSegment(EventRecords.joined(blocks), self.associations)
        made.__dict__.update(starts=self.starts, ends=self.ends, archived=self.archived, readable=self.readable)
        return made

    def within(self, part: Range) -> NDArray[np.intp]:
        """Return the indices of the events that overlap a range, or have times that cannot be read."""
        return np.flatnonzero(((self.starts < part.before) & (self.ends >= part.first)) | ~self.readable)


class EventPart(NamedTuple):
    """A range, and the events that overlap it: all of them if it ``is_whole``; ``asked`` is in Unix seconds."""

    range: Range
    segment: EventSegment
    asked: float
    is_whole: bool = True


def entries(part: EventPart) -> list[Entry]:
    """
    Return what a response tells of its range.

    A range without events is believed as long as other metadata, ``conf.cache_days``, and others for
    ``conf.her.cache_days``. What was too near to the time of the request, and the ranges of events that were archived
    shortly before it, are not believed at all: the registry may still revise them.
    """
    asked, border = part.asked, int((part.asked - conf.her.grace_days * _DAY) * 1e3)
    state, days = (State.PRESENT, conf.her.cache_days) if len(part.segment.records) else (State.EMPTY, conf.cache_days)
    told = [Entry(*part.range, state, asked, asked + days * _DAY)]
    recent = [Range(max(part.range.first, border), part.range.before), *_unsettled(part, border)]
    for one in joined(recent, _MOST_PARTS):
        told = list(_doubted(told, one))
    return told


def _unsettled(part: EventPart, border: int) -> Iterator[Range]:
    """Return the ranges of the events that were archived after a time."""
    segment, whole = part.segment, part.range
    for row in np.flatnonzero(segment.readable & (segment.archived >= border)).tolist():
        yield Range(max(int(segment.starts[row]), whole.first), min(int(segment.ends[row]) + 1, whole.before))


def _doubted(told: Iterable[Entry], hole: Range) -> Iterator[Entry]:
    """Divide entries at the ends of a range in which they are not believed."""
    for one in told:
        if one.before <= hole.first or one.first >= hole.before:
            yield one
            continue
        if one.first < hole.first:
            yield one.within(one.first, hole.first)
        yield Entry(*one.within(*hole).range, one.state, one.asked, one.asked)
        if one.before > hole.before:
            yield one.within(hole.before, one.before)


def packed(bodies: Sequence[CompressedRecords], count: int) -> tuple[dict[str, NDArray[Any]], str]:
    """Return the bodies of responses with some events, and their columns, as a column of bytes and a header."""
    sizes = [[len(body.content), body.size] for body in bodies]
    columns = [[len(body.columns), body.columns_size] for body in bodies]
    parts = [part for body in bodies for part in (body.content, body.columns)]
    content = np.frombuffer(b"".join(parts), dtype=np.uint8)
    header = {"events": count, "codec": bodies[0].codec, "sizes": sizes, "columns": columns}
    return {COLUMN: content}, json.dumps(header)


def count_of(file: ColumnFile) -> int:
    """Return the number of events in a file."""
    return int(kept_json(file.header)["events"])


def unpacked(file: ColumnFile) -> list[CompressedRecords]:
    """Return the bodies of responses in a file; raise a `FileError` if it is not one."""
    try:
        header, content, start = kept_json(file.header), file.columns[COLUMN], 0
        found: list[CompressedRecords] = []
        # Files of earlier versions do not contain columns.
        columns = header.get("columns") or [[0, 0]] * len(header["sizes"])
        for (size, length), (columns_size, columns_length) in zip(header["sizes"], columns, strict=True):
            ends = start + size, start + size + columns_size
            body = CompressedRecords.kept(content[start : ends[0]].tobytes(), length, header["codec"], records_of)
            found.append(body.with_columns(content[ends[0] : ends[1]].tobytes(), columns_length))
            start = ends[1]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise FileError(f"A file of kept events cannot be read: {error}.") from error
    return found
