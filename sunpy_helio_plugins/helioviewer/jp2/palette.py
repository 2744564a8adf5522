"""
Let `sunpy.map.Map` read Helioviewer's files with a palette or with several images.

SWAP's files have a palette. glymur applies it, and sunpy reads the rows of the image with three colours as a map with
three columns; a JPX with several images fails in sunpy. This module is imported right after sunpy's reader of JPEG 2000
files. That reader then reads the samples instead of the colours of the display, and each image in a JPX, if the file
has a header of Helioviewer's form. All other files are read as before.
"""

from __future__ import annotations

import os
from functools import wraps
from pathlib import Path
from typing import Any

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2 import header, jpx, reduce
from sunpy_helio_plugins.helioviewer.jp2.boxes import contents

__all__ = ["has_frames", "has_palette", "install"]

_BEGINNING = 1 << 18
"""Bytes that contain the boxes before the codestream."""


def has_palette(file: str | os.PathLike[str]) -> bool:
    """Return whether a file is from Helioviewer and has a palette."""
    try:
        with Path(file).open("rb") as stream:
            data = stream.read(_BEGINNING)
        boxes = dict(contents(data))
        return b"pclr" in dict(contents(boxes.get(b"jp2h", b""))) and "<meta" in header.text_of(data)[:200]
    except (OSError, FileError):
        return False


def has_frames(file: str | os.PathLike[str]) -> bool:
    """Return whether a file is a JPX of Helioviewer that contains images or refers to them."""
    try:
        return jpx.is_jpx(Path(file)) and any("<meta" in frame.text[:200] for frame in jpx.frames(Path(file)))
    except (OSError, FileError):
        return False


def _frames(path: Path) -> list[Any]:
    """Return the images in a JPX, and their headers."""
    from sunpy.io._header import FileHeader
    from sunpy.util.io import HDPair

    frames = jpx.frames(path)
    if any(frame.link for frame in frames):
        raise FileError(
            f"{path.name} refers to images in other files: sunpy_helio_plugins.helioviewer.read opens them, beside "
            "this file or from Helioviewer's archive."
        )
    found = []
    with path.open("rb") as stream:
        for frame in frames:
            pixels = reduce.decoded(frame.file(stream))
            found.append(HDPair(pixels[::-1], FileHeader({**header.keywords(frame.text), "KEYCOMMENTS": {}})))
    return found


def install() -> bool:
    """Let sunpy's reader of JPEG 2000 read these files of Helioviewer; return whether this call changed it."""
    from sunpy.io import _jp2

    plain = getattr(_jp2, "read", None)
    if plain is None or getattr(plain, "leaves_palettes", False):
        return False

    @wraps(plain)
    def read(filepath: Any, **kwargs: Any) -> Any:
        if has_frames(filepath):
            return _frames(Path(filepath))
        if not has_palette(filepath):
            return plain(filepath, **kwargs)
        from glymur import Jp2k
        from sunpy.util.io import HDPair

        picture = Jp2k(filepath)
        picture.ignore_pclr_cmap_cdef = True
        return [HDPair(picture[...][::-1], _jp2.get_header(filepath)[0])]

    read.leaves_palettes = True  # type: ignore[attr-defined]
    _jp2.read = read
    return True


install()
