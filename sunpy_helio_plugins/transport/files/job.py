"""Download one file to a part file, check it and publish it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError, HelioPluginsError, TransferError
from sunpy_helio_plugins.store.publish import new_part, publish, sync_to_disk
from sunpy_helio_plugins.transport.credentials import Login, netrc_login
from sunpy_helio_plugins.transport.files.body import receive
from sunpy_helio_plugins.transport.limits import request_deadline
from sunpy_helio_plugins.transport.messages import connection_problem, sentence, server_message
from sunpy_helio_plugins.transport.retry import (
    TRANSIENT,
    RefusedError,
    TransientError,
    TransientFileError,
    attempts,
    retry_after,
)
from sunpy_helio_plugins.transport.urls import (
    REDIRECTS,
    check_scheme,
    is_direct,
    next_hop,
    permit,
    public_url,
    quote_unsafe,
    same_origin,
)

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Download", "FailedJob", "Job", "ssl_context"]

_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Environment variables that requests takes a bundle from, in its order; aiohttp knows neither."""


def ssl_context() -> ssl.SSLContext | bool:
    """
    Return what to hand to aiohttp for a secure connection.

    Returns
    -------
    ssl.SSLContext or bool
        A context that trusts the bundle which the environment names; `True`, aiohttp's own choice, where it names none.
    """
    bundle = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), None)
    return True if bundle is None else _context_with(bundle)


@lru_cache(maxsize=4)
def _context_with(bundle: str) -> ssl.SSLContext:
    is_folder = os.path.isdir(bundle)
    return ssl.create_default_context(cafile=None if is_folder else bundle, capath=bundle if is_folder else None)


_T = TypeVar("_T")

_BEGINNING = 65536
"""Bytes of a refusal that are read."""

_EXPIRED = frozenset({400, 401, 403})
"""Statuses with which storages answer a presigned link that is over; S3 says 403, or 400 where its token is."""


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
        `~sunpy_helio_plugins.errors.FileError` to refuse the file, or `TransientFileError` to have it asked for again,
        and may rewrite it in place.
    headers : mapping, optional
        Request headers; they are not sent to another origin when the archive redirects there.
    login : Login, optional
        How to sign in; looked up when the file is fetched, and sent to the login's own origin alone. Defaults to the
        user and password that the netrc file has for the host, if any, unless the user's own session signs in.
    """

    url: str
    target: Path
    archive: str
    accept: Callable[[Path], None] = accept_any
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    login: Login | None = None


@dataclass(frozen=True)
class FailedJob:
    """
    What a failed download leaves in ``results.errors``: enough to fetch the file again, in full.

    parfive keeps of a failure no more than its address and what makes its file name; a plain retry would fetch the
    address without sign-in and checks. As a maker of file names this refuses; our own `Downloader` takes it up.
    """

    download: Download
    overwrite: bool | str

    def __call__(self, *args: object) -> Path:
        """Refuse to name a file."""
        raise TransferError(
            f"{self.download.target.name} can be fetched again only with its checks: use "
            "Fido.fetch(results, downloader=sunpy_helio_plugins.Downloader())."
        )


@dataclass(frozen=True)
class Job:
    """The coroutine that fetches one file, in the form in which parfive calls it."""

    download: Download
    overwrite: bool | str
    config: Any

    ACCEPTED: ClassVar[frozenset[int]] = frozenset({200})
    """Statuses with which the file comes: part of a file that nobody asked for is none."""

    async def run(self, session: aiohttp.ClientSession, *, token: Any = None, file_pb: Any = False) -> tuple[str, str]:
        """
        Fetch the file.

        Every failure becomes parfive's own, since any other exception would cost the results of all the other files.
        """
        target, shown = self.download.target, public_url(self.download.url)
        failure: Exception
        try:
            if not self._is_done():
                target = await self._repeated(partial(self._fetch, session, partial(_bar, file_pb, token, target.name)))
                self._call_back(str(target), shown, None)
            return shown, str(target)
        except asyncio.CancelledError:
            failure = TransferError(f"{target.name}: interrupted")
        except FileError as error:
            failure = error
        except HelioPluginsError as error:
            # Without the way it came, on which variables hold what was sent.
            failure = error.with_traceback(None)
        except Exception as error:  # noqa: BLE001 - see the docstring
            failure = TransferError(self._sentence(connection_problem(error)))
        # Not from within the except clauses: the failure would hold on to the library's error, and that to the request.
        raise self._failed(failure)

    def _is_done(self) -> bool:
        """Tell whether the file need not be fetched."""
        target = self.download.target
        if target.is_symlink() and not target.exists():
            raise TransferError(f"{target} is a link to nothing: mend or remove it.")
        if target.exists() and not target.is_file():
            raise TransferError(f"{target} is there already, and is no file: remove it, or give another path.")
        return self.overwrite is False and target.exists()

    def _failed(self, error: Exception) -> Exception:
        from parfive.utils import FailedDownload

        shown = public_url(self.download.url)
        with contextlib.suppress(TransferError):  # one failure is told already
            self._call_back(str(self.download.target), shown, error)
        return FailedDownload(FailedJob(self.download, self.overwrite), shown, error)

    def _call_back(self, path: str, url: str, error: Exception | None) -> None:
        """Call what the user asked parfive to call after each file."""
        for callback in getattr(self.config, "done_callbacks", ()):
            try:
                callback(path, url, error)
            except Exception as trouble:
                words = f"one of done_callbacks failed: {type(trouble).__name__}: {trouble}"
                raise TransferError(f"{path} arrived, but {words}" if error is None else words) from trouble

    async def _repeated(self, once: Callable[[], Awaitable[_T]]) -> _T:
        """Attempt; repeat after transient failures."""
        tries = attempts()
        while True:
            try:
                return await self._attempt(once)
            except TransientError as error:
                if not await tries.wait_async(error.wait or None):
                    raise

    async def _attempt(self, once: Callable[[], Awaitable[_T]]) -> _T:
        """Attempt once; a lost connection is a transient failure."""
        import aiohttp

        problem = ""
        try:
            return await once()
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            problem = connection_problem(error)
        # Outside the except clause: the library's error, which would be the context, holds the request.
        raise TransientError(self._sentence(problem))

    def _sentence(self, problem: str, url: str = "", status: int | None = None) -> str:
        return sentence(self.download.archive, url or self.download.url, problem, status)

    async def _fetch(self, session: aiohttp.ClientSession, bar: Callable[[int | None], Any]) -> Path:
        target = self.download.target
        target.parent.mkdir(parents=True, exist_ok=True)
        with new_part(target) as (part, stream):
            await self._write(session, part, stream, bar)
            await asyncio.to_thread(sync_to_disk, part)
            return publish(part, target, self.overwrite)

    async def _write(
        self, session: aiohttp.ClientSession, part: Path, stream: IO[bytes], bar: Callable[[int | None], Any]
    ) -> None:
        """Make a part file of what the server gives."""
        await self._receive(session, stream, bar)
        stream.flush()
        await self._check(part)

    async def _receive(
        self, session: aiohttp.ClientSession, stream: IO[bytes], bar: Callable[[int | None], Any]
    ) -> None:
        """Write what the server gives."""
        async with self._open(session) as response:
            await receive(response, stream, bar(response.content_length))

    async def _check(self, part: Path) -> None:
        """Let the archive look at the whole part."""
        try:
            await asyncio.to_thread(self.download.accept, part)
        except TransientFileError as error:
            raise TransientError(self._sentence(str(error)), error.wait) from None
        except HelioPluginsError:
            raise
        except Exception as error:
            # What came is on the disk: whatever is wrong with it, the connection is not.
            words = f"the file came, and cannot be read: {type(error).__name__}: {error}"
            raise FileError(f"{self.download.target.name}: {words}") from error

    @contextlib.asynccontextmanager
    async def _open(self, session: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask for the file and follow redirects by hand: neither headers nor credentials travel to another origin."""
        url, followed, renewed, refreshed = self.download.url, 0, False, False
        check_scheme(url)
        while True:
            async with await self._request(session, url) as response:
                if response.status in REDIRECTS and "Location" in response.headers:
                    url, followed = next_hop(url, response.headers["Location"], followed), followed + 1
                elif response.status == 401 and not renewed and self.download.login and self.download.login.renew():
                    renewed = True
                elif response.status in _EXPIRED and not refreshed and not same_origin(url, self.download.url):
                    # The link to a storage may have expired between its making and its use: request another, once.
                    url, refreshed = self.download.url, True
                elif response.status in self.ACCEPTED:
                    yield response
                    return
                else:
                    raise await self._refusal(response, url)

    async def _refusal(self, response: aiohttp.ClientResponse, url: str) -> TransientError | RefusedError:
        """Return the error for an answer that is not a file."""
        body, phrase = await response.content.read(_BEGINNING), response.reason or ""
        message = server_message(body) or server_message(phrase.encode())
        text = self._sentence(message, url, response.status)
        if response.status in TRANSIENT:
            return TransientError(text, retry_after(response.headers.get("Retry-After")))
        return RefusedError(text, response.status, phrase, body)

    async def _request(self, session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
        # The bytes on the disk are to be those that the server counted; and some servers hang when they compress.
        headers = {"Accept-Encoding": "identity"}
        permit(url)
        deadline = request_deadline()
        if deadline.is_over():
            raise TransferError(self._sentence(f"no answer {deadline.text}", url))
        if same_origin(url, self.download.url):
            headers |= self.download.headers
        login = self.download.login
        if login is None and session.auth is None and "Authorization" not in session.headers:
            login = await asyncio.to_thread(netrc_login, self.download.url)  # as searches do
        if login is not None:
            headers |= await asyncio.to_thread(login.headers, url)
        try:
            # A socket's own timeout begins anew with every byte of a header.
            async with asyncio.timeout(None if deadline.left() == float("inf") else deadline.left()) as limit:
                return await session.get(
                    _unchanged(url),
                    headers=headers,
                    timeout=self._timeout(),
                    proxy=self._proxy(url),
                    ssl=ssl_context(),
                    allow_redirects=False,
                )
        except TimeoutError:
            if not limit.expired():
                raise
        raise TransferError(self._sentence(f"no answer {deadline.text}", url))

    def _timeout(self) -> aiohttp.ClientTimeout:
        """Return ours, narrowed by what the user set for this downloader."""
        from aiohttp import ClientTimeout

        own = getattr(self.config, "timeouts", None)
        silence = min(conf.read_timeout, getattr(own, "sock_read", None) or conf.read_timeout)
        return ClientTimeout(
            total=getattr(own, "total", None) or None, sock_connect=conf.connect_timeout, sock_read=silence
        )

    def _proxy(self, url: str) -> str | None:
        from urllib.request import getproxies, proxy_bypass

        parts = urlsplit(url)
        if is_direct(url) or proxy_bypass(parts.netloc.rpartition("@")[2]):
            return None
        # parfive knows the environment's variables in upper case only; most systems set the others.
        proxy: str | None = getattr(self.config, f"{parts.scheme}_proxy", None) or getproxies().get(parts.scheme)
        return proxy


def _unchanged(url: str) -> Any:
    """Return an address for aiohttp that is sent as it is: re-quoting it would break signatures and odd ids."""
    from yarl import URL

    return URL(quote_unsafe(url), encoded=True)


def _bar(file_pb: Any, token: Any, name: str, total: int | None) -> Any:
    """Return a progress bar for one file in parfive's manner, or nothing to update."""
    if not file_pb:
        return contextlib.nullcontext()
    return file_pb(position=getattr(token, "n", 1), unit="B", unit_scale=True, desc=name, total=total, leave=False)
