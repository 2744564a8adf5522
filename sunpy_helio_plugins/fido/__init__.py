"""
The parts of a Fido client that all archives share: attrs, tables of results and the client itself.

A package that adds another archive derives its attrs from `ArchiveAttr` and `MarkerAttr`, its table from
`ArchiveTable`, and its client from `ArchiveClient`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.fido.attrs import ArchiveAttr, MarkerAttr, branches, explain_foreign, name_of, of_type
    from sunpy_helio_plugins.fido.client import ArchiveClient
    from sunpy_helio_plugins.fido.dispatch import Names
    from sunpy_helio_plugins.fido.fields import common_columns
    from sunpy_helio_plugins.fido.table import ArchiveTable

__all__ = [
    "ArchiveAttr",
    "ArchiveClient",
    "ArchiveTable",
    "MarkerAttr",
    "Names",
    "branches",
    "common_columns",
    "explain_foreign",
    "name_of",
    "of_type",
]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.fido.attrs": (
            "ArchiveAttr",
            "MarkerAttr",
            "branches",
            "explain_foreign",
            "name_of",
            "of_type",
        ),
        "sunpy_helio_plugins.fido.client": ("ArchiveClient",),
        "sunpy_helio_plugins.fido.fields": ("common_columns",),
        "sunpy_helio_plugins.fido.dispatch": ("Names",),
        "sunpy_helio_plugins.fido.table": ("ArchiveTable",),
    },
    first=("sunpy.net",),
)

__dir__ = lazy.listing(__all__)
