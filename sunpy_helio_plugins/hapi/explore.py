"""Functions that describe HAPI servers: the list of servers, catalogues, descriptions, and tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.arguments import TEXT, optional, taking
from sunpy_helio_plugins.errors import AnswerError, HelioPluginsError, QueryError
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.plan import chosen
from sunpy_helio_plugins.hapi.query import PARAMETERS, is_like, is_pattern
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

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> print(hapi.servers()["name", "title"][:3])
     name               title
    ------ --------------------------------
      amda Automated Multi-Dataset Analysis
    cdaweb    Coordinated Data Analysis Web
       csa          Cluster Science Archive
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

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> print(hapi.catalog("cdaweb", "AC_*")["id"])
        id
    ---------
    AC_H0_MFI
    """
    kept = _listed(Service(server_list.find(server)), pattern)
    columns = [np.array([row[index] for row in kept], dtype=str) for index in (0, 1)]
    return QTable(columns, names=("id", "title"))


@taking("hapi.info", server=TEXT, dataset=TEXT, parameters=optional(PARAMETERS))
def info(server: str, dataset: str, parameters: Iterable[str] | str | None = None) -> Info:
    """
    Return the description of a dataset.

    Parameters
    ----------
    server : str
        Short name or URL.
    dataset : str
        The id.
    parameters : iterable of str or str, optional
        Names or patterns, which may be separated by commas; all if not given. The time is always included.

    Returns
    -------
    Info
        Parameters, time range and cadence; ``raw`` contains the unchanged response if all parameters are included.

    Raises
    ------
    QueryError
        If the dataset or a parameter does not exist; the message contains similar ids or names.
    ServiceError
        If the server cannot be reached, or does not respond as specified.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> hapi.info("cdaweb", "AC_H0_MFI", "Magnitude")
    (no description)
    1997-09-02T00:00:12Z to 2026-03-01T00:00:00Z, every PT16S
        <Time: isotime (UTC)>
        <Magnitude: double (nT)> B-field magnitude
    """
    service = Service(server_list.find(server))
    described = service.info(dataset)
    return described.subset(chosen(f"{dataset} of {service.server.archive}", described, tuple(parameters or ())))


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

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> print(hapi.availability("lisird")["id", "cadence"][:2])
          id      cadence
    ------------- -------
    tsis_tsi_24hr     P1D
    tsis_ssi_24hr     P1D
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

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> print(hapi.check("lisird"))
    HAPI server lisird
    ok     capabilities: HAPI 3.2, csv, binary, json
    ok     catalog: 3 datasets
    ok     data: 1 records of tsis_tsi_24hr from 2026-01-10T00:00:00Z to 2026-01-11T00:00:00Z
    """
    service = Service(server_list.find(server), fresh=True)
    steps: list[tuple[str, bool, str]] = []
    for name, step in (("capabilities", _capabilities), ("catalog", _count), ("data", _sample)):
        try:
            steps.append((name, True, step(service)))
        except HelioPluginsError as error:
            steps.append((name, False, str(error)))
    return Check(server, tuple(steps))


_FAR_FUTURE = 253_402_300_800
"""The beginning of the year 10000 in Unix time, which astropy cannot print."""


class AccessToken(str):
    """
    A bearer token: a text that its repr does not show, and that cannot be pickled.

    Attributes
    ----------
    expires : astropy.time.Time or None
        The time in UTC after which the server refuses it, by the clock of this machine; `None` if it is not known.
    """

    expires: Time | None

    def __new__(cls, text: str, expires: Time | None = None) -> AccessToken:
        """Return a token with the time at which it expires."""
        made = super().__new__(cls, text)
        made.expires = expires
        return made

    def __repr__(self) -> str:
        end = "" if self.expires is None else f", expires {self.expires.isot}Z"
        return f"<AccessToken: {len(self)} characters{end}>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("An access token cannot be pickled; request another one in the other process.")


@taking("hapi.access_token", server=TEXT)
def access_token(server: str = "swe") -> AccessToken:
    """
    Return a bearer token for a server, for use in other programs.

    Requests of this package sign in themselves. The token is the one that they use, and is renewed shortly before it
    expires.

    Parameters
    ----------
    server : str, optional
        Short name of a server that requires a token.

    Returns
    -------
    AccessToken
        The token: a `str`, whose repr does not show it. ``expires`` is the time in UTC after which it is not valid, as
        `~astropy.time.Time`, or `None` if the server does not state it. Treat it as a password.

    Raises
    ------
    QueryError
        If the server does not require a token, or if its credentials are not available.
    ServiceError
        If the token service does not return a token.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, sign_in
    >>> sign_in("swe", "sandbox-client", "sandbox-secret")
    >>> token = hapi.access_token("swe")
    >>> headers = {"Authorization": f"Bearer {token}"}
    >>> len(token)
    64
    """
    found = server_list.find(server)
    login = login_of(found)
    if login is None:
        raise QueryError(f"{found.archive} does not require a token; servers that do are listed in conf.hapi.oauth2.")
    issued = login.token()
    if issued is None:
        where = f"{found.credentials[:1].upper()}{found.credentials[1:]}, and store" if found.credentials else "Store"
        raise QueryError(
            f"There are no credentials for {found.archive}. {where} them in {' and '.join(login.variables[0])}, the "
            "netrc file or the keyring."
        )
    secret, end = issued
    return AccessToken(secret.reveal(), Time(end, format="unix") if end < _FAR_FUTURE else None)


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
        described = service.info(dataset)
        if described.sample is not None and all(map(moment, described.sample)):
            return {"dataset": dataset, "start": described.sample[0], "stop": described.sample[1]}, True
        start, stop = moment(described.start), moment(described.stop)
        if start is not None:
            # The stop of a dataset is the time of its last record.
            end = min(start.later(DAY), stop.later(1)) if stop is not None else start.later(DAY)
            return {"dataset": dataset, "start": str(start), "stop": str(end)}, False
    raise QueryError(f"{service.server.archive} does not give start dates of its datasets.")
