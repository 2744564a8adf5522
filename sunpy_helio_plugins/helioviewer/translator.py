"""Convert an attr tree to a tuple of `Query`, one for each source to list."""

from __future__ import annotations

from typing import Any

import astropy.units as u
from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import alternatives, asked, of_types, own
from sunpy_helio_plugins.fido.dispatch import Names
from sunpy_helio_plugins.helioviewer import attrs, source_table, synonyms
from sunpy_helio_plugins.helioviewer.query import PROVIDER, Query
from sunpy_helio_plugins.helioviewer.source_table import Source
from sunpy_helio_plugins.quantities import times

__all__ = ["KNOWN", "NAMES", "OWN", "queries"]

NAMES = Names(providers=(PROVIDER,))
"""The values of ``a.Provider``."""

OWN = own(attrs)

KNOWN = (a.Time, a.Instrument, a.Source, a.Detector, a.Wavelength, a.Physobs, a.Sample, a.Provider, *OWN)
"""Attrs that a query to Helioviewer may contain."""

_NANOSECONDS = 9

_MOST_SAMPLES = 10_000_000


def queries(*query: Attr) -> tuple[Query, ...]:
    """
    Return the queries of an attr tree: one for each source of each alternative, without repetition.

    Attrs that are missing, repeated, unknown to Helioviewer or not supported are a `QueryError`.
    """
    return tuple(dict.fromkeys(one for branch in alternatives(query, KNOWN, PROVIDER) for one in _of_branch(branch)))


def _of_branch(branch: tuple[Attr, ...]) -> list[Query]:
    provider, time = of_types(branch, a.Provider, a.Time)
    if provider is not None and not NAMES.has_provider(provider.value):
        raise QueryError(f"The provider of a.helioviewer is {PROVIDER!r}, not {provider.value!r}.")
    if time is None:
        raise QueryError("A query to Helioviewer needs a.Time(start, end).")
    wishes = _wishes(branch, time)
    start, end = times.range_text(time.start, time.end, _NANOSECONDS)
    return [Query(source, start, end, **wishes) for source in _sources(branch)]


def _wishes(branch: tuple[Attr, ...], time: a.Time) -> dict[str, Any]:
    """Return the fields of a query other than the source and the range."""
    (sample,), fields = of_types(branch, a.Sample), asked(branch, OWN)
    if time.near is not None and sample is not None:
        raise QueryError("a.Time(..., near=...) selects one image and a.Sample many: remove one of them.")
    if "tolerance" in fields and time.near is None and sample is None:
        raise QueryError("a.helioviewer.Tolerance needs a.Time(start, end, near=...) or a.Sample: add one of them.")
    return {
        "near": None if time.near is None else times.iso(time.near, _NANOSECONDS),
        "sample": None if sample is None else _step(sample, time),
        **fields,
    }


def _step(sample: a.Sample, time: a.Time) -> float:
    seconds = float(sample.value)
    if not seconds > 0 or (time.end - time.start).to_value(u.s) / seconds > _MOST_SAMPLES:
        raise QueryError(
            f"a.Sample of {seconds:g} s is not possible in this range: give a longer duration, with at most "
            f"{_MOST_SAMPLES} samples."
        )
    return seconds


def _sources(branch: tuple[Attr, ...]) -> tuple[Source, ...]:
    """Return the sources that match all attrs of a conjunction."""
    numbers, measurement, wavelength, *named = of_types(
        branch, attrs.SourceID, attrs.Measurement, a.Wavelength, *(attr for attr, _, _ in _NAMED)
    )
    ids = numbers.values if numbers is not None else [one.id for one in source_table.known() if not one.members]
    sources = source_table.members(ids)
    if numbers is None and not any(isinstance(one, _CHOOSING) for one in branch):
        raise QueryError(
            "The query does not select images: add a.Instrument, a.Wavelength, a.Source, a.Detector, "
            "a.helioviewer.Measurement or a.helioviewer.SourceID; sunpy_helio_plugins.helioviewer.sources() lists all "
            "sources."
        )
    for (_, kind, names), given in zip(_NAMED, named, strict=True):
        if given is not None:
            sources = source_table.chosen(sources, str(given.value), kind, names, synonyms.advice)
    if measurement is not None:
        sources = _measuring(sources, measurement.values)
    return sources if wavelength is None else _within(sources, wavelength)


_NAMED = (
    (a.Source, "observatory", "observatories"),
    (a.Instrument, "instrument", "instruments"),
    (a.Detector, "detector", "detectors"),
    (a.Physobs, "physical observable", "physobs"),
)
"""Attrs that name sources, a description of the name, and the attribute of a source with its names of that kind."""

_CHOOSING = (a.Instrument, a.Source, a.Detector, a.Wavelength, a.Physobs, attrs.Measurement)


def _measuring(sources: tuple[Source, ...], values: tuple[str, ...]) -> tuple[Source, ...]:
    found = tuple(source for source in sources if source.measurement in values)
    # "Any/Open" is not a measurement of a source, but the name of a group of them.
    groups = [group.id for group in source_table.known() if group.members and group.measurement in values]
    found += tuple(source for source in source_table.members(groups) if source in sources and source not in found)
    if not found:
        raise QueryError(
            f"With the rest of the query, the measurement cannot be {' or '.join(values)}; "
            f"possible: {_possible(sources)}."
        )
    return found


def _within(sources: tuple[Source, ...], wavelength: a.Wavelength) -> tuple[Source, ...]:
    """Return the sources whose wavelength is in a range, both ends included."""
    if not wavelength.min.unit.is_equivalent(u.AA):
        raise QueryError(
            f"Helioviewer's wavelengths are in angstroms: give a.Wavelength as a length, not in {wavelength.min.unit}."
        )
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
            f"With the rest of the query, no image is at {asked} angstrom; possible measurements: {_possible(sources)}."
        )
    return found


def _possible(sources: tuple[Source, ...]) -> str:
    return ", ".join(sorted({source.measurement for source in sources}))
