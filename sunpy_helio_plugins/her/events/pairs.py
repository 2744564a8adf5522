"""Pairs of events, or of events and observations, at the same time and place."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import MaskedColumn, QTable, Row, Table
from astropy.time import Time
from astropy.utils.masked import Masked

from sunpy_helio_plugins.arguments import MARGIN, Kind, is_several, optional, refused, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her.events.places import COMPARED, EventIntervals, Places, overlaps
from sunpy_helio_plugins.her.tables import HERTable, events

__all__ = ["ANGLE", "match"]

START, END = "Start Time", "End Time"
"""The columns that tables of all archives have."""


def _angle(given: Any) -> Any:
    if not isinstance(given, u.Quantity) or not given.isscalar or not given.to_value(u.arcsec) >= 0:
        raise TypeError
    return given


ANGLE = Kind("an angle of at least 0, such as 100 * u.arcsec,", _angle)


@taking("her.match", within=MARGIN, near=optional(ANGLE))
def match(table: Any, other: Any, *, within: u.Quantity = 0 * u.s, near: u.Quantity | None = None) -> QTable:
    """
    Match events with other events, or with the rows of any search, by time and position.

    Parameters
    ----------
    table : HERTable, row, UnifiedResponse, or list of these
        Events.
    other : HERTable, other table, row, UnifiedResponse, or list of these
        Other events, or a table with the columns ``Start Time`` and ``End Time``, which the results of all searches of
        this package and most of sunpy's have. If it is the same object as ``table``, each pair of different rows is
        returned once.
    within : astropy.units.Quantity, optional
        The largest time between the end of one and the start of the other. By default they must overlap.
    near : astropy.units.Quantity, optional
        The largest angle between the positions as seen from Earth; then only events with positions match. By default
        positions are not compared.

    Returns
    -------
    astropy.table.QTable
        One row for each pair, sorted by ``first``: the row numbers ``first`` and ``second`` in the two tables, the
        ``delay`` from the first to the second start in s, the ``separation`` in arcsec (masked if a position is
        missing), and the IVORNs ``first_ivorn`` and ``second_ivorn`` (empty for rows that are not events).

    Raises
    ------
    QueryError
        An argument is not a table of events, lacks the times, or, with ``near``, the positions.

    Notes
    -----
    This is what ``hek_match_events`` of SolarSoft does. Positions more than 15 minutes apart are rotated with the solar
    surface to the time of the second event; one that has rotated to the far side does not match.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import astropy.units as u
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> flares = Fido.search(day, a.her.FL)["her"]
    >>> print(her.match(flares, holes, within=2 * u.hour, near=600 * u.arcsec)["first", "second"])
    first second
    ----- ------
        9     14
        9     17
    """
    left = events("her.match", table, *COMPARED)
    right = _rows(other)
    margin, limit = float(within.to_value(u.day)), None if near is None else float(near.to_value(u.arcsec))
    for side, of in (("first", left), ("other", right)) if limit is not None else ():
        if "hpc_coord" not in of.colnames:
            raise QueryError(
                f"her.match compares positions of events only; the {side} table does not have any: omit near= to match "
                "by time."
            )
    own, its = Places.of(left), Places.of(right)
    found: list[Any] = [(np.empty(0, int), np.empty(0, int), np.empty(0))]
    mine = EventIntervals.of(left, *COMPARED[:2])
    theirs = EventIntervals.of(right, *(COMPARED[:2] if isinstance(right, HERTable) else (START, END)))
    for one, two in overlaps(mine, theirs, margin):
        apart = own.separation(one, its, two)
        kept = one < two if other is table else np.full(len(one), True)
        kept &= True if limit is None else apart <= limit
        found.append((one[kept], two[kept], apart[kept]))
    first, second, apart = (np.concatenate(part) for part in zip(*found, strict=True))
    return _table(left, right, (first, second), (theirs.starts[second] - mine.starts[first]) * 86400, apart)


def _rows(other: Any) -> Table:
    """Return other events or the rows of another search as one table with times."""
    if isinstance(other, Row):
        other = other.table[other.index : other.index + 1]
    if not isinstance(other, Table) and is_several(other) and not isinstance(other, str | bytes | dict):
        parts = list(other)
        other = parts[0] if len(parts) == 1 and isinstance(parts[0], Table) else events("her.match", parts, *COMPARED)
    if not isinstance(other, Table) or not _has_times(other):
        raise refused("her.match", other, "events or a table with columns Start Time and End Time as other")
    return events("her.match", other, *COMPARED) if isinstance(other, HERTable) else other


def _has_times(table: Table) -> bool:
    return isinstance(table, HERTable) or all(
        name in table.colnames and isinstance(table[name], Time) for name in (START, END)
    )


def _table(left: HERTable, right: Table, pairs: Any, delays: Any, apart: Any) -> QTable:
    first, second = pairs
    missing = np.isnan(apart)
    made = QTable({"first": first, "second": second})
    made["delay"] = np.round(delays, 3) * u.s
    made["separation"] = Masked(np.where(missing, 0.0, apart), mask=missing) * u.arcsec
    made["first_ivorn"], made["second_ivorn"] = _ivorns(left)[first], _ivorns(right)[second]
    return made


def _ivorns(table: Table) -> MaskedColumn:
    records = table["raw"] if isinstance(table, HERTable) else [{}] * len(table)
    return MaskedColumn(np.array([str(record.get("kb_archivid") or "") for record in records], dtype=str))
