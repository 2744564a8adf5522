"""
What is known of each instant of a series: pure arithmetic of ranges of integers, which include their first and not
their last end.

Each instant is in one of four states, and a list of `Entry` describes those that were ever requested. The lists are
sorted and do not overlap. The meaning of the integers, and how long an entry is believed, are those of the archive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import NamedTuple

__all__ = ["FOREVER", "Entry", "Range", "State", "common", "joined", "overlaid", "timeline", "united", "without"]

FOREVER = float("inf")
"""The end of belief in an entry that only a change at the archive makes wrong."""


class State(IntEnum):
    """What is known of an instant."""

    NEVER = 0
    """It was never requested."""
    FAILED = 1
    """It was requested, and the request failed."""
    EMPTY = 2
    """The archive answered that there is nothing, or only fill values."""
    PRESENT = 3
    """The answer is kept."""


class Range(NamedTuple):
    """The integers from ``first`` to before ``before``."""

    first: int
    before: int


@dataclass(frozen=True, slots=True)
class Entry:
    """
    What is known of a range.

    Attributes
    ----------
    first, before : int
        The range.
    state : State
        What is known.
    asked : float
        When it was requested, in Unix seconds.
    until : float
        Until when it is believed, in Unix seconds.
    source : int
        The number of the file with the data; 0 if there are none.
    why : str
        The reason of a failure.
    """

    first: int
    before: int
    state: State
    asked: float = 0.0
    until: float = 0.0
    source: int = 0
    why: str = ""

    @property
    def range(self) -> Range:
        """The range."""
        return Range(self.first, self.before)

    def is_believed(self, now: float) -> bool:
        """Return whether no request is needed; an entry from the future was made with a wrong clock."""
        return self.state >= State.EMPTY and self.asked <= now < self.until

    def within(self, first: int, before: int) -> Entry:
        """Return the part within a range that it overlaps."""
        return replace(self, first=max(self.first, first), before=min(self.before, before))

    def continues(self, other: Entry) -> bool:
        """Return whether it begins where another one ends, and says the same."""
        return self.first == other.before and replace(other, first=self.first, before=self.before) == self


def united(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges in order, those that touch or overlap as one."""
    found: list[Range] = []
    for first, before in sorted(ranges):
        if first >= before:
            continue
        if found and found[-1].before >= first:
            found[-1] = Range(found[-1].first, max(found[-1].before, before))
        else:
            found.append(Range(first, before))
    return found


def without(ranges: Iterable[Range], removed: Iterable[Range]) -> list[Range]:
    """Return what is in the first ranges and not in the second ones."""
    holes, found = united(removed), list[Range]()
    for first, before in united(ranges):
        for hole in holes:
            if hole.before <= first or hole.first >= before:
                continue
            if hole.first > first:
                found.append(Range(first, hole.first))
            first = hole.before
        if first < before:
            found.append(Range(first, before))
    return found


def common(ranges: Iterable[Range], others: Iterable[Range]) -> list[Range]:
    """Return what is in both."""
    kept, second = list(ranges), united(others)
    pairs = (Range(max(one.first, two.first), min(one.before, two.before)) for one in united(kept) for two in second)
    return [one for one in pairs if one.first < one.before]


def joined(ranges: Iterable[Range], most: int) -> list[Range]:
    """Return at most ``most`` ranges that contain the given ones: the shortest gaps are closed."""
    found = united(ranges)
    if len(found) <= most:
        return found
    gaps = sorted(range(1, len(found)), key=lambda index: found[index].first - found[index - 1].before)
    borders = sorted(gaps[len(found) - most :])
    return [
        Range(found[i].first, found[j - 1].before) for i, j in zip([0, *borders], [*borders, len(found)], strict=True)
    ]


def timeline(entries: Iterable[Entry], first: int, before: int) -> list[Entry]:
    """Return what is known of each part of a range, without gaps: what no entry covers was never requested."""
    found: list[Entry] = []
    at = first
    for entry in entries:
        if entry.before <= at or entry.first >= before:
            continue
        part = entry.within(at, before)
        if part.first > at:
            found.append(Entry(at, part.first, State.NEVER))
        found.append(part)
        at = part.before
    if at < before:
        found.append(Entry(at, before, State.NEVER))
    return found


def overlaid(entries: Sequence[Entry], fresh: Iterable[Entry]) -> list[Entry]:
    """Return the entries with others in their place; a failure replaces nothing that an answer told."""
    kept = list(entries)
    for one in fresh:
        new = [one]
        if one.state is State.FAILED:
            known = [other.range for other in kept if other.state >= State.EMPTY]
            new = [replace(one, first=first, before=before) for first, before in without([one.range], known)]
        for part in new:
            kept = [*_outside(kept, part.range), part]
    return _merged(kept)


def _outside(entries: Iterable[Entry], hole: Range) -> Iterable[Entry]:
    for one in entries:
        for first, before in without([one.range], [hole]):
            yield replace(one, first=first, before=before)


def _merged(entries: Iterable[Entry]) -> list[Entry]:
    found: list[Entry] = []
    for one in sorted(entries, key=lambda entry: entry.first):
        if found and one.continues(found[-1]):
            found[-1] = replace(found[-1], before=one.before)
        else:
            found.append(one)
    return found
