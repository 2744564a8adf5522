"""The Fido client of IMAP."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import sunpy
from astropy.time import Time
from sunpy.net import attrs as a
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient, QueryResponseTable, convert_row_to_table

from sunpy_helio_plugins.arguments import one_path
from sunpy_helio_plugins.fido.attrs import offered
from sunpy_helio_plugins.fido.client import ArchiveClient
from sunpy_helio_plugins.imap import attrs, mission, translator
from sunpy_helio_plugins.imap.mission import INSTRUMENTS, LEVELS
from sunpy_helio_plugins.quantities.datetimes import to_datetime64

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sunpy_helio_plugins.fido.fetch import RowFile
    from sunpy_helio_plugins.imap import tables
    from sunpy_helio_plugins.transport.credentials import Login
    from sunpy_helio_plugins.transport.files.job import Download
    from sunpy_helio_plugins.transport.files.naming import SafePath

__all__ = ["IMAPClient", "ingestion_times"]


class IMAPClient(ArchiveClient, BaseClient):
    """
    Files of NASA's Interstellar Mapping and Acceleration Probe, from its Science Data Center.

    A query must contain an attr that selects this archive: ``a.imap.File()`` or another attr of ``a.imap``,
    ``a.Provider("IMAP SDC")``, ``a.Source("IMAP")``, or an instrument of IMAP only, such as ``a.Instrument("swapi")``
    or ``a.Instrument("IMAP-MAG")``. It also needs a time range, or an attr that selects a part of the archive, such as
    an instrument or a level. Without an API key (``IMAP_API_KEY``) only released files are returned, which are
    sufficient for most purposes.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> query = a.imap.File(), a.Instrument("mag"), a.Level("l2")
    >>> found = Fido.search(a.Time("2026-01-10", "2026-01-10"), *query)
    >>> print(found["imap"]["Start Time", "Descriptor", "Version"])
           Start Time       Descriptor  Version
    ----------------------- ---------- ---------
    2026-01-10 00:00:00.000   norm-gse v001.0002
    2026-01-10 00:00:00.000   norm-rtn v001.0001
    """

    info_url = "https://imap-mission.com"
    names = mission.NAMES
    own = translator.OWN

    def search(self, *query: Attr) -> tables.IMAPTable:
        """
        Search for files.

        Parameters
        ----------
        *query : sunpy.net.attr.Attr
            Attrs, which are combined with ``&``; alternatives are combined with ``|``.

        Returns
        -------
        sunpy_helio_plugins.imap.tables.IMAPTable
            The files that overlap with the time range. Its ``problems`` list the missing parts, its ``notes`` the
            versions that are not released.

        Raises
        ------
        QueryError
            The query is not valid; no request was sent.
        ServiceError
            All requests failed.
        """
        from sunpy_helio_plugins.imap import search

        return search.find(translator.queries(*query), self)

    @convert_row_to_table
    def fetch(self, query_results: QueryResponseTable, *, path: str | Path, downloader: Any, **kwargs: Any) -> None:
        """
        Add the files of rows to the queue of a downloader.

        Parameters
        ----------
        query_results : sunpy_helio_plugins.imap.tables.IMAPTable
            The rows.
        path : str or pathlib.Path
            Template of the paths of the files. The default of Fido means the tree of the SDC,
            ``imap/<instrument>/<level>/<yyyy>/<mm>/``, below ``IMAP_DATA_DIR``, ``conf.imap.data_dir`` or the download
            folder of sunpy. In other templates ``{file}`` is the file name and ``{tree}`` that folder.
        downloader : parfive.Downloader
            The downloader of this fetch.
        **kwargs
            Arguments of other clients; only ``overwrite`` is used.
        """
        from sunpy_helio_plugins.fido.fetch import enqueue_rows

        trees, files = _files(query_results)
        enqueue_rows(query_results, files, _template(path), downloader, kwargs.get("overwrite"), more={"tree": trees})

    @classmethod
    def _attrs_module(cls) -> tuple[str, str]:
        return "imap", "sunpy_helio_plugins.imap.attrs"

    @classmethod
    def register_values(cls) -> dict[type, list[tuple[str, str]]]:
        """
        Return the values for tab completion.

        Returns
        -------
        dict
            Attr classes and their values, each with a description.
        """
        return {
            a.Instrument: [
                *((name, INSTRUMENTS[name]) for name in mission.ALONE),
                *((name, INSTRUMENTS[own]) for name, own in mission.ALIASES.items()),
            ],
            a.Level: [(level, f"Level {level[1:]}.") for level in LEVELS],
            a.Provider: [(name, "IMAP Science Data Center.") for name in cls.names.providers],
            a.Source: [(name, "Interstellar Mapping and Acceleration Probe.") for name in cls.names.sources],
            **offered(attrs),
        }


def _template(path: str | Path) -> str | Path:
    """Return the template, which is the tree of the SDC for sunpy's default."""
    from sunpy_helio_plugins.imap.service import data_dir
    from sunpy_helio_plugins.transport.files import naming

    downloads = Path(sunpy.config.get("downloads", "download_dir")).expanduser()
    if Path(one_path("IMAPClient.fetch", path, folder=True)) != downloads / "{file}":
        return path
    return f"{naming.escaped(data_dir() or downloads)}/{{tree}}/{{file}}"


def _files(rows: QueryResponseTable) -> tuple[list[SafePath], Iterator[RowFile]]:
    """Return the folder of each row in the tree of the SDC, and the files."""
    from sunpy_helio_plugins.fido.fetch import RowFile
    from sunpy_helio_plugins.imap import service
    from sunpy_helio_plugins.transport.files.naming import SafePath

    places = rows["file_path"].tolist()
    urls = rows["url"].tolist() if "url" in rows.colnames else [""] * len(rows)
    folders, _, names = zip(*(place.rpartition("/") for place in places), strict=True) if places else ((), (), ())
    trees = {folder: SafePath.of(PurePosixPath(folder).parts) for folder in dict.fromkeys(folders)}
    found = enumerate(zip(names, service.downloads(zip(places, urls, strict=True)), strict=True))
    changed = ingestion_times(rows)
    files = (RowFile(row, name, partial(_download, name, changed[row], *where)) for row, (name, where) in found)
    return [trees[folder] for folder in folders], files


def ingestion_times(rows: QueryResponseTable) -> NDArray[np.datetime64]:
    """Return the times of ingestion in UTC; NaT where they are not known."""
    column = rows["Ingestion Time"] if "Ingestion Time" in rows.colnames else None
    if not isinstance(column, Time):
        return np.full(len(rows), np.datetime64("NaT", "us"))
    return to_datetime64(column).astype("M8[us]")


def _download(name: str, changed: np.datetime64, url: str, login: Login | None, target: Path) -> Download:
    from sunpy_helio_plugins.imap import integrity, service
    from sunpy_helio_plugins.transport.files.job import Download

    check = partial(integrity.check, name=name)
    complete = partial(integrity.looks_complete, name=name, changed=changed)
    return Download(url, target, service.ARCHIVE, check, login=login, is_complete=complete)
