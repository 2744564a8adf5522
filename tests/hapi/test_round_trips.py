"""Test the number of requests that `hapi.load` sends one after the other."""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import QueryError, ServerError

sys.path.insert(0, str(Path(__file__).parent))
from strict import Dataset, Habits, Server, nanoseconds, serve

RANGE = ("2026-01-10", "2026-01-11")
PARAMETERS = [
    {"name": "Time", "type": "isotime", "length": 20, "units": "UTC", "fill": None},
    {"name": "B", "type": "double", "units": "nT", "fill": None},
]
TOLD = {
    "description": "A description of more characters than are used as the title of a dataset in a table of results."
}


@contextmanager
def served(version: str = "3.1", together: int = 2) -> Iterator[Server]:
    """Run a server whose first responses are sent when a number of requests have arrived."""
    times = [nanoseconds("2026-01-10T00:00:00Z")]
    made = Dataset(PARAMETERS, times, {"B": [1.5]}, TOLD, "2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z")
    barrier, count = threading.Barrier(together), itertools.count()
    with serve({"X": made}, Habits(version=version, formats=("csv",))) as server:
        answer = server.answer

        def together_with_others(endpoint: str, pairs: list[tuple[str, str]]) -> tuple[int, str, bytes]:
            if next(count) < barrier.parties:
                barrier.wait(10)
            return answer(endpoint, pairs)

        server.answer = together_with_others  # type: ignore[method-assign]
        yield server


@pytest.fixture
def server() -> Iterator[Server]:
    with served() as made:
        yield made


def asked(server: Server) -> list[str]:
    """Return the endpoints in the order of the requests; that of a description with the field of its dataset."""
    found = [(endpoint, "".join(query)) for endpoint, query, _ in server.asked]
    return [f"{endpoint} {names}" if endpoint == "info" else endpoint for endpoint, names in found]


def test_a_load_sends_two_requests_at_once_and_then_one(server: Server) -> None:
    """The server sends the first two responses only when both requests have arrived."""
    assert hapi.load(server.url, "X", *RANGE)["B"].value.tolist() == [1.5]
    *first, last = asked(server)
    assert sorted(first) == ["capabilities", "info dataset"]
    assert last == "data"


def test_a_load_with_known_metadata_sends_one_request(server: Server) -> None:
    with conf.set_temp("cache", True):
        hapi.load(server.url, "X", *RANGE)
        server.asked.clear()
        hapi.load(server.url, "X", *RANGE)
    assert asked(server) == ["data"]


def test_known_capabilities_are_not_requested_for_another_dataset(server: Server) -> None:
    server.datasets["Z"] = server.datasets["X"]
    with conf.set_temp("cache", True):
        hapi.load(server.url, "X", *RANGE)
        server.asked.clear()
        hapi.load(server.url, "Z", *RANGE)
    assert asked(server) == ["info dataset", "data"]


def test_an_old_server_is_asked_again_with_its_names() -> None:
    with served(version="2.0") as server:
        assert len(hapi.load(server.url, "X", *RANGE)) == 1
        assert sorted(asked(server)) == ["capabilities", "data", "info dataset", "info id"]


def test_capabilities_that_fail_are_the_error(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "_capabilities", failing)
    with pytest.raises(ServerError, match="capabilities"):
        hapi.load(server.url, "X", *RANGE)


def failing(self: Server, query: dict[str, str]) -> Any:
    return 500, "application/json", b"{}"


def test_an_unknown_dataset_is_explained_by_the_catalogue(server: Server) -> None:
    with pytest.raises(QueryError, match="has no dataset 'Y'"):
        hapi.load(server.url, "Y", *RANGE)
    assert asked(server)[-1] == "catalog"
