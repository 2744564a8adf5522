"""A client with plain sockets, which records exactly the bytes received."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

SILENCE = 0.8
"""Seconds without data after which a connection counts as silent."""


class Heard(NamedTuple):
    """A response: the bytes, how it ended, and the time of each piece after the request."""

    raw: bytes
    end: str
    times: list[float]

    @property
    def head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def status_line(self) -> str:
        return self.head.split("\r\n")[0]

    @property
    def status(self) -> int:
        return int(self.status_line.split()[1])

    @property
    def headers(self) -> dict[str, str]:
        pairs = (line.partition(": ") for line in self.head.split("\r\n")[1:])
        return {name.lower(): value for name, _, value in pairs}


@contextlib.contextmanager
def ask(url: str, method: str = "GET", headers: dict[str, str] | None = None) -> Iterator[socket.socket]:
    """Send a request; yield the socket before anything is read."""
    place = urlsplit(url)
    path = place.path + (f"?{place.query}" if place.query else "")
    fields = {"Host": place.netloc, "Connection": "close", **(headers or {})}
    text = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    # The archive listens on 127.0.0.1 for any host name in a request.
    with socket.create_connection(("127.0.0.1", place.port or 80), timeout=10) as connection:
        connection.sendall(f"{text}\r\n".encode())
        yield connection


def listen(connection: socket.socket, silence: float = 10) -> Heard:
    """Read until the connection is closed or reset, or until no data was received for some seconds."""
    connection.settimeout(silence)
    start, raw, times = time.monotonic(), b"", []
    while True:
        try:
            part = connection.recv(65536)
        except TimeoutError:
            return Heard(raw, "silent", times)
        except ConnectionResetError:
            return Heard(raw, "reset", times)
        if not part:
            return Heard(raw, "closed", times)
        raw += part
        times.append(time.monotonic() - start)


def hear(url: str, method: str = "GET", headers: dict[str, str] | None = None, silence: float = 10) -> Heard:
    """Send a request and read the complete response."""
    with ask(url, method, headers) as connection:
        return listen(connection, silence)
