"""One search of the registry: a period, alternatives and the columns to return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sunpy_helio_plugins.fido.names import Names

__all__ = ["ARCHIVE", "NAMES", "Alternative", "BoundingBox", "Query", "Triplet"]

ARCHIVE = "HER"

NAMES = Names(providers=("HER", "HEK"))
"""What ``a.Provider`` may say."""


@dataclass(frozen=True)
class Triplet:
    """
    A comparison: keyword, operator, value, and the one type of event it judges, if any.

    ``unit`` is the value's, where each record has a unit of its own; such a comparison is never sent.
    """

    name: str
    operator: str
    value: str
    event_type: str = ""
    unit: str = ""


@dataclass(frozen=True)
class BoundingBox:
    """A box for the events' centres, in arcsec for ``helioprojective`` and in degrees for the other systems."""

    system: str = "helioprojective"
    x1: float = -5000.0
    y1: float = -5000.0
    x2: float = 5000.0
    y2: float = 5000.0
    negated: bool = False


@dataclass(frozen=True)
class Alternative:
    """
    One way in which an event can answer a query; see `sunpy_helio_plugins.her.filters.evaluate` for how it is judged.

    Attributes
    ----------
    start, end : str
        The period, UTC; whole in it with ``strict``, else overlapping it.
    types : tuple of str
        Two letters each; empty for all.
    tests : tuple of Triplet
        All must hold.
    boxes : tuple of BoundingBox
        All must hold.
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
        The period, UTC; an event counts that overlaps it, its ends included.
    types : tuple of str
        Two letters each; empty for all types.
    box : BoundingBox
        Where the events' centres lie. The registry answers nothing without one; the default reaches beyond 5 solar
        radii, so that CMEs count.
    filters : tuple of Triplet
        What else must hold, as far as the registry can judge it.
    limit : int or None
        The largest number of events; `None` for all.
    page_size : int
        Events on a page, at most 1000.
    sort_by : str
        The keyword that orders the events; empty for event_starttime.
    descending : bool
        Whether the largest comes first.
    returns : tuple of str
        The keywords that come with each event; empty for all.
    strict : bool
        Only events wholly in the period.
    tests : str
        What to do with test events: ``"hide"``, ``"only"`` or ``"show"``; empty for the registry's habit, to hide.
    within : tuple of str
        For a containment search, the inner type and its container.
    latest : bool
        Whether only the newest revision of each event counts.
    alternatives : tuple of Alternative
        What this package checks again; an event counts that answers any of them, and all where there are none.
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
    alternatives: tuple[Alternative, ...] = field(default=(), compare=False)

    @property
    def is_exact(self) -> bool:
        """Whether every event that the registry brings answers the query: this package drops none of them."""
        if len(self.alternatives) != 1:
            return not self.alternatives
        (only,) = self.alternatives
        boxes = len(only.boxes) <= 1 and not any(box.negated for box in only.boxes)
        types = only.types == self.types or bool(self.within)
        return boxes and types and set(only.tests) == set(self.filters)

    @property
    def ends_at_limit(self) -> bool:
        """Whether the first events that come are those that a limit means."""
        # Where values are missing, and how text is ordered, is the database's own affair.
        return not self.latest and self.sort_by in ("", "event_starttime", "event_endtime")

    def manner(self) -> tuple[Any, ...]:
        """Return everything that is not about which events are meant: queries that differ in it are never joined."""
        return (
            self.limit, self.page_size, self.sort_by, self.descending, self.returns, self.strict, self.tests,
            self.within, self.latest,
        )  # fmt: skip
