"""Test the small archive of the development guide: it works, and follows the rules of the package."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "dev" / "small_archive"
ROOMS = ("attrs", "query", "translator", "service", "search", "tables", "client")
ALLOWED = {
    "attrs": set(), "query": set(), "translator": {"attrs", "query"}, "service": {"query"},
    "search": {"service", "query"},
    "tables": {"query"},
    "client": {"search", "service", "tables", "query", "translator", "attrs"},
}  # fmt: skip
MOST_LINES = 170


def code(path: Path) -> list[str]:
    """Return the lines that are neither blank nor comments nor docstrings."""
    tree = ast.parse(path.read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    hidden: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, documented) and ast.get_docstring(node):
            hidden.update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(path.read_text().splitlines(), start=1)
    return [line for number, line in lines if line.strip() and number not in hidden]


def test_it_has_the_modules_of_an_archive():
    assert {path.stem for path in (FOLDER / "soar").glob("*.py")} == {"__init__", *ROOMS}


def test_it_is_small():
    assert sum(len(code(path)) for path in (FOLDER / "soar").glob("*.py")) <= MOST_LINES


@pytest.mark.parametrize("room", ROOMS)
def test_its_modules_import_as_those_of_the_package_do(room):
    tree = ast.parse((FOLDER / "soar" / f"{room}.py").read_text())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            found |= {node.module} if node.module else {alias.name for alias in node.names}
    assert found <= ALLOWED[room]


def test_it_searches_and_downloads(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SUNPY_CONFIGDIR": str(tmp_path)}
    command = [sys.executable, "-W", "ignore", str(FOLDER / "run.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    assert "solo_L2_mag-rtn-normal_20260110_V01.cdf" in done.stdout
    assert "SOAR/MAG/solo_L2_mag-rtn-normal_20260110_V01.cdf" in done.stdout
