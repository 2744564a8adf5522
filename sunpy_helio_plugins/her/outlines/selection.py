"""The shapes of the events of a table: the outline of each, else its line, else its box, else its position."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.columns.origins import CODES, code
from sunpy_helio_plugins.her.columns.points import Points
from sunpy_helio_plugins.her.columns.polygons import Polygons
from sunpy_helio_plugins.her.outlines.trace import Shapes

__all__ = ["selected"]

Mask = NDArray[np.bool_]

SKY, SURFACE = ("hpc", "hrc", "hgs", "hgc"), ("hgs", "hgc", "hpc", "hrc")
"""
The order of systems for the position of an event, by the system of its submission: the registry computes the others.

An event that was submitted in degrees may lie on the far side, and its ``hpc`` coordinates then show it as if through
the Sun; the others were submitted as seen from Earth, and their degrees are clamped to the limb.
"""


def selected(table: Any, boxes: bool = True, lines: bool = True) -> Shapes:
    """
    Return one shape for each row of a table of events; empty without a position.

    With ``lines=False``, only outlines and boxes.
    """
    kinds = ["boundcc", *(["skeletoncc"] if lines else []), *(["bbox"] if boxes else []), *(["coord"] if lines else [])]
    rows = np.arange(len(table))
    left, in_degrees = np.ones(len(table), dtype=bool), _in_degrees(table)
    parts, owners = [], []
    for kind in kinds:
        for order, group in ((SURFACE, in_degrees), (SKY, ~in_degrees)):
            for name in (f"{system}_{kind}" for system in order):
                shapes = _shapes(table[name]) if name in table.colnames else None
                if shapes is None:
                    continue
                chosen = left & group & (np.diff(shapes.offsets) > 0)
                left &= ~chosen
                parts.append(shapes.take(chosen))
                owners.append(rows[chosen])
    if not parts:
        nothing = np.full((len(table), 2), np.nan)
        none = np.zeros(len(table), np.int64)
        return Shapes(np.empty((0, 2)), np.zeros(len(table) + 1, np.int64), none, nothing, nothing, nothing)
    return _in_order(parts, np.concatenate(owners), len(table))


def _in_degrees(table: Any) -> Mask:
    """Return which events were submitted in degrees."""
    degrees = [float(CODES.index(system)) for system in ("hgs", "hgc")]
    if "event_coordsys" in table.colnames:
        texts = [str(text) for text in table["event_coordsys"]]
        known = {text: code(text) in degrees for text in set(texts)}
        return np.array([known[text] for text in texts], dtype=bool)
    made = np.zeros(len(table), dtype=bool)
    for name in table.colnames:
        if isinstance(table[name], Polygons | Points):
            made |= np.isin(table[name].origins[:, 0], degrees)
    return made


def _shapes(column: Any) -> Shapes | None:
    if isinstance(column, Polygons):
        return Shapes.of(column)
    if not isinstance(column, Points):
        return None
    known = ~np.asarray(column.mask)
    offsets = np.concatenate([[0], np.cumsum(known)])
    systems = np.full(len(known), CODES.index(column.system))
    return Shapes(column.values[known], offsets, systems, column.instants, column.starts, column.origins)


def _in_order(parts: list[Shapes], owners: Any, rows: int) -> Shapes:
    """Return shapes of some rows as one shape for each row, empty for the others."""
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    # An empty shape at the end, for the rows without any.
    offsets = np.concatenate([[0], np.cumsum(counts), [counts.sum()]])
    systems = np.concatenate([*(part.systems for part in parts), [0]])
    gone = np.full((1, 2), np.nan)
    events = (np.concatenate([*(part[index] for part in parts), gone]) for index in (3, 4, 5))
    every = Shapes(np.concatenate([part.vertices for part in parts]), offsets, systems, *events)
    order = np.full(rows, len(counts))
    order[owners] = np.arange(len(counts))
    return every.take(order)
