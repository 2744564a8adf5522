"""Reduce files to smaller images: the number of bytes that are needed, and the file with the smaller image."""

from __future__ import annotations

import struct
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.arguments import shown
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header, samples
from sunpy_helio_plugins.helioviewer.jp2.codestream import CodestreamLayout, cut, levels, reductions

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "FIRST_BYTES", "accept", "check_size", "checked", "decoded", "named", "needed", "plan", "reduce", "wrapped",
]  # fmt: skip

FIRST_BYTES = 24_576
"""
The bytes of the first request: the header (4 to 7 kB) and the lengths of the packets (some 15 kB for an image of 4096
pixels in eight layers), which determine how many more bytes a smaller image needs. An image of 512 pixels needs more
than that in any case.
"""

MOST_PIXELS = 80_000_000
"""Maximum of pixels that are decoded: five times those of AIA."""


def needed(size: int, data: bytes) -> int | None:
    """Return how many bytes of a file an image of a size needs, from its beginning; `None` for the complete file."""
    if data[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
        return len(data)
    try:
        start, end = boxes.codestream_at(data)
        header.text_of(data[:start])
    except FileError:
        return None
    layout = CodestreamLayout.read(data[start:end])
    if isinstance(layout, int):
        return start + layout
    if layout is None or not layout.is_by_resolution:
        return None
    halvings = reductions(layout.width, layout.height, layout.levels, size)
    return start + layout.end(halvings) if halvings else None


def reduce(data: bytes, size: int) -> bytes:
    """
    Return a JPEG 2000 file with a smaller image and a corresponding header; raise `FileError` for other files.

    The longer side has at least ``size`` pixels, which are exactly those of the complete image decoded at that
    reduction. ``data`` is the file, or the part that is `needed`.
    """
    start, end = boxes.codestream_at(data)
    text = header.text_of(data)
    layout = CodestreamLayout.read(data[start:end])
    if isinstance(layout, CodestreamLayout) and layout.is_by_resolution:
        halvings = reductions(layout.width, layout.height, layout.levels, size)
        if not halvings:
            return data
        small = cut(data[start:end], layout, halvings)
        if small is not None:
            return _file(data, start, text, small, halvings, (layout.height, layout.width))
    return _encoded(data, start, text, size)


def _file(data: bytes, start: int, text: str, stream: bytes, halvings: int, shape: tuple[int, int]) -> bytes:
    """Wrap the codestream of a halved image in boxes."""
    own = header.replaced(text, header.rescaled(header.keywords(text), halvings, shape))
    return wrapped(data[:start], own, stream, (-(-shape[0] >> halvings), -(-shape[1] >> halvings)))


def wrapped(beginning: bytes, own: str, stream: bytes, sides: tuple[int, int]) -> bytes:
    """Return a file with a codestream, its size (rows, columns), its header, and the other boxes of a beginning."""
    made, placed = [], False
    for kind, content in boxes.contents(beginning):
        if kind == b"jp2h":
            at = _image_header(content)
            content = content[:at] + b"".join(side.to_bytes(4, "big") for side in sides) + content[at + 8 :]
        if kind == b"xml " and not placed:
            content, placed = own.encode(), True
        made.append(header.box(kind, content))
    if not placed:
        made.append(header.box(b"xml ", own.encode()))
    return b"".join([*made, header.box(b"jp2c", stream)])


def _encoded(data: bytes, start: int, text: str, size: int) -> bytes:
    """Decode and encode again without loss, for files whose prefix does not make an image."""
    codestream = _codestream(data)
    steps = levels(codestream)
    width, height = _sides(codestream)
    for halvings in range(reductions(width, height, steps, size), 0, -1):
        small = samples.encoded_smaller(codestream, halvings)
        if small is not None:
            return _file(data, start, text, small, halvings, (height, width))
    samples.decoded(codestream)
    return data


def _codestream(data: bytes) -> bytes:
    """Return the codestream of a file after a check of its size."""
    check_size(data)
    start, end = boxes.codestream_at(data)
    return data[start:end]


def _sides(codestream: bytes) -> tuple[int, int]:
    right, lower, left, upper = struct.unpack_from(">IIII", codestream, 8)
    return right - left, lower - upper


def check_size(data: bytes) -> tuple[int, int]:
    """Return the shape of an image; refuse sizes that contradict each other, or that are larger than any camera's."""
    start, end = boxes.codestream_at(data)
    if end - start < 24 or data[start + 2 : start + 4] != b"\xff\x51":
        raise FileError("The image cannot be decoded: its codestream is damaged.")
    rows, columns = struct.unpack_from(">II", data, _image_header(data[:start]))
    if (columns, rows) != _sides(data[start : start + 24]) or not 0 < rows * columns <= MOST_PIXELS:
        raise FileError(
            f"The image cannot be decoded: its size of {columns} x {rows} pixels differs from that of its codestream, "
            f"or exceeds the limit of {MOST_PIXELS} pixels."
        )
    return rows, columns


def _image_header(data: bytes) -> int:
    """Return the offset of the content of the box with the image's size."""
    at = data.find(b"ihdr") + 4
    if not 4 <= at <= len(data) - 8:
        raise FileError("The JPEG 2000 file does not contain an image header.")
    return at


def decoded(data: bytes) -> np.ndarray:
    """Return the pixels of a file, the upper row first, without applying a palette."""
    return samples.decoded(_codestream(data))


def accept(size: int, part: Path) -> None:
    """Check a downloaded file, or the part that is `needed`, and replace it by one with a smaller image."""
    data = part.read_bytes()
    if data[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
        raise boxes.classified(data[:4096], len(data))
    enough = needed(size, data)
    if enough is None or enough > len(data):
        boxes.accept(part)
    part.write_bytes(reduce(data, size))
    boxes.accept(part)


def plan(size: int) -> dict[str, Any]:
    """Return the arguments of a download of a smaller image."""
    return {"first": FIRST_BYTES, "needed": partial(needed, size), "accept": partial(accept, size)}


def checked(size: Any) -> int | None:
    """Return a valid size in pixels, or `None` for the complete image; raise `QueryError` for other values."""
    if size is None:
        return None
    if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
        raise QueryError(f"The size of an image is a number of pixels such as 512, not {shown(size)}.")
    return int(size)


def named(path: str, size: int | None, region: str = "") -> str:
    """Return the name of a file, with the name of its region and the size of its image if that is reduced."""
    name = path.rpartition("/")[2]
    marks = [one for one in (region, "" if size is None else f"{size}px") if one]
    return ".".join([name.removesuffix(".jp2"), *marks, "jp2"]) if marks else name
