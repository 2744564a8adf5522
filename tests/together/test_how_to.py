"""Test that the code of the how-to page works."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "together.rst"


@pytest.mark.usefixtures("archive")
def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", text, re.MULTILINE)
    assert len(blocks) == 9
    space: dict[str, Any] = {}
    for block in blocks:
        exec(textwrap.dedent(block), space)  # the page is ours
    plt.close("all")
    assert (tmp_path / "storm.pdf").read_bytes().startswith(b"%PDF")
    assert len(space["axes"]) == 3
    assert len(space["found"]["her"]) > 0
