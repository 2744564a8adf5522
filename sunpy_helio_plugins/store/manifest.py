"""
The manifest of a folder: its complete files with their sizes and digests, and the files of each query.

It is JSON, and is written atomically under a lock: runs at once do not lose each other's entries, and a run that is
killed leaves the manifest of the time before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from astropy.time import Time

from sunpy_helio_plugins.errors import DiskError, FileError, local
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.store.publish import locked, write_whole

__all__ = ["Entry", "Manifest", "Section", "digest", "entry", "key_of", "load", "short_digest", "update"]

_CHUNK = 2**20

Entry = dict[str, Any]
"""The ``size``, the ``sha256`` and the ``time`` of a complete file, and what else its owner notes."""


@dataclass(frozen=True)
class Section:
    """
    The files of one query in the manifest.

    Attributes
    ----------
    name : str
        The name of the query, such as its digest.
    product : str
        The digest of the query without its time ranges: the queries of a moving window differ in these.
    files : frozenset of str
        The files of all runs.
    pending : frozenset of str
        Files that a run is about to write: after a kill, they belong to it if they exist.
    query : list of dict, optional
        The query, as `sunpy_helio_plugins.io.queries.stored` returns it.
    """

    name: str
    product: str
    files: frozenset[str] = frozenset()
    pending: frozenset[str] = frozenset()
    query: list[dict[str, Any]] | None = None

    @classmethod
    def read(cls, name: str, given: Mapping[str, Any]) -> Section:
        """Return a section of the file."""
        files, pending = (frozenset(map(str, given.get(key, ()))) for key in ("files", "pending"))
        query = given.get("query")
        return cls(name, str(given["product"]), files, pending, None if query is None else [dict(one) for one in query])

    def plain(self) -> dict[str, Any]:
        """Return the section as JSON."""
        made: dict[str, Any] = {"product": self.product, "files": sorted(self.files)}
        if self.pending:
            made["pending"] = sorted(self.pending)
        return made if self.query is None else made | {"query": self.query}


@dataclass(frozen=True)
class Manifest:
    """The complete files of a folder by their paths in it, and its queries by their names."""

    files: dict[str, Entry] = field(default_factory=dict)
    sections: dict[str, Section] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """Return the content of the file."""
        sections = {one.name: one.plain() for one in self.sections.values()}
        return json.dumps({"files": self.files, "queries": sections}, indent=1, sort_keys=True).encode()

    def section(self, name: str, product: str = "") -> Section:
        """Return the section of a query, which is empty before its first run."""
        return self.sections.get(name) or Section(name, product)

    def merged(self, fresh: Mapping[str, Entry], section: Section) -> Manifest:
        """Return the manifest with more files, and with those of earlier runs in the section of the query."""
        before = self.section(section.name).files
        joined = replace(section, files=section.files | before)
        return Manifest(self.files | dict(fresh), self.sections | {section.name: joined})

    def without(self, keys: Iterable[str]) -> Manifest:
        """Return the manifest without some files."""
        removed = frozenset(keys)
        files = {key: one for key, one in self.files.items() if key not in removed}
        sections = {name: replace(one, files=one.files - removed) for name, one in self.sections.items()}
        return Manifest(files, sections)


def short_digest(text: str) -> str:
    """Return a short digest of a text, as the name of a query."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def key_of(place: Path, folder: Path) -> str:
    """Return the name of a file in the manifest of a folder."""
    return place.relative_to(folder).as_posix()


def digest(place: Path) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with place.open("rb") as stream:
        while part := stream.read(_CHUNK):
            found.update(part)
    return found.hexdigest()


def entry(place: Path) -> Entry:
    """Return the entry of a file that is complete now."""
    with local(place, "read"):
        return {"size": place.stat().st_size, "sha256": digest(place), "time": Time.now().isot}


def load(path: Path) -> Manifest:
    """Return a manifest, which is empty if there is no file; raise a `FileError` for one that cannot be read."""
    if not path.is_file():
        return Manifest()
    try:
        with local(path, "read"):
            text = path.read_text(encoding="utf-8")
        found = kept_json(text)
        files = {str(key): dict(one) for key, one in found["files"].items()}
        sections = {str(name): Section.read(str(name), one) for name, one in found.get("queries", {}).items()}
    except DiskError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{path} is not a valid manifest ({error}); remove it to start again.") from None
    return Manifest(files, sections)


def update(path: Path, change: Callable[[Manifest], Manifest]) -> Manifest:
    """Change a manifest, to which other runs may have added their files, and return it; write it if it differs."""
    with local(path), locked(path):
        known = load(path)
        made = change(known)
        if made != known or not path.exists():
            write_whole(path, made.encoded())
    return made
