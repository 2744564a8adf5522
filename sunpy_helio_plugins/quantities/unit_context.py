"""
What a symbol means where it is not certain by itself: by its company in the string, by a declared schema, by context.

``C`` is the coulomb to astropy, and degrees Celsius in nearly all the housekeeping of instruments; ``Rs`` is the Sun's
radius in one archive and Saturn's in the next. Each rule here was written for a case seen in an archive.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from astropy import units as u

from sunpy_helio_plugins.quantities.unit_product import NotUnderstoodError, Place, Product
from sunpy_helio_plugins.quantities.unit_words import BEFORE, DIVISORS, LETTERS, NAMES, PER, SYMBOLS, THINGS

__all__ = ["AMBIGUOUS", "STANDARD", "checked", "meant", "resolver", "sense"]

STANDARD: dict[str, u.UnitBase] = {"C": u.C, "S": u.S, "N": u.N, "F": u.F, "H": u.H}
"""What udunits2, VOUnits and astropy agree on: these letters are units where such a schema is declared."""

_TEMPERATURE = re.compile(r"temp(?:erature)?s?(?![a-z])|thermistor|thermal|celsius")
_CHARGE = re.compile(r"charge(?!d|r)|coulomb|(?<![a-z])q(?![a-z])")
_TIME = re.compile(r"\b(?:time|duration|cadence|interval|period|elapsed|delay)\b")
_ANGLE = re.compile(r"declination|inclination|angle|latitude|longitude|azimuth|elevation|intermagnet|imag-data")
_SUN = re.compile(r"\bsun(?!spot)|solar|helio|corona|cme\b|lasco|stereo|soho")
_SATURN = re.compile(r"saturn|cassini|kronian|\bksm\b|\bkso\b|titan|enceladus")


class _Sense(NamedTuple):
    words: re.Pattern[str]
    unit: u.UnitBase | None


_SENSES: dict[str, tuple[tuple[_Sense, ...], u.UnitBase | None]] = {
    "C": ((_Sense(_TEMPERATURE, u.deg_C), _Sense(_CHARGE, u.C)), None),
    "S": ((_Sense(re.compile("conduct(?:ance|ivity)"), u.S),), None),
    "N": ((_Sense(re.compile("force|thrust"), u.N),), None),
    "F": ((_Sense(re.compile("capacit"), u.F),), None),
    "H": ((_Sense(re.compile("inductance"), u.H),), None),
    "G": ((_Sense(re.compile("accelerat|gravity"), None),), u.G),
    "g": ((_Sense(re.compile("accelerat|gravity"), None),), u.g),
    "T": ((_Sense(_TEMPERATURE, None),), u.T),
    "A": ((_Sense(re.compile("wavelength|wavelnth|angstrom"), u.AA), _Sense(re.compile("current"), u.A)), u.A),
    "R": ((_Sense(re.compile("airglow|auror|emission|brightness|rayleigh|lyman"), u.R),
           _Sense(re.compile("distance|radius|radii|radial|position|altitude"), None)), None),
    "rad": ((_Sense(re.compile(r"\bdose|dosim|absorbed"), u.Unit(0.01 * u.Gy)),), u.rad),
    "rads": ((_Sense(re.compile(r"\bdose|dosim|absorbed"), u.Unit(0.01 * u.Gy)), _Sense(_ANGLE, u.rad)), None),
    "Rs": ((_Sense(_SUN, u.R_sun), _Sense(_SATURN, u.Unit(60268 * u.km))), None),
}  # fmt: skip
"""
For a symbol that is a whole string: what it means by words in the context, and without them (`None`: not certain).

Saturn's is its equatorial radius at 1 bar (IAU 2015), which Cassini's teams use.
"""

for _spelling in ("RS", "R_S", "R_s"):
    _SENSES[_spelling] = _SENSES["Rs"]
for _spelling in ("Rad", "RAD"):
    _SENSES[_spelling] = _SENSES["rad"]

AMBIGUOUS = frozenset(_SENSES)
"""Symbols that mean one thing or another where they are a whole string."""

_DEGREES = {"deg", "degs", "degree", "degrees"}
_MINUTES = {"min", "mins", "minute", "minutes"}
_FIELD_OR_ANGLE = {"nt/minutes", "nt/minute"}
_FIELD_RATE = {"nt/min", "nt/mins", *_FIELD_OR_ANGLE}
_CHANGE = re.compile(r"\brate|deriv|db/dt|change|variation")
_CAPITAL_PREFIX = re.compile(r"\bM(?!EV|HZ|IN)[A-Z]")  # "MV/M": millivolts or megavolts
_CENTIMETRES = re.compile(r"cm|cc|CM|CC")


def sense(text: str, context: str, standard: bool) -> u.UnitBase | None:
    """
    Return what an ambiguous symbol means in its context.

    Parameters
    ----------
    text : str
        The whole string: one symbol, of `AMBIGUOUS`.
    context : str
        Everything known about the parameter, in lower case.
    standard : bool
        Whether a schema is declared in which the letters of `STANDARD` are units.

    Returns
    -------
    astropy.units.UnitBase or None
        The unit, `None` where the context leaves it open, too.

    """
    senses, otherwise = _SENSES[text]
    said = [each.unit for each in senses if each.words.search(context)]
    if len(said) == 1:
        return said[0]
    if said:
        return None
    if text == "C":
        # Charges are given in pC and fC; every bare "C" seen is a temperature. A schema would say coulomb: then open.
        return None if standard else u.deg_C
    return STANDARD.get(text, otherwise) if standard else otherwise


def meant(unit: u.UnitBase, text: str, context: str) -> u.UnitBase | None:
    """
    Return what degrees and minutes mean in their context: a temperature's degrees are not certain.

    Parameters
    ----------
    unit : astropy.units.UnitBase
        What the string means by itself.
    text : str
        The whole string.
    context : str
        Everything known about the parameter, in lower case.

    Returns
    -------
    astropy.units.UnitBase or None
        The unit, `None` where the context contradicts.
    """
    word = text.lower().strip(". []()")
    if word in _DEGREES and _TEMPERATURE.search(context) and not _ANGLE.search(context):
        return None  # Celsius, or kelvin
    if word in _MINUTES and _ANGLE.search(context):
        return None if _TIME.search(context) else u.arcmin  # INTERMAGNET's declination and inclination
    joined = word.replace(" ", "")
    if joined in _FIELD_RATE and not _CHANGE.search(context):
        # Elsewhere it is a rate of change; INTERMAGNET writes so for nanotesla and minutes of arc.
        return None if joined in _FIELD_OR_ANGLE or _ANGLE.search(context) else unit
    return unit


class resolver:  # noqa: N801 - called like a function
    """
    Say what a name at its place in a string means.

    Parameters
    ----------
    text : str
        The whole string in plain notation.
    standard : bool
        Whether a schema is declared in which the letters of `STANDARD` are units.
    """

    def __init__(self, text: str, standard: bool) -> None:
        self.symbols = SYMBOLS | STANDARD if standard else SYMBOLS
        self.capitals = text.isupper()
        self.prefixed = text == "M" or _CAPITAL_PREFIX.search(text) is not None
        self.centimetres = _CENTIMETRES.search(text) is not None

    def __call__(self, name: str, place: Place) -> Product:
        """Return what ``name`` means at ``place``."""
        folded = name.lower()
        if place.after_energy and folded in PER:
            return Product(words=(f"per {PER[folded]}",))
        if place.below and folded.startswith("nuc") and folded in PER:
            return Product(words=("per nucleon",))
        if place.leads and name in LETTERS and (name != "N" or self.centimetres):
            return Product(words=tuple(filter(None, (LETTERS[name],))), notes=frozenset({name}))
        unit = self._unit(name, place)
        if unit is not None:
            return Product(powers=((unit, Fraction(1)),), notes=frozenset({name}))
        if folded in THINGS:
            return _counted(THINGS[folded], name, place)
        return self._odd(name, folded, place)

    def _unit(self, name: str, place: Place) -> u.UnitBase | None:
        if self.capitals and name == "S" and place.below:
            return u.s  # KM/S
        if self.capitals and name == "M" and not self.prefixed:
            return u.m  # W/M^2
        return self.symbols.get(name) or NAMES.get(name.lower())

    @staticmethod
    def _odd(name: str, folded: str, place: Place) -> Product:
        if folded.startswith("deg_"):
            return Product(powers=((u.deg, Fraction(1)),), words=(_DIRECTIONS.get(folded[4:], folded[4:]),))
        if name == "u" and place.after_energy:
            return Product(powers=((u.u, Fraction(1)),))  # MeV/u: by atomic mass unit
        if folded in BEFORE and not place.below:
            return Product(words=(folded,))
        if folded.removesuffix("s") in DIVISORS and place.below:
            return Product(words=(f"per {DIVISORS[folded.removesuffix('s')]}",))
        if name == "st" and place.below:
            return Product(powers=((u.sr, Fraction(1)),))  # no/cm^2/s/keV/st
        if name in ("S", "N"):
            return Product(powers=((STANDARD[name], Fraction(1)),), notes=frozenset({name}))
        raise NotUnderstoodError(name)


_DIRECTIONS = {"n": "north", "e": "east", "s": "south", "w": "west"}


def _counted(thing: str, name: str, place: Place) -> Product:
    if not thing:
        return Product()
    if place.below:
        return Product(words=(f"per {thing}",))
    plural = thing if thing in ("ratio", "fraction") or thing.endswith("s") else f"{thing}s"
    return Product(words=(plural,))


_ALONE = (u.dB, u.deg_C, u.mag)
_SIEMENS = {u.S, u.mS, u.uS, u.nS}
_LONG_TIMES = {u.h, u.d, u.yr, u.wk}


def checked(product: Product, text: str, standard: bool) -> u.UnitBase:
    """
    Return the unit of a product if its company makes every symbol in it certain.

    Parameters
    ----------
    product : Product
        What the grammar read.
    text : str
        The whole string.
    standard : bool
        Whether a schema is declared in which the letters of `STANDARD` are units.

    Returns
    -------
    astropy.units.UnitBase
        The unit.

    Raises
    ------
    NotUnderstoodError
        Where a symbol could be something else.
    """
    unit = product.unit()
    bases = {base for base, _ in product.powers}
    if not product.powers and set(product.words) & BEFORE:
        raise NotUnderstoodError("an adjective without a noun")
    if len(product.powers) > 1 and not bases.isdisjoint(_ALONE):
        raise NotUnderstoodError("a scale with an origin, in a product")
    if product.scale != 1 and (not product.powers or _is_interval(product)):
        raise NotUnderstoodError("a number, or a cadence")
    if [power for _, power in product.powers] == [1, 1] and product.powers[0][0].is_equivalent(product.powers[1][0]):
        raise NotUnderstoodError("two units of one kind, side by side")
    lengths = _power_of_length(unit)
    if product.notes & LETTERS.keys() - {"N", "S"} and lengths > -2:
        raise NotUnderstoodError("a letter over something else than a volume or an area")
    if not standard:
        _check_company(product, unit, bases, lengths, text)
    return unit


def _is_interval(product: Product) -> bool:
    """Tell whether it reads like "5 minutes", which more likely tells a cadence than a unit."""
    return len(product.powers) == 1 and product.powers[0][0].is_equivalent(u.s) and product.scale.denominator == 1


def _power_of_length(unit: u.UnitBase) -> float:
    bare = unit.decompose()
    powers = dict(zip(bare.bases, bare.powers, strict=True))
    return float(powers.get(u.m, 0))


def _check_company(product: Product, unit: u.UnitBase, bases: set[u.UnitBase], lengths: float, text: str) -> None:
    below = {base for base, power in product.powers if power < 0}
    if not _SIEMENS.isdisjoint(bases) and not any(unit.is_equivalent(each) for each in (u.S / u.m, u.S / u.m**2)):
        raise NotUnderstoodError("S is seconds to some")
    if u.N in bases and not any(unit.is_equivalent(each) for each in (u.Pa, u.J, u.N / u.m, u.J * u.s)):
        raise NotUnderstoodError("N counts to some")
    if "N" in product.notes and u.N not in bases and lengths > -3 and u.s not in bases:
        raise NotUnderstoodError("N/cm^2 is a pressure to some")
    if u.A in below:
        raise NotUnderstoodError("A is the angstrom to some")
    if u.ms in below and len(product.powers) == 1 and "/" not in text:
        raise NotUnderstoodError("ms^-1 is a speed to some")
    if not bases.isdisjoint({u.rad, u.mrad}) and not bases.isdisjoint(_LONG_TIMES):
        raise NotUnderstoodError("rad/h is a dose rate to some")
