"""Test the conversion of tables to the types of other packages."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io.votable import parse
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time
from astropy.timeseries import TimeSeries
from sunpy.timeseries import GenericTimeSeries

from sunpy_helio_plugins import cdf, hapi, imap, quantities, series
from sunpy_helio_plugins.errors import (
    DiskError,
    FileError,
    InexactTimeWarning,
    InexactValueWarning,
    MissingDependencyError,
    QueryError,
)
from sunpy_helio_plugins.series.dataset import cf_unit

xarray = pytest.importorskip("xarray")

HEADER = {
    "HAPI": "3.1", "format": "csv", "unitsSchema": "udunits2", "citation": "Doe et al. 2026",
    "resourceURL": "https://example.org/dataset", "licenseURL": "https://example.org/license",
    "parameters": [
        {"name": "Time", "type": "isotime", "length": 30},
        {"name": "B", "type": "double", "units": "nT", "fill": "-1e31", "size": [3], "label": ["Bx", "By", "Bz"],
         "description": "The field"},
        {"name": "N", "type": "integer", "units": "cm^-3", "fill": "-1"},
        {"name": "odd", "type": "double", "units": "blorps", "fill": "-1"},
        {"name": "name", "type": "string", "length": 5, "fill": "", "units": None},
        {"name": "flux", "type": "double", "units": "1/(cm^2 s sr keV)", "fill": "NaN", "size": [2],
         "bins": [{"name": "energy", "units": "keV", "centers": [1, 10], "ranges": [[0.5, 2], [5, 20]]}]},
        {"name": "moving", "type": "double", "units": "1/s", "fill": "NaN", "size": [2],
         "bins": [{"name": "energy", "units": "keV", "centers": "E"}]},
        {"name": "E", "type": "double", "units": "keV", "fill": "NaN", "size": [2]},
    ],
}  # fmt: skip

ROWS = (
    "2026-01-10T00:00:00.123456789Z,1,2,-1e31,-1,5,ab,1,2,3,4,1,10\n"
    "2026-01-10T00:01:00.000000001Z,1,2,3,7,-1,,1,NaN,3,4,2,20\n"
)


@pytest.fixture
def records() -> QTable:
    return hapi.read(f"#{json.dumps(HEADER)}\n{ROWS}".encode())


def simple(**columns: Any) -> QTable:
    return QTable({"Time": Time(["2026-01-10", "2026-01-11"]), **columns})


def assert_same(one: QTable, other: QTable) -> None:
    assert one.colnames == other.colnames
    assert one.meta == other.meta
    for name in one.colnames:
        first, second = one[name], other[name]
        assert type(first) is type(second)
        assert first.info.meta == second.info.meta
        assert getattr(first, "unit", None) == getattr(second, "unit", None)
        if isinstance(first, Time):
            np.testing.assert_array_equal(quantities.to_datetime64(first), quantities.to_datetime64(second))
            continue
        mask = np.broadcast_to(np.asarray(getattr(first, "mask", False)), first.shape)
        np.testing.assert_array_equal(mask, np.broadcast_to(np.asarray(getattr(second, "mask", False)), first.shape))
        values = (np.ma.getdata(np.asarray(getattr(one, "unmasked", one)))[~mask] for one in (first, second))
        np.testing.assert_array_equal(*values)


IN_MEMORY = ("to_pandas", "to_xarray", "to_timeseries")


@pytest.mark.parametrize("first", IN_MEMORY)
@pytest.mark.parametrize("second", IN_MEMORY)
def test_one_exit_takes_what_another_returned(first: str, second: str, records: QTable) -> None:
    assert_same(series.to_table(getattr(series, second)(getattr(series, first)(records))), records)


@pytest.mark.parametrize("first", IN_MEMORY)
@pytest.mark.parametrize(
    ("write", "read"),
    [("to_parquet", "from_parquet"), ("to_votable", "from_votable")],
)
def test_files_take_what_an_exit_returned(first: str, write: str, read: str, records: QTable, tmp_path: Path) -> None:
    path = tmp_path / "table.file"
    getattr(series, write)(getattr(series, first)(records), path)
    assert_same(getattr(series, read)(path), records)


class TestXarray:
    def test_bins_are_dimensions_with_coordinates(self, records: QTable) -> None:
        made = series.to_xarray(records)
        assert made["flux"].dims == ("time", "energy")
        assert made["energy"].values.tolist() == [1, 10]
        assert made["energy"].attrs["units"] == "keV"
        assert made[made["energy"].attrs["bounds"]].values.tolist() == [[0.5, 2], [5, 20]]
        assert float(made["flux"].sel(energy=10.0, time=made.time[0])) == 2

    def test_bins_that_change_with_time_are_a_coordinate_of_two_dimensions(self, records: QTable) -> None:
        made = series.to_xarray(records)
        assert made["moving"].dims == made["E"].dims == ("time", "moving_energy")
        assert "E" in made.coords

    def test_labels_of_vectors_are_coordinates(self, records: QTable) -> None:
        assert series.to_xarray(records)["B"].sel(B_component="By").values.tolist() == [2, 2]

    def test_attributes_follow_the_conventions(self, records: QTable) -> None:
        made = series.to_xarray(records)
        assert made.attrs["Conventions"].startswith("CF-1.")
        assert made.attrs["citation"] == "Doe et al. 2026"
        assert made.attrs["references"] == "https://example.org/dataset"
        assert made.attrs["license"] == "https://example.org/license"
        assert made["B"].attrs == {"units": "nT", "long_name": "The field"}
        assert made["odd"].attrs == {"unit_string": "blorps", "long_name": "odd"}
        assert made["time"].encoding["units"] == "nanoseconds since 1970-01-01"

    @pytest.mark.parametrize(("values", "is_masked"), [([1, 2], False), ([True, False], False), ([1.0, 2.0], True)])
    def test_only_variables_that_can_be_missing_become_masked(self, values: list[Any], is_masked: bool) -> None:
        given = xarray.Dataset({"x": ("time", values)}, {"time": pd.date_range("2026-01-10", periods=2)})
        column = series.to_table(given)["x"]
        assert hasattr(column, "mask") == is_masked
        assert column.tolist() == values

    def test_netcdf_keeps_the_table(self, records: QTable, tmp_path: Path) -> None:
        series.to_xarray(records).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
        with xarray.open_dataset(tmp_path / "x.nc", engine="h5netcdf") as opened:
            assert_same(series.to_table(opened), records)

    def test_metadata_longer_than_an_attribute_of_hdf5_are_written(self, records: QTable, tmp_path: Path) -> None:
        records.meta["long"] = "x" * 200_000
        series.to_xarray(records).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
        with xarray.open_dataset(tmp_path / "x.nc", engine="h5netcdf") as opened:
            assert series.to_table(opened).meta["long"] == records.meta["long"]

    def test_a_column_with_the_name_of_an_axis_keeps_its_name(self) -> None:
        table = simple(energy=[1, 2] * u.eV, time=[3, 4], flux=np.ones((2, 2)))
        table["flux"].info.meta = {"bins": [{"name": "energy", "units": "eV", "centers": [1, 2]}]}
        made = series.to_xarray(table)
        assert made["flux"].dims == ("Time", "energy_bin")
        assert made["energy"].dims == ("Time",)
        assert_same(series.to_table(made), table)

    def test_axes_of_one_name_and_other_bins_are_different_dimensions(self) -> None:
        table = simple(a=np.ones((2, 2)), b=np.ones((2, 2)), c=np.ones((2, 2)))
        for name, centers in (("a", [1, 2]), ("b", [1, 2]), ("c", [1, 3])):
            table[name].info.meta = {"bins": [{"name": "energy", "units": "eV", "centers": centers}]}
        made = series.to_xarray(table)
        assert [made[name].dims[1] for name in "abc"] == ["energy", "energy", "c_energy"]

    def test_an_axis_that_a_column_has_twice_is_two_dimensions(self) -> None:
        table = simple(matrix=np.ones((2, 2, 2)), bound=[1, 2])
        described = {"name": "energy", "units": "eV", "centers": [1, 2], "ranges": [[0, 1], [1, 2]]}
        table["matrix"].info.meta = {"bins": [described, described]}
        made = series.to_xarray(table)
        assert made["matrix"].dims == ("time", "energy", "matrix_energy")
        assert made["bound"].dims == ("time",)
        assert_same(series.to_table(made), table)

    def test_the_axes_of_cdf_variables_are_dimensions(self) -> None:
        table = simple(flux=np.ones((2, 2)), other=np.ones((2, 2)), E=[[1, 2], [3, 4]] * u.eV)
        table["flux"].info.meta, table["other"].info.meta = {"axes": ["energy"]}, {"axes": ["E"]}
        table.meta["support"] = {"energy": {"values": [1, 2] * u.keV}}
        made = series.to_xarray(table)
        assert made["flux"].dims == ("time", "energy")
        assert made["energy"].values.tolist() == [1, 2]
        assert made["other"].dims == made["E"].dims == ("time", "E_bin")
        assert "E" in made.coords

    def test_resampled_integers_are_not_rounded(self) -> None:
        table = simple(n=MaskedColumn([1, 2], mask=[False, False]))
        back = series.to_table(series.to_xarray(table).resample(time="2D").mean())
        assert back["n"].tolist() == [1.5]

    def test_the_unit_of_a_variable_is_the_one_that_it_has_now(self, records: QTable) -> None:
        made = series.to_xarray(records)
        made["B"] = (made["B"] * 1e-9).assign_attrs(units="T")
        made["E"].attrs.pop("units")
        made["flux"].attrs["units"] = "blorps"
        back = series.to_table(made)
        assert back["B"].unit == u.T
        assert getattr(back["E"], "unit", None) is None
        assert back["flux"].info.meta["unit_string"] == "blorps"

    def test_variables_that_were_added_are_columns(self, records: QTable) -> None:
        made = series.to_xarray(records)
        made["speed"] = made["N"] * 2
        made["speed"].attrs["units"] = "km s-1"
        back = series.to_table(made.drop_vars("odd"))
        assert "odd" not in back.colnames
        assert back["speed"].unit == u.km / u.s

    def test_other_data_sets_are_tables(self) -> None:
        times = pd.date_range("2026-01-10", periods=2)
        given = xarray.Dataset({"x": ("t", [1.0, np.nan], {"units": "km s-1"}), "y": ("z", [1])}, {"t": times})
        made = series.to_table(given)
        assert made.colnames == ["t", "x"]
        assert made["x"].unit == u.km / u.s
        assert made["x"].mask.tolist() == [False, True]

    def test_the_extra_is_named(self, records: QTable, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "xarray", None)
        with pytest.raises(MissingDependencyError, match=r"sunpy_helio_plugins\[xarray\]"):
            series.to_xarray(records)

    @pytest.mark.parametrize(
        ("unit", "text"),
        [(u.km / u.s, "km s-1"), (u.one, "1"), (u.deg, "degree"), (u.Unit("1e-3 nT"), "0.001 nT"),
         (u.Unit("s^(1/2)"), "s^0.5"), (u.AA, "angstrom")],
    )  # fmt: skip
    def test_units_are_in_the_notation_of_cf(self, unit: Any, text: str) -> None:
        assert cf_unit(unit) == text


class TestPandas:
    def test_components_are_columns_and_times_are_in_utc(self, records: QTable) -> None:
        frame = series.to_pandas(records)
        assert str(frame.index.tz) == "UTC"
        assert frame.index[0].nanosecond == 789
        assert list(frame)[:5] == ["B_x", "B_y", "B_z", "N", "odd"]
        assert frame["N"].dtype == "Int64"
        assert frame["N"].isna().tolist() == [True, False]
        assert frame.attrs["units"]["B_x"] == "nT"
        assert frame.attrs["descriptions"]["B_x"] == "The field"

    def test_attributes_go_into_a_parquet_file_of_pandas(self, records: QTable, tmp_path: Path) -> None:
        series.to_pandas(records).to_parquet(tmp_path / "x.parquet")
        assert_same(series.to_table(pd.read_parquet(tmp_path / "x.parquet")), records)

    def test_a_part_of_the_rows_and_columns_is_a_table(self, records: QTable) -> None:
        frame = series.to_pandas(records)
        back = series.to_table(frame.iloc[1:].drop(columns=["B_x", "odd"]))
        assert len(back) == 1
        assert {"B", "odd"} & set(back.colnames) == set()
        assert "B_y" in back.colnames
        assert back["flux"].shape == (1, 2)

    def test_the_unit_of_a_column_is_the_one_that_it_has_now(self, records: QTable) -> None:
        frame = series.to_pandas(records)
        frame.attrs["units"] |= dict.fromkeys(["B_x", "B_y", "B_z"], "T") | {"flux_0": "m"}
        back = series.to_table(frame)
        assert back["B"].unit == u.T
        assert back["flux_0"].unit == u.m
        assert "flux" not in back.colnames

    def test_times_in_a_column_are_found_again(self, records: QTable) -> None:
        frame = series.to_pandas(records).reset_index()
        assert_same(series.to_table(frame), records)

    def test_names_that_exist_already_are_numbered(self) -> None:
        table = simple(B=np.ones((2, 2)), B_0=[3, 4])
        frame = series.to_pandas(table)
        assert list(frame) == ["B_0_2", "B_1", "B_0"]
        assert_same(series.to_table(frame), table)

    @pytest.mark.parametrize("zone", [None, "UTC", "US/Eastern"])
    def test_other_frames_are_tables(self, zone: str | None) -> None:
        index = pd.date_range("2026-01-10T00:00:00.000000001", periods=2, tz="UTC").tz_convert(zone)
        frame = pd.DataFrame({"n": pd.array([1, None], "Int64"), "t": ["a", None], "x": [1.0, np.nan]}, index)
        frame.attrs["units"] = {"x": "nT"}
        made = series.to_table(frame)
        assert made.colnames == ["time", "n", "t", "x"]
        assert made["time"].isot[0] == "2026-01-10T00:00:00.000000001"
        assert made["n"].mask.tolist() == made["t"].mask.tolist() == made["x"].mask.tolist() == [False, True]
        assert made["n"].dtype.kind == "i"
        assert made["x"].unit == u.nT

    def test_a_column_of_times_is_the_time_of_a_frame_without_index(self) -> None:
        frame = pd.DataFrame({"x": [1.0, 2.0], "when": pd.date_range("2026-01-10", periods=2)})
        assert series.to_table(frame).colnames == ["when", "x"]


class TestParquet:
    def test_types_and_metadata_are_those_of_arrow(self, records: QTable, tmp_path: Path) -> None:
        series.to_parquet(records, tmp_path / "x.parquet")
        table = pq.read_table(tmp_path / "x.parquet")
        assert table.schema.field("Time").type == pa.timestamp("ns", tz="UTC")
        assert table.schema.field("B").type == pa.list_(pa.float64(), 3)
        assert table.schema.field("B").metadata[b"units"] == b"nT"
        assert table["N"].null_count == 1
        assert table["name"].null_count == 1
        assert pd.read_parquet(tmp_path / "x.parquet")["Time"][0].nanosecond == 789

    def test_a_file_is_replaced_only_on_request(self, records: QTable, tmp_path: Path) -> None:
        path = tmp_path / "x.parquet"
        series.to_parquet(records, path)
        for write in (series.to_parquet, series.to_votable, hapi.write):
            with pytest.raises(DiskError, match="overwrite=True"):
                write(records, path)
        series.to_parquet(records[:1], path, overwrite=True)
        assert len(series.from_parquet(path)) == 1
        assert [one.name for one in tmp_path.iterdir()] == ["x.parquet"]

    def test_a_column_without_a_type_leaves_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(QueryError, match="'x' of complex128"):
            series.to_parquet(simple(x=[1j, 2j]), tmp_path / "x.parquet")
        assert list(tmp_path.iterdir()) == []

    def test_the_unit_of_a_field_is_the_one_that_it_has_now(self, records: QTable) -> None:
        from sunpy_helio_plugins.series.arrow import arrow_of
        from sunpy_helio_plugins.series.columns import Losses
        from sunpy_helio_plugins.series.records import Records

        made = arrow_of("x", Records.of("x", records, Losses("x")))
        schema = made.schema.set(1, made.schema.field("B").with_metadata({"units": "T"}))
        assert series.to_table(pa.Table.from_arrays(made.columns, schema=schema))["B"].unit == u.T

    def test_other_files_are_tables(self, tmp_path: Path) -> None:
        frame = pd.DataFrame({"x": pd.Categorical(["a", "b"]), "t": pd.date_range("2026-01-10", periods=2, tz="UTC")})
        frame.to_parquet(tmp_path / "x.parquet")
        assert series.from_parquet(tmp_path / "x.parquet").colnames == ["t", "x"]

    @pytest.mark.parametrize("content", [b"", b"nonsense", b"PAR1" * 9])
    def test_damaged_files_are_named(self, content: bytes, tmp_path: Path) -> None:
        (tmp_path / "x.file").write_bytes(content)
        for read in (series.from_parquet, series.from_votable):
            with pytest.raises(FileError, match=r"x\.file"):
                read(tmp_path / "x.file")


class TestVOTable:
    def test_times_have_their_type_and_scale(self, records: QTable, tmp_path: Path) -> None:
        series.to_votable(records, tmp_path / "x.vot")
        document = parse(tmp_path / "x.vot")
        (table,) = document.iter_tables()
        assert table.get_field_by_id("Time").xtype == "timestamp"
        assert document.get_timesys_by_id("utc").timescale == "UTC"
        assert Table.read(tmp_path / "x.vot")["Time"][0] == "2026-01-10T00:00:00.123456789"

    def test_other_files_are_tables(self, tmp_path: Path) -> None:
        Table({"a": [1.5]}).write(tmp_path / "x.vot", format="votable")
        with pytest.raises(QueryError, match=r"series\.from_votable takes data with times"):
            series.from_votable(tmp_path / "x.vot")


class TestTimeSeries:
    def test_sunpy_gets_units_and_sorted_times(self, records: QTable) -> None:
        made = series.to_timeseries(records[::-1])
        assert type(made) is GenericTimeSeries
        assert made.units["B_x"] == u.nT
        assert made.units["odd"] == u.one
        assert made.to_dataframe().index.is_monotonic_increasing
        assert_same(series.to_table(made), records)

    def test_any_series_of_sunpy_is_a_table(self) -> None:
        frame = pd.DataFrame({"x": [1.0, np.nan]}, pd.date_range("2026-01-10", periods=2))
        made = series.to_table(GenericTimeSeries(frame, {"telescop": "T"}, {"x": u.W / u.m**2}))
        assert made["x"].unit == u.W / u.m**2
        assert made["x"].mask.tolist() == [False, True]
        assert made.meta == {"telescop": "T"}

    def test_the_unit_of_a_series_is_the_one_that_it_has_now(self, records: QTable) -> None:
        made = series.to_timeseries(records)
        made.units |= dict.fromkeys(["B_x", "B_y", "B_z"], u.T)
        assert series.to_table(made)["B"].unit == u.T

    def test_astropy_gets_every_column(self, records: QTable) -> None:
        made = series.to_astropy(records)
        assert type(made) is TimeSeries
        assert made.colnames == ["time", *records.colnames[1:]]
        assert made["B"].mask.tolist() == records["B"].mask.tolist()
        assert series.to_xarray(made)["B"].dims == ("time", "B_component")

    def test_the_archives_convert_with_the_same_functions(self) -> None:
        assert hapi.to_xarray is imap.to_xarray is series.to_xarray
        assert hapi.to_timeseries is series.to_timeseries


class TestLosses:
    LEAP = ["2016-12-31T23:59:60.5", "2017-01-01"]

    @pytest.mark.parametrize("name", IN_MEMORY)
    def test_one_warning_counts_the_leap_seconds_of_all_columns(self, name: str) -> None:
        times = quantities.from_iso(self.LEAP)
        with pytest.warns(InexactTimeWarning, match="2 times are within a leap second") as caught:
            getattr(series, name)(QTable({"Time": times, "end": times}))
        assert len(caught) == 1
        assert caught[0].filename == __file__

    def test_large_integers_beside_missing_ones_are_rounded_with_a_warning(self) -> None:
        table = simple(n=MaskedColumn([2**53 + 1, 0], mask=[False, True]))
        with pytest.warns(InexactValueWarning, match=r"1 integers of 'n' exceed 2\*\*53"):
            series.to_xarray(table)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert series.to_pandas(table)["n"].iloc[0] == 2**53 + 1


class TestBadInput:
    @pytest.mark.parametrize("name", ["to_table", "to_astropy", *IN_MEMORY])
    @pytest.mark.parametrize("given", [None, 1, "path.cdf", [1], {}, np.arange(3), pd.Series([1])])
    def test_other_types_are_refused(self, name: str, given: Any) -> None:
        with pytest.raises(QueryError, match=f"series.{name} takes a table of records"):
            getattr(series, name)(given)

    @pytest.mark.parametrize("name", ["to_table", "to_astropy", *IN_MEMORY])
    def test_a_table_without_times_is_refused(self, name: str) -> None:
        with pytest.raises(QueryError, match=f"series.{name} takes a table with a column of times"):
            getattr(series, name)(QTable({"x": [1]}))

    @pytest.mark.parametrize(
        "given",
        [pd.DataFrame({"x": [1]}), xarray.Dataset({"x": ("y", [1])}), pa.table({"x": [1]})],
        ids=["DataFrame", "Dataset", "Table"],
    )
    def test_data_without_times_are_refused(self, given: Any) -> None:
        with pytest.raises(QueryError, match=r"series\.to_pandas takes .* times"):
            series.to_pandas(given)

    @pytest.mark.parametrize(
        "column",
        [
            SkyCoord([1, 2], [3, 4], unit="deg"),
            Column([{}, 1], dtype=object),
            Time([1, 2], format="unix", location=(0 * u.deg, 0 * u.deg)),
        ],
    )
    def test_columns_of_other_types_are_named(self, column: Any) -> None:
        with pytest.raises(QueryError, match=r"series\.to_xarray cannot convert the column 'odd'"):
            series.to_xarray(simple(odd=column))

    def test_metadata_that_cannot_be_kept_are_named(self) -> None:
        table = simple()
        table.meta["odd"] = object()
        with pytest.raises(QueryError, match="the entry 'odd' of meta"):
            series.to_pandas(table)

    @pytest.mark.parametrize("key", ["#", 1, ("a", 2), None])
    def test_metadata_with_any_key_come_back(self, key: Any) -> None:
        table = simple()
        table.meta["odd"] = {key: {key: 1.5 * u.nT}}
        table.meta[key] = "odd"
        back = series.to_table(series.to_pandas(table)).meta
        assert back["odd"] == table.meta["odd"]
        assert back[key] == "odd"

    def test_a_series_without_a_time_of_each_record_is_refused(self) -> None:
        with pytest.raises(QueryError, match=r"series\.to_timeseries takes one or more records"):
            series.to_timeseries(simple()[:0])

    @pytest.mark.parametrize(
        "text",
        [
            "", "{", "[]", '{"version": 1}', '{"version": 99}', '{"version": 1, "columns": [0]}',
            pytest.param("[" * 100_000, id="deep"),
        ],
    )  # fmt: skip
    def test_a_damaged_description_is_named(self, text: str, records: QTable) -> None:
        frame = series.to_pandas(records)
        frame.attrs["sunpy_helio_plugins"] = text
        with pytest.raises(FileError, match=r"description|another version"):
            series.to_table(frame)

    def test_a_frame_with_one_name_twice_is_refused(self) -> None:
        frame = pd.DataFrame([[1, 2]], pd.date_range("2026-01-10", periods=1), columns=["x", "x"])
        with pytest.raises(QueryError, match="unique names"):
            series.to_table(frame)


@pytest.mark.parametrize("name", ["to_pandas", "to_xarray", "to_astropy"])
def test_empty_tables_keep_their_columns(name: str, records: QTable) -> None:
    back = series.to_table(getattr(series, name)(records[:0]))
    assert back.colnames[1:] == records.colnames[1:]
    assert back["B"].shape == (0, 3)


def test_real_files_of_the_mission_survive(real_data: Path) -> None:
    tables = [cdf.read(path) for path in sorted((real_data / "imap").rglob("*.cdf"))[:9]]
    tables = [table for table in tables if table.meta["epoch"] is not None]
    assert tables
    for table in tables:
        made = series.to_table(series.to_xarray(table))
        assert made.colnames == table.colnames
        assert [made[name].shape for name in made.colnames] == [table[name].shape for name in table.colnames]
        assert made.meta["epochs"] == table.meta["epochs"]


def test_times_are_written_as_astropy_writes_them() -> None:
    from sunpy_helio_plugins.quantities import silence
    from sunpy_helio_plugins.series.columns import iso_texts

    texts = ["1600-01-01", "1972-06-30T23:59:60.000000001", "2016-12-31T23:59:60.999999999", "2026-01-10T00:00:00.5"]
    with silence.far_years():
        for some in (texts, texts[1:]):
            made = quantities.from_iso(some)
            assert iso_texts(made).tolist() == made.isot.tolist()
    missing = quantities.from_iso(texts[1:], [False, True, False])
    assert iso_texts(missing.tt).tolist() == ["1972-06-30T23:59:60.000000001", "", "2026-01-10T00:00:00.500000000"]
