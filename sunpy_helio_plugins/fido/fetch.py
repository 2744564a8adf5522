"""Enqueue the files of table rows, for the clients of all archives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from astropy.table import Column
from astropy.time import Time
from sunpy.net.base_client import QueryResponseRow

from sunpy_helio_plugins.quantities import datetimes
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.naming import PathTemplate
from sunpy_helio_plugins.transport.files.queue import enqueue

if TYPE_CHECKING:
    import parfive
    from astropy.table import Table

__all__ = ["RowFile", "enqueue_rows", "field_names"]


class RowFile(NamedTuple):
    """
    The file of a row.

    Attributes
    ----------
    row : int
        The number of the row.
    name : str
        The file's name as the archive gives it.
    download : callable
        Called with the path of the file, it returns the `~sunpy_helio_plugins.transport.files.job.Download`.
    """

    row: int
    name: str
    download: Callable[[Path], Download]


def enqueue_rows(
    table: Table,
    files: Iterable[RowFile],
    path: str | Path,
    downloader: parfive.Downloader,
    overwrite: bool | str | None,
    *,
    fallback: str = "file",
    more: Mapping[str, Sequence[Any]] | None = None,
) -> None:
    """
    Enqueue the files of rows.

    Parameters
    ----------
    table : astropy.table.Table
        The rows.
    files : iterable of RowFile
        The files; they are not looked at before the template is found to be valid.
    path : str or pathlib.Path
        Template of the files' paths. Only the columns that it names are read.
    downloader : parfive.Downloader
        The queue.
    overwrite : bool, "unique" or None
        As for `~sunpy_helio_plugins.transport.files.queue.enqueue`.
    fallback : str, optional
        The name of a file whose own name cannot be used.
    more : mapping, optional
        Fields that are not columns, each with a value for each row.

    Raises
    ------
    QueryError
        The template has an unknown field, or a value does not take its format. Nothing was enqueued.
    """
    own = more or {}
    known = field_names(table)
    template = PathTemplate(path, [*known, *own])
    columns = {name: own[name] if name in own else _values(table[known[name]]) for name in template.fields}

    def downloads() -> Iterator[Download]:
        for row, name, download in files:
            values = {field: column[row] for field, column in columns.items()}
            yield download(template.fill(name, values, fallback))

    enqueue(downloader, downloads(), overwrite)


class _ColumnNames(list[str]):
    """Names of columns in the place of a row, so that sunpy's own rule for the names of fields is applied to them."""

    @property
    def colnames(self) -> list[str]:
        return list(self)


def field_names(table: Table) -> dict[str, str]:
    """Return the fields that a path template can use, each with the name of its column; no value is read."""
    fields: dict[str, str] = QueryResponseRow.response_block_map.fget(_ColumnNames(table.colnames))
    return fields


def _values(column: Any) -> Sequence[Any]:
    """Return the values of a column, converted at once where the type allows it."""
    if isinstance(column, Time):
        stamps = datetimes.to_datetime64(column)
        # datetime has microseconds: round as astropy does.
        rounded = stamps + np.timedelta64(500, "ns") if stamps.dtype == "M8[ns]" else stamps
        return list(rounded.astype("M8[us]").tolist())
    if isinstance(column, Column) and column.ndim == 1 and (column.dtype.kind in "USiu" or column.dtype == float):
        return list(column.tolist())
    values: Sequence[Any] = column
    return values
