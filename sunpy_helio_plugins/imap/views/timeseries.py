"""
Files of IMAP as `~sunpy.timeseries.TimeSeries`.

Imported together with `sunpy.timeseries`, since that import is slow. sunpy reads all CDF files itself without its
sources; it returns nothing if DEPEND_0 does not contain a time variable, and omits variables of more than two
dimensions. Files of IMAP are passed to its sources instead, as files of other kinds are, and read by
`sunpy_helio_plugins.imap.read`; ``source="imap"`` does this for any CDF file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from astropy import units as u
from astropy.table import Table
from astropy.time import Time
from sunpy.timeseries import GenericTimeSeries
from sunpy.timeseries.timeseries_factory import TimeSeriesFactory
from sunpy.util import MetaDict

from sunpy_helio_plugins.arguments import RECORDS, TEXT, TEXTS, integer, listed, optional, shown, taking
from sunpy_helio_plugins.cdf.read import read
from sunpy_helio_plugins.errors import FileError, QueryError, WideColumnsWarning, warn, warn_incomplete
from sunpy_helio_plugins.imap.dataset.meanings import describe
from sunpy_helio_plugins.imap.dataset.timeline import TimelineSegment
from sunpy_helio_plugins.imap.dataset.variables import ProductVariables, UntimedError
from sunpy_helio_plugins.imap.mission import OBSERVATORY, instrument_of, is_of_mission
from sunpy_helio_plugins.io import registration
from sunpy_helio_plugins.quantities.datetimes import to_datetime64
from sunpy_helio_plugins.quantities.fills import for_frame
from sunpy_helio_plugins.series.axes import component_names
from sunpy_helio_plugins.series.views.panel_series import PanelSeries

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST_COLUMNS", "IMAPTimeSeries", "to_timeseries"]

MOST_COLUMNS = 32
"""The default limit of columns for one variable: a spectrogram is not a time series."""


class IMAPTimeSeries(PanelSeries, GenericTimeSeries):
    """
    A time series of IMAP, read from a CDF file: ``TimeSeries(path)``.

    Of several time variables, the default of `~sunpy_helio_plugins.imap.read` is used; ``meta["epochs"]`` lists them
    all, and `to_timeseries` creates a series of any of them. A vector is split into one column for each component, with
    the labels in the file: ``b_gse_x``. The index is in UTC; records within a leap second, which it cannot represent,
    are kept with a warning, see `~sunpy_helio_plugins.quantities.to_datetime64`; those without a time are left out with
    a warning. Missing values are NaN, for which integers are converted to floats.

    Variables with more than 32 elements in a record are left out with a warning, and listed in ``meta["left_out"]``; if
    there are no others, the narrowest of them is included. ``TimeSeries(path, source="imap", columns=["flux"])``
    includes all elements of the variables that are given, and reads no others; ``epoch`` selects a time variable.

    Parameters
    ----------
    data, meta, units
        As of `~sunpy.timeseries.GenericTimeSeries`.
    columns : str or sequence of str, optional
        The variables of a file to include. Defaults to those that do not exceed 32 elements.
    epoch : str, optional
        The time variable of a file, as of `~sunpy_helio_plugins.imap.read`.
    **kwargs
        Arguments of `~sunpy.timeseries.GenericTimeSeries`.

    Examples
    --------
    >>> from sunpy.timeseries import TimeSeries
    >>> from sunpy_helio_plugins import imap
    >>> series = TimeSeries(imap.download("imap_mag_l2_norm-gse_20260110_v001.0002.cdf"))
    >>> series.columns[:3]
    ['b_gse_x', 'b_gse_y', 'b_gse_z']
    >>> series.observatory, series.instrument
    ('IMAP', 'MAG')
    """

    _source = "imap"

    is_datasource_for = registration.datasource(by_path=is_of_mission)

    @taking("imap.IMAPTimeSeries", columns=optional(TEXTS), epoch=optional(TEXT))
    def __init__(
        self,
        data: Any,
        meta: Any = None,
        units: Any = None,
        *,
        columns: str | Sequence[str] | None = None,
        epoch: str | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(data, _File):
            data, meta, units = data.parts([columns] if isinstance(columns, str) else columns, epoch)
        super().__init__(data, meta, units, **kwargs)

    @property
    def observatory(self) -> str:
        """The spacecraft."""
        return OBSERVATORY

    @property
    def instrument(self) -> str:
        """The instrument, in capitals; empty if the file does not name one."""
        return str(self.meta.metadata[0][2].get("instrume", "")) if self.meta.metadata else ""

    def concatenate(
        self, others: GenericTimeSeries | Iterable[GenericTimeSeries], same_source: bool = False, **kwargs: Any
    ) -> GenericTimeSeries:
        """
        Return this series and others as one, sorted by time, with each time once.

        Files of successive days may overlap. Of records with the same time, that of the first series is kept, with the
        columns of the others that it does not have.

        Parameters
        ----------
        others : GenericTimeSeries or iterable of these
            The series to append.
        same_source : bool, optional
            Whether to raise an error for series of other classes.
        **kwargs
            Arguments of `pandas.concat`.

        Returns
        -------
        GenericTimeSeries
            The combined series.

        Raises
        ------
        QueryError
            A column has different units.
        TypeError
            ``same_source`` is true, and a series is of another class.
        """
        series = [others] if isinstance(others, GenericTimeSeries) else list(others)
        _refuse_other_units([self, *series])
        joined = super().concatenate(series, same_source, **kwargs)
        joined._data = _each_instant_once([self._data, *(one.to_dataframe() for one in series)])
        return joined

    @classmethod
    def _parse_file(cls, filepath: Any) -> tuple[_File, MetaDict, dict[str, u.UnitBase]]:
        # sunpy passes the columns to the class only, and not to this method.
        return _File(Path(filepath)), MetaDict(), {}


class _File(NamedTuple):
    """A file that is read when its columns are known."""

    path: Path

    def parts(
        self, columns: Sequence[str] | None, epoch: str | None
    ) -> tuple[pd.DataFrame, MetaDict, dict[str, u.UnitBase]]:
        """Return the data, the metadata and the units of the series."""
        try:
            product = ProductVariables([self.path], epoch, columns)
        except UntimedError:
            table = read(self.path)  # which may have times all the same, such as a range of validity
            name = next((one for one in table.colnames if isinstance(table[one], Time) and table[one].ndim == 1), None)
        else:
            name = product.first.epoch
            whole = TimelineSegment.whole(0, product.first.epochs[name])
            table = product.table([whole], "utc")
        if name is None or not len(table) or np.all(table[name].mask):
            raise self._without_records(table)
        return _parts(describe(table), columns, MOST_COLUMNS, self.path.name)

    def _without_records(self, table: Table) -> FileError:
        return FileError(
            f"{self.path}: the file does not contain records with times, which a TimeSeries requires; "
            f"imap.read returns its content as a table ({', '.join(table.colnames[:9]) or 'no columns'})."
        )


@taking("imap.to_timeseries", table=RECORDS, columns=optional(TEXTS), most=integer(1))
def to_timeseries(table: Table, columns: str | Sequence[str] | None = None, most: int = MOST_COLUMNS) -> IMAPTimeSeries:
    """
    Return a table as a time series.

    Parameters
    ----------
    table : astropy.table.Table
        A table from `sunpy_helio_plugins.imap.read` or `sunpy_helio_plugins.imap.realtime`.
    columns : str or sequence of str, optional
        The columns to include, with all their elements. Defaults to those that do not exceed ``most``, or to the
        narrowest one.
    most : int, optional
        The largest number of columns for one variable if ``columns`` is not given.

    Returns
    -------
    IMAPTimeSeries
        The series, whose index is in UTC and sorted.

    Raises
    ------
    QueryError
        The table does not contain times, or one of the columns.

    Warns
    -----
    IncompleteAnswerWarning
        Records without a time are left out.
    WideColumnsWarning
        Columns are left out.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> table = imap.read(imap.download("imap_mag_l2_norm-gse_20260110_v001.0002.cdf"))
    >>> imap.to_timeseries(table, "b_gse").columns
    ['b_gse_x', 'b_gse_y', 'b_gse_z']
    """
    wanted = [columns] if isinstance(columns, str) else columns
    missing = [name for name in wanted or () if name not in table.colnames]
    if missing:
        raise QueryError(f"The table does not contain {', '.join(missing)}; it has: {', '.join(table.colnames)}.")
    return IMAPTimeSeries(*_parts(table, wanted, most))


def _parts(
    table: Table, wanted: Sequence[str] | None, most: int, file: str = ""
) -> tuple[pd.DataFrame, MetaDict, dict[str, u.UnitBase]]:
    import pandas as pd

    times = next((name for name in table.colnames if isinstance(table[name], Time) and table[name].ndim == 1), None)
    if times is None:
        raise QueryError(f"A TimeSeries requires a one-dimensional column of times, which {shown(table)} lacks.")
    left_out: list[str] = []
    names = [name for name in wanted or table.colnames if not isinstance(table[name], Time)]
    if wanted is None:
        names, left_out = _narrow(table, names, most)
    series: dict[str, Any] = {}
    unit: dict[str, u.UnitBase] = {}
    for name in names:
        for label, values in _split(name, table[name]).items():
            series[label] = values
            unit[label] = getattr(table[name], "unit", None) or u.dimensionless_unscaled
    index, known = _index(table[times], times)
    if count := int(np.sum(~known)):
        warn_incomplete(f"{count} records of {file or 'the table'} without a time were left out of the TimeSeries.")
    frame = pd.DataFrame({name: values[known] for name, values in series.items()}, index=index)
    if not index.is_monotonic_increasing:  # a time series must be sorted to be truncated
        frame = frame.sort_index(kind="stable")
    meta = {key: value for key, value in table.meta.items() if isinstance(value, str | int | float)}
    epochs = ", ".join(table.meta.get("epochs") or ())
    told = {"telescop": OBSERVATORY, "instrume": instrument_of(file, table.meta).upper()}
    return frame, MetaDict({**meta, **told, "epochs": epochs, "left_out": ", ".join(left_out)}), unit


def _narrow(table: Table, names: Sequence[str], most: int) -> tuple[list[str], list[str]]:
    """Return the columns with few elements in a record, or else the narrowest one, and the others; warn of these."""
    sizes = {name: int(np.prod(table[name].shape[1:], dtype=int)) for name in names}
    kept = [name for name in names if sizes[name] <= most]
    numbers = [name for name in names if getattr(table[name], "dtype", np.dtype("U")).kind in "biuf"]
    if numbers and not any(name in kept for name in numbers):
        kept.append(min(numbers, key=sizes.__getitem__))
    wide = [name for name in names if name not in kept]
    if wide or any(sizes[name] > most for name in kept):
        sized = [f"{name} ({' x '.join(map(str, table[name].shape[1:]))})" for name in wide]
        others = f"leaves out {listed(sized, 6)}" if wide else "no others"
        warn(
            f"Variables with more than {most} elements in a record are too wide for a time series, which contains "
            f"{listed(kept, 6)} and {others}: choose variables by columns=[...].",
            WideColumnsWarning,
        )
    return kept, wide


def _refuse_other_units(series: Sequence[GenericTimeSeries]) -> None:
    known: dict[str, u.UnitBase] = {}
    for one in series:
        for name, unit in one.units.items():
            if known.setdefault(name, unit) != unit:
                raise QueryError(f"The column {name!r} is in {known[name]} and in {unit}: convert one of the series.")


def _each_instant_once(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Join frames; for equal times, the row of the first frame is kept, with the columns that it does not have."""
    import pandas as pd

    whole = frames[0]
    for frame in frames[1:]:
        if len(whole) and len(frame) and whole.index[-1] < frame.index[0] and whole.index.is_monotonic_increasing:
            whole = pd.concat([whole, frame], sort=False)
            continue
        added = [name for name in frame.columns if name not in whole.columns]
        common = whole.index.intersection(frame.index)
        if added and len(common):
            whole = whole.join(frame.loc[~frame.index.duplicated(), added])
        rest = frame[~frame.index.isin(common)]
        whole = pd.concat([whole, rest], sort=False) if len(rest) else whole
    whole.index.name = frames[0].index.name
    return whole if whole.index.is_monotonic_increasing else whole.sort_index(kind="stable")


def _index(time: Time, name: str) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Return the index, and which rows have a time."""
    import pandas as pd

    missing = np.broadcast_to(np.asarray(getattr(time, "mask", False), dtype=bool), time.shape)
    return pd.DatetimeIndex(to_datetime64(time[~missing]), name=name), ~missing


def _split(name: str, column: Any) -> dict[str, Any]:
    """Return a column as one-dimensional arrays."""
    mask = getattr(column, "mask", None)
    bare = getattr(column, "unmasked", column)
    values = np.ma.getdata(np.asarray(getattr(bare, "value", bare)))
    if values.ndim == 1:
        return {name: _frame_column(values, mask)}
    flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
    lost = None if mask is None else np.asarray(mask).reshape(flat.shape)
    return {
        f"{name}_{label}": _frame_column(flat[:, number], None if lost is None else lost[:, number])
        for number, label in enumerate(component_names(column))
    }


def _frame_column(values: np.ndarray, mask: Any) -> Any:
    """Return numbers as floats if values can be missing."""
    if values.dtype.kind in "SU":
        return values.astype(object)
    return values if mask is None or values.dtype.kind not in "fiu" else for_frame(values, np.asarray(mask))


def _leave_to_sources() -> None:
    """Make sunpy pass the files of IMAP to its sources."""
    # ``TimeSeries`` reads every CDF file itself without its sources. Files of the mission are returned unread
    # instead, as are files that it cannot read; other files are not affected.
    original = getattr(TimeSeriesFactory, "_read_file", None)
    if original is None or hasattr(original, "_before_imap"):
        return

    @wraps(original)
    def read_file(fname: Any, **kwargs: Any) -> Any:
        return [fname] if not kwargs.get("source") and is_of_mission(fname) else original(fname, **kwargs)

    read_file._before_imap = original  # type: ignore[attr-defined]
    TimeSeriesFactory._read_file = staticmethod(read_file)


_leave_to_sources()
