"""Columns of stamps as `~astropy.time.Time`, block by block: it takes little more memory than the times need."""

from __future__ import annotations

import numpy as np
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.iso import split
from sunpy_helio_plugins.quantities.leap import JD_1970, quasi_lengths

__all__ = ["from_stamps"]

_BLOCK = 1 << 19
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
        The instants that `sunpy_helio_plugins.quantities.times.from_iso` gives. Making them all at once would take, for
        a while, six times the memory of the result.

    Raises
    ------
    ValueError
        A stamp is no time.
    """
    if not len(stamps):
        return times.from_iso(stamps)
    rows = max(1, _BLOCK // max(1, stamps.dtype.itemsize))
    day, fraction = np.empty(len(stamps)), np.empty(len(stamps))
    for start in range(0, len(stamps), rows):
        part = slice(start, start + rows)
        days, nanos = split(np.ascontiguousarray(stamps[part], dtype="S"))
        np.add(days, JD_1970 + 0.5, out=day[part])
        np.divide(nanos, quasi_lengths(days), out=fraction[part])
    fraction -= 0.5
    # Days from noon and at most half a day, as astropy keeps them; the public way, Time(day, fraction), would split and
    # add them once more.
    whole = times.from_iso(stamps[:1])
    whole._time.jd1, whole._time.jd2 = day, fraction
    return whole
