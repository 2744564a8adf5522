"""
Let `sunpy.map.Map` read the samples of a Helioviewer file with a palette, instead of the colours of the display.

SWAP's files have a palette. glymur applies it, and sunpy reads the rows of the image with three colours as a map with
three columns. This module is imported right after sunpy's reader of JPEG 2000 files; that reader then lets glymur
ignore the palette in files that have one together with a header of Helioviewer's form. All other files are read as
before.
"""

from __future__ import annotations

import os
from functools import wraps
from pathlib import Path
from typing import Any

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer.jp2 import header
from sunpy_helio_plugins.helioviewer.jp2.boxes import contents

__all__ = ["has_palette", "install"]

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


def install() -> bool:
    """Let sunpy's reader of JPEG 2000 ignore palettes in Helioviewer's files; return whether this call changed it."""
    from sunpy.io import _jp2

    plain = getattr(_jp2, "read", None)
    if plain is None or getattr(plain, "leaves_palettes", False):
        return False

    @wraps(plain)
    def read(filepath: Any, **kwargs: Any) -> Any:
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
