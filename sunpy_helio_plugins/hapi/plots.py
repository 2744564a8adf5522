"""Pictures of columns, each as suits it: lines, components, spectrograms; and axes grouped by unit."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.hapi.bins import Axis, axes_of
from sunpy_helio_plugins.quantities.times import to_datetime64

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["quicklook"]

_MOST_LINES = 6
_GAP = 3.5
"""Of how many usual steps a step is that shows records to be missing."""

_MOST_PANELS = 12


def quicklook(table: QTable, columns: Sequence[str] | None = None) -> Figure:
    """
    Draw columns one above the other, each as suits it.

    Parameters
    ----------
    table : astropy.table.QTable
        Records, as `sunpy_helio_plugins.hapi.read` gives them.
    columns : sequence of str, optional
        Which to draw, at most 12 by default. Those without numbers are left out.

    Returns
    -------
    matplotlib.figure.Figure
        Scalars are lines, vectors one line for each component, and spectra images with the edges of their bins and
        logarithmic colours. The axis of time is UTC, whatever scale the table's times are in; records without a time
        are left out.

    Raises
    ------
    QueryError
        There is nothing to draw.
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
            shown(f"Not drawn, since they hold no numbers: {', '.join(texts)}"), x=0.01, ha="left", fontsize="x-small"
        )
    return figure


def concise(axes: Axes) -> None:
    """Label a time axis with what changes."""
    import matplotlib.dates as dates

    locator = dates.AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.set_xlabel("UTC")


@lru_cache(maxsize=1024)
def shown(text: str) -> str:
    """
    Return a server's text for a picture: as mathematics where matplotlib can set it, else letter by letter.

    Parameters
    ----------
    text : str
        A label or description, which may hold ``$`` and TeX of any kind.
    """
    from matplotlib.mathtext import MathTextParser

    if "$" not in text:
        return text
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return text.replace("$", r"\$")
    return text


def unit_text(unit: u.UnitBase | None) -> str:
    """Return a unit for an axis."""
    return "" if unit is None or unit == u.one else unit.to_string("latex_inline")


def embedded(panels: int, draw: Callable[[np.ndarray], object]) -> str:
    """
    Return a picture for a notebook.

    Parameters
    ----------
    panels : int
        How many axes there are, one above the other.
    draw : callable
        Takes the axes, as an array, and draws on them.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 1 + 2 * panels), layout="constrained")
    draw(figure.subplots(panels, 1, sharex=True, squeeze=False)[:, 0])
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    return f'<img src="data:image/png;base64,{base64.b64encode(picture.getvalue()).decode()}"/>'


def _placed(table: QTable) -> QTable:
    """Return the records that have a time; those without one have no place on the axis."""
    time = table.columns[0] if len(table.columns) else None
    if not isinstance(time, Time):
        raise QueryError("The first column must hold the times of the records, as astropy.time.Time.")
    return table[~np.asarray(time.mask)] if np.any(time.mask) else table


def _drawable(table: QTable, columns: Sequence[str] | None) -> list[str]:
    named = [str(name) for name in (columns if columns is not None else table.colnames[1:])]
    missing = [name for name in named if name not in table.colnames]
    if missing:
        raise QueryError(f"The table has no column {', '.join(missing)}; it has {', '.join(table.colnames)}.")
    chosen = [name for name in named if _holds_numbers(table, name)]
    if columns is None:
        # Bins that change with time are the axes of what they belong to.
        axes = {key for name in chosen for key in _references(table, name)}
        chosen = [name for name in chosen if name not in axes][:_MOST_PANELS]
    if not chosen or not len(table):
        raise QueryError("There is nothing to draw: no records, or no columns of numbers.")
    return chosen


def _holds_numbers(table: QTable, name: str) -> bool:
    return getattr(table[name], "dtype", np.dtype("U1")).kind in "fi"


def _references(table: QTable, name: str) -> set[str]:
    from sunpy_helio_plugins.hapi.parameter import Parameter

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


def _draw_lines(axes: Axes, instants: np.ndarray, table: QTable, name: str) -> None:
    from sunpy_helio_plugins.hapi.parameter import Parameter

    values = table[name]
    numbers = _numbers(values).reshape(len(table), -1)
    said = {**(values.info.meta or {}), "name": name, "size": list(values.shape[1:]) or None}
    if not isinstance(said.get("label"), str | None):
        said["label"] = list(said["label"])
    labels = Parameter(said).components
    marker = "." if len(table) < 100 else None
    gaps = _gaps(instants.astype(float))
    numbers, instants = np.insert(numbers, gaps, np.nan, axis=0), np.insert(instants, gaps, instants[gaps])
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
    from matplotlib.colors import LogNorm

    values = table[name]
    numbers = _numbers(values)
    axis = axes_of(table, name)[0]
    positive = numbers[np.isfinite(numbers) & (numbers > 0)]
    # Logarithmic colours tell nothing where all values are of one size, or of either sign.
    is_log = len(positive) > 0.5 * np.isfinite(numbers).sum() and positive.max() > 10 * np.percentile(positive, 2)
    norm = LogNorm(np.percentile(positive, 1), positive.max()) if is_log else None
    x, y, cells = _mesh(instants, axis, np.where(numbers > 0, numbers, np.nan) if is_log else numbers)
    image = axes.pcolormesh(x, y, cells, norm=norm, cmap="viridis", rasterized=True, shading="flat")
    if axis.centers is not None and np.nanmin(y) > 0 and np.nanmax(y) > 20 * np.nanmin(y):
        axes.set_yscale("log")
    unit = unit_text(axis.centers.unit) if axis.centers is not None else ""
    unit = unit or shown(axis.unit_string or "")
    axes.set_ylabel(f"{shown(axis.label)}\n[{unit}]" if unit else shown(axis.label))
    axes.figure.colorbar(image, ax=axes, label=_label(name, values), pad=0.01)


def _mesh(instants: np.ndarray, axis: Axis, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the corners of the image's cells, times by bins, and the cells: empty where records are missing."""
    import matplotlib.dates as dates

    days, rows = _columns_of_time(dates.date2num(instants))
    cells = np.where((rows >= 0)[:, None], values[rows], np.nan)
    if axis.centers is not None and axis.varies:
        lines = np.array([_bin_edges(line, None) for line in axis.centers.value])
        lines = lines[np.append(np.maximum.accumulate(rows), -1)]
        return np.repeat(days[:, None], values.shape[1] + 1, axis=1), lines, cells
    if axis.centers is None:
        edges = np.arange(values.shape[1] + 1) - 0.5
    else:
        edges = _bin_edges(axis.centers.value, axis.ranges.value if axis.ranges is not None else None)
    return days, edges, cells.T


def _columns_of_time(days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of the image's columns, and the record in each; -1 for the emptiness where some are missing."""
    gaps = _gaps(days)
    half = np.median(np.diff(days)) / 2
    rows = np.insert(np.arange(len(days)), gaps, -1)
    edges = np.insert(_edges(days), gaps + 1, days[gaps] - half)
    edges[np.flatnonzero(rows < 0)] = days[gaps - 1] + half
    return edges, rows


def _gaps(days: np.ndarray) -> np.ndarray:
    """Return before which records others are missing, where they have a cadence."""
    steps = np.diff(days)
    usual = np.median(steps) if len(steps) else 0.0
    is_regular = len(steps) > 2 and np.mean(np.abs(steps - usual) <= 0.5 * usual) > 0.8
    return np.flatnonzero(steps > _GAP * usual) + 1 if is_regular else np.empty(0, int)


def _bin_edges(centers: np.ndarray, ranges: np.ndarray | None) -> np.ndarray:
    if ranges is not None and ranges.ndim == 2 and np.allclose(ranges[1:, 0], ranges[:-1, 1]):
        return np.append(ranges[:, 0], ranges[-1, 1])
    filled = np.interp(np.arange(len(centers)), np.flatnonzero(np.isfinite(centers)), centers[np.isfinite(centers)])
    steps = np.diff(filled)
    if (filled > 0).all() and len(steps) > 1 and steps.max() > 3 * abs(steps.min()):
        return np.exp(_edges(np.log(filled)))
    return _edges(filled)


def _edges(centers: np.ndarray) -> np.ndarray:
    if len(centers) < 2:
        return np.array([centers[0] - 0.5, centers[0] + 0.5])
    middle = (centers[1:] + centers[:-1]) / 2
    return np.concatenate([[2 * centers[0] - middle[0]], middle, [2 * centers[-1] - middle[-1]]])
