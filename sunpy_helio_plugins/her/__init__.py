"""
The Heliophysics Events Registry (HER), the registry behind the HEK: events as tables, outlines as coordinates.

Searches go through Fido: ``Fido.search(a.Time(...), a.her.CH, a.her.frm_name == "SPoCA")``.
"""

from __future__ import annotations

from sunpy_helio_plugins.her.client import HERClient
from sunpy_helio_plugins.her.overlay import draw
from sunpy_helio_plugins.her.regions import Outlines, detection_times, polygon
from sunpy_helio_plugins.her.tables import HERTable

__all__ = ["HERClient", "HERTable", "Outlines", "detection_times", "draw", "polygon"]
