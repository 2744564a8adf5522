"""Test that transmission errors never lead to a truncated table or file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins
from sunpy_helio_plugins import HAPIClient, conf, hapi
from sunpy_helio_plugins.errors import HelioPluginsError, QueryError
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.server_list import HAPIServer

sys.path.insert(0, str(Path(__file__).parents[1]))
from strict import Dataset, Habits, nanoseconds, serve

WORDS = (a.Time("2026-01-10", "2026-01-11"), a.hapi.Server("cdaweb"), a.hapi.Dataset("OMNI_HRO2_1MIN"))


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    with conf.set_temp("retries", 0), conf.set_temp("read_timeout", 0.5):
        yield


def _refuse(found: Any, folder: Path, words: str) -> None:
    """Assert that neither a table nor a file results, and that both functions report the reason."""
    with pytest.raises(HelioPluginsError, match=words):
        hapi.load(found)
    files = Fido.fetch(found, path=folder / "{file}")
    assert list(files) == []
    assert isinstance(files.errors[0].exception, HelioPluginsError)
    assert list(folder.glob("*.hapi")) == []


@pytest.mark.parametrize("form", ["csv", "binary"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("cut_length", "cut|before the end"), ("cut_chunked", "cut|before the end"), ("cut_close", "is cut|cut"),
        ("hang_body", "silent|did not end"), ("hang_before", "silent"), ("hang_up", "no answer|without an answer"),
        ("reset", "cut|reset|no answer|closed the connection"), ("html_error", "temporarily unavailable"),
        ("json_error", "Internal server"),
    ],
)  # fmt: skip
def test_a_broken_answer_is_refused(archive: Any, tmp_path: Path, form: str, fault: str, words: str) -> None:
    found = Fido.search(*WORDS, a.hapi.Format(form))["hapi"]
    # Neither a complete number of binary records, which could not be detected, nor of lines.
    options = {"after_bytes": 40_022} if fault.startswith("cut") else {}
    with archive.fault(fault, path="/hapi/cdaweb/hapi/data", **options):
        _refuse(found, tmp_path, words)


def _dataset(parameters: int = 1, rows: int = 3000, **more: Any) -> Dataset:
    time = {"name": "Time", "type": "isotime", "length": 20, "units": "UTC", "fill": None}
    names = [f"a_name_that_is_rather_long_{index:03}" for index in range(parameters)]
    others = [{"name": name, "type": "double", "units": None, "fill": None} for name in names]
    first = nanoseconds("2020-03-01T00:00:00Z")
    return Dataset(
        [time, *others], [first + 10**9 * index for index in range(rows)], {name: [1.5] * rows for name in names}, more
    )


def _search(url: str, *words: Any) -> Any:
    # Fido of sunpy 8 reports errors of a client without raising them.
    return HAPIClient().search(a.Time("2020-03-01", "2020-03-02"), a.hapi.Server(url), a.hapi.Dataset("X"), *words)


@pytest.mark.filterwarnings("ignore:.*is not covered")
def test_records_are_asked_for_as_they_are(tmp_path: Path) -> None:
    """Test that a server that hangs when it compresses CSV (server-nodejs) is never requested to compress."""
    with serve({"X": _dataset()}) as server:
        found = _search(server.url, a.hapi.Format("csv"))
        assert len(hapi.load(found)) == 2999
        Fido.fetch(found, path=tmp_path / "{file}")
        asked = [headers["accept-encoding"] for endpoint, _, headers in server.asked if endpoint == "data"]
    assert set(asked) == {"identity"}


def test_a_server_that_hangs_when_it_compresses_is_asked_for_nothing_compressed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve({"X": _dataset()}) as server, conf.set_temp("cache", False):
        known = {"slow": HAPIServer("slow", server.url, identity=True), "other": HAPIServer("other", server.url + "/")}
        monkeypatch.setattr(server_list, "_shipped", lambda: known)
        hapi.info("slow", "X")
        assert {headers["accept-encoding"] for _, _, headers in server.asked} == {"identity"}


@pytest.mark.filterwarnings("ignore:.*is not covered")
def test_every_request_says_who_asks(tmp_path: Path) -> None:
    with serve({"X": _dataset()}) as server, conf.set_temp("cache", False):
        found = _search(server.url)
        hapi.load(found)
        Fido.fetch(found, path=tmp_path / "{file}")
        agents = {endpoint: headers["user-agent"] for endpoint, _, headers in server.asked}
    assert set(agents) == {"capabilities", "info", "catalog", "data"}
    name = f"sunpy_helio_plugins/{sunpy_helio_plugins.__version__}"
    assert agents["info"].startswith(name)
    assert all("sunpy" in agent for agent in agents.values())


@pytest.mark.filterwarnings("ignore:.*is not covered")
def test_long_lists_of_parameters_are_sent_as_far_as_servers_take_them(tmp_path: Path) -> None:
    with serve({"X": _dataset(300, 10)}) as server:
        names = a.hapi.Parameters("*_name_*")
        # All of them are requested by naming none.
        assert "parameters=" not in _search(server.url)["url"][0]
        with pytest.raises(
            QueryError, match=r"URL of 9\d{3} bytes; the limit is 8000\. Give fewer parameters, or none to get all"
        ):
            _search(server.url, names)
        some = a.hapi.Parameters("*_0??", "*_1??")
        found = _search(server.url, some)
        assert 6000 < len(found["url"][0]) < 8000
        assert len(hapi.load(found).colnames) == 201


def test_parameters_are_named_where_a_server_fails_without(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve({"X": _dataset(2, 10)}) as server:
        known = {"explicit": HAPIServer("explicit", server.url, explicit_parameters=True)}
        monkeypatch.setattr(server_list, "_shipped", lambda: known)
        names = "a_name_that_is_rather_long_000,a_name_that_is_rather_long_001"
        assert f"parameters={names}&" in _search("explicit")["url"][0]


@pytest.mark.filterwarnings("ignore:.*is not covered")
def test_a_stop_that_is_included_is_not_asked_for_a_tick_later(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serve({"X": _dataset(1, 100)}, Habits(inclusive_stop=True)) as server:
        known = {"inclusive": HAPIServer("inclusive", server.url, inclusive_stop=True)}
        monkeypatch.setattr(server_list, "_shipped", lambda: known)
        time = a.Time("2020-03-01T00:00:10", "2020-03-01T00:00:30")
        words = (a.hapi.Server("inclusive"), a.hapi.Dataset("X"), a.hapi.Chunk("PT10S"))
        found = Fido.search(time, *words)["hapi"]
        assert [url.partition("stop=")[2][:24] for url in found["url"]] == [
            "2020-03-01T00:00:20.000Z", "2020-03-01T00:00:30.000Z",
        ]  # fmt: skip
        files = Fido.fetch(found, path=tmp_path / "{file}")
        assert [len(hapi.read(file)) for file in files] == [10, 11]
        assert len(hapi.load(found)) == 21
        # The record at the dataset's stop is received without a failed request.
        last = Fido.search(a.Time("2020-03-01T00:01:00", "2020-03-02"), *words[:2])["hapi"]
        assert len(hapi.load(last)) == 40
        assert server.refused == []


def test_a_server_without_tls_is_asked_only_where_that_is_allowed() -> None:
    with pytest.raises(QueryError, match=r"without TLS.*conf\.allow_http"):
        _search("http://hapi.example/hapi")


def test_each_listed_server_has_tls() -> None:
    assert [one.name for one in server_list._shipped().values() if not one.url.startswith("https://")] == []
