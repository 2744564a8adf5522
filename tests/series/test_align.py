"""Test that series are put on a common axis as computed by hand, and as pandas does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import astropy.units as u
import numpy as np
import pandas as pd
import pytest
from astropy.table import Column, MaskedColumn, QTable, Table, vstack
from astropy.time import Time
from astropy.timeseries import BinnedTimeSeries, TimeSeries
from hypothesis import given
from hypothesis import strategies as st
from sunpy.timeseries import GenericTimeSeries

from sunpy_helio_plugins import series
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities import masked, times
from sunpy_helio_plugins.series.alignment import samples

METHODS = ("mean", "median", "max", "min", "nearest", "linear")


def values(column: Any) -> list[Any]:
    """Return the values of a column, with `None` for those that are masked."""
    bare = getattr(column, "unmasked", column)
    plain = np.ma.getdata(np.asarray(getattr(bare, "value", bare))).tolist()
    gone = np.asarray(getattr(column, "mask", np.zeros(column.shape, dtype=bool)))
    return np.where(gone, None, np.array(plain, dtype=object)).tolist()


def clock(table: QTable) -> list[str]:
    return [text[11:19] for text in table["time"].isot]


def header(location: str, cadence: str = "PT60S") -> dict[str, Any]:
    return {"hapi": {"timeStampLocation": location, "cadence": cadence}}


@pytest.mark.parametrize(
    ("method", "first", "second"),
    [("mean", 2.0, 10.5), ("median", 1.0, 10.5), ("max", 5.0, 11.0), ("min", 0.0, 10.0)],
)
def test_samples_of_a_bin_are_reduced(table: Callable[..., QTable], method: str, first: float, second: float) -> None:
    made = series.align(table([0, 20, 59.9, 60, 100], x=[0.0, 1.0, 5.0, 10.0, 11.0] * u.nT), method=method)
    assert clock(made) == ["00:00:00", "00:01:00"]
    assert values(made["x"]) == [first, second]
    assert made["x"].unit == "nT"
    assert values(made["n"]) == [3, 2]


@pytest.mark.parametrize(
    ("method", "expected"), [("nearest", [1.0, 3.0, 7.0, None, 8.0]), ("linear", [None, 3.0, 7.0, None, None])]
)
def test_values_at_the_times_of_the_axis(table: Callable[..., QTable], method: str, expected: list[Any]) -> None:
    """The samples are at 0:10, 0:50, 1:10, 2:00 and 4:20; the gap of 140 s is not bridged."""
    one = table([10, 50, 70, 120, 260], x=[1.0, 2.5, 3.5, 7.0, 8.0])
    made = series.align(one, method=method, max_gap=80 * u.s)
    assert clock(made) == ["00:00:00", "00:01:00", "00:02:00", "00:03:00", "00:04:00"]
    nearest_of_tie = {"nearest": 2.5}.get(method, 3.0)
    assert values(made["x"]) == [expected[0], nearest_of_tie, *expected[2:]]


def test_the_longest_gap_is_twice_the_cadence_unless_given(table: Callable[..., QTable]) -> None:
    one = table([0, 60, 120, 240, 300, 480], x=[0.0, 1, 2, 4, 5, 8])
    assert values(series.align(one, method="linear")["x"]) == [0, 1, 2, 3, 4, 5, None, None, 8]
    assert values(series.align(one, method="linear", max_gap=3 * u.min)["x"]) == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert values(series.align(one, method="linear", max_gap=1 * u.min)["x"]) == [0, 1, 2, None, 4, 5, None, None, 8]


@pytest.mark.parametrize("method", METHODS)
def test_masked_values_and_nan_are_not_used(table: Callable[..., QTable], method: str) -> None:
    x = masked(u.Quantity([1.0, 99, 3, 99, 99, 6, 99, 7], u.nT), np.array([0, 1, 0, 1, 1, 0, 1, 0], dtype=bool))
    gone = table(range(0, 240, 30), x=x)
    nan = table(range(0, 240, 30), x=[1.0, np.nan, 3, np.nan, np.nan, 6, np.nan, 7] * u.nT)
    expected = {"nearest": [1, 3, 6, 6], "linear": [1, 3, 5, 6.5]}.get(method, [1, 3, 6, 7])
    for one in (gone, nan):
        made = series.align(one, method=method, max_gap=90 * u.s)
        assert values(made["x"]) == expected
        assert values(made["n"]) == [2, 2, 2, 2]


@pytest.mark.parametrize("method", ["mean", "median", "max", "min"])
def test_a_bin_without_a_valid_sample_is_masked(table: Callable[..., QTable], method: str) -> None:
    gone = np.array([False, True, True, False])
    made = series.align(table([0, 60, 90, 180], x=masked(np.array([1, -9, -9, 4]), gone)), method=method)
    assert values(made["x"]) == [1, None, None, 4]
    assert values(made["n"]) == [1, 2, 0, 1]


@pytest.mark.parametrize(
    ("method", "kind", "expected"),
    [
        ("mean", "f8", [1.5, 2.0**40]), ("median", "f8", [1.5, 2.0**40]), ("linear", "f8", [1.0, 2.0**40]),
        ("nearest", "i8", [1, 2**40]), ("max", "i8", [2, 2**40]), ("min", "i8", [1, 2**40]),
    ],
)  # fmt: skip
def test_integers_with_masks(table: Callable[..., QTable], method: str, kind: str, expected: list[float]) -> None:
    numbers = masked(u.Quantity([1, 2, -(2**31), 2**40], u.ct, dtype="i8"), np.array([False, False, True, False]))
    made = series.align(table([0, 30, 59, 60], x=numbers), method=method)
    assert (made["x"].dtype, made["x"].unit) == (np.dtype(kind), u.ct)
    assert values(made["x"]) == expected


def test_booleans_become_shares(table: Callable[..., QTable]) -> None:
    one = table([0, 15, 30, 45], ok=[True, True, False, True])
    assert values(series.align(one)["ok"]) == [0.75]
    assert values(series.align(one, method="min")["ok"]) == [False]


@pytest.mark.parametrize(
    ("location", "expected"),
    [("begin", [1.0, 2.0, 4.0]), ("center", [1.0, 1.5, 3.0, 4.0]), ("end", [1.0, 2.0, 4.0])],
)
def test_samples_last_as_the_header_states(table: Callable[..., QTable], location: str, expected: list[float]) -> None:
    """A sample at the end of its minute belongs to the minute before, one in the middle to both in equal parts."""
    one = table([60, 120, 180], x=[1.0, 2.0, 4.0])
    one.meta = header(location)
    made = series.align(one)
    assert clock(made)[0] == ("00:01:00" if location == "begin" else "00:00:00")
    assert values(made["x"]) == expected


def test_the_overlap_is_the_weight_of_a_mean(table: Callable[..., QTable]) -> None:
    """Samples of 40 s at 0, 40 and 80 s: the second one lasts 20 s in the first minute and 20 s in the next."""
    one = table([0, 40, 80], x=[3.0, 6.0, 9.0])
    one.meta = header("begin", "PT40S")
    made = series.align(one)
    assert values(made["x"]) == pytest.approx([(40 * 3 + 20 * 6) / 60, (20 * 6 + 40 * 9) / 60])
    assert values(made["n"]) == [2, 2]
    assert values(series.align(one, method="max")["x"]) == [6.0, 9.0]
    assert values(series.align(one, method="median")["x"]) == [4.5, 7.5]


def test_a_long_sample_fills_all_bins_that_it_covers(table: Callable[..., QTable]) -> None:
    one = table([0, 180], x=masked(np.array([1.0, 5.0]), np.array([False, False])))
    one.meta = header("begin", "PT3M")
    assert values(series.align(one)["x"]) == [1, 1, 1, 5, 5, 5]
    assert values(series.align(one, method="linear", max_gap=1 * u.hour, stamp="center")["x"])[1:5] == pytest.approx(
        [1, 1 + 4 / 3, 1 + 8 / 3, 5]
    )


def test_a_location_without_a_length_says_nothing(table: Callable[..., QTable]) -> None:
    one = table([60, 120], x=[1.0, 2.0])
    for told in (
        {"timeStampLocation": "end"},
        {"cadence": "PT60S"},
        {"timeStampLocation": "other", "cadence": "PT60S"},
    ):
        one.meta = {"hapi": told}
        assert clock(series.align(one)) == ["00:01:00", "00:02:00"]


@pytest.mark.parametrize("place", ["support", "column", "number"])
def test_samples_last_as_the_deltas_of_a_cdf_file_state(table: Callable[..., QTable], place: str) -> None:
    """From 10 s before to 20 s after the time: the sample at 65 s lasts 5 s in the first minute."""
    one = table([30, 65], x=[1.0, 7.0])
    if place == "number":
        one["Time"].info.meta = {"DELTA_MINUS": 10e9, "DELTA_PLUS": 20e9}
    else:
        one["Time"].info.meta = {"DELTA_MINUS_VAR": "before", "DELTA_PLUS_VAR": "after"}
    if place == "support":
        one.meta["support"] = {"before": {"values": np.array([10e9])}, "after": {"values": u.Quantity(20, u.s)}}
    if place == "column":
        one["before"], one["after"] = [10.0, 10.0] * u.s, masked([20.0, 20.0] * u.s, np.array([False, False]))
    made = series.align(one, columns=["x"])
    assert values(made["x"]) == pytest.approx([(30 * 1 + 5 * 7) / 35, 7])


def test_samples_of_different_lengths(table: Callable[..., QTable]) -> None:
    """The second one, 90 s before to 30 s after 2:00, begins before the first one does."""
    one = table([60, 120], x=[1.0, 5.0], before=[10.0, 90.0] * u.s, after=[10.0, 30.0] * u.s)
    one["Time"].info.meta = {"DELTA_MINUS_VAR": "before", "DELTA_PLUS_VAR": "after"}
    made = series.align(one, columns=["x"])
    assert values(made["x"]) == pytest.approx([(10 * 1 + 30 * 5) / 40, (10 * 1 + 60 * 5) / 70, 5])
    centers = {"begin": [None, 1, None], "end": [1, None, None]}  # at 1:00 and 1:30
    for stamp, expected in centers.items():
        made = series.align(one, columns=["x"], method="linear", stamp=stamp, max_gap=1 * u.min)
        assert values(made["x"]) == expected


def test_the_minute_with_a_leap_second_is_longer(table: Callable[..., QTable]) -> None:
    stamps = ["2016-12-31T23:59:00", "2016-12-31T23:59:59.5", "2016-12-31T23:59:60.5", "2017-01-01T00:00:00"]
    one = table(stamps, x=[1.0, 2.0, 6.0, 9.0])
    assert clock(series.align(one)) == ["23:59:00", "00:00:00"]
    assert values(series.align(one)["x"]) == [3, 9]
    seconds = series.align(one, every=1 * u.s, start="2016-12-31T23:59:59")
    assert clock(seconds) == ["23:59:59", "23:59:60", "00:00:00"]
    assert values(seconds["x"]) == [2, 6, 9]


def test_durations_count_the_leap_second(table: Callable[..., QTable]) -> None:
    """From 23:59:59 to 00:00:01 are 3 s; the third of them ends at 23:59:60."""
    one = table(["2016-12-31T23:59:59", "2017-01-01T00:00:01"], x=[0.0, 3.0])
    made = series.align(one, every=1 * u.s, method="linear", max_gap=3 * u.s)
    assert values(made["x"]) == [0, 1, 2, 3]
    assert values(series.align(one, every=1 * u.s, method="linear", max_gap=2.9 * u.s)["x"]) == [0, None, None, 3]


def test_other_scales_and_early_years_are_converted(table: Callable[..., QTable]) -> None:
    one = table(["1965-03-01T12:00:00", "1965-03-01T12:00:40"], x=[1.0, 3.0])
    made = series.align(one)
    assert (made["time"].isot[0], values(made["x"])) == ("1965-03-01T12:00:00.000000000", [2])
    tai = QTable({"Time": table([30], x=[1.0])["Time"].tai, "x": [1.0]})
    assert clock(series.align(tai, every=10 * u.s)) == ["00:00:30"]


def test_times_are_exact_to_the_nanosecond(table: Callable[..., QTable]) -> None:
    one = table(
        ["2026-01-10T23:59:59.999999999", "2026-01-11T00:00:00", "2026-01-11T00:00:00.000000001"], x=[1.0, 2, 3]
    )
    made = series.align(one, every=1 * u.ns)
    assert values(made["n"]) == [1, 1, 1]
    assert made["time"].isot.tolist() == one["Time"].isot.tolist()
    assert values(series.align(one, every=1 * u.day)["x"]) == [1, 2.5]


@pytest.mark.parametrize(
    ("stamp", "first", "linear"), [("begin", "00:01:00", 1.0), ("center", "00:01:30", 1.5), ("end", "00:02:00", 2.0)]
)
def test_the_time_of_a_bin(table: Callable[..., QTable], stamp: str, first: str, linear: float) -> None:
    one = table([60, 120, 180], x=[1.0, 2.0, 3.0])
    made = series.align(one, stamp=stamp)
    assert (clock(made)[0], values(made["x"])) == (first, [1, 2, 3])
    assert values(series.align(one, stamp=stamp, method="linear")["x"])[0] == linear
    again = series.align(made, columns=["x"], every=2 * u.min)
    assert values(again["x"]) == [1.0, 2.5]  # the bins from 1:00 to 2:00, and from 2:00 to 4:00


def test_the_axis_has_the_range_that_is_given(table: Callable[..., QTable]) -> None:
    one = table([0, 20, 50, 80, 110], x=[1.0, 2, 3, 4, 5])
    made = series.align(one, start="2026-01-10T00:00:20", end="2026-01-10T00:03:20")
    assert clock(made) == ["00:00:20", "00:01:20", "00:02:20"]
    assert values(made["x"]) == [2.5, 4.5, None]
    assert clock(series.align(one, start="2026-01-10T00:01:20")) == ["00:01:20"]
    assert clock(series.align(one, start="2026-01-09T23:58")) == ["23:58:00", "23:59:00", "00:00:00", "00:01:00"]
    assert clock(series.align(one, end="2026-01-10T00:01:00")) == ["00:00:00"]
    assert clock(series.align(one, end="2026-01-10T00:03:00")) == ["00:00:00", "00:01:00", "00:02:00"]
    assert clock(series.align(one, end="2026-01-10T00:01:01")) == ["00:00:00", "00:01:00"]


def test_bins_do_not_depend_on_the_first_sample(table: Callable[..., QTable]) -> None:
    whole = series.align(table(range(0, 4000, 100), x=np.arange(40.0)), every=7 * u.min)
    part = series.align(table(range(1000, 4000, 100), x=np.arange(10.0, 40.0)), every=7 * u.min)
    assert clock(part)[1:] == clock(whole)[-len(part) + 1 :]
    assert values(part["x"])[1:] == values(whole["x"])[-len(part) + 1 :]


def test_angles_across_the_border_are_averaged_as_directions(table: Callable[..., QTable]) -> None:
    one = table([0, 30, 60, 90, 120, 150], phi=[350.0, 20, 90, 270, 170, 190] * u.deg)
    made = series.align(one, circular="phi")
    assert values(made["phi"]) == [pytest.approx(5), None, pytest.approx(180)]
    assert made["phi"].unit == u.deg
    signed = table([0, 30, 60], phi=[170.0, -170, -10] * u.deg)
    assert values(series.align(signed, circular=["phi"])["phi"]) == pytest.approx([-180, -10])
    radians = table([0, 30], phi=[np.radians(355), np.radians(15)] * u.rad)
    assert values(series.align(radians, circular=["phi"])["phi"]) == pytest.approx([np.radians(5)])
    assert values(series.align(one)["phi"])[0] == 185  # not named as circular


def test_angles_are_interpolated_along_the_shorter_arc(table: Callable[..., QTable]) -> None:
    one = table([0, 120, 240], phi=masked([340.0, 40, 350] * u.deg, np.zeros(3, dtype=bool)))
    made = series.align(one, method="linear", circular=["phi"])
    assert values(made["phi"]) == pytest.approx([340, 10, 40, 15, 350])
    assert values(series.align(one, method="nearest", circular=["phi"], max_gap=1 * u.s)["phi"])[::2] == [340, 40, 350]


def test_vectors_are_averaged_by_component(table: Callable[..., QTable]) -> None:
    vectors = u.Quantity([[3.0, 0, 1], [-3, 4, 1], [0, 0, 5]], u.nT)
    made = series.align(table([0, 30, 60], B=vectors))
    assert values(made["B"]) == [[0, 2, 1], [0, 0, 5]]
    gone = np.array([[True, False, False], [False, False, True], [False, True, True]])
    assert values(series.align(table([0, 30, 60], B=masked(vectors.copy(), gone)))["B"]) == [
        [-3, 2, 1],
        [0, None, None],
    ]
    near = series.align(table([0, 30, 60], B=masked(vectors.copy(), gone)), method="nearest")
    assert values(near["B"]) == [[None, 0, 1], [0, None, None]]


@pytest.mark.parametrize("method", ["mean", "linear"])
def test_a_magnitude_is_that_of_the_resulting_vector(table: Callable[..., QTable], method: str) -> None:
    vectors = u.Quantity([[3.0, 0, 0], [-3, 0, 0], [0, 4, 0]], u.nT)
    one = table([0, 40, 80], B=vectors, Magnitude=[3.0, 3.0, 4.0] * u.nT)
    made = series.align(one, method=method)
    length = np.linalg.norm(made["B"].filled(0).value, axis=1)
    assert values(made["Magnitude"]) == pytest.approx(length.tolist())
    assert values(made["Magnitude"])[:1] == [0 if method == "mean" else 3]
    assert "is the magnitude of" in made.meta["notes"][0]
    named = series.align(one, methods={"Magnitude": method}, method=method)
    assert values(named["Magnitude"])[0] == 3
    assert named.meta["notes"] == []


def test_a_rounded_magnitude_is_that_of_its_vector(table: Callable[..., QTable]) -> None:
    vectors = np.random.default_rng(2).normal(0, 3, (50, 3))
    one = table(range(0, 500, 10), b_gse=vectors.round(2) * u.nT, total=np.linalg.norm(vectors, axis=1).round(2) * u.nT)
    one["total"].info.description = "Magnetic field magnitude"
    made = series.align(one)
    length = np.linalg.norm(made["b_gse"].unmasked.value, axis=1)
    assert values(made["total"]) == pytest.approx(length.tolist())
    assert "'total' of table 1 is the magnitude of the mean of 'b_gse'" in made.meta["notes"][0]


def test_a_magnitude_that_no_vector_has_is_averaged_with_a_note(table: Callable[..., QTable]) -> None:
    vectors = u.Quantity([[3.0, 0, 0], [-3, 0, 0]], u.nT)
    made = series.align(table([0, 30], B=vectors, F1=[5.0, 7.0] * u.nT))
    assert values(made["F1"]) == [6]
    assert "not the magnitude of a vector" in made.meta["notes"][0]
    assert series.align(table([0, 30], B=vectors, Magnitude=[3.0, 3] * u.km)).meta["notes"] == []
    largest = series.align(table([0, 30], B=vectors, Magnitude=[3.0, 3] * u.nT), method="max")
    assert (values(largest["Magnitude"]), largest.meta["notes"]) == ([3], [])


def test_infinite_values(table: Callable[..., QTable]) -> None:
    one = table([0, 30, 60, 90, 120], x=[np.inf, 1.0, np.inf, -np.inf, 2.0])
    assert values(series.align(one)["x"]) == [np.inf, None, 2]
    assert values(series.align(one, method="max")["x"]) == [np.inf, np.inf, 2]
    assert values(series.align(one, method="linear", every=15 * u.s)["x"])[-1] == 2


def test_columns_without_a_unit_and_without_a_dimension_fit(table: Callable[..., QTable]) -> None:
    made = series.align(table([0], x=[1.0]), table([0], x=[2.0] * u.one))
    assert (values(made["x_1"]), values(made["x_2"])) == ([1], [2])


def test_fill_values_under_a_mask_are_not_used(table: Callable[..., QTable]) -> None:
    gone = MaskedColumn([10.0, -1e31, 30], mask=[False, True, False], unit="deg")
    for method in METHODS:
        made = series.align(Table(table([0, 30, 60], x=gone)), method=method, circular=["x"][: method == "mean"])
        assert values(made["x"]) == pytest.approx([10, 30])


def test_methods_of_single_columns(table: Callable[..., QTable]) -> None:
    one = table([0, 30, 60], x=[1.0, 2, 3], y=[1.0, 2, 3], flag=np.array(["a", "b", "c"]))
    made = series.align(one, methods={"y": "max", "flag": "nearest"})
    assert (values(made["x"]), values(made["y"]), values(made["flag"])) == ([1.5, 3], [2, 3], ["a", "c"])
    assert made["y"].info.meta["method"] == "max"


def test_the_nearest_of_text_and_times(table: Callable[..., QTable]) -> None:
    other = times.as_column(times.from_iso(["2026-01-01", "2026-01-02T00:00:00.000000001"]), may_be_missing=True)
    one = table([0, 300], text=MaskedColumn(["first", "second"], mask=[False, True]), other=other)
    made = series.align(one, method="nearest", max_gap=1 * u.min)
    assert values(made["text"]) == ["first", *[None] * 5]
    assert made["other"].isot[-1] == "2026-01-02T00:00:00.000000001"
    assert np.asarray(made["other"].mask).tolist() == [False, *[True] * 4, False]


def test_columns_keep_their_description(table: Callable[..., QTable]) -> None:
    one = table([0, 30], x=[1, 2] * u.nT)
    one["x"].info.description, one["x"].info.meta = "the field", {"label": "B", "fill": "-1", "type": "integer"}
    made = series.align(one)
    assert made["x"].info.description == "the field"
    assert made["x"].info.meta == {"label": "B", "method": "mean"}
    assert made["time"].info.meta == {"timeStampLocation": "begin", "cadence": "PT60S"}
    assert made["time"].info.description.endswith("(UTC)")


def test_columns_of_several_tables(table: Callable[..., QTable]) -> None:
    one, other = table([0, 60], v=[1.0, 2] * u.km / u.s, x=[5.0, 6]), table([60, 120], v=[3e3, 4e3] * u.m / u.s)
    made = series.align(one, other)
    assert made.colnames == ["time", "v_1", "x", "n_1", "v_2", "n_2"]
    assert values(made["v_1"]) == [1, 2, None]
    assert values(made["v_2"]) == [None, 3, 4]
    assert made["v_2"].unit == u.km / u.s
    named = series.align(one, other, names=["ace", "wind"], columns=["v"])
    assert named.colnames == ["time", "v_ace", "n_ace", "v_wind", "n_wind"]


def test_a_data_column_named_time_or_n_keeps_its_values(table: Callable[..., QTable]) -> None:
    made = series.align(table([0], time=[7.0], n=[8.0]))
    assert made.colnames == ["time", "time_1", "n_1", "n_1_1"]
    assert (values(made["time_1"]), values(made["n_1"]), values(made["n_1_1"])) == ([7], [8], [1])


def test_every_kind_of_table(table: Callable[..., QTable]) -> None:
    one = table([0, 30, 60], x=[1.0, 2, 3] * u.nT)
    index = pd.DatetimeIndex(one["Time"].to_value("datetime64"))
    frame = pd.DataFrame({"x": [1.0, 2, 3]}, index=index)
    plain = Table({"t": Time(one["Time"]), "x": Column([1.0, 2, 3], unit="nT")})
    own = GenericTimeSeries(frame, {}, {"x": u.nT})
    for given_one in (one, plain, TimeSeries(one["x",], time=Time(one["Time"])), own, [one], iter([one])):
        made = series.align(given_one)
        assert (values(made["x"]), made["x"].unit, clock(made)) == ([1.5, 3], u.nT, ["00:00:00", "00:01:00"])
    zoned = frame.tz_localize("UTC").tz_convert("Europe/Paris")
    for given_one in (frame, zoned, frame.set_axis(index.as_unit("s"))):
        assert clock(series.align(given_one)) == ["00:00:00", "00:01:00"]


def test_columns_of_frames(table: Callable[..., QTable]) -> None:
    index = pd.DatetimeIndex(["2026-01-10T00:00:00", "2026-01-10T00:00:30", "NaT"])
    frame = pd.DataFrame(
        {"whole": pd.array([1, None, 5], dtype="Int64"), 7: [1.0, np.nan, 9], "text": ["a", None, "c"],
         "when": pd.DatetimeIndex(["2026-01-01", "NaT", "2026-01-03"])},
        index=index,
    )  # fmt: skip
    made = series.align(frame, method="nearest")
    assert (values(made["whole"]), values(made["7"]), values(made["text"])) == ([1], [1.0], ["a"])
    assert made["when"].isot[0] == "2026-01-01T00:00:00.000000000"
    assert made.meta["notes"] == ["1 records of table 1 do not have a time and are not used."]


SERIES = {
    "category": pd.Series(["a", None, "b"], dtype="category"),
    "arrow": pd.Series([2**60 + 1, None, 3], dtype="int64[pyarrow]"),
    "boolean": pd.Series([True, None, False], dtype="boolean"),
    "Float32": pd.Series([1, None, 3], dtype="Float32"),
    "zoned": pd.Series(pd.DatetimeIndex(["2026-01-10T00:00:00.000000001", None, "2026-01-11"], tz="UTC")),
    "arrow time": pd.Series(pd.DatetimeIndex(["2026-01-10T00:00:00.000000001", None, "2026-01-11"])).astype(
        "timestamp[ns][pyarrow]"
    ),
}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("category", ["a", None, "b"]), ("arrow", [2**60 + 1, None, 3]), ("boolean", [True, None, False]),
     ("Float32", [1, None, 3])],
)  # fmt: skip
def test_nullable_columns_of_frames(kind: str, expected: list[Any]) -> None:
    frame = pd.DataFrame({"x": SERIES[kind].array}, index=pd.date_range("2026-01-10", periods=3, freq="min"))
    assert values(series.align(frame, method="nearest", max_gap=1 * u.s)["x"]) == expected
    assert series.coverage(frame).valid == {"x": 2 / 3}


@pytest.mark.parametrize("kind", ["zoned", "arrow time"])
def test_times_of_frames_keep_nanoseconds(kind: str) -> None:
    frame = pd.DataFrame({"x": SERIES[kind].array}, index=pd.date_range("2026-01-10", periods=3, freq="min"))
    made = series.align(frame, method="nearest", max_gap=1 * u.s)
    assert made["x"].isot[0] == "2026-01-10T00:00:00.000000001"
    assert np.asarray(made["x"].mask).tolist() == [False, True, False]


@pytest.mark.parametrize("numbers", [[1j, 2], np.array([1, 2], "m8[s]"), [{}, {}], np.array(["9999"] * 2, "M8[s]")])
@pytest.mark.parametrize("method", ["mean", "nearest"])
def test_columns_that_no_method_takes_are_named(numbers: Any, method: str) -> None:
    frame = pd.DataFrame({"x": numbers}, index=pd.date_range("2026-01-10", periods=2, freq="min"))
    with pytest.raises(QueryError, match=r"of 'x' of table 1, which contains .*: leave it out with columns=\[...\]\."):
        series.align(frame, method=method)
    assert series.coverage(frame).valid == {"x": 1}


@pytest.mark.parametrize("method", METHODS)
def test_a_range_without_samples_is_masked(table: Callable[..., QTable], method: str) -> None:
    one = table([0, 6000], x=masked(np.array([1, 2]), np.array([False, False])))
    made = series.align(one, method=method, start="2026-01-10T00:10", end="2026-01-10T00:12", max_gap=1 * u.min)
    assert (values(made["x"]), values(made["n"])) == ([None, None], [0, 0])


@pytest.mark.parametrize("method", METHODS)
def test_a_column_without_valid_values_is_masked(table: Callable[..., QTable], method: str) -> None:
    gone = masked(np.array([1, 2]), np.array([True, True]))
    made = series.align(table([0, 60], x=gone, ok=masked(np.array([True, False]), gone.mask)), method=method)
    assert (values(made["x"]), values(made["ok"]), values(made["n"])) == ([None, None], [None, None], [1, 1])


@pytest.mark.parametrize("size", [[60, 120] * u.s, 60 * u.s])
def test_samples_last_as_a_binned_series_states(size: u.Quantity) -> None:
    one = BinnedTimeSeries(
        time_bin_start=Time(["2026-01-10T00:00:30", "2026-01-10T00:01:30"]), time_bin_size=size, data={"x": [1.0, 5.0]}
    )
    made = series.align(one)
    assert made.colnames == ["time", "x", "n"]
    assert values(made["x"]) == [1, 3, 5, 5][: 3 if size.isscalar else 4]


def test_a_delta_that_is_not_a_duration_says_nothing(table: Callable[..., QTable]) -> None:
    one = table([30, 65], x=[1.0, 7.0], after=[20.0, 20.0] * u.km)
    for told in ("after", "missing", None):
        one["Time"].info.meta = {"DELTA_PLUS_VAR": told}
        assert values(series.align(one, columns=["x"])["x"]) == [1, 7]


def test_missing_times_are_told(table: Callable[..., QTable]) -> None:
    one = table([0, 30, 60], x=[1.0, 2, 3])
    one["Time"] = times.as_column(times.from_iso(["2026-01-10", "x", "2026-01-10T00:01"], mask=[False, True, False]))
    made = series.align(one)
    assert (values(made["x"]), values(made["n"])) == ([1, 3], [1, 1])
    assert made.meta["notes"] == ["1 records of table 1 do not have a time and are not used."]


def test_problems_of_the_tables_are_kept(table: Callable[..., QTable]) -> None:
    one, other = table([0], x=[1.0]), table([0], y=[1.0])
    one.meta["problems"], other.meta["problems"] = ["A part is missing."], ["Another one."]
    assert series.align(one, [other, other]).meta["problems"] == ["A part is missing.", "Another one."]


def test_unsorted_and_equal_times(table: Callable[..., QTable]) -> None:
    one = table([90, 0, 30, 0, 60], x=[5.0, 1, 2, 3, 4])
    made = series.align(one)
    assert (values(made["x"]), values(made["n"])) == ([2, 4.5], [3, 2])
    assert values(series.align(one, method="nearest")["x"]) == [1, 4]  # of equal times the first one
    assert values(series.align(one, method="linear")["x"]) == [1, 4]


def test_empty_tables(table: Callable[..., QTable]) -> None:
    empty = table([], x=np.zeros((0, 3)) * u.nT, whole=np.zeros(0, int))
    made = series.align(empty)
    assert (len(made), made["x"].shape, made["x"].unit, made.colnames) == (0, (0, 3), u.nT, ["time", "x", "whole", "n"])
    assert series.align(empty, method="max")["whole"].dtype == np.dtype(int)
    both = series.align(empty, table([0, 60], y=[1.0, 2]))
    assert (values(both["y"]), values(both["whole"]), values(both["n_1"])) == ([1, 2], [None, None], [0, 0])
    within = series.align(empty, start="2026-01-10", end="2026-01-10T00:02")
    assert (clock(within), values(within["whole"])) == (["00:00:00", "00:01:00"], [None, None])


def test_empty_frames_and_samples_without_components(table: Callable[..., QTable]) -> None:
    frame = pd.DataFrame({"x": np.zeros(0)}, index=pd.DatetimeIndex([]))
    for method in METHODS:
        assert len(series.align(frame, method=method)) == 0
        made = series.align(table([0, 60], x=np.zeros((2, 0))), method=method)
        assert (made["x"].shape, values(made["n"])) == ((2, 0), [1, 1])


def long_table(table: Callable[..., QTable], count: int = 250) -> QTable:
    random = np.random.default_rng(5)
    gone = random.random((count, 3)) < 0.2
    seconds = np.sort(random.choice(15_000, count, replace=False)) / 10
    return table(
        seconds, x=masked(u.Quantity(random.normal(size=(count, 3)), u.nT), gone), y=random.integers(0, 99, count),
        phi=random.uniform(0, 360, count) * u.deg,
    )  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("location", ["", "begin", "center", "end"])
@pytest.mark.parametrize("size", [1, 60])
def test_chunks_give_the_same_as_the_whole(table: Callable[..., QTable], method: str, location: str, size: int) -> None:
    one = long_table(table)
    one.meta = header(location, "PT9S")
    circular = ["phi"] if method in ("mean", "linear", "nearest") else []
    whole = series.align(one, method=method, circular=circular, max_gap=30 * u.s, every=20 * u.s)
    chunks = (one[start : start + size] for start in range(0, len(one), size))
    parts = series.align(chunks, method=method, circular=circular, max_gap=30 * u.s, every=20 * u.s)
    assert parts.colnames == whole.colnames
    for name in ("x", "y", "phi", "n"):
        assert values(parts[name]) == values(whole[name])
    assert (parts["time"] == whole["time"]).all()


@pytest.mark.parametrize("method", METHODS)
def test_blocks_give_the_same_as_the_whole(
    table: Callable[..., QTable], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = long_table(table)
    whole = series.align(one, method=method, max_gap=30 * u.s)
    monkeypatch.setattr(samples, "_BLOCK", 16)
    for given_one in (one, one[::-1], vstack([one[300:], one[:300]])):
        made = series.align(given_one, method=method, max_gap=30 * u.s)
        assert all(values(made[name]) == values(whole[name]) for name in ("x", "y", "n"))


def test_chunks_are_read_one_after_the_other(table: Callable[..., QTable]) -> None:
    alive = []

    def chunks() -> Iterator[QTable]:
        import weakref

        for minute in range(20):
            alive.append(weakref.ref(made := table([60 * minute + second for second in (0, 30)], x=[1.0, 2])))
            assert sum(one() is not None for one in alive) <= 2
            yield made
            del made

    assert len(series.align(chunks())) == 20


def test_chunks_in_other_units_are_converted(table: Callable[..., QTable]) -> None:
    made = series.align([table([0], x=[1.0] * u.km), table([30], x=[500.0] * u.m)])
    assert (values(made["x"]), made["x"].unit) == ([0.75], u.km)


def test_work_grows_with_the_samples(table: Callable[..., QTable], monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of samples that are copied, and of calls, is that of every machine."""
    work = []
    monkeypatch.setattr(samples, "_BLOCK", 10)
    for count in (400, 1600):
        one, calls = table(range(count), x=np.arange(float(count))), [0]
        sys.setprofile(lambda frame, event, argument, calls=calls: calls.__setitem__(0, calls[0] + 1))
        try:
            for every in (1 * u.min, 1 * u.day):
                series.align(one, every=every)
        finally:
            sys.setprofile(None)
        work.append(calls[0])
    assert work[1] < 4.5 * work[0]


def test_samples_that_wait_are_joined_once(table: Callable[..., QTable], monkeypatch: pytest.MonkeyPatch) -> None:
    copied = []
    joined = samples.joined_blocks

    def counted(blocks: Any) -> Any:
        copied.append(sum(len(one.starts) for one in blocks))
        return joined(blocks)

    monkeypatch.setattr("sunpy_helio_plugins.series.alignment.bins.joined_blocks", counted)
    chunks = [table([second], x=[1.0]) for second in range(100)]
    series.align(chunks, every=1 * u.day)
    assert sum(copied) == 100


stamps = st.lists(st.integers(0, 3600 * 10), min_size=1, max_size=60)


@given(stamps, st.sampled_from(["mean", "median", "max", "min"]), st.sampled_from([1, 10, 60, 600]), st.data())
def test_plain_cases_are_those_of_pandas(tenths: list[int], method: str, every: int, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), min_size=len(tenths), max_size=len(tenths)))
    index = pd.DatetimeIndex(np.datetime64("2026-01-10", "ns") + np.array(tenths) * np.timedelta64(10**8, "ns"))
    frame = pd.DataFrame({"x": numbers}, index=index)
    right = frame.resample(f"{every}s")
    made = series.align(frame, every=every * u.s, method=method)
    theirs = getattr(right, method)()["x"]
    assert (times.to_datetime64(made["time"]) == theirs.index.to_numpy()).all()
    assert np.asarray(made["x"].mask).tolist() == theirs.isna().tolist()
    assert np.allclose(made["x"].filled(0), theirs.fillna(0), rtol=1e-9, atol=1e-6)
    assert values(made["n"]) == right.size().tolist()


@given(stamps, st.integers(1, 400))
def test_linear_interpolation_is_that_of_numpy(tenths: list[int], gap: int) -> None:
    seconds = np.unique(tenths) / 10
    known = np.sin(seconds)
    index = pd.DatetimeIndex(np.datetime64("2026-01-10", "ns") + (seconds * 1e9).round().astype("m8[ns]"))
    made = series.align(pd.DataFrame({"x": known}, index=index), every=30 * u.s, method="linear", max_gap=gap * u.s)
    at = (made["time"] - Time("2026-01-10")).to_value("s").round(6)
    right = np.interp(at, seconds, known)
    after = np.searchsorted(seconds, at)
    step = np.diff(seconds, prepend=-np.inf, append=np.inf)[after]
    inside = np.isin(at, seconds) | ((step <= gap + 1e-9) & (after > 0) & (after < len(seconds)))
    assert np.asarray(made["x"].mask).tolist() == (~inside).tolist()
    assert np.allclose(made["x"].filled(0)[inside], right[inside], atol=1e-9)


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 90), st.integers(0, 90), st.integers(-50, 50)), min_size=1),
    st.sampled_from([7, 60, 100]),
)
def test_overlapping_samples_are_weighted_as_one_by_one(rows: list[tuple[int, int, int, int]], every: int) -> None:
    """Each sample lasts from a number of seconds before to another one after its time."""
    at, before, after, x = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    time = times.as_column(times.from_unix(at + 1_768_003_200))
    one = QTable({"Time": time, "x": x, "before": before * u.s, "after": after * u.s})
    one["Time"].info.meta = {"DELTA_MINUS_VAR": "before", "DELTA_PLUS_VAR": "after"}
    made = series.align(one, every=every * u.s, columns=["x"])
    begins = (made["time"] - Time("2026-01-10")).to_value("s").round()
    after = np.where(before + after == 0, 1e-9, after)
    for begin, mean, count in zip(begins, values(made["x"]), values(made["n"]), strict=True):
        overlap = np.minimum(at + after, begin + every) - np.maximum(at - before, begin)
        inside = overlap > 0
        assert count == inside.sum()
        right = np.average(x[inside], weights=overlap[inside]) if count else None
        assert mean == (right if right is None else pytest.approx(right, abs=1e-6))


def test_durations_in_any_form(table: Callable[..., QTable]) -> None:
    one = table([0, 30, 60], x=[1.0, 2, 3])
    for every in (1 * u.min, 60 * u.s, timedelta(minutes=1)):
        assert values(series.align(one, every=every)["x"]) == [1.5, 3]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "method": ({"method": "meen"}, "Did you mean mean"),
    "method of another type": ({"method": 3}, "as method"),
    "methods": ({"methods": {"x": "average"}}, "as method, not 'average'"),
    "methods of another type": ({"methods": ["x"]}, "a dict of column names"),
    "every 0": ({"every": 0 * u.s}, "as every"),
    "every negative": ({"every": -1 * u.s}, "as every"),
    "every without a unit": ({"every": 60}, "a duration of at least 1 ns, such as 1 * u.min, as every"),
    "every a length": ({"every": 1 * u.m}, "as every"),
    "too many bins": ({"every": 1 * u.ns}, "give longer ones"),
    "text in a mean": ({"columns": ["flag"]}, "cannot take the mean of 'flag' of table 1, which contains text"),
    "unknown column": ({"columns": ["X2"]}, "no table has the column 'X2'"),
    "unknown method's column": ({"methods": {"flaf": "max"}}, "Did you mean flag"),
    "circular without angle": ({"circular": ["x"], "columns": ["x"]}, "not in a unit of angle"),
    "circular median": ({"circular": ["phi"], "columns": ["phi"], "method": "median"}, "is not defined"),
    "stamp": ({"columns": ["x"], "stamp": "middle"}, "one of 'begin', 'center', 'end'"),
    "start after end": ({"columns": ["x"], "start": "2026-01-11", "end": "2026-01-10"}, "is not before"),
    "range elsewhere": ({"columns": ["x"], "start": "2026-01-11", "end": "2026-01-12"}, "none of them is within"),
    "names": ({"columns": ["x"], "names": ["a", "b"]}, "one different name for each of the 1 tables"),
    "max_gap": ({"columns": ["x"], "max_gap": 0 * u.s}, "as max_gap"),
    "keyword": ({"everyy": 1 * u.s}, "Did you mean every"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_one_sentence(table: Callable[..., QTable], case: str) -> None:
    arguments, words = BAD[case]
    one = table([0, 3000], x=[1.0, 2] * u.nT, phi=[1.0, 2] * u.deg, flag=np.array(["a", "b"]))
    with pytest.raises(QueryError) as caught:
        series.align(one, **{"columns": ["x"], **arguments} if case.startswith(("every", "too")) else arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("given_one", "words"),
    [
        ("x", "takes tables with times"), (7, "takes tables with times"), ([], "table 1 is an empty list"),
        (QTable({"x": [1.0]}), "does not have a column of times"), (QTable(), "its columns: none"),
        (pd.DataFrame({"x": [1.0]}), "the index of table 1 is a RangeIndex"), ([7], "takes tables with times"),
        ({"a": 1}, "takes tables with times"), (np.arange(3), "takes tables with times"), (None, "not None"),
    ],
)  # fmt: skip
def test_other_objects_are_refused(given_one: Any, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        series.align(given_one)


def test_tables_that_do_not_fit_together_are_refused(table: Callable[..., QTable]) -> None:
    one, length = table([0], x=[1.0] * u.nT), table([0], x=[1.0] * u.km)
    unknown = table([0], x=np.array([1.0]))
    unknown["x"].info.meta = {"unit_string": "DN"}
    with pytest.raises(QueryError, match="'x' of several tables is in nT and in km, which cannot be converted"):
        series.align(one, length)
    with pytest.raises(QueryError, match="the unknown unit 'DN'"):
        series.align(one, unknown)
    with pytest.raises(QueryError, match="'x' of table 1 is in nT and in km"):
        series.align([one, length])
    with pytest.raises(QueryError, match="a chunk of table 1 does not have the columns x"):
        series.align([one, table([0], y=[1.0])])
    with pytest.raises(QueryError, match=r"contains numbers in the first chunk and numbers of shape \(3,\)"):
        series.align([one, table([0], x=np.ones((1, 3)) * u.nT)])
    with pytest.raises(QueryError, match=r"table 1 ends at 2026-01-10T00:01:00, before table 2 begins at 2026-01-11"):
        series.align(one, table([0], "2026-01-11", x=[1.0] * u.nT))
    with pytest.raises(QueryError, match="begins before the end of the one before it"):
        series.align([table([0, 600], x=[1.0, 2]), table([30], x=[3.0])])
    with pytest.raises(QueryError, match="does not have any of the columns y"):
        series.align(one, table([0], y=[1.0]), columns=["y"])
    with pytest.raises(QueryError, match="at least one table"):
        series.align()
    with pytest.raises(QueryError, match="contains numbers in the first chunk and text"):
        series.align([one, table([60], x=np.array(["a"]))], method="nearest")
    with pytest.raises(QueryError, match="1710 to 2289"):
        series.align(pd.DataFrame({"x": [1.0]}, index=pd.DatetimeIndex(np.array(["2400-01-01"], "M8[s]"))))
    with pytest.raises(QueryError, match="1710 to 2289"):
        series.align(table(["2400-01-01"], x=[1.0]))
