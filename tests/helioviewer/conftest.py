"""A server that answers what a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.helioviewer import hapi_list

Reply = tuple[int, str, bytes]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    """Begin as a new session would: nothing is known of the HAPI server."""
    hapi_list.forget()


@pytest.fixture
def canned() -> Iterator[Callable[[Callable[[str], Reply]], str]]:
    """Return a function that starts a server from a function of the path, and gives its address."""
    servers = []

    def start(reply: Callable[[str], Reply]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = reply(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def impatient() -> Iterator[None]:
    """Do not ask again after a failure."""
    with conf.set_temp("retries", 0):
        yield
