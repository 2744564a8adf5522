"""
Settings of this package and environment variables, directed to an embedded archive and restored afterwards.

Meanwhile, other machines are refused (`sunpy_helio_plugins.config.isolation`), even if a setting is changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from sunpy_helio_plugins.arguments import shown
from sunpy_helio_plugins.config import conf, isolation
from sunpy_helio_plugins.errors import QueryError

__all__ = ["OFFICIAL_VARIABLES", "Pointed", "listed", "point", "restore_unheld"]

LOOPBACK = ("127.0.0.1", "::1", "localhost")

OFFICIAL_VARIABLES = (
    "IMAP_DATA_ACCESS_URL",
    "IMAP_API_KEY",
    "IMAP_ACCESS_TOKEN",
    "IMAP_DATA_DIR",
    "IMAP_WEBPODA_TOKEN",
    "IALIRT_DATA_ACCESS_URL",
    "SWE_CLIENT_ID",
    "SWE_CLIENT_SECRET",
)
"""Environment variables read by imap-data-access, the mission's official client, and by the client of this package."""

_ENVIRONMENT = "environment"
_SECTIONS = {"": conf, "hapi": conf.hapi, "imap": conf.imap, "helioviewer": conf.helioviewer, "her": conf.her}

_Place = tuple[str, str]
"""The section of a setting, or `_ENVIRONMENT`, and the name."""

_lock = threading.RLock()
_pointed: list[Pointed] = []


@lru_cache(maxsize=1)
def listed() -> tuple[str, ...]:
    """Return the short names of all HAPI servers that this package lists."""
    # Not by importlib.resources, which would import the clients.
    text = (Path(__file__).parents[1] / "hapi" / "servers.json").read_text(encoding="utf-8")
    return tuple(json.loads(text))


@dataclass(eq=False)
class Pointed:
    """
    Settings that are directed to an archive, until `restore` is called or the ``with`` block ends.

    Attributes
    ----------
    url : str
        The archive's URL.
    is_held : bool
        Whether a ``with`` block ends it.
    """

    url: str
    is_held: bool = False
    _before: dict[_Place, Any] = field(default_factory=dict, repr=False)

    def restore(self) -> None:
        """Restore the previous settings; if other settings were made since, they are restored when those end."""
        with _lock:
            if self not in _pointed:
                return
            index = _pointed.index(self)
            _pointed.remove(self)
            if index < len(_pointed):
                _pointed[index]._before = self._before
            else:
                _put(self._before)
            isolation.end()

    def __enter__(self) -> None:
        if self not in _pointed:
            raise RuntimeError("These settings were restored; call sandbox.use(url) again.")
        self.is_held = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()


def point(url: str) -> Pointed:
    """Direct the settings to an archive immediately; raise `QueryError` for a URL that is not on this machine."""
    if not isinstance(url, str) or not _is_loopback(url):
        raise QueryError(f"{shown(url)} is not the address of an embedded archive, such as 'http://127.0.0.1:8000'.")
    wanted = _wanted(url.rstrip("/"))
    with _lock:
        isolation.begin()
        made = Pointed(url)
        made._before = {place: _get(place) for place in wanted}
        _pointed.append(made)
        _put(wanted)
    return made


def _is_loopback(url: str) -> bool:
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and parts.hostname in LOOPBACK and (parts.port or 80) > 0
    return False


def restore_unheld() -> None:
    """Restore all settings that no ``with`` block will restore."""
    for pointed in reversed(_pointed.copy()):
        if not pointed.is_held:
            pointed.restore()


def _get(place: _Place) -> Any:
    section, name = place
    return os.environ.get(name) if section == _ENVIRONMENT else getattr(_SECTIONS[section], name)


def _put(values: dict[_Place, Any]) -> None:
    for (section, name), value in values.items():
        if section != _ENVIRONMENT:
            setattr(_SECTIONS[section], name, value)
        elif value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _wanted(url: str) -> dict[_Place, Any]:
    helioviewer_hapi = f"{url}/helioviewer/hapi/Helioviewer/hapi"
    servers = {name: f"{url}/hapi/{name}/hapi" for name in listed()} | {"helioviewer": helioviewer_hapi}
    token_url = f"{url}/hapi/swe/realms/swe/protocol/openid-connect/token"
    return {
        ("hapi", "servers"): [f"{name}={address}" for name, address in servers.items()],
        ("hapi", "oauth2"): [f"swe={token_url} swe_hapiserver"],
        ("hapi", "index_url"): f"{url}/hapi/meta/catalogs-all.json",
        ("imap", "url"): f"{url}/imap",
        ("imap", "ialirt_url"): f"{url}/imap/ialirt",
        ("imap", "webpoda_url"): f"{url}/imap/poda/dap2/apids/SID1",
        ("helioviewer", "api_url"): f"{url}/helioviewer/v2",
        ("helioviewer", "mirrors"): [],
        ("helioviewer", "hapi_url"): helioviewer_hapi,
        ("helioviewer", "jp2_url"): f"{url}/helioviewer/jp2",
        ("her", "url"): f"{url}/hek/her",
        # The next archive may listen on the same port, with other answers.
        ("", "cache"): False,
        ("hapi", "cache"): False,
        ("her", "cache"): False,
        # Environment variables of a mission member would override the settings: a real key would be sent to this
        # archive, and synthetic files would be saved among real ones.
        **dict.fromkeys((_ENVIRONMENT, name) for name in OFFICIAL_VARIABLES),
    }
