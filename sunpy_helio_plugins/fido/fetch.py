"""Enqueue the files of table rows, for the clients of all archives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sunpy_helio_plugins.fido.fields import field_names, field_values
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.naming import PathTemplate
from sunpy_helio_plugins.transport.files.queue import enqueue

if TYPE_CHECKING:
    import parfive
    from astropy.table import Table

__all__ = ["RowFile", "enqueue_rows"]


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
    columns = {name: own[name] if name in own else field_values(table[known[name]]) for name in template.fields}

    def downloads() -> Iterator[Download]:
        for row, name, download in files:
            values = {field: column[row] for field, column in columns.items()}
            yield download(template.fill(name, values, fallback))

    enqueue(downloader, downloads(), overwrite)
