"""Test that errors of servers are reported clearly, and are never treated as data."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HAPIClient, hapi
from sunpy_helio_plugins.errors import (
    AnswerError,
    IncompleteAnswerWarning,
    QueryError,
    ServerError,
    ServiceError,
    ServiceRefused,
)
from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.hapi.server_list import HAPIServer
from sunpy_helio_plugins.hapi.service import Service

DAY = a.Time("2026-01-10", "2026-01-11")
INFO: dict[str, Any] = {
    "HAPI": "3.0",
    "status": {"code": 1200, "message": "OK"},
    "startDate": "2020-01-01Z",
    "stopDate": "2030-01-01Z",
    "description": "A field",
    "parameters": [
        {"name": "Time", "type": "isotime", "length": 20},
        {"name": "B", "type": "double", "units": "nT", "fill": "-1e31"},
    ],
}
CSV = b"2026-01-10T00:00:00Z,1.25\n2026-01-10T00:01:00Z,2.50\n"
PAGE = b"<!DOCTYPE html><html><body><h1>Please log in</h1></body></html>"
LOST = {"status": {"code": 1500, "message": "tape lost"}}
JSON = "application/json"


class _Stub:
    """A server with given responses: endpoint to status, content type, body and Content-Length."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, str, bytes, int | None]] = {}
        self.paths: list[str] = []
        self.say("capabilities", {"HAPI": "3.0", "outputFormats": ["csv"]})
        self.say("catalog", {"HAPI": "3.0", "catalog": [{"id": "X"}]})
        self.say("info", INFO)
        self.url = ""

    def say(self, endpoint: str, body: Any, status: int = 200, kind: str = JSON, length: int | None = None) -> None:
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.answers[endpoint] = (status, kind, encoded, length)


@pytest.fixture
def stub() -> Iterator[_Stub]:
    """Return a server that responds normally by default."""
    made = _Stub()

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True  # it would delay each body by 40 ms

        def do_GET(self) -> None:
            made.paths.append(self.path)
            status, kind, body, length = made.answers[self.path.partition("?")[0].rpartition("/")[2]]
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body) if length is None else length))
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


def _search(stub: _Stub, *words: Any) -> Any:
    return HAPIClient().search(DAY, a.hapi.Server(stub.url), a.hapi.Dataset("X"), *words)


def _fetch(stub: _Stub, tmp_path: Path, body: bytes, **kwargs: Any) -> Any:
    stub.say("data", body, kind="text/csv", **kwargs)
    return Fido.fetch(_search(stub), path=tmp_path / "{file}")


@pytest.mark.parametrize(
    ("endpoint", "answer", "error", "words"),
    [
        ("capabilities", {"body": PAGE, "kind": "text/html"}, AnswerError, "JSON was expected, not text/html"),
        ("info", {"body": PAGE, "kind": "text/html"}, AnswerError, "Please log in"),
        ("info", {"body": b'{"HAPI": "3.0", "param'}, AnswerError, "JSON was expected"),
        ("info", {"body": b""}, AnswerError, "an empty body"),
        ("info", {"body": []}, AnswerError, "JSON object"),
        ("info", {"body": {"HAPI": "3.0"}}, AnswerError, "does not contain a list of named parameters"),
        ("info", {"body": LOST}, ServiceRefused, "tape lost .HAPI 1500"),
        ("info", {"body": LOST, "status": 500}, ServerError, "tape lost"),
        ("info", {"body": LOST, "status": 400}, ServiceRefused, "answered 400: tape lost"),
    ],
)
def test_an_answer_that_is_none_is_named(stub: _Stub, endpoint: str, answer: Any, error: type, words: str) -> None:
    stub.say(endpoint, **answer)
    with pytest.raises(error, match=words) as caught:
        _search(stub)
    assert "127.0.0.1" in str(caught.value)


@pytest.mark.parametrize("members", [["X"], [{"title": "X"}], [None, 3], [[]]])
def test_a_catalogue_of_other_things_is_not_an_empty_one(stub: _Stub, members: list[Any]) -> None:
    stub.say("catalog", {"HAPI": "3.0", "status": {"code": 1200}, "catalog": members})
    with pytest.raises(AnswerError, match="has no entry with an id"):
        hapi.catalog(stub.url)


def test_a_catalogue_without_a_list_is_named(stub: _Stub) -> None:
    stub.say("catalog", {"HAPI": "3.0", "status": {"code": 1200}})
    with pytest.raises(AnswerError, match="does not contain a catalogue"):
        HAPIClient().search(DAY, a.hapi.Server(stub.url), a.hapi.Dataset())


def test_a_dataset_that_cannot_be_described_costs_itself_only(stub: _Stub) -> None:
    stub.say("info", {"status": {"code": 1500, "message": "tape lost"}})
    with pytest.warns(IncompleteAnswerWarning, match="1 of its datasets could not be described: X: .*tape lost"):
        table = HAPIClient().search(DAY, a.hapi.Server(stub.url), a.hapi.Dataset())
    assert len(table) == 0
    assert "X: HAPI server 127.0.0.1" in table.problems[0]


REFUSED = {"error": "database is locked"}
NO_ANSWERS: dict[str, Any] = {
    "an error": REFUSED,
    "an error with a good status": REFUSED | {"HAPI": "3.0", "status": {"code": 1200, "message": "OK"}},
    "a page": PAGE,
    "a cut object": b'{"HAPI": "3.0", "outputFormats": ["csv"], "catalog": [{"id": "X"}], "parame',
    "nothing": b"",
    "null": None,
    "a list": [],
    "text": "OK",
    "a number": 0,
    "a HAPI error": LOST | {"outputFormats": ["csv"], "catalog": [{"id": "X"}], "parameters": INFO["parameters"]},
    "a HAPI error as text": {"status": {"code": "1500"}, "outputFormats": ["csv"], "catalog": [{"id": "X"}]},
    "an empty list": {"catalog": [], "outputFormats": [], "parameters": []},
    "no list": {"catalog": {}, "outputFormats": {}, "parameters": {}},
    "members without a name": {"catalog": [{}, 1], "outputFormats": "csv", "parameters": [{}]},
}
CALLS = {
    "capabilities": (lambda service: service.format(Info.from_json(INFO)), "binary"),
    "about": (lambda service: service.about().get("id"), "stub"),
    "catalog": (lambda service: list(service.catalog()), ["X"]),
    "info": (lambda service: service.info("X").names, ("Time", "B")),
}


@pytest.mark.parametrize("endpoint", CALLS)
@pytest.mark.parametrize("answer", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_only_what_parsed_is_cached(stub: _Stub, endpoint: str, answer: Any) -> None:
    ask, expected = CALLS[endpoint]
    stub.say("capabilities", {"HAPI": "3.0", "outputFormats": ["csv", "binary"]})
    stub.say("about", {"HAPI": "3.0", "id": "stub"})
    right = stub.answers[endpoint]
    stub.say(endpoint, answer)
    for _ in range(2):
        with contextlib.suppress(ServiceError):
            assert ask(_service(stub)) != expected
    assert len(_asked(stub, endpoint)) == 2
    stub.answers[endpoint] = right
    assert [ask(_service(stub)) for _ in range(3)] == [expected] * 3
    assert len(_asked(stub, endpoint)) == 3


def test_an_error_in_a_complete_catalogue_does_not_replace_the_description(stub: _Stub) -> None:
    stub.say("capabilities", {"HAPI": "3.0", "outputFormats": ["csv"], "catalogDepthOptions": ["all"]})
    stub.say("catalog", {"HAPI": "3.0", "catalog": [{"id": "X", "info": LOST}]})
    service = _service(stub)
    assert list(service.catalog()) == ["X"]
    assert service.info("X").names == ("Time", "B")


def test_capabilities_without_formats_are_requested_again_by_the_next_search(stub: _Stub) -> None:
    stub.say("capabilities", REFUSED)
    service = _service(stub)
    for _ in range(2):
        service.begin_search()
        assert service.format(Info.from_json(INFO)) == service.format(Info.from_json(INFO)) == "csv"
    assert len(_asked(stub, "capabilities")) == 2
    stub.say("capabilities", {"HAPI": "3.0", "outputFormats": ["csv", "binary"]})
    for _ in range(2):
        service.begin_search()
        assert service.format(Info.from_json(INFO)) == "binary"
    assert len(_asked(stub, "capabilities")) == 3


def _service(stub: _Stub) -> Service:
    return Service(HAPIServer("stub", stub.url))


def _asked(stub: _Stub, endpoint: str) -> list[str]:
    return [path for path in stub.paths if path.partition("?")[0].endswith(f"/{endpoint}")]


@pytest.mark.parametrize(("status", "code"), [(404, 1406), (200, 1406), (500, 1500), (400, 1400)])
def test_an_unknown_dataset_is_explained_from_the_catalogue(stub: _Stub, status: int, code: int) -> None:
    stub.say("info", {"status": {"code": code, "message": "unknown"}}, status=status)
    stub.say("catalog", {"HAPI": "3.0", "catalog": [{"id": "Y"}]})
    with pytest.raises(QueryError, match="has no dataset 'X'; it has Y"):
        _search(stub)


def test_a_server_without_version_is_asked_in_the_old_way(stub: _Stub) -> None:
    stub.say("capabilities", {"HAPI": "", "outputFormats": ["csv"]})
    assert "?id=X&time.min=" in _search(stub)[0]["url"]


@pytest.mark.parametrize("formats", [["csv"], ["csv", "binary"]])
def test_a_server_that_ignores_the_header_gets_ours(stub: _Stub, tmp_path: Path, formats: list[str]) -> None:
    stub.say("capabilities", {"HAPI": "3.0", "outputFormats": formats})
    layout = Info.from_json(INFO).record()
    binary = np.array([(b"2026-01-10T00:00:00Z", 1.25), (b"2026-01-10T00:01:00Z", 2.5)], layout).tobytes()
    files = _fetch(stub, tmp_path, binary if "binary" in formats else CSV)
    assert hapi.read(files[0])["B"].value.tolist() == [1.25, 2.5]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no records"),
        (PAGE, "Please log in"),
        (CSV + b'{"HAPI":"3.0","status":{"code":1500,"message":"disk full"}}', "disk full"),
        (CSV[:-9], "is cut"),
        (b'{"HAPI":"3.0","status":{"code":1408,"message":"too much"}}', "too much"),
    ],
)
def test_what_is_no_data_becomes_no_file(stub: _Stub, tmp_path: Path, body: bytes, words: str) -> None:
    files = _fetch(stub, tmp_path, body)
    assert list(files) == []
    assert words in str(files.errors[0].exception)
    assert not any(path.suffix == ".hapi" for path in tmp_path.iterdir())


def test_a_refused_request_is_told_in_the_servers_words(stub: _Stub, tmp_path: Path) -> None:
    files = _fetch(stub, tmp_path, b'{"HAPI":"3.0","status":{"code":1408,"message":"too much"}}', status=400)
    assert "answered 400: too much" in str(files.errors[0].exception)


def test_a_connection_cut_off_becomes_no_file(stub: _Stub, tmp_path: Path) -> None:
    from sunpy_helio_plugins import conf

    with conf.set_temp("retries", 0):
        files = _fetch(stub, tmp_path, CSV, length=1000)
    assert list(files) == []
    assert "cut" in str(files.errors[0].exception)


def test_a_name_from_a_server_stays_in_the_folder(stub: _Stub, tmp_path: Path) -> None:
    stub.say("data", CSV, kind="text/csv")
    found = HAPIClient().search(DAY, a.hapi.Server(stub.url), a.hapi.Dataset("../../../etc/passwd"))
    files = Fido.fetch(found, path=tmp_path / "in" / "{dataset}" / "{file}")
    assert files.errors == []
    assert Path(files[0]).resolve().is_relative_to(tmp_path / "in")
