"""Check and convert the arguments of public functions: rows of searches, paths, times and attrs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import astropy.units as u
import numpy as np
from astropy.table import QTable, Row, Table
from astropy.time import Time
from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.fido.table import ArchiveTable

__all__ = [
    "attrs",
    "duration",
    "instant",
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

_LONGEST_REPR = 60


def refused(function: str, given: Any, allowed: str) -> QueryError:
    """Return the error for an argument that a function does not take; ``function`` is its name as a user calls it."""
    return QueryError(f"{function} takes {allowed}, not {_shown(given)}.")


def _shown(given: Any) -> str:
    if given is None:
        return "None"
    kind = given.__name__ if isinstance(given, type) else type(given).__name__
    if isinstance(given, type):
        return f"the class {kind}"
    if isinstance(given, Table):
        return f"a {kind} with the columns {', '.join(given.colnames[:5]) or '(none)'}"
    if isinstance(given, Row):
        return f"a row with the columns {', '.join(given.colnames[:5]) or '(none)'}"
    try:
        text = repr(given)
    except Exception:  # noqa: BLE001 - an object of any class
        return kind
    return f"{text if len(text) <= _LONGEST_REPR else text[:_LONGEST_REPR] + '...'} ({kind})"


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
    elif isinstance(given, Iterable) and not isinstance(given, str | bytes | dict | Attr):
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


def records(function: str, given: Any) -> QTable:
    """Return a table of records, whose first column contains times."""
    if not isinstance(given, Table) or not given.colnames or not isinstance(given.columns[0], Time):
        raise refused(function, given, "a table of records, whose first column is an astropy.time.Time")
    return given


def paths(function: str, given: Any, endings: Sequence[str] = ()) -> list[Path]:
    """
    Return the paths of files from one or several paths or ``file:`` URLs.

    A folder is replaced by its files with one of the endings, or refused without ``endings``. Other objects or an empty
    list are a `QueryError`; a folder without such files is a `FileError`.
    """
    found = [path for one in _each_path(function, given) for path in _files_of(function, one, endings)]
    if not found:
        raise QueryError(f"{function} takes at least one path; none was given.")
    return found


def one_path(function: str, given: Any, *, folder: bool = False) -> Path:
    """Return one path, which may be that of a folder only if ``folder`` is true."""
    if isinstance(given, str | os.PathLike) and not isinstance(given, bytes):
        path = _path(function, given)
        if folder or not path.is_dir():
            return path
        raise refused(function, given, "the path of a file and not of a folder")
    raise refused(function, given, "one path: a str, a pathlib.Path, or a file: URL")


def _each_path(function: str, given: Any) -> Iterator[Path]:
    if isinstance(given, str | os.PathLike):
        yield _path(function, given)
    elif isinstance(given, Iterable) and not isinstance(given, bytes | bytearray | dict | Table | Row | Attr):
        for one in given:
            yield from _each_path(function, one)
    else:
        raise refused(function, given, "paths: a str, a pathlib.Path, a file: URL, a folder, or a list of these")


def _path(function: str, given: str | os.PathLike[Any]) -> Path:
    text = os.fspath(given)
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise refused(function, given, "the path of a file")
    if text.lower().startswith("file:"):
        address = urlsplit(text)
        if address.netloc not in ("", "localhost"):
            raise refused(function, given, "the path of a file on this machine")
        return Path(unquote(address.path))
    if text.lower().startswith(("http://", "https://", "ftp://", "s3://")):
        raise QueryError(f"{function} reads files on this machine; download {text.partition('?')[0]} first.")
    return Path(text).expanduser()


def _files_of(function: str, path: Path, endings: Sequence[str]) -> list[Path]:
    if not path.is_dir():
        return [path]
    if not endings:
        raise refused(function, str(path), "the path of a file and not of a folder")
    found = sorted(one for one in path.iterdir() if one.name.lower().endswith(tuple(endings)) and one.is_file())
    if not found:
        raise FileError(f"{path}: this folder does not contain files that end with {' or '.join(endings)}.")
    return found


def instant(function: str, given: Any) -> Time:
    """Return one time, which is in UTC unless it states another scale or zone; raise `QueryError` for other objects."""
    from sunpy.time import parse_time

    error = refused(function, given, "one time, such as '2026-01-10 12:00' in ISO 8601, a datetime or a Time")
    if not isinstance(given, str | date | Time | np.datetime64) and not hasattr(given, "to_pydatetime"):
        raise error
    try:
        time = parse_time(given)
    except (TypeError, ValueError, OverflowError):
        raise error from None
    if not time.isscalar or np.any(time.mask) or not np.isfinite(time.jd):
        raise error
    return time


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
    if first > last or (not empty and first == last):
        raise QueryError(
            f"{function} takes {allowed}; this one starts at {first.isot} and ends at {last.isot}: give a later end."
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
    if not isinstance(given, Iterable) or isinstance(given, str | bytes | Table | Row):
        raise refused(function, given, allowed)
    found = list(given)
    for one in found or [given]:
        if not isinstance(one, Attr):
            raise refused(function, one, allowed)
    return found
