"""Test many files of one product as one data set."""

from __future__ import annotations

import gc
import json
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import IMAPClient, imap, series
from sunpy_helio_plugins.cdf import decode
from sunpy_helio_plugins.errors import DiskError, FileError, InexactTimeWarning, QueryError, TransferError
from sunpy_helio_plugins.imap.dataset import arrays

TT2000, FLOAT, UINT2, INT4, EPOCH, CHAR = 33, 44, 12, 4, 31, 51

QUERY = (a.Time("2026-01-09 18:00", "2026-01-11 06:00"), a.Instrument("mag"), a.imap.Descriptor("norm-gse"))


def first_components(table: Any) -> list[float]:
    return np.asarray(table["b_gse"].unmasked.value)[:, 0].tolist()


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Path, range | None]]:
    """Return a list to which each variable that is read is added, with its file and the range of its records."""
    read = []
    original = decode.values_of

    def values_of(layout: Any, found: Any, rows: range | None = None) -> decode.Values:
        read.append((layout.name, found.path, rows))
        return original(layout, found, rows)

    monkeypatch.setattr(decode, "values_of", values_of)
    return read


def peak_of(opened: imap.IMAPDataset) -> int:
    """Return the largest number of bytes in use while the records are read in parts."""
    gc.collect()
    tracemalloc.start()
    assert sum(len(part) for part in opened.parts()) == 50_000 * len(opened.files)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


class TestRecords:
    def test_they_are_sorted_by_time(self, make_day):
        opened = imap.open([make_day(11), make_day(10)])
        assert [path.name[-22:-14] for path in opened.files] == ["20260110", "20260111"]
        assert np.all(np.diff(opened.table["epoch"].jd) > 0)
        assert len(opened.table) == 8
        assert opened.problems == ()

    def test_records_of_one_file_are_sorted(self, make_day):
        start = 8 * 10**17
        epochs = (TT2000, start + np.array([3, 1, 2, 0]) * 10**9, {})
        opened = imap.open(make_day(epoch=epochs))
        assert first_components(opened.table) == [3.0, 1.0, 2.0, 0.0]
        assert opened.to_xarray().b_gse[:, 0].values.tolist() == [3.0, 1.0, 2.0, 0.0]

    def test_the_newest_version_of_a_file_is_used(self, make_day):
        old, new = make_day(10, "v001.0002"), make_day(10, "v002.0001", field=[9, 9, 9, 9])
        opened = imap.open([new, old])
        assert opened.files == (new,)
        assert opened.notes == (f"{old} was left out: {new.name} is a newer version.",)
        assert opened.table.meta["problems"] == [*opened.notes]

    def test_the_same_file_in_two_folders_is_used_once(self, make_day, tmp_path):
        one, other = make_day(folder="a"), make_day(folder="b")
        opened = imap.open(tmp_path)
        assert opened.files == (one,)
        assert opened.notes == (f"{other} was left out: {one.name} is also in {one.parent}.",)

    @pytest.mark.parametrize(
        ("versions", "used", "word"), [(("1", "1"), 0.0, "file"), (("1", "2"), 5.0, "newer version")]
    )
    def test_each_time_has_one_record_of_the_newest_version(self, make_day, versions, used, word):
        """The second file repeats the last two records of the first."""
        first = make_day(10, f"v00{versions[0]}.0001", hour=20, field=[0, 0, 0, 0])
        second = make_day(11, f"v00{versions[1]}.0001", hour=-2, field=[5, 5, 5, 5])
        opened = imap.open([first, second])
        assert first_components(opened.table) == [0.0, 0.0, used, used, 5.0, 5.0]
        loser, winner = (first, second) if used else (second, first)
        assert opened.problems == (
            f"2 records of {loser.name} were left out: the {word} {winner.name} also contains their times.",
        )
        assert [len(part) for part in opened.parts()] == [2, 2, 2]
        assert tuple(series.to_table(opened.to_xarray()).meta["problems"]) == opened.problems

    def test_records_of_files_that_overlap_interleave(self, make_day):
        opened = imap.open([make_day(10, hour=20), make_day(11, hour=-2.5)])
        hours = (opened.table["epoch"] - Time("2026-01-10")).to_value("hour").round(6).tolist()
        assert hours == [20, 21, 21.5, 22, 22.5, 23, 23.5, 24.5]

    def test_texts_and_absent_records_of_files_that_overlap_interleave(self, make_day):
        texts = (CHAR, np.array(["a", "b", "c", "d"]), {"DEPEND_0": "epoch"})
        longer = (CHAR, np.array(["none", "norm", "burst", "x"]), {"DEPEND_0": "epoch"})
        table = imap.open([make_day(10, hour=22, state=texts), make_day(11, hour=-0.5, state=longer)]).table
        assert table["state"].tolist() == ["a", "b", "none", "c", "norm", "d", "burst", "x"]
        table = imap.open([make_day(10, hour=22, mode=None), make_day(11, hour=-0.5)]).table
        assert table["mode"].mask.tolist() == [True, True, False, True, False, True, False, False]
        assert table["mode"][[2, 4, 6, 7]].tolist() == [0, 1, 2, 3]

    def test_sparse_records_of_files_that_overlap_are_missing(self, make_day, monkeypatch):
        from sunpy_helio_plugins.imap.dataset import variables

        first, second = make_day(10, hour=22), make_day(11, hour=-0.5)
        original = variables.decode.values_of

        def sparse(layout, found, rows=None):
            values = original(layout, found, rows)
            absent = np.array([False, False, True, False])[
                slice(None) if rows is None else slice(rows.start, rows.stop)
            ]
            return values._replace(missing=absent) if layout.name == "mode" and found.path == first else values

        monkeypatch.setattr(decode, "values_of", sparse)
        opened = imap.open([first, second])
        assert np.flatnonzero(opened.table["mode"].mask).tolist() == [3]
        assert np.flatnonzero(np.isnan(opened.to_xarray().mode.values)).tolist() == [3]

    def test_few_files_are_kept_open(self, make_day, monkeypatch):
        from sunpy_helio_plugins.imap.dataset import variables

        monkeypatch.setattr(variables, "_KEPT_BYTES", 0)
        opened = imap.open([make_day(day) for day in (10, 11, 12, 13)])
        assert len(opened.table) == 16
        assert len(opened._product._opened) == 2

    def test_gaps_are_kept(self, make_day):
        table = imap.open([make_day(10), make_day(12)]).table
        assert round((table["epoch"][4] - table["epoch"][3]).to_value("hour")) == 45

    def test_records_without_a_time_are_last_and_are_outside_of_any_range(self, make_day):
        start = 8 * 10**17
        path = make_day(epoch=(TT2000, np.array([start, np.iinfo(np.int64).min, start + 1, start + 2]), {}))
        whole = imap.open(path)
        assert first_components(whole.table) == [0.0, 2.0, 3.0, 1.0]
        assert whole.table["epoch"].mask.tolist() == [False, False, False, True]
        assert np.isnat(whole.to_xarray().time.values).tolist() == [False, False, False, True]
        clipped = imap.open(path, time=("2020-01-01", "2027-01-01"))
        assert first_components(clipped.table) == [0.0, 2.0, 3.0]
        assert clipped.problems == (f"1 records of {path.name} without a time were left out.",)

    @pytest.mark.parametrize("scale", ["utc", "tt"])
    def test_they_are_those_of_read(self, make_day, scale):
        paths = [make_day(10), make_day(11)]
        opened, read = imap.open(paths, scale=scale).table, imap.read(paths, scale=scale)
        assert opened.colnames == read.colnames
        assert (opened["epoch"] == read["epoch"]).all()
        assert opened["epoch"].scale == scale
        assert (opened["b_gse"] == read["b_gse"]).all()
        assert opened["b_gse"].info.meta == read["b_gse"].info.meta


class TestRanges:
    @pytest.mark.parametrize(
        "given",
        [
            ("2026-01-10 02:00", "2026-01-11 01:00"),
            a.Time("2026-01-10 02:00", "2026-01-11 01:00"),
            [Time("2026-01-10T02:00:00"), Time("2026-01-11T01:00:00")],
        ],
    )
    def test_it_begins_with_the_first_time_and_ends_before_the_last(self, make_day, given):
        opened = imap.open([make_day(10), make_day(11)], time=given)
        assert first_components(opened.table) == [2.0, 3.0, 0.0]
        assert opened.to_xarray().sizes["time"] == 3

    def test_records_outside_of_it_are_not_decoded(self, make_day, monkeypatch):
        read = recorded(monkeypatch)
        opened = imap.open(make_day(), columns="b_gse", time=("2026-01-10 01:00", "2026-01-10 03:00"))
        assert first_components(opened.table) == [1.0, 2.0]
        assert [rows for name, _, rows in read if name == "b_gse"] == [range(1, 3)]

    def test_it_is_exact_to_the_nanosecond(self, make_day):
        start = 821_275_269_184_000_123
        path = make_day(epoch=(TT2000, start + np.arange(4), {}))
        times = imap.open(path).table["epoch"]
        assert first_components(imap.open(path, time=(times[1], times[3])).table) == [1.0, 2.0]

    def test_without_records_there_is_an_empty_table(self, make_day, tmp_path):
        opened = imap.open(make_day(), time=("2027-01-01", "2027-01-02"))
        assert (len(opened.table), opened.table.colnames) == (0, ["epoch", "b_gse", "mode"])
        assert opened.to_xarray().b_gse.shape == (0, 3)
        opened.to_parquet(tmp_path / "none.parquet")
        assert len(series.from_parquet(tmp_path / "none.parquet")) == 0

    @pytest.mark.parametrize("given", [("2026-01-11", "2026-01-10"), "2026-01-10", 5, ("2026-01-10", "2026-01-10")])
    def test_other_ranges_are_refused(self, make_day, given):
        with pytest.raises(QueryError, match=r"imap\.open takes"):
            imap.open(make_day(), time=given)


class TestColumns:
    def test_others_are_not_read(self, make_day, monkeypatch):
        read = recorded(monkeypatch)
        opened = imap.open(make_day(), columns="mode")
        assert opened.table.colnames == ["epoch", "mode"]
        assert opened.to_xarray().data_vars.keys() == {"mode"}
        names = {name for name, *_ in read}
        assert "mode" in names
        assert "b_gse" not in names

    def test_nothing_is_read_when_it_is_opened(self, make_day, tmp_path):
        opened = imap.open(tmp_path / "absent.cdf", columns="x")
        assert repr(opened) == f"<IMAPDataset {tmp_path / 'absent.cdf'}, not read yet>"
        with pytest.raises(FileError, match="absent"):
            opened.to_xarray()
        opened = imap.open(make_day())
        opened.table  # noqa: B018
        assert repr(opened).endswith(": 4 rows of epoch, b_gse, mode>")

    def test_their_order_is_the_users(self, make_day):
        assert imap.open(make_day(), columns=["mode", "epoch", "b_gse"]).table.colnames == ["epoch", "mode", "b_gse"]

    def test_an_unknown_one_is_refused(self, make_day):
        with pytest.raises(QueryError, match=r"does not contain the column 'b_gsm'. Did you mean b_gse\?"):
            imap.open(make_day(), columns=["b_gsm"]).table  # noqa: B018

    def test_one_that_cannot_be_read_is_named(self, make_day, monkeypatch):
        original = decode.values_of

        def broken(layout, found, rows=None):
            if layout.name == "mode":
                raise ValueError("damaged")
            return original(layout, found, rows)

        monkeypatch.setattr(decode, "values_of", broken)
        opened = imap.open(make_day())
        assert opened.table.colnames == ["epoch", "b_gse"]
        assert "mode cannot be read" in opened.table.meta["problems"][0]
        opened = imap.open(opened.files)
        assert opened.to_xarray().data_vars.keys() == {"b_gse"}
        assert [text.partition(":")[0] for text in opened.problems] == ["mode cannot be read"]
        with pytest.raises(FileError, match="mode cannot be read"):
            imap.open(opened.files, columns="mode").table  # noqa: B018

    def test_another_time_variable_is_selected_by_name(self, real_data):
        path = real_data / "imap" / "imap_ialirt_l1_realtime_20260310_v001.cdf"
        opened = imap.open(path, epoch="swe_epoch")
        assert opened.table.colnames == imap.read(path, "swe_epoch").colnames
        with pytest.raises(QueryError, match="does not have a time variable 'x'"):
            imap.open(path, epoch="x").table  # noqa: B018


class TestFilesThatDiffer:
    def test_a_variable_that_a_file_lacks_is_missing_there(self, make_day):
        first, second = make_day(10), make_day(11, mode=None)
        opened = imap.open([first, second])
        assert opened.table["mode"].mask.tolist() == [False] * 4 + [True] * 4
        assert opened.problems == (f"{second.name} does not contain mode: missing in its records.",)
        assert np.isnan(opened.to_xarray().mode.values).tolist() == [False] * 4 + [True] * 4
        assert imap.open([second]).table.colnames == ["epoch", "b_gse"]

    def test_a_variable_that_the_first_file_lacks_is_a_column(self, make_day):
        text = (CHAR, np.array(["norm", "burst", "norm", "norm"]), {"DEPEND_0": "epoch", "FILLVAL": "none "})
        table = imap.open([make_day(10), make_day(11, state=text)]).table
        assert table["state"][4:].tolist() == ["norm", "burst", "norm", "norm"]
        assert table["state"].mask.tolist() == [True] * 4 + [False] * 4

    @pytest.mark.parametrize(
        ("other", "said"),
        [
            ((FLOAT, np.zeros(4), {"DEPEND_0": "epoch", "UNITS": "s"}), "numbers in 's'"),
            ((UINT2, np.zeros((4, 2), "u2"), {"DEPEND_0": "epoch"}), r"numbers of shape \(2,\)"),
            ((CHAR, np.array(["a", "b", "c", "d"]), {"DEPEND_0": "epoch"}), "texts"),
        ],
    )
    def test_units_shapes_and_types_must_be_equal(self, make_day, other, said):
        with pytest.raises(FileError, match=f"mode has numbers in .*0110.*, and {said} in .*0111.*: open these"):
            imap.open([make_day(10), make_day(11, mode=other)]).table  # noqa: B018

    def test_numbers_have_a_type_that_holds_those_of_all_files(self, make_day, monkeypatch):
        large = (INT4, np.array([70_000, -1, 0, 1]), {"DEPEND_0": "epoch", "FILLVAL": np.int32(-(2**31))})
        paths = [make_day(10), make_day(11, mode=large)]
        expected = [0, 1, 2, 3, 70_000, -1, 0, 1]
        assert imap.open(paths).table["mode"].tolist() == expected
        monkeypatch.setattr(arrays, "_WHOLE", 0)
        assert imap.open(paths).to_xarray().mode.values.tolist() == expected

    def test_each_fill_value_is_that_of_its_file(self, make_day):
        def mode(fill: int) -> Any:
            return UINT2, np.array([1, 2, 3, fill], "u2"), {"DEPEND_0": "epoch", "FILLVAL": np.uint16(fill)}

        table = imap.open([make_day(10, mode=mode(9)), make_day(11, mode=mode(7))]).table
        assert table["mode"].mask.tolist() == [False, False, False, True] * 2
        assert table["mode"][:3].tolist() == table["mode"][4:7].tolist() == [1, 2, 3]

    def test_a_fill_value_that_is_data_in_another_file_is_refused(self, make_day):
        def mode(fill: int) -> Any:
            return UINT2, np.array([1, 2, 7, 9], "u2"), {"DEPEND_0": "epoch", "FILLVAL": np.uint16(fill)}

        with pytest.raises(FileError, match="mode has another fill value"):
            imap.open([make_day(10, mode=mode(9)), make_day(11, mode=mode(7))], columns="mode").table  # noqa: B018

    def test_axes_that_differ_are_said(self, make_day):
        opened = imap.open([make_day(10), make_day(11, direction=(FLOAT, np.arange(3.0) + 1, {}))])
        assert opened.problems[0].startswith("direction differs between imap_mag_l2_norm-gse_20260110")
        assert imap.open(opened.files, columns="mode").problems == ()

    def test_other_times_are_refused(self, make_day):
        mode = (UINT2, np.zeros(4, "u2"), {"DEPEND_0": "Epoch"})
        b = (FLOAT, np.zeros((4, 3)), {"DEPEND_0": "Epoch", "UNITS": "nT", "DEPEND_1": "direction"})
        other = make_day(11, epoch=None, Epoch=(TT2000, np.arange(4), {}), mode=mode, b_gse=b)
        with pytest.raises(FileError, match=r"is epoch, and that of .* is Epoch"):
            imap.open([make_day(10), other]).table  # noqa: B018

    def test_times_of_other_types_are_sorted(self, make_day):
        paths = [
            make_day(day, epoch=(EPOCH, (738_000 + day) * 86_400_000.0 + np.arange(4) * 1000, {})) for day in (11, 10)
        ]
        opened = imap.open(paths)
        assert np.all(np.diff(opened.table["epoch"].jd) > 0)
        assert (opened.to_xarray().time.values == opened.table["epoch"].datetime64).all()
        assert len(imap.open(paths, time=(opened.table["epoch"][2], opened.table["epoch"][6])).table) == 4


class TestMeta:
    def test_parents_are_those_of_all_files(self, make_day, monkeypatch):
        from sunpy_helio_plugins.imap.dataset import variables

        parents = [["ck_1.bc", "l1c_10.cdf"], ["ck_1.bc", "l1c_11.cdf"], "l1c_12.cdf"]
        original = variables.load
        paths = [make_day(day) for day in (10, 11, 12)]
        known = dict(zip([path.name for path in paths], parents, strict=True))

        def load(path):
            found, attributes = original(path)
            return found, attributes | {"Parents": known[path.name], "Logical_file_id": path.name}

        monkeypatch.setattr(variables, "load", load)
        meta = imap.open(paths).table.meta
        assert list(meta["Parents"]) == ["ck_1.bc", "l1c_10.cdf", "l1c_11.cdf", "l1c_12.cdf"]
        assert list(meta["Logical_file_id"]) == list(meta["files"]) == [path.name for path in paths]
        assert meta["Project"] == "STP>Solar Terrestrial Probes"

    def test_labels_axes_and_attributes_are_kept(self, make_day):
        table = imap.open([make_day(10), make_day(11)]).table
        assert table["b_gse"].info.meta["labels"] == {"1": ["Bx", "By", "Bz"]}
        assert table.meta["support"]["direction"]["values"].tolist() == [0, 1, 2]
        assert table.meta["epochs"] == {"epoch": 8}
        assert (table.meta["epoch"], str(table["b_gse"].unit)) == ("epoch", "nT")

    def test_labels_are_coordinates_beside_the_numbers_of_an_axis(self, make_day):
        dataset = imap.open(make_day()).to_xarray()
        assert dataset.direction_label.values.tolist() == ["Bx", "By", "Bz"]
        assert dataset.b_gse.sel(direction=1).direction_label == "By"


class TestFarTimes:
    @pytest.mark.parametrize(
        ("time", "count"),
        [(("0001-01-01", "9999-12-31"), 4), (("2300-01-01", "9999-12-31"), 0), (("0001-01-01", "2026-01-10 01:30"), 2)],
    )
    def test_a_range_may_be_wider_than_the_times_of_files(self, make_day, time, count):
        assert len(imap.open(make_day(), time=time).table) == count

    def test_the_last_instant_of_the_type_is_read(self, make_day):
        last = np.iinfo(np.int64).max - 2 * np.arange(4)
        path = make_day(epoch=(TT2000, last, {}))
        assert first_components(imap.open(path).table) == [3, 2, 1, 0]
        assert first_components(imap.open([path, make_day(11)]).table) == [0, 1, 2, 3, 3, 2, 1, 0]

    @pytest.mark.filterwarnings("ignore:ERFA function .*dubious year")
    def test_times_beyond_the_nanoseconds_of_64_bits_are_first_and_last(self, make_day):
        seconds = np.array([1_767_225_600.0, -1.7e10, -1.3e10, 2e10])  # 2026, 1431, 1558, 2603
        path = make_day(epoch=(45, seconds, {"UNITS": "seconds since 1970-01-01"}))
        assert first_components(imap.open(path).table) == [1, 2, 0, 3]
        assert first_components(imap.open(path, time=("2025-06-01", "2026-06-01")).table) == [0]


def test_columns_choose_the_time_variable(make_day):
    other = np.arange(3) + 10
    path = make_day(hk_epoch=(TT2000, other * 10**9, {}), hk=(FLOAT, other.astype("f4"), {"DEPEND_0": "hk_epoch"}))
    table = imap.open(path, columns="hk").table
    assert table.colnames == ["hk_epoch", "hk"]
    assert table["hk"].tolist() == other.tolist()
    with pytest.raises(QueryError, match=r"belong to 2 time variables \(hk_epoch, epoch\)"):
        imap.open(path, columns=["hk", "b_gse"]).table  # noqa: B018


@pytest.mark.parametrize("text", ["", "[]", '{"version": 1}', '{"files": ' + "[" * 100_000])
def test_a_list_of_versions_of_another_form_is_named(make_day, tmp_path, text):
    (tmp_path / "lock.json").write_text(text)
    with pytest.raises(FileError, match=r"lock\.json is not a list of versions"):
        imap.open(make_day(), versions=tmp_path / "lock.json")


class TestXarray:
    def test_it_is_that_of_the_table_for_every_file(self, real_data):
        xarray = pytest.importorskip("xarray")
        paths = sorted(real_data.rglob("*.cdf"))
        compared = 0
        for path in paths:
            table = imap.read(path)
            if table.meta["epoch"] is None:
                continue
            expected = series.to_xarray(table)
            expected = expected.isel(time=np.argsort(expected.time.values, kind="stable"))
            found = imap.open(path).to_xarray()
            del found.attrs["sunpy_helio_plugins"], expected.attrs["sunpy_helio_plugins"]
            xarray.testing.assert_identical(found, expected)
            assert all(found[name].dtype == expected[name].dtype for name in found.variables)
            compared += 1
        assert compared >= len(paths) - 2

    def test_it_becomes_the_table_again(self, make_day):
        opened = imap.open([make_day(10), make_day(11)])
        table = series.to_table(opened.to_xarray())
        assert (table["b_gse"] == opened.table["b_gse"]).all()
        assert (table["epoch"] == opened.table["epoch"]).all()
        assert list(table.meta["files"]) == [path.name for path in opened.files]

    @pytest.mark.parametrize("indexed", [10**7, 0])
    def test_large_ones_are_read_when_they_are_used(self, make_day, monkeypatch, indexed):
        paths = [make_day(10, hour=20, field=range(4)), make_day(11, hour=-1.5, field=range(4)), make_day(12)]
        state = (CHAR, np.array(["a", "b", "c", "d"]), {"DEPEND_0": "epoch"})
        paths.append(make_day(13, state=state))
        whole = imap.open(paths).to_xarray()
        monkeypatch.setattr(arrays, "_WHOLE", 0)
        monkeypatch.setattr(arrays, "_INDEXED", indexed)
        lazy = imap.open(paths).to_xarray()
        assert ("time" in lazy.indexes) == bool(indexed)
        assert lazy.mode.dtype == whole.mode.dtype == np.dtype("u2")
        for key in (slice(None), slice(3, 11, 2), slice(None, None, -1), slice(9, 2, -3), 5, [7, 0, 3], slice(4, 4)):
            assert np.array_equal(lazy.b_gse[key].values, whole.b_gse[key].values)
            assert np.array_equal(lazy.b_gse[key, 1].values, whole.b_gse[key, 1].values)
            assert np.array_equal(lazy.state[key].values, whole.state[key].values)
        assert np.array_equal(lazy.time.values, whole.time.values)
        assert lazy.b_gse.attrs == whole.b_gse.attrs

    def test_a_block_reads_its_own_files(self, make_day, monkeypatch):
        paths = [make_day(day) for day in (10, 11, 12)]
        monkeypatch.setattr(arrays, "_WHOLE", 0)
        lazy = imap.open(paths, columns="b_gse").to_xarray()
        read = recorded(monkeypatch)
        assert lazy.b_gse[5:7, 0].values.tolist() == [1.0, 2.0]
        assert read == [("b_gse", paths[1], range(1, 3))]

    def test_integers_are_floats_if_one_is_missing_in_any_file(self, make_day, monkeypatch):
        lost = (UINT2, np.array([1, 2, 3, 65535], "u2"), {"DEPEND_0": "epoch", "FILLVAL": np.uint16(65535)})
        paths = [make_day(10), make_day(11, mode=lost)]
        monkeypatch.setattr(arrays, "_WHOLE", 0)
        assert imap.open(paths).to_xarray().mode.dtype == float
        assert imap.open(paths).to_xarray().mode.values[3:].tolist()[:4] == [3, 1, 2, 3]

    def test_chunks_are_arrays_of_dask(self, make_day, monkeypatch):
        pytest.importorskip("dask")
        monkeypatch.setattr(arrays, "_WHOLE", 0)
        lazy = imap.open([make_day(10), make_day(11)]).to_xarray().chunk({"time": 3})
        assert lazy.b_gse.mean("time").compute().values.tolist() == [1.5, 10.5, 0.0]

    def test_a_leap_second_is_said(self, make_day):
        leap = 536_500_868_184_000_000
        with pytest.warns(InexactTimeWarning, match="2 times are within a leap second"):
            dataset = imap.open(make_day(epoch=(TT2000, leap + np.arange(-1, 3) * 500_000_000, {}))).to_xarray()
        assert dataset.time.to_index().is_monotonic_increasing

    def test_a_range_of_validity_is_a_time(self, real_data):
        opened = imap.open(real_data / "world" / "imap" / "imap_calibration_mag_20240229_v01.cdf")
        assert opened.to_xarray().sizes["time"] == len(opened.table) == 1
        with pytest.raises(FileError, match="does not have a time variable"):
            imap.open(opened.files, time=("2026-01-01", "2026-01-02")).table  # noqa: B018


class TestOtherTypes:
    def test_parquet_is_written_part_by_part(self, make_day, tmp_path):
        lost = (UINT2, np.array([1, 2, 3, 65535], "u2"), {"DEPEND_0": "epoch", "FILLVAL": np.uint16(65535)})
        opened = imap.open([make_day(10), make_day(11, mode=lost)])
        opened.to_parquet(tmp_path / "x.parquet")
        found = series.from_parquet(tmp_path / "x.parquet")
        assert (found["b_gse"] == opened.table["b_gse"]).all()
        assert found["mode"].mask.tolist() == opened.table["mode"].mask.tolist()
        assert found.meta["epochs"] == {"epoch": 8}
        with pytest.raises(DiskError, match="exists"):
            opened.to_parquet(tmp_path / "x.parquet")

    def test_parts_take_the_memory_of_one_file(self, make_day):
        field = np.zeros(50_000, "f4")
        mode = (UINT2, np.arange(50_000, dtype="u2"), {"DEPEND_0": "epoch"})
        seconds = np.arange(50_000) * 10**9
        paths = [
            make_day(day, field=field, mode=mode, epoch=(TT2000, 8 * 10**17 + day * 86_400 * 10**9 + seconds, {}))
            for day in range(10, 18)
        ]
        one, eight = (peak_of(imap.open(some)) for some in (paths[:1], paths))
        assert eight < 2 * one

    def test_a_time_series_has_chosen_columns(self, make_day):
        opened = imap.open([make_day(10), make_day(11)])
        assert opened.to_timeseries(columns="b_gse").columns == ["b_gse_x", "b_gse_y", "b_gse_z"]


class TestSources:
    def test_a_folder_is_opened_with_those_below_it(self, make_day, tmp_path):
        make_day(10, folder="imap/mag/l2/2026/01"), make_day(11, folder="imap/mag/l2/2026/02")
        assert len(imap.open(tmp_path).files) == 2
        assert len(imap.open([str(tmp_path)]).files) == 2
        (tmp_path / "empty").mkdir()
        with pytest.raises(FileError, match="does not contain files"):
            imap.open(tmp_path / "empty")

    def test_several_products_are_refused(self, make_day):
        with pytest.raises(QueryError, match="these are of 2: mag l2 norm-gse, mag l2 norm-rtn"):
            imap.open([make_day(10), make_day(10, descriptor="norm-rtn")])

    @pytest.mark.parametrize("given", [5, [], None, {"a": 1}, [5], b"x.cdf", a.Time])
    def test_other_objects_are_refused(self, given):
        with pytest.raises(QueryError, match=r"imap\.open takes"):
            imap.open(given)

    def test_a_query_downloads_its_files_once_and_has_its_range(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
        opened = imap.open(QUERY, columns="b_gse")
        table = opened.table
        assert [path.parent for path in opened.files] == [tmp_path / "imap/mag/l2/2026/01"] * 3
        assert table["epoch"][0].isot[:19] == "2026-01-09T18:00:00"
        assert table["epoch"][-1].isot[:19] == "2026-01-11T05:59:30"
        downloads = sum("/download/" in one.path for one in archive.log)
        again = imap.open(QUERY[0] & QUERY[1] & QUERY[2], time=("2026-01-10", "2026-01-11"))
        assert imap.open(list(QUERY)).files == again.files
        assert len(again.table) == 2880
        assert downloads == sum("/download/" in one.path for one in archive.log) == 3

    def test_rows_are_downloaded_and_are_whole(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
        found = Fido.search(*QUERY)
        assert len(imap.open(found).table) == len(imap.open(found["imap"]).table) == 3 * 2880
        assert len(imap.open(found["imap"][0]).table) == 2880
        assert len(imap.open([found["imap"][0], found["imap"][1]]).files) == 2

    def test_what_is_not_found_or_is_no_cdf_is_refused(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
        with pytest.raises(QueryError, match="does not contain files of this query"):
            imap.open((a.Time("2011-01-09", "2011-01-11"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")))
        with pytest.raises(QueryError, match=r"reads CDF files; .* imap_2026_010_2026_011_01.ah.bc"):
            imap.open((a.Time("2026-01-10", "2026-01-11"), a.imap.Kernel("attitude_history")))
        with pytest.raises(QueryError, match="does not have rows"):
            imap.open(IMAPClient().search(*QUERY)[:0])

    def test_a_file_that_does_not_arrive_is_an_error(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
        table = IMAPClient().search(*QUERY)
        table["file_path"][1] = table["file_path"][1].replace("20260110", "20260119")
        if "url" in table.colnames:
            table["url"][1] = table["url"][1].replace("20260110", "20260119")
        with pytest.raises(TransferError, match=r"1 of 3 files could not be downloaded"):
            imap.open(table)


class TestVersions:
    def test_exactly_the_listed_files_are_used(self, make_day, tmp_path):
        old = [make_day(10, "v001.0001"), make_day(11, "v001.0001")]
        imap.open(old).lock(tmp_path / "lock.json")
        make_day(10, "v002.0001"), make_day(12, "v001.0001")
        opened = imap.open(tmp_path, versions=tmp_path / "lock.json")
        assert list(opened.files) == old
        assert opened.notes == ()
        assert [one["name"] for one in json.loads((tmp_path / "lock.json").read_text())["files"]] == [
            p.name for p in old
        ]

    def test_a_file_with_other_content_or_a_missing_one_is_refused(self, make_day, tmp_path):
        path = make_day(10)
        opened = imap.open(path)
        opened.lock(tmp_path / "lock.json")
        with pytest.raises(DiskError, match="exists"):
            opened.lock(tmp_path / "lock.json")
        opened.lock(tmp_path / "lock.json", overwrite=True)
        with pytest.raises(FileError, match="lists 1 files that are not among"):
            imap.open(make_day(11), versions=tmp_path / "lock.json")
        make_day(10, field=[9, 9, 9, 9])
        with pytest.raises(FileError, match=r"its SHA-256 begins with .* and not with"):
            imap.open(path, versions=tmp_path / "lock.json")

    @pytest.mark.parametrize("content", ["", "[]", '{"files": [{"name": "x"}]}', '{"version": 2, "files": []}', "\xff"])
    def test_a_damaged_list_is_refused(self, make_day, tmp_path, content):
        lock = tmp_path / "lock.json"
        lock.write_bytes(content.encode("latin-1"))
        with pytest.raises(FileError, match="list of versions"):
            imap.open(make_day(), versions=lock)

    def test_names_that_the_archive_does_not_have_are_refused(self, make_day, tmp_path):
        imap.open(make_day().rename(tmp_path / "mine.cdf")).lock(tmp_path / "lock.json")
        with pytest.raises(FileError, match=r"contains 'mine.cdf', which the archive cannot have"):
            imap.open(QUERY, versions=tmp_path / "lock.json")

    def test_a_query_downloads_the_listed_files(self, archive, tmp_path, monkeypatch):
        """The archive also has a newer version."""
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path / "one"))
        older = a.imap.Version("v001.0001")
        imap.open((*QUERY, older)).lock(tmp_path / "lock.json")
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path / "two"))
        pinned = imap.open(QUERY, versions=tmp_path / "lock.json")
        assert {path.name[-13:-4] for path in pinned.files} == {"v001.0001"}
        assert pinned.files[0].is_relative_to(tmp_path / "two")
        assert len(pinned.table) == 4320
        rows = Fido.search(*QUERY[:2], a.imap.Descriptor("norm-gse"), a.imap.Version.all)
        assert imap.open(rows, versions=tmp_path / "lock.json").files == pinned.files


def test_a_copy_for_another_process_reads_the_files_again(make_day):
    opened = imap.open([make_day(10), make_day(11)], columns="b_gse", time=("2026-01-10 02:00", "2026-01-12"))
    assert len(opened.table) == 6
    copy = pickle.loads(pickle.dumps(opened))
    assert "not read yet" in repr(copy)
    assert (copy.table["b_gse"] == opened.table["b_gse"]).all()


def test_files_are_not_changed(make_day):
    path = make_day()
    before = path.read_bytes()
    imap.open(path).table  # noqa: B018
    assert path.read_bytes() == before


@pytest.mark.parametrize("start", [820_000_000_000_000_000, 10**15])  # after and before a leap second since 2000
def test_missing_times_of_a_second_clock_are_nat(make_day, start):
    peak = np.array([start, -(2**63), start + 10**9, start])
    said = {"DEPEND_0": "epoch", "UNITS": "ns", "FILLVAL": np.int64(-(2**63)), "VAR_TYPE": "support_data"}
    opened = imap.open([make_day(10, peak=(TT2000, peak, said))])
    found = opened.to_xarray()["peak"].values
    assert np.isnat(found).tolist() == [False, True, False, False]
    assert found[2] - found[0] == np.timedelta64(1, "s")


def test_a_query_without_a_time_is_not_cut(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
    opened = imap.open([a.Instrument("mag"), a.Level(2), a.imap.Descriptor("norm-gse"), a.imap.File()])
    whole = Fido.search(a.Instrument("mag"), a.Level(2), a.imap.Descriptor("norm-gse"), a.imap.File())["imap"]
    assert len(opened.files) == len(whole) > 2
    assert len(opened.table) == sum(len(imap.read(path)) for path in opened.files)
