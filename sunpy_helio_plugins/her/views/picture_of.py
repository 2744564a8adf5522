"""Build attrs for the image that shows an event."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from astropy.time import Time
from sunpy.net import attrs as core
from sunpy.net.attr import Attr, and_

from sunpy_helio_plugins.arguments import MARGIN, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import inputs

__all__ = ["best_time", "picture_of"]

_AIA = (94, 131, 171, 193, 211, 304, 335, 1600, 1700, 4500)

_CHANNELS = {"CH": 193, "FL": 131, "FI": 304, "FE": 304, "FA": 304, "CJ": 304, "TO": 94, "OS": 193}
"""The channel of AIA in Angstrom that shows a type of event best, if the event was not found in one of them."""


@taking("her.picture_of", tolerance=MARGIN)
def picture_of(row: Any, tolerance: u.Quantity = 10 * u.min) -> Attr:
    """
    Return the attrs of the image at Helioviewer that shows an event.

    Parameters
    ----------
    row : astropy.table.Row
        A row of a search result, or of `flares`.
    tolerance : astropy.units.Quantity, optional
        The largest difference between the time of the image and of the event.

    Returns
    -------
    sunpy.net.attr.Attr
        For ``Fido.search``: ``a.Time`` with ``near`` the peak of the event, the time of its detection or its start, and
        the source. This is the channel of AIA in which the event was found; else AIA 193 for coronal holes, 131 for
        flares, 304 for filaments and jets, LASCO C2 for CMEs, and magnetograms of HMI for active regions and sunspots.

    Raises
    ------
    QueryError
        ``row`` is not a row of events, or does not have a time.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> Fido.search(her.picture_of(holes[0])).file_num
    1
    """
    row = inputs.one_row("her.picture_of", row, ("event_starttime", "raw"), "event")
    near = best_time(row)
    return and_(core.Time(near - tolerance, near + tolerance, near=near), core.helioviewer.Image(), *_source(row))


def best_time(row: Any) -> Time:
    """Return the time at which an event is seen best: its peak, its detection or its start."""
    for name in ("event_peaktime", "detection_time", "event_starttime"):
        found = row[name] if name in row.colnames else None
        if found is not None and not np.any(found.mask):
            return Time(getattr(found, "unmasked", found).isot, scale=found.scale)
    raise QueryError("her.picture_of takes an event with a time, and this one does not have any; choose another.")


def _source(row: Any) -> list[Attr]:
    reports = row["raw"] if isinstance(row["raw"], list | tuple | np.ndarray) else [row["raw"]]
    kind = str(next((one.get("event_type") for one in reports if one.get("event_type")), "")).upper()
    if kind == "CE":
        return [core.Instrument("LASCO"), core.Detector("C2")]
    if kind in ("AR", "SS", "EF", "PG"):
        return [core.Instrument("HMI"), core.helioviewer.Measurement("magnetogram")]
    found = next((channel for report in reports if (channel := _channel(report))), None)
    return [core.Instrument("AIA"), core.Wavelength((found or _CHANNELS.get(kind, 193)) * u.AA)]


def _channel(record: Any) -> int | None:
    """Return the channel of AIA in which a report was found."""
    instrument = str(record.get("search_instrument") or record.get("obs_instrument") or "")
    digits = [int(word) for word in str(record.get("obs_channelid") or "").replace(",", " ").split() if word.isdigit()]
    known = [number for number in digits if number in _AIA]
    return known[0] if "AIA" in instrument.upper() and known else None
