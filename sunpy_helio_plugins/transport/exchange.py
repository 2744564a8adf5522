"""Send one request and read its response within the limits of time and size."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import DecodeError, HTTPError

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
from sunpy_helio_plugins.quantities.exact import TooManyValuesError, exact_json
from sunpy_helio_plugins.transport.compression import Decoder
from sunpy_helio_plugins.transport.connections import Signer, nearness_for, peer, responding, thread_session
from sunpy_helio_plugins.transport.limits import (
    NOT_AGAIN,
    OFFLINE,
    Outages,
    SizeLimit,
    is_halving,
    outages,
    postpone,
    request_deadline,
    turn,
)
from sunpy_helio_plugins.transport.messages import RequestLog, connection_problem, server_message
from sunpy_helio_plugins.transport.retry import TRANSIENT, Attempts, attempts, wait_after
from sunpy_helio_plugins.transport.secrets import Hidden
from sunpy_helio_plugins.transport.urls import (
    ANYWHERE,
    REDIRECTS,
    NearError,
    check_near,
    check_scheme,
    host_of,
    literal_addresses,
    next_hop,
    proxies,
    public_url,
    same_origin,
)

__all__ = ["Exchange", "Response", "with_fields"]


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

    def page(self) -> str:
        """Return the text of a page of HTML; raise `AnswerError` if it ends within an element with an end tag."""
        text = self.text()
        lower = text.lower()
        unclosed = [name for name in _CLOSED if lower.rfind(f"<{name}") > lower.rfind(f"</{name}>")]
        if unclosed:
            problem = f"the page is cut: it ends after {len(self.content)} bytes, within <{unclosed[0]}>"
            raise AnswerError(self.archive, self.url, problem, self.status)
        return text

    def json(self) -> Any:
        """Return the decoded JSON; raise `AnswerError` for another body, such as an HTML page."""
        try:
            return exact_json(self.text())
        except TooManyValuesError as error:
            raise AnswerError(self.archive, self.url, f"the JSON is not read: {error}", self.status) from None
        except ValueError as error:
            kind = server_message(self.headers.get("Content-Type", "").encode()) or "no content type"
            problem = f"JSON was expected, not {kind}: {server_message(self.content) or 'an empty body'}"
            raise AnswerError(self.archive, self.url, problem, self.status) from error


_CLOSED = ("html", "pre", "table", "ul")
"""Elements that pages close: a page without the end of one of them was cut."""

SMALL = 10_000_000
"""Bytes of the largest answer to a form, an upload or a request for a token."""

_CHUNK = 65536


def with_fields(url: str, fields: Iterable[tuple[str, str]]) -> str:
    """Return an address, which `check_scheme` accepts, with query fields; raise `QueryError` if it is invalid."""
    return _with_fields(url, tuple(fields))


@lru_cache(maxsize=256)
def _with_fields(url: str, fields: tuple[tuple[str, str], ...]) -> str:
    try:
        return requests.Request("GET", url, params=fields).prepare().url or url
    except (requests.RequestException, UnicodeError):
        raise QueryError(f"{public_url(url)!r} is not a valid address: its host is not a name.") from None


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
    given_by : str, optional
        The address of the server that gave ``url`` in an answer; then ``url`` is judged as a redirect of that server.
    hidden : Hidden, optional
        The secrets in ``content`` and ``auth``; those of ``login`` are added. They are removed from the response and
        from errors.
    params : collection of tuple of str, optional
        Query fields, which are added to ``url`` in their order.
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
    given_by: str = ""
    hidden: Hidden = field(default_factory=Hidden, repr=False)
    params: Collection[tuple[str, str]] | None = None

    def __post_init__(self) -> None:
        check_scheme(self.url)
        if self.params is not None:
            self.url = with_fields(self.url, self.params)
        self.deadline = request_deadline()
        self.shown = public_url(self.url)
        self.lost: ServiceUnreachable | None = None
        self.sent = 0

    def run(self, accept: Collection[int] = range(200, 300)) -> Response:
        """Send the request until the status is in ``accept``, the failure is final, or no attempt is left."""
        if conf.offline:
            raise ServiceUnreachable(self.archive, self.shown, OFFLINE)
        try:
            with turn(self.url):
                # The wait for the turn is not part of the time of the request.
                self.deadline = request_deadline()
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
        tries, known = attempts(self.deadline, self.retries, self.archive), outages()
        if isinstance(ended := known.error(self.url), ServiceError):
            raise type(ended)(self.archive, self.shown, f"{ended.words}; {NOT_AGAIN}", ended.status)
        while True:
            try:
                answer = self.attempt()
            except ServiceUnreachable as error:
                if self.is_final(error) or not tries.wait(reason=self.hidden.text(error.words)):
                    known.add(self.url, error)
                    raise
                continue
            if answer.status in accept or not self.is_repeated(answer, tries):
                return self.accepted(answer, accept, known)

    def is_repeated(self, answer: Response, tries: Attempts) -> bool:
        """Wait before the next attempt; return `False` at once if the status is final, or no attempt is left."""
        wait = wait_after(answer.status, answer.headers)
        if wait is None:
            return False
        postpone(self.url, wait.seconds)
        return tries.wait(wait.seconds, wait.reason)

    def accepted(self, answer: Response, accept: Collection[int], known: Outages) -> Response:
        """Return an answer; raise the error for it if its status is not accepted."""
        refusal = None if answer.status in accept else self.refusal(answer)
        if refusal is None or answer.status not in TRANSIENT or is_halving():
            known.end(self.url)
        else:
            known.add(self.url, refusal)
        if refusal is not None:
            raise refusal
        return answer

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
        most = nearness_for(url, self.given_by) if self.given_by else ANYWHERE
        nearest: dict[str, int] = {}
        while True:
            answer, location = self.logged(url, most)
            if location is None or not self.follows:
                return answer
            try:
                # http.client decodes headers as Latin-1, whatever they are.
                there = next_hop(url, location.encode("latin-1").decode("utf-8", "surrogateescape"), followed)
                nearest[host_of(url)] = peer()
                most = max(nearest[host_of(url)], nearest.get(host_of(there), 0))
                check_near(there, literal_addresses(host_of(there)), most)
            except QueryError as error:
                raise self.astray(error, answer.status) from None
            url, followed = there, followed + 1

    def astray(self, error: QueryError, status: int | None = None) -> AnswerError:
        """Return the error for an address from a server that is not requested."""
        problem = "the address that it gave" if self.given_by else "it redirects to an address that"
        return AnswerError(self.archive, self.shown, f"{problem} is not followed: {error}", status)

    def logged(self, url: str, most: int) -> tuple[Response, str | None]:
        """Do as `send` does, and log the request."""
        with RequestLog(self.archive, self.method, url, self.hidden.text) as entry:
            answer, location = self.send(url, most)
            entry.status, entry.size, entry.sent = answer.status, len(answer.content), self.sent
        return answer, location

    def send(self, url: str, most: int = ANYWHERE) -> tuple[Response, str | None]:
        """Send one request to a server that is at most that near; return the answer, and the location of a redirect."""
        if self.deadline.is_over():
            raise self.unreachable(f"no answer {self.deadline.text}")
        failure = ""
        shown = self.shown if url == self.url else public_url(url)
        try:
            with self.sending(url, most, shown) as response:
                location = self._location(response)
                body = b"" if location and self.follows else self.read(response)
        except NearError as error:
            raise self.astray(error) from None
        except HelioPluginsError:
            raise
        except (requests.RequestException, HTTPError, OSError) as error:
            late = f"no answer {self.deadline.text}" if self.deadline.is_over() else ""
            failure = late or connection_problem(error)
        except BaseException as error:  # noqa: BLE001 - it is raised again
            # Such as Ctrl-C: the variables of the library contain the request.
            error.__context__ = None
            raise error.with_traceback(None) from None
        if failure:
            # Outside the except clause: the library's error, which would be the context, contains the request.
            raise self.unreachable(failure)
        return self.received(response, shown, body), location

    def sending(self, url: str, most: int, shown: str) -> AbstractContextManager[requests.Response]:
        """Return the context in which the request is sent and the response is read."""
        return responding(
            self.method,
            url,
            is_logged=shown == url == self.hidden.text(url),
            deadline=self.deadline,
            most=most,
            hidden=self.hidden,
            login=self.login,
            auth=self.auth,
            session=self.session,
            headers=self.headers if url == self.url or same_origin(url, self.url) else {},
            timeout=self.timeouts(),
            proxies=proxies(url),
            **self.content,
        )

    def received(self, response: requests.Response, shown: str, body: bytes) -> Response:
        """Return a response without the secrets of the request, which servers repeat."""
        status, headers, phrase = response.status_code, response.headers, response.reason or ""
        if self.hidden:
            hide = self.hidden.text
            body = self.hidden.message(body) if status >= 400 or status in REDIRECTS else self.hidden.content(body)
            headers = CaseInsensitiveDict({name: hide(value) for name, value in headers.items()})
            shown, phrase = hide(shown), hide(phrase)
        return Response(self.archive, shown, status, headers, body, phrase)

    def timeouts(self) -> tuple[float, float]:
        """Return the timeouts of connecting and of reading, within the deadline."""
        return self.deadline.timeouts(conf.connect_timeout, self.read_timeout or conf.read_timeout)

    def _location(self, response: requests.Response) -> str | None:
        """Return the address of a redirect, if an answer is one."""
        # http.client skips 100 only: what follows would be taken for the answer to the next request.
        if response.status_code < 200:
            problem = "an interim response without a final one"
            raise AnswerError(self.archive, self.shown, problem, response.status_code)
        return response.headers.get("Location") if response.status_code in REDIRECTS else None

    def read(self, response: requests.Response) -> bytes:
        """Read the body within the limits of size and time."""
        # The message of a refusal is read in any case.
        most = max(self.max_bytes, _CHUNK) if response.status_code >= 400 else self.max_bytes
        # Parts that are joined at the end would be in memory twice.
        with io.BytesIO() as body:
            body.writelines(self.parts(response, most))
            return body.getvalue()

    def parts(self, response: requests.Response, most: int) -> Iterator[bytes]:
        """Yield the decompressed parts of the body as they arrive."""
        # The beginning of a body has no end to check.
        encoding = response.headers.get("Content-Encoding")
        decoder = None if self.is_partial or not encoding else self.decoder(encoding, response.status_code)
        size = 0
        while not (self.is_partial and size >= most):
            received = self.piece(response, most - size if self.is_partial else _CHUNK)
            if received == b"":
                break
            if received is None or self.deadline.is_over():
                problem = f"the response did not end {self.deadline.text} ({size} bytes were received)"
                raise AnswerError(self.archive, self.shown, problem, response.status_code)
            for part in decoder.feed(received) if decoder else (received,):
                size += len(part)
                if size > most and not self.is_partial:
                    raise self.too_large(most, response.status_code)
                yield part
        if decoder is not None:
            decoder.check_end()

    def too_large(self, most: int, status: int) -> AnswerError:
        """Return the error for a body that is larger than allowed."""
        advice = "request less, or raise conf.max_answer" if self.max_bytes == conf.max_answer else ""
        return AnswerError(self.archive, self.shown, SizeLimit(most, advice=advice).message(), status)

    def decoder(self, encoding: str, status: int) -> Decoder:
        """Return what decompresses the body."""
        try:
            return Decoder(encoding)
        except DecodeError as error:
            raise AnswerError(self.archive, self.shown, str(error), status) from None

    def piece(self, response: requests.Response, most: int) -> bytes | None:
        """Return the part of the body that was received: empty at its end, `None` after the deadline."""
        try:
            # read would wait for a full chunk, however slowly it arrives.
            part: bytes = response.raw.read1(most, decode_content=self.is_partial)
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
        words = message or server_message(answer.phrase.encode())
        advice = "" if self.login is None else self.login.advice(answer.url, answer.status)
        return kind(self.archive, answer.url, f"{words}{advice}", answer.status)
