"""From an event, an image or a time to what the archives have at the same time and place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import Row
from astropy.time import Time
from sunpy.net import attrs as a
from sunpy.net.attr import Attr, and_

from sunpy_helio_plugins.arguments import ATTR, DURATION, optional, taking
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.her.views.picture_of import picture_of
from sunpy_helio_plugins.together.ballistics import arrival, departure
from sunpy_helio_plugins.together.spans import intervals_of

__all__ = ["Context", "context"]

_WIND = ("cdaweb", "OMNI_HRO2_1MIN")
_FILES = ("norm-gse", "proton-sw")
"""The descriptors of the products of MAG and SWAPI that describe the solar wind."""


@dataclass(frozen=True, repr=False)
class Context:
    """
    The searches that lead from an event, an image or a time to the archives.

    Attributes
    ----------
    time : sunpy.net.attrs.Time
        The range around it.
    pictures : sunpy.net.attr.Attr
        For ``Fido.search``: the image that shows the event, or images around another time.
    events : sunpy.net.attr.Attr
        For ``Fido.search``: the events of the registry of all types in ``time``.
    series : sunpy.net.attr.Attr
        For ``Fido.search``: the solar wind in ``time``.
    files : sunpy.net.attr.Attr
        For ``Fido.search``: the files of the solar wind at IMAP in ``time``.
    arrival : sunpy.net.attrs.Time
        When the plasma of the event arrives at L1, see `arrival`.
    departure : sunpy.net.attrs.Time
        When the plasma that is at L1 at this time left the Sun, see `departure`.
    wind : sunpy.net.attr.Attr
        For ``Fido.search``: the solar wind in ``arrival``.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import astropy.units as u
    >>> from sunpy_helio_plugins import her, together
    >>> flare = her.flares(a.Time("2026-01-10", "2026-01-11"))[0]
    >>> around = together.context(flare, 6 * u.hour)
    >>> around.time.start.isot, around.time.end.isot
    ('2026-01-09T19:18:00.000000000', '2026-01-10T07:47:00.000000000')
    """

    time: a.Time
    pictures: Attr
    events: Attr
    series: Attr
    files: Attr
    arrival: a.Time
    departure: a.Time
    wind: Attr

    def __repr__(self) -> str:
        names = ("pictures", "events", "series", "files", "wind")
        lines = [f"{name:9} Fido.search({_shown(getattr(self, name))})" for name in names]
        spans = [f"{name:9} {_span(getattr(self, name))}" for name in ("time", "arrival", "departure")]
        return "\n".join(["<Context", *(f"    {line}" for line in (*spans, *lines)), ">"])


@taking("together.context", radius=DURATION, series=optional(ATTR))
def context(given: Any, radius: u.Quantity = 1 * u.hour, series: Attr | None = None) -> Context:
    """
    Return the searches that lead from an event, an image or a time to the pictures, events, series and files.

    Nothing is searched: each attribute is passed to ``Fido.search``, alone or with further attrs.

    Parameters
    ----------
    given : row, sunpy.map.GenericMap, time or range of time
        An event of the registry or of `her.flares`, a row of a search for images or a map, a row of any table with a
        start and an end, or a time, such as that of a jump in a series.
    radius : astropy.units.Quantity, optional
        The time to add before the start and after the end.
    series : sunpy.net.attr.Attr, optional
        The attrs of the series. Defaults to one-minute values of OMNI at CDAWeb.

    Returns
    -------
    Context
        The searches.

    Raises
    ------
    QueryError
        ``given`` does not have a time, or the radius is not a duration of at least 0.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import astropy.units as u
    >>> from sunpy_helio_plugins import her, together
    >>> flare = her.flares(a.Time("2026-01-10", "2026-01-11"))[0]
    >>> around = together.context(flare, 6 * u.hour)
    >>> Fido.search(around.events).file_num
    20
    """
    inputs.duration("together.context", "radius", radius)
    start, end = _ends(given)
    time = a.Time(start - radius, end + radius)
    is_event = isinstance(given, Row) and {"event_starttime", "raw"} <= set(given.colnames)
    leaving = arrival(given) if is_event else a.Time(arrival(start).start, arrival(end).end)
    source = series if series is not None else and_(a.hapi.Server(_WIND[0]), a.hapi.Dataset(_WIND[1]))
    return Context(
        time=time,
        pictures=picture_of(given) if is_event else and_(time, *_source(given)),
        events=and_(time, a.her.Event()),
        series=and_(time, source),
        files=and_(time, a.imap.Descriptor(_FILES[0]) | a.imap.Descriptor(_FILES[1])),
        arrival=leaving,
        departure=a.Time(departure(start).start, departure(end).end),
        wind=and_(leaving, source),
    )


def _ends(given: Any) -> tuple[Time, Time]:
    if hasattr(given, "reference_date") and hasattr(given, "date"):
        return given.date, given.date
    found = intervals_of("together.context", given)
    if len(found) != 1:
        raise inputs.refused("together.context", given, "one event, image, time or range of time")
    return found["start"][0], found["end"][0]


def _source(given: Any) -> list[Attr]:
    """Return the source of an image, or AIA 193 in steps."""
    if isinstance(given, Row) and "Source ID" in given.colnames and not np.ma.is_masked(given["Source ID"]):
        return [a.helioviewer.SourceID(int(given["Source ID"]))]
    return [a.helioviewer.Image(), a.Instrument("AIA"), a.Wavelength(193 * u.AA), a.Sample(15 * u.min)]


def _span(time: a.Time) -> str:
    return f"{time.start.isot[:19]} to {time.end.isot[:19]}"


def _shown(attr: Attr) -> str:
    """Return an attr as it is written in code; sunpy's own do not show that."""
    if isinstance(attr, a.Time):
        return f"a.Time('{attr.start.isot[:19]}', '{attr.end.isot[:19]}')"
    if isinstance(attr, a.Wavelength):
        return f"a.Wavelength({attr.min.value:g} * u.{attr.min.unit})"
    if isinstance(attr, a.Sample):
        return f"a.Sample({attr.value:g} * u.s)"
    if isinstance(attr, a.Instrument | a.Detector):
        return f"a.{type(attr).__name__}({attr.value!r})"
    parts = getattr(attr, "attrs", None)
    return repr(attr) if parts is None else ", ".join(map(_shown, parts))
