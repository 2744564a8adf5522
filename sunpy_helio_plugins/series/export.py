"""Conversion of tables of records to the types of other packages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from sunpy_helio_plugins.arguments import FLAG, one_path, taking
from sunpy_helio_plugins.errors import FileError, QueryError, local
from sunpy_helio_plugins.quantities.silence import far_years
from sunpy_helio_plugins.series.arrow import arrow_of, table_of_arrow
from sunpy_helio_plugins.series.columns import Losses
from sunpy_helio_plugins.series.dataset import dataset_of
from sunpy_helio_plugins.series.frames import frame_of, units_of
from sunpy_helio_plugins.series.records import KEY, Records, time_name
from sunpy_helio_plugins.series.sources import table_of
from sunpy_helio_plugins.series.views.observers import observer_of
from sunpy_helio_plugins.series.votable import table_of_votable, write_votable
from sunpy_helio_plugins.store.publish import whole_file

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from astropy.timeseries import TimeSeries
    from sunpy.timeseries import GenericTimeSeries

__all__ = [
    "from_parquet", "from_votable", "to_astropy", "to_pandas", "to_parquet", "to_timeseries", "to_votable", "to_xarray",
]  # fmt: skip


def _records(function: str, given: Any, target: str) -> tuple[Records, Losses]:
    losses = Losses(f"{function}: {target}")
    with far_years():
        return Records.of(function, table_of(function, given), losses), losses


def to_pandas(table: Any) -> pd.DataFrame:
    r"""
    Convert records to a data frame of pandas.

    Parameters
    ----------
    table : table, TimeSeries, xarray.Dataset or other
        Records of any type that `to_table` takes.

    Returns
    -------
    pandas.DataFrame
        The times, in nanoseconds and in the time zone UTC, are the index. A column of shape (n, \*size) becomes one
        column for each element, named by its labels (``B_x``) or numbers (``flux_0``). Missing floats are NaN, missing
        times ``NaT``, missing texts `None`; integers and booleans that can be missing have pandas' nullable types.
        ``attrs["units"]`` and ``attrs["descriptions"]`` contain the units and descriptions by column, and
        ``attrs["sunpy_helio_plugins"]`` what `to_table` needs to restore the table.

    Raises
    ------
    QueryError
        If the object is of another type or has no times, or if a column is not numbers, text or times.

    Warns
    -----
    InexactTimeWarning
        Times are within a leap second, and were moved into the last millisecond of the day.

    Examples
    --------
    >>> from astropy.table import QTable
    >>> from astropy.time import Time
    >>> from sunpy_helio_plugins import series
    >>> table = QTable({"Time": Time(["2026-01-10", "2026-01-11"]), "speed": [400, 410]})
    >>> str(series.to_pandas(table).index.tz)
    'UTC'
    """
    records, losses = _records("series.to_pandas", table, "the index of pandas")
    losses.warn()
    return frame_of(records)


def to_xarray(table: Any) -> xr.Dataset:
    r"""
    Convert records to a data set of xarray.

    Parameters
    ----------
    table : table, TimeSeries, pandas.DataFrame or other
        Records of any type that `to_table` takes.

    Returns
    -------
    xarray.Dataset
        One variable for each column, of shape (n, \*size). The first dimension is ``time``, in UTC. Further dimensions
        are named after the bins of the column; fixed bins are coordinates, with their edges as ``bounds``, and bins
        that change with time are coordinates of two dimensions. Labels of vectors are coordinates as well. Attributes
        follow the CF conventions: ``units``, ``long_name``, and times as integers of nanoseconds in netCDF. Missing
        numbers are NaN, for which integers become floats; missing times are ``NaT`` and missing texts empty.

    Raises
    ------
    QueryError
        If the object is of another type or has no times, or if a column is not numbers, text or times.
    MissingDependencyError
        If xarray is not installed.

    Warns
    -----
    InexactTimeWarning
        Times are within a leap second, and were moved into the last millisecond of the day.
    InexactValueWarning
        Integers beyond 2**53 were rounded, since others are missing, or empty texts are among missing ones.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, series
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> data = series.to_xarray(wind)
    >>> data.to_netcdf("wind.nc", engine="h5netcdf")
    >>> data["BGSEc"].units
    'nT'
    """
    records, losses = _records("series.to_xarray", table, "a Dataset of xarray")
    made = dataset_of(records, losses)
    losses.warn()
    return made


@taking("series.to_parquet", overwrite=FLAG)
def to_parquet(table: Any, path: str | Path, *, overwrite: bool = False) -> None:
    r"""
    Write records to a Parquet file for any reader.

    `sunpy_helio_plugins.io.write` also writes Parquet; it keeps leap seconds and coordinates, as text and numbers that
    only this package understands.

    Parameters
    ----------
    table : table, TimeSeries, pandas.DataFrame or other
        Records of any type that `to_table` takes.
    path : str or pathlib.Path
        The file.
    overwrite : bool, optional
        Whether to replace an existing file.

    Raises
    ------
    QueryError
        If the object is of another type or has no times, or if a column has no type in Parquet.
    DiskError
        If the file exists or cannot be written; no part of it is left.

    Warns
    -----
    InexactTimeWarning
        Times are within a leap second, and were moved into the last millisecond of the day.

    Notes
    -----
    Times are of the type ``timestamp[ns, UTC]``. Missing values are nulls. A column of shape (n, \*size) consists of
    lists of a fixed size. The metadata of each field contain ``units`` and ``description``.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, series
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> series.to_parquet(wind, "wind.parquet")
    >>> len(series.from_parquet("wind.parquet"))
    5400
    """
    import pyarrow.parquet

    with whole_file(one_path("series.to_parquet", path), overwrite=overwrite) as stream:
        records, losses = _records("series.to_parquet", table, "the timestamps of Parquet")
        made = arrow_of("series.to_parquet", records)
        losses.warn()
        pyarrow.parquet.write_table(made, stream)


def from_parquet(path: str | Path) -> QTable:
    """
    Read a Parquet file of records.

    Parameters
    ----------
    path : str or pathlib.Path
        A file that `to_parquet` wrote, or another one with a timestamp, whose times are in UTC. For files of
        `sunpy_helio_plugins.io.write` use `sunpy_helio_plugins.io.read`.

    Returns
    -------
    astropy.table.QTable
        The times and the other columns, with units, masks and metadata.

    Raises
    ------
    FileError
        If the file does not exist or is damaged.
    QueryError
        If the file does not contain times, or a column of another type.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, series
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> series.to_parquet(wind, "wind.parquet")
    >>> series.from_parquet("wind.parquet")["BGSEc"].unit
    Unit("nT")
    """
    import pyarrow as pa
    import pyarrow.parquet

    source = one_path("series.from_parquet", path)
    try:
        with local(source, "read"), source.open("rb") as stream:
            found = pyarrow.parquet.read_table(stream)
    except pa.ArrowException as error:
        raise FileError(f"{source} is not a Parquet file ({str(error).partition(chr(10))[0]}).") from error
    try:
        with far_years():
            return table_of_arrow("series.from_parquet", found)
    except FileError as error:
        raise FileError(f"{source}: {error}") from error


@taking("series.to_votable", overwrite=FLAG)
def to_votable(table: Any, path: str | Path, *, overwrite: bool = False) -> None:
    """
    Write records to a VOTable file.

    Parameters
    ----------
    table : table, TimeSeries, pandas.DataFrame or other
        Records of any type that `to_table` takes.
    path : str or pathlib.Path
        The file.
    overwrite : bool, optional
        Whether to replace an existing file.

    Raises
    ------
    QueryError
        If the object is of another type or has no times, or if a column has no type in VOTable.
    DiskError
        If the file exists or cannot be written; no part of it is left.

    Warns
    -----
    InexactValueWarning
        Empty texts are among missing ones, from which they cannot be distinguished in the file.

    Notes
    -----
    Times are ISO 8601 in UTC with nine digits, of the xtype ``timestamp``, so that leap seconds are kept. Numbers are
    binary (BINARY2), and missing ones are null; missing texts are empty. Units are those of VOUnits.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, series
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> series.to_votable(wind, "wind.vot")
    >>> len(series.from_votable("wind.vot"))
    5400
    """
    with whole_file(one_path("series.to_votable", path), overwrite=overwrite) as stream:
        records, losses = _records("series.to_votable", table, "VOTable")
        # Times are written as text.
        losses.leap_seconds, losses.truncated = 0, False
        write_votable("series.to_votable", records, losses, stream)
    losses.warn()


def from_votable(path: str | Path) -> QTable:
    """
    Read a VOTable file of records.

    Parameters
    ----------
    path : str or pathlib.Path
        A file that `to_votable` wrote, or another one with one table and a field of the xtype ``timestamp``.

    Returns
    -------
    astropy.table.QTable
        The times and the other columns, with units, masks and metadata.

    Raises
    ------
    FileError
        If the file does not exist or is damaged.
    QueryError
        If the file does not contain times.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, series
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> series.to_votable(wind, "wind.vot")
    >>> series.from_votable("wind.vot")["BGSEc"].unit
    Unit("nT")
    """
    source = one_path("series.from_votable", path)
    with local(source, "read"), source.open("rb"), far_years():
        return table_of_votable("series.from_votable", source)


def to_timeseries(table: Any) -> GenericTimeSeries:
    r"""
    Convert records to a time series of sunpy.

    Parameters
    ----------
    table : table, pandas.DataFrame, xarray.Dataset or other
        Records of any type that `to_table` takes.

    Returns
    -------
    sunpy.timeseries.GenericTimeSeries
        In the order of time, with an index in UTC. A column of shape (n, \*size) becomes one column for each element,
        as in `to_pandas`. Missing values are NaN, for which integers become floats. An unknown unit is dimensionless.
        ``telescop`` and ``instrume`` in its metadata are the spacecraft and the instrument, as far as the records name
        them.

    Raises
    ------
    QueryError
        If the object is of another type, has no rows, no times or missing ones, or if a column is not numbers, text or
        times.

    Warns
    -----
    InexactTimeWarning
        Times are within a leap second, and were moved into the last millisecond of the day.

    Notes
    -----
    sunpy cannot print a series with columns of text, since it computes the range of every column; its
    ``to_dataframe()`` can be printed.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, series
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> series.to_timeseries(wind).columns[:2]
    ['Magnitude', 'BGSEc_0']
    """
    from sunpy.timeseries import GenericTimeSeries
    from sunpy.util import MetaDict

    records, losses = _records("series.to_timeseries", table, "the index of a TimeSeries")
    lost = int(np.sum(np.isnat(records.time.values)))
    if lost or not len(records.time.values):
        raise QueryError(
            f"series.to_timeseries takes one or more records, each with a time; {lost} of {len(records.time.values)} "
            "have none: remove these rows."
        )
    losses.warn()
    frame = frame_of(records, is_zoned=False, nullable=False)
    description = frame.attrs.pop(KEY)
    frame.attrs = {}
    if not frame.index.is_monotonic_increasing:
        frame = frame.sort_index(kind="stable")
    units = {name: u.dimensionless_unscaled if unit is None else unit for name, unit in units_of(records).items()}
    plain = {key: value for key, value in records.table.meta.items() if isinstance(value, str | int | float)}
    told = zip(("telescop", "instrume"), observer_of(records.table.meta), strict=True)
    return GenericTimeSeries(
        frame, MetaDict({**plain, **{key: name for key, name in told if name}, KEY: description}), units
    )


def to_astropy(table: Any) -> TimeSeries:
    """
    Convert records to a time series of astropy.

    Parameters
    ----------
    table : table, sunpy.timeseries.GenericTimeSeries, pandas.DataFrame or other
        Records of any type that `to_table` takes.

    Returns
    -------
    astropy.timeseries.TimeSeries
        The columns of the table; the one with the times is the first, and named ``time``. Nothing is lost.

    Raises
    ------
    QueryError
        If the object is of another type or has no times, or if another column is named ``time``.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, series
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> type(series.to_astropy(wind)).__name__
    'TimeSeries'
    """
    from astropy.timeseries import TimeSeries

    found = table_of("series.to_astropy", table)
    name = time_name("series.to_astropy", found)
    if name != "time" and "time" in found.colnames:
        raise QueryError(
            f"series.to_astropy names the column {name!r} 'time', and the table has another column of this name: "
            "rename that."
        )
    rest = [one for one in found.colnames if one != name]
    columns = [found[name], *(found[one] for one in rest)]
    return TimeSeries(QTable(columns, names=["time", *rest], meta=found.meta))
