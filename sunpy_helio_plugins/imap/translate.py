"""Attrs to queries: what the user said, as requests that the service can answer and a filter on what it answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any

from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import branches, explain_foreign, name_of, of_type
from sunpy_helio_plugins.imap import attrs, coverage
from sunpy_helio_plugins.imap.vocabulary import INSTRUMENTS, LEVELS, PROVIDERS, SOURCES
from sunpy_helio_plugins.quantities import times

__all__ = ["KNOWN", "Query", "queries"]

KNOWN = (
    a.Time, a.Instrument, a.Level, a.Provider, a.Source, attrs.File, attrs.Descriptor, attrs.Version,
)  # fmt: skip
"""The attrs that can stand in a query."""


@dataclass(frozen=True)
class Query:
    """
    One question to the service.

    Attributes
    ----------
    begin, end : str
        The time range, both ends included, as UTC in ISO 8601 with nanoseconds and a ``Z``.
    instrument, level : str or None
        As the service names them; `None` for any.
    descriptor : str or None
        The product, perhaps with ``*`` and ``?``, which the service does not know: those are filtered here.
    version : str
        ``"latest"``, ``"vMMM.mmmm"`` or ``"vNNN"``.
    """

    begin: str
    end: str
    instrument: str | None = None
    level: str | None = None
    descriptor: str | None = None
    version: str = "latest"

    @property
    def has_wildcards(self) -> bool:
        """Whether the descriptor is a pattern."""
        return self.descriptor is not None and re.search(r"[*?]", self.descriptor) is not None

    @property
    def days(self) -> tuple[str, str]:
        """
        The first and the last start date that a file of this query can have, as the service writes days.

        The service compares both ends of a range with a file's start date. A file that began before the range may still
        reach into it, so that the range is widened here by the length of the product.
        """
        exact = None if self.has_wildcards else self.descriptor
        before = coverage.longest(self.instrument, self.level, exact) - 1
        first = date.fromisoformat(self.begin[:10]) - timedelta(days=before)
        return f"{first:%Y%m%d}", self.end[:10].replace("-", "")


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
    return tuple(dict.fromkeys(one for branch in branches(*query) for one in _branch(branch)))


def _branch(branch: tuple[Attr, ...]) -> list[Query]:
    explain_foreign(branch, KNOWN, "IMAP SDC")
    _confirm(branch, a.Provider, PROVIDERS)
    _confirm(branch, a.Source, SOURCES)
    begin, end = _range(of_type(branch, a.Time))
    choices = product(
        [_instrument(of_type(branch, a.Instrument))],
        [_level(of_type(branch, a.Level))],
        _values(of_type(branch, attrs.Descriptor), None),
        _values(of_type(branch, attrs.Version), "latest"),
    )
    return [Query(begin, end, *choice) for choice in choices]


def _values(attr: attrs.Descriptor | attrs.Version | None, default: str | None) -> list[Any]:
    return list(attr.values) if attr is not None and attr.values else [default]


def _range(time: a.Time | None) -> tuple[str, str]:
    if time is None:
        raise QueryError("A search for IMAP files needs a time range: add a.Time(start, end).")
    if time.near is not None:
        raise QueryError("IMAP SDC cannot search for the file nearest to a time; give a.Time only a start and an end.")
    if time.start > time.end:
        raise QueryError(f"The time range starts at {time.start.iso}, after its end at {time.end.iso}.")
    return times.iso(time.start, 9), times.iso(time.end, 9)


def _instrument(attr: a.Instrument | None) -> str | None:
    return None if attr is None else _known(attr, str(attr.value).strip().lower(), INSTRUMENTS)


def _level(attr: a.Level | None) -> str | None:
    if attr is None:
        return None
    text = str(attr.value).strip().lower()
    return _known(attr, f"l{text}" if text[:1].isdigit() else text, LEVELS)


def _known(attr: Attr, text: str, allowed: Sequence[str] | dict[str, str]) -> str:
    if text not in allowed:
        raise QueryError(f"{name_of(attr)}({attr.value!r}) is unknown to IMAP SDC; it knows: {', '.join(allowed)}.")
    return text


def _confirm(branch: tuple[Attr, ...], kind: type, names: Sequence[str]) -> None:
    """Refuse a provider or a source that this archive is not."""
    attr = of_type(branch, kind)
    if attr is not None and str(attr.value).strip().lower() not in [name.lower() for name in names]:
        raise QueryError(f"{name_of(kind)}({attr.value!r}) is not this archive; its names are: {', '.join(names)}.")
