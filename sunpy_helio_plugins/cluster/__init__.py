"""Run the work of this package on the workers of a dask cluster: settings, limits of servers, and checks of workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.cluster.workers import check

__all__ = ["check"]

__getattr__ = lazy.attach(__name__, {"sunpy_helio_plugins.cluster.workers": ("check",)})

__dir__ = lazy.listing(__all__)
