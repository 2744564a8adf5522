"""
NOAA's numbers of active regions: four digits were exhausted in June 2002, but many suppliers still write four.

The same region is 13664 (SWPC) and 3664 (SSW Latest Events) in one response.
"""

from __future__ import annotations

from dataclasses import replace

from sunpy_helio_plugins.her.query import Triplet

__all__ = ["five_digits", "in_period", "variants"]

ROLLOVER = "2002-06-14"
"""The day before region 10000 appeared."""
ALL_NEW = "2002-07-15"
"""The day by which the last regions from before the rollover (9900 and more) had disappeared."""
NAME = "ar_noaanum"
TURN = 10000


def five_digits(number: int, when: str) -> int:
    """Convert a region number to five digits if it was seen (ISO 8601) after the rollover; return others unchanged."""
    if not 0 < number < TURN or not when or when < ROLLOVER:
        return number
    return number if number >= 9900 and when < ALL_NEW else number + TURN


def in_period(tests: tuple[Triplet, ...], start: str) -> tuple[Triplet, ...]:
    """Convert the numbers of order comparisons so that they have the same meaning at all times of a time range."""
    # After the rollover four digits abbreviate five; in a range that starts before it they are used as given.
    # Equality compares with each event's own time, so that it does not need a conversion.
    return tuple(
        replace(test, value=str(five_digits(_number(test), start)))
        if test.name == NAME and test.operator not in ("=", "!=")
        else test
        for test in tests
    )


def variants(tests: tuple[Triplet, ...], start: str, end: str) -> list[tuple[Triplet, ...]]:
    """Return the sets of comparisons to request, which together find regions in every spelling of their numbers."""
    own = tuple(test for test in tests if test.name == NAME)
    if not own or end < ROLLOVER:
        return [tests]
    rest = tuple(test for test in tests if test.name != NAME)
    long, short = (tuple(sent for test in own for sent in spell(test, start)) for spell in (_long, _short))
    if long == short or all(test.operator in ("!=", "<", "<=") for test in own):
        # A number that is less than one of five digits may also have four.
        return [(*rest, *dict.fromkeys(long))]
    return [(*rest, *long), (*rest, *short)]


def _long(test: Triplet, start: str) -> list[Triplet]:
    """Return comparisons that find regions with five digits, or from before the rollover."""
    number = _number(test)
    if test.operator == "=":
        return [replace(test, value=str(number + TURN if 0 < number < TURN else number))]
    if test.operator == "!=":
        return _other(test, number, start)
    # In a range across the rollover, abbreviated later numbers are all greater than an earlier one.
    return [] if number < TURN and test.operator in (">", ">=") else [test]


def _short(test: Triplet, start: str) -> list[Triplet]:
    """Return comparisons that find regions with four digits."""
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
    """Return comparisons that exclude a number in both spellings; empty if an early region may have it."""
    if start < ALL_NEW:
        return []
    five = number + TURN if 0 < number < TURN else number
    return [replace(test, value=str(each)) for each in (five, five - TURN)]


def _number(test: Triplet) -> int:
    return int(float(test.value))
