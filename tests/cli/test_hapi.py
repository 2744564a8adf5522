"""Test ``sunpy-helio hapi``: servers, datasets, records and tokens."""

from __future__ import annotations

import json

import numpy as np
import pytest
from astropy.table import QTable

from sunpy_helio_plugins import hapi, io
from sunpy_helio_plugins.sandbox.hapi import service as swe

HOUR = "hapi data cdaweb AC_H0_MFI 2026-01-10 2026-01-10T01:00"


@pytest.fixture
def table(archive):
    return hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-10T01:00", ["Magnitude", "BGSEc"])


class TestDescriptions:
    def test_servers(self, archive, run):
        lines = run("hapi servers --columns name,url --csv").stdout.splitlines()
        assert lines[0] == "name,url"
        assert f"cdaweb,{archive.url}/hapi/cdaweb/hapi" in lines

    def test_a_catalogue(self, archive, run):
        said = run("hapi catalog cdaweb magnetic").stdout
        assert said.splitlines()[0].split() == ["id", "title"]
        (title,) = hapi.catalog("cdaweb", "AC_H0_MFI")["title"]
        assert [" ".join(line.split()) for line in said.splitlines() if line.startswith("AC_")] == [
            f"AC_H0_MFI {title}"
        ]

    def test_time_ranges(self, archive, run):
        (row,) = json.loads(run("hapi catalog cdaweb AC_* --availability --json").stdout)["rows"]
        assert row == {
            "id": "AC_H0_MFI", "start": "1997-09-02T00:00:12.000Z", "stop": "2026-03-01T00:00:00.000Z",
            "cadence": "PT16S",
        }  # fmt: skip

    def test_a_dataset(self, archive, run):
        said = run("hapi info cdaweb AC_H0_MFI").stdout
        assert "cadence: PT16S" in said
        assert [line.split()[0] for line in said.splitlines()[-4:]] == ["Time", "Magnitude", "BGSEc", "SC_pos_GSE"]
        assert "Magnitude,double,nT,," in run("hapi info cdaweb AC_H0_MFI --csv").stdout

    def test_some_parameters_of_a_dataset(self, archive, run):
        said = run("hapi info cdaweb AC_H0_MFI --parameters BGSEc,Mag* --columns name --csv").stdout
        assert said.split() == ["name", "Time", "Magnitude", "BGSEc"]

    def test_the_unchanged_description(self, archive, run):
        found = json.loads(run("hapi info cdaweb AC_H0_MFI --json").stdout)
        assert found["info"] == hapi.info("cdaweb", "AC_H0_MFI").raw

    def test_a_server_is_tested(self, archive, run):
        result = run("hapi check cdaweb")
        assert (result.exit_code, result.stdout.count("ok  ")) == (0, 3)
        found = json.loads(run("hapi check cdaweb --json").stdout)
        assert [step["step"] for step in found["steps"]] == ["capabilities", "catalog", "data"]

    @pytest.mark.parametrize(("path", "code"), [("/hapi/cdaweb/hapi/data", 1), ("/hapi/cdaweb", 3)])
    def test_a_server_that_fails_is_told_by_the_exit_code(self, archive, run, path, code):
        with archive.fault("status", path=path, status=500):
            result = run("hapi check cdaweb")
        assert result.exit_code == code
        assert "FAILED data" in result.stdout


class TestData:
    def test_csv_is_the_default(self, archive, run, table):
        lines = run(f"{HOUR} --parameters Magnitude,BGSEc").stdout.splitlines()
        assert lines[0] == "Time,Magnitude,BGSEc_0,BGSEc_1,BGSEc_2"
        assert len(lines) == len(table) + 1
        first = [*map(float, lines[1].split(",")[1:])]
        assert first == [table["Magnitude"].value[0], *table["BGSEc"].value[0]]
        assert lines[1].startswith("2026-01-10T00:00:12.000Z,")

    def test_csv_can_be_asked_for(self, archive, run, tmp_path):
        line = f"{HOUR} --parameters Magnitude"
        assert run(f"{line} --csv").stdout == run(line).stdout
        assert run(f"{line} --csv -o field.csv").exit_code == 0
        assert (tmp_path / "field.csv").read_text() == run(line).stdout

    @pytest.mark.filterwarnings("default::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
    def test_a_time_that_is_not_covered_is_nothing(self, archive, run):
        result = run("hapi data cdaweb AC_H0_MFI 1990-01-01 1990-01-02")
        assert (result.exit_code, result.stdout) == (3, "")
        assert result.stderr.startswith("Error: There is nothing to load: AC_H0_MFI")
        assert result.stderr.count("\n") == 1

    @pytest.mark.parametrize("suffix", ["parquet", "ecsv", "fits"])
    def test_files_hold_the_same_table(self, archive, run, tmp_path, table, suffix):
        result = run(f"{HOUR} --parameters Magnitude,BGSEc -o field.{suffix}")
        assert (result.exit_code, result.stdout) == (0, "")
        back = QTable.read(tmp_path / f"field.{suffix}") if suffix == "ecsv" else io.read(tmp_path / f"field.{suffix}")
        assert back.colnames == table.colnames
        assert np.all(back["BGSEc"] == table["BGSEc"])
        assert [path.name for path in tmp_path.iterdir()] == [f"field.{suffix}"]

    @pytest.mark.parametrize(("suffix", "magic"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
    def test_a_plot(self, archive, run, tmp_path, suffix, magic):
        assert run(f"{HOUR} --parameters Magnitude -o field.{suffix}").exit_code == 0
        assert (tmp_path / f"field.{suffix}").read_bytes().startswith(magic)

    def test_json_and_ecsv_on_standard_output(self, archive, run, table):
        found = json.loads(run(f"{HOUR} --parameters BGSEc --json").stdout)
        assert found["units"] == {"BGSEc": "nT"}
        assert found["rows"][0]["BGSEc"] == table["BGSEc"].value[0].tolist()
        assert run(f"{HOUR} --parameters BGSEc --ecsv").stdout.startswith("# %ECSV")

    @pytest.mark.filterwarnings("default::sunpy_helio_plugins.errors.IncompleteAnswerWarning")
    def test_a_missing_part_is_told(self, archive, run):
        with archive.fault("status", path="/hapi/cdaweb/hapi/data", status=500, skip=1):
            result = run("hapi data cdaweb AC_H0_MFI 2026-01-10 2026-01-12 --parameters Magnitude --chunk 86400")
        assert result.exit_code == 1
        assert len(result.stdout.splitlines()) > 1000
        assert "Missing: " in result.stderr
        assert "500" in result.stderr

    def test_times_have_the_digits_and_the_scale_that_they_need(self, archive, run):
        line = f"{HOUR} --parameters Magnitude --scale tt"
        assert run(line).stdout.splitlines()[1].split(",")[0] == "2026-01-10T00:01:21.184"

    def test_a_dry_run_does_not_request_records(self, archive, run):
        assert "Would request AC_H0_MFI of cdaweb" in run(f"{HOUR} --dry-run").stdout
        assert not any(request.path.endswith("/data") for request in archive.log)

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("hapi data cdaweb AC_H0_MFX 2026-01-10 2026-01-11", "no dataset 'AC_H0_MFX'"),
            ("hapi data nowhere AC_H0_MFI 2026-01-10 2026-01-11", "nowhere"),
            (f"{HOUR} --parameters Magnitud", "Magnitude"),
            (f"{HOUR} -o field.txt", "The suffix of field.txt sets the format"),
            (f"{HOUR} -o absent/field.csv", "The folder absent does not exist"),
            (f"{HOUR} --chunk 0", "Invalid value for '--chunk': 0.0 is not in the range x>0"),
            (f"{HOUR} --chunk nan", "nan is not a finite number"),
            (f"{HOUR} --chunk inf", "inf is not a finite number"),
            (f"{HOUR} --csv --json", "--csv and --json exclude each other"),
            (f"{HOUR} --json -o field.png", "--json does not write field.png"),
            (f"{HOUR} --scale xyz", "'xyz'"),
            ("hapi data cdaweb AC_H0_MFI yesterday 2026-01-11", "'yesterday' is not a time"),
            ("hapi catalog cdaweb --columns nme", "There is no column 'nme'"),
            ("hapi info cdaweb AC_H0_MFX", "no dataset 'AC_H0_MFX'"),
            ("hapi check cdaweb --csv", "No such option"),
        ],
    )
    def test_wrong_use_is_one_sentence(self, archive, run, tmp_path, line, said):
        result = run(line)
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1
        assert list(tmp_path.iterdir()) == []

    def test_a_file_that_cannot_be_written_is_told_before_any_request(self, archive, run):
        for line in (f"{HOUR} -o absent/field.csv", "hapi catalog cdaweb -o absent/list.csv"):
            assert run(line).exit_code == 2
        assert archive.log == []

    def test_an_archive_that_fails_leaves_no_file(self, archive, run, tmp_path):
        with archive.fault("status", path="/hapi/cdaweb/hapi/data", status=400):
            result = run(f"{HOUR} -o field.csv")
        assert result.exit_code == 3
        assert result.stderr.startswith("Error: ")
        assert list(tmp_path.iterdir()) == []

    def test_an_existing_file_is_kept_when_the_archive_fails(self, archive, run, tmp_path):
        (tmp_path / "field.csv").write_text("older")
        with archive.fault("status", path="/hapi/cdaweb/hapi/data", status=400):
            assert run(f"{HOUR} -o field.csv").exit_code == 3
        assert (tmp_path / "field.csv").read_text() == "older"


class TestGuideOfTheSpaceWeatherServer:
    """The class of the guide of ESA's server: its catalogue, info and data calls, and the guide's answers."""

    DATASET = "spase://SSA/NumericalData/D3S/d3s_mtgs1_ngrm_science_ep_l1_bt_v1"

    @pytest.fixture(autouse=True)
    def _signed_in(self, archive, monkeypatch):
        monkeypatch.setenv("SWE_CLIENT_ID", swe.CLIENT_ID)
        monkeypatch.setenv("SWE_CLIENT_SECRET", swe.CLIENT_SECRET)

    def test_the_catalogue(self, run):
        lines = run("hapi catalog swe --csv").stdout.splitlines()
        assert f"{self.DATASET},MTG-S1/NGRM integral electron and differential proton fluxes (ESA)" in lines

    def test_the_info(self, run):
        found = json.loads(run(f"hapi info swe {self.DATASET} --json").stdout)["info"]
        assert (found["startDate"], found["cadence"]) == ("2025-08-19T09:00Z", "PT1M30S")

    def test_the_data(self, run):
        line = f"hapi data swe {self.DATASET} 2026-03-25T12:00:00Z 2026-03-25T12:05:00Z"
        assert run(f"{line} --parameters utc,feio_1,odi_unilib_mlt").stdout.splitlines() == [
            "utc,feio_1,odi_unilib_mlt",
            "2026-03-25T12:00:40.067Z,744958.0,11.6639",
            "2026-03-25T12:02:10.067Z,733622.0,11.6887",
            "2026-03-25T12:03:40.067Z,736119.0,11.7135",
        ]


class TestToken:
    """The options of the two scripts of the SWE guide."""

    LINE = f"hapi token -s -i {swe.CLIENT_ID} -x"

    def test_only_the_token_is_printed_in_silence(self, archive, run):
        result = run(f"{self.LINE} {swe.CLIENT_SECRET}")
        assert (result.exit_code, result.stderr) == (0, "")
        (token,) = result.stdout.splitlines()
        assert len(token) > 20

    def test_otherwise_a_remark_is_on_standard_error(self, archive, run):
        result = run(f"hapi token swe -i {swe.CLIENT_ID} -x {swe.CLIENT_SECRET}")
        assert "treat it as a password" in result.stderr
        assert len(result.stdout.splitlines()) == 1

    def test_the_secret_can_be_on_standard_input(self, archive, run):
        assert run(f"{self.LINE} -", f"{swe.CLIENT_SECRET}\n").exit_code == 0
        assert run(f"hapi token -s -i {swe.CLIENT_ID}", f"{swe.CLIENT_SECRET}\n").exit_code == 0

    def test_both_can_be_in_the_environment(self, archive, run, monkeypatch):
        monkeypatch.setenv("SWE_CLIENT_ID", swe.CLIENT_ID)
        monkeypatch.setenv("SWE_CLIENT_SECRET", swe.CLIENT_SECRET)
        assert run("hapi token -s").exit_code == 0

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("hapi token", "no credentials for HAPI server swe"),
            ("hapi token cdaweb", "does not require a token"),
            ("hapi token -x secret", "-x needs the client id"),
            ("hapi token -i client -x -", "a line was expected on standard input"),
            ("hapi token nowhere -i client -x secret", "nowhere"),
        ],
    )
    def test_wrong_use_is_one_sentence(self, archive, run, line, said):
        result = run(line)
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1

    def test_a_refused_secret_is_not_repeated(self, archive, run):
        result = run("hapi token -s -i another-client -x wrong-canary-31c7")
        assert (result.exit_code, result.stdout) == (3, "")
        assert "canary" not in result.stderr
