"""Translate attrs to queries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sunpy.net import attrs as core
from sunpy.net.attr import Attr, AttrAnd, AttrOr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import alternatives, asked, conjunction, of_types, own
from sunpy_helio_plugins.her import attrs
from sunpy_helio_plugins.her.filters import noaa
from sunpy_helio_plugins.her.filters.logic import refuse_uncompared
from sunpy_helio_plugins.her.filters.plan import fewest, sendable, with_needed
from sunpy_helio_plugins.her.keywords import event_types
from sunpy_helio_plugins.her.query import ARCHIVE, NAMES, Alternative, BoundingBox, Query, Triplet
from sunpy_helio_plugins.her.sunpy_attrs import CORE, from_sunpy
from sunpy_helio_plugins.quantities.times import range_text

__all__ = ["BoundingBox", "Query", "Triplet", "queries"]

OWN = own(attrs)

KNOWN = (*OWN, core.Time, core.Provider, *CORE)
"""The attrs that a query may contain, after those of sunpy's HEK client were converted."""


def queries(*query: Attr) -> tuple[Query, ...]:
    """Return the queries for some attrs, as few as possible; alternatives that can share one request are combined."""
    refuse_uncompared(*query)
    tree = _ours(conjunction(*query)) if query else None
    branches = alternatives((tree,), KNOWN, ARCHIVE) if tree is not None else [()]
    found = [_queries(branch, len(branches) == 1) for branch in branches]
    possible = [each for made in found for each in made]
    if not possible:
        types = [repr(one) for branch in branches for one in branch if isinstance(one, attrs.EventType)]
        if len(types) > 1:
            raise QueryError(
                f"No event matches {' and '.join(types)}: an event has one type; join types with |, not &."
            )
        given = ", ".join(map(repr, query))
        raise QueryError(f"No event matches all conditions of {given}: it must lie in all boxes; change one of them.")
    return with_needed(fewest(possible))


def _ours(tree: Attr) -> Attr:
    """Convert sunpy's attrs and suppliers in a tree to comparisons."""
    if isinstance(tree, AttrAnd | AttrOr):
        return type(tree)([_ours(attr) for attr in tree.attrs])
    refuse_uncompared(tree)
    attr = from_sunpy(tree)
    return attr.filters() if isinstance(attr, attrs.Supplier) else attr


def _queries(branch: tuple[Attr, ...], is_alone: bool) -> list[Query]:
    """Return the queries for one alternative; empty if no event can match it."""
    branch = tuple(dict.fromkeys(branch))
    provider, time, strictly = of_types(branch, core.Provider, core.Time, attrs.Strict)
    _check_provider(provider)
    if time is None:
        raise QueryError("A search of the registry needs a time range; add a.Time(start, end).")
    if time.near is not None:
        raise QueryError("The registry cannot search for the nearest event; use a.Time(start, end) without near.")
    tests = tuple(_triplet(attr) for attr in branch if isinstance(attr, attrs.Filter))
    types = _types(branch, tests)
    tests = _of_types(tests, types, is_alone)
    box = _box([attr for attr in branch if isinstance(attr, attrs.Box) and not attr.negated])
    if types is None or box is None:
        return []
    # As on the registry's API page: with a fraction if there is one.
    start, end = (text.removesuffix(".000Z") for text in range_text(time.start, time.end))
    tests = noaa.in_period(tuple(_without_needless_type(test, types) for test in tests), start)
    boxes = tuple(_area(attr) for attr in branch if isinstance(attr, attrs.Box))
    strict = strictly is not None
    whole = Query(start, end, types, box, (), alternatives=(Alternative(start, end, types, tests, boxes, strict),))
    whole = replace(whole, **asked(branch, OWN))
    sent = [()] if whole.within else sendable(tests, start, end)
    return [replace(whole, filters=filters) for filters in sent]


def _check_provider(provider: Any) -> None:
    if provider is not None and not NAMES.has_provider(provider.value):
        names = " or ".join(NAMES.providers)
        raise QueryError(f"The provider of the registry's events is {names}, not {provider.value!r}.")


def _types(branch: tuple[Attr, ...], tests: tuple[Triplet, ...]) -> tuple[str, ...] | None:
    """Return the event types, by default those of the type-specific filters; `None` if no event can match."""
    named = [attr.values for attr in branch if isinstance(attr, attrs.EventType)]
    judged = tuple(dict.fromkeys(test.event_type for test in tests if test.event_type))
    if not named:
        anything = any(isinstance(attr, attrs.Event) for attr in branch)
        return () if anything else judged
    types = tuple(code for code in named[0] if all(code in values for values in named))
    # All types are the same as not selecting any.
    return None if not types else () if set(types) >= set(event_types()) else types


def _of_types(tests: tuple[Triplet, ...], types: tuple[str, ...] | None, is_alone: bool) -> tuple[Triplet, ...]:
    """Return the filters that apply to the searched types; others are removed if there are several alternatives."""
    # The registry responds with an error page to filters of other types (API page, "Event Type Specific Filters").
    # With several alternatives they result from expanding the tree; with a single one they are a mistake.
    kept = tuple(test for test in tests if not types or test.event_type in ("", *types))
    if types and len(kept) < len(tests) and is_alone:
        strangers = ", ".join(dict.fromkeys(test.event_type for test in tests if test not in kept))
        raise QueryError(
            f"A filter applies to {strangers}, but the search is for {', '.join(types)} only; remove it or add a type."
        )
    return kept


def _without_needless_type(test: Triplet, types: tuple[str, ...]) -> Triplet:
    """Return a filter without its type if only that type is searched, which is the simplest form."""
    return replace(test, event_type="") if types == (test.event_type,) else test


def _area(attr: attrs.Box) -> BoundingBox:
    x1, y1, x2, y2 = attr.corners
    return BoundingBox(attr.system, x1, y1, x2, y2, attr.negated)


def _box(given: list[attrs.Box]) -> BoundingBox | None:
    """Return the box to send, the intersection of boxes of the first system; this package evaluates the others."""
    if not given:
        return BoundingBox()
    same = [_area(attr) for attr in given if attr.system == given[0].system]
    x1, y1 = max(box.x1 for box in same), max(box.y1 for box in same)
    x2, y2 = min(box.x2 for box in same), min(box.y2 for box in same)
    return BoundingBox(given[0].system, x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def _triplet(attr: attrs.Filter) -> Triplet:
    return Triplet(attr.name, attr.operator, attr.value, attr.event_type, attr.unit)
