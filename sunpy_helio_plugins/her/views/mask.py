"""Events as pixels of a map: masks and cutouts."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import FLAG, Kind, taking
from sunpy_helio_plugins.errors import OutsideImageWarning, QueryError, warn
from sunpy_helio_plugins.her.outlines.image import MAP, placed
from sunpy_helio_plugins.her.outlines.pixels import fill
from sunpy_helio_plugins.her.outlines.selection import selected
from sunpy_helio_plugins.her.tables import HERTable, events

__all__ = ["cutout", "mask"]

NAMED = 3
"""The number of events that a warning names."""


@taking("her.mask", image=MAP, boxes=FLAG, labels=FLAG)
def mask(image: Any, table: Any, *, boxes: bool = True, labels: bool = False) -> NDArray[Any]:
    """
    Return the pixels of a map within the outlines of events.

    Parameters
    ----------
    image : sunpy.map.GenericMap
        A map in helioprojective coordinates, of any observer and time.
    table : HERTable, row, UnifiedResponse, or list of these
        Events.
    boxes : bool, optional
        Whether to use the box of an event without an outline.
    labels : bool, optional
        Whether to return the number of the event at each pixel instead of `True`: 1 for the first row, and 0 outside of
        all. Where events overlap, it is the last one.

    Returns
    -------
    numpy.ndarray of bool or int
        The shape of ``image.data``. A pixel is within an outline if its center is.

    Notes
    -----
    The outlines are the same as those of `overlay`: as submitted on an image from Earth within 15 minutes, including
    parts beyond the limb; otherwise rotated with the solar surface to the time of the map, and cut at the limb.
    Multiply the data by it, or use ``~mask`` as the mask of a map.

    Raises
    ------
    QueryError
        The map is not in helioprojective coordinates.

    Warns
    -----
    OutsideImageWarning
        Events are outside of the map, on the far side, or without an outline.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy.map import Map
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> noon = a.Time("2026-01-10 12:00", "2026-01-10 12:00:30")
    >>> pictures = Fido.search(noon, a.helioviewer.SourceID(11))
    >>> aia = Map(Fido.fetch(pictures, path="{file}")[0])
    >>> print(her.mask(aia, holes).sum() > 1000)
    True
    """
    table = events("her.mask", table)
    found = placed(image, selected(table, boxes, lines=False))
    used = found.closed & found.in_view
    _tell(table, np.flatnonzero(~used))
    kept = np.repeat(used, np.diff(found.offsets))
    offsets = np.concatenate([[0], np.cumsum(np.where(used, np.diff(found.offsets), 0))])
    numbers = np.arange(1, len(table) + 1) if labels else None
    return fill(found.x[kept], found.y[kept], offsets, image.data.shape, numbers)


def _tell(table: HERTable, rows: NDArray[np.int64]) -> None:
    if len(rows):
        more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        names = ", ".join(_name(table, row) for row in rows[:NAMED].tolist())
        warn(
            f"{len(rows)} of {len(table)} events do not have an outline in the image: {names}{more}. They are outside "
            "of it, on the far side, or without an outline.",
            OutsideImageWarning,
        )


def _name(table: HERTable, row: int) -> str:
    known = "kb_archivid" in table.colnames and not np.ma.is_masked(table["kb_archivid"][row])
    return str(table["kb_archivid"][row]) if known else f"row {row}"


def _angle(given: Any) -> Any:
    if not isinstance(given, u.Quantity) or not given.isscalar or not given.to_value("arcsec") >= 0:
        raise TypeError
    return given


_ANGLE = Kind("an angle such as 50 * u.arcsec", _angle)


@taking("her.cutout", image=MAP, margin=_ANGLE)
def cutout(image: Any, table: Any, *, margin: u.Quantity = 50 * u.arcsec) -> Any:
    """
    Return the part of a map around an event.

    Parameters
    ----------
    image : sunpy.map.GenericMap
        A map in helioprojective coordinates, of any observer and time.
    table : HERTable, row, UnifiedResponse, or list of these
        One event; or several, which are all in the cutout if they are in view.
    margin : astropy.units.Quantity, optional
        The angle around the outline, box or position, which is rotated with the solar surface to the time of the map.

    Returns
    -------
    sunpy.map.GenericMap
        The part of the map, as of `sunpy.map.GenericMap.submap`.

    Raises
    ------
    QueryError
        The map is not in helioprojective coordinates, or no event is in view.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import astropy.units as u
    >>> from sunpy.map import Map
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> noon = a.Time("2026-01-10 12:00", "2026-01-10 12:00:30")
    >>> pictures = Fido.search(noon, a.helioviewer.SourceID(11))
    >>> aia = Map(Fido.fetch(pictures, path="{file}")[0])
    >>> her.cutout(aia, holes[0], margin=60 * u.arcsec).data.shape
    (339, 212)
    """
    table = events("her.cutout", table)
    found = placed(image, selected(table))
    if not found.in_view.any():
        names = ", ".join(_name(table, row) for row in range(min(len(table), NAMED))) or "an empty table"
        raise QueryError(f"her.cutout takes events in view of the map, not {names}; see HERTable.in_view.")
    used = np.repeat(found.in_view, np.diff(found.offsets))
    around = (margin / u.Quantity(image.scale) / u.pix).decompose().value
    highest = np.array(image.data.shape[::-1]) - 1
    corners = [
        np.clip([reduce(part[used]) for part in (found.x, found.y)] + side * around, 0, highest) * u.pix
        for reduce, side in ((np.nanmin, -1), (np.nanmax, 1))
    ]
    return image.submap(corners[0], top_right=corners[1])
