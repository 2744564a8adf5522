"""Data frames of pandas: each component of a column is one column, and the times are the index."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities.fills import for_frame
from sunpy_helio_plugins.series.axes import component_names
from sunpy_helio_plugins.series.columns import PlainColumn, column_of_arrays, with_unit
from sunpy_helio_plugins.series.records import KEY, Arrays, Records, flat_names, restored, timed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["frame_of", "table_of_frame", "table_of_series", "units_of"]


def frame_of(records: Records, *, is_zoned: bool = True, nullable: bool = True) -> pd.DataFrame:
    """
    Return records as a data frame, whose ``attrs`` describe the units and the original table.

    With ``is_zoned``, times have the time zone UTC; with ``nullable``, integers with a mask have pandas' nullable type.
    """
    import pandas as pd

    series: dict[str, Any] = {}
    names = _names(records)
    for one in records.fields:
        columns = _split(one)
        for name, (data, mask) in zip(names[one.name], columns, strict=True):
            series[name] = _column(one, data, mask, nullable=nullable, is_zoned=is_zoned)
    index = pd.DatetimeIndex(records.time.values, name=records.time.name)
    frame = pd.DataFrame(series, index=index.tz_localize("UTC") if is_zoned else index)
    flat = [{**spec, "flat": names.get(spec["name"], [])} for spec in records.said["columns"]]
    frame.attrs = {
        "units": {name: one.unit.to_string() for one in records.fields if one.unit is not None
                  for name in names[one.name]},
        "descriptions": {name: one.title for one in records.fields for name in names[one.name]},
        KEY: json.dumps({**records.said, "columns": flat}),
    }  # fmt: skip
    return frame


def _names(records: Records) -> dict[str, list[str]]:
    """Return the names of the columns of a data frame, by the name of the column of the table."""
    given = [(one.name, component_names(one.column) if one.values.ndim > 1 else None) for one in records.fields]
    return dict(zip([name for name, _ in given], flat_names(given), strict=True))


def units_of(records: Records) -> dict[str, Any]:
    """Return the unit of each column of a data frame, `None` if it is not known."""
    return {name: one.unit for one in records.fields for name in _names(records)[one.name]}


def _split(one: PlainColumn) -> Iterator[Arrays]:
    width = int(np.prod(one.values.shape[1:], dtype=int))
    flat = one.values.reshape(len(one.values), width)
    lost = None if one.mask is None else one.mask.reshape(flat.shape)
    for index in range(width):
        yield flat[:, index], None if lost is None else lost[:, index]


def _column(one: PlainColumn, data: NDArray[Any], mask: Any, *, nullable: bool, is_zoned: bool) -> Any:
    import pandas as pd

    if one.kind == "time":
        stamps = pd.DatetimeIndex(data)
        return stamps.tz_localize("UTC") if is_zoned else stamps
    if one.kind == "text":
        cells = np.array(data, dtype=object)
        if mask is not None:
            cells[mask] = None
        return cells
    if one.kind == "duration" or mask is None or data.dtype.kind in "fc":
        return np.array(data)
    if not nullable and data.dtype.kind in "iu":
        return for_frame(data, mask) if mask.any() else np.array(data)
    kind = pd.arrays.BooleanArray if data.dtype.kind == "b" else pd.arrays.IntegerArray
    return kind(np.array(data), np.array(mask))


def _arrays(column: Any) -> Arrays:
    """Return a column of pandas as an array and its missing elements."""
    kind = column.dtype
    if getattr(kind, "tz", None) is not None:
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        kind = column.dtype
    mask = column.isna().to_numpy()
    if kind.name in ("category", "string", "str") or getattr(kind, "kind", "") == "O":
        cells = column.astype(object).to_numpy(copy=True)
        cells[mask] = None
        return cells, mask
    numpy_type = getattr(kind, "numpy_dtype", None)
    if numpy_type is not None and numpy_type.kind in "biuf":
        return column.to_numpy(dtype=numpy_type, na_value=numpy_type.type(0)), mask
    return column.to_numpy(), mask


def table_of_frame(function: str, frame: Any) -> QTable:
    """Return the table of a data frame, or raise a `QueryError` if it does not have times."""
    import pandas as pd

    if isinstance(frame.index, pd.MultiIndex) or frame.columns.has_duplicates:
        raise QueryError(f"{function} takes a DataFrame with one index and unique names of columns.")
    columns = {str(name): frame[name] for name in frame.columns}
    index = frame.index.to_series() if isinstance(frame.index, pd.DatetimeIndex) else None
    said = frame.attrs.get("units")
    units = said if isinstance(said, Mapping) else {}
    description = frame.attrs.get(KEY)
    if not isinstance(description, str):
        first = {} if index is None else {str(frame.index.name or "time"): _added("time", index, None)}
        return timed(
            function, first | {name: _added(name, one, units.get(name)) for name, one in columns.items()}, frame
        )
    used: set[str] = set()

    def find(spec: Mapping[str, Any]) -> tuple[Mapping[str, Any], Arrays] | None:
        if spec.get("is_time") and index is not None:
            return spec, _arrays(index)
        names = [spec["name"]] if spec.get("is_time") else spec["flat"]
        given = {str(units[name]) for name in names if name in units}
        if not set(names) <= set(columns) or len(given) > 1:
            return None
        used.update(names)
        if given and given != {spec.get("unit", str(u.dimensionless_unscaled))}:
            spec = with_unit(spec, units[names[0]])
        return spec, _stacked([_arrays(columns[name]) for name in names], len(frame), spec)

    added = ((name, _added(name, columns[name], units.get(name))) for name in columns if name not in used)
    return restored(description, find, added)


def _added(name: str, column: Any, unit: Any) -> Any:
    return column_of_arrays(name, *_arrays(column), unit)


def _stacked(parts: Sequence[Arrays], rows: int, spec: Mapping[str, Any]) -> Arrays:
    """Return the components of a column as one array, with its missing elements."""
    shape = (rows, *spec["shape"])
    if not spec["shape"]:
        return _checked(spec, *parts[0])
    if not parts and 0 not in spec["shape"]:
        raise ValueError(f"the components of {spec['name']!r} are missing")
    if not parts:
        dtype = spec.get("dtype", "M8[ns]" if spec["kind"] == "time" else "m8[ns]")
        return np.zeros(shape, dtype), np.zeros(shape, dtype=bool)
    data = np.stack([values for values, _ in parts], axis=1).reshape(shape)
    mask = np.stack([np.zeros(rows, dtype=bool) if lost is None else lost for _, lost in parts], axis=1).reshape(shape)
    return _checked(spec, data, mask)


def _checked(spec: Mapping[str, Any], data: NDArray[Any], mask: NDArray[np.bool_] | None) -> Arrays:
    """Return values of the kind of a column; the missing ones of text are empty."""
    if spec["kind"] == "text":
        lost = np.zeros(data.shape, dtype=bool) if mask is None else mask
        return np.where(lost, "", data).astype(str), lost
    return data, mask


def table_of_series(function: str, series: Any) -> QTable:
    """Return the table of a time series of sunpy."""
    frame = series.to_dataframe().copy(deep=False)
    parts = [dict(part[2]) for part in series.meta.metadata]
    descriptions = [meta.pop(KEY) for meta in parts if KEY in meta]
    frame.attrs = {KEY: descriptions[0]} if len(descriptions) == 1 == len(parts) else {}
    frame.attrs["units"] = dict(series.units)
    table = table_of_frame(function, frame)
    if KEY not in frame.attrs:
        table.meta = parts[0] if len(parts) == 1 else {"parts": parts}
    return table
