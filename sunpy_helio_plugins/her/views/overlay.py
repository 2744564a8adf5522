"""Draw events on a map."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import FLAG, TEXT, Kind, optional, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.columns.origins import CODES
from sunpy_helio_plugins.her.keywords import event_types
from sunpy_helio_plugins.her.outlines.selection import selected
from sunpy_helio_plugins.her.outlines.trace import Shapes, separated, trace
from sunpy_helio_plugins.her.outlines.view import View
from sunpy_helio_plugins.her.tables import HERTable, events

if TYPE_CHECKING:
    from astropy.coordinates import BaseCoordinateFrame
    from matplotlib.artist import Artist

__all__ = ["beside", "overlay"]

SPOTS = (
    (2, 2, "left"), (2, -10, "left"), (-2, 2, "right"), (-2, -10, "right"), (2, 13, "left"), (-2, 13, "right"),
    (2, -21, "left"), (-2, -21, "right"), (2, 24, "left"), (-2, 24, "right"), (2, -32, "left"), (-2, -32, "right"),
)  # fmt: skip
"""Offsets of a label from its vertex, in points, and its alignment; the first one without an overlap is used."""

NEAR = 25.0
"""Pixels within which the same label is not repeated."""


def beside(axes: Any, wanted: Iterable[tuple[Any, str, Any]], style: Mapping[str, Any] | None = None) -> list[Artist]:
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
        own = {"color": colour, "fontsize": "small", "path_effects": rim} | dict(style or {})
        artist = axes.annotate(text, at, annotation_clip=False, **own, **place)
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


FAINT = 0.4
"""The opacity of a point on the far side, which cannot be dashed."""

COLOURS = {
    "AR": "#ffb000", "CH": "#40c4ff", "FL": "#ff5252", "CE": "#e040fb", "FI": "#69f0ae", "FE": "#00bfa5",
    "EF": "#ffff8d", "SG": "#ff8a65", "SS": "#ffd180", "CJ": "#b388ff", "TO": "#cfd8dc",
}  # fmt: skip
"""A color for each common type; others use matplotlib's color cycle."""

LABELS = ("fl_goescls", "ar_noaanum")
"""The columns to use as labels, in this order; otherwise the type is used."""


def _labels(given: Any) -> bool | str:
    return TEXT.of(given) if isinstance(given, str) else FLAG.of(given)


_LABELS = Kind("True, False or the name of a column", _labels)

_Lines = dict[str, list[Any]]
"""Lines by the type of their event."""

Floats = NDArray[np.float64]


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
        Properties of `~matplotlib.lines.Line2D`, such as ``color`` and ``linewidth``; those of markers, such as
        ``marker`` and ``markersize``, are used for points only. With ``labels``, also those that only
        `~matplotlib.text.Text` has, such as ``fontsize``, for the labels. The default is a color for each event type,
        for which ``axes.legend()`` creates a legend.

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
        The axes are not helioprojective, or do not have a time and observer; or neither lines nor labels have a
        property.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import matplotlib.pyplot as plt
    >>> from sunpy.map import Map
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> noon = a.Time("2026-01-10 12:00", "2026-01-10 12:00:30")
    >>> pictures = Fido.search(noon, a.helioviewer.SourceID(11))
    >>> aia = Map(Fido.fetch(pictures, path="{file}")[0])
    >>> axes = plt.figure().add_subplot(projection=aia)
    >>> drawn = her.overlay(axes, holes, hidden=":")
    >>> len(axes.lines)
    18
    """
    table = events("her.overlay", table, "event_type")
    spare = cycle(f"C{index}" for index in range(10))
    style, marks, written = _styles(kwargs, bool(labels))
    colours: dict[str, str] = {}
    wanted: list[tuple[Any, str, Any]] = []
    labelled: set[int] = set()
    sides: tuple[_Lines, _Lines] = (defaultdict(list), defaultdict(list))
    for row, front, back in _lines(axes, selected(table, boxes), bool(hidden)):
        kind = str(table["event_type"][row])
        if kind not in colours:
            colours[kind] = COLOURS.get(kind) or next(spare)
        own = {"color": colours[kind]} | style
        far = {"alpha": FAINT} if back is not None and len(back) == 1 else {"linestyle": hidden}
        drawn = [_draw(axes, front, own, marks), _draw(axes, back, own | far, marks)]
        for side, line in zip(sides, drawn, strict=True):
            side[kind] += [line] * (line is not None)
        if labels and row not in labelled and (text := _label(table, row, labels)):
            labelled.add(row)
            wanted.append((drawn[0] or drawn[1], text, own["color"]))
    return [*_named(sides, kwargs.get("label")), *beside(axes, wanted, written)]


_Style = dict[str, Any]


def _styles(kwargs: _Style, labels: bool) -> tuple[_Style, _Style, _Style]:
    """Return the properties of lines by their full names, such as ``color`` for ``c``, of points, and of labels."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

    given = {key: value for key, value in kwargs.items() if key != "label"}
    of_lines = {key: value for key, value in normalize_kwargs(given, Line2D).items() if hasattr(Line2D, f"set_{key}")}
    rest = {key: value for key, value in normalize_kwargs(given, Line2D).items() if key not in of_lines}
    of_texts = dict(normalize_kwargs(rest, Text))
    unknown = [key for key in of_texts if not hasattr(Text, f"set_{key}")]
    if unknown:
        raise QueryError(
            "her.overlay takes properties of lines and of labels, such as color, linewidth and fontsize, not "
            f"{unknown[0]!r}."
        )
    if of_texts and not labels:
        raise QueryError(f"her.overlay takes {next(iter(rest))!r} for labels only: add labels=True, or omit it.")
    marks = {key: value for key, value in of_lines.items() if key.startswith("mark") or key == "fillstyle"}
    return {key: value for key, value in of_lines.items() if key not in marks}, marks, of_texts


def _named(sides: tuple[_Lines, _Lines], name: str | None) -> list[Artist]:
    """Return all lines, with labels for the legend on the first line of each type, preferably of the near side."""
    every = [line for side in sides for lines in side.values() for line in lines]
    firsts = {kind: [*lines, *sides[1][kind]][:1] for kind, lines in sides[0].items()}
    named = {name: every[:1]} if name else {event_types().get(kind, kind): first for kind, first in firsts.items()}
    for text, lines in named.items():
        for line in lines:
            line.set_label(text)
    return every


def _lines(axes: Any, shapes: Shapes, hidden: bool) -> Iterator[tuple[int, Floats | None, Floats | None]]:
    """Return each row that is drawn, with the pixels of its parts on the near side and on the far side."""
    view = View(_frame(axes))
    # The edges that join holes to outlines are not drawn.
    shapes, rows = separated(shapes)
    seen = view.see(trace(shapes))
    pixels = _pixels(axes, seen.x, seen.y)
    straight = seen.as_submitted & (shapes.systems == CODES.index("hpc"))
    # Edges that are straight in the image do not need more vertices.
    corners = shapes.take(straight)
    plain = iter(np.split(_pixels(axes, *(corners.vertices.T * view.larger)), corners.offsets[1:-1]))
    for row, start, end, is_straight in zip(rows, seen.offsets[:-1], seen.offsets[1:], straight, strict=True):
        if is_straight:
            yield row, next(plain), None
            continue
        visible, place = seen.visible[start:end, None], pixels[start:end]
        front = np.where(visible, place, np.nan) if visible.any() else None
        behind = hidden and not visible.all() and np.isfinite(place).any()
        if front is not None or behind:
            yield row, front, np.where(visible, np.nan, place) if behind else None


def _pixels(axes: Any, x: Floats, y: Floats) -> Floats:
    """Convert helioprojective arcsec to pixels, shape (v, 2)."""
    degrees = {"longitude": x / 3600, "latitude": y / 3600}
    world = np.stack([degrees[coordinate.coord_type] for coordinate in axes.coords], axis=1)
    if not len(world):
        return world
    return np.asarray((axes.get_transform("world") - axes.transData).transform(world))


def _draw(axes: Any, pixels: Floats | None, style: _Style, marks: _Style) -> Artist | None:
    """Add one line, or a mark for a single position, without changing the limits of the axes."""
    from matplotlib.lines import Line2D

    if pixels is None:
        return None
    point: _Style = {"marker": "+"} | marks if len(pixels) == 1 else {}
    line: Artist = axes.add_artist(Line2D(*pixels.T, transform=axes.transData, **(point | style)))
    return line


def _label(table: HERTable, row: int, labels: bool | str) -> str:
    for name in LABELS if labels is True else (labels,):
        value = table[name][row] if name in table.colnames else None
        if value is not None and value is not np.ma.masked and str(value):
            return str(value)
    return str(table["event_type"][row]) if labels is True else ""


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
