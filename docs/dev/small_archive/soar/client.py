"""The client of Fido."""

from functools import partial

from sunpy.net import attrs as a
from sunpy.net.base_client import BaseClient

from sunpy_helio_plugins.fido.client import ArchiveClient
from sunpy_helio_plugins.fido.fetch import RowFile, enqueue_rows
from sunpy_helio_plugins.fido.partial import warn
from sunpy_helio_plugins.transport.files.job import Download

from . import search, service, tables
from .query import ARCHIVE
from .translator import NAMES, OWN, queries

__all__ = ["SOARClient"]


class SOARClient(ArchiveClient, BaseClient):
    """Files of the Solar Orbiter Archive."""

    names = NAMES
    own = OWN

    def search(self, *query, **kwargs):
        """Search for files."""
        answer = search.search(queries(*query))
        warn(answer)
        return tables.from_answer(answer, self, service.URL.removesuffix("/tap"))

    def fetch(self, query_results, *, path, downloader, **kwargs):
        """Add the files of rows to the queue of a downloader."""
        files = (
            RowFile(number, str(row["File"]), partial(Download, str(row["url"]), archive=ARCHIVE))
            for number, row in enumerate(query_results)
        )
        enqueue_rows(query_results, files, path, downloader, kwargs.get("overwrite"))

    @classmethod
    def register_values(cls):
        """Return the values that complete on Tab."""
        return {a.Provider: [(ARCHIVE, "Solar Orbiter Archive")]}
