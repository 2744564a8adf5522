"""URL handling: redaction for messages, same-origin checks, and the addresses that may be requested."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from sunpy_helio_plugins.arguments import address_parts
from sunpy_helio_plugins.config import conf, isolation
from sunpy_helio_plugins.errors import IsolationError, QueryError

__all__ = [
    "ANYWHERE",
    "INTERNET",
    "MAX_REDIRECTS",
    "REDIRECTS",
    "NearError",
    "check_near",
    "check_scheme",
    "host_of",
    "is_direct",
    "is_loopback",
    "is_private",
    "literal_addresses",
    "nearness",
    "next_hop",
    "origin",
    "permit",
    "proxies",
    "public_url",
    "quote_unsafe",
    "same_origin",
    "without_user",
]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
"""HTTP statuses of redirects."""

MAX_REDIRECTS = 9
"""Redirects of one request that are followed."""

_SECRET_WORDS = ("key", "token", "secret", "password", "signature", "credential", "auth", "sig")

_AMBIGUOUS = re.compile(r"[\\\x00-\x20\x7f]")
"""Characters that a host must not contain: some parsers end it at a backslash, others at the slash after it."""

_UNSAFE = re.compile(r"[^\x21-\x7e]")


def public_url(url: str) -> str:
    """
    Return an address as it may appear in a message or a log.

    User and password are removed, and values of query fields whose names suggest a secret (``X-Amz-Signature``,
    ``api_key``, ``access_token``, ...) are replaced by ``***``. This never raises, since it is used after failures.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no valid address)"
    host = parts.netloc.rpartition("@")[2]
    fields = parse_qsl(parts.query, keep_blank_values=True)
    if any(_is_secret(name) for name, _ in fields):
        fields = [(name, "***" if _is_secret(name) else value) for name, value in fields]
        query = urlencode(fields, safe="*:/,", quote_via=quote, errors="replace")
    else:
        query = parts.query
    shown = urlunsplit((parts.scheme, host, parts.path, query, ""))
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in shown)


def without_user(url: str) -> str:
    """Return an address without a user and password, which stay in the process that was given them."""
    return _USER.sub("//", url, count=1)


_USER = re.compile(r"(?<=:)//[^/?#]*@")


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)


def same_origin(one: str, other: str) -> bool:
    """Return whether two addresses have the same scheme, host and port."""
    try:
        return _origin(one) == _origin(other)
    except ValueError:
        return False


def origin(url: str) -> str:
    """Return the scheme, the host and the port of an address as a text, to tell servers apart."""
    return "{}://{}:{}".format(*_origin(url))


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    if _AMBIGUOUS.search(parts.netloc):
        raise ValueError("the host is ambiguous")
    return parts.scheme, parts.hostname, parts.port or default


def is_loopback(url: str) -> bool:
    """Return whether an address is on this machine."""
    try:
        _, host, _ = _origin(url)
        # Names below localhost are resolved by name servers, and can be anywhere.
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_private(url: str) -> bool:
    """Return whether others cannot read requests to an address: it is with TLS, or on this machine."""
    return address_parts(url).scheme == "https" or is_loopback(url)


def permit(url: str) -> None:
    """Raise `IsolationError` for an address on another machine while the embedded archive serves."""
    if isolation and not is_loopback(url):
        raise IsolationError(
            f"{public_url(url)} was not requested: while the embedded archive serves, only this machine is. Leave the "
            "block of sandbox.serve() or sandbox.use(), or call sandbox.stop(), to use other servers."
        )


def proxies(url: str) -> dict[str, str] | None:
    """Return the argument ``proxies`` of requests: none for a direct address, else those of the environment."""
    return dict.fromkeys(("http", "https", "all"), "") if is_direct(url) else None


def is_direct(url: str) -> bool:
    """Return whether no proxy is used: for this machine, while the embedded archive serves."""
    return bool(isolation) and is_loopback(url)


def check_scheme(url: str) -> None:
    """
    Raise `QueryError` for an address that must not be requested.

    It is invalid, `permit` refuses it, or it is without TLS, not on this machine, and ``conf.allow_http`` is off.
    """
    try:
        scheme, host, _ = _origin(url)
    except ValueError as error:
        raise QueryError(f"{public_url(url)!r} is not a valid address: {error}.") from None
    if scheme not in ("http", "https") or not host:
        raise QueryError(f"{public_url(url)!r} is not a valid address: it must begin with https:// and a host.")
    permit(url)
    if not is_private(url) and not conf.allow_http:
        raise QueryError(
            f"{public_url(url)} would be requested without TLS: others could read and change the response. "
            "Use https://, or set conf.allow_http = True to accept that."
        )


def next_hop(url: str, location: str, followed: int = 0) -> str:
    """
    Return an address that a server gave, after the checks that apply to each of them.

    ``location`` is a ``Location`` header or an address from an answer, ``url`` what was requested, and ``followed`` the
    number of redirects before. User and password are removed: a server does not decide who signs in. Characters that a
    request line cannot contain are quoted. `QueryError` is raised after `MAX_REDIRECTS`, by `check_scheme`, and
    for an address on this machine from another one. `check_near` judges what a name resolves to, where it is connected.
    """
    if followed >= MAX_REDIRECTS:
        raise QueryError(f"there were {MAX_REDIRECTS} redirects before, possibly in circles")
    try:
        parts = urlsplit(urljoin(url, location))
    except ValueError as error:
        raise QueryError(f"{public_url(location)!r} is not a valid address: {error}.") from None
    there = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    check_scheme(urlunsplit(parts))
    if not is_loopback(url):
        check_near(there, literal_addresses(host_of(there)), _LINK)
    return quote_unsafe(there)


INTERNET, _PRIVATE, _LINK, _MACHINE, ANYWHERE = range(5)
"""How near an address is; no server has one that is nearer than this machine."""

_PLACES = {
    _PRIVATE: "in a private network",
    _LINK: "on the local link",
    _MACHINE: "on this machine",
    ANYWHERE: "not the address of a server",
}

_TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
"""Addresses whose last 32 bits are one of IPv4 (RFC 6052, RFC 8215, RFC 4291)."""

_ITSELF = ipaddress.IPv4Network("0.0.0.0/8")
"""Addresses that some systems connect to this machine."""


def nearness(address: str) -> int:
    """Return how near an IP address is, from 0, the internet, to 3, this machine; 4 if no server can have it."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv4Address):
        return _nearness_4(found)
    inner = _inner(found)
    if inner is not None and found != ipaddress.IPv6Address("::1"):
        return max(map(_nearness_4, inner))
    if found.is_multicast:
        return ANYWHERE
    if found.is_loopback:
        return _MACHINE
    if found.is_link_local:
        return _LINK
    return _PRIVATE if found.is_site_local or not found.is_global else INTERNET


def _nearness_4(found: ipaddress.IPv4Address) -> int:
    if found.is_loopback or found in _ITSELF:
        return _MACHINE
    if found.is_multicast or found.is_reserved:
        return ANYWHERE
    if found.is_link_local:
        return _LINK
    return INTERNET if found.is_global else _PRIVATE


def _inner(found: ipaddress.IPv6Address) -> tuple[ipaddress.IPv4Address, ...] | None:
    """Return the addresses of IPv4 in one of IPv6 that leads to them."""
    if found.teredo is not None:
        return found.teredo
    one = found.ipv4_mapped or found.sixtofour
    if one is None and any(found in network for network in _TRANSLATED):
        one = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return None if one is None else (one,)


def host_of(url: str) -> str:
    """Return the host of an address, as it is resolved; empty if there is none."""
    return (address_parts(url).hostname or "").rstrip(".")


def literal_addresses(host: str) -> tuple[str, ...]:
    """Return the IP address that a host is, in any spelling that systems accept (``127.1``, ``0x7f000001``)."""
    if host == "localhost":
        return ("127.0.0.1",)
    try:
        return (str(ipaddress.ip_address(host.partition("%")[0])),)
    except ValueError:
        pass
    parts = host.lower().split(".")
    if len(parts) > 4 or not all(map(_NUMBER.fullmatch, parts)):
        return ()
    *first, last = (int(one, 16 if one[1:2] == "x" else 8 if one[:1] == "0" else 10) for one in parts)
    # The last number stands for all bytes that are left (inet_aton).
    if max(first, default=0) > 255 or last >= 256 ** (4 - len(first)):
        return ()
    return (str(ipaddress.IPv4Address(sum(one << (24 - 8 * at) for at, one in enumerate(first)) + last)),)


_NUMBER = re.compile(r"0x[0-9a-f]{1,8}|0[0-7]{0,11}|[1-9][0-9]{0,9}")


class NearError(QueryError):
    """An address from a server that is nearer than the server itself."""


def check_near(url: str, addresses: Iterable[str], most: int) -> None:
    """
    Raise `NearError` if one of the IP addresses of a host is nearer than ``most``.

    This is the rule for every address that a server gave (a redirect, a cell of a table, a link to a storage): services
    of a private network, of this link or of this machine may trust requests from here, so that no server outside may
    choose them. ``most`` is `ANYWHERE` for addresses of the user, and else the nearness of the server that gave it.
    """
    near = max(map(nearness, addresses), default=INTERNET)
    if near > most or (near == ANYWHERE and most < ANYWHERE):
        raise NearError(
            f"{public_url(url).removeprefix('//')} is {_PLACES[near]}, and the server that gave the address is not."
        )


def quote_unsafe(url: str) -> str:
    """Quote only the characters of an address that a request line cannot contain."""
    return _UNSAFE.sub(lambda found: quote(found.group(), errors="surrogateescape"), url)
