"""Spectra as `ndcube.NDCube`, with the energies and uncertainties of the mission's files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.nddata import StdDevUncertainty
from astropy.table import QTable
from astropy.utils.masked import Masked

from sunpy_helio_plugins.arguments import PLACE, TEXT, optional, taking
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError
from sunpy_helio_plugins.series.axes import Axis, axes_of
from sunpy_helio_plugins.series.lazy_table import LazyTable
from sunpy_helio_plugins.series.sources import table_of
from sunpy_helio_plugins.series.views.cube import fixed_centers, middle, physical_type, spectra_of

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from ndcube import NDCube

__all__ = ["to_spectra"]


@taking("imap.to_spectra", column=TEXT, observer=optional(PLACE))
def to_spectra(table: Any, column: str, *, observer: SkyCoord | None = None) -> NDCube:
    r"""
    Convert a column of spectra to a cube with axes of time, energy and angles, and its uncertainty.

    Parameters
    ----------
    table : table, xarray.Dataset or other
        Records as `sunpy_helio_plugins.imap.read` or `sunpy_helio_plugins.imap.open` returns them, or as
        `sunpy_helio_plugins.series` converted them.
    column : str
        The name of a column with several values for each record, such as ``"flux"`` of SWE.
    observer : SkyCoord, optional
        The position of the spacecraft, one for all records or one for each, which the files of spectra do not contain.
        ``sunpy.coordinates.spice`` returns it from the files of `sunpy_helio_plugins.imap.kernels`.

    Returns
    -------
    ndcube.NDCube
        Shape (n, \*size). The coordinates of an axis are those of its variable in the file (``DEPEND_1`` and on). Where
        that only counts steps, they are the energies that the file has for these steps, such as ``esa_energy`` of
        SWAPI, if they are monotonic and the same in all records; else the axis is one of steps, and ``meta`` contains
        the energies, with the shape (n, k).

        Missing values are NaN and masked. ``uncertainty`` is that which the file names for the column; if it is not the
        same upwards and downwards, both are in ``meta``. ``meta`` also contains the edges of the bins of each axis, as
        ``"<axis>_lower"`` and ``"<axis>_upper"``, and the ``"observer"`` if it is given. All of them are sliced with
        the cube.

    Raises
    ------
    QueryError
        If the column does not exist, is not numeric or has one value for each record, if times are missing or there are
        fewer than two records, or if there are other numbers of positions than of records.
    MissingDependencyError
        If ndcube is not installed.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> query = a.Time("2026-01-10", "2026-01-11"), a.Instrument("swe"), a.Level("l2"), a.imap.File()
    >>> table = imap.read(Fido.fetch(Fido.search(*query), path="{file}")[0])
    >>> imap.to_spectra(table, "flux").array_axis_physical_types
    [('time',), ('em.energy',), ('custom:pos.bin',), ('custom:pos.bin',)]
    """
    found = table_of("imap.to_spectra", table.table if isinstance(table, LazyTable) else table)
    try:
        from ndcube import NDCube
        from ndcube.extra_coords import QuantityTableCoordinate, TimeTableCoordinate

        from sunpy_helio_plugins.series.views.cube_meta import CubeMeta
    except ImportError:
        raise MissingDependencyError("Making an NDCube", "ndcube") from None
    spectra_of("imap.to_spectra", found, column)
    values, mask, unit = _plain(found, column)
    values = values.astype(values.dtype if values.dtype.kind == "f" else float)
    values[mask] = np.nan
    meta, axes = {**(found[column].info.meta or {}), "name": column}, dict[str, Any]()
    meta["Logical_source"] = found.meta.get("Logical_source")
    if observer is not None:
        meta["observer"], axes["observer"] = _observer(observer, len(found)), 0
    along = [TimeTableCoordinate(middle("imap.to_spectra", found), names="time", physical_types="time")]
    for number, axis in enumerate(axes_of(found, column), 1):
        name, centers = _centers(found, axis, values.shape[number])
        along.append(QuantityTableCoordinate(centers, names=name, physical_types=physical_type(centers.unit)))
        for key, edges in _edges(found, axis):
            meta[key], axes[key] = edges, number
        for key in _energies(found, axis):
            meta[key], axes[key] = _quantity(found, key), (0, number)
    uncertainty, others = _uncertainty(found, column)
    for key in others:
        meta[key], axes[key] = _quantity(found, key), tuple(range(values.ndim))
    return NDCube(
        values, wcs=reduce(and_, reversed(along)).wcs, mask=mask | np.isnan(values), unit=unit, uncertainty=uncertainty,
        meta=CubeMeta(meta, axes=axes, data_shape=values.shape),
    )  # fmt: skip


def _observer(observer: SkyCoord, length: int) -> SkyCoord:
    """Return a position for each record."""
    if observer.shape not in ((), (1,), (length,)):
        raise QueryError(
            f"imap.to_spectra: the observer is one position, or one for each of the {length} records, not "
            f"{' x '.join(map(str, observer.shape))} positions."
        )
    return observer if observer.shape == (length,) else observer.reshape(1)[np.zeros(length, dtype=int)]


def _plain(table: QTable, name: str) -> tuple[np.ndarray, np.ndarray, u.UnitBase | None]:
    """Return the values of a column as an array, their mask and their unit."""
    column = table[name]
    bare = getattr(column, "unmasked", column)
    values = np.array(np.ma.getdata(getattr(bare, "value", bare)))
    mask = np.broadcast_to(np.asarray(getattr(column, "mask", False), dtype=bool), values.shape)
    return values, np.array(mask), getattr(column, "unit", None)


def _quantity(table: QTable, name: str) -> Any:
    values, mask, unit = _plain(table, name)
    return Masked(values if unit is None else u.Quantity(values, unit, dtype=values.dtype, copy=False), mask)


def _energies(table: QTable, axis: Axis) -> Iterator[str]:
    """Yield the columns of energies whose only axis counts steps."""
    if axis.centers is not None and axis.centers.unit != u.one:
        return
    for name in table.colnames:
        axes = (getattr(table[name].info, "meta", None) or {}).get("axes")
        unit = getattr(table[name], "unit", None)
        if axes is not None and list(axes) == [axis.name] and unit is not None and unit.is_equivalent(u.eV):
            yield name


def _centers(table: QTable, axis: Axis, length: int) -> tuple[str, u.Quantity]:
    """Return the name and the coordinates of an axis: energies if the file has them, else its own, else pixels."""
    for name in _energies(table, axis):
        values, mask, unit = _plain(table, name)
        centers = fixed_centers(Axis(name, name, u.Quantity(values, unit, dtype=float), None, None))
        if centers is not None and not mask.any():
            return name, centers
    centers = fixed_centers(axis)
    return axis.name, np.arange(length) * u.pix if centers is None else centers


def _edges(table: QTable, axis: Axis) -> Iterator[tuple[str, u.Quantity]]:
    """Yield the edges of the bins of an axis, of the variables of distances that its variable names."""
    support = table.meta.get("support") or {}
    centers = fixed_centers(axis)
    if centers is None or axis.name not in support:
        return
    for side, key, sign in (("lower", "DELTA_MINUS_VAR", -1), ("upper", "DELTA_PLUS_VAR", 1)):
        delta = support.get(str(support[axis.name].get(key, "")).strip(), {}).get("values")
        if isinstance(delta, u.Quantity) and delta.shape == centers.shape and delta.unit.is_equivalent(centers.unit):
            yield f"{axis.name}_{side}", centers + sign * delta


def _uncertainty(table: QTable, column: str) -> tuple[StdDevUncertainty | None, list[str]]:
    """Return the uncertainty that the file names for a column, and the columns of one that is not symmetric."""
    said = (table[column].info.meta or {}).get("uncertainty", {})
    names = list(dict.fromkeys(said[role] for role in ("plus", "minus") if role in said)) or list(said.values())[:1]
    if len(names) != 1:
        return None, names
    values, mask, unit = _plain(table, names[0])
    values = values.astype(float) if values.dtype.kind != "f" else values
    return StdDevUncertainty(np.where(mask, np.nan, values), unit=unit), []
