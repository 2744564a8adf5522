"""Maps of the sky as `ndcube.NDCube`, with celestial coordinates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.nddata import StdDevUncertainty
from astropy.table import QTable
from astropy.time import Time
from astropy.utils.masked import Masked

from sunpy_helio_plugins.arguments import TEXT, close_names, listed, one_of, optional, taking
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError
from sunpy_helio_plugins.imap.coverage import map_name
from sunpy_helio_plugins.imap.maps.frames import FRAMES, frame_of
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.series.axes import Axis, axes_of
from sunpy_helio_plugins.series.lazy_table import LazyTable
from sunpy_helio_plugins.series.records import time_name
from sunpy_helio_plugins.series.sources import table_of
from sunpy_helio_plugins.series.views.cube import fixed_centers, physical_type

if TYPE_CHECKING:
    from ndcube import NDCube

__all__ = ["to_skymap"]

_LONGITUDE = re.compile(r"(?:.*_)?(?:lon|longitude)(?:_pixel)?", re.IGNORECASE)
_LATITUDE = re.compile(r"(?:.*_)?(?:lat|latitude)(?:_pixel)?", re.IGNORECASE)
_PIXELS = ("pixel_index", "healpix_index")
_QUANTITIES = ("ena_intensity", "glows_rate", "rate_map")
"""The quantities of maps of atoms, of light and of dust that are the default."""
_RECORDS = "record"
_DATES = ("obs_date", "obs_date_energy_independent")
_OF_PIXELS = ("pixel_longitude", "pixel_latitude")
_BESIDE = re.compile(
    r"(?:exposure_factor|obs_date|obs_date_range)(?:_energy_independent)?|solid_angle|sensitivity|efficiency"
    r"|geometric_function|positional_uncert_(?:theta|phi)"
)
"""Variables of a map that are not of one of its quantities."""


@taking("imap.to_skymap", column=optional(TEXT), frame=optional(one_of(*FRAMES)))
def to_skymap(table: Any, column: str | None = None, *, frame: str | None = None) -> NDCube:
    r"""
    Convert a map of the sky to a cube with celestial coordinates.

    Parameters
    ----------
    table : table, xarray.Dataset or other
        A map as `sunpy_helio_plugins.imap.read` or `sunpy_helio_plugins.imap.open` returns it, or as
        `sunpy_helio_plugins.series` converted it.
    column : str, optional
        The quantity. Defaults to ``"ena_intensity"``, or to the first one of the file if it does not contain that.
    frame : {"hae", "gcs", "hre", "hnu", "hrc"}, optional
        The frame of the longitudes and latitudes of the file. Defaults to that which the file states: in its attribute
        ``Spice_reference_frame``, in its descriptor, or else in ``DICT_KEY``.

    Returns
    -------
    ndcube.NDCube
        Shape (energy, latitude, longitude), or (energy, pixel) for a HEALPix map; with time as the first axis if there
        are several records. The coordinate of an axis of length 1 is in ``global_coords``.

        The coordinates of pixels are a `~astropy.coordinates.SkyCoord` in the mean ecliptic of J2000, which is
        ECLIPJ2000 of SPICE, also for maps along the axes of HRE, HNU and HRC; that of maps in GCS is galactic. Missing
        values are NaN and masked. ``uncertainty`` is the statistical uncertainty. ``meta`` contains ``"frame"``,
        ``"start_time"`` and ``"end_time"``, ``"energy_lower"`` and ``"energy_upper"``, the mission's ``"map_name"`` if
        there is one, such as ``"2026A"``, the attributes of the variable, and the other errors, the exposure, the solid
        angles and the times of observation of the pixels, which are sliced with the cube.

    Raises
    ------
    QueryError
        If the column does not exist or is not a map, if the file does not state the frame, or states two, or if the
        pixels are not on an even grid or do not fit HEALPix. The table contains the values in any case.
    MissingDependencyError
        If ndcube is not installed, or astropy-healpix for a HEALPix map.

    Notes
    -----
    astropy reads ecliptic axes (``ELON``, ``ELAT``) as ICRS, which is wrong by up to 23.4 degrees. This function
    registers the ecliptic frame with astropy, for all coordinate systems of the process that have these axes.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> files = Fido.fetch(Fido.search(a.imap.Map(species="h"), a.Level("l2")), path="{file}")
    >>> sky = imap.to_skymap(imap.read(files[0]))
    >>> sky.shape, sky.meta["frame"]
    ((3, 30, 60), 'hae')
    """
    found = table_of("imap.to_skymap", table.table if isinstance(table, LazyTable) else table)
    try:
        from ndcube import NDCube

        from sunpy_helio_plugins.imap.maps.coordinates import SkyMeta
    except ImportError:
        raise MissingDependencyError("Making a map of the sky", "ndcube") from None
    layout = _Layout.of(found, column)
    system = frame_of(found, layout.column, layout.sky, frame)
    wcs = layout.wcs(system)
    values, mask, unit = layout.floats(layout.column)
    meta, axes = layout.meta(system)
    cube = NDCube(
        values, wcs=wcs, mask=mask | np.isnan(values), unit=unit, uncertainty=layout.uncertainty(),
        meta=SkyMeta(meta, axes=axes, data_shape=values.shape),
    )  # fmt: skip
    for name, kind, value in layout.dropped():
        cube.global_coords.add(name, kind, value)
    return cube


@dataclass(frozen=True)
class _Layout:
    """The axes of a map: ``sky`` are those of the directions, ``kept`` the axes of the cube in its order."""

    table: QTable
    column: str
    sky: tuple[str, ...]

    @classmethod
    def of(cls, table: QTable, column: str | None) -> _Layout:
        """Return the layout of a column, or raise a `QueryError` that names the maps."""
        maps = {name: sky for name in table.colnames if (sky := _sky_axes(_axis_names(table, name)))}
        data = [name for name in maps if (table[name].info.meta or {}).get("VAR_TYPE", "data") == "data"]
        usual = [name for name in _QUANTITIES if name in maps]
        chosen = column or next(iter(usual or data or maps), "")
        if chosen not in maps:
            raise QueryError(
                f"imap.to_skymap takes a column with axes of longitude and latitude or of pixel_index, not {column!r}; "
                f"the table has: {listed(list(maps)) or 'none'}.{close_names(column, maps)}"
            )
        if not len(table):
            raise QueryError(f"imap.to_skymap takes at least one record, and the table of {chosen!r} has none.")
        return cls(table, chosen, maps[chosen])

    @cached_property
    def axes(self) -> dict[str, Axis]:
        """The axes besides that of the records, by name, in the order of the file."""
        return dict(zip(_axis_names(self.table, self.column), axes_of(self.table, self.column), strict=True))

    @cached_property
    def others(self) -> list[str]:
        """The axes with several values that are not of the sky, such as energy."""
        lengths = dict(zip(self.axes, self.table[self.column].shape[1:], strict=True))
        return [name for name in self.axes if name not in self.sky and lengths[name] > 1]

    @cached_property
    def kept(self) -> list[str]:
        """The axes of the cube."""
        return [*([_RECORDS] if len(self.table) > 1 else []), *self.others, *reversed(self.sky)]

    def along(self, name: str) -> list[int]:
        """Return which axes of the cube a column has."""
        dimensions = [_RECORDS, *_axis_names(self.table, name)]
        return [index for index, one in enumerate(self.kept) if one in dimensions]

    def plain(self, name: str) -> tuple[np.ndarray, np.ndarray, u.UnitBase | None]:
        """Return the values of a column as a view along the axes of the cube, their mask and their unit."""
        dimensions = [_RECORDS, *_axis_names(self.table, name)]
        rest = [one for one in dimensions if one in self.kept]
        order = [rest.index(one) for one in self.kept if one in rest]
        index = tuple(slice(None) if one in self.kept else 0 for one in dimensions)
        column = self.table[name]
        # Views and slices of columns copy their metadata.
        values = np.ndarray.view(column, np.ndarray)[index].transpose(order)
        mask = np.asarray(getattr(column, "mask", False), dtype=bool)
        mask = mask[index].transpose(order) if mask.ndim else np.zeros(values.shape, dtype=bool)
        return values, mask, getattr(column, "unit", None)

    def floats(self, name: str) -> tuple[np.ndarray, np.ndarray, u.UnitBase | None]:
        """Return the values of a column as floats along the axes of the cube, NaN where they are missing."""
        values, mask, unit = self.plain(name)
        made = np.array(values, dtype=values.dtype if values.dtype.kind == "f" else float, order="C")
        made[mask] = np.nan
        return made, mask, unit

    def quantity(self, name: str) -> Any:
        """Return a column along the axes of the cube, with its unit and mask, or as times."""
        values, mask, unit = self.plain(name)
        if name in _DATES and values.dtype.kind == "i":
            # The mission's files count in nanoseconds of TT2000.
            return times.from_tt2000(values, mask=mask)
        return Masked(values if unit is None else u.Quantity(values, unit, dtype=values.dtype, copy=False), mask)

    def uncertainty(self) -> StdDevUncertainty | None:
        """Return the statistical uncertainty of the map."""
        name = self._uncertain
        if name is None:
            return None
        values, _, unit = self.floats(name)
        return StdDevUncertainty(values, unit=unit, copy=False)

    @cached_property
    def _uncertain(self) -> str | None:
        said = (self.table[self.column].info.meta or {}).get("uncertainty", {})
        both = {said.get("plus"), said.get("minus")} - {None}
        return both.pop() if len(both) == 1 else said.get("stat_uncert")

    def wcs(self, frame: str) -> Any:
        """Return the coordinates of the cube, the sky first."""
        from ndcube.extra_coords import QuantityTableCoordinate, TimeTableCoordinate
        from ndcube.wcs.wrappers import CompoundLowLevelWCS

        along = [self._directions(frame)]
        tables = []
        for name in reversed(self.others):
            centers = fixed_centers(self.axes[name])
            length = self.table[self.column].shape[1 + list(self.axes).index(name)]
            centers = np.arange(length) * u.pix if centers is None else centers
            tables.append(QuantityTableCoordinate(centers, names=name, physical_types=physical_type(centers.unit)))
        if _RECORDS in self.kept:
            tables.append(TimeTableCoordinate(self._start, names="time", physical_types="time"))
        if tables:
            along.append(reduce(and_, tables).wcs)
        return CompoundLowLevelWCS(*along) if len(along) > 1 else along[0]

    def _directions(self, frame: str) -> Any:
        from sunpy_helio_plugins.imap.maps.coordinates import healpix_wcs, rectangular_wcs

        centers = [self.axes[name].centers for name in self.sky]
        if len(self.sky) == 1:
            length = self.table[self.column].shape[1 + list(self.axes).index(self.sky[0])]
            indices = np.arange(length) if centers[0] is None else centers[0].value.astype(np.int64)
            return healpix_wcs(indices, frame, self.table.meta, self._pixel_centers(length))
        for name, one in zip(self.sky, centers, strict=True):
            if one is None or one.ndim != 1 or not one.unit.is_equivalent(u.deg):
                raise QueryError(
                    f"The axis {name} of the map {self.column!r} has no directions in degrees: use the table, which "
                    "contains the values."
                )
        return rectangular_wcs(centers[0], centers[1], frame)

    def _pixel_centers(self, length: int) -> tuple[Any, Any] | None:
        support = self.table.meta.get("support") or {}
        found = [support[name]["values"] for name in ("longitude", "latitude") if name in support]
        varying = [self.table[name][0] for name in _OF_PIXELS if name in self.table.colnames]
        found = found or [getattr(one, "unmasked", one) for one in varying]
        if len(found) < 2 or any(np.shape(one) != (length,) for one in found):
            return None
        longitude, latitude = (u.Quantity(one, u.deg if not hasattr(one, "unit") else None) for one in found)
        return longitude.to_value(u.deg), latitude.to_value(u.deg)

    @cached_property
    def _start(self) -> Time:
        epoch = self.table[time_name("imap.to_skymap", self.table)].utc
        before = self._duration("epoch_delta_minus")
        return epoch if before is None else epoch - before

    def meta(self, frame: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the metadata of the cube, and the axes of those that are arrays."""
        attributes = self.table[self.column].info.meta or {}
        made = {name: value for name, value in attributes.items() if name not in ("axes", "labels")}
        made |= {"name": self.column, "frame": frame, "Logical_source": self.table.meta.get("Logical_source")}
        axes: dict[str, Any] = {}
        start, end = self._start, self._end
        if _RECORDS in self.kept:
            axes |= {"start_time": 0} | ({} if end is None else {"end_time": 0})
        else:
            start, end = start[0], None if end is None else end[0]
            made |= self._name(start)
        made |= {"start_time": start} | ({} if end is None else {"end_time": end})
        for name in self.others:
            for side, edges in self._edges(name):
                made[f"{name}_{side}"], axes[f"{name}_{side}"] = edges, self.kept.index(name)
        for name in self._beside():
            made[name] = self.quantity(name)
            axes[name] = tuple(self.along(name))
        return made, axes

    def _name(self, start: Time) -> dict[str, str]:
        """Return the mission's name of the map, if it has one."""
        descriptor = str(self.table.meta.get("Logical_source") or "").rpartition("_")[2]
        found = "" if start.masked and np.any(start.mask) else map_name(start.to_datetime().date(), descriptor)
        return {"map_name": found} if found else {}

    @property
    def _end(self) -> Time | None:
        """The end of each record, of the mission's variables of durations."""
        after = [one for one in map(self._duration, ("epoch_delta", "epoch_delta_plus")) if one is not None]
        return self.table[time_name("imap.to_skymap", self.table)].utc + after[0] if after else None

    def _duration(self, name: str) -> u.Quantity | None:
        if name not in self.table.colnames or getattr(self.table[name], "unit", None) is None:
            return None
        bare = u.Quantity(getattr(self.table[name], "unmasked", self.table[name]), dtype=float)
        return bare if bare.unit.is_equivalent(u.s) else None

    def _edges(self, name: str) -> Iterator[tuple[str, u.Quantity]]:
        support, centers = self.table.meta.get("support") or {}, fixed_centers(self.axes[name])
        for side, sign in (("lower", -1), ("upper", 1)):
            delta = support.get(f"{name}_delta_{'minus' if sign < 0 else 'plus'}", {}).get("values")
            if centers is not None and isinstance(delta, u.Quantity) and delta.shape == centers.shape:
                yield side, centers + sign * delta

    def _beside(self) -> list[str]:
        """Return the variables of the pixels that are of this quantity, or of all of them."""
        allowed = {_RECORDS, *self.axes}
        return [
            name
            for name in self.table.colnames
            if (_BESIDE.fullmatch(name) or (name.startswith(f"{self.column}_") and name != self._uncertain))
            and set(self.sky) <= set(_axis_names(self.table, name)) <= allowed
        ]

    def dropped(self) -> Iterator[tuple[str, str, Any]]:
        """Yield the name, the physical type and the value of each axis of length 1 that is not in the cube."""
        for name, axis in self.axes.items():
            centers = axis.centers if name not in (*self.others, *self.sky) else None
            if centers is not None:
                yield name, physical_type(centers.unit), centers.ravel()[0]


def _axis_names(table: QTable, name: str) -> list[str]:
    """Return the names of the axes of a column after that of the records."""
    shape = getattr(table[name], "shape", ())[1:]
    meta = table[name].info.meta or {}
    said = [str(one) for one in meta.get("axes", ())] if isinstance(meta.get("axes"), Sequence) else []
    return [said[index] if index < len(said) and said[index] else f"axis {index}" for index in range(len(shape))]


def _sky_axes(names: Sequence[str]) -> tuple[str, ...]:
    """Return the axes of longitude and latitude, or of HEALPix pixels; nothing for a column that is not a map."""
    pixels = [name for name in names if name in _PIXELS]
    if len(pixels) == 1:
        return (pixels[0],)
    found = [[name for name in names if pattern.fullmatch(name)] for pattern in (_LONGITUDE, _LATITUDE)]
    return tuple(one[0] for one in found) if all(len(one) == 1 for one in found) else ()
