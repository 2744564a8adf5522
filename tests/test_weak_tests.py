"""Test the tests: none passes without checking anything, and none depends on the speed of the machine."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CLOCKS = ("monotonic", "perf_counter", "process_time", "thread_time", "time")
CHECKS = ("raises", "warns", "fail", "skip")

CONDITIONAL = {
    "hapi/test_against_hapiclient.py::test_known_mistakes_of_hapiclient_are_none_of_ours": "hapiclient may also raise",
    "her/columns/test_polygons.py::test_area_and_containment_are_those_of_spherical_geometry": (
        "the independent library is only right for polygons without a side of more than 170 degrees"
    ),
    "her/columns/test_storage.py::test_other_formats_hold_numbers_and_text_and_the_records_make_the_table_anew": (
        "CSV and VOTable, two of the formats, do not keep metadata"
    ),
    "her/columns/test_storage.py::test_a_table_of_astropy_is_written_with_plain_columns": (
        "coordinates with an observer can only be read by newer versions of astropy and sunpy"
    ),
    "her/test_api_page.py::test_words_yield_the_documented_request": "some examples of the page are not whole requests",
    "imap/test_realtime.py::test_values_of_every_kind_are_kept": "texts and integers, two of the kinds, are compared",
    "quantities/test_record_times.py::test_times_in_metadata_and_frames_can_be_written": (
        "FITS, one of the formats, does not keep objects in the metadata"
    ),
    "test_inputs.py::test_rows_are_taken_in_every_form_in_which_a_search_returns_them": (
        "a response of one table is accepted, and one of several is tested elsewhere"
    ),
    "test_public_interface.py::test_type_checkers_see_what_is_imported_later": "some faces import nothing later",
}
"""Tests that assert under a condition only, and why the condition is true for some of their cases."""

VAGUE = {
    "store/test_database.py::test_damage_anywhere_gives_the_same_answer_or_none": (
        "a damaged database may lose an entry, but must not change it"
    ),
}
"""Tests that allow a value or nothing, and why."""


@cache
def functions() -> dict[str, ast.FunctionDef]:
    """Return all test functions by file and name."""
    return {
        f"{path.relative_to(TESTS).as_posix()}::{node.name}": node
        for path in sorted(TESTS.rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
    }


def asserts(nodes: list[ast.stmt]) -> bool:
    return any(isinstance(one, ast.Assert) for node in nodes for one in ast.walk(node))


def checks(nodes: list[ast.stmt]) -> bool:
    """Return whether statements check something: an assertion, or an error or a warning that is expected."""
    called = {
        one.func.attr
        for node in nodes
        for one in ast.walk(node)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)
    }
    helpers = [one.id for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name) and "assert" in one.id]
    return asserts(nodes) or bool(called & set(CHECKS)) or bool(helpers)


def leaves(nodes: list[ast.stmt]) -> bool:
    """Return whether statements end the test or the turn of a loop, so that what follows is their alternative."""
    return bool(nodes) and isinstance(nodes[-1], ast.Return | ast.Continue | ast.Raise)


def one_sided(function: ast.AST) -> Iterator[int]:
    """Yield the lines of conditions of which one side asserts and the other one checks nothing."""
    for node in ast.walk(function):
        if isinstance(node, ast.If) and not leaves(node.body):
            sides = [node.body, node.orelse]
            if any(asserts(one) and not checks(other) for one, other in (sides, sides[::-1])):
                yield node.lineno


def reads_clock(node: ast.AST, names: set[str]) -> bool:
    """Return whether an expression reads a clock, or a name that was set from one."""
    return any(
        (isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id == "time"
         and one.attr in CLOCKS)
        or (isinstance(one, ast.Name) and one.id in names)
        for one in ast.walk(node)
    )  # fmt: skip


def timed(function: ast.AST) -> Iterator[int]:
    """Yield the lines of assertions on a time that the machine needed."""
    names: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and reads_clock(node.value, names):
            names |= {one.id for target in node.targets for one in ast.walk(target) if isinstance(one, ast.Name)}
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and reads_clock(node.test, names):
            yield node.lineno


def vague(function: ast.AST) -> Iterator[int]:
    """Yield the lines of assertions that nearly anything fulfils: ``callable(x)``, a constant, ``x in (y, None)``."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and (isinstance(node.test, ast.Constant) or any(map(is_vague, terms(node)))):
            yield node.lineno


def terms(node: ast.Assert) -> list[ast.expr]:
    """Return the parts of an assertion that ``and`` and ``or`` join."""
    return node.test.values if isinstance(node.test, ast.BoolOp) else [node.test]


def is_vague(term: ast.expr) -> bool:
    if isinstance(term, ast.Call):
        return isinstance(term.func, ast.Name) and term.func.id == "callable"
    if not isinstance(term, ast.Compare) or not isinstance(term.ops[0], ast.In):
        return False
    allowed = term.comparators[0]
    return isinstance(allowed, ast.Tuple | ast.List | ast.Set) and any(map(is_nothing, allowed.elts))


def is_nothing(node: ast.expr) -> bool:
    """Return whether an expression is `None` or an empty list, tuple, dictionary or text."""
    empty = (isinstance(node, ast.List | ast.Tuple) and not node.elts) or (isinstance(node, ast.Dict) and not node.keys)
    return empty or (isinstance(node, ast.Constant) and node.value in (None, ""))


def found(rule: Callable[[ast.AST], Iterator[int]]) -> dict[str, list[int]]:
    return {name: lines for name, function in functions().items() if (lines := sorted(rule(function)))}


@pytest.mark.exhaustive
def test_no_test_asserts_under_a_condition_alone():
    assert {name: lines for name, lines in found(one_sided).items() if name not in CONDITIONAL} == {}


@pytest.mark.parametrize(("exceptions", "rule"), [(CONDITIONAL, one_sided), (VAGUE, vague)])
def test_every_exception_is_needed(exceptions, rule):
    assert set(exceptions) - set(found(rule)) == set()


def test_no_test_depends_on_the_speed_of_the_machine():
    assert found(timed) == {}


def test_no_assertion_is_fulfilled_by_nearly_anything():
    assert {name: lines for name, lines in found(vague).items() if name not in VAGUE} == {}


@pytest.mark.parametrize(
    ("rule", "source", "lines"),
    [
        (one_sided, "if x:\n    assert y", [1]),
        (one_sided, "if x:\n    z()\nelse:\n    assert y", [1]),
        (one_sided, "if x:\n    assert y\nelse:\n    assert z", []),
        (one_sided, "if x:\n    assert y\nelse:\n    with pytest.raises(E):\n        f()", []),
        (one_sided, "if x:\n    assert y\n    return\nassert z", []),
        (timed, "start = time.monotonic()\nf()\nassert time.monotonic() - start < 1", [3]),
        (timed, "a = time.time()\nb = c - a\nassert b < 1", [3]),
        (timed, "while time.monotonic() < ends:\n    f()\nassert x", []),
        (vague, "assert callable(f)", [1]),
        (vague, "assert x in (1, None)", [1]),
        (vague, "assert x in ([], [y])", [1]),
        (vague, "assert True", [1]),
        (vague, "assert x in (1, 2)", []),
    ],
)
def test_the_rules_find_what_they_are_about(rule, source, lines):
    assert list(rule(ast.parse(source))) == lines
