"""Test that the code of the how-to page of spectra works."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

PAGE = Path(__file__).parents[3] / "docs" / "how_to" / "imap_spectra.rst"


@pytest.mark.usefixtures("archive")
def test_the_code_of_the_page_runs(tmp_path, monkeypatch):
    pytest.importorskip("ndcube")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(blocks) == 5
    space: dict = {}
    for block in blocks:
        exec(textwrap.dedent(block), space)  # the page is ours
    plt.close("all")
    assert space["first"].shape == (24,)
    assert (tmp_path / "spectra.png").stat().st_size > 5_000
