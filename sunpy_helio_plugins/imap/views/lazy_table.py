"""Open CDF files of the mission, which are read when they are first used."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.arguments import TEXT, optional, taking
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.imap.files.read import read
from sunpy_helio_plugins.imap.views.ndcube import to_ndcube
from sunpy_helio_plugins.quantities.scales import checked_scale
from sunpy_helio_plugins.series.lazy_table import LazyTable

if TYPE_CHECKING:
    from astropy.table import QTable

    from sunpy_helio_plugins.imap.views.timeseries import IMAPTimeSeries

__all__ = ["open"]


@taking("imap.open", epoch=optional(TEXT))
def open(path: Any, epoch: str | None = None, *, scale: str = "utc") -> LazyTable:  # noqa: A001
    """
    Open a CDF file, or several of the same product, which are read when they are first used.

    Parameters
    ----------
    path, epoch, scale
        As of `sunpy_helio_plugins.imap.read`.

    Returns
    -------
    sunpy_helio_plugins.series.LazyTable
        ``table`` reads the records; ``to_xarray()``, ``to_timeseries()``, ``to_pandas()``, ``to_parquet(path)`` and
        ``to_ndcube(column)`` convert them. A file that cannot be read is a `FileError` at the first use.

    Raises
    ------
    QueryError
        ``path`` is not a path, or the scale is not valid.
    FileError
        A folder does not contain CDF files.
    """
    paths = inputs.paths("imap.open", path, (".cdf",))
    name = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files"
    wanted = partial(read, paths, epoch, scale=checked_scale(scale))
    return LazyTable(name, wanted, _to_timeseries, to_ndcube)


def _to_timeseries(table: QTable, **options: Any) -> IMAPTimeSeries:
    from sunpy_helio_plugins.imap.views.timeseries import to_timeseries  # sunpy.timeseries is slow to import

    return to_timeseries(table, **options)
