"""Test that the code of the README and of the first page of the documentation runs on the embedded archive."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.rst"
LANDING = ROOT / "docs" / "index.rst"
BLOCK = re.compile(r"\.\. code-block:: python\n\n((?:    .*\n|\n)+)")


def run(page: Path) -> dict[str, Any]:
    """Return the names defined by the Python code of a page."""
    defined: dict[str, Any] = {}
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        exec(textwrap.dedent(block), defined)
    return defined


@pytest.fixture
def said(archive):
    """Return the names defined by the README's Python code."""
    return run(README)


@pytest.mark.parametrize(
    ("name", "client"),
    [("wind", "HAPIClient"), ("field", "IMAPClient"), ("pictures", "HelioviewerClient"), ("events", "HERClient")],
)
def test_each_of_the_four_sentences_finds_something(said, name, client):
    (table,) = said[name]
    assert type(table.client).__name__ == client
    assert len(table)


@pytest.fixture
def landed(archive, tmp_path):
    """Return the names defined by the Python code of the documentation's first page, with an empty cache."""
    from sunpy_helio_plugins import conf

    with conf.set_temp("cache_dir", str(tmp_path)):
        yield run(LANDING)
    plt.close("all")


def test_the_five_examples_of_the_first_page_have_results(landed):
    assert [len(table) > 0 for table in landed["found"]] == [True, True, True]
    assert landed["best"]["Parameter"] in landed["density"].colnames
    assert "X1.6" in list(landed["flares"]["fl_goescls"])
    assert len(landed["axes"].lines) + len(landed["axes"].patches) + len(landed["axes"].collections) > 0
    assert landed["data"].sizes["time"] > 2000


@pytest.mark.parametrize("page", re.findall(r":doc:`([^`]+)`", LANDING.read_text(encoding="utf-8")))
def test_the_first_page_links_to_existing_pages(page):
    assert page == "gallery_built/index" or (ROOT / "docs" / f"{page}.rst").is_file()
