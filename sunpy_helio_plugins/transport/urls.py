"""URL handling: redaction for messages, same-origin checks, and the addresses that may be requested."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from sunpy_helio_plugins.config import conf, isolation
from sunpy_helio_plugins.errors import IsolationError, QueryError

__all__ = [
    "MAX_REDIRECTS",
    "REDIRECTS",
    "check_scheme",
    "is_direct",
    "is_loopback",
    "is_private",
    "next_hop",
    "permit",
    "proxies",
    "public_url",
    "quote_unsafe",
    "same_origin",
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


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)


def same_origin(one: str, other: str) -> bool:
    """Return whether two addresses have the same scheme, host and port."""
    try:
        return _origin(one) == _origin(other)
    except ValueError:
        return False


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
    return urlsplit(url).scheme == "https" or is_loopback(url)


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
    for an address on this machine from another one: services of this machine may trust its own requests.
    """
    if followed >= MAX_REDIRECTS:
        raise QueryError(f"there were {MAX_REDIRECTS} redirects before, possibly in circles")
    try:
        parts = urlsplit(urljoin(url, location))
    except ValueError as error:
        raise QueryError(f"{public_url(location)!r} is not a valid address: {error}.") from None
    there = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    check_scheme(urlunsplit(parts))
    if is_loopback(there) and not is_loopback(url):
        raise QueryError(f"{public_url(there)} is on this machine, and the server that gave the address is not.")
    return quote_unsafe(there)


def quote_unsafe(url: str) -> str:
    """Quote only the characters of an address that a request line cannot contain."""
    return _UNSAFE.sub(lambda found: quote(found.group(), errors="surrogateescape"), url)
