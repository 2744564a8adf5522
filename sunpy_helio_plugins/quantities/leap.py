"""The lengths of UTC days and the difference of UTC from terrestrial time, as integers from ERFA's table."""

from __future__ import annotations

from functools import lru_cache

import erfa
import numpy as np
from numpy.typing import NDArray

__all__ = ["DAY", "J2000", "JD_1970", "SECOND", "Ints", "day_lengths", "leaps_in_tt2000", "quasi_lengths"]

Ints = NDArray[np.int64]

SECOND = 1_000_000_000
"""Nanoseconds in a second."""

DAY = 86_400 * SECOND
"""Nanoseconds in a day without a leap second."""

JD_1970 = 2440587.5
"""Julian date of 1970-01-01."""

J2000 = 10957
"""2000-01-01 in days from 1970."""

_TT_MINUS_TAI = 32_184_000_000

# From 1960-01-01 to 1971-12-31 UTC had a different rate; in days from 1970.
_RATES_FROM, _RATES_UNTIL = -3653, 730


@lru_cache(maxsize=1)
def _leap_table() -> tuple[Ints, Ints]:
    """Return the days from 1970 at which TAI - UTC has changed since 1972, and its new values in seconds."""
    table = erfa.leap_seconds.get()
    table = table[table["year"] >= 1972]
    months = (table["year"].astype(np.int64) - 1970) * 12 + table["month"] - 1
    return months.astype("M8[M]").astype("M8[D]").astype(np.int64), table["tai_utc"].astype(np.int64)


@lru_cache(maxsize=1)
def leaps_in_tt2000() -> tuple[Ints, Ints]:
    """Return the TT2000 epochs at which the entries of the table begin, and TT - UTC from then on, in nanoseconds."""
    days, seconds = _leap_table()
    offsets = seconds * SECOND + _TT_MINUS_TAI
    return (days - J2000) * DAY - DAY // 2 + offsets, offsets


def day_lengths(days: Ints) -> Ints:
    """Return the lengths of UTC days in nanoseconds: one for all if they are equal."""
    if days.size == 0:
        return np.array(DAY)
    leap_days = _leap_table()[0][1:] - 1
    among = leap_days[(leap_days >= days.min()) & (leap_days <= days.max())]
    if among.size == 0:
        return np.array(DAY)
    return np.where(np.isin(days, among), DAY + SECOND, DAY)


def quasi_lengths(days: Ints) -> NDArray[np.float64]:
    """Return the lengths of days in ERFA: before 1972 some were longer or shorter by a fraction of a second."""
    lengths = day_lengths(days).astype(np.float64)
    if days.size == 0 or days.max() < _RATES_FROM or days.min() >= _RATES_UNTIL:
        return lengths
    lengths = np.array(np.broadcast_to(lengths, days.shape))
    early = (days >= _RATES_FROM) & (days < _RATES_UNTIL)
    unique, inverse = np.unique(days[early], return_inverse=True)
    year, month, day, _ = erfa.jd2cal(JD_1970, unique.astype(float))
    year2, month2, day2, _ = erfa.jd2cal(JD_1970, unique + 1.0)
    at = [erfa.dat(year, month, day, 0.0), erfa.dat(year, month, day, 0.5), erfa.dat(year2, month2, day2, 0.0)]
    jump = at[2] - (2.0 * at[1] - at[0])
    lengths[early] = ((86400.0 + jump) * SECOND)[inverse]
    return lengths
