"""
Add downloads to the queue of a parfive Downloader.

`enqueue` adds a coroutine of this package to the ``http_queue`` of the Downloader that Fido passes to every client.
That attribute is public and used in the same way from parfive 1.0 to 2.3. The files of all clients thus share one
progress bar, one limit of connections and one Ctrl-C.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import parfive

from sunpy_helio_plugins.arguments import refused
from sunpy_helio_plugins.errors import IncompleteFetchWarning, warn
from sunpy_helio_plugins.store.publish import RunFolders
from sunpy_helio_plugins.transport.files.job import Download, FailedJob, Job
from sunpy_helio_plugins.transport.files.pieces import PiecedDownload, PiecedJob
from sunpy_helio_plugins.transport.files.prefix import PrefixDownload, PrefixJob
from sunpy_helio_plugins.transport.limits import Outages
from sunpy_helio_plugins.transport.urls import permit

__all__ = ["Download", "Downloader", "downloaded", "enqueue", "queued"]

_log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""The signals at which parfive ends a download; it returns what it has, as if the other files had failed."""


@dataclass
class _Interrupts:
    """The handlers of signals before a download, and the signal that ended it."""

    handlers: dict[signal.Signals, Any]
    caught: signal.Signals | None = None

    @classmethod
    def before(cls) -> _Interrupts:
        """Return the handlers now; only the main thread receives signals."""
        is_main = threading.current_thread() is threading.main_thread()
        return cls({number: signal.getsignal(number) for number in _SIGNALS} if is_main else {})

    def watch(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
        """Handle the signals in a loop instead of parfive, which does not tell them; ignored ones stay ignored."""

        def catch(number: signal.Signals) -> None:
            if self.caught is None and self.handlers[number] is not signal.SIG_IGN:
                self.caught = number
                task.cancel()

        if threading.current_thread() is threading.main_thread():
            for number in self.handlers:
                # Windows does not have them: there, Ctrl-C is raised at once.
                with contextlib.suppress(NotImplementedError):
                    loop.add_signal_handler(number, catch, number)

    def restore(self) -> None:
        """Set the handlers as before the download; asyncio sets those of the start of Python."""
        for number, handler in self.handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)

    def deliver(self) -> None:
        """Send the signal that ended the download again: by default, Ctrl-C raises `KeyboardInterrupt`."""
        if self.caught is not None:
            signal.raise_signal(self.caught)


class Downloader(parfive.Downloader):
    """
    A parfive Downloader that can retry failed downloads: ``Fido.fetch(results, downloader=Downloader())``.

    A retry signs in and checks the file like the first attempt. The event loop of each download is closed; parfive
    leaves it open with its file descriptors.

    Parameters
    ----------
    *args, **kwargs
        As for `parfive.Downloader`.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> found = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag"), a.imap.File(), a.Level("l2"))
    >>> files = Fido.fetch(found, path="{file}", downloader=sunpy_helio_plugins.Downloader(max_conn=2))
    >>> len(files), files.errors
    (4, [])
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _interrupts: _Interrupts | None = None

    def __repr__(self) -> str:
        return f"<Downloader: {self.queued_downloads} file{'s' * (self.queued_downloads != 1)} queued>"

    async def run_download(self) -> parfive.Results:
        """
        Download all files in the queue.

        Returns
        -------
        parfive.Results
            The paths and the errors.
        """
        self._loop = asyncio.get_running_loop()
        task, watched = asyncio.current_task(), self._interrupts
        if watched is None or task is None:
            return await super().run_download()
        watched.watch(self._loop, task)
        results = await super().run_download()
        # In a notebook, where the loop runs in another thread, only parfive's own handlers end a download.
        if watched.caught is None and task.cancelling():
            watched.caught = signal.SIGINT
        return results

    def download(self) -> parfive.Results:
        """
        Download all files in the queue in a new event loop.

        Returns
        -------
        parfive.Results
            The paths and the errors.

        Warns
        -----
        IncompleteFetchWarning
            Files of ``Fido.fetch`` could not be downloaded.
        """
        return _warning(self, lambda: _run(self))

    def enqueue_file(self, url: str, *args: Any, filename: Any = None, **kwargs: Any) -> None:
        """
        Add a file to the queue.

        Parameters
        ----------
        url, filename, *args, **kwargs
            As for `parfive.Downloader.enqueue_file`; the ``filename`` of a failed download includes its address.
        """
        if isinstance(filename, FailedJob):
            enqueue(self, [filename.download], filename.overwrite, warns=filename.warns)
        else:
            if not isinstance(url, str) or not url.strip():
                raise refused("Downloader.enqueue_file", url, "the address of a file as url")
            super().enqueue_file(url, *args, filename=filename, **kwargs)


@contextlib.contextmanager
def downloaded(downloader: Downloader) -> Iterator[parfive.Results]:
    """
    Download all files in the queue and yield the results, for code that tells of failures itself.

    A signal that ended the download is delivered at the end of the block, so that the block can note complete files:
    only those in the results are. With parfive alone, an interrupted download looks like one of which files failed.
    """
    if not downloader.queued_downloads:
        yield parfive.Results()
        return
    watched = downloader._interrupts = _Interrupts.before()
    try:
        try:
            results = _run(downloader)
        except asyncio.CancelledError:  # before the download began
            watched.caught = watched.caught or signal.SIGINT
            results = parfive.Results()
        except TypeError:  # parfive cannot make results of files that were cancelled before they began
            if watched.caught is None:
                raise
            results = parfive.Results()
        finally:
            downloader._interrupts = None
            watched.restore()
        yield results
    finally:
        watched.deliver()


def _run(downloader: Downloader) -> parfive.Results:
    """Download all files in the queue, and close the event loop."""
    try:
        return super(Downloader, downloader).download()
    finally:
        if downloader._loop is not None and not downloader._loop.is_running():
            downloader._loop.close()


def _warning(downloader: parfive.Downloader, download: Callable[[], parfive.Results]) -> parfive.Results:
    """Download, and warn once if files of a fetch failed; the log contains the failures that the warning omits."""
    jobs = (getattr(entry, "__self__", None) for entry in getattr(downloader, "http_queue", ()))
    total = sum(isinstance(job, Job) and job.warns for job in jobs)
    results = download()
    ours = (one for one in results.errors if isinstance(one.filepath_partial, FailedJob))
    failed = [str(one.exception) for one in ours if one.filepath_partial.warns]
    if failed:
        reason = failed[0] if failed[0].endswith((".", "]")) else f"{failed[0]}."
        text = f"{len(failed)} of {total} files could not be downloaded; the first: {reason}"
        warn(f"{text} See the errors of the results.", IncompleteFetchWarning)
    for text in failed[1:]:
        _log.warning("%s", text)
    return results


def enqueue(
    downloader: parfive.Downloader,
    downloads: Iterable[Download],
    overwrite: bool | str | None = None,
    *,
    warns: bool = False,
) -> None:
    """
    Add files to the queue of a downloader.

    Parameters
    ----------
    downloader : parfive.Downloader
        The downloader, as Fido passes it to a client.
    downloads : iterable of Download
        The files. If several have the same target, the later ones get a number before the suffix. If an error is raised
        while this is iterated, no file is added.
    overwrite : bool or "unique", optional
        What to do if a target exists: keep it (`False`), replace it when the download is complete (`True`), or add a
        number to the new name. Defaults to the downloader's setting.
    warns : bool, optional
        Whether ``download`` warns once if files fail.
    """
    policy = downloader.config.overwrite if overwrite is None else overwrite
    wanted = list(downloads)
    folders, outages = _shared(downloader)
    files = [_with_target(download, folders.claim(download.target)) for download in wanted]
    _adapt(downloader)
    if hasattr(downloader, "http_queue"):
        downloader.http_queue.extend(
            _kind(own)(own, policy, downloader.config, folders, outages, warns=warns).run for own in files
        )
        return
    for own in files:
        permit(own.url)
        damaged = own.is_complete is not None and own.target.is_file() and not own.is_complete(own.target)
        downloader.enqueue_file(own.url, filename=str(own.target), overwrite=damaged or policy, max_splits=1)


def queued(downloader: parfive.Downloader) -> list[Download]:
    """Return the downloads of this package in the queue of a downloader, in their order."""
    owners = (getattr(entry, "__self__", None) for entry in getattr(downloader, "http_queue", ()))
    return [owner.download for owner in owners if isinstance(owner, Job)]


def _with_target(download: Download, target: Path) -> Download:
    return download if target is download.target else replace(download, target=target)


def _kind(download: Download) -> type[Job]:
    return _KINDS.get(type(download), Job)


_KINDS: dict[type[Download], type[Job]] = {PrefixDownload: PrefixJob, PiecedDownload: PiecedJob}


def _shared(downloader: parfive.Downloader) -> tuple[RunFolders, Outages]:
    """
    Return the folders and outages of the current run; an empty queue starts a new run.

    A downloader that is reused thus downloads to the same names again. The queue is searched from its end for a file
    of this package, so that the files of other clients are skipped once, however often files are added.
    """
    for entry in reversed(getattr(downloader, "http_queue", ())):
        owner = getattr(entry, "__self__", None)
        if isinstance(owner, Job):
            return owner.folders, owner.outages
    return RunFolders(), Outages()


def _adapt(downloader: parfive.Downloader) -> None:
    """
    Make a parfive Downloader close the event loop of each download and warn of failed files, as `Downloader` does.

    parfive leaves the loop, which has the handler of Ctrl-C, to the garbage collector. Until it is collected, Ctrl-C
    has no effect; if it is collected in another thread, as in a notebook, the signal handler cannot be restored.
    """
    if isinstance(downloader, Downloader) or "download" in vars(downloader):
        return
    loops: list[asyncio.AbstractEventLoop] = []
    run, download = downloader.run_download, downloader.download

    async def run_download() -> parfive.Results:
        loops.append(asyncio.get_running_loop())
        return await run()

    def download_and_close() -> parfive.Results:
        # An earlier loop belongs to the user, who awaited run_download in it.
        loops.clear()
        try:
            return _warning(downloader, download)
        finally:
            for loop in loops:
                if not loop.is_running():
                    loop.close()

    downloader.run_download, downloader.download = run_download, download_and_close
