"""Test that the code of the how-to page on large ranges runs on the embedded archive."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sunpy_helio_plugins import hapi

PAGE = Path(__file__).parents[3] / "docs" / "how_to" / "large.rst"


def test_the_code_of_the_page_runs(archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("downloads").mkdir()
    hapi.write(hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11"), "downloads/day.hapi")
    # Three days instead of a month.
    text = PAGE.read_text(encoding="utf-8").replace("2026-02-01", "2026-01-04")
    blocks = re.findall(r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", text, re.MULTILINE)
    assert len(blocks) == 6
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(textwrap.dedent(block), str(PAGE), "exec"), names)
    assert names["counts"].sum() > 16_000
    assert [one.name for one in names["parts"].files] == [f"2026-01-0{day}.parquet" for day in (1, 2, 3)]
    assert names["data"].sizes["time"] == len(names["records"].table)
    assert names["table"].colnames[0] == "Time"
