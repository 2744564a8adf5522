"""Conversion of epochs and times to UTC days, counted from 1970, and nanoseconds of the day, and back."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from astropy.time import Time, TimeFormat
from numpy.typing import ArrayLike, NDArray

from sunpy_helio_plugins.quantities import silence
from sunpy_helio_plugins.quantities.leap import DAY, J2000, JD_1970, SECOND, Ints, leaps_in_tt2000, quasi_lengths

__all__ = [
    "PRECISION", "WholeDays", "finite", "known", "split_time", "split_tt2000", "time_of", "time_of_parts",
    "unix_of_tt2000",
]  # fmt: skip

PRECISION = 9
"""The number of fraction digits with which times are written."""

_FAR = 20_000
_FEW = 1000
_LAST = np.iinfo(np.int64).max - (J2000 + 1) * DAY
"""The last epoch, in the year 2262, to which the days since 1970 can be added without an overflow; they end in 2292."""


class WholeDays(TimeFormat):
    """The internal form of `Time`: Julian dates as an integer and a fraction of at most half a day."""

    name = "helio_whole_days"

    def set_jds(self, val1: NDArray[np.float64], val2: NDArray[np.float64]) -> None:
        """Set both parts without changing them."""
        self.jd1, self.jd2 = val1, val2

    def to_value(self, **_: Any) -> NDArray[np.float64]:
        """Return the sum of both parts."""
        return np.asarray(self.jd1 + self.jd2)

    value = property(to_value)


def known(
    epochs: NDArray[Any], mask: ArrayLike | None, harmless: float = 0
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Replace missing epochs with a valid one."""
    if mask is None or not np.any(mask):
        return epochs, None
    missing = np.broadcast_to(np.asarray(mask, dtype=bool), epochs.shape)
    return np.where(missing, epochs.dtype.type(harmless), epochs), missing


def finite(
    epochs: NDArray[Any], mask: ArrayLike | None, first: float, last: float, harmless: float = 0
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Mask epochs that are not finite or outside the range of times."""
    with np.errstate(invalid="ignore"):
        far = ~((epochs.real >= first) & (epochs.real <= last)) | ~np.isfinite(epochs.imag)
    return known(epochs, far if mask is None else far | np.asarray(mask, dtype=bool), harmless)


def split_tt2000(epochs: Ints) -> tuple[Ints, Ints]:
    """Split TT2000 epochs into UTC days and nanoseconds, each of them independently of the others."""
    offset = _offset(epochs)
    if offset is not None:
        return _divided(np.asarray(epochs - offset))
    starts, offsets = leaps_in_tt2000()
    early, late = epochs < starts[0], epochs > _LAST
    entry = np.maximum(np.searchsorted(starts, epochs, side="right") - 1, 0)
    # Subtract days before the others are added if the sum would overflow.
    far = np.where(late, _FAR, 0)
    days, nanos = np.divmod(epochs - far * DAY - offsets[entry] + np.where(early, 0, J2000 * DAY) + DAY // 2, DAY)
    days += far + np.where(early, J2000, 0)
    # The second before an entry of the table is the leap second; it is the last second of its day.
    following = np.minimum(entry + 1, len(starts) - 1)
    leap = ~early & (starts[following] > epochs) & (epochs >= starts[following] - SECOND)
    days, nanos = np.asarray(days - leap), np.asarray(nanos + leap * DAY)
    if early.any():
        days[early], nanos[early] = _split_early(np.asarray(epochs)[early])
    return days, nanos


def _divided(counts: Ints) -> tuple[Ints, Ints]:
    """Return whole days and the nanoseconds in them."""
    if counts.size < _FEW:
        days, nanos = np.divmod(counts, DAY)
        return np.asarray(days), np.asarray(nanos)
    # A product is several times faster than a division of integers, and may be in the day before or after.
    days = np.floor(counts * (1 / DAY)).astype(np.int64)
    nanos = counts - days * DAY
    if int(nanos.min()) < 0 or int(nanos.max()) >= DAY:
        over = (nanos >= DAY).astype(np.int64) - (nanos < 0)
        days, nanos = days + over, nanos - over * DAY
    return days, nanos


def unix_of_tt2000(epochs: Ints) -> Ints | None:
    """Return TT2000 epochs as nanoseconds of UTC from 1970; `None` if a leap second or the end of 64 bits is near."""
    offset = _offset(epochs)
    if offset is None or (epochs.size and int(epochs.max()) > _LAST - DAY):
        return None
    return np.asarray(epochs - offset)


def _offset(epochs: Ints) -> int | None:
    """Return the difference of TT2000 from nanoseconds of UTC from 1970, if all epochs are between two leap seconds."""
    starts, offsets = leaps_in_tt2000()
    low, high = (int(epochs.min()), int(epochs.max())) if epochs.size else (0, 0)
    last = int(np.searchsorted(starts, low, side="right")) - 1
    if last < 0 or high >= (starts[last + 1] - SECOND if last + 1 < len(starts) else _LAST):
        return None
    return int(offsets[last]) - J2000 * DAY - DAY // 2


def _split_early(epochs: Ints) -> tuple[Ints, Ints]:
    """Split epochs before 1972 with astropy, since UTC did not have whole leap seconds then."""
    days, nanos = np.divmod(epochs, DAY)
    with silence.far_years():
        utc = Time(2451545.0 + days, nanos / DAY, format="jd", scale="tt").utc
    return split_time(utc)


def split_time(time: Time) -> tuple[Ints, Ints]:
    """Return the UTC day and the nanosecond in it for times of any scale."""
    with silence.far_years():
        utc = time if time.scale == "utc" else time.utc
    # Whole and half days are exact on their own; the rest is small enough for nanoseconds.
    halves, jd2 = np.asarray(utc.jd1) - JD_1970, np.asarray(utc.jd2)
    rest = (halves - np.floor(halves)) + jd2
    whole = (np.floor(halves) + np.floor(rest)).astype(np.int64)
    # astropy counts fractions of the length of the day, which differs on days with a step of UTC.
    lengths = np.broadcast_to(quasi_lengths(whole), whole.shape)
    within = np.rint((rest - np.floor(rest)) * lengths).astype(np.int64)
    over = within >= np.rint(lengths).astype(np.int64)
    return whole + over, np.where(over, 0, within)


def time_of(days: Ints, nanos: Ints, missing: NDArray[np.bool_] | None) -> Time:
    """Return times from days and nanoseconds."""
    # Days from noon and at most half a day, the internal form of astropy: "jd" would split and add them again.
    parts = np.asarray(JD_1970 + 0.5 + days), np.asarray(nanos / quasi_lengths(days) - 0.5)
    made = Time(*parts, format=WholeDays.name, scale="utc", precision=PRECISION, copy=False)
    made.format = "isot"
    if missing is not None:
        made[missing] = np.ma.masked
    return made


def time_of_parts(day: NDArray[np.float64], fraction: NDArray[np.float64]) -> Time:
    """Return times from days from noon and fractions of at most half a day, shape (n,), without copying them."""
    made: Time = _first_days(min(len(day), 1)).replicate()
    # The constructor would split and add them again.
    made._time.jd1, made._time.jd2 = day, fraction
    return made


@lru_cache(maxsize=2)
def _first_days(count: int) -> Time:
    first = np.zeros(count, np.int64)
    return time_of(first, first, None)
