"""Superposed epochs: a series around many instants, on one axis of the time from them."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import DURATION, TEXT, shown, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.series.lazy_table import LazyTable
from sunpy_helio_plugins.series.views.panels import PanelRecords
from sunpy_helio_plugins.together.spans import intervals_of, stamps

__all__ = ["superpose"]

_FUNCTION = "together.superpose"

Floats = NDArray[np.float64]

_MOST_BINS = 100_000


@taking(_FUNCTION, column=TEXT, before=DURATION, after=DURATION, every=DURATION)
def superpose(
    table: Any,
    column: str,
    events: Any,
    before: u.Quantity = 2 * u.day,
    after: u.Quantity = 2 * u.day,
    every: u.Quantity = 1 * u.hour,
) -> QTable:
    """
    Return a series around many instants, on one axis of the time from them.

    Parameters
    ----------
    table : table, TimeSeries, data frame or other records
        Records of any type that `sunpy_helio_plugins.series.to_table` takes.
    column : str
        A column of scalars.
    events : table, row, response, times, or list of these
        The instants, in any form that `intervals` takes: the peak of an event if it has one, else its start.
    before, after : astropy.units.Quantity, optional
        The time before and after each instant.
    every : astropy.units.Quantity, optional
        The length of a bin.

    Returns
    -------
    astropy.table.QTable
        For each of n bins: ``offset``, the time of its center from the instant in the unit of ``every``; ``epochs``,
        the mean of the series for each of k events, shape (n, k), NaN without a value; and of these means the
        ``mean``, ``median``, the quartiles ``low`` and ``high``, and their number ``n``. Values have the unit of the
        column.

    Raises
    ------
    QueryError
        The column does not exist or is not of scalars, there are no events, or the bins are not valid.

    Notes
    -----
    Each event counts once, however many samples it has.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import astropy.units as u
    >>> from sunpy_helio_plugins import hapi, together
    >>> wind = hapi.load("cdaweb", "OMNI_HRO2_1MIN", "2026-01-08", "2026-01-12", "flow_speed")
    >>> holes = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.her.CH)["her"]
    >>> streams = together.superpose(wind, "flow_speed", holes, every=3 * u.hour)
    >>> streams.colnames[:3]
    ['offset', 'epochs', 'mean']
    """
    records = PanelRecords.of(_FUNCTION, table.table if isinstance(table, LazyTable) else table)
    values = records.column(_FUNCTION, column)
    if values.values.ndim != 1:
        raise QueryError(f"{_FUNCTION} takes a column of scalars, and {column} has the shape {values.values.shape}.")
    zeros = stamps(intervals_of(_FUNCTION, events)["time"])
    if not len(zeros):
        raise QueryError(f"{_FUNCTION} takes at least one event, and {shown(events)} does not contain any.")
    lengths = [one.to_value(u.us) for one in (before, after, every)]
    if lengths[2] <= 0 or not 0 < lengths[0] + lengths[1] <= _MOST_BINS * lengths[2]:
        raise QueryError(
            f"{_FUNCTION} takes from 1 to {_MOST_BINS} bins, not before={before}, after={after} and every={every}."
        )
    count = int(np.ceil((lengths[0] + lengths[1]) / lengths[2]))
    instants = (records.instants + records.shift).astype("M8[us]")
    epochs = _epochs(instants, values.numbers(), zeros, -lengths[0], lengths[2], count)
    unit = values.unit or u.one
    made = {"offset": ((np.arange(count) + 0.5) * lengths[2] - lengths[0]) * u.us, "epochs": epochs << unit}
    made["offset"] = made["offset"].to(every.unit)
    return QTable(made | {name: one << unit for name, one in _summary(epochs).items()} | {"n": _known(epochs)})


def _epochs(instants: Any, numbers: Floats, zeros: Any, first: float, step: float, count: int) -> Floats:
    """Return the means in the bins of each epoch, shape (bins, epochs)."""
    known = np.isfinite(numbers)
    order = np.argsort(instants[known], kind="stable")
    instants, numbers = instants[known][order], numbers[known][order]
    made = np.full((count, len(zeros)), np.nan)
    for index, zero in enumerate(zeros):
        edges = zero + (first + np.array([0.0, count * step])).round().astype("m8[us]")
        low, high = np.searchsorted(instants, edges)
        places = (((instants[low:high] - zero).astype(float) - first) // step).astype(int)
        sums = np.bincount(places, numbers[low:high], count)[:count]
        counts = np.bincount(places, minlength=count)[:count]
        made[:, index] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return made


def _known(epochs: Floats) -> NDArray[np.int64]:
    return np.isfinite(epochs).sum(axis=1)


def _summary(epochs: Floats) -> dict[str, Floats]:
    """Return the mean, the median and the quartiles of each bin; NaN for a bin without a value."""
    filled = _known(epochs) > 0
    names = ("mean", "median", "low", "high")
    made = {name: np.full(len(epochs), np.nan) for name in names}
    part = epochs[filled]
    if len(part):
        quartiles = np.nanpercentile(part, [50, 25, 75], axis=1)
        for name, found in zip(names, (np.nanmean(part, axis=1), *quartiles), strict=True):
            made[name][filled] = found
    return made
