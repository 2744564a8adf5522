"""Test the table of verbs of the how-to page."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from sunpy_helio_plugins import hapi, imap, series

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "exits.rst"


def verbs() -> tuple[list[str], dict[str, list[str]]]:
    """Return the faces in the table of verbs, and the cells of each verb."""
    text = PAGE.read_text(encoding="utf-8")
    table = text[text.index(":name: verbs") : text.index("``open`` returns the same kind")]
    rows = [[cell.strip(" `") for cell in re.split(r"\n     -", row)] for row in table.split("\n   * - ")[1:]]
    return rows[0][2:], {row[0]: [cell.strip() for cell in row[2:]] for row in rows[1:]}


def test_the_page_lists_where_each_verb_exists() -> None:
    faces, cells = verbs()
    modules = [importlib.import_module(f"sunpy_helio_plugins.{face}") for face in faces]
    assert cells == {verb: ["yes" if verb in module.__all__ else "" for module in modules] for verb in cells}


def test_the_page_lists_every_verb_of_two_archives() -> None:
    faces, cells = verbs()
    names = [name for face in faces for name in importlib.import_module(f"sunpy_helio_plugins.{face}").__all__]
    common = {name for name in names if names.count(name) > 1 and name.islower()}
    assert common - set(cells) == {"attrs", "cache", "compare", "coverage", "epochs"}


@pytest.mark.parametrize("verb", ["quicklook", "to_ndcube", "to_timeseries", "to_xarray"])
def test_a_verb_of_records_is_one_function(verb: str) -> None:
    assert getattr(hapi, verb) is getattr(series, verb)
    assert verb == "to_timeseries" or getattr(imap, verb) is getattr(series, verb)
