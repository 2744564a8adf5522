"""Columns of spectra as `ndcube.NDCube`, with times and bins as world coordinates."""

from __future__ import annotations

from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.arguments import TEXT, close_names, shown, taking
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError
from sunpy_helio_plugins.series.axes import Axis, axes_of
from sunpy_helio_plugins.series.records import time_name
from sunpy_helio_plugins.series.sources import table_of
from sunpy_helio_plugins.series.views.mesh import Intervals

if TYPE_CHECKING:
    from ndcube import NDCube

__all__ = ["fixed_centers", "middle", "physical_type", "spectra_of", "to_ndcube"]


@taking("series.to_ndcube", column=TEXT)
def to_ndcube(table: Any, column: str) -> NDCube:
    r"""
    Convert a column of spectra to a cube with axes of time and bins.

    Parameters
    ----------
    table : table, xarray.Dataset or other
        Records of any type that `sunpy_helio_plugins.series.to_table` takes.
    column : str
        The name of a column with several values for each record, such as fluxes for each energy.

    Returns
    -------
    ndcube.NDCube
        Shape (n, \*size), in the order of the table, with an axis of time and one of bins for each further dimension. A
        dimension whose bins are not known, not monotonic or not the same in all records has an axis of pixels;
        ``meta["bins"]`` contains the bins of every dimension. Times are the centres of the intervals of the records,
        which follow from ``timeStampLocation`` and the cadence of a HAPI dataset.

    Raises
    ------
    QueryError
        If the object is of another type, has missing times or fewer than two records, or if the column does not exist,
        is not numeric or has one value for each record.
    MissingDependencyError
        If ndcube is not installed.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> light = hapi.load("lisird", "tsis_ssi_24hr", "2026-01-05", "2026-01-12")
    >>> hapi.to_ndcube(light, "irradiance").array_axis_physical_types
    [('time',), ('em.wl',)]
    """
    found = table_of("series.to_ndcube", table)
    try:
        from ndcube import NDCube
        from ndcube.extra_coords import QuantityTableCoordinate, TimeTableCoordinate
    except ImportError:
        raise MissingDependencyError("Making an NDCube", "ndcube") from None
    values = spectra_of("series.to_ndcube", found, column)
    time = middle("series.to_ndcube", found)
    axes = axes_of(found, column)
    along = [TimeTableCoordinate(time, names="time", physical_types="time")]
    for axis, length in zip(axes, values.shape[1:], strict=True):
        centers = fixed_centers(axis)
        centers = np.arange(length) * u.pix if centers is None else centers
        along.append(QuantityTableCoordinate(centers, names=axis.name, physical_types=physical_type(centers.unit)))
    # The order of world coordinates is the reverse of that of array axes.
    coordinates = reduce(and_, reversed(along))
    plain = getattr(values, "unmasked", values)
    mask = getattr(values, "mask", None)
    return NDCube(
        np.asarray(np.ma.getdata(getattr(plain, "value", plain))),
        wcs=coordinates.wcs,
        mask=None if mask is None else np.asarray(mask),
        unit=getattr(values, "unit", None),
        meta={**(values.info.meta or {}), "name": column, "bins": axes},
    )


def spectra_of(function: str, table: QTable, column: str) -> Any:
    """Return a column of spectra, or raise a `QueryError` that names the function and the columns that are."""
    able = [name for name in table.colnames if _is_spectra(table[name])]
    if column not in able:
        close = close_names(column, able)
        raise QueryError(
            f"{function} takes a column of numbers with several values for each record, not {column!r}; the "
            f"table has: {', '.join(able) or 'none'}.{close}"
        )
    if len(table) < 2:
        raise QueryError(f"{function} takes at least two records, not {len(table)}.")
    return table[column]


def _is_spectra(values: Any) -> bool:
    return not isinstance(values, Time) and getattr(values, "ndim", 1) > 1 and values.dtype.kind in "fiu"


def middle(function: str, table: QTable) -> Time:
    """Return the centre of the interval of each record in UTC, since the coordinates of pixels are at their centres."""
    time = table[time_name(function, table)].utc
    if np.any(time.mask):
        raise QueryError(
            f"{function} takes records with times, and {np.sum(time.mask)} of {shown(table)} have none: remove "
            "these rows."
        )
    shift = Intervals.of(table.meta).shift((time - time[0]).to_value("s"))
    return time + shift * u.s if shift else time


def fixed_centers(axis: Axis) -> u.Quantity | None:
    """Return the centers of bins that are monotonic and the same in all records."""
    centers = axis.centers
    if centers is not None and axis.varies:
        centers = centers[0] if (centers == centers[:1]).all() else None
    if centers is None or not np.isfinite(centers).all():
        return None
    steps = np.diff(centers.value)
    return centers if (steps > 0).all() or (steps < 0).all() else None


def physical_type(unit: u.UnitBase) -> str:
    """Return the name of a physical quantity in a world coordinate system."""
    kinds = {"energy": "em.energy", "frequency": "em.freq", "length": "em.wl", "time": "time.duration"}
    return next((kind for name, kind in kinds.items() if name in unit.physical_type), "custom:pos.bin")
