"""Records as columns: the registry's keywords in the order in which they came, and this package's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from astropy.table import Column
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.fields import COMMON, common_columns
from sunpy_helio_plugins.her import chaincodes, columns
from sunpy_helio_plugins.her import instants as moments
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.places import Places
from sunpy_helio_plugins.her.polygons import Polygons
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


WIDEST = 160.0
"""Degrees of longitude and of latitude from which a box says nothing (JHelioviewer's HEKParser has the same bound)."""


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
    """

    def __init__(self, records: Sequence[Record], problems: list[str], instants: Time | None) -> None:
        self.records = records
        self.reader = columns.Reader(records, problems)
        self.given = instants

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
        for name, column in made.items():
            if column is None:
                made[name] = self.column(name)
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
        instruments, observatories = (self.reader.values(name) for name in ("obs_instrument", "obs_observatory"))
        return common_columns(start, end, instruments, observatories, ARCHIVE)

    def column(self, name: str) -> Any:
        """Return one column."""
        if chaincodes.POLYGONS.fullmatch(name):
            return self.polygons(name)
        return self.places(name) if chaincodes.POINTS.fullmatch(name) else self.reader.column(name)

    def polygons(self, name: str) -> Polygons:
        """Return a column of polygons."""
        values = self.reader.values(name)
        if name.endswith("bbox") and self.everywhere.any():
            values = [None if wide else text for text, wide in zip(values, self.everywhere, strict=True)]
        vertices, offsets, bad = chaincodes.rings(values, 90 if name[:3] in ("hgs", "hgc") else np.inf)
        worst = [index for index in bad if not _is_placeholder(values[index])]
        self._say(name, [values[index] for index in worst], "no polygon")
        holes = [text for text in values if isinstance(text, str) and text.count("(") > 2]
        self._say(name, holes, "more than one ring; the first is kept")
        return Polygons(vertices, offsets, name[:3], self.instants, self.starts)

    @cached_property
    def everywhere(self) -> NDArray[np.bool_]:
        """Which events have the whole near side as their box: that of a flare of which no place is known."""
        made = np.zeros(len(self.records), dtype=bool)
        for name in ("hgs_bbox", "hgc_bbox"):
            vertices, offsets, _ = chaincodes.rings(self.reader.values(name))
            filled = np.flatnonzero(np.diff(offsets))
            if len(filled):
                starts = offsets[filled]
                extent = np.maximum.reduceat(vertices, starts) - np.minimum.reduceat(vertices, starts)
                made[filled] |= (extent >= WIDEST).all(axis=1)
        return made

    def places(self, name: str) -> Places:
        """Return a column of points."""
        values = self.reader.values(name)
        found, bad = chaincodes.points(values)
        found[chaincodes.is_missing(found)] = np.nan
        self._say(name, [values[index] for index in bad], "no point")
        if name[:3] in ("hgs", "hgc"):
            beyond = np.abs(found[:, 1]) > 90
            self._say(name, [values[index] for index in np.flatnonzero(beyond)], "a latitude beyond the pole")
            found[beyond] = np.nan
        return Places(found, name[:3], self.instants, self.starts)

    def _say(self, name: str, odd: list[Any], what: str) -> None:
        if odd:
            words = f"{name}: {len(odd)} values are {what}, such as {str(odd[0])[:80]!r}"
            self.reader.problems.append(f"{words}; see the column raw.")

    def _instants(self, made: dict[str, Any]) -> NDArray[np.float64]:
        if self.given is not None:
            return moments.parts(self.given)
        wanted = moments.chosen(self.reader.values("frm_name"), self.reader.values("frm_versionnumber"))
        instants = self.starts.copy()
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


def _is_placeholder(text: Any) -> bool:
    """Tell whether a polygon is one point: SSW Latest Events' heliographic box is always (1, 1)."""
    numbers = re.findall(r"[^(),\s]+ [^(),\s]+", str(text))
    return len(numbers) > 1 and len(set(numbers)) == 1
