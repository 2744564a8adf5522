"""
The embedded registry's containment search: events within events of another type.

The rules are those of the registry's API page: both are completely in the period, they begin within eight hours of each
other, and the inner event's Carrington centre is in the container's boundary or, without a boundary, in its box.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from sunpy_helio_plugins.sandbox.her.search import Event, RefusedError, catalogue, instant, one_page

__all__ = ["contained"]

TOLERANCE = timedelta(hours=8)


def contained(request: Mapping[str, str]) -> tuple[list[Event], list[Event], bool]:
    """Return one page of the events of both types that are related, their relations, and whether more pages follow."""
    kinds = [request.get(name, "").upper() for name in ("event_type1", "event_type2")]
    if not all(kinds):
        raise RefusedError("event_type1 or event_type2 is missing")
    first, last = instant(request, "event_starttime"), instant(request, "event_endtime")
    inner, outer = ([event for event in during(first, last) if event["event_type"] == kind] for kind in kinds)
    pairs = [(a, b) for a in inner for b in outer if cotemporal(a, b) and lies_in(a, b)]
    names = {event["kb_archivid"] for pair in pairs for event in pair}
    events = [event for event in catalogue()["events"] if event["kb_archivid"] in names]
    page, more = one_page(events, request)
    return page, [relation(a, b) for a, b in pairs], more


def during(first: datetime, last: datetime) -> list[Event]:
    """Return the events that are completely in a period."""
    return [
        event
        for event in catalogue()["events"]
        if first <= moment(event, "event_starttime") and moment(event, "event_endtime") <= last
        if event["event_testflag"] == "false"
    ]


def moment(event: Event, name: str) -> datetime:
    """Return a time of an event."""
    return datetime.fromisoformat(event[name])


def cotemporal(inner: Event, outer: Event) -> bool:
    """Return whether the starts of two events differ by at most the tolerance."""
    return abs(moment(inner, "event_starttime") - moment(outer, "event_starttime")) <= TOLERANCE


def lies_in(inner: Event, outer: Event) -> bool:
    """Return whether the centre of an event is within another event."""
    x, y = inner.get("hgc_x"), inner.get("hgc_y")
    ring = vertices(outer.get("hgc_boundcc") or outer.get("hgc_bbox") or "")
    if x is None or y is None or len(ring) < 4 or inner.get("noposition") == "true":
        return False
    return any(is_inside(x + turn, y, ring) for turn in (-360.0, 0.0, 360.0))


def vertices(chaincode: str) -> list[tuple[float, float]]:
    """Return the vertices of a chaincode."""
    numbers = [float(text) for text in re.findall(r"-?\d+(?:\.\d+)?", chaincode)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def is_inside(x: float, y: float, ring: list[tuple[float, float]]) -> bool:
    """Return whether a point is in a closed ring: a ray to the right crosses it an odd number of times."""
    inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            inside = not inside
    return inside


def relation(inner: Event, outer: Event) -> Event:
    """Return the association of a container and its content: the first contains the second."""
    return {
        "first_id": 15000000, "second_id": 15000000, "first_ivorn": outer["kb_archivid"],
        "second_ivorn": inner["kb_archivid"], "first_event_type": outer["event_type"],
        "second_event_type": inner["event_type"], "reported_by": "nobody", "edge_type": "contains", "strength": 1.0,
    }  # fmt: skip
