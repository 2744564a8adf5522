"""Test retries, immediately or when the user requests them."""

from __future__ import annotations

import pickle
import sys
import time
from pathlib import Path

import aiohttp
import parfive
import pytest
from sunpy.net import Fido

import sunpy_helio_plugins
from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.transport import retry
from sunpy_helio_plugins.transport.credentials import Login, signed_in
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.queue import enqueue

sys.path.insert(0, str(Path(__file__).parent))
from wire import hang_up, say, until_left, wire


def fetch(*downloads: Download, **options) -> parfive.Results:
    downloader = parfive.Downloader(progress=False, **options)
    enqueue(downloader, downloads)
    return downloader.download()


def accept_new(part: Path) -> None:
    if part.read_bytes() != b"new":
        raise FileError("that is not the new one")


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


def test_a_passing_refusal_is_tried_again_after_the_time_it_asks_for(tmp_path, waits):
    with wire(say("429 Slow down", Retry_After="7"), say(body=b"data")) as (url, heads):
        assert len(fetch(Download(url, tmp_path / "x", "Test"))) == 1
    assert waits == [7]
    assert len(heads) == 2


@pytest.mark.parametrize("fault", [hang_up, say(body=b"half", Content_Length="100"), say("503 Busy")])
def test_a_lost_connection_is_tried_again(tmp_path, fault):
    with wire(fault, say(body=b"data")) as (url, _):
        assert len(fetch(Download(url, tmp_path / "x", "Test"))) == 1
    assert (tmp_path / "x").read_bytes() == b"data"


def test_no_wait_passes_the_deadline(tmp_path, waits):
    with wire(say("503 Busy", Retry_After="86400")) as (url, heads), conf.set_temp("deadline", 30.0):
        assert len(fetch(Download(url, tmp_path / "x", "Test")).errors) == 1
    assert waits == [None]
    assert len(heads) == 1


def test_what_will_not_change_is_not_tried_again(tmp_path):
    with wire(say("404 No")) as (url, heads):
        fetch(Download(url, tmp_path / "x", "Test"))
    assert len(heads) == 1


def test_our_downloader_fetches_again_in_full(tmp_path):
    with wire(say(body=b"old"), say(body=b"new")) as (url, heads), signed_in("test", "key"):
        login = Login("test", url, "header", header="x-api-key")
        asked = Download(url + "/file", tmp_path / "x", "Test", accept_new, {"x-more": "1"}, login)
        failed = pickle.loads(pickle.dumps(fetch(asked)))
        assert [str(error.exception) for error in failed.errors] == ["x: that is not the new one"]
        results = Fido.fetch(failed, downloader=sunpy_helio_plugins.Downloader(progress=False))
    assert list(results) == [str(tmp_path / "x")]
    assert not results.errors
    assert (tmp_path / "x").read_bytes() == b"new"
    assert all(b"x-api-key: key" in head and b"x-more: 1" in head for head in heads)


def test_a_plain_retry_says_what_to_do_and_puts_nothing_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with wire(say("404 No"), say(body=b"something")) as (url, _):
        failed = fetch(Download(url + "/file", tmp_path / "x", "Test"))
        results = Fido.fetch(failed, progress=False)
    assert "downloader=sunpy_helio_plugins.Downloader()" in str(results.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


def test_our_downloader_does_what_parfives_does(tmp_path):
    with wire(say(body=b"data", Accept_Ranges="none")) as (url, _):
        downloader = sunpy_helio_plugins.Downloader(progress=False)
        downloader.enqueue_file(url + "/plain", path=tmp_path)
        assert list(downloader.download()) == [str(tmp_path / "plain")]


def test_a_users_callbacks_session_and_subclass_keep_their_meaning(tmp_path):
    told: list[tuple] = []
    sessions: list[aiohttp.ClientSession] = []

    def make(config):
        sessions.append(aiohttp.ClientSession(headers={"x-mine": "yes"}))
        return sessions[-1]

    class Mine(parfive.Downloader):
        """A subclass defined by a user."""

    options = parfive.SessionConfig(aiohttp_session_generator=make, done_callbacks=[lambda *args: told.append(args)])
    with wire(say(body=b"data"), say("404 No")) as (url, heads):
        downloader = Mine(progress=False, max_conn=1, config=options)
        enqueue(downloader, [Download(f"{url}/{n}", tmp_path / str(n), "Test") for n in range(2)])
        downloader.download()
    assert len(sessions) == 1
    assert all(b"x-mine: yes" in head for head in heads)
    assert [(Path(path).name, error is None) for path, _, error in told] == [("0", True), ("1", False)]


def test_a_users_timeouts_hold(tmp_path):
    options = parfive.SessionConfig(timeouts=aiohttp.ClientTimeout(total=0.5))
    seen = []
    with wire(until_left(seen)) as (url, _), conf.set_temp("retries", 0):
        assert len(fetch(Download(url, tmp_path / "x", "Test"), config=options).errors) == 1
    assert seen == ["left"]


def test_a_proxy_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    with wire(say(body=b"data")) as (proxy, heads):
        options = parfive.SessionConfig(http_proxy=proxy)
        results = fetch(Download("http://localhost:9/file", tmp_path / "x", "Test"), config=options)
    assert len(results) == 1
    assert heads[0].startswith(b"GET http://localhost:9/file ")


def test_a_compressed_body_that_nobody_asked_for_is_capped(tmp_path):
    import gzip

    bomb = gzip.compress(b"\0" * 30_000_000)
    with wire(say(body=bomb, Content_Encoding="gzip")) as (url, _):
        results = fetch(Download(url, tmp_path / "x", "Test"))
    assert "file is larger than" in str(results.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


def test_files_come_in_the_order_of_their_rows(tmp_path):
    def slowly(connection, head):
        time.sleep(0.3)
        say(body=b"data")(connection, head)

    with wire(slowly, say(body=b"data")) as (url, _):
        results = fetch(*[Download(f"{url}/{n}", tmp_path / str(n), "Test") for n in range(6)])
    assert [Path(path).name for path in results] == list("012345")


def test_parfives_environment_holds(tmp_path, monkeypatch):
    monkeypatch.setenv("PARFIVE_TOTAL_TIMEOUT", "0.5")
    seen = []
    with wire(until_left(seen)) as (url, _), conf.set_temp("retries", 0):
        assert len(fetch(Download(url, tmp_path / "x", "Test")).errors) == 1
    assert seen == ["left"]


def test_threads_fetch_again_too(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    def again(number: int) -> list[str]:
        with wire(say("404 No"), say(body=b"new")) as (url, _):
            failed = fetch(Download(f"{url}/{number}", tmp_path / str(number), "Test", accept_new))
            return list(Fido.fetch(failed, downloader=sunpy_helio_plugins.Downloader(progress=False)))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(again, range(4))) == [[str(tmp_path / str(number))] for number in range(4)]
