"""Panels on one time axis from any archive: series, spectrograms, events, intervals and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import astropy.units as u
import numpy as np
from astropy.table import QTable

from sunpy_helio_plugins.arguments import FLAG, TEXTS, Kind, optional, shown, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.series.lazy_table import LazyTable
from sunpy_helio_plugins.series.views import labels as texts
from sunpy_helio_plugins.series.views.observers import observer_text
from sunpy_helio_plugins.series.views.panels import PRINTED, PanelColumn, PanelRecords, draw_lines, draw_spectrum
from sunpy_helio_plugins.together import marks
from sunpy_helio_plugins.together.pictures import maps_of, place_pictures
from sunpy_helio_plugins.together.spans import Stamps, intervals_of, stamps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from sunpy.map import GenericMap

__all__ = ["LENGTH", "figure_style", "stack"]

_FUNCTION = "together.stack"

_MOST = 12
"""The largest number of panels."""

_HEAD = 0.15
"""The share of a panel above its lines."""

_LONGEST = 14
"""The number of characters of names that are side by side in the label of a panel."""

_NARROW = 120 * u.mm
"""The width of a figure below which its text is smaller."""


def _length(given: Any) -> Any:
    if not isinstance(given, u.Quantity) or not given.isscalar or not 20 <= given.to_value(u.mm) <= 2000:
        raise TypeError
    return given


LENGTH = Kind("a length from 20 to 2000 mm, such as 88 * u.mm,", _length)


class _Panel(NamedTuple):
    """The columns of one panel, and the unit in which they are drawn."""

    columns: list[PanelColumn]
    unit: u.UnitBase | None

    @property
    def is_image(self) -> bool:
        return self.columns[0].spectral_axis is not None


@taking(_FUNCTION, labels=optional(TEXTS), width=LENGTH, height=optional(LENGTH), letters=FLAG)
def stack(
    *things: Any,
    events: Any = None,
    shade: Any = None,
    pictures: Any = None,
    time: Any = None,
    labels: str | Sequence[str] | None = None,
    width: u.Quantity = 180 * u.mm,
    height: u.Quantity | None = None,
    letters: bool = True,
) -> tuple[Figure, NDArray[Any]]:
    """
    Plot series of any archive in panels on one time axis, with events, intervals and pictures.

    Parameters
    ----------
    *things : table, TimeSeries, data frame or other records, tuple, or list of these
        Records of any type that `sunpy_helio_plugins.series.to_table` takes: one panel for each column, without flags.
        ``(records, "b_gse", "magnitude")`` is one panel with these columns, and a list of such tuples is one panel with
        the columns of several records.
    events : table, row, response, times, or dict of these, optional
        Events, in any form that `intervals` takes. Each is a line through all panels, at its peak if there is one, else
        at its start, with its label above. Kinds, which are event types or the keys of a dict, differ in color and
        dash.
    shade : table, row, response, range of time, or dict of these, optional
        Intervals to shade, in the same forms. Kinds differ in color and hatch, and are in the legend.
    pictures : HelioviewerTable, row, sunpy.map.GenericMap, paths, or list of these, optional
        Images, which are drawn above the panels in the order of time and joined to their instants. Rows are fetched at
        256 pixels. Of more than 12, 12 at equal steps are drawn.
    time : a.Time, sunpy.time.TimeRange or pair of times, optional
        The range of the time axis. Defaults to that of the records, else of the intervals, events and pictures.
    labels : str or list of str, optional
        The labels of the panels instead of the names of their columns, from top to bottom; units are added. That of a
        spectrum is at its colors.
    width, height : astropy.units.Quantity, optional
        The size of the figure: 88 mm is one column and 180 mm, the default, two columns of a journal. The height
        defaults to that of the panels.
    letters : bool, optional
        Whether to number several panels by letters: (a), (b), (c).

    Returns
    -------
    figure : matplotlib.figure.Figure
        The figure. Fonts have 7 or 8 points at its width, and the colors are those of Okabe and Ito, which differ for
        people with any color vision and, together with dashes and hatches, in black and white.
    axes : numpy.ndarray of matplotlib.axes.Axes, shape (panels,)
        The panels from top to bottom. The axes of pictures are the children of ``figure.axes[0]``.

    Raises
    ------
    QueryError
        An object does not have times or numbers, the units of the columns of a panel are not convertible, or an
        argument is not valid.
    ServiceError, FileError
        Pictures could not be fetched or read.

    Notes
    -----
    Columns of one panel have the unit of the first one. The spacecraft and instrument of a panel are those that the
    records state. Spectra are images with the edges of their bins, and logarithmic colors if they extend over more than
    a factor of 10. Gaps are gaps, and long series are drawn as in `sunpy_helio_plugins.series.quicklook`, by the first,
    last, smallest and largest value in each of 4096 columns.

    Examples
    --------
    >>> import astropy.units as u
    >>> from sunpy_helio_plugins import hapi, together
    >>> wind = hapi.load("cdaweb", "OMNI_HRO2_1MIN", "2026-01-08", "2026-01-12")
    >>> figure, axes = together.stack((wind, "F"), (wind, "flow_speed"), width=88 * u.mm)
    >>> limits = axes[1].set_ylim(300, 800)
    >>> len(axes)
    2
    """
    import matplotlib.pyplot as plt
    from matplotlib.dates import date2num

    panels = [panel for thing in things for panel in _panels_of(thing)]
    _check(panels, things, labels)
    found = {"events": events, "shade": shade}
    tables = {name: intervals_of(f"{_FUNCTION} ({name})", one) for name, one in found.items() if one is not None}
    images = [] if pictures is None else maps_of(_FUNCTION, pictures)
    limits = _limits(panels, tables, images, time)
    narrow = width < _NARROW
    with plt.rc_context(figure_style(narrow=narrow)):
        figure, host, axes = _axes(panels, len(images), width, height)
        axes[-1].set_xlim(*map(date2num, limits))
        named = [labels] if isinstance(labels, str) else list(labels or [""] * len(panels))
        for one, panel, label in zip(axes, panels, named, strict=True):
            _draw(one, panel, label)
        texts.concise(axes[-1], 6 if narrow else 9)
        _name(axes, panels, letters=letters and len(panels) > 1)
        figure.align_ylabels(axes)
        _add(figure, host, axes, tables, images)
    return figure, np.array(axes)


def figure_style(*, narrow: bool) -> dict[str, Any]:
    """Return the settings of matplotlib for a printed figure."""
    return {
        "font.size": 7 if narrow else 8, "axes.linewidth": 0.6, "xtick.direction": "in", "ytick.direction": "in",
        "xtick.top": True, "ytick.right": True, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
        "xtick.major.size": 3, "ytick.major.size": 3, "axes.titlesize": "medium", "legend.fontsize": "small",
        "hatch.linewidth": 0.4, "savefig.dpi": 300, "axes.formatter.limits": (-4, 5),
        "axes.formatter.use_mathtext": True,
    }  # fmt: skip


def _panels_of(thing: Any) -> Iterator[_Panel]:
    """Yield the panels of one argument."""
    if isinstance(thing, list):
        columns = [column for one in thing for column in _columns_of(one)]
        if not columns:
            raise QueryError(f"{_FUNCTION} takes a list of records as one panel, and this list is empty: leave it out.")
        yield _Panel(columns, _common_unit(columns))
    elif isinstance(thing, tuple):
        columns = _columns_of(thing)
        yield _Panel(columns, _common_unit(columns))
    else:
        for column in _columns_of(thing):
            yield _Panel([column], column.unit)


def _columns_of(thing: Any) -> list[PanelColumn]:
    """Return the named columns of a tuple of records and names, or the columns of records that are not flags."""
    given, names = (thing[0], thing[1:]) if isinstance(thing, tuple) and thing else (thing, ())
    if not all(isinstance(name, str) for name in names):
        raise QueryError(
            f"{_FUNCTION} takes records and the names of columns as a tuple, such as (table, 'flow_speed'), not "
            f"{shown(thing)}; give several records as a list of tuples."
        )
    records = _records(given)
    if not len(records.table):
        raise QueryError(f"{_FUNCTION}: {shown(given)} does not contain records with a time; leave it out.")
    if names:
        return [records.column(_FUNCTION, name) for name in names]
    every = records.columns()
    found = [one for one in every if not one.is_flag] or every
    if not found:
        raise QueryError(f"{_FUNCTION}: {shown(given)} does not contain numeric columns; there is nothing to plot.")
    return found


def _records(given: Any) -> PanelRecords:
    """Return records of any type with their spacecraft and instrument."""
    made = PanelRecords.of(_FUNCTION, given.table if isinstance(given, LazyTable) else given)
    if hasattr(given, "to_dataframe"):
        told = (given.observatory, getattr(given, "instrument", None))
        if any(told):
            return replace(made, origin=" ".join(str(one) for one in told if one))
    return replace(made, origin=observer_text(made.table.meta))


def _common_unit(columns: Sequence[PanelColumn]) -> u.UnitBase | None:
    """Return the unit of the first column; raise a `QueryError` if the others do not convert to it."""
    first = columns[0]
    for one in columns[1:]:
        units = (first.unit or u.one, one.unit or u.one)
        if not units[1].is_equivalent(units[0]):
            raise QueryError(
                f"{_FUNCTION}: {one.name} [{units[1]}] does not convert to the unit of {first.name} [{units[0]}]: give "
                "them as two panels."
            )
        if one.spectral_axis is not None or first.spectral_axis is not None:
            raise QueryError(f"{_FUNCTION}: {one.name} or {first.name} is an image, which needs a panel of its own.")
    return first.unit


def _check(panels: Sequence[_Panel], things: Sequence[Any], labels: Any) -> None:
    if not things:
        raise QueryError(f"{_FUNCTION} takes at least one table, such as hapi.load returns, and none was given.")
    if len(panels) > _MOST:
        raise QueryError(
            f"{_FUNCTION} plots at most {_MOST} panels, and these are {len(panels)}: choose columns by (table, 'name')."
        )
    count = 1 if isinstance(labels, str) else len(labels or ())
    if labels is not None and count != len(panels):
        raise QueryError(f"{_FUNCTION} takes one of labels= for each panel: {len(panels)}, not {count}.")


def _limits(
    panels: Sequence[_Panel], tables: dict[str, QTable], images: Sequence[GenericMap], time: Any
) -> tuple[np.datetime64, np.datetime64]:
    """Return the ends of the time axis."""
    if time is not None:
        span = inputs.span(_FUNCTION, time, empty=False)
        return inputs.instants(_FUNCTION, span.start)[0], inputs.instants(_FUNCTION, span.end)[0]
    records = {id(one.records): one.records for panel in panels for one in panel.columns}
    ends: list[Stamps] = [_ends(one) for one in records.values()]
    low, high = min(one[0] for one in ends), max(one[1] for one in ends)
    if low < high:
        return low, high
    # One record alone: the axis also contains the rest.
    more = [stamps(table[name]) for table in tables.values() for name in ("start", "end")]
    every = np.concatenate([np.array([low, high]), *more, *[inputs.instants(_FUNCTION, one.date) for one in images]])
    margin = np.timedelta64(1, "h") if every.min() == every.max() else np.timedelta64(0, "s")
    return every.min() - margin, every.max() + margin


def _ends(records: PanelRecords) -> Stamps:
    centers, half = records.instants + records.shift, np.abs(records.shift)
    return np.array([centers.min() - half, centers.max() + half]).astype("M8[us]")


def _axes(
    panels: Sequence[_Panel], pictures: int, width: u.Quantity, height: u.Quantity | None
) -> tuple[Figure, Axes | None, list[Axes]]:
    """Return a figure, the axes of its pictures, and those of its panels."""
    import matplotlib.pyplot as plt

    one = min(28.0, 16 + width.to_value(u.mm) / 15)
    # Pictures as high as they are wide if they are side by side.
    row = [min(1.4, 0.62 * width.to_value(u.mm) / pictures / one)] if pictures else []
    ratios = row + [1.35 if panel.is_image else 1.0 for panel in panels]
    tall = height.to_value(u.mm) if height is not None else 12 + one * sum(ratios)
    figure = plt.figure(figsize=(width.to_value(u.imperial.inch), tall / 25.4), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.01, hspace=0, w_pad=0.02)
    grid = figure.add_gridspec(len(ratios), 1, height_ratios=ratios)
    host = figure.add_subplot(grid[0]) if pictures else None
    if host is not None:
        host.set_axis_off()
    axes: list[Axes] = []
    for number in range(len(panels)):
        axes.append(figure.add_subplot(grid[number + len(row)], sharex=axes[0] if axes else None))
    for upper in axes[:-1]:
        upper.tick_params(labelbottom=False)
    return figure, host, axes


def _draw(axes: Axes, panel: _Panel, label: str) -> None:
    first = panel.columns[0]
    if panel.is_image:
        image, text = draw_spectrum(axes, first)
        axes.tick_params(color="0.85", which="both")
        # An inset is beside the panel, as legends are; a colorbar of its own would be beyond those of other panels.
        axes.figure.colorbar(
            image, cax=axes.inset_axes((1.01, 0, 0.02, 1)), label=first.axis_label(label) if label else text
        )
        return
    several = len({one.records.origin for one in panel.columns}) > 1
    for one in panel.columns:
        names = one.element_labels
        if several:
            names = [f"{one.records.origin} {name}" if one.values.ndim > 1 else one.records.origin for name in names]
        draw_lines(axes, one, PRINTED, names, panel.unit)
    low, high = axes.get_ylim()
    if low < 0 < high:
        axes.axhline(0, color="0.6", linewidth=0.5, zorder=0.8)
    # Room for the name of the spacecraft, and no numbers at the ends that would be between two panels.
    axes.set_ylim(low, high + _HEAD * (high - low))
    axes.locator_params(axis="y", nbins=5, prune="both")
    titles = list(dict.fromkeys(one.title for one in panel.columns))
    joint = ",\n" if sum(map(len, titles)) > _LONGEST else ", "
    axes.set_ylabel(first.axis_label(label or joint.join(titles)))
    if 1 < len(axes.lines) <= 12 and len(axes.get_legend_handles_labels()[0]) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, handlelength=1.4, borderpad=0.2)


def _name(axes: Sequence[Axes], panels: Sequence[_Panel], *, letters: bool) -> None:
    """Write the letter and the spacecraft of each panel into its upper left corner."""
    for number, (one, panel) in enumerate(zip(axes, panels, strict=True)):
        origins = dict.fromkeys(column.records.origin for column in panel.columns)
        told = texts.shown(", ".join(filter(None, origins)))
        text = f"({chr(97 + number)}) {told}".strip() if letters else told
        if text:
            box = {"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 1}
            one.annotate(
                text, (0, 1), (3, -3), "axes fraction", "offset points", va="top", fontsize="small", bbox=box, zorder=5
            )


def _add(
    figure: Figure, host: Axes | None, axes: Sequence[Axes], tables: dict[str, QTable], images: Sequence[GenericMap]
) -> None:
    """Add intervals, events, their legend, and pictures, whose positions follow from the layout."""
    limits = axes[-1].get_xlim()
    entries = marks.shade(axes, tables["shade"]) if "shade" in tables else []
    entries += marks.mark(axes, tables["events"]) if "events" in tables else []
    axes[-1].set_xlim(*limits)
    if entries:
        figure.legend(
            handles=entries, loc="outside lower center", ncols=min(len(entries), 4), frameon=False, handlelength=1.8
        )
    figure.draw_without_rendering()
    if "events" in tables:
        marks.label_marks(axes[0], tables["events"])
        figure.draw_without_rendering()
    if host is not None:
        place_pictures(host, axes[0], images)
