"""Tables of events as plain tables, which any astropy can write and read, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from astropy.table import Column, MaskedColumn, QTable
from astropy.time import Time

from sunpy_helio_plugins.her.places import Places
from sunpy_helio_plugins.her.polygons import Polygons

if TYPE_CHECKING:
    from sunpy_helio_plugins.her.tables import HERTable

__all__ = ["plain", "rebuilt"]

T = TypeVar("T", bound="HERTable")
AXES = ("lon", "lat")


def plain(table: HERTable) -> QTable:
    """
    Return a table without columns of classes that only this package knows.

    Parameters
    ----------
    table : HERTable
        Events.
    """
    made: dict[str, Any] = {}
    for name in table.colnames:
        column = table[name]
        if isinstance(column, Polygons):
            pieces = np.split(column.vertices, column.offsets[1:-1]) if len(column) else []
            made |= {f"{name}.{axis}": _ragged([piece[:, i] for piece in pieces]) for i, axis in enumerate(AXES)}
        elif isinstance(column, Places):
            gone = np.asarray(column.mask)
            values = np.where(gone[:, None], 0.0, column.values)
            made |= {f"{name}.{axis}": MaskedColumn(values[:, i], mask=gone) for i, axis in enumerate(AXES)}
        else:
            made[name] = column
    meta = {"associations": [dict(edge) for edge in table.edges], "problems": [str(text) for text in table.problems]}
    return QTable(list(made.values()), names=list(made), meta=meta, copy=False)


def _ragged(pieces: list[Any]) -> Column:
    data = np.empty(len(pieces), dtype=object)
    for index, piece in enumerate(pieces):
        data[index] = np.asarray(piece, dtype=float)
    return Column(data)


def rebuilt(cls: type[T], table: QTable) -> T:
    """
    Return the table of events that a plain table was.

    Parameters
    ----------
    cls : type
        The class to make.
    table : astropy.table.QTable
        As `plain` makes it; columns that were added to it are kept.

    Raises
    ------
    ValueError
        It has no column ``raw``, from which everything else is made.
    """
    if "raw" not in table.colnames:
        raise ValueError("This is no table of events: it has no column raw, which holds the registry's records.")
    instants = Time(table["detection_time"]) if "detection_time" in table.colnames else None
    made = cls.from_records(list(table["raw"]), table.meta.get("associations", ()), (), None, instants)
    made.problems = [*table.meta.get("problems", ())]
    parts = {f"{name}.{axis}" for name in made.colnames for axis in AXES}
    for name in table.colnames:
        if name not in made.colnames and name not in parts:
            made[name] = table[name]
    return made
