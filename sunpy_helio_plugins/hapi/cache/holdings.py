"""
The records of one load: those that are kept, and the requests for the others.

A load opens what it will use first, so that another process may remove it meanwhile; requests what is not present or
not believed, unless another one is doing that; and keeps each response as soon as it came. Times are those of the
responses: parameters of different responses are joined if their times are equal, and requested together if not.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from threading import Lock
from typing import TypeVar

from astropy.utils.exceptions import AstropyUserWarning

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import DiskError, FileError, HelioPluginsError, TransferError, warn
from sunpy_helio_plugins.fido.partial import Partial
from sunpy_helio_plugins.hapi.cache import segments, validity
from sunpy_helio_plugins.hapi.cache.assembly import Assembly, Failure, assemble
from sunpy_helio_plugins.hapi.cache.contents import group_of, store
from sunpy_helio_plugins.hapi.cache.segments import Segment
from sunpy_helio_plugins.hapi.cache.validity import DatasetVersion
from sunpy_helio_plugins.hapi.plan import DataRequest, Endpoints, selected
from sunpy_helio_plugins.hapi.records.file import HAPIDocument
from sunpy_helio_plugins.hapi.records.read import named
from sunpy_helio_plugins.hapi.service import login_of
from sunpy_helio_plugins.quantities.leap import SECOND
from sunpy_helio_plugins.quantities.spans import Moment, Span
from sunpy_helio_plugins.store import ranges
from sunpy_helio_plugins.store.intervals import Entry, Range, State, common, joined, overlaid, timeline, united, without
from sunpy_helio_plugins.transport.credentials import netrc_login
from sunpy_helio_plugins.transport.urls import public_url

__all__ = ["Holdings", "are_kept", "opened", "range_of"]

T = TypeVar("T")

_MOST_PARTS = 4
"""The number of requests in the place of one; more differences are joined, since a request costs more than records."""

_MOST_FILES = 16
"""The number of files of the records of a load from which they are written to one."""

_LARGEST = 1 << 26
"""Bytes of the largest response that is kept: its size is not known before if the dataset has no cadence."""

_FARTHEST = ranges.LARGEST - 10**15
"""The largest ordinal of a range that is kept."""


def range_of(span: Span) -> Range:
    """Return a time range in ordinals."""
    return Range(span.first.ordinal, span.before.ordinal)


def span_of(one: Range) -> Span:
    """Return a range of ordinals as a time range."""
    return Span(Moment.of_ordinal(one.first), Moment.of_ordinal(one.before))


def opened(
    found: Sequence[DataRequest], service: Endpoints, refresh: bool = False, began: float | None = None
) -> Holdings | None:
    """
    Return the records of requests for the same parameters; `None` if they are not kept.

    ``began`` is the time of the requests if they were sent before, in Unix seconds. Records that only some users may
    read are not kept, since another user of the same account may have other rights.
    """
    if not are_kept(found):
        return None
    return Holdings(found, service, store(), refresh, time.time() if began is None else began)


def are_kept(found: Sequence[DataRequest]) -> bool:
    """Return whether the records of requests for one dataset are kept."""
    first = found[0]
    names = first.info.names
    if not conf.hapi.cache or any(one.info.names != names for one in found) or len(set(names)) < len(names):
        return False
    signer = login_of(first.server) or netrc_login(first.server.url)
    if (signer is not None and signer.known()) or public_url(first.server.url) != first.server.url:
        return False
    return all(abs(border) <= _FARTHEST for one in found for border in range_of(one.span))


class Holdings:
    """
    The records of one load.

    Parameters
    ----------
    found : sequence of DataRequest
        The requests that would be sent if nothing were kept: all of one dataset, for the same parameters.
    service : Endpoints
        The server.
    kept : Ranges
        The store.
    refresh : bool
        Whether everything is requested again.
    began : float
        When the first request was sent, or before, in Unix seconds.

    Attributes
    ----------
    is_foreign : bool
        Whether a response has other parameters than were requested, or is too large, so that it is not joined with
        other ones.
    has_changed : bool
        Whether a response was the first one that told of a modification of the dataset.
    """

    def __init__(
        self, found: Sequence[DataRequest], service: Endpoints, kept: ranges.Ranges, refresh: bool, began: float
    ) -> None:
        self._found, self._service, self._store, self._refresh = list(found), service, kept, refresh
        first = self._found[0]
        self._info, self._server = first.info, first.server
        # The times come with each response; only one of them alone is requested for their own sake.
        self._names = first.info.names[1:] or first.info.names
        self._subject = f"{first.dataset} of {first.server.archive}"
        self._group = group_of(first.server.url, first.dataset)
        self._keys = {one.name: validity.key_of(one) for one in first.info.parameters if one.name in self._names}
        self._began, self._version = began, DatasetVersion.of(first.info)
        self._lock = Lock()
        self._known: dict[str, list[Entry]] = {}
        self._seen: set[tuple[int, float, State]] = set()
        self._files: dict[int, Segment | None] = {}
        self._fresh: list[Segment] = []
        self._failures: list[Failure] = []
        self._disk_errors: list[DiskError] = []
        self._made: Assembly | None = None
        self.is_foreign = self.has_changed = self._is_renewed = False
        self._end_lease: Callable[[Range], None] = _nothing

    # Requests

    def batches(self) -> Generator[list[DataRequest]]:
        """Yield lists of requests to send `through` this object before the next one is taken."""
        self._agree_on_version()
        left, give_up = self._found, time.monotonic() + ranges.LEASE
        while left:
            self._read_known(left)
            wanted = [part for one in left for part in self._differences(one)]
            if not wanted:
                break
            with self._store.leased(self._group, [range_of(one.span) for one in wanted]) as (taken, end):
                self._end_lease = end
                mine = [one for one, is_mine in zip(wanted, taken, strict=True) if is_mine]
                if mine and not self._refresh:
                    # Another caller may have ended its request between the look and the lease.
                    self._read_known(mine)
                    mine = [one for one in mine if self._differences(one)]
                if mine:
                    yield mine
            self._end_lease = _nothing
            others = [one for one, is_mine in zip(wanted, taken, strict=True) if not is_mine]
            if others and not self._store.waited(self._group, [range_of(one.span) for one in others], give_up):
                yield others
            left = [one for one in self._found if any(_overlap(one.span, other.span) for other in others)]
            if self._is_renewed:
                # A response has a later modificationDate: the entries from before are outdated.
                self._known, self._is_renewed, self._made, left = {}, False, None, self._found
        if disputed := self._disputes():
            yield disputed

    def through(self, fetch: Callable[[DataRequest], T]) -> Callable[[DataRequest], T]:
        """Return a function that requests something, after which others may do so."""

        def fetched(one: DataRequest) -> T:
            try:
                return fetch(one)
            finally:
                self._end_lease(range_of(one.span))

        return fetched

    def _agree_on_version(self) -> None:
        """Forget what a change of the dataset, as its description tells, has made outdated."""
        note = self._store.note(self._group)
        known = DatasetVersion.read(note)
        if known is not None and known.followed_by(self._version) == (known, []):
            return

        def change(note: str) -> tuple[str, list[tuple[str | None, Range | None]]]:
            before = DatasetVersion.read(note)
            if before is None:
                return self._version.note, [(None, None)] if note else []
            after, outdated = before.followed_by(self._version)
            return after.note, [(None, one) for one in outdated]

        self._store.revise(self._group, change)

    def _read_known(self, asked: Sequence[DataRequest]) -> None:
        """Read what is known of the requests, and open the files; what was removed meanwhile is not known."""
        spans = [range_of(one.span) for one in asked]
        whole = Range(min(one.first for one in spans), max(one.before for one in spans))
        found = self._store.known(self._group, list(self._keys.values()), *whole)
        if not self._known:
            self._known = {name: [] for name in self._names}
            self._seen = {_identity(one) for entries in found.values() for one in entries}
        for name, key in self._keys.items():
            entries = [one for one in found[key] if self._is_usable(name, one)]
            self._known[name] = overlaid(self._known[name], entries)
        self._made = None

    def _is_usable(self, name: str, entry: Entry) -> bool:
        """Return whether the records of an entry are here, and were not to be requested again."""
        if self._refresh and _identity(entry) in self._seen:
            return False
        segment = self._segment(entry.source) if entry.source else None
        return not entry.source or (segment is not None and segment.has(name))

    def _segment(self, source: int) -> Segment | None:
        """Return the records of a file; those of the responses to this load have negative numbers."""
        if source < 0:
            return self._fresh[-source - 1]
        if source not in self._files:
            file = self._store.open(source, self._info.names)
            time_name = self._info.time.name
            is_known = file is not None and time_name in file.columns
            self._files[source] = Segment.of_file(file, time_name) if file is not None and is_known else None
        return self._files[source]

    def _differences(self, one: DataRequest) -> list[DataRequest]:
        """Return the requests for what is not known of a request, or not believed."""
        whole = range_of(one.span)
        missing = {name: self._missing(name, whole) for name in self._names if name in one.info.names}
        every = united(part for parts in missing.values() for part in parts)
        pieces = list(_by_names(every, missing))
        if len(pieces) > _MOST_PARTS:
            lacking = tuple(name for name, parts in missing.items() if parts)
            pieces = [(part, lacking) for part in joined(every, _MOST_PARTS)]
        spans = ((span_of(part), names) for part, names in pieces)
        return [selected(self._service, one, span, names) for span, names in spans if span.first < span.before]

    def _missing(self, name: str, whole: Range) -> list[Range]:
        """Return what must be requested of a parameter."""
        now = time.time()
        lost = [one.range for one in timeline(self._known[name], *whole) if not self._is_answered(name, one, now)]
        come = [part.range for part in self._fresh if part.has(name)]
        failed = [one.range for one in self._failures if name in one.names]
        return without(lost, [*come, *failed])

    def _is_answered(self, name: str, entry: Entry, now: float) -> bool:
        if entry.state is State.NEVER:
            return False
        if _identity(entry) not in self._seen:
            # Another caller asked, while this one waited for it.
            if entry.state is State.FAILED:
                self._failures.append(Failure((name,), entry.range, TransferError(entry.why)))
            return True
        return entry.is_believed(now)

    def _disputes(self) -> list[DataRequest]:
        """Return the requests for ranges in which parameters of different responses do not match."""
        if not self.is_partly_kept:
            return []
        disputed = [span_of(part) for part in joined(self._assembly().disputed, _MOST_PARTS)]
        pairs = [(one, _within(span, one.span)) for one in self._found for span in disputed]
        return [selected(self._service, one, span, self._names) for one, span in pairs if span.first < span.before]

    def kept(self) -> tuple[HAPIDocument, Moment] | None:
        """Return all records, and when the oldest of them were requested; `None` if a request is needed."""
        self._agree_on_version()
        self._read_known(self._found)
        if any(self._differences(one) for one in self._found):
            return None
        made = self._assembly()
        if made.lost or made.disputed:
            return None
        asked = min(asked for _, asked in made.here)
        return made.document(), Moment(0, 0).later(int(asked * SECOND))

    # Responses

    def take(self, document: HAPIDocument) -> None:
        """Keep the response to the first request, which was sent in another way."""
        self._agree_on_version()
        self.came(self._found[0], self._found[0].span, document)

    def came(self, one: DataRequest, span: Span, document: HAPIDocument) -> HAPIDocument:
        """Keep the response for a range; return it, decoded if that is possible."""
        if document.size > _LARGEST or (document.count and document.info.names != one.info.names):
            self.is_foreign = True
            return document
        try:
            with named(self._subject):
                segment, made = segments.decoded(document, one.info.names, range_of(span))
        except FileError as error:
            self.failed(one, span, error)
            return document
        with self._lock:
            self._fresh.append(segment)
            self._made = None
        if segment.is_ordered:
            self._keep(one.info.names, segment)
        return made

    def failed(self, one: DataRequest, span: Span, error: HelioPluginsError, *, is_sent: bool = True) -> None:
        """Note that a range could not be received, or was not requested after other failures."""
        failure = Failure(one.info.names, range_of(span), error)
        with self._lock:
            self._failures.append(failure)
        if not is_sent:
            return
        entry = Entry(*failure.range, State.FAILED, self._began, self._began, why=str(error))
        self._store.put(self._group, {self._keys[name]: [entry] for name in failure.names if name in self._keys})

    def _keep(self, names: Sequence[str], segment: Segment) -> None:
        newer = DatasetVersion.of(segment.info)
        if self._version.is_before(newer):
            known = DatasetVersion.read(self._store.note(self._group))
            with self._lock:
                self._version, self._is_renewed = replace(self._version, modified=newer.modified), True
                self.has_changed |= known is None or known.is_before(newer)
            self._agree_on_version()
        kept = [name for name in names if name in self._keys]
        told = validity.entries(segment, kept, self._server, self._info.cadence, self._began, self._version)
        columns = dict(segment.columns) if len(segment.times) else None
        try:
            self._store.put(
                self._group,
                {self._keys[name]: told[name] for name in kept},
                columns,
                segment.header,
                lambda note: self._revised(note, segment),
            )
        except DiskError as error:
            with self._lock:
                self._disk_errors.append(error)
        except _OutdatedError:
            # Another process knows of a later modification than the server of this response.
            return

    def _revised(self, note: str, segment: Segment) -> str:
        known = DatasetVersion.read(note) or self._version
        if self._version.is_before(known):
            raise _OutdatedError
        return known.with_records(segment.range, segment.times).note

    # Results

    @property
    def is_partly_kept(self) -> bool:
        """Whether some of the records may be others than those that were requested now."""
        return any(one.state >= State.EMPTY for entries in self._known.values() for one in entries)

    def _lines(self) -> Iterator[dict[str, list[Entry]]]:
        """Yield what is known of each parameter after the requests, for each range that was asked for."""
        come = [
            Entry(*one.range, State.PRESENT, self._began, source=-number) for number, one in enumerate(self._fresh, 1)
        ]
        for whole in united(range_of(one.span) for one in self._found):
            lines = {}
            for name in self._names:
                own = [one for one, part in zip(come, self._fresh, strict=True) if part.has(name)]
                lines[name] = timeline(overlaid(self._known[name], own), *whole)
            yield lines

    def _assembly(self) -> Assembly:
        made = self._made or assemble(self._lines(), self._segment, self._info)
        self._made = made
        return made

    @property
    def error(self) -> HelioPluginsError | None:
        """The first failure if everything is missing."""
        return self._failures[0].error if self._failures and not self._assembly().is_answered else None

    def joined(self) -> Partial[HAPIDocument]:
        """Return all records as one document, none if everything is missing, and what is missing."""
        made = self._assembly()
        problems = made.problems(self._failures, self._began, time.time())
        if self.error is not None:
            return Partial(problems=problems)
        self._write_together()
        return Partial((made.document(),), problems)

    def _write_together(self) -> None:
        """Write the records of many small files to one."""
        used = {one.source for entries in self._known.values() for one in entries}
        if len(used) + len(self._fresh) <= _MOST_FILES:
            return
        for whole in united(range_of(one.span) for one in self._found):
            found = self._store.known(self._group, list(self._keys.values()), *whole)
            known = {name: found[key] for name, key in self._keys.items()}
            if len({one.source for entries in known.values() for one in entries}) <= _MOST_FILES:
                continue
            made = assemble([{name: timeline(known[name], *whole) for name in self._names}], self._segment, self._info)
            kept = made.document()
            if made.disputed or not kept.count:
                continue
            fresh = {self._keys[name]: [one.within(*whole) for one in entries] for name, entries in known.items()}
            columns = dict(zip(kept.info.names, kept.columns(), strict=True))
            with contextlib.suppress(DiskError):
                self._store.put(self._group, fresh, columns, json.dumps(dict(kept.info.raw)), expected=found)

    def warn(self) -> None:
        """Warn once if the records could not be kept."""
        if self._disk_errors:
            warn(
                f"The records of {self._subject} are not kept for the next time: {self._disk_errors[0]}",
                AstropyUserWarning,
            )


class _OutdatedError(Exception):
    """The dataset was modified after a response."""


def _nothing(one: Range) -> None:
    """Do nothing: no lease was taken."""


def _identity(entry: Entry) -> tuple[int, float, State]:
    """Return what is the same for all parts of an entry."""
    return entry.source, entry.asked, entry.state


def _overlap(one: Span, other: Span) -> bool:
    return one.first < other.before and other.first < one.before


def _within(one: Span, other: Span) -> Span:
    return Span(max(one.first, other.first), min(one.before, other.before))


def _by_names(every: Sequence[Range], missing: dict[str, list[Range]]) -> Iterator[tuple[Range, tuple[str, ...]]]:
    """Yield consecutive ranges with the parameters that are missing in them."""
    borders = sorted({border for parts in missing.values() for part in parts for border in part})
    last: tuple[Range, tuple[str, ...]] | None = None
    for part in map(Range, borders[:-1], borders[1:]):
        names = tuple(name for name, parts in missing.items() if common(parts, [part]))
        if last is not None and last[1] == names and last[0].before == part.first:
            last = Range(last[0].first, part.before), names
            continue
        if last is not None:
            yield last
        last = (part, names) if names else None
    if last is not None:
        yield last
