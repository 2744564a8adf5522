"""
Time stamps of archives as exact times.

An instant is kept as two integers on its way: the UTC day, counted from 1970, and the nanosecond in it, which runs to
86,401 s on a day that ends with a leap second. Only the last step makes floats of them, so that nothing is rounded
before it must be.

Forms of text are those of HAPI (https://github.com/hapi-server/data-specification, section "Representation of Time"):
ISO 8601 dates of year-month-day or year-day, truncated anywhere, up to nine fraction digits, with or without a trailing
``Z``, hour 24 and second 60 included.
"""

from __future__ import annotations

import warnings
from typing import Any

import erfa
import numpy as np
from astropy.time import Time
from numpy.typing import ArrayLike, NDArray

from sunpy_helio_plugins.quantities.iso import split
from sunpy_helio_plugins.quantities.leap import DAY, J2000, JD_1970, SECOND, Ints, leaps_in_tt2000, quasi_lengths

__all__ = [
    "datetime64_from_iso",
    "datetime64_from_tt2000",
    "from_cdf_epoch",
    "from_cdf_epoch16",
    "from_iso",
    "from_tt2000",
    "iso",
]

_MILLISECONDS = 86_400_000.0
_FAR = 20_000
_LAST = np.iinfo(np.int64).max - (J2000 + 1) * DAY
"""The last epoch, in the year 2262, to which the days since 1970 can be added without an overflow; they end in 2292."""

_YEAR_0 = 719_528
"""Days from 0000-01-01, where CDF epochs begin, to 1970-01-01."""


def from_iso(values: ArrayLike, mask: ArrayLike | None = None) -> Time:
    """
    Return stamps in ISO 8601 as times.

    Parameters
    ----------
    values : array_like of bytes or str
        The stamps, of any shape; forms may differ.
    mask : array_like of bool, optional
        Which of them are missing; they need not be valid and are masked in the result.

    Returns
    -------
    astropy.time.Time
        Scale UTC, exact to less than a nanosecond, of the shape of ``values``.

    Raises
    ------
    ValueError
        A stamp is no time: the message holds the first such.

    Examples
    --------
    >>> from_iso([b"2016-12-31T23:59:60.5Z", b"2017-001Z"]).isot.tolist()
    ['2016-12-31T23:59:60.500', '2017-01-01T00:00:00.000']
    """
    stamps, missing = _prepared(values, mask)
    return _time(*split(stamps), missing)


def datetime64_from_iso(values: ArrayLike, mask: ArrayLike | None = None) -> NDArray[np.datetime64]:
    """
    Return stamps in ISO 8601 as ``datetime64``.

    Parameters
    ----------
    values, mask
        As for `from_iso`.

    Returns
    -------
    numpy.ndarray of datetime64
        In nanoseconds, or in microseconds where a year lies outside 1678 to 2261, beyond their reach. A leap
        second, which this type does not know, becomes the last instant before midnight. Missing stamps are ``NaT``.
    """
    stamps, missing = _prepared(values, mask)
    return _datetime64(*split(stamps), missing)


def from_tt2000(values: ArrayLike, mask: ArrayLike | None = None) -> Time:
    """
    Return TT2000 epochs as times.

    Parameters
    ----------
    values : array_like of int
        Nanoseconds of terrestrial time since 2000-01-01T12:00:00 TT, leap seconds counted (CDF User's Guide, "TT2000").
    mask : array_like of bool, optional
        Which of them are missing.

    Returns
    -------
    astropy.time.Time
        Scale UTC, exact to less than a nanosecond.
    """
    epochs, missing = _epochs(values, mask)
    return _time(*_split_tt2000(epochs), missing)


def datetime64_from_tt2000(values: ArrayLike, mask: ArrayLike | None = None) -> NDArray[np.datetime64]:
    """
    Return TT2000 epochs as ``datetime64`` of UTC.

    Parameters
    ----------
    values, mask
        As for `from_tt2000`.

    Returns
    -------
    numpy.ndarray of datetime64
        As `datetime64_from_iso` gives them.
    """
    epochs, missing = _epochs(values, mask)
    return _datetime64(*_split_tt2000(epochs), missing)


def from_cdf_epoch(values: ArrayLike, mask: ArrayLike | None = None) -> Time:
    """
    Return epochs of the type CDF_EPOCH as times.

    Parameters
    ----------
    values : array_like of float
        Milliseconds since 0000-01-01, leap seconds not counted (CDF User's Guide, "CDF_EPOCH").
    mask : array_like of bool, optional
        Which of them are missing.

    Returns
    -------
    astropy.time.Time
        Scale UTC, exact to a nanosecond of what the number holds; its own steps are some microseconds.
    """
    epochs, missing = _known(np.asarray(values, dtype=np.float64), mask)
    days = np.floor(epochs / _MILLISECONDS)
    # Both terms are multiples of the number's own step: the difference is exact.
    nanos = np.rint((epochs - days * _MILLISECONDS) * 1e6)
    return _time(days.astype(np.int64) - _YEAR_0, nanos.astype(np.int64), missing)


def from_cdf_epoch16(values: ArrayLike, mask: ArrayLike | None = None) -> Time:
    """
    Return epochs of the type CDF_EPOCH16 as times.

    Parameters
    ----------
    values : array_like
        Seconds since 0000-01-01, leap seconds not counted, and picoseconds within the second: complex numbers, or pairs
        along the last axis (CDF User's Guide, "CDF_EPOCH16").
    mask : array_like of bool, optional
        Which of them are missing.

    Returns
    -------
    astropy.time.Time
        Scale UTC, exact to a nanosecond.
    """
    given = np.asarray(values)
    pairs = given if given.dtype.kind == "c" else given[..., 0] + 1j * given[..., 1]
    epochs, missing = _known(pairs, mask)
    days, seconds = np.divmod(epochs.real.astype(np.int64), 86_400)
    nanos = seconds * SECOND + np.rint(epochs.imag / 1e3).astype(np.int64)
    return _time(days - _YEAR_0, nanos, missing)


def iso(time: Time, precision: int = 3) -> str:
    """
    Return one time in UTC as archives want it in a request.

    Parameters
    ----------
    time : astropy.time.Time
        A single time of any scale.
    precision : int, optional
        Digits after the point, from 0 to 9.

    Returns
    -------
    str
        Such as ``"2026-01-10T00:00:00.000Z"``.
    """
    stamp = time.utc.copy(format="isot")
    stamp.precision = precision
    return f"{stamp.value}Z"


def _prepared(values: ArrayLike, mask: ArrayLike | None) -> tuple[NDArray[np.bytes_], NDArray[np.bool_] | None]:
    stamps = np.asarray(values)
    if stamps.dtype.kind != "S":
        stamps = np.char.encode(stamps.astype(str), "ascii")
    if mask is None or not np.any(mask):
        return stamps, None
    missing = np.broadcast_to(np.asarray(mask, dtype=bool), stamps.shape)
    return np.where(missing, b"2000-01-01", stamps), missing


def _epochs(values: ArrayLike, mask: ArrayLike | None) -> tuple[Ints, NDArray[np.bool_] | None]:
    return _known(np.asarray(values, dtype=np.int64), mask)


def _known(epochs: NDArray[Any], mask: ArrayLike | None) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Put a harmless instant in the place of missing ones."""
    if mask is None or not np.any(mask):
        return epochs, None
    missing = np.broadcast_to(np.asarray(mask, dtype=bool), epochs.shape)
    return np.where(missing, epochs.dtype.type(0 if epochs.dtype.kind == "i" else 6.3e13), epochs), missing


def _split_tt2000(epochs: Ints) -> tuple[Ints, Ints]:
    starts, offsets = leaps_in_tt2000()
    if epochs.size and epochs.min() < starts[0]:
        return _split_early(epochs)
    entry = np.searchsorted(starts, epochs, side="right") - 1
    far = 0
    if epochs.size and epochs.max() > _LAST:
        epochs, starts, far = epochs - _FAR * DAY, starts - _FAR * DAY, _FAR
    days, nanos = np.divmod(epochs - offsets[entry] + J2000 * DAY + DAY // 2, DAY)
    days += far
    # The second before an entry of the table begins is the leap second: it belongs to the day that ends with it.
    following = np.minimum(entry + 1, len(starts) - 1)
    leap = (starts[following] > epochs) & (epochs >= starts[following] - SECOND)
    return days - leap, nanos + leap * DAY


def _split_early(epochs: Ints) -> tuple[Ints, Ints]:
    """Split epochs before 1972, when UTC had no whole leap seconds: astropy knows its rates."""
    days, nanos = np.divmod(epochs, DAY)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*dubious year", category=erfa.ErfaWarning)
        utc = Time(2451545.0 + days, nanos / DAY, format="jd", scale="tt").utc
    whole = np.floor(utc.jd1 - JD_1970 + utc.jd2)
    fraction = (utc.jd1 - JD_1970 - whole) + utc.jd2
    return whole.astype(np.int64), np.rint(fraction * DAY).astype(np.int64)


def _time(days: Ints, nanos: Ints, missing: NDArray[np.bool_] | None) -> Time:
    """Make times; astropy counts UTC in quasi-Julian days, whose unit is the day's own length (ERFA, dtf2d)."""
    with warnings.catch_warnings():
        # A year beyond the next few has no announced leap seconds: nothing that a reader could change.
        warnings.filterwarnings("ignore", message=".*dubious year", category=erfa.ErfaWarning)
        lengths = quasi_lengths(days)
        made = Time(np.asarray(JD_1970 + days), np.asarray(nanos / lengths), format="jd", scale="utc")
    made.format = "isot"
    if missing is not None:
        made[missing] = np.ma.masked
    return made


def _datetime64(days: Ints, nanos: Ints, missing: NDArray[np.bool_] | None) -> NDArray[np.datetime64]:
    within = np.minimum(nanos, DAY - 1)
    if days.size and (days.min() < -106751 or days.max() > 106750):
        made = (days * (DAY // 1000) + within // 1000).view("M8[us]")
    else:
        made = (days * DAY + within).view("M8[ns]")
    if missing is not None:
        made[missing] = np.datetime64("NaT", "ns")
    return made
