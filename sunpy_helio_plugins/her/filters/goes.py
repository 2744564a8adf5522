"""Convert GOES classes to fluxes, since the registry compares them as text, in which X10 is less than X2."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

__all__ = ["class_holds", "class_of", "fluxes", "is_class", "opposite", "peak_flux", "superset"]

_DECADES = "ABCMX"

_CLASS = re.compile(r"([ABCMX])\s*(\d+(?:\.\d*)?)?", re.IGNORECASE)

_BASE = {"A": 1e-8, "B": 1e-7, "C": 1e-6, "M": 1e-5, "X": 1e-4}
"""W/m2 in the 1 to 8 Angstrom band (NOAA SWPC), as in sunkit_instruments.goes_xrs.flareclass_to_flux."""


def is_class(text: Any) -> bool:
    """Return whether a text is a GOES class, ``"M1.2"``, or only its letter."""
    return isinstance(text, str) and _CLASS.fullmatch(text.strip()) is not None


def peak_flux(text: str | None) -> float | None:
    """Convert a GOES class (``"X1.6"``, or ``"X"`` for its lower end) to W/m2; `None` if the text is not a class."""
    found = _CLASS.fullmatch(text.strip()) if isinstance(text, str) else None
    return None if found is None else float(f"{_BASE[found[1].upper()] * float(found[2] or 1):.6g}")


def class_of(flux: float) -> str:
    """Return the GOES class of a flux in W/m2, with six digits; raise ValueError for one that is not positive."""
    if not 0 < flux < inf:
        raise ValueError(flux)
    letter = next((each for each in reversed(_DECADES) if flux >= _BASE[each]), "A")
    return letter + np.format_float_positional(flux / _BASE[letter], precision=6, fractional=False, trim="-")


def fluxes(classes: Sequence[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Convert GOES classes to fluxes in W/m2, with 0 for missing ones, and return the mask of missing ones."""
    read = [peak_flux(text) if text else None for text in classes]
    values = np.array([np.nan if value is None else value for value in read], dtype=float)
    missing = np.isnan(values)
    values[missing] = 0.0
    return values, missing


UNIT = u.W / u.m**2

LETTERS = "ABCMX"

ANY = "%"
"""The pattern that matches every class."""

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip

_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "like": "not like", "not like": "like"}


def class_holds(sign: str, own: float, asked: str) -> bool:
    """Compare the flux of an event, in W/m2, with a GOES class or a bare letter."""
    letter = _bare(asked)
    if not letter:
        return _COMPARE[sign](own, peak_flux(asked) or 0.0)
    lowest, end = _span(letter)
    inside = lowest <= own < end
    verdicts = {"=": inside, "!=": not inside, "<": own < lowest, "<=": own < end}
    return verdicts.get(sign, own >= lowest)


def opposite(sign: str, asked: str) -> tuple[str, str]:
    """Return the comparison that is true exactly for the classes for which the given one is false."""
    letter = _bare(asked)
    if letter and sign in (">", ">="):
        return "<", asked
    if letter and sign == "<=":
        # X is the highest class.
        return (">=", _next(letter)) if _next(letter) else ("not like", ANY)
    return _OPPOSITE[sign], asked


def superset(sign: str, asked: str) -> tuple[str, str] | None:
    """Return a comparison of text (operator, value) that includes all matches of one of fluxes; `None` if none can."""
    letter = _bare(asked)
    if sign == "!=":
        return None
    if not letter:
        return _numbered(sign, peak_flux(asked) or 0.0, asked.strip().upper())
    if sign == "=":
        return "like", f"{letter}%"
    if sign == "<=":
        return ("<", _next(letter)) if _next(letter) else None
    return sign, letter


def _numbered(sign: str, flux: float, asked: str) -> tuple[str, str] | None:
    letter = next((each for each in reversed(LETTERS) if flux >= _span(each)[0]), "A")
    if sign == "=":
        return ("like", f"{letter}%") if letter == asked[0] else None
    if sign in (">", ">="):
        # "X10" precedes "X2": for X only the letter is sent.
        digit = "" if letter in "AX" else str(int(flux / _span(letter)[0]))
        return ">=", letter + digit
    return ("<", _next(letter)) if _next(letter) else None


def _bare(asked: str) -> str:
    """Return the letter of a class without a number, in upper case; empty for other classes."""
    text = asked.strip().upper()
    return text if len(text) == 1 and text in LETTERS else ""


def _next(letter: str) -> str:
    return LETTERS[LETTERS.index(letter) + 1 :][:1]


def _span(letter: str) -> tuple[float, float]:
    """Return the lower and upper flux of a class in W/m2: A has the lower limit 0, X is not limited."""
    following = _next(letter)
    lowest = 0.0 if letter == "A" else peak_flux(letter) or 0.0
    return lowest, (peak_flux(following) or inf) if following else inf
