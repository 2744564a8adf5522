"""
The HAPI servers with a short name: those of ``servers.json``, and those in ``conf.hapi.servers``.

The habits in which a server differs from others are attributes of `HAPIServer`, which ``servers.json`` sets: requests
consider them in ``service``, ranges in ``plan``. What any server may do is handled where an answer is read: in
``records/``, ``model`` and ``status``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from sunpy_helio_plugins.arguments import address_parts, shown
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.transport.urls import is_private, without_user

__all__ = ["HAPIServer", "find", "known", "name_of", "url_of"]


@dataclass(frozen=True)
class HAPIServer:
    """
    The URL of a HAPI server, and its habits.

    Attributes
    ----------
    name : str
        Short name, or the host of a server without one.
    url : str
        The root URL without a final slash; it usually ends in ``/hapi``.
    title : str
        A description of its data.
    source : str
        The institution that runs it.
    version : str
        The version of HAPI, if responses do not contain it.
    explicit_parameters : bool
        Whether all parameters must be listed in a request (Helioviewer fails without).
    inclusive_stop : bool
        Whether responses include the record at the stop, contrary to the specification (Helioviewer).
    identity : bool
        Whether compressed responses may stall (server-nodejs), so that compression is not requested. It is not
        requested for records of any server.
    max_elements, max_bytes : int
        The largest number of values, including times, and of bytes in one response; 0 if no limit is known.
    credentials : str
        Where to get credentials, for a server that requires them.
    grace_days : float
        Days after which its records do not change any more unless it says so; at least ``conf.hapi.grace_days``.
    """

    name: str
    url: str
    title: str = ""
    source: str = ""
    version: str = "2.0"
    explicit_parameters: bool = False
    inclusive_stop: bool = False
    identity: bool = False
    max_elements: int = 0
    max_bytes: int = 0
    credentials: str = ""
    grace_days: float = 0.0

    def __getstate__(self) -> dict[str, Any]:
        """Pickle it without a user and password in its address."""
        return self.__dict__ | {"url": without_user(self.url)}

    @property
    def archive(self) -> str:
        """The name of the server in messages."""
        return f"HAPI server {self.name}"

    @property
    def is_listed(self) -> bool:
        """Whether ``servers.json`` describes the server."""
        return self.name in _shipped()

    @property
    def is_http_only(self) -> bool:
        """Whether the URL is without TLS, which ``conf.allow_http`` must allow."""
        return not is_private(self.url)

    @property
    def habits(self) -> str:
        """A text with the habits in which it differs from other servers."""
        said = {
            "includes the stop": self.inclusive_stop,
            "parameters by name": self.explicit_parameters,
            "no compression": self.identity,
            "limited answers": bool(self.max_elements or self.max_bytes),
            "requires a token": self.token_service is not None,
            "http only": self.is_http_only,
        }
        return ", ".join(words for words, holds in said.items() if holds)

    @property
    def is_test(self) -> bool:
        """Whether the server has test data only, so that searches without a server leave it out."""
        return self.source == "hapi-server.org"

    @property
    def token_service(self) -> tuple[str, str] | None:
        """The URL and scope of the token service, for servers in ``conf.hapi.oauth2``."""
        for entry in conf.hapi.oauth2:
            name, _, rest = entry.partition("=")
            address, _, scope = rest.strip().partition(" ")
            if name.strip().lower() == self.name:
                return address, scope.strip()
        return None


@lru_cache(maxsize=1)
def _shipped() -> dict[str, HAPIServer]:
    text = files("sunpy_helio_plugins.hapi").joinpath("servers.json").read_text(encoding="utf-8")
    return {name: HAPIServer(name=name, **members) for name, members in kept_json(text).items()}


def known() -> dict[str, HAPIServer]:
    """Return the servers by their short names in lower case."""
    servers = dict(_shipped())
    for entry in conf.hapi.servers:
        name, url = (part.strip() for part in entry.split("=", 1))
        name = name.lower()
        base = servers.get(name, HAPIServer(name, url))
        servers[name] = replace(base, url=url.rstrip("/"))
    return servers


def url_of(name: str) -> str:
    """Return the address of a server by the name that records keep: a short name, or a host; empty for no name."""
    named = known().get(name.lower())
    if named is not None or not name:
        return named.url if named else ""
    return f"https://[{name}]" if ":" in name else f"https://{name}"


def name_of(url: str) -> str:
    """Return the short name of a server with an address, or its address if it does not have one."""
    found = find(url)
    return found.name if found.name in known() else url


def find(given: str) -> HAPIServer:
    """Return the server with a short name, in any case, or with a root URL."""
    servers = known()
    if given.lower() in servers:
        return servers[given.lower()]
    if _is_url(given):
        url = given.rstrip("/")
        # Old lists of servers contain URLs without TLS.
        bare = url.partition("://")[2]
        named = next((server for server in servers.values() if server.url.partition("://")[2] == bare), None)
        return named or HAPIServer(urlsplit(url).hostname or url, url)
    similar = get_close_matches(given.lower(), servers, n=3)
    hint = f"did you mean {' or '.join(similar)}? " if similar else ""
    raise QueryError(
        f"{shown(given)} is not a known HAPI server: {hint}The known ones are {', '.join(sorted(servers))}. Give any "
        "other server by its URL (https://host/path/hapi), or add a name for it to conf.hapi.servers."
    )


def _is_url(text: str) -> bool:
    parts = address_parts(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)
