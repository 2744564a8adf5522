"""Send one request and read its response within the limits of time and size."""

from __future__ import annotations

import http.client
import io
import os
import platform
import socket
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import IO, Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import (
    AnswerError,
    QueryError,
    ServerError,
    ServiceError,
    ServiceRefused,
    ServiceUnreachable,
)
from sunpy_helio_plugins.quantities.exact import exact_json
from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.messages import reason, server_words
from sunpy_helio_plugins.transport.privacy import unlogged
from sunpy_helio_plugins.transport.retry import PASSING, backoff, retry_after
from sunpy_helio_plugins.transport.urls import follow, permit, proxies, public_url, same_origin, sendable

__all__ = ["Exchange", "PatientAdapter", "Response", "patient_session", "until", "user_agent"]


@dataclass(frozen=True)
class Response:
    """
    What a server answered, read to its end.

    Attributes
    ----------
    archive : str
        The name of the archive that was asked.
    url : str
        The address that answered, without secrets.
    status : int
        The HTTP status.
    headers : Mapping[str, str]
        The response's headers; look-ups ignore case.
    content : bytes
        The body, decompressed.
    phrase : str
        What stands beside the status: some HAPI servers say there, and nowhere else, what is wrong.
    """

    archive: str
    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    phrase: str = ""

    def text(self) -> str:
        """Return the body as text: UTF-8, or Latin-1 where it is not valid UTF-8 (the registry's habit)."""
        try:
            return self.content.decode("utf-8")
        except UnicodeDecodeError:
            return self.content.decode("latin-1")

    def json(self) -> Any:
        """
        Return the body decoded from JSON.

        Raises
        ------
        AnswerError
            The body is something else, such as an HTML page.
        """
        try:
            return exact_json(self.text())
        except (ValueError, RecursionError) as error:
            kind = server_words(self.headers.get("Content-Type", "").encode()) or "no content type"
            words = f"JSON was expected, {kind} came: {server_words(self.content) or 'an empty body'}"
            raise AnswerError(self.archive, self.url, words, self.status) from error


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


REDIRECTS = frozenset({301, 302, 303, 307, 308})

MAX_REDIRECTS = 10

_CHUNK = 65536

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


@dataclass
class Exchange:
    """
    One question with all its attempts.

    Parameters
    ----------
    archive : str
        The archive's name, for messages.
    url : str
        What to ask.
    headers : dict
        Further request headers; they stay with the origin of ``url``.
    max_bytes : int
        Largest body after decompression.
    login : Login or None
        How to sign in.
    silence : float, optional
        The longest silence in seconds, where asking again after it would only be as long.
    """

    archive: str
    url: str
    headers: dict[str, str] = field(repr=False)
    max_bytes: int
    login: Login | None
    silence: float | None = None

    def __post_init__(self) -> None:
        self.ends = time.monotonic() + conf.deadline
        self.shown = public_url(self.url)

    def run(self, accept: Collection[int]) -> Response:
        """
        Try until an answer comes, the attempts are used up, or the deadline would be passed by waiting.

        Parameters
        ----------
        accept : collection of int
            HTTP statuses that are answers; every other one raises.
        """
        until(self.ends)
        # What a server set for one question is not for the next: it may tell who was signed in then.
        _session().cookies.clear()
        attempts = max(conf.retries, 0) + 1
        for attempt in range(attempts):
            last = attempt == attempts - 1
            try:
                answer = self.signed()
            except ServiceUnreachable as error:
                final = self.silence is not None and "fell silent" in error.words
                if last or final or not self.wait(backoff(attempt)):
                    raise
                continue
            if answer.status in accept:
                return answer
            asked = retry_after(answer.headers.get("Retry-After"))
            if answer.status not in PASSING or last or not self.wait(asked or backoff(attempt)):
                raise self.refusal(answer)
        raise AssertionError("unreachable")

    def signed(self) -> Response:
        """Make one attempt; a token that is refused is renewed once."""
        answer = self.once()
        if answer.status == 401 and self.login is not None and self.login.renew():
            answer = self.once()
        return answer

    def once(self) -> Response:
        """Ask, and follow redirects by hand: neither headers nor credentials travel to another origin."""
        url = self.url
        for _ in range(MAX_REDIRECTS):
            answer, location = self.hop(url)
            if location is None:
                return answer
            try:
                # http.client decodes headers as Latin-1, whatever they are.
                url = sendable(follow(url, location.encode("latin-1").decode("utf-8", "surrogateescape")))
            except QueryError as error:
                words = f"it redirects to where nobody should follow: {error}"
                raise AnswerError(self.archive, self.shown, words, answer.status) from None
        raise AnswerError(self.archive, self.shown, "the server redirects in circles")

    def hop(self, url: str) -> tuple[Response, str | None]:
        """Make one request; the location is `None` where it is no redirect."""
        silence = self.silence or conf.read_timeout
        timeout = (min(conf.connect_timeout, self.left()), min(silence, self.left()))
        failure = ""
        permit(url)
        try:
            with unlogged(url):
                response = _session().get(
                    url,
                    headers=self.headers if same_origin(url, self.url) else {},
                    timeout=timeout,
                    stream=True,
                    allow_redirects=False,
                    auth=_Signed(self.login),
                    proxies=proxies(url),
                )
            with closing(response):
                location = response.headers.get("Location") if response.status_code in REDIRECTS else None
                body = b"" if location else self.read(response)
        except ServiceError:
            raise
        except (requests.RequestException, HTTPError, OSError) as error:
            failure = reason(error) if time.monotonic() < self.ends else f"no answer {self.late()}"
        if failure:
            # Not from within the except clause: the library's error, which this one would hold on to, has the request.
            raise ServiceUnreachable(self.archive, self.shown, failure)
        status, phrase = response.status_code, response.reason or ""
        return Response(self.archive, public_url(url), status, response.headers, body, phrase), location

    def read(self, response: requests.Response) -> bytes:
        """Read the body as it comes: never past the cap, never past the deadline."""
        parts: list[bytes] = []
        size = 0
        while True:
            part = self.piece(response)
            if part == b"":
                return b"".join(parts)
            if part is None or time.monotonic() > self.ends:
                words = f"the answer did not end {self.late()} ({size} bytes came)"
                raise AnswerError(self.archive, self.shown, words, response.status_code)
            parts.append(part)
            size += len(part)
            if size > self.max_bytes:
                words = f"the answer is larger than {self.max_bytes} bytes; ask for less, or raise conf.max_answer"
                raise AnswerError(self.archive, self.shown, words, response.status_code)

    def piece(self, response: requests.Response) -> bytes | None:
        """Return what has arrived of the body; nothing at its end, `None` where the deadline passed meanwhile."""
        try:
            # read would wait for a full chunk, however slowly it drips.
            part: bytes = response.raw.read1(_CHUNK, decode_content=True)
        except (HTTPError, OSError):
            if time.monotonic() < self.ends:
                raise
            return None
        return part

    def late(self) -> str:
        """Return the words for what took too long."""
        return f"within {conf.deadline:g} s, see conf.deadline"

    def left(self) -> float:
        """Return the seconds until the deadline, as a timeout: never zero, which would mean none."""
        return max(self.ends - time.monotonic(), 0.001)

    def wait(self, seconds: float) -> bool:
        """Sleep, unless that would pass the deadline."""
        if seconds >= self.ends - time.monotonic():
            return False
        time.sleep(seconds)
        return True

    def refusal(self, answer: Response) -> ServiceError:
        """Return the error that an answer means."""
        kind = ServiceRefused if 400 <= answer.status < 500 else ServerError
        return kind(self.archive, answer.url, server_words(answer.content), answer.status)
