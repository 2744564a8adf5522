"""
List the images near many instants of one source, from as few pages and requests as possible.

The time around each instant is listed until no image outside of it can be nearer than the nearest one in it. The spans
of all instants are merged before each request. If none is found within a day, and it costs less than listing more, the
API is asked for the times of the images before and after the instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import ServiceError
from sunpy_helio_plugins.fido.partial import outcomes
from sunpy_helio_plugins.helioviewer.listers import closest
from sunpy_helio_plugins.helioviewer.listers.base import DAY, SECOND, TICK, ImageList, Span, merged
from sunpy_helio_plugins.helioviewer.listers.fallback import Collection, SourceListers, latest

__all__ = ["WantedInstants", "add_images_near"]

REACH = np.timedelta64(5, "m")
"""The time on both sides of an instant that is listed first."""

WIDER = 4
"""The factor by which the time is extended while no image is found."""

AT_ONCE = 3

_FAR = np.timedelta64(36_500, "D")

_Times = NDArray[np.datetime64]
_Lengths = NDArray[np.timedelta64]


@dataclass(frozen=True)
class WantedInstants:
    """
    WantedInstants for which the nearest image is wanted.

    Attributes
    ----------
    times : numpy.ndarray of datetime64[us], shape (n,)
        The instants, in any order.
    low, high : numpy.ndarray of datetime64[us], shape (n,)
        The first and the last time that the image of each may have.
    """

    times: _Times
    low: _Times
    high: _Times

    @classmethod
    def within(cls, times: _Times, ends: Span, limit: np.timedelta64 | None) -> WantedInstants:
        """Return instants for images in a range, and within a limit of the instant."""
        limit = _FAR if limit is None else min(limit, _FAR)
        return cls(times, np.maximum(times - limit, ends[0]), np.minimum(times + limit, ends[1]))

    def joined(self, other: WantedInstants) -> WantedInstants:
        """Return these instants and others."""
        pairs = ((self.times, other.times), (self.low, other.low), (self.high, other.high))
        return WantedInstants(*(np.concatenate(pair) for pair in pairs))

    def at(self, chosen: NDArray[np.intp] | NDArray[np.bool_]) -> WantedInstants:
        """Return some of the instants."""
        return WantedInstants(self.times[chosen], self.low[chosen], self.high[chosen])


def add_images_near(instants: WantedInstants, listers: SourceListers, made: Collection) -> None:
    """Add to a collection of images all that may be the nearest to instants."""
    high = np.minimum(instants.high, latest())
    left = WantedInstants(instants.times, instants.low, high).at(instants.low <= high)
    reach = REACH
    asks = listers.has("coverage")
    while len(left.times):
        held = np.sort(np.concatenate([np.empty(0, "M8[us]"), *(part.times for part in made.parts)]))
        start, end = _needed(left, held, reach)
        is_open = ~_are_covered(start, end, made.covered)
        far = np.full(len(start), reach > DAY) & (_distance(left, held) == _FAR) & (start < end)
        spans = _without(_union(start[is_open], end[is_open]), made.covered)
        if asks and far.any() and far.sum() * closest.COST < listers.cost(spans):
            _add_closest(left.at(far), listers, made)
            asks = False
            continue
        if spans:
            made.add(listers.collect(spans))
        # An instant is finished if nothing was left to list for it, and it has an image or no more time. If a part of
        # its time could not be listed, a farther image need not be the nearest.
        is_whole = (start <= left.low) & (end >= left.high)
        for gap in made.gaps:
            is_whole |= (start <= gap.end) & (end >= gap.start)
        finished = ~is_open & ((_distance(left, held) < _FAR) | is_whole)
        left = left.at(~finished)
        reach = reach if is_open.any() else reach * WIDER


def _needed(instants: WantedInstants, held: _Times, reach: np.timedelta64) -> tuple[_Times, _Times]:
    """Return the time in which an image may be nearer than the nearest known one; without one, that of the reach."""
    apart = _distance(instants, held)
    apart = np.where(apart == _FAR, reach, apart)
    # The part of the range that is nearest to an instant outside of it.
    centre = np.clip(instants.times, instants.low, instants.high)
    apart = np.maximum(apart, np.abs(instants.times - centre) + np.where(apart == reach, reach, 0 * SECOND))
    start, end = np.maximum(instants.times - apart, instants.low), np.minimum(instants.times + apart, instants.high)
    return np.minimum(start, instants.high), np.maximum(end, instants.low)


def _distance(instants: WantedInstants, held: _Times) -> _Lengths:
    """Return the distance to the nearest of some images that an instant may have."""
    if not len(held):
        return np.full(len(instants.times), _FAR.astype("m8[us]"))
    # The images of an instant are those from `first` to `last`, which may be none.
    first, last = np.searchsorted(held, instants.low), np.searchsorted(held, instants.high, side="right") - 1
    after = np.searchsorted(held, instants.times)
    found = np.full(len(instants.times), _FAR.astype("m8[us]"))
    for place in (after - 1, after):
        place = np.clip(place, first, np.maximum(last, first)).clip(0, len(held) - 1)
        found = np.minimum(found, np.abs(held[place] - instants.times))
    return np.where(first <= last, found, _FAR.astype("m8[us]"))


def _are_covered(start: _Times, end: _Times, covered: Sequence[Span]) -> NDArray[np.bool_]:
    if not covered:
        return np.zeros(len(start), bool)
    lows, highs = (np.array(one, "M8[us]") for one in zip(*covered, strict=True))
    place = np.searchsorted(lows, start, side="right") - 1
    return (place >= 0) & (end <= highs[place.clip(0)])


def _union(start: _Times, end: _Times) -> list[Span]:
    """Return the union of intervals as spans in ascending order."""
    if not len(start):
        return []
    order = np.argsort(start)
    start, last = start[order], np.maximum.accumulate(end[order])
    first = np.concatenate([[True], start[1:] > last[:-1]])
    ends = last[np.concatenate([np.flatnonzero(first)[1:] - 1, [len(start) - 1]])]
    return list(zip(start[first], ends, strict=True))


def _without(spans: Sequence[Span], covered: Sequence[Span]) -> list[Span]:
    """Return the parts of spans outside of those that are covered, both in ascending order and with their ends."""
    left: list[Span] = []
    for start, end in spans:
        for low, high in covered:
            if high < start or low > end:
                continue
            if low > start:
                left.append((start, low - TICK))
            start = max(start, high + TICK)
        if start <= end:
            left.append((start, end))
    return left


def _add_closest(instants: WantedInstants, listers: SourceListers, made: Collection) -> None:
    """Add the images around those that the API names as the ones before and after instants, and the times between."""
    source, asked = listers.source, list(instants.times)
    found = outcomes(asked, lambda time: closest.neighbours([source], time)[source.id], AT_ONCE, pieces=True)
    seconds, between = [], []
    for time, low, high, answer in zip(asked, instants.low, instants.high, found, strict=True):
        if isinstance(answer, ServiceError):
            continue
        if isinstance(answer, Exception):
            raise answer
        apart = min((abs(second - time) for second in answer), default=_FAR) + 2 * SECOND
        seconds += [one for one in answer if abs(one - time) <= apart and low - SECOND <= one <= high + SECOND]
        before = max((second for second in answer if second <= time), default=low)
        after = min((second for second in answer if second > time), default=high)
        between.append((max(before, low), min(after, high)))
    around = merged((second - 2 * SECOND, second + 2 * SECOND) for second in seconds)
    around = _without(around, made.covered)
    if around:
        made.add(listers.collect(around))
    empty = merged((start, end) for start, end in between if start < end)
    made.add(Collection(parts=[ImageList.nothing()], names=["closest"], covered=empty))
