"""Drawings of the embedded Helioviewer: layers of images as PNG and JPEG."""

from __future__ import annotations

import io
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.sandbox.helioviewer import holdings, jp2
from sunpy_helio_plugins.sandbox.helioviewer.input import ActionError, Layer

if TYPE_CHECKING:
    import numpy as np

__all__ = ["drawn", "encoded", "nearest"]

TINTS = {
    "304": (1.0, 0.45, 0.25), "193": (1.0, 0.8, 0.5), "white-light": (1.0, 0.7, 0.4), "195": (0.6, 1.0, 0.6),
}  # fmt: skip
"""Colours of the brightest pixels, by measurement."""

# Left, top, right and bottom in arcseconds from the Sun's centre, south and west positive, and arcseconds per pixel.
Box = tuple[float, float, float, float, float]


def nearest(source_id: int, when: datetime) -> holdings.Image:
    """Return the image nearest to a time, however far it is."""
    image = holdings.closest(source_id, when)
    if image is None:
        raise ActionError("No data of the requested type () are currently available.", 10)
    return image


def drawn(layers: list[Layer], when: datetime, box: Box) -> np.ndarray:
    """Draw layers over each other, the lowest first, each with the image nearest to the time."""
    import numpy as np

    left, top, right, bottom, scale = box
    x = left + scale * (np.arange(max(round((right - left) / scale), 1)) + 0.5)
    y = top + scale * (np.arange(max(round((bottom - top) / scale), 1)) + 0.5)
    canvas = np.zeros((y.size, x.size, 3))
    for layer in layers:
        image = nearest(layer.source_id, when)
        grey = _pixels(image)
        columns, rows = (np.floor(axis / image.source.scale + image.source.size / 2).astype(int) for axis in (x, y))
        inside = _within(rows, grey.shape[0])[:, None] & _within(columns, grey.shape[1])[None, :]
        picked = grey[np.ix_(rows.clip(0, grey.shape[0] - 1), columns.clip(0, grey.shape[1] - 1))]
        alpha = np.where(inside & (picked > 0), layer.opacity / 100, 0.0)[..., None]
        tint = np.array(TINTS.get(image.source.measurement, (1.0, 1.0, 1.0)))
        canvas = (1 - alpha) * canvas + alpha * picked[..., None] * tint
    return canvas.clip(0, 255).astype(np.uint8)


def _within(positions: np.ndarray, size: int) -> np.ndarray:
    found: np.ndarray = (positions >= 0) & (positions < size)
    return found


def _pixels(image: holdings.Image) -> np.ndarray:
    if image.picture is None:
        raise ActionError(f"Unable to decode {image.path}: the file does not exist.", 14)
    return _decoded(image.picture)


@lru_cache(maxsize=4)
def _decoded(picture: str) -> np.ndarray:
    import numpy as np
    from PIL import Image as Pictures

    with Pictures.open(jp2.DATA / f"{picture}.jp2") as opened:
        return np.asarray(opened.convert("L"))


def encoded(pixels: np.ndarray, kind: str, label: str = "") -> bytes:
    """Return an RGB drawing of type uint8 as PNG or JPEG, with a label in the lower left corner."""
    from PIL import Image as Pictures
    from PIL import ImageDraw

    picture: Any = Pictures.fromarray(pixels)
    if label:
        ImageDraw.Draw(picture).text((4, pixels.shape[0] - 14), label, fill=(200, 200, 200))
    out = io.BytesIO()
    picture.save(out, format=kind)
    return out.getvalue()
