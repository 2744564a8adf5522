"""Unit strings of heliophysics as astropy units, never silently wrong."""

from __future__ import annotations

from sunpy_helio_plugins.quantities.units.api import NotAUnit, Unit, Unknown, classify, column, parse

__all__ = ["NotAUnit", "Unit", "Unknown", "classify", "column", "parse"]
