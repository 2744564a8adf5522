"""The static tree of JP2 files: directory pages in the form of Apache, files with byte ranges."""

from __future__ import annotations

import re
from datetime import UTC
from functools import cache
from hashlib import sha256
from html import escape

from aiohttp import web

from sunpy_helio_plugins.sandbox.helioviewer import holdings, jp2

__all__ = ["ROOT", "routes"]

ROOT = "/jp2"


@cache
def _folders() -> dict[str, dict[str, holdings.Image | None]]:
    """Map each folder (without a closing slash) to its entries: files, and folders as None."""
    folders: dict[str, dict[str, holdings.Image | None]] = {"": {}}
    for source_id in holdings.SOURCES:
        for image in holdings.images(source_id):
            *parts, name = image.path.strip("/").split("/")
            for depth, part in enumerate(parts):
                folders.setdefault("/".join(["", *parts[:depth]]), {})[part] = None
            folder = folders.setdefault("/".join(["", *parts]), {})
            if image.picture is not None:
                folder[name] = image
    return folders


def _size(image: holdings.Image) -> int:
    # All headers of an image have nearly the same length; a directory page shows it rounded to thousands.
    return (jp2.DATA / f"{image.picture}.jp2").stat().st_size


def _entry(name: str, image: holdings.Image | None) -> str:
    shown = name if image else f"{name}/"
    label = shown if len(shown) <= 23 else f"{shown[:21]}..&gt;"
    stamp = f"{image.when:%Y-%m-%d %H:%M}" if image else "2026-01-11 02:00"
    size = f"{_size(image) / 1024:3.0f}K" if image else "  - "
    icon = '<img src="/icons/image2.gif" alt="[IMG]">' if image else '<img src="/icons/folder.gif" alt="[DIR]">'
    return f'{icon} <a href="{escape(shown)}">{label}</a>{" " * max(24 - len(shown), 1)}{stamp}  {size}  '


def _page(folder: str, entries: dict[str, holdings.Image | None]) -> str:
    title = f"Index of {folder}"
    parent = folder.rpartition("/")[0] + "/"
    rows = [_entry(name, entries[name]) for name in sorted(entries)]
    head = '<a href="?C=N;O=D">Name</a> <a href="?C=M;O=A">Last modified</a> <a href="?C=S;O=A">Size</a>'
    lines = [
        '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 3.2 Final//EN">',
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n<h1>{title}</h1>",
        f'<pre>{head}<hr><img src="/icons/back.gif" alt="[PARENTDIR]"> <a href="{parent}">Parent Directory</a>',
        *rows,
        "<hr></pre>\n</body></html>",
    ]
    return "\n".join(lines) + "\n"


def _not_found(request: web.Request) -> web.Response:
    text = (
        '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n<title>404 Not Found</title>\n</head>'
        "<body>\n<h1>Not Found</h1>\n<p>The requested URL was not found on this server.</p>\n</body></html>\n"
    )
    return web.Response(status=404, text=text, content_type="text/html", charset="iso-8859-1")


def _span(text: str, total: int) -> tuple[int, int] | None:
    """Return the half-open span of one byte range; None if it cannot be satisfied."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", text.replace(" ", ""))
    if match is None or match.groups() == ("", ""):
        return 0, total
    first, last = match.groups()
    if not first:
        return max(total - int(last), 0), total
    start, stop = int(first), min(int(last) + 1 if last else total, total)
    return (start, stop) if start < stop else None


def _file(request: web.Request, image: holdings.Image) -> web.Response:
    body = jp2.content(image)
    if body is None:
        return _not_found(request)
    headers = {
        "Accept-Ranges": "bytes",
        "ETag": f'"{sha256(body).hexdigest()[:16]}"',
        "Last-Modified": f"{image.when.replace(tzinfo=UTC):%a, %d %b %Y %H:%M:%S} GMT",
    }
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return web.Response(status=304, headers=headers)
    asked = request.headers.get("Range")
    if asked is None:
        return web.Response(body=body, content_type="image/jp2", headers=headers)
    span = _span(asked, len(body))
    if span is None:
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{len(body)}"})
    headers["Content-Range"] = f"bytes {span[0]}-{span[1] - 1}/{len(body)}"
    return web.Response(status=206, body=body[slice(*span)], content_type="image/jp2", headers=headers)


async def _tree(request: web.Request) -> web.Response:
    path = "/" + request.match_info["path"]
    image = holdings.by_path(path)
    if image is not None:
        return _file(request, image)
    entries = _folders().get(path.rstrip("/"))
    if entries is None:
        return _not_found(request)
    if not path.endswith("/"):
        raise web.HTTPMovedPermanently(request.path + "/")
    return web.Response(text=_page(request.path.rstrip("/"), entries), content_type="text/html", charset="utf-8")


def routes() -> list[web.RouteDef]:
    """Return the routes of the static tree."""
    return [web.get(ROOT + "/{path:.*}", _tree)]
