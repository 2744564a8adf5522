"""Errors of the local disk name the path, and not the archive."""

from __future__ import annotations

import errno
import io as streams
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from astropy.table import QTable
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins as helio
from sunpy_helio_plugins import cdf, hapi, helioviewer, her, imap, io, series
from sunpy_helio_plugins.errors import DiskError, FileError, HelioPluginsError, QueryError, disk_error, local
from sunpy_helio_plugins.store import publish

DAY = a.Time("2026-01-10", "2026-01-11")
ARCHIVES = ("IMAP SDC", "Helioviewer", "HAPI", "HER", "http://", "asked:")
QUERIES = {
    "HAPI": (DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI")),
    "IMAP": (DAY, a.Instrument("mag"), a.imap.Descriptor("norm-gse")),
    "Helioviewer": (a.Time("2026-01-10 12:00", "2026-01-10 12:02"), a.helioviewer.SourceID(13)),
    "HER": (DAY, a.her.CH),
}
NAME = "imap_mag_l2_norm-gse_20260110_v001.0001.cdf"


def table() -> QTable:
    return QTable({"time": Time(["2026-01-10"]), "x": [1]})


def document() -> Any:
    return her.voevent.VOEvent("ivo://helio-informatics.org/CH_x", "CH", {})


def fetch(name: str) -> Callable[[Path], Any]:
    def fetched(folder: Path) -> Any:
        rows = getattr(helio, f"{name}Client")().search(*QUERIES[name])[:1]
        results = Fido.fetch(rows, path=str(folder / "{file}"), progress=False)
        for failure in results.errors:
            raise failure.exception
        return results

    return fetched


WRITERS: dict[str, Callable[[Path], Any]] = {
    **{f"{name}.fetch": fetch(name) for name in QUERIES},
    "imap.download": lambda folder: imap.download(NAME, folder),
    "imap.sync": lambda folder: imap.sync(QUERIES["IMAP"], folder / "copy", progress=False),
    "helioviewer.screenshot": lambda folder: helioviewer.screenshot("2026-01-10 12:00", [13], folder / "x.png"),
    "helioviewer.jpx": lambda folder: helioviewer.jpx("2026-01-10 12:00", "2026-01-10 12:02", 13, folder / "x.jpx"),
    "helioviewer.movie": lambda folder: helioviewer.movie(
        "2026-01-10 12:00", "2026-01-10 12:02", [13], folder / "x.mp4", progress=False
    ),
    "io.write": lambda folder: io.write(table(), folder / "x.ecsv"),
    "io.write fits": lambda folder: io.write(table(), folder / "x.fits"),
    "io.write asdf": lambda folder: io.write(table(), folder / "x.asdf"),
    "her.voevent.write": lambda folder: her.voevent.write(document(), folder / "x.xml", check=False),
    "hapi.write": lambda folder: hapi.write(table(), folder / "x.hapi"),
    "series.to_parquet": lambda folder: series.to_parquet(table(), folder / "x.parquet"),
    "series.to_votable": lambda folder: series.to_votable(table(), folder / "x.vot"),
}


def message(name: str, call: Callable[[], Any], folder: Path) -> str:
    with pytest.raises(HelioPluginsError) as caught:
        call()
    text = str(caught.value)
    assert str(folder) in text
    assert not [one for one in ARCHIVES if one in text.replace(str(folder), "")]
    assert isinstance(caught.value, OSError)
    return text


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for the state of a movie often."""
    monkeypatch.setattr("sunpy_helio_plugins.helioviewer.media.movies._SHORTEST", 0.02)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_in_the_way_of_a_folder(name: str, archive: Any, tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.write_text("")
    text = message(name, lambda: WRITERS[name](folder), folder)
    assert "file" in text


# astropy opens the files of io.write itself.
@pytest.mark.parametrize("name", [name for name in WRITERS if not name.startswith("io.")])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disk_that_refuses(
    name: str, number: int, archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(publish, "_PartStream", refuse)
    text = message(name, lambda: WRITERS[name](tmp_path), tmp_path)
    assert {errno.ENOSPC: "full", errno.EROFS: "read-only", errno.EACCES: "permission", errno.EIO: "disk"}[
        number
    ] in text


@pytest.mark.parametrize("name", [name for name in WRITERS if not name.startswith("io.")])
def test_a_disk_that_becomes_full(name: str, archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The part file can be made, and its content cannot be written."""

    def full(self: Any, data: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full(streams.FileIO):
        write = full

    monkeypatch.setattr(publish.io, "FileIO", Full)
    assert "full" in message(name, lambda: WRITERS[name](tmp_path), tmp_path)
    # An empty file that is locked, so that two runs do not write the same manifest, stays.
    assert [one for one in tmp_path.rglob("*") if one.is_file() and one.suffix != ".lock"] == []


@pytest.mark.parametrize("name", [name for name in WRITERS if not name.startswith("io.")])
def test_a_disk_that_fails_at_the_end(name: str, archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(number: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(publish.os, "fsync", fail)
    message(name, lambda: WRITERS[name](tmp_path), tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_full_device() -> None:
    with pytest.raises(DiskError, match=r"^/dev/full cannot be written: the disk is full"):
        io.write(table(), Path("/dev/full"), format="ecsv", overwrite=True)


READERS: dict[str, Callable[[Path], Any]] = {
    "cdf.read": cdf.read, "cdf.epochs": cdf.epochs, "imap.read": imap.read, "imap.epochs": imap.epochs,
    "hapi.read": hapi.read, "helioviewer.read": helioviewer.read, "io.read": io.read,
    "her.voevent.read": her.voevent.read, "HAPITable.read": hapi.HAPITable.read,
    "HERTable.read": her.HERTable.read, "IMAPTable.read": imap.IMAPTable.read,
    "hapi.open": lambda path: hapi.open(path).table, "imap.open": lambda path: imap.open(path).table,
    "series.from_parquet": series.from_parquet, "series.from_votable": series.from_votable,
}  # fmt: skip


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_does_not_exist(name: str, tmp_path: Path) -> None:
    path = tmp_path / "missing.ecsv"
    with pytest.raises((FileError, DiskError)) as caught:
        READERS[name](path)
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("name", READERS)
def test_a_name_that_is_too_long(name: str, tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="the name is too long"):
        READERS[name](tmp_path / f"{'x' * 300}.ecsv")


@pytest.mark.parametrize("name", [name for name in READERS if not name.startswith("io.")])
def test_an_address_that_is_not_valid(name: str) -> None:
    with pytest.raises(QueryError, match="the path of a file on this machine, not 'file://"):
        READERS[name]("file://[::1/x.ecsv")


def test_an_upload_names_a_file_that_cannot_be_read(tmp_path: Path, archive: Any) -> None:
    with pytest.raises(FileError, match=str(tmp_path)):
        imap.upload(tmp_path / NAME)


def test_a_manifest_that_cannot_be_read(tmp_path: Path, archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    imap.sync(QUERIES["IMAP"], tmp_path, progress=False)

    def refuse(self: Path, *args: Any, **kwargs: Any) -> str:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(DiskError, match=rf"{tmp_path}.*permission"):
        imap.sync(QUERIES["IMAP"], tmp_path, progress=False)


def test_errors_of_the_disk_are_those_of_python() -> None:
    for number, kind in (
        (errno.ENOENT, FileNotFoundError),
        (errno.EACCES, PermissionError),
        (errno.EISDIR, IsADirectoryError),
    ):
        error = disk_error(OSError(number, "x"), "/a/b")
        assert isinstance(error, kind)
        assert error.errno == number
        assert str(error).startswith("/a/b cannot be written: ")
    with pytest.raises(DiskError, match=r"^/a cannot be read: odd\.$"), local("/a", "read"):
        raise OSError("odd")
