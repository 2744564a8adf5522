"""
A cache on disk for metadata that changes rarely.

It is JSON in one SQLite file of limited size, from which the least recently used entries are removed first. Nothing is
unpickled: an entry that is not JSON text is ignored. Keys are digests of the public address. Errors, and answers to a
user who is signed in, are not stored.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import local

if TYPE_CHECKING:
    import diskcache

__all__ = ["clear", "folder", "load", "load_many", "store"]


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
    """Return the stored JSON of each address, as `load` does; opening the cache takes longer than a query."""
    nothing: list[Any] = [None] * len(urls)
    if not conf.cache:
        return nothing
    try:
        with _open() as cache:
            return [cache.get(_key(url)) for url in urls]
    except sqlite3.OperationalError:
        return nothing
    except sqlite3.DatabaseError:
        # The file is damaged: nothing could be stored unless it is removed.
        with contextlib.suppress(OSError):
            (folder() / "cache.db").unlink(missing_ok=True)
        return nothing
    except Exception:  # noqa: BLE001 - if the cache cannot be read, the archive is
        return nothing


def store(url: str, value: Any, days: float | None = None) -> None:
    """Store JSON for a public address, for a number of days or ``conf.cache_days``."""
    if not conf.cache:
        return
    try:
        with _open() as cache:
            cache.set(_key(url), value, expire=86400 * (conf.cache_days if days is None else days))
    except Exception:  # noqa: BLE001 - a full, read-only or busy disk makes requests slower, not impossible
        return


def clear() -> None:
    """Remove all entries."""
    with local(folder(), "cleared"), _open() as cache:
        cache.clear()


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _open() -> diskcache.Cache:
    """Open the cache for one use: an open connection would outlive its thread."""
    import diskcache

    path = folder()
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    _check_owner(path)
    _remove_damaged(path / "cache.db")
    return diskcache.Cache(
        str(path),
        timeout=5,
        disk=_json_disk(),
        disk_min_file_size=2**31,
        size_limit=int(conf.cache_size),
        eviction_policy="least-recently-used",
    )


def _check_owner(path: Path) -> None:
    """
    Raise `PermissionError` for a folder into which somebody else can write, such as one that they made below ``/tmp``.

    Their entries would be taken for answers of the archives.
    """
    if not hasattr(os, "getuid"):
        return
    for one in (path, path / "cache.db"):
        try:
            found = one.lstat() if one != path else one.stat()
        except FileNotFoundError:
            continue
        if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or stat.S_ISLNK(found.st_mode):
            raise PermissionError(f"{one} is not private to this user")


def _remove_damaged(database: Path) -> None:
    """Remove a damaged database, such as one from a full disk; it will be created again."""
    if not database.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=5)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        return
    except sqlite3.DatabaseError:
        database.unlink(missing_ok=True)


def _json_disk() -> type:
    """Return a storage layer for diskcache that reads and writes JSON text only."""
    import diskcache

    class JSONText(diskcache.Disk):
        def put(self, key: str) -> tuple[str, bool]:
            return key, True

        def get(self, key: str, raw: bool) -> str:
            return key

        def store(self, value: Any, read: bool, key: Any = None) -> tuple[int, int, None, str]:
            return 0, diskcache.core.MODE_RAW, None, json.dumps(value)

        def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
            if mode != diskcache.core.MODE_RAW or not isinstance(value, str):
                raise ValueError("the entry is not JSON text")
            return json.loads(value)

        def remove(self, file_path: str) -> None:
            """Do nothing: values are never in files, and rows with a file were not written by this package."""

    return JSONText
