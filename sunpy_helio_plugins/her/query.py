"""One search of the registry: a time range, alternatives and the columns to return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sunpy_helio_plugins.fido.dispatch import Names

__all__ = ["ARCHIVE", "NAMES", "SERVER", "Alternative", "BoundingBox", "Query", "Triplet"]

SERVER = "server_url"
"""The column with the address of the registry in which a row was found."""

ARCHIVE = "HER"

NAMES = Names(providers=("HER", "HEK"))
"""The values of ``a.Provider`` that select this archive."""


@dataclass(frozen=True)
class Triplet:
    """
    A comparison: keyword, operator, value, and the one event type that it applies to, if any.

    ``unit`` is the unit of the value if each record has its own unit; such a comparison is not sent to the registry.
    """

    name: str
    operator: str
    value: str
    event_type: str = ""
    unit: str = ""


@dataclass(frozen=True)
class BoundingBox:
    """A box for the centers of events, in arcsec for ``helioprojective`` and in degrees for the other systems."""

    system: str = "helioprojective"
    x1: float = -5000.0
    y1: float = -5000.0
    x2: float = 5000.0
    y2: float = 5000.0
    negated: bool = False


@dataclass(frozen=True)
class Alternative:
    """
    One set of conditions for the events of a query; evaluated by `sunpy_helio_plugins.her.filters.evaluate`.

    Attributes
    ----------
    start, end : str
        The time range, UTC; events overlap it or, with ``strict``, lie completely within it.
    types : tuple of str
        Two letters each; empty for all.
    tests : tuple of Triplet
        Comparisons, which must all be true.
    boxes : tuple of BoundingBox
        Boxes, which must all contain the event.
    strict : bool
        See ``start``.
    """

    start: str
    end: str
    types: tuple[str, ...] = ()
    tests: tuple[Triplet, ...] = ()
    boxes: tuple[BoundingBox, ...] = ()
    strict: bool = False


@dataclass(frozen=True)
class Query:
    """
    One search of the registry.

    Attributes
    ----------
    start, end : str
        The time range, UTC; events that overlap it are included, both ends inclusive.
    types : tuple of str
        Two letters each; empty for all types.
    box : BoundingBox
        The box around the centers of the events. The registry does not return events without one; the default extends
        beyond 5 solar radii, so that CMEs are included.
    filters : tuple of Triplet
        Other conditions, as far as the registry can evaluate them.
    limit : int or None
        The largest number of events; `None` for all.
    page_size : int
        Events per page, at most 1000.
    sort_by : str
        The keyword to sort by; empty for event_starttime.
    descending : bool
        Whether to sort in descending order.
    returns : tuple of str
        The keywords to return with each event; empty for all.
    strict : bool
        Whether events must lie completely within the time range.
    tests : str
        How to handle test events: ``"hide"``, ``"only"`` or ``"show"``; empty for the default of the registry, to hide.
    within : tuple of str
        For a containment search, the inner type and its container.
    latest : bool
        Whether to return only the newest revision of each event.
    refresh : bool
        Whether to request all events again, also those that earlier searches kept.
    raw : tuple of tuple of str
        Comparisons (keyword, operator, value) and other parameters (name, value) that are sent as they are.
    alternatives : tuple of Alternative
        Conditions that this package checks again; an event must match any of them. If empty, all events match.
    """

    start: str
    end: str
    types: tuple[str, ...] = ()
    box: BoundingBox = BoundingBox()
    filters: tuple[Triplet, ...] = ()
    limit: int | None = None
    page_size: int = 1000
    sort_by: str = ""
    descending: bool = False
    returns: tuple[str, ...] = ()
    strict: bool = False
    tests: str = ""
    within: tuple[str, str] | tuple[()] = ()
    latest: bool = False
    refresh: bool = False
    raw: tuple[tuple[str, ...], ...] = ()
    alternatives: tuple[Alternative, ...] = field(default=(), compare=False)

    @property
    def is_exact(self) -> bool:
        """Whether every event that the registry returns matches the query, so that this package does not drop any."""
        if len(self.alternatives) != 1:
            return not self.alternatives
        (only,) = self.alternatives
        boxes = len(only.boxes) <= 1 and not any(box.negated for box in only.boxes)
        types = only.types == self.types or bool(self.within)
        return boxes and types and set(only.tests) == set(self.filters)

    @property
    def ends_at_limit(self) -> bool:
        """Whether the first events of the response are those that a limit selects."""
        # The position of missing values and the order of text depend on the database.
        return not self.latest and self.sort_by in ("", "event_starttime", "event_endtime")

    def manner(self) -> tuple[Any, ...]:
        """Return all options that do not select events: queries that differ in them are never joined."""
        return (
            self.limit, self.page_size, self.sort_by, self.descending, self.returns, self.strict, self.tests,
            self.within, self.latest, self.refresh, self.raw,
        )  # fmt: skip
