"""Test the installed package: its metadata, and the effects of its import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import pytest

import sunpy_helio_plugins

ROOT = Path(__file__).parents[1]
CLIENTS = ("HAPIClient", "IMAPClient", "HelioviewerClient", "HERClient")
TEST_COMMAND = 'python -m pip install ".[all,tests]" && python -m pytest'
DEMO_COMMAND = 'python -m pip install ".[all]" && python -m sunpy_helio_plugins.demo'

OFFLINE = """
import socket

def refuse(*args, **kwargs):
    raise AssertionError(f"reached for the network: {args}")

socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
socket.socket.connect = socket.socket.connect_ex = socket.socket.sendto = refuse
"""


def run(source: str) -> str:
    """Return the output of a new interpreter for some source, with this checkout first on its path."""
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    done = subprocess.run([sys.executable, "-c", start + source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_import_makes_no_connection_and_looks_up_no_name():
    assert run(OFFLINE + "import sunpy_helio_plugins\nprint('quiet')") == "quiet"


def test_the_import_writes_nothing_and_warns_of_nothing():
    source = "import warnings, sunpy.net\nwarnings.simplefilter('error')\nimport sunpy_helio_plugins"
    assert run(source) == ""


REGISTRY = """
import json, sys
import sunpy.net
before = set(sys.modules)
import sunpy_helio_plugins
from sunpy.net import Fido, attrs
added = sorted(set(sys.modules) - before)
print(json.dumps({"clients": [c.__name__ for c in Fido.registry], "attrs": dir(attrs), "added": added}))
"""


@pytest.fixture(scope="module")
def registry():
    """The state of a new interpreter after ``import sunpy.net`` and ``import sunpy_helio_plugins``."""
    return json.loads(run(REGISTRY))


def test_one_import_registers_the_four_clients(registry):
    assert set(CLIENTS) <= set(registry["clients"])


def test_the_namespaces_are_found_under_sunpys_attrs(registry):
    assert {"hapi", "imap", "helioviewer", "her"} <= set(registry["attrs"])


@pytest.mark.parametrize(
    "heavy", ["cdflib", "glymur", "keyring", "matplotlib.pyplot", "requests_cache", "sunpy.map", "sunpy.timeseries"]
)
def test_heavy_modules_wait_for_their_first_use(registry, heavy):
    assert heavy not in registry["added"]


def test_public_names_are_all_there():
    assert set(CLIENTS) <= set(sunpy_helio_plugins.__all__)
    assert [name for name in sunpy_helio_plugins.__all__ if not hasattr(sunpy_helio_plugins, name)] == []


def test_the_version_is_one_that_tools_understand():
    assert re.match(r"\d+(\.\d+)*", sunpy_helio_plugins.__version__)


def test_the_package_ships_its_types_marker():
    assert Path(sunpy_helio_plugins.__file__).with_name("py.typed").exists()


def test_the_metadata_name_the_licence_and_the_pythons():
    metadata = project()
    assert metadata["license"] == "BSD-3-Clause"
    assert metadata["requires-python"] == ">=3.11"
    assert all((ROOT / name).exists() for name in metadata["license-files"])


def test_sunpy_brings_what_timeseries_needs():
    """With sunpy 8, `sunpy.timeseries` cannot be imported with `sunpy[timeseries]` only: it needs visualization."""
    requirement = next(entry for entry in project()["dependencies"] if entry.startswith("sunpy["))
    assert set(requirement.split("[")[1].split("]")[0].split(",")) >= {"net", "timeseries", "visualization"}


def test_the_extras_that_the_documents_name_exist():
    assert {"all", "tests", "docs", "dev"} <= set(project()["optional-dependencies"])


@pytest.mark.parametrize("command", [TEST_COMMAND, DEMO_COMMAND])
def test_the_readme_states_each_command_once(command):
    assert (ROOT / "README.rst").read_text(encoding="utf-8").count(command) == 1


@pytest.mark.usefixtures("archive")
def test_the_readmes_four_sentences_find_something():
    text = (ROOT / "README.rst").read_text(encoding="utf-8")
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", text)
    names: dict = {}
    exec("\n".join(textwrap.dedent(block) for block in blocks), names)
    assert all(names[answer].file_num > 0 for answer in ("wind", "field", "pictures", "events"))


def test_the_checks_run_the_readmes_test_command():
    assert TEST_COMMAND in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_setup_cfg_holds_only_what_pyproject_can_not():
    """setuptools silently ignores metadata there if pyproject.toml has a project table."""
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    sections = set(re.findall(r"^\[(.+)\]$", text, flags=re.MULTILINE))
    # setuptools adds egg_info to the copy in a source archive.
    assert sections - {"egg_info"} == {"flake8", "codespell", "coverage:run", "coverage:report"}


def test_every_changelog_fragment_has_a_known_type():
    types = {"breaking", "feature", "bugfix", "doc", "trivial"}
    fragments = [path for path in (ROOT / "changelog").glob("*.rst") if path.name != "README.rst"]
    assert fragments
    assert {path.name for path in fragments if path.name.split(".")[1] not in types} == set()


def test_no_file_names_a_place_on_somebodys_machine():
    """Absolute paths of the machine on which a file was written are not valid on any other."""
    place = re.compile(r"(?<![\w./:-])/(?:home|root|Users|work|srv)/\w")
    kinds = {".py", ".rst", ".toml", ".cfg", ".ini", ".yaml", ".in", ".json", ".csv", ""}
    folders = ("sunpy_helio_plugins", "tests", "tools", "benchmarks", "changelog", ".ci", "docs/dev", "docs/how_to")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*")] + list(ROOT.iterdir())
    files = [path for path in found if path.suffix in kinds and path.is_file() and path.name != ".git"]
    assert len(files) > 50
    assert [path for path in files if place.search(path.read_text(encoding="utf-8", errors="replace"))] == []


def test_a_public_name_may_be_a_submodule_of_its_own():
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    code = f"{start}from sunpy_helio_plugins import her\nprint(her.voevent.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "sunpy_helio_plugins.her.submit.voevent\n"
