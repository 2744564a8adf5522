"""
User settings: URLs, timeouts, limits.

Values are read from ``sunpy_helio_plugins.cfg`` in astropy's configuration folder, and can be changed at run time
(``conf.read_timeout = 120``) or within a block (``with conf.her.set_temp("url", ...)``).
"""

from __future__ import annotations

import numpy as np
from astropy.config import ConfigItem, ConfigNamespace

from sunpy_helio_plugins import lazy

__all__ = ["Conf", "Isolation", "conf", "isolation"]

__dir__ = lazy.listing(__all__)

_PACKAGE = "sunpy_helio_plugins"


def _item(default: object, description: str, section: str = "", cfgtype: str | None = None) -> ConfigItem:
    """Make an item in the section of the configuration file that is named after its archive."""
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
        "Additional servers, or other URLs of listed servers, each as 'name=url'.",
        "hapi",
        cfgtype="string_list",
    )
    oauth2 = _item(
        ["swe=https://sso.s2p.esa.int/realms/swe/protocol/openid-connect/token swe_hapiserver"],
        "Servers that require a token, each as 'name=url-of-the-token-endpoint scope'.",
        "hapi",
        cfgtype="string_list",
    )
    connections = _item(8, "Maximum number of simultaneous requests for records to one server.", "hapi")


class _IMAPConf(ConfigNamespace):
    """Settings of the IMAP client. Environment variables of the official client override them."""

    url = _item("https://api.imap-mission.com", "URL of the Data Access API.", "imap")
    ialirt_url = _item("https://ialirt.imap-mission.com", "URL of I-ALiRT, the real-time stream.", "imap")
    data_dir = _item("", "Folder that contains the SDC's tree ('imap/...'); empty: sunpy's download folder.", "imap")


class _HelioviewerConf(ConfigNamespace):
    """Settings of the Helioviewer client."""

    api_url = _item("https://api.helioviewer.org/v2", "URL of the API, version 2.", "helioviewer")
    hapi_url = _item(
        "https://api.helioviewer.org/hapi/Helioviewer/hapi", "URL of Helioviewer's HAPI server.", "helioviewer"
    )
    jp2_url = _item("https://helioviewer.org/jp2", "URL of the directory tree of JPEG 2000 files.", "helioviewer")
    rate_limit_wait = _item(
        20.0, "Seconds to wait before each retry when Helioviewer's rate limit is reached.", "helioviewer"
    )
    pillow_openjpeg = _item(
        True, "Let glymur use the OpenJPEG in Pillow's wheels if OpenJPEG is not installed.", "helioviewer"
    )


class _HERConf(ConfigNamespace):
    """Settings of the client of the Heliophysics Events Registry (HEK)."""

    url = _item("https://www.lmsal.com/hek/her", "URL of the registry.", "her")


class Conf(ConfigNamespace):
    """Settings of all clients; ``conf.hapi``, ``conf.imap``, ``conf.helioviewer``, ``conf.her`` are for one archive."""

    connect_timeout = _seconds(10.0, "Seconds to wait for a connection.")
    read_timeout = _seconds(60.0, "Seconds to wait for the next byte of a response.")
    deadline = _seconds(
        300.0, "Maximum total time in seconds for one metadata response, including retries; 0: no limit."
    )
    search_deadline = _seconds(
        600.0, "Maximum total time in seconds for all requests of one search, including retries; 0: no limit."
    )
    retries = _item(3, "Number of retries after a lost connection, 429, 502, 503 or 504.")
    max_answer = _item(256_000_000, "Maximum size of a metadata response, in bytes after decompression.")

    max_file = _item(20_000_000_000, "Maximum size of a downloaded file, in bytes after decompression.")
    allow_http = _item(False, "Allow servers without TLS; credentials are never sent to them.")
    cache = _item(True, "Cache metadata that change rarely, such as catalogues, on disk.")
    cache_days = _item(1.0, "Number of days for which they are cached.")
    cache_size = _item(100_000_000, "Maximum size of the cache in bytes.")
    cache_dir = _item("", "Folder of the cache; empty: in astropy's cache folder of this package.")

    hapi = _HAPIConf()
    imap = _IMAPConf()
    helioviewer = _HelioviewerConf()
    her = _HERConf()


conf = Conf()
"""The current settings."""


class Isolation:
    """
    Whether requests are restricted to the local machine: true while the embedded archive is running.

    This is not a setting, so that neither ``conf.reload()`` nor changing a setting ends it.
    """

    def __init__(self) -> None:
        self._holders = 0

    def __bool__(self) -> bool:
        return self._holders > 0

    def begin(self) -> None:
        """Refuse all other machines until `end` has been called as often as this method."""
        self._holders += 1

    def end(self) -> None:
        """Undo one call of `begin`."""
        self._holders -= 1


isolation = Isolation()
"""Whether requests to other machines are refused."""
