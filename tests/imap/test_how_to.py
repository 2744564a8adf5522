"""Test that the code of the how-to page works."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "imap.rst"


@pytest.mark.usefixtures("archive")
def test_the_code_of_the_page_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMAP_DATA_DIR", str(tmp_path / "data"))
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(blocks) >= 7
    space: dict = {}
    for block in blocks:
        exec(textwrap.dedent(block), space)  # the page is ours
    assert space["table"]["b_gse"].unit == "nT"
    assert (tmp_path / "mission/imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf").exists()
    assert (tmp_path / "mag/2026-010").is_dir()
    assert (tmp_path / "copy/.imap-manifest.json").exists()
    assert "0=good" in capsys.readouterr().out
