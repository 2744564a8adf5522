"""Test that the files of a folder belong together: one partition, one dataset, one description."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sunpy_helio_plugins import hapi, series
from sunpy_helio_plugins.errors import FileError, QueryError

sys.path.insert(0, str(Path(__file__).parents[1]))
from strict import Dataset, Habits, Server, nanoseconds, serve

HOUR = 3600 * 10**9
FIRST = nanoseconds("2020-01-01Z")
DAYS = [f"2020-01-0{day}" for day in range(1, 6)]


def dataset(**extra: Any) -> Dataset:
    parameters = [
        {"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None},
        {"name": "x", "type": "double", "units": "nT", "fill": "-1e31"},
        {"name": "v", "type": "double", "size": [2], "units": "1/s", "fill": "-1e31",
         "bins": [{"name": "energy", "units": "keV", "centers": [1, 2]}]},
    ]  # fmt: skip
    count = 24 * 4 + 1
    values: dict[str, list[Any]] = {"x": list(map(float, range(count))), "v": [[1.0, 2.0]] * count}
    return Dataset(parameters, [FIRST + hour * HOUR for hour in range(count)], values, extra)


@pytest.fixture
def server() -> Iterator[Server]:
    made = {"D": dataset(cadence="PT1H"), "E": dataset(cadence="PT1H"), "sparse": dataset()}
    with serve(made, Habits(formats=("csv",))) as running:
        yield running


def write(server: Server, folder: Path, first: int, before: int, name: str = "D", **more: Any) -> Any:
    return hapi.to_parquet(server.url, name, DAYS[first], DAYS[before], folder=folder, progress=False, **more)


@pytest.mark.parametrize(("one", "other"), [("day", "month"), ("month", "day"), ("day", "hour"), ("year", "month")])
def test_another_partition_is_refused(server: Server, tmp_path: Path, one: str, other: str) -> None:
    found = write(server, tmp_path, 0, 2, partition=one)
    server.asked.clear()
    with pytest.raises(QueryError, match=rf"does not contain one {other}, .*Give another folder"):
        write(server, tmp_path, 0, 2, partition=other)
    assert server.data_requests == []
    assert len(found.table) == 48


def test_another_dataset_is_refused_also_on_other_days(server: Server, tmp_path: Path) -> None:
    write(server, tmp_path, 0, 1)
    with pytest.raises(QueryError, match=r"of D, not .* of E: give another folder"):
        write(server, tmp_path, 2, 3, "E")


def test_a_foreign_file_in_the_folder_is_refused(server: Server, tmp_path: Path) -> None:
    (tmp_path / "notes.parquet").write_bytes(b"")
    with pytest.raises(QueryError, match="does not contain one day"):
        write(server, tmp_path, 0, 1)


def change(server: Server, what: str) -> None:
    parameters = server.datasets["D"].parameters
    if what == "unit":
        parameters[1]["units"] = "T"
    else:
        parameters[2]["bins"][0]["centers"] = [3, 4]


@pytest.mark.parametrize("what", ["unit", "bins"])
def test_a_changed_description_is_not_mixed_with_the_old_one(server: Server, tmp_path: Path, what: str) -> None:
    write(server, tmp_path, 0, 2)
    change(server, what)
    with pytest.raises(FileError, match=rf"the {what} of . is .*overwrite=True"):
        write(server, tmp_path, 1, 2, overwrite=True)
    found = write(server, tmp_path, 0, 3, overwrite=True)
    assert len(found.table) == 72
    assert found.table["x"].unit == ("T" if what == "unit" else "nT")


def test_a_response_with_another_unit_is_not_written(server: Server, tmp_path: Path) -> None:
    write(server, tmp_path, 0, 1)
    change(server, "unit")
    with pytest.raises(FileError, match="The unit of x is T in the response, and nT in the description"):
        # The description is that of the first call, which is kept in the cache of metadata.
        write(server, tmp_path, 0, 2)
    assert [one.name for one in (tmp_path).glob("*.parquet")] == ["2020-01-01.parquet"]


def test_files_with_different_units_are_not_read_as_one(server: Server, tmp_path: Path) -> None:
    write(server, tmp_path / "a", 0, 1)
    change(server, "unit")
    write(server, tmp_path / "b", 1, 2, overwrite=True)
    (tmp_path / "b" / "2020-01-02.parquet").rename(tmp_path / "a" / "2020-01-02.parquet")
    found = hapi.open(tmp_path / "a")
    with pytest.raises(FileError, match="the unit of x is T, and nT elsewhere"):
        _ = found.table
    with pytest.raises(FileError, match="the unit of x is T, and nT elsewhere"):
        found.to_xarray()


@pytest.mark.parametrize(("partition", "requests"), [("hour", 4), ("day", 4), ("month", 1), ("year", 1)])
def test_records_without_a_cadence_are_requested_part_by_part(
    server: Server, tmp_path: Path, partition: str, requests: int
) -> None:
    assert len(write(server, tmp_path, 0, 4, "sparse", partition=partition).table) == 96
    assert len(server.data_requests) == requests


def test_a_damaged_file_of_another_day_does_not_keep_new_ones_out(server: Server, tmp_path: Path) -> None:
    write(server, tmp_path, 0, 1)
    (tmp_path / "2020-01-01.parquet").write_bytes(b"damaged")
    write(server, tmp_path, 1, 2)
    assert pq.read_metadata(tmp_path / "2020-01-02.parquet").num_rows == 24
    with pytest.raises(FileError, match=r"2020-01-01\.parquet is not a Parquet file"):
        _ = hapi.open(tmp_path).table


def test_bins_of_a_folder_are_coordinates(server: Server, tmp_path: Path) -> None:
    found, whole = write(server, tmp_path, 0, 2).to_xarray(), series.to_xarray(hapi.load(server.url, "D", *DAYS[:3:2]))
    assert found.coords.keys() == whole.coords.keys() > {"time"}
    assert found["v"].dims == whole["v"].dims
    for name in whole.coords:
        assert np.array_equal(found[name].values, whole[name].values)


def test_chunks_of_records_without_a_cadence_are_days(server: Server) -> None:
    tables = list(hapi.chunks(server.url, "sparse", DAYS[0], DAYS[3]))
    assert len(server.data_requests) == 3
    assert sum(map(len, tables)) == 72
