"""Test that the code of the how-to page runs on the embedded archive."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

from sunpy_helio_plugins import conf

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "hapi.rst"


@pytest.fixture
def page(archive: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: Any) -> dict[str, Any]:
    """Return the names defined by the page's code."""
    monkeypatch.chdir(tmp_path)
    for name in ("records.csv", "with_names.csv"):
        Path(name).write_bytes(seed.csv)
    Path("without_names.csv").write_bytes(seed.csv.split(b"\n", 2)[2])
    monkeypatch.setenv("SWE_CLIENT_ID", "sandbox-client")
    monkeypatch.setenv("SWE_CLIENT_SECRET", "sandbox-secret")
    Path("info.json").write_text(json.dumps(seed.info))
    blocks = re.findall(
        r"^\.\. code-block:: python\n\n((?: {4}.*\n|\n)+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(blocks) >= 16
    names: dict[str, Any] = {}
    for block in blocks:
        with conf.hapi.set_temp("servers", list(conf.hapi.servers)):
            exec(compile(textwrap.dedent(block), str(PAGE), "exec"), names)
    plt.close("all")
    return names


# Of all listed servers, the embedded archive has three.
@pytest.mark.filterwarnings("ignore:.*the catalogue of")
def test_the_code_of_the_page_runs(page: dict[str, Any]) -> None:
    assert page["table"]["BGSEc"].unit == "nT"
    assert page["table"].meta["hapi"]["x_origin"] == {"server": "cdaweb", "dataset": "AC_H0_MFI"}
    assert page["cube"].data.shape == page["spectra"]["irradiance"].shape
    assert page["places"].frame.name == "geocentricsolarecliptic"
    assert len(page["series"].columns) == 4
