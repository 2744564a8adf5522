"""Test frames of dask and data sets of xarray, whose records are requested or read when they are used."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pandas.testing import assert_frame_equal
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import hapi, series
from sunpy_helio_plugins.errors import (
    FileError,
    IncompleteAnswerWarning,
    MissingDependencyError,
    QueryError,
    ServerError,
)
from sunpy_helio_plugins.hapi.stream import folder, frames

sys.path.insert(0, str(Path(__file__).parent))
from test_parquet import ACE, DATA, FIRST, SECOND, sent, write


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.copy()
    frame.attrs = {}
    return frame


def test_a_frame_of_a_server_requests_what_is_computed(archive: Any) -> None:
    frame = hapi.to_dask(*ACE, chunk=86400)
    assert sent(archive) == []
    assert frame.npartitions == 3
    assert frame.divisions[0] == pd.Timestamp("2026-01-10", tz="UTC")
    assert_frame_equal(plain(frame.compute()), plain(series.to_pandas(hapi.load(*ACE))))
    archive.log.clear()
    assert len(frame.loc["2026-01-11"]) == 5400
    assert len(sent(archive)) == 1


def test_partitions_follow_from_the_cadence(archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_SIZE", 200_000)
    assert hapi.to_dask(*ACE).npartitions > 3


def test_a_request_that_fails_is_an_error_when_it_is_computed(archive: Any) -> None:
    frame = hapi.to_dask(*ACE, chunk=86400)
    with archive.fault("status", path=DATA, status=500), pytest.raises(ServerError, match="500"):
        frame.compute()


def test_the_end_of_a_dataset_is_told(archive: Any) -> None:
    with pytest.warns(IncompleteAnswerWarning, match="is not covered"):
        hapi.to_dask("cdaweb", "AC_H0_MFI", "2026-02-28", "2026-03-05")


def test_a_frame_of_files_has_one_partition_for_each(tmp_path: Path) -> None:
    frame = hapi.to_dask([FIRST, SECOND])
    assert frame.npartitions == 2
    # dask has another type of text.
    assert_frame_equal(plain(frame.compute()), plain(series.to_pandas(hapi.read(FIRST, SECOND))), check_dtype=False)


@pytest.mark.parametrize(
    ("arguments", "more", "words"),
    [
        (([],), {}, "no rows to load"),
        ((FIRST,), {"format": "csv"}, "either files or a range"),
        (ACE, {"info": {}}, "for files only"),
        (ACE[:2], {}, "must be given"),
    ],
)
def test_bad_arguments_are_refused(archive: Any, arguments: Any, more: Any, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        hapi.to_dask(*arguments, **more)


def test_without_dask_the_error_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, FIRST)
    monkeypatch.setitem(sys.modules, "dask.dataframe", None)
    for convert in (lambda: hapi.to_dask(FIRST), hapi.open(tmp_path).to_dask, hapi.open(tmp_path).to_xarray):
        with pytest.raises(MissingDependencyError, match=r"sunpy_helio_plugins\[dask\]"):
            convert()


@pytest.mark.parametrize("indexed", [10**7, 0])
def test_a_data_set_of_a_folder_is_that_of_its_table(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, indexed: int
) -> None:
    monkeypatch.setattr(folder, "_INDEXED", indexed)
    write(tmp_path)
    found, whole = hapi.open(tmp_path).to_xarray(), series.to_xarray(hapi.load(*ACE))
    assert found["BGSEc"].chunks == ((5400,) * 3, (3,))
    assert found.sizes == whole.sizes
    assert ("time" in found.indexes) is bool(indexed)
    for name in whole.variables:
        assert found[name].attrs == whole[name].attrs
        assert np.array_equal(found[name].values, whole[name].values, equal_nan=found[name].dtype.kind == "f")
    last = found.isel(time=slice(-10, None))
    assert (last if indexed else last.set_xindex("time")).sel(time="2026-01-12").sizes["time"] == 10


def test_all_kinds_of_columns_are_arrays_of_dask(tmp_path: Path) -> None:
    write(tmp_path, [FIRST, SECOND])
    found, whole = hapi.open(tmp_path).to_xarray(), series.to_xarray(hapi.read(FIRST, SECOND))
    assert found["a.b"].dtype == float
    assert np.array_equal(found["a.b"].values, whole["a.b"].values, equal_nan=True)
    assert found["text"].values.tolist() == ["x", "", "z"]
    assert np.array_equal(found["peak"].values, whole["peak"].values, equal_nan=True)
    assert found["grid"].shape == (3, 2, 2)
    assert np.array_equal(found["grid"].values, whole["grid"].values, equal_nan=True)


def test_integers_without_holes_stay_integers(tmp_path: Path) -> None:
    write(tmp_path, SECOND)
    assert hapi.open(tmp_path).to_xarray()["a.b"].dtype == np.int64


def test_only_the_columns_and_files_that_are_used_are_read(
    archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    read: list[tuple[str, str]] = []
    block = folder._block

    def noted(path: str, name: str, *rest: Any) -> Any:
        read.append((Path(path).stem, name))
        return block(path, name, *rest)

    monkeypatch.setattr(folder, "_block", noted)
    found = hapi.open(tmp_path).to_xarray()
    assert {name for _, name in read} == {"Time"}
    del read[:]
    found["Magnitude"].isel(time=slice(0, 10)).load()
    assert read == [("2026-01-10", "Magnitude")]


def test_a_frame_of_a_folder_is_that_of_its_table(archive: Any, tmp_path: Path) -> None:
    write(tmp_path)
    frame = hapi.open(tmp_path).to_dask()
    assert frame.npartitions == 3
    assert_frame_equal(plain(frame.compute()), plain(series.to_pandas(hapi.load(*ACE))))


def test_a_folder_without_records_is_converted(archive: Any, tmp_path: Path) -> None:
    with archive.fault("status", path=DATA, status=204):
        write(tmp_path, *ACE[:3], "2026-01-11")
    assert hapi.open(tmp_path).to_xarray().sizes["time"] == 0
    assert len(hapi.open(tmp_path).to_dask().compute()) == 0


def test_a_file_that_is_not_parquet_is_named(tmp_path: Path) -> None:
    (tmp_path / "2026-01-10.parquet").write_bytes(b"nothing")
    for convert in (hapi.open(tmp_path).to_xarray, hapi.open(tmp_path).to_dask, lambda: hapi.open(tmp_path).table):
        with pytest.raises(FileError, match="not a Parquet file"):
            convert()


def test_files_of_different_schemas_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    pq.write_table(pa.table({"x": [1]}), tmp_path / "2026-01-10.parquet")
    with pytest.raises(FileError, match="cannot be read as one table"):
        _ = hapi.open(tmp_path).table


def test_a_folder_of_hapi_files_is_opened_as_before(tmp_path: Path) -> None:
    (tmp_path / "a.hapi").write_bytes(FIRST)
    found = hapi.open(tmp_path)
    assert not isinstance(found, hapi.ParquetFolder)
    assert len(found.table) == 2


def test_ranges_that_overlap_have_no_divisions(archive: Any) -> None:
    rows = Fido.search(
        a.Time("2026-01-10", "2026-01-10T06:00") | a.Time("2026-01-10T03:00", "2026-01-10T09:00"),
        a.hapi.Server.cdaweb, a.hapi.Dataset("AC_H0_MFI"), a.hapi.Parameters("Magnitude"),
    )  # fmt: skip
    assert not hapi.to_dask(rows).known_divisions
    assert hapi.to_dask(rows[0]).known_divisions


def test_files_of_a_list_are_opened_as_one_table(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.hapi", "b.hapi")]
    for path, content in zip(paths, (FIRST, SECOND), strict=True):
        path.write_bytes(content)
    found = hapi.open(*paths)
    assert not isinstance(found, hapi.ParquetFolder)
    assert len(found.table) == 3
