"""Requests that change something on a server: forms and uploads."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from sunpy_helio_plugins.errors import QueryError, local
from sunpy_helio_plugins.transport.connections import FormBody, new_session, set_read_deadline
from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.exchange import Exchange, Response, with_fields
from sunpy_helio_plugins.transport.limits import request_deadline
from sunpy_helio_plugins.transport.secrets import Hidden, Secret
from sunpy_helio_plugins.transport.urls import is_private, permit, public_url

__all__ = ["SubmitSession", "order", "put"]


class SubmitSession:
    """A session with one archive that keeps cookies and sends forms; ``archive`` is its name in messages."""

    def __init__(self, archive: str) -> None:
        self._archive = archive
        self._session = new_session()

    def post(
        self, url: str, fields: Mapping[str, str | Secret], files: Mapping[str, tuple[str, bytes]] | None = None
    ) -> Response:
        """
        Send a form once, over TLS or to this machine only, and return the answer.

        Parameters
        ----------
        url : str
            The address.
        fields : mapping
            The form's fields; a `~sunpy_helio_plugins.transport.secrets.Secret` is revealed when it is sent.
        files : mapping, optional
            The form's files, each a name and its content.

        Raises
        ------
        QueryError
            The address is without TLS and not on this machine; or the embedded archive is running, and the address is
            not on this machine.
        ServiceError
            The request failed, or the response is an error, or a redirect, which is not followed.
        """
        permit(url)
        if not is_private(url):
            raise QueryError(f"{public_url(url)} is without TLS: the form was not sent, since others could read it.")
        secrets = [one for one in fields.values() if isinstance(one, Secret)]
        hidden = Hidden([*secrets, *(Secret(cookie.value) for cookie in self._session.cookies if cookie.value)])
        body = FormBody(fields, files)
        # A form that was received and not answered is not sent again: it may have changed something.
        exchange = Exchange(
            self._archive, url, method="POST", auth=body, session=self._session, retries=0, follows=False, hidden=hidden
        )
        return exchange.run()

    def signed_in(self) -> bool:
        """Return whether the archive has set a cookie."""
        return len(self._session.cookies) > 0

    def forget(self) -> None:
        """Discard all cookies, and close the connections."""
        self._session.cookies.clear()
        self._session.close()

    def __repr__(self) -> str:
        return f"<SubmitSession to {self._archive}, {'with' if self.signed_in() else 'without'} cookies>"


def order(method: str, url: str, fields: Mapping[str, str], *, archive: str, login: Login) -> Response:
    """
    Send a signed request that starts something on a server, once, over TLS or to this machine only.

    Parameters
    ----------
    method : str
        The HTTP method.
    url : str
        The address.
    fields : mapping
        The query fields.
    archive : str
        The archive's name in messages.
    login : Login
        How to sign in.

    Returns
    -------
    Response
        The answer.

    Raises
    ------
    QueryError
        The address is without TLS and not on this machine; or the embedded archive is running, and the address is not
        on this machine.
    ServiceError
        The request failed, or the response is an error, or a redirect, which is not followed.
    """
    permit(url)
    if not is_private(url):
        raise QueryError(
            f"{public_url(url)} is without TLS: the request was not sent, since others could read the key."
        )
    # A request that was received and not answered is not sent again: it may have started something.
    exchange = Exchange(archive, with_fields(url, fields.items()), method=method, login=login, retries=0, follows=False)
    return exchange.run()


class _CountedFile:
    """A file that reports how much of it was read; `requests` streams objects with a length and ``read``."""

    def __init__(self, stream: IO[bytes], count: Callable[[int], Any]) -> None:
        self._stream, self._count = stream, count
        self._size = os.fstat(stream.fileno()).st_size

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        part = self._stream.read(size)
        self._count(len(part))
        return part


_STORED = (200, 201, 204)


@dataclass
class _Upload(Exchange):
    """A file that is sent to an address; the deadline of the answer begins with the last byte sent."""

    path: Path = Path()
    progress: Callable[[int], Any] = field(default=lambda size: None, repr=False)

    def once(self) -> Response:
        self.sent, answer = 0, None
        try:
            with local(self.path, "read"):
                stream = self.path.open("rb")
            with stream:
                body = _CountedFile(stream, self.count)
                self.headers["Content-Length"] = str(len(body))
                self.content = {"data": body if len(body) else b""}
                answer = super().once()
        finally:
            if answer is None or answer.status not in _STORED:
                self.progress(-self.sent)
        return answer

    def count(self, size: int) -> None:
        self.sent += size
        self.progress(size)
        self.deadline = request_deadline()
        set_read_deadline(self.deadline)


def put(
    url: str,
    path: Path,
    *,
    archive: str,
    progress: Callable[[int], Any] = lambda size: None,
    headers: Mapping[str, str] | None = None,
    given_by: str = "",
) -> None:
    """
    Send a file to a presigned address.

    Parameters
    ----------
    url : str
        The address.
    path : pathlib.Path
        The file.
    archive : str
        The archive's name, for messages.
    progress : callable, optional
        Called with the number of bytes of each part that is sent; with a negative number when the file is begun again.
    headers : mapping, optional
        Further headers, such as those that the signature of the address covers.
    given_by : str, optional
        The address of the server that gave ``url`` in an answer.

    Raises
    ------
    ServiceUnreachable
        The connection failed in every attempt.
    ServiceError
        The storage refused the file, or redirected, which is not followed.
    """
    limits: dict[str, Any] = {"max_bytes": 65536, "is_partial": True, "follows": False, "given_by": given_by}
    _Upload(archive, url, dict(headers or {}), method="PUT", path=path, progress=progress, **limits).run(_STORED)
