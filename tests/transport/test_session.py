"""How metadata is asked for: what is tried again, what is refused, and what a user reads then."""

from __future__ import annotations

import gzip
import sys
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import AnswerError, ServiceBroken, ServiceRefused, ServiceUnreachable
from sunpy_helio_plugins.transport import session
from sunpy_helio_plugins.transport.patience import retry_after

sys.path.insert(0, str(Path(__file__).parent))
from wire import drip, hang_up, say, silent, wire


def test_an_answer_is_read_whole():
    with wire(say(body=b'{"a": 1}', Content_Type="application/json")) as (url, _):
        answer = session.get(url, archive="Test")
    assert answer.json() == {"a": 1}
    assert answer.status == 200


def test_requests_name_the_package():
    with wire(say()) as (url, heads):
        session.get(url, archive="Test")
    assert b"User-Agent: sunpy_helio_plugins/" in heads[0]


def test_query_fields_keep_their_order_and_are_quoted():
    with wire(say()) as (url, heads):
        session.get(url, [("op0", "="), ("value0", "Karel %"), ("id", "a+b&c#d")], archive="Test")
    assert heads[0].startswith(b"GET /?op0=%3D&value0=Karel+%25&id=a%2Bb%26c%23d ")


def test_html_for_json_is_an_error_with_the_servers_words():
    page = b"<html><head><title>x</title></head><body><h1>Down for <b>maintenance</b></h1></body></html>"
    with wire(say(body=page, Content_Type="text/html")) as (url, _):
        answer = session.get(url, archive="Test")
    with pytest.raises(AnswerError, match="JSON was expected, text/html came: Down for maintenance"):
        answer.json()


@pytest.mark.parametrize(
    ("status", "kind"),
    [("404 Not Found", ServiceRefused), ("403 Forbidden", ServiceRefused), ("500 Oops", ServiceBroken)],
)
def test_a_refusal_is_raised_at_once_with_status_and_words(status, kind):
    with wire(say(status, b'{"message": "no such thing"}')) as (url, heads):
        with pytest.raises(kind, match=f"Test answered {status[:3]}: no such thing") as caught:
            session.get(url, archive="Test")
    assert caught.value.status == int(status[:3])
    assert len(heads) == 1


def test_a_status_that_is_an_answer_is_handed_over():
    with wire(say("404 Not Found", b"{}")) as (url, _):
        assert session.get(url, archive="Test", accept=(200, 404)).status == 404


def test_a_passing_refusal_is_tried_again_after_the_time_it_asks_for():
    busy = say("503 Busy", Retry_After="1")
    with wire(busy, say(body=b"ok")) as (url, heads):
        start = time.monotonic()
        assert session.get(url, archive="Test").content == b"ok"
    assert time.monotonic() - start >= 1
    assert len(heads) == 2


def test_a_lost_connection_is_tried_again():
    with wire(hang_up, say(body=b"ok")) as (url, heads):
        assert session.get(url, archive="Test").content == b"ok"
    assert len(heads) == 2


def test_waiting_never_passes_the_deadline():
    with wire(say("503 Busy", b"later", Retry_After="3600")) as (url, _), conf.set_temp("deadline", 2.0):
        start = time.monotonic()
        with pytest.raises(ServiceBroken, match="Test answered 503: later"):
            session.get(url, archive="Test")
    assert time.monotonic() - start < 2


def test_retries_are_bounded():
    with wire(hang_up) as (url, heads), conf.set_temp("retries", 1):
        with pytest.raises(ServiceUnreachable, match="closed the connection"):
            session.get(url, archive="Test")
    assert len(heads) == 2


def test_a_slow_drip_ends_at_the_deadline():
    with wire(drip(b"x" * 600, 0.02)) as (url, _), conf.set_temp("deadline", 1.0), conf.set_temp("retries", 0):
        start = time.monotonic()
        with pytest.raises(AnswerError, match="did not end within 1 s"):
            session.get(url, archive="Test")
    assert time.monotonic() - start < 3


def test_silence_ends_at_the_read_timeout():
    with wire(silent(3)) as (url, _), conf.set_temp("read_timeout", 0.3), conf.set_temp("retries", 0):
        with pytest.raises(ServiceUnreachable, match="silent for longer than allowed"):
            session.get(url, archive="Test")


def test_a_compression_bomb_ends_at_the_cap():
    bomb = gzip.compress(b"\0" * 50_000_000)
    with wire(say(body=bomb, Content_Encoding="gzip")) as (url, _):
        with pytest.raises(AnswerError, match="larger than 1000000 bytes"):
            session.get(url, archive="Test", max_bytes=1_000_000)


def test_a_cut_answer_is_no_answer():
    with wire(say(body=b"half", Content_Length="100")) as (url, _), conf.set_temp("retries", 0):
        with pytest.raises(ServiceUnreachable, match="cut before the end"):
            session.get(url, archive="Test")


def test_nobody_there_is_said_plainly():
    with conf.set_temp("retries", 0), pytest.raises(ServiceUnreachable, match="the connection was refused"):
        session.get("http://127.0.0.1:9/", archive="Test")


def test_messages_hold_no_secret():
    with wire(say("403 No")) as (url, _):
        secret = url.replace("http://", "http://me:hunter2@") + "/?api_key=hunter2&X-Amz-Signature=hunter2&id=7"
        with pytest.raises(ServiceRefused) as caught:
            session.get(secret, archive="Test")
    assert "hunter2" not in str(caught.value)
    assert "id=7" in str(caught.value)


def test_text_that_is_not_utf_8_is_latin_1():
    with wire(say(body=b"\xc5ngstr\xf6m")) as (url, _):
        assert session.get(url, archive="Test").text() == "Ångström"


def test_retry_after_is_read_as_seconds_and_as_a_date():
    assert retry_after("7") == 7
    assert 50 <= retry_after(formatdate(time.time() + 60, usegmt=True)) <= 61


@pytest.mark.parametrize("value", [None, "soon", "", "-5"])
def test_a_retry_after_that_cannot_be_read_asks_for_nothing(value):
    assert retry_after(value) is None
