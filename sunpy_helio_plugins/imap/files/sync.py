"""
A local copy of a part of the archive that can be updated.

A manifest in the folder contains the complete files, with their sizes and digests, and the files of each query. It is
written atomically after each run, under a lock. After a run that was interrupted, the next run accepts existing files
if they look complete, and downloads the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from astropy.time import Time
from numpy.typing import NDArray
from sunpy.net.attr import Attr, and_
from sunpy.time import TimeRange

from sunpy_helio_plugins.arguments import FLAG, taking
from sunpy_helio_plugins.errors import Problem, QueryError, local
from sunpy_helio_plugins.fido import inputs, partial
from sunpy_helio_plugins.imap import tables
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.io.queries import stored
from sunpy_helio_plugins.store.manifest import (
    Entry,
    Manifest,
    Section,
    digest,
    entry,
    key_of,
    load,
    short_digest,
    update,
)
from sunpy_helio_plugins.store.publish import make_folder
from sunpy_helio_plugins.transport.files.naming import escaped, safe_name

__all__ = ["MANIFEST", "Synced", "sync"]

MANIFEST = ".imap-manifest.json"
"""The name of the manifest in the folder."""


@dataclass(frozen=True)
class Synced:
    """
    The result of `sync`.

    Attributes
    ----------
    new : list of pathlib.Path
        Files that were downloaded, including newer versions.
    kept : list of pathlib.Path
        Complete files that were already there.
    superseded : list of pathlib.Path
        Files of earlier runs of which a newer version is in the folder now. No other query of the folder has them.
    outside : list of pathlib.Path
        Files of earlier runs of this query that it does not select any more, such as those that left a range of the
        last days. They are complete, and the archive may still have them.
    gone : list of pathlib.Path
        Files of earlier runs that the query selects, but that the archive does not list any more: these copies may be
        the last ones. It is empty if the search was not complete.
    errors : list of Problem
        Failed downloads and searches, with the reason; the next run tries them again.
    notes : list of str
        Remarks, such as on newer versions that are not released.
    time_range : sunpy.time.TimeRange or None
        The time range of the data in ``new`` and ``kept``; `None` without such files.
    ingested : astropy.time.Time or None
        The time of ingestion until which all files of the query are in the folder, from which the next run may start
        with ``a.imap.Ingested(since=...)``; `None` if a part of the search failed, or no file is in the folder.

    Notes
    -----
    No file is deleted.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> query = a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag"), a.Level("l2")
    >>> first = imap.sync(query, "copy")
    >>> imap.sync(query, "copy")
    <Synced: 4 kept>
    """

    new: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    superseded: list[Path] = field(default_factory=list)
    outside: list[Path] = field(default_factory=list)
    gone: list[Path] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    time_range: TimeRange | None = field(default=None, compare=False)
    ingested: Time | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        names = ("new", "kept", "superseded", "outside", "gone", "errors", "notes")
        counts = [f"{len(getattr(self, name))} {name}" for name in names if getattr(self, name)]
        return f"<Synced: {', '.join(counts) or 'nothing'}>"


@taking("imap.sync", progress=FLAG, check=FLAG)
def sync(query: Attr | Sequence[Attr], path: str | Path, *, progress: bool = True, check: bool = False) -> Synced:
    """
    Download the files of a query that are missing from a folder.

    Parameters
    ----------
    query : sunpy.net.attr.Attr or sequence of them
        The arguments of `sunpy.net.Fido.search`; the attrs of a sequence are combined with ``&``.
    path : str or pathlib.Path
        The folder, which contains the tree of the SDC.
    progress : bool, optional
        Whether to show progress bars.
    check : bool, optional
        Whether to compare the digests of existing files, for which they must be read. By default only the sizes are
        compared.

    Returns
    -------
    Synced
        The files that were downloaded or kept, and the errors.

    Raises
    ------
    QueryError, ServiceError
        See ``IMAPClient.search``.
    FileError
        The manifest in the folder cannot be read.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> query = a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag"), a.Level("l2")
    >>> run = imap.sync(query, "copy")
    >>> len(run.new), len(run.kept), run.errors
    (4, 0, [])
    """
    from sunpy_helio_plugins.imap import search, translator
    from sunpy_helio_plugins.imap.client import IMAPClient
    from sunpy_helio_plugins.transport.files import queue

    asked = inputs.attrs("imap.sync", query)
    folder = inputs.one_path("imap.sync", path, folder=True)
    with local(folder, "read"):
        if folder.exists() and not folder.is_dir():
            raise QueryError(f"imap.sync requires a folder, but {folder} is a file.")
    make_folder(folder)
    manifest = load(folder / MANIFEST)
    client = IMAPClient()
    queries = translator.queries(*asked)
    # It is not an error that newer versions are not released: the public ones are downloaded.
    table = search.find(queries, client)
    places = [folder.joinpath(*map(safe_name, row["file_path"].split("/"))) for row in table]
    here = _here(table, places, [manifest.files.get(key_of(place, folder)) for place in places], check)
    wanted = table[[not there for there in here]]
    errors = list(table.problems)
    downloader = queue.Downloader(progress=progress, overwrite=True)
    if len(wanted):
        client.fetch(wanted, path=f"{escaped(folder)}/{{tree}}/{{file}}", downloader=downloader)
    with queue.downloaded(downloader) as results:
        errors += [Problem(str(error.exception), "transfer", table.archive) for error in results.errors]
        partial.log(errors)
        came = set(map(Path, results))
        new = [place for place, there in zip(places, here, strict=True) if not there and place in came]
        kept = [place for place, there in zip(places, here, strict=True) if there]
        unknown = [*new, *(place for place in kept if key_of(place, folder) not in manifest.files)]
        fresh = {key_of(place, folder): entry(place) for place in unknown}
        query = _section(asked, queries, [key_of(place, folder) for place in (*new, *kept)])
        manifest = update(folder / MANIFEST, lambda known: known.merged(fresh, query))
    listed = {key_of(place, folder) for place in places}
    old = _classified(manifest, query, queries, listed, is_complete=not table.problems)
    found = {kind: [place for key in keys if (place := folder / key).is_file()] for kind, keys in old.items()}
    arrived = {*new, *kept}
    is_there = np.array([place in arrived for place in places], dtype=bool)
    done = Synced(new, kept, **found, errors=errors, notes=list(table.notes))
    return replace(done, time_range=_time_range(table[is_there]), ingested=_ingested(table, is_there))


def _here(table: tables.IMAPTable, places: Sequence[Path], known: Iterable[Entry | None], check: bool) -> list[bool]:
    """Return which of the files exist, are complete and were written after their ingestion."""
    from sunpy_helio_plugins.imap.client import ingestion_times

    changed = ingestion_times(table)
    return [_is_here(place, one, check, since) for place, one, since in zip(places, known, changed, strict=True)]


def _time_range(table: tables.IMAPTable) -> TimeRange | None:
    """Return the time range of the data; a file without an end counts with its start."""
    starts, ends = _known(table["Start Time"]), _known(table["End Time"])
    if not len(starts):
        return None
    return TimeRange(starts.min(), max(starts.max(), ends.max()) if len(ends) else starts.max())


def _known(column: Time) -> Time:
    """Return the times of a column that are not masked."""
    return column[~np.broadcast_to(column.mask, column.shape)]


def _ingested(table: tables.IMAPTable, is_there: NDArray[np.bool_]) -> Time | None:
    """Return the latest ingestion of files that are there, before that of the first one that is not."""
    column = table["Ingestion Time"]
    if table.problems:
        return None
    is_known = ~np.broadcast_to(column.mask, column.shape)
    missing = column[is_known & ~is_there]
    if np.any(~is_there & ~is_known):
        return None
    present = column[is_known & is_there]
    present = present[present < missing.min()] if len(missing) else present
    return present.max() if len(present) else None


def _section(attrs: Sequence[Attr], queries: Sequence[Query], files: Iterable[str]) -> Section:
    """Return the section of a query in the manifest."""
    timeless = sorted({repr(replace(one, begin="", end="", since="", until="")) for one in queries})
    node = stored(and_(*attrs))
    name = short_digest(json.dumps(node, sort_keys=True, default=repr))
    return Section(name, short_digest(" ".join(timeless)), frozenset(files), query=[node])


def _classified(
    manifest: Manifest, query: Section, queries: Sequence[Query], listed: set[str], *, is_complete: bool
) -> dict[str, list[str]]:
    """Return the files of earlier runs that the archive did not list, by the reason."""
    sections = manifest.sections.values()
    alike = {key for one in sections if one.product == query.product for key in one.files} - listed
    others = {key for one in sections if one.product != query.product for key in one.files}
    here, there = _newest(query.files & listed), _newest(listed)
    found: dict[str, list[str]] = {"superseded": [], "outside": [], "gone": []}
    for key in sorted(alike):
        file = tables.parse_row({"file_path": key})
        root, rank = (file.root, file.rank) if file is not None else ("", (0, 0))
        if here.get(root, rank) > rank:
            found["superseded"] += [] if key in others else [key]
        elif there.get(root, rank) <= rank and key in manifest.sections[query.name].files:
            is_selected = file is not None and any(tables.selects(one, file) for one in queries)
            # If the newer version could not be downloaded, or a part of the list is missing, nothing is known.
            if is_complete or not is_selected:
                found["gone" if is_selected else "outside"].append(key)
    return found


def _newest(keys: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return the highest version of each file."""
    found: dict[str, tuple[int, int]] = {}
    for key in keys:
        file = tables.parse_row({"file_path": key})
        if file is not None:
            found[file.root] = max(found.get(file.root, file.rank), file.rank)
    return found


def _is_here(place: Path, known: Entry | None, check: bool, changed: np.datetime64) -> bool:
    """Return whether a complete file exists, according to the manifest or, if it is not listed, to its content."""
    with local(place, "read"):
        return place.is_file() and _is_complete(place, known, check, changed)


def _is_complete(place: Path, known: Entry | None, check: bool, changed: np.datetime64) -> bool:
    from sunpy_helio_plugins.imap import integrity

    if known is None:
        return integrity.looks_complete(place, place.name, changed)
    if not integrity.is_current(place, place.name, changed):
        return False
    if known.get("size") != place.stat().st_size:
        return False
    return not check or known.get("sha256") == digest(place)
