"""
Beginnings of files: only the bytes that are needed, where the server gives parts of files (RFC 9110, section 14).

A server may ignore the wish for a part and send the whole file. Whoever wants a head only then stops reading; whoever
fetches a file then takes the whole.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, ClassVar

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import TransferError
from sunpy_helio_plugins.transport.exchange import Exchange
from sunpy_helio_plugins.transport.files.body import CHUNK, check_part, receive
from sunpy_helio_plugins.transport.files.job import Download, Job
from sunpy_helio_plugins.transport.limits import MinimumRate, SizeLimit
from sunpy_helio_plugins.transport.retry import TransientError

if TYPE_CHECKING:
    import aiohttp

__all__ = ["PrefixDownload", "PrefixJob", "head"]

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def head(url: str, count: int, *, archive: str) -> bytes:
    """
    Return the first bytes of a file.

    Parameters
    ----------
    url : str
        Where it is.
    count : int
        How many are wanted.
    archive : str
        The archive's name, for messages.

    Returns
    -------
    bytes
        At most ``count``; fewer where the file is shorter. A server that ignores the wish is not read any further.

    Raises
    ------
    ServiceError
        No answer came, or a refusal.
    """
    wish = {"Range": f"bytes=0-{count - 1}", "Accept-Encoding": "identity"}
    exchange = Exchange(archive, url, wish, max_bytes=count, is_partial=True)
    return exchange.run((200, 206)).content[:count]


def _no_need(head: bytes) -> int | None:
    return None


@dataclass(frozen=True)
class PrefixDownload(Download):
    """
    A file of which the beginning may be enough.

    Parameters
    ----------
    first : int or None
        How many bytes to ask for at first; `None` for the whole file.
    needed : callable
        Called with the bytes that came; it returns how many are needed, which may be as many as these, or `None` where
        only the whole file will do. ``accept`` then gets a part file of that length or more.
    """

    first: int | None = None
    needed: Callable[[bytes], int | None] = _no_need


@dataclass(frozen=True)
class PrefixJob(Job):
    """The coroutine that fetches the beginning of a file; the whole one where the server gives no parts."""

    ACCEPTED: ClassVar[frozenset[int]] = frozenset({200, 206})

    async def _receive(
        self, session: aiohttp.ClientSession, stream: IO[bytes], bar: Callable[[int | None], Any]
    ) -> None:
        """Ask for bytes until they are enough."""
        download = self.download
        assert isinstance(download, PrefixDownload)  # noqa: S101 - for the type checker
        come = bytearray()
        want, total, tag = download.first, int(conf.max_file), ""
        while True:
            # A file that was replaced in between is sent whole: pieces of two files are none.
            wish = {} if want is None else {"Range": f"bytes={len(come)}-{want - 1}"}
            piece = replace(self, download=replace(download, headers={**download.headers, **wish, **_unless(tag)}))
            async with piece._open(session) as response:
                if response.status == 200:
                    await receive(response, stream, bar(response.content_length))
                    return
                length, total = _checked(response.headers, len(come))
                come += await _body(response, length)
                tag = tag or response.headers.get("ETag", "")
            want = await asyncio.to_thread(download.needed, bytes(come))
            want = total if want is None else min(want, total)
            if len(come) >= want:
                stream.write(come)
                return


def _unless(tag: str) -> dict[str, str]:
    return {"If-Range": tag} if tag and not tag.startswith("W/") else {}


def _checked(headers: Mapping[str, str], start: int) -> tuple[int, int]:
    """Return the sizes of the part and of the file, having checked that the part is the one asked for."""
    text = headers.get("Content-Range", "")
    found = _CONTENT_RANGE.fullmatch(text.strip())
    if found is None or int(found[1]) != start or int(found[2]) < start:
        raise TransferError(f"the bytes from {start} on were asked for, and {text or 'an unknown part'} came")
    return int(found[2]) - start + 1, int(conf.max_file) if found[3] == "*" else int(found[3])


async def _body(response: aiohttp.ClientResponse, length: int) -> bytes:
    part, rate = bytearray(), MinimumRate()
    limit = SizeLimit(min(length, conf.max_file), "part", "see conf.max_file")
    async for chunk in response.content.iter_chunked(CHUNK):
        check_part(chunk, limit, rate)
        part += chunk
    if len(part) < length:
        raise TransientError(f"the part was cut: {len(part)} of {length} bytes came")
    return bytes(part)
