"""Test files of columns: every type comes back with its bits, and a damaged file is an error."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.store import arrow

RNG = np.random.default_rng(1)
COLUMNS = {
    "double": RNG.normal(size=7),
    "nan": np.array([np.nan, -0.0, np.inf, 5e-324, 1, 2, 3]),
    "vector": RNG.normal(size=(7, 3)),
    "grid": RNG.normal(size=(7, 2, 2)),
    "integer": np.arange(7) - 2**62,
    "unsigned": np.arange(7, dtype=np.uint64) + 2**63,
    "small": np.arange(7, dtype=np.int16),
    "float": np.arange(7, dtype=np.float32),
    "big_endian": np.arange(7, dtype=">f8"),
    "truth": np.arange(7) % 2 == 0,
    "bytes": np.array([b"", b"a", b"\0b", b"\xff", b"abcd", b"x", b"y"]),
    "text": np.array(["", "a", "äö", "\U0001f31e", "abcd", "x", "y"]),
    "texts": np.array([["a", "bc"]] * 7),
    "times": np.arange(7).astype("M8[ns]"),
    "masked": np.ma.MaskedArray(np.arange(7), np.arange(7) % 3 == 0),
    "masked_vector": np.ma.MaskedArray(np.ones((7, 2), dtype=int), np.eye(7, 2, dtype=bool)),
    "name, with = signs\n and ü": np.arange(7),
}


def written(path, columns, header="{}"):
    with path.open("wb") as stream:
        arrow.write(stream, columns, header)
    return path


@pytest.mark.parametrize("rows", [slice(None), slice(1), slice(0)])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_keeps_its_type_and_bits(tmp_path, name, rows):
    given = COLUMNS[name][rows]
    found = arrow.read(written(tmp_path / "one.arrow", {name: given}), [name]).columns[name]
    assert found.dtype == given.dtype
    assert found.shape == given.shape
    assert np.ma.getdata(found).tobytes() == np.ma.getdata(given).tobytes()
    assert np.ma.isMaskedArray(found) == np.ma.isMaskedArray(given)
    assert np.array_equal(np.ma.getmaskarray(found), np.ma.getmaskarray(given))


def test_strided_columns_are_written(tmp_path):
    given = np.arange(20.0).reshape(10, 2)[::2, 1]
    assert arrow.read(written(tmp_path / "one", {"x": given}), ["x"]).columns["x"].tolist() == given.tolist()


def test_some_columns_are_read_and_the_header(tmp_path):
    found = arrow.read(written(tmp_path / "one", COLUMNS, '{"ü": 1}'), ["text", "nothing", "vector"])
    assert list(found.columns) == ["text", "vector"]
    assert found.header == '{"ü": 1}'


def test_the_arrays_outlive_the_file_and_cannot_be_changed(tmp_path):
    path = written(tmp_path / "one", {"x": np.arange(5.0)})
    found = arrow.read(path, ["x"]).columns["x"]
    path.unlink()
    assert found.tolist() == [0, 1, 2, 3, 4]
    assert not found.flags.writeable


def test_other_programs_read_the_numbers(tmp_path):
    path = written(tmp_path / "one.arrow", {"x": np.arange(5.0), "v": np.ones((5, 3))})
    table = pa.ipc.open_file(path).read_all()
    assert table["x"].to_pylist() == [0, 1, 2, 3, 4]
    assert table["v"].to_pylist() == [[1.0, 1.0, 1.0]] * 5


@pytest.mark.parametrize("content", [b"", b"no arrow file", b"ARROW1\0\0" * 5])
def test_what_is_no_file_of_columns_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / "other.arrow"
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"other\.arrow"):
        arrow.read(path, ["x"])


def test_a_file_of_another_program_is_an_error(tmp_path):
    path = tmp_path / "other.arrow"
    with pa.ipc.new_file(str(path), pa.schema([("x", pa.int64())])) as sink:
        sink.write_batch(pa.RecordBatch.from_pydict({"x": [1]}))
    with pytest.raises(FileError, match=r"other\.arrow"):
        arrow.read(path, ["x"])


def test_the_checksum_is_that_of_the_content(tmp_path):
    path = written(tmp_path / "one", {"x": np.arange(5.0)})
    before = arrow.checksum(path)
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    after = arrow.checksum(path)
    assert before[0] == after[0] == len(content)
    assert before[1] != after[1]
    path.write_bytes(b"")
    assert arrow.checksum(path) == (0, 0)
