"""
Change the package at random points, and count the changes that the tests find.

``python tools/mutation.py [--points 40] [--seed 1] [--room NAME ...] [--near] [--log FILE] [--again FILE ...]``

Cosmic Ray (``pip install cosmic-ray``) makes the changes: another operator, number or comparison, a condition that is
negated, a loop without an iteration. One more kind removes a statement. Each change is made in a copy of the checkout,
and the tests of its room run until the first one fails: those first that name the changed module, with ``--near`` only
those. Changes of annotations are left out, and a change is "equivalent" if `EQUIVALENT` gives the reason.
With ``--log``, points that are in the file are not run again, except that without ``--near`` those that survived are.

``--coverage`` takes the data of ``coverage run`` with ``dynamic_context = test_function``: then the tests that run the
changed line run, which takes seconds instead of minutes. Constants and classes are made at import: they are tested by
the tests that run the lines of the module that mention them, or by those of the room if there are none.

Tests that compute longer than ``--most`` seconds, wait ten times as long, or do not compute for two minutes, count only
if the same tests end without the change, and are then given four times as long as these took.

``--again`` takes logs instead of a seed: the points in them that survived, or whose tests had no end, are changed
again, also in a package that has changed since. Points whose line is no longer there are told and left out.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[1]
PACKAGE = "sunpy_helio_plugins"
WITHOUT = ("sandbox", "demo", "_version")
"""The embedded archive is itself a part of the tests, and compared to the official clients."""

WITH_ARGUMENTS = ("core/VariableInserter", "core/VariableReplacer")
FOLDERS = {"io": (".", "quantities", "hapi/views"), "fido": (".", "hapi"), "store": ("store", "transport")}
"""The folders of tests of rooms whose tests are not in the folder of the same name; "." is that of all clients."""

PRELOADED = (
    "aiohttp", "astropy.coordinates", "astropy.table", "hypothesis", "matplotlib.pyplot", "pandas", "parfive",
    "pyarrow", "pytest", "requests", "sunpy.map", "sunpy.net", "sunpy.timeseries",
)  # fmt: skip

EQUIVALENT: dict[tuple[str, str], str] = {
    ("series/views/quicklook.py", "numbers >= 0"): "a logarithmic scale of colours leaves out 0 as well",
    ("hapi/tables.py", "ensure_ascii=True"): "the text is read as JSON again",
    ("hapi/records/buffers.py", "self._resize(rows.stop + rows.stop //"): "how fast a buffer grows",
    ("her/outlines/transform.py", "places = Helioprojective("): "only the position off the disk is used",
    ("her/columns/points.py", "reshape(- 2, 2)"): "numpy takes any negative length as the one that fits",
    ("store/arrow.py", "reshape(- 2)"): "numpy takes any negative length as the one that fits",
    ("store/answers.py", "if _bytes(connection)[1] != limit"): "unused pages are returned more often",
    ("her/filters/plan.py", "~1"): "a wider comparison is sent, and the events are compared again here",
    ("imap/integrity.py", ">= 1,"): "a PDF does not begin with the mark of its end",
    ("series/alignment/grid.py", "int(high // 2) + 3"): "the days around a range have the same length nearly always",
    ("store/database.py", "return True"): "a file that cannot be set aside fails again, and is told once",
    ("mirrors/query_run.py", "timedelta(days= 2)"): "dates that differ by three days are more than two days apart",
    ("her/events/relations.py", "column.counts[left] > 1"): "a closed outline has more vertices than one",
    ("transport/files/naming.py", "def _as_folder("): "results are kept for speed",
    ("helioviewer/media/screenshots.py", "pass"): "what is refused there is no integer either",
    ("hapi/records/table.py", "len(values) is not step"): "a mask made at once is that made in parts",
    ("hapi/records/csv.py", "_HEAD = 1 << 15"): "only the first line is needed, which is shorter",
    ("quantities/spans.py", "max( 2, -(-(self.before"): "a range that is cut has two pieces at least",
    ("quantities/units/context.py", "denominator <= 1"): "a denominator is positive",
    ("her/outlines/trace.py", ">= 0] - 1]"): "an empty outline ends where another one does",
    ("mirrors/plan.py", "except (EncodingWarning, TypeError"): "the errors of attrs are also a ValueError",
    ("hapi/model.py", "distinct[ -1]"): "the list has one member",
    ("series/views/cube.py", "centers[ -1]"): "the centers of all records are the same",
    ("quantities/iso8601.py", "length ^ back"): "more positions are compared, at which numpy accepts no sign either",
    ("series/records.py", "key is not values.KIND"): "Python has one object for each text of one letter",
    ("hapi/discovery/sources.py", "is len(step)"): "Python has one object for each small number",
    ("", "strict=False"): "the sequences have one length; strict=True guards against later mistakes",
}
"""Reasons why changes cannot be seen, by the module, or none for all, and a part of the changed line."""


OF_ARGUMENTS = "tests/test_arguments.py"
"""The tests of the arguments of all public functions."""

OF_DEFINITIONS = ("tests/test_public_interface.py", "tests/test_data_classes.py", "tests/test_lazy.py")
"""The tests of the signatures of public names, of the fields of classes and of what is imported."""

AT_ONCE, MOST_TESTS = 60, 600
"""With the data of coverage, the tests of one process, and those of one change."""

NO_END = "no end within"
NEVER_RAISED = "EncodingWarning"
"""The exception that takes the place of one that is caught."""

SLOWER = 4
"""How many times as long as without the change tests may take."""

WAITING = 10
"""How many times as long as they compute tests may take on a busy computer."""

STILL = 120
"""The seconds after which tests that do not compute at all wait for what never comes."""


@dataclass(frozen=True)
class Point:
    """One change: the module, what was changed, the line before and after, and the text of the module after it."""

    module: str
    kind: str
    line: int
    before: str
    after: str
    text: str

    @property
    def name(self) -> str:
        """The identity of the change in the log."""
        return f"{self.module}:{self.line} {self.kind}: {self.before} -> {self.after}"


def modules(rooms: list[str]) -> list[Path]:
    """Return the modules that are changed."""
    found = []
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        room = path.relative_to(ROOT / PACKAGE).parts[0].removesuffix(".py")
        if room not in WITHOUT and (not rooms or room in rooms):
            found.append(path)
    return found


def is_valid(text: str) -> bool:
    """Return whether a text is a module; some operators make others, such as ``^`` of the mark of keywords."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def bare(text: str) -> str:
    """Return the syntax tree of a module without annotations and docstrings."""

    class Remover(ast.NodeTransformer):
        def visit_arg(self, node: ast.arg) -> ast.arg:
            node.annotation = None
            return node

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
            node.returns = None
            return self.generic_visit(node)

        def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
            node.annotation = ast.Constant(None)
            return self.generic_visit(node)

        def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
            return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    return ast.dump(Remover().visit(ast.parse(text)))


def places(text: str, only: str = "") -> list[tuple[int, int, str, int]]:
    """Return each place of a module that can be changed, or of one kind: line, column, kind, number among its kind."""
    from cosmic_ray import plugins
    from cosmic_ray.ast import ast_nodes, get_ast

    nodes = list(ast_nodes(get_ast(text)))
    found = []
    for kind in plugins.operator_names():
        if kind in WITH_ARGUMENTS or only not in ("", kind.removeprefix("core/")):
            continue
        operator = plugins.get_operator(kind)()
        positions = [position for node in nodes for position in operator.mutation_positions(node)]
        found += [(*start, kind, number) for number, (start, _) in enumerate(positions)]
    removed = [one for one in ast.walk(ast.parse(text)) if is_removable(one) and only in ("", "remove")]
    return found + [(one.lineno, one.col_offset, "remove", number) for number, one in enumerate(removed)]


def is_removable(node: ast.AST) -> bool:
    """Return whether a module without a statement is still valid: calls, raises, augmented assignments."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    return isinstance(node, ast.Raise | ast.AugAssign | ast.Delete)


def changed(text: str, kind: str, number: int) -> str | None:
    """Return the text of a module after a change."""
    from cosmic_ray import plugins
    from cosmic_ray.mutating import mutate_code

    if kind != "remove":
        made: str | None = None
        with suppress(AttributeError):  # names with a dot that are caught
            made = mutate_code(text, plugins.get_operator(kind)(), number)
        # Outside of Cosmic Ray its exception is not defined: a name that is not known is found by any test.
        return made and made.replace("CosmicRayTestingException", NEVER_RAISED)
    node = [one for one in ast.walk(ast.parse(text)) if is_removable(one)][number]
    lines = text.splitlines(keepends=True)
    first, last = node.lineno - 1, node.end_lineno  # type: ignore[attr-defined]
    lines[first:last] = [f"{' ' * node.col_offset}pass\n"]  # type: ignore[attr-defined]
    return "".join(lines)


def points(rooms: list[str], seed: int) -> Iterator[Point]:
    """Yield changes in random order: a module by its length, a place in it, and a change that is possible there."""
    chosen = random.Random(seed)
    paths = modules(rooms)
    sizes = [path.stat().st_size for path in paths]
    by_module: dict[Path, list[list[tuple[str, int]]]] = {}
    seen = set()
    while True:
        (path,) = chosen.choices(paths, sizes)
        text = path.read_text()
        if path not in by_module:
            by_place: dict[tuple[int, int], list[tuple[str, int]]] = {}
            for line, column, kind, number in places(text):
                by_place.setdefault((line, column), []).append((kind, number))
            by_module[path] = [by_place[place] for place in sorted(by_place)]
        if not by_module[path]:
            continue
        kind, number = chosen.choice(chosen.choice(by_module[path]))
        if (path, kind, number) not in seen and (point := point_of(path, text, kind, number)):
            seen.add((path, kind, number))
            yield point


def point_of(path: Path, text: str, kind: str, number: int) -> Point | None:
    """Return a change of a module, or None if it cannot be made or is one of annotations and docstrings only."""
    made = changed(text, kind, number)
    if made is None or not is_valid(made) or bare(made) == bare(text):
        return None
    old, new = text.splitlines(), made.splitlines()
    at = next(n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1])
    module = path.relative_to(ROOT / PACKAGE).as_posix()
    return Point(module, kind.removeprefix("core/"), at + 1, old[at].strip(), new[at].strip(), made)


def points_again(logs: list[str]) -> Iterator[Point]:
    """Yield the changes of logs that survived or had no end, each at the nearest line with the same text."""
    rows = {row["name"]: row for log in logs for row in map(json.loads, Path(log).read_text().splitlines())}
    for name, row in rows.items():
        if row["verdict"] == "survived" or row["told"].startswith(NO_END):
            path = ROOT / PACKAGE / row["module"]
            if same := points_like(path, row):
                yield min(same, key=lambda one: abs(one.line - row["line"]))
            else:
                print(f"{'gone':>10}  {name}", flush=True)


def points_like(path: Path, row: dict[str, Any]) -> list[Point]:
    """Return the changes of a module with the kind and the texts of a row of a log; none if it is no longer there."""
    text = path.read_text() if path.exists() else ""
    found = [point_of(path, text, kind, number) for _, _, kind, number in places(text, row["kind"])]
    return [one for one in found if one and (one.before, one.after) == (row["before"], row["after"])]


def tests_of(module: str) -> tuple[list[str], list[str]]:
    """Return the files of tests that name a module or mirror its place, and the others of its room."""
    room, path = module.partition("/")[0], Path(module)
    folders = FOLDERS.get(room, (room if "/" in module else ".",))
    files = [one for folder in folders for one in every(folder)]
    own = f"test_{path.stem}.py"
    dotted = f"{PACKAGE}.{module.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}"
    near = sorted((one for one in files if one.name == own or names(one, dotted)), key=lambda one: one.name != own)
    return [str(one) for one in near], [str(one) for one in files if one not in near]


def every(folder: str) -> list[Path]:
    """Return the files of tests in a folder; of the folder of all clients without its subfolders."""
    tests = ROOT / "tests"
    found = sorted(tests.glob("test_*.py") if folder == "." else (tests / folder).rglob("test_*.py"))
    return [one.relative_to(ROOT) for one in found if one.name != "test_live.py"]


def names(path: Path, dotted: str) -> bool:
    """Return whether a file of tests imports a module."""
    parent, _, name = dotted.rpartition(".")
    text = (ROOT / path).read_text()
    return dotted in text or any(line.startswith(f"from {parent} import") and name in line for line in text.split("\n"))


class Coverage:
    """The tests that run each line, from a file that ``coverage run`` wrote."""

    def __init__(self, path: Path) -> None:
        from coverage import CoverageData

        self._data = CoverageData(str(path))
        self._data.read()
        self._paths = {Path(one).as_posix().rpartition(f"/{PACKAGE}/")[2]: one for one in self._data.measured_files()}

    def _contexts(self, module: str) -> dict[int, list[str]]:
        found: dict[int, list[str]] = self._data.contexts_by_lineno(self._paths[module])
        return found

    def tests(self, point: Point) -> list[str]:
        """Return the tests that run the statement of a change, those of its room first."""
        if point.module not in self._paths:
            return []
        text, contexts = (ROOT / PACKAGE / point.module).read_text(), self._contexts(point.module)
        line = statement(text, point.line)
        # A decorator, or a default, runs at import, in whichever test is first: those that call the function test it.
        lines = [line] if is_in_function(text, line) else body(text, point.line)
        if not lines:
            lines = [statement(text, number) for number in mentions(text, names_at(text, point.line))]
        found = filter(None, dict.fromkeys(test_of(one) for number in lines for one in contexts.get(number, ())))
        near, others = tests_of(point.module)
        ranks = {name: number for number, name in enumerate(near + others)}
        return sorted(found, key=lambda one: ranks.get(one.partition("::")[0], len(ranks)))


def statement(text: str, line: int) -> int:
    """Return the first line of the innermost statement at a line, by which its coverage is recorded."""
    spans = (
        (one.lineno, one.end_lineno or one.lineno) for one in ast.walk(ast.parse(text)) if isinstance(one, ast.stmt)
    )
    return max((first for first, last in spans if first <= line <= last), default=line)


def spans_of_functions(text: str) -> list[range]:
    """Return the lines of the statements in each function of a module."""
    functions = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [range(one.body[0].lineno, (one.end_lineno or one.lineno) + 1) for one in functions]


def is_in_function(text: str, line: int) -> bool:
    """Return whether a line runs when a function is called, and not at import."""
    return any(line in span for span in spans_of_functions(text))


def body(text: str, line: int) -> list[int]:
    """Return the lines of the statements of the function whose decorators or header are at a line."""
    functions = (one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.FunctionDef))
    for one in functions:
        first = min([one.lineno, *(decorator.lineno for decorator in one.decorator_list)])
        if first <= line < one.body[0].lineno:
            return [inner.lineno for inner in one.body]
    return []


def names_at(text: str, line: int) -> set[str]:
    """Return the names of the constants and classes that are made by the statements at a line of a module."""
    spans = [one for one in ast.walk(ast.parse(text)) if isinstance(one, ast.Assign | ast.AnnAssign | ast.ClassDef)]
    found: set[str] = set()
    for one in spans:
        first = min([one.lineno, *(decorator.lineno for decorator in getattr(one, "decorator_list", ()))])
        if first <= line <= (one.end_lineno or one.lineno):
            targets = one.targets if isinstance(one, ast.Assign) else [getattr(one, "target", None)]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
            found |= {one.name} if isinstance(one, ast.ClassDef) else set()
    return found


def mentions(text: str, names: set[str]) -> list[int]:
    """Return the lines of the functions of a module that mention one of some names."""
    spans = spans_of_functions(text)
    words = [one for one in ast.walk(ast.parse(text)) if getattr(one, "id", getattr(one, "attr", "")) in names]
    lines = {one.lineno for one in words}  # type: ignore[attr-defined]
    return sorted(line for line in lines if any(line in span for span in spans))


def test_of(context: str) -> str | None:
    """Return the name that pytest gives to a test of a context such as ``tests.her.test_search.Class.test_name``."""
    parts = context.split(".")
    for length in range(len(parts) - 1, 0, -1):
        path = Path(*parts[:length]).with_suffix(".py")
        if (ROOT / path).is_file():
            return "::".join([str(path), *parts[length:]])
    return None


def name_of(failure: str) -> str:
    """Return the name of the test in a line of pytest on a failure; empty if it names none."""
    return failure.partition(" ")[2].partition(" - ")[0] if failure.startswith(("FAILED", "ERROR")) else ""


def processor_time(process: int) -> float:
    """Return the seconds that a running process has computed."""
    with suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def preload() -> None:
    """Import what all tests need, but not the package: each trial forks, which saves these imports."""
    home = tempfile.mkdtemp(prefix="mutation-home-")
    for name in ("SUNPY_CONFIGDIR", "SUNPY_DOWNLOADDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
        folder = Path(home, name.lower())
        (folder / "astropy").mkdir(parents=True)
        os.environ[name] = str(folder)
    single = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    os.environ |= {"MPLBACKEND": "agg", "PARFIVE_HIDE_PROGRESS": "1", "HYPOTHESIS_PROFILE": "brief", **single}
    sys.dont_write_bytecode = True
    warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
    for name in PRELOADED:
        import_module(name)
    if PACKAGE in sys.modules:
        raise RuntimeError(f"{PACKAGE} is already imported; run this script without an installation of it.")


class Trial:
    """A copy of the package and its tests in which one change after the other is made."""

    def __init__(self, folder: Path, near: bool, most: float, coverage: Coverage | None) -> None:
        self.folder, self.near, self.most, self.coverage = folder, near, most, coverage
        self.broken: set[str] = set()
        self.computed = 0.0
        # With the tests: those that read the package's text, or start Python in this folder, find the changed one.
        left_out = shutil.ignore_patterns("__pycache__", ".git", ".*_cache", "_build", "build", "dist", ".venv*")
        shutil.copytree(ROOT, folder, dirs_exist_ok=True, ignore=left_out)
        compileall.compile_dir(folder / PACKAGE, quiet=1)

    def verdict(self, point: Point) -> tuple[str, str]:
        """Return "found", "survived" or "equivalent", and the test or the reason."""
        path = self.folder / PACKAGE / point.module
        for (module, part), reason in EQUIVALENT.items():
            if module in ("", point.module) and part in point.after and part not in point.before:
                return "equivalent", reason
        for files in self._groups(point):
            while files and (found := self.changed(path, point.text, files)):
                name = name_of(found)
                if not name or name in self.broken or not self.run([name]):
                    return "found", found
                self.broken.add(name)  # it also fails without the change
        return "survived", ""

    def _groups(self, point: Point) -> list[list[str]]:
        """Return the tests of a change that run together, those first that are most likely to find it."""
        near, others = tests_of(point.module)
        groups = [near or others] if self.near else [near, others]
        if self.coverage and (hits := self.coverage.tests(point)):
            groups = [hits[start : start + AT_ONCE] for start in range(0, min(len(hits), MOST_TESTS), AT_ONCE)]
            if "@" in point.before or point.kind == "RemoveDecorator":
                groups.append([OF_ARGUMENTS])  # what a decorator refuses never reaches the body
        if not is_in_function((ROOT / PACKAGE / point.module).read_text(), point.line):
            groups = [[one] for one in OF_DEFINITIONS if (ROOT / one).exists()] + groups
        return groups

    def changed(self, path: Path, text: str, files: list[str]) -> str:
        """Run tests with a changed module; return what failed, or that they have no end but have one otherwise."""
        found = self._with(path, text, files, self.most)
        if not found.startswith(NO_END):
            return found
        while told := self.run(files, SLOWER * self.most):
            if (name := name_of(told)) in ("", *self.broken):
                return ""  # no end without the change either
            self.broken.add(name)
        return self._with(path, text, files, max(self.most, SLOWER * self.computed))

    def _with(self, path: Path, text: str, files: list[str], most: float) -> str:
        original = path.read_text()
        path.write_text(text)
        try:
            return self.run(files, most)
        finally:
            path.write_text(original)

    def run(self, files: list[str], most: float = 0.0) -> str:
        """Run tests in a new process until one fails; return what failed."""
        most = most or self.most
        out = self.folder / "out.txt"
        child = os.fork()
        if child == 0:
            self._in_child(files, out)
        self.computed, moved = 0.0, time.monotonic()
        ends = moved + WAITING * most
        while (done := os.waitpid(child, os.WNOHANG))[0] == 0:
            now, computed = time.monotonic(), processor_time(child)
            moved = now if computed > self.computed else moved
            self.computed = computed
            if computed > most or now > min(ends, moved + STILL):
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return f"{NO_END} {most:.0f} s"
            time.sleep(0.05)
        text = out.read_text(errors="replace")
        if os.waitstatus_to_exitcode(done[1]) in (0, 5):  # passed, or no test was selected
            return ""
        failed = [line for line in text.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return failed[0] if failed else text.strip()[-200:]

    def _in_child(self, files: list[str], out: Path) -> NoReturn:
        code = 70
        try:
            os.setpgid(0, 0)
            stream = os.open(out, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
            os.dup2(stream, 1)
            os.dup2(stream, 2)
            sys.path.insert(0, str(self.folder))
            os.environ["PYTHONPATH"] = os.pathsep.join([str(self.folder), os.environ.get("PYTHONPATH", "")])
            os.chdir(self.folder)
            import pytest

            quiet = ["-W", "ignore::pytest.PytestAssertRewriteWarning", "-p", "no:cacheprovider"]
            left_out = [f"--{'deselect' if '::' in name else 'ignore'}={name}" for name in self.broken]
            code = int(pytest.main(["-x", "-q", "-m", "not exhaustive", *quiet, *left_out, *files]))
        finally:
            sys.stdout.flush()
            os._exit(code)


def run(options: argparse.Namespace) -> int:
    """Test changes and print each with its verdict; return the number of those that survived."""
    log = Path(options.log) if options.log else None
    known = {one["name"]: one for one in map(json.loads, log.read_text().splitlines())} if log and log.exists() else {}
    counts: Counter[str] = Counter()
    start = time.monotonic()
    preload()
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        coverage = Coverage(Path(options.coverage)) if options.coverage else None
        trial = Trial(Path(folder), options.near, options.most, coverage)
        chosen = points_again(options.again) if options.again else points(options.room, options.seed)
        for point in chosen if options.again else islice(chosen, options.points):
            again = known.get(point.name, {}).get("verdict") == "survived" and not options.near
            if point.name in known and not again:
                verdict, told = known[point.name]["verdict"], known[point.name]["told"]
            else:
                verdict, told = trial.verdict(point)
            counts[verdict] += 1
            if log and (again or point.name not in known):
                row = {"name": point.name, "verdict": verdict, "told": told, **asdict(point)}
                row.pop("text")
                with log.open("a") as stream:
                    stream.write(json.dumps(row) + "\n")
            print(f"{verdict:>10}  {point.name}\n{'':12}{told[:200]}", flush=True)
    real = counts["found"] + counts["survived"]
    share = 100 * counts["found"] / real if real else float("nan")
    print(f"{dict(counts)}: {share:.0f} % of {real} changes found, in {time.monotonic() - start:.0f} s")
    return counts["survived"]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--points", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--room", action="append", default=[], help="a folder or module of the package, such as her")
    parser.add_argument("--near", action="store_true", help="only tests that name the changed module")
    parser.add_argument(
        "--most", type=float, default=900.0, help="seconds after which tests are compared with those without a change"
    )
    parser.add_argument("--log", help="a file with one line of JSON for each point")
    parser.add_argument("--again", action="append", default=[], help="a log whose survivors are changed again")
    parser.add_argument("--coverage", help="the data of coverage run with dynamic_context = test_function")
    return 1 if run(parser.parse_args()) else 0


if __name__ == "__main__":
    sys.exit(main())
