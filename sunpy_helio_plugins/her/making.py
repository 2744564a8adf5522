"""Records as columns: the registry's keywords in the order in which they came, and this package's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from astropy.table import Column
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.fido.fields import COMMON, common_columns
from sunpy_helio_plugins.her import chaincodes, columns
from sunpy_helio_plugins.her import instants as moments
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.positions import Positions
from sunpy_helio_plugins.her.requisites import untold
from sunpy_helio_plugins.her.translate import ARCHIVE
from sunpy_helio_plugins.quantities import times

__all__ = ["FIRST", "Maker"]

Record = columns.Record

FIRST = ("event_starttime", "event_endtime", "event_type", "frm_name")
"""The first columns, which every table has."""

INSTANT = "detection_time"
"""The column that says to which instant each event's coordinates belong; not the registry's, but this package's."""

FLUX = "fl_goescls_flux"
"""The column of the fluxes of GOES classes; not the registry's."""


class Maker:
    """
    Makes the columns of a table.

    Parameters
    ----------
    records : sequence of dict
        The events as the registry sent them.
    problems : list of str
        Takes a sentence for each kind of value that could not be read.
    instants : astropy.time.Time or None
        The instants to which the coordinates belong, if they are not to be what is known of each method.
    partial : bool, optional
        Whether the records came without a part of their keywords: what cannot be read without these is masked.
    """

    def __init__(
        self, records: Sequence[Record], problems: list[str], instants: Time | None, partial: bool = False
    ) -> None:
        self.records = records
        self.reader = columns.Reader(records, problems)
        self.given = instants
        self.untold = untold(records) if partial else {}
        self.reader.untold = frozenset(self.untold)
        if self.untold:
            missing = dict.fromkeys(name for names in self.untold.values() for name in names)
            self.reader.problems.append(
                f"{', '.join(sorted(self.untold))}: masked, since reading them takes {', '.join(missing)}, which did "
                "not come; name keywords in a.her.Return, or leave it out."
            )

    def names(self) -> list[str]:
        """Return the keywords of all records."""
        # An empty answer has every column, so that what works on many events works on none.
        if not len(self.records):
            return list(dict.fromkeys((*FIRST, *(word.name for word in keywords().values()))))
        layouts = dict.fromkeys(map(tuple, self.records))
        return list(dict.fromkeys((*FIRST, *(name for layout in layouts for name in layout if isinstance(name, str)))))

    def columns(self) -> dict[str, Any]:
        """Return the columns by their names."""
        ours = ("raw", INSTANT, FLUX, *COMMON)
        made: dict[str, Any] = dict.fromkeys(name for name in self.names() if name not in ours)
        # Times come first: coordinates belong to them.
        for name in ("event_starttime", "event_endtime", "event_peaktime"):
            if name in made:
                made[name] = self.reader.column(name)
        self.starts = moments.parts(made["event_starttime"])
        self.instants = self._instants(made)
        self.positions = Positions(self.reader, self.instants, self.starts)
        for name, column in made.items():
            if column is None:
                made[name] = self.column(name)
        self.positions.say()
        whole = {name: made.pop(name) for name in FIRST}
        whole |= self.common(whole)
        whole |= {INSTANT: times.as_column(moments.times(self.instants), "Instant of the coordinates")} | made
        if "event_coordunit" in whole:
            whole |= {name: self.reader.component_units(name) for name in columns.COMPONENTS}
        if "fl_goescls" in whole:
            whole[FLUX] = columns.flux(self.reader.values("fl_goescls"))
        return whole | {"raw": self.raw()}

    def common(self, made: dict[str, Any]) -> dict[str, Any]:
        """Return the columns that the tables of all archives share."""
        start, end = (made[name].copy() for name in ("event_starttime", "event_endtime"))
        instruments, observatories = (self.reader.names(name) for name in ("obs_instrument", "obs_observatory"))
        return common_columns(start, end, instruments, observatories, ARCHIVE)

    def column(self, name: str) -> Any:
        """Return one column."""
        if chaincodes.POLYGONS.fullmatch(name):
            return self.positions.polygons(name)
        return self.positions.places(name) if chaincodes.POINTS.fullmatch(name) else self.reader.column(name)

    def _instants(self, made: dict[str, Any]) -> NDArray[np.float64]:
        if self.given is not None:
            return moments.parts(self.given)
        wanted = moments.chosen(self.reader.values("frm_name"), self.reader.values("frm_versionnumber"))
        instants = self.starts.copy()
        if INSTANT in self.untold:
            instants[:] = np.nan
            return instants
        for name in set(wanted) - {"event_starttime"}:
            if made.get(name) is None:
                continue
            found = moments.parts(made[name])
            rows = np.array([keyword == name for keyword in wanted], dtype=bool) & ~np.isnan(found).any(axis=1)
            instants[rows] = found[rows]
        return instants

    def raw(self) -> Column:
        """Return the records themselves."""
        data = np.empty(len(self.records), dtype=object)
        for index, record in enumerate(self.records):
            data[index] = record
        # Not copied: numpy and astropy would copy every record.
        return Column(data, copy=False)
