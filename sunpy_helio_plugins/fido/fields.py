"""
Columns that the tables of all archives share, so that one path template can be used for several archives.

``Fido.fetch(response, path="{provider}/{instrument}/{file}")`` inserts the values of each row; a missing one is
"unknown".
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from astropy.table import Column, MaskedColumn, Table
from astropy.time import Time
from numpy.typing import NDArray
from sunpy.net.base_client import QueryResponseRow

from sunpy_helio_plugins.arguments import Kind, taking, unchecked
from sunpy_helio_plugins.errors import InexactTimeWarning
from sunpy_helio_plugins.quantities import datetimes, silence, times

__all__ = ["COMMON", "common_columns", "field_names", "field_values", "texts", "trim_memory", "uncollected"]

_as_column = unchecked(times.as_column)

COMMON = ("Start Time", "End Time", "Instrument", "Source", "Provider")
"""The names of the shared columns, in their order."""

_NOTHING = ("", "N/A", "None", "blank")
"""Texts that archives use for unknown values."""


def _names(given: Any) -> Any:
    is_column = isinstance(given, str) or (isinstance(given, np.ndarray) and given.dtype.kind in "USO")
    if is_column or (isinstance(given, list | tuple) and all(one is None or isinstance(one, str) for one in given)):
        return given
    raise TypeError


def _rows(given: Any) -> Time:
    if not isinstance(given, Time) or given.isscalar:
        raise TypeError
    return given


_ROWS = Kind("an astropy.time.Time with one time for each row", _rows)
_NAMES = Kind("a name for each row", _names)

Texts: TypeAlias = Sequence[str | None] | NDArray[np.str_] | MaskedColumn


@taking("fido.common_columns", start=_ROWS, end=_ROWS, instrument=_NAMES, source=_NAMES, provider=_NAMES)
def common_columns(start: Any, end: Any, instrument: Texts, source: Texts, provider: Texts | str) -> dict[str, Any]:
    """
    Return the shared columns of a table.

    Parameters
    ----------
    start, end : astropy.time.Time
        Shape (n,): the time of each row. Both may be the same object.
    instrument, source : sequence of str or None, numpy.ndarray or MaskedColumn
        Names for each row. `None` and empty entries of a sequence are masked; arrays are used unchanged.
    provider : str, sequence of str, or numpy.ndarray
        The same, or one name for all rows.

    Returns
    -------
    dict
        The columns, by name.

    Examples
    --------
    >>> from astropy.time import Time
    >>> from sunpy_helio_plugins import fido
    >>> times = Time(["2026-01-10", "2026-01-11"])
    >>> list(fido.common_columns(times, times, ["MAG", None], ["IMAP", "IMAP"], "SDC"))
    ['Start Time', 'End Time', 'Instrument', 'Source', 'Provider']
    """
    everywhere = np.full(len(start), provider) if isinstance(provider, str) else provider
    named = [column if isinstance(column, np.ndarray) else texts(column) for column in (instrument, source, everywhere)]
    end = end.copy() if end is start else end
    instants = (_as_column(one, name) for one, name in zip((start, end), COMMON[:2], strict=True))
    return dict(zip(COMMON, (*instants, *named), strict=True))


def texts(values: Sequence[str | None]) -> MaskedColumn:
    """Return names as a column with a mask, even if no name is missing, so that all tables can be stacked."""
    # Few names differ: check each once.
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    gone = np.array([value is None or str(value).strip() in _NOTHING for value in places], dtype=bool)
    known = np.array(["" if lost else str(value).strip() for value, lost in zip(places, gone, strict=True)], dtype=str)
    index = np.fromiter(map(places.__getitem__, values), dtype=np.intp, count=len(values))
    return MaskedColumn(known[index], mask=gone[index], copy=False)


class _ColumnNames(list[str]):
    """Names of columns with the interface of a row, to which sunpy's rule for the names of fields can be applied."""

    @property
    def colnames(self) -> list[str]:
        return list(self)


def field_names(table: Table) -> dict[str, str]:
    """Return the fields that a path template can use, each with the name of its column, without reading values."""
    fields: dict[str, str] = QueryResponseRow.response_block_map.fget(_ColumnNames(table.colnames))
    return fields


def field_values(column: Any) -> Sequence[Any]:
    """Return the values of a column, converted in one step if the type allows it."""
    if isinstance(column, Time):
        with silence.ignored(InexactTimeWarning):
            stamps = datetimes.to_datetime64(column)
        # datetime has microseconds: round as astropy does.
        rounded = stamps + np.timedelta64(500, "ns") if stamps.dtype == "M8[ns]" else stamps
        return list(rounded.astype("M8[us]").tolist())
    if isinstance(column, Column) and column.ndim == 1 and (column.dtype.kind in "USiu" or column.dtype == float):
        return list(column.tolist())
    values: Sequence[Any] = column
    return values


_pauses: list[bool] = []
"""One entry for each `uncollected` of all threads; the first is whether the garbage collector was on before."""

_lock = Lock()


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Disable the garbage collector while many objects are made: it would traverse all objects of sunpy repeatedly."""
    with _lock:
        _pauses.append(gc.isenabled())
        gc.disable()
    try:
        yield
    finally:
        with _lock:
            was_on = _pauses[0]
            _pauses.pop()
            if was_on and not _pauses:
                gc.enable()


def trim_memory() -> None:
    """Return unused memory to the system: glibc keeps what is freed between objects that are still used."""
    release = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if release is not None:
        release(0)
