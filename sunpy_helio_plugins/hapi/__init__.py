"""
HAPI: time series of every server that implements the Heliophysics Application Programmer's Interface.

The attrs of a query are in ``a.hapi``. `find` looks for parameters by words, in an index that `update_index` makes and
`indexed` lists. `read` opens downloaded files, and `load` downloads records without storing them in a file; it requests
only those that `cache` does not contain. `write` writes records of any archive as a HAPI file. `servers`, `catalog`,
`info`, `availability` and `check` describe servers and their datasets. `to_timeseries` and `to_xarray` convert a table;
`to_ndcube`, `to_skycoord`, `files` and `quicklook` convert or plot its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.series.views.observers import register_observer

if TYPE_CHECKING:
    from sunpy_helio_plugins.hapi import attrs, cache
    from sunpy_helio_plugins.hapi.discovery.results import find, indexed, update_index
    from sunpy_helio_plugins.hapi.explore import access_token, availability, catalog, check, info, servers
    from sunpy_helio_plugins.hapi.model import Info, Parameter
    from sunpy_helio_plugins.hapi.records.load import load
    from sunpy_helio_plugins.hapi.records.read import read
    from sunpy_helio_plugins.hapi.records.write import write
    from sunpy_helio_plugins.hapi.stream.chunks import chunks
    from sunpy_helio_plugins.hapi.stream.folder import ParquetFolder, open  # noqa: A004
    from sunpy_helio_plugins.hapi.stream.frames import to_dask
    from sunpy_helio_plugins.hapi.stream.parquet import to_parquet
    from sunpy_helio_plugins.hapi.tables import HAPITable
    from sunpy_helio_plugins.hapi.views.convert import files
    from sunpy_helio_plugins.hapi.views.positions import to_skycoord
    from sunpy_helio_plugins.hapi.views.timeseries import HAPITimeSeries
    from sunpy_helio_plugins.series.export import to_timeseries, to_xarray
    from sunpy_helio_plugins.series.views.cube import to_ndcube
    from sunpy_helio_plugins.series.views.quicklook import quicklook

__all__ = [
    "HAPITable",
    "HAPITimeSeries",
    "Info",
    "Parameter",
    "ParquetFolder",
    "access_token",
    "attrs",
    "availability",
    "cache",
    "catalog",
    "check",
    "chunks",
    "files",
    "find",
    "indexed",
    "info",
    "load",
    "open",
    "quicklook",
    "read",
    "servers",
    "to_dask",
    "to_ndcube",
    "to_parquet",
    "to_skycoord",
    "to_timeseries",
    "to_xarray",
    "update_index",
    "write",
]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.hapi.discovery.results": ("find", "indexed", "update_index"),
        "sunpy_helio_plugins.hapi.explore": ("access_token", "availability", "catalog", "check", "info", "servers"),
        "sunpy_helio_plugins.hapi.model": ("Info", "Parameter"),
        "sunpy_helio_plugins.hapi.records.load": ("load",),
        "sunpy_helio_plugins.hapi.records.read": ("read",),
        "sunpy_helio_plugins.hapi.records.write": ("write",),
        "sunpy_helio_plugins.hapi.stream.chunks": ("chunks",),
        "sunpy_helio_plugins.hapi.stream.folder": ("ParquetFolder", "open"),
        "sunpy_helio_plugins.hapi.stream.frames": ("to_dask",),
        "sunpy_helio_plugins.hapi.stream.parquet": ("to_parquet",),
        "sunpy_helio_plugins.hapi.tables": ("HAPITable",),
        "sunpy_helio_plugins.hapi.views.convert": ("files",),
        "sunpy_helio_plugins.hapi.views.positions": ("to_skycoord",),
        "sunpy_helio_plugins.hapi.views.timeseries": ("HAPITimeSeries",),
        "sunpy_helio_plugins.series.export": ("to_timeseries", "to_xarray"),
        "sunpy_helio_plugins.series.views.cube": ("to_ndcube",),
        "sunpy_helio_plugins.series.views.quicklook": ("quicklook",),
    },
    submodules=("attrs", "cache"),
    first=("sunpy.net",),
)

__dir__ = lazy.listing(__all__)


def _observer(header: Mapping[str, Any]) -> tuple[str, str]:
    from sunpy_helio_plugins.hapi.views.origin import names_of  # which reads the vocabulary

    return names_of(header)


register_observer("hapi", _observer)
