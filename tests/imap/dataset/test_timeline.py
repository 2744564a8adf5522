"""Test the order of the records of several files against all records sorted at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sunpy_helio_plugins.imap.dataset.timeline import FileRecords, Timeline, TimelineSegment, Track, timeline

MISSING = -1

Rows = list[tuple[int, int]]


def track_of(times: list[int]) -> Track:
    keys = np.array(times, dtype=np.int64)
    return Track.of(keys, keys == MISSING)


def rows_of(segments: list[TimelineSegment]) -> Rows:
    """Return the number of the file and of the record of each row."""
    found: Rows = []
    for segment in segments:
        part: NDArray[np.int64] = np.full((segment.length, 2), -9)
        for file, rows, place in segment.pieces:
            part[place, 0] = file
            part[place, 1] = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        found += [(int(file), int(row)) for file, row in part]
    return found


def expected(files: list[list[int]], ranks: list[tuple[int, ...]], ranges: list[tuple[int, int]] | None) -> Rows:
    """Return the rows by the definition: each time from the file with the highest rank, or the first of these."""
    records = [(time, file, row) for file, times in enumerate(files) for row, time in enumerate(times)]
    timed = [one for one in records if one[0] != MISSING]
    winner = {
        time: min((one[1] for one in timed if one[0] == time), key=lambda file: (tuple(-n for n in ranks[file]), file))
        for time, *_ in timed
    }
    kept = sorted(one for one in timed if winner[one[0]] == one[1])
    if ranges is not None:
        return [(file, row) for time, file, row in kept if any(low <= time < high for low, high in ranges)]
    return [(file, row) for _, file, row in kept] + [(file, row) for time, file, row in records if time == MISSING]


FILES = st.lists(st.lists(st.integers(-1, 30), max_size=12), min_size=1, max_size=5)
RANGES = st.none() | st.lists(st.tuples(st.integers(0, 32), st.integers(0, 32)).map(sorted).map(tuple), max_size=3)


@given(FILES, st.lists(st.integers(1, 2), min_size=5, max_size=5), RANGES, st.booleans())
def test_records_are_those_of_all_files_sorted_at_once(files, versions, ranges, in_order):
    files = [sorted(times) for times in files] if in_order else files
    ranks = [(version, 0) for version in versions[: len(files)]]
    made = timeline(lambda number: track_of(files[number]), ranks, ranges)
    right = expected(files, ranks, ranges)
    assert rows_of(made.segments) == right
    assert made.length == len(right)
    inside = [
        (file, time) for file, times in enumerate(files) for time in times
        if time != MISSING and (ranges is None or any(low <= time < high for low, high in ranges))
    ]  # fmt: skip
    lost = sum(made.untimed.values()) if ranges is None else 0
    assert made.repeated.total() == len(inside) + lost - len(right)


@given(FILES, st.integers(0, 60), st.integers(0, 60))
def test_a_part_is_that_of_the_whole(files, first, last):
    made = timeline(lambda number: track_of(files[number]), [(1, 0)] * len(files), None)
    assert rows_of(made.between(first, last)) == rows_of(made.segments)[first : max(first, last)]


def test_days_that_do_not_overlap_are_one_piece_each():
    made = timeline(lambda number: track_of([[1, 2, 3], [4, 5]][number]), [(1, 0), (1, 1)], None)
    assert [one.pieces for one in made.segments] == [
        (FileRecords(0, slice(0, 3), slice(0, 3)),),
        (FileRecords(1, slice(0, 2), slice(0, 2)),),
    ]
    assert not made.repeated


def test_a_range_that_ends_within_a_file_cuts_it():
    made = timeline(lambda _: track_of([1, 2, 3, 4]), [(1, 0)], [(2, 4)])
    assert made.segments == [TimelineSegment(2, (FileRecords(0, slice(1, 3), slice(0, 2)),))]


def test_successive_pieces_of_a_file_are_one():
    made = Timeline()
    made.add(TimelineSegment(2, (FileRecords(0, slice(0, 2), slice(0, 2)),)))
    made.add(TimelineSegment(1, (FileRecords(0, slice(2, 3), slice(0, 1)),)))
    made.add(TimelineSegment(1, (FileRecords(0, slice(5, 6), slice(0, 1)),)))
    assert made.segments == [
        TimelineSegment(3, (FileRecords(0, slice(0, 3), slice(0, 3)),)),
        TimelineSegment(1, (FileRecords(0, slice(5, 6), slice(0, 1)),)),
    ]


def test_only_files_that_overlap_are_read_again():
    asked: list[int] = []

    def track(number: int) -> Track:
        asked.append(number)
        return track_of([[1, 2], [3, 5], [5, 6], [7, 8]][number])

    timeline(track, [(1, 0)] * 4, None)
    assert {number: asked.count(number) for number in range(4)} == {0: 1, 1: 3, 2: 3, 3: 1}
