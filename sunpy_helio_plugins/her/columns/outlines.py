"""
The outline of an event, with vertices added along its edges.

Edges are straight in the numbers of the system in which the event was submitted, and curved in all other systems and on
the surface. Therefore vertices are added in that system, so densely that straight segments are sufficient, and then
converted. Area, containment, regions and plots all use this outline.

The registry cannot convert all vertices: one beyond the limb does not have heliographic coordinates, and is moved to
the limb; one on the far side has the position in the image of the point in front of it. Therefore the vertices as
submitted, which a record contains in another keyword, are used for outlines with such vertices in all four systems.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns import frames as moments
from sunpy_helio_plugins.her.columns.origins import CODES, submitted

__all__ = ["NEAR_LIMB", "Rings", "outline", "submitted_vertices"]

Floats = NDArray[np.float64]
Rings = tuple[Floats, NDArray[np.int64]]

NEAR_LIMB = 0.97
"""The part of the apparent solar radius beyond which a conversion may lose a position: it may be beyond the limb, or
visible behind a pole (B0 up to 7.25 degrees)."""

STEPS = {"hpc": (5.0, 5.0), "hgs": (0.2, 0.2), "hgc": (0.2, 0.2), "hrc": (0.05, 1.0)}
"""The longest edge between two vertices, in the system's units; because of the foreshortening at the limb, areas there
need the steps of ``hpc`` (that of a polar hole is then correct within 0.05 %)."""

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


def outline(vertices: Floats, system: str, instant: Floats, start: Floats, origin: Floats) -> tuple[Floats, str]:
    """Return an outline with vertices added along its edges, shape (w, 2), and the system of straight edges."""
    # If the system of submission is unknown, edges are straight in the outline's own, or in hpc instead of hrc.
    straight = submitted(origin[0]) or ("hpc" if system == "hrc" else system)
    if system in DEGREES and straight in DEGREES:
        # They differ by a constant longitude.
        straight = system
    return _followed(_converted(vertices, system, straight, instant, start, origin), straight), straight


def submitted_vertices(
    name: str, offsets: NDArray[np.int64], rings: Callable[[str], Rings], instants: Floats, starts: Floats,
    origins: Floats,
) -> Floats:  # fmt: skip
    """
    Return the vertices of a column in the systems of submission, shape (v, 2), for outlines that a conversion changed.

    ``rings`` returns the vertices and offsets of another keyword. NaN for outlines in their own system, for those on
    the disk, whose conversion is exact, and for those that the record does not contain as submitted.
    """
    counts = np.diff(offsets)
    made = np.full((int(offsets[-1]), 2), np.nan)
    for number, system in enumerate(CODES):
        here = (origins[:, 0] == number) & (counts > 0)
        if system == name[:3] or (system in DEGREES and name[:3] in DEGREES) or not here.any():
            continue
        vertices, others = rings(system + name[3:])
        here &= np.diff(others) == counts
        owners = np.repeat(np.arange(len(counts)), np.diff(others))
        vertices, owners = vertices[here[owners]], owners[here[owners]]
        near = _is_near_limb(vertices, system, *(part[owners] for part in (instants, starts, origins)))
        kept = np.bincount(owners[near], minlength=len(counts)) > 0
        made[np.repeat(kept, counts)] = vertices[kept[owners]]
    return made


def _is_near_limb(
    vertices: Floats, system: str, instants: Floats, starts: Floats, origins: Floats
) -> NDArray[np.bool_]:
    """Return which vertices are near the limb, beyond it, or on the far side."""
    tilt, distance = moments.earth(instants)
    if system in DEGREES:
        longitude, latitude = (np.radians(part) for part in frames.stonyhurst(vertices, system, starts))
        b0 = np.radians(tilt)
        towards = np.sin(latitude) * np.sin(b0) + np.cos(latitude) * np.cos(b0) * np.cos(longitude)
        return np.asarray(towards < np.sqrt(1 - NEAR_LIMB**2))
    x, y = vertices.T if system == "hpc" else frames.radial(vertices, frames.scales(starts, origins))
    return np.asarray(np.hypot(x, y) > NEAR_LIMB * np.degrees(frames.RSUN_KM / distance) * 3600)


def _converted(
    vertices: Floats, system: str, target: str, instant: Floats, start: Floats, origin: Floats
) -> Floats:  # fmt: skip
    """Convert vertices to another system at the time of the outline."""
    if system == target:
        return vertices
    if target in DEGREES:
        longitude, latitude, _ = frames.on_surface(vertices, system, instant, start, origin)
        return np.stack(frames.heliographic(longitude, latitude, target, start), axis=1)
    scale = frames.scales(start, origin)
    if system in DEGREES:
        x, y = frames.projected(*frames.stonyhurst(vertices, system, start), *moments.earth(instant))
    else:
        x, y = frames.radial(vertices, scale) if system == "hrc" else vertices.T
    return frames.polar(x, y, scale) if target == "hrc" else np.stack([x, y], axis=1)


def _followed(vertices: Floats, system: str) -> Floats:
    if len(vertices) < 2:
        return vertices
    corners = _continuous(vertices, system)
    steps = np.array(STEPS[system])
    if system in DEGREES:
        steps = np.minimum(steps, _step_in_degrees(corners))
    lengths = (np.abs(np.diff(corners, axis=0)) / steps).max(axis=1)
    pieces = np.clip(np.ceil(lengths), 1, MOST).astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(pieces)])
    at = np.arange(ends[-1] + 1)
    return np.stack([np.interp(at, ends, corners[:, axis]) for axis in (0, 1)], axis=1)


def _step_in_degrees(corners: Floats) -> float:
    """Return the longest segment of an edge in degrees for which the area is correct."""
    breadth, extent = sorted(np.ptp(corners, axis=0).tolist())
    slope = np.tan(np.radians(np.clip(np.abs(corners[:, 1]).max(), 1.0, 89.0)))
    bent = np.degrees(np.sqrt(ACCURACY * np.radians(breadth) / slope))
    return float(min((step for step in (extent / PARTS, bent) if step), default=np.inf))


def _continuous(vertices: Floats, system: str) -> Floats:
    """Return vertices whose angles around the Sun are continuous: edges take the shorter way."""
    if system == "hpc" or (system == "hrc" and _is_sector(vertices)):
        return vertices
    made = vertices.copy()
    around = 1 if system == "hrc" else 0
    made[:, around] = np.unwrap(vertices[:, around], period=360)
    return made


def _is_sector(vertices: Floats) -> bool:
    """Return whether an outline is the box of an eruption, which can be wider than 180 degrees."""
    if len(vertices) != 5:
        return False
    (r1, first), (r2, second), (r3, third), (r4, fourth), _ = vertices
    return bool(np.allclose((r1, r3, first, second), (r2, r4, fourth, third), rtol=1e-3, atol=1e-3) and first < second)
