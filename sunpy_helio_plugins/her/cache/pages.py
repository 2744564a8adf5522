"""Keep the pages of a request as they come: what precedes the last event of a page is known from then on."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np

from sunpy_helio_plugins.errors import ServiceError
from sunpy_helio_plugins.her.cache.segments import UNKNOWN, EventPart, EventSegment, Record
from sunpy_helio_plugins.her.paging import Page
from sunpy_helio_plugins.her.records.blocks import CompressedRecords, Flat, FlatRecords, flattened
from sunpy_helio_plugins.her.service import records_of
from sunpy_helio_plugins.store.intervals import Range

__all__ = ["KeptPages"]

_LARGEST = 1 << 26
"""Bytes of the largest page that is kept."""


class KeptPages:
    """
    The pages of one request.

    The registry sorts events by their start, so that the pages up to one contain all events that overlap the time
    before its last event. If they are not in this order, the pages are kept together, after the last one.

    Parameters
    ----------
    whole : Range
        The time range of the request.
    asked : float
        When it was sent, in Unix seconds.
    keep : callable
        Keeps a part and the bodies with its events.
    is_ordered : bool
        Whether the events are requested in the order of their starts.
    """

    def __init__(
        self, whole: Range, asked: float, keep: Callable[[EventPart, list[CompressedRecords]], None], is_ordered: bool
    ) -> None:
        self._whole, self._asked, self._keep, self._is_ordered = whole, asked, keep, is_ordered
        self._border, self._latest = whole.first, UNKNOWN
        self._records, self._edges, self._bodies = list[Flat](), list[Record](), list[Body]()
        self._is_good, self._is_ended = True, False

    def take(self, outcome: Page | ServiceError, is_good: bool) -> None:
        """Keep a page, unless an earlier one is missing or the order of the registry has changed."""
        if isinstance(outcome, ServiceError):
            self._is_good = False
            return
        self._is_good &= is_good and len(outcome.content) <= _LARGEST
        found = outcome.records
        self._records += found.flat if isinstance(found, FlatRecords) else flattened(found)
        self._edges += outcome.associations
        if not self._is_good:
            return
        self._bodies.append((_source(outcome), len(outcome.records)))
        if not outcome.more:
            self._is_ended = True
            self._keep_until(self._whole.before)
        elif self._is_ordered:
            own = EventSegment(found)
            starts = np.append(self._latest, own.starts[own.readable])
            self._is_ordered, self._latest = bool((np.diff(starts) >= 0).all()), int(starts[-1])
            if self._is_ordered and self._border < self._latest < self._whole.before:
                self._keep_until(self._latest)

    def _keep_until(self, border: int) -> None:
        """Keep what is pending as the events before a time."""
        segment = EventSegment(FlatRecords(self._records), self._edges)
        part = EventPart(Range(self._border, border), segment.compressed(self._bodies), self._asked)
        self._keep(part, [body for body, _ in self._bodies])
        after = np.flatnonzero(segment.readable & ((segment.ends >= border) | (segment.starts >= border)))
        self._border, self._records = border, [self._records[row] for row in after.tolist()]
        left = list(FlatRecords(self._records))
        self._edges = _of_events(self._edges, left)
        told = {"result": left, "association": self._edges, "overmax": False}
        pending = CompressedRecords(json.dumps(told).encode(), records_of) if self._records else None
        self._bodies = [(pending, len(self._records))] if pending else []

    @property
    def rest(self) -> EventPart | None:
        """The events that were not kept, in a range in which others may be missing; `None` if all were kept."""
        if self._is_ended:
            return None
        segment = EventSegment(FlatRecords(self._records), self._edges)
        return EventPart(Range(self._border, self._whole.before), segment, self._asked, is_whole=False)


Body = tuple[CompressedRecords, int]
"""The body of a response, and its number of events."""


def _source(page: Page) -> CompressedRecords:
    """Return the body of a page, with its columns."""
    source = None if page.block is None else page.block.source
    if page.block is None or not isinstance(source, CompressedRecords):
        return CompressedRecords(page.content, records_of)
    return source.divided_as(page.block, page.associations)


def _of_events(associations: list[Record], records: list[Record]) -> list[Record]:
    names = {record.get("kb_archivid") for record in records}
    return [edge for edge in associations if names & {edge.get("first_ivorn"), edge.get("second_ivorn")}]
