"""
Radii of the Sun, of planets and of moons as units of length: the body that is meant, and the length of its radius.

The radii of the Sun, the Earth and Jupiter are the nominal ones of astropy, that of Saturn is its equatorial radius at
1 bar (IAU 2015), which the teams of Cassini use. Missions differ by up to a percent in the radii of all other bodies,
so that these are units only if the description of the quantity contains their length in kilometres.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from astropy import units as u

from sunpy_helio_plugins.quantities.units.normalize import plain

__all__ = ["BODIES", "PLANET", "is_radius", "length"]


class _Body(NamedTuple):
    kilometres: float
    unit: u.UnitBase | None = None


BODIES: dict[str, _Body] = {
    "sun": _Body(695700, u.R_sun), "earth": _Body(6378.1, u.R_earth), "jupiter": _Body(71492, u.R_jup),
    "saturn": _Body(60268, u.Unit(60268 * u.km)), "mercury": _Body(2440.5), "venus": _Body(6051.8),
    "mars": _Body(3396.2), "uranus": _Body(25559), "neptune": _Body(24764), "pluto": _Body(1188.3),
    "moon": _Body(1737.4), "io": _Body(1821.6), "europa": _Body(1560.8), "ganymede": _Body(2631.2),
    "callisto": _Body(2410.3), "amalthea": _Body(83.5), "titan": _Body(2575.0), "enceladus": _Body(252.1),
    "rhea": _Body(763.8), "dione": _Body(561.4), "tethys": _Body(531.1), "mimas": _Body(198.2),
    "iapetus": _Body(734.5), "triton": _Body(1353.4),
}  # fmt: skip
"""Equatorial or mean radii (IAU 2015), with which a number of kilometres is identified."""

PLANET = "R_planet"
"""The plain notation of "planetary radii": the radius of a body that the string does not name."""

_SUN_OR_SATURN = ("sun", "saturn")
_SMALL = ("mars", "mercury", "moon")
_LETTERS: dict[str, tuple[str, ...]] = {
    "e": ("earth",), "j": ("jupiter",), "s": _SUN_OR_SATURN, "n": ("neptune",), "v": ("venus",), "u": ("uranus",),
    "m": _SMALL, "ma": ("mars",), "me": ("mercury",), "mo": ("moon",), "ca": ("callisto",), "eu": ("europa",),
    "g": ("ganymede",), "ga": ("ganymede",), "io": ("io",), "i": ("io",), "t": ("titan",), "ti": ("titan",),
    "p": ("pluto",), "c": ("callisto",),
}  # fmt: skip
_SYMBOL = re.compile(r"R_?(?P<letters>[A-Za-z]{1,2})|[Rr]_?(?P<name>[a-z]{2,9})")
_MOONS_MARGIN, _SAME = 0.02, 5e-4

_NUMBER = r"(?P<value>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)\s*(?:km|kilomet(?:er|re)s?)\b"
_MENTIONED = re.compile(_NUMBER)
_IN_RADII = re.compile(r"\bR_([a-z]+)\b")
"""Radii of a body in plain notation: "in units of Jovian radii" names the planet."""
_DEFINED = re.compile(
    rf"(?:\br_?[a-z]{{0,8}}|\bradi(?:us|i)\b[^.;=]{{0,40}}?)\s*(?:=|\bis\b|\bof\b|\bequals?\b|\bto\b|\(|:)\s*{_NUMBER}"
)


def _bodies(text: str) -> tuple[str, ...]:
    """Return the bodies whose radius a symbol may be; an empty tuple if it is not a radius."""
    if text == PLANET:
        return tuple(BODIES)
    found = _SYMBOL.fullmatch(text)
    if found is None:
        return ()
    if found["name"]:
        return (found["name"],) if found["name"] in BODIES else ()
    letters = found["letters"]
    # "RE", "Re", "R_e"; two letters only as "Rma": "RMS" and "RTN" are not radii.
    if len(letters) == 2 and not letters.islower():
        return ()
    return _LETTERS.get(letters.lower(), ())


@lru_cache(maxsize=8192)
def is_radius(text: str) -> bool:
    """Return whether a string in plain notation is the symbol for the radius of a body."""
    return bool(_bodies(text))


def length(text: str, described: str) -> tuple[bool, u.UnitBase | None]:
    """Return whether a radius symbol and a description (in lower case) are decisive, and the unit or `None`."""
    bodies = _bodies(text)
    defined = [_value(found) for found in _DEFINED.finditer(described)]
    if any(not _fits(bodies, value) for value in defined):
        return True, None  # "Amalthea radii, where RI = 1818 km"
    named = [body for body in bodies if BODIES[body].unit is not None]
    mentioned = [] if named and text != PLANET else [_value(found) for found in _MENTIONED.finditer(described)]
    values = defined or [value for value in mentioned if _fits(bodies, value)]
    if values:
        return True, None if _differ(values) else _unit(bodies, values[0])
    if text == PLANET:
        bodies = tuple(set(_IN_RADII.findall(plain(described))) & BODIES.keys())
    if len(bodies) == 1:
        return True, BODIES[bodies[0]].unit
    return bodies != _SUN_OR_SATURN, None


def _value(found: re.Match[str]) -> float:
    return float(found["value"].replace(",", ""))


def _fits(bodies: tuple[str, ...], value: float) -> bool:
    return any(abs(value / BODIES[body].kilometres - 1) < _MOONS_MARGIN for body in bodies)


def _differ(values: list[float]) -> bool:
    return max(values) > min(values) * (1 + _SAME)


def _unit(bodies: tuple[str, ...], value: float) -> u.UnitBase:
    """Return the nominal unit if a definition agrees with it to within 0.05 %, otherwise that number of kilometres."""
    for body in bodies:
        nominal = BODIES[body].unit
        if nominal is not None and abs(value / BODIES[body].kilometres - 1) < _SAME:
            return nominal
    return u.Unit(value * u.km)
