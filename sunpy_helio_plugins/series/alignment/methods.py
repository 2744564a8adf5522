"""The methods by which samples become the values of bins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities.leap import Ints

__all__ = ["AT_INSTANTS", "METHODS", "Window", "value_of"]

Values = NDArray[Any]
Missing = NDArray[np.bool_] | None
Result = tuple[Values, NDArray[np.bool_]]

AT_INSTANTS = ("nearest", "linear")
"""The methods that use the samples around a time instead of those in a bin."""

_UNDIRECTED = 1e-12
"""The length of the mean of unit vectors below which its direction is not defined."""


@dataclass(frozen=True)
class Window:
    """
    Consecutive bins, and the samples that they need, in the order of their start.

    Attributes
    ----------
    edges : numpy.ndarray of int
        The TT2000 of the edges of the bins, shape (m + 1,).
    stamps : numpy.ndarray of int
        The TT2000 of the times of the bins, shape (m,).
    starts : numpy.ndarray of int
        The TT2000 of the samples, shape (n,), or of the start of the interval of each.
    stops : numpy.ndarray of int or None
        The ends of the intervals; `None` if samples are instants.
    reach : int
        The longest gap in nanoseconds that is bridged.
    """

    edges: Ints
    stamps: Ints
    starts: Ints
    stops: Ints | None
    reach: int

    @cached_property
    def _pairs(self) -> tuple[Any, Ints, NDArray[np.float64] | None]:
        """Return the samples by bin, where each bin begins among them, and the overlap of each with its bin."""
        if self.stops is None:
            at = np.searchsorted(self.starts, self.edges)
            return slice(int(at[0]), int(at[-1])), at - at[0], None
        last_bin = len(self.edges) - 2
        low = np.searchsorted(self.edges, self.starts, side="right") - 1
        high = np.searchsorted(self.edges, self.stops, side="left") - 1
        is_here = np.flatnonzero((high >= 0) & (low <= last_bin))
        low, high = np.maximum(low[is_here], 0), np.minimum(high[is_here], last_bin)
        number = high - low + 1
        rows = np.repeat(is_here, number)
        bins = np.repeat(low - np.cumsum(number) + number, number) + np.arange(len(rows))
        if len(rows) > len(is_here):
            order = np.argsort(bins, kind="stable")
            rows, bins = rows[order], bins[order]
        overlap = np.minimum(self.stops[rows], self.edges[bins + 1]) - np.maximum(self.starts[rows], self.edges[bins])
        return rows, np.searchsorted(bins, np.arange(last_bin + 2)), overlap.astype(float)

    @property
    def rows(self) -> Any:
        """The samples in the bins, in their order; one that overlaps several bins is repeated."""
        return self._pairs[0]

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """The overlap of each of ``rows`` with its bin; `None` if samples are instants."""
        return self._pairs[2]

    @cached_property
    def counts(self) -> Ints:
        """The number of samples in each bin."""
        return np.diff(self._pairs[1])

    @cached_property
    def filled(self) -> Ints:
        """The bins with samples."""
        return np.flatnonzero(self.counts)

    def reduced(self, function: np.ufunc, values: Values, dtype: Any = None) -> Values:
        """Return the reduction of ``values``, one for each of ``rows``, in each bin with samples."""
        if not len(self.filled):
            return np.zeros((0, *values.shape[1:]), dtype or values.dtype)
        return np.asarray(function.reduceat(values, self._pairs[1][:-1][self.filled], axis=0, dtype=dtype))

    def spread(self, values: Values, missing: NDArray[np.bool_]) -> Result:
        """Return values of the bins with samples as values of all bins."""
        if len(self.filled) == len(self.counts):
            return values, missing
        shape = (len(self.counts), *values.shape[1:])
        made, lost = np.zeros(shape, values.dtype), np.ones(shape, dtype=bool)
        made[self.filled], lost[self.filled] = values, missing
        return made, lost

    @cached_property
    def centers(self) -> Ints:
        """The times of the samples: the centres of their intervals."""
        return self.starts if self.stops is None else self.starts + (self.stops - self.starts) // 2


def _mean(window: Window, values: Values, missing: Missing) -> Result:
    values, missing = values[window.rows], None if missing is None else missing[window.rows]
    weights = window.weights
    if weights is not None:
        weights = weights.reshape(-1, *[1] * (values.ndim - 1))
        values = values * weights
    if missing is None:
        total = window.reduced(np.add, values, np.float64)
        share = window.counts[window.filled] if weights is None else window.reduced(np.add, weights)
        share = share.reshape(len(share), *[1] * (values.ndim - 1))
        return window.spread(total / share, np.zeros(total.shape, dtype=bool))
    total = window.reduced(np.add, np.where(missing, 0, values), np.float64)
    share = window.reduced(np.add, ~missing if weights is None else ~missing * weights, np.float64)
    lost = share == 0
    return window.spread(total / np.where(lost, 1, share), lost)


def _flat(values: NDArray[Any]) -> NDArray[Any]:
    """Return the components of each sample along one axis; a sample may have none."""
    return values.reshape(len(values), int(np.prod(values.shape[1:])))


def _median(window: Window, values: Values, missing: Missing) -> Result:
    import pandas as pd

    values = values[window.rows].astype(float)
    if missing is not None:
        values[missing[window.rows]] = np.nan
    flat = _flat(values)
    bins = np.repeat(np.arange(len(window.filled)), window.counts[window.filled])
    found = pd.DataFrame(flat).groupby(bins).median().to_numpy(dtype=float)
    made = found.reshape(len(window.filled), *values.shape[1:])
    return window.spread(made, np.isnan(made))


def _extreme(function: np.ufunc) -> Callable[[Window, Values, Missing], Result]:
    def extreme(window: Window, values: Values, missing: Missing) -> Result:
        values = values[window.rows]
        if missing is None:
            found = window.reduced(function, values)
            return window.spread(found, np.zeros(found.shape, dtype=bool))
        missing = missing[window.rows]
        found = window.reduced(function, np.where(missing, _worst(function, values.dtype), values))
        return window.spread(found, window.reduced(np.logical_and, missing, bool))

    return extreme


def _worst(function: np.ufunc, dtype: np.dtype[Any]) -> Any:
    """Return the value that any other one replaces in a maximum or minimum."""
    if dtype.kind == "b":
        return function is np.minimum
    if dtype.kind == "f":
        return dtype.type(-np.inf if function is np.maximum else np.inf)
    limits = np.iinfo(dtype)
    return dtype.type(limits.min if function is np.maximum else limits.max)


def _known(times: Ints, missing: Missing) -> Ints:
    """Return the samples that are not missing, in the order of time; of equal times the first one."""
    rows = np.arange(len(times)) if missing is None else np.flatnonzero(~missing)
    if (np.diff(times[rows]) < 0).any():
        rows = rows[np.argsort(times[rows], kind="stable")]
    return rows[np.append(True, np.diff(times[rows]) > 0)] if len(rows) else rows


def _nearest(window: Window, values: Values, missing: Missing) -> Result:
    """Take the nearest sample, of two the earlier one; components that it does not have stay missing."""
    whole = None if missing is None else np.asarray(_flat(missing).all(axis=1))
    rows = _known(window.centers, whole)
    shape = (len(window.stamps), *values.shape[1:])
    if not len(rows):
        return np.zeros(shape, values.dtype), np.ones(shape, dtype=bool)
    times = window.centers[rows]
    after = np.minimum(np.searchsorted(times, window.stamps), len(rows) - 1)
    before = np.maximum(after - 1, 0)
    late, early = np.abs(times[after] - window.stamps), np.abs(window.stamps - times[before])
    near = np.where(early <= late, before, after)
    lost = np.minimum(early, late) > window.reach // 2
    found = rows[near]
    lost = np.broadcast_to(lost.reshape(-1, *[1] * (values.ndim - 1)), shape)
    return values[found], lost if missing is None else lost | missing[found]


def _linear(window: Window, values: Values, missing: Missing, period: float | None = None) -> Result:
    """Interpolate each component; angles along the shorter arc."""
    flat = _flat(values)
    lost = None if missing is None else _flat(missing)
    made, gone = np.zeros((len(window.stamps), flat.shape[1])), np.ones((len(window.stamps), flat.shape[1]), dtype=bool)
    for component in range(flat.shape[1]):
        rows = _known(window.centers, None if lost is None else lost[:, component])
        if not len(rows):
            continue
        before, after, part, inside = _between(window, window.centers[rows])
        first, last = (flat[rows[one], component].astype(float) for one in (before, after))
        change = last - first
        if period is not None:
            change = (change + period / 2) % period - period / 2
        made[:, component], gone[:, component] = first + part * change, ~inside
    shape = (len(window.stamps), *values.shape[1:])
    return made.reshape(shape), gone.reshape(shape)


def _between(window: Window, times: Ints) -> tuple[Ints, Ints, NDArray[np.float64], NDArray[np.bool_]]:
    """Return the samples before and after each time, its place between them, and whether they are near each other."""
    at = np.searchsorted(times, window.stamps, side="right") - 1
    before, after = np.maximum(at, 0), np.minimum(at + 1, len(times) - 1)
    steps = times[after] - times[before]
    since = window.stamps - times[before]
    inside = (at >= 0) & ((since == 0) | ((at + 1 < len(times)) & (steps <= window.reach)))
    return before, after, since / np.where(inside & (steps > 0), steps, 1), inside


METHODS: dict[str, Callable[[Window, Values, Missing], Result]] = {
    "mean": _mean,
    "median": _median,
    "max": _extreme(np.maximum),
    "min": _extreme(np.minimum),
    "nearest": _nearest,
    "linear": _linear,
}


def _circular(window: Window, method: str, values: Values, missing: Missing, period: float) -> Result:
    """Return the mean direction of angles, the interpolation along the shorter arc, or the nearest angle."""
    if method == "linear":
        return _linear(window, values, missing, period)
    if method == "nearest":
        return _nearest(window, values, missing)
    angles = values * (2 * np.pi / period)
    cosine, lost = _mean(window, np.cos(angles), missing)
    sine, _ = _mean(window, np.sin(angles), missing)
    return np.arctan2(sine, cosine) * (period / (2 * np.pi)), lost | (np.hypot(sine, cosine) < _UNDIRECTED)


def value_of(window: Window, method: str, values: Values, missing: Missing, period: float | None) -> Result:
    """Return the values of a column in the bins of a window, and which are missing."""
    with np.errstate(invalid="ignore", over="ignore"):
        if period is None:
            made, lost = METHODS[method](window, values, missing)
        else:
            made, lost = _circular(window, method, values, missing, period)
    # The mean of opposite infinities is not a number.
    return made, lost | np.isnan(made) if made.dtype.kind == "f" else lost
