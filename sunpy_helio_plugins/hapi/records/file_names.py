"""The names of the files that are downloaded for the rows of a search."""

from __future__ import annotations

import re
from collections.abc import Iterator
from hashlib import sha256
from typing import TYPE_CHECKING

from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.records.file import SUFFIX

if TYPE_CHECKING:
    from sunpy_helio_plugins.hapi.tables import HAPITable

__all__ = ["file_names"]


def file_names(rows: HAPITable) -> Iterator[str]:
    """Yield names that are the same for the same request and differ otherwise: made safe, two ids may become equal."""
    known = server_list.known()
    servers, urls, datasets, *others = (
        list(map(str, rows[name].tolist()))
        for name in ("Server", "server_url", "Dataset", "Parameters", "range", "format")
    )
    starts, ends = (rows[name].strftime("%Y%m%dT%H%M%S") for name in ("Start Time", "End Time"))
    for server, url, dataset, start, end, *rest in zip(servers, urls, datasets, starts, ends, *others, strict=True):
        # A server without a short name shows its host, which may hold several.
        identity = [server if server in known else url, dataset, *rest]
        digest = sha256("\n".join(identity).encode()).hexdigest()[:8]
        plain = _ODD.sub("_", dataset)[-80:]
        yield f"{server}_{plain}_{start}_{end}_{digest}{SUFFIX}"


_ODD = re.compile(r"[^\w.-]")
"""Characters of a dataset's id that its file name does not have."""
