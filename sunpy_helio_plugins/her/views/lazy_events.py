"""Open events of searches or files, which are read when they are used, and plot them in time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import is_several
from sunpy_helio_plugins.errors import QueryError, local
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.her.keywords import event_types
from sunpy_helio_plugins.her.submit import voevent
from sunpy_helio_plugins.her.tables import HERTable, events
from sunpy_helio_plugins.her.views.overlay import COLOURS, LABELS
from sunpy_helio_plugins.quantities.datetimes import to_datetime64
from sunpy_helio_plugins.series.lazy_table import LazyTable
from sunpy_helio_plugins.series.views.labels import concise, shown
from sunpy_helio_plugins.series.views.plain import number_series, plain_records

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from sunpy.timeseries import GenericTimeSeries

__all__ = ["open", "quicklook"]

_HEAD = 4096
"""The bytes of a file in which a document states that it is one."""

_MOST_LABELS = 60

_SHORTEST = 0.004
"""The shortest bar, as a part of the time axis, so that short events can be seen."""


def open(table: Any) -> LazyTable:  # noqa: A001 - the same verb in every archive
    """
    Open events, which are read when they are first used.

    Parameters
    ----------
    table : HERTable, row, UnifiedResponse, str, pathlib.Path, or list of these
        Events of a search; or files: VOEvent documents that `Fido.fetch` downloaded, a folder of these, or tables
        that ``HERTable.write`` wrote.

    Returns
    -------
    sunpy_helio_plugins.series.LazyTable
        ``table`` is a `HERTable`. ``to_xarray()``, ``to_pandas()`` and ``to_parquet(path)`` convert its columns of
        times, numbers and text, with ``event_starttime`` as the time; ``meta["left_out"]`` of a table that is made of
        the result names the others, which are coordinates, outlines and records.
        ``to_timeseries(columns="area_atdiskcenter")`` returns numbers at the time of the start of each event. There is
        no ``to_ndcube()`` of events. A file that cannot be read is a `FileError` at the first use.

    Raises
    ------
    QueryError
        The object is neither events nor paths.
    FileError
        A folder does not contain documents.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> holes.write("holes.ecsv")
    >>> her.open("holes.ecsv").to_timeseries(columns="area_atdiskcenter").columns
    ['area_atdiskcenter']
    """
    given = list(table) if is_several(table) and not hasattr(table, "colnames") and not _is_path(table) else [table]
    if given and all(map(_is_path, given)):
        paths = inputs.paths("her.open", given, (".xml",))
        name = str(paths[0]) if len(paths) == 1 else f"{len(paths)} files"
        return LazyTable(name, partial(_read, paths), _to_timeseries, _no_cube, plain_records)
    if not given:
        raise QueryError("her.open takes at least one event or file; none was given.")
    found = events("her.open", table)
    return LazyTable(f"{len(found)} events", lambda: found, _to_timeseries, _no_cube, plain_records)


def _is_path(given: Any) -> bool:
    return isinstance(given, str | os.PathLike)


def _read(paths: Sequence[Path]) -> HERTable:
    """Return the events of documents and of tables, in the order of the files."""
    parts: list[HERTable] = []
    documents: list[dict[str, Any]] = []
    for path in paths:
        with local(path, "read"), path.open("rb") as stream:
            is_document = b"VOEvent" in stream.read(_HEAD)
        if is_document:
            documents.append(voevent.read(path).record())
            continue
        parts += [*_of_documents(documents), HERTable.read(path)]
        documents = []
    parts += _of_documents(documents)
    return parts[0] if len(parts) == 1 else HERTable.stack(*parts)


def _of_documents(records: Sequence[dict[str, Any]]) -> list[HERTable]:
    return [HERTable.from_records(records)] if records else []


def _to_timeseries(table: Any, columns: str | Sequence[str] | None = None) -> GenericTimeSeries:
    return number_series("her.open(...).to_timeseries", table, columns)


def _no_cube(table: HERTable, *args: Any, **options: Any) -> NoReturn:
    raise QueryError(
        f"Events are not spectra or images, and a HERTable of {len(table)} events cannot be a cube: use to_timeseries "
        "for a number of each event, or her.overlay to draw their outlines on an image."
    )


def quicklook(table: Any) -> Figure:
    """
    Plot the time of events as a timeline, with one panel for each event type.

    Parameters
    ----------
    table : HERTable, row, UnifiedResponse, or list of these
        Events; those without a start are left out.

    Returns
    -------
    matplotlib.figure.Figure
        A bar for each event from its start to its end, in the colour of its type in
        `~sunpy_helio_plugins.her.overlay`, with a line at its peak. Events that overlap are drawn one above another. Of
        at most 60 events, flares have their GOES class and active regions their NOAA number as a label. The time axis
        is in UTC.

    Raises
    ------
    QueryError
        The object is not a table of events, or no event has a start.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> her.quicklook(Fido.search(day, a.her.FL | a.her.CH)).savefig("day.png")
    """
    import matplotlib.pyplot as plt

    found = events("her.quicklook", table, "event_type", "event_starttime", "event_endtime")
    found = found[~np.asarray(found["event_starttime"].mask)]
    if not len(found):
        raise QueryError("her.quicklook takes events with a start, and there are none: search a longer time.")
    starts, ends = to_datetime64(found["event_starttime"]), _ends(found)
    kinds = np.array([str(kind) for kind in found["event_type"]])
    names = list(dict.fromkeys(kinds.tolist()))
    span = max((ends.max() - starts.min()) / np.timedelta64(1, "s"), 60.0)
    ends = np.maximum(ends, starts + np.timedelta64(round(_SHORTEST * span * 1e9), "ns"))
    rows = {name: _rows(starts[kinds == name], ends[kinds == name]) for name in names}
    heights = [1 + int(rows[name].max()) for name in names]
    figure, panels = plt.subplots(
        len(names), 1, sharex=True, squeeze=False, figsize=(9, 1.2 + min(0.45 * len(names) + 0.2 * sum(heights), 12)),
        layout="constrained", gridspec_kw={"height_ratios": [2 + height for height in heights]},
    )  # fmt: skip
    for number, (axes, name) in enumerate(zip(panels[:, 0], names, strict=True)):
        chosen = np.flatnonzero(kinds == name)
        colour = COLOURS.get(name, f"C{number % 10}")
        _draw(axes, found[chosen], starts[chosen], ends[chosen], rows[name], colour)
        title = event_types().get(name, name)
        axes.set_ylabel(f"{shown(title)}\n{len(chosen)}", rotation=0, ha="right", va="center", fontsize="small")
    concise(panels[-1, 0])
    return figure


def _ends(table: HERTable) -> NDArray[np.datetime64]:
    """Return the end of each event, or its start if the end is missing or earlier."""
    starts, ends = (to_datetime64(table[f"event_{name}time"]) for name in ("start", "end"))
    # NaT is not greater than any time.
    later: NDArray[np.datetime64] = np.where(ends > starts, ends, starts)
    return later


def _rows(starts: NDArray[np.datetime64], ends: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return the lowest row for each event in which it does not overlap another one."""
    rows = np.zeros(len(starts), np.int64)
    free: list[np.datetime64] = []
    for index in np.argsort(starts, kind="stable").tolist():
        row = next((number for number, until in enumerate(free) if until <= starts[index]), len(free))
        free[row : row + 1] = [ends[index]]
        rows[index] = row
    return rows


def _draw(
    axes: Axes,
    table: HERTable,
    starts: NDArray[np.datetime64],
    ends: NDArray[np.datetime64],
    rows: NDArray[np.int64],
    colour: str,
) -> None:
    axes.barh(rows, ends - starts, left=starts, height=0.8, color=colour, edgecolor="0.35", linewidth=0.4)
    if "event_peaktime" in table.colnames:
        peaks = to_datetime64(table["event_peaktime"])
        known = ~np.isnat(peaks)
        axes.vlines(peaks[known], rows[known] - 0.4, rows[known] + 0.4, color="k", lw=0.8)
    if len(table) <= _MOST_LABELS:
        for index, text in enumerate(_labels(table)):
            if text:
                place: dict[str, Any] = {
                    "xytext": (3, 0),
                    "textcoords": "offset points",
                    "va": "center",
                    "fontsize": "x-small",
                }
                axes.annotate(shown(text), (ends[index], rows[index]), **place)
    axes.set_ylim(-0.7, rows.max() + 0.7)
    axes.set_yticks([])
    axes.use_sticky_edges = False
    axes.margins(x=0.05)
    axes.grid(axis="x", alpha=0.3)


def _labels(table: HERTable) -> list[str]:
    """Return the GOES class of each flare and the NOAA number of other events, or an empty text."""
    made = [""] * len(table)
    for name in reversed(LABELS):
        values = table[name] if name in table.colnames else []
        texts = [
            "" if lost else str(one)
            for one, lost in zip(values, np.atleast_1d(getattr(values, "mask", False)), strict=False)
        ]
        made = [text or old for text, old in zip(texts, made, strict=False)] if texts else made
    return made
