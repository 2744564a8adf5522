"""
One deadline and one budget for one question, in every path, and recovery that ends after two failures alike.

The clock, the waits and the transport are stubs, so that a registry that is silent for hours takes no time.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import parfive
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, hapi, imap
from sunpy_helio_plugins.errors import (
    AnswerError,
    HelioPluginsError,
    QueryError,
    ServerError,
    ServiceUnreachable,
)
from sunpy_helio_plugins.fido import partial
from sunpy_helio_plugins.hapi import search as hapi_search
from sunpy_helio_plugins.hapi import translator as hapi_translator
from sunpy_helio_plugins.helioviewer import search as helioviewer_search
from sunpy_helio_plugins.helioviewer import service as helioviewer_service
from sunpy_helio_plugins.helioviewer import translator as helioviewer_translator
from sunpy_helio_plugins.her import paging
from sunpy_helio_plugins.her import search as her_search
from sunpy_helio_plugins.her import translator as her_translator
from sunpy_helio_plugins.imap import search as imap_search
from sunpy_helio_plugins.imap import translator as imap_translator
from sunpy_helio_plugins.transport import credentials, limits, metadata, oauth2, retry
from sunpy_helio_plugins.transport.exchange import Exchange, Response
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.queue import enqueue
from sunpy_helio_plugins.transport.secrets import Secret
from sunpy_helio_plugins.transport.submit import SubmitSession, put

sys.path.insert(0, str(Path(__file__).parent))
from wire import hang_up, say, wire


@dataclass
class World:
    """A virtual clock, and a transport whose answers a function gives after some seconds."""

    answer: Callable[[str], tuple[float, int, bytes]] | None = None
    now: float = 1000.0
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.now += seconds

    def send(self, exchange: Exchange, url: str, most: int = 4) -> tuple[Response, None]:
        if exchange.deadline.is_over():
            raise exchange.unreachable(f"no answer {exchange.deadline.text}")
        self.asked.append(url)
        if self.answer is None:
            silence = exchange.read_timeout or conf.read_timeout
            self.sleep(min(silence, max(exchange.deadline.left(), 0)))
            late = exchange.deadline.is_over()
            text = f"no answer {exchange.deadline.text}" if late else "the server was silent for longer than allowed"
            raise exchange.unreachable(f"{text} (conf.read_timeout)" if not late else text)
        seconds, status, body = self.answer(url)
        self.sleep(seconds)
        return Response(exchange.archive, url, status, {}, body, "Phrase"), None


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World()
    clock = types.SimpleNamespace(monotonic=lambda: made.now, sleep=made.sleep, time=lambda: made.now)
    for module in (limits, retry):
        monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(Exchange, "send", lambda self, url, most=4: made.send(self, url, most))
    with conf.set_temp("cache", False):
        yield made


MONTH = a.Time("2024-01-01", "2024-01-31")


def registry(days: int) -> Callable[[], Any]:
    time = a.Time("2024-01-01", f"2024-01-{1 + days:02}")
    return lambda: her_search.search(her_translator.queries(time, a.her.EventType("FL")))


def helioviewer() -> Any:
    queries = helioviewer_translator.queries(MONTH, a.helioviewer.SourceID(13))
    return helioviewer_search.list_images(queries)


QUESTIONS: dict[str, Callable[[], Any]] = {
    "her, a day": registry(1),
    "her, a month": registry(30),
    "imap, files": lambda: imap_search.find(imap_translator.queries(MONTH, a.imap.File())),
    "imap, recent": lambda: imap_search.find(imap_translator.queries(a.imap.Recent(300))),
    "imap, real time": lambda: imap.realtime(a.Time("2026-01-01", "2026-01-20"), "mag"),
    "hapi, load": lambda: hapi.load("cdaweb", "AC_H0_MFI", "2020-01-01", "2021-01-01"),
    "hapi, pattern": lambda: hapi_search.find_all(
        hapi_translator.queries(MONTH, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H*"))
    ),
    "helioviewer, a month": helioviewer,
}

FAULTS: dict[str, Callable[[str], tuple[float, int, bytes]] | None] = {
    "silent": None,
    "504": lambda url: (0.1, 504, b"gateway"),
    "503": lambda url: (0.1, 503, b"busy"),
    "408": lambda url: (0.1, 408, b"timeout"),
    "500": lambda url: (0.1, 500, b"oops"),
    "413": lambda url: (0.1, 413, b"too large"),
    "a page that timed out": lambda url: (60.0, 200, b"<html>The search timed out after 60s</html>"),
    "an empty body": lambda url: (0.1, 200, b""),
    "HAPI 1408": lambda url: (0.1, 400, b'{"HAPI": "3.1", "status": {"code": 1408, "message": "too much"}}'),
}

MOST_REQUESTS = 60
"""Requests of one question at worst: a few endpoints and listers, each with two failures and their attempts."""


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_question_that_fails_ends_soon_and_says_one_sentence(question: Callable[[], Any], fault: Any, world: World):
    world.answer = fault
    start = world.now
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            texts += question().problems
        except HelioPluginsError as error:
            texts.append(str(error))
    texts += [str(one.message) for one in caught]
    assert texts != []
    assert max(map(len, texts)) < 1500
    assert len(world.asked) <= MOST_REQUESTS
    assert world.now - start <= conf.search_deadline + 1


def test_a_silent_registry_costs_two_requests_for_a_month(world: World):
    with pytest.raises(ServiceUnreachable, match="silent"):
        registry(30)()
    assert len(world.asked) == 2


@pytest.mark.parametrize("is_kept", [False, True])
def test_a_registry_that_becomes_silent_ends_the_search_with_the_pages_that_came(
    world: World, is_kept: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # One page at a time: after two failures, pages that were not sent yet are not requested.
    for module in (her_search, paging):
        monkeypatch.setattr(module, "AT_ONCE", 1)

    def answer(url: str) -> tuple[float, int, bytes]:
        page = int(url.rpartition("=")[2])
        if page > 3:
            world.sleep(conf.read_timeout)
            raise ServiceUnreachable("HER", url, "the server was silent for longer than allowed")
        events = [
            {
                "kb_archivid": f"ivo://x/{page}/{number}", "event_starttime": f"2024-01-{page:02}T01:00:00",
                "event_endtime": f"2024-01-{page:02}T02:00:00",
            }
            for number in range(1000)
        ]  # fmt: skip
        return 1.0, 200, json.dumps({"result": events, "overmax": True}).encode()

    world.answer = answer
    start = world.now
    with conf.her.set_temp("cache", is_kept), conf.set_temp("cache_dir", str(tmp_path)):
        found = registry(30)()
    assert len(found.records) == 3000
    assert world.now - start <= conf.deadline
    (problem,) = found.problems
    assert "all that follow are missing" in problem


def test_a_registry_that_is_down_costs_three_questions(world: World):
    world.answer = lambda url: (0.1, 408, b"timeout")
    with pytest.raises(HelioPluginsError, match="answered 408"):
        registry(30)()
    assert len(world.asked) == 3


def hours(url: str) -> float:
    from datetime import datetime
    from urllib.parse import parse_qs, urlsplit

    fields = parse_qs(urlsplit(url).query)
    start, end = (datetime.fromisoformat(fields[name][0]) for name in ("event_starttime", "event_endtime"))
    return (end - start).total_seconds() / 3600


EMPTY = json.dumps({"result": [], "overmax": False}).encode()


def test_a_registry_that_is_slow_is_asked_for_parts_that_it_can_answer(world: World):
    """It fails for more than two days: that one hour is answered shows that halving helps."""
    world.answer = lambda url: (1.0, 200, EMPTY) if hours(url) <= 48 else (5.0, 408, b"timeout")
    found = registry(30)()
    assert found.problems == ()
    assert sum(hours(url) for url in world.asked if hours(url) <= 48) >= 30 * 24
    assert len(world.asked) < 60


def test_parts_that_cannot_be_answered_are_one_sentence(world: World):
    def answer(url: str) -> tuple[float, int, bytes]:
        late = "event_starttime=2024-01-2" in url or "event_endtime=2024-01-2" in url or hours(url) > 24 * 12
        return (1.0, 408, b"timeout") if late else (1.0, 200, json.dumps(EVENT).encode())

    world.answer = answer
    found = registry(30)()
    assert len(found.records) == 1
    assert len(found.problems) == 1
    assert "are missing: HER answered 408" in found.problems[0]
    assert len(found.problems[0]) < 800
    assert len(world.asked) < 40


EVENT = {"result": [{"kb_archivid": "ivo://x", "event_starttime": "2024-01-01T01:00:00"}], "overmax": False}


@pytest.mark.parametrize("status", [500, 502, 504])
def test_imaps_halves_end_when_a_single_day_fails_as_well(world: World, status: int):
    world.answer = lambda url: (0.1, status, b"oops")
    with pytest.raises(ServerError, match="oops"):
        QUESTIONS["imap, files"]()
    assert len(world.asked) <= (12 if status == 500 else 48)


def test_pieces_are_not_asked_for_after_two_failures_alike():
    asked: list[int] = []

    def ask(number: int) -> int:
        asked.append(number)
        if number in (2, 4, 5):
            raise ServerError("Test", f"http://x/{number}", "oops", 500)
        return number

    found = partial.outcomes(range(9), ask, 1, pieces=True)
    assert asked == [0, 1, 2, 3, 4, 5]
    assert [one for one in found if isinstance(one, int)] == [0, 1, 3]
    assert len(found) == 9
    asked.clear()
    partial.outcomes(range(9), ask, 1)
    assert asked == list(range(9))


def test_failures_that_differ_do_not_end_a_question():
    def ask(number: int) -> int:
        raise ServerError("Test", "http://x/", f"oops {number}", 500)

    found = partial.outcomes(range(5), ask, 1, pieces=True)
    assert [one.words for one in found] == [f"oops {number}" for number in range(5)]


def test_one_service_that_is_silent_does_not_end_another_on_the_same_host(world: World):
    world.answer = lambda url: (0.1, 503, b"busy") if "/one/" in url else (0.1, 200, b"{}")
    with limits.budget(None):
        for _ in range(3):
            with pytest.raises(ServerError):
                metadata.get("https://a.example/one/x", archive="Test")
        asked = len(world.asked)
        assert metadata.get("https://a.example/two/x", archive="Test").status == 200
    assert asked == 2 * (1 + conf.retries)


def test_a_service_that_answers_again_is_asked_again(world: World):
    with limits.budget(None):
        for status in (503, 200, 503, 200):
            world.answer = lambda url, status=status: (0.1, status, b"{}")
            if status == 200:
                assert metadata.get("https://a.example/one/x", archive="Test").status == 200
            else:
                with pytest.raises(ServerError):
                    metadata.get("https://a.example/one/x", archive="Test")
    assert len(world.asked) == 2 * (1 + conf.retries) + 2


def test_without_a_question_each_request_is_sent(world: World):
    for _ in range(4):
        with pytest.raises(ServiceUnreachable):
            SubmitSession("Test").post("https://a.example/one/x", {})
    assert len(world.asked) == 4


# Uploads, forms and tokens


def upload(folder: Path) -> None:
    path = folder / "upload"
    path.write_bytes(b"data")
    put("https://a.example/store/x", path, archive="Test")


def token(folder: Path) -> None:
    oauth2.client_credentials("test", "https://a.example/sso/token", Secret("me"), Secret("hunter2-of-mine"), "")


SENDERS: dict[str, Callable[[Path], Any]] = {
    "put": upload,
    "post": lambda folder: SubmitSession("Test").post("https://a.example/form/x", {}),
    "token": token,
    "get": lambda folder: metadata.get("https://a.example/get/x", archive="Test"),
    "rate limit": lambda folder: helioviewer_service.ask("getDataSources"),
}


@pytest.mark.parametrize("send", SENDERS.values(), ids=SENDERS)
@pytest.mark.parametrize("fault", [None, lambda url: (50.0, 503, b"busy")], ids=["silent", "slow and busy"])
def test_all_attempts_of_a_request_share_one_deadline(send: Callable[[Path], Any], fault: Any, world: World, tmp_path):
    world.answer = fault
    start = world.now
    with pytest.raises(HelioPluginsError), conf.set_temp("retries", 100):
        send(tmp_path)
    assert world.now - start <= conf.deadline + 60


def test_files_for_a_silent_service_are_not_all_sent(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IMAP_API_KEY", "a-key-for-the-upload")
    paths = []
    for day in range(10, 20):
        paths.append(tmp_path / f"imap_swe_l1a_sci_202601{day}_v001.pkts")
        paths[-1].write_bytes(b"data")
    monkeypatch.setattr(sys.modules[imap.upload.__module__], "_checked", lambda path: path.name)
    sent = imap.upload(paths, progress=False)
    assert [one.sent for one in sent] == [False] * 10
    assert len(world.asked) == 2 * (1 + conf.retries)
    assert "it is not asked again after two such failures" in sent[-1].problem


@pytest.mark.parametrize("wait", [None, -1, "3", float("nan"), True])
def test_a_wait_is_validated_before_anything_is_sent(world: World, wait: Any, tmp_path: Path):
    with pytest.raises(QueryError, match=r"imap\.upload takes for wait a number of seconds"):
        imap.upload(tmp_path / "imap_swe_l1a_sci_20260110_v001.pkts", wait=wait)
    assert world.asked == []


# Answers


def test_the_answer_with_a_token_is_bounded(world: World, tmp_path: Path):
    world.answer = lambda url: (0.1, 200, b'{"access_token": ' + b"[" * 50_000 + b"]" * 50_000 + b"}")
    with pytest.raises(AnswerError, match="not a token"):
        token(tmp_path)


def test_a_token_with_control_characters_is_an_invalid_answer(world: World, tmp_path: Path):
    world.answer = lambda url: (0.1, 200, b'{"access_token": "abc\\u001b[31mdef"}')
    with pytest.raises(AnswerError, match=r"The sign-in of .*: the token contains control characters"):
        token(tmp_path)


@pytest.mark.parametrize("lifetime", [10**400, -5, "1e999", float("nan"), [], "soon", None])
def test_any_lifetime_of_a_token_is_read(lifetime: Any):
    made = credentials._Token.of({"access_token": "abc", "expires_in": lifetime})
    assert isinstance(made.is_old(), bool)
    assert made.expires >= 0


# Downloads


def fetch(*downloads: Download) -> list[Exception]:
    downloader = parfive.Downloader(progress=False, max_conn=1)
    enqueue(downloader, downloads)
    return [one.exception for one in downloader.download().errors]


@pytest.mark.parametrize("fault", [hang_up, say("503 Busy", b"later")], ids=["hang up", "503"])
def test_files_of_a_server_that_does_not_answer_are_not_all_requested(fault: Any, tmp_path: Path):
    with wire(fault) as (url, heads), conf.set_temp("retries", 0):
        errors = fetch(*(Download(f"{url}/files/{n}", tmp_path / str(n), "Test") for n in range(20)))
    assert len(errors) == 20
    assert len(heads) <= 4  # the library sends a request once more over a new connection
    assert all("Test" in str(error) for error in errors)
    assert sum("it is not asked again after two such failures" in str(error) for error in errors) == 18


def test_files_that_are_refused_do_not_end_the_others(tmp_path: Path):
    with wire(say("404 No"), say("404 No"), say("404 No"), say(body=b"data")) as (url, heads):
        errors = fetch(*(Download(f"{url}/files/{n}", tmp_path / str(n), "Test") for n in range(6)))
    assert (len(errors), len(heads)) == (3, 6)


@pytest.mark.parametrize("status", [b"200 OK", b"500 Oops"])
def test_a_dripped_chunk_header_ends_with_the_deadline(status: bytes, tmp_path: Path):
    def drip(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 " + status + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"0")
            threading.Event().wait(0.02)

    with wire(drip) as (url, _), conf.set_temp("deadline", 0.5), conf.set_temp("retries", 0):
        (error,) = fetch(Download(f"{url}/files/x", tmp_path / "x", "Test"))
        assert "within 0.5 s, see conf.deadline" in str(error)
        with pytest.raises(HelioPluginsError, match=r"0\.5 s, see conf\.deadline"):
            metadata.get(url, archive="Test")
    assert list(tmp_path.iterdir()) == []


# Messages


@pytest.mark.parametrize("kind", [QueryError, HelioPluginsError, ServiceUnreachable])
def test_a_message_has_a_longest_length(kind: Any):
    error = kind("Test", "u" * 50_000, "w" * 50_000) if kind is ServiceUnreachable else kind("w" * 50_000)
    assert len(str(error)) <= 4000
    assert "…" in str(error)
