"""Test the fixtures for other packages, in a test run of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import sunpy_helio_plugins

TESTS = """
import pytest
from sunpy.net import Fido, attrs as a
from sunpy_helio_plugins import HERClient, conf
from sunpy_helio_plugins.errors import IsolationError, ServiceError

HOLES = a.Time("2026-01-10", "2026-01-11"), a.her.CH
REAL = "https://www.lmsal.com/hek/her"


def test_a_search(helio_archive):
    assert len(Fido.search(*HOLES)["her"]) > 1
    assert {request.path.split("/")[1] for request in helio_archive.log} == {"hek"}


@pytest.mark.parametrize("_", range(2))
def test_a_fault(helio_archive, _):
    assert helio_archive.log == []
    helio_archive.fault("status", status=500, path="/hek")
    with pytest.raises(ServiceError, match="500"):
        HERClient().search(*HOLES)
    conf.her.url = helio_archive.url + "/elsewhere"


def test_the_fault_and_the_settings_have_ended(helio_archive):
    assert conf.her.url == helio_archive.url + "/hek/her"
    assert len(Fido.search(*HOLES)["her"]) > 1


def test_settings_outside():
    assert conf.her.url == REAL


def test_isolation(helio_isolation):
    with pytest.raises(IsolationError, match="lmsal"):
        HERClient().search(*HOLES)
"""


def test_its_fixtures_serve_the_tests_of_other_packages(tmp_path: Path):
    (tmp_path / "test_other.py").write_text(TESTS)
    options = ["-q", "-p", "no:cacheprovider", "-p", "sunpy_helio_plugins.pytest_plugin"]
    root = Path(sunpy_helio_plugins.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert "6 passed" in done.stdout, done.stdout + done.stderr
