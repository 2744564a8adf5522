"""Test that ranges are exact to the nanosecond, in any year and across leap seconds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.days import time_of_parts
from sunpy_helio_plugins.quantities.leap import DAY
from sunpy_helio_plugins.quantities.spans import Moment, Span, ordinals, parts_of, stamps_of

MOMENTS = st.builds(Moment, st.integers(-150_000, 150_000), st.integers(0, 86_399_999_999_999))


def span(first: str, before: str) -> Span:
    return Span(Moment.read(first), Moment.read(before))


@pytest.mark.parametrize(
    ("stamp", "text"),
    [
        ("2026-010Z", "2026-01-10T00:00:00.000000000Z"),
        ("2026-01-09T24:00", "2026-01-10T00:00:00.000000000Z"),
        ("1610-05-01T00:00:00.000000001Z", "1610-05-01T00:00:00.000000001Z"),
        ("2016-12-31T23:59:60.5Z", "2016-12-31T23:59:60.500000000Z"),
    ],
)
def test_stamps_are_read_and_written(stamp: str, text: str) -> None:
    assert str(Moment.read(stamp)) == text


@given(MOMENTS)
def test_a_moment_is_what_its_text_says(moment: Moment) -> None:
    assert Moment.read(str(moment)) == moment
    assert moment.down() <= moment <= moment.up()
    assert moment.up().nano % 1_000_000 == 0
    assert moment.later(1).later(-1) == moment


def test_a_leap_second_lies_between_its_neighbours() -> None:
    leap = Moment.read("2016-12-31T23:59:60.5Z")
    assert Moment.read("2016-12-31T23:59:59.9Z") < leap < Moment.read("2017-01-01Z")
    # Few servers support it: the request includes it.
    assert str(leap.down()) == "2016-12-31T23:59:59.000000000Z"
    assert str(leap.up()) == "2017-01-01T00:00:00.000000000Z"


def test_a_range_holds_its_first_instant_and_not_its_end() -> None:
    stamps = np.array(
        [b"2016-12-31T23:59:57.9Z", b"2016-366T23:59:58Z", b"2016-12-31T23:59:60.5Z", b"2017-001Z", b"2017Z"]
    )
    expected = [False, True, True, False, False]
    one = span("2016-12-31T23:59:58Z", "2017-01-01Z")
    assert one.holds(stamps).tolist() == expected
    assert one.covers(times.from_iso(stamps)).tolist() == expected
    closed = Span.closed(one.first, Moment.read("2017-01-01Z"))
    assert closed.holds(stamps).tolist() == [False, True, True, True, True]
    assert Span.read(str(closed)) == closed


@given(MOMENTS, st.integers(1, 10**18))
def test_halves_meet_and_leave_nothing_out(first: Moment, length: int) -> None:
    whole = Span(first, first.later(length))
    halves = whole.halves()
    if halves is None:
        assert length < 2_000_000, "a range of two milliseconds has halves"
        return
    assert (halves[0].first, halves[1].before) == (whole.first, whole.before)
    assert halves[0].before == halves[1].first
    assert max(half.nanoseconds for half in halves) < length


def test_borders_are_round() -> None:
    halves = span("2026-01-10T00:00:12Z", "2026-01-12T01:00:00.001Z").halves()
    assert halves is not None
    assert str(halves[0].before) == "2026-01-11T00:00:00.000000000Z"


def test_an_instant_has_no_halves() -> None:
    moment = Moment.read("2026-01-10Z")
    assert Span.closed(moment, moment).halves() is None


@given(MOMENTS, st.integers(1, 10**15), st.integers(10**12, 10**14))
def test_pieces_are_whole_and_no_longer_than_allowed(first: Moment, length: int, step: int) -> None:
    whole = Span(first, first.later(length))
    pieces = whole.cut(step, 10_000)
    assert (pieces[0].first, pieces[-1].before) == (whole.first, whole.before)
    assert all(one.before == other.first for one, other in itertools.pairwise(pieces))
    assert max(piece.nanoseconds for piece in pieces) <= step + 1


@pytest.mark.parametrize(
    ("stamp", "previous"),
    [
        ("2017-01-01T00:00:00Z", "2016-12-31T23:59:60.999999999Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999999999Z"),
        ("2017-01-02T00:00:00Z", "2017-01-01T23:59:59.999999999Z"),
        ("1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999999Z"),
        ("1960-06-01T12:00:00Z", "1960-06-01T11:59:59.999999999Z"),
    ],
)
def test_the_last_time_of_a_range_may_be_in_a_leap_second(stamp: str, previous: str) -> None:
    first = Moment.read("1950-01-01Z")
    assert str(Span(first, Moment.read(stamp)).last) == previous
    assert Span.closed(first, Moment.read(previous)).before == Moment.read(stamp)


def test_times_of_any_number_and_shape_are_compared_with_a_range() -> None:
    day = span("2026-01-01T00:10Z", "2026-01-01T00:20Z")
    count = 3 * 2**16 + 4
    stamps = np.datetime64("2026-01-01T00:00:00.000", "ms") + np.arange(count) * np.timedelta64(10, "ms")
    time = times.from_datetime64(stamps)
    expected = (stamps >= np.datetime64("2026-01-01T00:10")) & (stamps < np.datetime64("2026-01-01T00:20"))
    assert (day.covers(time) == expected).all()
    assert (day.covers(time.reshape(-1, 2)) == expected.reshape(-1, 2)).all()
    assert day.covers(time[70_000]).shape == ()
    assert day.covers(time[:0]).tolist() == []


FAR = ["1678-01-01T00:00:00Z", "1961-07-31T23:59:59.95Z", "1969-12-31T23:59:59.999999999Z", "2016-12-31T23:59:60.5Z"]
"""Times on a day of another length, and with a leap second, in the order of time."""


@pytest.mark.parametrize("digits", [0, 1, 3, 6, 9])
def test_stamps_of_ordinals_are_those_of_their_moments(digits: int) -> None:
    moments = [Moment.read(one) for one in (*FAR, "2016-12-31T23:59:59.5Z", "2262-01-01T12:34:56.789Z")]
    made = stamps_of(np.array([one.ordinal for one in moments]), digits)
    assert made.tolist() == [one.text(digits).encode() for one in moments]
    assert stamps_of(np.empty(0, np.int64), digits).tolist() == []


@pytest.mark.parametrize("count", [0, 1, len(FAR)])
def test_times_of_ordinals_are_those_of_their_stamps(count: int) -> None:
    stamps = np.array(FAR[:count], dtype="S30")
    made, wanted = time_of_parts(*parts_of(ordinals(stamps))), times.from_iso(stamps)
    assert made.shape == wanted.shape
    assert (made.jd1.tobytes(), made.jd2.tobytes()) == (wanted.jd1.tobytes(), wanted.jd2.tobytes())
    assert (made.format, made.scale, made.precision) == (wanted.format, wanted.scale, wanted.precision)


def test_times_of_parts_do_not_share_their_days() -> None:
    one, other = (time_of_parts(*parts_of(np.array([first]))) for first in (0, 10**18))
    assert one != other
    one[0] = other[0]
    assert time_of_parts(*parts_of(np.array([0]))).isot.tolist() == ["1970-01-01T00:00:00.000000000"]


def test_the_ordinal_of_a_leap_second_that_a_day_lacks_is_the_next_day():
    day = Moment.read("2016-12-30Z").ordinal
    assert str(Moment.of_ordinal(day + DAY)) == "2016-12-31T00:00:00.000000000Z"
    assert Moment.of_ordinal(Moment.read("2016-12-31T23:59:60.5Z").ordinal).text(1) == "2016-12-31T23:59:60.5Z"


@pytest.mark.parametrize("stamp", [b"1600-01-01T00:00:00Z", b"2300-01-01T00:00:00Z"])
def test_times_too_far_from_1970_have_no_ordinals(stamp):
    with pytest.raises(OverflowError, match="a time is too far from 1970"):
        ordinals(np.array([stamp]))


def test_an_empty_time_stamp_is_no_time():
    with pytest.raises(ValueError, match="is not a time"):
        ordinals(np.array([b""]))
