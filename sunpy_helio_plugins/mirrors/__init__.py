"""
Mirrors: named queries of all archives that are kept up to date in folders of one's own, and checks of folders.

`mirror` runs a plan, which is a TOML file or a dict. `check_folder` checks the files in any folder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.mirrors.check import FolderCheck, check_cache, check_folder
    from sunpy_helio_plugins.mirrors.plan import Plan, PlannedQuery
    from sunpy_helio_plugins.mirrors.report import MirrorReport, QueryReport
    from sunpy_helio_plugins.mirrors.run import mirror

__all__ = [
    "FolderCheck",
    "MirrorReport",
    "Plan",
    "PlannedQuery",
    "QueryReport",
    "check_cache",
    "check_folder",
    "mirror",
]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.mirrors.check": ("FolderCheck", "check_cache", "check_folder"),
        "sunpy_helio_plugins.mirrors.plan": ("Plan", "PlannedQuery"),
        "sunpy_helio_plugins.mirrors.report": ("MirrorReport", "QueryReport"),
        "sunpy_helio_plugins.mirrors.run": ("mirror",),
    },
    first=("sunpy.net",),
)

__dir__ = lazy.listing(__all__)
