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
"""The number of queries that run at the same time."""


def find(queries: Sequence[Query], client: Any = None) -> tables.IMAPTable:
    """Run queries and return their files as one table, with its problems and notes; warn if parts are missing."""
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
    """Request the rows of a query from the endpoint of its table."""
    endpoints = {"spice": spice.ask, "ialirt": ialirt.ask}
    return endpoints.get(query.table, service.query_files)(query)


_VERSIONS_AT_ONCE = 4

_ANSWERS = (403, 404, 429, 500, 502, 503, 504)
"""Statuses that are final: the request is not repeated."""

_FEW_BYTES = 4096


def unreleased(table: Any) -> list[str]:
    """
    Return the names of newer versions of files that are not released yet.

    Two requests are sent for each file: for the next minor version, and for the first minor version of the next major
    one.

    Parameters
    ----------
    table : IMAPTable, row, UnifiedResponse, or list of these
        The result of a search. If there are such versions, a sentence is added to its ``notes``.

    Returns
    -------
    list of str
        Names of files that are in the archive, and are only available to members of the mission.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> query = a.Instrument("mag"), a.imap.Descriptor("norm-gse")
    >>> found = Fido.search(a.Time("2026-01-12", "2026-01-13"), *query)
    >>> imap.unreleased(found[0])
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
        table.notes = [*table.notes, f"Newer versions are in the archive, but not released: {', '.join(names)}."]
    return names


def _next(path: str) -> list[str]:
    """Return the paths of the versions that may follow, or an empty list if the version is not a pair of numbers."""
    found = filenames.parse(PurePosixPath(path).name)
    if found is None or found.level is None or found.major is None:
        return []
    following = (found.major, found.minor + 1), (found.major + 1, 1)
    return [re.sub(r"_v\d{3}\.\d{4}(?=\.\w+$)", f"_v{major:03}.{minor:04}", path) for major, minor in following]


def _is_withheld(base: str, path: str) -> bool:
    """Return whether a file exists but is not public; `False` if the archive does not respond."""
    url, _ = service.download_url(path, Access(base))
    try:
        answer = metadata.get(url, archive=service.ARCHIVE, accept=_ANSWERS, max_bytes=_FEW_BYTES)
    except ServiceError:  # it has been released in the meantime, or there is no response
        return False
    return answer.status == 403 and "release" in answer.text()
