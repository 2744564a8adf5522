"""
Send queries to the registry and decode the responses.

The parameters follow the registry's API page (HekWiki, "ApplicationProgrammingInterface").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError
from sunpy_helio_plugins.fido.fields import uncollected
from sunpy_helio_plugins.her.paging import Page, are_events, is_too_slow, page_of, page_size
from sunpy_helio_plugins.her.query import ARCHIVE, BoundingBox, Query
from sunpy_helio_plugins.her.records.blocks import BlockRecords, CompressedRecords, RecordBlock
from sunpy_helio_plugins.her.records.cells import JoinedTexts
from sunpy_helio_plugins.her.records.decode import decoded_objects, decoded_values
from sunpy_helio_plugins.quantities.exact import DEEPEST, TooManyValuesError, check_depth, exact_json
from sunpy_helio_plugins.transport import exchange, metadata, retry

__all__ = ["PageRequest", "Request", "address", "link", "parameters", "read_body", "records_of", "requests"]

PATIENCE = 1.25
"""Factor by which the read timeout of the registry exceeds that of other archives."""

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """
    A request to the registry.

    Attributes
    ----------
    query : Query
        The search.
    parameters : tuple of tuple of str
        Names and values, in the order in which they are sent.
    url : str
        The complete URL.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> her.translate(day, a.her.FL | a.her.CH)
    (<Request for FL, CH, 2026-01-10T00:00:00 to 2026-01-10T23:59:00>,)
    """

    query: Query
    parameters: tuple[tuple[str, str], ...]
    url: str

    def __repr__(self) -> str:
        return f"<Request for {', '.join(self.query.types) or 'all events'}, {self.query.start} to {self.query.end}>"

    def __str__(self) -> str:
        return self.url


def address() -> str:
    """Return the URL of the registry, without the question mark at the end of sunpy's."""
    return str(conf.her.url).rstrip("?")


SAFE = "*,:/"
"""Characters that are not quoted in a URL."""


def link(pairs: Iterable[tuple[str, str]], base: str = "") -> str:
    """Return the URL of a request, to a registry or by default that of the settings."""
    return f"{base or address()}?{urlencode(list(pairs), quote_via=quote, safe=SAFE)}"


def requests(queries: Iterable[Query]) -> tuple[Request, ...]:
    """Return the request for the first page of each query."""
    return tuple(Request(query, tuple(pairs), link(pairs)) for query in queries for pairs in [parameters(query)])


def parameters(query: Query, page: int = 1) -> Pairs:
    """Return the parameters of one page of a query, in a fixed order; pages are numbered from 1."""
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
    # iSolSearch, the registry's own client, sends event_region with the box that covers everything.
    everywhere = [("event_region", "all")] if box == BoundingBox() else []
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
    return pairs + _raw(query)


def _raw(query: Query) -> Pairs:
    """Return the parameters that are sent as they are; the numbers of comparisons follow those of the filters."""
    comparisons = (part for part in query.raw if len(part) == 3)
    numbered = enumerate(comparisons, start=len(query.filters))
    words = ("param", "op", "value")
    pairs = [(f"{word}{number}", text) for number, part in numbered for word, text in zip(words, part, strict=True)]
    return pairs + [(part[0], part[1]) for part in query.raw if len(part) == 2]


class PageRequest:
    """
    The request for a page, which is sent in one thread; its response is decoded in the one that uses the page.

    Threads that decode at the same time would remove each other's objects from the processor's cache. It is sent once
    more if the response is damaged, but not if it is HTML, which is an error message.

    Parameters
    ----------
    pairs : list of tuple of str
        The parameters.
    size : int
        The number of events of a full page.
    slots : context manager
        Limits the number of requests at a time.
    """

    def __init__(self, pairs: Pairs, size: int, slots: AbstractContextManager[None]) -> None:
        self._pairs, self._size, self._slots = pairs, size, slots
        self._tries = retry.attempts(retry.budget_deadline(), 1, ARCHIVE)
        self._answer: exchange.Response | None = None

    def send(self) -> Callable[[], Page]:
        """Send the request; return what decodes the response."""
        self._answer = self._sent()
        return self._page

    def _sent(self) -> exchange.Response:
        # The registry ends a search after 60 s with an error: the timeout is longer, and the request is not repeated.
        timeout = PATIENCE * conf.read_timeout
        while True:
            try:
                with self._slots:
                    return metadata.get(link(self._pairs), archive=ARCHIVE, read_timeout=timeout)
            except AnswerError as error:
                if not self._is_repeated(error):
                    raise

    def _page(self) -> Page:
        while True:
            answer, self._answer = self._answer or self._sent(), None
            try:
                return _page_of_answer(answer, self._size)
            except AnswerError as error:
                if not self._is_repeated(error):
                    raise

    def _is_repeated(self, error: AnswerError) -> bool:
        is_final = "html" in error.words.lower() or is_too_slow(error)
        return not is_final and self._tries.wait(0.0, error.words)


def _page_of_answer(answer: exchange.Response, size: int) -> Page:
    decoded = _decode(answer)
    try:
        with uncollected():
            return _divided(page_of(decoded, size), answer.content)
    except TooManyValuesError:
        return page_of(answer.json(), size)
    except ValueError as error:
        raise AnswerError(ARCHIVE, answer.url, str(error), answer.status) from error


def _divided(page: Page, content: bytes, body: CompressedRecords | None = None) -> Page:
    """Return a page with its body and columns; raise TooManyValuesError if events are nested too deeply."""
    block = RecordBlock(page.records, body or CompressedRecords(content, records_of))
    for cells in block.cells.values():
        if not cells.kinds.isdisjoint((list, dict)) and (cells.nested is None or _may_be_deep(cells.nested)):
            check_depth(cells.values)
    check_depth(page.associations)
    return replace(page, content=content, block=block)


def _may_be_deep(texts: JoinedTexts) -> bool:
    """Return whether any JSON has so many brackets that it can be nested too deeply, without decoding it."""
    letters = np.frombuffer(texts.text.encode(), dtype=np.uint8)
    opened = np.concatenate([[0], np.cumsum((letters == ord("[")) | (letters == ord("{")))])
    first = texts.starts[texts.filled]
    return bool((opened[first + texts.lengths[texts.filled]] - opened[first]).max(initial=0) > DEEPEST)


def divided_body(body: CompressedRecords) -> Page:
    """Return a response that was a page before, from its columns or its body; raise ValueError if it is not one."""
    stored = body.block()
    if stored is not None:
        block, associations = stored
        return Page(BlockRecords(block), associations, more=False, block=block)
    content = body.body()
    with uncollected():
        return _divided(page_of(_flat(content), 0), content, body)


def read_body(content: bytes) -> Page:
    """Decode the body of a response that was a page before; raise ValueError if it is not one."""
    return page_of(_decoded(content), 0)


def records_of(content: bytes) -> list[dict[str, Any]]:
    """Return the events in the body of a response that was a page before."""
    with uncollected():
        found = decoded_objects(content)
    events = found.get("result") if isinstance(found, dict) else None
    if isinstance(events, list) and are_events(events):
        return events
    return list(read_body(content).records)


def _decode(answer: exchange.Response) -> Any:
    try:
        return _flat(answer.content)
    except ValueError:
        return answer.json()


def _flat(content: bytes) -> Any:
    """Decode a response, with its events as names and values if they have the usual form."""
    with uncollected():
        found = decoded_values(content)
    return _decoded(content) if found is None else found


def _decoded(content: bytes) -> Any:
    """Decode a response; its text is UTF-8 with stray bytes of one-byte encodings (sunpy issues 1950, 3898, 4087)."""
    # Text that people typed contains raw line breaks and tabs.
    with uncollected():
        return exact_json(_text(content), strict=False, is_flat=True)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if len(content) > _MOST_MIXED:
            return content.decode("latin-1")
        text = content.decode("utf-8-sig", errors="surrogateescape")
        # In pieces, since each letter needs 4 bytes here.
        return "".join(_without_strays(text[start : start + _PIECE]) for start in range(0, len(text), _PIECE))


_PIECE = 1 << 20

_MOST_MIXED = 20_000_000
"""Bytes up to which each stray byte is decoded alone, which takes 0.3 s for a million of them."""


def _without_strays(text: str) -> str:
    codes = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype="<u4")
    are_stray = (codes >> 7) == (0xDC80 >> 7)
    return np.where(are_stray, _ONE_BYTE[codes & 0x7F], codes).astype("<u4").tobytes().decode("utf-32-le")


_ONE_BYTE = np.array(
    [ord(bytes([byte]).decode("cp1252", errors="ignore") or chr(byte)) for byte in range(0x80, 0x100)], dtype="<u4"
)
"""The letter of each byte that is not UTF-8, in Windows-1252, or else Latin-1."""
