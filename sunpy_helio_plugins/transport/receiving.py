"""The body of an answer on its way to the disk: never larger than believed, never slower than bearable."""

from __future__ import annotations

import time
from typing import IO, TYPE_CHECKING, Any

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import TransferError
from sunpy_helio_plugins.transport.digests import promised_digests
from sunpy_helio_plugins.transport.failures import PassingError

if TYPE_CHECKING:
    import aiohttp

__all__ = ["CHUNK", "Pace", "receive"]

CHUNK = 262144
"""Bytes written at a time: parfive's own 1 kB costs most of its time."""

MAX_EXPANSION = 200
"""How many times its size on the wire a compressed body may grow, where it is compressed although nobody asked."""

SLOWEST = 16_384
"""Bytes that must come within ``conf.deadline``: files may take hours, but not by a byte now and then."""


class Pace:
    """Ends what only drips: no silence is long enough for the socket's timeout, and no end is in sight."""

    def __init__(self) -> None:
        self._since, self._came = time.monotonic(), 0

    def check(self, size: int) -> None:
        """
        Count what came; raise where too little did.

        Parameters
        ----------
        size : int
            How many bytes came since the last call.

        Raises
        ------
        TransferError
            Too few came within ``conf.deadline``.
        """
        self._came += size
        if time.monotonic() - self._since > conf.deadline:
            if self._came < SLOWEST:
                raise TransferError(f"only {self._came} bytes came within {conf.deadline:g} s, see conf.deadline")
            self._since, self._came = time.monotonic(), 0


async def receive(response: aiohttp.ClientResponse, stream: IO[bytes], bar: Any) -> None:
    """
    Write a body to a file as it comes.

    Parameters
    ----------
    response : aiohttp.ClientResponse
        The answer, whose body was not read yet.
    stream : file object
        Open for writing in binary.
    bar : context manager
        It gives a progress bar, or `None`.

    Raises
    ------
    TransferError
        The body is larger than allowed, only drips, or is not the one whose digest the server gave.
    """
    size, most = 0, _most(response)
    pace = Pace()
    digests = promised_digests(response.headers)
    with bar as progress:
        async for chunk in response.content.iter_chunked(CHUNK):
            size += len(chunk)
            if size > most:
                raise TransferError(f"the file grows past {most} bytes, which is not believed; see conf.max_file")
            pace.check(len(chunk))
            stream.write(chunk)
            for digest, _ in digests:
                digest.update(chunk)
            if progress is not None:
                progress.update(len(chunk))
    if any(digest.digest() != promised for digest, promised in digests):
        raise PassingError("the file that came is not the one whose digest the server gave")


def _most(response: aiohttp.ClientResponse) -> int:
    """Return how large the file may be: a compressed body can hold a thousand times what the wire carried."""
    most = int(conf.max_file)
    if response.headers.get("Content-Encoding", "identity") != "identity" and response.content_length:
        most = min(most, MAX_EXPANSION * response.content_length)
    return most
