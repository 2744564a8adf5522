"""Whole numbers: as integers where they are, as floats where others are among them."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.hapi.header import Parameter

__all__ = ["whole_or_float"]


def whole_or_float(values: NDArray[Any], parameter: Parameter) -> NDArray[Any]:
    """
    Return whole numbers as integers, masked where they are none or the fill value; floats where others are among them.

    Parameters
    ----------
    values : numpy.ndarray
        What a stream holds for a parameter of type integer.
    parameter : Parameter
        Its description.
    """
    if values.dtype.kind == "i":
        return _whole(values)
    lost = ~np.isfinite(values)
    with contextlib.suppress(ValueError):
        lost |= values == float(parameter.fill if parameter.fill is not None else "nan")
    kept = np.where(lost, 0, values)
    # Beyond 2^53 a double may be another number than the one that was written.
    if (np.abs(kept) > 2**53).any() or (kept != np.rint(kept)).any():
        return values
    integers = _whole(kept.astype(np.int64))
    return np.ma.MaskedArray(integers, lost) if lost.any() else integers


def _whole(values: NDArray[np.int64]) -> NDArray[Any]:
    """Return integers in the 32 bits that HAPI gives them, where they fit."""
    limits, plain = np.iinfo(np.int32), np.ma.getdata(values)
    fit = not len(plain) or (plain.min() >= limits.min and plain.max() <= limits.max)
    return values.astype(np.int32) if fit else values
