"""Test that the tables and the commands of the how-to page of the embedded archive are correct and complete."""

from __future__ import annotations

import re
from pathlib import Path

from sunpy_helio_plugins.sandbox.faults import answers, bodies, rules

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "sandbox.rst"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_table_has_every_kind_with_every_option():
    rows = re.findall(r"^   \* - ``(\w+)``\n     -(.*)\n", TEXT, re.MULTILINE)
    said = {kind: re.findall(r"``(\w+)``", options) for kind, options in rows}
    assert said == {kind: list(rules.options_of(fault)) for kind, fault in rules.KINDS.items()}


def test_the_header_of_the_page_is_understood():
    specs = re.findall(r'-H "X-Sandbox-Fault: ([^"]*)"', TEXT)
    asked = [bodies.CutLength(after_bytes=20), answers.HostileName(name="../../x")]
    assert [rules.parse(spec) for spec in specs] == asked
