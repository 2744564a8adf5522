"""The how-to page's code runs, on the embedded archive."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sunpy_helio_plugins import conf

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "helioviewer.rst"


def test_every_block_of_code_runs(archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 6
    with conf.helioviewer.set_temp("pillow_openjpeg", True):
        for block in blocks:
            exec(compile(textwrap.dedent(block), str(PAGE), "exec"), names)
    assert names["aia"].instrument == "AIA 4"
    assert len(list((tmp_path / "images" / "AIA").iterdir())) == 3
