"""Text that is never shown, and its removal from what a server sends back."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NoReturn
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from sunpy_helio_plugins.errors import QueryError

__all__ = ["Hidden", "Secret"]


class Secret:
    """
    Text that does not appear in a repr, and cannot be pickled.

    Blanks and line ends around it, as a file or a shell leaves them, are removed. `reveal` raises `QueryError`, without
    the text, if it contains control characters, which a header cannot contain.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text.strip()

    def reveal(self) -> str:
        """Return the text."""
        if not self._text.isprintable():
            raise QueryError("A key, token or password contains control characters or line ends; it was not sent.")
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret cannot be pickled.")


MASK = "***"

SHORTEST = 8
"""The length of the shortest secret that is removed from data; in data, a shorter one may occur by chance."""

_SHORTEST_PART = 4
"""The length of the shortest part of a secret, or of a whole one, that is removed inside words of messages."""

WITHHELD = "(the server's message is not shown, since it repeats the key, token or password)"

_ENCODED = re.compile(r"[A-Za-z0-9+/_-]{8,}={0,2}")


class Hidden:
    """
    The secrets that one request carries, and their removal from all that it returns or raises.

    Servers repeat what they refuse, as it is or encoded. Each request has its own object: secrets are removed where the
    response is received, and nothing remembers them afterwards.
    """

    __slots__ = ("_secrets",)

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._secrets: tuple[Secret, ...] = tuple(secrets)

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def __repr__(self) -> str:
        return f"<Hidden: {len(self._secrets)} secrets>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Secrets cannot be pickled.")

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Add the secrets in the headers that sign a request."""
        for value in headers.values():
            scheme, _, rest = value.rpartition(" ")
            self._secrets += (Secret(rest), *(_passwords(rest) if scheme.lower() == "basic" else ()))

    def text(self, text: str) -> str:
        """Return a message without the secrets; one that repeats them in an unknown form is replaced as a whole."""
        for secret in self._secrets:
            for spelling in _spellings(secret.reveal()):
                if len(spelling) >= _SHORTEST_PART:
                    text = text.replace(spelling, MASK)
                elif spelling:
                    text = re.sub(rf"(?<!\w){re.escape(spelling)}(?!\w)", MASK, text)
        return WITHHELD if any(self._is_in(one) for one in _decodings(text)) else text

    def content(self, body: bytes) -> bytes:
        """Return the body of a response without the secrets, and without the beginning of one at its end."""
        for secret in self._secrets:
            if len(secret.reveal()) < SHORTEST:
                continue
            for spelling in map(str.encode, _spellings(secret.reveal())):
                if spelling in body:
                    body = body.replace(spelling, MASK.encode())
        return body

    def message(self, body: bytes) -> bytes:
        """Return the body of a refusal without the secrets; it may have been cut within one."""
        body = self.content(body)
        for secret in self._secrets:
            for spelling in map(str.encode, _spellings(secret.reveal())):
                if len(spelling) >= _SHORTEST_PART:
                    body = body.replace(spelling, MASK.encode())
                sizes = range(len(spelling) - 1, _SHORTEST_PART - 1, -1)
                cut = next((size for size in sizes if body.endswith(spelling[:size])), 0)
                body = body[: len(body) - cut]
        return body

    def _is_in(self, text: str) -> bool:
        return any(len(one.reveal()) >= SHORTEST and one.reveal() in text for one in self._secrets)


def _passwords(encoded: str) -> tuple[Secret, ...]:
    """Return the password of a header for user and password."""
    try:
        return (Secret(base64.b64decode(encoded).decode().partition(":")[2]),)
    except (binascii.Error, UnicodeDecodeError):
        return ()


def _spellings(secret: str) -> tuple[str, ...]:
    """Return a secret as it is and as it is often encoded, the longest spellings first."""
    raw = secret.encode()
    plain = {secret, secret.encode().decode("latin-1")}
    plain |= {encode(secret) for encode in _ENCODERS}
    plain |= {re.sub("%..", lambda found: found.group().lower(), one) for one in plain if "%" in one}
    binary = {raw.hex(), raw.hex().upper(), *_base64(raw)}
    return tuple(sorted({one for one in plain | binary if one}, key=len, reverse=True))


_ENCODERS: tuple[Callable[[str], str], ...] = (
    quote,
    quote_plus,
    lambda text: quote(text, safe=""),
    lambda text: quote(quote(text, safe=""), safe=""),
    html.escape,
    lambda text: html.escape(text, quote=False),
    lambda text: html.escape(text).replace("&#x27;", "&#39;"),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: json.dumps(text)[1:-1].replace("/", r"\/"),
    lambda text: html.escape(json.dumps(text)[1:-1]),
    lambda text: repr(text)[1:-1],
)


def _base64(raw: bytes) -> Iterator[str]:
    """Yield the characters that a secret has in base64, alone and after other text."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode()
        part = encoded[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
        if len(part) >= SHORTEST:
            yield part
            yield part.replace("+", "-").replace("/", "_")


def _decodings(text: str) -> Iterator[str]:
    """Yield a message after the decodings that could reveal a secret."""
    for decode in (unquote, unquote_plus, html.unescape):
        once = decode(text)
        yield once
        yield unquote(html.unescape(once))
    yield re.sub(r"\\u([0-9a-fA-F]{4})|\\(.)", _unescaped, text)
    for found in _ENCODED.findall(text):
        padded = found.rstrip("=").replace("-", "+").replace("_", "/")
        padded += "=" * (-len(padded) % 4)
        try:
            yield base64.b64decode(padded).decode("utf-8", "replace")
        except binascii.Error:
            continue


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else found[2]
