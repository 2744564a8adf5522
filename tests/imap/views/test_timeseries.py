"""Test IMAP files as TimeSeries."""

from __future__ import annotations

import warnings
from pathlib import Path

import astropy.units as u
import cdflib
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins import imap
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import (
    FileError,
    IncompleteAnswerWarning,
    InexactTimeWarning,
    QueryError,
    WideColumnsWarning,
)
from sunpy_helio_plugins.imap.views import timeseries

MAG = Path(sandbox_package.__file__).parent / "data" / "imap" / "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
TT2000, FLOAT, CHAR = 33, 44, 51


class TestTimeSeries:
    @pytest.fixture
    def series(self):
        from sunpy.timeseries import TimeSeries

        return TimeSeries(str(MAG), source="imap")

    def test_components_have_names(self, series):
        assert series.columns[:4] == ["b_gse_x", "b_gse_y", "b_gse_z", "magnitude"]
        assert series.units["b_gse_x"] == u.nT
        assert int(np.isnan(series.quantity("b_gse_x")).sum()) == 60

    def test_values_and_instants_are_those_of_the_file(self, series):
        table = imap.read(MAG)
        assert np.array_equal(
            series.quantity("b_gse_z").value, table["b_gse"].filled(np.nan)[:, 2].value, equal_nan=True
        )
        assert str(series.to_dataframe().index[1]) == "2026-01-10 00:00:30"

    def test_instants_of_a_leap_second_are_in_order(self, make_cdf):
        from sunpy.timeseries import TimeSeries

        before = cdflib.cdfepoch.compute_tt2000([2016, 12, 31, 23, 59, 59, 500, 0, 0])
        path = make_cdf({"epoch": (TT2000, before + np.arange(3) * 10**9, {}), "x": (FLOAT, np.arange(3.0), {})})
        with pytest.warns(InexactTimeWarning, match="1 times are within a leap second"):
            index = TimeSeries(str(path), source="imap").to_dataframe().index
        assert index.is_monotonic_increasing
        assert str(index[1]) == "2016-12-31 23:59:59.999500"

    def test_a_spectrogram_is_left_out_unless_it_is_asked_for(self, make_cdf):
        from sunpy.timeseries import TimeSeries

        path = make_cdf(
            {
                "epoch": (TT2000, np.arange(3) * 10**9, {}),
                "rate": (FLOAT, np.arange(3.0), {"DEPEND_0": "epoch"}),
                "flux": (FLOAT, np.zeros((3, 5, 8)), {"DEPEND_0": "epoch"}),
            }
        )
        with pytest.warns(WideColumnsWarning, match=r"contains rate and leaves out flux \(5 x 8\): choose variables"):
            series = TimeSeries(str(path), source="imap")
        assert series.columns == ["rate"]
        assert series.meta.get("left_out").metas[0]["left_out"] == "flux"
        assert len(TimeSeries(str(path), source="imap", columns=["rate", "flux"]).columns) == 41
        asked = imap.to_timeseries(imap.read(path), "flux")
        assert len(asked.columns) == 40
        assert asked.columns[-1] == "flux_4_7"
        with pytest.raises(QueryError, match="does not contain flow"):
            imap.to_timeseries(imap.read(path), ["flow"])

    def test_the_narrowest_variable_is_included_if_all_are_wide(self, make_cdf):
        from sunpy.timeseries import TimeSeries

        after = {"DEPEND_0": "epoch"}
        path = make_cdf(
            {
                "epoch": (TT2000, np.arange(3) * 10**9, {}),
                "flux": (FLOAT, np.zeros((3, 5, 8)), after),
                "sky": (FLOAT, np.ones((3, 33)), after),
                "name": (CHAR, np.array(["a", "b", "c"]), after),
            }
        )
        with pytest.warns(WideColumnsWarning, match=r"contains name, sky and leaves out flux \(5 x 8\)"):
            series = TimeSeries(str(path), source="imap")
        assert (len(series.columns), series.columns[-1]) == (34, "sky_32")

    def test_one_time_variable_is_selected_by_name(self, real_data):
        from sunpy.timeseries import TimeSeries

        path = str(real_data / "imap" / "imap_ialirt_l1_realtime_20260310_v001.cdf")
        series = TimeSeries(path, source="imap", epoch="swe_epoch", columns="swe_normalized_counts")
        assert series.columns == [f"swe_normalized_counts_{number}" for number in range(8)]
        assert len(series.to_dataframe()) == len(imap.read(path, "swe_epoch"))

    def test_columns_of_several_files_are_one_series(self):
        from sunpy.timeseries import TimeSeries

        paths = sorted(str(path) for path in MAG.parent.glob("imap_mag_l2_norm-rtn_*.cdf"))
        series = TimeSeries(paths, source="imap", columns=["b_rtn"], concatenate=True)
        assert series.columns == ["b_rtn_r", "b_rtn_t", "b_rtn_n"]
        assert len(series.to_dataframe()) == 1440 * len(paths)
        assert series.to_dataframe().index.is_monotonic_increasing

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"columns": ["b_gsm"]}, r"does not contain the column 'b_gsm'. Did you mean b_gse\?"),
            ({"columns": 3}, "takes a text or a list of texts or None as columns"),
            ({"epoch": "mag_epoch"}, "does not have a time variable 'mag_epoch'; it has: epoch"),
        ],
    )
    def test_other_columns_and_times_are_refused(self, options, said):
        from sunpy.timeseries import TimeSeries

        with pytest.raises(QueryError, match=said):
            TimeSeries(str(MAG), source="imap", **options)

    def test_without_times_there_is_none(self, make_cdf):
        from sunpy.timeseries import TimeSeries

        with pytest.raises(FileError, match="does not contain records with times"):
            TimeSeries(str(make_cdf({"x": (FLOAT, np.arange(4.0), {})})), source="imap")

    def test_a_file_without_times_is_told_with_its_first_nine_columns(self, make_cdf):
        from sunpy.timeseries import TimeSeries

        path = make_cdf({f"x{number}": (FLOAT, np.arange(4.0), {}) for number in range(12)})
        with pytest.raises(FileError, match=r"as a table \(x0, x1, x2, x3, x4, x5, x6, x7, x8\)"):
            TimeSeries(str(path), source="imap")


WITHOUT = {"imap_swe_l1_test_20100101_20100101_v01.cdf": "the file does not contain records with times"}
"""The files that do not become a series, and the reason; this one does not contain any variable."""


def series_of(path: Path) -> str:
    """Return why a file does not become a series, or an empty text."""
    from sunpy.timeseries import TimeSeries

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WideColumnsWarning)
        warnings.simplefilter("ignore", IncompleteAnswerWarning)
        try:
            series = TimeSeries(str(path), source="imap")
        except FileError as error:
            return str(error)
    frame = series.to_dataframe()
    assert frame.index.notna().all(), path
    assert frame.shape[0] > 0, path
    assert any(kind.kind in "biuf" for kind in frame.dtypes), path
    return ""


def test_every_file_with_a_time_and_a_number_becomes_a_series(real_data):
    reasons = {path.name: series_of(path) for path in sorted(real_data.rglob("*.cdf"))}
    refused = {name: reason for name, reason in reasons.items() if reason}
    assert refused.keys() == WITHOUT.keys() & reasons.keys()
    assert all(WITHOUT[name] in reason for name, reason in refused.items())
    assert len(reasons) - len(refused) >= 22


def test_every_product_of_the_embedded_archive_becomes_a_series():
    products = {path.name.split("_20")[0]: path for path in MAG.parent.glob("*.cdf")}
    reasons = {name: series_of(path) for name, path in products.items()}
    assert {name: reason for name, reason in reasons.items() if reason} == {}
    assert len(reasons) >= 12


def test_a_table_without_times_is_refused():
    with pytest.raises(QueryError, match=r"requires a one-dimensional column of times, which .* lacks"):
        imap.to_timeseries(QTable({"x": [1.0, 2.0]}))


def test_records_without_a_time_are_left_out_and_counted():
    times = Time(["2026-01-10", "2026-01-11", "2026-01-12"])
    times[1] = np.ma.masked
    with pytest.warns(IncompleteAnswerWarning, match=r"^1 records of the table without a time were left out of the "):
        frame = imap.to_timeseries(QTable({"time": times, "x": [1.0, 2.0, 3.0]})).to_dataframe()
    assert frame["x"].tolist() == [1.0, 3.0]


def test_records_of_a_file_without_a_time_are_left_out_and_counted(make_cdf):
    from sunpy.timeseries import TimeSeries

    stamps = np.array([0, -(2**63), 10**9, -(2**63)])
    path = make_cdf({"epoch": (TT2000, stamps, {"FILLVAL": -(2**63)}), "x": (FLOAT, np.arange(4.0), {})})
    with pytest.warns(IncompleteAnswerWarning, match=rf"^2 records of {path.name} without a time were left out of the"):
        series = TimeSeries(str(path), source="imap")
    assert series.to_dataframe()["x"].tolist() == [0.0, 2.0]


def test_texts_are_kept():
    times = Time(["2026-01-10", "2026-01-11"])
    frame = imap.to_timeseries(QTable({"time": times, "mode": ["norm", "burst"], "x": [1.0, 2.0]})).to_dataframe()
    assert frame["mode"].tolist() == ["norm", "burst"]
    assert frame["x"].tolist() == [1.0, 2.0]


def test_sunpys_reading_is_extended_once():
    from sunpy.timeseries.timeseries_factory import TimeSeriesFactory

    before = TimeSeriesFactory._read_file
    timeseries._leave_to_sources()
    assert TimeSeriesFactory._read_file is before


def test_flags_are_not_plotted_among_nanoteslas():
    import matplotlib.pyplot as plt

    table = QTable({"epoch": Time(["2026-01-10", "2026-01-11"]), "b": [[1.5, 2, 3], [4, 5, 6]] * u.nT})
    table["quality_flags"] = np.array([0, 1], np.uint8)
    table["magnitude"] = [3.0, 8.5] * u.nT
    series = imap.to_timeseries(table)
    axes = series.plot()
    assert [[line.get_label() for line in one.lines] for one in axes] == [
        ["b_0", "b_1", "b_2", "magnitude"],
        ["quality_flags"],
    ]
    assert axes[0].get_title() == "IMAP"
    assert set(axes[0].get_shared_x_axes().get_siblings(axes[0])) == set(axes)
    series.peek()
    assert len(plt.gcf().axes) == 2
    plt.figure()
    assert series.plot(columns=["magnitude"]).get_ylabel() == "magnitude\n[$\\mathrm{nT}$]"
    plt.close("all")
