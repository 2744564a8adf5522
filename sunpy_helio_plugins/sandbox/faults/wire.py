"""The response that the service would have sent, and the connection to which a fault writes."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import abc, hdrs, web
from multidict import CIMultiDict

__all__ = ["Answer", "Exchange", "Handler", "Spoken", "hold"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Each fault delimits its responses itself.
_FRAMING = (hdrs.CONTENT_LENGTH, hdrs.TRANSFER_ENCODING, hdrs.CONNECTION)
_BUFFERED = 2**16
_WINDOW_BITS = {"gzip": 31, "deflate": 15}


@dataclass(frozen=True)
class Answer:
    """
    A complete response, not yet sent.

    Attributes
    ----------
    status : int
        The status code.
    reason : str
        The reason phrase.
    headers : `multidict.CIMultiDict`
        The header fields, without those that delimit the body.
    body : bytes
        The body; empty for a response to HEAD.
    length : int
        The body's length in bytes; for a response to HEAD that of the body of the corresponding GET.
    """

    status: int
    reason: str
    headers: CIMultiDict[str]
    body: bytes
    length: int


class Spoken(web.StreamResponse):
    """The response to a request that was already answered on the wire; the connection is closed after it."""

    def __init__(self) -> None:
        super().__init__()
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> abc.AbstractStreamWriter | None:
        """Do not send a header."""
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Do not send a body."""


class _Recorder(abc.AbstractStreamWriter):
    """Record what a response writes."""

    def __init__(self) -> None:
        self.status_line = ""
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.body = bytearray()
        self._compressor: Any = None

    async def write(self, chunk: bytes | bytearray | memoryview) -> None:
        self.body += self._compressor.compress(chunk) if self._compressor else chunk

    async def write_eof(self, chunk: bytes = b"") -> None:
        await self.write(chunk)
        if self._compressor:
            self.body += self._compressor.flush()
            self._compressor = None

    async def drain(self) -> None:
        pass

    def enable_compression(self, encoding: str = "deflate", strategy: int | None = None) -> None:
        self._compressor = zlib.compressobj(wbits=_WINDOW_BITS[encoding])

    def enable_chunking(self) -> None:
        pass

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        self.status_line, self.headers = status_line, headers.copy()

    def answer(self) -> Answer:
        """Return the recorded response."""
        _, code, reason = self.status_line.split(" ", 2)
        length = int(self.headers.get(hdrs.CONTENT_LENGTH, len(self.body)))
        headers = self.headers.copy()
        for name in _FRAMING:
            headers.popall(name, None)
        return Answer(int(code), reason, headers, bytes(self.body), length)


class Exchange:
    """One request that is handled by a fault: the request and the service's handler."""

    def __init__(self, request: web.Request, handler: Handler) -> None:
        self.request = request
        self._handler = handler

    async def pass_on(self) -> web.StreamResponse:
        """Let the service respond normally."""
        return await self._handler(self.request)

    async def answer(self, without: Iterable[str] = ()) -> Answer:
        """Return the service's response without sending it; the service does not see the headers ``without``."""
        headers = self.request.headers.copy()
        for name in without:
            headers.popall(name, None)
        request, recorder = self.request.clone(headers=headers), _Recorder()
        # aiohttp does not have a public API for sending a response elsewhere than to its request's connection.
        request._payload_writer = recorder
        try:
            response = await self._handler(request)
        except web.HTTPException as refusal:
            response = refusal
        if isinstance(response, web.FileResponse):
            # Otherwise the kernel sends the file directly to the connection, bypassing the recorder.
            response.enable_compression(web.ContentCoding.identity)
        await response.prepare(request)
        await response.write_eof()
        return recorder.answer()

    async def head(self, answer: Answer, framing: Mapping[str, str] | None = None, version: str = "1.1") -> None:
        """Send a status line and headers; ``framing`` delimits the body, by default by the right Content-Length."""
        fields = [*answer.headers.items(), *self._framing(answer, framing).items(), (hdrs.CONNECTION, "close")]
        lines = [f"HTTP/{version} {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in fields)]
        await self.send("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape"))

    @staticmethod
    def _framing(answer: Answer, framing: Mapping[str, str] | None) -> Mapping[str, str]:
        return {hdrs.CONTENT_LENGTH: str(answer.length)} if framing is None else framing

    async def send(self, data: bytes) -> None:
        """Send bytes unchanged, and wait until the system has accepted (nearly) all of them."""
        transport = self._transport()
        transport.write(data)
        while transport.get_write_buffer_size() > _BUFFERED:
            await asyncio.sleep(0.005)
            self._transport()

    async def flush(self) -> None:
        """Wait until the system has accepted every byte."""
        while self._transport().get_write_buffer_size():
            await asyncio.sleep(0.005)

    def close(self) -> Spoken:
        """Close the connection when everything is sent."""
        if self.request.transport is not None:
            self.request.transport.close()
        return Spoken()

    def reset(self) -> Spoken:
        """Reset the connection: the client receives RST instead of FIN."""
        transport = self._transport()
        linger_not = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_not)
        transport.abort()
        return Spoken()

    def drop(self) -> Spoken:
        """Close the connection immediately, without sending remaining data."""
        if self.request.transport is not None:
            self.request.transport.abort()
        return Spoken()

    @property
    def gone(self) -> bool:
        """Whether the client has disconnected."""
        return self.request.transport is None or self.request.transport.is_closing()

    def _transport(self) -> asyncio.WriteTransport:
        transport = self.request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("The client has hung up.")
        return transport


async def hold(seconds: float | None) -> None:
    """Wait for some seconds; `None` waits until the fault ends, which cancels it."""
    if seconds is None:
        await asyncio.get_running_loop().create_future()
    else:
        await asyncio.sleep(seconds)
