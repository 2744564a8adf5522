"""Build attrs for other archives (time, instrument, wavelength) from an event."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from astropy.time import Time
from sunpy.net import attrs as core
from sunpy.net.attr import Attr, and_

from sunpy_helio_plugins.arguments import DURATION, FLAG, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import inputs

__all__ = ["to_attrs"]


@taking("her.to_attrs", before=DURATION, after=DURATION, instrument=FLAG)
def to_attrs(row: Any, before: u.Quantity = 0 * u.s, after: u.Quantity = 0 * u.s, instrument: bool = True) -> Attr:
    """
    Return the time, instrument and wavelength of an event as attrs to search for images and time series.

    Parameters
    ----------
    row : astropy.table.Row
        A row of a search result.
    before, after : astropy.units.Quantity, optional
        The time to add before its start and after its end.
    instrument : bool, optional
        Whether to include the instrument and wavelength in which the event was found, if it is a single one.

    Returns
    -------
    sunpy.net.attr.Attr
        ``a.Time``, with ``a.Instrument`` and ``a.Wavelength`` if they are known, as supported by the VSO and this
        package's other clients. The position is in the row's coordinates, ``row["hpc_coord"]`` and ``row["hpc_bbox"]``,
        which `sunpy.map.GenericMap.submap` and ``a.jsoc.Cutout`` accept.

    Raises
    ------
    QueryError
        ``row`` is not a row of a search result, or does not have a time.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> images = Fido.search(her.to_attrs(holes[0]), a.helioviewer.Image())
    >>> images.file_num
    11
    """
    row = inputs.one_row("her.to_attrs", row, ("event_starttime", "event_endtime", "raw"), "event")
    start, end = row["event_starttime"], row["event_endtime"]
    if np.any(start.mask):
        raise QueryError(
            f"The event {row['raw'].get('kb_archivid') or 'of this row'} does not have a start time; choose another."
        )
    # Without an end time, or with one before its start, the event is at least present at its start.
    last = start if np.any(end.mask) or end < start else end
    first, last = _plain(start) - before, _plain(last) + after
    if last < first:
        raise QueryError(
            f"her.to_attrs takes before and after that leave a part of the event, not {before} and {after}: it would "
            f"end at {last.isot}, before its start at {first.isot}."
        )
    words: list[Attr] = [core.Time(first, last)]
    record = row["raw"]
    name = str(record.get("search_instrument") or record.get("obs_instrument") or "")
    if instrument and name and name not in ("nil", "N/A", "Various") and "," not in name:
        words.append(core.Instrument(name))
        words += _wavelength(row)
    return and_(*words)


def _plain(time: Any) -> Time:
    """Return a time without a mask, which sunpy's attr would keep."""
    return Time(time.unmasked.isot if hasattr(time, "unmasked") else time.isot, scale=time.scale)


def _wavelength(row: Any) -> list[Attr]:
    found = row["obs_meanwavel"] if "obs_meanwavel" in row.colnames else None
    channels = str(row["raw"].get("search_channelid") or "")
    if found is None or np.ma.is_masked(found) or getattr(found, "mask", False) or "," in channels:
        return []
    # The registry's number is in cm, and was converted to single precision.
    length = round(float(u.Quantity(getattr(found, "unmasked", found)).to_value("AA")), 2)
    return [core.Wavelength(length * u.AA)] if 10 < length < 20000 else []
