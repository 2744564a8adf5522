"""Addresses: what of them may be shown, and which of them belong together."""

from __future__ import annotations

import ipaddress
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import QueryError

__all__ = ["check_scheme", "is_loopback", "is_private", "public_url", "same_origin"]

_SECRET_WORDS = ("key", "token", "secret", "password", "signature", "credential", "auth", "sig")


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
        (``X-Amz-Signature``, ``api_key``, ``access_token``, ...) replaced by ``***``.
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    fields = parse_qsl(parts.query, keep_blank_values=True)
    if any(_is_secret(name) for name, _ in fields):
        fields = [(name, "***" if _is_secret(name) else value) for name, value in fields]
        query = urlencode(fields, safe="*:/,", quote_via=quote)
    else:
        query = parts.query
    return urlunsplit((parts.scheme, host, parts.path, query, ""))


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
    return _origin(one) == _origin(other)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, parts.port or default


def is_loopback(url: str) -> bool:
    """
    Tell whether an address is on this machine.

    Parameters
    ----------
    url : str
        Any address.
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
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


def check_scheme(url: str) -> None:
    """
    Refuse an address that would be asked without TLS.

    Parameters
    ----------
    url : str
        The address.

    Raises
    ------
    QueryError
        It is neither https nor on this machine, and ``conf.allow_http`` is off; or it is no address at all.
    """
    scheme = urlsplit(url).scheme
    if scheme not in ("http", "https"):
        raise QueryError(f"{public_url(url)!r} is no address that can be asked: it must begin with https://.")
    if not is_private(url) and not conf.allow_http:
        raise QueryError(
            f"{public_url(url)} would be asked without TLS, where anybody on the way can read and change the answer. "
            "Use https://, or set conf.allow_http = True to accept that."
        )
