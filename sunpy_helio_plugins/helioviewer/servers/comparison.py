"""Compare the images that Helioviewer and its mirrors have."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.table import QTable
from astropy.time import Time
from sunpy.net.attr import Attr

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import ServiceError, warn_incomplete
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.helioviewer import attrs, search, tables, translator
from sunpy_helio_plugins.helioviewer.servers.addresses import servers
from sunpy_helio_plugins.quantities import times

__all__ = ["compare"]


def compare(time: Any, *query: Attr) -> QTable:
    """
    Compare the images that Helioviewer and its mirrors have in a range of time.

    Parameters
    ----------
    time : a.Time, sunpy.time.TimeRange, or pair of times
        The range: the data coverage of each server is requested, with one request for 5.2 hours of each source.
    *query : sunpy.net.attr.Attr
        Attrs that select the sources, as in a search.

    Returns
    -------
    astropy.table.QTable
        One row for each image that any server has, in the order of time: ``Start Time``, ``Source ID``, ``Path``, and
        for each server a column with its name, which is true if the server has the image. A server that does not
        respond has no column; a warning and ``meta["problems"]`` give the reason.

    Raises
    ------
    QueryError
        The range or the sources are missing.
    ServiceError
        No server responds.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import helioviewer
    >>> held = helioviewer.compare(a.Time("2026-01-10 12:00", "2026-01-10 12:05"), a.helioviewer.SourceID(13))
    >>> len(held)
    9
    """
    range_ = inputs.span("helioviewer.compare", time)
    given = inputs.attrs("helioviewer.compare", query)
    queries = translator.queries(range_, *given, attrs.Backend("coverage"))
    found: dict[str, Any] = {}
    problems: list[Any] = []
    failures: list[ServiceError] = []
    for server in servers():
        try:
            with conf.helioviewer.set_temp("api_url", server.url), conf.helioviewer.set_temp("mirrors", []):
                answer = search.list_images(queries)
        except ServiceError as error:
            failures.append(error)
            continue
        found[server.name] = tables.images_table(answer, None)
        problems += [f"{server.name}: {problem}" for problem in answer.problems]
    if not found:
        raise failures[0]
    if failures:
        warn_incomplete(f"{len(failures)} of {len(servers())} servers were not compared; the first: {failures[0]}")
    if problems:
        warn_incomplete(f"Not all images were listed; the first problem: {problems[0]}")
    made = _joined(found)
    made.meta["problems"] = [str(one) for one in (*failures, *problems)]
    return made


def _joined(found: dict[str, Any]) -> QTable:
    every = {str(row["Path"]): row for table in found.values() for row in table}
    paths = sorted(every, key=lambda path: (every[path]["Start Time"].jd1, every[path]["Start Time"].jd2, path))
    made = QTable()
    template = next(iter(found.values()))
    starts = Time([every[path]["Start Time"] for path in paths]) if paths else template["Start Time"][:0]
    made["Start Time"] = times.as_column(starts, "Start Time")
    made["Source ID"] = np.array([int(every[path]["Source ID"]) for path in paths], dtype=int)
    made["Path"] = np.array(paths, dtype=str)
    for name, table in found.items():
        own = {str(path) for path in table["Path"]}
        made[name] = np.array([path in own for path in paths], dtype=bool)
    return made
