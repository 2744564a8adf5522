"""Test reading what is left of truncated and damaged CDF files."""

from __future__ import annotations

import gzip
import re
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cdf_samples import MAG, plain, same, sample_files

from sunpy_helio_plugins import cdf
from sunpy_helio_plugins.cdf import salvage
from sunpy_helio_plugins.cdf.variables import load, salvaged
from sunpy_helio_plugins.errors import FileError

INT4, DOUBLE, CHAR, TT2000 = 4, 45, 51, 33
ON_TIME = {"DEPEND_0": "epoch"}


every = pytest.mark.parametrize("path", sample_files(), ids=lambda path: path.name)


@pytest.fixture
def series(make_cdf: Callable[..., Path]) -> Path:
    """Return a file with 3 uncompressed variables of 100 records."""
    made = {
        "epoch": (TT2000, np.arange(100) * 10**9, {"CATDESC": "Time"}),
        "x": (DOUBLE, np.arange(100.0), {**ON_TIME, "UNITS": "nT"}),
        "label": (CHAR, ["Bx"], {}),
        "y": (INT4, np.arange(100), ON_TIME),
    }
    return make_cdf(made, static=("label",), spec={name: {"Compress": 0} for name in made})


def with_index_first(path: Path, values: bytes) -> bytes:
    """Return a file in which the index of a block of records is before the block, as NASA's library writes it."""
    content = path.read_bytes()
    place, size = content.index(values) - 12, len(values) + 12
    length, kind = struct.unpack_from(">qi", content, place + size)
    assert kind == 6
    block, index = content[place : place + size], content[place + size : place + size + length]
    index = index.replace(struct.pack(">q", place), struct.pack(">q", place + length))
    before = content[:place].replace(struct.pack(">q", place + size), struct.pack(">q", place))
    return before + index + block + content[place + size + length :]


class TestTruncation:
    def test_the_complete_records_are_read(self, series: Path) -> None:
        values = np.arange(100.0).tobytes()
        whole = with_index_first(series, values)
        series.write_bytes(whole[: whole.index(values) + 61 * 8 + 5])
        with pytest.raises(FileError, match="it ends after"):
            cdf.read(series)
        table = cdf.read(series, salvage=True)
        assert table.colnames == ["epoch", "x"]
        assert table["x"].mask.tolist() == [False] * 61 + [True] * 39
        assert plain(table["x"])[:61].value.tolist() == list(range(61))
        assert str(table["x"].unit) == "nT"
        assert table["epoch"].info.description == "Time (UTC)"
        assert list(table.meta["problems"])[:3] == [
            f"The file is truncated: {len(series.read_bytes())} of {len(whole)} bytes are left.",
            "2 of 4 variables are lost.",
            "x: the records 61 to 99 of 100 are lost.",
        ]

    def test_each_record_that_is_left_is_read(self, series: Path) -> None:
        values = np.arange(100.0).tobytes()
        whole = with_index_first(series, values)
        start = whole.index(values)
        for left in range(0, 804, 4):
            series.write_bytes(whole[: start + left])
            found = salvaged(series)[0]["x"]
            missing = np.zeros(100, bool) if found.missing is None else found.missing
            assert missing.tolist() == [number >= left // 8 for number in range(100)]

    def test_the_blocks_after_a_description_are_its_own_if_the_index_is_lost(self, series: Path) -> None:
        """cdflib writes the index of a variable after its blocks."""
        whole = series.read_bytes()
        start = whole.index(np.arange(100.0).tobytes())
        for left in (8, 12, 488, 799, 800):
            series.write_bytes(whole[: start + left])
            table = cdf.read(series, salvage=True)
            assert table["x"].mask.tolist() == [number >= left // 8 for number in range(100)]
            assert plain(table["x"])[: left // 8].value.tolist() == list(range(left // 8))
            said = "x: its index is lost; the blocks that follow its description are used."
            assert said in table.meta["problems"]
        series.write_bytes(whole[: start + 7])
        assert cdf.read(series, salvage=True)["x"].mask.all()

    def test_of_compressed_blocks_without_an_index_the_complete_ones_are_read(
        self, make_cdf: Callable[..., Path]
    ) -> None:
        made = {"epoch": (TT2000, np.arange(30_000) * 10**9, {}), "y": (INT4, np.arange(30_000), ON_TIME)}
        path = make_cdf(made, spec={name: {"Compress": 6} for name in made})
        whole = path.read_bytes()
        place = whole.index(b"\x1f\x8b\x08", whole.index(b"DEPEND_0"))
        (size,) = struct.unpack_from(">q", whole, place - 24)
        for left, count in ((size - 25, 0), (size - 24, 16_384), (size + 999, 16_384)):
            path.write_bytes(whole[: place + left])
            found = salvaged(path)[0]["y"]
            assert found.missing.tolist() == [number >= count for number in range(30_000)]
            assert found.values[:count].tolist() == list(range(count))

    def test_positions_are_not_used_in_files_in_which_they_do_not_tell(self, series: Path) -> None:
        whole = series.read_bytes()
        first, second = (whole.index(values.tobytes()) - 12 for values in (np.arange(100) * 10**9, np.arange(100.0)))
        one, other, mark = (struct.pack(">q", place) for place in (first, second, 2**60))
        # The indices of two variables refer to the blocks of each other.
        swapped = whole.replace(one, mark).replace(other, one).replace(mark, other)
        series.write_bytes(swapped[: whole.index(np.arange(100, dtype="i4").tobytes()) + 200])
        found, _, problems = salvaged(series)
        assert found["x"].missing is None
        assert found["y"].missing.all()
        assert "y: all 100 records are lost." in problems

    @every
    @pytest.mark.parametrize("share", [0.4, 0.9])
    def test_of_real_files_loses_records_but_changes_none(self, path: Path, share: float, tmp_path: Path) -> None:
        whole, cut = path.read_bytes(), tmp_path / "cut.cdf"
        cut.write_bytes(whole[: int(share * len(whole))])
        right, (left, _, problems) = load(path)[0], salvaged(cut)
        assert problems
        assert left.keys() <= right.keys()
        for name, variable in left.items():
            assert variable.attributes.items() <= right[name].attributes.items()
            values, expected = variable.values, right[name].values
            kept = np.ones(variable.records, bool) if variable.missing is None else ~variable.missing
            values, expected = (one.reshape(variable.records, *variable.shape) for one in (values, expected))
            assert same(values[kept], expected[kept]), name
        cdf.read(cut, salvage=True)

    def test_of_a_housekeeping_file_leaves_most_variables(self, real_data: Path, tmp_path: Path) -> None:
        path = real_data / "imap" / "imap_codice_l1b_hskp_20100101_v001.cdf"
        whole, cut = path.read_bytes(), tmp_path / "cut.cdf"
        cut.write_bytes(whole[: 97 * len(whole) // 100])
        table = cdf.read(cut, salvage=True)
        assert len(table) == 99
        assert len(table.colnames) == 121
        assert "3 of 124 variables are lost." in table.meta["problems"]

    def test_without_the_times_the_rows_are_those_of_the_data(self, tmp_path: Path) -> None:
        """IMAP's writer puts the epoch last."""
        whole, cut = MAG.read_bytes(), tmp_path / "cut.cdf"
        cut.write_bytes(whole[: len(whole) // 2])
        table = cdf.read(cut, salvage=True)
        assert len(table) == 2880
        assert table["b_gse"].shape == (2880, 3)

    @pytest.mark.parametrize("size", [0, 7, 8, 300, 400])
    def test_of_which_nothing_is_left_is_refused(self, tmp_path: Path, size: int) -> None:
        path = tmp_path / "x.cdf"
        path.write_bytes(MAG.read_bytes()[:size])
        with pytest.raises(FileError, match=r"x\.cdf: this cannot be read as a CDF file"):
            cdf.read(path, salvage=True)

    def test_of_a_file_that_is_compressed_as_a_whole(self, series: Path) -> None:
        whole = series.read_bytes()
        packed = gzip.compress(whole[8:])
        about = struct.pack(">qiiiii", 28, 11, 5, 0, 1, 6)
        head = struct.pack(">qiqqi", 32 + len(packed), 10, 40 + len(packed), len(whole) - 8, 0)
        content = bytes.fromhex("cdf30001cccc0001") + head + packed + about
        series.write_bytes(content)
        assert cdf.read(series, salvage=True).meta["problems"] == []
        series.write_bytes(content[: 8 + len(head) + len(packed) * 2 // 3])
        found, _, problems = salvaged(series)
        assert problems[0].startswith("The file is truncated: ")
        assert same(found["epoch"].values, np.arange(100) * 10**9)
        damaged = bytearray(content)
        damaged[8 + len(head) + len(packed) // 2] ^= 255
        series.write_bytes(damaged)
        with pytest.raises(FileError, match="compressed as a whole, and is damaged"):
            salvaged(series)


class TestDamage:
    @every
    def test_an_intact_file_is_complete(self, path: Path) -> None:
        right, attributes = load(path)
        found, of_file, problems = salvaged(path)
        assert problems == []
        assert [*found] == [*right]
        assert str(of_file) == str(attributes)
        for name, variable in found.items():
            assert variable.attributes == right[name].attributes
            assert same(variable.values, right[name].values)

    def test_a_damaged_block_is_lost(self, make_cdf: Callable[..., Path]) -> None:
        made = {"epoch": (TT2000, np.arange(30_000) * 10**9, {}), "y": (INT4, np.arange(30_000), ON_TIME)}
        path = make_cdf(made, spec={"epoch": {"Compress": 0}, "y": {"Compress": 6}})
        content = bytearray(path.read_bytes())
        first, _ = (found.start() for found in re.finditer(rb"\x1f\x8b\x08", content))
        content[first + 100] ^= 4
        path.write_bytes(content)
        with pytest.raises(FileError):
            load(path)[0]["y"].values  # noqa: B018
        table = cdf.read(path, salvage=True)
        assert table.meta["problems"] == ["y: the records 0 to 16383 of 30000 are lost."]
        assert table["y"].mask.tolist() == [True] * 16384 + [False] * 13616
        assert plain(table["y"])[16384:].tolist() == list(range(16384, 30_000))

    def test_a_damaged_link_loses_nothing(self, series: Path) -> None:
        right = load(series)[0]
        content = bytearray(series.read_bytes())
        # The records of zVariables (8) begin with their size, their kind and the offset of the next one.
        places = [found.start() + 12 for found in re.finditer(rb"\0\0\0\0\0\0..\0\0\0\x08", content, re.DOTALL)]
        assert len(places) == 4
        content[places[0] : places[0] + 8] = struct.pack(">q", 12345)
        series.write_bytes(content)
        with pytest.raises(FileError):
            load(series)
        found, _, problems = salvaged(series)
        assert problems == []
        assert [*found] == [*right]
        assert all(same(found[name].values, right[name].values) for name in right)

    def test_after_a_damaged_size_the_lists_are_followed(self, series: Path) -> None:
        content = bytearray(series.read_bytes())
        place = content.index(np.arange(100.0).tobytes()) - 12
        content[place : place + 8] = struct.pack(">q", 10)
        series.write_bytes(content)
        found, _, problems = salvaged(series)
        assert [*found] == ["epoch", "x", "label", "y"]
        assert "x: all 100 records are lost." in problems
        assert same(found["y"].values, np.arange(100))

    def test_records_after_lost_ones_are_not_repeated(self, make_cdf: Callable[..., Path]) -> None:
        spec = {"y": {"Sparse": "prev_sparse", "Records": [1, 4, 7]}}
        path = make_cdf({"epoch": (TT2000, np.arange(9), {}), "y": (INT4, [10, 40, 70], ON_TIME)}, spec=spec)
        content = path.read_bytes()
        place = content.index(struct.pack("<i", 40)) - 12
        path.write_bytes(content[: place + 8] + struct.pack(">i", 99) + content[place + 12 :])
        found, _, problems = salvaged(path)
        assert problems == ["y: the record 4 of 8 is lost."]
        assert found["y"].missing.tolist() == [True, False, False, False, True, True, True, False]
        assert found["y"].values[[1, 2, 3, 7]].tolist() == [10, 10, 10, 70]
        assert salvaged(path)[0]["y"].within(range(5, 8)).missing.tolist() == [True, True, False]

    def test_a_wrong_checksum_is_listed(self, make_cdf: Callable[..., Path]) -> None:
        path = make_cdf({"epoch": (TT2000, np.arange(40), {})}, Checksum=True)
        path.write_bytes(path.read_bytes().replace(b"Solar Terrestrial", b"Solar terrestrial"))
        assert cdf.read(path, salvage=True).meta["problems"] == [
            "The checksum of the file is wrong: values without compression may be damaged."
        ]

    def test_labels_that_are_lost_are_left_out(self, make_cdf: Callable[..., Path]) -> None:
        made = {
            "epoch": (TT2000, np.arange(2), {}), "x": (DOUBLE, np.ones((2, 2)), {**ON_TIME, "LABL_PTR_1": "label"}),
            "label": (CHAR, ["Bx", "By"], {}),
        }  # fmt: skip
        path = make_cdf(made, static=("label",))
        content = path.read_bytes()
        place = content.index(b"BxBy") - 12
        path.write_bytes(content[:place] + struct.pack(">qi", 12, 7) + content[place + 12 :])
        table = cdf.read(path, salvage=True)
        assert table.meta["problems"] == ["label is lost."]
        assert "labels" not in table["x"].info.meta
        assert table.meta["support"]["label"]["mask"].tolist() == [True, True]


def test_a_block_whose_length_is_not_possible_ends_the_blocks_that_follow():
    packed = b"\x1f\x8b" + bytes(6)
    web = SimpleNamespace(
        length=lambda kind: 4, record=lambda place, kind: (0, 0, 0, len(packed)), content=bytes(4) + packed
    )
    layout = SimpleNamespace(record=4, compression=5)
    assert list(salvage._placed(web, layout, [(0, salvage.CVVR, 4 + len(packed))])) == []


def test_a_variable_without_a_shared_block_stays_as_it_is():
    layout = SimpleNamespace(blocks=(SimpleNamespace(place=7, first=0, last=3),))
    assert salvage._without(layout, {8}) is layout
