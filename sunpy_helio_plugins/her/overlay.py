"""Draw events on a picture of the Sun."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import instants as moments
from sunpy_helio_plugins.her.polygon import Polygon

if TYPE_CHECKING:
    from astropy.coordinates import BaseCoordinateFrame, SkyCoord
    from matplotlib.artist import Artist

    from sunpy_helio_plugins.her.tables import HERTable

__all__ = ["overlay"]

SAME_TIME = 900.0
"""Seconds within which a picture shows an outline where it was detected: the Sun turns by 2.2 arcsec at its centre."""

COLOURS = {
    "AR": "#ffb000", "CH": "#40c4ff", "FL": "#ff5252", "CE": "#e040fb", "FI": "#69f0ae", "FE": "#00bfa5",
    "EF": "#ffff8d", "SG": "#ff8a65", "SS": "#ffd180", "CJ": "#b388ff", "TO": "#cfd8dc",
}  # fmt: skip
"""A colour for each common type; others take matplotlib's own in turn."""

LABELS = ("ar_noaanum", "fl_goescls", "frm_specificid")


def overlay(
    axes: Any,
    table: HERTable,
    *,
    hidden: str | None = None,
    boxes: bool = True,
    labels: bool | str = False,
    **kwargs: Any,
) -> list[Artist]:
    """
    Draw events on a picture: outlines, where there is none boxes, and where there is none either points.

    Parameters
    ----------
    axes : astropy.visualization.wcsaxes.WCSAxes
        Axes in helioprojective coordinates, as ``fig.add_subplot(projection=map)`` makes them.
    table : HERTable
        Events; those without a place are passed over.
    hidden : str, optional
        The line style of what lies on the far side, such as ``"--"``. Defaults to not drawing it.
    boxes : bool, optional
        Whether to draw the box of an event without an outline.
    labels : bool or str, optional
        Whether to write what the event is beside it; or the column whose value to write.
    **kwargs
        Passed to `~astropy.visualization.wcsaxes.WCSAxes.plot_coord`, such as ``color`` and ``linewidth``. Defaults to
        a colour for each type of event.

    Returns
    -------
    list of matplotlib.artist.Artist
        What was drawn.

    Notes
    -----
    What was detected within a quarter of an hour of the picture, which must be taken from Earth, is drawn as submitted.
    Anything else is turned with the solar surface to the time of the picture, shown from its observer and cut at the
    limb.

    Raises
    ------
    QueryError
        The axes are not helioprojective, or do not say when and from where the picture was taken.
    """
    frame = _frame(axes)
    spare = cycle(f"C{index}" for index in range(10))
    colours: dict[str, str] = {}
    limits = axes.axis()
    drawn: list[Artist] = []
    for index in range(len(table)):
        row = table[index]
        kind = str(row["event_type"])
        colours.setdefault(kind, COLOURS.get(kind) or next(spare))
        style = {"color": colours[kind]} | kwargs
        lines = _lines(axes, row, frame, hidden, boxes, style)
        drawn += lines
        text = _label(row, labels)
        if lines and text:
            drawn.append(_written(axes, lines[0], text, style["color"]))
    axes.axis(limits)
    return drawn


def _lines(axes: Any, row: Any, frame: Any, hidden: str | None, boxes: bool, style: dict[str, Any]) -> list[Artist]:
    shape = _shape(row, boxes)
    if shape is None:
        return _point(axes, row, frame, style)
    if _is_near(shape.instant, frame):
        return list(axes.plot_coord(_as_submitted(shape, frame), **style))
    lines: list[Artist] = []
    seen, visible = _turned(shape.on_surface, frame)
    if visible.any():
        lines += axes.plot_coord(_only(seen, visible), **style)
    if hidden and not visible.all():
        lines += axes.plot_coord(_only(seen, ~visible), **(style | {"linestyle": hidden}))
    return lines


def _shape(row: Any, boxes: bool) -> Polygon | None:
    for name in ("hpc_boundcc", "hpc_bbox") if boxes else ("hpc_boundcc",):
        found = row[name] if name in row.colnames else None
        if isinstance(found, Polygon):
            return found
    return None


def _point(axes: Any, row: Any, frame: Any, style: dict[str, Any]) -> list[Artist]:
    place = row["hpc_coord"] if "hpc_coord" in row.colnames else None
    if place is None or place.mask:
        return []
    shape = Polygon(place.values[None], "hpc", place.instants[None], place.starts[None])
    if _is_near(shape.instant, frame) or shape.clamped[0]:
        return list(axes.plot_coord(_as_submitted(shape, frame), **({"marker": "+"} | style)))
    seen, visible = _turned(shape.on_surface, frame)
    return list(axes.plot_coord(seen, **({"marker": "+"} | style))) if visible.all() else []


def _label(row: Any, labels: bool | str) -> str:
    names = LABELS if labels is True else (labels,) if labels else ()
    for name in names:
        value = row[name] if name in row.colnames else None
        if value is not None and value is not np.ma.masked and str(value):
            return str(value)
    return str(row["event_type"]) if labels is True else ""


def _written(axes: Any, line: Any, text: str, colour: Any) -> Artist:
    """Write a text at the topmost vertex of a line."""
    points = np.array(line.get_xydata(), dtype=float)
    top = points[np.nanargmax(points[:, 1])]
    place = {"xycoords": line.get_transform(), "xytext": (2, 2), "textcoords": "offset points"}
    artist: Artist = axes.annotate(text, top, color=colour, fontsize="small", **place)
    return artist


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


def _is_near(instant: NDArray[np.float64], frame: Any) -> bool:
    """Tell whether a picture shows an outline where it was detected: taken then, from Earth or as near to it as SDO."""
    import astropy.units as u
    from sunpy.coordinates import get_earth

    if np.isnan(instant).any():
        return False
    apart = abs((moments.times(instant[0]) - frame.obstime).to_value("s"))
    return bool(apart <= SAME_TIME and frame.observer.separation_3d(get_earth(frame.obstime)) < 1e6 * u.km)


def _as_submitted(shape: Polygon, frame: Any) -> SkyCoord:
    from astropy.coordinates import SkyCoord

    place = shape.skycoord
    return SkyCoord(place.Tx, place.Ty, frame=frame)


def _turned(outline: SkyCoord, frame: Any) -> tuple[SkyCoord, NDArray[np.bool_]]:
    """Return an outline on the surface, turned to a frame's time, and which of it is on the visible side."""
    from sunpy.coordinates import Heliocentric, propagate_with_solar_surface

    with propagate_with_solar_surface():
        place = outline.transform_to(Heliocentric(observer=frame.observer, obstime=frame.obstime))
    # A point of a sphere is seen where it lies before the plane of the limb's circle.
    limb = frame.rsun**2 / frame.observer.radius
    return place.transform_to(frame), np.asarray(place.z >= limb * (1 - 1e-6))


def _only(outline: SkyCoord, chosen: NDArray[np.bool_]) -> SkyCoord:
    from astropy.coordinates import SkyCoord

    gone = np.where(chosen, 1.0, np.nan)
    return SkyCoord(outline.Tx * gone, outline.Ty * gone, frame=outline.frame.replicate_without_data())
