"""
Data of ranges on disk: which ranges of which series are here, in which files, and who is requesting others.

The index is one SQLite file; the data are files of columns beside it, which appear complete or not at all, and before
their entries do. All processes of a user share both. A series is named by a group, such as a dataset, and a key in it;
the group has a note, in which an archive keeps what the data depend on. Nothing that goes wrong here is an error: the
data are requested again.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import DiskError, FileError, LockedError, local
from sunpy_helio_plugins.store import arrow
from sunpy_helio_plugins.store.database import Database
from sunpy_helio_plugins.store.intervals import Entry, Range, State, overlaid
from sunpy_helio_plugins.store.publish import locked, new_part, publish, sweep

__all__ = ["LARGEST", "LEASE", "DataFile", "Ranges", "folder"]

NAME = "ranges-1.db"
"""The name of the index; the number changes with the tables and the files."""

LARGEST = 2**63 - 1
"""Ranges with larger numbers, or those below their negative, cannot be kept."""

_SCHEMA = (
    "CREATE TABLE series (id INTEGER PRIMARY KEY, grp TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (grp, key))",
    "CREATE TABLE entries (series INTEGER NOT NULL, first INTEGER NOT NULL, before INTEGER NOT NULL, state INTEGER, "
    "asked REAL, until REAL, file INTEGER, why TEXT, PRIMARY KEY (series, first)) WITHOUT ROWID",
    "CREATE INDEX by_file ON entries (file)",
    "CREATE TABLE files (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, size INTEGER, sum INTEGER, used REAL)",
    "CREATE TABLE notes (grp TEXT PRIMARY KEY, note TEXT)",
    "CREATE TABLE leases (grp TEXT, first INTEGER, before INTEGER, owner TEXT, ends REAL)",
)

_SUFFIX = ".arrow"

_USED = 3600.0
"""Seconds after which the time of use of a file is written again: reading writes nothing in between."""

_ORPHANED = 3600.0
"""Seconds after which a file without entries is removed: it was left by a process that was killed."""

LEASE = 600.0
"""Seconds after which a request of another process is not waited for."""

_SHORTEST_WAIT, _LONGEST_WAIT = 0.005, 0.1
"""Seconds between looks whether another process has ended its request."""

_SKEW = 60.0
"""Seconds by which an entry may be newer than the clock."""

_KEPT_AFTER_EVICTION = 0.9
"""The part of the limit to which the files are reduced when they exceed it."""

_State = tuple[int, int, int]
"""Size, time of change and number of a file on its disk."""


def folder(name: str = "records") -> Path:
    """Return a folder of an index and its files, below the folder of the caches of this package."""
    if conf.cache_dir:
        return Path(conf.cache_dir).expanduser() / name
    from astropy.config.paths import get_cache_dir

    return Path(get_cache_dir("sunpy_helio_plugins")) / name


@dataclass(frozen=True)
class DataFile:
    """A file of the index: its number, path, size and checksum."""

    number: int
    path: Path
    size: int
    sum: int


class Ranges:
    """
    The data of ranges in one folder.

    Parameters
    ----------
    place : pathlib.Path
        The folder.
    limit : int
        The largest number of bytes of all files; those that were not used for the longest time are removed first.
    """

    def __init__(self, place: Path, limit: int) -> None:
        self.place, self.limit = place, limit
        self._index = Database(place / NAME, _SCHEMA, "The cache of records")
        self._verified: dict[str, tuple[_State, bool]] = {}
        self._is_swept = False

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    # What is known

    def known(self, group: str, keys: Sequence[str], first: int, before: int) -> dict[str, list[Entry]]:
        """Return the entries of each series of a group that overlap a range, in order."""

        def look(connection: sqlite3.Connection) -> dict[str, list[Entry]]:
            numbers = _numbers(connection, group, keys)
            return {key: _overlapping(connection, numbers[key], first, before) for key in keys if key in numbers}

        nothing: dict[str, list[Entry]] = {}
        found = self._index.read(look, nothing)
        return {key: found.get(key, []) for key in keys}

    def note(self, group: str) -> str:
        """Return the note of a group; empty if it has none."""

        def look(connection: sqlite3.Connection) -> str:
            row = connection.execute("SELECT note FROM notes WHERE grp = ?", (group,)).fetchone()
            return "" if row is None else row[0].decode()

        return self._index.read(look, "")

    def open(self, number: int, names: Iterable[str]) -> arrow.ColumnFile | None:
        """Return columns of a file; `None`, and no entry any more, if it was removed or changed."""

        def look(connection: sqlite3.Connection) -> tuple[bytes, int, int, float] | None:
            query = "SELECT name, size, sum, used FROM files WHERE id = ?"
            row: tuple[bytes, int, int, float] | None = connection.execute(query, (number,)).fetchone()
            return row

        row = self._index.read(look, None)
        if row is None:
            return None
        name, size, digest, used = row[0].decode(), row[1], row[2], row[3]
        path = self.place / name
        try:
            found = arrow.read(path, names) if self._is_intact(path, size, digest) else None
        except (OSError, FileError):
            found = None
        if found is None:
            self.drop([number])
            return None
        if abs(time.time() - used) > _USED:
            self._index.write(lambda db: db.execute("UPDATE files SET used = ? WHERE id = ?", (time.time(), number)))
        return found

    def _is_intact(self, path: Path, size: int, digest: int) -> bool:
        """Return whether a file has its checksum, which is computed once, and again if the file was changed since."""
        state = _state(path)
        known = self._verified.get(path.name)
        if known is None or known[0] != state:
            known = self._verified[path.name] = state, arrow.checksum(path) == (size, digest)
        return known[1]

    # Changes

    def put(
        self,
        group: str,
        entries: Mapping[str, Sequence[Entry]],
        columns: Mapping[str, NDArray[Any]] | None = None,
        header: str = "",
        revise: Callable[[str], str] | None = None,
        expected: Mapping[str, Sequence[Entry]] | None = None,
    ) -> bool:
        """
        Keep columns, and what is known of each series now; return whether it was possible.

        Entries that are `State.PRESENT`, or have a ``source``, get the new file. ``revise`` changes the note of the
        group in the same transaction. Nothing is kept if the entries are not those that are ``expected``. A full disk
        is a `DiskError`.
        """
        made = None if columns is None else self._written(columns, header)
        if columns is not None and made is None:
            return False
        removed: list[str] = []

        def change(connection: sqlite3.Connection) -> None:
            for key, known in (expected or {}).items():
                if _overlapping(connection, _number(connection, group, key), known[0].first, known[-1].before) != known:
                    raise _ChangedError
            number, gone = 0 if made is None else _insert_file(connection, made), set[int]()
            for key, fresh in entries.items():
                gone |= _overlay(connection, _number(connection, group, key), [_in_file(one, number) for one in fresh])
            if revise is not None:
                _set_note(connection, group, revise(_note(connection, group)))
            removed[:] = [*_unused(connection, gone), *_evicted(connection, self.limit)]

        done = False
        try:
            with contextlib.suppress(_ChangedError):
                done = self._index.write(change)
        finally:
            if not done:
                removed = [] if made is None else [made.path.name]
            self._unlink(removed)
        return done

    def revise(
        self, group: str, change: Callable[[str], tuple[str, Sequence[tuple[str | None, Range | None]]]]
    ) -> None:
        """
        Change the note of a group, and forget what depends on it, in one transaction.

        ``change`` takes the note and returns the new one and what is forgotten: the key of a series or `None` for all,
        and the range or `None` for all.
        """
        removed: list[str] = []

        def transaction(connection: sqlite3.Connection) -> None:
            note, forgotten = change(_note(connection, group))
            _set_note(connection, group, note)
            gone = set[int]().union(*(_forget(connection, group, key, one) for key, one in forgotten))
            removed[:] = _unused(connection, gone)

        self._index.write(transaction)
        self._unlink(removed)

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget files, and the entries whose data they have."""
        gone, removed = list(numbers), list[str]()

        def change(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM entries WHERE file = ?", ((one,) for one in gone))
            removed[:] = _unused(connection, gone)

        self._index.write(change)
        self._unlink(removed)

    def clear(self, group: str | None = None) -> None:
        """Forget all data, or those of one group, and remove their files."""
        if not (self.place / NAME).exists():
            return
        removed: list[str] = []

        def change(connection: sqlite3.Connection) -> None:
            if group is None:
                removed[:] = _removed(connection, connection.execute("SELECT id, name FROM files").fetchall())
                for table in ("entries", "series", "notes", "leases"):
                    connection.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are constants
            else:
                removed[:] = _unused(connection, _forget(connection, group, None, None))
                connection.execute("DELETE FROM notes WHERE grp = ?", (group,))
                connection.execute("DELETE FROM series WHERE grp = ?", (group,))

        self._index.write(change)
        self._unlink(removed)

    def summary(self) -> list[tuple[str, str, list[Entry]]]:
        """Return the group, the key and the entries of every series."""

        def look(connection: sqlite3.Connection) -> list[tuple[str, str, list[Entry]]]:
            rows = connection.execute("SELECT id, grp, key FROM series ORDER BY grp, key").fetchall()
            return [
                (group.decode(), key.decode(), _overlapping(connection, number, -LARGEST, LARGEST))
                for number, group, key in rows
            ]

        return self._index.read(look, [])

    def groups(self) -> list[str]:
        """Return the groups with series or a note."""
        query = "SELECT grp FROM series UNION SELECT grp FROM notes"
        rows: list[tuple[bytes]] = self._index.read(lambda connection: connection.execute(query).fetchall(), [])
        return [group.decode() for (group,) in rows]

    def size(self) -> int:
        """Return the bytes of all files."""
        query = "SELECT coalesce(sum(size), 0) FROM files"
        return int(self._index.read(lambda connection: connection.execute(query).fetchone()[0], 0))

    # Requests

    @contextlib.contextmanager
    def leased(self, group: str, wanted: Sequence[Range]) -> Iterator[tuple[list[bool], Callable[[Range], None]]]:
        """
        Yield which ranges this caller may request, since no other one is doing it, and a function that ends one lease.

        All leases end with the block, and with the process.
        """
        owner = secrets.token_hex(8)
        if not wanted or not self._make_folder():
            yield [True] * len(wanted), lambda one: None
            return
        path = self.place / f"{owner}.lease"
        try:
            with locked(path):
                yield self._taken(group, wanted, owner), lambda one: self._end_lease(owner, one)
        finally:
            self._end_lease(owner, None)
            with contextlib.suppress(OSError):
                _lock_of(path).unlink(missing_ok=True)

    def is_leased(self, group: str, wanted: Range) -> bool:
        """Return whether another caller is requesting some of a range; leases of processes that ended do not count."""

        def look(connection: sqlite3.Connection) -> list[str]:
            return _owners(connection, group, wanted)

        nobody: list[str] = []
        return any(self._is_alive(owner) for owner in self._index.read(look, nobody))

    def waited(self, group: str, wanted: Sequence[Range], give_up: float) -> bool:
        """Wait until no other caller is requesting any of the ranges; return `False` if some are at ``give_up``."""
        pause = _SHORTEST_WAIT
        while time.monotonic() < give_up:
            if not any(self.is_leased(group, one) for one in wanted):
                return True
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_WAIT)
        return False

    def _taken(self, group: str, wanted: Sequence[Range], owner: str) -> list[bool]:
        taken = [True] * len(wanted)
        alive: dict[str, bool] = {owner: False}

        def change(connection: sqlite3.Connection) -> None:
            for index, one in enumerate(wanted):
                for other in _owners(connection, group, one):
                    if other not in alive:
                        alive[other] = self._is_alive(other)
                    if alive[other]:
                        taken[index] = False
                if taken[index]:
                    row = (group, one.first, one.before, owner, time.time() + LEASE)
                    connection.execute("INSERT INTO leases VALUES (?, ?, ?, ?, ?)", row)
            gone = [one for one, is_alive in alive.items() if not is_alive and one != owner]
            connection.executemany("DELETE FROM leases WHERE owner = ?", ((one,) for one in gone))

        return taken if self._index.write(change) else [True] * len(wanted)

    def _end_lease(self, owner: str, one: Range | None) -> None:
        if one is None:
            query, values = "DELETE FROM leases WHERE owner = ?", (owner,)
        else:
            query = "DELETE FROM leases WHERE owner = ? AND first = ? AND before = ?"
            values = (owner, one.first, one.before)  # type: ignore[assignment]
        self._index.write(lambda connection: connection.execute(query, values))

    def _is_alive(self, owner: str) -> bool:
        """Return whether a process holds the lock of its leases."""
        path = self.place / f"{owner}.lease"
        if not _lock_of(path).exists():
            return False
        try:
            with locked(path, wait=False):
                pass
        except LockedError:
            return True
        except OSError:
            return False
        with contextlib.suppress(OSError):
            _lock_of(path).unlink(missing_ok=True)
        return False

    # Files

    def _make_folder(self) -> bool:
        with contextlib.suppress(OSError):
            self.place.mkdir(parents=True, exist_ok=True, mode=0o700)
            return True
        return False

    def _written(self, columns: Mapping[str, NDArray[Any]], header: str) -> DataFile | None:
        target = self.place / f"{secrets.token_hex(12)}{_SUFFIX}"
        with local(target):
            self.place.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._sweep()
            with new_part(target) as (part, stream):
                _write(stream, columns, header, target)
                size, digest = arrow.checksum(part)
                if size > self.limit:
                    return None
                publish(part, target, True)
        with contextlib.suppress(OSError):  # another process may have removed it
            self._verified[target.name] = _state(target), True
        return DataFile(0, target, size, digest)

    def _sweep(self) -> None:
        """Remove, once in a process, files that one left when it was killed, and entries made with a wrong clock."""
        if self._is_swept:
            return
        self._is_swept = True
        now = time.time()
        self._index.write(lambda connection: connection.execute("DELETE FROM entries WHERE asked > ?", (now + _SKEW,)))
        sweep(self.place, _ORPHANED)

        def look(connection: sqlite3.Connection) -> set[str]:
            return {name.decode() for (name,) in connection.execute("SELECT name FROM files")}

        nothing: set[str] = set()
        known, limit = self._index.read(look, nothing), time.time() - _ORPHANED
        for path in self.place.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                if path.name not in known and path.stat().st_mtime < limit:
                    path.unlink()

    def _unlink(self, names: Iterable[str]) -> None:
        for name in names:
            self._verified.pop(name, None)
            # On Windows, another process may have it open; it is removed as one without entries later.
            with contextlib.suppress(OSError):
                (self.place / name).unlink(missing_ok=True)


class _ChangedError(Exception):
    """Another process has changed entries."""


def _state(path: Path) -> _State:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino


def _write(stream: IO[bytes], columns: Mapping[str, NDArray[Any]], header: str, target: Path) -> None:
    try:
        arrow.write(stream, columns, header)
        stream.flush()
    except DiskError:
        raise
    except OSError as error:
        raise DiskError(f"{target} cannot be written: {error.strerror or error}.") from error


def _lock_of(path: Path) -> Path:
    """Return the path of the file that `locked` locks."""
    return path.with_name(f".{path.name}.lock")


def _numbers(connection: sqlite3.Connection, group: str, keys: Sequence[str]) -> dict[str, int]:
    query = "SELECT key, id FROM series WHERE grp = ?"
    wanted = set(keys)
    rows = ((key.decode(), number) for key, number in connection.execute(query, (group,)))
    return {key: number for key, number in rows if key in wanted}


def _number(connection: sqlite3.Connection, group: str, key: str) -> int:
    connection.execute("INSERT OR IGNORE INTO series (grp, key) VALUES (?, ?)", (group, key))
    query = "SELECT id FROM series WHERE grp = ? AND key = ?"
    return int(connection.execute(query, (group, key)).fetchone()[0])


_COLUMNS = "first, before, state, asked, until, file, why"


def _overlapping(connection: sqlite3.Connection, number: int, first: int, before: int) -> list[Entry]:
    query = f"SELECT {_COLUMNS} FROM entries WHERE series = ? AND first < ? AND before > ? ORDER BY first"  # noqa: S608
    rows = connection.execute(query, (number, before, first))
    return [Entry(row[0], row[1], State(row[2]), row[3], row[4], row[5], row[6].decode()) for row in rows]


def _overlay(connection: sqlite3.Connection, number: int, fresh: Sequence[Entry]) -> set[int]:
    """Write entries in the place of others; return the files of those."""
    if not fresh:
        return set()
    # Neighbours are read as well, so that equal ones become one entry.
    first = max(min(one.first for one in fresh) - 1, -LARGEST)
    before = min(max(one.before for one in fresh) + 1, LARGEST)
    old = _overlapping(connection, number, first, before)
    return _replace(connection, number, old, overlaid(old, fresh))


def _replace(connection: sqlite3.Connection, number: int, old: Sequence[Entry], new: Sequence[Entry]) -> set[int]:
    gone, come = set(old) - set(new), set(new) - set(old)
    query = "DELETE FROM entries WHERE series = ? AND first = ?"
    connection.executemany(query, ((number, one.first) for one in gone))
    rows = ((number, one.first, one.before, int(one.state), one.asked, one.until, one.source, one.why) for one in come)
    connection.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return {one.source for one in gone}


def _forget(connection: sqlite3.Connection, group: str, key: str | None, one: Range | None) -> set[int]:
    """Remove entries of a group within a range; return their files."""
    gone: set[int] = set()
    numbers = connection.execute("SELECT id, key FROM series WHERE grp = ?", (group,)).fetchall()
    for number, name in numbers:
        if key is not None and name.decode() != key:
            continue
        first, before = one or Range(-LARGEST, LARGEST)
        old = _overlapping(connection, number, first, before)
        outside = overlaid(old, [Entry(first, before, State.PRESENT, source=-1)])
        gone |= _replace(connection, number, old, [kept for kept in outside if kept.source != -1])
    return gone


def _in_file(one: Entry, number: int) -> Entry:
    return replace(one, source=number) if one.source or one.state is State.PRESENT else one


def _insert_file(connection: sqlite3.Connection, made: DataFile) -> int:
    row = (made.path.name, made.size, made.sum, time.time())
    return int(connection.execute("INSERT INTO files (name, size, sum, used) VALUES (?, ?, ?, ?)", row).lastrowid or 0)


def _note(connection: sqlite3.Connection, group: str) -> str:
    row = connection.execute("SELECT note FROM notes WHERE grp = ?", (group,)).fetchone()
    return "" if row is None else row[0].decode()


def _set_note(connection: sqlite3.Connection, group: str, note: str) -> None:
    connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (group, note))


def _owners(connection: sqlite3.Connection, group: str, wanted: Range) -> list[str]:
    query = "SELECT DISTINCT owner FROM leases WHERE grp = ? AND first < ? AND before > ? AND ends > ?"
    rows = connection.execute(query, (group, wanted.before, wanted.first, time.time()))
    return [owner.decode() for (owner,) in rows]


def _unused(connection: sqlite3.Connection, candidates: Iterable[int]) -> list[str]:
    """Remove those of some files that have no entries from the index; return their names."""
    query = "SELECT id, name FROM files WHERE id = ? AND NOT EXISTS (SELECT 1 FROM entries WHERE file = files.id)"
    found = [connection.execute(query, (number,)).fetchone() for number in candidates]
    return _removed(connection, [row for row in found if row is not None])


def _evicted(connection: sqlite3.Connection, limit: int) -> list[str]:
    """Remove the files that were not used for the longest time until the others fit; return their names."""
    total = connection.execute("SELECT coalesce(sum(size), 0) FROM files").fetchone()[0]
    gone: list[Any] = []
    if total > limit:
        for number, name, size in connection.execute("SELECT id, name, size FROM files ORDER BY used, id").fetchall():
            if total <= _KEPT_AFTER_EVICTION * limit:
                break
            gone.append((number, name))
            total -= size
    connection.executemany("DELETE FROM entries WHERE file = ?", ((number,) for number, _ in gone))
    return _removed(connection, gone)


def _removed(connection: sqlite3.Connection, rows: Sequence[tuple[int, bytes]]) -> list[str]:
    connection.executemany("DELETE FROM files WHERE id = ?", ((number,) for number, _ in rows))
    return [name.decode() for _, name in rows]
