"""Test that the limits of a server hold for all workers."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import distributed
import pytest

from sunpy_helio_plugins import Downloader, conf
from sunpy_helio_plugins.cluster import turns
from sunpy_helio_plugins.cluster.tasks import Task, completed
from sunpy_helio_plugins.errors import ServiceError
from sunpy_helio_plugins.transport import limits, metadata
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.queue import enqueue


class Counting(ThreadingHTTPServer):
    """A server that counts the requests that it answers at the same time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.lock, self.now, self.most, self.busy = threading.Lock(), 0, 0, 0
        self.times: list[float] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Counting

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.now += 1
            self.server.most = max(self.server.most, self.server.now)
            self.server.times.append(time.monotonic())
            is_busy, self.server.busy = self.server.busy > 0, self.server.busy - 1
        time.sleep(0.02)
        with self.server.lock:
            self.server.now -= 1
        self.send_response(503 if is_busy else 200)
        if is_busy:
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *given: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Counting]:
    with Counting() as found, conf.set_temp("allow_http", True):
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def ask(url: str) -> Any:
    return metadata.get(url, archive="test").json()


@pytest.mark.parametrize("most", [1, 2, 3])
def test_the_workers_together_send_as_many_requests_as_allowed(
    client: distributed.Client, server: Counting, most: int
) -> None:
    urls = [f"{server.url}/{number}" for number in range(12)]
    assert [result for _, result in completed(client, Task(ask, most), urls)] == [{}] * 12
    assert server.most <= most


@pytest.mark.exhaustive
def test_processes_share_the_limit(processes: distributed.Client, server: Counting) -> None:
    urls = [f"{server.url}/{number}" for number in range(8)]
    assert dict(completed(processes, Task(ask, 1), urls)) == {number: {} for number in range(8)}
    assert server.most == 1


def test_a_wait_that_a_server_asks_for_holds_for_all_workers(client: distributed.Client, server: Counting) -> None:
    server.busy = 1
    urls = [f"{server.url}/{number}" for number in range(4)]
    assert dict(completed(client, Task(ask, 1), urls)) == {number: {} for number in range(4)}
    first, *others = server.times
    assert min(others) - first >= 0.9


def test_a_wait_beyond_the_deadline_is_not_waited_for(client: distributed.Client, server: Counting) -> None:
    server.busy = 2
    with conf.set_temp("deadline", 0.5), conf.set_temp("retries", 0):
        found = dict(completed(client, Task(ask, 1), [f"{server.url}/1"]))
        assert isinstance(found[0], ServiceError)
        found = dict(completed(client, Task(ask, 1), [f"{server.url}/2"]))
        assert isinstance(found[0], ServiceError)


def test_the_turns_of_closed_clients_are_forgotten(thread_cluster: distributed.LocalCluster, server: Counting) -> None:
    for _ in range(3):
        with distributed.Client(thread_cluster, set_as_default=True) as made:
            dict(completed(made, Task(ask, 1), [f"{server.url}/{number}" for number in range(4)]))
    with distributed.Client(thread_cluster, set_as_default=True) as made:
        dict(completed(made, Task(ask, 1), [f"{server.url}/1"]))
        assert {client for _, client, _ in turns._known} == {made.id}


def test_outside_of_a_cluster_there_are_no_turns(server: Counting) -> None:
    assert Task(ask, 1)(f"{server.url}/1") == {}
    with limits.turn(server.url):
        limits.postpone(server.url, 100.0)
    assert ask(server.url) == {}


class Turns:
    """Turns that are counted."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended = 0
        self.asked: list[float] = []

    def turn(self, url: str) -> Any:
        self.begun.append(url)
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.ended += 1

    def postpone(self, url: str, seconds: float) -> None:
        self.asked.append(seconds)


def test_requests_for_files_take_turns_as_well(server: Counting, tmp_path: Any) -> None:
    turns = Turns()
    server.busy = 1
    downloader = Downloader(progress=False)
    enqueue(downloader, [Download(f"{server.url}/{name}", tmp_path / name, archive="test") for name in ("a", "b")])
    with limits.taking_turns(turns):
        results = downloader.download()
    assert sorted(one.rpartition("/")[2] for one in results) == ["a", "b"]
    assert len(turns.begun) == turns.ended == 3
    assert turns.asked == [1.0]


def test_only_a_later_time_replaces_that_of_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, float] = {}
    made = SimpleNamespace(set=lambda *given: kept.update({"until": given[0]} if given else {}))
    monkeypatch.setattr(distributed, "Variable", lambda *_: made)
    monkeypatch.setattr(distributed, "Event", lambda *_: made)
    monkeypatch.setattr(turns.time, "time", lambda: 1000.0)
    monkeypatch.setattr(turns.ClusterTurns, "_until", lambda *_: kept.get("until", 0.0))
    found = turns.ClusterTurns(SimpleNamespace(loop=None, scheduler=None), None, 1)
    found.postpone("https://a/x", 10)
    found.postpone("https://a/y", 5)
    assert kept == {"until": 1010.0}


def test_a_worker_waits_as_long_as_the_server_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(turns.time, "time", lambda: 1000.0 + sum(waited))
    monkeypatch.setattr(turns.time, "sleep", waited.append)
    monkeypatch.setattr(turns.ClusterTurns, "_until", lambda *_: 1003.0)
    found = turns.ClusterTurns(SimpleNamespace(loop=None, scheduler=None), None, 1)
    found._wait("a", SimpleNamespace(left=lambda: 60.0))  # type: ignore[arg-type]
    assert waited == [3.0]
    waited.clear()
    found._wait("a", SimpleNamespace(left=lambda: 1.0))  # type: ignore[arg-type]
    assert waited == []


def test_without_dask_there_are_no_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "distributed")
    assert turns.turns_of_worker(1) is None
