"""The one retry policy: which failures are repeated (`TRANSIENT`), how often, and after what wait (`wait_after`)."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError, TransferError
from sunpy_helio_plugins.transport.limits import Deadline, budget, budget_deadline, request_deadline
from sunpy_helio_plugins.transport.messages import log_wait, wait_reason

__all__ = [
    "TRANSIENT",
    "Attempts",
    "RefusedError",
    "TransientError",
    "TransientFileError",
    "Wait",
    "attempts",
    "backoff",
    "budget",
    "budget_deadline",
    "retry_after",
    "wait_after",
]

TRANSIENT = frozenset({429, 502, 503, 504})
"""HTTP statuses after which the same request may succeed."""

_random = random.Random()  # noqa: S311 - not used for secrets; a seed that the user has set stays untouched


class Attempts:
    """The attempts of one request to an archive, and the waits between them, which are logged."""

    def __init__(self, deadline: Deadline, retries: int, archive: str) -> None:
        self._deadline, self._retries, self._failed, self._archive = deadline, max(retries, 0), 0, archive

    def pause(self, seconds: float | None = None) -> float | None:
        """
        Count a failed attempt and return the seconds to wait before the next one.

        `None` means that no attempt is left, or that the wait would pass the deadline. ``seconds`` defaults to a wait
        that doubles with each attempt.
        """
        if self._failed >= self._retries:
            return None
        pause = backoff(self._failed) if seconds is None else seconds
        self._failed += 1
        return pause if pause < self._deadline.left() else None

    def wait(self, seconds: float | None = None, reason: str = "") -> bool:
        """Sleep before the next attempt; return `False` at once if there is none."""
        pause = self._logged(seconds, reason)
        if pause is None:
            return False
        time.sleep(pause)
        return True

    async def wait_async(
        self, seconds: float | None = None, reason: str = "", showing: Callable[[float], Any] = contextlib.nullcontext
    ) -> bool:
        """Do as `wait` does, in an event loop, within the context that ``showing`` returns for the seconds."""
        pause = self._logged(seconds, reason)
        if pause is None:
            return False
        with showing(pause):
            await asyncio.sleep(pause)
        return True

    def _logged(self, seconds: float | None, reason: str) -> float | None:
        pause = self.pause(seconds)
        if pause is not None:
            log_wait(self._archive, pause, reason, f"{self._failed + 1} of {self._retries + 1}")
        return pause


def attempts(deadline: Deadline | None = None, retries: int | None = None, archive: str = "") -> Attempts:
    """Return the attempts of a request: one, and ``conf.retries`` more (a negative number counts as 0)."""
    return Attempts(deadline or request_deadline(), int(conf.retries) if retries is None else retries, archive)


def backoff(attempt: int) -> float:
    """Return the seconds to wait after a number of failed attempts: doubling, with jitter to spread out clients."""
    return float(0.5 * 2**attempt * _random.uniform(0.75, 1.25))


class Wait(NamedTuple):
    """The seconds before the next attempt (`None` for the wait of `backoff`), and the reason in a few words."""

    seconds: float | None
    reason: str


def wait_after(status: int, headers: Mapping[str, str]) -> Wait | None:
    """Return the wait before a request is sent again that was answered with a status; `None` if that is final."""
    if status not in TRANSIENT:
        return None
    asked = retry_after(headers.get("Retry-After")) or None
    return Wait(asked, wait_reason(status, asked is not None))


def retry_after(value: str | None) -> float | None:
    """
    Return the seconds from now of a ``Retry-After`` header (RFC 9110, section 10.2.3).

    `None` means that the header is missing, or that it is neither a number of seconds nor a date.
    """
    if value is None:
        return None
    seconds = value.strip()
    if seconds.isascii() and seconds.isdigit():
        return float(seconds)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None


class TransientFileError(FileError):
    """An invalid file that may be valid when it is requested again, after ``wait`` seconds."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait


class TransientError(TransferError):
    """
    A failure after which the same request may succeed, after ``wait`` seconds.

    ``problem`` is the part of the text that other files of the server may share, if any; ``reason`` is that of a wait
    in a few words, by default the problem.
    """

    def __init__(
        self, text: str, wait: float | None = None, *, problem: str = "", status: int | None = None, reason: str = ""
    ) -> None:
        super().__init__(text)
        self.wait, self.problem, self.status, self.reason = wait, problem, status, reason


class RefusedError(TransferError):
    """A file that the server refuses: the HTTP status, its phrase and the beginning of the answer."""

    def __init__(self, text: str, status: int, phrase: str, body: bytes) -> None:
        super().__init__(text)
        self.status, self.phrase, self.body = status, phrase, body
