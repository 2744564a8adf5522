"""
NOAA's numbers of active regions: four digits were used up in June 2002, and many suppliers still write four.

The same region stands in one answer as 13664 (SWPC) and as 3664 (SSW Latest Events).
"""

from __future__ import annotations

from dataclasses import replace

from sunpy_helio_plugins.her.query import Triplet

__all__ = ["five_digits", "in_period", "variants"]

ROLLOVER = "2002-06-14"
"""The day before region 10000 appeared."""
ALL_NEW = "2002-07-15"
"""By then the last regions from before the rollover (9900 and more) had gone."""
NAME = "ar_noaanum"
TURN = 10000


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
    if not 0 < number < TURN or not when or when < ROLLOVER:
        return number
    return number if number >= 9900 and when < ALL_NEW else number + TURN


def in_period(tests: tuple[Triplet, ...], start: str) -> tuple[Triplet, ...]:
    """
    Return comparisons in which "more than" and "less than" mean one number at all times of a period.

    Parameters
    ----------
    tests : tuple of Triplet
        Comparisons; those of other keywords, and those for equality, stay as they are: a number of four digits equals
        what each event's own time makes of it.
    start : str
        Where the period begins, ISO 8601: four digits are short for five in a period after the rollover, and meant as
        they stand in one that begins before it.
    """
    return tuple(
        replace(test, value=str(five_digits(_number(test), start)))
        if test.name == NAME and test.operator not in ("=", "!=")
        else test
        for test in tests
    )


def variants(tests: tuple[Triplet, ...], start: str, end: str) -> list[tuple[Triplet, ...]]:
    """
    Return the comparisons that find regions in every spelling of their numbers: all sets of them must be asked.

    Parameters
    ----------
    tests : tuple of Triplet
        Comparisons, as `in_period` gives them; those of other keywords stay in every set.
    start, end : str
        The period, ISO 8601.
    """
    own = tuple(test for test in tests if test.name == NAME)
    if not own or end < ROLLOVER:
        return [tests]
    rest = tuple(test for test in tests if test.name != NAME)
    long, short = (tuple(sent for test in own for sent in spell(test, start)) for spell in (_long, _short))
    if long == short or all(test.operator in ("!=", "<", "<=") for test in own):
        # What is less than a number of five digits has four, too.
        return [(*rest, *dict.fromkeys(long))]
    return [(*rest, *long), (*rest, *short)]


def _long(test: Triplet, start: str) -> list[Triplet]:
    """Return what finds regions that are given in five digits, or were seen before the rollover."""
    number = _number(test)
    if test.operator == "=":
        return [replace(test, value=str(number + TURN if 0 < number < TURN else number))]
    if test.operator == "!=":
        return _other(test, number, start)
    # Of a period across the rollover, all that is short for a later number is more than an earlier one.
    return [] if number < TURN and test.operator in (">", ">=") else [test]


def _short(test: Triplet, start: str) -> list[Triplet]:
    """Return what finds regions that are given in four digits."""
    number = _number(test)
    if test.operator == "=":
        return [replace(test, value=str(number - TURN if number >= TURN else number))]
    if test.operator == "!=":
        return _other(test, number, start)
    if test.operator in ("<", "<="):
        return [replace(test, value=str(number - TURN))] if start >= ALL_NEW and number > TURN else [test]
    if number < TURN:
        return []
    return [replace(test, value=str(number - TURN)), Triplet(NAME, "<", str(TURN), test.event_type)]


def _other(test: Triplet, number: int, start: str) -> list[Triplet]:
    """Return what leaves a number out in both spellings; nothing where an early region may rightly bear it."""
    if start < ALL_NEW:
        return []
    five = number + TURN if 0 < number < TURN else number
    return [replace(test, value=str(each)) for each in (five, five - TURN)]


def _number(test: Triplet) -> int:
    return int(float(test.value))
