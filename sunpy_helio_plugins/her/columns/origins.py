"""
The origin of positions: the system in which they were submitted, and the scale of the registry's radii.

Edges of an outline are straight in the system of submission. Radii of ``hrc`` are in units of the Sun's apparent radius
that the registry used for that event: 959.64 arcsec at 1 au in records of 2017 and 2018, 958.97 arcsec in those of 2023
and 2024. It can be computed for each record, as ``hpc_radius`` / ``hrc_r``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CODES", "KEYWORDS", "chosen", "code", "nothing", "numbers", "origins", "unknown"]

Floats = NDArray[np.float64]

CODES = ("hpc", "hgs", "hgc", "hrc")
"""The systems, indexed by their numbers in an array of origins."""

KEYWORDS = ("event_coordsys", "hpc_radius", "hrc_r")
"""The keywords that determine the origins."""

_NAMES = {"HPC": "hpc", "HPR": "hpc", "HGS": "hgs", "HGC": "hgc", "HRC": "hrc", "HCR": "hrc"}
"""Parts of ``event_coordsys``, such as "UTC-HPC-TOPO"; HPR and HCR are the spellings of the registry's own list."""

_LEAST, _MOST = 900.0, 1020.0
"""The range of the apparent radius of the Sun in arcsec, with a margin."""


def code(coordsys: Any) -> float:
    """Return the number of the system in a text of ``event_coordsys``; NaN if there is none."""
    found = re.search("|".join(_NAMES), str(coordsys or "").upper())
    return float(CODES.index(_NAMES[found[0]])) if found else np.nan


def nothing(rows: int) -> Floats:
    """Return unknown origins."""
    return np.full((rows, 2), np.nan)


def unknown(rows: int) -> Floats:
    """Return unknown numbers without any memory, which cannot be changed."""
    return np.broadcast_to(np.nan, (rows, 2))


def chosen(numbers: Floats, rows: Any) -> Floats:
    """Return some rows of numbers; unknown ones stay without memory."""
    return numbers[rows] if any(numbers.strides) else unknown(len(rows))


def origins(systems: Sequence[Any], apart: Sequence[Any] | Floats, radii: Sequence[Any] | Floats) -> Floats:
    """Return the system numbers and the arcsec in a radius of ``hrc``, shape (n, 2), from the values of `KEYWORDS`."""
    texts = systems if set(map(type, systems)) == {str} else [str(text or "") for text in systems]
    known = {text: code(text) for text in set(texts)}
    made = nothing(len(systems))
    made[:, 0] = list(map(known.__getitem__, texts))
    with np.errstate(all="ignore"):
        scale = _floats(apart) / _floats(radii)
    good = (scale > _LEAST) & (scale < _MOST)
    made[good, 1] = scale[good]
    return made


def numbers(*columns: Sequence[Any] | Floats) -> list[Floats]:
    """Return the values of columns as numbers; NaN if one is missing or cannot be read."""
    return [_floats(values) for values in columns]


def _floats(values: Sequence[Any] | Floats) -> Floats:
    if isinstance(values, np.ndarray):
        return values
    kinds = set(map(type, values))
    if kinds == {type(None)}:
        return np.full(len(values), np.nan)
    try:
        if kinds <= _NUMBERS:
            return np.array(values, dtype=float)
        return np.array([np.nan if value is None or value == "" else value for value in values], dtype=float)
    except (ValueError, TypeError, OverflowError):
        return np.array([_number(value) for value in values])


_NUMBERS = frozenset({int, float, type(None)})


def _number(value: Any) -> float:
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError):
        return np.nan
