"""Records straight into memory: the chunks of a range at the same time, joined, each record once."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from sunpy_helio_plugins.arguments import TEXT, TEXTS, is_several, optional, shown, taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, QueryError, ServiceRefused
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import Partial, run_all, text_of, warn
from sunpy_helio_plugins.hapi import attrs
from sunpy_helio_plugins.hapi.plan import DataRequest, Piece, refusal
from sunpy_helio_plugins.hapi.query import Query
from sunpy_helio_plugins.hapi.records import file
from sunpy_helio_plugins.hapi.records.file import HAPIDocument
from sunpy_helio_plugins.hapi.records.read import from_contents, named
from sunpy_helio_plugins.hapi.search import find
from sunpy_helio_plugins.hapi.service import Service, login_of
from sunpy_helio_plugins.hapi.tables import HAPITable
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.scales import checked_scale, table_in_scale
from sunpy_helio_plugins.quantities.spans import Moment, Span, moment
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.exchange import Response

__all__ = ["load"]

_ANSWERS = frozenset({200, 204, *range(400, 500), 500}) - {401, 403, 408, 429}
"""HTTP statuses of answers that may say in HAPI's words what is wrong; others are asked again, or need a sign-in."""

_ALLOWED = "what a search for HAPI's datasets returned, or a server, a dataset, a start and a stop"

_GZIP = b"\x1f\x8b"


@taking("hapi.load", dataset=optional(TEXT), parameters=optional(TEXTS), format=optional(TEXT), scale=TEXT)
def load(
    server: Any,
    dataset: str | None = None,
    start: Any = None,
    stop: Any = None,
    parameters: Sequence[str] | str | None = None,
    *,
    chunk: Any = None,
    format: str | None = None,  # noqa: A002 - HAPI's own word
    scale: str = "utc",
) -> QTable:
    """
    Load records into memory.

    Parameters
    ----------
    server : str, HAPITable, QueryResponseRow or UnifiedResponse
        Short name or address; or what a search found, all of one dataset, in which case nothing else is given.
    dataset : str, optional
        Its id.
    start, stop : time-like, optional
        The range, in anything that sunpy reads as a time; the record at ``stop`` is not part of it, as in HAPI.
    parameters : sequence of str or str, optional
        Names or patterns; all when left out.
    chunk : astropy.units.Quantity, datetime.timedelta, str or float, optional
        The longest range of one request; a number counts seconds.
    format : str, optional
        ``"binary"``, ``"csv"`` or ``"json"``.
    scale : {"utc", "tai", "tt", "tdb", "tcb", "tcg"}, optional
        The scale of the times, which their description states. Defaults to UTC.

    Returns
    -------
    astropy.table.QTable
        As `sunpy_helio_plugins.hapi.read` gives it.

    Raises
    ------
    QueryError
        The server, the dataset or a parameter does not exist, the range is none, or times cannot be given in
        ``scale``.
    ServiceError
        The server does not answer as it should.
    FileError
        The answer is cut, or no records.
    """
    scale = checked_scale(scale)
    if not isinstance(server, str):
        if server is None or not (is_several(server) or hasattr(server, "colnames")):
            raise inputs.refused("hapi.load", server, _ALLOWED)
        if any(one is not None for one in (dataset, start, stop, parameters, chunk, format)):
            raise QueryError(
                "hapi.load takes either rows of a search, or a server, a dataset, a start and a stop; "
                f"it was called with {shown(server)} and others."
            )
        rows = inputs.rows("hapi.load", server, HAPITable, _ALLOWED)
        return table_in_scale(_gathered([DataRequest.of_row(row) for row in rows]), scale)
    if dataset is None or start is None or stop is None:
        given = [name for name, one in (("dataset", dataset), ("start", start), ("stop", stop)) if one is None]
        raise QueryError(
            f"hapi.load takes the dataset, start and stop of a server; for {server!r}, {', '.join(given)} is missing."
        )
    answer = find(_query(server, dataset, start, stop, parameters, chunk, format))
    # A table of records has no place for notes: a warning repeats them.
    missing: Partial[DataRequest] = Partial(problems=answer.problems + answer.notes)
    warn(missing)
    if not answer.items:
        raise QueryError(f"There is nothing to load: {text_of(missing.problems)}")
    return table_in_scale(_gathered(list(answer.items)), scale)


def _query(server: str, dataset: str, start: Any, stop: Any, parameters: Any, chunk: Any, chosen: str | None) -> Query:
    names = (parameters,) if isinstance(parameters, str) else tuple(parameters or ())
    first, before = _moment(start), _moment(stop)
    if first >= before:
        raise QueryError(f"The start {first} does not lie before the stop {before}.")
    if isinstance(chunk, int | float) and not isinstance(chunk, bool):
        chunk = chunk * u.s
    return Query(
        server,
        dataset,
        str(first),
        str(before.later(-1)),
        names,
        format=None if chosen is None else attrs.Format.check(chosen),
        chunk=None if chunk is None else attrs.Chunk.check(chunk),
    )


def _moment(given: Any) -> Moment:
    # In HAPI's own forms, which sunpy would cut to microseconds, or refuse.
    found = moment(given) if isinstance(given, str) else None
    if found is not None:
        return found
    return Moment.read(times.iso(inputs.instant("hapi.load", given), 9))


def _gathered(found: list[DataRequest]) -> QTable:
    """Fetch all requests at the same time, and join what came; what lies outside the range is left out."""
    if not found:
        raise QueryError("hapi.load: there are no rows to load; the search found nothing.")
    ids = dict.fromkeys((one.dataset, one.server.url) for one in found)
    if len(ids) > 1:
        shown = ", ".join(dataset for dataset, _ in list(ids)[:5])
        raise QueryError(f"These are {len(ids)} datasets ({shown}); load one at a time, as in hapi.load(rows[:1]).")
    server = found[0].server
    service = Service(server)
    service.capabilities()
    most = max(1, min(int(conf.hapi.connections), len(found)))
    # All or nothing: a table does not show where records are missing.
    fetched = run_all(found, lambda one: _contents(service, one, one.piece), most)
    parts = [content for contents in fetched for content in contents]
    context = {"server": server.name, "dataset": found[0].dataset}
    with named(f"{found[0].dataset} of {server.archive}"):
        table = from_contents(parts, context)
    if not len(table):
        return table
    keep = np.zeros(len(table), dtype=bool)
    for span in _united(one.span for one in found):
        keep |= span.covers(table.columns[0])
    return table if keep.all() else table[keep]


def _united(spans: Iterable[Span]) -> list[Span]:
    """Return ranges with those that touch joined."""
    united: list[Span] = []
    for span in sorted(spans, key=lambda one: one.first):
        if united and united[-1].before >= span.first:
            united[-1] = Span(united[-1].first, max(united[-1].before, span.before))
        else:
            united.append(span)
    return united


def _contents(service: Service, one: DataRequest, piece: Piece) -> list[HAPIDocument]:
    """Fetch one request, or what stands for it where the server refuses it."""
    try:
        answer = metadata.get(
            piece.url,
            archive=one.server.archive,
            # As it is: server-nodejs hangs when it compresses CSV.
            headers={"Accept-Encoding": "identity"},
            accept=_ANSWERS,
            login=login_of(one.server),
            max_bytes=int(conf.max_file),
        )
    except ServiceRefused as refused:
        if refused.status in (401, 403):
            service.explain_sign_in(refused)
        raise
    said = refusal(answer.status, answer.phrase, answer.content)
    if said is None:
        return [_content(answer, one)]
    others = piece.instead(said)
    if not others:
        raise said.error(one.server.archive, answer.url)
    return [content for other in others for content in _contents(service, one, other)]


def _content(answer: Response, one: DataRequest) -> HAPIDocument:
    subject = f"{one.dataset} of {one.server.archive}"
    is_whole = any(name in answer.headers for name in ("Content-Length", "Transfer-Encoding"))
    return file.parse_response(_plain(answer), one.info, one.format, subject, answer.url, is_whole)


def _plain(answer: Response) -> bytes:
    """Return the body; unpacked where it was packed although nobody asked for it, and nothing says so."""
    if not answer.content.startswith(_GZIP):
        return answer.content
    unpacking = zlib.decompressobj(wbits=31)
    try:
        body = unpacking.decompress(answer.content, int(conf.max_file))
    except zlib.error as error:
        raise AnswerError(answer.archive, answer.url, f"the packed answer cannot be unpacked: {error}") from None
    if not unpacking.eof:
        raise AnswerError(answer.archive, answer.url, "the packed answer is cut, or too large once unpacked")
    return body
