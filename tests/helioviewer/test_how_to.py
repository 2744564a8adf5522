"""Test what the documentation's build does not run of the how-to page: requests to JSOC, and the table of hvpy."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import helioviewer

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "helioviewer.rst"


def test_the_requests_to_jsoc_run(archive: Any, jsoc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sunpy.net.jsoc import jsoc as client

    monkeypatch.setattr(client.time, "sleep", lambda seconds: None)
    monkeypatch.chdir(tmp_path)
    noon = a.Time("2026-01-10 11:58", "2026-01-10 12:00")
    images = Fido.search(noon, a.helioviewer.SourceID(13))["helioviewer"]
    names: dict[str, Any] = {"Fido": Fido, "helioviewer": helioviewer, "images": images}
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))
    for block in blocks[:2]:
        exec(compile(textwrap.dedent(block), str(PAGE), "exec"), names)
    values = sorted(helioviewer.science(images[:2])["Value"])
    assert sorted(file.name for file in (tmp_path / "science").iterdir()) == [
        f"aia.lev1_euv_12s.{value}.image.fits" for value in values
    ]
    assert not helioviewer.science(images[:2], resolve=True)["Record"].mask.any()


def test_the_table_goes_through_hvpy_call_by_call() -> None:
    import hvpy
    from hvpy import facade, helpers, utils

    page = PAGE.read_text(encoding="utf-8")
    calls = {*facade.__all__, *helpers.__all__, "create_layers", "create_events", "save_file", "set_api_url"}
    calls |= {"DataSource", "EventType"}
    assert all(hasattr(hvpy, name) or hasattr(utils, name) for name in calls)
    table = page[page.index("Functions of hvpy and their equivalents") : page.index("Without OpenJPEG")]
    assert {name for name in calls if f"``{name}``" not in table} == set()
