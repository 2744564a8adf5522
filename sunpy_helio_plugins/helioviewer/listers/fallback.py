"""List the images of a source in spans of time, where each lister is a fallback for those before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import numpy as np

from sunpy_helio_plugins.errors import HelioPluginsError
from sunpy_helio_plugins.fido.partial import run_all
from sunpy_helio_plugins.helioviewer.listers.base import Gap, ImageList, Span, merged
from sunpy_helio_plugins.helioviewer.source_table import Source

__all__ = ["Collection", "Lister", "SourceListers", "collect", "latest"]

AT_ONCE = 3
"""Spans of one source that are listed at the same time; each lister limits its requests further."""

BLOCK = np.timedelta64(31, "D")
"""The longest time for whose spans one lister is chosen: that of one request of the HAPI server."""

_AHEAD = np.timedelta64(1, "h")
"""The allowed error of a clock: images later than now plus this are not requested."""


class Lister(Protocol):
    """A service that can list images."""

    name: str

    def can_list(self, source: Source) -> bool:
        """Return whether the service may list a source."""

    def find(self, source: Source, start: np.datetime64, end: np.datetime64) -> ImageList:
        """List the images of a source in a range, both ends included."""

    def ranges(self, spans: Sequence[Span]) -> list[Span]:
        """Return the ranges to list for spans in ascending order: they contain the spans, and all their images."""

    def cost(self, ranges: Sequence[Span]) -> float:
        """Return the seconds that the service and the network need for such ranges."""


@dataclass
class Collection:
    """
    The images of one source from several listers.

    Attributes
    ----------
    parts : list of ImageList
        The images of each request.
    names : list of str
        The lister of each part.
    gaps : list of Gap
        The parts of the spans that no lister could list.
    notes : list of str
        Remarks of the listers.
    covered : list of Span
        The ranges that were listed, or are gaps.
    """

    parts: list[ImageList] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    covered: list[Span] = field(default_factory=list)

    def add(self, other: Collection) -> None:
        """Add the images and gaps of another collection."""
        self.parts += other.parts
        self.names += other.names
        self.gaps += other.gaps
        self.notes += [note for note in other.notes if note not in self.notes]
        self.covered = merged([*self.covered, *other.covered])

    def error(self) -> HelioPluginsError | None:
        """Return the first error if there are no images, and all that was requested failed."""
        if not self.gaps or any(len(part.paths) for part in self.parts) or any(gap.error is None for gap in self.gaps):
            return None
        failed = merged((gap.start, gap.end) for gap in self.gaps)
        now = latest()
        asked = [(low, min(high, now)) for low, high in self.covered if low <= now]
        is_all = all(any(start <= low and high <= end for start, end in failed) for low, high in asked)
        return self.gaps[0].error if is_all else None


def latest() -> np.datetime64:
    """Return the time after which images are not requested."""
    return np.datetime64(datetime.now(UTC).replace(tzinfo=None), "us") + _AHEAD


def collect(listers: Sequence[Lister], source: Source, spans: Sequence[Span]) -> Collection:
    """Request the images of each lister for the spans that those before it could not list."""
    now = latest()
    gaps = [Gap(start, end, "") for start, end in spans]
    made = Collection(covered=merged(spans))
    for lister in listers:
        left: list[Gap] = []
        ranges = lister.ranges([(gap.start, gap.end) for gap in gaps])
        for found in run_all(ranges, partial(_found, lister, source), AT_ONCE):
            made.parts.append(found)
            made.names.append(lister.name)
            made.notes += [note for note in found.notes if note not in made.notes]
            left += [piece for one in found.gaps if one.start <= now for piece in _within(one, gaps, now)]
        if not left:
            made.covered = merged([*made.covered, *ranges])
        gaps = left
        if not gaps:
            break
    made.gaps = gaps
    return made


def _found(lister: Lister, source: Source, span: Span) -> ImageList:
    return lister.find(source, *span)


@dataclass(frozen=True)
class SourceListers:
    """
    The listers of one source.

    Attributes
    ----------
    source : Source
        The source.
    listers : tuple of Lister
        The listers that can list it.
    is_ordered : bool
        Whether they are requested in this order, whatever they cost.
    """

    source: Source
    listers: tuple[Lister, ...]
    is_ordered: bool = False

    def order(self, spans: Sequence[Span]) -> list[Lister]:
        """Return the listers for spans, by default the cheapest first."""
        if self.is_ordered:
            return list(self.listers)
        return sorted(self.listers, key=lambda one: one.cost(one.ranges(spans)))

    def cost(self, spans: Sequence[Span]) -> float:
        """Return the seconds for listing spans."""
        blocks = ((self.order(block)[0], block) for block in _blocks(spans))
        return sum(first.cost(first.ranges(block)) for first, block in blocks)

    def has(self, name: str) -> bool:
        """Return whether a lister is one of them."""
        return any(one.name == name for one in self.listers)

    def collect(self, spans: Sequence[Span]) -> Collection:
        """Request the images in many spans in ascending order; the lister is chosen for each month of them."""
        made = Collection()
        blocks = list(_blocks(spans))
        for part in run_all(blocks, lambda block: collect(self.order(block), self.source, block), AT_ONCE):
            made.add(part)
        return made


def _blocks(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Divide spans in ascending order into blocks, between days; a span that is longer than a block is a whole one."""
    block: list[Span] = []
    for start, end in spans:
        if block and end - block[0][0] > BLOCK and start.astype("M8[D]") > block[-1][1].astype("M8[D]"):
            yield block
            block = []
        block.append((start, end))
    if block:
        yield block


def _within(gap: Gap, asked: Sequence[Gap], now: np.datetime64) -> Iterator[Gap]:
    """Yield the parts of a gap within what was asked for, with the reasons of all listers that could not list them."""
    for one in asked:
        start, end = max(gap.start, one.start), min(gap.end, one.end, now)
        if start < end or (start == end and (gap.start == gap.end or one.start == one.end)):
            reasons = dict.fromkeys(text for text in (one.reason, gap.reason) if text)
            yield replace(gap, start=start, end=end, reason="; ".join(reasons))
