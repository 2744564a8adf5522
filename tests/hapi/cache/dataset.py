"""
A dataset that changes, and its server, without a network: the model with which the cache is compared.

Minutes are counted from `EPOCH`. The history of each minute is kept, so that a test can tell what was true when.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

from sunpy_helio_plugins.errors import ServiceUnreachable
from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.hapi.plan import DataRequest
from sunpy_helio_plugins.hapi.server_list import HAPIServer
from sunpy_helio_plugins.hapi.service import Service
from sunpy_helio_plugins.quantities.spans import Moment, Span
from sunpy_helio_plugins.transport.exchange import Response

if TYPE_CHECKING:
    from two_processes import Clock

EPOCH = np.datetime64("2026-01-01T00:00:00")
DAY = 86400.0
UNIX = float(EPOCH.astype(int))
"""The Unix time of `EPOCH`."""

SERVER = HAPIServer("model", "https://model.example/hapi", version="3.0")
NAMES = ("A", "B")
FILL = -1e31


def stamp(minute: float) -> str:
    return f"{EPOCH + np.timedelta64(round(minute * 60_000), 'ms')}Z"


def moment(minute: float) -> Moment:
    return Moment.read(stamp(minute))


@dataclass
class Dataset:
    """
    The records of a server.

    ``rows`` are the values of each minute; ``changed`` is when a minute was last changed; and ``tells`` is whether the
    server says when the dataset was modified.
    """

    clock: Clock
    tells: bool
    rows: dict[int, tuple[float, float]] = field(default_factory=dict)
    changed: dict[int, float] = field(default_factory=dict)
    start: int = 0
    stop: int = 0
    version: int = 0
    failing: int = 0
    cut: int = 0
    spliced: int = 0
    requests: list[tuple[int, int, tuple[str, ...]]] = field(default_factory=list)
    disturbed: bool = False
    number: float = 0.0

    def put(self, minute: int, is_modified: bool = True) -> None:
        """Add or change the record of a minute."""
        self.number += 1
        self.rows[minute] = (self.number, -self.number)
        self.changed[minute] = self.clock.now
        self.version += is_modified and self.tells

    def remove(self, minute: int) -> None:
        if self.rows.pop(minute, None) is not None:
            self.changed[minute] = self.clock.now
            self.version += self.tells

    def grow(self, until: int) -> None:
        """Add the records up to a minute."""
        for minute in range(self.stop + 1, until + 1):
            self.put(minute, is_modified=False)
        self.stop = max(self.stop, until)

    def raw(self, names: tuple[str, ...] = NAMES) -> dict[str, Any]:
        values = [{"name": name, "type": "double", "units": "nT", "fill": str(FILL)} for name in names]
        made: dict[str, Any] = {
            "HAPI": "3.0", "status": {"code": 1200, "message": "OK"}, "cadence": "PT1M", "startDate": stamp(self.start),
            "stopDate": stamp(self.stop),
            "parameters": [{"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None}, *values],
        }  # fmt: skip
        if self.tells:
            made["modificationDate"] = stamp(self.version)
        return made

    def requests_for(self, first: int, before: int, names: tuple[str, ...], cuts: tuple[int, ...], raw: Any) -> Any:
        """Return the requests for a range, in pieces, as a search makes them."""
        info = Info.from_json(raw).subset(names)
        borders = [first, *sorted({cut for cut in cuts if first < cut < before}), before]
        return [
            DataRequest(
                SERVER, "D", "", info, Span(moment(one), moment(other)), stamp(other), "csv",
                f"{SERVER.url}/data?dataset=D&start={stamp(one)}&stop={stamp(other)}&format=csv&include=header"
                f"&parameters={','.join(info.names[1:])}",
            )
            for one, other in itertools.pairwise(borders)
        ]  # fmt: skip

    def service(self) -> Service:
        capabilities = {"HAPI": "3.0", "outputFormats": ["csv"]}
        return Service(SERVER, _known={"capabilities": capabilities})

    def get(self, url: str, **kwargs: Any) -> Response:
        """Answer a request as `transport.metadata.get` does."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        # The server's times have a millisecond more than a minute.
        first, before = (
            (np.datetime64(query[name][:-1]) - EPOCH) / np.timedelta64(1, "m") for name in ("start", "stop")
        )
        names = tuple(query["parameters"].split(","))
        self.requests.append((first, before, names))
        if self.failing:
            self.failing -= 1
            self.disturbed = True
            raise ServiceUnreachable(SERVER.archive, url, "connection refused")
        body = self.body(first, before, names)
        if self.cut:
            self.cut -= 1
            self.disturbed = True
            body = body[: body.rindex(b"Z,")] if b"Z," in body else b"{"
        return Response(SERVER.archive, url, 200, {"Content-Length": str(len(body))}, body)

    def body(self, first: float, before: float, names: tuple[str, ...]) -> bytes:
        minutes = sorted(minute for minute in self.rows if first <= minute < before)
        if self.spliced and len(minutes) > 3:
            # As many rows as there should be: one is lost, and another one is there twice.
            self.spliced -= 1
            self.disturbed = True
            middle = len(minutes) // 2
            minutes = [*minutes[: middle + 1], *minutes[middle - 1 : middle], *minutes[middle + 2 :]]
        picked = [NAMES.index(name) for name in names]
        lines = [f"{stamp(minute)},{','.join(repr(self.rows[minute][i]) for i in picked)}" for minute in minutes]
        head = json.dumps({**self.raw(names), "format": "csv"})
        return "\n".join([f"#{head}", *lines, ""]).encode()
