"""
I-ALiRT of the embedded archive: real-time data of the spacecraft.

Values are functions of the second only, so that any time window of the scene's days can be requested. As in the real
service, a window with too many values is refused, times are compared as text, and other days have no values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sunpy_helio_plugins.sandbox import scene
from sunpy_helio_plugins.sandbox.imap.catalogue import Refused

__all__ = ["daily", "values"]

FIRST, LAST = datetime(2026, 1, 8, tzinfo=UTC), datetime(2026, 1, 13, tzinfo=UTC)
SHOCK, STREAM = scene.SHOCK.replace(tzinfo=UTC), scene.stream()[0].replace(tzinfo=UTC)
CLOUD, RECOVERY = 10.3, 32.3
"""Hours after the shock between which the cloud passes."""

CADENCES = {"mag": 4, "swapi": 12, "hit": 60, "swe": 15, "codice_lo": 60, "codice_hi": 60, "spacecraft": 60}
SCIENCE = ("hit", "mag", "codice_lo", "codice_hi", "swapi", "swe")
MOST = 1000
"""Records of one response: the database returns at most 1 MB at a time."""

DAILY = "imap_ialirt_l1_realtime_"

ALLOWED = {"instrument", "time_utc_start", "time_utc_end", "met_in_utc_start", "met_in_utc_end"}


def values(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Return the response of ``/space-weather``."""
    unexpected = set(parameters) - ALLOWED
    if unexpected:
        raise Refused(400, f"Unexpected parameters: {', '.join(sorted(unexpected))}")
    first, last = moment(parameters, "start"), moment(parameters, "end")
    start, end = first or (last or LAST) - timedelta(hours=1), last or (first or LAST) + timedelta(hours=1)
    named = parameters.get("instrument")
    data = [one for part in ([named] if named else SCIENCE) for one in records(part, start, end)]
    kind = named if named == "spacecraft" else "science"
    return {"meta": {"count": len(data), "type": kind, "instrument": named or "all"}, "data": data}


def records(part: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return the records of one instrument."""
    step = CADENCES.get(part, 60)
    first = max(math.ceil((start - FIRST).total_seconds() / step), 0)
    last = math.floor((min(end, LAST) - FIRST).total_seconds() / step)
    if last - first + 1 > MOST:
        raise Refused(
            400,
            f"Your request for '{part}' returned more data than allowed in a single query. "
            "Please reduce the time window or filter further.",
        )
    return [record(part, FIRST + timedelta(seconds=step * number)) for number in range(first, last + 1)]


def daily(rows: list[dict[str, Any]], parameters: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the response of ``/ialirt-archive-query``: names that begin with parts of a date and have a version."""
    year, month, day = (parameters.get(name, "") for name in ("year", "month", "day"))
    if (day and not month) or (month and not year):
        raise Refused(400, "Date parts must be specified in order: year, month, day.")
    try:
        version = f"v{int(parameters.get('version', '1')):03}"
    except ValueError:
        raise Refused(400, "Invalid version format. Must be an integer.") from None
    date = f"{year.zfill(4) if year else ''}{month.zfill(2) if month else ''}{day.zfill(2) if day else ''}"
    names = [row["file_path"].rpartition("/")[2] for row in rows]
    return {"files": [name for name in names if name.startswith(f"{DAILY}{date}") and version in name]}


def speed(when: datetime) -> float:
    """Return the speed of the wind in km/s: before the shock, behind it, in the cloud, and in the fast stream."""
    hours = (when - SHOCK).total_seconds() / 3600
    if hours < CLOUD:
        return 372.0 if hours < 0 else 561.0
    if hours < RECOVERY:
        return round(548 - 3.1 * (hours - CLOUD), 3)
    rise = 0.5 * (1 + math.tanh((when - STREAM).total_seconds() / 3600 / 4))
    return round(471.0 + (scene.STREAM_SPEED - 471.0) * rise, 3)


def moment(parameters: Mapping[str, str], which: str) -> datetime | None:
    """Return one end of the window."""
    text = parameters.get(f"time_utc_{which}") or parameters.get(f"met_in_utc_{which}")
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        raise Refused(400, "Invalid time format") from None


def record(part: str, when: datetime) -> dict[str, Any]:
    """Return the record at one time, with numbers rounded to three decimals, as in the service."""
    hours = (when - SHOCK).total_seconds() / 3600
    head = {"instrument": part, "time_utc": when.strftime("%Y-%m-%dT%H:%M:%S")}
    if part == "mag":
        strength = 5.0 if hours < 0 or hours > RECOVERY else 18.0
        vector = [round(strength * math.cos(hours), 3), round(strength * math.sin(hours), 3), round(-strength / 3, 3)]
        size = round(math.sqrt(sum(one * one for one in vector)), 3)
        return {**head, "mag_B_GSE": vector, "mag_B_GSM": vector, "mag_B_magnitude": size}
    if part == "swapi":
        names = ("speed", "density", "temperature")
        values = (speed(when), 6.1, None if when.minute == 30 else 62000.0)
        return head | {f"swapi_pseudo_proton_{name}": one for name, one in zip(names, values, strict=True)}
    return {**head, f"{part}_counts": [1, 2, 3, 4]}
