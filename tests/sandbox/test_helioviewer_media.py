"""Test the media that the sandbox makes, fetched by hvpy and checked with other readers of such files."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Picture = pytest.importorskip("PIL.Image")
pytest.importorskip("hvpy")

NOON = "date=2026-01-10T12:00:00Z"
RANGE = "startTime=2026-01-10T11:54:00Z&endTime=2026-01-10T12:06:00Z"
LAYER = "layers=%5B13,1,100%5D"
PLACE = "imageScale=9.6&x0=0&y0=0&width=256&height=256"
MOVIE = f"{RANGE}&{LAYER}&{PLACE}&events=&eventsLabels=false"

# hvpy uses module-level functions of requests, which leave their sockets to the garbage collector.
HVPY = """
import json, sys
from datetime import datetime
from pathlib import Path
import hvpy
from hvpy import helpers
hvpy.set_api_url(sys.argv[1])
folder = Path(sys.argv[2])
noon, start, end = datetime(2026, 1, 10, 12), datetime(2026, 1, 10, 11, 54), datetime(2026, 1, 10, 12, 6)
place = dict(x0=0, y0=0, width=256, height=256)
told = {}

shot = hvpy.takeScreenshot(date=noon, imageScale=9.6, layers=hvpy.create_layers([(13, 100), (4, 50)]), **place)
(folder / "shot.png").write_bytes(hvpy.downloadScreenshot(id=shot["id"]))
(folder / "shown.png").write_bytes(
    hvpy.takeScreenshot(date=noon, imageScale=9.6, layers="[13,1,100]", display=True, events="[AR,all,1]", **place)
)
hvpy.createScreenshot(date=noon, imageScale=9.6, layers="[13,1,100]", filename=str(folder / "made"), **place)

texts = {name: str(value) for name, value in place.items()}
asked = dict(startTime=start, endTime=end, layers="[13,1,100]", events="", eventsLabels=False, imageScale=9.6, **texts)
queued = hvpy.queueMovie(**asked)
told["queued"] = sorted(queued)
looks = [hvpy.getMovieStatus(id=queued["id"], format="mp4", token=queued["token"]) for _ in range(4)]
told["states"] = [look["status"] for look in looks]
told["title"] = looks[-1]["title"]
(folder / "movie.mp4").write_bytes(hvpy.downloadMovie(id=queued["id"], format="mp4", hq=True))
(folder / "movie.webm").write_bytes(hvpy.downloadMovie(id=queued["id"], format="webm"))
told["again"] = hvpy.reQueueMovie(id=queued["id"], force=True)["id"] == queued["id"]
told["state again"] = hvpy.getMovieStatus(id=queued["id"], format="mp4")["status"]
helpers.time.sleep = lambda seconds: None
hvpy.createMovie(**asked, filename=str(folder / "made"))

jpx = dict(startTime=start, endTime=end, sourceId=13)
(folder / "frames.jpx").write_bytes(hvpy.getJPX(**jpx, linked=False))
(folder / "linked.jpx").write_bytes(hvpy.getJPX(**jpx))
told["jpx"] = hvpy.getJPX(**jpx, verbose=True, cadence=120)
told["jpip"] = hvpy.getJPX(**jpx, jpip=True)
pairs = dict(startTimes=[start, noon], endTimes=[noon, end], sourceId=13)
told["middle"] = hvpy.getJPXClosestToMidPoint(**pairs, verbose=True)
(folder / "middle.jpx").write_bytes(hvpy.getJPXClosestToMidPoint(**pairs, linked=False))

number = hvpy.getClosestImage(date=noon, sourceId=13)["id"]
(folder / "tile.png").write_bytes(hvpy.getTile(id=int(number), x=-1, y=-1, imageScale=2))
told["news"] = hvpy.getNewsFeed()[:5]
told["url"] = hvpy.shortenURL(queryString="https://helioviewer.org/?x=1")["data"]["url"]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def made(_running_archive: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Return the responses to hvpy, and the folder of its files."""
    folder = tmp_path_factory.mktemp("hvpy")
    command = [sys.executable, "-c", HVPY, f"{_running_archive.url}/helioviewer/v2/", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, env=utc())
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout), folder


def utc() -> dict[str, str]:
    import os

    # hvpy converts times to seconds as if they were local times.
    return {**os.environ, "TZ": "UTC"}


@pytest.mark.parametrize("name", ["shot.png", "shown.png", "made.png"])
def test_screenshots_are_drawn_to_scale(made: Any, name: str) -> None:
    pixels = np.asarray(Picture.open(made[1] / name)).astype(int).sum(axis=2)
    assert pixels.shape == (256, 256)
    rows, columns = np.nonzero(pixels > 60)
    radius = np.sqrt(np.count_nonzero(pixels[28:228, 28:228] > 60) / np.pi) * 9.6
    assert radius == pytest.approx(975, rel=0.08), "the Sun is as large as it is in January"
    assert (rows.mean(), columns.mean()) == pytest.approx((127.5, 127.5), abs=4)


def test_a_tile_is_a_quarter_of_the_sun(made: Any) -> None:
    pixels = np.asarray(Picture.open(made[1] / "tile.png")).astype(int).sum(axis=2)
    assert pixels.shape == (512, 512)
    assert pixels[-64:, -64:].mean() > 5 * pixels[:64, :64].mean() + 1, "the Sun's centre is at the lower right"


def test_a_movie_is_queued_at_work_and_made(made: Any) -> None:
    told, folder = made
    assert told["queued"] == ["eta", "id", "queue", "token"]
    assert told["states"] == [0, 1, 2, 2]
    assert told["title"] == "SDO AIA 304 (2026-01-10 11:54:05 - 12:05:29 UTC)"
    assert (told["again"], told["state again"]) == (True, 0)
    assert (folder / "made.mp4").read_bytes() == (folder / "movie.mp4").read_bytes()
    assert (folder / "movie.webm").read_bytes()[:4] == bytes.fromhex("1a45dfa3")


def test_an_mp4_holds_the_frames_that_its_tables_name(made: Any) -> None:
    data = (made[1] / "movie.mp4").read_bytes()
    tops = dict(boxes(data))
    assert list(tops) == [b"ftyp", b"mdat", b"moov"]
    table = inside(tops[b"moov"], b"trak", b"mdia", b"minf", b"stbl")
    (count,) = struct.unpack_from(">I", table[b"stsz"], 8)
    sizes = struct.unpack_from(f">{count}I", table[b"stsz"], 12)
    (offset,) = struct.unpack_from(">I", table[b"stco"], 8)
    frames = []
    for size in sizes:
        frames.append(Picture.open(io.BytesIO(data[offset : offset + size])))
        offset += size
    assert len(frames) == 20
    assert {(frame.format, frame.size) for frame in frames} == {("JPEG", (256, 256))}
    assert (tops[b"moov"]).endswith(b"it shows no real observation.\0")


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + length]))
        at += length
    assert at == len(data)
    return found


def inside(data: bytes, *way: bytes) -> dict[bytes, bytes]:
    for name in way:
        data = dict(boxes(data))[name]
    return dict(boxes(data))


def test_a_jpx_holds_a_codestream_and_a_header_of_each_frame(made: Any) -> None:
    glymur = pytest.importorskip("glymur")
    _, folder = made
    jpx = glymur.Jp2k(folder / "frames.jpx")
    kinds = [box.box_id for box in jpx.box]
    assert kinds[:4] == ["jP  ", "ftyp", "rreq", "jp2h"]
    assert kinds.count("jp2c") == kinds.count("asoc") == 20
    assert jpx[:].shape == (1024, 1024)
    names = [box.box[1].xml.getroot().findtext("fits/DATE-OBS") for box in jpx.box if box.box_id == "asoc"]
    assert names == sorted(set(names))
    assert len(names) == 20
    assert [box.box_id for box in glymur.Jp2k(folder / "middle.jpx").box].count("jp2c") == 2


def test_a_linked_jpx_points_at_codestreams(made: Any) -> None:
    data = (made[1] / "linked.jpx").read_bytes()
    tops = boxes(data)
    links = dict(tops)[b"dtbl"][2:]
    (address,) = {body[4:-1].decode() for _, body in boxes(links)[:1]}
    count, offset, length, reference = struct.unpack(">HQIH", dict(boxes(dict(tops[:5])[b"ftbl"]))[b"flst"])
    with urllib.request.urlopen(address, timeout=20) as answer:
        stream = answer.read()[offset : offset + length]
    assert (count, reference) == (1, 1)
    assert (stream[:2], stream[-2:]) == (b"\xff\x4f", b"\xff\xd9")


def test_a_jpx_can_be_asked_for_in_words(made: Any) -> None:
    told, _ = made
    assert told["jpx"]["message"] is None
    assert (np.diff(told["jpx"]["frames"]) >= 120).all()
    assert told["jpx"]["uri"].endswith("B120L.jpx")
    assert told["jpip"].startswith("jpip://")
    assert told["middle"]["frames"] == [1768046225, 1768046585]
    assert (told["news"], told["url"]) == ("<?xml", "https://helioviewer.org/?x=1")


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        (f"takeScreenshot/?{NOON}&{PLACE}", 400, 'required parameter "layers"'),
        (f"takeScreenshot/?{NOON}&{PLACE}&layers=AIA", 400, "no list of layers"),
        (f"takeScreenshot/?{NOON}&{PLACE}&layers=%5B13,0,100%5D", 400, "no layer is visible"),
        (f"takeScreenshot/?{NOON}&{PLACE}&{LAYER}&events=AR", 400, "[AR,SPoCA,1]"),
        (f"takeScreenshot/?{NOON}&{PLACE}&{LAYER}&scaleType=moon", 400, "scaleType"),
        (f"takeScreenshot/?{NOON}&imageScale=2&{LAYER}", 500, '"errno": 23'),
        (f"takeScreenshot/?{NOON}&imageScale=2&x0=0&y0=0&width=0&height=9&{LAYER}", 500, '"errno": 21'),
        (f"takeScreenshot/?{NOON}&{PLACE}&layers=%5B999,1,100%5D", 500, '"errno": 10'),
        (f"takeScreenshot/?{NOON}&{PLACE}&layers=%5B2003,1,100%5D", 500, '"errno": 14'),
        ("downloadScreenshot/?id=1", 404, "Screenshot not found"),
        ("downloadScreenshot/?id=one", 400, "not an integer"),
        (f"queueMovie/?{RANGE}&{LAYER}&{PLACE}&eventsLabels=false", 400, 'required parameter "events"'),
        (f"queueMovie/?{MOVIE}".replace("2026-01-10T1", "2025-01-10T1"), 500, '"errno": 12'),
        (f"queueMovie/?{MOVIE}".replace("T11:54", "T12:05"), 500, '"errno": 16'),
        ("getMovieStatus/?id=none&format=mp4", 500, '"errno": 24'),
        ("getMovieStatus/?id=n-o-n-e&format=mp4", 400, "letters, numbers"),
        ("reQueueMovie/?id=none", 404, "Movie could not be found"),
        ("downloadMovie/?id=none&format=mp4", 500, '"errno": 24'),
        ("getTile/?id=99&x=0&y=0&imageScale=2", 500, '"errno": 24'),
        ("getJPX/?startTime=2030-01-01T00:00:00Z&endTime=2030-01-02T00:00:00Z&sourceId=13", 200, "on or after"),
        ("getJPX/?startTime=1999-01-01T00:00:00Z&endTime=1999-01-02T00:00:00Z&sourceId=13", 200, "on or before"),
        ("getJPX/?startTime=2024-01-01T00:00:00Z&endTime=2024-01-02T00:00:00Z&sourceId=13", 200, "No images were"),
        ("getJPX/?startTime=2024-12-31T00:00:00Z&endTime=2025-01-01T00:00:00Z&sourceId=2003", 200, ""),
        ("getJPXClosestToMidPoint/?startTimes=1,2&endTimes=3&sourceId=13", 200, "doesn't match"),
        ("getJPXClosestToMidPoint/?startTimes=1&endTimes=3&sourceId=13", 200, "no images"),
    ],
)
def test_what_cannot_be_made_is_refused_as_by_the_real_one(archive: Any, query: str, status: int, words: str) -> None:
    answered, body = asked(f"{archive.url}/helioviewer/v2/{query}")
    assert (answered, words in body) == (status, True), body


def asked(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def test_a_movie_that_is_not_made_is_an_error_under_status_200(archive: Any) -> None:
    base = f"{archive.url}/helioviewer/v2"
    name = json.loads(asked(f"{base}/queueMovie/?{MOVIE}")[1])["id"]
    assert "is queued" in asked(f"{base}/downloadMovie/?id={name}&format=mp4")[1]
    assert '"errno": 47' in asked(f"{base}/reQueueMovie/?id={name}")[1]
    for _ in range(3):
        told = json.loads(asked(f"{base}/getMovieStatus/?id={name}&format=mp4")[1])
    with urllib.request.urlopen(told["url"], timeout=20) as answer:
        assert answer.read()[4:8] == b"ftyp"
    assert '"errno": 44' in asked(f"{base}/reQueueMovie/?id={name}")[1]


def test_a_long_jpx_is_cut_and_says_so(archive: Any) -> None:
    day = "startTime=2023-01-01T00:00:00Z&endTime=2023-01-02T00:00:00Z&sourceId=13&verbose=true"
    told = json.loads(asked(f"{archive.url}/helioviewer/v2/getJPX/?{day}")[1])
    assert len(told["frames"]) == 1000
    assert "1000 frame limit" in told["message"]
