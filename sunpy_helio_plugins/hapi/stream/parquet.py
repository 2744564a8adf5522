"""Write records of servers and files as a folder of Parquet files, which any reader can open as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, pairwise
from operator import itemgetter
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable

from sunpy_helio_plugins.arguments import FLAG, TEXT, one_of, one_path, optional, shown, taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import HelioPluginsError, QueryError
from sunpy_helio_plugins.fido.partial import Partial, run_all, warn
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.plan import DataRequest, cut, longest_range, narrowed
from sunpy_helio_plugins.hapi.query import PARAMETERS
from sunpy_helio_plugins.hapi.records.load import Selection, gathered, requested, seconds_of, united
from sunpy_helio_plugins.hapi.records.read import INFO
from sunpy_helio_plugins.hapi.stream.chunks import is_of_files, records_of_files
from sunpy_helio_plugins.hapi.stream.folder import ParquetFolder
from sunpy_helio_plugins.hapi.stream.parts import (
    PARTITIONS,
    SUFFIX,
    Part,
    check_folder,
    empty_table,
    in_nanoseconds,
    names_of,
    part_at,
    period,
    periods,
    schema_of,
    write_part,
)
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.spans import Moment, Span
from sunpy_helio_plugins.series.columns import Losses
from sunpy_helio_plugins.store.publish import locked, make_folder
from sunpy_helio_plugins.transport import limits

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["to_parquet"]

_SIZE = 1 << 22
"""Estimated bytes of one response."""

_UNKNOWN = {"hour": 86400.0, "day": 86400.0, "month": 31 * 86400.0, "year": 366 * 86400.0}
"""Seconds of one request if the cadence is not known: a part, so that sparse records do not need a request each day."""


@taking(
    "hapi.to_parquet", dataset=optional(TEXT), parameters=optional(PARAMETERS), partition=one_of(*PARTITIONS),
    format=optional(TEXT), overwrite=FLAG, progress=FLAG, info=optional(INFO),
)  # fmt: skip
def to_parquet(
    source: Any,
    dataset: str | None = None,
    start: Any = None,
    stop: Any = None,
    parameters: Sequence[str] | str | None = None,
    *,
    folder: str | Path,
    partition: str = "day",
    chunk: Any = None,
    format: str | None = None,  # noqa: A002 - HAPI's own word
    overwrite: bool = False,
    progress: bool = True,
    info: Mapping[str, Any] | Info | None = None,
) -> ParquetFolder:
    r"""
    Write records to a folder of Parquet files, one for each day, month or year.

    Each file appears when it is complete. A further call with the same folder requests only what is missing: after an
    interruption, for the parts that failed, for a longer range, and for periods that had not ended yet.

    Parameters
    ----------
    source : str, HAPITable, QueryResponseRow, UnifiedResponse, path, bytes or binary file, or list of these
        Short name or address of a server; or rows of a search, all of one dataset; or downloaded files in the order
        of time, as in `sunpy_helio_plugins.hapi.chunks`.
    dataset, start, stop, parameters, chunk, format
        As of `sunpy_helio_plugins.hapi.load`, for a server. By default, a request covers about 4 MB of records, or the
        period of a file, and at least a day, if the server does not give the cadence.
    folder : str or pathlib.Path
        The folder, which is created. It contains records of one dataset, with the same parameters.
    partition : {"hour", "day", "month", "year"}, optional
        The period of one file, which is its name, such as ``2026-01-10.parquet``.
    overwrite : bool, optional
        Whether to request and replace parts that exist, for example after the server has revised its data, and to
        request the description again. Parts from ``source`` files are only replaced if this is set.
    progress : bool, optional
        Whether to show a progress bar.
    info : mapping or Info, optional
        As of `sunpy_helio_plugins.hapi.read`, for files.

    Returns
    -------
    ParquetFolder
        The folder: ``files`` and ``problems``, and conversions that read its records when they are used.

    Raises
    ------
    QueryError
        As of `sunpy_helio_plugins.hapi.load`, or if the folder contains records of another dataset, files of another
        ``partition``, or other Parquet files, or if the range begins before 1678 or ends after 2261.
    ServiceError
        If all requests fail.
    FileError
        If the server has changed the units or bins of a parameter since other files of the folder were written.
    DiskError
        If a file cannot be written, or exists and is not to be replaced by records of files.
    LockedError
        If another process writes to the folder.

    Warns
    -----
    IncompleteAnswerWarning
        Some of the requests failed, or the range was limited to that of the dataset. The records of incomplete parts
        are written, and requested again by the next call.
    InexactTimeWarning
        Times are within a leap second, and were moved into the last millisecond of the day.

    Notes
    -----
    All files have the schema of the header: times of the type ``timestamp[ns, UTC]``, lists of a fixed size for columns
    of shape (n, \*size), and nulls for missing values. The metadata of each field contain ``units`` and
    ``description``. A period without records is a file without rows.
    """
    target = one_path("hapi.to_parquet", folder, folder=True)
    selection = Selection(dataset, start, stop, parameters, chunk, format)
    if is_of_files(source, dataset):
        if any(one is not None for one in selection):
            raise QueryError(
                f"hapi.to_parquet takes either files or a range of a dataset, not {shown(source)} and a range."
            )
        make_folder(target)
        with locked(target, wait=False):
            return _of_files(source, target, partition, info, overwrite)
    if info is not None:
        raise QueryError("hapi.to_parquet takes info for files only; a server sends it itself.")
    found = requested("hapi.to_parquet", source, selection, whole=1 << 62, refresh=overwrite)
    if not found.items:
        raise QueryError("hapi.to_parquet: there are no rows to load; the search found nothing.")
    far = next((one.span for one in found.items if not in_nanoseconds(one.span)), None)
    if far is not None:
        raise QueryError(
            "hapi.to_parquet writes times with nanoseconds, from 1678 to 2261, and not the range "
            f"{far.first.text(0)} to {far.last.text(0)}: limit the range, or use hapi.chunks."
        )
    make_folder(target)
    with locked(target, wait=False):
        told = _of_server(found, target, partition, seconds_of(chunk), overwrite, progress)
    warn(Partial(problems=told))
    return ParquetFolder(target, told)


def _of_server(
    found: Partial[DataRequest], folder: Path, partition: str, chunk: float | None, overwrite: bool, progress: bool
) -> tuple[str, ...]:
    """Request the parts that are missing, and return the problems."""
    from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

    one, known = found.items[0], found.problems + found.notes
    parts = list(_missing(one, united(item.span for item in found.items), folder, partition, overwrite))
    if not parts:
        return known
    context = {"server": one.server.name, "dataset": one.dataset}
    schema = schema_of(empty_table(one.info, context))
    check_folder(folder, partition, parts[0], schema, {part.path for part in parts})
    jobs = list(_jobs(one, parts, _length(one, partition, chunk)))
    with tqdm(total=len(parts), desc=one.dataset, unit="part", disable=not progress) as bar:
        run = _Run(schema, bar)
        # Each job sends one request at a time.
        results = run_all(jobs, run, max(1, int(conf.hapi.connections)))
    run.losses.warn()
    failed = [result for result in results if isinstance(result, HelioPluginsError)]
    if len(failed) == len(jobs):
        raise failed[0]
    problems = [
        text
        for job, result in zip(jobs, results, strict=True)
        for text in ((f"{names_of(job.parts)}: {result}",) if isinstance(result, HelioPluginsError) else result)
    ]
    return tuple(dict.fromkeys((*known, *problems)))


def _missing(one: DataRequest, spans: Iterable[Span], folder: Path, partition: str, overwrite: bool) -> Iterator[Part]:
    """Yield the parts that are not in the folder, or that must be requested again."""
    for name, span in (pair for whole in spans for pair in periods(whole, partition)):
        wanted = Part(folder / f"{name}{SUFFIX}", span, one.server.url, one.dataset, one.info.names)
        there = part_at(wanted.path)
        if there is None:
            yield wanted
            continue
        wanted.check_same(there)
        if overwrite or not there.has(wanted):
            yield wanted.with_range_of(there)


def _length(one: DataRequest, partition: str, chunk: float | None) -> float:
    """Return the longest range of one request in seconds: that of a part, or a day, if the cadence is not known."""
    size = min((limit for limit in (one.server.max_bytes, _SIZE) if limit), default=0)
    return longest_range(one.info, one.info, one.format, one.server.max_elements, size, chunk) or _UNKNOWN[partition]


@dataclass(frozen=True)
class _Job:
    """Parts that come with one request, or one part that needs several."""

    parts: tuple[Part, ...]
    requests: tuple[DataRequest, ...]


def _jobs(one: DataRequest, parts: Sequence[Part], length: float) -> Iterator[_Job]:
    """Join consecutive short parts, and divide long ones."""
    joined: list[Part] = []
    for part in (*parts, None):
        if joined and (part is None or not _fits(joined, part, length)):
            span = Span(joined[0].span.first, joined[-1].span.before)
            yield _Job(tuple(joined), tuple(narrowed(one, piece) for piece in cut(span, length)))
            joined = []
        if part is not None:
            joined.append(part)


def _fits(joined: Sequence[Part], part: Part, length: float) -> bool:
    whole = part.span.before.since(joined[0].span.first)
    return joined[-1].span.before == part.span.first and whole <= length * 1e9


@dataclass
class _Run:
    """Fetches and writes parts; after several failures in a row, the others are not requested."""

    schema: pa.Schema
    bar: Any
    losses: Losses = field(default_factory=lambda: Losses("hapi.to_parquet: the timestamps of Parquet"))
    _failed: list[HelioPluginsError] = field(default_factory=list)
    _lock: Any = field(default_factory=Lock)

    def __call__(self, job: _Job) -> tuple[str, ...] | HelioPluginsError:
        with self._lock:
            if len(self._failed) >= limits.MOST_ALIKE:
                return self._failed[-1]
        try:
            problems = self._several(job) if len(job.requests) == 1 else self._one(job)
        except HelioPluginsError as error:
            with self._lock:
                self._failed.append(error)
            return error
        with self._lock:
            self._failed.clear()
            self.bar.update(len(job.parts))
        return problems

    def _several(self, job: _Job) -> tuple[str, ...]:
        """Write the parts of one response."""
        until = str(Moment.now())
        answer = gathered(job.requests)
        (table,) = answer.items
        for part in job.parts:
            rows = table[part.span.covers(table.columns[0])] if len(table) else table
            self._write(replace(part, until=until), [rows], list(answer.problems))
        return answer.problems

    def _one(self, job: _Job) -> tuple[str, ...]:
        """Write one part of several responses, of which one is in memory at a time."""
        problems: list[str] = []
        self._write(replace(job.parts[0], until=str(Moment.now())), _tables(job.requests, problems), problems)
        return tuple(problems)

    def _write(self, part: Part, tables: Iterable[QTable], problems: list[str]) -> None:
        losses = Losses("")
        write_part(part, self.schema, tables, losses, problems)
        with self._lock:
            self.losses.leap_seconds += losses.leap_seconds
            self.losses.truncated |= losses.truncated


def _tables(requests: Sequence[DataRequest], problems: list[str]) -> Iterator[QTable]:
    """Yield the records of each request; raise an error if all of them fail, or several in a row."""
    count = row = 0
    for one in requests:
        try:
            answer = gathered((one,))
        except HelioPluginsError as error:
            problems.append(f"{one.span.first.text(3)} to {one.span.last.text(3)} is missing: {error}")
            row += 1
            if row >= limits.MOST_ALIKE or row == len(requests):
                raise
            continue
        count, row = count + 1, 0
        problems.extend(answer.problems)
        yield from answer.items


def _of_files(
    source: Any, folder: Path, partition: str, info: Mapping[str, Any] | Info | None, overwrite: bool
) -> ParquetFolder:
    """Write the records of files, whose order is that of time."""
    tables = records_of_files("hapi.to_parquet", source, info)
    unit, losses = PARTITIONS[partition], Losses("hapi.to_parquet: the timestamps of Parquet")
    schema: pa.Schema | None = None
    for name, pieces in groupby(_by_period(tables, unit), key=itemgetter(0)):
        several = map(itemgetter(1), pieces)
        first = next(several)
        part = Part(
            folder / f"{name}{SUFFIX}", period(name, partition), "", "", tuple(first.colnames), str(Moment.now())
        )
        if schema is None:
            schema = schema_of(first[:0])
            check_folder(folder, partition, part, schema, {part.path} if overwrite else ())
        write_part(part, schema, chain([first], several), losses, [], overwrite=overwrite)
    losses.warn()
    return ParquetFolder(folder)


def _by_period(tables: Iterable[QTable], unit: str) -> Iterator[tuple[str, QTable]]:
    """Divide tables at the borders of periods."""
    for table in tables:
        days = times.to_datetime64(table.columns[0]).astype(f"M8[{unit}]")
        borders = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(table)]
        for first, last in pairwise(borders):
            yield str(days[first]), table[first:last]
