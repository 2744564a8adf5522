"""Run the queries and collect the rows; list versions that are not released."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from sunpy_helio_plugins.errors import ServiceError, warn_incomplete
from sunpy_helio_plugins.imap import filenames, service, tables
from sunpy_helio_plugins.imap.endpoints import ialirt, spice
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.imap.service import Access, current_access
from sunpy_helio_plugins.imap.tables import IMAPTable
from sunpy_helio_plugins.transport import metadata

__all__ = ["SearchResult", "find", "request_rows", "unreleased"]

_AT_A_TIME = 4
"""Questions that are asked at a time."""


class SearchResult(NamedTuple):
    """
    What came of some questions.

    Attributes
    ----------
    table : IMAPTable
        The files; its ``problems`` say what did not come.
    notes : list of str
        What else is to be said of them: which versions the public does not see.
    """

    table: tables.IMAPTable
    notes: list[str]


def find(queries: Sequence[Query], client: Any = None) -> SearchResult:
    """
    Ask some questions.

    Parameters
    ----------
    queries : sequence of Query
        The questions.
    client : object, optional
        The client that the table belongs to.

    Returns
    -------
    SearchResult
        The table. Where one of several questions failed, it says so, and a warning is issued.

    Raises
    ------
    ServiceError
        No question was answered.
    """
    answers, failures = _answers(queries)
    if failures and not answers:
        raise failures[0]
    asked = [(one, found.rows) for one, found in answers]
    table = tables.from_answers(asked, client=client, base=current_access(public=True).base)
    problems = [problem for _, found in answers for problem in found.problems]
    table.problems = [*table.problems, *problems, *map(str, failures)]
    for problem in table.problems:
        warn_incomplete(problem)
    return SearchResult(table, tables.describe_unreleased(asked, table))


def request_rows(query: Query) -> service.Rows:
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
    if query.table == "spice":
        return spice.ask(query)
    if query.table == "ialirt":
        return service.Rows(*ialirt.ask(query))
    return service.query_files(query)


def _answers(queries: Sequence[Query]) -> tuple[list[tuple[Query, service.Rows]], list[ServiceError]]:
    """Ask each question, some at a time; one that fails does not cost the others."""

    def ask(query: Query) -> service.Rows | ServiceError:
        try:
            return request_rows(query)
        except ServiceError as error:
            return error

    if len(queries) == 1:
        found = [ask(queries[0])]
    else:
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            found = list(pool.map(ask, queries))
    answers = [(query, one) for query, one in zip(queries, found, strict=True) if isinstance(one, service.Rows)]
    return answers, [one for one in found if isinstance(one, ServiceError)]


_VERSIONS_AT_ONCE = 4

_ANSWERS = (403, 404, 429, 500, 502, 503, 504)
"""Statuses that end the question: what it asks is not worth asking again."""

_FEW_BYTES = 4096


def unreleased(table: IMAPTable) -> list[str]:
    """
    Ask which files of a search have newer versions that are not released yet.

    It takes two requests for each file: for the next minor version, and for the first of the next major one.

    Parameters
    ----------
    table : IMAPTable
        What a search found. A sentence is added to its ``problems`` where there are such versions.

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
    asked = [
        (str(row["url"]).partition("/download/")[0], path)
        for row in table
        if "/download/" in row["url"]
        for path in _next(str(row["file_path"]))
    ]
    with ThreadPoolExecutor(_VERSIONS_AT_ONCE) as pool:
        there = list(pool.map(_is_withheld, *zip(*asked, strict=True))) if asked else []
    names = [PurePosixPath(path).name for (_, path), is_there in zip(asked, there, strict=True) if is_there]
    if names:
        table.problems = [*table.problems, f"Newer versions are in the archive and not released: {', '.join(names)}."]
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
