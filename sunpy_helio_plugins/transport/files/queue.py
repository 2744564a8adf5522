"""
Files, through parfive.

`enqueue` puts a coroutine of our own into the queue of the parfive Downloader that Fido hands to every client
(``http_queue``: public, and called in the same way from parfive 1.0 to 2.3), so that the files of all clients share one
progress bar, its connections and its Ctrl-C.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import parfive

from sunpy_helio_plugins.store.publish import RunFolders
from sunpy_helio_plugins.transport.files.job import Again, Download, Job
from sunpy_helio_plugins.transport.files.pieces import PiecedDownload, PiecedJob
from sunpy_helio_plugins.transport.files.prefix import PrefixDownload, PrefixJob
from sunpy_helio_plugins.transport.urls import permit

__all__ = ["Download", "Downloader", "enqueue"]


class Downloader(parfive.Downloader):
    """
    A parfive Downloader that fetches again, in full, what failed: ``Fido.fetch(results, downloader=Downloader())``.

    It also closes the event loop of each download, which parfive leaves open with its file descriptors.

    Parameters
    ----------
    *args, **kwargs
        As for `parfive.Downloader`.
    """

    _loop: asyncio.AbstractEventLoop | None = None

    async def run_download(self) -> parfive.Results:
        """
        Fetch everything in the queue.

        Returns
        -------
        parfive.Results
            The paths, and what failed.
        """
        self._loop = asyncio.get_running_loop()
        return await super().run_download()

    def download(self) -> parfive.Results:
        """
        Fetch everything in the queue, in an event loop of its own.

        Returns
        -------
        parfive.Results
            The paths, and what failed.
        """
        try:
            return super().download()
        finally:
            if self._loop is not None and not self._loop.is_running():
                self._loop.close()

    def enqueue_file(self, url: str, *args: Any, filename: Any = None, **kwargs: Any) -> None:
        """
        Put a file into the queue.

        Parameters
        ----------
        url, filename, *args, **kwargs
            As for `parfive.Downloader.enqueue_file`; a ``filename`` that a failed download left brings its own address.
        """
        if isinstance(filename, Again):
            enqueue(self, [filename.download], filename.overwrite)
        else:
            super().enqueue_file(url, *args, filename=filename, **kwargs)


def enqueue(downloader: parfive.Downloader, downloads: Iterable[Download], overwrite: bool | str | None = None) -> None:
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
    wanted = list(downloads)
    folders = _folders(downloader)
    files = [_with_target(download, folders.claim(download.target)) for download in wanted]
    _close_its_loops(downloader)
    if hasattr(downloader, "http_queue"):
        downloader.http_queue.extend(_kind(own)(own, policy, downloader.config, folders).run for own in files)
        return
    for own in files:
        permit(own.url)
        damaged = own.is_complete is not None and own.target.is_file() and not own.is_complete(own.target)
        downloader.enqueue_file(own.url, filename=str(own.target), overwrite=damaged or policy, max_splits=1)


def _with_target(download: Download, target: Path) -> Download:
    return download if target is download.target else replace(download, target=target)


def _kind(download: Download) -> type[Job]:
    return _KINDS.get(type(download), Job)


_KINDS: dict[type[Download], type[Job]] = {PrefixDownload: PrefixJob, PiecedDownload: PiecedJob}


def _folders(downloader: parfive.Downloader) -> RunFolders:
    """
    Return the folders of the run that a queue is for; an empty queue begins a run.

    A downloader that is used again thus downloads to the same names again. The last file of ours is looked for from the
    end, so that others' files are passed once, however often files are added.
    """
    for entry in reversed(getattr(downloader, "http_queue", ())):
        owner = getattr(entry, "__self__", None)
        if isinstance(owner, Job):
            return owner.folders
    return RunFolders()


def _close_its_loops(downloader: parfive.Downloader) -> None:
    """
    Have Fido's own downloader close the event loop of each download, as ours does.

    parfive leaves the loop, which holds the handler of Ctrl-C, to the garbage collector. Until that comes by, Ctrl-C
    does nothing; and where it comes by in another thread, as in a notebook, the loop can never give the signal back.
    """
    if isinstance(downloader, Downloader) or "download" in vars(downloader):
        return
    loops: list[asyncio.AbstractEventLoop] = []
    run, download = downloader.run_download, downloader.download

    async def run_download() -> parfive.Results:
        loops.append(asyncio.get_running_loop())
        return await run()

    def download_and_close() -> parfive.Results:
        # A loop that ran before is the user's own, who awaited run_download in it.
        loops.clear()
        try:
            return download()
        finally:
            for loop in loops:
                if not loop.is_running():
                    loop.close()

    downloader.run_download, downloader.download = run_download, download_and_close
