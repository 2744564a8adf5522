"""Series of values in files, as plain tables: tables of any class of astropy, and sunpy's time series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from astropy.table import QTable, Table

from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.io import tables
from sunpy_helio_plugins.io.files import FORMATS, form_of, named, plain_from, write_plain
from sunpy_helio_plugins.quantities.silence import far_years

__all__ = ["plain", "read", "restored", "write"]

_INDEX = "index"


def write(table: Any, *args: Any, **kwargs: Any) -> None:
    """
    Write a table or a series so that `read` gives it back: times to the last bit, units, masks and metadata.

    Parameters
    ----------
    table : astropy.table.Table, astropy.timeseries.TimeSeries or sunpy.timeseries.GenericTimeSeries
        Such as ``hapi.load``, ``imap.read``, a search or ``TimeSeries`` of a file return.
    *args, **kwargs
        The path, and what else `astropy.table.Table.write` takes. The format is ECSV, FITS, Parquet, HDF5 or ASDF, by
        the name of the file or by ``format``.

    Raises
    ------
    QueryError
        Another format, or something in the table that cannot be written: the message names it.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, io
    >>> field = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")  # doctest: +SKIP
    >>> io.write(field, "field.asdf")  # doctest: +SKIP
    >>> io.read("field.asdf")  # doctest: +SKIP
    """
    with far_years():
        form = form_of("write", args, kwargs)
        write_plain(plain(table, form), form, args, kwargs)


def read(*args: Any, **kwargs: Any) -> Any:
    """
    Read a table or a series that was written by `write`, or a search result that its own ``write`` wrote.

    Parameters
    ----------
    *args, **kwargs
        The path, and what else `astropy.table.Table.read` takes.

    Returns
    -------
    astropy.table.QTable or other
        Of the class that was written.

    Raises
    ------
    FileError
        The file is damaged, or was written by something else.
    """
    with far_years():
        stored = plain_from(form_of("read", args, kwargs), args, kwargs)
        with named(args):
            return restored(stored)


def plain(given: Any, form: str) -> Table:
    """
    Return a series as a table of plain columns.

    Parameters
    ----------
    given : astropy.table.Table or sunpy.timeseries.GenericTimeSeries
        The series; a search result is kept with what belongs to it.
    form : str
        The format.

    Raises
    ------
    QueryError
        It is neither, or the format does not keep everything.
    """
    if form not in FORMATS:
        raise QueryError(
            f"A table is kept in one of the formats {', '.join(FORMATS)}, by the name of its file or by format=..., "
            f"not in {form or 'one that its name does not tell'}."
        )
    if hasattr(given, "_kept"):
        return tables.pack(given, form, given._kept())
    if isinstance(given, Table):
        if type(given).__name__ not in _classes():
            given = QTable(given, copy=False)
        return tables.pack(given, form)
    if hasattr(given, "to_dataframe") and hasattr(given, "units"):
        return _of_timeseries(given, form)
    raise QueryError(f"A table or a TimeSeries can be written, not a {type(given).__name__}.")


def restored(found: Table) -> Any:
    """
    Return the series, or the search result, that a plain table was.

    Parameters
    ----------
    found : astropy.table.Table
        What was read.

    Raises
    ------
    FileError
        It is none of them, or damaged.
    """
    header = tables.header_of(found)
    if header is None:
        raise FileError("This was not written by this package; astropy's QTable.read may read it.")
    name = header.get("class")
    if name in _classes():
        return tables.unpack(found, header, _classes()[name])[0]
    if name == "GenericTimeSeries":
        return _timeseries(*tables.unpack(found, header))
    return _restore_result(found)


def _refuse_result(found: QTable) -> Any:
    raise FileError("This is a search result; import sunpy.net before it is read.")


_restore_result: Callable[[QTable], Any] = _refuse_result


def restore_results_with(function: Callable[[QTable], Any]) -> None:
    """
    Let search results be restored by a function of their own table class.

    Parameters
    ----------
    function : callable
        Called with a plain table; returns the search result that it was.
    """
    global _restore_result
    _restore_result = function


def _classes() -> dict[str, type[Table]]:
    from astropy.timeseries import TimeSeries

    return {"Table": Table, "QTable": QTable, "TimeSeries": TimeSeries}


def _of_timeseries(series: Any, form: str) -> Table:
    """Return one of sunpy's series: its index as instants, its columns in their order, units and metadata beside."""
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
    """Return one of sunpy's series, of the source that it was of where that is known."""
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
            # As they were: its own way of adding them would sort them, and fold the names of entries.
            meta.metadata = parts
    except (KeyError, TypeError, ValueError) as error:
        raise FileError(f"The series is damaged: {error}.") from error
    known = {getattr(kind, "_source", None): kind for kind in TimeSeries.registry}
    kind = known.get(extra.get("source"), GenericTimeSeries) if extra.get("source") else GenericTimeSeries
    return kind(frame, meta, dict(extra["units"]))
