"""Test tables on standard output and in files."""

from __future__ import annotations

import csv
import io
import json
import sys

import astropy.units as u
import click
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Column, MaskedColumn, QTable
from astropy.time import Time
from astropy.utils.masked import Masked
from click.testing import CliRunner

from sunpy_helio_plugins import io as tables
from sunpy_helio_plugins.cli.command import Command, Root, WrongUse
from sunpy_helio_plugins.cli.output import output_options, plain_columns, show, show_value, value_options, written
from sunpy_helio_plugins.errors import DiskError

TIMES = Time(["2016-12-31T23:59:60.5", "2026-01-10T00:00:00.123456789"], scale="utc", precision=9)


@pytest.fixture
def table():
    masked = Time(["2026-01-10", "2026-01-11"])
    masked[1] = np.ma.masked
    return QTable({
        "time": TIMES,
        "other": masked,
        "speed": Masked(np.array([400.25, 0.0]) * u.km / u.s, mask=[False, True]),
        "field": np.array([[1.0, np.nan], [np.inf, 4.0]]) * u.nT,
        "count": MaskedColumn([2**62, 5], mask=[False, True]),
        "flag": np.array([True, False]),
        "name": np.array(["a\x1b[2Jb", "c\nd"]),
        "raw bytes": np.array([b"x", b"\xff"]),
        "object": Column([{"a": 1}, None], dtype=object),
        "place": SkyCoord([1, 2] * u.deg, [3, 4] * u.deg),
    })  # fmt: skip


def printing(value, *words):
    """Return click's result of a command that prints a table."""

    @click.command("print", cls=Command)
    @output_options
    def show_it(output):
        show(value, output)

    return CliRunner().invoke(Root("sunpy-helio", commands={"print": show_it}), ["print", *words])


def test_columns_are_plain_values(table):
    assert plain_columns(table) == {
        "time": ["2016-12-31T23:59:60.500Z", "2026-01-10T00:00:00.123456789Z"],
        "other": ["2026-01-10T00:00:00.000Z", None],
        "speed": [400.25, None],
        "field": [[1.0, None], [None, 4.0]],
        "count": [2**62, None],
        "flag": [True, False],
        "name": ["a\x1b[2Jb", "c\nd"],
        "raw bytes": ["x", "\ufffd"],
        "object": ["{'a': 1}", None],
        "place": ["1 3", "2 4"],
    }


@pytest.mark.parametrize("scale", ["tt", "tai"])
def test_only_times_in_utc_end_with_z(scale):
    (stamps,) = plain_columns(QTable({"time": Time(["2026-01-10"], scale=scale)})).values()
    assert stamps == ["2026-01-10T00:00:00.000"]


def test_json_is_valid_and_has_units(table):
    found = json.loads(printing(table, "--json").stdout)
    assert found["units"] == {"speed": "km / s", "field": "nT"}
    assert found["rows"][0]["count"] == 2**62
    assert found["rows"][0]["field"] == [1.0, None]
    assert "\x1b" not in printing(table, "--json").stdout


def test_csv_has_a_column_for_each_component(table):
    result = printing(table, "--csv", "--columns", "speed,field,name")
    header, *rows = csv.reader(io.StringIO(result.stdout))
    assert header == ["speed", "field_0", "field_1", "name"]
    assert rows == [["400.25", "1.0", "", "a\ufffd[2Jb"], ["", "", "4.0", "c\ufffdd"]]


def test_a_table_for_people_is_aligned(table):
    said = printing(table, "--columns", "speed,name").stdout
    assert (
        said == "speed [km / s]  name\n--------------  ------\n400.25          a\ufffd[2Jb\n--              c\ufffdd\n"
    )


def test_long_cells_are_cut_on_a_terminal_only(monkeypatch):
    table = QTable({"text": np.array(["x" * 100])})
    assert "x" * 100 in printing(table).stdout
    monkeypatch.setattr("sunpy_helio_plugins.cli.output.sys", Terminal())
    assert "x" * 59 + "\u2026" in printing(table).stdout


class Terminal:
    """A standard output that is a terminal, and the module sys with it."""

    @property
    def stdout(self):
        return self

    def isatty(self):
        return True

    def write(self, text):
        sys.stdout.write(text)


def test_ecsv_is_read_as_the_same_table(tmp_path):
    table = QTable({"time": TIMES, "speed": [1.0, 2.0] * u.km / u.s})
    (tmp_path / "table.ecsv").write_text(printing(table, "--ecsv").stdout)
    back = tables.read(tmp_path / "table.ecsv")
    assert np.all(back["time"] == TIMES)
    assert np.all(back["speed"] == table["speed"])


@pytest.mark.parametrize("form", ["json", "csv", "ecsv"])
def test_the_suffix_of_a_file_sets_the_format(tmp_path, form):
    table = QTable({"x": [1, 2]})
    path = tmp_path / f"table.{form}"
    result = printing(table, "-o", str(path))
    assert (result.exit_code, result.stdout) == (0, "")
    assert path.read_text() == printing(table, f"--{form}").stdout


@pytest.mark.parametrize(
    ("form", "name", "code"),
    [("json", "a.csv", 2), ("csv", "a.parquet", 2), ("ecsv", "a.png", 2), ("json", "a.txt", 0), ("csv", "a.CSV", 0)],
)
def test_a_form_and_a_suffix_do_not_contradict_each_other(tmp_path, form, name, code):
    result = printing(QTable({"x": [1]}), f"--{form}", "-o", str(tmp_path / name))
    assert result.exit_code == code
    assert (tmp_path / name).exists() == (code == 0)


def test_an_empty_table_is_said_or_has_a_header():
    table = QTable({"x": np.zeros(0)})
    said = printing(table)
    assert (said.stdout, said.stderr) == ("", "No rows.\n")
    assert printing(table, "--csv").stdout == "x\n"
    assert json.loads(printing(table, "--json").stdout)["rows"] == []


def test_problems_and_notes_are_in_json_and_on_standard_error():
    result = printing(QTable({"x": [1]}, meta={"problems": ["Half\nis missing."], "notes": ["By the way."]}), "--json")
    assert result.exit_code == 1
    assert result.stderr == "Missing: Half is missing.\nNote: By the way.\n"
    found = json.loads(result.stdout)
    assert (found["problems"], found["notes"]) == (["Half\nis missing."], ["By the way."])


@pytest.mark.parametrize("word", ["--csv", "--ecsv", "--columns=x"])
def test_a_value_is_no_table(word):
    @click.command("print", cls=Command)
    @output_options
    def show_it(output):
        show_value({"x": 1}, "x is 1", output)

    group = Root("sunpy-helio", commands={"print": show_it})
    assert CliRunner().invoke(group, ["print"]).stdout == "x is 1\n"
    result = CliRunner().invoke(group, ["print", word])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is for tables" in result.stderr


def test_a_value_cannot_control_the_terminal_and_is_valid_json():
    @click.command("print", cls=Command)
    @value_options
    def show_it(output):
        show_value({"info": {"fill": float("nan"), "list": [float("inf"), 1.5]}}, "a\x1b[2J\nb", output)

    group = Root("sunpy-helio", commands={"print": show_it})
    assert CliRunner().invoke(group, ["print"]).stdout == "a\ufffd[2J\nb\n"
    found = json.loads(CliRunner().invoke(group, ["print", "--json"]).stdout, parse_constant=pytest.fail)
    assert found["info"] == {"fill": "nan", "list": ["inf", 1.5]}


class TestFiles:
    @pytest.mark.parametrize("mode", ["w", "wb"])
    def test_a_file_appears_when_it_is_complete(self, tmp_path, mode):
        path = tmp_path / "file.csv"
        with written(path, mode) as stream:
            stream.write("half" if mode == "w" else b"half")
            assert not path.exists()
        assert path.read_bytes() == b"half"
        assert list(tmp_path.iterdir()) == [path]

    def test_an_error_leaves_the_older_file(self, tmp_path):
        path = tmp_path / "file.csv"
        path.write_text("older")
        with pytest.raises(ZeroDivisionError), written(path) as stream:
            stream.write(str(len("new") / 0))
        assert path.read_text() == "older"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_full_disk_is_an_error_and_leaves_the_older_file(self, tmp_path, monkeypatch):
        path = tmp_path / "file.csv"
        path.write_text("older")

        def fail(part, target, overwrite):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("sunpy_helio_plugins.store.publish.publish", fail)
        with pytest.raises(DiskError, match="the disk is full"), written(path) as stream:
            stream.write("new")
        assert path.read_text() == "older"
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_that_does_not_exist_is_wrong_use(self, tmp_path):
        with pytest.raises(WrongUse, match="does not exist"), written(tmp_path / "absent" / "file.csv"):
            pass

    def test_a_folder_in_the_place_of_the_file_is_an_error(self, tmp_path):
        with pytest.raises(DiskError), written(tmp_path) as stream:
            stream.write("x")
        assert list(tmp_path.parent.glob(".*.part")) == []
