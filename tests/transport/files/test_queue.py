"""Test signals during downloads: the queue ends, complete files are told, and the signal is delivered."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from sunpy_helio_plugins import Downloader, conf
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
