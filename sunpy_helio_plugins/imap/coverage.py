"""
How long the data of a file last.

The service knows the first day of each file and nothing else about its time. The length follows from the kind of
product: most hold one day, a ``-repoint`` file one pointing of about a day that crosses midnight, ``-cr`` a Carrington
rotation, ``10days`` ten days, a map the months that stand at the end of its descriptor (imap-data-access,
``ScienceFilePath``, and the mission's product definitions).
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from sunpy_helio_plugins.imap.filenames import ParsedFileName

__all__ = ["LONG", "end_of", "longest"]

POINTING = 2
"""Days: a pointing begins somewhere in its first day and lasts about one."""

ROTATION = 29
"""Days: a synodic Carrington rotation of 27.2 to 27.4 begins somewhere in its first day."""

MAP = 366

_DAILY = frozenset({"mag", "swapi", "swe", "hit", "codice", "spacecraft", "ialirt", "l1const"})
_MAP_LEVELS = ("l2", "l2a", "l2b", "l2c", "l3", "l3a", "l3b", "l3c", "l3d", "l3e")

_MONTHS = re.compile(r"-(?P<number>\d{1,3})(?P<unit>mo|yr)$")
_DAYS = re.compile(r"-(?P<number>\d{1,4})days$")


def end_of(name: ParsedFileName) -> date:
    """
    Return the day after the last one that a file may hold.

    Parameters
    ----------
    name : ParsedFileName
        The file's name.

    Returns
    -------
    datetime.date
        Its midnight bounds the data. Inferred, except for ancillary files that name their last day.
    """
    if name.end is not None:
        return _after(name.end, 1)
    if name.repointing is not None:
        return _after(name.start, POINTING)
    if name.level is None:  # an ancillary file without an end holds until the next one
        return date.max
    if name.rotation is not None:
        return _after(name.start, ROTATION)
    months, days = _length(name.descriptor)
    return _later(name.start, months) if months else _after(name.start, days)


@lru_cache(maxsize=4096)
def _after(day: date, days: int) -> date:
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


@lru_cache(maxsize=1024)
def _length(descriptor: str) -> tuple[int, int]:
    """Return how long a product lasts by its descriptor: months, or days."""
    found = _DAYS.search(descriptor)
    return _months(descriptor), int(found["number"]) if found else 1


def _months(descriptor: str) -> int:
    found = _MONTHS.search(descriptor)
    return int(found["number"]) * (12 if found["unit"] == "yr" else 1) if found else 0


def _later(start: date, months: int) -> date:
    """Return the same day some months later; where that month has no such day, the first of the next."""
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
"""The instruments, and the levels among theirs, whose products may last longer than a pointing."""


def longest(instrument: str | None, level: str | None, descriptor: str | None) -> int:
    """
    Return how many days the longest file can last that a query may find.

    Parameters
    ----------
    instrument, level, descriptor : str or None
        What the query asks for; `None` for anything, also for a descriptor with wildcards. Without an instrument and a
        descriptor the products of `LONG` are left out: they are to be asked for by themselves.

    Returns
    -------
    int
        Days, at least one: by so much, less one, a search must reach back from its start.
    """
    if descriptor is not None and (found := _DAYS.search(descriptor)):
        return int(found["number"])
    if descriptor is not None and (months := _months(descriptor)):
        return 31 * months
    if instrument is None:
        return POINTING if descriptor is None else max(_longest_of(one, level, True) for one in ("glows", "hi"))
    return _longest_of(instrument, level, descriptor is not None)


def _longest_of(instrument: str, level: str | None, no_suffix: bool) -> int:
    """Return the days of an instrument's longest product; ``no_suffix`` where the descriptor names no length."""
    if instrument in _DAILY:
        return 1
    if instrument == "idex":
        return 1 if no_suffix else 10
    if instrument == "glows":
        return ROTATION if level is None or level.startswith("l3") else POINTING
    return POINTING if no_suffix or level not in (None, *_MAP_LEVELS) else MAP
