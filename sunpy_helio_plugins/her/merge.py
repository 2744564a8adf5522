"""Join searches that the registry can answer at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.queries import Alternative, Box, Query, Triplet

__all__ = ["fewest"]


def fewest(queries: Iterable[Query]) -> tuple[Query, ...]:
    """
    Return searches that bring the same events in as few requests as can be.

    Parameters
    ----------
    queries : iterable of Query
        Alternatives.

    Returns
    -------
    tuple of Query
        Alternatives that differ in types, in touching periods, or in what they ask of different types, are joined; one
        that another includes is left to it.
    """
    joined = list(queries)
    for rule in (_included, _same_filters, _touching, _own_filters):
        joined = _apply(rule, joined)
    return tuple(joined)


Rule = Callable[[Query, Query], Query | None]


def _apply(rule: Rule, queries: list[Query]) -> list[Query]:
    """Join each query with the first earlier one that the rule allows."""
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
    """One search is a part of the other: of its period, its box and its types, under no fewer conditions."""
    for outer, inner in ((first, second), (second, first)):
        types = not outer.types or (inner.types and set(inner.types) <= set(outer.types))
        if types and _spans(outer, inner) and set(outer.filters) <= set(inner.filters):
            return outer
    return None


def _spans(outer: Query, inner: Query) -> bool:
    if outer.within:
        return (outer.start, outer.end, outer.box) == (inner.start, inner.end, inner.box)
    return outer.start <= inner.start and inner.end <= outer.end and _holds(outer.box, inner.box)


def _holds(outer: Box, inner: Box) -> bool:
    if outer.system != inner.system:
        return False
    low = outer.x1 <= inner.x1 and outer.y1 <= inner.y1
    return low and inner.x2 <= outer.x2 and inner.y2 <= outer.y2


def _same_filters(first: Query, second: Query) -> Query | None:
    """Event types join: nothing else differs."""
    if not first.types or not second.types or first.within:
        return None
    both = replace(first, types=tuple(dict.fromkeys(first.types + second.types)))
    return both if replace(second, types=both.types) == both else None


def _touching(first: Query, second: Query) -> Query | None:
    """Periods that touch are one, as long as overlapping is enough."""
    if first.strict or first.within or first.start > second.end or second.start > first.end:
        return None
    both = replace(first, start=min(first.start, second.start), end=max(first.end, second.end))
    return both if replace(second, start=both.start, end=both.end) == both else None


def _own_filters(first: Query, second: Query) -> Query | None:
    """Let each type be judged by its own comparisons: ``ar.ar_noaanum`` beside ``ch.area_atdiskcenter``."""
    disjoint = first.types and second.types and not set(first.types) & set(second.types)
    if not disjoint or first.within or (first.start, first.end, first.box) != (second.start, second.end, second.box):
        return None
    filters = [_typed(query) for query in (first, second)]
    if filters[0] is None or filters[1] is None:
        return None
    return replace(first, types=first.types + second.types, filters=tuple(dict.fromkeys(filters[0] + filters[1])))


def _typed(query: Query) -> tuple[Triplet, ...] | None:
    """Return comparisons that judge the query's own types only; `None` where a keyword is not theirs."""
    typed: list[Triplet] = []
    for triplet in query.filters:
        kinds = [triplet.event_type] if triplet.event_type else query.types
        allowed = keywords()[triplet.name].types
        if allowed and not set(kinds) <= set(allowed):
            return None
        typed += [replace(triplet, event_type=kind) for kind in kinds]
    return tuple(typed)
