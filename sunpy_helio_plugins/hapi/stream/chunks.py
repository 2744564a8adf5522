"""Records of servers and files as a sequence of tables, of which only a few are in memory at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import QTable

from sunpy_helio_plugins.arguments import MAPPING, TEXT, integer, optional, shown, taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.fido.partial import Partial, warn
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.plan import DataRequest
from sunpy_helio_plugins.hapi.query import PARAMETERS
from sunpy_helio_plugins.hapi.records import csv
from sunpy_helio_plugins.hapi.records.file import HAPIDocument
from sunpy_helio_plugins.hapi.records.load import Selection, gathered, requested
from sunpy_helio_plugins.hapi.records.read import (
    INFO,
    bytes_of,
    common_info,
    from_contents,
    named,
    parse_source,
    sources_of,
)
from sunpy_helio_plugins.quantities.scales import checked_scale, table_in_scale

__all__ = ["chunks", "in_rows", "is_of_files", "records_of_files", "requests_in_parts"]

_TABLE = 1 << 25
"""Estimated bytes of the responses that are in memory at the same time."""

_READ = 1 << 22
"""Bytes of a file that are decoded at once."""


@taking(
    "hapi.chunks", dataset=optional(TEXT), parameters=optional(PARAMETERS), rows=optional(integer(1)),
    format=optional(TEXT), info=optional(INFO), context=optional(MAPPING),
)  # fmt: skip
def chunks(
    source: Any,
    dataset: str | None = None,
    start: Any = None,
    stop: Any = None,
    parameters: Sequence[str] | str | None = None,
    *,
    rows: int | None = None,
    chunk: Any = None,
    format: str | None = None,  # noqa: A002 - HAPI's own word
    scale: str = "utc",
    info: Mapping[str, Any] | Info | None = None,
    context: Mapping[str, str] | None = None,
) -> Iterator[QTable]:
    """
    Yield records as tables of a bounded size, in the order of time, for more records than fit into memory.

    Parameters
    ----------
    source : str, HAPITable, QueryResponseRow, UnifiedResponse, path, bytes or binary file, or list of these
        Short name or address of a server; or rows of a search, all of one dataset; or downloaded files, as in
        `sunpy_helio_plugins.hapi.read`, in the order of time.
    dataset, start, stop, parameters, chunk, format
        As of `sunpy_helio_plugins.hapi.load`, for a server. By default, a request covers about 4 MB of records, or a
        day if the server does not give the cadence.
    rows : int, optional
        The largest number of records of one table. By default, a table contains the records of one set of concurrent
        requests, about 32 MB, or 4 MB of a file.
    scale : {"utc", "tai", "tt", "tdb", "tcb", "tcg"}, optional
        The scale of the times. Defaults to UTC.
    info, context
        As of `sunpy_helio_plugins.hapi.read`, for files.

    Returns
    -------
    iterator of astropy.table.QTable
        Tables as those of `sunpy_helio_plugins.hapi.load` or `sunpy_helio_plugins.hapi.read`, without empty ones. A
        record that consecutive files contain is included once. ``meta["problems"]`` of a table lists what is missing
        in its part of the range.

    Raises
    ------
    QueryError
        As of `sunpy_helio_plugins.hapi.load`, when the function is called.
    ServiceError
        If all requests of one set fail; the tables before it are complete.
    FileError
        If a response or a file is truncated, or files are not in the order of time.

    Warns
    -----
    IncompleteAnswerWarning
        Some of the requests failed, or the range was limited to that of the dataset.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> total = 0
    >>> for table in hapi.chunks("cdaweb", "AC_H0_MFI", "2026-01-01", "2026-01-05", "Magnitude"):
    ...     total += table["Magnitude"].size
    >>> print(total)
    21600
    """
    scale = checked_scale(scale)
    if is_of_files(source, dataset):
        if any(one is not None for one in (start, stop, parameters, chunk, format)):
            raise QueryError(
                f"hapi.chunks takes either files or a range of a dataset, not {shown(source)} and a range."
            )
        tables = records_of_files("hapi.chunks", source, info, context)
        return (table_in_scale(table, scale) for table in in_rows(tables, rows))
    if info is not None or context is not None:
        raise QueryError("hapi.chunks takes info and context for files only; a server sends them itself.")
    at_once = int(conf.hapi.connections)
    selection = Selection(dataset, start, stop, parameters, chunk, format)
    found = requests_in_parts("hapi.chunks", source, selection, _TABLE // at_once)
    warn(Partial(problems=found.problems + found.notes))
    return (table_in_scale(table, scale) for table in in_rows(_of_requests(found.items, at_once), rows))


def is_of_files(source: Any, dataset: str | None) -> bool:
    """Return whether the source of records are files, and not a server or the rows of a search."""
    if isinstance(source, str):
        return dataset is None
    if hasattr(source, "colnames"):
        return False
    return isinstance(source, bytes | Path) or hasattr(source, "read") or _first_is_file(source)


def _first_is_file(several: Any) -> bool:
    first = several[0] if isinstance(several, Sequence) and len(several) else None
    return isinstance(first, str | bytes | Path) or (hasattr(first, "read") and not hasattr(first, "colnames"))


def requests_in_parts(function: str, source: Any, selection: Selection, size: int) -> Partial[DataRequest]:
    """Return requests whose responses have about the given size; each covers a day if the cadence is not known."""
    found = requested(function, source, selection, size)
    if selection.chunk is None and isinstance(source, str) and not any(one.info.cadence for one in found.items):
        return requested(function, source, selection._replace(chunk="P1D"), size)
    if not found.items:
        raise QueryError(f"{function}: there are no rows to load; the search found nothing.")
    return found


def _of_requests(found: Sequence[DataRequest], at_once: int) -> Iterator[QTable]:
    for first in range(0, len(found), at_once):
        answer = gathered(found[first : first + at_once])
        warn(answer)
        for table in answer.items:
            table.meta["problems"] = list(answer.problems)
            yield table


def in_rows(tables: Iterable[QTable], rows: int | None) -> Iterator[QTable]:
    """Yield tables in parts of at most ``rows`` records, without empty ones."""
    for table in tables:
        step = rows or max(1, len(table))
        for first in range(0, len(table), step):
            yield table if step >= len(table) else table[first : first + step]


def records_of_files(
    function: str, source: Any, info: Mapping[str, Any] | Info | None, context: Mapping[str, str] | None = None
) -> Iterator[QTable]:
    """Check the headers of files, and return an iterator over their records."""
    found = list(sources_of(function, [source]))
    documents = []
    for one in found:
        documents.append(parse_source(one, info))
        documents[-1].release()
    filled = [one for one in documents if one.size]
    if filled:
        common_info(filled)
    return _of_files([(one, source) for one, source in zip(documents, found, strict=True) if one.size], context)


def _of_files(documents: Sequence[tuple[HAPIDocument, Any]], context: Mapping[str, str] | None) -> Iterator[QTable]:
    last: QTable | None = None
    for document, source in documents:
        with named(source):
            for part in _parts(document):
                made = from_contents([part], context)
                (table,) = made.items
                warn(made)
                table.meta["problems"] = [*table.meta.get("problems", ()), *made.problems]
                if last is not None and len(table):
                    table = _after(table, last)
                if len(table):
                    time = table.columns[0]
                    last = table[np.asarray(time == time[-1])]
                    yield table
        document.release()


def _parts(document: HAPIDocument) -> Iterator[HAPIDocument]:
    """Yield a document as several ones with fewer records."""
    content, info, start = document.content, document.info, document.start
    if document.format == "binary":
        step = max(1, _READ // info.record().itemsize) * info.record().itemsize
        for place in range(start, len(content), step):
            yield replace(document, content=content[place : place + step], start=0)
    elif document.format == "csv" and not isinstance(content, bytes):
        for segment in csv.segments(content, start, info):
            yield replace(document, content=segment.tobytes(), start=0)
    else:
        yield document


def _after(table: QTable, last: QTable) -> QTable:
    """Return a table without the records that the end of the previous one contains as well."""
    time, border = table.columns[0], last.columns[0][0]
    if time[0] > border:
        return table
    if time[0] < border:
        raise FileError(
            f"The record at {time[0].isot} follows that at {border.isot}: give files in the order of time, "
            "without overlaps; read these with hapi.read."
        )
    count = int(np.sum(np.asarray(time == border)))
    known = {row.tobytes() for row in bytes_of(last)}
    keep = np.ones(len(table), dtype=bool)
    keep[:count] = [row.tobytes() not in known for row in bytes_of(table[:count])]
    return table[keep]
