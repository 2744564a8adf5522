"""Test the times read from IMAP files, in all forms that files use, and several files as one."""

from __future__ import annotations

import warnings

import astropy.units as u
import cdflib
import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins import hapi, imap
from sunpy_helio_plugins.cdf.counts import Count, count_of
from sunpy_helio_plugins.errors import FileError, InexactTimeWarning, QueryError, WideColumnsWarning
from sunpy_helio_plugins.imap.mission import instrument_of, is_of_mission
from sunpy_helio_plugins.quantities import datetimes, times

DOUBLE, FLOAT, INT8, CHAR = 45, 44, 8, 51
EPOCH, TT2000 = 31, 33
NEW_YEAR = cdflib.cdfepoch.compute_tt2000([2026, 1, 1, 0, 0, 0, 0, 0, 0])
LEAP = cdflib.cdfepoch.compute_tt2000([2016, 12, 31, 23, 59, 59, 0, 0, 0])
SECOND = 10**9


def series_of(*paths, **kwargs):
    from sunpy.timeseries import TimeSeries

    return TimeSeries([str(path) for path in paths], **kwargs)


class TestClock:
    @pytest.fixture
    def day(self, make_cdf):
        epochs = NEW_YEAR + np.arange(4) * SECOND + np.array([0, 1, 123_456_789, 999_999_999])
        return make_cdf(
            {
                "epoch": (TT2000, epochs, {"CATDESC": "Time since J2000"}),
                "x": (FLOAT, np.arange(4.0), {"DEPEND_0": "epoch"}),
                "flux": (FLOAT, np.arange(12.0).reshape(4, 3), {"DEPEND_0": "epoch"}),
            }
        )

    def test_utc_is_the_default_and_is_stated(self, day):
        assert imap.read(day)["epoch"].isot[0] == "2026-01-01T00:00:00.000000000"
        assert imap.read(day)["epoch"].info.description == "Time since J2000 (UTC)"
        terrestrial = imap.read(day, scale="tt")["epoch"]
        assert terrestrial.isot[0] == "2026-01-01T00:01:09.184000000"
        assert terrestrial.info.description == "Time since J2000 (TT)"

    def test_every_way_out_says_the_same(self, day, tmp_path):
        pytest.importorskip("pandas")
        table = imap.read(day)
        right = ["00.000000000", "01.000000001", "02.123456789", "03.999999999"]
        right = [f"2026-01-01T00:00:{second}" for second in right]
        table.write(tmp_path / "x.ecsv")
        table[["epoch", "x"]].write(tmp_path / "x.csv")
        assert list(QTable.read(tmp_path / "x.ecsv")["epoch"].isot) == right
        assert [line.split(",")[0] for line in (tmp_path / "x.csv").read_text().split()[1:]] == right
        plain = np.array(right, dtype="M8[ns]")
        assert (table["epoch"].datetime64 == plain).all()
        assert (table[["epoch", "x"]].to_pandas()["epoch"].to_numpy() == plain).all()
        assert table["epoch"].datetime[2].isoformat() == "2026-01-01T00:00:02.123457"
        for scale in ("utc", "tt"):
            read = imap.read(day, scale=scale)
            assert (datetimes.to_datetime64(read["epoch"]) == plain).all()
            assert (imap.to_timeseries(read).to_dataframe().index.to_numpy() == plain).all()
        assert (series_of(day, source="imap").to_dataframe().index.to_numpy() == plain).all()

    @pytest.mark.parametrize("scale", ["utc", "tt"])
    def test_cubes_and_pictures_are_in_utc(self, day, scale):
        pytest.importorskip("ndcube")
        pytest.importorskip("matplotlib").use("agg")
        from matplotlib import dates

        table = imap.read(day, scale=scale)
        instants = imap.to_ndcube(table, "flux").axis_world_coords("time")[0]
        assert (instants.scale, instants.isot[0][:23]) == ("utc", "2026-01-01T00:00:00.000")
        figure = hapi.quicklook(table, ["x"])
        drawn = figure.axes[0].lines[0].get_xdata()
        assert dates.date2num(drawn)[0] == dates.date2num(np.datetime64("2026-01-01"))
        assert figure.axes[-1].get_xlabel() == "UTC"

    def test_a_lag_to_another_mission_is_right(self, day):
        ours = imap.read(day)["epoch"][0]
        theirs = times.from_iso(["2026-01-01T00:00:05Z"])[0]
        assert abs((theirs - ours).to_value("s") - 5) < 1e-9
        assert datetimes.to_datetime64(theirs) - datetimes.to_datetime64(ours) == np.timedelta64(5, "s")

    def test_a_leap_second_keeps_its_row_everywhere(self, make_cdf):
        epochs = LEAP + np.arange(7) * SECOND // 2
        path = make_cdf({"epoch": (TT2000, epochs, {}), "x": (FLOAT, np.arange(7.0), {"DEPEND_0": "epoch"})})
        assert imap.read(path)["epoch"].isot[3] == "2016-12-31T23:59:60.500000000"
        with pytest.warns(InexactTimeWarning, match="2 times"):
            frame = series_of(path, source="imap").to_dataframe()
        assert frame.index.is_unique
        assert frame.index.is_monotonic_increasing
        assert frame["x"].tolist() == list(range(7))
        with pytest.warns(InexactTimeWarning):
            assert (times.without_leap_seconds(imap.read(path)).to_pandas()["epoch"] == frame.index).all()
        with pytest.warns(InexactTimeWarning, match="2 times"):
            assert (imap.read(path).to_pandas()["epoch"] == frame.index).all()

    @pytest.mark.parametrize("scale", ["utc", "tt"])
    def test_files_with_gaps_and_without_have_one_schema(self, make_cdf, tmp_path, scale):
        schemas = []
        for last in (NEW_YEAR, np.iinfo(np.int64).min):
            epochs = NEW_YEAR + np.arange(3) * SECOND
            seen = np.array([NEW_YEAR, NEW_YEAR, last], dtype=np.int64)
            gap = np.array([1.0, 2.0, 3.0 if last == NEW_YEAR else -1e31])
            after = {"DEPEND_0": "epoch"}
            path = make_cdf({"epoch": (TT2000, epochs, {}), "seen": (TT2000, seen, after), "x": (FLOAT, gap, after)})
            table = imap.read(path, scale=scale)
            assert table["seen"].masked
            assert table["seen"].mask.tolist() == [False, False, last != NEW_YEAR]
            table.write(tmp_path / "x.parquet", format="parquet", overwrite=True)
            schemas.append(pq.read_schema(tmp_path / "x.parquet").remove_metadata())
        assert schemas[0].equals(schemas[1])
        assert "seen.jd1.mask" in schemas[0].names

    def test_support_has_the_same_clock(self, make_cdf):
        path = make_cdf(
            {"epoch": (TT2000, np.array([NEW_YEAR]), {}), "start": (TT2000, np.array([NEW_YEAR]), {})},
            static=("start",),
        )
        for scale in ("utc", "tt"):
            start = imap.read(path, scale=scale).meta["support"]["start"]["values"]
            assert (start.scale, start[0].utc.isot) == (scale, "2026-01-01T00:00:00.000000000")

    def test_an_early_epoch_leaves_the_others_alone(self, real_data):
        table = imap.read(real_data / "world" / "imap" / "pre72.cdf")
        assert table["Epoch"].isot[1] == "2016-12-31T13:29:04.000000000"
        assert list(table["Epoch"].mask) == [False, False, False, True]


class TestTimesThatDoNotVary:
    def test_one_instant_of_one_record(self, make_cdf):
        made = {
            "Epoch": (TT2000, np.array(NEW_YEAR), {}),
            "x": (DOUBLE, np.arange(3.0), {"DEPEND_0": "Epoch", "UNITS": "nT", "DEPEND_1": "axis"}),
            "axis": (INT8, np.arange(3, dtype="i1"), {}),
        }
        table = imap.read(make_cdf(made, static=tuple(made)))
        assert (table.colnames, len(table)) == (["Epoch", "x"], 1)
        assert table["Epoch"].isot.tolist() == ["2026-01-01T00:00:00.000000000"]
        assert table["x"].shape == (1, 3)
        assert table["x"].unit == u.nT
        assert table["x"].info.meta["axes"] == ["axis"]
        assert imap.epochs(make_cdf(made, static=tuple(made))) == {"Epoch": 1}

    def test_all_instants_in_one_record(self, make_cdf):
        made = {
            "off": (DOUBLE, np.arange(8.0).reshape(4, 2), {}),
            "told": (DOUBLE, np.arange(12.0).reshape(4, 3), {"DEPEND_1": "epoch", "DEPEND_2": "axis"}),
            "axis": (DOUBLE, np.arange(3.0), {}),
            "scale": (DOUBLE, np.array(2.5), {}),
            "epoch": (TT2000, NEW_YEAR + np.arange(4) * SECOND, {}),
        }
        path = make_cdf(made, static=tuple(made))
        table = imap.read(path)
        assert table.colnames == ["epoch", "off", "told"]
        assert table["off"].tolist() == made["off"][1].tolist()
        assert table["told"].info.meta["axes"] == ["axis"]
        assert set(table.meta["support"]) == {"axis", "scale"}
        assert any("off does not name a time variable" in problem for problem in table.meta["problems"])
        assert series_of(path, source="imap").shape == (4, 5)

    @pytest.mark.parametrize(
        ("name", "rows", "columns"), [("nrv", 1, ["Epoch", "x"]), ("mag_anc", 4, ["epoch", "off"])]
    )
    def test_real_ones(self, real_data, name, rows, columns):
        table = imap.read(real_data / "world" / "imap" / f"{name}.cdf")
        assert (len(table), table.colnames) == (rows, columns)
        assert table.columns[0].isot[0] == "2026-01-01T00:00:00.000000000"
        assert len(series_of(real_data / "world" / "imap" / f"{name}.cdf", source="imap").to_dataframe()) == rows

    def test_an_instant_of_the_file_gives_no_rows(self, make_cdf):
        made = {
            "epoch": (TT2000, NEW_YEAR + np.arange(2) * SECOND, {}),
            "x": (DOUBLE, np.arange(2.0), {"DEPEND_0": "epoch"}),
            "start": (TT2000, np.array(NEW_YEAR), {}),
            "y": (DOUBLE, np.arange(2.0), {}),
        }
        table = imap.read(make_cdf(made, static=("start", "y")))
        assert table.colnames == ["epoch", "x"]
        assert table.meta["epochs"] == {"epoch": 2}
        assert set(table.meta["support"]) == {"start", "y"}

    def test_a_calibration_is_one_row(self, real_data):
        path = real_data / "world" / "imap" / "imap_calibration_mag_20240229_v01.cdf"
        table = imap.read(path)
        assert (len(table), table.meta["epoch"]) == (1, None)
        assert table["STARTVALIDITY"].isot.tolist() == ["2024-01-01T00:00:00.000000000"]
        assert table["MFOTOURFO"].shape == (1, 3, 3, 4)
        with pytest.warns(WideColumnsWarning, match=r"contains OTS, ITS and leaves out MFOTOURFO \(3 x 3 x 4\)"):
            frame = series_of(path).to_dataframe()
        assert (frame.shape, str(frame.index[0])) == ((1, 2), "2024-01-01 00:00:00")


class TestTimesThatCount:
    @pytest.mark.parametrize(
        ("attributes", "seconds"),
        [
            ({"UNITS": "seconds", "CATDESC": "unix time"}, 1.0),
            ({"UNITS": "sec", "CATDESC": "UTC, in seconds since 01-Jan-1970 00:00:00"}, 1.0),
            ({"UNITS": "ms", "FIELDNAM": "POSIX time"}, 1e-3),
            ({"UNITS": "s"}, 1.0),
        ],
    )
    def test_depend_time(self, make_cdf, attributes, seconds):
        made = {
            "t": (DOUBLE, (1.7e9 + np.arange(4)) / seconds, attributes),
            "x": (DOUBLE, np.arange(4.0), {"UNITS": "nT", "DEPEND_TIME": "t", "VAR_TYPE": "data"}),
        }
        path = make_cdf(made)
        table = imap.read(path)
        assert (table.colnames, table.meta["epoch"]) == (["t", "x"], "t")
        assert table["t"].isot[1] == "2023-11-14T22:13:21.000000000"
        assert len(table.meta["problems"]) == ("CATDESC" not in attributes and "FIELDNAM" not in attributes)
        assert str(series_of(path, source="imap").to_dataframe().index[1]) == "2023-11-14 22:13:21"

    def test_a_virtual_epoch_without_records_gives_way(self, make_cdf):
        made = {
            "epoch": (EPOCH, np.zeros(0), {"VIRTUAL": "TRUE"}),
            "t": (DOUBLE, 1.7e9 + np.arange(4), {"UNITS": "sec", "CATDESC": "UTC, seconds since 1970-01-01"}),
            "x": (DOUBLE, np.arange(4.0), {"DEPEND_0": "epoch", "DEPEND_TIME": "t", "VAR_TYPE": "data"}),
        }
        table = imap.read(make_cdf(made), epoch="t")
        assert table.colnames == ["t", "x"]
        assert imap.read(make_cdf(made)).meta["epoch"] == "t"

    def test_units_that_name_a_day(self, make_cdf):
        made = {
            "time": (DOUBLE, np.array([0.0, 1.5]), {"UNITS": "days since 2026-01-01 00:00:00"}),
            "x": (DOUBLE, np.arange(2.0), {"DEPEND_0": "time"}),
        }
        assert imap.read(make_cdf(made))["time"].isot[1] == "2026-01-02T12:00:00.000000000"

    @pytest.mark.parametrize(
        "attributes",
        [
            {"UNITS": "s", "CATDESC": "Mission elapsed time"}, {"UNITS": "s", "CATDESC": "seconds of the day"},
            {"UNITS": "s since 2000-01-01T12:00:00"}, {"UNITS": "eV"}, {}, {"UNITS": "s", "CATDESC": "since launch"},
        ],
    )  # fmt: skip
    def test_what_is_not_certain_stays_a_number(self, make_cdf, attributes):
        made = {"t": (DOUBLE, np.arange(4.0), attributes), "x": (DOUBLE, np.arange(4.0), {"DEPEND_TIME": "t"})}
        table = imap.read(make_cdf(made))
        assert not isinstance(table["t"], Time)
        assert table.meta["epoch"] is None

    def test_the_real_one(self, real_data):
        table = imap.read(real_data / "world" / "imap" / "deptime.cdf")
        assert table["t"].isot.tolist() == [f"2023-11-14T22:13:2{second}.000000000" for second in range(4)]

    def test_energies_are_not_times(self):
        assert count_of({"UNITS": "sec"}, is_convention=False) is None
        assert count_of({"UNITS": "sec", "CATDESC": "unix"}, is_convention=False) == Count(0, 1.0, False)
        assert count_of({"UNITS": "s since 2026-13-45"}, is_convention=True) is None


class TestSeveralFiles:
    @pytest.fixture
    def days(self, make_cdf):
        paths = []
        for number in (1, 0):
            epochs = NEW_YEAR + (number * 3 + np.arange(4)) * SECOND
            made = {"epoch": (TT2000, epochs, {}), "b": (DOUBLE, 10.0 * number + np.arange(4), {"DEPEND_0": "epoch"})}
            path = make_cdf(made)
            paths.append(path.rename(path.with_name(f"day{number}.cdf")))
        return paths[::-1]

    def test_one_stamp_is_one_row(self, days):
        table = imap.read(days)
        assert table["b"].tolist() == [0, 1, 2, 3, 11, 12, 13]
        assert table.meta["epochs"] == {"epoch": 7}
        assert "1 records were left out" in table.meta["problems"][-1]
        assert table["epoch"].info.description == "UTC"
        assert imap.read(days[::-1])["b"].tolist() == [0, 1, 2, 10, 11, 12, 13]
        assert imap.read(iter(days[:1]))["b"].tolist() == [0, 1, 2, 3]

    def test_series_agree(self, days):
        for paths in (days, days[::-1]):
            joined = series_of(*paths, source="imap", concatenate=True)
            assert joined.to_dataframe()["b"].tolist() == imap.read(paths)["b"].tolist()
            assert joined.to_dataframe().index.is_unique
        one, other = series_of(*days, source="imap")
        assert one.concatenate([other]).shape == (7, 1)

    def test_records_of_one_file_are_kept(self, make_cdf, days):
        made = {
            "epoch": (TT2000, NEW_YEAR + np.array([9, 9, 0, -(2**63) - NEW_YEAR]) * 1, {}),
            "b": (DOUBLE, np.arange(4.0), {"DEPEND_0": "epoch"}),
        }
        table = imap.read([days[0], make_cdf(made)])
        assert table["b"].tolist() == [0, 0, 1, 1, 2, 3, 3]
        assert list(table["epoch"].mask) == [False] * 6 + [True]

    def test_files_of_other_variables_are_refused(self, make_cdf, days):
        other = make_cdf({"epoch": (TT2000, np.array([NEW_YEAR]), {}), "c": (DOUBLE, np.zeros(1), {})})
        with pytest.raises(FileError, match="different variables"):
            imap.read([days[0], other])
        with pytest.raises(QueryError, match="at least one path"):
            imap.read([])

    def test_series_of_other_columns_are_joined_in_rows(self, days):
        one, other = (series_of(path, source="imap") for path in days)
        frame = other.to_dataframe().rename(columns={"b": "c"})
        joined = one.concatenate(type(one)(frame, {}, {"c": u.K})).to_dataframe()
        assert joined.shape == (7, 2)
        assert joined.loc["2026-01-01 00:00:03"].tolist() == [3, 10]
        with pytest.raises(QueryError, match="'b' is in"):
            one.concatenate(type(one)(one.to_dataframe(), {}, {"b": u.K}))

    def test_the_real_ones(self, real_data):
        paths = [real_data / "world" / "imap" / f"ov{number}.cdf" for number in (0, 1)]
        table = imap.read(paths)
        assert len(table) == len(set(table["epoch"].isot)) == 2940
        frame = series_of(*paths, source="imap", concatenate=True).to_dataframe()
        assert len(frame) == 2940
        assert frame.index.is_unique
        assert frame.index.is_monotonic_increasing
        assert frame["b"].tolist() == table["b"].value.tolist()


class TestMission:
    @pytest.fixture
    def by_content(self, tmp_path):
        from cdflib.cdfwrite import CDF

        def make(name, **attributes):
            path = tmp_path / name
            cdf = CDF(path, delete=True)
            cdf.write_globalattrs({key: {0: value} for key, value in attributes.items()})
            told = {"Num_Elements": 1, "Rec_Vary": True, "Dim_Sizes": []}
            for variable, kind, depends in (("epoch", TT2000, {}), ("x", DOUBLE, {"DEPEND_0": "epoch", "UNITS": "nT"})):
                values = NEW_YEAR + np.arange(2) if kind == TT2000 else np.arange(2.0)
                cdf.write_var({"Variable": variable, "Data_Type": kind} | told, var_attrs=depends, var_data=values)
            cdf.close()
            return path

        return make

    def test_a_file_is_known_without_a_word(self, by_content):
        from sunpy_helio_plugins.imap import IMAPTimeSeries

        named = by_content("imap_mag_l2_norm-gse_20260110_v001.0001.cdf", Project="x")
        said = by_content("x.cdf", Source_name="IMAP>Interstellar", Descriptor="SWAPI>Solar Wind")
        for path, instrument in ((named, "MAG"), (said, "SWAPI")):
            series = series_of(path)
            assert type(series) is IMAPTimeSeries
            assert (series.observatory, series.instrument) == ("IMAP", instrument)
            assert instrument in str(series)

    def test_files_of_others_are_left_to_sunpy(self, by_content, tmp_path):
        from sunpy.timeseries import GenericTimeSeries

        other = by_content("y.cdf", Source_name="ACE>Advanced Composition Explorer", Descriptor="MAG>x")
        assert type(series_of(other)) is GenericTimeSeries
        damaged = tmp_path / "z.cdf"
        damaged.write_bytes(other.read_bytes()[:60])
        assert not any(map(is_of_mission, (other, damaged, tmp_path / "none.cdf", None)))

    def test_real_files(self, real_data):
        refused = []
        for path in (path for folder in ("imap", "world/imap") for path in (real_data / folder).glob("imap_*.cdf")):
            assert is_of_mission(path)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", WideColumnsWarning)
                try:
                    series = series_of(path)
                except FileError as error:
                    refused.append(str(error))
                    continue
            assert series.observatory == "IMAP"
            assert series.instrument.lower() in path.name.split("_")[1:3]
        assert all("imap.read" in text for text in refused)
        assert len(refused) == 1

    def test_instruments(self):
        assert instrument_of("imap_hi_l1a_45sensor-de_20250415_v000.cdf", {}) == "hi"
        assert instrument_of("x.cdf", {"instrument": "codice_lo"}) == "codice"
        assert instrument_of("x.cdf", {"Descriptor": "IMAP-Lo>Low"}) == "lo"
        assert instrument_of("x.cdf", {"Descriptor": "Unknown"}) == ""


class TestLabels:
    @pytest.fixture
    def table(self, make_cdf):
        labels = np.array(["1 keV", "2 keV"])
        return imap.read(
            make_cdf(
                {
                    "epoch": (TT2000, NEW_YEAR + np.arange(2) * SECOND, {}),
                    "b": (DOUBLE, np.zeros((2, 3)), {"DEPEND_0": "epoch", "LABL_PTR_1": "names"}),
                    "flux": (DOUBLE, np.zeros((2, 2)), {"DEPEND_0": "epoch", "LABL_PTR_1": "energies"}),
                    "map": (DOUBLE, np.zeros((2, 2, 3)), {"DEPEND_0": "epoch", "DEPEND_1": "energies"}),
                    "n": (DOUBLE, np.zeros(2), {"DEPEND_0": "epoch", "LABLAXIS": "Density"}),
                    "names": (CHAR, np.array(["Bx GSE", "By GSE", "Bz GSE"]), {}),
                    "energies": (CHAR, labels, {}),
                },
                static=("names", "energies"),
            )
        )

    def test_of_columns(self, table):
        assert table["b"].info.meta["label"] == ["Bx GSE", "By GSE", "Bz GSE"]
        assert table["n"].info.meta["label"] == table["n"].info.description == "Density"
        assert table["map"].info.meta["labels"] == {"1": ["1 keV", "2 keV"]}

    def test_of_series(self, table):
        columns = imap.to_timeseries(table).columns
        assert columns[3:6] == ["flux_1_keV", "flux_2_keV", "map_1_keV_0"]
        assert columns[-1] == "n"

    def test_of_pictures(self, table):
        pytest.importorskip("matplotlib").use("agg")
        figure = hapi.quicklook(table, ["b", "n"])
        assert [line.get_label() for line in figure.axes[0].lines] == ["Bx GSE", "By GSE", "Bz GSE"]
        assert figure.axes[1].get_ylabel().startswith("Density")
