"""
Requests that change something: sent once, never repeated, over TLS only, with cookies in memory.

What is sent stands in the body, never in the address, and in no error.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing

import requests
from urllib3.exceptions import HTTPError

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, QueryError, ServiceBroken, ServiceRefused, ServiceUnreachable
from sunpy_helio_plugins.transport.answers import Answer
from sunpy_helio_plugins.transport.discreet import Unsigned
from sunpy_helio_plugins.transport.exchange import user_agent
from sunpy_helio_plugins.transport.reasons import reason
from sunpy_helio_plugins.transport.urls import is_private, permit, proxies, public_url
from sunpy_helio_plugins.transport.words import server_words

__all__ = ["Poster"]

MOST = 10_000_000
"""Bytes of the largest answer that is read."""
_CHUNK = 65536


class Poster:
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
    ) -> Answer:
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
        Answer
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
        return self._accepted(Answer(self._archive, shown, response.status_code, response.headers, body))

    def _read(self, response: requests.Response, shown: str, ends: float) -> bytes:
        parts: list[bytes] = []
        while part := response.raw.read1(_CHUNK, decode_content=True):
            parts.append(part)
            if sum(map(len, parts)) > MOST or time.monotonic() > ends:
                raise AnswerError(self._archive, shown, "the answer is too large or too slow", response.status_code)
        return b"".join(parts)

    def _accepted(self, answer: Answer) -> Answer:
        if answer.status < 300:
            return answer
        words = server_words(answer.content)
        if answer.status < 400:
            # A form that follows a redirection may end anywhere, password and all.
            raise AnswerError(self._archive, answer.url, f"the archive redirects a form: {words}", answer.status)
        kind = ServiceRefused if answer.status < 500 else ServiceBroken
        raise kind(self._archive, answer.url, words, answer.status)

    def signed_in(self) -> bool:
        """Tell whether the archive gave a cookie."""
        return len(self._session.cookies) > 0

    def forget(self) -> None:
        """Forget all cookies, and close the connections."""
        self._session.cookies.clear()
        self._session.close()

    def __repr__(self) -> str:
        return f"<Poster to {self._archive}, {'with' if self.signed_in() else 'without'} cookies>"
