"""Outlines on the pixels of an image."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["PixelBox", "fill", "meets", "to_pixels"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]


class PixelBox(NamedTuple):
    """The edges of an image in pixels, of which whole numbers are the centers."""

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def of(cls, shape: tuple[int, int]) -> PixelBox:
        """Return the edges of an image with a number of rows and columns."""
        return cls(-0.5, shape[1] - 0.5, -0.5, shape[0] - 0.5)


def to_pixels(wcs: Any, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Convert helioprojective arcsec to pixels of an image, whose axes may be in any order."""
    places = [x / 3600, y / 3600]
    first = wcs.world_to_pixel_values(*(places if wcs.wcs.lng == 0 else places[::-1]))
    return np.asarray(first[0]), np.asarray(first[1])


def fill(px: Floats, py: Floats, offsets: Integers, shape: tuple[int, int], labels: Any = None) -> NDArray[Any]:
    """
    Return the pixels whose centers lie within closed outlines: True, or the label of the last outline.

    A center within an outline is one from which a line to the left crosses its edges an odd number of times.
    """
    owners, rows, first, last = _spans(px, py, offsets, shape)
    if labels is None:
        # Each span begins and ends once in its row: the sum along a row is the number of spans at each pixel.
        changes = np.zeros((shape[0], shape[1] + 1), dtype=np.int32)
        begins = rows * (shape[1] + 1)
        np.add.at(changes.reshape(-1), begins + first, 1)
        np.add.at(changes.reshape(-1), begins + last, -1)
        return np.asarray(np.cumsum(changes, axis=1, out=changes)[:, :-1] > 0)
    made = np.zeros(shape, dtype=np.int32)
    flat, ends = made.reshape(-1), np.searchsorted(owners, np.arange(len(offsets)))
    for outline in np.unique(owners).tolist():
        here = slice(*ends[outline : outline + 2])
        lengths = last[here] - first[here]
        begins = np.repeat(rows[here] * shape[1] + first[here] - (np.cumsum(lengths) - lengths), lengths)
        flat[begins + np.arange(lengths.sum())] = labels[outline]
    return made


def _spans(
    px: Floats, py: Floats, offsets: Integers, shape: tuple[int, int]
) -> tuple[Integers, Integers, Integers, Integers]:
    """Return the parts of rows within outlines: the outline, the row, the first column, and the one after the last."""
    owners = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    qx, qy = (_following(part, offsets) for part in (px, py))
    with np.errstate(invalid="ignore"):
        low, high = (np.clip(np.ceil(part), 0, shape[0]) for part in (np.minimum(py, qy), np.maximum(py, qy)))
    counts = np.nan_to_num(high - low).astype(np.int64)
    edges = np.repeat(np.arange(len(px)), counts)
    rows = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.nan_to_num(low[edges])
    across = px[edges] + (rows - py[edges]) * (qx[edges] - px[edges]) / (qy[edges] - py[edges])
    columns = np.clip(np.ceil(across), 0, shape[1]).astype(np.int64)
    # Sorted by outline, row and column, as one number.
    crossings = np.sort((owners[edges] * shape[0] + rows.astype(np.int64)) * (shape[1] + 1) + columns)
    lines, first = np.divmod(crossings[::2], shape[1] + 1)
    last = crossings[1::2] % (shape[1] + 1)
    kept = last > first
    owner, row = np.divmod(lines[kept], shape[0])
    return owner, row, first[kept], last[kept]


def _following(values: Floats, offsets: Integers, closed: Mask | None = None) -> Floats:
    """Return the value of the next vertex; that of the first one after the last of a closed outline."""
    made = np.roll(values, -1)
    filled = np.diff(offsets) > 0
    first, last = offsets[:-1][filled], offsets[1:][filled] - 1
    made[last] = values[first if closed is None else np.where(closed[filled], first, last)]
    return made


def meets(px: Floats, py: Floats, offsets: Integers, box: PixelBox, closed: Mask) -> Mask:
    """Return which outlines, lines and points have a common point with a box; vertices may be NaN."""
    owners = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    qx, qy = (_following(part, offsets, closed) for part in (px, py))
    crosses = _crosses(px, py, qx - px, qy - py, box)
    # Without a common point of the edges, an outline is around all of the box or around nothing of it.
    x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        over = ((py > y) != (qy > y)) & (x < px + (y - py) * (qx - px) / (qy - py))
    odd = np.bincount(owners[over], minlength=len(offsets) - 1) % 2 == 1
    return np.asarray((np.bincount(owners[crosses], minlength=len(offsets) - 1) > 0) | (odd & closed))


def _crosses(x: Floats, y: Floats, dx: Floats, dy: Floats, box: PixelBox) -> Mask:
    """Return which edges have a part in a box (the algorithm of Liang and Barsky, 1984)."""
    enter, leave = np.zeros(len(x)), np.ones(len(x))
    inside = np.isfinite(x + y + dx + dy)
    for step, room in ((-dx, x - box.left), (dx, box.right - x), (-dy, y - box.bottom), (dy, box.top - y)):
        with np.errstate(invalid="ignore", divide="ignore"):
            at = room / step
        enter = np.where(step < 0, np.fmax(enter, at), enter)
        leave = np.where(step > 0, np.fmin(leave, at), leave)
        inside &= (step != 0) | (room >= 0)
    return np.asarray(inside & (enter <= leave))
