"""Test that files are read in parts, with the same result as at once."""

from __future__ import annotations

import bz2
import gc
import gzip
import io
import itertools
import json
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import numpy as np
import pytest
from astropy.table import QTable

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.records import content, csv, decode, read
from sunpy_helio_plugins.hapi.records.content import FileContent, kept

TIME = {"name": "Time", "type": "isotime", "length": 24, "units": "UTC", "fill": None}
VECTOR = {"name": "B", "type": "double", "size": [3], "units": "nT", "fill": "-1e31"}
COUNT = {"name": "n", "type": "integer", "units": None, "fill": "-1"}
TEXT = {"name": "s", "type": "string", "length": 12, "units": None, "fill": None}
UNKNOWN = {"name": "x", "type": "", "units": None, "fill": None}


def stamp(second: int) -> str:
    return f"2026-01-10T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000Z"


def file_of(path: Path, kind: str, parameters: list[Any], body: bytes) -> Path:
    header = json.dumps({"HAPI": "3.0", "format": kind, "parameters": [TIME, *parameters]})
    path.write_bytes(f"#{header}\n".encode() + body)
    return path


def csv_file(path: Path, parameters: list[Any], fields: list[str], first: int = 0) -> Path:
    lines = "".join(f"{stamp(first + row)},{own}\n" for row, own in enumerate(fields))
    return file_of(path, "csv", parameters, lines.encode())


def binary_file(path: Path, rows: range) -> Path:
    records = np.zeros(len(rows), [("t", "S24"), ("b", "<f8", 3), ("n", "<i4")])
    records["t"] = [stamp(row) for row in rows]
    records["b"] = np.arange(3) + np.array(rows)[:, None]
    records["n"] = np.array(rows) % 5 - 1
    return file_of(path, "binary", [VECTOR, COUNT], records.tobytes())


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read every file in parts of a few records."""
    monkeypatch.setattr(read, "_SMALL", 0)
    monkeypatch.setattr(csv, "_SEGMENT", 200)
    monkeypatch.setattr(decode, "_READ", 200)
    monkeypatch.setattr(decode, "_BLOCK", 100)
    monkeypatch.setattr(content, "_LARGE", 100)
    monkeypatch.setattr(content, "_STEP", 64)


def same(one: QTable, other: QTable) -> bool:
    return one.colnames == other.colnames and all(
        type(one[name]) is type(other[name])
        and one[name].dtype == other[name].dtype
        and (read.bytes_of(one[[name]]) == read.bytes_of(other[[name]])).all()
        for name in one.colnames[1:]
    ) and bool((one.columns[0] == other.columns[0]).all())  # fmt: skip


CASES = {
    "vectors": ([VECTOR], [f"{row},-1e31,{row / 3!r}" for row in range(200)]),
    "missing": ([VECTOR, COUNT], [f"{row},,NaN,{'' if row % 7 == 5 else row}" for row in range(200)]),
    "texts": ([TEXT, COUNT], [f"{'a' * (row % 40)},{row}" for row in range(200)]),
    "quoted": ([TEXT], [f'"{row},\n""x\n"' for row in range(60)]),
    "integers as floats": ([COUNT], [f"{row}.0" for row in range(100)]),
    "late float": ([COUNT], [*(str(row) for row in range(100)), "0.5"]),
    "late text": ([UNKNOWN], [*(str(row) for row in range(100)), "none yet"]),
    "late hole": ([COUNT], [*(str(row) for row in range(100)), ""]),
    "late large": ([COUNT], [*(str(row) for row in range(100)), str(2**64 - 2)]),
    "long record": ([TEXT], ["a", "b" * 5000, "c"]),
}


@pytest.mark.parametrize("case", CASES)
def test_csv_files_are_the_same_in_parts_and_at_once(tmp_path: Path, small_parts: None, case: str) -> None:
    path = csv_file(tmp_path / "a.hapi", *CASES[case])
    assert same(hapi.read(path), hapi.read(path.read_bytes()))


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends_are_found(tmp_path: Path, small_parts: None, end: str) -> None:
    path = csv_file(tmp_path / "a.hapi", *CASES["vectors"])
    head, _, body = path.read_bytes().partition(b"\n")
    path.write_bytes(head + b"\n" + body.replace(b"\n", end.encode()) + (b"\n" if end == "\r" else b""))
    assert len(hapi.read(path)) == 200


def test_binary_files_are_the_same_in_parts_and_at_once(tmp_path: Path, small_parts: None) -> None:
    path = binary_file(tmp_path / "a.hapi", range(100))
    table = hapi.read(path)
    assert same(table, hapi.read(path.read_bytes()))
    assert np.flatnonzero(table["n"].mask).tolist() == list(range(0, 100, 5))
    assert table["n"].dtype == np.int64


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress])
def test_compressed_files_and_streams_are_read_in_parts(tmp_path: Path, small_parts: None, compress: Any) -> None:
    path = csv_file(tmp_path / "a.hapi", *CASES["vectors"])
    other = tmp_path / "a.hapi.gz"
    other.write_bytes(compress(path.read_bytes()))
    for source in (other, io.BytesIO(other.read_bytes()), io.BytesIO(path.read_bytes())):
        assert same(hapi.read(source), hapi.read(path.read_bytes()))
    other.write_bytes(compress(path.read_bytes())[:-3])
    with pytest.raises(FileError, match="truncated"):
        hapi.read(other)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (["1,2,3"] * 50 + ["1,2"], "has 3 fields, but the header describes 4"),
        (["1,2,3"] * 50 + ["1,2,x"], "invalid value 'x'"),
    ],
)
def test_errors_in_a_later_part_are_found(tmp_path: Path, small_parts: None, fields: list[str], words: str) -> None:
    path = csv_file(tmp_path / "a.hapi", [VECTOR], fields)
    with pytest.raises(FileError, match=words) as caught:
        hapi.read(path)
    assert str(caught.value).startswith("a.hapi: ")
    assert "Row #" not in str(caught.value)


def test_a_wrong_time_in_a_later_part_is_found(tmp_path: Path, small_parts: None) -> None:
    path = csv_file(tmp_path / "a.hapi", [COUNT], ["1"] * 50)
    path.write_bytes(path.read_bytes().replace(b"00:00:40", b"00:61:40"))
    with pytest.raises(FileError, match=r"does not begin with a valid time: .*00:61:40"):
        hapi.read(path)


def test_many_files_are_open_one_at_a_time(tmp_path: Path, small_parts: None, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[FileContent] = []
    begin = FileContent._opened

    def counted(self: FileContent) -> Any:
        opened.append(self)
        assert sum(one._stream is not None for one in {id(one): one for one in opened}.values()) <= 1
        return begin(self)

    monkeypatch.setattr(FileContent, "_opened", counted)
    files = [binary_file(tmp_path / f"{day}.hapi", range(day * 50, day * 50 + 50)) for day in range(20)]
    assert len(hapi.read(files)) == 1000
    assert len({id(one) for one in opened}) == 20


def test_files_of_different_formats_are_one_table(tmp_path: Path, small_parts: None) -> None:
    first = binary_file(tmp_path / "a.hapi", range(50))
    second = csv_file(tmp_path / "b.hapi", [VECTOR, COUNT], [f"{row},1,2,{row}" for row in range(50, 80)], first=50)
    table = hapi.read(first, second)
    assert table["B"][:, 0].value.tolist() == list(range(80))
    assert table["n"].filled(99)[45:52].tolist() == [99, 0, 1, 2, 3, 50, 51]


def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path: Path, small_parts: None) -> None:
    path = binary_file(tmp_path / "a.hapi", range(50))
    document = read.parse_source(path)
    document.release()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FileError, match=r"a\.hapi was changed while it was read"):
        document.columns()


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_records_of_overlapping_files_are_included_once(
    tmp_path: Path, small_parts: None, order: tuple[int, ...]
) -> None:
    files = [binary_file(tmp_path / f"{at}.hapi", range(at * 40, at * 40 + 60)) for at in range(3)]
    table = hapi.read([files[at] for at in order])
    assert table["B"][:, 0].value.tolist() == list(range(140))


def test_large_responses_are_moved_to_a_temporary_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_LARGE", 10)
    assert kept(b"short") == b"short"
    found = kept(b"longer than ten bytes")
    assert isinstance(found, FileContent)
    assert (found[7:11], len(found), found.find(b"t"), found.count(b"e")) == (b"than", 21, 7, 3)


def test_no_more_temporary_files_are_open_than_the_system_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_LARGE", 10)
    monkeypatch.setattr(content, "_free_files", BoundedSemaphore(2))
    found = [kept(bytes([number]) * 20) for number in range(4)]
    assert [isinstance(one, FileContent) for one in found] == [True, True, False, False]
    assert [bytes(one[:1]) for one in found] == [b"\0", b"\1", b"\2", b"\3"]
    del found[0]
    gc.collect()
    assert isinstance(kept(b"\4" * 20), FileContent)


def test_a_full_disk_leaves_responses_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(content, "_LARGE", 10)
    monkeypatch.setattr(content.tempfile, "TemporaryFile", full)
    assert kept(b"longer than ten bytes") == b"longer than ten bytes"


def test_a_return_at_the_end_of_a_block_may_belong_to_a_line_end() -> None:
    block = np.frombuffer(b"a\rb\r", np.uint8)
    assert content.line_ends(block, is_last=False).tolist() == [2]
    assert content.line_ends(block, is_last=True).tolist() == [2, 4]


def test_a_file_that_is_cut_while_it_is_read_is_named() -> None:
    stream = io.BytesIO(b"0123456789")
    found = FileContent("records.hapi", stream)
    stream.truncate(4)
    assert found[:4] == b"0123"
    with pytest.raises(FileError, match=r"records\.hapi was cut while it was read"):
        found[2:8]


@pytest.mark.parametrize("closes", [True, False])
def test_a_response_stays_in_memory_if_the_disk_is_full(monkeypatch: pytest.MonkeyPatch, closes: bool) -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            super().close()
            if not closes:
                raise OSError(28, "No space left on device")

    made = Full()
    monkeypatch.setattr(content.tempfile, "TemporaryFile", lambda: made)
    body = bytes(content._LARGE + 1)
    assert kept(body) is body
    assert made.closed


def test_records_that_are_longer_than_a_block_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(csv, "_BLOCK", 64)
    text = "x" * 400
    table = hapi.read(csv_file(tmp_path / "long.hapi", [{**TEXT, "length": 400}], ["a", text, "b"]))
    assert table["s"].tolist() == ["a", text, "b"]
    assert len(table["Time"]) == 3


def test_a_body_with_fewer_fields_than_a_wide_record_is_refused_at_once(tmp_path: Path) -> None:
    path = csv_file(tmp_path / "wide.hapi", [{**VECTOR, "size": [10_001]}], ["1,2,3"])
    with pytest.raises(FileError, match=r"The record '2026-01-10T00:00:00.000Z,1,2,3' has fewer fields than the 10002"):
        hapi.read(path)
