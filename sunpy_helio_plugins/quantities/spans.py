"""Time ranges, exact to the nanosecond."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.iso8601 import split
from sunpy_helio_plugins.quantities.leap import DAY, JD_1970, SECOND, Ints, day_lengths, quasi_lengths

__all__ = [
    "DAY_OF_ORDINALS",
    "PARTITIONS",
    "Moment",
    "Span",
    "moment",
    "ordinals",
    "parts_of",
    "period",
    "periods",
    "seconds",
    "stamps_of",
]

DAY_OF_ORDINALS = DAY + SECOND
"""The difference between the `Moment.ordinal` of a time and that of the same time of the next day."""

PARTITIONS = {"hour": "h", "day": "D", "month": "M", "year": "Y"}
"""The periods, as the units of ``datetime64``."""

_MILLISECOND = 1_000_000

_ROUND = (DAY, 3600 * SECOND, 60 * SECOND, SECOND, _MILLISECOND)
"""Units to which the middle of a range is rounded: some servers only support minutes or seconds."""

_BORDERS = (60 * SECOND, SECOND, _MILLISECOND)

_FINENESS = 8
"""The smallest ratio of the length of a range to the unit to which its middle is rounded."""


@dataclass(frozen=True, order=True)
class Moment:
    """
    A time.

    Attributes
    ----------
    day : int
        UTC day, counted from 1970.
    nano : int
        Nanosecond of the day.
    """

    day: int
    nano: int

    @classmethod
    @lru_cache(maxsize=1024)
    def read(cls, stamp: str) -> Moment:
        """Convert a time stamp in any format of HAPI, or raise a `ValueError`."""
        days, nanos = split(np.char.encode(np.array([stamp]), "utf-8"))
        return cls(int(days[0]), int(nanos[0]))

    @classmethod
    def now(cls) -> Moment:
        """Return the current time."""
        return cls(0, 0).later(int(np.datetime64("now", "s").astype(np.int64)) * SECOND)

    def later(self, nanos: int) -> Moment:
        """Return the time that is later by a number of nanoseconds, without counting leap seconds."""
        nano = self.nano + nanos
        if 0 <= nano < DAY or DAY <= nano < int(day_lengths(np.array([self.day])).max()):
            return replace(self, nano=nano)
        days, nano = divmod(min(self.nano, DAY - 1) + nanos, DAY)
        return Moment(self.day + days, nano)

    @property
    def previous(self) -> Moment:
        """The time one nanosecond before, in the leap second if the previous day ends with one."""
        if self.nano:
            return replace(self, nano=self.nano - 1)
        return Moment(self.day - 1, int(day_lengths(np.array([self.day - 1])).max()) - 1)

    @classmethod
    def of_ordinal(cls, ordinal: int) -> Moment:
        """Return the time with an `ordinal`, or the next day for one of a leap second that the day does not have."""
        day, nano = divmod(ordinal, DAY_OF_ORDINALS)
        if nano >= DAY and nano >= int(day_lengths(np.array([day])).max()):
            return cls(day + 1, 0)
        return cls(day, nano)

    @property
    def ordinal(self) -> int:
        """An integer in the order of time, also in leap seconds: as if all days had 86,401 s, in nanoseconds."""
        return self.day * DAY_OF_ORDINALS + self.nano

    def since(self, other: Moment) -> int:
        """Return the nanoseconds since another time, without counting leap seconds."""
        return (self.day - other.day) * DAY + min(self.nano, DAY - 1) - min(other.nano, DAY - 1)

    def down(self) -> Moment:
        """Round down to a millisecond outside leap seconds, which few servers support."""
        nano = min(self.nano, DAY - SECOND) if self.nano >= DAY else self.nano
        return replace(self, nano=nano - nano % _MILLISECOND)

    def up(self) -> Moment:
        """Round up to a millisecond outside leap seconds."""
        if self.nano >= DAY:
            return Moment(self.day + 1, 0)
        return self.later(-self.nano % _MILLISECOND)

    def text(self, digits: int = 9) -> str:
        """Return the time as a time stamp, truncated to a number of fraction digits."""
        leap = self.nano >= DAY
        seconds, fraction = divmod(self.nano - leap * SECOND, SECOND)
        date = np.datetime64(self.day, "D")
        clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60 + leap:02}"
        return f"{date}T{clock}.{f'{fraction:09}'[:digits]}Z" if digits else f"{date}T{clock}Z"

    def __str__(self) -> str:
        return self.text()


def ordinals(stamps: NDArray[np.bytes_]) -> Ints:
    """
    Return the `Moment.ordinal` of time stamps, shape (n,).

    A `ValueError` is raised for an invalid one, and an `OverflowError` for one that is not in 1678 to 2262.
    """
    days, nanos = split(stamps)
    if days.size and max(-int(days.min()), int(days.max())) >= _MOST_DAYS:
        raise OverflowError("a time is too far from 1970")
    return days * DAY_OF_ORDINALS + nanos


_MOST_DAYS = 2**63 // DAY_OF_ORDINALS - 1


def parts_of(values: Ints) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the days from noon and the fractions of at most half a day of the times that have ordinals, shape (n,)."""
    days = values // DAY_OF_ORDINALS
    fraction = np.asarray((values - days * DAY_OF_ORDINALS) / quasi_lengths(days))
    fraction -= 0.5
    return np.asarray(days + (JD_1970 + 0.5)), fraction


def stamps_of(values: Ints, digits: int = 9) -> NDArray[np.bytes_]:
    """Return the time stamps of ordinals, shape (n,), of times from 1678 to 2262, truncated to fraction digits."""
    days = values // DAY_OF_ORDINALS
    nanos = values - days * DAY_OF_ORDINALS
    is_leap = nanos >= DAY
    plain = (days * DAY + nanos - np.where(is_leap, SECOND, 0)).astype("M8[ns]")
    grid = np.datetime_as_string(plain, unit="ns").astype("S29").view(np.uint8).reshape(len(values), 29)
    grid[is_leap, 17:19] = np.frombuffer(b"60", np.uint8)
    whole = np.full((len(values), 21 + digits if digits else 20), ord("Z"), np.uint8)
    whole[:, :-1] = grid[:, : whole.shape[1] - 1]
    return whole.view(f"S{whole.shape[1]}").reshape(-1)


def moment(stamp: object) -> Moment | None:
    """Convert a server's time stamp; return `None` if it is empty or not a time."""
    try:
        return Moment.read(str(stamp)) if stamp else None
    except ValueError:
        return None


_COMPARED = 1 << 16
"""The number of times that are compared at once."""


@dataclass(frozen=True)
class Span:
    """
    A time range.

    Attributes
    ----------
    first : Moment
        The start, which is included.
    before : Moment
        The end, which is not included.
    """

    first: Moment
    before: Moment

    @classmethod
    def read(cls, text: str) -> Span:
        """Convert the text that ``str`` of a range returns."""
        first, _, before = text.partition("/")
        return cls(Moment.read(first), Moment.read(before))

    @classmethod
    def read_all(cls, texts: Sequence[str]) -> list[Span]:
        """Convert the text of many ranges at once."""
        if not texts:
            return []
        stamps = [stamp for text in texts for stamp in text.split("/", 1)]
        days, nanos = (part.tolist() for part in split(np.char.encode(np.array(stamps), "utf-8")))
        moments = list(map(Moment, days, nanos))
        return list(map(cls, moments[::2], moments[1::2]))

    @classmethod
    def closed(cls, first: Moment, last: Moment) -> Span:
        """Return the range that includes both ends."""
        return cls(first, last.later(1))

    @property
    def last(self) -> Moment:
        """The last time that the range includes."""
        return self.before.previous

    @property
    def nanoseconds(self) -> int:
        """The length of the range, without counting leap seconds."""
        return self.before.since(self.first)

    def holds(self, stamps: NDArray[np.bytes_]) -> NDArray[np.bool_]:
        """Return which time stamps are in the range; raise a `ValueError` if one is not a time."""
        days, nanos = split(stamps)
        begun = (days > self.first.day) | ((days == self.first.day) & (nanos >= self.first.nano))
        ended = (days > self.before.day) | ((days == self.before.day) & (nanos >= self.before.nano))
        inside: NDArray[np.bool_] = begun & ~ended
        return inside

    def covers(self, time: Time) -> NDArray[np.bool_]:
        """Return which times, of scale UTC, are in the range."""
        first, before = times.from_iso(np.array([str(self.first), str(self.before)], dtype="S"))
        shape, days, fractions = time.shape, np.ravel(np.asarray(time.jd1)), np.ravel(np.asarray(time.jd2))
        covered = np.empty(days.size, dtype=bool)
        for start in range(0, days.size, _COMPARED):
            rows = slice(start, start + _COMPARED)
            day, fraction = days[rows], fractions[rows]
            begun = (day - first.jd1) + (fraction - first.jd2) >= 0
            covered[rows] = begun & ((day - before.jd1) + (fraction - before.jd2) < 0)
        return covered.reshape(shape)

    def halves(self) -> tuple[Span, Span] | None:
        """Return both halves, separated at a round time, or `None` if the range is too short."""
        length = self.nanoseconds
        unit = next((one for one in _ROUND if length >= _FINENESS * one), _MILLISECOND)
        middle = self.first.later(length // 2)
        border = Moment(middle.day, min(middle.nano, DAY - 1) // unit * unit)
        if not self.first < border < self.before:
            return None
        return Span(self.first, border), Span(border, self.before)

    def cut(self, nanoseconds: int, most: int) -> list[Span]:
        """Return consecutive pieces of a length; raise a `ValueError` with their number if there are too many."""
        # The borders are as round as the length, for servers that only support minutes. The last piece of a range that
        # includes its end also includes it.
        if self.nanoseconds - 1 <= nanoseconds:
            return [self]
        unit = next((one for one in _BORDERS if nanoseconds % one == 0), 1)
        origin = self.first.later(-(min(self.first.nano, DAY - 1) % unit))
        count = max(1, -(-(self.before.since(origin) - 1) // nanoseconds))
        if count > most:
            raise ValueError(str(count))
        borders = [origin.later(index * nanoseconds) for index in range(1, count)]
        return [Span(*pair) for pair in zip([self.first, *borders], [*borders, self.before], strict=True)]

    def __str__(self) -> str:
        return f"{self.first}/{self.before}"


_DURATION = re.compile(
    r"P(?:(?P<years>[\d.,]+)Y)?(?:(?P<months>[\d.,]+)M)?(?:(?P<weeks>[\d.,]+)W)?(?:(?P<days>[\d.,]+)D)?"
    r"(?:T(?:(?P<hours>[\d.,]+)H)?(?:(?P<minutes>[\d.,]+)M)?(?:(?P<seconds>[\d.,]+)S)?)?",
    re.IGNORECASE,
)

_SECONDS = {
    "years": 365.25 * 86400, "months": 365.25 / 12 * 86400, "weeks": 7 * 86400, "days": 86400, "hours": 3600,
    "minutes": 60, "seconds": 1,
}  # fmt: skip


def seconds(duration: Any) -> float | None:
    """Return an ISO 8601 duration, with mean months and years, in seconds, or `None` if it is not a duration."""
    match = _DURATION.fullmatch(str(duration or "").strip())
    if match is None:
        return None
    try:
        total = sum(
            float(value.replace(",", ".")) * _SECONDS[name] for name, value in match.groupdict().items() if value
        )
    except ValueError:
        return None
    return total if 0 < total < float("inf") else None


def periods(span: Span, partition: str) -> list[tuple[str, Span]]:
    """Return the names and the ranges of the periods of the calendar that a range touches."""
    unit = PARTITIONS[partition]
    first, last = (_datetime(one).astype(f"M8[{unit}]") for one in (span.first, span.last))
    one = np.timedelta64(1, unit)  # type: ignore[call-overload]
    borders = np.arange(first, last + 2 * one, one)
    moments = list(map(_moment, borders))
    return [
        (str(border), Span(max(start, span.first), min(stop, span.before)))
        for border, start, stop in zip(borders[:-1], moments[:-1], moments[1:], strict=True)
    ]


def period(name: str, partition: str) -> Span:
    """Return the range of a period of the calendar."""
    unit = PARTITIONS[partition]
    start = np.datetime64(name).astype(f"M8[{unit}]")
    return Span(_moment(start), _moment(start + np.timedelta64(1, unit)))  # type: ignore[call-overload]


def _datetime(moment: Moment) -> np.datetime64:
    seconds = np.timedelta64(min(moment.nano, DAY - 1) // 1_000_000_000, "s")
    return np.datetime64(moment.day, "D").astype("M8[s]") + seconds


def _moment(border: np.datetime64) -> Moment:
    day, rest = divmod(int(border.astype("M8[s]").astype(np.int64)), 86400)
    return Moment(day, rest * 1_000_000_000)
