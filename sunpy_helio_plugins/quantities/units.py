"""
Unit strings of heliophysics as astropy units: understood for certain, or kept as text.

Half of the unit strings that real servers send are no units to astropy, and some are units of something else: ``C`` is
degrees Celsius and not the coulomb, ``N/A`` is no newton per ampere. A string is a unit here only where its meaning is
certain; everything else stays text in ``column.info.meta["unit_string"]``.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Column, MaskedColumn
from astropy.utils.masked import Masked
from numpy.typing import NDArray

__all__ = ["column", "parse"]

_NOTHING = frozenset({"", "none", "null", "n/a", "na", "undefined", "unknown", "-", "--"})
"""Strings that say that no unit is known."""

_PLAIN_NUMBER = frozenset({"dimensionless", "unitless", "#", "1", "ratio", "index", "fraction"})
"""Strings that say that the value is a pure number."""

_BY_CASE: dict[str, u.UnitBase | None] = {
    "s": u.s, "S": None, "C": None, "c": None, "G": u.G, "g": u.g, "A": u.A, "a": None, "N": None, "n": None,
    "dN": None, "dn": None, "DN": u.DN, "dB": None, "db": None,
}  # fmt: skip
"""Strings whose meaning hangs on their case, or on what they are the unit of: `None` is left as text."""

_AMBIGUOUS = frozenset({"nt / minutes", "nt/minutes", "min/max", "state"})
"""Lower-case strings that astropy reads, and that mean something else: INTERMAGNET's is nT or minutes of arc."""

_WHOLE: dict[str, u.UnitBase] = {
    "#/cc": u.cm**-3, "1/cc": u.cm**-3, "n/cc": u.cm**-3, "cc-1": u.cm**-3, "per cc": u.cm**-3, "r_e": u.R_earth,
    "re": u.R_earth, "r_sun": u.R_sun, "rsun": u.R_sun, "r_earth": u.R_earth, "deg.": u.deg, "[fraction]": u.one,
}  # fmt: skip
"""Lower-case strings that are a unit as a whole."""

_WORDS = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "milliseconds": "ms", "msec": "ms", "microseconds": "us",
    "nanoseconds": "ns", "minute": "min", "minutes": "min", "mins": "min", "hour": "h", "hours": "h", "hr": "h",
    "hrs": "h", "days": "day", "degree": "deg", "degrees": "deg", "degs": "deg", "radians": "rad", "ster": "sr",
    "steradian": "sr", "steradians": "sr", "arcseconds": "arcsec", "arcsecs": "arcsec", "percent": "%",
    "counts": "ct", "count": "ct", "cnts": "ct", "kelvin": "K", "kev": "keV", "mev": "MeV", "ev": "eV", "gev": "GeV",
    "angstroms": "AA", "volts": "V", "amps": "A", "watts": "W", "kilometers": "km", "meters": "m", "kg": "kg",
}  # fmt: skip
"""Words in lower case, and how astropy spells them."""


def parse(text: str | None) -> u.UnitBase | None:
    """
    Return the unit that a string means.

    Parameters
    ----------
    text : str or None
        A unit as an archive spells it.

    Returns
    -------
    astropy.units.UnitBase or None
        The unit; ``dimensionless_unscaled`` for a pure number; `None` where no unit is given or the string is not
        understood for certain.

    Examples
    --------
    >>> parse("km/s")
    Unit("km / s")
    >>> parse("$H:$M") is None
    True
    """
    return None if text is None else _parse(text.strip())


@lru_cache(maxsize=4096)
def _parse(text: str) -> u.UnitBase | None:
    folded = text.lower()
    if folded in _NOTHING or folded in _AMBIGUOUS:
        return None
    if folded in _PLAIN_NUMBER:
        return u.dimensionless_unscaled
    if text in _BY_CASE:
        return _BY_CASE[text]
    return _WHOLE[folded] if folded in _WHOLE else _standard(_respelt(text))


def _respelt(text: str) -> str:
    """Rewrite what differs from astropy's spelling by notation alone."""
    text = re.sub(r"!E([-+]?\d+)!N", r"^\1", text)  # superscripts in IDL's markup
    text = re.sub(r"^#\s*(?=/)", "1", text)
    text = re.sub(r"[A-Za-z]+", lambda word: _WORDS.get(word[0].lower(), word[0]), text)
    return text.replace("**", "^")


def _standard(text: str) -> u.UnitBase | None:
    with warnings.catch_warnings():
        # "erg/cm^2/s" is frowned upon by the FITS standard, and clear all the same.
        warnings.simplefilter("ignore", u.UnitsWarning)
        try:
            unit = u.Unit(text, parse_strict="raise")
        except (ValueError, TypeError):
            return None
    # Where a number is part of the string, as in "10^20 Mx", astropy may have lost the rest of it.
    scaled = isinstance(unit, u.CompositeUnit) and unit.scale != 1.0
    return unit if isinstance(unit, u.UnitBase) and not scaled else None


def column(
    values: NDArray[Any],
    unit_text: str | None,
    *,
    name: str,
    description: str | None = None,
    mask: NDArray[np.bool_] | None = None,
) -> Any:
    """
    Return an array as a table column with its unit.

    Parameters
    ----------
    values : numpy.ndarray
        The values; the first axis is the row.
    unit_text : str or None
        The unit as the archive spells it; it is kept in ``info.meta["unit_string"]``.
    name : str
        The column's name.
    description : str, optional
        What the column holds.
    mask : numpy.ndarray of bool, optional
        Which elements are missing.

    Returns
    -------
    astropy.units.Quantity, astropy.utils.masked.Masked, astropy.table.Column or astropy.table.MaskedColumn
        A quantity where the unit is understood and the values are numbers; else a plain column. Masked where ``mask``
        is given.
    """
    unit = parse(unit_text)
    if unit is not None and unit != u.dimensionless_unscaled and values.dtype.kind in "fiu":
        numbers = values if values.dtype.kind == "f" else values.astype(float)
        made: Any = u.Quantity(numbers, unit, copy=False)
        made = made if mask is None else Masked(made, mask=mask)
    elif mask is None:
        made = Column(values, name=name, copy=False)
    else:
        made = MaskedColumn(values, mask=mask, name=name, copy=False)
    made.info.name = name
    if description:
        made.info.description = description
    if unit_text is not None:
        made.info.meta = {"unit_string": unit_text}
    return made
