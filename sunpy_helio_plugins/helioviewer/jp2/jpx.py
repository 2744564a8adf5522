"""
The frames of a JPX file: images in the file, or references to images in other files (ISO/IEC 15444-2, annexes M and N).

Each frame becomes a file of its own, with the codestream and the header of the frame. References are paths on the
server that made the file: of Helioviewer's, the part below the folder of images is the same in the archive.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

import numpy as np

from sunpy_helio_plugins.arguments import address_parts
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header
from sunpy_helio_plugins.helioviewer.jp2.samples import Components

__all__ = ["Frame", "brand_of", "frames", "is_jpx"]

_BEGINNING = 64
_MOST_BOXES = 100_000
"""Boxes of a file: more than 20 for each of the 1000 frames that Helioviewer puts into one."""

_MOST_COMPONENTS = 16384
"""Components of an image in the standard."""

_DEEPEST = 10
"""Associations within each other."""

_IN_ARCHIVE = re.compile(r"/[^/]+/\d{4}/\d{2}/\d{2}/[^/]+/[^/]+\.jp2$")
"""The path of an image in Helioviewer's archive: source, date, measurement, name."""

Place = tuple[int, int]
"""The start and the end of the content of a box."""


@dataclass(frozen=True)
class Frame:
    """
    A frame of a JPX file.

    Attributes
    ----------
    number : int
        Its place in the file, from 1.
    text : str
        The text of its header; empty if it does not have one.
    place : tuple of int
        The start and the end of its codestream, in this file or in the one that it refers to.
    link : str
        The reference to another file; empty if the frame is in this one.
    """

    number: int
    text: str
    place: Place
    link: str = ""

    @property
    def path(self) -> str | None:
        """The path in Helioviewer's archive of the image that the frame refers to; `None` if it is not one."""
        found = _IN_ARCHIVE.search(unquote(address_parts(self.link).path))
        return found[0] if found else None

    @property
    def name(self) -> str:
        """The name of the file that the frame refers to."""
        return unquote(address_parts(self.link).path).rpartition("/")[2]

    def file(self, stream: BinaryIO) -> bytes:
        """Return a JP2 file with the frame alone, from the open file that contains it."""
        stream.seek(self.place[0])
        codestream = stream.read(self.place[1] - self.place[0])
        components = Components.read(codestream)
        right, lower, left, upper = struct.unpack_from(">IIII", codestream, 8)
        if right <= left or lower <= upper or components.number > _MOST_COMPONENTS:
            raise FileError("The image cannot be decoded: its codestream is damaged.")
        depth = components.bits - 1 | (0x80 if components.is_signed else 0)
        size = struct.pack(">IIHBBBB", lower - upper, right - left, components.number, depth, 7, 1, 0)
        colour = bytes([1, 0, 0]) + (17 if components.number < 3 else 16).to_bytes(4, "big")
        made = [
            boxes.SIGNATURE,
            header.box(b"ftyp", b"jp2 \0\0\0\0jp2 "),
            header.box(b"jp2h", header.box(b"ihdr", size) + header.box(b"colr", colour)),
            header.box(b"xml ", self.text.encode()),
            header.box(b"jp2c", codestream),
        ]
        return b"".join(made)


def brand_of(data: bytes) -> str:
    """Return the kind of a file of the JPEG 2000 family by its beginning: "jp2", "jpx", "mjp2"; else empty."""
    is_one = data[: len(boxes.SIGNATURE)] == boxes.SIGNATURE and data[16:20] == b"ftyp"
    return data[20:24].decode("latin-1").strip() if is_one else ""


def is_jpx(file: Path) -> bool:
    """Return whether a file is a JPX, which may contain several images."""
    with file.open("rb") as stream:
        return brand_of(stream.read(_BEGINNING)) == "jpx"


def frames(file: Path) -> list[Frame]:
    """Return the frames of a JPX file; raise `FileError` if it is damaged or does not contain any."""
    with file.open("rb") as stream:
        try:
            return _frames(stream, file.stat().st_size)
        except (struct.error, IndexError) as error:
            raise FileError("The boxes of the JPX file are damaged.") from error


def _frames(stream: BinaryIO, size: int) -> list[Frame]:
    places: list[tuple[Place, int]] = []
    texts: dict[int, str] = {}
    links: list[str] = []
    for kind, start, end in _boxes(stream, 0, size):
        match kind:
            case b"jp2c":
                places.append(((start, end), 0))
            case b"ftbl":
                places.append(_fragment(stream, start, end, size))
            case b"dtbl":
                links = _references(stream, start, end)
            case b"asoc":
                texts |= dict(_headers(stream, start, end))
            case b"xml ":
                texts.setdefault(0, _text(stream, start, end))
    if not places:
        raise FileError("The JPX file does not contain a frame.")
    return [_made(number, texts.get(number, ""), *place, links) for number, place in enumerate(places)]


def _made(number: int, text: str, place: Place, reference: int, links: list[str]) -> Frame:
    if reference > len(links):
        raise FileError("The JPX file refers to a file that it does not name.")
    return Frame(number + 1, text, place, links[reference - 1] if reference else "")


def _boxes(stream: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type of each box, and the start and the end of its content."""
    at, count = start, 0
    while at < end:
        beginning = _read(stream, at, at + 16)
        length, kind = boxes.head_of(beginning, end - at)
        before = 16 if beginning[:4] == b"\0\0\0\1" else 8
        count += 1
        if length < before or at + length > end or count > _MOST_BOXES:
            raise FileError(f"The JPX file ends inside its box {kind.decode('latin-1')!r}: it was cut or is damaged.")
        yield kind, at + before, at + length
        at += length


def _read(stream: BinaryIO, start: int, end: int) -> bytes:
    stream.seek(start)
    return stream.read(end - start)


def _text(stream: BinaryIO, start: int, end: int) -> str:
    return _read(stream, start, end).decode("utf-8", "replace").strip("\0 \n\r\t\ufeff")


def _fragment(stream: BinaryIO, start: int, end: int, size: int) -> tuple[Place, int]:
    """Return the place of a codestream, and the number of the file that contains it; 0 is this file."""
    for kind, first, last in _boxes(stream, start, end):
        if kind == b"flst":
            count, offset, length, reference = struct.unpack_from(">HQIH", _read(stream, first, last))
            if count != 1:
                raise FileError(f"A frame of the JPX file is in {count} parts, which is not supported.")
            if not reference and offset + length > size:
                raise FileError("A frame lies beyond the end of the JPX file: it was cut or is damaged.")
            return (offset, offset + length), reference
    raise FileError("A frame of the JPX file does not refer to an image.")


def _references(stream: BinaryIO, start: int, end: int) -> list[str]:
    """Return the files to which the frames refer."""
    (count,) = struct.unpack(">H", _read(stream, start, start + 2))
    found = []
    for kind, first, last in _boxes(stream, start + 2, end):
        if kind == b"url ":
            found.append(_read(stream, first + 4, last).split(b"\0")[0].decode("utf-8", "replace"))
    if len(found) != count:
        raise FileError(f"The JPX file names {len(found)} of the {count} files that it refers to.")
    return found


def _headers(stream: BinaryIO, start: int, end: int, depth: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the numbers of codestreams and their headers, which are associated with them."""
    numbers: list[int] = []
    for kind, first, last in _boxes(stream, start, end):
        if kind == b"nlst":
            listed = np.frombuffer(_read(stream, first, last - (last - first) % 4), ">u4")
            numbers = [int(one) & 0xFFFFFF for one in listed if one >> 24 == 1]
        elif kind == b"xml ":
            text = _text(stream, first, last)
            yield from ((number, text) for number in numbers)
        elif kind == b"asoc" and depth < _DEEPEST:
            yield from _headers(stream, first, last, depth + 1)
