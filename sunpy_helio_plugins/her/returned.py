"""Which keywords come with each event: those asked for, and what this package needs to judge, tell apart and order."""

from __future__ import annotations

from dataclasses import replace

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.queries import Alternative, Query
from sunpy_helio_plugins.her.truth import columns_of

__all__ = ["SUBSETS", "with_needed", "with_times"]

SUBSETS = ("required", "optional")
TIMES = ("event_starttime", "event_endtime")
NEWEST = ("revision", "event_type", "search_frm_name", "event_starttime", "hrc_a", "cme_angularwidth", "kb_archivdate")
"""What tells the newest revision, and the last submission of an eruption."""
COORDINATES = ("coord1_unit", "coord2_unit", "coord3_unit")


def with_needed(queries: tuple[Query, ...]) -> tuple[Query, ...]:
    """
    Return searches that bring what they need beside what was asked for.

    Parameters
    ----------
    queries : tuple of Query
        The requests of one search; their ``returns`` hold what the user named.

    Raises
    ------
    QueryError
        Only a subset is asked for, and this package must judge by a keyword outside it.
    """
    return tuple(_with_needed(query, len(queries) > 1) for query in queries)


def with_times(query: Query) -> Query:
    """Return a search whose events come with their times, so that parts of it can be judged and ordered."""
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
    """Return what is needed to understand a keyword's value."""
    if unit:
        own = keywords()[name].unit
        return ["event_coordunit" if own in COORDINATES else own]
    return {"ar_noaanum": ["event_starttime"], "search_frm_name": ["frm_name"]}.get(name, [])


def _places(alternative: Alternative, several: bool) -> list[str]:
    """Return the places by which boxes are judged that the registry is not asked for."""
    boxes = alternative.boxes
    here = [box for box in boxes if several or box.negated or box.system != boxes[0].system]
    return [name for box in here for name in columns_of(box)]


def _check_subset(query: Query, needed: list[str]) -> None:
    """Refuse a subset that would leave out what this package must judge by; what was sent is judged already."""
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
            f"a.her.Return({query.returns[0]!r}) may leave out {', '.join(dict.fromkeys(missing))}, by which this "
            "package must judge; name keywords instead, or leave it out."
        )
