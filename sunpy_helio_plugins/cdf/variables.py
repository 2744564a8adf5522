"""
The variables of a CDF file with their attributes; values are read on first access.

Attributes are those of the ISTP guidelines (https://spdf.gsfc.nasa.gov/istp_guide/variables.html).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.cdf import decode, structure
from sunpy_helio_plugins.cdf.counts import Count
from sunpy_helio_plugins.cdf.metadata import FrozenList
from sunpy_helio_plugins.errors import FileError

__all__ = ["TIME_KINDS", "Variable", "load"]

TIME_KINDS = frozenset({"CDF_TIME_TT2000", "CDF_EPOCH", "CDF_EPOCH16"})
"""The data types of instants."""


@dataclass(frozen=True)
class Variable:
    """
    One variable of a CDF file.

    Attributes
    ----------
    name : str
        Its name.
    kind : str
        The CDF data type.
    records : int
        The number of records.
    varies : bool
        Whether it varies by record; otherwise it is one value for the complete file.
    attributes : dict
        The variable's attributes, as plain Python.
    read : callable
        Returns the values, and which records were never written.
    shape : tuple of int
        The dimensions of one record.
    time : str or None
        The time variable on which it depends, if that is not the one in ``DEPEND_0``.
    count : Count or None
        The start and unit of the count, if its numbers are times.
    first_axis : int
        The number, in ``DEPEND_1`` and similar attributes, of the first dimension after the record.
    is_sparse : bool
        Whether the file declares that records may be absent.
    """

    name: str
    kind: str
    records: int
    varies: bool
    attributes: dict[str, Any] = field(repr=False)
    read: Callable[[], decode.Values] = field(repr=False)
    shape: tuple[int, ...] = ()
    time: str | None = None
    count: Count | None = None
    first_axis: int = 1
    is_sparse: bool = False

    @property
    def is_instant(self) -> bool:
        """Whether its values are instants, of records or of the file."""
        return self.kind in TIME_KINDS or self.count is not None

    @property
    def is_time(self) -> bool:
        """Whether its records are instants."""
        return self.varies and self.is_instant

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers, not texts."""
        return "CHAR" not in self.kind

    def unrolled(self, length: int, *, is_new: bool = False) -> Variable:
        """
        Return a variable that does not vary as one whose first dimension is the record.

        With ``is_new``, the record is an additional first dimension of length one.
        """

        def read() -> decode.Values:
            values = np.asarray(self.values)
            return decode.Values(values.reshape(length, *(values.shape if is_new else values.shape[1:])), None)

        shape, axis = (self.shape, self.first_axis) if is_new else (self.shape[1:], self.first_axis + 1)
        return replace(self, records=length, varies=True, read=read, shape=shape, first_axis=axis)

    def named(self, attribute: str) -> str | None:
        """Return the variable that an attribute such as ``DEPEND_0`` names, or `None`; in some files it is a number."""
        said = self.attributes.get(attribute)
        # Older writers pad the names with blanks.
        return said.strip() or None if isinstance(said, str) else None

    @property
    def depends_on(self) -> str | None:
        """The time variable, from ``DEPEND_0`` or another attribute."""
        return self.time or self.named("DEPEND_0")

    @property
    def values(self) -> NDArray[Any]:
        """The values; the first axis is the record if the variable varies."""
        return self._found.values

    @property
    def missing(self) -> NDArray[np.bool_] | None:
        """Which records were never written; `None` if all were written."""
        return self._found.missing

    @cached_property
    def _found(self) -> decode.Values:
        return self.read()


def load(path: str | Path) -> tuple[dict[str, Variable], dict[str, Any]]:
    """Return the variables of a CDF file by name, in its order, and its global attributes."""
    path = Path(path).expanduser()
    found = structure.examine(path)
    of_file: dict[str, dict[int, Any]] = {}
    of_variable: dict[tuple[bool, int], dict[str, Any]] = {}
    for entry in found.entries:
        value = decode.attribute_of(entry, found.encoding)
        if entry.is_global:
            of_file.setdefault(entry.attribute, {})[entry.number] = value
        else:
            of_variable.setdefault((entry.is_z, entry.number), {}).setdefault(entry.attribute, value)
    variables = {
        layout.name: Variable(
            layout.name, decode.KINDS[layout.type], layout.records, layout.varies,
            of_variable.get((layout.is_z, layout.number), {}), partial(_values, layout, found), layout.shape,
            is_sparse=bool(layout.sparse),
        )
        for layout in found.variables
    }  # fmt: skip
    return variables, {name: _single([values[number] for number in sorted(values)]) for name, values in of_file.items()}


def _values(layout: structure.VariableLayout, found: structure.Structure) -> decode.Values:
    try:
        return decode.values_of(layout, found)
    except (OSError, ValueError, MemoryError) as error:
        raise FileError(f"{found.path}: the variable {layout.name} cannot be read ({error}).") from error


def _single(entries: list[Any]) -> Any:
    return entries[0] if len(entries) == 1 else FrozenList(entries)
