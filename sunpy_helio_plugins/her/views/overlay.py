"""Draw events on a map."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import cycle
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.columns import sphere
from sunpy_helio_plugins.her.columns.origins import code
from sunpy_helio_plugins.her.columns.points import Points
from sunpy_helio_plugins.her.columns.polygons import Polygon
from sunpy_helio_plugins.her.keywords import event_types
from sunpy_helio_plugins.her.tables import events

if TYPE_CHECKING:
    from astropy.coordinates import BaseCoordinateFrame, SkyCoord
    from matplotlib.artist import Artist

__all__ = ["beside", "overlay"]

SPOTS = (
    (2, 2, "left"), (2, -10, "left"), (-2, 2, "right"), (-2, -10, "right"), (2, 13, "left"), (-2, 13, "right"),
    (2, -21, "left"), (-2, -21, "right"), (2, 24, "left"), (-2, 24, "right"), (2, -32, "left"), (-2, -32, "right"),
)  # fmt: skip
"""Where a text may stand from its vertex, in points, and which of its sides is there; the first that is free counts."""

NEAR = 25.0
"""Pixels within which two equal texts are one."""


def beside(axes: Any, wanted: Iterable[tuple[Any, str, Any]]) -> list[Artist]:
    """
    Write texts beside lines.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where the lines were drawn.
    wanted : iterable of tuple
        Each a line, its text, and a colour.

    Returns
    -------
    list of matplotlib.artist.Artist
        The texts; of a line that lies outside the axes, they are shown when it comes into view.
    """
    from matplotlib.patheffects import withStroke

    # Legible on bright and on dark.
    rim = [withStroke(linewidth=1, foreground="black", alpha=0.7)]
    # Axes with a picture take their shape when they are drawn, and have not been yet.
    axes.apply_aspect()
    boxes: list[Any] = []
    written: dict[str, list[Any]] = {}
    made: list[Artist] = []
    for line, text, colour in wanted:
        anchor = _top(axes, line)
        if anchor is None or any(np.hypot(*(anchor - other)) < NEAR for other in written.get(text, ())):
            continue
        written.setdefault(text, []).append(anchor)
        place = {"xycoords": "data", "xytext": (2, 2), "textcoords": "offset points"}
        at = axes.transData.inverted().transform(anchor)
        artist = axes.annotate(
            text, at, color=colour, fontsize="small", annotation_clip=False, path_effects=rim, **place
        )
        boxes.append(_settle(artist, boxes, axes.get_window_extent()))
        artist.set_annotation_clip(None)
        made.append(artist)
    return made


def _top(axes: Any, line: Any) -> Any:
    """Return the topmost vertex of a line, in pixels; of what the axes show, if they show any of it."""
    points = line.get_transform().transform(np.array(line.get_xydata(), dtype=float))
    points = points[np.isfinite(points).all(axis=1)]
    box = axes.get_window_extent()
    shown = [point for point in points if box.contains(*point)]
    return max(shown or list(points), key=lambda point: float(point[1]), default=None)


def _settle(artist: Any, boxes: list[Any], room: Any) -> Any:
    """Move a text to where it covers no other and does not leave the axes, and return the box that it takes."""
    for x, y, side in (*SPOTS, SPOTS[0]):
        artist.xyann = (x, y)
        artist.set_horizontalalignment(side)
        box = artist.get_window_extent()
        inside = room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1
        if inside and not any(box.overlaps(other) for other in boxes):
            break
    # Where nothing is free, a text stands where it would alone.
    return box


SAME_TIME = 900.0
"""Seconds within which a picture shows an outline where it was detected: the Sun turns by 2.2 arcsec at its centre."""

NEAR_EARTH = 2.5e6 * u.km
"""How far from Earth an observer may be and still sees what the registry describes: SOHO is 1.5 million km away."""

FAINT = 0.4
"""The opacity of a point on the far side, which cannot be dashed."""

COLOURS = {
    "AR": "#ffb000", "CH": "#40c4ff", "FL": "#ff5252", "CE": "#e040fb", "FI": "#69f0ae", "FE": "#00bfa5",
    "EF": "#ffff8d", "SG": "#ff8a65", "SS": "#ffd180", "CJ": "#b388ff", "TO": "#cfd8dc",
}  # fmt: skip
"""A colour for each common type; others take matplotlib's own in turn."""

LABELS = ("fl_goescls", "ar_noaanum")
"""What says most of an event, in this order; else its type is written."""

SKY, SURFACE = ("hpc", "hrc", "hgs", "hgc"), ("hgs", "hgc", "hpc", "hrc")
"""
Where an event's place is looked for, by the system in which it was submitted: the registry computes the others.

What was submitted in degrees may lie on the far side, where its ``hpc`` would show it through the Sun; all others were
submitted as seen from Earth, and their degrees are clamped at the limb.
"""

SHAPES = ("boundcc", "skeletoncc", "bbox")
"""An event's shape: its outline, else its line, else its box."""

_Lines = dict[str, list[Any]]
"""Lines by the type of their event."""


def overlay(
    axes: Any,
    table: Any,
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
    table : HERTable, row, UnifiedResponse, or list of these
        Events; those without a place or an instant are passed over.
    hidden : str, optional
        The line style of what lies on the far side, such as ``"--"``; points there are faint. Defaults to not drawing
        it.
    boxes : bool, optional
        Whether to draw the box of an event without an outline.
    labels : bool or str, optional
        Whether to write what the event is beside it; or the column whose value to write. A text that would cover
        another one moves, and one that would be repeated at the same place is written once.
    **kwargs
        Passed to `~astropy.visualization.wcsaxes.WCSAxes.plot_coord`, such as ``color`` and ``linewidth``. Defaults to
        a colour for each type of event, which ``axes.legend()`` explains.

    Returns
    -------
    list of matplotlib.artist.Artist
        What was drawn.

    Notes
    -----
    What was detected within a quarter of an hour of the picture is drawn as submitted, on a picture taken from Earth or
    near it. Anything else is turned with the solar surface to the time of the picture, shown from its observer and cut
    at the limb. What lies wholly beyond the limb, such as an eruption, has no place on the surface: it is drawn as
    submitted on a picture from Earth, and on no other.

    Raises
    ------
    QueryError
        The axes are not helioprojective, or do not say when and from where the picture was taken.
    """
    table = events("her.overlay", table)
    painter = _Painter(axes, hidden, boxes)
    spare = cycle(f"C{index}" for index in range(10))
    colours: dict[str, str] = {}
    wanted, limits = [], axes.axis()
    sides: tuple[_Lines, _Lines] = (defaultdict(list), defaultdict(list))
    for index in range(len(table)):
        row = table[index]
        kind = str(row["event_type"])
        if kind not in colours:
            colours[kind] = COLOURS.get(kind) or next(spare)
        style = {"color": colours[kind]} | {key: value for key, value in kwargs.items() if key != "label"}
        front, back = painter.lines(row, style)
        sides[0][kind] += front
        sides[1][kind] += back
        if (front or back) and (text := _label(row, labels)):
            wanted.append(((front or back)[0], text, style["color"]))
    axes.axis(limits)
    return [*_named(sides, kwargs.get("label")), *beside(axes, wanted)]


def _named(sides: tuple[_Lines, _Lines], name: str | None) -> list[Artist]:
    """Return all lines; the first of each type, or of all, bears the name for a legend, one of the near side first."""
    every = [line for side in sides for lines in side.values() for line in lines]
    firsts = {kind: [*lines, *sides[1][kind]][:1] for kind, lines in sides[0].items()}
    named = {name: every[:1]} if name else {event_types().get(kind, kind): first for kind, first in firsts.items()}
    for text, lines in named.items():
        for line in lines:
            line.set_label(text)
    return every


class _Painter:
    """Draws events on axes one by one."""

    def __init__(self, axes: Any, hidden: str | None, boxes: bool) -> None:
        from sunpy.coordinates import get_earth

        self.axes, self.hidden = axes, hidden
        self.frame: Any = _frame(axes)
        self.shapes = [name for name in SHAPES if boxes or name != "bbox"]
        earth = get_earth(self.frame.obstime)
        self.from_earth = bool(self.frame.observer.separation_3d(earth) < NEAR_EARTH)
        # From SOHO, nearer to the Sun, everything is larger by a hundredth.
        self.larger = float(earth.radius / self.frame.observer.radius)

    def lines(self, row: Any, style: dict[str, Any]) -> tuple[list[Artist], list[Artist]]:
        """Draw one event, and return what that took on the near side and on the far side."""
        shape = self._shape(row)
        if shape is None or np.isnan(shape.instant).any():
            return [], []
        traced = shape.traced
        on_the_sky = traced.system in ("hpc", "hrc")
        if on_the_sky and ((self.from_earth and self._is_now(shape)) or traced.clamped.all()):
            return self._plot(self._as_submitted(shape), style) if self.from_earth else [], []
        outline, visible = sphere.seen(traced.on_surface, self.frame)
        front = self._plot(_only(outline, visible), style) if visible.any() else []
        if not self.hidden or visible.all():
            return front, []
        far = {"alpha": FAINT} if len(shape) == 1 else {"linestyle": self.hidden}
        return front, self._plot(_only(outline, ~visible), style | far)

    def _shape(self, row: Any) -> Polygon | None:
        submitted = code(row["event_coordsys"]) if "event_coordsys" in row.colnames else np.nan
        systems = SURFACE if submitted in (code("HGS"), code("HGC")) else SKY
        names = [f"{system}_{kind}" for kind in self.shapes for system in systems]
        for name in [*names, *(f"{system}_coord" for system in systems)]:
            found = row[name] if name in row.colnames else None
            if isinstance(found, Polygon):
                return found
            if isinstance(found, Points) and not found.mask:
                parts = (part[None] for part in (found.instants, found.starts, found.origins))
                return Polygon(found.values[None], found.system, *parts)
        return None

    def _is_now(self, shape: Polygon) -> bool:
        return bool(abs((shape.time - self.frame.obstime).to_value("s")) <= SAME_TIME)

    def _as_submitted(self, shape: Polygon) -> SkyCoord:
        from astropy.coordinates import SkyCoord

        place = shape.on_the_sky
        return SkyCoord(place.Tx * self.larger, place.Ty * self.larger, frame=self.frame)

    def _plot(self, outline: SkyCoord, style: dict[str, Any]) -> list[Artist]:
        point = {"marker": "+"} if len(outline) == 1 else {}
        return list(self.axes.plot_coord(outline, **(point | style)))


def _label(row: Any, labels: bool | str) -> str:
    names = LABELS if labels is True else (labels,) if labels else ()
    for name in names:
        value = row[name] if name in row.colnames else None
        if value is not None and value is not np.ma.masked and str(value):
            return str(value)
    return str(row["event_type"]) if labels is True else ""


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


def _only(outline: SkyCoord, chosen: NDArray[np.bool_]) -> SkyCoord:
    from astropy.coordinates import SkyCoord

    gone = np.where(chosen, 1.0, np.nan)
    return SkyCoord(outline.Tx * gone, outline.Ty * gone, frame=outline.frame.replicate_without_data())
