"""Test that passwords and cookies of the registry do not appear in any text, error, log, copy or pickle."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from sunpy_helio_plugins import conf, her
from sunpy_helio_plugins.errors import HelioPluginsError, ServiceError, ServiceRefused
from sunpy_helio_plugins.transport.credentials import signed_in

FLARE = "ivo://helio-informatics.org/FL_SSWLatestEvents_gev_20260110_0118"
PASSWORD = 'p<w>&"d /7'
COOKIE = "d41d8cd98f00b204"


class Desk:
    """Respond to each POST in turn, and then with the last response, with a cookie; record the requests."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.sent: list[tuple[str, dict[str, str], bytes]] = []


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            made.sent.append((self.path, dict(self.headers), body))
            answer = made.answers[min(len(made.sent), len(made.answers)) - 1]
            self.send_response(200)
            self.send_header("Set-Cookie", f"JSESSIONID={COOKIE}; HttpOnly")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    with conf.her.set_temp("url", f"http://127.0.0.1:{server.server_port}/hek/her"):
        yield made
    server.shutdown()
    server.server_close()
    thread.join()


SUCCESS = b"<html><body>login success</body></html>"


def told(error: BaseException) -> str:
    """Return the complete text of an error, including its attributes."""
    said = []
    seen: BaseException | None = error
    while seen is not None:
        said += [str(seen), repr(seen), repr(vars(seen)), *map(repr, seen.args)]
        said.append(repr(getattr(getattr(seen, "request", None), "body", "")))
        seen = seen.__cause__ or seen.__context__
    return "".join(["".join(traceback.format_exception(error)), *said])


@pytest.mark.parametrize(
    "page",
    [
        f"<p>login failure for {PASSWORD}</p>", '<p>login failure: p&lt;w&gt;&amp;"d /7</p>',
        "<p>login failure: p&lt;w&gt;&amp;&quot;d /7</p>",
        "login failure username=observer&password=p%3Cw%3E%26%22d+%2F7",
        "x" * 290 + PASSWORD, json.dumps({"message": "login failure"}),
    ],
)  # fmt: skip
def test_a_server_that_repeats_the_password_is_not_quoted(desk: Desk, page: str) -> None:
    desk.answers = [page.encode()]
    with pytest.raises(ServiceRefused) as caught:
        her.Registry().login("observer", PASSWORD)
    for part in (PASSWORD, "p&lt;w", "p%3Cw", "p<w"):
        assert part not in told(caught.value)


def test_a_connection_that_fails_leaves_nothing_behind() -> None:
    with conf.her.set_temp("url", "http://127.0.0.1:9/hek/her"), pytest.raises(ServiceError) as caught:
        her.Registry().login("observer", PASSWORD)
    assert PASSWORD not in told(caught.value)
    assert "p%3Cw" not in told(caught.value)
    assert caught.value.__context__ is None


def test_nothing_is_logged(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.answers = [SUCCESS, b'{"status": "success"}']
    caplog.set_level(logging.DEBUG, "sunpy_helio_plugins")
    with caplog.at_level(logging.DEBUG), signed_in("her", "observer", PASSWORD), her.Registry() as registry:
        registry.comment(FLARE, "a comment of mine")
    assert len(desk.sent) == 2
    for secret in (PASSWORD, "p%3Cw", COOKIE, "a comment of mine", "a+comment"):
        assert secret not in caplog.text


def test_a_copy_or_a_pickle_is_not_signed_in(desk: Desk) -> None:
    desk.answers = [SUCCESS]
    registry = her.Registry()
    registry.login("observer", PASSWORD)
    assert "signed in" in repr(registry)
    assert registry._poster.signed_in()
    pickled = pickle.dumps(registry)
    for secret in (PASSWORD, COOKIE):
        assert secret.encode() not in pickled
        assert secret not in repr(registry) + repr(vars(registry)) + repr(vars(registry._poster))
    for other in (pickle.loads(pickled), copy.copy(registry), copy.deepcopy(registry)):
        assert "not signed in" in repr(other)
        assert not other._poster.signed_in()


def test_addresses_hold_nothing_of_what_is_sent(desk: Desk) -> None:
    desk.answers = [SUCCESS, b'{"status": "success"}']
    with signed_in("her", "observer", PASSWORD), her.Registry() as registry:
        registry.rate(FLARE, 0.5)
    assert {path for path, _, _ in desk.sent} == {"/hek/her/heks"}
    assert b"password=" in desk.sent[0][2]
    assert desk.sent[1][1]["Cookie"] == f"JSESSIONID={COOKIE}"
    assert not any("Authorization" in headers for _, headers, _ in desk.sent)


def test_a_session_that_has_ended_is_signed_in_again_by_the_next_submission(desk: Desk) -> None:
    desk.answers = [SUCCESS, b'{"status": "permission denied"}', SUCCESS, b'{"status": "success"}']
    with signed_in("her", "observer", PASSWORD), her.Registry() as registry:
        with pytest.raises(ServiceRefused, match="permission denied"):
            registry.rate(FLARE, 0.5)
        assert registry.rate(FLARE, 0.5).answer == {"status": "success"}
    assert len(desk.sent) == 4


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b'{"status": "error"}', "error"), (b'{"status": "permission denied"}', "permission denied"),
        (b'{"status": "Error", "message": "no such event"}', "no such event"), (b"{}", "no status"),
        (b"[]", "JSON was expected"),
        (b"<html><p>Server busy</p></html>", "Server busy"), (b"", "JSON was expected"),
        (b'{"status": null}', "no status"),
    ],
)  # fmt: skip
def test_every_other_answer_is_an_error_with_the_registrys_words(desk: Desk, answer: bytes, words: str) -> None:
    desk.answers = [SUCCESS, answer]
    with signed_in("her", "observer", PASSWORD), pytest.raises(HelioPluginsError, match=words):
        her.Registry().comment(FLARE, "x")


@pytest.mark.parametrize("answer", [b'{"status": "success"}', b'{"status": "SUCCESS", "rating": 0.5}'])
def test_success_is_understood(desk: Desk, answer: bytes) -> None:
    desk.answers = [SUCCESS, answer]
    with signed_in("her", "observer", PASSWORD):
        assert her.Registry().rate(FLARE, 0.5).answer == json.loads(answer)


@pytest.mark.parametrize(
    ("answer", "words"), [(b'{"status": "error"}', "error"), (b'{"status": "success"}', "no list"), (b"{}", "no list")]
)  # fmt: skip
def test_comments_that_cannot_be_told_are_not_no_comments(desk: Desk, answer: bytes, words: str) -> None:
    desk.answers = [answer]
    with pytest.raises(HelioPluginsError, match=words):
        her.Registry().comments(FLARE)


def test_a_dry_run_does_not_sign_in(desk: Desk) -> None:
    with signed_in("her", "observer", PASSWORD), her.Registry(dry_run=True) as registry:
        registry.login()
        registry.rate(FLARE, 0.5)
    assert desk.sent == []


@pytest.fixture
def event() -> her.voevent.VOEvent:
    made = her.voevent.VOEvent("ivo://x/event", "FL", {})
    made.values |= dict.fromkeys(made.missing(), "0")
    return made


def test_a_dry_run_of_an_upload_has_the_document_and_sends_nothing(desk: Desk, event: her.voevent.VOEvent) -> None:
    with signed_in("her", "observer", PASSWORD), her.Registry(dry_run=True) as registry:
        made = registry.upload(event)
    assert (made.url, made.document, made.answer) == (f"{conf.her.url}/voeupload", her.voevent.write(event), None)
    assert desk.sent == []


def test_an_upload_that_is_refused_is_an_error_with_the_registrys_words(desk: Desk, event: her.voevent.VOEvent) -> None:
    desk.answers = [SUCCESS, b"<p>Invalid VOEvent: no time</p>"]
    with signed_in("her", "observer", PASSWORD), her.Registry() as registry:
        with pytest.raises(ServiceRefused, match="Invalid VOEvent: no time"):
            registry.upload(event)
        with pytest.raises(ServiceRefused, match="Invalid VOEvent: no time"):
            registry.upload(event)
    assert len(desk.sent) == 3  # the session goes on


def test_an_upload_after_the_end_of_the_session_signs_in_again(desk: Desk, event: her.voevent.VOEvent) -> None:
    desk.answers = [SUCCESS, b"permission denied", SUCCESS, b"Successfully imported XML"]
    with signed_in("her", "observer", PASSWORD), her.Registry() as registry:
        with pytest.raises(ServiceRefused, match="permission denied"):
            registry.upload(event)
        assert registry.upload(event).answer == "Successfully imported XML"
    assert len(desk.sent) == 4
