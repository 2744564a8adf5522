"""Write records of servers and files as a folder of Parquet files, which any reader can open as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable

from sunpy_helio_plugins.arguments import FLAG, TEXT, one_of, one_path, optional, shown, taking
from sunpy_helio_plugins.cluster.tasks import run_parts
from sunpy_helio_plugins.cluster.workers import Need, check_workers, client_of
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import HelioPluginsError, QueryError
from sunpy_helio_plugins.fido.partial import Partial, warn
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.plan import DataRequest, cut, longest_range, narrowed
from sunpy_helio_plugins.hapi.query import PARAMETERS
from sunpy_helio_plugins.hapi.records.load import Selection, gathered, requested, seconds_of, united
from sunpy_helio_plugins.hapi.records.read import INFO
from sunpy_helio_plugins.hapi.service import login_of
from sunpy_helio_plugins.hapi.stream.chunks import is_of_files, records_of_files
from sunpy_helio_plugins.hapi.stream.folder import ParquetFolder
from sunpy_helio_plugins.hapi.stream.parts import (
    SUFFIX,
    Part,
    check_folder,
    empty_table,
    in_nanoseconds,
    names_of,
    part_at,
    schema_of,
    write_part,
)
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.spans import PARTITIONS, Moment, Span, period, periods
from sunpy_helio_plugins.series.columns import Losses
from sunpy_helio_plugins.store.publish import locked, make_folder
from sunpy_helio_plugins.transport import limits
from sunpy_helio_plugins.transport.urls import without_user

if TYPE_CHECKING:
    import pyarrow as pa
    from distributed import Client

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
    client: Client | bool | None = None,
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
    client : distributed.Client or bool, optional
        The cluster whose workers request and write the parts, with the current settings; the workers see the folder
        under the same path. Defaults to the current client, if there is one; `False` means threads of this process.

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
    WorkerError
        If a worker does not have this version of the package, the credentials of the server, or the folder.

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

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> parts = hapi.to_parquet("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-12", "BGSEc", folder="ace")
    >>> [file.name for file in parts.files]
    ['2026-01-10.parquet', '2026-01-11.parquet']
    """
    target = one_path("hapi.to_parquet", folder, folder=True).absolute()
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
    cluster = client_of("hapi.to_parquet", client)
    with locked(target, wait=False):
        if cluster is not None:
            logins = [one for one in [login_of(found.items[0].server)] if one is not None]
            check_workers("hapi.to_parquet", cluster, Need(logins, target))
        told = _of_server(found, target, partition, seconds_of(chunk), overwrite, progress, cluster)
    warn(Partial(problems=told))
    return ParquetFolder(target, told)


def _of_server(
    found: Partial[DataRequest], folder: Path, partition: str, chunk: float | None, overwrite: bool, progress: bool,
    cluster: Client | None,
) -> tuple[str, ...]:  # fmt: skip
    """Request the parts that are missing, and return the problems."""
    from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

    one, known = found.items[0], found.problems + found.notes
    parts = list(_missing(one, united(item.span for item in found.items), folder, partition, overwrite))
    if not parts:
        return known
    schema = schema_of(empty_table(one.info, {"server": one.server.name, "dataset": one.dataset}))
    check_folder(folder, partition, parts[0], schema, {part.path for part in parts})
    jobs = list(_jobs(one, parts, _length(one, partition, chunk)))
    losses = Losses("hapi.to_parquet: the timestamps of Parquet")
    with tqdm(total=len(parts), desc=one.dataset, unit="part", disable=not progress) as bar:

        def done(job: PartJob, result: WrittenParts) -> None:
            bar.update(len(job.parts))
            losses.leap_seconds += result.leap_seconds
            losses.truncated |= result.truncated

        # Each job sends one request at a time.
        results = run_parts(cluster, PartWriter(schema), jobs, max(1, int(conf.hapi.connections)), done)
    losses.warn()
    failed = [result for result in results if isinstance(result, HelioPluginsError)]
    if len(failed) == len(jobs):
        raise failed[0]
    problems = [
        text
        for job, result in zip(jobs, results, strict=True)
        for text in (
            (f"{names_of(job.parts)}: {result}",) if isinstance(result, HelioPluginsError) else result.problems
        )
    ]
    return tuple(dict.fromkeys((*known, *problems)))


def _missing(one: DataRequest, spans: Iterable[Span], folder: Path, partition: str, overwrite: bool) -> Iterator[Part]:
    """Yield the parts that are not in the folder, or that must be requested again."""
    for name, span in (pair for whole in spans for pair in periods(whole, partition)):
        wanted = Part(folder / f"{name}{SUFFIX}", span, without_user(one.server.url), one.dataset, one.info.names)
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
class PartJob:
    """Parts that come with one request, or one part that needs several."""

    parts: tuple[Part, ...]
    requests: tuple[DataRequest, ...]


def _jobs(one: DataRequest, parts: Sequence[Part], length: float) -> Iterator[PartJob]:
    """Join consecutive short parts, and divide long ones."""
    joined: list[Part] = []
    for part in (*parts, None):
        if joined and (part is None or not _fits(joined, part, length)):
            span = Span(joined[0].span.first, joined[-1].span.before)
            yield PartJob(tuple(joined), tuple(narrowed(one, piece) for piece in cut(span, length)))
            joined = []
        if part is not None:
            joined.append(part)


def _fits(joined: Sequence[Part], part: Part, length: float) -> bool:
    whole = part.span.before.since(joined[0].span.first)
    return joined[-1].span.before == part.span.first and whole <= length * 1e9


@dataclass(frozen=True)
class WrittenParts:
    """What was lost when parts were written: the problems, and the times that Parquet cannot represent."""

    problems: tuple[str, ...]
    leap_seconds: int
    truncated: bool


@dataclass(frozen=True)
class PartWriter:
    """Requests and writes the parts of a job, in this process or on a worker of a cluster."""

    schema: pa.Schema

    def __call__(self, job: PartJob) -> WrittenParts:
        losses = Losses("")
        write = self._several if len(job.requests) == 1 else self._one
        return WrittenParts(write(job, losses), losses.leap_seconds, losses.truncated)

    def _several(self, job: PartJob, losses: Losses) -> tuple[str, ...]:
        """Write the parts of one response."""
        until = str(Moment.now())
        answer = gathered(job.requests)
        (table,) = answer.items
        for part in job.parts:
            rows = table[part.span.covers(table.columns[0])] if len(table) else table
            write_part(replace(part, until=until), self.schema, [rows], losses, list(answer.problems))
        return answer.problems

    def _one(self, job: PartJob, losses: Losses) -> tuple[str, ...]:
        """Write one part of several responses, of which one is in memory at a time."""
        problems: list[str] = []
        part = replace(job.parts[0], until=str(Moment.now()))
        write_part(part, self.schema, _tables(job.requests, problems), losses, problems)
        return tuple(problems)


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
