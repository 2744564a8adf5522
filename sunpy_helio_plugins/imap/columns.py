"""Variables of a CDF file as columns and times: with units, masks, axes and labels."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import erfa
import numpy as np
from astropy import units as u
from astropy.time import Time, TimeFormat
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from sunpy_helio_plugins.imap.kept import KeptList
from sunpy_helio_plugins.imap.variables import Variable
from sunpy_helio_plugins.quantities import masks, times, units

__all__ = ["as_column", "as_support", "as_time"]

_YEAR_0_TO_1970 = 62_167_219_200
"""Seconds between the origin of CDF_EPOCH and 1970, without leap seconds."""

_DAY = 86_400 * 10**9
_J2000 = 2451545.0


class _WholeDays(TimeFormat):
    """Julian dates that come as a whole number and a part within half a day: the form in which `Time` keeps them."""

    name = "helio_whole_days"

    def set_jds(self, val1: NDArray[np.float64], val2: NDArray[np.float64]) -> None:
        self.jd1, self.jd2 = val1, val2

    def to_value(self, **_: Any) -> NDArray[np.float64]:
        return np.asarray(self.jd1 + self.jd2)

    value = property(to_value)


def as_time(variable: Variable, scale: str = "tt") -> Time:
    """
    Return a time variable as times.

    Parameters
    ----------
    variable : Variable
        One whose ``is_time`` holds.
    scale : {"tt", "utc"}, optional
        The scale of the result.

    Returns
    -------
    astropy.time.Time
        Exact to less than a nanosecond, one for each record; masked where the file has the fill value.
    """
    # Lo writes its epochs with a second dimension of one.
    raw = variable.values.reshape(variable.records, -1)[:, 0] if variable.records else np.zeros(0, np.int64)
    if variable.kind == "CDF_TIME_TT2000":
        # The least number is the fill value of the type, whatever the attributes say.
        missing, least = _mask(raw, variable.attributes), raw == np.iinfo(np.int64).min
        missing = least if missing is None else missing | least
        made = times.from_tt2000(raw, mask=missing) if scale == "utc" else _terrestrial(raw, missing)
    else:
        made = _from_epoch(raw, _mask(raw, variable.attributes))
        made = made if scale == "utc" else _to_tt(made)
    made.info.name = variable.name
    _describe(made, variable, {})
    return made


def _terrestrial(raw: NDArray[np.int64], missing: NDArray[np.bool_]) -> Time:
    """Count TT2000 in days and their parts: leap seconds play no part in terrestrial time."""
    any_missing = bool(missing.any())
    epochs = np.where(missing, 0, raw) if any_missing else raw
    # The nearest day, not the one before: a product is cheaper than a division, and the rest is exact either way.
    days = np.rint(epochs * (1 / _DAY))
    rest = epochs - days.astype(np.int64) * _DAY
    made = Time(_J2000 + days, rest * (1 / _DAY), format=_WholeDays.name, scale="tt", copy=False)
    made.format = "isot"
    if any_missing:
        made[missing] = np.ma.masked
    return made


def _to_tt(made: Time) -> Time:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*dubious year", category=erfa.ErfaWarning)
        return made.tt


def _from_epoch(raw: NDArray[Any], mask: NDArray[np.bool_] | None) -> Time:
    """Convert CDF_EPOCH (milliseconds since year 0) or CDF_EPOCH16 (seconds, picoseconds), which skip leap seconds."""
    if raw.dtype.kind == "c":
        seconds, nanos = raw.real, np.rint(raw.imag / 1000)
    else:
        seconds = np.floor(raw / 1000)
        nanos = np.rint((raw - seconds * 1000) * 1e6)
    after_1970 = seconds - _YEAR_0_TO_1970
    # Beyond the reach of nanoseconds in 64 bits lies no measurement.
    missing = ~(np.abs(after_1970) < 9e9) | (np.zeros(raw.shape, bool) if mask is None else mask)
    since = np.where(missing, 0, after_1970).astype(np.int64)
    stamps = since.astype("M8[s]").astype("M8[ns]") + np.where(missing, 0, nanos).astype("m8[ns]")
    return times.from_iso(np.datetime_as_string(stamps), mask=missing)


def as_column(variable: Variable, others: Mapping[str, Variable]) -> Any:
    """
    Return a variable as a table column.

    Parameters
    ----------
    variable : Variable
        Any variable.
    others : mapping of Variable
        All variables of the file, among which its labels are.

    Returns
    -------
    astropy.units.Quantity, astropy.utils.masked.Masked, astropy.table.Column or astropy.table.MaskedColumn
        All its dimensions kept, integers as integers; masked where values are fill. ``info.meta`` holds the attributes,
        ``"unit_string"``, ``"axes"`` (the names in DEPEND_1 and on) and ``"labels"`` (a list for each labelled axis).
    """
    values, text = variable.values, variable.attributes.get("UNITS")
    unit_text = text if isinstance(text, str) else None
    mask = _mask(values, variable.attributes) if values.dtype.kind in "fiu" else None
    about = {"name": variable.name, "description": _description(variable.attributes)}
    unit = units.parse(unit_text, context=about)
    if values.dtype.kind in "iu" and unit is not None and unit != u.dimensionless_unscaled:
        # A counter of nanoseconds does not fit into a float.
        made: Any = u.Quantity(values, unit, dtype=values.dtype, copy=False)
        made = made if mask is None else Masked(made, mask=mask)
        made.info.name = variable.name
    else:
        made = units.column(values, unit_text, name=variable.name, description=about["description"], mask=mask)
    _describe(made, variable, others)
    return made


def as_support(variable: Variable, others: Mapping[str, Variable]) -> dict[str, Any]:
    """
    Return a variable that has no place in the rows in a form that can stand in a table's ``meta``, also in a file.

    Parameters
    ----------
    variable : Variable
        Any variable.
    others : mapping of Variable
        All variables of the file.

    Returns
    -------
    dict
        ``"values"``, a Quantity where the unit is understood, else an array; ``"mask"`` where values are fill; and what
        `as_column` has in ``info.meta``.
    """
    if variable.is_time:
        return {"values": as_time(variable), **variable.attributes}
    column = as_column(variable, others)
    meta, mask = column.info.meta, getattr(column, "mask", None)
    bare = getattr(column, "unmasked", column)
    values = bare if isinstance(bare, u.Quantity) else np.ma.getdata(bare).view(np.ndarray)
    return {"values": values, **({} if mask is None else {"mask": np.asarray(mask)}), **meta}


def _describe(made: Any, variable: Variable, others: Mapping[str, Variable]) -> None:
    """Give a column its description and everything else that the file says of it."""
    attributes = variable.attributes
    described = _description(attributes)
    if described:
        made.info.description = described
    words = {key: value for key, value in (made.info.meta or {}).items() if key == "unit_words"}
    meta = {**attributes, **words, "axes": _axes(attributes), "labels": _labels(attributes, others)}
    if isinstance(attributes.get("UNITS"), str):
        meta["unit_string"] = attributes["UNITS"]
    made.info.meta = {key: value for key, value in meta.items() if value != {} and value != ()}


def _description(attributes: Mapping[str, Any]) -> str | None:
    said = attributes.get("CATDESC") or attributes.get("FIELDNAM")
    return said.strip() or None if isinstance(said, str) else None


def _axes(attributes: Mapping[str, Any]) -> KeptList:
    return KeptList(attributes[key] for key in sorted(attributes) if key.startswith("DEPEND_") and key != "DEPEND_0")


def _labels(attributes: Mapping[str, Any], others: Mapping[str, Variable]) -> dict[str, KeptList]:
    """Return the labels of each axis, by the number of the axis."""
    pointers = {key.removeprefix("LABL_PTR_"): name for key, name in attributes.items() if key.startswith("LABL_PTR_")}
    return {
        number: KeptList(str(label).strip() for label in np.ravel(others[name].values))
        for number, name in pointers.items()
        if isinstance(name, str) and name in others
    }


def _mask(values: NDArray[Any], attributes: Mapping[str, Any]) -> NDArray[np.bool_] | None:
    """
    Return where values are fill.

    A fill value inside the valid range is a value: some of IMAP's were cut to the type's width and fell onto good data.
    A valid range as wide as the type, however, says nothing, and there the type's own fill value counts.
    """
    fill, low, high = (_number(attributes.get(key)) for key in ("FILLVAL", "VALIDMIN", "VALIDMAX"))
    if fill is None:
        return None
    ranged = low is not None and high is not None
    inside = ranged and bool(np.all((low <= fill) & (fill <= high)))
    if inside and not (_is_whole(values.dtype, low, high) and fill == _usual_fill(values.dtype)):
        return None
    return masks.is_fill(values, fill.item())


def _number(value: Any) -> Any:
    """Return an attribute that should be a number, or some that differ by component; `None` where it is neither."""
    found = np.asarray(list(value) if isinstance(value, KeptList) else value)
    if found.dtype.kind not in "fiu" or not found.size:
        return None
    return found if (found != found.flat[0]).any() else found.flat[0]


def _is_whole(dtype: np.dtype[Any], low: Any, high: Any) -> bool:
    """Tell whether a valid range excludes nothing that the type can hold."""
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return bool(np.all(low <= limits.min) and np.all(high >= limits.max))


def _usual_fill(dtype: np.dtype[Any]) -> float:
    """Return the fill value that the ISTP guidelines give a type."""
    if dtype.kind == "f":
        return float(dtype.type(-1e31))
    return int(np.iinfo(dtype).max if dtype.kind == "u" else np.iinfo(dtype).min)
