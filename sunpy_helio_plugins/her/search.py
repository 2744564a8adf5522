"""Run the queries, page by page, and collect the events."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np

from sunpy_helio_plugins.errors import HelioPluginsError, Problem, ServiceError
from sunpy_helio_plugins.fido.fields import uncollected
from sunpy_helio_plugins.fido.partial import MOST_TOLD, Partial, Slots, gather, in_halves, merge, outcomes
from sunpy_helio_plugins.her.cache import holdings
from sunpy_helio_plugins.her.cache.assembly import EventAssembly
from sunpy_helio_plugins.her.filters.evaluate import SENTINELS, judged, stamp
from sunpy_helio_plugins.her.filters.goes import peak_flux
from sunpy_helio_plugins.her.filters.noaa import five_digits
from sunpy_helio_plugins.her.filters.plan import SUBSETS, with_times
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.paging import AT_ONCE, Page, PageBar, identities_of, is_too_slow, page_size, read
from sunpy_helio_plugins.her.query import ARCHIVE, Query
from sunpy_helio_plugins.her.records.blocks import RecordBlock
from sunpy_helio_plugins.her.records.column import EventRecords
from sunpy_helio_plugins.her.service import PageRequest, parameters

__all__ = ["EventCollector", "EventSet", "PageCollector", "halves", "ordered", "search", "without_old"]

Record = dict[str, Any]


@dataclass(frozen=True)
class EventSet(Partial[Record]):
    """
    Events of a search as returned by the registry, each once.

    Attributes
    ----------
    associations : tuple of dict
        The relations between events (follows, splits into, merges into), each once.
    events : EventRecords
        The events.
    """

    associations: tuple[Record, ...] = ()
    events: EventRecords = field(default_factory=lambda: EventRecords.of([]))

    @property
    def records(self) -> list[Record]:
        """The events."""
        return list(self.events)

    def __len__(self) -> int:
        return len(self.events)


class EventCollector:
    """Events and associations, each once, and the reasons why some events may not match the query."""

    def __init__(self) -> None:
        self._blocks: list[RecordBlock] = []
        self._places: dict[str, tuple[int, int]] = {}
        self._associations: dict[tuple[str, ...], Record] = {}
        self._doubts: dict[str, tuple[str, ...]] = {}

    @property
    def events(self) -> EventRecords:
        """The events."""
        return EventRecords(self._blocks, np.array(list(self._places.values()), dtype=np.intp).reshape(-1, 2))

    @property
    def associations(self) -> list[Record]:
        """The relations between events."""
        return list(self._associations.values())

    def __len__(self) -> int:
        return len(self._places)

    def add(self, query: Query, page: Page, identities: Sequence[str] | None = None) -> int:
        """Add the events of a page that match a query, and its associations; return how many match."""
        number, names = len(self._blocks), identities_of(page.records) if identities is None else identities
        matching = judged(query, page.records)
        chosen = [place for place, _ in matching]
        block, rows = _block(page, chosen)
        for row, (place, why) in zip(rows, matching, strict=True):
            self._add(names[place], (number, row), why)
        for edge in page.associations:
            self._associations.setdefault(_edge(edge), edge)
        if chosen:
            self._blocks.append(block)
        return len(chosen)

    def add_kept(self, kept: EventAssembly, held: holdings.EventHoldings) -> None:
        """Add the kept events that match a search, and their relations."""
        number, column = len(self._blocks), kept.column()
        self._blocks += column.blocks
        verdicts: dict[int, dict[int, tuple[str, ...]]] = {}
        places = np.add(column.places, (number, 0)).tolist()
        for identity, place, (segment, row) in zip(kept.identities, places, kept.events, strict=True):
            if id(segment) not in verdicts:
                known = segment.verdicts
                verdicts[id(segment)] = held.matching(list(segment.records)) if known is None else known
            if row in (own := verdicts[id(segment)]):
                self._add(identity, tuple(place), own[row])
        for edge in kept.associations:
            self._associations.setdefault(_edge(edge), edge)

    def _add(self, identity: str, place: tuple[int, int], why: tuple[str, ...]) -> None:
        """Add an event, unless it is known; one that is known to match in any result is not in doubt."""
        is_new = identity not in self._places
        if not why:
            self._doubts.pop(identity, None)
        elif is_new:
            self._doubts[identity] = why
        if is_new:
            self._places[identity] = place

    def merge(self, other: EventCollector) -> None:
        """Add another result."""
        for identity, (block, row) in other._places.items():
            self._add(identity, (len(self._blocks) + block, row), other._doubts.get(identity, ()))
        self._blocks += other._blocks
        for key, edge in other._associations.items():
            self._associations.setdefault(key, edge)

    @property
    def doubts(self) -> tuple[str, ...]:
        """The reasons why some of the events may not match the query, one sentence each."""
        counted = Counter(why for name, reasons in self._doubts.items() if name in self._places for why in reasons)
        return tuple(f"{why}: {count} events are kept; see the column raw." for why, count in counted.items())

    def brief(self, *names: str) -> list[Record]:
        """Return some keywords of the events, with their identities as that of the keyword ``""``."""
        found = self.events.brief(names)
        return [record | {"": identity} for record, identity in zip(found, self._places, strict=True)]

    def keep(self, brief: Iterable[Record]) -> None:
        """Keep only the given events, in the given order."""
        self._places = {record[""]: self._places[record[""]] for record in brief}

    def sort(self, query: Query) -> None:
        """Sort the events, and remove those beyond the limit, as the query specifies."""
        brief = ordered(self.brief(*_sorted_by(query)), query)
        self.keep(brief[: query.limit if query.ends_at_limit else None])

    def end_at(self, limit: int) -> None:
        """Keep only the first events."""
        self._places = dict(islice(self._places.items(), limit))


_LARGER = 10
"""The size of a decoded record relative to that of its text, compressed: a few of a page are kept decoded."""


def _block(page: Page, chosen: list[int]) -> tuple[RecordBlock, list[int]]:
    """Return some events of a page as columns, and their rows there."""
    if page.block is None or len(chosen) * _LARGER < len(page.records):
        block = RecordBlock([page.records[place] for place in chosen])
        return block, block.rows.tolist()
    return page.block, page.block.rows[chosen].tolist()


def _sorted_by(query: Query) -> tuple[str, ...]:
    return query.sort_by or "event_starttime", "event_starttime"


Collected = Partial[EventCollector]
"""The events of several queries or time ranges, and descriptions of the missing parts."""


def merged(answer: Collected) -> EventCollector:
    """Return the events of all parts of a result."""
    if len(answer.items) == 1:
        return answer.items[0]
    whole = EventCollector()
    for part in answer.items:
        whole.merge(part)
    return whole


def _edge(edge: Record) -> tuple[str, ...]:
    return tuple(str(edge.get(name)) for name in ("first_ivorn", "second_ivorn", "edge_type"))


def ordered(records: Sequence[Record], query: Query) -> list[Record]:
    """Sort events as the query specifies, by default by start time; events without a readable value are last."""
    name = query.sort_by or "event_starttime"
    keyed = [(_sort_key(name, record), record) for record in records]
    known = [pair for pair in keyed if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=query.descending)
    return [record for _, record in known] + [record for key, record in keyed if key is None]


def _sort_key(name: str, record: Record) -> Any:
    """Return the sort key, `None` if there is none: the flux of a GOES class, five digits of a NOAA region."""
    value = record.get(name)
    if value in (None, ""):
        return None
    if name == "fl_goescls":
        return peak_flux(str(value))
    keyword = keywords().get(name)
    if keyword is None or keyword.kind not in ("float", "integer", "time"):
        return str(value)
    if keyword.kind == "time":
        return stamp(value) or None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    if number in SENTINELS or not math.isfinite(number) or (name == "ar_noaanum" and number == 0):
        return None
    return five_digits(int(number), stamp(record.get("event_starttime"))) if name == "ar_noaanum" else number


IDENTIFYING = (
    "kb_archivid", "revision", "event_type", "search_frm_name", "frm_name", "event_starttime", "hrc_a",
    "cme_angularwidth", "kb_archivdate", "frm_daterun",
)  # fmt: skip
"""The keywords by which revisions and repeated submissions of an event are identified."""


def without_old(records: Sequence[Record]) -> list[Record]:
    """Return the newest revision of each event, and the last of repeated submissions of an eruption, in input order."""
    newest: dict[str, int] = {}
    for index, record in enumerate(records):
        ivorn = str(record.get("kb_archivid") or f"no name, {index}")
        if ivorn not in newest or _revision(record) >= _revision(records[newest[ivorn]]):
            newest[ivorn] = index
    kept = [records[index] for index in sorted(newest.values())]
    return _without_resubmissions(kept)


def _revision(record: Record) -> float:
    try:
        return float(record.get("revision") or 0)
    except (TypeError, ValueError):
        return 0.0


def _without_resubmissions(records: list[Record]) -> list[Record]:
    """Remove repeated eruptions: CACTus submits one again every two or three hours, each time under a new IVORN."""
    eruptions = [(index, seen) for index, record in enumerate(records) if (seen := _eruption(record)) is not None]
    # The last submission is kept.
    eruptions.sort(key=lambda pair: pair[1].submitted, reverse=True)
    kept: list[_Eruption] = []
    dropped: set[int] = set()
    for index, seen in eruptions:
        if any(seen.is_same(other) for other in kept):
            dropped.add(index)
        else:
            kept.append(seen)
    return [record for index, record in enumerate(records) if index not in dropped]


@dataclass(frozen=True)
class _Eruption:
    """The properties that identify an eruption: supplier, start, position angle and width."""

    supplier: str
    start: datetime
    angle: float
    width: float
    submitted: str

    def is_same(self, other: _Eruption) -> bool:
        apart = abs((self.angle - other.angle + 180) % 360 - 180)
        return (
            self.supplier == other.supplier
            and abs(self.start - other.start) <= timedelta(hours=1)
            and apart <= 10
            and abs(self.width - other.width) <= 20
        )


def _eruption(record: Record) -> _Eruption | None:
    supplier = str(record.get("search_frm_name") or record.get("frm_name") or "")
    if record.get("event_type") != "CE" or not supplier.startswith("CACTus"):
        return None
    try:
        start = datetime.fromisoformat(stamp(record["event_starttime"]))
        angle, width = float(record["hrc_a"]), float(record["cme_angularwidth"])
    except (KeyError, TypeError, ValueError):
        return None
    return _Eruption(supplier, start, angle, width, str(record.get("kb_archivdate") or record.get("frm_daterun") or ""))


UNKNOWN = 2
"""The number of further pages that are requested concurrently if their total is unknown."""


class PageCollector:
    """
    Collect the events of a query page by page.

    Attributes
    ----------
    is_consistent : bool
        Whether no page repeats events of earlier ones, in which case others may be missing.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self.is_consistent = True
        self._mine, self._seen = EventCollector(), set[str]()
        self._problems: list[str] = []
        self._lost: tuple[int, ServiceError] | None = None

    def take(self, number: int, outcome: Page | ServiceError) -> bool:
        """Add a page, or the error of a failed one, and return whether to continue."""
        if isinstance(outcome, ServiceError):
            return self._miss(number, outcome)
        self._say_lost()
        with uncollected():
            return self._take(number, outcome)

    def _take(self, number: int, outcome: Page) -> bool:
        names = identities_of(outcome.records)
        identities = set(names)
        new = len(identities - self._seen)
        repeated = len(identities) - new
        self._seen |= identities
        self._mine.add(self._query, outcome, names)
        self._problems += outcome.oddities
        self.is_consistent &= not repeated and bool(new or not outcome.more)
        goes_on = outcome.more and not self._is_enough()
        if goes_on and not new:
            text = f"The registry reports more events, but page {number} contains nothing new."
            self._problems.append(Problem(text, "answer", ARCHIVE))
        elif new and repeated:
            text = (
                f"Page {number} repeats {repeated} events of earlier pages: the order in the registry has changed, and "
                "as many events may be missing; search again, or for a shorter period."
            )
            self._problems.append(Problem(text, "answer", ARCHIVE))
        return goes_on and new > 0

    def _miss(self, number: int, error: ServiceError) -> bool:
        """Record a failed page; a second one in succession ends the search."""
        if self._lost is None:
            self._lost = number, error
            return True
        first, self._lost = self._lost[0], None
        text = f"Page {first} and all that follow are missing; page {number} failed: {error}"
        self._problems.append(Problem.of_error(error, text))
        return False

    def _say_lost(self) -> None:
        if self._lost is not None:
            number, error = self._lost
            text = f"Page {number}, with up to {page_size(self._query)} events, failed: {error}"
            self._problems.append(Problem.of_error(error, text))
            self._lost = None

    def _is_enough(self) -> bool:
        limit = self._query.limit
        return bool(limit) and self._query.ends_at_limit and len(self._mine) >= (limit or 0)

    def end(self, most: int) -> None:
        """Record that the search ended before the last page."""
        text = f"The registry has more than {most} pages; search for a shorter period."
        self._problems.append(Problem(text, "limit", ARCHIVE))

    def likely(self, number: int, page: Page) -> int:
        """Estimate the number of further pages: events are sorted by start, which shows how far a page extends."""
        if len(page.records) < page_size(self._query):
            # If the registry reports more events after a page that is not full, pages are requested one by one.
            return 1
        wanted, covered = self._pages_wanted(), self.covered(page)
        if covered is None:
            return min(UNKNOWN, wanted)
        if covered <= 0:
            return min(AT_ONCE, wanted)
        return min(max(round(number * (1 - covered) / covered), 1), wanted)

    def covered(self, page: Page) -> float | None:
        """Return the share of the time range up to the last event of a page; `None` if it is not known."""
        if self._query.within or self._query.sort_by or not page.records:
            return None
        first, last = _instant(self._query.start), _instant(self._query.end)
        reached = _instant(page.records[-1].get("event_starttime"))
        if first is None or last is None or reached is None:
            return None
        return (reached - first).total_seconds() / max((last - first).total_seconds(), 1.0)

    def _pages_wanted(self) -> int:
        query = self._query
        if not query.limit or not query.ends_at_limit:
            return AT_ONCE
        return max(math.ceil((query.limit - len(self._mine)) / page_size(query)), 1)

    def found(self) -> Collected:
        """Return the events and problems of all pages."""
        self._say_lost()
        if self._query.ends_at_limit and self._query.limit:
            self._mine.end_at(self._query.limit)
        return Partial((self._mine,), tuple(self._problems))


def _instant(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp(text))
    except ValueError:
        return None


SHORTEST = timedelta(hours=1)


def halves(query: Query) -> tuple[Query, ...]:
    """Return searches for the first and second half of the time range; empty if they are too short or lose events."""
    start, end = (datetime.fromisoformat(text.removesuffix("Z")) for text in (query.start, query.end))
    blind = not query.alternatives or query.returns[:1] == SUBSETS[1:]
    if query.within or end - start < 2 * SHORTEST or (query.strict and blind):
        return ()
    middle = (start + (end - start) / 2).replace(microsecond=0).isoformat()
    # Events within the time range may extend across its middle: the halves select by overlap, and this package
    # evaluates the rest.
    query = with_times(query)
    return replace(query, end=middle, strict=False), replace(query, start=middle, strict=False)


MOST_PAGES = 500
"""The largest number of pages, in case the registry always reports more."""


def search(queries: Sequence[Query]) -> EventSet:
    """Search the registry; an event that matches several queries is returned once. Raise ServiceError if all fail."""
    queries = list(queries)
    slots = Slots(AT_ONCE)
    answer = gather(queries, lambda query: _search_one(query, slots), AT_ONCE, _missing)
    events = _in_order(merged(answer), queries)
    problems = answer.problems + events.doubts
    return EventSet((), problems, answer.notes, tuple(events.associations), events.events)


def _missing(query: Query, error: HelioPluginsError) -> str:
    return f"The events from {query.start} to {query.end} of one request are missing: {error}"


def _in_order(found: EventCollector, queries: list[Query]) -> EventCollector:
    """Sort the events, and remove old revisions and events beyond the limit if the queries require it."""
    if not queries:
        return found
    first, is_latest = queries[0], all(query.latest for query in queries)
    if len(queries) > 1 or first.sort_by or is_latest:
        brief = found.brief(*_sorted_by(first), *(IDENTIFYING if is_latest else ()))
        if len(queries) > 1 or first.sort_by:
            brief = ordered(brief, first)
        found.keep(without_old(brief) if is_latest else brief)
    limits = {query.limit for query in queries}
    if len(limits) == 1 and first.limit:
        found.end_at(first.limit)
    return found


def _search_one(query: Query, slots: Slots) -> Collected:
    """Return the events of one search: those that are kept, and the others from the registry."""
    held = holdings.opened(query)
    if held is None:
        return _requested(query, slots, None)
    answers: list[Collected] = []
    with closing(held.batches()) as batches:
        for parts in batches:
            found = outcomes(parts, lambda part: _requested(part, slots, held), AT_ONCE, pieces=True)
            for part, one in zip(parts, found, strict=True):
                if isinstance(one, HelioPluginsError):
                    held.failed(part, one)
                else:
                    answers.append(one)
    held.warn()
    if answers and held.is_direct:
        return answers[0]
    made = held.assembly()
    events = EventCollector()
    events.add_kept(made, held)
    events.sort(query)
    told = merge(answers)
    return Partial((events,), (*told.problems, *made.problems), told.notes)


def _requested(query: Query, slots: Slots, held: holdings.EventHoldings | None) -> Collected:
    """Request all pages; a search that is too slow for the registry is split into halves."""
    parts: list[Collected] = []

    def ask(part: Query) -> None:
        found, slow = _pages(part, slots, held)
        parts.append(found)
        if slow is not None:
            raise slow

    missing = in_halves(query, ask, halves, lambda error: isinstance(error, ServiceError) and is_too_slow(error))
    found = merge(parts)
    events = merged(found)
    if missing and not len(events):
        raise missing[0][1]
    if held is not None:
        for part, error in missing:
            held.failed(part, error, is_told=True)
    if missing or len(parts) > 1:
        events.sort(query)
    return Partial((events,), (*found.problems, *_lost(missing)), found.notes)


def _lost(missing: Sequence[tuple[Query, HelioPluginsError]]) -> tuple[Problem, ...]:
    """Return one sentence on the parts of a search that are missing."""
    ranges: list[tuple[str, str]] = []
    for part, _ in missing:
        if ranges and ranges[-1][1] == part.start:
            ranges[-1] = ranges[-1][0], part.end
        else:
            ranges.append((part.start, part.end))
    told = ", ".join(f"from {start} to {end}" for start, end in ranges[:MOST_TOLD])
    more = f" and {len(ranges) - MOST_TOLD} more parts" if len(ranges) > MOST_TOLD else ""
    if not missing:
        return ()
    error = missing[0][1]
    return (Problem.of_error(error, f"The events {told}{more} are missing: {error}"),)


def _pages(
    query: Query, slots: Slots, held: holdings.EventHoldings | None
) -> tuple[Collected, ServiceError | None]:  # fmt: skip
    """Return the events of all pages, or of those before a page that was too slow, and the error of that page."""
    collected, kept = PageCollector(query), None if held is None else held.pages(query)

    def ask(number: int) -> Callable[[], Page]:
        return PageRequest(parameters(query, number), page_size(query), slots).send()

    slow = lost = None
    with closing(read(ask, collected.likely, MOST_PAGES)) as pages, closing(PageBar()) as bar:
        for number, outcome in pages:
            if isinstance(outcome, ServiceError) and is_too_slow(outcome) and halves(query):
                slow = outcome
                break
            lost = lost or (outcome if isinstance(outcome, ServiceError) else None)
            goes_on = collected.take(number, outcome)
            if kept is not None:
                kept.take(outcome, collected.is_consistent)
            if not goes_on:
                break
            if isinstance(outcome, Page):
                bar.show(number, collected.covered(outcome))
        else:
            collected.end(MOST_PAGES)
    if held is not None and kept is not None:
        held.ended(kept.rest, lost)
    return collected.found(), slow
