"""Read the CDF files of the mission."""

from __future__ import annotations

from typing import Any

from astropy.table import QTable

from sunpy_helio_plugins import cdf
from sunpy_helio_plugins.fido import inputs

__all__ = ["epochs", "read"]


def read(path: Any, epoch: str | None = None, *, scale: str = "utc") -> QTable:
    """
    Read a CDF file, or several of one product.

    Parameters
    ----------
    path : str, pathlib.Path, or iterable of these
        The file, or a folder of CDF files. Several become one table in the order of time; where they overlap, each
        instant has one row, that of the file which is given first.
    epoch : str, optional
        The time variable whose records are wanted, where a file has several. Defaults to ``"epoch"``, in any case of
        letters; where none is called so, to the one on which most data depend.
    scale : {"utc", "tt"}, optional
        The scale of the times, which their description states. Defaults to UTC; ``"tt"`` is terrestrial time, in which
        the file counts.

    Returns
    -------
    astropy.table.QTable
        The time variable first, exact to the nanosecond, leap seconds included; then the variables that depend
        on it, in the file's order, n-d ones as n-d columns. Fill values are masked, except where they lie inside the
        valid range. A unit that is not understood stays text in ``info.meta["unit_string"]``; ``info.meta`` holds the
        variable's attributes, and the names and labels of its axes.

        ``meta`` holds the file's attributes and

        - ``"epoch"``, the time variable of this table, and ``"epochs"``, the records of each one in the file;
        - ``"support"``, the variables that have no place in the rows (axes, labels, others), each a dict of its
          ``"values"`` and attributes, made when it is asked for;
        - ``"problems"``, what is odd about the file.

    Raises
    ------
    FileError
        There is no such file, it cannot be read as CDF, or several do not hold the same variables.
    QueryError
        Something else than paths was given, or the file has no time variable ``epoch``.

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
    Return the time variables of a CDF file, each of which gives a table.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    dict of int
        The number of records of each, by name, in the file's order.

    Raises
    ------
    FileError
        There is no such file, or it cannot be read as CDF.
    """
    return cdf.epochs(inputs.one_path("imap.epochs", path))
