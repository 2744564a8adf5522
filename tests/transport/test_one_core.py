"""Every function that sends a request keeps the same rules: retries, waits, deadlines, redirects, sizes, isolation."""

from __future__ import annotations

import ast
import contextlib
import contextvars
import json
import logging
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import formatdate
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import parfive
import pytest
import requests

import sunpy_helio_plugins
from sunpy_helio_plugins import conf
from sunpy_helio_plugins.config import isolation
from sunpy_helio_plugins.errors import (
    HelioPluginsError,
    IsolationError,
    ServerError,
    ServiceError,
    ServiceRefused,
    ServiceUnreachable,
    SettingError,
    TransferError,
)
from sunpy_helio_plugins.helioviewer import service as helioviewer
from sunpy_helio_plugins.her import service as her
from sunpy_helio_plugins.transport import limits, messages, metadata, oauth2, retry
from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.pieces import PiecedDownload
from sunpy_helio_plugins.transport.files.prefix import PrefixDownload, head
from sunpy_helio_plugins.transport.files.queue import enqueue
from sunpy_helio_plugins.transport.secrets import Secret
from sunpy_helio_plugins.transport.submit import SubmitSession, order, put

sys.path.insert(0, str(Path(__file__).parent))
from wire import Talk, say, until_left, wire

PACKAGE = Path(sunpy_helio_plugins.__file__).parent
OUTSIDE = "https://outside.example/there"
SECRET = "hunter2-of-mine"
LOGGER = "sunpy_helio_plugins.transport"
GOOD = json.dumps({"access_token": "abcdefghij", "token_type": "bearer", "result": [], "overmax": False}).encode()


def reads_all(talk: Talk) -> Talk:
    """Read the body of the request before the answer, so that closing the connection does not reset it."""

    def read(connection: socket.socket, head: bytes) -> None:
        length = re.search(rb"(?i)content-length: (\d+)", head)
        missing = int(length[1]) - len(head.partition(b"\r\n\r\n")[2]) if length else 0
        while missing > 0:
            missing -= len(connection.recv(65536))
        talk(connection, head)

    return read


def answer(status: str = "200 OK", body: bytes = GOOD, **headers: str) -> Talk:
    return reads_all(say(status, body, **headers))


def fetch(kind: type[Download]) -> Callable[[str, Path], None]:
    def send(url: str, folder: Path) -> None:
        downloader = parfive.Downloader(progress=False)
        enqueue(downloader, [kind(url, folder / "file", "Test")])
        for failed in downloader.download().errors:
            raise failed.exception

    return send


def upload(url: str, folder: Path) -> None:
    path = folder / "upload"
    path.write_bytes(b"data")
    put(url, path, archive="Test")


def ask_helioviewer(url: str, folder: Path) -> None:
    with conf.helioviewer.set_temp("api_url", url):
        helioviewer.ask("getDataSources")


def ask_registry(url: str, folder: Path) -> None:
    with conf.her.set_temp("url", url):
        her.PageRequest([("cmd", "search")], 10, contextlib.nullcontext()).send()()


def ask_cached(url: str, folder: Path) -> None:
    with conf.set_temp("cache", False):
        metadata.cached_json(url, archive="Test", parse=lambda value: value)


@dataclass(frozen=True)
class Caller:
    """A function that sends a request, and in which rules it may differ."""

    send: Callable[[str, Path], Any]
    repeats: bool = True
    follows: bool = True
    cuts: bool = False
    reconnects: bool = False
    """Whether the library sends a request once more over a new connection, after one that was closed."""


CORE = {
    "metadata.get": Caller(lambda url, folder: metadata.get(url, archive="Test")),
    "files/prefix.head": Caller(lambda url, folder: head(url, 10, archive="Test"), cuts=True),
    "submit.post": Caller(
        lambda url, folder: SubmitSession("Test").post(url, {"password": SECRET}), repeats=False, follows=False
    ),
    "submit.order": Caller(
        lambda url, folder: order("POST", url, {}, archive="Test", login=Login("imap", url)),
        repeats=False,
        follows=False,
    ),
    "submit.put": Caller(upload, follows=False, cuts=True),
    "oauth2.post": Caller(
        lambda url, folder: oauth2.client_credentials("test", url, Secret("me"), Secret(SECRET), "scope"),
        follows=False,
    ),
    "Download": Caller(fetch(Download), reconnects=True),
    "PrefixDownload": Caller(fetch(PrefixDownload), reconnects=True),
    "PiecedDownload": Caller(fetch(PiecedDownload), reconnects=True),
}
"""Every function that hands a request to the core."""

ABOVE = {
    "metadata.cached_json": Caller(ask_cached),
    "helioviewer.service.ask": Caller(ask_helioviewer),
    "her.service.PageRequest": Caller(ask_registry),
}
"""Functions that use them, and repeat requests for reasons of their own."""

EVERY = CORE | ABOVE
every = pytest.mark.parametrize("caller", EVERY.values(), ids=EVERY)
core = pytest.mark.parametrize("caller", CORE.values(), ids=CORE)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """Return the waits between attempts, which are left out."""
    seen: list[float | None] = []
    pause = retry.Attempts.pause

    def note(self: retry.Attempts, seconds: float | None = None) -> float | None:
        seen.append(pause(self, seconds))
        return None if seen[-1] is None else 0.0

    monkeypatch.setattr(retry.Attempts, "pause", note)
    return seen


@pytest.fixture
def isolated() -> Iterator[None]:
    isolation.begin()
    yield
    isolation.end()


@pytest.mark.usefixtures("waits")
@every
@pytest.mark.parametrize("fault", ["429 Slow", "503 Busy", "hang up"])
@pytest.mark.parametrize("retries", [0, 2])
def test_a_transient_failure_is_repeated_as_often_as_set(caller: Caller, retries: int, fault: str, tmp_path: Path):
    talk = reads_all(lambda connection, head: None) if fault == "hang up" else answer(fault, b"later")
    with wire(talk) as (url, heads), conf.set_temp("retries", retries):
        with pytest.raises(HelioPluginsError):
            caller.send(url, tmp_path)
    times = 2 if caller.reconnects and fault == "hang up" else 1
    assert len(heads) == times * (1 + retries if caller.repeats else 1)


@every
def test_a_negative_number_of_retries_cannot_be_set(caller: Caller, tmp_path: Path):
    with pytest.raises(SettingError, match="at least 0"):
        conf.retries = -1
    with wire(answer()) as (url, heads), conf.set_temp("retries", 0):
        caller.send(url, tmp_path)
    assert len(heads) == 1


@pytest.mark.usefixtures("waits")
@every
@pytest.mark.parametrize("status", ["404 No", "500 Oops"])
def test_a_final_failure_is_not_repeated(caller: Caller, status: str, tmp_path: Path):
    with wire(answer(status, b"no")) as (url, heads), pytest.raises(HelioPluginsError):
        caller.send(url, tmp_path)
    assert len(heads) == 1


@every
@pytest.mark.parametrize("form", ["seconds", "date"])
def test_the_wait_is_the_one_that_the_server_names(
    caller: Caller, form: str, tmp_path: Path, waits: list, monkeypatch: pytest.MonkeyPatch
):
    now = 1_800_000_000
    monkeypatch.setattr(retry, "time", SimpleNamespace(time=lambda: float(now), sleep=lambda seconds: None))
    named = "60" if form == "seconds" else formatdate(now + 60, usegmt=True)
    with wire(answer("503 Busy", b"later", Retry_After=named), answer()) as (url, heads):
        refused = contextlib.nullcontext() if caller.repeats else pytest.raises(HelioPluginsError)
        with refused:
            caller.send(url, tmp_path)
    assert waits == [60 if caller.repeats else None]
    assert len(heads) == 1 + caller.repeats


@every
@pytest.mark.parametrize("limit", ["deadline", "budget"])
def test_no_wait_passes_the_deadline(caller: Caller, limit: str, tmp_path: Path):
    deadline, budget = (30.0, None) if limit == "deadline" else (0.0, 30.0)
    with wire(answer("503 Busy", b"later", Retry_After="3600")) as (url, heads), conf.set_temp("deadline", deadline):
        with retry.budget(budget), pytest.raises(HelioPluginsError, match="later"):
            caller.send(url, tmp_path)
    assert len(heads) == 1


@every
def test_nothing_is_sent_after_the_deadline(caller: Caller, tmp_path: Path):
    with wire(answer()) as (url, heads), retry.budget(1e-9):
        with pytest.raises(HelioPluginsError, match=r"within 1e-09 s, see conf\.search_deadline"):
            caller.send(url, tmp_path)
    assert heads == []


@core
def test_a_slow_answer_ends_with_the_budget(caller: Caller, tmp_path: Path):
    def slow(connection: socket.socket, head: bytes) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400:
            connection.sendall(bytes([byte]))
            time.sleep(0.01)

    with wire(reads_all(slow)) as (url, _), retry.budget(0.5), conf.set_temp("retries", 0):
        with pytest.raises(HelioPluginsError, match=r"within 0\.5 s, see conf\.search_deadline"):
            caller.send(url, tmp_path)


BAD = ["http://outside.example/", "ftp://127.0.0.1/", "https://[", "https://x:99999/", "http://a.example\\@127.0.0.1/"]


@core
@pytest.mark.parametrize("location", BAD)
def test_a_redirect_to_a_bad_address_is_not_followed(caller: Caller, location: str, tmp_path: Path):
    with wire(answer("302 Found", b"", Location=location)) as (url, heads), pytest.raises(HelioPluginsError):
        caller.send(url, tmp_path)
    assert len(heads) == 1


@core
def test_redirects_in_circles_end(caller: Caller, tmp_path: Path):
    with wire(answer("307 Found", b"", Location="/again")) as (url, heads), pytest.raises(HelioPluginsError):
        caller.send(url, tmp_path)
    assert len(heads) == (10 if caller.follows else 1)


@core
@pytest.mark.parametrize("status", ["301 M", "302 F", "303 S", "307 T", "308 P"])
def test_another_host_gets_a_plain_request_or_none(caller: Caller, status: str, tmp_path: Path):
    with wire(answer()) as (there, others), wire(answer(status, b"", Location=f"{there}/x")) as (url, _):
        location = url.replace("http://", "http://me:password@")
        if caller.follows:
            caller.send(location if caller is CORE["metadata.get"] else url, tmp_path)
        else:
            with pytest.raises(HelioPluginsError, match="redirect"):
                caller.send(url, tmp_path)
    assert len(others) == caller.follows
    assert not [one for one in others if b"authorization" in one.lower() or b"password" in one.lower()]


@core
def test_a_password_in_the_address_of_a_redirect_is_not_used(caller: Caller, tmp_path: Path):
    with wire(answer()) as (there, others):
        location = there.replace("http://", f"http://me:{SECRET}@")
        with wire(answer("302 Found", b"", Location=location)) as (url, _):
            if caller.follows:
                caller.send(url, tmp_path)
    assert not [one for one in others if b"authorization" in one.lower()]


@core
def test_a_body_beyond_the_limit_is_refused_or_cut(caller: Caller, tmp_path: Path):
    with wire(answer(body=b"x" * 10_000_100)) as (url, _):
        with conf.set_temp("max_answer", 1000), conf.set_temp("max_file", 1000), conf.set_temp("retries", 0):
            if caller.cuts:
                caller.send(url, tmp_path)
                return
            with pytest.raises(HelioPluginsError, match=r"larger than 10+ bytes"):
                caller.send(url, tmp_path)
    assert list(tmp_path.iterdir()) == []


@core
def test_a_cut_body_is_refused(caller: Caller, tmp_path: Path):
    with wire(answer(body=GOOD[:9], Content_Length="100")) as (url, _), conf.set_temp("retries", 0):
        with pytest.raises(HelioPluginsError, match="cut before the end"):
            caller.send(url, tmp_path)


@every
@pytest.mark.usefixtures("isolated")
def test_no_other_machine_is_asked_while_the_embedded_archive_serves(caller: Caller, tmp_path: Path):
    with pytest.raises(IsolationError, match=r"outside\.example.*embedded archive"):
        caller.send(OUTSIDE, tmp_path)


@core
@pytest.mark.usefixtures("isolated")
def test_no_redirect_leads_to_another_machine_meanwhile(caller: Caller, tmp_path: Path):
    with wire(answer("302 Found", b"", Location=OUTSIDE)) as (url, heads), pytest.raises(HelioPluginsError):
        caller.send(url, tmp_path)
    assert len(heads) == 1


@core
def test_the_sentence_for_a_refusal_has_the_archive_the_status_and_no_secret(caller: Caller, tmp_path: Path):
    refusal = json.dumps({"error": "no entry", "error_description": "no entry"}).encode()
    with wire(answer("403 No", refusal)) as (url, _), pytest.raises(HelioPluginsError) as caught:
        caller.send(f"{url}/x?token={SECRET}&id=7", tmp_path)
    sentence = (
        r"(Test|The sign-in of test) answered 403: no entry \[asked: http://127\.0\.0\.1:\d+/x\?token=\*\*\*&id=7\]"
    )
    assert re.fullmatch(sentence, str(caught.value))


# The log


def logged(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [one.getMessage() for one in caplog.records if (one.name, one.levelno) == (LOGGER, level)]


@every
def test_a_request_is_one_line_of_the_log(caller: Caller, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG, LOGGER)
    with wire(answer()) as (url, heads):
        caller.send(url, tmp_path)
    (line,) = logged(caplog, logging.DEBUG)
    method = heads[0].split()[0].decode()
    assert re.search(rf": {method} {re.escape(url)}\S*: (\d+ bytes sent, )?200, \d+ bytes in \d+\.\d\d\d s$", line)


async def no_time(seconds: float) -> None:
    """Return at once."""


@every
def test_every_attempt_is_a_line_and_every_wait_one_at_a_higher_level(
    caller: Caller, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retry, "time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setattr(retry, "asyncio", SimpleNamespace(sleep=no_time))
    caplog.set_level(logging.DEBUG, LOGGER)
    busy = answer("503 Busy", b"later", Retry_After="8"), answer("504 Late", b"later")
    with wire(*busy, answer()) as (url, _), conf.set_temp("retries", 2):
        with contextlib.nullcontext() if caller.repeats else pytest.raises(ServerError):
            caller.send(url, tmp_path)
    statuses = [re.search(r" (\d{3}), \d+ bytes in ", line)[1] for line in logged(caplog, logging.DEBUG)]
    waits = [line.partition(": ")[2] for line in logged(caplog, logging.INFO)]
    if not caller.repeats:
        assert (statuses, waits) == (["503"], [])
        return
    assert statuses == ["503", "504", "200"]
    assert waits[0] == "waiting 8 s, the server asked for it (HTTP 503); then attempt 2 of 3"
    assert re.fullmatch(r"waiting [\d.]+ s, it answered 504; then attempt 3 of 3", waits[1])


@every
def test_the_log_of_a_redirect_and_of_a_cut_answer_has_no_secret(
    caller: Caller, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, LOGGER)
    cut = answer(body=f"no {SECRET}".encode(), Content_Length="100")
    redirect = answer("307 There", SECRET.encode(), Location=f"/there?token={SECRET}")
    with wire(redirect, cut) as (url, heads), conf.set_temp("retries", 0), contextlib.suppress(HelioPluginsError):
        caller.send(f"{url}/x?api_key={SECRET}", tmp_path)
    assert len(logged(caplog, logging.DEBUG)) == len(heads)
    assert SECRET not in caplog.text


@every
def test_nothing_is_written_for_the_log_while_its_level_is_off(
    caller: Caller, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    caplog.set_level(logging.INFO, LOGGER)
    monkeypatch.setattr(messages.RequestLog, "line", lambda *args: pytest.fail("a line was made"))
    with wire(answer()) as (url, heads):
        caller.send(url, tmp_path)
    assert len(heads) == 1
    assert logged(caplog, logging.DEBUG) == []


@core
def test_a_request_that_is_refused_here_is_not_in_the_log(
    caller: Caller, tmp_path: Path, caplog: pytest.LogCaptureFixture, isolated: None
):
    caplog.set_level(logging.DEBUG, LOGGER)
    with pytest.raises(IsolationError):
        caller.send(OUTSIDE, tmp_path)
    assert logged(caplog, logging.DEBUG) == []


def test_an_answer_from_the_cache_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture, tmp_path: Path):
    caplog.set_level(logging.DEBUG, LOGGER)
    with wire(answer(body=b"[1]")) as (url, heads), conf.set_temp("cache_dir", str(tmp_path)):
        for _ in range(2):
            metadata.cached_json(url, {"token": SECRET}, archive="Test", parse=lambda value: value)
        metadata.load_cached(url, [{"token": SECRET}, {"id": "unknown"}], archive="Test")
    assert len(heads) == 1
    asked, *kept = logged(caplog, logging.DEBUG)
    assert asked.startswith(f"Test: GET {url}/?token=***: 200, 3 bytes in ")
    assert kept == [f"Test: GET {url}/?token=***: from the cache"] * 2


def test_threads_share_a_budget_that_is_copied():
    with wire(answer()) as (url, heads), ThreadPoolExecutor(2) as pool, retry.budget(1e-9):
        copied = [pool.submit(contextvars.copy_context().run, metadata.get, url, archive="Test") for _ in range(3)]
        plain = pool.submit(metadata.get, url, archive="Test")
        assert plain.result().status == 200
        for one in copied:
            with pytest.raises(ServiceUnreachable, match=r"conf\.search_deadline"):
                one.result()
    assert len(heads) == 1


def test_a_budget_inside_another_cannot_prolong_it():
    with retry.budget(10) as outer:
        with retry.budget(1000) as inner:
            assert inner == outer
        with retry.budget(None) as inner:
            assert inner == outer
        with retry.budget(1) as inner:
            assert inner.ends < outer.ends
        assert retry.budget_deadline() == outer
    assert retry.budget_deadline().left() == float("inf")


def test_a_token_that_fails_is_not_tried_by_the_request_as_well(waits, tmp_path: Path):
    from sunpy_helio_plugins.transport.credentials import Login, signed_in

    with wire(answer("503 Busy", b"later")) as (sso, heads), wire(answer()) as (url, others):
        with signed_in("test", "me", SECRET), conf.set_temp("retries", 2):
            login = Login("test", url, "oauth2", token_url=sso)
            with pytest.raises(HelioPluginsError, match="The sign-in of test answered 503"):
                metadata.get(url, archive="Test", login=login)
    assert (len(heads), len(others)) == (3, 0)


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout", "deadline", "search_deadline"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "soon", True])
def test_a_duration_that_is_none_is_refused_where_it_is_set(name: str, value: Any):
    before = getattr(conf, name)
    with pytest.raises(SettingError, match=rf"conf\.{name} is a number of seconds, at least 0(\.001)?, not"):
        setattr(conf, name, value)
    assert getattr(conf, name) == before


def test_no_limit_is_0_or_none():
    for value in (0, None):
        with conf.set_temp("search_deadline", value):
            assert conf.search_deadline == 0


# The source keeps to the core


@cache
def functions() -> list[tuple[str, str]]:
    """Return the module and name of each function of the package, and its source."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for node in ast.walk(ast.parse(text)) if "sandbox" not in path.parts else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                module = path.relative_to(PACKAGE).with_suffix("").as_posix().removeprefix("transport/")
                found.append((f"{module}.{node.name}", "\n".join(lines[node.lineno : node.end_lineno])))
    return found


def users(pattern: str) -> set[str]:
    return {name for name, source in functions() if re.search(pattern, source)}


def test_every_function_that_hands_a_request_to_the_core_is_tested_here():
    # All requests for metadata share one function.
    makers = {"metadata._exchange" if name == "metadata.get" else name for name in CORE if "." in name}
    assert users(r"\b(Exchange|_Upload)\(") == makers


def test_requests_leave_the_package_in_two_functions():
    assert users(r"ession[()]*\.(get|put|post|patch|delete|head|options|request|send)\(") == {
        "connections.responding",
        "files/job._request",
    }
    assert (
        users(r"\brequests\.(get|put|post|request|Session)\(|\burlopen\(|ClientSession\(|create_connection\(") == set()
    )


def test_libraries_of_the_network_are_imported_by_the_core_alone():
    library = re.compile(r"^\s*(?:import|from) (aiohttp|requests|urllib3|http\.client|socket|urllib\.request)\b", re.M)
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "sandbox" not in path.parts and library.search(path.read_text(encoding="utf-8"))
    }
    core = {
        "compression",
        "connections",
        "exchange",
        "oauth2",
        "files/body",
        "files/job",
        "files/pieces",
        "files/prefix",
    }
    assert found == {f"transport/{name}.py" for name in core}


def test_the_retry_policy_is_in_one_module():
    assert users(r"\bconf\.retries\b") == {"retry.attempts"}
    assert users(r"\bbackoff\(") == {"retry.pause"}
    assert users(r"""["']Retry-After["']""") == {"retry.wait_after"}
    transport = {
        path.relative_to(PACKAGE / "transport").with_suffix("") for path in (PACKAGE / "transport").rglob("*.py")
    }
    sleeping = {name for name in users(r"\bsleep\(") if Path(name.rpartition(".")[0]) in transport}
    assert sleeping == {"retry.wait", "retry.wait_async"}


def test_the_redirect_rule_is_in_one_function():
    assert users(r"\bMAX_REDIRECTS\b") == {"urls.next_hop"}
    assert users(r"""["']Location["']""") == {"exchange._location", "files/job._next_hop", "files/job._open"}
    assert users(r"\bnext_hop\(") == {
        "exchange.once",
        *(f"files/job.{name}" for name in ("_first_address", "_next_hop")),
        "imap/files/upload._link",
    }


@core
def test_both_timeouts_are_those_of_the_settings(caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    seen: list[tuple[float, float]] = []
    send, request = requests.adapters.HTTPAdapter.send, aiohttp.ClientSession._request

    def of_requests(self: Any, *args: Any, timeout: tuple[float, float], **kwargs: Any) -> Any:
        seen.append(timeout)
        return send(self, *args, timeout=timeout, **kwargs)

    async def of_aiohttp(self: Any, *args: Any, timeout: aiohttp.ClientTimeout, **kwargs: Any) -> Any:
        seen.append((timeout.sock_connect or 0, timeout.sock_read or 0))
        return await request(self, *args, timeout=timeout, **kwargs)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", of_requests)
    monkeypatch.setattr(aiohttp.ClientSession, "_request", of_aiohttp)
    with conf.set_temp("connect_timeout", 7.0), conf.set_temp("read_timeout", 11.0), conf.set_temp("deadline", 0.0):
        with wire(answer()) as (url, _):
            caller.send(url, tmp_path)
    assert seen == [(7.0, 11.0)]


@core
def test_a_silent_server_is_left_after_the_read_timeout(caller: Caller, tmp_path: Path):
    seen: list[str] = []
    with wire(reads_all(until_left(seen))) as (url, heads), conf.set_temp("read_timeout", 0.3):
        with conf.set_temp("retries", 0), pytest.raises(HelioPluginsError, match="silent for longer than allowed"):
            caller.send(url, tmp_path)
    assert seen == ["left"]
    assert len(heads) == 1


@core
@pytest.mark.parametrize("status", [400, 403, 500, 502, 503])
def test_an_error_of_the_server_states_its_status_and_its_message(caller: Caller, status: int, tmp_path: Path):
    with wire(answer(f"{status} Oops", b"the disk is full")) as (url, _), conf.set_temp("retries", 0):
        with pytest.raises(HelioPluginsError, match=rf"{status}.*the disk is full") as caught:
            caller.send(url, tmp_path)
    kinds = {TransferError} if isinstance(caught.value, TransferError) else {ServerError, ServiceRefused}
    expected = TransferError if kinds == {TransferError} else ServerError if status >= 500 else ServiceRefused
    assert isinstance(caught.value, expected)


@pytest.mark.parametrize(("status", "is_stored"), [(200, True), (201, True), (204, True), (202, False), (206, False)])
def test_an_upload_is_stored_if_the_storage_says_so(tmp_path: Path, status: int, is_stored: bool):
    refused = contextlib.nullcontext() if is_stored else pytest.raises(ServiceError)
    body = b"" if status == 204 else GOOD
    with wire(answer(f"{status} X", body)) as (url, heads), refused:
        upload(url, tmp_path)
    assert len(heads) == 1


def test_the_deadline_of_an_upload_begins_with_its_last_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The clock is virtual: each part of the file takes 200 s, of a deadline of 300 s."""
    now = 0.0

    def take_time(size: int) -> None:
        nonlocal now
        now += 200.0

    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: now))
    path = tmp_path / "upload"
    path.write_bytes(bytes(200_000))
    with wire(answer()) as (url, heads), conf.set_temp("deadline", 300.0):
        put(url, path, archive="Test", progress=take_time)
    assert len(heads) == 1
    assert now > 600


def test_the_progress_of_an_upload_that_failed_is_taken_back(tmp_path: Path):
    path, seen = tmp_path / "upload", []
    path.write_bytes(bytes(200_000))
    with wire(answer("403 No")) as (url, _), pytest.raises(ServiceRefused):
        put(url, path, archive="Test", progress=seen.append)
    assert (sum(seen), max(seen) > 0) == (0, True)
    seen.clear()
    with wire(answer()) as (url, _):
        put(url, path, archive="Test", progress=seen.append)
    assert sum(seen) == 200_000
