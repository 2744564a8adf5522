"""Plots of columns: lines, components and spectrograms."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from sunpy_helio_plugins.arguments import TEXTS, optional, taking
from sunpy_helio_plugins.arguments import shown as described
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.hapi.views.mesh import Intervals, gaps, mesh
from sunpy_helio_plugins.quantities.datetimes import to_datetime64
from sunpy_helio_plugins.series.axes import axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["quicklook"]

_MOST_LINES = 6
_MOST_PANELS = 12


@taking("hapi.quicklook", columns=optional(TEXTS))
def quicklook(table: QTable, columns: Sequence[str] | None = None) -> Figure:
    """
    Plot columns of records in panels with a common time axis.

    Parameters
    ----------
    table : astropy.table.QTable
        Records, as returned by `sunpy_helio_plugins.hapi.read`.
    columns : sequence of str, optional
        The names of columns, by default at most 12. Columns that are not numeric are left out.

    Returns
    -------
    matplotlib.figure.Figure
        Scalars are plotted as lines, vectors as one line for each component, and spectra as images with the edges of
        their bins and logarithmic colours. Records are plotted at their intervals, which follow from
        ``timeStampLocation`` and the cadence of the dataset: lines connect the centres of the intervals, cells cover
        them. The time axis is in UTC for times of any scale; records without a time are left out.

    Raises
    ------
    QueryError
        If a column does not exist, or if the table does not contain records or numeric columns.
    """
    import matplotlib.pyplot as plt

    table = _placed(table)
    chosen = _drawable(table, columns)
    heights = [1.6 if _is_spectrum(table, name) else 1.0 for name in chosen]
    figure, panels = plt.subplots(
        len(chosen), 1, sharex=True, squeeze=False, figsize=(9, 1 + 1.7 * sum(heights)), layout="constrained",
        gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    instants = to_datetime64(table.columns[0])
    for axes, name in zip(panels[:, 0], chosen, strict=True):
        if _is_spectrum(table, name):
            _draw_spectrum(axes, instants, table, name)
        else:
            _draw_lines(axes, instants, table, name)
    described = (table.meta.get("hapi") or {}).get("description") or ""
    figure.suptitle(shown(described if len(described) <= 90 else f"{described[:87]}..."), fontsize="medium")
    concise(panels[-1, 0])
    texts = [] if columns is not None else [name for name in table.colnames[1:] if not _holds_numbers(table, name)]
    if texts:
        figure.supxlabel(
            shown(f"Not shown, since they are not numeric: {', '.join(texts)}"), x=0.01, ha="left", fontsize="x-small"
        )
    return figure


def concise(axes: Axes) -> None:
    """Label a time axis with the parts of the time that change."""
    import matplotlib.dates as dates

    locator = dates.AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.set_xlabel("UTC")


@lru_cache(maxsize=1024)
def shown(text: str) -> str:
    """Return a text from a server for matplotlib: as mathematics if it can parse it, else with escaped ``$``."""
    from matplotlib.mathtext import MathTextParser

    if "$" not in text:
        return text
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return text.replace("$", r"\$")
    return text


def unit_text(unit: u.UnitBase | None) -> str:
    """Return a unit for an axis label."""
    return "" if unit is None or unit == u.one else unit.to_string("latex_inline")


def embedded(panels: int, draw: Callable[[np.ndarray], object]) -> str:
    """Return an HTML image for a notebook; ``draw`` is called with the axes of the panels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1 + 2 * panels), layout="constrained")
    draw(figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0])
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return f'<img src="data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"/>'


def _placed(table: QTable) -> QTable:
    """Return the records that have a time."""
    time = inputs.records("hapi.quicklook", table).columns[0]
    return table[~np.asarray(time.mask)] if np.any(time.mask) else table


def _drawable(table: QTable, columns: Sequence[str] | None) -> list[str]:
    named = [str(name) for name in (columns if columns is not None else table.colnames[1:])]
    missing = [name for name in named if name not in table.colnames]
    if missing:
        raise QueryError(f"The table has no column {', '.join(missing)}; it has {', '.join(table.colnames)}.")
    chosen = [name for name in named if _holds_numbers(table, name)]
    if columns is None:
        # Bins that change with time are shown as the axes of their columns.
        axes = {key for name in chosen for key in _references(table, name)}
        chosen = [name for name in chosen if name not in axes][:_MOST_PANELS]
    if not chosen or not len(table):
        raise QueryError(
            f"hapi.quicklook: {described(table)} does not contain records or numeric columns; there is nothing to plot."
        )
    return chosen


def _holds_numbers(table: QTable, name: str) -> bool:
    return getattr(table[name], "dtype", np.dtype("U1")).kind in "fiu"


def _references(table: QTable, name: str) -> set[str]:
    from sunpy_helio_plugins.hapi.model import Parameter

    meta = table[name].info.meta or {}
    return Parameter({"name": name, "bins": meta.get("bins")}).references


def _is_spectrum(table: QTable, name: str) -> bool:
    values = table[name]
    if values.ndim != 2 or len(table) < 2:
        return False
    has_bins = axes_of(table, name)[0].centers is not None
    return values.shape[1] > _MOST_LINES or (has_bins and values.shape[1] > 3)


def _numbers(values: Any) -> np.ndarray:
    plain = getattr(values, "unmasked", values)
    numbers = np.array(np.ma.getdata(getattr(plain, "value", plain)), dtype=float)
    mask = getattr(values, "mask", None)
    if mask is not None:
        numbers[np.asarray(mask)] = np.nan
    return numbers


def _seconds(instants: np.ndarray) -> np.ndarray:
    """Return times in seconds since the first one."""
    return (instants - instants[:1]).astype("m8[ns]").astype(float) / 1e9


def _draw_lines(axes: Axes, instants: np.ndarray, table: QTable, name: str) -> None:
    from sunpy_helio_plugins.hapi.model import Parameter

    values = table[name]
    numbers = _numbers(values).reshape(len(table), -1)
    said = {**(values.info.meta or {}), "name": name, "size": list(values.shape[1:]) or None}
    if not isinstance(said.get("label"), str | None):
        said["label"] = list(said["label"])
    labels = Parameter(said).components
    marker = "." if len(table) < 100 else None
    shift = Intervals.of(table.meta).shift(_seconds(instants))
    instants = instants + np.timedelta64(round(shift * 1e9), "ns")
    missing = gaps(_seconds(instants))
    numbers, instants = np.insert(numbers, missing, np.nan, axis=0), np.insert(instants, missing, instants[missing])
    for index in range(numbers.shape[1]):
        axes.plot(instants, numbers[:, index], lw=0.9, marker=marker, label=shown(labels[index] or name))
    if 1 < numbers.shape[1] <= 2 * _MOST_LINES:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
    axes.set_ylabel(_label(Parameter(said).title if values.ndim == 1 else name, values), fontsize="small")
    axes.grid(alpha=0.3)


def _label(name: str, values: Any) -> str:
    unit = unit_text(getattr(values, "unit", None))
    text = (values.info.meta or {}).get("unit_string")
    spelled = unit or (shown(text) if isinstance(text, str) and text.strip() and text != "dimensionless" else "")
    return f"{shown(name)}\n[{spelled}]" if spelled else shown(name)


def _draw_spectrum(axes: Axes, instants: np.ndarray, table: QTable, name: str) -> None:
    import matplotlib.dates as dates
    from matplotlib.colors import LogNorm

    values = table[name]
    numbers = _numbers(values)
    axis = axes_of(table, name)[0]
    positive = numbers[np.isfinite(numbers) & (numbers > 0)]
    # Logarithmic colours are not useful for values of similar size, or with both signs.
    is_log = len(positive) > 0.5 * np.isfinite(numbers).sum() and positive.max() > 10 * np.percentile(positive, 2)
    norm = LogNorm(np.percentile(positive, 1), positive.max()) if is_log else None
    drawn = np.where(numbers > 0, numbers, np.nan) if is_log else numbers
    x, y, cells = mesh(_seconds(instants), axis, drawn, Intervals.of(table.meta))
    days = dates.date2num(instants[0]) + (x - _seconds(instants)[0]) / 86400
    if y.ndim == 2:
        corners = np.repeat(days[:, None], y.shape[1], axis=1)
        image = axes.pcolormesh(corners, y, cells, norm=norm, cmap="viridis", rasterized=True, shading="flat")
    else:
        image = axes.pcolormesh(days, y, cells.T, norm=norm, cmap="viridis", rasterized=True, shading="flat")
    if axis.centers is not None and np.nanmin(y) > 0 and np.nanmax(y) > 20 * np.nanmin(y):
        axes.set_yscale("log")
    unit = unit_text(axis.centers.unit) if axis.centers is not None else ""
    unit = unit or shown(axis.unit_string or "")
    axes.set_ylabel(f"{shown(axis.label)}\n[{unit}]" if unit else shown(axis.label))
    axes.figure.colorbar(image, ax=axes, label=_label(name, values), pad=0.01)
