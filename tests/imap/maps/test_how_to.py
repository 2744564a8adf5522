"""Test that the code of the how-to page works."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

PAGE = Path(__file__).parents[3] / "docs" / "how_to" / "imap_maps.rst"


@pytest.mark.usefixtures("archive")
def test_the_code_of_the_page_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("ndcube")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(blocks) == 6
    space: dict = {}
    for block in blocks:
        exec(textwrap.dedent(block), space)  # the page is ours
    plt.close("all")
    assert space["sky"].shape == (3, 30, 60)
    assert (round(float(space["column"])), round(float(space["row"]))) == (14, 14)
    assert "<SkyCoord (ICRS)" in capsys.readouterr().out
    assert (tmp_path / "sky.png").stat().st_size > 10_000
    assert space["change"].meta["frame"] == "hae"
