"""Read the headers of many images from the first 16 kB of each file, without downloading the images."""

from __future__ import annotations

from collections.abc import Sequence

from sunpy_helio_plugins.errors import FileError, Problem, ServiceError
from sunpy_helio_plugins.fido.partial import run_all
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header
from sunpy_helio_plugins.helioviewer.jp2.header import Header
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.files import prefix

__all__ = ["fetch"]

AT_ONCE = 5
"""Concurrent requests: as many as sunpy's downloads."""


def fetch(urls: Sequence[str]) -> list[Header | Problem]:
    """Return the keywords of each file, or the reason why they could not be read."""
    return run_all(urls, _one, AT_ONCE)


def _one(url: str) -> Header | Problem:
    try:
        data = prefix.head(url, header.FIRST_BYTES, archive=PROVIDER)
        if data[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
            return Problem.of_error(boxes.classified(data, len(data)))
        span = header.missing(data)
        return header.keywords(header.text_of(data if span is None else _more(url, data, *span)))
    except (ServiceError, FileError) as error:
        return Problem.of_error(error)


def _more(url: str, data: bytes, start: int, end: int | None) -> bytes:
    """Return the bytes with the header of a file, if it is not in the beginning."""
    wish = {"Range": f"bytes={start}-{'' if end is None else end - 1}", "Accept-Encoding": "identity"}
    answer = metadata.get(url, archive=PROVIDER, headers=wish, accept=(200, 206))
    if answer.status == 200:
        return answer.content
    # The part after the image begins with a box, like a file after its signature.
    return (data if start == len(data) and end is not None else boxes.SIGNATURE) + answer.content
