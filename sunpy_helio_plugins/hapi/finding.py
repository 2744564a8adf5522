"""What a query finds: the datasets that it means, and the requests for their records."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from sunpy_helio_plugins.errors import QueryError, ServiceError
from sunpy_helio_plugins.hapi import listing
from sunpy_helio_plugins.hapi.header import Info
from sunpy_helio_plugins.hapi.listing import HAPIServer
from sunpy_helio_plugins.hapi.service import Service, unlike
from sunpy_helio_plugins.hapi.splitting import cut, estimated_bytes, longest, seconds
from sunpy_helio_plugins.hapi.translate import Query, is_pattern
from sunpy_helio_plugins.quantities import times

__all__ = ["Found", "find", "find_all"]

_AT_ONCE = 5
"""Descriptions asked for at the same time of one server."""

_SERVERS_AT_ONCE = 16
_READ_THROUGH = 100
"""Datasets of a catalogue whose descriptions are looked into for words, where ids and titles do not hold them."""

_LONGEST_TITLE = 80
"""Characters of a description that serves as the title; for a longer one, or none, the catalogue is asked."""

_TICK = np.timedelta64(1, "ms")
"""HAPI leaves out the record at ``stop``, `a.Time` includes its end: the stop is one tick later."""

_GROWING = np.timedelta64(5 * 365, "D")
"""A dataset that ends later than this from now says by its end that it still grows (ESA: 2050)."""


@dataclass(frozen=True)
class Found:
    """
    One request for records of a dataset that covers the time.

    Attributes
    ----------
    server : HAPIServer
        Where it is.
    dataset, title : str
        Its id, and what the catalogue calls it.
    info : Info
        Description of the parameters wanted.
    start, end : str
        First and last instant asked for: UTC, ISO 8601 with Z.
    format : str
        The format of the records.
    url : str
        What to fetch.
    records, size : float
        Estimates from the cadence: how many records, and how many bytes; NaN where it is not known.
    """

    server: HAPIServer
    dataset: str
    title: str
    info: Info
    start: str
    end: str
    format: str
    url: str
    records: float = float("nan")
    size: float = float("nan")


def find_all(queries: Iterable[Query]) -> list[tuple[list[Found], list[str]] | ServiceError]:
    """
    Return what each query finds; servers are asked at the same time, each by one connection's queries in turn.

    Parameters
    ----------
    queries : iterable of Query
        The questions.

    Returns
    -------
    list
        For each query what `find` returns, or the error of its server.
    """

    def answer(query: Query) -> tuple[list[Found], list[str]] | ServiceError:
        try:
            return find(query)
        except ServiceError as error:
            return error

    asked = list(queries)
    if len(asked) == 1:
        return [answer(asked[0])]
    with ThreadPoolExecutor(min(_SERVERS_AT_ONCE, max(1, len(asked)))) as pool:
        return list(pool.map(answer, asked))


def find(query: Query) -> tuple[list[Found], list[str]]:
    """
    Return what a query finds.

    Parameters
    ----------
    query : Query
        The question.

    Returns
    -------
    found : list of Found
        The requests for records of the datasets that cover the time.
    problems : list of str
        What is missing from them, and why.

    Raises
    ------
    QueryError
        The server, the dataset or a parameter does not exist.
    ServiceError
        The server does not answer as it should.
    """
    service = Service(listing.find(query.server))
    if query.dataset is not None and not is_pattern(query.dataset):
        info = service.info(query.dataset)
        title = info.description
        if query.words and not _holds(query.words, service, query.dataset, info.description):
            return [], [f"{query.dataset} of {service.server.archive} does not speak of {' '.join(query.words)}."]
        if not 0 < len(title) <= _LONGEST_TITLE:
            title = service.title(query.dataset) or title
        return _covering(service, query, query.dataset, title, info)
    return _find_many(service, query)


def _find_many(service: Service, query: Query) -> tuple[list[Found], list[str]]:
    """Describe the datasets of a catalogue that are meant; one whose description fails costs itself only."""
    entries = service.catalog()
    meant = [one for one in entries if query.dataset is None or fnmatchcase(one.lower(), query.dataset.lower())]
    if query.dataset is not None and not meant:
        raise QueryError(unlike(f"{service.server.archive} has no dataset like", query.dataset, entries))
    service.capabilities()
    named = [one for one in meant if _holds(query.words, service, one)]
    look_inside = bool(query.words) and not named and len(meant) <= _READ_THROUGH
    described = _descriptions(service, meant if look_inside else named)
    problems = [one for one in described.values() if isinstance(one, str)]
    found: list[Found] = []
    for dataset, info in described.items():
        if isinstance(info, Info) and (not look_inside or _holds(query.words, service, dataset, info.description)):
            if not _has_parameters(info, query.parameters):
                continue
            title = service.title(dataset) or info.description
            # That a dataset of the catalogue does not cover the whole time is no news.
            found += _covering(service, query, dataset, title, info)[0]
    return found, problems


def _descriptions(service: Service, datasets: list[str]) -> dict[str, Info | str]:
    def describe(dataset: str) -> Info | str:
        try:
            return service.info(dataset)
        except (ServiceError, QueryError) as error:
            return f"{dataset}: {error}"

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return dict(zip(datasets, pool.map(describe, datasets), strict=True))


def _holds(words: tuple[str, ...], service: Service, dataset: str, description: str = "") -> bool:
    """Tell whether each word stands in the id, the title or the description, at the beginning of a word of theirs."""
    entry = service.catalog().get(dataset, {})
    inside = entry.get("info")
    said = inside.get("description") if isinstance(inside, dict) else ""
    texts = (dataset, entry.get("title"), entry.get("description"), said, description, service.server.source)
    text = " ".join(str(one) for one in texts if one).lower().replace("_", " ")
    return all(re.search(rf"(?<![a-z]){re.escape(word.lower().replace('_', ' '))}", text) for word in words)


def _has_parameters(info: Info, asked: tuple[str, ...]) -> bool:
    return all(any(fnmatchcase(name, one) for name in info.names) for one in asked)


def _covering(service: Service, query: Query, dataset: str, title: str, info: Info) -> tuple[list[Found], list[str]]:
    """Cut the time wanted to what the dataset covers: servers refuse what lies outside (HAPI 1405)."""
    wanted = info.subset(_chosen(service, dataset, info, query.parameters))
    start, end, stop, problems = _clipped(f"{dataset} of {service.server.archive}", query, info)
    if start >= stop:
        spans = f"spans {info.start} to {info.stop}: nothing from {query.start} to {query.end}."
        return [], [f"{dataset} of {service.server.archive} {spans}"]
    server, chosen = service.server, service.format(wanted, query.format)
    length = longest(info, wanted, chosen, server.max_elements, server.max_bytes, query.chunk)
    make = _maker(service, query, dataset, title, wanted, chosen)
    pieces = cut(start, stop, length)
    ends = [*(text(border) for _, border in pieces[:-1]), end]
    return [make(first, last, shown) for (first, last), shown in zip(pieces, ends, strict=True)], problems


def _clipped(name: str, query: Query, info: Info) -> tuple[np.datetime64, str, np.datetime64, list[str]]:
    start, last = instant(query.start), instant(query.end)
    end, stop = query.end, last + _TICK
    problems = []
    if info.start and start < instant(info.start):
        start = instant(info.start)
        problems.append(f"{name} begins at {info.start}: the time before it is not covered.")
    if info.stop and stop > instant(info.stop):
        stop = instant(info.stop)
        if last > stop:
            end = info.stop
            problems.append(f"{name} ends at {info.stop}: the time after it is not covered.")
    now = np.datetime64("now", "ms")
    if info.stop and instant(info.stop) > now + _GROWING and stop > now + _TICK and start < now:
        stop, end = now, text(now)
        problems.append(f"{name} still grows: there is nothing after the present.")
    return start, end, stop, problems


def _maker(
    service: Service, query: Query, dataset: str, title: str, wanted: Info, chosen: str
) -> Callable[[np.datetime64, np.datetime64, str], Found]:
    cadence, each = seconds(wanted.cadence), estimated_bytes(wanted, chosen)
    spelled = {instant(stamp): stamp for stamp in (wanted.start, wanted.stop) if stamp}

    def make(first: np.datetime64, last: np.datetime64, end: str) -> Found:
        # The ends of a dataset are sent as the server spells them: some compare them as text.
        start, stop = (spelled.get(moment, text(moment)) for moment in (first, last))
        url = service.data_url(dataset, wanted, bool(query.parameters), start, stop, chosen)
        records = np.ceil((last - first) / np.timedelta64(1, "ms") / (cadence * 1000)) if cadence else np.nan
        return Found(
            service.server, dataset, title, wanted, text(first), end, chosen, url, float(records), float(records * each)
        )

    return make


def _chosen(service: Service, dataset: str, info: Info, asked: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of parameters that names and patterns mean."""
    names: list[str] = []
    for one in asked:
        found = [name for name in info.names if name == one] or (
            [name for name in info.names if fnmatchcase(name.lower(), one.lower())] if is_pattern(one) else []
        )
        if not found:
            raise QueryError(unlike(f"{dataset} of {service.server.archive} has no parameter", one, info.names))
        names += found
    return tuple(names)


def instant(stamp: str) -> np.datetime64:
    """Return a time of HAPI as ``datetime64``."""
    return times.datetime64_from_iso(np.array([stamp]))[0]


def text(moment: np.datetime64) -> str:
    """Return a ``datetime64`` as HAPI writes it in a request."""
    return f"{np.datetime_as_string(moment.astype('M8[ms]'))}Z"
