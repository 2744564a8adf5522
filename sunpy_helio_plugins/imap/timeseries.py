"""
Files of IMAP as `~sunpy.timeseries.TimeSeries`.

Imported when `sunpy.timeseries` is, which is too heavy for everyone. sunpy itself reads any CDF file; where one has no
time variable in DEPEND_0 it gives nothing, and what has more than two dimensions is left out. With ``source="imap"`` a
file is read by `sunpy_helio_plugins.imap.read` instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import Table
from astropy.time import Time
from sunpy.timeseries import GenericTimeSeries
from sunpy.util import MetaDict

from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.imap.cdf import read
from sunpy_helio_plugins.quantities.masks import for_frame
from sunpy_helio_plugins.quantities.times import datetime64_from_iso, datetime64_from_tt2000

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST_COLUMNS", "IMAPTimeSeries", "to_timeseries"]

MOST_COLUMNS = 32
"""Columns that one variable may become unless more are asked for: a spectrogram is no time series."""

_DAY = 86_400 * 10**9


class IMAPTimeSeries(GenericTimeSeries):
    """
    A time series of IMAP, read from a CDF file: ``TimeSeries(path, source="imap")``.

    Of several time variables the one counts that `~sunpy_helio_plugins.imap.read` takes; ``meta["epochs"]`` names them
    all, and `to_timeseries` makes a series of each. A vector becomes a column for each component, called by its label
    where that is short: ``b_gse_x``. Missing values are NaN, in whole numbers as well, which thereby become floats.
    Variables with more than 32 elements in a record are left out and named in ``meta["left_out"]``; `to_timeseries`
    gives them.
    """

    _source = "imap"

    @classmethod
    def is_datasource_for(cls, **kwargs: Any) -> bool:
        """Tell whether the user asked for this source."""
        return str(kwargs.get("source", "")).lower() == cls._source

    @classmethod
    def _parse_file(cls, filepath: Any) -> tuple[pd.DataFrame, MetaDict, dict[str, u.UnitBase]]:
        table = read(filepath)
        epoch = table.meta["epoch"]
        if epoch is None or not len(table) or np.all(table[epoch].mask):
            raise FileError(
                f"{filepath}: the file holds no records with times, and there is no TimeSeries without any."
            )
        return _parts(table, None, MOST_COLUMNS)


def to_timeseries(table: Table, columns: str | Sequence[str] | None = None, most: int = MOST_COLUMNS) -> IMAPTimeSeries:
    """
    Return a table as a time series.

    Parameters
    ----------
    table : astropy.table.Table
        As from `sunpy_helio_plugins.imap.read` or `sunpy_helio_plugins.imap.realtime`.
    columns : str or sequence of str, optional
        The columns to take, each with all its elements. Defaults to all that have not too many.
    most : int, optional
        How many columns one variable may become where ``columns`` is not given.

    Returns
    -------
    IMAPTimeSeries
        Indexed by UTC, in its order.

    Raises
    ------
    QueryError
        The table has no times, or no such column.
    """
    wanted = [columns] if isinstance(columns, str) else columns
    missing = [name for name in wanted or () if name not in table.colnames]
    if missing:
        raise QueryError(f"The table has no column {', '.join(missing)}; it has: {', '.join(table.colnames)}.")
    return IMAPTimeSeries(*_parts(table, wanted, most))


def _parts(
    table: Table, wanted: Sequence[str] | None, most: int
) -> tuple[pd.DataFrame, MetaDict, dict[str, u.UnitBase]]:
    import pandas as pd

    times = next((name for name in table.colnames if isinstance(table[name], Time) and table[name].ndim == 1), None)
    if times is None:
        raise QueryError("The table has no column of single times, and there is no TimeSeries without one.")
    series: dict[str, Any] = {}
    unit: dict[str, u.UnitBase] = {}
    left_out = []
    for name in wanted or table.colnames:
        column = table[name]
        if isinstance(column, Time):
            continue
        if wanted is None and int(np.prod(column.shape[1:], dtype=int)) > most:
            left_out.append(name)
            continue
        for label, values in _split(name, column).items():
            series[label] = values
            unit[label] = getattr(column, "unit", None) or u.dimensionless_unscaled
    if left_out and not series:
        raise QueryError(
            f"Every variable has more than {most} elements in a record ({', '.join(left_out[:9])}): name the "
            "wanted ones, as in imap.to_timeseries(imap.read(path), columns)."
        )
    index, known = _index(table[times], times)
    frame = pd.DataFrame({name: values[known] for name, values in series.items()}, index=index)
    if not index.is_monotonic_increasing:  # without order a time series cannot be cut
        frame = frame.sort_index(kind="stable")
    meta = {key: value for key, value in table.meta.items() if isinstance(value, str | int | float)}
    epochs = ", ".join(table.meta.get("epochs") or ())
    return frame, MetaDict({**meta, "epochs": epochs, "left_out": ", ".join(left_out)}), unit


def _index(time: Time, name: str) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Return the index, and which rows have a time at all."""
    import pandas as pd

    missing = np.broadcast_to(np.asarray(getattr(time, "mask", False), dtype=bool), time.shape)
    known = time[~missing]
    if known.scale == "tt":
        days = np.rint(known.jd1 - 2451545.0)
        rest = (known.jd1 - 2451545.0 - days) + known.jd2
        epochs = days.astype(np.int64) * _DAY + np.rint(rest * _DAY).astype(np.int64)
        stamps = datetime64_from_tt2000(epochs)
    else:
        stamps = datetime64_from_iso(np.char.encode(known.utc.to_value("isot", subfmt="date_hms"), "ascii"))
    return pd.DatetimeIndex(stamps, name=name), ~missing


def _split(name: str, column: Any) -> dict[str, Any]:
    """Return a column as arrays of one dimension."""
    mask = getattr(column, "mask", None)
    bare = getattr(column, "unmasked", column)
    values = np.ma.getdata(np.asarray(getattr(bare, "value", bare)))
    if values.ndim == 1:
        return {name: _frame_column(values, mask)}
    flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
    lost = None if mask is None else np.asarray(mask).reshape(flat.shape)
    return {
        f"{name}_{label}": _frame_column(flat[:, number], None if lost is None else lost[:, number])
        for number, label in enumerate(_labels(column, values.shape[1:]))
    }


def _frame_column(values: np.ndarray, mask: Any) -> Any:
    """Return numbers as floats where some can be missing."""
    if values.dtype.kind in "SU":
        return values.astype(object)
    return values if mask is None or values.dtype.kind not in "fiu" else for_frame(values, np.asarray(mask))


def _labels(column: Any, shape: tuple[int, ...]) -> list[str]:
    """Return what tells the elements apart: x, y, z out of "Bx", "By", "Bz" or "B_x (GSE)", else numbers."""
    said = ((column.info.meta or {}).get("labels") or {}).get("1", ())
    found = [re.fullmatch(r"[A-Za-z]*[ _]?([xyzrtn])(?:[ _(].*)?", str(label).strip(), re.IGNORECASE) for label in said]
    if len(shape) == 1 and len(found) == shape[0] and all(found):
        letters = [one[1].lower() for one in found if one]
        if len(set(letters)) == len(letters):
            return letters
    return ["_".join(map(str, place)) for place in np.ndindex(shape)]
