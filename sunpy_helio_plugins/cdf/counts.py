"""
Variables that count time in numbers, such as seconds since 1970, and from which instant they count.

THEMIS names such a variable in the attribute DEPEND_TIME: UTC in seconds since 1970, leap seconds not counted, beside a
virtual epoch without records in DEPEND_0 (its skeletons; speasy#109). Others say so in the units, as the CF conventions
do: "seconds since 1970-01-01 00:00:00".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Count", "count_of"]


class Count(NamedTuple):
    """
    From where, and in which unit, a variable counts.

    Attributes
    ----------
    day : int
        The UTC day from whose beginning is counted, in days from 1970.
    seconds : float
        How many seconds a count is.
    is_assumed : bool
        Whether the file does not say from where, so that the convention of DEPEND_TIME counts.
    """

    day: int
    seconds: float
    is_assumed: bool


_UNITS = {
    "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3,
    "milliseconds": 1e-3, "us": 1e-6, "usec": 1e-6, "microsecond": 1e-6, "microseconds": 1e-6, "ns": 1e-9, "nsec": 1e-9,
    "nanosecond": 1e-9, "nanoseconds": 1e-9, "min": 60.0, "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hr": 3600.0,
    "hour": 3600.0, "hours": 3600.0, "d": 86400.0, "day": 86400.0, "days": 86400.0,
}  # fmt: skip

_SINCE = re.compile(
    r"\bsinc(?:e)?\s+(?:the\s+)?(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})-([A-Za-z]{3})[a-z]*-(\d{4}))"
    r"(?:[T ]\s*00:00(?::00(?:\.0*)?)?)?(?:\s*(?:Z|UTC|UT))?(?![\d:T])"
)
_UNIX = re.compile(r"\b(?:unix|posix)\b", re.IGNORECASE)
_OTHER_START = re.compile(r"\bsinc|\belapsed\b|\bMET\b|\bJ2000\b|\bTT\b|\bTAI\b|\bGPS\b|\bof (?:the )?day\b")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TEXTS = ("UNITS", "CATDESC", "FIELDNAM", "LABLAXIS", "VAR_NOTES", "TIME_BASE")


def count_of(attributes: Mapping[str, Any], is_convention: bool) -> Count | None:
    """
    Return what a variable of numbers counts, by its attributes.

    Parameters
    ----------
    attributes : mapping
        The variable's attributes.
    is_convention : bool
        Whether DEPEND_TIME names it, so that it counts from 1970 unless the file says otherwise.

    Returns
    -------
    Count or None
        `None` where it is not certain that these are times.
    """
    said = [str(attributes[key]) for key in _TEXTS if isinstance(attributes.get(key), str)]
    units = str(attributes.get("UNITS", "")).strip().lower()
    seconds = _UNITS.get(units.split(" since ")[0].strip())
    if seconds is None:
        return None
    day = next((found for text in said if (found := _day(text)) is not None), None)
    if day is not None:
        return Count(day, seconds, False)
    if any(_UNIX.search(text) for text in said):
        return Count(0, seconds, False)
    if is_convention and not any(_OTHER_START.search(text) for text in said):
        return Count(0, seconds, True)
    return None


def _day(text: str) -> int | None:
    """Return the day that a text names after "since"."""
    found = _SINCE.search(text)
    if found is None:
        return None
    year, month, day = found[1] or found[6], found[2], found[3] or found[4]
    if found[5]:
        name = found[5].lower()
        month = str(_MONTHS.index(name) + 1) if name in _MONTHS else "0"
    try:
        return int(np.datetime64(f"{year}-{int(month):02}-{int(day):02}", "D").astype(np.int64))
    except ValueError:
        return None
