"""The turns in which the workers of a cluster send requests to one server."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from sunpy_helio_plugins.transport.limits import Deadline, Turns, request_deadline
from sunpy_helio_plugins.transport.urls import origin

__all__ = ["turns_of_worker"]


class ClusterTurns:
    """
    Semaphores and waits that the scheduler keeps for each server.

    A worker that is killed loses its turn after ``distributed.scheduler.locks.lease-timeout``, by default 30 s.
    """

    def __init__(self, worker: Any, client: Any, at_once: int) -> None:
        self._client, self._loop, self._scheduler = client, worker.loop, worker.scheduler
        self._at_once = at_once
        self._semaphores: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether the client, by which the scheduler is asked, is still connected."""
        return bool(self._client.status == "running")

    @contextlib.contextmanager
    def turn(self, url: str) -> Iterator[None]:
        """Wait until a request may be sent; the turn ends with the block."""
        server = _name(url)
        with self._semaphore(server):
            self._wait(server, request_deadline())
            yield

    def postpone(self, url: str, seconds: float) -> None:
        """Let no worker send another request to a server for some seconds, as it asked."""
        from distributed import Event, Variable

        server, until = _name(url), time.time() + seconds
        if until > self._until(server):
            Variable(server, self._client).set(until)
            Event(server, self._client).set()

    def _semaphore(self, server: str) -> Any:
        from distributed import Semaphore

        with self._lock:
            if server not in self._semaphores:
                self._semaphores[server] = Semaphore(
                    self._at_once, f"{server} {self._at_once}", self._scheduler, self._loop
                )
            return self._semaphores[server]

    def _until(self, server: str) -> float:
        """Return the time before which no request may be sent; 0 if the server did not ask to wait."""
        from distributed import Event, Variable

        # A variable that was never set is an error in the log of the scheduler.
        return float(Variable(server, self._client).get()) if Event(server, self._client).is_set() else 0.0

    def _wait(self, server: str, deadline: Deadline) -> None:
        """Wait as the server asked, unless that is longer than a request may take: its answer is an error then."""
        while 0 < (left := self._until(server) - time.time()) < deadline.left():
            time.sleep(left)


def _name(url: str) -> str:
    """Return the name under which the scheduler keeps what belongs to a server."""
    return f"sunpy_helio_plugins {origin(url)}"


_known: dict[tuple[str, str, int], ClusterTurns] = {}
_lock = threading.Lock()


def turns_of_worker(at_once: int) -> Turns | None:
    """Return the turns of the worker of the task that calls this; `None` outside of a worker."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    try:
        worker = distributed.get_worker()
    except ValueError:
        return None
    # Found in the thread of a task, since other threads do not know the worker.
    client = distributed.get_client()
    key = worker.address, client.id, at_once
    with _lock:
        for one in [one for one, turns in _known.items() if not turns.is_open]:
            del _known[one]
        if key not in _known:
            _known[key] = ClusterTurns(worker, client, at_once)
        return _known[key]
