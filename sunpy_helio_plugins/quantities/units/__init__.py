"""
Conversion of unit strings of heliophysics to astropy units.

`parse` returns a unit only if a string is unambiguous; a string that is not understood stays text.

A string is read in these steps, each of which has its module; ``classification`` applies them. One that is misread is
corrected in the step of its fault:

1. ``normalize``: spelling and characters (``"A2x"``, ``"10^6"``);
2. ``remarks``: a bracket or a word that describes the values and does not change their unit;
3. ``labels``: a label or a description in place of a unit;
4. ``radii``: radii of the Sun, of planets and of moons;
5. ``grammar``: products, quotients and powers that are read in another order; a name of a unit that is missing belongs
   into ``vocabulary``, and a symbol with several meanings (``"A"``, ``"g"``, ``"T"``), or one that is refused within a
   product, into ``context``;
6. ``statements``: a description of the parameter that contradicts its unit.
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
