"""
Outlines as an observer sees them: turned with the solar surface, cut at the limb.

An outline has few vertices, and a limb is crossed between them: `outlines` adds vertices along its edges first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

__all__ = ["limb_of", "seen"]

Mask = NDArray[np.bool_]


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
