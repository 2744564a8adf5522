"""Faults of the connection: answers that hang, are cut, promise a wrong length, drip or are reset."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from aiohttp import hdrs, web

from sunpy_helio_plugins.sandbox.faults.base import Fault, option
from sunpy_helio_plugins.sandbox.faults.wire import Answer, Exchange, hold

__all__ = [
    "CutChunked", "CutClose", "CutLength", "HangBefore", "HangBody", "HangUp", "Reset", "SlowDrip", "WrongLength",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class HangBefore(Fault):
    """
    Say nothing for a while, then answer well.

    Parameters
    ----------
    seconds : float, optional
        How long. Defaults to the end of the fault, at which the connection is dropped.
    """

    kind = "hang_before"
    seconds: float | None = option(None, float)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Wait, then answer."""
        await hold(self.seconds)
        return await exchange.pass_on()


@dataclass(frozen=True, kw_only=True)
class HangUp(Fault):
    """Close the connection without an answer."""

    kind = "hang_up"

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Close."""
        return exchange.close()


@dataclass(frozen=True, kw_only=True)
class _PartWay(Fault):
    """
    A fault inside the body.

    Parameters
    ----------
    after_bytes : int, optional
        How much of the body comes first; at most all but its last byte. Defaults to half of it.
    """

    after_bytes: int | None = option(None, int)

    def parts(self, answer: Answer) -> tuple[bytes, bytes]:
        """Return what of the body comes before the fault and what does not."""
        most = max(len(answer.body) - 1, 0)
        place = min(len(answer.body) // 2 if self.after_bytes is None else self.after_bytes, most)
        return answer.body[:place], answer.body[place:]


@dataclass(frozen=True, kw_only=True)
class HangBody(_PartWay):
    """
    Stop in the body for a while, then send the rest.

    Parameters
    ----------
    after_bytes : int, optional
        How much of the body comes first; at most all but its last byte. Defaults to half of it.
    seconds : float, optional
        How long. Defaults to the end of the fault, at which the connection is dropped.
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


@dataclass(frozen=True, kw_only=True)
class CutLength(_PartWay):
    """
    Promise the whole body by Content-Length and close inside it.

    Parameters
    ----------
    after_bytes : int, optional
        How much of the body comes first; at most all but its last byte. Defaults to half of it.
    """

    kind = "cut_length"

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send a part and close."""
        answer = await exchange.answer()
        await exchange.head(answer)
        await exchange.send(self.parts(answer)[0])
        return exchange.close()


@dataclass(frozen=True, kw_only=True)
class CutClose(_PartWay):
    """
    Promise nothing, as the end of the connection is the end of the body, and close inside it.

    Parameters
    ----------
    after_bytes : int, optional
        How much of the body comes first; at most all but its last byte. Defaults to half of it.
    version : str, optional
        The version of HTTP in the status line. Defaults to 1.1, with ``Connection: close``.
    """

    kind = "cut_close"
    version: str = option("1.1", str)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send a part and close."""
        answer = await exchange.answer()
        await exchange.head(answer, {}, self.version)
        await exchange.send(self.parts(answer)[0])
        return exchange.close()


@dataclass(frozen=True, kw_only=True)
class CutChunked(_PartWay):
    """
    Send chunks and close before the last, which says that the body is whole.

    Parameters
    ----------
    after_bytes : int, optional
        How much of the body comes first; at most all but its last byte. Defaults to half of it.
    piece : int, optional
        The size of a chunk in bytes.
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


@dataclass(frozen=True, kw_only=True)
class WrongLength(Fault):
    """
    Send the whole body under a wrong Content-Length, and close.

    Parameters
    ----------
    by : int, optional
        By how many bytes it is too long; too short where negative.
    """

    kind = "wrong_length"
    by: int = option(10, int)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send the body under a wrong length."""
        answer = await exchange.answer()
        await exchange.head(answer, {hdrs.CONTENT_LENGTH: str(max(answer.length + self.by, 0))})
        await exchange.send(answer.body)
        return exchange.close()


@dataclass(frozen=True, kw_only=True)
class SlowDrip(Fault):
    """
    Send the body slowly.

    Parameters
    ----------
    seconds : float, optional
        The time between two pieces.
    piece : int, optional
        The size of a piece in bytes.
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


@dataclass(frozen=True, kw_only=True)
class Reset(Fault):
    """
    Reset the connection (RST).

    Parameters
    ----------
    after_bytes : int, optional
        How much of the body comes first. Defaults to a reset before the answer.
    """

    kind = "reset"
    after_bytes: int | None = option(None, int)

    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Send what is to be sent and reset."""
        if self.after_bytes is not None:
            answer = await exchange.answer()
            await exchange.head(answer)
            await exchange.send(answer.body[: self.after_bytes])
            await exchange.flush()
            # A reset may take with it what the other side's system has got but its program has not read.
            await asyncio.sleep(0.1)
        return exchange.reset()
