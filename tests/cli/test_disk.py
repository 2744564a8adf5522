"""Test disks that are full, read-only or in the way: one sentence, its exit code, and no partial file."""

from __future__ import annotations

import errno
import os

import pytest

from sunpy_helio_plugins.store import publish

LINES = {
    "imap download": "imap --data-dir . download imap_mag_l2_norm-gse_20260110_v001.0001.cdf",
    "imap sync": "imap sync . --instrument mag --descriptor norm-gse --start-date 20260110 --end-date 20260110",
    "imap query": "imap query --instrument mag -o mag.csv",
    "hapi data": "hapi data cdaweb AC_H0_MFI 2026-01-10 2026-01-10T00:10 -o field.csv",
    "hapi data to FITS": "hapi data cdaweb AC_H0_MFI 2026-01-10 2026-01-10T00:10 -o field.fits",
    "hapi plot": "hapi data cdaweb AC_H0_MFI 2026-01-10 2026-01-10T00:10 --parameters Magnitude -o field.png",
    "helioviewer fetch": "helioviewer fetch 2026-01-10T11:58 2026-01-10T11:58:30 --source 13",
    "helioviewer screenshot": "helioviewer screenshot 2026-01-10T12:00 sun.png --layers 13 --size 64x64",
    "her search": "her search 2026-01-10 --type CH --limit 1 -o holes.ecsv",
    "her export": "her export ivo://helio-informatics.org/FL_SWPC_20260110_014700_20260110011800",
}


@pytest.mark.filterwarnings("default::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
@pytest.mark.parametrize(
    ("name", "number", "said"),
    [
        *((name, errno.ENOSPC, "the disk is full") for name in LINES),
        *((name, errno.EROFS, "the disk is read-only") for name in ("imap download", "imap query")),
    ],
)
def test_a_disk_that_refuses_is_one_sentence(archive, run, tmp_path, monkeypatch, name, number, said):
    def refuse(self, data):
        raise OSError(number, os.strerror(number))

    class Refusing(publish.io.FileIO):
        write = refuse

    monkeypatch.setattr(publish.io, "FileIO", Refusing)
    result = run(LINES[name])
    assert (result.exit_code, result.stdout) == (3, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"] == []


@pytest.mark.parametrize(
    "line",
    [
        "helioviewer fetch 2026-01-10T11:58 2026-01-10T11:58:30 --source 13 -d taken",
        "her export ivo://helio-informatics.org/FL_SWPC_20260110_014700_20260110011800 -d taken",
        "imap sync taken --instrument mag --start-date 20260110 --end-date 20260110",
        "imap query --instrument mag -o taken/mag.csv",
    ],
)
@pytest.mark.filterwarnings("default::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
def test_a_file_in_the_way_of_a_folder_is_wrong_use(archive, run, tmp_path, line):
    (tmp_path / "taken").write_text("a file")
    result = run(line)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "taken" in result.stderr
    assert result.stderr.count("\n") == 1
    assert (tmp_path / "taken").read_text() == "a file"
