"""
The order of the records of several files: sorted by time, each time from one file, within ranges of time.

Times are integers of nanoseconds. Those of one file at a time are in memory, and those of all files only where files
overlap, so that the files of a month may have more records than fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["FileRecords", "Rows", "Timeline", "TimelineSegment", "Track", "timeline"]

Ints = NDArray[np.int64]

_LAST = int(np.iinfo(np.int64).max)

Rows = slice | Ints
"""Records of a file, by their numbers."""


class Track(NamedTuple):
    """
    The times of the records of a file.

    Attributes
    ----------
    keys : numpy.ndarray
        The times in ascending order.
    rows : numpy.ndarray or None
        The record of each time; `None` if they are the records in their order.
    untimed : numpy.ndarray
        The records without a time.
    """

    keys: Ints
    rows: Ints | None
    untimed: Ints

    @classmethod
    def of(cls, keys: Ints, missing: NDArray[np.bool_] | None) -> Track:
        """Return the track of records with these times."""
        known = None if missing is None or not missing.any() else np.flatnonzero(~missing)
        untimed = np.empty(0, np.int64) if known is None or missing is None else np.flatnonzero(missing)
        keys = keys if known is None else keys[known]
        if len(keys) and int(keys.max()) == _LAST:  # the end of a range is not included
            keys = np.minimum(keys, _LAST - 1)
        if len(keys) > 1 and bool((keys[1:] < keys[:-1]).any()):
            order = np.argsort(keys, kind="stable")
            keys, known = keys[order], order if known is None else known[order]
        return cls(keys, known, untimed)

    def between(self, first: int, last: int) -> Rows:
        """Return the records of the times ``first`` to ``last``, counted in ascending order."""
        return slice(first, last) if self.rows is None else self.rows[first:last]


class FileRecords(NamedTuple):
    """
    Records of one file in a segment.

    Attributes
    ----------
    file : int
        The number of the file.
    rows : slice or numpy.ndarray
        The records.
    place : slice or numpy.ndarray
        Their places in the segment.
    """

    file: int
    rows: Rows
    place: Rows


class TimelineSegment(NamedTuple):
    """
    Successive records.

    Attributes
    ----------
    length : int
        The number of records.
    pieces : tuple of FileRecords
        Where they are; one piece, except where files overlap.
    """

    length: int
    pieces: tuple[FileRecords, ...]

    @classmethod
    def whole(cls, file: int, count: int) -> TimelineSegment:
        """Return all records of a file."""
        return cls(count, (FileRecords(file, slice(0, count), slice(0, count)),))

    def cut(self, first: int, last: int) -> TimelineSegment:
        """Return the records ``first`` to ``last`` of this segment."""
        if (first, last) == (0, self.length):
            return self
        return TimelineSegment(last - first, tuple(_cut(self.pieces, first, last)))


def _cut(pieces: Sequence[FileRecords], first: int, last: int) -> Iterator[FileRecords]:
    for file, rows, place in pieces:
        if isinstance(place, slice):
            part = rows[first:last] if not isinstance(rows, slice) else slice(rows.start + first, rows.start + last)
            yield FileRecords(file, part, slice(0, last - first))
        else:
            inside = (place >= first) & (place < last)
            if inside.any():
                found = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
                yield FileRecords(file, found[inside], place[inside] - first)


@dataclass
class Timeline:
    """
    The records of several files in the order of time.

    Attributes
    ----------
    segments : list of TimelineSegment
        The records.
    repeated : Counter
        The numbers of records that were left out, by the number of their file and of the file that is used instead.
    untimed : dict of int
        The number of records without a time, by file; they are last, and left out if there are ranges of time.
    """

    segments: list[TimelineSegment] = field(default_factory=list)
    repeated: Counter[tuple[int, int]] = field(default_factory=Counter)
    untimed: dict[int, int] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """The number of records."""
        return sum(one.length for one in self.segments)

    def add(self, segment: TimelineSegment) -> None:
        """Append a segment, as a part of the last one if it continues it."""
        last = self.segments[-1] if self.segments else None
        if last is not None and len(last.pieces) == len(segment.pieces) == 1:
            (file, rows, _), (other, following, _) = last.pieces[0], segment.pieces[0]
            if (
                file == other and isinstance(rows, slice) and isinstance(following, slice)
                and rows.stop == following.start
            ):  # fmt: skip
                length = last.length + segment.length
                self.segments[-1] = TimelineSegment(
                    length, (FileRecords(file, slice(rows.start, following.stop), slice(0, length)),)
                )
                return
        self.segments.append(segment)

    def between(self, first: int, last: int) -> list[TimelineSegment]:
        """Return the segments of the records ``first`` to ``last``, cut to these."""
        made, start = [], 0
        for segment in self.segments:
            low, high = max(first - start, 0), min(last - start, segment.length)
            if low < high:
                made.append(segment.cut(low, high))
            start += segment.length
        return made


def timeline(
    track: Callable[[int], Track], ranks: Sequence[tuple[int, ...]], ranges: Sequence[tuple[int, int]] | None
) -> Timeline:
    """
    Return the records of files in the order of time.

    Of records of several files at one time, those of the file with the highest rank are used, or of the first of these.
    Records of one file that share a time are all kept. ``ranges`` are the first time and the one after the last.
    """
    made = Timeline()
    spans, unordered = _spans(track, len(ranks), made.untimed)
    ends = {end for first, last, _ in spans.values() for end in (first, last)}
    bounds = np.array(sorted(ends | {end for one in ranges or () for end in one}), dtype=np.int64)
    inside = np.ones(max(len(bounds) - 1, 0), bool)
    if ranges is not None:
        inside = np.array([any(low <= one < high for low, high in ranges) for one in bounds[:-1].tolist()], dtype=bool)
    cuts = {number: _cuts(track, number, span, bounds) for number, span in spans.items()}
    shared = _shared(track, cuts, inside, unordered)
    for step in np.flatnonzero(inside).tolist():
        files = [number for number, places in cuts.items() if places[step] < places[step + 1]]
        if len(files) > 1:
            made.add(_merged([(number, *shared[number, step]) for number in files], ranks, made.repeated))
        elif files:
            first, last = map(int, cuts[files[0]][step : step + 2])
            rows = shared[files[0], step][1] if (files[0], step) in shared else slice(first, last)
            made.add(TimelineSegment(last - first, (FileRecords(files[0], rows, slice(0, last - first)),)))
    for number, count in made.untimed.items() if ranges is None else ():
        made.segments.append(TimelineSegment(count, (FileRecords(number, track(number).untimed, slice(0, count)),)))
    return made


def _spans(
    track: Callable[[int], Track], count: int, untimed: dict[int, int]
) -> tuple[dict[int, tuple[int, int, int]], set[int]]:
    """Return the first time, the end and the number of times of each file, and the files that are not in order."""
    spans, unordered = {}, set()
    for number in range(count):
        keys, rows, lost = track(number)
        if len(keys):
            spans[number] = int(keys[0]), int(keys[-1]) + 1, len(keys)
        if rows is not None:
            unordered.add(number)
        if len(lost):
            untimed[number] = len(lost)
    return spans, unordered


def _cuts(track: Callable[[int], Track], number: int, span: tuple[int, int, int], bounds: Ints) -> Ints:
    """Return the number of times of a file before each bound."""
    first, last, length = span
    if not bool(((bounds > first) & (bounds < last)).any()):
        return np.where(bounds <= first, 0, length)
    return np.asarray(np.searchsorted(track(number).keys, bounds))


def _shared(
    track: Callable[[int], Track], cuts: dict[int, Ints], inside: NDArray[np.bool_], unordered: set[int]
) -> dict[tuple[int, int], tuple[Ints, Rows]]:
    """Return times and records, by file and step, where files overlap, or where a file is not in order."""
    counts = np.sum([np.diff(places) > 0 for places in cuts.values()], axis=0) if cuts else np.zeros(0)
    made: dict[tuple[int, int], tuple[Ints, Rows]] = {}
    for number, places in cuts.items():
        needed = (np.diff(places) > 0) & inside & ((counts > 1) | (number in unordered))
        for step in np.flatnonzero(needed).tolist():
            one, first, last = track(number), int(places[step]), int(places[step + 1])
            made[number, step] = one.keys[first:last].copy(), one.between(first, last)
    return made


def _merged(
    parts: Sequence[tuple[int, Ints, Rows]], ranks: Sequence[tuple[int, ...]], repeated: Counter[tuple[int, int]]
) -> TimelineSegment:
    """Return the records of files that overlap, in the order of time, each time from one file."""
    best = sorted(parts, key=lambda one: ranks[one[0]], reverse=True)  # stable: the first of equal ranks
    keys = np.concatenate([one[1] for one in best])
    lengths = [len(one[1]) for one in best]
    files = np.repeat([one[0] for one in best], lengths)
    rows = np.concatenate([np.r_[one[2]] if isinstance(one[2], slice) else one[2] for one in best])
    order = np.argsort(keys, kind="stable")
    is_first = np.append(True, np.diff(keys[order]) != 0)
    winner = files[order][is_first][np.cumsum(is_first) - 1]
    loser = files[order]
    apart = loser != winner
    repeated.update(zip(loser[apart].tolist(), winner[apart].tolist(), strict=True))
    kept = order[loser == winner]
    pieces = []
    for number, *_ in parts:
        here = np.flatnonzero(files[kept] == number)
        if len(here):
            pieces.append(FileRecords(number, rows[kept][here], here))
    return TimelineSegment(len(kept), tuple(pieces))
