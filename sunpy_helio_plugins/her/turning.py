"""
Outlines as an observer sees them: edges followed closely, turned with the solar surface, cut at the limb.

An outline has few vertices, and a limb is crossed between them: so that it is cut where it crosses, vertices are added
along its edges first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

__all__ = ["followed", "limb_of", "seen"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

STEPS = {"hpc": 15.0, "hgs": 1.0, "hgc": 1.0}
"""The longest edge between two vertices, in the system's unit: about a degree at the centre of the disk."""

MOST = 200
"""Pieces into which one edge is cut at most."""


def followed(vertices: Floats, system: str) -> Floats:
    """
    Return an outline with vertices added along its edges.

    Parameters
    ----------
    vertices : numpy.ndarray
        Shape (v, 2).
    system : str
        ``"hpc"``, ``"hgs"`` or ``"hgc"``; in its numbers the edges are straight.

    Returns
    -------
    numpy.ndarray
        Shape (w, 2), the given vertices among them; longitudes are continuous.
    """
    if len(vertices) < 2:
        return vertices
    corners = vertices
    if system != "hpc":
        corners = np.stack([np.unwrap(vertices[:, 0], period=360), vertices[:, 1]], axis=1)
    lengths = np.abs(np.diff(corners, axis=0)).max(axis=1)
    pieces = np.clip(np.ceil(lengths / STEPS[system]), 1, MOST).astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(pieces)])
    at = np.arange(ends[-1] + 1)
    return np.stack([np.interp(at, ends, corners[:, axis]) for axis in (0, 1)], axis=1)


def limb_of(observer: Any, rsun: u.Quantity) -> u.Quantity:
    """Return how far towards an observer the plane of the limb's circle lies from the Sun's centre."""
    return rsun**2 / observer.radius


def seen(surface: SkyCoord, frame: Any, closed: bool = False) -> tuple[SkyCoord, Mask]:
    """
    Return places on the surface as they are seen at another time or from elsewhere.

    Parameters
    ----------
    surface : astropy.coordinates.SkyCoord
        Places on the solar surface, which turn with it.
    frame : sunpy.coordinates.Helioprojective
        A frame with an observer and a time.
    closed : bool, optional
        Whether what lies on the far side is moved to the limb, so that an outline stays closed.

    Returns
    -------
    place : astropy.coordinates.SkyCoord
        The places in the frame.
    visible : numpy.ndarray of bool
        Which lie on the side of the observer.
    """
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import Heliocentric, propagate_with_solar_surface

    with propagate_with_solar_surface():
        place = surface.transform_to(Heliocentric(observer=frame.observer, obstime=frame.obstime))
    rsun = np.sqrt(place.x**2 + place.y**2 + place.z**2)
    limb = limb_of(frame.observer, rsun)
    visible = np.asarray(place.z >= limb * (1 - 1e-6))
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
