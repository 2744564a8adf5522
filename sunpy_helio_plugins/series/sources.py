"""Tables of records from the types that `sunpy_helio_plugins.series` converts to, and from others like them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from astropy.table import QTable, Table

from sunpy_helio_plugins.arguments import refused
from sunpy_helio_plugins.series.arrow import table_of_arrow
from sunpy_helio_plugins.series.dataset import table_of_dataset
from sunpy_helio_plugins.series.frames import table_of_frame, table_of_series
from sunpy_helio_plugins.series.records import time_name

__all__ = ["ALLOWED", "table_of", "to_table"]

ALLOWED = (
    "a table of records with times, a TimeSeries of sunpy or astropy, a pandas.DataFrame, an xarray.Dataset or a "
    "pyarrow.Table"
)


def to_table(given: Any) -> QTable:
    """
    Return records of any type as a table with times, units and masks.

    Parameters
    ----------
    given : table, TimeSeries, pandas.DataFrame, xarray.Dataset or pyarrow.Table
        A table of records of any archive, a time series of sunpy or astropy, or what a function of
        `sunpy_helio_plugins.series` returned. Other data frames need a `pandas.DatetimeIndex` or a column of
        ``datetime64``, other data sets a coordinate of ``datetime64``, and other tables of pyarrow a timestamp. Times
        without a time zone are in UTC.

    Returns
    -------
    astropy.table.QTable
        The times and the other columns. Of an object that this package made, the original columns with their units,
        masks, shapes and metadata; columns that were added later follow them. A table is returned as it is.

    Raises
    ------
    QueryError
        The object is of another type or has no times, or a column is not numbers, text or times.
    FileError
        The description that this package wrote is damaged.

    Examples
    --------
    >>> import pandas as pd
    >>> from sunpy_helio_plugins import series
    >>> frame = pd.DataFrame({"speed": [400.0, 410.0]}, pd.date_range("2026-01-10", periods=2, name="Time"))
    >>> series.to_table(frame).colnames
    ['Time', 'speed']
    """
    return table_of("series.to_table", given)


def table_of(function: str, given: Any) -> Any:
    """Return records of any type as a table, or raise a `QueryError` that names the function."""
    if isinstance(given, Table):
        if hasattr(given, "query_attrs"):
            raise refused(function, given, f"{ALLOWED}; read the files of a search first, it")
        time_name(function, given)
        return given
    convert = _converter(given)
    if convert is None:
        raise refused(function, given, ALLOWED)
    return convert(function, given)


def _converter(given: Any) -> Callable[[str, Any], QTable] | None:
    """Return the function for an object, by its class; nothing is imported for this."""
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(given).__mro__}
    known: dict[str, Callable[[str, Any], QTable]] = {
        "sunpy.GenericTimeSeries": table_of_series, "pandas.DataFrame": table_of_frame,
        "xarray.Dataset": table_of_dataset, "pyarrow.Table": table_of_arrow,
    }  # fmt: skip
    return next((function for name, function in known.items() if name in names), None)
