"""
Descriptions that contradict the unit string: they give another unit, logarithms, or packed times.

Archives contain contradictions: radians that are described as degrees, and volts whose description gives counts. Only
words that are unambiguous in lower case are evaluated, since descriptions are in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from astropy import units as u

from sunpy_helio_plugins.quantities.units.vocabulary import NAMES

__all__ = ["contradicts", "other_notation"]

_UNITS_ARE = re.compile(r"\b(?:in (?:the )?units? of|units?(?: are|:)) (?P<text>[^.;,()]{2,60})(?P<end>.?)")
_WORD = r"(?!in\b)[^\s.;,()\[\]]+"
_IN = re.compile(rf"\bin (?P<text>{_WORD}(?: {_WORD}){{0,3}})(?=[.;,](?:\s|$)|\s*$)")
_OTHERS = re.compile(r"(?:and|or|&|per|/|\*\*|\^)(?:\s|$)")
_SAFE = {"km", "cm", "ev", "kev", "nt", "hz", "khz", "deg", "sec", "per", "decimal"}
_FORMAT = re.compile(r"\bformat(?:ted)?(?: as| in| is|:)? ?[\"'(]?(?P<digits>[ydhmsf.:]{4,20})(?![a-z])")
_PACKED = re.compile(r"(?:([ydhmsf])\1+[.:]?){2,}")
_LOGARITHM = re.compile(
    r"[^a-z0-9]*(?:the )?(?:(?:base[- ](?:10|ten)|natural|common|decimal|decadic) )?(?:log(?:arithm)?|ln|alog10)"
    r"[ _]?(?:10|e)?(?: ?\((?:base|to)[^)]*\))?(?: ?\(| of\b| to (?:the )?base\b"
    r"|[ -](?!scal|spac|plot|file|axis|axes|book|entr)[a-z])"
)
_LOGARITHM_NAME = re.compile(r"a?log(?:_?10)?[_ ]")
_DECIBELS = re.compile(r"\bin (?:db|decibels?)\b")
_COUNTED = {u.ct, u.ph, u.pix}


class _Statement(NamedTuple):
    unit: u.UnitBase
    exact: bool
    whole: bool


def contradicts(described: str, unit: u.UnitBase, means: Callable[[str], u.UnitBase | None]) -> bool:
    """Return whether a description, in lower case, states units and all of them disagree with the unit string."""
    if unit != u.dB and _DECIBELS.search(described):
        return True
    stated = list(_statements(described, means))
    return not any(_same(each.unit, unit) for each in stated) and any(_opposes(each, unit) for each in stated)


def other_notation(name: str, described: str, unit: u.UnitBase) -> str:
    """Return "a logarithm" or "a format" if a name and a description, in lower case, state one; else an empty text."""
    # "Log10 of the electron density", or the name "log_density".
    if _LOGARITHM.match(described) or _LOGARITHM_NAME.match(name):
        return "a logarithm"
    return "a format" if _is_packed(described, unit) else ""


def _is_packed(described: str, unit: u.UnitBase) -> bool:
    """Return whether numbers in a unit of time are described as digits of a format: "formatted as hhmm.ss"."""
    found = _FORMAT.search(described) if unit.is_equivalent(u.s) else None
    return found is not None and len(set(found["digits"]) - {".", ":"}) > 1 and bool(_PACKED.match(found["digits"]))


def _statements(described: str, means: Callable[[str], u.UnitBase | None]) -> Iterator[_Statement]:
    for pattern, whole in ((_UNITS_ARE, True), (_IN, False)):
        for found in pattern.finditer(described):
            words = found["text"].split()
            count, unit = _longest(words, means)
            ended = not whole or found["end"] in ("", ".", ";", ")")
            complete = count == len(words) and ended
            others = count < len(words) and _OTHERS.match(words[count])
            if unit is not None and (complete or (whole and count < len(words) and not others)):
                yield _Statement(unit, complete, whole)


def _longest(words: list[str], means: Callable[[str], u.UnitBase | None]) -> tuple[int, u.UnitBase | None]:
    """Return the number of the first words that form a unit, and the unit."""
    for count in range(len(words), 0, -1):
        text = " ".join(words[:count])
        unit = means(text) if _is_safe(text) else None
        if unit is not None and unit.bases:
            return count, unit
    return 0, None


def _is_safe(text: str) -> bool:
    names = re.findall("[a-z_]+", text)
    return bool(names) and all(name in _SAFE or (len(name) > 3 and name in NAMES) for name in names)


def _opposes(stated: _Statement, unit: u.UnitBase) -> bool:
    """Return whether a statement contradicts a unit: by another scale, or, for the values, by another kind."""
    if stated.exact and (stated.whole or stated.unit.is_equivalent(unit)):
        return True
    return not stated.exact and not any(base.is_equivalent(own) for base in stated.unit.bases for own in unit.bases)


def _same(stated: u.UnitBase, unit: u.UnitBase) -> bool:
    """Return whether two units are equal except for counted things: counts per second and 1/s."""
    first, second = _bare(stated), _bare(unit)
    return first == second or (first.is_equivalent(second) and abs(first.to(second) - 1) < 1e-9)


def _bare(unit: u.UnitBase) -> u.UnitBase:
    kept = [(base, power) for base, power in zip(unit.bases, unit.powers, strict=True) if base not in _COUNTED]
    return u.CompositeUnit(unit.scale, [base for base, _ in kept], [power for _, power in kept])
