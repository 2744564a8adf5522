"""Test synchronized copies of an archive."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from astropy.time import Time
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, imap
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import FileError, IncompleteAnswerWarning, Problem
from sunpy_helio_plugins.fido.partial import Partial
from sunpy_helio_plugins.imap import search, translator
from sunpy_helio_plugins.imap.files import sync
from sunpy_helio_plugins.imap.files.sync import MANIFEST
from sunpy_helio_plugins.sandbox.imap import service

REQUEST_ROWS = search.request_rows
SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"
GSE = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
NEXT = ["imap_mag_l2_norm-gse_20260111_v002.0001.cdf", "imap_mag_l2_norm-gse_20260112_v001.0001.cdf"]
WORDS = a.Time("2026-01-10", "2026-01-12"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")


class TestSync:
    def sync(self, folder, words=WORDS, **kwargs):
        return imap.sync(words, folder, progress=False, **kwargs)

    def test_the_first_run_brings_all_and_the_second_nothing(self, archive, tmp_path):
        first = self.sync(tmp_path)
        assert [path.name for path in first.new] == [
            GSE,
            *NEXT,
        ]
        archive.log.clear()
        second = self.sync(tmp_path)
        assert (second.new, second.kept, second.errors) == ([], first.new, [])
        assert [request.path for request in archive.log] == ["/imap/query"]

    def test_the_range_of_the_data_and_the_last_ingestion_are_told(self, archive, tmp_path):
        for run in (self.sync(tmp_path), self.sync(tmp_path)):
            assert (run.time_range.start.iso[:19], run.time_range.end.iso[:19]) == (
                "2026-01-10 00:00:00", "2026-01-13 00:00:00",
            )  # fmt: skip
            assert run.ingested.isot == "2026-02-12T04:01:01.000000000"
        empty = self.sync(tmp_path, (a.imap.Repointing(9),))
        assert (empty.time_range, empty.ingested) == (None, None)

    def test_the_last_ingestion_is_before_that_of_a_file_that_did_not_come(self, archive, tmp_path):
        with archive.fault("status", status=404, path="/imap/download", where=lambda one: NEXT[0] in one.path):
            run = self.sync(tmp_path)
        assert len(run.errors) == 1
        assert run.ingested.isot == "2026-02-10T04:01:02.000000000"
        assert run.time_range.end.iso[:10] == "2026-01-13"
        with archive.fault("status", status=404, path="/imap/download"):
            assert self.sync(tmp_path / "other").ingested is None

    def test_the_last_ingestion_is_unknown_if_that_of_a_file_that_did_not_come_is(self, archive, tmp_path, monkeypatch):
        def rows(query):
            found = REQUEST_ROWS(query)
            undated = {"ingestion_date": None}
            return Partial(tuple(row | undated if NEXT[0] in row["file_path"] else row for row in found.items))

        monkeypatch.setattr(search, "request_rows", rows)
        assert self.sync(tmp_path).ingested is not None
        with archive.fault("status", status=404, path="/imap/download", where=lambda one: NEXT[0] in one.path):
            assert self.sync(tmp_path / "other").ingested is None

    def test_the_last_ingestion_is_unknown_if_a_part_of_the_search_failed(self, archive, tmp_path):
        with archive.fault("status", status=403, where=lambda one: one.query.get("instrument") == "mag"):
            with pytest.warns(IncompleteAnswerWarning):
                run = self.sync(tmp_path, (a.Instrument("mag") | a.Instrument("swe"), WORDS[0], a.imap.File()))
        assert run.new
        assert run.ingested is None

    def test_a_calibration_without_an_end_counts_with_its_start(self, archive, tmp_path):
        run = self.sync(tmp_path, (a.Instrument("mag"), a.imap.Table("ancillary")))
        assert run.time_range.start == run.time_range.end == Time("2025-09-01")

    @pytest.mark.parametrize("in_manifest", [True, False])
    def test_a_file_that_was_ingested_again_comes_again(self, archive, tmp_path, in_manifest):
        first = self.sync(tmp_path)
        os.utime(first.new[0], (0, Time("2026-02-09").unix))
        if not in_manifest:
            (tmp_path / MANIFEST).unlink()
        second = self.sync(tmp_path)
        assert (second.new, second.kept) == (first.new[:1], first.new[1:])
        assert self.sync(tmp_path).new == []

    def test_a_daily_file_of_the_same_day_comes_again(self, archive, tmp_path):
        words = a.Time("2026-01-10", "2026-01-11 12:00"), a.imap.Table("ialirt")
        first = self.sync(tmp_path, words)
        os.utime(first.new[-1], (0, Time("2026-01-11T12:00").unix))
        assert self.sync(tmp_path, words).new == first.new[-1:]

    def test_what_is_new_comes(self, archive, tmp_path):
        self.sync(tmp_path, (a.Time("2026-01-10", "2026-01-10 12:00"), *WORDS[1:]))
        assert len(self.sync(tmp_path).new) == 2

    def test_a_newer_version_comes_and_the_older_one_is_named(self, archive, tmp_path, monkeypatch):
        self.sync(tmp_path)
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        run = self.sync(tmp_path)
        assert [path.name for path in run.new] == ["imap_mag_l2_norm-gse_20260112_v001.0002.cdf"]
        assert [path.name for path in run.superseded] == ["imap_mag_l2_norm-gse_20260112_v001.0001.cdf"]
        assert run.superseded[0].is_file()
        assert (run.outside, run.gone) == ([], [])
        # It is named until it is deleted.
        assert self.sync(tmp_path).superseded == run.superseded
        run.superseded[0].unlink()
        assert self.sync(tmp_path).superseded == []

    def test_a_newer_version_that_failed_supersedes_nothing(self, archive, tmp_path, monkeypatch):
        self.sync(tmp_path)
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        with conf.set_temp("retries", 0), archive.fault("cut_length", path="/imap/storage", times=1):
            run = self.sync(tmp_path)
        assert (len(run.errors), run.new, run.superseded, run.outside, run.gone) == (1, [], [], [], [])
        assert (run.errors[0].kind, run.errors[0].archive) == ("transfer", "IMAP SDC")

    def test_a_version_that_another_query_wants_is_not_superseded(self, archive, tmp_path, monkeypatch):
        self.sync(tmp_path)
        self.sync(tmp_path, (*WORDS, a.imap.Version("v001.0001")))
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        run = self.sync(tmp_path)
        assert (len(run.new), run.superseded, run.gone) == (1, [], [])

    def test_files_of_another_query_are_not_mentioned(self, archive, tmp_path):
        first = self.sync(tmp_path)
        other = self.sync(tmp_path, (WORDS[0], a.Instrument("swe"), a.Level("l1b")))
        assert (other.superseded, other.outside, other.gone) == ([], [], [])
        again = self.sync(tmp_path)
        assert (again.kept, again.superseded, again.outside, again.gone) == (first.new, [], [], [])

    def test_files_that_left_a_moving_window_are_outside(self, archive, tmp_path, monkeypatch):
        def ask(now):
            monkeypatch.setattr(translator, "Time", SimpleNamespace(now=lambda: Time(now)))
            return self.sync(tmp_path, (a.imap.Recent(3), *WORDS[1:]))

        first = ask("2026-01-12 12:00").new
        assert [path.name for path in first[1:]] == [GSE, *NEXT]
        run = ask("2026-01-14 12:00")
        assert (run.kept[:2], run.outside, run.superseded, run.gone) == (first[2:], first[:2], [], [])
        assert ask("2026-01-12 12:00").outside == run.new

    def test_files_that_are_selected_by_their_ingestion_are_outside(self, archive, tmp_path, monkeypatch):
        words = (*WORDS, a.imap.Ingested("2020-01-01", "2026-02-01"))
        monkeypatch.setattr(search, "request_rows", self.rows)
        assert len(self.sync(tmp_path, words).new) == 3
        monkeypatch.setattr(search, "request_rows", lambda query: self.rows(query, "20260110"))
        run = self.sync(tmp_path, words)
        assert ([path.name for path in run.outside], run.gone) == ([GSE], [])

    def test_a_newer_version_in_another_window_supersedes(self, archive, tmp_path, monkeypatch):
        self.sync(tmp_path, (a.Time("2026-01-11", "2026-01-12"), *WORDS[1:]))
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        run = self.sync(tmp_path, (a.Time("2026-01-12", "2026-01-13"), *WORDS[1:]))
        assert [path.name for path in run.superseded] == ["imap_mag_l2_norm-gse_20260112_v001.0001.cdf"]
        assert (run.outside, run.gone) == ([], [])

    def test_files_that_the_archive_withdrew_are_gone_if_the_list_is_complete(self, archive, tmp_path, monkeypatch):
        self.sync(tmp_path)
        problem = Problem("a part is missing.", "server", "IMAP SDC")
        monkeypatch.setattr(search, "request_rows", lambda query: self.rows(query, "20260110", problem))
        with pytest.warns(IncompleteAnswerWarning, match="a part is missing"):
            run = self.sync(tmp_path)
        assert (run.gone, run.errors, run.errors[0].kind) == ([], [problem], "server")
        monkeypatch.setattr(search, "request_rows", lambda query: self.rows(query, "20260110"))
        run = self.sync(tmp_path)
        assert [path.name for path in run.gone] == [GSE]
        assert (run.superseded, run.outside) == ([], [])

    @staticmethod
    def rows(query, hidden="", *problems):
        """Return the rows of the archive for any ingestion date, without those of a day."""
        found = REQUEST_ROWS(dataclasses.replace(query, since="", until=""))
        kept = [
            {**row, "ingestion_date": query.until[:19].replace("T", " ") if query.until else row["ingestion_date"]}
            for row in found.items
            if not hidden or hidden not in row["file_path"]
        ]
        return Partial(tuple(kept), problems)

    def test_facts_are_notes(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        run = self.sync(tmp_path)
        assert run.errors == []
        assert [note for note in run.notes if "not released" in note]

    def test_a_manifest_without_queries_is_read(self, archive, tmp_path):
        self.sync(tmp_path)
        manifest = tmp_path / MANIFEST
        manifest.write_text(json.dumps({"files": json.loads(manifest.read_text())["files"]}))
        run = self.sync(tmp_path)
        assert (len(run.kept), run.superseded, run.outside, run.gone) == (3, [], [], [])

    def test_runs_at_once_lose_nothing(self, archive, tmp_path):
        days = ("2026-01-10", "2026-01-11", "2026-01-12")

        def run(day):
            return self.sync(tmp_path, (a.Time(day, f"{day} 12:00"), *WORDS[1:]))

        with ThreadPoolExecutor(3) as pool:
            runs = list(pool.map(run, days))
        files = {path.relative_to(tmp_path).as_posix() for one in runs for path in one.new}
        manifest = json.loads((tmp_path / MANIFEST).read_text())
        assert set(manifest["files"]) == files == {key for one in manifest["queries"].values() for key in one["files"]}
        assert len(manifest["queries"]) == 3

    def test_files_that_were_cut_or_lost_come_again(self, archive, tmp_path):
        one, other, _ = self.sync(tmp_path).new
        one.write_bytes(one.read_bytes()[:1000])
        other.unlink()
        assert self.sync(tmp_path).new == [one, other]
        assert one.read_bytes() == (SHIPPED / one.name).read_bytes()

    def test_files_that_were_changed_are_found_by_their_digest(self, archive, tmp_path):
        one = self.sync(tmp_path).new[0]
        content = bytearray(one.read_bytes())
        content[-1] ^= 1
        one.write_bytes(content)
        assert self.sync(tmp_path).new == []
        assert self.sync(tmp_path, check=True).new == [one]

    def test_what_failed_is_said_and_comes_with_the_next_run(self, archive, tmp_path):
        with conf.set_temp("retries", 0), archive.fault("cut_length", path="/imap/storage", times=1):
            run = self.sync(tmp_path)
        assert (len(run.new), len(run.errors)) == (2, 1)
        assert len(self.sync(tmp_path).new) == 1

    def test_a_spoilt_manifest_is_refused(self, archive, tmp_path):
        (tmp_path / MANIFEST).write_text("{")
        with pytest.raises(FileError, match="remove it"):
            self.sync(tmp_path)

    def test_what_is_not_released_is_no_error(self, archive, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        assert self.sync(tmp_path).errors == []

    @pytest.mark.exhaustive
    @pytest.mark.parametrize("whole", [0, 1, 2])
    def test_a_kill_leaves_whole_files_and_the_next_run_the_rest(self, archive, tmp_path, whole):
        script = (
            "import sys; from sunpy.net import attrs as a; from sunpy_helio_plugins import conf, imap\n"
            f"conf.imap.url = {archive.url + '/imap'!r}; conf.cache = False\n"
            f"words = a.Time('2026-01-10', '2026-01-12'), a.Instrument('mag'), a.imap.Descriptor('norm-gse')\n"
            f"imap.sync(words, {str(tmp_path)!r}, progress=False)\n"
        )
        with archive.fault("slow_drip", path="/imap/storage", skip=whole):
            running = subprocess.Popen(
                [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            )
            ends = time.monotonic() + 60
            # Wait until the maximum number is complete, and the next one has begun.
            while time.monotonic() < ends and (
                len(list(tmp_path.rglob("*.cdf"))) < whole
                or sum("/storage/" in request.path for request in archive.log) <= whole
            ):
                time.sleep(0.05)
            running.send_signal(signal.SIGKILL)
            running.wait()
        for path in tmp_path.rglob("*.cdf"):
            assert path.read_bytes() == (SHIPPED / path.name).read_bytes()
        run = self.sync(tmp_path)
        assert len(run.new) + len(run.kept) == 3
        assert len(json.loads((tmp_path / MANIFEST).read_text())["files"]) == 3
        assert list(tmp_path.rglob("*.part")) == []


def test_names_of_no_convention_have_no_version():
    name = "imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v00{}.0002.cdf"
    assert sync._newest(["notes.txt", name.format(2), name.format(1)]) == {"imap_mag_l2_norm-gse_20260110.cdf": (2, 2)}
