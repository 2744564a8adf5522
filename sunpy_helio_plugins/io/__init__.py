"""
Write tables and series to files, and read them with their times, units, masks and classes.

``Table.read`` and ``table.write`` do this for search results, `read` and `write` for any table or series. A table is
written as columns of numbers and text, which every reader supports, and a header in JSON. Nothing is pickled, and
reading a file does not import or execute anything that the file names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.io.results import Changes, changes
    from sunpy_helio_plugins.io.series import read, write

__all__ = [
    "Changes",
    "changes",
    "read",
    "write",
]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.io.results": ("Changes", "changes"),
        "sunpy_helio_plugins.io.series": ("read", "write"),
    },
)

__dir__ = lazy.listing(__all__)
