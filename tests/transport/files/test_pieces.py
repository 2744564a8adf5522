"""Test downloads from another URL or in pieces, if a server refuses a file as requested."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import parfive
import pytest

from sunpy_helio_plugins import Downloader, conf
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.transport.files.pieces import PiecedDownload
from sunpy_helio_plugins.transport.files.queue import enqueue
from sunpy_helio_plugins.transport.retry import RefusedError

sys.path.insert(0, str(Path(__file__).parents[1]))
from wire import Talk, say, wire


@pytest.fixture(autouse=True)
def _one_attempt(request: pytest.FixtureRequest) -> Iterator[None]:
    with conf.set_temp("retries", 2 if "again" in request.node.name else 0):
        yield


def letters(url: str, text: str, target: Path, longest: int) -> PiecedDownload:
    """Return the file of some letters, of which the server below sends a limited number at a time."""
    return PiecedDownload(
        f"{url}/{text}", target, "Letters", accept=not_empty, instead=partial(halves, url, text, target, longest)
    )


def not_empty(part: Path) -> None:
    if not part.stat().st_size:
        raise FileError("nothing came")


def halves(url: str, text: str, target: Path, longest: int, failure: Exception) -> list[PiecedDownload]:
    if not isinstance(failure, RefusedError) or failure.status != 413 or len(text) < 2:
        return []
    middle = len(text) // 2
    return [letters(url, part, target, longest) for part in (text[:middle], text[middle:])]


def spell(longest: int) -> Talk:
    def talk(connection: socket.socket, head: bytes) -> None:
        text = head.split()[1].strip(b"/")
        (say("413 Too Much", b"too long") if len(text) > longest else say(body=text))(connection, head)

    return talk


def fetch(download: PiecedDownload, **options: object) -> parfive.Results:
    downloader = parfive.Downloader(progress=False, **options)
    enqueue(downloader, [download])
    return downloader.download()


def test_what_is_refused_arrives_in_halves_of_halves_as_one_file(tmp_path: Path) -> None:
    with wire(spell(2)) as (url, heads):
        results = fetch(letters(url, "abcdefg", tmp_path / "x", 2))
    assert results.errors == []
    assert list(results) == [str(tmp_path / "x")]
    assert (tmp_path / "x").read_bytes() == b"abcdefg"
    assert results.urls == [f"{url}/abcdefg"]
    assert len(heads) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_piece_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with wire(say("413 Too Much"), say(body=b"a"), say("404 Not Found", b"no such letter")) as (url, _):
        results = fetch(letters(url, "ab", tmp_path / "x", 1))
    assert list(results) == []
    assert "answered 404: no such letter" in str(results.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_for_which_there_is_nothing_else_stands(tmp_path: Path) -> None:
    with wire(say("413 Too Much", b"too long")) as (url, heads):
        results = fetch(letters(url, "abcd", tmp_path / "x", 0))
    assert "answered 413: too long" in str(results.errors[0].exception)
    assert len(heads) == 3


def test_what_came_and_was_refused_here_may_be_had_otherwise(tmp_path: Path) -> None:
    def other(failure: Exception) -> list[PiecedDownload]:
        assert str(failure) == "nothing came"
        return [PiecedDownload(f"{url}/other", tmp_path / "y", "Letters")]

    with wire(say(body=b""), say(body=b"data")) as (url, _):
        results = fetch(PiecedDownload(f"{url}/x", tmp_path / "x", "Letters", accept=not_empty, instead=other))
    assert list(results) == [str(tmp_path / "x")]
    assert (tmp_path / "x").read_bytes() == b"data"


def test_a_piece_is_asked_for_again_as_often_as_a_file(tmp_path: Path) -> None:
    busy = say("503 Busy", b"later", Retry_After="0")
    with wire(say("413 Too Much"), busy, busy, say(body=b"a"), say(body=b"b")) as (url, heads):
        results = fetch(letters(url, "ab", tmp_path / "x", 1))
    assert (tmp_path / "x").read_bytes() == b"ab"
    with wire(say("413 Too Much"), busy) as (url, heads):
        results = fetch(letters(url, "ab", tmp_path / "y", 1))
    assert "answered 503: later" in str(results.errors[0].exception)
    assert len(heads) == 4


def test_a_file_in_pieces_can_be_fetched_again_in_full(tmp_path: Path) -> None:
    with wire(say("413 Too Much"), say("404 Not Found"), spell(1)) as (url, _):
        downloader = Downloader(progress=False)
        enqueue(downloader, [letters(url, "ab", tmp_path / "x", 1)])
        failed = downloader.download()
        assert len(failed.errors) == 1
        results = downloader.retry(failed)
    assert results.errors == []
    assert (tmp_path / "x").read_bytes() == b"ab"
