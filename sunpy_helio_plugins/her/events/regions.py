"""The active region of each of some events: by its number, else by its place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.events.places import EventIntervals, Places, overlaps
from sunpy_helio_plugins.her.filters import noaa
from sunpy_helio_plugins.her.tables import HERTable

__all__ = ["NEAR_REGION", "active_regions", "region_number"]

NEAR_REGION = 10.0
"""Degrees between the position of an event and the center of its region."""


def region_number(record: dict[str, Any]) -> int | None:
    """Return NOAA's number of the region of an event with five digits; `None` if it does not have one."""
    try:
        number = int(float(record.get("ar_noaanum") or 0))
    except (TypeError, ValueError, OverflowError):
        return None
    return noaa.five_digits(number, str(record.get("event_starttime") or "")) if number > 0 else None


def active_regions(
    numbers: NDArray[np.int64], spans: EventIntervals, places: Places, place_rows: NDArray[np.intp], regions: HERTable,
    near: float = NEAR_REGION,
) -> tuple[NDArray[np.int64], list[str]]:  # fmt: skip
    """
    Return the row of the region of each event, -1 without one, and how it was found: ``"number"`` or ``"place"``.

    ``place_rows`` are the rows of the events in ``places``, -1 for one without a position, ``numbers`` those of NOAA, 0
    if unknown, and ``near`` is in degrees.
    """
    others, areas = EventIntervals.of(regions, "event_starttime", "event_endtime"), Places.of(regions)
    own = np.array([region_number(record) or 0 for record in regions["raw"]], dtype=int)
    best: list[tuple[Any, int]] = [((), -1)] * len(numbers)
    for one, two in overlaps(spans, others, 1.0):
        starts, rows = spans.starts[one], place_rows[one]
        apart = np.where(rows < 0, np.inf, places.angle(rows, areas, two, starts))
        late = np.maximum(0, np.maximum(others.starts[two] - starts, starts - others.ends[two]))
        same = (numbers[one] > 0) & (numbers[one] == own[two])
        for pair in np.flatnonzero(same | ((apart <= near) & (late == 0))):
            rank = (0, late[pair], two[pair]) if same[pair] else (1, apart[pair], two[pair])
            if best[one[pair]][1] < 0 or rank < best[one[pair]][0]:
                best[one[pair]] = rank, int(two[pair])
    by = ["" if row < 0 else ("number", "place")[rank[0]] for rank, row in best]
    return np.array([row for _, row in best], dtype=np.int64), by
