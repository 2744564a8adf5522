"""Our tables and series within ASDF trees, among other things; imported when asdf is."""

from __future__ import annotations

from typing import Any

import asdf
from asdf.extension import Converter, Extension

from sunpy_helio_plugins.storage import series
from sunpy_helio_plugins.storage.files import far_years

__all__ = ["StoredConverter", "StoredExtension"]

_HOST = "asdf://github.com/sunpy_helio_plugins"


class StoredConverter(Converter):
    """Converts search results and time series; asdf-astropy converts the plain table that each becomes."""

    tags = (f"{_HOST}/tags/stored-1.0.0",)
    types = (
        "sunpy_helio_plugins.hapi.tables.HAPITable", "sunpy_helio_plugins.hapi.tables.HAPIFiles",
        "sunpy_helio_plugins.imap.tables.IMAPTable", "sunpy_helio_plugins.helioviewer.tables.HelioviewerTable",
        "sunpy_helio_plugins.her.tables.HERTable", "sunpy_helio_plugins.hapi.timeseries.HAPITimeSeries",
        "sunpy_helio_plugins.imap.timeseries.IMAPTimeSeries",
    )  # fmt: skip

    def to_yaml_tree(self, obj: Any, tag: str, ctx: Any) -> dict[str, Any]:
        """Return the plain table of a search result or of a series."""
        with far_years():
            return {"table": series.plain(obj, "asdf")}

    def from_yaml_tree(self, node: Any, tag: str, ctx: Any) -> Any:
        """Return what the plain table was."""
        with far_years():
            return series.restored(node["table"])


class StoredExtension(Extension):
    """The one kind of objects that this package adds to ASDF."""

    extension_uri = f"{_HOST}/extensions/stored-1.0.0"
    converters = (StoredConverter(),)
    tags = StoredConverter.tags


asdf.get_config().add_extension(StoredExtension())
