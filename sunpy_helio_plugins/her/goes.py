"""GOES classes as fluxes: the registry compares their text, by which X10 is less than X2."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

__all__ = ["fluxes", "is_class", "peak_flux"]

LETTERS = "ABCMX"
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
