"""Test ``sunpy-helio imap``: the session of the mission's tutorial, and the official command on the same archive."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

import pytest
from imap_data_access import cli as official_cli
from imap_data_access import config as official_config

from sunpy_helio_plugins import imap, sandbox
from sunpy_helio_plugins.cli.imap import _KNOWN
from sunpy_helio_plugins.cli.queries import imap_attrs
from sunpy_helio_plugins.errors import IncompleteAnswerWarning, Problem, QueryError, TransferError
from sunpy_helio_plugins.imap.mission import EXTENSIONS, INSTRUMENTS, KERNELS, LEVELS
from sunpy_helio_plugins.sandbox.imap import service

SHIPPED = Path(sandbox.__file__).parent / "data" / "imap"
GSE = "imap_mag_l2_norm-gse_20260110_v001.0002.cdf"
KEY = f"imap/mag/l2/2026/01/{GSE}"


def rows(text: str) -> list[dict[str, str]]:
    """Return the rows of a table of the official command, of any of its versions."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if "|" in line and "---" not in line]
    header, *found = [[cell.strip() for cell in line] for line in lines] or [[]]
    return [dict(zip(header, cells, strict=True)) for cells in found]


@pytest.fixture
def tutorial(archive, run, tmp_path, monkeypatch):
    """Return a function that runs a line of the tutorial on the service of its time, with the first word changed."""
    monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("IMAP_DATA_ACCESS_URL", f"{archive.url}/imap/v0")

    def ran(line):
        first, _, rest = line.partition(" ")
        assert first == "imap-data-access"
        result = run(f"imap {rest}")
        assert (result.exit_code, result.stderr) == (0, "")
        return result.stdout

    return ran


GLOWS = """\
Instrument|Data Level|Descriptor|Start Date|Repointing|Version|Filename                                          |
-----------------------------------------------------------------------------------------------------------------|
glows     |l0        |raw       |20110921  |          |v001   |imap_glows_l0_raw_20110921_v001.pkts              |
glows     |l1a       |de        |20110920  |          |v001   |imap_glows_l1a_de_20110920_v001.cdf               |
glows     |l1a       |hist      |20110920  |          |v001   |imap_glows_l1a_hist_20110920_v001.cdf             |
glows     |l1a       |hist      |20110921  |          |v001   |imap_glows_l1a_hist_20110921_v001.cdf             |
glows     |l1b       |de        |20110920  |          |v001   |imap_glows_l1b_de_20110920_v001.cdf               |
"""
"""The first rows of the tutorial's answer; the rest is cut in it."""

CODICE = """\
Instrument|Data Level|Descriptor|Start Date|Repointing|Version|Filename                                          |
codice    |l0        |hskp      |20240610  |          |v001   |imap_codice_l0_hskp_20240610_v001.pkts            |
codice    |l0        |hskp      |20240610  |          |v100   |imap_codice_l0_hskp_20240610_v100.pkts            |
codice    |l0        |hskp      |20240610  |          |v200   |imap_codice_l0_hskp_20240610_v200.pkts            |
codice    |l0        |hskp      |20240610  |          |v210   |imap_codice_l0_hskp_20240610_v210.pkts            |
codice    |l0        |hskp      |20240720  |          |v001   |imap_codice_l0_hskp_20240720_v001.pkts            |
"""

HIST = [
    {
        "file_path": "imap/glows/l1a/2011/09/imap_glows_l1a_hist_20110920_v001.cdf", "instrument": "glows",
        "data_level": "l1a", "descriptor": "hist", "start_date": "20110920", "repointing": None, "version": "v001",
        "extension": "cdf", "ingestion_date": "2024-07-09 15:42:23",
    },
    {
        "file_path": "imap/glows/l1a/2011/09/imap_glows_l1a_hist_20110921_v001.cdf", "instrument": "glows",
        "data_level": "l1a", "descriptor": "hist", "start_date": "20110921", "repointing": None, "version": "v001",
        "extension": "cdf", "ingestion_date": "2024-07-09 15:42:24",
    },
]  # fmt: skip


class TestSessionOfTheTutorial:
    @pytest.mark.parametrize("words", ["", "query ", "download ", "upload "])
    def test_help_is_printed(self, tutorial, words):
        assert tutorial(f"imap-data-access {words}-h").startswith("Usage: sunpy-helio imap")

    def test_the_version_is_printed(self, tutorial):
        assert tutorial("imap-data-access --version").strip()

    @pytest.mark.parametrize(
        ("line", "expected", "count"),
        [
            ("imap-data-access query --instrument glows", GLOWS, 7),
            ("imap-data-access query --instrument codice --descriptor hskp", CODICE, 9),
        ],
    )
    def test_queries_print_the_same_rows(self, tutorial, line, expected, count):
        said = tutorial(line)
        assert said.startswith(f"Found [{count}] matching files")
        wanted = [{name: cell for name, cell in row.items() if name != "Repointing"} for row in rows(expected)]
        assert [{name: row[name] for name in wanted[0]} for row in rows(said)][: len(wanted)] == wanted

    def test_several_options_print_the_same_rows(self, tutorial):
        found = rows(tutorial("imap-data-access query --instrument glows --data-level l1a --descriptor hist"))
        assert [row["Filename"] for row in found] == [one["file_path"].rpartition("/")[2] for one in HIST]

    def test_json_has_the_same_rows(self, tutorial):
        line = "imap-data-access query --instrument glows --data-level l1a --descriptor hist --output-format json"
        assert json.loads(tutorial(line)) == HIST

    def test_a_file_is_downloaded_to_the_same_path(self, tutorial, tmp_path):
        said = tutorial("imap-data-access download imap_glows_l1a_hist_20110921_v001.cdf")
        path = tmp_path / "imap/glows/l1a/2011/09/imap_glows_l1a_hist_20110921_v001.cdf"
        assert said == f"Successfully downloaded the file to: {path}\n"
        assert path.read_bytes() == (SHIPPED / path.name).read_bytes()

    def test_a_file_is_uploaded_and_then_listed(self, archive, run, tmp_path, monkeypatch):
        """The service takes other names now than at the time of the tutorial."""
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
        name = "imap_codice_l0_hskp_20290723_v001.0001.pkts"
        (tmp_path / name).write_bytes((SHIPPED / "imap_codice_l0_hskp_20240723_v001.pkts").read_bytes())
        before = run("imap query --instrument codice --descriptor hskp").stdout
        said = run(f"imap upload {tmp_path / name}")
        assert (said.exit_code, said.stdout) == (0, "Successfully uploaded the file to the IMAP SDC\n")
        after = rows(run("imap query --instrument codice --descriptor hskp").stdout)
        assert name in [row["Filename"] for row in after]
        assert name not in before


OFFICIAL = [
    "query --instrument mag",
    "query --instrument mag --data-level l2",
    "query --instrument glows --data-level l2 --start-date 20260109 --end-date 20260110",
    "query --instrument mag --data-level l2 --version latest",
    "query --instrument mag --version v001",
    "query --instrument mag --major-version 1 --minor-version 2",
    "query --instrument glows --repointing repoint00120",
    "query --instrument glows --repointing 120",
    "query --start-date 20260110 --end-date 20260110 --extension cdf",
    "query --ingestion-start-date 20260210 --ingestion-end-date 20260210",
    "query --descriptor sci",
    "query --data-level l3b",
    "query --instrument lo",
    "query --table ancillary --instrument mag",
    "query --table ancillary --instrument swapi --version v002",
    "query --table ancillary --instrument swapi --version latest",
]

KERNELS_OF_OFFICIAL = [
    "query --table spice --type attitude_history",
    "query --table spice --type ephemeris_reconstructed --version latest",
    "query --table spice --type leapseconds --ingestion-start-date 20260101",
]


@pytest.fixture
def official(archive, capsys, monkeypatch):
    """Return a function that runs imap-data-access in this process, and returns what it prints."""
    for name, value in tuple(official_config.items()):
        monkeypatch.setitem(official_config, name, value)
    monkeypatch.setattr(logging, "basicConfig", lambda **options: None)

    def ran(line):
        monkeypatch.setattr(sys, "argv", ["imap-data-access", "--url", f"{archive.url}/imap", *line.split()])
        official_cli.main()
        return capsys.readouterr().out

    return ran


class TestOfficialCommand:
    @pytest.mark.parametrize("line", OFFICIAL)
    def test_both_print_the_same_table(self, official, run, line):
        ours = run(f"imap {line}")
        assert (ours.exit_code, ours.stderr) == (0, "")
        assert ours.stdout == official(line)

    @pytest.mark.parametrize("line", KERNELS_OF_OFFICIAL)
    def test_both_print_the_same_kernels(self, official, run, line):
        """The official command does not align the file names of kernels."""
        assert rows(run(f"imap {line}").stdout) == rows(official(line))

    @pytest.mark.parametrize("line", [*OFFICIAL, *KERNELS_OF_OFFICIAL])
    def test_both_print_the_same_json(self, official, run, line):
        assert run(f"imap {line} --output-format json").stdout == official(f"{line} --output-format json")

    @pytest.mark.parametrize("words", ["", "query", "download", "upload", "webpoda", "reprocess", "release"])
    def test_every_option_of_the_official_command_exists(self, run, monkeypatch, capsys, words):
        monkeypatch.setattr(sys, "argv", ["imap-data-access", *words.split(), "-h"])
        with pytest.raises(SystemExit):
            official_cli.main()
        theirs = {word.strip("[],") for word in capsys.readouterr().out.split() if word.strip("[],").startswith("--")}
        assert theirs <= set(run(f"imap {words} -h").stdout.replace(",", " ").split())

    def test_so_do_its_options_before_the_command(self, archive, run, tmp_path):
        line = f"imap --api-key {service.API_KEY} --data-dir {tmp_path} --url {archive.url}/imap --debug -v"
        result = run(f"{line} query --instrument mag --data-level l2")
        assert result.exit_code == 0
        assert "imap_mag_l2_norm-gse_20260112_v001.0002.cdf" in result.stdout  # it is not public
        assert {request.path for request in archive.log} == {"/imap/api-key/query"}
        assert service.API_KEY not in result.output


def is_of_glows(request):
    return request.query.get("instrument") == "glows"


class TestQuery:
    def test_dates_can_mean_overlap(self, archive, run):
        line = "imap query --instrument hi --start-date 20260110 --end-date 20260110"
        assert run(line).stdout == "Found [0] matching files\n"
        assert rows(run(f"{line} --overlap").stdout)[0]["Start Date"] == "20251001"

    def test_lists_of_values_are_taken(self, archive, run):
        found = rows(run("imap query --instrument glows,swe --instrument mag --data-level l2,l3b").stdout)
        assert {(row["Instrument"], row["Data Level"]) for row in found} == {
            ("glows", "l2"), ("glows", "l3b"), ("swe", "l2"), ("mag", "l2"),
        }  # fmt: skip

    def test_dates_are_taken_in_both_forms(self, archive, run):
        line = "imap query --instrument mag --data-level l2 --start-date {} --end-date {}"
        plain = run(line.format("20260110", "20260111")).stdout
        assert len(rows(plain)) > 1
        assert run(line.format("2026-01-10", "2026-01-11")).stdout == plain

    def test_words_are_taken_in_any_case_of_letters(self, archive, run):
        small, large = (run(f"imap query --instrument {one} --data-level l2").stdout for one in ("mag", "MAG"))
        assert len(rows(large)) > 1
        assert large == small

    def test_descriptors_of_overlapping_files_may_be_patterns(self, archive, run):
        line = "imap query --instrument mag --descriptor norm-* --start-date 20260110 --end-date 20260110 --overlap"
        assert {row["Descriptor"] for row in rows(run(line).stdout)} == {"norm-gse", "norm-rtn"}

    def test_lists_that_are_too_large_are_requested_in_parts(self, archive, run, monkeypatch):
        monkeypatch.setattr(service, "REPLY_LIMIT", 3000)
        whole = run("imap query --instrument mag --data-level l2")
        assert (whole.exit_code, whole.stderr) == (0, "")
        assert len(rows(whole.stdout)) == 11
        assert len(archive.log) > 2

    def test_a_file_is_found_by_its_name(self, archive, run):
        found = json.loads(run(f"imap query --filename {GSE} --json").stdout)
        assert [row["file_path"] for row in found["rows"]] == [KEY]
        assert (found["version"], found["problems"], found["notes"]) == (1, [], [])

    def test_so_are_files_whose_names_are_on_standard_input(self, archive, run):
        result = run("imap query --filename - --csv --columns file_path", f"{GSE}\n\n# a remark\nimap_130.tf\n")
        assert result.stdout.splitlines() == ["file_path", KEY, '""']

    def test_csv_and_ecsv_have_the_keys_of_the_rows(self, archive, run, tmp_path):
        from astropy.table import Table

        lines = run("imap query --instrument swe --csv").stdout.splitlines()
        assert "file_path" in lines[0].split(",")
        assert run("imap query --instrument swe -o swe.ecsv").exit_code == 0
        table = Table.read(tmp_path / "swe.ecsv")
        assert len(table) == len(lines) - 1
        assert set(table["instrument"]) == {"swe"}

    def test_columns_are_chosen_in_every_form(self, archive, run):
        line = "imap query --filename imap_glows_l2_hist_20260110-repoint00120_v001.0001.cdf"
        chosen = f"{line} --columns version,repointing,cr,released"
        (row,) = json.loads(run(f"{chosen} --json").stdout)["rows"]
        assert row == {"version": "v001.0001", "repointing": 120, "cr": None, "released": True}
        assert run(chosen).stdout.splitlines()[-1].split() == ["v001.0001", "120", "--", "True"]

    @pytest.mark.filterwarnings("default::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
    def test_a_missing_part_is_told_and_is_an_exit_code(self, archive, run):
        with archive.fault("status", path="/imap/query", status=400, where=is_of_glows):
            result = run("imap query --instrument mag,glows --data-level l2 --json")
        assert result.exit_code == 1
        assert "Missing: " in result.stderr
        found = json.loads(result.stdout)
        assert "400" in found["problems"][0]
        assert {row["instrument"] for row in found["rows"]} == {"mag"}

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("", "needs an option that selects files, such as --instrument"),
            ("--instrument mg", "Did you mean mag?"),
            ("--data-level l9", "--data-level does not take 'l9'."),
            ("--start-date 2026", "--start-date takes a day such as 20260110 or 2026-01-10"),
            ("--start-date 20260231", "not a day of the calendar"),
            ("--start-date 20260111 --end-date 20260110", "is before the start '20260111'"),
            ("--ingestion-start-date 2026-01-11 --ingestion-end-date 20260110", "is before the start '2026-01-11'"),
            ("--version 1.2", "--version takes latest, v001 or v001.0002, not '1.2'"),
            ("--repointing x", "--repointing takes the number of a pointing"),
            ("--table ancillary --extension pkts", "extension is one of"),
            ("--type spin", "add --table spice"),
            ("--table spice --instrument mag", "--instrument does not select kernels"),
            ("--table sciences --instrument mag", "'sciences' is not one of"),
            ("--filename x.cdf", "does not follow the SDC's naming conventions"),
            (f"--filename {GSE} --instrument mag", "--filename is used by itself"),
            ("--instrument mag --overlap --major-version 1", "--major-version is not for overlapping files"),
            ("--instrument mag --overlap", "needs a time range, from one of --recent, --start-date"),
            ("--instrument mag --overlap --end-date 20260110", "add --start-date"),
            ("--instrument mag --overlap --start-date 20260111 --end-date 20260110", "is before the start"),
            ("--instrument mag --columns x --csv", "There is no column 'x'"),
            ("--instrument mag --csv --json", "--json and --csv exclude each other"),
            ("--instrumen mag", "No such option"),
        ],
    )
    def test_wrong_use_is_one_sentence(self, archive, run, words, said):
        result = run(f"imap query {words}")
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1

    def test_nothing_is_sent_for_wrong_use(self, archive, run):
        run("imap query --instrument mag,mg")
        assert archive.log == []


class TestRows:
    def test_a_table_that_does_not_exist_is_refused(self):
        with pytest.raises(QueryError, match="Did you mean science"):
            imap.rows("scienc", instrument="mag")

    def test_empty_lists_are_refused(self):
        with pytest.raises(QueryError, match="the list of instrument is empty"):
            imap.rows(instrument=[])

    def test_a_file_name_is_used_alone(self):
        with pytest.raises(QueryError, match="by itself, without instrument"):
            imap.rows(filename=GSE, instrument="mag")

    def test_missing_parts_are_warned_of(self, archive):
        with archive.fault("status", path="/imap/query", status=400, where=is_of_glows):
            with pytest.warns(IncompleteAnswerWarning, match="400"):
                assert len(imap.rows(instrument=["mag", "glows"], data_level="l2")) == 11

    def test_kernels_have_a_version_and_a_time_range(self, archive):
        found = imap.rows("spice", type="ephemeris_reconstructed", version="v002")
        assert [row["file_name"].rpartition("/")[2] for row in found] == ["imap_recon_20251201_20260131_v02.bsp"]
        day = imap.rows("spice", type="spin", start_date="20260110", end_date="20260110")
        assert day
        assert len(day) < len(imap.rows("spice", type="spin"))


class TestDownload:
    def test_several_names_of_which_one_is_wrong(self, archive, run, tmp_path):
        absent = GSE.replace("0002", "0009")
        result = run(f"imap --data-dir . download - {absent}", f"{KEY}\n")
        assert result.exit_code == 1
        assert (tmp_path / KEY).is_file()
        assert "404" in result.stderr

    def test_nothing_came(self, archive, run, tmp_path):
        result = run(f"imap --data-dir . download {GSE.replace('0002', '0009')}")
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr.startswith("Error: ")
        assert not any(path.is_file() for path in tmp_path.rglob("*"))

    def test_a_dry_run_sends_nothing(self, archive, run):
        result = run(f"imap download {GSE} --dry-run --json")
        assert json.loads(result.stdout)["files"] == [GSE]
        assert archive.log == []

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("download x.cdf", "does not follow the SDC's naming conventions"),
            (f"--data-dir absent download {GSE}", "The data directory absent does not exist"),
            ("download", "Missing argument"),
            (f"--url nonsense download {GSE}", "IMAP_DATA_ACCESS_URL is an address"),
        ],
    )
    def test_wrong_use_is_one_sentence(self, archive, run, words, said):
        result = run(f"imap {words}")
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1

    def test_a_folder_that_cannot_be_written_is_named(self, archive, run, tmp_path):
        (tmp_path / "imap").write_text("a file in the place of the folder")
        result = run(f"imap --data-dir . download {GSE}")
        assert result.exit_code == 2
        assert "is a file and not a folder" in result.stderr
        assert result.stderr.count("\n") == 1


class TestUpload:
    def test_a_dry_run_checks_without_sending(self, archive, run, tmp_path):
        name = "imap_swe_l2_sci_20290101_v001.0001.cdf"
        (tmp_path / name).write_bytes((SHIPPED / "imap_swe_l2_sci_20260110_v001.0001.cdf").read_bytes())
        result = run(f"imap upload {name} --dry-run")
        assert result.stdout == f"Would upload {name} as imap/swe/l2/2029/01/{name}\n"
        assert archive.log == []

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("imap_swe_l2_sci_20290101_v001.0001.cdf", None, "does not exist"),
            ("imap_swe_l2_sci_20290101_v001.0001.cdf", b"<html>", "is not"),
            ("imap_swe_l2_sci_20290101_v001.cdf", b"x", "since 2026"),
            ("x.cdf", b"x", "does not follow a convention"),
        ],
    )
    def test_files_that_cannot_be_uploaded_are_wrong_use(self, archive, run, tmp_path, name, content, said):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        result = run(f"imap upload {name}")
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1

    def test_a_refusal_of_one_file_is_told(self, archive, run, tmp_path, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", service.API_KEY)
        names = ["imap_swe_l2_sci_20260110_v001.0001.cdf", "imap_swe_l2_sci_20290203_v001.0001.cdf"]
        for name in names:
            (tmp_path / name).write_bytes((SHIPPED / names[0]).read_bytes())
        result = run(f"imap upload {' '.join(names)}")
        assert result.exit_code == 1
        assert "409" in result.stderr
        assert result.stdout == "Successfully uploaded the file to the IMAP SDC\n"


class TestMore:
    def test_a_folder_is_synchronised(self, archive, run, tmp_path):
        line = "imap sync files --instrument mag --descriptor norm-gse --start-date 20260110 --end-date 20260111"
        planned = json.loads(run(f"{line} --dry-run --json").stdout)
        assert not (tmp_path / "files").exists()
        first = json.loads(run(f"{line} --json").stdout)
        assert first["new"] == planned["new"]
        assert all(Path(path).is_file() for path in first["new"])
        again = run(line)
        assert (again.exit_code, again.stdout.splitlines()[-1]) == (
            0, "0 new, 2 kept, 0 superseded, 0 outside, 0 gone",
        )  # fmt: skip

    def test_values_of_the_real_time_stream(self, archive, run):
        lines = run("imap realtime 2026-01-10T04:00 2026-01-10T04:01 --csv").stdout.splitlines()
        assert lines[0].startswith("time,mag_B_GSE_0,mag_B_GSE_1")
        assert lines[1].startswith("2026-01-10T04:00:00.000Z,")

    def test_kernels_are_downloaded_in_their_order(self, archive, run, tmp_path):
        done = run(f"imap --data-dir {tmp_path} kernels 2026-01-10 --fetch --type leapseconds,imap_frames")
        assert done.stdout.splitlines() == [
            f"{tmp_path}/imap/spice/{name}" for name in ("lsk/naif0012.tls", "fk/imap_130.tf")
        ]
        assert all(Path(line).is_file() for line in done.stdout.splitlines())

    def test_kernels_of_a_day(self, archive, run):
        line = "imap kernels 2026-01-10 --type attitude_history"
        found = json.loads(run(f"{line} --json").stdout)["rows"]
        assert "imap/spice/ck/imap_2026_010_2026_011_01.ah.bc" in [row["file_path"] for row in found]
        assert "KERNELS_TO_LOAD" in run(f"{line} --metakernel").stdout

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("realtime 2026-13-01", "is not a time"),
            ("realtime 20260110 --instrument mg", "does not have an instrument"),
            ("kernels 20260110 --complete", "is an option of --metakernel and --fetch"),
            ("kernels 20260110 --folder x --fetch", "--folder is an option of --metakernel"),
            ("kernels 20260110 --type spn", "spn"),
            ("sync --instrument mag", "needs a time range"),
        ],
    )
    def test_wrong_use_is_one_sentence(self, archive, run, words, said):
        result = run(f"imap {words}")
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1


def test_the_completion_knows_the_words_of_the_archive():
    assert _KNOWN["instrument"] == tuple(INSTRUMENTS)
    assert _KNOWN["data-level"] == LEVELS
    assert _KNOWN["extension"] == EXTENSIONS["science"]
    assert _KNOWN["type"] == KERNELS


def test_a_word_that_is_no_command_is_refused_with_similar_ones(run):
    done = run("imap quary")
    assert done.exit_code == 2
    assert "quary" in done.stderr
    assert "query" in done.stderr


def test_completion_does_not_look_at_the_folder(run, tmp_path):
    from sunpy_helio_plugins.cli.main import command

    words = ["imap", "--data-dir", str(tmp_path / "absent"), "query"]
    context = command.make_context("sunpy-helio", [*words], resilient_parsing=True)
    _, group, rest = command.resolve_command(context, words)
    assert group.make_context("imap", rest, parent=context, resilient_parsing=True).params["data_dir"] == words[2]


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ({"ingestion_start_date": "20260110", "ingestion_end_date": "20260111"}, "2026-01-10T00", "2026-01-11T23:59"),
        ({"ingestion_start_date": "20260110"}, "2026-01-10", ""),
    ],
)
def test_files_are_selected_by_the_days_of_their_arrival(asked, start, end):
    (found,) = (one for one in imap_attrs(**asked, instrument=[]) if type(one).__name__ == "Ingested")
    assert start in str(found)
    assert end in str(found)
    assert not [one for one in imap_attrs(**asked, instrument=[]) if type(one).__name__ == "Instrument"]


@pytest.mark.parametrize(("kept", "code"), [([], 3), ([Path("a.cdf")], 1)])
def test_files_that_a_synchronisation_did_not_get_are_told(run, tmp_path, monkeypatch, kept, code):
    synced = imap.Synced(
        [], kept, errors=[Problem.of_error(TransferError(f"{name}.cdf: it was cut.")) for name in "bc"]
    )
    monkeypatch.setattr(imap, "sync", lambda *args, **kwargs: synced)
    done = run(["imap", "sync", str(tmp_path), "--instrument", "mag", "--recent", "3"])
    assert done.exit_code == code
    assert "b.cdf: it was cut." in done.stderr
    assert "c.cdf: it was cut." in done.stderr
