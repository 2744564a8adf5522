"""
Read CDF files of any mission as tables, by the ISTP guidelines.

`read` and ``Table.read(path, format="cdf")`` open a file, or several of one product; `epochs` lists its time variables.
"""

from __future__ import annotations

from sunpy_helio_plugins import lazy

# Imported here and not lazily: importing the module `read` would replace the function of the same name.
from sunpy_helio_plugins.cdf.read import epochs, read

__all__ = ["epochs", "read"]

__dir__ = lazy.listing(__all__)
