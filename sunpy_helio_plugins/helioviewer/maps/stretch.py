"""
Let sunpy plot maps of display bytes that were saved as FITS and opened again without stretching them a second time.

sunpy recognizes Helioviewer's images, which are already stretched, by the keyword ``helioviewer``. It is longer than
the eight characters of a FITS keyword, and ``Map.save`` leaves it out. Maps of `sunpy_helio_plugins.helioviewer.read`
also contain ``HV_BYTES``. This module is imported right after sunpy's module of stretches, whose test then accepts
both.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from typing import Any

from sunpy_helio_plugins.helioviewer.maps.header_repairs import MARK

__all__ = ["install"]


def install() -> bool:
    """Let sunpy also recognize maps of display bytes by `MARK`; return whether this call changed its test."""
    from sunpy.map.sources import source_type

    plain = getattr(source_type, "from_helioviewer_project", None)
    if plain is None or getattr(plain, "knows_bytes", False):
        return False

    @wraps(plain)
    def from_helioviewer_project(meta: Mapping[str, Any]) -> Any:
        return plain(meta) or bool(meta.get(MARK.lower(), meta.get(MARK, False)))

    from_helioviewer_project.knows_bytes = True  # type: ignore[attr-defined]
    source_type.from_helioviewer_project = from_helioviewer_project
    return True


install()
