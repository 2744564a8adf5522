"""GOES classes as fluxes: the registry compares their text, by which X10 is less than X2."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

__all__ = ["class_holds", "fluxes", "is_class", "opposite", "peak_flux", "superset"]

_DECADES = "ABCMX"

_CLASS = re.compile(r"([ABCMX])\s*(\d+(?:\.\d*)?)?", re.IGNORECASE)

_BASE = {"A": 1e-8, "B": 1e-7, "C": 1e-6, "M": 1e-5, "X": 1e-4}
"""W/m2 in the 1 to 8 Angstrom band (NOAA SWPC), as sunkit_instruments.goes_xrs.flareclass_to_flux has them."""


def is_class(text: Any) -> bool:
    """Tell whether a text is a GOES class, ``"M1.2"``, or only its letter."""
    return isinstance(text, str) and _CLASS.fullmatch(text.strip()) is not None


def peak_flux(text: str | None) -> float | None:
    """
    Return the flux of a GOES class.

    Parameters
    ----------
    text : str or None
        Such as ``"X1.6"``; a bare letter means the class's lower end.

    Returns
    -------
    float or None
        Watt per square metre; `None` where the text is no class.
    """
    found = _CLASS.fullmatch(text.strip()) if isinstance(text, str) else None
    return None if found is None else float(f"{_BASE[found[1].upper()] * float(found[2] or 1):.6g}")


def fluxes(classes: Sequence[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """
    Return the fluxes of GOES classes.

    Parameters
    ----------
    classes : sequence of str or None
        The classes.

    Returns
    -------
    values : numpy.ndarray
        Watt per square metre; 0 where there is no class.
    missing : numpy.ndarray of bool
        Where there is none.
    """
    read = [peak_flux(text) if text else None for text in classes]
    values = np.array([np.nan if value is None else value for value in read], dtype=float)
    missing = np.isnan(values)
    values[missing] = 0.0
    return values, missing


UNIT = u.W / u.m**2

LETTERS = "ABCMX"

ANY = "%"
"""The pattern that every class is like."""

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip

_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "like": "not like", "not like": "like"}


def class_holds(sign: str, own: float, asked: str) -> bool:
    """
    Tell whether a flux compares as asked.

    Parameters
    ----------
    sign : str
        The comparison, one of ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``.
    own : float
        The event's flux, in W/m2.
    asked : str
        A GOES class, or a bare letter.
    """
    letter = _bare(asked)
    if not letter:
        return _COMPARE[sign](own, peak_flux(asked) or 0.0)
    lowest, end = _span(letter)
    inside = lowest <= own < end
    verdicts = {"=": inside, "!=": not inside, "<": own < lowest, "<=": own < end}
    return verdicts.get(sign, own >= lowest)


def opposite(sign: str, asked: str) -> tuple[str, str]:
    """
    Return the comparison that holds for just those classes for which one does not.

    Parameters
    ----------
    sign, asked : str
        The comparison and the class.
    """
    letter = _bare(asked)
    if letter and sign in (">", ">="):
        return "<", asked
    if letter and sign == "<=":
        # No class lies beyond X.
        return (">=", _next(letter)) if _next(letter) else ("not like", ANY)
    return _OPPOSITE[sign], asked


def superset(sign: str, asked: str) -> tuple[str, str] | None:
    """
    Return a comparison of text that misses no class which a comparison of fluxes holds for.

    Parameters
    ----------
    sign, asked : str
        The comparison of fluxes.

    Returns
    -------
    tuple of str or None
        Operator and value for the registry; `None` where no text can say it.
    """
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
        # "X10" precedes "X2": of X the letter alone is asked for.
        digit = "" if letter in "AX" else str(int(flux / _span(letter)[0]))
        return ">=", letter + digit
    return ("<", _next(letter)) if _next(letter) else None


def _bare(asked: str) -> str:
    """Return the letter of a class without a number, in capitals; empty for other classes."""
    text = asked.strip().upper()
    return text if len(text) == 1 and text in LETTERS else ""


def _next(letter: str) -> str:
    return LETTERS[LETTERS.index(letter) + 1 :][:1]


def _span(letter: str) -> tuple[float, float]:
    """Return where a class begins and ends, in W/m2: A has no lower end, X no upper one."""
    following = _next(letter)
    lowest = 0.0 if letter == "A" else peak_flux(letter) or 0.0
    return lowest, (peak_flux(following) or inf) if following else inf
