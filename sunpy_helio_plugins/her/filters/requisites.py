"""
The requisites of each keyword: what reading its values takes beside them.

A place takes the instant to which it belongs, so the method and its times; a number takes its unit. A search for a few
keywords asks for their requisites as well, and a value whose requisites are missing is masked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns.chaincodes import POLYGONS, is_chaincode
from sunpy_helio_plugins.her.columns.origins import KEYWORDS
from sunpy_helio_plugins.her.columns.parse import COMPONENTS, is_place
from sunpy_helio_plugins.her.columns.positions import CENTRES, POINTS
from sunpy_helio_plugins.her.filters.plan import SUBSETS
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.query import Query

__all__ = ["ALWAYS", "beside", "readable", "requisites", "untold"]

TIMES = ("event_starttime", "event_endtime", "event_peaktime")
ALWAYS = ("event_starttime", "event_endtime", "event_type", "frm_name", "frm_versionnumber", "event_peaktime")
"""What every table takes: its first columns, and the instant of each event."""

SUBMITTED = ("event_coord1", "event_coord2")


def requisites(names: Iterable[str]) -> tuple[str, ...]:
    """
    Return what reading some keywords takes, the keywords themselves among it.

    Parameters
    ----------
    names : iterable of str
        Keywords.
    """
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found[name] = None
            waiting += _beside(name)
    return tuple(found)


def _beside(name: str) -> list[str]:
    """Return what one keyword takes at once."""
    keyword = keywords().get(name.lower())
    needed = [] if keyword is None or not keyword.unit else [_unit_of(keyword.unit)]
    if name == "ar_noaanum":
        needed.append("event_starttime")
    if is_place(name):
        needed.append("noposition")
    if name in POINTS or name in SUBMITTED:
        needed += [*CENTRES["hpc"], *CENTRES["hgs"], "hpc_coord", "hgs_coord", "event_starttime", *SUBMITTED]
    if is_chaincode(name) or name in POINTS:
        needed += [*ALWAYS, *KEYWORDS, *_seen(name)]
    if name.endswith("_bbox"):
        needed += ["hgs_bbox", "hgc_bbox"]
    return [each for each in needed if each != name]


def _unit_of(unit: str) -> str:
    return "event_coordunit" if unit in COMPONENTS else unit


def _seen(name: str) -> list[str]:
    """Return the same place as seen from Earth, by which it is judged whether the registry mirrors it."""
    if name[:3] not in ("hgs", "hgc"):
        return []
    if POLYGONS.fullmatch(name) or name.endswith("_coord"):
        return [f"hpc{name[3:]}", f"hrc{name[3:]}"]
    return [each for system in ("hpc", "hrc", name[:3]) for each in CENTRES[system]]


def readable(query: Query) -> Query:
    """Return a search that asks for the requisites of the keywords that it names, too."""
    if not query.returns or query.returns[0] in SUBSETS:
        return query
    return replace(query, returns=requisites(dict.fromkeys((*query.returns, *ALWAYS))))


def beside(queries: Iterable[Query]) -> list[str]:
    """Return the keywords that come with searches although nobody named them."""
    return list(dict.fromkeys(name for query in queries for name in set(readable(query).returns) - set(query.returns)))


def untold(records: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """
    Return the keywords of a subset of all that cannot be read, with what is missing to read them.

    Parameters
    ----------
    records : sequence of dict
        Events that came without a part of their keywords.
    """
    present = {name for record in records for name in record}
    # Each method says which of the times its places belong to.
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
