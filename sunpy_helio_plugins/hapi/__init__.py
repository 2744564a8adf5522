"""
HAPI: time series of every server that speaks the Heliophysics Application Programmer's Interface.

``a.hapi`` are the words of a query; `read` opens what was fetched, and `load` brings records straight into memory.
`servers`, `catalog`, `info`, `availability` and `check` tell what there is. `to_ndcube`, `to_skycoord`, `files` and
`quicklook` make of a column what it means.
"""

from __future__ import annotations

from sunpy_helio_plugins.hapi.explore import access_token, availability, catalog, check, info, servers
from sunpy_helio_plugins.hapi.records.load import load
from sunpy_helio_plugins.hapi.records.read import read
from sunpy_helio_plugins.hapi.views.convert import files, to_ndcube, to_skycoord
from sunpy_helio_plugins.hapi.views.quicklook import quicklook

__all__ = [
    "access_token", "availability", "catalog", "check", "files", "info", "load", "quicklook", "read", "servers",
    "to_ndcube", "to_skycoord",
]  # fmt: skip
