"""
Ask the registry: a query becomes requests, their answers become records.

Rules are those of the registry's API page (HekWiki, "ApplicationProgrammingInterface").
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, ServiceError
from sunpy_helio_plugins.her.collecting import Collected, page_of, page_size
from sunpy_helio_plugins.her.found import Found, ordered, without_old
from sunpy_helio_plugins.her.paging import Lanes, Page, read, side_by_side
from sunpy_helio_plugins.her.queries import Box, Query
from sunpy_helio_plugins.her.slow import halves, is_too_slow
from sunpy_helio_plugins.her.translate import ARCHIVE
from sunpy_helio_plugins.transport import exchange, metadata

__all__ = ["Found", "Request", "address", "link", "parameters", "requests", "search"]

MOST_PAGES = 500
"""Where a search ends at last, should the registry go on saying that there is more."""
PATIENCE = 1.25
"""How much longer than other archives the registry may be silent."""

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """
    A request to the registry.

    Attributes
    ----------
    query : Query
        What is asked.
    parameters : tuple of tuple of str
        Names and values, in the order in which they are sent.
    url : str
        The whole address.
    """

    query: Query
    parameters: tuple[tuple[str, str], ...]
    url: str

    def __str__(self) -> str:
        return self.url


def address() -> str:
    """Return the registry's address, without the question mark that sunpy's has."""
    return str(conf.her.url).rstrip("?")


def link(pairs: Iterable[tuple[str, str]]) -> str:
    """Return the address of a request."""
    return f"{address()}?{urlencode(list(pairs), quote_via=quote, safe='*,:/')}"


def requests(queries: Iterable[Query]) -> tuple[Request, ...]:
    """
    Return the requests of some searches, each its first page.

    Parameters
    ----------
    queries : iterable of Query
        What to ask.
    """
    return tuple(Request(query, tuple(pairs), link(pairs)) for query in queries for pairs in [parameters(query)])


def search(queries: Sequence[Query]) -> Found:
    """
    Ask the registry for the events of some queries.

    Parameters
    ----------
    queries : sequence of Query
        What to ask; an event that answers several is brought once.

    Returns
    -------
    Found
        Everything that came.

    Raises
    ------
    ServiceError
        Nothing came. Where a later page, or one of several queries, fails, the rest is kept, and ``problems`` says so.
    """
    queries = list(queries)
    found = Found()
    failures: list[ServiceError] = []
    for query, result in zip(queries, _side_by_side(queries), strict=True):
        if isinstance(result, ServiceError):
            failures.append(result)
            found.problems.append(f"The events from {query.start} to {query.end} of one request are missing: {result}")
            continue
        found.merge(result)
    if failures and len(failures) == len(queries):
        raise failures[0]
    found = _in_order(found, queries)
    found.problems += found.doubts
    return found


def _side_by_side(queries: list[Query]) -> list[Found | ServiceError]:
    lanes = Lanes()
    if len(queries) == 1:
        return [_outcome(queries[0], lanes)]
    with side_by_side() as pool:
        futures = [pool.submit(copy_context().run, _outcome, query, lanes) for query in queries]
        try:
            return [future.result() for future in futures]
        except KeyboardInterrupt:
            lanes.close()
            raise


def _outcome(query: Query, lanes: Lanes) -> Found | ServiceError:
    try:
        return _search_one(query, lanes)
    except ServiceError as error:
        return error


def _in_order(found: Found, queries: list[Query]) -> Found:
    """Bring what came into the order asked for; without old revisions and within the limit, where that is asked."""
    if not queries:
        return found
    first = queries[0]
    records = found.records
    if len(queries) > 1 or first.sort_by:
        records = ordered(records, first)
    if all(query.latest for query in queries):
        records = without_old(records)
    limits = {query.limit for query in queries}
    if len(limits) == 1 and first.limit:
        records = records[: first.limit]
    found.keep(records)
    return found


def _search_one(query: Query, lanes: Lanes) -> Found:
    """Ask for all pages; a search that is too slow for the registry is asked for in two parts."""
    found = Found()
    try:
        found, slow = _pages(query, lanes)
    except ServiceError as error:
        slow = error if is_too_slow(error) and halves(query) else None
        if slow is None:
            raise
    return found if slow is None else _in_parts(query, found, slow, lanes)


def _in_parts(query: Query, found: Found, slow: ServiceError, lanes: Lanes) -> Found:
    """Ask for the events of two shorter periods beside those that came already."""
    for part in halves(query):
        half = _outcome(part, lanes)
        if isinstance(half, ServiceError):
            found.problems.append(f"The events from {part.start} to {part.end} are missing: {half}")
            continue
        found.merge(half)
    if found.problems and not len(found):
        raise AnswerError(ARCHIVE, link(parameters(query)), " ".join(found.problems)) from slow
    found.keep(ordered(found.records, query)[: query.limit if query.ends_at_limit else None])
    return found


def _pages(query: Query, lanes: Lanes) -> tuple[Found, ServiceError | None]:
    """Return the events of all pages, or of those before one that was too slow, and that one's error."""
    collected = Collected(query)

    def ask(number: int) -> Page:
        with lanes:
            return _page(parameters(query, number), page_size(query))

    with closing(read(ask, collected.likely, MOST_PAGES)) as pages:
        for number, outcome in pages:
            if isinstance(outcome, ServiceError) and is_too_slow(outcome) and halves(query):
                return collected.found(), outcome
            if not collected.take(number, outcome):
                break
        else:
            collected.end(MOST_PAGES)
    return collected.found(), None


def parameters(query: Query, page: int = 1) -> Pairs:
    """
    Return the request of one page of a search.

    Parameters
    ----------
    query : Query
        What to ask.
    page : int, optional
        Which page, from 1.

    Returns
    -------
    list of tuple
        Names and values, always in the same order.
    """
    pairs = [("cosec", "2"), ("cmd", "search"), *_what(query)]
    pairs += [("result_limit", str(page_size(query))), ("page", str(page))]
    if query.strict:
        pairs.append(("temporalmode", "strict"))
    if query.sort_by:
        pairs += [("sort_by", query.sort_by), ("sort_order", "DESC" if query.descending else "ASC")]
    if query.tests:
        pairs.append(("showtests", query.tests))
    if query.returns:
        pairs.append(("return", ",".join(query.returns)))
    return pairs + _filters(query)


def _what(query: Query) -> Pairs:
    period = [("event_starttime", query.start), ("event_endtime", query.end)]
    if query.within:
        inner, container = query.within
        types = [("event_type1", inner.lower()), ("event_type2", container.lower())]
        return [("type", "contains"), *types, *period]
    box = query.box
    sides = zip(("x1", "x2", "y1", "y2"), (box.x1, box.x2, box.y1, box.y2), strict=True)
    # iSolSearch, the registry's own client, sends event_region with the box that means everything.
    everywhere = [("event_region", "all")] if box == Box() else []
    return [
        ("type", "column"),
        ("event_type", ",".join(query.types).lower() or "**"),
        *period,
        *everywhere,
        ("event_coordsys", box.system),
        *((name, f"{value:.12g}") for name, value in sides),
    ]


def _filters(query: Query) -> Pairs:
    from sunpy_helio_plugins.her.keywords import keywords

    pairs: Pairs = []
    for number, triplet in enumerate(query.filters):
        spelling = keywords()[triplet.name].spelling or triplet.name
        name = f"{triplet.event_type.lower()}.{triplet.name}" if triplet.event_type else spelling
        pairs += [(f"param{number}", name), (f"op{number}", triplet.operator), (f"value{number}", triplet.value)]
    return pairs


def _page(pairs: Pairs, size: int) -> Page:
    try:
        return _read_page(pairs, size)
    except AnswerError as error:
        # A page that came damaged is asked for once more; a page of HTML says what is wrong, and says it again.
        if "html" in error.words.lower() or is_too_slow(error):
            raise
        return _read_page(pairs, size)


def _read_page(pairs: Pairs, size: int) -> Page:
    # The registry ends a search after 60 s and says so: it is given the time to, and not asked the same again.
    answer = metadata.get(link(pairs), archive=ARCHIVE, silence=PATIENCE * conf.read_timeout)
    decoded = _decode(answer)
    try:
        return page_of(decoded, size)
    except ValueError as error:
        raise AnswerError(ARCHIVE, answer.url, str(error), answer.status) from error


def _decode(answer: exchange.Answer) -> Any:
    """Decode an answer; its text is UTF-8 with stray bytes of one-byte encodings (sunpy issues 1950, 3898, 4087)."""
    try:
        # Text that people typed holds raw line breaks and tabs.
        return json.loads(answer.content.decode("utf-8-sig", errors="her_one_byte"), strict=False)
    except (ValueError, RecursionError):
        return answer.json()


def _one_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    stray = error.object[error.start : error.end]
    try:
        return stray.decode("cp1252"), error.end
    except UnicodeDecodeError:
        return stray.decode("latin-1"), error.end


codecs.register_error("her_one_byte", _one_byte)
