"""
Files of IMAP as `~sunpy.timeseries.TimeSeries`.

Imported when `sunpy.timeseries` is, which is too heavy for everyone. sunpy itself reads any CDF file before it asks its
sources; where one has no time variable in DEPEND_0 it gives nothing, and what has more than two dimensions is left out.
Files of IMAP are handed to its sources instead, as files of other kinds are, and read by
`sunpy_helio_plugins.imap.read`; ``source="imap"`` does so for any CDF file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import Table
from astropy.time import Time
from sunpy.timeseries import GenericTimeSeries
from sunpy.timeseries.timeseries_factory import TimeSeriesFactory
from sunpy.util import MetaDict

from sunpy_helio_plugins.cdf.read import read
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.imap.mission import OBSERVATORY, instrument_of, is_of_mission
from sunpy_helio_plugins.io import registration
from sunpy_helio_plugins.quantities.datetimes import to_datetime64
from sunpy_helio_plugins.quantities.fills import for_frame

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST_COLUMNS", "IMAPTimeSeries", "to_timeseries"]

MOST_COLUMNS = 32
"""Columns that one variable may become unless more are asked for: a spectrogram is no time series."""


class IMAPTimeSeries(GenericTimeSeries):
    """
    A time series of IMAP, read from a CDF file: ``TimeSeries(path)``.

    Of several time variables the one counts that `~sunpy_helio_plugins.imap.read` takes; ``meta["epochs"]`` names
    them all, and `to_timeseries` makes a series of each. A vector becomes a column for each component, called by
    the file's labels: ``b_gse_x``. The index is UTC; a record within a leap second, which it cannot hold, keeps its
    row by the rule of `~sunpy_helio_plugins.quantities.times.to_datetime64`, with a warning. Missing values are
    NaN, in whole numbers as well, which thereby become floats. Variables with more than 32 elements in a record are
    left out and named in ``meta["left_out"]``; `to_timeseries` gives them.
    """

    _source = "imap"

    is_datasource_for = registration.datasource(by_path=is_of_mission)

    @property
    def observatory(self) -> str:
        """The spacecraft."""
        return OBSERVATORY

    @property
    def instrument(self) -> str:
        """The instrument, in capitals; empty where the file does not name one."""
        return str(self.meta.metadata[0][2].get("instrume", "")) if self.meta.metadata else ""

    def concatenate(
        self, others: GenericTimeSeries | Iterable[GenericTimeSeries], same_source: bool = False, **kwargs: Any
    ) -> GenericTimeSeries:
        """
        Return this series and others as one, in the order of time, each instant once.

        Files of successive days may overlap. Of records at one time the first series' counts, and others give what it
        has no columns for.

        Parameters
        ----------
        others : GenericTimeSeries or iterable of these
            What to join.
        same_source : bool, optional
            Whether to refuse series of other kinds.
        **kwargs
            For `pandas.concat`.

        Raises
        ------
        QueryError
            A column has one unit here and another there.
        TypeError
            ``same_source`` is true, and a series is of another kind.
        """
        series = [others] if isinstance(others, GenericTimeSeries) else list(others)
        _refuse_other_units([self, *series])
        joined = super().concatenate(series, same_source, **kwargs)
        joined._data = _each_instant_once([self._data, *(one.to_dataframe() for one in series)])
        return joined

    @classmethod
    def _parse_file(cls, filepath: Any) -> tuple[pd.DataFrame, MetaDict, dict[str, u.UnitBase]]:
        table = read(filepath)
        epoch = table.meta["epoch"]
        if epoch is None or not len(table) or np.all(table[epoch].mask):
            raise FileError(
                f"{filepath}: the file holds no records with times, and there is no TimeSeries without any; "
                f"imap.read gives what it holds as a table ({', '.join(table.colnames[:9]) or 'no columns'})."
            )
        return _parts(table, None, MOST_COLUMNS, Path(filepath).name)


def to_timeseries(table: Table, columns: str | Sequence[str] | None = None, most: int = MOST_COLUMNS) -> IMAPTimeSeries:
    """
    Return a table as a time series.

    Parameters
    ----------
    table : astropy.table.Table
        As from `sunpy_helio_plugins.imap.read` or `sunpy_helio_plugins.imap.realtime`.
    columns : str or sequence of str, optional
        The columns to take, each with all its elements. Defaults to all that have not too many.
    most : int, optional
        How many columns one variable may become where ``columns`` is not given.

    Returns
    -------
    IMAPTimeSeries
        Indexed by UTC, in its order.

    Raises
    ------
    QueryError
        The table has no times, or no such column.
    """
    wanted = [columns] if isinstance(columns, str) else columns
    missing = [name for name in wanted or () if name not in table.colnames]
    if missing:
        raise QueryError(f"The table has no column {', '.join(missing)}; it has: {', '.join(table.colnames)}.")
    return IMAPTimeSeries(*_parts(table, wanted, most))


def _parts(
    table: Table, wanted: Sequence[str] | None, most: int, file: str = ""
) -> tuple[pd.DataFrame, MetaDict, dict[str, u.UnitBase]]:
    import pandas as pd

    times = next((name for name in table.colnames if isinstance(table[name], Time) and table[name].ndim == 1), None)
    if times is None:
        raise QueryError("The table has no column of single times, and there is no TimeSeries without one.")
    series: dict[str, Any] = {}
    unit: dict[str, u.UnitBase] = {}
    left_out = []
    for name in wanted or table.colnames:
        column = table[name]
        if isinstance(column, Time):
            continue
        if wanted is None and int(np.prod(column.shape[1:], dtype=int)) > most:
            left_out.append(name)
            continue
        for label, values in _split(name, column).items():
            series[label] = values
            unit[label] = getattr(column, "unit", None) or u.dimensionless_unscaled
    if left_out and not series:
        raise QueryError(
            f"Every variable has more than {most} elements in a record ({', '.join(left_out[:9])}): name the "
            "wanted ones, as in imap.to_timeseries(imap.read(path), columns)."
        )
    index, known = _index(table[times], times)
    frame = pd.DataFrame({name: values[known] for name, values in series.items()}, index=index)
    if not index.is_monotonic_increasing:  # without order a time series cannot be cut
        frame = frame.sort_index(kind="stable")
    meta = {key: value for key, value in table.meta.items() if isinstance(value, str | int | float)}
    epochs = ", ".join(table.meta.get("epochs") or ())
    told = {"telescop": OBSERVATORY, "instrume": instrument_of(file, table.meta).upper()}
    return frame, MetaDict({**meta, **told, "epochs": epochs, "left_out": ", ".join(left_out)}), unit


def _refuse_other_units(series: Sequence[GenericTimeSeries]) -> None:
    known: dict[str, u.UnitBase] = {}
    for one in series:
        for name, unit in one.units.items():
            if known.setdefault(name, unit) != unit:
                raise QueryError(f"The column {name!r} is in {known[name]} and in {unit}: convert one of the series.")


def _each_instant_once(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join frames; at an instant that several have, the first one's row stands, with the columns that it lacks."""
    import pandas as pd

    whole = frames[0]
    for frame in frames[1:]:
        added = [name for name in frame.columns if name not in whole.columns]
        common = whole.index.intersection(frame.index)
        if added and len(common):
            whole = whole.join(frame.loc[~frame.index.duplicated(), added])
        rest = frame[~frame.index.isin(common)]
        whole = pd.concat([whole, rest], sort=False) if len(rest) else whole
    whole.index.name = frames[0].index.name
    return whole if whole.index.is_monotonic_increasing else whole.sort_index(kind="stable")


def _index(time: Time, name: str) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Return the index, and which rows have a time at all."""
    import pandas as pd

    missing = np.broadcast_to(np.asarray(getattr(time, "mask", False), dtype=bool), time.shape)
    return pd.DatetimeIndex(to_datetime64(time[~missing]), name=name), ~missing


def _split(name: str, column: Any) -> dict[str, Any]:
    """Return a column as arrays of one dimension."""
    mask = getattr(column, "mask", None)
    bare = getattr(column, "unmasked", column)
    values = np.ma.getdata(np.asarray(getattr(bare, "value", bare)))
    if values.ndim == 1:
        return {name: _frame_column(values, mask)}
    flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
    lost = None if mask is None else np.asarray(mask).reshape(flat.shape)
    return {
        f"{name}_{label}": _frame_column(flat[:, number], None if lost is None else lost[:, number])
        for number, label in enumerate(_labels(column, values.shape[1:]))
    }


def _frame_column(values: np.ndarray, mask: Any) -> Any:
    """Return numbers as floats where some can be missing."""
    if values.dtype.kind in "SU":
        return values.astype(object)
    return values if mask is None or values.dtype.kind not in "fiu" else for_frame(values, np.asarray(mask))


def _labels(column: Any, shape: tuple[int, ...]) -> list[str]:
    """Return what tells the elements apart: x, y, z out of "Bx" or "B_x (GSE)", the file's labels, or numbers."""
    labels = (column.info.meta or {}).get("labels") or {}
    said = labels.get("1", ())
    found = [re.fullmatch(r"[A-Za-z]*[ _]?([xyzrtn])(?:[ _(].*)?", str(label).strip(), re.IGNORECASE) for label in said]
    if len(shape) == 1 and len(found) == shape[0] and all(found):
        letters = [one[1].lower() for one in found if one]
        if len(set(letters)) == len(letters):
            return letters
    axes = [_distinct(labels.get(str(axis + 1), ()), length) for axis, length in enumerate(shape)]
    return ["_".join(axis[index] for axis, index in zip(axes, place, strict=True)) for place in np.ndindex(shape)]


def _distinct(labels: Sequence[Any], length: int) -> list[str]:
    """Return the labels of an axis as parts of names; numbers where they do not tell all its elements apart."""
    words = ["_".join(str(label).split()) for label in labels]
    is_usable = len(words) == length and all(words) and len(set(words)) == length
    return words if is_usable else [str(index) for index in range(length)]


def _leave_to_sources() -> None:
    """
    Let sunpy hand IMAP's files to its sources.

    ``TimeSeries`` reads every CDF file by itself, and asks no source about it. A file of the mission is given back
    unread instead, as it does with files that it cannot read; for all others nothing changes.
    """
    original = getattr(TimeSeriesFactory, "_read_file", None)
    if original is None or hasattr(original, "_before_imap"):
        return

    @wraps(original)
    def read_file(fname: Any, **kwargs: Any) -> Any:
        return [fname] if not kwargs.get("source") and is_of_mission(fname) else original(fname, **kwargs)

    read_file._before_imap = original  # type: ignore[attr-defined]
    TimeSeriesFactory._read_file = staticmethod(read_file)


_leave_to_sources()
