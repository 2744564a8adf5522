"""Faults of response content: refusals, errors that look like success, redirects, hostile names and bodies."""

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
"""The time to wait: seconds, a date, a duration (sent as a date, counted from the response), or any text."""


def _wait(text: str) -> RetryAfter:
    """Parse a waiting time: seconds, or ``date+5`` for the date in five seconds; other text is sent unchanged."""
    if text.startswith("date"):
        return timedelta(seconds=float(text.removeprefix("date") or 0))
    return int(text) if text.isdigit() else text


@dataclass(frozen=True, kw_only=True, repr=False)
class Status(Fault):
    """
    Refuse a request, without passing it to the service.

    Parameters
    ----------
    status : int, optional
        The status code.
    retry_after : float, datetime.datetime, datetime.timedelta or str, optional
        The header Retry-After: seconds, a date, a duration (sent as a date, counted from the response), or any text.
    words, content_type : str, optional
        The body and its content type.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import sandbox
    >>> with sandbox.serve() as archive:
    ...     with archive.fault("status", status=503, retry_after=0, path="/hek", times=1) as rule:
    ...         holes = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.her.CH)
    >>> holes.file_num, rule.played
    (18, 1)
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


@dataclass(frozen=True, kw_only=True, repr=False)
class HTMLError(Fault):
    """
    Send an HTML page, with status 200.

    Parameters
    ----------
    status : int, optional
        Another status code.
    words : str, optional
        The text of the page.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, sandbox
    >>> from sunpy_helio_plugins.errors import AnswerError
    >>> with sandbox.serve() as archive, archive.fault("html_error", path="/hapi"):
    ...     try:
    ...         datasets = hapi.catalog("cdaweb")
    ...     except AnswerError as error:
    ...         print(error.words)
    JSON was expected, not text/html; charset=utf-8: Service temporarily unavailable
    """

    kind = "html_error"
    status: int = option(200, int)
    words: str = option("Service temporarily unavailable", str)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send a page."""
        head, body = f"<head><title>{self.words}</title></head>", f"<body><h1>{self.words}</h1></body>"
        page = f"<!DOCTYPE html>\n<html>{head}{body}</html>"
        return web.Response(status=self.status, text=page, content_type="text/html")


@dataclass(frozen=True, kw_only=True, repr=False)
class JSONError(Fault):
    """
    Send an error in JSON, with status 200.

    Parameters
    ----------
    status : int, optional
        Another status code.
    code, words : int and str, optional
        HAPI's code and message.
    body : str, optional
        The complete JSON text, instead of HAPI's.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, sandbox
    >>> from sunpy_helio_plugins.errors import ServiceError
    >>> with sandbox.serve() as archive, archive.fault("json_error", code=1402, words="Bad request - syntax error"):
    ...     try:
    ...         datasets = hapi.catalog("cdaweb")
    ...     except ServiceError as error:
    ...         print(error.words)
    Bad request - syntax error (HAPI 1402)
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


@dataclass(frozen=True, kw_only=True, repr=False)
class Redirect(Fault):
    """
    Redirect the client to another URL, where it is served normally.

    Parameters
    ----------
    status : int, optional
        The status code.
    to : str, optional
        A host name (the same path and port there: ``localhost`` and ``127.0.0.1`` are two origins of this archive), a
        URL or a path. The fault is not applied to a request that already has this URL.

    Examples
    --------
    >>> import requests
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("redirect", to="/hek/elsewhere"):
    ...     answer = requests.get(her.recent_url(), allow_redirects=False)
    >>> answer.status_code, answer.headers["Location"]
    (302, '/hek/elsewhere')
    """

    kind = "redirect"
    status: int = option(302, int)
    to: str = option("localhost", str)

    def meets(self, request: Request) -> bool:
        """Return whether a request is to be redirected."""
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
        """Redirect the client."""
        location = self.to if self._is_place else _elsewhere(exchange.request, self.to)
        return web.Response(status=self.status, headers={hdrs.LOCATION: location})


@dataclass(frozen=True, kw_only=True, repr=False)
class RedirectCircle(Fault):
    """
    Redirect the client to the same URL.

    Parameters
    ----------
    status : int, optional
        The status code.
    across : bool, optional
        Back and forth between ``127.0.0.1`` and ``localhost``.

    Examples
    --------
    >>> from sunpy_helio_plugins import her, sandbox
    >>> from sunpy_helio_plugins.errors import AnswerError
    >>> with sandbox.serve() as archive, archive.fault("redirect_circle"):
    ...     try:
    ...         her.recent()
    ...     except AnswerError as error:
    ...         print(error.status)
    302
    """

    kind = "redirect_circle"
    status: int = option(302, int)
    across: bool = option(False, flag)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Redirect the client in a circle."""
        here = urlsplit(f"//{exchange.request.host}").hostname or ""
        other = "127.0.0.1" if here == "localhost" else "localhost"
        location = _elsewhere(exchange.request, other if self.across else here)
        return web.Response(status=self.status, headers={hdrs.LOCATION: location})


def _elsewhere(request: web.Request, host: str) -> str:
    port = urlsplit(f"//{request.host}").port
    return f"http://{host}{f':{port}' if port else ''}{request.raw_path}"


@dataclass(frozen=True, kw_only=True, repr=False)
class RefuseHead(Fault):
    """
    Refuse HEAD.

    Parameters
    ----------
    status : int, optional
        405, as sent by a server without HEAD, or 403, as sent by a storage whose link is signed for GET.

    Examples
    --------
    >>> import requests
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("refuse_head"):
    ...     requests.head(her.recent_url()), requests.get(her.recent_url())
    (<Response [405]>, <Response [200]>)
    """

    kind = "refuse_head"
    status: int = option(405, int)

    def meets(self, request: Request) -> bool:
        """Return whether a request is a HEAD."""
        return request.method == hdrs.METH_HEAD and super().meets(request)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Refuse."""
        headers = {hdrs.ALLOW: hdrs.METH_GET} if self.status == web.HTTPMethodNotAllowed.status_code else {}
        return web.Response(status=self.status, headers=headers)


@dataclass(frozen=True, kw_only=True, repr=False)
class IgnoreRange(Fault):
    """
    Respond to a range request with the complete body and status 200.

    Examples
    --------
    >>> import requests
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("ignore_range"):
    ...     requests.get(her.recent_url(), headers={"Range": "bytes=0-9"})
    <Response [200]>
    """

    kind = "ignore_range"

    def meets(self, request: Request) -> bool:
        """Return whether a request is a range request."""
        return "range" in request.headers and super().meets(request)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send the complete body."""
        answer = await exchange.answer(without=(hdrs.RANGE, hdrs.IF_RANGE))
        await exchange.head(answer)
        await exchange.send(answer.body)
        return exchange.close()


@dataclass(frozen=True, kw_only=True, repr=False)
class HostileName(Fault):
    """
    Send a malicious file name in Content-Disposition.

    Parameters
    ----------
    name : str, optional
        The name, which is sent unchanged.
    extended : bool, optional
        Send it percent-encoded as ``filename*``, which may contain any character.

    Examples
    --------
    >>> import requests
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("hostile_name", name="../../.profile"):
    ...     print(requests.get(her.recent_url()).headers["Content-Disposition"])
    attachment; filename="../../.profile"
    """

    kind = "hostile_name"
    name: str = option("../../x", str)
    extended: bool = option(False, flag)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send the response with a malicious name."""
        answer = await exchange.answer()
        plain = f'filename="{self.name}"'
        name = f"filename*=UTF-8''{quote(self.name, safe='')}" if self.extended else plain
        answer.headers[hdrs.CONTENT_DISPOSITION] = f"attachment; {name}"
        await exchange.head(answer)
        await exchange.send(answer.body)
        return exchange.close()


@dataclass(frozen=True, kw_only=True, repr=False)
class GzipBomb(Fault):
    """
    Send the response compressed, padded with spaces so that it is large when it is decompressed.

    Parameters
    ----------
    size : int, optional
        The size in bytes after decompression.

    Examples
    --------
    >>> import requests
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("gzip_bomb", size=1_000_000):
    ...     answer = requests.get(her.recent_url())
    >>> len(answer.content), int(answer.headers["Content-Length"]) < 10_000
    (1000000, True)
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
