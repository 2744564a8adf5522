"""Test the intervals, gaps and valid values of a series against cases computed by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.table import QTable

from sunpy_helio_plugins import series
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities import masked


def spans(table: QTable) -> list[tuple[str, str]]:
    return [(start[14:19], end[14:19]) for start, end in zip(table["start"].isot, table["end"].isot, strict=True)]


def test_intervals_end_at_gaps(table: Callable[..., QTable]) -> None:
    found = series.coverage(table([0, 10, 20, 30, 90, 100, 200], x=np.arange(7.0)))
    assert spans(found.intervals) == [("00:00", "00:30"), ("01:30", "01:40"), ("03:20", "03:20")]
    assert found.intervals["n"].tolist() == [4, 2, 1]
    assert spans(found.gaps) == [("00:30", "01:30"), ("01:40", "03:20")]
    assert found.gaps["duration"].to_value("s").tolist() == [60, 100]
    assert (found.cadence, found.n) == (10 * u.s, 7)


@pytest.mark.parametrize(("gap", "count"), [(9 * u.s, 7), (15 * u.s, 3), (1 * u.min, 2), (2 * u.min, 1)])
def test_the_longest_step_can_be_given(table: Callable[..., QTable], gap: u.Quantity, count: int) -> None:
    found = series.coverage(table([0, 10, 20, 30, 90, 100, 200], x=np.arange(7.0)), max_gap=gap)
    assert len(found.intervals) == count
    assert len(found.gaps) == count - 1


@pytest.mark.parametrize(
    ("location", "intervals", "gap"),
    [
        ("begin", [("01:00", "03:00"), ("10:00", "11:00")], ("03:00", "10:00")),
        ("center", [("00:30", "02:30"), ("09:30", "10:30")], ("02:30", "09:30")),
        ("end", [("00:00", "02:00"), ("09:00", "10:00")], ("02:00", "09:00")),
        ("other", [("01:00", "02:00"), ("10:00", "10:00")], ("02:00", "10:00")),
    ],
)
def test_samples_last_as_the_header_states(
    table: Callable[..., QTable], location: str, intervals: list[Any], gap: Any
) -> None:
    one = table([60, 120, 600], x=[1.0, 2, 3])
    one.meta = {"hapi": {"timeStampLocation": location, "cadence": "PT1M"}}
    found = series.coverage(one)
    assert (spans(found.intervals), spans(found.gaps)) == (intervals, [gap])
    assert found.cadence == 60 * u.s


def test_a_long_sample_closes_a_gap(table: Callable[..., QTable]) -> None:
    one = table([0, 10, 20, 100], x=[1.0, 2, 3, 4], after=[100.0, 10, 10, 10] * u.s)
    one["Time"].info.meta = {"DELTA_PLUS_VAR": "after"}
    assert spans(series.coverage(one).intervals) == [("00:00", "01:50")]


def test_the_share_of_valid_values(table: Callable[..., QTable]) -> None:
    vectors = masked(np.ones((4, 2)) * u.nT, np.array([[True, False], [False, False], [True, True], [False, False]]))
    one = table(range(4), B=vectors, x=[1.0, np.nan, 3, 4], text=np.array(list("abcd")))
    assert series.coverage(one).valid == {"B": 5 / 8, "x": 3 / 4, "text": 1}


def test_a_leap_second_is_part_of_the_step(table: Callable[..., QTable]) -> None:
    found = series.coverage(table(["2016-12-31T23:59:59", "2017-01-01T00:00:00"], x=[1.0, 2]))
    assert found.cadence == 2 * u.s


def test_chunks_frames_and_unsorted_tables(table: Callable[..., QTable]) -> None:
    one = table([0, 10, 20, 100], x=[1.0, np.nan, 3, 4])
    right = series.coverage(one)
    frame = pd.DataFrame({"x": one["x"]}, index=pd.DatetimeIndex(one["Time"].to_value("datetime64")))
    for other in ([one[:2], one[2:]], [one[2:], one[:2]], one[::-1], frame, (part for part in (one[:3], one[3:]))):
        found = series.coverage(other)
        assert (spans(found.intervals), spans(found.gaps)) == (spans(right.intervals), spans(right.gaps))
        assert found.valid == right.valid == {"x": 0.75}


@pytest.mark.parametrize(("count", "cadence"), [(0, None), (1, None)])
def test_few_samples(table: Callable[..., QTable], count: int, cadence: Any) -> None:
    found = series.coverage(table(range(count), x=np.arange(float(count))))
    assert (found.cadence, found.n, len(found.intervals), len(found.gaps)) == (cadence, count, count, 0)
    assert found.valid == pytest.approx({"x": [np.nan, 1.0][count]}, nan_ok=True)


def test_the_repr_is_a_summary(table: Callable[..., QTable]) -> None:
    text = repr(series.coverage(table([0, 10, 20, 90], x=[1.0, np.nan, 3, 4])))
    assert (
        text.splitlines()[0] == "<SeriesCoverage: 4 samples from 2026-01-10T00:00:00 to 2026-01-10T00:01:30 UTC, 1 gap"
    )
    assert text.splitlines()[1:] == ["    cadence: 10 s", "    x: 75.0 % valid>"]
    assert repr(series.coverage(table([], x=np.zeros(0)))) == "<SeriesCoverage: no samples>"


@pytest.mark.parametrize("given", ["x", None, 7, [], QTable({"x": [1.0]})])
def test_other_objects_are_refused(given: Any) -> None:
    with pytest.raises(QueryError, match=r"series\.coverage"):
        series.coverage(given)


@pytest.mark.parametrize("gap", [0 * u.s, -1 * u.s, 10, 1 * u.m, "x"])
def test_other_durations_are_refused(table: Callable[..., QTable], gap: Any) -> None:
    with pytest.raises(QueryError, match="as max_gap"):
        series.coverage(table([0], x=[1.0]), max_gap=gap)
