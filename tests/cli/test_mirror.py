"""Test the commands mirror and fsck: their exit codes, one sentence for each mistake, and their JSON."""

from __future__ import annotations

import io
import json
import logging
import re
import signal
import sys
import threading
from pathlib import Path

import pytest

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.cli.command import Run
from sunpy_helio_plugins.cli.main import main
from sunpy_helio_plugins.cli.mirrors import _terminable
from sunpy_helio_plugins.store.publish import locked

LABELS = ["Damaged", "Changed", "Missing", "Not checked"]

PLAN = """
[mirror]
folder = "there"
[queries.mag]
archive = "imap"
instrument = "mag"
level = "l2"
descriptor = "norm-gse"
window = "3 days"
end = 2026-01-13
[queries.wind]
archive = "hapi"
dataset = "cdaweb/AC_H0_MFI"
parameters = "Magnitude"
window = "1 day"
end = 2026-01-11
"""


@pytest.fixture
def place(tmp_path):
    (tmp_path / "plan.toml").write_text(PLAN)
    return tmp_path / "plan.toml"


@pytest.fixture
def run(capsys):
    """Return a function that runs the command, and returns its exit code and what it wrote."""

    def called(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        return (ended.value.code, *capsys.readouterr())

    return called


def test_a_mirror_is_one_line(archive, place, run):
    code, out, err = run("mirror", place)
    assert (code, err) == (0, "")
    assert out == f"Mirror {place.parent / 'there'} is whole: mag: 3 new; wind: 1 new\n"


def test_the_json_is_the_report(archive, place, run):
    code, out, _ = run("mirror", place, "--json")
    made = json.loads(out)
    kept = json.loads((place.parent / "there" / "report.json").read_text())
    assert (code, made["version"]) == (0, 1)
    assert {key: made[key] for key in kept} == kept


def test_a_dry_run_says_so_and_writes_nothing(archive, place, run):
    code, out, _ = run("mirror", place, "--dry-run", "--query", "mag")
    assert (code, out) == (0, f"Mirror {place.parent / 'there'} would be whole (dry run): mag: 3 new\n")
    assert list(place.parent.iterdir()) == [place]


def test_a_part_that_is_missing_has_its_code_and_reason(archive, place, run):
    with conf.set_temp("retries", 0), archive.fault("status", path="/hapi", status=503):
        code, out, err = run("mirror", place)
    assert (code, "is not whole: " in out) == (1, True)
    assert re.fullmatch(r"Missing: wind: .*503.*\n", err)


def test_a_missing_part_is_told_once_where_other_packages_print_records(archive, place, run, capsys):
    handler = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(handler)
    try:
        with conf.set_temp("retries", 0), archive.fault("status", path="/imap/download", status=503):
            _, _, err = run("mirror", place, "--query", "mag")
    finally:
        logging.getLogger().removeHandler(handler)
    assert [line.split()[0] for line in err.splitlines()] == ["Missing:"] * 3


def test_an_outage_has_its_code(archive, place, run):
    with conf.set_temp("retries", 0), archive.fault("status", status=503):
        code, out, err = run("mirror", place)
    assert (code, "could not be updated: " in out, err.count("Missing: ")) == (3, True, 2)


def test_a_second_run_has_its_code(archive, place, run):
    (place.parent / "there").mkdir()
    with locked(place.parent / "there" / "mirror"):
        code, out, err = run("mirror", place)
    assert (code, out) == (4, "")
    assert err == f"Error: Another run is updating the mirror in {place.parent / 'there'}; wait until it has ended.\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[mirror", "is not a plan in TOML"),
        (PLAN.replace("instrument", "instrumnt"), "[queries.mag] does not take the key 'instrumnt'"),
        (PLAN.replace('"1 day"', "1"), "[queries.wind] window takes a duration"),
    ],
)
def test_a_plan_that_is_not_valid_has_its_code(archive, place, run, text, words):
    place.write_text(text)
    code, out, err = run("mirror", place)
    assert (code, out, err.count("\n"), archive.log) == (2, "", 1, [])
    assert err.startswith("Error: ")
    assert words in err


@pytest.mark.parametrize("words", [["none.toml"], [], ["plan.toml", "--query", "mga"], ["plan.toml", "--queri", "x"]])
def test_wrong_use_has_its_code(archive, place, run, words, monkeypatch):
    monkeypatch.chdir(place.parent)
    code, out, err = run("mirror", *words)
    assert (code, out, archive.log) == (2, "", [])
    assert err.startswith("Error: ")


def test_a_check_tells_what_is_damaged(archive, place, run):
    run("mirror", place)
    folder = place.parent / "there"
    code, out, err = run("fsck", folder)
    assert (code, out, err) == (0, f"Folder {folder} is whole: 5 whole (0 judged before)\n", "")
    one: Path = min(folder.rglob("*.cdf"))
    one.write_bytes(one.read_bytes()[:-7])
    code, out, err = run("fsck", folder, "--json")
    assert (code, list(json.loads(out)["checks"][0]["damaged"])) == (1, [str(one)])
    assert err.startswith(f"Damaged: {one}: ")


def test_each_kind_of_finding_has_its_label(archive, place, run):
    run("mirror", place)
    folder = place.parent / "there"
    first, second, third = sorted(folder.rglob("*.cdf"))
    first.unlink()
    second.write_text("<html>")
    third.write_bytes(third.read_bytes().replace(b"L2", b"L3", 1))
    (folder / "wind" / ".mirror-manifest.json").write_text("{")
    code, _, err = run("fsck", folder)
    assert (code, [line.partition(":")[0] for line in err.splitlines()]) == (1, LABELS)
    assert f"Damaged: {second}: {second.name} is not a CDF file; it begins with b'<html>'.\n" in err
    made = json.loads(run("fsck", folder, "--json")[1])
    assert len(made["problems"]) == len(LABELS)


@pytest.mark.parametrize("command", ["mirror", "fsck"])
@pytest.mark.parametrize("option", ["--csv", "--ecsv", "--columns"])
def test_options_of_tables_are_not_offered(run, command, option):
    assert option not in run(command, "--help")[1]


def test_a_check_of_the_cache(run, tmp_path):
    with conf.set_temp("cache_dir", str(tmp_path / "cache")):
        code, out, err = run("fsck", "--cache")
    assert (code, err) == (0, "")
    assert out == f"Folder {tmp_path / 'cache'} is whole: no files (0 judged before)\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fsck", "plan.toml"], "FOLDER is the path of a folder, but plan.toml is a file"),
        (["fsck", ""], "FOLDER is the path of a folder on this machine, not ''"),
        (["mirror", "."], "FILE is the path of a file, but . is a folder"),
        (["mirror", "https://x.example/p"], "FILE is the path of a file on this machine, not 'https://x.example/p'"),
    ],
)
def test_a_path_of_another_kind_is_told_with_the_name_of_the_help(place, run, words, said, monkeypatch):
    monkeypatch.chdir(place.parent)
    assert run(*words) == (2, "", f"Error: {said}; see sunpy-helio {words[0]} --help.\n")


def test_a_plan_from_standard_input_is_relative_to_the_working_directory(archive, tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(PLAN.encode())))
    code, out, err = run("mirror", "-", "--query", "mag")
    assert (code, out, err) == (0, "Mirror there is whole: mag: 3 new\n", "")
    assert (tmp_path / "there" / "report.json").is_file()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[mirror", "Standard input is not a plan in TOML"),
        (b"\xff", "Standard input is not a plan in TOML"),
        (b"", "Standard input: [mirror] needs the key folder"),
        (PLAN.replace("mag", "mga").encode(), "Standard input: [queries.mga] is not a valid query: "),
    ],
)
def test_a_plan_from_standard_input_that_is_not_valid_is_named(run, monkeypatch, text, said):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    code, out, err = run("mirror", "-")
    assert (code, out) == (2, "")
    assert err.startswith(f"Error: {said}")


@pytest.mark.parametrize("words", [[], ["none"], ["plan.toml"]])
def test_a_check_of_something_else_has_its_code(place, run, words, monkeypatch):
    monkeypatch.chdir(place.parent)
    code, out, err = run("fsck", *words)
    assert (code, out, err.startswith("Error: ")) == (2, "", True)


def test_the_files_of_a_check_are_shown_as_it_goes_on(tmp_path, run, monkeypatch):
    monkeypatch.setattr(Run, "shows_progress", property(lambda self: True))
    (tmp_path / "mag.cdf").write_bytes(b"no CDF")
    (tmp_path / "odd\x1b.cdf").write_bytes(b"no CDF")
    code, _, err = run("fsck", tmp_path)
    assert code == 1
    assert "\rmag.cdf\r?\r" in err
    assert "odd\x1b" not in err


def test_a_mirror_in_another_thread_sets_no_handlers():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work():
        with _terminable():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
    with _terminable():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
