"""
Conversion of ISO 8601 time stamps to integers: the UTC day, counted from 1970, and the nanosecond in it.

A column is processed as a two-dimensional array of bytes, all time stamps of the same length at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities.leap import DAY, SECOND, Ints, day_lengths

__all__ = ["split"]

BLOCK = 65536
"""The number of time stamps that are converted at a time, so that the arrays fit into the cache of the processor."""

_AT_ONCE = 500
"""The number of time stamps that numpy converts without releasing the GIL (NPY_BEGIN_THREADS_THRESHOLDED)."""

# The range of years of datetime64 in nanoseconds, as the four bytes of their digits.
_FIRST_YEAR, _LAST_YEAR = (int.from_bytes(year, "big") for year in (b"1678", b"2261"))


_ZONES = (3, 5, 6)
"""The position of the sign of a time zone, counted from the end: ``-hh``, ``-hhmm``, ``-hh:mm``."""


def split(stamps: NDArray[np.bytes_]) -> tuple[Ints, Ints]:
    """
    Return the UTC day and the nanosecond in it of time stamps of any shape and of one or several formats.

    Raises
    ------
    ValueError
        A time stamp is not valid; the message contains the first one.
    """
    flat = np.ascontiguousarray(stamps).reshape(-1)
    days, nanos = np.empty(flat.size, np.int64), np.empty(flat.size, np.int64)
    for start in range(0, flat.size, BLOCK):
        block = slice(start, start + BLOCK)
        days[block], nanos[block] = _split_block(flat[block])
    return days.reshape(stamps.shape), nanos.reshape(stamps.shape)


def _split_block(flat: NDArray[np.bytes_]) -> tuple[Ints, Ints]:
    lengths = _lengths(flat)
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest == longest:
        plain = _split_digits(flat, longest) or _split_plain(flat, longest)
        if plain is not None:
            return plain
    days, nanos = np.empty(flat.size, np.int64), np.empty(flat.size, np.int64)
    # Most columns have one format; otherwise each format is converted separately.
    for length in np.unique(lengths):
        rows = slice(None) if shortest == longest else np.flatnonzero(lengths == length)
        days[rows], nanos[rows] = _split_uniform(flat[rows], int(length))
    too_late = nanos >= day_lengths(days)
    if too_late.any():
        raise ValueError(f"{_shown(flat[too_late][0])} is not a time: the day does not have this second.")
    return days, nanos


_FEWER_DATES = 16
"""The smallest number of time stamps for each change of the date, for which it is converted separately."""

_CLOCK, _DIGITS = (np.uint64(int.from_bytes(text, "little")) for text in (b"00:00:00", b"0" * 8))
_CLOCK_ROOM, _DIGITS_ROOM = (
    np.uint64(int.from_bytes([0x7F - most for most in limits], "little"))
    for limits in ([2, 9, 0, 5, 9, 0, 5, 9], [9] * 8)
)
"""What each byte may be increased by before its high bit is set, if its digit is not above the limit."""

_HIGH_BITS = np.uint64(0x8080808080808080)


def _split_digits(flat: NDArray[np.bytes_], length: int) -> tuple[Ints, Ints] | None:
    """
    Convert ``yyyy-mm-ddThh:mm:ss[.f...]`` eight bytes at a time, which takes a fifth of the time of numpy's parser.

    Return `None` if the date changes often, and for any other format, leap second or error.
    """
    if not (length == 19 or 21 <= length <= 29):
        return None
    year, day = _words(flat, 0), _words(flat, 7, "<u4")
    firsts = np.flatnonzero(np.concatenate([[True], (year[1:] != year[:-1]) | (day[1:] != day[:-1])]))
    if firsts.size * _FEWER_DATES > flat.size + _FEWER_DATES:
        return None
    grid = flat.view(np.uint8).reshape(flat.size, -1)
    dates = grid[firsts, :11]
    if (dates[:, 10] != ord("T")).any() or (length > 19 and (grid[:, 19] != ord(".")).any()):
        return None
    nanos = _clock_nanos(flat, length)
    if nanos is None or nanos.max() >= DAY:
        return None
    days = _plain_days(np.ascontiguousarray(dates[:, :10]))
    return None if days is None else (np.repeat(days, np.diff(firsts, append=flat.size)), nanos)


def _words(flat: NDArray[np.bytes_], at: int, kind: str = "<u8") -> NDArray[Any]:
    """Return the bytes at one place of all time stamps as integers, the first byte as the lowest one."""
    layout = np.dtype({"names": ["word"], "formats": [kind], "offsets": [at], "itemsize": flat.dtype.itemsize})
    return flat.view(layout)["word"].copy()


def _clock_nanos(flat: NDArray[np.bytes_], length: int) -> Ints | None:
    """Convert ``hh:mm:ss`` and the digits of the fraction; return `None` if a byte is not valid."""
    clock = _words(flat, 11) ^ _CLOCK
    if _exceeds(clock, _CLOCK_ROOM):
        return None
    pairs = clock * np.uint64(10) + (clock >> np.uint64(8))
    hour, minute, second = (((pairs >> np.uint64(bits)) & np.uint64(0xFF)).view(np.int64) for bits in (0, 24, 48))
    nanos = ((hour * 60 + minute) * 60 + second) * SECOND
    for first in range(20, length, 8):
        last = min(first + 8, length)
        digits = _digits(flat, first, last)
        if digits is None:
            return None
        nanos += digits * 10 ** (29 - last)
    return nanos


def _digits(flat: NDArray[np.bytes_], first: int, last: int) -> Ints | None:
    """Convert at most eight digits, pairs at first, then fours; return `None` if a byte is not a digit."""
    others = np.uint64(8 * (8 - (last - first)))
    digits = ((_words(flat, last - 8) >> others) ^ (_DIGITS >> others)) << others
    if (digits == digits[0]).all():  # as the fractions of most regular times
        digits = digits[:1]
    if _exceeds(digits, _DIGITS_ROOM):
        return None
    if last - first == 1:
        return (digits >> np.uint64(56)).view(np.int64)
    pairs = digits * np.uint64(10) + (digits >> np.uint64(8))
    low, high = pairs & np.uint64(0xFF000000FF), (pairs >> np.uint64(16)) & np.uint64(0xFF000000FF)
    number = low * np.uint64(100 + (1_000_000 << 32)) + high * np.uint64(1 + (10_000 << 32))
    return (number >> np.uint64(32)).view(np.int64)


def _exceeds(words: NDArray[np.uint64], room: np.uint64) -> bool:
    """Return whether any byte exceeds its limit: its sum with the room below it sets the high bit."""
    return bool(np.bitwise_or.reduce((words + room) | words) & _HIGH_BITS)


def _plain_days(dates: NDArray[np.uint8]) -> Ints | None:
    """Convert ``yyyy-mm-dd``; return `None` if a date has another format, or does not exist."""
    digits = dates[:, [0, 1, 2, 3, 5, 6, 8, 9]] - np.uint8(ord("0"))
    if digits.max() > 9 or (dates[:, [4, 7]] != ord("-")).any():
        return None
    try:
        return _calendar_days(dates)
    except ValueError:
        return None


def _split_plain(flat: NDArray[np.bytes_], length: int) -> tuple[Ints, Ints] | None:
    """Convert ``yyyy-mm-ddThh:mm:ss[.f...]`` with numpy; return `None` if a time stamp has another format or year."""
    width = flat.dtype.itemsize
    if length < 19:
        return None
    grid = flat.view(np.uint8).reshape(-1, width)
    if (length > 19 and (grid[:, 19] != ord(".")).any()) or not _is_within_reach(grid):
        return None
    plain = _as_bytes(grid[:, :length])
    # numpy ends a time stamp at a NUL, and accepts a time zone after the fraction with a warning only.
    if _has_zone(grid[:, 10:]):
        return None
    signs = (grid[:, length - back] == ord("-") for back in _ZONES if length - back > 19)
    if plain.view(np.uint8).min() < ord("-") or any(one.any() for one in signs):
        return None
    try:
        instants = _dated(plain, "M8[ns]")
    except ValueError:
        return None
    days = instants.view(np.int64) // DAY
    return days, instants.view(np.int64) - days * DAY


def _is_within_reach(grid: NDArray[np.uint8]) -> bool:
    """Return whether nanoseconds can represent all years; most are of this century or the last."""
    if (grid[:, 0] == ord("2")).all() and (grid[:, 1] == ord("0")).all():
        return True
    years = np.ascontiguousarray(grid[:, :4]).view(">u4")
    return bool(years.min() >= _FIRST_YEAR and years.max() <= _LAST_YEAR)


def _lengths(flat: NDArray[np.bytes_]) -> Ints:
    """Return the lengths of time stamps without padding and a final Z: one for all if they are equal."""
    width = flat.dtype.itemsize
    grid = flat.view(np.uint8).reshape(-1, width)
    last = grid[:, -1]
    if (last == ord("Z")).all():
        return np.array([width - 1])
    lengths = np.char.str_len(flat).astype(np.int64)
    last = grid[np.arange(flat.size), np.maximum(lengths - 1, 0)]
    return lengths - ((last == ord("Z")) | (last == ord("z")))


def _split_uniform(flat: NDArray[np.bytes_], length: int) -> tuple[Ints, Ints]:
    """Convert time stamps of one length, dates of year and day of the year separately."""
    if length == 0:
        raise ValueError("An empty time stamp is not a time.")
    grid = flat.view(np.uint8).reshape(flat.size, -1)[:, :length]
    # numpy ends a time stamp at a NUL, and accepts a sign before the year.
    grid = np.ascontiguousarray(grid)
    if grid.min() < ord("-") or grid.max() > ord("T") or (grid[:, 0] < ord("0")).any():
        raise _odd(flat, grid)
    ordinal = _is_ordinal(grid)
    if ordinal.all():
        return _split_grid(grid, date_width=8)
    if not ordinal.any():
        return _split_grid(grid, date_width=10)
    days, nanos = np.empty(flat.size, np.int64), np.empty(flat.size, np.int64)
    for rows, width in ((ordinal, 8), (~ordinal, 10)):
        days[rows], nanos[rows] = _split_grid(grid[rows], width)
    return days, nanos


def _odd(flat: NDArray[np.bytes_], grid: NDArray[np.uint8]) -> ValueError:
    """Return the error for the first time stamp with a character that is not allowed in UTC."""
    odd = (grid < ord("-")) | (grid > ord("T"))
    odd[:, 0] |= grid[:, 0] < ord("0")
    row = int(np.flatnonzero(odd.any(axis=1))[0])
    if (grid[row] == ord("+")).any():
        return ValueError(f"{_shown(flat[row])} is not a time in UTC: it has a time zone other than Z.")
    return ValueError(f"{_shown(flat[row])} is not a time in ISO 8601.")


def _is_ordinal(grid: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which time stamps have a date of year and day of the year: three digits after the first hyphen."""
    if grid.shape[1] < 8:
        return np.zeros(len(grid), dtype=bool)
    ends = np.ones(len(grid), dtype=bool) if grid.shape[1] == 8 else grid[:, 8] == ord("T")
    return ends & (grid[:, 7] != ord("-"))


def _split_grid(grid: NDArray[np.uint8], date_width: int) -> tuple[Ints, Ints]:
    days = _days(np.ascontiguousarray(grid[:, :date_width]))
    clock = grid[:, date_width:]
    if clock.shape[1] == 0:
        return days, np.zeros(len(grid), np.int64)
    nanos = _plain_clock(clock)
    return _add_clock(days, clock, grid) if nanos is None else (days, nanos)


def _days(dates: NDArray[np.uint8]) -> Ints:
    """Convert dates; consecutive equal dates, as in most columns, are converted once."""
    texts = dates.view(np.uint64 if dates.shape[1] == 8 else f"S{dates.shape[1]}").reshape(-1)
    firsts = np.flatnonzero(np.concatenate([[True], texts[1:] != texts[:-1]]))
    days = (_ordinal_days if dates.shape[1] == 8 else _calendar_days)(dates[firsts])
    return np.repeat(days, np.diff(firsts, append=len(dates)))


def _plain_clock(clock: NDArray[np.uint8]) -> Ints | None:
    """Convert ``Thh:mm:ss[.f...]`` with numpy; return `None` if a time of day has another format."""
    width = clock.shape[1]
    if width < 9 or width == 10 or (clock[:, 0] != ord("T")).any() or (clock[:, 9:10] != ord(".")).any():
        return None
    if _has_zone(clock) or any((clock[:, width - back] == ord("-")).any() for back in _ZONES if width - back > 9):
        return None
    try:
        return _dated(_as_bytes(_on_epoch(clock)), "M8[ns]").view(np.int64)
    except ValueError:
        return None


def _has_zone(clock: NDArray[np.uint8]) -> bool:
    """Return whether a sign may follow the hours or the minutes: numpy reads a time zone there with a warning only."""
    return bool((clock[:, [3, 6]] != ord(":")).any())


def _on_epoch(clock: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return times of day as time stamps of 1970-01-01, so that their nanoseconds are those of the day."""
    stamps = np.empty((len(clock), 10 + clock.shape[1]), np.uint8)
    stamps[:, :10] = np.frombuffer(b"1970-01-01", np.uint8)
    stamps[:, 10:] = clock
    return stamps


def _calendar_days(grid: NDArray[np.uint8]) -> Ints:
    return _cast(grid, "M8[D]").astype(np.int64)


def _ordinal_days(grid: NDArray[np.uint8]) -> Ints:
    first = _cast(grid[:, :4], "M8[Y]").astype("M8[D]")
    day = _number(grid[:, 5:8], grid)
    lasts = (first.astype("M8[Y]") + np.timedelta64(1, "Y")).astype("M8[D]") - first
    wrong = (day < 1) | (day > lasts.astype(np.int64))
    if wrong.any():
        raise ValueError(f"{_shown(_as_bytes(grid)[wrong][0])} is not a time: the year does not have this day.")
    return first.astype(np.int64) + day - 1


def _add_clock(days: Ints, clock: NDArray[np.uint8], grid: NDArray[np.uint8]) -> tuple[Ints, Ints]:
    """Convert ``Thh[:mm[:ss[.f...]]]``, with hour 24 and second 60."""
    if (clock[:, 0] != ord("T")).any():
        raise ValueError(f"{_shown(_as_bytes(grid)[clock[:, 0] != ord('T')][0])} is not a time: T is missing.")
    zoned = ((clock == ord("+")) | (clock == ord("-"))).any(axis=1)
    if zoned.any():
        raise ValueError(f"{_shown(_as_bytes(grid)[zoned][0])} is not a time in UTC: it has a time zone other than Z.")
    clock = clock.copy()
    if clock.shape[1] == 10 and (clock[:, 9] == ord(".")).all():  # "ss." without a digit
        clock = clock[:, :9]
    midnight = _is_pair(clock, 1, b"24")
    clock[midnight, 1:3] = ord("0")
    leap = _is_pair(clock, 7, b"60") & _is_pair(clock, 1, b"23") & _is_pair(clock, 4, b"59")
    if leap.any():
        clock[leap, 7:9] = np.frombuffer(b"59", np.uint8)
    nanos = _cast(_on_epoch(clock), "M8[ns]", shown=grid).astype(np.int64)
    if (nanos[midnight] != 0).any():
        raise ValueError(f"{_shown(_as_bytes(grid)[midnight][0])} is not a time: it is after 24:00.")
    return days + midnight, nanos + leap * SECOND


def _is_pair(clock: NDArray[np.uint8], at: int, digits: bytes) -> NDArray[np.bool_]:
    if clock.shape[1] < at + 2:
        return np.zeros(len(clock), dtype=bool)
    return (clock[:, at] == digits[0]) & (clock[:, at + 1] == digits[1])


def _cast(grid: NDArray[np.uint8], dtype: str, shown: NDArray[np.uint8] | None = None) -> NDArray[np.datetime64]:
    try:
        return _dated(_as_bytes(grid), dtype)
    except ValueError:
        pass
    own = _as_bytes(grid if shown is None else shown)
    for stamp, whole in zip(_as_bytes(grid), own, strict=True):  # pragma: no branch - one of them is not a time
        try:
            np.datetime64(stamp.decode("ascii", "replace")).astype(dtype)
        except ValueError:
            raise ValueError(f"{_shown(whole)} is not a time in ISO 8601.") from None
    raise ValueError("A text is not a time in ISO 8601.")  # pragma: no cover - numpy reads one as it reads all


def _dated(stamps: NDArray[np.bytes_], dtype: str) -> NDArray[np.datetime64]:
    """Return time stamps as dates; numpy 2.4 crashes if one of more than 500 is not valid."""
    made = np.empty(stamps.shape, dtype)
    for start in range(0, stamps.size, _AT_ONCE):
        made[start : start + _AT_ONCE] = stamps[start : start + _AT_ONCE].astype(dtype)
    return made


def _number(digits: NDArray[np.uint8], grid: NDArray[np.uint8]) -> Ints:
    values = digits.astype(np.int64) - ord("0")
    wrong = ((values < 0) | (values > 9)).any(axis=1)
    if wrong.any():
        raise ValueError(f"{_shown(_as_bytes(grid)[wrong][0])} is not a time in ISO 8601.")
    powers = 10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int64)
    return values @ powers


def _as_bytes(grid: NDArray[np.uint8]) -> NDArray[np.bytes_]:
    return np.ascontiguousarray(grid).view(f"S{grid.shape[1]}").reshape(-1)


def _shown(stamp: Any) -> str:
    return repr(bytes(stamp).decode("ascii", "replace"))
