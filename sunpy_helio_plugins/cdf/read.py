"""Read CDF files as tables."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import FLAG, TEXT, TEXTS, one_path, optional, paths, taking
from sunpy_helio_plugins.cdf.columns import as_column, as_support, as_time, is_within
from sunpy_helio_plugins.cdf.merge import joined
from sunpy_helio_plugins.cdf.metadata import FrozenList, LazyMapping
from sunpy_helio_plugins.cdf.records import MAGIC
from sunpy_helio_plugins.cdf.rows import (
    RECORDS,
    SPAN,
    ReadSelection,
    Variables,
    choose,
    epochs_of,
    in_rows,
    prepared,
    without_time,
)
from sunpy_helio_plugins.cdf.variables import Variable, load, salvaged
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.io import registration
from sunpy_helio_plugins.quantities.scales import checked_scale

__all__ = ["FORMAT", "epochs", "read", "register"]


@taking(
    "cdf.read",
    epoch=optional(TEXT),
    columns=optional(TEXTS),
    time=optional(SPAN),
    records=optional(RECORDS),
    salvage=FLAG,
)
def read(
    path: str | Path | Iterable[str | Path],
    epoch: str | None = None,
    *,
    scale: str = "utc",
    columns: str | Iterable[str] | None = None,
    time: Any = None,
    records: Any = None,
    salvage: bool = False,
) -> QTable:
    """
    Read a CDF file, or several of one product.

    Parameters
    ----------
    path : str, pathlib.Path, or iterable of these
        The file. Several files become one table in the order of time; where they overlap, each instant has one row,
        from the file that is given first.
    epoch : str, optional
        The time variable of the records to read, if a file has several. Defaults to that of the ``columns``, to
        ``"epoch"``, in any case of letters, or else to the one on which most data depend.
    scale : {"utc", "tai", "tt", "tdb", "tcb", "tcg"}, optional
        The scale of the times, which their description states. Defaults to UTC; ``"tt"`` is terrestrial time, in which
        the file counts.
    columns : str or iterable of str, optional
        The variables to read besides the time variable. The other variables with one value for each record are not
        decompressed, and are left out; those that do not vary with the records are in ``meta["support"]`` as always.
    time : sunpy.net.attrs.Time, sunpy.time.TimeRange or pair of times, optional
        The range of time to read, in UTC unless the times state another scale. Its start is included, its end is not.
        The time variable is read as a whole; of the others, only the blocks of the file between the first and the last
        record of the range are.
    records : slice or pair of int, optional
        The numbers of the records to read, as of a Python slice; only for a single file. With ``time``, records must be
        in both ranges.
    salvage : bool, optional
        Whether to read what is left of a truncated or damaged file. What is lost is masked or missing, and listed in
        ``meta["problems"]``. Values that do not have a checksum, which are those without compression, are read as they
        are.

    Returns
    -------
    astropy.table.QTable
        The time variable first, exact to the nanosecond, leap seconds included; then the variables that depend on it,
        in the file's order, n-d ones as n-d columns. Fill values are masked, except where they are inside the valid
        range. Times, floats, and integers and texts with a fill value, have a mask whether or not a value is missing.
        A unit that is not recognized is kept as text in ``info.meta["unit_string"]``; ``info.meta`` contains the
        variable's attributes, and the names and labels of its axes.

        ``meta`` contains the file's attributes, of which those that are texts and differ between several files are
        lists with that of each, and

        - ``"epoch"``, the time variable of this table, and ``"epochs"``, the number of records of each time variable of
          the file;
        - ``"support"``, the variables that are not columns (axes, labels, others), each a dict of its ``"values"`` and
          attributes, which is created on first access;
        - ``"problems"``, a list of irregularities of the file.

    Raises
    ------
    FileError
        The file does not exist or cannot be read as CDF, or several files contain different variables.
    QueryError
        The file does not have the time variable ``epoch`` or one of the ``columns``, these do not depend on one time
        variable, or times cannot be given in ``scale``.

    Examples
    --------
    >>> from sunpy_helio_plugins import cdf, imap
    >>> table = cdf.read(imap.download("imap_mag_l2_norm-gse_20260110_v001.0002.cdf"))
    >>> table["b_gse"].unit
    Unit("nT")
    """
    scale = checked_scale(scale)
    files = paths("cdf.read", path, (".cdf",))
    if records is not None and len(files) > 1:
        raise QueryError(f"cdf.read takes records of one file, and {len(files)} files were given; use time.")
    wanted = ReadSelection(epoch, None if columns is None else tuple(columns), time, records)
    tables = [_read(one, wanted, scale, salvage) for one in files]
    return tables[0] if len(tables) == 1 else joined(tables, [str(one) for one in files])


def _read(path: str | Path, selection: ReadSelection, scale: str, salvage: bool) -> QTable:
    loaded, attributes, lost = salvaged(path) if salvage else (*load(path), [])
    variables: Variables = prepared(loaded)
    found = epochs_of(variables)
    chosen = choose(path, selection, found, variables)
    if chosen is None:
        variables = without_time(variables)
    every, problems = in_rows(variables, chosen, found)
    names = [name for name in every if name == chosen or selection.includes(name)]
    rows, inside, untimed = _rows(path, variables, every, chosen, selection)
    parts = variables if rows is None else {**variables, **{name: variables[name].within(rows) for name in names}}
    columns, failed = _columns(path, parts, names, chosen, scale)
    others = [name for name in variables if name not in columns and (name in names or name not in every)]
    support = {
        name: partial(_support, path, variables[name], variables, scale)
        for name in others
        if name not in found and variables[name].depends_on not in found.keys() - {chosen}
    }
    table = QTable(list(columns.values()), names=list(columns), copy=False) if columns else QTable()
    table = table if inside is None else table[inside]
    said = [text for name, text in problems.items() if name in ("", chosen) or selection.includes(name)]
    # What a damaged file has lost is already described, by record.
    absent = [] if salvage else [text for name in columns if (text := _absence(parts[name]))]
    of_file = {
        "epoch": chosen, "epochs": found, "support": LazyMapping(support),
        "problems": FrozenList([*lost, *said, *failed, *absent, *untimed]),
    }  # fmt: skip
    # Attributes of the file with the same names as ours are renamed, not lost.
    own = {(f"{name}_of_file" if name in of_file else name): value for name, value in attributes.items()}
    table.meta = own | of_file
    return table


def _rows(
    path: str | Path, variables: Variables, names: Sequence[str], chosen: str | None, selection: ReadSelection
) -> tuple[range | None, NDArray[np.bool_] | None, list[str]]:
    """
    Return the range of records to read, `None` for all, and which of them to keep, `None` for all.

    Records without a time, which are not in any range of time, are described by a sentence.
    """
    if selection.time is None and selection.records is None:
        return None, None, []
    length = variables[names[0]].records if names else 0
    rows = range(*(selection.records or slice(None)).indices(length)) or range(0)
    if selection.time is None:
        return rows, None, []
    if chosen is None:
        raise QueryError(f"{path} does not have a time variable, so that a range of time cannot be read; use records.")
    inside, missing = (one[rows.start : rows.stop] for one in is_within(variables[chosen], *selection.time))
    count = int(missing.sum())
    untimed = [f"{count} records of {Path(path).name} without a time were left out."] if count else []
    known = np.flatnonzero(inside)
    if not len(known):
        return range(0), None, untimed
    first, last = int(known[0]), int(known[-1]) + 1
    kept = inside[first:last]
    return range(rows.start + first, rows.start + last), None if kept.all() else kept, untimed


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

    Examples
    --------
    >>> from sunpy_helio_plugins import cdf, imap
    >>> cdf.epochs(imap.download("imap_mag_l2_norm-gse_20260110_v001.0002.cdf"))
    {'epoch': 2880}
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
                if isinstance(error, FileError):
                    raise
                raise FileError(f"{path}: the time variable {name} cannot be read ({error}).") from error
            problems.append(f"{name} cannot be read: {error}")
    return made, problems


def _absence(variable: Variable) -> str:
    """Return a description of records that are absent from a variable of which none may be, or an empty text."""
    count = 0 if variable.missing is None or variable.is_sparse else int(variable.missing.sum())
    if not count:
        return ""
    return f"{variable.name}: {count} of {variable.records} records are absent, which the file does not declare."


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
