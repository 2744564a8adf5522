"""Send one request and read its response within the limits of time and size."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import (
    AnswerError,
    HelioPluginsError,
    QueryError,
    ServerError,
    ServiceError,
    ServiceRefused,
    ServiceUnreachable,
)
from sunpy_helio_plugins.quantities.exact import exact_json
from sunpy_helio_plugins.transport.compression import ENCODINGS, Decompressor
from sunpy_helio_plugins.transport.connections import Signature, Signer, read_deadline, thread_session, unlogged
from sunpy_helio_plugins.transport.limits import SizeLimit, request_deadline
from sunpy_helio_plugins.transport.messages import connection_problem, server_message
from sunpy_helio_plugins.transport.retry import TRANSIENT, attempts, retry_after
from sunpy_helio_plugins.transport.secrets import Hidden
from sunpy_helio_plugins.transport.urls import (
    REDIRECTS,
    check_scheme,
    next_hop,
    permit,
    proxies,
    public_url,
    same_origin,
)

__all__ = ["Exchange", "Response"]


@dataclass(frozen=True)
class Response:
    """
    The answer of a server, read to its end.

    Attributes
    ----------
    archive : str
        The name of the archive.
    url : str
        The address that answered, without secrets.
    status : int
        The HTTP status.
    headers : Mapping[str, str]
        The headers; look-ups ignore case.
    content : bytes
        The body, decompressed.
    phrase : str
        The reason phrase after the status: some HAPI servers give the cause of an error only there.
    """

    archive: str
    url: str
    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    phrase: str = ""

    def text(self) -> str:
        """Return the body as text: UTF-8, or Latin-1 if it is not valid UTF-8, as from the registry."""
        try:
            return self.content.decode("utf-8")
        except UnicodeDecodeError:
            return self.content.decode("latin-1")

    def json(self) -> Any:
        """Return the decoded JSON; raise `AnswerError` for another body, such as an HTML page."""
        try:
            return exact_json(self.text())
        except (ValueError, RecursionError) as error:
            kind = server_message(self.headers.get("Content-Type", "").encode()) or "no content type"
            problem = f"JSON was expected, not {kind}: {server_message(self.content) or 'an empty body'}"
            raise AnswerError(self.archive, self.url, problem, self.status) from error


SMALL = 10_000_000
"""Bytes of the largest answer to a form, an upload or a request for a token."""

_CHUNK = 65536


@dataclass
class Exchange:
    """
    One request with all its attempts: every request for metadata, form, upload and token is one.

    Parameters
    ----------
    archive : str
        The archive's name, for messages.
    url : str
        The address.
    headers : dict, optional
        Further request headers; they are sent to the origin of ``url`` only.
    max_bytes : int, optional
        Largest body after decompression.
    login : Signer, optional
        How to sign in.
    read_timeout : float, optional
        Seconds without a byte that end the request for good. Defaults to ``conf.read_timeout`` and another attempt.
    method : str, optional
        The HTTP method.
    content : dict, optional
        What `requests` sends: ``data``, ``files``.
    auth : requests.auth.AuthBase, optional
        What signs the request instead of ``login``.
    session : requests.Session, optional
        A session with cookies of its own. Defaults to that of the thread, without cookies.
    retries : int, optional
        Further attempts. Defaults to ``conf.retries``.
    follows : bool, optional
        Whether redirects are followed; else they are errors.
    is_partial : bool, optional
        Whether a body beyond ``max_bytes`` is cut there, without an error.
    hidden : Hidden, optional
        The secrets in ``content`` and ``auth``; those of ``login`` are added. They are removed from the response and
        from errors.
    """

    archive: str
    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    max_bytes: int = SMALL
    login: Signer | None = None
    read_timeout: float | None = None
    method: str = "GET"
    content: dict[str, Any] = field(default_factory=dict, repr=False)
    auth: requests.auth.AuthBase | None = field(default=None, repr=False)
    session: requests.Session | None = field(default=None, repr=False)
    retries: int | None = None
    follows: bool = True
    is_partial: bool = False
    hidden: Hidden = field(default_factory=Hidden, repr=False)

    def __post_init__(self) -> None:
        check_scheme(self.url)
        self.deadline = request_deadline()
        self.shown = public_url(self.url)
        self.lost: ServiceUnreachable | None = None

    def run(self, accept: Collection[int] = range(200, 300)) -> Response:
        """Send the request until the status is in ``accept``, the failure is final, or no attempt is left."""
        try:
            return self.respond(accept)
        except ServiceError as error:
            failure = self.without_secrets(error)
        # Outside the except clause: the first error, which would be the context, contains what the server sent.
        raise failure

    def without_secrets(self, error: ServiceError) -> ServiceError:
        """Return an error without secrets that the server repeats in its response, in a redirect or in headers."""
        hide = self.hidden.text
        return type(error)(error.archive, hide(error.url), hide(error.words), error.status)

    def respond(self, accept: Collection[int]) -> Response:
        """Make the attempts."""
        if self.session is None:
            # A cookie of one request is not sent with the next one: it may tell who was signed in.
            thread_session().cookies.clear()
        tries = attempts(self.deadline, self.retries)
        while True:
            try:
                answer = self.attempt()
            except ServiceUnreachable as error:
                if self.is_final(error) or not tries.wait():
                    raise
                continue
            if answer.status in accept:
                return answer
            seconds = retry_after(answer.headers.get("Retry-After")) or None
            if answer.status not in TRANSIENT or not tries.wait(seconds):
                raise self.refusal(answer)

    def is_final(self, error: ServiceUnreachable) -> bool:
        """Return whether the failure is final; requests for tokens have attempts of their own."""
        silent = self.read_timeout is not None and "was silent" in error.words
        return silent or error is not self.lost

    def attempt(self) -> Response:
        """Make one attempt; renew a token that is refused once."""
        answer = self.once()
        if answer.status == 401 and self.login is not None and self.login.renew():
            answer = self.once()
        return answer

    def once(self) -> Response:
        """Send the request and follow redirects; neither headers nor credentials go to another origin."""
        url, followed = self.url, 0
        while True:
            answer, location = self.send(url)
            if location is None or not self.follows:
                return answer
            try:
                # http.client decodes headers as Latin-1, whatever they are.
                url = next_hop(url, location.encode("latin-1").decode("utf-8", "surrogateescape"), followed)
            except QueryError as error:
                problem = f"it redirects to an address that is not followed: {error}"
                raise AnswerError(self.archive, self.shown, problem, answer.status) from None
            followed += 1

    def send(self, url: str) -> tuple[Response, str | None]:
        """Send one request; return the answer, and the location if it is a redirect."""
        permit(url)
        if self.deadline.is_over():
            raise self.unreachable(f"no answer {self.deadline.text}")
        seconds = self.read_timeout or conf.read_timeout
        failure = ""
        response: requests.Response | None = None
        try:
            with unlogged(url, self.hidden), read_deadline(self.deadline):
                response = (self.session or thread_session()).request(
                    self.method,
                    url,
                    headers=self.headers if same_origin(url, self.url) else {},
                    timeout=(self.deadline.timeout(conf.connect_timeout), self.deadline.timeout(seconds)),
                    stream=True,
                    allow_redirects=False,
                    auth=self.auth or Signature(self.login, self.hidden),
                    proxies=proxies(url),
                    **self.content,
                )
                with closing(response):
                    location = response.headers.get("Location") if response.status_code in REDIRECTS else None
                    body = b"" if location and self.follows else self.read(response)
        except HelioPluginsError:
            raise
        except (requests.RequestException, HTTPError, OSError) as error:
            late = f"no answer {self.deadline.text}" if self.deadline.is_over() else ""
            failure = late or connection_problem(error)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            # Such as Ctrl-C: the variables of the library contain the request.
            error.__context__ = None
            raise error.with_traceback(None) from None
        finally:
            if response is not None:
                response.request = None  # type: ignore[assignment]
        if failure:
            # Outside the except clause: the library's error, which would be the context, contains the request.
            raise self.unreachable(failure)
        assert response is not None  # noqa: S101 - for the type checker
        return self.received(response, url, body), location

    def received(self, response: requests.Response, url: str, body: bytes) -> Response:
        """Return a response without the secrets of the request, which servers repeat."""
        status, hide = response.status_code, self.hidden.text
        clean = self.hidden.message(body) if status >= 400 or status in REDIRECTS else self.hidden.content(body)
        headers = CaseInsensitiveDict({name: hide(value) for name, value in response.headers.items()})
        return Response(self.archive, hide(public_url(url)), status, headers, clean, hide(response.reason or ""))

    def read(self, response: requests.Response) -> bytes:
        """Read the body within the limits of size and time."""
        advice = "request less, or raise conf.max_answer" if self.max_bytes == conf.max_answer else ""
        # The message of a refusal is read in any case.
        most = max(self.max_bytes, _CHUNK) if response.status_code >= 400 else self.max_bytes
        limit = SizeLimit(most, advice=advice)
        body: list[bytes] = []
        for part in self.parts(response, limit):
            body.append(part)
            if not limit.add(len(part)) and not self.is_partial:
                raise AnswerError(self.archive, self.shown, limit.message(), response.status_code)
        return b"".join(body)

    def parts(self, response: requests.Response, limit: SizeLimit) -> Iterator[bytes]:
        """Yield the decompressed parts of the body as they arrive."""
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        decompressor = Decompressor(encoding) if encoding in ENCODINGS and not self.is_partial else None
        while not (self.is_partial and limit.size >= limit.most):
            most = int(limit.most) - limit.size if self.is_partial else _CHUNK
            part = self.piece(response, most, decompressor is None)
            if part == b"":
                break
            if part is None or self.deadline.is_over():
                problem = f"the response did not end {self.deadline.text} ({limit.size} bytes were received)"
                raise AnswerError(self.archive, self.shown, problem, response.status_code)
            yield from decompressor.feed(part) if decompressor else (part,)
        if decompressor is not None:
            decompressor.check_end()

    def piece(self, response: requests.Response, most: int, decodes: bool) -> bytes | None:
        """Return the part of the body that was received: empty at its end, `None` after the deadline."""
        try:
            # read would wait for a full chunk, however slowly it arrives.
            part: bytes = response.raw.read1(most, decode_content=decodes)
        except (HTTPError, OSError):
            if not self.deadline.is_over():
                raise
            return None
        return part

    def unreachable(self, problem: str) -> ServiceUnreachable:
        """Return the error for a request without an answer."""
        self.lost = ServiceUnreachable(self.archive, self.shown, problem)
        return self.lost

    def refusal(self, answer: Response) -> ServiceError:
        """Return the error for an answer with a status that is not accepted."""
        message = server_message(answer.content)
        if answer.status in REDIRECTS and not self.follows:
            problem = f"it redirects what was sent, which is not followed: {message}"
            return AnswerError(self.archive, answer.url, problem, answer.status)
        kind = ServiceRefused if 400 <= answer.status < 500 else ServerError
        return kind(self.archive, answer.url, message or server_message(answer.phrase.encode()), answer.status)
