"""Areas and containment of polygons on the sphere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["areas", "corners", "directions", "inside"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STEP = np.radians(0.5)
"""The longest segment of an edge in a projection that bends edges; it deviates from the great circle by 2 arcsec."""


def directions(longitude: Floats, latitude: Floats) -> Floats:
    """Convert positions in radians to unit vectors, shape (n, 3)."""
    return np.stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=-1
    )


def corners(longitude: Floats, latitude: Floats) -> Floats:
    """Convert the corners of a polygon in degrees, without the closing one, to unit vectors."""
    made = directions(np.radians(longitude), np.radians(latitude))
    return made[:-1] if len(made) > 3 and np.allclose(made[0], made[-1], atol=1e-12) else made


def _middles(rings: Floats, following: Floats, starts: Integers) -> Floats:
    """Return a direction in the middle of each polygon, on the side of its outline that has most of the corners."""
    # Unlike the mean of the corners, the sum over the edges is not biased to where the corners are dense.
    across = np.add.reduceat(np.cross(rings, following), starts, axis=0)
    total = np.add.reduceat(rings, starts, axis=0)
    lengths = np.linalg.norm(across, axis=1)
    is_line = lengths < 1e-9
    across[is_line], lengths[is_line] = total[is_line], np.maximum(np.linalg.norm(total[is_line], axis=1), 1e-300)
    sides = np.where(np.einsum("ij,ij->i", across, total) >= 0, 1, -1)
    return np.asarray(across * (sides / lengths)[:, None])


def _middle(ring: Floats) -> Floats:
    return np.asarray(_middles(ring, np.roll(ring, -1, axis=0), np.zeros(1, np.int64))[0])


def areas(rings: Floats, offsets: Integers) -> Floats:
    """Return the solid angles in steradians, shape (n,), of polygons of unit vectors; 0 for one without corners."""
    counts = np.diff(offsets)
    made = np.zeros(len(counts))
    filled = counts > 0
    if not filled.any():
        return made
    starts, ends = offsets[:-1][filled], offsets[1:][filled]
    following = np.roll(rings, -1, axis=0)
    following[ends - 1] = rings[starts]
    # Of the two sides of an outline, the one around the middle of the corners is used.
    centres = np.repeat(_middles(rings, following, starts), counts[filled], axis=0)
    # The solid angle of the triangle of the center and an edge (van Oosterom and Strackee 1983).
    triple = np.einsum("ij,ij->i", np.cross(rings, following), centres)
    products = (np.einsum("ij,ij->i", *pair) for pair in ((rings, centres), (following, centres), (rings, following)))
    made[filled] = np.abs(np.add.reduceat(2 * np.arctan2(triple, 1 + sum(products)), starts))
    return made


def inside(places: Floats, ring: Floats) -> NDArray[np.bool_]:
    """Return which positions, unit vectors of shape (n, 3), lie in a polygon as for `area`."""
    centre = _middle(ring)
    if (ring @ centre).min() > 0.05:
        # Gnomonic: great circles are straight lines; the other half of the sphere is outside.
        near = places @ centre > 0
        flat = [_flat(part, centre, part @ centre) for part in (places[near], ring)]
    else:
        # Stereographic: the projection covers all points except that opposite the middle, and edges are bent.
        near = places @ centre > -1 + 1e-12
        flat = [_flat(part, centre, 1 + part @ centre) for part in (places[near], _followed(ring))]
    made = np.zeros(len(places), dtype=bool)
    made[near] = _encloses(*flat)
    return made


def _flat(places: Floats, centre: Floats, height: Floats) -> Floats:
    aside = np.cross(centre, [0.0, 0.0, 1.0] if abs(centre[2]) < 0.9 else [1.0, 0.0, 0.0])
    aside /= np.linalg.norm(aside)
    axes = np.stack([aside, np.cross(centre, aside)], axis=1)
    return np.asarray(places @ axes / np.maximum(height, 1e-12)[:, None])


def _followed(ring: Floats) -> Floats:
    """Return a polygon with corners added along its edges."""
    following = np.roll(ring, -1, axis=0)
    angles = np.arctan2(np.linalg.norm(np.cross(ring, following), axis=1), np.einsum("ij,ij->i", ring, following))
    pieces = [
        np.linspace(start, end, max(1, int(np.ceil(angle / STEP))), endpoint=False)
        for start, end, angle in zip(ring, following, angles, strict=True)
    ]
    made = np.concatenate(pieces)
    return np.asarray(made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-300))


def _encloses(places: Floats, ring: Floats) -> NDArray[np.bool_]:
    """Return which points of a plane lie in a polygon: a ray from them crosses its outline an odd number of times."""
    made = np.zeros(len(places), dtype=bool)
    near = ((places >= ring.min(axis=0)) & (places <= ring.max(axis=0))).all(axis=1)
    x, y = places[near].T
    odd = np.zeros(len(x), dtype=bool)
    for (px, py), (qx, qy) in zip(ring.tolist(), np.roll(ring, -1, axis=0).tolist(), strict=True):
        if qy != py:
            odd ^= ((py > y) != (qy > y)) & (x < px + (y - py) * (qx - px) / (qy - py))
    made[near] = odd
    return made
