"""
Fido clients for HAPI, the IMAP Science Data Center, Helioviewer and the Heliophysics Events Registry (HER, HEK).

Importing this package registers its clients with `sunpy.net.Fido`; it makes no request and needs no network.
"""

from __future__ import annotations

from sunpy_helio_plugins import errors
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.fido import import_hooks
from sunpy_helio_plugins.hapi.client import HAPIClient
from sunpy_helio_plugins.helioviewer.client import HelioviewerClient
from sunpy_helio_plugins.her.client import HERClient
from sunpy_helio_plugins.imap.client import IMAPClient
from sunpy_helio_plugins.transport.credentials import sign_in
from sunpy_helio_plugins.transport.files.queue import Downloader

try:
    from sunpy_helio_plugins._version import version as __version__
except ImportError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = [
    "Downloader",
    "HAPIClient",
    "HERClient",
    "HelioviewerClient",
    "IMAPClient",
    "__version__",
    "conf",
    "errors",
    "sign_in",
]

import_hooks.install()
