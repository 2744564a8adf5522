"""The face towards Fido."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from sunpy.net import attrs as a
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient, QueryResponseRow, convert_row_to_table

from sunpy_helio_plugins.errors import warn_incomplete
from sunpy_helio_plugins.fido.client import Face
from sunpy_helio_plugins.hapi import attrs, content, fetching, finding, listing, named_files, reading
from sunpy_helio_plugins.hapi.covering import Found
from sunpy_helio_plugins.hapi.tables import HAPIFiles, HAPITable, from_found
from sunpy_helio_plugins.hapi.translate import NAMES, queries
from sunpy_helio_plugins.transport.files import naming
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.queue import enqueue

__all__ = ["HAPIClient"]

_OWN = (attrs.Server, attrs.Dataset, attrs.Parameters, attrs.Format, attrs.Chunk)


class HAPIClient(Face, BaseClient):
    """
    Time series of every HAPI server (Heliophysics Application Programmer's Interface): CDAWeb, LISIRD, AMDA and others.

    Name the server, the dataset and, where not all are wanted, the parameters; fetched files open with ``QTable.read``
    and ``sunpy.timeseries.TimeSeries``.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> result = Fido.search(
    ...     a.Time("2026-01-10", "2026-01-11"),
    ...     a.hapi.Server.cdaweb,
    ...     a.hapi.Dataset("AC_H0_MFI"),
    ...     a.hapi.Parameters("Magnitude", "BGSEc"),
    ... )  # doctest: +SKIP
    """

    info_url = "https://hapi-server.org"
    names = NAMES

    def search(self, *query: Attr, **kwargs: Any) -> HAPITable:
        """
        Search for datasets.

        Parameters
        ----------
        *query : sunpy.net.attr.Attr
            ``a.Time`` and attrs of ``a.hapi``.
        **kwargs
            Taken for Fido's sake, not used.

        Returns
        -------
        HAPITable
            One row for each request: a dataset that covers the time, or a part of it where the server takes no more.

        Raises
        ------
        QueryError
            Something in the query does not exist.
        ServiceError
            No server answered; where one of several fails, the others' rows come with a warning.
        """
        answer = finding.find_all(queries(*query))
        if answer.gaps:
            warn_incomplete("; ".join(answer.gaps))
        return from_found(answer.found, answer.problems, self)

    @convert_row_to_table
    def fetch(self, query_results: HAPITable, *, path: str | Path, downloader: Any, **kwargs: Any) -> None:
        """
        Enqueue the records of each row as a file.

        Parameters
        ----------
        query_results : HAPITable
            Rows of a search.
        path : str or pathlib.Path
            Fido's path template.
        downloader : parfive.Downloader
            The queue.
        **kwargs
            ``overwrite`` is used, others are not.
        """
        enqueue(downloader, _downloads(query_results, path), overwrite=kwargs.get("overwrite"))

    @classmethod
    def _is_named(cls, *query: Attr) -> bool:
        return any(isinstance(attr, _OWN) for attr in query)

    @classmethod
    def _attrs_module(cls) -> tuple[str, str]:
        return "hapi", "sunpy_helio_plugins.hapi.attrs"

    @classmethod
    def register_values(cls) -> dict[type[Attr], list[Any]]:
        """Return the values that complete on Tab."""
        return {
            a.Provider: [(name, "Servers that speak HAPI, the time series interface.") for name in NAMES.providers],
            attrs.Server: [(one.name, f"{one.title}, {one.source}".strip(", ")) for one in listing.known().values()],
            attrs.Dataset: ["*"],
            attrs.Parameters: ["*"],
            attrs.Format: [("binary", "Binary records"), ("csv", "Comma-separated values"), ("json", "JSON")],
            attrs.Chunk: ["*"],
        }


def _downloads(rows: HAPITable | HAPIFiles, path: str | Path) -> Iterator[Download]:
    for row in rows:
        if isinstance(rows, HAPIFiles):
            yield _named_file(row, path)
            continue
        found = Found.of_row(row)
        target = naming.target(path, _file_name(row), naming.row_values(row), fallback=f"records{content.SUFFIX}")
        info = found.info.of(found.server.name, found.dataset)
        order = fetching.Order(target, found.server.archive, found.dataset, info, found.format, found.server.login)
        yield fetching.download(found.piece, order)


def _named_file(row: QueryResponseRow, path: str | Path) -> Download:
    """Return the file whose address stood in a column."""
    name = str(row["Name"])
    target = naming.target(path, name, naming.row_values(row), fallback="file")
    kind = str(row["media_type"]) if "media_type" in row.colnames else ""
    return Download(
        url=str(row["url"]),
        target=target,
        archive="the server of the file",
        accept=partial(named_files.accept, name=name, media_type=kind),
    )


def _file_name(row: QueryResponseRow) -> str:
    """Return a name that is the same for the same request and no other's: made safe, two ids may become one."""
    # A server without a short name shows its host, which may hold several.
    server = row["Server"] if row["Server"] in listing.known() else row["server_url"]
    identity = [server, *(row[name] for name in ("Dataset", "Parameters", "range", "format"))]
    digest = sha256("\n".join(map(str, identity)).encode()).hexdigest()[:8]
    start, end = (row[name].strftime("%Y%m%dT%H%M%S") for name in ("Start Time", "End Time"))
    dataset = "".join(char if char.isalnum() or char in "-_." else "_" for char in str(row["Dataset"]))[-80:]
    return f"{row['Server']}_{dataset}_{start}_{end}_{digest}{content.SUFFIX}"


reading.register()
