"""Regions of a picture: from coordinates, an event or a map to a box of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.coordinates import SkyCoord
from astropy.table import Row

from sunpy_helio_plugins.arguments import refused
from sunpy_helio_plugins.errors import QueryError

if TYPE_CHECKING:
    from sunpy.map import GenericMap

__all__ = ["GridBox", "box_of", "corners_of"]

_ALLOWED = "a SkyCoord with the corners, a pair of them, a row of the events registry, or a map, as region"

_OUTLINES = ("hpc_bbox", "hpc_boundcc")
"""Columns of events with an outline."""


@dataclass(frozen=True)
class GridBox:
    """
    A box of pixels in a picture whose first row is the lower one.

    Attributes
    ----------
    left, bottom : int
        The first column and row.
    columns, rows : int
        Its size.
    """

    left: int
    bottom: int
    columns: int
    rows: int

    @property
    def centre(self) -> tuple[float, float]:
        """The column and the row of its centre."""
        return self.left + (self.columns - 1) / 2, self.bottom + (self.rows - 1) / 2

    def moved(self, across: int, up: int) -> GridBox:
        """Return the box at another place."""
        return GridBox(self.left + across, self.bottom + up, self.columns, self.rows)

    def is_within(self, rows: int, columns: int) -> bool:
        """Return whether the box is inside a picture."""
        across = min(self.left, columns - self.left - self.columns)
        return min(across, self.bottom, rows - self.bottom - self.rows) >= 0

    def cut(self, picture: np.ndarray) -> np.ndarray:
        """Return the pixels in the box, the lower row first; those outside the picture are zero, or NaN in floats."""
        rows, columns = picture.shape
        if self.is_within(rows, columns):
            return picture[self.bottom : self.bottom + self.rows, self.left : self.left + self.columns]
        made = np.full((self.rows, self.columns), np.nan if picture.dtype.kind == "f" else 0, picture.dtype)
        low, left = max(self.bottom, 0), max(self.left, 0)
        high, right = min(self.bottom + self.rows, rows), min(self.left + self.columns, columns)
        if low < high and left < right:
            own = slice(low - self.bottom, high - self.bottom), slice(left - self.left, right - self.left)
            made[own] = picture[low:high, left:right]
        return made


def corners_of(function: str, region: Any) -> SkyCoord:
    """Return the coordinates that a region contains: corners, or the vertices of an outline."""
    from sunpy.map import GenericMap

    if isinstance(region, GenericMap):
        rows, columns = region.data.shape
        edges = [(-0.5, -0.5), (columns - 0.5, -0.5), (columns - 0.5, rows - 0.5), (-0.5, rows - 0.5)]
        return region.wcs.pixel_to_world(*np.array(edges).T)
    if isinstance(region, Row):
        named = [name for name in _OUTLINES if name in region.colnames and not np.any(getattr(region[name], "mask", 0))]
        if not named:
            raise QueryError(
                f"{function} takes an event with an outline ({' or '.join(_OUTLINES)}) as region; this row does not "
                "have one: give the corners as a SkyCoord."
            )
        region = region[named[0]]
    if isinstance(region, list | tuple) and len(region) == 2:
        first, last = region
        if isinstance(first, SkyCoord) and isinstance(last, SkyCoord) and first.isscalar and last.isscalar:
            region = SkyCoord([first, last.transform_to(first.frame)])
    if not isinstance(region, SkyCoord) or region.isscalar or region.size < 2:
        raise refused(function, region, _ALLOWED)
    return _rectangle(region) if region.size == 2 else region


def _rectangle(two: SkyCoord) -> SkyCoord:
    """Return the four corners of a rectangle in the coordinates of two of them."""
    longitude, latitude = (getattr(two.spherical, name) for name in ("lon", "lat"))
    return SkyCoord(longitude[[0, 1, 1, 0]], latitude[[0, 0, 1, 1]], frame=two.frame.replicate_without_data())


def box_of(corners: SkyCoord, image: GenericMap) -> GridBox:
    """Return the smallest box of an image that contains coordinates; raise `QueryError` if it is outside of it."""
    from sunpy.coordinates import SphericalScreen

    with SphericalScreen(image.observer_coordinate, only_off_disk=True):
        across, up = image.wcs.world_to_pixel(corners)
    if not (np.isfinite(across).all() and np.isfinite(up).all()):
        raise QueryError(
            "helioviewer.sequence takes a region that the observer of the images can see; this one is behind the Sun."
        )
    # The centre of the first pixel is at 0, and its edges are half a pixel away; a part in a million is rounding.
    left, bottom = (int(np.floor(one.min() + 0.5 + 1e-6)) for one in (across, up))
    right, top = (int(np.ceil(one.max() + 0.5 - 1e-6)) for one in (across, up))
    rows, columns = image.data.shape
    left, bottom, right, top = max(left, 0), max(bottom, 0), min(right, columns), min(top, rows)
    if left >= right or bottom >= top:
        raise QueryError(
            f"helioviewer.sequence takes a region in the images: this one is outside of those of {columns} x {rows} "
            "pixels."
        )
    return GridBox(left, bottom, right - left, top - bottom)
