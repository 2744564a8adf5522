"""
The command ``sunpy-helio``.

Its modules import click and the standard library only; the packages that do the work are imported by the commands that
need them, so that ``--help`` and the completion of the shell are fast.
"""

from __future__ import annotations

from sunpy_helio_plugins.cli.main import main

__all__ = ["main"]
