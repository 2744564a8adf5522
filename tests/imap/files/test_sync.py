"""Test synchronized copies of an archive."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import conf, imap
from sunpy_helio_plugins import sandbox as sandbox_package
from sunpy_helio_plugins.errors import (
    FileError,
)
from sunpy_helio_plugins.imap.files.sync import MANIFEST
from sunpy_helio_plugins.sandbox.imap import service

SHIPPED = Path(sandbox_package.__file__).parent / "data" / "imap"
GSE = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
WORDS = a.Time("2026-01-10", "2026-01-12"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")


class TestSync:
    def sync(self, folder, words=WORDS, **kwargs):
        return imap.sync(words, folder, progress=False, **kwargs)

    def test_the_first_run_brings_all_and_the_second_nothing(self, archive, tmp_path):
        first = self.sync(tmp_path)
        assert [path.name for path in first.new] == [
            GSE,
            *(f"imap_mag_l2_norm-gse_202601{end}.cdf" for end in ("11_v002.0001", "12_v001.0001")),
        ]
        archive.log.clear()
        second = self.sync(tmp_path)
        assert (second.new, second.kept, second.errors) == ([], first.new, [])
        assert [request.path for request in archive.log] == ["/imap/query"]

    def test_what_is_new_comes(self, archive, tmp_path):
        self.sync(tmp_path, (a.Time("2026-01-10", "2026-01-10 12:00"), *WORDS[1:]))
        assert len(self.sync(tmp_path).new) == 2

    def test_a_newer_version_comes_and_the_older_one_is_named(self, archive, tmp_path, monkeypatch):
        self.sync(tmp_path)
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        run = self.sync(tmp_path)
        assert [path.name for path in run.new] == ["imap_mag_l2_norm-gse_20260112_v001.0002.cdf"]
        assert [path.name for path in run.gone] == ["imap_mag_l2_norm-gse_20260112_v001.0001.cdf"]
        assert run.gone[0].is_file()

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
