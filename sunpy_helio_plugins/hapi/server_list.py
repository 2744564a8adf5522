"""The HAPI servers that have a short name: those of ``servers.json``, changed and extended by ``conf.hapi.servers``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from importlib.resources import files
from urllib.parse import urlsplit

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.transport.urls import is_private

__all__ = ["HAPIServer", "find", "known", "url_of"]


@dataclass(frozen=True)
class HAPIServer:
    """
    A HAPI server: how to reach it and what is known of its habits.

    Attributes
    ----------
    name : str
        Short name, or the host of a server that has none.
    url : str
        Its root, which ends in ``/hapi`` as a rule, without a final slash.
    title : str
        What it holds.
    source : str
        Who runs it.
    version : str
        The version of HAPI to assume where its answers do not say.
    explicit_parameters : bool
        Whether all parameters must be asked for by name (Helioviewer fails without).
    inclusive_stop : bool
        Whether answers hold the record at the stop, which the specification leaves out (Helioviewer).
    identity : bool
        Whether answers may hang when they are asked for compressed (server-nodejs): then nothing is; records never are,
        of any server.
    max_elements, max_bytes : int
        How many values, times included, and how many bytes one answer may hold; 0 where no limit is known.
    credentials : str
        Where credentials are to be had, for a server that asks for them.
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

    @property
    def archive(self) -> str:
        """The name under which messages speak of it."""
        return f"HAPI server {self.name}"

    @property
    def is_http_only(self) -> bool:
        """Whether it is asked without TLS, which ``conf.allow_http`` must allow."""
        return not is_private(self.url)

    @property
    def habits(self) -> str:
        """What is particular about it, in words."""
        said = {
            "includes the stop": self.inclusive_stop,
            "parameters by name": self.explicit_parameters,
            "nothing compressed": self.identity,
            "limited answers": bool(self.max_elements or self.max_bytes),
            "asks for a token": self.token_service is not None,
            "http only": self.is_http_only,
        }
        return ", ".join(words for words, holds in said.items() if holds)

    @property
    def is_test(self) -> bool:
        """Whether it holds test data, which nobody looks for by words."""
        return self.source == "hapi-server.org"

    @property
    def token_service(self) -> tuple[str, str] | None:
        """Address and scope of the service that gives tokens, for servers that ``conf.hapi.oauth2`` names."""
        for entry in conf.hapi.oauth2:
            name, _, rest = entry.partition("=")
            address, _, scope = rest.strip().partition(" ")
            if name.strip().lower() == self.name:
                return address, scope.strip()
        return None


@lru_cache(maxsize=1)
def _shipped() -> dict[str, HAPIServer]:
    text = files("sunpy_helio_plugins.hapi").joinpath("servers.json").read_text(encoding="utf-8")
    return {name: HAPIServer(name=name, **members) for name, members in json.loads(text).items()}


def known() -> dict[str, HAPIServer]:
    """
    Return the servers by their short names.

    Returns
    -------
    dict
        Lower-case name to server.

    Raises
    ------
    QueryError
        An entry of ``conf.hapi.servers`` is not of the form ``name=url``.
    """
    servers = dict(_shipped())
    for entry in conf.hapi.servers:
        name, sign, url = entry.partition("=")
        name, url = name.strip().lower(), url.strip()
        if not name or not sign or not _is_url(url):
            raise QueryError(f"conf.hapi.servers holds {entry!r}; each entry must read 'name=https://host/path/hapi'.")
        base = servers.get(name, HAPIServer(name, url))
        servers[name] = replace(base, url=url.rstrip("/"))
    return servers


def url_of(name: str) -> str:
    """Return the address of a server by the name that records keep: a short name, or a host; empty for no name."""
    named = known().get(name.lower())
    if named is not None or not name:
        return named.url if named else ""
    return f"https://[{name}]" if ":" in name else f"https://{name}"


def find(given: str) -> HAPIServer:
    """
    Return the server of a short name or an address.

    Parameters
    ----------
    given : str
        A name, in any case, or the address of a server's root.

    Raises
    ------
    QueryError
        It is neither; the message names the similar ones.
    """
    servers = known()
    if given.lower() in servers:
        return servers[given.lower()]
    if _is_url(given):
        url = given.rstrip("/")
        # Many a list has the addresses without TLS under which servers once began.
        bare = url.partition("://")[2]
        named = next((server for server in servers.values() if server.url.partition("://")[2] == bare), None)
        return named or HAPIServer(urlsplit(url).hostname or url, url)
    similar = get_close_matches(given.lower(), servers, n=3)
    hint = f"did you mean {' or '.join(similar)}? " if similar else ""
    raise QueryError(
        f"{given!r} is no HAPI server: {hint}Known are {', '.join(sorted(servers))}; any other is given by its address "
        "(https://host/path/hapi), or gets a name in conf.hapi.servers."
    )


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname)
