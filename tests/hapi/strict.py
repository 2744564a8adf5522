"""
A small HAPI server that follows the specification literally, version by version.

It does not share code with the embedded archive. Records are made from a list of times; requests are checked in the
order of the specification's tables, and everything that is not allowed is refused with its code.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

HTTP = {1200: 200, 1201: 200, 1406: 404, 1407: 404, 1500: 500, 1501: 500}
WORDS = {
    1200: "OK", 1201: "OK - no data for time range", 1400: "Bad request - user input error",
    1401: "Bad request - unknown API parameter name", 1402: "Bad request - syntax error in start time",
    1403: "Bad request - syntax error in stop time", 1404: "Bad request - start equal to or after stop",
    1405: "Bad request - start < startDate and/or stop > stopDate", 1406: "Bad request - unknown dataset id",
    1407: "Bad request - unknown dataset parameter", 1408: "Bad request - too much time or data requested",
    1409: "Bad request - unsupported output format", 1410: "Bad request - unsupported include value",
    1411: "Bad request - out-of-order or duplicate parameters", 1412: "Bad request - unsupported resolve_references",
    1413: "Bad request - unsupported depth value",
}  # fmt: skip

STAMP = re.compile(r"(\d{4})(?:-(?:(\d{3})|(\d\d)(?:-(\d\d))?)(?:T(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{0,9}))?)?)?)?)?Z?")
EPOCH = datetime(1970, 1, 1)


class RefusalError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def nanoseconds(stamp: str, code: int = 1402) -> int:
    """Return the nanoseconds since 1970 of a time stamp in HAPI's restricted ISO 8601."""
    match = STAMP.fullmatch(stamp)
    if match is None:
        raise RefusalError(code)
    year, doy, month, day, hour, minute, second, fraction = match.groups()
    try:
        date = datetime(int(year), int(month or 1), int(day or 1)) + timedelta(days=int(doy or 1) - 1)
        clock = timedelta(hours=int(hour or 0), minutes=int(minute or 0), seconds=int(second or 0))
    except ValueError:
        raise RefusalError(code) from None
    whole = (date + clock - EPOCH) // timedelta(seconds=1)
    return whole * 10**9 + int((fraction or "0").ljust(9, "0"))


def stamp(nanos: int, length: int) -> str:
    whole, fraction = divmod(nanos, 10**9)
    text = f"{EPOCH + timedelta(seconds=whole):%Y-%m-%dT%H:%M:%S}.{fraction:09}"
    return text[: length - 1].rstrip(".") + "Z"


@dataclass
class Dataset:
    """Parameters, the times of all records, and the values of each parameter."""

    parameters: list[dict[str, Any]]
    times: list[int]
    values: dict[str, list[Any]]
    extra: dict[str, Any] = field(default_factory=dict)
    start: str = ""
    stop: str = ""

    def __post_init__(self) -> None:
        length = self.parameters[0]["length"]
        self.start = self.start or stamp(self.times[0], length)
        self.stop = self.stop or stamp(self.times[-1], length)

    def info(self, names: list[str]) -> dict[str, Any]:
        kept = [one for one in self.parameters if one["name"] in names]
        return {"parameters": kept, "startDate": self.start, "stopDate": self.stop, **self.extra}

    def rows(self, names: list[str], start: int, stop: int) -> list[list[Any]]:
        length, time = self.parameters[0]["length"], self.parameters[0]["name"]
        picked = [index for index, one in enumerate(self.times) if start <= one < stop]
        columns = [
            [stamp(self.times[index], length) for index in picked] if name == time
            else [self.values[name][index] for index in picked]
            for name in names
        ]  # fmt: skip
        return [list(row) for row in zip(*columns, strict=True)]


@dataclass
class Habits:
    """Behaviour that the specification leaves to the server, as in real servers."""

    version: str = "3.3"
    formats: tuple[str, ...] = ("csv", "binary", "json")
    minimal: bool = False
    """Whether only the codes that every server must have are used: 1200, 1400, 1500."""
    code_in_phrase: bool = False
    """Whether errors have no body: the code is in the HTTP reason phrase."""
    empty_status: int = 200
    inclusive_stop: bool = False
    rounds_to: int = 1
    """Nanoseconds to which times of requests are truncated."""
    most_records: int = 0
    code_in_body_of_200: bool = False
    header: bool = True
    close_delimited: bool = False
    depth_all: bool = True
    about: dict[str, Any] = field(default_factory=dict)

    def is_at_least(self, *version: int) -> bool:
        return tuple(map(int, self.version.split(".")[:2])) >= version


class Server:
    """A running server: its datasets, its behaviour, and the requests received."""

    def __init__(self, datasets: dict[str, Dataset], habits: Habits) -> None:
        self.datasets, self.habits = datasets, habits
        self.url = ""
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.refused: list[int] = []

    @property
    def data_requests(self) -> list[dict[str, str]]:
        return [query for endpoint, query, _ in self.asked if endpoint == "data"]

    def status(self, code: int) -> dict[str, Any]:
        return {"HAPI": self.habits.version, "status": {"code": code, "message": WORDS[code]}}

    def answer(self, endpoint: str, pairs: list[tuple[str, str]]) -> tuple[int, str, bytes]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise RefusalError(1400)
        query = dict(pairs)
        known = {"capabilities", "catalog", "info", "data"} | ({"about"} if self.habits.is_at_least(3, 0) else set())
        if endpoint not in known:
            raise RefusalError(1400)
        made: tuple[int, str, bytes] = getattr(self, f"_{endpoint}")(self._named(endpoint, query))
        return made

    def _named(self, endpoint: str, query: dict[str, str]) -> dict[str, str]:
        """Return the query with the names of HAPI 3; refuse names that are not in this version."""
        new = self.habits.is_at_least(3, 0)
        old_names = {"id": "dataset", "time.min": "start", "time.max": "stop"}
        allowed = {
            "about": [], "capabilities": [],
            "catalog": ["depth", "resolve_references"] if self.habits.is_at_least(3, 2) else [],
            "info": ["id", "parameters"] + (["dataset", "resolve_references"] if new else []),
            "data": ["id", "time.min", "time.max", "parameters", "include", "format"]
            + (["dataset", "start", "stop"] if new else []),
        }[endpoint]  # fmt: skip
        for name in query:
            if name not in allowed:
                raise RefusalError(1401)
        return {old_names.get(name, name): value for name, value in query.items()}

    def _json(self, document: dict[str, Any], code: int = 1200) -> tuple[int, str, bytes]:
        return 200, "application/json", json.dumps({**self.status(code), **document}, ensure_ascii=False).encode()

    def _about(self, query: dict[str, str]) -> tuple[int, str, bytes]:
        return self._json({"id": "Strict", "title": "Strict", "contact": "x@example.org", **self.habits.about})

    def _capabilities(self, query: dict[str, str]) -> tuple[int, str, bytes]:
        deep = {"catalogDepthOptions": ["dataset", "all"]} if self._is_deep() else {}
        return self._json({"outputFormats": list(self.habits.formats), **deep})

    def _is_deep(self) -> bool:
        return self.habits.depth_all and self.habits.is_at_least(3, 2)

    def _catalog(self, query: dict[str, str]) -> tuple[int, str, bytes]:
        depth = query.get("depth", "dataset")
        if depth not in ("dataset", "all") or (depth == "all" and not self._is_deep()):
            raise RefusalError(1413)
        rows: list[dict[str, Any]] = [{"id": one} for one in self.datasets]
        if depth == "all":
            for row in rows:
                dataset = self.datasets[row["id"]]
                row["info"] = dataset.info([one["name"] for one in dataset.parameters])
        return self._json({"catalog": rows})

    def _info(self, query: dict[str, str]) -> tuple[int, str, bytes]:
        dataset, names = self._dataset(query)
        return self._json(dataset.info(names))

    def _dataset(self, query: dict[str, str]) -> tuple[Dataset, list[str]]:
        if "dataset" not in query:
            raise RefusalError(1400)
        if query["dataset"] not in self.datasets:
            raise RefusalError(1406)
        dataset = self.datasets[query["dataset"]]
        order = [one["name"] for one in dataset.parameters]
        if not query.get("parameters"):
            return dataset, order
        names = query["parameters"].split(",")
        if any(name not in order for name in names):
            raise RefusalError(1407)
        places = [order.index(name) for name in names]
        if self.habits.is_at_least(2, 1) and places != sorted(set(places)):
            raise RefusalError(1411)
        return dataset, [name for index, name in enumerate(order) if index == 0 or index in places]

    def _data(self, query: dict[str, str]) -> tuple[int, str, bytes]:
        dataset, names = self._dataset(query)
        if "start" not in query or "stop" not in query:
            raise RefusalError(1400)
        start, stop = nanoseconds(query["start"], 1402), nanoseconds(query["stop"], 1403)
        if start >= stop:
            raise RefusalError(1404)
        if start < nanoseconds(dataset.start) or stop > nanoseconds(dataset.stop):
            raise RefusalError(1405)
        longest = dataset.extra.get("x_longest")
        form, include = query.get("format", "csv"), query.get("include")
        if form not in self.habits.formats:
            raise RefusalError(1409)
        if include not in (None, "header"):
            raise RefusalError(1410)
        if longest is not None and stop - start > longest:
            raise RefusalError(1408)
        cut = self.habits.rounds_to
        rows = dataset.rows(names, start // cut * cut, stop // cut * cut + self.habits.inclusive_stop)
        if self.habits.most_records and len(rows) > self.habits.most_records:
            raise RefusalError(1408)
        return self._records(dataset, names, rows, form, include == "header" and self.habits.header)

    def _records(
        self, dataset: Dataset, names: list[str], rows: list[list[Any]], form: str, headed: bool
    ) -> tuple[int, str, bytes]:
        code = 1200 if rows else 1201
        info = {**self.status(code), "format": form, **dataset.info(names)}
        if form == "json":
            return 200, "application/json", json.dumps({**info, "data": rows}, ensure_ascii=False).encode()
        head = f"#{json.dumps(info, ensure_ascii=False)}\n".encode() if headed else b""
        if not rows and not headed:
            return self.habits.empty_status, "text/csv", b""
        body = as_csv(rows) if form == "csv" else as_binary(info["parameters"], rows)
        return 200, "text/csv" if form == "csv" else "application/octet-stream", head + body

    def refusal(self, code: int) -> tuple[int, str, bytes, str]:
        self.refused.append(code)
        known = {1201: 1200}.get(code, code // 100 * 100) if self.habits.minimal else code
        status, phrase = HTTP.get(known, 400), f"Bad Request; HAPI {known} {WORDS[known]}"
        if self.habits.code_in_phrase:
            return status, "text/html", b"", phrase
        if self.habits.code_in_body_of_200:
            status = 200
        return status, "application/json", json.dumps(self.status(known)).encode(), "Bad Request"


def leaves(value: Any) -> list[Any]:
    return [leaf for part in value for leaf in leaves(part)] if isinstance(value, list) else [value]


def as_csv(rows: list[list[Any]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(leaves(row) for row in rows)
    return out.getvalue().encode()


def as_binary(parameters: list[dict[str, Any]], rows: list[list[Any]]) -> bytes:
    packed = io.BytesIO()
    for row in rows:
        for parameter, value in zip(parameters, row, strict=True):
            for leaf in leaves(value):
                if parameter["type"] == "double":
                    packed.write(struct.pack("<d", leaf))
                elif parameter["type"] == "integer":
                    packed.write(struct.pack("<i", leaf))
                else:
                    packed.write(leaf.encode().ljust(parameter["length"], b"\0"))
    return packed.getvalue()


@contextlib.contextmanager
def serve(datasets: dict[str, Dataset], habits: Habits | None = None) -> Iterator[Server]:
    """Run a server."""
    made = Server(datasets, habits or Habits())

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True  # it would delay each body by 40 ms
        protocol_version = "HTTP/1.0" if made.habits.close_delimited else "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            endpoint = parts.path.removeprefix("/hapi/")
            pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
            made.asked.append((endpoint, dict(pairs), {name.lower(): value for name, value in self.headers.items()}))
            phrase = "OK"
            try:
                status, kind, body = made.answer(endpoint, pairs)
            except RefusalError as refused:
                status, kind, body, phrase = made.refusal(refused.code)
            self.send_response(status, phrase)
            self.send_header("Content-Type", kind)
            if not made.habits.close_delimited and status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_port}/hapi"
        yield made
        server.shutdown()
        thread.join()
