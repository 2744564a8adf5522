"""Our tables and series within ASDF trees, among other things; imported when asdf is, which astropy imports early."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import asdf
import numpy as np
from asdf import _entry_points
from asdf.extension import Converter, Extension, ExtensionProxy
from astropy.time import Time

from sunpy_helio_plugins.errors import QueryError

__all__ = ["RecordTimeConverter", "StoredConverter", "StoredExtension"]

_HOST = "asdf://github.com/sunpy_helio_plugins"


class StoredConverter(Converter):
    """Converts search results and time series; asdf-astropy converts the plain table that each becomes."""

    tags = (f"{_HOST}/tags/stored-1.0.0",)
    types = (
        "sunpy_helio_plugins.hapi.tables.HAPITable", "sunpy_helio_plugins.hapi.tables.HAPIFiles",
        "sunpy_helio_plugins.imap.tables.IMAPTable", "sunpy_helio_plugins.helioviewer.tables.HelioviewerTable",
        "sunpy_helio_plugins.her.tables.HERTable", "sunpy_helio_plugins.hapi.views.timeseries.HAPITimeSeries",
        "sunpy_helio_plugins.imap.views.timeseries.IMAPTimeSeries",
    )  # fmt: skip

    def to_yaml_tree(self, obj: Any, tag: str, ctx: Any) -> dict[str, Any]:
        """Return the plain table of a search result or of a series."""
        from sunpy_helio_plugins.io import series
        from sunpy_helio_plugins.quantities.silence import far_years

        with far_years():
            return {"table": series.plain(obj, "asdf")}

    def from_yaml_tree(self, node: Any, tag: str, ctx: Any) -> Any:
        """Return what the plain table was."""
        from sunpy_helio_plugins.io import series
        from sunpy_helio_plugins.quantities.silence import far_years

        with far_years():
            return series.restored(node["table"])


class RecordTimeConverter(Converter):
    """Converts columns of times to those of astropy, which asdf-astropy converts."""

    tags = ()
    types = ("sunpy_helio_plugins.quantities.record_time.RecordTime",)

    def select_tag(self, obj: Any, tags: Any, ctx: Any) -> None:
        """Return no tag: the converter of what `to_yaml_tree` returns has one."""

    def to_yaml_tree(self, obj: Any, tag: str, ctx: Any) -> Time:
        """Return times of astropy's own class."""
        if np.any(obj.mask):
            raise QueryError(
                "asdf-astropy does not keep the mask of times: write the table with sunpy_helio_plugins.io.write."
            )
        return Time(obj).unmasked if obj.masked else Time(obj)

    def from_yaml_tree(self, node: Any, tag: str, ctx: Any) -> Any:
        """Return what was read; not called, since there is no tag."""
        return node


class StoredExtension(Extension):
    """The kinds of objects that this package adds to ASDF."""

    extension_uri = f"{_HOST}/extensions/stored-1.0.0"
    converters = (StoredConverter(), RecordTimeConverter())
    tags = StoredConverter.tags


def install() -> None:
    """
    Add the extension to those that asdf takes from the packages that are installed.

    ``add_extension`` would load the extensions of all of these at once, and sunpy's brings `sunpy.map` and matplotlib:
    too much for everyone who imports astropy's tables, which import asdf. Where they are loaded already, it is used.
    """
    config = asdf.get_config()
    if getattr(config, "_extensions", ()) is not None:
        config.add_extension(StoredExtension())
    of_packages = getattr(_entry_points, "get_extensions", None)
    if of_packages is not None and not hasattr(of_packages, "__wrapped__"):
        _entry_points.get_extensions = _with_ours(of_packages)


def _with_ours(of_packages: Callable[[], list[ExtensionProxy]]) -> Callable[[], list[ExtensionProxy]]:
    @wraps(of_packages)
    def get_extensions() -> list[ExtensionProxy]:
        return [ExtensionProxy(StoredExtension()), *of_packages()]

    return get_extensions


install()
