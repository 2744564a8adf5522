"""
The synthetic day that the embedded archive's four services share.

All data that the sandbox serves for 2026-01-10 are derived from here: the registry lists these coronal holes, active
regions and flares, and the images show them, so that an outline drawn on an image can be checked by eye and
numerically.

Positions are heliographic Stonyhurst longitudes and latitudes in degrees at `NOON`, seen from Earth; every feature
rotates with the synodic rate `SYNODIC_RATE`, so that its position at any other time is exact and does not need a model.

What leaves the Sun arrives at the spacecraft at L1 after the time that its speed needs for the distance: the shock that
passes on the day was driven by the eruption of 2026-01-08, which the registry lists, and the fast stream of the
equatorial coronal hole follows its passage of the central meridian by almost three days. The eruptions of the day
itself are directed to the west and do not reach the Earth.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = [
    "ACTIVE_REGIONS",
    "CORONAL_HOLES",
    "DAY",
    "DISTANCE_OF_L1",
    "ERUPTIONS",
    "FLARES",
    "FROM_L1_TO_NOSE",
    "NOON",
    "SHOCK",
    "SHOCK_SPEED",
    "STREAM_SPEED",
    "SYNODIC_RATE",
    "ActiveRegion",
    "CoronalHole",
    "Eruption",
    "Flare",
    "longitude_at",
    "stream",
]

DAY = datetime(2026, 1, 10)
"""The first instant (UTC) of the day that the scene describes."""

NOON = DAY + timedelta(hours=12)
"""The instant (UTC) for which the longitudes of the scene are given."""

SYNODIC_RATE = 13.2
"""Change of Stonyhurst longitude of every feature, in degrees per day."""


@dataclass(frozen=True)
class CoronalHole:
    """A dark region: its outline as (longitude, latitude) in degrees at `NOON`; the first vertex is not repeated."""

    name: str
    outline: tuple[tuple[float, float], ...]
    area_mm2: float


@dataclass(frozen=True)
class ActiveRegion:
    """A bright region: NOAA number (five digits), position in degrees at `NOON`, angular radius in degrees."""

    noaa: int
    longitude: float
    latitude: float
    radius: float


@dataclass(frozen=True)
class Flare:
    """A flare: hours after `DAY` of its start, peak and end, GOES class, and the NOAA number of its region."""

    start: float
    peak: float
    end: float
    goes: str
    noaa: int


@dataclass(frozen=True)
class Eruption:
    """A coronal mass ejection: hours after `DAY`, position angle and width in degrees, speed in km/s, submissions."""

    hours: float
    angle: float
    width: int
    speed: int
    times: int


CORONAL_HOLES = (
    CoronalHole(
        "equatorial",
        (
            (-4.0, 24.0),
            (5.0, 27.0),
            (12.0, 22.0),
            (10.0, 12.0),
            (14.0, 2.0),
            (11.0, -9.0),
            (3.0, -15.0),
            (-5.0, -12.0),
            (-3.0, -2.0),
            (-8.0, 6.0),
            (-9.0, 16.0),
        ),
        9.68e4,
    ),
    CoronalHole(
        "south-eastern",
        ((-46.0, -38.0), (-34.0, -35.0), (-24.0, -42.0), (-26.0, -52.0), (-38.0, -56.0), (-50.0, -49.0)),
        3.83e4,
    ),
    CoronalHole(
        "north-western",
        ((38.0, 48.0), (50.0, 44.0), (58.0, 51.0), (52.0, 60.0), (40.0, 58.0)),
        1.9e4,
    ),
)

ACTIVE_REGIONS = (
    ActiveRegion(14331, -38.0, 14.0, 6.0),
    ActiveRegion(14334, 33.0, -17.0, 7.5),
    ActiveRegion(14336, 52.0, 21.0, 4.5),
)

FLARES = (
    Flare(1.30, 1.52, 1.78, "C3.4", 14334),
    Flare(6.05, 6.31, 6.72, "M1.2", 14334),
    Flare(9.80, 9.95, 10.10, "C1.1", 14331),
    Flare(13.42, 13.87, 14.60, "X1.6", 14334),
    Flare(17.12, 17.25, 17.40, "C8.8", 14336),
    Flare(21.03, 21.40, 22.05, "M5.0", 14331),
)


ERUPTIONS = (
    Eruption(6.6, 248.0, 58, 412, 1),
    Eruption(14.2, 243.0, 124, 1130, 4),
    Eruption(-37.2, 180.0, 350, 850, 1),
)
"""The last one is a halo, which drives the shock that passes L1 on the day."""

DISTANCE_OF_L1 = 1.456e8
"""The distance of L1 from the Sun on the day, in km."""

FROM_L1_TO_NOSE = 1.39e6
"""The distance of L1 from the nose of the Earth's bow shock, in km."""

SHOCK = DAY + timedelta(hours=16.7)
"""The time at which the shock passes L1."""

SHOCK_SPEED = 649.0
"""The speed of the shock at L1 in km/s, from the densities and speeds on its two sides (conservation of mass)."""

STREAM_SPEED = 620.0
"""The speed of the fast stream of the equatorial hole in km/s."""


def stream() -> tuple[datetime, datetime]:
    """
    Return the times at which the fast stream begins and ends at L1.

    Returns
    -------
    tuple of datetime.datetime
        The passages of the western and of the eastern end of the equatorial hole through the central meridian, each
        later by the time that the stream needs to L1.
    """
    longitudes = [longitude for longitude, _ in CORONAL_HOLES[0].outline]
    travel = timedelta(seconds=DISTANCE_OF_L1 / STREAM_SPEED)
    first, last = (
        NOON - timedelta(days=longitude / SYNODIC_RATE) + travel for longitude in (max(longitudes), min(longitudes))
    )
    return first, last


def longitude_at(longitude: float, when: datetime) -> float:
    """
    Return the Stonyhurst longitude, in degrees, of a feature at another time.

    Parameters
    ----------
    longitude : float
        Longitude in degrees at `NOON`.
    when : datetime.datetime
        The time, UTC without a time zone.

    Returns
    -------
    float
        Longitude in degrees, not wrapped.
    """
    return longitude + SYNODIC_RATE * (when - NOON) / timedelta(days=1)
