"""What a user may ask HAPI servers without a search: which there are, what they hold, and whether they work."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from astropy.table import QTable

from sunpy_helio_plugins.errors import HelioPluginsError, QueryError
from sunpy_helio_plugins.hapi import listing
from sunpy_helio_plugins.hapi.header import Info
from sunpy_helio_plugins.hapi.service import Service
from sunpy_helio_plugins.quantities import times

__all__ = ["Check", "access_token", "availability", "catalog", "check", "info", "servers"]

_SAMPLE = np.timedelta64(1, "D")


def servers() -> QTable:
    """
    List the servers that have a short name.

    Returns
    -------
    astropy.table.QTable
        Their names, titles, sources, addresses, and versions of HAPI.
    """
    known = sorted(listing.known().values(), key=lambda server: server.name)
    columns = ("name", "title", "source", "url", "version")
    return QTable([[getattr(one, name) for one in known] for name in columns], names=columns)


def catalog(server: str, pattern: str = "*") -> QTable:
    """
    List the datasets of a server.

    Parameters
    ----------
    server : str
        Short name or address.
    pattern : str, optional
        What ids or titles must be like, with ``*`` and ``?``, in any case; a word without these may stand anywhere.

    Returns
    -------
    astropy.table.QTable
        Their ids and titles.

    Raises
    ------
    ServiceError
        The server does not answer as it should.
    """
    wanted = pattern.lower() if any(mark in pattern for mark in "*?") else f"*{pattern.lower()}*"
    entries = Service(listing.find(server)).catalog()
    rows = [(one, str(entry.get("title") or "")) for one, entry in entries.items()]
    kept = [row for row in rows if any(fnmatchcase(text.lower(), wanted) for text in row)]
    columns = [np.array([row[index] for row in kept], dtype=str) for index in (0, 1)]
    return QTable(columns, names=("id", "title"))


def info(server: str, dataset: str) -> Info:
    """
    Return the description of a dataset.

    Parameters
    ----------
    server : str
        Short name or address.
    dataset : str
        Its id.

    Returns
    -------
    Info
        Its parameters, span and cadence; ``raw`` holds the untouched answer.

    Raises
    ------
    QueryError
        There is no such dataset; the message names similar ones.
    ServiceError
        The server does not answer as it should.
    """
    return Service(listing.find(server)).info(dataset)


def availability(server: str, pattern: str = "*") -> QTable:
    """
    List from when to when datasets have records.

    Parameters
    ----------
    server, pattern : str
        As for `catalog`. Each dataset is asked for by itself unless the server sends all descriptions at once.

    Returns
    -------
    astropy.table.QTable
        Id, start, stop (as `~astropy.time.Time`), cadence; datasets that could not be described are left out and named
        in ``meta["problems"]``.
    """
    service = Service(listing.find(server))
    rows, problems = [], []
    for dataset in catalog(server, pattern)["id"]:
        try:
            one = service.info(str(dataset))
        except HelioPluginsError as error:
            problems.append(f"{dataset}: {error}")
            continue
        rows.append((str(dataset), one.start or "1700-01-01Z", one.stop or "2100-01-01Z", one.cadence))
    table = QTable(meta={"problems": problems})
    table["id"] = np.array([row[0] for row in rows], dtype=str)
    for index, name in ((1, "start"), (2, "stop")):
        table[name] = times.from_iso(np.array([row[index] for row in rows], dtype="S"))
    table["cadence"] = np.array([row[3] for row in rows], dtype=str)
    return table


@dataclass(frozen=True)
class Check:
    """
    The result of a self-test.

    Attributes
    ----------
    server : str
        Short name or address.
    steps : tuple of (str, bool, str)
        What was tried, whether it went well, and what came.
    """

    server: str
    steps: tuple[tuple[str, bool, str], ...]

    @property
    def ok(self) -> bool:
        """Whether everything went well."""
        return all(well for _, well, _ in self.steps)

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self) -> str:
        lines = [f"{'ok    ' if well else 'FAILED'} {name}: {words}" for name, well, words in self.steps]
        return "\n".join([f"HAPI server {self.server}", *lines])


def check(server: str) -> Check:
    """
    Test a server: its capabilities, its catalogue, and the records that its ``dataTest`` names, or a sample of some.

    Parameters
    ----------
    server : str
        Short name or address.

    Returns
    -------
    Check
        What went well and what did not. It is true where everything did.
    """
    service = Service(listing.find(server))
    steps: list[tuple[str, bool, str]] = []
    for name, step in (("capabilities", _capabilities), ("catalog", _count), ("data", _sample)):
        try:
            steps.append((name, True, step(service)))
        except HelioPluginsError as error:
            steps.append((name, False, str(error)))
    return Check(server, tuple(steps))


def access_token(server: str = "swe") -> str:
    """
    Return a bearer token for a server, for scripts of one's own.

    Parameters
    ----------
    server : str, optional
        Short name of a server that asks for one.

    Returns
    -------
    str
        The token; it lives some minutes. Treat it as a password.

    Raises
    ------
    QueryError
        The server asks for none, or there are no credentials for it.
    ServiceError
        The token service gives none.
    """
    found = listing.find(server)
    login = found.login
    if login is None:
        raise QueryError(f"{found.archive} asks for no token; those that do stand in conf.hapi.oauth2.")
    if not login.known():
        where = f"{found.credentials[:1].upper()}{found.credentials[1:]}, and put" if found.credentials else "Put"
        raise QueryError(
            f"There are no credentials for {found.archive}. {where} them into {' and '.join(login.variables[0])}, the "
            "netrc file or the keyring."
        )
    return login.headers(found.url)["Authorization"].partition(" ")[2]


def _capabilities(service: Service) -> str:
    answer = service.capabilities()
    return f"HAPI {answer.get('HAPI') or service.server.version}, {', '.join(answer.get('outputFormats') or ['csv'])}"


def _count(service: Service) -> str:
    return f"{len(service.catalog())} datasets"


def _sample(service: Service) -> str:
    from sunpy_helio_plugins.hapi.loading import load

    asked = _data_test(service) or _first_day(service)
    table = load(service.server.url, **asked)
    return f"{len(table)} records of {asked['dataset']} from {asked['start']} to {asked['stop']}"


def _data_test(service: Service) -> dict[str, Any] | None:
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


def _first_day(service: Service) -> dict[str, Any]:
    """Ask for the sample that a dataset names, or for its first day."""
    from sunpy_helio_plugins.hapi.finding import instant, text

    dataset = next(iter(service.catalog()), None)
    if dataset is None:
        raise QueryError(f"{service.server.archive} has no datasets.")
    found = service.info(dataset)
    start = found.raw.get("sampleStartDate") or found.start or "2020-01-01Z"
    stop = found.raw.get("sampleStopDate") or text(instant(start) + _SAMPLE)
    return {"dataset": dataset, "start": start, "stop": stop}
