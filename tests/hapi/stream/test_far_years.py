"""Test records before 1678, which nanoseconds cannot represent."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import QueryError

sys.path.insert(0, str(Path(__file__).parents[1]))
from strict import Dataset, Habits, Server, as_binary, as_csv, nanoseconds, serve

YEARS = range(1670, 1690)


PARAMETERS = [
    {"name": "Time", "type": "isotime", "length": 21, "units": "UTC", "fill": None},
    {"name": "spots", "type": "integer", "units": None, "fill": "-1"},
]


@pytest.fixture
def server() -> Iterator[Server]:
    times = [nanoseconds(f"{year}-07-01Z") for year in YEARS]
    made = Dataset(PARAMETERS, times, {"spots": list(YEARS)}, {"cadence": "P1Y"}, "1670-01-01Z", "1690-01-01Z")
    with serve({"D": made}, Habits(formats=("csv",))) as running:
        yield running


@pytest.mark.parametrize(("start", "unit"), [("1670-01-01", "us"), ("1680-01-01", "ns")])
def test_partitions_have_one_unit_of_times(server: Server, start: str, unit: str) -> None:
    frame = hapi.to_dask(server.url, "D", start, "1690-01-01", chunk="P730D")
    found = frame.compute()
    assert found["spots"].tolist() == list(range(int(start[:4]), 1690))
    assert frame._meta.index.unit == found.index.unit == unit
    assert np.array_equal(found.index.year, found["spots"])


@pytest.mark.parametrize("form", ["csv", "binary", "json"])
@pytest.mark.parametrize(("first", "unit"), [(1670, "us"), (1678, "ns")])
def test_files_have_one_unit_of_times(tmp_path: Path, form: str, first: int, unit: str) -> None:
    for name, years in (("a", range(first, 1680)), ("b", range(1680, 1690))):
        rows = [[f"{year}-07-01T00:00:00Z", year] for year in years]
        info = {"HAPI": "3.0", "format": form, "parameters": PARAMETERS}
        head = f"#{json.dumps(info)}\n".encode()
        whole = {
            "csv": head + as_csv(rows),
            "binary": head + as_binary(PARAMETERS, rows),
            "json": json.dumps({**info, "data": rows}).encode(),
        }
        (tmp_path / f"{name}.hapi").write_bytes(whole[form])
    frame = hapi.to_dask(tmp_path)
    found = frame.compute()
    assert frame._meta.index.unit == found.index.unit == unit
    assert found.index.year.tolist() == found["spots"].tolist() == list(range(first, 1690))


def test_a_range_that_parquet_cannot_represent_is_refused_before_a_request(server: Server, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"from 1678 to 2261, and not the range 1670-01-01T00:00:00Z .*hapi\.chunks"):
        hapi.to_parquet(server.url, "D", "1670", "1690", folder=tmp_path / "far", partition="year", progress=False)
    assert server.data_requests == []
    assert not (tmp_path / "far").exists()
    found = hapi.to_parquet(server.url, "D", "1678", "1690", folder=tmp_path, partition="year", progress=False)
    assert np.asarray(found.table["spots"]).tolist() == list(range(1678, 1690))


def test_tables_of_far_years_are_complete(server: Server) -> None:
    tables = list(hapi.chunks(server.url, "D", "1670", "1690", chunk="P730D"))
    assert [value for one in tables for value in np.asarray(one["spots"])] == list(YEARS)
