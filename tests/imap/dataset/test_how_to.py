"""Test that the code of the how-to page works."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "how_to" / "imap_dataset.rst"


@pytest.mark.usefixtures("archive")
def test_the_code_of_the_page_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("xarray")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path / "data"))
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(blocks) >= 7
    space: dict = {}
    for block in blocks:
        exec(textwrap.dedent(block), space)  # the page is ours
    assert space["again"].files == space["month"].files
    assert space["bad"].sum() == 60
    assert space["data"].direction_label.values.tolist() == ["Bx", "By", "Bz"]
    assert space["field"].sizes["time"] == 2 * 2880
    assert "['b_gse_x', 'b_gse_y', 'b_gse_z']" in capsys.readouterr().out
