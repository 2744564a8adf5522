"""Test folders of Parquet files: complete, resumable, and readable as a whole by other packages."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, hapi, series
from sunpy_helio_plugins.errors import (
    DiskError,
    FileError,
    IncompleteAnswerWarning,
    InexactTimeWarning,
    LockedError,
    QueryError,
    ServerError,
)
from sunpy_helio_plugins.hapi.stream import parquet, parts
from sunpy_helio_plugins.quantities.spans import Moment, Span, period, periods
from sunpy_helio_plugins.series.columns import Losses
from sunpy_helio_plugins.store.publish import locked

ACE = ("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-13")
DATA = "/hapi/cdaweb/hapi/data"
DAYS = ["2026-01-10.parquet", "2026-01-11.parquet", "2026-01-12.parquet"]


def sent(archive: Any) -> list[Any]:
    return [one for one in archive.log if one.path.endswith("/data")]


def write(folder: Path, *question: Any, **more: Any) -> Any:
    return hapi.to_parquet(*(question or ACE), folder=folder, progress=False, **more)


def same(one: Any, other: Any) -> bool:
    assert one.colnames == other.colnames
    assert (one["Time"] == other["Time"]).all()
    for name in one.colnames[1:]:
        assert (one[name].unit, one[name].info.description) == (other[name].unit, other[name].info.description)
        assert (one[name].mask == other[name].mask).all()
        assert np.array_equal(one[name].unmasked.value, other[name].unmasked.value, equal_nan=True)
    return True


def test_one_file_for_each_day_has_the_records_of_load(archive: Any, tmp_path: Path) -> None:
    found = write(tmp_path / "ace")
    assert [one.name for one in found.files] == DAYS
    assert found.problems == ()
    assert same(found.table, hapi.load(*ACE))
    assert [len(series.from_parquet(one)) for one in found.files] == [5400] * 3
    assert repr(found) == f"<ParquetFolder {tmp_path / 'ace'}: 3 files>"


@pytest.mark.parametrize(
    ("partition", "names"),
    [
        ("hour", ["2026-01-10T22.parquet", "2026-01-10T23.parquet", "2026-01-11T00.parquet"]),
        ("day", ["2026-01-10.parquet", "2026-01-11.parquet"]),
        ("month", ["2026-01.parquet"]),
        ("year", ["2026.parquet"]),
    ],
)
def test_a_part_is_a_period_of_the_calendar(archive: Any, tmp_path: Path, partition: str, names: list[str]) -> None:
    question = (*ACE[:2], "2026-01-10T22:30", "2026-01-11T01:00", "Magnitude")
    found = write(tmp_path, *question, partition=partition)
    assert [one.name for one in found.files] == names
    assert same(found.table, hapi.load(*question))


def test_the_schema_is_that_of_the_header(archive: Any, tmp_path: Path) -> None:
    found = write(tmp_path)
    schemas = [pq.read_schema(one) for one in found.files]
    assert all(one.equals(schemas[0], check_metadata=True) for one in schemas)
    assert schemas[0].field("Time").type == pa.timestamp("ns", tz="UTC")
    assert schemas[0].field("BGSEc").type.list_size == 3
    assert schemas[0].field("Magnitude").metadata == {b"units": b"nT", b"description": b"B-field magnitude"}
    column = pyarrow.dataset.dataset(tmp_path).to_table(columns=["Magnitude"])["Magnitude"]
    assert column.null_count == int(hapi.load(*ACE)["Magnitude"].mask.sum()) > 0


def test_parts_that_are_there_are_not_requested_again(archive: Any, tmp_path: Path) -> None:
    write(tmp_path, *ACE[:3], "2026-01-11")
    times = {one: one.stat().st_mtime_ns for one in tmp_path.iterdir()}
    archive.log.clear()
    found = write(tmp_path)
    assert [one.name for one in found.files] == DAYS
    (request,) = sent(archive)
    assert (request.query["time.min"], request.query["time.max"]) == (
        "2026-01-11T00:00:00.000Z",
        "2026-01-13T00:00:00.000Z",
    )
    assert all(one.stat().st_mtime_ns == time for one, time in times.items())
    archive.log.clear()
    write(tmp_path)
    assert sent(archive) == []
    write(tmp_path, overwrite=True)
    assert len(sent(archive)) == 1


def test_a_longer_range_completes_the_first_and_the_last_part(archive: Any, tmp_path: Path) -> None:
    write(tmp_path, *ACE[:2], "2026-01-10T12:00", "2026-01-11T12:00", "Magnitude")
    write(tmp_path, *ACE[:2], "2026-01-10T06:00", "2026-01-10T18:00", "Magnitude")
    found = hapi.open(tmp_path)
    assert same(found.table, hapi.load(*ACE[:2], "2026-01-10T06:00", "2026-01-11T12:00", "Magnitude"))


def test_a_part_that_failed_is_not_marked_as_done(archive: Any, tmp_path: Path) -> None:
    with archive.fault("status", path=DATA, status=500, skip=1, times=1), conf.hapi.set_temp("connections", 1):
        with pytest.warns(IncompleteAnswerWarning, match=r"2026-01-11.parquet: .*500"):
            found = write(tmp_path, chunk=86400)
    assert [one.name for one in found.files] == [DAYS[0], DAYS[2]]
    assert len(found.problems) == 1
    assert "1 problems" in repr(found)
    archive.log.clear()
    found = write(tmp_path)
    assert len(sent(archive)) == 1
    assert same(found.table, hapi.load(*ACE))


def test_what_came_of_a_part_is_written_and_requested_again(archive: Any, tmp_path: Path) -> None:
    with archive.fault("status", path=DATA, status=500, skip=1, times=1), conf.hapi.set_temp("connections", 1):
        with pytest.warns(IncompleteAnswerWarning, match="06:00:00.000Z to 2026-01-10T11:59:59.999Z is missing"):
            found = write(tmp_path, *ACE[:3], "2026-01-11", chunk=6 * 3600)
    assert len(found.table) == 5400 - 1350
    with archive.fault("status", path=DATA, status=500, times=3), conf.hapi.set_temp("connections", 1):
        with pytest.raises(ServerError):
            write(tmp_path, *ACE[:3], "2026-01-11", chunk=6 * 3600)
    assert len(hapi.open(tmp_path).table) == 5400 - 1350
    found = write(tmp_path, *ACE[:3], "2026-01-11", chunk=6 * 3600)
    assert found.problems == ()
    assert same(found.table, hapi.load(*ACE[:3], "2026-01-11"))


def test_a_server_that_is_down_is_the_error(archive: Any, tmp_path: Path) -> None:
    with archive.fault("status", path=DATA, status=500) as fault, pytest.raises(ServerError, match="500"):
        write(tmp_path, chunk=86400)
    assert fault.played <= 3
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_ends_in_the_future_is_requested_again(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Moment, "now", classmethod(lambda cls: Moment.read("2026-01-12T18:00:00Z")))
    write(tmp_path)
    archive.log.clear()
    write(tmp_path)
    assert [one.query["time.min"] for one in sent(archive)] == ["2026-01-12T00:00:00.000Z"]
    monkeypatch.undo()
    write(tmp_path)
    archive.log.clear()
    write(tmp_path)
    assert sent(archive) == []


def test_a_period_without_records_is_a_file_without_rows(archive: Any, tmp_path: Path) -> None:
    with archive.fault("status", path=DATA, status=204) as fault:
        found = write(tmp_path, *ACE[:3], "2026-01-11")
    assert fault.played == 1
    assert [pq.read_metadata(one).num_rows for one in found.files] == [0]
    assert len(found.table) == 0
    archive.log.clear()
    write(tmp_path, *ACE[:3], "2026-01-11")
    assert sent(archive) == []


def test_rows_of_a_search_are_written(archive: Any, tmp_path: Path) -> None:
    found = Fido.search(a.Time("2026-01-10", "2026-01-11T23:00"), a.hapi.Server.cdaweb, a.hapi.Dataset("AC_H0_MFI"))
    assert same(write(tmp_path, found["hapi"]).table, hapi.load(found["hapi"]))


def test_a_damaged_part_is_requested_again(archive: Any, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / DAYS[1]).write_bytes((tmp_path / DAYS[1]).read_bytes()[:-20])
    archive.log.clear()
    assert same(write(tmp_path).table, hapi.load(*ACE))
    assert len(sent(archive)) == 1 + 1


@pytest.mark.parametrize("said", [b"{", b"[]", b"{}", pytest.param(b"[" * 100_000, id="deep")])
def test_a_part_with_a_damaged_description_is_requested_again(archive: Any, tmp_path: Path, said: bytes) -> None:
    write(tmp_path)
    part = pq.read_table(tmp_path / DAYS[1])
    with pq.ParquetWriter(tmp_path / DAYS[1], part.schema) as writer:
        writer.write_table(part)
        writer.add_key_value_metadata({b"sunpy_helio_plugins.part": said})
    archive.log.clear()
    assert same(write(tmp_path).table, hapi.load(*ACE))
    assert len(sent(archive)) == 1 + 1


def test_a_folder_of_other_records_is_refused(archive: Any, tmp_path: Path) -> None:
    write(tmp_path)
    archive.log.clear()
    with pytest.raises(QueryError, match=r"contains Time, Magnitude, BGSEc.* give another folder"):
        write(tmp_path, *ACE, "Magnitude")
    assert sent(archive) == []
    other = tmp_path / "other"
    other.mkdir()
    pq.write_table(pa.table({"x": [1]}), other / DAYS[0])
    with pytest.raises(QueryError, match="was not written by hapi"):
        write(other)


def test_a_folder_that_another_process_writes_to_is_refused(archive: Any, tmp_path: Path) -> None:
    (tmp_path / "ace").mkdir()
    with locked(tmp_path / "ace"), pytest.raises(LockedError, match="in use"):
        write(tmp_path / "ace")


def test_an_interrupted_run_leaves_complete_parts_only(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_part, done = parquet.write_part, []

    def interrupted(*args: Any, **kwargs: Any) -> None:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(write_part(*args, **kwargs))

    monkeypatch.setattr(parquet, "write_part", interrupted)
    with pytest.raises(KeyboardInterrupt), conf.hapi.set_temp("connections", 1):
        write(tmp_path)
    monkeypatch.undo()
    assert sorted(os.listdir(tmp_path)) == DAYS[:2]
    archive.log.clear()
    assert same(write(tmp_path).table, hapi.load(*ACE))
    assert sent(archive)[0].query["time.min"] == "2026-01-12T00:00:00.000Z"


def test_short_parts_come_with_one_request_and_long_ones_with_several(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "hours", partition="hour")
    assert len(sent(archive)) == 1
    assert len(hapi.open(tmp_path / "hours").files) == 72
    archive.log.clear()
    monkeypatch.setattr(parquet, "_SIZE", 100_000)
    found = write(tmp_path / "year", partition="year")
    assert len(sent(archive)) > 10
    assert pq.read_metadata(found.files[0]).num_row_groups == len(sent(archive))
    assert same(found.table, hapi.load(*ACE))


HEADER = {
    "HAPI": "3.0", "format": "csv",
    "parameters": [
        {"name": "Time", "type": "isotime", "length": 24},
        {"name": "a.b", "type": "integer", "units": "s", "fill": "-1"},
        {"name": "text", "type": "string", "length": 4, "fill": "-"},
        {"name": "peak", "type": "isotime", "length": 24, "fill": ""},
        {"name": "grid", "type": "double", "size": [2, 2], "units": "nT", "fill": "-1e31"},
    ],
}  # fmt: skip


def records(*rows: str) -> bytes:
    return f"#{json.dumps(HEADER)}\n".encode() + "".join(f"{row}\n" for row in rows).encode()


FIRST = records(
    "2016-12-31T23:00:00.000Z,1,x,2016-12-31T00:00:00.000Z,1,2,3,4",
    "2016-12-31T23:59:59.000Z,-1,-,,1,-1e31,3,4",
)
SECOND = records("2017-01-01T00:00:00.000Z,3,z,2016-12-31T00:00:00.000Z,1,2,3,4")


def test_files_are_written_by_day(tmp_path: Path) -> None:
    found = write(tmp_path, [FIRST, SECOND])
    assert [one.name for one in found.files] == ["2016-12-31.parquet", "2017-01-01.parquet"]
    table, whole = found.table, hapi.read(FIRST, SECOND)
    assert table["a.b"].filled(9 * u.s).value.tolist() == [1, 9, 3]
    assert table["text"].filled("?").tolist() == ["x", "?", "z"]
    assert table["peak"].mask.tolist() == [False, True, False]
    assert np.array_equal(table["grid"].unmasked.value, whole["grid"].unmasked.value, equal_nan=True)
    with pytest.raises(DiskError, match="2016-12-31"):
        write(tmp_path, [FIRST, SECOND])
    assert len(write(tmp_path, [FIRST, SECOND], overwrite=True).table) == 3


def test_times_within_a_leap_second_are_moved_with_a_warning(tmp_path: Path) -> None:
    with pytest.warns(InexactTimeWarning, match="1 times are within a leap second"):
        found = write(tmp_path, FIRST.replace(b"23:59:59.000", b"23:59:60.500"))
    assert found.table["Time"].isot.tolist()[1].startswith("2016-12-31T23:59:59.9")


def test_records_that_contradict_the_header_are_an_error_and_leave_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="do not have the types of the header"):
        write(tmp_path, [FIRST, SECOND.replace(b",3,z", b",0.5,z")])
    assert sorted(os.listdir(tmp_path)) == ["2016-12-31.parquet"]


@pytest.mark.parametrize(
    ("arguments", "more", "words"),
    [
        (ACE, {"partition": "week"}, "partition"),
        (ACE, {"info": HEADER}, "for files only"),
        (ACE[:2], {}, "must be given"),
        ((FIRST,), {"chunk": 3600}, "either files or a range"),
        ((ACE[0], ACE[1], "2026-01-10", "2026-01-11", "no"), {}, "has no parameter 'no'"),
    ],
)
def test_bad_arguments_are_refused(archive: Any, tmp_path: Path, arguments: Any, more: Any, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        write(tmp_path / "new", *arguments, **more)
    assert not (tmp_path / "new").exists()


def test_periods_cover_a_range_without_gaps() -> None:
    span = Span(Moment.read("2024-02-28T23:30:00.5Z"), Moment.read("2024-03-01T00:00:00Z"))
    for partition, count in (("hour", 25), ("day", 2), ("month", 1), ("year", 1)):
        found = periods(span, partition)
        assert len(found) == count
        assert (found[0][1].first, found[-1][1].before) == (span.first, span.before)
        assert all(one[1].before == other[1].first for one, other in pairwise(found))
    assert period("2024-02", "month") == Span(Moment.read("2024-02-01Z"), Moment.read("2024-03-01Z"))
    assert Moment.now().day == (datetime.now(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of dask, with pandas 3.1
def test_other_packages_read_a_folder_as_a_whole(archive: Any, tmp_path: Path) -> None:
    import dask.dataframe as dd
    import pandas as pd

    write(tmp_path, *ACE, "Magnitude")
    whole = hapi.load(*ACE, "Magnitude")
    lost = int(whole["Magnitude"].mask.sum())
    assert pyarrow.dataset.dataset(tmp_path).count_rows() == len(whole)
    for frame in (pd.read_parquet(tmp_path), dd.read_parquet(tmp_path).compute()):
        assert frame.shape == (len(whole), 2)
        assert frame["Magnitude"].isna().sum() == lost
        assert frame["Time"].iloc[0] == pd.Timestamp(whole["Time"][0].isot, tz="UTC")


def test_rows_of_a_search_that_found_nothing_are_refused(archive: Any, tmp_path: Path) -> None:
    rows = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.hapi.Server.cdaweb, a.hapi.Dataset("AC_H0_MFI"))["hapi"]
    with pytest.raises(QueryError, match=r"hapi\.to_parquet: there are no rows to load; the search found nothing"):
        hapi.to_parquet(rows[:0], folder=tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_times_that_nanoseconds_cannot_represent_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"has times before 1678 or after 2261, .* use hapi\.chunks for this range"):
        write(tmp_path, FIRST.replace(b"2016-12-31", b"1600-12-31").replace(b"2017-01-01", b"1601-01-01"))
    assert not list(tmp_path.glob("*.parquet"))


def test_an_incomplete_part_does_not_replace_one_with_more_records(tmp_path: Path) -> None:
    (path,) = write(tmp_path, FIRST).files[:1]
    there = parts.part_at(path)
    table = hapi.open(tmp_path).table[:1]
    assert there is not None
    schema, problems = parts.schema_of(table), list[str]()

    def incomplete() -> Any:
        yield table
        problems.append("a request failed")

    before = path.read_bytes()
    parts.write_part(there, schema, incomplete(), Losses(""), problems)
    assert path.read_bytes() == before
    parts.write_part(there, schema, iter([table]), Losses(""), [])
    assert pq.read_metadata(path).num_rows == 1


def test_an_empty_folder_has_no_table(tmp_path: Path) -> None:
    found = write(tmp_path, FIRST)
    for path in found.files:
        path.unlink()
    with pytest.raises(FileError, match=r"does not contain files with the suffix \.parquet"):
        _ = found.table
