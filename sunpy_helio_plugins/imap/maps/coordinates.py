"""World coordinates of the pixels of maps, of both tilings, and metadata along their axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.wcs import WCS
from astropy.wcs.utils import celestial_frame_to_wcs
from astropy.wcs.wcsapi import BaseLowLevelWCS
from numpy.typing import ArrayLike, NDArray

from sunpy_helio_plugins.errors import MissingDependencyError, QueryError
from sunpy_helio_plugins.imap.maps.frames import celestial, pole_of, rotation
from sunpy_helio_plugins.series.views.cube_meta import CubeMeta

__all__ = ["HEALPixWCS", "SkyMeta", "healpix_wcs", "rectangular_wcs"]

_UNEVEN = 1e-3
"""The largest deviation from an even grid that is due to rounding, in degrees."""


class SkyMeta(CubeMeta):
    """Metadata of a map; to unpickle it imports the frames, without which the axes would be read as ICRS."""


def rectangular_wcs(longitude: u.Quantity, latitude: u.Quantity, frame: str) -> WCS:
    """Return the celestial coordinates of a grid that is even in longitude and latitude."""
    grids = _grid("longitude", longitude), _grid("latitude", latitude)
    first, step = zip(*grids, strict=True)
    made = celestial_frame_to_wcs(celestial(frame), projection="CAR")
    native = first[0] + step[0] * (len(longitude) - 1) / 2
    *center, pole, latitude_of_pole = pole_of(frame, native)
    made.wcs.crval, made.wcs.lonpole, made.wcs.latpole = center, pole, latitude_of_pole
    made.wcs.cdelt, made.wcs.cunit = step, ("deg", "deg")
    made.wcs.crpix = 1 + (native - first[0]) / step[0], 1 - first[1] / step[1]
    made.wcs.set()
    return made


def _grid(name: str, axis: u.Quantity) -> tuple[float, float]:
    """Return the first value and the step of an even axis, in degrees."""
    values = axis.to_value(u.deg).astype(float)
    if len(values) > 1:
        step = (values[-1] - values[0]) / (len(values) - 1)
        if step and np.abs(values - values[0] - step * np.arange(len(values))).max() < _UNEVEN:
            return float(values[0]), float(step)
    raise QueryError(
        f"The {name} of a map must be at least two values with equal steps, and the file has {len(values)} with "
        "others: use the table, which contains the values and the axes."
    )


class HEALPixWCS(BaseLowLevelWCS):
    """
    Celestial coordinates of an array of HEALPix pixels, one pixel axis with two world axes.

    Positions between pixels are those of the nearest one. ``indices`` are the pixels of the array, in ascending order.
    """

    def __init__(self, indices: NDArray[np.integer[Any]], nside: int, order: str, frame: str) -> None:
        try:
            from astropy_healpix import HEALPix
        except ImportError:
            raise MissingDependencyError("A HEALPix map", "healpix") from None
        self._indices, self._grid = indices.astype(np.int64), HEALPix(nside, order)
        self._frame, self._matrix = frame, rotation(frame)

    @property
    def nside(self) -> int:
        """The resolution of the grid."""
        return int(self._grid.nside)

    @property
    def order(self) -> str:
        """The order of the pixels, ``"ring"`` or ``"nested"``."""
        return str(self._grid.order)

    @property
    def pixel_n_dim(self) -> int:
        """The number of pixel axes."""
        return 1

    @property
    def world_n_dim(self) -> int:
        """The number of world axes."""
        return 2

    @property
    def pixel_axis_names(self) -> list[str]:
        """The name of the pixel axis."""
        return ["pixel_index"]

    @property
    def world_axis_physical_types(self) -> list[str]:
        """The physical types of the world axes."""
        kind = "galactic" if self._frame == "gcs" else "ecliptic"
        return [f"pos.{kind}.lon", f"pos.{kind}.lat"]

    @property
    def world_axis_units(self) -> list[str]:
        """The units of the world axes."""
        return ["deg", "deg"]

    @property
    def axis_correlation_matrix(self) -> NDArray[np.bool_]:
        """Which world axes depend on which pixel axes, shape (2, 1)."""
        return np.ones((2, 1), dtype=bool)

    @property
    def array_shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return (len(self._indices),)

    @property
    def pixel_shape(self) -> tuple[int, ...]:
        """The shape of the array in the order of the pixel axes."""
        return self.array_shape

    @property
    def pixel_bounds(self) -> list[tuple[float, float]]:
        """The first and the last position in the array."""
        return [(-0.5, len(self._indices) - 0.5)]

    def pixel_to_world_values(self, *pixel_arrays: ArrayLike) -> tuple[Any, Any]:
        """Return longitudes and latitudes in degrees; NaN outside the array."""
        place = np.asarray(pixel_arrays[0], dtype=float)
        is_inside = (place >= -0.5) & (place < len(self._indices) - 0.5)
        nearest = np.floor(np.where(is_inside, place, 0.0) + 0.5).astype(np.int64)
        longitude, latitude = self._grid.healpix_to_lonlat(self._indices[nearest])
        found = _turned(self._matrix.T, longitude.to_value(u.deg), latitude.to_value(u.deg))
        return np.where(is_inside, found[0], np.nan)[()], np.where(is_inside, found[1], np.nan)[()]

    def world_to_pixel_values(self, *world_arrays: ArrayLike) -> Any:
        """Return the numbers of the pixels in which directions are; NaN outside the array."""
        longitude, latitude = np.broadcast_arrays(*(np.asarray(one, dtype=float) for one in world_arrays))
        is_known = np.isfinite(longitude) & np.isfinite(latitude)
        turned = _turned(self._matrix, np.where(is_known, longitude, 0.0), np.where(is_known, latitude, 0.0))
        wanted = np.asarray(self._grid.lonlat_to_healpix(*(one * u.deg for one in turned)))
        place = np.minimum(np.searchsorted(self._indices, wanted), len(self._indices) - 1)
        return np.where(is_known & (self._indices[place] == wanted), place.astype(float), np.nan)[()]

    @property
    def world_axis_object_components(self) -> list[tuple[Any, ...]]:
        """The components of a SkyCoord from which the world axes are taken."""
        return [("celestial", 0, "spherical.lon.degree"), ("celestial", 1, "spherical.lat.degree")]

    @property
    def world_axis_object_classes(self) -> dict[str, tuple[Any, ...]]:
        """The class of the world axes, a SkyCoord."""
        return {"celestial": (SkyCoord, (), {"frame": celestial(self._frame), "unit": (u.deg, u.deg)})}


def _turned(matrix: NDArray[np.float64], longitude: Any, latitude: Any) -> tuple[Any, Any]:
    """Return longitudes and latitudes in degrees after a rotation."""
    lon, lat = np.radians(longitude), np.radians(latitude)
    vector = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    x, y, z = np.tensordot(matrix, vector, axes=1)
    return np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))


def healpix_wcs(
    indices: NDArray[np.integer[Any]], frame: str, meta: Mapping[str, Any], centers: tuple[Any, Any] | None
) -> HEALPixWCS:
    """Return the celestial coordinates of HEALPix pixels; ``centers`` are those in the file, which must agree."""
    said = str(meta.get("HEALPix_nside") or "").strip()
    nside = int(said) if said.isdigit() else round(np.sqrt(len(indices) / 12))
    nested = str(meta.get("HEALPix_nest") or "").strip().lower()
    orders = {"true": ("nested",), "false": ("ring",)}.get(nested, ("ring", "nested"))
    if not _fits(indices, nside, is_complete=not said.isdigit()):
        raise QueryError(
            f"The {len(indices)} values of pixel_index do not fit a HEALPix grid of nside "
            f"{said or 'that is a power of 2'}: use the table, which contains the values."
        )
    for order in orders:
        made = HEALPixWCS(indices, nside, order, frame)
        if centers is None or _agrees(made, centers):
            return made
    raise QueryError(
        f"The longitude and latitude of the pixels are not those of a HEALPix grid of nside {nside} in "
        f"{' or '.join(orders)} order: use the table, which contains the values."
    )


def _fits(indices: NDArray[np.integer[Any]], nside: int, *, is_complete: bool) -> bool:
    """Return whether indices are ascending pixels of a grid, or all of them."""
    if not len(indices) or nside < 1 or nside & (nside - 1):
        return False
    is_part = indices[0] >= 0 and indices[-1] < 12 * nside**2 and (np.diff(indices.astype(np.int64)) > 0).all()
    return bool(is_part and not (is_complete and len(indices) < 12 * nside**2))


def _agrees(wcs: HEALPixWCS, centers: tuple[Any, Any]) -> bool:
    """Return whether pixels are where the file says, within the rounding of its numbers."""
    longitude, latitude = wcs._grid.healpix_to_lonlat(wcs._indices)
    apart = np.abs((longitude.to_value(u.deg) - centers[0] + 180) % 360 - 180) * np.cos(latitude.to_value(u.rad))
    return bool(np.max(apart) < _UNEVEN and np.max(np.abs(latitude.to_value(u.deg) - centers[1])) < _UNEVEN)
