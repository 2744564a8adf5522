"""
Files that a server gives only under another address, or in pieces.

The archive names the addresses for a file that was refused, and joins the pieces. The pieces of a file are downloaded
one after the other, so that each file uses one connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, ClassVar

from sunpy_helio_plugins.errors import DiskError, FileError, TransferError
from sunpy_helio_plugins.store.publish import new_part
from sunpy_helio_plugins.transport.files.job import Bars, Download, Job
from sunpy_helio_plugins.transport.retry import RefusedError, TransientError

if TYPE_CHECKING:
    import aiohttp

__all__ = ["PiecedDownload", "PiecedJob"]


def _no_pieces(failure: Exception) -> Sequence[PiecedDownload]:
    return ()


def _numbered(pieces: Sequence[PiecedDownload], target: Path) -> list[PiecedDownload]:
    """Give each piece its own name, so that it is not mistaken for a part that another attempt left."""
    return [replace(piece, target=target.with_name(f"{target.name}.{index}")) for index, piece in enumerate(pieces)]


def _concatenate(pieces: Sequence[Path], whole: Path) -> None:
    with whole.open("wb") as target:
        for piece in pieces:
            target.write(piece.read_bytes())


@dataclass(frozen=True)
class PiecedDownload(Download):
    """
    A file that may have to be requested in another way.

    Parameters
    ----------
    instead : callable
        Called with the failure: `~sunpy_helio_plugins.transport.retry.RefusedError` if the server refused, or the
        `~sunpy_helio_plugins.errors.FileError` with which ``accept`` refused the file. It returns the files that
        replace this one and may be replaced in turn, or none if the failure is final. Their targets are ignored.
    join : callable
        Called with the paths of the pieces in order and the path of the file that it writes. The result is passed to
        ``accept``.
    """

    instead: Callable[[Exception], Sequence[PiecedDownload]] = _no_pieces
    join: Callable[[Sequence[Path], Path], None] = _concatenate


@dataclass(frozen=True)
class PiecedJob(Job):
    """Download a file, in pieces if the request for the complete file is refused."""

    ACCEPTED: ClassVar[frozenset[int]] = frozenset({200, 204})
    """Responses without content are checked by ``accept``: a piece may be empty, although the file is not."""

    is_piece: bool = False

    def _accept(self, part: Path, stream: IO[bytes]) -> None:
        """Check a part; pieces are not synchronized to disk, since the complete file will be."""
        if self.is_piece:
            self.download.accept(part)
        else:
            super()._accept(part, stream)

    async def _write(self, session: aiohttp.ClientSession, part: Path, stream: IO[bytes], bars: Bars) -> None:
        download = self.download
        assert isinstance(download, PiecedDownload)  # noqa: S101 - for the type checker
        try:
            await super()._write(session, part, stream, bars)
        except DiskError:
            raise
        except (RefusedError, FileError) as failure:
            pieces = download.instead(failure)
            if not pieces:
                raise
        else:
            return
        with ExitStack() as stack:
            parts = [await self._piece(piece, stack, session, bars) for piece in _numbered(pieces, download.target)]
            await asyncio.to_thread(download.join, parts, part)
        await self._check(part, stream)

    async def _piece(self, piece: PiecedDownload, stack: ExitStack, session: aiohttp.ClientSession, bars: Bars) -> Path:
        """Download one piece into its own part file, which the stack removes."""
        job = replace(self, download=piece, is_piece=True)
        try:
            return await job._repeated(partial(job._write_new, stack, session, bars), bars)
        except TransientError as error:
            # The attempts are used up: do not repeat the complete file as well.
            text = str(error)
        raise TransferError(text)

    async def _write_new(self, stack: ExitStack, session: aiohttp.ClientSession, bars: Bars) -> Path:
        target = self.download.target
        part, stream = stack.enter_context(new_part(target, self.folders.listing(target.parent)))
        await self._write(session, part, stream, bars)
        return part
