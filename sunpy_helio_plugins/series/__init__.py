"""
Series: tables of any archive on one time axis, and the times that they cover.

`align` puts tables, time series and frames on a common axis in UTC. `coverage` returns intervals with data, gaps and
the share of valid values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.series.alignment.align import align
    from sunpy_helio_plugins.series.gaps import SeriesCoverage, coverage

__all__ = ["SeriesCoverage", "align", "coverage"]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.series.alignment.align": ("align",),
        "sunpy_helio_plugins.series.gaps": ("SeriesCoverage", "coverage"),
    },
)

__dir__ = lazy.listing(__all__)
