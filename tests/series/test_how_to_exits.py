"""Test that the code of the how-to page works."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "exits.rst"


@pytest.mark.usefixtures("archive")
def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xarray")
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", text, re.MULTILINE)
    assert len(blocks) == 4
    space: dict[str, Any] = {}
    for block in blocks:
        exec(textwrap.dedent(block), space)  # the page is ours
    assert space["frame"].attrs["units"]["BGSEc_0"] == "nT"
    assert space["again"]["BGSEc"].unit == "nT"
    assert len(space["opened"].table) == len(space["wind"])
