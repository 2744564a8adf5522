"""
Helioviewer's API, version 2: the actions that find and return images, with its errors.

A missing or wrong parameter gives an HTML page with HTTP 400; an error inside an action gives ``{"error", "errno"}``
with HTTP 500; the nearest image is returned however far it is; a missing file is HTTP 200 with the text "File not
found.".
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from sunpy_helio_plugins.sandbox.helioviewer import holdings, jp2, media
from sunpy_helio_plugins.sandbox.helioviewer import input as given

__all__ = ["routes"]

ASTRONOMICAL_UNIT = 149597870700.0
EPOCH = datetime(1970, 1, 1)


def _closest(query: given.Query) -> holdings.Image:
    when, source_id = given.date(query, "date"), given.integer(query, "sourceId")
    image = holdings.closest(source_id, when)
    if image is None:
        raise given.ActionError("No data of the requested type () are currently available.", 10)
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


def _data_sources(query: given.Query) -> dict[str, Any]:
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


def _closest_image(query: given.Query) -> dict[str, Any]:
    image = _closest(query)
    content = jp2.content(image)
    if content is None:
        raise given.ActionError(f"Unable to process XML Header for {image.path}: File does not exist.", 13)
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


def _closest_dates(query: given.Query) -> dict[str, Any]:
    when = given.date(query, "date")
    answer = {}
    for source_id in given.integers(query, "sources"):
        seconds = [image.second for image in holdings.images(source_id)]
        before, after = [s for s in seconds if s < when], [s for s in seconds if s > when]
        answer[str(source_id)] = {
            "prev_date": _sql(before[-1]) if before else None,
            "next_date": _sql(after[0]) if after else None,
        }
    return answer


LATE = {
    "EIT": (14, 24, 48, 168), "HMI": (4, 8, 24, 168), "LASCO": (8, 12, 24, 168), "SECCHI": (84, 120, 144, 168),
    "SWAP": (4, 8, 12, 168),
}  # fmt: skip
"""Hours after which the newest image counts as late, later, very late, and old; by default `USUALLY_LATE`."""

USUALLY_LATE = (2, 4, 12, 168)


def _status(query: given.Query) -> dict[str, Any]:
    newest: dict[str, holdings.Image] = {}
    for source in holdings.SOURCES.values():
        image, instrument = holdings.images(source.source_id)[-1], dict(source.labels)["Instrument"]
        newest[instrument] = max(newest.get(instrument, image), image, key=lambda row: row.when)
    now = datetime.now(UTC).replace(tzinfo=None)
    answer = {}
    for instrument, image in newest.items():
        behind = int((now - image.second).total_seconds())
        if behind > 0:  # images in the future are omitted
            answer[instrument] = {
                "time": f"{image.when:%Y-%m-%dT%H:%M:%SZ}",
                "level": 1 + sum(behind > 3600 * hours for hours in LATE.get(instrument, USUALLY_LATE)),
                "secondsBehind": behind,
                "measurement": image.source.nickname,
            }
    return answer


def _bin(span: timedelta) -> timedelta | None:
    """Return the bin width of a coverage; None below 105 minutes, where each point is one image."""
    if span < timedelta(minutes=105):
        return None
    limits = (
        (timedelta(hours=12), timedelta(minutes=5)), (timedelta(days=2), timedelta(minutes=15)),
        (timedelta(days=10), timedelta(hours=1)), (timedelta(days=183), timedelta(days=1)),
        (timedelta(days=457), timedelta(weeks=1)),
    )  # fmt: skip
    return next((width for limit, width in limits if span < limit), timedelta(days=30))


def _points(rows: list[holdings.Image], span: tuple[datetime, datetime], layer: int) -> list[list[int]]:
    """Return images, or their number in each bin of a span that is three times as long as requested."""
    seconds = [(image.second - EPOCH) // timedelta(seconds=1) for image in rows]
    width = _bin((span[1] - span[0]) / 3)
    if width is None:
        return [[second * 1000 + layer, layer + 1] for second in sorted(set(seconds))]
    step = int(width.total_seconds())
    first, last = ((instant - EPOCH) // timedelta(seconds=1) // step for instant in span)
    counts = Counter(second // step for second in seconds)
    return [[number * step * 1000, counts[number]] for number in range(first, last)]


def _data_coverage(query: given.Query) -> list[dict[str, Any]]:
    start, end = (EPOCH + timedelta(seconds=given.integer(query, name) // 1000) for name in ("startDate", "endDate"))
    whole = (start - (end - start), end + (end - start))
    answer = []
    for number, layer in enumerate(given.layers(query, "imageLayers")):
        rows = holdings.within(layer.source_id, *whole)
        source = holdings.SOURCES.get(layer.source_id)
        names = [*(text for _, text in source.labels), "", "", "", ""][:5] if source else [""] * 5
        data = _points(rows, whole, number)
        answer.append({"sourceId": layer.source_id, "name": " ".join(names), "data": data})
    return answer


JSON_ACTIONS: dict[str, Callable[[given.Query], Any]] = {
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
    """Respond to an unknown id: the script reads a folder like a file, announces its size and sends less."""
    response = web.StreamResponse(headers={"Content-Type": "image/jp2", "Content-Length": "4096"})
    await response.prepare(request)
    await asyncio.sleep(0)
    if request.transport is not None:  # pragma: no branch - the client may have gone
        request.transport.close()
    return response


async def _jp2_image(request: web.Request, query: given.Query) -> web.StreamResponse:
    image = holdings.by_id(given.integer(query, "id")) if "id" in query else _closest(query)
    if image is None:
        return await _truncated(request)
    if given.boolean(query, "jpip"):
        uri = f"jpip://{request.url.host}:8090{image.path}"
        return web.json_response({"uri": uri}) if given.boolean(query, "json") else web.Response(text=uri)
    content = jp2.content(image)
    # PHP's name for no encoding. The script ignores Range: the response is always the complete file.
    headers = {"Content-Disposition": f'attachment; filename="{image.name}"', "Content-Encoding": "none"}
    body = b"File not found." if content is None else content
    return web.Response(body=body, content_type="image/jp2", headers=headers)


async def _jp2_header(request: web.Request, query: given.Query) -> web.StreamResponse:
    number = given.integer(query, "id")
    image = holdings.by_id(number)
    content = jp2.content(image) if image else None
    if content is None:
        raise given.ActionError(f"No image found with id {number}.", 24)
    text = '<?xml version="1.0" encoding="utf-8"?>\n' + jp2.header_of(content)
    return web.Response(text=text, content_type="text/xml")


async def _news(request: web.Request, query: given.Query) -> web.StreamResponse:
    feed = '<feed xmlns="http://www.w3.org/2005/Atom"><title>No news</title></feed>'
    return web.Response(text=f'<?xml version="1.0" encoding="utf-8"?>{feed}', content_type="text/xml")


async def _short(request: web.Request, query: given.Query) -> web.StreamResponse:
    url = given.required(query, "queryString")
    return web.json_response({"status_code": 200, "status_txt": "OK", "data": {"long_url": url, "url": url}})


OTHER_ACTIONS: dict[str, Callable[[web.Request, given.Query], Awaitable[web.StreamResponse]]] = {
    "getJP2Image": _jp2_image,
    "getJP2Header": _jp2_header,
    "getNewsFeed": _news,
    "shortenURL": _short,
    **media.ACTIONS,
}


def _json(query: given.Query, answer: Any) -> web.Response:
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
    except given.InvalidError as refusal:
        return _page_error(request, str(refusal))
    except given.ActionError as failure:
        return web.json_response({"error": str(failure), "errno": failure.number}, status=500)


def routes() -> list[web.RouteDef]:
    """Return the routes of the API."""
    paths = ("/v2/index.php", "/v2/", r"/v2/{action:\w+}/", r"/v2/{action:\w+}")
    return [method(path, _action) for path in paths for method in (web.get, web.post)]
