"""Conversion between times and ``datetime64``, which cannot represent leap seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.time import Time
from numpy.typing import ArrayLike, NDArray

from sunpy_helio_plugins.arguments import MASK, TIMES, Kind, taking
from sunpy_helio_plugins.errors import InexactTimeWarning, warn
from sunpy_helio_plugins.quantities.days import split_time, time_of
from sunpy_helio_plugins.quantities.leap import DAY, SECOND, Ints

__all__ = ["from_datetime64", "from_days", "to_datetime64"]


def _datetimes(given: Any) -> Any:
    if np.asarray(given).dtype.kind != "M":
        raise TypeError
    return given


_STAMPS = Kind("an array of datetime64", _datetimes)

_SQUEEZED = 1000
"""The factor by which a leap second is compressed, into the last millisecond of its day."""


@taking("quantities.to_datetime64", time=TIMES)
def to_datetime64(time: Time) -> NDArray[np.datetime64]:
    """
    Return times of any scale as ``datetime64`` of UTC.

    This type cannot represent leap seconds. A time within a leap second keeps its row and its order: the second is
    compressed into the last millisecond of its day, so that 23:59:60.5 becomes 23:59:59.999500. Times outside leap
    seconds keep their value, unless two different times of such a day would become equal or change their order: then
    the earlier ones are moved back by as few nanoseconds as necessary.

    Parameters
    ----------
    time : astropy.time.Time
        The times, of any shape and scale.

    Returns
    -------
    numpy.ndarray of datetime64
        In nanoseconds, or in microseconds if a year is outside 1678 to 2261, the range of nanoseconds. Masked times
        are ``NaT``.

    Warns
    -----
    InexactTimeWarning
        Times are within a leap second, or are truncated to microseconds.

    Examples
    --------
    >>> from astropy.time import Time
    >>> from sunpy_helio_plugins import quantities
    >>> print(quantities.to_datetime64(Time("2026-01-10 12:00", scale="tt")))
    2026-01-10T11:58:50.816000000
    """
    missing = np.broadcast_to(np.asarray(time.mask, dtype=bool), time.shape)
    known = time.filled(Time(0, format="unix", scale=time.scale)) if time.masked else time
    return from_days(*split_time(known), missing if missing.any() else None, warn=True)


def from_days(
    days: Ints, nanos: Ints, missing: NDArray[np.bool_] | None, *, warn: bool = False
) -> NDArray[np.datetime64]:
    """Return days and the nanoseconds in them as ``datetime64``; see `to_datetime64`."""
    is_far = bool(days.size) and bool(days.min() < -106751 or days.max() > 106750)
    step, unit = (1000, "us") if is_far else (1, "ns")
    leap = np.asarray(nanos >= DAY)
    within = np.where(leap, DAY - SECOND // _SQUEEZED + (nanos - DAY) // _SQUEEZED, nanos) if leap.any() else nanos
    stamps = np.asarray(days * (DAY // step) + within // step)
    if leap.any():
        stamps = _apart(stamps, days, nanos, np.isin(days, days[leap]))
    if warn:
        _warn_inexact(leap, is_far and bool((nanos % 1000 != 0).any()))
    made = np.asarray(stamps, dtype=np.int64).view(f"M8[{unit}]")
    if missing is not None:
        made[missing] = np.datetime64("NaT", "ns")
    return made


def _apart(stamps: Ints, days: Ints, nanos: Ints, where: NDArray[np.bool_]) -> Ints:
    """Keep different times different on days with leap seconds: move the earlier one back by as little as needed."""
    rows = np.flatnonzero(where.ravel())
    rows = rows[np.lexsort((nanos.ravel()[rows], days.ravel()[rows]))]
    day, nano = days.ravel()[rows], nanos.ravel()[rows]
    is_new = np.append(True, (np.diff(day) != 0) | (np.diff(nano) != 0))
    place = np.cumsum(is_new) - 1
    wanted = stamps.ravel()[rows][is_new]
    count = np.arange(len(wanted))
    kept = np.minimum.accumulate((wanted - count)[::-1])[::-1] + count
    made = stamps.copy()
    made.reshape(-1)[rows] = kept[place]
    return made


def _warn_inexact(leap: NDArray[np.bool_], is_cut: bool) -> None:
    if leap.any():
        warn(
            f"{int(leap.sum())} times are within a leap second, which datetime64 cannot hold; they keep their order "
            "in the last millisecond before midnight UTC.",
            InexactTimeWarning,
        )
    if is_cut:
        warn(
            "The times include years outside 1678 to 2261, the range of datetime64 in nanoseconds; "
            "all of them are truncated to microseconds.",
            InexactTimeWarning,
        )


@taking("quantities.from_datetime64", values=_STAMPS, mask=MASK)
def from_datetime64(values: NDArray[np.datetime64], mask: ArrayLike | None = None) -> Time:
    """
    Return ``datetime64`` of UTC as times.

    Parameters
    ----------
    values : numpy.ndarray of datetime64
        The times; ``NaT`` is masked.
    mask : array_like of bool, optional
        The elements that are missing.

    Returns
    -------
    astropy.time.Time
        The times in UTC.

    Examples
    --------
    >>> import numpy as np
    >>> from sunpy_helio_plugins import quantities
    >>> print(quantities.from_datetime64(np.array(["2026-01-10T12:00"], "datetime64[ns]")).isot[0])
    2026-01-10T12:00:00.000000000
    """
    missing = np.isnat(values) | (False if mask is None else np.asarray(mask, dtype=bool))
    filled = np.where(missing, np.datetime64(0, "D"), values) if missing.any() else values
    days = filled.astype("M8[D]")
    nanos = (filled - days).astype("m8[ns]").astype(np.int64)
    return time_of(days.astype(np.int64), nanos, missing if missing.any() else None)
