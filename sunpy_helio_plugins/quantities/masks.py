"""Fill values: which elements of an array stand for nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["is_fill"]


def is_fill(values: NDArray[Any], fill: str | float | None) -> NDArray[np.bool_] | None:
    """
    Tell which elements hold the fill value.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers or text, of any shape.
    fill : str, float or None
        The fill value: a number, or text as HAPI gives it (``"-1.0e31"``, ``"NaN"``). For text columns it counts at
        face value. `None` means that nothing is fill.

    Returns
    -------
    numpy.ndarray of bool or None
        An array of the shape of ``values``; `None` where no element is fill.
    """
    if fill is None:
        return None
    found = _text_fill(values, str(fill)) if values.dtype.kind in "SUO" else _number_fill(values, fill)
    return found if found is not None and found.any() else None


def _text_fill(values: NDArray[Any], fill: str) -> NDArray[np.bool_]:
    wanted: str | bytes = fill.encode() if values.dtype.kind == "S" else fill
    return np.asarray(values == wanted, dtype=bool)


def _number_fill(values: NDArray[Any], fill: str | float) -> NDArray[np.bool_] | None:
    try:
        number = float(fill)
    except ValueError:
        return None
    if np.isnan(number):
        return np.isnan(values) if values.dtype.kind == "f" else None
    if values.dtype.kind in "iu":
        # An integer column cannot hold a fill value that is no integer or out of its range.
        limits = np.iinfo(values.dtype)
        exact = int(fill) if isinstance(fill, int) or str(fill).lstrip("+-").isdigit() else int(number)
        return values == exact if exact == number and limits.min <= exact <= limits.max else None
    # The server may print fewer digits than the stored number has: compare in the column's own precision.
    return np.asarray(values == values.dtype.type(number), dtype=bool)
