"""Test which files are accepted, and the errors for the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2.boxes import accept
from sunpy_helio_plugins.sandbox.helioviewer import holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made


@pytest.fixture(scope="module")
def whole() -> bytes:
    data = made.content(holdings.images(4)[0])
    assert data is not None
    return data


def judged(folder: Path, data: bytes) -> None:
    file = folder / "part"
    file.write_bytes(data)
    accept(file)


def test_a_whole_file_is_accepted(whole: bytes, tmp_path: Path) -> None:
    judged(tmp_path, whole)


def test_a_codestream_that_reaches_to_the_end_is_accepted(whole: bytes, tmp_path: Path) -> None:
    at = whole.index(b"jp2c") - 4
    judged(tmp_path, whole[:at] + bytes(4) + whole[at + 4 :])


@pytest.mark.parametrize("kept", [20, 40, 500, 3000, 20000, -1, -2])
def test_a_cut_file_is_refused(whole: bytes, tmp_path: Path, kept: int) -> None:
    with pytest.raises(FileError, match=r"cut|does not contain a codestream"):
        judged(tmp_path, whole[:kept])


def test_a_codestream_that_does_not_end_is_refused(whole: bytes, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="has no end marker"):
        judged(tmp_path, whole[:-2] + b"\0\0")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "file is empty"),
        (b"File not found.", "its file does not exist"),
        (
            b"Limit of 3000 requests per 60 seconds has been exceeded by identifier: 10.0.0.1",
            "rate limit.*wait a minute",
        ),
        (b'{"error": "No image found with id 5.", "errno": 24}', "an error instead.*No image found with id 5."),
        (b"<html><body><b>Error:</b> Invalid action</body></html>", "a page instead.*Invalid action"),
        (b"SIMPLE  =                    T", "not a JPEG 2000 file"),
    ],
)
def test_what_came_instead_is_named(tmp_path: Path, body: bytes, words: str) -> None:
    with pytest.raises(FileError, match=words):
        judged(tmp_path, body)
