"""
Conversion of unit strings of heliophysics to astropy units.

`parse` returns a unit only if a string is unambiguous; a string that is not understood stays text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.quantities.units.classification import NotAUnit, Unit, Unknown, classify, column, parse

__all__ = [
    "NotAUnit",
    "Unit",
    "Unknown",
    "classify",
    "column",
    "parse",
]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.quantities.units.classification": (
            "NotAUnit",
            "Unit",
            "Unknown",
            "classify",
            "column",
            "parse",
        ),
    },
)  # fmt: skip

__dir__ = lazy.listing(__all__)
