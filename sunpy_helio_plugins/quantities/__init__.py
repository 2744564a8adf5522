"""Exact times, fill values and units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.quantities import units
    from sunpy_helio_plugins.quantities.fills import (
        MaskKeepingColumn,
        MaskKeepingQuantity,
        exact_integer,
        for_frame,
        is_fill,
        masked,
    )
    from sunpy_helio_plugins.quantities.times import (
        PRECISION,
        as_column,
        datetime64_from_iso,
        datetime64_from_tt2000,
        from_cdf_epoch,
        from_cdf_epoch16,
        from_datetime64,
        from_iso,
        from_tt2000,
        from_unix,
        iso,
        to_datetime64,
        without_leap_seconds,
    )

__all__ = [
    "PRECISION",
    "MaskKeepingColumn",
    "MaskKeepingQuantity",
    "as_column",
    "datetime64_from_iso",
    "datetime64_from_tt2000",
    "exact_integer",
    "for_frame",
    "from_cdf_epoch",
    "from_cdf_epoch16",
    "from_datetime64",
    "from_iso",
    "from_tt2000",
    "from_unix",
    "is_fill",
    "iso",
    "masked",
    "to_datetime64",
    "units",
    "without_leap_seconds",
]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.quantities.fills": (
            "MaskKeepingColumn",
            "MaskKeepingQuantity",
            "exact_integer",
            "for_frame",
            "is_fill",
            "masked",
        ),
        "sunpy_helio_plugins.quantities.times": (
            "PRECISION",
            "as_column",
            "datetime64_from_iso",
            "datetime64_from_tt2000",
            "from_cdf_epoch",
            "from_cdf_epoch16",
            "from_datetime64",
            "from_iso",
            "from_tt2000",
            "from_unix",
            "iso",
            "to_datetime64",
            "without_leap_seconds",
        ),
    },
    submodules=("units",),
)

__dir__ = lazy.listing(__all__)
