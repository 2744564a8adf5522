"""
Variables that count time in numbers, such as seconds since 1970, and the instant from which they count.

THEMIS names such a variable in the attribute DEPEND_TIME: UTC in seconds since 1970, without leap seconds, in addition
to a virtual epoch without records in DEPEND_0 (its skeletons; speasy#109). Other files state it in the units, as in the
CF conventions: "seconds since 1970-01-01 00:00:00".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Count", "count_of"]


class Count(NamedTuple):
    """
    The start and the unit of a variable that counts time.

    Attributes
    ----------
    day : int
        The UTC day at whose beginning the count starts, in days from 1970.
    seconds : float
        The seconds of one count.
    is_assumed : bool
        Whether the file does not state the start, so that the convention of DEPEND_TIME is assumed.
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
    Return the count of a numeric variable from its attributes, or `None` if it is not certain that it counts time.

    ``is_convention``: DEPEND_TIME names the variable, so that it counts from 1970 unless the file states another start.
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
    """Return the day after "since" in a text."""
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
