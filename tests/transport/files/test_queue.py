"""Test signals during downloads: the queue ends, complete files are told, and the signal is delivered."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from parfive import Results

from sunpy_helio_plugins import Downloader, conf
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.transport.files import queue
from sunpy_helio_plugins.transport.files.queue import Download, downloaded, enqueue

sys.path.insert(0, str(Path(__file__).parents[1]))
from wire import say, wire

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


@pytest.fixture(autouse=True)
def _handlers():
    """Set the handlers of the start of Python, also if the tests run in the background of a shell."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with conf.set_temp("retries", 0):
        yield
    for number, handler in before.items():
        signal.signal(number, handler)


def killing(number: signal.Signals):
    """Return a server that completes the files a, and sends a signal to this process in the middle of the others."""
    complete = say(body=b"data")

    def answer(connection: socket.socket, head: bytes) -> None:
        if head.startswith(b"GET /a"):
            complete(connection, head)
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        os.kill(os.getpid(), number)
        connection.recv(1)

    return answer


def queue_of(url: str, folder: Path, names: str) -> Downloader:
    downloader = Downloader(progress=False, max_conn=1)
    enqueue(downloader, [Download(f"{url}/{name}", folder / name, "Test") for name in names])
    return downloader


@pytest.mark.parametrize("names", ["ab", "abcdef"])
def test_an_interrupt_is_raised_after_the_complete_files_are_noted(tmp_path, names):
    noted, handler = [], signal.getsignal(signal.SIGINT)
    with wire(killing(signal.SIGINT)) as (url, heads), pytest.raises(KeyboardInterrupt):
        with downloaded(queue_of(url, tmp_path, names)) as results:
            noted += results
    assert noted == [str(tmp_path / "a")]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert len(heads) == 2
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_request_to_end_is_delivered_to_the_handler_that_was_set(tmp_path):
    caught = []

    def handler(number, frame):
        caught.append(number)

    signal.signal(signal.SIGTERM, handler)
    with wire(killing(signal.SIGTERM)) as (url, _), downloaded(queue_of(url, tmp_path, "ab")) as results:
        assert (list(results), caught) == ([str(tmp_path / "a")], [])
        assert str(results.errors[0].exception) == "b: interrupted"
    assert caught == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is handler


def test_a_signal_that_is_ignored_stays_ignored(tmp_path):
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def answer(connection: socket.socket, head: bytes) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        say(body=b"data")(connection, head)

    with wire(answer) as (url, _), downloaded(queue_of(url, tmp_path, "bc")) as results:
        assert list(map(Path, results)) == [tmp_path / "b", tmp_path / "c"]
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_a_failure_of_the_block_does_not_hide_the_interrupt(tmp_path):
    with wire(killing(signal.SIGINT)) as (url, _), pytest.raises(KeyboardInterrupt) as raised:
        with downloaded(queue_of(url, tmp_path, "b")):
            raise OSError("full")
    assert str(raised.value.__context__) == "full"


def test_the_handlers_are_those_of_before_a_download_without_signals(tmp_path):
    def handler(number, frame):
        pass

    signal.signal(signal.SIGINT, handler)
    with wire(say(body=b"data")) as (url, _), downloaded(queue_of(url, tmp_path, "a")) as results:
        assert len(results) == 1
    assert signal.getsignal(signal.SIGINT) is handler


def test_an_interrupt_in_a_running_loop_is_raised_as_in_a_notebook(tmp_path):
    noted = []

    async def cell(url: str) -> None:
        with downloaded(queue_of(url, tmp_path, "ab")) as results:
            noted.extend(results)

    loop = asyncio.new_event_loop()
    with wire(killing(signal.SIGINT)) as (url, _), pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(cell(url))
    loop.close()
    assert noted == [str(tmp_path / "a")]


def test_an_empty_queue_is_not_run():
    with downloaded(Downloader(progress=False)) as results:
        assert list(results) == []


def test_a_download_of_the_user_returns_what_is_complete(tmp_path):
    with wire(killing(signal.SIGINT)) as (url, _):
        results = queue_of(url, tmp_path, "ab").download()
    assert list(results) == [str(tmp_path / "a")]
    assert str(results.errors[0].exception) == "b: interrupted"


@pytest.mark.parametrize("url", [None, "", " ", 5, ["https://a.example"]])
def test_a_file_without_an_address_is_refused(url):
    with pytest.raises(QueryError, match=r"^Downloader\.enqueue_file takes the address of a file as url, not "):
        Downloader(progress=False).enqueue_file(url, path="x")


def replace_run(monkeypatch, error, signals=()):
    def run(downloader):
        for number in signals:
            downloader._interrupts.caught = number
        raise error

    monkeypatch.setattr(queue, "_run", run)


def test_an_interrupt_before_the_download_began_is_raised_after_the_block(tmp_path, monkeypatch):
    replace_run(monkeypatch, asyncio.CancelledError())
    noted = []
    with pytest.raises(KeyboardInterrupt):
        with downloaded(queue_of("http://127.0.0.1:9", tmp_path, "ab")) as results:
            noted.append(list(results))
    assert noted == [[]]


def test_files_that_were_cancelled_before_they_began_are_not_an_error(tmp_path, monkeypatch):
    """parfive raises an error of types then."""
    replace_run(monkeypatch, TypeError("of parfive"), [signal.SIGINT])
    noted = []
    with pytest.raises(KeyboardInterrupt):
        with downloaded(queue_of("http://127.0.0.1:9", tmp_path, "ab")) as results:
            noted.append(list(results))
    assert noted == [[]]


def test_another_error_of_types_is_not_hidden(tmp_path, monkeypatch):
    replace_run(monkeypatch, TypeError("of parfive"))
    with pytest.raises(TypeError, match="of parfive"):
        with downloaded(queue_of("http://127.0.0.1:9", tmp_path, "ab")):
            pass


class Other:
    """A downloader that has no queue of functions, and stores what it is given."""

    config = SimpleNamespace(overwrite=False)

    def __init__(self):
        self.given = []

    def enqueue_file(self, url, **options):
        self.given.append((url, options))

    def run_download(self):
        raise NotImplementedError

    def download(self):
        raise NotImplementedError


def test_a_downloader_of_another_kind_gets_addresses_and_names(tmp_path):
    (tmp_path / "a").write_bytes(b"damaged")
    (tmp_path / "b").write_bytes(b"whole")
    other, url = Other(), "http://127.0.0.1:9"
    names = {"a": lambda path: False, "b": lambda path: True, "c": lambda path: False, "d": None}
    enqueue(
        other, [Download(f"{url}/{name}", tmp_path / name, "Test", is_complete=test) for name, test in names.items()]
    )
    assert other.given == [
        (f"{url}/{name}", {"filename": str(tmp_path / name), "overwrite": name == "a", "max_splits": 1})
        for name in "abcd"
    ]


def test_a_loop_that_still_runs_is_left_open():
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    class Notebook:
        """A Downloader whose download runs in the loop of a notebook."""

        async def run_download(self):
            return Results()

        def download(self):
            return asyncio.run_coroutine_threadsafe(self.run_download(), loop).result()

    made = Notebook()
    queue._adapt(made)
    made.download()
    assert loop.is_running()
    assert not loop.is_closed()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
