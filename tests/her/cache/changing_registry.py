"""
A registry whose events change, without a network: the model with which the cache is compared.

Minutes are counted from `EPOCH`; times of the registry have whole seconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from sunpy_helio_plugins.errors import ServerError, ServiceUnreachable
from sunpy_helio_plugins.transport.exchange import Response

if TYPE_CHECKING:
    from two_processes import Clock

EPOCH = datetime(2026, 1, 1)
DAY = 86400.0
UNIX = (EPOCH - datetime(1970, 1, 1)).total_seconds()

Record = dict[str, Any]


def stamp(minute: float) -> str:
    return (EPOCH + timedelta(minutes=minute)).isoformat(timespec="seconds")


def names(records: Iterable[Record]) -> list[str]:
    return [f"{record['kb_archivid']} {record['revision']}" for record in records]


@dataclass
class Registry:
    """
    The events, and the requests that came.

    Attributes
    ----------
    events : dict
        The events by name, in the order in which the registry returns those with the same start.
    asked : list of (str, str, int)
        Start, end and page of each request.
    failing, cut : set of int
        The numbers of requests, from now, that fail, or whose bodies end early.
    """

    clock: Clock
    size: int = 1000
    events: dict[str, Record] = field(default_factory=dict)
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    failing: set[int] = field(default_factory=set)
    cut: set[int] = field(default_factory=set)
    edges: list[Record] = field(default_factory=list)

    def put(self, name: str, start: float, minutes: float = 1.0, archived: float | None = None, **more: Any) -> None:
        """Add or revise an event; it is archived a year ago unless a time in minutes is given."""
        before = self.events.get(name, {})
        self.events[name] = {
            "kb_archivid": f"ivo://x/{name}", "revision": str(int(before.get("revision", "0")) + 1), "event_type": "FL",
            "event_starttime": stamp(start), "event_endtime": stamp(start + minutes), "frm_name": "SWPC",
            "kb_archivdate": stamp(-525_600.0 if archived is None else archived), "event_importance_num_ratings": "",
        } | more  # fmt: skip

    def overlapping(self, start: str, end: str) -> list[Record]:
        """Return the events of a range in the order of the registry."""
        found = [one for one in self.events.values() if one["event_starttime"] <= end and one["event_endtime"] >= start]
        return sorted(found, key=lambda one: one["event_starttime"])

    def get(self, url: str, **_: Any) -> Response:
        """Answer a request, in the place of ``metadata.get``."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        start, end, page = query["event_starttime"], query["event_endtime"], int(query["page"])
        self.asked.append((start, end, page))
        self.clock.sleep(0.01)
        self.failing, fails = {one - 1 for one in self.failing}, 1 in self.failing
        self.cut, is_cut = {one - 1 for one in self.cut}, 1 in self.cut
        if fails:
            raise ServiceUnreachable("HER", url, "no connection")
        size = min(int(query["result_limit"]), self.size)
        found, first = self.overlapping(start, end), (page - 1) * size
        chosen = found[first : first + size]
        own = {one["kb_archivid"] for one in chosen}
        edges = [edge for edge in self.edges if own & {edge["first_ivorn"], edge["second_ivorn"]}]
        told = {"result": chosen, "association": edges, "overmax": first + size < len(found)}
        body = json.dumps(told).encode()
        return Response("HER", url, 200, {}, body[: len(body) // 2] if is_cut else body, "OK")

    def refuse(self, url: str, **_: Any) -> Response:
        """Answer that the registry is down."""
        self.asked.append(("", "", 0))
        raise ServerError("HER", url, "down", 500)
