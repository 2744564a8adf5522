"""
One file's way to a storage that gave a presigned link for it.

The link itself is the permission: no credential goes along, neither the archive's nor what the netrc file has for the
host. The file is sent as it is read, and again from its start after a failure that passes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import requests
from urllib3.exceptions import HTTPError

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import ServiceBroken, ServiceRefused, ServiceUnreachable
from sunpy_helio_plugins.transport.discreet import Unsigned, unlogged
from sunpy_helio_plugins.transport.exchange import user_agent
from sunpy_helio_plugins.transport.patience import PASSING, backoff, retry_after
from sunpy_helio_plugins.transport.reasons import reason
from sunpy_helio_plugins.transport.urls import check_scheme, permit, proxies, public_url
from sunpy_helio_plugins.transport.words import server_words

__all__ = ["put"]

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
    ServiceRefused, ServiceBroken
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
    kind = ServiceBroken if response.status_code >= 500 else ServiceRefused
    raise kind(archive, public_url(url), words or str(response.reason), response.status_code)
