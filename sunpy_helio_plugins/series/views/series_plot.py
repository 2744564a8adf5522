"""Plot a sunpy TimeSeries: a panel for each unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import Column, QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import no_column
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.series.views.labels import concise, shown
from sunpy_helio_plugins.series.views.panels import PRINTED, LineStyle, PanelColumn, PanelRecords, draw_lines

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["panels_by_unit", "plot_series"]

_MOST_IN_LEGEND = 9


def panels_by_unit(series: Any, columns: Sequence[str] | None) -> list[list[PanelColumn]]:
    """Return the numeric columns of a series in groups of one unit; flags are the last group."""
    frame = series.to_dataframe()
    names = list(frame.columns) if columns is None else [columns] if isinstance(columns, str) else list(columns)
    for name in names:
        if name not in frame.columns:
            raise no_column("The series", name, frame.columns)
    table = QTable()
    stamps = frame.index.tz_localize(None) if frame.index.tz is not None else frame.index
    for name in dict.fromkeys(names):
        if frame[name].dtype.kind in "fiu":
            table[str(name)] = Column(frame[name].to_numpy(), unit=series.units.get(name) or u.one)
    if not table.colnames:
        raise QueryError(
            f"This {type(series).__name__} has no numeric columns to plot, only {', '.join(map(str, frame))}."
        )
    records = PanelRecords(table, "", stamps=stamps.to_numpy())
    groups: dict[tuple[bool, str], list[PanelColumn]] = {}
    for name in table.colnames:
        one = PanelColumn(records, name, is_whole=_is_whole(np.asarray(table[name])))
        groups.setdefault((one.is_flag, str(one.unit or "")), []).append(one)
    return [groups[key] for key in sorted(groups, key=lambda key: key[0])]


def _is_whole(values: NDArray[Any]) -> bool:
    """Return whether all numbers are integers; a frame has floats in their place if some are missing."""
    known = values[np.isfinite(values)]
    return bool(len(known)) and bool((known == np.round(known)).all())


def plot_series(series: Any, axes: Any, columns: Sequence[str] | None, arguments: Mapping[str, Any]) -> Any:
    """Plot columns of a series; return the axes, or an array of the axes of several units."""
    groups = panels_by_unit(series, columns)
    panels = _panels(axes, len(groups))
    style = LineStyle(PRINTED.colors, PRINTED.dashes, PRINTED.width, PRINTED.solid_from, arguments)
    for panel, group in zip(panels, groups, strict=True):
        for one in group:
            draw_lines(panel, one, style, [one.name])
        panel.set_ylabel(group[0].axis_label() if len(group) == 1 else group[0].unit_label)
        if 1 < len(group) <= _MOST_IN_LEGEND:
            panel.legend(fontsize="x-small", ncols=1 + len(group) // 5)
    told = " ".join(filter(None, (series.observatory, getattr(series, "instrument", ""))))
    if told and not panels[0].get_title():
        panels[0].set_title(shown(told), fontsize="medium")
    concise(panels[-1])
    return panels[0] if len(panels) == 1 else np.array(panels)


def _panels(axes: Any, count: int) -> list[Axes]:
    """Return one axes for each unit: those given, or new ones that share their time axis."""
    if axes is not None:
        given = list(np.ravel(axes))
        if len(given) != count:
            raise QueryError(f"The columns have {count} units, and {len(given)} axes were given; give one for each.")
        return given
    import matplotlib.pyplot as plt

    if count == 1:
        return [plt.gca()]
    # ``peek`` of sunpy makes a figure, sets its title and returns it.
    figure = plt.gcf() if plt.get_fignums() and not plt.gcf().axes else plt.figure()
    figure.set_size_inches(9, 1 + 2 * count)
    figure.set_layout_engine("constrained")
    return list(figure.subplots(count, 1, sharex=True))
