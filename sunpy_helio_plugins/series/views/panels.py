"""Panels of a figure: columns of records as lines, steps or images on a time axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import no_column
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities.datetimes import to_datetime64
from sunpy_helio_plugins.series.axes import Axis, axes_of, element_names
from sunpy_helio_plugins.series.records import time_name
from sunpy_helio_plugins.series.sources import table_of
from sunpy_helio_plugins.series.views.envelope import envelope
from sunpy_helio_plugins.series.views.labels import shown, unit_text
from sunpy_helio_plugins.series.views.mesh import Intervals, gaps, mesh

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

__all__ = [
    "MOST_LINES",
    "PRINTED",
    "LineStyle",
    "PanelColumn",
    "PanelRecords",
    "draw_cells",
    "draw_lines",
    "draw_spectrum",
    "is_numeric",
    "over_others",
]

Floats = NDArray[np.float64]

MOST_LINES = 6
"""The largest number of elements of a record that are lines and not an image."""


@dataclass(frozen=True)
class PanelRecords:
    """
    Records with a time, to draw.

    Attributes
    ----------
    table : astropy.table.QTable
        The records that have a time.
    time : str
        The column of times.
    origin : str
        The spacecraft and instrument; empty if not known.
    stamps : numpy.ndarray of datetime64 or None
        The times, if the table does not contain them.
    """

    table: QTable
    time: str
    origin: str = ""
    stamps: NDArray[np.datetime64] | None = None

    @classmethod
    def of(cls, function: str, given: Any, origin: str = "") -> PanelRecords:
        """Return records of any type; raise a `QueryError` that names the function for other objects."""
        found = table_of(function, given)
        name = time_name(function, found)
        lost = np.asarray(found[name].mask)
        return cls(found[~lost] if np.any(lost) else found, name, origin)

    @cached_property
    def instants(self) -> NDArray[np.datetime64]:
        """The times."""
        made = to_datetime64(self.table[self.time]) if self.stamps is None else self.stamps
        return np.asarray(made, dtype="M8[ns]")

    @cached_property
    def elapsed(self) -> Floats:
        """The seconds since the first time."""
        return seconds_since_first(self.instants)

    @cached_property
    def shift(self) -> np.timedelta64:
        """The time from the stamp of a record to the center of its interval."""
        return np.timedelta64(round(Intervals.of(self.table.meta).shift(self.elapsed) * 1e9), "ns")

    @cached_property
    def missing(self) -> NDArray[np.int64]:
        """The indices of records after a gap."""
        return gaps(self.elapsed)

    @cached_property
    def times(self) -> tuple[NDArray[np.datetime64], Floats]:
        """The times of the points of lines, and the seconds since the first one, with a point within each gap."""
        shifted, at = self.instants + self.shift, self.missing
        if not len(at):
            return shifted, self.elapsed
        return np.insert(shifted, at, shifted[at]), np.insert(self.elapsed, at, self.elapsed[at])

    def column(self, function: str, name: str) -> PanelColumn:
        """Return one column, or raise a `QueryError`."""
        if name not in self.table.colnames:
            raise no_column(f"{function}: the table", name, self.table.colnames)
        if not is_numeric(self.table, name):
            raise QueryError(f"{function} plots numbers, which the column {name} is not: name another column.")
        return PanelColumn(self, name)

    def columns(self) -> list[PanelColumn]:
        """Return the columns to plot if none are named: of a CDF file its data, without the bins of others."""
        chosen = [name for name in self.table.colnames if name != self.time and is_numeric(self.table, name)]
        axes = {key for name in chosen for key in _references(self.table, name)}
        data = [name for name in chosen if (self.table[name].info.meta or {}).get("VAR_TYPE") == "data"]
        return [PanelColumn(self, name) for name in data or chosen if name not in axes]


def is_numeric(table: QTable, name: str) -> bool:
    """Return whether a column consists of numbers."""
    return getattr(table[name], "dtype", np.dtype("U1")).kind in "fiu"


def _references(table: QTable, name: str) -> set[str]:
    """Return the names of the columns that contain the bins of a column."""
    meta = table[name].info.meta or {}
    bins, named = meta.get("bins") or [], meta.get("axes") or ()
    told = [one.get(key) for one in ([bins] if isinstance(bins, Mapping) else bins) for key in ("centers", "ranges")]
    return {one for one in [*told, *(() if isinstance(named, str) else named)] if isinstance(one, str)}


@dataclass(frozen=True)
class PanelColumn:
    """
    One column of records.

    Attributes
    ----------
    records : PanelRecords
        The records.
    name, label : str
        Its name, and another name for the figure.
    is_whole : bool
        Whether floats are integers in which values are missing.
    """

    records: PanelRecords
    name: str
    label: str = ""
    is_whole: bool = False

    @property
    def values(self) -> Any:
        """The column."""
        return self.records.table[self.name]

    @property
    def unit(self) -> u.UnitBase | None:
        """The unit; `None` if it is not known."""
        unit: u.UnitBase | None = getattr(self.values, "unit", None)
        return unit

    @property
    def is_flag(self) -> bool:
        """Whether its values are numbers of states: integers without a unit."""
        return (self.is_whole or self.values.dtype.kind in "iu") and (self.unit is None or self.unit == u.one)

    @cached_property
    def axes(self) -> list[Axis]:
        """The dimensions but time."""
        return axes_of(self.records.table, self.name)

    @cached_property
    def spectral_axis(self) -> int | None:
        """The dimension along which the column is drawn as an image, or `None` for lines."""
        values = self.values
        size = int(np.prod(values.shape[1:], dtype=int))
        if values.ndim < 2 or len(self.records.table) < 2 or (values.ndim > 2 and size <= MOST_LINES):
            return None
        binned = [index for index, axis in enumerate(self.axes) if axis.centers is not None]
        if size <= MOST_LINES and not (binned and size > 3):
            return None
        return binned[0] if binned else 0

    def numbers(self, unit: u.UnitBase | None = None) -> Floats:
        """Return the values as floats, NaN if missing, in another unit."""
        values = self.values
        plain = getattr(values, "unmasked", values)
        if unit is not None and self.unit is not None and unit != self.unit:
            plain = u.Quantity(plain, self.unit).to(unit)
        numbers = np.array(np.ma.getdata(getattr(plain, "value", plain)), dtype=float)
        mask = getattr(values, "mask", None)
        if mask is not None:
            numbers[np.asarray(mask)] = np.nan
        return numbers

    @property
    def title(self) -> str:
        """The name, or the label of a column of scalars."""
        if self.label:
            return self.label
        label = (self.values.info.meta or {}).get("label") if self.values.ndim == 1 else None
        one = label[0] if isinstance(label, list | tuple) and len(label) == 1 else label
        return one if isinstance(one, str) and one else self.name

    @property
    def unit_label(self) -> str:
        """The unit as on an axis: if it could not be parsed, as the archive spells it."""
        text = (self.values.info.meta or {}).get("unit_string")
        is_told = isinstance(text, str) and text.strip() and text != "dimensionless" and not self.is_flag
        return unit_text(self.unit) or (shown(str(text)) if is_told else "")

    @property
    def element_labels(self) -> list[str]:
        """The label of each line."""
        names = [f"{self.name}[{one}]" if one.isdigit() else one for one in element_names(self.values)]
        return names or [self.title]

    def axis_label(self, title: str = "") -> str:
        """Return the name and the unit."""
        title, unit = shown(title or self.title), self.unit_label
        return f"{title}\n[{unit}]" if unit else title


@dataclass(frozen=True)
class LineStyle:
    """
    How lines are drawn.

    Attributes
    ----------
    colors, dashes : tuple
        Used in turn, the colors together with the dashes; empty for those of matplotlib.
    width : float
        The width in points.
    solid_from : int
        The number of points from which the first three lines are solid, since dashes of dense points are not seen.
    arguments : dict
        Properties of all lines.
    """

    colors: tuple[str, ...] = ()
    dashes: tuple[Any, ...] = ()
    width: float = 0.9
    solid_from: int = 0
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def each(self, points: int, first: int) -> Any:
        """Yield the properties of lines of a number of points, from the one with a number on."""
        from matplotlib.cbook import normalize_kwargs
        from matplotlib.lines import Line2D

        arguments = normalize_kwargs(dict(self.arguments), Line2D)  # such as lw for linewidth
        is_solid = 0 < self.solid_from <= points
        dashes = ("-", "-", "-", *self.dashes[3:]) if is_solid else self.dashes
        colors, lines = cycle(self.colors or (None,)), cycle(dashes or ("-",))
        for number, (color, dash) in enumerate(zip(colors, lines, strict=False)):  # pragma: no branch - without an end
            if number >= first:
                told = {"linewidth": self.width, **({} if color is None else {"color": color, "linestyle": dash})}
                yield told | arguments


PRINTED = LineStyle(
    ("#000000", "#d55e00", "#56b4e9", "#009e73", "#cc79a7", "#e69f00", "#0072b2"),
    ("-", (0, (5, 1.2)), (0, (1.2, 0.9)), (0, (6, 1, 1.2, 1)), (0, (3, 1)), (0, (6, 1, 1.2, 1, 1.2, 1)), (0, (2, 1.5))),
    0.9,
    2000,
    {"markersize": 3},
)
"""
For printed figures: the colors of Okabe and Ito, which people with any color vision tell apart.

Neighbours also differ in lightness and dashes, so that they differ without colors.
"""


def draw_lines(
    axes: Axes, column: PanelColumn, style: LineStyle, labels: Sequence[str], unit: u.UnitBase | None = None
) -> None:
    """Draw each element of a column as a line; flags as steps."""
    instants, elapsed = column.records.times
    count = len(column.records.table)
    numbers = column.numbers(unit).reshape(count, -1)
    if len(column.records.missing):
        numbers = np.insert(numbers, column.records.missing, np.nan, axis=0)
    own: dict[str, Any] = {"marker": "." if count < 100 else None}
    if column.is_flag:
        own |= {"drawstyle": "steps-mid"}
    properties = style.each(len(elapsed), len(axes.lines))
    for index, told in zip(range(numbers.shape[1]), properties, strict=False):
        points = envelope(elapsed, numbers[:, index])
        axes.plot(instants[points], numbers[points, index], **({**own, "label": shown(labels[index])} | told))


def draw_spectrum(axes: Axes, column: PanelColumn, cmap: str = "viridis") -> tuple[ScalarMappable, str]:
    """Draw a column as an image, with the edges of its bins; return it, and the label of its colors."""
    dimension, records = column.spectral_axis or 0, column.records
    spectra, intervals = over_others(column.numbers(), dimension), Intervals.of(records.table.meta)
    image = draw_cells(axes, records.instants, column.axes[dimension], spectra, intervals, cmap=cmap)
    others = [one.name for index, one in enumerate(column.axes) if index != dimension]
    title = column.label or column.name
    return image, column.axis_label(f"{title}, mean over {', '.join(others)}" if others else title)


def draw_cells(
    axes: Axes, instants: NDArray[np.datetime64], axis: Axis, values: Floats, intervals: Intervals, **options: Any
) -> ScalarMappable:
    """Draw spectra, shape (n, k), as an image with the edges of their bins; ``options`` are those of pcolormesh."""
    import matplotlib.dates as dates
    from matplotlib.colors import LogNorm

    x, y, cells = mesh(seconds_since_first(instants), axis, values, intervals)
    if not options.keys() & {"norm", "vmin", "vmax"}:
        positive = cells[np.isfinite(cells) & (cells > 0)]
        # Logarithmic colours are not useful for values of similar size, or with both signs.
        is_log = len(positive) > 0.5 * np.isfinite(cells).sum() and positive.max() > 10 * np.percentile(positive, 2)
        options["norm"] = LogNorm(np.percentile(positive, 1), positive.max()) if is_log else None
        cells = np.where(cells > 0, cells, np.nan) if is_log else cells
    options = {"cmap": "viridis", "rasterized": True, "shading": "flat", **options}
    days = dates.date2num(instants[0]) + x / 86400
    corners, cells = (np.repeat(days[:, None], y.shape[1], axis=1), cells) if y.ndim == 2 else (days, cells.T)
    image = axes.pcolormesh(corners, y, cells, **options)
    if axis.centers is not None and np.nanmin(y) > 0 and np.nanmax(y) > 20 * np.nanmin(y):
        axes.set_yscale("log")
    unit = unit_text(axis.centers.unit) if axis.centers is not None else ""
    unit = unit or shown(axis.unit_string or "")
    axes.set_ylabel(f"{shown(axis.label)}\n[{unit}]" if unit else shown(axis.label))
    return image


def seconds_since_first(instants: NDArray[np.datetime64]) -> Floats:
    """Return times in seconds since the first one."""
    made: Floats = (instants - instants[:1]).astype("m8[ns]").astype(float) / 1e9
    return made


def over_others(values: Floats, dimension: int) -> Floats:
    """Return the means over all dimensions but time and one other, shape (n, k); missing values are left out."""
    others = tuple(index for index in range(1, values.ndim) if index != dimension + 1)
    if not others:
        return values
    known = np.isfinite(values)
    counts = known.sum(axis=others)
    sums = np.where(known, values, 0.0).sum(axis=others)
    means: Floats = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means
