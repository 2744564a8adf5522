"""Test that columns of URLs are checked for files of the wrong type."""

from __future__ import annotations

from pathlib import Path

import pytest

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.records.fetch import accept

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
        (b"\x1f\x8b compressed", "x.fits.gz", "image/fits"),
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
