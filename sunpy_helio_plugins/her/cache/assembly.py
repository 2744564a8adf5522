"""Join the events of several responses: each event once, as the newest response that could contain it has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sunpy_helio_plugins.her.cache.segments import UNKNOWN, EventPart, EventSegment, Record
from sunpy_helio_plugins.her.records.column import EventRecords
from sunpy_helio_plugins.store.intervals import Range, common, without

__all__ = ["EventAssembly", "assemble", "disputes"]


@dataclass(frozen=True)
class EventAssembly:
    """
    The events of a time range.

    Attributes
    ----------
    events : list of (EventSegment, int)
        The events by their start: the response in which each is, and its row there.
    identities : list of str
        Their IVORNs and revisions.
    associations : list of dict
        Their relations.
    here : list of (Range, float)
        What is known, and when it was requested in Unix seconds.
    problems : tuple of str
        What is missing, and what could not be requested again.
    """

    events: list[tuple[EventSegment, int]] = field(repr=False)
    identities: list[str] = field(repr=False)
    associations: list[Record] = field(repr=False)
    here: list[tuple[Range, float]]
    problems: tuple[str, ...] = ()

    @property
    def records(self) -> list[Record]:
        """The events as the registry sent them."""
        return [segment.records[row] for segment, row in self.events]

    def column(self) -> EventRecords:
        """Return the events as a column."""
        segments = {id(segment): segment for segment, _ in self.events}
        numbers = {one: number for number, one in enumerate(segments)}
        parts = [EventRecords.of(one.records) for one in segments.values()]
        begins = np.cumsum([0, *(len(one.blocks) for one in parts)])
        owners = np.array([numbers[id(segment)] for segment, _ in self.events], dtype=np.intp)
        rows = np.array([row for _, row in self.events], dtype=np.intp)
        places = np.empty((len(rows), 2), dtype=np.intp)
        for number, one in enumerate(parts):
            own = owners == number
            places[own] = np.add(one.places[rows[own]], (begins[number], 0))
        return EventRecords([block for one in parts for block in one.blocks], places)


class _Events:
    """The events of a part by their names, which their revisions share."""

    def __init__(self, part: EventPart) -> None:
        self.part = part
        rows = part.segment.within(part.range)
        self.by_name: dict[str, list[int]] = {}
        names = part.segment.names
        for row in rows.tolist():
            self.by_name.setdefault(names[row], []).append(row)
        starts, ends = part.segment.starts[rows], part.segment.ends[rows]
        is_readable = part.segment.readable[rows]
        self.crossing = rows[is_readable & ((starts < part.range.first) | (ends >= part.range.before))].tolist()

    def extent(self, row: int) -> Range:
        """Return the range of an event."""
        return Range(int(self.part.segment.starts[row]), int(self.part.segment.ends[row]) + 1)

    def name(self, row: int) -> str:
        """Return the name of an event."""
        return self.part.segment.names[row]

    def versions(self, name: str) -> set[tuple[str, ...]]:
        """Return what the registry changes if an event is revised, archived again or rated."""
        return {self.part.segment.versions[row] for row in self.by_name[name]}


def _overlap(one: Range, other: Range) -> bool:
    return one.first < other.before and other.first < one.before


def _remaining(old: Iterable[EventPart], fresh: Iterable[EventPart]) -> list[EventPart]:
    """Return the parts of older responses for which there is no newer one."""
    covered = [one.range for one in fresh if one.is_whole]
    return [one._replace(range=part) for one in old for part in without([one.range], covered)]


def assemble(whole: Range, old: Sequence[EventPart], fresh: Sequence[EventPart]) -> EventAssembly:
    """Join the events of a range from older responses and from those that came now."""
    parts = [_Events(one) for one in (*_remaining(old, fresh), *fresh)]
    parts.sort(key=lambda one: one.part.range)
    chosen: dict[str, _Events] = {}
    for one in parts:
        for name in one.by_name:
            if name not in chosen or chosen[name].part.asked < one.part.asked:
                chosen[name] = one
    for name in set(_withdrawn(parts, chosen)):
        del chosen[name]
    found: dict[str, tuple[int, EventSegment, int]] = {}
    for one in parts:
        for name, rows in one.by_name.items():
            if name in chosen and chosen[name].part.asked == one.part.asked:
                _add(found, one, [row for row in rows if _is_inside(one, row, whole)])
    ordered = sorted(found.items(), key=_start)
    events = [(segment, row) for _, (_, segment, row) in ordered]
    here = [(one.part.range, one.part.asked) for one in parts if one.part.is_whole]
    return EventAssembly(events, [name for name, _ in ordered], _associations(parts, events), here)


def _is_inside(one: _Events, row: int, whole: Range) -> bool:
    return not one.part.segment.readable[row] or _overlap(one.extent(row), whole)


def _add(found: dict[str, tuple[int, EventSegment, int]], one: _Events, rows: Iterable[int]) -> None:
    segment = one.part.segment
    for row in rows:
        found.setdefault(segment.identities[row], (int(segment.starts[row]), segment, row))


def _start(pair: tuple[str, tuple[int, EventSegment, int]]) -> float:
    start = pair[1][0]
    return np.inf if start == UNKNOWN else start


def _withdrawn(parts: Sequence[_Events], chosen: dict[str, _Events]) -> Iterator[str]:
    """Return the events that a newer response for a part of their time does not contain any more."""
    for one in parts:
        for row in one.crossing:
            name = one.name(row)
            newer = (other for other in parts if other.part.is_whole and other.part.asked > one.part.asked)
            if chosen[name] is one and any(
                _overlap(other.part.range, one.extent(row)) and name not in other.by_name for other in newer
            ):
                yield name


def _associations(parts: Iterable[_Events], events: Iterable[tuple[EventSegment, int]]) -> list[Record]:
    """Return the relations of some events, each once."""
    names = {segment.names[row] for segment, row in events}
    found: dict[tuple[Any, ...], Record] = {}
    for one in parts:
        for edge in one.part.segment.associations:
            if edge.get("first_ivorn") in names or edge.get("second_ivorn") in names:
                key = tuple(str(edge.get(name)) for name in ("first_ivorn", "second_ivorn", "edge_type"))
                found.setdefault(key, edge)
    return list(found.values())


def disputes(old: Sequence[EventPart], fresh: Sequence[EventPart]) -> Iterator[Range]:
    """Yield the ranges of older responses that contradict newer ones about an event that extends over both."""
    newer = [_Events(one) for one in fresh if one.is_whole]
    for before in map(_Events, _remaining(old, fresh)):
        for after in newer:
            for one, other in ((before, after), (after, before)):
                for row in one.crossing:
                    extent, name = one.extent(row), one.name(row)
                    if not _overlap(extent, other.part.range):
                        continue
                    if name not in other.by_name or one.versions(name) != other.versions(name):
                        yield from common([extent], [before.part.range])
