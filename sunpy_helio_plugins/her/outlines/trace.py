"""
The outlines of events, with vertices added along their edges.

Edges are straight in the numbers of the system in which an event was submitted, and curved in all other systems and on
the surface. Therefore vertices are added in that system, so densely that straight segments are sufficient, and then
converted. Area, containment, regions, masks and plots all use these outlines.

The registry cannot convert all vertices: one beyond the limb does not have heliographic coordinates, and is moved to
the limb; one on the far side has the position in the image of the point in front of it. Therefore the vertices as
submitted, which a record contains in another keyword, are used in all four systems.

All functions convert the outlines of many events at once.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns.origins import CODES, unknown

__all__ = ["NEAR_LIMB", "Rings", "Shapes", "SubmittedVertices", "separated", "submitted_vertices", "trace"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]
Rings = tuple[Floats, Integers]

NEAR_LIMB = 0.97
"""The part of the apparent solar radius beyond which a conversion may lose a position: it may be beyond the limb, or
visible behind a pole (B0 up to 7.25 degrees)."""

STEPS = {"hpc": (5.0, 5.0), "hgs": (0.2, 0.2), "hgc": (0.2, 0.2), "hrc": (0.05, 1.0)}
"""The longest segment of an edge, in the system's units."""

LIMB, LIMB_STEP = 900.0, 0.5
"""Arcsec from the disk's center from which segments in ``hpc`` are shorter, because of the foreshortening at the limb,
and their length (areas across the limb are then correct within 0.1 %)."""

PARTS = 16
"""The least number of steps in the extent of an outline in degrees, so that small areas are correct as well."""

ACCURACY = 1e-5
"""
The square of a step at 45 degrees of latitude, divided by the width of an outline, in radians: the area between an edge
that is straight in degrees and a great circle grows with the tangent of the latitude. Areas are then correct within
1e-5.
"""

MOST = 1000
"""The largest number of segments per edge."""

DEGREES = ("hgs", "hgc")
_DEGREES = [CODES.index(system) for system in DEGREES]
_HPC, _HRC = CODES.index("hpc"), CODES.index("hrc")


class Shapes(NamedTuple):
    """The outlines, lines, boxes or points of events, one after the other."""

    vertices: Floats
    """Shape (v, 2), in the systems of the events."""
    offsets: Integers
    """Shape (n + 1,): the vertices of event ``i`` are ``vertices[offsets[i]:offsets[i + 1]]``."""
    systems: Integers
    """Shape (n,): the system of the vertices of each event, an index of ``CODES``."""
    instants: Floats
    starts: Floats
    origins: Floats

    @classmethod
    def of(cls, column: Any) -> Self:
        """Return the polygons of a column: as submitted where this is known, else in the column's own system."""
        events = column.instants, column.starts, column.origins
        return cls.known(column.vertices, column.offsets, column.system, *events, column.as_submitted)

    @classmethod
    def of_one(cls, polygon: Any) -> Self:
        """Return one polygon, as of a column."""
        offsets, events = np.array([0, len(polygon)]), (polygon.instant, polygon.start, polygon.origin)
        return cls.known(polygon.vertices, offsets, polygon.system, *events, polygon.as_submitted)

    @classmethod
    def known(
        cls, vertices: Floats, offsets: Integers, system: str, instants: Floats, starts: Floats, origins: Floats,
        as_submitted: Floats,
    ) -> Self:  # fmt: skip
        """Return polygons of one system, as submitted where this is known."""
        counts = np.diff(offsets)
        owners = np.repeat(np.arange(len(counts)), counts)
        unknown = np.isnan(as_submitted).any(axis=1)
        known = (np.bincount(owners[unknown], minlength=len(counts)) == 0) & (counts > 0) & ~np.isnan(origins[:, 0])
        systems = np.full(len(counts), CODES.index(system))
        systems[known] = origins[known, 0].astype(int)
        chosen = np.where(known[owners, None], as_submitted, vertices) if known.any() else vertices
        return cls(chosen, offsets, systems, instants, starts, origins)

    @property
    def owners(self) -> Integers:
        """The event of each vertex."""
        return np.repeat(np.arange(len(self.systems)), np.diff(self.offsets))

    def take(self, rows: Any) -> Shapes:
        """Return some of the events."""
        rows = np.arange(len(self.systems))[rows]
        counts = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        source = np.repeat(self.offsets[:-1][rows] - offsets[:-1], counts) + np.arange(offsets[-1])
        return Shapes(self.vertices[source], offsets, *(part[rows] for part in self[2:]))

    def converted(self, systems: Integers) -> Shapes:
        """Return the same positions in other systems at the time of each outline."""
        owners = self.owners
        made = self.vertices.copy()
        pairs = {(own, other) for own, other in zip(self.systems.tolist(), systems.tolist(), strict=True)}
        for own, other in pairs:
            here = ((self.systems == own) & (systems == other))[owners] if len(pairs) > 1 else slice(None)
            rows = owners[here]
            events = self.instants[rows], self.starts[rows], self.origins[rows]
            made[here] = converted(self.vertices[here], CODES[own], CODES[other], *events)
        return self._replace(vertices=made, systems=systems)

    def on_surface(self) -> tuple[Floats, Floats, Mask]:
        """Return Stonyhurst degrees of the vertices on the surface, and which were clamped to the limb."""
        owners = self.owners
        places = np.full((2, len(owners)), np.nan)
        clamped = np.zeros(len(owners), dtype=bool)
        for code in set(self.systems.tolist()):
            here = (self.systems == code)[owners]
            rows = owners[here]
            events = self.instants[rows], self.starts[rows], self.origins[rows]
            *found, clamped[here] = frames.on_surface(self.vertices[here], CODES[code], *events)
            places[:, here] = found
        return places[0], places[1], clamped

    def separation(self, other: Shapes) -> Floats:
        """Return the distances in megameters between vertices of the same systems, on the surface or on the sky."""
        owners = self.owners
        polar = (self.systems == _HRC)[owners]
        scale = np.where(polar, frames.scales(self.starts, self.origins)[owners], 1.0)
        first, second = (
            np.where(polar, frames.radial(part.vertices, scale), part.vertices.T) for part in (self, other)
        )
        distance = frames.earth(self.instants)[1][owners] / 1e3
        made = np.radians(np.hypot(*(first - second)) / 3600) * distance
        degrees = np.isin(self.systems, _DEGREES)[owners]
        # Half the chord between two directions is the sine of half the angle.
        (lon1, lat1), (lon2, lat2) = (np.radians(part[:, degrees]) for part in (first, second))
        square = np.sin((lat1 - lat2) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon1 - lon2) / 2) ** 2
        made[degrees] = 2 * np.arcsin(np.sqrt(np.minimum(square, 1))) * frames.RSUN_KM / 1e3
        return made

    def closed(self) -> Mask:
        """Return which events are outlines or boxes, whose last vertex is the first one; the others are lines."""
        filled = np.diff(self.offsets) > 1
        made = np.zeros(len(filled), dtype=bool)
        x, y = (self.vertices[self.offsets[:-1][filled]] - self.vertices[self.offsets[1:][filled] - 1]).T
        # A ring around the pole, or the center of the disk, extends over angles from 0 to 360.
        polar = self.systems[filled] == _HRC
        angle, other = np.where(polar, y, x), np.where(polar, x, y)
        seam = (polar | np.isin(self.systems[filled], _DEGREES)) & (np.abs(angle) > 1) & (angle % 360 == 0)
        made[filled] = (other == 0) & ((angle == 0) | seam)
        return made


def separated(shapes: Shapes) -> tuple[Shapes, Integers]:
    """
    Return the rings of outlines with holes as shapes of their own, and the event of each.

    A hole is joined to an outline by an edge from its first vertex in both directions; see `chaincodes.joined`.
    """
    owners, offsets = shapes.owners, shapes.offsets
    first = offsets[:-1][owners]
    again = (shapes.vertices == shapes.vertices[first]).all(axis=1)
    rows = np.flatnonzero(np.bincount(owners[again], minlength=len(shapes.systems)) > 2)
    bounds = [(start, end) for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
    parts = {row: _rings(shapes.vertices[slice(*bounds[row])], bounds[row][0]) for row in rows.tolist()}
    if not any(len(found) > 1 for found in parts.values()):
        return shapes, np.arange(len(shapes.systems))
    pieces = [(row, piece) for row, bound in enumerate(bounds) for piece in parts.get(row, [bound])]
    events = np.array([row for row, _ in pieces])
    counts = [end - start for _, (start, end) in pieces]
    source = np.concatenate([np.arange(start, end) for _, (start, end) in pieces])
    made = Shapes(
        shapes.vertices[source], np.concatenate([[0], np.cumsum(counts)]), *(part[events] for part in shapes[2:])
    )  # fmt: skip
    return made, events


def _rings(vertices: Floats, start: int) -> list[tuple[int, int]]:
    """Return where the outline and each hole of a ring begin and end; the complete ring if it does not have holes."""
    returns = np.flatnonzero((vertices == vertices[0]).all(axis=1)).tolist()
    found = [(0, returns[1] + 1)]
    for before, after in pairwise(returns[1:]):
        if after - before < 5 or (vertices[before + 1] != vertices[after - 1]).any():
            return [(start, start + len(vertices))]
        found.append((before + 1, after))
    return [(start + first, start + end) for first, end in found]


def trace(shapes: Shapes) -> Shapes:
    """Return outlines with vertices added along their edges, in the systems of straight edges."""
    straight = np.where(shapes.systems == _HRC, _HPC, shapes.systems)
    known = ~np.isnan(shapes.origins[:, 0])
    straight[known] = shapes.origins[known, 0].astype(int)
    # Heliographic systems differ by a constant longitude.
    alike = np.isin(shapes.systems, _DEGREES) & np.isin(straight, _DEGREES)
    straight[alike] = shapes.systems[alike]
    return _followed(shapes if (straight == shapes.systems).all() else shapes.converted(straight))


class SubmittedVertices(NamedTuple):
    """The vertices of a column in the systems of submission, as the columns of these systems contain them."""

    sources: tuple[tuple[Mask, Floats, Integers], ...]
    """For each of these columns, the rows to look up, shape (n,), and its vertices and offsets."""

    def rows(self, first: int, last: int) -> SubmittedVertices:
        """Return consecutive rows."""
        sources = ((here[first:last], given, others[first : last + 1]) for here, given, others in self.sources)
        return SubmittedVertices(tuple(sources))

    def vertices(self, offsets: Integers) -> Floats:
        """Return the vertices of rows with these offsets, shape (v, 2); NaN for outlines in none of the columns."""
        counts = np.diff(offsets)
        if not self.sources:
            return unknown(int(counts.sum()))
        made = np.full((int(counts.sum()), 2), np.nan)
        for here, given, others in self.sources:
            made[np.repeat(here, counts)] = given[others[0] : others[-1]][np.repeat(here, np.diff(others))]
        return made


def submitted_vertices(
    name: str, offsets: Integers, rings: Callable[[str], Rings], origins: Floats
) -> SubmittedVertices:
    """
    Return the vertices of a column in the systems of submission.

    ``rings`` returns the vertices and offsets of another keyword. NaN for outlines in their own system, and for those
    that the record does not contain as submitted.
    """
    counts, sources = np.diff(offsets), []
    for number, system in enumerate(CODES):
        here = (origins[:, 0] == number) & (counts > 0)
        if system == name[:3] or (system in DEGREES and name[:3] in DEGREES) or not here.any():
            continue
        vertices, others = rings(system + name[3:])
        sources.append((here & (np.diff(others) == counts), vertices, others))
    return SubmittedVertices(tuple(sources))


def converted(vertices: Floats, system: str, target: str, instants: Floats, starts: Floats, origins: Floats) -> Floats:
    """Convert positions to another system at the time of each."""
    if system == target:
        return vertices
    if target in DEGREES:
        longitude, latitude, _ = frames.on_surface(vertices, system, instants, starts, origins)
        return np.stack(frames.heliographic(longitude, latitude, target, starts), axis=1)
    scale = frames.scales(starts, origins)
    if system in DEGREES:
        x, y = frames.projected(*frames.stonyhurst(vertices, system, starts), *frames.earth(instants))
    else:
        x, y = frames.radial(vertices, scale) if system == "hrc" else vertices.T
    return frames.polar(x, y, scale) if target == "hrc" else np.stack([x, y], axis=1)


def _followed(shapes: Shapes) -> Shapes:
    """Divide the edges of outlines into segments."""
    if not len(shapes.vertices):
        return shapes
    corners = continuous(shapes)
    edges = np.zeros_like(corners)
    edges[:-1] = np.diff(corners, axis=0)
    edges[shapes.offsets[1:][np.diff(shapes.offsets) > 0] - 1] = 0
    steps = _steps(shapes, corners)[shapes.owners]
    with np.errstate(invalid="ignore"):
        apart = np.hypot(*corners.T)
        near = np.fmax(apart, np.roll(apart, -1)) > LIMB
        steps[near & (shapes.systems == _HPC)[shapes.owners]] = LIMB_STEP
        lengths = np.nan_to_num((np.abs(edges) / steps).max(axis=1), posinf=MOST)
    pieces = np.clip(np.ceil(lengths), 1, MOST).astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(pieces)])
    source = np.repeat(np.arange(len(corners)), pieces)
    share = (np.arange(ends[-1]) - ends[source]) / pieces[source]
    return shapes._replace(vertices=corners[source] + edges[source] * share[:, None], offsets=ends[shapes.offsets])


def _steps(shapes: Shapes, corners: Floats) -> Floats:
    """Return the longest segments of each outline's edges, shape (n, 2)."""
    made = np.array([STEPS[system] for system in CODES])[shapes.systems]
    rows = np.flatnonzero(np.isin(shapes.systems, _DEGREES) & (np.diff(shapes.offsets) > 0))
    if not len(rows):
        return made
    # The longest segment in degrees for which the area is correct.
    filled = np.flatnonzero(np.diff(shapes.offsets))
    at, which = shapes.offsets[filled], np.searchsorted(filled, rows)
    highest, lowest = (reduce.reduceat(corners, at, axis=0)[which] for reduce in (np.maximum, np.minimum))
    breadth, extent = np.sort(highest - lowest, axis=1).T
    slope = np.tan(np.radians(np.clip(np.maximum(np.abs(highest), np.abs(lowest))[:, 1], 1.0, 89.0)))
    wanted = np.stack([extent / PARTS, np.degrees(np.sqrt(ACCURACY * np.radians(breadth) / slope))])
    made[rows] = np.minimum(made[rows], np.where(wanted > 0, wanted, np.inf).min(axis=0)[:, None])
    return made


def continuous(shapes: Shapes) -> Floats:
    """Return vertices whose angles around the Sun are continuous: edges take the shorter way."""
    made = shapes.vertices.copy()
    owners = shapes.owners
    first = shapes.offsets[:-1][owners]
    for axis, rows in ((0, np.isin(shapes.systems, _DEGREES)), (1, (shapes.systems == _HRC) & ~_sectors(shapes))):
        if not rows.any():
            continue
        turns = np.zeros(len(owners))
        turns[1:] = -np.round(np.diff(made[:, axis]) / 360)
        turns[shapes.offsets[:-1][np.diff(shapes.offsets) > 0]] = 0
        total = np.cumsum(np.nan_to_num(turns))
        made[:, axis] += np.where(rows[owners], 360 * (total - total[first]), 0)
    return made


def _sectors(shapes: Shapes) -> Mask:
    """Return which outlines are the box of an eruption, which can be wider than 180 degrees."""
    made = np.diff(shapes.offsets) == 5
    corners = shapes.vertices[shapes.offsets[:-1][made][:, None] + np.arange(4)]
    (r1, r2, r3, r4), (first, second, third, fourth) = (corners[:, :, axis].T for axis in (0, 1))
    pairs = (r1, r2), (r3, r4), (first, fourth), (second, third)
    made[made] = np.all([np.isclose(*pair, rtol=1e-3, atol=1e-3) for pair in pairs], axis=0) & (first < second)
    return made
