"""From attrs to queries: what a search asks of the registry, without a word about how it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import astropy.units as u
from sunpy.net import attrs as core
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import branches, explain_foreign, of_type
from sunpy_helio_plugins.her import attrs
from sunpy_helio_plugins.her.hek import from_hek
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.quantities.times import iso

__all__ = ["ARCHIVE", "NAMES", "Box", "Query", "Triplet", "queries"]

ARCHIVE = "HER"
NAMES = ("HER", "HEK")
"""What ``a.Provider`` may say."""

OWN = (attrs.Event, attrs.EventType, attrs.Filter, attrs.Limit, attrs.Region)
CORE = (core.Time, core.Instrument, core.Source, core.Wavelength, core.Provider)
LINE_WIDTH = 1e-4
"""Relative half-width within which two wavelengths are one: the registry's numbers went through single precision."""


@dataclass(frozen=True)
class Triplet:
    """A filter as the registry takes it: keyword, operator, value, and the one type of event it judges, if any."""

    name: str
    operator: str
    value: str
    event_type: str = ""


@dataclass(frozen=True)
class Box:
    """A box for the events' centres, in arcsec for ``helioprojective`` and in degrees for the other systems."""

    system: str = "helioprojective"
    x1: float = -5000.0
    y1: float = -5000.0
    x2: float = 5000.0
    y2: float = 5000.0


@dataclass(frozen=True)
class Query:
    """
    One search of the registry.

    Attributes
    ----------
    start, end : str
        The period, UTC; an event counts that overlaps it, its ends included.
    types : tuple of str
        Two letters each; empty for all types.
    box : Box
        Where the events' centres lie. The registry answers nothing without one; the default reaches beyond 5 solar
        radii, so that CMEs count.
    filters : tuple of Triplet
        What else must hold.
    limit : int or None
        The largest number of events; `None` for all.
    """

    start: str
    end: str
    types: tuple[str, ...] = ()
    box: Box = Box()
    filters: tuple[Triplet, ...] = ()
    limit: int | None = None


def queries(*query: Attr) -> tuple[Query, ...]:
    """
    Return the searches that answer a query.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        Attrs that must all hold, or a tree of them.

    Returns
    -------
    tuple of Query
        One for each alternative, each once.

    Raises
    ------
    QueryError
        The query holds something that the registry cannot answer, or no time.
    """
    return tuple(dict.fromkeys(_query(branch) for branch in branches(*query)))


def _query(branch: tuple[Attr, ...]) -> Query:
    branch = tuple(from_hek(attr) for attr in branch)
    explain_foreign(branch, OWN + CORE, ARCHIVE)
    _check_provider(of_type(branch, core.Provider))
    time = of_type(branch, core.Time)
    if time is None:
        raise QueryError("A search of the registry needs a.Time(start, end).")
    filters = tuple(_triplet(attr) for attr in branch if isinstance(attr, attrs.Filter)) + _core_filters(branch)
    types = _types(of_type(branch, attrs.EventType), filters)
    limit = of_type(branch, attrs.Limit)
    return Query(
        start=iso(time.start),
        end=iso(time.end),
        types=types,
        box=_box(of_type(branch, attrs.Region)),
        filters=tuple(_without_needless_type(triplet, types) for triplet in filters),
        limit=limit.values[0] if limit else None,
    )


def _check_provider(provider: Any) -> None:
    if provider is not None and str(provider.value).upper() not in NAMES:
        raise QueryError(f"The registry's events come from provider {' or '.join(NAMES)}, not {provider.value!r}.")


def _types(event_type: Any, filters: tuple[Triplet, ...]) -> tuple[str, ...]:
    """Return the types asked for; filters of a type name it where nothing else does."""
    judged = tuple(dict.fromkeys(triplet.event_type for triplet in filters if triplet.event_type))
    types: tuple[str, ...] = event_type.values if event_type else judged
    strangers = [kind for kind in judged if kind not in types]
    if strangers:
        # The registry answers this with an error page (API page, "Event Type Specific Filters").
        raise QueryError(f"A filter judges {', '.join(strangers)}, but only {', '.join(types)} are searched for.")
    return types


def _without_needless_type(triplet: Triplet, types: tuple[str, ...]) -> Triplet:
    """Return a filter without its type where only that type is searched for: the plainest form of the question."""
    if types == (triplet.event_type,):
        return Triplet(triplet.name, triplet.operator, triplet.value)
    return triplet


def _box(region: Any) -> Box:
    return Box(region.system, *region.corners) if region else Box()


def _triplet(attr: attrs.Filter) -> Triplet:
    return Triplet(attr.name, attr.operator, attr.value, attr.event_type)


def _core_filters(branch: tuple[Attr, ...]) -> tuple[Triplet, ...]:
    """Return core attrs as filters; the registry compares text with case and writes these names in capitals."""
    triplets = []
    for kind, keyword in ((core.Instrument, "obs_instrument"), (core.Source, "obs_observatory")):
        attr = of_type(branch, kind)
        if attr is not None:
            text = str(attr.value)
            triplets.append(Triplet(keyword, "=", text.upper() if text.islower() else text))
    return (*triplets, *_wavelengths(of_type(branch, core.Wavelength)))


def _wavelengths(wavelength: Any) -> tuple[Triplet, ...]:
    if wavelength is None:
        return ()
    unit = u.Unit(keywords()["obs_meanwavel"].fixed)
    low, high = sorted(u.Quantity(end).to_value(unit, u.spectral()) for end in (wavelength.min, wavelength.max))
    return (
        Triplet("obs_meanwavel", ">=", f"{low * (1 - LINE_WIDTH):.9g}"),
        Triplet("obs_meanwavel", "<=", f"{high * (1 + LINE_WIDTH):.9g}"),
    )
