"""A registry with given responses, for tests that the embedded archive does not cover."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from sunpy_helio_plugins import conf


class Scripted:
    """Send responses in turn, and then the last one repeatedly; `asked` contains the paths of the requests."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.asked: list[str] = []

    def say(self, *bodies: Any) -> None:
        self.bodies = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """Return a server on loopback, with this package directed to it."""
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script.asked.append(self.path)
            body = script.bodies[min(len(script.asked), len(script.bodies)) - 1]
            status = 503 if body == b"503" else 200
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if body.startswith(b"<") else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    with conf.her.set_temp("url", f"http://127.0.0.1:{server.server_port}/hek/her"), conf.set_temp("retries", 0):
        yield script
    server.shutdown()
    server.server_close()
    thread.join()
