"""
Helioviewer's API, version 2: the actions that find and give images, with its errors.

A missing or wrong parameter gives an HTML page with HTTP 400; an error inside an action gives ``{"error", "errno"}``
with HTTP 500; the nearest image is given however far it is; a file that is gone is HTTP 200 with the words "File not
found.".
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sunpy_helio_plugins.sandbox import helioviewer_holdings as holdings
from sunpy_helio_plugins.sandbox import helioviewer_jp2 as jp2

__all__ = ["routes"]

ASTRONOMICAL_UNIT = 149597870700.0
DATE = re.compile(r"\d{4}[/-]\d\d[/-]\d\dT\d\d:\d\d:\d\d\.?\d{0,6}?Z")
EPOCH = datetime(1970, 1, 1)

Query = Mapping[str, str]


class _InvalidError(Exception):
    """A parameter that is missing or wrong."""


class _ActionError(Exception):
    """An error inside an action, with Helioviewer's number for it."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.number = number


def _required(query: Query, name: str) -> str:
    if not query.get(name):
        raise _InvalidError(f'No value set for required parameter "{name}".')
    return query[name]


def _date(query: Query, name: str) -> datetime:
    text = _required(query, name)
    if not DATE.fullmatch(text):
        # The Z is not optional: 2014-01-01 or 2014-01-01T00:00:00 are refused too.
        raise _InvalidError("Invalid date string. Please enter a date of the form 2003-10-06T00:00:00.000Z")
    try:
        return datetime.fromisoformat(text.replace("/", "-").rstrip("Z").rstrip("."))
    except ValueError as error:
        raise _InvalidError("Invalid date string. Please enter a date of the form 2003-10-06T00:00:00.000Z") from error


def _integer(query: Query, name: str) -> int:
    text = _required(query, name)
    if not re.fullmatch(r"-?\d+", text):
        raise _InvalidError(f'Invalid value for {name}: "{text}" is not an integer.')
    return int(text)


def _boolean(query: Query, name: str) -> bool:
    text = query.get(name, "false").lower()
    if text not in ("true", "false", "1", "0"):
        raise _InvalidError(f'Invalid value for {name}: "{text}" is not a boolean.')
    return text in ("true", "1")


def _closest(query: Query) -> holdings.Image:
    when, source_id = _date(query, "date"), _integer(query, "sourceId")
    image = holdings.closest(source_id, when)
    if image is None:
        raise _ActionError("No data of the requested type () are currently available.", 10)
    return image


def _sql(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S}"


def _leaf(source: holdings.Source) -> dict[str, Any]:
    rows = holdings.images(source.source_id)
    return {
        "sourceId": source.source_id,
        "nickname": source.nickname,
        "layeringOrder": source.layering_order,
        "start": _sql(rows[0].when),
        "end": _sql(rows[-1].when),
        "uiLabels": [{"label": label, "name": name} for label, name in source.labels],
    }


def _data_sources(query: Query) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for source in holdings.SOURCES.values():
        branch = tree
        for _, name in source.labels[:-1]:
            branch = branch.setdefault(name, {})
        branch[source.labels[-1][1]] = _leaf(source)
    return tree


def _number(xml: str, key: str) -> float:
    match = re.search(rf"<{key}>([^<]*)</{key}>", xml)
    return float(match[1]) if match else 0.0


def _closest_image(query: Query) -> dict[str, Any]:
    image = _closest(query)
    content = jp2.content(image)
    if content is None:
        raise _ActionError(f"Unable to read the XML header of {image.path}.", 13)
    xml, source = jp2.header_of(content), image.source
    dsun = _number(xml, "DSUN_OBS") or ASTRONOMICAL_UNIT
    correction, centre = dsun / ASTRONOMICAL_UNIT, source.size / 2 + 0.5
    return {
        "id": str(image.image_id), "date": _sql(image.when), "name": source.nickname,
        "scale": source.scale * correction, "scaleCorrection": 1 / correction,
        "width": source.size, "height": source.size, "refPixelX": centre, "refPixelY": centre,
        "offsetX": 0, "offsetY": 0, "rotation": 0,
        "rsun": _number(xml, "RSUN_OBS") / source.scale, "dsun": dsun, "sunCenterOffsetParams": [],
        "layeringOrder": source.layering_order,
    }  # fmt: skip


def _closest_dates(query: Query) -> dict[str, Any]:
    when = _date(query, "date")
    ids = re.findall(r"\d+", _required(query, "sources"))
    answer = {}
    for text in ids:
        seconds = [image.second for image in holdings.images(int(text))]
        before, after = [s for s in seconds if s < when], [s for s in seconds if s > when]
        answer[text] = {
            "prev_date": _sql(before[-1]) if before else None,
            "next_date": _sql(after[0]) if after else None,
        }
    return answer


def _status(query: Query) -> dict[str, Any]:
    newest: dict[str, holdings.Image] = {}
    for source in holdings.SOURCES.values():
        image, instrument = holdings.images(source.source_id)[-1], dict(source.labels)["Instrument"]
        newest[instrument] = max(newest.get(instrument, image), image, key=lambda row: row.when)
    now = datetime.now(UTC).replace(tzinfo=None)
    return {
        instrument: {
            "time": f"{image.when:%Y-%m-%dT%H:%M:%SZ}",
            "level": 5 if now - image.when > timedelta(weeks=1) else 1,
            "secondsBehind": int((now - image.when).total_seconds()),
            "measurement": image.source.nickname,
        }
        for instrument, image in newest.items()
    }


def _bin(span: timedelta) -> timedelta | None:
    """Return the width of the bins of a coverage; None below 105 minutes, where each point is one image."""
    if span < timedelta(minutes=105):
        return None
    limits = (
        (timedelta(hours=12), timedelta(minutes=5)), (timedelta(days=2), timedelta(minutes=15)),
        (timedelta(days=10), timedelta(hours=1)), (timedelta(days=183), timedelta(days=1)),
        (timedelta(days=457), timedelta(weeks=1)),
    )  # fmt: skip
    return next((width for limit, width in limits if span < limit), timedelta(days=30))


def _points(rows: list[holdings.Image], width: timedelta | None, layer: int) -> list[list[int]]:
    counts: dict[int, int] = {}
    for image in rows:
        second = (image.second - EPOCH) // timedelta(seconds=1)
        if width is None:
            counts[second * 1000 + layer] = layer + 1
        else:
            left = second // int(width.total_seconds()) * int(width.total_seconds()) * 1000
            counts[left] = counts.get(left, 0) + 1
    return [[instant, count] for instant, count in sorted(counts.items())]


def _data_coverage(query: Query) -> list[dict[str, Any]]:
    layers = [int(text) for text in re.findall(r"\[(\d+),", _required(query, "imageLayers"))]
    start, end = (EPOCH + timedelta(milliseconds=_integer(query, name)) for name in ("startDate", "endDate"))
    span = end - start
    answer = []
    for layer, source_id in enumerate(layers):
        rows = holdings.within(source_id, start - span, end + span)
        labels = holdings.SOURCES[source_id].labels if source_id in holdings.SOURCES else ()
        name = " ".join(text for _, text in labels) + "  "
        answer.append({"sourceId": source_id, "name": name, "data": _points(rows, _bin(span), layer)})
    return answer


JSON_ACTIONS: dict[str, Callable[[Query], Any]] = {
    "getDataSources": _data_sources,
    "getClosestImage": _closest_image,
    "getClosestImageDatesForSources": _closest_dates,
    "getStatus": _status,
    "getDataCoverage": _data_coverage,
}


def _page_error(request: web.Request, words: str) -> web.Response:
    if request.content_type == "application/json":
        return web.json_response({"success": False, "message": words, "data": []}, status=400)
    return web.Response(status=400, text=f"<b>Error:</b> {words}", content_type="text/html")


async def _truncated(request: web.Request) -> web.StreamResponse:
    """Answer an unknown id: the script reads a folder as if it were a file, promises its size and sends less."""
    response = web.StreamResponse(headers={"Content-Type": "image/jp2", "Content-Length": "4096"})
    await response.prepare(request)
    await asyncio.sleep(0)
    if request.transport is not None:
        request.transport.close()
    return response


async def _jp2_image(request: web.Request, query: Query) -> web.StreamResponse:
    image = holdings.by_id(_integer(query, "id")) if query.get("id") else _closest(query)
    if image is None:
        return await _truncated(request)
    if _boolean(query, "jpip"):
        uri = f"jpip://{request.url.host}:8090{image.path}"
        return web.json_response({"uri": uri}) if _boolean(query, "json") else web.Response(text=uri)
    content = jp2.content(image)
    if content is None:
        return web.Response(body=b"File not found.", content_type="image/jp2")
    # The script ignores Range: the answer is always the whole file.
    disposition = f'attachment; filename="{image.name}"'
    return web.Response(body=content, content_type="image/jp2", headers={"Content-Disposition": disposition})


async def _jp2_header(request: web.Request, query: Query) -> web.StreamResponse:
    number = _integer(query, "id")
    image = holdings.by_id(number)
    content = jp2.content(image) if image else None
    if content is None:
        raise _ActionError(f"No image found with id {number}.", 24)
    text = '<?xml version="1.0" encoding="utf-8"?>\n' + jp2.header_of(content)
    return web.Response(text=text, content_type="text/xml")


OTHER_ACTIONS: dict[str, Callable[[web.Request, Query], Awaitable[web.StreamResponse]]] = {
    "getJP2Image": _jp2_image,
    "getJP2Header": _jp2_header,
}


def _json(query: Query, answer: Any) -> web.Response:
    callback = query.get("callback")
    response = web.json_response(answer)
    if callback and callback.isalnum():
        return web.Response(text=f"{callback}({response.text})", content_type="application/javascript")
    return response


async def _action(request: web.Request) -> web.StreamResponse:
    query = {**request.query, **{key: str(value) for key, value in (await request.post()).items()}}
    name = request.match_info.get("action") or query.get("action", "")
    try:
        if name in JSON_ACTIONS:
            return _json(query, JSON_ACTIONS[name](query))
        if name in OTHER_ACTIONS:
            return await OTHER_ACTIONS[name](request, query)
        return _page_error(request, f"Invalid action specified: {name}.")
    except _InvalidError as refusal:
        return _page_error(request, str(refusal))
    except _ActionError as failure:
        return web.json_response({"error": str(failure), "errno": failure.number}, status=500)


def routes() -> list[web.RouteDef]:
    """Return the routes of the API."""
    paths = ("/v2/index.php", "/v2/", r"/v2/{action:\w+}/", r"/v2/{action:\w+}")
    return [method(path, _action) for path in paths for method in (web.get, web.post)]
