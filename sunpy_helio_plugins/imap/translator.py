"""Attrs to queries: what the user said, as requests that the service can answer and a filter on what it answers."""

from __future__ import annotations

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
from sunpy_helio_plugins.fido.attrs import asked, branches, explain_foreign, name_of, of_types, own, uses, wanted
from sunpy_helio_plugins.imap import attrs, coverage, filenames
from sunpy_helio_plugins.imap.mission import EXTENSIONS, LEVELS, NAMES, Choice, choices
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.quantities import times

__all__ = ["KNOWN", "OWN", "queries"]

OWN = own(attrs)
"""The attrs of this archive, each of which makes a query one for it."""

KNOWN = (a.Time, a.Instrument, a.Detector, a.Physobs, a.Level, a.Provider, a.Source, *OWN)
"""The attrs that can stand in a query."""

# Where these stand, the answer is bounded without a time range.
_NARROW = (attrs.FileName, attrs.Ingested, attrs.Repointing, attrs.CarringtonRotation)


def queries(*query: Attr) -> tuple[Query, ...]:
    """
    Return the questions that a query asks.

    Parameters
    ----------
    *query : sunpy.net.attr.Attr
        Attrs that must all hold; trees of any depth.

    Returns
    -------
    tuple of Query
        One for each combination of values, none of them twice.

    Raises
    ------
    QueryError
        The query lacks a time, holds what this archive cannot use, or a value that the service does not know.
    """
    made = [one for branch in branches(*query) for each in _branch(branch) for one in _spread(each)]
    return tuple(dict.fromkeys(made))


def _branch(branch: tuple[Attr, ...]) -> list[Query]:
    explain_foreign(branch, KNOWN, "IMAP SDC")
    provider, source = of_types(branch, a.Provider, a.Source)
    _confirm(provider, NAMES.has_provider, NAMES.providers)
    _confirm(source, NAMES.has_source, NAMES.sources)
    spans = _range(branch)
    return [one for choice in choices(branch) for one in _of_choice(branch, choice, *spans)]


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
    return found + [replace(each, table="ialirt") for each in found if tables == [None] and _is_realtime(each)]


def _tables(table: Any, kernels: bool) -> list[str | None]:
    named = _values(table, "spice" if kernels else None)
    if kernels and named != ["spice"]:
        raise QueryError("a.imap.Kernel stands for SPICE kernels; leave a.imap.Table out, or name 'spice' there.")
    return named


def _on(query: Query, table: str | None) -> Query:
    """Return a question with its table, which for a file's name follows from the name."""
    if table is not None:
        return replace(query, table=table)
    if query.name is None:
        return replace(query, table="ancillary") if query.extension in _ANCILLARY_ALONE else query
    found = filenames.table_of(query.name)
    if found is None:
        raise QueryError(
            f"a.imap.FileName({query.name!r}) follows none of the SDC's conventions, such as "
            "imap_<instrument>_<level>_<descriptor>_<yyyymmdd>_v<major>.<minor>.cdf."
        )
    return replace(query, table=found)


def _is_realtime(query: Query) -> bool:
    """Tell whether a question without a table may mean the daily files of I-ALiRT, which has an archive of its own."""
    if query.name is not None:
        return filenames.is_daily(query.name)
    meant = query.instrument == "ialirt" and query.level in (None, "l1") and "." not in query.version
    named = query.repointing is None and query.rotation is None and query.extension in (None, "cdf")
    bounded = bool(query.end) and not query.until and query.released is not False
    return meant and named and bounded and fnmatchcase("realtime", query.descriptor or "*")


_ANCILLARY_ALONE = frozenset(EXTENSIONS["ancillary"]) - frozenset(EXTENSIONS["science"])


def _checked(query: Query) -> Query:
    """Refuse what the service's table does not have."""
    known = EXTENSIONS.get(query.table)
    if known is not None and query.extension is not None and query.extension not in known:
        raise QueryError(
            f"a.imap.Extension({query.extension!r}): the table {query.table!r} has: {', '.join(known)}; "
            "for another table add a.imap.Table."
        )
    unknown = [_NAMES[field] for field in _ABSENT.get(query.table, ()) if getattr(query, field) is not None]
    if query.table in ("spice", "ialirt"):
        unknown += [name_of(use.attr) for use in uses(attrs) for one in query.wanted if use.parameter == one.parameter]
    if unknown:
        raise QueryError(f"The table {query.table!r} knows no {' and no '.join(unknown)}; leave it out.")
    if query.table == "ialirt" and query.name is None and not query.end:
        raise QueryError("I-ALiRT's archive knows files by their days alone: add a.Time(start, end).")
    return query


_ABSENT = {
    "ancillary": ("level", "rotation"),
    "spice": ("level", "rotation", "repointing", "extension", "instrument"),
    "ialirt": ("repointing", "rotation"),
}
"""Fields of a query that a table of the service does not have."""

_NAMES = {"level": "a.Level", "instrument": "a.Instrument"} | {
    use.query_field: name_of(use.attr) for use in uses(attrs)
}


def _spread(query: Query) -> list[Query]:
    """
    Split a question for all instruments by the lengths of their products.

    A year's worth of everything, which maps need, would be more than the service can answer.
    """
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
    """Return the time range, from a.Time or as the last days."""
    time, recent = of_types(branch, a.Time, attrs.Recent)
    if time is not None and recent is not None:
        raise QueryError("a.imap.Recent stands in place of a.Time: leave one of them out.")
    if recent is not None:
        now = Time.now()
        return times.iso(now - max(recent.values) * u.day, 9), times.iso(now, 9)
    if time is None:
        if not any(type(attr) in _NARROW for attr in branch):
            words = ", ".join(name_of(word) for word in (attrs.Recent, *_NARROW))
            raise QueryError(f"A search for IMAP files needs a time range: add a.Time(start, end), or one of {words}.")
        return "", ""
    if time.near is not None:
        raise QueryError("IMAP SDC cannot search for the file nearest to a time; give a.Time only a start and an end.")
    if time.start > time.end:
        raise QueryError(f"The time range starts at {time.start.iso}, after its end at {time.end.iso}.")
    return times.iso(time.start, 9), times.iso(time.end, 9)


def _level(attr: a.Level | None) -> str | None:
    if attr is None:
        return None
    text = str(attr.value).strip().lower()
    level = f"l{text}" if text[:1].isdigit() else text
    if level not in LEVELS:
        raise QueryError(f"a.Level({attr.value!r}) is unknown to IMAP SDC; it knows: {', '.join(LEVELS)}.")
    return level


def _confirm(attr: Any, is_ours: Callable[[object], bool], names: Sequence[str]) -> None:
    """Refuse a provider or a source that this archive is not."""
    if attr is not None and not is_ours(attr.value):
        raise QueryError(f"{name_of(attr)}({attr.value!r}) is not this archive; its names are: {', '.join(names)}.")
