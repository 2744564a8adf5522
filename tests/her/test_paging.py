"""Test long responses: simultaneous pages, no more than needed, and reports of missing pages."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import AnswerError, ServerError, ServiceError, ServiceUnreachable
from sunpy_helio_plugins.her import paging, search, service
from sunpy_helio_plugins.her.query import Alternative, Query, Triplet
from sunpy_helio_plugins.her.records.blocks import FlatRecords, flattened
from sunpy_helio_plugins.transport.exchange import Response

MONTH = Query("2026-01-01T00:00:00", "2026-02-01T00:00:00", page_size=100)
DAY = Query("2026-01-10T00:00:00", "2026-01-11T00:00:00")


class Paged:
    """A registry with events at equal steps through January, whose pages can fail, repeat, or wait for each other."""

    def __init__(self) -> None:
        self.events = 0
        self.asked: list[int] = []
        self.broken: dict[int, tuple[int, bytes]] = {}
        self.mends_after: float = float("inf")
        """The number of broken responses after which all pages are good."""
        self.gate: threading.Barrier | None = None
        self.linger = 0.0
        self.now = self.most = 0
        self.lock = threading.Lock()

    def answer(self, path: str) -> tuple[int, bytes]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        number, size = int(query["page"]), int(query["result_limit"])
        with self.lock:
            self.asked.append(number)
            self.now += 1
            self.most = max(self.most, self.now)
        if self.gate is not None and number > 1:
            self.gate.wait()
        time.sleep(self.linger)
        with self.lock:
            self.now -= 1
        if number in self.broken and len(self.asked) <= self.mends_after:
            return self.broken[number]
        first = (number - 1) * size
        chosen = range(first, min(first + size, self.events))
        more = first + size < self.events
        return 200, json.dumps({"result": [self.event(each) for each in chosen], "overmax": more}).encode()

    def event(self, number: int) -> dict[str, Any]:
        seconds = int(number * 31 * 86400 / max(self.events, 1))
        when = f"2026-01-{1 + seconds // 86400:02}T{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        return {"kb_archivid": f"ivo://x/{number}", "event_type": "FL", "event_starttime": when, "event_endtime": when}


@pytest.fixture
def paged() -> Iterator[Paged]:
    script = Paged()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = script.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    with conf.her.set_temp("url", f"http://127.0.0.1:{server.server_port}/hek/her"), conf.set_temp("retries", 0):
        yield script
    server.shutdown()
    server.server_close()
    thread.join()


def names(found: Any) -> list[str]:
    return [record["kb_archivid"] for record in found.records]


def test_pages_after_the_first_are_asked_for_side_by_side(paged: Paged) -> None:
    paged.events = 500
    # None of the pages 2 to 5 is sent before all four are requested.
    paged.gate = threading.Barrier(4, timeout=30)
    found = search.search([MONTH])
    assert names(found) == [f"ivo://x/{number}" for number in range(500)]
    assert sorted(paged.asked) == [1, 2, 3, 4, 5]
    assert found.problems == ()


@pytest.mark.parametrize("is_on", [True, False])
def test_several_pages_have_a_progress_bar_on_a_terminal(
    paged: Paged, capsys: Any, monkeypatch: pytest.MonkeyPatch, is_on: bool
) -> None:
    paged.events = 1000
    search.search([MONTH])
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with conf.her.set_temp("progress", is_on):
        search.search([MONTH])
    assert ("Events of HER" in capsys.readouterr().err) == is_on


def test_the_embedded_registrys_pages_overlap_in_time(archive: Any) -> None:
    together: list[int] = []

    def meets(request: Any) -> bool:
        together.append(len(rule.running))
        return True

    rule = archive.fault("hang_before", path="/hek/her", where=meets, skip=1, seconds=0.5)
    with rule:
        found = search.search([replace(MONTH, start="2026-01-09T00:00:00", end="2026-01-12T00:00:00", page_size=20)])
    assert len(found) > 40
    assert 1 <= max(together) < paging.AT_ONCE
    assert len(names(found)) == len(set(names(found)))


@pytest.mark.parametrize("events", [0, 1, 99, 100, 101, 200, 350, 1000, 1750])
def test_no_more_than_three_pages_are_asked_for_in_vain(paged: Paged, events: int) -> None:
    paged.events = events
    assert len(search.search([MONTH])) == events
    needed = max(-(-events // 100), 1)
    assert sorted(paged.asked)[:needed] == list(range(1, needed + 1))
    # Events are sorted by start, which allows the number of pages to be estimated.
    assert len(paged.asked) <= needed + (1 if events < 1000 else paging.AT_ONCE - 1)


def test_never_more_requests_at_once_than_four_whatever_the_number_of_searches(paged: Paged) -> None:
    paged.events, paged.linger = 1200, 0.05
    searches = [replace(MONTH, types=(kind,)) for kind in ("FL", "CH", "AR", "CE", "EF", "FI")]
    assert len(search.search(searches)) == 1200
    assert 1 < paged.most <= paging.AT_ONCE


def test_a_lost_page_is_said_and_the_others_are_kept(paged: Paged) -> None:
    paged.events = 500
    paged.broken[3] = 503, b"overloaded"
    found = search.search([MONTH])
    assert names(found) == [f"ivo://x/{number}" for number in (*range(200), *range(300, 500))]
    assert len(found.problems) == 1
    assert re.match(r"Page 3, with up to 100 events, failed: HER answered 503: overloaded", found.problems[0])


def test_a_lost_last_page_is_said(paged: Paged) -> None:
    paged.events = 250
    paged.broken = {3: (500, b"broken"), 4: (200, b'{"result": [], "overmax": false}')}
    found = search.search([MONTH])
    assert len(found) == 200
    assert "Page 3, with up to 100 events, failed" in found.problems[0]


def test_two_lost_pages_end_the_search(paged: Paged) -> None:
    paged.events = 1000
    paged.broken = dict.fromkeys(range(3, 11), (500, b"broken"))
    found = search.search([MONTH])
    assert len(found) == 200
    assert found.problems[0].startswith("Page 3 and all that follow are missing; page 4 failed: HER answered 500")
    assert len(found.problems) == 1


def test_a_lost_page_is_asked_for_again_first(paged: Paged) -> None:
    paged.events = 300
    with conf.set_temp("retries", 1):
        paged.broken[2] = 503, b"busy"
        search.search([MONTH])
    assert paged.asked.count(2) == 2


def test_without_a_first_page_there_is_an_error(paged: Paged) -> None:
    paged.broken[1] = 500, b"broken"
    with pytest.raises(ServerError, match="broken"):
        search.search([MONTH])
    assert paged.asked == [1]


def test_pages_that_overlap_may_hide_a_loss_and_are_said(paged: Paged) -> None:
    paged.events = 300
    shifted = json.dumps({"result": [paged.event(each) for each in range(98, 198)], "overmax": True}).encode()
    paged.broken[2] = 200, shifted
    found = search.search([MONTH])
    assert len(found) == 298
    assert "Page 2 repeats 2 events" in found.problems[0]


def test_a_registry_without_pages_is_not_asked_for_ever(paged: Paged) -> None:
    paged.events = 500
    same = json.dumps({"result": [paged.event(each) for each in range(100)], "overmax": True}).encode()
    paged.broken = dict.fromkeys(range(2, 600), (200, same))
    found = search.search([MONTH])
    assert len(found) == 100
    assert "page 2 contains nothing new" in found.problems[0]
    assert len(paged.asked) <= paging.AT_ONCE + 1


@pytest.mark.parametrize("said", [{}, {"overmax": None}, {"overmax": "soon"}])
def test_a_full_page_has_a_successor_where_the_registry_does_not_say(paged: Paged, said: dict[str, Any]) -> None:
    paged.events = 150
    for number, part in ((1, range(100)), (2, range(100, 150))):
        paged.broken[number] = 200, json.dumps({"result": [paged.event(each) for each in part]} | said).encode()
    assert len(search.search([MONTH])) == 150


def test_a_slow_later_page_splits_the_search_and_keeps_what_came(paged: Paged) -> None:
    paged.events = 300
    slow = b"<html><body>The search timed out after 60s</body></html>"
    paged.broken = {2: (200, slow), 3: (200, slow)}
    found = search.search([replace(MONTH, end="2026-01-01T05:00:00")])
    # The first page of each part is fast, and the second page is too slow for all parts of parts.
    assert len(found) == 100
    assert any("missing" in problem for problem in found.problems)


def test_a_limit_reads_no_page_too_many(paged: Paged) -> None:
    paged.events = 1000
    assert len(search.search([replace(MONTH, limit=250)])) == 250
    assert sorted(paged.asked) == [1, 2, 3]


JUDGED = Alternative(MONTH.start, MONTH.end, tests=(Triplet("event_npixels", ">", "5"),))


@pytest.mark.parametrize(
    "query",
    [
        replace(MONTH, limit=3, latest=True),
        replace(MONTH, limit=3, sort_by="fl_peakflux", descending=True),
        replace(MONTH, limit=3, alternatives=(JUDGED,)),
    ],
)
def test_a_limit_is_no_size_of_a_page_where_others_must_be_seen_first(query: Query) -> None:
    assert ("result_limit", "100") in service.parameters(query)
    assert ("result_limit", "3") in service.parameters(replace(MONTH, limit=3))


def test_the_largest_are_found_wherever_the_registry_puts_missing_values(paged: Paged) -> None:
    paged.events = 4
    events = [paged.event(each) | {"fl_peakflux": value} for each, value in enumerate([None, None, 3.0, 7.0])]
    paged.broken[1] = 200, json.dumps({"result": events, "overmax": False}).encode()
    found = search.search([replace(MONTH, limit=2, sort_by="fl_peakflux", descending=True)])
    assert [record["fl_peakflux"] for record in found.records] == [7.0, 3.0]


def test_classes_are_ordered_by_flux_and_regions_by_five_digits(paged: Paged) -> None:
    values = [("X9.3", 3664), ("X28", 13000), ("", ""), ("junk", "junk"), ("M9.9", 13664)]
    events = [paged.event(each) | {"fl_goescls": a, "ar_noaanum": b} for each, (a, b) in enumerate(values)]
    paged.broken[1] = 200, json.dumps({"result": events, "overmax": False}).encode()
    classes = search.search([replace(MONTH, sort_by="fl_goescls", descending=True)]).records
    assert [record["fl_goescls"] for record in classes] == ["X28", "X9.3", "M9.9", "", "junk"]
    regions = search.search([replace(MONTH, sort_by="ar_noaanum")]).records
    assert [record["ar_noaanum"] for record in regions] == [13000, 3664, 13664, "", "junk"]


def test_a_search_whose_parts_all_fail_raises(paged: Paged) -> None:
    paged.broken[1] = 200, b"<html><body>The search timed out after 60s</body></html>"
    with pytest.raises(AnswerError, match="timed out"):
        search.search([DAY])


@pytest.mark.parametrize("kinds", [("FL",), ("FL", "CH", "AR", "CE", "EF", "FI")])
def test_ctrl_c_ends_a_search_at_once_and_no_further_request_begins(
    paged: Paged, kinds: tuple[str, ...], ctrl_c: Any
) -> None:
    paged.events, paged.gate = 2000, threading.Barrier(99, timeout=30)

    def interrupt() -> None:
        # Once as many requests wait at the barrier as there may be.
        while paged.now < paging.AT_ONCE:
            time.sleep(0.01)
        ctrl_c()

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        search.search([replace(MONTH, types=(kind,)) for kind in kinds])
    # The search did not wait for any of the active requests: they are still at the barrier.
    assert paged.now > 0
    begun = len(paged.asked)
    paged.gate.abort()
    time.sleep(0.3)
    assert len(paged.asked) <= begun + 1


@pytest.mark.parametrize("kind", [AnswerError, ServiceUnreachable])
@pytest.mark.parametrize("words", ["no answer within 60 s", "the response did not end within 60 s"])
def test_a_search_without_time_left_is_not_halved(kind: type, words: str) -> None:
    assert paging.is_too_slow(kind("HER", "url", f"{words}, see conf.deadline"))
    assert not paging.is_too_slow(kind("HER", "url", f"{words}, see conf.search_deadline"))


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_an_error_that_is_not_about_time_is_not_halved(paged: Paged, status: int) -> None:
    paged.broken[1] = status, b"no"
    with pytest.raises(ServiceError, match="no"):
        search.search([DAY])
    assert paged.asked == [1]


@pytest.mark.parametrize("status", [408, 504])
def test_a_status_of_too_slow_means_shorter_searches_whatever_its_words(paged: Paged, status: int) -> None:
    paged.events, paged.broken[1] = 3, (status, b"no")
    paged.mends_after = 1
    found = search.search([DAY])
    assert paged.asked == [1, 1, 1]
    assert (len(found), found.problems) == (3, ())


def test_the_second_and_the_fourth_page_are_missing_and_both_are_named(paged: Paged) -> None:
    paged.events = 500
    paged.broken = {2: (500, b"no"), 4: (500, b"no")}
    found = search.search([MONTH])
    assert names(found) == [f"ivo://x/{number}" for number in range(500) if number // 100 in (0, 2, 4)]
    assert [re.match(r"Page \d, with up to 100 events, failed", str(one)) is not None for one in found.problems] == [
        True,
        True,
    ]
    assert [str(one)[5] for one in found.problems] == ["2", "4"]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_no_page_is_yielded_after_the_last(count: int) -> None:
    def ask(number: int) -> Callable[[], paging.Page]:
        return lambda: paging.Page([], [], number < count, [])

    pages = list(paging.read(ask, lambda number, page: count - number, most=9))
    assert [number for number, _ in pages] == list(range(1, count + 1))


@pytest.mark.parametrize(
    ("returns", "expected"),
    [
        ((), ()),
        (("required",), ("required",)),
        (("ar_noaanum", "event_endtime"), ("ar_noaanum", "event_endtime", "event_starttime")),
    ],
)
def test_halves_request_the_times_by_which_they_are_evaluated(
    returns: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    first, second = search.halves(replace(MONTH, returns=returns))
    assert (first.start, first.end) == (MONTH.start, "2026-01-16T12:00:00")
    assert (second.start, second.end) == ("2026-01-16T12:00:00", MONTH.end)
    assert (first.returns, second.returns) == (expected, expected)


def test_identities_of_plain_records_are_those_of_flat_ones() -> None:
    records = [{"kb_archivid": "a", "revision": 2}, {"frm_name": "x"}]
    assert paging.identities_of(records) == paging.identities_of(FlatRecords(flattened(records)))
    assert paging.identities_of(records)[0] == "a 2"


def test_a_page_with_too_many_values_is_decoded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_many(*_: Any) -> Any:
        raise service.TooManyValuesError

    body = json.dumps({"result": [{"kb_archivid": "a"}], "association": [], "overmax": False}).encode()
    answer = Response("HER", "https://x/", 200, {}, body)
    monkeypatch.setattr(service.metadata, "get", lambda *_, **__: answer)
    monkeypatch.setattr(service, "_divided", too_many)
    (record,) = service.PageRequest([("cmd", "search")], 10, contextlib.nullcontext()).send()().records
    assert dict(record) == {"kb_archivid": "a"}


def page_of_answers(monkeypatch: pytest.MonkeyPatch, *answers: Response | AnswerError) -> service.Page:
    """Return the page that a request gets if these are the outcomes of its attempts."""
    outcomes = iter(answers)

    def get(*_: Any, **__: Any) -> Response:
        outcome = next(outcomes)
        if isinstance(outcome, AnswerError):
            raise outcome
        return outcome

    monkeypatch.setattr(service.metadata, "get", get)
    return service.PageRequest([("cmd", "search")], 10, contextlib.nullcontext()).send()()


EMPTY = Response("HER", "https://x/", 200, {}, b'{"result": [], "association": [], "overmax": false}')


def test_a_response_that_is_damaged_when_it_is_received_is_requested_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    damaged = AnswerError("HER", "https://x/", "the body is not gzip")
    assert len(page_of_answers(monkeypatch, damaged, EMPTY).records) == 0
    with pytest.raises(AnswerError, match="the body is not gzip"):
        page_of_answers(monkeypatch, damaged, damaged)


def test_an_error_in_html_is_not_requested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AnswerError, match="HTML"):
        page_of_answers(monkeypatch, AnswerError("HER", "https://x/", "an error in HTML"), EMPTY)
