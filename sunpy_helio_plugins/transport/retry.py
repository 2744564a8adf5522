"""Decide which failures are worth another attempt, and how long to wait before it."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from sunpy_helio_plugins.errors import FileError, TransferError
from sunpy_helio_plugins.transport.messages import server_words
from sunpy_helio_plugins.transport.urls import public_url

if TYPE_CHECKING:
    import aiohttp

__all__ = ["PASSING", "PassingError", "PassingFileError", "RefusedError", "backoff", "refusal", "retry_after"]

PASSING = frozenset({429, 502, 503, 504})
"""HTTP statuses after which the same request may well succeed."""

_dice = random.Random()  # noqa: S311 - no secret depends on it; the random numbers that a user has seeded stay theirs


def backoff(attempt: int) -> float:
    """
    Return the seconds to wait before the next attempt: doubling, with jitter so that many clients spread out.

    Parameters
    ----------
    attempt : int
        How many attempts have failed before the last one.
    """
    return float(0.5 * 2**attempt * _dice.uniform(0.75, 1.25))


def retry_after(value: str | None) -> float | None:
    """
    Return the seconds that a ``Retry-After`` header asks for, in either of its forms.

    Parameters
    ----------
    value : str or None
        The header: seconds, or an HTTP date (RFC 9110, section 10.2.3).

    Returns
    -------
    float or None
        Seconds from now, not negative; `None` where there is no such header or it cannot be read.
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


_READ = 65536


class PassingFileError(FileError):
    """
    A file that is not what it should be, and may be when it is asked for again.

    Parameters
    ----------
    words : str
        What came.
    wait : float, optional
        Seconds to wait before.
    """

    def __init__(self, words: str, wait: float | None = None) -> None:
        super().__init__(words)
        self.wait = wait


class PassingError(TransferError):
    """
    A failure after which the same request may well succeed.

    Parameters
    ----------
    text : str
        What happened, for a message.
    wait : float, optional
        Seconds to wait before.
    """

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait


class RefusedError(TransferError):
    """
    A file that the server refuses to give.

    Parameters
    ----------
    text : str
        What happened, for a message.
    status : int
        The HTTP status.
    phrase : str
        What stands beside it: some servers say there, and nowhere else, why they refuse.
    body : bytes
        The beginning of the answer.
    """

    def __init__(self, text: str, status: int, phrase: str, body: bytes) -> None:
        super().__init__(text)
        self.status, self.phrase, self.body = status, phrase, body


async def refusal(response: aiohttp.ClientResponse, archive: str, url: str) -> PassingError | RefusedError:
    """
    Return what to raise for an answer that is no file.

    Parameters
    ----------
    response : aiohttp.ClientResponse
        The answer.
    archive : str
        The archive's name, for the message.
    url : str
        What was asked.
    """
    body, phrase = await response.content.read(_READ), response.reason or ""
    words = server_words(body) or server_words(phrase.encode())
    text = f"{archive} answered {response.status}: {words} [asked: {public_url(url)}]"
    if response.status in PASSING:
        return PassingError(text, retry_after(response.headers.get("Retry-After")))
    return RefusedError(text, response.status, phrase, body)
