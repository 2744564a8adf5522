"""Test requests for metadata: retries, refusals and error messages."""

from __future__ import annotations

import base64
import contextlib
import gzip
import os
import socket
import sys
import time
import zlib
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace

import pytest

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import (
    AnswerError,
    FileError,
    QueryError,
    ServerError,
    ServiceError,
    ServiceRefused,
    ServiceUnreachable,
)
from sunpy_helio_plugins.transport import connections, metadata, retry, submit
from sunpy_helio_plugins.transport.compression import Decoder
from sunpy_helio_plugins.transport.credentials import Login, signed_in
from sunpy_helio_plugins.transport.exchange import Exchange
from sunpy_helio_plugins.transport.files import body
from sunpy_helio_plugins.transport.retry import retry_after

sys.path.insert(0, str(Path(__file__).parent))
from wire import drip, hang_up, say, silent, wire


def test_an_answer_is_read_whole():
    with wire(say(body=b'{"a": 1}', Content_Type="application/json")) as (url, _):
        answer = metadata.get(url, archive="Test")
    assert answer.json() == {"a": 1}
    assert answer.status == 200


def test_requests_name_the_package():
    with wire(say()) as (url, heads):
        metadata.get(url, archive="Test")
    assert b"User-Agent: sunpy_helio_plugins/" in heads[0]


def test_query_fields_keep_their_order_and_are_quoted():
    with wire(say()) as (url, heads):
        metadata.get(url, [("op0", "="), ("value0", "Karel %"), ("id", "a+b&c#d")], archive="Test")
    assert heads[0].startswith(b"GET /?op0=%3D&value0=Karel+%25&id=a%2Bb%26c%23d ")


def test_silence_is_final_where_the_archive_would_be_as_long_again():
    with wire(silent(1.0), say()) as (url, heads), pytest.raises(ServiceUnreachable, match="silent"):
        metadata.get(url, archive="Test", read_timeout=0.2)
    assert len(heads) == 1


def test_html_for_json_is_an_error_with_the_servers_words():
    page = b"<html><head><title>x</title></head><body><h1>Down for <b>maintenance</b></h1></body></html>"
    with wire(say(body=page, Content_Type="text/html")) as (url, _):
        answer = metadata.get(url, archive="Test")
    with pytest.raises(AnswerError, match="JSON was expected, not text/html: Down for maintenance"):
        answer.json()


@pytest.mark.parametrize(
    ("status", "kind"),
    [("404 Not Found", ServiceRefused), ("403 Forbidden", ServiceRefused), ("500 Oops", ServerError)],
)
def test_a_refusal_is_raised_at_once_with_status_and_words(status, kind):
    with wire(say(status, b'{"message": "no such thing"}')) as (url, heads):
        with pytest.raises(kind, match=f"Test answered {status[:3]}: no such thing") as caught:
            metadata.get(url, archive="Test")
    assert caught.value.status == int(status[:3])
    assert len(heads) == 1


def test_a_status_that_is_an_answer_is_handed_over():
    with wire(say("404 Not Found; HAPI 1406", b"{}")) as (url, _):
        answer = metadata.get(url, archive="Test", accept=(200, 404))
    assert (answer.status, answer.phrase) == (404, "Not Found; HAPI 1406")


@pytest.fixture
def waits(monkeypatch):
    """Return the waits between attempts, which are left out."""
    seen = []
    pause = retry.Attempts.pause

    def note(self, seconds=None):
        seen.append(pause(self, seconds))
        return None if seen[-1] is None else 0.0

    monkeypatch.setattr(retry.Attempts, "pause", note)
    return seen


def test_a_passing_refusal_is_tried_again_after_the_time_it_asks_for(waits):
    busy = say("503 Busy", Retry_After="7")
    with wire(busy, say(body=b"ok")) as (url, heads):
        assert metadata.get(url, archive="Test").content == b"ok"
    assert waits == [7]
    assert len(heads) == 2


def test_a_lost_connection_is_tried_again():
    with wire(hang_up, say(body=b"ok")) as (url, heads):
        assert metadata.get(url, archive="Test").content == b"ok"
    assert len(heads) == 2


def test_waiting_never_passes_the_deadline(waits):
    with wire(say("503 Busy", b"later", Retry_After="3600")) as (url, heads), conf.set_temp("deadline", 30.0):
        with pytest.raises(ServerError, match="Test answered 503: later"):
            metadata.get(url, archive="Test")
    assert waits == [None]
    assert len(heads) == 1


def test_retries_are_bounded():
    with wire(hang_up) as (url, heads), conf.set_temp("retries", 1):
        with pytest.raises(ServiceUnreachable, match="closed the connection"):
            metadata.get(url, archive="Test")
    assert len(heads) == 2


def test_a_slow_drip_ends_at_the_deadline():
    ended = []
    slow = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000, 0.01, ended)
    with wire(slow) as (url, _), conf.set_temp("deadline", 1.0), conf.set_temp("retries", 0):
        with pytest.raises(AnswerError, match="did not end within 1 s"):
            metadata.get(url, archive="Test")
    assert ended == []


def test_silence_ends_at_the_read_timeout():
    with wire(silent(3)) as (url, _), conf.set_temp("read_timeout", 0.3), conf.set_temp("retries", 0):
        with pytest.raises(ServiceUnreachable, match="silent for longer than allowed"):
            metadata.get(url, archive="Test")


def test_a_compression_bomb_ends_at_the_cap():
    bomb = gzip.compress(b"\0" * 50_000_000)
    with wire(say(body=bomb, Content_Encoding="gzip")) as (url, _):
        with pytest.raises(AnswerError, match="larger than 1000000 bytes"):
            metadata.get(url, archive="Test", max_bytes=1_000_000)


def test_a_cut_answer_is_no_answer():
    with wire(say(body=b"half", Content_Length="100")) as (url, _), conf.set_temp("retries", 0):
        with pytest.raises(ServiceUnreachable, match="cut before the end"):
            metadata.get(url, archive="Test")


def test_nobody_there_is_said_plainly():
    with conf.set_temp("retries", 0), pytest.raises(ServiceUnreachable, match="the connection was refused"):
        metadata.get("http://127.0.0.1:9/", archive="Test")


def test_messages_hold_no_secret():
    with wire(say("403 No")) as (url, _):
        secret = url.replace("http://", "http://me:hunter2@") + "/?api_key=hunter2&X-Amz-Signature=hunter2&id=7"
        with pytest.raises(ServiceRefused) as caught:
            metadata.get(secret, archive="Test")
    assert "hunter2" not in str(caught.value)
    assert "id=7" in str(caught.value)


def test_text_that_is_not_utf_8_is_latin_1():
    with wire(say(body=b"\xc5ngstr\xf6m")) as (url, _):
        assert metadata.get(url, archive="Test").text() == "Ångström"


def test_retry_after_is_read_as_seconds():
    assert retry_after("7") == 7


def test_retry_after_as_a_date_is_counted_from_now(monkeypatch):
    monkeypatch.setattr(retry.time, "time", lambda: 1_800_000_000.0)
    assert retry_after(formatdate(1_800_000_060, usegmt=True)) == 60
    assert retry_after(formatdate(1_799_999_000, usegmt=True)) == 0


@pytest.mark.parametrize("value", [None, "soon", "", "-5"])
def test_a_retry_after_that_cannot_be_read_asks_for_nothing(value):
    assert retry_after(value) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("²", None),
        ("9" * 400, float("inf")),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("nan", None),
        ("1e9", None),
    ],
)
def test_a_hostile_retry_after_is_no_failure_of_ours(value, seconds):
    assert retry_after(value) == seconds


def wired(data: bytes):
    """Send a response that may be incomplete."""
    return lambda connection, head: connection.sendall(data)


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 3000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 120,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"y" * 3000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " + b"y" * 3000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * 600,
    ],
    ids=["header", "continue", "chunk size", "trailer", "empty blocks"],
)
def test_a_drip_where_the_libraries_wait_ends_at_the_deadline_too(data):
    ended = []
    with wire(drip(data, 0.01, ended)) as (url, _), conf.set_temp("deadline", 1.0):
        with pytest.raises(ServiceError, match=r"within 1 s, see conf\.deadline"):
            metadata.get(url, archive="Test")
    assert ended == []


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"message":' * 100_000])
def test_endless_nesting_is_an_answer_that_is_no_json(body):
    with wire(say(body=body), say("500 Oops", body)) as (url, _):
        with pytest.raises(AnswerError, match="JSON was expected"):
            metadata.get(url, archive="Test").json()
        with pytest.raises(ServerError, match="answered 500"):
            metadata.get(url, archive="Test")


@pytest.mark.parametrize(
    "location",
    [
        "http://archive.example/",
        "file:///etc/passwd",
        "http://[::1",
        "https://x:99999/",
        "http://archive.example\\@127.0.0.1:9/",
    ],
)
def test_a_redirect_that_must_not_be_followed_is_the_archives_fault(location):
    with wire(say("302 Found", Location=location)) as (url, heads):
        with pytest.raises(AnswerError, match="that is not followed") as caught:
            metadata.get(url, archive="Test")
    assert caught.value.status == 302
    assert len(heads) == 1


def test_the_body_of_a_redirect_is_not_read():
    ended = []

    def endless(connection, head):
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n")
        for _ in range(1000):
            connection.sendall(bytes(100_000))
        ended.append(head)

    with wire(endless, say(body=b"ok")) as (url, _):
        assert metadata.get(url, archive="Test").content == b"ok"
    assert ended == []


def test_a_redirect_is_quoted_once():
    with wire(say("302 Found", Location="/\u00e9 %41?x=%2f"), say()) as (url, heads):
        metadata.get(url, archive="Test")
    assert heads[1].startswith(b"GET /%C3%A9%20")


@pytest.mark.parametrize("url", ["https://[", "https://", "https://x:99999/", "https://a b/", "https://*.example/"])
def test_what_is_no_address_is_refused_before_anything_is_asked(url):
    with pytest.raises(QueryError, match="not a valid address"):
        metadata.get(url, archive="Test")
    with pytest.raises(QueryError, match="not a valid address"):
        metadata.cached_json(url, archive="Test", parse=lambda value: value)


def test_cookies_last_no_longer_than_a_question():
    with wire(say("302 Found", Location="/back", Set_Cookie="who=me"), say(body=b"{}")) as (url, heads):
        metadata.get(url, archive="Test")
        metadata.get(url, archive="Test")
    assert b"who=me" in heads[1]
    assert b"who=me" not in heads[2]


def test_what_a_server_says_of_itself_reaches_no_terminal_as_it_is():
    with wire(wired(b"HTTP/1.1 200 OK\r\nContent-Type: a\x1b[31m\r\n\r\n<html>")) as (url, _):
        with pytest.raises(AnswerError) as caught:
            metadata.get(url, archive="Test").json()
    assert str(caught.value).isprintable()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here")
def test_a_forked_process_makes_its_own_connections():
    """Two processes that read from one connection would get each other's responses."""
    keep = wired(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def stay(connection, head):
        keep(connection, head)
        time.sleep(0.5)

    with wire(stay) as (url, heads):
        metadata.get(url, archive="Test")
        child = os.fork()
        if not child:
            with contextlib.suppress(BaseException):
                os._exit(0 if metadata.get(url, archive="Test").content == b"ok" else 1)
            os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert len(heads) == 2


TEXT = b"".join(b"%d,%d\n" % (number, number * number) for number in range(2000))


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


COMPRESSED = {
    "gzip": ("gzip", gzip.compress(TEXT)),
    "two members": ("gzip", gzip.compress(TEXT[:700]) + gzip.compress(TEXT[700:])),
    "gzip with appended bytes": ("x-gzip", gzip.compress(TEXT) + b"\0" * 512),
    "zlib": ("deflate", zlib.compress(TEXT)),
    "twice": ("deflate, gzip", gzip.compress(zlib.compress(TEXT))),
    "deflate without a header": ("deflate", raw_deflate(TEXT)),
}


@pytest.mark.parametrize("form", COMPRESSED)
def test_compressed_answers_are_read(form):
    encoding, body = COMPRESSED[form]
    with wire(say(body=body, Content_Encoding=encoding)) as (url, _):
        assert metadata.get(url, archive="Test").content == TEXT


@pytest.mark.parametrize("form", COMPRESSED)
def test_compressed_answers_are_read_in_parts_of_any_size(form):
    encoding, body = COMPRESSED[form]
    for size in (1, 2, 3, 7, 1000):
        decompressor = Decoder(encoding)
        parts = [part for start in range(0, len(body), size) for part in decompressor.feed(body[start : start + size])]
        decompressor.check_end()
        assert b"".join(parts) == TEXT


def test_a_large_expansion_comes_in_parts():
    decompressor = Decoder("gzip")
    sizes = [len(part) for part in decompressor.feed(gzip.compress(bytes(5_000_000)))]
    decompressor.check_end()
    assert sum(sizes) == 5_000_000
    assert max(sizes) < 2_000_000


@pytest.mark.parametrize("form", ["gzip", "two members", "zlib", "deflate without a header", "twice"])
@pytest.mark.parametrize("missing", [1, 5, 40])
def test_a_compressed_answer_without_its_end_is_requested_again(form, missing):
    """Its length is right: something between the server and this machine has cut what it stored."""
    encoding, body = COMPRESSED[form]
    with wire(say(body=body[:-missing], Content_Encoding=encoding), say(body=TEXT)) as (url, heads):
        assert metadata.get(url, archive="Test").content == TEXT
        assert len(heads) == 2
    with wire(say(body=body[:-missing], Content_Encoding=encoding)) as (url, _), conf.set_temp("retries", 0):
        with pytest.raises(ServiceUnreachable, match="compressed answer was cut or damaged"):
            metadata.get(url, archive="Test")


@pytest.mark.parametrize("form", ["gzip", "zlib"])
def test_a_compressed_answer_with_a_wrong_checksum_is_an_error(form):
    encoding, body = COMPRESSED[form]
    wrong = body[:-8] + bytes(255 - byte for byte in body[-8:])
    with wire(say(body=wrong, Content_Encoding=encoding)) as (url, _), conf.set_temp("retries", 0):
        with pytest.raises(ServiceUnreachable, match="compressed answer was cut or damaged"):
            metadata.get(url, archive="Test")


def test_a_damaged_further_member_is_an_error():
    """It would be taken for appended bytes otherwise."""
    encoding, body = COMPRESSED["two members"]
    second = len(gzip.compress(TEXT[:700]))
    for place in (second, second + 1, second + 40, len(body) - 6):
        wrong = body[:place] + bytes([body[place] ^ 64]) + body[place + 1 :]
        with wire(say(body=wrong, Content_Encoding=encoding)) as (url, _), conf.set_temp("retries", 0):
            with pytest.raises(ServiceUnreachable, match="compressed answer was cut or damaged"):
                metadata.get(url, archive="Test")


def test_a_wrong_checksum_in_a_second_part_of_the_body_is_an_error():
    body = zlib.compress(os.urandom(200_000))
    with wire(say(body=body[:-4] + b"\0\0\0\0", Content_Encoding="deflate")) as (url, _), conf.set_temp("retries", 0):
        with pytest.raises(ServiceUnreachable, match="compressed answer was cut or damaged"):
            metadata.get(url, archive="Test")


def test_a_compression_that_was_not_requested_is_an_error():
    with wire(say(body=b"data", Content_Encoding="br")) as (url, heads):
        with pytest.raises(AnswerError, match="it is compressed with 'br', which was not requested"):
            metadata.get(url, archive="Test")
        assert len(heads) == 1


def test_an_empty_body_has_no_compression():
    with wire(say(Content_Encoding="gzip")) as (url, _):
        assert metadata.get(url, archive="Test").content == b""


def test_compressions_are_those_whose_end_is_checked():
    with wire(say()) as (url, heads):
        metadata.get(url, archive="Test")
    assert b"accept-encoding: gzip, deflate\r\n" in heads[0].lower()


def test_requests_name_this_package_and_the_encodings_that_it_decodes() -> None:
    with connections.new_session() as session:
        assert session.headers["User-Agent"] == connections.user_agent()
        assert session.headers["Accept-Encoding"] == "gzip, deflate"
    assert connections.user_agent().startswith("sunpy_helio_plugins/")


def test_whether_an_answer_is_cached_is_known_without_a_request():
    with conf.set_temp("cache", True), wire(say(body=b'{"a": 1}')) as (url, heads):
        assert not metadata.is_cached(f"{url}/x")
        assert metadata.cached_json(f"{url}/x", archive="Test", parse=dict) == {"a": 1}
        assert metadata.is_cached(f"{url}/x")
        assert not metadata.is_cached(f"{url}/y")
        # An answer to a user who is signed in is not taken from the cache.
        with signed_in("test", "user", "secret"):
            assert not metadata.is_cached(f"{url}/x", login=Login("test", url))
        with conf.set_temp("cache", False):
            assert not metadata.is_cached(f"{url}/x")
    assert len(heads) == 1


def test_a_stored_answer_that_is_not_valid_is_not_used(tmp_path, monkeypatch):
    def invalid(_):
        raise FileError("no")

    monkeypatch.setattr(metadata.answers, "load_outdated", lambda key: ({}, 0.0))
    assert metadata._outdated("key", invalid, ServiceUnreachable("X", "https://x/", "down")) is None


def test_the_end_of_a_connection_within_a_header_is_an_error():
    one, other = socket.socketpair()
    stream = connections._DeadlineStream(one)
    other.sendall(b"HTTP/1.1 200 OK")
    buffer = bytearray(100)
    assert stream.readinto(buffer) == 15
    other.close()
    stream.is_in_header = True
    with pytest.raises(ConnectionResetError, match="closed in the header of the answer"):
        stream.readinto(buffer)
    stream.is_in_header = False
    assert stream.readinto(buffer) == 0
    stream.close()
    one.close()


def test_an_interim_response_without_a_final_one_is_an_error():
    exchange = Exchange("X", "https://x/")
    with pytest.raises(AnswerError, match="an interim response without a final one"):
        exchange._location(SimpleNamespace(status_code=103, headers={}))
    assert exchange._location(SimpleNamespace(status_code=302, headers={"Location": "/y"})) == "/y"


def test_digests_of_other_algorithms_and_of_no_base64_are_left_out():
    good = base64.b64encode(bytes(32)).decode()
    found = body.promised_digests({"Repr-Digest": f"md5=:{good}:, sha-256=:{good}:", "Digest": "sha-512=A"})
    assert [(one.name, digest) for one, digest in found] == [("sha256", bytes(32))]


def test_a_key_is_not_sent_without_tls():
    with pytest.raises(QueryError, match="is without TLS: the request was not sent"):
        with conf.set_temp("allow_http", True):
            submit.order("POST", "http://example.com/x", {}, archive="X", login=Login("x", "X"))
