"""Cells of spectrograms: the time interval of each record, and the edges of the bins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities.spans import seconds
from sunpy_helio_plugins.series.axes import Axis
from sunpy_helio_plugins.series.views.envelope import COLUMNS, groups

__all__ = ["Intervals", "bin_edges", "gaps", "mesh"]

Floats = NDArray[np.float64]

_GAP = 3.5
"""The number of usual steps above which a step is a gap."""

_DAY = 86_400.0


@dataclass(frozen=True)
class Intervals:
    """
    The time intervals of records.

    Attributes
    ----------
    location : str
        The location of the time of the record in it by ``timeStampLocation``: begin, center, end or other.
    cadence : float or None
        The length in seconds; `None` if the server does not give it.
    """

    location: str = "center"
    cadence: float | None = None

    @classmethod
    def of(cls, meta: Mapping[str, Any]) -> Intervals:
        """Return the intervals from the metadata of a table."""
        header = meta.get("hapi") or {}
        location = str(header.get("timeStampLocation") or "center").lower()
        return cls(location, seconds(str(header.get("cadence") or "")) or None)

    def length(self, instants: Floats) -> float:
        """Return the length of an interval in seconds: the cadence, or the median step if it is not known."""
        steps = np.diff(instants)
        return float(self.cadence or (np.median(steps) if len(steps) else 0.0))

    def shift(self, instants: Floats) -> float:
        """Return the seconds from the times of records to the centres of their intervals."""
        return {"begin": 0.5, "end": -0.5}.get(self.location, 0.0) * self.length(instants)

    def limits(self, instants: Floats) -> tuple[Floats, Floats]:
        """Return the begin and end of each interval; it ends at the begin of the next unless records are missing."""
        length = self.length(instants)
        here = np.isin(np.arange(1, len(instants)), gaps(instants))
        first, last = instants[:-1], instants[1:]
        if self.location == "begin":
            return instants, np.append(np.where(here, first + length, last), instants[-1] + length)
        if self.location == "end":
            return np.append(instants[0] - length, np.where(here, last - length, first)), instants
        middle, half = (first + last) / 2, length / 2
        begins = np.append(instants[0] - half, np.where(here, last - half, middle))
        return begins, np.append(np.where(here, first + half, middle), instants[-1] + half)


def gaps(instants: Floats) -> NDArray[np.int64]:
    """Return the indices of records after a gap; empty for records without a regular cadence."""
    steps = np.diff(instants)
    usual = np.median(steps) if len(steps) else 0.0
    is_regular = len(steps) > 2 and np.mean(np.abs(steps - usual) <= 0.5 * usual) > 0.8
    return np.flatnonzero(steps > _GAP * usual) + 1 if is_regular else np.empty(0, np.int64)


def mesh(instants: Floats, axis: Axis, values: Floats, intervals: Intervals) -> tuple[Floats, Floats, Floats]:
    """
    Return the edges in time (seconds), the edges of the bins (ascending) and the values of the cells of an image.

    ``values`` has the shape (n, k). Cells are NaN where records are missing. If the bins change with time, their edges
    have the shape (len(x), k + 1), else (k + 1,); the cells have the shape (len(x) - 1, k). Of more records than there
    are columns in a figure, those of one column are averaged, unless their bins differ.
    """
    begins, ends = intervals.limits(instants)
    if len(instants) > 2 * COLUMNS and (np.diff(instants) >= 0).all():
        starts = groups(instants, np.union1d(gaps(instants), _new_bins(axis)))
        begins, ends = begins[starts], ends[np.append(starts[1:], len(instants)) - 1]
        values, axis = _means(values, starts), _of_rows(axis, starts)
    if axis.centers is not None and axis.varies:
        return _changing(begins, ends, axis, values)
    length = values.shape[1]
    if axis.centers is None:
        order, edges = np.arange(length), np.arange(length + 1) - 0.5
    else:
        order, edges = bin_edges(axis.centers.value, axis.ranges.value if axis.ranges is not None else None)
    empty = np.flatnonzero(begins[1:] > ends[:-1]) + 1
    cells = np.insert(values[:, order], empty, np.nan, axis=0)
    return np.append(np.insert(begins, empty, ends[empty - 1]), ends[-1]), edges, cells


def _new_bins(axis: Axis) -> NDArray[np.int64]:
    """Return the indices of records whose bins differ from those of the record before."""
    if not axis.varies:
        return np.empty(0, np.int64)
    varying = [u.Quantity(axis.centers).value]
    if axis.ranges is not None and axis.ranges.ndim == 3:
        varying.append(axis.ranges.value)
    same = [
        ((one[1:] == one[:-1]) | (np.isnan(one[1:]) & np.isnan(one[:-1]))).reshape(len(one) - 1, -1).all(axis=1)
        for one in varying
    ]
    return np.flatnonzero(~np.logical_and.reduce(same)) + 1


def _means(values: Floats, starts: NDArray[np.int64]) -> Floats:
    """Return the means of the records of each group; missing values are left out."""
    known = np.isfinite(values)
    sums, counts = (np.add.reduceat(one, starts, axis=0) for one in (np.where(known, values, 0.0), known.astype(float)))
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _of_rows(axis: Axis, rows: NDArray[np.int64]) -> Axis:
    """Return the bins of some records."""
    if axis.centers is None or not axis.varies:
        return axis
    ranges = axis.ranges[rows] if axis.ranges is not None and axis.ranges.ndim == 3 else axis.ranges
    return replace(axis, centers=axis.centers[rows], ranges=ranges)


def _changing(begins: Floats, ends: Floats, axis: Axis, values: Floats) -> tuple[Floats, Floats, Floats]:
    """Return a mesh with separate bins for each record, which are separated by cells without width or empty cells."""
    count, length = values.shape
    edges, cells = np.empty((2 * count, length + 1)), np.full((2 * count - 1, length), np.nan)
    orders, lines = _lines(axis, count)
    edges[0::2] = edges[1::2] = lines
    # A bin without a center in a record is not drawn.
    known = np.isfinite(u.Quantity(axis.centers).value)
    cells[0::2] = np.take_along_axis(np.where(known, values, np.nan), orders, axis=1)
    return np.column_stack([begins, ends]).ravel(), edges, cells


def _lines(axis: Axis, count: int) -> tuple[NDArray[np.int64], Floats]:
    """Return the order and the edges of the bins of each record; a record without bins uses those of a neighbour."""
    centers = np.asarray(u.Quantity(axis.centers).value, dtype=float)
    ranges = None if axis.ranges is None else np.asarray(axis.ranges.value, dtype=float)
    known: dict[bytes, tuple[NDArray[np.int64], Floats]] = {}
    rows = np.where(np.isfinite(centers).any(axis=1), np.arange(count), -1)
    rows = np.maximum.accumulate(rows)
    rows[rows < 0] = max(0, int(rows[rows >= 0][0])) if (rows >= 0).any() else 0
    made = []
    for row in rows.tolist():
        own = None if ranges is None else ranges if ranges.ndim == 2 else ranges[row]
        key = centers[row].tobytes() + (b"" if own is None else own.tobytes())
        if key not in known:
            known[key] = bin_edges(centers[row], own)
        made.append(known[key])
    return np.array([order for order, _ in made]), np.array([edges for _, edges in made])


def bin_edges(centers: Floats, ranges: Floats | None) -> tuple[NDArray[np.int64], Floats]:
    """
    Return the order in which bins ascend, and their edges in this order.

    Centers, shape (k,), and ranges, shape (k, 2), may be in any order. Unknown ones are NaN, such as the upper edge of
    an integral channel.
    """
    length = len(centers)
    pairs = np.full((length, 2), np.nan) if ranges is None else _ascending(np.asarray(ranges, dtype=float))
    places = _places(np.asarray(centers, dtype=float), pairs)
    order = np.argsort(places, kind="stable")
    places, pairs = places[order], pairs[order]
    edges = _between(places)
    low, high = np.append(pairs[:, 0], np.nan), np.append(np.nan, pairs[:, 1])
    # The edge between two bins is given by both, by one of them, or by neither.
    said = np.where(np.isnan(low), high, np.where(np.isnan(high), low, (low + high) / 2))
    edges = np.where(np.isnan(said), edges, said)
    return order, np.maximum.accumulate(edges)


def _ascending(ranges: Floats) -> Floats:
    """Return ranges with the lower edge first."""
    turned = ranges[:, 0] > ranges[:, 1]
    return np.where(turned[:, None], ranges[:, ::-1], ranges)


def _places(centers: Floats, pairs: Floats) -> Floats:
    """Return the positions of bins: their centers, else from their ranges, else between their neighbours."""
    known = np.isfinite(pairs)
    sums = np.where(known, pairs, 0.0).sum(axis=1)
    places = np.where(np.isfinite(centers), centers, sums / np.where(known.any(axis=1), known.sum(axis=1), np.nan))
    found = np.isfinite(places)
    if not found.any():
        return np.arange(len(places), dtype=float)
    return np.interp(np.arange(len(places)), np.flatnonzero(found), places[found])


def _between(places: Floats) -> Floats:
    """Return edges halfway between ascending positions; logarithmically if these are spaced so."""
    steps = np.diff(places)
    if (places > 0).all() and len(steps) > 1 and steps.max() > 3 * steps.min():
        return np.exp(_halfway(np.log(places)))
    return _halfway(places)


def _halfway(places: Floats) -> Floats:
    if len(places) < 2:
        return np.array([places[0] - 0.5, places[0] + 0.5])
    middle = (places[1:] + places[:-1]) / 2
    return np.concatenate([[2 * places[0] - middle[0]], middle, [2 * places[-1] - middle[-1]]])
