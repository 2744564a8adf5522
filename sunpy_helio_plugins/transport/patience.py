"""When to ask again, and how long to wait before it."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime

__all__ = ["PASSING", "backoff", "retry_after"]

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
