"""Connections of requests that keep a deadline, and signatures and logs without secrets."""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import os
import platform
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import IO, Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from sunpy_helio_plugins.transport.limits import Deadline
from sunpy_helio_plugins.transport.secrets import Hidden, Secret
from sunpy_helio_plugins.transport.urls import public_url

__all__ = [
    "FormBody",
    "Signature",
    "Signer",
    "new_session",
    "read_deadline",
    "set_read_deadline",
    "thread_session",
    "unlogged",
]

_limits = threading.local()


def set_read_deadline(deadline: Deadline) -> None:
    """Set the deadline of everything that this thread reads from now on."""
    _limits.deadline = deadline


@contextlib.contextmanager
def read_deadline(deadline: Deadline) -> Iterator[None]:
    """Set the deadline of everything that this thread reads within a block."""
    before = getattr(_limits, "deadline", Deadline())
    set_read_deadline(deadline)
    try:
        yield
    finally:
        set_read_deadline(before)


class _DeadlineStream(io.RawIOBase):
    """Read from a socket; no read waits beyond the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._timeout = sock, sock.gettimeout()
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = getattr(_limits, "deadline", Deadline()).left()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        waits = [seconds for seconds in (self._timeout, left) if seconds is not None and seconds != float("inf")]
        self._sock.settimeout(min(waits, default=None))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineSocket:
    """The part of a socket that `http.client.HTTPResponse` uses."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: str) -> IO[bytes]:
        return io.BufferedReader(_DeadlineStream(self._sock))


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_DeadlineSocket(sock), *args, **kwargs)  # type: ignore[arg-type]


class _Connection(HTTPConnection):
    response_class = _DeadlineResponse


class _SecureConnection(HTTPSConnection):
    response_class = _DeadlineResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class DeadlineAdapter(HTTPAdapter):
    """Make connections that keep the deadline, also through HTTP proxies."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the manager of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the manager of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # SOCKS has its own kind of connection
            manager.pool_classes_by_scheme = _POOLS
        return manager


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """
        Return `None`.

        requests prepares the next request even if redirects are not followed: it reads the whole body, however large,
        and fails if the address is invalid.
        """
        return None


def new_session() -> requests.Session:
    """Return a session that keeps the deadline and does not follow redirects."""
    session = _Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, DeadlineAdapter())
    session.headers.update({"User-Agent": user_agent(), "Accept-Encoding": "gzip, deflate"})
    return session


_threads = threading.local()


def user_agent() -> str:
    """Return the ``User-Agent`` of every request."""
    import sunpy

    from sunpy_helio_plugins._version import version as __version__

    return f"sunpy_helio_plugins/{__version__} sunpy/{sunpy.__version__} python/{platform.python_version()}"


def thread_session() -> requests.Session:
    """Return the session of this thread, which keeps its connections."""
    if not hasattr(_threads, "session"):
        _threads.session = new_session()
    session: requests.Session = _threads.session
    return session


def _new_process() -> None:
    """Create new connections in a forked process: sharing them would mix up the responses."""
    global _threads
    _threads = threading.local()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_process)


class Signer(Protocol):
    """The part of a `~sunpy_helio_plugins.transport.credentials.Login` that requests need."""

    def headers(self, url: str) -> dict[str, str]:
        """Return the headers that sign a request to an address."""

    def renew(self) -> bool:
        """Discard a token that was refused; return whether another one is available."""


class Signature(AuthBase):
    """
    Sign a request by a login, if any, and keep requests from adding an entry of the netrc file.

    The secret goes straight into the request: a local variable would appear in tracebacks that print variables.
    """

    def __init__(self, login: Signer | None, hidden: Hidden) -> None:
        self._login, self._hidden = login, hidden

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the signed request."""
        if self._login is not None:
            signed = self._login.headers(request.url or "")
            self._hidden.add_headers(signed)
            request.headers.update(signed)
            # Tracebacks may print it, if what follows fails.
            del signed
        return request


class FormBody(AuthBase):
    """The body of a form, which becomes part of a request when it is sent, as a signature does."""

    def __init__(self, fields: Mapping[str, str | Secret], files: Mapping[str, tuple[str, bytes]] | None) -> None:
        self._fields, self._files = dict(fields), dict(files) if files else None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request with the form."""
        request.prepare_body(
            {name: one.reveal() if isinstance(one, Secret) else one for name, one in self._fields.items()}, self._files
        )
        return request


@contextlib.contextmanager
def unlogged(url: str, hidden: Hidden) -> Iterator[None]:
    """Keep an address with secrets out of urllib3's log at DEBUG, for requests of this thread within the block."""
    if public_url(url) == url == hidden.text(url):
        yield
        return
    log, thread = logging.getLogger("urllib3.connectionpool"), threading.get_ident()

    def is_shown(record: logging.LogRecord) -> bool:
        return record.thread != thread or record.levelno > logging.DEBUG

    log.addFilter(is_shown)
    try:
        yield
    finally:
        log.removeFilter(is_shown)
