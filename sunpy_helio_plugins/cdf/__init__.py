"""
CDF files of any mission as tables, by the ISTP conventions.

`read` and ``Table.read(path, format="cdf")`` open a file, or several of one product; `epochs` lists its time variables.
"""

from __future__ import annotations

from sunpy_helio_plugins.cdf.read import epochs, read, register

__all__ = ["epochs", "read"]

register()
