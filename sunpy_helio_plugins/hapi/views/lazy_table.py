"""Open HAPI files, which are read when they are first used."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sunpy_helio_plugins.arguments import shown
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.records.read import Source, read
from sunpy_helio_plugins.hapi.views.convert import to_ndcube
from sunpy_helio_plugins.quantities.scales import checked_scale
from sunpy_helio_plugins.series.exits import to_timeseries
from sunpy_helio_plugins.series.lazy_table import LazyTable

__all__ = ["open"]


def open(  # noqa: A001 - the same verb in every archive
    *sources: Source,
    info: Mapping[str, Any] | Info | None = None,
    context: Mapping[str, str] | None = None,
    scale: str = "utc",
) -> LazyTable:
    """
    Open records of a HAPI server, which are read when they are first used.

    Parameters
    ----------
    *sources, info, context, scale
        As of `sunpy_helio_plugins.hapi.read`.

    Returns
    -------
    sunpy_helio_plugins.series.LazyTable
        ``table`` reads the records; ``to_xarray()``, ``to_timeseries()``, ``to_pandas()``, ``to_parquet(path)`` and
        ``to_ndcube(column)`` convert them. A file that cannot be read is a `FileError` at the first use.

    Raises
    ------
    QueryError
        If no source is given, or if the scale is not valid.
    """
    if not sources:
        raise QueryError("hapi.open takes at least one file.")
    name = shown(sources[0]) if len(sources) == 1 else f"{len(sources)} sources"
    wanted = partial(read, *sources, info=info, context=context, scale=checked_scale(scale))
    return LazyTable(name, wanted, to_timeseries, to_ndcube)
