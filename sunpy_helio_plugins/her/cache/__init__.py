"""
Events that were searched earlier: `info` lists them, and `clear` removes them.

A search requests only the others; see ``conf.her.cache``, ``cache_size``, ``cache_days`` and ``grace_days``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.her.cache.contents import clear, info

__all__ = ["clear", "info"]

__getattr__ = lazy.attach(__name__, {"sunpy_helio_plugins.her.cache.contents": ("clear", "info")}, first=("sunpy.net",))

__dir__ = lazy.listing(__all__)
