"""The instant to which each event's place belongs, and where Earth was then."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities.days import PRECISION

__all__ = ["INSTANTS", "Instants", "central_longitude", "chosen", "earth", "keywords_of", "parts", "times"]

Instants = NDArray[np.float64]
"""Shape (n, 2): the two parts of UTC Julian dates; NaN where an instant is missing. Cheap to cut, sort and stack."""

INSTANTS: tuple[tuple[str, float | None, str, str], ...] = (
    ("SPoCA", None, "event_endtime", "submits its picture's time as the end, its last run as the start (spoca_ch.pro)"),
    ("Emerging flux region module", 0.55, "event_peaktime", "before that version (Helioviewer's HEKAdapter)"),
)
"""
Methods whose places do not belong to event_starttime: the beginning of ``frm_name``, the version below which that
holds (`None` for all), the keyword of the instant, and the source of the fact. All others' belong to event_starttime.
"""


def chosen(names: Sequence[Any], versions: Sequence[Any]) -> list[str]:
    """
    Return the keyword that holds the instant of each event's place.

    Parameters
    ----------
    names : sequence of str
        The methods, ``frm_name``.
    versions : sequence of float or None
        Their versions, ``frm_versionnumber``.
    """
    cache: dict[tuple[Any, Any], str] = {}
    made = []
    for pair in zip(names, versions, strict=True):
        try:
            keyword = cache.get(pair)
        except TypeError:
            made.append("event_starttime")
            continue
        if keyword is None:
            keyword = cache[pair] = _keyword(*pair)
        made.append(keyword)
    return made


def _keyword(name: Any, version: Any) -> str:
    for start, below, keyword, _ in INSTANTS:
        if str(name or "").startswith(start) and (below is None or _is_below(version, below)):
            return keyword
    return "event_starttime"


def keywords_of(name: Any) -> tuple[str, ...]:
    """Return the keywords that tell to which instant the places of a method belong."""
    for start, below, keyword, _ in INSTANTS:
        if str(name or "").startswith(start):
            return (keyword,) if below is None else (keyword, "frm_versionnumber", "event_starttime")
    return ("event_starttime",)


def _is_below(version: Any, bound: float) -> bool:
    try:
        # Versions went through single precision: 0.55 is kept as 0.550000011920929.
        return float(np.float32(version)) < float(np.float32(bound))
    except (TypeError, ValueError):
        return False


def parts(time: Time) -> Instants:
    """Return times as the two parts of Julian dates, UTC."""
    utc = time.utc
    made = np.stack([np.asarray(getattr(utc, part)) for part in ("jd1", "jd2")], axis=-1).astype(float)
    missing: Any = np.broadcast_to(np.asarray(time.mask, dtype=bool), made.shape[:-1])
    made[missing] = np.nan
    return made


def times(instants: Instants) -> Time:
    """Return times of two parts; masked where they are missing."""
    missing: Any = np.isnan(instants).any(axis=-1)
    filled = np.where(missing[..., None], (2451545.0, 0.0), instants)
    made = Time(filled[..., 0], filled[..., 1], format="jd", scale="utc", precision=PRECISION)
    made.format = "isot"
    if missing.any():
        made[missing] = np.ma.masked
    return made


def earth(instants: Instants) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Return where Earth is: the latitude in degrees and the distance in kilometres, heliographic.

    Each distinct instant is computed once, all of them together; the longitude is zero by definition.

    Parameters
    ----------
    instants : numpy.ndarray
        Shape (n, 2), as `Instants`; missing ones give those of J2000.

    Returns
    -------
    latitude, distance : numpy.ndarray
        Shape (n,).
    """
    filled = np.where(np.isnan(instants), (2451545.0, 0.0), instants)
    days = filled.sum(axis=1)
    distinct, inverse = np.unique(days, return_inverse=True)
    places = _earth(distinct.tobytes())
    return places[0][inverse], places[1][inverse]


def central_longitude(instants: Instants) -> NDArray[np.float64]:
    """
    Return L0, the Carrington longitude of the disk's centre seen from Earth, in degrees.

    Parameters
    ----------
    instants : numpy.ndarray
        Shape (n, 2), as `Instants`.
    """
    filled = np.where(np.isnan(instants), (2451545.0, 0.0), instants)
    distinct, inverse = np.unique(filled.sum(axis=1), return_inverse=True)
    return np.asarray(_earth(distinct.tobytes())[2][inverse] - SPIN * (distinct[inverse] - 2451545.0)) % 360


SPIN = 360 / 27.2752316
"""Degrees a day by which L0 falls; what is left of it changes slowly."""

Parts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@lru_cache(maxsize=64)
def _earth(days: bytes) -> Parts:
    """Return Earth's latitude, its distance, and L0 without its mean fall."""
    wanted = np.frombuffer(days, dtype=np.float64)
    nodes = np.unique(np.floor(wanted / STEP)[:, None] + np.arange(-1.0, 3.0))
    if len(nodes) >= len(wanted) or not len(wanted):
        return _compute(wanted)
    latitude, distance, residue = (_interpolated(wanted / STEP, nodes, part) for part in _compute(nodes * STEP))
    return latitude, distance, residue


STEP = 0.25
"""Days between instants from which Earth is interpolated: cubic, exact to some metres."""


def _interpolated(
    wanted: NDArray[np.float64], nodes: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Interpolate by the cubic through the four nearest nodes."""
    whole = np.floor(wanted)
    t = wanted - whole
    first = np.searchsorted(nodes, whole - 1)
    before, after = (t - 1) * (t - 2), (t + 1) * t
    weights = (-t * before / 6, (t + 1) * before / 2, -after * (t - 2) / 2, after * (t - 1) / 6)
    return np.asarray(sum(weight * values[first + index] for index, weight in enumerate(weights)))


def _compute(days: NDArray[np.float64]) -> Parts:
    from sunpy.coordinates import get_earth, sun

    if not len(days):
        return np.empty(0), np.empty(0), np.empty(0)
    when = Time(days, format="jd", scale="utc")
    place = get_earth(when)
    residue = np.unwrap(np.asarray(sun.L0(when).to_value("deg")) + SPIN * (days - 2451545.0), period=360)
    return np.asarray(place.lat.to_value("deg")), np.asarray(place.radius.to_value("km")), residue
