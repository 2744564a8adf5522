"""Test searches of several servers for the datasets that each has, and searches for words in descriptions."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import HAPIClient, conf, hapi
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, QueryError, ServiceUnreachable
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.server_list import HAPIServer

sys.path.insert(0, str(Path(__file__).parent))
from strict import Dataset, Habits, Server, nanoseconds, serve

DAY = a.Time("2020-03-01", "2020-03-02")
DEAD = "http://127.0.0.1:9/hapi"


def dataset(description: str = "", *names: str, **extra: Any) -> Dataset:
    time = {"name": "Time", "type": "isotime", "length": 20, "units": "UTC", "fill": None}
    others = [{"name": name, "type": "double", "units": "nT", "fill": None} for name in names or ("B",)]
    first = nanoseconds("2020-03-01T12:00:00Z")
    values = {one["name"]: [1.0, 2.0] for one in others}
    said = {"description": description, **extra}
    return Dataset([time, *others], [first, first + 10**9], values, said, start="2020-01-01Z", stop="2021-01-01Z")


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a function that restricts the listed servers to the given short names."""
    with conf.set_temp("retries", 0):

        def put(**servers: Server | str) -> None:
            urls = {name: one if isinstance(one, str) else one.url for name, one in servers.items()}
            known = {name: HAPIServer(name, url, source=f"{name}s") for name, url in urls.items()}
            monkeypatch.setattr(server_list, "_shipped", lambda: known)

        yield put


@contextlib.contextmanager
def two(listed: Any) -> Iterator[tuple[Server, Server]]:
    """Serve two archives: each has a unique dataset, and both have one with the same id."""
    first = {"MAG_1": dataset("Field by a magnetometer"), "COMMON": dataset("Both have it", "B", "n")}
    second = {"FLUX_1": dataset("Counts by a telescope", "flux"), "COMMON": dataset("Both have it", "flux")}
    with serve(first) as one, serve(second, Habits("2.0")) as other:
        listed(one=one, other=other)
        yield one, other


def found(*words: Any, time: Any = DAY) -> Any:
    # Fido of sunpy 8 reports errors of a client without raising them.
    return HAPIClient().search(time, *words)


@pytest.mark.parametrize("way", ["values", "or"])
def test_several_servers_are_one_table(listed: Any, way: str) -> None:
    with two(listed):
        both = a.hapi.Server("one", "other") if way == "values" else a.hapi.Server("one") | a.hapi.Server("other")
        table = found(both, a.hapi.Dataset("COMMON"))
        assert list(table["Server"]) == ["one", "other"]
        assert ["?dataset=" in url for url in table["url"]] == [True, False]
        assert len(hapi.load(table[1])) == 2


def test_what_one_server_does_not_know_is_a_problem_only(listed: Any) -> None:
    with two(listed):
        table = found(a.hapi.Server("one", "other"), a.hapi.Dataset("FLUX_1"))
        assert list(table["Server"]) == ["other"]
        assert "HAPI server one has no dataset 'FLUX_1'; it has" in table.notes[0]
        table = found(a.hapi.Server("one", "other"), a.hapi.Dataset("COMMON"), a.hapi.Parameters("flux"))
        assert list(table["Server"]) == ["other"]
        assert "COMMON of HAPI server one has no parameter 'flux'; it has" in table.notes[0]


def test_what_no_server_knows_is_refused_with_what_each_of_them_has(listed: Any) -> None:
    with two(listed), pytest.raises(QueryError, match=r"one has no dataset 'MAG_2'; did you mean MAG_1.*other has no"):
        found(a.hapi.Server("one", "other"), a.hapi.Dataset("MAG_2"))
    with two(listed), pytest.raises(QueryError, match=r"no dataset 'MAG_2'"):
        found(a.hapi.Server("one", "other"), a.hapi.Dataset("COMMON", "MAG_2"))


def test_a_server_that_is_down_costs_its_rows_and_says_so_once(listed: Any) -> None:
    with two(listed) as (one, other):
        listed(one=one, other=other, dead=DEAD, gone=DEAD.replace(":9", ":10"))
        with pytest.warns(IncompleteAnswerWarning) as caught:
            table = found(a.hapi.Server("one", "dead", "other", "gone"), a.hapi.Dataset("COMMON"))
        assert list(table["Server"]) == ["one", "other"]
        assert [text.split(":")[0] for text in table.problems] == ["COMMON of dead", "COMMON of gone"]
        assert len(caught) == 1
        assert str(caught[0].message) == " ".join(table.problems)
        with pytest.raises(ServiceUnreachable, match="HAPI server dead"):
            found(a.hapi.Server("dead", "gone"), a.hapi.Dataset("COMMON"))


def test_an_instrument_alone_is_looked_for_on_all_listed_servers(listed: Any) -> None:
    with two(listed):
        table = found(a.hapi.Dataset(), a.Instrument("magnetometer"))
        assert list(table["Dataset"]) == ["MAG_1"]
        assert list(found(a.hapi.Dataset(), a.Source("others"))["Server"]) == ["other", "other"]
        assert list(found(a.hapi.Dataset("*_1"), a.Physobs("counts"))["Dataset"]) == ["FLUX_1"]
        with pytest.raises(QueryError, match="or a server"):
            found(a.hapi.Dataset())


def test_servers_are_asked_at_the_same_time(listed: Any) -> None:
    meeting = threading.Barrier(2, timeout=20)

    class Meeting(Server):
        def answer(self, endpoint: str, pairs: Any) -> Any:
            if endpoint == "capabilities":
                meeting.wait()
            return super().answer(endpoint, pairs)

    with two(listed) as servers:
        for server in servers:
            server.__class__ = Meeting
        assert len(found(a.hapi.Server("one", "other"), a.hapi.Dataset("COMMON"))) == 2


def test_what_a_server_says_of_itself_is_asked_for_once(listed: Any) -> None:
    with two(listed) as (one, _), conf.set_temp("cache", False):
        found(a.hapi.Server("one"), a.hapi.Dataset("COMMON", "MAG_1"))
        assert [endpoint for endpoint, _, _ in one.asked].count("capabilities") == 1


def test_catalogues_are_asked_for_once_a_day(listed: Any) -> None:
    with two(listed) as servers:
        found(a.hapi.Dataset(), a.Instrument("magnetometer"))
        for server in servers:
            server.asked.clear()
        found(a.hapi.Dataset(), a.Instrument("telescope"))
        assert [server.asked for server in servers] == [[], []]


MANY = {f"D{index:03}": dataset("A telescope" if index == 77 else "Something else") for index in range(120)}


def test_descriptions_of_a_large_catalogue_are_read_where_they_are_at_hand(listed: Any) -> None:
    with serve(MANY) as server:
        listed(large=server)
        table = found(a.hapi.Server("large"), a.hapi.Dataset(), a.Instrument("telescope"))
        assert list(table["Dataset"]) == ["D077"]
        assert table.problems == []
        assert [endpoint for endpoint, _, _ in server.asked] == ["capabilities", "catalog"]


def test_descriptions_that_were_not_read_are_a_problem(listed: Any) -> None:
    with serve(MANY, Habits("3.1")) as server:
        listed(large=server)
        with pytest.warns(IncompleteAnswerWarning, match="to search their descriptions"):
            table = found(a.hapi.Server("large"), a.hapi.Dataset(), a.Instrument("telescope"))
        assert len(table) == 0
        assert "ids and titles of 120 datasets" in table.problems[0]
        # A pattern makes them few enough to be downloaded; they are then cached and searched.
        words = (a.hapi.Server("large"), a.hapi.Dataset("D07*"), a.Instrument("telescope"))
        assert list(found(*words)["Dataset"]) == ["D077"]
        with pytest.warns(IncompleteAnswerWarning, match="of 110 datasets"):
            table = found(a.hapi.Server("large"), a.hapi.Dataset(), a.Instrument("telescope"))
        assert list(table["Dataset"]) == ["D077"]


@pytest.mark.parametrize(("count", "is_read"), [(30, True), (31, False)])
def test_of_servers_that_nobody_named_few_descriptions_are_asked_for(listed: Any, count: int, is_read: bool) -> None:
    with serve({name: MANY[name] for name in list(MANY)[77 : 77 + count]}, Habits("3.1")) as server:
        listed(small=server)
        words = (a.hapi.Dataset(), a.Instrument("telescope"))
        if is_read:
            assert list(found(*words)["Dataset"]) == ["D077"]
        else:
            with pytest.warns(IncompleteAnswerWarning, match="give the server and a pattern"):
                assert len(found(*words)) == 0
            assert "info" not in [endpoint for endpoint, _, _ in server.asked]
            assert list(found(a.hapi.Server("small"), *words)["Dataset"]) == ["D077"]


def test_parameters_that_no_dataset_has_are_a_problem_with_similar_ones(listed: Any) -> None:
    with two(listed):
        table = found(a.hapi.Server("one"), a.hapi.Dataset("*"), a.hapi.Parameters("Bb"))
        assert len(table) == 0
        assert "no 'Bb'; did you mean B?" in table.notes[0]


def test_brackets_in_patterns_mean_themselves(listed: Any) -> None:
    with serve({"X[1]": dataset(), "X1": dataset(), "star*": dataset()}) as server:
        listed(odd=server)
        assert list(found(a.hapi.Server("odd"), a.hapi.Dataset("X[1]*"))["Dataset"]) == ["X[1]"]
        assert list(found(a.hapi.Server("odd"), a.hapi.Dataset("star*"))["Dataset"]) == ["star*"]


def test_a_description_that_was_kept_is_asked_for_anew_once_the_time_leaves_it(listed: Any) -> None:
    with serve({"X": dataset()}, Habits("3.1")) as server:
        listed(growing=server)
        words = (a.hapi.Server("growing"), a.hapi.Dataset("X"))
        assert found(*words).problems == []
        server.datasets["X"].stop = "2021-06-01Z"
        later = a.Time("2021-03-01", "2021-04-01")
        server.asked.clear()
        table = found(*words, time=later)
        assert (len(table), table.problems) == (1, [])
        assert found(*words).problems == []
        assert [endpoint for endpoint, _, _ in server.asked].count("info") == 1


def test_ends_that_are_no_times_or_missing_are_said_and_not_guessed(listed: Any) -> None:
    odd, open_ended = dataset(), dataset()
    odd.stop = "lasthour"
    with serve({"odd": odd, "open": open_ended}, Habits("3.1")) as server:
        listed(here=server)
        table = found(a.hapi.Server("here"), a.hapi.Dataset("odd"))
        assert len(table) == 1
        assert "ends at 'lasthour' according to the server, which is not a valid time" in table.notes[0]
        open_ended.info = lambda names: {"parameters": open_ended.parameters}  # type: ignore[method-assign]
        assert found(a.hapi.Server("here"), a.hapi.Dataset("open")).problems == []
        available = hapi.availability("here")
        assert available["stop"].mask.tolist() == [True, True]
        assert available["start"].mask.tolist() == [False, True]
        assert available["start"][0].isot == "2020-01-01T00:00:00.000000000"
        assert available.meta["problems"] == ["odd: its stop 'lasthour' is not a valid time."]
        assert re.search("--|———", str(available))  # astropy 8 draws masked times with longer dashes


def test_a_check_says_what_failed(listed: Any) -> None:
    test = {"dataTest": {"query": {"dataset": "X", "start": "2020-06-01Z", "stop": "2020-06-02Z"}}}
    with serve({"X": dataset()}, Habits(about=test)) as server:
        listed(here=server)
        result = hapi.check("here")
        assert not result
        assert "FAILED data: " in repr(result)
        assert "0 records of X" in repr(result)
        server.habits.about["dataTest"]["query"] |= {"start": "2020-03-01Z", "stop": "2020-04-01Z", "parameters": "B"}
        assert "2 records of X" in repr(hapi.check("here"))
    sample = dataset(sampleStartDate="2020-03-01Z", sampleStopDate="2020-03-02Z")
    with serve({"X": sample}) as server:
        listed(here=server)
        assert "ok     data: 2 records of X from 2020-03-01Z" in repr(hapi.check("here"))
