"""
Exact conversion of the time stamps of archives to times.

A time is converted to two integers: the UTC day, counted from 1970, and the nanosecond in it, which is up to 86,401 s
on a day with a leap second. Only the last step converts these to floats, so that there are no rounding errors before.

The formats of text are those of HAPI (https://github.com/hapi-server/data-specification, section "Representation of
Time"): ISO 8601 dates of year-month-day or year-day, truncated anywhere, with up to nine fraction digits, with or
without a trailing ``Z``, including hour 24 and second 60.

Times are in UTC and are printed with nine fraction digits, so that text keeps their nanoseconds. ``datetime64`` cannot
represent leap seconds; `to_datetime64` describes their conversion.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.time import Time
from erfa import ErfaError
from numpy.typing import ArrayLike, NDArray

from sunpy_helio_plugins.arguments import (
    ANY_TEXT,
    ARRAY,
    FLAG,
    INTEGERS,
    MASK,
    STAMPS,
    TABLE,
    TIMES,
    Kind,
    integer,
    number,
    optional,
    taking,
    unchecked,
)
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities import silence
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
    "range_text",
    "to_datetime64",
    "without_leap_seconds",
]

_MILLISECONDS = 86_400_000.0
_YEAR = 86_400_000.0 * 366
_TIMES_OR_TABLE = Kind(
    "an astropy.time.Time or a table", lambda given: given if isinstance(given, Time) else TABLE.of(given)
)


def _pairs(given: Any) -> Any:
    if np.iscomplexobj(given):
        return given
    array = np.asarray(ARRAY.of(given))
    if array.ndim == 0 or array.shape[-1] != 2:
        raise ValueError
    return given


_PAIRS = Kind("an array of pairs of numbers", _pairs)
_UNIT = number(1e-9, 86_400.0, "a number of seconds from 1e-9 to 86400")
_LAST_EPOCH = 86_400_000.0 * 3_652_425
"""The years 1 to 9999 in milliseconds from the year 0; values outside are fill or not times."""

_YEAR_0 = 719_528
"""The number of days from 0000-01-01, the epoch of CDF, to 1970-01-01."""


@taking("quantities.from_iso", values=STAMPS, mask=MASK)
def from_iso(values: ArrayLike, mask: ArrayLike | None = None) -> Time:
    """
    Return ISO 8601 time stamps as times.

    Parameters
    ----------
    values : array_like of bytes or str
        The time stamps, of any shape; their formats may differ.
    mask : array_like of bool, optional
        The elements that are missing. They need not be valid and are masked in the result.

    Returns
    -------
    astropy.time.Time
        The times in UTC, of the shape of ``values``, with an error of less than a nanosecond.

    Raises
    ------
    ValueError
        A time stamp is not valid; the message contains the first one.

    Examples
    --------
    >>> from_iso([b"2016-12-31T23:59:60.5Z", b"2017-001Z"]).isot.tolist()
    ['2016-12-31T23:59:60.500000000', '2017-01-01T00:00:00.000000000']
    """
    stamps, missing = _prepared(values, mask)
    return time_of(*split(stamps), missing)


@taking("quantities.datetime64_from_iso", values=STAMPS, mask=MASK, warn=FLAG)
def datetime64_from_iso(
    values: ArrayLike, mask: ArrayLike | None = None, *, warn: bool = False
) -> NDArray[np.datetime64]:
    """
    Return ISO 8601 time stamps as ``datetime64``.

    Parameters
    ----------
    values, mask
        See `from_iso`.
    warn : bool, optional
        Whether to warn if ``datetime64`` cannot represent a time exactly, as `to_datetime64` does.

    Returns
    -------
    numpy.ndarray of datetime64
        The times in UTC, see `to_datetime64`. Missing time stamps are ``NaT``.

    Examples
    --------
    >>> from sunpy_helio_plugins import quantities
    >>> quantities.datetime64_from_iso(["2026-01-10T00:00:00.5Z", "2026-011Z"])
    array(['2026-01-10T00:00:00.500000000', '2026-01-11T00:00:00.000000000'],
          dtype='datetime64[ns]')
    """
    stamps, missing = _prepared(values, mask)
    return from_days(*split(stamps), missing, warn=warn)


@taking("quantities.from_tt2000", values=INTEGERS, mask=MASK)
def from_tt2000(values: ArrayLike, mask: ArrayLike | None = None) -> Time:
    """
    Return TT2000 epochs as times.

    Parameters
    ----------
    values : array_like of int
        Nanoseconds of terrestrial time since 2000-01-01T12:00:00 TT, including leap seconds (CDF User's Guide,
        "TT2000").
    mask : array_like of bool, optional
        The elements that are missing.

    Returns
    -------
    astropy.time.Time
        The times in UTC, with an error of less than a nanosecond.

    Examples
    --------
    >>> from sunpy_helio_plugins import quantities
    >>> print(quantities.from_tt2000([821275269184000000]).isot[0])
    2026-01-10T00:00:00.000000000
    """
    epochs, missing = known(np.asarray(values, dtype=np.int64), mask)
    return time_of(*split_tt2000(epochs), missing)


@taking("quantities.datetime64_from_tt2000", values=INTEGERS, mask=MASK, warn=FLAG)
def datetime64_from_tt2000(
    values: ArrayLike, mask: ArrayLike | None = None, *, warn: bool = False
) -> NDArray[np.datetime64]:
    """
    Return TT2000 epochs as ``datetime64`` of UTC.

    Parameters
    ----------
    values, mask
        See `from_tt2000`.
    warn : bool, optional
        Whether to warn if ``datetime64`` cannot represent a time exactly, as `to_datetime64` does.

    Returns
    -------
    numpy.ndarray of datetime64
        The times in UTC, see `to_datetime64`. Missing epochs are ``NaT``.

    Examples
    --------
    >>> from sunpy_helio_plugins import quantities
    >>> quantities.datetime64_from_tt2000([821275269184000000])
    array(['2026-01-10T00:00:00.000000000'], dtype='datetime64[ns]')
    """
    epochs, missing = known(np.asarray(values, dtype=np.int64), mask)
    return from_days(*split_tt2000(epochs), missing, warn=warn)


@taking("quantities.without_leap_seconds", time=_TIMES_OR_TABLE)
def without_leap_seconds(time: Any) -> Any:
    """
    Return times, or a table, in which leap seconds are replaced by times that other types can represent.

    ``Time.datetime``, ``Time.datetime64`` and ``Table.to_pandas`` raise an error for 23:59:60 in astropy. With the
    times that this function returns, they keep every row; the times are moved as described in `to_datetime64`. The
    columns of this package do not need it.

    Parameters
    ----------
    time : astropy.time.Time or astropy.table.Table
        The times, or a table with times. It is not changed.

    Returns
    -------
    astropy.time.Time or astropy.table.Table
        A copy in which times are in UTC, and those within a leap second are moved.

    Warns
    -----
    InexactTimeWarning
        Times were moved.

    Examples
    --------
    >>> from astropy.time import Time
    >>> from sunpy_helio_plugins import quantities
    >>> time = quantities.without_leap_seconds(Time("2016-12-31T23:59:60.5"))  # doctest: +IGNORE_WARNINGS
    >>> print(time.datetime64)
    2016-12-31T23:59:59.999500000
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


@taking("quantities.from_unix", values=ARRAY, mask=MASK, day=integer(-(10**6), 10**6), seconds=_UNIT)
def from_unix(values: ArrayLike, mask: ArrayLike | None = None, day: int = 0, seconds: float = 1.0) -> Time:
    """
    Return Unix times, or other counts of seconds without leap seconds, as times.

    Parameters
    ----------
    values : array_like of number
        The counts.
    mask : array_like of bool, optional
        The elements that are missing. Values that are not finite are also missing.
    day : int, optional
        The UTC day at the beginning of which the count is zero, in days from 1970.
    seconds : float, optional
        The unit of the count, in seconds.

    Returns
    -------
    astropy.time.Time
        The times in UTC, exact to a nanosecond or to the precision of the number.

    Examples
    --------
    >>> from sunpy_helio_plugins import quantities
    >>> print(quantities.from_unix([1768003200.25]).isot[0])
    2026-01-10T00:00:00.250000000
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


@taking("quantities.as_column", time=TIMES, text=optional(ANY_TEXT), may_be_missing=FLAG)
def as_column(time: Time, text: str | None = None, *, may_be_missing: bool = False) -> RecordTime:
    """
    Return times as a table column, which is written with nanoseconds and whose description contains its scale.

    Parameters
    ----------
    time : astropy.time.Time
        The times. The column shares their memory.
    text : str, optional
        The description.
    may_be_missing : bool, optional
        Whether times can be missing; the column then has a mask, even if no time is missing.

    Returns
    -------
    RecordTime
        An `~astropy.time.Time` whose ``datetime64``, ``datetime`` and ``to_pandas`` keep times within leap seconds.

    Examples
    --------
    >>> from astropy.time import Time
    >>> from sunpy_helio_plugins import quantities
    >>> print(quantities.as_column(Time(["2026-01-10", "2026-01-11"])))
    ['2026-01-10 00:00:00.000000000' '2026-01-11 00:00:00.000000000']
    """
    made = RecordTime(with_mask(time) if may_be_missing and not time.masked else time, copy=False)
    made.precision = PRECISION
    scale = made.scale.upper()
    said = (text or "").strip().rstrip(".")
    made.info.description = said if f"({scale})" in said or said == scale else f"{said} ({scale})" if said else scale
    return made


@taking("quantities.from_cdf_epoch", values=ARRAY, mask=MASK)
def from_cdf_epoch(values: ArrayLike, mask: ArrayLike | None = None) -> Time:
    """
    Return epochs of the type CDF_EPOCH as times.

    Parameters
    ----------
    values : array_like of float
        Milliseconds since 0000-01-01, without leap seconds (CDF User's Guide, "CDF_EPOCH").
    mask : array_like of bool, optional
        The elements that are missing. Values that are not finite, or outside the years 1 to 9999, are also missing.

    Returns
    -------
    astropy.time.Time
        The times in UTC, exact to a nanosecond relative to the number, whose resolution is some microseconds.

    Examples
    --------
    >>> from sunpy_helio_plugins import quantities
    >>> print(quantities.from_cdf_epoch([63935222400000.0]).isot[0])
    2026-01-10T00:00:00.000000000
    """
    epochs, missing = finite(np.asarray(values, dtype=np.float64), mask, _YEAR, _LAST_EPOCH, 6.3e13)
    days = np.floor(epochs / _MILLISECONDS)
    # Both terms are multiples of the resolution of the number: the difference is exact.
    nanos = np.rint((epochs - days * _MILLISECONDS) * 1e6)
    return time_of(days.astype(np.int64) - _YEAR_0, nanos.astype(np.int64), missing)


@taking("quantities.from_cdf_epoch16", values=_PAIRS, mask=MASK)
def from_cdf_epoch16(values: ArrayLike, mask: ArrayLike | None = None) -> Time:
    """
    Return epochs of the type CDF_EPOCH16 as times.

    Parameters
    ----------
    values : array_like
        Seconds since 0000-01-01, without leap seconds, and picoseconds of the second: complex numbers, or pairs along
        the last axis (CDF User's Guide, "CDF_EPOCH16").
    mask : array_like of bool, optional
        The elements that are missing. Values that are not finite, or outside the years 1 to 9999, are also missing.

    Returns
    -------
    astropy.time.Time
        The times in UTC, exact to a nanosecond.

    Examples
    --------
    >>> from sunpy_helio_plugins import quantities
    >>> print(quantities.from_cdf_epoch16([63935222400.0 + 500_000_000_000j]).isot[0])
    2026-01-10T00:00:00.500000000
    """
    given = np.asarray(values)
    pairs = given if given.dtype.kind == "c" else given[..., 0] + 1j * given[..., 1]
    epochs, missing = finite(pairs, mask, _YEAR / 1000, _LAST_EPOCH / 1000, 6.3e10)
    days, seconds = np.divmod(epochs.real.astype(np.int64), 86_400)
    nanos = seconds * SECOND + np.rint(epochs.imag / 1e3).astype(np.int64)
    return time_of(days - _YEAR_0, nanos, missing)


@taking("quantities.iso", time=TIMES, precision=integer(0, 9))
def iso(time: Time, precision: int = 3) -> str:
    """
    Return a time in UTC as text for a request.

    Parameters
    ----------
    time : astropy.time.Time
        A single time of any scale.
    precision : int, optional
        The number of fraction digits, from 0 to 9.

    Returns
    -------
    str
        The text, such as ``"2026-01-10T00:00:00.000Z"``.

    Raises
    ------
    QueryError
        The year is not between 1 and 9999.

    Examples
    --------
    >>> from astropy.time import Time
    >>> from sunpy_helio_plugins import quantities
    >>> quantities.iso(Time("2026-01-10 12:00:00.25"))
    '2026-01-10T12:00:00.250Z'
    """
    with silence.far_years():
        try:
            stamp = time.utc.copy(format="isot")
            stamp.precision = precision
            year, rest = str(stamp.value).split("-", 1)
        except ErfaError:
            year, rest = "", ""
    if not year.isdigit() or not 1 <= int(year) <= 9999:
        raise QueryError(f"A request takes times of the years 1 to 9999, not the Julian date {time.jd}.")
    return f"{year:0>4}-{rest}Z"


_iso = unchecked(iso)


def range_text(start: Time, end: Time, precision: int = 3) -> tuple[str, str]:
    """Return the ends of a range of time as texts for a request; see `iso`."""
    return _iso(start, precision), _iso(end, precision)


def _prepared(values: ArrayLike, mask: ArrayLike | None) -> tuple[NDArray[np.bytes_], NDArray[np.bool_] | None]:
    stamps = np.asarray(values)
    if stamps.dtype.kind != "S":
        stamps = np.char.encode(stamps.astype(str), "ascii")
    if mask is None or not np.any(mask):
        return stamps, None
    missing = np.broadcast_to(np.asarray(mask, dtype=bool), stamps.shape)
    return np.where(missing, b"2000-01-01", stamps), missing
