"""
The index on disk: the datasets and parameters of HAPI servers in one SQLite file.

A server has one row with the begin and the end of its last refresh, and each of its datasets one with the members of
its description that are searched. A refresh that was interrupted has no end, and continues where it stopped.
"""

from __future__ import annotations

import atexit
import json
import sqlite3
import tempfile
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.store import answers
from sunpy_helio_plugins.store.database import Database

__all__ = ["NAME", "Index", "IndexEntry", "IndexState", "default", "holder", "known_states", "private", "writable"]

NAME = "hapi-index-1.db"
"""The name of the file; the number changes with the tables."""

_SCHEMA = (
    "CREATE TABLE servers (url TEXT PRIMARY KEY, title TEXT, source TEXT, begun REAL NOT NULL, ended REAL, lost TEXT)",
    "CREATE TABLE datasets (url TEXT NOT NULL, id TEXT NOT NULL, stored REAL NOT NULL, place INTEGER NOT NULL, "
    "title TEXT NOT NULL, names TEXT NOT NULL, sum INTEGER NOT NULL, json BLOB NOT NULL, PRIMARY KEY (url, id)) "
    "WITHOUT ROWID",
)

_DAY = 86400.0

_PARAMETER_MEMBERS = ("name", "units", "description", "label")
_DATASET_MEMBERS = ("startDate", "stopDate", "cadence", "description", "resourceID", "x_instrument")
_LONGEST = 2000
"""Characters of the longest text that is kept."""


@dataclass(frozen=True)
class IndexState:
    """
    What the index knows of a server.

    Attributes
    ----------
    url, title : str
        Its address, and its title in the source.
    source : str
        Where the descriptions are from: the server, or the address or name of a file.
    begun : float
        The time of the last refresh, in seconds since 1970.
    ended : float or None
        When it was complete; `None` if it was interrupted.
    lost : tuple of str
        The datasets whose descriptions could not be read, with the reason.
    """

    url: str
    title: str
    source: str
    begun: float
    ended: float | None
    lost: tuple[str, ...] = ()

    @property
    def is_fresh(self) -> bool:
        """Whether it is complete, and not older than ``conf.hapi.index_days``."""
        return self.ended is not None and 0 <= time.time() - self.begun + 60 < conf.hapi.index_days * _DAY


@dataclass(frozen=True)
class IndexEntry:
    """A dataset of a server: the members of its catalogue entry and description that are searched."""

    id: str
    title: str
    info: Mapping[str, Any]

    @classmethod
    def of(cls, dataset: str, title: str, info: Mapping[str, Any]) -> IndexEntry:
        """Return the entry for a decoded description, without the members that are not searched."""
        kept = {name: _short(info[name]) for name in _DATASET_MEMBERS if info.get(name)}
        members = info.get("parameters")
        others = members[1:] if isinstance(members, list) else []
        kept["parameters"] = [
            {name: _short(one[name]) for name in _PARAMETER_MEMBERS if one.get(name)} for one in others
            if isinstance(one, Mapping) and one.get("name")
        ]  # fmt: skip
        return cls(dataset, "" if title == dataset else title, kept)

    @property
    def parameters(self) -> list[Mapping[str, Any]]:
        """The members of each parameter but the time."""
        found: list[Mapping[str, Any]] = self.info.get("parameters", [])
        return found


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_LONGEST]
    return value if len(json.dumps(value, default=str)) <= _LONGEST else str(value)[:_LONGEST]


class Index:
    """
    An index in a file.

    Parameters
    ----------
    path : pathlib.Path
        The file, which the first `begin` creates.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = Database(path, _SCHEMA, "The index of HAPI servers")

    def states(self) -> dict[str, IndexState]:
        """Return what is known of each server, by its address."""

        def look(connection: sqlite3.Connection) -> dict[str, IndexState]:
            rows = connection.execute("SELECT url, title, source, begun, ended, lost FROM servers ORDER BY url")
            found = (_state(row) for row in rows)
            return {one.url: one for one in found}

        return self._database.read(look, {})

    def entries(self, url: str) -> list[IndexEntry]:
        """Return the datasets of a server in the order of its catalogue; damaged rows are left out."""

        def look(connection: sqlite3.Connection) -> list[IndexEntry]:
            query = "SELECT id, sum, json FROM datasets WHERE url = ? ORDER BY place"
            rows = connection.execute(query, (url,)).fetchall()
            return [one for one in map(_entry, rows) if one is not None]

        return self._database.read(look, [])

    def names(self) -> list[tuple[str, str, str, tuple[str, ...]]]:
        """Return the server, the id, the title and the names of the parameters of each dataset."""

        def look(connection: sqlite3.Connection) -> list[tuple[str, str, str, tuple[str, ...]]]:
            rows = connection.execute("SELECT url, id, title, names FROM datasets ORDER BY url, place")
            texts = (tuple(map(_text, row)) for row in rows)
            return [(url, one, title, tuple(names.split("\n"))) for url, one, title, names in texts]

        return self._database.read(look, [])

    def begin(self, url: str, title: str, source: str) -> float:
        """Begin a refresh, or continue one that was interrupted; return the time when it began."""
        known = self.states().get(url)
        now = time.time()
        resumes = known is not None and known.ended is None and known.source == source
        if known is not None and resumes and 0 <= now - known.begun < conf.hapi.index_days * _DAY:
            return known.begun
        row = (url, title, source, now)
        self._database.write(
            lambda connection: connection.execute("INSERT OR REPLACE INTO servers VALUES (?, ?, ?, ?, NULL, '[]')", row)
        )
        return now

    def stored(self, url: str, since: float) -> set[str]:
        """Return the ids of the datasets that were stored since a time."""

        def look(connection: sqlite3.Connection) -> set[str]:
            query = "SELECT id FROM datasets WHERE url = ? AND stored >= ?"
            return {_text(row[0]) for row in connection.execute(query, (url, since))}

        return self._database.read(look, set())

    def add(self, url: str, entries: Iterable[tuple[int, IndexEntry]]) -> bool:
        """Store datasets with their places in the catalogue; return whether that succeeded."""
        now, rows = time.time(), []
        for place, one in entries:
            text = json.dumps([one.title, dict(one.info)], ensure_ascii=False).encode()
            names = "\n".join(str(parameter.get("name", "")) for parameter in one.parameters)
            rows.append((url, one.id, now, place, one.title, names, zlib.crc32(text), zlib.compress(text)))
        statement = "INSERT OR REPLACE INTO datasets VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        return self._database.write(lambda connection: connection.executemany(statement, rows))

    def end(self, url: str, listed: Iterable[str], lost: Iterable[str]) -> bool:
        """End a refresh: remove the datasets that the catalogue does not list; return whether that succeeded."""
        kept = set(listed)

        def change(connection: sqlite3.Connection) -> None:
            ids = [row[0] for row in connection.execute("SELECT id FROM datasets WHERE url = ?", (url,))]
            gone = [(url, one) for one in ids if _text(one) not in kept]
            connection.executemany("DELETE FROM datasets WHERE url = ? AND id = CAST(? AS TEXT)", gone)
            connection.execute(
                "UPDATE servers SET ended = ?, lost = ? WHERE url = ?", (time.time(), json.dumps(list(lost)), url)
            )

        return self._database.write(change)

    def date(self, url: str, state: IndexState) -> None:
        """Give a server the dates of its row in another index."""
        row = (state.begun, state.ended, url)
        self._database.write(
            lambda connection: connection.execute("UPDATE servers SET begun = ?, ended = ? WHERE url = ?", row)
        )

    def forget(self, url: str) -> bool:
        """Remove a server and its datasets; return whether that succeeded."""

        def change(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM datasets WHERE url = ?", (url,))
            connection.execute("DELETE FROM servers WHERE url = ?", (url,))

        return self._database.write(change)

    def is_writable(self) -> bool:
        """Return whether the file can be changed; there is one warning if it cannot."""
        return self._database.write(lambda _: None)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _state(row: tuple[Any, ...]) -> IndexState:
    url, title, source, begun, ended, lost = row
    return IndexState(_text(url), _text(title), _text(source), begun, ended, tuple(kept_json(lost or b"[]")))


def _entry(row: tuple[bytes, int, bytes]) -> IndexEntry | None:
    dataset, total, packed = row
    try:
        text = zlib.decompress(packed)
        if zlib.crc32(text) != total:
            return None
        title, info = kept_json(text)
    except (zlib.error, ValueError, TypeError):
        return None
    return IndexEntry(_text(dataset), title, info)


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


_open: dict[Path, Index] = {}


@lru_cache(maxsize=1)
def _temporary() -> Path:
    """Return a folder that this process removes at its end."""
    folder = tempfile.TemporaryDirectory(prefix="sunpy-helio-index-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return Path(folder.name)


def default() -> Index:
    """Return the index in the folder of the cache; without ``conf.cache``, one of this process."""
    return _at((answers.folder() if conf.cache else _temporary()) / NAME)


def writable() -> Index:
    """Return the index in the folder of the cache, or that of this process if the folder cannot be written."""
    return default() if default().is_writable() else private()


def private() -> Index:
    """Return an index of this process, for answers to a user who is signed in, and for want of a folder."""
    return _at(_temporary() / f"private-{NAME}")


def known_states() -> dict[str, IndexState]:
    """Return what is known of each server in either index, by its address."""
    return default().states() | private().states()


def holder(url: str) -> Index:
    """Return the index that has a server."""
    return private() if url in private().states() else default()


def _at(path: Path) -> Index:
    if path not in _open:
        # Few connections are open at a time.
        for one in tuple(_open.values()):
            if one.path.parent not in (path.parent, _temporary()):
                one.close()
        _open.setdefault(path, Index(path))
    return _open[path]
