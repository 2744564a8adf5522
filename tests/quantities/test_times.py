"""Test that time stamps are converted exactly to the nanosecond, including days with leap seconds."""

from __future__ import annotations

import contextlib
import gc
import warnings
import weakref

import numpy as np
import pytest
from astropy.time import Time

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities import days as days_module
from sunpy_helio_plugins.quantities import silence, times
from sunpy_helio_plugins.quantities.days import split_time
from sunpy_helio_plugins.quantities.leap import DAY
from sunpy_helio_plugins.quantities.scales import time_in_scale


def isot(time: Time) -> str | list[str]:
    time.precision = 9
    return time.isot.tolist() if time.shape else str(time.isot)


@pytest.mark.filterwarnings("ignore:ERFA function .*dubious year")  # astropy prints 1610 with this warning
@pytest.mark.parametrize(
    ("stamp", "meant"),
    [
        ("2015", "2015-01-01T00:00:00.000000000"),
        ("2015Z", "2015-01-01T00:00:00.000000000"),
        ("2015-02", "2015-02-01T00:00:00.000000000"),
        ("2015-02-03Z", "2015-02-03T00:00:00.000000000"),
        ("2015-02-03T04Z", "2015-02-03T04:00:00.000000000"),
        ("2015-02-03T04:05", "2015-02-03T04:05:00.000000000"),
        ("2015-02-03T04:05:06.Z", "2015-02-03T04:05:06.000000000"),
        ("2015-02-03T04:05:06.7Z", "2015-02-03T04:05:06.700000000"),
        ("2015-02-03T04:05:06.123456789Z", "2015-02-03T04:05:06.123456789"),
        ("2015-034Z", "2015-02-03T00:00:00.000000000"),
        ("2015-034T04:05:06.789Z", "2015-02-03T04:05:06.789000000"),
        ("2016-366", "2016-12-31T00:00:00.000000000"),
        ("2015-02-03T24:00:00.000Z", "2015-02-04T00:00:00.000000000"),
        ("2016-12-31T23:59:60.25Z", "2016-12-31T23:59:60.250000000"),
        ("2016-12-31T12:00:00.5Z", "2016-12-31T12:00:00.500000000"),
        ("2016-366T23:59:60Z", "2016-12-31T23:59:60.000000000"),
        ("1965-03-01T12:00:00Z", "1965-03-01T12:00:00.000000000"),
        ("1610-03-04T05:06:07.123456789Z", "1610-03-04T05:06:07.123456789"),
    ],
)
def test_every_form_of_hapi_is_read(stamp, meant):
    assert isot(times.from_iso(stamp.encode())) == meant
    assert isot(times.from_iso(stamp)) == meant


@pytest.mark.filterwarnings("ignore:ERFA function .*dubious year")  # astropy prints 2500 with this warning
def test_the_far_future_is_read():
    assert isot(times.from_iso("2500-01-01T00:00:00.000000001Z")) == "2500-01-01T00:00:00.000000001"


@pytest.mark.parametrize(
    "stamp",
    ["", "x", "2015-13-01", "2015-366", "2015-000", "2015-02-30Z", "2015-02-03 04:05", "2015-02-03T24:00:01Z",
     "2015-02-03T23:59:60Z", "2015-02-03T12:00:60Z", "2015-02-03T04:05:06+01:00", "2015-0a4T00:00Z"],
)  # fmt: skip
def test_what_is_no_time_is_refused_by_name(stamp):
    with pytest.raises(ValueError, match="is not a time"):
        times.from_iso([b"2015-02-03Z", stamp.encode()])


def test_forms_may_be_mixed_and_the_shape_is_kept():
    made = times.from_iso([[b"2015-02-03Z", b"2015-034T00:00:00Z"], [b"2015-02-03T00:00:00.000Z", b"2015-02"]])
    assert made.shape == (2, 2)
    assert list(made.isot[0]) == ["2015-02-03T00:00:00.000000000"] * 2
    assert made.isot[1, 1] == "2015-02-01T00:00:00.000000000"


def test_nothing_gives_nothing():
    assert times.from_iso(np.array([], dtype="S24")).shape == (0,)
    assert times.datetime64_from_iso(np.array([], dtype="S24")).shape == (0,)


def test_missing_stamps_are_masked():
    made = times.from_iso([b"2015-02-03Z", b""], mask=[False, True])
    assert list(made.mask) == [False, True]
    assert np.isnat(times.datetime64_from_iso([b"2015-02-03Z", b""], mask=[False, True])).tolist() == [False, True]


def test_columns_agree_with_astropy_over_all_leap_seconds():
    rng = np.random.default_rng(7)
    with_leap_seconds = [14609, 15521, 16616, 17166]
    days = np.concatenate([np.arange(4748, 19000, 37), with_leap_seconds])
    stamps = (days.astype("M8[D]") + rng.integers(0, 86400 * 10**6, days.size).astype("m8[us]")).astype("S26")
    ours, theirs = times.from_iso(stamps), Time(stamps.astype(str), format="isot", scale="utc")
    assert np.abs((ours - theirs).to_value("ns")).max() < 0.1


@pytest.mark.parametrize(
    ("stamp", "kind", "meant"),
    [
        ("2015-02-03T04:05:06.123456789Z", "M8[ns]", "2015-02-03T04:05:06.123456789"),
        ("2016-12-31T23:59:60.5Z", "M8[ns]", "2016-12-31T23:59:59.999500000"),
        ("1610-03-04T05:06:07.123456789Z", "M8[us]", "1610-03-04T05:06:07.123456"),
        ("2500-01-01Z", "M8[us]", "2500-01-01T00:00:00.000000"),
    ],
)
def test_datetime64_never_wraps(stamp, kind, meant):
    made = times.datetime64_from_iso([stamp])
    assert made.dtype == kind
    assert str(made[0]) == meant


@pytest.mark.parametrize(
    "stamp",
    ["2000-01-01T12:00:00", "2016-12-31T23:59:59.9", "2016-12-31T23:59:60.5", "2017-01-01",
     "2026-01-10T01:02:03.123456", "1999-01-01", "1975-05-05", "1972-06-30T23:59:60.999", "1970-05-05"],
)  # fmt: skip
def test_tt2000_is_exact(stamp):
    meant = Time(stamp, scale="utc")
    epoch = round((meant.tt.jd1 - 2451545.0) * 86400) * 10**9 + round(meant.tt.jd2 * 86400e9)
    made = times.from_tt2000([epoch])
    assert abs((made[0] - meant).to_value("ns")) < 0.5
    assert isot(made) == [isot(meant)]


def test_tt2000_agrees_with_cdflib():
    cdflib = pytest.importorskip("cdflib")
    epochs = np.arange(-(8 * 10**17), 8 * 10**17, 3 * 10**15 + 123456789, dtype=np.int64)
    ours = times.datetime64_from_tt2000(epochs)
    theirs = cdflib.cdfepoch.to_datetime(epochs)
    assert np.abs((ours - theirs).astype("m8[ns]").astype(int)).max() == 0


@pytest.mark.parametrize(
    ("components", "meant"),
    [
        ([2026, 1, 10, 1, 2, 3, 456], "2026-01-10T01:02:03.456000000"),
        ([1965, 6, 1, 0, 0, 0, 1], "1965-06-01T00:00:00.001000000"),
        ([2016, 12, 31, 23, 59, 59, 999], "2016-12-31T23:59:59.999000000"),
    ],
)
def test_cdf_epochs_are_exact(components, meant):
    cdfepoch = pytest.importorskip("cdflib").cdfepoch
    assert isot(times.from_cdf_epoch([cdfepoch.compute_epoch(components)])) == [meant]
    epoch16 = cdfepoch.compute_epoch16([*components, 123, 456, 400])
    assert isot(times.from_cdf_epoch16([epoch16])) == [meant[:-6] + "123456"]
    assert isot(times.from_cdf_epoch16([[epoch16.real, epoch16.imag]])) == [meant[:-6] + "123456"]


def test_missing_epochs_are_masked():
    assert times.from_cdf_epoch([6.3e13, -1e31], mask=[False, True]).mask.tolist() == [False, True]
    assert times.from_cdf_epoch16([6.3e10 + 0j, -1e31 - 1e31j], mask=[False, True]).mask.tolist() == [False, True]
    assert times.from_tt2000([0, -(2**63)], mask=[False, True]).mask.tolist() == [False, True]


def test_a_time_of_any_scale_is_written_in_utc():
    assert times.iso(Time("2026-01-10T00:00:37", scale="tai"), precision=6) == "2026-01-10T00:00:00.000000Z"


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00.000", "0999-12-31T23:59:59.999", "9999-12-31T23:59:59.999"])
def test_text_for_requests_has_four_digits_for_the_year_and_no_warning(stamp):
    with silence.far_years():
        time = Time(stamp, scale="utc")
    assert times.iso(time) == f"{stamp}Z"


@pytest.mark.parametrize("days", [-1e6, 1_721_000.0, 1e7])
def test_text_for_requests_of_years_that_have_none_is_refused(days):
    with pytest.raises(QueryError, match="years 1 to 9999, not the Julian date"):
        times.iso(Time(days, format="jd"))


def test_tt2000_reaches_to_its_last_nanosecond():
    epochs = np.array([0, 8_276_000_000_000_000_000, 2**63 - 1])
    stamps = ["2000-01-01T11:58:55.816", "2262-04-04T12:52:10.816", "2292-04-11T11:46:07.670775807"]
    expected = np.array([stamp[:26] for stamp in stamps], dtype="datetime64[us]")
    assert list(times.datetime64_from_tt2000(epochs).astype("datetime64[us]")) == list(expected)
    made, right = times.from_tt2000(epochs), times.from_iso(np.array([f"{stamp}Z" for stamp in stamps]))
    assert np.all(np.abs((made.jd1 - right.jd1) + (made.jd2 - right.jd2)) * 86400 < 1e-9)


@pytest.mark.parametrize(
    "stamp",
    [
        b"2020\x0001-01T00:12:00Z", b"2020-01-01T00:15:00.12\x003Z", b"-020-01-01T00:00:00Z", b'2020-01-01T00:15:00"',
        b"2020-01-01T00:15:00.000+01", b"2020-01-01T00:15:00.000-01:00", b"2020-01-01T00:15:00x", b"+2020-01-01T00Z",
    ],
)  # fmt: skip
@pytest.mark.parametrize("others", [0, 1, 3])
def test_what_numpy_would_take_for_another_time_is_refused(stamp: bytes, others: int) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        times.from_iso(np.array([stamp] + [b"2020-01-01T00:12:00Z"] * others))


@pytest.mark.parametrize("count", [500, 501, 3000])
def test_a_leap_second_or_a_bad_stamp_among_many_does_not_end_the_interpreter(count):
    """numpy 2.4 crashes when one of more than 500 texts is not a date."""
    stamps = np.resize(np.array([b"2016-12-31T23:59:60.5", b"2017-01-01T00:00:00.25"]), count)
    assert times.from_iso(stamps).isot[0] == "2016-12-31T23:59:60.500000000"
    with pytest.raises(ValueError, match="is not a time"):
        times.from_iso(np.append(stamps, b"2017-13-01T00:00:00.25"))


@pytest.mark.parametrize("place", [0, 1, 600])
def test_the_stamp_that_is_not_a_time_is_named(place: int) -> None:
    stamps = ["2026-01-10T00:00:00Z"] * 601
    stamps[place] = "2026-13-10T00:00:00Z"
    with pytest.raises(ValueError, match=r"'2026-13-10.*' is not a time"):
        times.from_iso(np.array(stamps))


@pytest.mark.parametrize("scale", ["utc", "tt"])
def test_times_are_freed_when_they_are_deleted(scale):
    """astropy keeps a time in its own cache if its own scale is asked for."""
    made = time_in_scale(times.from_tt2000([0, 1]), scale).copy()
    split_time(made)
    assert time_in_scale(made, scale) is made
    freed = weakref.ref(made)
    gc.disable()
    try:
        del made
        assert freed() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("offset", [-1, 0, 1, DAY // 2, DAY - 1])
def test_many_times_at_the_borders_of_days(offset):
    days = np.arange(-100_000, 100_000, 97)
    found, nanos = days_module._divided(days * DAY + offset)
    expected = np.divmod(days * DAY + offset, DAY)
    assert np.array_equal(found, expected[0])
    assert np.array_equal(nanos, expected[1])


@pytest.mark.parametrize(("unit", "is_taken"), [(1e-9, True), (86_400.0, True), (0.9e-9, False), (86_400.5, False)])
def test_units_of_counts_are_between_a_nanosecond_and_a_day(unit, is_taken):
    with contextlib.nullcontext() if is_taken else pytest.raises(QueryError, match="a number of seconds from 1e-9"):
        times._UNIT.check("f", "unit", unit)


def test_a_warning_that_was_shown_before_is_raised_in_a_block_and_shown_after_it():
    def say():
        warnings.warn("again", UserWarning, stacklevel=1)

    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        say()
        with silence.raised(UserWarning), pytest.raises(UserWarning, match="again"):
            say()
        say()
    assert len(shown) == 2
