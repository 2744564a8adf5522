"""One query of the IMAP archive."""

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
    One question to the service.

    Attributes
    ----------
    begin, end : str
        The time range, both ends included, as UTC in ISO 8601 with nanoseconds and a ``Z``; empty for any time.
    instrument, level : str or None
        As the service names them; `None` for any.
    descriptor : str or None
        The product, perhaps with ``*`` and ``?``, which the service does not know: those are filtered here.
    version : str
        ``"latest"``, ``"all"``, ``"vMMM.mmmm"``, ``"vNNN"``, or the digits of a major version.
    table : str
        ``"science"``, ``"ancillary"``, ``"quicklook"`` or ``"spice"``.
    repointing, rotation : int or None
        Number of the pointing, or of the Carrington rotation.
    extension, name, kernel : str or None
        The file's extension, its bare name, and the type of a SPICE kernel.
    since, until : str
        The range of the ingestion time, as ``begin`` and ``end``.
    released : bool or None
        Whether files are to be released.
    detector : tuple of str
        Patterns of the descriptors that a detector's products have, which the service does not know: those are filtered
        here. None for all detectors.
    wanted : tuple of Wanted
        Values that are sent as they are, and that rows must have.
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
        """
        The first and the last start date that a file of this query can have; `None` for any.

        The service compares both ends of a range with a file's start date. A file that began before the range may still
        reach into it, so that the range is widened here by the length of the product.
        """
        if not self.begin or not self.end:
            return None
        first, last = date.fromisoformat(self.begin[:10]), date.fromisoformat(self.end[:10])
        if self.table == "ancillary":  # a calibration holds until the next one, however long that takes
            return date.min, last
        exact = None if self.has_wildcards else self.descriptor
        before = coverage.longest(self.instrument, self.level, exact) - 1
        return first - timedelta(days=min(before, first.toordinal() - 1)), last
