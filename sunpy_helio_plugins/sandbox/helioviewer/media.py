"""
Files that Helioviewer makes on request: screenshots, tiles, movies and JPX, with their states and errors.

A movie is queued at the first status request, being made at the second, and ready from the third on. Requesting the
file of a movie that is not ready, or not kept, gives HTTP 200 with an error in JSON.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from aiohttp import web

from sunpy_helio_plugins.sandbox.helioviewer import containers, drawing, holdings, jp2
from sunpy_helio_plugins.sandbox.helioviewer import input as given
from sunpy_helio_plugins.sandbox.helioviewer.input import ActionError, Query

__all__ = ["ACTIONS", "STORE", "Store", "routes"]

EPOCH = datetime(1970, 1, 1)
MOST_FRAMES = 300
MOST_IN_JPX = 1000
DRAWN_FRAMES = 24
"""Number of frames that are drawn for a movie here, spread over all of its frames."""

TILE = 512
LABELS = ("Queued", "Processing", "Completed", "Invalid")


@dataclass
class Movie:
    """A movie: its parameters, and how often its state was requested."""

    layers: list[given.Layer]
    frames: list[datetime]
    box: drawing.Box
    rate: float
    looks: int = 0
    made: dict[str, bytes] = field(default_factory=dict)

    @property
    def state(self) -> int:
        """0 queued, 1 being made, 2 ready."""
        return min(max(self.looks - 1, 0), 2)

    @property
    def title(self) -> str:
        """The title of the movie."""
        labels = (drawing.nearest(layer.source_id, self.frames[0]).source.labels for layer in self.layers)
        shown = ", ".join(" ".join(text for _, text in each) for each in labels)
        return f"{shown} ({self.frames[0]:%Y-%m-%d %H:%M:%S} - {self.frames[-1]:%H:%M:%S} UTC)"


@dataclass
class Store:
    """The files made since the archive was started."""

    screenshots: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    movies: dict[str, Movie] = field(default_factory=dict)


STORE = web.AppKey("made", Store)


def _json(answer: Any, status: int = 200) -> web.Response:
    return web.json_response(answer, status=status)


def _missing(words: str) -> web.Response:
    return _json({"status_code": 404, "status_txt": "NOT FOUND", "data": words}, 404)


def _file(body: bytes, kind: str, name: str) -> web.Response:
    # As sent by PHP: clients must not treat "none" as a compression method.
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Encoding": "none"}
    return web.Response(body=body, content_type=kind, headers=headers)


async def _take_screenshot(request: web.Request, query: Query) -> web.Response:
    layers, when = given.layers(query, "layers"), given.date(query, "date")
    given.events(query, "events")
    if query.get("scaleType", "earth") not in ("earth", "scalebar"):
        raise given.InvalidError("Invalid argument provided for scaleType, must be one of earth, scalebar")
    shown = await asyncio.to_thread(drawing.drawn, layers, when, given.region(query))
    label = f"embedded archive {when:%Y-%m-%d %H:%M:%S}" if given.boolean(query, "watermark") else ""
    png = drawing.encoded(shown, "PNG", label)
    if given.boolean(query, "display"):
        return web.Response(body=png, content_type="image/png")
    store = request.app[STORE]
    number = 3285980 + len(store.screenshots)
    names = "__".join(holdings.SOURCES[layer.source_id].nickname.replace(" ", "_") for layer in layers)
    store.screenshots[number] = (f"{when:%Y_%m_%d_%H_%M_%S}_{names}.png", png)
    return _json({"id": number})


async def _download_screenshot(request: web.Request, query: Query) -> web.Response:
    found = request.app[STORE].screenshots.get(given.integer(query, "id"))
    return _missing("Screenshot not found") if found is None else _file(found[1], "image/png", found[0])


async def _tile(request: web.Request, query: Query) -> web.Response:
    image = holdings.by_id(given.integer(query, "id"))
    if image is None:
        raise ActionError(f"No image found with id {query['id']}.", 24)
    side = TILE * given.number(query, "imageScale")
    left, top = side * given.integer(query, "x"), side * given.integer(query, "y")
    box = (left, top, left + side, top + side, given.number(query, "imageScale"))
    layer = given.Layer(image.source.source_id, 100)
    shown = drawing.drawn([layer], image.second, box)
    return web.Response(body=drawing.encoded(shown, "PNG"), content_type="image/png")


async def _queue_movie(request: web.Request, query: Query) -> web.Response:
    start, end = given.date(query, "startTime"), given.date(query, "endTime")
    layers = given.layers(query, "layers")
    given.required(query, "events")
    given.events(query, "events")
    given.required(query, "eventsLabels")
    box, most = given.region(query), min(given.integer(query, "maxFrames", MOST_FRAMES), MOST_FRAMES)
    found = [image.second for layer in layers for image in holdings.within(layer.source_id, start, end)]
    if not found:
        raise ActionError("No images found for requested time range. Please try a different time.", 12)
    if len(found) <= 3:
        raise ActionError("Insufficient data was found for the requested time range.", 16)
    frames = sorted(set(found))
    step = max(len(frames) / most, 1.0)
    kept = [frames[int(number * step)] for number in range(int(len(frames) / step))]
    store = request.app[STORE]
    name = f"z6vX{len(store.movies):x}"
    store.movies[name] = Movie(layers, kept, box, given.number(query, "frameRate", 15.0))
    return _json(_ticket(name))


def _ticket(name: str) -> dict[str, Any]:
    return {"id": name, "eta": 30, "queue": 0, "token": sha256(name.encode()).hexdigest()[:32]}


def _movie(request: web.Request, query: Query) -> Movie:
    movie = request.app[STORE].movies.get(given.word(query, "id"))
    if movie is None:
        raise ActionError(f"Unable to find the requested movie: {query['id']}", 24)
    return movie


async def _requeue_movie(request: web.Request, query: Query) -> web.Response:
    movie = request.app[STORE].movies.get(given.word(query, "id"))
    if movie is None:
        return _missing("Movie could not be found")
    if movie.state < 2:
        raise ActionError(f"The movie is {LABELS[movie.state].lower()} already.", 47)
    if movie.made and not given.boolean(query, "force"):
        raise ActionError("Movie file already exists.", 44)
    movie.looks = 0
    movie.made.clear()
    return _json(_ticket(query["id"]))


async def _movie_status(request: web.Request, query: Query) -> web.Response:
    movie, kind = _movie(request, query), given.word(query, "format")
    if "token" in query:
        given.word(query, "token")
    movie.looks += 1
    told: dict[str, Any] = {"status": movie.state, "statusLabel": LABELS[movie.state]}
    if movie.state == 0:
        return _json({**told, "queuePosition": 0, "currentFrame": 0, "jobStatus": 1})
    if movie.state == 1:
        frame = len(movie.frames) // 2
        progress = round(frame / len(movie.frames), 3)
        return _json({
            **told, "currentFrame": frame, "numFrames": len(movie.frames), "progress": progress, "queuePosition": 0,
        })  # fmt: skip
    root = f"{request.scheme}://{request.host}{request.path.partition('/v2')[0]}/cache/movies/{query['id']}"
    width, height = _size(movie)
    return _json({
        "frameRate": movie.rate, "numFrames": len(movie.frames), "startDate": f"{movie.frames[0]}", **told,
        "endDate": f"{movie.frames[-1]}", "width": width, "height": height, "title": movie.title,
        "thumbnails": {}, "url": f"{root}.{kind}",
    })  # fmt: skip


def _size(movie: Movie) -> tuple[int, int]:
    left, top, right, bottom, scale = movie.box
    return max(round((right - left) / scale), 1), max(round((bottom - top) / scale), 1)


async def _download_movie(request: web.Request, query: Query) -> web.Response:
    movie, kind = _movie(request, query), given.word(query, "format")
    if movie.state < 2 or kind not in ("mp4", "webm"):
        state = ("queued for processing", "currently being processed", "of an unknown kind")[movie.state]
        return _json({"error": f"Movie {query['id']} is {state}. Please wait for it to complete."})
    body = await asyncio.to_thread(_encoded, movie, kind)
    return _file(body, f"video/{kind}", f"{movie.frames[0]:%Y_%m_%d_%H_%M_%S}.{kind}")


def _encoded(movie: Movie, kind: str) -> bytes:
    if kind not in movie.made:
        movie.made[kind] = containers.webm() if kind == "webm" else _mp4(movie)
    return movie.made[kind]


def _mp4(movie: Movie) -> bytes:
    step = max(len(movie.frames) / DRAWN_FRAMES, 1.0)
    moments = [movie.frames[int(number * step)] for number in range(int(len(movie.frames) / step))]
    pictures = [drawing.drawn(movie.layers, when, movie.box) for when in moments]
    frames = [drawing.encoded(one, "JPEG", "embedded archive") for one in pictures]
    return containers.mp4(frames, _size(movie), movie.rate / step)


async def _jpx(request: web.Request, query: Query) -> web.Response:
    start, end = given.date(query, "startTime"), given.date(query, "endTime")
    rows, message = _frames(given.integer(query, "sourceId"), start, end), None
    if isinstance(rows, str):
        return _json({"error": rows, "uri": None})
    cadence = given.integer(query, "cadence", 0)
    if cadence > 0:
        rows = _spaced(rows, timedelta(seconds=cadence))
    if len(rows) > MOST_IN_JPX:
        rows = rows[:MOST_IN_JPX]
        message = f"The movie was truncated upon reaching the {MOST_IN_JPX} frame limit, at {rows[-1].second}."
    spans = "_".join(f"{letter}{query[name]}" for letter, name in (("F", "startTime"), ("T", "endTime")))
    suffix = f"B{cadence}" if cadence else ""
    return _container(request, query, rows, f"{spans.replace(':', '.')}{suffix}", message)


def _frames(source_id: int, start: datetime, end: datetime) -> list[holdings.Image] | str:
    """Return the images of a range, or the reason why there are none."""
    rows = holdings.images(source_id)
    if not [image for image in rows if image.second >= start]:
        return f"No data of source {source_id} is available on or after {start:%Y-%m-%dT%H:%M:%SZ}."
    if not [image for image in rows if image.second <= end]:
        return f"No data of source {source_id} is available on or before {end:%Y-%m-%dT%H:%M:%SZ}."
    found = holdings.within(source_id, start, end)
    return found or "Error encountered during JPX creation: No images were found for the requested time range."


def _spaced(rows: list[holdings.Image], cadence: timedelta) -> list[holdings.Image]:
    kept = [rows[0]]
    for image in rows[1:]:
        if image.second - kept[-1].second >= cadence:
            kept.append(image)
    return kept


async def _jpx_mid_points(request: web.Request, query: Query) -> web.Response:
    """Respond as documented; the code of 2025 treats its own checked list as text, and fails with HTTP 500."""
    source_id = given.integer(query, "sourceId")
    starts, ends = (given.integers(query, name) for name in ("startTimes", "endTimes"))
    if len(starts) != len(ends):
        return _json({"error": "Number of Start dates doesn't match the number of End dates.", "uri": None})
    rows = []
    for first, last in zip(starts, ends, strict=True):
        low, high = (EPOCH + timedelta(seconds=one) for one in (first, last))
        middle = low + (high - low) / 2
        near = [image for image in holdings.within(source_id, low, high) if low < image.second < high]
        rows += [min(near, key=lambda image: abs(image.second - middle))] if near else []
    if not rows:
        return _json({"error": "Error encountered during JPX creation: no images were found.", "uri": None})
    return _container(request, query, rows, f"F{starts[0]}_T{ends[-1]}.CMP", None)


def _container(
    request: web.Request, query: Query, rows: list[holdings.Image], name: str, message: str | None
) -> web.Response:
    linked, source = given.boolean(query, "linked"), rows[0].source
    labels = "_".join(text for _, text in source.labels)
    file = f"{labels}_{name}{'L' if linked else ''}.jpx".replace(" ", "-")
    root = f"{request.path.partition('/v2')[0]}/jp2"
    uri = f"{request.scheme}://{request.host}{root}/movies/{file}"
    if given.boolean(query, "jpip"):
        uri = f"jpip://{request.url.host}:8090/movies/{file}"
    if given.boolean(query, "verbose"):
        seconds = [(image.second - EPOCH) // timedelta(seconds=1) for image in rows]
        return _json({"message": message, "uri": uri, "frames": seconds})
    if given.boolean(query, "jpip"):
        return web.Response(text=uri)
    files = [content for image in rows if (content := jp2.content(image)) is not None]
    if not files:
        # kdu_merge fails for a deleted file; the response is then empty.
        return _file(b"", "image/jpx", file)
    links = [f"{request.scheme}://{request.host}{root}{image.path}" for image in rows] if linked else []
    return _file(containers.jpx(files, links), "image/jpx", file)


ACTIONS: dict[str, Callable[[web.Request, Query], Any]] = {
    "takeScreenshot": _take_screenshot,
    "downloadScreenshot": _download_screenshot,
    "getTile": _tile,
    "queueMovie": _queue_movie,
    "reQueueMovie": _requeue_movie,
    "getMovieStatus": _movie_status,
    "downloadMovie": _download_movie,
    "getJPX": _jpx,
    "getJPXClosestToMidPoint": _jpx_mid_points,
}


async def _cached(request: web.Request) -> web.Response:
    name, kind = re.fullmatch(r"(\w+)\.(mp4|webm)", request.match_info["file"]).groups()  # type: ignore[union-attr]
    movie = request.app[STORE].movies.get(name)
    if movie is None or movie.state < 2:
        raise web.HTTPNotFound
    return web.Response(body=_encoded(movie, kind), content_type=f"video/{kind}")


def routes() -> list[web.RouteDef]:
    """Return the route of files that are kept for a while."""
    return [web.get(r"/cache/movies/{file:\w+\.(?:mp4|webm)}", _cached)]
