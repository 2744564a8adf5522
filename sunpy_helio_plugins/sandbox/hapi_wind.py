"""
The solar wind at L1 of the synthetic scene, as formulas of the time.

The X flare of `scene.FLARES` sends off a cloud that arrives two days later: the field grows and turns south, the wind
gets faster, denser and hotter, and the ring current (SYM-H) follows. Everything is a function of the time alone, so
that overlapping requests agree.
"""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from sunpy_helio_plugins.sandbox import scene
from sunpy_helio_plugins.sandbox.hapi_model import EPOCH

__all__ = ["ARRIVAL", "density", "field", "field_magnitude", "speed", "sym_h", "temperature", "wobble"]

_DAY = 86_400_000.0

_FLARE = max(scene.FLARES, key=lambda flare: (flare.goes[0] == "X", flare.goes))

ARRIVAL = (scene.DAY + timedelta(hours=_FLARE.peak + 50) - EPOCH) / timedelta(milliseconds=1)
"""Milliseconds since `EPOCH` at which the shock reaches L1, fifty hours after the flare's peak."""

_PERIODS = (1 / 3, 0.71, 1.9, 4.3, 11.7, 29.3, 83.0)
"""Periods in hours, incommensurate, whose sum passes for turbulence."""


def wobble(times: np.ndarray, seed: int) -> np.ndarray:
    """
    Return a smooth, irregular series of about unit size.

    Parameters
    ----------
    times : numpy.ndarray
        Milliseconds since `EPOCH`, shape (n,).
    seed : int
        Selects the phases.

    Returns
    -------
    numpy.ndarray
        Shape (n,), mean 0, standard deviation about 0.7.
    """
    hours = np.asarray(times) / 3_600_000.0
    total = np.zeros(hours.shape)
    for index, period in enumerate(_PERIODS):
        phase = (seed * 1.618 + index * 2.399) % (2 * np.pi)
        total += (0.25 + 0.05 * index) * np.sin(2 * np.pi * hours / period + phase)
    return total


def _storm(times: np.ndarray, rise_hours: float, decay_hours: float) -> np.ndarray:
    """Return 0 before the arrival, then a quick rise and a slow decay, at most about 1."""
    after = np.clip((np.asarray(times) - ARRIVAL) / 3_600_000.0, 0, None)
    return (1 - np.exp(-after / rise_hours)) * np.exp(-after / decay_hours)


def speed(times: np.ndarray) -> np.ndarray:
    """Return the bulk speed in km/s, shape (n,)."""
    streams = 60 * np.sin(2 * np.pi * np.asarray(times) / (9 * _DAY) + 0.8)
    return 400 + streams + 12 * wobble(times, 1) + 420 * _storm(times, 0.2, 30)


def density(times: np.ndarray) -> np.ndarray:
    """Return the proton density in cm-3, shape (n,)."""
    quiet = np.exp(0.25 * wobble(times, 2) - 0.4 * np.sin(2 * np.pi * np.asarray(times) / (9 * _DAY) + 0.8))
    return 5.5 * quiet * (1 + 3.0 * _storm(times, 0.1, 8))


def temperature(times: np.ndarray) -> np.ndarray:
    """Return the proton temperature in K, shape (n,)."""
    return 8.0e4 * (speed(times) / 400) ** 2 * np.exp(0.15 * wobble(times, 3))


def field_magnitude(times: np.ndarray) -> np.ndarray:
    """Return the magnitude of the magnetic field in nT, shape (n,)."""
    return 5.0 * np.exp(0.18 * wobble(times, 4)) + 19 * _storm(times, 0.3, 14)


def field(times: np.ndarray) -> np.ndarray:
    """Return the magnetic field in nT, GSE, shape (n, 3): a spiral, and a cloud that turns from south to north."""
    storm = _storm(times, 0.3, 14)
    sector = 2 * np.pi * np.asarray(times) / (13.5 * _DAY)
    longitude = np.deg2rad(135) + np.pi * (np.sin(sector) < 0) + 0.35 * wobble(times, 5)
    hours = np.clip((np.asarray(times) - ARRIVAL) / 3_600_000.0, 0, None)
    latitude = 0.3 * wobble(times, 6) * (1 - np.minimum(1, 2 * storm)) + np.minimum(1, 2 * storm) * np.deg2rad(
        -75 + 150 * np.clip(hours / 26, 0, 1)
    )
    magnitude = field_magnitude(times)
    return np.stack(
        [
            magnitude * np.cos(latitude) * np.cos(longitude),
            magnitude * np.cos(latitude) * np.sin(longitude),
            magnitude * np.sin(latitude),
        ],
        axis=-1,
    )


def sym_h(times: np.ndarray) -> np.ndarray:
    """Return the ring current's index SYM-H in nT, whole numbers, shape (n,)."""
    return np.rint(-8 + 5 * wobble(times, 7) - 260 * _storm(np.asarray(times) - 4 * 3_600_000, 6, 22)).astype(np.int64)
