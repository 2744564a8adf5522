"""The words in which a server says what went wrong, short enough for a message."""

from __future__ import annotations

import html
import json
import re
from typing import Any

from sunpy_helio_plugins.transport.credentials import hide

__all__ = ["server_words"]

LONGEST = 300
_TAGS = re.compile(r"(?is)<(script|style|head)\b.*?</\1>|<[^>]*>")
_FIELDS = ("message", "error", "detail", "data", "status")


def server_words(body: bytes, limit: int = LONGEST) -> str:
    """
    Return what a body says, as one line of plain text.

    Parameters
    ----------
    body : bytes
        The body of an answer: JSON, HTML, XML or plain text.
    limit : int, optional
        Longest text in characters; more is cut and marked with an ellipsis.

    Returns
    -------
    str
        The message inside a JSON object where one is found, else the text without its mark-up. Control characters are
        left out, since the text may end in a terminal, and so are secrets that the server repeats.
    """
    text = _decoded(body[: 64 * limit])
    spoken = _from_json(text)
    plain = html.unescape(_TAGS.sub(" ", text)) if spoken is None else spoken
    line = hide(" ".join("".join(char if char.isprintable() else " " for char in plain).split()))
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _from_json(text: str) -> str | None:
    try:
        return _message(json.loads(text))
    except (ValueError, RecursionError):
        return None


def _message(value: Any) -> str | None:
    """Find the message in a decoded JSON value: a string, or the first telling field of an object."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        found = (_message(value[name]) for name in _FIELDS if name in value)
        return next((words for words in found if words), None)
    return None
