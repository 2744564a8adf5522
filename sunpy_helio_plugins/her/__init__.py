"""
The Heliophysics Events Registry (HER), the registry behind the HEK: tables of events, with outlines as coordinates.

Searches use Fido: ``Fido.search(a.Time(...), a.her.CH, a.her.frm_name == "SPoCA")``.
`flares` returns one row for each flare, from the reports of all suppliers, `match` pairs events with
others, and `relations` relates flares, regions, holes and CMEs.
`open` reads events of searches and files when they are used; `overlay` and `quicklook` plot them.
`cache` contains the events of earlier searches, of which only the others are requested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.her import attrs, cache
    from sunpy_helio_plugins.her.client import HERClient
    from sunpy_helio_plugins.her.columns.points import Points
    from sunpy_helio_plugins.her.columns.polygon import Polygon
    from sunpy_helio_plugins.her.columns.polygons import Polygons
    from sunpy_helio_plugins.her.events.flares import FlareTable, flares
    from sunpy_helio_plugins.her.events.pairs import match
    from sunpy_helio_plugins.her.events.relations import relations
    from sunpy_helio_plugins.her.explore import (
        isolsearch_url,
        recent,
        recent_url,
        summary_url,
        translate,
        values,
        voevent_url,
    )
    from sunpy_helio_plugins.her.service import Request
    from sunpy_helio_plugins.her.submit import voevent
    from sunpy_helio_plugins.her.submit.registry import Registry
    from sunpy_helio_plugins.her.tables import HERTable
    from sunpy_helio_plugins.her.views.graph import Tracks, graph, tracks
    from sunpy_helio_plugins.her.views.lazy_events import open, quicklook  # noqa: A004
    from sunpy_helio_plugins.her.views.mask import cutout, mask
    from sunpy_helio_plugins.her.views.overlay import overlay
    from sunpy_helio_plugins.her.views.parquet import EventFolder, to_parquet
    from sunpy_helio_plugins.her.views.picture_of import picture_of
    from sunpy_helio_plugins.her.views.to_attrs import to_attrs

__all__ = [
    "EventFolder",
    "FlareTable",
    "HERClient",
    "HERTable",
    "Points",
    "Polygon",
    "Polygons",
    "Registry",
    "Request",
    "Tracks",
    "attrs",
    "cache",
    "cutout",
    "flares",
    "graph",
    "isolsearch_url",
    "mask",
    "match",
    "open",
    "overlay",
    "picture_of",
    "quicklook",
    "recent",
    "recent_url",
    "relations",
    "summary_url",
    "to_attrs",
    "to_parquet",
    "tracks",
    "translate",
    "values",
    "voevent",
    "voevent_url",
]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.her.client": ("HERClient",),
        "sunpy_helio_plugins.her.columns.points": ("Points",),
        "sunpy_helio_plugins.her.columns.polygon": ("Polygon",),
        "sunpy_helio_plugins.her.columns.polygons": ("Polygons",),
        "sunpy_helio_plugins.her.events.flares": ("FlareTable", "flares"),
        "sunpy_helio_plugins.her.events.pairs": ("match",),
        "sunpy_helio_plugins.her.events.relations": ("relations",),
        "sunpy_helio_plugins.her.views.graph": ("Tracks", "graph", "tracks"),
        "sunpy_helio_plugins.her.explore": (
            "isolsearch_url",
            "recent",
            "recent_url",
            "summary_url",
            "translate",
            "values",
            "voevent_url",
        ),
        "sunpy_helio_plugins.her.service": ("Request",),
        "sunpy_helio_plugins.her.submit": ("voevent",),
        "sunpy_helio_plugins.her.submit.registry": ("Registry",),
        "sunpy_helio_plugins.her.tables": ("HERTable",),
        "sunpy_helio_plugins.her.views.lazy_events": ("open", "quicklook"),
        "sunpy_helio_plugins.her.views.mask": ("cutout", "mask"),
        "sunpy_helio_plugins.her.views.overlay": ("overlay",),
        "sunpy_helio_plugins.her.views.parquet": ("EventFolder", "to_parquet"),
        "sunpy_helio_plugins.her.views.picture_of": ("picture_of",),
        "sunpy_helio_plugins.her.views.to_attrs": ("to_attrs",),
    },
    submodules=("attrs", "cache"),
    first=("sunpy.net",),
)

__dir__ = lazy.listing(__all__)
