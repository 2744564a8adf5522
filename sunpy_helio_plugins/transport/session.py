"""
Requests for metadata: catalogues, queries, lists of files.

Each answer is read as a stream, under a cap on its size after decompression and under one deadline for the whole
exchange, so that a slow drip or a compression bomb ends. What can be asked again without harm is asked again after a
lost connection or a passing refusal, as long as the deadline allows.
"""

from __future__ import annotations

import json
import platform
import random
import threading
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from urllib3.exceptions import HTTPError

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, ServiceBroken, ServiceError, ServiceRefused, ServiceUnreachable
from sunpy_helio_plugins.transport.urls import public_url
from sunpy_helio_plugins.transport.words import server_words

__all__ = ["Answer", "Params", "get", "user_agent"]

Params = Mapping[str, str] | Iterable[tuple[str, str]]
"""Query fields, in the order in which they are sent."""

PASSING = frozenset({429, 502, 503, 504})
"""HTTP statuses after which the same request may well succeed."""

_CHUNK = 65536
_threads = threading.local()


@dataclass(frozen=True)
class Answer:
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
    """

    archive: str
    url: str
    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

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
            return json.loads(self.text())
        except ValueError as error:
            kind = self.headers.get("Content-Type", "no content type")
            words = f"JSON was expected, {kind} came: {server_words(self.content) or 'an empty body'}"
            raise AnswerError(self.archive, self.url, words, self.status) from error


def user_agent() -> str:
    """Return the name under which requests are made."""
    import sunpy

    from sunpy_helio_plugins import __version__

    return f"sunpy_helio_plugins/{__version__} sunpy/{sunpy.__version__} python/{platform.python_version()}"


def get(
    url: str,
    params: Params | None = None,
    *,
    archive: str,
    headers: Mapping[str, str] | None = None,
    accept: Collection[int] = (200,),
    max_bytes: int | None = None,
) -> Answer:
    """
    Ask an archive and read its answer.

    Parameters
    ----------
    url : str
        What to ask.
    params : mapping or iterable of pairs, optional
        Query fields in the order in which they are to be sent.
    archive : str
        The archive's name, for messages.
    headers : mapping, optional
        Further request headers.
    accept : collection of int, optional
        HTTP statuses that are answers; every other one raises.
    max_bytes : int, optional
        Largest body after decompression. Defaults to ``conf.max_answer``.

    Returns
    -------
    Answer
        The whole answer.

    Raises
    ------
    ServiceUnreachable
        No answer came, also not when asked again.
    ServiceRefused, ServiceBroken
        The archive answered with a status that is not in ``accept``.
    AnswerError
        The answer was larger than allowed.
    """
    exchange = _Exchange(archive, url, list(_pairs(params)), dict(headers or {}), max_bytes or conf.max_answer)
    return exchange.run(accept)


def _pairs(params: Params | None) -> Iterable[tuple[str, str]]:
    if params is None:
        return ()
    return params.items() if isinstance(params, Mapping) else params


def _session() -> requests.Session:
    """Return this thread's session: connections are kept, cookies and state stay within the thread."""
    if not hasattr(_threads, "session"):
        _threads.session = requests.Session()
        _threads.session.headers["User-Agent"] = user_agent()
    session: requests.Session = _threads.session
    return session


@dataclass
class _Exchange:
    """One question with all its attempts."""

    archive: str
    url: str
    params: list[tuple[str, str]]
    headers: dict[str, str]
    max_bytes: int

    def __post_init__(self) -> None:
        self.ends = time.monotonic() + conf.deadline
        self.shown = public_url(requests.Request("GET", self.url, params=self.params).prepare().url or self.url)

    def run(self, accept: Collection[int]) -> Answer:
        """Try until an answer comes, the attempts are used up, or the deadline would be passed by waiting."""
        for attempt in range(conf.retries + 1):
            try:
                answer = self.once()
            except ServiceUnreachable:
                if attempt == conf.retries or not self.wait(_backoff(attempt)):
                    raise
                continue
            if answer.status in accept:
                return answer
            refused = self.refusal(answer)
            asked = retry_after(answer.headers.get("Retry-After"))
            if answer.status not in PASSING or attempt == conf.retries or not self.wait(asked or _backoff(attempt)):
                raise refused
        raise AssertionError("unreachable")

    def once(self) -> Answer:
        """Make one attempt."""
        timeout = (min(conf.connect_timeout, self.left()), min(conf.read_timeout, self.left()))
        try:
            response = _session().get(
                self.url, params=self.params, headers=self.headers, timeout=timeout, stream=True
            )
            with closing(response):
                body = self.read(response)
        except (requests.RequestException, HTTPError, OSError) as error:
            if isinstance(error, ServiceError):
                raise
            raise ServiceUnreachable(self.archive, self.shown, _reason(error)) from None
        return Answer(self.archive, public_url(response.url), response.status_code, response.headers, body)

    def read(self, response: requests.Response) -> bytes:
        """Read the body as it comes: never past the cap, never past the deadline."""
        parts: list[bytes] = []
        size = 0
        while True:
            # read1 hands over what has arrived; read would wait for a full chunk, however slowly it drips.
            part = response.raw.read1(_CHUNK, decode_content=True)
            if not part:
                return b"".join(parts)
            parts.append(part)
            size += len(part)
            if size > self.max_bytes:
                words = f"the answer is larger than {self.max_bytes} bytes; ask for less, or raise conf.max_answer"
                raise AnswerError(self.archive, self.shown, words, response.status_code)
            if time.monotonic() > self.ends:
                words = f"the answer did not end within {conf.deadline:g} s ({size} bytes came); see conf.deadline"
                raise AnswerError(self.archive, self.shown, words, response.status_code)

    def left(self) -> float:
        """Return the seconds until the deadline, as a timeout: never zero, which would mean none."""
        return max(self.ends - time.monotonic(), 0.001)

    def wait(self, seconds: float) -> bool:
        """Sleep, unless that would pass the deadline."""
        if seconds >= self.ends - time.monotonic():
            return False
        time.sleep(seconds)
        return True

    def refusal(self, answer: Answer) -> ServiceError:
        kind = ServiceRefused if 400 <= answer.status < 500 else ServiceBroken
        return kind(self.archive, answer.url, server_words(answer.content), answer.status)


def _backoff(attempt: int) -> float:
    """Return the seconds to wait before the next attempt: doubling, with jitter so that many clients spread out."""
    return float(0.5 * 2**attempt * random.uniform(0.75, 1.25))  # noqa: S311 - no secret depends on it


def retry_after(value: str | None) -> float | None:
    """
    Return the seconds that a ``Retry-After`` header asks for, in either of its forms.

    Parameters
    ----------
    value : str or None
        The header: seconds, or an HTTP date (RFC 9110, section 10.2.3).

    Returns
    -------
    float or None
        Seconds from now, not negative; `None` where there is no such header or it cannot be read.
    """
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except ValueError:
        return None


def _reason(error: BaseException) -> str:
    """Say in plain words why no answer came; the libraries' own texts hold addresses and object ids."""
    chain = " ".join(_names(error))
    for sign, words in _REASONS.items():
        if sign in chain:
            return words
    return f"no answer came ({type(error).__name__})"


def _names(error: BaseException) -> list[str]:
    names: list[str] = []
    queue: list[Any] = [error]
    while queue and len(names) < 20:
        one = queue.pop(0)
        if isinstance(one, BaseException):
            names.append(type(one).__name__)
            queue += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return names


_REASONS = {
    "NameResolutionError": "the host name is not known; is there a network?",
    "gaierror": "the host name is not known; is there a network?",
    "ConnectTimeout": "no connection within the time allowed (conf.connect_timeout)",
    "ReadTimeout": "the server fell silent for longer than allowed (conf.read_timeout)",
    "SSLError": "no secure connection could be made; is the certificate valid?",
    "ProxyError": "the proxy refused the connection",
    "IncompleteRead": "the connection was cut before the end of the answer",
    "ConnectionRefusedError": "the connection was refused; is the server running?",
    "ConnectionResetError": "the server closed the connection",
    "RemoteDisconnected": "the server closed the connection without an answer",
    "InvalidURL": "the address is not valid",
    "MissingSchema": "the address is not valid: it has no https://",
    "InvalidSchema": "the address is not valid: only http and https can be asked",
    "TooManyRedirects": "the server redirects in circles",
}
