"""
Print statistics of the package layout: ``python benchmarks/house.py [--json] [--no-walk]``.

They are the number and the size of the modules, the structure of the import graph (including imports in functions and
for type checkers), and a trace of one plain search in each archive: how many modules and functions of the package it
enters, and how often a call crosses from one module to another.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import re
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property, lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

PACKAGE = "sunpy_helio_plugins"
ROOT = Path(__file__).resolve().parents[1] / PACKAGE
ARCHIVES = ("hapi", "imap", "helioviewer", "her")
ROOMS = (*ARCHIVES, "transport", "quantities", "cdf", "fido", "io", "series", "store", "together")
FACES = (
    "", "errors", "config", "fido", "quantities", "quantities.units", "cdf", "io", "series", "sandbox", "together",
    *ARCHIVES,
)  # fmt: skip


class Module:
    """One module of the package, given by the path of its file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_package = path.name == "__init__.py"
        parts = (PACKAGE, *path.relative_to(ROOT).with_suffix("").parts)
        self.name = ".".join(parts[:-1] if self.is_package else parts)

    @cached_property
    def text(self) -> str:
        """The source of the module."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree of the module."""
        return ast.parse(self.text)

    @cached_property
    def lines_of_code(self) -> int:
        """The number of lines without blank lines, comments and docstrings."""
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        skipped: set[int] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, documented) and ast.get_docstring(node):
                skipped.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
        lines = enumerate(self.text.splitlines(), start=1)
        return sum(1 for i, line in lines if line.strip() and not line.lstrip().startswith("#") and i not in skipped)

    def imported(self, *, kinds: tuple[str, ...] = ("top", "lazy", "typing")) -> set[str]:
        """Return the full names that the module imports, by the kind of place of the import."""
        return {name for kind, names in self._imports.items() if kind in kinds for name in names}

    @cached_property
    def _imports(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for node, kind in _placed(self.tree, "top"):
            if isinstance(node, ast.Import):
                found[kind].update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._origin(node)
                found[kind].update(f"{base}.{alias.name}" for alias in node.names)
            else:
                found[kind].update(_by_name(node))
                found["lazy"].update(_attached(node, self.name))
        return found

    def _origin(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        kept = package[: len(package) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])


def _placed(tree: ast.AST, kind: str) -> Iterator[tuple[ast.AST, str]]:
    """Walk a tree, and yield each node with the kind of its place."""
    for node in ast.iter_child_nodes(tree):
        inner = kind
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            inner = "typing"
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            inner = "lazy"
        yield node, inner
        yield from _placed(node, inner)


def _attached(node: ast.AST, package: str) -> set[str]:
    """Return the modules that a package's call of ``lazy.attach`` names, and its submodules."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func).endswith("lazy.attach")):
        return set()
    origins = {key for one in node.args if isinstance(one, ast.Dict) for key in map(ast.literal_eval, one.keys)}
    submodules = [name for one in node.keywords if one.arg == "submodules" for name in ast.literal_eval(one.value)]
    return origins | {f"{package}.{name}" for name in submodules}


def _by_name(node: ast.AST) -> set[str]:
    """Return the modules of the package in calls of ``import_module``."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        return {text for text in texts if text.startswith(PACKAGE)}
    return set()


@lru_cache
def modules() -> dict[str, Module]:
    """Return the modules of the package by name."""
    found = [Module(path) for path in sorted(ROOT.rglob("*.py")) if path.name != "_version.py"]
    return {module.name: module for module in found}


def imports(*, kinds: tuple[str, ...] = ("top", "lazy", "typing")) -> dict[str, set[str]]:
    """Return the import graph inside the package: module -> modules that it imports."""
    known = modules()
    graph = {}
    for name, module in known.items():
        targets = (_module_of(full, known) for full in module.imported(kinds=kinds))
        graph[name] = {target for target in targets if target and target != name}
    return graph


def _module_of(full: str, known: dict[str, Module]) -> str | None:
    """Return the module that an imported name belongs to."""
    if full in known:
        return full
    owner = full.rpartition(".")[0]
    return owner if owner in known else None


def knots(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of modules that import each other, directly or through others."""
    reach = {name: reachable(graph, name) for name in graph}
    rings = {frozenset(other for other in reach[name] if name in reach[other]) for name in graph if name in reach[name]}
    return sorted((set(ring) for ring in rings), key=len, reverse=True)


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return all modules that a module imports, directly or through others."""
    found: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(graph[name])
    return found


def floors(graph: dict[str, set[str]], room: str) -> int:
    """Return the length of the longest import chain among the modules of a subpackage."""
    inside = {name for name in graph if name.startswith(f"{PACKAGE}.{room}.")}
    heights: dict[str, int] = {}

    def height(name: str, above: tuple[str, ...]) -> int:
        if name not in heights:
            below = [one for one in graph[name] & inside if one not in above]
            heights[name] = 1 + max((height(one, (*above, name)) for one in below), default=0)
        return heights[name]

    return max((height(name, ()) for name in inside), default=0)


def corridors() -> list[str]:
    """Return the modules outside the sandbox that have one importer and under 60 lines of code."""
    importers = Counter(target for targets in imports().values() for target in targets)
    return sorted(
        name
        for name, module in modules().items()
        if not module.is_package
        and not name.startswith(f"{PACKAGE}.sandbox")
        and importers[name] == 1
        and module.lines_of_code < 60
    )


def folders() -> dict[str, int]:
    """Return how many modules lie directly in each folder."""
    counted: Counter[str] = Counter()
    for module in modules().values():
        if not module.is_package:
            counted[str(module.path.parent.relative_to(ROOT))] += 1
    return dict(counted)


def verbal_names() -> list[str]:
    """Return the modules whose names are gerunds or participles."""
    verbal = re.compile(r"^(?!.*(?:thing|string|naming|matching|paging|pickling|drawing)).*(?:ing|ed|ept|ound|ards)$")
    return sorted(name for name in modules() if verbal.match(name.rpartition(".")[2]))


def repeated_classes() -> dict[str, int]:
    """Return the names of classes that several modules outside the sandbox define."""
    counted: Counter[str] = Counter()
    for name, module in modules().items():
        if not name.startswith(f"{PACKAGE}.sandbox"):
            classes = (node.name for node in module.tree.body if isinstance(node, ast.ClassDef))
            counted.update(one for one in classes if not one.startswith("_"))
    return {name: count for name, count in sorted(counted.items()) if count > 1 and name != "Query"}


def public_names() -> dict[str, list[str]]:
    """Return the ``__all__`` of each public module."""
    faces = (".".join(filter(None, (PACKAGE, face))) for face in FACES)
    return {face: sorted(getattr(importlib.import_module(face), "__all__", [])) for face in faces if face in modules()}


def odd_phrases() -> float:
    """Return the number of phrases to avoid per 1,000 words of docstrings."""
    odd = re.compile(
        r"\b(?:is|are|has|have|holds) no (?!longer\b)\w+|\bstands? (?:for|beside|there|in|at|by|before|behind|out)\b"
        r"|\bWhat (?:a|an|the|is|was|came|may|must)\b|\bbears?\b|\bminded\b|\bthat is none\b|\bface towards\b"
    )
    texts = []
    for name, module in modules().items():
        if not name.startswith(f"{PACKAGE}.sandbox"):
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    texts.append(ast.get_docstring(node) or "")
    text = " ".join(texts)
    return 1000 * len(odd.findall(text)) / max(len(text.split()), 1)


class Walk:
    """The modules and functions of the package that calls enter, and the number of calls between modules."""

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.functions: set[Any] = set()
        self.hops = 0

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Record one call; for `sys.setprofile`."""
        if event != "call" or not (module := _own(frame)):
            return
        if not frame.f_code.co_name.startswith("<"):
            self.modules.add(module)
            self.functions.add(frame.f_code)
        caller = frame.f_back
        while caller is not None and not _own(caller):
            caller = caller.f_back
        if caller is not None and _own(caller) != module:
            self.hops += 1


def _own(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__", "")
    is_ours = name.startswith(PACKAGE) and not name.startswith(f"{PACKAGE}.sandbox")
    return name if is_ours and frame.f_code.co_name != "<module>" else ""


def walks() -> dict[str, Walk]:
    """Search each archive of the sandbox once, and return the traces."""
    from astropy import units as u
    from sunpy.net import Fido
    from sunpy.net import attrs as a

    # Before the searches: what modules call when they are imported does not belong to a search.
    for name in modules():
        if not name.endswith("__main__"):
            importlib.import_module(name)
    with contextlib.suppress(ImportError):
        importlib.import_module("keyring").get_keyring()
    sandbox = importlib.import_module(f"{PACKAGE}.sandbox")
    day, noon = a.Time("2026-01-10", "2026-01-11"), a.Time("2026-01-10 12:00", "2026-01-10 12:10")
    queries = {
        "hapi": (day, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI")),
        "imap": (day, a.imap.File(), a.Instrument("mag"), a.Level("l2")),
        "helioviewer": (noon, a.helioviewer.Image(), a.Instrument("AIA"), a.Wavelength(304 * u.AA)),
        "her": (day, a.her.Event(), a.hek.CH),
    }
    found = {}
    with sandbox.serve():
        for archive, query in queries.items():
            found[archive] = walk = Walk()
            threading.setprofile(walk)
            sys.setprofile(walk)
            try:
                Fido.search(*query)
            finally:
                sys.setprofile(None)
                threading.setprofile(None)  # type: ignore[arg-type]
    return found


def measures(*, walk: bool = True) -> dict[str, float]:
    """Return all statistics by name."""
    outside = {name: one for name, one in modules().items() if not name.startswith(f"{PACKAGE}.sandbox")}
    importers = Counter(target for targets in imports().values() for target in targets)
    plain = {name: one for name, one in outside.items() if not one.is_package}
    found: dict[str, float] = {
        "modules": len(plain),
        "modules_with_one_importer": sum(importers[name] == 1 for name in plain),
        "modules_under_120_lines": sum(one.text.count("\n") < 120 for one in plain.values()),
        "corridors": len(corridors()),
        "lines": sum(one.text.count("\n") for one in outside.values()),
        "lines_of_code": sum(one.lines_of_code for one in outside.values()),
        "largest_folder": max(folders().values()),
        "verbal_module_names": len(verbal_names()),
        "repeated_class_names": len(repeated_classes()),
        "public_names": sum(map(len, public_names().values())),
        "odd_phrases": round(odd_phrases(), 2),
    }
    for label, kinds in (("", ("top", "lazy")), ("_with_typing", ("top", "lazy", "typing"))):
        rings = knots(imports(kinds=kinds))
        found[f"cycles{label}"] = len(rings)
        found[f"largest_cycle{label}"] = len(rings[0]) if rings else 0
    found.update({f"floors_{room}": floors(imports(kinds=("top", "lazy")), room) for room in ROOMS})
    for archive, one in (walks() if walk else {}).items():
        found[f"walk_{archive}_modules"] = len(one.modules)
        found[f"walk_{archive}_functions"] = len(one.functions)
        found[f"walk_{archive}_hops"] = one.hops
    return found


def main() -> None:
    """Print the statistics."""
    found = measures(walk="--no-walk" not in sys.argv)
    if "--json" in sys.argv:
        print(json.dumps({name: {"value": value} for name, value in found.items()}))
        return
    for name, value in found.items():
        print(f"{name:32} {value:g}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT.parent))
    main()
