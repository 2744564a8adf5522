"""Columns with units, times and masks from CDF variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy import units as u
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.cdf.fills import LEAST_TT2000, fill_mask, may_be_missing
from sunpy_helio_plugins.cdf.metadata import FrozenList
from sunpy_helio_plugins.cdf.variables import Variable
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.quantities import times, units
from sunpy_helio_plugins.quantities.days import WholeDays
from sunpy_helio_plugins.quantities.fills import masked
from sunpy_helio_plugins.quantities.scales import time_in_scale

__all__ = ["as_column", "as_support", "as_time", "is_within"]

_YEAR_0_TO_1970 = 62_167_219_200
"""Seconds between the origin of CDF_EPOCH and 1970, without leap seconds."""

_DAY = 86_400 * 10**9

_J2000 = 2451545.0


def as_time(variable: Variable, scale: str = "utc", *, may_be_missing: bool = False) -> Time:
    """
    Return a time variable as `~astropy.time.Time`, exact to less than a nanosecond, with fill values masked.

    With ``may_be_missing``, the times have a mask even if the file does not contain a fill value.
    """
    raw = variable.values
    # Lo writes its epochs with a second dimension of one.
    raw = raw.reshape(variable.records) if variable.varies and raw.size == variable.records else raw
    missing = _missing(variable, raw)
    if variable.kind == "CDF_TIME_TT2000":
        missing = (raw < LEAST_TT2000) | (False if missing is None else missing)
        read = times.from_tt2000(raw, mask=missing) if scale == "utc" else _terrestrial(raw, missing)
    elif variable.count is not None:
        read = times.from_unix(raw, missing, variable.count.day, variable.count.seconds)
    else:
        read = _from_epoch(raw, False if missing is None else missing)
    # A converted time is in the cache of the other one.
    found = read if read.scale == scale else time_in_scale(read, scale).copy()
    made = times.as_column(found, may_be_missing=may_be_missing)
    made.info.name = variable.name
    _describe(made, variable, {})
    return times.as_column(made, _description(variable.attributes))


def is_within(variable: Variable, start: Time, end: Time) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """
    Return which records of a time variable are in a range of UTC, whose end is not included, and which have no time.

    Both have the shape (n,).
    """
    if variable.kind == "CDF_TIME_TT2000":
        first, before = (_tt2000(one) for one in (start, end))
        raw = variable.values
        found = (raw >= max(first, LEAST_TT2000)) & (raw < before)
        missing = _missing(variable, raw)
        missing = (raw < LEAST_TT2000) | (False if missing is None else missing)
    else:
        time = as_time(variable)
        found = ((time.jd1 - start.jd1) + (time.jd2 - start.jd2) >= 0) & (
            (time.jd1 - end.jd1) + (time.jd2 - end.jd2) < 0
        )
        missing = np.asarray(time.mask)
    missing = np.broadcast_to(missing, found.shape)
    found, missing = (np.asarray(one).reshape(len(one), -1) for one in (found & ~missing, missing))
    return np.asarray(found.any(axis=1)), np.asarray(missing.all(axis=1))


def _tt2000(time: Time) -> int:
    """Return a time in the nanoseconds of CDF_TIME_TT2000, within the range of its type."""
    tt = time_in_scale(time, "tt")
    nanoseconds = round((float(tt.jd1) - _J2000) * 86400) * 10**9 + round(float(tt.jd2) * _DAY)
    return min(max(nanoseconds, LEAST_TT2000), int(np.iinfo(np.int64).max))


def _terrestrial(raw: NDArray[np.int64], missing: NDArray[np.bool_]) -> Time:
    """Convert TT2000 to days and fractions; terrestrial time does not have leap seconds."""
    any_missing = bool(missing.any())
    epochs = np.where(missing, 0, raw) if any_missing else raw
    # Round to the nearest day, which needs a product instead of a division; the remainder is exact in both cases.
    days = np.rint(epochs * (1 / _DAY))
    rest = epochs - days.astype(np.int64) * _DAY
    parts = np.asarray(_J2000 + days), np.asarray(rest * (1 / _DAY))
    made = Time(*parts, format=WholeDays.name, scale="tt", copy=False)
    made.format = "isot"
    if any_missing:
        made[missing] = np.ma.masked
    return made


def _from_epoch(raw: NDArray[Any], missing: Any) -> Time:
    """Convert CDF_EPOCH (milliseconds since year 0) or CDF_EPOCH16 (seconds and picoseconds)."""
    is_fine = raw.dtype.kind == "c"
    after_1970 = (raw.real if is_fine else raw / 1000) - _YEAR_0_TO_1970
    # Pad values are centuries away from any measurement; the fill value is the last instant of the year 9999.
    missing = missing | ~(np.abs(after_1970) < 9e9)
    return (times.from_cdf_epoch16 if is_fine else times.from_cdf_epoch)(raw, missing)


def _missing(variable: Variable, values: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which values are fill or were never written."""
    mask = fill_mask(values, variable.attributes) if values.dtype.kind in "fiuU" else None
    if variable.missing is None:
        return mask
    absent = variable.missing.reshape(-1, *[1] * (values.ndim - 1)) if variable.varies else variable.missing.all()
    unwritten = np.array(np.broadcast_to(absent, values.shape))
    return unwritten if mask is None else unwritten | mask


def as_column(variable: Variable, others: Mapping[str, Variable]) -> Any:
    """
    Return a variable as a table column, with all dimensions, integers as integers, and fill values masked.

    ``info.meta`` contains the attributes, ``"unit_string"``, ``"axes"`` (the names in DEPEND_1 and on) and ``"labels"``
    (a list for each labelled axis), which are found among the ``others``.
    """
    values, unit_text = variable.values, _unit_text(variable, others)
    mask = _missing(variable, values)
    if mask is not None and values.dtype.kind == "f":
        values = values.copy()
    elif mask is None and (variable.is_sparse or may_be_missing(values, variable.attributes)):
        mask = np.zeros(values.shape, dtype=bool)
    about = _context(variable)
    unit = units.parse(unit_text, context=about)
    if values.dtype.kind in "iu" and unit is not None and unit != u.dimensionless_unscaled:
        # A counter of nanoseconds does not fit into a float.
        made: Any = u.Quantity(values, unit, dtype=values.dtype, copy=False)
        made = made if mask is None else masked(made, mask)
        made.info.name = variable.name
    else:
        made = units.column(
            values, unit_text, name=variable.name, description=_description(variable.attributes), mask=mask,
            context=about,
        )  # fmt: skip
    _describe(made, variable, others)
    return made


def as_support(variable: Variable, others: Mapping[str, Variable], scale: str = "utc") -> dict[str, Any]:
    """
    Return a variable that is not a column as a dict for the table's ``meta``, which can also be written to files.

    It contains ``"values"`` (a Quantity if the unit is recognized, else an array), ``"mask"`` if values are fill, and
    the ``info.meta`` of `as_column`.
    """
    if variable.is_instant:
        return {"values": as_time(variable, scale), **variable.attributes}
    column = as_column(variable, others)
    meta, mask = column.info.meta, getattr(column, "mask", None)
    bare = getattr(column, "unmasked", column)
    values = bare if isinstance(bare, u.Quantity) else np.ma.getdata(bare).view(np.ndarray)
    return {"values": values, **({} if mask is None or not np.any(mask) else {"mask": np.asarray(mask)}), **meta}


def _describe(made: Any, variable: Variable, others: Mapping[str, Variable]) -> None:
    """Set the description of a column, and its other attributes in ``info.meta``."""
    attributes = variable.attributes
    described = _description(attributes)
    if described:
        made.info.description = described
    words = {key: value for key, value in (made.info.meta or {}).items() if key == "unit_words"}
    labels = _labels(variable, others)
    meta = {**_label(variable, labels), **attributes, **words, "axes": _axes(variable), "labels": labels}
    text = _unit_text(variable, others)
    if text is not None:
        meta["unit_string"] = text
    made.info.meta = {key: value for key, value in meta.items() if value != {} and value != ()}


def _label(variable: Variable, labels: Mapping[str, FrozenList]) -> dict[str, Any]:
    """Return the label of a column for plots: one text for a scalar, or a list for the components of a vector."""
    said = variable.attributes.get("LABLAXIS")
    names = labels.get("1")
    if names is not None and variable.shape == (len(names),):
        return {"label": names}
    return {"label": said.strip()} if isinstance(said, str) and said.strip() else {}


def _unit_text(variable: Variable, others: Mapping[str, Variable]) -> str | None:
    """Return the unit as written in UNITS, or else in the variable of UNIT_PTR if that contains a single unit."""
    said = variable.attributes.get("UNITS")
    if isinstance(said, str):
        return said
    texts = _texts(others.get(variable.named("UNIT_PTR") or ""))
    return texts[0] if len(set(texts)) == 1 else None


def _texts(variable: Variable | None) -> list[str]:
    """Return the texts of a variable that does not vary; an empty list if it is missing or cannot be read."""
    if variable is None or variable.varies:
        return []
    try:
        return [] if variable.missing is not None else [str(text).strip() for text in np.ravel(variable.values)]
    except FileError:
        return []


def _context(variable: Variable) -> dict[str, Any]:
    """Return the name and description of a variable, which help to parse its unit."""
    said = [variable.attributes.get(key) for key in ("CATDESC", "FIELDNAM", "LABLAXIS")]
    texts = dict.fromkeys(text.strip() for text in said if isinstance(text, str))
    return {"name": variable.name, "description": "; ".join(filter(None, texts))}


def _description(attributes: Mapping[str, Any]) -> str | None:
    said = (attributes.get(key) for key in ("CATDESC", "FIELDNAM", "LABLAXIS"))
    return next((text.strip() for text in said if isinstance(text, str) and text.strip()), None)


def _axes(variable: Variable) -> FrozenList:
    """Return the variables along the axes after the first; an empty name for an axis without a variable."""
    numbers = [int(key[7:]) for key in variable.attributes if re.fullmatch(r"DEPEND_[1-9]", key)]
    first = variable.first_axis
    return FrozenList(variable.named(f"DEPEND_{number}") or "" for number in range(first, max(numbers, default=0) + 1))


def _labels(variable: Variable, others: Mapping[str, Variable]) -> dict[str, FrozenList]:
    """Return the labels of each axis, by the number of the axis."""
    found = {}
    for axis in range(len(variable.shape)):
        number = axis + variable.first_axis
        pointed, along = (others.get(variable.named(f"{key}_{number}") or "") for key in ("LABL_PTR", "DEPEND"))
        # Some files use the labels themselves as the axis.
        texts = _texts(pointed) or (_texts(along) if along is not None and not along.is_number else [])
        if texts:
            found[str(axis + 1)] = FrozenList(texts)
    return found
