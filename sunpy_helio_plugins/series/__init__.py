"""
Series: tables of any archive on one time axis, and as the types of other packages.

`align` puts tables, time series and frames on a common axis in UTC. `coverage` returns intervals with data, gaps and
the share of valid values. `to_xarray`, `to_pandas`, `to_parquet`, `to_votable`, `to_timeseries` and `to_astropy` take a
table of any archive, a time series, a data frame or a data set; `to_table`, `from_parquet` and `from_votable` restore
the table with times, units, masks and metadata. `to_ndcube` converts a column of spectra; `quicklook` plots records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.series.alignment.align import align
    from sunpy_helio_plugins.series.export import (
        from_parquet,
        from_votable,
        to_astropy,
        to_pandas,
        to_parquet,
        to_timeseries,
        to_votable,
        to_xarray,
    )
    from sunpy_helio_plugins.series.gaps import SeriesCoverage, coverage
    from sunpy_helio_plugins.series.lazy_table import LazyTable
    from sunpy_helio_plugins.series.sources import to_table
    from sunpy_helio_plugins.series.views.cube import to_ndcube
    from sunpy_helio_plugins.series.views.quicklook import quicklook

__all__ = [
    "LazyTable",
    "SeriesCoverage",
    "align",
    "coverage",
    "from_parquet",
    "from_votable",
    "quicklook",
    "to_astropy",
    "to_ndcube",
    "to_pandas",
    "to_parquet",
    "to_table",
    "to_timeseries",
    "to_votable",
    "to_xarray",
]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.series.alignment.align": ("align",),
        "sunpy_helio_plugins.series.gaps": ("SeriesCoverage", "coverage"),
        "sunpy_helio_plugins.series.export": (
            "from_parquet",
            "from_votable",
            "to_astropy",
            "to_pandas",
            "to_parquet",
            "to_timeseries",
            "to_votable",
            "to_xarray",
        ),
        "sunpy_helio_plugins.series.lazy_table": ("LazyTable",),
        "sunpy_helio_plugins.series.sources": ("to_table",),
        "sunpy_helio_plugins.series.views.cube": ("to_ndcube",),
        "sunpy_helio_plugins.series.views.quicklook": ("quicklook",),
    },
)

__dir__ = lazy.listing(__all__)
