"""Test the how-to page for members of the mission: its code runs, and its program for new files after interruptions."""

from __future__ import annotations

import base64
import re
import textwrap
from pathlib import Path

import pytest

from sunpy_helio_plugins.sandbox.imap import catalogue, operations

PAGES = Path(__file__).parents[2] / "docs" / "how_to"


def blocks_of(name: str) -> list[str]:
    """Return the blocks of code of a page."""
    text = (PAGES / name).read_text(encoding="utf-8")
    found = re.findall(r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", text, re.MULTILINE)
    return list(map(textwrap.dedent, found))


@pytest.mark.usefixtures("archive")
def test_the_code_of_the_page_for_members_of_the_mission_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    token = base64.b64encode(f"{operations.USER}:{operations.PASSWORD}".encode()).decode()
    monkeypatch.setenv("IMAP_WEBPODA_TOKEN", token)
    space: dict = {}
    first, *_, daily, manifest, again = blocks_of("imap_mission.rst")
    for block in (first, daily, manifest, again):
        exec(block, space)
    assert "imap_mag_l0_raw_20260109" in capsys.readouterr().out


class TestNewFiles:
    """The program of the page for instrument teams, with a service whose files arrive one after the other."""

    @pytest.fixture
    def arrive(self, archive, monkeypatch):
        """Return a function that sets the time until which files were ingested."""
        ask = catalogue.Catalogue.ask
        now = ["9"]

        def ingested(self, parameters, *, keyed):
            return [row for row in ask(self, parameters, keyed=keyed) if row["ingestion_date"] <= now[0]]

        monkeypatch.setattr(catalogue.Catalogue, "ask", ingested)
        return lambda stamp: now.__setitem__(0, stamp)

    @pytest.fixture
    def program(self, archive, tmp_path, monkeypatch):
        """Return the names that the page defines, after the program has run once."""
        monkeypatch.chdir(tmp_path)
        space: dict = {}
        for block in blocks_of("imap_mission.rst")[:3]:
            exec(block, space)
        return space

    def test_the_program_of_the_page_runs(self, program):
        results = sorted(path.name for path in Path("team/results").iterdir())
        assert len(results) == 8
        assert re.fullmatch(r"\d+ records, \d+ kernels\n", Path("team/results", results[0]).read_text())
        assert Path("team/processed-until.txt").read_text() == "2026-02-12T04:01:01.000000000"
        assert program["run"](Path("team"), program["process"]) == []

    def test_only_new_files_are_processed_with_their_kernels(self, arrive, program):
        calls = []

        def process(files, kernels, results):
            calls.append(([path.name for path in files], {path.name for path in kernels}))
            program["process"](files, kernels, results)

        tree = Path("other")
        for stamp in ("20260209 23:59:59", "20260209 23:59:59", "20260210 23:59:59", "20260211 23:59:59"):
            arrive(stamp)
            program["run"](tree, process)
        assert [[name.removeprefix("imap_mag_l2_norm-") for name in names] for names, _ in calls] == [
            ["gse_20260109_v001.0001.cdf", "rtn_20260109_v001.0001.cdf"],
            ["gse_20260110_v001.0002.cdf", "rtn_20260110_v001.0001.cdf"],
            ["gse_20260111_v002.0001.cdf", "rtn_20260111_v001.0001.cdf"],
        ]
        assert "imap_2026_010_2026_011_01.ah.bc" in calls[1][1]
        assert all((tree / "imap/spice/ck" / name).exists() for name in calls[1][1] if name.endswith(".ah.bc"))

    def test_a_run_that_is_killed_while_it_processes_is_made_up_for(self, arrive, program):
        arrive("20260210 23:59:59")
        tree, done = Path("other"), []

        def killed(files, kernels, results):
            program["process"](files[:1], kernels, results)
            done.extend(files[:1])
            raise SystemExit

        with pytest.raises(SystemExit):
            program["run"](tree, killed)
        assert not (tree / "processed-until.txt").exists()
        left = program["run"](tree, program["process"])
        assert len(left) == 3
        assert not set(left) & set(done)
        assert (tree / "processed-until.txt").read_text().startswith("2026-02-10T04:01:02")

    def test_a_file_that_does_not_come_is_asked_for_again(self, archive, arrive, program):
        arrive("20260211 23:59:59")
        tree = Path("other")
        late = "norm-rtn_20260110"
        with archive.fault("status", status=404, path="/imap/download", where=lambda one: late in one.path):
            first = program["run"](tree, program["process"])
        assert len(first) == 5
        assert (tree / "processed-until.txt").read_text().startswith("2026-02-09T04:01:01")
        assert [path.name for path in program["run"](tree, program["process"])] == [f"imap_mag_l2_{late}_v001.0001.cdf"]
