"""
Heliographic places behind a pole, which the registry mirrors.

Where the Sun's axis leans towards Earth, the far side of a pole can be seen: longitudes there are beyond 90 degrees.
The registry takes them by the sine, and so gives 180 degrees minus the longitude instead: two polar holes of 2017-09-06
and one of 2024-05-10 show it. What was submitted in degrees it keeps as it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns import frames as moments
from sunpy_helio_plugins.her.columns.origins import CODES

__all__ = ["may_be_mirrored", "unmirrored", "was_computed"]

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

NEAR_LIMB = 0.97
"""The part of the Sun's apparent radius beyond which places behind a pole are seen: the axis leans by 7.25 degrees."""

CLAMPED = np.radians(8)
"""How far a place that the registry moved to the limb may be from where this package has it."""


def unmirrored(
    places: Floats, system: str, seen: Floats, instants: Floats, starts: Floats
) -> tuple[Floats, Mask]:  # fmt: skip
    """
    Return heliographic numbers in which what is mirrored is replaced by what the same places as seen from Earth give.

    Parameters
    ----------
    places : numpy.ndarray
        Shape (n, 2): the registry's numbers.
    system : str
        ``"hgs"`` or ``"hgc"``.
    seen : numpy.ndarray
        Shape (n, 2): the same places in ``hpc``; NaN where they are not known.
    instants, starts : numpy.ndarray
        Shape (n, 2): when the places hold, and when the events start.

    Returns
    -------
    places : numpy.ndarray
        A copy.
    mirrored : numpy.ndarray of bool
        Which were.
    """
    made, mirrored = places.copy(), np.zeros(len(places), dtype=bool)
    tilt, distance = moments.earth(instants)
    limb = np.degrees(frames.RSUN_KM / distance) * 3600
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero((np.hypot(*seen.T) > NEAR_LIMB * limb) & (seen[:, 1] * tilt > 0))
    if not len(rows):
        return made, mirrored
    x, y = seen[rows].T
    true = np.stack(frames.unprojected(x, y, tilt[rows], distance[rows])[:2], axis=1)
    given = np.stack(frames.stonyhurst(places[rows], system, starts[rows]), axis=1)
    behind = np.abs(true[:, 0]) > 90
    other = np.stack([180 - given[:, 0], given[:, 1]], axis=1)
    apart = _apart(other, true)
    wrong = behind & (apart < _apart(given, true)) & (apart < CLAMPED)
    turn = (true[wrong, 0] - given[wrong, 0] + 180) % 360 - 180
    made[rows[wrong]] = np.stack([places[rows[wrong], 0] + turn, true[wrong, 1]], axis=1)
    mirrored[rows[wrong]] = True
    return made, mirrored


def _apart(first: Floats, second: Floats) -> Floats:
    """Return angles between places on the surface, given in degrees."""
    (lon1, lat1), (lon2, lat2) = np.radians(first).T, np.radians(second).T
    cosine = np.sin(lat1) * np.sin(lat2) + np.cos(lat1) * np.cos(lat2) * np.cos(lon1 - lon2)
    return np.arccos(np.clip(cosine, -1, 1))


def was_computed(origins: Floats) -> Mask:
    """Tell of which events the registry computed the heliographic numbers: what was submitted as seen from Earth."""
    return np.isin(origins[:, 0], [CODES.index("hpc"), CODES.index("hrc")])


def may_be_mirrored(places: Floats, system: str, instants: Floats, starts: Floats) -> Mask:
    """Tell of which heliographic numbers both the longitude and 180 degrees minus it are on the side of Earth."""
    longitude, latitude = (np.radians(part) for part in frames.stonyhurst(places, system, starts))
    tilt, distance = moments.earth(instants)
    b0, front = np.radians(tilt), np.cos(longitude)
    towards = np.sin(latitude) * np.sin(b0) - np.cos(latitude) * np.cos(b0) * np.abs(front)
    with np.errstate(invalid="ignore"):
        return np.asarray((towards > frames.RSUN_KM / distance) & (front > 0))
