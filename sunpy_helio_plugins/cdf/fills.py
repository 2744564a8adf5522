"""
Which values of a CDF variable are missing: FILLVAL, and the habits of writers.

``docs/how_to/cdf_fills.csv`` lists the habits, each with an example that the tests read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities import fills

__all__ = ["LEAST_TT2000", "fill_mask", "may_be_missing"]

LEAST_TT2000 = int(np.iinfo(np.int64).min) + 2**11
"""
The least TT2000 that is a time, in the year 1707. The two smallest integers are the fill and the pad value of the type,
independent of the attributes; some writers round them to 64-bit floats.
"""

_FAR = 2**64

_LARGEST = tuple(float(np.finfo(kind).max) for kind in ("f4", "f8"))
"""The largest floats, which are never values (CoDICE, whose valid range includes them)."""

_FLOAT_FILL = -1e31
"""The fill value of floats in the ISTP guidelines."""

_LIMITS = tuple((float(np.iinfo(kind).min), float(np.iinfo(kind).max)) for kind in ("i4", "i8", "u4", "u8"))
"""The ranges of integer types. Some missions (IMAP) also use them as limits of floats; they are then not values."""


def fill_mask(values: NDArray[Any], attributes: Mapping[str, Any]) -> NDArray[np.bool_] | None:
    """
    Return where values are fill, or `None` if no value is; the first axis is the record.

    FILLVAL, VALIDMIN and VALIDMAX are one number, which may be a text, or one for each component; other forms are
    ignored. A fill value inside the valid range is a value: some fill values of IMAP were truncated to the type and
    became equal to valid data. If the valid range is that of the type, it gives no information, and the type's default
    fill value is used. Floats that are NaN or -1e31 are always missing: IMAP's writer stores NaN as -1e31 even if
    FILLVAL is another number (imap_processing 1.0.40), and files of DE 2 state -1e-31 by mistake. Texts are missing if
    they are equal to FILLVAL, without the blanks at their ends. Values outside the valid range are values: a third of
    the longitudes of DE 2 are.
    """
    if values.dtype.kind == "U":
        fill = attributes.get("FILLVAL")
        return _text_mask(values, fill) if isinstance(fill, str) else None
    found = _unwritten(values)
    for one, here in _declared(values, attributes):
        if values.dtype.kind == "f" and one == _FLOAT_FILL:
            continue  # it is found already
        mask = fills.is_fill(values, one)
        found = _either(found, mask if mask is None else mask & here)
    return found


def _text_mask(values: NDArray[Any], fill: str) -> NDArray[np.bool_] | None:
    """Return which texts are equal to a fill value, without the blanks at their ends."""
    width = values.dtype.itemsize // 4
    wanted = np.zeros(width, np.uint32)
    letters = [ord(letter) for letter in fill.rstrip()]
    if len(letters) > width:
        return None
    wanted[: len(letters)] = letters
    found = np.ascontiguousarray(values).view(np.uint32).reshape(*values.shape, width)
    mask: NDArray[np.bool_] = ((found == wanted) | ((wanted == 0) & (found == ord(" ")))).all(axis=-1)
    return mask if mask.any() else None


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
    # The lowest value is NaN if any is: one pass tells that neither is there.
    if values.dtype.kind != "f" or not values.size or values.min() > 0.9 * _FLOAT_FILL:
        return None
    return _either(fills.is_fill(values, np.nan), fills.is_fill(values, _FLOAT_FILL))


def _either(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    return other if one is None else one if other is None else one | other


def _number(value: Any, values: NDArray[Any]) -> NDArray[Any] | None:
    """Return a numeric attribute, with one value or one for each component, or `None` if it is neither."""
    if isinstance(value, str):
        exact = fills.exact_integer(value)
        value = exact if exact is not None and abs(exact) < _FAR else _float(value)
    found = np.asarray(list(value) if isinstance(value, tuple | list) or hasattr(value, "__len__") else value)
    if found.dtype.kind not in "fiu" or not found.size:
        return None
    if found.size == 1 or (found == found.flat[0]).all():
        return found.ravel()[:1].reshape(())
    within = values.shape[1:]
    return found if within and found.shape == within[-found.ndim :] else None


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_value(fill: Any, here: Any, low: Any, high: Any, dtype: np.dtype[Any]) -> bool:
    """Return whether a fill value is also a valid value, because it is inside the valid range of its components."""
    if low is None or high is None:
        return False
    inside = (low <= fill) & (fill <= high)
    if not np.all(inside | ~np.asarray(here)):
        return False
    if dtype.kind == "f" and (
        abs(fill) in _LARGEST or any(fill in limits and _spans(low, high, limits) for limits in _LIMITS)
    ):
        return False
    return not (_is_whole(dtype, low, high) and fill in _usual_fills(dtype))


def _spans(low: Any, high: Any, limits: tuple[float, float]) -> bool:
    return bool(np.all(low <= limits[0]) and np.all(high >= limits[1]))


def _is_whole(dtype: np.dtype[Any], low: Any, high: Any) -> bool:
    """Return whether a valid range covers the complete range of the type."""
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return _spans(low, high, (limits.min, limits.max))


def _usual_fills(dtype: np.dtype[Any]) -> tuple[float, ...]:
    """Return the default fill value of a type in the ISTP guidelines; of INT8, also the other end of its range."""
    if dtype.kind == "f":
        return (float(dtype.type(_FLOAT_FILL)),)
    limits = np.iinfo(dtype)
    if dtype.kind == "u":
        return (int(limits.max),)
    return (int(limits.min), int(limits.max)) if dtype.itemsize == 8 else (int(limits.min),)
