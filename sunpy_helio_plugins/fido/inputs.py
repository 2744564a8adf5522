"""Check and convert the arguments of public functions: rows of searches, paths, times and attrs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any, TypeVar

import astropy.units as u
import numpy as np
from astropy.table import Row, Table
from astropy.time import Time
from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import is_several, one_path, paths, records, refused
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.table import ArchiveTable
from sunpy_helio_plugins.quantities import silence, times
from sunpy_helio_plugins.quantities.datetimes import to_datetime64

__all__ = [
    "attrs",
    "duration",
    "instant",
    "instants",
    "one_path",
    "one_row",
    "paths",
    "records",
    "refused",
    "rows",
    "span",
    "tables",
]

TableType = TypeVar("TableType", bound=ArchiveTable)


def tables(
    function: str, given: Any, kind: type[TableType], allowed: str, needed: Sequence[str] | None = None
) -> list[TableType]:
    """
    Return the tables of one archive in the result of a search; raise `QueryError` for other objects or missing columns.

    ``given`` is a response, a table, a row, or an iterable of these; ``allowed`` describes the argument in the message,
    and ``needed`` are the columns that each table must have, by default those that the class of the table names.
    """
    return list(_tables(function, given, kind, allowed, needed))


def _tables(
    function: str, given: Any, kind: type[TableType], allowed: str, needed: Sequence[str] | None
) -> Iterator[TableType]:
    if isinstance(given, Row):
        yield from _tables(function, given.table[given.index : given.index + 1], kind, allowed, needed)
    elif isinstance(given, Table):
        if not isinstance(given, kind):
            raise refused(function, given, allowed)
        lacking = [name for name in (given.needed if needed is None else needed) if name not in given.colnames]
        if lacking:
            raise QueryError(
                f"{function} needs the columns {', '.join(lacking)}, which are missing from this table: give the table "
                "as returned by a search."
            )
        yield given
    elif is_several(given) and not isinstance(given, str | bytes | dict | Attr):
        for part in given:
            yield from _tables(function, part, kind, allowed, needed)
    else:
        raise refused(function, given, allowed)


def rows(function: str, given: Any, kind: type[ArchiveTable], allowed: str) -> list[Row]:
    """Return the rows in the result of a search; see `tables`."""
    return [row for table in tables(function, given, kind, allowed) for row in table]


def one_row(function: str, given: Any, columns: Sequence[str] = (), what: str = "row of a search") -> Row:
    """Return one row; a table with one row is also accepted."""
    allowed = f"one {what}, such as table[0]"
    if isinstance(given, ArchiveTable) and len(given) == 1:
        given = given[0]
    if not isinstance(given, Row):
        raise refused(function, given, allowed)
    if not set(columns) <= set(given.colnames):
        raise refused(function, given, f"{allowed}, with the columns {', '.join(columns)}")
    return given


def instant(function: str, given: Any) -> Time:
    """
    Return one time, which is in UTC unless it states another scale or zone; raise `QueryError` for other objects.

    Times outside the years 1 to 9999 are refused, since neither ISO 8601 nor the leap seconds of ERFA include them all.
    """
    from sunpy.time import parse_time

    error = refused(function, given, "one time, such as '2026-01-10 12:00' in ISO 8601, a datetime or a Time")
    if not isinstance(given, str | date | Time | np.datetime64) and not hasattr(given, "to_pydatetime"):
        raise error
    try:
        with silence.far_years():
            time = parse_time(given)
    except (TypeError, ValueError, OverflowError):
        raise error from None
    if not time.isscalar or np.any(time.mask) or not np.isfinite(time.jd):
        raise error
    try:
        times.iso(time)
    except QueryError:
        raise QueryError(f"{function} takes times of the years 1 to 9999, not the Julian date {time.jd}.") from None
    return time


def instants(function: str, given: Any) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    """
    Return times as datetime64[us], with ``NaT`` for masked ones; raise `QueryError` for other objects.

    ``given`` is one time, or a list, an array, a column or an ``astropy.time.Time`` of times.
    """
    from sunpy.time import parse_time

    is_time = isinstance(given, Time) or hasattr(given, "to_pydatetime")
    if not is_time and (isinstance(given, str | date) or not is_several(given)):
        return _instants_of(instant(function, given))
    if not is_time and isinstance(given, bytes | dict | Table | Row | set):
        raise refused(function, given, "times in ISO 8601, datetimes or a Time")
    if not is_time and not isinstance(given, np.ndarray):
        given = list(given)
        if not given:
            return np.empty(0, "M8[us]")
        if not all(isinstance(one, str) for one in given):
            return np.concatenate([_instants_of(instant(function, one)) for one in given])
    try:
        return _instants_of(parse_time(given))
    except (TypeError, ValueError, OverflowError):
        raise refused(function, given, "times in ISO 8601, datetimes or a Time") from None


def _instants_of(time: Time) -> np.ndarray[Any, np.dtype[np.datetime64]]:
    return np.atleast_1d(to_datetime64(time)).ravel().astype("M8[us]")


def span(function: str, given: Any, *, empty: bool = True) -> a.Time:
    """
    Return a range of time, from an ``a.Time``, a `~sunpy.time.TimeRange` or a pair of times.

    A range that ends before it starts, or at its start without ``empty``, is a `QueryError`.
    """
    allowed = "a range of time, such as a.Time('2026-01-10', '2026-01-11')"
    if isinstance(given, a.Time) or (hasattr(given, "start") and hasattr(given, "end") and not isinstance(given, type)):
        start, end = given.start, given.end
    elif isinstance(given, tuple | list) and len(given) == 2:
        start, end = given
    else:
        raise refused(function, given, allowed)
    first, last = instant(function, start), instant(function, end)
    with silence.far_years():
        if first > last or (not empty and first == last):
            raise QueryError(
                f"{function} takes {allowed}; this one starts at {first.isot} and ends at {last.isot}: give a later "
                "end."
            )
        return given if isinstance(given, a.Time) else a.Time(first, last)


def duration(function: str, name: str, given: Any) -> float:
    """Return an argument in seconds: a number of seconds, a Quantity of time or a timedelta, at least 0 and finite."""
    error = refused(function, given, f"for {name} a number of seconds or a Quantity of time, at least 0")
    if isinstance(given, bool | np.bool_ | str):
        raise error
    try:
        found = given.total_seconds() if isinstance(given, timedelta) else float(u.Quantity(given, u.s).value)
    except (TypeError, ValueError, u.UnitsError):
        raise error from None
    if not 0 <= found < float("inf"):
        raise error
    return found


def attrs(function: str, given: Any) -> list[Attr]:
    """Return the attrs of a query, from one attr or an iterable; other objects or an empty query are a `QueryError`."""
    given = [given] if isinstance(given, Attr) else given
    allowed = "attrs, such as a.Time(...), a.Instrument(...)"
    if not is_several(given) or isinstance(given, str | bytes | Table | Row):
        raise refused(function, given, allowed)
    found = list(given)
    for one in found or [given]:
        if not isinstance(one, Attr):
            raise refused(function, one, allowed)
    return found
