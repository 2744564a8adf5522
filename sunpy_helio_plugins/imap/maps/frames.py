"""
Frames of maps of the sky, and ecliptic coordinates in world coordinate systems.

astropy reads the axes ``ELON`` and ``ELAT`` as right ascension and declination (astropy#6483), which is 22.7 degrees
off at the nose of the heliosphere. Importing this module registers the ecliptic frame for them, in both directions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from astropy import units as u
from astropy.coordinates import BarycentricMeanEcliptic, BaseCoordinateFrame, Galactic, SkyCoord
from astropy.table import Table
from astropy.time import Time
from astropy.wcs import WCS
from astropy.wcs import utils as wcs_utils
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import listed
from sunpy_helio_plugins.errors import QueryError

__all__ = ["FRAMES", "HAE", "NOSE", "celestial", "frame_of", "pole_of", "rotation"]

HAE = BarycentricMeanEcliptic(equinox="J2000")
"""ECLIPJ2000 of SPICE: the mean ecliptic and equinox of J2000, for directions."""

_NOSE = (-0.24785821221964, -0.964645013724845, 0.0895896429900153)

_AXES: dict[str, tuple[str, tuple[float, ...], str, tuple[float, ...]]] = {
    "hre": ("x", _NOSE, "z", (0.0, 0.0, 1.0)),
    "hnu": ("z", (-0.558294509871844, -0.60459437847959, 0.568131039248724), "x", _NOSE),
    "hrc": ("z", (-0.597567491320518, -0.472438613169605, 0.647854034565876), "x", _NOSE),
}
"""The first axis and its direction in HAE, and the second axis and the direction in whose half-plane it is."""

FRAMES = ("hae", "gcs", *_AXES)
"""The frames in which maps are made; the definitions are those of the mission's frame kernel, imap_science_130.tf."""

NOSE = SkyCoord(255.59 * u.deg, 5.14 * u.deg, frame=HAE)
"""The nose of the heliosphere, as the mission's frame kernel defines it."""

_OF_SPICE = {"eclipj2000": "hae"}
"""Frames of SPICE by their names, which IDEX uses instead of those of the mission."""

_SYSTEM = re.compile(r"CoordinateSystemName\s*:\s*(?:IMAP_)?([A-Za-z]+)")


def frame_of(table: Table, column: str, axes: Sequence[str], given: str | None) -> str:
    """Return the frame of a map: the given one, or else that of which the file is most specific."""
    if given is not None:
        return given
    words = sorted({*_of_product(table), *_of_descriptor(table)})
    if len(words) > 1:
        raise QueryError(
            f"The frame of the map {column!r} must be one, and its files state {listed(words)}: read the files of one "
            "frame, or give it as frame; the table contains the values without a frame."
        )
    # The mission's definitions of variables state HAE for the maps of every frame.
    words = words or sorted(set(_of_variables(table, (column, *axes))))[:2]
    if len(words) != 1 or words[0] not in FRAMES:
        what = f"states {' and '.join(words)}" if words else "does not state it"
        raise QueryError(
            f"The frame of the map {column!r} must be one of {listed(FRAMES)}, and the file {what}: give it as frame; "
            "the table contains the values without a frame."
        )
    return words[0]


def _of_product(table: Table) -> Iterator[str]:
    for text in _texts(table, "Spice_reference_frame"):
        said = text.strip().lower().removeprefix("imap_")
        if said:
            yield _OF_SPICE.get(said, said)


def _of_descriptor(table: Table) -> Iterator[str]:
    """Yield the seventh part of the descriptor, as in ``h45-ena-h-hf-sp-ram-hae-6deg-3mo``."""
    for text in _texts(table, "Logical_source"):
        parts = text.rpartition("_")[2].split("-")
        if len(parts) == 9:
            yield parts[6].lower()


def _texts(table: Table, key: str) -> list[str]:
    """Return an attribute of the file, or of each of several files that differ."""
    value = table.meta.get(key)
    return [str(one or "") for one in ([value] if isinstance(value, str) or value is None else value)]


def _of_variables(table: Table, names: Sequence[str]) -> Iterator[str]:
    support = table.meta.get("support") or {}
    for name in names:
        meta = (table[name].info.meta or {}) if name in table.colnames else support.get(name, {})
        if found := _SYSTEM.search(str(meta.get("DICT_KEY", ""))):
            yield found[1].lower()


def celestial(frame: str) -> BaseCoordinateFrame:
    """Return the frame of astropy in which the coordinates of a map are given."""
    return Galactic() if frame == "gcs" else HAE


def rotation(frame: str) -> NDArray[np.float64]:
    """Return the matrix from the celestial frame of a map to its own frame, shape (3, 3)."""
    if frame not in _AXES:
        return np.eye(3)
    first, direction, second, other = _AXES[frame]
    made = {first: np.array(direction) / np.linalg.norm(direction)}
    across = np.array(other) - made[first] * (made[first] @ np.array(other))
    made[second] = across / np.linalg.norm(across)
    made["y"] = np.cross(made["z"], made["x"])
    return np.stack([made["x"], made["y"], made["z"]])


def pole_of(frame: str, native: float) -> tuple[float, float, float, float]:
    """
    Return CRVAL1, CRVAL2, LONPOLE and LATPOLE, in degrees, of a cylindrical projection along the axes of a frame.

    ``native`` is the longitude in that frame at which the native longitude of the projection is zero.
    """
    matrix = rotation(frame)
    angle = np.radians(native)
    center = matrix.T @ np.array([np.cos(angle), np.sin(angle), 0.0])
    pole = matrix[:, 2]
    if frame not in _AXES:
        return native, 0.0, 0.0, 90.0
    longitude, latitude = np.degrees(np.arctan2(center[1], center[0])), np.degrees(np.arcsin(center[2]))
    of_pole = np.degrees(np.arctan2(pole[1], pole[0])) - native
    return float(longitude) % 360, float(latitude), float(of_pole), float(np.degrees(np.arcsin(matrix[2, 2])))


def _frame_of_wcs(wcs: WCS) -> BaseCoordinateFrame | None:
    """Return the ecliptic frame of the axes ELON and ELAT, for `astropy.wcs.utils.wcs_to_celestial_frame`."""
    if wcs.wcs.lng < 0 or wcs.wcs.lat < 0:
        return None
    names = [str(wcs.wcs.ctype[axis])[:4] for axis in (wcs.wcs.lng, wcs.wcs.lat)]
    if names != ["ELON", "ELAT"] or wcs.wcs.radesys not in ("", "ICRS", "FK5"):
        return None
    year = wcs.wcs.equinox
    is_j2000 = np.isnan(year) or year == 2000
    return HAE if is_j2000 else BarycentricMeanEcliptic(equinox=Time(year, format="jyear"))


def _wcs_of_frame(frame: BaseCoordinateFrame, projection: str = "TAN") -> WCS | None:
    """Return ecliptic axes for an ecliptic frame, for `astropy.wcs.utils.celestial_frame_to_wcs`."""
    if not isinstance(frame, BarycentricMeanEcliptic):
        return None
    made = WCS(naxis=2)
    made.wcs.ctype = [f"ELON-{projection}", f"ELAT-{projection}"]
    made.wcs.radesys, made.wcs.equinox = "FK5", frame.equinox.jyear
    return made


def _register() -> None:
    """Register the ecliptic frame; before the functions of astropy, which would return another frame."""
    of_wcs: list[list[Any]] = wcs_utils.WCS_FRAME_MAPPINGS
    of_wcs.insert(0, [_frame_of_wcs])
    wcs_utils.FRAME_WCS_MAPPINGS.append([_wcs_of_frame])


_register()
