"""
Questions whose answers are too large, in halves.

The service has no pages; where an answer would pass its limit it fails, and what it says does not tell why. All that
can be done is to ask for less: for half of the range of dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

__all__ = ["FIRST", "halves", "shown"]

FIRST = date(2010, 1, 1)
"""Before any science file of the mission, those of its rehearsals included."""

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)

_DAYS = (
    ("start_date", "end_date"),
    ("ingestion_start_date", "ingestion_end_date"),
    ("start_ingest_date", "end_ingest_date"),
)
"""Ranges of days, the last of which counts."""

_SECONDS = ("start_time", "end_time")
"""A range in seconds since J2000, with which whatever overlaps is found."""

_DAY = 86_400


def halves(fields: Mapping[str, str]) -> list[dict[str, str]]:
    """
    Return a question as two that together ask for the same.

    Parameters
    ----------
    fields : mapping of str
        The query fields.

    Returns
    -------
    list of dict
        The halves: of the range of time, else of the start dates, else of the days of ingestion. An end that is open
        stays open. Nothing where there is no range, or it is one day.
    """
    name, until = _SECONDS
    if name in fields and until in fields and int(fields[until]) - int(fields[name]) > _DAY:
        middle = str((int(fields[name]) + int(fields[until])) // 2)
        return [{**fields, until: middle}, {**fields, name: middle}]
    for name, until in _DAYS:
        if name in fields or until in fields:
            first = _day(fields[name]) if name in fields else FIRST
            last = _day(fields[until]) if until in fields else datetime.now(UTC).date()
            if first < last:
                half = first + (last - first) // 2
                return [{**fields, until: f"{half:%Y%m%d}"}, {**fields, name: f"{half + timedelta(days=1):%Y%m%d}"}]
    return []


def shown(fields: Mapping[str, str]) -> str:
    """
    Return the range of a question in words.

    Parameters
    ----------
    fields : mapping of str
        The query fields.
    """
    if _SECONDS[0] in fields:
        return " to ".join(f"{_J2000 + timedelta(seconds=int(fields[name])):%Y%m%d}" for name in _SECONDS)
    return " to ".join(fields[name] for pair in _DAYS for name in pair if name in fields)


def _day(text: str) -> date:
    return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")
