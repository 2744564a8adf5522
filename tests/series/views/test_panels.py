"""Test how lines of panels are drawn."""

from __future__ import annotations

import pytest

from sunpy_helio_plugins.series.views.panels import PRINTED, LineStyle


@pytest.mark.parametrize("name", ["lw", "linewidth"])
@pytest.mark.parametrize("style", [LineStyle(), PRINTED], ids=["plain", "printed"])
def test_properties_of_lines_have_the_names_of_matplotlib(name: str, style: LineStyle) -> None:
    own = LineStyle(style.colors, style.dashes, style.width, style.solid_from, {name: 3.0, "c": "red"})
    told = next(own.each(10, 0))
    assert (told["linewidth"], told["color"]) == (3.0, "red")
    assert not told.keys() & {"lw", "c"}
