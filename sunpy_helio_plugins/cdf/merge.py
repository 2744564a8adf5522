"""Tables of several files as one: in the order of time, each instant that several files hold once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.table import QTable, vstack
from numpy.typing import NDArray

from sunpy_helio_plugins.cdf.metadata import FrozenList
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.quantities.days import split_time

__all__ = ["joined"]


def joined(tables: Sequence[QTable], names: Sequence[str]) -> QTable:
    """
    Return the records of several files.

    Files of successive days may overlap. Of records at one time the one of the file that was given first counts;
    records of one file that share a time are all kept, and so are those without a time.

    Parameters
    ----------
    tables : sequence of astropy.table.QTable
        As from `sunpy_helio_plugins.cdf.read`.
    names : sequence of str
        The files, for messages.

    Raises
    ------
    FileError
        The files do not hold the same variables.
    """
    first = tables[0]
    epoch = first.meta["epoch"]
    for table, name in zip(tables[1:], names[1:], strict=True):
        if table.colnames != first.colnames:
            raise FileError(
                f"{names[0]} and {name} hold different variables ({_difference(first, table)}): read the files of one "
                "product at a time."
            )
    if epoch is None:
        raise FileError(f"{names[0]} has no time variable, by which files could be joined: read one file at a time.")
    whole = vstack(list(tables), metadata_conflicts="silent")
    missing = np.concatenate([np.broadcast_to(np.asarray(table[epoch].mask), len(table)) for table in tables])
    if missing.any():
        # astropy 7.0 forgets the mask where the first of the stacked times has none.
        whole[epoch][missing] = np.ma.masked
    rows, repeated = _order(whole[epoch], missing, [len(table) for table in tables])
    problems = dict.fromkeys(problem for table in tables for problem in table.meta["problems"])
    if repeated:
        problems[f"{repeated} records are at times that an earlier one of the files holds too: left out."] = None
    made = whole[rows]
    for name in made.colnames:
        made[name].info.meta, made[name].info.description = first[name].info.meta, first[name].info.description
    length = {name: len(made) if name == epoch else count for name, count in first.meta["epochs"].items()}
    made.meta = {**first.meta, "epochs": length, "problems": FrozenList(problems)}
    return made


def _order(time: Any, missing: NDArray[np.bool_], lengths: Sequence[int]) -> tuple[NDArray[np.int64], int]:
    """Return the rows to keep, in the order of time, and how many are left out; those without a time stand last."""
    known = np.flatnonzero(~missing)
    day, nano = split_time(time[known].unmasked if hasattr(time, "unmasked") else time[known])
    file = np.repeat(np.arange(len(lengths)), lengths)[known]
    order = np.lexsort((known, nano, day))
    is_first = np.append(True, (np.diff(day[order]) != 0) | (np.diff(nano[order]) != 0))[: len(order)]
    group = np.cumsum(is_first) - 1
    # Rows are in the order of the files, so that the first of a group is of the file that counts.
    kept = file[order] == file[order][is_first][group]
    return np.concatenate([known[order][kept], np.flatnonzero(missing)]), int((~kept).sum())


def _difference(one: QTable, other: QTable) -> str:
    apart = [name for name in (*one.colnames, *other.colnames) if (name in one.colnames) != (name in other.colnames)]
    return ", ".join(dict.fromkeys(apart)) or "their order"
