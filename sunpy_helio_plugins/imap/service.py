"""The IMAP Science Data Center's Data Access API: one question, its rows; one file, its address."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple
from urllib.parse import quote

from sunpy_helio_plugins.errors import AnswerError, ServiceBroken, ServiceRefused
from sunpy_helio_plugins.imap import filenames, ialirt, ranges
from sunpy_helio_plugins.imap.access import Access, at, current
from sunpy_helio_plugins.imap.translate import Query
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.credentials import Login

__all__ = ["ARCHIVE", "Rows", "ask", "download_url", "downloads", "rows_of", "split"]

ARCHIVE = "IMAP SDC"

Row = dict[str, Any]

_DROPPED = frozenset(
    {"latest", "major_version", "file_path", "ingestion_start_date", "ingestion_end_date", "extension", "repointing",
     "start_ingest_date", "end_ingest_date"}
)  # fmt: skip
"""Parameters without which an older service can be asked: `tables` does the same on what comes."""

_TOO_MUCH = "where many files match, this is its answer too: narrow the query"


class Rows(NamedTuple):
    """
    What the service answered.

    Attributes
    ----------
    rows : list of dict
        Rows of the service's table. Their start dates allow an overlap with the query's range; they are not yet
        filtered by what the service cannot filter.
    problems : list of str
        Which parts of the range did not come, and why.
    """

    rows: list[Row]
    problems: list[str]


def ask(query: Query) -> Rows:
    """
    Ask for the rows of files.

    Parameters
    ----------
    query : Query
        The question.

    Returns
    -------
    Rows
        The rows, without repeats. A range that is more than the service can answer at once (6 MB, some 16,900 rows) is
        asked for in parts.

    Raises
    ------
    ServiceError
        The service did not answer as it should.
    """
    if query.table == "spice":
        from sunpy_helio_plugins.imap import spice

        return spice.ask(query)
    if query.table == "ialirt":
        return Rows(*ialirt.ask(query))
    access = current()
    found = split(access, parameters(query))
    if _wants_all(query, access):
        for major in range(max((row.get("major_version") or 0 for row in found.rows), default=0)):
            found = _joined(found, split(access, parameters(query) | {"major_version": str(major)}))
    if query.rotation is not None and not found.rows:
        # Whether the service knows the rotation of each file is not sure; its date is.
        found = split(access, parameters(query, by_date=True))
    return found


def _wants_all(query: Query, access: Access) -> bool:
    """Tell whether versions must be chosen here: the service alone gives no more than the highest major version."""
    if query.table != "science" or query.name is not None:
        return False
    return query.version == "all" or (query.version == "latest" and query.released is not None and not access.is_public)


def parameters(query: Query, by_date: bool = False) -> dict[str, str]:
    """
    Return the query fields of a question.

    Parameters
    ----------
    query : Query
        The question.
    by_date : bool, optional
        Whether a Carrington rotation is to be asked for by its dates.

    Returns
    -------
    dict of str
        Names and values as the service takes them. ``table`` is left out for science, which is its default: the service
        of 2024 refuses the name.
    """
    asked: dict[str, str] = {} if query.table == "science" else {"table": query.table}
    if query.name is not None:
        return asked | _of_name(query.name)
    # Descriptors are compared letter by letter, and those of ancillary files have capitals at times.
    exact = None if query.has_wildcards or query.table == "ancillary" else query.descriptor
    named = {
        "instrument": query.instrument, "data_level": query.level, "descriptor": exact, "extension": query.extension,
        "repointing": query.repointing if query.table != "ancillary" else None,
    }  # fmt: skip
    asked |= {name: str(value) for name, value in named.items() if value is not None}
    asked |= _dates(query, by_date)
    return asked | _version(query) if query.table == "science" else asked


def _of_name(name: str) -> dict[str, str]:
    """Return the fields that find one file; those besides its path are for services that cannot ask for a path."""
    found = filenames.parse(name)
    if found is None:
        return {"file_path": name}
    level = {} if found.level is None else {"data_level": found.level}
    day = f"{found.start:%Y%m%d}"
    return {
        "instrument": found.instrument, **level, "descriptor": found.descriptor, "start_date": day, "end_date": day,
        "file_path": filenames.key_of(name) or name,
    }  # fmt: skip


def _dates(query: Query, by_date: bool) -> dict[str, str]:
    asked: dict[str, str] = {}
    days = query.days
    if query.rotation is not None and days is None:
        if not by_date:
            return {"cr": str(query.rotation)}
        # Rotation 1 began on 1853-11-09; a file may begin anywhere in its rotation or in the one before.
        middle = date(1853, 11, 9) + timedelta(days=27.2752316 * (query.rotation - 1))
        days = middle - timedelta(days=45), middle + timedelta(days=45)
    if days is not None:
        first = {} if days[0] == date.min else {"start_date": f"{days[0]:%Y%m%d}"}
        asked |= {**first, "end_date": f"{days[1]:%Y%m%d}"}
    if query.until:
        since, until = (text[:10].replace("-", "") for text in (query.since, query.until))
        asked |= {} if since < "1900" else {"ingestion_start_date": since}
        asked |= {} if until > "9000" else {"ingestion_end_date": until}
    return asked


def _version(query: Query) -> dict[str, str]:
    if query.version == "latest" and query.released is None:
        return {"latest": "true"}
    if query.version in ("all", "latest"):
        return {}
    return {"major_version" if query.version.isdigit() else "version": query.version}


def _joined(one: Rows, other: Rows) -> Rows:
    rows = {row["file_path"]: row for part in (one, other) for row in part.rows}
    return Rows(list(rows.values()), [*one.problems, *other.problems])


def split(access: Access, fields: dict[str, str], endpoint: str = "query") -> Rows:
    """
    Ask; where the service fails, in halves of the range, since too large an answer is an error without reason.

    Parameters
    ----------
    access : Access
        The service.
    fields : dict of str
        The query fields.
    endpoint : str, optional
        Where rows are asked for.

    Returns
    -------
    Rows
        The rows, and which parts of the range did not come.
    """
    try:
        return Rows(rows_of(access, endpoint, fields), [])
    except ServiceBroken as broken:
        halves = ranges.halves(fields)
        if not halves:
            words = f"{broken.words}; {_TOO_MUCH}"
            raise ServiceBroken(ARCHIVE, broken.url, words, broken.status) from None
    first = split(access, halves[0], endpoint)
    try:
        return _joined(first, split(access, halves[1], endpoint))
    except ServiceBroken as broken:
        if not first.rows:
            raise
        return Rows(first.rows, [*first.problems, f"Files of {ranges.shown(halves[1])} are missing: {broken}"])


def rows_of(access: Access, endpoint: str, fields: dict[str, str]) -> list[Row]:
    """
    Ask an endpoint for rows, without the parameters that an older service does not know.

    Parameters
    ----------
    access : Access
        The service.
    endpoint : str
        Such as ``"query"``.
    fields : dict of str
        The query fields.

    Returns
    -------
    list of dict
        The rows.
    """
    try:
        answer = metadata.get(access.url(endpoint), fields, archive=ARCHIVE, login=access.login)
    except ServiceRefused as refused:
        found = re.search(r"(\w+) is not a valid query parameter", refused.words)
        unknown = found[1] if found else ""
        if unknown not in fields or unknown not in _DROPPED:
            raise
        rest = {name: value for name, value in fields.items() if name != unknown}
        return rows_of(access, endpoint, rest or {"start_date": f"{ranges.FIRST:%Y%m%d}"})
    rows = answer.json()
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise AnswerError(ARCHIVE, answer.url, "a list of files was expected; something else came", answer.status)
    # Kernels have their folder below imap/spice.
    return [row if "file_path" in row else {**row, "file_path": f"imap/spice/{row['file_name']}"} for row in rows]


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and (isinstance(row.get("file_path"), str) or isinstance(row.get("file_name"), str))


def download_url(file_path: str, access: Access | None = None) -> tuple[str, Login | None]:
    """
    Return where a file can be fetched, and how to sign in there.

    Parameters
    ----------
    file_path : str
        The file's full path, as rows hold it.
    access : Access, optional
        The service. Defaults to the one that is set now.

    Returns
    -------
    url : str
        The address; it answers with a redirection to the storage.
    login : Login or None
        The user's credential, for this address only: the storage refuses a second one.
    """
    access = access or current()
    return access.url(f"download/{quote(file_path)}"), access.login


def downloads(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Login | None]]:
    """
    Return where files can be fetched that were found before: from the service that named them.

    Parameters
    ----------
    rows : iterable of (str, str)
        The full path of each file, and the address that its row has.

    Yields
    ------
    url, login
        As `download_url` returns them.
    """
    known: dict[str, Access] = {}
    for path, url in rows:
        if ialirt.ENDPOINT in url:
            yield url, None
            continue
        base = url.partition("/download/")[0] if "/download/" in url else ""
        if base not in known:
            known[base] = at(base) if base else current()
        yield download_url(path, known[base])
