"""Tables of searches and of headers as plain records: columns of times, numbers and text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.arguments import close_names
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.series.export import to_timeseries
from sunpy_helio_plugins.series.records import time_name

if TYPE_CHECKING:
    from sunpy.timeseries import GenericTimeSeries

__all__ = ["number_series", "plain_records"]

_MOST_NAMES = 12
"""The columns that are named in a message."""

_OBSERVERS = {"telescop": ("Source", "TELESCOP"), "instrume": ("Instrument", "INSTRUME")}
"""The columns of searches and of headers that name the spacecraft and the instrument."""


def plain_records(table: QTable) -> QTable:
    """Return the columns of times, numbers and text; ``meta["left_out"]`` contains the names of the others."""
    kept = [name for name in table.colnames if _is_plain(table[name])]
    # The metadata of a search describe rows that can be downloaded.
    meta = {"left_out": ", ".join(name for name in table.colnames if name not in kept)}
    return QTable([table[name] for name in kept], names=kept, meta=meta, copy=False)


def number_series(function: str, table: QTable, columns: str | Sequence[str] | None = None) -> GenericTimeSeries:
    """Return columns of numbers as a time series; by default those that contain any value."""
    time = time_name(function, table)
    numbers = {name: table[name] for name in table.colnames if name != time and _is_numeric(table[name])}
    able = [name for name, column in numbers.items() if not np.all(getattr(column, "mask", False))]
    wanted = able if columns is None else [columns] if isinstance(columns, str) else list(columns)
    bad = [name for name in wanted if name not in numbers]
    if bad or not wanted:
        raise QueryError(
            f"{function} takes the names of columns of numbers, not {', '.join(map(repr, bad)) or 'none'}; those with "
            f"values are {_some(able)}.{''.join(close_names(name, able) for name in bad[:1])}"
        )
    series = QTable([table[time], *(numbers[name] for name in wanted)], names=[time, *wanted], copy=False)
    told = {key: _only(table, names) for key, names in _OBSERVERS.items()}
    series.meta |= {key: name for key, name in told.items() if name}
    return to_timeseries(series)


def _only(table: QTable, names: Sequence[str]) -> str:
    """Return the text that the first of these columns has in all rows; empty if there are none or several."""
    columns = [table[name] for name in names if name in table.colnames]
    if not columns or columns[0].dtype.kind not in "US":
        return ""
    values = set(np.ma.filled(columns[0], "").tolist())
    return str(values.pop()) if len(values) == 1 else ""


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} others" if len(names) > _MOST_NAMES else ""
    return (", ".join(names[:_MOST_NAMES]) or "none") + more


def _is_plain(column: Any) -> bool:
    if isinstance(column, Time):
        return True
    return getattr(getattr(column, "dtype", None), "kind", "O") in "biufUS" and not hasattr(column, "frame")


def _is_numeric(column: Any) -> bool:
    return not isinstance(column, Time) and _is_plain(column) and column.dtype.kind in "fiu" and column.ndim == 1
