"""
The origin of each event's places: the system in which it was submitted, and the scale of the registry's radii.

Edges of an outline are straight in the system of submission. Radii of ``hrc`` are in the Sun's apparent radius as the
registry had it for that event: 959.64 arcsec at 1 au in records of 2017 and 2018, 958.97 arcsec in those of 2023 and
2024. Each record tells its own, as ``hpc_radius`` / ``hrc_r``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CODES", "KEYWORDS", "code", "nothing", "numbers", "origins", "submitted"]

Floats = NDArray[np.float64]

CODES = ("hpc", "hgs", "hgc", "hrc")
"""The systems, by their numbers in an array of origins."""

KEYWORDS = ("event_coordsys", "hpc_radius", "hrc_r")
"""What the origins are read from."""

_NAMES = {"HPC": "hpc", "HPR": "hpc", "HGS": "hgs", "HGC": "hgc", "HRC": "hrc", "HCR": "hrc"}
"""Parts of ``event_coordsys``, such as "UTC-HPC-TOPO"; HPR and HCR are the spellings of the registry's own list."""

_LEAST, _MOST = 900.0, 1020.0
"""Arcsec between which the apparent radius of the Sun lies, with a margin."""


def code(coordsys: Any) -> float:
    """Return the number of the system that a text of ``event_coordsys`` names; NaN where it names none."""
    found = re.search("|".join(_NAMES), str(coordsys or "").upper())
    return float(CODES.index(_NAMES[found[0]])) if found else np.nan


def nothing(rows: int) -> Floats:
    """Return origins of which nothing is known."""
    return np.full((rows, 2), np.nan)


def origins(values: Callable[[str], Sequence[Any]]) -> Floats:
    """
    Return the origins of some events.

    Parameters
    ----------
    values : callable
        Takes a keyword, and returns its values in all records, `None` where one is missing.

    Returns
    -------
    numpy.ndarray
        Shape (n, 2): the number of the system of submission, and the arcsec in a radius of ``hrc``; NaN where unknown.
    """
    systems, apart, radii = (values(name) for name in KEYWORDS)
    known = {text: code(text) for text in {str(text or "") for text in systems}}
    made = nothing(len(systems))
    made[:, 0] = [known[str(text or "")] for text in systems]
    with np.errstate(all="ignore"):
        scale = _floats(apart) / _floats(radii)
    good = (scale > _LEAST) & (scale < _MOST)
    made[good, 1] = scale[good]
    return made


def numbers(*columns: Sequence[Any]) -> list[Floats]:
    """Return the values of columns as numbers; NaN where one is missing or cannot be read."""
    return [_floats(values) for values in columns]


def _floats(values: Sequence[Any]) -> Floats:
    try:
        return np.array([np.nan if value is None or value == "" else value for value in values], dtype=float)
    except (ValueError, TypeError, OverflowError):
        return np.array([_number(value) for value in values])


def _number(value: Any) -> float:
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        return np.nan


def submitted(origin: Floats) -> str:
    """Return the system of submission of one event; empty where it is unknown."""
    return "" if np.isnan(origin[0]) else CODES[int(origin[0])]
