"""
The archive of I-ALiRT: the daily files of the real-time stream.

The archive lists names by parts of the date and by version (``/ialirt-archive-query``); the files are public
(``/ialirt-download``). It returns at most a thousand names and does not indicate that a list is truncated; therefore
single months are requested, which have at most 31 names of each version.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any
from urllib.parse import quote

from sunpy_helio_plugins.config import conf, from_environment
from sunpy_helio_plugins.errors import AnswerError
from sunpy_helio_plugins.fido.partial import Partial, gather
from sunpy_helio_plugins.imap import filenames
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.transport import metadata

__all__ = ["ARCHIVE", "ENDPOINT", "address", "ask", "url_of"]

ARCHIVE = "I-ALiRT"

ENDPOINT = "/ialirt-download/archive/"
"""The path before the name in the URL of a file."""

_AT_A_TIME = 4
_MOST_VERSIONS = 30


def address() -> str:
    """Return the URL of I-ALiRT from the environment or the settings."""
    return (from_environment("IALIRT_DATA_ACCESS_URL") or str(conf.imap.ialirt_url)).rstrip("/")


def url_of(name: str) -> str:
    """Return the download URL of a daily file."""
    return f"{address().removesuffix('/api-key')}{ENDPOINT}{quote(name)}"


def ask(query: Query) -> Partial[dict[str, Any]]:
    """Request daily files; return the path and the URL of each file, and the missing months."""

    def rows(fields: dict[str, str]) -> Partial[dict[str, Any]]:
        known = filter(filenames.is_daily, _names(fields, query.version))
        return Partial(tuple({"file_path": filenames.key_of(name), "url": url_of(name)} for name in known))

    return gather(
        _months(query),
        rows,
        _AT_A_TIME,
        lambda _, error: f"A month of I-ALiRT's archive is missing: {error}",
        pieces=True,
    )


def _months(query: Query) -> Iterator[dict[str, str]]:
    """Return the parts of the dates to request."""
    named = filenames.parse(query.name) if query.name else None
    if named is not None:
        yield {"year": f"{named.start:%Y}", "month": f"{named.start:%m}", "day": f"{named.start:%d}"}
        return
    first, last = (date.fromisoformat(text[:10]) for text in (query.begin, query.end))
    for number in range(12 * first.year + first.month - 1, 12 * last.year + last.month):
        yield {"year": f"{number // 12:04}", "month": f"{number % 12 + 1:02}"}


def _names(fields: dict[str, str], version: str) -> Iterator[str]:
    """Return the names of one version, or of all versions, requested in order until one is empty."""
    if version.startswith("v"):
        yield from _answer({**fields, "version": str(int(version[1:]))})
        return
    for number in range(1, _MOST_VERSIONS):
        names = _answer({**fields, "version": str(number)})
        if not names:
            return
        yield from names


def _answer(fields: dict[str, str]) -> list[str]:
    url = f"{address().removesuffix('/api-key')}/ialirt-archive-query"
    answer = metadata.get(url, fields, archive=ARCHIVE)
    body = answer.json()
    names = body.get("files") if isinstance(body, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise AnswerError(ARCHIVE, answer.url, "a list of files was expected in the response", answer.status)
    return names
