"""Test that only refusals that state the reason lead to smaller requests or another stop."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sunpy_helio_plugins.errors import QueryError, ServerError, ServiceRefused
from sunpy_helio_plugins.hapi import Info
from sunpy_helio_plugins.hapi.plan import MOST_HALVINGS, NOT_COVERED, DataRequest, Piece, _within, narrowed, selected
from sunpy_helio_plugins.hapi.server_list import HAPIServer
from sunpy_helio_plugins.hapi.status import Refusal, refusal
from sunpy_helio_plugins.quantities.spans import DAY, Moment, Span

URL = "https://x/hapi/data?dataset=a&start=2026-01-01T00:00:00.000Z&stop=2026-01-03T00:00:00.001Z&format=csv"
SPAN = Span.read("2026-01-01T00:00:00.000000000Z/2026-01-03T00:00:00.000000001Z")


def said(code: Any, message: str = "no") -> bytes:
    return json.dumps({"HAPI": "3.0", "status": {"code": code, "message": message}}).encode()


TOO_MUCH = [
    (400, "Bad Request", said(1408, "too much time or data requested")),
    (400, "Bad Request", said("1408")),
    (200, "OK", said(1408)),
    (500, "Internal Server Error", said(1408)),
    (413, "Payload Too Large", b""),
    (400, "Bad Request; HAPI 1408 too much time or data requested", b""),
    (400, "HAPI error 1408: too much time or data requested", b"<html>Bad request</html>"),
    (400, "Bad Request", b"HAPI error 1408: too much data"),
    # As in the guide of ESA's server.
    (400, "Bad Request", b"The limit of 100,000 data elements is exceeded. Please request a smaller time range."),
    (400, "Bad Request", said(1400, "The response exceeds 12,288 kB")),
    # As in server-python.
    (400, "Bad Request", said(1413, "HAPI error 1413: Time range too long")),
]

OTHER = [
    (500, "Internal Server Error", said(1500, "memory limit exceeded: too much data, try a smaller limit")),
    (500, "Internal Server Error", b"limit reached, please request a smaller time range"),
    (400, "Bad Request", said(1400, "the limit of your account: too many requests")),
    (400, "Bad Request", said(1409, "unsupported output format; smaller time range")),
    (404, "Not Found", said(1406)),
    (400, "Bad Request", said(1413, "unsupported depth value")),
    (400, "Bad Request", b"record 1408 of HAPI is odd"),
]


@pytest.mark.parametrize("answer", TOO_MUCH)
def test_too_much_is_known_wherever_it_is_said(answer: tuple[int, str, bytes]) -> None:
    found = refusal(*answer)
    assert found is not None
    assert found.is_too_much
    assert len(Piece.of(SPAN, URL, None).instead(found)) == 2


@pytest.mark.parametrize("answer", OTHER)
def test_no_other_refusal_is_taken_for_too_much(answer: tuple[int, str, bytes]) -> None:
    found = refusal(*answer)
    assert found is not None
    assert not found.is_too_much
    assert Piece.of(SPAN, URL, None).instead(found) == []


@pytest.mark.parametrize(
    "answer",
    [
        (200, "OK", b"2026-01-01T00:00:00Z,1\n"), (200, "OK", b""), (204, "No Content", b""), (200, "OK", said(1201)),
        (200, "OK", said(1200)), (404, "Not Found", said(1201)), (200, "OK; HAPI 1408 is no status", b"2026Z,1\n"),
        (200, "OK", b'{"HAPI":"3.0","data":[' + b"[1]," * 70_000),
    ],
)  # fmt: skip
def test_records_and_none_are_no_refusal(answer: tuple[int, str, bytes]) -> None:
    assert refusal(*answer) is None


def test_a_refusal_is_told_in_the_servers_words() -> None:
    found = refusal(400, "Bad Request", said(1407, "unknown\x1b[31m parameter"))
    assert found is not None
    error = found.error("HAPI server x", "https://x")
    assert isinstance(error, ServiceRefused)
    assert str(error) == "HAPI server x answered 400: unknown [31m parameter (HAPI 1407) [asked: https://x]"
    assert isinstance(Refusal(500, 1500, "oh").error("x", "y"), ServerError)
    phrase = refusal(404, "HAPI 1406: unknown dataset id", b"")
    assert phrase is not None
    assert (phrase.code, phrase.text) == (1406, "HAPI 1406: unknown dataset id")


def test_halves_share_a_border_and_end() -> None:
    too_much = Refusal(413, None, "")
    pieces, most = [Piece.of(SPAN, URL, "2026-01-03T00:00:00Z")], 0
    assert pieces[0].closing == "2026-01-03T00:00:00Z"
    first, second = pieces[0].instead(too_much)
    assert first.url.endswith("start=2026-01-01T00:00:00.000Z&stop=2026-01-02T00:00:00.000Z&format=csv")
    assert second.url.endswith("start=2026-01-02T00:00:00.000Z&stop=2026-01-03T00:00:00.001Z&format=csv")
    assert (first.closing, second.closing) == ("", "2026-01-03T00:00:00Z")
    while pieces:
        most = max(most, pieces[-1].depth)
        pieces = pieces[-1].instead(too_much)
    assert most == MOST_HALVINGS


@pytest.mark.parametrize("code", [1405, 1403, 1400, None])
def test_a_stop_beyond_the_datasets_own_is_taken_back_once(code: int | None) -> None:
    piece = Piece.of(SPAN, URL, "2026-003Z")
    (other,) = piece.instead(Refusal(400, code, "outside"))
    assert "start=2026-01-01T00:00:00.000Z&stop=2026-003Z&" in other.url
    assert other.instead(Refusal(400, code, "outside")) == []


@pytest.mark.parametrize(("status", "code"), [(401, None), (403, None), (500, 1500), (404, 1406), (400, 1404)])
def test_other_refusals_of_a_stop_stand(status: int, code: int | None) -> None:
    assert Piece.of(SPAN, URL, "2026-003Z").instead(Refusal(status, code, "no")) == []


def test_old_names_are_kept() -> None:
    url = "https://x/hapi/data?id=a&time.min=2026-01-01T00:00:00.000Z&time.max=2026-01-03T00:00:00.001Z"
    (other,) = Piece.of(SPAN, url, "2026-01-03Z").instead(Refusal(400, 1405, ""))
    assert other.url == "https://x/hapi/data?id=a&time.min=2026-01-01T00:00:00.000Z&time.max=2026-01-03Z"


def test_a_dataset_whose_stop_is_far_in_the_future_ends_now() -> None:
    now = Moment.now()
    info = Info({"startDate": "2000-01-01Z", "stopDate": "2100-01-01Z", "parameters": []})
    kept, end, notes = _within("X", info, now.later(-DAY), now.later(DAY))
    assert kept is not None
    assert now <= kept.last < now.later(DAY)
    assert end == str(kept.last)
    assert notes == [f"X is still growing: the time after the present {NOT_COVERED}"]
    assert _within("X", info, now.later(DAY), now.later(2 * DAY))[1:] == (None, [])


@pytest.mark.parametrize(("days", "is_growing"), [(1, False), (1825, False), (1826, True)])
def test_a_stop_is_far_in_the_future_after_five_years(
    monkeypatch: pytest.MonkeyPatch, days: int, is_growing: bool
) -> None:
    now = SPAN.first
    monkeypatch.setattr(Moment, "now", lambda: now)
    info = Info({"startDate": "2000-01-01Z", "stopDate": now.later(days * DAY).text(9), "parameters": []})
    kept, _, notes = _within("X", info, now.later(-DAY), now.later(DAY))
    assert kept is not None
    assert bool(notes) == is_growing


def test_parameters_whose_address_is_too_long_are_requested_with_all_others() -> None:
    names = ("Time", "B", "n", "T")
    info = Info({"parameters": [{"name": one, "type": "double"} for one in names]})
    request = DataRequest(HAPIServer("x", "https://x/hapi"), "a", "", info, SPAN, "", "csv", URL)
    half = Span(SPAN.first, Moment.read("2026-01-02Z"))

    class Endpoints:
        def data_url(self, *_: Any) -> str:
            raise QueryError("too long")

    found = selected(Endpoints(), request, half, ("B", "n"))  # type: ignore[arg-type]
    assert (found.span, found.info, found.url) == (half, info, narrowed(request, half).url)
    assert "stop=2026-01-02T00:00:00" in found.url
    assert selected(Endpoints(), request, SPAN, names) is request  # type: ignore[arg-type]
