"""Durations of HAPI, and ranges cut into requests that a server answers: without overlap and without gap."""

from __future__ import annotations

import re
from typing import Any

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.hapi.header import Info
from sunpy_helio_plugins.hapi.spans import Span

__all__ = ["MOST_REQUESTS", "cut", "estimated_bytes", "longest", "seconds"]

MOST_REQUESTS = 10_000
"""Requests into which one range is cut at most."""

_DURATION = re.compile(
    r"P(?:(?P<years>[\d.,]+)Y)?(?:(?P<months>[\d.,]+)M)?(?:(?P<weeks>[\d.,]+)W)?(?:(?P<days>[\d.,]+)D)?"
    r"(?:T(?:(?P<hours>[\d.,]+)H)?(?:(?P<minutes>[\d.,]+)M)?(?:(?P<seconds>[\d.,]+)S)?)?",
    re.IGNORECASE,
)
_SECONDS = {
    "years": 365.25 * 86400, "months": 365.25 / 12 * 86400, "weeks": 7 * 86400, "days": 86400, "hours": 3600,
    "minutes": 60, "seconds": 1,
}  # fmt: skip

_MILLISECOND = 1_000_000
"""In nanoseconds; requests are made in whole ones."""

_CSV_FIELD = 16
"""Bytes that a number takes in CSV, as a guess."""


def seconds(duration: Any) -> float | None:
    """
    Return an ISO 8601 duration in seconds: that of a mean month or year where it names any.

    Parameters
    ----------
    duration : str or None
        Such as ``"PT1M30S"`` or ``"P1M"``.

    Returns
    -------
    float or None
        `None` where there is none, or it is no duration.
    """
    match = _DURATION.fullmatch(str(duration or "").strip())
    if match is None:
        return None
    try:
        total = sum(
            float(value.replace(",", ".")) * _SECONDS[name] for name, value in match.groupdict().items() if value
        )
    except ValueError:
        return None
    return total or None


def estimated_bytes(info: Info, chosen: str) -> float:
    """Return how many bytes a record takes: exactly in binary, as a guess in text."""
    if chosen == "binary":
        return float(info.record().itemsize)
    return float(sum((one.length or _CSV_FIELD) * one.width + one.width for one in info.parameters))


def longest(
    info: Info, wanted: Info, chosen: str, elements: int = 0, size: int = 0, chunk: float | None = None
) -> float | None:
    """
    Return how long one request may be, in seconds.

    Parameters
    ----------
    info : Info
        The dataset's description: its ``maxRequestDuration``, and server-java's ``x_requestLimits``.
    wanted : Info
        That of the parameters asked for: its cadence and the width of a record tell how much a range holds.
    chosen : str
        The format.
    elements, size : int, optional
        How many values, times included, and how many bytes one answer may hold; 0 where there is no limit.
    chunk : float, optional
        What the user wants.

    Returns
    -------
    float or None
        `None` where nothing limits it, or the cadence is not known.
    """
    limits = info.raw.get("x_requestLimits")
    said = limits.get("duration") if isinstance(limits, dict) else None
    found = [chunk, seconds(info.raw.get("maxRequestDuration")), seconds(said)]
    cadence = seconds(info.cadence)
    if cadence and elements:
        width = sum(parameter.width for parameter in wanted.parameters)
        # One record less than allowed: a range may hold one more than its length over the cadence.
        found.append(max(1, elements // width - 1) * cadence)
    if cadence and size:
        found.append(max(1, int(size / estimated_bytes(wanted, chosen)) - 1) * cadence)
    return min((one for one in found if one), default=None)


def cut(span: Span, length: float | None) -> list[Span]:
    """
    Cut a range into pieces that follow each other: a piece begins with the instant before which the last one ends.

    Parameters
    ----------
    span : Span
        The range.
    length : float or None
        The longest piece in seconds; the instant that closes the range is no piece of its own.

    Raises
    ------
    QueryError
        There would be more than `MOST_REQUESTS` pieces.
    """
    if length is None:
        return [span]
    try:
        return span.cut(max(1, int(length * 1000)) * _MILLISECOND, MOST_REQUESTS)
    except ValueError as count:
        raise QueryError(
            f"From {span.first} to {span.last} would take {count} requests of {length:g} s, more than {MOST_REQUESTS}; "
            "ask for a shorter time, or for fewer parameters."
        ) from None
