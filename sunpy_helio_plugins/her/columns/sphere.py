"""Geometry on the sphere and at the limb."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

__all__ = ["area", "corners", "directions", "inside", "limb_of", "seen"]

Floats = NDArray[np.float64]

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


def _middle(ring: Floats) -> Floats:
    """Return a direction in the middle of a polygon, on the side of its outline that has most of the corners."""
    # Unlike the mean of the corners, the sum over the edges is not biased to where the corners are dense.
    across = np.cross(ring, np.roll(ring, -1, axis=0)).sum(axis=0)
    mean: Floats = ring.mean(axis=0)
    length = float(np.linalg.norm(across))
    if length < 1e-9:
        # A line in both directions.
        across, length = mean, max(float(np.linalg.norm(mean)), 1e-300)
    return np.asarray(across * (1 if across @ mean >= 0 else -1) / length)


def area(ring: Floats) -> float:
    """Return the solid angle in steradians of a polygon of unit vectors, shape (v, 3), without a closing corner."""
    # Of the two sides of the outline, the one around the middle of the corners is used.
    centre, following = _middle(ring), np.roll(ring, -1, axis=0)
    # The solid angle of the triangle of the center and an edge (van Oosterom and Strackee 1983).
    triple = np.cross(ring, following) @ centre
    below = 1 + ring @ centre + following @ centre + np.einsum("ij,ij->i", ring, following)
    return float(abs(2 * np.arctan2(triple, below).sum()))


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


Mask = NDArray[np.bool_]


def limb_of(observer: Any, rsun: u.Quantity) -> u.Quantity:
    """Return the distance of the plane of the limb from the Sun's center, in the direction of an observer."""
    return rsun**2 / observer.radius


def seen(surface: SkyCoord, frame: Any, closed: bool = False) -> tuple[SkyCoord, Mask]:
    """Rotate positions with the solar surface to the time of a frame, and return them and which are visible."""
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import Heliocentric, propagate_with_solar_surface

    with propagate_with_solar_surface():
        place = surface.transform_to(Heliocentric(observer=frame.observer, obstime=frame.obstime))
    rsun = np.sqrt(place.x**2 + place.y**2 + place.z**2)
    limb = limb_of(frame.observer, rsun)
    visible = np.asarray(place.z >= limb * (1 - 1e-6))
    # Vertices on the far side are moved to the limb, so that an outline stays closed.
    if closed and not visible.all():
        aside = np.hypot(place.x, place.y)
        outwards = np.where(visible, 1, np.sqrt(rsun**2 - limb**2) / np.maximum(aside, 1e-9 * rsun))
        place = SkyCoord(
            place.x * outwards,
            place.y * outwards,
            np.where(visible, place.z, limb),
            frame=place.frame.replicate_without_data(),
        )
    return place.transform_to(frame), visible
