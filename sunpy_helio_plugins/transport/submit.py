"""Requests that change something on a server: forms and uploads."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import requests
from urllib3.exceptions import HTTPError

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, QueryError, ServerError, ServiceRefused, ServiceUnreachable
from sunpy_helio_plugins.transport.connections import Unsigned, unlogged, user_agent
from sunpy_helio_plugins.transport.exchange import Response
from sunpy_helio_plugins.transport.messages import reason, server_words
from sunpy_helio_plugins.transport.retry import PASSING, backoff, retry_after
from sunpy_helio_plugins.transport.urls import check_scheme, is_private, permit, proxies, public_url

__all__ = ["SubmitSession", "put"]

MOST = 10_000_000
"""Bytes of the largest answer that is read."""

_CHUNK = 65536


class SubmitSession:
    """
    A session with one archive that remembers its cookies, and nothing else.

    Parameters
    ----------
    archive : str
        The archive's name, for messages.
    """

    def __init__(self, archive: str) -> None:
        self._archive = archive
        self._session = requests.Session()
        self._session.headers["User-Agent"] = user_agent()

    def post(
        self, url: str, fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]] | None = None
    ) -> Response:
        """
        Send a form.

        Parameters
        ----------
        url : str
            Where to.
        fields : mapping
            The form's fields.
        files : mapping, optional
            The form's files, each a name and its content.

        Returns
        -------
        Response
            The whole answer, of any status below 400.

        Raises
        ------
        QueryError
            The address is not private: it has no TLS and is not this machine. Or the embedded archive serves, and it is
            not this machine.
        ServiceError
            No answer came, or one that says that something is wrong, or a redirection, which is not followed.
        """
        if not is_private(url):
            raise QueryError(f"{public_url(url)} is not asked: what is sent there could be read on the way.")
        permit(url)
        ends = time.monotonic() + conf.deadline
        shown = public_url(url)
        failure = None
        try:
            response = self._session.post(
                url,
                data=dict(fields),
                files=dict(files) if files else None,
                timeout=(conf.connect_timeout, conf.read_timeout),
                stream=True,
                allow_redirects=False,
                auth=Unsigned(),
                proxies=proxies(url),
            )
            with closing(response):
                body = self._read(response, shown, ends)
        except (requests.RequestException, HTTPError) as error:
            failure = reason(error)
        if failure is not None:
            # Not while the other is handled, which would go with it as its context, and holds the form.
            raise ServiceUnreachable(self._archive, shown, failure)
        return self._accepted(Response(self._archive, shown, response.status_code, response.headers, body))

    def _read(self, response: requests.Response, shown: str, ends: float) -> bytes:
        parts: list[bytes] = []
        while part := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            if sum(map(len, parts)) > MOST or time.monotonic() > ends:
                raise AnswerError(self._archive, shown, "the answer is too large or too slow", response.status_code)
        return b"".join(parts)

    def _accepted(self, answer: Response) -> Response:
        if answer.status < 300:
            return answer
        words = server_words(answer.content)
        if answer.status < 400:
            # A form that follows a redirection may end anywhere, password and all.
            raise AnswerError(self._archive, answer.url, f"the archive redirects a form: {words}", answer.status)
        kind = ServiceRefused if answer.status < 500 else ServerError
        raise kind(self._archive, answer.url, words, answer.status)

    def signed_in(self) -> bool:
        """Tell whether the archive gave a cookie."""
        return len(self._session.cookies) > 0

    def forget(self) -> None:
        """Forget all cookies, and close the connections."""
        self._session.cookies.clear()
        self._session.close()

    def __repr__(self) -> str:
        return f"<SubmitSession to {self._archive}, {'with' if self.signed_in() else 'without'} cookies>"


_MOST_WORDS = 65536


class _Counted:
    """A file that tells how much of it was read; `requests` streams whatever has a length and can be read."""

    def __init__(self, stream: IO[bytes], size: int, tell: Callable[[int], Any]) -> None:
        self._stream, self._size, self._tell = stream, size, tell

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        part = self._stream.read(size)
        self._tell(len(part))
        return part


def put(
    url: str,
    path: Path,
    *,
    archive: str,
    tell: Callable[[int], Any] = lambda size: None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """
    Send a file to a presigned link.

    Parameters
    ----------
    url : str
        The link.
    path : pathlib.Path
        The file.
    archive : str
        The archive's name, for messages.
    tell : callable, optional
        Called with the number of bytes of each part that is sent; with a negative one where the file is begun again.
    headers : mapping, optional
        Further headers, such as those that the link's signature covers.

    Raises
    ------
    ServiceUnreachable
        The connection failed, also when tried again.
    ServiceRefused, ServerError
        The storage did not take the file.
    """
    check_scheme(url)
    ends = time.monotonic() + conf.deadline
    for attempt in range(conf.retries + 1):
        last = attempt == conf.retries
        try:
            wait = _sent(url, path, archive, tell, dict(headers or {}), last)
        except ServiceUnreachable:
            if last:
                raise
            wait = backoff(attempt)
        if wait is None:
            return
        if time.monotonic() + wait >= ends:
            raise ServiceUnreachable(archive, public_url(url), "the storage did not take the file in time")
        time.sleep(wait or backoff(attempt))


def _sent(
    url: str, path: Path, archive: str, tell: Callable[[int], Any], further: dict[str, str], last: bool
) -> float | None:
    """Send once; return how long to wait before the next attempt, `None` where the file has arrived."""
    permit(url)
    sent = 0

    def count(size: int) -> None:
        nonlocal sent
        sent += size
        tell(size)

    with path.open("rb") as stream, requests.Session() as session, unlogged(url):
        body = _Counted(stream, os.fstat(stream.fileno()).st_size, count)
        headers = {**further, "User-Agent": user_agent(), "Content-Length": str(len(body))}
        try:
            response = session.put(
                url,
                data=body if len(body) else b"",
                headers=headers,
                timeout=(conf.connect_timeout, conf.read_timeout),
                allow_redirects=False,
                auth=Unsigned(),
                proxies=proxies(url),
                stream=True,
            )
            words = server_words(response.raw.read(_MOST_WORDS, decode_content=True))
        except (requests.RequestException, HTTPError, OSError) as error:
            tell(-sent)
            raise ServiceUnreachable(archive, public_url(url), reason(error)) from None
        response.close()
    if response.status_code in (200, 201, 204):
        return None
    tell(-sent)
    if response.status_code in PASSING and not last:
        return retry_after(response.headers.get("Retry-After")) or 0.0
    kind = ServerError if response.status_code >= 500 else ServiceRefused
    raise kind(archive, public_url(url), words or str(response.reason), response.status_code)
