"""Rows of the service as they are, for its own parameters: what the official command and client return."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

from sunpy_helio_plugins.arguments import TEXT, close_names, is_several, optional, shown, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.partial import Partial, gather, warn
from sunpy_helio_plugins.imap import filenames, search, service, tables
from sunpy_helio_plugins.imap.endpoints import spice
from sunpy_helio_plugins.imap.mission import EXTENSIONS, INSTRUMENTS, KERNELS, LEVELS
from sunpy_helio_plugins.imap.query import Query

__all__ = ["rows"]

_AT_A_TIME = 4

_TABLES = ("science", "ancillary", "spice")

FORMS: dict[str, tuple[str, str]] = {
    "repointing": (r"(?:repoint)?\d{1,5}", "the number of a pointing, such as 120 or repoint00120"),
    "version": (r"latest|v\d{3}(?:\.\d{4})?", "latest, v001 or v001.0002"),
    "major_version": (r"\d{1,3}", "an integer, such as 1"),
    "minor_version": (r"\d{1,4}", "an integer, such as 2"),
    "descriptor": (r"[\w.+-]+", "letters, digits and hyphens, such as norm-gse"),
} | dict.fromkeys(
    ("start_date", "end_date", "ingestion_start_date", "ingestion_end_date"), (r"\d{8}", "a day as YYYYMMDD")
)
"""The form of the parameters that are not words of a list."""

_SPICE = ("start_date", "end_date", "ingestion_start_date", "ingestion_end_date", "type", "version")
"""The parameters of a query for SPICE kernels."""


@taking("imap.rows", table=TEXT, filename=optional(TEXT))
def rows(table: str = "science", *, filename: str | None = None, **parameters: Any) -> list[dict[str, Any]]:
    """
    Request the rows of files with the parameters of the Data Access API.

    Unlike a search with Fido, dates are compared with the start dates of the files only, rows are not changed, and all
    minor versions of the highest major version are returned by default. Responses that exceed the limit of the service
    (6 MB) are requested in parts.

    Parameters
    ----------
    table : {"science", "ancillary", "spice"}, optional
        The table of the service.
    filename : str, optional
        The name of a file, instead of all other parameters.
    **parameters
        ``instrument``, ``data_level``, ``descriptor``, ``start_date``, ``end_date``, ``ingestion_start_date``,
        ``ingestion_end_date``, ``repointing``, ``version``, ``major_version``, ``minor_version``, ``extension``, and
        ``type`` for the type of SPICE kernels. Each is a text, or a list of texts, any of which may match; dates are
        texts as ``"20260110"``.

    Returns
    -------
    list of dict
        The rows of the service, unchanged, each file once.

    Raises
    ------
    QueryError
        A parameter or value is not allowed, or none is given.
    ServiceError
        All requests failed.

    Warns
    -----
    IncompleteAnswerWarning
        Some of the requests failed; the message names the missing range.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> rows = imap.rows(instrument="glows")
    >>> len(rows)
    6
    """
    if table not in _TABLES:
        meant = close_names(table, _TABLES)
        raise QueryError(f"imap.rows: the table is one of {', '.join(_TABLES)}, not {shown(table)}.{meant}")
    given = {name: value for name, value in parameters.items() if value is not None}
    if filename is not None:
        if given:
            raise QueryError(f"imap.rows: a filename is used by itself, without {', '.join(given)}.")
        return _of_file(filename)
    lists = {name: _values(table, name, value) for name, value in given.items()}
    if not lists:
        raise QueryError("imap.rows requires at least one parameter, such as instrument, or a filename.")
    requests = [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]
    ask = _kernels if table == "spice" else lambda fields: _files(table, fields)
    answer = gather(requests, ask, _AT_A_TIME)
    warn(answer)
    return list({_identity(row): row for row in answer.items}.values())


def _identity(row: Mapping[str, Any]) -> str:
    return str(row.get("file_path") or row.get("file_name"))


def _of_file(name: str) -> list[dict[str, Any]]:
    """Return the row of a file."""
    bare = re.split(r"[/\\]", name)[-1]
    table = filenames.table_of(bare)
    if table is None:
        raise QueryError(f"{shown(bare)} does not follow the SDC's naming conventions.")
    if table == "release":
        raise QueryError(f"{shown(bare)} is the manifest of a release, which cannot be searched for.")
    answer = search.request_rows(Query(name=bare, table=table, version="all"))
    warn(answer)
    return [_unchanged(row) for row in answer.items if row["file_path"].rpartition("/")[2] == bare]


def _values(table: str, name: str, value: Any) -> list[str]:
    """Return the values of a parameter, checked."""
    allowed = {"instrument": INSTRUMENTS, "data_level": LEVELS, "extension": EXTENSIONS.get(table), "type": KERNELS}
    known = [*allowed, *FORMS] if table != "spice" else list(_SPICE)
    if name not in known or (name == "type" and table != "spice"):
        raise QueryError(
            f"imap.rows: the table {table!r} does not have the parameter {name!r}; it has {', '.join(known)}."
            f"{close_names(name, known)}"
        )
    values = list(value) if is_several(value) and not isinstance(value, str) else [value]
    if not values:
        raise QueryError(f"imap.rows: the list of {name} is empty.")
    return [_checked(name, one, allowed.get(name)) for one in values]


def _checked(name: str, value: Any, words: Sequence[str] | Mapping[str, str] | None) -> str:
    text = str(value).strip()
    if words is not None:
        if text not in words:
            listed = ", ".join(words)
            raise QueryError(f"imap.rows: {name} is one of {listed}, not {shown(value)}.{close_names(text, words)}")
        return text
    pattern, form = FORMS[name]
    if not re.fullmatch(pattern, text, re.ASCII):
        raise QueryError(f"imap.rows: {name} is {form}, not {shown(value)}.")
    if name.endswith("_date"):
        try:
            date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:]}")
        except ValueError:
            raise QueryError(f"imap.rows: {name} is {form}, and {text} is not a day of the calendar.") from None
    return text


def _files(table: str, fields: Mapping[str, str]) -> Partial[dict[str, Any]]:
    """Request rows of files."""
    asked = {} if table == "science" else {"table": table}
    asked |= {name: text for name, text in fields.items() if name != "version"}
    if "repointing" in asked:
        asked["repointing"] = str(int(asked["repointing"].removeprefix("repoint")))
    version = fields.get("version")
    if version is not None:
        asked |= {"latest": "true"} if version == "latest" and table == "science" else {}
        asked |= {"version": version} if version != "latest" else {}
    found = service.split(service.current_access(), asked)
    is_newest = version == "latest" and table != "science"
    return Partial(tuple(_newest(found.items)), found.problems, found.notes) if is_newest else found


def _newest(found: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Return the row with the highest version of each series, in the order of the rows."""
    best: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in found:
        key = tuple(row.get(name) for name in ("instrument", "descriptor", "start_date", "repointing"))
        if str(row.get("version")) >= str(best.setdefault(key, row).get("version")):
            best[key] = row
    yield from best.values()


def _kernels(fields: Mapping[str, str]) -> Partial[dict[str, Any]]:
    """Request rows of kernels, for which the service has other names of the parameters."""
    days = {name: f"{text[:4]}-{text[4:6]}-{text[6:]}" for name, text in fields.items() if name.endswith("_date")}
    begin, end, since, until = (
        f"{days[name]}T{clock}Z" if name in days else ""
        for name, clock in (
            ("start_date", _MIDNIGHT), ("end_date", _END_OF_DAY),
            ("ingestion_start_date", _MIDNIGHT), ("ingestion_end_date", _END_OF_DAY),
        )
    )  # fmt: skip
    query = Query(
        begin=begin or (_FIRST if end else ""), end=end or (_LAST if begin else ""), kernel=fields.get("type"),
        table="spice", since=since or (_FIRST if until else ""), until=until or (_LAST if since else ""),
    )  # fmt: skip
    found = spice.ask(query)
    timeless = replace(query, since="", until="")
    chosen = [row for row in found.items if _has_version(fields.get("version"), row) and _is_selected(timeless, row)]
    kept = tuple(map(_unchanged, chosen))
    if fields.get("version") == "latest":
        kept = tuple(_last_of_each(kept))
    return Partial(kept, found.problems, found.notes)


_MIDNIGHT, _END_OF_DAY = "00:00:00.000000000", "23:59:59.999999999"
_FIRST, _LAST = "1950-01-01T00:00:00.000000000Z", "2150-01-01T00:00:00.000000000Z"
"""Times before and after those of all kernels."""


def _is_selected(query: Query, row: dict[str, Any]) -> bool:
    """Return whether a kernel overlaps with a query; the tables of other files do not support time ranges."""
    file = tables.parse_row(row)
    return file is None or tables.selects(query, file)


def _has_version(version: str | None, row: Mapping[str, Any]) -> bool:
    if version in (None, "latest"):
        return True
    parsed = filenames.parse_kernel(_identity(row).rpartition("/")[2])
    return parsed is not None and parsed.version == int(version[1:4])


def _last_of_each(found: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Return the row with the highest version of each kernel."""
    best: dict[str, tuple[int, dict[str, Any]]] = {}
    for row in found:
        name = _identity(row).rpartition("/")[2]
        parsed = filenames.parse_kernel(name)
        root, version = (parsed.root, parsed.version or 0) if parsed is not None else (name, 0)
        if root not in best or version > best[root][0]:
            best[root] = version, row
    yield from (row for _, row in best.values())


def _unchanged(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the path that this package adds to those of kernels."""
    return {name: value for name, value in row.items() if name != "file_path"} if "file_name" in row else row
