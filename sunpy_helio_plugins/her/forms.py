"""What a form to the registry may hold, and what is read of its answers."""

from __future__ import annotations

import html
import json
from typing import Any
from urllib.parse import quote, quote_plus

import numpy as np

from sunpy_helio_plugins.errors import AnswerError, QueryError, ServiceRefused
from sunpy_helio_plugins.her.pages import ivorn_of
from sunpy_helio_plugins.her.translate import ARCHIVE
from sunpy_helio_plugins.transport.exchange import Answer
from sunpy_helio_plugins.transport.messages import server_words

__all__ = ["comments", "fraction", "succeeded", "target", "text", "whole", "without"]

DENIED = "permission denied"
"""What the registry says to one who is not signed in."""


def target(event: Any, name: str, number: int | None, revision: int | None) -> dict[str, str]:
    """Return the fields that say which event is meant: by its number under some name, or by its IVORN."""
    made = {name: str(whole(name, number))} if number is not None else {"ivorn": ivorn_of(event)}
    return made if revision is None else made | {"revision": str(whole("revision", revision))}


def whole(name: str, number: Any) -> int:
    """Return a number if it is a whole one of at least 1; raise `QueryError` if not."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise QueryError(f"{name} is a whole number of at least 1, not {number!r}.")
    return int(number)


def fraction(what: str, number: Any) -> str:
    """Return a number from 0 to 1 as text; raise `QueryError` if it is none."""
    if isinstance(number, bool) or not isinstance(number, int | float | np.number) or not 0 <= number <= 1:
        raise QueryError(f"{what} is a number from 0 to 1, not {number!r}.")
    return f"{float(number):.12g}"


def text(name: str, value: Any) -> str:
    """Return text if it is any; raise `QueryError` if not."""
    if not isinstance(value, str) or not value.strip():
        raise QueryError(f"{name} is text, not {value!r}.")
    return value


def without(content: bytes, secret: str) -> bytes:
    """Return an answer without a secret that it may repeat, as it is or as pages and addresses write it."""
    for spelling in {secret, html.escape(secret), html.escape(secret, quote=False), quote(secret), quote_plus(secret)}:
        content = content.replace(spelling.encode(), b"***")
    return content


def succeeded(answer: Answer) -> dict[str, Any]:
    """
    Return what an answer says beside "success".

    Parameters
    ----------
    answer : Answer
        An answer to a submission.

    Raises
    ------
    AnswerError
        It is no JSON object.
    ServiceRefused
        Its status is another, or it has none.
    """
    decoded = _decoded(answer)
    status = str(decoded.get("status") or "").lower()
    if status != "success":
        words = server_words(answer.content)
        raise ServiceRefused(ARCHIVE, answer.url, words if status else f"no status: {words}", answer.status)
    return decoded


def comments(answer: Answer) -> list[dict[str, Any]]:
    """
    Return the comments of an answer.

    Parameters
    ----------
    answer : Answer
        An answer to a question for comments.

    Raises
    ------
    AnswerError
        It holds no list of comments.
    ServiceRefused
        Its status says why not.
    """
    decoded = _decoded(answer)
    found = decoded.get("comments")
    if not isinstance(found, list):
        if decoded.get("status"):
            succeeded(answer)
        words = f"no list of comments in the answer: {server_words(answer.content)}"
        raise AnswerError(ARCHIVE, answer.url, words, answer.status)
    return [entry for entry in found if isinstance(entry, dict)]


def _decoded(answer: Answer) -> dict[str, Any]:
    try:
        decoded = json.loads(answer.text())
    except (ValueError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        words = f"JSON was expected: {server_words(answer.content)}"
        raise AnswerError(ARCHIVE, answer.url, words, answer.status)
    return decoded
