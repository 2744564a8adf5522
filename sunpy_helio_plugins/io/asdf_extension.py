"""Converters of our tables and series in ASDF trees; imported together with asdf, which astropy imports early."""

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

__all__ = ["MaskedColumnConverter", "RecordTimeConverter", "StoredConverter", "StoredExtension"]

_HOST = "asdf://github.com/sunpy_helio_plugins"


class StoredConverter(Converter):
    """Converts search results and time series to plain tables, which asdf-astropy converts."""

    tags = (f"{_HOST}/tags/stored-1.0.0",)
    types = (
        "sunpy_helio_plugins.hapi.tables.HAPITable", "sunpy_helio_plugins.hapi.tables.HAPIFiles",
        "sunpy_helio_plugins.imap.tables.IMAPTable", "sunpy_helio_plugins.helioviewer.tables.HelioviewerTable",
        "sunpy_helio_plugins.her.tables.HERTable", "sunpy_helio_plugins.hapi.views.timeseries.HAPITimeSeries",
        "sunpy_helio_plugins.imap.views.timeseries.IMAPTimeSeries",
        "sunpy.timeseries.timeseriesbase.GenericTimeSeries",  # for which sunpy does not have a converter
    )  # fmt: skip

    def to_yaml_tree(self, obj: Any, tag: str, ctx: Any) -> dict[str, Any]:
        """Return the plain table of a search result or of a series."""
        from sunpy_helio_plugins.io import series
        from sunpy_helio_plugins.quantities.silence import far_years

        with far_years():
            return {"table": series.plain(obj, "asdf")}

    def from_yaml_tree(self, node: Any, tag: str, ctx: Any) -> Any:
        """Return the search result or the series of a plain table."""
        from sunpy_helio_plugins.io import series
        from sunpy_helio_plugins.quantities.silence import far_years

        with far_years():
            return series.restored(node["table"])


class RecordTimeConverter(Converter):
    """Converts columns of times to times of astropy, which asdf-astropy converts."""

    tags = ()
    types = ("sunpy_helio_plugins.quantities.record_time.RecordTime",)

    def select_tag(self, obj: Any, tags: Any, ctx: Any) -> None:
        """Return `None`: the converter of the object that `to_yaml_tree` returns has a tag."""

    def to_yaml_tree(self, obj: Any, tag: str, ctx: Any) -> Time:
        """Return times of astropy's class."""
        if np.any(obj.mask):
            # The schema of tables in asdf-astropy allows no other type of times in their columns.
            count = f"{np.sum(obj.mask)} of {obj.size}"
            raise QueryError(
                f"asdf-astropy does not write the mask of times, and {count} of {obj.info.name or 'a column'!r} are "
                "missing; write this table with sunpy_helio_plugins.io.write, or remove these rows."
            )
        return Time(obj).unmasked if obj.masked else Time(obj)

    def from_yaml_tree(self, node: Any, tag: str, ctx: Any) -> Any:
        """Return the object unchanged; not called, since there is no tag."""
        return node  # pragma: no cover - asdf requires the method


class MaskedColumnConverter(Converter):
    """Converts masked columns to those of astropy, of which asdf-astropy writes values, mask, unit and description."""

    tags = ()
    types = (
        "sunpy_helio_plugins.quantities.fills.MaskKeepingColumn",
        "sunpy_helio_plugins.quantities.fills.MaskKeepingQuantity",
    )

    def select_tag(self, obj: Any, tags: Any, ctx: Any) -> None:
        """Return `None`: the converter of the object that `to_yaml_tree` returns has a tag."""

    def to_yaml_tree(self, obj: Any, tag: str, ctx: Any) -> Any:
        """Return a column of astropy's class, from which a QTable makes a masked quantity if it has a unit."""
        from astropy.table import MaskedColumn  # astropy.table imports asdf, and thereby this module

        bare = getattr(obj, "unmasked", obj)
        data = np.array(np.ma.getdata(np.asarray(getattr(bare, "value", bare))))
        made = MaskedColumn(data, mask=np.array(obj.mask), name=obj.info.name, unit=obj.unit)
        made.info.description, made.info.meta = obj.info.description, dict(obj.info.meta or {})
        return made

    def from_yaml_tree(self, node: Any, tag: str, ctx: Any) -> Any:
        """Return the object unchanged; not called, since there is no tag."""
        return node  # pragma: no cover - asdf requires the method


class StoredExtension(Extension):
    """The ASDF extension with the converters of this package."""

    extension_uri = f"{_HOST}/extensions/stored-1.0.0"
    converters = (StoredConverter(), RecordTimeConverter(), MaskedColumnConverter())
    tags = StoredConverter.tags


def install() -> None:
    """Add the extension to those of the installed packages, or to the loaded ones if asdf has loaded them already."""
    # "add_extension" alone would load the extensions of all packages at once; that of sunpy imports sunpy.map and
    # matplotlib, which is too slow for every import of astropy.table, which imports asdf.
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
