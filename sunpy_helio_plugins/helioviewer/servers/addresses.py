"""
The addresses of Helioviewer's API and of its mirrors, in the order in which they are used.

A mirror is used if the main server does not respond or reports an internal error. For a minute after that, the main
server is tried last. The default mirrors belong to the default address of the API: they are not used with another one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from math import ceil, inf
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from sunpy_helio_plugins.config import HELIOVIEWER_API, HELIOVIEWER_MIRRORS, conf
from sunpy_helio_plugins.errors import MirrorWarning, ServerError, ServiceError, ServiceUnreachable, warn
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.transport.limits import budget, request_deadline

__all__ = ["MirrorAddress", "action_url", "first_answer", "forget", "mirrors", "servers"]

PAUSE = 60.0
"""Seconds for which a server that failed is tried last."""

_failed: dict[str, float] = {}
_lock = threading.Lock()

T = TypeVar("T")


class MirrorAddress(NamedTuple):
    """
    A server with Helioviewer's API.

    Attributes
    ----------
    name : str
        Its name.
    url : str
        The address of the API.
    """

    name: str
    url: str


def mirrors() -> tuple[MirrorAddress, ...]:
    """Return the mirrors of the settings that belong to the address of the API."""
    given = list(conf.helioviewer.mirrors)
    if given == HELIOVIEWER_MIRRORS and conf.helioviewer.api_url.rstrip("/") != HELIOVIEWER_API:
        return ()
    pairs = (one.partition("=") for one in given)
    return tuple(MirrorAddress(name.strip(), url.strip().rstrip("/")) for name, _, url in pairs)


def servers() -> tuple[MirrorAddress, ...]:
    """Return the main server and its mirrors."""
    url = conf.helioviewer.api_url.rstrip("/")
    return (MirrorAddress("GSFC" if url == HELIOVIEWER_API else urlsplit(url).netloc, url), *mirrors())


def action_url(server: MirrorAddress, action: str) -> str:
    """Return the URL of an action of a server's API."""
    return f"{server.url}/{action}/"


def first_answer(ask: Callable[[MirrorAddress], T]) -> T:
    """
    Return the answer of the first server that gives one, with a warning if it is not the main one.

    All of them together have the time of one request, of which each has an equal part of what is left.
    """
    every = servers()
    problem: ServiceError | None = None
    deadline = request_deadline()
    for number, server in enumerate(sorted(every, key=_is_paused)):
        left = deadline.left()
        try:
            with budget(None if left == inf else ceil(left / (len(every) - number)), "conf.deadline"):
                found = ask(server)
        except (ServiceUnreachable, ServerError) as error:
            problem = problem or error
            with _lock:
                _failed[server.url] = time.monotonic()
            continue
        if server is not every[0] and problem is not None:
            warn(f"The mirror {server.name} is used, since {PROVIDER} failed: {problem}", MirrorWarning)
        return found
    assert problem is not None  # noqa: S101 - for the type checker: there is at least one server
    raise problem


def _is_paused(server: MirrorAddress) -> bool:
    with _lock:
        return time.monotonic() - _failed.get(server.url, -PAUSE) < PAUSE


def forget() -> None:
    """Forget which servers failed."""
    with _lock:
        _failed.clear()
