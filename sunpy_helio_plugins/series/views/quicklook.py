"""Plots of columns: lines, components and spectrograms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.arguments import TEXTS, no_column, optional, taking
from sunpy_helio_plugins.arguments import shown as described
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.series.views.labels import concise, shown
from sunpy_helio_plugins.series.views.panels import (
    MOST_LINES,
    LineStyle,
    PanelColumn,
    PanelRecords,
    draw_lines,
    draw_spectrum,
    is_numeric,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["quicklook"]

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
    >>> wind = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11")
    >>> series.quicklook(wind, ["BGSEc"]).savefig("wind.png")
    """
    import matplotlib.pyplot as plt

    records = PanelRecords.of("series.quicklook", table)
    chosen = _drawable(records, columns)
    heights = [1.0 if one.spectral_axis is None else 1.6 for one in chosen]
    figure, panels = plt.subplots(
        len(chosen), 1, sharex=True, squeeze=False, figsize=(9, 1 + 1.7 * sum(heights)), layout="constrained",
        gridspec_kw={"height_ratios": heights},
    )  # fmt: skip
    for axes, one in zip(panels[:, 0], chosen, strict=True):
        if one.spectral_axis is not None:
            image, label = draw_spectrum(axes, one)
            figure.colorbar(image, ax=axes, label=label, pad=0.01)
        else:
            _draw_lines(axes, one)
    figure.suptitle(shown(_title(records.table.meta)), fontsize="medium")
    concise(panels[-1, 0])
    texts = [one for one in records.table.colnames if one != records.time and not is_numeric(records.table, one)]
    if texts and columns is None:
        figure.supxlabel(
            shown(f"Not shown, since they are not numeric: {', '.join(texts)}"), x=0.01, ha="left", fontsize="x-small"
        )
    return figure


def _title(meta: Mapping[str, Any]) -> str:
    """Return the description in the header of HAPI or in the CDF file, or else the id of the dataset; or no text."""
    names = ("Logical_source_description", "Logical_source")
    given = [(meta.get("hapi") or {}).get("description"), *(meta.get(name) for name in names), *_ids(meta)]
    text = next((one for one in given if isinstance(one, str) and one), "")
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 3]}..."


def _ids(meta: Mapping[str, Any]) -> Iterator[str]:
    """Yield the dataset and the server of the request, if the records are of one dataset."""
    asked = meta.get("query")
    if isinstance(asked, list) and len(asked) == 1 and isinstance(asked[0], Mapping) and "dataset" in asked[0]:
        yield ", ".join(str(asked[0][name]) for name in ("dataset", "server") if asked[0].get(name))


def _drawable(records: PanelRecords, columns: Sequence[str] | None) -> list[PanelColumn]:
    table = records.table
    named = [str(name) for name in (columns if columns is not None else ()) if name != records.time]
    for name in named:
        if name not in table.colnames:
            raise no_column("The table", name, table.colnames)
    chosen = [PanelColumn(records, name) for name in named if is_numeric(table, name)]
    if columns is None:
        chosen = records.columns()[:_MOST_PANELS]
    if not chosen or not len(table):
        raise QueryError(
            f"series.quicklook: {described(table)} does not contain records or numeric columns; there is nothing to "
            "plot."
        )
    return chosen


def _draw_lines(axes: Axes, column: PanelColumn) -> None:
    labels = column.element_labels
    draw_lines(axes, column, LineStyle(), labels)
    if 1 < len(labels) <= 2 * MOST_LINES:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small", frameon=False)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_ylabel(column.axis_label(column.title if column.values.ndim == 1 else column.name), fontsize="small")
    axes.grid(alpha=0.3)
