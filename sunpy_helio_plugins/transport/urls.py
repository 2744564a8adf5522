"""Addresses: what of them may be shown, and which of them belong together."""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

__all__ = ["public_url", "same_origin"]

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
