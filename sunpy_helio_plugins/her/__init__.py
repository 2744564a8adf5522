"""
The Heliophysics Events Registry (HER), the registry behind the HEK: events as tables, outlines as coordinates.

Searches go through Fido: ``Fido.search(a.Time(...), a.her.CH, a.her.frm_name == "SPoCA")``.
"""

from __future__ import annotations

from sunpy.net.attr import Attr

from sunpy_helio_plugins.her.client import HERClient
from sunpy_helio_plugins.her.columns.points import Points
from sunpy_helio_plugins.her.columns.polygons import Polygon, Polygons
from sunpy_helio_plugins.her.explore import isolsearch_url, recent, recent_url, summary_url, values, voevent_url
from sunpy_helio_plugins.her.service import Request, requests
from sunpy_helio_plugins.her.submit import voevent
from sunpy_helio_plugins.her.submit.registry import Registry
from sunpy_helio_plugins.her.tables import HERTable
from sunpy_helio_plugins.her.translator import queries
from sunpy_helio_plugins.her.views.graph import graph, tracks
from sunpy_helio_plugins.her.views.overlay import overlay
from sunpy_helio_plugins.her.views.to_attrs import to_attrs

__all__ = [
    "HERClient", "HERTable", "Points", "Polygon", "Polygons", "Registry", "Request", "graph", "isolsearch_url",
    "overlay", "recent", "recent_url", "summary_url", "to_attrs", "tracks", "translate", "values", "voevent",
    "voevent_url",
]  # fmt: skip


def translate(*query: Attr) -> tuple[Request, ...]:
    """
    Return the requests that a search makes, without sending them.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        What would be given to ``HERClient().search``. `Fido` splits alternatives before it asks, and so makes one
        request for each where this makes as few as can be.

    Returns
    -------
    tuple of Request
        Each with its ``url``, its ``parameters``, and the ``query`` that it asks; further pages differ in ``page``.
        With ``a.her.Return`` a search asks for more keywords, those without which the named ones cannot be read.

    Raises
    ------
    QueryError
        The query holds something that the registry cannot answer, no time, or nothing that an event could be.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> (request,) = translate(a.Time("2024-05-10", "2024-05-11"), a.her.FL, a.her.fl_goescls > "X")
    >>> request.parameters[-3:]
    (('param0', 'FL_GOESCls'), ('op0', '>'), ('value0', 'X'))
    """
    return requests(queries(*query))
