"""Test that the README's code runs on the embedded archive."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.rst"
BLOCK = re.compile(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)")


@pytest.fixture
def said(archive):
    """Return the names defined by the README's Python code."""
    defined: dict[str, object] = {}
    for block in BLOCK.findall(README.read_text(encoding="utf-8")):
        exec(textwrap.dedent(block), defined)
    return defined


@pytest.mark.parametrize(
    ("name", "client"),
    [("wind", "HAPIClient"), ("field", "IMAPClient"), ("pictures", "HelioviewerClient"), ("events", "HERClient")],
)
def test_each_of_the_four_sentences_finds_something(said, name, client):
    (table,) = said[name]
    assert type(table.client).__name__ == client
    assert len(table)
