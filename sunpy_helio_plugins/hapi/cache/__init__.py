"""
Records that were loaded or downloaded earlier: `info` lists them, and `clear` removes them.

`sunpy_helio_plugins.hapi.load` requests only the others; see ``conf.hapi.cache``, ``cache_size``, ``cache_days`` and
``grace_days``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.hapi.cache.contents import clear, info

__all__ = ["clear", "info"]

__getattr__ = lazy.attach(
    __name__, {"sunpy_helio_plugins.hapi.cache.contents": ("clear", "info")}, first=("sunpy.net",)
)

__dir__ = lazy.listing(__all__)
