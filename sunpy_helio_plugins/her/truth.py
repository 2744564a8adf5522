"""
Whether an event answers a comparison: every one is checked again here, after the registry.

The table of truth, for a comparison ``f`` and its opposite ``~f``:

======================================================  =========  ==========
the event                                               ``f``      ``~f``
======================================================  =========  ==========
is of another type than a type-specific ``f`` judges    holds      holds
came without the keyword (see ``a.her.Return``)         holds      holds
has no value for it                                     fails      fails
has a value                                             as it is   opposite
======================================================  =========  ==========

Text is equal, and like a pattern, whatever its case, and ordered by its letters; numbers agree within single
precision, in which the registry keeps them; numbers of active regions agree in five digits; GOES classes compare by
flux, and a bare letter means the whole class. An event overlaps a period with its ends; one without a time or place is
not judged by it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from sunpy_helio_plugins.her import goes, noaa
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.queries import Alternative, Box, Query, Triplet

__all__ = ["answers", "holds"]

Record = dict[str, Any]

SINGLE = 1e-6
"""Relative difference within which two numbers are one."""

SENTINELS = (-9999.0, -999999.0)
"""Numbers that mean "missing": the defaults of SolarSoft's submission programs (export_event.pro)."""

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def answers(query: Query, record: Record) -> bool:
    """
    Tell whether an event answers a query.

    Parameters
    ----------
    query : Query
        What was asked.
    record : dict
        The event as the registry sent it.
    """
    return not query.alternatives or any(_answers(alternative, record) for alternative in query.alternatives)


def _answers(alternative: Alternative, record: Record) -> bool:
    kind = record.get("event_type")
    if alternative.types and kind and str(kind).upper() not in alternative.types:
        return False
    if not _in_time(alternative, record):
        return False
    if not all(holds(test, record) for test in alternative.tests):
        return False
    return all(_in_box(box, record) for box in alternative.boxes)


def holds(test: Triplet, record: Record) -> bool:
    """
    Tell whether a comparison holds for an event; see the table of truth above.

    Parameters
    ----------
    test : Triplet
        The comparison.
    record : dict
        The event as the registry sent it.
    """
    if test.event_type and str(record.get("event_type")).upper() != test.event_type:
        return True
    if test.name not in record:
        return True
    value = record[test.name]
    if value is None or value == "":
        return False
    try:
        return _JUDGES.get(_kind(test.name), _text)(test, value, record)
    except (TypeError, ValueError):
        return False


def _kind(name: str) -> str:
    if name in ("ar_noaanum", "fl_goescls", "search_frm_name"):
        return name
    keyword = keywords().get(name)
    return keyword.kind if keyword else "string"


def _text(test: Triplet, value: Any, _: Record) -> bool:
    own, wanted = str(value), test.value
    if test.operator.endswith("like"):
        pattern = ".*".join(re.escape(part) for part in wanted.split("%"))
        found = re.fullmatch(pattern, own, re.IGNORECASE | re.DOTALL) is not None
        return found == (test.operator == "like")
    if test.operator in ("=", "!="):
        return (own.casefold() == wanted.casefold()) == (test.operator == "=")
    return _COMPARE[test.operator](own, wanted)


def _number(test: Triplet, value: Any, record: Record) -> bool:
    own, wanted = float(value), float(test.value)
    if own in SENTINELS:
        return False
    if test.unit:
        wanted *= _factor(test, record)
    if abs(own - wanted) <= SINGLE * max(abs(own), abs(wanted)):
        return test.operator in ("=", "<=", ">=")
    return _COMPARE[test.operator](own, wanted)


def _factor(test: Triplet, record: Record) -> float:
    """Return what brings the asked value into the record's own unit; `ValueError` where that is not known."""
    from sunpy_helio_plugins.quantities import units

    keyword = keywords()[test.name]
    own, asked = units.parse(str(record.get(keyword.unit) or "")), units.parse(test.unit)
    if own is None or asked is None:
        raise ValueError(test.unit)
    return float(asked.to(own)) ** keyword.power


def _boolean(test: Triplet, value: Any, _: Record) -> bool:
    words = {"t": "true", "f": "false"}
    own = str(value).lower()
    return (words.get(own, own) == test.value) == (test.operator == "=")


def _time(test: Triplet, value: Any, _: Record) -> bool:
    if test.operator.endswith("like"):
        return _text(test, value, {})
    return _COMPARE[test.operator](_stamp(value), _stamp(test.value))


def _stamp(value: Any) -> str:
    """Return an instant as text that orders by time: the registry's have one form, with or without a fraction."""
    text = str(value).strip().replace(" ", "T").removesuffix("Z")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _noaa(test: Triplet, value: Any, record: Record) -> bool:
    own, wanted = float(value), float(test.value)
    when = str(record.get("event_starttime") or "")
    if own in SENTINELS:
        return False
    return _COMPARE[test.operator](noaa.five_digits(int(own), when), noaa.five_digits(int(wanted), when))


def _goes(test: Triplet, value: Any, record: Record) -> bool:
    own, wanted = goes.peak_flux(str(value)), goes.peak_flux(test.value)
    if own is None or wanted is None or test.operator.endswith("like"):
        return _text(test, value, record)
    if test.value.strip().isalpha() and test.operator in (">", "<="):
        # The registry's own example: "> X" finds X1.0, too.
        return (own >= wanted) == (test.operator == ">") if test.operator == ">" else own < 10 * wanted or own == wanted
    return _COMPARE[test.operator](own, wanted)


def _supplier(test: Triplet, value: Any, record: Record) -> bool:
    """Judge the condensed name of a method; the full one, in frm_name, counts as well."""
    names = [value, record.get("frm_name") or value]
    judged = [_text(test, name, record) for name in names]
    return all(judged) if test.operator in ("!=", "not like") else any(judged)


_JUDGES: dict[str, Callable[[Triplet, Any, Record], bool]] = {
    "float": _number, "integer": _number, "boolean": _boolean, "time": _time, "ar_noaanum": _noaa, "fl_goescls": _goes,
    "search_frm_name": _supplier,
}  # fmt: skip


def _in_time(alternative: Alternative, record: Record) -> bool:
    start, end = _stamp(record.get("event_starttime") or ""), _stamp(record.get("event_endtime") or "")
    first, last = _stamp(alternative.start), _stamp(alternative.end)
    if not start or not end:
        return True
    return first <= start and end <= last if alternative.strict else start <= last and end >= first


_CENTRES = {"helioprojective": "hpc", "stonyhurst": "hgs", "carrington": "hgc"}


def _in_box(box: Box, record: Record) -> bool:
    """Judge by the centre or, since the registry does not say which it takes, by the event's own box."""
    system = _CENTRES[box.system]
    x, y = record.get(f"{system}_x"), record.get(f"{system}_y")
    if x is None or y is None or str(record.get("noposition")).lower() == "true":
        return not box.negated
    turns = (-360.0, 0.0, 360.0) if system == "hgc" else (0.0,)
    inside = box.y1 <= y <= box.y2 and any(box.x1 <= x + turn <= box.x2 for turn in turns)
    if box.negated:
        return not inside
    return inside or _overlaps(box, str(record.get(f"{system}_bbox") or ""), turns)


def _overlaps(box: Box, chaincode: str, turns: tuple[float, ...]) -> bool:
    numbers = [float(text) for text in re.findall(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", chaincode)]
    xs, ys = numbers[::2], numbers[1::2]
    if not xs or len(xs) != len(ys) or len(set(xs)) == 1:
        return False
    if min(ys) > box.y2 or max(ys) < box.y1:
        return False
    return any(min(xs) + turn <= box.x2 and max(xs) + turn >= box.x1 for turn in turns)
