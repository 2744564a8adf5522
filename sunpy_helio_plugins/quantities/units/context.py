"""
Ambiguous symbols: their meaning is determined by the rest of the string, a declared schema, or the context.

``C`` is the coulomb in astropy, and degrees Celsius in nearly all housekeeping data of instruments; ``Rs`` is the
radius of the Sun in one archive and of Saturn in another. Each rule was written for a case that occurs in an archive.
"""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

from astropy import units as u

from sunpy_helio_plugins.quantities.units.grammar import NamePosition, NotUnderstoodError, Product
from sunpy_helio_plugins.quantities.units.radii import BODIES
from sunpy_helio_plugins.quantities.units.vocabulary import BEFORE, DIVISORS, LETTERS, NAMES, PER, SYMBOLS, THINGS

__all__ = ["AMBIGUOUS", "STANDARD", "checked", "meant", "own", "resolver", "sense"]

STANDARD: dict[str, u.UnitBase] = {"C": u.C, "S": u.S, "N": u.N, "F": u.F, "H": u.H}
"""Symbols with the same meaning in udunits2, VOUnits and astropy: they are units if such a schema is declared."""

_TEMPERATURE = re.compile(r"temp(?:erature)?s?(?![a-z])|thermistor|thermal|celsius")
_CHARGE = re.compile(r"charge(?!d|r|[- ]coupled)|coulomb|(?<![a-z])q(?![a-z])")
_TIME = re.compile(r"\b(?:time|duration|cadence|interval|period|elapsed|delay)\b")
_ANGLE = re.compile(r"declination|inclination|angle|latitude|longitude|azimuth|elevation")
_DOSE = re.compile(r"\bdose|dosim|absorbed")
_INTERMAGNET = re.compile(r"intermagnet|imag-data")
_MILLI = re.compile(r"milli|housekeeping")
_GAMMA = re.compile(r"gamma[- ]?rays?\b|photon|lorentz|adiabatic|polytropic|index|exponent|slope|angle|inclination")
_SUN = re.compile(r"\bsun(?!spot)|solar|helio|corona|cme\b|lasco|stereo|soho")
_SATURN = re.compile(r"saturn|cassini|kronian|\bksm\b|\bkso\b|titan|enceladus")


class _Sense(NamedTuple):
    words: re.Pattern[str]
    unit: u.UnitBase | None


_SENSES: dict[str, tuple[tuple[_Sense, ...], u.UnitBase | None]] = {
    "C": ((_Sense(_TEMPERATURE, u.deg_C), _Sense(_CHARGE, u.C)), None),
    "c": ((_Sense(_TEMPERATURE, u.deg_C),), None),
    "k": ((_Sense(_TEMPERATURE, u.K),), None),
    "S": ((_Sense(re.compile("conduct(?:ance|ivity)"), u.S),), None),
    "N": ((_Sense(re.compile("force|thrust"), u.N),), None),
    "F": ((_Sense(re.compile("capacit"), u.F), _Sense(_TEMPERATURE, None)), None),
    "H": ((_Sense(re.compile("inductance"), u.H),), None),
    "G": ((_Sense(re.compile("accelerat|gravity"), None),), u.G),
    "g": ((_Sense(re.compile("accelerat|gravity"), None),), u.g),
    "T": ((_Sense(_TEMPERATURE, None),), u.T),
    "A": ((_Sense(re.compile("wavelength|wavelnth|angstrom"), u.AA), _Sense(re.compile("current"), u.A)), u.A),
    "R": ((_Sense(re.compile("airglow|auror|emission|brightness|rayleigh|lyman"), u.R),
           _Sense(re.compile("distance|radius|radii|radial|position|altitude"), None)), None),
    "rad": ((_Sense(_DOSE, u.Unit(0.01 * u.Gy)),), u.rad),
    "rads": ((_Sense(_DOSE, u.Unit(0.01 * u.Gy)), _Sense(_ANGLE, u.rad)), None),
    "AU": ((_Sense(re.compile(r"\barbitrary|\bindex|\bindices|electrojet"), None),), u.au),
    "Rs": ((_Sense(_SUN, BODIES["sun"].unit), _Sense(_SATURN, BODIES["saturn"].unit)), None),
    # Archives that write everything in upper case: mega, or milli.
    "MA": ((_Sense(_MILLI, u.mA), _Sense(re.compile("mega"), u.MA)), None),
    "MV": ((_Sense(_MILLI, u.mV), _Sense(re.compile("mega"), u.MV)), None),
    "MW": ((_Sense(_MILLI, u.mW), _Sense(re.compile("mega|hemispheric power"), u.MW)), None),
    "gamma": ((_Sense(re.compile("magnet|field"), u.nT), _Sense(_GAMMA, None)), u.nT),
}  # fmt: skip
"""For symbols as complete strings: their meanings by words in the context, and the default; `None`: not certain."""

for _spelling in ("RS", "R_S", "R_s"):
    _SENSES[_spelling] = _SENSES["Rs"]
_SENSES["au"] = _SENSES["AU"]
for _spelling in ("Rad", "RAD"):
    _SENSES[_spelling] = _SENSES["rad"]
for _spelling in ("gammas", "Gamma", "Gammas", "GAMMA", "GAMMAS"):
    _SENSES[_spelling] = _SENSES["gamma"]

AMBIGUOUS = frozenset(_SENSES)
"""Symbols that are ambiguous as complete strings."""

_DEGREES = {"deg", "degs", "degree", "degrees"}
_MINUTES = {"min", "mins", "minute", "minutes"}
_FIELD_OR_ANGLE = {"nt/minutes", "nt/minute"}
_FIELD_RATE = {"nt/min", "nt/mins", *_FIELD_OR_ANGLE}
_CHANGE = re.compile(r"\brate|deriv|db/dt|change|variation")
_CAPITAL_PREFIX = re.compile(r"\bM(?!EV|HZ|IN)[A-Z]")  # "MV/M": millivolts or megavolts
_CENTIMETRES = re.compile(r"cm|cc|CM|CC")
_CAPITAL_LENGTH = re.compile(r"(?<![A-Z])[CK]M(?![A-Z])")
_ENERGY = re.compile(r"(?<![A-Za-z])[kMGT]?eV(?![A-Za-z])")
_SPELT_PREFIX = re.compile(
    r"(giga|mega|kilo|milli|micro|nano|pico|femto)(eV|Hz|Pa|Gy|Sv|sr|rad|[VATWJKGm])", re.IGNORECASE
)
_PREFIX_LETTERS = {"giga": "G", "mega": "M", "kilo": "k", "milli": "m", "micro": "u", "nano": "n", "pico": "p",
                   "femto": "f"}  # fmt: skip
_PREFIX_WORDS = {letter: word for word, letter in _PREFIX_LETTERS.items()}
_LETTERED = re.compile(r"([kmunp])(Tesla|Volt|Ampere|Amp|Watt|Pascal|Hertz|Gauss|Rayleigh|Joule)s?")
_SMALL_CURRENTS = {"ma": u.mA, "ua": u.uA, "na": u.nA}
_BY_MASS_OR_LIGHT = {
    "u": Product(powers=((u.u, Fraction(1)),)),
    "c": Product(Fraction(299792458), ((u.m, Fraction(1)), (u.s, Fraction(-1))), notes=frozenset({"c"})),
}
"""MeV/u is divided by the atomic mass unit; MeV/c^2 is a mass."""


def sense(text: str, context: str, standard: bool) -> u.UnitBase | None:
    """Return the meaning of one of the `AMBIGUOUS` symbols in its context, or `None` if it is still not certain."""
    senses, otherwise = _SENSES[text]
    # The description of the quantity has priority over the names of its dataset and its server.
    own_senses = [each.unit for each in senses if each.words.search(own(context))]
    said = own_senses or [each.unit for each in senses if each.words.search(context)]
    if len(said) == 1:
        return said[0]
    if said:
        return None
    if text == "C":
        # Charges are given in pC and fC; every plain "C" seen is a temperature, but a schema would mean coulomb.
        return None if standard else u.deg_C
    return STANDARD.get(text, otherwise) if standard else otherwise


def meant(unit: u.UnitBase, text: str, context: str) -> u.UnitBase | None:
    """Return the meaning of degrees and minutes in their context, or `None` if the context contradicts the unit."""
    word, itself = text.lower().strip(". []()"), own(context)
    angular = _ANGLE.search(itself) is not None or _INTERMAGNET.search(context) is not None
    if word in _DEGREES and _TEMPERATURE.search(itself) and not angular:
        return None  # Celsius, or kelvin
    if word in _MINUTES and angular:
        return None if _TIME.search(itself) else u.arcmin  # INTERMAGNET's declination and inclination
    if not {u.rad, u.mrad}.isdisjoint(unit.bases) and _DOSE.search(itself) and not angular:
        return None  # rad/s is a dose rate, or an angular speed
    joined = word.replace(" ", "")
    if joined in _FIELD_RATE and not _CHANGE.search(itself):
        # Elsewhere it is a rate of change; INTERMAGNET uses it for nanotesla and minutes of arc.
        return None if joined in _FIELD_OR_ANGLE or angular else unit
    return unit


def own(context: str) -> str:
    """Return the description of the quantity in a context: its first two lines, the name and the description."""
    return context.rpartition("\n")[0]


class resolver:  # noqa: N801 - called like a function
    """The meaning of the names in a string in plain notation; `STANDARD` applies if a schema is declared."""

    def __init__(self, text: str, standard: bool) -> None:
        self.symbols = SYMBOLS | STANDARD if standard else SYMBOLS
        self.capitals = text.isupper()
        self.prefixed = text == "M" or _CAPITAL_PREFIX.search(text) is not None
        self.centimetres = _CENTIMETRES.search(text) is not None
        # "CM**-2 S**-1 eV**-1": upper case except for the energy.
        self.seconds = _CAPITAL_LENGTH.search(text) is not None and _ENERGY.sub("", text).isupper()

    def __call__(self, name: str, place: NamePosition) -> Product:
        """Return the meaning of ``name`` at ``place``."""
        folded = name.lower()
        if place.after_energy and folded in PER:
            return Product(words=(f"per {PER[folded]}",))
        if place.below and folded.startswith("nuc") and folded in PER:
            return Product(words=("per nucleon",))
        if place.leads and name in LETTERS and (name != "N" or self.centimetres):
            return Product(words=tuple(filter(None, (LETTERS[name],))), notes=frozenset({name}))
        unit = self._unit(name, place) or _unusual(name, place)
        if unit is not None:
            return Product(powers=((unit, Fraction(1)),), notes=frozenset({name}))
        if folded in THINGS or (name == "Sa" and place.leads):
            return _counted(THINGS.get(folded, "sample"), name, place)
        return _attributed(name) or self._odd(name, folded, place)

    def _unit(self, name: str, place: NamePosition) -> u.UnitBase | None:
        if name == "S" and (place.below or not place.leads) and (self.seconds or (self.capitals and place.below)):
            return u.s  # KM/S
        if self.capitals and name == "M" and not self.prefixed:
            return u.m  # W/M^2
        spelt = _SPELT_PREFIX.fullmatch(name)
        if spelt is not None and spelt[2] in self.symbols:
            return self.symbols.get(_PREFIX_LETTERS[spelt[1].lower()] + spelt[2])  # microV
        lettered = _LETTERED.fullmatch(name)
        if lettered is not None:
            return NAMES.get(_PREFIX_WORDS[lettered[1]] + lettered[2].lower())  # nTesla
        return self.symbols.get(name) or NAMES.get(name.lower())

    @staticmethod
    def _odd(name: str, folded: str, place: NamePosition) -> Product:
        if folded.startswith("deg_"):
            return Product(powers=((u.deg, Fraction(1)),), words=(_DIRECTIONS.get(folded[4:], folded[4:]),))
        if name in ("u", "c") and place.after_energy:
            return _BY_MASS_OR_LIGHT[name]
        if folded in BEFORE and not place.below:
            return Product(words=(folded,))
        if folded.removesuffix("s") in DIVISORS and place.below:
            return Product(words=(f"per {DIVISORS[folded.removesuffix('s')]}",))
        if name in ("S", "N"):
            return Product(powers=((STANDARD[name], Fraction(1)),), notes=frozenset({name}))
        raise NotUnderstoodError(name)


def _unusual(name: str, place: NamePosition) -> u.UnitBase | None:
    """Return the meaning of an unusual spelling, which `checked` accepts only with certain other units."""
    if name in ("str", "STR") or (name == "st" and place.below):
        return u.sr  # no/cm^2/s/keV/st
    if name.lower() in ("gamma", "gammas"):
        return u.nT
    return _SMALL_CURRENTS.get(name)  # ma/m2


def _attributed(name: str) -> Product | None:
    """Return counts or pixels with an attribute: "pixel_counts", "HMI_pixels"."""
    attribute, _, counted = name.rpartition("_")
    unit = SYMBOLS.get(counted) or NAMES.get(counted.lower())
    if not attribute or unit not in (u.ct, u.pix, u.DN, u.adu):
        return None
    return Product(powers=((unit, Fraction(1)),), words=(attribute,))


_DIRECTIONS = {"n": "north", "e": "east", "s": "south", "w": "west"}


def _counted(thing: str, name: str, place: NamePosition) -> Product:
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
    """Return the unit of a product, or raise `NotUnderstoodError` if one of its symbols is ambiguous."""
    unit = product.unit()
    bases = {base for base, _ in product.powers}
    _check_spellings(product, unit)
    _check_numerator(product)
    if _TRAILING_MIN.search(text):
        raise NotUnderstoodError("min is a minimum to some")
    if not product.powers and set(product.words) & BEFORE:
        raise NotUnderstoodError("an adjective without a noun")
    if len(product.powers) > 1 and not bases.isdisjoint(_ALONE):
        raise NotUnderstoodError("a scale with an origin, in a product")
    if product.scale != 1 and (not product.powers or _is_interval(product)):
        raise NotUnderstoodError("a number, or a cadence")
    if _is_list(product):
        raise NotUnderstoodError("two units of one kind, side by side")
    lengths = _power_of_length(unit)
    if product.notes & LETTERS.keys() - {"N", "S"} and lengths > -2:
        raise NotUnderstoodError("a letter over something else than a volume or an area")
    if not standard:
        _check_company(product, unit, bases, lengths, text)
    return unit


def _is_list(product: Product) -> bool:
    """Return whether units of one kind are listed: "km m", "h m s", and "nT nT"."""
    plain = [base for base, power in product.powers if power == 1]
    alike = [first.is_equivalent(second) for first, second in combinations(plain, 2)]
    different = [first != second for first, second in combinations(plain, 2)]
    return any(map(all, zip(alike, different, strict=True))) or (len(plain) == len(product.powers) == 2 and alike[0])


_TRAILING_MIN = re.compile(r"(?<![\s/*.])(?<!\bper)(?<![\s/]\d)(?<![\s/]\d\d)(?<!^\d)(?<!^\d\d)\s+min$", re.IGNORECASE)
_COUNTS = {u.ct, u.ph, u.pix, u.DN, u.adu}
_ANGLES = {u.deg, u.arcmin, u.arcsec}


def _check_numerator(product: Product) -> None:
    above = {base for base, power in product.powers if power > 0}
    if u.min in above and len(above) > 1:
        raise NotUnderstoodError("min is a minimum to some")
    if u.deg in above and len(above) > 1:
        raise NotUnderstoodError("deg km: one unit for each component")
    below = {base for base, power in product.powers if power < 0}
    if (u.nT in above and below & _ANGLES) or (u.nT in below and above & {*_ANGLES, u.min}):
        raise NotUnderstoodError("nT/deg: INTERMAGNET writes one unit or the other so")
    if any(base == u.Hz and 0 < power < 1 for base, power in product.powers):
        raise NotUnderstoodError("spectra are divided by the root of a band")
    if len(above & _COUNTS) > 1:
        raise NotUnderstoodError("counts of two kinds, side by side")
    if product.powers and not {"ratio", "fraction"}.isdisjoint(product.words):
        raise NotUnderstoodError("a fraction of a unit")


def _check_spellings(product: Product, unit: u.UnitBase) -> None:
    """Reject spellings that are only understood with certain units: "str" with an area, "ma" divided by one."""
    folded = {note.lower() for note in product.notes}
    areas = any(base.is_equivalent(u.m) or base.is_equivalent(u.m**3) for base, _ in product.powers)
    if not folded.isdisjoint({"str", "st"}) and not areas:
        raise NotUnderstoodError("str is text to some")
    if not product.notes.isdisjoint(_SMALL_CURRENTS) and not unit.is_equivalent(u.A / u.m**2):
        raise NotUnderstoodError("ma is a current in capitals only")
    if not folded.isdisjoint({"gamma", "gammas"}) and not {base for base, _ in product.powers} <= {u.nT, u.Hz}:
        raise NotUnderstoodError("gamma is a kind of rays to some")
    if "c" in product.notes and not unit.is_equivalent(u.kg):
        raise NotUnderstoodError("c counts to some")


def _is_interval(product: Product) -> bool:
    """Return whether the product looks like "5 minutes", which is more likely a cadence than a unit."""
    return len(product.powers) == 1 and product.powers[0][0].is_equivalent(u.s) and product.scale.denominator == 1


def _power_of_length(unit: u.UnitBase) -> float:
    bare = unit.decompose()
    powers = dict(zip(bare.bases, bare.powers, strict=True))
    return float(powers.get(u.m, 0))


def _check_company(product: Product, unit: u.UnitBase, bases: set[u.UnitBase], lengths: float, text: str) -> None:
    below = {base for base, power in product.powers if power < 0}
    if u.G in bases and len(bases) > 1 and (text.isupper() or lengths <= -3):
        raise NotUnderstoodError("G is a gram in capitals")
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
