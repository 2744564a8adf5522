"""Read CDF files of the mission."""

from __future__ import annotations

from typing import Any

from astropy.table import QTable

from sunpy_helio_plugins import cdf
from sunpy_helio_plugins.arguments import TEXT, optional, taking
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.imap.dataset.meanings import describe

__all__ = ["epochs", "read"]


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

        ``meta`` contains the attributes of the file, as `sunpy_helio_plugins.cdf.read` returns them, and

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
    >>> table = imap.read(imap.download("imap_mag_l2_norm-gse_20260110_v001.0002.cdf"))
    >>> table["b_gse"].unit
    Unit("nT")
    >>> len(table)
    2880
    """
    return describe(cdf.read(inputs.paths("imap.read", path, (".cdf",)), epoch, scale=scale))


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

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> imap.epochs(imap.download("imap_mag_l2_norm-gse_20260110_v001.0002.cdf"))
    {'epoch': 2880}
    """
    return cdf.epochs(inputs.one_path("imap.epochs", path))
