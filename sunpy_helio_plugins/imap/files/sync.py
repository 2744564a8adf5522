"""
A local copy of a part of the archive that can be updated.

A manifest in the folder contains the complete files, with their sizes and digests. It is written atomically after each
run. After a run that was interrupted, the next run accepts existing files if they look complete, and downloads the
others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from astropy.time import Time
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import FLAG, taking
from sunpy_helio_plugins.errors import DiskError, FileError, QueryError, local
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.store.publish import make_folder, new_part, publish, sync_to_disk
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
    gone : list of pathlib.Path
        Files of earlier runs that the query no longer returns, such as older versions; they are not deleted.
    errors : list of str
        Failed downloads, with the reason; the next run tries them again.
    """

    new: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    gone: list[Path] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


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
    from sunpy_helio_plugins.transport.files.queue import Downloader

    asked = inputs.attrs("imap.sync", query)
    folder = inputs.one_path("imap.sync", path, folder=True)
    with local(folder, "read"):
        if folder.exists() and not folder.is_dir():
            raise QueryError(f"imap.sync requires a folder, but {folder} is a file.")
    make_folder(folder)
    known = _load(folder)
    client = IMAPClient()
    # It is not an error that newer versions are not released: the public ones are downloaded.
    table = search.find(translator.queries(*asked), client)
    places = [folder.joinpath(*map(safe_name, row["file_path"].split("/"))) for row in table]
    here = [_is_here(place, known.get(_key(place, folder)), check) for place in places]
    wanted = table[[not there for there in here]]
    errors: list[str] = list(table.problems)
    if len(wanted):
        downloader = Downloader(progress=progress, overwrite=True)
        client.fetch(wanted, path=f"{escaped(folder)}/{{tree}}/{{file}}", downloader=downloader)
        errors += [str(error.exception) for error in downloader.download().errors]
    new = [place for place, there in zip(places, here, strict=True) if not there and place.is_file()]
    kept = [place for place, there in zip(places, here, strict=True) if there]
    listed = set(places)
    older = [place for key in known if (place := folder / key) not in listed]
    gone = [place for place in older if place.is_file()]
    unknown = [*new, *(place for place in kept if _key(place, folder) not in known)]
    fresh = {_key(place, folder): _entry(place) for place in unknown}
    _store(folder, known | fresh)
    return Synced(new, kept, gone, errors)


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


def _load(folder: Path) -> dict[str, dict[str, Any]]:
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return {}
    try:
        with local(manifest, "read"):
            text = manifest.read_text(encoding="utf-8")
        files = json.loads(text)["files"]
        return {str(key): dict(entry) for key, entry in files.items()}
    except DiskError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{manifest} is not a valid manifest ({error}); remove it to start again.") from None


def _store(folder: Path, files: dict[str, dict[str, Any]]) -> None:
    manifest = folder / MANIFEST
    with new_part(manifest) as (part, stream):
        stream.write(json.dumps({"files": files}, indent=1, sort_keys=True).encode())
        stream.flush()
        sync_to_disk(stream)
        publish(part, manifest, True)
