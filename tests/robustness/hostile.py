"""A hostile server on raw sockets: right answers written out as data, and faults between them and the client."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = ["SERVER_THREAD", "Answer", "Fault", "Hostile", "Request", "Route", "closed_port", "hostile", "reset"]

SERVER_THREAD = "hostile server"
"""The name of each of the server's threads."""


@dataclass(frozen=True)
class Request:
    """A request as it was received."""

    method: str
    target: str
    head: bytes
    body: bytes = b""

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the query."""
        return dict(parse_qsl(urlsplit(self.target).query))


@dataclass(frozen=True)
class Answer:
    """A right answer."""

    body: bytes = b""
    kind: str = "application/json"
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = ()

    def head(self, *without: str, **more: str) -> bytes:
        """Return the bytes of the head; ``more`` replaces headers, and ``without`` removes them."""
        named = {"Content-Type": self.kind, "Content-Length": str(len(self.body)), "Connection": "close"}
        named |= dict(self.headers) | {name.replace("_", "-"): value for name, value in more.items()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items() if name not in without)
        return f"HTTP/1.1 {self.status}\r\n{lines}\r\n".encode("latin-1")

    def raw(self) -> bytes:
        return self.head() + self.body


@dataclass(frozen=True)
class Fault:
    """
    Something that goes wrong in place of an answer.

    ``play`` sends bytes to the connection. ``is_visible`` tells whether a client can find the fault: a body with other
    values is a right answer to another question. ``tags`` are families, for samples.
    """

    name: str
    play: Callable[[socket.socket, Answer, Request, Hostile], None]
    is_visible: bool = True
    family: str = ""


@dataclass(frozen=True)
class Route:
    """A stage of a client: requests that match, and their answer."""

    stage: str
    method: str
    pattern: str
    answer: Callable[[Request, str], Answer]

    def meets(self, request: Request) -> bool:
        return request.method == self.method and re.fullmatch(self.pattern, request.path) is not None


@dataclass
class Hostile:
    """The state of a running server: its routes, the fault to play and where, and what was received."""

    routes: tuple[Route, ...]
    url: str = ""
    other: str = ""
    fault: Fault | None = None
    stage: str = ""
    times: int = 10**9
    broken: frozenset[str] = frozenset()
    played: int = 0
    log: list[tuple[str, Request]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(
        self, fault: Fault | None, stage: str = "", times: int = 10**9, broken: frozenset[str] = frozenset()
    ) -> None:
        """Play a fault at a stage from now on, for a number of requests; ``broken`` stages always fail."""
        with self._lock:
            self.fault, self.stage, self.times, self.broken, self.played = fault, stage, times, broken, 0
            self.log.clear()

    def converse(self, connection: socket.socket, request: Request) -> None:
        """Answer one request."""
        route = next((route for route in self.routes if route.meets(request)), None)
        stage = route.stage if route else "unknown"
        self.log.append((stage, request))
        if route is None:
            connection.sendall(Answer(b"no such address", "text/plain", "404 Not Found").raw())
            return
        if stage in self.broken:
            connection.sendall(Answer(b"broken", "text/plain", "500 Internal Server Error").raw())
            return
        answer = route.answer(request, self.url)
        with self._lock:
            plays = self.fault is not None and stage == self.stage and self.played < self.times
            self.played += plays
        if plays and self.fault is not None:
            self.fault.play(connection, answer, request, self)
        else:
            connection.sendall(answer.raw())


def reset(connection: socket.socket) -> None:
    """Close a connection with a reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def closed_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _received(connection: socket.socket) -> Request | None:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)^content-length: *(\d+)", head, re.M)
    while length and len(body) < int(length[1]):
        part = connection.recv(65536)
        if not part:
            return None
        body += part
    method, target, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ", 2)
    return Request(method, target, head, body)


@contextlib.contextmanager
def hostile(routes: tuple[Route, ...]) -> Iterator[Hostile]:
    """Run a server with these routes, and a second one on another port that gives the right answers only."""
    server, other = Hostile(routes), Hostile(routes)
    with contextlib.ExitStack() as stack:
        for one in (other, server):
            one.url = stack.enter_context(_listening(one))
        server.other = other.url
        yield server


@contextlib.contextmanager
def _listening(state: Hostile) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threads: set[threading.Thread] = set()

    def converse(connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            connection.settimeout(10)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            request = _received(connection)
            if request is not None:
                state.converse(connection, request)
        threads.discard(threading.current_thread())

    def accept() -> None:
        while not state.stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=converse, args=(connection,), name=SERVER_THREAD, daemon=True)
            threads.add(thread)
            thread.start()

    thread = threading.Thread(target=accept, name=SERVER_THREAD, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        state.stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=5)
        for one in list(threads):
            one.join(timeout=5)


def everything(value: Any) -> Callable[[Request, str], Answer]:
    """Return a route's answer that is always the same."""
    return lambda request, url: value
