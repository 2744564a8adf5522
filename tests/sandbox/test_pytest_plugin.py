"""Test the fixtures for other packages, in test runs of their own."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import sunpy_helio_plugins

pytest_plugins = ["pytester"]

ROOT = Path(sunpy_helio_plugins.__file__).parents[1]
PLUGIN = "sunpy_helio_pytest"

WITH_THE_ARCHIVE = """
import pytest
from sunpy.net import Fido, attrs as a
from sunpy_helio_plugins import HERClient, conf
from sunpy_helio_plugins.errors import IsolationError, ServiceError

HOLES = a.Time("2026-01-10", "2026-01-11"), a.her.CH
REAL = "https://www.lmsal.com/hek/her"


def test_a_search(helio_sandbox):
    assert len(Fido.search(*HOLES)["her"]) > 1
    assert {request.path.split("/")[1] for request in helio_sandbox.log} == {"hek"}


@pytest.mark.parametrize("_", range(2))
def test_a_fault(helio_sandbox, _):
    assert helio_sandbox.log == []
    helio_sandbox.fault("status", status=500, path="/hek")
    with pytest.raises(ServiceError, match="500"):
        HERClient().search(*HOLES)
    conf.her.url = helio_sandbox.url + "/elsewhere"


@pytest.mark.helio_fault("status", status=501, path="/hek")
def test_a_marked_fault(helio_sandbox):
    with pytest.raises(ServiceError, match="501"):
        HERClient().search(*HOLES)


def test_the_fault_and_the_settings_have_ended(helio_sandbox):
    assert conf.her.url == helio_sandbox.url + "/hek/her"
    assert len(Fido.search(*HOLES)["her"]) > 1


def test_settings_outside():
    assert conf.her.url == REAL


def test_isolation(helio_isolation):
    with pytest.raises(IsolationError, match="lmsal"):
        HERClient().search(*HOLES)
"""

ALONE = """
import sys


def test_the_package_is_not_imported():
    assert [name for name in sys.modules if name.startswith("sunpy")] == ["sunpy_helio_pytest"]
"""

OFFLINE = """
def test_the_guard_of_the_run():
    from sunpy_helio_plugins.config import isolation

    assert isolation
"""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    """Return a function that runs a test file in a process of its own and asserts how many of its tests passed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(source: str, passed: int, *options: str) -> None:
        pytester.makepyfile(source)
        options = "--strict-markers", "-p", "no:cacheprovider", "-p", PLUGIN, *options
        pytester.runpytest_subprocess(*options).assert_outcomes(passed=passed)

    return run


def test_its_fixtures_serve_the_tests_of_other_packages(run):
    run(WITH_THE_ARCHIVE, 7)


def test_other_tests_do_not_import_the_package(run):
    run(ALONE, 1)


def test_an_option_refuses_the_network_for_a_run(run):
    run(OFFLINE, 1, "--helio-offline")


def test_a_setting_refuses_the_network_for_a_run(run, pytester: pytest.Pytester):
    pytester.makeini("[pytest]\nhelio_offline = true")
    run(OFFLINE, 1)


def test_pytest_finds_it():
    """The names of entry point and module are equal, so that ``-p`` and ``pytest_plugins`` do not load it twice."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}
    assert project["tool"]["setuptools"]["py-modules"] == [PLUGIN]
