"""The times and positions of events as arrays, and comparisons of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import astropy.units as u
import numpy as np
from astropy.table import Table
from numpy.typing import NDArray

from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns.points import Points

__all__ = ["EventIntervals", "Places", "overlaps"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

SAME_TIME = 900.0 / 86400
"""Days within which a position is not rotated: the Sun rotates by 2.2 arcsec at the disk center in this time."""

COMPARED = ("event_starttime", "event_endtime", "raw")
"""The columns of every result by which events are compared; without one of them, none would match."""

MOST_PAIRS = 1_000_000
"""Pairs that are compared at once, to limit the memory."""


@dataclass(frozen=True)
class EventIntervals:
    """The starts and ends of events, shape (n,), in days of the Julian date in UTC; NaN for a missing start."""

    starts: Floats
    ends: Floats

    @classmethod
    def of(cls, table: Table, start: str, end: str) -> Self:
        """Return the intervals of a table; a missing end is the start."""
        starts, ends = days(table, start), days(table, end)
        return cls(starts, np.fmax(np.where(np.isnan(ends), starts, ends), starts))


def days(table: Table, name: str) -> Floats:
    """Return a column of times in days of the Julian date in UTC; NaN for missing times and columns."""
    if name not in table.colnames:
        return np.full(len(table), np.nan)
    made: Floats = frames.parts(table[name]).sum(axis=1)
    return made


def overlaps(first: EventIntervals, second: EventIntervals, margin: float) -> Iterator[tuple[Rows, Rows]]:
    """Yield the pairs of rows whose intervals are at most a margin in days apart, in the order of the first rows."""
    order = np.argsort(second.starts, kind="stable")
    order = order[~np.isnan(second.starts[order])]
    starts, ends = second.starts[order], second.ends[order]
    # No interval that starts earlier can reach an event: the ends are not sorted, but their running maximum is.
    reach = np.maximum.accumulate(ends) if len(ends) else ends
    low = np.searchsorted(reach, first.starts - margin, side="left")
    high = np.searchsorted(starts, first.ends + margin, side="right")
    counts = np.where(np.isnan(first.starts), 0, np.maximum(high - low, 0))
    for rows in _batches(counts):
        one = np.repeat(rows, counts[rows])
        within = np.arange(len(one)) - np.repeat(np.cumsum(counts[rows]) - counts[rows], counts[rows])
        other = low[one] + within
        found = ends[other] >= first.starts[one] - margin
        yield one[found], order[other[found]]


def _batches(counts: Rows) -> Iterator[Rows]:
    """Yield consecutive rows that together have a limited number of candidates."""
    groups = np.cumsum(counts) // MOST_PAIRS
    for group in np.unique(groups[counts > 0]):
        yield np.flatnonzero((groups == group) & (counts > 0))


@dataclass(frozen=True)
class Places:
    """
    The positions of events, shape (n,) each; NaN for an event without one.

    ``x`` and ``y`` are arcsec as seen from Earth, ``longitude`` and ``latitude`` Stonyhurst degrees, ``instants`` the
    times in days, ``tilt`` and ``distance`` those of Earth, and ``on_disk`` excludes positions beyond the limb.
    """

    x: Floats
    y: Floats
    longitude: Floats
    latitude: Floats
    instants: Floats
    tilt: Floats
    distance: Floats
    on_disk: NDArray[np.bool_]

    @classmethod
    def of(cls, table: Table) -> Self:
        """Return the positions of a table of events."""
        x, y, parts = _values(table, "hpc_coord")
        tilt, distance = frames.earth(parts)
        longitude, latitude, clamped = frames.unprojected(x, y, tilt, distance)
        own_longitude, own_latitude, own_parts = _values(table, "hgs_coord")
        # An event on the far side was submitted in degrees, and its arcsec show it as if through the Sun.
        known = ~np.isnan(own_longitude) & (~clamped | np.isnan(x))
        longitude, latitude = np.where(known, own_longitude, longitude), np.where(known, own_latitude, latitude)
        parts = np.where(np.isnan(parts), own_parts, parts)
        return cls(x, y, longitude, latitude, parts.sum(axis=1), tilt, distance, ~clamped | known)

    def separation(self, rows: Rows, other: Places, others: Rows) -> Floats:
        """Return the separation of pairs in arcsec as seen from Earth, the first rotated to the time of the second."""
        later = other.instants[others] - self.instants[rows]
        dx, dy = other.x[others] - self.x[rows], other.y[others] - self.y[rows]
        turned = np.flatnonzero((np.abs(later) > SAME_TIME) & self.on_disk[rows])
        one, two = rows[turned], others[turned]
        longitude = self.longitude[one] + rotation(later[turned], self.latitude[one])
        before = frames.projected(self.longitude[one], self.latitude[one], self.tilt[one], self.distance[one])
        after = frames.projected(longitude, self.latitude[one], other.tilt[two], other.distance[two])
        hidden = np.cos(np.radians(longitude)) < 0
        dx[turned] -= np.where(hidden, np.nan, after[0] - before[0])
        dy[turned] -= after[1] - before[1]
        return np.asarray(np.hypot(dx, dy))

    def angle(self, rows: Rows, other: Places, others: Rows, instants: Floats) -> Floats:
        """Return the angle of pairs at the center of the Sun in degrees, both rotated to given times."""
        sides = []
        for place, chosen in ((self, rows), (other, others)):
            latitude = place.latitude[chosen]
            longitude = place.longitude[chosen] + rotation(instants - place.instants[chosen], latitude)
            sides.append((np.radians(longitude), np.radians(latitude)))
        (lon1, lat1), (lon2, lat2) = sides
        half = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
        return np.degrees(2 * np.arcsin(np.sqrt(np.clip(half, 0, 1))))


def rotation(days: Floats, latitude: Floats) -> Floats:
    """Return the longitude in degrees by which the surface rotates as seen from Earth (Howard, Harvey and Forgach)."""
    from sunpy.sun.models import differential_rotation

    if not len(days):
        return np.empty(0)
    made = differential_rotation(days * u.day, latitude * u.deg, model="howard", frame_time="synodic")
    return np.asarray(made.to_value(u.deg))


def _values(table: Table, name: str) -> tuple[Floats, Floats, Floats]:
    """Return the two numbers of each position and the parts of its time; NaN if the column is missing."""
    column: Any = table[name] if name in table.colnames else None
    if not isinstance(column, Points):
        nothing = np.full((len(table), 2), np.nan)
        return nothing[:, 0], nothing[:, 1], nothing
    return column.values[:, 0], column.values[:, 1], np.asarray(column.instants)
