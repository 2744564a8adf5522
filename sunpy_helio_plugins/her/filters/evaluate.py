"""
Evaluate whether an event matches a comparison: every event of the registry is checked again.

The truth table for a comparison ``f`` and its opposite ``~f``; an event for which both are unknown is kept, and
`doubts` returns the reason:

======================================================  =========  ==========
the event                                               ``f``      ``~f``
======================================================  =========  ==========
has another type than that of a type-specific ``f``     true       true
was returned without the keyword (``a.her.Return``)     true       true
does not have a value for it, or an unreadable one      false      false
has a value with an unknown unit, or without a unit     unknown    unknown
has a value                                             by value   opposite
has a text that differs in case only                    true       true
======================================================  =========  ==========

The last case is left to the registry: its page does not state whether it is case-sensitive, and the events that it
returns are kept. Text is ordered alphabetically, with or without case. Numbers are equal within single precision, in
which the registry stores them, unless they are integers by definition; numbers of active regions are equal in five
digits (`noaa`); GOES classes compare by flux, and a bare letter means the complete class (`goes`). An event overlaps a
time range including its ends; one with an unreadable time is not compared. An event without a position is inside any
box with which the registry returned it, and not outside of any.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sunpy_helio_plugins.her.filters import goes, noaa
from sunpy_helio_plugins.her.filters.goes import class_holds
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.query import Alternative, BoundingBox, Query, Triplet
from sunpy_helio_plugins.her.records.blocks import BlockRecords, FlatRecords

__all__ = ["answers", "columns_of", "doubts", "holds", "stamp"]

Record = Mapping[str, Any]

SINGLE = 1e-6
"""Relative tolerance within which two numbers are equal."""

SENTINELS = (-9999.0, -999999.0)
"""Numbers for missing values: the defaults of SolarSoft's submission programs (export_event.pro)."""

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class UnknownError(ValueError):
    """The comparison cannot be evaluated for an event; the message contains the reason."""


def judged(query: Query, records: Sequence[Record]) -> list[tuple[int, tuple[str, ...]]]:
    """Return the indices of the events that match a query, each with the reasons why this is uncertain."""
    if not query.alternatives:
        return [(row, ()) for row in range(len(records))]
    judges = [_Judge(each) for each in query.alternatives]
    made: list[tuple[int, tuple[str, ...]]] = []
    for row, record in enumerate(records.views() if isinstance(records, BlockRecords | FlatRecords) else records):
        unsure: list[_Judge] = []
        for judge in judges:
            verdict = judge(record)
            if verdict:
                made.append((row, ()))
                break
            if verdict is None:
                unsure.append(judge)
        else:
            if unsure:
                made.append((row, _reasons(unsure, record)))
    return made


def answers(query: Query, record: Record) -> bool:
    """Return whether an event matches a query; one that cannot be evaluated matches."""
    return bool(judged(query, [record]))


def doubts(query: Query, record: Record) -> tuple[str, ...]:
    """Return the reasons why it is unknown whether an event matches a query; empty if it is known."""
    return next((why for _, why in judged(query, [record])), ())


class _Judge:
    """Evaluates one alternative, whose times are converted once."""

    def __init__(self, alternative: Alternative) -> None:
        self.tests = alternative.tests
        self._types, self._boxes, self._strict = alternative.types, alternative.boxes, alternative.strict
        self._first, self._last = stamp(alternative.start), stamp(alternative.end)

    def __call__(self, record: Record) -> bool | None:
        """Return `None` if nothing is false, but something cannot be evaluated."""
        kind = record.get("event_type")
        if self._types and kind not in self._types and kind and str(kind).upper() not in self._types:
            return False
        if not self._is_in_time(record) or not all(_in_box(box, record) for box in self._boxes):
            return False
        if not self.tests:
            return True
        verdicts = [holds(test, record) for test in self.tests]
        return False if False in verdicts else None if None in verdicts else True

    def _is_in_time(self, record: Record) -> bool:
        start, end = stamp(record.get("event_starttime")), stamp(record.get("event_endtime"))
        if not start or not end:
            return True
        if self._strict:
            return self._first <= start and end <= self._last
        return start <= self._last and end >= self._first


def _reasons(unsure: Iterable[_Judge], record: Record) -> tuple[str, ...]:
    return tuple(dict.fromkeys(why for each in unsure for test in each.tests if (why := _unknown(test, record))))


def holds(test: Triplet, record: Record) -> bool | None:
    """Evaluate a comparison for an event, see the table above; `None` if it is unknown."""
    try:
        return _judged(test, record)
    except UnknownError:
        return None


def _unknown(test: Triplet, record: Record) -> str:
    """Return the reason why a comparison cannot be evaluated for an event; empty if it can."""
    try:
        _judged(test, record)
    except UnknownError as error:
        return str(error)
    return ""


def _judged(test: Triplet, record: Record) -> bool:
    if test.event_type and str(record.get("event_type")).upper() != test.event_type:
        return True
    if test.name not in record:
        return True
    value = record[test.name]
    if value is None or value == "":
        return False
    try:
        return _JUDGES.get(_kind(test.name), _text)(test, value, record)
    except UnknownError:
        raise
    except (TypeError, ValueError, OverflowError):
        return False


def _words(test: Triplet) -> str:
    return " ".join(filter(None, (test.name, test.operator, test.value, test.unit)))


def _kind(name: str) -> str:
    if name in ("ar_noaanum", "fl_goescls", "search_frm_name"):
        return name
    keyword = keywords().get(name)
    return keyword.kind if keyword else "string"


def _text(test: Triplet, value: Any, _: Record) -> bool:
    own, wanted = str(value), test.value
    if test.operator == "like":
        # The registry's wildcard is %; a database may interpret _ as one, too.
        return _is_like(own, wanted, {"%": ".*", "_": "."}, re.IGNORECASE)
    if test.operator == "not like":
        return not _is_like(own, wanted, {"%": ".*"})
    if test.operator == "=":
        return own.casefold() == wanted.casefold()
    compare = _COMPARE[test.operator]
    return compare(own, wanted) or (test.operator != "!=" and compare(own.casefold(), wanted.casefold()))


def _is_like(own: str, pattern: str, wildcards: dict[str, str], flags: int = 0) -> bool:
    expression = "".join(wildcards.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, own, flags | re.DOTALL) is not None


def _number(test: Triplet, value: Any, record: Record) -> bool:
    own, wanted = float(value), float(test.value)
    if own in SENTINELS or not math.isfinite(own):
        return False
    if test.unit:
        wanted *= _factor(test, record)
    if abs(own - wanted) <= SINGLE * max(abs(own), abs(wanted)):
        return test.operator in ("=", "<=", ">=")
    return _COMPARE[test.operator](own, wanted)


def _whole(test: Triplet, value: Any, _: Record) -> bool:
    own = float(value)
    if own in SENTINELS or not math.isfinite(own):
        return False
    return _COMPARE[test.operator](own, float(test.value))


def _factor(test: Triplet, record: Record) -> float:
    """Return the factor from the unit of the comparison to that of the record."""
    from sunpy_helio_plugins.quantities import units

    keyword = keywords()[test.name]
    text = _unit(keyword.unit, record)
    own, asked = (units.parse(one, context=keyword.context) for one in (text, test.unit))
    if own is None or asked is None or not asked.is_equivalent(own):
        name = "event_coordunit" if keyword.unit in _COMPONENTS else keyword.unit
        raise UnknownError(f"{_words(test)} cannot be evaluated if {name} is {text!r}")
    return float(asked.to(own)) ** keyword.power


_COMPONENTS = ("coord1_unit", "coord2_unit", "coord3_unit")
"""Units that records do not contain; ``event_coordunit`` has one for all angles, or one for each component."""


def _unit(name: str, record: Record) -> str:
    if name not in _COMPONENTS:
        return str(record.get(name) or "")
    words = [word for word in re.split(r"[,;\s]+", str(record.get("event_coordunit") or "")) if word]
    words = words * 2 if len(words) == 1 else words
    return dict(zip(_COMPONENTS, words, strict=False)).get(name, "")


def _boolean(test: Triplet, value: Any, _: Record) -> bool:
    words = {"t": "true", "f": "false", "1": "true", "0": "false"}
    own = str(value).lower()
    own = words.get(own, own)
    if own not in ("true", "false"):
        return False
    return (own == test.value) == (test.operator == "=")


def _time(test: Triplet, value: Any, _: Record) -> bool:
    if test.operator.endswith("like"):
        return _text(test, value, {})
    own = stamp(value)
    return bool(own) and _COMPARE[test.operator](own, stamp(test.value))


_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d*)?)?)?").fullmatch

_USUAL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d").fullmatch


def stamp(value: Any) -> str:
    """Return a time of the registry (``2024-05-10T00:00:00``, with or without fraction) as sortable text, else ""."""
    if type(value) is str and _USUAL_TIME(value):
        return value
    text = str(value).strip().replace(" ", "T").removesuffix("Z")
    if not _TIME(text):
        return ""
    return text.rstrip("0").rstrip(".") if "." in text else text


def _noaa(test: Triplet, value: Any, record: Record) -> bool:
    own, wanted = float(value), int(float(test.value))
    if own in SENTINELS or own == 0 or not math.isfinite(own):
        return False
    when = stamp(record.get("event_starttime"))
    if test.operator in ("=", "!="):
        equal = noaa.five_digits(int(own), when) == noaa.five_digits(wanted, when)
        return equal == (test.operator == "=")
    return _COMPARE[test.operator](noaa.five_digits(int(own), when), wanted)


def _goes(test: Triplet, value: Any, record: Record) -> bool:
    if test.operator.endswith("like"):
        return _text(test, value, record)
    own = goes.peak_flux(str(value))
    return own is not None and class_holds(test.operator, own, test.value)


def _supplier(test: Triplet, value: Any, record: Record) -> bool:
    """Compare the condensed name of a method; the full name in frm_name is accepted as well."""
    names = [value, record.get("frm_name") or value]
    judged = [_text(test, name, record) for name in names]
    return all(judged) if test.operator in ("!=", "not like") else any(judged)


_JUDGES: dict[str, Callable[[Triplet, Any, Record], bool]] = {
    "float": _number, "integer": _whole, "boolean": _boolean, "time": _time, "ar_noaanum": _noaa, "fl_goescls": _goes,
    "search_frm_name": _supplier,
}  # fmt: skip


_CENTRES = {"helioprojective": "hpc", "stonyhurst": "hgs", "carrington": "hgc"}


def columns_of(box: BoundingBox) -> tuple[str, ...]:
    """Return the keywords that are needed to evaluate a box."""
    system = _CENTRES[box.system]
    return f"{system}_x", f"{system}_y", f"{system}_bbox", "noposition"


def _in_box(box: BoundingBox, record: Record) -> bool:
    """Evaluate by the center or the event's own box, since the registry does not state which one it uses."""
    x_name, y_name, bbox, _ = columns_of(box)
    if x_name not in record and y_name not in record:
        return True
    x, y = _finite(record.get(x_name)), _finite(record.get(y_name))
    if x is None or y is None or str(record.get("noposition")).lower() == "true":
        return not box.negated
    turns = (-360.0, 0.0, 360.0) if box.system == "carrington" else (0.0,)
    inside = box.y1 <= y <= box.y2 and any(box.x1 <= x + turn <= box.x2 for turn in turns)
    if box.negated:
        return not inside
    return inside or _overlaps(box, str(record.get(bbox) or ""), turns)


def _finite(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _overlaps(box: BoundingBox, chaincode: str, turns: tuple[float, ...]) -> bool:
    numbers = [float(text) for text in re.findall(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", chaincode)]
    xs, ys = numbers[::2], numbers[1::2]
    if not xs or len(xs) != len(ys) or len(set(xs)) == 1:
        return False
    if min(ys) > box.y2 or max(ys) < box.y1:
        return False
    return any(min(xs) + turn <= box.x2 and max(xs) + turn >= box.x1 for turn in turns)
