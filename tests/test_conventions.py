"""The source tree keeps its own rules: which room may import which, how long things get, how modules begin."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import sunpy_helio_plugins

PACKAGE = "sunpy_helio_plugins"
ROOT = Path(sunpy_helio_plugins.__file__).parent
ARCHIVES = ("hapi", "imap", "helioviewer", "her")
NETWORK = ("aiohttp", "http.client", "parfive", "requests", "socket", "urllib.request")
LONGEST_BODY = 40
LONGEST_MODULE = 400


class Module(NamedTuple):
    """One module of the package: its dotted name, its text and its syntax tree."""

    name: str
    is_package: bool
    text: str
    tree: ast.Module


def dotted(path: Path) -> str:
    parts = (PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> list[Module]:
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        if path.name != "_version.py":
            text = path.read_text(encoding="utf-8")
            found.append(Module(dotted(path), path.name == "__init__.py", text, ast.parse(text)))
    return found


MODULES = modules()


def imported_names(module: Module) -> set[str]:
    """Return each name that a module imports when it runs, as a dotted path, relative imports resolved."""
    names: set[str] = set()
    for node in running_nodes(module.tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = origin(module, node)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def running_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree without what only a type checker reads: the name of an answer's type binds nobody to its maker."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")):
            yield node
            yield from running_nodes(node)


def origin(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.name.split(".") if module.is_package else module.name.split(".")[:-1]
    kept = package[: len(package) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def imports(module: Module, *targets: str) -> set[str]:
    """Return those names among a module's imports that lie in one of the target packages."""
    return {
        name for name in imported_names(module) for target in targets if name == target or name.startswith(f"{target}.")
    }


def inside(module: Module, *rooms: str) -> bool:
    return any(module.name == f"{PACKAGE}.{room}" or module.name.startswith(f"{PACKAGE}.{room}.") for room in rooms)


def in_package(*rooms: str) -> tuple[str, ...]:
    return tuple(f"{PACKAGE}.{room}" for room in rooms)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_relative_imports_are_resolved_before_they_are_judged():
    source = "from ..her import regions\nfrom . import scene\nfrom .. import hapi\n"
    module = Module(f"{PACKAGE}.sandbox.her", False, source, ast.parse(source))
    assert imported_names(module) == {
        f"{PACKAGE}.her.regions", f"{PACKAGE}.sandbox.scene", f"{PACKAGE}.hapi",
    }
    package = module._replace(name=f"{PACKAGE}.sandbox", is_package=True)
    assert f"{PACKAGE}.sandbox.scene" in imported_names(package)


def crossings(rooms: tuple[str, ...], *targets: str) -> dict[str, set[str]]:
    """Return what the modules of some rooms import from where they must not: module -> names."""
    return {module.name: found for module in MODULES if inside(module, *rooms) and (found := imports(module, *targets))}


def test_the_embedded_archive_is_no_mirror_of_our_own_reading():
    """If the sandbox used the code that reads it, a mistake on both sides would look like a pass."""
    assert crossings(("sandbox",), *in_package(*ARCHIVES)) == {}


def test_transport_and_quantities_know_no_archive():
    assert crossings(("transport", "quantities"), *in_package(*ARCHIVES, "sandbox", "demo")) == {}


def test_quantities_do_not_move_bytes():
    assert crossings(("quantities",), *in_package("transport"), *NETWORK) == {}


@pytest.mark.parametrize("archive", ARCHIVES)
def test_only_helioviewer_leans_on_another_archive(archive):
    """Helioviewer lists its images through its own HAPI server; no other arrow runs between archives."""
    others = set(ARCHIVES) - {archive} - ({"hapi"} if archive == "helioviewer" else set())
    assert crossings((archive,), *in_package(*others)) == {}


def test_nothing_but_the_demo_depends_on_the_embedded_archive():
    rooms = {module.name.split(".")[1] for module in MODULES if "." in module.name}
    library = tuple(sorted(rooms - {"sandbox", "demo"}))
    assert crossings(library, *in_package("sandbox")) == {}


@pytest.mark.parametrize("room", ["attrs", "translate", "tables"])
def test_words_queries_and_tables_touch_no_network(room):
    rooms = tuple(f"{archive}.{room}" for archive in ARCHIVES)
    assert crossings(rooms, *in_package("transport"), *NETWORK) == {}


def test_what_only_a_type_checker_reads_is_no_import():
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .service import Found\n"
    module = Module(f"{PACKAGE}.hapi.tables", False, source, ast.parse(source))
    assert imported_names(module) == {"typing.TYPE_CHECKING"}


@pytest.mark.parametrize("archive", ARCHIVES)
@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("attrs", ("translate", "service", "tables", "client")),
        ("translate", ("service", "tables", "client")),
        ("service", ("attrs", "tables", "client")),
        ("tables", ("attrs", "service", "client")),
    ],
)
def test_arrows_point_along_the_way_of_the_data(archive, room, forbidden):
    """A search runs through client, translate, service and tables; no room imports one that it must not know."""
    assert crossings((f"{archive}.{room}",), *in_package(*(f"{archive}.{other}" for other in forbidden))) == {}


def test_every_module_begins_with_its_docstring():
    assert [module.name for module in MODULES if not ast.get_docstring(module.tree)] == []


def test_annotations_are_never_evaluated_at_import():
    def postponed(module: Module) -> bool:
        first = [node for node in module.tree.body if isinstance(node, ast.ImportFrom)][:1]
        return bool(first) and first[0].module == "__future__" and first[0].names[0].name == "annotations"

    with_code = [module for module in MODULES if len(module.tree.body) > 1]
    assert [module.name for module in with_code if not postponed(module)] == []


def test_modules_stay_short():
    lengths = {module.name: module.text.count("\n") for module in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_functions_stay_short():
    lengths = {
        f"{module.name}.{node.name}": body_lines(node)
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_BODY} == {}


@pytest.mark.parametrize("archive", ARCHIVES)
def test_every_archive_has_the_same_five_rooms(archive):
    rooms = {path.stem for path in (ROOT / archive).glob("*.py")}
    assert rooms >= {"attrs", "translate", "service", "tables", "client"}
