"""
The events of one search: those that are kept, and the requests for the others.

A search reads what it will use first, so that another process may remove it meanwhile; requests what is not present or
not believed, unless another one is doing that; and keeps each page as soon as it came, so that an interrupted search
continues there. Of an event in several responses the newest one is used.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import DiskError, FileError, HelioPluginsError, Problem, TransferError, warn
from sunpy_helio_plugins.her.cache.assembly import EventAssembly, assemble, disputes
from sunpy_helio_plugins.her.cache.contents import SERIES, group_of, store
from sunpy_helio_plugins.her.cache.pages import KeptPages
from sunpy_helio_plugins.her.cache.segments import (
    COLUMN,
    EventPart,
    EventSegment,
    count_of,
    entries,
    instant,
    packed,
    unpacked,
)
from sunpy_helio_plugins.her.filters.evaluate import judged
from sunpy_helio_plugins.her.filters.plan import SUBSETS, TIMES
from sunpy_helio_plugins.her.paging import Page
from sunpy_helio_plugins.her.query import ARCHIVE, Query
from sunpy_helio_plugins.her.records.blocks import CompressedRecords
from sunpy_helio_plugins.her.records.column import EventRecords
from sunpy_helio_plugins.her.service import SAFE, address, divided_body, parameters, records_of
from sunpy_helio_plugins.store import ranges
from sunpy_helio_plugins.store.arrow import ColumnFile
from sunpy_helio_plugins.store.intervals import Entry, Range, State, common, joined, timeline, without
from sunpy_helio_plugins.transport import limits
from sunpy_helio_plugins.transport.credentials import netrc_login
from sunpy_helio_plugins.transport.urls import public_url

__all__ = ["EventHoldings", "opened"]

_MOST_PARTS = 4
"""The number of requests in the place of one; more differences are joined, since a request costs more than events."""

_MOST_FILES = 16
"""The number of files of the events of a search from which small ones are written to one."""

_SMALL = 500
"""Events of a file, on average, up to which files are small."""

_BESIDE = frozenset({
    "cosec", "cmd", "event_starttime", "event_endtime", "result_limit", "page", "temporalmode", "sort_by", "sort_order",
})  # fmt: skip
"""The parameters that do not select events, or select them by time."""


def question_of(query: Query) -> str:
    """Return the parameters of a search that select events, except the time range, as one text."""
    query = replace(query, types=tuple(sorted(query.types)))
    pairs = [(name, value) for name, value in parameters(query) if name not in _BESIDE]
    return urlencode(pairs, quote_via=quote, safe=SAFE)


def range_of(query: Query) -> Range | None:
    """Return the time range of a search in milliseconds; `None` if it cannot be read."""
    first, last = instant(query.start), instant(query.end)
    return None if first is None or last is None or last < first else Range(first, last + 1)


def _text(milliseconds: int) -> str:
    return (datetime(1970, 1, 1) + timedelta(milliseconds=milliseconds)).isoformat(timespec="seconds")


def opened(query: Query) -> EventHoldings | None:
    """
    Return the events of a search; `None` if they are not kept.

    A search for events within others is not additive, and one for a few keywords may lack the times. Events that only
    some users may read are not kept, since another user of the same account may have other rights.
    """
    if not conf.her.cache or query.within or (query.strict and not query.alternatives):
        return None
    if query.returns and query.returns[0] != SUBSETS[0] and not {*TIMES, "kb_archivid"} <= set(query.returns):
        return None
    if any(len(part) == 2 and part[0].lower() in _BESIDE for part in query.raw):
        return None
    url, whole = address(), range_of(query)
    signer = netrc_login(url)
    if whole is None or (signer is not None and signer.known()) or public_url(url) != url:
        return None
    return EventHoldings(query, whole, url, store())


class EventHoldings:
    """
    The events of one search.

    Parameters
    ----------
    query : Query
        The search.
    whole : Range
        Its time range in milliseconds.
    url : str
        The address of the registry.
    kept : Ranges
        The store.
    """

    def __init__(self, query: Query, whole: Range, url: str, kept: ranges.Ranges) -> None:
        # The registry returns the events that overlap; those that extend beyond the range are removed afterwards.
        self._query, self._whole, self._store = replace(query, strict=False), whole, kept
        self._group = group_of(url, question_of(query))
        self._began = time.time()
        self._lock = Lock()
        self._known: list[Entry] = []
        self._seen: set[tuple[int, float, State]] | None = None
        self._files: dict[int, ColumnFile | None] = {}
        self._segments: dict[int, EventSegment | None] = {}
        self._fresh: list[EventPart] = []
        self._asked: list[Range] = []
        self._wanted: list[Range] = []
        self._failures: list[tuple[Range, HelioPluginsError, bool]] = []
        self._disk_errors: list[DiskError] = []

    # Requests

    def batches(self) -> Generator[list[Query]]:
        """Yield lists of searches to send before the next one is taken."""
        give_up = time.monotonic() + min(ranges.LEASE, limits.budget_deadline().left())
        self._read_known()
        while wanted := self._missing():
            with self._store.leased(self._group, wanted) as (taken, _):
                mine = [one for one, is_mine in zip(wanted, taken, strict=True) if is_mine]
                if mine:
                    # Another caller may have ended its request between the look and the lease.
                    self._read_known()
                    yield from self._requested(common(mine, self._missing()))
            others = [one for one, is_mine in zip(wanted, taken, strict=True) if not is_mine]
            if others and not self._store.waited(self._group, others, give_up):
                yield from self._requested(others)
            self._read_known()
        yield from self._requested(self._disputed())

    def _requested(self, wanted: Sequence[Range]) -> Iterator[list[Query]]:
        if wanted:
            parts = [self._part(one) for one in wanted]
            self._asked += [range_of(part) or self._whole for part in parts]
            yield parts

    def _part(self, one: Range) -> Query:
        """Return the search for a range: the original one for all, and else one for whole seconds around it."""
        if one == self._whole:
            return self._query
        start = self._query.start if one.first == self._whole.first else _text((one.first - 1) // 1000 * 1000)
        end = self._query.end if one.before == self._whole.before else _text(-(-one.before // 1000) * 1000)
        return replace(
            self._query, start=start, end=end, limit=None, sort_by="", descending=False, latest=False, alternatives=(),
        )  # fmt: skip

    def _read_known(self) -> None:
        """Read what is known of the range, and open the files; what was removed meanwhile is not known."""
        found = self._store.known(self._group, [SERIES], *self._whole)[SERIES]
        if self._seen is None:
            self._seen = {_identity(one) for one in found}
        # What this search requested itself is in memory.
        own = [part.range for part in self._fresh if part.is_whole] + [lost for lost, _, _ in self._failures]
        others = [one for one in found if one.asked != self._began or not common([one.range], own)]
        self._known = [one for one in others if not one.source or self._file(one.source) is not None]

    def _file(self, source: int) -> ColumnFile | None:
        if source not in self._files:
            self._files[source] = self._store.open(source, [COLUMN])
        return self._files[source]

    def _segment(self, source: int) -> EventSegment | None:
        """Return the events of a file; `None`, and no entry any more, if it cannot be read."""
        file = self._file(source)
        if source not in self._segments:
            self._segments[source] = None
            try:
                pages = [divided_body(body) for body in unpacked(file)] if file is not None else []
            except (FileError, OSError, ValueError):
                self._store.drop([source])
            else:
                self._segments[source] = self._joined(pages)
        return self._segments[source]

    def _joined(self, pages: Sequence[Page]) -> EventSegment:
        """Return the events of pages, and which match the search."""
        found = [(page.block, self.matching(page.records)) for page in pages if page.block is not None]
        begins = np.cumsum([0, *(len(block) for block, _ in found)]).tolist()
        events = EventRecords.joined([block for block, _ in found])
        verdicts = {
            begin + row: why for begin, (_, own) in zip(begins, found, strict=False) for row, why in own.items()
        }
        return EventSegment(events, [edge for page in pages for edge in page.associations], verdicts)

    def matching(self, records: Sequence[dict[str, Any]]) -> dict[int, tuple[str, ...]]:
        """Return the rows of the events that match the search, with the reasons why this is uncertain."""
        return dict(judged(self._query, records))

    def _missing(self) -> list[Range]:
        """Return what must be requested: everything at once if a limit ends the search before the last page."""
        now = time.time()
        lost = [one.range for one in timeline(self._known, *self._whole) if not self._is_answered(one, now)]
        lost = without(lost, self._asked)
        self._wanted += lost
        if lost and self._query.limit and self._query.ends_at_limit:
            return [] if self._asked else [self._whole]
        return joined(lost, _MOST_PARTS)

    def _is_answered(self, entry: Entry, now: float) -> bool:
        if entry.state is State.NEVER:
            return False
        if self._seen is not None and _identity(entry) not in self._seen:
            # Another caller asked, while this one waited for it.
            if entry.state is State.FAILED:
                self._failures.append((entry.range, TransferError(entry.why), False))
                self._asked.append(entry.range)
            return True
        is_believed = entry.is_believed(now) and not self._query.refresh
        return is_believed and (entry.state is State.EMPTY or self._segment(entry.source) is not None)

    def _disputed(self) -> list[Range]:
        """Forget, and return, the ranges of kept events that newer responses contradict."""
        if not self._fresh or not self._known:
            return []
        found = joined(disputes(self._old(), self._fresh), _MOST_PARTS)
        if found:
            self._wanted += found
            self._store.revise(self._group, lambda note: (note, [(SERIES, one) for one in found]))
        return without(common(found, [self._whole]), self._asked)

    # Responses

    def pages(self, query: Query) -> KeptPages:
        """Return what keeps the pages of a request."""
        is_ordered = query.sort_by in ("", "event_starttime") and not query.descending
        return KeptPages(range_of(query) or self._whole, self._began, self._keep, is_ordered)

    def _keep(self, part: EventPart, bodies: Sequence[CompressedRecords]) -> None:
        """Keep the events of a range, and the responses with them."""
        with self._lock:
            self._fresh.append(part)
        columns, header = packed(bodies, len(part.segment.records)) if len(part.segment.records) else (None, "")
        try:
            self._store.put(self._group, {SERIES: entries(part)}, columns, header)
        except DiskError as error:
            with self._lock:
                self._disk_errors.append(error)

    def ended(self, rest: EventPart | None, error: HelioPluginsError | None) -> None:
        """Use the events of a request that are not kept, since others of their range may be missing."""
        if rest is None:
            return
        with self._lock:
            self._fresh.append(rest)
        if error is not None:
            self.failed(rest.range, error, is_told=True)

    def failed(self, lost: Range | Query, error: HelioPluginsError, is_told: bool = False) -> None:
        """Note that the events of a range could not be received, and whether a problem of the request tells it."""
        one = (range_of(lost) or self._whole) if isinstance(lost, Query) else lost
        with self._lock:
            self._failures.append((one, error, is_told))
        entry = Entry(*one, State.FAILED, self._began, self._began, why=str(error))
        self._store.put(self._group, {SERIES: [entry]})

    # Results

    @property
    def is_direct(self) -> bool:
        """Whether the only response is that to the complete search, and nothing older could complete it."""
        older = any(one.state is State.PRESENT for one in self._known)
        return self._asked == [self._whole] and not (self._failures and older)

    def _old(self) -> list[EventPart]:
        """Return the events of each entry that is known from before."""
        found = []
        for one in self._known:
            part = one.within(*self._whole).range
            if one.state is State.EMPTY:
                found.append(EventPart(part, EventSegment(), one.asked))
            elif one.state is State.PRESENT and (segment := self._segment(one.source)) is not None:
                found.append(EventPart(part, segment, one.asked))
        return found

    def assembly(self) -> EventAssembly:
        """Return all events, and what is missing; raise an error if everything is."""
        made = assemble(self._whole, self._old(), self._fresh)
        if self._failures and not made.here and not made.events:
            raise self._failures[0][1]
        self._write_together()
        return replace(made, problems=tuple(self._problems(made)))

    def _problems(self, made: EventAssembly) -> Iterator[Problem]:
        """Yield a sentence for each range that is missing, or could not be requested again."""
        for requested, error, is_told in self._failures:
            # A request is for whole seconds around what is wanted.
            lost = common([requested], self._wanted)
            for part in without(lost, [one for one, _ in made.here]) if not is_told else ():
                text = f"The events from {_text(part.first)} to {_text(part.before - 1)} are missing: {error}"
                yield Problem.of_error(error, text)
            old = [(part, asked) for one, asked in made.here if self._is_old(asked) for part in common([one], lost)]
            if old:
                since = datetime.fromtimestamp(min(asked for _, asked in old), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
                text = (
                    f"The events from {_text(old[0][0].first)} to {_text(old[-1][0].before - 1)} could not be "
                    f"requested again, and are as they were on {since}: {error}"
                )
                yield Problem.of_error(error, text)

    def _is_old(self, asked: float) -> bool:
        """Return whether a request was sent before this search, also if the clock was fast then."""
        return asked < self._began or asked > time.time()

    def _write_together(self) -> None:
        """Write the events of many small files to one."""
        found = self._store.known(self._group, [SERIES], *self._whole)
        known = [one for one in found[SERIES] if one.state is State.PRESENT]
        files = {one.source: self._file(one.source) for one in known}
        if len(files) <= _MOST_FILES or sum(count_of(one) for one in files.values() if one) > _SMALL * len(files):
            return
        parts = [
            EventPart(one.within(*self._whole).range, segment, one.asked)
            for one in known if (segment := self._segment(one.source)) is not None
        ]  # fmt: skip
        if len(parts) < len(known):
            return
        made = assemble(self._whole, parts, [])
        body = json.dumps({"result": made.records, "association": made.associations, "overmax": False}).encode()
        columns, header = packed([CompressedRecords(body, records_of)], len(made.events))
        with contextlib.suppress(DiskError):
            fresh = [one.within(*self._whole) for one in known]
            self._store.put(self._group, {SERIES: fresh}, columns, header, expected=found)

    def warn(self) -> None:
        """Warn once if the events could not be kept."""
        if self._disk_errors:
            warn(f"The events of {ARCHIVE} are not kept for the next time: {self._disk_errors[0]}", AstropyUserWarning)


def _identity(entry: Entry) -> tuple[int, float, State]:
    """Return what is the same for all parts of an entry."""
    return entry.source, entry.asked, entry.state
