"""The registry's face towards Fido."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from sunpy.net import attrs as core
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient, convert_row_to_table

from sunpy_helio_plugins import errors
from sunpy_helio_plugins.fido.client import ArchiveClient
from sunpy_helio_plugins.fido.names import Names
from sunpy_helio_plugins.her import attrs
from sunpy_helio_plugins.her.filters.logic import refuse_uncompared
from sunpy_helio_plugins.her.filters.plan import SUBSETS
from sunpy_helio_plugins.her.keywords import event_types, suppliers
from sunpy_helio_plugins.her.query import ARCHIVE, NAMES
from sunpy_helio_plugins.her.sunpy_attrs import CORE, is_hek
from sunpy_helio_plugins.her.translator import OWN, queries

if TYPE_CHECKING:
    from sunpy_helio_plugins.her.tables import HERTable

__all__ = ["HERClient"]


class HERClient(ArchiveClient, BaseClient):
    """
    Heliophysics Events Registry (HER): features and events on the Sun, also known as the HEK.

    A query is answered here when it holds an ``a.her.*`` attr or ``a.Provider("HER")``, or sunpy's ``a.hek.*`` together
    with ``a.Instrument``, ``a.Source``, ``a.Detector``, ``a.Physobs`` or ``a.Wavelength``, which sunpy's own HEK client
    refuses. Fido asks for each branch of an OR alone: ``a.her.CH | a.hek.FL`` goes to two clients, and ``a.her.CH |
    a.her.FL``, or ``HERClient().search`` with either, to this one.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> holes = Fido.search(
    ...     a.Time("2026-01-10", "2026-01-11"), a.her.CH, a.her.frm_name == "SPoCA"
    ... )  # doctest: +SKIP

    References
    ----------
    * `Feature and event definitions <http://www.lmsal.com/hek/VOEvent_Spec.html>`__
    """

    info_url: ClassVar[str] = "https://www.lmsal.com/hek/"
    names: ClassVar[Names] = NAMES

    def search(self, *query: Attr, **kwargs: Any) -> HERTable:
        """
        Search the registry.

        Parameters
        ----------
        *query : sunpy.net.attr.Attr
            Attrs that must all hold, or a tree of them; alternatives are merged, each event once.
        **kwargs
            Ignored; Fido may pass them.

        Returns
        -------
        HERTable
            One row for each event.

        Raises
        ------
        QueryError
            The query cannot be asked; no request was made.
        ServiceError
            The registry did not answer as it should.
        """
        from sunpy_helio_plugins.her import search
        from sunpy_helio_plugins.her.filters import requisites
        from sunpy_helio_plugins.her.tables import HERTable

        asked = queries(*query)
        found = search.search([requisites.readable(each) for each in asked])
        partial = any(name in SUBSETS for each in asked for name in each.returns)
        table = HERTable.from_records(
            found.records, found.associations, found.problems, client=self, partial=partial
        )  # fmt: skip
        table.unasked = requisites.beside(asked)
        for problem in table.problems:
            errors.warn_incomplete(problem)
        return table

    @convert_row_to_table
    def fetch(self, query_results: HERTable, *, path: str | Path, downloader: Any, **kwargs: Any) -> None:
        """
        Put the events' VOEvent documents into the queue of a downloader.

        Parameters
        ----------
        query_results : HERTable
            The rows to fetch.
        path : str or pathlib.Path
            Template of the files' paths.
        downloader : parfive.Downloader
            The downloader that Fido hands over.
        **kwargs
            ``overwrite``, and ``rev``: the number of an earlier revision.
        """
        from sunpy_helio_plugins.her import explore
        from sunpy_helio_plugins.her.submit import voevent
        from sunpy_helio_plugins.transport.files import job, naming, queue

        rev = kwargs.get("rev")
        rows = [row for row in query_results if str(row["raw"].get("kb_archivid") or "").startswith("ivo://")]
        ending = ".xml" if rev is None else f".rev{rev}.xml"
        queue.enqueue(
            downloader,
            [
                job.Download(
                    url=explore.voevent_url(str(row["raw"]["kb_archivid"]), rev),
                    target=naming.target(
                        path,
                        str(row["raw"]["kb_archivid"]).rpartition("/")[2] + ending,
                        naming.row_values(row),
                        fallback="event.xml",
                    ),
                    archive=ARCHIVE,
                    accept=voevent.accept,
                )
                for row in rows
            ],
            overwrite=kwargs.get("overwrite"),
        )

    @classmethod
    def _is_named(cls, *query: Attr) -> bool:
        refuse_uncompared(*query)
        if any(isinstance(attr, OWN) for attr in query):
            return True
        return any(is_hek(attr) for attr in query) and any(_refused_by_sunpy(attr) for attr in query)

    @classmethod
    def _attrs_module(cls) -> tuple[str, str]:
        return "her", "sunpy_helio_plugins.her.attrs"

    @classmethod
    def register_values(cls) -> dict[type, list[Any]]:
        """Return the values that complete when a user types an attr."""
        return {
            attrs.Event: ["*"],
            attrs.EventType: list(event_types().items()),
            attrs.Supplier: [(name, "Condensed name of a method.") for name in suppliers()],
            core.Provider: [("HER", "Heliophysics Events Registry."), ("HEK", "Another name of HER.")],
        }


def _refused_by_sunpy(attr: Attr) -> bool:
    """Tell whether sunpy's HEK client refuses a query that holds this attr, and ours understands it."""
    if isinstance(attr, core.Provider):
        return NAMES.has_provider(attr.value)
    return type(attr) in CORE
