"""Which values of a CDF variable are fill, by its attributes and the habits of its writers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities import masks

__all__ = ["fill_mask"]


def fill_mask(values: NDArray[Any], attributes: Mapping[str, Any]) -> NDArray[np.bool_] | None:
    """
    Return where values are fill.

    A fill value inside the valid range is a value: some of IMAP's were cut to the type's width and fell onto good data.
    A valid range as wide as the type, however, says nothing, and there the type's own fill value counts.

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
    fill, low, high = (_number(attributes.get(key), values) for key in ("FILLVAL", "VALIDMIN", "VALIDMAX"))
    if fill is None:
        return None
    found = None
    for one in np.unique(fill):
        here = fill == one if one == one else np.isnan(fill)
        if not _is_value(one, here, low, high, values.dtype):
            mask = masks.is_fill(values, one.item())
            mask = mask if mask is None else mask & here
            found = mask if found is None else found if mask is None else found | mask
    return found


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
    return not (_is_whole(dtype, low, high) and fill == _usual_fill(dtype))


def _is_whole(dtype: np.dtype[Any], low: Any, high: Any) -> bool:
    """Tell whether a valid range excludes nothing that the type can hold."""
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    return bool(np.all(low <= limits.min) and np.all(high >= limits.max))


def _usual_fill(dtype: np.dtype[Any]) -> float:
    """Return the fill value that the ISTP guidelines give a type."""
    if dtype.kind == "f":
        return float(dtype.type(-1e31))
    return int(np.iinfo(dtype).max if dtype.kind == "u" else np.iinfo(dtype).min)
