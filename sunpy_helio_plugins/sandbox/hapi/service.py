"""
The sandbox's HAPI servers.

``cdaweb`` implements HAPI 2.0, ``lisird`` HAPI 3.2, and ``swe`` is a copy of ESA's server with its token and its
malformed header; ``swe-open`` is the same as seen by a browser with a session, without a token.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from aiohttp import web
from yarl import URL

from sunpy_helio_plugins.sandbox.hapi import format as form
from sunpy_helio_plugins.sandbox.hapi.data import CDAWEB, LISIRD
from sunpy_helio_plugins.sandbox.hapi.model import Server
from sunpy_helio_plugins.sandbox.hapi.protocol import (
    MESSAGES,
    RefusalError,
    check_data,
    check_info,
    check_names,
    check_references,
)
from sunpy_helio_plugins.sandbox.hapi.swe import SWE
from sunpy_helio_plugins.sandbox.settings import listed

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "PREFIX", "SERVERS", "TOKEN_LIFETIME", "application"]

PREFIX = "/hapi"

CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-secret"
"""The credentials that the sandbox's token endpoint accepts."""

TOKEN_LIFETIME = 300
"""Seconds for which ``swe`` accepts a token, as stated in the guide of ESA's server."""

_SWE_ABOUT = {
    "id": "SWE",
    "title": "SWE HAPI Server",
    "contact": "helpdesk.swe@ssa.esa.int",
}

SERVERS = {
    "cdaweb": Server("CDAWeb", "2.0", ("csv", "binary"), CDAWEB),
    "lisird": Server(
        "LISIRD",
        "3.2",
        ("csv", "binary", "json"),
        LISIRD,
        about={
            "id": "LISIRD",
            "title": "LASP Interactive Solar Irradiance Datacenter",
            "contact": "lisird@example.org",
            "dataTest": {
                "name": "one day of total irradiance",
                "query": {"dataset": "tsis_tsi_24hr", "start": "2026-01-10T00:00:00Z", "stop": "2026-01-11T00:00:00Z"},
            },
        },
        strict_order=True,
        strict_range=True,
    ),
    "swe": Server(
        "SWE",
        "3.0.0",
        ("csv", "json"),
        SWE,
        about=_SWE_ABOUT,
        label_header=True,
        max_elements=100_000,
        data_last=False,
        needs_token=True,
    ),
}
SERVERS["swe-open"] = replace(SERVERS["swe"], needs_token=False)
"""The servers by their names in the path."""

_TOKENS: web.AppKey[dict[str, float]] = web.AppKey("tokens", dict)

Handler = Callable[[web.Request], Awaitable[web.Response]]


def application() -> web.Application:
    """Return the application with ``/<server>/hapi/<endpoint>`` for all servers, and the token endpoint of ``swe``."""
    app = web.Application()
    app[_TOKENS] = {}
    # Other listed servers have empty catalogues, so that a search of all servers finds the datasets of these ones.
    empty = {name: Server(name, "2.0", ("csv",), ()) for name in listed() if name not in SERVERS}
    for name, server in {**SERVERS, **empty}.items():
        for endpoint in (_about, _capabilities, _catalog, _info, _data):
            app.router.add_get(f"/{name}/hapi/{endpoint.__name__.removeprefix('_')}", _guarded(server, endpoint))
    app.router.add_get("/meta/catalogs-all.json", _every_catalogue)
    app.router.add_post("/swe/realms/swe/protocol/openid-connect/token", _token)
    return app


def _guarded(server: Server, endpoint: Callable[[Server, web.Request], web.Response]) -> Handler:
    """Return a handler that requires a token if necessary, and converts refusals to the server's messages."""

    async def handler(request: web.Request) -> web.Response:
        if server.needs_token and not _signed_in(request):
            return web.Response(status=401, text="Not Authenticated", headers={"WWW-Authenticate": "Bearer"})
        try:
            return endpoint(server, request)
        except RefusalError as refusal:
            answer = form.status(server, refusal.code, refusal.detail)
            return _json(answer, refusal.code)

    return handler


def _json(answer: dict[str, object], code: int = 1200) -> web.Response:
    status, message = MESSAGES[code]
    reason = None if code == 1200 else f"HAPI error {code}: {message}"
    return web.Response(
        status=status, reason=reason, text=form.dumps(answer), content_type="application/json", headers=_headers()
    )


def _headers() -> dict[str, str]:
    return {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET"}


def _about(server: Server, request: web.Request) -> web.Response:
    if server.about is None:
        raise RefusalError(1400, "no such endpoint")
    check_names(server, request.query, ())
    return _json({**form.status(server, 1200), **server.about})


def _capabilities(server: Server, request: web.Request) -> web.Response:
    check_names(server, request.query, ())
    depths = {"catalogDepthOptions": list(server.depths)} if server.depths else {}
    return _json({**form.status(server, 1200), "outputFormats": list(server.formats), **depths})


def _catalog(server: Server, request: web.Request) -> web.Response:
    asked = check_names(server, request.query, ("depth", "resolve_references") if server.depths else ())
    depth = asked.get("depth", "dataset")
    if depth not in (server.depths or ("dataset",)):
        raise RefusalError(1413, depth)
    check_references(asked)
    rows = [form.entry(server, dataset, is_deep=depth == "all") for dataset in server.datasets]
    return _json({**form.status(server, 1200), "catalog": rows})


async def _every_catalogue(request: web.Request) -> web.Response:
    """Return the file of the HAPI project: the catalogues of the servers that it can read, with all descriptions."""
    document: dict[str, object] = {}
    for name, server in SERVERS.items():
        if name in listed() and not server.needs_token:
            about = {"id": server.id, **(server.about or {}), "x_url": str(request.url.join(URL(f"../{name}/hapi")))}
            rows = [form.entry(server, dataset, is_deep=True) for dataset in server.datasets]
            document[server.id] = {"about": about, "catalog": {"catalog": rows}}
    return _json(document)


def _info(server: Server, request: web.Request) -> web.Response:
    dataset, parameters = check_info(server, request.query)
    # The info of ESA's server contains the format of JSON (guide, Get information about a dataset).
    return _json(form.info(server, dataset, parameters, "json" if server.label_header else None))


def _data(server: Server, request: web.Request) -> web.Response:
    asked = check_data(server, request.query)
    code, body = form.data(server, asked)
    # Without a header the reason phrase is the only place for the HAPI code.
    reason = None if code == 1200 else f"HAPI {code}: {MESSAGES[code][1]}"
    return web.Response(body=body, reason=reason, content_type=form.CONTENT_TYPES[asked.format], headers=_headers())


def _signed_in(request: web.Request) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and request.app[_TOKENS].get(token, 0.0) > time.monotonic()


async def _token(request: web.Request) -> web.Response:
    """Return a bearer token for the client credentials, as defined by OAuth2 (RFC 6749, section 4.4)."""
    form_data = await request.post()
    if form_data.get("grant_type") != "client_credentials":
        return web.json_response({"error": "unsupported_grant_type"}, status=400)
    if (form_data.get("client_id"), form_data.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        return web.json_response({"error": "invalid_client"}, status=401)
    if form_data.get("scope") != "swe_hapiserver":
        return web.json_response({"error": "invalid_scope"}, status=400)
    token = secrets.token_urlsafe(48)
    request.app[_TOKENS][token] = time.monotonic() + TOKEN_LIFETIME
    return web.json_response(
        {
            "access_token": token,
            "expires_in": TOKEN_LIFETIME,
            "token_type": "Bearer",
            "not-before-policy": 0,
            "scope": "swe_hapiserver",
        }
    )
