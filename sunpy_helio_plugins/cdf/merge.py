"""Merge the tables of several files: in the order of time, without repeated instants."""

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
    Return the records of several files as one table; raise `FileError` if their variables differ.

    Files of successive days may overlap. Of the records at one time, those of the file that was given first are kept.
    Records of one file that share a time are all kept, and so are records without a time.
    """
    first = tables[0]
    epoch = first.meta["epoch"]
    for table, name in zip(tables[1:], names[1:], strict=True):
        if table.colnames != first.colnames:
            raise FileError(
                f"{names[0]} and {name} contain different variables ({_difference(first, table)}): read the files of "
                "one product at a time."
            )
    if epoch is None:
        raise FileError(f"{names[0]} does not have a time variable to join files by: read one file at a time.")
    whole = vstack(list(tables), metadata_conflicts="silent")
    missing = np.concatenate([np.broadcast_to(np.asarray(table[epoch].mask), len(table)) for table in tables])
    if missing.any():
        # astropy 7.0 drops the mask if the first of the stacked times is not masked.
        whole[epoch][missing] = np.ma.masked
    rows, repeated = _order(whole[epoch], missing, [len(table) for table in tables])
    problems = dict.fromkeys(problem for table in tables for problem in table.meta["problems"])
    if repeated:
        problems[f"{repeated} records were left out: an earlier file also contains their times."] = None
    made = whole[rows]
    for name in made.colnames:
        made[name].info.meta, made[name].info.description = first[name].info.meta, first[name].info.description
    length = {name: len(made) if name == epoch else count for name, count in first.meta["epochs"].items()}
    made.meta = {**_attributes(tables), "epochs": length, "problems": FrozenList(problems)}
    return made


def _attributes(tables: Sequence[QTable]) -> dict[str, Any]:
    """Return the metadata of the first table; an attribute that differs between files is a list with that of each."""
    made = dict(tables[0].meta)
    for name, value in made.items():
        values = [table.meta.get(name) for table in tables]
        if isinstance(value, str) and any(other != value for other in values):
            made[name] = FrozenList(values)
    return made


def _order(time: Any, missing: NDArray[np.bool_], lengths: Sequence[int]) -> tuple[NDArray[np.int64], int]:
    """Return the rows to keep, in the order of time with rows without a time last, and the number of rows left out."""
    known = np.flatnonzero(~missing)
    day, nano = split_time(time[known].unmasked if hasattr(time, "unmasked") else time[known])
    file = np.repeat(np.arange(len(lengths)), lengths)[known]
    order = np.lexsort((known, nano, day))
    is_first = np.append(True, (np.diff(day[order]) != 0) | (np.diff(nano[order]) != 0))[: len(order)]
    group = np.cumsum(is_first) - 1
    # Rows are in the order of the files, so that the first of a group is from the file to keep.
    kept = file[order] == file[order][is_first][group]
    return np.concatenate([known[order][kept], np.flatnonzero(missing)]), int((~kept).sum())


def _difference(one: QTable, other: QTable) -> str:
    apart = [name for name in (*one.colnames, *other.colnames) if (name in one.colnames) != (name in other.colnames)]
    return ", ".join(dict.fromkeys(apart)) or "their order"
