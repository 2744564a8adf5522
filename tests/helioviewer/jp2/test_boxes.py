"""Test which files are accepted, and the errors for the others."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header
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


APPENDED = {
    "one byte": b"x", "zeros": bytes(512), "an end marker": b"\xff\xd9", "a page": b"<html>no</html>",
    "a box": b"\0\0\0\x0cfree\0\0\0\0",
}  # fmt: skip


@pytest.mark.parametrize("kind", ["twice", *list(APPENDED)[:-1]])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_file_has_an_upper_bound(whole: bytes, tmp_path: Path, kind: str, is_open: bool) -> None:
    at = whole.index(b"jp2c") - 4
    data = whole[:at] + bytes(4) + whole[at + 4 :] if is_open else whole
    judged(tmp_path, data)
    with pytest.raises(FileError, match=r"cut|appended|no end marker|one twice"):
        judged(tmp_path, data + (data if kind == "twice" else APPENDED[kind]))


def test_a_box_may_follow_the_codestream(whole: bytes, tmp_path: Path) -> None:
    judged(tmp_path, whole + APPENDED["a box"])


def test_a_codestream_without_some_of_its_bytes_is_refused(whole: bytes, tmp_path: Path) -> None:
    """The length of its box is changed with them, as by a program that copies boxes."""
    at = whole.index(b"jp2c") - 4
    length = int.from_bytes(whole[at : at + 4], "big")
    for gone in (1, 100, length // 2):
        data = whole[:at] + (length - gone).to_bytes(4, "big") + whole[at + 4 : -gone - 2] + whole[-2:]
        with pytest.raises(FileError, match=r"does not end where its tiles do|is damaged after"):
            judged(tmp_path, data)


@pytest.mark.parametrize("tile_part", [0, None])
def test_a_last_tile_part_may_reach_to_the_end(whole: bytes, tmp_path: Path, tile_part: int | None) -> None:
    at = whole.rindex(b"\xff\x90\0\x0a") + 6
    judged(tmp_path, whole[:at] + bytes(4) + whole[at + 4 :] if tile_part == 0 else whole)


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


LONG = b"\0\0\0\1jp2c" + (20).to_bytes(8, "big") + b"abcd"


def test_a_length_may_have_eight_bytes() -> None:
    assert boxes.box_at(LONG, 0) == (20, b"jp2c", 16)
    assert list(boxes.boxes(io.BytesIO(LONG), len(LONG))) == [(b"jp2c", 20)]
    assert boxes.codestream_at(LONG) == (16, 20)


@pytest.mark.parametrize("length", [2, 7])
def test_a_box_that_is_shorter_than_its_head_is_damaged(length: int) -> None:
    data = b"\0\0\0\x0cjP  \r\n\x87\n" + length.to_bytes(4, "big") + b"jp2c" + bytes(8)
    with pytest.raises(FileError, match="boxes of the JPEG 2000 file are damaged after 12 bytes"):
        boxes.codestream_at(data)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\0\0\0\0jp2c" + bytes(90), None),
        (b"\0\0\0\x0cjp2cabcd", (12, None)),
        (b"\0\0\0\x20xml abcd", (12, 32)),
        (b"\0\0\0\x0cxml abcd", None),
    ],
)
def test_the_missing_bytes_of_a_header(data: bytes, expected: tuple[int, int | None] | None) -> None:
    assert header.missing(data) == expected


def test_a_file_without_a_codestream_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not contain a codestream"):
        judged(tmp_path, boxes.SIGNATURE + header.box(b"ftyp", b"jp2 " + bytes(4) + b"jp2 "))
