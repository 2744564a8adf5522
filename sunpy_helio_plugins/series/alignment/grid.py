"""The bins of a common time axis, and the clock on which they and the samples are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u
from astropy.time import Time

from sunpy_helio_plugins.arguments import DURATION, Kind
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities import silence, times
from sunpy_helio_plugins.quantities.days import split_time, split_tt2000, time_of
from sunpy_helio_plugins.quantities.leap import DAY, J2000, JD_1970, SECOND, Ints, day_lengths, leaps_in_tt2000
from sunpy_helio_plugins.quantities.record_time import RecordTime

__all__ = ["POSITIVE", "Grid", "elapsed", "elapsed_days", "elapsed_stamps", "instants", "nanoseconds"]

_J2000_JD = 2451545.0
_MIDNIGHT = 64_184_000_000 - DAY // 2
"""The TT2000 of 2000-01-01 in UTC."""

_FARTHEST = 106_000
"""Days from 2000 that fit into 64-bit nanoseconds."""

_STAMPS = {"begin": 0.0, "center": 0.5, "end": 1.0}


def nanoseconds(duration: u.Quantity) -> int:
    """Return a duration in nanoseconds."""
    return round(float(duration.to_value(u.ns)))


def _positive(given: Any) -> u.Quantity:
    made = DURATION.of(given)
    if not 1 <= nanoseconds(made) < 2**62:
        raise ValueError
    return made


POSITIVE = Kind("a duration of at least 1 ns, such as 1 * u.min,", _positive)


def elapsed(time: Time) -> Ints:
    """
    Return times as TT2000: nanoseconds that also count leap seconds, so that differences are durations.

    Masked times are converted as well, to any value.
    """
    if time.masked:
        is_whole = not np.any(time.mask)
        time = time.unmasked if is_whole else time.filled(Time(0, format="unix", scale=time.scale))
    if time.scale == "utc" and time.size:
        made = _without_leap_days(np.asarray(time.jd1), np.asarray(time.jd2))
        if made is not None:
            return made
    return elapsed_days(*split_time(time))


def _without_leap_days(jd1: Any, jd2: Any) -> Ints | None:
    """Convert the Julian dates of UTC if all days have the same length and offset, else return `None`."""
    halves = (jd1 - JD_1970) * 2
    low, high = halves.min(), halves.max()
    if not (halves == np.rint(halves)).all() or not _is_near(low / 2 + 1) or not _is_near(high / 2 - 1):
        return None
    days = np.arange(int(low // 2) - 1, int(high // 2) + 2)
    offset = _offset(days)
    if offset is None or day_lengths(days).ndim:
        return None
    # Half days are exact in nanoseconds, as an integer and as a float.
    made = (halves * (DAY // 2)).astype(np.int64)
    made += np.rint(jd2 * DAY).astype(np.int64)
    made += offset - J2000 * DAY - DAY // 2
    return made


def _is_near(days: float) -> bool:
    return bool(abs(days - J2000) < _FARTHEST)


def _offset(days: Ints) -> int | None:
    """Return TT - UTC in nanoseconds if it is the same on all days, and they are after 1972."""
    starts, offsets = leaps_in_tt2000()
    first = (starts - offsets + DAY // 2) // DAY + J2000
    low, high = np.searchsorted(first, (days.min(), days.max()), side="right")
    return int(offsets[low - 1]) if low == high and low > 0 else None


def elapsed_days(days: Ints, nanos: Ints) -> Ints:
    """Return UTC days from 1970, and the nanoseconds in them, as TT2000; see `elapsed`."""
    if not days.size:
        return np.zeros(days.shape, np.int64)
    if not _is_near(days.min()) or not _is_near(days.max()):
        early, late = (1970 + int(one // 365.2425) for one in (days.min(), days.max()))
        raise QueryError(
            f"series.align and series.coverage take times in the years 1710 to 2289; these are from {early} to {late}: "
            "remove the others."
        )
    starts, offsets = leaps_in_tt2000()
    first = (starts - offsets + DAY // 2) // DAY + J2000
    entry = np.searchsorted(first, days, side="right") - 1
    made = np.asarray((days - J2000) * DAY - DAY // 2 + nanos + offsets[np.maximum(entry, 0)])
    before = entry < 0
    if before.any():
        # Before 1972, UTC did not have whole leap seconds.
        with silence.far_years():
            terrestrial = time_of(np.asarray(days[before]), np.asarray(nanos[before]), None).tt
        rest = np.rint(np.asarray(terrestrial.jd2) * DAY).astype(np.int64)
        made[before] = ((np.asarray(terrestrial.jd1) - _J2000_JD) * DAY).astype(np.int64) + rest
    return made


def elapsed_stamps(stamps: Ints) -> Ints:
    """Return nanoseconds since 1970 in UTC, without leap seconds, as TT2000; see `elapsed`."""
    if stamps.size:
        days = np.array([stamps.min(), stamps.max()]) // DAY
        offset = _offset(days)
        if offset is not None and _is_near(days[0]) and _is_near(days[1]):
            return stamps + (offset - J2000 * DAY - DAY // 2)
    return elapsed_days(*np.divmod(stamps, DAY))


def instants(epochs: Ints, mask: Any = None) -> RecordTime:
    """Return times of TT2000 as a column in UTC, the inverse of `elapsed`."""
    return times.as_column(times.from_tt2000(np.asarray(epochs, np.int64), mask=mask))


@dataclass(frozen=True)
class Grid:
    """
    Bins of UTC, numbered from an anchor.

    Attributes
    ----------
    every : int
        The length of a bin in nanoseconds.
    anchor : int
        The TT2000 at which a bin begins; bin 0 if leap seconds have bins of their own.
    origin : int
        The nanoseconds since 1970, without leap seconds, at which bin 0 begins otherwise.
    first, before : int or None
        The first bin of the axis and the one after the last; `None` if the samples decide.
    stamp : str
        The location of the time of a bin in it: begin, center or end.
    """

    every: int
    anchor: int = _MIDNIGHT
    origin: int = 0
    first: int | None = None
    before: int | None = None
    stamp: str = "begin"

    @classmethod
    def beginning(cls, every: int, start: Time, stamp: str) -> Grid:
        """Return the bins of which the first one begins at a time."""
        epoch = elapsed(start.reshape(1))
        return cls(every, int(epoch[0]), int(_shown(epoch)[0]), 0, None, stamp)

    @property
    def _counts_seconds(self) -> bool:
        """Whether leap seconds have bins of their own; longer bins are counted as the clock shows them."""
        return SECOND % self.every == 0

    def edges(self, low: int, high: int) -> Ints:
        """Return the TT2000 at which the bins from ``low`` to ``high`` begin, both included."""
        numbers = np.arange(low, high + 1, dtype=np.int64)
        if self._counts_seconds:
            return self.anchor + numbers * self.every
        return elapsed_stamps(self.origin + numbers * self.every)

    def index(self, epoch: int) -> int:
        """Return the number of the bin of a time."""
        if self._counts_seconds:
            return int((epoch - self.anchor) // self.every)
        return int((int(_shown(np.array([epoch]))[0]) - self.origin) // self.every)

    def stamps(self, edges: Ints) -> Ints:
        """Return the TT2000 of the bins between edges."""
        part = _STAMPS[self.stamp]
        return edges[:-1] + (np.diff(edges) * part).astype(np.int64) if part else edges[:-1]

    def inside(self, low: int, high: int) -> tuple[int, int]:
        """Return the part of a range of bins that is on the axis; it may be empty."""
        low = low if self.first is None else max(low, self.first)
        return low, max(low, high if self.before is None else min(high, self.before))


def _shown(epochs: Ints) -> Ints:
    """Return nanoseconds since 1970 as a clock shows them; a leap second is the last nanosecond of its day."""
    days, nanos = split_tt2000(epochs)
    return np.asarray(days * DAY + np.minimum(nanos, DAY - 1))
