"""Calls that run on the workers of a cluster with the settings of the process that made them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sunpy_helio_plugins.cluster.turns import turns_of_worker
from sunpy_helio_plugins.config import Snapshot
from sunpy_helio_plugins.errors import HelioPluginsError, WorkerError
from sunpy_helio_plugins.fido.partial import run_all
from sunpy_helio_plugins.transport import limits

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Task", "completed", "run_parts"]

Q = TypeVar("Q")

WINDOW = 4
"""Tasks for each thread of the cluster that are submitted at a time: the graph of all of them may be large."""


@dataclass(frozen=True)
class Task:
    """
    A function that is called with the settings of the process in which this object was made.

    Parameters
    ----------
    function : callable
        The function, which can be pickled.
    at_once : int
        The maximum number of simultaneous requests to one server of all workers.
    """

    function: Callable[..., Any]
    at_once: int
    settings: Snapshot = field(default_factory=Snapshot.taken)

    def __call__(self, *given: Any, **options: Any) -> Any:
        """Return the result of the function."""
        with self.settings.applied(), limits.taking_turns(turns_of_worker(self.at_once)):
            return self.function(*given, **options)


def completed(client: Client, task: Task, items: Sequence[Any]) -> Generator[tuple[int, Any]]:
    """
    Call a task for each item on the workers, and yield the numbers of the items and the results as they are completed.

    An error of this package is yielded as a result; any other one, such as Ctrl-C, ends all tasks. A task whose worker
    was killed is repeated on another one.
    """
    import distributed

    numbers: dict[Future[Any], int] = {}
    waiting = enumerate(items)

    def submit() -> Iterator[Future[Any]]:
        for number, item in waiting:
            if client.status != "running":
                raise _closed()
            future = client.submit(task, item, pure=False)
            numbers[future] = number
            yield future

    following = submit()
    count = WINDOW * max(1, sum(client.nthreads().values()))
    running = distributed.as_completed(list(islice(following, count)), loop=client.loop)
    try:
        for future in running:
            number = numbers.pop(future)
            yield number, _result(future)
            if (another := next(following, None)) is not None:
                running.add(another)
    finally:
        if numbers and client.status == "running":
            with contextlib.suppress(OSError, TimeoutError):
                client.cancel(list(numbers))


def run_parts(
    client: Client | None, function: Callable[[Q], Any], items: Sequence[Q], at_once: int,
    done: Callable[[Q, Any], None],
) -> list[Any]:  # fmt: skip
    """
    Call a function for each item, in threads or on the workers of a cluster; return results and errors of this package.

    ``done`` is called with each item and its result that is not an error, in one thread at a time. After several
    failures in a row, the function is not called for the others, whose result is the last error.
    """
    run = _Run(function, done)
    if client is None:
        return run_all(items, run, at_once)
    results: dict[int, Any] = {}
    with contextlib.closing(completed(client, Task(function, at_once), items)) as found:
        for number, result in found:
            results[number] = run.noted(items[number], result)
            if (ended := run.ended()) is not None:
                return [results.get(number, ended) for number in range(len(items))]
    return [results[number] for number in range(len(items))]


class _Run(Generic[Q]):
    """Calls a function in several threads, until it fails several times in a row."""

    def __init__(self, function: Callable[[Q], Any], done: Callable[[Q, Any], None]) -> None:
        self._function, self._done = function, done
        self._failed: list[HelioPluginsError] = []
        self._lock = threading.Lock()

    def __call__(self, item: Q) -> Any:
        if (ended := self.ended()) is not None:
            return ended
        try:
            result = self._function(item)
        except HelioPluginsError as error:
            result = error
        return self.noted(item, result)

    def ended(self) -> HelioPluginsError | None:
        """Return the error because of which the function is not called again, if any."""
        with self._lock:
            return self._failed[-1] if len(self._failed) >= limits.MOST_ALIKE else None

    def noted(self, item: Q, result: Any) -> Any:
        """Count a result."""
        with self._lock:
            if isinstance(result, HelioPluginsError):
                self._failed.append(result)
            else:
                self._failed.clear()
                self._done(item, result)
        return result


def _result(future: Future[Any]) -> Any:
    """Return the result of a task, or its error if it is one of this package; raise any other."""
    import distributed

    try:
        return future.result()
    except HelioPluginsError as error:
        return error
    except (CancelledError, asyncio.CancelledError) as error:
        raise _closed() from error
    except distributed.KilledWorker as error:
        return WorkerError(
            f"{error.allowed_failures + 1} workers ended in one task, the last one is {error.last_worker.address}: "
            "look at its log; a part may need more memory than a worker has."
        )
    except ModuleNotFoundError as error:
        raise WorkerError(
            f"A worker that joined the cluster cannot import {error.name}: install sunpy_helio_plugins and its "
            "dependencies there."
        ) from error


def _closed() -> WorkerError:
    return WorkerError(
        "The cluster was closed while its workers had tasks; what they had completed is kept, and the same call on "
        "another cluster continues."
    )
