"""The Fido client of the registry."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sunpy.net import attrs as core
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient, convert_row_to_table

from sunpy_helio_plugins.arguments import close_names
from sunpy_helio_plugins.fido.attrs import offered
from sunpy_helio_plugins.fido.client import ArchiveClient
from sunpy_helio_plugins.fido.dispatch import Names
from sunpy_helio_plugins.her import attrs
from sunpy_helio_plugins.her.filters.logic import refuse_uncompared
from sunpy_helio_plugins.her.filters.plan import SUBSETS
from sunpy_helio_plugins.her.keywords import suppliers
from sunpy_helio_plugins.her.query import ARCHIVE, NAMES, SERVER, Query
from sunpy_helio_plugins.her.sunpy_attrs import CORE, HEK
from sunpy_helio_plugins.her.translator import OWN, queries
from sunpy_helio_plugins.quantities.exact import whole_number

if TYPE_CHECKING:
    from sunpy_helio_plugins.fido.fetch import RowFile
    from sunpy_helio_plugins.her.tables import HERTable
    from sunpy_helio_plugins.transport.files.job import Download

__all__ = ["HERClient", "events_of"]


def events_of(asked: Sequence[Query], client: HERClient) -> HERTable:
    """Return the events of queries; the problems are those of the table, without a warning."""
    from sunpy_helio_plugins.her import search, service
    from sunpy_helio_plugins.her.filters import requisites
    from sunpy_helio_plugins.her.tables import HERTable, table_of

    found = search.search([requisites.readable(each) for each in asked])
    partial = any(name in SUBSETS for each in asked for name in each.returns)
    table = table_of(HERTable, found.events, found.associations, found.problems, client, partial=partial)
    table.notes = [*found.notes]
    table.add_column(np.full(len(table), service.address()), name=SERVER, copy=False)
    return table


class HERClient(ArchiveClient, BaseClient):
    """
    Heliophysics Events Registry (HER): features and events on the Sun, also known as the HEK.

    This client handles a query that contains an ``a.her.*`` attr or ``a.Provider("HER")``, or sunpy's ``a.hek.*``
    combined with ``a.Instrument``, ``a.Source``, ``a.Detector``, ``a.Physobs`` or ``a.Wavelength``, which sunpy's own
    HEK client does not accept. Fido searches for each branch of an OR separately: ``a.her.CH | a.hek.FL`` is sent to
    two clients, and ``a.her.CH | a.her.FL``, or ``HERClient().search`` with either, to this one.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> holes = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.her.CH, a.her.frm_name == "SPoCA")
    >>> holes.file_num
    18

    References
    ----------
    * `Feature and event definitions <http://www.lmsal.com/hek/VOEvent_Spec.html>`__
    """

    info_url: ClassVar[str] = "https://www.lmsal.com/hek/"
    names: ClassVar[Names] = NAMES
    own = OWN
    _fetch_options = ("rev",)

    def search(self, *query: Attr, **kwargs: Any) -> HERTable:
        """
        Search the registry.

        Parameters
        ----------
        *query : sunpy.net.attr.Attr
            Attrs that must all apply, or a tree of them. The results of alternatives are merged; each event is included
            once.
        **kwargs
            Ignored; Fido may pass them.

        Returns
        -------
        HERTable
            One row for each event.

        Raises
        ------
        QueryError
            The registry cannot answer the query; no request was sent.
        ServiceError
            The request failed or the response is not valid.
        """
        from sunpy_helio_plugins.fido.partial import warn
        from sunpy_helio_plugins.her.filters import requisites

        asked = queries(*query)
        table = events_of(asked, self)
        if not len(table):
            table.notes += _suggestions(asked)
        table.unasked = requisites.beside(asked)
        warn(table)
        return table

    @convert_row_to_table
    def fetch(self, query_results: HERTable, *, path: str | Path, downloader: Any, **kwargs: Any) -> None:
        """
        Add the VOEvent documents of the events to the queue of a downloader.

        Parameters
        ----------
        query_results : HERTable
            The rows to fetch.
        path : str or pathlib.Path
            Template of the file paths.
        downloader : parfive.Downloader
            The downloader passed by Fido.
        **kwargs
            ``overwrite``, and ``rev``: the number of an earlier revision.
        """
        from sunpy_helio_plugins.fido.fetch import enqueue_rows

        rev = kwargs.get("rev")
        enqueue_rows(
            query_results, _files(query_results, rev), path, downloader, kwargs.get("overwrite"), fallback="event.xml"
        )

    @classmethod
    def _is_named(cls, *query: Attr) -> bool:
        refuse_uncompared(*query)
        if super()._is_named(*query):
            return True
        return any(_refused_by_sunpy(attr) for attr in query) and any(isinstance(attr, HEK) for attr in query)

    @classmethod
    def _attrs_module(cls) -> tuple[str, str]:
        return "her", "sunpy_helio_plugins.her.attrs"

    @classmethod
    def register_values(cls) -> dict[type, list[Any]]:
        """Return the attr values for tab completion."""
        return {
            **offered(attrs),
            core.Provider: [("HER", "Heliophysics Events Registry."), ("HEK", "Another name of HER.")],
        }


def _suggestions(asked: Iterable[Query]) -> list[str]:
    """Return similar names for the methods that a search without events compared with."""
    tests = [test for query in asked for alternative in query.alternatives for test in alternative.tests]
    names = [test for test in tests if test.name in ("frm_name", "search_frm_name") and test.operator == "="]
    known = suppliers()
    found = [
        f"No event of {test.value!r} was found; text is compared with its case.{near}"
        for test in names
        if test.value not in known and (near := close_names(test.value, known))
    ]
    return list(dict.fromkeys(found))


def _refused_by_sunpy(attr: Attr) -> bool:
    """Return whether this client supports the attr and sunpy's HEK client refuses queries with it."""
    if isinstance(attr, core.Provider):
        return NAMES.has_provider(attr.value)
    return type(attr) in CORE


def _files(rows: HERTable, rev: int | None) -> Iterator[RowFile]:
    """Yield the VOEvent document of each event that has an IVORN."""
    from sunpy_helio_plugins.fido.fetch import RowFile
    from sunpy_helio_plugins.her import explore

    ending = ".xml" if rev is None else f".rev{rev}.xml"
    records = {
        row: record for row, record in enumerate(rows["raw"]) if _ivorn(record).startswith("ivo://")
    }  # fmt: skip
    servers = rows[SERVER].tolist() if SERVER in rows.colnames else [""] * len(rows)
    urls: dict[int, str] = {}
    for server in dict.fromkeys(servers):
        own = [row for row in records if servers[row] == server]
        ivorns = [_ivorn(records[row]) for row in own]
        urls |= dict(zip(own, explore.voevent_urls(ivorns, rev, server), strict=True))
    for row, record in records.items():
        name = _ivorn(record).rpartition("/")[2] + ending
        yield RowFile(row, name, functools.partial(_download, urls[row], record, rev))


def _ivorn(record: Mapping[str, Any]) -> str:
    return str(record.get("kb_archivid") or "")


def _download(url: str, record: Mapping[str, Any], rev: int | None, target: Path) -> Download:
    from sunpy_helio_plugins.her.submit import voevent
    from sunpy_helio_plugins.transport.files.job import Download

    ivorn, revision = _ivorn(record), str(record.get("revision") or "")
    latest = whole_number(revision)
    check = functools.partial(voevent.accept, ivorn=ivorn, rev=rev)
    current = functools.partial(voevent.is_current, ivorn=ivorn, rev=rev, latest=latest)
    return Download(url, target, ARCHIVE, check, is_complete=current)
