"""Spectrograms of IMAP as `ndcube.NDCube`, with times and energies as world coordinates."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Table
from astropy.time import Time

from sunpy_helio_plugins.arguments import RECORDS, TEXT, shown, taking
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError

__all__ = ["to_ndcube"]


@taking("imap.to_ndcube", table=RECORDS, column=TEXT)
def to_ndcube(table: Table, column: str) -> Any:
    """
    Return a column of a table as a cube of data with coordinates.

    Parameters
    ----------
    table : astropy.table.Table
        A table from `sunpy_helio_plugins.imap.read`.
    column : str
        The name of a column of at least two dimensions.

    Returns
    -------
    ndcube.NDCube
        A cube whose first axis is time. The other axes have the values in the file if these are monotonic with one
        value for each bin; otherwise they are numbered.

    Raises
    ------
    QueryError
        The table does not contain the column, or it has one dimension.
    MissingDependencyError
        ndcube is not installed.
    """
    try:
        from ndcube import NDCube
        from ndcube.extra_coords import QuantityTableCoordinate, TimeTableCoordinate
    except ImportError:
        raise MissingDependencyError("Making cubes of spectrograms", "ndcube") from None

    if column not in table.colnames or getattr(table[column], "ndim", 1) < 2:
        able = [name for name in table.colnames if getattr(table[name], "ndim", 1) > 1]
        raise QueryError(
            f"{column!r} is not a column of two or more dimensions; the table has: {', '.join(able) or 'none'}."
        )
    instants = (table[name] for name in table.colnames if isinstance(table[name], Time) and table[name].ndim == 1)
    times = next(instants, None)
    if times is None or np.any(times.mask):
        raise QueryError(
            f"imap.to_ndcube needs times without missing values, unlike {shown(table)}: remove the rows without one."
        )
    values = table[column]
    axes = list((values.info.meta or {}).get("axes", ()))
    along = [TimeTableCoordinate(times.utc, names="time", physical_types="time")]
    for number, size in enumerate(values.shape[1:]):
        name = (axes[number] if number < len(axes) else "") or f"axis_{number + 1}"
        along.append(QuantityTableCoordinate(_bins(table, name, size), names=name))
    # The order of world coordinates is the reverse of that of array axes.
    coordinates = reduce(and_, reversed(along))
    mask = getattr(values, "mask", None)
    bare = getattr(values, "unmasked", values)
    return NDCube(
        np.asarray(getattr(bare, "value", bare)),
        wcs=coordinates.wcs,
        mask=None if mask is None else np.asarray(mask),
        unit=getattr(values, "unit", None),
        meta={"name": column, **(values.info.meta or {})},
    )


def _bins(table: Table, name: str, size: int) -> u.Quantity:
    """Return the values along an axis, or numbers if the file does not contain valid ones."""
    support = table.meta.get("support") or {}
    found = support[name].get("values") if name in support else _constant(table, name)
    if found is not None and np.ndim(found) == 1 and len(found) == size and np.asarray(found).dtype.kind in "fiu":
        steps = np.diff(np.asarray(getattr(found, "value", found), dtype=float))
        if (steps > 0).all() or (steps < 0).all():
            return u.Quantity(found, dtype=float)
    return np.arange(size) * u.pix


def _constant(table: Table, name: str) -> Any:
    """Return the value of a column if all rows are equal: some files contain the energies in each record."""
    if name not in table.colnames or isinstance(table[name], Time) or table[name].ndim != 2 or not len(table):
        return None
    column = table[name]
    bare = getattr(column, "unmasked", column)
    is_missing = np.any(np.asarray(getattr(column, "mask", False)))
    return bare[0] if not is_missing and (np.asarray(bare) == np.asarray(bare[0])).all() else None
