"""Limits of time, size and number that apply to every request."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from sunpy_helio_plugins.config import conf

__all__ = [
    "NOT_AGAIN",
    "OFFLINE",
    "Deadline",
    "MinimumRate",
    "Outages",
    "SizeLimit",
    "Turns",
    "budget",
    "budget_deadline",
    "halving",
    "is_halving",
    "one_request",
    "outages",
    "postpone",
    "request_deadline",
    "taking_turns",
    "turn",
    "turn_async",
]

SLOWEST = 16_384
"""Bytes of a file that must arrive within ``conf.deadline``: files may take hours, but must not stall."""


@dataclass(frozen=True)
class Deadline:
    """A time on the monotonic clock, and a text with the setting that it results from."""

    ends: float = float("inf")
    text: str = ""

    @classmethod
    def after(cls, seconds: float | None, setting: str) -> Deadline:
        """Return the deadline some seconds from now; 0 and `None` mean no limit."""
        return cls(time.monotonic() + seconds, f"within {seconds:g} s, see {setting}") if seconds else cls()

    def left(self) -> float:
        """Return the seconds until the deadline."""
        return self.ends - time.monotonic()

    def is_over(self) -> bool:
        """Return whether the deadline has passed."""
        return self.left() <= 0

    def timeouts(self, connect: float, read: float) -> tuple[float, float]:
        """Return two timeouts that end with the deadline; never zero, which would mean no timeout."""
        left = max(self.left(), 0.001)
        return min(connect, left), min(read, left)


class Outages:
    """The services that failed to answer twice in a row during one question, and are not asked again in it."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Exception, int]] = {}

    def add(self, url: str, error: Exception, count: int = 1) -> None:
        """Count a request without an answer, after all its attempts."""
        service = _service(url)
        self._last[service] = error, self._last.get(service, (error, 0))[1] + count

    def end(self, url: str) -> None:
        """Record that a service answered."""
        self._last.pop(_service(url), None)

    def error(self, url: str) -> Exception | None:
        """Return the error because of which a service is not asked again; `None` if it is."""
        error, count = self._last.get(_service(url), (None, 0))
        return error if count >= MOST_ALIKE else None


NOT_AGAIN = "it is not asked again after two such failures"

OFFLINE = "no request was sent, since conf.offline is set"


def _service(url: str) -> str:
    """Return the part of an address that requests of one service share: one host may have several services."""
    return url.partition("?")[0].rpartition("/")[0].rpartition("@")[2]


MOST_ALIKE = 2
"""Failures alike in a row after which a question is given up: more of them would only add load."""

_NONE = Deadline()

_budget: ContextVar[Deadline] = ContextVar("budget", default=_NONE)

_request: ContextVar[Deadline] = ContextVar("request", default=_NONE)

_outages: ContextVar[Outages | None] = ContextVar("outages", default=None)

_is_halving: ContextVar[bool] = ContextVar("is_halving", default=False)


@contextlib.contextmanager
def budget(seconds: float | None, setting: str = "conf.search_deadline") -> Iterator[Deadline]:
    """
    Limit the time of all requests within a block, which are one question; `None` and 0 mean no limit.

    A budget inside another one cannot prolong it, and shares its outages. Threads do not inherit it: submit
    ``contextvars.copy_context().run`` with the function and its arguments.
    """
    token = _budget.set(_earlier(_budget.get(), Deadline.after(seconds, setting)))
    known = _outages.set(_outages.get() or Outages())
    try:
        yield _budget.get()
    finally:
        _outages.reset(known)
        _budget.reset(token)


@contextlib.contextmanager
def one_request() -> Iterator[Deadline]:
    """Let all attempts and redirects within a block share the deadline of one request."""
    token = _request.set(_NONE)
    _request.set(request_deadline())
    try:
        yield _request.get()
    finally:
        _request.reset(token)


@contextlib.contextmanager
def halving() -> Iterator[None]:
    """Do not count busy servers as outages within a block: they may answer shorter questions."""
    token = _is_halving.set(True)
    try:
        yield
    finally:
        _is_halving.reset(token)


def is_halving() -> bool:
    """Return whether a server that is busy may answer shorter questions."""
    return _is_halving.get()


def outages() -> Outages:
    """Return the outages of the current question; new ones outside of a question."""
    return _outages.get() or Outages()


def request_deadline() -> Deadline:
    """Return the deadline of a request that starts now: ``conf.deadline``, or the end of the budget."""
    if _request.get() is not _NONE:
        return _earlier(_budget.get(), _request.get())
    return _earlier(_budget.get(), Deadline.after(conf.deadline, "conf.deadline"))


class Turns(Protocol):
    """The turns in which several processes send their requests to one server."""

    def turn(self, url: str) -> AbstractContextManager[None]:
        """Wait until a request may be sent; the turn ends with the block."""

    def postpone(self, url: str, seconds: float) -> None:
        """Let no process send another request to a server for some seconds, as it asked."""


_turns: ContextVar[Turns | None] = ContextVar("turns", default=None)


@contextlib.contextmanager
def taking_turns(turns: Turns | None) -> Iterator[None]:
    """Send the requests within a block in turn with those of other processes."""
    token = _turns.set(turns)
    try:
        yield
    finally:
        _turns.reset(token)


def turn(url: str) -> AbstractContextManager[None]:
    """Return the context of one request and its attempts, which begins when its turn has come."""
    turns = _turns.get()
    return contextlib.nullcontext() if turns is None else turns.turn(url)


@contextlib.asynccontextmanager
async def turn_async(url: str) -> AsyncIterator[None]:
    """Do as `turn` does, in an event loop."""
    if _turns.get() is None:
        yield
        return
    waiting = turn(url)
    await asyncio.to_thread(waiting.__enter__)
    try:
        yield
    finally:
        await asyncio.to_thread(waiting.__exit__, None, None, None)


def postpone(url: str, seconds: float | None) -> None:
    """Tell the other processes that a server asked to wait for some seconds."""
    turns = _turns.get()
    if turns is not None and seconds:
        turns.postpone(url, seconds)


def budget_deadline() -> Deadline:
    """Return the end of the budget alone."""
    return _budget.get()


def _earlier(one: Deadline, other: Deadline) -> Deadline:
    return one if one.ends <= other.ends else other


@dataclass
class SizeLimit:
    """The bytes of a body so far, and the largest number that is accepted."""

    most: float
    what: str = "answer"
    advice: str = ""
    size: int = 0

    def add(self, count: int) -> bool:
        """Count bytes; return whether the body is still within the limit."""
        self.size += count
        return self.size <= self.most

    def message(self) -> str:
        """Return the text for a body beyond the limit."""
        return f"the {self.what} is larger than {self.most:.0f} bytes{self.advice and f'; {self.advice}'}"


class MinimumRate:
    """Detect a body that arrives too slowly, although no single wait exceeds the socket's timeout."""

    def __init__(self) -> None:
        self._deadline, self._size = Deadline.after(conf.deadline, "conf.deadline"), 0

    def left(self) -> float:
        """Return the seconds until the next bytes must have been received."""
        return max(min(self._deadline.left(), _budget.get().left()), 0.001)

    def problem(self, count: int) -> str:
        """Count bytes; return what is wrong with the rate, or an empty text."""
        self._size += count
        if _budget.get().is_over():
            return f"the file did not arrive {_budget.get().text}"
        if not self._deadline.is_over():
            return ""
        if self._size < SLOWEST:
            return f"only {self._size} bytes were received {self._deadline.text}"
        self._deadline, self._size = Deadline.after(conf.deadline, "conf.deadline"), 0
        return ""
