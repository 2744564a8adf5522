"""Headers of many images, from the first 16 kB of each file: columns of a table, without a picture."""

from __future__ import annotations

from collections.abc import Sequence

from sunpy_helio_plugins.errors import FileError, ServiceError
from sunpy_helio_plugins.fido.partial import run_all
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header
from sunpy_helio_plugins.helioviewer.jp2.header import Header
from sunpy_helio_plugins.helioviewer.query import PROVIDER
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.files import prefix

__all__ = ["fetch"]

AT_ONCE = 5
"""Requests at the same time: as many as sunpy's downloads."""


def fetch(urls: Sequence[str]) -> list[Header | str]:
    """
    Return the headers of files.

    Parameters
    ----------
    urls : sequence of str
        Their addresses.

    Returns
    -------
    list of dict or str
        The keywords of each, or why there are none.
    """
    return run_all(urls, _one, AT_ONCE)


def _one(url: str) -> Header | str:
    try:
        data = prefix.head(url, header.FIRST_BYTES, archive=PROVIDER)
        if data[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
            return str(boxes.classified(data, len(data)))
        span = header.missing(data)
        return header.keywords(header.text_of(data if span is None else _more(url, data, *span)))
    except (ServiceError, FileError) as error:
        return str(error)


def _more(url: str, data: bytes, start: int, end: int | None) -> bytes:
    """Return bytes that hold the header of a file whose beginning does not."""
    wish = {"Range": f"bytes={start}-{'' if end is None else end - 1}", "Accept-Encoding": "identity"}
    answer = metadata.get(url, archive=PROVIDER, headers=wish, accept=(200, 206))
    if answer.status == 200:
        return answer.content
    # What follows the picture begins with a box, as a file does behind its signature.
    return (data if start == len(data) and end is not None else boxes.SIGNATURE) + answer.content
