"""
The words and symbols that occur in unit strings.

Only these are understood. Astropy's table is not used, because it is too permissive: ``dN`` would be a decinewton,
``TT`` a teratesla, ``Gs`` a gigasecond. Each unit only has the prefixes that are used with it in heliophysics.
"""

from __future__ import annotations

from typing import Any

from astropy import units as u

__all__ = ["BEFORE", "DIVISORS", "ENERGIES", "LETTERS", "NAMES", "PER", "SYMBOLS", "THINGS"]

_PREFIXED: tuple[tuple[str, Any, str], ...] = (
    ("m", u.m, "G M k c m u mu n p"), ("s", u.s, "m u mu n p"), ("g", u.g, "k m u"), ("eV", u.eV, "T G M k"),
    ("V", u.V, "G M k m u mu n"), ("A", u.A, "M k m u mu n p f"), ("T", u.T, "m u mu n p f"),
    ("Hz", u.Hz, "T G M k m u n"), ("W", u.W, "T G M k m u mu n p"), ("Pa", u.Pa, "G M k h m u n p"),
    ("J", u.J, "G M k m u mu n p f"), ("K", u.K, "G M k m u"), ("rad", u.rad, "m u n"), ("sr", u.sr, "m u"),
    ("Sv", u.Sv, "m u mu n"), ("Gy", u.Gy, "k c m u mu n"), ("N", u.N, "k m u"), ("F", u.F, "u n p f"),
    ("C", u.C, "m u n p f"), ("Ohm", u.Ohm, "G M k m"), ("ohm", u.Ohm, "G M k m"), ("G", u.G, "k m u n"),
    ("S", u.S, "m u n"), ("R", u.R, "k"), ("bar", u.bar, "m"), ("Jy", u.Jy, "M k m u"), ("pc", u.pc, "G M k"),
    ("yr", u.yr, "G M k"), ("Bq", u.Bq, "M k"), ("bit", u.bit, "G M k"), ("mol", u.mol, "m k u"),
    ("Wb", u.Wb, "m u n"), ("dyn", u.dyn, ""), ("byte", u.byte, "G M k"),
)  # fmt: skip
"""Symbols, units, and the prefixes with which they are understood."""

_BARE = {"m", "s", "g", "eV", "V", "A", "T", "Hz", "W", "Pa", "J", "K", "rad", "sr", "Sv", "Gy", "Ohm", "ohm", "G",
         "bar", "Jy", "pc", "yr", "Bq", "bit", "mol", "Wb", "dyn", "byte"}  # fmt: skip
"""The symbols that are understood without a prefix; ``C``, ``N``, ``S``, ``R``, ``F`` have many other meanings."""


def _prefixed() -> dict[str, u.UnitBase]:
    found = {symbol: unit for symbol, unit, _ in _PREFIXED if symbol in _BARE}
    for symbol, unit, prefixes in _PREFIXED:
        for prefix in prefixes.split():
            made = _named("u" if prefix == "mu" else prefix, unit)
            if made is not None:  # pragma: no branch - astropy has all of them
                found[prefix + symbol] = made
    return found


def _named(prefix: str, unit: Any) -> u.UnitBase | None:
    """Return astropy's prefixed unit, which is printed as "km" and not as "1000 m"."""
    return getattr(u, prefix + unit.name, None)


SYMBOLS: dict[str, u.UnitBase] = _prefixed() | {
    "min": u.min, "h": u.h, "d": u.d, "deg": u.deg, "arcsec": u.arcsec, "arcmin": u.arcmin, "mas": u.mas, "AU": u.au,
    "au": u.au, "AA": u.AA, "erg": u.erg, "Mx": u.Mx, "DN": u.DN, "dN": u.DN, "dn": u.DN, "dB": u.dB, "ct": u.ct,
    "ph": u.ph, "pix": u.pix, "px": u.pix, "%": u.percent, "cc": u.cm**3, "ccm": u.cm**3, "amu": u.u, "AMU": u.u,
    "Amu": u.u, "Re": u.R_earth, "RE": u.R_earth, "R_E": u.R_earth, "R_e": u.R_earth, "Rj": u.R_jup, "RJ": u.R_jup,
    "R_J": u.R_jup, "R_j": u.R_jup, "deg_C": u.deg_C, "degC": u.deg_C, "mag": u.mag, "Torr": u.Torr, "torr": u.Torr,
    "ADU": u.adu, "adu": u.adu, "uHz": u.uHz, "permille": u.Unit(1e-3),
    "bps": u.bit / u.s, "kbps": u.kbit / u.s, "Mbps": u.Mbit / u.s,
    "kB": u.kbyte, "MB": u.Mbyte, "GB": u.Gbyte,
    # Their case differs from astropy's, and they are unambiguous in these archives.
    "Ray": u.R, "mdeg": u.mdeg, "udeg": u.udeg, "urads": u.urad,
    "Kev": u.keV, "KeV": u.keV, "KEV": u.keV, "kev": u.keV, "kEV": u.keV, "keV": u.keV, "Mev": u.MeV, "MEV": u.MeV,
    "mev": u.MeV, "ev": u.eV, "EV": u.eV, "Ev": u.eV, "GEV": u.GeV, "Gev": u.GeV, "gev": u.GeV, "Km": u.km,
    "KM": u.km, "CM": u.cm, "Kg": u.kg, "KG": u.kg, "nt": u.nT, "NT": u.nT, "Nt": u.nT, "hz": u.Hz,
    "HZ": u.Hz, "KHz": u.kHz, "Khz": u.kHz, "KHZ": u.kHz, "khz": u.kHz, "MHZ": u.MHz, "Mhz": u.MHz, "GHZ": u.GHz,
    "Ghz": u.GHz, "ghz": u.GHz, "KV": u.kV, "Kv": u.kV, "kv": u.kV, "Sr": u.sr, "SR": u.sr, "CC": u.cm**3,
    "nPA": u.nPa, "npa": u.nPa, "NPA": u.nPa, "KR": u.kR,
}  # fmt: skip
"""Symbols, in exact case."""

_SPELT: tuple[tuple[str, Any], ...] = (
    ("second", u.s), ("gram", u.g), ("electronvolt", u.eV), ("volt", u.V), ("ampere", u.A),
    ("amp", u.A), ("tesla", u.T), ("hertz", u.Hz), ("watt", u.W), ("pascal", u.Pa), ("joule", u.J), ("kelvin", u.K),
    ("radian", u.rad), ("sievert", u.Sv), ("newton", u.N), ("coulomb", u.C), ("ohm", u.Ohm), ("gauss", u.G),
    ("rayleigh", u.R), ("farad", u.F), ("henry", u.H), ("siemens", u.S), ("bar", u.bar), ("bit", u.bit),
    ("parsec", u.pc), ("steradian", u.sr), ("sec", u.s), ("byte", u.byte), ("metre", u.m), ("meter", u.m),
)  # fmt: skip
_SPELT_PREFIXES = {
    "": "", "giga": "G", "mega": "M", "kilo": "k", "hecto": "h", "centi": "c", "milli": "m", "micro": "u", "nano": "n",
    "pico": "p", "femto": "f",
}  # fmt: skip


def _spelt() -> dict[str, u.UnitBase]:
    found: dict[str, u.UnitBase] = {}
    for name, unit in _SPELT:
        for prefix, letter in _SPELT_PREFIXES.items():
            made = _named(letter, unit) if letter else unit
            if made is not None:
                found[prefix + name] = found[prefix + name + "s"] = made
    return found


NAMES: dict[str, u.UnitBase] = _spelt() | {
    "secs": u.s, "msec": u.ms, "msecs": u.ms, "usec": u.us, "usecs": u.us, "nsec": u.ns, "musec": u.us,
    "minute": u.min, "minutes": u.min, "mins": u.min, "hour": u.h, "hours": u.h, "hr": u.h, "hrs": u.h, "day": u.d,
    "days": u.d, "week": u.wk, "weeks": u.wk, "year": u.yr, "years": u.yr, "yrs": u.yr, "yr": u.yr, "deg": u.deg,
    "degs": u.deg, "degree": u.deg, "degrees": u.deg, "rad": u.rad, "ster": u.sr, "sterad": u.sr, "sters": u.sr,
    "arcsec": u.arcsec, "arcsecs": u.arcsec, "arcsecond": u.arcsec, "arcseconds": u.arcsec, "asec": u.arcsec,
    "arcmin": u.arcmin, "arcmins": u.arcmin, "arcminute": u.arcmin, "arcminutes": u.arcmin, "percent": u.percent,
    "percentage": u.percent, "counts": u.ct, "count": u.ct, "cnts": u.ct, "cnt": u.ct, "cts": u.ct,
    "photon": u.ph, "photons": u.ph, "phot": u.ph, "pixel": u.pix, "pixels": u.pix, "pix": u.pix, "angstrom": u.AA,
    "angstroms": u.AA, "micron": u.um, "microns": u.um, "celsius": u.deg_C, "celcius": u.deg_C, "centigrade": u.deg_C,
    "ergs": u.erg, "erg": u.erg, "maxwell": u.Mx, "maxwells": u.Mx, "decibel": u.dB, "decibels": u.dB, "au": u.au,
    "r_sun": u.R_sun, "rsun": u.R_sun, "solrad": u.R_sun, "rsuns": u.R_sun, "r_earth": u.R_earth, "r_jup": u.R_jup,
    "rearth": u.R_earth, "earthrad": u.R_earth, "r_saturn": u.Unit(60268 * u.km), "r_jupiter": u.R_jup,
    "jupiterrad": u.R_jup, "emx": u.Mx,  # used by the event registry, from "electromagnetic unit"
    "rpm": u.cycle / u.min, "rev": u.cycle,
    "revolution": u.cycle, "revolutions": u.cycle, "cps": u.ct / u.s, "dyne": u.dyn, "dynes": u.dyn,
    "tecu": u.Unit(1e16 / u.m**2), "sfu": u.Unit(1e-22 * u.W / u.m**2 / u.Hz), "byte": u.byte, "bytes": u.byte,
    "pfu": (u.cm**2 * u.s * u.sr) ** -1, "km": u.km, "cm": u.cm, "mol": u.mol, "mole": u.mol, "moles": u.mol,
    "rad_dose": u.Unit(0.01 * u.Gy), "krad_dose": u.Unit(10 * u.Gy), "mrad_dose": u.Unit(1e-5 * u.Gy),
    "ppm": u.Unit(1e-6), "degrees_c": u.deg_C,
}  # fmt: skip
"""Words, in any case. TECU and sfu are units by definition: 1e16 per square metre, 1e-22 W/m^2/Hz."""

ENERGIES = frozenset({"eV", "keV", "MeV", "GeV", "TeV", "ev", "kev", "mev", "gev", "KeV", "Kev", "KEV", "kEV", "Mev",
                      "MEV", "EV", "energy", "electronvolt"})  # fmt: skip
"""After these and a slash, ``n``, ``q`` and ``e`` mean per nucleon and per charge."""

PER = {"nuc": "nucleon", "nucl": "nucleon", "nucleon": "nucleon", "nucleons": "nucleon", "q": "charge", "e": "charge",
       "charge": "charge", "n": "nucleon"}  # fmt: skip
"""Divisors of an energy that are not units."""

_DIVISORS = "sector integration exposure readout interval cycle anode accumulation row column line acquisition average"
DIVISORS = {word: word for word in _DIVISORS.split()} | {
    "accum": "accumulation", "acc": "accumulation", "avg": "average",
}  # fmt: skip
"""Divisors of counts that are not units."""

BEFORE = frozenset({"raw", "total", "summed", "accumulated"})
"""Words before a counted thing that do not change the unit."""

LETTERS = {"n": "", "N": "", "no": "", "No": "", "p": "protons", "P": "protons", "e": "electrons", "nr": "",
           "a": "alphas"}  # fmt: skip
"""Counted things, for letters that are the complete numerator of a density or a flux."""

_THINGS = (
    "particle electron proton ion neutron ENA event molecule atom hit tick reset sat satellite spin sample "
    "accumulation pulse trigger coincidence packet point bin image frame measurement digit step pair "
    "muon neutral positron orbit record element detection burst call command error reboot overflow attempt channel "
    "occurrence reading spacecraft station scan sweep"
)
THINGS: dict[str, str] = {
    spelling: thing
    for thing in _THINGS.split()
    for spelling in {thing.lower(), f"{thing.lower()}s"}
} | {
    "livetime_fraction": "livetime fraction", "#": "", "num": "", "number": "", "numbers": "", "unitless": "",
    "dimensionless": "", "adimensional": "", "ratio": "ratio", "fraction": "fraction", "fractional": "fraction",
    "part": "particle", "alphas": "alpha", "el": "electron", "elec": "electron",
}  # fmt: skip
"""Counted things and pure numbers: the unit is 1, and the singular of the word is kept."""
