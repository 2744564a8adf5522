"""Test the environment: proxies, hosts without a proxy, the netrc file, and threads and loops of the user."""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiohttp
import parfive
import pytest

from sunpy_helio_plugins import Downloader, conf
from sunpy_helio_plugins.errors import ServiceUnreachable
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.queue import enqueue
from sunpy_helio_plugins.transport.limits import budget

sys.path.insert(0, str(Path(__file__).parent))
from wire import Talk, drip, say, wire

FAR = "http://archive.example/file?x=1"


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setattr(Login, "_keyring", lambda self: None)
    with conf.set_temp("retries", 0):
        yield


def fetch(*downloads: Download, **options) -> parfive.Results:
    downloader = parfive.Downloader(progress=False, **options)
    enqueue(downloader, downloads)
    return downloader.download()


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY"])
def test_the_environments_proxy_is_used_by_searches_and_downloads(tmp_path, monkeypatch, name):
    """parfive only supports the upper-case name."""
    with wire(say(body=b"data")) as (proxy, heads), conf.set_temp("allow_http", True):
        monkeypatch.setenv(name, proxy)
        assert metadata.get(FAR, archive="Test").content == b"data"
        assert len(fetch(Download(FAR, tmp_path / "x", "Test"))) == 1
    assert [head.split(b"\r\n")[0] for head in heads] == [f"GET {FAR} HTTP/1.1".encode()] * 2


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize("value", ["127.0.0.1", "*"])
def test_hosts_that_need_no_proxy_are_asked_directly(tmp_path, monkeypatch, name, value):
    """parfive does not support them."""
    with wire(say("502 No")) as (proxy, unwanted), wire(say(body=b"data")) as (url, heads):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv(name, value)
        assert metadata.get(url, archive="Test").content == b"data"
        assert len(fetch(Download(url, tmp_path / "x", "Test"))) == 1
    assert (len(heads), unwanted) == (2, [])


def test_the_netrc_file_signs_searches_and_downloads_alike(tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    with wire(say(body=b"data")) as (elsewhere, other_heads):
        away = say("302 Found", Location=elsewhere.replace("127.0.0.1", "localhost"))
        with wire(say(body=b"data"), say(body=b"data"), away) as (url, heads):
            metadata.get(url, archive="Test")
            assert len(fetch(*[Download(url, tmp_path / name, "Test") for name in "xy"], max_conn=1)) == 2
    assert [b"Authorization: Basic bWU6bWluZQ==" in head for head in heads] == [True] * 3
    assert b"authorization" not in other_heads[0].lower()


def test_a_session_that_signs_in_itself_is_let_be(tmp_path):
    options = {"headers": {"Authorization": "Basic b3duOndvcmQ="}}
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    config = parfive.SessionConfig(aiohttp_session_generator=lambda config: aiohttp.ClientSession(**options))
    with wire(say(body=b"data")) as (url, heads):
        assert len(fetch(Download(url, tmp_path / "x", "Test"), config=config)) == 1
    assert b"Authorization: Basic b3duOndvcmQ=" in heads[0]


def busy_once() -> tuple[Talk, Talk]:
    return say("503 Busy"), say(body=b"data")


def test_a_users_session_signs_the_retry_too(tmp_path):
    config = parfive.SessionConfig(
        aiohttp_session_generator=lambda config: aiohttp.ClientSession(headers={"x-mine": "yes"})
    )
    downloader = Downloader(progress=False, config=config)
    with wire(*busy_once()) as (url, heads):
        enqueue(downloader, [Download(url, tmp_path / "x", "Test")])
        assert len(downloader.retry(downloader.download())) == 1
    assert [b"x-mine: yes" in head for head in heads] == [True, True]


def again(path: Path) -> bytes:
    with wire(*busy_once()) as (own, _):
        downloader = Downloader(progress=False)
        enqueue(downloader, [Download(own, path, "Test")])
        downloader.retry(downloader.download())
    return path.read_bytes()


def test_what_failed_is_fetched_again_where_an_event_loop_runs(tmp_path):
    async def notebook() -> bytes:
        return again(tmp_path / "x")

    assert asyncio.run(notebook()) == b"data"


def test_threads_fetch_at_once(tmp_path):
    with wire(say(body=b"data")) as (url, heads), ThreadPoolExecutor(6) as pool:
        jobs = [Download(f"{url}/{n}", tmp_path / str(n), "Test") for n in range(12)]
        results = list(pool.map(fetch, jobs))
    assert [list(result) for result in results] == [[str(job.target)] for job in jobs]
    assert len(heads) == 12


def test_threads_that_want_one_file_get_it_whole(tmp_path):
    body = os.urandom(300_000)
    with wire(say(body=body)) as (url, _), ThreadPoolExecutor(6) as pool:
        results = list(pool.map(fetch, [Download(url, tmp_path / "x", "Test")] * 6))
    assert [list(result) for result in results] == [[str(tmp_path / "x")]] * 6
    assert (tmp_path / "x").read_bytes() == body
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files are counted where Linux lists them")
def test_many_downloads_leave_no_open_files(tmp_path):
    """parfive leaves its loops open, three files each."""
    with wire(say(body=b"data")) as (url, _):
        fetch(Download(url, tmp_path / "first", "Test"))
        before = len(os.listdir("/proc/self/fd"))
        for number in range(10):
            fetch(Download(url, tmp_path / str(number), "Test"))
        assert len(os.listdir("/proc/self/fd")) <= before + 5


def test_the_deadline_holds_behind_a_proxy(monkeypatch):
    """Without it, each byte of a header would begin the timeout anew."""
    ended = []
    with (
        wire(drip(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 3000, 0.01, ended)) as (proxy, heads),
        conf.set_temp("allow_http", True),
        budget(0.5),
    ):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        with pytest.raises(ServiceUnreachable, match=r"within 0\.5 s, see conf\.search_deadline"):
            metadata.get(FAR, archive="Test")
    assert (len(heads), ended) == (1, [])
