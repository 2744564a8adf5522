"""
Check that a file is the expected JPEG 2000 image.

Helioviewer returns errors with HTTP 200: a page on the rate limit, the text "File not found." with the type image/jp2,
an error object in JSON. A file is accepted if it begins with the signature box, its boxes add up to its size and its
codestream is complete (ISO/IEC 15444-1, annexes A and I).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.transport.messages import server_message
from sunpy_helio_plugins.transport.retry import TransientFileError

__all__ = [
    "SIGNATURE",
    "accept",
    "box_at",
    "boxes",
    "classified",
    "codestream_at",
    "contents",
    "head_of",
    "is_complete",
    "is_rate_limit",
]

SIGNATURE = bytes.fromhex("0000000C6A5020200D0A870A")
END_OF_CODESTREAM = b"\xff\xd9"

_END, _TILE_PART = 0xFFD9, 0xFF90

_ONCE = (b"jP  ", b"ftyp", b"jp2h", b"jp2c")
"""Boxes that a file of one image contains once."""

_BRIEF = 4096


def accept(part: Path) -> None:
    """Check that a downloaded file is one complete JPEG 2000 file; the `FileError` describes what was received."""
    size = part.stat().st_size
    with part.open("rb") as stream:
        if stream.read(len(SIGNATURE)) != SIGNATURE:
            stream.seek(0)
            raise classified(stream.read(_BRIEF), size)
        ends = list(boxes(stream, size))
        kinds = [kind for kind, _ in ends]
        if b"jp2c" not in kinds:
            raise FileError("The JPEG 2000 file does not contain a codestream.")
        if any(kinds.count(kind) > 1 for kind in _ONCE):
            raise TransientFileError("The JPEG 2000 file contains several images, or one twice. Download it again.")
        index = kinds.index(b"jp2c")
        _check_codestream(stream, ends[index - 1][1], ends[index][1])


def is_complete(path: Path) -> bool:
    """Return whether an existing file is one complete JPEG 2000 file."""
    try:
        accept(path)
    except FileError:
        return False
    return True


def _check_codestream(stream: BinaryIO, box: int, end: int) -> None:
    """Follow the tile-parts of a codestream to its end marker, which must end its box (ISO/IEC 15444-1, annex A)."""
    stream.seek(end - len(END_OF_CODESTREAM))
    if stream.read(len(END_OF_CODESTREAM)) != END_OF_CODESTREAM:
        raise TransientFileError(
            "The codestream of the JPEG 2000 file has no end marker: the file was cut or is damaged. Download it again."
        )
    stream.seek(box)
    at = box + (16 if stream.read(4) == b"\0\0\0\1" else 8) + 2
    while at + 12 <= end:
        stream.seek(at)
        marker, length, _, tile_part = struct.unpack(">HHHI", stream.read(10))
        if marker == _END:
            break
        if marker >> 8 != 0xFF:
            raise TransientFileError(f"The codestream of the JPEG 2000 file is damaged after {at} bytes.")
        if marker == _TILE_PART and not tile_part:  # the last one, up to the end marker
            return
        at += tile_part if marker == _TILE_PART else 2 + length
    if at != end - len(END_OF_CODESTREAM):
        raise TransientFileError(
            "The codestream of the JPEG 2000 file does not end where its tiles do: the file was cut, something was "
            "appended, or it is damaged. Download it again."
        )


def boxes(stream: BinaryIO, size: int) -> Iterator[tuple[bytes, int]]:
    """Yield the type and the end of each top-level box; raise `FileError` if the boxes do not add up to the size."""
    offset = 0
    while offset < size:
        stream.seek(offset)
        head = stream.read(16)
        length, kind = head_of(head, size - offset)
        if length < 8 or offset + length > size:
            raise TransientFileError(
                f"The JPEG 2000 file ends inside its box {kind.decode('latin-1')!r}: it has {size} bytes, but "
                f"at least {offset + max(length, 8)} were expected. It was cut; download it again."
            )
        if not all(32 <= byte < 127 for byte in kind):
            raise TransientFileError(
                f"The JPEG 2000 file contains no box after {offset} of its {size} bytes: it is damaged, or something "
                "was appended. Download it again."
            )
        offset += length
        yield kind, offset


def head_of(head: bytes, left: int) -> tuple[int, bytes]:
    """Return the length and the type of a box; 0 means up to the end of the file, 1 that a longer number follows."""
    if len(head) < 8:
        return 0, b"?"
    length, kind = struct.unpack(">I4s", head[:8])
    if length == 1 and len(head) == 16:
        return struct.unpack(">Q", head[8:])[0], kind
    return (left if length == 0 else length), kind


def box_at(data: bytes | memoryview, at: int) -> tuple[int, bytes, int]:
    """Return the length and the type of the box at an offset, and the length of its header."""
    head = bytes(data[at : at + 16])
    length, kind = head_of(head, len(data) - at)
    if length < 8:
        raise FileError(f"The boxes of the JPEG 2000 file are damaged after {at} bytes.")
    return length, kind, 16 if head[:4] == b"\0\0\0\1" else 8


def codestream_at(data: bytes | memoryview) -> tuple[int, int]:
    """Return the start and the end of the codestream in a file or its beginning; raise `FileError` if there is none."""
    at = 0
    while at + 8 <= len(data):
        length, kind, head = box_at(data, at)
        if kind == b"jp2c":
            return at + head, min(at + length, len(data))
        at += length
    raise FileError("The JPEG 2000 file does not contain a codestream.")


def contents(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and the content of each complete box of a file, except the codestream."""
    at = 0
    while at + 8 <= len(data):
        length, kind, head = box_at(data, at)
        if kind != b"jp2c" and at + length <= len(data):
            yield kind, data[at + head : at + length]
        at += length


def is_rate_limit(body: bytes) -> bool:
    """Return whether a body is the page on Helioviewer's rate limit, which has status 200."""
    return b"Limit of" in body and b"exceeded" in body


def classified(body: bytes, size: int) -> FileError:
    """
    Return the error for a file that is not an image, from its beginning and its size in bytes.

    It describes what was received, and is a `TransientFileError` if another request may help.
    """
    words = server_message(body)
    start = body.lstrip()[:1]
    if not size:
        return TransientFileError("The downloaded file is empty.")
    if is_rate_limit(body):
        text = f"Helioviewer's rate limit is reached; wait a minute and download again. Its message: {words}"
        return TransientFileError(text, float(conf.helioviewer.rate_limit_wait))
    if body.startswith(b"File not found"):
        return FileError("Helioviewer lists this image, but its file does not exist (message: File not found.).")
    if start in (b"{", b"["):
        return FileError(f"Helioviewer returned an error instead of the image: {words or body[:100]!r}")
    if start == b"<":
        return TransientFileError(f"Helioviewer returned a page instead of the image: {words}")
    return FileError(f"This is not a JPEG 2000 file: its {size} bytes begin with {body[:12]!r}.")
