"""
Check that a file that Helioviewer made is complete and of the right kind: a screenshot, a movie, a JPX.

Errors have status 200 here, too: a JSON object instead of a movie that is not finished, an empty body instead of a JPX
that could not be made.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2 import boxes
from sunpy_helio_plugins.quantities.exact import exact_json
from sunpy_helio_plugins.store.streams import is_doubled, is_whole_png
from sunpy_helio_plugins.transport.messages import server_message
from sunpy_helio_plugins.transport.retry import TransientFileError

__all__ = ["KINDS", "NotMadeError", "accept"]

_PNG_START = b"\x89PNG\r\n\x1a\n"
_EBML = b"\x1a\x45\xdf\xa3"
_BRIEF = 4096


class NotMadeError(FileError):
    """Helioviewer reports, instead of a file, that the file does not exist, or not yet."""


def accept(what: str, kind: str, part: Path) -> None:
    """
    Check that a downloaded file is complete and one of `KINDS`; ``what`` is the subject of the error messages.

    An error in JSON is a `NotMadeError`, and everything else a `FileError`.
    """
    size = part.stat().st_size
    with part.open("rb") as stream:
        start = stream.read(_BRIEF)
        if not _BEGINS[kind](start):
            raise _instead(what, kind, start)
        if not KINDS[kind](stream, size):
            raise TransientFileError(
                f"{what} returned {size} bytes of an incomplete {kind}: it was cut or is damaged. Download it again."
            )


def _instead(what: str, kind: str, start: bytes) -> FileError:
    words = f"{what} did not return a {kind}: {server_message(start) or 'an empty file'}"
    if boxes.is_rate_limit(start):
        return TransientFileError(words, float(conf.helioviewer.rate_limit_wait))
    try:
        told = exact_json(start)
    except ValueError:
        return FileError(words)
    return NotMadeError(words) if isinstance(told, dict) and told.get("error") else FileError(words)


def _png_ends(stream: BinaryIO, size: int) -> bool:
    stream.seek(0)
    return is_whole_png(stream.read())


def _holds(once: bytes, *needed: bytes) -> Callable[[BinaryIO, int], bool]:
    """
    Return a check of the boxes in JPX and mp4.

    They have to add up to the file's size, to include one of certain types, and to include another type only once.
    """

    def check(stream: BinaryIO, size: int) -> bool:
        try:
            kinds = [kind for kind, _ in boxes.boxes(stream, size)]
        except FileError:
            return False
        return bool({*kinds} & {*needed}) and kinds.count(once) <= 1

    return check


def _any_end(stream: BinaryIO, size: int) -> bool:
    """Accept any end of a WebM that is not the same one twice: if it was streamed, it does not contain its length."""
    stream.seek(0)
    return not is_doubled(stream.read())


_BEGINS: dict[str, Callable[[bytes], bool]] = {
    "PNG": lambda start: start.startswith(_PNG_START),
    "mp4": lambda start: start[4:8] == b"ftyp",
    "webm": lambda start: start.startswith(_EBML),
    "JPX": lambda start: start.startswith(boxes.SIGNATURE),
}

KINDS: dict[str, Callable[[BinaryIO, int], bool]] = {
    "PNG": _png_ends,
    "mp4": _holds(b"ftyp", b"moov"),
    "webm": _any_end,
    "JPX": _holds(b"jP  ", b"jp2c", b"ftbl", b"jpch"),
}
"""The kinds of files, each with a check that a file is complete."""
