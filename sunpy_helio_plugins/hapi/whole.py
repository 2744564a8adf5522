"""
Integer parameters, exactly: their type follows from the header, never from the values of one answer.

An ``integer`` has 32 bits by the specification and more on real servers, so that it becomes int64; uint64 where the
fill value says so, or where a value does not fit otherwise. No integer goes through a float.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.parameter import Parameter
from sunpy_helio_plugins.quantities.fills import exact_integer, is_fill

__all__ = ["EXACT", "INTEGERS", "NO_NUMBER", "concatenated", "exact_json", "integers", "integers_of", "kind_of"]

INTEGERS = ("integer", "long")
"""The types of integers; the second is of a later HAPI."""

NO_NUMBER = ["", "NaN", "nan", "NAN", "Nan", "-nan", "-NaN", "null", "NULL", "None"]
"""How servers write a number that is missing."""

EXACT = 2**53
"""Up to which every integer is a float as well."""

_SIGNED, _UNSIGNED = np.iinfo(np.int64), np.iinfo(np.uint64)
_NOTHING = frozenset(NO_NUMBER)
_LARGE = re.compile(rb"\d{16}[.eE]|\d[eE]\+?\d\d")
"""Numbers of JSON that may be integers beyond `EXACT`, written as no integer."""


def kind_of(parameter: Parameter) -> type[np.int64] | type[np.uint64]:
    """Return the type of a parameter of integers: unsigned where its fill value is so large."""
    fill = None if parameter.fill is None else exact_integer(parameter.fill)
    return np.uint64 if fill is not None and _SIGNED.max < fill <= _UNSIGNED.max else np.int64


def integers(values: NDArray[Any], parameter: Parameter) -> NDArray[Any]:
    """
    Return integers of any width in the type that the header decides; what is masked stays so.

    Parameters
    ----------
    values : numpy.ndarray
        Integers.
    parameter : Parameter
        Their description.
    """
    kind = kind_of(parameter)
    if values.dtype == kind:
        return values
    if kind is np.int64:
        is_large = values.dtype == np.uint64 and values.size and np.ma.getdata(values).max() > _SIGNED.max
        return values if is_large else values.astype(kind)
    if values.size and np.ma.getdata(values).min() < 0:
        return integers_of([int(value) for value in values.ravel()], parameter).reshape(values.shape)
    return values.astype(kind)


def exact_json(text: bytes) -> Any:
    """
    Decode JSON; integers beyond `EXACT` stay exact also where they are written as ``9007199254740993.0``.

    Parameters
    ----------
    text : bytes
        The JSON.
    """
    may_be = (b'"parameters"' not in text or b'"integer"' in text or b'"long"' in text) and _LARGE.search(text)
    return json.loads(text, parse_float=_decoded if may_be else None)


def _decoded(text: str) -> int | float:
    number = float(text)
    if -EXACT < number < EXACT or not np.isfinite(number):
        return number
    exact = exact_integer(text)
    return number if exact is None else exact


def integers_of(cells: Sequence[Any] | NDArray[np.bytes_], parameter: Parameter) -> NDArray[Any]:
    """
    Return the fields of an integer parameter in any spelling, such as ``1.0`` and ``1e3``.

    Parameters
    ----------
    cells : sequence
        Texts, numbers, or `None` where there is none.
    parameter : Parameter
        Their description.

    Returns
    -------
    numpy.ndarray
        Integers, masked where there are none, or where the fill value is beyond all integers. Floats where other
        numbers are among them, although the header says that there are none.

    Raises
    ------
    FileError
        A field is not a number, or a column of other numbers holds an integer that is not a float.
    """
    known: dict[Any, int | float | None] = {}
    read: list[int | float | None] = []
    for cell in cells.tolist() if isinstance(cells, np.ndarray) else cells:
        # 1, 1.0 and True are one key.
        key = (type(cell), cell)
        if key not in known:
            known[key] = _read(cell, parameter)
        read.append(known[key])
    present = [value for value in read if value is not None]
    if any(isinstance(value, float) for value in present):
        return _floats(read, parameter)
    kind = _kind(present, parameter)
    filled = np.array([0 if value is None else value for value in read], dtype=kind)
    if len(present) == len(read):
        return filled
    return np.ma.MaskedArray(filled, [value is None for value in read])


def concatenated(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """
    Return the columns of several answers as one.

    Parameters
    ----------
    parts : sequence of numpy.ndarray
        The columns.

    Raises
    ------
    FileError
        They have no type in common that holds all their integers.
    """
    kinds = {part.dtype.kind for part in parts if part.size}
    if len(kinds) > 1 and kinds <= set("iuf"):
        if "f" not in kinds and all(part.dtype.kind == "u" or np.ma.getdata(part).min() >= 0 for part in parts):
            parts = [part.astype(np.uint64) for part in parts]
        elif any(_is_inexact(part) for part in parts):
            raise FileError("The answers hold integers that have no type in common: read them one by one.")
    is_masked = any(isinstance(part, np.ma.MaskedArray) for part in parts)
    joined: NDArray[Any] = np.ma.concatenate(parts) if is_masked else np.concatenate(parts)
    return joined


def _is_inexact(part: NDArray[Any]) -> bool:
    """Tell whether integers are others as floats."""
    if part.dtype.kind not in "iu":
        return False
    plain = np.ma.getdata(part)
    return bool(part.size and (plain.max() > EXACT or plain.min() < -EXACT))


def _read(cell: Any, parameter: Parameter) -> int | float | None:
    """Read one field: an integer, another number as a float, or nothing."""
    text = cell.decode("utf-8", "replace").strip() if isinstance(cell, bytes) else cell
    text = text.strip() if isinstance(text, str) else text
    if text is None or (isinstance(text, str) and text in _NOTHING) or text != text:
        return None
    try:
        exact = int(text) if isinstance(text, bool) else exact_integer(text)
        number = float(text) if exact is None or not _SIGNED.min <= exact <= _UNSIGNED.max else None
    except (TypeError, ValueError, OverflowError):
        raise FileError(f"{text!r} is no {parameter.type} of the parameter {parameter.name!r}.") from None
    if number is None:
        return exact
    return None if not np.isfinite(number) or is_fill(np.array([number]), parameter.fill) is not None else number


def _kind(present: Sequence[Any], parameter: Parameter) -> Any:
    kind = kind_of(parameter)
    least, most = min(present, default=0), max(present, default=0)
    if np.iinfo(kind).min <= least and most <= np.iinfo(kind).max:
        return kind
    if least >= 0 or most <= _SIGNED.max:
        return np.uint64 if least >= 0 else np.int64
    raise FileError(
        f"The parameter {parameter.name!r} holds {least} and {most}: no integers of 64 bits hold both; ask for shorter "
        "ranges."
    )


def _floats(read: Sequence[int | float | None], parameter: Parameter) -> NDArray[np.float64]:
    changed = next((value for value in read if isinstance(value, int) and int(float(value)) != value), None)
    if changed is not None:
        raise FileError(
            f"The header says that {parameter.name!r} is of integers. It has other numbers beside {changed}, which is "
            "not a float: correct the type in the header, or the values."
        )
    return np.array([np.nan if value is None else value for value in read], dtype=float)
