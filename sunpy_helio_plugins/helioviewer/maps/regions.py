"""Regions of images: coordinates, pixels or maps, and the pixels of an image that contain them."""

from __future__ import annotations

import threading
from functools import lru_cache
from hashlib import sha256
from typing import Any

import astropy.units as u
import numpy as np
from astropy.coordinates import BaseCoordinateFrame, SkyCoord
from astropy.table import Row
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import is_several, refused
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.helioviewer.jp2.packets import ImageBox
from sunpy_helio_plugins.helioviewer.jp2.region import RegionCut
from sunpy_helio_plugins.helioviewer.maps import header_repairs
from sunpy_helio_plugins.helioviewer.maps.physical import checked_keywords

__all__ = ["ALLOWED", "Region", "cut_of", "outline_of", "pixels_of", "region_of"]

ALLOWED = (
    "as region two corners as a SkyCoord, the vertices of an outline as a SkyCoord, an event of the registry, a Map, "
    "or two corners [x, y] in pixels as a Quantity"
)

_ALONG_AN_EDGE = 11
"""Points on each edge of a box or a map, which is curved in an image of another observer."""


class Region:
    """
    A region of images.

    Parameters
    ----------
    points : astropy.coordinates.SkyCoord or numpy.ndarray
        Coordinates of its outline, or the pixels of two corners, shape (2, 2), counted as in a Map.
    """

    def __init__(self, points: SkyCoord | NDArray[np.float64]) -> None:
        self.points = points
        self._located = lru_cache(maxsize=64)(self._box)

    @property
    def name(self) -> str:
        """A short name that is the same for the same region only."""
        return f"region_{sha256(_text(self.points).encode()).hexdigest()[:8]}"

    def __call__(self, keys: dict[str, Any], shape: tuple[int, int]) -> ImageBox:
        """Return the part of an image with the region; raise `FileError` if there is none."""
        return self._located(_scalars(keys), shape)

    def _box(self, keys: tuple[tuple[str, Any], ...], shape: tuple[int, int]) -> ImageBox:
        rows, columns = shape
        x, y = self.points.T if isinstance(self.points, np.ndarray) else pixels_of(self.points, dict(keys), shape)
        inside = np.isfinite(x) & np.isfinite(y)
        if not inside.any():
            raise FileError(
                f"None of the {x.size} points of the region is in the image: they are on the far side of the Sun."
            )
        # The pixels that contain the corners are included, as by Map.submap.
        left, right = (np.floor(edge + 0.5) for edge in (x[inside].min(), x[inside].max()))
        below, above = (np.floor(edge + 0.5) for edge in (y[inside].min(), y[inside].max()))
        if right < 0 or above < 0 or left >= columns or below >= rows:
            raise FileError(
                f"The region is outside of the image: it spans the pixels {left:.0f} to {right:.0f} in x and "
                f"{below:.0f} to {above:.0f} in y, and the image has {columns} x {rows}."
            )
        # Boxes count rows from the upper edge, maps from the lower one.
        return ImageBox(
            int(max(left, 0)), int(rows - 1 - min(above, rows - 1)), int(min(right, columns - 1)) + 1,
            int(rows - max(below, 0)),
        )  # fmt: skip


def region_of(function: str, given: Any) -> Region | None:
    """Return a region, or `None` for the complete image; raise `QueryError` for other objects."""
    if given is None or isinstance(given, Region):
        return given
    if isinstance(given, Row):
        given = _outline_of(function, given)
    for make in (_of_map, _of_pixels, _of_coordinates):
        made = make(given)
        if made is not None:
            return Region(made)
    raise refused(function, given, ALLOWED)


def cut_of(region: Region, size: int | None, is_checked: bool = True) -> RegionCut:
    """Return how files are cut to a region, at a size, with what physical values are checked by, or without it."""
    return RegionCut(region, size, checked_keywords if is_checked else None)


def _outline_of(function: str, event: Row) -> Any:
    """Return the outline of an event; its columns are those of the registry."""
    found = [name for name in _OUTLINES if name in event.colnames and not _is_missing(event[name])]
    if not found:
        raise QueryError(
            f"{function} takes an event with an outline ({' or '.join(_OUTLINES)}) as region, and this one does not "
            "have any: give two corners as a SkyCoord."
        )
    return event[found[0]]


def _is_missing(outline: Any) -> bool:
    return outline is None or bool(np.any(getattr(outline, "mask", False)))


_OUTLINES = ("hpc_boundcc", "hpc_bbox")


def _of_map(given: Any) -> SkyCoord | None:
    from sunpy.map import GenericMap

    if not isinstance(given, GenericMap):
        return None
    rows, columns = given.data.shape
    x, y = _outline(np.array([[0.0, 0.0], [columns - 1, rows - 1]]))
    return given.wcs.pixel_to_world(x, y)


def _of_pixels(given: Any) -> NDArray[np.float64] | None:
    if not isinstance(given, u.Quantity) or given.shape != (2, 2) or given.unit != u.pix:
        return None
    corners = np.asarray(given.value, dtype=float)
    if not np.isfinite(corners).all() or (corners[0] > corners[1]).any():
        raise QueryError(f"A region in pixels has its lower left corner first, not {corners.tolist()}.")
    return corners


def _of_coordinates(given: Any) -> SkyCoord | None:
    if is_several(given) and not hasattr(given, "frame") and not isinstance(given, str | BaseCoordinateFrame):
        points = list(given)
        if len(points) != 2 or not all(isinstance(one, SkyCoord | BaseCoordinateFrame) for one in points):
            return None
        if any(one.shape for one in points):
            return None
        given = _together(*map(SkyCoord, points))
    if not isinstance(given, SkyCoord | BaseCoordinateFrame) or given.ndim != 1 or len(given) < 2:
        return None
    found = given if isinstance(given, SkyCoord) else SkyCoord(given)
    places = found.spherical
    is_finite = np.isfinite(places.lon) & np.isfinite(places.lat)
    if not (is_finite.all() if len(found) == 2 else is_finite.any()):
        lost = np.count_nonzero(~is_finite)
        raise QueryError(f"A region needs finite coordinates: {lost} of {len(found)} are missing, or are not a number.")
    return _box_of_corners(found, places) if len(found) == 2 else found


def _together(first: SkyCoord, second: SkyCoord) -> SkyCoord:
    """Return two coordinates as one, in the frame of the first."""
    try:
        if not first.is_equivalent_frame(second.frame):
            second = second.transform_to(first.frame)
    except Exception as error:  # noqa: BLE001 - of astropy, by the two frames
        raise QueryError(
            f"The second corner of a region cannot be converted to the frame of the first: {error}"
        ) from None
    places = first.spherical, second.spherical
    return _in_frame(first, u.Quantity([one.lon for one in places]), u.Quantity([one.lat for one in places]))


def _in_frame(points: SkyCoord, lon: u.Quantity, lat: u.Quantity) -> SkyCoord:
    """Return other points in the frame of some."""
    frame = points.frame.replicate_without_data()
    names = list(frame.representation_component_names)[:2]
    return SkyCoord(**dict(zip(names, (lon, lat), strict=True)), frame=frame)


def _box_of_corners(corners: SkyCoord, places: Any) -> SkyCoord:
    """Return points on the edges of a box in the frame of its corners, whose spherical coordinates are given."""
    lon, lat = places.lon.to_value(u.deg), places.lat.to_value(u.deg)
    # The shorter way around the Sun, in whichever order the corners are.
    lon = lon[0] + np.array([0.0, (lon[1] - lon[0] + 180) % 360 - 180])
    x, y = _outline(np.array([lon, lat]).T)
    return _in_frame(corners, x * u.deg, y * u.deg)


def _outline(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the coordinates of points on the four edges of a box, as a closed line."""
    (left, lower), (right, upper) = corners
    along = np.linspace(0, 1, _ALONG_AN_EDGE)
    x, y = left + along * (right - left), lower + along * (upper - lower)
    return (
        np.concatenate([x, np.full(along.size, right), x[::-1], np.full(along.size, left)]),
        np.concatenate([np.full(along.size, lower), y, np.full(along.size, upper), y[::-1]]),
    )


def pixels_of(points: SkyCoord, keys: dict[str, Any], shape: tuple[int, int]) -> Any:
    """Return the pixels of coordinates in an image."""
    try:
        wcs, frame = _geometry(_scalars(keys), shape)
        # Without an observer, the same numbers in each image, from wherever it was taken.
        has_observer = getattr(points.frame, "observer", frame) is not None or points.frame.name != frame.name
        seen = _seen(points, frame) if has_observer else points
        lon, lat = seen.spherical.lon.wrap_at(180 * u.deg), seen.spherical.lat
        units = wcs.world_axis_units
        with _one_at_a_time:
            x, y = wcs.world_to_pixel_values(lon.to_value(units[0]), lat.to_value(units[1]))
        # Points on the far side would be projected as if through the Sun.
        return np.where(_is_visible(seen) if has_observer else True, [x, y], np.nan)
    except Exception as error:  # of sunpy and astropy, by what the header lacks
        problem = f"{type(error).__name__}: {error}"
        raise FileError(f"The region cannot be found in the image by its header: {problem}") from error


def outline_of(keys: dict[str, Any], shape: tuple[int, int]) -> SkyCoord:
    """Return coordinates along the edges of an image, from its keywords and its shape (rows, columns)."""
    try:
        wcs, _ = _geometry(_scalars(keys), shape)
        with _one_at_a_time:
            return wcs.pixel_to_world(*_outline(np.array([[-0.5, -0.5], [shape[1] - 0.5, shape[0] - 0.5]])))
    except Exception as error:  # of sunpy and astropy, by what the header lacks
        problem = f"{type(error).__name__}: {error}"
        raise FileError(f"The image cannot be located by its header: {problem}") from error


def _scalars(keys: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((key, value) for key, value in keys.items() if np.isscalar(value))


@lru_cache(maxsize=16)
def _geometry(keys: tuple[tuple[str, Any], ...], shape: tuple[int, int]) -> tuple[Any, Any]:
    """Return the coordinates of an image and their frame, which are the same for all of its regions."""
    import sunpy.map
    from astropy.wcs.utils import wcs_to_celestial_frame

    own = header_repairs.display_unit(header_repairs.repaired(dict(keys)))
    wcs = sunpy.map.Map(np.broadcast_to(np.uint8(0), shape), own).wcs
    return wcs, wcs_to_celestial_frame(wcs)


def _seen(points: SkyCoord, frame: Any) -> SkyCoord:
    """Return points as seen by the observer of an image; those off the disk are taken at the distance of the Sun."""
    from sunpy.coordinates import SphericalScreen

    if points.frame.name != frame.name:
        return points.transform_to(frame)
    if points.is_equivalent_frame(frame):
        return points
    with _one_at_a_time, SphericalScreen(frame.observer, only_off_disk=True):
        return points.transform_to(frame)


_one_at_a_time = threading.Lock()
"""The screen of sunpy is one setting for all threads, and wcslib changes the coordinates of an image while it works."""


def _is_visible(points: SkyCoord) -> Any:
    if not hasattr(points.frame, "is_visible"):
        return True
    return points.frame.is_visible(tolerance=_BELOW)


_BELOW = 1 * u.Mm
"""Depth of a point that is on the surface: frames differ by 300 km in the radius of the Sun."""


def _text(points: SkyCoord | NDArray[np.float64]) -> str:
    if isinstance(points, np.ndarray):
        return str(points.tolist())
    data = points.spherical
    numbers = np.round([data.lon.deg, data.lat.deg], 9).tolist()
    frame = points.frame
    stated = [str(getattr(frame, name, "")) for name in ("obstime", "observer")]
    return str([frame.name, numbers, *stated])
