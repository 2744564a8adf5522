"""Areas and containment of outlines, computed independently with numpy only."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

RADIUS = 695700.0
AU = 149597870.7


def earth(jd: float) -> tuple[float, float, float]:
    """Return B0 in radians, the distance in km and L0 in degrees (Meeus, Astronomical Algorithms, chapters 25, 29)."""
    century = (jd + 69 / 86400 - 2451545) / 36525
    anomaly = np.radians(357.52911 + 35999.05029 * century)
    centre = (1.914602 - 0.004817 * century) * np.sin(anomaly) + 0.019993 * np.sin(2 * anomaly)
    centre += 0.000289 * np.sin(3 * anomaly)
    longitude = np.radians(280.46646 + 36000.76983 * century + centre - 0.00569)
    eccentricity = 0.016708634 - 0.000042037 * century
    true = anomaly + np.radians(centre)
    distance = AU * 1.000001018 * (1 - eccentricity**2) / (1 + eccentricity * np.cos(true))
    tilt = np.radians(7.25)
    node = np.radians(73.6667 + 1.3958333 * (jd - 2396758) / 36525)
    b0 = np.arcsin(np.sin(longitude - node) * np.sin(tilt))
    eta = np.arctan2(-np.sin(longitude - node) * np.cos(tilt), -np.cos(longitude - node))
    spin = 360 / 25.38 * (jd - 2398220)
    return float(b0), float(distance), float((np.degrees(eta) - spin) % 360)


def towards_earth(x: np.ndarray, y: np.ndarray, distance: float) -> np.ndarray:
    """Return the points of the surface, in solar radii, at arcsec in the sky; the nearest of the limb beyond it."""
    tx, ty = np.radians(x / 3600), np.radians(y / 3600)
    ray = np.stack([np.sin(tx) * np.cos(ty), np.sin(ty), -np.cos(tx) * np.cos(ty)], axis=1)
    observer = np.array([0, 0, distance / RADIUS])
    # |observer + t ray| = 1
    half = ray @ observer
    root = half**2 - (observer @ observer - 1)
    made = observer + (-half - np.sqrt(np.maximum(root, 0)))[:, None] * ray
    aside = np.hypot(made[:, 0], made[:, 1])
    limb = 1 / observer[2]
    for axis in (0, 1):
        made[root <= 0, axis] *= (np.sqrt(1 - limb**2) / aside)[root <= 0]
    made[root <= 0, 2] = limb
    return made


def on_the_sphere(vertices: np.ndarray, system: str, jd: float, start: float, scale: float) -> np.ndarray:
    """Return unit vectors: to the west, to the north pole, and to the meridian that faces Earth."""
    b0, distance, _ = earth(jd)
    if system in ("hgs", "hgc"):
        shift = 0 if system == "hgs" else earth(start)[2] + 0.049
        longitude, latitude = np.radians(vertices[:, 0] - shift), np.radians(vertices[:, 1])
        parts = np.cos(latitude) * np.sin(longitude), np.sin(latitude), np.cos(latitude) * np.cos(longitude)
        return np.stack(parts, axis=1)
    x, y = vertices.T
    if system == "hrc":
        angle = np.radians(y)
        x, y = -x * scale * np.sin(angle), x * scale * np.cos(angle)
    west, up, near = towards_earth(x, y, distance).T
    return np.stack([west, up * np.cos(b0) + near * np.sin(b0), near * np.cos(b0) - up * np.sin(b0)], axis=1)


def dense(vertices: np.ndarray, pieces: int = 300) -> np.ndarray:
    """Return points along straight edges."""
    share = np.arange(pieces)[:, None] / pieces
    return np.concatenate([a + share * (b - a) for a, b in pairwise(vertices)])


def flat(places: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Project unit vectors to a plane without changing areas (Lambert)."""
    axes = np.linalg.svd(centre[None])[2][1:]
    return places @ axes.T * np.sqrt(2 / np.maximum(1 + places @ centre, 1e-12))[:, None]


def middle(ring: np.ndarray) -> np.ndarray:
    """Return a direction within an outline of less than a hemisphere."""
    across = np.cross(ring, np.roll(ring, -1, axis=0)).sum(axis=0)
    across *= np.sign(across @ ring.sum(axis=0)) or 1
    return across / np.linalg.norm(across)


def area(ring: np.ndarray) -> float:
    """Return the area in square megameters within points of the surface."""
    x, y = flat(ring, middle(ring)).T
    return float(abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2 * (RADIUS / 1e3) ** 2)


def winding(places: np.ndarray, ring: np.ndarray) -> np.ndarray:
    """Return how often an outline in a plane winds around places."""
    angles = np.arctan2(*(ring[None] - places[:, None]).transpose(2, 0, 1)[::-1])
    turns = (np.diff(angles, axis=1, append=angles[:, :1]) + np.pi) % (2 * np.pi) - np.pi
    return np.rint(turns.sum(axis=1) / (2 * np.pi)).astype(int)


def contains(ring: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return which unit vectors lie within points of the surface."""
    centre = middle(ring)
    return winding(flat(places, centre), flat(ring, centre)) % 2 != 0
