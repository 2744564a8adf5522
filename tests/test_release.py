"""Test the files around a release: they are valid, agree with each other, and name what a person has to fill."""

from __future__ import annotations

import importlib.util
import json
import re
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
YAML = [".codecov.yaml", ".pre-commit-config.yaml", ".readthedocs.yaml", "CITATION.cff", "conda-recipe/recipe.yaml"]
YAML += sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / ".github").rglob("*.yml"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
AT_CONDA = {"matplotlib": "matplotlib-base"}
"""Packages with another name at conda-forge."""


def read(name: str):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def load_tool(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


release = load_tool("release")


def bare(requirement: str) -> tuple[str, str]:
    """Return the name at conda-forge and the bound of a requirement."""
    name, bound = re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\[[^\]]*\])? ?(.*)", requirement).groups()
    return AT_CONDA.get(name, name), bound


@pytest.mark.parametrize("name", YAML)
def test_yaml_files_are_valid(name):
    assert isinstance(read(name), dict)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_start_by_hand_and_have_no_rights_of_their_own(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    # YAML reads the key "on" as true.
    assert "workflow_dispatch" in workflow[True]
    assert workflow["permissions"] == {"contents": "read"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_need_jobs_that_exist(path):
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    assert {one for job in jobs.values() for one in job.get("needs", ())} - set(jobs) == set()


def test_workflows_run_environments_of_tox():
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini")
    known = set(re.findall(r"testenv:([\w-]+)", " ".join(parser.sections())))
    factors = set(re.findall(r"^    (\w+):", parser["testenv"]["description"].strip(), re.MULTILINE))
    factors |= {one for one in ("oldestdeps", "devdeps", "online", "long") if one in parser["testenv"]["description"]}
    jobs = read(".github/workflows/ci.yml")["jobs"].values()
    asked = {value for job in jobs if "with" in job for env in yaml.safe_load(job["with"]["envs"])
             for key, value in env.items() if key in ("linux", "macos", "windows")}  # fmt: skip
    unknown = {one for one in asked - known if not re.fullmatch(rf"py3\d\d?(-({'|'.join(factors)}))?", one)}
    assert unknown == set()


def test_three_systems_and_the_oldest_versions_are_tested():
    envs = yaml.safe_load(read(".github/workflows/ci.yml")["jobs"]["test"]["with"]["envs"])
    assert {key for env in envs for key in env} >= {"linux", "macos", "windows"}
    assert {"linux": "py311-oldestdeps"} in envs


def test_only_the_last_job_of_a_release_can_sign():
    jobs = read(".github/workflows/publish.yml")["jobs"]
    assert [name for name, job in jobs.items() if "id-token" in job.get("permissions", {})] == ["upload"]
    assert jobs["upload"]["needs"] == ["build"]
    assert jobs["build"]["needs"] == ["unfilled"]


def test_no_token_for_the_upload_exists():
    assert "secrets." not in (ROOT / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")


def test_the_recipe_requires_what_the_package_requires():
    recipe = read("conda-recipe/recipe.yaml")
    run = {bare(one) for one in recipe["requirements"]["run"] if not one.startswith("python ")}
    assert run == {bare(one) for one in PROJECT["dependencies"]}
    assert recipe["context"]["python_min"] == PROJECT["requires-python"].removeprefix(">=")


def test_the_recipe_has_the_commands_of_the_package():
    found = dict(line.split(" = ") for line in read("conda-recipe/recipe.yaml")["build"]["python"]["entry_points"])
    assert found == PROJECT["scripts"]


def test_the_files_name_one_version():
    assert read("CITATION.cff")["version"] == read("conda-recipe/recipe.yaml")["context"]["version"]


@pytest.mark.parametrize("key", ["cff-version", "message", "title", "authors", "license", "url", "repository-code"])
def test_the_citation_has_its_keys(key):
    assert read("CITATION.cff")[key]


def test_zenodo_gets_the_title_and_licence_of_the_package():
    found = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    assert (found["title"], found["license"]) == (PROJECT["name"], PROJECT["license"])
    assert all(set(one) <= {"name", "affiliation", "orcid", "gnd"} for one in found["creators"])


def test_every_place_to_fill_is_described():
    page = (ROOT / "CONTRIBUTING.rst").read_text(encoding="utf-8")
    assert set(re.findall(r"^``([\w./-]+)``  ", page, re.MULTILINE)) == set(release.PLACES)


def test_places_to_fill_are_found_and_end_when_they_are_filled(tmp_path):
    for name in release.PLACES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("filled\n", encoding="utf-8")
    assert list(release.places(tmp_path)) == []
    (tmp_path / "pyproject.toml").write_text('\nSource = "https://code.example.org"\n', encoding="utf-8")
    assert list(release.places(tmp_path)) == ['pyproject.toml:2: Source = "https://code.example.org"']


@pytest.mark.parametrize("name", ["CODE_OF_CONDUCT.rst", "CONTRIBUTING.rst", ".github/PULL_REQUEST_TEMPLATE.md"])
def test_pages_for_people_exist(name):
    assert len((ROOT / name).read_text(encoding="utf-8")) > 300


@pytest.mark.parametrize(
    "form", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda form: form.stem
)
def test_forms_have_unique_fields_with_labels(form):
    fields = yaml.safe_load(form.read_text(encoding="utf-8"))["body"]
    names = [field["id"] for field in fields]
    assert len(set(names)) == len(names)
    assert all(field["attributes"]["label"] for field in fields)
