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
        Masked where values are missing. What is neither a number nor a text, and lists that differ in their shapes, are
        texts of JSON.
    """
    array, mask = _numbers(values)
    if array is None:
        array, unit = _texts(values), None
        mask = np.array([value is None for value in values])
    made = units.column(array, unit, name=name, mask=mask if mask.any() else None)
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
    whole = np.full((len(values), *known.shape[1:]), None, dtype=object)
    whole[[value is not None for value in values]] = known
    missing = np.array([value is None for value in whole.flat], dtype=bool).reshape(whole.shape)
    array: NDArray[Any] = np.where(missing, 0, whole).astype(_dtype(kinds, known))
    return array, missing | np.isnan(array)


def _dtype(kinds: set[type], known: NDArray[Any]) -> type:
    if kinds == {bool}:
        return bool
    if kinds == {int} and all(abs(value) < 2**63 for value in known.flat if value is not None):
        return int
    return float


def _texts(values: Sequence[Any]) -> NDArray[Any]:
    texts = ["" if one is None else one if isinstance(one, str) else json.dumps(one) for one in values]
    return np.array(texts, dtype=str)
