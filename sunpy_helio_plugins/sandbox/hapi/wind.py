"""
The solar wind at L1 of the synthetic scene, as functions of time.

A shock passes on 2026-01-10 at 16:42 UTC, as in the archive's IMAP files; it is followed by a magnetic cloud, whose
field turns from south to north, by a response of the ring current (SYM-H), and on 2026-01-12 by the fast stream of the
equatorial coronal hole. At the nose of the bow shock, everything is later by the time that the shock needs from L1.
All values are functions of time only, so that overlapping requests agree.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import numpy as np

from sunpy_helio_plugins.sandbox import scene
from sunpy_helio_plugins.sandbox.hapi.model import EPOCH

__all__ = ["SHOCK", "at_the_nose", "density", "field", "field_magnitude", "speed", "sym_h", "temperature", "wobble"]

_DAY = 86_400_000.0
_HOUR = 3_600_000.0

SHOCK = (scene.SHOCK - EPOCH) / timedelta(milliseconds=1)
"""Milliseconds since `EPOCH` at which the shock passes."""

_STREAM = tuple((one - EPOCH) / timedelta(milliseconds=1) for one in scene.stream())
"""Milliseconds since `EPOCH` between which the fast stream passes."""

_TO_THE_NOSE = 1000 * scene.FROM_L1_TO_NOSE / scene.SHOCK_SPEED

_CLOUD, _RECOVERY = 10.3, 32.3
"""Hours after the shock between which the cloud passes."""

_PERIODS = (1 / 3, 0.71, 1.9, 4.3, 11.7, 29.3, 83.0)
"""Incommensurate periods in hours, whose sum imitates turbulence."""


def wobble(times: np.ndarray, seed: int) -> np.ndarray:
    """Return a smooth, irregular series with mean 0 and standard deviation about 0.7, shape (n,)."""
    hours = np.asarray(times) / 3_600_000.0
    total = np.zeros(hours.shape)
    for index, period in enumerate(_PERIODS):
        phase = (seed * 1.618 + index * 2.399) % (2 * np.pi)
        total += (0.25 + 0.05 * index) * np.sin(2 * np.pi * hours / period + phase)
    return total


def _since_shock(times: np.ndarray) -> np.ndarray:
    """Return hours since the shock, shape (n,)."""
    return (np.asarray(times) - SHOCK) / _HOUR


def _phases(
    times: np.ndarray, quiet: np.ndarray, sheath: np.ndarray, cloud: np.ndarray, wake: np.ndarray
) -> np.ndarray:
    """Return each series during its part of the event."""
    hours = _since_shock(times)
    return np.select([hours < 0, hours < _CLOUD, hours < _RECOVERY], [quiet, sheath, cloud], wake)


def _calm(times: np.ndarray, hours: float) -> np.ndarray:
    """Return the remaining part of a disturbance, which decays over some hours after the cloud; 1 at its end."""
    return np.exp(-np.clip(_since_shock(times) - _RECOVERY, 0, None) / hours)


def at_the_nose(formula: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """Return the function of a quantity at the nose of the bow shock, given that at L1."""
    return lambda times: formula(np.asarray(times) - _TO_THE_NOSE)


def _in_stream(times: np.ndarray) -> np.ndarray:
    """Return the part of the wind that is of the fast stream, which begins within hours and ends over two days."""
    rise = 0.5 * (1 + np.tanh((np.asarray(times) - _STREAM[0]) / (4 * _HOUR)))
    fall = np.exp(-np.clip(np.asarray(times) - _STREAM[1], 0, None) / (2 * _DAY))
    return rise * fall


def speed(times: np.ndarray) -> np.ndarray:
    """Return the bulk speed in km/s, shape (n,)."""
    quiet = 375 + 25 * np.sin(2 * np.pi * np.asarray(times) / (9 * _DAY)) + 7 * wobble(times, 1)
    sheath = 561 + 9 * wobble(times, 12)
    cloud = 548 - 3.1 * (_since_shock(times) - _CLOUD) + 4 * wobble(times, 1)
    wake = quiet + 105 * _calm(times, 40)
    fast = scene.STREAM_SPEED + 9 * wobble(times, 14)
    return _phases(times, quiet, sheath, cloud, wake + (fast - wake) * _in_stream(times))


def density(times: np.ndarray) -> np.ndarray:
    """Return the proton density in cm-3, shape (n,)."""
    quiet = 6.1 * np.exp(0.2 * wobble(times, 2))
    late = quiet * (1 - 0.55 * _in_stream(times))
    return _phases(times, quiet, 19 * np.exp(0.15 * wobble(times, 13)), 4.2 * np.exp(0.1 * wobble(times, 2)), late)


def temperature(times: np.ndarray) -> np.ndarray:
    """Return the proton temperature in K, shape (n,)."""
    change = np.exp(0.15 * wobble(times, 3))
    quiet, sheath, cloud, wake = (np.full(np.shape(times), kelvin) for kelvin in (6.2e4, 3.9e5, 2.8e4, 7.5e4))
    return change * _phases(times, quiet, sheath, cloud, wake + 1.3e5 * _in_stream(times))


def field(times: np.ndarray) -> np.ndarray:
    """Return the magnetic field in nT, GSE, shape (n, 3): a spiral, a sheath, and a cloud that turns north."""
    times = np.asarray(times)
    spiral = np.radians(135) + 0.3 * wobble(times, 5) + np.pi * (np.sin(2 * np.pi * times / (27 * _DAY)) < 0)
    quiet = 5.2 * np.stack([np.cos(spiral), np.sin(spiral), 0.35 * wobble(times, 6)])
    turbulence = np.stack([wobble(7 * times, seed) for seed in (8, 9, 10)])
    phase = np.clip((_since_shock(times) - _CLOUD) / (_RECOVERY - _CLOUD), 0, 1)
    turn = np.pi * (phase - 0.5)
    cloud = 23 * (1 - 0.4 * phase) * np.stack([0.25 * np.cos(turn), np.cos(turn), np.sin(turn)])
    components = (
        _phases(times, calm + 0.4 * rough, 2.6 * calm + 4.5 * rough, smooth + 0.3 * rough, calm + 0.6 * rough)
        for calm, rough, smooth in zip(quiet, turbulence, cloud, strict=True)
    )
    return np.stack(list(components), axis=-1)


def field_magnitude(times: np.ndarray) -> np.ndarray:
    """Return the magnitude of the magnetic field in nT, shape (n,)."""
    return np.linalg.norm(field(times), axis=-1)


def sym_h(times: np.ndarray) -> np.ndarray:
    """Return the ring current index SYM-H in nT, as integers, shape (n,)."""
    hours = np.clip(_since_shock(times) - _CLOUD, 0, None)
    storm = (1 - np.exp(-hours / 4)) * np.exp(-hours / 24)
    return np.rint(-8 + 5 * wobble(times, 7) - 210 * storm).astype(np.int64)
