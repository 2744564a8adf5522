"""
Fido clients for HAPI, the IMAP Science Data Center, Helioviewer and the Heliophysics Events Registry (HER, HEK).

Importing this package registers its clients with `sunpy.net.Fido`, as soon as `sunpy.net` is imported, without network
access. Other modules are imported when they are first used.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.fido import import_hooks

if TYPE_CHECKING:
    from sunpy_helio_plugins import (
        cdf,
        cluster,
        config,
        errors,
        fido,
        hapi,
        helioviewer,
        her,
        imap,
        io,
        mirrors,
        quantities,
        sandbox,
        series,
        together,
    )
    from sunpy_helio_plugins.config import conf
    from sunpy_helio_plugins.hapi.client import HAPIClient
    from sunpy_helio_plugins.helioviewer.client import HelioviewerClient
    from sunpy_helio_plugins.her.client import HERClient
    from sunpy_helio_plugins.imap.client import IMAPClient
    from sunpy_helio_plugins.mirrors.check import check_folder
    from sunpy_helio_plugins.mirrors.run import mirror
    from sunpy_helio_plugins.transport.credentials import sign_in
    from sunpy_helio_plugins.transport.files.queue import Downloader

try:
    from sunpy_helio_plugins._version import version as __version__
except ImportError:  # pragma: no cover - a source tree that was never installed
    __version__ = "0+unknown"


__all__ = [
    "Downloader",
    "HAPIClient",
    "HERClient",
    "HelioviewerClient",
    "IMAPClient",
    "__version__",
    "cdf",
    "check_folder",
    "cluster",
    "conf",
    "config",
    "errors",
    "fido",
    "hapi",
    "helioviewer",
    "her",
    "imap",
    "io",
    "mirror",
    "mirrors",
    "quantities",
    "sandbox",
    "series",
    "sign_in",
    "together",
]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.config": ("conf",),
        "sunpy_helio_plugins.hapi.client": ("HAPIClient",),
        "sunpy_helio_plugins.helioviewer.client": ("HelioviewerClient",),
        "sunpy_helio_plugins.her.client": ("HERClient",),
        "sunpy_helio_plugins.imap.client": ("IMAPClient",),
        "sunpy_helio_plugins.mirrors.check": ("check_folder",),
        "sunpy_helio_plugins.mirrors.run": ("mirror",),
        "sunpy_helio_plugins.transport.credentials": ("sign_in",),
        "sunpy_helio_plugins.transport.files.queue": ("Downloader",),
    },
    submodules=(
        "cdf",
        "cluster",
        "config",
        "errors",
        "fido",
        "hapi",
        "helioviewer",
        "her",
        "imap",
        "io",
        "mirrors",
        "quantities",
        "sandbox",
        "series",
        "together",
    ),
)

__dir__ = lazy.listing(__all__)

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())
if _log.level == logging.NOTSET:
    # sunpy.net imports drms, which lets the root logger print everything from INFO on.
    _log.setLevel(logging.WARNING)

import_hooks.install()
