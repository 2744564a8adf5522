"""
IMAP: files of NASA's Interstellar Mapping and Acceleration Probe, from its Science Data Center.

``Fido.search(a.Time(...), a.imap.File(), a.Instrument("mag"), a.Level("l2"))`` finds files, `read` opens them.
"""

from __future__ import annotations

from sunpy_helio_plugins.imap.cdf import read

__all__ = ["read"]
