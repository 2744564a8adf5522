"""
Maps of display bytes that were saved as FITS and opened again: drawn as they are, not stretched a second time.

sunpy knows Helioviewer's pictures, which are stretched already, by the keyword ``helioviewer``. It is longer than the
eight characters of a FITS keyword, and ``Map.save`` leaves it out. Maps of `sunpy_helio_plugins.helioviewer.read` hold
``HV_BYTES`` as well. This module is imported right after sunpy's module of stretches is, whose test then knows both.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from typing import Any

from sunpy_helio_plugins.helioviewer.maps.repairs import MARK

__all__ = ["install"]


def install() -> bool:
    """
    Let sunpy know maps of display bytes by `MARK` as well.

    Returns
    -------
    bool
        Whether sunpy's test was changed by this call.
    """
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
