"""Test the arithmetic of ranges against sets of integers."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunpy_helio_plugins.store.intervals import (
    FOREVER,
    Entry,
    Range,
    State,
    common,
    joined,
    overlaid,
    timeline,
    united,
    without,
)

SIZE = 24
BORDERS = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE))
RANGES = st.lists(BORDERS.map(lambda pair: Range(*pair)), max_size=8)
ENTRIES = st.lists(
    st.builds(
        lambda pair, state, asked, source: Entry(*sorted(pair), state, asked, asked + 5, source),
        st.tuples(st.integers(0, SIZE - 1), st.integers(1, SIZE)).filter(lambda pair: pair[0] != pair[1]),
        st.sampled_from([State.FAILED, State.EMPTY, State.PRESENT]),
        st.sampled_from([1.0, 2.0]),
        st.integers(1, 2),
    ),
    max_size=8,
)


def instants(ranges: list[Range]) -> set[int]:
    return {at for first, before in ranges for at in range(first, before)}


def is_normal(ranges: list[Range]) -> bool:
    return all(one.first < one.before for one in ranges) and all(
        one.before < other.first for one, other in itertools.pairwise(ranges)
    )


@given(RANGES)
def test_united_ranges_are_in_order_and_apart(ranges):
    found = united(ranges)
    assert is_normal(found)
    assert instants(found) == instants(ranges)


@given(RANGES, RANGES)
def test_the_difference_of_ranges(ranges, others):
    found = without(ranges, others)
    assert instants(found) == instants(ranges) - instants(others)
    assert all(one.first < one.before for one in found)


@given(RANGES, RANGES)
def test_the_intersection_of_ranges(ranges, others):
    assert instants(common(ranges, others)) == instants(ranges) & instants(others)


@given(RANGES, st.integers(1, 4))
def test_joined_ranges_contain_the_given_ones_and_are_few(ranges, most):
    found = joined(ranges, most)
    assert is_normal(found)
    assert len(found) <= most
    assert instants(found) >= instants(ranges)
    assert len(united(ranges)) > most or found == united(ranges)


def test_the_shortest_gaps_are_closed():
    assert joined([Range(0, 1), Range(5, 6), Range(7, 8), Range(20, 21)], 2) == [Range(0, 8), Range(20, 21)]


@given(ENTRIES, ENTRIES)
def test_each_instant_has_the_last_state_that_an_answer_told(first, second):
    found: list[Entry] = []
    model: dict[int, tuple[State, float, int]] = {}
    for one in [*first, *second]:
        found = overlaid(found, [one])
        for at in range(one.first, one.before):
            if one.state is not State.FAILED or model.get(at, (State.NEVER,))[0] < State.EMPTY:
                model[at] = (one.state, one.asked, one.source)
    told = {at: (one.state, one.asked, one.source) for one in found for at in range(one.first, one.before)}
    assert told == model
    assert all(one.before <= other.first for one, other in itertools.pairwise(found))
    assert not any(other.continues(one) for one, other in itertools.pairwise(found))


@given(ENTRIES, BORDERS.map(sorted))
def test_a_timeline_has_no_gap(entries, borders):
    first, before = borders
    found = timeline(overlaid([], entries), first, before)
    assert instants([one.range for one in found]) == set(range(first, before))
    assert sum(one.before - one.first for one in found) == before - first
    known = instants([one.range for one in entries])
    assert all((one.state is State.NEVER) == (one.first not in known) for one in found)


@pytest.mark.parametrize(
    ("state", "asked", "until", "is_believed"),
    [
        (State.PRESENT, 1.0, FOREVER, True), (State.EMPTY, 1.0, 11.0, True), (State.EMPTY, 1.0, 10.0, False),
        (State.PRESENT, 10.0, 10.0, False), (State.PRESENT, 11.0, FOREVER, False), (State.FAILED, 1.0, 11.0, False),
        (State.NEVER, 0.0, FOREVER, False),
    ],
)  # fmt: skip
def test_an_entry_is_believed_from_its_request_until_its_end(state, asked, until, is_believed):
    assert Entry(0, 1, state, asked, until).is_believed(10.0) is is_believed
