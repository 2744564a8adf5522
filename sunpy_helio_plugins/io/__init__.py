"""
Tables in files that give them back: ``Table.read`` and ``table.write`` for search results, `read` and `write` for any.

A search result or a series of values is taken apart into columns of numbers and text, which every reader knows, and a
header in JSON that says what they were. Nothing is pickled, and reading imports or executes nothing that a file names.
"""

from __future__ import annotations

from typing import Any

from sunpy_helio_plugins.io import series as _series
from sunpy_helio_plugins.io.files import form_of, plain_from, write_plain
from sunpy_helio_plugins.io.files import named as _named
from sunpy_helio_plugins.quantities.silence import far_years

__all__ = ["read", "write"]


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
        write_plain(_series.plain(table, form), form, args, kwargs)


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
        plain = plain_from(form_of("read", args, kwargs), args, kwargs)
        with _named(args):
            return _series.restored(plain)
