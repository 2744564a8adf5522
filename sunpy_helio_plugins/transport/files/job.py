"""Download one file to a part file, check it and publish it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError, HelioPluginsError, TransferError
from sunpy_helio_plugins.store.publish import RunFolders, new_part, publish, settle
from sunpy_helio_plugins.transport.credentials import Login, netrc_file, netrc_login
from sunpy_helio_plugins.transport.files.body import receive
from sunpy_helio_plugins.transport.messages import reason
from sunpy_helio_plugins.transport.retry import PassingError, PassingFileError, backoff, refusal
from sunpy_helio_plugins.transport.urls import (
    check_scheme,
    follow,
    is_direct,
    permit,
    public_url,
    same_origin,
    sendable,
)

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Again", "Download", "Job", "PassingFileError", "tls"]

_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Environment variables that requests takes a bundle from, in its order; aiohttp knows neither."""


def tls() -> ssl.SSLContext | bool:
    """
    Return what to hand to aiohttp for a secure connection.

    Returns
    -------
    ssl.SSLContext or bool
        A context that trusts the bundle which the environment names; `True`, aiohttp's own choice, where it names none.
    """
    bundle = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), None)
    return True if bundle is None else _trusting(bundle)


@lru_cache(maxsize=4)
def _trusting(bundle: str) -> ssl.SSLContext:
    is_folder = os.path.isdir(bundle)
    return ssl.create_default_context(cafile=None if is_folder else bundle, capath=bundle if is_folder else None)


_T = TypeVar("_T")

MAX_REDIRECTS = 10

_REDIRECTS = frozenset({301, 302, 303, 307, 308})

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
        `~sunpy_helio_plugins.errors.FileError` to refuse the file, or `PassingFileError` to have it asked for again,
        and may rewrite it in place.
    headers : mapping, optional
        Request headers; they are not sent to another origin when the archive redirects there.
    login : Login, optional
        How to sign in; looked up when the file is fetched, and sent to the login's own origin alone. Defaults to the
        user and password that the netrc file has for the host, if any, unless the user's own session signs in.
    is_complete : callable, optional
        Called with the target if a file of that name exists already; a file for which it returns `False` is replaced.
    """

    url: str
    target: Path
    archive: str
    accept: Callable[[Path], None] = accept_any
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    login: Login | None = None
    is_complete: Callable[[Path], bool] | None = None


@dataclass(frozen=True)
class Again:
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
    folders: RunFolders = field(default_factory=RunFolders, repr=False, compare=False)

    GIVEN: ClassVar[frozenset[int]] = frozenset({200})
    """Statuses with which the file comes: part of a file that nobody asked for is none."""

    async def run(self, session: aiohttp.ClientSession, *, token: Any = None, file_pb: Any = False) -> tuple[str, str]:
        """
        Fetch the file.

        Every failure becomes parfive's own, since any other exception would cost the results of all the other files.
        """
        target, shown = self.download.target, public_url(self.download.url)
        failure: Exception
        try:
            job = await self._for_target()
            if job is not None:
                target = await job._tried(partial(job._fetch, session, partial(_bar, file_pb, token, target.name)))
                self._tell(str(target), shown, None)
            return shown, str(target)
        except asyncio.CancelledError:
            failure = TransferError(f"{target.name}: interrupted")
        except FileError as error:
            failure = error
        except HelioPluginsError as error:
            # Without the way it came, on which variables hold what was sent.
            failure = error.with_traceback(None)
        except Exception as error:  # noqa: BLE001 - see the docstring
            failure = TransferError(f"{self.download.archive}: {reason(error)} [asked: {shown}]")
        # Not from within the except clauses: the failure would hold on to the library's error, and that to the request.
        raise self._failed(failure)

    async def _for_target(self) -> Job | None:
        """Return the job to run, in view of what exists at the target: `None` if the file is to be kept."""
        target = self.download.target
        if not self.folders.listing(target.parent).has(target.name):
            return self
        if target.is_symlink() and not target.exists():
            raise TransferError(f"{target} is a link to nothing: mend or remove it.")
        if target.exists() and not target.is_file():
            raise TransferError(f"{target} is there already, and is no file: remove it, or give another path.")
        if self.overwrite is True or not target.exists():
            return self
        is_complete = self.download.is_complete
        if is_complete is not None and not await asyncio.to_thread(is_complete, target):
            return replace(self, overwrite=True)
        return None if self.overwrite is False else self

    def _failed(self, error: Exception) -> Exception:
        from parfive.utils import FailedDownload

        shown = public_url(self.download.url)
        with contextlib.suppress(TransferError):  # one failure is told already
            self._tell(str(self.download.target), shown, error)
        return FailedDownload(Again(self.download, self.overwrite), shown, error)

    def _tell(self, path: str, url: str, error: Exception | None) -> None:
        """Call what the user asked parfive to call after each file."""
        for callback in getattr(self.config, "done_callbacks", ()):
            try:
                callback(path, url, error)
            except Exception as trouble:
                words = f"one of done_callbacks failed: {type(trouble).__name__}: {trouble}"
                raise TransferError(f"{path} arrived, but {words}" if error is None else words) from trouble

    async def _tried(self, attempt_once: Callable[[], Awaitable[_T]]) -> _T:
        """Attempt; again after a passing failure, as long as the waits stay within ``conf.deadline``."""
        import aiohttp

        ends = time.monotonic() + conf.deadline
        last = max(conf.retries, 0)
        for attempt in range(last + 1):
            wait: float | None = None
            try:
                return await attempt_once()
            except (PassingError, aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
                wait = getattr(error, "wait", None) or backoff(attempt)
                if attempt == last or time.monotonic() + wait >= ends:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def _fetch(self, session: aiohttp.ClientSession, bar: Callable[[int | None], Any]) -> Path:
        target = self.download.target
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
        with new_part(target, self.folders.listing(target.parent)) as (part, stream):
            await self._fill(session, part, stream, bar)
            return publish(part, target, self.overwrite)

    async def _fill(
        self, session: aiohttp.ClientSession, part: Path, stream: IO[bytes], bar: Callable[[int | None], Any]
    ) -> None:
        """Make a part file of what the server gives."""
        await self._bring(session, stream, bar)
        stream.flush()
        await self._check(part, stream)

    async def _bring(self, session: aiohttp.ClientSession, stream: IO[bytes], bar: Callable[[int | None], Any]) -> None:
        """Write what the server gives."""
        async with self._answer(session) as response:
            await receive(response, stream, bar(response.content_length))

    async def _check(self, part: Path, stream: IO[bytes]) -> None:
        """Let the archive check the whole part."""
        try:
            # In one thread for both, since changing threads costs as much CPU as a small file's transfer.
            await asyncio.to_thread(self._accept, part, stream)
        except PassingFileError as error:
            words = f"{self.download.archive}: {error} [asked: {public_url(self.download.url)}]"
            raise PassingError(words, error.wait) from None
        except HelioPluginsError:
            raise
        except Exception as error:
            # What came is on the disk: whatever is wrong with it, the connection is not.
            words = f"the file came, and cannot be read: {type(error).__name__}: {error}"
            raise FileError(f"{self.download.target.name}: {words}") from error

    def _accept(self, part: Path, stream: IO[bytes]) -> None:
        """Check a part, and wait until it is on the disk."""
        self.download.accept(part)
        settle(stream)

    @contextlib.asynccontextmanager
    async def _answer(self, session: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask for the file and follow redirects by hand: neither headers nor credentials travel to another origin."""
        url, renewed, refreshed = self.download.url, False, False
        check_scheme(url)
        for _ in range(MAX_REDIRECTS):
            async with await self._request(session, url) as response:
                if response.status in _REDIRECTS and "Location" in response.headers:
                    url = follow(url, response.headers["Location"])
                elif response.status == 401 and not renewed and self.download.login and self.download.login.renew():
                    renewed = True
                elif response.status in _EXPIRED and not refreshed and not same_origin(url, self.download.url):
                    # The link to a storage may have run out between its making and its use: ask for another, once.
                    url, refreshed = self.download.url, True
                elif response.status in self.GIVEN:
                    yield response
                    return
                else:
                    raise await refusal(response, self.download.archive, url)
        raise TransferError(f"{self.download.archive} redirects in circles [asked: {public_url(self.download.url)}]")

    async def _request(self, session: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
        # The bytes on the disk are to be those that the server counted; and some servers hang when they compress.
        headers = {"Accept-Encoding": "identity"}
        permit(url)
        if same_origin(url, self.download.url):
            headers |= self.download.headers
        login = self.download.login
        if login is None and session.auth is None and "Authorization" not in session.headers and netrc_file():
            login = await asyncio.to_thread(netrc_login, self.download.url)  # as searches do
        if login is not None:
            headers |= await asyncio.to_thread(login.headers, url)
        try:
            # A socket's own timeout begins anew with every byte of a header.
            async with asyncio.timeout(conf.deadline) as limit:
                return await session.get(
                    _as_is(url),
                    headers=headers,
                    timeout=self._timeout(),
                    proxy=self._proxy(url),
                    ssl=tls(),
                    allow_redirects=False,
                )
        except TimeoutError:
            if not limit.expired():
                raise
        words = f"no answer within {conf.deadline:g} s, see conf.deadline"
        raise TransferError(f"{self.download.archive}: {words} [asked: {public_url(url)}]")

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
        if is_direct(url):
            return None
        # parfive knows the environment's variables in upper case only; most systems set the others.
        proxy: str | None = getattr(self.config, f"{parts.scheme}_proxy", None) or getproxies().get(parts.scheme)
        return None if proxy is None or proxy_bypass(parts.netloc.rpartition("@")[2]) else proxy


def _as_is(url: str) -> Any:
    """Return an address for aiohttp that is sent as it is: re-quoting it would break signatures and odd ids."""
    from yarl import URL

    return URL(sendable(url), encoded=True)


def _bar(file_pb: Any, token: Any, name: str, total: int | None) -> Any:
    """Return a progress bar for one file in parfive's manner, or nothing to update."""
    if not file_pb:
        return contextlib.nullcontext()
    return file_pb(position=getattr(token, "n", 1), unit="B", unit_scale=True, desc=name, total=total, leave=False)
