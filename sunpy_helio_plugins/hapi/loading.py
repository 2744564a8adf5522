"""Records straight into memory: the chunks of a range at the same time, joined, each record once."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from astropy.table import QTable
from astropy.time import Time
from sunpy.time import parse_time

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError, QueryError, ServiceError, ServiceRefused, warn_incomplete
from sunpy_helio_plugins.hapi import listing, stream
from sunpy_helio_plugins.hapi.finding import Found, find, instant, text
from sunpy_helio_plugins.hapi.header import Info
from sunpy_helio_plugins.hapi.reading import from_contents, named
from sunpy_helio_plugins.hapi.service import Service
from sunpy_helio_plugins.hapi.translate import Query
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.transport import session

__all__ = ["load"]

_HALVINGS = 12
_TOO_MUCH = ("1408", "too much", "too many", "smaller time range", "limit")
"""Words of a refusal after which a shorter range may be answered."""


def load(
    server: Any,
    dataset: str | None = None,
    start: Any = None,
    stop: Any = None,
    parameters: Sequence[str] | str | None = None,
    **options: Any,
) -> QTable:
    """
    Load records into memory.

    Parameters
    ----------
    server : str or HAPITable
        Short name or address; or the rows of a search, all of one dataset, in which case nothing else is given.
    dataset : str, optional
        Its id.
    start, stop : time-like, optional
        The range, in anything that sunpy reads as a time; the record at ``stop`` is not part of it, as in HAPI.
    parameters : sequence of str or str, optional
        Names or patterns; all when left out.
    **options
        ``chunk``, the longest range of one request in seconds, and ``format``.

    Returns
    -------
    astropy.table.QTable
        As `sunpy_helio_plugins.hapi.read` gives it.

    Raises
    ------
    QueryError
        The server, the dataset or a parameter does not exist, or the range is none.
    ServiceError
        The server does not answer as it should.
    FileError
        The answer is cut, or no records.
    """
    if not isinstance(server, str):
        return _load_rows(server)
    if dataset is None or start is None or stop is None:
        raise QueryError("hapi.load takes rows of a search, or a server, a dataset, a start and a stop.")
    names = (parameters,) if isinstance(parameters, str) else tuple(parameters or ())
    first, last = _moment(start), _moment(stop)
    if instant(first) >= instant(last):
        raise QueryError(f"The start {first} does not lie before the stop {last}.")
    query = Query(server, dataset, first, last, names, (), options.pop("format", None), options.pop("chunk", None))
    if options:
        raise QueryError(f"hapi.load knows no {', '.join(options)}.")
    found, problems = find(query)
    if problems:
        warn_incomplete(" ".join(problems))
    if not found:
        raise QueryError(f"There is nothing to load: {' '.join(problems)}")
    return _gathered(found, instant(last))


def _moment(given: Any) -> str:
    if isinstance(given, str) and given.endswith("Z"):
        return times.iso(times.from_iso(np.array([given]))[0], 9)
    made: Time = parse_time(given)
    return times.iso(made, 9)


def _load_rows(rows: Any) -> QTable:
    import json

    table = rows if hasattr(rows, "colnames") else rows["hapi"] if hasattr(rows, "keys") else rows.table
    if not len(table):
        raise QueryError("There are no rows to load.")
    if hasattr(rows, "table") and not hasattr(rows, "colnames"):
        table = rows.as_table() if hasattr(rows, "as_table") else table
    found = [
        Found(
            listing.find(str(row["server_url"])),
            str(row["Dataset"]),
            str(row["Title"]),
            Info.from_json(json.loads(row["info"])),
            times.iso(row["Start Time"], 9),
            times.iso(row["End Time"], 9),
            str(row["format"]),
            str(row["url"]),
        )
        for row in table
    ]
    if len({(one.server.url, one.dataset) for one in found}) > 1:
        raise QueryError("The rows are of several datasets; load one at a time, as in hapi.load(rows[:1]).")
    return _gathered(found, None)


def _gathered(found: list[Found], before: np.datetime64 | None) -> QTable:
    """Fetch all requests at the same time, and join what came; what lies outside the range is left out."""
    server = found[0].server
    service = Service(server)
    service.capabilities()
    most = max(1, min(int(conf.hapi.connections), len(found)))
    with ThreadPoolExecutor(most) as pool:
        parts = [content for contents in pool.map(lambda one: _contents(service, one), found) for content in contents]
    context = {"server": server.name, "dataset": found[0].dataset}
    with named(f"{found[0].dataset} of {server.archive}"):
        table = from_contents(parts, context)
    if not len(table):
        return table
    time = table.columns[0]
    end = Time(text(before)[:-1], scale="utc") if before is not None else times.from_iso(np.array([found[-1].end]))[0]
    keep = time < end if before is not None else time <= end
    return table if keep.all() else table[keep]


def _contents(service: Service, one: Found, depth: int = 0) -> list[stream.Content]:
    """Fetch one request; in halves, of halves, where the server says that it is too much."""
    try:
        return [_content(service, one)]
    except ServiceRefused as refused:
        if refused.status in (401, 403):
            service.explain_sign_in(refused)
        if depth >= _HALVINGS or not _is_too_much(refused):
            raise
        halves = _halves(service, one)
        return [content for half in halves for content in _contents(service, half, depth + 1)]


def _content(service: Service, one: Found) -> stream.Content:
    # Asked for as it is: server-nodejs hangs when it compresses CSV.
    answer = session.get(
        one.url,
        archive=one.server.archive,
        headers={"Accept-Encoding": "identity"},
        accept=(200, 204),
        login=one.server.login,
        max_bytes=int(conf.max_file),
    )
    subject = f"{one.dataset} of {one.server.archive}"
    body = gzip.decompress(answer.content) if answer.content[:2] == b"\x1f\x8b" else answer.content
    is_whole = any(name in answer.headers for name in ("Content-Length", "Transfer-Encoding"))
    return stream.from_answer(body, one.info, one.format, subject, one.url, is_whole)


def _is_too_much(refused: ServiceError) -> bool:
    words = refused.words.lower()
    return refused.status == 413 or (refused.status in (200, 400, 500) and any(word in words for word in _TOO_MUCH))


def _halves(service: Service, one: Found) -> Iterable[Found]:
    from dataclasses import replace
    from urllib.parse import parse_qs, urlsplit

    asked = parse_qs(urlsplit(one.url).query)
    spelled = [(asked.get(new) or asked[old])[0] for new, old in (("start", "time.min"), ("stop", "time.max"))]
    start, stop = map(instant, spelled)
    middle = start + (stop - start) // 2
    if middle in (start, stop):
        raise FileError(f"{one.dataset} of {one.server.archive}: even {start} alone is too much for the server.")
    for first, last in ((start, middle), (middle, stop)):
        url = service.data_url(one.dataset, one.info, "parameters" in asked, text(first), text(last), one.format)
        yield replace(one, url=url, start=text(first), end=text(last))
