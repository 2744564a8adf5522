"""
How GOES classes compare: by flux; a bare letter means its whole class, and ``> "X"`` means X and above.

The registry compares their text, by which X10 is less than X2; for a bare letter that is its own page's example ("To
find Flares with GOES class X and above").
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from math import inf

from sunpy_helio_plugins.her.goes import peak_flux

__all__ = ["holds", "opposite", "superset"]

LETTERS = "ABCMX"
ANY = "%"
"""The pattern that every class is like."""

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_OPPOSITE = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "like": "not like", "not like": "like"}


def holds(sign: str, own: float, asked: str) -> bool:
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
