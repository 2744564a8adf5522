"""Conversion of the columns of a table to plain arrays with masks, and of such arrays to columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import Column, NdarrayMixin
from astropy.time import Time, TimeDelta
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import shown
from sunpy_helio_plugins.errors import HelioPluginsError, InexactTimeWarning, InexactValueWarning, QueryError, warn
from sunpy_helio_plugins.io import values
from sunpy_helio_plugins.io.text import ALWAYS, column_of, masked_class
from sunpy_helio_plugins.quantities import fills, units
from sunpy_helio_plugins.quantities.datetimes import from_datetime64, from_days
from sunpy_helio_plugins.quantities.days import split_time
from sunpy_helio_plugins.quantities.leap import DAY
from sunpy_helio_plugins.quantities.record_time import RecordTime, with_mask
from sunpy_helio_plugins.quantities.scales import time_in_scale
from sunpy_helio_plugins.quantities.times import as_column, from_iso

__all__ = [
    "EXACT",
    "Losses",
    "PlainColumn",
    "column_from",
    "column_of_arrays",
    "datetimes",
    "field_of",
    "iso_texts",
    "with_unit",
]

EXACT = 2**53
"""The largest integer up to which every integer is exact as a float."""


@dataclass
class Losses:
    """What a type cannot represent, collected from all columns, so that one warning states it."""

    target: str
    leap_seconds: int = 0
    truncated: bool = False
    sentences: list[str] = field(default_factory=list)

    def warn(self) -> None:
        """Emit at most one warning for times and one for other values."""
        said = []
        if self.leap_seconds:
            said.append(
                f"{self.leap_seconds} times are within a leap second, which it cannot hold; they keep their order in "
                "the last millisecond before midnight UTC."
            )
        if self.truncated:
            said.append("Times in years outside 1678 to 2261 are truncated to microseconds.")
        if said:
            warn(f"{self.target}: {' '.join(said)}", InexactTimeWarning)
        if self.sentences:
            warn(f"{self.target}: {' '.join(self.sentences)}", InexactValueWarning)


@dataclass(frozen=True)
class PlainColumn:
    """
    One column as plain arrays.

    Attributes
    ----------
    name : str
        The name of the column.
    kind : str
        number, text, time or duration.
    values : numpy.ndarray
        Numbers, text, ``datetime64`` of UTC or ``timedelta64``, shape (n, ...). Missing floats are NaN, missing times
        ``NaT`` and missing texts empty.
    mask : numpy.ndarray of bool or None
        The missing elements; `None` if the column cannot have any.
    unit : astropy.units.UnitBase or None
        The unit.
    spec : dict
        The class of the column and its description, as JSON.
    column : object
        The column itself.
    """

    name: str
    kind: str
    values: NDArray[Any]
    mask: NDArray[np.bool_] | None
    unit: Any
    spec: dict[str, Any]
    column: Any = field(repr=False)

    @property
    def unit_string(self) -> str | None:
        """The unit as the archive spells it, if it is not a unit that is understood."""
        said = (self.column.info.meta or {}).get("unit_string")
        return said if isinstance(said, str) and self.unit is None else None

    @property
    def title(self) -> str:
        """The description, or else the name."""
        return str(self.column.info.description or self.name)

    def present(self) -> NDArray[np.bool_]:
        """Return which elements are not missing."""
        return np.ones(self.values.shape, dtype=bool) if self.mask is None else ~self.mask

    def as_float(self, losses: Losses) -> NDArray[Any]:
        """Return numbers with NaN for the missing ones, for types without masks; complete integers are unchanged."""
        if self.mask is None or not self.mask.any() or self.values.dtype.kind in "fc":
            return self.values
        known = self.values[~self.mask]
        large = int(np.sum((known > EXACT) | (known < -EXACT))) if self.values.dtype.kind in "iu" else 0
        if large:
            losses.sentences.append(
                f"{large} integers of {self.name!r} exceed 2**53 and are rounded, since others are missing and NaN."
            )
        return np.where(self.mask, np.nan, self.values.astype(float))

    def as_text(self, losses: Losses) -> NDArray[Any]:
        """Return texts for types without masks, in which missing ones are empty."""
        empty = 0 if self.mask is None or not self.mask.any() else int(np.sum((self.values == "") & ~self.mask))
        if empty:
            losses.sentences.append(f"{empty} empty texts of {self.name!r} cannot be distinguished from missing ones.")
        return self.values


def field_of(function: str, name: str, column: Any, losses: Losses) -> PlainColumn:
    """Return a column as plain arrays, or raise a `QueryError` for a class that has none."""
    try:
        kind, found, mask, spec = _parts(column, losses)
        spec["info"] = {
            key: str(value)
            for key, value in (("description", column.info.description), ("format", column.info.format))
            if value and isinstance(value, str)
        }
        if column.info.meta:
            spec["meta"] = values.encoded(column.info.meta)
    except HelioPluginsError:
        raise
    except (TypeError, ValueError) as error:
        raise QueryError(
            f"{function} cannot convert the column {name!r}, which contains {error}: remove it, or replace it by "
            "columns of numbers, times or text."
        ) from error
    unit = getattr(column, "unit", None)
    about = {"name": name, "kind": kind, "shape": list(found.shape[1:])}
    return PlainColumn(name, kind, found, mask, unit, about | spec, column)


def _parts(column: Any, losses: Losses) -> tuple[str, NDArray[Any], NDArray[np.bool_] | None, dict[str, Any]]:
    if isinstance(column, TimeDelta):
        return _duration(column)
    if isinstance(column, Time):
        return _time(column, losses)
    spec: dict[str, Any] = {"masked": masked_class(column)}
    mask = _mask(column, spec["masked"])
    data = _plain(column)
    if data.dtype.kind in "SUO":
        texts, mask, spec["dtype"] = _texts(data, mask)
        return "text", texts, mask, spec | {"masked": spec["masked"] or mask is not None}
    if data.dtype.kind not in "biufc":
        raise TypeError(f"values of the type {data.dtype}")
    data = data.astype(data.dtype.newbyteorder("="), copy=False)
    spec["dtype"] = data.dtype.str
    if mask is not None and mask.any() and data.dtype.kind in "fc":
        data = np.where(mask, data.dtype.type(np.nan), data)
    return "number", data, mask, spec | _unit_spec(column)


def _plain(column: Any) -> NDArray[Any]:
    """Return the values of a column without unit and mask; raise a `TypeError` for a class that has none."""
    bare = getattr(column, "unmasked", column)
    is_quantity = isinstance(column, u.Quantity)
    if is_quantity and values.quantity_kind(column) is None:
        raise TypeError(f"a {type(bare).__name__}")
    if not is_quantity and not isinstance(column, Column | NdarrayMixin):
        raise TypeError(f"a {type(column).__name__}")
    return np.asarray(np.ma.getdata(bare.value if is_quantity else bare))


def _unit_spec(column: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if getattr(column, "unit", None) is not None:
        spec["unit"] = values.unit_text(column.unit)
    if isinstance(column, u.Quantity):
        spec["class"] = values.quantity_kind(column)
        wrapped = getattr(getattr(column, "unmasked", column), "wrap_angle", None)
        spec |= {} if wrapped is None else {"wrap": float(wrapped.to_value(u.deg))}
    return spec


def _mask(column: Any, masked: bool | str) -> NDArray[np.bool_] | None:
    if not masked:
        return None
    return np.array(np.broadcast_to(np.asarray(getattr(column, "mask", False), dtype=bool), column.shape))


def _texts(
    data: NDArray[Any], mask: NDArray[np.bool_] | None
) -> tuple[NDArray[np.str_], NDArray[np.bool_] | None, str]:
    """Return text, its mask and its type; objects must be texts, or `None` for missing ones."""
    if data.dtype.kind == "S":
        return _blank(_decoded(data), mask), mask, "S"
    if data.dtype.kind == "U":
        return _blank(data, mask), mask, "U"
    absent = np.array([_is_absent(cell) for cell in data.ravel()], dtype=bool).reshape(data.shape)
    odd = next((cell for cell in data[~absent].ravel() if not isinstance(cell, str)), None)
    if odd is not None:
        raise TypeError(f"objects such as a {type(odd).__name__}")
    absent = absent if mask is None else absent | mask
    texts = np.where(absent, "", data).astype(str)
    return texts, absent if mask is not None or absent.any() else None, "O"


def _decoded(data: NDArray[np.bytes_]) -> NDArray[np.str_]:
    try:
        return np.char.decode(data, "utf-8") if data.size else data.astype(str)
    except UnicodeDecodeError as error:
        raise TypeError("bytes that are not text in UTF-8") from error


def _is_absent(cell: Any) -> bool:
    return cell is None or type(cell).__name__ == "NAType" or (isinstance(cell, float) and cell != cell)


def _blank(texts: NDArray[np.str_], mask: NDArray[np.bool_] | None) -> NDArray[np.str_]:
    return texts if mask is None or not mask.any() else np.where(mask, "", texts)


def _time(column: Time, losses: Losses) -> tuple[str, NDArray[Any], NDArray[np.bool_] | None, dict[str, Any]]:
    if column.location is not None:
        raise TypeError("times with a location")
    spec = {
        "scale": column.scale, "format": column.format, "precision": column.precision, "subfmt": column.out_subfmt,
        "record": isinstance(column, RecordTime), "masked": bool(column.masked),
    }  # fmt: skip
    stamps = datetimes(column, losses)
    return "time", stamps, np.isnat(stamps) if column.masked else None, spec


def datetimes(time: Time, losses: Losses) -> NDArray[np.datetime64]:
    """Return times as ``datetime64`` of UTC by the rule of `quantities.to_datetime64`."""
    missing = np.broadcast_to(np.asarray(time.mask, dtype=bool), time.shape)
    known = time.filled(Time(0, format="unix", scale=time.scale)) if time.masked else time
    days, nanos = split_time(known)
    made = from_days(days, nanos, missing if missing.any() else None)
    losses.leap_seconds += int(np.sum(nanos >= DAY))
    losses.truncated |= made.dtype == "M8[us]" and bool((nanos % 1000 != 0).any())
    return made


def iso_texts(time: Time) -> NDArray[np.str_]:
    """Return times as text in UTC with nine digits, which keeps leap seconds; empty for missing ones."""
    missing = np.broadcast_to(np.asarray(time.mask, dtype=bool), time.shape)
    known = time.filled(Time(0, format="unix", scale=time.scale)) if time.masked else time
    days, nanos = split_time(known)
    if days.size and (days.min() < _FIRST_DAY or days.max() > _LAST_DAY):
        utc = Time(time_in_scale(known, "utc"), copy=True)
        utc.format, utc.precision = "isot", 9
        return np.where(missing, "", np.asarray(utc.value).astype(str))
    leap = np.asarray(nanos >= DAY)
    stamps = days.astype("M8[D]").astype("M8[ns]") + np.where(leap, 0, nanos).astype("m8[ns]")
    texts = np.datetime_as_string(stamps, unit="ns")
    if leap.any():
        texts[leap] = [
            f"{day}T23:59:60.{nano - DAY:09d}"
            for day, nano in zip(days[leap].astype("M8[D]"), nanos[leap], strict=True)
        ]
    return np.where(missing, "", texts)


_FIRST_DAY, _LAST_DAY = -106751, 106750
"""The range of ``datetime64`` in nanoseconds, in days from 1970."""


def _duration(column: TimeDelta) -> tuple[str, NDArray[Any], NDArray[np.bool_] | None, dict[str, Any]]:
    mask = np.array(np.broadcast_to(np.asarray(column.mask, dtype=bool), column.shape)) if column.masked else None
    parts = (np.asarray(getattr(part, "unmasked", part)) for part in (column.jd1, column.jd2))
    days, rest = (np.where(mask, 0.0, part) if mask is not None else part for part in parts)
    nanos = np.rint(days).astype(np.int64) * DAY + np.rint((days - np.rint(days) + rest) * DAY).astype(np.int64)
    made = nanos.astype("m8[ns]")
    if mask is not None:
        made[mask] = np.timedelta64("NaT", "ns")
    return "duration", made, mask, {"scale": column.scale, "format": column.format, "masked": mask is not None}


def column_from(spec: Mapping[str, Any], data: NDArray[Any], mask: NDArray[np.bool_] | None) -> Any:
    """Return the column that `field_of` converted, from its values and the elements that are missing."""
    made = {"time": _from_stamps, "duration": _from_nanos, "text": _from_texts, "number": _from_numbers}[spec["kind"]](
        spec, data, mask
    )
    info = spec.get("info", {})
    for key in ("description", "format"):
        if key in info:
            setattr(made.info, key, info[key])
    if "meta" in spec:
        made.info.meta = values.decoded(spec["meta"])
    return made


def with_unit(spec: Mapping[str, Any], given: Any) -> dict[str, Any]:
    """Return the description of a column whose unit was changed; ``given`` is an astropy unit or a text."""
    meta = {key: value for key, value in dict(spec.get("meta", {})).items() if key not in ("unit_string", "units")}
    unit = given if isinstance(given, u.UnitBase) else units.parse(given, context={"name": spec["name"]})
    made = {key: value for key, value in spec.items() if key not in ("unit", "class", "wrap", "meta")}
    if unit is None:
        return {**made, "meta": {**meta, "unit_string": str(given)}}
    return {**made, "unit": values.unit_text(unit), "class": spec.get("class", "Quantity"), "meta": meta}


def _from_stamps(spec: Mapping[str, Any], data: NDArray[Any], mask: NDArray[np.bool_] | None) -> Any:
    if spec["scale"] not in Time.SCALES:
        raise ValueError(f"there is no scale {spec['scale']!r}")
    utc = from_iso(data, mask) if data.dtype.kind == "U" else from_datetime64(data, mask)
    made: Any = time_in_scale(utc, spec["scale"]).copy()
    made.format, made.precision = spec["format"], spec["precision"]
    if spec.get("subfmt", "*") != "*":
        made.out_subfmt = spec["subfmt"]
    made = with_mask(made) if spec["masked"] else made
    return RecordTime(made) if spec["record"] else made


def _from_nanos(spec: Mapping[str, Any], data: NDArray[Any], mask: NDArray[np.bool_] | None) -> TimeDelta:
    missing = np.isnat(data)
    nanos = np.where(missing, np.timedelta64(0, "ns"), data).astype("m8[ns]").astype(np.int64)
    days, rest = np.divmod(nanos, DAY)
    made = TimeDelta(days.astype(float), rest / DAY, format="jd", scale=spec["scale"])
    made.format = spec["format"]
    if missing.any():
        made[missing] = np.ma.masked
    return made


def _from_texts(spec: Mapping[str, Any], data: NDArray[Any], mask: NDArray[np.bool_] | None) -> Any:
    if spec["dtype"] == "S" and data.size:
        data = np.char.encode(data.astype(str), "utf-8")
    masked = spec["masked"] or (mask is not None and bool(mask.any()))
    return column_of(np.array(data), mask, masked)


def _from_numbers(spec: Mapping[str, Any], data: NDArray[Any], mask: NDArray[np.bool_] | None) -> Any:
    data = _of_dtype(np.asarray(data), values.safe_dtype(spec["dtype"]), mask)
    masked = spec["masked"] or (mask is not None and bool(mask.any()) and data.dtype.kind != "f")
    unit = values.unit_of(spec["unit"]) if "unit" in spec else None
    if "class" not in spec:
        made: Any = column_of(data, mask, masked)
        made.unit = unit
        return made
    more = {"wrap_angle": spec["wrap"] * u.deg} if "wrap" in spec else {}
    made = values.QUANTITIES[spec["class"]](data, unit, dtype=data.dtype, copy=False, **more)
    if masked == ALWAYS:
        return fills.masked(made, mask)
    return Masked(made, mask=np.zeros(data.shape, dtype=bool) if mask is None else mask) if masked else made


def _of_dtype(data: NDArray[Any], dtype: np.dtype[Any], mask: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Return numbers in the type that they had, unless they were changed to values that it cannot represent."""
    if data.dtype == dtype:
        return np.array(data)
    known = data if mask is None else np.where(mask, 0, data)
    if dtype.kind in "iub":
        with np.errstate(invalid="ignore"):
            made = known.astype(dtype)
        return made if bool((made == known).all()) else np.array(data)
    if data.dtype.kind in "iufb" or dtype.kind == "c":
        return data.astype(dtype)
    return np.array(data)


def column_of_arrays(name: str, data: NDArray[Any], mask: NDArray[np.bool_] | None, unit: Any = None) -> Any:
    """Return a column that this package did not convert; ``unit`` is an astropy unit or a text."""
    if data.dtype.kind == "M":
        missing = np.isnat(data)
        return as_column(from_datetime64(data), may_be_missing=bool(missing.any()))
    if data.dtype.kind == "m":
        return column_from({"kind": "duration", "scale": None, "format": "jd"}, data, None)
    if data.dtype.kind in "SUO":
        data, mask = _foreign_texts(name, data, mask)
        return column_from({"kind": "text", "dtype": "U", "masked": ALWAYS if mask is not None else False}, data, mask)
    if data.dtype.kind not in "biufc":
        raise QueryError(f"series.to_table cannot convert the column {name!r}, which contains values of {data.dtype}.")
    lost = np.isnan(data) if data.dtype.kind in "fc" else None
    mask = lost if mask is None else mask if lost is None else mask | lost
    if isinstance(unit, u.UnitBase):
        spec = {"kind": "number", "dtype": data.dtype.str, "class": "Quantity", "unit": unit.to_string()}
        return column_from({**spec, "masked": ALWAYS if mask is not None else False}, data, mask)
    return units.column(data, unit or None, name=name, mask=mask)


def _foreign_texts(
    name: str, data: NDArray[Any], mask: NDArray[np.bool_] | None
) -> tuple[NDArray[np.str_], NDArray[np.bool_] | None]:
    if data.dtype.kind == "O":
        gone = np.array([cell is None or cell != cell or type(cell).__name__ == "NAType" for cell in data], dtype=bool)
        odd = next((cell for cell in data[~gone] if not isinstance(cell, str | bytes)), None)
        if odd is not None:
            raise QueryError(f"series.to_table cannot convert the column {name!r}, which contains {shown(odd)}.")
        mask = gone if mask is None else mask | gone
        data = np.array(["" if lost else cell for lost, cell in zip(gone, data, strict=True)])
    texts = np.char.decode(data, "utf-8", "replace") if data.dtype.kind == "S" and data.size else data.astype(str)
    return texts, mask if mask is not None and mask.any() else None
