"""Test that no function that loads records loses those of a leap second."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import InexactTimeWarning

sys.path.insert(0, str(Path(__file__).parents[1]))
from strict import Dataset, Habits, Server, nanoseconds, serve

LEAP = "2016-12-31T23:59:60.000Z"
STAMPS = ["2016-12-31T23:59:58.000Z", "2016-12-31T23:59:59.000Z", LEAP, "2017-01-01T00:00:00.000Z"]


class _WithLeapSecond(Dataset):
    def rows(self, names: list[str], start: int, stop: int) -> list[list[Any]]:
        # The server counts the leap second as the half of the second before.
        return [
            [LEAP if one == "2016-12-31T23:59:59.500Z" else one for one in row]
            for row in super().rows(names, start, stop)
        ]


@pytest.fixture
def server() -> Iterator[Server]:
    times = [nanoseconds(one.replace("60.000Z", "59.500Z")) for one in STAMPS]
    parameters = [
        {"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None},
        {"name": "x", "type": "double", "units": "nT", "fill": "-1e31"},
    ]
    told = {"cadence": "PT1S"}
    made = _WithLeapSecond(parameters, times, {"x": [1.0, 2.0, 3.0, 4.0]}, told, "2016-12-31Z", "2017-01-02Z")
    with serve({"D": made}, Habits(formats=("csv",))) as running:
        yield running


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize(
    ("start", "stop", "values"),
    [
        ("2016-12-31", "2017-01-01", [1, 2, 3]),
        ("2016-12-31", LEAP, [1, 2]),
        (LEAP, "2017-01-01", [3]),
        (LEAP, "2017-01-02", [3, 4]),
        ("2017-01-01", "2017-01-02", [4]),
    ],
)
def test_a_stop_at_midnight_includes_the_leap_second_before(
    server: Server, is_kept: bool, start: str, stop: str, values: list[float]
) -> None:
    with conf.hapi.set_temp("cache", is_kept):
        for _ in range(2):
            table = hapi.load(server.url, "D", start, stop)
            assert table["x"].value.tolist() == values
            assert table.meta["problems"] == []


def test_a_leap_second_is_kept_with_the_day_that_it_ends(server: Server) -> None:
    with conf.hapi.set_temp("cache", True):
        hapi.load(server.url, "D", "2016-12-31", "2017-01-01")
        hapi.load(server.url, "D", "2017-01-01", "2017-01-02")
        server.asked.clear()
        assert hapi.load(server.url, "D", "2016-12-31", "2017-01-02")["x"].value.tolist() == [1, 2, 3, 4]
        assert server.data_requests == []


def test_tables_and_frames_of_a_day_include_its_leap_second(server: Server) -> None:
    day = (server.url, "D", "2016-12-31", "2017-01-01")
    assert [one["x"].value.tolist() for one in hapi.chunks(*day, rows=2)] == [[1, 2], [3]]
    with pytest.warns(InexactTimeWarning):
        assert hapi.to_dask(*day)["x"].compute().tolist() == [1, 2, 3]


def test_the_part_of_a_day_includes_its_leap_second(server: Server, tmp_path: Path) -> None:
    with pytest.warns(InexactTimeWarning):
        found = hapi.to_parquet(server.url, "D", "2016-12-31", "2017-01-01", folder=tmp_path, progress=False)
    assert [one.name for one in found.files] == ["2016-12-31.parquet"]
    assert found.table["x"].value.tolist() == [1, 2, 3]
