"""Questions to HAPI servers and their answers: capabilities, catalogue, info, and the address of the records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np

from sunpy_helio_plugins.errors import AnswerError, FileError, QueryError, ServiceError, ServiceRefused
from sunpy_helio_plugins.hapi import listing
from sunpy_helio_plugins.hapi.header import NO_DATA, OK, Info, status_of
from sunpy_helio_plugins.hapi.listing import HAPIServer
from sunpy_helio_plugins.hapi.translate import Query
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.transport import session

__all__ = ["Found", "Service", "find"]

_OLD_NAMES = {"dataset": "id", "start": "time.min", "stop": "time.max"}
"""What HAPI 3 calls them, and what a server before it knows: it refuses any other name (specification 2.0, 1401)."""

_AT_ONCE = 5
"""Descriptions asked for at the same time when the whole catalogue is wanted."""

_LONGEST_TITLE = 80
"""Characters of a description that serves as the title; for a longer one, or none, the catalogue is asked."""

_TICK = np.timedelta64(1, "ms")
"""HAPI leaves out the record at ``stop``, `a.Time` includes its end: the stop is one tick later."""


@dataclass(frozen=True)
class Found:
    """
    A dataset that covers the time, and the request for its records.

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
    """

    server: HAPIServer
    dataset: str
    title: str
    info: Info
    start: str
    end: str
    format: str
    url: str


@dataclass
class Service:
    """
    One server during one search; what it says of itself is asked for once.

    Parameters
    ----------
    server : HAPIServer
        The server.
    """

    server: HAPIServer
    _known: dict[str, Any] = field(default_factory=dict, repr=False)

    def capabilities(self) -> dict[str, Any]:
        """Return the capabilities answer."""
        return self._once("capabilities", partial(self._ask, "capabilities", {}))

    def catalog(self) -> dict[str, str]:
        """Return the ids of all datasets and their titles."""
        return self._once("catalog", self._catalog)

    def info(self, dataset: str) -> Info:
        """
        Return the description of a dataset.

        Parameters
        ----------
        dataset : str
            Its id.

        Raises
        ------
        QueryError
            The server has no such dataset; the message names similar ones.
        ServiceError
            The server does not answer as it should.
        """
        try:
            answer = self._ask("info", {"dataset": dataset})
        except ServiceRefused as refused:
            self._explain_dataset(dataset, refused)
            raise
        try:
            return Info.from_json(answer)
        except FileError as error:
            raise AnswerError(self.server.archive, f"{self.server.url}/info", str(error)) from None

    def names(self, query: Mapping[str, str]) -> dict[str, str]:
        """Return a query under the names that the server's version of HAPI knows."""
        version = str(self.capabilities().get("HAPI") or self.server.version)
        if version.startswith("3"):
            return dict(query)
        return {_OLD_NAMES.get(name, name): value for name, value in query.items()}

    def format(self, info: Info) -> str:
        """Return the best format that the server has for some parameters: binary where their layout is known."""
        if "binary" not in (self.capabilities().get("outputFormats") or ()):
            return "csv"
        try:
            info.record()
        except FileError:
            return "csv"
        return "binary"

    def data_url(self, dataset: str, info: Info, wanted: bool, start: str, stop: str, chosen: str) -> str:
        """
        Return the address of records.

        Parameters
        ----------
        dataset : str
            The dataset's id.
        info : Info
            Description of the parameters wanted.
        wanted : bool
            Whether they are a choice; otherwise none are named, since some datasets have too many for an address.
        start, stop : str
            The range; the record at ``stop`` is not part of it.
        chosen : str
            The format.
        """
        query = {"dataset": dataset, "start": start, "stop": stop}
        if wanted or self.server.explicit_parameters:
            query["parameters"] = ",".join(info.names[1:] or info.names)
        query |= {"format": chosen, "include": "header"}
        return f"{self.server.url}/data?{urlencode(self.names(query), quote_via=quote, safe=':/,@')}"

    def _once(self, name: str, ask: Callable[[], Any]) -> Any:
        if name not in self._known:
            self._known[name] = ask()
        return self._known[name]

    def _catalog(self) -> dict[str, str]:
        members = self._ask("catalog", {}).get("catalog")
        if not isinstance(members, list):
            raise AnswerError(self.server.archive, f"{self.server.url}/catalog", "the answer holds no catalogue")
        named = [one for one in members if isinstance(one, dict) and one.get("id")]
        return {str(one["id"]): str(one.get("title") or "") for one in named}

    def _ask(self, endpoint: str, query: Mapping[str, str]) -> dict[str, Any]:
        named = self.names(query) if query else {}
        answer = session.get(f"{self.server.url}/{endpoint}", named, archive=self.server.archive)
        decoded = answer.json()
        if not isinstance(decoded, dict):
            raise AnswerError(answer.archive, answer.url, "a JSON object was expected", answer.status)
        code, message = status_of(decoded)
        # Some servers answer an error with HTTP 200: what counts is the status inside.
        if code not in (None, OK, NO_DATA):
            raise ServiceRefused(answer.archive, answer.url, f"{message} (HAPI {code})", answer.status)
        return decoded

    def _explain_dataset(self, dataset: str, refused: ServiceError) -> None:
        try:
            ids = self.catalog()
        except ServiceError:
            return
        if dataset not in ids:
            raise QueryError(_unlike(f"{self.server.archive} has no dataset", dataset, ids)) from refused


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
        The datasets that cover the time.
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
    if query.dataset is not None:
        info = service.info(query.dataset)
        title = info.description
        if not 0 < len(title) <= _LONGEST_TITLE:
            title = service.catalog().get(query.dataset, title)
        return _covering(service, query, query.dataset, title, info)
    return _find_all(service, query)


def _find_all(service: Service, query: Query) -> tuple[list[Found], list[str]]:
    """Describe every dataset of a catalogue; a dataset whose description fails costs itself only."""
    titles = service.catalog()
    service.capabilities()

    def describe(dataset: str) -> Info | str:
        try:
            return service.info(dataset)
        except (ServiceError, QueryError) as error:
            return f"{dataset}: {error}"

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        described = list(pool.map(describe, titles))
    found: list[Found] = []
    problems = [one for one in described if isinstance(one, str)]
    for (dataset, title), info in zip(titles.items(), described, strict=True):
        if isinstance(info, Info):
            # That a dataset of the catalogue does not cover the whole time is no news.
            found += _covering(service, query, dataset, title, info)[0]
    return found, problems


def _covering(
    service: Service, query: Query, dataset: str, title: str, info: Info
) -> tuple[list[Found], list[str]]:
    """Cut the time wanted to what the dataset covers: servers refuse what lies outside (HAPI 1405)."""
    wanted = info.subset(_checked(service, dataset, info, query.parameters))
    first, last = _instant(query.start), _instant(query.end)
    start, end, stop = _text(first), query.end, _text(last + _TICK)
    problems = []
    name = f"{dataset} of {service.server.archive}"
    if info.start and first < _instant(info.start):
        start = info.start
        problems.append(f"{name} begins at {info.start}: the time before it is not covered.")
    if info.stop and last + _TICK > _instant(info.stop):
        stop = info.stop
        if last > _instant(info.stop):
            end = info.stop
            problems.append(f"{name} ends at {info.stop}: the time after it is not covered.")
    if _instant(start) >= _instant(stop):
        return [], [f"{name} spans {info.start} to {info.stop}: nothing from {query.start} to {query.end}."]
    chosen = service.format(wanted)
    url = service.data_url(dataset, wanted, bool(query.parameters), start, stop, chosen)
    return [Found(service.server, dataset, title, wanted, start, end, chosen, url)], problems


def _checked(service: Service, dataset: str, info: Info, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in info.names:
            raise QueryError(_unlike(f"{dataset} of {service.server.archive} has no parameter", name, info.names))
    return names


def _unlike(what: str, given: str, possible: Iterable[str]) -> str:
    """Say that something does not exist, and what does."""
    names = list(possible)
    similar = get_close_matches(given, names, n=5, cutoff=0.5)
    folded = [name for name in names if name.lower() == given.lower()]
    shown = list(dict.fromkeys(folded + similar)) or names[:8]
    rest = f", one of {len(names)}" if len(shown) < len(names) else ""
    return f"{what} {given!r}; it has {', '.join(shown)}{rest}."


def _instant(text: str) -> np.datetime64:
    return times.datetime64_from_iso(np.array([text]))[0]


def _text(instant: np.datetime64) -> str:
    return f"{np.datetime_as_string(instant.astype('M8[ms]'))}Z"
