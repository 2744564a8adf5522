"""Test screenshots, movies and JPX: the parameters of hvpy, and that only complete and correct files are saved."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import astropy.units as u
import numpy as np
import pytest
from astropy.time import Time

from sunpy_helio_plugins import conf, helioviewer
from sunpy_helio_plugins.errors import (
    AnswerError,
    FileError,
    HelioPluginsError,
    IncompleteAnswerWarning,
    MissingDependencyError,
    QueryError,
    ServerError,
    ServiceError,
    ServiceUnreachable,
    TransferError,
)
from sunpy_helio_plugins.helioviewer.media import movies, screenshots

pytest.importorskip("hvpy")

START, NOON, END = "2026-01-10 11:54", "2026-01-10 12:00", "2026-01-10 12:06"
API = "/helioviewer/v2"
MP4 = b"\0\0\0\x10ftypisom\0\0\0\0\0\0\0\x08moov"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(movies.clock, "sleep", lambda seconds: None)


def movie(file: Path, **options: Any) -> Path:
    return helioviewer.movie(START, END, [13], file, image_scale=19.2, size=(128, 128), progress=False, **options)


def actions(archive: Any) -> list[str]:
    return [request.path.strip("/").rpartition("/")[2] for request in archive.log]


def test_a_screenshot_is_a_file(archive: Any, tmp_path: Path) -> None:
    file = helioviewer.screenshot(NOON, [11, 4], tmp_path / "shots" / "one.png", image_scale=24, size=(200, 100))
    with pytest.importorskip("PIL.Image").open(file) as picture:
        assert picture.size == (200, 100)
    assert archive.log[0].query["layers"] == "[11,1,100],[4,1,100]"
    assert archive.log[0].query["date"] == "2026-01-10T12:00:00Z"
    assert actions(archive) == ["takeScreenshot", "downloadScreenshot"]
    assert [one.name for one in (tmp_path / "shots").iterdir()] == ["one.png"]


def test_hvpys_further_parameters_are_passed_on(archive: Any, tmp_path: Path) -> None:
    helioviewer.screenshot(NOON, [13], tmp_path / "one.png", events="[AR,all,1]", watermark=True, size=(64, 64))
    assert archive.log[0].query["events"] == "[AR,all,1]"
    assert archive.log[0].query["watermark"] == "true"


@pytest.mark.parametrize("kind", ["mp4", "webm"])
def test_a_movie_is_queued_awaited_and_fetched(archive: Any, tmp_path: Path, kind: str) -> None:
    file = movie(tmp_path / f"movie.{kind}")
    assert file.read_bytes()[:8].endswith(b"ftyp") == (kind == "mp4")
    assert actions(archive) == ["queueMovie", *["getMovieStatus"] * 3, "downloadMovie"]
    assert archive.log[-1].query["format"] == kind
    assert list(tmp_path.iterdir()) == [file]


def test_the_range_of_a_movie_may_be_in_another_scale(archive: Any, tmp_path: Path) -> None:
    from astropy.time import Time

    start, end = (Time(text, scale="utc").tai for text in (START, END))
    helioviewer.movie(start, end, [13], tmp_path / "movie.mp4", size=(64, 48), progress=False)
    asked = archive.log[0].query
    assert asked["startTime"] == "2026-01-10T11:54:00Z"
    assert (asked["width"], asked["height"]) == ("64", "48")


def state(**told: Any) -> dict[str, Any]:
    return {"kind": "json_error", "path": f"{API}/getMovieStatus", "body": json.dumps(told)}


def test_a_movie_that_fails_says_why(archive: Any, tmp_path: Path) -> None:
    with archive.fault(**state(status=3, error="Sorry, we are unable to create your movie.")):
        with pytest.raises(ServiceError, match="Sorry, we are unable"):
            movie(tmp_path / "movie.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_movie_that_takes_too_long_is_given_up(archive: Any, tmp_path: Path) -> None:
    with archive.fault(**state(status=0, queuePosition=7)):
        with pytest.raises(ServiceUnreachable, match=r"not made within 0 s \(queue: 7\)"):
            movie(tmp_path / "movie.mp4", wait=0 * u.s)


def test_a_state_that_cannot_be_told_yet_is_asked_for_again(archive: Any, tmp_path: Path) -> None:
    """While the first frames are drawn, the server does not find any, or divides by their number."""
    words = json.dumps({"error": "Could not find requested movie frames", "errno": 0})
    with archive.fault("json_error", path=f"{API}/getMovieStatus", status=500, body=words, times=3) as rule:
        assert movie(tmp_path / "movie.mp4").exists()
    assert rule.played == 3


def test_a_state_that_is_never_told_is_an_error(archive: Any, tmp_path: Path) -> None:
    words = json.dumps({"error": "Unable to find the requested movie: 12", "errno": 24})
    with archive.fault("json_error", path=f"{API}/getMovieStatus", status=500, body=words) as rule:
        with pytest.raises(ServerError, match="Unable to find"):
            movie(tmp_path / "movie.mp4")
    assert rule.played == movies.MOST_TROUBLES


def test_a_movie_whose_file_is_not_there_yet_is_waited_for(archive: Any, tmp_path: Path) -> None:
    """The state is that of the mp4; a WebM is ready later. A deleted one is queued again when it is requested."""
    words = json.dumps({"error": "Movie z6vX0 (12) has an unknown status."})
    with archive.fault("json_error", path=f"{API}/downloadMovie", body=words, times=2):
        movie(tmp_path / "movie.webm")
    assert actions(archive)[-4:] == ["getMovieStatus", "downloadMovie", "getMovieStatus", "downloadMovie"]
    with archive.fault("json_error", path=f"{API}/downloadMovie", body=words), archive.fault(**state(status=2)):
        with pytest.raises(ServiceUnreachable, match="has an unknown status"):
            movie(tmp_path / "other.webm", wait=0 * u.s)
    assert [one.name for one in tmp_path.iterdir()] == ["movie.webm"]


def test_a_full_queue_is_told_in_the_servers_words(archive: Any, tmp_path: Path) -> None:
    words = json.dumps({"error": "Sorry, due to current high demand, we are unable.", "errno": 40})
    with archive.fault("json_error", path=f"{API}/queueMovie", status=500, body=words):
        with pytest.raises(ServerError, match="high demand"):
            movie(tmp_path / "movie.mp4")


@pytest.mark.parametrize("lacking", ["{}", '{"id": ""}', "[]"])
def test_an_answer_without_a_number_is_an_error(archive: Any, tmp_path: Path, lacking: str) -> None:
    with archive.fault("json_error", path=f"{API}/takeScreenshot", body=lacking):
        with pytest.raises(ServiceError, match=r"lacks 'id'|expected an object"):
            helioviewer.screenshot(NOON, [13], tmp_path / "one.png")


def test_a_screenshot_that_is_gone_is_an_error(archive: Any, tmp_path: Path) -> None:
    words = json.dumps({"status_code": 404, "status_txt": "NOT FOUND", "data": "Screenshot not found"})
    with archive.fault("json_error", path=f"{API}/downloadScreenshot", status=404, body=words):
        with pytest.raises(TransferError, match="404: Screenshot not found"):
            helioviewer.screenshot(NOON, [13], tmp_path / "one.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["cut_close", "cut_length", "cut_chunked", "html_error", "json_error", "hang_up"])
@pytest.mark.parametrize("action", ["downloadScreenshot", "downloadMovie", "getJPX"])
def test_what_is_cut_or_something_else_is_never_kept(archive: Any, tmp_path: Path, fault: str, action: str) -> None:
    kept = tmp_path / "kept.png"
    kept.write_bytes(b"what was there before")
    make: dict[str, Callable[[Path], Path]] = {
        "downloadScreenshot": lambda file: helioviewer.screenshot(NOON, [13], file, size=(64, 64)),
        "downloadMovie": lambda file: movie(file.with_suffix(".mp4"), wait=0.5 * u.s),
        "getJPX": lambda file: helioviewer.jpx(START, END, 13, file),
    }
    skip = 1 if action == "getJPX" else 0
    with archive.fault(fault, path=f"{API}/{action}", skip=skip), pytest.raises(HelioPluginsError):
        make[action](kept)
    assert [one.name for one in tmp_path.iterdir()] == ["kept.png"]
    assert kept.read_bytes() == b"what was there before"


def test_a_jpx_is_a_file(archive: Any, tmp_path: Path) -> None:
    file = helioviewer.jpx(START, END, 13, tmp_path / "frames.jpx", cadence=2 * u.min)
    assert file.read_bytes().count(b"jp2c") == 5
    assert archive.log[-1].query["cadence"] == "120"
    assert archive.log[-1].query["linked"] == "false"


HOURS = ["2026-01-10 12:00", "2026-01-10 16:00", "2026-01-10 20:00"]


def test_a_jpx_of_the_middles_of_several_ranges(archive: Any, tmp_path: Path) -> None:
    starts = np.array(HOURS, "M8[s]") - np.timedelta64(90, "s")
    file = helioviewer.jpx(starts, starts + np.timedelta64(180, "s"), 13, tmp_path / "middles.jpx")
    assert actions(archive) == ["getJPXClosestToMidPoint"] * 2
    maps = helioviewer.read(file)
    apart = [abs((map_.date - time).to_value("s")) for map_, time in zip(maps, Time(HOURS), strict=True)]
    assert max(apart) < 18


def test_ranges_without_an_image_are_told(archive: Any, tmp_path: Path) -> None:
    starts, stops = [HOURS[0], "2026-01-10 13:00"], ["2026-01-10 12:02", "2026-01-10 13:02"]
    with pytest.warns(IncompleteAnswerWarning, match=r"middles\.jpx has 1 images: 1 of 2 ranges have none"):
        helioviewer.jpx(starts, stops, 13, tmp_path / "middles.jpx")


@pytest.mark.parametrize(
    ("start", "end", "options", "words"),
    [
        (HOURS, HOURS[:2], {}, "1 to 360 starts and as many ends, not 3 and 2"),
        ([], [], {}, "not 0 and 0"),
        (HOURS[:1] * 361, ["2026-01-11"] * 361, {}, "not 361 and 361"),
        (HOURS[:2], HOURS[:2], {}, "number 0 starts at 2026-01-10T12:00:00"),
        (HOURS[:2], ["2026-01-11"] * 2, {"cadence": 1 * u.min}, "a cadence for a single range"),
    ],
)
def test_ranges_that_are_not_valid_are_refused_before_any_request(
    archive: Any, tmp_path: Path, start: Any, end: Any, options: Any, words: str
) -> None:
    with pytest.raises(QueryError, match=words):
        helioviewer.jpx(start, end, 13, tmp_path / "x.jpx", **options)
    assert archive.log == []


def test_a_server_that_cannot_make_the_middles_is_told_in_its_words(archive: Any, tmp_path: Path) -> None:
    """The code of 2025 fails with a TypeError."""
    words = json.dumps({"error": "explode(): Argument #2 must be of type string, array given", "errno": 255})
    with archive.fault("json_error", path=f"{API}/getJPXClosestToMidPoint", status=500, body=words):
        with pytest.raises(ServerError, match="must be of type string"):
            helioviewer.jpx(HOURS[:1], ["2026-01-10 12:02"], 13, tmp_path / "x.jpx")
    assert list(tmp_path.iterdir()) == []


def test_a_jpx_that_was_cut_by_the_server_is_told(archive: Any, tmp_path: Path) -> None:
    told = json.dumps({"message": "The movie was truncated upon reaching the limit.", "uri": "", "frames": []})
    with archive.fault("json_error", path=f"{API}/getJPX", body=told, times=1):
        with pytest.warns(IncompleteAnswerWarning, match=r"frames\.jpx: The movie was truncated"):
            helioviewer.jpx(START, END, 13, tmp_path / "frames.jpx")


def test_an_error_in_place_of_a_picture_names_the_file(archive: Any, tmp_path: Path) -> None:
    with archive.fault("json_error", path=f"{API}/downloadScreenshot", body=json.dumps({"error": "no such picture"})):
        with pytest.raises(FileError, match=r"one\.png: Helioviewer's downloadScreenshot .*: no such picture"):
            helioviewer.screenshot(NOON, [13], tmp_path / "one.png")
    assert list(tmp_path.iterdir()) == []


def test_a_jpx_of_nothing_is_an_error(archive: Any, tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="available on or after"):
        helioviewer.jpx("2026-11-01", "2026-11-02", 13, tmp_path / "one.jpx")
    with pytest.raises(FileError, match="did not return a JPX: an empty file"):
        helioviewer.jpx("2024-12-31", "2025-01-01", 2003, tmp_path / "one.jpx")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_is_refused_before_any_request(archive: Any, tmp_path: Path) -> None:
    for layers in ([], [36], [13] * 6, "13", b"13", {"source": 13}):
        with pytest.raises(QueryError):
            helioviewer.screenshot(NOON, layers, tmp_path / "one.png")
    with pytest.raises(QueryError, match="mp4"):
        helioviewer.movie(START, END, [13], tmp_path / "movie.gif")
    with pytest.raises(QueryError, match="does not take these parameters"):
        helioviewer.screenshot(NOON, [13], tmp_path / "one.png", watermark="perhaps")
    for unknown in ({"watermarks": True}, {"display": True}):
        with pytest.raises(QueryError, match=r"does not take .* here; it takes: date"):
            helioviewer.screenshot(NOON, [13], tmp_path / "one.png", **unknown)
    for cadence in (0 * u.s, -1 * u.s, 5, 5 * u.m, float("inf") * u.s):
        with pytest.raises(QueryError, match=r"between|takes a duration"):
            helioviewer.jpx(START, END, 13, tmp_path / "one.jpx", cadence=cadence)
    assert archive.log == []


def test_the_status_is_a_table(archive: Any) -> None:
    table = helioviewer.status()
    assert set(table["Instrument"]) == {"AIA", "HMI", "LASCO", "SUVI"}
    assert (table["Behind"] > 0 * u.s).all()
    assert table[table["Instrument"] == "LASCO"]["Newest Image"][0].isot == "2026-01-10T15:12:07.000000000"


def test_a_status_without_instruments_is_an_empty_table(archive: Any) -> None:
    with archive.fault("json_error", path=f"{API}/getStatus", body="[]"):
        assert len(helioviewer.status()) == 0
    with archive.fault("json_error", path=f"{API}/getStatus", body='{"AIA": "late"}'):
        with pytest.raises(ServiceError, match="expected instruments"):
            helioviewer.status()


def test_a_reached_rate_limit_is_waited_for(archive: Any) -> None:
    words = "Limit of 3000 requests per 60 seconds has been exceeded by identifier: 10.0.0.1"
    with archive.fault("html_error", path=f"{API}/getStatus", words=words, times=2) as rule:
        with conf.helioviewer.set_temp("rate_limit_wait", 0.01):
            assert len(helioviewer.status()) == 4
    assert rule.played == 2
    with archive.fault("html_error", path=f"{API}/getStatus", words=words), conf.set_temp("retries", 0):
        with pytest.raises(ServiceError, match="Limit of 3000 requests"):
            helioviewer.status()


@pytest.fixture
def scripted(canned: Callable[..., str]) -> Iterator[list[dict[str, Any]]]:
    """Respond like an API whose numbers are text, and record the requests."""
    asked: list[dict[str, Any]] = []
    states = [{"status": "0"}, {"status": "1", "progress": None}, {"status": "2"}]

    def reply(path: str) -> tuple[int, str, bytes]:
        url = urlsplit(path)
        action = url.path.strip("/").rpartition("/")[2]
        asked.append({"action": action, **{name: values[0] for name, values in parse_qs(url.query).items()}})
        if action == "downloadMovie":
            return 200, "video/mp4", MP4
        answer = {"id": "z6vX5", "token": None} if action == "queueMovie" else states.pop(0)
        return 200, "application/json", json.dumps(answer).encode()

    with conf.helioviewer.set_temp("api_url", f"{canned(reply)}/v2"):
        yield asked


def test_numbers_may_be_texts_and_a_token_may_be_missing(scripted: list[dict[str, Any]], tmp_path: Path) -> None:
    assert movie(tmp_path / "movie.mp4").read_bytes() == MP4
    assert scripted[1] == {"action": "getMovieStatus", "id": "z6vX5", "format": "mp4"}


@pytest.mark.parametrize("layers", ["13", b"13", {"SourceID": 13}, helioviewer.sources()])
def test_layers_that_are_no_numbers_are_refused(archive: Any, tmp_path: Path, layers: Any) -> None:
    with pytest.raises(QueryError, match=r"helioviewer\.screenshot takes .* as layers, not"):
        helioviewer.screenshot(NOON, layers, tmp_path / "one.png")
    assert archive.log == []


@pytest.mark.parametrize("cadence", [5, 5 * u.m, [1, 2] * u.s])
def test_a_cadence_is_one_duration(archive: Any, tmp_path: Path, cadence: Any) -> None:
    with pytest.raises(QueryError, match=r"helioviewer\.jpx takes a duration"):
        helioviewer.jpx(START, END, 13, tmp_path / "one.jpx", cadence=cadence)
    assert archive.log == []


def test_a_screenshot_without_hvpy_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hvpy.parameters", None)
    with pytest.raises(MissingDependencyError, match="hvpy"):
        helioviewer.screenshot(NOON, [13], tmp_path / "one.png")


def test_a_reached_rate_limit_in_place_of_a_movie_is_waited_for(archive: Any, tmp_path: Path) -> None:
    words = "Limit of 3000 requests per 60 seconds has been exceeded by identifier: 10.0.0.1"
    with archive.fault("html_error", path=f"{API}/downloadScreenshot", words=words, times=1) as rule:
        with conf.helioviewer.set_temp("rate_limit_wait", 0.01):
            file = helioviewer.screenshot(NOON, [13], tmp_path / "one.png", image_scale=24, size=(64, 64))
    assert rule.played == 1
    assert file.read_bytes().startswith(b"\x89PNG")


def test_a_failed_movie_is_told_in_the_servers_words(archive: Any, tmp_path: Path) -> None:
    with archive.fault("json_error", path=f"{API}/getMovieStatus", body=json.dumps({"status": 3})):
        with pytest.raises(ServerError, match="the movie failed: no reason given"):
            movie(tmp_path / "movie.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "row",
    [
        {"time": "2026-77-10T00:00:00Z"}, {"time": "2026-01-10T00:00:00Z", "level": None},
        {"time": "2026-01-10T00:00:00Z", "secondsBehind": "long"}, {"time": "2026-01-10T00:00:00Z", "level": 1e999},
    ],
)  # fmt: skip
def test_values_of_the_status_that_cannot_be_read_are_an_error_of_the_server(archive: Any, row: dict[str, Any]) -> None:
    with archive.fault("json_error", path=f"{API}/getStatus", body=json.dumps({"AIA": row})):
        with pytest.raises(AnswerError, match=r"^Helioviewer: a value of an instrument is not .*getStatus"):
            helioviewer.status()


@pytest.mark.parametrize("scale", [1e-3, 2.4, 1e4])
def test_scales_between_the_limits_are_taken(scale: float) -> None:
    assert screenshots.SCALE.check("f", "image_scale", scale) == scale


@pytest.mark.parametrize("scale", [0, 0.9e-3, 10_000.5, float("nan"), "1", None, True])
def test_other_scales_are_refused(scale: Any) -> None:
    with pytest.raises(QueryError, match=r"^f takes a number of arcseconds per pixel, above 0,.* as image_scale, not "):
        screenshots.SCALE.check("f", "image_scale", scale)
