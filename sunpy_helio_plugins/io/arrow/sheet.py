"""The plain columns of a table as arrays of Arrow, where other formats have a table of astropy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from astropy.table import Column, MaskedColumn

from sunpy_helio_plugins.io.arrow.arrays import column_of_array

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["ArrowSheet"]


class ArrowSheet:
    """
    Plain columns in Arrow.

    Parameters
    ----------
    table : pyarrow.Table
        The columns of a file.
    meta : dict
        The entries of its metadata.

    Attributes
    ----------
    objects : dict
        The objects of columns that other columns may share.
    """

    def __init__(self, table: pa.Table, meta: Mapping[str, str]) -> None:
        self.table, self.meta = table, dict(meta)
        self.colnames: list[str] = list(table.column_names)
        self.objects: dict[str, list[Any]] = {}
        self._places = {name: place for place, name in enumerate(self.colnames)}

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def array(self, name: str) -> pa.Array:
        """Return a column as one array."""
        import pyarrow as pa

        column = self.table.column(self._places[name])
        if column.num_chunks == 1:
            return column.chunk(0)
        made = column.combine_chunks()
        # Older versions of pyarrow return a chunked array if the table does not have rows.
        return made if isinstance(made, pa.Array) else pa.array([], column.type)

    def __getitem__(self, name: str) -> Column | MaskedColumn:
        return column_of_array(self.array(name))
