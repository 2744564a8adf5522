"""A server that always sends the same response."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from sunpy_helio_plugins import conf


@pytest.fixture
def answering() -> Iterator[Callable[..., list[str]]]:
    """Return a function that directs ``conf.imap.url`` to a one-response server, and returns the requested paths."""
    running: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(status: int, body: bytes, kind: str = "application/json", length: int | None = None) -> list[str]:
        asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        running.append((server, thread))
        conf.imap.url = f"http://127.0.0.1:{server.server_port}"
        return asked

    with conf.imap.set_temp("url", "https://unused.example"), conf.set_temp("retries", 0):
        yield start
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()
