"""Test columns that occur rarely in the types of other packages: they come back, or are refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import EarthLocation
from astropy.io.votable import from_table, parse
from astropy.table import Column, MaskedColumn, QTable, Table
from astropy.time import Time, TimeDelta

from sunpy_helio_plugins import series
from sunpy_helio_plugins.errors import FileError, InexactTimeWarning, QueryError
from sunpy_helio_plugins.series import columns
from sunpy_helio_plugins.series.arrow import KEY, table_of_arrow
from sunpy_helio_plugins.series.axes import axes_of
from sunpy_helio_plugins.series.columns import column_of_arrays
from sunpy_helio_plugins.series.dataset import cf_unit

xarray = pytest.importorskip("xarray")


def simple(**columns: Any) -> QTable:
    return QTable({"Time": Time(["2026-01-10", "2026-01-11"]), **columns})


def through_parquet(table: QTable, folder: Path) -> QTable:
    series.to_parquet(table, folder / "x.parquet")
    return series.from_parquet(folder / "x.parquet")


WAYS: dict[str, Callable[[QTable, Path], QTable]] = {
    "pandas": lambda table, folder: series.to_table(series.to_pandas(table)),
    "xarray": lambda table, folder: series.to_table(series.to_xarray(table)),
    "parquet": through_parquet,
}

GONE = TimeDelta([1.5, 2], format="sec")
GONE[1] = np.ma.masked


class Counts(u.Quantity):
    """A class of quantities that is not known elsewhere."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "given",
    [
        Column([b"a", b"b\xc3\xa5"]),
        MaskedColumn([b"a", b"b"], mask=[False, True]),
        Column(np.array(["a", None], dtype=object)),
        Column(np.array(["a", "b"], dtype=object)),
        MaskedColumn(np.array(["a", "b"], dtype=object), mask=[True, False]),
    ],
    ids=["bytes", "masked bytes", "objects with None", "objects", "masked objects"],
)
def test_texts_of_each_type_come_back(given: Column, way: str, tmp_path: Path) -> None:
    back = WAYS[way](simple(x=given), tmp_path)["x"]
    expected = [None if cell is None or cell is np.ma.masked else cell for cell in given]
    assert [None if cell is np.ma.masked else cell for cell in back] == expected
    assert (back.dtype.kind == "S") == (given.dtype.kind == "S")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("given", [GONE, TimeDelta([1e-9, 86400.5], format="sec")], ids=["missing", "whole"])
def test_durations_come_back(given: TimeDelta, way: str, tmp_path: Path) -> None:
    back = WAYS[way](simple(x=given), tmp_path)["x"]
    assert (type(back), back.format, back.masked) == (TimeDelta, "sec", given.masked)
    assert np.asarray(back.mask).tolist() == np.asarray(given.mask).tolist()
    for one, other in zip(back[~back.mask], given[~given.mask], strict=True):
        assert abs(one - other) < 1e-12 * u.s


def test_times_keep_the_part_that_they_show() -> None:
    given = simple()
    given["t"] = Time(["2026-01-10", "2026-01-11"], format="iso", out_subfmt="date")
    back = series.to_table(series.to_pandas(given))["t"]
    assert (back.out_subfmt, back.value.tolist()) == ("date", ["2026-01-10", "2026-01-11"])


@pytest.mark.filterwarnings("ignore:ERFA function")
def test_times_in_far_years_are_truncated_with_a_warning() -> None:
    given = simple(t=Time(["2400-01-01T00:00:00.123456789", "2400-01-02"]))
    with pytest.warns(
        InexactTimeWarning, match=r"Times in years outside 1678 to 2261 are truncated to microseconds\.$"
    ):
        frame = series.to_pandas(given)
    assert frame["t"].iloc[0] == pd.Timestamp("2400-01-01T00:00:00.123456", tz="UTC")


def test_a_column_without_elements_comes_back() -> None:
    given = simple(x=np.zeros((2, 0), dtype=np.float32), t=Time(np.zeros((2, 0)), format="jd"))
    frame = series.to_pandas(given)
    assert frame.columns.tolist() == []
    back = series.to_table(frame)
    assert (back["x"].shape, back["x"].dtype) == ((2, 0), np.float32)
    assert back["t"].shape == (2, 0)


PLACES = EarthLocation.from_geodetic([1, 2] * u.deg, [1, 2] * u.deg)


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (Column(np.array(["2026", "2027"], dtype="M8[s]")), r"values of the type datetime64\[s\]"),
        (Counts([1, 2], "m"), "a Counts"),
        (PLACES, "a EarthLocation"),
        (Time(["2026-01-10"] * 2, location=PLACES), "times with a location"),
        (Column([b"a", b"b\xff"]), "bytes that are not text in UTF-8"),
        (Column(np.array([{}, "a"], dtype=object)), "objects such as a dict"),
    ],
    ids=["datetimes", "quantity", "places", "times on the Earth", "bytes", "objects"],
)
def test_columns_of_other_classes_are_refused_by_name(column: Any, words: str) -> None:
    with pytest.raises(QueryError, match=f"^series.to_pandas cannot convert the column 'x', which contains {words}: "):
        series.to_pandas(simple(x=column))


@pytest.mark.parametrize(
    ("values", "kind"),
    [([1, 2], "f"), ([True, False], "f"), ([1 + 2j, 3], "c"), ([1.5, np.nan], "f")],
)
def test_values_that_were_replaced_have_a_type_that_represents_them(values: list[Any], kind: str) -> None:
    frame = series.to_pandas(simple(x=[0.5, 1.5]))
    frame["x"] = np.array(values)
    back = series.to_table(frame)["x"]
    assert back.dtype.kind == kind
    np.testing.assert_array_equal(np.asarray(np.ma.filled(np.ma.asarray(back), np.nan)), values)


def frame_of(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns, index=pd.DatetimeIndex(["2026-01-10", "2026-01-11"], name="time"))


def test_durations_of_other_frames_are_durations() -> None:
    back = series.to_table(frame_of(x=pd.to_timedelta(["90s", None])))["x"]
    assert isinstance(back, TimeDelta)
    assert back.mask.tolist() == [False, True]
    assert back[0].to_value("s") == 90


@pytest.mark.parametrize("cell", [{"a": 1}, [1, 2], object])
def test_objects_of_other_frames_are_refused_by_name(cell: Any) -> None:
    with pytest.raises(QueryError, match=r"^series\.to_table cannot convert the column 'x', which contains "):
        series.to_table(frame_of(x=[cell, "a"]))


def test_arrays_of_other_types_are_refused_by_name() -> None:
    with pytest.raises(QueryError, match=r"column 'x', which contains values of \[\('a', '<i8'\)\]\.$"):
        column_of_arrays("x", np.zeros(2, [("a", "<i8")]), None)


def arrow(**columns: Any) -> pa.Table:
    return pa.table({"time": pa.array(np.array(["2026-01-10", "2026-01-11"], "M8[ns]")), **columns})


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([[1, 2], None], pa.list_(pa.int64(), 2)), "in which complete lists are missing"),
        (pa.array([[1, 2], [3]]), "of the type list<"),
        (pa.array([{"a": 1}, None]), "of the type struct<"),
    ],
)
def test_columns_of_arrow_of_other_types_are_refused_by_name(column: pa.Array, words: str) -> None:
    with pytest.raises(QueryError, match=f"^f cannot convert the column 'x',? {words}"):
        table_of_arrow("f", arrow(x=column))


def changed(table: pa.Table, change: Callable[[dict[str, Any]], object]) -> pa.Table:
    """Return a table of Arrow whose description is changed."""
    said = json.loads(table.schema.metadata[KEY.encode()])
    change(said)
    return table.replace_schema_metadata({KEY: json.dumps(said)})


def test_a_column_that_was_removed_from_a_table_of_arrow_is_not_missed(tmp_path: Path) -> None:
    series.to_parquet(simple(x=[1, 2], y=[3, 4]), tmp_path / "x.parquet")
    found = pa.parquet.read_table(tmp_path / "x.parquet")
    assert table_of_arrow("f", found.drop_columns("x")).colnames == ["Time", "y"]


def test_a_description_with_an_unknown_scale_is_damaged(tmp_path: Path) -> None:
    series.to_parquet(simple(x=[1, 2]), tmp_path / "x.parquet")
    found = pa.parquet.read_table(tmp_path / "x.parquet")
    odd = changed(found, lambda said: said["columns"][0].update(scale="moon"))
    pa.parquet.write_table(odd, tmp_path / "y.parquet")
    with pytest.raises(FileError, match=r"y\.parquet: The description of the table in .*there is no scale 'moon'"):
        series.from_parquet(tmp_path / "y.parquet")


def test_a_description_without_the_components_of_a_column_is_damaged() -> None:
    frame = series.to_pandas(simple(x=np.ones((2, 3))))
    (key,) = (key for key in frame.attrs if "columns" in str(frame.attrs[key]))
    said = json.loads(frame.attrs[key])
    said["columns"][1]["flat"] = []
    frame.attrs[key] = json.dumps(said)
    with pytest.raises(FileError, match=r"is damaged: .*the components of 'x' are missing"):
        series.to_table(frame)


def test_a_column_with_the_name_of_the_time_of_astropy_is_refused() -> None:
    given = simple(time=[1, 2])
    with pytest.raises(QueryError, match=r"names the column 'Time' 'time', and the table has another column of this"):
        series.to_astropy(given)


def test_units_that_are_functions_keep_their_name_in_data_sets() -> None:
    assert cf_unit(u.mag) == "mag"
    assert cf_unit(u.mag(u.ct / u.s)) == "mag(ct / s)"


def test_durations_that_xarray_does_not_decode_are_durations() -> None:
    made = series.to_xarray(simple(x=GONE))
    made["x"] = made["x"].copy(data=np.array([1.5e9, np.nan]))
    back = series.to_table(made)["x"]
    assert back.mask.tolist() == [False, True]
    assert back[0].to_value("s") == 1.5


@pytest.mark.parametrize("given", [Time([["2026-01-10"] * 2] * 2), np.array([["a", "b"], ["c", "d"]])])
def test_arrays_of_texts_and_times_are_refused_by_votable(given: Any, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="column 'x': VOTable has no arrays of texts or times; remove it, or write"):
        series.to_votable(simple(x=given), tmp_path / "x.vot")
    assert list(tmp_path.iterdir()) == []


def test_bounds_of_an_axis_whose_name_a_column_has_are_left_out() -> None:
    given = simple(flux=np.ones((2, 2)), energy_bounds=[5, 6])
    described = {"name": "energy", "units": "eV", "centers": [1, 2], "ranges": [[0, 1], [1, 2]]}
    given["flux"].info.meta = {"bins": [described]}
    made = series.to_xarray(given)
    assert made["energy_bounds"].values.tolist() == [5, 6]
    assert "bounds" not in made["energy"].attrs
    assert made["energy"].values.tolist() == [1, 2]


def test_bins_of_a_parameter_that_is_not_in_the_table_have_no_values() -> None:
    given = simple(flux=np.ones((2, 2)))
    given["flux"].info.meta = {"bins": [{"name": "energy", "units": "eV", "centers": "absent"}]}
    (axis,) = axes_of(given, "flux")
    assert (axis.name, axis.centers, axis.ranges) == ("energy", None, None)
    made = series.to_xarray(given)
    assert made["flux"].shape == (2, 2)
    assert "energy" not in made.coords


def test_a_column_that_was_removed_from_a_votable_is_not_missed(tmp_path: Path) -> None:
    series.to_votable(simple(x=[1, 2], y=[3, 4]), tmp_path / "x.vot")
    document = parse(tmp_path / "x.vot")
    (table,) = document.resources[0].tables
    kept = Table(table.array)[["Time", "y"]]
    other = from_table(kept)
    other.resources[0].infos.extend(document.resources[0].infos)
    for field in other.resources[0].tables[0].fields:
        field.xtype = next(one.xtype for one in table.fields if one.name == field.name)
    other.to_xml(str(tmp_path / "y.vot"))
    back = series.from_votable(tmp_path / "y.vot")
    assert back.colnames == ["Time", "y"]
    assert back["y"].tolist() == [3, 4]


def test_columns_of_other_objects_are_named_by_an_alignment() -> None:
    given = simple(x=[1.0, 2.0], odd=Column(np.array([{}, "a"], dtype=object)))
    with pytest.raises(QueryError, match=r"odd.*objects of the class Column"):
        series.align(given, every=1 * u.hour, columns=["odd"])


def test_an_alignment_takes_the_chosen_columns_of_a_frame() -> None:
    made = series.align(frame_of(x=[1.0, 2.0], y=[3.0, 4.0]), every=1 * u.day, columns=["y"])
    assert [name for name in made.colnames if name.startswith(("x", "y"))] == ["y"]
    assert np.ma.getdata(np.asarray(getattr(made["y"], "unmasked", made["y"]))).tolist()[:2] == [3.0, 4.0]


def test_an_error_of_this_package_is_raised_as_it_is(monkeypatch):
    error = QueryError("these times cannot be given in UTC")

    def fails(*_):
        raise error

    monkeypatch.setattr(columns, "_parts", fails)
    with pytest.raises(QueryError) as told:
        columns.field_of("series.to_pandas", "x", Column([1]), columns.Losses(""))
    assert told.value is error
