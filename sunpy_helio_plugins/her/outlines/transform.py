"""The vertices of many outlines in another frame: the Sun's motion and orientation are computed once for each time."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import CartesianRepresentation, SkyCoord
from numpy.typing import NDArray

from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.outlines import sphere
from sunpy_helio_plugins.her.outlines.trace import Shapes

__all__ = ["Vertices"]

Floats = NDArray[np.float64]

FEW = 100
"""The number of vertices up to which coordinates are transformed by sunpy one by one."""

PROBED = np.radians([0.0, 30.0, 60.0])
"""Latitudes at which the rotation of the surface is measured; it is a polynomial of their squared sines."""


class Vertices(SkyCoord):
    """
    The vertices of a column of outlines as one coordinate, each with the time and observer of its event.

    It is a `~astropy.coordinates.SkyCoord`, whose `transform_to` has the same results as that of sunpy.
    """

    def __init__(self, coordinate: Any, shapes: Shapes | None = None, **kwargs: Any) -> None:
        super().__init__(coordinate, **kwargs)
        self.__dict__["_shapes"] = shapes

    def _apply(self, method: Any, *args: Any, **kwargs: Any) -> SkyCoord:
        return SkyCoord(self._sky_coord_frame)._apply(method, *args, **kwargs)

    def __setitem__(self, item: Any, value: Any) -> None:
        raise TypeError("The vertices of a column of outlines do not change.")

    def transform_to(self, frame: Any, merge_attributes: bool = True) -> SkyCoord:
        """Return the vertices in another frame as a plain `~astropy.coordinates.SkyCoord`."""
        plain = SkyCoord(self._sky_coord_frame)
        when = getattr(frame, "obstime", None)
        alone = when is not None and when.isscalar and getattr(frame, "observer", "") is not None
        usual = alone and self._shapes is not None and len(self) > FEW and not np.isnan(self._shapes.instants).any()
        if not usual or _has_screen():
            return plain.transform_to(frame, merge_attributes)
        from sunpy.coordinates import HeliographicStonyhurst

        places = self._stonyhurst(when)
        made = SkyCoord(CartesianRepresentation(*places.T * u.km), frame=HeliographicStonyhurst(obstime=when))
        return made.transform_to(frame, merge_attributes)

    def _stonyhurst(self, when: Any) -> Floats:
        """Return the positions in km in the Stonyhurst frame of another time."""
        shapes = self._shapes
        longitude, latitude, clamped = shapes.on_surface()
        longitude = np.where(clamped, np.nan, longitude)
        days = (frames.parts(when) - shapes.instants).sum(axis=1)
        distinct, first, inverse = np.unique(days, return_index=True, return_inverse=True)
        owners = inverse[shapes.owners]
        origins, axes = _moves(frames.times(shapes.instants[first]), when)
        squares = np.sin(np.radians(latitude)) ** 2
        longitude = longitude + sum(
            rate * squares**power * distinct[owners] for power, rate in enumerate(_rates(when), start=1)
        )
        places = sphere.directions(np.radians(longitude), np.radians(latitude)) * frames.RSUN_KM
        return np.asarray(origins[owners] + np.einsum("vi,vij->vj", places, axes[owners]))


def _has_screen() -> bool:
    """Return whether sunpy assumes a screen, on which positions beyond the limb have a distance."""
    from sunpy.coordinates import HeliographicStonyhurst, Helioprojective

    observer = HeliographicStonyhurst(0 * u.deg, 0 * u.deg, 1 * u.AU, obstime="2020-01-01")
    # sunpy warns if all positions are off the disk.
    places = Helioprojective([0, 1] * u.deg, [0, 0] * u.deg, observer=observer, obstime="2020-01-01")
    return bool(np.isfinite(places.make_3d().distance[1]))


def _moved(places: Floats, before: Any, after: Any) -> Floats:
    from sunpy.coordinates import HeliographicStonyhurst

    source = HeliographicStonyhurst(CartesianRepresentation(*places.T * u.km), obstime=before)
    moved = source.transform_to(HeliographicStonyhurst(obstime=after)).cartesian
    return np.asarray(moved.xyz.to_value("km").T)


def _moves(before: Any, after: Any) -> tuple[Floats, Floats]:
    """Return the Sun's center and the axes at each time, shapes (n, 3) and (n, 3, 3), at another time."""
    number = len(before)
    # On the axis of rotation and on the equator: the third axis follows.
    probes = np.array([[0.0, 0.0, 0.0], [frames.RSUN_KM, 0.0, 0.0], [0.0, 0.0, frames.RSUN_KM]])
    found = _moved(np.repeat(probes, number, axis=0), before[np.tile(np.arange(number), 3)], after)
    origins, x, z = found.reshape(3, number, 3)
    x, z = (x - origins) / frames.RSUN_KM, (z - origins) / frames.RSUN_KM
    return origins, np.stack([x, np.cross(z, x), z], axis=1)


def _rates(when: Any) -> tuple[float, float]:
    """Return the differential rotation that sunpy applies now: degrees per day for each power of the squared sine."""
    from sunpy.coordinates import HeliographicStonyhurst

    source = HeliographicStonyhurst(np.zeros(3) * u.rad, PROBED * u.rad, frames.RSUN_KM * u.km, obstime=when)
    later = source.transform_to(HeliographicStonyhurst(obstime=when + 1 * u.day))
    # The positions of the Sun's center differ by its motion, which is not included with sunpy's own rotation.
    longitude = later.lon.wrap_at("180d").to_value("deg")
    slower = longitude[1:] - longitude[0]
    if np.ptp(later.radius.to_value("km")) > 1e-3 or not slower.any():
        return 0.0, 0.0
    squares = np.sin(PROBED[1:]) ** 2
    first, second = np.linalg.solve(np.stack([squares, squares**2], axis=1), slower)
    return float(first), float(second)
