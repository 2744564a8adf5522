"""Test the units of numbers that count time, which CDF files spell in many ways."""

from __future__ import annotations

import pytest

from sunpy_helio_plugins.cdf.counts import count_of

SPELLINGS = {
    1.0: ("s", "sec", "secs", "second", "seconds", "Seconds"),
    1e-3: ("ms", "msec", "millisecond", "milliseconds"),
    1e-6: ("us", "usec", "microsecond", "microseconds"),
    1e-9: ("ns", "nsec", "nanosecond", "nanoseconds"),
    60.0: ("min", "minute", "minutes"),
    3600.0: ("h", "hr", "hour", "hours"),
    86400.0: ("d", "day", "days"),
}


@pytest.mark.parametrize(("spelling", "seconds"), [(one, value) for value, names in SPELLINGS.items() for one in names])
def test_units_of_counts(spelling: str, seconds: float) -> None:
    found = count_of({"UNITS": f"{spelling} since 2000-01-02"}, False)
    assert found is not None
    assert (found.day, found.seconds, found.is_assumed) == (10958, seconds, False)
    assert count_of({"UNITS": spelling}, False) is None
    assumed = count_of({"UNITS": spelling}, True)
    assert assumed is not None
    assert (assumed.day, assumed.seconds, assumed.is_assumed) == (0, seconds, True)


@pytest.mark.parametrize("unit", ["", "fortnight", "m", "since 1970-01-01"])
def test_other_units_do_not_count_time(unit: str) -> None:
    assert count_of({"UNITS": unit}, True) is None
