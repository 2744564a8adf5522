"""
Cut a region out of a file: the parts of the file that it needs, and a file with the region alone.

If the file gives the lengths of its packets (PLT markers), only those of the region are needed; the part of the file
that is given may have gaps elsewhere. The pixels of the region equal those of the complete image, also at a reduced
size. They are encoded again without loss, since a codestream cannot contain a part of another one: its precincts and
wavelets extend beyond the region.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, TypeAlias

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2 import boxes, codestream, header, packets, reduce, samples
from sunpy_helio_plugins.helioviewer.jp2.codestream import CodestreamLayout
from sunpy_helio_plugins.helioviewer.jp2.packets import ImageBox, Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["CROP", "RegionCut"]

CROP = "HV_CROP"
"""The keyword for a part of an image: its edges in the complete one."""

_THUMBNAIL = 64
"""Pixels of a small version of the complete image, whose packets are taken with those of the region."""

_MARKERS = 65_536
"""Bytes of a codestream that contain its size and its levels."""

Locate = Callable[[dict[str, Any], tuple[int, int]], ImageBox]
"""Returns the part of an image with a region, from its keywords and its shape (rows, columns)."""

Describe = Callable[["np.ndarray", dict[str, Any]], dict[str, str]]
"""Returns keywords that describe a complete image, from its samples and keywords."""


class _Cut(NamedTuple):
    """The place of a region in a file."""

    start: int
    text: str
    layout: CodestreamLayout | None
    shape: tuple[int, int]
    box: ImageBox
    halvings: int
    levels: int

    @property
    def is_by_packets(self) -> bool:
        """Whether the packets of the region can be separated from the others."""
        return self.layout is not None and self.layout.can_be_halved(self.halvings)

    @property
    def small(self) -> ImageBox:
        """The region in the halved image."""
        return self.box.halved(self.halvings)

    def chosen(self) -> NDArray[np.bool_]:
        """Return which packets contain the region."""
        assert self.layout is not None  # noqa: S101 - for the type checker
        return packets.selected(self.layout, self.halvings, self.small, _THUMBNAIL)


_Found: TypeAlias = _Cut | int | None
"""The place of a region, the bytes of the beginning of a file that are needed for it, or `None` for all of them."""


def _enough(found: _Found) -> int | None:
    """Return how many bytes of the beginning of a file determine the parts; `None` for the complete file."""
    if isinstance(found, _Cut):
        return None if found.layout is None else found.start + found.layout.packets
    return found


@dataclass(frozen=True)
class RegionCut:
    """
    A region to cut out of files.

    Attributes
    ----------
    locate : callable
        Takes the keywords and the shape of an image, and returns the region in pixels.
    size : int or None
        The minimum number of pixels of the longer side of the region; `None` for its full resolution.
    describe : callable or None
        Takes the samples and the keywords of a small version of the complete image, and returns keywords for the
        header of the region, by which its values can be checked.
    halvings : int or None
        How often an image is halved, instead of a size.
    """

    locate: Locate
    size: int | None = None
    describe: Describe | None = None
    halvings: int | None = None

    def plan(self) -> dict[str, Any]:
        """Return the arguments of a download of the region."""
        return {"first": reduce.FIRST_BYTES, "needed": self.needed, "parts": self.parts, "accept": self.accept}

    def needed(self, data: bytes) -> int | None:
        """Return how many bytes of the beginning of a file determine the parts; `None` for the complete file."""
        return _enough(self._found(data))

    def parts(self, data: bytes) -> list[Span] | None:
        """Return the ranges of bytes of a file that the region needs; `None` for the complete file."""
        found = self._found(data)
        if not isinstance(found, _Cut) or found.layout is None or not found.is_by_packets:
            return None
        spans = packets.spans(found.layout, found.chosen())
        return [(found.start + first, found.start + last) for first, last in spans]

    def pixels(self, stream: BinaryIO) -> tuple[np.ndarray, str]:
        """Return the samples of the region in an open file, the upper row first, and the text of its header."""
        return self._read(stream)[1:]

    def cropped(self, stream: BinaryIO) -> bytes:
        """Return a file with the region alone, from an open file."""
        cut, values, text = self._read(stream)
        stream.seek(0)
        beginning = stream.read(cut.start)
        bits = samples.Components.read(stream.read(_MARKERS)).bits
        made = samples.encoded(values) if bits == 8 * values.itemsize else None
        if made is None:
            raise FileError(
                f"A region of this image cannot be saved, since its samples are {values.dtype} with {bits} bits and of "
                f"shape {values.shape}. Fetch the complete file."
            )
        return reduce.wrapped(beginning, text, made, (values.shape[0], values.shape[1]))

    def accept(self, part: Path) -> None:
        """Check a downloaded file, or its parts, and replace it by a file with the region."""
        with part.open("rb") as stream:
            beginning = self._beginning(stream)[0]
            if beginning[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
                raise boxes.classified(beginning[:4096], part.stat().st_size)
            if self.parts(beginning) is None:
                boxes.accept(part)
            made = self.cropped(stream)
        part.write_bytes(made)
        boxes.accept(part)

    def _beginning(self, stream: BinaryIO) -> tuple[bytes, _Found]:
        """Return the first bytes of an open file that determine the parts, or the complete file, and the place."""
        stream.seek(0)
        data = stream.read(reduce.FIRST_BYTES)
        while (want := _enough(found := self._found(data))) is None or want > len(data):
            more = stream.read() if want is None else stream.read(want - len(data))
            if not more:
                break
            data += more
        return data, found

    def _read(self, stream: BinaryIO) -> tuple[_Cut, np.ndarray, str]:
        """Return the place, the samples and the header of the region."""
        data, found = self._beginning(stream)
        if data[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
            raise boxes.classified(data[:4096], len(data))
        cut = found if isinstance(found, _Cut) else self._place(data)
        if not isinstance(cut, _Cut):
            raise FileError("The image cannot be decoded: its markers were cut or are damaged.")
        if not cut.is_by_packets:
            data += stream.read()
            stream_ = data[slice(*boxes.codestream_at(data))]
            return (
                cut,
                samples.decoded_part(stream_, cut.small, cut.halvings),
                self._text(cut, partial(_whole, stream_)),
            )

        def read(first: int, last: int) -> bytes:
            stream.seek(cut.start + first)
            found = stream.read(last - first)
            if len(found) < last - first:
                raise FileError("The image cannot be decoded: it was cut.")
            return found

        assert cut.layout is not None  # noqa: S101 - for the type checker
        own = packets.extracted(read, cut.layout, cut.halvings, cut.chosen())
        values = samples.decoded_part(own, cut.small)
        return cut, values, self._text(cut, partial(_small, cut.layout, read))

    def _text(self, cut: _Cut, small: Callable[[int, ImageBox], np.ndarray]) -> str:
        """Return the header of the region; ``small`` returns the samples of the complete image at a reduction."""
        more = {CROP: f"{' '.join(map(str, cut.box))} of {cut.shape[1]} {cut.shape[0]}"}
        halvings = packets.halvings_to(_THUMBNAIL, cut.shape, cut.levels)
        if self.describe is not None and (cut.layout is None or cut.layout.can_be_halved(halvings)):
            keys = header.keywords(cut.text)
            halved = {**keys, **header.rescaled(keys, halvings, cut.shape)}
            more |= self.describe(small(halvings, ImageBox(0, 0, *cut.shape[::-1]).halved(halvings)), halved)
        return header.added(_cropped(cut), more)

    def _found(self, data: bytes) -> _Found:
        """Return the place of the region, the bytes that are needed for it, or `None` if the complete file is."""
        if data[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
            return len(data)
        try:
            start, _ = boxes.codestream_at(data)
            header.text_of(data[:start])
        except FileError:
            return None
        return self._place(data)

    def _place(self, data: bytes) -> _Cut | int:
        start, end = boxes.codestream_at(data)
        text = header.text_of(data)
        layout = CodestreamLayout.read(data[start:end])
        if isinstance(layout, int):
            return start + layout
        shape = reduce.check_size(data)
        box = self.locate(header.keywords(text), shape)
        levels = codestream.levels(data[start:end])
        halvings = self.halvings or 0
        if self.size is not None:
            halvings = codestream.reductions(*box.shape, levels, self.size)
        if halvings > levels:
            raise FileError(f"The image can be halved {levels} times, but not {halvings} times.")
        return _Cut(start, text, layout, shape, box, halvings, levels)


def _small(layout: CodestreamLayout, read: Callable[[int, int], bytes], halvings: int, whole: ImageBox) -> np.ndarray:
    """Return the samples of the complete image at a reduction, from its packets."""
    chosen = packets.selected(layout, halvings, whole)
    return samples.decoded_part(packets.extracted(read, layout, halvings, chosen), whole)


def _whole(stream: bytes, halvings: int, whole: ImageBox) -> np.ndarray:
    """Return the samples of the complete image at a reduction."""
    return samples.decoded_part(stream, whole, halvings)


def _cropped(found: _Cut) -> str:
    """Return the header with the coordinates of the region."""
    keys = header.keywords(found.text)
    halved = header.rescaled(keys, found.halvings, found.shape)
    rows, columns = (-(-side >> found.halvings) for side in found.shape)
    own = {**halved, **header.cropped({**keys, **halved}, found.small, (rows, columns))}
    return header.replaced(found.text, own)
