"""The gaps, the cadence and the valid samples of a series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from sunpy_helio_plugins.arguments import optional, taking
from sunpy_helio_plugins.quantities.leap import SECOND, Ints
from sunpy_helio_plugins.series.alignment.grid import POSITIVE, instants, nanoseconds
from sunpy_helio_plugins.series.alignment.samples import SampleSource, source_of

__all__ = ["SeriesCoverage", "coverage"]

_GAP = 1.5
"""The number of usual steps above which a step is a gap."""


@dataclass(frozen=True)
class SeriesCoverage:
    """
    The times that a series covers.

    Attributes
    ----------
    intervals : astropy.table.QTable
        The intervals without gaps: ``start`` and ``end`` in UTC, and the number of samples, ``n``.
    gaps : astropy.table.QTable
        The gaps between them: ``start`` and ``end`` in UTC, and ``duration`` in seconds.
    cadence : astropy.units.Quantity or None
        The cadence in seconds that the header of the table states, or else the median step between samples; `None` for
        fewer than two samples.
    valid : dict of float
        The share of each column's values that are neither masked nor NaN, by name; NaN for a series without samples.
    n : int
        The number of samples.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, series
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> covered = series.coverage(wind)
    >>> covered.cadence, len(covered.gaps)
    (<Quantity 16. s>, 0)
    """

    intervals: QTable
    gaps: QTable
    cadence: u.Quantity | None
    valid: dict[str, float]
    n: int

    def __repr__(self) -> str:
        if not self.n:
            return "<SeriesCoverage: no samples>"
        first, last = self.intervals["start"][0].isot[:19], self.intervals["end"][-1].isot[:19]
        gaps = f"{len(self.gaps)} gap{'s' * (len(self.gaps) != 1)}"
        lines = [f"<SeriesCoverage: {self.n} samples from {first} to {last} UTC, {gaps}"]
        lines += [] if self.cadence is None else [f"cadence: {self.cadence.value:g} s"]
        lines += [f"{name}: {100 * share:.1f} % valid" for name, share in self.valid.items()]
        return "\n    ".join(lines) + ">"


@taking("series.coverage", max_gap=optional(POSITIVE))
def coverage(table: Any, max_gap: u.Quantity | None = None) -> SeriesCoverage:
    """
    Return the intervals with data, the gaps, the cadence and the share of valid values of a series.

    Parameters
    ----------
    table : astropy.table.Table, GenericTimeSeries, pandas.DataFrame, or iterable of these
        The series, or its parts, as in `~sunpy_helio_plugins.series.align`.
    max_gap : astropy.units.Quantity, optional
        The longest step between consecutive samples that is not a gap. Defaults to 1.5 times the cadence.

    Returns
    -------
    SeriesCoverage
        The intervals and gaps, in the order of time. An interval ends with the last sample in it: at its time, or where
        the sample ends if the table states how long samples last.

    Raises
    ------
    QueryError
        The table does not have times, or ``max_gap`` is not a duration.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, series
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> series.coverage(wind)
    <SeriesCoverage: 5400 samples from 2026-01-10T00:00:12 to 2026-01-10T23:59:56 UTC, 0 gaps
        cadence: 16 s
        Magnitude: 99.9 % valid
        BGSEc: 99.9 % valid
        SC_pos_GSE: 100.0 % valid>
    """
    source = source_of("series.coverage", "the table", table)
    starts, ends, counts = _read(source)
    steps = np.diff(starts)
    usual = source.stated or (int(np.median(steps[steps > 0])) if (steps > 0).any() else None)
    most = nanoseconds(max_gap) if max_gap is not None else None if usual is None else _GAP * usual
    latest = np.maximum.accumulate(ends) if len(ends) else ends
    after = np.flatnonzero(steps > most) if most is not None else np.zeros(0, np.int64)
    # A sample that lasts longer than the step to the next one closes the gap.
    after = after[latest[after] < starts[after + 1]]
    first, last = np.append(0, after + 1), np.append(after, len(starts) - 1)
    if not len(starts):
        first = last = np.zeros(0, np.int64)
    share = {name: found / size if size else float("nan") for name, (found, size) in counts.items()}
    return SeriesCoverage(
        QTable({"start": instants(starts[first]), "end": instants(latest[last]), "n": last - first + 1}, copy=False),
        _gaps(latest[after], starts[after + 1]),
        None if usual is None else usual / SECOND * u.s,
        share,
        len(starts),
    )


def _read(source: SampleSource) -> tuple[Ints, Ints, dict[str, tuple[int, int]]]:
    """Return the starts and ends of all samples in order, and the numbers of valid and of all values by column."""
    starts, ends = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    counts = dict.fromkeys(source.layout, (0, 0))
    for block in source.blocks():
        starts.append(block.starts)
        ends.append(block.ends)
        for name, (values, missing) in block.columns.items():
            found, size = counts[name]
            lost = 0 if missing is None else int(np.count_nonzero(missing))
            counts[name] = found + values.size - lost, size + values.size
    first, last = np.concatenate(starts), np.concatenate(ends)
    order = np.argsort(first, kind="stable")
    return first[order], last[order], counts


def _gaps(starts: Ints, ends: Ints) -> QTable:
    duration = (ends - starts) / SECOND * u.s
    return QTable({"start": instants(starts), "end": instants(ends), "duration": duration}, copy=False)
