"""Test the requests to the registry, and the treatment of invalid responses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import AnswerError, IncompleteAnswerWarning, ServerError, ServiceUnreachable
from sunpy_helio_plugins.her import HERClient, search, service
from sunpy_helio_plugins.her.query import Query

DAY = Query("2026-01-10T00:00:00.000Z", "2026-01-10T23:59:00.000Z")
MONTH = Query("2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z")


def page(*names: str, more: Any = False, **rest: Any) -> dict[str, Any]:
    return {"result": [{"kb_archivid": name, "revision": "1"} for name in names], "overmax": more, **rest}


def test_a_long_answer_is_read_in_pages_of_a_thousand(archive: Any) -> None:
    found = search.search([MONTH])
    assert len(found) == len({record["kb_archivid"] for record in found.records}) > 1000
    assert [(request.query["page"], request.query["result_limit"]) for request in archive.log] == [
        ("1", "1000"),
        ("2", "1000"),
    ]


def test_a_limit_is_asked_of_the_registry(archive: Any) -> None:
    limited = Query(MONTH.start, MONTH.end, limit=7)
    assert len(search.search([limited])) == 7
    assert [request.query["result_limit"] for request in archive.log] == ["7"]


def test_a_limit_beyond_a_page_holds_for_the_sum_of_pages(archive: Any) -> None:
    assert len(search.search([Query(MONTH.start, MONTH.end, limit=1003)])) == 1003
    assert len(archive.log) == 2


def test_events_that_answer_two_searches_come_once(archive: Any) -> None:
    holes = Query(DAY.start, DAY.end, ("CH",))
    both = Query(DAY.start, DAY.end, ("CH", "AR"))
    found = search.search([holes, both])
    assert len(found) == 18 + 3
    assert len(found.associations) == 15


def test_a_registry_that_always_promises_more_is_not_asked_for_ever(scripted: Any) -> None:
    scripted.say(page("a", "b", more=True))
    found = search.search([DAY])
    assert len(found) == 2
    assert len(scripted.asked) == 2
    assert "nothing new" in found.problems[0]


def test_pages_end_at_last(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST_PAGES", 3)
    scripted.say(*(page(name, more="true") for name in "abcdef"))
    found = search.search([DAY])
    assert len(found) == 3
    assert "shorter period" in found.problems[0]


def test_overmax_may_be_a_word(scripted: Any) -> None:
    scripted.say(page("a", more="false"))
    assert len(search.search([DAY])) == 1
    assert len(scripted.asked) == 1


def test_a_page_that_fails_later_keeps_what_came_and_warns(scripted: Any) -> None:
    scripted.say(page("a", more=True), b"503")
    with pytest.warns(IncompleteAnswerWarning, match="Page 2 and all that follow are missing"):
        table = HERClient().search(a.Time("2026-01-10", "2026-01-11"), a.her.Event())
    assert list(table["kb_archivid"]) == ["a"]
    assert "503" in table.problems[0]


def test_a_value_that_cannot_be_read_is_warned_of(scripted: Any) -> None:
    answer = page("a")
    answer["result"][0]["event_starttime"] = "soon"
    scripted.say(answer)
    with pytest.warns(IncompleteAnswerWarning, match="event_starttime: 1 values could not be read"):
        HERClient().search(a.Time("2026-01-10", "2026-01-11"), a.her.Event())


def test_revisions_of_one_event_are_two_events(scripted: Any) -> None:
    answer = page("a", "a")
    answer["result"][1]["revision"] = "2"
    scripted.say(answer)
    assert len(search.search([DAY])) == 2


def test_a_page_of_html_becomes_an_error_with_the_pages_words(scripted: Any) -> None:
    scripted.say(b"<html><body><h1>Error</h1><p>Database is down for maintenance</p></body></html>")
    with pytest.raises(AnswerError, match="Database is down for maintenance"):
        search.search([DAY])


NUL = b'{"result": [{"kb_archivi\0d": "ivo://a"}]}'


@pytest.mark.parametrize("body", [b"", b'{"result": [{"kb_arch', b"[]", b'{"result": 3}', b'{"result": ["x"]}', NUL])
def test_empty_cut_and_foreign_answers_are_errors(scripted: Any, body: bytes) -> None:
    scripted.say(body)
    with pytest.raises(AnswerError, match="HER"):
        search.search([DAY])


def test_a_broken_and_a_dead_registry_are_told_apart(scripted: Any) -> None:
    scripted.say(b"503")
    with pytest.raises(ServerError):
        search.search([DAY])
    with (
        conf.her.set_temp("url", "http://127.0.0.1:9/hek/her"),
        pytest.raises(ServiceUnreachable, match=r"refused.*127\.0\.0\.1:9"),
    ):
        search.search([DAY])


def test_stray_latin_1_bytes_are_read_and_utf_8_beside_them_stays(scripted: Any) -> None:
    scripted.say(b'{"result": [{"frm_contact": "\xc5. Nordlund", "frm_name": "\xc3\xa9"}], "overmax": false}')
    (record,) = search.search([DAY]).records
    assert record == {"frm_contact": "Å. Nordlund", "frm_name": "é"}


def test_the_embedded_registrys_latin_1_is_read(archive: Any) -> None:
    found = search.search([Query(MONTH.start, MONTH.end, ("FI",))])
    assert {record["frm_contact"] for record in found.records} == {"Å. Nordlund"}


def test_the_address_may_be_sunpys_with_its_question_mark(archive: Any) -> None:
    with conf.her.set_temp("url", conf.her.url + "?"):
        assert len(search.search([Query(DAY.start, DAY.end, ("CE",))])) == 5


def test_bytes_beyond_latin_1_are_windows(scripted: Any) -> None:
    scripted.say(b'{"result": [{"frm_contact": "O\x92Brien \x97 \xe9\x81"}], "overmax": false}')
    assert search.search([DAY]).records[0]["frm_contact"] == "O\u2019Brien \u2014 \xe9\x81"


def test_a_search_that_takes_too_long_is_split_in_time(scripted: Any) -> None:
    slow = b"<html><body>The search timed out after 60s. Please use a smaller time window.</body></html>"
    scripted.say(slow, page("b", "c"), page("a", "b"))
    found = search.search([DAY])
    assert [record["kb_archivid"] for record in found.records] == ["b", "c", "a"]
    assert found.problems == ()
    assert "event_endtime=2026-01-10T11:59:30" in scripted.asked[1]
    assert "event_starttime=2026-01-10T11:59:30" in scripted.asked[2]


def test_one_part_that_stays_too_slow_is_said(scripted: Any) -> None:
    slow = b"<html><body>The search timed out after 60s</body></html>"
    hours = Query("2026-01-10T00:00:00", "2026-01-10T03:00:00")
    scripted.say(slow, page("a"), slow)
    found = search.search([hours])
    assert len(found) == 1
    assert "timed out" in found.problems[0]
    scripted.asked.clear()
    scripted.say(slow)
    with pytest.raises(AnswerError, match="timed out"):
        search.search([hours])


def test_a_damaged_page_is_asked_for_once_more(scripted: Any) -> None:
    scripted.say(b'{"result": [{"kb_arch', page("a"))
    assert len(search.search([DAY])) == 1


def test_one_of_several_searches_may_fail(scripted: Any) -> None:
    scripted.say(b"503", page("a"))
    found = search.search([DAY, Query(DAY.start, DAY.end, ("CH",))])
    assert len(found) == 1
    assert "503" in found.problems[0]


def test_searches_run_side_by_side_and_merge_by_start(archive: Any) -> None:
    both = [Query(DAY.start, DAY.end, ("FL",)), Query(DAY.start, DAY.end, ("CH",))]
    starts = [record["event_starttime"] for record in search.search(both).records]
    assert starts == sorted(starts)
    backwards = [replace(query, sort_by="event_endtime", descending=True, limit=5) for query in both]
    ends = [record["event_endtime"] for record in search.search(backwards).records]
    assert ends == sorted(ends, reverse=True)
    assert len(ends) == 5


def test_latest_means_one_row_for_each_event(archive: Any, scripted: Any) -> None:
    answer = page("a", "a", "b")
    answer["result"][0]["revision"] = "10"
    answer["result"][1]["revision"] = "9"
    scripted.say(answer)
    records = search.search([replace(DAY, latest=True)]).records
    assert [(record["kb_archivid"], record["revision"]) for record in records] == [("a", "10"), ("b", "1")]


def test_an_eruption_that_was_submitted_again_is_one(archive: Any) -> None:
    day = replace(DAY, types=("CE",))
    assert len(search.search([day]).records) == 5
    latest = search.search([replace(day, latest=True)]).records
    assert [record["hrc_a"] for record in latest] == [248, 243]
    assert latest[1]["cme_radiallinvel"] == 1133


def test_a_search_that_says_nothing_is_split_without_being_asked_again(archive: Any) -> None:
    day = Query("2026-01-10T00:00:00", "2026-01-11T00:00:00", types=("CH", "AR"))

    def is_whole(request: Any) -> bool:
        return (request.query["event_starttime"], request.query["event_endtime"]) == (day.start, day.end)

    meant = len(search.search([day]))
    archive.log.clear()
    with conf.set_temp("read_timeout", 2.0), archive.fault("hang_before", path="/hek/her", where=is_whole):
        found = search.search([day])
    assert len(found) == meant > 20
    assert found.problems == ()
    assert len(archive.log) == 3


def test_what_is_shown_is_what_is_sent(scripted: Any) -> None:
    scripted.say(page("a"))
    search.search([DAY])
    assert service.requests([DAY])[0].url.endswith(scripted.asked[0])


def test_a_request_is_shown_as_its_url() -> None:
    (request,) = service.requests([DAY])
    assert str(request) == request.url
    assert request.url.startswith(f"{conf.her.url}?")


def test_long_answers_with_stray_bytes_are_latin_1_as_a_whole(scripted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_MOST_MIXED", 10)
    scripted.say(b'{"result": [{"frm_contact": "\xc5. Nordlund"}], "overmax": false}')
    assert search.search([DAY]).records == [{"frm_contact": "Å. Nordlund"}]
