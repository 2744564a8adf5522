"""
The embedded registry's search: the events that match a request, evaluated independently of the clients.

Rules and limits are those of the registry's API page (HekWiki, "ApplicationProgrammingInterface") and of its responses.
"""

from __future__ import annotations

import fnmatch
import gzip
import json
import operator
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

__all__ = ["RefusedError", "catalogue", "instant", "keys", "one_page", "search"]

DATA = Path(__file__).parents[1] / "data" / "her"
DEFAULT_LIMIT = 100
HARD_LIMIT = 1000
CENTRES = {"helioprojective": ("hpc_x", "hpc_y"), "stonyhurst": ("hgs_x", "hgs_y"), "carrington": ("hgc_x", "hgc_y")}
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
NEVER_EQUAL = "CACTus (Computer Aided CME Tracking)"
"""The registry does not find this name, although events have it (observed by JHelioviewer's server check)."""

Event = dict[str, Any]
Test = Callable[[Event], bool]


class RefusedError(Exception):
    """A request to which the registry responds with an HTML page."""


@lru_cache(maxsize=1)
def catalogue() -> dict[str, list[Event]]:
    """Return the shipped events and associations."""
    catalogue: dict[str, list[Event]] = json.loads(gzip.decompress((DATA / "events.json.gz").read_bytes()))
    return catalogue


@lru_cache(maxsize=1)
def keys() -> dict[str, dict[str, Any]]:
    """Return the keywords: their types, the event types that have them, and whether they are required."""
    described: dict[str, dict[str, Any]] = json.loads((DATA / "keys.json").read_text())
    return described


def search(request: Mapping[str, str]) -> tuple[list[Event], list[Event], bool]:
    """
    Return one page of the events of a column search.

    Returns
    -------
    tuple
        The events of the page, the associations that include one of them, and whether more pages follow.
    """
    tests = [types(request), period(request), box(request), tests_shown(request), *filters(request)]
    chosen = [event for event in catalogue()["events"] if all(test(event) for test in tests)]
    page, more = one_page(chosen, request)
    names = {event["kb_archivid"] for event in page}
    edges = [e for e in catalogue()["associations"] if e["first_ivorn"] in names or e["second_ivorn"] in names]
    return page, edges, more


def one_page(chosen: list[Event], request: Mapping[str, str]) -> tuple[list[Event], bool]:
    """Return the requested page in the requested order, and whether more pages follow."""
    ordered = sorted(chosen, key=order(request), reverse=request.get("sort_order", "ASC").upper() == "DESC")
    limit = min(whole(request, "result_limit", DEFAULT_LIMIT), HARD_LIMIT)
    first = (whole(request, "page", 1) - 1) * limit
    return ordered[first : first + limit], first + limit < len(ordered)


def whole(request: Mapping[str, str], name: str, default: int) -> int:
    """Return a positive integer of the request."""
    text = request.get(name, "")
    return max(int(text), 1) if text.isdigit() else default


def order(request: Mapping[str, str]) -> Callable[[Event], tuple[bool, Any]]:
    """Return the sort key of events; missing values come last, or first in descending order (PostgreSQL)."""
    name = request.get("sort_by", "event_starttime").lower()
    if name not in keys() or name == "refs":
        raise RefusedError(f"unknown sort_by {name}")
    return lambda event: (event.get(name) in (None, ""), event.get(name) or 0)


def asked_types(request: Mapping[str, str]) -> set[str] | None:
    """Return the requested event types, or None for all."""
    asked = {name.strip().upper() for name in request.get("event_type", "").split(",") if name.strip()}
    if not asked:
        raise RefusedError("event_type is missing")
    return None if "**" in asked else asked


def types(request: Mapping[str, str]) -> Test:
    """Return the test of the event type."""
    asked = asked_types(request)
    return lambda event: asked is None or event["event_type"] in asked


def instant(request: Mapping[str, str], name: str) -> datetime:
    """Return a time of the request, UTC."""
    try:
        return datetime.fromisoformat(request[name].removesuffix("Z"))
    except (KeyError, ValueError) as error:
        raise RefusedError(f"{name} is missing or no date") from error


def period(request: Mapping[str, str]) -> Test:
    """Return the test of time: any overlap, including both ends, or completely inside with ``temporalmode=strict``."""
    first, last = instant(request, "event_starttime"), instant(request, "event_endtime")

    def inside(event: Event) -> bool:
        start, end = (datetime.fromisoformat(event[name]) for name in ("event_starttime", "event_endtime"))
        if request.get("temporalmode") == "strict":
            return first <= start and end <= last
        return start <= last and first <= end

    return inside


def box(request: Mapping[str, str]) -> Test:
    """Return the test of position: the event's centre is in the box. A box is required, as in the real registry."""
    names = CENTRES.get(request.get("event_coordsys", "").lower())
    try:
        x1, x2, y1, y2 = (float(request[name]) for name in ("x1", "x2", "y1", "y2"))
    except (KeyError, ValueError) as error:
        raise RefusedError("the box x1, x2, y1, y2 is missing or no number") from error
    if names is None:
        raise RefusedError("event_coordsys is missing or unknown")

    def inside(event: Event) -> bool:
        x, y = (event.get(name) for name in names)
        if x is None or y is None:
            return False
        turns = (-360, 0, 360) if names[0] == "hgc_x" else (0,)
        return y1 <= y <= y2 and any(x1 <= x + turn <= x2 for turn in turns)

    return inside


def tests_shown(request: Mapping[str, str]) -> Test:
    """Return the test that hides the registry's test events."""
    allowed = {"hide": {"false"}, "only": {"true"}, "show": {"true", "false"}}
    shown = allowed.get(request.get("showtests", "hide").lower(), {"false"})
    return lambda event: event["event_testflag"] in shown


def filters(request: Mapping[str, str]) -> list[Test]:
    """Return one test for each triplet paramN, opN, valueN."""
    numbers = sorted(int(found[1]) for name in request if (found := re.fullmatch(r"param(\d+)", name)))
    asked = asked_types(request)
    return [triplet(request[f"param{n}"], request.get(f"op{n}"), request.get(f"value{n}"), asked) for n in numbers]


def triplet(name: str, operation: str | None, value: str | None, asked: set[str] | None) -> Test:
    """Return the test of one filter; ``ch.name`` filters coronal holes only and keeps other types."""
    kind, dot, name = name.lower().rpartition(".")
    if name not in keys() or operation is None or value is None:
        raise RefusedError(f"unknown filter {name} {operation} {value}")
    if dot and asked is not None and kind.upper() not in asked:
        raise RefusedError(f"filter on event type {kind}, which is not requested")
    judge = judged(keys()[name]["type"], operation, value)

    def passes(event: Event) -> bool:
        if dot and event["event_type"] != kind.upper():
            return True
        own = event.get(name)
        return own not in (None, "") and judge(own)

    return passes


def judged(kind: str, operation: str, value: str) -> Callable[[Any], bool]:
    """Return the comparison of a value: text alphabetically, numbers by size, booleans as ``true`` and ``false``."""
    if operation == "like" and kind == "string":
        pattern = re.compile(fnmatch.translate(re.sub(r"([*?\[])", r"[\1]", value).replace("%", "*")))
        return lambda own: pattern.match(own) is not None
    if operation not in COMPARISONS or (kind == "boolean" and operation not in ("=", "!=")):
        raise RefusedError(f"unknown operation {operation}")
    compare = COMPARISONS[operation]
    if kind in ("string", "boolean"):
        return lambda own: value != NEVER_EQUAL and compare(own, value)
    try:
        bound = float(value)
    except ValueError as error:
        raise RefusedError(f"{value} is no number") from error
    return lambda own: compare(own, bound)
