"""The face towards Fido."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from sunpy.net import attrs as a
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient, QueryResponseRow, convert_row_to_table

from sunpy_helio_plugins.errors import ServiceError, warn_incomplete
from sunpy_helio_plugins.fido import Face
from sunpy_helio_plugins.hapi import attrs, finding, listing, reading, stream
from sunpy_helio_plugins.hapi.header import Info
from sunpy_helio_plugins.hapi.tables import HAPITable, from_found
from sunpy_helio_plugins.hapi.translate import PROVIDER, Query, is_pattern, queries
from sunpy_helio_plugins.transport import paths, transfer

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
        asked = queries(*query)
        found: list[finding.Found] = []
        problems: list[str] = []
        failures: list[ServiceError] = []
        for one, answer in zip(asked, finding.find_all(asked), strict=True):
            if isinstance(answer, ServiceError):
                failures.append(answer)
                problems.append(f"{_subject(one)}: {answer}")
                continue
            found += answer[0]
            problems += answer[1]
            if (one.dataset is None or is_pattern(one.dataset)) and answer[1]:
                warn_incomplete(
                    f"{_subject(one)}: {len(answer[1])} of its datasets could not be described: {answer[1][0]}"
                )
        if failures and len(failures) == len(asked):
            raise failures[0]
        if failures:
            warn_incomplete("; ".join(map(str, failures)))
        return from_found(found, problems, self)

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
        transfer.enqueue(downloader, _downloads(query_results, path), overwrite=kwargs.get("overwrite"))

    @classmethod
    def _is_named(cls, *query: Attr) -> bool:
        return any(isinstance(attr, _OWN) for attr in query)

    @classmethod
    def _attrs_module(cls) -> tuple[str, str]:
        return "hapi", "sunpy_helio_plugins.hapi.attrs"

    @classmethod
    def register_values(cls) -> dict[type[Attr], list[tuple[str, ...]]]:
        """Return the values that complete on Tab."""
        return {
            a.Provider: [(PROVIDER, "Servers that speak the Heliophysics Application Programmer's Interface")],
            attrs.Server: [(one.name, f"{one.title}, {one.source}".strip(", ")) for one in listing.known().values()],
            attrs.Dataset: [("*",)],
            attrs.Parameters: [("*",)],
            attrs.Format: [("binary", "Binary records"), ("csv", "Comma-separated values"), ("json", "JSON")],
            attrs.Chunk: [("*",)],
        }


def _subject(query: Query) -> str:
    return f"{query.dataset or 'the catalogue'} of {query.server}"


def _downloads(rows: HAPITable, path: str | Path) -> Iterator[transfer.Download]:
    if "info" not in rows.colnames:
        yield from _plain_files(rows, path)
        return
    for row in rows:
        info = Info.from_json(json.loads(row["info"]))
        archive = f"HAPI server {row['Server']}"
        yield transfer.Download(
            url=str(row["url"]),
            target=paths.target(path, _file_name(row), paths.row_values(row), fallback=f"records{stream.SUFFIX}"),
            archive=archive,
            accept=stream.acceptance(info, str(row["format"]), f"{row['Dataset']} of {archive}"),
            login=listing.find(str(row["server_url"])).login,
        )


def _plain_files(rows: HAPITable, path: str | Path) -> Iterator[transfer.Download]:
    """Return the files whose addresses stood in a column; nothing is known of what they hold."""
    for row in rows:
        target = paths.target(path, str(row["Name"]), paths.row_values(row), fallback="file")
        yield transfer.Download(url=str(row["url"]), target=target, archive="the server of the file")


def _file_name(row: QueryResponseRow) -> str:
    """Return a name that is the same for the same request and no other's: made safe, two ids may become one."""
    columns = ("Dataset", "Parameters", "Start Time", "End Time", "format")
    # A server without a short name shows its host, which may hold several.
    server = row["Server"] if row["Server"] in listing.known() else row["server_url"]
    identity = [server, *(getattr(row[name], "isot", row[name]) for name in columns)]
    digest = sha256("\n".join(map(str, identity)).encode()).hexdigest()[:8]
    start, end = (row[name].strftime("%Y%m%dT%H%M%S") for name in ("Start Time", "End Time"))
    dataset = "".join(char if char.isalnum() or char in "-_." else "_" for char in str(row["Dataset"]))[-80:]
    return f"{row['Server']}_{dataset}_{start}_{end}_{digest}{stream.SUFFIX}"


reading.register()
