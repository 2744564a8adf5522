"""Requests for metadata: catalogues, queries, lists of files; what changes rarely comes from the cache."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import requests

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.store import answers
from sunpy_helio_plugins.transport.credentials import Login, netrc_login
from sunpy_helio_plugins.transport.exchange import Exchange, Response
from sunpy_helio_plugins.transport.urls import check_scheme, public_url

__all__ = ["Params", "Response", "cached_json", "get", "load_cached"]

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
    login : Login, optional
        How to sign in. Defaults to the user and password that the netrc file has for the host, if any.
    read_timeout : float, optional
        Seconds without a byte after which the request fails for good. Defaults to ``conf.read_timeout``, after which
        the request is repeated.

    Returns
    -------
    Response
        The whole answer.

    Raises
    ------
    QueryError
        The address is no address, or would be asked without TLS.
    ServiceUnreachable
        No answer came, also not when asked again.
    ServiceRefused, ServerError
        The archive answered with a status that is not in ``accept``.
    AnswerError
        The answer was larger than allowed.
    """
    asked = _full_url(url, _pairs(params))
    signer = login or netrc_login(url)
    exchange = Exchange(archive, asked, dict(headers or {}), max_bytes or conf.max_answer, signer, read_timeout)
    return exchange.run(accept)


def cached_json(
    url: str,
    params: Params | None = None,
    *,
    archive: str,
    check: Callable[[Any], None],
    days: float | None = None,
    headers: Mapping[str, str] | None = None,
    accept: Collection[int] = (200,),
    login: Login | None = None,
    serves: Callable[[Any], bool] | None = None,
) -> Any:
    """
    Ask for metadata that change rarely, or take them from the cache.

    Parameters
    ----------
    url, params, archive, headers, accept, login
        As for `get`.
    check : callable
        Called with the decoded answer; it raises where that is an error, also one that came with HTTP status 200. Only
        an answer that passes is kept.
    days : float, optional
        How long it may be used. Defaults to ``conf.cache_days``.
    serves : callable, optional
        Called with what is kept; where it returns `False`, the archive is asked anew.

    Returns
    -------
    object
        The decoded JSON.
    """
    pairs = list(_pairs(params))
    key = public_url(_full_url(url, pairs))
    signer = login or netrc_login(url)
    # What a signed-in user may see is nobody else's business, and differs from what the public sees.
    is_public = signer is None or not signer.known()
    value = answers.load(key) if is_public else None
    if value is None or not (serves is None or serves(value)):
        value = get(url, pairs, archive=archive, headers=headers, accept=accept, login=signer).json()
        check(value)
        if is_public:
            answers.store(key, value, days)
    return value


def load_cached(url: str, questions: Iterable[Params]) -> list[Any]:
    """
    Return what the cache has of public questions, without asking them.

    Parameters
    ----------
    url : str
        What would be asked.
    questions : iterable of mappings or of iterables of pairs
        The query fields of each question, as for `cached_json`.

    Returns
    -------
    list
        The decoded JSON of each; `None` where there is none.
    """
    return answers.load_many([public_url(_full_url(url, _pairs(params))) for params in questions])


def _pairs(params: Params | None) -> Iterable[tuple[str, str]]:
    if params is None:
        return ()
    return params.items() if isinstance(params, Mapping) else params


def _full_url(url: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return the whole address, or say that it is none."""
    check_scheme(url)
    try:
        return requests.Request("GET", url, params=list(pairs)).prepare().url or url
    except (requests.RequestException, UnicodeError):
        raise QueryError(f"{public_url(url)!r} is no address that can be asked: its host is no name.") from None
