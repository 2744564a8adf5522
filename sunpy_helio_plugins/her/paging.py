"""Download the pages of one search concurrently."""

from __future__ import annotations

import json
import re
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import Problem, ServiceError, ServiceUnreachable
from sunpy_helio_plugins.fido.partial import workers
from sunpy_helio_plugins.her.query import ARCHIVE, Query
from sunpy_helio_plugins.her.records.blocks import Flat, FlatRecords, RecordBlock, flattened, has_whole_names

__all__ = [
    "AT_ONCE", "Page", "PageBar", "are_events", "identities_of", "identity_of", "is_too_slow", "page_of",
    "page_size", "read",
]  # fmt: skip

_SLOW = re.compile(r"time[sd]?[ -]?out|too long|took longer|did not end within|60 ?s\b", re.IGNORECASE)


def is_too_slow(error: ServiceError) -> bool:
    """Return whether the registry ended a search because of its time limit, or did not respond in time."""
    if error.status in (408, 504):
        return True
    if "conf.search_deadline" in error.words:  # no time is left for the halves either
        return False
    silent = isinstance(error, ServiceUnreachable) and "connect" in error.words.lower()
    return not silent and _SLOW.search(error.words) is not None


def page_size(query: Query) -> int:
    """Return the number of events per page: not more than the limit if all events of the response match the query."""
    wanted = query.limit if query.limit and query.ends_at_limit and query.is_exact else query.page_size
    return min(wanted, query.page_size)


def identity_of(record: dict[str, Any]) -> str:
    """Return the identity of an event: its IVORN and revision."""
    ivorn = record.get("kb_archivid")
    return f"{ivorn} {record.get('revision')}" if ivorn else json.dumps(record, sort_keys=True, default=str)


def identities_of(records: Sequence[dict[str, Any]]) -> list[str]:
    """Return the identities of events."""
    if not isinstance(records, FlatRecords):
        return list(map(identity_of, records))
    named = zip(records.values_of("kb_archivid"), records.values_of("revision"), strict=True)
    return [
        f"{ivorn} {revision}" if ivorn else identity_of(records[row]) for row, (ivorn, revision) in enumerate(named)
    ]


def page_of(decoded: Any, size: int) -> Page:
    """Convert decoded JSON to a page of up to ``size`` events; raise ValueError if it is not a list of events."""
    found = decoded.get("result", decoded.get("results")) if isinstance(decoded, dict) else None
    if isinstance(found, dict) and {"kb_archivid", "event_type"} & set(found):
        # A list of one event that lost its brackets in the conversion from XML.
        found = [found]
    records = _records(found) if isinstance(found, list) else FlatRecords([])
    if not isinstance(found, list) or (found and not records):
        raise ValueError("the response does not contain a list of events named result; check the URL in conf.her.url")
    strange = len(found) - len(records)
    oddities = [_odd(f"{strange} entries of the response are not events; they are skipped.")] if strange else []
    edges = decoded.get("association", decoded.get("associations"))
    kept = [edge for edge in edges if isinstance(edge, dict)] if isinstance(edges, list) else []
    if kept != (edges or []):
        oddities.append(_odd("Some associations of the response could not be read."))
    return Page(records, kept, _has_more(decoded, len(found) >= size), oddities)


def _records(entries: list[Any]) -> FlatRecords:
    """Return the entries that are objects with whole keywords."""
    records: list[Flat] = []
    last: tuple[str, ...] = ()
    for one in flattened([entry for entry in entries if type(entry) in (dict, tuple)]):
        # Most events of a page have the same keywords.
        names = one[0]
        if names is last or has_whole_names(names):
            records.append(one)
            last = names
    return FlatRecords(records)


def are_events(entries: list[Any]) -> bool:
    """Return whether all entries of a response are events without damage, as of `page_of`."""
    last: tuple[str, ...] = ()
    for one in entries:
        if type(one) is not dict:
            return False
        names = tuple(one)
        if names != last and not has_whole_names(names):
            return False
        last = names
    return True


def _odd(text: str) -> Problem:
    return Problem(text, "answer", ARCHIVE)


def _has_more(decoded: dict[str, Any], is_full: bool) -> bool:
    """Return whether there are more: PHP clients received "true" and "false" as text (Helioviewer's HEKAdapter)."""
    said = str(decoded.get("overmax")).lower()
    return said == "true" if said in ("true", "false") else is_full


AT_ONCE = 4
"""The number of pages that are requested concurrently; all but one of these requests may be unnecessary."""


@dataclass(frozen=True)
class Page:
    """
    One page of a response.

    Attributes
    ----------
    records : FlatRecords or list of dict
        The events.
    associations : list of dict
        Their relations.
    more : bool
        Whether there are more events, according to the registry or since the page is full.
    oddities : list of Problem
        Descriptions of the parts that could not be read.
    content : bytes
        The body of the response.
    block : RecordBlock or None
        The events as columns.
    """

    records: Sequence[dict[str, Any]]
    associations: list[dict[str, Any]]
    more: bool
    oddities: list[Problem] = field(default_factory=list)
    content: bytes = field(default=b"", repr=False)
    block: RecordBlock | None = field(default=None, repr=False)


class PageBar:
    """A progress bar of the pages of one search, from the second one, if somebody can see it."""

    def __init__(self) -> None:
        self._bar: Any = None

    def show(self, number: int, covered: float | None) -> None:
        """Show the number of pages, and their likely total from the share of the time range that they cover."""
        if self._bar is None:
            if not conf.her.progress or not _is_seen():
                return
            from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]

            self._bar = tqdm(desc=f"Events of {ARCHIVE}", unit="page", leave=False)
        self._bar.total = max(number, round(number / covered)) if covered and covered > 0 else None
        self._bar.update(number - self._bar.n)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


def _is_seen() -> bool:
    """Return whether standard error is a terminal, or this is a notebook."""
    return "ipykernel" in sys.modules or (sys.stderr is not None and sys.stderr.isatty())


Ask = Callable[[int], Callable[[], Page]]
"""Requests a page by its number; what it returns decodes the response."""

Outcome = Page | ServiceError


def read(ask: Ask, likely: Callable[[int, Page], int], most: int) -> Generator[tuple[int, Outcome], None, None]:
    """Yield the number, from 1, and the page or error of each page in order, until a page is marked as the last."""
    # After a failed page it is not known whether more follow, so that the next one is requested.
    first = ask(1)()
    yield 1, first
    if not first.more:
        return
    # Each page determines how many more to request, unlike `gather`, which takes all queries at the start.
    with workers(AT_ONCE) as submit:
        expected = likely(1, first)
        del first
        yield from _rest(submit, ask, likely, most, expected)


def _rest(
    submit: Callable[..., Future[Callable[[], Page] | ServiceError]],
    ask: Ask,
    likely: Callable[[int, Page], int],
    most: int,
    expected: int,
) -> Iterator[tuple[int, Outcome]]:
    asked: deque[Future[Callable[[], Page] | ServiceError]] = deque()
    for number in range(2, most + 1):
        window = min(max(expected, 1), AT_ONCE, most + 1 - number)
        while len(asked) < window:
            asked.append(submit(_outcome, ask, number + len(asked)))
        sent = asked.popleft().result()
        outcome = sent if isinstance(sent, ServiceError) else _outcome(sent)
        yield number, outcome
        if isinstance(outcome, Page):
            if not outcome.more:
                return
            expected = likely(number, outcome)


T = TypeVar("T")


def _outcome(ask: Callable[..., T], *arguments: int) -> T | ServiceError:
    try:
        return ask(*arguments)
    except ServiceError as error:
        return error
