"""Conversion of columns of numbers, quantities and times to plain columns, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import Column, MaskedColumn, NdarrayMixin
from astropy.time import Time, TimeDelta
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import unchecked
from sunpy_helio_plugins.io import values
from sunpy_helio_plugins.io.arrow.arrays import number_array, stamps
from sunpy_helio_plugins.io.formats import FileFormat
from sunpy_helio_plugins.io.sheet import Parts, Sheet, register
from sunpy_helio_plugins.io.text import (  # fmt: skip
    ALWAYS,
    ObjectCodec,
    TextCodec,
    add_text,
    column_of,
    masked_class,
    masked_part,
    text_of,
)
from sunpy_helio_plugins.quantities import fills, times
from sunpy_helio_plugins.quantities.days import WholeDays, split_time, time_of
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.quantities.leap import DAY
from sunpy_helio_plugins.quantities.record_time import RecordTime, with_mask
from sunpy_helio_plugins.quantities.silence import far_years, has_name

__all__ = ["DurationCodec", "NumberCodec", "QuantityCodec", "TimeCodec"]

_masked = unchecked(fills.masked)

_HARMLESS = "2000-01-01T00:00:00"


def add_numbers(name: str, part: str, data: NDArray[Any], mask: Any, sheet: Sheet, unit: Any = None) -> dict[str, Any]:
    """Add a column of numbers in a type and a shape that the format supports; return its parts and original type."""
    told: dict[str, Any] = {"dtype": data.dtype.str}
    mask = sheet.mask_of(mask)
    if mask is not None and data.dtype.kind in "fc" and not sheet.format.is_arrow:
        data = np.where(mask, data.dtype.type(np.nan), data)
    if data.dtype.kind == "c":
        data, told["complex"] = np.stack([data.real, data.imag], axis=-1), True
    held = _held(data, sheet.format)
    # astropy cannot read ECSV tables without rows that have a column of more than one dimension.
    if held.ndim > 1 and (not sheet.format.arrays or 0 in held.shape[sheet.format.is_arrow :]):
        told["shape"] = list(held.shape[1:])
        rows = np.array([json.dumps(row) for row in held.tolist()], dtype=str)
        text = add_text(name, part, rows, None, sheet)
        gone = {} if mask is None else add_numbers(name, "mask", np.asarray(mask), None, sheet)
        return told | {"parts": text["parts"]} | ({"mask": gone} if gone else {})
    is_blank = (sheet.format.mixins or sheet.format.is_arrow) and held.ndim == 1 and mask is not None
    if sheet.format.is_arrow:
        parts = {} if is_blank else masked_part(name, mask, sheet)
        added = sheet.add(name, part, number_array(held, mask if is_blank else None))
        sheet.units |= {} if unit is None else {added: unit.to_string()}
        return told | ({"blank": True} if is_blank else {}) | {"parts": parts | {part: added}}
    column = MaskedColumn(held, mask=mask, copy=False) if is_blank else Column(held, copy=False)
    _name_unit(column, unit, sheet.format)
    parts = {} if is_blank else masked_part(name, mask, sheet)
    told |= {"blank": True} if is_blank else {}
    return told | {"parts": parts | {part: sheet.add(name, part, column)}}


def _held(data: NDArray[Any], form: FileFormat) -> NDArray[Any]:
    """Return numbers in a type with which the format represents them exactly."""
    if data.dtype.kind in "Mm":
        # A copy: asdf writes the complete memory of which an array is a view.
        return data.astype(np.int64)
    if data.dtype == np.float16:
        return data.astype(np.float32)
    if form.is_ascii and data.dtype == np.int8:
        return data.astype(np.int16)
    if data.dtype.kind not in "biuf" or data.dtype.itemsize > 8:
        raise TypeError(f"numbers of the type {data.dtype}")
    return np.ascontiguousarray(data)


def _name_unit(column: Column, unit: Any, form: FileFormat) -> None:
    """Set the unit of a column for other readers, in the description if the format does not support it."""
    if unit is None:
        return
    if has_name(unit, form.units):
        column.unit = unit
    else:
        column.description = f"in {unit}"


def numbers_of(spec: Mapping[str, Any], parts: Parts, part: str = "") -> NDArray[Any]:
    """Return the numbers that `add_numbers` added."""
    dtype = values.safe_dtype(spec["dtype"])
    data = parts.array(part)
    if "shape" in spec:
        rows = [kept_json(text) for text in data.astype(str).tolist()]
        data = np.array(rows, dtype=None if rows else float).reshape(len(rows), *spec["shape"])
    if spec.get("complex"):
        data = data[..., 0] + 1j * data[..., 1]
    return data.view(dtype) if dtype.kind in "Mm" and data.dtype.isnative else data.astype(dtype)


def mask_of(spec: Mapping[str, Any], parts: Parts) -> NDArray[np.bool_] | None:
    """Return the mask that `add_numbers` added."""
    if "mask" in spec:
        told = spec["mask"]
        return numbers_of(told, Parts(parts.table, told["parts"]), "mask").astype(bool)
    return None if "shape" in spec else parts.mask(spec)


class NumberCodec:
    """Columns of numbers and booleans."""

    kind = "numbers"

    def takes(self, column: Any) -> bool:
        """Return whether a column contains numbers."""
        return isinstance(column, Column | NdarrayMixin) and column.dtype.kind in "biufcMm"

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add the numbers."""
        mask = np.ma.getmaskarray(column) if masked_class(column) else None
        unit = getattr(column, "unit", None)
        told = add_numbers(name, "", np.asarray(np.ma.getdata(column)), mask, sheet, unit)
        named = {} if unit is None else {"unit": values.unit_text(unit)}
        return told | named | {"masked": masked_class(column)}

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        data, mask = numbers_of(spec, parts), mask_of(spec, parts)
        made = column_of(data, mask, spec["masked"])
        if "unit" in spec:
            made.unit = values.unit_of(spec["unit"])
        return made


class QuantityCodec:
    """Columns of quantities."""

    kind = "quantity"

    def takes(self, column: Any) -> bool:
        """Return whether a column is a quantity, masked or not."""
        return isinstance(column, u.Quantity) and values.quantity_kind(column) is not None

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add the values in the unit of the column."""
        is_masked = isinstance(column, Masked)
        bare = column.unmasked if is_masked else column
        told = add_numbers(name, "", np.asarray(bare.value), column.mask if is_masked else None, sheet, column.unit)
        told |= {"unit": values.unit_text(column.unit), "class": values.quantity_kind(column)}
        told["masked"] = masked_class(column) if is_masked else False
        wrapped = getattr(bare, "wrap_angle", None)
        return told if wrapped is None else told | {"wrap": float(wrapped.to_value(u.deg))}

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        data, mask = numbers_of(spec, parts), mask_of(spec, parts)
        more = {"wrap_angle": spec["wrap"] * u.deg} if "wrap" in spec else {}
        unit = values.unit_of(spec["unit"])
        made = values.QUANTITIES[spec["class"]](data, unit, dtype=data.dtype, copy=False, **more)
        if not spec["masked"]:
            return made
        if spec["masked"] == ALWAYS:
            return _masked(made, mask)
        return Masked(made, mask=np.zeros(data.shape, dtype=bool) if mask is None else mask)


class TimeCodec:
    """Columns of times, as text of nine fraction digits if this is exact, otherwise as both parts of Julian dates."""

    kind = "time"

    def takes(self, column: Any) -> bool:
        """Return whether a column contains times without locations."""
        return type(column) in (Time, RecordTime) and column.location is None

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add the times."""
        told: dict[str, Any] = {
            "scale": column.scale, "format": column.format, "precision": column.precision, "subfmt": column.out_subfmt,
        }  # fmt: skip
        if isinstance(column, RecordTime):
            told["record"], column = {"masked": column.masked}, Time(column)
        mask = np.array(np.broadcast_to(column.mask, column.shape), dtype=bool)
        gone = sheet.mask_of(mask)
        nanoseconds = _nanoseconds(column, mask) if sheet.format.is_arrow else None
        if nanoseconds is not None:
            return told | {"blank": True, "stamps": True, "parts": {"": sheet.add(name, "", stamps(nanoseconds, mask))}}
        texts = _texts(column, mask)
        if texts is None or column.ndim != 1:
            return told | _add_parts(name, column, gone, sheet)
        if not sheet.format.mixins:
            return told | add_text(name, "", texts, gone, sheet)
        written = Column(texts) if gone is None else MaskedColumn(np.where(mask, _HARMLESS, texts), mask=gone)
        added = sheet.add(name, "", written)
        sheet.times[added] = column.scale
        return told | {"parts": {"": added}}

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        if "jd1" in spec:
            return _of_parts(Time, spec, parts)
        if "stamps" in spec:
            return _of_stamps(spec, parts)
        column = parts[""]
        if isinstance(column, Time):
            mask = np.array(np.broadcast_to(column.mask, column.shape), dtype=bool)
            if spec["scale"] == "utc":
                return _finished(time_of(*split_time(_filled(column, mask)), None), mask, spec)
            column.precision = 9
            texts = np.asarray(getattr(column.isot, "unmasked", column.isot))
        else:
            found = parts.mask(spec)
            texts = text_of(spec, parts)
            mask = np.zeros(texts.shape, dtype=bool) if found is None else found
        made = _exact(np.where(mask, _HARMLESS, texts), spec["scale"])
        return _finished(made, mask, spec)


class DurationCodec:
    """Columns of durations."""

    kind = "duration"

    def takes(self, column: Any) -> bool:
        """Return whether a column contains durations."""
        return type(column) is TimeDelta

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add the durations."""
        mask = np.array(np.broadcast_to(column.mask, column.shape), dtype=bool)
        told = {"scale": column.scale, "format": column.format}
        return told | _add_parts(name, column, sheet.mask_of(mask), sheet)

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""
        return _of_parts(TimeDelta, spec, parts)


def _add_parts(name: str, column: Any, mask: Any, sheet: Sheet) -> dict[str, Any]:
    told: dict[str, Any] = {"parts": {}}
    for part in ("jd1", "jd2"):
        data = getattr(column, part)
        data = np.array(getattr(data, "unmasked", data))
        told[part] = add_numbers(name, part, data if mask is None else np.where(mask, 0.0, data), None, sheet)
    if mask is not None:
        told["mask"] = add_numbers(name, "mask", np.asarray(mask), None, sheet)
    return told


def _of_parts(kind: Any, spec: Mapping[str, Any], parts: Parts) -> Any:
    days = [numbers_of(spec[part], Parts(parts.table, spec[part]["parts"]), part) for part in ("jd1", "jd2")]
    mask = mask_of(spec, parts)
    made = kind(*days, format="jd" if kind is TimeDelta else WholeDays.name, scale=spec["scale"])
    return _finished(made, np.zeros(made.shape, dtype=bool) if mask is None else mask, spec)


def _finished(made: Any, mask: NDArray[np.bool_], spec: Mapping[str, Any]) -> Any:
    made.format = spec["format"]
    if "precision" in spec:
        made.precision = spec["precision"]
        if spec.get("subfmt", "*") != "*":
            made.out_subfmt = spec["subfmt"]
    if mask.any():
        made[mask] = np.ma.masked
    if "record" in spec:
        made = RecordTime(with_mask(made) if spec["record"]["masked"] else made)
    return made


def _nanoseconds(column: Time, mask: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """Return times as nanoseconds since 1970, or `None` if these would not be converted back exactly."""
    if column.scale != "utc" or column.ndim != 1:
        return None
    filled = _filled(column, mask)
    whole, within = split_time(filled)
    is_leap = bool(within.size) and int(within.max()) >= DAY
    if is_leap or (whole.size and (whole.min() < -106751 or whole.max() > 106750)):
        return None
    again = time_of(whole, within, None)
    # The days may be split in another way.
    same = (np.asarray(again.jd1) - filled.jd1) + (np.asarray(again.jd2) - filled.jd2) == 0
    return np.asarray(whole * DAY + within) if bool(np.all(same)) else None


def _of_stamps(spec: Mapping[str, Any], parts: Parts) -> Any:
    whole, within = np.divmod(parts.array(""), DAY)
    mask = parts.mask(spec)
    return _finished(time_of(whole, within, None), np.zeros(whole.shape, dtype=bool) if mask is None else mask, spec)


def _texts(column: Time, mask: NDArray[np.bool_]) -> NDArray[np.str_] | None:
    """Return times as text of nine fraction digits, or `None` if the text would not be converted back exactly."""
    plain = _filled(column, mask)
    plain.format, plain.precision = "isot", 9
    nanoseconds = _nanoseconds(column, mask)
    try:
        with far_years():
            if nanoseconds is None:
                texts = np.asarray(plain.value).astype(str)
            else:
                texts = np.datetime_as_string(nanoseconds.view("M8[ns]"))
            again = _exact(texts, column.scale)
    except ValueError:  # years of more than four digits
        return None
    same = (again.jd1 == plain.jd1) & (again.jd2 == plain.jd2)
    return texts if bool(np.all(same)) else None


def _filled(column: Time, mask: NDArray[np.bool_]) -> Time:
    """Return times without a mask; those that are missing are the first day of 2000."""
    given = (column.jd1, 2451545.0), (column.jd2, -0.5)
    parts = [np.where(mask, day, getattr(part, "unmasked", part)) for part, day in given]
    return Time(*parts, format=WholeDays.name, scale=column.scale)


def _exact(texts: Any, scale: str) -> Time:
    """Return the times of texts, with the same Julian dates for the same text."""
    if scale == "utc":
        return times.from_iso(texts)
    with far_years():
        return Time(texts, format="isot", scale=scale)


for _codec in (DurationCodec(), TimeCodec(), QuantityCodec(), ObjectCodec(), NumberCodec(), TextCodec()):
    register(_codec)
