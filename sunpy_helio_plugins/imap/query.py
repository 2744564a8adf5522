"""The query of the IMAP archive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from astropy import units as u
from astropy.time import Time
from sunpy.time import parse_time

from sunpy_helio_plugins.fido.attrs import Wanted
from sunpy_helio_plugins.imap import coverage

__all__ = ["Query", "ingestion_ends"]


@dataclass(frozen=True)
class Query:
    """
    One query of the service.

    Attributes
    ----------
    begin, end : str
        The time range, including both ends, as UTC in ISO 8601 with nanoseconds and a ``Z``; empty for any time.
    instrument, level : str or None
        In the terms of the service; `None` for any.
    descriptor : str or None
        The product. The service does not support ``*`` and ``?``, so that rows are filtered by them.
    version : str
        ``"latest"``, ``"all"``, ``"vMMM.mmmm"``, ``"vNNN"``, or the digits of a major version.
    table : str
        ``"science"``, ``"ancillary"``, ``"quicklook"`` or ``"spice"``.
    repointing, rotation : int or None
        The number of the pointing, or of the Carrington rotation.
    extension, name, kernel : str or None
        The extension of the file, its name without a path, and the type of a SPICE kernel.
    since, until : str
        The range of the ingestion time, in the form of ``begin`` and ``end``.
    released : bool or None
        Whether files must be released.
    detector : tuple of str
        Patterns of the descriptors of a detector's products, by which rows are filtered; empty for all detectors.
    maps : tuple of str
        Patterns of the descriptors of maps, by which rows are filtered; empty for all products.
    map_name : str or None
        The mission's name of a map, by which rows are filtered.
    wanted : tuple of Wanted
        Values that are sent unchanged, and that rows must have.
    """

    begin: str = ""
    end: str = ""
    instrument: str | None = None
    level: str | None = None
    descriptor: str | None = None
    version: str = "latest"
    table: str = "science"
    repointing: int | None = None
    rotation: int | None = None
    extension: str | None = None
    name: str | None = None
    kernel: str | None = None
    since: str = ""
    until: str = ""
    released: bool | None = None
    detector: tuple[str, ...] = ()
    maps: tuple[str, ...] = ()
    map_name: str | None = None
    wanted: tuple[Wanted, ...] = ()

    @property
    def has_wildcards(self) -> bool:
        """Whether the descriptor is a pattern."""
        return self.descriptor is not None and re.search(r"[*?]", self.descriptor) is not None

    @property
    def days(self) -> tuple[date, date] | None:
        """The first and the last start date of matching files; `None` for any."""
        # The service compares both ends of a range with the start date of a file. The range is extended by the duration
        # of the product, since a file that begins before it may overlap with it.
        if not self.begin or not self.end:
            return coverage.map_days(self.map_name) if self.map_name else None
        first, last = date.fromisoformat(self.begin[:10]), date.fromisoformat(self.end[:10])
        if self.table == "ancillary":  # a calibration is valid until the next one, which may be much later
            return date.min, last
        exact = None if self.has_wildcards else self.descriptor
        before = max(map(coverage.longest_map, self.maps), default=0)
        before = before or coverage.longest(self.instrument, self.level, exact)
        return first - timedelta(days=min(before - 1, first.toordinal() - 1)), last


_DAY = re.compile(
    r"\d{4}(?P<mark>[-/])(?:\d{1,2}|[A-Za-z]{3})(?P=mark)\d{1,2}|\d{1,2}-[A-Za-z]{3}-\d{4}|\d{4}:\d{3}|\d{8}", re.ASCII
)
"""The forms of a day without a time of day that sunpy reads, and that of the service."""


def ingestion_ends(since: Any, until: Any) -> tuple[Time | None, Time | None]:
    """Return the ends of a range of ingestion in UTC; a day that is the end is included as a whole."""
    start, end = (None if given is None else _time(given) for given in (since, until))
    if end is not None and _is_day(until):
        # A day is longer than 24 hours if it has a leap second.
        end = Time(end.jd1 + 1, end.jd2, format="jd", scale="utc") - 1 * u.ns
    return start, end


def _is_day(given: Any) -> bool:
    """Return whether a time is given as a whole day."""
    if isinstance(given, np.datetime64):
        return str(given.dtype) == "datetime64[D]"
    if isinstance(given, date):
        return not isinstance(given, datetime)
    return isinstance(given, str) and _DAY.fullmatch(given.strip()) is not None


def _time(given: Any) -> Time:
    """Return a time in UTC; the service's form of a day is not one of sunpy's."""
    text = given.strip() if isinstance(given, str) else given
    if isinstance(text, str) and re.fullmatch(r"\d{8}", text, re.ASCII):
        text = f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return parse_time(text).utc
