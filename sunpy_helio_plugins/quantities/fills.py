"""
Fill values and masks: which elements of an array are missing, and columns that keep their mask.

A column whose elements can be missing is always masked and is written with its mask, even if all elements are present,
so that the parts of one dataset have the same type in memory and the same schema in files. Masked floats are NaN:
functions that ignore masks, such as a convolution, then do not use fill values as data.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

import numpy as np
from astropy import units as u
from astropy.table import MaskedColumn
from astropy.utils.masked import Masked
from astropy.utils.masked.core import MaskedNDArray
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import ANY_TEXT, MASK, VALUES, Kind, optional, taking, unchecked

__all__ = [
    "MaskKeepingColumn", "MaskKeepingQuantity", "about", "all_masked", "exact_integer", "for_frame", "is_fill",
    "keeping_mask", "masked",
]  # fmt: skip

_SINGLES = (1.2e-38, 3.4e38)
"""The range of magnitudes in which a 32-bit float has full precision."""

_NO_DATA = 1e20
"""Above this magnitude, 64-bit numbers that are equal in 32 bits are not different data."""

_MOST_DIGITS = 300

_ABOUT = ("name", "description", "format", "meta")

_EXACT = 2**53
"""The largest integer up to which every integer is exact as a float."""


def _fill(given: Any) -> Any:
    is_number = isinstance(given, int | float | np.number | np.str_)
    if given is not None and not isinstance(given, str) and not is_number:
        raise TypeError
    return given


def _number(given: Any) -> Any:
    if given is None:
        raise TypeError
    return _fill(given)


_NUMBER = Kind("a text or a number", _number)
_FILL = Kind("a text, a number or None", _fill)


@taking("quantities.is_fill", values=VALUES, fill=_FILL)
def is_fill(values: NDArray[Any], fill: str | float | None) -> NDArray[np.bool_] | None:
    """
    Return which elements are equal to the fill value.

    Numbers are compared in the precision of the data. A fill value may have been a 32-bit float in the archive, and
    the data or the metadata may give it as a 64-bit float (-9.999999848e30 for -1e31) or with 6 to 9 digits
    (``-9.9999998e+30``, ``99999.898``).

    Parameters
    ----------
    values : numpy.ndarray
        Numbers or text, of any shape.
    fill : str, float or None
        The fill value: a number, or text as in HAPI (``"-1.0e31"``, ``"NaN"``). It is compared literally with text
        columns. `None` if the data do not have a fill value.

    Returns
    -------
    numpy.ndarray of bool or None
        An array of the shape of ``values``; `None` if no element is fill.

    Examples
    --------
    >>> import numpy as np
    >>> from sunpy_helio_plugins import quantities
    >>> quantities.is_fill(np.array([5.1, -1e31]), "-1e31").tolist()
    [False, True]
    """
    if fill is None or isinstance(fill, bool):
        return None
    found: NDArray[np.bool_] | None
    if values.dtype.kind in "SUO":
        found = _text_fill(values, str(fill))
    elif values.dtype.kind in "iu":
        found = _integer_fill(values, fill)
    else:
        found = _float_fill(values, fill) if values.dtype.kind == "f" else None
    return found if found is not None and found.any() else None


@taking("quantities.exact_integer", text=_NUMBER)
def exact_integer(text: str | float) -> int | None:
    """
    Return the exact integer value of a number, or `None` if it is not an integer.

    Parameters
    ----------
    text : str or float
        A number in any notation: ``"9007199254740993"``, ``"1.0"``, ``"1e3"``.

    Returns
    -------
    int or None
        The integer.

    Examples
    --------
    >>> from sunpy_helio_plugins import quantities
    >>> quantities.exact_integer("5.0"), quantities.exact_integer(5.5)
    (5, None)
    """
    try:
        return int(text) if isinstance(text, str | int) else _integral(Decimal(float(text)))
    except ValueError:
        pass
    try:
        return _integral(Decimal(str(text).strip()))
    except InvalidOperation:
        return None


def _integral(number: Decimal) -> int | None:
    if not number.is_finite() or number.adjusted() > _MOST_DIGITS:
        return None
    ratio = number.as_integer_ratio() if number.adjusted() >= 0 or not number else (1, 2)
    return ratio[0] if ratio[1] == 1 else None


def _text_fill(values: NDArray[Any], fill: str) -> NDArray[np.bool_]:
    wanted: str | bytes = fill.encode() if values.dtype.kind == "S" else fill
    return np.asarray(values == wanted, dtype=bool)


_FAR = 2**128
"""Integers beyond this are no fill values of any type, and may exceed the floats."""


def _integer_fill(values: NDArray[Any], fill: str | float) -> NDArray[np.bool_] | None:
    """Compare integers with a fill value; one that is not an integer or out of their range matches nothing."""
    limits = np.iinfo(values.dtype)
    exact = exact_integer(fill.item() if isinstance(fill, np.generic) else fill)
    if exact is None or abs(exact) > _FAR:
        return None
    if limits.min <= exact <= limits.max:
        return np.asarray(values == exact, dtype=bool)
    # Servers without 64-bit integers write the largest one as 9223372036854776000.
    near = next((limit for limit in (limits.min, limits.max) if limit and float(limit) == float(Fraction(exact))), None)
    return None if near is None else np.asarray(values == near, dtype=bool)


def _float_fill(values: NDArray[Any], fill: str | float) -> NDArray[np.bool_] | None:
    try:
        number = float(fill)
    except (ValueError, OverflowError):
        return None
    if np.isnan(number):
        return np.isnan(values)
    with np.errstate(over="ignore", under="ignore"):
        own = values.dtype.type(number)
    if number and np.isfinite(number) and (not own or not np.isfinite(own)):
        # Out of the range of the type: the fill value is neither its zero nor its infinity.
        return None
    if values.dtype.itemsize < 8 or not _SINGLES[0] < abs(number) < _SINGLES[1]:
        return np.asarray(values == own, dtype=bool)
    return _spelled(values, number)


def _spelled(values: NDArray[Any], number: float) -> NDArray[np.bool_] | None:
    """Compare with a 32-bit number in any notation; values that differ in 32 bits are not fill."""
    single = np.float32(number)
    if abs(number) > _NO_DATA:
        # Independent of the rounding of its output, such as IDL's -9.9999998430674944e30.
        near = np.abs(values - float(single)) <= 0.5 * float(np.spacing(np.abs(single)))
        return np.asarray(near, dtype=bool)
    prints = {float(f"{float(single):.{digits}g}") for digits in range(6, 18)}
    wanted = sorted({number, float(single), *(one for one in prints if np.float32(one) == single)})
    if len(wanted) == 1:
        return np.asarray(values == number, dtype=bool)
    near = (values >= wanted[0]) & (values <= wanted[-1])
    if not near.any():
        return None
    near[near] = np.isin(values[near], wanted)
    return near


@taking("quantities.for_frame", values=VALUES, mask=MASK)
def for_frame(values: NDArray[Any], mask: NDArray[np.bool_] | None) -> Any:
    """
    Return numbers as a column of a `pandas.DataFrame`.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers, shape (n,).
    mask : numpy.ndarray of bool or None
        The elements that are missing.

    Returns
    -------
    numpy.ndarray or pandas.arrays.IntegerArray
        Floats, with NaN for missing elements. Integers that cannot be represented as floats have the nullable integer
        type of pandas.

    Examples
    --------
    >>> import numpy as np
    >>> from sunpy_helio_plugins import quantities
    >>> quantities.for_frame(np.array([1, 2]), np.array([False, True])).tolist()
    [1.0, nan]
    """
    lost = np.zeros(values.shape, dtype=bool) if mask is None else np.asarray(mask)
    if values.dtype.kind == "f":
        return np.where(lost, np.nan, values) if lost.any() else values
    kept = values[~lost]
    if not kept.size or (kept.min() >= -_EXACT and kept.max() <= _EXACT):
        return np.where(lost, np.nan, values.astype(float))
    import pandas as pd

    return pd.arrays.IntegerArray(np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))), lost)


class _ArrayInfo(type(MaskedNDArray.__dict__["info"])):  # type: ignore[misc]
    def _represent_as_dict(self) -> dict[str, Any]:
        made: dict[str, Any] = super()._represent_as_dict()
        if self.serialize_method[self._serialize_context] == "data_mask":
            made |= {"mask": np.asarray(self._parent.mask), "__class__": "astropy.utils.masked.core.MaskedNDArray"}
        return made


class _MaskKeepingArray(MaskedNDArray):
    """The values of a masked quantity or time while it is written."""

    info = _ArrayInfo()


def keeping_mask(values: NDArray[Any], mask: NDArray[np.bool_]) -> Any:
    """Return numbers that are written with their mask, even if no element is masked."""
    made = _MaskKeepingArray.from_unmasked(np.asarray(values), np.array(mask))
    made.info.serialize_method = dict.fromkeys(made.info.serialize_method, "data_mask")
    return made


_MaskedQuantity: Any = Masked(u.Quantity)


class _QuantityInfo(type(_MaskedQuantity.__dict__["info"])):  # type: ignore[misc]
    @staticmethod
    def default_format(val: Any) -> str:
        """Return a value with the digits of its type: ``format`` gives those of 64 bits."""
        return str(val.value)

    def _represent_as_dict(self) -> dict[str, Any]:
        made: dict[str, Any] = super()._represent_as_dict()
        if self.serialize_method[self._serialize_context] == "data_mask":
            plain = np.asarray(self._parent.unmasked.value)
            made["value"] = keeping_mask(plain, self._parent.mask)
        return made

    def new_like(self, cols: Any, *args: Any, **kwargs: Any) -> Any:
        """Return an empty column for stacking, which keeps integers; astropy would convert them to floats."""
        made = super().new_like(cols, *args, **kwargs)
        kind = np.result_type(*(column.dtype for column in cols))
        if made.dtype == kind:
            return made
        return _rebuilt(np.zeros(made.shape, kind), made.unit, np.zeros(made.shape, dtype=bool), about(made))


class MaskKeepingQuantity(_MaskedQuantity):
    """
    A masked `~astropy.units.Quantity` that is written with its mask, even if no element is masked.

    Examples
    --------
    >>> from sunpy_helio_plugins.quantities import MaskKeepingQuantity
    >>> speeds = MaskKeepingQuantity([400.0, 410.0], "km / s", mask=[False, True])
    >>> print(speeds[0], speeds[1].mask)
    400.0 km / s True
    """

    info = _QuantityInfo()

    def __getitem__(self, item: Any) -> Any:
        """Return elements; a single element that is not masked is a plain quantity, as in a column without a mask."""
        found = super().__getitem__(item)
        return found if found.shape or found.mask else found.unmasked

    def __reduce__(self) -> tuple[Any, ...]:
        # Masked quantities cannot be pickled before astropy 8.0.
        return _rebuilt, (np.array(self.unmasked.value), self.unit, np.array(self.mask), about(self))


def about(column: Any) -> dict[str, Any]:
    """Return the attributes of ``info`` of a column, for a copy of it."""
    return {name: getattr(column.info, name) for name in _ABOUT if getattr(column.info, name, None)}


def _rebuilt(values: Any, unit: Any, mask: Any, said: dict[str, Any]) -> Any:
    made = MaskKeepingQuantity.from_unmasked(u.Quantity(values, unit, dtype=values.dtype, copy=False), mask, copy=False)
    for name, value in said.items():
        setattr(made.info, name, value)
    return made


class _ColumnInfo(type(MaskedColumn.__dict__["info"])):  # type: ignore[misc]
    def _represent_as_dict(self) -> dict[str, Any]:
        made: dict[str, Any] = super()._represent_as_dict()
        if self._parent.dtype.names is None and self.serialize_method[self._serialize_context] == "data_mask":
            made |= {"mask": np.ma.getmaskarray(self._parent), "__class__": "astropy.table.column.MaskedColumn"}
        return made


class MaskKeepingColumn(MaskedColumn):
    """
    A `~astropy.table.MaskedColumn` that is written with its mask, even if no element is masked.

    Examples
    --------
    >>> from astropy.table import QTable
    >>> from sunpy_helio_plugins.quantities import MaskKeepingColumn
    >>> QTable({"counts": MaskKeepingColumn([3, 5])}).write("counts.fits")
    >>> QTable.read("counts.fits")["counts"].mask
    array([False, False])
    """

    info = _ColumnInfo()


def all_masked(columns: Mapping[str, tuple[Any, NDArray[np.bool_] | None]]) -> dict[str, Any]:
    """Return columns by name, each made from its values and its mask by `masked`."""
    return {name: _masked(values, mask, name) for name, (values, mask) in columns.items()}


@taking("quantities.masked", values=VALUES, mask=MASK, name=optional(ANY_TEXT))
def masked(values: Any, mask: NDArray[np.bool_] | None, name: str | None = None) -> Any:
    """
    Return values as a masked column.

    Parameters
    ----------
    values : numpy.ndarray or astropy.units.Quantity
        The values. Missing floats are set to NaN, in place if the array is writeable.
    mask : numpy.ndarray of bool or None
        The elements that are missing; `None` if all elements are present.
    name : str, optional
        The name of the column.

    Returns
    -------
    MaskKeepingQuantity or MaskKeepingColumn
        A masked column in all cases, which shares the memory of ``values``.

    Examples
    --------
    >>> import numpy as np
    >>> from sunpy_helio_plugins import quantities
    >>> print(quantities.masked(np.array([1.0, 2.0]), np.array([False, True])).tolist())
    [1.0, None]
    """
    if mask is None:
        mask = np.zeros(values.shape, dtype=bool)
    elif values.dtype.kind == "f" and mask.any():
        if not values.flags.writeable:
            values = values.copy()
        np.asarray(values)[mask] = np.nan
    if isinstance(values, u.Quantity):
        made: Any = MaskKeepingQuantity.from_unmasked(values, mask, copy=False)
        made.info.name = name
        return made
    return MaskKeepingColumn(values, mask=mask, name=name, copy=False)


_masked = unchecked(masked)
