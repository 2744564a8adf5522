"""
IMAP: files of NASA's Interstellar Mapping and Acceleration Probe, from its Science Data Center.

``Fido.search(a.Time(...), a.imap.File(), a.Instrument("mag"), a.Level("l2"))`` finds files, `read` opens them.
"""

from __future__ import annotations

from typing import Any

from sunpy_helio_plugins.imap.endpoints.spice import metakernel
from sunpy_helio_plugins.imap.files.download import download
from sunpy_helio_plugins.imap.files.read import epochs, read
from sunpy_helio_plugins.imap.files.sync import Synced, sync
from sunpy_helio_plugins.imap.files.upload import Uploaded, upload
from sunpy_helio_plugins.imap.ialirt_tables import realtime
from sunpy_helio_plugins.imap.search import unreleased

__all__ = [
    "Synced", "Uploaded", "download", "epochs", "metakernel", "read", "realtime", "sync", "to_ndcube", "to_timeseries",
    "unreleased", "upload",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import what needs heavy packages when it is asked for."""
    if name == "to_timeseries":
        from sunpy_helio_plugins.imap.views.timeseries import to_timeseries

        return to_timeseries
    if name == "to_ndcube":
        from sunpy_helio_plugins.imap.views.ndcube import to_ndcube

        return to_ndcube
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
