"""Download one file to a part file, check it and publish it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import (
    FileError,
    HelioPluginsError,
    IsolationError,
    QueryError,
    TransferError,
    disk_error,
)
from sunpy_helio_plugins.store.publish import RunFolders, make_folder, new_part, publish, sync_to_disk
from sunpy_helio_plugins.transport.connections import judge
from sunpy_helio_plugins.transport.credentials import Login, netrc_file, netrc_login
from sunpy_helio_plugins.transport.files.body import receive, text_start
from sunpy_helio_plugins.transport.limits import (
    NOT_AGAIN,
    OFFLINE,
    Outages,
    one_request,
    postpone,
    request_deadline,
    turn_async,
)
from sunpy_helio_plugins.transport.messages import (
    RequestLog,
    connection_problem,
    sentence,
    server_message,
)
from sunpy_helio_plugins.transport.retry import (
    RefusedError,
    TransientError,
    TransientFileError,
    attempts,
    wait_after,
)
from sunpy_helio_plugins.transport.secrets import Hidden
from sunpy_helio_plugins.transport.urls import (
    REDIRECTS,
    NearError,
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

_log = logging.getLogger(__name__)

_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Environment variables with a CA bundle, in the order of requests; aiohttp ignores them."""


def ssl_context() -> ssl.SSLContext | bool:
    """Return the argument ``ssl`` of aiohttp: a context with the CA bundle of the environment, or `True`."""
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
"""Statuses for an expired presigned link; S3 answers 403, or 400 if its token has expired."""


def accept_any(part: Path) -> None:
    """Accept every file."""


@dataclass(frozen=True)
class Download:
    """
    A file to download.

    Parameters
    ----------
    url : str
        The address.
    target : pathlib.Path
        The path.
    archive : str
        The archive's name, for messages.
    accept : callable, optional
        Called with the path of the complete part file before it is published. It raises
        `~sunpy_helio_plugins.errors.FileError` to refuse the file, or `TransientFileError` to request it again, and may
        rewrite it in place.
    headers : mapping, optional
        Request headers; they are not sent to another origin after a redirect.
    login : Login, optional
        How to sign in; looked up for each request, and sent to the login's own origin only. Defaults to the user and
        password of the netrc file for the host, if any, unless the user's own session signs in.
    is_complete : callable, optional
        Called with the target if a file of that name exists already; a file for which it returns `False` is replaced.
    given_by : str, optional
        The address of the server that gave ``url`` in its data: then ``url`` is judged as a redirect of that server is.
    at_hand : callable, optional
        Called before a request, unless existing files are to be replaced. It returns the content if it is known without
        a request, else `None`. It may raise the same errors as ``accept``.
    copies : callable, optional
        Returns downloads of the same file from other servers, of the same class, to try in this order if the server
        refuses or does not respond. Their targets are ignored.
    """

    url: str
    target: Path
    archive: str
    accept: Callable[[Path], None] = accept_any
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    login: Login | None = None
    is_complete: Callable[[Path], bool] | None = None
    given_by: str = ""
    at_hand: Callable[[], bytes | None] | None = None
    copies: Callable[[], Sequence[Download]] = tuple


@dataclass(frozen=True)
class FailedJob:
    """
    A failed download in ``results.errors``, with all that is needed to repeat it.

    parfive keeps only the address of a failure and the callable that makes its file name; a plain retry would omit
    sign-in and checks. This callable refuses, and our own `Downloader` uses its download.
    """

    download: Download
    overwrite: bool | str
    warns: bool = False
    """Whether `Fido.fetch` warns of it."""

    def __call__(self, *args: object) -> Path:
        """Refuse to name a file."""
        raise TransferError(
            f"{self.download.target.name} can be downloaded again only with its checks: use "
            "Fido.fetch(results, downloader=sunpy_helio_plugins.Downloader())."
        )


@dataclass(frozen=True)
class Job:
    """The coroutine that downloads one file, in the form in which parfive calls it."""

    download: Download
    overwrite: bool | str
    config: Any
    folders: RunFolders = field(default_factory=RunFolders, repr=False, compare=False)
    outages: Outages = field(default_factory=Outages, repr=False, compare=False)
    """The servers of this run that do not answer."""
    hidden: Hidden = field(default_factory=Hidden, repr=False, compare=False)
    warns: bool = False
    """Whether a warning tells if it fails: the results of a fetch may not be looked at."""

    ACCEPTED: ClassVar[frozenset[int]] = frozenset({200})
    """Statuses of an answer with the file; 206 is not one unless a range was requested."""

    async def run(self, session: aiohttp.ClientSession, *, token: Any = None, file_pb: Any = False) -> tuple[str, str]:
        """
        Download the file.

        Every failure is raised as parfive's own, since any other exception would discard the results of all files.
        """
        target, shown = self.download.target, public_url(self.download.url)
        failure: Exception
        try:
            job = await self._for_target()
            if job is not None:
                bars = Bars(file_pb, token, target.name)
                made = None if self.overwrite is True else await job._without_request()
                target = made if made else await job._from_any(session, bars)
                self._call_back(str(target), shown, None)
            return shown, str(target)
        except asyncio.CancelledError:
            failure = TransferError(f"{target.name}: interrupted")
        except FileError as error:
            failure = self._named(error)
            if self.hidden:
                # The variables of the archive's code contain what the server sent.
                failure.__cause__ = failure.__context__ = failure.__traceback__ = None
        except HelioPluginsError as error:
            # Without the traceback, whose variables contain the request.
            failure = self._named(error).with_traceback(None)
        except Exception as error:  # noqa: BLE001 - see the docstring
            failure = self._of_library(error)
        failure = self._without_secrets(failure)
        # Outside the except clauses: the library's error, which would be the context, contains the request.
        raise self._failed(failure)

    async def _from_any(self, session: aiohttp.ClientSession, bars: Bars) -> Path:
        """Download the file, or a copy of it from another server; raise the first error if none can be downloaded."""
        try:
            return await self._repeated(partial(self._fetch, session, bars), bars)
        except TransferError as error:
            failure = error
        for copy in self.download.copies():
            job = replace(self, download=replace(copy, target=self.download.target))
            with contextlib.suppress(TransferError, FileError):
                found = await job._repeated(partial(job._fetch, session, bars), bars)
                _log.warning("%s: %s; a copy was downloaded from %s", found.name, failure, public_url(copy.url))
                return found
        raise failure

    def _of_library(self, error: Exception) -> HelioPluginsError:
        """Return the error for one of a library or of the local disk."""
        # Lost connections are transient failures: what is left are errors of the local disk.
        if isinstance(error, OSError) and type(error).__module__ == "builtins" and error.errno is not None:
            return disk_error(error, self.download.target)
        return TransferError(self._sentence(connection_problem(error)))

    def _named(self, error: HelioPluginsError) -> HelioPluginsError:
        """Return an error whose message has the name or the address of the file."""
        text, name = str(error), self.download.target.name
        if type(error) not in (FileError, TransferError, TransientError):
            return error
        if name in text or any(mark in text for mark in ("[asked: ", f" of {self.download.archive}")):
            return error
        return (FileError if isinstance(error, FileError) else TransferError)(f"{name}: {text}")

    async def _for_target(self) -> Job | None:
        """Return the job to run, in view of what exists at the target: `None` if the file is to be kept."""
        target = self.download.target
        folder = self.folders.listing(target.parent)
        if not folder.has(target.name):
            return self
        # A process that was killed right after the publication left its part file.
        folder.remove_stale(target)
        if target.is_symlink() and not target.exists():
            raise TransferError(f"{target} is a broken symbolic link; repair or remove it.")
        if target.exists() and not target.is_file():
            raise TransferError(f"{target} exists, and is not a file; remove it, or give another path.")
        if self.overwrite is True or not target.exists():
            return self
        is_complete = self.download.is_complete
        if is_complete is not None and not await asyncio.to_thread(is_complete, target):
            return replace(self, overwrite=True)
        return None if self.overwrite is False else self

    def _failed(self, error: Exception) -> Exception:
        from parfive.utils import FailedDownload

        shown = public_url(self.download.url)
        with contextlib.suppress(TransferError):  # one failure is reported already
            self._call_back(str(self.download.target), shown, error)
        return FailedDownload(FailedJob(self.download, self.overwrite, self.warns), shown, error)

    def _without_secrets(self, error: Exception) -> Exception:
        """Return an error without secrets that the server repeats in its response, in a redirect or in a file."""
        text = str(error)
        shown = self.hidden.text(text)
        if shown == text:
            return error
        return type(error)(shown) if type(error) in (FileError, TransferError) else TransferError(shown)

    def _call_back(self, path: str, url: str, error: Exception | None) -> None:
        """Call the user's ``done_callbacks`` of parfive."""
        for callback in getattr(self.config, "done_callbacks", ()):
            try:
                callback(path, url, error)
            except Exception as trouble:
                problem = f"one of done_callbacks failed: {type(trouble).__name__}: {trouble}"
                raise TransferError(f"{path} was downloaded, but {problem}" if error is None else problem) from trouble

    async def _repeated(self, once: Callable[[], Awaitable[_T]], bars: Bars) -> _T:
        """Attempt; repeat after transient failures, and give up a server that failed twice alike in this run."""
        ended = self.outages.error(self.download.url)
        if isinstance(ended, TransientError):
            raise TransferError(self._sentence(f"{ended.problem}; {NOT_AGAIN}", status=ended.status))
        with one_request() as deadline:
            tries = attempts(deadline, archive=self.download.archive)
            while True:
                try:
                    found = await self._attempt(once)
                except TransientError as error:
                    await asyncio.to_thread(postpone, self.download.url, error.wait)
                    showing = bars.waiting if error.wait else nullcontext
                    if not await tries.wait_async(error.wait or None, self._reason(error), showing):
                        if error.problem:
                            self.outages.add(self.download.url, error)
                        raise
                else:
                    self.outages.end(self.download.url)
                    return found

    def _reason(self, error: TransientError) -> str:
        """Return why a file is requested again, in a few words."""
        return error.reason or self.hidden.text(error.problem or str(error))

    async def _attempt(self, once: Callable[[], Awaitable[_T]]) -> _T:
        """Attempt once; a lost connection is a transient failure."""
        import aiohttp

        problem = ""
        try:
            async with turn_async(self.download.url):
                return await once()
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError) as error:
            problem = connection_problem(error)
        # Outside the except clause: the library's error, which would be the context, contains the request.
        raise TransientError(self._sentence(problem), problem=problem)

    def _sentence(self, problem: str, url: str = "", status: int | None = None) -> str:
        return sentence(self.download.archive, url or self.download.url, problem, status)

    async def _without_request(self) -> Path | None:
        """Publish a file whose content is known without a request; return `None` for any other."""
        content = None if self.download.at_hand is None else await asyncio.to_thread(self.download.at_hand)
        if content is None:
            return None
        with self._new_part() as (part, stream):
            stream.write(content)
            stream.flush()
            await asyncio.to_thread(sync_to_disk, stream)
            return publish(part, self.download.target, self.overwrite)

    async def _fetch(self, session: aiohttp.ClientSession, bars: Bars) -> Path:
        with self._new_part() as (part, stream):
            await self._write(session, part, stream, bars)
            return await asyncio.to_thread(self._publish, part)

    def _new_part(self) -> AbstractContextManager[tuple[Path, IO[bytes]]]:
        target = self.download.target
        if not target.parent.is_dir():
            make_folder(target.parent)
        return new_part(target, self.folders.listing(target.parent))

    def _publish(self, part: Path) -> Path:
        return publish(part, self.download.target, self.overwrite)

    async def _write(self, session: aiohttp.ClientSession, part: Path, stream: IO[bytes], bars: Bars) -> None:
        """Write and check a part file."""
        await self._receive(session, stream, bars)
        stream.flush()
        await self._check(part, stream)

    async def _receive(self, session: aiohttp.ClientSession, stream: IO[bytes], bars: Bars) -> None:
        """Write the answer to a stream."""
        async with self._open(session) as response:
            await receive(response, stream, bars(response.content_length))

    async def _check(self, part: Path, stream: IO[bytes]) -> None:
        """Let the archive check the complete part file."""
        try:
            # In one thread for both, since changing threads costs as much CPU as a small file's transfer.
            await asyncio.to_thread(self._accept, part, stream)
        except TransientFileError as error:
            raise TransientError(self._sentence(str(error)), error.wait) from None
        except HelioPluginsError:
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise disk_error(error, self.download.target) from error
            # The file is on the disk: the fault is not in the connection.
            problem = f"the file was downloaded, and cannot be read: {type(error).__name__}: {error}"
            raise FileError(f"{self.download.target.name}: {problem}") from error

    def _accept(self, part: Path, stream: IO[bytes]) -> None:
        """Check a part, and wait until it is on the disk."""
        self.download.accept(part)
        sync_to_disk(stream)

    @contextlib.asynccontextmanager
    async def _open(self, session: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientResponse]:
        """Request the file and follow redirects; neither headers nor credentials go to another origin."""
        first = self._first_address()
        url, followed, renewed, refreshed = first, 0, False, False
        giver = self.download.given_by
        while True:
            async with self._answer(session, url, giver) as response:
                if response.status in REDIRECTS and "Location" in response.headers:
                    giver, url, followed = url, self._next_hop(url, response, followed), followed + 1
                elif response.status == 401 and not renewed and self.download.login and self.download.login.renew():
                    renewed = True
                elif response.status in _EXPIRED and not refreshed and not same_origin(url, self.download.url):
                    # The link to a storage may have expired between its making and its use: request another, once.
                    giver, url, refreshed = self.download.given_by, first, True
                elif response.status in self.ACCEPTED:
                    yield response
                    return
                else:
                    raise await self._refusal(response, url)

    @contextlib.asynccontextmanager
    async def _answer(
        self, session: aiohttp.ClientSession, url: str, giver: str
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Request an address, and log the request when its answer has been read."""
        with RequestLog(self.download.archive, "GET", url, self.hidden.text) as entry:
            async with await self._request(session, url, giver) as response:
                entry.status = response.status
                try:
                    yield response
                finally:
                    entry.size = response.content.total_bytes

    def _next_hop(self, url: str, response: aiohttp.ClientResponse, followed: int) -> str:
        """Return the address of a redirect; the error for one that is not followed names the server."""
        try:
            return next_hop(url, response.headers["Location"], followed)
        except IsolationError:
            raise
        except QueryError as error:
            problem = f"it redirects to an address that is not followed: {error}"
        raise TransferError(self._sentence(problem, url, response.status))

    def _first_address(self) -> str:
        """Return the address to request first, after the checks that hold for it."""
        url, given_by = self.download.url, self.download.given_by
        if given_by:
            return next_hop(given_by, url)
        check_scheme(url)
        return url

    async def _refusal(self, response: aiohttp.ClientResponse, url: str) -> TransientError | RefusedError:
        """Return the error for an answer that is not a file."""
        body = self.hidden.message(await text_start(response, _BEGINNING))
        phrase = self.hidden.text(response.reason or "")
        message = server_message(body) or server_message(phrase.encode())
        login = self.download.login
        advice = "" if login is None else login.advice(url, response.status)
        text = self.hidden.text(self._sentence(f"{message}{advice}", url, response.status))
        wait = wait_after(response.status, response.headers)
        if wait is not None:
            return TransientError(text, wait.seconds, problem=message, status=response.status, reason=wait.reason)
        return RefusedError(text, response.status, phrase, body)

    async def _request(self, session: aiohttp.ClientSession, url: str, giver: str = "") -> aiohttp.ClientResponse:
        permit(url)
        if conf.offline:
            raise TransferError(self._sentence(OFFLINE, url))
        deadline = request_deadline()
        if deadline.is_over():
            raise TransferError(self._sentence(f"no answer {deadline.text}", url))
        proxy = self._proxy(url)
        headers = await self._headers(session, url)
        try:
            await judge(session, url, giver, proxy)
            # A socket's own timeout begins anew with every byte of a header.
            async with asyncio.timeout(None if deadline.left() == float("inf") else deadline.left()) as limit:
                return await session.get(
                    _unchanged(url),
                    headers=headers,
                    timeout=self._timeout(),
                    proxy=proxy,
                    ssl=ssl_context(),
                    allow_redirects=False,
                    auto_decompress=False,  # aiohttp does not check the end of a compressed body
                )
        except NearError as error:
            raise TransferError(self._sentence(f"the address that it gave is not followed: {error}", giver)) from None
        except TimeoutError:
            if not limit.expired():
                raise
        raise TransferError(self._sentence(f"no answer {deadline.text}", url))

    async def _headers(self, session: aiohttp.ClientSession, url: str) -> dict[str, str]:
        # The bytes on the disk must be those that the server counted, and some servers hang when they compress.
        headers = {"Accept-Encoding": "identity"}
        if same_origin(url, self.download.url):
            headers |= self.download.headers
        login = self.download.login
        if login is None and session.auth is None and "Authorization" not in session.headers and netrc_file():
            login = await asyncio.to_thread(netrc_login, self.download.url)  # as for metadata
        if login is None:
            return headers
        signed = await asyncio.to_thread(login.headers, url)
        self.hidden.add_headers(signed)
        return headers | signed

    def _timeout(self) -> aiohttp.ClientTimeout:
        """Return the timeouts of the settings, or shorter ones that the user set for this downloader."""
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
        # parfive reads the variables in upper case only; most systems set those in lower case.
        proxy: str | None = getattr(self.config, f"{parts.scheme}_proxy", None) or getproxies().get(parts.scheme)
        return None if proxy is None or proxy_bypass(parts.netloc.rpartition("@")[2]) else proxy


def _unchanged(url: str) -> Any:
    """Return an address that aiohttp does not quote again, which would break signatures and unusual ids."""
    from yarl import URL

    return URL(quote_unsafe(url), encoded=True)


@dataclass(frozen=True)
class Bars:
    """The progress bars of one file, which parfive's ``file_pb`` makes; empty contexts if it shows none."""

    file_pb: Any
    token: Any
    name: str

    def __call__(self, total: int | None) -> Any:
        """Return the bar of the bytes."""
        return self._bar(unit="B", unit_scale=True, desc=self.name, total=total)

    def waiting(self, seconds: float) -> Any:
        """Return the line of a wait that the server asked for; a terminal or notebook shows it, a file does not."""
        text = f"{self.name}: waiting {seconds:.3g} s, the server asked for it"
        return self._bar(bar_format="{desc}{bar}", desc=text, disable=None)

    def _bar(self, **options: Any) -> Any:
        if not self.file_pb:
            return nullcontext()
        return self.file_pb(position=getattr(self.token, "n", 1), leave=False, **options)
