"""
NOAA's numbers of active regions: four digits were used up in June 2002, and many suppliers still write four.

The same region stands in one answer as 13664 (SWPC) and as 3664 (SSW Latest Events).
"""

from __future__ import annotations

from sunpy_helio_plugins.her.queries import Triplet

__all__ = ["five_digits", "variants"]

ROLLOVER = "2002-06-14"
"""The day before region 10000 appeared."""
ALL_NEW = "2002-07-15"
"""By then the last regions from before the rollover (9900 and more) had gone."""
NAME = "ar_noaanum"


def five_digits(number: int, when: str) -> int:
    """
    Return a region's number as NOAA has written it since June 2002.

    Parameters
    ----------
    number : int
        A number of any spelling.
    when : str
        An instant at which the region was seen, ISO 8601.

    Returns
    -------
    int
        Five digits from the rollover on; earlier numbers as they are.
    """
    if not 0 < number < 10000 or not when or when < ROLLOVER:
        return number
    return number if number >= 9900 and when < ALL_NEW else number + 10000


def variants(tests: tuple[Triplet, ...], start: str, end: str) -> list[tuple[Triplet, ...]]:
    """
    Return the comparisons that find regions in every spelling of their numbers: all sets of them must be asked.

    Parameters
    ----------
    tests : tuple of Triplet
        Comparisons; those of other keywords stay in every set.
    start, end : str
        The period, ISO 8601.
    """
    own = tuple(test for test in tests if test.name == NAME)
    if not own or end < ROLLOVER:
        return [tests]
    rest = tuple(test for test in tests if test.name != NAME)
    late = tuple(_with(test, _long(test)) for test in own)
    early = tuple(_with(test, _long(test) - 10000) for test in own)
    unequal = [test for test in own if test.operator == "!="]
    if len(unequal) == len(own):
        return [(*rest, *late, *early)]
    if any(test.operator in ("<", "<=") for test in own) and not any(test.operator in ("=", ">", ">=") for test in own):
        return [(*rest, *late)]
    if not any(test.operator in ("=", "<", "<=") for test in own):
        early = (*early, Triplet(NAME, "<", "10000", own[0].event_type))
    return [(*rest, *late), (*rest, *early)]


def _long(test: Triplet) -> int:
    number = int(float(test.value))
    return number + 10000 if 0 < number < 10000 else number


def _with(test: Triplet, number: int) -> Triplet:
    return Triplet(test.name, test.operator, str(number), test.event_type)
