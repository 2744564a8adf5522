"""Test that the bounds of requirements follow PHEP 3 and SPEC 0, with the dates of releases as of the next version."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

RELEASE = date(2026, 12, 1)
"""The month of the next version: the windows of support end there, so that the test does not depend on the day."""

PYTHON = {
    "3.10": date(2021, 10, 4),
    "3.11": date(2022, 10, 24),
    "3.12": date(2023, 10, 2),
    "3.13": date(2024, 10, 7),
    "3.14": date(2025, 10, 7),
}
CORE = {
    "numpy": {"1.26": date(2023, 9, 16), "2.0": date(2024, 6, 16), "2.1": date(2024, 8, 18)},
    "pandas": {"2.1": date(2023, 8, 30), "2.2": date(2024, 1, 19), "2.3": date(2025, 6, 4)},
    "matplotlib": {"3.8": date(2023, 9, 15), "3.9": date(2024, 5, 15), "3.10": date(2024, 12, 13)},
    "networkx": {"3.1": date(2023, 4, 4), "3.2": date(2023, 10, 19), "3.3": date(2024, 4, 6)},
    "xarray": {"2024.10": date(2024, 10, 24), "2024.11": date(2024, 11, 22), "2025.3": date(2025, 3, 20)},
    "zarr": {"2.18": date(2024, 5, 7), "3.0": date(2025, 1, 9), "3.1": date(2025, 7, 14)},
}
"""First releases of the versions around each bound, from PyPI; the core packages of PHEP 3 that are required."""

HIGHER = {"xarray": "2025.3", "zarr": "3.1.6"}
"""Bounds that are higher than the policy asks for; docs/dev/support.rst has their reasons."""

NOT_YET = {"3.14"}
"""Versions of Python that the workflow runs, and that the classifiers do not name before it has passed."""

REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?:\[[^\]]*\])?(?P<bound>.*)")


def requirements() -> list[tuple[str, str]]:
    """Return (name, bound) of every requirement of the package and its extras."""
    lines = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
    found = [REQUIREMENT.fullmatch(line.replace(" ", "")) for line in lines]
    return [(one["name"], one["bound"]) for one in found if one and one["name"] != PROJECT["name"]]


def key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def before(years: int) -> date:
    return RELEASE.replace(year=RELEASE.year - years)


def lower(name: str) -> str:
    return max((bound.removeprefix(">=") for one, bound in requirements() if one == name), key=key)


def test_no_requirement_has_an_upper_bound():
    bounds = {(name, bound.partition(";")[0].strip()) for name, bound in requirements()}
    assert {one for one in bounds if not re.fullmatch(r"(>=[0-9.]+)?", one[1])} == set()


def test_the_same_package_has_the_same_bound_everywhere():
    bounds: dict[str, set[str]] = {}
    for name, bound in requirements():
        bounds.setdefault(name, set()).add(bound)
    assert {name: found for name, found in bounds.items() if len(found) > 1} == {}


def test_every_requirement_of_use_has_a_bound():
    """The bounds are the versions of the tests with the oldest versions."""
    used = [*PROJECT["dependencies"], *(one for name, extra in PROJECT["optional-dependencies"].items()
            if name not in ("dev", "docs") for one in extra)]  # fmt: skip
    assert [line for line in used if ">=" not in line and not line.startswith(PROJECT["name"])] == []


def test_python_is_supported_for_36_months():
    lowest = PROJECT["requires-python"].removeprefix(">=")
    dropped = [version for version in PYTHON if key(version) < key(lowest)]
    assert [version for version in dropped if PYTHON[version] > before(3)] == []


def test_new_versions_of_python_are_named_after_six_months():
    named = {line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line}
    lowest = key(PROJECT["requires-python"].removeprefix(">="))
    assert set(PYTHON) - named - NOT_YET == {version for version in PYTHON if key(version) < lowest}


@pytest.mark.parametrize("package", sorted(set(CORE) - set(HIGHER)))
def test_core_packages_are_supported_for_24_months(package):
    bound = key(lower(package))
    dropped = [version for version in CORE[package] if key(version) < bound[: len(key(version))]]
    assert dropped, "The table of releases has to begin below the bound."
    assert [version for version in dropped if CORE[package][version] > before(2)] == []


@pytest.mark.parametrize("package", sorted(HIGHER))
def test_higher_bounds_are_explained(package):
    page = (ROOT / "docs" / "dev" / "support.rst").read_text(encoding="utf-8")
    assert lower(package) == HIGHER[package]
    assert re.search(rf"^{package} +{re.escape(HIGHER[package])} +\S", page, re.MULTILINE)


@pytest.mark.parametrize("package", sorted(CORE))
def test_the_table_knows_the_version_of_the_bound(package):
    assert ".".join(lower(package).split(".")[:2]) in CORE[package]
