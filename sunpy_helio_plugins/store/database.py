"""
SQLite databases that belong to this package and this user: one file each, one open connection in each process.

A read writes nothing. Nothing that goes wrong with a database is an error: it costs time, and one warning that names
the file. A file that is damaged or belongs to another program is renamed, and a new one is made.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from astropy.utils.exceptions import AstropyUserWarning

from sunpy_helio_plugins.errors import warn
from sunpy_helio_plugins.store.publish import locked

__all__ = ["Database"]

T = TypeVar("T")

APPLICATION_ID = 0x48454C49
"""The number in the header of the file that marks it as a database of this package."""

BUSY = 2.0
"""Seconds to wait for another process that writes."""

_JOURNAL_SIZE = 1_000_000
"""Bytes of the write-ahead log that are kept on disk."""

_PAGES_AT_ONCE = 200
"""Pages in the write-ahead log after which they are moved to the database."""

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_FORMAT})
"""Primary result codes of a damaged file; `sqlite3.SQLITE_ERROR` is that of a missing table or column."""

_BUSY_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_ATTEMPTS = 3
"""Attempts to write while other processes replace a damaged file."""

_SHARED = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "vboxsf"})
"""Kinds of file systems that several machines share; the write-ahead log of SQLite requires shared memory."""


class Database:
    """
    A database in one file.

    Parameters
    ----------
    path : pathlib.Path
        The file. Its folder is created with the first write, for this user only.
    schema : iterable of str
        The statements that create the tables.
    purpose : str
        What the database is, for warnings: "The cache of metadata".
    """

    def __init__(self, path: Path, schema: Iterable[str], purpose: str) -> None:
        self.path, self._schema, self._purpose = path, tuple(schema), purpose
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None
        self._told: set[str] = set()
        _all.add(self)

    def read(self, ask: Callable[[sqlite3.Connection], T], default: T) -> T:
        """Return what a function reads from the connection; the default if there is no database or it fails."""
        if not self.path.exists():
            return default
        return self._safely(ask, default, writes=False)

    def write(self, change: Callable[[sqlite3.Connection], object]) -> bool:
        """Call a function that changes the database in one transaction; return whether it succeeded."""

        def transaction(connection: sqlite3.Connection) -> bool:
            connection.execute("BEGIN IMMEDIATE")
            try:
                change(connection)
                connection.execute("COMMIT")
            except BaseException:
                # After some errors, such as a full disk, SQLite has rolled back already.
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            return True

        return self._safely(transaction, False, writes=True)

    def close(self) -> None:
        """Close the connection; the next use opens another one."""
        with self._lock:
            connection, self._connection, self._opened = self._connection, None, None
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()

    def _safely(self, use: Callable[[sqlite3.Connection], T], default: T, *, writes: bool) -> T:
        with self._lock:
            left = _ATTEMPTS if writes else 1  # after the file was renamed, there is nothing to read
            while True:
                left -= 1
                try:
                    return use(self._connected(writes))
                except sqlite3.Error as error:
                    if not self._recovers(error, writes) or not left:
                        return default
                except OSError as error:
                    self._tell("used", error.strerror or str(error))
                    return default

    def _recovers(self, error: sqlite3.Error, writes: bool) -> bool:
        """Return whether the statement is worth another attempt: a damaged file has been replaced."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_INTERNAL) & 0xFF
        if code in _BUSY_CODES:
            return False
        if code == sqlite3.SQLITE_CANTOPEN and self._opened != _identity(self.path):
            self.close()  # another process renamed or removed the file while this one opened it
            return True
        if code not in _DAMAGED:
            self._tell("written" if writes else "read", str(error))
            self.close()
            return False
        try:
            self._set_aside(str(error))
        except OSError as failure:
            self._tell("used", failure.strerror or str(failure))
            return False
        return True

    def _connected(self, writes: bool) -> sqlite3.Connection:
        """Return the connection to the file that has the path now, which may have been removed or replaced."""
        if self._connection is None or self._opened != _identity(self.path):
            self.close()
            if writes:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _check_owner(self.path)
            self._connection = self._open(writes)
        return self._connection

    def _open(self, writes: bool) -> sqlite3.Connection:
        if writes:
            # SQLite would create it with the permissions of the umask; its other files get those of this one.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        # Before it is opened: it may be replaced at any time, and only the file that is damaged is renamed.
        self._opened = _identity(self.path)
        address = self.path.absolute().as_uri() + ("?mode=rw" if _is_writable(self.path) else "?mode=ro&immutable=1")
        connection = sqlite3.connect(address, uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False)
        try:
            self._prepare(connection, writes)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection, writes: bool) -> None:
        # Text that is not UTF-8 would raise an error.
        connection.text_factory = bytes
        connection.execute("PRAGMA trusted_schema = OFF")
        if _is_new(connection):
            if not writes:
                raise _error(sqlite3.SQLITE_BUSY, "another process is creating the tables")
            self._create(connection)
        connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_SIZE}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_PAGES_AT_ONCE}")
        # With the log, a power cut loses the last entries, and no others.
        connection.execute("PRAGMA synchronous = NORMAL")

    def _create(self, connection: sqlite3.Connection) -> None:
        """Create the tables in an empty file."""
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        if _is_local(self.path):
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have created the tables meanwhile.
            if _is_new(connection):
                for statement in (*self._schema, f"PRAGMA application_id = {APPLICATION_ID}"):
                    connection.execute(statement)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def _set_aside(self, reason: str) -> None:
        """Rename a file that is not a database of this package, unless another process has replaced it."""
        found = self._opened
        self.close()
        with locked(self.path):
            if found is None or _identity(self.path) != found:
                return
            aside = self.path.with_name(f"{self.path.name}.damaged")
            for suffix in ("-wal", "-shm", "-journal", ""):
                with contextlib.suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + suffix).replace(aside.with_name(aside.name + suffix))
        self._warn(
            f"{self._purpose} in {self.path} is damaged or belongs to another program ({reason}): it was renamed to "
            f"{aside.name}, and a new one is made."
        )

    def _tell(self, what: str, reason: str) -> None:
        """Warn once in a process that the file cannot be used."""
        if what not in self._told:
            self._told.add(what)
            self._warn(f"{self._purpose} in {self.path} cannot be {what} ({reason}); work continues without it.")

    def _warn(self, text: str) -> None:
        warn(text, AstropyUserWarning)


_all: set[Database] = set()


def _close_all() -> None:
    for one in tuple(_all):
        one.close()


def _before_fork() -> None:
    """Close all connections: SQLite forbids to use or close one of the parent in the child."""
    global _held
    _held = tuple(_all)
    for one in _held:
        one._lock.acquire()
        one.close()


def _after_fork() -> None:
    for one in _held:
        one._lock.release()


_held: tuple[Database, ...] = ()

atexit.register(_close_all)
if hasattr(os, "register_at_fork"):  # pragma: no branch - not on Windows
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


def _is_new(connection: sqlite3.Connection) -> bool:
    """Return whether the file is empty; raise `sqlite3.DatabaseError` for the file of another program."""
    # In this order: another process that creates the tables between the two statements has set its number with them.
    if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        return True
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise _error(sqlite3.SQLITE_NOTADB, "it contains other tables")
    return False


def _error(code: int, reason: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(reason)
    error.sqlite_errorcode = code
    return error


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what distinguishes the file from another one that gets its name."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_writable(path: Path) -> bool:
    """Return whether the file and its folder can be written, or the log has to be read to have the latest entries."""
    log = path.with_name(f"{path.name}-wal")
    has_log = log.exists() and log.stat().st_size > 0
    return has_log or (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _check_owner(path: Path) -> None:
    """
    Raise `PermissionError` if somebody else can write to the folder or the file, such as to one made below ``/tmp``.

    Their entries would be taken for answers of the archives.
    """
    if not hasattr(os, "getuid"):
        return
    for one in (path.parent, path):
        try:
            found = one.lstat() if one == path else one.stat()
        except FileNotFoundError:
            continue
        if found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or stat.S_ISLNK(found.st_mode):
            raise PermissionError(f"{one} is not private to this user")


def _is_local(path: Path) -> bool:
    """Return whether the file is on a file system of this machine only, as far as the system tells."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as stream:
            mounts = [line.split()[1:3] for line in stream]
    except (OSError, IndexError):
        return True
    place = path.resolve()
    inside = [(len(point), kind) for point, kind in mounts if place.is_relative_to(point.replace("\\040", " "))]
    kind = max(inside, default=(0, ""))[1]
    return kind not in _SHARED and not kind.startswith("fuse.")
