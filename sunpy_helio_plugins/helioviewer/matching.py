"""Which of the images found are wanted: the nearest to one instant, or to each of a grid, and none that is too far."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.helioviewer.translate import Query
from sunpy_helio_plugins.quantities import times

__all__ = ["wanted"]

_Instants = NDArray[np.datetime64]


def wanted(query: Query, instants: _Instants) -> tuple[NDArray[np.intp], int]:
    """
    Choose among images.

    Parameters
    ----------
    query : Query
        The question.
    instants : numpy.ndarray of datetime64[us], shape (n,)
        Their times, ascending, all within the range.

    Returns
    -------
    chosen : numpy.ndarray of int
        Positions of the images wanted, ascending, none twice.
    missed : int
        For how many instants asked for there is no image within the tolerance.
    """
    asked = _asked(query)
    if asked is None:
        return np.arange(len(instants)), 0
    if not len(instants):
        return np.empty(0, np.intp), len(asked)
    position, apart = _nearest(instants, asked)
    limit = _limit(query)
    close = np.full(len(asked), True) if limit is None else apart <= limit
    return np.unique(position[close]), int(np.count_nonzero(~close))


def _asked(query: Query) -> _Instants | None:
    if query.near is not None:
        return times.datetime64_from_iso(np.array([query.near])).astype("M8[us]")
    if query.sample is None:
        return None
    start, end = times.datetime64_from_iso(np.array([query.start, query.end])).astype("M8[us]")
    step = max(round(query.sample * 1e6), 1)
    return start + np.arange(0, (end - start).astype(np.int64) + 1, step).astype("m8[us]")


def _limit(query: Query) -> np.timedelta64 | None:
    """Return how far an image may be: with a grid by default half a step, beyond which it is another instant's."""
    seconds = query.tolerance
    if seconds is None and query.sample is not None:
        seconds = query.sample / 2
    return None if seconds is None else np.timedelta64(round(seconds * 1e6), "us")


def _nearest(instants: _Instants, asked: _Instants) -> tuple[NDArray[np.intp], NDArray[np.timedelta64]]:
    after = np.searchsorted(instants, asked).clip(1, max(len(instants) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(instants) - 1)
    earlier = np.abs(asked - instants[before]) <= np.abs(instants[after] - asked)
    position = np.where(earlier, before, after)
    return position, np.abs(asked - instants[position])
