"""Events and intervals on panels with a time axis: lines, labels that do not overlap, and shaded intervals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.her.keywords import event_types
from sunpy_helio_plugins.series.views.labels import shown
from sunpy_helio_plugins.together.spans import joined, stamps

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["MOST_ROWS", "label_marks", "mark", "packed", "shade"]

_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

MOST_ROWS = 3
"""The largest number of rows of labels above the panels."""

_COLORS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_DASHES = ((0, (4, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), "-", (0, (8, 2)), (0, (2, 2)))
_FILLS = ("#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#0072b2", "#d55e00")
_HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----")

Floats = NDArray[np.float64]


def kinds_of(table: QTable) -> dict[str, NDArray[np.intp]]:
    """Return the rows of each kind, in the order of the table."""
    kinds = np.asarray(table["kind"])
    return {str(kind): np.flatnonzero(kinds == kind) for kind in dict.fromkeys(kinds.tolist())}


def named(kind: str) -> str:
    """Return the name of a kind: of an event type of the registry its long name."""
    name = event_types().get(kind)
    if name is None:
        return shown(kind)
    first, *others = _WORDS.split(name)
    return " ".join([first, *(word if word.isupper() else word.lower() for word in others)])


def shade(panels: Sequence[Axes], table: QTable) -> list[Artist]:
    """Shade intervals, those of one kind in one color and hatch; return the entries of a legend."""
    from matplotlib.dates import date2num
    from matplotlib.patches import Patch

    entries: list[Artist] = []
    for number, (kind, rows) in enumerate(kinds_of(table).items()):
        part = table[rows]
        starts, ends = joined(stamps(part["start"]), stamps(part["end"]))
        style: dict[str, Any] = {
            "facecolor": _FILLS[number % len(_FILLS)], "alpha": 0.28, "hatch": _HATCHES[number % len(_HATCHES)],
            "edgecolor": "0.35", "linewidth": 0,
        }  # fmt: skip
        for axes in panels:
            for first, last in zip(date2num(starts), date2num(ends), strict=True):
                axes.axvspan(first, last, zorder=0.5, **style)
        if kind:
            entries.append(Patch(label=named(kind), **style))
    return entries


def mark(panels: Sequence[Axes], table: QTable) -> list[Artist]:
    """Draw a line at the time of each event, those of one kind in one color and dash; return entries of a legend."""
    from matplotlib.dates import date2num
    from matplotlib.lines import Line2D

    entries: list[Artist] = []
    for number, (kind, rows) in enumerate(kinds_of(table).items()):
        color, dash = mark_style(number)
        # Many lines would hide the series.
        style = {"linestyle": dash, "linewidth": 0.7, "alpha": float(np.clip(15 / len(rows), 0.25, 0.9))}
        for axes in panels:
            places = date2num(stamps(table["time"][rows]))
            axes.vlines(places, 0, 1, transform=axes.get_xaxis_transform(), color=color, zorder=1.5, **style)
        if kind:
            entries.append(Line2D([], [], label=named(kind), color=color, **{**style, "alpha": 1}))
    return entries


def mark_style(number: int) -> tuple[str, Any]:
    """Return the color and the dashes of the events of a kind."""
    return _COLORS[number % len(_COLORS)], _DASHES[number % len(_DASHES)]


def label_marks(axes: Axes, table: QTable) -> None:
    """
    Write the labels of events above an axes, in rows, such that none overlaps another one.

    Labels that do not fit are left out, those of the weaker flares and of later events first; their number is written
    at the end.
    """
    from matplotlib.dates import date2num
    from matplotlib.patheffects import withStroke

    colors = np.empty(len(table), dtype=object)
    for number, rows in enumerate(kinds_of(table).values()):
        colors[rows] = mark_style(number)[0]
    texts = np.asarray(table["label"])
    places = axes.transData.transform(np.column_stack([date2num(stamps(table["time"])), np.zeros(len(table))]))[:, 0]
    box = axes.get_window_extent()
    rows = np.flatnonzero((texts != "") & (places >= box.x0) & (places <= box.x1))
    # A label that is repeated at one place, as of events that were submitted again, is written once.
    _, first = np.unique([f"{round(places[row])} {texts[row]}" for row in rows], return_index=True)
    rows = rows[np.sort(first)]
    if not len(rows):
        return
    rim: dict[str, Any] = {"path_effects": [withStroke(linewidth=1.5, foreground="w")], "annotation_clip": False}
    made = [axes.annotate(shown(str(texts[row])), (0, 0), color=colors[row], fontsize="small", **rim) for row in rows]
    boxes = [one.get_window_extent() for one in made]
    widths, height = np.array([one.width for one in boxes]), max(one.height for one in boxes)
    scale = 72 / axes.figure.dpi
    lefts, levels = packed(places[rows], widths + 5 / scale, (box.x0, box.x1), _order(texts[rows]))
    for one, row, left, level in zip(made, rows, lefts, levels, strict=True):
        if level < 0:
            one.remove()
            continue
        one.xy, one.xycoords = (date2num(stamps(table["time"][row : row + 1])[0]), 1), ("data", "axes fraction")
        one.set_anncoords("offset points")
        one.xyann = ((left - places[row]) * scale, 2 + level * height * scale * 1.15)
        if level:
            top = {"color": colors[row], "linewidth": 0.5, "clip_on": False}
            end = 1 + (2 / scale + level * height * 1.15) / box.height
            axes.plot([one.xy[0]] * 2, [1, end], transform=axes.get_xaxis_transform(), zorder=1, **top)
    if left_out := int((levels < 0).sum()):
        axes.annotate(
            f"+{left_out} without label", (1, 1), (0, 2 + (levels.max() + 1) * height * scale * 1.15), ha="right",
            xycoords="axes fraction", textcoords="offset points", fontsize="x-small", color="0.4",
        )  # fmt: skip


def packed(
    places: Floats, widths: Floats, room: tuple[float, float], order: Sequence[int]
) -> tuple[Floats, NDArray[np.int64]]:
    """
    Return the left edge and the row of each label at a place, -1 if it does not fit.

    A label is to the right of its place, or to the left if it would leave the room; those first in ``order`` are placed
    first.
    """
    lefts, levels = np.zeros(len(places)), np.full(len(places), -1)
    taken: list[list[tuple[float, float]]] = [[] for _ in range(MOST_ROWS)]
    for index in order:
        left = min(places[index], room[1] - widths[index])
        left = max(left, room[0])
        for level, others in enumerate(taken):
            if all(left >= end or left + widths[index] <= start for start, end in others):
                others.append((left, left + widths[index]))
                lefts[index], levels[index] = left, level
                break
    return lefts, levels


def _order(texts: NDArray[np.str_]) -> list[int]:
    """Return the order in which labels are placed: strong flares first."""
    strength = [("ABCMX".find(text[:1]) if text[1:2].isdigit() else -1, text) for text in texts.tolist()]

    def key(index: int) -> tuple[int, float, int]:
        level, text = strength[index]
        try:
            return -level, -float(text[1:]) if level >= 0 else 0.0, index
        except ValueError:
            return 1, 0.0, index

    return sorted(range(len(texts)), key=key)
