"""Test the history of benchmarks."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def script(name):
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


history, comparison = script("history"), script("comparison")


def run(machine: str = "one", **figures: float) -> dict:
    return {"machine": machine, "figures": {name.replace("__", "."): value for name, value in figures.items()}}


@pytest.mark.parametrize(
    ("name", "before", "now", "is_worse"),
    [
        ("quantities.times.ratio", 10, 8.9, True),
        ("quantities.times.ratio", 10, 9.1, False),
        ("quantities.times.ratio", 10, 20, False),
        ("mirror.idle_requests", 18, 20, True),
        ("mirror.idle_requests", 18, 18, False),
        ("her.holes.exponent", 1.0, 1.2, True),
        ("her.peak_mb", 100, 111, True),
        ("times.ours_ms", 10, 12, True),
        ("times.ours_ms", 0.1, 0.4, False),
        ("her.rows", 1000, 2000, False),
    ],
)
def test_what_is_worse(name, before, now, is_worse):
    assert history.is_worse(name, now, before) is is_worse


def test_a_figure_is_compared_with_the_median_of_the_last_runs():
    before = [run(a__ratio=value) for value in (100, 10, 10, 3, 11, 10)]
    assert list(history.losses(run(a__ratio=8), before)) == ["a.ratio: 8, and 10 in the last 5 runs"]
    assert list(history.losses(run(a__ratio=9.5), before)) == []


def test_times_of_other_machines_are_not_compared():
    before = [run("another", a__ours_seconds=1.0, a__ratio=4.0)]
    assert list(history.losses(run(a__ours_seconds=9.0, a__ratio=4.0), before)) == []
    assert len(list(history.losses(run(a__ours_seconds=9.0, a__ratio=3.0), before))) == 1


def test_runs_are_added_and_losses_end_with_1(tmp_path, monkeypatch, capsys):
    path = tmp_path / "history.jsonl"
    ratios = iter([10.0, 5.0])
    monkeypatch.setattr(history, "measured", lambda name, repeats, arguments: {f"{name}.ratio": next(ratios)})
    assert history.main(["one", "--history", str(path)]) == 0
    assert history.main(["one", "--history", str(path)]) == 1
    assert history.main(["--history", str(path), "--only-compare"]) == 1
    assert [json.loads(line)["figures"] for line in path.read_text().splitlines()] == [
        {"one.ratio": 10.0},
        {"one.ratio": 5.0},
    ]
    assert capsys.readouterr().out.count("one.ratio: 5, and 10 in the last 1 runs") == 2


def test_figures_of_a_script_are_medians(monkeypatch, tmp_path):
    (tmp_path / "made.py").write_text('print(\'text\')\nprint(\'{"a": {"ratio": 3, "name": "x", "ok": true}}\')')
    monkeypatch.setattr(history, "HERE", tmp_path)
    assert history.measured("made", 1) == {"made.a.ratio": 3.0}


def test_short_runs_pass_the_arguments_of_the_script(monkeypatch, tmp_path):
    (tmp_path / "hapi.py").write_text("import sys\nprint('{\"a\": {\"ratio\": %d}}' % sys.argv.count('csv_3'))")
    monkeypatch.setattr(history, "HERE", tmp_path)
    path = tmp_path / "history.jsonl"
    assert history.main(["hapi", "--short", "--repeats", "1", "--history", str(path)]) == 0
    assert history.read(path)[-1]["figures"] == {"hapi.a.ratio": 1.0}


def test_a_script_without_figures_is_an_error(monkeypatch, tmp_path):
    (tmp_path / "made.py").write_text("raise SystemExit(3)")
    monkeypatch.setattr(history, "HERE", tmp_path)
    with pytest.raises(SystemExit, match=r"made.py printed no figures \(exit code 3\)"):
        history.measured("made", 1)


@pytest.mark.parametrize("line", history.read(ROOT / "benchmarks" / "history.jsonl"), ids=lambda line: line["commit"])
def test_the_kept_history_can_be_compared(line):
    assert set(line) == {"date", "commit", "machine", "load", "python", "versions", "figures"}
    assert line["figures"]


def test_the_table_has_the_usual_client_beside_the_fastest_alternative():
    old = {"load": 1.0, "figures": {"hapi.csv_3.ours_ms": 1.0, "hapi.csv_3.theirs_ms": 1.0}}
    new = {
        "load": 2.5,
        "figures": {"hapi.csv_3.ours_ms": 200, "hapi.csv_3.theirs_ms": 3000, "hapi.csv_3.expert_ms": 180},
    }
    (row,) = comparison.rows([old, new])
    assert row[1:] == ("200 ms", "hapiclient", "15", "pyarrow and numpy", "0.9", "``hapi.py``", "2.5")


def test_a_peer_is_compared_with_the_figure_that_was_measured_with_it():
    figures = {"mag_day.ours_ms": 30, "expert_mag_day.ours_tt_ms": 20, "expert_mag_day.expert_tt_ms": 10}
    (row,) = comparison.rows([{"load": 1.0, "figures": {f"imap.{name}": value for name, value in figures.items()}}])
    assert row[1:6] == ("30 ms", "", "", "pycdfpp", "0.5")


def test_times_in_seconds_are_shown_with_their_unit():
    (row,) = comparison.rows([{"load": 1.0, "figures": {"imap.fetch_loop.ours_s": 2.144}}])
    assert row[1] == "2.14 s"


@pytest.mark.parametrize("load", [3.0, 12.5, None])
def test_waiting_times_of_a_busy_machine_are_left_out(load):
    assert list(comparison.rows([{"load": load, "figures": {"imap.fetch_loop.ours_s": 2.144}}])) == []


def test_the_table_of_the_documentation_is_that_of_the_history(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["comparison.py", "--target", str(tmp_path / "table.csv")])
    comparison.main()
    made = (tmp_path / "table.csv").read_text(encoding="utf-8")
    assert made == comparison.TARGET.read_text(encoding="utf-8"), "run: python benchmarks/comparison.py"
