"""From attrs to questions: an attr tree becomes a tuple of `Query`, one for each source to list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import astropy.units as u
from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import branches, explain_foreign, of_type
from sunpy_helio_plugins.helioviewer import attrs, catalogue
from sunpy_helio_plugins.helioviewer.catalogue import Source
from sunpy_helio_plugins.quantities import times

__all__ = ["KNOWN", "PROVIDER", "Query", "queries"]

PROVIDER = "Helioviewer"

KNOWN = (
    a.Time, a.Instrument, a.Source, a.Detector, a.Wavelength, a.Provider,
    attrs.Image, attrs.SourceID, attrs.Measurement,
)  # fmt: skip
"""Attrs that a query to Helioviewer may hold."""

_NANOSECONDS = 9


@dataclass(frozen=True)
class Query:
    """
    One source to list.

    Attributes
    ----------
    source : Source
        The kind of image.
    start, end : str
        First and last instant wanted, both included: UTC, ISO 8601 with Z.
    """

    source: Source
    start: str
    end: str


def queries(*query: Attr) -> tuple[Query, ...]:
    """
    Return what a query asks of Helioviewer.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        Attrs that must all hold; trees of any depth.

    Returns
    -------
    tuple of Query
        One for each source of each alternative, without repetition.

    Raises
    ------
    QueryError
        An attr is missing, stands twice, names nothing that Helioviewer has, or is of no use here.
    """
    return tuple(dict.fromkeys(one for branch in branches(*query) for one in _of_branch(branch)))


def _of_branch(branch: tuple[Attr, ...]) -> list[Query]:
    explain_foreign(branch, KNOWN, PROVIDER)
    provider, time = of_type(branch, a.Provider), of_type(branch, a.Time)
    if provider is not None and provider.value.lower() != PROVIDER.lower():
        raise QueryError(f"a.helioviewer asks the provider {PROVIDER!r}, not {provider.value!r}.")
    if time is None:
        raise QueryError("A query to Helioviewer needs a.Time(start, end).")
    if time.near is not None:
        raise QueryError(
            "a.Time(..., near=...) is not understood here; sort the rows by their distance, or ask for less."
        )
    start, end = times.iso(time.start, _NANOSECONDS), times.iso(time.end, _NANOSECONDS)
    return [Query(source, start, end) for source in _listed(_sources(branch))]


def _sources(branch: tuple[Attr, ...]) -> tuple[Source, ...]:
    """Return the sources that all attrs of a conjunction allow."""
    numbers, measurement = of_type(branch, attrs.SourceID), of_type(branch, attrs.Measurement)
    ids = numbers.values if numbers is not None else [one.id for one in catalogue.known() if not one.members]
    sources = catalogue.members(ids)
    if numbers is None and len(branch) == sum(isinstance(one, a.Time | a.Provider | attrs.Image) for one in branch):
        raise QueryError(
            "Say which images: a.Instrument, a.Wavelength, a.Source, a.Detector, a.helioviewer.Measurement or "
            "a.helioviewer.SourceID; sunpy_helio_plugins.helioviewer.sources() lists all kinds."
        )
    for attr, kind, names in _NAMED:
        given = of_type(branch, attr)
        if given is not None:
            sources = catalogue.chosen(sources, str(given.value), kind, names)
    if measurement is not None:
        sources = _measuring(sources, measurement.values)
    wavelength = of_type(branch, a.Wavelength)
    return sources if wavelength is None else _within(sources, wavelength)


_NAMED: tuple[tuple[type, str, Callable[[Source], tuple[str, ...]]], ...] = (
    (a.Source, "observatory", lambda source: source.observatories),
    (a.Instrument, "instrument", lambda source: source.instruments),
    (a.Detector, "detector", lambda source: source.detectors),
)


def _measuring(sources: tuple[Source, ...], values: tuple[str, ...]) -> tuple[Source, ...]:
    found = tuple(source for source in sources if source.measurement in values)
    # "Any/Open" is no measurement of a source, but the name of a group of them.
    groups = [group.id for group in catalogue.known() if group.members and group.measurement in values]
    found += tuple(source for source in catalogue.members(groups) if source in sources and source not in found)
    if not found:
        raise QueryError(
            f"With the rest of the query, the measurement cannot be {' or '.join(values)}; "
            f"possible: {_possible(sources)}."
        )
    return found


def _within(sources: tuple[Source, ...], wavelength: a.Wavelength) -> tuple[Source, ...]:
    """Return the sources whose wavelength lies in a range; both ends count."""
    if not wavelength.min.unit.is_equivalent(u.AA):
        raise QueryError(f"Helioviewer's images are known by wavelength in angstroms, not by {wavelength.min.unit}.")
    low, high = wavelength.min.to_value(u.AA), wavelength.max.to_value(u.AA)
    # 171 from a conversion, as from 17.1 nm, may differ from 171 in its last bits.
    slack = 1e-6 * high
    found = tuple(
        source
        for source in sources
        if source.wavelength is not None and low - slack <= source.wavelength <= high + slack
    )
    if not found:
        asked = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        raise QueryError(
            f"With the rest of the query, nothing is at {asked} angstrom; possible measurements: {_possible(sources)}."
        )
    return found


def _possible(sources: tuple[Source, ...]) -> str:
    return ", ".join(sorted({source.measurement for source in sources}))


def _listed(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    """Refuse a query of which nothing can be listed; otherwise what cannot is told with the answer."""
    if any(source.hapi_state == "ok" for source in sources):
        return sources
    names = ", ".join(f"{source.description} ({source.id})" for source in sources)
    raise QueryError(
        f"Helioviewer's HAPI server does not list {names}, so that a range cannot be searched; its API gives single "
        "images of them (hvpy.getJP2Image). sunpy_helio_plugins.helioviewer.sources() says what is listed."
    )
