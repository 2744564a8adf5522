"""
Count every call of the operating system in a journey, then let each of them fail in turn.

Opening, renaming, linking, removing and connecting are seen by an audit hook, which may raise in their place; writing,
syncing, receiving, sending and SQL statements are wrapped. Calls of the hostile server's threads do not count.
"""

from __future__ import annotations

import builtins
import contextlib
import errno
import io
import os
import shutil
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostile import SERVER_THREAD
from journeys import JOURNEYS, LOOKING
from matrix import HangError, Matrix, Outcome, Run, digests_in

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import HelioPluginsError

__all__ = ["TWELVE", "Torture"]

TWELVE = (
    "hapi.catalog", "hapi.load csv", "hapi.load chunks", "hapi.fetch", "swe.load", "imap.search", "imap.fetch",
    "imap.sync", "imap.upload", "helioviewer.fetch", "helioviewer.screenshot", "her.fetch",
)  # fmt: skip

AUDITED = frozenset(
    {
        "open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.listdir", "os.scandir", "os.truncate",
        "os.chmod", "os.symlink", "socket.connect", "socket.getaddrinfo", "sqlite3.connect", "fcntl.flock",
    }
)  # fmt: skip
"""Audit events of calls that may fail."""

OWN = f"{os.sep}own"
"""The folder of the files that the user has; making them does not count."""

DISK = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)
NETWORK = (errno.ECONNRESET, errno.ETIMEDOUT, errno.EPIPE, errno.ENETUNREACH)


@dataclass
class Interposer:
    """The calls that were counted, and the one that fails."""

    roots: tuple[str, ...] = ()
    is_on: bool = False
    kills: bool = False
    fails_at: int = -1
    code: int = 0
    calls: list[str] = field(default_factory=list)
    failed: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _depth: threading.local = field(default_factory=threading.local)

    def meet(self, kind: str, detail: str = "") -> None:
        """Count a call, and raise in its place if it is the one that fails."""
        if not self.is_on or LOOKING or threading.current_thread().name == SERVER_THREAD:
            return
        with self._lock:
            self.calls.append(kind)
            if len(self.calls) - 1 != self.fails_at:
                return
            self.failed = f"{kind} {detail}"
            if self.kills:
                os.kill(os.getpid(), signal.SIGKILL)
        if kind.startswith("sql"):
            raise sqlite3.OperationalError("disk I/O error" if self.code == errno.EIO else "database or disk is full")
        if kind == "socket.getaddrinfo":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        raise OSError(self.code, os.strerror(self.code), *([detail] if detail else []))

    def is_inside(self, path: object) -> bool:
        """Return whether a path is below the folders of a journey."""
        if not isinstance(path, str | bytes | os.PathLike):
            return False
        return os.fsdecode(path).startswith(self.roots)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.is_on or event not in AUDITED:
            return
        if event.startswith("socket"):
            self.meet(event)
        elif event == "fcntl.flock" or any(self.is_inside(one) for one in args[:2]):
            path = next((os.fsdecode(one) for one in args[:2] if self.is_inside(one)), "")
            is_write = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wxa+")
            if OWN not in path or not (is_write or event == "os.mkdir"):
                self.meet(f"{event} to write" if is_write else event, path)


INTERPOSER = Interposer()
_hooked: list[bool] = []


class Written:
    """A file whose writes count."""

    def __init__(self, stream: Any, name: str) -> None:
        self.__dict__.update(_stream=stream, _name=name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, data: Any) -> int:
        INTERPOSER.meet("write", self._name)
        return self._stream.write(data)

    def truncate(self, size: int | None = None) -> int:
        INTERPOSER.meet("truncate", self._name)
        return self._stream.truncate(size)

    def flush(self) -> None:
        INTERPOSER.meet("flush", self._name)
        self._stream.flush()

    def __enter__(self) -> Written:
        self._stream.__enter__()
        return self

    def __exit__(self, *args: object) -> Any:
        return self._stream.__exit__(*args)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._stream)


class Statements(sqlite3.Connection):
    """A connection whose statements count."""

    def execute(self, *args: Any) -> Any:
        INTERPOSER.meet("sql", "")
        return super().execute(*args)

    def executemany(self, *args: Any) -> Any:
        INTERPOSER.meet("sql", "")
        return super().executemany(*args)

    def commit(self) -> None:
        INTERPOSER.meet("sql commit", "")
        super().commit()


def counted(name: str) -> Callable[..., Any]:
    """Return a method of sockets that counts; those of an event loop itself, which are of the family UNIX, do not."""
    method = getattr(socket.socket, name)

    def call(self: socket.socket, *args: Any) -> Any:
        if self.family != getattr(socket, "AF_UNIX", None):
            INTERPOSER.meet(f"socket.{name}")
        return method(self, *args)

    return call


@contextlib.contextmanager
def interposed(*roots: Path) -> Iterator[Interposer]:
    """Count the calls below some folders, and to the network, within a block."""
    if not _hooked:
        sys.addaudithook(INTERPOSER.audit)
        _hooked.append(True)
    opened, fsync, connect = io.open, os.fsync, sqlite3.connect

    def our_open(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        stream = opened(file, mode, *args, **kwargs)
        is_ours = INTERPOSER.is_on and INTERPOSER.is_inside(file) and OWN not in os.fsdecode(file)
        is_ours = is_ours and set(mode) & set("wxa+")
        return Written(stream, os.fsdecode(file)) if is_ours else stream

    def our_fsync(descriptor: Any) -> None:
        INTERPOSER.meet("fsync")
        fsync(descriptor)

    def our_connect(*args: Any, **kwargs: Any) -> Any:
        kwargs.setdefault("factory", Statements)
        return connect(*args, **kwargs)

    INTERPOSER.roots = tuple(map(str, roots))
    names = ("recv", "recv_into", "send", "sendall")
    with contextlib.ExitStack() as undo:
        for holder, name, made in (
            (io, "open", our_open), (builtins, "open", our_open), (os, "fsync", our_fsync),
            (sqlite3, "connect", our_connect), *((socket.socket, one, counted(one)) for one in names),
        ):  # fmt: skip
            had = name in vars(holder)
            undo.callback(setattr, holder, name, getattr(holder, name)) if had else undo.callback(delattr, holder, name)
            setattr(holder, name, made)
        yield INTERPOSER


@dataclass
class Torture:
    """The journeys, and what came of each failure."""

    matrix: Matrix
    counts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    by_journey: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[tuple[str, Outcome]] = field(default_factory=list)

    def count(self, name: str) -> list[str]:
        """Run a journey without a failure, and return the calls that it makes."""
        self.run(name, -1, 0)
        return list(INTERPOSER.calls)

    def check(self, name: str, number: int, code: int) -> Outcome:
        """Let one call of a journey fail, judge the run, and run the journey once more."""
        start = time.monotonic()
        run, folder = self.run(name, number, code)
        outcome = self.judge(name, run, folder)
        if outcome.verdict not in ("not reached", "hang"):
            again, _ = self.run(name, -1, 0, keep=True)
            if again.error is not None or not self.is_right(name, again):
                text = f"after a failed {outcome.text}: {again.error!r} {str(again.result)[:300]}"
                outcome = Outcome("not repaired", 0, text)
        outcome.seconds = time.monotonic() - start
        self.counts[outcome.verdict] += 1
        self.by_journey.setdefault(name, Counter())[outcome.verdict] += 1
        if INTERPOSER.failed:
            self.kinds[INTERPOSER.failed.split(" /")[0]] += 1
        if outcome.verdict not in ("same", "own error", "partial, said", "not reached"):
            self.failures.append((f"{name} | call {number}", outcome))
        return outcome

    def run(self, name: str, number: int, code: int, keep: bool = False) -> tuple[Run, Path]:
        journey, folder, cache = JOURNEYS[name], self.matrix.folder / "case", self.matrix.folder / "cache"
        if not keep:
            for one in (folder, cache):
                shutil.rmtree(one, ignore_errors=True)
        self.matrix.server.set(None, broken=journey.broken)
        folder.mkdir(exist_ok=True)
        failed = INTERPOSER.failed
        with interposed(folder, cache) as calls, conf.set_temp("cache", True), conf.set_temp("cache_dir", str(cache)):
            calls.calls, calls.fails_at, calls.code, calls.failed = [], number, code, failed if keep else ""
            calls.is_on = True
            try:
                return self.matrix.run(journey, folder, exist_ok=True), folder
            finally:
                calls.is_on = False

    def judge(self, name: str, run: Run, folder: Path) -> Outcome:
        failed = INTERPOSER.failed
        if not failed:
            return Outcome("not reached", 0)
        for path, digest in digests_in(folder):
            if not path.endswith(".part") and digest not in self.matrix.digests and not path.startswith("."):
                return Outcome("wrong file", 0, f"{failed}: {path}")
        if isinstance(run.error, HangError):
            return Outcome("hang", 0, failed)
        if run.error is not None:
            text = f"{failed}: {type(run.error).__name__}: {run.error}"
            if not isinstance(run.error, HelioPluginsError):
                return Outcome("foreign", 0, text)
            return Outcome("own error" if self.is_named(name, str(run.error)) else "unnamed", 0, text)
        if run.strays:
            return Outcome("foreign", 0, f"{failed}: beside the result: {run.strays[0]}")
        return self.of_result(name, run, failed)

    def of_result(self, name: str, run: Run, failed: str) -> Outcome:
        if self.is_right(name, run):
            return Outcome("same", 0, failed)
        said = (*run.said, *(str(one.message) for one in run.warned))
        if not said:
            return Outcome("lost", 0, f"{failed}: {str(run.result)[:300]}")
        named = any(self.is_named(name, one) for one in said)
        return Outcome("partial, said" if named else "unnamed", 0, f"{failed}: {said}")

    def is_named(self, name: str, text: str) -> bool:
        place = self.matrix.server.url.removeprefix("http://")
        names = (place, str(self.matrix.folder), *JOURNEYS[name].subjects, "HAPI server ")
        return any(one in text for one in names)

    def is_right(self, name: str, run: Run) -> bool:
        right = self.matrix.right_of(name).result
        return run.result == right
