"""Group the reports of flares: which reports are of the same flare."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.events.places import EventIntervals, Places, days
from sunpy_helio_plugins.her.filters import goes
from sunpy_helio_plugins.her.tables import HERTable

__all__ = ["Limits", "Reports", "first_with", "grouped", "supplier"]

LARGEST_RATIO = 2.0
"""The largest ratio of the fluxes of two reports of a flare: lists round and average them in different ways."""


@dataclass(frozen=True)
class Limits:
    """How far two reports of a flare may be apart: their peaks in days, and their positions in arcsec."""

    peaks: float
    places: float


@dataclass(frozen=True)
class Reports:
    """The reports of flares, as plain lists in the order of the rows."""

    suppliers: list[str]
    channels: list[str]
    starts: list[float]
    ends: list[float]
    peaks: list[float]
    xs: list[float]
    ys: list[float]
    fluxes: list[float]

    @classmethod
    def of(cls, table: HERTable) -> Self:
        """Return the reports of a table of flares."""
        records = list(table["raw"])
        interval = EventIntervals.of(table, "event_starttime", "event_endtime")
        peaks = days(table, "event_peaktime")
        peaks = np.where(np.isnan(peaks), (interval.starts + interval.ends) / 2, peaks)
        # Reports without any time are last, and agree with none.
        peaks = np.where(np.isnan(peaks), np.inf, peaks)
        place = Places.of(table)
        values, missing = goes.fluxes([record.get("fl_goescls") for record in records])
        values[missing] = np.nan
        arrays = (interval.starts, interval.ends, peaks, place.x, place.y, values)
        return cls(list(map(supplier, records)), list(map(_channel, records)), *(one.tolist() for one in arrays))

    def agree(self, one: int, two: int, limits: Limits) -> bool:
        """Return whether two reports can be of the same flare."""
        if not abs(self.peaks[one] - self.peaks[two]) <= limits.peaks:
            return False
        if self.starts[one] > self.ends[two] or self.starts[two] > self.ends[one]:
            return False
        # A missing position or class, NaN, does not contradict any.
        if np.hypot(self.xs[one] - self.xs[two], self.ys[one] - self.ys[two]) > limits.places:
            return False
        low, high = sorted((self.fluxes[one], self.fluxes[two]))
        return not high > LARGEST_RATIO * low

    def exclude(self, one: int, two: int) -> bool:
        """Return whether two reports of one supplier are of two flares: neither resubmitted nor of two channels."""
        if self.suppliers[one] != self.suppliers[two] or self.channels[one] != self.channels[two]:
            return False
        return (self.starts[one], self.peaks[one]) != (self.starts[two], self.peaks[two])


def supplier(record: dict[str, Any]) -> str:
    """Return the condensed name of the method of a report, else its full name."""
    return str(record.get("search_frm_name") or record.get("frm_name") or "")


def _channel(record: dict[str, Any]) -> str:
    return str(record.get("search_channelid") or record.get("obs_channelid") or record.get("obs_meanwavel") or "")


def grouped(reports: Reports, limits: Limits, order: Sequence[str]) -> list[list[int]]:
    """
    Return the rows of each flare: the closest peaks first, and each report in one flare only.

    All reports of a flare agree with each other. Suppliers are added in the given order, then by name.
    """
    rows: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(reports.suppliers):
        rows[name].append(row)
    places = {name: place for place, name in enumerate(dict.fromkeys(order))}
    flares: list[list[int]] = []
    for name in sorted(rows, key=lambda name: (places.get(name, len(places)), name)):
        flares = _with_supplier(reports, limits, flares, sorted(rows[name], key=lambda row: (reports.peaks[row], row)))
    return flares


def _with_supplier(reports: Reports, limits: Limits, flares: list[list[int]], rows: list[int]) -> list[list[int]]:
    """Add the reports of one supplier, sorted by peak, to flares that are sorted by the peak of their first report."""
    taken: set[int] = set()
    for _, row, flare in sorted(_candidates(reports, limits, flares, rows)):
        if row not in taken and _fits(reports, limits, flares[flare], row):
            flares[flare].append(row)
            taken.add(row)
    new: list[list[int]] = []
    for row in (row for row in rows if row not in taken):
        earliest = reports.peaks[row] - limits.peaks
        close = takewhile(lambda found: reports.peaks[found[0]] >= earliest, reversed(new))  # noqa: B023 - used here
        fitting = next((found for found in close if _fits(reports, limits, found, row)), None)
        if fitting is None:
            new.append([row])
        else:
            fitting.append(row)
    return sorted([*flares, *new], key=lambda flare: (reports.peaks[flare[0]], flare[0]))


def _fits(reports: Reports, limits: Limits, flare: list[int], row: int) -> bool:
    return all(reports.agree(row, other, limits) and not reports.exclude(row, other) for other in flare)


def _candidates(
    reports: Reports, limits: Limits, flares: list[list[int]], rows: list[int]
) -> Iterator[tuple[float, int, int]]:
    """Yield the reports and flares whose peaks are close: the difference, the row and the number of the flare."""
    peaks = [reports.peaks[flare[0]] for flare in flares]
    for row in rows:
        flare = bisect_left(peaks, reports.peaks[row] - limits.peaks)
        while flare < len(peaks) and peaks[flare] <= reports.peaks[row] + limits.peaks:
            yield abs(peaks[flare] - reports.peaks[row]), row, flare
            flare += 1


def first_with(rows: Sequence[int], known: NDArray[np.bool_], names: list[str], order: Sequence[str]) -> int:
    """Return the row of the first report with a value, by the order of the suppliers; -1 if none has it."""
    places = {name: place for place, name in enumerate(dict.fromkeys(order))}
    having = [row for row in rows if known[row]]
    return min(having, key=lambda row: places.get(names[row], len(places)), default=-1)
