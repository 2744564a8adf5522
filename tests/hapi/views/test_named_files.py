"""Test that columns of URLs are checked for files of the wrong type."""

from __future__ import annotations

import bz2
import gzip
import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sunpy.net import Fido

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.records.fetch import _is_accepted, accept, files
from sunpy_helio_plugins.transport.files.job import Job

sys.path.insert(0, str(Path(__file__).parents[2] / "transport"))
from wire import say, wire

PAGE = b"\n<!DOCTYPE html><html><body><h1>Please log in</h1></body></html>"
MESSAGE = b'{"HAPI":"3.0","status":{"code":1500,"message":"tape lost"}}'


def _accept(folder: Path, body: bytes, name: str, kind: str = "") -> None:
    (folder / "part").write_bytes(body)
    accept(folder / "part", name, kind)


@pytest.mark.parametrize(
    ("body", "name", "kind", "words"),
    [
        (b"", "x.fits", "", "an empty file came"),
        (b"", "x", "", "an empty file came"),
        (PAGE, "x.fits", "", "Please log in"),
        (PAGE, "x", "image/fits", "Please log in"),
        (PAGE, "x", "application/x-cdf; charset=binary", "Please log in"),
        (MESSAGE, "x.jp2", "", "tape lost"),
        (MESSAGE, "x", "image/png", "tape lost"),
        (b"Sorry, not now", "x.fits", "image/fits", "does not begin as files of the type image/fits"),
    ],
)
def test_what_is_not_the_file_is_refused(tmp_path: Path, body: bytes, name: str, kind: str, words: str) -> None:
    with pytest.raises(FileError, match=words):
        _accept(tmp_path, body, name, kind)


@pytest.mark.parametrize(
    ("body", "name", "kind"),
    [
        (b"SIMPLE  =                    T", "x.fits", "image/fits"),
        (gzip.compress(b"SIMPLE  =                    T", mtime=0), "x.fits.gz", "image/fits"),
        (b"\xcd\xf3\x00\x01\x00\x00\xff\xff", "x", "application/x-cdf"),
        (PAGE, "x.html", ""),
        (PAGE, "x", "text/html"),
        # These cannot be checked.
        (PAGE, "x", ""),
        (MESSAGE, "x", ""),
        (MESSAGE, "x.json", ""),
        (b"anything", "x.dat", "application/x-unheard-of"),
        (b"an old netCDF file under another name", "x.cdf", ""),
    ],
)
def test_what_may_be_the_file_is_kept(tmp_path: Path, body: bytes, name: str, kind: str) -> None:
    _accept(tmp_path, body, name, kind)


@pytest.mark.parametrize("name", ["x.fits.gz", "x.bz2", "x"])
def test_a_compressed_file_that_is_cut_or_damaged_is_refused(tmp_path: Path, name: str) -> None:
    body = (bz2 if name == "x.bz2" else gzip).compress(b"SIMPLE  =                    T" * 40)
    _accept(tmp_path, body, name, "")
    for damaged in (body[:-1], body[:-9], body[:20], body[:30] + b"x" + body[31:], body + b"x", body + body[:9]):
        with pytest.raises(FileError, match=rf"{name}: .*the (end of the )?compressed stream"):
            _accept(tmp_path, damaged, name, "")


def _records(url: str, server: str, kind: str | None = None) -> bytes:
    """Return records of one address, which state their server as fetched files do."""
    uri = {"mediaType": kind} if kind else {}
    parameters = [
        {"name": "Time", "type": "isotime", "length": 20},
        {"name": "image", "type": "string", "length": 120, "stringType": {"uri": uri}},
    ]
    head = {"HAPI": "3.0", "format": "csv", "parameters": parameters, "x_origin": {"server": server, "dataset": "d"}}
    return f"#{json.dumps(head)}\n2026-01-10T00:00:00Z,{url}\n".encode()


@pytest.mark.parametrize(
    ("url", "server", "problem"),
    [
        ("http://127.0.0.1:9/x.fits", "data.example.org", "is on this machine, and the server that gave the address"),
        ("http://[::1]:9/x.fits", "2001:db8::1", "is on this machine, and the server that gave the address"),
        ("http://other.example.org/x.fits", "data.example.org", "without TLS"),
        ("http://other.example.org/x.fits", "", "without TLS"),
        ("https://a\\b.example.org/x.fits", "data.example.org", "not a valid address"),
        ("https://user:hunter2@[bad/x.fits", "data.example.org", "not a valid address"),
    ],
)
def test_addresses_in_records_are_judged_as_redirects_of_their_server(
    tmp_path: Path, url: str, server: str, problem: str
) -> None:
    found = hapi.files(hapi.read(_records(url, server)), "image")
    fetched = Fido.fetch(found, path=tmp_path / "{file}", progress=False, max_conn=1)
    assert len(fetched) == 0
    assert re.search(problem, str(fetched.errors[0].exception))
    assert "hunter2" not in str(fetched.errors)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("server", ["data.example.org", ""])
def test_addresses_in_records_leave_the_embedded_archive_for_nobody(archive: Any, tmp_path: Path, server: str) -> None:
    found = hapi.files(hapi.read(_records("https://outside.example/x.fits", server)), "image")
    fetched = Fido.fetch(found, path=tmp_path / "{file}", progress=False)
    assert "was not requested" in str(fetched.errors[0].exception)


def test_user_and_password_in_an_address_are_not_sent() -> None:
    found = hapi.files(hapi.read(_records("https://user:hunter2@x.example.org/a b.fits", "data.example.org")), "image")
    download = next(iter(files(found))).download(Path("x.fits"))
    assert Job(download, True, None)._first_address() == "https://x.example.org/a%20b.fits"


def test_rows_state_the_server_of_their_records(archive: Any) -> None:
    for server, url in {"cdaweb": f"{archive.url}/hapi/cdaweb/hapi", "x.example": "https://x.example", "": ""}.items():
        found = hapi.files(hapi.read(_records("https://y.example/x.fits", server)), "image")
        assert found["server_url"].tolist() == [url]


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        ("image/fits", b"anything", "does not begin as files of the type image/fits"),
        ("image/png", MESSAGE, "tape lost"),
        ("application/x-cdf", PAGE, "Please log in"),
        ("image/fits", b"SIMPLE  =                    T", ""),
        (None, b"anything", ""),
    ],
)
def test_the_type_that_a_dataset_promises_is_checked_in_downloads(
    tmp_path: Path, kind: str | None, body: bytes, words: str
) -> None:
    with wire(say(body=body)) as (url, _):
        found = hapi.files(hapi.read(_records(f"{url}/x", str(urlsplit(url).hostname), kind)), "image")
        fetched = Fido.fetch(found, path=tmp_path / "{file}", progress=False)
    told = " ".join(str(failed.exception) for failed in fetched.errors)
    assert (words in told, bool(told)) == (True, bool(words)), told
    assert [path.read_bytes() for path in tmp_path.iterdir()] == ([] if words else [body])


def test_an_existing_file_is_kept_only_if_it_is_one(tmp_path: Path) -> None:
    check = partial(accept, name="x.fits", media_type="")
    existing = tmp_path / "x.fits"
    for body, expected in ((PAGE, False), (b"SIMPLE  = ", True)):
        existing.write_bytes(body.ljust(2880))
        assert _is_accepted(check, existing) is expected
