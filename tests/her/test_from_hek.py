"""Run every line of the page for people who come from sunpy's ``a.hek``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import astropy.units as u
import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import HERClient, her

PAGE = Path(__file__).parents[2] / "docs" / "how_to" / "her_from_hek.rst"
DAY = a.Time("2026-01-10", "2026-01-11")


def lines(section: str) -> list[tuple[str, str]]:
    """Return the left and right sides of the table of a section."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n{section}\n====")[2].partition("\n====")[0]
    return re.findall(r"   \* - ``(.+)``\n     - ``(.+)``\n", text)


def value(expression: str, **names: Any) -> Any:
    return eval(expression, {"a": a, "u": u, **names})


@pytest.mark.parametrize(("left", "right"), lines("Queries"))
def test_both_queries_are_one_request(left: str, right: str) -> None:
    requests = [[request.parameters for request in her.translate(DAY, value(side))] for side in (left, right)]
    assert requests[0] == requests[1]


@pytest.fixture
def names(archive: Any) -> dict[str, Any]:
    table = HERClient().search(DAY, a.her.CH)
    return {"table": table, "row": table[0]}


@pytest.mark.parametrize("right", [right for _, right in lines("Results")])
def test_the_right_side_works(names: dict[str, Any], right: str) -> None:
    assert value(right, **names) is not None


@pytest.mark.parametrize(("left", "right"), [line for line in lines("Results") if line[0] != line[1]])
def test_the_left_side_names_the_right_one(names: dict[str, Any], left: str, right: str) -> None:
    with pytest.raises((AttributeError, KeyError)) as caught:
        value(left, **names)
    assert f"use {right.replace(chr(34), chr(39))}" in str(caught.value.args[0])


def test_the_page_has_both_tables() -> None:
    assert len(lines("Queries")) >= 14
    assert len(lines("Results")) >= 9
