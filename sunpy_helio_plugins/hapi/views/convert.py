"""Convert columns to downloadable files, and find the columns of tables."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

import numpy as np
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.arguments import TEXT, no_column, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.fields import common_columns
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.model import Info, Parameter
from sunpy_helio_plugins.hapi.query import PROVIDER
from sunpy_helio_plugins.hapi.tables import HAPIFiles

__all__ = ["column_of", "files", "times_of"]


@taking("hapi.files", column=TEXT)
def files(table: QTable, column: str) -> HAPIFiles:
    """
    Return the files of a column of URLs, as a table for ``Fido.fetch``.

    Parameters
    ----------
    table : astropy.table.QTable
        Records, as returned by `sunpy_helio_plugins.hapi.read`.
    column : str
        The name of a column of URLs; relative ones are completed by the base URL in ``stringType``.

    Returns
    -------
    HAPIFiles
        One row for each URL, in the order of the table; ``Fido.fetch`` downloads all or some of them.

    Raises
    ------
    QueryError
        If the column does not exist, or does not contain URLs.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> images = hapi.load("helioviewer", "AIA_193", "2026-01-10T12:00", "2026-01-10T12:01")
    >>> print(len(hapi.files(images, "url")))
    2
    """
    from sunpy_helio_plugins.hapi.client import HAPIClient

    values = column_of(inputs.records("hapi.files", table), column)
    if values.dtype.kind not in "US":
        raise QueryError(f"The column {column!r} does not contain text, and therefore no URLs.")
    said = Parameter(values.info.meta or {}).link or {}
    mask = np.broadcast_to(np.asarray(getattr(values, "mask", False)), values.shape).reshape(len(table), -1)[:, 0]
    texts = np.ma.getdata(values).reshape(len(table), -1)[:, 0].tolist()
    rows = [index for index, text in enumerate(texts) if text and not mask[index]]
    urls = [urljoin(said.get("base", ""), str(texts[index])) for index in rows]
    odd = next((url for url in urls if not url.startswith(("https://", "http://"))), None)
    if odd is not None:
        raise QueryError(f"The column {column!r} contains {odd!r}, which is not a URL.")
    time = times_of(table)[rows]
    nothing = [None] * len(rows)
    made = HAPIFiles(common_columns(time, time, nothing, nothing, PROVIDER), client=HAPIClient())
    made["Name"] = np.array([url.partition("?")[0].rpartition("/")[2] for url in urls], dtype=str)
    made["url"] = np.array(urls, dtype=str)
    made["media_type"] = np.array([said.get("mediaType", "")] * len(rows), dtype=str)
    made["server_url"] = np.array([_server_of(table)] * len(rows), dtype=str)
    return made


def _server_of(table: QTable) -> str:
    """Return the address of the server of records; empty if the file from which they were read does not state it."""
    return server_list.url_of(Info(table.meta.get("hapi") or {}).origin.get("server", ""))


def column_of(table: QTable, column: str) -> Any:
    """Return a column, or raise an error that names similar ones."""
    if column not in table.colnames:
        raise no_column("The table", column, table.colnames)
    return table[column]


def times_of(table: QTable) -> Time:
    """Return the times of the records in UTC, which frames and axes use, for a table in any scale."""
    time: Time = table.columns[0]
    return time.utc
