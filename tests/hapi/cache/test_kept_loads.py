"""Test loads of records that are partly kept: the same table as without, and only the necessary requests."""

from __future__ import annotations

import itertools
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.utils.exceptions import AstropyUserWarning
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import (
    FileError,
    IncompleteAnswerWarning,
    OutdatedAnswerWarning,
    QueryError,
    ServiceUnreachable,
)
from sunpy_helio_plugins.hapi.cache import holdings, validity
from sunpy_helio_plugins.hapi.cache.contents import group_of
from sunpy_helio_plugins.hapi.cache.segments import Segment
from sunpy_helio_plugins.hapi.records import fetch
from sunpy_helio_plugins.quantities.spans import Moment
from sunpy_helio_plugins.store import answers, arrow, ranges
from sunpy_helio_plugins.store.intervals import Range
from sunpy_helio_plugins.transport.credentials import signed_in

sys.path.insert(0, str(Path(__file__).parent))
from minutes import COUNT, FIRST, MINUTE, NAMES, asked, assert_equal, at, dataset, load
from strict import Dataset, Habits, Server, nanoseconds, serve, stamp


@pytest.fixture(autouse=True)
def _kept() -> Iterator[None]:
    with conf.hapi.set_temp("cache", True):
        yield


@pytest.fixture
def server() -> Iterator[Server]:
    with serve({"D": dataset()}) as made:
        yield made


# What comes


@pytest.mark.parametrize("form", ["csv", "binary", "json"])
def test_kept_records_are_the_same_table(server, form):
    first = load(server, 10, 200, format=form)
    again = load(server, 10, 200, format=form)
    assert len(asked(server)) == 1
    assert_equal(first, again)
    part = load(server, 50, 60, format=form)
    assert asked(server) == []
    with conf.hapi.set_temp("cache", False):
        assert_equal(part, load(server, 50, 60, format=form))


def test_the_table_can_be_changed(server):
    load(server, 0, 100)
    table = load(server, 0, 100)
    table["x"][0] = table["x"][1]
    table["n"][0] = 5
    assert np.ma.is_masked(load(server, 0, 100)["n"][0])


def test_each_second_of_a_day_with_a_leap_second_is_kept(server):
    table = load(server, 100, 140)
    assert table["Time"].isot[19:21].tolist() == ["2015-06-30T23:59:00.000000000", "2015-07-01T00:00:00.000000000"]
    assert_equal(table, load(server, 100, 140))
    assert load(server, 119, 121)["Time"].isot.tolist() == table["Time"].isot[19:21].tolist()


@settings(max_examples=25, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, COUNT - 2), st.integers(1, 90), st.sets(st.sampled_from(NAMES)),
            st.sampled_from(["csv", "binary", "json"]), st.sampled_from([None, 1000.0]),
        ),
        min_size=2, max_size=6,
    )
)  # fmt: skip
def test_overlapping_ranges_and_parameters_are_those_of_the_server(server_of_all, steps):
    hapi.cache.clear()
    for first, length, names, form, chunk in steps:
        before = min(first + length, COUNT - 1)
        chosen = [name for name in NAMES if name in names]
        found = load(server_of_all, first, before, *chosen, format=form, chunk=chunk)
        with conf.hapi.set_temp("cache", False):
            wanted = load(server_of_all, first, before, *chosen, format=form, chunk=chunk)
        for table in (found, wanted):
            # Formats may alternate, and so do the headers.
            table.meta["hapi"].pop("format")
            for name in set(table.colnames) & {"s"}:
                table[name] = table[name].filled("")
        assert found.colnames == wanted.colnames
        assert found["Time"].isot.tolist() == wanted["Time"].isot.tolist()
        for name in chosen:
            assert repr(found[name].tolist() if name == "s" else found[name]) == repr(
                wanted[name].tolist() if name == "s" else wanted[name]
            )


@pytest.fixture(scope="module")
def server_of_all() -> Iterator[Server]:
    with serve({"D": dataset()}) as made:
        yield made


# What is requested


def test_an_overlap_requests_only_its_difference(server):
    load(server, 50, 100)
    asked(server)
    assert len(load(server, 40, 130)) == 90
    assert asked(server) == [(40, 50, ""), (100, 130, "")]
    assert len(load(server, 0, 200)) == 200
    assert asked(server) == [(0, 40, ""), (130, 200, "")]


def test_other_parameters_are_requested_alone_and_joined(server):
    load(server, 0, 100, "x")
    asked(server)
    table = load(server, 50, 150, "x", "n")
    assert asked(server) == [(50, 100, "n"), (100, 150, "x,n")]
    with conf.hapi.set_temp("cache", False):
        assert_equal(table, load(server, 50, 150, "x", "n"))
    asked(server)
    load(server, 0, 150, "n")
    load(server, 0, 150, "x")
    assert asked(server) == [(0, 50, "n")]


def test_many_differences_are_few_requests(server):
    for first in range(0, 200, 20):
        load(server, first, first + 5, "x")
    asked(server)
    assert len(load(server, 0, 200, "x")) == 200
    assert len(asked(server)) <= 4


def test_chunks_are_kept_one_by_one(server):
    load(server, 0, 100, chunk=1800.0)
    assert len(asked(server)) == 4
    assert len(load(server, 0, 130)) == 130
    assert asked(server) == [(100, 130, "")]


def test_a_refusal_of_too_much_is_kept_in_halves():
    with serve({"D": dataset()}, Habits(most_records=70)) as server:
        assert len(load(server, 0, 200)) == 200
        asked(server)
        assert len(load(server, 0, 200)) == 200
        assert asked(server) == []


def test_times_alone_are_kept(server):
    assert len(load(server, 0, 50, "Time")) == 50
    assert load(server, 0, 50, "Time").colnames == ["Time"]
    assert len(asked(server)) == 1


def test_refresh_requests_everything_again(server):
    load(server, 0, 50, "x")
    server.datasets["D"].values["x"][10] = 77.0
    asked(server)
    assert load(server, 0, 50, "x")["x"][10].value != 77
    assert load(server, 0, 50, "x", refresh=True)["x"][10].value == 77
    assert asked(server) == [(0, 50, "x")]
    assert load(server, 0, 50, "x")["x"][10].value == 77
    assert asked(server) == []


def test_refresh_without_the_server_is_an_error_and_forgets_nothing(server):
    first = load(server, 0, 50, "x")
    with conf.set_temp("offline", True):
        with pytest.raises(ServiceUnreachable):
            load(server, 0, 50, "x", refresh=True)
        assert_equal(load(server, 0, 50, "x"), first)


def test_refresh_names_what_does_not_come(server, monkeypatch):
    load(server, 0, 60, "x")
    answer = Server.answer

    def sometimes(self: Server, endpoint: str, pairs: list[tuple[str, str]]) -> Any:
        if endpoint == "data" and dict(pairs)["start"] == at(30):
            return 400, "application/json", b'{"HAPI": "3.0", "status": {"code": 1501, "message": "upstream"}}'
        return answer(self, endpoint, pairs)

    monkeypatch.setattr(Server, "answer", sometimes)
    with pytest.warns(IncompleteAnswerWarning, match=r"22:30:00\.000Z to .*22:59:59\.999Z is missing: .*upstream"):
        assert len(load(server, 0, 60, "x", chunk=1800.0, refresh=True)) == 30
    asked(server)
    assert len(load(server, 0, 60, "x")) == 60
    assert asked(server) == []


def test_a_check_of_the_server_uses_nothing_that_is_kept(server):
    assert hapi.check(server.url)
    with conf.set_temp("offline", True):
        assert not hapi.check(server.url)


def test_rows_of_a_search_are_kept(server):
    with conf.hapi.set_temp("servers", [f"mine={server.url}"]):
        found = Fido.search(a.Time(at(0), at(99)), a.hapi.Server("mine"), a.hapi.Dataset("D"))["hapi"]
        assert len(hapi.load(found)) == len(hapi.load(found)) == 100
    assert len(asked(server)) == 1


def test_a_fetched_file_is_kept(server, tmp_path):
    with conf.hapi.set_temp("servers", [f"mine={server.url}"]):
        found = Fido.search(a.Time(at(0), at(99)), a.hapi.Server("mine"), a.hapi.Dataset("D"))
        (path,) = Fido.fetch(found, path=str(tmp_path), progress=False)
        asked(server)
        table = hapi.load("mine", "D", at(0), at(99))
        assert asked(server) == []
        assert len(table) == 99
        assert np.array_equal(table["x"].unmasked.value, hapi.read(path)["x"].unmasked.value[:99], equal_nan=True)


def test_an_empty_range_that_was_fetched_is_kept(server, tmp_path):
    kept = [index for index in range(COUNT) if not 50 <= index < 80]
    data = server.datasets["D"]
    data.times = [data.times[index] for index in kept]
    data.values = {name: [values[index] for index in kept] for name, values in data.values.items()}
    with conf.hapi.set_temp("servers", [f"mine={server.url}"]):
        found = Fido.search(a.Time(at(55), at(70)), a.hapi.Server("mine"), a.hapi.Dataset("D"))
        with pytest.warns(Warning, match="could not be downloaded"):
            assert Fido.fetch(found, path=str(tmp_path), progress=False).errors
        asked(server)
        assert len(hapi.load("mine", "D", at(56), at(69))) == 0
        assert asked(server) == []


# What changes


def forget_metadata() -> None:
    answers.clear()


def test_a_changed_modification_date_empties_the_dataset(server):
    load(server, 0, 50, "x")
    server.datasets["D"].values["x"][10] = 77.0
    server.datasets["D"].extra["modificationDate"] = "2021-01-01T00:00:00Z"
    forget_metadata()
    asked(server)
    assert load(server, 0, 50, "x")["x"][10].value == 77
    assert asked(server) == [(0, 50, "x")]


def test_a_response_tells_of_a_modification_before_the_description_does(server):
    load(server, 0, 50, "x")
    server.datasets["D"].values["x"][10] = 77.0
    server.datasets["D"].extra["modificationDate"] = "2021-01-01T00:00:00Z"
    assert load(server, 0, 70, "x")["x"][10].value == 77
    assert asked(server)[-2:] == [(0, 50, "x"), (50, 70, "x")]


def test_a_later_stop_empties_the_dataset_from_its_last_record_on(server):
    data = server.datasets["D"]
    data.stop = at(100)
    with pytest.warns(IncompleteAnswerWarning, match="ends at"):
        # The server refuses a request for the record at its stop.
        assert len(load(server, 0, 150)) == 100
    data.values["x"][99] = 77.0
    data.stop = at(120)
    forget_metadata()
    asked(server)
    table = load(server, 0, 120)
    assert table["x"][99].value == 77
    assert asked(server) == [(99, 120, "")]


def test_an_earlier_stop_empties_what_is_beyond(server):
    load(server, 0, 150)
    data = server.datasets["D"]
    data.stop = at(100)
    forget_metadata()
    with pytest.warns(IncompleteAnswerWarning, match="ends at"):
        assert len(load(server, 0, 150)) == 100


def test_a_changed_header_empties_its_parameter(server):
    load(server, 0, 50, "x", "n")
    server.datasets["D"].parameters[1]["units"] = "T"
    forget_metadata()
    asked(server)
    assert load(server, 0, 50, "x", "n")["x"].unit == "T"
    assert asked(server) == [(0, 50, "x")]


def test_a_header_that_changed_before_the_description_is_not_mixed_with_others(server):
    load(server, 0, 50, "x")
    server.datasets["D"].parameters[1]["units"] = "T"
    asked(server)
    table = load(server, 0, 100, "x")
    assert (table["x"].unit, len(table)) == ("T", 100)
    assert asked(server) == [(0, 100, "x"), (50, 100, "x")]
    assert load(server, 0, 100, "x")["x"].unit == "T"
    assert asked(server) == []


def test_what_lies_near_now_is_requested_again(server):
    now = nanoseconds(str(np.datetime64("now")))
    data = server.datasets["D"]
    data.times = [now - (COUNT - index) * MINUTE // MINUTE * MINUTE for index in range(COUNT)]
    data.start, data.stop = stamp(data.times[0], 24), stamp(now + 10**18, 24)
    start, stop = stamp(data.times[0], 24), stamp(data.times[-1], 24)
    with conf.hapi.set_temp("grace_days", 100 / 1440):
        for _ in range(2):
            asked(server)
            hapi.load(server.url, "D", start, stop, "x")
        ((_, _, names),) = asked_again = asked(server)
        assert names == "x"
        assert asked_again[0][1] - asked_again[0][0] == pytest.approx(100, abs=2)


@pytest.mark.parametrize(("days", "is_asked"), [(0.5, False), (1.5, True)])
def test_a_gap_is_believed_for_a_day(server, monkeypatch, days, is_asked):
    data = server.datasets["D"]
    times, values = data.times, data.values
    kept = [index for index in range(COUNT) if not 50 <= index < 80]
    data.times = [times[index] for index in kept]
    data.values = {name: [column[index] for index in kept] for name, column in values.items()}
    assert len(load(server, 0, 200, "x")) == 170
    data.times, data.values = times, values
    now = time.time()
    monkeypatch.setattr(holdings, "time", Clock(now + days * 86400))
    asked(server)
    table = load(server, 0, 200, "x")
    assert len(table) == (200 if is_asked else 170)
    assert [pair[2] for pair in asked(server)] == ["x"] * is_asked


class Clock:
    """The module `time` at another time."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.monotonic, self.sleep = time.monotonic, time.sleep

    def time(self) -> float:
        return self.now


def test_fill_values_alone_are_a_gap(server, monkeypatch):
    data = server.datasets["D"]
    data.values["x"] = [-1e31] * COUNT
    assert load(server, 0, 50, "x", "n")["x"].mask.all()
    data.values["x"] = [5.0] * COUNT
    monkeypatch.setattr(holdings, "time", Clock(time.time() + 1.5 * 86400))
    asked(server)
    assert (load(server, 0, 50, "x", "n")["x"].value == 5).all()
    assert asked(server) == [(0, 50, "x")]


@pytest.mark.parametrize(("days", "is_asked"), [(20, False), (40, True)])
def test_records_of_a_dataset_that_does_not_tell_of_modifications_are_kept_for_a_month(
    server, monkeypatch, days, is_asked
):
    del server.datasets["D"].extra["modificationDate"]
    load(server, 0, 50, "x")
    asked(server)
    monkeypatch.setattr(holdings, "time", Clock(time.time() + days * 86400))
    load(server, 0, 50, "x")
    assert bool(asked(server)) is is_asked


def test_parameters_of_different_times_are_requested_together(server):
    data = server.datasets["D"]
    load(server, 0, 100, "x")
    times, values = list(data.times), {name: list(column) for name, column in data.values.items()}
    for column in (data.times, *data.values.values()):
        del column[30]
    load(server, 0, 100, "n")
    asked(server)
    table = load(server, 0, 100, "x", "n")
    assert len(table) == 99
    assert asked(server) == [(0, 100, "x,n")]
    assert len(load(server, 0, 100, "x", "n")) == 99
    assert asked(server) == []
    data.times, data.values = times, values


def test_a_response_spliced_of_two_is_not_kept(server):
    data = server.datasets["D"]
    times = list(data.times)
    data.times = [*times[:30], *times[28:30], *times[32:]]
    with pytest.warns(IncompleteAnswerWarning, match="may be joined from parts of others"):
        load(server, 0, 100, "x")
    data.times = times
    asked(server)
    assert len(load(server, 0, 100, "x")) == 100
    assert asked(server) == [(0, 100, "x")]


# What fails


def test_a_chunk_that_failed_is_named_and_requested_again(server, monkeypatch):
    answer = Server.answer

    def sometimes(self: Server, endpoint: str, pairs: list[tuple[str, str]]) -> Any:
        if endpoint == "data" and dict(pairs)["start"] == at(60):
            return 400, "application/json", b'{"HAPI": "3.0", "status": {"code": 1501, "message": "upstream"}}'
        return answer(self, endpoint, pairs)

    monkeypatch.setattr(Server, "answer", sometimes)
    with pytest.warns(IncompleteAnswerWarning, match="is missing: .*upstream"):
        table = load(server, 0, 120, "x", chunk=1800.0)
    assert len(table) == 90
    states = hapi.cache.info()["State"].tolist()
    assert states == ["present", "present", "failed", "present"]
    monkeypatch.undo()
    asked(server)
    assert len(load(server, 0, 120, "x", chunk=1800.0)) == 120
    assert asked(server) == [(60, 90, "x")]


def test_without_its_server_what_is_here_is_given_and_the_rest_is_named():
    with serve({"D": dataset()}) as server:
        load(server, 50, 100, "x")
        url = server.url
    with conf.set_temp("retries", 0), pytest.warns(IncompleteAnswerWarning, match="is missing") as told:
        table = load(server, 40, 110, "x")
    assert server.url == url
    assert len(table) == 50
    assert len(table.meta["problems"]) == 2
    assert table.meta["problems"][0].startswith("2015-06-30T22:40:00.000Z to 2015-06-30T22:49:59.999Z is missing")
    assert len([one for one in told if one.category is IncompleteAnswerWarning]) == 1


def test_offline_nothing_is_requested(server):
    table = load(server, 50, 100, "x")
    load(server, 0, 10, "x")
    asked(server)
    with conf.set_temp("offline", True):
        assert_equal(table, load(server, 50, 100, "x"))
        with pytest.warns(IncompleteAnswerWarning, match=r"conf\.offline is set"):
            assert len(load(server, 0, 100, "x")) == 60
        with pytest.raises(ServiceUnreachable, match=r"conf\.offline is set"):
            load(server, 150, 160, "x")
    assert asked(server) == []


def test_offline_no_file_is_downloaded(server, tmp_path):
    with conf.hapi.set_temp("servers", [f"mine={server.url}"]):
        found = Fido.search(a.Time(at(0), at(99)), a.hapi.Server("mine"), a.hapi.Dataset("D"))
        asked(server)
        with conf.set_temp("offline", True), pytest.warns(Warning, match="could not be downloaded"):
            files = Fido.fetch(found, path=str(tmp_path), progress=False)
    assert "conf.offline is set" in str(files.errors[0].exception)
    assert asked(server) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("days", [40, -40])
def test_records_that_could_not_be_requested_again_are_given_with_their_date(server, monkeypatch, days):
    del server.datasets["D"].extra["modificationDate"]
    load(server, 0, 50, "x")
    monkeypatch.setattr(holdings, "time", Clock(time.time() + days * 86400))
    with (
        conf.set_temp("offline", True),
        pytest.warns(
            IncompleteAnswerWarning, match=r"could not be requested again, and is as it was on 20\d\d-\d\d-\d\d"
        ),
    ):
        assert len(load(server, 0, 50, "x")) == 50


def test_a_description_is_outdated_rather_than_missing(server, monkeypatch):
    load(server, 0, 50, "x")
    now = time.time()
    monkeypatch.setattr(answers.time, "time", lambda: now + 3 * 86400)
    with conf.set_temp("offline", True), pytest.warns(OutdatedAnswerWarning, match="The answer of .* may be outdated"):
        assert len(load(server, 0, 50, "x")) == 50


def test_a_full_disk_costs_one_warning_and_no_record(server, monkeypatch):
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(arrow, "write", full)
    with pytest.warns(AstropyUserWarning, match=r"are not kept for the next time: .*No space left on device") as told:
        assert len(load(server, 0, 100, chunk=1800.0)) == 100
    assert len(told) == 1


def test_a_full_disk_while_some_is_kept(server, monkeypatch):
    load(server, 0, 50, "x")

    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(arrow, "write", full)
    with pytest.warns(AstropyUserWarning, match="No space left on device"):
        assert len(load(server, 0, 100, "x")) == 100


def test_a_folder_that_cannot_be_used_costs_a_warning(server, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with conf.set_temp("cache", False), conf.set_temp("cache_dir", str(tmp_path / "file")):
        with pytest.warns(AstropyUserWarning):
            assert len(load(server, 0, 100)) == 100


def test_other_parameters_than_were_requested_are_not_kept(server, monkeypatch):
    load(server, 0, 50, "x")
    answer = Server.answer

    def everything(self: Server, endpoint: str, pairs: list[tuple[str, str]]) -> Any:
        kept = [pair for pair in pairs if endpoint != "data" or pair[0] != "parameters"]
        return answer(self, endpoint, kept)

    monkeypatch.setattr(Server, "answer", everything)
    table = load(server, 0, 100, "x")
    assert len(table) == 100
    assert table.colnames == ["Time", *NAMES]
    assert len(load(server, 50, 100, "x")) == 50


def test_a_time_of_another_name_does_not_find_its_column(server):
    load(server, 0, 50, "x")
    server.datasets["D"].parameters[0]["name"] = "Epoch"
    forget_metadata()
    assert load(server, 0, 50, "x").colnames == ["Epoch", "x"]


# Several at once


def test_threads_make_one_request(server):
    load(server, 0, 1, "x")
    asked(server)
    lengths: list[int] = []
    threads = [threading.Thread(target=lambda: lengths.append(len(load(server, 10, 200, "x")))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert lengths == [190] * 8
    assert len(asked(server)) == 1


def test_those_who_wait_share_a_failure(server, monkeypatch):
    load(server, 0, 1, "x")
    answer = Server.answer
    count = itertools.count()

    def fails(self: Server, endpoint: str, pairs: list[tuple[str, str]]) -> Any:
        if endpoint == "data":
            next(count)
            time.sleep(0.3)
            return 400, "application/json", b'{"HAPI": "3.0", "status": {"code": 1501, "message": "upstream"}}'
        return answer(self, endpoint, pairs)

    monkeypatch.setattr(Server, "answer", fails)
    errors: list[Exception] = []

    def work() -> None:
        try:
            load(server, 10, 200, "x")
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(errors) == 3
    assert all("upstream" in str(error) for error in errors)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are made by fork")
def test_processes_make_one_request(server):
    load(server, 0, 1, "x")
    asked(server)
    children = []
    for _ in range(8):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if len(load(server, 10, 200, "x")) == 190 else 2
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 8
    assert len(asked(server)) == 1


# What is told, and what is not kept


def test_the_contents_are_listed_and_removed(server):
    load(server, 0, 50, "x")
    load(server, 60, 70, "x", "n")
    table = hapi.cache.info()
    assert list(zip(table["Parameter"], table["State"], strict=True)) == [
        ("n", "present"),
        ("x", "present"),
        ("x", "present"),
    ]
    assert set(table["Dataset"]) == {"D"}
    assert table["Start Time"].isot[1].startswith("2015-06-30T22:00:00")
    assert table["End Time"].isot[1].startswith("2015-06-30T22:50:00")
    assert table.meta["size"].value > 0
    assert len(hapi.cache.info(server.url, "D")) == 3
    assert len(hapi.cache.info("cdaweb")) == 0
    hapi.cache.clear("cdaweb")
    hapi.cache.clear(server.url, "other")
    assert len(hapi.cache.info()) == 3
    hapi.cache.clear(server.url, "D")
    assert len(hapi.cache.info()) == 0
    assert hapi.cache.info().meta["size"].value == 0
    hapi.cache.clear()
    with pytest.raises(QueryError, match="a dataset with its server"):
        hapi.cache.clear(dataset="D")


def test_records_of_a_user_who_is_signed_in_are_not_kept(archive):
    esa = "spase://SSA/NumericalData/D3S/d3s_mtgs1_ngrm_science_ep_l1_bt_v1"
    with conf.hapi.set_temp("cache", True), signed_in("swe", "sandbox-client", "sandbox-secret"):
        hapi.load("swe", esa, "2026-03-25", "2026-03-26", ["feio_1"])
    assert len(hapi.cache.info()) == 0


def test_the_index_contains_no_secret_of_an_address(server):
    secret = server.url.replace("http://", "http://user:pl4nted@")
    hapi.load(secret, "D", at(0), at(10), "x")
    assert len(hapi.cache.info()) == 0
    load(server, 0, 10, "x")
    kept = [path for path in ranges.folder().rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"pl4nted" in path.read_bytes()]


def test_nothing_is_kept_while_it_is_off(server):
    with conf.hapi.set_temp("cache", False):
        load(server, 0, 10)
        load(server, 0, 10)
    assert len(asked(server)) == 2
    assert not ranges.folder().exists()


def test_small_files_are_written_to_one(server):
    for first in range(0, 200, 10):
        load(server, first, first + 10, "x")
    assert len(list(ranges.folder().glob("*.arrow"))) == 20
    table = load(server, 0, 200, "x")
    assert len(list(ranges.folder().glob("*.arrow"))) == 1
    asked(server)
    assert_equal(table, load(server, 0, 200, "x"))
    assert asked(server) == []


def test_a_repeated_name_is_not_kept(server):
    data = server.datasets["D"]
    data.parameters.append(dict(data.parameters[1]))
    load(server, 0, 10)
    assert len(hapi.cache.info()) == 0


def test_years_beyond_the_ordinals_are_not_kept(server):
    data = server.datasets["D"]
    shift = nanoseconds("1610-01-01T00:00:00Z") - FIRST
    data.times = [one + shift for one in data.times]
    data.start, data.stop = "1600-01-01T00:00:00.000Z", "1700-01-01T00:00:00.000Z"
    assert len(hapi.load(server.url, "D", "1610-01-01", "1610-01-01T01:00")) == 60
    assert len(hapi.cache.info()) == 0


def test_the_index_is_small(server):
    load(server, 0, 200)
    with closing(sqlite3.connect(ranges.folder() / ranges.NAME)) as database:
        assert database.execute("SELECT count(*) FROM entries").fetchone() == (5,)
        assert database.execute("SELECT count(*) FROM leases").fetchone() == (0,)


@pytest.mark.parametrize("cadence", ["", "PT1M"])
def test_a_response_that_is_too_large_is_not_kept(monkeypatch, cadence):
    monkeypatch.setattr(holdings, "_LARGEST", 5000)
    with serve({"D": dataset(cadence=cadence)}) as server:
        first = load(server, 0, 200, "x", "n")
        assert len(first) == 200
        assert len(asked(server)) == 1
        assert_equal(load(server, 0, 200, "x", "n"), first)
        assert len(asked(server)) == 1
        # A small part is kept, and does not change what the whole range has.
        load(server, 50, 60, "x", "n")
        assert len(load(server, 50, 60, "x", "n")) == 10
        assert len(asked(server)) == 1
        assert_equal(load(server, 0, 200, "x", "n"), first)


def test_who_waits_too_long_for_another_caller_requests_alone(server, monkeypatch):
    load(server, 0, 1, "x")
    asked(server)
    monkeypatch.setattr(ranges.Ranges, "waited", lambda *_: False)
    whole = Range(*(Moment.read(at(minute)).ordinal for minute in (10, 20)))
    with holdings.store().leased(group_of(server.url, "D"), [whole]) as (taken, _):
        assert taken == [True]
        assert len(load(server, 10, 20, "x")) == 10
    assert asked(server) == [(10, 20, "x")]


def test_a_response_with_a_time_that_is_none_is_requested_again(server, monkeypatch):
    rows = Dataset.rows
    monkeypatch.setattr(
        Dataset, "rows", lambda *given: [["2015-06-30T22:60:00.000Z", *row[1:]] for row in rows(*given)]
    )
    for _ in range(2):
        with pytest.raises(FileError, match=r"^D of .*: A record does not begin with a valid time"):
            load(server, 0, 10, "x")
        assert len(asked(server)) == 1
    monkeypatch.undo()
    with conf.hapi.set_temp("cache", True):
        assert len(load(server, 0, 10, "x")) == 10
    assert len(asked(server)) == 1


def test_only_ranges_of_many_files_are_written_to_one(server, monkeypatch):
    monkeypatch.setattr(holdings, "_MOST_FILES", 3)
    for first in (0, 10, 100, 110):
        load(server, first, first + 10, "x")
    with conf.hapi.set_temp("servers", [f"mine={server.url}"]):
        rows = [
            Fido.search(
                a.Time(at(first), at(first + 19)), a.hapi.Server("mine"), a.hapi.Dataset("D"), a.hapi.Parameters("x")
            )["hapi"]
            for first in (0, 100)
        ]
        assert len(hapi.load(rows)) == 40
    assert len(list(ranges.folder().glob("*.arrow"))) == 4
    load(server, 120, 130, "x")
    load(server, 130, 140, "x")
    assert len(load(server, 100, 140, "x")) == 40
    assert len(list(ranges.folder().glob("*.arrow"))) == 3


def test_a_range_without_records_is_not_written_to_one_file(server, monkeypatch):
    data = server.datasets["D"]
    data.times = [data.times[0], *(one + 3600 * 10**9 for one in data.times[1:])]
    monkeypatch.setattr(holdings, "_MOST_FILES", 0)
    assert len(load(server, 10, 40, "x")) == 0
    assert not list(ranges.folder().glob("*.arrow"))
    asked(server)
    assert len(load(server, 10, 40, "x")) == 0
    assert asked(server) == []


def test_neighbouring_ranges_of_the_same_parameters_are_one_request():
    missing = {"x": [Range(0, 5), Range(5, 9)], "n": [Range(3, 9), Range(12, 14)]}
    every = [Range(0, 9), Range(12, 14)]
    assert list(holdings._by_names(every, missing)) == [
        (Range(0, 3), ("x",)),
        (Range(3, 9), ("x", "n")),
        (Range(12, 14), ("n",)),
    ]


def test_a_large_file_that_was_fetched_is_not_kept(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "_LARGEST_KEPT", 100)
    with conf.hapi.set_temp("servers", [f"mine={server.url}"]):
        rows = Fido.search(a.Time(at(0), at(50)), a.hapi.Server("mine"), a.hapi.Dataset("D"))
        Fido.fetch(rows, path=str(tmp_path), progress=False)
        asked(server)
        assert len(load(server, 0, 50)) == 50
    assert len(asked(server)) == 1


def test_a_response_that_is_older_than_another_one_is_not_kept(server, monkeypatch):
    load(server, 0, 10, "x")
    before = hapi.cache.info()["Requested"].isot.tolist()
    newer = validity.DatasetVersion(modified="2030-01-01T00:00:00Z").note
    read = validity.DatasetVersion.read
    with monkeypatch.context() as within:
        within.setattr(validity.DatasetVersion, "read", classmethod(lambda cls, note: read(newer)))
        within.setattr(holdings.Holdings, "_agree_on_version", lambda self: None)
        assert len(load(server, 10, 20, "x")) == 10
    assert hapi.cache.info()["Requested"].isot.tolist() == before
    assert len(hapi.cache.info()) == 1


def test_records_in_no_order_are_found_by_their_times():
    times = np.array([5, 1, 9, 3])
    segment = Segment(Range(0, 10), None, times, {}, frozenset(), is_ordered=False)
    assert segment.rows(Range(1, 6)).tolist() == [0, 1, 3]
