"""Find parameters in the index, and build it: the functions that users call."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import FLAG, TEXT, TEXTS, Kind, choice, integer, one_path, optional, shown, taking
from sunpy_helio_plugins.errors import Problem, QueryError, warn_incomplete
from sunpy_helio_plugins.fido.partial import text_of
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.discovery import lookup, sources
from sunpy_helio_plugins.hapi.discovery.concept_scores import degrees_of
from sunpy_helio_plugins.hapi.discovery.corpus import Corpus
from sunpy_helio_plugins.hapi.discovery.index import IndexState, holder, known_states, writable
from sunpy_helio_plugins.hapi.discovery.question import Concept, concepts
from sunpy_helio_plugins.hapi.discovery.scores import Hit, rank
from sunpy_helio_plugins.hapi.discovery.vocabulary import vocabulary
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.silence import far_years
from sunpy_helio_plugins.quantities.spans import Moment, moment, seconds

__all__ = ["find", "indexed", "update_index"]

_UNSTATED = 0.8
"""The factor for datasets that do not state their cadence, if one is asked for."""


def _unit(given: Any) -> u.UnitBase:
    # astropy takes a number as a dimensionless unit.
    if isinstance(given, numbers.Number):
        raise TypeError
    return u.Unit(given)


def _cadence(given: Any) -> float:
    length: Any = (
        seconds(given) if isinstance(given, str)
        else given.total_seconds() if isinstance(given, timedelta)
        else u.Quantity(given).to_value(u.s)
    )  # fmt: skip
    if length is None or np.ndim(length) or not 0 < float(length) < float("inf"):
        raise ValueError
    return float(length)


def _range(given: Any) -> tuple[Moment, Moment]:
    """Return the first and the last time of an attr, a pair or one time."""
    if hasattr(given, "start") and hasattr(given, "end"):
        ends: Sequence[Any] = (given.start, given.end)
    else:
        ends = given if isinstance(given, tuple | list) else (given, given)
    first, last = map(_time, ends)
    if last < first:
        raise ValueError
    return first, last


def _time(given: Any) -> Moment:
    # In HAPI's own forms, such as a year, which sunpy does not read.
    found = moment(given) if isinstance(given, str) else None
    if found is not None:
        return found
    from sunpy.time import parse_time

    with far_years():
        return Moment.read(times.iso(parse_time(given), 9))


_UNIT = Kind("a unit, such as u.cm**-3,", _unit)
_CADENCE = Kind("a duration, such as 1 * u.min or 'PT1M',", _cadence)
_RANGE = Kind("a.Time(start, end), a pair of times or one time", _range)


@taking(
    "hapi.find", text=TEXT, near=optional(TEXT), time=optional(_RANGE), unit=optional(_UNIT),
    cadence=optional(_CADENCE), server=optional(TEXTS), limit=integer(1, 100_000), progress=FLAG,
)  # fmt: skip
def find(
    text: str,
    *,
    near: str | None = None,
    time: Any = None,
    unit: Any = None,
    cadence: Any = None,
    server: str | Sequence[str] | None = None,
    limit: int = 50,
    progress: bool = True,
) -> QTable:
    """
    Find parameters of HAPI servers by words, as in ``hapi.find("ion density", near="L1")``.

    The words are compared with the names, descriptions and units of parameters, and with the ids and descriptions of
    their datasets, in an index on disk; no request is sent. The index of a named server is made first if it is missing,
    and refreshed if it is older than ``conf.hapi.index_days``. `update_index` makes those of all servers.

    Parameters
    ----------
    text : str
        What is looked for: quantities, species, coordinate systems, instruments, observatories, places and cadences, in
        any order.
    near : str, optional
        A place, such as ``"L1"``, ``"Earth"``, ``"Moon"`` or the name of a planet: only datasets of observatories that
        are known to measure there.
    time : a.Time, pair of times or time, optional
        Only datasets that cover a part of this time.
    unit : astropy.units.UnitBase or str, optional
        Only parameters whose unit has the same physical type.
    cadence : astropy.units.Quantity, datetime.timedelta or str, optional
        Only datasets whose records are not further apart. Those that do not state it remain, after the others.
    server : str or list of str, optional
        Short names or URLs. By default, all servers that are indexed are searched.
    limit : int, optional
        The largest number of rows.
    progress : bool, optional
        Whether to show a progress bar while an index is made.

    Returns
    -------
    astropy.table.QTable
        The best parameters first: Server, Dataset, Parameter, Unit (the text of the server), Why (the words that were
        found, and where) and Score (from 0 to 1). ``meta["problems"]`` lists what could not be searched, and
        ``meta["notes"]`` other remarks.

    Raises
    ------
    QueryError
        If an argument is not allowed, or if no server is named and none is indexed.
    ServiceError
        If a named server without an index does not respond.

    Warns
    -----
    IncompleteAnswerWarning
        If the index of a server is not complete.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> found = hapi.find("proton density", near="L1", server="cdaweb")
    >>> print(found["Dataset", "Parameter", "Unit"])
       Dataset       Parameter    Unit
    -------------- -------------- ----
    OMNI_HRO2_1MIN proton_density n/cc
    """
    places = _places(near)
    states, problems = _states(server, progress)
    known = lookup.corpus(states)
    asked = concepts(text)
    allowed = _allowed(known, places, time, unit, cadence)
    hits = rank(known, asked, allowed, limit)
    table = _table(known, hits)
    table.meta["problems"] = [str(one) for one in problems]
    table.meta["notes"] = _notes(known, asked, states, text)
    if len(known) and not allowed.any():
        given = {"near": near, "time": time, "unit": unit, "cadence": cadence}
        names = " and ".join(name for name, one in given.items() if one is not None)
        table.meta["notes"].append(f"No parameter of the index meets {names}: leave out a keyword, or widen it.")
    if problems:
        warn_incomplete(text_of(problems))
    return table


def _places(near: str | None) -> frozenset[str]:
    if near is None:
        return frozenset()
    known = vocabulary()
    place = known.place(near)
    if place is None:
        raise QueryError(f"hapi.find does not know the place {shown(near)}.{choice(near, known.places, 'places')}")
    return known.within(place)


def _states(server: Sequence[str] | None, progress: bool) -> tuple[list[IndexState], list[Problem]]:
    """Return the servers to search, and what is missing of their indexes."""
    if server is None:
        found = list(lookup.searchable().values())
        if not found:
            raise QueryError(
                "No HAPI server is indexed yet: give one, as in hapi.find(..., server='cdaweb'), or get the index of "
                "all servers with hapi.update_index()."
            )
        return found, [problem for one in found for problem in _incomplete(one)]
    if not server:
        raise QueryError(
            "hapi.find takes at least one server, as in server='cdaweb', or None for all that are indexed."
        )
    named = {one.url: one for one in map(server_list.find, server)}
    states, problems = [], []
    for one in named.values():
        state, told = lookup.prepare(one, progress=progress)
        states.append(state)
        problems += told or _incomplete(state)
    return states, problems


def _incomplete(state: IndexState) -> list[Problem]:
    name = server_list.name_of(state.url)
    if state.ended is None:
        text = f"The index of {name} is incomplete: hapi.update_index({name!r}) continues it."
        return [Problem(text, "answer", "HAPI")]
    return []


def _allowed(
    known: Corpus, places: frozenset[str], time: Any, unit: u.UnitBase | None, cadence: float | None
) -> NDArray[np.float32]:
    """Return a factor for each parameter, which is 0 for those that the keywords exclude."""
    kept: list[NDArray[Any]] = [np.ones(len(known), dtype=np.float32)]
    if places:
        kept.append(known.at(places))
    if unit is not None:
        kept.append(known.in_units([unit]))
    if time is not None:
        kept.append(known.of_datasets([place for place, one in enumerate(known.datasets) if _covers(one.info, *time)]))
    if cadence is not None:
        every = known.cadences
        kept.append(np.where(np.isnan(every), _UNSTATED, every <= cadence * 1.001))
    return np.multiply.reduce(kept).astype(np.float32)


def _covers(info: Any, first: Moment, last: Moment) -> bool:
    start, stop = moment(info.get("startDate")), moment(info.get("stopDate"))
    return (start is None or start <= last) and (stop is None or first <= stop)


def _table(known: Corpus, hits: Sequence[Hit]) -> QTable:
    owners = [int(known.owner[hit.row]) for hit in hits]
    texts = {
        "Server": [known.servers[owner] for owner in owners],
        "Dataset": [known.datasets[owner].id for owner in owners],
        "Parameter": [known.parameters[hit.row][0] for hit in hits],
        "Unit": [known.parameters[hit.row][1] for hit in hits],
        "Why": ["; ".join(hit.why) for hit in hits],
    }
    table = QTable({name: np.array(values, dtype=str) for name, values in texts.items()})
    table["Score"] = np.array([hit.score for hit in hits], dtype=float)
    table["Score"].info.format = ".2f"
    return table


def _notes(known: Corpus, asked: Sequence[Concept], states: Sequence[IndexState], text: str) -> list[str]:
    notes = []
    if not asked:
        notes.append(f"{shown(text)} does not contain a word that can be searched for.")
    absent = [one.name for one in asked if len(known) and not degrees_of(known, one).any()]
    if absent:
        notes.append(f"The index does not contain: {', '.join(absent)}.")
    old = [server_list.name_of(one.url) for one in states if one.ended is not None and not one.is_fresh]
    if old:
        notes.append(f"These indexes are older than conf.hapi.index_days: {', '.join(old)}; see hapi.update_index.")
    return notes


@taking("hapi.update_index", servers=TEXT, source=optional(Kind("a path", lambda given: given)), progress=FLAG)
def update_index(*servers: str, source: str | Path | None = None, progress: bool = True) -> QTable:
    """
    Make or refresh the index of parameters that `find`, ``a.Physobs`` and ``a.hapi.Parameters`` search.

    Without arguments, the file is downloaded that the HAPI project writes every night with the descriptions of all
    servers (``conf.hapi.index_url``). A named server is asked itself: once if it sends all descriptions with its
    catalogue (HAPI 3.2), else once for each dataset, with ``conf.hapi.connections`` requests at the same time. If this
    is interrupted, the next call continues.

    Parameters
    ----------
    *servers : str
        Short names or URLs.
    source : str or pathlib.Path, optional
        A local file in place of requests: that of the HAPI project, also compressed by gzip, or an index made by
        ``tools/make_hapi_index.py``.
    progress : bool, optional
        Whether to show a progress bar.

    Returns
    -------
    astropy.table.QTable
        The servers that are indexed, as returned by `indexed`; ``meta["problems"]`` lists what is missing.

    Raises
    ------
    QueryError
        If a server is not known, or if both servers and a file are given.
    ServiceError
        If a server does not respond, and no other one did.
    FileError
        If the file does not contain the descriptions of servers.

    Warns
    -----
    IncompleteAnswerWarning
        If descriptions are missing.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> print(hapi.update_index("lisird")["Server", "Datasets", "Parameters"])
    Server Datasets Parameters
    ------ -------- ----------
    lisird        3          8
    """
    index = writable()
    if source is not None:
        if servers:
            raise QueryError("hapi.update_index takes servers or a file as source, not both.")
        problems = sources.refresh_from_file(index, one_path("hapi.update_index", source), progress=progress)
    elif servers:
        named = {one.url: one for one in map(server_list.find, servers)}
        problems = _refreshed(list(named.values()), progress)
    else:
        problems = sources.refresh_all(index, progress=progress)
    table = indexed()
    table.meta["problems"] = [str(one) for one in problems]
    if problems:
        warn_incomplete(text_of(problems))
    return table


def _refreshed(servers: Sequence[server_list.HAPIServer], progress: bool) -> list[Problem]:
    from sunpy_helio_plugins.fido.partial import outcomes

    found = outcomes(servers, lambda one: sources.refresh_server(sources.index_of(one), one, progress=progress), 1)
    errors = [one for one in found if not isinstance(one, list)]
    if errors and len(errors) == len(found):
        raise errors[0]
    return [
        problem for one in found for problem in (one if isinstance(one, list) else [Problem.of_error(one, str(one))])
    ]


def indexed() -> QTable:
    """
    List the servers whose parameters are indexed.

    Returns
    -------
    astropy.table.QTable
        Server, Datasets and Parameters (their numbers), Updated (`~astropy.time.Time` of the last refresh), Complete
        (whether it has ended) and Source (where the descriptions are from).

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> made = hapi.update_index("cdaweb")
    >>> print(hapi.indexed()["Server", "Datasets", "Complete"])
    Server Datasets Complete
    ------ -------- --------
    cdaweb        4     True
    """
    states = list(known_states().values())
    counts = [holder(one.url).entries(one.url) for one in states]
    table = QTable()
    table["Server"] = np.array([server_list.name_of(one.url) for one in states], dtype=str)
    table["Datasets"] = np.array(list(map(len, counts)), dtype=int)
    table["Parameters"] = np.array([sum(len(one.parameters) for one in entries) for entries in counts], dtype=int)
    table["Updated"] = Time(np.array([one.begun for one in states], dtype=float), format="unix", scale="utc")
    table["Updated"].format = "iso"
    table["Complete"] = np.array([one.ended is not None for one in states], dtype=bool)
    table["Source"] = np.array([one.source for one in states], dtype=str)
    return table
