"""
Fill values and masks: which elements of an array are missing, and columns that keep their mask.

A column of which elements can be missing is masked whether or not any is, and is written with its mask, so that the
parts of one dataset have one type in memory and one schema in files. Under the mask of floats is NaN: what ignores
masks, such as a convolution, then does not take fill values for data.
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

__all__ = [
    "MaskKeepingColumn", "MaskKeepingQuantity", "about", "all_masked", "exact_integer", "for_frame", "is_fill",
    "keeping_mask", "masked",
]  # fmt: skip

_SINGLES = (1.2e-38, 3.4e38)
"""Between which magnitudes a number of 32 bits has all its digits."""

_NO_DATA = 1e20
"""Beyond this, numbers that are one in 32 bits are no data that differ."""

_MOST_DIGITS = 300

_ABOUT = ("name", "description", "format", "meta")

_EXACT = 2**53
"""Up to which every integer is a float as well."""


def is_fill(values: NDArray[Any], fill: str | float | None) -> NDArray[np.bool_] | None:
    """
    Tell which elements hold the fill value.

    Numbers are compared in the precision of the data: a fill value may have been a number of 32 bits in the archive,
    and either side may show it as that number in 64 bits (-9.999999848e30 for -1e31), or as 6 to 9 digits of it
    (``-9.9999998e+30``, ``99999.898``).

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


def exact_integer(text: str | float) -> int | None:
    """
    Return the integer that a number is, exactly; `None` where it is not one.

    Parameters
    ----------
    text : str or float
        A number in any spelling: ``"9007199254740993"``, ``"1.0"``, ``"1e3"``.
    """
    try:
        return int(text) if isinstance(text, str | int) else _integral(Decimal(float(text)))
    except ValueError:
        pass
    except (OverflowError, InvalidOperation):
        return None
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


def _integer_fill(values: NDArray[Any], fill: str | float) -> NDArray[np.bool_] | None:
    """Compare integers; a column of them cannot hold a fill value that is not an integer or out of its range."""
    limits = np.iinfo(values.dtype)
    exact = exact_integer(fill.item() if isinstance(fill, np.generic) else fill)
    if exact is None:
        return None
    if limits.min <= exact <= limits.max:
        return np.asarray(values == exact, dtype=bool)
    # Servers that know no integers of 64 bits print the greatest one as 9223372036854776000.
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
        # Out of the range of the type: neither its zeros nor its infinities are meant.
        return None
    if values.dtype.itemsize < 8 or not _SINGLES[0] < abs(number) < _SINGLES[1]:
        return np.asarray(values == own, dtype=bool)
    return _spelled(values, number)


def _spelled(values: NDArray[Any], number: float) -> NDArray[np.bool_] | None:
    """Compare with a number of 32 bits, however it is written; what is not the same in 32 bits is not meant."""
    single = np.float32(number)
    if abs(number) > _NO_DATA:
        # Whatever arithmetic printed it, as in IDL's -9.9999998430674944e30.
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


def for_frame(values: NDArray[Any], mask: NDArray[np.bool_] | None) -> Any:
    """
    Return numbers of which some can be missing as a column of a `pandas.DataFrame`.

    Parameters
    ----------
    values : numpy.ndarray
        Numbers, shape (n,).
    mask : numpy.ndarray of bool or None
        Which are missing.

    Returns
    -------
    numpy.ndarray or pandas.arrays.IntegerArray
        Floats with NaN where they are missing, whether or not any is; integers that are not floats stay integers, of
        pandas' nullable type.
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
    """The numbers of a masked quantity or time while it is written."""

    info = _ArrayInfo()


def keeping_mask(values: NDArray[Any], mask: NDArray[np.bool_]) -> Any:
    """Return numbers that are written with their mask, also where nothing is masked."""
    made = _MaskKeepingArray.from_unmasked(np.asarray(values), np.array(mask))
    made.info.serialize_method = dict.fromkeys(made.info.serialize_method, "data_mask")
    return made


_MaskedQuantity: Any = Masked(u.Quantity)


class _QuantityInfo(type(_MaskedQuantity.__dict__["info"])):  # type: ignore[misc]
    def _represent_as_dict(self) -> dict[str, Any]:
        made: dict[str, Any] = super()._represent_as_dict()
        if self.serialize_method[self._serialize_context] == "data_mask":
            plain = np.asarray(self._parent.unmasked.value)
            made["value"] = keeping_mask(plain, self._parent.mask)
        return made

    def new_like(self, cols: Any, *args: Any, **kwargs: Any) -> Any:
        """Return an empty column for stacked ones; astropy would make floats of integers."""
        made = super().new_like(cols, *args, **kwargs)
        kind = np.result_type(*(column.dtype for column in cols))
        if made.dtype == kind:
            return made
        return _rebuilt(np.zeros(made.shape, kind), made.unit, np.zeros(made.shape, dtype=bool), about(made))


class MaskKeepingQuantity(_MaskedQuantity):
    """A masked `~astropy.units.Quantity` that is written with its mask, also where nothing is masked."""

    info = _QuantityInfo()

    def __getitem__(self, item: Any) -> Any:
        """Return elements; a single one that is known is a plain quantity, as in a column without a mask."""
        found = super().__getitem__(item)
        return found if found.shape or found.mask else found.unmasked

    def __reduce__(self) -> tuple[Any, ...]:
        # No masked quantity can be pickled before astropy 8.0.
        return _rebuilt, (np.array(self.unmasked.value), self.unit, np.array(self.mask), about(self))


def about(column: Any) -> dict[str, Any]:
    """Return what a column's ``info`` holds, for a copy of it."""
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
    """A `~astropy.table.MaskedColumn` that is written with its mask, also where nothing is masked."""

    info = _ColumnInfo()


def all_masked(columns: Mapping[str, tuple[Any, NDArray[np.bool_] | None]]) -> dict[str, Any]:
    """Return several columns by their names, each made of its values and its mask as `masked` does."""
    return {name: masked(values, mask, name) for name, (values, mask) in columns.items()}


def masked(values: Any, mask: NDArray[np.bool_] | None, name: str | None = None) -> Any:
    """
    Return values as a column whose elements can be missing.

    Parameters
    ----------
    values : numpy.ndarray or astropy.units.Quantity
        The values. Floats are set to NaN where they are missing, in place where they can be written to.
    mask : numpy.ndarray of bool or None
        Which are missing; `None` where none of them is now.
    name : str, optional
        The column's name.

    Returns
    -------
    MaskKeepingQuantity or MaskKeepingColumn
        Masked in either case, sharing the memory of ``values``.
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
