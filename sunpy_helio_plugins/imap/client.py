"""IMAP's face towards Fido."""

from __future__ import annotations

from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import sunpy
from sunpy.net import attrs as a
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient, QueryResponseTable, convert_row_to_table

from sunpy_helio_plugins.fido.client import ArchiveClient
from sunpy_helio_plugins.imap import attrs, mission, translator
from sunpy_helio_plugins.imap.mission import DESCRIPTORS, EXTENSIONS, INSTRUMENTS, KERNELS, LEVELS, TABLES

if TYPE_CHECKING:
    from sunpy_helio_plugins.imap import tables

__all__ = ["IMAPClient"]


class IMAPClient(ArchiveClient, BaseClient):
    """
    Files of NASA's Interstellar Mapping and Acceleration Probe, from its Science Data Center.

    A query holds a time range and what names this archive: ``a.imap.File()`` or another attr of ``a.imap``,
    ``a.Provider("IMAP SDC")``, ``a.Source("IMAP")``, or an instrument that only IMAP has, such as
    ``a.Instrument("swapi")`` or ``a.Instrument("IMAP-MAG")``. Without an API key (``IMAP_API_KEY``) the released files
    are found, which suffices for most work.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> found = Fido.search(
    ...     a.Time("2026-01-10", "2026-01-12"), a.imap.File(), a.Instrument("mag"), a.Level("l2")
    ... )  # doctest: +REMOTE_DATA
    """

    info_url = "https://imap-mission.com"
    names = mission.NAMES

    def search(self, *query: Attr) -> tables.IMAPTable:
        """
        Search for files.

        Parameters
        ----------
        *query : sunpy.net.attr.Attr
            Attrs that must all hold; alternatives with ``|``.

        Returns
        -------
        sunpy_helio_plugins.imap.tables.IMAPTable
            The files that overlap with the time range. Where one of several questions failed, its ``problems`` say so.

        Raises
        ------
        QueryError
            The query cannot be asked; no request was made.
        ServiceError
            No question was answered.
        """
        from sunpy_helio_plugins.imap import search

        table, notes = search.find(translator.queries(*query), self)
        table.problems = [*table.problems, *notes]
        return table

    @convert_row_to_table
    def fetch(self, query_results: QueryResponseTable, *, path: str | Path, downloader: Any, **kwargs: Any) -> None:
        """
        Put the files of rows into a downloader's queue.

        Parameters
        ----------
        query_results : sunpy_helio_plugins.imap.tables.IMAPTable
            The rows.
        path : str or pathlib.Path
            Template of the files' paths. Fido's default leads into the SDC's tree, that is
            ``imap/<instrument>/<level>/<yyyy>/<mm>/``, below ``IMAP_DATA_DIR``, ``conf.imap.data_dir`` or sunpy's
            download folder; in a template of the user's own ``{file}`` is the bare name and ``{tree}`` that folder.
        downloader : parfive.Downloader
            The downloader of this fetch.
        **kwargs
            What other clients take; ``overwrite`` is used.
        """
        from sunpy_helio_plugins.imap import integrity, service
        from sunpy_helio_plugins.transport.files import queue
        from sunpy_helio_plugins.transport.files.job import Download

        wanted = kwargs.get("overwrite")
        places = ((str(row["file_path"]), str(row["url"]) if "url" in row.colnames else "") for row in query_results)
        for row, (url, login) in zip(query_results, service.downloads(places), strict=True):
            name = PurePosixPath(row["file_path"]).name
            check = partial(integrity.check, name=name)
            job = Download(url, _target(path, row), service.ARCHIVE, check, login=login)
            # What is there is believed only if it can be what its name says.
            again = None if integrity.looks_complete(job.target, name) else True
            queue.enqueue(downloader, [job], again or wanted)

    @classmethod
    def _is_named(cls, *query: Attr) -> bool:
        return any(type(attr) in translator.OWN for attr in query)

    @classmethod
    def _attrs_module(cls) -> tuple[str, str]:
        return "imap", "sunpy_helio_plugins.imap.attrs"

    @classmethod
    def register_values(cls) -> dict[type, list[tuple[str, str]]]:
        """
        Return the values that complete by Tab.

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
            attrs.Descriptor: list(DESCRIPTORS.items()),
            attrs.Version: [("latest", "The latest version of each file."), ("all", "All versions of each file.")],
            attrs.Table: list(TABLES.items()),
            attrs.Kernel: [(kernel, "SPICE kernels.") for kernel in KERNELS],
            attrs.Extension: [(name, f"Files .{name}.") for name in sorted({*chain(*EXTENSIONS.values())})],
            attrs.Recent: [("today", "Data of the last 24 hours.")],
        }


def _target(path: str | Path, row: Any) -> Path:
    """Return where a row's file goes: into the SDC's tree, unless the user said otherwise."""
    from sunpy_helio_plugins.imap.service import data_dir
    from sunpy_helio_plugins.transport.files import naming

    *folders, name = PurePosixPath(row["file_path"]).parts
    tree = "/".join(naming.safe_name(folder, "_") for folder in folders)
    default = Path(sunpy.config.get("downloads", "download_dir")).expanduser() / "{file}"
    if Path(path) == default:
        return (data_dir() or default.parent) / tree / naming.safe_name(name)
    return naming.target(str(path).replace("{tree}", tree), name, naming.row_values(row))
