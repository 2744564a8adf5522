"""
The first bytes of files, by range requests (RFC 9110, section 14).

A server may ignore the range and send the whole file: `head` then stops reading, and `PrefixJob` downloads all of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
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
    """

    first: int | None = None
    needed: Callable[[bytes], int | None] = _no_need
    named: Callable[[Path, Path], Path] = _as_named


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
        """Request bytes until they are sufficient."""
        download = self.download
        assert isinstance(download, PrefixDownload)  # noqa: S101 - for the type checker
        content = bytearray()
        want, total, tag = download.first, int(conf.max_file), ""
        while True:
            # A file that was replaced in between is sent completely: parts of two files must not be mixed.
            range_ = {} if want is None else {"Range": f"bytes={len(content)}-{want - 1}"}
            piece = replace(self, download=replace(download, headers={**download.headers, **range_, **_unless(tag)}))
            async with piece._open(session) as response:
                if response.status == 200:
                    await receive(response, stream, bars(response.content_length))
                    return
                length, total = _checked(response.headers, len(content))
                content += await _body(response, length)
                tag = tag or response.headers.get("ETag", "")
            want = await asyncio.to_thread(download.needed, bytes(content))
            want = total if want is None else min(want, total)
            if len(content) >= want:
                stream.write(content)
                return


def _unless(tag: str) -> dict[str, str]:
    return {"If-Range": tag} if tag and not tag.startswith("W/") else {}


def _checked(headers: Mapping[str, str], start: int) -> tuple[int, int]:
    """Return the sizes of the part and of the file; raise `TransferError` unless the part is the requested one."""
    text = headers.get("Content-Range", "")
    found = _CONTENT_RANGE.fullmatch(text.strip())
    if found is None or int(found[1]) != start or int(found[2]) < start:
        raise TransferError(f"the bytes from {start} on were requested, not {text or 'an unknown part'}")
    return int(found[2]) - start + 1, int(conf.max_file) if found[3] == "*" else int(found[3])


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
