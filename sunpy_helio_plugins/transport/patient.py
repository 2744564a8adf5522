"""
Connections that keep one deadline over a whole exchange.

A socket's timeout begins anew with every byte, also within the status line, headers, chunk sizes and trailers, which
the libraries read to their end before they hand anything over; a server that drips there would hold us for ever.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from typing import IO, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

__all__ = ["PatientAdapter", "session", "until"]

_threads = threading.local()


def until(moment: float) -> None:
    """
    Set the deadline of what this thread asks next.

    Parameters
    ----------
    moment : float
        A moment on the monotonic clock, after which nothing more is read.
    """
    _threads.ends = moment


class _Reader(io.RawIOBase):
    """What comes from a socket, each piece waited for no longer than the deadline allows."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._silence = sock, sock.gettimeout()
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = getattr(_threads, "ends", float("inf")) - time.monotonic()
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


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(_Watched(sock), *args, **kwargs)  # type: ignore[arg-type]


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response


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


def session() -> requests.Session:
    """Return a session with such connections, which leaves redirects alone."""
    made = _Session()
    for scheme in ("https://", "http://"):
        made.mount(scheme, PatientAdapter())
    return made
