"""Test tables of a bounded size: each record once, in the order of time, of a server and of files."""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, hapi
from sunpy_helio_plugins.errors import CoverageError, FileError, IncompleteAnswerWarning, QueryError, ServerError
from sunpy_helio_plugins.hapi.records import csv, read
from sunpy_helio_plugins.hapi.stream import chunks as chunks_module

ACE = ("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-13")
DATA = "/hapi/cdaweb/hapi/data"
HEADER = {
    "HAPI": "3.0", "format": "csv",
    "parameters": [
        {"name": "Time", "type": "isotime", "length": 20},
        {"name": "n", "type": "integer", "units": "s", "fill": "-1"},
    ],
}  # fmt: skip


def joined(tables: Any) -> dict[str, np.ndarray]:
    found = list(tables)
    assert found
    return {
        name: np.concatenate(
            [np.asarray(getattr(one[name], "jd2", getattr(one[name], "unmasked", 0))) for one in found]
        )
        for name in found[0].colnames
    }


def same(tables: Any, whole: Any) -> bool:
    one, other = joined(tables), joined([whole])
    return all(np.array_equal(one[name], other[name], equal_nan=True) for name in other)


def csv_of(rows: range) -> bytes:
    lines = "".join(f"2026-01-10T{row // 60:02}:{row % 60:02}:00Z,{row}\n" for row in rows)
    return f"#{json.dumps(HEADER)}\n{lines}".encode()


@pytest.mark.parametrize("rows", [None, 1, 1000, 10**6])
def test_chunks_of_a_server_are_its_records(archive: Any, rows: int | None) -> None:
    question = ("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-10T02:00", "BGSEc") if rows == 1 else (*ACE, "BGSEc")
    tables = list(hapi.chunks(*question, rows=rows))
    assert same(tables, hapi.load(*question))
    assert max(map(len, tables)) <= (rows or 10**6)


def test_requests_are_as_short_as_the_size_of_a_table_needs(archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks_module, "_TABLE", 40_000)
    with conf.hapi.set_temp("connections", 2):
        tables = list(hapi.chunks(*ACE, "Magnitude"))
    sent = [one for one in archive.log if one.path.endswith("/data")]
    assert len(sent) > 20
    assert len(tables) == -(-len(sent) // 2)
    assert max(map(len, tables)) * 32 <= 45_000
    assert same(tables, hapi.load(*ACE, "Magnitude"))


def test_tables_before_the_last_one_are_not_kept(archive: Any) -> None:
    seen: list[Any] = []
    with conf.hapi.set_temp("connections", 1):
        for table in hapi.chunks(*ACE, "Magnitude", chunk=6 * 3600):
            seen.append(weakref.ref(table))
            gc.collect()
            assert sum(one() is not None for one in seen) <= 2
    assert len(seen) == 12


def test_rows_of_a_search_are_loaded_in_chunks(archive: Any) -> None:
    found = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.hapi.Server.cdaweb, a.hapi.Dataset("AC_H0_MFI"))
    assert same(hapi.chunks(found["hapi"], rows=500), hapi.load(found["hapi"]))


def test_scales_and_units_are_those_of_load(archive: Any) -> None:
    table = next(iter(hapi.chunks(*ACE, "Magnitude", rows=10, scale="tai")))
    assert table["Time"].scale == "tai"
    assert table["Magnitude"].unit.to_string() == "nT"
    assert table.meta["problems"] == []


def test_a_request_that_fails_is_named_and_the_others_come(archive: Any) -> None:
    with archive.fault("status", path=DATA, status=500, skip=1, times=1), conf.hapi.set_temp("connections", 3):
        with pytest.warns(IncompleteAnswerWarning, match="is missing"):
            tables = list(hapi.chunks(*ACE, "Magnitude", chunk=86400))
    assert sum(map(len, tables)) == 2 * 5400
    assert len(tables[0].meta["problems"]) == 1


def test_a_server_that_is_down_ends_the_chunks_with_its_error(archive: Any) -> None:
    with archive.fault("status", path=DATA, status=500, skip=1), conf.hapi.set_temp("connections", 1):
        tables = hapi.chunks(*ACE, "Magnitude", chunk=86400)
        assert len(next(tables)) == 5400
        with pytest.raises(ServerError, match="500"):
            next(tables)


@pytest.mark.parametrize(
    ("arguments", "more", "words"),
    [
        (("cdaweb", "AC_H0_MFI"), {}, "start, stop must be given"),
        ((*ACE, "Nothing"), {}, "has no parameter 'Nothing'"),
        (ACE, {"rows": 0}, "rows"),
        (ACE, {"scale": "ut1"}, "time scale"),
        (ACE, {"info": HEADER}, "for files only"),
        ((b"#{}",), {"format": "csv"}, "either files or a range"),
        (([],), {}, "no rows to load"),
    ],
)
def test_bad_arguments_are_refused_when_the_function_is_called(
    archive: Any, arguments: Any, more: Any, words: str
) -> None:
    with pytest.raises(QueryError, match=words):
        hapi.chunks(*arguments, **more)
    assert not [one for one in archive.log if one.path.endswith("/data")]


def test_a_range_without_data_is_an_error_at_once(archive: Any) -> None:
    with pytest.warns(IncompleteAnswerWarning), pytest.raises(CoverageError):
        hapi.chunks("cdaweb", "AC_H0_MFI", "1980-01-01", "1980-01-02")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return files of 100 records, the last of which is the first one of the next file."""
    monkeypatch.setattr(read, "_SMALL", 0)
    monkeypatch.setattr(csv, "_SEGMENT", 300)
    made = [tmp_path / f"{index}.hapi" for index in range(4)]
    for index, path in enumerate(made):
        path.write_bytes(csv_of(range(index * 99, index * 99 + 100)))
    return made


@pytest.mark.parametrize("rows", [None, 1, 7])
def test_chunks_of_files_are_their_records(files: list[Path], rows: int | None) -> None:
    tables = list(hapi.chunks(files, rows=rows))
    assert [n for table in tables for n in table["n"].value.tolist()] == list(range(397))
    assert max(map(len, tables)) <= (rows or 20)


def test_a_folder_and_bytes_are_files(files: list[Path]) -> None:
    assert same(hapi.chunks(files[0].parent), hapi.read(files))
    assert same(hapi.chunks(str(files[0].parent)), hapi.read(files))
    assert same(hapi.chunks([one.read_bytes() for one in files]), hapi.read(files))


def test_different_records_at_the_border_of_files_are_kept(files: list[Path]) -> None:
    files[1].write_bytes(files[1].read_bytes().replace(b"01:39:00Z,99", b"01:39:00Z,-1"))
    assert sum(map(len, hapi.chunks(files[:2]))) == len(hapi.read(files[:2])) == 200


def test_files_that_are_not_in_order_are_an_error(files: list[Path]) -> None:
    tables = hapi.chunks([files[1], files[0]])
    with pytest.raises(FileError, match=r"0\.hapi: The record at 2026-01-10T00:00:00.* follows .* read these with"):
        list(tables)


def test_files_of_different_parameters_are_refused_at_once(files: list[Path]) -> None:
    files[1].write_bytes(files[1].read_bytes().replace(b'"n"', b'"m"'))
    with pytest.raises(FileError, match="different parameters"):
        hapi.chunks(files)


@pytest.mark.parametrize("form", ["binary", "json"])
def test_chunks_of_files_in_other_formats_are_their_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(read, "_SMALL", 0)
    monkeypatch.setattr(chunks_module, "_READ", 240)  # ten records of 24 bytes
    times = [f"2026-01-10T{row // 60:02}:{row % 60:02}:00Z" for row in range(100)]
    header = json.dumps({**HEADER, "format": form})
    records = np.array(list(zip(times, range(100), strict=True)), [("t", "S20"), ("n", "<i4")])
    nested = json.dumps([[time, row] for row, time in enumerate(times)])
    path = tmp_path / "records.hapi"
    path.write_bytes(
        f"#{header}\n".encode() + records.tobytes()
        if form == "binary"
        else f'{header[:-1]}, "data": {nested}}}'.encode()
    )
    tables = list(hapi.chunks(path))
    assert [len(one) for one in tables] == {"binary": [10] * 10, "json": [100]}[form]
    assert [n for one in tables for n in one["n"].value.tolist()] == list(range(100))


def test_a_file_that_only_repeats_the_end_of_the_one_before_adds_nothing(files: list[Path]) -> None:
    files[1].write_bytes(csv_of(range(99, 100)))
    assert sum(map(len, hapi.chunks(files[:2]))) == 100


def test_files_without_records_have_no_chunks(files: list[Path]) -> None:
    files[0].write_bytes(csv_of(range(0)))
    assert list(hapi.chunks(files[:1])) == []
