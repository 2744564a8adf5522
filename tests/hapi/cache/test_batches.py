"""Test loads of ranges that are joined in batches, of which one is in memory at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import FileError, IncompleteAnswerWarning, ServiceError
from sunpy_helio_plugins.hapi.cache import holdings
from sunpy_helio_plugins.hapi.records import load as loads

sys.path.insert(0, str(Path(__file__).parent))
from minutes import asked, assert_equal, at, dataset, load
from strict import Server, serve


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Request 10 minutes at once, and join 30."""
    monkeypatch.setattr(loads, "_SIZE", 1100)
    monkeypatch.setattr(loads, "_WHOLE", 3000)
    monkeypatch.setattr(loads, "_BATCH", 3000)
    with conf.hapi.set_temp("cache", True):
        yield


@pytest.fixture
def server() -> Iterator[Server]:
    with serve({"D": dataset()}) as made:
        yield made


def failing(server: Server, monkeypatch: pytest.MonkeyPatch, *starts: float) -> None:
    """Refuse the requests that begin at some minutes."""
    answer = Server.answer

    def sometimes(self: Server, endpoint: str, pairs: list[tuple[str, str]]) -> Any:
        if endpoint == "data" and dict(pairs)["start"] in map(at, starts):
            return 400, "application/json", b'{"HAPI": "3.0", "status": {"code": 1501, "message": "upstream"}}'
        return answer(self, endpoint, pairs)

    monkeypatch.setattr(Server, "answer", sometimes)


@pytest.mark.parametrize("form", ["csv", "binary", "json"])
def test_the_table_is_that_of_one_request(server, monkeypatch, form):
    first = load(server, 5, 205, format=form)
    assert len(asked(server)) > 12
    assert_equal(load(server, 5, 205, format=form), first)
    assert asked(server) == []
    monkeypatch.undo()
    with conf.hapi.set_temp("cache", False):
        whole = load(server, 5, 205, format=form)
    assert len(asked(server)) == 1
    # It was made of other requests.
    whole.meta["query"] = first.meta["query"]
    assert_equal(whole, first)


def test_an_overlap_requests_only_its_difference(server):
    load(server, 0, 100, "x")
    asked(server)
    assert len(load(server, 50, 200, "x")) == 150
    first, *rest = asked(server)
    assert first[0] == 100
    assert rest[-1][1] == 200


@pytest.mark.parametrize("limit", [5000, 10**7])
def test_a_range_that_does_not_fit_into_the_cache_is_not_kept(server, limit):
    with conf.hapi.set_temp("cache_size", limit):
        first = load(server, 0, 200)
        sent = len(asked(server))
        assert_equal(load(server, 0, 200), first)
        assert len(asked(server)) == (sent if limit == 5000 else 0)


def test_a_batch_that_fails_is_named_and_requested_again(server, monkeypatch):
    load(server, 0, 30, "x")
    failing(server, monkeypatch, 60)
    with pytest.warns(IncompleteAnswerWarning, match="upstream") as told:
        table = load(server, 0, 120, "x", chunk=600.0)
    assert len(told) == 1
    assert len(table) == 110
    (problem,) = table.meta["problems"]
    assert problem.startswith("2015-06-30T23:00:00.000Z to 2015-06-30T23:09:59.999Z is missing")
    monkeypatch.undo()
    asked(server)
    assert len(load(server, 0, 120, "x", chunk=600.0)) == 120
    assert asked(server) == [(60, 70, "x")]


def test_after_two_failures_the_others_are_not_requested_and_say_so(server, monkeypatch):
    load(server, 0, 30, "x", chunk=600.0)
    asked(server)
    failing(server, monkeypatch, *range(30, 240, 10))
    with conf.hapi.set_temp("connections", 1), pytest.warns(IncompleteAnswerWarning):
        table = load(server, 0, 200, "x", chunk=600.0)
    assert len(asked(server)) == 2
    assert len(table) == 30
    *sent, _, _, left = table.meta["problems"]
    assert not any("was not requested" in one for one in sent)
    assert "it was not requested, since 2 requests in a row failed: the last one was answered 400: upstream" in left
    states = hapi.cache.info()
    ends = states["End Time"][states["State"] == "failed"].isot
    assert max(ends.tolist()).startswith("2015-06-30T22:50")


def test_an_error_is_raised_if_every_batch_fails(server, monkeypatch):
    failing(server, monkeypatch, *range(0, 240, 10))
    with pytest.raises(ServiceError, match="upstream"):
        load(server, 0, 200, "x", chunk=600.0)


def test_a_range_without_records_is_empty(server):
    data = server.datasets["D"]
    data.stop = at(1000)
    assert len(load(server, 300, 900, "x")) == 0
    asked(server)
    assert load(server, 300, 900, "x").colnames == ["Time", "x"]
    assert asked(server) == []


def test_a_modification_between_two_batches_makes_the_first_ones_outdated(server, monkeypatch):
    load(server, 0, 60, "x")
    answer, data = Server.answer, server.datasets["D"]

    def modified(self: Server, endpoint: str, pairs: list[tuple[str, str]]) -> Any:
        if endpoint == "data":
            data.values["x"][10] = 77.0
            data.extra["modificationDate"] = "2021-01-01T00:00:00Z"
        return answer(self, endpoint, pairs)

    monkeypatch.setattr(Server, "answer", modified)
    assert load(server, 0, 120, "x")["x"][10].value == 77
    asked(server)
    assert load(server, 0, 120, "x")["x"][10].value == 77
    assert asked(server) == []


def test_a_server_that_tells_of_a_modification_with_each_response_is_asked_twice(server, monkeypatch):
    answer, data, count = Server.answer, server.datasets["D"], iter(range(60))

    def modified(self: Server, endpoint: str, pairs: list[tuple[str, str]]) -> Any:
        if endpoint == "data":
            data.extra["modificationDate"] = f"2021-01-01T00:{next(count):02}:00Z"
        return answer(self, endpoint, pairs)

    monkeypatch.setattr(Server, "answer", modified)
    assert len(load(server, 0, 120, "x")) == 120


def test_a_header_that_changed_before_the_description_is_not_mixed_with_others(server):
    load(server, 0, 60, "x")
    server.datasets["D"].parameters[1]["units"] = "T"
    table = load(server, 0, 120, "x")
    assert (table["x"].unit, len(table)) == ("T", 120)
    asked(server)
    assert load(server, 0, 120, "x")["x"].unit == "T"
    assert asked(server) == []


def test_a_batch_of_other_parameters_is_joined_from_its_responses(server, monkeypatch):
    monkeypatch.setattr(holdings, "_LARGEST", 400)
    first = load(server, 0, 200, "x", "n")
    sent = len(asked(server))
    assert_equal(load(server, 0, 200, "x", "n"), first)
    assert len(asked(server)) == sent


@pytest.mark.parametrize("turns", [1, 99])
def test_batches_that_cannot_be_joined_are_requested_once_more(server, monkeypatch, turns):
    extended, count = loads._extended, iter(range(1000))

    def refused(made, documents, found):
        if made is not None and next(count) < turns:
            raise FileError("the parameters differ")
        return extended(made, documents, found)

    monkeypatch.setattr(loads, "_extended", refused)
    if turns == 1:
        assert len(load(server, 0, 120, "x")) == 120
        first = asked(server)
        assert len([one for one in first if one[0] == 0]) == 2
    else:
        with pytest.raises(FileError, match="the parameters differ"):
            load(server, 0, 120, "x")


def test_a_batch_of_which_a_part_is_kept_is_joined_from_its_responses(server, monkeypatch):
    load(server, 0, 10, "x", "n")
    monkeypatch.setattr(holdings, "_LARGEST", 400)
    table = load(server, 0, 120, "x", "n")
    assert len(table) == 120
    with conf.hapi.set_temp("cache", False):
        assert np.array_equal(table["n"].tolist(), load(server, 0, 120, "x", "n")["n"].tolist())
