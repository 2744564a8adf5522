"""
Time stamps of archives as exact times.

An instant is kept as two integers on its way: the UTC day, counted from 1970, and the nanosecond in it, which runs to
86,401 s on a day that ends with a leap second. Only the last step makes floats of them, so that nothing is rounded
before it must be.

Forms of text are those of HAPI (https://github.com/hapi-server/data-specification, section "Representation of Time"):
ISO 8601 dates of year-month-day or year-day, truncated anywhere, up to nine fraction digits, with or without a trailing
``Z``, hour 24 and second 60 included.

Times are in UTC and print nine digits, so that text keeps their nanoseconds. ``datetime64`` cannot hold a leap second:
`to_datetime64` has the one rule for what becomes of it there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.time import Time
from numpy.typing import ArrayLike, NDArray

from sunpy_helio_plugins.quantities.datetimes import from_datetime64, from_days, to_datetime64
from sunpy_helio_plugins.quantities.days import PRECISION, finite, known, split_tt2000, time_of
from sunpy_helio_plugins.quantities.iso8601 import split
from sunpy_helio_plugins.quantities.leap import SECOND
from sunpy_helio_plugins.quantities.record_time import RecordTime, with_mask

__all__ = [
    "PRECISION",
    "as_column",
    "datetime64_from_iso",
    "datetime64_from_tt2000",
    "from_cdf_epoch",
    "from_cdf_epoch16",
    "from_datetime64",
    "from_iso",
    "from_tt2000",
    "from_unix",
    "iso",
    "to_datetime64",
    "without_leap_seconds",
]

_MILLISECONDS = 86_400_000.0
_YEAR = 86_400_000.0 * 366
_LAST_EPOCH = 86_400_000.0 * 3_652_425
"""The years 1 to 9999 in milliseconds from the year 0: what lies outside is fill, or not a time at all."""

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
    ['2016-12-31T23:59:60.500000000', '2017-01-01T00:00:00.000000000']
    """
    stamps, missing = _prepared(values, mask)
    return time_of(*split(stamps), missing)


def datetime64_from_iso(
    values: ArrayLike, mask: ArrayLike | None = None, *, warn: bool = False
) -> NDArray[np.datetime64]:
    """
    Return stamps in ISO 8601 as ``datetime64``.

    Parameters
    ----------
    values, mask
        As for `from_iso`.
    warn : bool, optional
        Whether to warn where ``datetime64`` cannot hold a time exactly, as `to_datetime64` does.

    Returns
    -------
    numpy.ndarray of datetime64
        As `to_datetime64` gives them. Missing stamps are ``NaT``.
    """
    stamps, missing = _prepared(values, mask)
    return from_days(*split(stamps), missing, warn=warn)


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
    epochs, missing = known(np.asarray(values, dtype=np.int64), mask)
    return time_of(*split_tt2000(epochs), missing)


def datetime64_from_tt2000(
    values: ArrayLike, mask: ArrayLike | None = None, *, warn: bool = False
) -> NDArray[np.datetime64]:
    """
    Return TT2000 epochs as ``datetime64`` of UTC.

    Parameters
    ----------
    values, mask
        As for `from_tt2000`.
    warn : bool, optional
        Whether to warn where ``datetime64`` cannot hold a time exactly, as `to_datetime64` does.

    Returns
    -------
    numpy.ndarray of datetime64
        As `to_datetime64` gives them.
    """
    epochs, missing = known(np.asarray(values, dtype=np.int64), mask)
    return from_days(*split_tt2000(epochs), missing, warn=warn)


def without_leap_seconds(time: Any) -> Any:
    """
    Return times, or a table, without leap seconds, for what cannot hold them.

    ``Time.datetime``, ``Time.datetime64`` and ``Table.to_pandas`` of astropy's own times raise an error for 23:59:60;
    after this they keep every row, by the rule of `to_datetime64`. Columns of this package keep them by themselves.

    Parameters
    ----------
    time : astropy.time.Time or astropy.table.Table
        What holds the times. It is not changed.

    Returns
    -------
    astropy.time.Time or astropy.table.Table
        A copy in which times are UTC, and those within a leap second are moved.

    Warns
    -----
    InexactTimeWarning
        Times were moved.
    """
    if isinstance(time, Time):
        moved = from_datetime64(to_datetime64(time), time.mask)
        return as_column(moved, time.info.description, may_be_missing=time.masked)
    made = time.copy()
    for name in made.colnames:
        if isinstance(made[name], Time):
            info = made[name].info
            column = without_leap_seconds(made[name])
            column.format, column.info.meta = made[name].format, info.meta
            made.replace_column(name, column)
    return made


def from_unix(values: ArrayLike, mask: ArrayLike | None = None, day: int = 0, seconds: float = 1.0) -> Time:
    """
    Return counts of seconds without leap seconds, as Unix counts them, as times.

    Parameters
    ----------
    values : array_like of number
        The counts.
    mask : array_like of bool, optional
        Which of them are missing; those that are not finite are missing too.
    day : int, optional
        The UTC day from whose beginning is counted, in days from 1970.
    seconds : float, optional
        How many seconds a count is.

    Returns
    -------
    astropy.time.Time
        Scale UTC, exact to a nanosecond of what the number holds.
    """
    counts = np.asarray(values)
    if counts.dtype.kind in "iu":
        per_day = round(86_400 / seconds)
        epochs, missing = known(counts.astype(np.int64), mask)
        days, rest = np.divmod(epochs, per_day)
        return time_of(days + day, rest * round(seconds * SECOND), missing)
    epochs, missing = finite(counts.astype(np.float64) * seconds, mask, -6e10, 2.5e11)
    days = np.floor(epochs / 86_400)
    nanos = np.rint((epochs - days * 86_400) * SECOND)
    return time_of(days.astype(np.int64) + day, nanos.astype(np.int64), missing)


def as_column(time: Time, text: str | None = None, *, may_be_missing: bool = False) -> RecordTime:
    """
    Return times as a column of a table: described with their scale, and written to the nanosecond.

    Parameters
    ----------
    time : astropy.time.Time
        The times, whose memory the column shares.
    text : str, optional
        What they are.
    may_be_missing : bool, optional
        Whether times can be missing; the column then has a mask whether or not one is.

    Returns
    -------
    RecordTime
        An `~astropy.time.Time` whose ``datetime64``, ``datetime`` and ``to_pandas`` keep times within leap seconds.
    """
    made = RecordTime(with_mask(time) if may_be_missing else time, copy=False)
    made.precision = PRECISION
    scale = made.scale.upper()
    said = (text or "").strip().rstrip(".")
    made.info.description = said if f"({scale})" in said or said == scale else f"{said} ({scale})" if said else scale
    return made


def from_cdf_epoch(values: ArrayLike, mask: ArrayLike | None = None) -> Time:
    """
    Return epochs of the type CDF_EPOCH as times.

    Parameters
    ----------
    values : array_like of float
        Milliseconds since 0000-01-01, leap seconds not counted (CDF User's Guide, "CDF_EPOCH").
    mask : array_like of bool, optional
        Which of them are missing. What is not finite, or outside the years 1 to 9999, is missing too.

    Returns
    -------
    astropy.time.Time
        Scale UTC, exact to a nanosecond of what the number holds; its own steps are some microseconds.
    """
    epochs, missing = finite(np.asarray(values, dtype=np.float64), mask, _YEAR, _LAST_EPOCH, 6.3e13)
    days = np.floor(epochs / _MILLISECONDS)
    # Both terms are multiples of the number's own step: the difference is exact.
    nanos = np.rint((epochs - days * _MILLISECONDS) * 1e6)
    return time_of(days.astype(np.int64) - _YEAR_0, nanos.astype(np.int64), missing)


def from_cdf_epoch16(values: ArrayLike, mask: ArrayLike | None = None) -> Time:
    """
    Return epochs of the type CDF_EPOCH16 as times.

    Parameters
    ----------
    values : array_like
        Seconds since 0000-01-01, leap seconds not counted, and picoseconds within the second: complex numbers, or pairs
        along the last axis (CDF User's Guide, "CDF_EPOCH16").
    mask : array_like of bool, optional
        Which of them are missing. What is not finite, or outside the years 1 to 9999, is missing too.

    Returns
    -------
    astropy.time.Time
        Scale UTC, exact to a nanosecond.
    """
    given = np.asarray(values)
    pairs = given if given.dtype.kind == "c" else given[..., 0] + 1j * given[..., 1]
    epochs, missing = finite(pairs, mask, _YEAR / 1000, _LAST_EPOCH / 1000, 6.3e10)
    days, seconds = np.divmod(epochs.real.astype(np.int64), 86_400)
    nanos = seconds * SECOND + np.rint(epochs.imag / 1e3).astype(np.int64)
    return time_of(days - _YEAR_0, nanos, missing)


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
