"""
The variables of a CDF file, each with its attributes; values are read when they are asked for.

Attributes are those of the ISTP guidelines (https://spdf.gsfc.nasa.gov/istp_guide/variables.html).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.imap import decoding, structure
from sunpy_helio_plugins.imap.kept import KeptList

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
        How many records it has.
    varies : bool
        Whether its records are instants, or it is one value for the whole file.
    attributes : dict
        The variable's attributes, as plain Python.
    read : callable
        Gives the values, and which records were never written.
    """

    name: str
    kind: str
    records: int
    varies: bool
    attributes: dict[str, Any] = field(repr=False)
    read: Callable[[], decoding.Values] = field(repr=False)

    @property
    def is_time(self) -> bool:
        """Whether its values are instants."""
        return self.varies and self.kind in TIME_KINDS

    def named(self, attribute: str) -> str | None:
        """
        Return the variable that an attribute names, as ``DEPEND_0`` does.

        Parameters
        ----------
        attribute : str
            The attribute.

        Returns
        -------
        str or None
            `None` where there is none; some files have a number there, which names nothing.
        """
        said = self.attributes.get(attribute)
        # Older writers fill the names up with blanks.
        return said.strip() or None if isinstance(said, str) else None

    @property
    def depends_on(self) -> str | None:
        """The variable that ``DEPEND_0`` names."""
        return self.named("DEPEND_0")

    @property
    def values(self) -> NDArray[Any]:
        """The values; the first axis is the record where the variable varies."""
        return self._found.values

    @property
    def missing(self) -> NDArray[np.bool_] | None:
        """Which records were never written; `None` where none."""
        return self._found.missing

    @cached_property
    def _found(self) -> decoding.Values:
        return self.read()


def load(path: str | Path) -> tuple[dict[str, Variable], dict[str, Any]]:
    """
    Return what a CDF file holds.

    Parameters
    ----------
    path : str or pathlib.Path
        The file.

    Returns
    -------
    variables : dict of Variable
        By name, in the file's order.
    attributes : dict
        The global attributes; a list where one has several entries.

    Raises
    ------
    FileError
        The file is not there or is no CDF file.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileError(f"{path}: there is no such file.")
    found = structure.examine(path)
    of_file: dict[str, dict[int, Any]] = {}
    of_variable: dict[tuple[bool, int], dict[str, Any]] = {}
    for entry in found.entries:
        value = decoding.attribute_of(entry, found.encoding)
        if entry.is_global:
            of_file.setdefault(entry.attribute, {})[entry.number] = value
        else:
            of_variable.setdefault((entry.is_z, entry.number), {}).setdefault(entry.attribute, value)
    variables = {
        layout.name: Variable(
            layout.name, decoding.KINDS[layout.type], layout.records, layout.varies,
            of_variable.get((layout.is_z, layout.number), {}), partial(_values, layout, found),
        )
        for layout in found.variables
    }  # fmt: skip
    return variables, {name: _single([values[number] for number in sorted(values)]) for name, values in of_file.items()}


def _values(layout: structure.Layout, found: structure.Structure) -> decoding.Values:
    try:
        return decoding.values_of(layout, found)
    except (OSError, ValueError, MemoryError) as error:
        raise FileError(f"{found.path}: the variable {layout.name} cannot be read ({error}).") from error


def _single(entries: list[Any]) -> Any:
    return entries[0] if len(entries) == 1 else KeptList(entries)
