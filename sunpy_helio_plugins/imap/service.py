"""The Data Access API: addresses, parameters and rows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, ServerError, ServiceRefused
from sunpy_helio_plugins.fido.partial import Partial
from sunpy_helio_plugins.imap import filenames
from sunpy_helio_plugins.imap.endpoints import ialirt
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.urls import same_origin

__all__ = [
    "ARCHIVE",
    "FIRST",
    "Access",
    "access_for_url",
    "current_access",
    "data_dir",
    "download_url",
    "downloads",
    "halve_ingestion",
    "query_files",
    "rows_of",
    "show_ingestion",
    "split",
]


@dataclass(frozen=True)
class Access:
    """
    The address of the service and what opens it.

    Attributes
    ----------
    base : str
        The address, with the prefix of the route that the credential belongs to.
    login : Login or None
        The credential, or nothing; it goes to the service's own origin alone.
    """

    base: str
    login: Login | None = None

    @property
    def is_public(self) -> bool:
        """Whether only released files can be seen and fetched."""
        return self.login is None

    def url(self, path: str) -> str:
        """
        Return the address of an endpoint.

        Parameters
        ----------
        path : str
            The endpoint, as in ``"query"``.
        """
        return f"{self.base}/{path}"


def current_access(public: bool = False) -> Access:
    """
    Return how the service is reached now.

    Parameters
    ----------
    public : bool, optional
        Whether to leave credentials aside, so as to see what everyone sees.

    Returns
    -------
    Access
        By an API key where there is one, else by a token, else publicly, in the official client's order.
    """
    base = _address()
    bare = _bare(base)
    if public:
        return Access(bare)
    opened = _opened(bare, True)
    return Access(base) if opened.is_public else opened


def access_for_url(bare: str) -> Access:
    """
    Return how a service is reached that was asked before, and may be another than the one that is set now.

    Parameters
    ----------
    bare : str
        Its address, without a prefix.

    Returns
    -------
    Access
        With the credentials of the origin alone: what the environment holds and what `sign_in` was given belong to the
        service that is set now, and another one gets what the netrc file has for its host.
    """
    return _opened(bare, same_origin(bare, _address()))


def _opened(bare: str, is_set: bool) -> Access:
    host = urlsplit(bare).hostname
    key = Login("imap", bare, "header", (("IMAP_API_KEY",),), header="x-api-key")
    key = key if is_set else Login(f"imap at {host}", bare, "header", header="x-api-key")
    if key.known():
        return Access(f"{bare}/api-key", key)
    if is_set and os.environ.get("IMAP_ACCESS_TOKEN"):
        return Access(f"{bare}/authorized", Login("imap-token", bare, "bearer", (("IMAP_ACCESS_TOKEN",),)))
    return Access(bare)


def _address() -> str:
    return (os.environ.get("IMAP_DATA_ACCESS_URL") or str(conf.imap.url)).rstrip("/")


def _bare(base: str) -> str:
    return base.removesuffix("/api-key").removesuffix("/authorized")


def data_dir() -> Path | None:
    """
    Return the folder above the SDC's tree, where the user has named one.

    Returns
    -------
    pathlib.Path or None
        From ``IMAP_DATA_DIR``, else from ``conf.imap.data_dir``.
    """
    named = os.environ.get("IMAP_DATA_DIR") or str(conf.imap.data_dir)
    return Path(named).expanduser() if named else None


FIRST = date(2010, 1, 1)
"""Before any science file of the mission, those of its rehearsals included."""

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)

_DAYS = (
    ("start_date", "end_date"),
    ("ingestion_start_date", "ingestion_end_date"),
    ("start_ingest_date", "end_ingest_date"),
)
"""Ranges of days, the last of which counts."""

_SECONDS = ("start_time", "end_time")
"""A range in seconds since J2000, with which whatever overlaps is found."""

_DAY = 86_400


def halve_ingestion(fields: Mapping[str, str]) -> list[dict[str, str]]:
    """
    Return a question as two that together ask for the same.

    Parameters
    ----------
    fields : mapping of str
        The query fields.

    Returns
    -------
    list of dict
        The halves: of the range of time, else of the start dates, else of the days of ingestion. An end that is open
        stays open. Nothing where there is no range, or it is one day.
    """
    name, until = _SECONDS
    if name in fields and until in fields and int(fields[until]) - int(fields[name]) > _DAY:
        middle = str((int(fields[name]) + int(fields[until])) // 2)
        return [{**fields, until: middle}, {**fields, name: middle}]
    for name, until in _DAYS:
        if name in fields or until in fields:
            first = _day(fields[name]) if name in fields else FIRST
            last = _day(fields[until]) if until in fields else datetime.now(UTC).date()
            if first < last:
                half = first + (last - first) // 2
                return [{**fields, until: f"{half:%Y%m%d}"}, {**fields, name: f"{half + timedelta(days=1):%Y%m%d}"}]
    return []


def show_ingestion(fields: Mapping[str, str]) -> str:
    """
    Return the range of a question in words.

    Parameters
    ----------
    fields : mapping of str
        The query fields.
    """
    if _SECONDS[0] in fields:
        return " to ".join(f"{_J2000 + timedelta(seconds=int(fields[name])):%Y%m%d}" for name in _SECONDS)
    return " to ".join(fields[name] for pair in _DAYS for name in pair if name in fields)


def _day(text: str) -> date:
    return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")


ARCHIVE = "IMAP SDC"

Row = dict[str, Any]

_DROPPED = frozenset(
    {"latest", "major_version", "file_path", "ingestion_start_date", "ingestion_end_date", "extension", "repointing",
     "start_ingest_date", "end_ingest_date"}
)  # fmt: skip
"""Parameters without which an older service can be asked: `tables` does the same on what comes."""

_TOO_MUCH = "where many files match, this is its answer too: narrow the query"


def query_files(query: Query) -> Partial[Row]:
    """
    Request the rows of files; SPICE files and I-ALiRT's archive have endpoints of their own.

    Parameters
    ----------
    query : Query
        The question.

    Returns
    -------
    Partial
        The rows, without repeats; they are not yet filtered by what the service cannot filter. A range that is more
        than the service can answer at once (6 MB, some 16,900 rows) is requested in parts.

    Raises
    ------
    ServiceError
        The service did not answer as it should.
    """
    access = current_access()
    found = split(access, parameters(query))
    if _wants_all(query, access):
        for major in range(max((row.get("major_version") or 0 for row in found.items), default=0)):
            found = _joined(found, split(access, parameters(query) | {"major_version": str(major)}))
    if query.rotation is not None and not found.items:
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
    asked |= {one.parameter: str(one.value) for one in query.wanted}
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


def _joined(one: Partial[Row], other: Partial[Row]) -> Partial[Row]:
    whole = one + other
    return replace(whole, items=tuple({row["file_path"]: row for row in whole.items}.values()))


def split(access: Access, fields: dict[str, str], endpoint: str = "query") -> Partial[Row]:
    """
    Request rows; where the service fails, in halves of the range, since too large an answer is an error without reason.

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
    Partial
        The rows, and which parts of the range are missing.
    """
    try:
        return Partial(tuple(rows_of(access, endpoint, fields)))
    except ServerError as broken:
        halves = halve_ingestion(fields)
        if not halves:
            words = f"{broken.words}; {_TOO_MUCH}"
            raise ServerError(ARCHIVE, broken.url, words, broken.status) from None
    first = split(access, halves[0], endpoint)
    try:
        return _joined(first, split(access, halves[1], endpoint))
    except ServerError as broken:
        if not first.items:
            raise
        return first + Partial(problems=(f"Files of {show_ingestion(halves[1])} are missing: {broken}",))


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
        return rows_of(access, endpoint, rest or {"start_date": f"{FIRST:%Y%m%d}"})
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
    access = access or current_access()
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
            known[base] = access_for_url(base) if base else current_access()
        yield download_url(path, known[base])
