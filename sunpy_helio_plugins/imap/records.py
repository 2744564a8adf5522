"""Values that come as JSON records, as columns: numbers as numbers, whole ones as whole ones, and nothing dropped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities import units

__all__ = ["column"]


def column(name: str, values: Sequence[Any], unit: str | None = None, labels: Sequence[str] = ()) -> Any:
    """
    Return values of one name as a table column.

    Parameters
    ----------
    name : str
        The column's name.
    values : sequence
        Numbers, truth values, texts, or lists of numbers at any depth; `None` where a record has none.
    unit : str, optional
        The unit of numbers.
    labels : sequence of str, optional
        What the components of vectors of three are called.

    Returns
    -------
    astropy.units.Quantity, astropy.table.Column or astropy.table.MaskedColumn
        Masked, whether or not a record lacks its value, and floats where there is a unit: types do not depend on what
        an answer holds. What is neither a number nor a text, integers that no type holds beside the others, and lists
        that differ in their shapes, are texts of JSON.
    """
    array, mask = _numbers(values)
    if array is None:
        array, unit = _texts(values), None
        mask = np.array([value is None for value in values], dtype=bool)
    if unit is not None and array.dtype.kind in "iu":
        array = array.astype(float)
    made = units.column(array, unit, name=name, mask=mask)
    if labels and array.shape[1:] == (3,):
        made.info.meta = {**(made.info.meta or {}), "labels": {"1": list(labels)}}
    return made


def _numbers(values: Sequence[Any]) -> tuple[NDArray[Any] | None, NDArray[np.bool_]]:
    """Return an array and what is missing of it, or nothing where not all are numbers of one shape."""
    nothing = None, np.zeros(0, bool)
    present = [value for value in values if value is not None]
    try:
        known = np.array(present, dtype=object)
    except ValueError:  # lists of different lengths
        return nothing
    kinds = {type(value) for value in known.flat} - {type(None)}
    if not kinds <= {int, float, bool} or (bool in kinds and len(kinds) > 1) or (not kinds and present):
        return nothing
    kind = _dtype(kinds, known)
    if kind is None:
        return nothing
    whole = np.full((len(values), *known.shape[1:]), None, dtype=object)
    whole[[value is not None for value in values]] = known
    missing = np.array([value is None for value in whole.flat], dtype=bool).reshape(whole.shape)
    array: NDArray[Any] = np.where(missing, 0, whole).astype(kind)
    return array, missing | np.isnan(array)


def _dtype(kinds: set[type], known: NDArray[Any]) -> Any:
    """Return a type that holds all numbers as they are; `None` where there is none."""
    if kinds == {bool}:
        return bool
    whole = [value for value in known.flat if type(value) is int]
    least, most = min(whole, default=0), max(whole, default=0)
    for kind in (np.int64, np.uint64) if whole and float not in kinds else ():
        if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
            return kind
    return float if all(int(float(value)) == value for value in whole) else None


def _texts(values: Sequence[Any]) -> NDArray[Any]:
    texts = ["" if one is None else one if isinstance(one, str) else json.dumps(one) for one in values]
    return np.array(texts, dtype=str)
