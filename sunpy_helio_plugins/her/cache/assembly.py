"""Join the events of several responses: each event once, as the newest response that could contain it has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sunpy_helio_plugins.her.cache.segments import UNKNOWN, EventPart, Record
from sunpy_helio_plugins.her.paging import identity_of
from sunpy_helio_plugins.store.intervals import Range, common, without

__all__ = ["EventAssembly", "assemble", "disputes"]


@dataclass(frozen=True)
class EventAssembly:
    """
    The events of a time range.

    Attributes
    ----------
    records, associations : list of dict
        The events by their start, and their relations.
    here : list of (Range, float)
        What is known, and when it was requested in Unix seconds.
    problems : tuple of str
        What is missing, and what could not be requested again.
    """

    records: list[Record] = field(repr=False)
    associations: list[Record] = field(repr=False)
    here: list[tuple[Range, float]]
    problems: tuple[str, ...] = ()


class _Events:
    """The events of a part by their names, which their revisions share."""

    def __init__(self, part: EventPart) -> None:
        self.part = part
        rows = part.segment.within(part.range)
        self.by_name: dict[str, list[int]] = {}
        for row in rows.tolist():
            self.by_name.setdefault(_name(part.segment.records[row]), []).append(row)
        starts, ends = part.segment.starts[rows], part.segment.ends[rows]
        is_readable = part.segment.readable[rows]
        self.crossing = rows[is_readable & ((starts < part.range.first) | (ends >= part.range.before))].tolist()

    def extent(self, row: int) -> Range:
        """Return the range of an event."""
        return Range(int(self.part.segment.starts[row]), int(self.part.segment.ends[row]) + 1)

    def name(self, row: int) -> str:
        """Return the name of an event."""
        return _name(self.part.segment.records[row])

    def versions(self, name: str) -> set[tuple[str, ...]]:
        """Return what the registry changes if an event is revised, archived again or rated."""
        return {_version(self.part.segment.records[row]) for row in self.by_name[name]}


def _name(record: Record) -> str:
    return str(record.get("kb_archivid") or identity_of(record))


def _version(record: Record) -> tuple[str, ...]:
    return tuple(str(record.get(name)) for name in ("revision", "kb_archivdate", "event_importance_num_ratings"))


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
    found: dict[str, tuple[int, Record]] = {}
    for one in parts:
        for name, rows in one.by_name.items():
            if name in chosen and chosen[name].part.asked == one.part.asked:
                _add(found, one, [row for row in rows if _is_inside(one, row, whole)])
    records = [record for _, record in sorted(found.values(), key=_start)]
    here = [(one.part.range, one.part.asked) for one in parts if one.part.is_whole]
    return EventAssembly(records, _associations(parts, records), here)


def _is_inside(one: _Events, row: int, whole: Range) -> bool:
    return not one.part.segment.readable[row] or _overlap(one.extent(row), whole)


def _add(found: dict[str, tuple[int, Record]], one: _Events, rows: Iterable[int]) -> None:
    for row in rows:
        record = one.part.segment.records[row]
        found.setdefault(identity_of(record), (int(one.part.segment.starts[row]), record))


def _start(pair: tuple[int, Record]) -> float:
    return np.inf if pair[0] == UNKNOWN else pair[0]


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


def _associations(parts: Iterable[_Events], records: Iterable[Record]) -> list[Record]:
    """Return the relations of some events, each once."""
    names = {record.get("kb_archivid") for record in records}
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
