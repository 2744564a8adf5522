"""Addresses: what of them may be shown, and which of them belong together."""

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
"""HTTP statuses that name another address."""

MAX_REDIRECTS = 9
"""Redirects of one request that are followed."""

_SECRET_WORDS = ("key", "token", "secret", "password", "signature", "credential", "auth", "sig")

_TWO_READINGS = re.compile(r"[\\\x00-\x20\x7f]")
"""What a host must not hold: some readers of addresses end the host at a backslash, others at the slash after it."""

_UNSENDABLE = re.compile(r"[^\x21-\x7e]")


def public_url(url: str) -> str:
    """
    Return an address as it may be shown in a message or a log.

    Parameters
    ----------
    url : str
        Any address.

    Returns
    -------
    str
        The address without user and password, and with the values of query fields whose names speak of a secret
        (``X-Amz-Signature``, ``api_key``, ``access_token``, ...) replaced by ``***``; what a terminal must not be sent
        is replaced too. This never fails: it is used where something has failed already.
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
    """
    Tell whether two addresses have the same scheme, host and port.

    Parameters
    ----------
    one, other : str
        Two addresses.
    """
    try:
        return _origin(one) == _origin(other)
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    if _TWO_READINGS.search(parts.netloc):
        raise ValueError("the host can be read in two ways")
    return parts.scheme, parts.hostname, parts.port or default


def is_loopback(url: str) -> bool:
    """
    Tell whether an address is on this machine.

    Parameters
    ----------
    url : str
        Any address.
    """
    try:
        _, host, _ = _origin(url)
        # Names below localhost are for the name servers to answer, which may be anybody's.
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def is_private(url: str) -> bool:
    """
    Tell whether nobody on the way can read what is sent to an address: TLS, or this machine.

    Parameters
    ----------
    url : str
        Any address.
    """
    return urlsplit(url).scheme == "https" or is_loopback(url)


def permit(url: str) -> None:
    """
    Refuse an address on another machine while the embedded archive serves; called before every request.

    Parameters
    ----------
    url : str
        The address.

    Raises
    ------
    IsolationError
        The embedded archive serves, and the address is not on this machine.
    """
    if isolation and not is_loopback(url):
        raise IsolationError(
            f"{public_url(url)} is not asked: while the embedded archive serves, only this machine is. Leave the block "
            "of sandbox.serve() or sandbox.use(), or call sandbox.stop(), to ask other servers."
        )


def proxies(url: str) -> dict[str, str] | None:
    """
    Return what to hand to requests as ``proxies``.

    Parameters
    ----------
    url : str
        The address.

    Returns
    -------
    dict or None
        No proxies where `is_direct`; else `None`, those of the environment.
    """
    return dict.fromkeys(("http", "https", "all"), "") if is_direct(url) else None


def is_direct(url: str) -> bool:
    """
    Tell whether an address is asked without a proxy: one on this machine, while the embedded archive serves.

    Parameters
    ----------
    url : str
        The address.
    """
    return bool(isolation) and is_loopback(url)


def check_scheme(url: str) -> None:
    """
    Refuse an address that would be asked without TLS, or on another machine while the embedded archive serves.

    Parameters
    ----------
    url : str
        The address.

    Raises
    ------
    QueryError
        It is neither https nor on this machine, and ``conf.allow_http`` is off; or it is no address at all; or `permit`
        refuses it.
    """
    try:
        scheme, host, _ = _origin(url)
    except ValueError as error:
        raise QueryError(f"{public_url(url)!r} is no address that can be asked: {error}.") from None
    if scheme not in ("http", "https") or not host:
        words = "it must begin with https:// and a host"
        raise QueryError(f"{public_url(url)!r} is no address that can be asked: {words}.")
    permit(url)
    if not is_private(url) and not conf.allow_http:
        raise QueryError(
            f"{public_url(url)} would be asked without TLS, where anybody on the way can read and change the answer. "
            "Use https://, or set conf.allow_http = True to accept that."
        )


def next_hop(url: str, location: str, followed: int = 0) -> str:
    """
    Return an address that a server gave, after the checks that hold for each of them.

    User and password are removed: a server does not decide who signs in. Characters that a request line cannot hold are
    quoted.

    Parameters
    ----------
    url : str
        The address that was requested.
    location : str
        The ``Location`` header, or an address from an answer.
    followed : int, optional
        How many redirects were followed before.

    Raises
    ------
    QueryError
        These were `MAX_REDIRECTS`; or `check_scheme` refuses the address; or it is on this machine while the server is
        not: services of this machine may trust every request that comes from it.
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
    """Quote the characters of an address that a request line cannot hold, and change nothing else."""
    return _UNSENDABLE.sub(lambda found: quote(found.group(), errors="surrogateescape"), url)
