"""
The duration of the data in a file.

The service only provides the first day of each file. The duration depends on the product: most contain one day, a
``-repoint`` file one pointing of about a day that crosses midnight, ``-cr`` a Carrington rotation, ``10days`` ten days,
a map the number of months at the end of its descriptor (imap-data-access, ``ScienceFilePath``, and the product
definitions of the mission).
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache

from sunpy_helio_plugins.imap.filenames import ParsedFileName
from sunpy_helio_plugins.imap.mission import DAILY

__all__ = ["LONG", "end_of", "longest", "longest_map", "map_days", "map_name", "months_of"]

POINTING = 2
"""The duration in days: a pointing begins at any time of its first day and lasts about one day."""

ROTATION = 29
"""The duration in days: a synodic Carrington rotation of 27.2 to 27.4 days begins at any time of its first day."""

MAP = 366

_MAP_LEVELS = ("l2", "l2a", "l2b", "l2c", "l3", "l3a", "l3b", "l3c", "l3d", "l3e")

_MONTHS = re.compile(r"-(?P<number>\d{1,3})(?P<unit>mo|yr)$")
_DAYS = re.compile(r"-(?P<number>\d{1,4})days$")


def end_of(name: ParsedFileName) -> date:
    """Return the day after the last one of the data, inferred unless the name contains the last day."""
    if name.end is not None:
        return _after(name.end, 1)
    if name.repointing is not None:
        return _after(name.start, POINTING)
    if name.level is None:  # an ancillary file without an end is valid until the next one
        return date.max
    if name.rotation is not None:
        return _after(name.start, ROTATION)
    months, days = _length(name.descriptor)
    return _later(name.start, months) if months else _after(name.start, days)


_NAMES_OF_MAPS = {12: {0: ""}, 6: {0: "A", 2: "B"}, 3: {0: "AA", 1: "AB", 2: "BA", 3: "BB"}}
"""The letters of maps by their duration in months and the quarter in which they begin."""

_FIRST_MAPS = 2026

_NEAR = timedelta(days=7)
"""The largest difference of the start of a map from the day of its name: files begin with their first data."""


def map_days(name: str) -> tuple[date, date] | None:
    """
    Return the first and the last day on which a map of the mission with a name may begin, or `None` for another name.

    The year of maps begins on 25 December, as that of IBEX does (imap_processing#3432, with the names of 2026).
    """
    found = re.fullmatch(r"(\d{4})([AB]{0,2})", name, re.ASCII)
    if found is None or not _FIRST_MAPS <= int(found[1]) <= date.max.year:
        return None
    (quarter,) = (one for names in _NAMES_OF_MAPS.values() for one, letters in names.items() if letters == found[2])
    start = date(int(found[1]) - 1, 12, 25) if quarter == 0 else date(int(found[1]), 3 * quarter, 25)
    return start - _NEAR, start + _NEAR


def months_of(name: str) -> int:
    """Return the duration in months of the maps with a name of the mission."""
    return 12 >> len(name.lstrip("0123456789"))


def map_name(start: date, descriptor: str) -> str:
    """Return the name of a map of the mission, such as 2026A, or an empty text if it does not have one."""
    for quarter, letters in _NAMES_OF_MAPS.get(_months(descriptor), {}).items():
        year = start.year + (quarter == 0 and start.month == 12)
        days = map_days(f"{year}{letters}")
        if days is not None and days[0] <= start <= days[1]:
            return f"{year}{letters}"
    return ""


@lru_cache(maxsize=4096)
def _after(day: date, days: int) -> date:
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


@lru_cache(maxsize=1024)
def _length(descriptor: str) -> tuple[int, int]:
    """Return the duration of a product in months (or 0) and in days, determined by its descriptor."""
    found = _DAYS.search(descriptor)
    return _months(descriptor), int(found["number"]) if found else 1


def _months(descriptor: str) -> int:
    found = _MONTHS.search(descriptor)
    return int(found["number"]) * (12 if found["unit"] == "yr" else 1) if found else 0


def _later(start: date, months: int) -> date:
    """Return the same day some months later, or the first day of the next month if that day does not exist."""
    years, month = divmod(start.month - 1 + months, 12)
    if start.year + years > date.max.year:
        return date.max
    try:
        return start.replace(year=start.year + years, month=month + 1)
    except ValueError:
        return _later(start.replace(day=1), months + 1)


LONG: tuple[tuple[str, str | None], ...] = (
    ("idex", None), ("glows", None), ("hi", "l2"), ("hi", "l3"), ("lo", "l2"), ("lo", "l3"), ("ultra", "l2"),
    ("ultra", "l3"),
)  # fmt: skip
"""The instruments, and their levels, whose products may be longer than a pointing."""


def longest(instrument: str | None, level: str | None, descriptor: str | None) -> int:
    """Return the largest duration, in days, of the files that match; `None` matches anything except `LONG` products."""
    # The products of `LONG` are requested separately. A search has to begin this number of days, minus one, earlier.
    if descriptor is not None and (found := _DAYS.search(descriptor)):
        return int(found["number"])
    if descriptor is not None and (months := _months(descriptor)):
        return 31 * months
    if instrument is None:
        return POINTING if descriptor is None else max(_longest_of(one, level, True) for one in ("glows", "hi"))
    return _longest_of(instrument, level, descriptor is not None)


def longest_map(pattern: str) -> int:
    """Return the largest duration, in days, of maps whose descriptors match a pattern."""
    return 31 * _months(pattern) or MAP


def _longest_of(instrument: str, level: str | None, no_suffix: bool) -> int:
    """Return the days of an instrument's longest product; ``no_suffix`` if the descriptor is without a duration."""
    if instrument in DAILY:
        return 1
    if instrument == "idex":
        return 1 if no_suffix else 10
    if instrument == "glows":
        return ROTATION if level is None or level.startswith("l3") else POINTING
    return POINTING if no_suffix or level not in (None, *_MAP_LEVELS) else MAP
