"""Images with a helioprojective frame, and the events that are in view."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import Kind
from sunpy_helio_plugins.her.outlines.pixels import PixelBox, meets, to_pixels
from sunpy_helio_plugins.her.outlines.selection import selected
from sunpy_helio_plugins.her.outlines.trace import Shapes, trace
from sunpy_helio_plugins.her.outlines.view import Seen, View

__all__ = ["MAP", "VIEW", "Placed", "in_view", "is_frame", "placed"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


def is_frame(given: Any) -> bool:
    """Return whether an object is a helioprojective frame with one time and an observer."""
    from sunpy.coordinates import Helioprojective

    known = isinstance(given, Helioprojective) and given.obstime is not None and hasattr(given.observer, "lon")
    return known and given.obstime.isscalar and given.observer.isscalar


def _map(given: Any) -> Any:
    if not hasattr(given, "wcs") or len(getattr(given, "dimensions", ())) != 2 or not is_frame(given.coordinate_frame):
        raise TypeError
    return given


def _view(given: Any) -> Any:
    return given if is_frame(given) else _map(given)


MAP = Kind("a sunpy.map.Map in helioprojective coordinates", _map)
VIEW = Kind("a sunpy.map.Map in helioprojective coordinates, or its coordinate_frame,", _view)


class Placed(NamedTuple):
    """The shapes of events on the pixels of an image."""

    x: Floats
    y: Floats
    offsets: Integers
    """Closed outlines of the visible parts, as of `View.outlines`; empty for an event without any."""
    closed: Mask
    """Whether a shape is an outline or a box, and not a line or a single position."""
    in_view: Mask
    """Whether any part of an event is visible and in the image."""


def placed(image: Any, shapes: Shapes) -> Placed:
    """Return shapes on the pixels of a map."""
    wcs, traced = image.wcs, trace(shapes)
    view = View(image.coordinate_frame)
    seen = view.see(traced)
    closed, (*sky, offsets) = traced.closed(), view.outlines(seen)
    x, y = to_pixels(wcs, *sky)
    box = PixelBox.of(image.data.shape)
    there = meets(x, y, offsets, box, closed) & closed
    line_x, line_y = (np.where(seen.visible, part, np.nan) for part in to_pixels(wcs, seen.x, seen.y))
    there |= meets(line_x, line_y, seen.offsets, box, closed) & ~closed
    return Placed(x, y, offsets, closed, there)


def in_view(table: Any, given: Any) -> Mask:
    """Return which events of a table are visible in a frame, or in view of a map."""
    shapes = selected(table)
    if not is_frame(given):
        return placed(given, shapes).in_view
    seen: Seen = View(given).see(trace(shapes))
    return np.asarray(seen.counts > 0)
