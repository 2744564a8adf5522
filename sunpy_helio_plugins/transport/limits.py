"""Limits of time and size that apply to every request."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

from sunpy_helio_plugins.config import conf

__all__ = ["Deadline", "MinimumRate", "SizeLimit", "budget", "budget_deadline", "request_deadline"]

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

    def timeout(self, seconds: float) -> float:
        """Return a timeout that ends with the deadline; never zero, which would mean no timeout."""
        return max(min(seconds, self.left()), 0.001)


_NONE = Deadline()

_budget: ContextVar[Deadline] = ContextVar("budget", default=_NONE)


@contextlib.contextmanager
def budget(seconds: float | None) -> Iterator[Deadline]:
    """
    Limit the time of all requests within a block; a budget inside another one cannot prolong it.

    Threads do not inherit it: submit ``contextvars.copy_context().run`` with the function and its arguments.
    """
    token = _budget.set(_earlier(_budget.get(), Deadline.after(seconds, "conf.search_deadline")))
    try:
        yield _budget.get()
    finally:
        _budget.reset(token)


def request_deadline() -> Deadline:
    """Return the deadline of a request that starts now: ``conf.deadline``, or the end of the budget."""
    return _earlier(_budget.get(), Deadline.after(conf.deadline, "conf.deadline"))


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
