"""Write tables of any class of astropy, and time series of sunpy, as plain tables, and read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from astropy.table import QTable, Table

from sunpy_helio_plugins.arguments import refused
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.io import tables
from sunpy_helio_plugins.io.formats import FORMATS, checked, chosen_form, named, plain_from, write_plain
from sunpy_helio_plugins.quantities.silence import far_years

__all__ = ["plain", "read", "restored", "write"]

_INDEX = "index"


def write(table: Any, *args: Any, **kwargs: Any) -> None:
    """
    Write a table or a series, so that `read` restores it with exact times, units, masks and metadata.

    Parameters
    ----------
    table : astropy.table.Table, astropy.timeseries.TimeSeries or sunpy.timeseries.GenericTimeSeries
        A table or series, such as the result of ``hapi.load``, ``imap.read``, a search or ``TimeSeries``.
    *args, **kwargs
        The path, and other arguments of `astropy.table.Table.write`. The format is ECSV, FITS, Parquet, Arrow, HDF5 or
        ASDF, determined by the suffix of the file or by ``format``.

    Raises
    ------
    QueryError
        The format is not supported, or the table contains something that cannot be written, which the message names.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, io
    >>> field = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> io.write(field, "field.ecsv")
    >>> len(io.read("field.ecsv"))
    5400
    """
    args = checked("io.write", args, "write")
    with far_years():
        form = chosen_form("write", args, kwargs)
        write_plain(plain(table, form, kwargs), form, args, kwargs)


def read(*args: Any, **kwargs: Any) -> Any:
    """
    Read a table or a series that was written by `write`, or a search result that was written by its ``write`` method.

    Parameters
    ----------
    *args, **kwargs
        The path, and other arguments of `astropy.table.Table.read`.

    Returns
    -------
    astropy.table.QTable or other
        An object of the class that was written.

    Raises
    ------
    FileError
        The file is damaged, or was not written by this package.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, io
    >>> field = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11", "BGSEc")
    >>> io.write(field, "field.ecsv")
    >>> io.read("field.ecsv")["BGSEc"].unit
    Unit("nT")
    """
    args = checked("io.read", args, "read")
    with far_years():
        stored = plain_from(chosen_form("read", args, kwargs), tables.HEADER, args, kwargs)
        with named(args):
            return restored(stored)


def plain(given: Any, form: str, options: dict[str, Any] | None = None) -> Any:
    """Return a table or a series as a table of plain columns, or raise a `QueryError` if this is not supported."""
    if form not in FORMATS:
        raise QueryError(
            f"The format must be one of {', '.join(FORMATS)}, given by the suffix of the file or by format=..., "
            f"not {form or 'an unknown one'}."
        )
    if hasattr(given, "_kept"):
        return given._plain_for(form, {} if options is None else options)
    if isinstance(given, Table):
        if type(given).__name__ not in _classes():
            given = QTable(given, copy=False)
        return tables.pack(given, form)
    if hasattr(given, "to_dataframe") and hasattr(given, "units"):
        return _of_timeseries(given, form)
    raise refused("io.write", given, "a table or a TimeSeries")


def restored(found: Table) -> Any:
    """Restore a series or a search result from a plain table, or raise a `FileError`."""
    header = tables.header_of(found)
    if header is None:
        raise FileError("This was not written by this package; try QTable.read of astropy.")
    name = header.get("class")
    if name in _classes():
        return tables.unpack(found, header, _classes()[name])[0]
    if name == "GenericTimeSeries":
        return _timeseries(*tables.unpack(found, header))
    return _restore_result(found)


def _refuse_result(found: QTable) -> Any:
    raise FileError("This is a search result; import sunpy.net before you read it.")


_restore_result: Callable[[QTable], Any] = _refuse_result


def restore_results_with(function: Callable[[QTable], Any]) -> None:
    """Register the function that restores search results from plain tables."""
    global _restore_result
    _restore_result = function


def _classes() -> dict[str, type[Table]]:
    from astropy.timeseries import TimeSeries

    return {"Table": Table, "QTable": QTable, "TimeSeries": TimeSeries}


def _of_timeseries(series: Any, form: str) -> Table:
    """Return a sunpy time series as a table of its index, its columns in order, and units and metadata."""
    frame = series.to_dataframe()
    index = frame.index.to_numpy()
    table = Table({_INDEX: index} | {str(place): frame.iloc[:, place].to_numpy() for place in range(frame.shape[1])})
    parts = [
        {"start": part[0].start, "end": part[0].end, "columns": list(part[1]), "meta": dict(part[2]),
         "plain": type(part[2]) is dict}
        for part in series.meta.metadata
    ]  # fmt: skip
    extra = {
        "source": getattr(series, "_source", None), "columns": [str(name) for name in frame.columns],
        "units": {str(name): unit for name, unit in series.units.items()}, "parts": parts, "index": frame.index.name,
    }  # fmt: skip
    made = tables.pack(table, form, extra)
    return tables.renamed(made, "GenericTimeSeries")


def _timeseries(table: Table, extra: Mapping[str, Any]) -> Any:
    """Return a sunpy time series, of its original source if this is known."""
    import pandas as pd
    from sunpy.time import TimeRange
    from sunpy.timeseries import GenericTimeSeries, TimeSeries, TimeSeriesMetaData
    from sunpy.util import MetaDict

    try:
        columns = [np.asarray(table[str(place)]) for place in range(len(extra["columns"]))]
        index = pd.DatetimeIndex(np.asarray(table[_INDEX]), name=extra["index"])
        frame = pd.DataFrame(dict(enumerate(columns)), index=index)
        frame.columns = pd.Index(extra["columns"])
        parts = [
            (TimeRange(one["start"], one["end"]), one["columns"], (dict if one["plain"] else MetaDict)(one["meta"]))
            for one in extra["parts"]
        ]
        meta = TimeSeriesMetaData(parts[0][2], *parts[0][:2]) if parts else None
        if meta is not None:
            # Unchanged: the method of the class would sort the entries, and convert their names to lower case.
            meta.metadata = parts
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"The series is damaged: {error}.") from error
    known = {getattr(kind, "_source", None): kind for kind in TimeSeries.registry}
    kind = known.get(extra.get("source"), GenericTimeSeries) if extra.get("source") else GenericTimeSeries
    return kind(frame, meta, dict(extra["units"]))
