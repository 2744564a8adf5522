"""Combine alternatives to as few requests as possible that do not miss events."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.filters import goes, noaa
from sunpy_helio_plugins.her.filters.evaluate import columns_of
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.query import Alternative, BoundingBox, Query, Triplet

__all__ = ["SUBSETS", "fewest", "sendable", "with_needed", "with_times"]

SUBSETS = ("required", "optional")

TIMES = ("event_starttime", "event_endtime")

NEWEST = ("revision", "event_type", "search_frm_name", "event_starttime", "hrc_a", "cme_angularwidth", "kb_archivdate")
"""The keywords that identify the newest revision, and the last submission of an eruption."""

COORDINATES = ("coord1_unit", "coord2_unit", "coord3_unit")


def with_needed(queries: tuple[Query, ...]) -> tuple[Query, ...]:
    """Return queries that also request the keywords for evaluation; raise QueryError if a subset excludes them."""
    return tuple(_with_needed(query, len(queries) > 1) for query in queries)


def with_times(query: Query) -> Query:
    """Return a query that also requests the times, so that parts of it can be evaluated and sorted."""
    if not query.returns or query.returns[0] in SUBSETS:
        return query
    return replace(query, returns=tuple(dict.fromkeys((*query.returns, *TIMES))))


def _with_needed(query: Query, is_one_of_several: bool) -> Query:
    if not query.returns:
        return query
    several = is_one_of_several or len(query.alternatives) > 1 or bool(query.within)
    needed = list(_judging(query, several))
    if several:
        needed += [*TIMES, "event_type"]
    needed += [query.sort_by] if query.sort_by else []
    needed += NEWEST if query.latest else ()
    if query.returns[0] in SUBSETS:
        _check_subset(query, needed)
        return query
    return replace(query, returns=tuple(dict.fromkeys((*query.returns, "kb_archivid", *needed))))


def _judging(query: Query, several: bool) -> list[str]:
    needed: list[str] = []
    for alternative in query.alternatives:
        for test in alternative.tests:
            needed += [test.name, *_beside(test.name, test.unit)]
            needed += ["event_type"] if test.event_type else []
        needed += _places(alternative, several)
    return needed


def _beside(name: str, unit: str) -> list[str]:
    """Return the keywords that are needed to interpret a keyword's value."""
    if unit:
        own = keywords()[name].unit
        return ["event_coordunit" if own in COORDINATES else own]
    return {"ar_noaanum": ["event_starttime"], "search_frm_name": ["frm_name"]}.get(name, [])


def _places(alternative: Alternative, several: bool) -> list[str]:
    """Return the positions that are needed to evaluate the boxes that are not sent to the registry."""
    boxes = alternative.boxes
    here = [box for box in boxes if several or box.negated or box.system != boxes[0].system]
    return [name for box in here for name in columns_of(box)]


def _check_subset(query: Query, needed: list[str]) -> None:
    """Raise QueryError if a subset excludes keywords for the evaluation; conditions that were sent do not need it."""
    sent = {test.name for test in query.filters} - {"fl_goescls", "ar_noaanum"}
    is_required = query.returns[0] == "required"
    missing = [
        name
        for name in dict.fromkeys(needed)
        if name not in sent and keywords()[name].filter and (keywords()[name].required is True) != is_required
    ]
    missing += [name for name in needed if not keywords()[name].filter and name != "noposition"]
    if missing:
        raise QueryError(
            f"a.her.Return({query.returns[0]!r}) may leave out {', '.join(dict.fromkeys(missing))}, which this package "
            "needs to evaluate the query; name the keywords in a.her.Return instead, or omit it."
        )


def fewest(queries: Iterable[Query]) -> tuple[Query, ...]:
    """Return queries for the same events with as few requests as possible."""
    # Alternatives are joined if they differ in types, in touching time ranges, or in the filters of different types;
    # one that is included in another is dropped.
    joined = list(queries)
    for rule in (_included, _same_filters, _touching, _own_filters):
        joined = _apply(rule, joined)
    return tuple(joined)


Rule = Callable[[Query, Query], Query | None]


def _apply(rule: Rule, queries: list[Query]) -> list[Query]:
    """Join each query with the first earlier one for which the rule returns a query."""
    done: list[Query] = []
    for query in queries:
        for index, other in enumerate(done):
            both = rule(other, query) if other.manner() == query.manner() else None
            if both is not None:
                done[index] = replace(both, alternatives=_unique(other, query))
                break
        else:
            done.append(query)
    return done if len(done) == len(queries) else _apply(rule, done)


def _unique(first: Query, second: Query) -> tuple[Alternative, ...]:
    return tuple(dict.fromkeys(first.alternatives + second.alternatives))


def _included(first: Query, second: Query) -> Query | None:
    """Return the outer query if it includes the time range, box and types of the other, without additional filters."""
    for outer, inner in ((first, second), (second, first)):
        types = not outer.types or (inner.types and set(inner.types) <= set(outer.types))
        if types and _spans(outer, inner) and set(outer.filters) <= set(inner.filters):
            return outer
    return None


def _spans(outer: Query, inner: Query) -> bool:
    if outer.within:
        return (outer.start, outer.end, outer.box) == (inner.start, inner.end, inner.box)
    return outer.start <= inner.start and inner.end <= outer.end and _holds(outer.box, inner.box)


def _holds(outer: BoundingBox, inner: BoundingBox) -> bool:
    if outer.system != inner.system:
        return False
    low = outer.x1 <= inner.x1 and outer.y1 <= inner.y1
    return low and inner.x2 <= outer.x2 and inner.y2 <= outer.y2


def _same_filters(first: Query, second: Query) -> Query | None:
    """Join the types of queries that do not differ otherwise."""
    if not first.types or not second.types or first.within:
        return None
    both = replace(first, types=tuple(dict.fromkeys(first.types + second.types)))
    return both if replace(second, types=both.types) == both else None


def _touching(first: Query, second: Query) -> Query | None:
    """Join time ranges that touch, unless events must lie within them."""
    if first.strict or first.within or first.start > second.end or second.start > first.end:
        return None
    both = replace(first, start=min(first.start, second.start), end=max(first.end, second.end))
    return both if replace(second, start=both.start, end=both.end) == both else None


def _own_filters(first: Query, second: Query) -> Query | None:
    """Join queries of different types with type-specific filters: ``ar.ar_noaanum`` and ``ch.area_atdiskcenter``."""
    disjoint = first.types and second.types and not set(first.types) & set(second.types)
    if not disjoint or first.within or (first.start, first.end, first.box) != (second.start, second.end, second.box):
        return None
    filters = [_typed(query) for query in (first, second)]
    if filters[0] is None or filters[1] is None:
        return None
    return replace(first, types=first.types + second.types, filters=tuple(dict.fromkeys(filters[0] + filters[1])))


def _typed(query: Query) -> tuple[Triplet, ...] | None:
    """Return the filters restricted to the types of the query; `None` if these do not have a keyword."""
    typed: list[Triplet] = []
    for triplet in query.filters:
        kinds = [triplet.event_type] if triplet.event_type else query.types
        allowed = keywords()[triplet.name].types
        if allowed and not set(kinds) <= set(allowed):
            return None
        typed += [replace(triplet, event_type=kind) for kind in kinds]
    return tuple(typed)


NAMES = ("frm_name", "search_frm_name")

SINGLE = 1e-6
"""Relative tolerance of a number that the registry stores in single precision."""


def sendable(tests: tuple[Triplet, ...], start: str, end: str) -> list[tuple[Triplet, ...]]:
    """Return the filters of one or more requests, which together find every event for which ``tests`` are true."""
    return [
        tuple(dict.fromkeys(sent for test in variant for sent in _sent(test)))
        for variant in noaa.variants(tests, start, end)
    ]


def _sent(test: Triplet) -> list[Triplet]:
    if test.unit or test.operator == "not like":
        return []
    if test.name == "fl_goescls" and test.operator != "like":
        found = goes.superset(test.operator, test.value)
        return [] if found is None else [replace(test, operator=found[0], value=found[1])]
    if test.name in NAMES and "(" in test.value and test.operator in ("=", "!="):
        return _parenthesis(test)
    return _number(test) if keywords()[test.name].kind == "float" else [test]


def _parenthesis(test: Triplet) -> list[Triplet]:
    """Return the part of a name that can be sent: ``CACTus (...)`` finds nothing (JHelioviewer's server check)."""
    start = test.value.partition("(")[0].strip()
    if test.name != "frm_name" or test.operator != "=" or not start or "%" in start:
        return []
    return [replace(test, operator="like", value=f"{start}%")]


def _number(test: Triplet) -> list[Triplet]:
    """Return a comparison that allows for single precision: the registry stores 0.51 as 0.509999990463257."""
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
