"""The column of the references of events."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.her.records.cells import JoinedTexts, value_of_json
from sunpy_helio_plugins.her.records.column import LazyColumn

__all__ = ["References"]


class References(LazyColumn):
    """
    A column of the references of events, each a list as the registry sent it, or `None`.

    They are decoded when they are accessed: changes to a list are not kept, unless it is assigned.

    Parameters
    ----------
    cells : JoinedTexts or numpy.ndarray of object
        The references, as JSON or as they are.
    """

    def __init__(self, cells: JoinedTexts | NDArray[np.object_]) -> None:
        self._cells = cells

    def __len__(self) -> int:
        return len(self._cells)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, int | np.integer):
            one = self._cells[range(len(self))[int(item)]]
            return value_of_json(one) if isinstance(self._cells, JoinedTexts) else one
        return self.take(np.arange(len(self))[item])

    def __iter__(self) -> Iterator[Any]:
        return map(value_of_json, self._cells) if isinstance(self._cells, JoinedTexts) else iter(self._cells.tolist())

    def take(self, indices: Any, axis: int = 0) -> Self:
        """Return the rows of the given indices."""
        rows = np.asarray(indices, dtype=np.intp).reshape(-1)
        cells = self._cells.take(rows) if isinstance(self._cells, JoinedTexts) else self._cells[rows]
        return type(self)(cells)._with_info_of(self)

    def copy(self, order: str = "C") -> Self:
        """Return a copy; references that were assigned are shared."""
        return self.take(np.arange(len(self)))

    def missing(self, length: int) -> Self:
        """Return a column without references."""
        return type(self)(np.full(length, None, dtype=object))

    def __setitem__(self, item: Any, value: Any) -> None:
        """Replace references by those of another column, by one list, or by `None`."""
        found = np.arange(len(self))[item]
        if isinstance(self._cells, JoinedTexts):
            self._cells = np.asarray(self)
        is_one = value is None or value is np.ma.masked or np.ndim(found) == 0
        given = [None if value is np.ma.masked else value] * np.size(found) if is_one else list(value)
        for row, one in zip(np.atleast_1d(found).tolist(), given, strict=True):
            self._cells[row] = one

    def insert(self, index: int, value: Any, axis: int = 0) -> Self:
        """Return a column with references inserted before a row; `None` inserts missing ones."""
        at = range(len(self) + 1)[index]
        made = np.empty(len(self) + 1, dtype=object)
        made[:at], made[at + 1 :] = np.asarray(self[:at]), np.asarray(self[at:])
        made[at] = None if value is np.ma.masked else value
        return type(self)(made)._with_info_of(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._cells,)

    def __repr__(self) -> str:
        return f"<References of {len(self)} events>"
