"""
What a user can set: addresses, timeouts, limits.

Values come from ``sunpy_helio_plugins.cfg`` in astropy's configuration folder, can be changed at run time
(``conf.read_timeout = 120``) and for a block (``with conf.her.set_temp("url", ...)``).
"""

from __future__ import annotations

import numpy as np
from astropy.config import ConfigItem, ConfigNamespace

from sunpy_helio_plugins import lazy

__all__ = ["Conf", "Isolation", "conf", "isolation"]

__dir__ = lazy.listing(__all__)

_PACKAGE = "sunpy_helio_plugins"


def _item(default: object, description: str, section: str = "", cfgtype: str | None = None) -> ConfigItem:
    """Make an item that is kept in the section of the configuration file which bears its archive's name."""
    module = f"{_PACKAGE}.{section}" if section else _PACKAGE
    return ConfigItem(default, description, cfgtype=cfgtype, module=module)


class _Seconds(ConfigItem):
    """A duration that is validated when it is set; `None` means 0."""

    def set(self, value: float | None) -> None:
        """Set the value for this session; raise `TypeError` unless it is a number of seconds."""
        given = 0.0 if value is None else value
        is_number = isinstance(given, int | float | np.number) and not isinstance(given, bool)
        if not is_number or not 0 <= given < float("inf"):
            raise TypeError(f"conf.{self.name} is a number of seconds, at least 0, not {value!r}.")
        super().set(float(given))


def _seconds(default: float, description: str) -> ConfigItem:
    return _Seconds(default, description, module=_PACKAGE)


class _HAPIConf(ConfigNamespace):
    """Settings of the HAPI client."""

    servers = _item(
        [],
        "Further servers, or other addresses of listed ones, each as 'name=url'.",
        "hapi",
        cfgtype="string_list",
    )
    oauth2 = _item(
        ["swe=https://sso.s2p.esa.int/realms/swe/protocol/openid-connect/token swe_hapiserver"],
        "Servers that ask for a token, each as 'name=address-of-the-token-endpoint scope'.",
        "hapi",
        cfgtype="string_list",
    )
    connections = _item(8, "Requests for records that are made at the same time of one server.", "hapi")


class _IMAPConf(ConfigNamespace):
    """Settings of the IMAP client. The official client's environment variables, where set, win over them."""

    url = _item("https://api.imap-mission.com", "Address of the Data Access API.", "imap")
    ialirt_url = _item("https://ialirt.imap-mission.com", "Address of I-ALiRT, the real-time stream.", "imap")
    data_dir = _item("", "Folder above the SDC's tree ('imap/...'); empty: sunpy's download folder.", "imap")


class _HelioviewerConf(ConfigNamespace):
    """Settings of the Helioviewer client."""

    api_url = _item("https://api.helioviewer.org/v2", "Address of the API, version 2.", "helioviewer")
    hapi_url = _item(
        "https://api.helioviewer.org/hapi/Helioviewer/hapi", "Address of Helioviewer's HAPI server.", "helioviewer"
    )
    jp2_url = _item("https://helioviewer.org/jp2", "Address of the tree of JPEG 2000 files.", "helioviewer")
    rate_limit_wait = _item(
        20.0, "Seconds to wait before each further attempt when Helioviewer's rate limit is reached.", "helioviewer"
    )
    pillow_openjpeg = _item(
        True, "Let glymur use the OpenJPEG inside Pillow's wheels when the machine has none.", "helioviewer"
    )


class _HERConf(ConfigNamespace):
    """Settings of the client of the Heliophysics Events Registry (HEK)."""

    url = _item("https://www.lmsal.com/hek/her", "Address of the registry.", "her")


class Conf(ConfigNamespace):
    """Settings of all clients; ``conf.hapi``, ``conf.imap``, ``conf.helioviewer``, ``conf.her`` hold an archive's."""

    connect_timeout = _seconds(10.0, "Seconds to wait for a connection.")
    read_timeout = _seconds(60.0, "Seconds to wait for the next byte of an answer.")
    deadline = _seconds(300.0, "Seconds that one metadata answer may take in all, retries included; 0: no limit.")
    search_deadline = _seconds(
        600.0, "Seconds that all requests of one search may take, with their pages, parts and retries; 0: no limit."
    )
    retries = _item(3, "How often a request is tried again after a lost connection, 429, 502, 503 or 504.")
    max_answer = _item(256_000_000, "Largest metadata answer that is read, in bytes after decompression.")

    max_file = _item(20_000_000_000, "Largest file that is fetched, in bytes after decompression.")
    allow_http = _item(False, "Ask servers that offer no TLS; credentials are never sent to them.")
    cache = _item(True, "Keep metadata that changes rarely, such as catalogues, on disk.")
    cache_days = _item(1.0, "How many days they are kept.")
    cache_size = _item(100_000_000, "Largest size of that cache in bytes.")
    cache_dir = _item("", "Folder of that cache; empty: in astropy's cache folder of this package.")

    hapi = _HAPIConf()
    imap = _IMAPConf()
    helioviewer = _HelioviewerConf()
    her = _HERConf()


conf = Conf()
"""The settings in force."""


class Isolation:
    """
    Whether only this machine is asked: it is true while the embedded archive serves.

    It is not a setting, so that neither ``conf.reload()`` nor a value set meanwhile ends it.
    """

    def __init__(self) -> None:
        self._holders = 0

    def __bool__(self) -> bool:
        return self._holders > 0

    def begin(self) -> None:
        """Refuse every other machine until `end` has been called as often as this."""
        self._holders += 1

    def end(self) -> None:
        """Undo one call of `begin`."""
        self._holders -= 1


isolation = Isolation()
"""Whether other machines are refused."""
