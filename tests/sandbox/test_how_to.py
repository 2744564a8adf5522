"""Test that the how-to page of the embedded archive is correct and complete."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from sunpy_helio_plugins.sandbox.faults import answers, bodies, rules

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "sandbox.rst"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_code_of_the_page_runs(capsys):
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", TEXT, re.MULTILINE)
    assert len(blocks) == 6
    space: dict = {}
    for block in blocks:
        exec(textwrap.dedent(block), space)  # the page is ours
    assert len(space["holes"][0]) > 0
    assert space["rule"].played == 1
    assert "GET /hek/her" in capsys.readouterr().out


def test_the_table_has_every_kind_with_every_option():
    rows = re.findall(r"^   \* - ``(\w+)``\n     -(.*)\n", TEXT, re.MULTILINE)
    said = {kind: re.findall(r"``(\w+)``", options) for kind, options in rows}
    assert said == {kind: list(rules.options_of(fault)) for kind, fault in rules.KINDS.items()}


def test_the_header_of_the_page_is_understood():
    specs = re.findall(r'-H "X-Sandbox-Fault: ([^"]*)"', TEXT)
    asked = [bodies.CutLength(after_bytes=20), answers.HostileName(name="../../x")]
    assert [rules.parse(spec) for spec in specs] == asked
