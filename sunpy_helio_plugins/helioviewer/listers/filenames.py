"""
Parse the time in a file name.

Helioviewer's database, and therefore its HAPI server, has a resolution of one second; the name has more digits. Its
last field contains the digits *after the point*: ``17_31_30_84`` is 17:31:30.84 (the header's DATE-OBS of that image),
not 84 ms.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

__all__ = ["named_times", "true_times"]

_STAMP = re.compile(
    rb"""(?:^|(?<=[_-])|(?<=_s))                                       # a start is s20260110T... in names of NOAA
    (?P<year>\d{4})(?P<gap>_?)(?P<month>\d\d)(?P=gap)(?P<day>\d\d)  # 2026_01_10 or 20260110
    (?:__|T|_)?                                                     # AIA, EUI, IRIS; PUNCH has nothing
    (?P<hour>\d\d)(?P=gap)(?P<minute>\d\d)(?P=gap)(?P<second>\d\d)
    _?(?P<fraction>(?<=_)\d{1,6}(?=__)|(?<!_)\d{3}(?=_V)|)          # _129__ or 260_V01
    """,
    re.VERBOSE,
)

_LATEST = np.timedelta64(1010, "ms")
_EARLIEST = np.timedelta64(-510, "ms")
# The second may be truncated or rounded, and the name may be rounded by up to 10 ms.
_NAT = np.datetime64("NaT", "us")
_ZERO, _NINE, _SLASH = b"09/"


def true_times(paths: NDArray[np.bytes_], seconds: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """
    Return the times of images in the precision of their names, as datetime64[us].

    ``seconds`` are their times in the database, truncated to seconds, which are used if a name does not contain a time,
    or one that does not match that second.
    """
    kept = seconds.astype("M8[us]")
    named = named_times(paths)
    apart = named - kept
    return np.where((apart >= _EARLIEST) & (apart < _LATEST), named, kept)


def named_times(paths: NDArray[np.bytes_]) -> NDArray[np.datetime64]:
    """Return the times in names of files as datetime64[us], with ``NaT`` for names without a time."""
    texts = np.ascontiguousarray(paths, dtype="S")
    named = np.full(texts.shape, _NAT)
    if not texts.size:
        return named
    table = texts.view(np.uint8).reshape(texts.size, -1)
    lengths = np.count_nonzero(table, axis=1)
    for length in np.unique(lengths):
        chosen = np.flatnonzero(lengths == length)
        alike = table[:, :length] if chosen.size == texts.size else table[chosen, :length]
        named[chosen] = _of_one_length(texts[chosen], alike)
    return named


def _of_one_length(texts: NDArray[np.bytes_], table: NDArray[np.uint8]) -> NDArray[np.datetime64]:
    """Parse names of one length: together if their digits are at the positions of those in the first, else singly."""
    first = table[0]
    begin = int(np.flatnonzero(first == _SLASH)[-1]) + 1 if (first == _SLASH).any() else 0
    is_digit = (first >= _ZERO) & (first <= _NINE)
    name, digits = table[:, begin:], is_digit[begin:]
    marks_agree = (name[:, ~digits] == first[begin:][~digits]).all(axis=1)
    same = marks_agree & ((name[:, digits] >= _ZERO) & (name[:, digits] <= _NINE)).all(axis=1)
    named = np.full(len(texts), _NAT)
    found = _STAMP.search(first[begin:].tobytes())
    if found is not None:
        named[same] = _from_columns(name if same.all() else name[same], found)
    for number in np.flatnonzero(~same):
        named[number] = _single(texts[number])
    return named


def _from_columns(table: NDArray[np.uint8], found: re.Match[bytes]) -> NDArray[np.datetime64]:
    def number(group: str) -> NDArray[np.int64]:
        value = np.zeros(len(table), dtype=np.int64)
        for column in range(*found.span(group)):
            value = value * 10 + (table[:, column] - _ZERO)
        return value

    year, month, day = number("year"), number("month"), number("day")
    months = (year - 1970) * 12 + month - 1
    days = months.view("M8[M]").astype("M8[D]") + (day - 1).view("m8[D]")
    width = len(found["fraction"])
    fraction = number("fraction") * 10 ** (6 - width) if width else 0
    hour, minute, second = number("hour"), number("minute"), number("second")
    micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction
    right = (month >= 1) & (month <= 12) & (days.astype("M8[M]").view("i8") == months) & (day >= 1)
    right &= (hour < 24) & (minute < 60) & (second < 60)
    return np.where(right, days.astype("M8[us]") + micros.view("m8[us]"), _NAT)


def _single(text: bytes) -> np.datetime64:
    found = _STAMP.search(text.rpartition(b"/")[2])
    if found is None:
        return _NAT
    date = b"-".join(found.group("year", "month", "day")).decode()
    clock = b":".join(found.group("hour", "minute", "second")).decode()
    try:
        return np.datetime64(f"{date}T{clock}.{found['fraction'].decode() or '0'}", "us")
    except ValueError:  # not a date, such as one in month 13
        return _NAT
