"""Test Zarr folders of images, which are continued after an interruption."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, helioviewer
from sunpy_helio_plugins.errors import (
    FileError,
    IncompleteAnswerWarning,
    LockedError,
    MissingDependencyError,
    QueryError,
)
from sunpy_helio_plugins.helioviewer.sequences import sequence, zarr_folder
from sunpy_helio_plugins.helioviewer.sequences.pictures import Picture
from sunpy_helio_plugins.store.publish import locked

zarr = pytest.importorskip("zarr")

pytestmark = pytest.mark.usefixtures("impatient")


@pytest.fixture
def shown(archive: Any) -> Any:
    time = a.Time("2026-01-10 11:58", "2026-01-10 12:01")
    return helioviewer.sequence(HelioviewerClient().search(time, a.helioviewer.SourceID(13)), size=64)


def names(archive: Any) -> set[str]:
    return {request.path.rpartition("/")[2] for request in archive.log}


def test_a_folder_contains_all_images_with_their_times(shown: Any, tmp_path: Path) -> None:
    assert shown.to_zarr(tmp_path / "day.zarr") == tmp_path / "day.zarr"
    group = zarr.open_group(tmp_path / "day.zarr", mode="r")
    assert (group["images"][:] == shown.to_array()).all()
    assert group["images"].chunks == (1, 64, 64)
    assert group.attrs["names"] == shown.names
    assert group.attrs["header"]["NAXIS1"] == 64
    assert group["written"][:].tolist() == [1] * len(shown)


def test_a_run_that_was_killed_while_the_arrays_were_made_is_repeated(
    shown: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(zarr_folder, "_plain", killed)
    with pytest.raises(KeyboardInterrupt):
        shown.to_zarr(tmp_path / "day.zarr")
    assert not (tmp_path / "day.zarr").exists()
    monkeypatch.undo()
    (tmp_path / ".day.zarr.partial").mkdir()  # of a process that was killed
    shown.to_zarr(tmp_path / "day.zarr")
    assert (zarr.open_group(tmp_path / "day.zarr", mode="r")["images"][:] == shown.to_array()).all()
    assert not (tmp_path / ".day.zarr.partial").exists()


def test_two_runs_do_not_write_one_folder(shown: Any, tmp_path: Path) -> None:
    (tmp_path / "day.zarr").mkdir()
    with locked(tmp_path / "day.zarr"), pytest.raises(LockedError):
        shown.to_zarr(tmp_path / "day.zarr")


def test_xarray_reads_times_and_dimensions(shown: Any, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    with xarray.open_zarr(shown.to_zarr(tmp_path / "day.zarr"), consolidated=False) as found:
        assert found["images"].dims == ("time", "y", "x")
        assert (found["time"].values.astype("M8[us]") == np.array([one.time for one in shown._pictures])).all()


def test_only_missing_images_are_fetched_again(shown: Any, archive: Any, tmp_path: Path) -> None:
    name = shown.names[2]
    with archive.fault("status", status=404, where=lambda request: name in request.path):
        with pytest.warns(IncompleteAnswerWarning, match=rf"1 of {len(shown)} images are missing. {name}"):
            shown.to_zarr(tmp_path / "day.zarr")
    archive.log.clear()
    shown.to_zarr(tmp_path / "day.zarr")
    assert names(archive) == {name}
    archive.log.clear()
    shown.to_zarr(tmp_path / "day.zarr")
    assert archive.log == []
    assert (zarr.open_group(tmp_path / "day.zarr", mode="r")["images"][:] == shown.to_array()).all()


def test_an_interruption_keeps_the_images_of_complete_blocks(
    shown: Any, archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zarr_folder, "BLOCK", 1)
    write = zarr_folder.ZarrFolder.write

    def interrupted(self: Any, number: int, image: Any) -> None:
        if number == 3:
            raise KeyboardInterrupt
        write(self, number, image)

    monkeypatch.setattr(zarr_folder.ZarrFolder, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shown.to_zarr(tmp_path / "day.zarr")
    monkeypatch.setattr(zarr_folder.ZarrFolder, "write", write)
    archive.log.clear()
    shown.to_zarr(tmp_path / "day.zarr")
    assert shown.names[3] in names(archive)
    assert (zarr.open_group(tmp_path / "day.zarr", mode="r")["images"][:] == shown.to_array()).all()


def test_later_images_are_added(shown: Any, archive: Any, tmp_path: Path) -> None:
    shown[:2].to_zarr(tmp_path / "day.zarr")
    archive.log.clear()
    shown.to_zarr(tmp_path / "day.zarr")
    assert names(archive) == set(shown.names[2:])
    assert (zarr.open_group(tmp_path / "day.zarr", mode="r")["images"][:] == shown.to_array()).all()


def test_a_folder_of_other_images_is_refused_and_kept(shown: Any, tmp_path: Path) -> None:
    shown[:2].to_zarr(tmp_path / "day.zarr")
    with pytest.raises(QueryError, match=r"contains 2 images of 64 x 64 pixels \(uint8\), from 2026_01_10__11_58"):
        shown[1:].to_zarr(tmp_path / "day.zarr")
    assert zarr.open_group(tmp_path / "day.zarr", mode="r")["written"][:].tolist() == [1, 1]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("kept")
    with pytest.raises(QueryError, match="contains other files"):
        shown.to_zarr(tmp_path / "other")
    assert (tmp_path / "other" / "notes.txt").read_text() == "kept"


def test_a_folder_of_another_region_of_the_same_shape_is_refused(shown: Any, archive: Any, tmp_path: Path) -> None:
    time = a.Time("2026-01-10 11:58", "2026-01-10 12:01")
    rows = HelioviewerClient().search(time, a.helioviewer.SourceID(13))
    first, second = (
        helioviewer.sequence(rows, region=[[left, 500], [left + 9, 509]] * u.pix) for left in (300, 600)
    )  # fmt: skip
    first.to_zarr(tmp_path / "day.zarr")
    with pytest.raises(QueryError, match=r"continues a folder with the same region and values: .* another CRPIX1"):
        second.to_zarr(tmp_path / "day.zarr")
    first.to_zarr(tmp_path / "day.zarr")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("zarr.json", b"{"),
        ("zarr.json", b"[]"),
        ("zarr.json", b'{"attributes": {"names": 5}, "zarr_format": 3, "node_type": "group"}'),
        ("images/zarr.json", b"{}"),
        ("time/zarr.json", b"{}"),
        ("written/zarr.json", b"{}"),
        ("written/c/0", b"damaged"),
    ],
)
def test_a_damaged_folder_is_refused(shown: Any, tmp_path: Path, name: str, content: bytes) -> None:
    folder = shown[:1].to_zarr(tmp_path / "day.zarr")
    (folder / name).write_bytes(content)
    with pytest.raises(QueryError, match="contains other files, or is damaged; give another path"):
        shown[:1].to_zarr(folder)


def test_a_folder_that_cannot_be_written_is_named(shown: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileError, match="file cannot be written: a part of the path is a file"):
        shown.to_zarr(tmp_path / "file")


def test_zarr_is_named_if_it_is_missing(shown: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(MissingDependencyError, match=r"\[zarr\]"):
        shown.to_zarr(tmp_path / "day.zarr")
    assert list(tmp_path.iterdir()) == []


def test_workers_of_a_cluster_write_the_same_folder(shown: Any, archive: Any, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    name = shown.names[2]
    with (
        distributed.LocalCluster(
            n_workers=2, processes=False, host="127.0.0.1", protocol="tcp://", dashboard_address="127.0.0.1:0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        with archive.fault("status", status=404, where=lambda request: name in request.path):
            with pytest.warns(IncompleteAnswerWarning, match=rf"1 of {len(shown)} images are missing. {name}"):
                shown.to_zarr(tmp_path / "day.zarr", client=client)
        archive.log.clear()
        shown.to_zarr(tmp_path / "day.zarr", client=client)
    assert names(archive) == {name}
    assert (zarr.open_group(tmp_path / "day.zarr", mode="r")["images"][:] == shown.to_array()).all()


def test_a_password_in_an_address_is_not_part_of_a_task() -> None:
    picture = Picture("a.jp2", np.datetime64("2026-01-10"), "https://user:s3cret@example.org/a.jp2")
    again = pickle.loads(pickle.dumps(picture))
    assert again == picture._replace(place="https://example.org/a.jp2")


def test_the_pixels_of_the_first_image_are_not_part_of_a_task(shown: Any) -> None:
    decoder = shown._decoder.without_pixels()
    assert len(pickle.dumps(decoder)) < 20_000
    again = pickle.loads(pickle.dumps(decoder))
    assert again.shape == decoder.shape == shown.shape[1:]
    assert (again.frame(shown._pictures[1]).data == shown[1:2].to_array()[0]).all()


def test_a_mistake_of_the_caller_ends_the_work_of_the_workers(
    shown: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def completed(*_: Any) -> Any:
        yield 0, QueryError("omit normalize")

    monkeypatch.setattr(sequence, "completed", completed)
    folder = SimpleNamespace(missing=lambda: [0], path=tmp_path, flush=lambda: None)
    with pytest.raises(QueryError, match="omit normalize"):
        shown._on(None, folder)
