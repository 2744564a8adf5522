"""A server with raw sockets, which sends exactly the bytes of a test."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator

Talk = Callable[[socket.socket, bytes], None]
"""A function that handles a connection: it takes the socket and the request's header."""


@contextlib.contextmanager
def wire(*talks: Talk) -> Iterator[tuple[str, list[bytes]]]:
    """
    Handle each connection with the next of ``talks``; the last one handles all that follow.

    Yields the server's URL and the list of request headers received.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    ending, end = socket.socketpair()
    heads: list[bytes] = []
    threads: list[threading.Thread] = []

    def serve() -> None:
        number = 0
        while ending not in select.select([listener, ending], [], [])[0]:
            connection, _ = listener.accept()
            talk = talks[min(number, len(talks) - 1)]
            number += 1
            thread = threading.Thread(target=converse, args=(connection, talk), daemon=True)
            threads.append(thread)
            thread.start()

    def converse(connection: socket.socket, talk: Talk) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            head = b""
            while b"\r\n\r\n" not in head:
                part = connection.recv(65536)
                if not part:
                    return
                head += part
            heads.append(head)
            talk(connection, head)

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heads
    finally:
        end.close()
        server.join()
        for thread in threads:
            thread.join(timeout=10)
        listener.close()
        ending.close()


def say(status: str = "200 OK", body: bytes = b"", **headers: str) -> Talk:
    """Send a complete response."""

    def talk(connection: socket.socket, head: bytes) -> None:
        lines = {"Content-Length": str(len(body)), "Connection": "close"}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
        connection.sendall(f"HTTP/1.1 {status}\r\n{text}\r\n".encode() + (b"" if head.startswith(b"HEAD ") else body))

    return talk


def drip(data: bytes, pause: float, ended: list[bytes]) -> Talk:
    """Send an incomplete response one byte at a time; add the request to ``ended`` if the client takes all of it."""

    def talk(connection: socket.socket, head: bytes) -> None:
        for index in range(len(data)):
            connection.sendall(data[index : index + 1])
            time.sleep(pause)
        ended.append(head)

    return talk


def hang_up(connection: socket.socket, head: bytes) -> None:
    """Close without a response."""


def until_left(seen: list[str]) -> Talk:
    """Send nothing until the client leaves; add "left" to ``seen``, or "stayed" if it waits for half a minute."""

    def talk(connection: socket.socket, head: bytes) -> None:
        connection.settimeout(30)
        try:
            seen.append("data" if connection.recv(1) else "left")
        except TimeoutError:
            seen.append("stayed")
        except OSError:
            seen.append("left")

    return talk


def silent(seconds: float) -> Talk:
    """Receive the request and send nothing."""

    def talk(connection: socket.socket, head: bytes) -> None:
        time.sleep(seconds)

    return talk
