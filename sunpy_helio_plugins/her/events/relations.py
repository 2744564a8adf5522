"""Relations between flares, active regions, coronal holes and CMEs, computed from their times and places."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import MARGIN, taking
from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns.points import Points
from sunpy_helio_plugins.her.columns.polygons import Polygons
from sunpy_helio_plugins.her.events.pairs import ANGLE
from sunpy_helio_plugins.her.events.places import COMPARED, EventIntervals, Places, overlaps, rotation
from sunpy_helio_plugins.her.events.regions import active_regions, region_number
from sunpy_helio_plugins.her.outlines import sphere
from sunpy_helio_plugins.her.outlines.trace import Shapes, trace
from sunpy_helio_plugins.her.tables import HERTable, events

__all__ = ["relations"]

CONTAINS, ASSOCIATED = "contains", "is_associated_with"
"""The registry's words: ``"causes"`` is left to authors who have established it."""

OUTLINES = ("hgs_boundcc", "hpc_boundcc")
"""The columns of outlines of holes; each contains the vertices as they were submitted."""

CENTRAL = 100.0
"""Arcsec from the center of the disk within which a position angle does not tell a direction."""

Rows = NDArray[np.intp]


class _Edges(NamedTuple):
    """Relations of one kind: rows of both events, the word, and what they were found by."""

    first: Rows
    second: Rows
    word: str
    by: list[str]


@taking("her.relations", within=MARGIN, near=ANGLE)
def relations(*given: Any, within: u.Quantity = 2 * u.hour, near: u.Quantity = 10 * u.deg) -> QTable:
    """
    Relate flares to active regions, active regions to coronal holes, and CMEs to flares and active regions.

    Parameters
    ----------
    *given : HERTable, row, UnifiedResponse, or list of these
        Events of these types; other types are ignored.
    within : astropy.units.Quantity, optional
        The largest time from the end of a flare to the start of a CME.
    near : astropy.units.Quantity, optional
        The largest angle between a flare and the center of its region on the surface, and by which the position angle
        of an event may be outside that of a CME.

    Returns
    -------
    astropy.table.QTable
        One row for each relation, in the form of `HERTable.associations`: ``first_ivorn``, ``edge_type``,
        ``second_ivorn``, ``first_event_type`` and ``second_event_type``. In addition what it was found by
        (``"number"``, ``"place"``, ``"outline"`` or ``"angle"``), the ``delay`` from the first to the second start in
        s, and the rows ``first`` and ``second`` in the events.

    Raises
    ------
    QueryError
        An argument is not a table of events, or not a duration or an angle of at least 0.

    Notes
    -----
    The words are those of the registry:

    - A region ``"contains"`` a flare that has its number of NOAA, else the flare at the smallest angle from its center;
      a flare is in one region at most. These are the rules of `flares`.
    - A hole ``"contains"`` a region that exists at the same time, and whose center, rotated with the solar surface to
      the time of the hole, is in its outline. This is the rule of the registry's own search for events within others.
    - A flare ``"is_associated_with"`` a CME that starts between its start and ``within`` after its end, and a region
      with one that starts during it, if the position angle at that time is within the angular width of the CME. A CME
      of 360 degrees is associated with all of them.

    Neither shows a cause: ``"causes"``, the registry's word for relations that were established in a publication, is
    not used.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> events = Fido.search(day, a.her.FL | a.her.AR)["her"]
    >>> print(her.relations(events)["first_event_type", "edge_type", "second_event_type", "by"][:2])
    first_event_type edge_type second_event_type   by
    ---------------- --------- ----------------- ------
                  AR  contains                FL number
                  AR  contains                FL number
    """
    limit, angle = float(within.to_value(u.day)), float(near.to_value(u.deg))
    table = events("her.relations", list(given) if len(given) != 1 else given[0], *COMPARED)
    found = _Events(table)
    edges = [*_flares_in_regions(found, angle), *_regions_in_holes(found), *_cmes(found, limit, angle)]
    return _table(table, found, edges)


class _Events:
    """The events of each type, with their times and places."""

    def __init__(self, table: HERTable) -> None:
        self.table = table
        self.kinds = np.array([str(record.get("event_type") or "").upper() for record in table["raw"]], dtype=str)
        self.spans = EventIntervals.of(table, "event_starttime", "event_endtime")
        self.places = Places.of(table)

    def rows(self, kind: str) -> Rows:
        """Return the rows of a type."""
        return np.flatnonzero(self.kinds == kind)

    def intervals(self, rows: Rows) -> EventIntervals:
        """Return the intervals of some rows."""
        return EventIntervals(self.spans.starts[rows], self.spans.ends[rows])

    def pairs(self, first: str, second: str, margin: float = 0.0) -> Iterator[tuple[Rows, Rows]]:
        """Yield the rows of two types whose intervals are at most a margin in days apart."""
        one, two = self.rows(first), self.rows(second)
        for mine, yours in overlaps(self.intervals(one), self.intervals(two), margin):
            yield one[mine], two[yours]

    def position_angles(self, rows: Rows, instants: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return position angles in degrees at given times; NaN without a position, or close to the center."""
        place = self.places
        latitude = place.latitude[rows]
        longitude = place.longitude[rows] + rotation(instants - place.instants[rows], latitude)
        x, y = frames.projected(longitude, latitude, place.tilt[rows], place.distance[rows])
        return np.where(np.hypot(x, y) < CENTRAL, np.nan, np.degrees(np.arctan2(-x, y)) % 360)


def _flares_in_regions(found: _Events, near: float) -> Iterator[_Edges]:
    flares, regions = found.rows("FL"), found.rows("AR")
    numbers = np.array([region_number(record) or 0 for record in found.table["raw"]], dtype=int)[flares]
    placed = np.where(np.isnan(found.places.longitude[flares]), -1, flares)
    rows, by = active_regions(numbers, found.intervals(flares), found.places, placed, found.table[regions], near)
    known = np.flatnonzero(rows >= 0)
    yield _Edges(regions[rows[known]], flares[known], CONTAINS, [by[row] for row in known])


def _regions_in_holes(found: _Events) -> Iterator[_Edges]:
    names = [name for name in OUTLINES if isinstance(found.table.columns.get(name), Polygons)]
    place, pairs = found.places, list(found.pairs("CH", "AR"))
    if not names or not pairs:
        return
    holes, regions = (np.concatenate(rows) for rows in zip(*pairs, strict=True))
    chosen: list[int] = []
    for name in names:
        column: Any = found.table[name]
        traced = trace(Shapes.of(column))
        longitudes, latitudes, _ = traced.on_surface()
        left = np.setdiff1d(np.unique(holes), holes[chosen])
        for hole in left[traced.closed()[left] & (column.counts[left] > 0)]:
            mine = np.flatnonzero(holes == hole)
            rows, here = regions[mine], slice(traced.offsets[hole], traced.offsets[hole + 1])
            latitude = place.latitude[rows]
            days = column.instants[hole].sum() - place.instants[rows]
            towards = sphere.directions(*np.radians([place.longitude[rows] + rotation(days, latitude), latitude]))
            known = ~np.isnan(towards).any(axis=1)
            inside = sphere.inside(towards[known], sphere.corners(longitudes[here], latitudes[here]))
            chosen += mine[known][inside].tolist()
    order = np.array(sorted(chosen), dtype=np.intp)
    yield _Edges(holes[order], regions[order], CONTAINS, ["outline"] * len(order))


def _cmes(found: _Events, within: float, near: float) -> Iterator[_Edges]:
    angles, widths = _directions(found.table)
    for kind, margin in (("FL", within), ("AR", 0.0)):
        for rows, cmes in found.pairs(kind, "CE", margin):
            starts = found.spans.starts[cmes]
            during = (starts >= found.spans.starts[rows]) & (starts <= found.spans.ends[rows] + margin)
            apart = np.abs((found.position_angles(rows, starts) - angles[cmes] + 180) % 360 - 180)
            kept = during & ((apart <= widths[cmes] / 2 + near) | (widths[cmes] >= 360))
            yield _Edges(rows[kept], cmes[kept], ASSOCIATED, ["angle"] * int(kept.sum()))


def _directions(table: HERTable) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the position angles and widths of CMEs in degrees; NaN for a missing angle, 0 for a missing width."""
    polar: Any = table["hrc_coord"] if "hrc_coord" in table.colnames else None
    angles = polar.values[:, 1] if isinstance(polar, Points) else np.full(len(table), np.nan)
    width: Any = table["cme_angularwidth"] if "cme_angularwidth" in table.colnames else None
    if not isinstance(width, u.Quantity):
        return angles, np.zeros(len(table))
    values = np.asarray(getattr(width, "unmasked", width).to_value(u.deg))
    return angles, np.where(getattr(width, "mask", False), 0.0, np.nan_to_num(values))


def _table(table: HERTable, found: _Events, edges: list[_Edges]) -> QTable:
    first, second = (
        np.concatenate([np.empty(0, np.intp), *(getattr(one, side) for one in edges)]) for side in ("first", "second")
    )
    ivorns = np.array([str(record.get("kb_archivid") or "") for record in table["raw"]], dtype=str)
    words = [one.word for one in edges for _ in one.by]
    made = QTable()
    made["first_ivorn"], made["edge_type"] = ivorns[first], np.array(words, dtype=str)
    made["second_ivorn"] = ivorns[second]
    made["first_event_type"], made["second_event_type"] = found.kinds[first], found.kinds[second]
    made["by"] = np.array([by for one in edges for by in one.by], dtype=str)
    made["delay"] = np.round((found.spans.starts[second] - found.spans.starts[first]) * 86400, 3) * u.s
    made["first"], made["second"] = first, second
    return made
