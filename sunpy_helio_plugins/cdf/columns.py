"""Columns with units, times and masks from CDF variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from astropy import units as u
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.cdf.metadata import FrozenList
from sunpy_helio_plugins.cdf.variables import Variable
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.quantities import fills, times, units
from sunpy_helio_plugins.quantities.days import WholeDays
from sunpy_helio_plugins.quantities.fills import masked
from sunpy_helio_plugins.quantities.scales import time_in_scale

__all__ = ["as_column", "as_support", "as_time", "fill_mask", "may_be_missing"]

_FLOAT_FILL = -1e31
"""The fill value of floats in the ISTP guidelines."""

_LIMITS = tuple((float(np.iinfo(kind).min), float(np.iinfo(kind).max)) for kind in ("i4", "i8", "u4", "u8"))
"""The ranges of integer types. Some missions (IMAP) also use them as limits of floats; they are then not values."""


def fill_mask(values: NDArray[Any], attributes: Mapping[str, Any]) -> NDArray[np.bool_] | None:
    """
    Return where values are fill, or `None` if no value is; the first axis is the record.

    FILLVAL, VALIDMIN and VALIDMAX are one number, or one for each component; other forms are ignored. A fill value
    inside the valid range is a value: some fill values of IMAP were truncated to the type and became equal to valid
    data. If the valid range is that of the type, it gives no information, and the type's default fill value is used.
    Floats that are NaN or -1e31 are always missing: IMAP's writer stores NaN as -1e31 even if FILLVAL is another number
    (imap_processing 1.0.40). Texts are missing if they are equal to FILLVAL, without the blanks at their ends.
    """
    if values.dtype.kind == "U":
        fill = attributes.get("FILLVAL")
        return fills.is_fill(np.char.rstrip(values), fill.rstrip()) if isinstance(fill, str) else None
    found = _unwritten(values)
    for one, here in _declared(values, attributes):
        mask = fills.is_fill(values, one)
        found = _either(found, mask if mask is None else mask & here)
    return found


def may_be_missing(values: NDArray[Any], attributes: Mapping[str, Any]) -> bool:
    """Return whether values of a variable can be missing, independent of the values in this file."""
    if values.dtype.kind == "U":
        return isinstance(attributes.get("FILLVAL"), str)
    if values.dtype.kind not in "iu":
        return values.dtype.kind == "f"
    limits = np.iinfo(values.dtype)
    return any(limits.min <= one <= limits.max for one, _ in _declared(values, attributes))


def _declared(values: NDArray[Any], attributes: Mapping[str, Any]) -> Iterator[tuple[Any, NDArray[np.bool_]]]:
    """Yield the fill values of the attributes that are not also valid values, and the components that have them."""
    fill, low, high = (_number(attributes.get(key), values) for key in ("FILLVAL", "VALIDMIN", "VALIDMAX"))
    if fill is None:
        return
    for one in np.unique(fill):
        here = fill == one if one == one else np.isnan(fill)
        if not _is_value(one, here, low, high, values.dtype):
            yield one.item(), here


def _unwritten(values: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which floats are NaN, or -1e31; some writers store NaN as -1e31 whatever FILLVAL is."""
    if values.dtype.kind != "f":
        return None
    return _either(fills.is_fill(values, np.nan), fills.is_fill(values, _FLOAT_FILL))


def _either(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    return other if one is None else one if other is None else one | other


def _number(value: Any, values: NDArray[Any]) -> NDArray[Any] | None:
    """Return a numeric attribute, with one value or one for each component, or `None` if it is neither."""
    found = np.asarray(list(value) if isinstance(value, tuple | list) or hasattr(value, "__len__") else value)
    if isinstance(value, str) or found.dtype.kind not in "fiu" or not found.size:
        return None
    if found.size == 1 or (found == found.flat[0]).all():
        return found.ravel()[:1].reshape(())
    within = values.shape[1:]
    return found if within and found.shape == within[-found.ndim :] else None


def _is_value(fill: Any, here: Any, low: Any, high: Any, dtype: np.dtype[Any]) -> bool:
    """Return whether a fill value is also a valid value, because it is inside the valid range of its components."""
    if low is None or high is None:
        return False
    inside = (low <= fill) & (fill <= high)
    if not np.all(inside | ~np.asarray(here)):
        return False
    if dtype.kind == "f" and any(fill in limits and _spans(low, high, limits) for limits in _LIMITS):
        return False
    return not (_is_whole(dtype, low, high) and fill == _usual_fill(dtype))


def _spans(low: Any, high: Any, limits: tuple[float, float]) -> bool:
    return bool(np.all(low <= limits[0]) and np.all(high >= limits[1]))


def _is_whole(dtype: np.dtype[Any], low: Any, high: Any) -> bool:
    """Return whether a valid range covers the complete range of the type."""
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return _spans(low, high, (limits.min, limits.max))


def _usual_fill(dtype: np.dtype[Any]) -> float:
    """Return the default fill value of a type in the ISTP guidelines."""
    if dtype.kind == "f":
        return float(dtype.type(_FLOAT_FILL))
    return int(np.iinfo(dtype).max if dtype.kind == "u" else np.iinfo(dtype).min)


_YEAR_0_TO_1970 = 62_167_219_200
"""Seconds between the origin of CDF_EPOCH and 1970, without leap seconds."""

_LEAST = np.iinfo(np.int64).min

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
        # The two smallest integers are the fill and pad values of the type, independent of the attributes.
        missing = (raw <= _LEAST + 1) | (False if missing is None else missing)
        read = times.from_tt2000(raw, mask=missing) if scale == "utc" else _terrestrial(raw, missing)
    elif variable.count is not None:
        read = times.from_unix(raw, missing, variable.count.day, variable.count.seconds)
    else:
        read = _from_epoch(raw, False if missing is None else missing)
    made = times.as_column(time_in_scale(read, scale).copy(), may_be_missing=may_be_missing)
    made.info.name = variable.name
    _describe(made, variable, {})
    return times.as_column(made, _description(variable.attributes))


def is_within(variable: Variable, start: Time, end: Time) -> NDArray[np.bool_]:
    """Return which records of a time variable are in a range of UTC, whose end is not included, shape (n,)."""
    if variable.kind == "CDF_TIME_TT2000":
        first, before = (_tt2000(one) for one in (start, end))
        raw = variable.values
        found = (raw >= max(first, _LEAST + 2)) & (raw < before)
        missing = _missing(variable, raw)
    else:
        time = as_time(variable)
        found = ((time.jd1 - start.jd1) + (time.jd2 - start.jd2) >= 0) & (
            (time.jd1 - end.jd1) + (time.jd2 - end.jd2) < 0
        )
        missing = np.asarray(time.mask)
    found = np.asarray(found if missing is None else found & ~missing)
    inside: NDArray[np.bool_] = found.reshape(len(found), -1).any(axis=1)
    return inside


def _tt2000(time: Time) -> int:
    """Return a time in the nanoseconds of CDF_TIME_TT2000, within the range of its type."""
    tt = time_in_scale(time, "tt")
    nanoseconds = round((float(tt.jd1) - _J2000) * 86400) * 10**9 + round(float(tt.jd2) * _DAY)
    return min(max(nanoseconds, _LEAST), -_LEAST - 1)


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
