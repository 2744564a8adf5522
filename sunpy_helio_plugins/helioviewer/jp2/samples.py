"""
Decode the samples of a JPEG 2000 codestream, without applying a palette, channel definition or colour space.

The boxes of a JP2 file may define that the samples are indices into a palette of colours (pclr and cmap; SWAP's files
have one) or components of a colour space (ISO/IEC 15444-1, annex I.5.3). A palette only defines how to display an
image: its brightness is in the samples themselves.
"""

from __future__ import annotations

import contextlib
import io
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.errors import FileError, MissingDependencyError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Components", "decoded", "decoded_part", "encoded", "encoded_smaller"]

_FAILURES = (OSError, SyntaxError, ValueError, MemoryError, struct.error, KeyError, IndexError)
"""Exceptions of Pillow if it cannot decode or encode an image."""


@dataclass(frozen=True)
class Components:
    """
    The components of a codestream.

    Attributes
    ----------
    number : int
        The number of components: one for a grey image.
    bits : int
        Bits of a sample.
    is_signed : bool
        Whether samples may be negative.
    """

    number: int
    bits: int
    is_signed: bool

    @classmethod
    def read(cls, codestream: bytes) -> Components:
        """Read the marker segment SIZ; raise `FileError` if it is damaged or the components are not supported."""
        try:
            (number,) = struct.unpack_from(">H", codestream, 40)
            found = {struct.unpack_from(">BBB", codestream, 42 + 3 * k) for k in range(number)}
        except struct.error:
            found = set()
        if not found:
            raise FileError("The image cannot be decoded: its codestream is damaged.")
        if len(found) > 1:
            raise FileError(f"The {number} components of the image differ in size or bits, which is not supported.")
        depth, *steps = next(iter(found))
        bits, is_signed = (depth & 0x7F) + 1, bool(depth & 0x80)
        if steps != [1, 1] or bits > 16:
            raise FileError(
                f"Samples of {bits} bits at every {steps[0]} x {steps[1]} pixels are not supported; at most 16 bits at "
                "every pixel are."
            )
        return cls(number, bits, is_signed)


def decoded(codestream: bytes) -> np.ndarray:
    """
    Return the samples of a codestream, the upper row first; raise `FileError` if it is damaged or not supported.

    They are integers of 8 or 16 bits, signed or not, of shape (rows, columns) or (rows, columns, components).
    """
    return _decoded(codestream, 0)


def _decoded(codestream: bytes, halvings: int) -> np.ndarray:
    import numpy as np

    components = Components.read(codestream)
    with _opened(codestream) as picture:
        picture.reduce = halvings
        try:
            picture.load()
        except _FAILURES as error:
            raise FileError(f"The image cannot be decoded: it was cut or is damaged ({error}).") from error
        values = np.asarray(picture)
    if components.bits in (8, 16) and not components.is_signed:
        return values
    # Pillow aligns samples to the upper bits of 8 or 16, and shifts signed ones to zero and above.
    width = 8 * values.itemsize
    moved = (values >> (width - components.bits)).astype(np.int32)
    if not components.is_signed:
        return moved.astype(values.dtype)
    return (moved - (1 << (components.bits - 1))).astype(f"i{values.itemsize}")


def decoded_part(codestream: bytes, edges: tuple[int, int, int, int], halvings: int = 0) -> np.ndarray:
    """
    Return the samples of a part of an image that is halved a number of times; see `decoded`.

    ``edges`` are the left, upper, right and lower edge, in pixels of the smaller image. With glymur, only the
    code-blocks of the part are decoded; without it, the complete image.
    """
    left, upper, right, lower = edges
    Components.read(codestream)
    # The areas of glymur are on the grid of the codestream, at whose origin the image may not be.
    reader = _area_reader() if codestream[16:24] == bytes(8) else None
    if reader is None:
        return _decoded(codestream, halvings)[upper:lower, left:right]
    with _file_of(codestream) as path:
        try:
            picture = reader(path)
            step, (height, width) = 2**halvings, picture.shape[:2]
            rows = slice(upper * step, min(lower * step, height), step)
            columns = slice(left * step, min(right * step, width), step)
            part: np.ndarray = picture[rows, columns]
        except Exception as error:  # glymur raises what it meets in damaged markers
            raise FileError(f"The image cannot be decoded: it was cut or is damaged ({error}).") from error
    return part


@contextlib.contextmanager
def _file_of(codestream: bytes) -> Iterator[Path]:
    """Write a codestream to a temporary file, which glymur needs."""
    number, name = tempfile.mkstemp(".j2k")
    try:
        with open(number, "wb") as stream:
            stream.write(codestream)
        yield Path(name)
    finally:
        Path(name).unlink()


def _area_reader() -> Any:
    """Return glymur's class of images, or `None` if glymur or its OpenJPEG is not installed."""
    try:
        from glymur import Jp2k
        from glymur.lib import openjp2
    except ImportError:
        return None
    return Jp2k if openjp2.OPENJP2 is not None else None


def encoded(values: np.ndarray) -> bytes | None:
    """Return unsigned samples as a codestream without loss, or `None` if Pillow cannot encode them."""
    components = 1 if values.ndim == 2 else values.shape[2]
    if (components, 8 * values.itemsize) not in _ENCODED or values.dtype.kind != "u":
        return None
    from PIL import Image

    out = io.BytesIO()
    resolutions = max(min(6, min(values.shape[:2]).bit_length() - 1), 1)
    try:
        picture = Image.fromarray(values)
        picture.save(out, format="JPEG2000", irreversible=False, num_resolutions=resolutions, no_jp2=True, mct=0)
    except _FAILURES:
        return None
    return out.getvalue()


def encoded_smaller(codestream: bytes, halvings: int) -> bytes | None:
    """
    Return a codestream with an image decoded at a reduction and encoded without loss; `None` if Pillow cannot encode
    it.

    It cannot for odd sizes and some layouts of samples.
    """
    components = Components.read(codestream)
    if components.bits not in (8, 16) or (components.number, components.bits) not in _ENCODED:
        return None
    out = io.BytesIO()
    with _opened(codestream) as picture:
        picture.reduce = halvings
        try:
            picture.load()
            resolutions = max(min(6, min(picture.size).bit_length() - 1), 1)
            picture.save(out, format="JPEG2000", irreversible=False, num_resolutions=resolutions, no_jp2=True)
        except _FAILURES:
            return None
    made = bytearray(out.getvalue())
    if components.is_signed:
        # Pillow has shifted the samples by half their range: setting the sign flag shifts them back.
        for number in range(components.number):
            made[42 + 3 * number] |= 0x80
    return bytes(made)


_ENCODED = {(1, 8), (1, 16), (3, 8), (4, 8)}
"""Components and bits of images that Pillow encodes unchanged."""


def _opened(codestream: bytes) -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingDependencyError("Decoding JPEG 2000 images", "jpeg2000") from error
    try:
        return Image.open(io.BytesIO(codestream), formats=["JPEG2000"])
    except _FAILURES as error:
        raise FileError(f"The image cannot be decoded: {error}.") from error
