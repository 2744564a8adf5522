"""Calls that run on the workers of a cluster with the settings of the process that made them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.cluster.turns import turns_of_worker
from sunpy_helio_plugins.config import Snapshot
from sunpy_helio_plugins.errors import HelioPluginsError, WorkerError
from sunpy_helio_plugins.transport import limits

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["Task", "completed"]

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
        if numbers:
            with contextlib.suppress(OSError, TimeoutError):
                client.cancel(list(numbers))


def _result(future: Future[Any]) -> Any:
    """Return the result of a task, or its error if it is one of this package; raise any other."""
    import distributed

    try:
        return future.result()
    except HelioPluginsError as error:
        return error
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
