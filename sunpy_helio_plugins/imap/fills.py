"""Which values of a CDF variable are fill, by its attributes and the habits of its writers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities import fills

__all__ = ["fill_mask", "may_be_missing"]

_FLOAT_FILL = -1e31
"""The fill value of floats by the ISTP guidelines."""

_LIMITS = tuple((float(np.iinfo(kind).min), float(np.iinfo(kind).max)) for kind in ("i4", "i8", "u4", "u8"))
"""
The ranges of integers. IMAP's attributes give them to floats as well, and there a limit of one is not a value.
"""


def fill_mask(values: NDArray[Any], attributes: Mapping[str, Any]) -> NDArray[np.bool_] | None:
    """
    Return where values are fill.

    A fill value inside the valid range is a value: some of IMAP's were cut to the type's width and fell onto good data.
    A valid range as wide as the type, however, says nothing, and there the type's own fill value counts. Floats that
    are NaN or -1e31 are missing whatever the attributes say: IMAP's own writer stores NaN as -1e31 where FILLVAL is
    another number (imap_processing 1.0.40).

    Parameters
    ----------
    values : numpy.ndarray
        Numbers; the first axis is the record.
    attributes : mapping
        The variable's attributes, of which FILLVAL, VALIDMIN and VALIDMAX are used: one number, or one for each
        component. What is neither counts as absent.

    Returns
    -------
    numpy.ndarray of bool or None
        An array of the shape of ``values``; `None` where no value is fill.
    """
    found = _unwritten(values)
    for one, here in _declared(values, attributes):
        mask = fills.is_fill(values, one)
        found = _either(found, mask if mask is None else mask & here)
    return found


def may_be_missing(values: NDArray[Any], attributes: Mapping[str, Any]) -> bool:
    """
    Tell whether values of a variable can be missing, whichever they are in this file.

    Parameters
    ----------
    values, attributes
        As for `fill_mask`.
    """
    if values.dtype.kind not in "iu":
        return values.dtype.kind == "f"
    limits = np.iinfo(values.dtype)
    return any(limits.min <= one <= limits.max for one, _ in _declared(values, attributes))


def _declared(values: NDArray[Any], attributes: Mapping[str, Any]) -> Iterator[tuple[Any, NDArray[np.bool_]]]:
    """Yield the fill values of the attributes that are no values too, and for which components each counts."""
    fill, low, high = (_number(attributes.get(key), values) for key in ("FILLVAL", "VALIDMIN", "VALIDMAX"))
    if fill is None:
        return
    for one in np.unique(fill):
        here = fill == one if one == one else np.isnan(fill)
        if not _is_value(one, here, low, high, values.dtype):
            yield one.item(), here


def _unwritten(values: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Return which floats are NaN, or -1e31, as which some writers store NaN whatever FILLVAL is."""
    if values.dtype.kind != "f":
        return None
    return _either(fills.is_fill(values, np.nan), fills.is_fill(values, _FLOAT_FILL))


def _either(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    return other if one is None else one if other is None else one | other


def _number(value: Any, values: NDArray[Any]) -> NDArray[Any] | None:
    """Return an attribute that should be a number, or one for each component; `None` where it is neither."""
    found = np.asarray(list(value) if isinstance(value, tuple | list) or hasattr(value, "__len__") else value)
    if isinstance(value, str) or found.dtype.kind not in "fiu" or not found.size:
        return None
    if found.size == 1 or (found == found.flat[0]).all():
        return found.ravel()[:1].reshape(())
    within = values.shape[1:]
    return found if within and found.shape == within[-found.ndim :] else None


def _is_value(fill: Any, here: Any, low: Any, high: Any, dtype: np.dtype[Any]) -> bool:
    """Tell whether a fill value is a value too, since the valid range of its components holds it."""
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
    """Tell whether a valid range excludes nothing that the type can hold."""
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return _spans(low, high, (limits.min, limits.max))


def _usual_fill(dtype: np.dtype[Any]) -> float:
    """Return the fill value that the ISTP guidelines give a type."""
    if dtype.kind == "f":
        return float(dtype.type(_FLOAT_FILL))
    return int(np.iinfo(dtype).max if dtype.kind == "u" else np.iinfo(dtype).min)
