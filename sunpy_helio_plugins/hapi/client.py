"""The face towards Fido."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sunpy.net import attrs as a
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient, convert_row_to_table

from sunpy_helio_plugins.fido.attrs import offered
from sunpy_helio_plugins.fido.client import ArchiveClient
from sunpy_helio_plugins.hapi import attrs
from sunpy_helio_plugins.hapi.translator import NAMES, OWN, queries

if TYPE_CHECKING:
    from sunpy_helio_plugins.hapi.tables import HAPITable

__all__ = ["HAPIClient"]


class HAPIClient(ArchiveClient, BaseClient):
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
        from sunpy_helio_plugins.fido.partial import warn
        from sunpy_helio_plugins.hapi import search
        from sunpy_helio_plugins.hapi.tables import from_answer

        answer = search.find_all(queries(*query))
        warn(answer)
        return from_answer(answer, self)

    @convert_row_to_table
    def fetch(self, query_results: HAPITable, *, path: str | Path, downloader: Any, **kwargs: Any) -> None:
        """
        Add the records of each row, as one file, to the queue of a downloader.

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
        from sunpy_helio_plugins.fido.fetch import enqueue_rows
        from sunpy_helio_plugins.hapi.records.fetch import files
        from sunpy_helio_plugins.hapi.records.file import SUFFIX
        from sunpy_helio_plugins.hapi.tables import HAPITable

        fallback = f"records{SUFFIX}" if isinstance(query_results, HAPITable) else "file"
        enqueue_rows(query_results, files(query_results), path, downloader, kwargs.get("overwrite"), fallback=fallback)

    @classmethod
    def _is_named(cls, *query: Attr) -> bool:
        return any(isinstance(attr, OWN) for attr in query)

    @classmethod
    def _attrs_module(cls) -> tuple[str, str]:
        return "hapi", "sunpy_helio_plugins.hapi.attrs"

    @classmethod
    def register_values(cls) -> dict[type[Attr], list[Any]]:
        """Return the values that complete on Tab."""
        return {
            a.Provider: [(name, "Servers that speak HAPI, the time series interface.") for name in NAMES.providers],
            **offered(attrs),
        }
