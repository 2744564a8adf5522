"""Test IMAP files as TimeSeries."""

from __future__ import annotations

from pathlib import Path

import astropy.units as u
import cdflib
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins import imap
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import FileError, InexactTimeWarning, QueryError
from sunpy_helio_plugins.imap.views import timeseries

MAG = Path(sandbox_package.__file__).parent / "data" / "imap" / "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
TT2000, FLOAT = 33, 44


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
        series = TimeSeries(str(path), source="imap")
        assert series.columns == ["rate"]
        assert series.meta.get("left_out").metas[0]["left_out"] == "flux"
        asked = imap.to_timeseries(imap.read(path), "flux")
        assert len(asked.columns) == 40
        assert asked.columns[-1] == "flux_4_7"
        with pytest.raises(QueryError, match="does not contain flow"):
            imap.to_timeseries(imap.read(path), ["flow"])

    def test_files_that_sunpy_cannot_read(self, real_data):
        from sunpy.timeseries import TimeSeries

        wide = "imap_codice_l1b_lo-sw-species_20240429_v001.cdf"
        others = [path for path in (real_data / "imap").glob("*.cdf") if path.name != wide]
        assert len(others) >= 2
        for path in others:
            assert len(TimeSeries(str(path), source="imap").columns) > 0
        with pytest.raises(QueryError, match="more than 32 elements"):
            TimeSeries(str(real_data / "imap" / wide), source="imap")

    def test_without_times_there_is_none(self, make_cdf):
        from sunpy.timeseries import TimeSeries

        with pytest.raises(FileError, match="does not contain records with times"):
            TimeSeries(str(make_cdf({"x": (FLOAT, np.arange(4.0), {})})), source="imap")


def test_a_table_without_times_is_refused():
    with pytest.raises(QueryError, match=r"requires a one-dimensional column of times, which .* lacks"):
        imap.to_timeseries(QTable({"x": [1.0, 2.0]}))


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
