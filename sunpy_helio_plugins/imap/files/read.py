"""Read CDF files of the mission, or open them, so that they are read when they are used."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from astropy.table import QTable

from sunpy_helio_plugins import cdf
from sunpy_helio_plugins.arguments import TEXT, optional, taking
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.quantities.scales import checked_scale
from sunpy_helio_plugins.series.lazy_table import LazyTable
from sunpy_helio_plugins.series.views.cube import to_ndcube

if TYPE_CHECKING:
    from sunpy_helio_plugins.imap.views.timeseries import IMAPTimeSeries

__all__ = ["epochs", "open", "read"]


@taking("imap.read", epoch=optional(TEXT))
def read(path: Any, epoch: str | None = None, *, scale: str = "utc") -> QTable:
    """
    Read a CDF file, or several of the same product.

    Parameters
    ----------
    path : str, pathlib.Path, or iterable of these
        The file, or a folder of CDF files. Several files are combined to one table, sorted by time; of records with the
        same time, only that of the first file is kept.
    epoch : str, optional
        The time variable whose records are read, if a file contains several. Defaults to ``"epoch"``, which is not
        case-sensitive, or, if there is none, to the time variable on which most data depend.
    scale : {"utc", "tt"}, optional
        The scale of the times, which is part of their description. Defaults to UTC; ``"tt"`` is terrestrial time, the
        scale of the file.

    Returns
    -------
    astropy.table.QTable
        The time variable, exact to the nanosecond, including leap seconds; then the variables that depend on it, in the
        order of the file, as columns of the same number of dimensions. Fill values are masked, unless they are in the
        valid range. A unit that is not understood is kept as text in ``info.meta["unit_string"]``; ``info.meta`` also
        contains the attributes of the variable, and the names and labels of its axes.

        ``meta`` contains the attributes of the file and

        - ``"epoch"``, the time variable of this table, and ``"epochs"``, the number of records of each one in the file;
        - ``"support"``, the variables that are not part of the rows (axes, labels, others), each a dict of its
          ``"values"`` and attributes, which is created when it is first used;
        - ``"problems"``, the irregularities of the file.

    Raises
    ------
    FileError
        The file does not exist or is not a CDF file, or several files contain different variables.
    QueryError
        ``path`` is not a path, or the file does not contain the time variable ``epoch``.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> table = imap.read("imap_mag_l2_norm-gse_20260110_v001.0002.cdf")  # doctest: +SKIP
    >>> table["b_gse"].unit  # doctest: +SKIP
    Unit("nT")
    """
    return cdf.read(inputs.paths("imap.read", path, (".cdf",)), epoch, scale=scale)


def epochs(path: Any) -> dict[str, int]:
    """
    Return the time variables of a CDF file, each of which can be read as a table.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    dict of int
        The number of records of each time variable, in the order of the file.

    Raises
    ------
    FileError
        The file does not exist, or is not a CDF file.
    """
    return cdf.epochs(inputs.one_path("imap.epochs", path))


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
