"""The Fido client."""

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

    A query names the server, the dataset and, unless all of them are needed, the parameters. The downloaded files can
    be read with ``QTable.read`` and ``sunpy.timeseries.TimeSeries``.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> query = a.hapi.Server.cdaweb, a.hapi.Dataset("AC_H0_MFI"), a.hapi.Parameters("Magnitude", "BGSEc")
    >>> found = Fido.search(a.Time("2026-01-10", "2026-01-11"), *query)
    >>> print(found["hapi"]["Dataset", "Parameters", "Records"])
     Dataset     Parameters    Records
    --------- ---------------- -------
    AC_H0_MFI Magnitude, BGSEc    5401
    """

    info_url = "https://hapi-server.org"
    names = NAMES
    own = OWN

    def search(self, *query: Attr, **kwargs: Any) -> HAPITable:
        """
        Search for datasets.

        Parameters
        ----------
        *query : sunpy.net.attr.Attr
            ``a.Time`` and attrs of ``a.hapi``.
        **kwargs
            Accepted for compatibility with Fido, not used.

        Returns
        -------
        HAPITable
            One row for each request: a dataset that covers the time, or a part of it if the server limits its
            responses.

        Raises
        ------
        QueryError
            If a server, a dataset or a parameter of the query does not exist.
        ServiceError
            If every server failed; if only some of several fail, the rows of the others are returned with a warning.
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
        Add one file with the records of each row to the queue of a downloader.

        Parameters
        ----------
        query_results : HAPITable
            Rows of a search result.
        path : str or pathlib.Path
            The path template of Fido.
        downloader : parfive.Downloader
            The downloader.
        **kwargs
            Only ``overwrite`` is used.

        Warns
        -----
        IncompleteAnswerWarning
            The range of a row was limited to that of its dataset.
        """
        from sunpy_helio_plugins.fido.fetch import enqueue_rows
        from sunpy_helio_plugins.fido.partial import Partial, warn
        from sunpy_helio_plugins.hapi.records.fetch import files
        from sunpy_helio_plugins.hapi.tables import HAPITable, uncovered

        if isinstance(query_results, HAPITable):
            warn(Partial(problems=uncovered(query_results)))
        enqueue_rows(query_results, files(query_results), path, downloader, kwargs.get("overwrite"))

    @classmethod
    def _attrs_module(cls) -> tuple[str, str]:
        return "hapi", "sunpy_helio_plugins.hapi.attrs"

    @classmethod
    def register_values(cls) -> dict[type[Attr], list[Any]]:
        """Return the values that are available by tab completion."""
        return {
            a.Provider: [(name, "Servers that implement HAPI, the time series interface.") for name in NAMES.providers],
            **offered(attrs),
        }
