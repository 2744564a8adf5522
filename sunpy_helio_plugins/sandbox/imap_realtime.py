"""
I-ALiRT of the embedded archive: what the spacecraft sends all the time.

Values are a function of the second alone, so that any window of the scene's days can be asked for. As the service does
it, a window that holds too much is refused, times are compared as text, and there are none beside the days.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sunpy_helio_plugins.sandbox.imap_catalogue import Refused

__all__ = ["values"]

FIRST, LAST = datetime(2026, 1, 8, tzinfo=UTC), datetime(2026, 1, 13, tzinfo=UTC)
SHOCK = datetime(2026, 1, 10, 16, 42, tzinfo=UTC)
CADENCES = {"mag": 4, "swapi": 12, "hit": 60, "swe": 15, "codice_lo": 60, "codice_hi": 60, "spacecraft": 60}
MOST = 1000
"""Records of one answer: the database gives no more than 1 MB at a time."""

ALLOWED = {"instrument", "time_utc_start", "time_utc_end", "met_in_utc_start", "met_in_utc_end"}


def values(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Answer ``/space-weather``."""
    unexpected = set(parameters) - ALLOWED
    if unexpected:
        raise Refused(400, f"Unexpected parameters: {', '.join(sorted(unexpected))}")
    part = parameters.get("instrument", "mag")
    start = moment(parameters, "start")
    end = moment(parameters, "end")
    start, end = start or (end or LAST) - timedelta(hours=1), end or (start or LAST) + timedelta(hours=1)
    step = CADENCES.get(part, 60)
    first = max(math.ceil((start - FIRST).total_seconds() / step), 0)
    last = math.floor((min(end, LAST) - FIRST).total_seconds() / step)
    if last - first + 1 > MOST:
        raise Refused(
            400,
            f"Your request for '{part}' returned more data than allowed in a single query. "
            "Please reduce the time window",
        )
    data = [record(part, FIRST + timedelta(seconds=step * number)) for number in range(first, last + 1)]
    return {"meta": {"count": len(data), "type": "dynamodb", "instrument": part}, "data": data}


def moment(parameters: Mapping[str, str], which: str) -> datetime | None:
    """Return one end of the window."""
    text = parameters.get(f"time_utc_{which}") or parameters.get(f"met_in_utc_{which}")
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Refused(400, f"Invalid time: {text}") from None


def record(part: str, when: datetime) -> dict[str, Any]:
    """Return the record of one instant; numbers rounded to three decimals, as the service has them."""
    hours = (when - SHOCK).total_seconds() / 3600
    head = {"instrument": part, "time_utc": when.strftime("%Y-%m-%dT%H:%M:%S")}
    if part == "mag":
        strength = 5.0 if hours < 0 else 18.0
        vector = [round(strength * math.cos(hours), 3), round(strength * math.sin(hours), 3), round(-strength / 3, 3)]
        size = round(math.sqrt(sum(one * one for one in vector)), 3)
        return {**head, "mag_B_GSE": vector, "mag_B_GSM": vector, "mag_B_magnitude": size}
    if part == "swapi":
        speed = 372.0 if hours < 0 else 561.0
        names = ("speed", "density", "temperature")
        values = (speed, 6.1, None if when.minute == 30 else 62000.0)
        return head | {f"swapi_pseudo_proton_{name}": one for name, one in zip(names, values, strict=True)}
    return {**head, f"{part}_counts": [1, 2, 3, 4]}
