"""Test how lines of panels are drawn."""

from __future__ import annotations

from dataclasses import replace

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.series.axes import Axis
from sunpy_helio_plugins.series.views import plain
from sunpy_helio_plugins.series.views.mesh import Intervals
from sunpy_helio_plugins.series.views.panels import PRINTED, LineStyle, PanelRecords, draw_cells


@pytest.mark.parametrize("name", ["lw", "linewidth"])
@pytest.mark.parametrize("style", [LineStyle(), PRINTED], ids=["plain", "printed"])
def test_properties_of_lines_have_the_names_of_matplotlib(name: str, style: LineStyle) -> None:
    own = LineStyle(style.colors, style.dashes, style.width, style.solid_from, {name: 3.0, "c": "red"})
    told = next(own.each(10, 0))
    assert (told["linewidth"], told["color"]) == (3.0, "red")
    assert not told.keys() & {"lw", "c"}


def records(**columns):
    made = QTable({"time": Time("2026-01-10") + np.arange(4) * u.min, **columns})
    return PanelRecords.of("series.quicklook", made)


def test_a_column_of_text_is_not_plotted():
    with pytest.raises(
        QueryError, match=r"series\.quicklook plots numbers, which the column s is not: name another column"
    ):
        records(x=[1.0, 2, 3, 4], s=["a", "b", "c", "d"]).column("series.quicklook", "s")


def test_a_label_replaces_the_name():
    column = records(x=[1.0, 2, 3, 4]).column("series.quicklook", "x")
    assert column.title == "x"
    assert replace(column, label="speed").title == "speed"


@pytest.mark.parametrize("options", [{}, {"vmin": 0.0, "vmax": 2.0}])
def test_given_limits_of_colors_are_used(options):
    figure, axes = plt.subplots()
    instants = np.datetime64("2026-01-10", "us") + np.arange(3) * np.timedelta64(60, "s")
    image = draw_cells(
        axes, instants, Axis("n", "n", None, None, None), np.arange(9.0).reshape(3, 3), Intervals(), **options
    )
    assert image.get_clim() == ((0.0, 2.0) if options else (0.0, 8.0))
    plt.close(figure)


@pytest.mark.parametrize(("column", "text"), [(["ACE"] * 2, "ACE"), (["ACE", "Wind"], ""), ([1, 2], "")])
def test_only_a_text_of_all_rows_names_the_spacecraft(column, text):
    assert plain._only(QTable({"spacecraft": column}), ["observatory", "spacecraft"]) == text
    assert plain._only(QTable({"spacecraft": column}), ["observatory"]) == ""
