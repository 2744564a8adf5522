"""Send one request and read its response within the limits of time and size."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import requests
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
from sunpy_helio_plugins.transport.connections import _session, _Signed, unlogged, until
from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.messages import reason, server_words
from sunpy_helio_plugins.transport.retry import PASSING, backoff, retry_after
from sunpy_helio_plugins.transport.urls import follow, permit, proxies, public_url, same_origin, sendable

__all__ = ["Exchange", "Response"]


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
            return json.loads(self.text())
        except (ValueError, RecursionError) as error:
            kind = server_words(self.headers.get("Content-Type", "").encode()) or "no content type"
            words = f"JSON was expected, {kind} came: {server_words(self.content) or 'an empty body'}"
            raise AnswerError(self.archive, self.url, words, self.status) from error


REDIRECTS = frozenset({301, 302, 303, 307, 308})

MAX_REDIRECTS = 10

_CHUNK = 65536


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
