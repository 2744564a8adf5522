"""
The first bytes of files, and ranges of bytes that these determine, by range requests (RFC 9110, section 14).

A server may ignore the range and send the whole file: `head` then stops reading, and `PrefixJob` downloads all of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import TransferError
from sunpy_helio_plugins.store.publish import publish
from sunpy_helio_plugins.transport.compression import ENCODINGS
from sunpy_helio_plugins.transport.exchange import Exchange
from sunpy_helio_plugins.transport.files.body import check_part, parts, receive
from sunpy_helio_plugins.transport.files.job import Bars, Download, Job
from sunpy_helio_plugins.transport.limits import MinimumRate, SizeLimit
from sunpy_helio_plugins.transport.retry import TransientError

if TYPE_CHECKING:
    import aiohttp

__all__ = ["PrefixDownload", "PrefixJob", "head"]

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


def head(url: str, count: int, *, archive: str) -> bytes:
    """Return at most ``count`` first bytes of a file; fewer if it is shorter."""
    headers = {"Range": f"bytes=0-{count - 1}", "Accept-Encoding": "identity"}
    exchange = Exchange(archive, url, headers, max_bytes=count, is_partial=True)
    return exchange.run((200, 206)).content[:count]


def _no_need(head: bytes) -> int | None:
    return None


def _as_named(part: Path, target: Path) -> Path:
    return target


def _no_parts(head: bytes) -> Sequence[tuple[int, int]] | None:
    return ()


@dataclass(frozen=True)
class PrefixDownload(Download):
    """
    A file whose first bytes may be sufficient.

    Parameters
    ----------
    first : int or None
        How many bytes to request first; `None` for the complete file.
    needed : callable
        Called with the first bytes; it returns how many are needed, which may be all that it was given, or `None` for
        the complete file. ``accept`` then gets a part file of that length or more.
    named : callable
        Called with the accepted part file and the target; it returns the path to publish, whose name may depend on what
        the file contains.
    parts : callable
        Called with these bytes; it returns ranges of the file as pairs (start, stop), whose bytes are needed as well,
        or `None` for the complete file. In the part file that ``accept`` gets, they are at their places in the complete
        file, and the bytes between them are zero.
    """

    first: int | None = None
    needed: Callable[[bytes], int | None] = _no_need
    named: Callable[[Path, Path], Path] = _as_named
    parts: Callable[[bytes], Sequence[tuple[int, int]] | None] = _no_parts


@dataclass(frozen=True)
class PrefixJob(Job):
    """Download the first bytes of a file, or the complete file if the server ignores ranges."""

    ACCEPTED: ClassVar[frozenset[int]] = frozenset({200, 206})

    def _publish(self, part: Path) -> Path:
        download = self.download
        assert isinstance(download, PrefixDownload)  # noqa: S101 - for the type checker
        target = download.named(part, download.target)
        is_damaged = download.is_complete is not None and target.is_file() and not download.is_complete(target)
        return publish(part, target, True if is_damaged else self.overwrite)

    async def _receive(self, session: aiohttp.ClientSession, stream: IO[bytes], bars: Bars) -> None:
        """Request bytes until they are sufficient, and then the parts that they determine."""
        download = self.download
        assert isinstance(download, PrefixDownload)  # noqa: S101 - for the type checker
        file, want, parts = _Ranges(), download.first, None
        while True:
            piece = await self._range(session, stream, bars, file, len(file.content), want)
            if piece is None:
                return
            file.content += piece
            want = await asyncio.to_thread(download.needed, bytes(file.content))
            if want is not None and len(file.content) >= want:
                parts = file.beyond(await asyncio.to_thread(download.parts, bytes(file.content)))
                want = want if parts is not None else None
            want = file.most if want is None else min(want, file.most)
            if len(file.content) >= want:
                break
        stream.write(file.content)
        for start, stop in parts or ():
            piece = await self._range(session, stream, bars, file, start, stop)
            if piece is None:
                return
            if len(piece) < stop - start:
                raise TransientError(f"the bytes {start} to {stop - 1} were requested, and {len(piece)} came")
            stream.seek(start)
            stream.write(piece)

    async def _range(
        self, session: aiohttp.ClientSession, stream: IO[bytes], bars: Bars, file: _Ranges, start: int, stop: int | None
    ) -> bytes | None:
        """Return a range of the file; `None` if the server sends the complete file, which is written instead."""
        # A file that was replaced in between is sent completely: parts of two files must not be mixed.
        own = {} if stop is None else {"Range": f"bytes={start}-{stop - 1}", **_unless(file.tag)}
        piece = replace(self, download=replace(self.download, headers={**self.download.headers, **own}))
        async with piece._open(session) as response:
            if response.status == 200:
                stream.seek(0)
                stream.truncate()
                await receive(response, stream, bars(response.content_length))
                return None
            length, total = _checked(response.headers, start)
            if None not in (total, file.total) and total != file.total:
                raise TransientError(f"the file changed from {file.total} to {total} bytes between two requests")
            file.total, file.tag = total, file.tag or response.headers.get("ETag", "")
            return await _body(response, length)


@dataclass
class _Ranges:
    """The first bytes of a file that were received, its size and its version."""

    content: bytearray = field(default_factory=bytearray, repr=False)
    total: int | None = None
    tag: str = ""

    @property
    def most(self) -> int:
        """The size of the file, or the largest one that is allowed if the server does not tell it."""
        return int(conf.max_file) if self.total is None else self.total

    def beyond(self, parts: Sequence[tuple[int, int]] | None) -> list[tuple[int, int]] | None:
        """Return the ranges without the bytes that were received; `None` for the complete file, as if one is cut."""
        if parts and (self.total is None or max(stop for _, stop in parts) > self.total):
            return None
        known = len(self.content)
        return None if parts is None else [(max(start, known), stop) for start, stop in parts if stop > known]


def _unless(tag: str) -> dict[str, str]:
    return {"If-Range": tag} if tag and not tag.startswith("W/") else {}


def _checked(headers: Mapping[str, str], start: int) -> tuple[int, int | None]:
    """Return the sizes of the part and of the file, if it is known; raise `TransferError` for another part."""
    text = headers.get("Content-Range", "")
    found = _CONTENT_RANGE.fullmatch(text.strip())
    if found is None or int(found[1]) != start or int(found[2]) < start:
        raise TransferError(f"the bytes from {start} on were requested, not {text or 'an unknown part'}")
    return int(found[2]) - start + 1, None if found[3] == "*" else int(found[3])


async def _body(response: aiohttp.ClientResponse, length: int) -> bytes:
    part, rate = bytearray(), MinimumRate()
    limit = SizeLimit(min(length, int(conf.max_file)), "part", "see conf.max_file")
    if response.headers.get("Content-Encoding", "identity").strip().lower() in ENCODINGS:
        raise TransferError("the part is compressed, although it was requested as it is")
    async for chunk in parts(response, rate):
        check_part(chunk, limit, rate)
        part += chunk
    if len(part) < length:
        raise TransientError(f"the part is truncated: {len(part)} of {length} bytes were received")
    return bytes(part)
