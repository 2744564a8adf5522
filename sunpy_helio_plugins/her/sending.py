"""Which comparisons the registry can be trusted with, and in what form: never fewer events than are meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sunpy_helio_plugins.her import classes, noaa
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.queries import Triplet

__all__ = ["sendable"]

NAMES = ("frm_name", "search_frm_name")
SINGLE = 1e-6
"""Relative half-width of a number that the registry keeps in single precision."""


def sendable(tests: tuple[Triplet, ...], start: str, end: str) -> list[tuple[Triplet, ...]]:
    """
    Return the comparisons to send.

    Parameters
    ----------
    tests : tuple of Triplet
        What must hold.
    start, end : str
        The period, ISO 8601.

    Returns
    -------
    list of tuple of Triplet
        Each tuple is one request; what all of them bring holds every event for which ``tests`` hold.
    """
    return [
        tuple(dict.fromkeys(sent for test in variant for sent in _sent(test)))
        for variant in noaa.variants(tests, start, end)
    ]


def _sent(test: Triplet) -> list[Triplet]:
    if test.unit or test.operator == "not like":
        return []
    if test.name == "fl_goescls" and test.operator != "like":
        found = classes.superset(test.operator, test.value)
        return [] if found is None else [replace(test, operator=found[0], value=found[1])]
    if test.name in NAMES and "(" in test.value and test.operator in ("=", "!="):
        return _parenthesis(test)
    return _number(test) if keywords()[test.name].kind == "float" else [test]


def _parenthesis(test: Triplet) -> list[Triplet]:
    """Return what of a name can be asked for: ``CACTus (...)`` brings nothing (JHelioviewer's check of the server)."""
    start = test.value.partition("(")[0].strip()
    if test.name != "frm_name" or test.operator != "=" or not start or "%" in start:
        return []
    return [replace(test, operator="like", value=f"{start}%")]


def _number(test: Triplet) -> list[Triplet]:
    """Return a comparison of numbers that single precision cannot upset: 0.51 is kept as 0.509999990463257."""
    value = float(test.value)
    if test.operator in ("<", ">") or _is_single(value):
        return [test]
    below, above = (repr(value * (1 + sign * SINGLE)) for sign in ((-1, 1) if value > 0 else (1, -1)))
    if test.operator == "!=":
        return []
    bounds = {">=": (below,), "<=": (above,), "=": (below, above)}[test.operator]
    signs = {">=": (">=",), "<=": ("<=",), "=": (">=", "<=")}[test.operator]
    return [replace(test, operator=sign, value=bound) for sign, bound in zip(signs, bounds, strict=True)]


def _is_single(value: float) -> bool:
    with np.errstate(over="ignore"):
        return float(np.float32(value)) == value
