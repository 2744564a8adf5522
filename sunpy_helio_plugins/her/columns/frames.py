"""Coordinate frames and times of the registry's positions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import astropy.units as u
import numpy as np
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import refused
from sunpy_helio_plugins.quantities.days import PRECISION

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

__all__ = [
    "INSTANTS",
    "LIMITS",
    "SYSTEMS",
    "Instants",
    "central_longitude",
    "chosen",
    "earth",
    "is_place",
    "keywords_of",
    "on_surface",
    "parts",
    "parts_for",
    "polar",
    "projected",
    "radial",
    "scales",
    "times",
    "to_sky",
]

Instants = NDArray[np.float64]
"""Shape (n, 2): the two parts of UTC Julian dates; NaN for missing times. Fast to slice, sort and stack."""

INSTANTS: tuple[tuple[str, float | None, str, str], ...] = (
    ("SPoCA", None, "event_endtime", "submits its picture's time as the end, its last run as the start (spoca_ch.pro)"),
    ("Emerging flux region module", 0.55, "event_peaktime", "before that version (Helioviewer's HEKAdapter)"),
)
"""
Methods whose positions are not those at event_starttime, as for all others: the beginning of ``frm_name``, the version
below which this applies (`None` for all), the keyword of the time, and the source.
"""


def chosen(names: Sequence[Any], versions: Sequence[Any]) -> list[str]:
    """Return the keyword with the time of each event's position, for the methods and their versions."""
    pairs = list(zip(names, versions, strict=True))
    try:
        known = {pair: _keyword(*pair) for pair in set(pairs)}
    except TypeError:  # an object
        return [_keyword(*pair) if _is_hashable(pair) else "event_starttime" for pair in pairs]
    return list(map(known.__getitem__, pairs))


def _is_hashable(pair: tuple[Any, Any]) -> bool:
    try:
        hash(pair)
    except TypeError:
        return False
    return True


def _keyword(name: Any, version: Any) -> str:
    for start, below, keyword, _ in INSTANTS:
        if str(name or "").startswith(start) and (below is None or _is_below(version, below)):
            return keyword
    return "event_starttime"


def keywords_of(name: Any) -> tuple[str, ...]:
    """Return the keywords that determine the time of a method's positions."""
    for start, below, keyword, _ in INSTANTS:
        if str(name or "").startswith(start):
            return (keyword,) if below is None else (keyword, "frm_versionnumber", "event_starttime")
    return ("event_starttime",)


def _is_below(version: Any, bound: float) -> bool:
    try:
        # The registry stores versions in single precision: 0.55 is 0.550000011920929.
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


def parts_for(function: str, given: Any, shape: tuple[int, ...]) -> Instants:
    """Return the parts, with the shape of those of a column, of a time, of one for each row, or of parts."""
    if isinstance(given, np.ndarray) and given.dtype.kind == "f" and given.shape == shape:
        return np.array(given, float)
    if isinstance(given, Time) and given.shape in ((), (1,) * (len(shape) - 1), shape[:-1]):
        return np.broadcast_to(parts(given), shape).copy()
    raise refused(function, given, "one time or one for each row, or an array of their parts with the column's shape")


def times(instants: Instants) -> Time:
    """Return times from the two parts of Julian dates; missing ones are masked."""
    missing: Any = np.isnan(instants).any(axis=-1)
    filled = np.where(missing[..., None], (2451545.0, 0.0), instants)
    made = Time(filled[..., 0], filled[..., 1], format="jd", scale="utc", precision=PRECISION)
    made.format = "isot"
    if missing.any():
        made[missing] = np.ma.masked
    return made


def earth(instants: Instants) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Earth's heliographic latitude in degrees and distance in km, shape (n,); missing times give J2000."""
    # Each distinct time is computed once, all of them together; the Stonyhurst longitude is zero by definition.
    distinct, inverse = _distinct(instants)
    places = _earth(distinct.tobytes())
    return places[0][inverse], places[1][inverse]


def central_longitude(instants: Instants) -> NDArray[np.float64]:
    """Return L0, the Carrington longitude of the disk center as seen from Earth, in degrees."""
    distinct, inverse = _distinct(instants)
    return np.asarray(_earth(distinct.tobytes())[2] - SPIN * (distinct - 2451545.0))[inverse] % 360


def _distinct(instants: Instants) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the distinct times as Julian dates, and the index of each time; missing times give J2000."""
    days = np.where(np.isnan(instants), (2451545.0, 0.0), instants).sum(axis=1)
    # The vertices of an outline, one after the other, have the same time.
    changes = np.flatnonzero(np.diff(days, prepend=np.nan) != 0)
    distinct, inverse = np.unique(days[changes], return_inverse=True)
    return distinct, np.repeat(inverse, np.diff(changes, append=len(days)))


SPIN = 360 / 27.2752316
"""The mean decrease of L0 in degrees per day; the remainder changes slowly."""

Parts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@lru_cache(maxsize=64)
def _earth(days: bytes) -> Parts:
    """Return Earth's latitude and distance, and L0 without its mean decrease."""
    wanted = np.frombuffer(days, dtype=np.float64)
    nodes = np.unique(np.floor(wanted / STEP)[:, None] + np.arange(-1.0, 3.0))
    if len(nodes) >= len(wanted) or not len(wanted):
        return _compute(wanted)
    latitude, distance, residue = (_interpolated(wanted / STEP, nodes, part) for part in _compute(nodes * STEP))
    return latitude, distance, residue


STEP = 0.25
"""Days between the nodes of the cubic interpolation of Earth's position, which is accurate to some meters."""


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
    """Compute what sunpy's `get_earth` and `L0` return, which they compute for one time after the other."""
    from astropy.constants import c
    from astropy.coordinates import get_body_barycentric
    from sunpy.sun import constants

    if not len(days):
        return np.empty(0), np.empty(0), np.empty(0)
    when = Time(days, format="jd", scale="utc")
    place = (get_body_barycentric("earth", when) - get_body_barycentric("sun", when)).xyz.to_value("km")
    ascension, declination = (constants.get(name).to_value("rad") for name in ("alpha_0", "delta_0"))
    # The axis of the Sun, and the node of its equator, from which longitudes are counted.
    equatorial = np.array([np.cos(ascension), np.sin(ascension), 0.0])
    pole = np.cos(declination) * equatorial + [0.0, 0.0, np.sin(declination)]
    node = np.array([-np.sin(ascension), np.cos(ascension), 0.0])
    x, y, z = np.stack([node, np.cross(pole, node), pole]) @ place
    distance = np.linalg.norm(place, axis=0)
    # The meridian is that of the time at which the light left the surface.
    light = (distance - constants.radius.to_value("km")) / c.to_value("km/day")
    elapsed = (when.tt.jd1 - 2451545.0) + when.tt.jd2 - light
    meridian = constants.get("W_0").to_value("deg") + elapsed * constants.sidereal_rotation_rate.to_value("deg/day")
    residue = np.degrees(np.arctan2(y, x)) - meridian + SPIN * (days - 2451545.0)
    return np.degrees(np.arctan2(z, np.hypot(x, y))), distance, np.unwrap(residue, period=360)


SYSTEMS = {"hpc": ("arcsec", "arcsec"), "hgs": ("deg", "deg"), "hgc": ("deg", "deg"), "hrc": ("R_sun", "deg")}
"""The registry's systems, and the units of their two numbers."""

RIGHT_ANGLE = 324000.0
"""Arcsec in 90 degrees."""

LIMITS = {
    "hpc": (RIGHT_ANGLE, RIGHT_ANGLE), "hgs": (np.inf, 90.0), "hgc": (np.inf, 90.0),
    "hrc": (RIGHT_ANGLE / 1020, np.inf),
}  # fmt: skip
"""The largest absolute numbers of positions: 90 degrees for latitudes, and for angles from the Sun's center."""

CARRINGTON_OFFSET = 0.049
"""Degrees by which the registry's L0 exceeds sunpy's, the same in every record (0.046 to 0.052)."""

RSUN_KM = 695700.0

REGISTRY_RSUN_KM = 695506.0
"""
The registry's solar radius in records of 2023 and 2024: ``hpc_radius`` / ``hrc_r`` times Earth's distance at the start.

It is the default for a record that does not contain these; in records of 2017 and 2018 it is larger by 0.07 %.
"""

Floats = NDArray[np.float64]


def is_place(places: Floats, system: str) -> NDArray[np.bool_]:
    """Return which pairs of numbers are valid positions in a system; NaN is not."""
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(places) <= LIMITS[system]).all(axis=-1) & np.isfinite(places).all(axis=-1))


def to_sky(
    places: Floats, system: str, instants: Floats, starts: Floats, single: bool = False, origins: Floats | None = None
) -> SkyCoord:
    """
    Convert the registry's numbers to a coordinate.

    Parameters
    ----------
    places : numpy.ndarray
        Shape (n, 2), in the system's units.
    system : str
        ``"hpc"``, ``"hgs"``, ``"hgc"`` or ``"hrc"``.
    instants, starts : numpy.ndarray
        Shape (n, 2) or (1, 2), as `Instants`: the times of the positions, and of the start of the events.
    single : bool, optional
        Whether all positions are of one event: the frame then has a single time and observer.
    origins : numpy.ndarray, optional
        Shape (n, 2) or (1, 2), as of `sunpy_helio_plugins.her.columns.origins`: the scale of ``hrc``.

    Returns
    -------
    astropy.coordinates.SkyCoord
        Shape (n,): helioprojective for ``hpc`` and ``hrc``, Stonyhurst for ``hgs`` and Carrington for ``hgc``,
        converted to the time of the position.
    """
    when = times(instants[0] if single else instants)
    # An invalid position only affects its own row.
    places = np.where(is_place(places, system)[:, None], places, np.nan)
    if system in ("hpc", "hrc"):
        x, y = places.T if system == "hpc" else radial(places, scales(starts, origins))
        return _seen(x, y, instants, when)
    return _heliographic(places, system, instants, starts, when, single)


def _seen(x: Floats, y: Floats, instants: Floats, when: Any) -> SkyCoord:
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import Helioprojective

    latitude, distance = earth(instants)
    observer = _observer(latitude[0], distance[0], when) if when.isscalar else _observer(latitude, distance, when)
    return SkyCoord(x * u.arcsec, y * u.arcsec, frame=Helioprojective(obstime=_plain_numbers(when), observer=observer))


def scales(starts: Floats, origins: Floats | None = None) -> Floats:
    """Return the arcsec in a radius of ``hrc``, by default those of the registry's usual solar radius."""
    if origins is not None and not np.isnan(origins[:, 1]).any():
        return origins[:, 1]
    usual = np.degrees(REGISTRY_RSUN_KM / earth(starts)[1]) * 3600
    return usual if origins is None else np.where(np.isnan(origins[:, 1]), usual, origins[:, 1])


def radial(places: Floats, scale: Floats) -> tuple[Floats, Floats]:
    """Convert distances in solar radii and position angles to arcsec: both are in the plane of the sky."""
    with np.errstate(over="ignore"):
        radius = places[:, 0] * scale
    # Distances that are too large in arcsec are unknown.
    radius, angle = np.where(np.isinf(radius), np.nan, radius), np.radians(places[:, 1])
    return -radius * np.sin(angle), radius * np.cos(angle)


def polar(x: Floats, y: Floats, scale: Floats) -> Floats:
    """Convert arcsec to distances in solar radii and position angles; the inverse of `radial`."""
    return np.stack([np.hypot(x, y) / scale, np.degrees(np.arctan2(-x, y)) % 360], axis=1)


def _observer(latitude: Any, distance: Any, when: Any) -> Any:
    from sunpy.coordinates import HeliographicStonyhurst

    zero = np.zeros_like(latitude) * u.deg
    return HeliographicStonyhurst(zero, latitude * u.deg, distance * u.km, obstime=_plain_numbers(when))


def _plain_numbers(when: Any) -> Any:
    """Return times without a mask: frames compare their times, which is not possible for masked ones."""
    if not when.masked:
        return when
    if when.isscalar:
        return when.unmasked
    filled = when.copy()
    missing = np.asarray(filled.mask)
    return filled.filled(filled[~missing][0] if (~missing).any() else filled.unmasked[0])


def _heliographic(places: Floats, system: str, instants: Floats, starts: Floats, when: Any, single: bool) -> SkyCoord:
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import HeliographicCarrington, HeliographicStonyhurst

    longitude, latitude = stonyhurst(places, system, starts)
    latitude = latitude * u.deg
    if system == "hgs":
        return SkyCoord(longitude * u.deg, latitude, frame=HeliographicStonyhurst(obstime=_plain_numbers(when)))
    tilt, distance = earth(instants)
    observer = _observer(tilt[0], distance[0], when) if single else _observer(tilt, distance, when)
    frame = HeliographicCarrington(obstime=_plain_numbers(when), observer=observer)
    return SkyCoord((longitude + central_longitude(instants)) * u.deg, latitude, frame=frame)


def stonyhurst(places: Floats, system: str, starts: Floats) -> tuple[Floats, Floats]:
    """Convert heliographic numbers to Stonyhurst longitude and latitude in degrees, at the time of the position."""
    if system == "hgs":
        return places[:, 0], places[:, 1]
    return places[:, 0] - central_longitude(starts) - CARRINGTON_OFFSET, places[:, 1]


def heliographic(longitude: Floats, latitude: Floats, system: str, starts: Floats) -> tuple[Floats, Floats]:
    """Convert Stonyhurst degrees to the registry's heliographic numbers; the inverse of `stonyhurst`."""
    if system == "hgs":
        return longitude, latitude
    return longitude + central_longitude(starts) + CARRINGTON_OFFSET, latitude


def on_surface(
    places: Floats, system: str, instants: Floats, starts: Floats, origins: Floats | None = None
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Convert positions to Stonyhurst degrees on the surface, and return which were clamped to the limb."""
    if system in ("hgs", "hgc"):
        longitude, latitude = stonyhurst(places, system, starts)
        return longitude, latitude, np.zeros(len(places), dtype=bool)
    tilt, distance = earth(instants)
    x, y = places.T if system == "hpc" else radial(places, scales(starts, origins))
    return unprojected(x, y, tilt, distance)


def unprojected(x: Floats, y: Floats, tilt: Floats, distance: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Convert arcsec to Stonyhurst degrees where the line of sight meets the surface, or to the nearest limb point."""
    tx, ty = np.radians(x / 3600), np.radians(y / 3600)
    aside, up, depth = np.sin(tx) * np.cos(ty), np.sin(ty), np.cos(tx) * np.cos(ty)
    # In solar radii: how far from the Sun's center the line of sight passes, and the distance to where it enters.
    distance = distance / RSUN_KM
    apart = np.hypot(aside, up)
    clamped = (apart * distance >= 1) | (depth <= 0)
    along = distance * depth - np.sqrt(np.maximum(1 - (distance * apart) ** 2, 0))
    # A line of sight beyond the limb is moved to the limb.
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where(clamped, np.sqrt(1 - distance**-2) / apart, along)
    sx, sy, sz = aside * scale, up * scale, np.where(clamped, 1 / distance, distance - depth * along)
    b0 = np.radians(tilt)
    north, front = sy * np.cos(b0) + sz * np.sin(b0), sz * np.cos(b0) - sy * np.sin(b0)
    return np.degrees(np.arctan2(sx, front)), np.degrees(np.arcsin(np.clip(north, -1, 1))), clamped


def projected(longitude: Floats, latitude: Floats, tilt: Floats, distance: Floats) -> tuple[Floats, Floats]:
    """Convert Stonyhurst degrees on the surface to helioprojective arcsec, on the far side as if through the Sun."""
    lon, lat, b0 = np.radians(longitude), np.radians(latitude), np.radians(tilt)
    x, front, north = np.cos(lat) * np.sin(lon), np.cos(lat) * np.cos(lon), np.sin(lat)
    y, z = north * np.cos(b0) - front * np.sin(b0), north * np.sin(b0) + front * np.cos(b0)
    depth = distance / RSUN_KM - z
    # The longitude is an angle around the y axis, and the latitude that above the plane of x and the line of sight.
    return np.degrees(np.arctan2(x, depth)) * 3600, np.degrees(np.arctan2(y, np.hypot(x, depth))) * 3600
