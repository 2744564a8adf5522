"""Build attrs for the events that an image may show."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from astropy.time import Time
from sunpy.net import attrs as core
from sunpy.net.attr import Attr, and_

from sunpy_helio_plugins.arguments import DURATION, refused, taking
from sunpy_helio_plugins.fido import inputs

__all__ = ["events_of"]


@taking("helioviewer.events_of", radius=DURATION)
def events_of(image: Any, radius: u.Quantity = 0 * u.s) -> Attr:
    """
    Return the attrs of the events of the registry at the time of an image.

    Parameters
    ----------
    image : astropy.table.Row or sunpy.map.GenericMap
        A row of a search for images, or a map.
    radius : astropy.units.Quantity, optional
        The time to add before and after the image.

    Returns
    -------
    sunpy.net.attr.Attr
        ``a.Time`` and ``a.her.Event``, for ``Fido.search``; ``events[events.in_view(map)]`` selects those that a map
        shows. The science data of the image are those of `science`.

    Raises
    ------
    QueryError
        ``image`` is neither a row of a search nor a map, or it does not have a time.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import helioviewer
    >>> noon = a.Time("2026-01-10 11:59", "2026-01-10 12:01")
    >>> images = Fido.search(noon, a.helioviewer.SourceID(13))["helioviewer"]
    >>> Fido.search(helioviewer.events_of(images[0])).file_num
    6
    """
    time = _time(image)
    # The registry does not find events at an instant.
    margin = max(radius, 1 * u.s)
    return and_(core.Time(time - margin, time + margin), core.her.Event())


def _time(image: Any) -> Time:
    if hasattr(image, "reference_date") and hasattr(image, "date"):
        return image.date
    row = inputs.one_row("helioviewer.events_of", image, ("Start Time",), "image of a search, or a map")
    found = row["Start Time"]
    if np.any(found.mask):
        raise refused("helioviewer.events_of", image, "a row with an image, whose time is known")
    return Time(getattr(found, "unmasked", found).isot, scale=found.scale)
