"""``Table.read`` and ``QTable.read`` for CDF files; astropy finds the reader as soon as this package is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from astropy.table import QTable

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.fido import registration

__all__ = ["FORMAT", "register"]

FORMAT = "imap-cdf"
"""The format's name, as in ``Table.read(path, format="imap-cdf")``."""


def register() -> None:
    """Teach astropy to read CDF files."""
    registration.register_format(FORMAT, _read, _recognizes)


def _read(path: Any, /, **kwargs: Any) -> QTable:
    """Read a CDF file, see `sunpy_helio_plugins.imap.read`; the table is a QTable, which keeps integers with units."""
    from sunpy_helio_plugins.imap.cdf import read

    given = path if isinstance(path, str | Path) else getattr(path, "name", None)
    if not isinstance(given, str | Path):
        raise FileError(f"A CDF file is read from its path, not from {type(path).__name__}; save it to a file first.")
    return read(given, **kwargs)


def _recognizes(name: str, peek: registration.Peek) -> bool:
    """Tell whether a file is one of the mission's, by its name alone: other CDF files may have other readers."""
    return name.startswith("imap_") and name.endswith(".cdf")
