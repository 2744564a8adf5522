"""Test that the commands of the how-to page run, and that the reference is that of the commands."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how_to" / "command_line.rst"
REFERENCE = ROOT / "docs" / "reference" / "command_line.rst"
LINES = re.findall(r"^    \$ sunpy-helio (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_has_examples_of_every_archive():
    assert {line.split()[0] for line in LINES} >= {"imap", "hapi", "helioviewer", "her", "config", "cache"}


@pytest.mark.parametrize("line", LINES)
def test_every_example_of_the_page_runs(archive, run, monkeypatch, tmp_path, line):
    monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path))
    result = run(line)
    assert result.exit_code == 0, result.stderr
    assert result.stdout or "-o" in line


def test_the_reference_is_that_of_the_commands():
    spec = importlib.util.spec_from_file_location("document_commands", ROOT / "tools" / "document_commands.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.page() == REFERENCE.read_text(encoding="utf-8"), "run: python tools/document_commands.py"


def test_both_pages_have_the_same_exit_codes():
    codes = [set(re.findall(pattern, path.read_text(), re.MULTILINE)) for pattern, path in (
        (r"^(?:\d+  +Interrupted.*\. )?(\d+)(?::|  )", PAGE), (r"^   \* - (\d+)$", REFERENCE),
    )]  # fmt: skip
    assert codes[0] | {"141", "130"} == codes[1]
