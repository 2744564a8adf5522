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
from sunpy_helio_plugins.cdf.salvage import recover
from sunpy_helio_plugins.errors import FileError

__all__ = ["TIME_KINDS", "Variable", "load", "salvaged"]

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
    part : callable, optional
        Returns the values of a range of records, without decoding the others.
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
    part: Callable[[range], decode.Values] | None = field(default=None, repr=False)

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
        Return a variable that does not vary, or has one record, as one whose first dimension is the record.

        With ``is_new``, the record is an additional first dimension of length one.
        """

        def read() -> decode.Values:
            values = np.asarray(self.values).reshape(self.shape)
            lost = None if self.missing is None else np.repeat(self.missing.all(), length)
            return decode.Values(values.reshape(length, *(values.shape if is_new else values.shape[1:])), lost)

        shape, axis = (self.shape, self.first_axis) if is_new else (self.shape[1:], self.first_axis + 1)
        return replace(self, records=length, varies=True, read=read, part=None, shape=shape, first_axis=axis)

    def within(self, rows: range) -> Variable:
        """Return a variable that varies with a range of its records only; the blocks of the others are not decoded."""

        def read() -> decode.Values:
            if self.part is not None and "_found" not in self.__dict__:
                return self.part(rows)
            kept = slice(rows.start, rows.stop)
            return decode.Values(self.values[kept], None if self.missing is None else self.missing[kept])

        return self if len(rows) == self.records else replace(self, records=len(rows), read=read, part=None)

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
    def absence(self) -> str:
        """Why a variable does not have records; empty if it has some, or if it is not known."""
        if self.records or str(self.attributes.get("VIRTUAL", "")).strip().lower() != "true":
            return ""
        function = self.named("FUNCT") or self.named("FUNCTION") or "a function that is not named"
        parts = (self.named(key) for key in sorted(self.attributes) if key.startswith("COMPONENT_"))
        of = ", ".join(filter(None, parts))
        return (
            f"{self.name} is virtual: it is computed ({function}{f' of {of}' if of else ''}), and the file does not "
            "contain its values."
        )

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
    return _loaded(structure.examine(Path(path).expanduser()))


def salvaged(path: str | Path) -> tuple[dict[str, Variable], dict[str, Any], list[str]]:
    """Return the variables and global attributes that are left of a damaged CDF file, and what is lost."""
    found = recover(Path(path).expanduser())
    return *_loaded(found), found.problems


def _loaded(found: structure.Structure) -> tuple[dict[str, Variable], dict[str, Any]]:
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
            is_sparse=bool(layout.sparse), part=partial(_values, layout, found),
        )
        for layout in found.variables
    }  # fmt: skip
    return variables, {name: _single([values[number] for number in sorted(values)]) for name, values in of_file.items()}


def _values(layout: structure.VariableLayout, found: structure.Structure, rows: range | None = None) -> decode.Values:
    try:
        return decode.values_of(layout, found, rows)
    except (OSError, ValueError, MemoryError) as error:
        raise FileError(f"{found.path}: the variable {layout.name} cannot be read ({error}).") from error


def _single(entries: list[Any]) -> Any:
    return entries[0] if len(entries) == 1 else FrozenList(entries)
