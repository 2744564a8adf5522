"""One keyword of many records as one column."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import Column, MaskedColumn
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from sunpy_helio_plugins.her.keywords import Keyword, keywords
from sunpy_helio_plugins.quantities import times, units

__all__ = ["Record", "column", "trusted"]

Record = dict[str, Any]

SENTINELS = (-9999.0, -999999.0)
"""Numbers that mean "missing": the defaults of SolarSoft's submission programs (export_event.pro)."""

PLACES = re.compile(
    r"(hpc|hgs|hgc|hrc)_(x|y|r|a|radius|coord|bbox|boundcc)|hpc_geom|event_coord[123]|boundbox_c[12](ll|ur)"
)
"""Keywords that say where an event is."""

BOX = re.compile(r"(hpc|hgs|hgc|hrc)_bbox")

DECLARED = ("coord1_unit", "coord2_unit", "coord3_unit")
"""
Units that the registry's list names and its answers never hold: ``event_coordunit`` says them for each record.

These are the numbers of the submitter, in the system of the submitter: arcsec in one row, degrees in the next, and a
radius beside "degrees". No column of theirs is a quantity; ``hpc_x`` and the like hold the same places in known units.
"""


def trusted(record: Record) -> Record:
    """
    Return a record without the places that are not the event's.

    Parameters
    ----------
    record : dict
        A record as it came.

    Returns
    -------
    dict
        A copy. Where ``noposition`` is true every place is missing: the registry fills in the disk's centre. A box
        without extent is missing: SSW Latest Events' is always the point (1, 1).
    """
    if str(record.get("noposition")).lower() == "true":
        return {name: None if PLACES.fullmatch(name) else value for name, value in record.items()}
    return {name: None if BOX.fullmatch(name) and _is_point(value) else value for name, value in record.items()}


def _is_point(box: Any) -> bool:
    pairs = re.sub(r"[^-+\d.eE, ]", "", str(box)).strip(" ,").split(",")
    return len(pairs) > 1 and len(set(pairs)) == 1


def column(name: str, records: Sequence[Record], problems: list[str]) -> Any:
    """
    Return one keyword of all records as a column of a QTable.

    Parameters
    ----------
    name : str
        The keyword.
    records : sequence of dict
        Trusted records.
    problems : list of str
        Takes a sentence for each kind of value that could not be read.

    Returns
    -------
    astropy.time.Time, astropy.units.Quantity, astropy.table.Column or astropy.table.MaskedColumn
        As long as ``records``; missing values are masked.
    """
    keyword = keywords().get(name.lower())
    values = [record.get(name) for record in records]
    kind = keyword.kind if keyword else _guess(values)
    made = _MAKERS.get(kind, _text)(keyword or Keyword(name, kind), values, records, problems)
    made.info.name = name
    return made


def _guess(values: list[Any]) -> str:
    known = [value for value in values if value not in (None, "")]
    if any(isinstance(value, list | dict) for value in known):
        return "object"
    if known and all(isinstance(value, bool) for value in known):
        return "boolean"
    return "float" if known and all(isinstance(value, int | float) for value in known) else "string"


def _read(keyword: Keyword, values: list[Any], reader: Callable[[Any], Any], problems: list[str]) -> list[Any]:
    """Read each value; `None` where it is missing or, with a word in ``problems``, where it cannot be read."""
    read: list[Any] = []
    bad: list[Any] = []
    for value in values:
        try:
            read.append(None if value is None or value == "" else reader(value))
        except (ValueError, TypeError, OverflowError):
            read.append(None)
            bad.append(value)
    if bad:
        problems.append(f"{keyword.name}: {len(bad)} values could not be read, such as {bad[0]!r}; see the column raw.")
    return read


def _missing(read: list[Any]) -> NDArray[np.bool_]:
    return np.array([value is None for value in read], dtype=bool)


def _times(keyword: Keyword, values: list[Any], _: Sequence[Record], problems: list[str]) -> Any:
    read = _read(keyword, values, str, problems)
    try:
        return _as_time(read)
    except ValueError:
        return _as_time(_read(keyword, read, _stamp, problems))


def _as_time(stamps: list[str | None]) -> Any:
    missing = _missing(stamps)
    filled = np.array(["2000-01-01" if stamp is None else stamp for stamp in stamps], dtype=str)
    return times.from_iso(filled, missing if missing.any() else None)


def _stamp(value: str) -> str:
    times.from_iso([value])
    return value


def _booleans(keyword: Keyword, values: list[Any], _: Sequence[Record], problems: list[str]) -> Any:
    words = {"true": True, "false": False, "t": True, "f": False}

    def reader(value: Any) -> bool:
        word = words.get(str(value).lower())
        if word is None:
            raise ValueError(value)
        return word

    read = _read(keyword, values, reader, problems)
    return _plain(np.array([bool(value) for value in read], dtype=bool), _missing(read))


def _text(keyword: Keyword, values: list[Any], _: Sequence[Record], problems: list[str]) -> Any:
    read = _read(keyword, values, str, problems)
    return MaskedColumn(np.array(["" if value is None else value for value in read], dtype=str), mask=_missing(read))


def _objects(_keyword: Keyword, values: list[Any], _: Sequence[Record], _problems: list[str]) -> Any:
    data = np.empty(len(values), dtype=object)
    data[:] = values
    return Column(data)


def _plain(data: NDArray[Any], missing: NDArray[np.bool_]) -> Any:
    # Always masked: a column in which nothing is missing must stack with one in which something is.
    return MaskedColumn(data, mask=missing)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        raise TypeError(value)
    number = float(value)
    return None if number in SENTINELS or not np.isfinite(number) else number


def _numbers(keyword: Keyword, values: list[Any], records: Sequence[Record], problems: list[str]) -> Any:
    read = _read(keyword, values, _number, problems)
    missing = _missing(read)
    data = np.array([0.0 if value is None else value for value in read], dtype=float)
    if keyword.kind == "integer" and (data == np.rint(data)).all():
        data = data.astype(np.int64)
    if keyword.unit in DECLARED:
        return _plain(data, missing)
    if keyword.unit:
        return _in_units(keyword, data, missing, [str(record.get(keyword.unit) or "") for record in records])
    if not keyword.fixed:
        return _plain(data, missing)
    return units.column(data, keyword.fixed, name=keyword.name, mask=missing if missing.any() else None)


def _in_units(keyword: Keyword, data: NDArray[Any], missing: NDArray[np.bool_], texts: list[str]) -> Any:
    """Return numbers in one unit, where all rows have one that converts; else plain, with the texts they came with."""
    said = list(dict.fromkeys(text for text, gone in zip(texts, missing, strict=True) if not gone))
    # A column without any value has a unit all the same, so that tables stack.
    said = said or [keyword.usual]
    factors = _factors(keyword, said)
    if factors is None:
        made = _plain(data, missing)
        made.info.meta = {"unit_string": " | ".join(said)}
        return made
    unit, scales = factors
    quantity = u.Quantity(data * np.array([scales.get(text, 1.0) for text in texts]), unit)
    made = Masked(quantity, mask=missing) if missing.any() else quantity
    if not missing.all():
        made.info.meta = {"unit_string": said[0]}
    return made


def _factors(keyword: Keyword, said: list[str]) -> tuple[u.UnitBase, dict[str, float]] | None:
    """Return the unit of the first text and what brings the others into it, or `None` where any of it is unsure."""
    known = {text: unit for text in said if (unit := units.parse(text)) is not None}
    if not said or len(known) < len(said) or known[said[0]] == u.dimensionless_unscaled:
        return None
    first = known[said[0]]
    try:
        scales = {text: float(unit.to(first)) ** keyword.power for text, unit in known.items()}
    except u.UnitConversionError:
        return None
    return first**keyword.power, scales


_MAKERS = {
    "time": _times, "boolean": _booleans, "float": _numbers, "integer": _numbers, "object": _objects,
}  # fmt: skip
"""How each kind is made; text, chaincodes and units are text."""
