"""The Data Access API: URLs, parameters and rows."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from sunpy_helio_plugins.config import conf, from_environment
from sunpy_helio_plugins.errors import AnswerError, Problem, ServerError, ServiceRefused
from sunpy_helio_plugins.fido.partial import MOST_TOLD, Partial, in_halves
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
    The URL of the service and its credential.

    Attributes
    ----------
    base : str
        The URL, with the prefix of the route for the credential.
    login : Login or None
        The credential, which is only sent to the origin of the service.
    """

    base: str
    login: Login | None = None

    @property
    def is_public(self) -> bool:
        """Whether only released files are available."""
        return self.login is None

    def url(self, path: str) -> str:
        """Return the URL of an endpoint, such as ``"query"``."""
        return f"{self.base}/{path}"


def current_access(public: bool = False) -> Access:
    """Return the access with an API key, a token, or publicly, in the order of the official client."""
    base = _address()
    bare = _bare(base)
    if public:
        return Access(bare)
    opened = _opened(bare, True)
    return Access(base) if opened.is_public else opened


def access_for_url(bare: str) -> Access:
    """Return the access for a service of an earlier search, which may differ from the current one."""
    # The environment and `sign_in` belong to the current service; others only get the credentials in the netrc file.
    return _opened(bare, same_origin(bare, _address()))


def _opened(bare: str, is_set: bool) -> Access:
    host = urlsplit(bare).hostname
    key = Login("imap", bare, "header", (("IMAP_API_KEY",),), header="x-api-key")
    key = key if is_set else Login(f"imap at {host}", bare, "header", header="x-api-key")
    if key.known():
        return Access(f"{bare}/api-key", key)
    token = Login("imap-token", bare, "bearer", (("IMAP_ACCESS_TOKEN",),))
    return Access(f"{bare}/authorized", token) if is_set and token.known() else Access(bare)


def _address() -> str:
    return (from_environment("IMAP_DATA_ACCESS_URL") or str(conf.imap.url)).rstrip("/")


def _bare(base: str) -> str:
    return base.removesuffix("/api-key").removesuffix("/authorized")


def data_dir() -> Path | None:
    """Return the folder above the tree of the SDC, from ``IMAP_DATA_DIR`` or ``conf.imap.data_dir``, or `None`."""
    named = os.environ.get("IMAP_DATA_DIR") or str(conf.imap.data_dir)
    return Path(named).expanduser() if named else None


FIRST = date(2010, 1, 1)
"""A day before any science file of the mission, including its rehearsals."""

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)

_DAYS = (
    ("start_date", "end_date"),
    ("ingestion_start_date", "ingestion_end_date"),
    ("start_ingest_date", "end_ingest_date"),
)
"""Ranges of days, including the last one."""

_SECONDS = ("start_time", "end_time")
"""A range in seconds since J2000, which returns all files that overlap with it."""

_DAY = 86_400


def halve_ingestion(fields: Mapping[str, str], endpoint: str = "query") -> list[dict[str, str]]:
    """Return two requests for the halves of the time range, or of the whole mission; empty if there are not any."""
    # An open end stays open.
    name, until = _SECONDS
    if name in fields and until in fields and int(fields[until]) - int(fields[name]) > _DAY:
        middle = str((int(fields[name]) + int(fields[until])) // 2)
        return [{**fields, until: middle}, {**fields, name: middle}]
    for name, until in _ranges_of(fields, endpoint):
        first = _day(fields[name]) if name in fields else FIRST
        last = _day(fields[until]) if until in fields else datetime.now(UTC).date()
        # The last day of the ingestion of kernels ends at its beginning.
        step = 0 if until == "end_ingest_date" else 1
        half = first + (last - first) // 2
        after = half + timedelta(days=step)
        if first < after <= last:
            return [{**fields, until: _digits(half)}, {**fields, name: _digits(after)}]
    return []


def _ranges_of(fields: Mapping[str, str], endpoint: str) -> Sequence[tuple[str, str]]:
    """Return the names of the ranges of days by which a request can be divided."""
    # The tables of spins and pointings compare the end of a file with that of a range: files across halves would be
    # lost.
    possible = _DAYS[:2] if endpoint == "query" else _DAYS[2:]
    found = [(name, until) for name, until in possible if name in fields or until in fields]
    return found or (possible[:1] if _FEW.isdisjoint(fields) else [])


_FEW = frozenset({"file_path", "file_name", "repointing", "cr", "start_time"})
"""Parameters of requests that few files match, or that have a range of another kind."""


def show_ingestion(fields: Mapping[str, str]) -> str:
    """Return the range of a request as text."""
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
"""Parameters that can be omitted for an older service, since `tables` applies them to the response."""

_TOO_MUCH = "this is also the response if too many files match: narrow the query"


def query_files(query: Query) -> Partial[Row]:
    """Request the rows of files, which are not filtered yet; SPICE files and I-ALiRT have separate endpoints."""
    # A range that exceeds the limit of the service (6 MB, some 16,900 rows) is requested in parts.
    access = current_access()
    found = split(access, parameters(query))
    if _wants_all(query, access):
        for major in range(max((row.get("major_version") or 0 for row in found.items), default=0)):
            found = _joined(found, split(access, parameters(query) | {"major_version": str(major)}))
    if query.rotation is not None and not found.items:
        # The service may not have the rotation of each file, but it has the date.
        found = split(access, parameters(query, by_date=True))
    return found


def _wants_all(query: Query, access: Access) -> bool:
    """Return whether all versions must be requested: the service only returns the highest major version by default."""
    if query.table != "science" or query.name is not None:
        return False
    return query.version == "all" or (query.version == "latest" and query.released is not None and not access.is_public)


def parameters(query: Query, by_date: bool = False) -> dict[str, str]:
    """Return the parameters of a query; ``by_date`` replaces a Carrington rotation with its dates."""
    asked: dict[str, str] = {} if query.table == "science" else {"table": query.table}
    if query.name is not None:
        return asked | _of_name(query.name)
    # Descriptors are case-sensitive, and those of ancillary files may contain capitals.
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
    """Return the parameters for one file; those besides its path are for services that do not support paths."""
    found = filenames.parse(name)
    if found is None:
        return {"file_path": name}
    level = {} if found.level is None else {"data_level": found.level}
    day = f"{found.start:%Y%m%d}"
    return {
        "instrument": found.instrument, **level, "descriptor": found.descriptor, "start_date": day, "end_date": day,
        "file_path": filenames.key_of(name) or name,
    }  # fmt: skip


def _digits(day: date) -> str:
    """Return a day as eight digits; strftime does not write the zeros of years before 1000."""
    return day.isoformat().replace("-", "")


def _dates(query: Query, by_date: bool) -> dict[str, str]:
    asked: dict[str, str] = {}
    days = query.days
    if query.rotation is not None and days is None:
        if not by_date:
            return {"cr": str(query.rotation)}
        # Rotation 1 began on 1853-11-09; a file may begin at any time in its rotation or in the previous one.
        middle = date(1853, 11, 9) + timedelta(days=27.2752316 * (query.rotation - 1))
        days = middle - timedelta(days=45), middle + timedelta(days=45)
    if days is not None:
        first = {} if days[0] == date.min else {"start_date": _digits(days[0])}
        asked |= {**first, "end_date": _digits(days[1])}
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
    """Request rows; if the service fails, in halves of the range: too large responses are errors without a reason."""
    rows: dict[str, Row] = {}

    def ask(part: dict[str, str]) -> None:
        rows.update({row["file_path"]: row for row in rows_of(access, endpoint, part)})

    def halves(part: dict[str, str]) -> list[dict[str, str]]:
        return halve_ingestion(part, endpoint)

    missing = in_halves(fields, ask, halves, lambda error: isinstance(error, ServerError))
    if not missing:
        return Partial(tuple(rows.values()))
    error = missing[0][1]
    if rows:
        text = f"Files of {_ranges(part for part, _ in missing)} are missing: {error}"
        return Partial(tuple(rows.values()), (Problem.of_error(error, text),))
    if isinstance(error, ServerError):
        raise ServerError(ARCHIVE, error.url, f"{error.words}; {_TOO_MUCH}", error.status)
    raise error


def _ranges(parts: Iterable[dict[str, str]]) -> str:
    shown = [show_ingestion(part) for part in parts]
    return ", ".join(shown[:MOST_TOLD]) + (f" and {len(shown) - MOST_TOLD} more" if len(shown) > MOST_TOLD else "")


def rows_of(access: Access, endpoint: str, fields: dict[str, str]) -> list[Row]:
    """Request rows from an endpoint, without the parameters that an older service does not support."""
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
        raise AnswerError(ARCHIVE, answer.url, "a list of files was expected in the response", answer.status)
    # The folders of kernels are below imap/spice.
    return [row if "file_path" in row else {**row, "file_path": f"imap/spice/{row['file_name']}"} for row in rows]


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and (isinstance(row.get("file_path"), str) or isinstance(row.get("file_name"), str))


def download_url(file_path: str, access: Access | None = None) -> tuple[str, Login | None]:
    """Return the download URL of a path in the archive, and the login."""
    # The URL redirects to the storage, which rejects requests that contain the login as well.
    access = access or current_access()
    return access.url(f"download/{quote(file_path)}"), access.login


def downloads(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Login | None]]:
    """Return the download URLs and logins of files of earlier searches, given by their paths and URLs."""
    known: dict[str, Access] = {}
    for path, url in rows:
        if ialirt.ENDPOINT in url:
            yield url, None
            continue
        base = url.partition("/download/")[0] if "/download/" in url else ""
        if base not in known:
            known[base] = access_for_url(base) if base else current_access()
        yield download_url(path, known[base])
