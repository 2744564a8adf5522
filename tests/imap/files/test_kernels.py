"""Test the download of kernels for a time range, and the tables of spins and pointings."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.time import Time
from sunpy.net import attrs as a
from sunpy.time import TimeRange

from sunpy_helio_plugins import imap
from sunpy_helio_plugins.errors import AnswerError, FileError, QueryError, ServiceRefused, TransferError
from sunpy_helio_plugins.imap import filenames

HOUR = a.Time("2026-01-10 06:00", "2026-01-10 07:00")


class TestKernels:
    def test_the_files_of_a_metakernel_come_in_its_order(self, archive, tmp_path):
        files = imap.kernels(HOUR, tmp_path)
        text = imap.metakernel(HOUR)
        places = [text.index(file.name) for file in files]
        assert places == sorted(places)
        assert len(files) == text.count("/") == 9
        assert all(file == tmp_path / filenames.key_of(file.name) and file.stat().st_size for file in files)

    def test_files_that_exist_are_not_downloaded_again(self, archive, tmp_path):
        files = imap.kernels(HOUR, tmp_path)
        files[-1].write_bytes(b"")
        archive.log.clear()
        assert imap.kernels(TimeRange("2026-01-10 06:00", "2026-01-10 07:00"), tmp_path) == files
        assert [request.path.rpartition("/")[2] for request in archive.log if "download" in request.path] == [
            files[-1].name
        ]

    def test_of_some_types(self, archive, tmp_path):
        files = imap.kernels(("2026-01-10", "2026-01-11"), tmp_path, types=("leapseconds", "imap_frames"))
        assert [file.name for file in files] == ["naif0012.tls", "imap_130.tf"]

    def test_the_tree_of_the_settings_is_the_default(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
        (file,) = imap.kernels(HOUR, types="leapseconds")
        assert file == tmp_path / "imap/spice/lsk/naif0012.tls"

    def test_what_does_not_come_is_named_and_the_others_are_kept(self, archive, tmp_path):
        with archive.fault("status", status=404, path="/imap/download", where=lambda one: "de440" in one.path):
            with pytest.raises(TransferError, match=r"de440\.bsp"):
                imap.kernels(HOUR, tmp_path)
        assert len([file for file in tmp_path.rglob("*.*") if file.is_file()]) == 8

    def test_bad_arguments_send_nothing(self, archive):
        with pytest.raises(QueryError, match=r"imap\.kernels: 'clock' is not a type"):
            imap.kernels(HOUR, types=("clock",))
        with pytest.raises(QueryError, match=r"imap\.kernels takes a range of time"):
            imap.kernels("2026-01-10")
        assert not archive.log

    def test_no_kernels_are_an_error(self, archive):
        with pytest.raises(ServiceRefused, match="404"):
            imap.kernels(HOUR, types=("earth_attitude",))

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            (b"[]", "does not have kernels"),
            (b'{"a": 1}', "a list of kernels"),
            (b"[1]", "a list of kernels"),
            (b'["../../evil.sh"]', "'evil.sh'"),
        ],
    )
    def test_an_answer_that_is_no_list_of_kernels(self, answering, tmp_path, body, said):
        answering(200, body)
        with pytest.raises(AnswerError, match=said):
            imap.kernels(HOUR, tmp_path)


class TestSpins:
    def test_spins_of_several_files_are_one_table(self, archive, tmp_path):
        spins = imap.spin_table(("2026-01-08 00:04", "2026-01-10 12:00"), tmp_path)
        assert list(np.unique(spins["spin_number"] // 5760)) == [8, 9, 10]
        assert len(spins) == len(set(spins["spin_number"])) == 45
        assert spins["spin_period_sec"].unit == u.s
        assert isinstance(spins["spin_start_utc"], Time)
        assert spins["spin_start_utc"][5].iso == "2026-01-09 00:00:00.000000000"
        assert all(np.diff(spins["spin_start_utc"].jd) > 0)
        assert [path.rpartition("/")[2] for path in spins.meta["files"]] == [
            "imap_2026_008_2026_009_01.spin.csv", "imap_2026_009_2026_010_02.spin.csv",
        ]  # fmt: skip

    def test_the_spin_at_the_start_of_the_range_is_included(self, archive, tmp_path):
        spins = imap.spin_table(("2026-01-09 00:00:20", "2026-01-09 00:00:31"), tmp_path)
        assert list(spins["spin_number"]) == [51841, 51842]

    def test_no_files_are_an_error(self, archive, tmp_path):
        with pytest.raises(AnswerError, match="files of the type 'spin'"):
            imap.spin_table(("2026-03-09", "2026-03-10"), tmp_path)


class TestPointings:
    def test_the_newest_file_has_all_maneuvers(self, archive, tmp_path):
        table = imap.repoint_table(path=tmp_path)
        assert list(table["repoint_id"]) == [118, 119, 120, 121, 122, 123]
        assert list(table["repoint_end_utc"].mask) == [False] * 5 + [True]
        assert list(table["repoint_end_sec_sclk"].mask) == [False] * 5 + [True]
        assert list(table["pointing_end_utc"].mask) == [False] * 4 + [True] * 2
        assert (table["pointing_end_utc"][:4] == table["repoint_end_utc"][1:5]).all()
        assert table.meta["files"] == [str(tmp_path / "imap/spice/repoint/imap_2026_012_01.repoint.csv")]

    @pytest.mark.parametrize(
        ("time", "numbers"),
        [
            (("2026-01-10 12:00", "2026-01-11 05:10"), [120]),
            (("2026-01-10 12:00", "2026-01-11 05:15"), [120, 121]),
            (("2026-01-11 05:15", "2026-01-11 05:16"), [121]),
            (("2026-02-10", "2026-02-11"), [122]),  # its end is not known
            (("2026-01-01", "2026-01-02"), []),
        ],
    )
    def test_pointings_of_a_range(self, archive, tmp_path, time, numbers):
        assert list(imap.repoint_table(time, tmp_path)["repoint_id"]) == numbers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("repoint_id\n1\n", "repoint_start_utc, repoint_end_utc"),
        ("a,b\n1,2,3\n", "not a table in CSV"),
        ("a", "column"),
        (
            "repoint_id,repoint_start_utc,repoint_end_utc,repoint_start_sec_sclk,repoint_end_sec_sclk\n"
            "1,2026-77-10 00:00:00,2026-01-10 00:00:00,1,2\n",
            "the column repoint_start_utc contains what is not a time: '2026-77-10' .*Download again",
        ),
    ],
)
def test_a_file_that_is_no_such_table_is_named(archive, tmp_path, text, said):
    path = tmp_path / "imap/spice/repoint/imap_2026_012_01.repoint.csv"
    path.parent.mkdir(parents=True)
    path.write_text(text + "\n")
    with pytest.raises(FileError, match=rf"imap_2026_012_01\.repoint\.csv.*{said}"):
        imap.repoint_table(path=tmp_path)


def test_a_table_without_pointings_or_known_ends_is_read(archive, tmp_path):
    path = tmp_path / "imap/spice/repoint/imap_2026_012_01.repoint.csv"
    path.parent.mkdir(parents=True)
    names = "repoint_id,repoint_start_utc,repoint_end_utc,repoint_start_sec_sclk,repoint_end_sec_sclk"
    for rows in ("", "118,2026-01-10 04:00:00,,1,\n"):
        path.write_text(f"{names}\n{rows}")
        table = imap.repoint_table(path=tmp_path)
        assert len(table) == bool(rows)
        assert table.colnames == [*names.split(","), "pointing_end_utc"]
        assert np.all(table["repoint_end_utc"].mask)
