"""Test requests to a server that follows the specification literally: only allowed requests, and every record."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, ServiceRefused

sys.path.insert(0, str(Path(__file__).parent))
from strict import Dataset, Habits, Server, nanoseconds, serve, stamp

MINUTE = 60 * 10**9
FIRST = nanoseconds("2020-03-01T00:00:00.5Z")
COUNT = 48
DAY = ("2020-03-01T00:00:00", "2020-03-02T00:00:00")
# Datasets are shorter than the ranges that are asked for.
pytestmark = pytest.mark.filterwarnings("ignore:.*is not covered")

VERSIONS = ("2.0", "2.1", "3.0", "3.1", "3.2", "3.3")
TIMES = [FIRST + 30 * MINUTE * index for index in range(COUNT)]


def _time(name: str = "Time", length: int = 24) -> dict[str, Any]:
    return {"name": name, "type": "isotime", "length": length, "units": "UTC", "fill": None}


def _datasets(version: str) -> dict[str, Dataset]:
    """Return datasets with everything that a version of the specification allows."""
    new = version >= "2.1"
    numbers = np.arange(COUNT)
    many = {
        "B+": {"type": "double", "units": "nT", "fill": "-1e31"},
        "n": {"type": "integer", "units": None, "fill": "-1"},
        "V": {"type": "double", "size": [3], "units": ["km/s", None, "deg"] if new else "km/s", "fill": "NaN"},
        "grid": {"type": "integer", "size": [3, 2], "units": "dimensionless", "fill": None},
        "one": {"type": "double", "size": [1], "units": "nT", "fill": None},
        "s": {"type": "string", "length": 16, "units": None, "fill": ""},
        "t2": {"type": "isotime", "length": 20, "units": "UTC", "fill": "0001-01-01T00:00:00Z"},
    }
    values: dict[str, list[Any]] = {
        "B+": [-1e31 if i % 7 == 3 else 0.1 * i for i in numbers.tolist()],
        "n": [-1 if i % 5 == 2 else i for i in numbers.tolist()],
        "V": [[float(i), float("nan"), i / 3] for i in numbers.tolist()],
        "grid": [[[i, 1], [2, i], [3, 4]] for i in numbers.tolist()],
        "one": [[float(i)] for i in numbers.tolist()],
        "s": [['a,"b"', "001", "µ\nÅ", ""][i % 4] for i in numbers.tolist()],
        "t2": [stamp(nanos + MINUTE, 20) for nanos in TIMES],
    }
    dataset = Dataset([_time(), *({"name": name, **one} for name, one in many.items())], TIMES, values)
    fine = Dataset(
        [_time("Timestamp", 30), {"name": "x", "type": "double", "units": "nT", "fill": None}],
        [FIRST + index for index in range(10)], {"x": [float(index) for index in range(10)]},
    )  # fmt: skip
    found = {"all/of+it & more": dataset, "ns": fine}
    if version >= "3.1":
        found["µ-Ångström 100%"] = Dataset(dataset.parameters[:2], TIMES, values)
    if version >= "3.0":
        found["varying"] = _varying()
    return found


def _varying() -> Dataset:
    bins = [{"name": "energy", "units": "keV", "centers": "centers"}]
    return Dataset(
        [
            _time(), {"name": "other", "type": "integer", "units": None, "fill": None},
            {"name": "flux", "type": "double", "size": [2], "units": "1/s", "fill": None, "bins": bins},
            {"name": "centers", "type": "double", "size": [2], "units": "keV", "fill": None},
        ],
        TIMES, {"other": [1] * COUNT, "flux": [[1.0, 2.0]] * COUNT, "centers": [[float(i), 9.0] for i in range(COUNT)]},
    )  # fmt: skip


@pytest.fixture(params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Return a server of each version."""
    with serve(_datasets(request.param), Habits(request.param)) as made:
        yield made


def search(server: Server, dataset: str, *words: Any, time: Any = DAY) -> Any:
    return Fido.search(a.Time(*time), a.hapi.Server(server.url), a.hapi.Dataset(dataset), *words)["hapi"]


def _assert_true(table: QTable, dataset: Dataset, rows: slice = slice(None)) -> None:
    """Compare a table with the content of its server."""
    wanted = dataset.times[rows]
    assert [nanoseconds(text) for text in _stamps(table)] == wanted
    for column in table.itercols():
        if column.info.name not in dataset.values:
            continue
        parameter = next(one for one in dataset.parameters if one["name"] == column.info.name)
        values = dataset.values[column.info.name][rows]
        mask = np.broadcast_to(np.asarray(getattr(column, "mask", False)), np.shape(column))
        if parameter["type"] in ("double", "integer"):
            plain = getattr(column, "unmasked", column)
            found = np.ma.getdata(getattr(plain, "value", plain))
            expected = np.array(values).reshape(found.shape)
            lost = np.isnan(expected) if parameter["fill"] == "NaN" else expected == float(parameter["fill"] or "nan")
            assert (mask == lost).all()
            assert (found[~mask] == expected[~mask]).all()
        elif parameter["type"] == "string":
            assert [text for text, lost in zip(column.tolist(), mask, strict=True) if not lost] == [
                text for text in values if text != parameter["fill"]
            ]
        else:
            assert column.isot.tolist() == [text.replace("Z", ".000000000") for text in values]


def _stamps(table: QTable) -> list[str]:
    time = table.columns[0].copy()
    time.precision = 9
    return [f"{text}Z" for text in time.isot]


@pytest.mark.parametrize("form", ["csv", "binary", "json"])
def test_every_dataset_of_every_version_arrives_as_it_is(server: Server, tmp_path: Path, form: str) -> None:
    for name, dataset in server.datasets.items():
        found = search(server, name, a.hapi.Format(form))
        files = Fido.fetch(found, path=tmp_path / "{file}")
        assert files.errors == []
        loaded = hapi.load(found)
        for table in (hapi.read(files[0]), loaded):
            if server.habits.is_at_least(2, 0):
                # Taken literally, the record at the dataset's stop cannot be requested.
                _assert_true(table, dataset, slice(len(dataset.times) - 1))
    assert set(server.refused) - {1401} == {1405}


def test_the_catalogue_is_searched(server: Server) -> None:
    table = Fido.search(a.Time(*DAY), a.hapi.Server(server.url), a.hapi.Dataset())["hapi"]
    assert set(table["Dataset"]) == set(server.datasets)
    assert server.refused == []


def test_parameters_come_in_the_servers_order_with_those_of_bins(server: Server) -> None:
    found = search(server, "all/of+it & more", a.hapi.Parameters("s", "V", "B+"))
    table = hapi.load(found)
    assert table.colnames == ["Time", "B+", "V", "s"]
    _assert_true(table, server.datasets["all/of+it & more"], slice(COUNT - 1))


@pytest.mark.parametrize("version", [one for one in VERSIONS if one >= "3.0"])
def test_parameters_come_with_those_of_bins_that_vary(version: str) -> None:
    with serve({"varying": _varying()}, Habits(version)) as server:
        found = search(server, "varying", a.hapi.Parameters("flux"))
        with pytest.warns(IncompleteAnswerWarning, match="not covered"):
            assert hapi.load(found).colnames == ["Time", "flux", "centers"]


def test_what_the_server_says_of_itself_is_told(server: Server) -> None:
    assert hapi.catalog(server.url)["id"].tolist() == list(server.datasets)
    assert hapi.check(server.url), hapi.check(server.url)
    table = hapi.availability(server.url)
    assert table["start"][0].isot == "2020-03-01T00:00:00.500000000"
    # HAPI 2 does not have an endpoint "about", and the first description is requested with the names of HAPI 3.
    assert set(server.refused) <= {1400, 1401, 1405}


def test_parts_of_a_range_are_exact(server: Server, tmp_path: Path) -> None:
    name = "all/of+it & more"
    dataset = server.datasets[name]
    time = ("2020-03-01T01:00:00.5", "2020-03-01T03:00:00.5")
    files = Fido.fetch(search(server, name, time=time), path=tmp_path / "{file}")
    # a.Time includes its end, HAPI's stop does not.
    _assert_true(hapi.read(*files), dataset, slice(2, 7))
    _assert_true(hapi.load(server.url, name, *time), dataset, slice(2, 6))
    ns = ("2020-03-01T00:00:00.500000002", "2020-03-01T00:00:00.500000005")
    # sunpy would truncate them to microseconds if they were text.
    files = Fido.fetch(search(server, "ns", time=tuple(map(Time, ns))), path=tmp_path / "{file}")
    _assert_true(hapi.read(*files), server.datasets["ns"], slice(2, 6))
    _assert_true(hapi.load(server.url, "ns", *ns), server.datasets["ns"], slice(2, 5))


@pytest.mark.parametrize("form", ["csv", "binary", "json"])
@pytest.mark.parametrize("habits", [{}, {"minimal": True}, {"code_in_phrase": True}, {"code_in_body_of_200": True}])
def test_the_last_record_is_asked_for_and_the_others_come_where_that_is_refused(
    tmp_path: Path, habits: dict[str, Any], form: str
) -> None:
    with serve(_datasets("3.2"), Habits("3.2", **habits)) as server:
        found = search(server, "ns", a.hapi.Format(form))
        files = Fido.fetch(found, path=tmp_path / "{file}")
        assert files.errors == []
        _assert_true(hapi.read(*files), server.datasets["ns"], slice(9))
        _assert_true(hapi.load(found), server.datasets["ns"], slice(9))
        stops = [query["stop"] for query in server.data_requests]
    assert stops == ["2020-03-01T00:00:00.501Z", "2020-03-01T00:00:00.50000000Z"] * 2 or len(stops) == 4


@pytest.mark.parametrize("form", ["csv", "binary", "json"])
@pytest.mark.parametrize(
    "habits", [{"inclusive_stop": True}, {"rounds_to": MINUTE}, {"inclusive_stop": True, "rounds_to": 10**9}]
)
def test_records_that_nobody_asked_for_are_left_out(tmp_path: Path, habits: dict[str, Any], form: str) -> None:
    times = [FIRST + 10 * 10**9 * index for index in range(200)]
    values = {"x": [float(index) for index in range(200)]}
    parameters = [_time(), {"name": "x", "type": "double", "units": None, "fill": None}]
    dataset = Dataset(parameters, times, values, start="2020-01-01Z", stop="2021-01-01Z")
    with serve({"X": dataset}, Habits(**habits)) as server:
        time = ("2020-03-01T00:01:10.5", "2020-03-01T00:21:00.5")
        words = (a.hapi.Format(form), a.hapi.Chunk("PT5M"))
        found = search(server, "X", *words, time=time)
        assert len(found) == 5
        files = Fido.fetch(found, path=tmp_path / "{file}")
        counts = [len(hapi.read(file)) for file in files]
        assert sum(counts) == len(hapi.read(*files))
        # If a server truncates times to minutes or seconds, records after the last full one cannot be requested.
        last = 127 if "rounds_to" not in habits else 126
        _assert_true(hapi.read(*files), dataset, slice(7, last))
        _assert_true(hapi.load(found), dataset, slice(7, last))


@pytest.mark.parametrize("form", ["csv", "binary", "json"])
@pytest.mark.parametrize("habits", [{}, {"code_in_phrase": True}, {"code_in_body_of_200": True}])
def test_what_is_too_much_comes_in_halves(tmp_path: Path, habits: dict[str, Any], form: str) -> None:
    with serve(_datasets("3.3"), Habits(most_records=10, **habits)) as server:
        name = "all/of+it & more"
        found = search(server, name, a.hapi.Format(form))
        assert len(found) == 1
        files = Fido.fetch(found, path=tmp_path / "{file}")
        assert files.errors == []
        _assert_true(hapi.read(*files), server.datasets[name], slice(COUNT - 1))
        _assert_true(hapi.load(found), server.datasets[name], slice(COUNT - 1))
        assert [path.name for path in tmp_path.iterdir()] == [Path(files[0]).name]
        assert len(server.data_requests) < 40


def test_halving_ends(tmp_path: Path) -> None:
    with serve(_datasets("3.3"), Habits(most_records=-1)) as server:
        server.datasets["ns"].extra["x_longest"] = -1
        found = search(server, "all/of+it & more")
        server.datasets["all/of+it & more"].extra["x_longest"] = -1
        with pytest.raises(ServiceRefused, match="too much time or data"):
            hapi.load(found)
        # Twelve times half of the range, and the other of the last two halves.
        assert len(server.data_requests) <= 15
        files = Fido.fetch(found, path=tmp_path / "{file}")
        assert "too much time or data" in str(files.errors[0].exception)
        assert len(server.data_requests) <= 29
        assert list(tmp_path.iterdir()) == []


def test_a_gap_within_a_range_that_comes_in_halves_costs_nothing(tmp_path: Path) -> None:
    times = [FIRST + MINUTE * index for index in range(10)] + [FIRST + 1000 * MINUTE + index for index in range(3)]
    parameters = [_time(length=30), {"name": "x", "type": "double", "units": None, "fill": None}]
    dataset = Dataset(parameters, times, {"x": [float(one) for one in range(13)]}, start="2020Z", stop="2021Z")
    for form in ("csv", "binary", "json"):
        with serve({"X": dataset}, Habits(most_records=3)) as server:
            found = search(server, "X", a.hapi.Format(form))
            files = Fido.fetch(found, path=tmp_path / form / "{file}")
            assert files.errors == []
            _assert_true(hapi.read(*files), dataset)
            _assert_true(hapi.load(found), dataset)


@pytest.mark.parametrize("status", [200, 204])
def test_no_records_are_an_empty_table_and_no_file(tmp_path: Path, status: int) -> None:
    with serve(_datasets("3.3"), Habits(header=False, empty_status=status)) as server:
        found = search(server, "all/of+it & more", time=("2020-03-01T00:10", "2020-03-01T00:20"))
        assert len(hapi.load(found)) == 0
        files = Fido.fetch(found, path=tmp_path / "{file}")
        words = "there are no records from 2020-03-01T00:10:00.000Z to 2020-03-01T00:20:00.000Z"
        assert words in str(files.errors[0].exception)


def test_one_instant_can_be_asked_for(tmp_path: Path) -> None:
    with serve(_datasets("3.3")) as server:
        name = "all/of+it & more"
        found = search(server, name, time=("2020-03-01T01:00:00.5",) * 2)
        assert len(found) == 1
        _assert_true(hapi.read(*Fido.fetch(found, path=tmp_path / "{file}")), server.datasets[name], slice(2, 3))
        none = search(server, name, time=("2020-03-01T01:00:01",) * 2)
        files = Fido.fetch(none, path=tmp_path / "{file}")
        assert "there is no record at 2020-03-01T01:00:01.000Z" in str(files.errors[0].exception)


def test_the_last_instant_of_a_dataset_can_be_asked_for(tmp_path: Path) -> None:
    for habits, has_it in ((Habits(), False), (Habits(inclusive_stop=True), True)):
        with serve(_datasets("3.3"), habits) as server:
            name = "all/of+it & more"
            last = stamp(TIMES[-1], 24).rstrip("Z")
            files = Fido.fetch(search(server, name, time=(last, last)), path=tmp_path / "{file}")
            assert len(files) == has_it
            if has_it:
                _assert_true(hapi.read(*files), server.datasets[name], slice(COUNT - 1, COUNT))
            else:
                assert f"there is no record at {last}" in str(files.errors[0].exception)


def test_a_failure_is_not_halved(tmp_path: Path) -> None:
    with serve(_datasets("3.3")) as server:
        found = search(server, "all/of+it & more", time=("2020-03-01T01:00", "2020-03-01T02:00"))
        server.datasets.clear()
        with pytest.raises(ServiceRefused, match=r"unknown dataset id \(HAPI 1406\)"):
            hapi.load(found)
        files = Fido.fetch(found, path=tmp_path / "{file}")
        assert "answered 404: Bad request - unknown dataset id" in str(files.errors[0].exception)
        assert len(server.data_requests) == 2
