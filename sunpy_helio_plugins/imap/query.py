"""The query of the IMAP archive."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from sunpy_helio_plugins.fido.attrs import Wanted
from sunpy_helio_plugins.imap import coverage

__all__ = ["Query"]


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
            return None
        first, last = date.fromisoformat(self.begin[:10]), date.fromisoformat(self.end[:10])
        if self.table == "ancillary":  # a calibration is valid until the next one, which may be much later
            return date.min, last
        exact = None if self.has_wildcards else self.descriptor
        before = coverage.longest(self.instrument, self.level, exact) - 1
        return first - timedelta(days=min(before, first.toordinal() - 1)), last
