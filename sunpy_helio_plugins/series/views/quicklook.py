"""Plots of columns: lines, components and spectrograms."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable

from sunpy_helio_plugins.arguments import TEXTS, optional, taking
from sunpy_helio_plugins.arguments import shown as described
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities.datetimes import to_datetime64
from sunpy_helio_plugins.series.axes import Axis, axes_of, element_names
from sunpy_helio_plugins.series.records import time_name
from sunpy_helio_plugins.series.sources import table_of
from sunpy_helio_plugins.series.views.envelope import envelope
from sunpy_helio_plugins.series.views.mesh import Intervals, gaps, mesh

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["concise", "draw_cells", "embedded", "over_others", "quicklook", "shown", "unit_text"]

_MOST_LINES = 6
_MOST_PANELS = 12
_LONGEST_TITLE = 90


@taking("series.quicklook", columns=optional(TEXTS))
def quicklook(table: Any, columns: Sequence[str] | None = None) -> Figure:
    """
    Plot columns of records in panels with a common time axis.

    Parameters
    ----------
    table : table, TimeSeries, pandas.DataFrame, xarray.Dataset or other
        Records of any type that `sunpy_helio_plugins.series.to_table` takes.
    columns : str or sequence of str, optional
        The names of columns. Defaults to the first 12 that are numeric; of a CDF file, to those whose ``VAR_TYPE`` is
        ``data``.

    Returns
    -------
    matplotlib.figure.Figure
        Scalars are plotted as lines, vectors as one line for each component, and spectra as images with the edges of
        their bins and logarithmic colours; spectra of several dimensions are averaged over all but one of them. Records
        are plotted at their intervals, which follow from ``timeStampLocation`` and the cadence of a HAPI dataset: lines
        connect the centres of the intervals, cells cover them. The time axis is in UTC for times of any scale; records
        without a time are left out.

    Raises
    ------
    QueryError
        If the object is of another type or has no times, if a column does not exist, or if there are no records or
        numeric columns.

    Notes
    -----
    The time axis is divided into 4096 columns, more than a screen has. If there are more records, a line consists of
    the first, the last, the smallest and the largest value of each column, and of its gaps: the figure looks the same.
    Cells of an image are the means of the records in one column, without those that are missing; they do not extend
    over a gap.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi, series
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")  # doctest: +SKIP
    >>> series.quicklook(wind, ["BGSEc"]).savefig("wind.png")  # doctest: +SKIP
    """
    import matplotlib.pyplot as plt

    found = table_of("series.quicklook", table)
    name = time_name("series.quicklook", found)
    lost = np.asarray(found[name].mask)
    found = found[~lost] if np.any(lost) else found
    chosen = _drawable(found, name, columns)
    spectra = {one: axis for one in chosen if (axis := _spectral_axis(found, one)) is not None}
    heights = [1.6 if one in spectra else 1.0 for one in chosen]
    figure, panels = plt.subplots(
        len(chosen), 1, sharex=True, squeeze=False, figsize=(9, 1 + 1.7 * sum(heights)), layout="constrained",
        gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    instants = to_datetime64(found[name])
    for axes, one in zip(panels[:, 0], chosen, strict=True):
        if one in spectra:
            _draw_spectrum(axes, instants, found, one, spectra[one])
        else:
            _draw_lines(axes, instants, found, one)
    figure.suptitle(shown(_title(found.meta)), fontsize="medium")
    concise(panels[-1, 0])
    texts = (
        [] if columns is not None else [one for one in found.colnames if one != name and not _holds_numbers(found, one)]
    )
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


def _title(meta: Mapping[str, Any]) -> str:
    """Return the description of the dataset in the header of HAPI or in the CDF file; empty if there is none."""
    names = ("Logical_source_description", "Logical_source")
    given = [(meta.get("hapi") or {}).get("description"), *(meta.get(name) for name in names)]
    text = next((one for one in given if isinstance(one, str) and one), "")
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 3]}..."


def _drawable(table: QTable, time: str, columns: Sequence[str] | None) -> list[str]:
    named = [str(name) for name in (columns if columns is not None else table.colnames) if name != time]
    missing = [name for name in named if name not in table.colnames]
    if missing:
        raise QueryError(f"The table has no column {', '.join(missing)}; it has {', '.join(table.colnames)}.")
    chosen = [name for name in named if _holds_numbers(table, name)]
    if columns is None:
        # Bins that change with time are shown as the axes of their columns.
        axes = {key for name in chosen for key in _references(table, name)}
        data = [name for name in chosen if (table[name].info.meta or {}).get("VAR_TYPE") == "data"]
        chosen = [name for name in data or chosen if name not in axes][:_MOST_PANELS]
    if not chosen or not len(table):
        raise QueryError(
            f"series.quicklook: {described(table)} does not contain records or numeric columns; there is nothing to "
            "plot."
        )
    return chosen


def _holds_numbers(table: QTable, name: str) -> bool:
    return getattr(table[name], "dtype", np.dtype("U1")).kind in "fiu"


def _references(table: QTable, name: str) -> set[str]:
    """Return the names of the columns that contain the bins of a column."""
    meta = table[name].info.meta or {}
    bins, named = meta.get("bins") or [], meta.get("axes") or ()
    told = [one.get(key) for one in ([bins] if isinstance(bins, Mapping) else bins) for key in ("centers", "ranges")]
    return {one for one in [*told, *(() if isinstance(named, str) else named)] if isinstance(one, str)}


def _spectral_axis(table: QTable, name: str) -> int | None:
    """Return the dimension along which a column is drawn as an image, or `None` for lines."""
    values = table[name]
    size = int(np.prod(values.shape[1:], dtype=int))
    if values.ndim < 2 or len(table) < 2 or (values.ndim > 2 and size <= _MOST_LINES):
        return None
    axes = axes_of(table, name)
    binned = [index for index, axis in enumerate(axes) if axis.centers is not None]
    if size <= _MOST_LINES and not (binned and size > 3):
        return None
    return binned[0] if binned else 0


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
    values = table[name]
    numbers = _numbers(values).reshape(len(table), -1)
    labels = element_names(values) or [name]
    marker = "." if len(table) < 100 else None
    elapsed = _seconds(instants)
    shift = np.timedelta64(round(Intervals.of(table.meta).shift(elapsed) * 1e9), "ns")
    missing = gaps(elapsed)
    if len(missing):
        numbers, elapsed = np.insert(numbers, missing, np.nan, axis=0), np.insert(elapsed, missing, elapsed[missing])
        instants = np.insert(instants, missing, instants[missing])
    for index in range(numbers.shape[1]):
        points = envelope(elapsed, numbers[:, index])
        label = shown(labels[index])
        axes.plot(instants[points] + shift, numbers[points, index], lw=0.9, marker=marker, label=label)
    if 1 < numbers.shape[1] <= 2 * _MOST_LINES:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
    axes.set_ylabel(_label(_scalar_title(name, values) if values.ndim == 1 else name, values), fontsize="small")
    axes.grid(alpha=0.3)


def _scalar_title(name: str, values: Any) -> str:
    """Return the label of a column of scalars, or its name."""
    label = (values.info.meta or {}).get("label")
    one = label[0] if isinstance(label, list | tuple) and len(label) == 1 else label
    return one if isinstance(one, str) and one else name


def _label(name: str, values: Any) -> str:
    unit = unit_text(getattr(values, "unit", None))
    text = (values.info.meta or {}).get("unit_string")
    spelled = unit or (shown(text) if isinstance(text, str) and text.strip() and text != "dimensionless" else "")
    return f"{shown(name)}\n[{spelled}]" if spelled else shown(name)


def _draw_spectrum(axes: Axes, instants: np.ndarray, table: QTable, name: str, dimension: int) -> None:
    values, every = table[name], axes_of(table, name)
    spectra = over_others(_numbers(values), dimension)
    image = draw_cells(axes, instants, every[dimension], spectra, Intervals.of(table.meta))
    others = [one.name for index, one in enumerate(every) if index != dimension]
    label = f"{name}, mean over {', '.join(others)}" if others else name
    axes.figure.colorbar(image, ax=axes, label=_label(label, values), pad=0.01)


def draw_cells(
    axes: Axes, instants: np.ndarray, axis: Axis, values: np.ndarray, intervals: Intervals, **options: Any
) -> Any:
    """Draw spectra, shape (n, k), as an image with the edges of their bins; ``options`` are those of pcolormesh."""
    import matplotlib.dates as dates
    from matplotlib.colors import LogNorm

    x, y, cells = mesh(_seconds(instants), axis, values, intervals)
    if not options.keys() & {"norm", "vmin", "vmax"}:
        positive = cells[np.isfinite(cells) & (cells > 0)]
        # Logarithmic colours are not useful for values of similar size, or with both signs.
        is_log = len(positive) > 0.5 * np.isfinite(cells).sum() and positive.max() > 10 * np.percentile(positive, 2)
        options["norm"] = LogNorm(np.percentile(positive, 1), positive.max()) if is_log else None
        cells = np.where(cells > 0, cells, np.nan) if is_log else cells
    options = {"cmap": "viridis", "rasterized": True, "shading": "flat", **options}
    days = dates.date2num(instants[0]) + (x - _seconds(instants)[0]) / 86400
    if y.ndim == 2:
        corners = np.repeat(days[:, None], y.shape[1], axis=1)
        image = axes.pcolormesh(corners, y, cells, **options)
    else:
        image = axes.pcolormesh(days, y, cells.T, **options)
    if axis.centers is not None and np.nanmin(y) > 0 and np.nanmax(y) > 20 * np.nanmin(y):
        axes.set_yscale("log")
    unit = unit_text(axis.centers.unit) if axis.centers is not None else ""
    unit = unit or shown(axis.unit_string or "")
    axes.set_ylabel(f"{shown(axis.label)}\n[{unit}]" if unit else shown(axis.label))
    return image


def over_others(values: np.ndarray, dimension: int) -> np.ndarray:
    """Return the means over all dimensions but time and one other, shape (n, k); missing values are left out."""
    others = tuple(index for index in range(1, values.ndim) if index != dimension + 1)
    if not others:
        return values
    known = np.isfinite(values)
    counts = known.sum(axis=others)
    sums = np.where(known, values, 0.0).sum(axis=others)
    means: np.ndarray = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means
