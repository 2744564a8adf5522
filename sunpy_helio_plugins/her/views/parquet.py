"""Write events to a folder of Parquet files, one for each period of the calendar."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import FLAG, one_of, taking
from sunpy_helio_plugins.cluster.tasks import run_parts
from sunpy_helio_plugins.cluster.workers import Need, check_workers, client_of
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import HelioPluginsError, QueryError, local
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import Partial, warn
from sunpy_helio_plugins.her.client import HERClient, events_of
from sunpy_helio_plugins.her.paging import AT_ONCE
from sunpy_helio_plugins.her.query import Query
from sunpy_helio_plugins.her.service import address
from sunpy_helio_plugins.her.tables import HERTable
from sunpy_helio_plugins.her.translator import queries
from sunpy_helio_plugins.quantities.datetimes import to_datetime64
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.quantities.leap import DAY
from sunpy_helio_plugins.quantities.spans import Moment, Span, periods
from sunpy_helio_plugins.store.publish import locked, make_folder, write_whole

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["EventFolder", "to_parquet"]

_INDEX = "events.json"
"""The file of a folder that states what the others contain."""

_FUNCTION = "her.to_parquet"


@dataclass(frozen=True)
class EventFolder:
    """
    A folder of Parquet files with events.

    Attributes
    ----------
    path : pathlib.Path
        The folder.
    files : tuple of pathlib.Path
        The files in the order of time.
    problems : tuple of str
        What is missing.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> months = her.to_parquet(a.Time("2026-01-09", "2026-01-12"), a.her.CH, folder="holes")
    >>> len(months.read())
    18
    """

    path: Path
    files: tuple[Path, ...]
    problems: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<EventFolder {self.path}: {len(self.files)} file{'s' * (len(self.files) != 1)}>"

    def read(self) -> HERTable:
        """
        Read all events.

        Returns
        -------
        HERTable
            The events in the order of the files.

        Raises
        ------
        QueryError
            If the folder has no files.
        FileError
            If a file is damaged.
        """
        if not self.files:
            raise QueryError(f"{self.path} contains no events.")
        return HERTable.stack(*(HERTable.read(path, format="parquet") for path in self.files))


@taking(_FUNCTION, partition=one_of("day", "month", "year"), overwrite=FLAG, progress=FLAG)
def to_parquet(
    *query: Attr,
    folder: str | Path,
    partition: str = "month",
    overwrite: bool = False,
    progress: bool = True,
    client: Client | bool | None = None,
) -> EventFolder:
    """
    Write the events of a search to a folder of Parquet files, one for each day, month or year.

    Each file appears when it is complete. A further call with the same folder searches only for what is missing: after
    an interruption, for the periods that failed, for a longer range, and for those that had not been over for
    ``conf.her.grace_days`` when they were searched.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        An ``a.Time``, and other attrs as of a search, which must all apply.
    folder : str or pathlib.Path
        The folder, which is created. It contains the events of one query.
    partition : {"day", "month", "year"}, optional
        The period of one file, which is its name, such as ``2026-01.parquet``.
    overwrite : bool, optional
        Whether to search again for periods that are complete.
    progress : bool, optional
        Whether to show a progress bar.
    client : distributed.Client or bool, optional
        The cluster whose workers search and write, with the current settings; they see the folder under the same path.
        Defaults to the current client, if there is one; `False` means this process.

    Returns
    -------
    EventFolder
        The folder: ``files``, ``problems`` and ``read()``.

    Raises
    ------
    QueryError
        As of a search, or if the query does not have one ``a.Time``, or the folder contains events of another query.
    ServiceError
        If the searches of all periods fail.
    DiskError
        If a file cannot be written.
    LockedError
        If another process writes to the folder.
    WorkerError
        If a worker does not have this version of the package, or the folder.

    Warns
    -----
    IncompleteAnswerWarning
        Some of the searches failed, or their results are incomplete; the next call repeats them.

    Notes
    -----
    A file contains the events that begin in its period. Each is read by ``HERTable.read``, or by any reader of Parquet.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> months = her.to_parquet(a.Time("2026-01-09", "2026-01-12"), a.her.CH, folder="holes")
    >>> [file.name for file in months.files]
    ['2026-01.parquet']
    """
    target = inputs.one_path(_FUNCTION, folder, folder=True).absolute()
    span, others = _divided(query)
    asked = str([address(), *queries(_time(_CANONICAL), *others)])
    make_folder(target)
    cluster = client_of(_FUNCTION, client)
    with locked(target, wait=False):
        if cluster is not None:
            check_workers(_FUNCTION, cluster, Need(folder=target))
        index = _Index.of(target, asked, partition)
        # Before the first file: after a kill the folder can be continued.
        index.write()
        parts = [
            PeriodSearch(target / f"{name}.parquet", whole, queries(_time(whole), *others))
            for name, whole in index.missing(span, overwrite)
        ]
        problems = _run(index, parts, cluster, progress)
        files = [target / f"{name}.parquet" for name, _ in periods(span, partition)]
    warn(Partial(problems=problems))
    with local(target, "read"):
        return EventFolder(target, tuple(path for path in files if path.exists()), problems)


_CANONICAL = Span(Moment(0, 0), Moment(1, 0))
"""A range for the queries of a folder, which differ in their ranges."""


def _divided(query: Sequence[Attr]) -> tuple[Span, list[Attr]]:
    """Return the range of a query and the other attrs."""
    times = [one for one in query if isinstance(one, a.Time)]
    if len(times) != 1:
        raise QueryError(
            f"{_FUNCTION} takes one a.Time(start, end) and other attrs, not {len(times)} of a.Time; alternatives of "
            "other attrs are joined by |."
        )
    start, end = (Moment.read(f"{to_datetime64(one)}Z") for one in (times[0].start, times[0].end))
    if not start < end:
        raise QueryError(f"{_FUNCTION} takes a range whose end is after its start, not {times[0]!r}.")
    return Span(start, end), [one for one in query if one is not times[0]]


def _time(span: Span) -> a.Time:
    """Return a range as an attr; its end does not belong to it."""
    return a.Time(span.first.text(3).rstrip("Z"), span.before.text(3).rstrip("Z"))


@dataclass(frozen=True)
class PeriodSearch:
    """The events of one file: its path, the range in which they begin, and the queries for them."""

    path: Path
    span: Span
    queries: tuple[Query, ...]


@dataclass(frozen=True)
class WrittenEvents:
    """The contents of one file: the range, the time of the search, the number of events, and the problems."""

    span: Span
    until: str
    count: int
    problems: tuple[str, ...]


def _write(part: PeriodSearch) -> WrittenEvents:
    """Search for the events of one file, and write it, in this process or on a worker."""
    until = str(Moment.now())
    table = events_of(part.queries, HERClient())
    table = table[part.span.covers(table["event_starttime"])] if len(table) else table
    table.write(part.path, format="parquet", overwrite=True)
    return WrittenEvents(part.span, until, len(table), tuple(str(one) for one in table.problems))


def _run(index: _Index, parts: Sequence[PeriodSearch], cluster: Client | None, progress: bool) -> tuple[str, ...]:
    """Search and write the parts that are missing; return the problems of all parts."""
    from tqdm import tqdm  # type: ignore[import-untyped,unused-ignore]

    with tqdm(total=len(parts), desc="events", unit="part", disable=not progress) as bar:

        def done(part: PeriodSearch, result: WrittenEvents) -> None:
            bar.update()
            index.add(part, result)

        # One search sends up to AT_ONCE requests at a time.
        results = run_parts(cluster, _write, parts, AT_ONCE if cluster else 1, done)
    failed = [one for one in results if isinstance(one, HelioPluginsError)]
    if parts and len(failed) == len(parts):
        raise failed[0]
    return tuple(
        f"{part.path.name}: {text}"
        for part, result in zip(parts, results, strict=True)
        for text in ([str(result)] if isinstance(result, HelioPluginsError) else result.problems)
    )


class _Index:
    """The ranges of the files of a folder, and when they were searched."""

    def __init__(self, path: Path, asked: str, partition: str, parts: dict[str, WrittenEvents]) -> None:
        self._path, self._asked, self._partition, self._parts = path, asked, partition, parts

    @classmethod
    def of(cls, folder: Path, asked: str, partition: str) -> _Index:
        """Return the index of a folder; raise `QueryError` if it belongs to another query."""
        path = folder / _INDEX
        with local(path, "read"):
            found = path.read_bytes() if path.exists() else b""
            others = [] if found else [one.name for one in folder.glob("*.parquet")]
        if others:
            raise QueryError(f"{folder} contains {others[0]}, which {_FUNCTION} did not write: give another folder.")
        try:
            known = kept_json(found or b"{}")
            parts = {str(name): _part_of(part) for name, part in known.get("parts", {}).items()}
        except (ValueError, AttributeError, TypeError, KeyError):
            raise QueryError(f"{path} is damaged: give another folder.") from None
        if found and known.get("partition") != partition:
            raise QueryError(
                f"{folder} has one file for each {known.get('partition')}, not {partition}: give another folder."
            )
        if found and known.get("query") != asked:
            raise QueryError(f"{folder} contains the events of another query: give another folder.")
        return cls(path, asked, partition, parts)

    def missing(self, span: Span, overwrite: bool) -> Iterator[tuple[str, Span]]:
        """Yield the names and ranges of the files that are missing, or that must be searched again."""
        for name, whole in periods(span, self._partition):
            part = self._parts.get(name)
            if part is None or not _is_whole(self._path.parent / f"{name}.parquet"):
                yield name, whole
                continue
            there = part.span
            is_final = Moment.read(part.until) >= there.before.later(int(conf.her.grace_days * DAY))
            is_covered = there.first <= whole.first and there.before >= whole.before
            if overwrite or part.problems or not is_final or not is_covered:
                yield name, Span(min(there.first, whole.first), max(there.before, whole.before))

    def add(self, part: PeriodSearch, result: WrittenEvents) -> None:
        """Record a file that was written."""
        self._parts[part.path.stem] = result
        self.write()

    def write(self) -> None:
        """Write the index in one step."""
        parts = {
            name: {"range": str(one.span), "until": one.until, "events": one.count, "problems": one.problems}
            for name, one in sorted(self._parts.items())
        }
        known = {"query": self._asked, "partition": self._partition, "parts": parts}
        write_whole(self._path, json.dumps(known, indent=1).encode())


def _part_of(told: Mapping[str, Any]) -> WrittenEvents:
    """Return what an index tells about one file; raise an error if it is damaged."""
    Moment.read(told["until"])
    return WrittenEvents(Span.read(told["range"]), told["until"], int(told["events"]), tuple(told["problems"]))


def _is_whole(path: Path) -> bool:
    """Return whether a file exists and has its end."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with local(path, "read"):
        if not path.exists():
            return False
        try:
            pq.read_metadata(path)
        except pa.ArrowInvalid:
            return False
    return True
