"""Pages of one search, downloaded side by side."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from sunpy_helio_plugins.errors import ServiceError, ServiceUnreachable
from sunpy_helio_plugins.fido.partial import workers
from sunpy_helio_plugins.her.query import Query

__all__ = ["AT_ONCE", "Page", "is_too_slow", "page_of", "page_size", "read"]

_SLOW = re.compile(r"time[sd]?[ -]?out|too long|took longer|did not end within|60 ?s\b", re.IGNORECASE)


def is_too_slow(error: ServiceError) -> bool:
    """Tell whether the registry gave up on a search, or went silent over it."""
    if error.status in (408, 504):
        return True
    if "conf.search_deadline" in error.words:  # halves have no time left either
        return False
    silent = isinstance(error, ServiceUnreachable) and "connect" in error.words.lower()
    return not silent and _SLOW.search(error.words) is not None


def page_size(query: Query) -> int:
    """Return how many events a page holds: no more than are wanted, where all that come will be."""
    wanted = query.limit if query.limit and query.ends_at_limit and query.is_exact else query.page_size
    return min(wanted, query.page_size)


def page_of(decoded: Any, size: int) -> Page:
    """
    Return an answer as a page.

    Parameters
    ----------
    decoded : object
        The decoded JSON.
    size : int
        How many events were asked for.

    Raises
    ------
    ValueError
        It holds no list of events.
    """
    found = decoded.get("result", decoded.get("results")) if isinstance(decoded, dict) else None
    if isinstance(found, dict) and {"kb_archivid", "event_type"} & set(found):
        # A list of one that lost its brackets on the way from XML.
        found = [found]
    records = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    if not isinstance(found, list) or (found and not records):
        raise ValueError("the answer holds no list of events, named result; is this address the registry's?")
    strange = len(found) - len(records)
    oddities = [f"{strange} entries of the answer are no events."] if strange else []
    edges = decoded.get("association", decoded.get("associations"))
    kept = [edge for edge in edges if isinstance(edge, dict)] if isinstance(edges, list) else []
    if kept != (edges or []):
        oddities.append("Some associations of the answer could not be read.")
    return Page(records, kept, _has_more(decoded, len(found) >= size), oddities)


def _has_more(decoded: dict[str, Any], is_full: bool) -> bool:
    """Tell whether there are more: clients in PHP met "true" and "false" as text (Helioviewer's HEKAdapter)."""
    said = str(decoded.get("overmax")).lower()
    return said == "true" if said in ("true", "false") else is_full


AT_ONCE = 4
"""How many pages are asked for side by side; so many less one may be asked for in vain."""


@dataclass(frozen=True)
class Page:
    """
    One page of an answer.

    Attributes
    ----------
    records, associations : list of dict
        The events, and how they relate.
    more : bool
        Whether the registry says, or a full page lets expect, that there are more.
    oddities : list of str
        What of it could not be read.
    """

    records: list[dict[str, Any]]
    associations: list[dict[str, Any]]
    more: bool
    oddities: list[str] = field(default_factory=list)


Outcome = Page | ServiceError


def read(
    ask: Callable[[int], Page], likely: Callable[[int, Page], int], most: int
) -> Generator[tuple[int, Outcome], None, None]:
    """
    Read the pages of a search in their order, until one says that it is the last.

    Parameters
    ----------
    ask : callable
        Asks for the page of a number.
    likely : callable
        Tells from a page and its number how many more there may be.
    most : int
        How many pages are read at most.

    Yields
    ------
    number : int
        Which page, from 1.
    outcome : Page or ServiceError
        The page, or why it did not come; whether more follow is then unknown, and the next is asked for.
    """
    first = ask(1)
    yield 1, first
    if not first.more:
        return
    # Each page tells how many more to request: unlike `gather`, which takes all questions at the start.
    with workers(AT_ONCE) as submit:
        yield from _rest(submit, ask, likely, most, likely(1, first))


def _rest(
    submit: Callable[..., Future[Outcome]],
    ask: Callable[[int], Page],
    likely: Callable[[int, Page], int],
    most: int,
    expected: int,
) -> Iterator[tuple[int, Outcome]]:
    asked: deque[Future[Outcome]] = deque()
    for number in range(2, most + 1):
        window = min(max(expected, 1), AT_ONCE, most + 1 - number)
        while len(asked) < window:
            asked.append(submit(_outcome, ask, number + len(asked)))
        outcome = asked.popleft().result()
        yield number, outcome
        if isinstance(outcome, Page):
            if not outcome.more:
                return
            expected = likely(number, outcome)


def _outcome(ask: Callable[[int], Page], number: int) -> Outcome:
    try:
        return ask(number)
    except ServiceError as error:
        return error
