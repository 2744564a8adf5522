"""Test ``sunpy-helio helioviewer``: images, movies and screenshots."""

from __future__ import annotations

import json
import math
from pathlib import Path

import astropy.units as u
import pytest
from astropy.table import QTable

from sunpy_helio_plugins import helioviewer

NOON = "2026-01-10T11:58 2026-01-10T12:00"
FIRST = "2026_01_10__11_58_17_131__SDO_AIA_AIA_304.jp2"


class TestImages:
    def test_sources_have_their_ids(self, archive, run):
        found = json.loads(run("helioviewer list --json").stdout)["rows"]
        assert [row["Source ID"] for row in found] == list(helioviewer.sources()["Source ID"])
        assert {row["Nickname"] for row in found if row["Source ID"] == 13} == {"AIA 304"}

    @pytest.mark.parametrize(
        "options",
        ["--source 13", "--instrument AIA --wavelength 304", "--observatory SDO --measurement 304", "--source 11,13"],
    )
    def test_images_are_listed(self, archive, run, options):
        found = json.loads(run(f"helioviewer list {NOON} {options} --json").stdout)["rows"]
        assert FIRST in [row["url"].rpartition("/")[2] for row in found]

    def test_a_grid_of_times(self, archive, run):
        line = "helioviewer list 2026-01-10T11:58 2026-01-10T12:00 --source 13 --sample 60 --json"
        found = json.loads(run(line).stdout)["rows"]
        assert [row["Start Time"][11:19] for row in found] == ["11:58:17", "11:58:53"]
        assert len(json.loads(run(line.replace("60", "3600")).stdout)["rows"]) == 1

    def test_a_table_for_people_has_no_addresses(self, archive, run):
        said = run(f"helioviewer list {NOON} --source 13").stdout
        assert "2026-01-10T11:58:17.131Z" in said
        assert "http" not in said

    def test_images_are_downloaded(self, archive, run, tmp_path):
        result = run(f"helioviewer fetch {NOON} --source 13 -d {{images}}")
        assert (result.exit_code, result.stderr) == (0, "")
        names = result.stdout.splitlines()
        assert names[0] == f"{{images}}/{FIRST}"
        assert all((tmp_path / name).is_file() for name in names)

    def test_parts_of_images_are_downloaded(self, archive, run, tmp_path):
        result = run(f"helioviewer fetch {NOON} --source 13 --region -300,100,100,400 -d parts")
        assert (result.exit_code, result.stderr) == (0, "")
        part = helioviewer.read(tmp_path / result.stdout.splitlines()[0])
        assert part.bottom_left_coord.Tx.to_value("arcsec") == pytest.approx(-300, abs=2)
        assert part.top_right_coord.Ty.to_value("arcsec") == pytest.approx(400, abs=2)
        result = run("helioviewer nearest 2026-01-10T12:00 --source 13 --fetch --size 64 -d small -q")
        assert helioviewer.read(tmp_path / result.stdout.strip()).data.shape == (64, 64)

    @pytest.mark.parametrize("given", ["1,2,3", "a,b,c,d", "100,100,-300,400", "0,0,nan,1", "0,0,1e999,1"])
    def test_other_regions_are_refused_before_any_request(self, archive, run, given):
        result = run(f"helioviewer fetch {NOON} --source 13 --region {given}")
        assert result.exit_code == 2
        assert "the lower left and the upper right corner as four numbers" in result.stderr
        assert archive.log == []

    def test_a_dry_run_lists_the_addresses(self, archive, run, tmp_path):
        said = json.loads(run(f"helioviewer fetch {NOON} --source 13 --dry-run --json").stdout)
        assert said["files"][0].endswith(FIRST)
        assert said["dry_run"] is True
        assert list(tmp_path.iterdir()) == []
        assert json.loads(run(f"helioviewer fetch {NOON} --source 13 --json").stdout)["dry_run"] is False

    @pytest.mark.filterwarnings("default::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
    def test_a_download_that_fails_is_told(self, archive, run, tmp_path):
        with archive.fault("status", path=f"/helioviewer/jp2/AIA/2026/01/10/304/{FIRST}", status=404):
            result = run(f"helioviewer fetch {NOON} --source 13 -d images")
        assert result.exit_code == 1
        assert len(result.stdout.splitlines()) == 2
        assert "404" in result.stderr

    def test_no_images_are_a_whole_answer(self, archive, run):
        result = run("helioviewer fetch 2026-01-10T11:58:00 2026-01-10T11:58:01 --source 13")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No files.\n")

    def test_the_nearest_images(self, archive, run, tmp_path):
        line = "helioviewer nearest 2026-01-10T12:00 --tolerance 60"
        found = json.loads(run(f"{line} --json").stdout)
        assert [row["Offset"] for row in found["rows"]] == [4, 5, 22]
        assert found["notes"]
        result = run(f"{line} --source 13 --fetch -d images -q")
        assert (result.exit_code, result.stderr) == (0, "")
        assert (tmp_path / result.stdout.strip()).is_file()

    def test_the_status_of_instruments(self, archive, run):
        assert "Newest Image" in run("helioviewer status").stdout.splitlines()[0]

    @pytest.mark.parametrize(
        ("seconds", "said"),
        [
            (27962500.0, "323 d 15 h"),
            (7260.0, "2 h 1 min"),
            (29.0, "0 h 0 min"),
            (-90.0, "-0 h 2 min"),
            (math.nan, "--"),
        ],
    )
    def test_the_age_of_an_image_is_a_duration_for_people(self, run, monkeypatch, seconds, said):
        table = QTable({"Instrument": ["AIA"], "Behind": [seconds] * u.s})
        monkeypatch.setattr(helioviewer, "status", table.copy)
        assert run("helioviewer status").stdout.splitlines()[-1] == f"AIA         {said}"
        (row,) = json.loads(run("helioviewer status --json").stdout)["rows"]
        assert row["Behind"] == (seconds if math.isfinite(seconds) else None)


class TestDrawings:
    def test_a_screenshot(self, archive, run, tmp_path):
        result = run("helioviewer screenshot 2026-01-10T12:00 sun.png --layers 11,13 --size 256x256 --image-scale 9")
        assert (result.exit_code, result.stdout) == (0, "sun.png\n")
        assert (tmp_path / "sun.png").read_bytes().startswith(b"\x89PNG")

    def test_a_movie(self, archive, run, tmp_path, monkeypatch):
        seen = []

        def movie(start, end, **options):
            seen.append((start.isot, end.isot, options))
            return tmp_path / "sun.mp4"

        monkeypatch.setattr(helioviewer, "movie", movie)
        line = (
            "helioviewer movie 2026-01-10T12:00 2026-01-10T13:00 sun.mp4 --layers 13,11 --size 128x64 --wait 5 --json"
        )
        assert json.loads(run(f"{line} --json").stdout)["files"] == [str(tmp_path / "sun.mp4")]
        options = {"layers": [13, 11], "file": "sun.mp4", "size": (128, 64), "wait": 5 * u.s, "progress": False}
        assert seen == [("2026-01-10T12:00:00.000", "2026-01-10T13:00:00.000", options)]

    @pytest.mark.parametrize(
        "line",
        ["screenshot 2026-01-10T12:00 sun.png --layers 13", "movie 2026-01-10 2026-01-11 sun.mp4 --layers 13"],
    )
    def test_a_dry_run_sends_nothing(self, archive, run, tmp_path, line):
        result = run(f"helioviewer {line} --dry-run")
        assert (result.exit_code, result.stdout.split()[:3:2]) == (0, ["Would", line.split()[-3]])
        assert archive.log == []
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("list --source 13", "Images need a START and an END"),
            ("list 2026-01-10T12:00 --source 13", "give the end of the range that starts at 2026-01-10T12:00"),
            (f"list {NOON}", "such as --instrument AIA"),
            (f"fetch {NOON} --sample 60", "such as --instrument AIA"),
            (f"list {NOON} --source 13 --sample -5", "Invalid value for '--sample'"),
            (f"list {NOON} --source x", "--source takes numbers"),
            (f"list {NOON} --source 99999", "99999"),
            (f"list {NOON} --instrument nobody", "nobody"),
            (f"list {NOON} --wavelength x", "--wavelength takes numbers"),
            ("list 2026-01-11 2026-01-10 --source 13", "is before the start"),
            ("nearest then", "'then' is not a time"),
            ("nearest 2026-01-10 --tolerance -1", "Invalid value for '--tolerance'"),
            ("screenshot 2026-01-10 sun.png", "Missing option '--layers'"),
            ("screenshot 2026-01-10 sun.png --layers 99999", "does not have the source 99999"),
            ("screenshot 2026-01-10 sun.png --layers 13 --size 5", "--size takes numbers"),
            ("movie 2026-01-10 2026-01-11 sun.gif --layers 13", "ends with .mp4 or .webm"),
            ("movie 2026-01-10 2026-01-11 absent/sun.mp4 --layers 13", "The folder absent does not exist"),
            ("screenshot 2026-01-10 sun.gif --layers 13", "ends with .png"),
            ("screenshot 2026-01-10 absent/sun.png --layers 13", "The folder absent does not exist"),
            ("movie 2026-01-10 2026-01-11 sun.mp4 --layers 13 --wait -1", "wait"),
        ],
    )
    def test_wrong_use_is_one_sentence(self, archive, run, tmp_path, line, said):
        result = run(f"helioviewer {line}")
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1
        assert list(Path(tmp_path).iterdir()) == []
