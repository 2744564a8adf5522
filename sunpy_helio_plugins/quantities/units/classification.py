"""The classification of unit strings: `_classify` applies the other modules in the order that the package states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import ANY_TEXT, MAPPING, MASK, PLAIN_ARRAY, TEXT, optional, taking
from sunpy_helio_plugins.quantities import silence
from sunpy_helio_plugins.quantities.units import labels, radii, remarks, statements
from sunpy_helio_plugins.quantities.units.context import AMBIGUOUS, checked, meant, own, resolver
from sunpy_helio_plugins.quantities.units.context import sense as sense_of
from sunpy_helio_plugins.quantities.units.grammar import NotUnderstoodError, read, value
from sunpy_helio_plugins.quantities.units.normalize import plain

__all__ = ["NotAUnit", "Unit", "Unknown", "classify", "column", "parse", "parse_all"]


@dataclass(frozen=True, slots=True)
class Unit:
    """
    A string that means a unit.

    Parameters
    ----------
    unit : astropy.units.UnitBase
        The unit; ``dimensionless_unscaled`` for a pure number.
    words : tuple of str
        The parts of the string that are not units: what is counted (``"electrons"``), a divisor without a unit
        (``"per nucleon"``, ``"per charge"``, ``"per sample"``), or a remark (``"from fits"``).

    Examples
    --------
    >>> from sunpy_helio_plugins.quantities.units import classify
    >>> classify("keV/q")
    Unit(unit=Unit("keV"), words=('per charge',))
    """

    unit: u.UnitBase
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotAUnit:
    """
    A string in place of a unit that is not a unit.

    Parameters
    ----------
    reason : str
        What it is instead.

    Examples
    --------
    >>> from sunpy_helio_plugins.quantities.units import classify
    >>> classify("0 means no issues")
    NotAUnit(reason='the meaning of values')
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """
    A string whose meaning is not certain.

    Examples
    --------
    >>> from sunpy_helio_plugins.quantities.units import classify
    >>> classify("pseudo-nT")
    Unknown()
    """


_STANDARDS = frozenset({"udunits2", "vounits1.1", "astropy3"})
"""HAPI's ``unitsSchema``; the fourth is ``cdf-cluster``."""

_SI_CONVERSION = re.compile(r"(?P<factor>[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*>\s*(?P<unit>.*)")
"""The notation of Cluster: "1e-9>T" means that the value times 1e-9 is in tesla."""

_TWO_SPELLINGS = re.compile(
    r"(?P<first>[^()\[\]]*[^()\[\]\s]\s*|(?P<product>.*[)\]]).*\s+)[(\[](?P<second>[^()\[\]]+)[)\]]"
)

_BETWEEN_UNITS = re.compile(r"\s*[,;]\s*|\s+(?:and|or|&)\s+")

_ONE_UNIT = re.compile(r"[\d.\s]*[A-Za-z%_]+")

_DEFINITION = re.compile(r"(?P<radius>R\w*)\s*[(\[]\s*(?:=|1 ?R\w*\s*=|R\w*\s*=)?\s*(?P<length>[\d.,]+\s*km)\s*[)\]]")

_CLOSING = {"(": ")", "[": "]", "{": "}"}

_UNCLOSED = re.compile(r"[^(\[{]*/\s*(?P<bracket>[(\[{])(?:(?!-\s*\d)[^()\[\]{}])*")

_LONGEST = 1000

_NO_UNIT = NotAUnit("no unit is given")


@taking("units.classify", text=optional(ANY_TEXT), schema=optional(ANY_TEXT), context=optional(MAPPING))
def classify(
    text: str | None, schema: str | None = None, context: Mapping[str, Any] | None = None
) -> Unit | NotAUnit | Unknown:
    """
    Classify a unit string as a unit, as something else, or as unknown.

    Parameters
    ----------
    text : str or None
        The unit string of an archive.
    schema : str, optional
        The convention that the archive declares, HAPI's ``unitsSchema``: ``"udunits2"``, ``"vounits1.1"``,
        ``"astropy3"`` or ``"cdf-cluster"``. Other values are ignored.
    context : mapping, optional
        Information about the quantity: ``"server"``, ``"dataset"``, ``"name"``, ``"description"``. It is only used if
        the string is ambiguous without it.

    Returns
    -------
    Unit, NotAUnit or Unknown
        A unit and the words that are kept with it; the reason why the string is not a unit; or that its meaning is not
        certain.

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
    return _described(text, schema, _joined(context) if context else "")


@taking("units.parse", text=optional(ANY_TEXT), schema=optional(ANY_TEXT), context=optional(MAPPING))
def parse(text: str | None, schema: str | None = None, context: Mapping[str, Any] | None = None) -> u.UnitBase | None:
    """
    Return the unit that a string means.

    Parameters
    ----------
    text : str or None
        The unit string of an archive.
    schema : str, optional
        The convention that the archive declares, see `classify`.
    context : mapping, optional
        Information about the quantity, see `classify`.

    Returns
    -------
    astropy.units.UnitBase or None
        The unit; ``dimensionless_unscaled`` for a pure number; `None` if the string is not a unit or its meaning is not
        certain.

    Examples
    --------
    >>> parse("km/s")
    Unit("km / s")
    >>> parse("$H:$M") is None
    True
    """
    found = classify(text, schema, context)
    return found.unit if isinstance(found, Unit) else None


def parse_all(
    columns: Mapping[str, tuple[Iterable[str], Mapping[str, Any]]],
) -> dict[str, dict[str, u.UnitBase | None]]:
    """Return the units of strings by column and string; each column has its strings and its context, see `parse`."""
    units: dict[str, dict[str, u.UnitBase | None]] = {}
    for name, (texts, context) in columns.items():
        said = _joined(context)
        found = {text: _described(text, None, said) for text in texts}
        units[name] = {text: one.unit if isinstance(one, Unit) else None for text, one in found.items()}
    return units


def _joined(context: Mapping[str, Any]) -> str:
    """Return a context as text, with the name, the description, and each other item on separate lines."""
    name, description = context.get("name") or "", context.get("description") or ""
    rest = " ".join([str(value) for key, value in context.items() if value and key not in ("name", "description")])
    text = f"{name}\n{description}\n{rest}".lower()
    if text.count("\n") == 2:
        return text
    return "\n".join(" ".join(str(part).split()) for part in (name, description, rest)).lower()


@lru_cache(maxsize=8192)
def _described(text: str, schema: str | None, said: str) -> Unit | NotAUnit | Unknown:
    """Classify a string; a unit that the description contradicts is not accepted."""
    found = _classify(text, schema, said)
    if not isinstance(found, Unit) or not said or found.unit in (u.dimensionless_unscaled, u.dB, u.mag):
        return found
    name, description, _ = said.split("\n")
    reason = statements.other_notation(name, description, found.unit)
    if reason:
        return NotAUnit(f"{reason}, by its description")
    return Unknown() if description and statements.contradicts(description, found.unit, _meaning) else found


def _meaning(text: str) -> u.UnitBase | None:
    """Return the unit that a string means without context."""
    found = _classify(text, None, "")
    return found.unit if isinstance(found, Unit) else None


@lru_cache(maxsize=8192)
def _classify(text: str, schema: str | None, said: str) -> Unit | NotAUnit | Unknown:
    if len(text) > _LONGEST:
        return NotAUnit("a description")
    written = _written(text)
    scaled = _SI_CONVERSION.fullmatch(written)
    if scaled is not None:
        converted = _times(scaled["factor"], _classify(scaled["unit"], schema, said))
        if schema == "cdf-cluster" or isinstance(converted, Unit):
            return converted
    remarked = _remarked(written, schema, said)
    if remarked is not None:
        return remarked
    twice = _twice(written, schema, said)
    if twice is not None:
        return twice
    reason = labels.label(written)
    if reason is not None:
        component = _component(said) if reason == labels.EITHER else None
        return NotAUnit(reason) if component is None else component
    several = _several(written, schema, said)
    return _single(written, schema, said) if several is None else several


def _remarked(written: str, schema: str | None, said: str) -> Unit | NotAUnit | Unknown | None:
    """Parse a unit with a remark: "nT (1min)"; the length of a radius in a bracket defines the unit."""

    def means(text: str) -> u.UnitBase | None:
        found = _classify(text, schema, "")
        return found.unit if isinstance(found, Unit) else None

    defined = _DEFINITION.fullmatch(written)
    if defined is not None and radii.is_radius(defined["radius"]):
        name, _, rest = said.partition("\n")
        return _classify(defined["radius"], schema, f"{name}\n(r = {defined['length'].lower()}) {rest}\n")
    # A remark is separated from the unit by a space or a bracket.
    found = None if written.isalnum() else remarks.split(written, means)
    if found is None:
        return None
    head = _classify(found.head, schema, said)
    return replace(head, words=(*head.words, found.remark)) if isinstance(head, Unit) else head


def _twice(written: str, schema: str | None, said: str) -> Unit | Unknown | None:
    """Parse a unit that is given twice: "Kelvin (K)" is not a square kelvin, and "Re (km)" is not certain."""
    found = _TWO_SPELLINGS.fullmatch(written)
    if found is None:
        return None
    first, second = (_classify(found[key], schema, said) for key in ("first", "second"))
    if not (isinstance(first, Unit) and isinstance(second, Unit)):
        return None
    if first.unit.is_equivalent(second.unit) and not found["product"]:
        return first if first.unit == second.unit else Unknown()
    # A product of units in a bracket is a factor; a single unit is a remark, or an alternative.
    alone = _ONE_UNIT.fullmatch(found["second"]) and second.unit != u.dimensionless_unscaled
    return Unknown() if alone else None


@lru_cache(maxsize=8192)
def _written(text: str) -> str:
    """Return a string in plain notation, which is the same in every context."""
    return _unwrapped(plain(text))


def _unwrapped(written: str) -> str:
    """Remove brackets around the complete string, and a comma at its end: "[nT]", "(0=OK)", "nT,"."""
    written = written.strip(" ,;").rstrip(".") if written.strip(". ") else written
    while re.fullmatch(r"\([^()]*\)|\[[^\[\]]*\]", written):
        written = written[1:-1].strip()
    return written


def _times(text: str, found: Unit | NotAUnit | Unknown) -> Unit | NotAUnit | Unknown:
    if not isinstance(found, Unit):
        return found
    try:
        factor = value(text)
        return found if factor == 1 else replace(found, unit=u.CompositeUnit(float(factor), [found.unit], [1]))
    except (u.UnitScaleError, ArithmeticError, NotUnderstoodError):
        return Unknown()


def _component(said: str) -> Unit | None:
    """Return the unit of one component of the geomagnetic field, determined by its name."""
    name = said.partition("\n")[0]
    if name in ("x", "y", "z", "h", "f", "s", "g"):
        return Unit(u.nT)
    return Unit(u.arcmin) if name in ("d", "i") else None


def _several(written: str, schema: str | None, said: str) -> Unit | NotAUnit | None:
    """Parse one unit for each component: "deg, rsun", "arcsec,arcsec", and "deg deg", which is not a square degree."""
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
    if radii.is_radius(written):
        decided, unit = radii.length(written, own(said))
        if decided:
            return Unknown() if unit is None else Unit(unit)
    if written in AMBIGUOUS:
        sense = sense_of(written, said, schema in _STANDARDS)
        return Unknown() if sense is None else Unit(sense)
    found = _read(written, schema)
    if not isinstance(found, Unit):
        return found
    unit = meant(found.unit, written, said)
    return Unknown() if unit is None else replace(found, unit=unit)


@lru_cache(maxsize=8192)
def _read(written: str, schema: str | None) -> Unit | NotAUnit | Unknown:
    for text in (written, _without_stray_bracket(written)):
        found = None if text is None else _understood(text, schema)
        if found is not None:
            return found
    declared = _astropy(written) if schema == "astropy3" else None
    if declared is not None:
        return Unit(declared)
    return NotAUnit("a description") if labels.description(written) else Unknown()


def _understood(written: str, schema: str | None) -> Unit | None:
    standard = schema in _STANDARDS
    try:
        product = read(written, resolver(written, standard), schema == "udunits2")
        return Unit(checked(product, written, standard), product.words)
    except NotUnderstoodError:
        return None


def _without_stray_bracket(written: str) -> str | None:
    """Return a string without an unmatched bracket, or `None` if its position changes the meaning."""
    opened, closed = (sum(map(written.count, brackets)) for brackets in ("([{", ")]}"))
    if closed == opened + 1 and written[-1] in ")]}":
        return written[:-1].rstrip()
    # Not if an exponent may have followed the missing one: "(cm^2 s sr^-1".
    unclosed = _UNCLOSED.fullmatch(written) if opened == closed + 1 else None
    return None if unclosed is None else written + _CLOSING[unclosed["bracket"]]


def _astropy(written: str) -> u.UnitBase | None:
    """Parse a string with astropy, if astropy is its declared schema."""
    with silence.ignored(u.UnitsWarning):
        try:
            unit = u.Unit(written, parse_strict="raise")
        except (ValueError, TypeError):
            return None
    return unit if isinstance(unit, u.UnitBase) else None


@taking(
    "units.column", values=PLAIN_ARRAY, unit_text=optional(ANY_TEXT), name=TEXT, description=optional(ANY_TEXT),
    mask=MASK, schema=optional(ANY_TEXT), context=optional(MAPPING),
)  # fmt: skip
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
    Return an array as a table column with a unit.

    Parameters
    ----------
    values : numpy.ndarray
        The values; the first axis is the row.
    unit_text : str or None
        The unit string of the archive; it is kept in ``info.meta["unit_string"]``.
    name : str
        The name of the column.
    description : str, optional
        The description of the column.
    mask : numpy.ndarray of bool, optional
        The elements that are missing.
    schema : str, optional
        The convention that the archive declares, see `classify`.
    context : mapping, optional
        Further information about the quantity, see `classify`; the name and the description of the column are always
        included.

    Returns
    -------
    astropy.units.Quantity, astropy.utils.masked.Masked, astropy.table.Column or astropy.table.MaskedColumn
        A quantity if the unit is understood and the values are numbers, otherwise a plain column. It is masked if
        ``mask`` is given. Parts of the unit string that are not units are in ``info.meta["unit_words"]``.

    Examples
    --------
    >>> import numpy as np
    >>> from sunpy_helio_plugins.quantities.units import column
    >>> flux = column(np.array([1.0, 2.0]), "1/(cm^2 s sr MeV/nuc)", name="flux")
    >>> flux.unit, flux.info.meta["unit_words"]
    (Unit("1 / (MeV s sr cm2)"), ['per nucleon'])
    """
    # The import of tables takes longer than all others, and is not needed for units alone.
    from astropy.table import Column

    from sunpy_helio_plugins.quantities.fills import masked

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
