"""
Unit strings of heliophysics as astropy units: understood for certain, or kept as text.

Half of the unit strings that real servers send are no units to astropy, and some are units of something else: ``C`` is
degrees Celsius and not the coulomb, ``N/A`` is no newton per ampere. A string is a unit here only where its meaning is
certain; everything else stays text in ``column.info.meta["unit_string"]``.

The way of a string: `unit_text` writes it in plain notation, `unit_labels` finds what is no unit, `unit_grammar` reads
the rest by the symbols of `unit_words`, and `unit_context` decides what is ambiguous.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Column
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities import unit_context, unit_labels
from sunpy_helio_plugins.quantities.masks import masked
from sunpy_helio_plugins.quantities.unit_grammar import read
from sunpy_helio_plugins.quantities.unit_kinds import NotAUnit, Unit, Unknown
from sunpy_helio_plugins.quantities.unit_product import NotUnderstoodError
from sunpy_helio_plugins.quantities.unit_text import plain

__all__ = ["NotAUnit", "Unit", "Unknown", "classify", "column", "parse"]

_STANDARDS = frozenset({"udunits2", "vounits1.1", "astropy3"})
"""HAPI's ``unitsSchema``; the fourth is ``cdf-cluster``."""

_SI_CONVERSION = re.compile(r"(?P<factor>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*>\s*(?P<unit>.*)")
"""Cluster's: "1e-9>T" says that the value times 1e-9 is in tesla."""

_TWO_SPELLINGS = re.compile(r"(?P<first>[^()\[\]]*[^()\[\]\s])\s*[(\[](?P<second>[^()\[\]]+)[)\]]")
_BETWEEN_UNITS = re.compile(r"\s*[,;]\s*|\s+(?:and|or|&)\s+")
_LONGEST = 1000
_NO_UNIT = NotAUnit("no unit is given")


def classify(
    text: str | None, schema: str | None = None, context: Mapping[str, Any] | None = None
) -> Unit | NotAUnit | Unknown:
    """
    Tell what a unit string is.

    Parameters
    ----------
    text : str or None
        A unit as an archive spells it.
    schema : str, optional
        The convention that the archive declares, HAPI's ``unitsSchema``: ``"udunits2"``, ``"vounits1.1"``,
        ``"astropy3"`` or ``"cdf-cluster"``. Any other counts as none.
    context : mapping, optional
        What is known of the quantity: ``"server"``, ``"dataset"``, ``"name"``, ``"description"``. It is used only for
        what is ambiguous without.

    Returns
    -------
    Unit, NotAUnit or Unknown
        A unit and the words kept beside it; the reason why it is none; or that its meaning is not certain.

    Examples
    --------
    >>> classify("1/(cm^2 s sr MeV/nuc)")
    Unit(unit=Unit("1 / (MeV s sr cm2)"), words=('per nucleon',))
    >>> classify("$H:$M")
    NotAUnit(reason='a format')
    >>> classify("Rs")
    Unknown()
    >>> classify("Rs", context={"description": "Distance of STEREO A from the Sun"}).unit
    Unit("solRad")
    """
    if text is None:
        return _NO_UNIT
    if not context:
        return _classify(text, schema, "")
    # The name comes first, on a line of its own: INTERMAGNET's components are told apart by it.
    rest = " ".join([str(value) for key, value in context.items() if value and key != "name"])
    return _classify(text, schema, f"{context.get('name') or ''}\n{rest}".lower())


def parse(text: str | None, schema: str | None = None, context: Mapping[str, Any] | None = None) -> u.UnitBase | None:
    """
    Return the unit that a string means.

    Parameters
    ----------
    text : str or None
        A unit as an archive spells it.
    schema : str, optional
        The convention that the archive declares, see `classify`.
    context : mapping, optional
        What is known of the quantity, see `classify`.

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
    found = classify(text, schema, context)
    return found.unit if isinstance(found, Unit) else None


@lru_cache(maxsize=8192)
def _classify(text: str, schema: str | None, said: str) -> Unit | NotAUnit | Unknown:
    if len(text) > _LONGEST:
        return NotAUnit("a description")
    written = _unwrapped(plain(text))
    scaled = _SI_CONVERSION.fullmatch(written)
    if scaled is not None and 1e-60 < abs(float(scaled["factor"])) < 1e60:
        converted = _times(Fraction(scaled["factor"]), _classify(scaled["unit"], schema, said))
        if schema == "cdf-cluster" or isinstance(converted, Unit):
            return converted
    remarked = unit_labels.remark(written)
    if remarked is not None:
        head = _classify(remarked[0], schema, said)
        return replace(head, words=(*head.words, remarked[1])) if isinstance(head, Unit) else head
    twice = _twice(written, schema, said)
    if twice is not None:
        return twice
    reason = unit_labels.label(written)
    if reason is not None:
        component = _component(said) if reason == unit_labels.EITHER else None
        return NotAUnit(reason) if component is None else component
    several = _several(written, schema, said)
    return _single(written, schema, said) if several is None else several


def _twice(written: str, schema: str | None, said: str) -> Unit | Unknown | None:
    """Read a unit given twice: "Kelvin (K)" is no square kelvin, and "Re (km)" says nothing certain."""
    found = _TWO_SPELLINGS.fullmatch(written)
    if found is None:
        return None
    first, second = (_classify(found[key], schema, said) for key in ("first", "second"))
    if not (isinstance(first, Unit) and isinstance(second, Unit)):
        return None
    if first.unit.is_equivalent(second.unit):
        return first if first.unit == second.unit else Unknown()
    names = found["first"].isalpha() and found["second"].isalpha() and second.unit != u.dimensionless_unscaled
    return Unknown() if names else None


def _unwrapped(written: str) -> str:
    """Take off brackets around the whole, and a comma behind it: "[nT]", "(0=OK)", "nT,"."""
    written = written.strip(" ,;")
    while re.fullmatch(r"\([^()]*\)|\[[^\[\]]*\]", written):
        written = written[1:-1].strip()
    return written


def _times(factor: Fraction, found: Unit | NotAUnit | Unknown) -> Unit | NotAUnit | Unknown:
    if not isinstance(found, Unit) or factor == 1:
        return found
    try:
        return replace(found, unit=u.CompositeUnit(float(factor), [found.unit], [1]))
    except (u.UnitScaleError, ArithmeticError):
        return Unknown()


def _component(said: str) -> Unit | None:
    """Return the unit of one component of the geomagnetic field, told by its name."""
    name = said.partition("\n")[0].strip()
    if name in ("x", "y", "z", "h", "f", "s", "g"):
        return Unit(u.nT)
    return Unit(u.arcmin) if name in ("d", "i") else None


def _several(written: str, schema: str | None, said: str) -> Unit | NotAUnit | None:
    """Read one unit for each component: "deg, rsun", "arcsec,arcsec", and "deg deg", which is no square degree."""
    parts = _BETWEEN_UNITS.split(written)
    words = written.split()
    if len(parts) == 1 and len(words) > 1 and len(set(words)) == 1 and words[0].isalpha():
        parts = words
    found = [_classify(part, schema, said) for part in parts] if len(parts) > 1 else []
    units = [each for each in found if isinstance(each, Unit)]
    if not units or any(isinstance(each, Unknown) for each in found):
        return None
    same = len(units) == len(found) and all(each == units[0] for each in units)
    return units[0] if same else NotAUnit("several units, or one for each component")


def _single(written: str, schema: str | None, said: str) -> Unit | NotAUnit | Unknown:
    if written in unit_context.AMBIGUOUS:
        sense = unit_context.sense(written, said, schema in _STANDARDS)
        return Unknown() if sense is None else Unit(sense)
    found = _read(written, schema)
    if not isinstance(found, Unit):
        return found
    unit = unit_context.meant(found.unit, written, said)
    return Unknown() if unit is None else replace(found, unit=unit)


def _read(written: str, schema: str | None) -> Unit | NotAUnit | Unknown:
    standard = schema in _STANDARDS
    try:
        product = read(written, unit_context.resolver(written, standard), schema == "udunits2")
        return Unit(unit_context.checked(product, written, standard), product.words)
    except NotUnderstoodError:
        declared = _astropy(written) if schema == "astropy3" else None
    if declared is not None:
        return Unit(declared)
    return NotAUnit("a description") if unit_labels.description(written) else Unknown()


def _astropy(written: str) -> u.UnitBase | None:
    """Read a string that is declared to be astropy's by astropy itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", u.UnitsWarning)
        try:
            unit = u.Unit(written, parse_strict="raise")
        except (ValueError, TypeError):
            return None
    return unit if isinstance(unit, u.UnitBase) else None


def column(
    values: NDArray[Any],
    unit_text: str | None,
    *,
    name: str,
    description: str | None = None,
    mask: NDArray[np.bool_] | None = None,
    schema: str | None = None,
    context: Mapping[str, Any] | None = None,
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
    schema : str, optional
        The convention that the archive declares, see `classify`.
    context : mapping, optional
        What else is known of the quantity, see `classify`; the column's name and description belong to it anyway.

    Returns
    -------
    astropy.units.Quantity, astropy.utils.masked.Masked, astropy.table.Column or astropy.table.MaskedColumn
        A quantity where the unit is understood and the values are numbers; else a plain column. Masked where ``mask``
        is given. What a unit string says beside the unit is in ``info.meta["unit_words"]``.
    """
    found = classify(unit_text, schema, {"name": name, "description": description, **(context or {})})
    unit = found.unit if isinstance(found, Unit) else None
    if unit is not None and unit != u.dimensionless_unscaled and values.dtype.kind in "fiu":
        # Integers stay integers: a counter of nanoseconds does not fit into a float.
        made: Any = u.Quantity(values, unit, dtype=values.dtype, copy=False)
        made = made if mask is None else masked(made, mask)
    elif mask is None:
        made = Column(values, name=name, copy=False)
    else:
        made = masked(values, mask, name)
    made.info.name = name
    if description:
        made.info.description = description
    if unit_text is not None:
        made.info.meta = {"unit_string": unit_text}
        if isinstance(found, Unit) and found.words:
            made.info.meta["unit_words"] = list(found.words)
    return made
