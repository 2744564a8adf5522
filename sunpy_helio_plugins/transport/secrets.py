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
            raise QueryError(
                f"A key, token or password of {len(self._text)} characters contains control characters or line ends; "
                "it was not sent."
            )
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

    __slots__ = ("_spellings",)

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        self._spellings: dict[str, tuple[str, ...]] = {}
        for secret in secrets:
            self._add(secret)

    def _add(self, secret: Secret) -> None:
        if secret.reveal() and secret.reveal() not in self._spellings:
            # A new dict: another thread may go through the old one.
            self._spellings = {**self._spellings, secret.reveal(): _spellings(secret.reveal())}

    def __bool__(self) -> bool:
        return bool(self._spellings)

    def __repr__(self) -> str:
        return f"<Hidden: {len(self._spellings)} secrets>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("Secrets cannot be pickled.")

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Add the secrets in the headers that sign a request."""
        for value in headers.values():
            scheme, _, rest = value.rpartition(" ")
            for secret in (Secret(rest), *(_passwords(rest) if scheme.lower() == "basic" else ())):
                self._add(secret)

    def text(self, text: str) -> str:
        """Return a message without the secrets; one that repeats them in an unknown form is replaced as a whole."""
        if not self._spellings:
            return text
        for spelling in self._all():
            if len(spelling) >= _SHORTEST_PART:
                text = text.replace(spelling, MASK)
            else:
                text = re.sub(rf"(?<!\w){re.escape(spelling)}(?!\w)", MASK, text)
        return WITHHELD if self._is_in(text) else text

    def content(self, body: bytes) -> bytes:
        """Return the body of a response without the secrets."""
        for secret, spellings in self._spellings.items():
            for spelling in map(str.encode, spellings if len(secret) >= SHORTEST else ()):
                if spelling in body:
                    body = body.replace(spelling, MASK.encode())
        return body

    def message(self, body: bytes) -> bytes:
        """Return the body of a refusal without the secrets; it may have been cut within one."""
        if not self._spellings:
            return body
        for spelling in map(str.encode, self._all()):
            if len(spelling) >= _SHORTEST_PART:
                body = body.replace(spelling, MASK.encode())
            sizes = range(len(spelling) - 1, _SHORTEST_PART - 1, -1)
            cut = next((size for size in sizes if body.endswith(spelling[:size])), 0)
            body = body[: len(body) - cut]
        return WITHHELD.encode() if self._is_in(body.decode("utf-8", "replace")) else body

    def _all(self) -> list[str]:
        """Return all spellings of all secrets, the longest first."""
        return sorted((one for spellings in self._spellings.values() for one in spellings), key=len, reverse=True)

    def _is_in(self, text: str) -> bool:
        """Return whether a secret is in the text after decoding it."""
        secrets = [one for one in self._spellings if len(one) >= SHORTEST]
        return bool(secrets) and any(one in decoded for decoded in _decodings(text) for one in secrets)


def _passwords(encoded: str) -> tuple[Secret, ...]:
    """Return the password of a header for user and password."""
    try:
        return (Secret(base64.b64decode(encoded).decode().partition(":")[2]),)
    except ValueError:
        return ()


def _spellings(secret: str) -> tuple[str, ...]:
    """Return a secret as it is and as it is often encoded, the longest spellings first."""
    escaped = {encode(secret) for encode in _ENCODERS} | {secret}
    for encode in _ENCODERS:
        escaped |= {encode(one) for one in tuple(escaped)} if encode in _NESTED else set()
    escaped |= {re.sub("%..", lambda found: found.group().lower(), one) for one in escaped if "%" in one}
    raw = secret.encode()
    binary = {raw.hex(), raw.hex().upper(), secret.encode().decode("latin-1")}
    binary |= {part for one in (secret, *map(_in_json, (secret,)), json.dumps(secret)[1:-1]) for part in _base64(one)}
    return tuple(sorted({one for one in escaped | binary if one}, key=len, reverse=True))


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _in_ascii_json(text: str) -> str:
    return json.dumps(text)[1:-1]


_NESTED: tuple[Callable[[str], str], ...] = (quote, _quoted, _in_ascii_json, html.escape)
"""Encodings that are also applied to what is encoded already."""

_ENCODERS: tuple[Callable[[str], str], ...] = (
    *_NESTED,
    quote_plus,
    _in_json,
    lambda text: html.escape(text, quote=False),
    lambda text: html.escape(text).replace("&#x27;", "&#39;"),
    lambda text: _in_ascii_json(text).replace("/", r"\/"),
    lambda text: _in_json(text).replace("/", r"\/"),
    lambda text: repr(text)[1:-1],
    lambda text: text.encode("unicode_escape").decode(),
    lambda text: "".join(f"&#{ord(char)};" for char in text),
    lambda text: "".join(f"&#x{ord(char):x};" for char in text),
    lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
)


def _base64(text: str) -> Iterator[str]:
    """Yield the characters that a text has in base64, alone and after other text."""
    raw = text.encode()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode()
        part = encoded[(0, 2, 3)[before] : (before + len(raw)) * 8 // 6]
        if len(part) >= SHORTEST:
            yield part
            yield part.replace("+", "-").replace("/", "_")


def _decodings(text: str) -> Iterator[str]:
    """Yield a message after the decodings that could reveal a secret."""
    for decode in (unquote, unquote_plus, html.unescape, _unescaped):
        once = decode(text)
        yield once
        yield _unescaped(unquote(html.unescape(once)))
    for found in _ENCODED.findall(text):
        padded = found.rstrip("=").replace("-", "+").replace("_", "/")
        padded += "=" * (-len(padded) % 4)
        try:
            decoded = base64.b64decode(padded).decode("utf-8", "replace")
        except binascii.Error:
            continue
        yield decoded
        yield _unescaped(unquote(html.unescape(decoded)))


_ESCAPES = re.compile(r"\\u([0-9a-fA-F]{4})|\\x([0-9a-fA-F]{2})|\\(.)")


def _unescaped(text: str) -> str:
    """Return text without the escapes of JSON and of programming languages."""
    return _ESCAPES.sub(lambda found: found[3] or chr(int(found[1] or found[2], 16)), text)
