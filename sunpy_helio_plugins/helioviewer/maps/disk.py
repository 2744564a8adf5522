"""Find the pixels of an image on the solar disk, from the geometry in the header."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.errors import FileError

if TYPE_CHECKING:
    import numpy as np

__all__ = ["area", "on_disk"]


def on_disk(keys: Mapping[str, Any], shape: tuple[int, int], margin: float = 0.0) -> np.ndarray:
    """
    Return whether the centre of each pixel is within the header's limb, RSUN_OBS, around the centre of the Sun.

    The keywords are in upper case, the shape is (rows, columns), and the upper row is the first. A ``margin`` in pixels
    is subtracted from the radius. A header without the geometry is a `FileError`.
    """
    import numpy as np

    x_ref, y_ref, x_step, y_step = (_number(keys, key) for key in ("CRPIX1", "CRPIX2", "CDELT1", "CDELT2"))
    radius = _number(keys, "RSUN_OBS")
    if not radius > 0:
        raise FileError(f"The header's RSUN_OBS is {radius}: the radius of the disk is unknown.")
    # The centre of the Sun, from the reference pixel, before the image's rotation: the distance of two vectors does not
    # change if both are rotated.
    x_sun, y_sun = -np.linalg.solve(_rotation(keys), [keys.get("CRVAL1", 0), keys.get("CRVAL2", 0)])
    x = (np.arange(1, shape[1] + 1) - x_ref) * x_step - x_sun
    y = (np.arange(shape[0], 0, -1) - y_ref) * y_step - y_sun
    return np.asarray(x[None, :] ** 2 + y[:, None] ** 2 <= max(radius - margin * abs(x_step), 0) ** 2)


def area(keys: Mapping[str, Any]) -> float:
    """Return the area of the solar disk in pixels, by the header's geometry."""
    import numpy as np

    x_step, y_step, radius = (_number(keys, key) for key in ("CDELT1", "CDELT2", "RSUN_OBS"))
    return float(np.pi * radius**2 / abs(x_step * y_step))


def _rotation(keys: Mapping[str, Any]) -> np.ndarray:
    import numpy as np

    if "PC1_1" in keys:
        return np.array([[keys.get(f"PC{i}_{j}", float(i == j)) for j in (1, 2)] for i in (1, 2)], dtype=float)
    angle = np.radians(float(keys.get("CROTA2", 0)))
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _number(keys: Mapping[str, Any], key: str) -> float:
    value = keys.get(key)
    if not isinstance(value, int | float):
        raise FileError(f"The header does not contain {key}: the location of the disk is unknown.")
    return float(value)
