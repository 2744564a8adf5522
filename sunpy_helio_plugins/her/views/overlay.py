"""Draw events on a map."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import cycle
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import FLAG, TEXT, Kind, optional, taking
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
"""Offsets of a label from its vertex, in points, and its alignment; the first one without an overlap is used."""

NEAR = 25.0
"""Pixels within which the same label is not repeated."""


def beside(axes: Any, wanted: Iterable[tuple[Any, str, Any]]) -> list[Artist]:
    """Write labels at lines, given as (line, text, color); labels of lines outside the axes appear when in view."""
    from matplotlib.patheffects import withStroke

    # Legible on bright and on dark images.
    rim = [withStroke(linewidth=1, foreground="black", alpha=0.7)]
    # Axes with an image get their final shape only when they are drawn.
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
    """Return the topmost vertex of a line in pixels, if possible one within the axes."""
    points = line.get_transform().transform(np.array(line.get_xydata(), dtype=float))
    points = points[np.isfinite(points).all(axis=1)]
    box = axes.get_window_extent()
    shown = [point for point in points if box.contains(*point)]
    return max(shown or list(points), key=lambda point: float(point[1]), default=None)


def _settle(artist: Any, boxes: list[Any], room: Any) -> Any:
    """Move a label so that it does not overlap others or leave the axes, and return its box."""
    for x, y, side in (*SPOTS, SPOTS[0]):
        artist.xyann = (x, y)
        artist.set_horizontalalignment(side)
        box = artist.get_window_extent()
        inside = room.x0 <= box.x0 and box.x1 <= room.x1 and room.y0 <= box.y0 and box.y1 <= room.y1
        if inside and not any(box.overlaps(other) for other in boxes):
            break
    # Without a free position the label stays at the first one.
    return box


SAME_TIME = 900.0
"""Seconds within which an outline is not rotated: the Sun rotates by 2.2 arcsec at the disk center in this time."""

NEAR_EARTH = 2.5e6 * u.km
"""The largest distance of an observer that is treated as Earth: SOHO is 1.5 million km away."""

FAINT = 0.4
"""The opacity of a point on the far side, which cannot be dashed."""

COLOURS = {
    "AR": "#ffb000", "CH": "#40c4ff", "FL": "#ff5252", "CE": "#e040fb", "FI": "#69f0ae", "FE": "#00bfa5",
    "EF": "#ffff8d", "SG": "#ff8a65", "SS": "#ffd180", "CJ": "#b388ff", "TO": "#cfd8dc",
}  # fmt: skip
"""A color for each common type; others use matplotlib's color cycle."""

LABELS = ("fl_goescls", "ar_noaanum")
"""The columns to use as labels, in this order; otherwise the type is used."""

SKY, SURFACE = ("hpc", "hrc", "hgs", "hgc"), ("hgs", "hgc", "hpc", "hrc")
"""
The order of systems for the position of an event, by the system of its submission: the registry computes the others.

An event that was submitted in degrees may lie on the far side, and its ``hpc`` coordinates then show it as if through
the Sun; the others were submitted as seen from Earth, and their degrees are clamped to the limb.
"""

SHAPES = ("boundcc", "skeletoncc", "bbox")
"""The shape of an event: its outline, else its line, else its box."""


def _labels(given: Any) -> bool | str:
    return TEXT.of(given) if isinstance(given, str) else FLAG.of(given)


_LABELS = Kind("True, False or the name of a column", _labels)

_Lines = dict[str, list[Any]]
"""Lines by the type of their event."""


@taking("her.overlay", hidden=optional(TEXT), boxes=FLAG, labels=_LABELS)
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
    Draw events on an image: the outline of each, else its box, else a point.

    Parameters
    ----------
    axes : astropy.visualization.wcsaxes.WCSAxes
        Axes in helioprojective coordinates, as created by ``fig.add_subplot(projection=map)``.
    table : HERTable, row, UnifiedResponse, or list of these
        Events; those without a position or time are skipped.
    hidden : str, optional
        The line style of parts on the far side, such as ``"--"``; points there are faint. By default they are not
        drawn.
    boxes : bool, optional
        Whether to draw the box of an event without an outline.
    labels : bool or str, optional
        Whether to label each event; or the column to use for the labels. A label that would overlap another one is
        moved, and one that would be repeated at the same position is written once.
    **kwargs
        Passed to `~astropy.visualization.wcsaxes.WCSAxes.plot_coord`, such as ``color`` and ``linewidth``. Defaults to
        a color for each event type, for which ``axes.legend()`` creates a legend.

    Returns
    -------
    list of matplotlib.artist.Artist
        The lines and labels.

    Notes
    -----
    On an image from Earth or near it, events within 15 minutes of the image are drawn as submitted. All others are
    rotated with the solar surface to the time of the image, transformed to its observer and cut at the limb. An event
    completely beyond the limb, such as an eruption, does not have a position on the surface: it is drawn as submitted
    on an image from Earth, and not drawn on others.

    Raises
    ------
    QueryError
        The axes are not helioprojective, or do not have a time and observer.
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
    """Return all lines, with labels for the legend on the first line of each type, preferably of the near side."""
    every = [line for side in sides for lines in side.values() for line in lines]
    firsts = {kind: [*lines, *sides[1][kind]][:1] for kind, lines in sides[0].items()}
    named = {name: every[:1]} if name else {event_types().get(kind, kind): first for kind, first in firsts.items()}
    for text, lines in named.items():
        for line in lines:
            line.set_label(text)
    return every


class _Painter:
    """Draw events on axes one by one."""

    def __init__(self, axes: Any, hidden: str | None, boxes: bool) -> None:
        from sunpy.coordinates import get_earth

        self.axes, self.hidden = axes, hidden
        self.frame: Any = _frame(axes)
        self.shapes = [name for name in SHAPES if boxes or name != "bbox"]
        earth = get_earth(self.frame.obstime)
        self.from_earth = bool(self.frame.observer.separation_3d(earth) < NEAR_EARTH)
        # From SOHO, which is nearer to the Sun, everything is larger by 1 %.
        self.larger = float(earth.radius / self.frame.observer.radius)

    def lines(self, row: Any, style: dict[str, Any]) -> tuple[list[Artist], list[Artist]]:
        """Draw one event, and return the lines on the near side and on the far side."""
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
    """Return the frame of the axes, which must have a time and an observer."""
    from astropy.wcs.utils import wcs_to_celestial_frame
    from sunpy.coordinates import Helioprojective

    try:
        frame = wcs_to_celestial_frame(axes.wcs)
    except (AttributeError, ValueError) as error:
        raise QueryError("The axes are not helioprojective; use plt.subplot(projection=map).") from error
    complete = isinstance(frame, Helioprojective) and frame.obstime is not None and hasattr(frame.observer, "lon")
    if not complete:
        raise QueryError(f"The axes must be helioprojective with a time and an observer, not {frame!r}; use a map.")
    return frame


def _only(outline: SkyCoord, chosen: NDArray[np.bool_]) -> SkyCoord:
    from astropy.coordinates import SkyCoord

    gone = np.where(chosen, 1.0, np.nan)
    return SkyCoord(outline.Tx * gone, outline.Ty * gone, frame=outline.frame.replicate_without_data())
