"""Screenshots, movies and JPX: asked for in hvpy's words, kept when they are what was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import astropy.units as u
import pytest

from sunpy_helio_plugins import conf, helioviewer
from sunpy_helio_plugins.errors import FileError, QueryError, ServiceError
from sunpy_helio_plugins.helioviewer import media

PNG = b"\x89PNG\r\n\x1a\n picture"
MP4 = b"\0\0\0\x18ftypmp42 movie"
TIME = "2026-01-10 12:00"


@pytest.fixture
def asked() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def api(canned: Callable[..., str], asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Answer as the API does; the movie is made at the third look."""
    answers: dict[str, Any] = {
        "takeScreenshot": {"id": 3285980}, "downloadScreenshot": PNG, "downloadMovie": MP4,
        "queueMovie": {"id": "z6vX5", "eta": 376, "queue": 0, "token": "t"},
        "getMovieStatus": [{"status": 0, "queuePosition": 1}, {"status": 1, "progress": 0.5}, {"status": 2}],
    }  # fmt: skip

    def reply(path: str) -> tuple[int, str, bytes]:
        url = urlsplit(path)
        action = url.path.strip("/").rpartition("/")[2]
        asked.append({"action": action, **{name: values[0] for name, values in parse_qs(url.query).items()}})
        answer = answers[action]
        if isinstance(answer, list):
            answer = answer.pop(0)
        return (200, "image/png", answer) if isinstance(answer, bytes) else (200, "application/json", dumped(answer))

    monkeypatch.setattr(media.clock, "sleep", lambda seconds: None)
    with conf.helioviewer.set_temp("api_url", f"{canned(reply)}/v2"):
        yield answers


def dumped(answer: Any) -> bytes:
    return json.dumps(answer).encode()


def test_a_screenshot_is_a_file(api: Any, asked: list[dict[str, Any]], tmp_path: Path) -> None:
    file = helioviewer.screenshot(TIME, [13, 10], tmp_path / "shots" / "one.png")
    assert file.read_bytes() == PNG
    assert asked[0]["layers"] == "[13,1,100],[10,1,100]"
    assert asked[0]["date"] == "2026-01-10T12:00:00Z"
    assert asked[0]["display"] == "false"


def test_a_movie_is_queued_awaited_and_fetched(api: Any, asked: list[dict[str, Any]], tmp_path: Path) -> None:
    file = helioviewer.movie(TIME, "2026-01-10 13:00", [13], tmp_path / "movie.mp4", progress=False)
    assert file.read_bytes() == MP4
    assert [one["action"] for one in asked] == ["queueMovie", *["getMovieStatus"] * 3, "downloadMovie"]
    assert asked[1]["id"] == "z6vX5"


def test_a_movie_that_fails_says_why(api: Any, tmp_path: Path) -> None:
    api["getMovieStatus"] = [{"status": 3, "error": "too few images"}]
    with pytest.raises(ServiceError, match="too few images"):
        helioviewer.movie(TIME, "2026-01-10 13:00", [13], tmp_path / "movie.mp4", progress=False)
    api["getMovieStatus"] = [{"status": 0, "queuePosition": 7}]
    with pytest.raises(ServiceError, match="not made within 0 s"):
        helioviewer.movie(TIME, "2026-01-10 13:00", [13], tmp_path / "movie.mp4", progress=False, wait=0 * u.s)


def test_something_else_is_never_kept(api: Any, tmp_path: Path) -> None:
    api["downloadScreenshot"] = b"File not found."
    with pytest.raises(FileError, match="no PNG: File not found"):
        helioviewer.screenshot(TIME, [13], tmp_path / "one.png")
    api["getJPX"] = {"error": "No AIA 304 data is available on or after 2026", "uri": None}
    with pytest.raises(FileError, match="no JPX"):
        helioviewer.jpx(TIME, "2026-01-10 13:00", 13, tmp_path / "one.jpx")
    api["takeScreenshot"] = {"error": "no layers", "errno": 20}
    with pytest.raises(ServiceError, match="no layers"):
        helioviewer.screenshot(TIME, [13], tmp_path / "one.png")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_is_refused_before_any_request(api: Any, asked: list[dict[str, Any]], tmp_path: Path) -> None:
    for layers in ([], [36], [13] * 6):
        with pytest.raises(QueryError):
            helioviewer.screenshot(TIME, layers, tmp_path / "one.png")
    with pytest.raises(QueryError, match="mp4"):
        helioviewer.movie(TIME, TIME, [13], tmp_path / "movie.gif")
    with pytest.raises(QueryError, match="does not take this"):
        helioviewer.screenshot(TIME, [13], tmp_path / "one.png", watermark="perhaps")
    assert asked == []


def test_the_status_is_a_table(archive: Any) -> None:
    table = helioviewer.status()
    assert set(table["Instrument"]) == {"AIA", "HMI", "LASCO", "SUVI"}
    assert (table["Behind"] > 0 * u.s).all()
