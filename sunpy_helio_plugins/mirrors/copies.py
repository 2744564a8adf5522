"""The files that an archive lists for a query: where each belongs, which revision it is, and what it replaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.time import Time

from sunpy_helio_plugins.errors import reported
from sunpy_helio_plugins.mirrors.plan import PlannedQuery
from sunpy_helio_plugins.mirrors.plan_attrs import archive_named
from sunpy_helio_plugins.quantities.exact import kept_json, whole_number
from sunpy_helio_plugins.quantities.times import from_iso
from sunpy_helio_plugins.store.manifest import Entry, key_of
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.naming import escaped
from sunpy_helio_plugins.transport.files.queue import Downloader, queued
from sunpy_helio_plugins.transport.urls import public_url

__all__ = ["Copy", "Described", "Listing", "described", "listing", "overlaps", "stamp"]


class Described(NamedTuple):
    """What an archive says of the file of a row."""

    root: str
    rank: list[int | str]
    mark: str
    until: str = ""
    group: str = ""
    settles: bool = False


@dataclass(frozen=True)
class Copy:
    """
    A file that the archive lists.

    Attributes
    ----------
    key : str
        The path in the folder of the query.
    download : Download
        The download.
    row : int
        The number of the row in the table of the listing.
    root : str
        The identity of the file in the archive, the same for all its versions.
    rank : list
        The version; of two files with the same root, the higher one replaces the other.
    mark : str
        What the archive says of the revision; a file with another mark is downloaded again.
    until : str
        The time before which a download is not complete, as for a day that has not ended.
    settles : bool
        Whether the archive may still add records of the range for some days.
    group : str
        The product, of which a daily table contains the records.
    start, end : str
        The range of the data, which is empty if it is not known.
    """

    key: str
    download: Download
    row: int
    root: str
    rank: list[int | str]
    mark: str
    until: str
    group: str
    settles: bool
    start: str
    end: str

    @property
    def place(self) -> Path:
        """The path of the file."""
        return self.download.target

    def noted(self, entry: Entry) -> Entry:
        """Return an entry of the manifest with what the archive says of the file."""
        told = {"root": self.root, "rank": self.rank, "mark": self.mark, "start": self.start, "end": self.end}
        return entry | {key: value for key, value in told.items() if value}


@dataclass(frozen=True)
class Listing:
    """The result of the search of a query, and the files of its rows."""

    table: Any
    copies: list[Copy] = field(default_factory=list)
    span: tuple[str, str] = ("", "")

    @property
    def is_complete(self) -> bool:
        """Whether no part of the list is missing, so that a file that is not in it is not in the archive."""
        return not self.table.problems


def listing(query: PlannedQuery, folder: Path, now: Time) -> Listing:
    """Search for the files of a query; only the requests of the search are sent, and nothing is warned of."""
    with reported():
        return _listing(query, folder, now)


def _listing(query: PlannedQuery, folder: Path, now: Time) -> Listing:
    client = archive_named(query.archive).client()
    # Fido would search with several clients, and sunpy 8 would store errors in its response.
    table = client.search(query.query(now))
    span = tuple(map(stamp, query.span(now)))
    if query.archive == "hapi" and len(table):
        _show_requested_ends(table)
    rows = described(query.archive, table)
    lost = [index for index, row in enumerate(rows) if row is None]
    if lost:
        text = f"{len(lost)} rows have no identifier, and cannot be mirrored."
        table.notes = [*table.notes, text]
    kept = _each_once(rows)
    if not kept:
        return Listing(table, span=(span[0], span[1]))
    chosen = table if len(kept) == len(table) else table[kept]
    downloader = Downloader(progress=False)
    client.fetch(chosen, path=f"{escaped(folder)}/{query.path}", downloader=downloader)
    starts, ends = (_stamps(chosen[name]) for name in ("Start Time", "End Time"))
    copies = [
        Copy(key_of(download.target, folder), download, index, *row, start, end)
        for download, index, row, start, end in zip(
            queued(downloader), kept, [rows[index] for index in kept], starts, ends, strict=True
        )
        if row is not None
    ]
    return Listing(table, copies, (span[0], span[1]))


def described(archive: str, table: Any) -> list[Described | None]:
    """Return what an archive says of the file of each row of a search; `None` for a row without an identifier."""
    return list(_ROWS[archive](table))


def _show_requested_ends(table: Any) -> None:
    """Set the ends of rows to those of their requests: the last one of a query is that of the query, in names too."""
    ends = [text.partition("/")[2] for text in _texts(table, "range")]
    table["End Time"] = Time(from_iso(np.array(ends, dtype="S")), format="iso")


def _each_once(rows: Sequence[Described | None]) -> list[int]:
    """Return the numbers of the rows, of which only the highest rank is kept of those with the same root and mark."""
    best: dict[tuple[str, str], int] = {}
    for index, row in enumerate(rows):
        if row is None:
            continue
        same = (row.root, "" if row.group == _EVENT else str(row.rank))
        known = rows[best[same]] if same in best else None
        if known is None or row.rank > known.rank:
            best[same] = index
    return sorted(best.values())


def stamp(instant: Time) -> str:
    """Return a time as it is written in the manifest: in UTC, to the millisecond, without a zone."""
    return str(_stamps(instant.reshape(1))[0])


def _stamps(column: Any) -> list[str]:
    """Return times in UTC as text, which is empty where they are masked."""
    made = column.utc.copy(format="isot")
    made.precision = 3
    missing = np.broadcast_to(np.asarray(made.mask, dtype=bool), made.shape)
    return [
        "" if gone else str(text)
        for text, gone in zip(np.ma.getdata(made.value).tolist(), missing.tolist(), strict=True)
    ]


def overlaps(known: Entry, span: tuple[str, str]) -> bool:
    """Return whether the data of a file are in a time range; a file without times may be."""
    start, end = str(known.get("start", "")), str(known.get("end", ""))
    return not start or (start < span[1] and (start >= span[0] or end > span[0]))


def _texts(table: Any, name: str) -> list[str]:
    return list(map(str, table[name].tolist()))


def _hapi(table: Any) -> Iterator[Described]:
    """Describe requests for records: a longer one with the same start replaces the shorter one."""
    columns = ("server_url", "Dataset", "Parameters", "format", "info")
    spans = zip(*(_stamps(table[name]) for name in ("Start Time", "End Time")), strict=True)
    changed: dict[str, str] = {}
    for *identity, info, (start, end) in zip(*(_texts(table, name) for name in columns), spans, strict=True):
        if info not in changed:
            changed[info] = str(kept_json(info).get("modificationDate") or "")
        yield Described(
            "|".join((public_url(identity[0]), *identity[1:], start)), [end], changed[info], end, identity[1], True
        )


def _imap(table: Any) -> Iterator[Described | None]:
    """Describe files of the SDC, which are replaced by higher versions, or ingested again under the same name."""
    from sunpy_helio_plugins.imap import filenames, tables

    ingested = table["Ingestion Time"]
    marks = _stamps(ingested) if isinstance(ingested, Time) else [""] * len(table)
    for path, mark, start in zip(_texts(table, "file_path"), marks, _stamps(table["Start Time"]), strict=True):
        file, name = tables.parse_row({"file_path": path}), path.rpartition("/")[2]
        until = _day_after(start) if filenames.is_daily(name) and start else ""
        group = "_".join(name.split("_")[:4])
        yield None if file is None else Described(file.root, list(file.rank), mark, until, group)


def _day_after(start: str) -> str:
    return stamp(Time(start, scale="utc") + timedelta(days=1))


def _helioviewer(table: Any) -> Iterator[Described]:
    """Describe images, which do not have versions."""
    for path in _texts(table, "Path"):
        yield Described(path, [], "", group=path.rpartition("/")[2].rpartition("__")[2].partition(".")[0])


_EVENT = "events"


def _her(table: Any) -> Iterator[Described | None]:
    """Describe events, whose documents are replaced by those of later revisions."""
    for record in table["raw"]:
        ivorn, revision = (str(record.get(key) or "") for key in ("kb_archivid", "revision"))
        number = whole_number(revision) or 0
        yield Described(ivorn, [number], revision, group=_EVENT) if ivorn.startswith("ivo://") else None


_ROWS: dict[str, Callable[[Any], Iterator[Described | None]]] = {
    "hapi": _hapi, "imap": _imap, "helioviewer": _helioviewer, "her": _her,
}  # fmt: skip
