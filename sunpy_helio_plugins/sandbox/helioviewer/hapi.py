"""
Helioviewer's HAPI server with its peculiarities.

They are those of server-nodejs with Helioviewer's scripts (repository helioviewer-hapi): the stop is *inclusive*; times
are integer seconds; a request without `parameters`, or with ``Time`` among several, fails with HTTP 500; without rows
the body is empty with HTTP 200; any range that exceeds [startDate, stopDate] gives error 1405; there is no ``about``.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from aiohttp import web

from sunpy_helio_plugins.sandbox.helioviewer import holdings

__all__ = ["routes"]

MESSAGES = {
    1401: "unknown API parameter name",
    1402: "error in start",
    1403: "error in stop",
    1404: "start equal to or after stop",
    1405: "time outside valid range",
    1406: "unknown dataset id",
    1407: "unknown dataset parameter",
    1409: "unsupported output format",
    1410: "unsupported include value",
    1500: "internal server error",
}

EMPTY_GROUPS = ("XRT_ANY_ANY",)
"""Ids in the catalogue without rows (groups of sources): their info and data fail."""

TIMES = ((1402, "start", "time.min"), (1403, "stop", "time.max"))

Value = str | float | int


class _HAPIError(Exception):
    """A HAPI error: its code and HTTP status."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code
        self.status = {1406: 404, 1407: 404, 1500: 500}.get(code, 400)


OK = {"HAPI": "3.1", "status": {"code": 1200, "message": "OK"}}


def _parameter(name: str, kind: str, description: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "units": None, "fill": None, "description": description}


TIME = {"name": "Time", "type": "isotime", "units": "UTC", "fill": None, "length": 20}

PARAMETERS: dict[str, dict[str, Any]] = {
    "url": {**_parameter("url", "string", "URL of the image"), "length": 255},
    "path": {**_parameter("path", "string", "Path of the image"), "length": 255},
    "refPixelX": _parameter("refPixelX", "double", "Reference pixel, x"),
    "refPixelY": _parameter("refPixelY", "double", "Reference pixel, y"),
    "scale": _parameter("scale", "double", "Image scale in arcsec/pixel"),
    "width": _parameter("width", "integer", "Width in pixels"),
    "height": _parameter("height", "integer", "Height in pixels"),
    "rotation": _parameter("rotation", "double", "Rotation in degrees"),
}


def _root(request: web.Request) -> str:
    prefix = re.split(r"/hapi/", request.path, maxsplit=1, flags=re.IGNORECASE)[0]
    return f"{request.scheme}://{request.host}{prefix}/jp2"


def _readers(root: str) -> dict[str, Callable[[holdings.Image], Value]]:
    return {
        "url": lambda image: root + image.path,
        "path": lambda image: image.path,
        "refPixelX": lambda image: image.source.size / 2 + 0.5,
        "refPixelY": lambda image: image.source.size / 2 + 0.5,
        "scale": lambda image: image.source.scale,
        "width": lambda image: image.source.size,
        "height": lambda image: image.source.size,
        "rotation": lambda image: image.source.rotation,
    }


def _source(text: str | None) -> holdings.Source:
    if text in EMPTY_GROUPS:
        raise _HAPIError(1500)
    for source in holdings.SOURCES.values():
        if source.hapi_id == text:
            return source
    raise _HAPIError(1406)


def _dataset(query: Any) -> holdings.Source:
    return _source(query.get("dataset", query.get("id")))


def _span(source: holdings.Source) -> tuple[datetime, datetime]:
    rows = holdings.images(source.source_id)
    return rows[0].second, rows[-1].second


def _iso(when: datetime) -> str:
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def _instant(text: str | None, code: int) -> datetime:
    """Parse a time of a request: calendar date or day of the year, with any precision, with or without Z."""
    match = re.fullmatch(r"(\d{4})(?:-(\d{3})|-(\d\d)(?:-(\d\d))?)?(?:T([\d:.]+))?Z?", text or "")
    if match is None:
        raise _HAPIError(code)
    year, of_year, month, day, clock = match.groups()
    date = f"{year}-{of_year}" if of_year else f"{year}-{month or '01'}-{day or '01'}"
    hours, minutes, seconds = [*(clock or "00").split(":"), "00", "00"][:3]
    whole, _, fraction = seconds.partition(".")
    stamp = f"{date}T{hours}:{minutes}:{whole}.{fraction[:6] or '0'}"
    try:
        return datetime.strptime(stamp, "%Y-%jT%H:%M:%S.%f" if of_year else "%Y-%m-%dT%H:%M:%S.%f")
    except ValueError as error:
        raise _HAPIError(code) from error


def _range(query: Any, source: holdings.Source) -> tuple[datetime, datetime]:
    start, stop = (_instant(query.get(name, query.get(old)), code) for code, name, old in TIMES)
    if start >= stop:
        raise _HAPIError(1404)
    first, last = _span(source)
    if start < first or stop > last:
        raise _HAPIError(1405)
    return start, stop


def _names(text: str) -> list[str]:
    names = text.split(",")
    if any(name not in PARAMETERS and name != "Time" for name in names):
        raise _HAPIError(1407)
    return names


def _info(source: holdings.Source, names: Sequence[str]) -> dict[str, Any]:
    first, last = _span(source)
    return {
        **OK,
        "startDate": _iso(first),
        "stopDate": _iso(last),
        "parameters": [TIME, *(PARAMETERS[name] for name in names)],
    }


def _csv(rows: list[list[Value]]) -> bytes:
    return "".join(",".join(format(value) for value in row) + "\n" for row in rows).encode()


def _binary(rows: list[list[Value]], parameters: Sequence[dict[str, Any]]) -> bytes:
    kinds = {"double": "d", "integer": "i"}
    record = struct.Struct("<" + "".join(kinds.get(item["type"], f"{item.get('length')}s") for item in parameters))
    encoded = ([value.encode() if isinstance(value, str) else value for value in row] for row in rows)
    return b"".join(record.pack(*row) for row in encoded)


def _json(rows: list[list[Value]], header: dict[str, Any] | None) -> bytes:
    # Without include=header this server returns only the list of records.
    return json.dumps(rows if header is None else {**header, "format": "json", "data": rows}).encode()


def _answer(kind: str, rows: list[list[Value]], header: dict[str, Any], include: bool) -> web.Response:
    if kind == "json":
        return web.Response(body=_json(rows, header if include else None), content_type="application/json")
    body = _csv(rows) if kind == "csv" else _binary(rows, header["parameters"])
    if include:
        body = f"#{json.dumps({**header, 'format': kind})}\n".encode() + body
    return web.Response(body=body, content_type="text/csv" if kind == "csv" else "application/octet-stream")


ALLOWED = {"dataset", "id", "start", "stop", "time.min", "time.max", "parameters", "include", "format"}


def _data(request: web.Request) -> web.Response:
    query = request.query
    if not set(query) <= ALLOWED:
        raise _HAPIError(1401)
    kind, include = query.get("format", "csv"), query.get("include")
    if kind not in ("csv", "binary", "json"):
        raise _HAPIError(1409)
    if include not in (None, "header"):
        raise _HAPIError(1410)
    source = _dataset(query)
    start, stop = _range(query, source)
    asked = query.get("parameters")
    names = _names(asked) if asked else []
    if not names or ("Time" in names and len(names) > 1):
        # The server's script fails for an empty list, and for the time column together with others.
        raise _HAPIError(1500)
    names = [name for name in names if name != "Time"]
    readers = _readers(_root(request))
    rows = [
        [_iso(image.second), *(readers[name](image) for name in names)]
        for image in holdings.within(source.source_id, start, stop)
    ]
    if not rows:
        return web.Response(body=b"", content_type="text/csv")
    return _answer(kind, rows, _info(source, names), include == "header")


def _catalog(request: web.Request) -> web.Response:
    ids = [*(source.hapi_id for source in holdings.SOURCES.values()), *EMPTY_GROUPS]
    return web.json_response({**OK, "catalog": [{"id": name} for name in ids]})


def _describe(request: web.Request) -> web.Response:
    source, asked = _dataset(request.query), request.query.get("parameters")
    names = [name for name in _names(asked) if name != "Time"] if asked else list(PARAMETERS)
    return web.json_response(_info(source, names))


def _capabilities(request: web.Request) -> web.Response:
    return web.json_response({**OK, "outputFormats": ["csv", "binary", "json"]})


ENDPOINTS = {"capabilities": _capabilities, "catalog": _catalog, "info": _describe, "data": _data}


async def _endpoint(request: web.Request) -> web.Response:
    handler = ENDPOINTS.get(request.match_info["tail"].strip("/").lower())
    if handler is None:
        return web.Response(status=404, text="<h1>Not Found</h1>", content_type="text/html")
    try:
        return handler(request)
    except _HAPIError as refusal:
        message = f"HAPI error {refusal.code}: {MESSAGES[refusal.code]}"
        status = {"HAPI": "3.1", "status": {"code": refusal.code, "message": message}}
        return web.json_response(status, status=refusal.status)


def routes() -> list[web.RouteDef]:
    """Return the routes of the HAPI server; its path is case-insensitive."""
    return [web.get("/{hapi:(?i:hapi)}/{name:(?i:helioviewer)}/{again:(?i:hapi)}/{tail:.*}", _endpoint)]
