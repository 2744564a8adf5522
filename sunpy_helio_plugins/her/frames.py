"""
From the registry's numbers to sunpy's frames: what each of its four systems means.

``hpc`` is arcsec seen from Earth at the instant of the place. ``hrc`` is the same place as a distance in solar radii
and a position angle; it lies in the plane of the sky. ``hgs`` and ``hgc`` are degrees on the surface, which the
registry computes from ``hpc`` with the numbers of event_starttime; it clamps what lies beyond the limb to the limb. Its
Carrington longitude is the Stonyhurst one plus L0 of event_starttime, whatever the instant of the place, and is not
wrapped (measured on 224 records, and by Helioviewer's events-api on 18,050 groups).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her import instants as moments

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

__all__ = ["SYSTEMS", "on_surface", "to_sky"]

SYSTEMS = {"hpc": ("arcsec", "arcsec"), "hgs": ("deg", "deg"), "hgc": ("deg", "deg"), "hrc": ("R_sun", "deg")}
"""The registry's systems, and the units of their two numbers."""

CARRINGTON_OFFSET = 0.049
"""Degrees by which the registry's L0 exceeds sunpy's, the same in every record (0.046 to 0.052)."""

RSUN_KM = 695700.0
REGISTRY_RSUN_KM = 695506.0
"""The registry's solar radius: ``hpc_radius`` / ``hrc_r`` times Earth's distance at event_starttime, in 8 records."""

Floats = NDArray[np.float64]


def to_sky(places: Floats, system: str, instants: Floats, starts: Floats, single: bool = False) -> SkyCoord:
    """
    Return the registry's numbers as a coordinate.

    Parameters
    ----------
    places : numpy.ndarray
        Shape (n, 2), in the system's units.
    system : str
        ``"hpc"``, ``"hgs"``, ``"hgc"`` or ``"hrc"``.
    instants, starts : numpy.ndarray
        Shape (n, 2) or (1, 2): the instants of the places, and of the events' start, as
        `~sunpy_helio_plugins.her.instants.Instants`.
    single : bool, optional
        Whether all places are of one event: the frame then has one instant and one observer.

    Returns
    -------
    astropy.coordinates.SkyCoord
        Shape (n,): helioprojective for ``hpc`` and ``hrc``, Stonyhurst for ``hgs`` and Carrington for ``hgc``, which
        is brought to the instant of the place.
    """
    when = moments.times(instants[0] if single else instants)
    if system in ("hpc", "hrc"):
        return _seen(places, system, instants, starts, when)
    return _heliographic(places, system, instants, starts, when, single)


def _seen(places: Floats, system: str, instants: Floats, starts: Floats, when: Any) -> SkyCoord:
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import Helioprojective

    latitude, distance = moments.earth(instants)
    x, y = places.T if system == "hpc" else radial(places, starts)
    observer = _observer(latitude[0], distance[0], when) if when.isscalar else _observer(latitude, distance, when)
    return SkyCoord(x * u.arcsec, y * u.arcsec, frame=Helioprojective(obstime=_plain(when), observer=observer))


def radial(places: Floats, starts: Floats) -> tuple[Floats, Floats]:
    """Return the arcsec of distances in solar radii and position angles: both lie in the plane of the sky."""
    unit = np.degrees(REGISTRY_RSUN_KM / moments.earth(starts)[1]) * 3600
    radius, angle = places[:, 0] * unit, np.radians(places[:, 1])
    return -radius * np.sin(angle), radius * np.cos(angle)


def _observer(latitude: Any, distance: Any, when: Any) -> Any:
    from sunpy.coordinates import HeliographicStonyhurst

    zero = np.zeros_like(latitude) * u.deg
    return HeliographicStonyhurst(zero, latitude * u.deg, distance * u.km, obstime=_plain(when))


def _plain(when: Any) -> Any:
    """Return times without a mask: frames compare their times, which masked ones do not."""
    if not when.masked:
        return when
    filled = when.copy()
    missing = np.asarray(filled.mask)
    return filled.filled(filled[~missing][0] if (~missing).any() else filled.unmasked[0])


def _heliographic(places: Floats, system: str, instants: Floats, starts: Floats, when: Any, single: bool) -> SkyCoord:
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import HeliographicCarrington, HeliographicStonyhurst

    longitude, latitude = stonyhurst(places, system, starts)
    # A latitude beyond the pole is no place; the registry has 7,118 events with such (events-api).
    good = np.abs(latitude) <= 90
    latitude = np.where(good, latitude, np.nan) * u.deg
    if system == "hgs":
        return SkyCoord(longitude * u.deg, latitude, frame=HeliographicStonyhurst(obstime=_plain(when)))
    tilt, distance = moments.earth(instants)
    observer = _observer(tilt[0], distance[0], when) if single else _observer(tilt, distance, when)
    frame = HeliographicCarrington(obstime=_plain(when), observer=observer)
    return SkyCoord((longitude + moments.central_longitude(instants)) * u.deg, latitude, frame=frame)


def stonyhurst(places: Floats, system: str, starts: Floats) -> tuple[Floats, Floats]:
    """Return heliographic numbers as Stonyhurst longitude and latitude in degrees, at the instant of the place."""
    if system == "hgs":
        return places[:, 0], places[:, 1]
    return places[:, 0] - moments.central_longitude(starts) - CARRINGTON_OFFSET, places[:, 1]


def on_surface(
    places: Floats, system: str, instants: Floats, starts: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """
    Return places as Stonyhurst degrees on the surface.

    Parameters
    ----------
    places, system, instants, starts
        As for `to_sky`.

    Returns
    -------
    longitude, latitude : numpy.ndarray
        Degrees, shape (n,).
    clamped : numpy.ndarray of bool
        Which places lie at or beyond the limb, and are given as the nearest point of the limb.
    """
    if system in ("hgs", "hgc"):
        longitude, latitude = stonyhurst(places, system, starts)
        return longitude, latitude, np.zeros(len(places), dtype=bool)
    tilt, distance = moments.earth(instants)
    x, y = places.T if system == "hpc" else radial(places, starts)
    return unprojected(x, y, tilt, distance)


def unprojected(x: Floats, y: Floats, tilt: Floats, distance: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """
    Return where the line of sight meets the surface, or the point of the limb that is nearest to it.

    Parameters
    ----------
    x, y : numpy.ndarray
        Helioprojective arcsec.
    tilt, distance : numpy.ndarray
        Earth's heliographic latitude in degrees and distance in kilometres.
    """
    tx, ty = np.radians(x / 3600), np.radians(y / 3600)
    towards = np.stack([np.sin(tx) * np.cos(ty), np.sin(ty), np.cos(tx) * np.cos(ty)], axis=1)
    apart = np.arccos(np.clip(towards[:, 2], -1, 1))
    limb = np.arcsin(RSUN_KM / distance)
    clamped = apart >= limb
    # The angle at the Sun's centre between Earth and the point where the line of sight meets the surface.
    inside = np.clip(distance * np.sin(np.minimum(apart, limb)) / RSUN_KM, -1, 1)
    at_centre = np.where(clamped, np.pi / 2 - limb, np.arcsin(inside) - np.minimum(apart, limb))
    around = np.arctan2(towards[:, 0], towards[:, 1])
    sx, sy, sz = np.sin(at_centre) * np.sin(around), np.sin(at_centre) * np.cos(around), np.cos(at_centre)
    b0 = np.radians(tilt)
    north, front = sy * np.cos(b0) + sz * np.sin(b0), sz * np.cos(b0) - sy * np.sin(b0)
    return np.degrees(np.arctan2(sx, front)), np.degrees(np.arcsin(np.clip(north, -1, 1))), clamped
