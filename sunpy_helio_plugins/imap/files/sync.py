"""
A local copy of a part of the archive that can be updated.

A manifest in the folder contains the complete files, with their sizes and digests, and the files of each query. It is
written atomically after each run, under a lock. After a run that was interrupted, the next run accepts existing files
if they look complete, and downloads the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from astropy.time import Time
from sunpy.net.attr import Attr, and_

from sunpy_helio_plugins.arguments import FLAG, taking
from sunpy_helio_plugins.errors import DiskError, FileError, Problem, QueryError, local
from sunpy_helio_plugins.fido import inputs, partial
from sunpy_helio_plugins.imap import tables
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.io.queries import stored
from sunpy_helio_plugins.store.publish import locked, make_folder, new_part, publish, sync_to_disk
from sunpy_helio_plugins.transport.files.naming import escaped, safe_name

__all__ = ["MANIFEST", "Synced", "sync"]

MANIFEST = ".imap-manifest.json"
"""The name of the manifest in the folder."""

_CHUNK = 2**20


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

    Notes
    -----
    No file is deleted.
    """

    new: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    superseded: list[Path] = field(default_factory=list)
    outside: list[Path] = field(default_factory=list)
    gone: list[Path] = field(default_factory=list)
    errors: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


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
    >>> from sunpy.net import attrs as a
    >>> from sunpy_helio_plugins import imap
    >>> query = a.imap.Recent(30), a.Instrument("mag"), a.Level("l2")
    >>> imap.sync(query, "~/imap")  # doctest: +SKIP
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
    manifest = _load(folder)
    client = IMAPClient()
    queries = translator.queries(*asked)
    # It is not an error that newer versions are not released: the public ones are downloaded.
    table = search.find(queries, client)
    places = [folder.joinpath(*map(safe_name, row["file_path"].split("/"))) for row in table]
    here = [_is_here(place, manifest.files.get(_key(place, folder)), check) for place in places]
    wanted = table[[not there for there in here]]
    errors = list(table.problems)
    if len(wanted):
        downloader = queue.Downloader(progress=progress, overwrite=True)
        client.fetch(wanted, path=f"{escaped(folder)}/{{tree}}/{{file}}", downloader=downloader)
        failed = queue.run(downloader).errors
        errors += [Problem(str(error.exception), "transfer", table.archive) for error in failed]
    partial.log(errors)
    new = [place for place, there in zip(places, here, strict=True) if not there and place.is_file()]
    kept = [place for place, there in zip(places, here, strict=True) if there]
    unknown = [*new, *(place for place in kept if _key(place, folder) not in manifest.files)]
    fresh = {_key(place, folder): _entry(place) for place in unknown}
    query = _Section.of(asked, queries, [_key(place, folder) for place in (*new, *kept)])
    manifest = _update(folder, fresh, query)
    listed = {_key(place, folder) for place in places}
    old = _classified(manifest, query, queries, listed, is_complete=not table.problems)
    found = {kind: [place for key in keys if (place := folder / key).is_file()] for kind, keys in old.items()}
    return Synced(new, kept, **found, errors=errors, notes=list(table.notes))


@dataclass(frozen=True)
class _Section:
    """
    The files of one query in the manifest.

    Attributes
    ----------
    name : str
        The digest of the query.
    product : str
        The digest of the query without its time ranges: the queries of a moving window differ in these.
    files : frozenset of str
        The files of all runs.
    """

    name: str
    product: str
    files: frozenset[str]

    @classmethod
    def of(cls, attrs: Sequence[Attr], queries: Sequence[Query], files: Iterable[str]) -> _Section:
        timeless = sorted({repr(replace(one, begin="", end="", since="", until="")) for one in queries})
        name = json.dumps(stored(and_(*attrs)), sort_keys=True, default=repr)
        return cls(_short_digest(name), _short_digest(" ".join(timeless)), frozenset(files))


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class _Manifest:
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    sections: dict[str, _Section] = field(default_factory=dict)

    def encoded(self) -> bytes:
        sections = {one.name: {"product": one.product, "files": sorted(one.files)} for one in self.sections.values()}
        return json.dumps({"files": self.files, "queries": sections}, indent=1, sort_keys=True).encode()


def _classified(
    manifest: _Manifest, query: _Section, queries: Sequence[Query], listed: set[str], *, is_complete: bool
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


def _key(place: Path, folder: Path) -> str:
    return place.relative_to(folder).as_posix()


def _is_here(place: Path, entry: dict[str, Any] | None, check: bool) -> bool:
    """Return whether a complete file exists, according to the manifest or, if it is not listed, to its content."""
    with local(place, "read"):
        return place.is_file() and _is_complete(place, entry, check)


def _is_complete(place: Path, entry: dict[str, Any] | None, check: bool) -> bool:
    from sunpy_helio_plugins.imap import integrity

    if entry is None:
        return integrity.looks_complete(place, place.name)
    if entry.get("size") != place.stat().st_size:
        return False
    return not check or entry.get("sha256") == _digest(place)


def _entry(place: Path) -> dict[str, Any]:
    with local(place, "read"):
        return {"size": place.stat().st_size, "sha256": _digest(place), "time": Time.now().isot}


def _digest(place: Path) -> str:
    found = hashlib.sha256()
    with place.open("rb") as stream:
        while part := stream.read(_CHUNK):
            found.update(part)
    return found.hexdigest()


def _load(folder: Path) -> _Manifest:
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return _Manifest()
    try:
        with local(manifest, "read"):
            text = manifest.read_text(encoding="utf-8")
        found = json.loads(text)
        files = {str(key): dict(entry) for key, entry in found["files"].items()}
        sections = {
            str(name): _Section(str(name), str(one["product"]), frozenset(map(str, one["files"])))
            for name, one in found.get("queries", {}).items()
        }
    except DiskError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{manifest} is not a valid manifest ({error}); remove it to start again.") from None
    return _Manifest(files, sections)


def _update(folder: Path, fresh: dict[str, dict[str, Any]], query: _Section) -> _Manifest:
    """Add the files of a run to the manifest, to which other runs may have added theirs, and return it."""
    manifest = folder / MANIFEST
    with local(manifest), locked(manifest):
        known = _load(folder)
        before = known.sections[query.name].files if query.name in known.sections else frozenset()
        section = replace(query, files=query.files | before)
        made = _Manifest(known.files | fresh, known.sections | {query.name: section})
        with new_part(manifest) as (part, stream):
            stream.write(made.encoded())
            stream.flush()
            sync_to_disk(stream)
            publish(part, manifest, True)
    return made
