"""Columns of stamps as `~astropy.time.Time`, block by block: it takes little more memory than the times need."""

from __future__ import annotations

import numpy as np
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities import times

__all__ = ["from_stamps"]

_BLOCK = 1 << 20
"""Bytes of stamps that are read at a time."""


def from_stamps(stamps: NDArray[np.bytes_] | NDArray[np.str_]) -> Time:
    """
    Return stamps in the forms of HAPI as times.

    Parameters
    ----------
    stamps : numpy.ndarray of bytes or str
        The stamps, shape (n,); they may be one field of records.

    Returns
    -------
    astropy.time.Time
        As `sunpy_helio_plugins.quantities.times.from_iso` gives them. Making them at once would take, for a while, six
        times the memory of the result.

    Raises
    ------
    ValueError
        A stamp is no time.
    """
    rows = max(1, _BLOCK // max(1, stamps.dtype.itemsize))
    if len(stamps) <= rows:
        return times.from_iso(stamps)
    day, fraction = np.empty(len(stamps)), np.empty(len(stamps))
    for start in range(0, len(stamps), rows):
        part = slice(start, start + rows)
        block = times.from_iso(stamps[part])
        day[part], fraction[part] = block.jd1, block.jd2
    # The public way, Time(day, fraction), would split and add once more what is in its final form already.
    whole = block[:1].copy()
    whole._time.jd1, whole._time.jd2 = day, fraction
    return whole
