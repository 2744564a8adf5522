"""Plain columns of a table that is being written, and the columns when it is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from astropy.table import Column, MaskedColumn, Table
from numpy.typing import NDArray

from sunpy_helio_plugins.io.arrow.arrays import Ragged, mask_of_array, ragged_of, values_of
from sunpy_helio_plugins.io.arrow.sheet import ArrowSheet
from sunpy_helio_plugins.io.formats import FileFormat

__all__ = ["CODECS", "Codec", "Parts", "Sheet", "register"]


class Sheet:
    """
    Plain columns of a table in one format; names of columns of the original table are reserved.

    Attributes
    ----------
    columns : dict
        The plain columns by name.
    descriptions, units : dict
        The descriptions and units of columns that are arrays of Arrow.
    times : dict
        The time scales of columns of text that other readers of the format find as times.
    objects : dict
        The objects of plain columns that other columns may share.
    names : tuple of str
        The names of the columns of the original table.
    """

    def __init__(self, form: FileFormat, names: Iterable[str]) -> None:
        self.format = form
        self.columns: dict[str, Any] = {}
        self.descriptions: dict[str, str] = {}
        self.units: dict[str, str] = {}
        self.times: dict[str, str] = {}
        self.objects: dict[str, list[Any]] = {}
        self.names = tuple(names)
        self._own = set(self.names)
        self._once: dict[bytes, str] = {}

    def mask_of(self, mask: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
        """Return a mask that has to be written: one that masks nothing only in a format of fixed columns."""
        return mask if mask is not None and (self.format.is_fixed or bool(np.any(mask))) else None

    def add(self, name: str, part: str, column: Any) -> str:
        """Add a part of a column and return the name with which it is written; the part ``""`` is the column."""
        wanted = f"{name}.{part}" if part else name
        if not re.fullmatch(self.format.names, wanted):
            wanted = f"column_{len(self.columns) + 1}"
        number, candidate = 1, wanted
        while candidate in self.columns or (candidate != name and candidate in self._own):
            number += 1
            candidate = f"{wanted}_{number}"
        self.columns[candidate] = column
        return candidate

    def add_lists(self, name: str, part: str, lists: Ragged) -> str:
        """Add lists of numbers that several columns share, unless they are already there; return their name."""
        key = lists.values.tobytes() + lists.offsets.tobytes()
        if key not in self._once:
            pieces = (lists.values[start:end] for start, end in pairwise(lists.offsets.tolist()))
            data = np.fromiter(pieces, dtype=object, count=len(lists.offsets) - 1)
            self._once[key] = self.add(name, part, Column(data, copy=False))
        return self._once[key]

    def add_once(self, name: str, part: str, data: NDArray[np.float64]) -> str:
        """Add numbers that several columns share, unless they are already there; return their name."""
        key = (part if self.format.is_fixed else "").encode() + np.ascontiguousarray(data).tobytes()
        if key not in self._once:
            self._once[key] = self.add(name, part, Column(np.array(data)))
        return self._once[key]


class Parts:
    """The plain columns of one column: a table that was read, and the name of the column of each part."""

    def __init__(self, table: Table | ArrowSheet, names: Mapping[str, str]) -> None:
        self.table, self.names = table, names

    def __contains__(self, part: str) -> bool:
        return part in self.names

    def __getitem__(self, part: str) -> Any:
        return self.table[self.names[part]]

    def array(self, part: str) -> Any:
        """Return the values of a part, text as str."""
        if isinstance(self.table, ArrowSheet):
            return values_of(self.arrow(part))
        column = self[part]
        if isinstance(column, MaskedColumn) and column.dtype.kind in "US":
            # Readers put an arbitrary letter under the mask of a text that was empty.
            column = column.filled("")
        data = np.asarray(np.ma.getdata(column))
        return np.char.decode(data, "utf-8") if data.dtype.kind == "S" and data.size else data

    def mask(self, spec: Mapping[str, Any], part: str = "") -> Any:
        """Return which rows are missing, from a separate part, or from the column if the format keeps its mask."""
        if "mask" in self:
            return np.asarray(self.array("mask"), dtype=bool)
        if not spec.get("blank"):
            return None
        if isinstance(self.table, ArrowSheet):
            return mask_of_array(self.arrow(part))
        mask = getattr(self[part], "mask", False)
        return np.array(np.broadcast_to(mask, self[part].shape), dtype=bool)

    @property
    def is_arrow(self) -> bool:
        """Whether the parts are arrays of Arrow."""
        return isinstance(self.table, ArrowSheet)

    def arrow(self, part: str) -> Any:
        """Return a part as an array of Arrow."""
        return self.table.array(self.names[part])

    def ragged(self, part: str) -> Ragged:
        """Return a part with lists from a table in Arrow."""
        return ragged_of(self.arrow(part))


class Codec(Protocol):
    """Converts columns of one kind to plain columns, and back."""

    kind: str

    def takes(self, column: Any) -> bool:
        """Return whether a column is of this kind."""

    def pack(self, name: str, column: Any, sheet: Sheet) -> dict[str, Any]:
        """Add the parts of a column to a sheet; return the names of the parts and other information, as JSON."""

    def unpack(self, spec: Mapping[str, Any], parts: Parts) -> Any:
        """Return the column."""


CODECS: dict[str, Codec] = {}
"""The kinds of columns, in order of priority; a column of no kind cannot be written."""


def register(codec: Codec) -> None:
    """Add a kind of columns; those of archives have priority over the general ones."""
    others = {kind: known for kind, known in CODECS.items() if kind != codec.kind}
    CODECS.clear()
    CODECS.update({codec.kind: codec} | others)
