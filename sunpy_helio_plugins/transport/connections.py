"""Connections that keep a deadline and judge the other end, and signatures and logs without secrets."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import logging
import os
import platform
import socket
import threading
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from sunpy_helio_plugins.transport.limits import Deadline
from sunpy_helio_plugins.transport.secrets import Hidden, Secret
from sunpy_helio_plugins.transport.urls import (
    ANYWHERE,
    INTERNET,
    NearError,
    check_near,
    host_of,
    literal_addresses,
    nearness,
    permit,
)

if TYPE_CHECKING:
    import aiohttp

__all__ = [
    "NOWHERE",
    "FormBody",
    "Signature",
    "Signer",
    "judge",
    "judged",
    "nearness_for",
    "new_session",
    "peer",
    "responding",
    "set_read_deadline",
    "thread_session",
]


class _Limits(threading.local):
    """What applies to the requests of a thread: when they end, how near servers may be, and the last one's address."""

    deadline = Deadline()
    most = ANYWHERE
    peer = ""


_limits = _Limits()


def set_read_deadline(deadline: Deadline) -> None:
    """Set the deadline of everything that this thread reads from now on."""
    _limits.deadline = deadline


@contextlib.contextmanager
def read_deadline(deadline: Deadline) -> Iterator[None]:
    """Set the deadline of everything that this thread reads within a block."""
    before = _limits.deadline
    set_read_deadline(deadline)
    try:
        yield
    finally:
        set_read_deadline(before)


@contextlib.contextmanager
def judged(most: int) -> Iterator[None]:
    """Refuse connections of this thread within a block to hosts that are nearer than allowed (`urls.check_near`)."""
    before = _limits.most
    _limits.most, _limits.peer = most, ""
    try:
        yield
    finally:
        _limits.most = before


def peer() -> int:
    """Return how near the last server is to which this thread has sent a request."""
    return nearness(_limits.peer) if _limits.peer else INTERNET


def addresses_of(host: str) -> tuple[str, ...]:
    """Return the IP addresses of a host, which is resolved if it is a name; empty if that fails."""
    found = literal_addresses(host)
    if found or not host:
        return found
    try:
        return tuple(str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
    except (OSError, ValueError):
        return ()


NOWHERE = "https://nowhere.invalid/"
"""The server that gave an address of which it is not known who gave it."""


def nearness_for(url: str, given_by: str) -> int:
    """Return how near the address that a server gave in its data may be: as near as the server itself."""
    host = host_of(given_by)
    if given_by == NOWHERE:
        return INTERNET
    if host == host_of(url):
        return ANYWHERE
    return min(map(nearness, addresses_of(host)), default=INTERNET)


class _DeadlineStream(io.RawIOBase):
    """Read from a socket; no read waits beyond the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._timeout = sock, sock.gettimeout()
        self._raw = sock.makefile("rb", buffering=0)
        self._has_begun = False
        self.is_in_header = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = _limits.deadline.left()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        waits = [seconds for seconds in (self._timeout, left) if seconds is not None and seconds != float("inf")]
        self._sock.settimeout(min(waits, default=None))
        count = self._raw.readinto(buffer)
        if count == 0 and self._has_begun and self.is_in_header:
            # http.client takes the end of the connection for the end of the header.
            raise ConnectionResetError("the connection was closed in the header of the answer")
        self._has_begun = True
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineSocket:
    """The part of a socket that `http.client.HTTPResponse` uses."""

    def __init__(self, stream: _DeadlineStream) -> None:
        self._stream = stream

    def makefile(self, mode: str) -> IO[bytes]:
        return io.BufferedReader(self._stream)


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        self._stream = _DeadlineStream(sock)
        super().__init__(_DeadlineSocket(self._stream), *args, **kwargs)  # type: ignore[arg-type]

    def begin(self) -> None:
        """Read the header of an answer."""
        self._stream.is_in_header = True
        super().begin()
        self._stream.is_in_header = False


class _JudgedConnection(HTTPConnection):
    """A connection whose other end is judged before the first byte, and again before each request that reuses it."""

    response_class = _DeadlineResponse

    def _new_conn(self) -> socket.socket:
        most = _limits.most
        if self.proxy is None and most < ANYWHERE:
            check_near(f"//{self.host}:{self.port}", addresses_of(self.host.rstrip(".")), most)
        sock = super()._new_conn()
        try:
            self._judge(sock)
        except NearError:
            sock.close()
            raise
        return sock

    def putrequest(self, *args: Any, **kwargs: Any) -> None:
        """Send the first line of a request."""
        if self.sock is not None:
            self._judge(self.sock)
        super().putrequest(*args, **kwargs)

    def _judge(self, sock: socket.socket) -> None:
        """Raise `NearError` if the server is nearer than allowed; what a name resolves to may change in between."""
        if self.proxy is None:
            _limits.peer = sock.getpeername()[0]
            if _limits.most < ANYWHERE:
                check_near(f"//{self.host}:{self.port}", (_limits.peer,), _limits.most)


class _SecureConnection(_JudgedConnection, HTTPSConnection):
    pass


class _JudgingResolver:
    """
    The resolver of a session's connector, which judges the hosts that servers gave, and no other ones.

    aiohttp connects to the very addresses that are returned here, so that a name cannot resolve to others in between.
    """

    def __init__(self, resolver: Any) -> None:
        self._resolver = resolver
        self.allowed: dict[str, int] = {}
        self.seen: dict[str, tuple[str, ...]] = {}

    async def resolve(self, host: str, *args: Any, **kwargs: Any) -> Any:
        """Resolve a host; raise `NearError` if it is nearer than allowed."""
        found = await self._resolver.resolve(host, *args, **kwargs)
        name = host.rstrip(".")
        addresses = tuple(one["host"] for one in found)
        check_near(f"//{host}", addresses, self.allowed.get(name, ANYWHERE))
        self.seen[name] = addresses
        return found

    async def close(self) -> None:
        """Close the resolver."""
        await self._resolver.close()


def _resolver_of(session: aiohttp.ClientSession) -> _JudgingResolver | None:
    """Return the judging resolver of a session; `None` if its connector does not resolve names, as for SOCKS."""
    connector: Any = session.connector
    inner = getattr(connector, "_resolver", None)
    if inner is None or isinstance(inner, _JudgingResolver):
        return inner
    connector._resolver = _JudgingResolver(inner)
    connector.clear_dns_cache()
    return connector._resolver


async def judge(session: aiohttp.ClientSession, url: str, giver: str, proxy: str | None) -> None:
    """
    Raise `NearError` if an address is nearer than the server that gave it; an address of the user has no giver.

    A proxy resolves names itself: then only IP addresses are judged.
    """
    host, resolver = host_of(url), _resolver_of(session)
    if not giver:
        if resolver is not None:
            resolver.allowed[host] = ANYWHERE
        return
    most = await _most(url, giver, resolver)
    addresses = literal_addresses(host) or (resolver.seen.get(host, ()) if resolver is not None else ())
    if not addresses and proxy is None and resolver is None:
        addresses = await asyncio.to_thread(addresses_of, host)
    check_near(url, addresses, most)
    if resolver is not None and proxy is None:
        # A host that the user has chosen as well keeps its place.
        resolver.allowed[host] = max(most, resolver.allowed.get(host, 0))


async def _most(url: str, giver: str, resolver: _JudgingResolver | None) -> int:
    """Return how near an address may be, by the addresses that the server which gave it was connected to, if known."""
    known = literal_addresses(host_of(giver)) or (resolver.seen.get(host_of(giver), ()) if resolver is not None else ())
    if known:
        again = resolver.seen.get(host_of(url), ()) if resolver is not None else ()
        own = resolver.allowed.get(host_of(url)) == ANYWHERE if resolver is not None else False
        return max(min(map(nearness, known)), min(map(nearness, again), default=0) if own else 0)
    return await asyncio.to_thread(nearness_for, url, giver)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _JudgedConnection


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


if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(after_in_child=_new_process)


class Signer(Protocol):
    """The part of a `~sunpy_helio_plugins.transport.credentials.Login` that requests need."""

    def headers(self, url: str) -> dict[str, str]:
        """Return the headers that sign a request to an address."""

    def renew(self) -> bool:
        """Discard a token that was refused; return whether another one is available."""

    def advice(self, url: str, status: int) -> str:
        """Return the end of the message about a refused request: with which secrets it was signed, if it was."""


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
def unlogged() -> Iterator[None]:
    """Keep the requests of this thread within a block out of urllib3's log at DEBUG, which contains addresses."""
    log, thread = logging.getLogger("urllib3.connectionpool"), threading.get_ident()

    def is_shown(record: logging.LogRecord) -> bool:
        return record.thread != thread or record.levelno > logging.DEBUG

    log.addFilter(is_shown)
    try:
        yield
    finally:
        log.removeFilter(is_shown)


@contextlib.contextmanager
def responding(
    method: str, url: str, *, is_logged: bool, deadline: Deadline, most: int, hidden: Hidden,
    login: Signer | None = None, auth: AuthBase | None = None, session: requests.Session | None = None, **options: Any,
) -> Iterator[requests.Response]:  # fmt: skip
    """
    Send one request, and yield the response, whose body is read within the block.

    Until the end of the block the deadline applies, a server nearer than ``most`` is refused, and urllib3 only logs the
    address if it may be shown (``is_logged``). ``auth`` replaces the signature of ``login``, and ``session`` that of
    the thread; ``options`` are those of `requests.Session.request`. Redirects are not followed.
    """
    permit(url)
    response: requests.Response | None = None
    with contextlib.nullcontext() if is_logged else unlogged(), read_deadline(deadline), judged(most):
        try:
            response = (session or thread_session()).request(
                method, url, stream=True, allow_redirects=False, auth=auth or Signature(login, hidden), **options
            )
            with contextlib.closing(response):
                yield response
        finally:
            if response is not None:
                # Errors refer to the response, and the request contains the secrets.
                response.request = None  # type: ignore[assignment]
