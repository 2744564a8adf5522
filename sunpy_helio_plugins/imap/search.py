"""Run the queries and collect the rows; list versions that are not released."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from sunpy_helio_plugins.errors import ServiceError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import Partial, gather, run_all, warn
from sunpy_helio_plugins.imap import filenames, service, tables
from sunpy_helio_plugins.imap.endpoints import ialirt, spice
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.imap.service import Access, current_access
from sunpy_helio_plugins.imap.tables import IMAPTable
from sunpy_helio_plugins.transport import metadata

__all__ = ["find", "request_rows", "unreleased"]

_AT_A_TIME = 4
"""Queries that run at a time."""


def find(queries: Sequence[Query], client: Any = None) -> tables.IMAPTable:
    """
    Run queries and return their files as one table.

    Parameters
    ----------
    queries : sequence of Query
        The queries.
    client : object, optional
        The client that the table belongs to.

    Returns
    -------
    IMAPTable
        The files. Its ``problems`` say what is missing, and a warning is issued then; its ``notes`` say which versions
        the public does not see.

    Raises
    ------
    ServiceError
        No query was answered.
    """
    answer = gather(queries, _answered, _AT_A_TIME)
    table = tables.from_answers(answer.items, client=client, base=current_access(public=True).base)
    table.problems = [*table.problems, *answer.problems]
    table.notes = [*answer.notes, *tables.describe_unreleased(answer.items, table)]
    warn(table)
    return table


def _answered(query: Query) -> Partial[tuple[Query, Sequence[service.Row]]]:
    found = request_rows(query)
    return Partial(((query, found.items),), found.problems, found.notes)


def request_rows(query: Query) -> Partial[service.Row]:
    """
    Request the rows of a query from the endpoint that has them.

    Parameters
    ----------
    query : Query
        The query.

    Raises
    ------
    ServiceError
        The service did not answer as it should.
    """
    endpoints = {"spice": spice.ask, "ialirt": ialirt.ask}
    return endpoints.get(query.table, service.query_files)(query)


_VERSIONS_AT_ONCE = 4

_ANSWERS = (403, 404, 429, 500, 502, 503, 504)
"""Statuses that end the question: what it asks is not worth asking again."""

_FEW_BYTES = 4096


def unreleased(table: Any) -> list[str]:
    """
    Ask which files of a search have newer versions that are not released yet.

    It takes two requests for each file: for the next minor version, and for the first of the next major one.

    Parameters
    ----------
    table : IMAPTable, row, UnifiedResponse, or list of these
        What a search found. A sentence is added to its ``notes`` if there are such versions.

    Returns
    -------
    list of str
        Names of files that are in the archive, and that only members of the mission can have.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> found = Fido.search(a.Time("2026-01-12", "2026-01-13"), a.Instrument("mag"), a.imap.File())  # doctest: +SKIP
    >>> imap.unreleased(found[0])  # doctest: +SKIP
    ['imap_mag_l2_norm-gse_20260112_v001.0002.cdf']
    """
    found = inputs.tables("imap.unreleased", table, IMAPTable, "files, as a search for IMAP's files returned them")
    return [name for one in found for name in _unreleased(one)]


def _unreleased(table: IMAPTable) -> list[str]:
    asked = [
        (str(row["url"]).partition("/download/")[0], path)
        for row in table
        if "/download/" in row["url"]
        for path in _next(str(row["file_path"]))
    ]
    there = run_all(asked, lambda one: _is_withheld(*one), _VERSIONS_AT_ONCE)
    names = [PurePosixPath(path).name for (_, path), is_there in zip(asked, there, strict=True) if is_there]
    if names:
        table.notes = [*table.notes, f"Newer versions are in the archive and not released: {', '.join(names)}."]
    return names


def _next(path: str) -> list[str]:
    """Return the paths of the versions that may follow; none where a file's versions are not counted so."""
    found = filenames.parse(PurePosixPath(path).name)
    if found is None or found.level is None or found.major is None:
        return []
    following = (found.major, found.minor + 1), (found.major + 1, 1)
    return [re.sub(r"_v\d{3}\.\d{4}(?=\.\w+$)", f"_v{major:03}.{minor:04}", path) for major, minor in following]


def _is_withheld(base: str, path: str) -> bool:
    """Tell whether the archive has a file and does not give it to the public; a silent archive has not."""
    url, _ = service.download_url(path, Access(base))
    try:
        answer = metadata.get(url, archive=service.ARCHIVE, accept=_ANSWERS, max_bytes=_FEW_BYTES)
    except ServiceError:  # it is there and released meanwhile, or nobody answers
        return False
    return answer.status == 403 and "release" in answer.text()
