"""Requests for metadata (catalogues, queries, lists of files), with a cache for what changes rarely."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import (
    HelioPluginsError,
    OutdatedAnswerWarning,
    ServerError,
    ServiceError,
    ServiceUnreachable,
    warn,
)
from sunpy_helio_plugins.store import answers
from sunpy_helio_plugins.transport.credentials import Login, netrc_login
from sunpy_helio_plugins.transport.exchange import Exchange, Response, with_fields
from sunpy_helio_plugins.transport.messages import log_cached
from sunpy_helio_plugins.transport.urls import check_scheme, public_url

__all__ = ["Params", "Response", "cached_json", "get", "is_cached", "load_cached"]

T = TypeVar("T")

Params = Mapping[str, str] | Iterable[tuple[str, str]]
"""Query fields, in the order in which they are sent."""


def get(
    url: str,
    params: Params | None = None,
    *,
    archive: str,
    headers: Mapping[str, str] | None = None,
    accept: Collection[int] = (200,),
    max_bytes: int | None = None,
    login: Login | None = None,
    read_timeout: float | None = None,
) -> Response:
    """
    Send a GET request and read its answer.

    Parameters
    ----------
    url : str
        The address.
    params : mapping or iterable of pairs, optional
        Query fields, in the order in which they are sent.
    archive : str
        The archive's name, for messages.
    headers : mapping, optional
        Further request headers.
    accept : collection of int, optional
        HTTP statuses of answers; every other one raises.
    max_bytes : int, optional
        Largest body after decompression. Defaults to ``conf.max_answer``.
    login : Login, optional
        How to sign in. Defaults to the user and password of the netrc file for the host, if any.
    read_timeout : float, optional
        Seconds without a byte after which the request fails for good. Defaults to ``conf.read_timeout``, after which
        the request is repeated.

    Raises
    ------
    QueryError
        The address is invalid or without TLS.
    ServiceUnreachable
        No attempt was successful.
    ServiceRefused, ServerError
        The status of the answer is not in ``accept``.
    AnswerError
        The answer is too large or too slow.
    """
    signer = login or netrc_login(url)
    return _exchange(url, params, archive, headers, signer, max_bytes, read_timeout).run(accept)


def _exchange(
    url: str,
    params: Params | None,
    archive: str,
    headers: Mapping[str, str] | None,
    signer: Login | None,
    max_bytes: int | None = None,
    read_timeout: float | None = None,
) -> Exchange:
    """Return the exchange for a request, whose address is checked."""
    most, fields = max_bytes or conf.max_answer, _pairs(params)
    return Exchange(archive, url, dict(headers or {}), most, signer, read_timeout, params=fields)


def cached_json(
    url: str,
    params: Params | None = None,
    *,
    archive: str,
    parse: Callable[[Any], T],
    keeps: Callable[[T], object] = bool,
    days: float | None = None,
    headers: Mapping[str, str] | None = None,
    accept: Collection[int] = (200,),
    login: Login | None = None,
    serves: Callable[[T], bool] | None = None,
    may_be_outdated: bool = True,
) -> T:
    """
    Request JSON that changes rarely, or take it from the cache.

    ``parse`` makes the result from the decoded answer, and raises for anything else, such as an error with HTTP status
    200. Only an answer that was parsed is stored, for ``days`` or ``conf.cache_days``, and only if ``keeps`` is true of
    the result: by default, if it is not empty. ``serves`` is called with the result from a stored answer; if it returns
    `False`, the request is sent. If the server does not answer, and the answer ``may_be_outdated``, a stored one is
    used whatever its age, with a warning. The other parameters are those of `get`.
    """
    signer = login or netrc_login(url)
    exchange = _exchange(url, params, archive, headers, signer)
    key = exchange.shown
    # The answers to a user who is signed in are private, and differ from the public ones.
    is_public = signer is None or not signer.known()
    if is_public and (value := answers.load(key)) is not None:
        # Another version of this package may have stored it.
        with contextlib.suppress(HelioPluginsError):
            result = parse(value)
            if serves is None or serves(result):
                log_cached(archive, key)
                return result
    try:
        value = exchange.run(accept).json()
    except (ServiceUnreachable, ServerError) as error:
        outdated = _outdated(key, parse, error) if is_public and may_be_outdated else None
        if outdated is None:
            raise
        return outdated
    result = parse(value)
    if is_public and keeps(result):
        answers.store(key, value, days)
    return result


def _outdated(key: str, parse: Callable[[Any], T], error: ServiceError) -> T | None:
    """Return the result from a stored answer whatever its age, with a warning; `None` if there is none."""
    found = answers.load_outdated(key)
    if found is None:
        return None
    value, stored = found
    with contextlib.suppress(HelioPluginsError):
        result = parse(value)
        date = datetime.fromtimestamp(stored, UTC).strftime("%Y-%m-%d %H:%M UTC")
        warn(f"The answer of {date} is used, which may be outdated: {error}", OutdatedAnswerWarning)
        return result
    return None


def is_cached(url: str, *, login: Login | None = None) -> bool:
    """Return whether `cached_json` has an answer for an address; it may still request another one."""
    signer = login or netrc_login(url)
    return (signer is None or not signer.known()) and answers.load(public_url(url)) is not None


def load_cached(url: str, queries: Iterable[Params], *, archive: str) -> list[Any]:
    """Return the stored JSON of public requests, each `None` if there is none, without sending them."""
    check_scheme(url)
    keys = [public_url(with_fields(url, _pairs(params))) for params in queries]
    found = answers.load_many(keys)
    for key, value in zip(keys, found, strict=True):
        if value is not None:
            log_cached(archive, key)
    return found


def _pairs(params: Params | None) -> Collection[tuple[str, str]]:
    if params is None:
        return ()
    return params.items() if isinstance(params, Mapping) else tuple(params)
