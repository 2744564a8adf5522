"""Test which requests a search sends for events of which some are kept, and what it returns."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, her
from sunpy_helio_plugins.errors import AnswerError, FileError, QueryError, ServiceUnreachable
from sunpy_helio_plugins.her import search, service
from sunpy_helio_plugins.her.cache import contents, holdings, segments
from sunpy_helio_plugins.her.cache.pages import KeptPages
from sunpy_helio_plugins.her.cache.segments import EventPart
from sunpy_helio_plugins.her.paging import Page
from sunpy_helio_plugins.her.query import Alternative, Query, Triplet
from sunpy_helio_plugins.her.translator import queries
from sunpy_helio_plugins.store import ranges
from sunpy_helio_plugins.store.arrow import ColumnFile
from sunpy_helio_plugins.store.intervals import Entry, Range, State
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.exchange import Response

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parent))
from changing_registry import DAY, UNIX, Registry, names, stamp
from two_processes import Clock

HOUR = 60
YEAR = 525_600


def asked_for(first: float, last: float, **more: Any) -> Query:
    """Return the search of a range of minutes."""
    start, end = stamp(first), stamp(last)
    return Query(start, end, alternatives=(Alternative(start, end, strict=bool(more.get("strict"))),), **more)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Return a registry whose events are kept in an empty folder; it is a year after the events."""
    clock = Clock(UNIX + 365 * DAY)
    made = Registry(clock)
    for module in (holdings, ranges):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(metadata, "get", made.get)
    with conf.set_temp("cache_dir", str(tmp_path)), conf.her.set_temp("cache", True):
        yield made


def requests_of(registry: Registry, *asked: Query) -> tuple[list[tuple[str, str, int]], Any]:
    """Return the requests of a search, and its result."""
    registry.asked.clear()
    found = search.search(asked)
    return list(registry.asked), found


def check(registry: Registry, query: Query, requests: int | None = None) -> Any:
    """Check that a search returns the events of the registry in its order, and the number of its requests."""
    sent, found = requests_of(registry, query)
    assert names(found.records) == names(registry.overlapping(query.start, query.end))
    assert found.problems == ()
    assert requests is None or len(sent) == requests, sent
    return found


@pytest.mark.exhaustive
def test_fourteen_years_in_25_pages_are_requested_once(registry: Registry) -> None:
    registry.clock.now += 14 * 366 * DAY
    for number in range(24_500):
        registry.put(f"e{number}", number * 300, 20)
    whole = asked_for(0, 24_500 * 300)
    check(registry, whole, 25)
    check(registry, whole, 0)
    check(registry, asked_for(1000, 2000 * 300), 0)


def test_a_longer_range_requests_its_difference_and_an_event_on_the_border_occurs_once(registry: Registry) -> None:
    registry.put("before", 10, 5)
    registry.put("border", 50, 20)
    registry.put("after", 100, 5)
    check(registry, asked_for(0, HOUR), 1)
    found = check(registry, asked_for(0, 2 * HOUR), 1)
    assert registry.asked == [(stamp(HOUR), stamp(2 * HOUR), 1)]
    assert [record["kb_archivid"] for record in found.records] == ["ivo://x/before", "ivo://x/border", "ivo://x/after"]
    check(registry, asked_for(-HOUR, 3 * HOUR), 2)


def test_the_gap_between_two_ranges_is_requested_alone(registry: Registry) -> None:
    for number in range(30):
        registry.put(f"e{number}", number * 10, 25)
    check(registry, asked_for(0, 50), 1)
    check(registry, asked_for(200, 300), 1)
    check(registry, asked_for(0, 300), 1)
    assert registry.asked == [(stamp(50), stamp(200), 1)]


@pytest.mark.parametrize(
    "more",
    [
        {"types": ("FL",)}, {"filters": (Triplet("frm_name", "=", "SWPC"),)}, {"tests": "show"},
        {"raw": (("FRM_Name", "=", "SWPC"),)}, {"raw": (("special", "1"),)},
        {"returns": ("event_starttime", "event_endtime", "kb_archivid", "revision")},
    ],
)  # fmt: skip
def test_another_question_has_other_events(registry: Registry, more: dict[str, Any]) -> None:
    registry.put("one", 10)
    check(registry, asked_for(0, HOUR), 1)
    check(registry, asked_for(0, HOUR, **more), 1)
    check(registry, asked_for(0, HOUR, **more), 0)


def test_questions_that_look_alike_are_different() -> None:
    one, other = (asked_for(0, HOUR, raw=raw) for raw in [(("x", "1&y=2"),), (("x", "1"), ("y", "2"))])
    assert holdings.question_of(one) != holdings.question_of(other)
    assert "\n" not in holdings.question_of(asked_for(0, HOUR, raw=(("x", "1\n2"),)))


def test_the_order_of_types_does_not_matter(registry: Registry) -> None:
    check(registry, asked_for(0, HOUR, types=("FL", "CH")), 1)
    check(registry, asked_for(0, HOUR, types=("CH", "FL")), 0)


@pytest.mark.parametrize(
    "query",
    [
        asked_for(0, HOUR, within=("AR", "CH")), asked_for(0, HOUR, returns=("optional",)),
        asked_for(0, HOUR, returns=("hpc_x",)), asked_for(0, HOUR, raw=(("event_endtime", "2027-01-01"),)),
        replace(asked_for(0, HOUR), strict=True, alternatives=()), asked_for(0, HOUR, raw=(("page", "2"),)),
    ],
)  # fmt: skip
def test_what_is_not_a_sum_of_ranges_is_not_kept(query: Query, tmp_path: Path) -> None:
    with conf.set_temp("cache_dir", str(tmp_path)), conf.her.set_temp("cache", True):
        assert holdings.opened(query) is None
        assert holdings.opened(asked_for(0, HOUR)) is not None


def test_events_of_a_user_who_signs_in_are_not_kept(tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine registry.example login me password secret\n")
    netrc.chmod(0o600)
    with pytest.MonkeyPatch.context() as patch, conf.her.set_temp("url", "https://registry.example/her"):
        patch.setenv("NETRC", str(netrc))
        with conf.her.set_temp("cache", True):
            assert holdings.opened(asked_for(0, HOUR)) is None


def test_a_strict_search_uses_the_events_that_overlap(registry: Registry) -> None:
    registry.put("inside", 10, 5)
    registry.put("across", 50, 20)
    check(registry, asked_for(0, HOUR), 1)
    sent, found = requests_of(registry, asked_for(0, HOUR, strict=True))
    assert (sent, names(found.records)) == ([], ["ivo://x/inside 1"])
    her.cache.clear()
    sent, found = requests_of(registry, asked_for(0, HOUR, strict=True))
    assert (len(sent), names(found.records)) == (1, ["ivo://x/inside 1"])
    check(registry, asked_for(0, HOUR), 0)


def test_a_limit_reads_few_pages_and_what_it_read_is_not_taken_for_all(registry: Registry) -> None:
    registry.size = 10
    for number in range(100):
        registry.put(f"e{number}", number)
    sent, found = requests_of(registry, asked_for(0, 200, limit=15, page_size=10))
    assert (len(sent), len(found)) == (2, 15)
    check(registry, asked_for(0, 200, page_size=10))
    sent, found = requests_of(registry, asked_for(0, 200, limit=15, page_size=10))
    assert (sent, len(found)) == ([], 15)


def test_an_interrupted_search_continues_after_the_pages_that_came(registry: Registry) -> None:
    registry.size = 10
    for number in range(100):
        registry.put(f"e{number}", number, 30 if number % 10 else 300)
    original = registry.get
    pages: list[int] = []

    def interrupted(url: str, **options: Any) -> Any:
        pages.append(1)
        if len(pages) > 5:
            raise KeyboardInterrupt
        return original(url, **options)

    query = asked_for(0, 200, page_size=10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metadata, "get", interrupted)
        with pytest.raises(KeyboardInterrupt):
            search.search([query])
    check(registry, query)
    assert registry.asked[0][0] > query.start
    check(registry, query, 0)


@pytest.mark.parametrize("year", [0, -57])
def test_after_a_failed_page_the_others_are_returned_and_the_next_search_requests_from_there(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, year: int
) -> None:
    registry.size = 10
    for number in range(50):
        registry.put(f"e{number}", year * YEAR + number)
    monkeypatch.setattr("sunpy_helio_plugins.her.paging.AT_ONCE", 1)
    registry.failing = {3}
    query = asked_for(year * YEAR, year * YEAR + 60, page_size=10)
    _, found = requests_of(registry, query)
    assert names(found.records) == [f"ivo://x/e{number} 1" for number in (*range(20), *range(30, 50))]
    assert "Page 3" in found.problems[0]
    states = her.cache.info()["State"].tolist()
    assert states == ["present", "present", "failed"]
    check(registry, query, 4)
    assert registry.asked[0][0] == stamp(year * YEAR + 19 - 1 / 60)


@pytest.mark.parametrize("number", [1, 2])
def test_a_body_that_ends_early_is_not_kept(registry: Registry, number: int) -> None:
    registry.put("one", 10)
    registry.cut = {number, number + 1}
    query = asked_for(0, HOUR)
    with contextlib.suppress(AnswerError):
        search.search([query])
    registry.cut = set()
    check(registry, query)


def test_events_that_the_registry_gets_later_are_found_after_the_days_of_the_setting(registry: Registry) -> None:
    registry.put("old", 10)
    query = asked_for(0, HOUR)
    check(registry, query, 1)
    registry.put("late", 20)
    registry.clock.now += 29 * DAY
    assert len(search.search([query])) == 1
    registry.clock.now += 2 * DAY
    check(registry, query, 1)


def test_a_range_without_events_is_believed_for_a_day(registry: Registry) -> None:
    query = asked_for(0, HOUR)
    check(registry, query, 1)
    check(registry, query, 0)
    registry.put("late", 20)
    registry.clock.now += 1.1 * DAY
    check(registry, query, 1)


def test_the_last_days_are_requested_again_and_nothing_else(registry: Registry) -> None:
    registry.put("old", YEAR - 30 * 24 * HOUR)
    registry.put("new", YEAR - 24 * HOUR)
    query = asked_for(0, YEAR)
    check(registry, query, 1)
    registry.put("newer", YEAR - 2 * HOUR)
    check(registry, query, 1)
    # The first request was 10 days, conf.her.grace_days, before the end.
    assert registry.asked[0][0] == stamp(YEAR - 10 * 24 * HOUR - 1 / 60)
    check(registry, asked_for(0, YEAR - 11 * 24 * HOUR), 0)


def test_the_range_of_an_event_that_was_archived_recently_is_requested_again(registry: Registry) -> None:
    registry.put("settled", 10, 5)
    registry.put("revised", 100, 20, archived=YEAR - 24 * HOUR)
    query = asked_for(0, 5 * HOUR)
    check(registry, query, 1)
    registry.put("revised", 100, 15, archived=YEAR - 24 * HOUR)
    check(registry, query, 1)
    assert registry.asked == [(stamp(100 - 1 / 60), stamp(120 + 1 / 60), 1)]
    registry.clock.now += 11 * DAY
    check(registry, query, 1)
    check(registry, query, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"revision": "2"}, {"kb_archivdate": stamp(5.0)}, {"event_importance_num_ratings": "1"}, None,
    ],
)  # fmt: skip
def test_a_newer_response_that_contradicts_a_kept_one_is_believed(
    registry: Registry, change: dict[str, Any] | None
) -> None:
    registry.put("border", 50, 20)
    registry.put("beside", 40, 15)
    registry.put("far", 10, 5)
    check(registry, asked_for(0, HOUR), 1)
    for name in ("border", "beside"):
        if change is None:
            del registry.events[name]
        else:
            registry.events[name] |= change
    found = check(registry, asked_for(0, 2 * HOUR), 2)
    assert registry.asked[1] == (stamp(50 - 1 / 60), stamp(HOUR), 1)
    assert [registry.events[one["kb_archivid"][8:]] == one for one in found.records] == [True] * len(found)
    check(registry, asked_for(0, 2 * HOUR), 0)


def test_a_search_to_refresh_requests_everything(registry: Registry) -> None:
    registry.put("one", 10)
    check(registry, asked_for(0, HOUR), 1)
    registry.put("one", 10, 7)
    check(registry, asked_for(0, HOUR, refresh=True), 1)
    check(registry, asked_for(0, HOUR), 0)


def test_the_attr_asks_to_refresh() -> None:
    day = a.Time("2026-01-10", "2026-01-11")
    assert queries(day, a.her.FL, a.her.Refresh())[0].refresh
    assert not queries(day, a.her.FL)[0].refresh
    with pytest.raises(QueryError, match="does not take a value"):
        a.her.Refresh(True)


def test_what_a_wrong_clock_kept_in_the_future_is_not_believed(registry: Registry) -> None:
    registry.put("one", 10)
    registry.clock.error = 300 * DAY
    check(registry, asked_for(0, HOUR), 1)
    registry.clock.error = 0.0
    check(registry, asked_for(0, HOUR), 1)
    check(registry, asked_for(0, HOUR), 0)


def test_without_a_connection_the_kept_events_are_returned_and_the_missing_range_is_named(registry: Registry) -> None:
    registry.put("one", 10)
    registry.put("two", 90)
    check(registry, asked_for(0, HOUR), 1)
    registry.failing = set(range(1, 9))
    _, found = requests_of(registry, asked_for(0, 2 * HOUR))
    assert names(found.records) == ["ivo://x/one 1"]
    (problem,) = found.problems
    assert problem.startswith(f"The events from {stamp(HOUR)} to {stamp(2 * HOUR)} are missing: HER")
    assert problem.kind == "unreachable"
    registry.clock.now += 40 * DAY
    registry.failing = set(range(1, 9))
    _, found = requests_of(registry, asked_for(0, HOUR))
    assert names(found.records) == ["ivo://x/one 1"]
    assert "could not be requested again, and are as they were on 2027-01-01" in found.problems[0]
    her.cache.clear()
    registry.failing = set(range(1, 9))
    with pytest.raises(ServiceUnreachable):
        search.search([asked_for(0, HOUR)])


def test_offline_nothing_is_sent(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.put("one", 10)
    check(registry, asked_for(0, HOUR), 1)
    monkeypatch.undo()
    with conf.set_temp("offline", True), conf.her.set_temp("cache", True):
        monkeypatch.setattr(holdings, "time", registry.clock)
        monkeypatch.setattr(ranges, "time", registry.clock)
        assert names(search.search([asked_for(0, HOUR)]).records) == ["ivo://x/one 1"]
        found = search.search([asked_for(0, 2 * HOUR)])
    assert names(found.records) == ["ivo://x/one 1"]
    assert "conf.offline" in found.problems[0]


def test_a_range_that_another_process_is_requesting_is_waited_for(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.put("one", 10)
    stores = {True: ranges.Ranges(tmp_path / "events", 10**7), False: ranges.Ranges(tmp_path / "events", 10**7)}
    is_main = lambda: threading.current_thread() is threading.main_thread()  # noqa: E731
    monkeypatch.setattr(holdings, "store", lambda: stores[is_main()])
    others: list[Any] = []
    original, second = registry.get, threading.Thread(target=lambda: others.append(search.search([query])))
    query, waits = asked_for(0, HOUR), threading.Event()
    # The other process looks whether this one has ended, and has therefore not sent a request.
    monkeypatch.setattr(stores[False], "is_leased", lambda *one, ask=stores[False].is_leased: waits.set() or ask(*one))

    def answer_late(url: str, **options: Any) -> Any:
        if is_main():
            second.start()
            waits.wait(30)
        return original(url, **options)

    monkeypatch.setattr(metadata, "get", answer_late)
    found = search.search([query])
    second.join(30)
    assert waits.is_set()
    assert len(registry.asked) == 1
    assert names(others[0].records) == names(found.records) == ["ivo://x/one 1"]
    for one in stores.values():
        one.close()


def test_a_search_after_a_process_that_was_killed_does_not_wait_for_it(registry: Registry, tmp_path: Path) -> None:
    registry.put("one", 10)
    query = asked_for(0, HOUR)
    held = holdings.opened(query)
    assert held is not None
    group, url = held._group, str(tmp_path / "events")
    script = (
        "import os, sys; from pathlib import Path; from sunpy_helio_plugins.store.intervals import Range\n"
        "from sunpy_helio_plugins.store.ranges import Ranges\n"
        "with Ranges(Path(sys.argv[1]), 10**7).leased(sys.argv[2], [Range(int(sys.argv[3]), 2**60)]):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, url, group, str(held._whole.first)], check=False)
    assert done.returncode == -9
    check(registry, query, 1)
    assert registry.clock.now < UNIX + 365 * DAY + 1


def test_relations_are_kept_with_their_events(registry: Registry) -> None:
    for number in range(4):
        registry.put(f"e{number}", number * 30, 5)
    registry.edges = [
        {"first_ivorn": f"ivo://x/e{one}", "second_ivorn": f"ivo://x/e{one + 1}", "edge_type": "is_followed_by"}
        for one in range(3)
    ]
    cold = check(registry, asked_for(0, 100), 1)
    assert check(registry, asked_for(0, 100), 0).associations == cold.associations
    part = check(registry, asked_for(0, 20), 0)
    assert [edge["second_ivorn"] for edge in part.associations] == ["ivo://x/e1"]


def test_events_whose_times_cannot_be_read_are_kept(registry: Registry) -> None:
    registry.put("one", 10)
    registry.events["odd"] = registry.events["one"] | {
        "kb_archivid": "ivo://x/odd", "event_starttime": "2026-01-01T00:30", "event_endtime": "2026-02-31T00:00:00",
    }  # fmt: skip
    cold = search.search([asked_for(0, HOUR)])
    assert len(cold) == 2
    registry.asked.clear()
    assert {*names(search.search([asked_for(0, HOUR)]).records)} == {*names(cold.records)}
    assert registry.asked == []


def test_a_file_that_was_changed_is_not_used(registry: Registry, tmp_path: Path) -> None:
    registry.put("one", 10)
    check(registry, asked_for(0, HOUR), 1)
    (path,) = (tmp_path / "events").glob("*.arrow")
    path.write_bytes(path.read_bytes()[:-100])
    contents.store()._verified.clear()
    check(registry, asked_for(0, HOUR), 1)
    check(registry, asked_for(0, HOUR), 0)


def test_a_full_disk_is_one_warning_and_costs_no_event(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.put("one", 10)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sunpy_helio_plugins.store.ranges.arrow.write", full)
    with pytest.warns(UserWarning, match="The events of HER are not kept for the next time: .*No space left"):
        found = search.search([asked_for(0, HOUR)])
    assert len(found) == 1


def test_many_small_ranges_become_one_file(registry: Registry, tmp_path: Path) -> None:
    for number in range(40):
        registry.put(f"e{number}", number * 10, 15)
    for number in range(20):
        check(registry, asked_for(number * 20, number * 20 + 20), 1)
    check(registry, asked_for(0, 400), 0)
    check(registry, asked_for(0, 400), 0)
    assert len(list((tmp_path / "events").glob("*.arrow"))) < 5


def test_the_list_of_kept_ranges(registry: Registry) -> None:
    registry.put("one", 10)
    check(registry, asked_for(0, HOUR, types=("FL",)))
    table = her.cache.info()
    assert table["State"].tolist() == ["present"]
    assert "event_type=fl" in table["Search"][0]
    assert table["Start Time"].isot.tolist() == ["2026-01-01T00:00:00.000000000"]
    assert table["End Time"].isot.tolist() == ["2026-01-01T01:00:00.000000000"]
    assert 0 < table.meta["size"].value < table.meta["limit"].value
    her.cache.clear()
    assert len(her.cache.info()) == 0
    check(registry, asked_for(0, HOUR, types=("FL",)), 1)


def test_the_order_of_a_sort_is_that_of_a_search_without_the_cache(registry: Registry) -> None:
    for number in range(20):
        registry.put(f"e{number}", number, (number * 7) % 13)
    query = asked_for(0, 40, sort_by="event_endtime", descending=True)
    cold = names(search.search([query]).records)
    check(registry, asked_for(0, 40), 0)
    assert names(search.search([query]).records) == cold
    with conf.her.set_temp("cache", False):
        assert names(search.search([query]).records) == cold


def test_a_table_of_kept_events_is_equal_to_one_of_received_ones(archive: Any, tmp_path: Path) -> None:
    asked = (a.Time("2026-01-09", "2026-01-12"), a.her.Event(), a.her.PageSize(20))
    client = her.HERClient()
    cold = client.search(*asked)
    with conf.set_temp("cache_dir", str(tmp_path)), conf.her.set_temp("cache", True):
        client.search(*asked)
        archive.log.clear()
        warm = client.search(*asked)
    assert archive.log == []
    assert warm["raw"].tolist() == cold["raw"].tolist()
    assert warm.colnames == cold.colnames
    key = ("first_ivorn", "second_ivorn", "edge_type")
    sides = [{tuple(edge[name] for name in key) for edge in table.edges} for table in (cold, warm)]
    assert sides[0] == sides[1]


@pytest.mark.parametrize("name", ["info", "clear"])
def test_arguments_that_the_functions_of_the_cache_do_not_have_are_refused(name: str) -> None:
    with pytest.raises(QueryError, match=rf"^her\.cache\.{name} takes no arguments, not 1\.$"):
        getattr(her.cache, name)(5)
    with pytest.raises(QueryError, match=rf"^her\.cache\.{name} does not take the keyword 'server'; it takes none\.$"):
        getattr(her.cache, name)(server="cdaweb")


def test_events_of_all_years_are_kept(registry: Registry) -> None:
    registry.size = 4
    for year in (-60, -57, -56, -40, 0):
        for number in range(5):
            registry.put(f"e{year} {number}", year * YEAR + number * 300, 20)
    for first, last in ((-61, -55), (-57, -39), (-61, 0.5)):
        check(registry, asked_for(first * YEAR, last * YEAR))
        check(registry, asked_for(first * YEAR, last * YEAR), 0)


@pytest.mark.parametrize("days", [-400, 0, 400])
def test_events_that_could_not_be_requested_again_are_named_whatever_the_clock_was(
    registry: Registry, days: int
) -> None:
    registry.put("one", 10)
    registry.clock.error = days * DAY
    check(registry, asked_for(0, HOUR), 1)
    registry.clock.error = 0.0
    registry.clock.sleep(60)
    registry.failing = {1}
    found = search.search([asked_for(0, HOUR, refresh=True)])
    assert names(found.records) == ["ivo://x/one 1"]
    assert "could not be requested again, and are as they were on" in found.problems[0]


def test_who_waits_too_long_for_another_caller_requests_alone(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.put("one", 10)
    query = asked_for(0, HOUR)
    monkeypatch.setattr(ranges.Ranges, "waited", lambda *_: False)
    held = holdings.opened(query)
    assert held is not None
    with contents.store().leased(held._group, [held._whole]) as (taken, _):
        assert taken == [True]
        check(registry, query, 1)


def test_a_file_whose_events_cannot_be_decoded_is_requested_again(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.put("one", 10)
    check(registry, asked_for(0, HOUR), 1)

    def damaged(_: Any) -> Any:
        raise FileError("A file of kept events cannot be read")

    with monkeypatch.context() as within:
        within.setattr(holdings, "unpacked", damaged)
        check(registry, asked_for(0, HOUR), 1)
    check(registry, asked_for(0, HOUR), 0)


def test_files_are_not_written_to_one_while_one_of_them_cannot_be_read(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(holdings, "_MOST_FILES", 1)
    registry.put("one", 10)
    registry.put("two", 100)
    for first in (0, HOUR):
        check(registry, asked_for(first, first + HOUR))
    held = holdings.opened(asked_for(0, 2 * HOUR))
    assert held is not None
    held._read_known()
    monkeypatch.setattr(held, "_segment", lambda source: None)
    before = sorted((tmp_path / "events").glob("*.arrow"))
    held._write_together()
    assert sorted((tmp_path / "events").glob("*.arrow")) == before
    assert [part for part in held._old() if len(part.segment.events)] == []


def test_a_failure_of_another_caller_is_that_of_this_one(registry: Registry) -> None:
    held = holdings.opened(asked_for(0, HOUR))
    assert held is not None
    held._seen = set()
    entry = Entry(0, 10, State.FAILED, 0.0, 0.0, why="upstream is down")
    assert held._is_answered(entry, 0.0)
    ((part, error, is_told),) = held._failures
    assert (part, str(error), is_told, held._asked) == (entry.range, "upstream is down", False, [entry.range])


def test_a_part_that_is_missing_is_requested_again(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.put("one", 10)
    error = ServiceUnreachable("HER", "https://x/", "down")

    def halved(query: Any, ask: Any, *_: Any) -> Any:
        ask(asked_for(0, HOUR / 2))
        return [(asked_for(HOUR / 2, HOUR), error)]

    with monkeypatch.context() as within:
        within.setattr(search, "in_halves", halved)
        found = search.search([asked_for(0, HOUR)])
    assert len(found.records) == 1
    assert any("down" in str(one) for one in found.problems)
    check(registry, asked_for(0, HOUR), 1)


@pytest.mark.parametrize("header", ["{}", '{"sizes": 5}', '{"sizes": [[1, 2]]}', "{"])
def test_a_file_with_a_damaged_header_is_named(header: str) -> None:
    with pytest.raises(FileError, match="A file of kept events cannot be read: "):
        segments.unpacked(ColumnFile(header, {segments.COLUMN: np.zeros(4, np.uint8)}))  # type: ignore[call-arg]


@pytest.mark.parametrize("is_decoded_whole", [False, True])
def test_pages_in_another_order_are_kept_together_after_the_last_one(is_decoded_whole: bool) -> None:
    def page_of(number: int, more: bool) -> Page:
        times = {"event_starttime": "2026-01-10T00:00:00", "event_endtime": "2026-01-10T01:00:00"}
        told = {"result": [{"kb_archivid": f"e{number}", **times}], "association": [], "overmax": more}
        content = json.dumps(told).encode()
        if is_decoded_whole:
            return Page(told["result"], [], more, content=content)
        return service._page_of_answer(Response("HER", "https://x/", 200, {}, content), 1)

    kept: list[tuple[EventPart, int]] = []
    whole = Range(0, 2**62)
    pages = KeptPages(whole, 1.0, lambda part, bodies: kept.append((part, len(bodies))), is_ordered=False)
    for number in range(3):
        pages.take(page_of(number, more=number < 2), is_good=True)
        assert len(kept) == (number == 2)
    ((part, bodies),) = kept
    assert (part.range, bodies, pages.rest) == (whole, 3, None)
    assert [record["kb_archivid"] for record in part.segment.records] == ["e0", "e1", "e2"]
