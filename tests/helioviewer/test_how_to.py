"""Test that the code of the how-to page runs on the embedded archive."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sunpy_helio_plugins import conf

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "helioviewer.rst"


def test_every_block_of_code_runs(archive: Any, jsoc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sunpy.net.jsoc import jsoc as client

    from sunpy_helio_plugins.helioviewer.media import movies

    monkeypatch.setattr(client.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(movies.clock, "sleep", lambda seconds: None)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", PAGE.read_text(encoding="utf-8"))
    assert len(blocks) >= 6
    with conf.helioviewer.set_temp("pillow_openjpeg", True):
        for block in blocks:
            exec(compile(textwrap.dedent(block), str(PAGE), "exec"), names)
    assert len(names["held"]) == len({*names["held"]["Path"]}) > 5
    assert names["held"].columns[-1].all()
    assert names["aia"].instrument == "AIA 4"
    assert len(list((tmp_path / "images" / "AIA").iterdir())) == 3
    values = sorted(names["twins"]["Value"])
    assert sorted(file.name for file in (tmp_path / "science").iterdir()) == [
        f"aia.lev1_euv_12s.{value}.image.fits" for value in values
    ]
    assert not names["twins"]["Record"].mask.any()
    made = {file.name for file in tmp_path.iterdir() if file.is_file()}
    assert made == {"corona.png", "flare.mp4", "frames.jpx"}


def test_every_block_of_code_on_sequences_runs(archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib.pyplot as plt

    page = PAGE.with_name("helioviewer_sequences.rst")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)", page.read_text(encoding="utf-8"))
    assert len(blocks) >= 8
    for block in blocks:
        exec(compile(textwrap.dedent(block), str(page), "exec"), names)
    plt.close("all")
    names["day"].close()
    assert len(names["during"]) == 2 * len(names["flares"])
    assert (tmp_path / "noon.gif").stat().st_size > 1000
    assert names["day"]["images"].shape == names["images"].shape


def test_the_table_goes_through_hvpy_call_by_call() -> None:
    import hvpy
    from hvpy import facade, helpers, utils

    page = PAGE.read_text(encoding="utf-8")
    calls = {*facade.__all__, *helpers.__all__, "create_layers", "create_events", "save_file", "set_api_url"}
    calls |= {"DataSource", "EventType"}
    assert all(hasattr(hvpy, name) or hasattr(utils, name) for name in calls)
    table = page[page.index("Functions of hvpy and their equivalents") : page.index("Without OpenJPEG")]
    assert {name for name in calls if f"``{name}``" not in table} == set()
