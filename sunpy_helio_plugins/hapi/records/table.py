"""Build tables with units, times and masks from decoded columns."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import numpy as np
from astropy.table import QTable
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.model import Info, Parameter
from sunpy_helio_plugins.hapi.records.buffers import Instants
from sunpy_helio_plugins.hapi.records.decode import Columns
from sunpy_helio_plugins.io import values as json_values
from sunpy_helio_plugins.quantities import times, units
from sunpy_helio_plugins.quantities.fills import is_fill

__all__ = ["X_META", "decoded", "from_records", "missing", "unique_names"]

X_META = "x_sunpy_helio_plugins"
"""The member of headers and parameters with metadata that HAPI does not define, which `hapi.write` writes."""

_MASKED = 1 << 16
"""The number of values that are compared with the fill value at once."""


def _parse_times(stamps: NDArray[np.bytes_] | NDArray[np.str_]) -> Time:
    """Convert time stamps in the forms of HAPI, shape (n,), to the same times as `times.from_iso`."""
    parsed = Instants(len(stamps))
    parsed.add(0, stamps)
    return parsed.finish(len(stamps))


def from_records(info: Info, columns: Columns, context: Mapping[str, str] | None = None) -> QTable:
    """
    Build a table with units, times and masks; the list of columns is emptied, so that their memory can be released.

    Servers may use the same unit string differently: ``context`` contains the names of ``server`` and ``dataset``.
    Elements that are equal to the fill value or NaN are masked. ``info.meta`` of each column contains the description
    of its parameter, ``table.meta["hapi"]`` that of the dataset.
    """
    names = unique_names(info)
    made_of: list[Any] = []
    columns.reverse()
    for name, parameter in zip(names, info.parameters, strict=True):
        values = columns.pop()
        made = _column(name, parameter, values, info, context) if made_of else _instants(values)
        del values
        if isinstance(made, Time):
            made = times.as_column(made, parameter.description, may_be_missing=bool(made_of))
        else:
            made.info.description = parameter.description
        made.info.name = name
        made_of.append(made)
    # All at once: adding a column of one row to a table copies it, and may change its class.
    own, header = _own_meta({key: value for key, value in info.raw.items() if key != "parameters"})
    meta = {**own, "hapi": header}
    table = QTable(made_of, names=names, meta=meta, copy=False)
    # Not before: each view that a table makes of a column copies the metadata of the column.
    for column, parameter in zip(table.itercols(), info.parameters, strict=True):
        column.info.meta = _meta(parameter, column.info.meta)
    return table


def missing(values: np.ndarray, parameter: Parameter) -> np.ndarray | None:
    """Return which elements of a parameter are masked, NaN or equal to the fill value; `None` if none is missing."""
    step = max(1, _MASKED // parameter.width)
    if len(values) <= step:
        return _missing(values, parameter)
    found: np.ndarray | None = None
    for start in range(0, len(values), step):
        part = _missing(values[start : start + step], parameter)
        if part is not None:
            found = _nothing_missing(values) if found is None else found
            found[start : start + step] = part
    return found


def _nothing_missing(values: np.ndarray) -> np.ndarray:
    return np.zeros(values.shape, dtype=bool, order="C" if values.flags.c_contiguous else "F")


def _missing(values: np.ndarray, parameter: Parameter) -> np.ndarray | None:
    plain = np.ma.getdata(values)
    lost = _filled(plain, parameter)
    for other in (
        np.isnan(plain) if plain.dtype.kind == "f" else None,
        np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None,
    ):
        if other is not None and other.any():
            lost = other if lost is None else lost | other
    return lost


def _filled(values: np.ndarray, parameter: Parameter) -> np.ndarray | None:
    """Return which elements are equal to the fill value, which may differ between elements; `None` if none is."""
    fills = parameter.fills
    if fills is None:
        return is_fill(values, parameter.fill)
    flat = values.reshape(len(values), -1)
    found = np.zeros(flat.shape, dtype=bool)
    for index, fill in enumerate(fills):
        mask = is_fill(flat[:, index], fill)
        found[:, index] = False if mask is None else mask
    return found.reshape(values.shape) if found.any() else None


def unique_names(info: Info) -> list[str]:
    """Return the names of the parameters, numbered if repeated (CDAWeb's OMNI_HRO2_1MIN repeats one)."""
    names: dict[str, None] = {}
    for name in info.names:
        number, candidate = 1, name
        while candidate in names:
            number += 1
            candidate = f"{name}_{number}"
        names[candidate] = None
    return list(names)


def decoded(values: np.ndarray) -> np.ndarray:
    """Decode an array of bytes as UTF-8; arrays of other types are returned unchanged."""
    if values.dtype.kind != "S":
        return values
    raw = np.ascontiguousarray(values)
    width = max(1, raw.dtype.itemsize)
    plain = raw.reshape(-1).view(np.uint8)
    if not values.size or (plain > 127).any():
        return np.char.decode(values, "utf-8", "replace") if values.size else values.astype("U1")
    return plain.astype("<u4").view(f"<U{width}").reshape(values.shape)


def _instants(values: Any) -> Any:
    if isinstance(values, Time):
        return values
    try:
        return _parse_times(np.ma.getdata(values).reshape(len(values)))
    except ValueError as error:
        raise FileError(f"A record does not begin with a valid time: {error}") from None


def _column(name: str, parameter: Parameter, values: np.ndarray, info: Info, context: Mapping[str, str] | None) -> Any:
    mask = missing(values, parameter)
    if parameter.type == "isotime":
        return _times(name, values, mask)
    if mask is None and parameter.may_be_missing:
        mask = _nothing_missing(values)
    if parameter.is_text or values.dtype.kind in "SU":
        return units.column(decoded(values), None, name=name, mask=mask)
    unit = parameter.units
    return units.column(
        np.ma.getdata(values),
        unit if isinstance(unit, str) else None,
        name=name,
        description=parameter.description,
        mask=mask,
        schema=info.units_schema,
        context=context,
    )


def _times(name: str, values: np.ndarray, mask: np.ndarray | None) -> Any:
    """Parse times other than the primary time; they are returned as text if one of them is not valid."""
    empty = values == np.array("", dtype=values.dtype)
    mask = empty if mask is None else mask | empty
    if mask.any():
        kept = values[~mask]
        some = kept[0] if len(kept) else np.array("2000-01-01T00:00:00Z").astype(values.dtype.kind)
        values_read = np.where(mask, some, values)
    else:
        values_read = values
    try:
        made = _parse_times(values_read.reshape(-1)).reshape(values.shape)
    except ValueError:
        return units.column(decoded(values), None, name=name, mask=mask)
    if mask.any():
        made[mask] = np.ma.masked
    return made


def _meta(parameter: Parameter, meta: Any) -> dict[str, Any]:
    own, raw = _own_meta(parameter.raw)
    said = {key: value for key, value in raw.items() if key not in ("name", "description", "length", "size")}
    if not parameter.is_text and parameter.units is not None:
        said["unit_string"] = parameter.units
    return deepcopy({**(meta or {}), **said, **own})


def _own_meta(raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metadata that `hapi.write` wrote besides those of HAPI, and the others."""
    rest = {key: value for key, value in raw.items() if key != X_META}
    if X_META not in raw:
        return {}, rest
    try:
        return dict(json_values.decoded(raw[X_META])), rest
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}, dict(raw)
