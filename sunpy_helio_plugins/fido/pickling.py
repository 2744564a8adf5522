"""
Convert columns to forms that can be pickled, where astropy cannot do so.

astropy 8.0 loses the mask of a column of times, and then the column; before 8.0, masked quantities cannot be pickled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from astropy.time import Time
from astropy.units import Quantity
from astropy.utils.masked import Masked
from numpy.typing import NDArray

from sunpy_helio_plugins.quantities.days import WholeDays
from sunpy_helio_plugins.quantities.record_time import RecordTime

__all__ = ["packed", "unpacked"]

_INFO = ("description", "format", "meta")


@dataclass(frozen=True)
class _Instants:
    """A column of times."""

    jd1: NDArray[np.float64]
    jd2: NDArray[np.float64]
    mask: NDArray[np.bool_]
    scale: str
    form: str
    precision: int
    info: dict[str, Any]

    @classmethod
    def of(cls, time: Time) -> Self:
        whole = time.filled(Time(0, format="unix", scale=time.scale)) if time.masked else time
        parts = np.asarray(whole.jd1), np.asarray(whole.jd2), np.array(time.mask)
        return cls(*parts, time.scale, time.format, time.precision, _described(time))

    def column(self) -> Time:
        made = Time(self.jd1, self.jd2, format=WholeDays.name, scale=self.scale, precision=self.precision)
        made.format = self.form
        if self.mask.any():
            made[self.mask] = np.ma.masked
        return _describe(made, self.info)


@dataclass(frozen=True)
class _MaskedQuantity:
    """A column of quantities, some of them masked."""

    values: NDArray[Any]
    unit: Any
    mask: NDArray[np.bool_]
    info: dict[str, Any]

    @classmethod
    def of(cls, column: Any) -> Self:
        return cls(np.array(column.unmasked.value), column.unit, np.array(column.mask), _described(column))

    def column(self) -> Any:
        return _describe(Masked(Quantity(self.values, self.unit, dtype=self.values.dtype), mask=self.mask), self.info)


def _described(column: Any) -> dict[str, Any]:
    return {name: getattr(column.info, name) for name in _INFO if getattr(column.info, name, None)}


def _describe(column: Any, info: dict[str, Any]) -> Any:
    for name, value in info.items():
        setattr(column.info, name, value)
    return column


def packed(column: Any) -> Any:
    """Return a column in a form that can be pickled; most columns are returned unchanged."""
    if isinstance(column, Time) and not isinstance(column, RecordTime):
        return _Instants.of(column)
    if type(column) is Masked(Quantity):
        return _MaskedQuantity.of(column)
    return column


def unpacked(column: Any) -> Any:
    """Return the column of a form that `packed` returned, or any other column unchanged."""
    return column.column() if isinstance(column, _Instants | _MaskedQuantity) else column
