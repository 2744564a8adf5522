"""
Files, through parfive.

`enqueue` puts a coroutine of our own into the queue of the parfive Downloader that Fido hands to every client
(``http_queue``: public, and called in the same way from parfive 1.0 to 2.3), so that the files of all clients share one
progress bar, its connections and its Ctrl-C. The coroutine makes one GET and no HEAD, streams into a part file beside
the target, lets the archive check the whole part, and publishes it in one step: a file is whole or absent.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import weakref
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import HelioPluginsError, TransferError
from sunpy_helio_plugins.transport.urls import public_url, same_origin
from sunpy_helio_plugins.transport.words import server_words

if TYPE_CHECKING:
    import aiohttp
    import parfive

__all__ = ["Download", "enqueue"]

CHUNK = 262144
"""Bytes written at a time: parfive's own 1 kB costs most of its time."""

MAX_REDIRECTS = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

_claimed: weakref.WeakKeyDictionary[Any, set[Path]] = weakref.WeakKeyDictionary()


def accept_any(part: Path) -> None:
    """Accept whatever came."""


@dataclass(frozen=True)
class Download:
    """
    One file to fetch.

    Parameters
    ----------
    url : str
        Where it is.
    target : pathlib.Path
        Where it goes.
    archive : str
        The archive's name, for messages.
    accept : callable, optional
        Called with the path of the whole part file before it is published. It raises
        `~sunpy_helio_plugins.errors.FileError` to refuse the file, and may rewrite it in place.
    headers : mapping, optional
        Request headers; they are not sent to another origin when the archive redirects there.
    """

    url: str
    target: Path
    archive: str
    accept: Callable[[Path], None] = accept_any
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def enqueue(
    downloader: parfive.Downloader, downloads: Iterable[Download], overwrite: bool | str | None = None
) -> None:
    """
    Put files into the queue of a downloader.

    Parameters
    ----------
    downloader : parfive.Downloader
        The downloader that Fido hands over.
    downloads : iterable of Download
        The files. Two with the same target both arrive: the later ones are numbered before the suffix.
    overwrite : bool or "unique", optional
        What to do where a target exists already: keep it (`False`), replace it once the new one has arrived (`True`),
        or number the new one. Defaults to the downloader's own setting.
    """
    policy = downloader.config.overwrite if overwrite is None else overwrite
    claimed = _claimed.setdefault(downloader, set())
    for download in downloads:
        target = _unclaimed(download.target, claimed)
        claimed.add(target)
        job = _Job(download, target, policy)
        if hasattr(downloader, "http_queue"):
            downloader.http_queue.append(job.run)
        else:
            downloader.enqueue_file(download.url, filename=str(target), overwrite=policy, max_splits=1)


def _unclaimed(target: Path, taken: set[Path]) -> Path:
    """Return the target, numbered before its suffix where it is taken."""
    candidate, number = target, 1
    while candidate in taken:
        number += 1
        candidate = _numbered(target, number)
    return candidate


def _numbered(target: Path, number: int) -> Path:
    return target.with_name(f"{target.stem}-{number}{target.suffix}")


@dataclass(frozen=True)
class _Job:
    """The coroutine that fetches one file, in the form in which parfive calls it."""

    download: Download
    target: Path
    overwrite: bool | str

    async def run(
        self, session: aiohttp.ClientSession, *, token: Any = None, file_pb: Any = False
    ) -> tuple[str, str]:
        """
        Fetch the file.

        Every failure becomes parfive's own, since any other exception would cost the results of all the other files.
        """
        shown = public_url(self.download.url)
        try:
            if self.overwrite is False and self.target.exists():
                return shown, str(self.target)
            path = await self._fetch(session, partial(_bar, file_pb, token, self.target.name))
        except asyncio.CancelledError:
            raise self._failed(TransferError(f"{self.target.name}: interrupted")) from None
        except HelioPluginsError as error:
            raise self._failed(error) from None
        except Exception as error:  # noqa: BLE001 - see the docstring
            raise self._failed(TransferError(_words(self.download.archive, shown, error))) from None
        return shown, str(path)

    def _failed(self, error: Exception) -> Exception:
        from parfive.utils import FailedDownload

        return FailedDownload(str(self.target), public_url(self.download.url), error)

    async def _fetch(self, session: aiohttp.ClientSession, bar: Callable[[int | None], Any]) -> Path:
        self.target.parent.mkdir(parents=True, exist_ok=True)
        part = self.target.with_name(f".{self.target.name[:200]}.{secrets.token_hex(4)}.part")
        try:
            async with self._answer(session) as response:
                await _stream(response, part, bar(response.content_length))
            await asyncio.to_thread(self.download.accept, part)
            return _publish(part, self.target, self.overwrite)
        finally:
            part.unlink(missing_ok=True)

    @contextlib.asynccontextmanager
    async def _answer(self, session: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask for the file and follow redirects by hand: our headers must not travel to another origin."""
        from aiohttp import ClientTimeout

        timeout = ClientTimeout(total=None, sock_connect=conf.connect_timeout, sock_read=conf.read_timeout)
        url = self.download.url
        for _ in range(MAX_REDIRECTS):
            own = self.download.headers if same_origin(url, self.download.url) else {}
            # The bytes on the disk are to be those that the server counted; and some servers hang when they compress.
            headers = {"Accept-Encoding": "identity", **own}
            request = session.get(_as_is(url), headers=headers, timeout=timeout, allow_redirects=False)
            async with request as response:
                if response.status in _REDIRECTS and "Location" in response.headers:
                    url = urljoin(url, response.headers["Location"])
                    continue
                if response.status != 200:
                    words = server_words(await response.content.read(65536))
                    raise TransferError(
                        f"{self.download.archive} answered {response.status}: {words or response.reason} "
                        f"[asked: {public_url(url)}]"
                    )
                yield response
                return
        raise TransferError(f"{self.download.archive} redirects in circles [asked: {public_url(self.download.url)}]")


def _as_is(url: str) -> Any:
    """Return an address for aiohttp that is sent as it is: re-quoting it would break signatures and odd ids."""
    from yarl import URL

    return URL(url, encoded=True)


def _bar(file_pb: Any, token: Any, name: str, total: int | None) -> Any:
    """Return a progress bar for one file in parfive's manner, or nothing to update."""
    if not file_pb:
        return contextlib.nullcontext()
    return file_pb(position=getattr(token, "n", 1), unit="B", unit_scale=True, desc=name, total=total, leave=False)


async def _stream(response: aiohttp.ClientResponse, part: Path, bar: Any) -> None:
    with bar as progress, part.open("wb") as stream:
        async for chunk in response.content.iter_chunked(CHUNK):
            stream.write(chunk)
            if progress is not None:
                progress.update(len(chunk))


def _publish(part: Path, target: Path, overwrite: bool | str) -> Path:
    """Give the part its name in one step, replacing only where that was asked for."""
    if overwrite is True:
        part.replace(target)
        return target
    number = 1
    candidate = target
    while True:
        try:
            _rename_new(part, candidate)
        except FileExistsError:
            if overwrite != "unique":
                return target
            number += 1
            candidate = _numbered(target, number)
        else:
            return candidate


def _rename_new(part: Path, target: Path) -> None:
    """Rename without replacing: a hard link fails where the name is taken, also in a race."""
    try:
        os.link(part, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if target.exists():
            raise FileExistsError(str(target)) from None
        part.replace(target)


def _words(archive: str, url: str, error: Exception) -> str:
    """Say why a file did not arrive, without the objects that parfive's and aiohttp's own texts hold."""
    kind = type(error).__name__
    told = {
        "ClientPayloadError": "the connection was cut before the end of the file",
        "ServerDisconnectedError": "the server closed the connection",
        "ClientConnectorError": "no connection could be made",
        "ClientConnectorDNSError": "the host name is not known; is there a network?",
        "SocketTimeoutError": "the server fell silent for longer than allowed (conf.read_timeout)",
        "ConnectionTimeoutError": "no connection within the time allowed (conf.connect_timeout)",
        "ServerTimeoutError": "the server fell silent for longer than allowed (conf.read_timeout)",
        "InvalidUrlClientError": "the address is not valid",
        "PermissionError": "the file cannot be written: permission denied",
    }.get(kind)
    if told is None and isinstance(error, OSError) and error.strerror:
        told = error.strerror
    return f"{archive}: {told or kind} [asked: {url}]"
