"""What the pages of one search add up to: events that answer it, each once, and what is missing."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from sunpy_helio_plugins.errors import ServiceError
from sunpy_helio_plugins.her.found import Found
from sunpy_helio_plugins.her.paging import AT_ONCE, Page
from sunpy_helio_plugins.her.queries import Query
from sunpy_helio_plugins.her.truth import answers, doubts, stamp

__all__ = ["Collected", "page_of", "page_size"]

UNKNOWN = 2
"""How many further pages are asked for side by side where nothing tells how many there are."""


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


class Collected:
    """
    Takes in one page after the other.

    Parameters
    ----------
    query : Query
        What was asked.
    """

    def __init__(self, query: Query) -> None:
        self._query = query
        self._mine, self._seen = Found(), Found()
        self._lost: tuple[int, ServiceError] | None = None

    def take(self, number: int, outcome: Page | ServiceError) -> bool:
        """
        Take in a page, and tell whether to go on.

        Parameters
        ----------
        number : int
            Which page.
        outcome : Page or ServiceError
            The page, or why it did not come.
        """
        if isinstance(outcome, ServiceError):
            return self._miss(number, outcome)
        self._say_lost()
        new = self._seen.add(outcome.records, ())
        repeated = Found().add(outcome.records, ()) - new
        mine = [record for record in outcome.records if answers(self._query, record)]
        for record in mine:
            self._mine.doubt(record, doubts(self._query, record))
        self._mine.add(mine, outcome.associations)
        self._mine.problems += outcome.oddities
        goes_on = outcome.more and not self._is_enough()
        if goes_on and not new:
            self._mine.problems.append(f"The registry says that there is more, but page {number} brings nothing new.")
        elif new and repeated:
            self._mine.problems.append(
                f"Page {number} repeats {repeated} events of earlier ones: the registry's order changed meanwhile, and "
                "as many may be missing; ask again, or for a shorter period."
            )
        return goes_on and new > 0

    def _miss(self, number: int, error: ServiceError) -> bool:
        """Note a page that did not come; the one after it may, but two in a row mean that the registry is gone."""
        if self._lost is None:
            self._lost = number, error
            return True
        first, self._lost = self._lost[0], None
        self._mine.problems.append(f"Page {first} and all that follow are missing; page {number} failed: {error}")
        return False

    def _say_lost(self) -> None:
        if self._lost is not None:
            number, error = self._lost
            self._mine.problems.append(f"Page {number}, with up to {page_size(self._query)} events, failed: {error}")
            self._lost = None

    def _is_enough(self) -> bool:
        limit = self._query.limit
        return bool(limit) and self._query.ends_at_limit and len(self._mine) >= (limit or 0)

    def end(self, most: int) -> None:
        """Say that the last page that is read is not the last one."""
        self._mine.problems.append(f"The registry has more than {most} pages; ask for a shorter period.")

    def likely(self, number: int, page: Page) -> int:
        """
        Return how many pages there may be after one: events come by their start, which tells how far a page got.

        Parameters
        ----------
        number : int
            Which page.
        page : Page
            That page.
        """
        if len(page.records) < page_size(self._query):
            # A registry that promises more after a page that is not full is taken at its word, one page at a time.
            return 1
        wanted = self._pages_wanted()
        if self._query.within or self._query.sort_by or not page.records:
            return min(UNKNOWN, wanted)
        first, last = _instant(self._query.start), _instant(self._query.end)
        reached = _instant(page.records[-1].get("event_starttime"))
        if first is None or last is None or reached is None:
            return min(UNKNOWN, wanted)
        covered = (reached - first).total_seconds() / max((last - first).total_seconds(), 1.0)
        if covered <= 0:
            return min(AT_ONCE, wanted)
        return min(max(round(number * (1 - covered) / covered), 1), wanted)

    def _pages_wanted(self) -> int:
        query = self._query
        if not query.limit or not query.ends_at_limit:
            return AT_ONCE
        return max(math.ceil((query.limit - len(self._mine)) / page_size(query)), 1)

    def found(self) -> Found:
        """Return what came."""
        self._say_lost()
        if self._query.ends_at_limit:
            self._mine.keep(self._mine.records[: self._query.limit])
        return self._mine


def _instant(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp(text))
    except ValueError:
        return None
