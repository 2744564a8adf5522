"""
HAPI: time series of every server that speaks the Heliophysics Application Programmer's Interface.

``a.hapi`` are the words of a query, `read` opens what was fetched or answered.
"""

from __future__ import annotations

from sunpy_helio_plugins.hapi.reading import read

__all__ = ["read"]
