"""Boxes on the Sun, in the systems that the registry takes."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from sunpy.net.attr import Attr, DataAttr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.joining import Joinable

__all__ = ["SYSTEMS", "Box"]

SYSTEMS = {"helioprojective": u.arcsec, "stonyhurst": u.deg, "carrington": u.deg}
"""The systems in which the registry takes a box, and their units."""

FRAMES = {
    "helioprojective": "helioprojective", "heliographic_stonyhurst": "stonyhurst",
    "heliographic_carrington": "carrington", "hpc": "helioprojective", "hgs": "stonyhurst", "hgc": "carrington",
}  # fmt: skip
"""Names of sunpy's frames, and the registry's short ones."""


class Box(Joinable, DataAttr):
    """
    A box that holds the events' centres; without one, a search takes 5000 arcsec around the Sun, so that CMEs count.

    Parameters
    ----------
    *corners : astropy.units.Quantity or astropy.coordinates.SkyCoord
        ``x1, y1, x2, y2``: lower left and upper right corner, as angles. Or two coordinates, or one of two elements, in
        sunpy's helioprojective (seen from Earth), Stonyhurst or Carrington frame.
    system : str, optional
        ``"helioprojective"`` (as seen from Earth, the default), ``"stonyhurst"`` or ``"carrington"``.

    Raises
    ------
    QueryError
        An unknown system, corners that are no angles, or in the wrong order.

    Notes
    -----
    ``~`` means the events outside, which this package judges.
    """

    def __init__(self, *corners: Any, system: str | None = None) -> None:
        super().__init__()
        *angles, last = corners or (None,)
        if isinstance(last, str):
            corners, system = tuple(angles), last
        sides, found = _from_coordinates(corners) if len(corners) in (1, 2) else (corners, "helioprojective")
        name = str(system or found).lower()
        self.system = FRAMES.get(name, name)
        self.negated = False
        if self.system not in SYSTEMS:
            raise QueryError(f"The registry has no system {system or found!r}; it has {', '.join(SYSTEMS)}.")
        self.corners = _degrees_or_arcsec(sides, SYSTEMS[self.system])

    def collides(self, other: Attr) -> bool:
        """Tell whether both cannot stand side by side: they can, and mean what lies in both."""
        return False

    def __invert__(self) -> Box:
        unit = SYSTEMS[self.system]
        other = Box(*(corner * unit for corner in self.corners), system=self.system)
        other.negated = not self.negated
        return other

    def __repr__(self) -> str:
        corners = ", ".join(f"{corner:g}" for corner in self.corners)
        return f"{'~' * self.negated}a.her.Box({corners}, {self.system!r})"


def _degrees_or_arcsec(angles: tuple[Any, ...], unit: u.UnitBase) -> tuple[float, ...]:
    try:
        corners = tuple(float(u.Quantity(corner).to_value(unit)) for corner in angles)
    except (u.UnitConversionError, TypeError, ValueError) as error:
        raise QueryError(f"a.her.Box takes corners as angles with units, such as 100 * u.{unit}.") from error
    if len(corners) != 4:
        raise QueryError("a.her.Box takes x1, y1, x2, y2: the lower left and the upper right corner.")
    left, bottom, right, top = corners
    if not (np.isfinite(corners).all() and left < right and bottom < top):
        raise QueryError(f"a.her.Box takes the lower left corner first; {corners} {unit} holds nothing.")
    return corners


def _from_coordinates(corners: tuple[Any, ...]) -> tuple[tuple[Any, ...], str]:
    """Return the angles and the system of one coordinate of two elements, or of two coordinates."""
    pair = tuple(corners[0]) if len(corners) == 1 and getattr(corners[0], "shape", ()) == (2,) else corners
    if len(pair) != 2 or not all(hasattr(corner, "spherical") and corner.isscalar for corner in pair):
        raise QueryError("a.her.Box takes four angles, or the coordinates of two corners.")
    names = {corner.name for corner in pair}
    if len(names) > 1:
        raise QueryError(f"Both corners of a.her.Box must be in one frame, not in {' and '.join(sorted(names))}.")
    system = names.pop()
    half = 180 * u.deg
    places = [corner.spherical for corner in pair]
    left, right = (place.lon.wrap_at(half) for place in places)
    if system == "heliographic_carrington" and right < left:
        right = right + 2 * half
    return (left, places[0].lat, right, places[1].lat), system
