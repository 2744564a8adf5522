"""What differs between two search results: rows that were added or removed, and values that changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.table import Table
from astropy.time import Time
from numpy.typing import NDArray

__all__ = ["Comparison", "compared"]

_LISTED = 5
_NANOSECONDS = 86_400e9


@dataclass(frozen=True, eq=False)
class Comparison:
    """
    What differs between two tables of one search.

    Attributes
    ----------
    added : HelioTable
        Rows of the newer table that the older one has not.
    removed : HelioTable
        Rows of the older table that the newer one has not.
    changed : HelioTable
        Rows of the newer table that the older one has with other values.
    before : HelioTable
        The same rows of the older table, in the same order.
    columns : tuple of tuple of str
        For each of them, the columns whose values differ.
    only : tuple of str
        Columns that one of the two tables has alone; they are not compared.

    Notes
    -----
    It is true where anything differs.
    """

    added: Any
    removed: Any
    changed: Any
    before: Any
    columns: tuple[tuple[str, ...], ...]
    only: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(len(self.added) or len(self.removed) or len(self.changed) or self.only)

    def __str__(self) -> str:
        counts = Counter(name for names in self.columns for name in names)
        listed = ", ".join(name for name, _ in counts.most_common(_LISTED))
        changed = f"{len(self.changed)} changed" + (f" (in {listed})" if listed else "")
        only = f"; in one table only: {', '.join(self.only)}" if self.only else ""
        return f"{len(self.added)} rows added, {len(self.removed)} removed, {changed}{only}"

    def __repr__(self) -> str:
        return f"<Comparison: {self}>"


def compared(old: Table, new: Table, identity: Sequence[str]) -> Comparison:
    """
    Compare two tables.

    Parameters
    ----------
    old, new : HelioTable
        The tables, in any order of rows.
    identity : sequence of str
        The columns that say which row is which. Rows that agree in them are paired in their order; where a table lacks
        one of these columns, rows are the same only if all values are.
    """
    shared = [name for name in old.colnames if name in new.colnames]
    keys = [name for name in identity if name in shared]
    keys = keys if keys and len(keys) == len(identity) else shared
    there = {key: row for row, key in enumerate(_keys(old, keys))}
    here = {key: row for row, key in enumerate(_keys(new, keys))}
    both = [key for key in here if key in there]
    before = np.array([there[key] for key in both], dtype=int)
    after = np.array([here[key] for key in both], dtype=int)
    differing = {name: _differs(old[name], new[name], before, after) for name in shared}
    rows = np.flatnonzero(np.any(list(differing.values()), axis=0)) if both and shared else np.zeros(0, dtype=int)
    return Comparison(
        new[np.array([row for key, row in here.items() if key not in there], dtype=int)],
        old[np.array([row for key, row in there.items() if key not in here], dtype=int)],
        new[after[rows]],
        old[before[rows]],
        tuple(tuple(name for name in shared if differing[name][row]) for row in rows),
        tuple(name for name in (*old.colnames, *new.colnames) if name not in shared),
    )


def _keys(table: Table, names: Sequence[str]) -> list[Hashable]:
    """Return what identifies each row; the first, second, ... of those that are alike."""
    seen: Counter[Hashable] = Counter()
    found: list[Hashable] = []
    columns = [_hashable(table[name]) for name in names]
    for key in zip(*columns, strict=True) if columns else ():
        seen[key] += 1
        found.append((key, seen[key]))
    return found


def _hashable(column: Any) -> list[Hashable]:
    mask = _mask(column)
    if isinstance(column, Time):
        days = [np.asarray(getattr(part, "unmasked", part)) for part in (column.jd1, column.jd2)]
        cells: list[Any] = list(zip(days[0].tolist(), days[1].tolist(), strict=True))
    else:
        cells = [cell if isinstance(cell, str | int | float | bool) else repr(cell) for cell in column]
    return [None if missing else cell for cell, missing in zip(cells, mask, strict=True)]


def _mask(column: Any) -> NDArray[np.bool_]:
    mask = np.asarray(getattr(column, "mask", False), dtype=bool)
    if mask.ndim > 1:
        return np.asarray(mask.reshape(len(column), -1).all(axis=1))
    return np.broadcast_to(mask, (len(column),))


def _differs(old: Any, new: Any, before: NDArray[np.int_], after: NDArray[np.int_]) -> NDArray[np.bool_]:
    """Tell for each pair of rows whether their values differ."""
    one, other = old[before], new[after]
    gone, lost = _mask(one), _mask(other)
    try:
        same = _same(one, other)
    except (TypeError, ValueError):
        same = np.array([repr(a) == repr(b) for a, b in zip(one, other, strict=True)], dtype=bool)
    return np.asarray(np.where(gone | lost, gone != lost, ~same), dtype=bool)


def _same(one: Any, other: Any) -> NDArray[np.bool_]:
    if isinstance(one, Time) and isinstance(other, Time):
        other = other if other.scale == one.scale else getattr(other, one.scale)
        days = (_bare(one.jd1) - _bare(other.jd1)) + (_bare(one.jd2) - _bare(other.jd2))
        return _all(np.abs(np.asarray(days)) * _NANOSECONDS < 0.5)
    if hasattr(one, "unit") and hasattr(one, "to_value"):
        one, other = _bare(one).value, _bare(other).to_value(one.unit)
    a, b = (np.ma.getdata(np.asarray(_bare(side))) if not _is_whole(side) else side for side in (one, other))
    same = np.asarray(a == b, dtype=bool)
    if getattr(a, "dtype", None) is not None and a.dtype.kind == "f" and b.dtype.kind == "f":
        same = same | (np.isnan(a) & np.isnan(b))
    return _all(same)


def _is_whole(side: Any) -> bool:
    """Tell whether a column is of a class of ours, which compares its rows itself."""
    return not hasattr(side, "__array__") and hasattr(side, "info")


def _bare(values: Any) -> Any:
    return getattr(values, "unmasked", values)


def _all(same: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(same.reshape(len(same), -1).all(axis=1)) if same.ndim > 1 else same
