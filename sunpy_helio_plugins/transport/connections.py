"""Connections that keep a deadline, and whose addresses stay out of the log."""

from __future__ import annotations

import contextlib
import http.client
import io
import logging
import os
import platform
import socket
import threading
import time
from collections.abc import Iterator
from typing import IO, Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.urls import public_url

__all__ = ["PatientAdapter", "Unsigned", "patient_session", "until", "unlogged", "user_agent"]


_reading = threading.local()


def until(moment: float) -> None:
    """
    Set the deadline of what this thread asks next.

    Parameters
    ----------
    moment : float
        A moment on the monotonic clock, after which nothing more is read.
    """
    _reading.ends = moment


class _Reader(io.RawIOBase):
    """What comes from a socket, each piece waited for no longer than the deadline allows."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._silence = sock, sock.gettimeout()
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = getattr(_reading, "ends", float("inf")) - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        waits = [seconds for seconds in (self._silence, left) if seconds is not None and seconds != float("inf")]
        self._sock.settimeout(min(waits, default=None))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Watched:
    """A socket as `http.client.HTTPResponse` wants it: something that makes a file."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, mode: str) -> IO[bytes]:
        return io.BufferedReader(_Reader(self._sock))


class _PatientResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Watched(sock), *args, **kwargs)  # type: ignore[arg-type]


class _Connection(HTTPConnection):
    response_class = _PatientResponse


class _SecureConnection(HTTPSConnection):
    response_class = _PatientResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class PatientAdapter(HTTPAdapter):
    """Lets a session make such connections, also through HTTP proxies."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """
        Make the manager of direct connections.

        Parameters
        ----------
        *args, **kwargs
            As for `requests.adapters.HTTPAdapter.init_poolmanager`.
        """
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """
        Return the manager of connections through a proxy.

        Parameters
        ----------
        proxy : str
            The proxy's address.
        **kwargs
            As for `requests.adapters.HTTPAdapter.proxy_manager_for`.
        """
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # those have connections of their own kind
            manager.pool_classes_by_scheme = _POOLS
        return manager


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """
        Return nothing.

        Also where redirects are not to be followed, requests prepares to follow them: it reads the whole body before,
        however large that is, and fails at an address that is none.

        Parameters
        ----------
        resp : requests.Response
            Any response.
        """
        return None


def patient_session() -> requests.Session:
    """Return a session with such connections, which leaves redirects alone."""
    made = _Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, PatientAdapter())
    return made


_threads = threading.local()


def user_agent() -> str:
    """Return the name under which requests are made."""
    import sunpy

    from sunpy_helio_plugins._version import version as __version__

    return f"sunpy_helio_plugins/{__version__} sunpy/{sunpy.__version__} python/{platform.python_version()}"


def _session() -> requests.Session:
    """Return this thread's session: connections are kept, and stay within the thread."""
    if not hasattr(_threads, "session"):
        _threads.session = patient_session()
        _threads.session.headers["User-Agent"] = user_agent()
    session: requests.Session = _threads.session
    return session


def _new_process() -> None:
    """Leave the parent its connections: two processes that read from one get each other's answers."""
    global _threads
    _threads = threading.local()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_process)


class _Signed(AuthBase):
    """
    Signs a request, and keeps requests from adding what the netrc file has for a host: that is this package's affair.

    The secret goes straight into the request: a variable of ours would show in tracebacks that print variables.
    """

    def __init__(self, login: Login | None) -> None:
        self._login = login

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._login is not None:
            request.headers.update(self._login.headers(request.url or ""))
        return request


class Unsigned(AuthBase):
    """Keeps requests from adding what the netrc file has for a host; proxies and certificates stay as they are."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request as it is."""
        return request


@contextlib.contextmanager
def unlogged(url: str) -> Iterator[None]:
    """
    Keep a link that is itself a permission out of urllib3's log at DEBUG, which shows whole addresses.

    Parameters
    ----------
    url : str
        What is asked within the block, by this thread; one without secrets is logged as ever.
    """
    if public_url(url) == url:
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
