"""Read CDF files as tables."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from astropy.table import QTable

from sunpy_helio_plugins.arguments import TEXT, one_path, optional, paths, taking
from sunpy_helio_plugins.cdf.columns import as_column, as_support, as_time
from sunpy_helio_plugins.cdf.merge import joined
from sunpy_helio_plugins.cdf.metadata import FrozenList, LazyMapping
from sunpy_helio_plugins.cdf.records import MAGIC
from sunpy_helio_plugins.cdf.rows import Variables, choose, epochs_of, in_rows, prepared, without_time
from sunpy_helio_plugins.cdf.variables import Variable, load
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.io import registration
from sunpy_helio_plugins.quantities.scales import checked_scale

__all__ = ["FORMAT", "epochs", "read", "register"]


@taking("cdf.read", epoch=optional(TEXT))
def read(path: str | Path | Iterable[str | Path], epoch: str | None = None, *, scale: str = "utc") -> QTable:
    """
    Read a CDF file, or several of one product.

    Parameters
    ----------
    path : str, pathlib.Path, or iterable of these
        The file. Several files become one table in the order of time; where they overlap, each instant has one row,
        from the file that is given first.
    epoch : str, optional
        The time variable of the records to read, if a file has several. Defaults to ``"epoch"``, in any case of
        letters, or else to the one on which most data depend.
    scale : {"utc", "tai", "tt", "tdb", "tcb", "tcg"}, optional
        The scale of the times, which their description states. Defaults to UTC; ``"tt"`` is terrestrial time, in which
        the file counts.

    Returns
    -------
    astropy.table.QTable
        The time variable first, exact to the nanosecond, leap seconds included; then the variables that depend on it,
        in the file's order, n-d ones as n-d columns. Fill values are masked, except where they are inside the valid
        range. Times, floats, and integers and texts with a fill value, have a mask whether or not a value is missing.
        A unit that is not recognized is kept as text in ``info.meta["unit_string"]``; ``info.meta`` contains the
        variable's attributes, and the names and labels of its axes.

        ``meta`` contains the file's attributes and

        - ``"epoch"``, the time variable of this table, and ``"epochs"``, the number of records of each time variable;
        - ``"support"``, the variables that are not columns (axes, labels, others), each a dict of its ``"values"`` and
          attributes, which is created on first access;
        - ``"problems"``, a list of irregularities of the file.

    Raises
    ------
    FileError
        The file does not exist or cannot be read as CDF, or several files contain different variables.
    QueryError
        The file does not have the time variable ``epoch``, or times cannot be given in ``scale``.

    Examples
    --------
    >>> from sunpy_helio_plugins import cdf
    >>> table = cdf.read("wi_h0_mfi_20260110_v05.cdf")  # doctest: +SKIP
    >>> table["BGSE"].unit  # doctest: +SKIP
    Unit("nT")
    """
    scale = checked_scale(scale)
    files = paths("cdf.read", path, (".cdf",))
    tables = [_read(one, epoch, scale) for one in files]
    return tables[0] if len(tables) == 1 else joined(tables, [str(one) for one in files])


def _read(path: str | Path, epoch: str | None, scale: str) -> QTable:
    loaded, attributes = load(path)
    variables: Variables = prepared(loaded)
    found = epochs_of(variables)
    chosen = choose(path, epoch, found, variables)
    if chosen is None:
        variables = without_time(variables)
    rows, problems = in_rows(variables, chosen, found)
    columns, failed = _columns(path, variables, rows, chosen, scale)
    support = {
        name: partial(_support, path, variable, variables, scale)
        for name, variable in variables.items()
        if name not in columns and name not in found and variable.depends_on not in found.keys() - {chosen}
    }
    table = QTable()
    if columns:
        table = QTable(list(columns.values()), names=list(columns), copy=False)
    odd = FrozenList([*problems, *failed])
    of_file = {"epoch": chosen, "epochs": found, "support": LazyMapping(support), "problems": odd}
    # Attributes of the file with the same names as ours are renamed, not lost.
    own = {(f"{name}_of_file" if name in of_file else name): value for name, value in attributes.items()}
    table.meta = own | of_file
    return table


def epochs(path: str | Path) -> dict[str, int]:
    """
    Return the time variables of a CDF file.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    dict
        The number of records of each time variable, by name; each name can be the ``epoch`` of
        `~sunpy_helio_plugins.cdf.read`.

    Raises
    ------
    FileError
        The file does not exist or cannot be read as CDF.
    """
    return epochs_of(prepared(load(one_path("cdf.epochs", path))[0]))


def _columns(
    path: str | Path, variables: Variables, names: Iterable[str], chosen: str | None, scale: str
) -> tuple[dict[str, Any], list[str]]:
    """Return the columns, and a description of each variable that cannot be one; these do not affect the others."""
    made, problems = {}, []
    for name in names:
        variable = variables[name]
        try:
            made[name] = _time(variable, scale) if variable.is_time else as_column(variable, variables)
        except Exception as error:
            if name == chosen:
                raise FileError(f"{path}: the time variable {name} cannot be read ({error}).") from error
            problems.append(f"{name} cannot be read: {error}")
    return made, problems


def _time(variable: Variable, scale: str) -> Any:
    """Return a time variable with a mask: every type of times has a fill value, also for the times of the records."""
    return as_time(variable, scale, may_be_missing=True)


def _support(path: str | Path, variable: Variable, variables: Variables, scale: str) -> dict[str, Any]:
    try:
        return as_support(variable, variables, scale)
    except FileError:
        raise
    except Exception as error:
        raise FileError(f"{path}: {variable.name} cannot be read ({error}).") from error


FORMAT = "cdf"
"""The name of the format, as in ``Table.read(path, format="cdf")``."""


def register() -> None:
    """Register the CDF format with astropy."""
    registration.register_format(FORMAT, _read_format, _recognizes)


def _read_format(path: Any, /, **kwargs: Any) -> QTable:
    """Read a CDF file as a QTable, which keeps the units of integers."""
    given = path if isinstance(path, str | Path) else getattr(path, "name", None)
    if not isinstance(given, str | Path):
        raise FileError(f"Reading CDF needs a path, but got {type(path).__name__}: save it to a file first.")
    return read(given, **kwargs)


def _recognizes(name: str, peek: registration.Peek) -> bool:
    """Return whether a file begins with a CDF magic number; before version 2.6 it is not distinctive."""
    head = peek(8)
    if len(head) < 8 or struct.unpack(">I", head[:4])[0] not in MAGIC:
        return False
    return not head.startswith(b"\0\0") or name.lower().endswith(".cdf")
