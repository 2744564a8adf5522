"""Test that times are independent of each other, and that none is lost if a type cannot represent it."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from hypothesis import given, settings
from hypothesis import strategies as st

from sunpy_helio_plugins.errors import InexactTimeWarning
from sunpy_helio_plugins.quantities import datetimes, times
from sunpy_helio_plugins.quantities.leap import leaps_in_tt2000

DAY = 86_400 * 10**9
STARTS = leaps_in_tt2000()[0].tolist()
INT64 = np.iinfo(np.int64)

EPOCHS = st.one_of(
    st.integers(INT64.min + 2, INT64.max),
    st.integers(-1262260800 * 10**9, -883612800 * 10**9),  # 1960 to 1972, when UTC had a variable rate
    st.builds(int.__add__, st.sampled_from(STARTS), st.integers(-(10**9) - 1, 1)),
    st.builds(int.__add__, st.sampled_from(STARTS), st.integers(-DAY, DAY)),
)
STAMPS = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.dates().map(lambda day: day.strftime("%Y-%j").rjust(8, "0")),
    st.sampled_from(["2016-12-31T23:59:60.25Z", "2016-12-31T23:59:60Z", "1965-12-31T23:59:59.95", "0001", "9999-12"]),
    st.integers(0, 10**9 - 1).map(lambda nanos: f"2016-12-31T23:59:60.{nanos:09}"),
)


def parts(time: Time) -> list[tuple[float, float]]:
    return list(zip(np.ravel(time.jd1).tolist(), np.ravel(time.jd2).tolist(), strict=True))


@settings(max_examples=150, deadline=None)
@given(st.lists(EPOCHS, min_size=1, max_size=20))
def test_tt2000_is_read_element_by_element(epochs):
    made = times.from_tt2000(epochs)
    assert parts(made) == [parts(times.from_tt2000([one]))[0] for one in epochs]
    days, rest = np.divmod(np.array(epochs), DAY)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*dubious year")
        right = Time(2451545.0 + days, rest / DAY, format="jd", scale="tt")
        assert np.abs((made.tt - right).to_value("ns")).max() < 0.6


@settings(max_examples=150, deadline=None)
@given(st.lists(STAMPS, min_size=1, max_size=20))
def test_iso_is_read_element_by_element(stamps):
    made = times.from_iso(stamps)
    assert parts(made) == [parts(times.from_iso([one]))[0] for one in stamps]


@pytest.mark.parametrize("read", [times.from_cdf_epoch, times.from_cdf_epoch16])
@settings(max_examples=60, deadline=None)
@given(seconds=st.lists(st.one_of(st.floats(), st.integers(-(10**12), 10**12).map(float)), min_size=1, max_size=9))
def test_other_epochs_are_read_element_by_element(read, seconds):
    with np.errstate(over="ignore"):
        epochs = np.array(seconds) * (1.0 if read is times.from_cdf_epoch16 else 1000.0)
    epochs = epochs.astype(complex) if read is times.from_cdf_epoch16 else epochs
    made, alone = read(epochs), [read(epochs[index : index + 1]) for index in range(len(epochs))]
    assert list(made.mask) == [bool(one.mask[0]) for one in alone]
    known = ~np.asarray(made.mask)
    assert [one for one, there in zip(parts(made), known, strict=True) if there] == [
        parts(one)[0] for one, there in zip(alone, known, strict=True) if there
    ]


def test_one_epoch_before_1972_leaves_the_others_alone():
    late = np.array([708_633_032_184_000_000, 536_463_012_184_000_000])
    for other in (-1_200_000_000_000_000_000, INT64.max, INT64.min + 2):
        made = times.from_tt2000(np.append(late, other))
        assert made[1].isot == times.from_tt2000(late)[1].isot == "2016-12-31T13:29:04.000000000"
        stamps = times.datetime64_from_tt2000(np.append(late, other))
        assert stamps[1] == np.datetime64("2016-12-31T13:29:04")


def test_days_on_which_utc_made_a_step_are_exact():
    stamps = ["1965-12-31T23:59:59.9", "1961-07-31T12:00:00", "1971-12-31T23:59:60.05", "1967-12-31T23:59:59.999"]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*dubious year")
        right = Time(stamps, format="isot", scale="utc")
        terrestrial = right.tt
    epochs = [round((one.jd1 - 2451545.0) * 86400) * 10**9 + round(one.jd2 * 86400e9) for one in terrestrial]
    assert np.abs((times.from_tt2000(epochs) - right).to_value("ns")).max() < 1
    text = datetimes.to_datetime64(times.from_iso(["1967-12-31T23:59:59.999"]))
    assert str(text[0]) == "1967-12-31T23:59:59.999000000"


class TestLeapSecondsElsewhere:
    STAMPS = (
        "2016-12-31T23:59:59.5", "2016-12-31T23:59:60", "2016-12-31T23:59:60.25", "2016-12-31T23:59:60.999999999",
        "2017-01-01T00:00:00",
    )  # fmt: skip

    def test_every_row_is_kept_in_its_order(self):
        made = times.from_iso(self.STAMPS)
        with pytest.warns(InexactTimeWarning, match="3 times are within a leap second"):
            stamps = datetimes.to_datetime64(made)
        assert [str(one) for one in stamps] == [
            "2016-12-31T23:59:59.500000000", "2016-12-31T23:59:59.999000000", "2016-12-31T23:59:59.999250000",
            "2016-12-31T23:59:59.999999999", "2017-01-01T00:00:00.000000000",
        ]  # fmt: skip
        for other in (made.tt, made.tai):
            with pytest.warns(InexactTimeWarning):
                assert list(datetimes.to_datetime64(other)) == list(stamps)
        assert list(times.datetime64_from_iso(self.STAMPS)) == list(stamps)

    @settings(max_examples=80, deadline=None)
    @given(st.lists(st.integers(0, 2 * 10**9), min_size=1, max_size=40))
    @pytest.mark.filterwarnings("ignore::sunpy_helio_plugins.errors.InexactTimeWarning")
    def test_what_differs_stays_different_and_in_order(self, offsets):
        start = STARTS[-1] - 2 * 10**9 + 10**9 - 10**6
        epochs = np.array([start + one for one in offsets], dtype=np.int64)
        stamps = times.datetime64_from_tt2000(epochs).astype(np.int64)
        order = np.argsort(epochs, kind="stable")
        assert ((np.diff(stamps[order]) > 0) == (np.diff(epochs[order]) > 0)).all()
        assert (np.abs(stamps - times.datetime64_from_tt2000(epochs[:1]).astype(np.int64)) < 3 * 10**9).all()

    def test_a_table_goes_to_pandas(self):
        pytest.importorskip("pandas")
        table = QTable({"epoch": times.as_column(times.from_iso(self.STAMPS), "Start"), "x": np.arange(5)})
        with pytest.warns(InexactTimeWarning):
            frame = times.without_leap_seconds(table).to_pandas()
        assert frame["epoch"].is_unique
        assert frame["epoch"].is_monotonic_increasing
        assert table["epoch"][1].isot == "2016-12-31T23:59:60.000000000"
        assert table["epoch"].info.description == "Start (UTC)"

    def test_years_beyond_nanoseconds_are_said(self):
        made = times.from_iso(["9999-01-01", "2026-01-10T00:00:00.123456789"])
        with pytest.warns(InexactTimeWarning, match="microseconds"):
            assert str(datetimes.to_datetime64(made)[1]) == "2026-01-10T00:00:00.123456"

    def test_missing_times_stay_missing(self):
        made = times.from_iso(["2026-01-10", ""], mask=[False, True])
        assert np.isnat(datetimes.to_datetime64(made)).tolist() == [False, True]
        assert times.without_leap_seconds(made).mask.tolist() == [False, True]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=9))
def test_ecsv_keeps_nanoseconds(tmp_path_factory, epochs):
    path = Path(tmp_path_factory.mktemp("ecsv")) / "t.ecsv"
    table = QTable({"epoch": times.as_column(times.from_tt2000(epochs))})
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*dubious year")
        table.write(path)
        again = QTable.read(path)
        assert np.abs((again["epoch"] - table["epoch"]).to_value("ns")).max() < 0.51
        assert list(again["epoch"].isot) == list(table["epoch"].isot)
    assert again["epoch"].precision == 9


def test_unix_times_are_exact():
    assert times.from_unix([1_767_225_600.5]).isot.tolist() == ["2026-01-01T00:00:00.500000000"]
    made = times.from_unix(np.array([1_483_228_799_999_999_999]), seconds=1e-9)
    assert made.isot.tolist() == ["2016-12-31T23:59:59.999999999"]
    assert times.from_unix([np.nan, 0.0]).mask.tolist() == [True, False]
