"""Responses that may be incomplete, and requests that are sent concurrently."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock
from typing import Any, Generic, Protocol, TypeVar

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import HelioPluginsError, Problem, ServiceError, warn_incomplete
from sunpy_helio_plugins.transport import limits

__all__ = [
    "Partial",
    "Slots",
    "gather",
    "in_halves",
    "log",
    "merge",
    "outcomes",
    "run_all",
    "text_of",
    "warn",
    "workers",
]

MOST_TOLD = 3
"""The number of problems in one warning; the table and the log contain all of them."""

_log = logging.getLogger(__name__)

T = TypeVar("T")
Q = TypeVar("Q")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Partial(Generic[T_co]):
    """
    A result that may be incomplete.

    Attributes
    ----------
    items : tuple
        The responses, in the order of the requests.
    problems : tuple of str
        What is missing, and why; a warning repeats them.
    notes : tuple of str
        Remarks on complete results, such as the end of a dataset.
    """

    items: tuple[T_co, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Partial[T]) -> Partial[T_co | T]:
        return merge((self, other))


def merge(parts: Iterable[Partial[T]]) -> Partial[T]:
    """Join results in their order; repeated problems and notes are kept once."""
    kept = list(parts)
    return Partial(
        tuple(item for one in kept for item in one.items),
        tuple(dict.fromkeys(text for one in kept for text in one.problems)),
        tuple(dict.fromkeys(text for one in kept for text in one.notes)),
    )


class _HasProblems(Protocol):
    @property
    def problems(self) -> Sequence[str]:
        """Descriptions of the missing parts, and the reasons."""


def warn(answer: _HasProblems) -> None:
    """Emit one warning for the missing parts of a result or a table, in the same form for every archive."""
    if answer.problems:
        warn_incomplete(text_of(answer.problems))
        log(answer.problems[MOST_TOLD:])


def log(problems: Iterable[str]) -> None:
    """Log problems that no warning contains."""
    for text in problems:
        _log.warning("%s", text)


def text_of(problems: Sequence[str]) -> str:
    """Return problems as one text: the first ones, and the number of the others."""
    told = [text if text.endswith((".", "]")) else f"{text}." for text in problems[:MOST_TOLD]]
    more = len(problems) - MOST_TOLD
    return " ".join([*told, *([f"(And {more} more: see the table's problems.)"] if more > 0 else [])])


class Slots:
    """Limits the number of concurrent requests that are sent from several places."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._free = BoundedSemaphore(number)

    def __enter__(self) -> None:
        self._free.acquire()
        try:
            _refuse_stopped()
        except BaseException:
            self._free.release()
            raise

    def __exit__(self, *_: object) -> None:
        self._free.release()


class _Run:
    """Requests that are sent together; after a stop, no further one is sent, nor any that these would send."""

    def __init__(self, outer: _Run | None) -> None:
        self._outer = outer
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True

    def is_stopped(self) -> bool:
        return self._stopped or (self._outer is not None and self._outer.is_stopped())


_current: ContextVar[_Run | None] = ContextVar("helio_run", default=None)


def _refuse_stopped() -> None:
    run = _current.get()
    if run is not None and run.is_stopped():
        raise CancelledError("The search was stopped.")


@contextmanager
def _started() -> Iterator[_Run]:
    outer = _current.get()
    run = _Run(outer)
    token = _current.set(run)
    try:
        yield run
    finally:
        _current.reset(token)


@contextmanager
def workers(number: int) -> Iterator[Callable[..., Future[Any]]]:
    """
    Yield a function that submits calls to threads, each with a copy of the context.

    After an error of this package, or if the caller does not need further results, only the calls that have begun are
    waited for. Any other exception, such as Ctrl-C, is raised without waiting, and the calls that still run cannot
    submit others.
    """
    waits = True
    with _started() as run:
        pool = ThreadPoolExecutor(max(number, 1))
        try:
            yield lambda call, *args: pool.submit(copy_context().run, _unless_stopped, call, *args)
        except (HelioPluginsError, GeneratorExit):
            run.stop()
            raise
        except BaseException:
            run.stop()
            waits = False
            raise
        finally:
            pool.shutdown(wait=waits, cancel_futures=True)


def _unless_stopped(call: Callable[..., T], *args: Any) -> T:
    _refuse_stopped()
    return call(*args)


def run_all(questions: Iterable[Q], ask: Callable[[Q], T], at_once: int | Slots) -> list[T]:
    """Send requests concurrently and return the responses in order; the first exception is raised immediately."""
    asked = list(questions)
    with limits.budget(None):
        return _run_all(asked, ask, at_once)


def _run_all(asked: Sequence[Q], ask: Callable[[Q], T], at_once: int | Slots) -> list[T]:
    number, slots = (at_once.number, at_once) if isinstance(at_once, Slots) else (at_once, nullcontext())

    def within(question: Q) -> T:
        with slots:
            return ask(question)

    if len(asked) < 2 or number < 2:
        _refuse_stopped()
        with _started():
            return [within(question) for question in asked]
    with workers(min(number, len(asked))) as submit:
        waiting = [submit(within, question) for question in asked]
        for finished in as_completed(waiting):
            finished.result()
        return [one.result() for one in waiting]


class _Row:
    """Failures alike in a row: after two, further pieces of the same question are not requested."""

    def __init__(self) -> None:
        self._lock, self._errors = Lock(), list[HelioPluginsError]()

    def end(self) -> HelioPluginsError | None:
        """Return the error that ended the question."""
        return self._errors[-1] if len(self._errors) >= limits.MOST_ALIKE else None

    def add(self, error: HelioPluginsError | None) -> None:
        """Add a failure, or a success."""
        with self._lock:
            if error is None or (self._errors and not _are_alike(self._errors[-1], error)):
                self._errors.clear()
            if error is not None:
                self._errors.append(error)


def _are_alike(one: HelioPluginsError, other: HelioPluginsError) -> bool:
    if isinstance(one, ServiceError) and isinstance(other, ServiceError):
        return (type(one), one.status, one.words) == (type(other), other.status, other.words)
    return type(one) is type(other)


def outcomes(
    questions: Iterable[Q], ask: Callable[[Q], T], at_once: int | Slots, *, pieces: bool = False
) -> list[T | HelioPluginsError]:
    """
    Send requests concurrently; if one fails with an error of this package, return the error in its place.

    ``pieces`` of one question are not requested any more after two failures alike in a row.
    """
    row = _Row()

    def outcome(question: Q) -> T | HelioPluginsError:
        if pieces and (ended := row.end()):
            return ended
        try:
            answer = ask(question)
        except HelioPluginsError as error:
            row.add(error)
            return error
        row.add(None)
        return answer

    # A budget within another one cannot prolong it, so that nested requests share that of the search.
    asked = list(questions)
    with limits.budget(conf.search_deadline):
        return _run_all(asked, outcome, at_once)


def gather(
    questions: Iterable[Q],
    ask: Callable[[Q], Partial[T]],
    at_once: int | Slots,
    describe: Callable[[Q, HelioPluginsError], str] = lambda _, error: str(error),
    *,
    pieces: bool = False,
) -> Partial[T]:
    """
    Send requests concurrently and join the results that succeed; raise the first error if every request failed.

    ``describe`` takes a request and its error, and returns the sentence on what is missing, which becomes a problem.
    ``pieces`` is that of `outcomes`.
    """
    asked = list(questions)
    found = outcomes(asked, ask, at_once, pieces=pieces)
    if asked and all(isinstance(one, HelioPluginsError) for one in found):
        raise found[0]  # type: ignore[misc]
    pairs = zip(asked, found, strict=True)
    return merge(
        Partial(problems=(Problem.of_error(one, describe(question, one)),))
        if isinstance(one, HelioPluginsError)
        else one
        for question, one in pairs
    )


def in_halves(
    whole: Q, ask: Callable[[Q], Any], halves: Callable[[Q], Sequence[Q]], helps: Callable[[HelioPluginsError], bool]
) -> list[tuple[Q, HelioPluginsError]]:
    """
    Send a request, and those for its halves if it fails in a way that shorter ones may not; return those that failed.

    After two failures, the shortest request is sent: if it fails as well, length is not the reason, and the first
    failure is the result for the whole. After two failures alike of requests that cannot be halved, the others are not
    sent and share the error.
    """
    left, missing, row, failures = [whole], list[tuple[Q, HelioPluginsError]](), _Row(), list[HelioPluginsError]()
    works = False
    while left:
        part = left.pop()
        error = _failure(part, ask)
        parts = halves(part) if error is not None and helps(error) else ()
        if error is None:
            works = True
            row.add(None)
        elif parts:
            failures.append(error)
            if not works and len(failures) == limits.MOST_ALIKE:
                if _failure(_shortest(part, halves), ask) is not None:
                    if isinstance(error, ServiceError):
                        limits.outages().add(error.url, error, limits.MOST_ALIKE)
                    return [(whole, failures[0])]
                works = True
            left += reversed(parts)
        else:
            missing.append((part, error))
            row.add(error)
            if row.end() is not None:
                return missing + [(rest, error) for rest in reversed(left)]
    return missing


def _failure(part: Q, ask: Callable[[Q], Any]) -> HelioPluginsError | None:
    try:
        with limits.halving():
            ask(part)
    except HelioPluginsError as error:
        return error
    return None


def _shortest(part: Q, halves: Callable[[Q], Sequence[Q]]) -> Q:
    while smaller := halves(part):
        part = smaller[0]
    return part
