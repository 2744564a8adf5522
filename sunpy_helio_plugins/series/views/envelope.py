"""Fewer points and records for a figure: those that are seen in each column of its pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLUMNS", "envelope", "groups"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLUMNS = 4096
"""The number of columns into which a time axis is divided: more than the pixels of a screen."""


def groups(instants: Floats, breaks: Ints) -> Ints:
    """
    Return the index of the first record of each group: the records of one column between two breaks.

    ``instants`` are ascending. A group does not extend over a break, which is the index of the first record after it.
    """
    span = instants[-1] - instants[0]
    if not span > 0:
        return np.arange(len(instants))
    edges = instants[0] + span * np.arange(1, COLUMNS) / COLUMNS
    return np.unique(np.concatenate([[0], np.searchsorted(instants, edges), breaks]))


def envelope(instants: Floats, values: Floats) -> Ints:
    """
    Return the indices of the values to plot as a line: in each column the first, the last and both extremes.

    The first missing value of each gap is among them, so that the line is interrupted where it was. Instants that are
    not ascending, and values that are few, are all returned.
    """
    every = np.arange(len(values))
    if len(values) <= 4 * COLUMNS or not (np.diff(instants) >= 0).all():
        return every
    known = np.isfinite(values)
    kept = every[known]
    if not len(kept):
        return every[:1]
    numbers = values if len(kept) == len(values) else values[kept]
    breaks = np.flatnonzero(np.diff(kept) > 1) + 1
    starts = groups(instants[kept], breaks)
    starts = starts[starts < len(kept)]
    counts = np.diff(np.append(starts, len(kept)))
    chosen = [starts, starts + counts - 1]
    for extreme in (np.minimum, np.maximum):
        chosen.append(_first(numbers == np.repeat(extreme.reduceat(numbers, starts), counts), starts))
    shown = kept[np.unique(np.concatenate(chosen))]
    if len(breaks):
        shown = np.union1d(shown, kept[breaks - 1] + 1)
    return shown if len(shown) < len(every) else every


def _first(found: NDArray[np.bool_], starts: Ints) -> Ints:
    """Return the first index of each group at which something was found."""
    places = np.flatnonzero(found)
    return places[np.searchsorted(places, starts)]
