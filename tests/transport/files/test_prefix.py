"""Test the download of the beginnings of files, from servers with and without range requests."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

import parfive
import pytest

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import ServiceError
from sunpy_helio_plugins.transport.files import prefix
from sunpy_helio_plugins.transport.files.queue import enqueue

sys.path.insert(0, str(Path(__file__).parents[1]))
from wire import Talk, drip, say, wire

BODY = bytes(range(256)) * 4


@pytest.fixture(autouse=True)
def _one_attempt():
    with conf.set_temp("retries", 0):
        yield


def parts(connection: socket.socket, head: bytes) -> None:
    """Send the requested part, or the complete body."""
    wish = re.search(rb"(?i)range: bytes=(\d+)-(\d+)", head)
    if wish is None:
        say(body=BODY)(connection, head)
        return
    start, end = map(int, wish.groups())
    piece = BODY[start : end + 1]
    told = f"bytes {start}-{start + len(piece) - 1}/{len(BODY)}"
    say("206 Partial Content", piece, Content_Range=told, ETag='"one"')(connection, head)


def part(told: str, body: bytes) -> Talk:
    return say("206 Partial Content", body, Content_Range=told)


def fetch(url: str, folder: Path, needed=lambda head: 300) -> parfive.Results:
    downloader = parfive.Downloader(progress=False)
    enqueue(downloader, [prefix.PrefixDownload(url, folder / "x", "Test", first=100, needed=needed)])
    return downloader.download()


def fetch_parts(url: str, folder: Path, spans, needed=lambda head: 100) -> parfive.Results:
    downloader = parfive.Downloader(progress=False)
    wanted = prefix.PrefixDownload(url, folder / "x", "Test", first=100, needed=needed, parts=lambda head: spans)
    enqueue(downloader, [wanted])
    return downloader.download()


def ranges(heads: list[bytes]) -> list[bytes]:
    return [found[1] for head in heads if (found := re.search(rb"(?i)\r\nrange: bytes=(.*?)\r\n", head))]


def test_parts_are_written_at_their_places(tmp_path):
    with wire(parts) as (url, heads):
        assert list(fetch_parts(url, tmp_path, [(50, 120), (300, 310), (900, 1024)])) == [str(tmp_path / "x")]
    found = (tmp_path / "x").read_bytes()
    assert found == BODY[:120] + bytes(180) + BODY[300:310] + bytes(590) + BODY[900:]
    assert ranges(heads) == [b"0-99", b"100-119", b"300-309", b"900-1023"]
    assert all(b'if-range: "one"' in head.lower() for head in heads[1:])


@pytest.mark.parametrize("spans", [[], [(0, 100)], [(20, 50), (60, 90)]])
def test_parts_within_the_beginning_are_not_asked_for_again(tmp_path, spans):
    with wire(parts) as (url, heads):
        fetch_parts(url, tmp_path, spans)
    assert (tmp_path / "x").read_bytes() == BODY[:100]
    assert ranges(heads) == [b"0-99"]


@pytest.mark.parametrize("spans", [None, [(300, 1025)]])
def test_without_parts_or_beyond_the_end_the_file_comes_whole(tmp_path, spans):
    with wire(parts) as (url, _):
        fetch_parts(url, tmp_path, spans)
    assert (tmp_path / "x").read_bytes() == BODY


def test_parts_are_asked_for_once_the_beginning_is_sufficient(tmp_path):
    with wire(parts) as (url, heads):
        fetch_parts(url, tmp_path, [(500, 510)], needed=lambda head: 160)
    assert ranges(heads) == [b"0-99", b"100-159", b"500-509"]


def test_a_file_that_is_replaced_between_parts_comes_whole(tmp_path):
    with wire(parts, parts, say(body=b"another file")) as (url, _):
        fetch_parts(url, tmp_path, [(300, 310), (500, 510)])
    assert (tmp_path / "x").read_bytes() == b"another file"


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (part("bytes 300-309/1025", BODY[300:310]), "changed from 1024 to 1025 bytes"),
        (part("bytes 300-304/1024", BODY[300:305]), "the bytes 300 to 309 were requested, and 5 came"),
        (part("bytes 300-309/1024", BODY[300:305]), "5 of 10 bytes"),
        (part("bytes 301-310/1024", BODY[301:311]), "requested, not bytes 301-310/1024"),
        (say("503 Busy", b"later"), "later"),
    ],
)
def test_parts_that_do_not_come_are_no_file(tmp_path, talk, words):
    with wire(parts, talk) as (url, _):
        results = fetch_parts(url, tmp_path, [(300, 310)])
    assert words in str(results.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_does_not_tell_the_size_gives_the_whole_file(tmp_path):
    with wire(part("bytes 0-99/*", BODY[:100]), say(body=BODY)) as (url, _):
        fetch_parts(url, tmp_path, [(300, 310)])
    assert (tmp_path / "x").read_bytes() == BODY


def test_only_what_is_needed_is_asked_for(tmp_path):
    with wire(parts) as (url, heads):
        assert list(fetch(url, tmp_path)) == [str(tmp_path / "x")]
    assert (tmp_path / "x").read_bytes() == BODY[:300]
    assert [re.search(rb"(?i)\r\nrange: (.*?)\r\n", head)[1] for head in heads] == [b"bytes=0-99", b"bytes=100-299"]
    assert b'if-range: "one"' in heads[1].lower()


def test_where_only_the_whole_will_do_it_comes_whole(tmp_path):
    with wire(parts) as (url, _):
        fetch(url, tmp_path, lambda head: None)
    assert (tmp_path / "x").read_bytes() == BODY


@pytest.mark.parametrize("talks", [(say(body=BODY),), (parts, say(body=BODY))])
def test_a_server_that_ignores_the_wish_gives_the_whole_file(tmp_path, talks):
    """parfive would write the complete body at the position of each part."""
    with wire(*talks) as (url, heads):
        assert len(fetch(url, tmp_path)) == 1
    assert (tmp_path / "x").read_bytes() == BODY
    assert len(heads) == len(talks)


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (part("bytes 50-149/1024", BODY[:100]), "requested, not bytes 50-149/1024"),
        (part("", BODY[:100]), "requested, not an unknown part"),
        (part("bytes 0-99/1024", b""), "0 of 100 bytes"),
        (part("bytes 0-99/1024", BODY[:50]), "50 of 100 bytes"),
        (part("bytes 0-99/1024", BODY), "part is larger than 100 bytes"),
        (say("416 No", b"not that part"), "not that part"),
    ],
)
def test_another_part_than_the_one_asked_for_is_no_file(tmp_path, talk, words):
    with wire(talk) as (url, _):
        results = fetch(url, tmp_path)
    assert words in str(results.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_replaced_meanwhile_is_no_mixture(tmp_path):
    with wire(parts, say(body=b"another file")) as (url, _):
        fetch(url, tmp_path)
    assert (tmp_path / "x").read_bytes() == b"another file"


def test_a_part_that_nobody_asked_for_is_refused(tmp_path):
    from sunpy_helio_plugins.transport.files.job import Download

    with wire(part("bytes 0-99/1024", BODY[:100])) as (url, _):
        downloader = parfive.Downloader(progress=False)
        enqueue(downloader, [Download(url, tmp_path / "x", "Test")])
        assert "206" in str(downloader.download().errors[0].exception)
    assert list(tmp_path.iterdir()) == []


def test_a_redirect_out_of_tls_or_with_a_name_in_it_is_not_followed_blindly(tmp_path):
    with wire(parts) as (there, heads), wire(say("302 Found", Location=there.replace("//", "//me:word@"))) as (url, _):
        assert len(fetch(url, tmp_path)) + len(fetch(url, tmp_path / "in")) == 2
    assert heads
    assert not [head for head in heads if b"authorization" in head.lower()]


@pytest.mark.parametrize("talk", [parts, say(body=BODY)])
def test_the_head_of_a_file_is_read_and_no_more(talk):
    with wire(talk) as (url, heads):
        assert prefix.head(url, 100, archive="Test") == BODY[:100]
    assert b"range: bytes=0-99" in heads[0].lower()


def test_a_head_that_drips_ends():
    ended = []
    slow = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n" + bytes(3000), 0.01, ended)
    with wire(slow) as (url, _), conf.set_temp("deadline", 1.0):
        with pytest.raises(ServiceError, match=r"within 1 s, see conf\.deadline"):
            prefix.head(url, 2000, archive="Test")
    assert ended == []


def test_without_a_wish_the_complete_file_is_needed():
    assert prefix._no_need(b"beginning") is None
