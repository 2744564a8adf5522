"""Faults of what is said: refusals, errors that look like success, redirections, hostile names and bodies."""

from __future__ import annotations

import asyncio
import json
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from aiohttp import hdrs, web

from sunpy_helio_plugins.sandbox.faults.base import Fault, flag, option
from sunpy_helio_plugins.sandbox.faults.wire import Exchange

if TYPE_CHECKING:
    from sunpy_helio_plugins.sandbox.request import Request

__all__ = [
    "GzipBomb", "HTMLError", "HostileName", "IgnoreRange", "JSONError", "Redirect", "RedirectCircle", "RefuseHead",
    "RetryAfter", "Status",
]  # fmt: skip

RetryAfter = float | datetime | timedelta | str
"""How long to wait: seconds, a moment, a span that is said as a date counted from the answer, or any text."""


def _wait(text: str) -> RetryAfter:
    """Read how long to wait: seconds, or ``date+5`` for the date in five seconds; other text is sent as it is."""
    if text.startswith("date"):
        return timedelta(seconds=float(text.removeprefix("date") or 0))
    return int(text) if text.isdigit() else text


@dataclass(frozen=True, kw_only=True)
class Status(Fault):
    """
    Refuse, without asking the service.

    Parameters
    ----------
    status : int, optional
        The status code.
    retry_after : float, datetime.datetime, datetime.timedelta or str, optional
        The header Retry-After: seconds, a moment, a span from the answer that is said as a date, or any text.
    words, content_type : str, optional
        The body and what it claims to be.
    """

    kind = "status"
    status: int = option(500, int)
    retry_after: RetryAfter | None = option(None, _wait)  # noqa: RUF009 - makes a field
    words: str = option("The embedded archive was asked to fail.", str)
    content_type: str = option("text/plain", str)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Refuse."""
        headers = {} if self.retry_after is None else {hdrs.RETRY_AFTER: _retry_text(self.retry_after)}
        return web.Response(status=self.status, text=self.words, content_type=self.content_type, headers=headers)


def _retry_text(value: RetryAfter) -> str:
    if isinstance(value, timedelta):
        value = datetime.now(UTC) + value
    return format_datetime(value.astimezone(UTC), usegmt=True) if isinstance(value, datetime) else str(value)


@dataclass(frozen=True, kw_only=True)
class HTMLError(Fault):
    """
    Answer with a page for people, under status 200.

    Parameters
    ----------
    status : int, optional
        Another status code.
    words : str, optional
        What the page says.
    """

    kind = "html_error"
    status: int = option(200, int)
    words: str = option("Service temporarily unavailable", str)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send a page."""
        head, body = f"<head><title>{self.words}</title></head>", f"<body><h1>{self.words}</h1></body>"
        page = f"<!DOCTYPE html>\n<html>{head}{body}</html>"
        return web.Response(status=self.status, text=page, content_type="text/html")


@dataclass(frozen=True, kw_only=True)
class JSONError(Fault):
    """
    Answer with an error in JSON, under status 200.

    Parameters
    ----------
    status : int, optional
        Another status code.
    code, words : int and str, optional
        HAPI's code and message.
    body : str, optional
        The whole JSON text, instead of HAPI's.
    """

    kind = "json_error"
    status: int = option(200, int)
    code: int = option(1500, int)
    words: str = option("Internal server error", str)
    body: str = option("", str)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send JSON."""
        error = {"HAPI": "3.2", "status": {"code": self.code, "message": self.words}}
        text = self.body or json.dumps(error)
        return web.Response(status=self.status, text=text, content_type="application/json")


@dataclass(frozen=True, kw_only=True)
class Redirect(Fault):
    """
    Send the client on to another place, where it is served well.

    Parameters
    ----------
    status : int, optional
        The status code.
    to : str, optional
        A host name (the same path and port there: ``localhost`` and ``127.0.0.1`` are this archive, and two origins), a
        URL or a path. A request that is there already does not meet the fault.
    """

    kind = "redirect"
    status: int = option(302, int)
    to: str = option("localhost", str)

    def meets(self, request: Request) -> bool:
        """Tell whether a request is to be sent on."""
        there = urlsplit(self.to) if self._is_place else None
        host = request.headers.get("host", "")
        if there is None:
            arrived = urlsplit(f"//{host}").hostname == self.to
        else:
            arrived = there.netloc in ("", host) and there.path == request.path
        return super().meets(request) and not arrived

    @property
    def _is_place(self) -> bool:
        return "/" in self.to

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send the client on."""
        location = self.to if self._is_place else _elsewhere(exchange.request, self.to)
        return web.Response(status=self.status, headers={hdrs.LOCATION: location})


@dataclass(frozen=True, kw_only=True)
class RedirectCircle(Fault):
    """
    Send the client to where it is.

    Parameters
    ----------
    status : int, optional
        The status code.
    across : bool, optional
        To and fro between ``127.0.0.1`` and ``localhost``.
    """

    kind = "redirect_circle"
    status: int = option(302, int)
    across: bool = option(False, flag)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send the client round."""
        here = urlsplit(f"//{exchange.request.host}").hostname or ""
        other = "127.0.0.1" if here == "localhost" else "localhost"
        location = _elsewhere(exchange.request, other if self.across else here)
        return web.Response(status=self.status, headers={hdrs.LOCATION: location})


def _elsewhere(request: web.Request, host: str) -> str:
    port = urlsplit(f"//{request.host}").port
    return f"http://{host}{f':{port}' if port else ''}{request.raw_path}"


@dataclass(frozen=True, kw_only=True)
class RefuseHead(Fault):
    """
    Refuse HEAD.

    Parameters
    ----------
    status : int, optional
        405, as a server without it says, or 403, as a storage says whose link is signed for GET.
    """

    kind = "refuse_head"
    status: int = option(405, int)

    def meets(self, request: Request) -> bool:
        """Tell whether a request is a HEAD."""
        return request.method == hdrs.METH_HEAD and super().meets(request)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Refuse."""
        headers = {hdrs.ALLOW: hdrs.METH_GET} if self.status == web.HTTPMethodNotAllowed.status_code else {}
        return web.Response(status=self.status, headers=headers)


@dataclass(frozen=True, kw_only=True)
class IgnoreRange(Fault):
    """Answer a request for a range with the whole body and status 200."""

    kind = "ignore_range"

    def meets(self, request: Request) -> bool:
        """Tell whether a request asks for a range."""
        return "range" in request.headers and super().meets(request)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send everything."""
        answer = await exchange.answer(without=(hdrs.RANGE, hdrs.IF_RANGE))
        await exchange.head(answer)
        await exchange.send(answer.body)
        return exchange.close()


@dataclass(frozen=True, kw_only=True)
class HostileName(Fault):
    """
    Name the file in Content-Disposition as a friend would not.

    Parameters
    ----------
    name : str, optional
        The name, which is sent as it is.
    extended : bool, optional
        Say it percent-encoded as ``filename*``, which may hold anything.
    """

    kind = "hostile_name"
    name: str = option("../../x", str)
    extended: bool = option(False, flag)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send the answer under a hostile name."""
        answer = await exchange.answer()
        plain = f'filename="{self.name}"'
        name = f"filename*=UTF-8''{quote(self.name, safe='')}" if self.extended else plain
        answer.headers[hdrs.CONTENT_DISPOSITION] = f"attachment; {name}"
        await exchange.head(answer)
        await exchange.send(answer.body)
        return exchange.close()


@dataclass(frozen=True, kw_only=True)
class GzipBomb(Fault):
    """
    Send the answer compressed, and so many spaces behind it that it is large when it is unpacked.

    Parameters
    ----------
    size : int, optional
        Its size in bytes when it is unpacked.
    """

    kind = "gzip_bomb"
    size: int = option(100_000_000, int)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send the bomb."""
        answer = await exchange.answer(without=(hdrs.ACCEPT_ENCODING,))
        packed = await asyncio.to_thread(_inflated, answer.body, self.size)
        answer.headers[hdrs.CONTENT_ENCODING] = "gzip"
        await exchange.head(answer, {hdrs.CONTENT_LENGTH: str(len(packed))})
        await exchange.send(packed if exchange.request.method != hdrs.METH_HEAD else b"")
        return exchange.close()


def _inflated(body: bytes, size: int, step: int = 2**20) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(body)]
    blank = b" " * step
    parts += [packer.compress(blank[: size - start]) for start in range(len(body), size, step)]
    return b"".join([*parts, packer.flush()])
