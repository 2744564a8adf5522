"""The values of one series in the bins of a time axis."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy import units as u

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities.leap import SECOND, Ints
from sunpy_helio_plugins.series.alignment.grid import Grid
from sunpy_helio_plugins.series.alignment.methods import AT_INSTANTS, Window, value_of
from sunpy_helio_plugins.series.alignment.samples import Column, SampleBlock, SampleSource, joined_blocks

__all__ = ["BinValues", "check_size"]

_MOST_BINS = 50_000_000
"""The largest number of bins, of which each column needs 0.5 GB."""

_NAMES = {
    "mean": "mean", "median": "median", "max": "maximum", "min": "minimum", "nearest": "nearest sample",
    "linear": "linear interpolation",
}  # fmt: skip
"""The results of the methods in messages."""

_KEEPING = ("max", "min", "nearest")
"""The methods whose results have the type of the samples."""

_WITHOUT_MEAN = ("text", "times")
"""The contents of columns of which only the nearest value can be taken."""

_COMPONENTWISE = ("mean", "linear")
"""The methods that give a vector which has a magnitude of its own."""

_MAGNITUDE = re.compile(
    r"magnitude|modulus|total (?:magnetic )?field|field strength|\bf1$|\|\w+\||^<?[bv]_?(?:mag|t|tot|total)>?$",
    re.IGNORECASE,
)

_EQUAL = 5e-3
"""The largest relative difference of a magnitude from that of its vector; archives round both."""


@dataclass
class BinValues:
    """The samples of one table, and their values in the bins of an axis."""

    source: SampleSource
    name: str
    method: str
    methods: Mapping[str, str]
    circular: Sequence[str]
    max_gap: int | None
    every: int
    pieces: list[tuple[int, int, dict[str, Any]]] = field(default_factory=list)
    span: tuple[int, int] | None = None
    """The bins with samples, also outside the axis."""
    signed: set[str] = field(default_factory=set)
    """The angles of which some are negative."""
    vectors: dict[str, str] | None = None
    """The columns that are magnitudes, and their vectors."""
    doubtful: list[tuple[str, str]] = field(default_factory=list)
    """The columns with a name of a magnitude, but not its values, and a vector."""

    def __post_init__(self) -> None:
        is_around = any(self.method_of(name) in AT_INSTANTS for name in self.source.layout)
        self.reach = 0 if not is_around else self.max_gap or 2 * (self.source.cadence or self.every)
        self.periods = {name: self._period(name) for name in self.circular if name in self.source.layout}
        for name, column in self.source.layout.items():
            self._check(name, column)

    def method_of(self, name: str) -> str:
        """Return the method of a column."""
        return self.methods.get(name, self.method)

    def _check(self, name: str, column: Column) -> None:
        method = self.method_of(name)
        if column.kind != "numbers" and (method != "nearest" or column.kind not in _WITHOUT_MEAN):
            other = f", or give methods={{{name!r}: 'nearest'}}" if column.kind in _WITHOUT_MEAN else ""
            raise QueryError(
                f"series.align cannot take the {_NAMES[method]} of {name!r} of {self.source.name}, which contains "
                f"{column.kind}: leave it out with columns=[...]{other}."
            )
        if name in self.periods and method in ("median", "max", "min"):
            raise QueryError(
                f"series.align: the {_NAMES[method]} of the circular column {name!r} is not defined: give "
                f"methods={{{name!r}: 'mean'}}, or leave it out of circular."
            )

    def _period(self, name: str) -> float:
        column = self.source.layout[name]
        if column.unit is None or not column.unit.is_equivalent(u.rad):
            raise QueryError(
                f"series.align: the column {name!r} of circular is in {column.unit_text}, not in a unit of angle: "
                "set its unit to u.deg or u.rad."
            )
        return float((1 * u.cycle).to_value(column.unit))

    def fill(self, grid: Grid) -> None:
        """Compute the values of all bins that the samples reach."""
        for low, high, block in _complete_bins(self.source, grid, self.reach):
            self.span = (low if self.span is None else self.span[0], high)
            if self.vectors is None:
                self.vectors = self._magnitudes(block)
            low, high = grid.inside(low, high)
            check_size(grid, low, high)
            if high > low:
                self.pieces.append((low, high, self._values(grid, low, high, block)))

    def _values(self, grid: Grid, low: int, high: int, block: SampleBlock) -> dict[str, Any]:
        edges = grid.edges(low, high)
        window = Window(edges, grid.stamps(edges), block.starts, block.stops, self.reach)
        made: dict[str, Any] = {}
        for name, (values, missing) in block.columns.items():
            period = self.periods.get(name)
            if period is not None and (values < 0 if missing is None else ~missing & (values < 0)).any():
                self.signed.add(name)
            if name not in (self.vectors or {}):
                made[name] = value_of(window, self.method_of(name), values, missing, period)
        for name, vector in (self.vectors or {}).items():
            values, missing = made[vector]
            made[name] = np.linalg.norm(values, axis=1), missing.any(axis=1)
        return made | {"": (window.counts, None)}

    def _magnitudes(self, block: SampleBlock) -> dict[str, str]:
        """Return the columns whose values are the magnitudes of a vector that is averaged or interpolated."""
        found: dict[str, str] = {}
        for name in filter(self._may_be_magnitude, self.source.layout):
            vectors = [one for one in self.source.layout if self._may_be_vector_of(one, name)]
            same = [one for one in vectors if _is_norm(block.columns[one], block.columns[name])]
            if same:
                found[name] = same[0]
            elif vectors:
                self.doubtful.append((name, vectors[0]))
        return found

    def _may_be_magnitude(self, name: str) -> bool:
        column = self.source.layout[name]
        is_free = name not in self.methods and self.method in _COMPONENTWISE and name not in self.circular
        return is_free and column.kind == "numbers" and column.values.ndim == 1 and _is_magnitude(name, column)

    def _may_be_vector_of(self, name: str, magnitude: str) -> bool:
        column = self.source.layout[name]
        is_vector = column.kind == "numbers" and column.values.shape[1:] == (3,)
        is_alike = column.unit == self.source.layout[magnitude].unit
        return is_vector and is_alike and self.method_of(name) in _COMPONENTWISE

    def values(self, name: str, low: int, high: int) -> tuple[Any, Any]:
        """Return the values of a column in a range of bins, and which are missing; the parts of it are released."""
        shape = (high - low, *self.source.layout[name].values.shape[1:])
        parts = [(first, *made.pop(name)) for first, _, made in self.pieces]
        kind = np.result_type(*(values.dtype for _, values, _ in parts)) if parts else self._type(name)
        made, lost = np.zeros(shape, kind), np.ones(shape, dtype=bool)
        for first, values, missing in parts:
            made[first - low : first - low + len(values)] = values
            lost[first - low : first - low + len(values)] = missing
        period = self.periods.get(name)
        if period is not None:
            np.mod(made, period, out=made, where=~lost)
            if name in self.signed:
                np.subtract(made, period, out=made, where=~lost & (made >= period / 2))
        return made, lost

    def _type(self, name: str) -> np.dtype[Any]:
        """Return the type of a column without samples."""
        return self.source.layout[name].values.dtype if self.method_of(name) in _KEEPING else np.dtype(float)

    def counts(self, low: int, high: int) -> Any:
        """Return the number of samples in a range of bins."""
        made = np.zeros(high - low, np.int64)
        for first, _, values in self.pieces:
            made[first - low : first - low + len(values[""][0])] = values[""][0]
        return made

    def notes(self) -> list[str]:
        """Return remarks on the values."""
        computed = [
            f"{name!r} of {self.source.name} is the magnitude of the {_NAMES[self.method_of(vector)]} of {vector!r}; "
            f"methods={{{name!r}: {self.method!r}}} gives that of the column."
            for name, vector in (self.vectors or {}).items()
        ]
        doubtful = [
            f"{name!r} of {self.source.name} differs from the magnitude of {vector!r} in the samples: its "
            f"{_NAMES[self.method_of(name)]} is that of the column, not the magnitude of a vector."
            for name, vector in self.doubtful
        ]
        return [*self.source.notes, *computed, *doubtful]


def check_size(grid: Grid, low: int, high: int) -> None:
    """Refuse more bins than a table can have in memory."""
    if high - low > _MOST_BINS:
        raise QueryError(
            f"series.align: bins of {grid.every / SECOND:g} s (every=) divide the range into {high - low} bins; "
            f"at most {_MOST_BINS} are allowed: give longer ones, or a shorter range with start and end."
        )


def _is_magnitude(name: str, column: Column) -> bool:
    """Return whether the name or the description of a column is that of a magnitude."""
    return any(_MAGNITUDE.search(str(text)) for text in (name, column.about.get("description") or ""))


def _is_norm(vector: Any, magnitude: Any) -> bool:
    """Return whether all values are the magnitude of a vector, as far as both are known."""
    (components, lost), (values, gone) = vector, magnitude
    known = np.ones(len(values), dtype=bool)
    known &= True if lost is None else ~lost.any(axis=1)
    known &= True if gone is None else ~gone
    with np.errstate(invalid="ignore", over="ignore"):
        length, values = np.linalg.norm(components[known].astype(float), axis=1), np.abs(values[known])
        # Values near zero have the same absolute error as others.
        return bool(known.any() and (np.abs(length - values) <= _EQUAL * (values + np.median(values))).all())


def _in_complete_bins(starts: Ints, grid: Grid) -> int:
    """Return the number of samples before the bin of the last one, so that no bin is divided between blocks."""
    last = grid.index(int(starts[-1]))
    return int(np.searchsorted(starts, grid.edges(last, last)[0]))


def _complete_bins(source: SampleSource, grid: Grid, reach: int) -> Iterator[tuple[int, int, SampleBlock]]:
    """
    Yield ranges of bins with all samples that they need; the samples of incomplete bins wait for the next block.

    Bins within ``reach`` of a sample need it as well.
    """
    waiting: list[SampleBlock] = []
    opened: int | None = None
    for block in source.blocks(lambda starts: _in_complete_bins(starts, grid)):
        if opened is not None and block.starts[0] < grid.edges(opened, opened)[0]:
            raise QueryError(
                f"{source.function}: a part of {source.name} begins before the end of the one before it: give the "
                "parts in the order of time and without overlap, or as one table."
            )
        waiting.append(block)
        low = opened if opened is not None else grid.index(int(min(one.starts[0] for one in waiting)))
        high = grid.index(max(one.until for one in waiting) - reach)
        if high <= low:
            continue
        whole = joined_blocks(waiting)
        yield low, high, whole
        needed = np.flatnonzero(whole.ends >= grid.edges(high, high)[0] - reach)
        waiting, opened = [whole[needed[0] :]] if len(needed) else [], high
    if waiting:
        whole = joined_blocks(waiting)
        low = opened if opened is not None else grid.index(int(whole.starts[0]))
        last = whole.starts if whole.stops is None else whole.stops - 1
        yield low, max(low, grid.index(int(last.max()))) + 1, whole
