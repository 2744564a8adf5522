"""Put series on a common time axis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from astropy import units as u
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.arguments import INSTANT, TEXTS, Kind, close_names, one_of, optional, shown, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities.fills import masked
from sunpy_helio_plugins.quantities.leap import SECOND
from sunpy_helio_plugins.series.alignment.bins import BinValues, check_size
from sunpy_helio_plugins.series.alignment.grid import POSITIVE, Grid, elapsed, instants, nanoseconds
from sunpy_helio_plugins.series.alignment.methods import METHODS
from sunpy_helio_plugins.series.alignment.samples import Column, SampleSource, source_of

__all__ = ["align"]

_NOT_KEPT = ("type", "fill", "length", "FILLVAL", "VALIDMIN", "VALIDMAX")
"""Attributes of the stored numbers, which do not apply to the values of bins."""


def _method(given: Any) -> str:
    if not isinstance(given, str):
        raise TypeError
    if given not in METHODS:
        known = ", ".join(map(repr, METHODS))
        raise QueryError(f"series.align takes {known} as method, not {shown(given)}.{close_names(given, METHODS)}")
    return given


def _methods(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise TypeError
    return {name: _method(one) for name, one in given.items()}


@taking(
    "series.align",
    every=POSITIVE,
    method=Kind(f"one of {', '.join(map(repr, METHODS))}", _method),
    methods=optional(Kind("a dict of column names and methods", _methods)),
    max_gap=optional(POSITIVE),
    circular=TEXTS,
    columns=optional(TEXTS),
    names=optional(TEXTS),
    start=optional(INSTANT),
    end=optional(INSTANT),
    stamp=one_of("begin", "center", "end"),
)
def align(
    *tables: Any,
    every: u.Quantity = 1 * u.min,
    method: str = "mean",
    methods: Mapping[str, str] | None = None,
    max_gap: u.Quantity | None = None,
    circular: Sequence[str] = (),
    columns: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    start: Any = None,
    end: Any = None,
    stamp: str = "begin",
) -> QTable:
    """
    Put tables on a common time axis in UTC.

    Parameters
    ----------
    *tables : astropy.table.Table, GenericTimeSeries, pandas.DataFrame, or iterable of these
        Each is one series: a table whose first `~astropy.time.Time` column contains the times (of any scale), a series
        of astropy or sunpy, or a frame with a `~pandas.DatetimeIndex` in UTC. The rows of a table may be in any order.
        An iterable contains consecutive parts of one series, such as the files of several days; they are read one
        after the other, and only the samples of incomplete bins are kept.
    every : astropy.units.Quantity, optional
        The length of a bin. Bins are counted from ``start``, or from 1970-01-01 in UTC. A bin that contains a leap
        second is one second longer; if one second is a multiple of ``every``, the leap second has bins of its own.
    method : {"mean", "median", "max", "min", "nearest", "linear"}, optional
        The value of a bin: a statistic of the samples in it, or, at the time of the bin, that of the nearest sample or
        of linear interpolation. Samples that are masked or NaN are not used.
    methods : dict of str, optional
        The methods of single columns, by name.
    max_gap : astropy.units.Quantity, optional
        The longest gap that ``"linear"`` and ``"nearest"`` bridge: interpolation needs two valid samples that are not
        further apart, and the nearest sample is at most half of it away. Defaults to twice the cadence of each table:
        the one that its header states, or the median step in its first part.
    circular : list of str, optional
        The columns of angles, such as a longitude or an azimuth: their mean is that of unit vectors, and they are
        interpolated along the shorter arc.
    columns : list of str, optional
        The columns to use. Defaults to all.
    names : list of str, optional
        The name of each table, for columns that several of them have. Defaults to ``"1"``, ``"2"`` and so on.
    start, end : str, datetime or astropy.time.Time, optional
        The range of the axis, in which ``end`` is not included. Defaults to the range of all samples.
    stamp : {"begin", "center", "end"}, optional
        The location of the time of a bin in it.

    Returns
    -------
    astropy.table.QTable
        ``time`` in UTC, shape (m,); the columns of all tables with their units, shape (m, ...), masked where a bin has
        no valid sample; and for each table ``n``, the number of its samples in each bin. A name that several tables
        have is followed by that of the table, as in ``speed_1`` and ``speed_2``, and these columns have the unit of the
        first. ``meta`` contains the ``"notes"`` on the result and the ``"problems"`` of the tables.

    Raises
    ------
    QueryError
        A table does not have times, the tables do not have a time in common, a column cannot be used with the method,
        columns of one name have units that cannot be converted, or an argument is not valid.

    Notes
    -----
    Samples are instants, unless the table states how long they last: by ``timeStampLocation`` and ``cadence`` of a HAPI
    header, by ``DELTA_PLUS_VAR`` and ``DELTA_MINUS_VAR`` of a CDF time variable, as a
    `~astropy.timeseries.BinnedTimeSeries`, or as the result of this function. Such a sample counts in every bin that it
    overlaps, in a mean in proportion to the overlap; interpolation uses the centre of its interval.

    Vectors and spectra are treated by component. The magnitude of a mean vector is not the mean of the magnitude: for
    ``"mean"`` and ``"linear"``, a column that is the magnitude of a vector of the same table is computed from the
    result of the vector, unless ``methods`` contains the column. If it has a name of a magnitude, but not its values,
    it is treated as any other column, and ``meta["notes"]`` says so.

    All samples of equal times count; ``"nearest"`` and ``"linear"`` use the first one.

    Means, medians and interpolated values are floats; maximum, minimum and nearest values keep the type.

    Examples
    --------
    >>> import astropy.units as u
    >>> from sunpy_helio_plugins import hapi, series
    >>> field = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11", "BGSEc")
    >>> omni = hapi.load("cdaweb", "OMNI_HRO2_1MIN", "2026-01-10", "2026-01-11", "flow_speed")
    >>> both = series.align(field, omni, every=5 * u.min)
    >>> both.colnames, len(both)
    (['time', 'BGSEc', 'n_1', 'flow_speed', 'n_2'], 288)
    """
    labels = _labels(tables, names)
    wanted = None if columns is None else set(columns)
    sources = [
        source_of("series.align", label, one, lambda name: wanted is None or name in wanted)
        for label, one in zip(labels, tables, strict=True)
    ]
    _check_names(sources, {"columns": columns or (), "methods": methods or {}, "circular": circular})
    gap = None if max_gap is None else nanoseconds(max_gap)
    made = [
        BinValues(source, name, method, methods or {}, circular, gap, nanoseconds(every))
        for source, name in zip(sources, names or map(str, range(1, len(tables) + 1)), strict=True)
    ]
    _check_units(made)
    grid = _grid(nanoseconds(every), start, end, stamp)
    for one in made:
        one.fill(grid)
    low, high = _range(made, grid)
    return _table(made, replace(grid, first=low, before=high))


def _labels(tables: Sequence[Any], names: Sequence[str] | None) -> list[str]:
    """Return the names of the tables for messages."""
    if not tables:
        raise QueryError("series.align takes at least one table; none was given.")
    if names is not None and (len(names) != len(tables) or len(set(names)) != len(names)):
        raise QueryError(
            f"series.align takes as names one different name for each of the {len(tables)} tables, not {shown(names)}."
        )
    return [f"table {number + 1}" if names is None else f"{names[number]!r}" for number in range(len(tables))]


def _check_names(sources: Sequence[SampleSource], asked: Mapping[str, Any]) -> None:
    """Refuse names of columns that no table has, and tables without any of the chosen columns."""
    known = list(dict.fromkeys(name for source in sources for name in source.names))
    for argument, names in asked.items():
        for name in names:
            if not any(name in source.layout for source in sources):
                hint = close_names(name, known) or f" The columns are {', '.join(known[:12])}."
                raise QueryError(f"series.align: no table has the column {name!r} of {argument} among its data.{hint}")
    for source in sources:
        if asked["columns"] and not source.layout:
            raise QueryError(
                f"series.align: {source.name} does not have any of the columns {', '.join(asked['columns'])}; it has "
                f"{', '.join(source.names[:12])}."
            )


def _grid(every: int, start: Time | None, end: Time | None, stamp: str) -> Grid:
    if start is not None and end is not None and not start < end:
        raise QueryError(
            f"series.align: start={start.isot} is not before end={end.isot}: give a range of time that is not empty."
        )
    grid = Grid(every, stamp=stamp) if start is None else Grid.beginning(every, start, stamp)
    if end is None:
        return grid
    last = int(elapsed(end.reshape(1))[0]) - 1
    return replace(grid, before=grid.index(last) + 1)


def _check_units(made: Sequence[BinValues]) -> None:
    """Refuse columns of one name whose units cannot be converted to each other."""
    first: dict[str, Column] = {}
    for one in made:
        for name, column in one.source.layout.items():
            if column.kind == "numbers":
                replace(column, values=column.values[:0]).in_unit_of(
                    first.setdefault(name, column), f"series.align: the column {name!r} of several tables"
                )


def _range(made: Sequence[BinValues], grid: Grid) -> tuple[int, int]:
    """Return the bins of the axis, or raise a `QueryError` if the samples do not overlap with it or each other."""
    spans = [(one.source.name, *one.span) for one in made if one.span is not None]
    for name, low, high in spans:
        inside = grid.inside(low, high)
        if inside[0] >= inside[1]:
            raise QueryError(
                f"series.align: {name} has samples from {_text(grid, low)} to {_text(grid, high)}, and none of them is "
                "within the range of start and end: give another range."
            )
    if grid.first is not None and grid.before is not None:
        return grid.first, grid.before
    if not spans:
        return 0, 0
    late, early = max(spans, key=_low), min(spans, key=_high)
    if late[1] >= early[2]:
        raise QueryError(
            f"series.align: {early[0]} ends at {_text(grid, early[2])}, before {late[0]} begins at "
            f"{_text(grid, late[1])}: give start and end for an axis with both, or parts of one series as a list."
        )
    low = min(map(_low, spans)) if grid.first is None else grid.first
    return low, max(map(_high, spans)) if grid.before is None else grid.before


def _low(span: tuple[str, int, int]) -> int:
    return span[1]


def _high(span: tuple[str, int, int]) -> int:
    return span[2]


def _text(grid: Grid, number: int) -> str:
    """Return the begin of a bin as text."""
    return str(instants(grid.edges(number, number))[0].isot[:19])


def _table(made: Sequence[BinValues], grid: Grid) -> QTable:
    low, high = grid.first or 0, grid.before or 0
    check_size(grid, low, high)
    time = instants(grid.stamps(grid.edges(low, high)))
    time.info.description = f"Time of the bin, at its {grid.stamp} (UTC)"
    time.info.meta = {
        "timeStampLocation": grid.stamp,
        "cadence": f"PT{grid.every / SECOND:.9f}".rstrip("0").rstrip(".") + "S",
    }
    repeated = Counter(name for one in made for name in (*one.source.layout, "n"))
    repeated["time"] += 1
    taken: dict[str, Any] = {"time": time}
    first: dict[str, Column] = {}
    for one in made:
        columns = [(name, _column(one, name, low, high, first)) for name in one.source.layout]
        for name, column in (*columns, ("n", _counts(one, low, high))):
            label = name if repeated[name] == 1 else f"{name}_{one.name}"
            while label in taken:
                label = f"{label}_{one.name}"
            column.info.name = label
            taken[label] = column
    problems = list(dict.fromkeys(text for one in made for text in one.source.problems))
    notes = [text for one in made for text in one.notes()]
    return QTable(list(taken.values()), names=list(taken), meta={"notes": notes, "problems": problems}, copy=False)


def _counts(one: BinValues, low: int, high: int) -> Any:
    made = masked(one.counts(low, high), None)
    made.info.description = f"Number of samples of {one.source.name} in the bin"
    return made


def _column(one: BinValues, name: str, low: int, high: int, first: dict[str, Column]) -> Any:
    """Return one column of the result, in the unit of the first column with the name."""
    values, lost, column = *one.values(name, low, high), one.source.layout[name]
    said = {key: value for key, value in (column.about.get("meta") or {}).items() if key not in _NOT_KEPT}
    if column.kind == "times":
        made = instants(values, lost)
    else:
        known = first.setdefault(name, column)
        if column.unit is not None and known.unit is not None and column.unit != known.unit:
            values, column = column.unit.to(known.unit, values), known
        whole = values if column.unit is None else u.Quantity(values, column.unit, dtype=values.dtype, copy=False)
        made = masked(whole, lost, name)
    made.info.description = column.about.get("description")
    made.info.meta = {**said, "method": one.method_of(name)}
    return made
