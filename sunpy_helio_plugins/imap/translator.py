"""Translation of attrs to queries: requests that the service supports, and filters for the responses."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from astropy import units as u
from astropy.time import Time
from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import alternatives, asked, name_of, of_types, own, uses, wanted
from sunpy_helio_plugins.imap import attrs, coverage, filenames
from sunpy_helio_plugins.imap.mission import EXTENSIONS, LEVELS, MAPPERS, NAMES, Choice, choices, map_patterns
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.quantities import times

__all__ = ["KNOWN", "OWN", "queries"]

OWN = own(attrs)
"""The attrs of this archive; any of them makes a query one of this archive."""

KNOWN = (a.Time, a.Instrument, a.Detector, a.Physobs, a.Level, a.Provider, a.Source, *OWN)
"""The attrs that a query may contain."""

_BOUNDS = (attrs.FileName, attrs.Ingested, attrs.Repointing, attrs.CarringtonRotation)
"""Attrs that replace a time range."""

_SELECTIONS = (a.Instrument, a.Detector, a.Physobs, a.Level, attrs.Descriptor, attrs.Kernel, attrs.Map, attrs.MapName)
"""Attrs with which all files of the mission that they select may be requested."""


def queries(*query: Attr) -> tuple[Query, ...]:
    """Return a query for each combination of values in the attrs, without duplicates, or raise a `QueryError`."""
    found = alternatives(query, KNOWN, "IMAP SDC")
    made = [one for branch in found for each in _branch(branch) for one in _spread(each)]
    return tuple(dict.fromkeys(made))


def _branch(branch: tuple[Attr, ...]) -> list[Query]:
    provider, source = of_types(branch, a.Provider, a.Source)
    _confirm(provider, NAMES.has_provider, NAMES.providers)
    _confirm(source, NAMES.has_source, NAMES.sources)
    spans = _range(branch)
    found = [one for choice in choices(branch) for one in _of_choice(branch, choice, *spans)]
    return [one for each in found for one in (_mapped(each) if each.maps or each.map_name else [each])]


def _mapped(query: Query) -> list[Query]:
    """Return a query for maps for each instrument that makes them, and each level."""
    if query.table not in ("science", "quicklook"):
        raise QueryError(f"The table {query.table!r} does not support a.imap.Map; omit it.")
    if query.instrument not in (None, *MAPPERS):
        raise QueryError(
            f"a.imap.Map: {query.instrument} does not make maps; these instruments do: {', '.join(MAPPERS)}."
        )
    patterns = query.maps or map_patterns(months=coverage.months_of(query.map_name or ""))
    made = []
    for name, (sensors, levels) in MAPPERS.items():
        own = tuple(one for one in patterns if one.startswith(("*", *sensors)))
        if own and query.instrument in (None, name):
            chosen = levels if query.level is None else (query.level,)
            made += [replace(query, instrument=name, level=level, maps=own) for level in chosen]
    if not made:
        raise QueryError(f"a.imap.Map: {query.instrument} does not have such a sensor.")
    return made


def _of_choice(branch: tuple[Attr, ...], choice: Choice, begin: str, end: str) -> list[Query]:
    level, table, kernel = of_types(branch, a.Level, attrs.Table, attrs.Kernel)
    one = Query(begin, end, instrument=choice.instrument, detector=choice.descriptors, level=_level(level))
    fields = asked(branch, OWN)
    values = [value if isinstance(value, tuple) else (value,) for value in fields.values()]
    made = [
        replace(one, **dict(zip(fields, chosen, strict=True)), wanted=plain)
        for chosen in product(*values)
        for plain in product(*wanted(branch))
    ]
    tables = _tables(table, kernel is not None)
    found = [_checked(_on(each, table)) for table in tables for each in made]
    daily = [replace(each, table="ialirt") for each in found if tables == [None] and _is_realtime(each)]
    return found + list(map(_checked, daily))


def _tables(table: Any, kernels: bool) -> list[str | None]:
    named = _values(table, "spice" if kernels else None)
    if kernels and named != ["spice"]:
        raise QueryError("a.imap.Kernel selects SPICE kernels; omit a.imap.Table, or use a.imap.Table('spice').")
    return named


def _on(query: Query, table: str | None) -> Query:
    """Return a query with its table, which is determined by the name if a file name is given."""
    if table is not None:
        return replace(query, table=table)
    if query.name is None:
        return replace(query, table="ancillary") if query.extension in _ANCILLARY_ALONE else query
    found = filenames.table_of(query.name)
    if found is None:
        raise QueryError(
            f"a.imap.FileName({query.name!r}) does not follow the SDC's naming conventions, such as "
            "imap_<instrument>_<level>_<descriptor>_<yyyymmdd>_v<major>.<minor>.cdf."
        )
    if found == "release":
        raise QueryError(f"a.imap.FileName({query.name!r}) is the manifest of a release, which cannot be searched for.")
    return replace(query, table=found)


def _is_realtime(query: Query) -> bool:
    """Return whether a query without a table may select the daily files of I-ALiRT, which are in another archive."""
    if query.name is not None:
        return filenames.is_daily(query.name)
    meant = query.instrument == "ialirt" and query.level in (None, "l1") and "." not in query.version
    named = query.repointing is None and query.rotation is None and query.extension in (None, "cdf")
    listed = not query.until and query.released is not False
    return meant and named and listed and fnmatchcase("realtime", query.descriptor or "*")


_ANCILLARY_ALONE = frozenset(EXTENSIONS["ancillary"]) - frozenset(EXTENSIONS["science"])


def _checked(query: Query) -> Query:
    """Raise a `QueryError` if the table does not support a part of the query."""
    known = EXTENSIONS.get(query.table)
    if known is not None and query.extension is not None and query.extension not in known:
        raise QueryError(
            f"a.imap.Extension({query.extension!r}): the table {query.table!r} contains: {', '.join(known)}; "
            "for another table add a.imap.Table."
        )
    unknown = [_NAMES[field] for field in _ABSENT.get(query.table, ()) if getattr(query, field) is not None]
    if query.table in ("spice", "ialirt"):
        unknown += [name_of(use.attr) for use in uses(attrs) for one in query.wanted if use.parameter == one.parameter]
    if unknown:
        raise QueryError(f"The table {query.table!r} does not support {' and '.join(unknown)}; omit it.")
    if query.table == "ialirt" and query.name is None and not query.end:
        raise QueryError("The archive of I-ALiRT only supports days: add a.Time(start, end).")
    return query


_ABSENT = {
    "ancillary": ("level", "rotation"),
    "spice": ("level", "rotation", "repointing", "extension", "instrument"),
    "ialirt": ("repointing", "rotation"),
}
"""Fields of a query that a table of the service does not support."""

_NAMES = {"level": "a.Level", "instrument": "a.Instrument"} | {
    use.query_field: name_of(use.attr) for use in uses(attrs)
}


def _spread(query: Query) -> list[Query]:
    """Split a query for all instruments by the durations of their products."""
    # Maps require a range of a year, for which the response with all products would be too large.
    wide = query.instrument is None and (query.descriptor is None or query.has_wildcards)
    if not wide or query.days is None or query.table not in ("science", "quicklook"):
        return [query]
    long = [
        replace(query, instrument=instrument, level=level or query.level)
        for instrument, level in coverage.LONG
        if level is None or query.level in (None, level)
    ]
    return [query, *long]


def _values(attr: Any, default: Any) -> list[Any]:
    return list(attr.values) if attr is not None and attr.values else [default]


def _range(branch: tuple[Attr, ...]) -> tuple[str, str]:
    """Return the time range, from ``a.Time`` or ``a.imap.Recent``."""
    time, recent = of_types(branch, a.Time, attrs.Recent)
    if time is not None and recent is not None:
        raise QueryError("a.imap.Recent replaces a.Time: omit one of them.")
    if recent is not None:
        now = Time.now()
        return times.range_text(now - max(recent.values) * u.day, now, 9)
    if time is None:
        if not any(map(_is_bound, branch)):
            words = ", ".join(name_of(word) for word in (attrs.Recent, *_BOUNDS, *_SELECTIONS))
            raise QueryError(f"A search for IMAP files needs a time range: add a.Time(start, end), or one of {words}.")
        return "", ""
    if time.near is not None:
        raise QueryError("IMAP SDC cannot search for the file nearest to a time; give a.Time only a start and an end.")
    return times.range_text(time.start, time.end, 9)


def _is_bound(attr: Attr) -> bool:
    """Return whether an attr selects few files enough for a search without a time range."""
    if type(attr) is attrs.Descriptor:
        return bool(attr.values) and not any(re.search(r"[*?]", value) for value in attr.values)
    return type(attr) in (*_BOUNDS, *_SELECTIONS)


def _level(attr: a.Level | None) -> str | None:
    if attr is None:
        return None
    text = str(attr.value).strip().lower()
    level = f"l{text}" if text[:1].isdigit() else text
    if level not in LEVELS:
        raise QueryError(f"a.Level({attr.value!r}) is not a level of IMAP SDC; allowed: {', '.join(LEVELS)}.")
    return level


def _confirm(attr: Any, is_ours: Callable[[object], bool], names: Sequence[str]) -> None:
    """Raise a `QueryError` if a provider or a source is not this archive."""
    if attr is not None and not is_ours(attr.value):
        raise QueryError(f"{name_of(attr)}({attr.value!r}) is not this archive; its names are: {', '.join(names)}.")
