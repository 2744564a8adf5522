"""
The embedded Helioviewer: its API, its HAPI server and the static tree of its JPEG 2000 files.

The paths below `PREFIX` are ``/v2/<action>/`` (API version 2), ``/hapi/Helioviewer/hapi/<endpoint>`` (HAPI 3.1,
case-insensitive) and ``/jp2/<nickname>/YYYY/MM/DD/<measurement>/<file>`` (directory pages and byte ranges).
"""

from __future__ import annotations

from aiohttp import web

from sunpy_helio_plugins.sandbox.helioviewer import api, hapi, media, static

__all__ = ["PREFIX", "application"]

PREFIX = "/helioviewer"


def application() -> web.Application:
    """Return the application that serves the three parts of Helioviewer."""
    app = web.Application()
    app[media.STORE] = media.Store()
    for part in (api, hapi, media, static):
        app.add_routes(part.routes())
    return app
