"""Words beside what was drawn: each where it covers no other, and once where several would say the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.artist import Artist

__all__ = ["beside"]

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
