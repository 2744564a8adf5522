"""``Table.read`` and ``QTable.read`` for CDF files; astropy finds the reader as soon as this package is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astropy.io import registry
from astropy.table import QTable, Table

__all__ = ["FORMAT", "register"]

FORMAT = "imap-cdf"
"""The format's name, as in ``Table.read(path, format="imap-cdf")``."""


def register() -> None:
    """Teach astropy to read CDF files."""
    registry.register_reader(FORMAT, Table, _read, force=True)
    registry.register_identifier(FORMAT, Table, _is_imap, force=True)


def _read(path: Any, **kwargs: Any) -> QTable:
    """Read a file; also ``Table.read`` gives a QTable, as a plain one would make floats of integers with units."""
    from sunpy_helio_plugins.imap.cdf import read

    return read(path if isinstance(path, str | Path) else path.name, **kwargs)


def _is_imap(origin: str, path: Any, fileobj: Any, *args: Any, **kwargs: Any) -> bool:
    """Tell whether a file is one of the mission's, by its name alone: other CDF files may have other readers."""
    name = Path(path).name if isinstance(path, str | Path) else ""
    return origin == "read" and name.startswith("imap_") and name.endswith(".cdf")
