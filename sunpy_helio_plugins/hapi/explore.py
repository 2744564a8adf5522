"""Functions that describe HAPI servers: the list of servers, catalogues, descriptions, and tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import QTable

from sunpy_helio_plugins.arguments import TEXT, taking
from sunpy_helio_plugins.errors import AnswerError, HelioPluginsError, QueryError
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.query import is_like, is_pattern
from sunpy_helio_plugins.hapi.search import descriptions
from sunpy_helio_plugins.hapi.service import Service, login_of
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.leap import DAY
from sunpy_helio_plugins.quantities.spans import moment

__all__ = ["Check", "access_token", "availability", "catalog", "check", "info", "servers"]

_TRIED = 5
"""The number of datasets that are searched for one with a start date."""


def servers() -> QTable:
    """
    List the servers with a short name.

    Returns
    -------
    astropy.table.QTable
        Names, titles, sources, URLs, versions of HAPI, and habits that this package takes into account.
    """
    known = sorted(server_list.known().values(), key=lambda server: server.name)
    columns = ("name", "title", "source", "url", "version", "habits")
    return QTable([np.array([getattr(one, name) for one in known], dtype=str) for name in columns], names=columns)


@taking("hapi.catalog", server=TEXT, pattern=TEXT)
def catalog(server: str, pattern: str = "*") -> QTable:
    """
    List the datasets of a server.

    Parameters
    ----------
    server : str
        Short name or URL.
    pattern : str, optional
        A pattern for ids or titles, with ``*`` and ``?``, ignoring case. A text without these may occur anywhere in
        them.

    Returns
    -------
    astropy.table.QTable
        The ids and titles.

    Raises
    ------
    ServiceError
        If the server cannot be reached, or does not respond as specified.
    """
    kept = _listed(Service(server_list.find(server)), pattern)
    columns = [np.array([row[index] for row in kept], dtype=str) for index in (0, 1)]
    return QTable(columns, names=("id", "title"))


@taking("hapi.info", server=TEXT, dataset=TEXT)
def info(server: str, dataset: str) -> Info:
    """
    Return the description of a dataset.

    Parameters
    ----------
    server : str
        Short name or URL.
    dataset : str
        The id.

    Returns
    -------
    Info
        Parameters, time range and cadence; ``raw`` contains the unchanged response.

    Raises
    ------
    QueryError
        If the dataset does not exist; the message contains similar ids.
    ServiceError
        If the server cannot be reached, or does not respond as specified.
    """
    return Service(server_list.find(server)).info(dataset)


@taking("hapi.availability", server=TEXT, pattern=TEXT)
def availability(server: str, pattern: str = "*") -> QTable:
    """
    List the time ranges of datasets.

    Parameters
    ----------
    server : str
        Short name or URL.
    pattern : str, optional
        A pattern for ids or titles, as in `catalog`. One request is sent for each dataset, unless the server can send
        all descriptions at once.

    Returns
    -------
    astropy.table.QTable
        Id, start, stop (as `~astropy.time.Time`, masked if the server does not give them) and cadence. Datasets whose
        description failed are not included, but listed in ``meta["problems"]``.
    """
    service = Service(server_list.find(server))
    described = descriptions(service, [one for one, _ in _listed(service, pattern)])
    problems = [f"{one}: {said}" for one, said in described.items() if isinstance(said, str)]
    infos = {one: said for one, said in described.items() if isinstance(said, Info)}
    table = QTable()
    table["id"] = np.array(list(infos), dtype=str)
    for name in ("start", "stop"):
        stamps = [getattr(info, name) for info in infos.values()]
        lost = np.array([moment(stamp) is None for stamp in stamps], dtype=bool)
        problems += [
            f"{one}: its {name} {stamp!r} is not a valid time." for one, stamp in zip(infos, stamps, strict=True)
            if stamp and moment(stamp) is None
        ]  # fmt: skip
        made = times.from_iso(np.array([str(stamp) for stamp in stamps], dtype="S"), lost)
        table[name] = times.as_column(made, f"The dataset's {name}", may_be_missing=True)
    table["cadence"] = np.array([info.cadence for info in infos.values()], dtype=str)
    table.meta["problems"] = problems
    return table


@dataclass(frozen=True)
class Check:
    """
    The result of `check`; it is true if all steps succeeded.

    Attributes
    ----------
    server : str
        Short name or URL.
    steps : tuple of (str, bool, str)
        The name of each step, whether it succeeded, and a description of the result or the error.
    """

    server: str
    steps: tuple[tuple[str, bool, str], ...]

    @property
    def ok(self) -> bool:
        """Whether all steps succeeded."""
        return all(well for _, well, _ in self.steps)

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        lines = [f"{'ok    ' if well else 'FAILED'} {name}: {words}" for name, well, words in self.steps]
        return "\n".join([f"HAPI server {self.server}", *lines])


@taking("hapi.check", server=TEXT)
def check(server: str) -> Check:
    """
    Test a server: its capabilities, its catalogue, and the records of its ``dataTest``, or else a sample of a dataset.

    Parameters
    ----------
    server : str
        Short name or URL.

    Returns
    -------
    Check
        The result of each step; it is true if all steps succeeded.
    """
    service = Service(server_list.find(server), fresh=True)
    steps: list[tuple[str, bool, str]] = []
    for name, step in (("capabilities", _capabilities), ("catalog", _count), ("data", _sample)):
        try:
            steps.append((name, True, step(service)))
        except HelioPluginsError as error:
            steps.append((name, False, str(error)))
    return Check(server, tuple(steps))


@taking("hapi.access_token", server=TEXT)
def access_token(server: str = "swe") -> str:
    """
    Return a bearer token for a server, for use in other programs.

    Parameters
    ----------
    server : str, optional
        Short name of a server that requires a token.

    Returns
    -------
    str
        The token, which is valid for some minutes. Treat it as a password.

    Raises
    ------
    QueryError
        If the server does not require a token, or if its credentials are not available.
    ServiceError
        If the token service does not return a token.
    """
    found = server_list.find(server)
    login = login_of(found)
    if login is None:
        raise QueryError(f"{found.archive} does not require a token; servers that do are listed in conf.hapi.oauth2.")
    if not login.known():
        where = f"{found.credentials[:1].upper()}{found.credentials[1:]}, and store" if found.credentials else "Store"
        raise QueryError(
            f"There are no credentials for {found.archive}. {where} them in {' and '.join(login.variables[0])}, the "
            "netrc file or the keyring."
        )
    return login.headers(found.url)["Authorization"].partition(" ")[2]


def _listed(service: Service, pattern: str) -> list[tuple[str, str]]:
    """Return the ids and titles that match a pattern."""
    wanted = pattern if is_pattern(pattern) else f"*{pattern}*"
    rows = [(one, str(entry.get("title") or "")) for one, entry in service.catalog().items()]
    return [row for row in rows if any(is_like(text, wanted) for text in row)]


def _capabilities(service: Service) -> str:
    answer = service.capabilities()
    return f"HAPI {answer.get('HAPI') or service.server.version}, {', '.join(answer.get('outputFormats') or ['csv'])}"


def _count(service: Service) -> str:
    return f"{len(service.catalog())} datasets"


def _sample(service: Service) -> str:
    from sunpy_helio_plugins.hapi.records.load import load

    test = _data_test(service)
    asked, must_hold = (test, True) if test is not None else _range(service)
    count = len(load(service.server.url, **asked, refresh=True))
    words = f"{count} records of {asked['dataset']} from {asked['start']} to {asked['stop']}"
    if must_hold and not count:
        raise AnswerError(service.server.archive, f"{service.server.url}/data", f"{words}; expected at least one")
    return words


def _data_test(service: Service) -> dict[str, Any] | None:
    """Return the request that the server provides for tests (HAPI 3.2)."""
    try:
        test = service.about().get("dataTest")
    except HelioPluginsError:
        return None
    tests = test if isinstance(test, list) else [test]
    query = tests[0].get("query") if tests and isinstance(tests[0], dict) else None
    if not isinstance(query, dict) or not all(query.get(name) for name in ("dataset", "start", "stop")):
        return None
    names = query.get("parameters")
    names = names.split(",") if isinstance(names, str) else names
    return {"dataset": query["dataset"], "start": query["start"], "stop": query["stop"], "parameters": names or None}


def _range(service: Service) -> tuple[dict[str, Any], bool]:
    """Return the request for the sample of a dataset and `True`, else for the first day of one and `False`."""
    entries = service.catalog()
    if not entries:
        raise QueryError(f"The catalogue of {service.server.archive} is empty.")
    for dataset in list(entries)[:_TRIED]:
        said = service.info(dataset).raw
        sample = [said.get(name) for name in ("sampleStartDate", "sampleStopDate")]
        if all(map(moment, sample)):
            return {"dataset": dataset, "start": sample[0], "stop": sample[1]}, True
        start, stop = moment(said.get("startDate")), moment(said.get("stopDate"))
        if start is not None:
            # The stop of a dataset is the time of its last record.
            end = min(start.later(DAY), stop.later(1)) if stop is not None else start.later(DAY)
            return {"dataset": dataset, "start": str(start), "stop": str(end)}, False
    raise QueryError(f"{service.server.archive} does not give start dates of its datasets.")
