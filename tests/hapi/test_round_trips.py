"""Test the number of requests that `hapi.load` sends one after the other."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import QueryError, ServerError

INFO: dict[str, Any] = {
    "HAPI": "3.0", "status": {"code": 1200, "message": "OK"}, "startDate": "2020-01-01Z", "stopDate": "2030-01-01Z",
    "description": "A description of more characters than are used as the title of a dataset in a table of results.",
    "parameters": [
        {"name": "Time", "type": "isotime", "length": 20}, {"name": "B", "type": "double", "units": "nT", "fill": None},
    ],
}  # fmt: skip
RANGE = ("X", "2026-01-10", "2026-01-11")


class Server:
    """A server whose first responses are sent when a number of requests have arrived."""

    def __init__(self, together: int, version: str) -> None:
        self.asked: list[str] = []
        self.errors: dict[str, int] = {}
        self.url = ""
        self.version = version
        self.barrier = threading.Barrier(together)
        self.count = itertools.count()

    def answer(self, path: str) -> tuple[int, bytes]:
        name, _, query = path.rpartition("/")[2].partition("?")
        self.asked.append(f"{name}?{query}" if name == "info" else name)
        if next(self.count) < self.barrier.parties:
            self.barrier.wait(10)
        if name in self.errors:
            return self.errors[name], b"{}"
        if name == "info" and ("id=" in query) is (self.version >= "3"):
            return 400, b'{"HAPI":"2.0","status":{"code":1401,"message":"unknown field"}}'
        documents = {
            "info": INFO,
            "capabilities": {"HAPI": self.version, "outputFormats": ["csv"]},
            "catalog": {"catalog": []},
        }
        return 200, json.dumps(documents[name]).encode() if name in documents else b"2026-01-10T00:00:00Z,1.5\n"


def serve(together: int = 2, version: str = "3.1") -> Iterator[Server]:
    made = Server(together, version)

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            status, body = made.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "text/csv" if "/data" in self.path else "application/json")
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


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serve()


@pytest.fixture
def old_server() -> Iterator[Server]:
    yield from serve(version="2.0")


def test_a_load_sends_two_requests_at_once_and_then_one(server: Server) -> None:
    """The server sends the first two responses only when both requests have arrived."""
    assert hapi.load(server.url, *RANGE)["B"].value.tolist() == [1.5]
    assert sorted(server.asked) == ["capabilities", "data", "info?dataset=X"]
    assert server.asked[-1] == "data"


def test_a_load_with_known_metadata_sends_one_request(server: Server) -> None:
    with conf.set_temp("cache", True):
        hapi.load(server.url, *RANGE)
        del server.asked[:]
        hapi.load(server.url, *RANGE)
    assert server.asked == ["data"]


def test_an_old_server_is_asked_again_with_its_names(old_server: Server) -> None:
    assert len(hapi.load(old_server.url, *RANGE)) == 1
    assert sorted(old_server.asked) == ["capabilities", "data", "info?dataset=X", "info?id=X"]


def test_capabilities_that_fail_are_the_error(server: Server) -> None:
    server.errors["capabilities"] = 500
    with pytest.raises(ServerError, match="capabilities"):
        hapi.load(server.url, *RANGE)


def test_an_unknown_dataset_is_explained_by_the_catalogue(server: Server) -> None:
    server.errors["info"] = 404
    with pytest.raises(QueryError, match="has no dataset 'X'"):
        hapi.load(server.url, *RANGE)
    assert server.asked[-1] == "catalog"
