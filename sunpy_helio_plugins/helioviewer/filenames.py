"""
The time in a file's name.

Helioviewer's database, and so its HAPI server, keeps whole seconds; the name keeps more. Its last field of digits is
what stands *after the point*: ``17_31_30_84`` is 17:31:30.84 (the header's DATE-OBS of that image), not 84 ms.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

__all__ = ["true_times"]

_STAMP = re.compile(
    r"""(?:^|(?<=[_-]))
    (?P<year>\d{4})(?P<gap>_?)(?P<month>\d\d)(?P=gap)(?P<day>\d\d)  # 2026_01_10 or 20260110
    (?:__|T|_)?                                                     # AIA, EUI, IRIS; PUNCH has nothing
    (?P<hour>\d\d)(?P=gap)(?P<minute>\d\d)(?P=gap)(?P<second>\d\d)
    _?(?P<fraction>(?<=_)\d{1,6}(?=__)|(?<!_)\d{3}(?=_V)|)          # _129__ or 260_V01
    """,
    re.VERBOSE,
)

_LATEST = np.timedelta64(1000, "ms")
_EARLIEST = np.timedelta64(-500, "ms")


def _stamp(path: str) -> str:
    found = _STAMP.search(path.rpartition("/")[2])
    if found is None:
        return "NaT"
    date = "-".join(found.group("year", "month", "day"))
    return f"{date}T{':'.join(found.group('hour', 'minute', 'second'))}.{found['fraction'] or '0'}"


def true_times(paths: NDArray[np.str_], seconds: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """
    Return the times of images to the precision that their names have.

    Parameters
    ----------
    paths : numpy.ndarray of str, shape (n,)
        Paths or names of files.
    seconds : numpy.ndarray of datetime64, shape (n,)
        Their times in the database: whole seconds, truncated.

    Returns
    -------
    numpy.ndarray of datetime64[us], shape (n,)
        The name's time; the database's where the name has none, or one that does not belong to that second.
    """
    kept = seconds.astype("M8[us]")
    try:
        named = np.array([_stamp(path) for path in paths], dtype="M8[us]")
    except ValueError:  # a name with the thirteenth month: each on its own
        named = np.array([_or_nat(_stamp(path)) for path in paths], dtype="M8[us]")
    apart = named - kept
    return np.where((apart >= _EARLIEST) & (apart < _LATEST), named, kept)


def _or_nat(text: str) -> np.datetime64:
    try:
        return np.datetime64(text, "us")
    except ValueError:
        return np.datetime64("NaT", "us")
