"""
A cache on disk for metadata that changes rarely.

It is JSON in one SQLite file of limited size, from which the entries that end first are removed first; entries are kept
for a month after their end, for a server that does not answer. Keys are digests of the public address, and every entry
has a checksum. Errors, and answers to a user who is signed in, are not stored.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.store.database import Database

__all__ = ["check", "clear", "count", "folder", "load", "load_many", "load_outdated", "store"]

NAME = "answers-1.db"
"""The name of the file; the number changes with the tables, so that two versions of this package can use one folder."""

_SCHEMA = (
    "CREATE TABLE answers (key TEXT PRIMARY KEY, stored REAL NOT NULL, ends REAL NOT NULL, sum INTEGER, json BLOB)",
    "CREATE INDEX by_end ON answers (ends)",
    "CREATE INDEX by_time ON answers (stored)",
)

SKEW = 60.0
"""Seconds by which an entry may be newer than the clock; one from further in the future had a wrong clock."""

_OUTDATED = 30 * 86400.0
"""Seconds after its end for which an entry is kept, for a server that does not answer."""

_databases: dict[Path, Database] = {}


def folder() -> Path:
    """Return the folder of the cache: ``conf.cache_dir``, or one in astropy's cache folder of this package."""
    if conf.cache_dir:
        return Path(conf.cache_dir).expanduser()
    from astropy.config.paths import get_cache_dir

    return Path(get_cache_dir("sunpy_helio_plugins")) / "metadata"


def load(url: str) -> Any:
    """Return the stored JSON for a public address; `None` if there is none, it is too old, or ``conf.cache`` is off."""
    return load_many([url])[0]


def load_many(urls: Sequence[str]) -> list[Any]:
    """Return the stored JSON of each address, as `load` does."""
    nothing: list[Any] = [None] * len(urls)
    if not conf.cache or not urls:
        return nothing
    keys, now = [_key(url) for url in urls], time.time()

    def look(connection: sqlite3.Connection) -> list[Any]:
        query = "SELECT sum, json FROM answers WHERE key = ? AND stored <= ? AND ends > ?"
        return [_decoded(connection.execute(query, (key, now + SKEW, now)).fetchone()) for key in keys]

    return _database().read(look, nothing)


def load_outdated(url: str) -> tuple[Any, float] | None:
    """Return the stored JSON for a public address whatever its age, and when it was stored in Unix seconds."""
    if not conf.cache:
        return None

    def look(connection: sqlite3.Connection) -> tuple[Any, float] | None:
        query = "SELECT sum, json, stored FROM answers WHERE key = ? AND stored <= ?"
        row = connection.execute(query, (_key(url), time.time() + SKEW)).fetchone()
        value = None if row is None else _decoded(row[:2])
        return None if value is None else (value, row[2])

    return _database().read(look, None)


def store(url: str, value: Any, days: float | None = None) -> None:
    """
    Store JSON for a public address, for a number of days or ``conf.cache_days``.

    An earlier answer is removed if this one is too large, or stored for no time.
    """
    now, limit = time.time(), int(conf.cache_size)
    ends = now + 86400 * (conf.cache_days if days is None else days)
    if not conf.cache:
        return
    text = json.dumps(value).encode()
    if ends <= now or len(text) > limit:
        if load_outdated(url) is not None:
            _database().write(lambda connection: connection.execute("DELETE FROM answers WHERE key = ?", (_key(url),)))
        return

    def put(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM answers WHERE ends <= ? OR stored > ?", (now - _OUTDATED, now + SKEW))
        row = (_key(url), now, ends, zlib.crc32(text), text)
        connection.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)", row)
        _shrink(connection, limit)

    database = _database()
    if database.write(put):
        database.read(lambda connection: _return_pages(connection, limit), None)


def clear() -> None:
    """Remove all entries."""
    if (folder() / NAME).exists():
        _database().write(lambda connection: connection.execute("DELETE FROM answers"))


def check() -> tuple[Path, int, list[str]]:
    """Return the file of the cache, the number of its entries, and what is damaged."""

    def judge(connection: sqlite3.Connection) -> tuple[int, list[str]]:
        told = [bytes(line).decode(errors="replace") for (line,) in connection.execute("PRAGMA integrity_check")]
        lost = [f"the structure is damaged ({line})" for line in told if line != "ok"]
        rows = connection.execute("SELECT sum, json FROM answers").fetchall()
        spoilt = sum(_decoded(row) is None and row[1] != b"null" for row in rows)
        return len(rows), [*lost, *([f"{spoilt} entries are damaged; they are not used"] if spoilt else [])]

    nothing: tuple[int, list[str]] = (0, [])
    count, lost = _database().read(judge, nothing)
    return folder() / NAME, count, lost


def count() -> int:
    """Return the number of entries."""
    if not (folder() / NAME).exists():
        return 0
    return int(_database().read(lambda connection: connection.execute("SELECT count(*) FROM answers").fetchone()[0], 0))


def _database() -> Database:
    path = folder() / NAME
    if path not in _databases:
        # One connection is open at a time.
        for one in tuple(_databases.values()):
            one.close()
        _databases.setdefault(path, Database(path, _SCHEMA, "The cache of metadata"))
    return _databases[path]


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _decoded(row: tuple[int, bytes] | None) -> Any:
    """Return the value of an entry; `None` for one that was changed, which SQLite does not notice."""
    if row is None or not isinstance(row[1], bytes) or zlib.crc32(row[1]) != row[0]:
        return None
    try:
        return kept_json(row[1])
    except ValueError:
        return None


def _shrink(connection: sqlite3.Connection, limit: int) -> None:
    """Remove the entries that end first until the others fit."""
    while _bytes(connection)[0] > limit:
        count = connection.execute("SELECT count(*) FROM answers").fetchone()[0]
        if not count:
            break
        query = "DELETE FROM answers WHERE key IN (SELECT key FROM answers ORDER BY ends LIMIT ?)"
        connection.execute(query, (max(1, count // 10),))


def _return_pages(connection: sqlite3.Connection, limit: int) -> None:
    """Return unused pages to the disk if they are many."""
    if _bytes(connection)[1] > limit:
        # Outside of a transaction; execute would stop after the first page in Python 3.11.
        connection.executescript("PRAGMA incremental_vacuum")


def _bytes(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return the bytes of the pages in use, and of all pages."""
    query = (
        "SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
    )
    pages, free, size = connection.execute(query).fetchone()
    return (pages - free) * size, pages * size
