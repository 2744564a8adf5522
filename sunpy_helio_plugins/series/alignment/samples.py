"""Samples of tables, series and frames: blocks of times with their intervals, values and masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Table
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import is_several, refused
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities.fills import about
from sunpy_helio_plugins.quantities.leap import SECOND, Ints
from sunpy_helio_plugins.quantities.spans import seconds
from sunpy_helio_plugins.series.alignment.grid import elapsed, elapsed_days, elapsed_stamps

__all__ = ["Column", "SampleBlock", "SampleSource", "joined_blocks", "source_of"]

ALLOWED = "tables with times, TimeSeries, pandas DataFrames with a DatetimeIndex, or lists of these"

_BLOCK = 1 << 17
"""Samples that are converted at once, so that intermediate results stay small."""

_NO_UNIT, _NO_DIMENSION = "no unit", "no dimension"

_SHORTEST = 1
"""Nanoseconds of the shortest interval."""


@dataclass(frozen=True)
class Column:
    """
    A column of samples.

    Attributes
    ----------
    values : numpy.ndarray
        Numbers or text, shape (n, ...); the TT2000 of times.
    mask : numpy.ndarray of bool or None
        The values that are missing, besides NaN.
    unit : astropy.units.UnitBase or None
        The unit.
    kind : str
        The name of the contents for messages: numbers, text, times, or the name of a class.
    about : dict
        The description and the metadata.
    """

    values: NDArray[Any]
    mask: NDArray[np.bool_] | None
    unit: u.UnitBase | None
    kind: str
    about: Mapping[str, Any] = field(default_factory=dict)

    def missing(self, rows: Any) -> NDArray[np.bool_] | None:
        """Return which values of some rows are masked or NaN; `None` if none is."""
        lost = None if self.mask is None else self.mask[rows]
        lost = None if lost is None or not lost.any() else lost
        values = self.values[rows]
        if values.dtype.kind != "f":
            return lost
        with np.errstate(invalid="ignore", over="ignore"):
            if not np.isnan(values.sum()):  # the faster question, and the usual answer
                return lost
        is_nan = np.isnan(values)
        if not is_nan.any():
            return lost
        return is_nan if lost is None else is_nan | lost

    @property
    def unit_text(self) -> str:
        """The unit for messages and comparisons."""
        if self.unit is not None:
            return str(self.unit) or _NO_DIMENSION
        text = (self.about.get("meta") or {}).get("unit_string")
        return f"the unknown unit {text!r}" if text else _NO_UNIT

    def in_unit_of(self, other: Column, where: str) -> Column:
        """Return the column in the unit of another one with the same name, or raise a `QueryError`."""
        if self.unit == other.unit and (self.unit is not None or self.unit_text == other.unit_text):
            return self
        if {self.unit_text, other.unit_text} == {_NO_UNIT, _NO_DIMENSION}:
            return self
        if self.unit is None or other.unit is None or not self.unit.is_equivalent(other.unit):
            raise QueryError(
                f"{where} is in {other.unit_text} and in {self.unit_text}, which cannot be converted: rename one "
                "of them, or leave it out with columns=[...]."
            )
        return replace(self, values=self.unit.to(other.unit, self.values), unit=other.unit)


@dataclass(frozen=True)
class SampleBlock:
    """
    Samples in the order of their start.

    Attributes
    ----------
    starts : numpy.ndarray of int
        The TT2000 of the samples, or of the start of the interval of each.
    stops : numpy.ndarray of int or None
        The ends of the intervals; `None` if samples are instants.
    columns : dict
        The values of each column, and which are missing.
    until : int
        The TT2000 before which no other sample of the table starts.
    """

    starts: Ints
    stops: Ints | None
    columns: Mapping[str, tuple[NDArray[Any], NDArray[np.bool_] | None]]
    until: int

    def __getitem__(self, rows: Any) -> SampleBlock:
        return SampleBlock(
            self.starts[rows],
            None if self.stops is None else self.stops[rows],
            {name: (values[rows], _only(lost, rows)) for name, (values, lost) in self.columns.items()},
            self.until,
        )

    @property
    def ends(self) -> Ints:
        """The last time of each sample."""
        return self.starts if self.stops is None else self.stops


def _only(missing: NDArray[np.bool_] | None, rows: Any) -> NDArray[np.bool_] | None:
    return None if missing is None else missing[rows]


def joined_blocks(blocks: Sequence[SampleBlock]) -> SampleBlock:
    """Return blocks as one, in the order of time."""
    if len(blocks) == 1:
        return blocks[0]
    starts = np.concatenate([one.starts for one in blocks])
    stops = None
    if any(one.stops is not None for one in blocks):
        stops = np.concatenate([one.starts + _SHORTEST if one.stops is None else one.stops for one in blocks])
    columns = {}
    for name in blocks[0].columns:
        parts = [one.columns[name] for one in blocks]
        lost = None
        if any(missing is not None for _, missing in parts):
            lost = np.concatenate(
                [np.zeros(values.shape, dtype=bool) if missing is None else missing for values, missing in parts]
            )
        columns[name] = np.concatenate([values for values, _ in parts]), lost
    made = SampleBlock(starts, stops, columns, max(one.until for one in blocks))
    return made if (np.diff(starts) >= 0).all() else made[np.argsort(starts, kind="stable")]


@dataclass(frozen=True)
class _Records:
    """One table in a common form: its times, its columns, and the extent of each sample before and after its time."""

    names: tuple[str, ...]
    times: Any
    columns: Mapping[str, Column]
    extent: tuple[Any, Any] | None
    cadence: int | None
    problems: tuple[str, ...]

    def epochs(self, rows: Any) -> Ints:
        """Return the times of some rows as TT2000."""
        times = self.times[rows]
        if isinstance(times, Time):
            return elapsed(times)
        return elapsed_stamps(times.view(np.int64))

    @cached_property
    def known(self) -> NDArray[np.bool_] | None:
        """Return the rows that have a time; `None` if all have."""
        if not isinstance(self.times, Time):
            found = ~np.isnat(self.times)
        else:
            found = np.isfinite(np.asarray(getattr(self.times.jd2, "unmasked", self.times.jd2)))
            found &= ~np.asarray(self.times.mask, dtype=bool)
        return None if found.all() else found

    @cached_property
    def is_sorted(self) -> bool:
        """Return whether the times are in order."""
        if not isinstance(self.times, Time):
            return bool((self.times[1:] >= self.times[:-1]).all())
        days, parts = (np.asarray(getattr(one, "unmasked", one)) for one in (self.times.jd1, self.times.jd2))
        for start in range(0, len(days), _BLOCK):
            rows = slice(start, start + _BLOCK + 1)
            if (np.diff(days[rows]) + np.diff(parts[rows]) < 0).any():
                return False
        return True


class SampleSource:
    """
    One series of samples, from one table or from several chunks.

    Attributes
    ----------
    name : str
        The name of the table in messages.
    layout : dict of Column
        The columns that are used, as in the first chunk.
    names : tuple of str
        The names of all columns.
    stated : int or None
        The cadence in nanoseconds that the header of the first chunk states.
    problems : list of str
        The problems of the tables that were read so far.
    """

    def __init__(self, function: str, name: str, chunks: Iterator[Any], chosen: Callable[[str], bool]) -> None:
        self.function, self.name, self._chosen = function, name, chosen
        first = next(chunks, None)
        if first is None:
            raise QueryError(f"{function}: {name} is an empty list; give at least one table.")
        self.problems: list[str] = []
        self._without_time = 0
        records = records_of(function, name, first, chosen)
        self.layout: Mapping[str, Column] = {
            # Without the values, so that the first chunk is released as soon as the next one is read.
            name: replace(one, values=one.values[:0].copy(), mask=None)
            for name, one in records.columns.items()
        }
        self.names, self.stated = records.names, records.cadence
        self._first: _Records | None = records
        self._others = chunks

    @cached_property
    def cadence(self) -> int | None:
        """The stated cadence, or else the median step of the first chunk; to be read before `blocks`."""
        return self.stated or (None if self._first is None else _usual_step(self._first))

    @property
    def notes(self) -> list[str]:
        """Remarks on the samples that were read so far."""
        count = self._without_time
        return [f"{count} records of {self.name} do not have a time and are not used."] if count else []

    def blocks(self, cut: Callable[[Ints], int] = len) -> Iterator[SampleBlock]:
        """
        Yield the samples in blocks, each in the order of time; within a table also the blocks.

        ``cut`` returns how many of the samples with given times should be in one block.
        """
        records, self._first = self._first, None
        while records is not None:
            self.problems += [one for one in records.problems if one not in self.problems]
            yield from self._blocks(records, cut)
            records = None
            given = next(self._others, None)
            records = None if given is None else self._records(given)
            del given

    def _blocks(self, records: _Records, cut: Callable[[Ints], int]) -> Iterator[SampleBlock]:
        known = records.known
        is_even = records.extent is None or not any(map(np.ndim, records.extent))
        if known is None and is_even and records.is_sorted:
            yield from _slices(records, cut)
            return
        rows = np.arange(len(records.times)) if known is None else np.flatnonzero(known)
        self._without_time += len(records.times) - len(rows)
        epochs = records.epochs(rows)
        starts = epochs - (0 if records.extent is None else _rows_of(records.extent[0], rows))
        order = np.argsort(starts, kind="stable")
        for start in range(0, len(rows), _BLOCK):
            part = order[start : start + _BLOCK]
            yield _block(records, rows[part], epochs[part])

    def _records(self, given: Any) -> _Records:
        """Return a table in the common form, with the columns and units of the first one."""
        made, known = records_of(self.function, self.name, given, self._chosen), self.layout
        if known.keys() - made.columns.keys():
            lacking = ", ".join(sorted(known.keys() - made.columns.keys()))
            raise QueryError(f"{self.function}: a chunk of {self.name} does not have the columns {lacking}.")
        for name, column in known.items():
            other = made.columns[name]
            if (column.kind, column.values.shape[1:]) != (other.kind, other.values.shape[1:]):
                raise QueryError(
                    f"{self.function}: {name!r} of {self.name} contains {_described(column)} in the first chunk and "
                    f"{_described(other)} in another one: give chunks of one series."
                )
        where = f"{self.function}: the column"
        return replace(
            made,
            columns={
                name: made.columns[name].in_unit_of(column, f"{where} {name!r} of {self.name}")
                for name, column in known.items()
            },
        )


def _described(column: Column) -> str:
    shape = column.values.shape[1:]
    return f"{column.kind} of shape {shape}" if shape else column.kind


def _rows_of(extent: Any, rows: Any) -> Any:
    return extent if np.ndim(extent) == 0 else extent[rows]


def _slices(records: _Records, cut: Callable[[Ints], int]) -> Iterator[SampleBlock]:
    """Yield the samples of a table in order as blocks that share its memory."""
    start, before = 0, 0 if records.extent is None else records.extent[0]
    while start < len(records.times):
        epochs = records.epochs(slice(start, start + _BLOCK))
        count = len(epochs)
        if start + count < len(records.times):
            count = cut(epochs - before if before else epochs) or count
        until = int(epochs[min(count, len(epochs) - 1)]) - before
        yield _block(records, slice(start, start + count), epochs[:count], until)
        start += count


def _block(records: _Records, rows: Any, epochs: Ints, until: int | None = None) -> SampleBlock:
    columns = {name: (one.values[rows], one.missing(rows)) for name, one in records.columns.items()}
    starts, stops = epochs, None
    if records.extent is not None:
        before, after = (_rows_of(one, rows) for one in records.extent)
        starts = epochs - before
        stops = np.maximum(epochs + after, starts + _SHORTEST)
    return SampleBlock(starts, stops, columns, int(starts[-1]) if until is None else until)


def _usual_step(records: _Records) -> int | None:
    """Return the median step of the samples, of the first ones if they are in order; `None` if there is only one."""
    known = records.known
    if known is None and len(records.times) and records.is_sorted:
        epochs = records.epochs(slice(_BLOCK))
    else:
        epochs = np.sort(records.epochs(slice(None) if known is None else known))
    steps = np.diff(epochs)
    steps = steps[steps > 0]
    return int(np.median(steps)) if len(steps) else None


def source_of(function: str, name: str, given: Any, chosen: Callable[[str], bool] = lambda name: True) -> SampleSource:
    """Return the samples of a table, or of an iterable of tables that are parts of one series."""
    if _is_table(given):
        return SampleSource(function, name, iter([given]), chosen)
    if isinstance(given, str | bytes | Mapping | type | Time | np.ndarray) or not is_several(given):
        raise refused(function, given, ALLOWED)
    return SampleSource(function, name, iter(given), chosen)


def _is_table(given: Any) -> bool:
    return isinstance(given, Table) or _is_frame(given) or _is_series(given)


def _is_frame(given: Any) -> bool:
    return type(given).__name__ == "DataFrame" and hasattr(given, "index") and hasattr(given, "columns")


def _is_series(given: Any) -> bool:
    return hasattr(given, "to_dataframe") and hasattr(given, "units") and not isinstance(given, type)


def records_of(function: str, name: str, given: Any, chosen: Callable[[str], bool]) -> _Records:
    """Return a table, a series or a frame in the common form."""
    if isinstance(given, Table) and not hasattr(given, "query_attrs"):
        return _of_table(function, name, given, chosen)
    if _is_series(given):
        units = {str(key): unit for key, unit in given.units.items()}
        return _of_frame(function, name, given.to_dataframe(), units, chosen)
    if _is_frame(given):
        return _of_frame(function, name, given, {}, chosen)
    raise refused(function, given, ALLOWED)


def _of_table(function: str, name: str, table: Table, chosen: Callable[[str], bool]) -> _Records:
    main = next((one for one in table.colnames if isinstance(table[one], Time) and table[one].ndim == 1), None)
    if main is None:
        raise QueryError(
            f"{function}: {name} does not have a column of times (astropy.time.Time); its columns: "
            f"{', '.join(table.colnames[:9]) or 'none'}. Give a table such as hapi.read returns."
        )
    time = table[main]
    lengths = "time_bin_size" if hasattr(table, "time_bin_start") else None  # astropy.timeseries.BinnedTimeSeries
    columns = {one: column_of(table[one]) for one in table.colnames if one not in (main, lengths) and chosen(one)}
    length = time.info.meta if "cadence" in (time.info.meta or {}) else (table.meta.get("hapi") or {})
    extent, cadence = _stated(length)
    if lengths is not None:
        extent = 0, np.rint(table[lengths].to_value("ns")).astype(np.int64)
    extent = _of_deltas(table, time) or extent
    problems = table.meta.get("problems") or ()
    return _Records(tuple(table.colnames), time, columns, extent, cadence, tuple(map(str, problems)))


def column_of(column: Any) -> Column:
    """Return a column of a table in the common form."""
    if isinstance(column, Time):
        gone = np.broadcast_to(np.asarray(column.mask, dtype=bool), column.shape)
        return _of_times(lambda: elapsed(column), column.shape, gone, about(column))
    mask = getattr(column, "mask", None)
    bare = getattr(column, "unmasked", column)
    unit = getattr(bare, "unit", None)
    plain = np.ma.getdata(bare.value if isinstance(bare, u.Quantity) else bare)
    values: Any = plain.view(np.ndarray) if isinstance(plain, np.ndarray) else np.zeros(len(column), dtype=object)
    lost = None if mask is None or mask is np.ma.nomask else np.asarray(mask, dtype=bool)
    kind = _kind(values, column)
    return Column(values, lost if lost is None or lost.shape == values.shape else None, unit, kind, about(column))


def _of_times(
    read: Callable[[], Ints], shape: tuple[int, ...], gone: NDArray[np.bool_], about: Mapping[str, Any]
) -> Column:
    """Return a column of times; those that nanoseconds cannot represent are not used."""
    mask = gone if gone.any() else None
    try:
        return Column(read(), mask, None, "times", about)
    except QueryError:
        return Column(np.zeros(shape, np.int64), mask, None, "times outside the years 1710 to 2289", about)


def _kind(values: NDArray[Any], column: Any) -> str:
    if values.dtype.kind in "biuf":
        return "numbers"
    if values.dtype.kind in "SU" or (values.dtype.kind == "O" and all(isinstance(one, str) for one in values.flat)):
        return "text"
    return f"objects of the class {type(column).__name__}"


def _stated(meta: Mapping[str, Any]) -> tuple[tuple[int, int] | None, int | None]:
    """Return the extent of samples and the cadence in nanoseconds, as far as a HAPI header states them."""
    length = seconds(meta.get("cadence"))
    if length is None:
        return None, None
    whole = round(length * SECOND)
    location = str(meta.get("timeStampLocation") or "").lower()
    before = {"begin": 0, "center": whole // 2, "centre": whole // 2, "end": whole}.get(location)
    return (None if before is None else (before, whole - before)), whole


def _of_deltas(table: Table, time: Time) -> tuple[Any, Any] | None:
    """Return the extent of samples by DELTA_MINUS and DELTA_PLUS of the ISTP guidelines, in nanoseconds."""
    meta = time.info.meta or {}
    found = [_delta(table, meta, f"DELTA_{side}") for side in ("MINUS", "PLUS")]
    if all(one is None for one in found):
        return None
    before, after = (0 if one is None else one for one in found)
    return before, after


def _delta(table: Table, meta: Mapping[str, Any], key: str) -> Any:
    """Return one side of the extent, from a column, a variable that does not vary, or a number of the time's unit."""
    told = meta.get(f"{key}_VAR", meta.get(key))
    if isinstance(told, str):
        support = table.meta.get("support") or {}
        told = table[told] if told in table.colnames else (support.get(told) or {}).get("values")
    if told is None or isinstance(told, str):
        return None
    bare = getattr(told, "unmasked", told)
    unit = getattr(bare, "unit", None) or u.ns
    if not unit.is_equivalent(u.s):
        return None
    made = np.abs(np.nan_to_num(unit.to(u.ns, np.asarray(getattr(bare, "value", bare), dtype=float))))
    made = np.where(np.asarray(getattr(told, "mask", False), dtype=bool), 0, made)
    if made.size == 1:
        return round(made.item())
    return np.rint(made).astype(np.int64) if made.shape == (len(table),) else None


def _of_frame(
    function: str, name: str, frame: Any, units: Mapping[str, Any], chosen: Callable[[str], bool]
) -> _Records:
    import pandas as pd

    index = frame.index
    if not isinstance(index, pd.DatetimeIndex):
        raise QueryError(
            f"{function}: the index of {name} is a {type(index).__name__}, not a DatetimeIndex in UTC: set it with "
            "frame.set_index(...)."
        )
    stamps = (index if index.tz is None else index.tz_convert("UTC").tz_localize(None)).to_numpy()
    if len(index) and not index.isna().all():
        # Refuse what nanoseconds cannot represent.
        _elapsed_datetimes(np.array([index.min().to_datetime64(), index.max().to_datetime64()]))
    columns = {}
    for place, label in enumerate(map(str, frame.columns)):
        if chosen(label):
            columns[label] = _of_series(frame.iloc[:, place], units.get(label))
    return _Records(tuple(map(str, frame.columns)), stamps.astype("M8[ns]", copy=False), columns, None, None, ())


def _elapsed_datetimes(stamps: NDArray[np.datetime64]) -> Ints:
    days = stamps.astype("M8[D]")
    return elapsed_days(days.astype(np.int64), (stamps - days).astype("m8[ns]").astype(np.int64))


def _of_series(series: Any, unit: Any) -> Column:
    """Return a column of a frame; nullable types have a mask."""
    kind = getattr(series.dtype, "kind", "O")
    if kind == "M":
        stamps = series.dt.tz_convert("UTC").dt.tz_localize(None) if getattr(series.dtype, "tz", None) else series
        plain = stamps.to_numpy() if isinstance(series.dtype, np.dtype) else stamps.to_numpy(dtype="M8[ns]")
        lost = np.isnat(plain)
        return _of_times(lambda: _elapsed_datetimes(np.where(lost, np.datetime64(0, "D"), plain)), lost.shape, lost, {})
    if isinstance(series.dtype, np.dtype) and kind != "O":
        return Column(series.to_numpy(), None, unit, "numbers" if kind in "biuf" else f"objects of type {series.dtype}")
    lost = series.isna().to_numpy(dtype=bool)
    if kind in "biuf":
        plain = series.dtype.numpy_dtype if hasattr(series.dtype, "numpy_dtype") else float
        return Column(series.to_numpy(dtype=plain, na_value=0), lost if lost.any() else None, unit, "numbers")
    values = series.to_numpy(dtype=object, na_value="")
    if all(isinstance(one, str) for one in values):
        return Column(values.astype(str), lost, None, "text")
    return Column(values, lost, None, "objects")
