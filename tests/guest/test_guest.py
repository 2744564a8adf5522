"""
Test that astropy and sunpy behave the same without this package, with it, and afterwards.

`survey` records their behaviour in new interpreters; the results are compared here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SURVEY = Path(__file__).with_name("survey.py")


@pytest.fixture(scope="module")
def answers(tmp_path_factory) -> dict[str, dict[str, str]]:
    folder = tmp_path_factory.mktemp("guest")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    environment.pop("PYTEST_ADDOPTS", None)
    running = {
        mode: subprocess.Popen(
            [sys.executable, str(SURVEY), mode, str(folder / mode)],
            env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for mode in ("without", "with")
    }  # fmt: skip
    for process in running.values():
        said, _ = process.communicate(timeout=600)
        assert process.returncode == 0, said
    return {phase: told for mode in running for phase, told in json.loads((folder / mode).read_text()).items()}


def differences(before: dict[str, str], after: dict[str, str]) -> dict[str, tuple[str, str | None]]:
    return {
        name: (told, after.get(name))
        for name, told in before.items()
        if told != after.get(name) and not (name.startswith("factories: ") and name.endswith(".jp2"))
    }


def test_the_survey_is_of_this_checkout_and_has_asked_enough(answers):
    assert Path(answers["package"]["file"]).is_relative_to(ROOT)
    asked = [name.partition(":")[0] for name in answers["without"]]
    least = {"state": 25, "formats": 300, "recognized": 200, "dispatch": 9, "factories": 60, "fido": 40, "modules": 3}
    assert {name: asked.count(name) >= number for name, number in least.items()} == dict.fromkeys(least, True)
    tables = [told for told in answers["without"].values() if told.startswith(("Table(", "QTable("))]
    assert len(tables) > 100
    passed = [name for name, told in answers["without"].items() if name.startswith("fido") and told == "passed"]
    assert len(passed) > 20


def test_nothing_is_otherwise_after_the_import(answers):
    assert differences(answers["without"], answers["imported"]) == {}


def test_nothing_is_otherwise_after_the_embedded_archive_has_served(answers):
    known = {name: told for name, told in answers["without"].items() if not name.startswith(("modules", "state"))}
    assert differences(known | answers["again"], answers["after"]) == {}


def test_pictures_are_opened_as_before_or_where_they_could_not_be(answers):
    pictures = [name for name in answers["without"] if name.startswith("factories: Map") and name.endswith(".jp2")]
    assert pictures
    for name in pictures:
        before, after = answers["without"][name], answers["imported"][name]
        assert after == before or (before.startswith("OSError: Failed to read") and "Map(" in after)
