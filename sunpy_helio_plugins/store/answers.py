"""
Metadata answers that change rarely, kept on disk for a while.

What is kept is JSON in one SQLite file, bounded in size; the least recently used goes first. Nothing is ever unpickled:
an entry that is no JSON text counts as absent. Keys are digests of the public address; answers that were given to a
signed-in user, and errors, are never kept.
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
    """
    Return what is kept for an address.

    Parameters
    ----------
    url : str
        The public address, query included.

    Returns
    -------
    object or None
        The decoded JSON; `None` where there is none, it is too old, or the cache is off (``conf.cache``).
    """
    return load_many([url])[0]


def load_many(urls: Sequence[str]) -> list[Any]:
    """
    Return what is kept for addresses: opening the cache takes longer than a look at it.

    Parameters
    ----------
    urls : sequence of str
        The public addresses, query included.

    Returns
    -------
    list
        What `load` returns for each.
    """
    nothing: list[Any] = [None] * len(urls)
    if not conf.cache:
        return nothing
    try:
        with _open() as cache:
            return [cache.get(_key(url)) for url in urls]
    except sqlite3.OperationalError:
        return nothing
    except sqlite3.DatabaseError:
        # Half of a database is no database: without this, nothing would be kept any more.
        with contextlib.suppress(OSError):
            (folder() / "cache.db").unlink(missing_ok=True)
        return nothing
    except Exception:  # noqa: BLE001 - a cache that cannot be read must not cost the answer: ask the archive
        return nothing


def store(url: str, value: Any, days: float | None = None) -> None:
    """
    Keep an answer.

    Parameters
    ----------
    url : str
        The public address, query included.
    value : object
        What JSON can hold.
    days : float, optional
        How long it may be used. Defaults to ``conf.cache_days``.
    """
    if not conf.cache:
        return
    try:
        with _open() as cache:
            cache.set(_key(url), value, expire=86400 * (conf.cache_days if days is None else days))
    except Exception:  # noqa: BLE001 - a full, read-only or busy disk costs speed, not the answer
        return


def clear() -> None:
    """Forget everything that is kept."""
    with _open() as cache:
        cache.clear()


def _key(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest()


def _open() -> diskcache.Cache:
    """Open the cache for one use: connections that stay open would outlive their threads."""
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
    Refuse a folder into which somebody else can write, as one that they made first below ``/tmp``.

    What they put there would be taken for the archives' answers.
    """
    if not hasattr(os, "getuid"):
        return
    for one in (path, path / "cache.db"):
        try:
            found = one.lstat() if one != path else one.stat()
        except FileNotFoundError:
            continue
        if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or stat.S_ISLNK(found.st_mode):
            raise PermissionError(f"{one} is not this user's alone")


def _remove_damaged(database: Path) -> None:
    """Remove what is no whole database, as after a full disk: a new one is made in its place."""
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
    """Return diskcache's storage layer with JSON text for every value, and no other way in or out."""
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
                raise ValueError("the entry is no JSON text")
            return json.loads(value)

        def remove(self, file_path: str) -> None:
            """Remove nothing: values are never in files, and a row that names one was not written by us."""

    return JSONText
