"""Searches that the registry gives up on: it ends any that takes longer than 60 s."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

from sunpy_helio_plugins.errors import ServiceError, ServiceUnreachable
from sunpy_helio_plugins.her.queries import Query
from sunpy_helio_plugins.her.returned import SUBSETS, with_times

__all__ = ["halves", "is_too_slow"]

SHORTEST = timedelta(hours=1)
_SLOW = re.compile(r"time[sd]?[ -]?out|too long|took longer|did not end within|60 ?s\b", re.IGNORECASE)


def is_too_slow(error: ServiceError) -> bool:
    """Tell whether the registry gave up on a search, or went silent over it."""
    if error.status in (408, 504):
        return True
    silent = isinstance(error, ServiceUnreachable) and "connect" in error.words.lower()
    return not silent and _SLOW.search(error.words) is not None


def halves(query: Query) -> tuple[Query, ...]:
    """
    Return two searches that together bring the events of one.

    Parameters
    ----------
    query : Query
        A search that is too slow.

    Returns
    -------
    tuple of Query
        Of half the period each; none where it is short already, or where what lies across the middle would be lost.
    """
    start, end = (datetime.fromisoformat(text.removesuffix("Z")) for text in (query.start, query.end))
    blind = not query.alternatives or query.returns[:1] == SUBSETS[1:]
    if query.within or end - start < 2 * SHORTEST or (query.strict and blind):
        return ()
    middle = (start + (end - start) / 2).replace(microsecond=0).isoformat()
    # What lies wholly in the period may lie across its middle: overlaps are asked for, and judged by this package.
    query = with_times(query)
    return replace(query, end=middle, strict=False), replace(query, start=middle, strict=False)
