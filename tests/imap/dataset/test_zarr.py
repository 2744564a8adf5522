"""Test Zarr folders of products, which are continued after an interruption."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import imap
from sunpy_helio_plugins.errors import FileError, MissingDependencyError, QueryError
from sunpy_helio_plugins.imap.dataset import zarr_folder

xarray = pytest.importorskip("xarray")
zarr = pytest.importorskip("zarr")


@pytest.fixture
def files(archive: Any, tmp_path: Path) -> list[str]:
    time = a.Time("2026-01-10", "2026-01-11 23:00")
    found = Fido.search(time, a.Instrument("mag"), a.imap.Descriptor("norm-gse"))
    return sorted(Fido.fetch(found, path=tmp_path / "files", progress=False))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zarr_folder, "BLOCK", 2**15)


def read(path: Path) -> Any:
    with xarray.open_zarr(path, consolidated=False) as found:
        return found.load()


def plain(one: Any) -> Any:
    return one.drop_attrs().drop_encoding()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("columns", [None, ["magnitude"]])
def test_the_folder_contains_the_data_set(files: list[str], tmp_path: Path, columns: Any) -> None:
    dataset = imap.open(files, columns=columns)
    path = dataset.to_zarr(tmp_path / "mag.zarr")
    assert path == tmp_path / "mag.zarr"
    found = read(path)
    assert len(found.attrs["written_blocks"]) > 2
    xarray.testing.assert_identical(plain(found), plain(dataset.to_xarray()))
    assert found["b_gse" if columns is None else "magnitude"].attrs["units"] == "nT"


@pytest.mark.usefixtures("small")
def test_only_missing_blocks_are_written(files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = imap.open(files)
    written: list[tuple[int, int]] = []
    write = zarr_folder._BlockWriter.__call__

    def two(self: Any, block: tuple[int, int]) -> None:
        if block[0] and not written:
            raise FileError("the disk was removed")
        return write(self, block)

    def counted(self: Any, block: tuple[int, int]) -> None:
        written.append(block)
        return write(self, block)

    monkeypatch.setattr(zarr_folder._BlockWriter, "__call__", two)
    with pytest.raises(FileError, match="the disk was removed"):
        dataset.to_zarr(tmp_path / "mag.zarr")
    monkeypatch.setattr(zarr_folder._BlockWriter, "__call__", counted)
    there = read(tmp_path / "mag.zarr").attrs["written_blocks"]
    dataset.to_zarr(tmp_path / "mag.zarr")
    assert {first for first, _ in written}.isdisjoint(there)
    xarray.testing.assert_identical(plain(read(tmp_path / "mag.zarr")), plain(dataset.to_xarray()))
    written.clear()
    dataset.to_zarr(tmp_path / "mag.zarr")
    assert written == []


def test_a_run_that_was_killed_while_the_arrays_were_made_is_repeated(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(self: Any, folder: Path, **_: object) -> None:
        (folder / ".zgroup").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(xarray.Dataset, "to_zarr", killed)
    with pytest.raises(KeyboardInterrupt):
        imap.open(files).to_zarr(tmp_path / "mag.zarr")
    assert list((tmp_path / "mag.zarr").iterdir()) == []
    monkeypatch.undo()
    path = imap.open(files).to_zarr(tmp_path / "mag.zarr")
    xarray.testing.assert_identical(plain(read(path)), plain(imap.open(files).to_xarray()))


def test_the_files_are_opened_once_and_closed(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    convert = imap.IMAPDataset.to_xarray
    monkeypatch.setattr(imap.IMAPDataset, "to_xarray", lambda self: (calls.append(self), convert(self))[1])
    imap.open(files).to_zarr(tmp_path / "mag.zarr")
    assert len(calls) == 1
    assert zarr_folder._latest == {}


def test_a_folder_of_something_else_is_refused(files: list[str], tmp_path: Path) -> None:
    imap.open(files).to_zarr(tmp_path / "mag.zarr")
    for other in (imap.open(files[:1]), imap.open(files, columns=["magnitude"]), imap.open(files, scale="tt")):
        with pytest.raises(QueryError, match=r"IMAPDataset\.to_zarr continues a folder of the same files, columns and"):
            other.to_zarr(tmp_path / "mag.zarr")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "note.txt").touch()
    with pytest.raises(QueryError, match="contains something else; give another path"):
        imap.open(files).to_zarr(tmp_path / "other")


@pytest.mark.usefixtures("small")
def test_workers_of_a_cluster_write_the_same_folder(files: list[str], tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, processes=False, host="127.0.0.1", protocol="tcp://", dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        imap.open(files).to_zarr(tmp_path / "mag.zarr", client=client)
    xarray.testing.assert_identical(plain(read(tmp_path / "mag.zarr")), plain(imap.open(files).to_xarray()))


@pytest.mark.parametrize("name", ["dask.array", "zarr"])
def test_without_its_package_the_error_names_the_extra(
    files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match="Writing a Zarr folder"):
        imap.open(files).to_zarr(tmp_path / "mag.zarr")
    assert not (tmp_path / "mag.zarr").exists()


def test_records_without_times_are_refused(tmp_path: Path) -> None:
    class Timeless:
        def to_xarray(self) -> Any:
            return xarray.Dataset({"x": ("y", [1, 2])})

    with pytest.raises(QueryError, match=r"writes records that have times; mag\.zarr would contain none"):
        zarr_folder.write_zarr(Timeless(), "timeless", tmp_path / "mag.zarr", None)
    assert not (tmp_path / "mag.zarr").exists()


def test_attributes_are_written_as_json_and_a_process_reads_the_records_once(tmp_path: Path) -> None:
    class Records:
        calls = 0

        def to_xarray(self) -> Any:
            self.calls += 1
            attrs = {"steps": np.arange(2), "count": np.int64(3), "text": "a", "path": Path("b")}
            return xarray.Dataset({"x": ("time", [1.0, 2.0])}, {"time": np.arange(2)}, attrs)

    made = Records()
    zarr_folder.write_zarr(made, "records", tmp_path / "x.zarr", None)
    found = read(tmp_path / "x.zarr")
    assert {name: found.attrs[name] for name in ("steps", "count", "text", "path")} == {
        "steps": [0, 1], "count": 3, "text": "a", "path": "b",
    }  # fmt: skip
    assert found["x"].values.tolist() == [1.0, 2.0]
    # As in a worker, which the records were not handed to.
    again = Records()
    assert zarr_folder._records("another", again) is zarr_folder._records("another", again)
    assert again.calls == 1
    zarr_folder._latest.clear()
