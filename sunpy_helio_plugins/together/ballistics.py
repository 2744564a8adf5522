"""When the plasma of an event arrives near the Earth, and when that of a time left the Sun, at a constant speed."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import Row
from astropy.time import Time
from sunpy.net import attrs as a

from sunpy_helio_plugins.arguments import Kind, optional, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.her.columns.polygon import Polygon
from sunpy_helio_plugins.her.events.places import rotation

__all__ = ["arrival", "departure"]

L1 = 1.5e6 * u.km
"""The distance of L1 from the Earth."""

_SPEEDS = {"CH": (450, 750), "FL": (500, 1500)}
_OTHERS = (400, 1000)
_ANY = (300, 1000)
"""Speeds in km/s by type of event, of other events, and of anything that arrives."""

_SLOWEST, _FASTEST = 200.0, 3500.0
_SPREAD = 0.2
"""The relative uncertainty of a single speed."""

_CENTRAL = 1.0
"""Degrees between the edges of a hole that is known by its position only, and the position."""


def _speeds(given: Any) -> tuple[float, float]:
    speeds = np.sort(np.atleast_1d(u.Quantity(given).to_value(u.km / u.s)).astype(float))
    if speeds.shape not in ((1,), (2,)) or not ((speeds >= _SLOWEST) & (speeds <= _FASTEST)).all():
        raise ValueError
    return (float(speeds[0]), float(speeds[1])) if len(speeds) == 2 else _around(float(speeds[0]))


def _around(speed: float) -> tuple[float, float]:
    """Return the range of speeds of a single one."""
    low, high = np.clip([speed * (1 - _SPREAD), speed * (1 + _SPREAD)], _SLOWEST, _FASTEST)
    return float(low), float(high)


SPEED = Kind("one or two speeds from 200 to 3500 km/s, such as [400, 700] * u.km / u.s,", _speeds)


@taking("together.arrival", speed=optional(SPEED))
def arrival(event: Any, speed: u.Quantity | None = None) -> a.Time:
    """
    Return the range of time in which the plasma of an event arrives at L1, if its speed is constant.

    Parameters
    ----------
    event : astropy.table.Row, or time
        A row of a search of the registry or of `her.flares`, or the time at which something left the Sun.
    speed : astropy.units.Quantity, optional
        The slowest and the fastest speed, or one with 20 % to both sides. Defaults to that of the CME; if the event
        does not have one, to 450 to 750 km/s for coronal holes, 500 to 1500 km/s for flares (of an eruption with it,
        since the light arrives after 8 minutes), and 400 to 1000 km/s for others.

    Returns
    -------
    sunpy.net.attrs.Time
        The range, for a search or as ``arrival.start`` and ``arrival.end``. The stream of a coronal hole starts when
        the western edge of the hole is at the central meridian, and ends when the eastern edge is there.

    Raises
    ------
    QueryError
        The event does not have a time, or a hole is without a position; or the speed is not one.

    Notes
    -----
    This is a ballistic estimate: plasma moves radially, from the Sun to 1.5 million km before the Earth, at a constant
    speed. Fast CMEs are decelerated by the wind before them and slow ones accelerated, which changes their arrival by
    up to a day, and most eruptions do not hit the Earth. Use it to know where to search, not as a forecast.

    Examples
    --------
    >>> from sunpy_helio_plugins import together
    >>> together.arrival("2026-01-08 10:48", [700, 900] * u.km / u.s)
    <sunpy.net.attrs.Time(2026-01-10 07:44:30.000, 2026-01-10 20:34:55.000)>
    """
    if not isinstance(event, Row):
        first = last = inputs.instant("together.arrival", event)
        speeds: Any = speed or _OTHERS
    else:
        first, last, speeds = _leaving(event)
        speeds = speed or speeds
    return a.Time(first + _travel(first, speeds[1]), last + _travel(last, speeds[0]))


@taking("together.departure", speed=optional(SPEED))
def departure(time: Any, speed: u.Quantity | None = None) -> a.Time:
    """
    Return the range of time in which what arrives at L1 left the Sun, if its speed is constant.

    Parameters
    ----------
    time : str, datetime or astropy.time.Time
        The time at L1, such as that of a jump in the speed.
    speed : astropy.units.Quantity, optional
        The slowest and the fastest speed, or one with 20 % to both sides, such as that of the wind behind a shock.
        Defaults to 300 to 1000 km/s.

    Returns
    -------
    sunpy.net.attrs.Time
        The range, to search for events: ``Fido.search(together.departure(jump), a.her.CE | a.her.FL)``.

    Raises
    ------
    QueryError
        The time or the speed is not one.

    Notes
    -----
    The estimate is that of `arrival`.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import astropy.units as u
    >>> from sunpy_helio_plugins import together
    >>> left = together.departure("2026-01-10 17:00", 650 * u.km / u.s)
    >>> left.start.isot, left.end.isot
    ('2026-01-07T11:12:36.000', '2026-01-08T13:08:24.000')
    >>> Fido.search(left, a.her.CE).file_num
    1
    """
    speeds: Any = speed or _ANY
    moment = inputs.instant("together.departure", time)
    return a.Time(moment - _travel(moment, speeds[0]), moment - _travel(moment, speeds[1]))


def _travel(time: Time, speed: float) -> u.Quantity:
    """Return the time from the Sun to L1 at a speed in km/s."""
    from sunpy.coordinates import sun

    way = sun.earth_distance(time) - L1
    return (way / (speed * u.km / u.s)).to(u.s).round(0)


def _leaving(event: Row) -> tuple[Time, Time, tuple[float, float]]:
    """Return the first and the last time at which the plasma of an event leaves, and its speeds in km/s."""
    row = inputs.one_row("together.arrival", event, ("event_starttime", "raw"), "event")
    start, end = row["event_starttime"], row["event_endtime"] if "event_endtime" in row.colnames else None
    if np.any(start.mask):
        raise QueryError("together.arrival takes an event with a start time, which this one does not have.")
    kind = str(row["event_type"]).upper() if "event_type" in row.colnames else "FL"
    if kind == "CH":
        return *_passage(row), _SPEEDS[kind]
    first = _plain(start)
    if kind == "CE" and (own := _number(row, "cme_radiallinvel", u.km / u.s)) is not None:
        return first, first, _around(own)
    last = first if end is None or np.any(end.mask) or kind == "CE" else _plain(end)
    return first, last, _SPEEDS.get(kind, _OTHERS)


def _passage(row: Row) -> tuple[Time, Time]:
    """Return when the western and the eastern edge of a hole pass the central meridian."""
    latitude = _number(row, "hgs_y", u.deg)
    longitude = _number(row, "hgs_x", u.deg)
    if longitude is None or latitude is None:
        raise QueryError("together.arrival takes a coronal hole with a position (hgs_x, hgs_y), which this one lacks.")
    edges = [longitude - _CENTRAL, longitude + _CENTRAL]
    outline = row["hgs_boundcc"] if "hgs_boundcc" in row.colnames else None
    if isinstance(outline, Polygon) and len(outline.skycoord):
        around = (outline.skycoord.spherical.lon.deg - longitude + 180) % 360 - 180 + longitude
        edges = [float(np.nanmin(around)), float(np.nanmax(around))]
    name = "detection_time" if "detection_time" in row.colnames else "event_starttime"
    seen = _plain(row[name])
    rate = float(rotation(np.array([1.0]), np.array([latitude]))[0])
    return seen - edges[1] / rate * u.day, seen - edges[0] / rate * u.day


def _number(row: Row, name: str, unit: u.UnitBase) -> float | None:
    value = row[name] if name in row.colnames else None
    if value is None or np.any(getattr(value, "mask", False)) or np.ma.is_masked(value):
        return None
    found = u.Quantity(getattr(value, "unmasked", value), unit).value
    return float(found) if np.isfinite(found) else None


def _plain(time: Time) -> Time:
    return Time(getattr(time, "unmasked", time).isot, scale=time.scale)
