"""Enqueue the files of table rows, for the clients of all archives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sunpy_helio_plugins.arguments import one_path, refused
from sunpy_helio_plugins.fido.fields import field_names, field_values, uncollected
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
        The file's name in the archive.
    download : callable
        Takes the path of the file and returns the `~sunpy_helio_plugins.transport.files.job.Download`.
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
    Enqueue the files of rows, at paths that a template gives.

    Only the columns that the template names are read. ``fallback`` is the name of a file whose own name cannot be used;
    ``more`` are fields that are not columns, each with a value for each row. An unknown field or a value that does not
    fit its format is a `QueryError`, before any file is enqueued.
    """
    if not hasattr(downloader, "config"):
        raise refused("fetch", downloader, "a parfive.Downloader as downloader")
    if overwrite not in (None, True, False, "unique"):
        raise refused("fetch", overwrite, "True, False or 'unique' as overwrite")
    own = more or {}
    known = field_names(table)
    template = PathTemplate(one_path("fetch", path, folder=True), [*known, *own])
    columns = {name: own[name] if name in own else field_values(table[known[name]]) for name in template.fields}

    def downloads() -> Iterator[Download]:
        for row, name, download in files:
            values = {field: column[row] for field, column in columns.items()}
            yield download(template.fill(name, values, fallback))

    with uncollected():
        enqueue(downloader, downloads(), overwrite, warns=True)
