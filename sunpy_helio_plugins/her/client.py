"""The registry's face towards Fido."""

from __future__ import annotations

from typing import Any, ClassVar

from sunpy.net import attrs as core
from sunpy.net.attr import Attr
from sunpy.net.base_client import BaseClient

from sunpy_helio_plugins import errors
from sunpy_helio_plugins.fido import Face
from sunpy_helio_plugins.her import attrs, service
from sunpy_helio_plugins.her.hek import is_hek
from sunpy_helio_plugins.her.keywords import event_types
from sunpy_helio_plugins.her.tables import HERTable
from sunpy_helio_plugins.her.translate import NAMES, OWN, queries

__all__ = ["HERClient"]


class HERClient(Face, BaseClient):
    """
    Heliophysics Events Registry (HER): features and events on the Sun, also known as the HEK.

    A query is answered here when it holds an ``a.her.*`` attr, or sunpy's ``a.hek.*`` together with ``a.Instrument``,
    ``a.Source``, ``a.Detector``, ``a.Wavelength`` or ``a.Provider("HER")``, which sunpy's own HEK client refuses.

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
        found = service.search(queries(*query))
        table = HERTable.from_records(found.records, found.associations, found.problems, client=self)
        for problem in table.problems:
            errors.warn_incomplete(problem)
        return table

    def fetch(self, query_results: Any, **kwargs: Any) -> None:
        """
        Do nothing: events have no files.

        Parameters
        ----------
        query_results : HERTable or row of one
            What a search brought.
        **kwargs
            What Fido passes.
        """

    @classmethod
    def _can_handle_query(cls, *query: Attr) -> bool:
        if any(isinstance(attr, OWN) for attr in query):
            return True
        return any(is_hek(attr) for attr in query) and any(_refused_by_sunpy(attr) for attr in query)

    @classmethod
    def _attrs_module(cls) -> tuple[str, str]:
        return "her", "sunpy_helio_plugins.her.attrs"

    @classmethod
    def register_values(cls) -> dict[type, list[tuple[str, ...]]]:
        """Return the values that complete when a user types an attr."""
        return {
            attrs.Event: [("*",)],
            attrs.EventType: list(event_types().items()),
            core.Provider: [("HER", "Heliophysics Events Registry."), ("HEK", "Another name of HER.")],
        }


def _refused_by_sunpy(attr: Attr) -> bool:
    """Tell whether sunpy's HEK client refuses a query that holds this attr, and ours understands it."""
    if isinstance(attr, core.Provider):
        return str(attr.value).upper() in NAMES
    return isinstance(attr, core.Instrument | core.Source | core.Detector | core.Wavelength)
