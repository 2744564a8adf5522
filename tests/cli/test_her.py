"""Test ``sunpy-helio her``: events of the registry."""

from __future__ import annotations

import csv
import io
import json

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import HERClient, her

FLARE = "ivo://helio-informatics.org/FL_SWPC_20260110_014700_20260110011800"


class TestSearch:
    def test_a_day_without_an_end_is_a_whole_day(self, archive, run):
        found = json.loads(run("her search 2026-01-10 --type FL --json").stdout)
        wanted = HERClient().search(a.Time("2026-01-10", "2026-01-10T23:59:59.999"), a.her.FL)
        assert [row["kb_archivid"] for row in found["rows"]] == list(wanted["kb_archivid"])

    def test_a_table_for_people_has_the_columns_that_the_table_shows(self, archive, run):
        header = run("her search 20260110 --type FL").stdout.splitlines()[0].split()
        assert header[:4] == ["event_starttime", "event_endtime", "event_type", "frm_name"]
        assert "fl_goescls" in header
        assert "raw" not in header

    @pytest.mark.parametrize(
        ("comparison", "expected"),
        [
            ("fl_goescls>M1", {"M1.2", "X1.6", "M5.0"}),
            ("fl_goescls >= X1", {"X1.6"}),
            ("FL.ar_noaanum = 14331", {"C1.1", "M5.0"}),
            ("fl_goescls=M5.0", {"M5.0"}),
        ],
    )
    def test_keywords_are_compared(self, archive, run, comparison, expected):
        line = [
            "her",
            "search",
            "2026-01-10",
            "--type",
            "FL",
            "--where",
            comparison,
            "--where",
            "frm_name~SW%",
            "--csv",
        ]
        found = csv.DictReader(io.StringIO(run(line).stdout))
        assert {row["fl_goescls"] for row in found} == expected

    @pytest.mark.parametrize(("sign", "count"), [("=", 18), ("!=", 0)])
    def test_booleans_and_texts_are_compared(self, archive, run, sign, count):
        line = ["her", "search", "2026-01-10", "--type", "CH", "--where", "frm_humanflag=false"]
        result = run([*line, "--where", f"frm_name{sign}SPoCA", "--json"])
        assert len(json.loads(result.stdout)["rows"]) == count

    def test_several_types_are_one_search(self, archive, run):
        found = json.loads(run("her search 2026-01-10 --type FL,CH --type ar --json").stdout)["rows"]
        assert {row["event_type"] for row in found} >= {"FL", "CH"}
        assert len({row["kb_archivid"] for row in found}) == len(found)

    def test_outlines_are_text(self, archive, run):
        lines = run("her search 2026-01-10 --type CH --columns event_type,hpc_boundcc,hpc_coord.lon --csv").stdout
        row = next(csv.DictReader(io.StringIO(lines)))
        assert row["hpc_boundcc"].startswith("POLYGON((")
        assert float(row["hpc_coord.lon"])

    def test_a_limit(self, archive, run):
        assert len(json.loads(run("her search 2026-01-10 --limit 2 --json").stdout)["rows"]) == 2

    def test_no_events_are_a_whole_answer(self, archive, run):
        result = run("her search 2026-01-10T00:00 --type FL")
        assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No events.\n")
        assert run("her search 2026-01-10T00:00 --type FL -q").stderr == ""

    def test_a_dry_run_prints_the_requests(self, archive, run):
        (url,) = run("her search 2026-01-10 2026-01-11 --type FL --dry-run").stdout.splitlines()
        assert "event_type=fl" in url.lower()
        assert archive.log == []

    def test_a_table_in_ecsv_is_read_as_events(self, archive, run, tmp_path):
        assert run("her search 2026-01-10 --type CH -o holes.ecsv").exit_code == 0
        assert len(her.HERTable.read(tmp_path / "holes.ecsv")) == 18

    @pytest.mark.filterwarnings("default::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
    def test_an_archive_that_is_silent_is_nothing(self, archive, run):
        with archive.fault("status", path="/hek/her", status=400):
            result = run("her search 2026-01-10 --type FL --json")
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr.startswith("Error: ")
        assert "400" in result.stderr

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (["2026-01-10", "--type", "XX"], "'XX'. The types are AR, CE,"),
            (["2026-01-10", "--type", "flar"], "'flar'. Did you mean Flare?"),
            (["2026-01-10", "--json", "-o", "a.csv"], "--json does not write a.csv"),
            (["2026-01-10", "--where", "fl_goescls"], "is not a comparison"),
            (
                ["2026-01-10", "--where", "fl_goesclass>M1"],
                "no keyword 'fl_goesclass' to compare. Did you mean fl_goescls",
            ),
            (["2026-01-10", "--where", "ZZ.fl_goescls>M1"], "ZZ"),
            (["2026-01-10", "--where", "ar_noaanum>many"], "many"),
            (["2026-01-10", "--limit", "0"], "Invalid value for '--limit'"),
            (["2026-01-10", "--limit", "x"], "not a valid integer"),
            (["2026-01-10", "--columns", "fl_goesclass"], "'fl_goesclass'. Did you mean fl_goescls"),
            (["10 January"], "is not a time"),
            (["2026-01-11", "2026-01-10"], "is before the start"),
        ],
    )
    def test_wrong_use_is_one_sentence(self, archive, run, words, said):
        result = run(["her", "search", *words])
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1


class TestEvents:
    def test_an_event_is_shown(self, archive, run):
        said = run(f"her show {FLARE}").stdout.splitlines()
        assert said[:2] == ["event_type: FL", f"kb_archivid: {FLARE}"]
        assert "fl_goescls: C3.4" in said
        assert said[-1] == f"page: {her.summary_url(FLARE)}"

    def test_an_event_in_json(self, archive, run):
        found = json.loads(run(f"her show {FLARE} --json").stdout)
        assert (found["version"], found["event"]["fl_goescls"]) == (1, "C3.4")
        assert found["references"][0]["ref_name"] == "FRM_URL"

    def test_events_are_exported(self, archive, run, tmp_path):
        result = run("her export - -d events", f"{FLARE}\n")
        assert (result.exit_code, result.stderr) == (0, "")
        assert her.voevent.read(tmp_path / result.stdout.strip()).ivorn == FLARE

    def test_an_event_that_does_not_exist_is_told(self, archive, run, tmp_path):
        result = run(f"her export {FLARE} {FLARE}1 -d events")
        assert result.exit_code == 1
        assert len(list((tmp_path / "events").iterdir())) == 1
        assert f"{FLARE}1" in result.stderr

    def test_a_dry_run_prints_the_addresses(self, archive, run, tmp_path):
        assert run(f"her export {FLARE} --dry-run").stdout == f"Would download {her.voevent_url(FLARE)}\n"
        assert archive.log == []

    def test_a_list_that_is_not_text_is_wrong_use(self, archive, run):
        result = run("her export -", b"\xff\xfe\x00")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith("Error: Standard input is not text;")

    @pytest.mark.parametrize("line", ["show FL_1", "export FL_1", "show"])
    def test_wrong_use_is_one_sentence(self, archive, run, line):
        result = run(f"her {line}")
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.count("\n") == 1

    def test_a_missing_event_is_nothing(self, archive, run):
        result = run(f"her show {FLARE}1")
        assert result.exit_code == 3
        assert f"no event with ivorn {FLARE}1" in result.stderr
