"""Faults of the connection: responses that hang, are truncated, slow or reset, or have a wrong length."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import hdrs, web

from sunpy_helio_plugins.sandbox.faults.base import Fault, option
from sunpy_helio_plugins.sandbox.faults.wire import Answer, Exchange, hold

__all__ = [
    "CutChunked", "CutClose", "CutLength", "HangBefore", "HangBody", "HangUp", "Reset", "SlowDrip", "WrongLength",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True, repr=False)
class HangBefore(Fault):
    """
    Send nothing for a while, then respond normally.

    Parameters
    ----------
    seconds : float, optional
        The duration. Defaults to the end of the fault, when the connection is closed.

    Examples
    --------
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("hang_before", seconds=0.1) as rule:
    ...     print(len(her.recent()), rule.played)
    15 1
    """

    kind = "hang_before"
    seconds: float | None = option(None, float)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Wait, then respond."""
        await hold(self.seconds)
        return await exchange.pass_on()


@dataclass(frozen=True, kw_only=True, repr=False)
class HangUp(Fault):
    """
    Close the connection without a response.

    Examples
    --------
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("hang_up", times=1) as rule:
    ...     print(len(her.recent()), rule.played)  # the request is repeated
    15 1
    """

    kind = "hang_up"

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Close."""
        return exchange.close()


@dataclass(frozen=True, kw_only=True, repr=False)
class _PartWay(Fault):
    """
    A fault within the body.

    Parameters
    ----------
    after_bytes : int, optional
        The number of bytes of the body sent before the fault; at most all but one. Defaults to half of the body.
    """

    after_bytes: int | None = option(None, int)

    def parts(self, answer: Answer) -> tuple[bytes, bytes]:
        """Return the parts of the body before and after the fault."""
        most = max(len(answer.body) - 1, 0)
        place = min(len(answer.body) // 2 if self.after_bytes is None else self.after_bytes, most)
        return answer.body[:place], answer.body[place:]


@dataclass(frozen=True, kw_only=True, repr=False)
class HangBody(_PartWay):
    """
    Stop within the body for a while, then send the rest.

    Parameters
    ----------
    after_bytes : int, optional
        The number of bytes of the body sent before the fault; at most all but one. Defaults to half of the body.
    seconds : float, optional
        The duration. Defaults to the end of the fault, when the connection is closed.

    Examples
    --------
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("hang_body", seconds=0.1) as rule:
    ...     print(len(her.recent()), rule.played)
    15 1
    """

    kind = "hang_body"
    seconds: float | None = option(None, float)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send a part, wait, send the rest."""
        answer = await exchange.answer()
        first, rest = self.parts(answer)
        await exchange.head(answer)
        await exchange.send(first)
        await hold(self.seconds)
        await exchange.send(rest)
        return exchange.close()


@dataclass(frozen=True, kw_only=True, repr=False)
class CutLength(_PartWay):
    """
    Send the Content-Length of the complete body, and close the connection within the body.

    Parameters
    ----------
    after_bytes : int, optional
        The number of bytes of the body sent before the fault; at most all but one. Defaults to half of the body.

    Examples
    --------
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("cut_length", times=1) as rule:
    ...     print(len(her.recent()), rule.played)  # the request is repeated
    15 1
    """

    kind = "cut_length"

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send a part and close."""
        answer = await exchange.answer()
        await exchange.head(answer)
        await exchange.send(self.parts(answer)[0])
        return exchange.close()


@dataclass(frozen=True, kw_only=True, repr=False)
class CutClose(_PartWay):
    """
    Close the connection within a body without a Content-Length, whose end is the end of the connection.

    Parameters
    ----------
    after_bytes : int, optional
        The number of bytes of the body sent before the fault; at most all but one. Defaults to half of the body.
    version : str, optional
        The version of HTTP in the status line. Defaults to 1.1, with ``Connection: close``.

    Examples
    --------
    >>> import requests
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("cut_close", after_bytes=19):
    ...     print(requests.get(her.recent_url()).text)
    <html><head><title>
    """

    kind = "cut_close"
    version: str = option("1.1", str)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send a part and close."""
        answer = await exchange.answer()
        await exchange.head(answer, {}, self.version)
        await exchange.send(self.parts(answer)[0])
        return exchange.close()


@dataclass(frozen=True, kw_only=True, repr=False)
class CutChunked(_PartWay):
    """
    Send chunks and close the connection before the last one, which marks the end of the body.

    Parameters
    ----------
    after_bytes : int, optional
        The number of bytes of the body sent before the fault; at most all but one. Defaults to half of the body.
    piece : int, optional
        The size of a chunk in bytes.

    Examples
    --------
    >>> import requests
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("cut_chunked"):
    ...     try:
    ...         requests.get(her.recent_url())
    ...     except requests.exceptions.ChunkedEncodingError:
    ...         print("the last chunk is missing")
    the last chunk is missing
    """

    kind = "cut_chunked"
    piece: int = option(1024, int)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send some chunks and close."""
        answer = await exchange.answer()
        await exchange.head(answer, {hdrs.TRANSFER_ENCODING: "chunked"})
        body = self.parts(answer)[0]
        for start in range(0, len(body), self.piece):
            chunk = body[start : start + self.piece]
            await exchange.send(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        return exchange.close()


@dataclass(frozen=True, kw_only=True, repr=False)
class WrongLength(Fault):
    """
    Send the complete body with a wrong Content-Length, and close the connection.

    Parameters
    ----------
    by : int, optional
        The number of bytes by which it is too large; too small if negative.

    Examples
    --------
    >>> import requests
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive:
    ...     right = requests.get(her.recent_url())
    ...     with archive.fault("wrong_length", by=-100):
    ...         wrong = requests.get(her.recent_url())
    >>> len(right.content) - len(wrong.content)
    100
    """

    kind = "wrong_length"
    by: int = option(10, int)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send the body with a wrong length."""
        answer = await exchange.answer()
        await exchange.head(answer, {hdrs.CONTENT_LENGTH: str(max(answer.length + self.by, 0))})
        await exchange.send(answer.body)
        return exchange.close()


@dataclass(frozen=True, kw_only=True, repr=False)
class SlowDrip(Fault):
    """
    Send the body slowly.

    Parameters
    ----------
    seconds : float, optional
        The time between two pieces.
    piece : int, optional
        The size of a piece in bytes.

    Examples
    --------
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("slow_drip", seconds=0.01, piece=1000) as rule:
    ...     print(len(her.recent()), rule.played)
    15 1
    """

    kind = "slow_drip"
    seconds: float = option(0.1, float)
    piece: int = option(1, int)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send the body slowly."""
        answer = await exchange.answer()
        await exchange.head(answer)
        for start in range(0, len(answer.body), self.piece):
            await exchange.send(answer.body[start : start + self.piece])
            await asyncio.sleep(self.seconds)
        return exchange.close()


@dataclass(frozen=True, kw_only=True, repr=False)
class Reset(Fault):
    """
    Reset the connection (RST).

    Parameters
    ----------
    after_bytes : int, optional
        The number of bytes of the body sent before the reset. Defaults to a reset before the response.

    Examples
    --------
    >>> import requests
    >>> from sunpy_helio_plugins import her, sandbox
    >>> with sandbox.serve() as archive, archive.fault("reset"):
    ...     try:
    ...         requests.get(her.recent_url())
    ...     except requests.ConnectionError:
    ...         print("no response")
    no response
    """

    kind = "reset"
    after_bytes: int | None = option(None, int)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send the beginning and reset the connection."""
        if self.after_bytes is not None:
            answer = await exchange.answer()
            await exchange.head(answer)
            await exchange.send(answer.body[: self.after_bytes])
            await exchange.flush()
            # A reset may discard data that the client's system has received but its program has not read.
            await asyncio.sleep(0.1)
        return exchange.reset()
