"""Draw events on a picture of the Sun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.regions import detection_times

if TYPE_CHECKING:
    from astropy.coordinates import BaseCoordinateFrame, SkyCoord
    from matplotlib.artist import Artist

    from sunpy_helio_plugins.her.tables import HERTable

__all__ = ["draw"]

SAME_TIME = 900.0
"""Seconds within which a picture shows an outline where it was detected: the Sun turns by 2.2 arcsec at its centre."""


def draw(axes: Any, table: HERTable, **kwargs: Any) -> list[Artist]:
    """
    Draw the outlines of events on a picture.

    Parameters
    ----------
    axes : astropy.visualization.wcsaxes.WCSAxes
        Axes in helioprojective coordinates, as ``fig.add_subplot(projection=map)`` makes them.
    table : HERTable
        Events; those without an outline are passed over.
    **kwargs
        Passed to `~astropy.visualization.wcsaxes.WCSAxes.plot_coord`, such as ``color`` and ``linewidth``.

    Returns
    -------
    list of matplotlib.artist.Artist
        The lines, one for each outline of which something is on the visible side.

    Notes
    -----
    An outline that was detected within a quarter of an hour of the picture, which must be taken from Earth, is drawn
    as submitted. Any other is turned with the solar surface to the time of the picture and shown from its observer;
    what then lies on the far side is left out.

    Raises
    ------
    QueryError
        The axes are not helioprojective, or do not say when and from where the picture was taken.
    """
    frame = _frame(axes)
    seen, surface = table.outlines("hpc"), table.outlines("hgs")
    apart = np.abs((detection_times(table) - frame.obstime).to_value("s")) if len(table) else []
    lines: list[Artist] = []
    for index, seconds in enumerate(apart):
        near = not np.ma.is_masked(seconds) and seconds <= SAME_TIME and _from_earth(frame)
        shown = _as_submitted(seen[index], frame) if near else _turned(surface[index], frame)
        if shown is not None:
            lines += axes.plot_coord(shown, **kwargs)
    return lines


def _frame(axes: Any) -> BaseCoordinateFrame:
    """Return the frame of the axes, with its time and observer."""
    from astropy.wcs.utils import wcs_to_celestial_frame
    from sunpy.coordinates import Helioprojective

    try:
        frame = wcs_to_celestial_frame(axes.wcs)
    except (AttributeError, ValueError) as error:
        raise QueryError("Outlines need axes with a helioprojective projection, such as a map's.") from error
    complete = isinstance(frame, Helioprojective) and frame.obstime is not None and hasattr(frame.observer, "lon")
    if not complete:
        raise QueryError(f"Outlines need helioprojective axes that know their time and observer; these are {frame!r}.")
    return frame


def _from_earth(frame: Any) -> bool:
    """Tell whether the observer is where the registry's is: on Earth, or as near to it as SDO."""
    import astropy.units as u
    from sunpy.coordinates import get_earth

    return bool(frame.observer.separation_3d(get_earth(frame.obstime)) < 1e6 * u.km)


def _as_submitted(outline: SkyCoord | None, frame: Any) -> SkyCoord | None:
    from astropy.coordinates import SkyCoord

    return None if outline is None else SkyCoord(outline.Tx, outline.Ty, frame=frame)


def _turned(outline: SkyCoord | None, frame: Any) -> SkyCoord | None:
    """Return an outline on the surface, turned to a frame's time, without its far side."""
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import Heliocentric, propagate_with_solar_surface

    if outline is None:
        return None
    with propagate_with_solar_surface():
        place = outline.transform_to(Heliocentric(observer=frame.observer, obstime=frame.obstime))
    # A point of a sphere is seen where it lies before the plane of the limb's circle.
    limb = frame.rsun**2 / frame.observer.radius
    visible = place.z >= limb * (1 - 1e-6)
    if not visible.any():
        return None
    on_disk = place.transform_to(frame)
    gone = np.where(visible, 1.0, np.nan)
    return SkyCoord(on_disk.Tx * gone, on_disk.Ty * gone, frame=frame)
