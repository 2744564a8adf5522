"""Digests that a server gives for what it sends (RFC 9530) and the older ``Digest`` header (RFC 3230)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["promised_digests"]

_KNOWN = {"sha-512": hashlib.sha512, "sha-256": hashlib.sha256}
_ENTRY = re.compile(r"([a-z0-9-]+)=:?([A-Za-z0-9+/=]+?):?\s*(?:,|$)", re.IGNORECASE)


def promised_digests(headers: Mapping[str, str]) -> list[tuple[Any, bytes]]:
    """
    Return hashes to feed with a body, each with the digest that it is to have.

    Parameters
    ----------
    headers : mapping
        The headers of a response.

    Returns
    -------
    list of (hash object, bytes)
        Empty where the server gives no digest that is understood. A body that the server compressed is not judged: its
        digests are those of other bytes than the ones that are kept.
    """
    if headers.get("Content-Encoding", "identity") != "identity":
        return []
    hashes = [(_KNOWN[name](), digest) for name, digest in _given(headers)]
    # Some servers write the digest in hexadecimal digits, which read as base64 of something longer.
    return [(one, digest) for one, digest in hashes if len(digest) == one.digest_size]


def _given(headers: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    for header in ("Repr-Digest", "Content-Digest", "Digest"):
        for name, encoded in _ENTRY.findall(headers.get(header, "")):
            if name.lower() in _KNOWN:
                try:
                    yield name.lower(), base64.b64decode(encoded, validate=True)
                except binascii.Error:
                    continue
