"""Test that the code of the how-to page runs on the embedded archive."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "series.rst"


@pytest.fixture
def page(archive: Any) -> dict[str, Any]:
    """Return the names defined by the page's code."""
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(blocks) >= 7
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(textwrap.dedent(block), str(PAGE), "exec"), names)
    return names


def test_the_code_of_the_page_runs(page: dict[str, Any]) -> None:
    assert page["both"]["BGSEc"].unit == "nT"
    assert len(page["both"]) == 288
    assert page["difference"].shape == (24, 3)
    assert "is the magnitude of the mean of 'BGSEc'" in page["vector"].meta["notes"][0]
    assert len(page["hourly"]) == 72
    assert 0.9 < page["covered"].valid["BGSEc"] <= 1
    assert np.asarray(page["hourly"]["n"]).tolist() == [225] * 72
