"""Test reading parts of CDF files: columns, ranges of records, and ranges of time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import cdflib
import numpy as np
import pytest
from astropy.time import Time
from cdf_samples import SHIPPED, plain, same, sample_files
from sunpy.net import attrs as a
from sunpy.time import TimeRange

from sunpy_helio_plugins import cdf
from sunpy_helio_plugins.cdf.variables import load
from sunpy_helio_plugins.errors import QueryError

FLOAT, INT4, TT2000, EPOCH = 44, 4, 33, 31
ON_TIME = {"DEPEND_0": "epoch"}
NOON = cdflib.cdfepoch.compute_tt2000([2026, 1, 10, 12, 0, 0, 0, 0, 0])
HOUR = 3600 * 10**9


@pytest.fixture
def expanded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record the sizes of the blocks that are decompressed."""
    module = sys.modules["sunpy_helio_plugins.cdf.decode"]
    called, sizes = module.expanded, []

    def count(packed: bytes, kind: int, size: int) -> bytes:
        sizes.append(size)
        return called(packed, kind, size)

    monkeypatch.setattr(module, "expanded", count)
    return sizes


@pytest.fixture
def hours(make_cdf: Callable[..., Path]) -> Path:
    """Return a file with a record for each second of ten hours, compressed in blocks of 65,536 bytes."""
    spec = {name: {"Compress": 6} for name in ("epoch", "x", "y")}
    count = np.arange(36_000)
    made = {
        "epoch": (TT2000, NOON + count * 10**9, {}),
        "x": (FLOAT, np.stack([count, -count], axis=1), {**ON_TIME, "DEPEND_1": "axis"}),
        "y": (INT4, count, ON_TIME),
        "axis": (FLOAT, [1.0, 2.0], {}),
    }
    return make_cdf(made, spec=spec, static=("axis",))


@pytest.mark.parametrize("path", sample_files(), ids=lambda path: path.name)
def test_a_range_of_records_is_that_of_the_array(path: Path) -> None:
    for variable in load(path)[0].values():
        length = variable.records
        if not variable.varies or length < 2:
            continue
        for rows in (range(length // 3, 2 * length // 3 + 1), range(length - 1, length), range(0)):
            part = load(path)[0][variable.name].within(rows)
            assert part.records == len(rows)
            expected = variable.values[rows.start : rows.stop]
            assert part.values.dtype.kind == expected.dtype.kind
            assert same(part.values, expected), variable.name


class TestColumns:
    def test_the_others_are_not_decompressed(self, hours: Path, expanded: list[int]) -> None:
        table = cdf.read(hours, columns="y")
        assert table.colnames == ["epoch", "y"]
        assert expanded == [65536] * 4 + [25856] + [65536] * 2 + [12928]
        assert list(table.meta["support"]) == ["axis"]
        assert "x" in cdf.read(hours).colnames

    @pytest.mark.parametrize("columns", [["y", "x"], ("x", "y", "axis"), ["epoch", "y", "x"]])
    def test_are_in_the_order_of_the_file(self, hours: Path, columns: Any) -> None:
        assert cdf.read(hours, columns=columns).colnames == ["epoch", "x", "y"]

    def test_none_are_the_times_alone(self, hours: Path) -> None:
        assert cdf.read(hours, columns=[]).colnames == ["epoch"]

    def test_that_do_not_exist_are_refused(self, hours: Path) -> None:
        said = r"made\.cdf does not have the variable 'Axes'\. Did you mean axis\? The variables are [^.]*\.$"
        with pytest.raises(QueryError, match=said):
            cdf.read(hours, columns=["y", "Axes"])

    def test_choose_their_time_variable(self, make_cdf: Callable[..., Path]) -> None:
        made = {
            "epoch": (TT2000, np.arange(3), {}), "x": (FLOAT, np.arange(3.0), ON_TIME),
            "slow": (TT2000, np.arange(2), {}), "y": (FLOAT, np.arange(2.0), {"DEPEND_0": "slow"}),
        }  # fmt: skip
        path = make_cdf(made)
        assert cdf.read(path).colnames == ["epoch", "x"]
        assert cdf.read(path, columns="y").colnames == ["slow", "y"]
        assert cdf.read(path, columns="slow").colnames == ["slow"]
        for arguments in ({"columns": ["x", "y"]}, {"columns": "y", "epoch": "epoch"}):
            with pytest.raises(QueryError, match=r"belong to 2 time variables \(epoch, slow\); read those of one at a"):
                cdf.read(path, **arguments)
        with pytest.raises(QueryError, match="does not have the variable 'z'"):
            cdf.read(path, epoch="epoch", columns="z")

    def test_of_several_files(self) -> None:
        days = [SHIPPED / f"imap_mag_l2_norm-gse_202601{day}_v001.0001.cdf" for day in ("09", "10")]
        both = cdf.read(days, columns="magnitude")
        assert both.colnames == ["epoch", "magnitude"]
        assert np.array_equal(plain(both["magnitude"]), plain(cdf.read(days)["magnitude"]), equal_nan=True)

    def test_problems_of_the_others_are_not_listed(self, make_cdf: Callable[..., Path]) -> None:
        made = {
            "epoch": (TT2000, np.arange(4), {}), "x": (FLOAT, np.arange(4.0), ON_TIME),
            "y": (FLOAT, np.arange(4.0), {}),
        }  # fmt: skip
        assert len(cdf.read(make_cdf(made)).meta["problems"]) == 1
        assert cdf.read(make_cdf(made), columns="x").meta["problems"] == []

    def test_that_cannot_be_columns_are_listed(self, make_cdf: Callable[..., Path]) -> None:
        made = {
            "epoch": (TT2000, np.arange(4), {}), "x": (FLOAT, np.arange(3.0), ON_TIME),
            "y": (FLOAT, np.zeros(0, "f4"), {**ON_TIME, "VIRTUAL": "true"}), "z": (FLOAT, np.arange(2.0), ON_TIME),
        }  # fmt: skip
        table = cdf.read(make_cdf(made), columns=["x", "y"])
        assert [text.split()[0] for text in table.meta["problems"]] == ["x", "y"]
        assert plain(table.meta["support"]["x"]["values"]).tolist() == [0, 1, 2]


class TestRecords:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ((2000, 2005), range(2000, 2005)),
            (slice(-3, None), range(35_997, 36_000)),
            (slice(None, 4), range(4)),
            (range(10, 12), range(10, 12)),
            ((35_999, 10**9), range(35_999, 36_000)),
            ((5, 5), range(0)),
            ((7, 5), range(0)),
        ],
    )
    def test_are_those_of_a_slice(self, hours: Path, given: Any, expected: range) -> None:
        table = cdf.read(hours, records=given)
        assert plain(table["y"]).tolist() == list(expected)
        assert plain(table["x"]).shape == (len(expected), 2)
        assert table.meta["epochs"] == {"epoch": 36_000}

    def test_need_the_blocks_that_contain_them(self, hours: Path, expanded: list[int]) -> None:
        cdf.read(hours, records=(1900, 2100))
        assert expanded == [65536] * 3

    @pytest.mark.parametrize("given", [slice(0, 10, 2), 5, "ab", (1, 2, 3), (0.5, 2), ("a", "b")])
    def test_of_another_kind_are_refused(self, hours: Path, given: Any) -> None:
        with pytest.raises(QueryError, match=r"cdf\.read takes a range of records with a step of one, such as \(1000"):
            cdf.read(hours, records=given)

    def test_of_several_files_are_refused(self, hours: Path) -> None:
        with pytest.raises(QueryError, match="records of one file, and 2 files were given; use time"):
            cdf.read([hours, hours], records=(0, 1))

    def test_of_a_file_without_times(self, make_cdf: Callable[..., Path]) -> None:
        path = make_cdf({"x": (FLOAT, np.arange(9.0), {})})
        assert plain(cdf.read(path, records=(3, 5))["x"]).tolist() == [3, 4]
        with pytest.raises(QueryError, match="does not have a time variable, so that a range of time cannot be read"):
            cdf.read(path, time=("2026-01-10", "2026-01-11"))

    @pytest.mark.parametrize(
        ("sparse", "expected", "missing"),
        [("pad_sparse", [-7, 20, -7, -7], [True, False, True, True]), ("prev_sparse", [10, 20, 20, 20], [False] * 4)],
    )
    def test_of_sparse_variables(
        self, make_cdf: Callable[..., Path], sparse: str, expected: list[int], missing: list[bool]
    ) -> None:
        spec = {"x": {"Sparse": sparse, "Records": [1, 3, 7], "Pad": np.array([-7])}}
        path = make_cdf({"epoch": (TT2000, np.arange(8), {}), "x": (INT4, [10, 20, 40], ON_TIME)}, spec=spec)
        found = load(path)[0]["x"].within(range(2, 6))
        assert found.values.tolist() == expected
        assert ([False] * 4 if found.missing is None else found.missing.tolist()) == missing
        assert load(path)[0]["x"].within(range(1)).missing.tolist() == [True]


class TestTime:
    @pytest.mark.parametrize(
        "given",
        [
            ("2026-01-10 13:00", "2026-01-10 14:00"),
            a.Time("2026-01-10 13:00", "2026-01-10 14:00"),
            TimeRange("2026-01-10 13:00", "2026-01-10 14:00"),
            [datetime(2026, 1, 10, 13), datetime(2026, 1, 10, 14)],
            (Time("2026-01-10 13:01:09.184", scale="tt"), Time("2026-01-10 14:00:37", scale="tai")),
        ],
    )
    def test_reads_the_blocks_of_the_range(self, hours: Path, expanded: list[int], given: Any) -> None:
        table = cdf.read(hours, time=given)
        assert plain(table["y"]).tolist() == list(range(3600, 7200))
        assert table["epoch"][0].isot == "2026-01-10T13:00:00.000000000"
        assert expanded == [65536] * 4 + [25856] + [65536] * 2

    def test_with_records_and_columns(self, hours: Path) -> None:
        table = cdf.read(hours, time=("2026-01-10 13:00", "2026-01-10 14:00"), records=slice(7000, None), columns="y")
        assert plain(table["y"]).tolist() == list(range(7000, 7200))

    def test_outside_of_the_file_is_empty(self, hours: Path) -> None:
        for days in (("1600-01-01", "1600-01-02"), ("1999-01-01", "1999-01-02"), ("2500-01-01", "2500-01-02")):
            assert len(cdf.read(hours, time=days)) == 0

    @pytest.mark.parametrize(
        "given", [("2026-01-11", "2026-01-10"), ("2026-01-10", "2026-01-10"), "2026-01-10", 5, ("x", 1)]
    )
    def test_of_another_kind_is_refused(self, hours: Path, given: Any) -> None:
        with pytest.raises(QueryError, match=r"cdf\.read takes a range of time that does not end before it starts"):
            cdf.read(hours, time=given)

    def test_of_records_in_any_order(self, make_cdf: Callable[..., Path]) -> None:
        stamps = NOON + np.array([5, 0, 3, 1, 2, 9]) * HOUR
        stamps[3] = -(2**63)
        path = make_cdf({"epoch": (TT2000, stamps, {}), "x": (INT4, np.arange(6), ON_TIME)})
        table = cdf.read(path, time=("2026-01-10 14:00", "2026-01-10 18:00"))
        assert plain(table["x"]).tolist() == [0, 2, 4]
        assert table.meta["epoch"] == "epoch"

    @pytest.mark.parametrize(
        ("kind", "stamps", "words"),
        [
            (EPOCH, cdflib.cdfepoch.compute_epoch([2026, 1, 10, 12, 0, 0, 0]) + np.arange(24) * 3.6e6, {}),
            (45, 1768046400.0 + np.arange(24) * 3600, {"UNITS": "seconds since 1970-01-01"}),
        ],
    )
    def test_of_other_types_of_times(self, make_cdf: Callable[..., Path], kind: int, stamps: Any, words: Any) -> None:
        stamps[5] = -1e31
        path = make_cdf({"epoch": (kind, stamps, words), "x": (INT4, np.arange(24), ON_TIME)})
        assert plain(cdf.read(path, time=("2026-01-10 14:00", "2026-01-10 16:00"))["x"]).tolist() == [2, 3]
        assert plain(cdf.read(path, time=("1900-01-01", "2026-01-10 20:00"))["x"]).tolist() == [0, 1, 2, 3, 4, 6, 7]

    def test_includes_the_nanosecond_of_its_start_and_not_of_its_end(self, make_cdf: Callable[..., Path]) -> None:
        path = make_cdf({"epoch": (TT2000, NOON + np.arange(-2, 3), {})})
        first, second = "2026-01-10T12:00:00.000000000", "2026-01-10T12:00:00.000000002"
        found = cdf.read(path, time=(first, second))["epoch"].isot
        assert list(found) == [first, "2026-01-10T12:00:00.000000001"]

    def test_of_several_files(self) -> None:
        days = [SHIPPED / f"imap_mag_l2_norm-gse_202601{day}_v001.0001.cdf" for day in ("08", "09", "10")]
        table = cdf.read(days, time=("2026-01-09 23:00", "2026-01-10 01:00"))
        assert len(table) == 240
        assert table["epoch"][0].isot == "2026-01-09T23:00:00.000000000"


class TestSeriesInOneRecord:
    def test_become_rows(self, make_cdf: Callable[..., Path]) -> None:
        made = {
            "epoch": (TT2000, (NOON + np.arange(4) * HOUR).reshape(1, 4), {}),
            "x": (FLOAT, np.arange(8.0).reshape(1, 4, 2), {**ON_TIME, "DEPEND_1": "epoch", "DEPEND_2": "axis"}),
            "axis": (FLOAT, [1.0, 2.0], {}),
        }
        table = cdf.read(make_cdf(made, static=("axis",)))
        assert (len(table), table["x"].shape) == (4, (4, 2))
        assert plain(table["x"]).tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
        assert table["epoch"][3].isot == "2026-01-10T15:00:00.000000000"
        assert table["x"].info.meta["axes"] == ["axis"]
        assert table.meta["epochs"] == {"epoch": 4}

    def test_pairs_of_times_are_one_row(self, make_cdf: Callable[..., Path]) -> None:
        made = {"epoch": (TT2000, [[0, 5]], {}), "x": (FLOAT, [[1.0, 2.0, 3.0]], ON_TIME)}
        table = cdf.read(make_cdf(made))
        assert (table["epoch"].shape, table["x"].shape) == ((1, 2), (1, 3))


def test_virtual_variables_are_no_columns_in_empty_files_either(make_cdf: Callable[..., Path]) -> None:
    """As in files of FAST; otherwise an empty file and one with records could not be joined."""
    made = {
        "epoch": (TT2000, np.zeros(0, "i8"), {}), "x": (FLOAT, np.zeros(0, "f4"), ON_TIME),
        "y": (FLOAT, np.zeros(0, "f4"), {**ON_TIME, "VIRTUAL": "TRUE", "FUNCTION": "arr_slice"}),
    }  # fmt: skip
    table = cdf.read(make_cdf(made))
    assert table.colnames == ["epoch", "x"]
    assert table.meta["problems"] == [
        "y is virtual: it is computed (arr_slice), and the file does not contain its values."
    ]


def test_records_without_a_time_are_counted_if_a_range_of_time_leaves_them_out(make_cdf):
    instants = NOON + np.arange(6) * HOUR
    instants[[1, 4]] = np.iinfo(np.int64).min
    path = make_cdf({"epoch": (TT2000, instants, {}), "x": (INT4, np.arange(6), ON_TIME)})
    day = ("2026-01-10", "2026-01-11")
    said = f"{{}} records of {path.name} without a time were left out."
    table = cdf.read(path, time=day)
    assert table["x"].tolist() == [0, 2, 3, 5]
    assert list(table.meta["problems"]) == [said.format(2)]
    assert list(cdf.read(path, time=day, records=(0, 3)).meta["problems"]) == [said.format(1)]
    assert list(cdf.read(path, time=("2027-01-10", "2027-01-11")).meta["problems"]) == [said.format(2)]
    assert not cdf.read(path).meta["problems"]
