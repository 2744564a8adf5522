"""Test that the memory for a CDF file is bounded by its size, whatever it declares."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sunpy_helio_plugins import cdf
from sunpy_helio_plugins.cdf.variables import load, salvaged
from sunpy_helio_plugins.errors import FileError

UINT1, INT4, INT8, TT2000, EPOCH, FLOAT, DOUBLE, CHAR = 11, 4, 8, 33, 31, 44, 45, 51
ON_TIME = {"DEPEND_0": "epoch"}
MIB = 2**20


def bound(path: Path) -> int:
    """Return the limit of the memory that reading a file takes: 12 times the limit of all arrays of the file."""
    return 12 * (16 * MIB + 1200 * path.stat().st_size)


def peak(function: Callable[[], Any]) -> tuple[Any, int]:
    """Return the result of a function, or its error, and the memory that it allocated at once."""
    tracemalloc.start()
    try:
        try:
            found = function()
        except FileError as error:
            found = error
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def sparse(make_cdf: Callable[..., Path], records: int, count: int) -> Path:
    """Return a file of sparse variables, each with a first and a last record."""
    names = [f"x{number}" for number in range(count)]
    made = {"epoch": (TT2000, np.arange(2), {}), **{name: (DOUBLE, [1.0, 2.0], ON_TIME) for name in names}}
    return make_cdf(made, spec={name: {"Sparse": "pad_sparse", "Records": [0, records - 1]} for name in made})


class TestSparseVariables:
    def test_that_are_too_large_are_refused_before_they_are_allocated(self, make_cdf: Callable[..., Path]) -> None:
        path = sparse(make_cdf, 8_000_000, 19)
        assert path.stat().st_size < 16_000
        found, used = peak(lambda: cdf.read(path))
        assert isinstance(found, FileError)
        assert "the 7999998 of 8000000 records that were not written would need 63999984 bytes" in str(found)
        assert "read fewer columns or records at a time" in str(found)
        assert used < MIB

    def test_can_be_read_in_parts(self, make_cdf: Callable[..., Path]) -> None:
        path = sparse(make_cdf, 8_000_000, 3)
        found, used = peak(lambda: cdf.read(path, records=slice(-1000, None)))
        assert found["x2"].mask.tolist() == [True] * 999 + [False]
        assert used < 2 * MIB

    def test_of_one_file_have_one_limit(self, make_cdf: Callable[..., Path]) -> None:
        table = cdf.read(sparse(make_cdf, 400_000, 9))
        assert table.colnames == ["epoch", *(f"x{number}" for number in range(4))]
        assert len(table.meta["problems"]) == 5
        assert all("that were not written would need" in problem for problem in table.meta["problems"])

    @pytest.mark.parametrize(
        ("kind", "value", "words"),
        [
            (UINT1, np.uint8(1), {"FILLVAL": [255, "CDF_UINT1"]}),
            (CHAR, "a", {"FILLVAL": " "}),
            (FLOAT, np.float32(1), {"UNITS": "nT"}),
            (INT8, np.int64(1), {"UNITS": "ns", "FILLVAL": [-1, "CDF_INT8"]}),
        ],
    )
    def test_stay_within_the_bound(self, make_cdf: Callable[..., Path], kind: int, value: Any, words: Any) -> None:
        size = 1 if kind == CHAR else value.itemsize
        spec = {"epoch": {"Compress": 6}, "x": {"Sparse": "prev_sparse", "Records": [0, 1_000_000 // size - 1]}}
        epochs = np.zeros(1_000_000 // size, "i8")
        path = make_cdf({"epoch": (TT2000, epochs, {}), "x": (kind, np.array([value] * 2), ON_TIME | words)}, spec=spec)
        assert path.stat().st_size < 60_000
        found, used = peak(lambda: cdf.read(path, columns="x"))
        assert found.colnames == ["epoch", "x"]
        assert used < bound(path)


class TestBlocks:
    @pytest.mark.parametrize(("kind", "words"), [(TT2000, {}), (EPOCH, {})])
    def test_of_zeros_stay_within_the_bound(self, make_cdf: Callable[..., Path], kind: int, words: Any) -> None:
        dtype = "i8" if kind == TT2000 else "f8"
        path = make_cdf({"epoch": (kind, np.zeros(500_000, dtype), words)}, spec={"epoch": {"Compress": 9}})
        found, used = peak(lambda: cdf.read(path))
        assert len(found) == 500_000
        assert used < bound(path)

    def test_that_cannot_contain_their_records_are_refused(self, make_cdf: Callable[..., Path]) -> None:
        """No compression gives more than 1,032 bytes for one."""
        made = {"x": (INT4, np.zeros(16_000, "i4"), {})}
        path = make_cdf(made, spec={"x": {"Compress": 6}})
        content = path.read_bytes()
        # The number of the last record of the variable, and that of the block.
        content = content.replace(struct.pack(">i", 15_999), struct.pack(">i", 1_599_999))
        path.write_bytes(content)
        with pytest.raises(FileError, match=r"the block at \d+ cannot contain 6400000 bytes, compressed to \d+"):
            load(path)

    def test_are_read_once(self, make_cdf: Callable[..., Path]) -> None:
        """An index may refer to one block many times."""
        made = {name: (INT4, np.arange(100) + start, {}) for name, start in (("x", 0), ("y", 1000))}
        path = make_cdf(made, spec={name: {"Compress": 0} for name in made})
        content = path.read_bytes()
        first, second = (content.index(np.arange(one, one + 100, dtype="i4").tobytes()) - 12 for one in (0, 1000))
        path.write_bytes(content.replace(struct.pack(">q", second), struct.pack(">q", first)))
        with pytest.raises(FileError, match=f"the record at {first} is referred to twice"):
            load(path)

    def test_that_overlap_are_refused(self, make_cdf: Callable[..., Path]) -> None:
        made = {name: (INT4, np.full(3000, start), {}) for name, start in (("x", 0), ("y", 1000))}
        path = make_cdf(made, spec={name: {"Compress": 0} for name in made})
        content = bytearray(path.read_bytes())
        inner = content.index(np.full(3000, 0, "i4").tobytes())
        outer = content.index(np.full(3000, 1000, "i4").tobytes()) - 12
        # A block within the other one, which declares to end with the file.
        struct.pack_into(">qi", content, inner, len(content) - inner, 7)
        struct.pack_into(">qi", content, inner - 12, len(content) - inner + 12, 7)
        path.write_bytes(bytes(content).replace(struct.pack(">q", outer), struct.pack(">q", inner)))
        with pytest.raises(FileError, match=f"the blocks at {inner} and {inner + 12} overlap"):
            load(path)
        found, _, problems = salvaged(path)
        assert problems == ["x: all 3000 records are lost.", "y: all 3000 records are lost."]
        assert found["x"].missing.all()
