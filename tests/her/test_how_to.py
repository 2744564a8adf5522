"""Test that the code of the how-to page runs on the embedded archive."""

from __future__ import annotations

import importlib.util
import re
import textwrap
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "her.rst"


@pytest.mark.filterwarnings("ignore:The unit .* could not be saved in native FITS format")
def test_every_block_of_code_runs(archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 16
    if importlib.util.find_spec("geopandas") is None:
        # tests/her/outlines/test_export.py tests them as well.
        blocks = [block for block in blocks if "geodataframe" not in block]
    for block in blocks:
        exec(compile(textwrap.dedent(block), str(PAGE), "exec"), names)
    assert len(names["holes"]) == 18
    assert len(names["ax"].lines) == 18
    assert [text.get_text() for text in names["ax"].get_legend().get_texts()] == ["CoronalHole"]
    assert 100 < names["mask"].sum() < 0.05 * names["mask"].size
    assert len(names["both"]) == 18 + 12
    files = {"holes.ecsv", "holes.fits", "holes.parquet", "shapes.parquet", "holes", ".holes.lock"}
    assert {path.name for path in tmp_path.iterdir()} == {"pictures", "documents", *files}
    assert len(names["edges"]) > 0
    plt.close("all")
