"""Test the rules of the source tree: imports between modules, sizes, and the beginning of modules."""

from __future__ import annotations

import ast
import configparser
import functools
import importlib.util
import re
import sys
from pathlib import Path

import pytest

import sunpy_helio_plugins

PACKAGE = "sunpy_helio_plugins"
ROOT = Path(sunpy_helio_plugins.__file__).parent
ARCHIVES = ("hapi", "imap", "helioviewer", "her")
NETWORK = ("aiohttp", "http.client", "parfive", "requests", "socket", "urllib.request", "urllib3")

LAYERS = (
    ("errors", "config", "lazy", "_version", "arguments"),
    ("quantities",),
    ("store",),
    ("transport",),
    ("transport.files",),
    ("io",),
    ("cdf",),
    ("series",),
    ("fido",),
    ("cluster",),
    ARCHIVES,
    ("together",),
    ("mirrors",),
    ("demo",),
    ("cli", "__main__"),
)
"""The layers from bottom to top; a module imports from its own layer or a lower one."""

ROOMS = ("attrs", "query", "translator", "service", "search", "tables", "client")
ABOVE_THE_CLIENT = ("explore", "files", "dataset", "views", "events", "submit", "records.load")
FORBIDDEN = {
    "query": ("attrs", "translator", "service", "search", "tables", "client"),
    "attrs": ("translator", "service", "search", "tables", "client"),
    "translator": ("service", "search", "tables", "client"),
    "service": ("attrs", "translator", "search", "tables", "client"),
    "search": ("attrs", "translator", "client"),
    "tables": ("attrs", "translator", "service", "search", "client"),
}
"""The modules that each module of an archive must not import."""

WITHOUT_NETWORK = ("attrs", "query", "translator", "tables", "columns", "filters")
LONGEST_BODY = 40
LONGEST_MODULE = 600
LARGEST_FOLDER = 12
MOST_CORRIDORS = 10
LONGEST_REASON = 60


def load_house():
    """Load the script with the statistics of the layout."""
    path = Path(__file__).parents[1] / "benchmarks" / "house.py"
    spec = importlib.util.spec_from_file_location("house", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["house"] = module
    spec.loader.exec_module(module)
    module.ROOT = ROOT
    return module


house = load_house()
MODULES = house.modules()
graph = functools.cache(house.imports)


def is_inside(name: str, *rooms: str) -> bool:
    return any(name == f"{PACKAGE}.{room}" or name.startswith(f"{PACKAGE}.{room}.") for room in rooms)


def members(*rooms: str) -> list[str]:
    return [name for name in MODULES if is_inside(name, *rooms)]


def crossings(sources: list[str], *rooms: str) -> set[tuple[str, str]]:
    """Return the imports of given modules from given modules."""
    return {(name, target) for name in sources for target in graph()[name] if is_inside(target, *rooms)}


def layer_of(name: str) -> int:
    found = [i for i, rooms in enumerate(LAYERS) if is_inside(name, *rooms)]
    return max(found, default=-1)


def reaching_network(name: str) -> set[str]:
    """Return the modules that import a network library, among all direct and indirect imports of a module."""
    every = {name, *house.reachable(graph(), name)}
    return {
        f"{one} imports {library}"
        for one in every
        for full in MODULES[one].imported(kinds=("top", "lazy"))
        for library in NETWORK
        if full == library or full.startswith(f"{library}.")
    }


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_relative_imports_are_resolved_before_they_are_judged(tmp_path, monkeypatch):
    monkeypatch.setattr(house, "ROOT", tmp_path)
    (tmp_path / "sandbox").mkdir()
    path = tmp_path / "sandbox" / "her.py"
    path.write_text("from ..her import regions\ndef f():\n    from . import scene\n")
    module = house.Module(path)
    assert module.imported(kinds=("top",)) == {f"{PACKAGE}.her.regions"}
    assert module.imported() == {f"{PACKAGE}.her.regions", f"{PACKAGE}.sandbox.scene"}


def test_imports_for_type_checkers_and_in_functions_count(tmp_path, monkeypatch):
    monkeypatch.setattr(house, "ROOT", tmp_path)
    path = tmp_path / "one.py"
    path.write_text(
        f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from {PACKAGE}.x import y\n"
        f"def f():\n    import_module('{PACKAGE}.z')\n"
    )
    module = house.Module(path)
    assert module.imported(kinds=("typing",)) == {f"{PACKAGE}.x.y"}
    assert module.imported(kinds=("lazy",)) == {f"{PACKAGE}.z"}


def test_names_that_a_face_imports_later_count(tmp_path, monkeypatch):
    monkeypatch.setattr(house, "ROOT", tmp_path)
    path = tmp_path / "__init__.py"
    path.write_text(f"__getattr__ = lazy.attach(__name__, {{'{PACKAGE}.x.y': ('name',)}}, submodules=('z',))\n")
    assert house.Module(path).imported(kinds=("lazy",)) == {f"{PACKAGE}.x.y", f"{PACKAGE}.z"}


def test_no_module_imports_itself_through_others():
    assert house.knots(graph()) == []


def test_modules_import_from_their_own_layer_or_a_lower_one():
    upwards = {
        (name, target)
        for name in MODULES
        if layer_of(name) >= 0 and not is_inside(name, "demo", "cli")
        for target in graph()[name]
        if layer_of(target) > layer_of(name) or is_inside(target, "sandbox")
    }
    assert upwards == set()


def test_every_module_has_its_layer():
    without = [name for name in MODULES if layer_of(name) < 0 and not is_inside(name, "sandbox") and name != PACKAGE]
    assert without == []


def test_the_sandbox_does_not_use_the_code_that_reads_it():
    """If it did, the same mistake on both sides would not be detected."""
    assert crossings(members("sandbox"), *ARCHIVES) == set()


@pytest.mark.parametrize("archive", ARCHIVES)
def test_one_import_joins_two_archives(archive):
    """Helioviewer lists its images through its own HAPI server."""
    allowed = {f"{PACKAGE}.helioviewer.listers.hapi"}
    found = {pair for pair in crossings(members(archive), *set(ARCHIVES) - {archive}) if pair[0] not in allowed}
    assert found == set()


@pytest.mark.parametrize("archive", ARCHIVES)
def test_every_archive_has_the_same_seven_rooms(archive):
    assert {room for room in ROOMS if f"{PACKAGE}.{archive}.{room}" not in MODULES} == set()


@pytest.mark.parametrize("archive", ARCHIVES)
@pytest.mark.parametrize(("room", "forbidden"), FORBIDDEN.items())
def test_imports_follow_the_way_of_the_data(archive, room, forbidden):
    """A search runs through client, translator, search, service and tables; no module imports one above it."""
    assert crossings(members(f"{archive}.{room}"), *(f"{archive}.{other}" for other in forbidden)) == set()


@pytest.mark.parametrize("archive", ARCHIVES)
def test_nothing_below_the_client_imports_it(archive):
    above = tuple(f"{archive}.{room}" for room in ("client", *ABOVE_THE_CLIENT))
    below = [name for name in members(archive) if name != f"{PACKAGE}.{archive}" and not is_inside(name, *above)]
    assert crossings(below, f"{archive}.client") == set()


@pytest.mark.parametrize(
    "room", [*(f"{archive}.{room}" for archive in ARCHIVES for room in WITHOUT_NETWORK), "quantities", "cdf", "series"]
)
def test_attrs_queries_tables_and_quantities_reach_no_network(room):
    found = {line for name in members(room) for line in reaching_network(name)}
    assert found == set()


def test_every_module_begins_with_its_docstring():
    assert [name for name, module in MODULES.items() if not ast.get_docstring(module.tree)] == []


def test_annotations_are_never_evaluated_at_import():
    def postponed(tree: ast.Module) -> bool:
        first = [node for node in tree.body if isinstance(node, ast.ImportFrom)][:1]
        return bool(first) and first[0].module == "__future__" and first[0].names[0].name == "annotations"

    with_code = {name: one.tree for name, one in MODULES.items() if len(one.tree.body) > 1}
    assert [name for name, tree in with_code.items() if not postponed(tree)] == []


def test_modules_stay_short():
    lengths = {name: module.text.count("\n") for name, module in MODULES.items()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_functions_stay_short():
    lengths = {
        f"{name}.{node.name}": body_lines(node)
        for name, module in MODULES.items()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_BODY} == {}


def test_folders_show_on_one_screen():
    assert {folder: count for folder, count in house.folders().items() if count > LARGEST_FOLDER} == {}


def test_few_modules_only_lead_to_another():
    assert len(house.corridors()) <= MOST_CORRIDORS, house.corridors()


def test_modules_are_named_by_nouns():
    assert house.verbal_names() == []


def names_used(tree: ast.Module) -> set[str]:
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def users(*names: str) -> set[str]:
    """Return the modules outside the sandbox that use some names."""
    found = {name for name, module in MODULES.items() if names_used(module.tree) & set(names)}
    return {name for name in found if not is_inside(name, "sandbox")}


def test_the_filters_of_warnings_are_left_to_the_user():
    """A block of `warnings.catch_warnings` in a thread changes them for all threads; see ``quantities.silence``."""
    assert users("catch_warnings", "simplefilter", "filterwarnings", "resetwarnings") == set()


def test_one_module_decodes_json():
    """Its functions refuse JSON that is nested too deeply; see ``quantities.exact``."""
    decoded = {
        name
        for name, module in MODULES.items()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute) and node.attr in ("loads", "load") and ast.unparse(node.value) == "json"
    }
    # The completion of names reads a file of this package, and must not import numpy.
    allowed = {f"{PACKAGE}.quantities.exact", f"{PACKAGE}.cli.hapi"}
    assert {name for name in decoded if not is_inside(name, "sandbox")} == allowed


def test_one_module_starts_threads():
    """It keeps the order, the context and Ctrl-C; see ``fido.partial``."""
    assert users("ThreadPoolExecutor", "Thread") == {f"{PACKAGE}.fido.partial"}


def test_lines_and_branches_that_no_test_runs_have_their_reasons():
    """The reason is in the comment by which coverage leaves them out; see docs/dev/robustness.rst."""
    found = [
        (f"{name}: {line.strip()}", line.partition("pragma:")[2])
        for name, module in MODULES.items()
        for line in module.text.splitlines()
        if "pragma:" in line
    ]
    assert found
    reason = re.compile(rf" no (?:cover|branch) - \w.{{9,{LONGEST_REASON - 2}}}\w")
    assert [line for line, told in found if not reason.fullmatch(told)] == []


def test_no_other_lines_are_left_out_of_the_measurement_of_coverage():
    """Expressions in the configuration would leave out lines without a reason."""
    settings = configparser.ConfigParser()
    settings.read(ROOT.parent / "setup.cfg", encoding="utf-8")
    assert settings["coverage:report"]["exclude_also"].split() == [r"if", "TYPE_CHECKING:", "@overload", r"\.\.\.$"]
    assert settings["coverage:run"]["omit"].split() == ["*/sunpy_helio_plugins/_version.py"]
    assert settings["coverage:run"].getboolean("branch")
