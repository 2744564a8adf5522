"""
The embedded Heliophysics Events Registry: ``/hek/her``.

It serves column and containment searches as JSON (``cosec=2``, wrapped with ``callback``) and as short XML
(``cosec=1``), the VOEvent document and page of each event, and accepts submissions of signed-in users. Like the real
registry it responds to any invalid request, including a column search without a box, with an HTML page and status 200.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from sunpy_helio_plugins.sandbox.her.contains import contained
from sunpy_helio_plugins.sandbox.her.heks import Desk
from sunpy_helio_plugins.sandbox.her.search import Event, RefusedError, keys, search
from sunpy_helio_plugins.sandbox.her.voevent import event_of, recent, summary, voevent

__all__ = ["PREFIX", "application"]

PREFIX = "/hek"
ERROR_PAGE = "<html><head><title>HER error</title></head><body><h1>Error</h1><p>{}</p></body></html>"


def application() -> web.Application:
    """Return the application with the routes below `PREFIX`."""
    app = web.Application()
    app.add_routes([web.get("/her", answer), web.get("/her/", answer), *Desk().routes()])
    return app


async def answer(request: web.Request) -> web.Response:
    """Handle one request."""
    try:
        return respond(request.query)
    except RefusedError as refused:
        return web.Response(text=ERROR_PAGE.format(html.escape(str(refused))), content_type="text/html")


def respond(query: Mapping[str, str]) -> web.Response:
    """Return the response to a command."""
    command = query.get("cmd")
    if command == "search":
        return found(query)
    if command == "export-voevent":
        return web.Response(text=voevent(event_of(query)), content_type="text/xml")
    pages = {"view-voevent": lambda: summary(event_of(query)), "home": recent}
    if command not in pages:
        raise RefusedError(f"unknown command {command}")
    return web.Response(text=pages[command](), content_type="text/html")


def found(query: Mapping[str, str]) -> web.Response:
    """Return the response to a search in the requested form."""
    searches = {"column": search, "contains": contained}
    if query.get("type") not in searches:
        raise RefusedError("type is column or contains")
    events, edges, more = searches[query["type"]](query)
    events = [subset(event, query.get("return", "")) for event in events]
    if query.get("cosec") == "1":
        return web.Response(text=as_xml(events, edges), content_type="text/xml")
    if query.get("cosec") != "2":
        raise RefusedError("choose cosec=1 (XML) or cosec=2 (JSON)")
    text = json.dumps({"result": events, "association": edges, "overmax": more}, ensure_ascii=False)
    if callback := query.get("callback"):
        text = f"{callback}({text});"
    # The registry's text is not always UTF-8: names are sent as the latin-1 bytes of their submitters.
    return web.Response(body=text.encode("latin-1"), content_type="application/json")


def subset(event: Event, wanted: str) -> Event:
    """Return the keywords that ``return=`` selects: required, optional, or a list; all by default."""
    names = {name.strip() for name in wanted.lower().split(",") if name.strip()}
    if not names:
        return event
    listed = names - {"required", "optional"}
    if listed:
        return {name: value for name, value in event.items() if name.lower() in listed}
    return {name: value for name, value in event.items() if ("required" in names) == is_required(name, event)}


def is_required(name: str, event: Event) -> bool:
    """Return whether the registry's definitions require a keyword for this event type."""
    required: Any = keys()[name].get("required", False)
    return required is True or (isinstance(required, list) and event["event_type"] in required)


def as_xml(events: list[Event], edges: list[Event]) -> str:
    """Return the short XML of ``cosec=1``, which does not indicate further pages."""
    return f"<html><body>{''.join(map(result_xml, events))}{''.join(map(edge_xml, edges))}</body></html>"


def result_xml(event: Event) -> str:
    """Return one event as XML, with references as numbered parameters."""
    values = {name: value for name, value in event.items() if name != "refs"}
    for number, reference in enumerate(event.get("refs", [])):
        values |= {f"ref_{number}_{name.removeprefix('ref_')}": value for name, value in reference.items()}
    lines = (f'<param name="{name}">{html.escape(shown(value))}</param>' for name, value in values.items())
    return f"<result>{''.join(lines)}</result>"


def edge_xml(edge: Event) -> str:
    """Return one association as XML."""
    attributes = " ".join(f'{name}="{html.escape(shown(value))}"' for name, value in edge.items())
    return f"<association {attributes}/>"


def shown(value: Any) -> str:
    """Return a value as text; a missing one is empty."""
    return "" if value is None else str(value)
