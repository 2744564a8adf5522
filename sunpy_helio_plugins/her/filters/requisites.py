"""
The requisites of keywords: other keywords that are needed to read their values.

A position needs its time, and therefore the method and its times; a number needs its unit. A search for a few keywords
requests their requisites as well, and a value without its requisites is masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns.chaincodes import POLYGONS, is_chaincode
from sunpy_helio_plugins.her.columns.origins import CODES, KEYWORDS
from sunpy_helio_plugins.her.columns.parse import COMPONENTS, is_place
from sunpy_helio_plugins.her.columns.positions import CENTRES, POINTS
from sunpy_helio_plugins.her.filters.plan import SUBSETS
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.query import Query

__all__ = ["ALWAYS", "beside", "readable", "requisites", "untold"]

TIMES = ("event_starttime", "event_endtime", "event_peaktime")
ALWAYS = ("event_starttime", "event_endtime", "event_type", "frm_name", "frm_versionnumber", "event_peaktime")
"""The keywords that every table needs: for its first columns, and for the time of each event."""

SUBMITTED = ("event_coord1", "event_coord2")


def requisites(names: Iterable[str]) -> tuple[str, ...]:
    """Return the keywords that are needed to read the given ones, including these."""
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            waiting += _beside(name)
    return tuple(found)


def _beside(name: str) -> list[str]:
    """Return the direct requisites of one keyword."""
    keyword = keywords().get(name.lower())
    needed = [] if keyword is None or not keyword.unit else [_unit_of(keyword.unit)]
    if name == "ar_noaanum":
        needed.append("event_starttime")
    if is_place(name):
        needed.append("noposition")
    if name in POINTS or name in SUBMITTED:
        needed += [*CENTRES["hpc"], *CENTRES["hgs"], "hpc_coord", "hgs_coord", "event_starttime", *SUBMITTED]
    if is_chaincode(name) or name in POINTS:
        needed += [*ALWAYS, *KEYWORDS, *_others(name)]
    if name.endswith("_bbox"):
        needed += ["hgs_bbox", "hgc_bbox"]
    return [each for each in needed if each != name]


def _unit_of(unit: str) -> str:
    return "event_coordunit" if unit in COMPONENTS else unit


def _others(name: str) -> list[str]:
    """Return the same position in other systems, of which one may be that of submission, and not mirrored or lost."""
    if POLYGONS.fullmatch(name):
        return [f"{system}{name[3:]}" for system in CODES]
    if name[:3] not in ("hgs", "hgc"):
        return []
    if name.endswith("_coord"):
        return [f"hpc{name[3:]}", f"hrc{name[3:]}"]
    return [each for system in ("hpc", "hrc", name[:3]) for each in CENTRES[system]]


def readable(query: Query) -> Query:
    """Return a query that also requests the requisites of its keywords."""
    if not query.returns or query.returns[0] in SUBSETS:
        return query
    return replace(query, returns=requisites(dict.fromkeys((*query.returns, *ALWAYS))))


def beside(queries: Iterable[Query]) -> list[str]:
    """Return the keywords that searches request in addition to the named ones."""
    return list(dict.fromkeys(name for query in queries for name in set(readable(query).returns) - set(query.returns)))


def untold(records: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the keywords that cannot be read from records with a subset of keywords, and what each is missing."""
    present = {name for record in records for name in record}
    # The method determines which of the times is that of its positions.
    timed = {"frm_name", "event_starttime"} | {
        name for record in records for name in frames.keywords_of(record.get("frm_name"))
    }  # fmt: skip
    made: dict[str, list[str]] = {}
    for name in present:
        needed = [each for each in requisites([name]) if each not in ALWAYS or each in timed or name == "ar_noaanum"]
        missing = [each for each in needed if each not in present]
        if missing and requisites([name]) != (name,):
            made[name] = missing
    if not timed <= present:
        made["detection_time"] = sorted(timed - present)
    return made
