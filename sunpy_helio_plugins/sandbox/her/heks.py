"""
The embedded registry's commands for signed-in users: rate, comment, add a reference, relate, upload, revise.

The account is `USER` and `PASSWORD`; submissions are kept as long as the archive is running. Rules and responses are
those of the registry's API page ("Authentication and Post-authentication Methods").
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

from aiohttp import web

from sunpy_helio_plugins.sandbox.her.search import catalogue

__all__ = ["PASSWORD", "USER", "Desk"]

USER, PASSWORD = "observer", "corona"
VERBS = ("causes", "contains", "is_associated_with", "splits_into", "merges_into", "is_followed_by")
COOKIE = "JSESSIONID"


@dataclass
class Desk:
    """The handlers of submissions."""

    sessions: set[str] = field(default_factory=set)
    ratings: dict[tuple[str, str], float] = field(default_factory=dict)
    comments: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    references: list[dict[str, str]] = field(default_factory=list)
    edges: list[dict[str, Any]] = field(default_factory=list)
    uploads: dict[str, list[bytes]] = field(default_factory=dict)

    def routes(self) -> list[web.RouteDef]:
        """Return the routes and their handlers."""
        return [
            web.post("/her/heks", self.heks), web.get("/her/heks", self.heks),
            web.post("/her/voeupload", self.upload), web.post("/her/voerevise", self.revise),
        ]  # fmt: skip

    def is_signed_in(self, request: web.Request) -> bool:
        """Return whether a request has the cookie of a login."""
        return request.cookies.get(COOKIE) in self.sessions

    async def heks(self, request: web.Request) -> web.Response:
        """Handle one command."""
        form = {**request.query, **{name: str(value) for name, value in (await request.post()).items()}}
        command = form.get("cmd", "")
        if command == "login":
            return self.login(form)
        commands = {
            "rate": self.rate, "comment": self.comment, "add-reference": self.reference, "create_edge": self.relate,
        }  # fmt: skip
        if command not in commands:
            return web.Response(text="<html><body><p>unknown command</p></body></html>", content_type="text/html")
        reading = command == "comment" and "comment" not in form
        if not reading and (request.method != "POST" or not self.is_signed_in(request)):
            return web.json_response({"status": "permission denied"})
        return web.json_response(commands[command](form))

    def login(self, form: dict[str, str]) -> web.Response:
        """Sign a user in; the cookie is only sent with cosec=1."""
        if (form.get("username"), form.get("password")) != (USER, PASSWORD):
            return web.Response(text="<html><body>login failure</body></html>", content_type="text/html")
        answer = web.Response(text="<html><body>login success</body></html>", content_type="text/html")
        if form.get("cosec") == "1":
            token = secrets.token_hex(16)
            self.sessions.add(token)
            answer.set_cookie(COOKIE, token, httponly=True)
        return answer

    def target(self, form: dict[str, str]) -> str | None:
        """Return the event of a command, given by IVORN or number."""
        events = [event["kb_archivid"] for event in catalogue()["events"]]
        number = form.get("idspecial") or form.get("eventid") or ""
        if number.isdigit():
            return str(events[int(number) % len(events)])
        return form["ivorn"] if form.get("ivorn") in events else None

    def rate(self, form: dict[str, str]) -> dict[str, Any]:
        """Store one rating for each user and event."""
        event, rating = self.target(form), form.get("rating", "")
        if event is None or not re.fullmatch(r"0?\.\d+|[01](\.0*)?", rating):
            return {"status": "error"}
        self.ratings[event, form.get("revision", "")] = float(rating)
        return {"status": "success", "rating": float(rating)}

    def comment(self, form: dict[str, str]) -> dict[str, Any]:
        """Store a comment, or return the existing ones."""
        event = self.target(form)
        if event is None:
            return {"status": "error"}
        if "comment" in form:
            self.comments.setdefault(event, []).append({"user": USER, "comment": form["comment"]})
            return {"status": "success"}
        return {"status": "success", "comments": self.comments.get(event, [])}

    def reference(self, form: dict[str, str]) -> dict[str, Any]:
        """Store a reference."""
        event = self.target(form)
        if event is None or not all(form.get(name) for name in ("name", "type", "url")):
            return {"status": "error"}
        self.references.append({"ivorn": event} | {name: form[name] for name in ("name", "type", "url")})
        return {"status": "success"}

    def relate(self, form: dict[str, str]) -> dict[str, Any]:
        """Store a relation."""
        events = {event["kb_archivid"] for event in catalogue()["events"]}
        known = form.get("ivorn1") in events and form.get("ivorn2") in events
        if not known or form.get("edge_type") not in VERBS:
            return {"status": "error"}
        strength = float(form.get("edge_strength") or 1)
        self.edges.append({name: form[name] for name in ("ivorn1", "ivorn2", "edge_type")} | {"strength": strength})
        return {"status": "success"}

    async def document(self, request: web.Request) -> tuple[str, bytes] | web.Response:
        """Return the IVORN and the text of an uploaded document, or an error."""
        if not self.is_signed_in(request):
            return web.Response(text="permission denied")
        posted = (await request.post()).get("uploadedFile")
        if not isinstance(posted, web.FileField):
            return web.Response(text="No uploadedFile in the request")
        content = posted.file.read()
        try:
            ivorn = ET.fromstring(content).get("ivorn", "")
        except ET.ParseError as error:
            return web.Response(text=f"The XML could not be parsed: {error}")
        return ivorn, content

    async def upload(self, request: web.Request) -> web.Response:
        """Store a new event."""
        found = await self.document(request)
        if isinstance(found, web.Response):
            return found
        self.uploads.setdefault(found[0], []).append(found[1])
        return web.Response(text="Successfully imported XML")

    async def revise(self, request: web.Request) -> web.Response:
        """Store a new revision of an existing event."""
        found = await self.document(request)
        if isinstance(found, web.Response):
            return found
        known = {event["kb_archivid"] for event in catalogue()["events"]} | set(self.uploads)
        if found[0] not in known:
            return web.Response(text=f"Event_IVORN {found[0]} matches no entry")
        self.uploads.setdefault(found[0], []).append(found[1])
        return web.Response(text="Successfully imported XML")
