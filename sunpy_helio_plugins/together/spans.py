"""Intervals: the starts, ends and names in any table of events, and their times as attrs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable, Row, Table
from astropy.time import Time
from numpy.typing import NDArray
from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import DURATION, TEXT, is_several, no_column, optional, refused, shown, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.quantities.datetimes import from_datetime64, to_datetime64

__all__ = ["Stamps", "intervals", "search_times"]

Stamps = NDArray[np.datetime64]

_PAIRS = (
    ("event_starttime", "event_endtime"), ("start_time", "end_time"), ("start", "end"), ("start", "stop"),
    ("tstart", "tend"), ("tstart", "tstop"), ("t_start", "t_end"), ("begin", "end"), ("start_date", "end_date"),
    ("start_time", "stop_time"), ("start_datetime", "end_datetime"), ("begin_time", "end_time"), ("from", "to"),
    ("icme_start_time", "icme_end_time"), ("mo_start_time", "mo_end_time"),
)  # fmt: skip
"""Names of columns of starts and ends, in lower case with underscores, in the order in which they are looked for."""

_SINGLES = ("event_peaktime", "peak_time", "peak", "onset", "time", "date_time", "datetime", "epoch", "date", "t0")
"""Names of columns of instants."""

_PEAKS = ("event_peaktime", "peak_time", "peak")
_LABELS = ("label", "name", "fl_goescls", "goes_class", "class", "title", "id")
_TELLING = {"FL": "fl_goescls", "AR": "ar_noaanum", "CE": "cme_radiallinvel"}
"""The columns that tell events of one type apart."""

_KINDS = ("kind", "event_type", "type", "category")

_ALLOWED = (
    "intervals: a table with columns of starts and ends, rows of a search, times, a range of time, or a list of these"
)


@taking("together.intervals", start=optional(TEXT), end=optional(TEXT), label=optional(TEXT))
def intervals(given: Any, start: str | None = None, end: str | None = None, label: str | None = None) -> QTable:
    """
    Return the intervals of a table of any origin.

    Parameters
    ----------
    given : table, row, response, a.Time, sunpy.time.TimeRange, times, or list or dict of these
        Events of the registry, flares of `her.flares`, rows of any search, a list that astropy read from a CSV file,
        or a data frame; or one or several times, which are intervals without a length. The keys of a dict are kinds.
    start, end, label : str, optional
        The columns of the starts, ends and names. By default they are found by usual names in any case, such as
        ``start`` and ``end``, ``Start Time`` and ``End Time`` or ``event_starttime`` and ``event_endtime``; if there
        is no end, intervals do not have a length. Texts of times are in UTC unless they state another zone.

    Returns
    -------
    astropy.table.QTable
        ``start``, ``end`` and ``time`` (the peak if there is one, else the start), each an `astropy.time.Time` in UTC
        of shape (n,), and the texts ``label`` and ``kind``, which may be empty. Rows without a start are left out; a
        missing end is the start.

    Raises
    ------
    QueryError
        The table does not have a column of starts, a text is not a time, or an interval ends before it starts.

    Examples
    --------
    >>> from astropy.table import Table
    >>> from sunpy_helio_plugins import together
    >>> cmes = Table({"Start": ["2026-01-10 04:00"], "End": ["2026-01-11 09:00"], "Name": ["cloud"]})
    >>> print(together.intervals(cmes)["label"][0])
    cloud
    """
    return intervals_of("together.intervals", given, (start, end, label))


@taking("together.search_times", before=DURATION, after=DURATION)
def search_times(given: Any, before: u.Quantity = 0 * u.s, after: u.Quantity = 0 * u.s) -> Attr:
    """
    Return intervals as the times of a search.

    Parameters
    ----------
    given : table, row, response, times, or list of these
        Intervals as of `intervals`.
    before, after : astropy.units.Quantity, optional
        The time to add before each start and after each end.

    Returns
    -------
    sunpy.net.attr.Attr
        ``a.Time(...) | a.Time(...)`` in the order of time; intervals that overlap are joined, so that no row of a
        result is repeated.

    Raises
    ------
    QueryError
        There are no intervals, or `intervals` does not accept them.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import astropy.units as u
    >>> from sunpy_helio_plugins import together
    >>> times = together.search_times(["2026-01-08 10:48", "2026-01-10 06:36"], after=6 * u.hour)
    >>> Fido.search(times, a.her.FL).file_num
    12
    """
    found = intervals_of("together.search_times", given)
    if not len(found):
        raise QueryError("together.search_times takes at least one interval, and this table is empty.")
    margins = [np.timedelta64(round(one.to_value(u.us)), "us") for one in (before, after)]
    starts, ends = joined(stamps(found["start"]) - margins[0], stamps(found["end"]) + margins[1])
    if (starts > ends).any():
        raise QueryError(
            f"together.search_times takes margins that leave a time, not before={before} and after={after}."
        )
    return reduce(or_, [a.Time(*pair) for pair in zip(_times(starts), _times(ends), strict=True)])


def stamps(time: Time) -> Stamps:
    """Return times as datetime64[us]."""
    return np.atleast_1d(to_datetime64(time)).astype("M8[us]")


def joined(starts: Stamps, ends: Stamps) -> tuple[Stamps, Stamps]:
    """Return intervals in the order of time, of which those that overlap or touch are joined."""
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order].view("i8")).view("M8[us]")
    first = np.append(True, starts[1:] > ends[:-1]) if len(starts) else np.zeros(0, bool)
    last = np.append(first[1:], True) if len(starts) else first
    return starts[first], ends[last]


def intervals_of(
    function: str, given: Any, names: tuple[str | None, str | None, str | None] = (None, None, None)
) -> QTable:
    """Return the intervals of anything that contains some; raise a `QueryError` that names the function."""
    if isinstance(given, Mapping):
        parts = [intervals_of(function, value, names) for value in given.values()]
        for part, key in zip(parts, given, strict=True):
            part["kind"] = np.array([str(key)] * len(part), dtype=str)
        return _stacked(parts)
    if isinstance(given, Row):
        given = given.table[given.index : given.index + 1]
    if hasattr(given, "reset_index"):
        given = Table.from_pandas(given.reset_index())
    if isinstance(given, Table):
        return _of_table(function, given, names)
    if hasattr(given, "intervals") and hasattr(given, "gaps"):  # a SeriesCoverage
        return _of_table(function, given.gaps, names)
    if isinstance(given, Attr) or hasattr(given, "start"):
        span = inputs.span(function, given)
        return _made(inputs.instants(function, span.start), inputs.instants(function, span.end))
    return _of_several(function, given, names)


def _of_several(function: str, given: Any, names: Any) -> QTable:
    """Return the intervals of times, or of a list of tables, rows, ranges or pairs of times."""
    is_listed = is_several(given) and not isinstance(given, str | bytes | Time | np.ndarray)
    parts = list(given) if is_listed else []
    if any(isinstance(one, Table | Row | Attr | Mapping) or hasattr(one, "start") for one in parts):
        return _stacked([intervals_of(function, one, names) for one in parts])
    if parts and all(isinstance(one, tuple | list) and len(one) == 2 for one in parts):
        spans = [inputs.span(function, one) for one in parts]
        return _stacked([intervals_of(function, one, names) for one in spans])
    try:
        found = inputs.instants(function, parts if is_listed else given)
    except QueryError:
        raise refused(function, given, _ALLOWED) from None
    found = found[~np.isnat(found)]
    return _made(found, found)


def _of_table(function: str, table: Table, names: tuple[str | None, str | None, str | None]) -> QTable:
    first, last = _columns(function, table, names[0], names[1])
    starts = _stamps(function, table, first)
    ends = _stamps(function, table, last) if last else starts
    ends = np.where(np.isnat(ends), starts, ends)
    known = ~np.isnat(starts)
    wrong = np.flatnonzero(known & (ends < starts))
    if len(wrong):
        raise QueryError(
            f"{function}: {len(wrong)} intervals end before they start, the first in row {wrong[0]}: {first} is "
            f"{starts[wrong[0]]} and {last} is {ends[wrong[0]]}."
        )
    folded = {_folded(name): name for name in reversed(table.colnames)}
    peak = next((folded[name] for name in _PEAKS if name in folded), None)
    times = _stamps(function, table, peak) if peak else starts
    times = np.where(np.isnat(times), starts, times)
    labels = _texts(table, [names[2]]) if names[2] else _labels(table, folded)
    kinds = _texts(table, [folded[name] for name in _KINDS if name in folded])
    return _made(starts[known], ends[known], times[known], labels[known], kinds[known])


def _columns(function: str, table: Table, start: str | None, end: str | None) -> tuple[str, str | None]:
    """Return the columns of starts and ends."""
    for name in (start, end):
        if name is not None and name not in table.colnames:
            raise no_column(f"{function}: the table", name, table.colnames)
    if start is not None:
        return start, end
    folded = {_folded(name): name for name in reversed(table.colnames)}
    for first, last in _PAIRS:
        if first in folded and last in folded:
            return folded[first], folded[last]
    starts = [first for first, _ in _PAIRS if first in folded]
    single = next((folded[name] for name in (*starts, *_SINGLES) if name in folded), None)
    if single is None:
        single = next((name for name in table.colnames if isinstance(table[name], Time)), None)
    if single is None:
        raise QueryError(
            f"{function} takes a table with a column of starts, such as 'start' or 'Start Time', and {shown(table)} "
            f"has {', '.join(table.colnames) or 'no columns'}: name it by together.intervals(table, start=...)."
        )
    return single, None


def _folded(name: str) -> str:
    return "_".join(name.lower().replace("_", " ").replace("(utc)", " ").replace("[utc]", " ").split())


def _stamps(function: str, table: Table, name: str) -> Stamps:
    """Return a column of times as datetime64[us], `NaT` if missing."""
    column = table[name]
    if isinstance(column, Time):
        return stamps(column)
    missing = np.ma.getmaskarray(column) if hasattr(column, "mask") else np.zeros(len(column), bool)
    values = np.asarray(getattr(column, "filled", lambda: column)())
    made = np.full(len(column), np.datetime64("NaT", "us"))
    known = ~missing
    if values.dtype.kind in "USO":
        texts = np.array([str(value).strip() for value in values], dtype=str)
        known &= ~np.isin(texts, ["", "...", "--", "nan", "None", "NaT"])
        values = texts
    elif values.dtype.kind != "M":
        raise QueryError(f"{function}: the column {name} contains {values.dtype} and not times: name another column.")
    if known.any():
        try:
            made[known] = inputs.instants(function, values[known])
        except QueryError as error:
            raise QueryError(f"{function}: the column {name} contains a text that is not a time. {error}") from None
    return made


def _labels(table: Table, folded: Mapping[str, str]) -> NDArray[np.str_]:
    """Return the names of rows; of events of the registry what tells those of a type apart."""
    if "event_type" not in folded:
        return _texts(table, [folded[name] for name in _LABELS if name in folded])
    kinds = np.asarray(table[folded["event_type"]]).astype(str)
    made = np.full(len(table), "", dtype=object)
    for kind, name in _TELLING.items():
        if name in table.colnames:
            made = np.where(kinds == kind, _texts(table, [name]), made)
    return made.astype(str)


def _texts(table: Table, names: Sequence[str]) -> NDArray[np.str_]:
    """Return the first of some columns that has a text in a row; empty if none has."""
    made = np.full(len(table), "", dtype=object)
    for name in names:
        column = table[name]
        missing = np.ma.getmaskarray(column) if hasattr(column, "mask") else np.zeros(len(column), bool)
        for row in np.flatnonzero((made == "") & ~missing):
            value = column[row]
            made[row] = f"{value:.0f}".replace(" / ", "/") if isinstance(value, u.Quantity) else str(value).strip()
    return made.astype(str)


def _made(starts: Stamps, ends: Stamps, times: Stamps | None = None, labels: Any = None, kinds: Any = None) -> QTable:
    empty = np.full(len(starts), "", dtype=str)
    return QTable(
        {
            "start": _times(starts), "end": _times(ends), "time": _times(starts if times is None else times),
            "label": empty if labels is None else labels, "kind": empty if kinds is None else kinds,
        }
    )  # fmt: skip


def _times(found: Stamps) -> Time:
    return from_datetime64(found)


def _stacked(parts: Iterable[QTable]) -> QTable:
    every = list(parts) or [_made(*[np.empty(0, "M8[us]")] * 2)]
    if len(every) == 1:
        return every[0]
    columns = {name: [np.asarray(one[name]) for one in every] for name in ("label", "kind")}
    times = {name: np.concatenate([stamps(one[name]) for one in every]) for name in ("start", "end", "time")}
    return _made(times["start"], times["end"], times["time"], *map(np.concatenate, columns.values()))
