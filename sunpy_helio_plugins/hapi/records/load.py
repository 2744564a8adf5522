"""Records straight into memory: the chunks of a range at the same time, joined, each record once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from astropy import units as u
from astropy.table import QTable

from sunpy_helio_plugins.arguments import FLAG, TEXT, is_several, optional, shown, taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import (
    AnswerError,
    CoverageError,
    FileError,
    HelioPluginsError,
    QueryError,
    ServiceError,
    ServiceRefused,
)
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import Partial, merge, run_all, text_of, warn
from sunpy_helio_plugins.hapi import attrs, server_list
from sunpy_helio_plugins.hapi.cache import holdings
from sunpy_helio_plugins.hapi.cache.holdings import Holdings
from sunpy_helio_plugins.hapi.plan import DataRequest, Piece, estimated_bytes
from sunpy_helio_plugins.hapi.query import PARAMETERS, Query
from sunpy_helio_plugins.hapi.records import file
from sunpy_helio_plugins.hapi.records.content import kept
from sunpy_helio_plugins.hapi.records.file import HAPIDocument
from sunpy_helio_plugins.hapi.records.read import RecordTableBuilder, from_contents, named
from sunpy_helio_plugins.hapi.search import find
from sunpy_helio_plugins.hapi.service import Service, login_of
from sunpy_helio_plugins.hapi.status import refusal
from sunpy_helio_plugins.hapi.tables import HAPITable, uncovered
from sunpy_helio_plugins.io.queries import retrieval
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.scales import checked_scale, table_in_scale
from sunpy_helio_plugins.quantities.spans import Moment, Span, moment, seconds
from sunpy_helio_plugins.store.streams import decompressed, is_compressed
from sunpy_helio_plugins.transport import limits, metadata
from sunpy_helio_plugins.transport.exchange import Response

__all__ = ["Selection", "gathered", "load", "requested", "seconds_of", "united"]

_ANSWERS = frozenset({200, 204, *range(400, 500), 500}) - {401, 403, 408, 429}
"""HTTP statuses of answers that may say in HAPI's words what is wrong; others are asked again, or need a sign-in."""

_ALLOWED = "what a search for HAPI's datasets returned, or a server, a dataset, a start and a stop (or an a.Time)"


@taking("hapi.load", dataset=optional(TEXT), parameters=optional(PARAMETERS), format=optional(TEXT), refresh=FLAG)
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
    refresh: bool = False,
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
        The range, in anything that sunpy reads as a time; the record at ``stop`` is not part of it, as in HAPI. An
        ``a.Time`` or `~sunpy.time.TimeRange` as ``start`` replaces both; its end is part of the range, as in a search.
    parameters : sequence of str or str, optional
        Names or patterns, which may be separated by commas; all when left out.
    chunk : astropy.units.Quantity, datetime.timedelta, str or float, optional
        The longest range of one request; a number counts seconds.
    format : str, optional
        ``"binary"``, ``"csv"`` or ``"json"``.
    scale : {"utc", "tai", "tt", "tdb", "tcb", "tcg"}, optional
        The scale of the times, which their description states. Defaults to UTC.
    refresh : bool, optional
        Whether to request everything again, also what was kept of earlier requests (``conf.hapi.cache``). What the
        server does not send is then missing, or an error, although it is kept.

    Returns
    -------
    astropy.table.QTable
        As `sunpy_helio_plugins.hapi.read` gives it. ``meta["problems"]`` lists the parts of the range that are missing,
        with the reasons; it is empty if there are none. ``meta["query"]`` lists what was requested, and
        ``meta["retrieved"]`` when, in UTC.

    Raises
    ------
    QueryError
        The server, the dataset or a parameter does not exist, the range is none, or times cannot be given in
        ``scale``. It is a `~sunpy_helio_plugins.errors.CoverageError` if the dataset has no data in the range.
    ServiceError
        The server does not answer as it should.
    FileError
        The answer is cut, or no records.

    Warns
    -----
    IncompleteAnswerWarning
        Some of the requests failed, the range was limited to that of the dataset, or the records of a response are not
        in the order of time. An error is raised only if all requests failed.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> field = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11", ["Magnitude", "BGSEc"])
    >>> print(field[:2])
                 Time             Magnitude      BGSEc
                                      nT           nT
    ----------------------------- --------- ----------------
    2026-01-10T00:00:12.000000000     5.481 -4.253 .. -0.182
    2026-01-10T00:00:28.000000000     5.415 -4.204 .. -0.238
    """
    scale = checked_scale(scale)
    selection = Selection(dataset, start, stop, parameters, chunk, format)
    found = requested("hapi.load", server, selection, _SIZE, _WHOLE, refresh)
    return _loaded(list(found.items), scale, found.problems + found.notes, refresh)


_SIZE, _WHOLE, _BATCH = 1 << 22, 1 << 26, 1 << 25
"""Estimated bytes of one response, several of which are received at the same time; of a range that is not cut; and of
the batches in which the records of longer ranges are joined if they are kept."""

_SHARE = 0.9
"""The part of the cache that the records of one load may use; more would remove themselves."""

_ROOM = 1.2
"""The number of records for which there is room, over that which follows from the cadence."""


class Selection(NamedTuple):
    """A range of a dataset, as the functions that load records take it; all are `None` for the rows of a search."""

    dataset: str | None
    start: Any
    stop: Any
    parameters: Any = None
    chunk: Any = None
    format: str | None = None


def requested(
    function: str, server: Any, selection: Selection, size: int = _SIZE, whole: int = 0, refresh: bool = False
) -> Partial[DataRequest]:
    """
    Return the requests for the rows of a search, or for a range of a dataset, whose responses have a bounded size.

    A range with an estimated size of at most ``whole`` is not cut. A `CoverageError` is raised if the dataset has no
    data in the range.
    """
    if not isinstance(server, str):
        if server is None or not (is_several(server) or hasattr(server, "colnames")):
            raise inputs.refused(function, server, _ALLOWED)
        if any(one is not None for one in selection):
            raise QueryError(
                f"{function} takes either rows of a search, or a server, a dataset, a start and a stop; "
                f"it was called with {shown(server)} and others."
            )
        tables = inputs.tables(function, server, HAPITable, _ALLOWED)
        cut = tuple(note for table in tables for note in uncovered(table))
        return Partial(tuple(DataRequest.of_row(row) for table in tables for row in table), notes=cut)
    needed = ("dataset", "start") if _is_range(selection.start) else ("dataset", "start", "stop")
    missing = ", ".join(name for name in needed if getattr(selection, name) is None)
    if missing:
        raise QueryError(
            f"{function} takes a server, a dataset, a start and a stop; for {shown(server)}, {missing} must be given."
        )
    service = Service(server_list.find(server), fresh=refresh)
    answer = find(_query(function, server, selection, size, whole), service, has_titles=False)
    if not answer.items:
        # A table of records has no place for notes: a warning repeats them.
        told = answer.problems + answer.notes
        warn(Partial(problems=told))
        raise CoverageError(f"There is nothing to load: {text_of(told)}")
    return answer


def _is_range(given: Any) -> bool:
    return hasattr(given, "start") and hasattr(given, "end") and not isinstance(given, type)


def _range(function: str, start: Any, stop: Any) -> tuple[str, str]:
    """Return the first and the last instant of the range, both included."""
    if _is_range(start):
        if stop is not None:
            raise QueryError(
                f"{function} takes either a range of time or a start and a stop; it was called with {shown(start)} and "
                f"with {shown(stop)} as stop: give the parameters by keyword, as in parameters='Bx,By'."
            )
        time = inputs.span(function, start)
        return times.iso(time.start, 9), times.iso(time.end, 9)
    first, before = _moment(function, start), _moment(function, stop)
    if first >= before:
        raise QueryError(f"The start {first} does not lie before the stop {before}.")
    return str(first), str(before.previous)


def _query(function: str, server: str, selection: Selection, size: int, whole: int) -> Query:
    dataset, start, stop, parameters, chunk, chosen = selection
    included = _range(function, start, stop)
    return Query(
        server,
        dataset,
        *included,
        tuple(parameters or ()),
        format=None if chosen is None else attrs.Format.check(chosen),
        chunk=seconds_of(chunk),
        size=size,
        whole=whole,
    )


def seconds_of(chunk: Any) -> float | None:
    """Return the longest range of one request in seconds."""
    if isinstance(chunk, int | float) and not isinstance(chunk, bool):
        chunk = chunk * u.s
    return None if chunk is None else attrs.Chunk.check(chunk)


def _moment(function: str, given: Any) -> Moment:
    # In HAPI's own forms, which sunpy would cut to microseconds, or refuse.
    found = moment(given) if isinstance(given, str) else None
    if found is not None:
        return found
    return Moment.read(times.iso(inputs.instant(function, given), 9))


def _loaded(found: list[DataRequest], scale: str, told: tuple[str, ...], refresh: bool) -> QTable:
    """Fetch the requests; one warning repeats what was told before, and what did not come."""
    is_kept = _bytes(found) <= max(_WHOLE, _SHARE * conf.hapi.cache_size)
    answer = gathered(found, is_kept=is_kept, refresh=refresh)
    (table,) = answer.items
    missing: Partial[QTable] = Partial(problems=tuple(dict.fromkeys(told + answer.problems)))
    warn(missing)
    table.meta["problems"] = list(missing.problems)
    first, spans = found[0], united(one.span for one in found)
    table.meta |= retrieval(
        server=first.server.name,
        dataset=first.dataset,
        parameters=list(first.info.names[1:]),
        ranges=list(map(str, spans)),
    )
    return table_in_scale(table, scale)


def gathered(
    found: Sequence[DataRequest], *, is_kept: bool = False, refresh: bool = False, service: Service | None = None
) -> Partial[QTable]:
    """
    Fetch all requests at the same time, and join what came; what lies outside the range is left out.

    Records are only kept, and used again, with ``is_kept``.
    """
    if not found:
        raise QueryError("hapi.load: there are no rows to load; the search found nothing.")
    ids = dict.fromkeys((one.dataset, one.server.url) for one in found)
    if len(ids) > 1:
        shown = ", ".join(dataset for dataset, _ in list(ids)[:5])
        raise QueryError(f"These are {len(ids)} datasets ({shown}); load one at a time, as in hapi.load(rows[:1]).")
    service = service or Service(found[0].server)
    if is_kept and _bytes(found) > _WHOLE and holdings.are_kept(found):
        return _in_batches(found, service, refresh)
    held = holdings.opened(found, service, refresh) if is_kept else None
    asked, fetched = _fetched(found, _Chunks(service, held))
    if held is not None and held.is_foreign and asked != found:
        asked, fetched = _fetched(found, _Chunks(service))
    elif held is not None and (held.is_partly_kept or not asked):
        whole = _joined(held)
        return _read(found[0], whole) + Partial(problems=whole.problems)
    chunks = _partial(asked, fetched)
    answer = _table(asked, chunks)
    (table,) = answer.items
    return Partial((_within(table, found),), merge(chunks).problems + answer.problems)


def _within(table: QTable, found: Sequence[DataRequest]) -> QTable:
    """Leave out the records outside the ranges of requests."""
    if not len(table):
        return table
    keep = np.zeros(len(table), dtype=bool)
    for span in united(one.span for one in found):
        keep |= span.covers(table.columns[0])
    # A slice shares the memory of the table.
    inside = slice(int(keep.argmax()), len(keep) - int(keep[::-1].argmax()))
    return table[inside if keep[inside].all() else keep]


def _joined(held: Holdings) -> Partial[HAPIDocument]:
    if held.error is not None:
        raise held.error
    return held.joined()


def _in_batches(found: Sequence[DataRequest], service: Service, refresh: bool) -> Partial[QTable]:
    """Load records of which some may be kept, so that only one batch is in memory in addition to the table."""
    try:
        return _attempt(found, service, refresh, is_last=False)
    except _DifferentBatchesError as error:
        refresh |= error.refresh
    # Once more only: some servers tell of a modification with each response.
    return _attempt(found, service, refresh, is_last=True)


class _DifferentBatchesError(Exception):
    """The dataset was modified after the first batches, or the batches cannot be joined: only new ones may match."""

    def __init__(self, refresh: bool) -> None:
        super().__init__()
        self.refresh = refresh


def _attempt(found: Sequence[DataRequest], service: Service, refresh: bool, is_last: bool) -> Partial[QTable]:
    first, failed, batches = found[0], list[HelioPluginsError](), list(_batches(found))
    made: RecordTableBuilder | None = None
    problems, errors = list[str](), list[HelioPluginsError]()
    for index, batch in enumerate(batches):
        answer, error, has_changed = _batch(batch, service, refresh, failed)
        if index and has_changed and not is_last:
            raise _DifferentBatchesError(refresh=False)
        problems += answer.problems
        errors += [] if error is None else [error]
        try:
            made = _extended(made, answer.items, found)
        except FileError:
            if is_last:
                raise
            raise _DifferentBatchesError(refresh=True) from None
        # Before the next batch is received.
        del answer
    if len(errors) == len(batches):
        raise errors[0]
    with _named(first):
        whole = from_contents([_nothing(first)], _context(first)) if made is None else made.finish()
    return Partial((_within(whole.items[0], found),), (*problems, *whole.problems))


def _extended(
    made: RecordTableBuilder | None, documents: Sequence[HAPIDocument], found: Sequence[DataRequest]
) -> RecordTableBuilder | None:
    with _named(found[0]):
        for document in documents:
            if document.size:
                made = made or RecordTableBuilder(document.info, _room(found), _context(found[0]))
                made.add(document)
    return made


def _nothing(one: DataRequest) -> HAPIDocument:
    return HAPIDocument(one.info, "csv", b"", 0)


def _room(found: Sequence[DataRequest]) -> int:
    """Return a number of records that is probably not exceeded; memory that is not used is not allocated."""
    cadence = seconds(found[0].info.cadence) or 1.0
    return int(_ROOM * sum(one.span.nanoseconds for one in found) * 1e-9 / cadence)


def _batches(found: Sequence[DataRequest]) -> Iterator[list[DataRequest]]:
    """Divide requests into consecutive ones with a bounded size."""
    batch: list[DataRequest] = []
    for one in found:
        if batch and _bytes([*batch, one]) > _BATCH:
            yield batch
            batch = []
        batch.append(one)
    yield batch


def _batch(
    found: Sequence[DataRequest], service: Service, refresh: bool, failed: list[HelioPluginsError]
) -> tuple[Partial[HAPIDocument], HelioPluginsError | None, bool]:
    """Return the records, the error if there are none, and whether the dataset was modified after earlier requests."""
    held = holdings.opened(found, service, refresh)
    asked, fetched = _fetched(found, _Chunks(service, held, failed))
    if held is not None and not held.is_foreign:
        return held.joined(), held.error, held.has_changed
    if held is not None and asked != found:
        asked, fetched = _fetched(found, _Chunks(service, None, failed))
    chunks = _with_losses(asked, fetched)
    good, problems = _readable(asked, chunks)
    error = next((one for one in fetched if isinstance(one, HelioPluginsError)), None)
    return good + Partial(problems=problems), None if good.items else error, False


def _bytes(found: Iterable[DataRequest]) -> float:
    """Return the estimated number of bytes of all records; 0 if the cadence is not known."""
    total = 0.0
    for one in found:
        cadence = seconds(one.info.cadence)
        total += one.span.nanoseconds * 1e-9 / cadence * estimated_bytes(one.info, one.format) if cadence else 0.0
    return total


Outcome = Partial[HAPIDocument] | HelioPluginsError


def _fetched(found: Sequence[DataRequest], chunks: _Chunks) -> tuple[Sequence[DataRequest], list[Outcome]]:
    """Send the requests, or those for what is not kept; return them and their results."""
    held = chunks.held
    if held is None:
        return found, run_all(found, chunks, _at_once(found))
    asked, fetched = list[DataRequest](), list[Outcome]()
    with contextlib.closing(held.batches()) as batches:
        for batch in batches:
            asked += batch
            fetched += run_all(batch, held.through(chunks), _at_once(batch))
    held.warn()
    return asked, fetched


def _at_once(asked: Sequence[DataRequest]) -> int:
    return max(1, min(int(conf.hapi.connections), len(asked)))


def _lost(one: DataRequest | Piece, error: HelioPluginsError) -> str:
    return f"{one.span.first.text(3)} to {one.span.last.text(3)} is missing: {error}"


def _partial(
    asked: Sequence[DataRequest | Piece], got: Sequence[Partial[HAPIDocument] | HelioPluginsError]
) -> list[Partial[HAPIDocument]]:
    """Return each failure as a problem; raise the first one if every request failed."""
    failed = [one for one in got if isinstance(one, HelioPluginsError)]
    if len(failed) == len(got):
        raise failed[0]
    return _with_losses(asked, got)


def _with_losses(
    asked: Sequence[DataRequest | Piece], got: Sequence[Partial[HAPIDocument] | HelioPluginsError]
) -> list[Partial[HAPIDocument]]:
    return [
        Partial(problems=(_lost(one, answer),)) if isinstance(answer, HelioPluginsError) else answer
        for one, answer in zip(asked, got, strict=True)
    ]


_MOST_FAILED = limits.MOST_ALIKE
"""Requests that fail one after the other, before the others are not sent."""


class _Chunks:
    """Fetch requests; after several failures in a row the others are not sent."""

    def __init__(
        self, service: Service, held: Holdings | None = None, failed: list[HelioPluginsError] | None = None
    ) -> None:
        self._service, self.held = service, held
        self._failed: list[HelioPluginsError] = [] if failed is None else failed

    def __call__(self, one: DataRequest) -> Outcome:
        return self._fetched(one, one.piece)

    def _fetched(self, one: DataRequest, piece: Piece) -> Outcome:
        failed = tuple(self._failed)
        is_sent = len(failed) < _MOST_FAILED
        found = self._outcome(one, piece) if is_sent else _not_sent(failed[-1])
        if self.held is not None and isinstance(found, HelioPluginsError):
            self.held.failed(one, piece.span, found, is_sent=is_sent)
        return found

    def _outcome(self, one: DataRequest, piece: Piece) -> Outcome:
        try:
            found = self._contents(one, piece)
        except HelioPluginsError as error:
            self._failed.append(error)
            return error
        self._failed.clear()
        return found

    def _contents(self, one: DataRequest, piece: Piece) -> Partial[HAPIDocument]:
        """Fetch one request, or those that replace it if the server refuses it."""
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
                self._service.explain_sign_in(refused)
            raise
        said = refusal(answer.status, answer.phrase, answer.content)
        if said is None:
            content = _content(answer, one)
            return Partial((content if self.held is None else self.held.came(one, piece.span, content),))
        others = piece.instead(said)
        if not others:
            raise said.error(one.server.archive, answer.url)
        return merge(_partial(others, [self._fetched(one, other) for other in others]))


def _not_sent(last: HelioPluginsError) -> HelioPluginsError:
    """Return the error of a request that was not sent after a failure."""
    words = last.words if isinstance(last, ServiceError) else str(last)
    if words == limits.OFFLINE or words.startswith(_NOT_SENT):
        return last
    if not isinstance(last, ServiceError):
        return type(last)(f"{_NOT_SENT}: {last}")
    answered = "" if last.status is None else f"the last one was answered {last.status}: "
    return type(last)(last.archive, last.url, f"{_NOT_SENT}: {answered}{last.words}")


_NOT_SENT = f"it was not requested, since {_MOST_FAILED} requests in a row failed"


def _table(found: Sequence[DataRequest], chunks: list[Partial[HAPIDocument]]) -> Partial[QTable]:
    """Return the records as a table; if they cannot be read, leave out the chunks that cannot be read alone."""
    try:
        return _read(found[0], merge(chunks))
    except FileError:
        good, problems = _readable(found, chunks)
        if not problems or not good.items:
            raise
        return _read(found[0], good) + Partial(problems=problems)


def _readable(
    found: Sequence[DataRequest], chunks: list[Partial[HAPIDocument]]
) -> tuple[Partial[HAPIDocument], tuple[str, ...]]:
    good: list[Partial[HAPIDocument]] = []
    problems: list[str] = []
    for one, chunk in zip(found, chunks, strict=True):
        try:
            if chunk.items:
                _read(one, chunk)
            good.append(chunk)
        except FileError as error:
            problems.append(_lost(one, error))
    return merge(good), tuple(problems)


def _read(one: DataRequest, chunk: Partial[HAPIDocument]) -> Partial[QTable]:
    with _named(one):
        return from_contents(chunk.items, _context(one))


def _named(one: DataRequest) -> contextlib.AbstractContextManager[None]:
    return named(f"{one.dataset} of {one.server.archive}")


def _context(one: DataRequest) -> dict[str, str]:
    return {"server": one.server.name, "dataset": one.dataset}


def united(spans: Iterable[Span]) -> list[Span]:
    """Return ranges with those that touch joined."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda one: one.first):
        if joined and joined[-1].before >= span.first:
            joined[-1] = Span(joined[-1].first, max(joined[-1].before, span.before))
        else:
            joined.append(span)
    return joined


def _content(answer: Response, one: DataRequest) -> HAPIDocument:
    subject = f"{one.dataset} of {one.server.archive}"
    # An answer 204 never has a body.
    is_whole = answer.status == 204 or any(name in answer.headers for name in ("Content-Length", "Transfer-Encoding"))
    body = _plain(answer)
    with named(subject):
        made = file.parse_response(body, one.info, one.format, subject, answer.url, is_whole)
    return replace(made, content=kept(made.content))


def _plain(answer: Response) -> bytes:
    """Return the body; decompressed if it is compressed although that was not requested, and no header says so."""
    if not is_compressed(answer.content[:8]):
        return answer.content
    try:
        return decompressed(answer.content, int(conf.max_file))
    except FileError as error:
        raise AnswerError(answer.archive, answer.url, f"the compressed answer cannot be read: {error}") from None
