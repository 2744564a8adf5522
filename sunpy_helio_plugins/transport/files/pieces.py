"""
Files that a server gives under another address, or in pieces only.

What was refused may be had otherwise: the archive says under which addresses, and how what they give becomes one file.
The pieces of one file are fetched one after the other, so that a file takes one connection however it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from sunpy_helio_plugins.errors import FileError, TransferError
from sunpy_helio_plugins.store.publish import new_part
from sunpy_helio_plugins.transport.files.job import Download, Job
from sunpy_helio_plugins.transport.messages import reason
from sunpy_helio_plugins.transport.retry import PassingError, RefusedError
from sunpy_helio_plugins.transport.urls import public_url

if TYPE_CHECKING:
    import aiohttp

__all__ = ["PiecedDownload", "PiecedJob"]


def _nothing(failure: Exception) -> Sequence[PiecedDownload]:
    return ()


def _numbered(pieces: Sequence[PiecedDownload], target: Path) -> list[PiecedDownload]:
    """Give each piece a name of its own, so that none is taken for what another one's attempt left."""
    return [replace(piece, target=target.with_name(f"{target.name}.{index}")) for index, piece in enumerate(pieces)]


def _one_behind_the_other(pieces: Sequence[Path], whole: Path) -> None:
    with whole.open("wb") as target:
        for piece in pieces:
            target.write(piece.read_bytes())


@dataclass(frozen=True)
class PiecedDownload(Download):
    """
    A file that may have to be asked for otherwise.

    Parameters
    ----------
    instead : callable
        Called with the failure: `~sunpy_helio_plugins.transport.retry.RefusedError` where the server refused, or the
        `~sunpy_helio_plugins.errors.FileError` with which ``accept`` refused what came. It returns the files that
        together stand for this one, which may have to be asked for otherwise in turn; none where the failure stands.
        Their targets do not matter.
    join : callable
        Called with the paths of the pieces in their order and the path of the whole, which it writes. What it wrote
        goes through ``accept``.
    """

    instead: Callable[[Exception], Sequence[PiecedDownload]] = _nothing
    join: Callable[[Sequence[Path], Path], None] = _one_behind_the_other


@dataclass(frozen=True)
class PiecedJob(Job):
    """The coroutine that fetches a file, in pieces where it must."""

    GIVEN: ClassVar[frozenset[int]] = frozenset({200, 204})
    """An answer without content is for ``accept`` to judge: a piece may be empty where the whole is not."""

    is_piece: bool = False

    def _accept(self, part: Path, stream: IO[bytes]) -> None:
        """Check a part; a piece need not be on the disk, since the whole file will be."""
        if self.is_piece:
            self.download.accept(part)
        else:
            super()._accept(part, stream)

    async def _fill(
        self, session: aiohttp.ClientSession, part: Path, stream: IO[bytes], bar: Callable[[int | None], Any]
    ) -> None:
        download = self.download
        assert isinstance(download, PiecedDownload)  # noqa: S101 - for the type checker
        try:
            await super()._fill(session, part, stream, bar)
        except (RefusedError, FileError) as failure:
            pieces = download.instead(failure)
            if not pieces:
                raise
        else:
            return
        with ExitStack() as stack:
            parts = [await self._piece(piece, stack, session, bar) for piece in _numbered(pieces, download.target)]
            await asyncio.to_thread(download.join, parts, part)
        await self._check(part, stream)

    async def _piece(
        self, piece: PiecedDownload, stack: ExitStack, session: aiohttp.ClientSession, bar: Callable[[int | None], Any]
    ) -> Path:
        """Fetch one piece into a part file of its own, which lasts as long as the stack."""
        import aiohttp

        job = replace(self, download=piece, is_piece=True)
        try:
            return await job._tried(partial(job._fill_anew, stack, session, bar))
        except (PassingError, aiohttp.ClientError, TimeoutError) as error:
            # Its attempts are used up: the whole is not to be tried as often again.
            words = f"{piece.archive}: {reason(error)} [asked: {public_url(piece.url)}]"
            words = str(error) if isinstance(error, PassingError) else words
        raise TransferError(words)

    async def _fill_anew(
        self, stack: ExitStack, session: aiohttp.ClientSession, bar: Callable[[int | None], Any]
    ) -> Path:
        target = self.download.target
        part, stream = stack.enter_context(new_part(target, self.folders.listing(target.parent)))
        await self._fill(session, part, stream, bar)
        return part
