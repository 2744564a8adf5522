"""
The registry's records as a table: times, numbers with units, booleans, coordinates, and what is missing masked.

Columns keep the registry's names. A value that cannot be read is masked and named in ``problems``; the untouched record
stays in the hidden column ``raw``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np
from astropy.table import Column, QTable, TableAttribute
from astropy.time import Time
from numpy.typing import NDArray

from sunpy_helio_plugins.fido import HelioTable
from sunpy_helio_plugins.her import chaincodes, columns, storage
from sunpy_helio_plugins.her import instants as moments
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.places import Places
from sunpy_helio_plugins.her.polygons import Polygons

__all__ = ["HERTable"]

Record = columns.Record

FIRST = ("event_starttime", "event_endtime", "event_type", "frm_name")
"""The first columns, which every table has."""

INSTANT = "detection_time"
"""The column that says to which instant each event's coordinates belong; not the registry's, but this package's."""

FLUX = "fl_goescls_flux"
"""The column of the fluxes of GOES classes; not the registry's."""

SHOWN = (
    *FIRST, "event_peaktime", "fl_goescls", "ar_noaanum", "hpc_x", "hpc_y", "area_atdiskcenter", "cme_radiallinvel",
    "cme_angularwidth",
)  # fmt: skip
"""The columns that are printed where they hold anything; the others are hidden (see ``unhide_columns``)."""

POLYGONS = re.compile(r"(hpc|hgs|hgc|hrc)_(bbox|boundcc|skeletoncc)")
POINTS = re.compile(r"(hpc|hgs|hgc|hrc)_coord")


class HERTable(HelioTable):
    """
    Events of the registry; columns bear the registry's own names in lower case.

    Attributes
    ----------
    edges : list of dict
        What the registry says of the relations between these and other events, as it came; see `associations`.
    problems : list of str
        What is missing from the answer or could not be read, and why.
    """

    edges = TableAttribute(default=[])

    @classmethod
    def from_records(
        cls,
        records: Sequence[Record],
        associations: Iterable[Record] = (),
        problems: Iterable[str] = (),
        client: Any = None,
        instants: Time | None = None,
    ) -> Self:
        """
        Make a table of records as the registry sends them.

        Parameters
        ----------
        records : sequence of dict
            The events; their keys may differ.
        associations : iterable of dict, optional
            The edges between events.
        problems : iterable of str, optional
            What is known to be missing.
        client : sunpy.net.base_client.BaseClient, optional
            The client that asked.
        instants : astropy.time.Time, optional
            Shape (n,): the instants to which the coordinates belong. Defaults to what is known of each method; see
            `sunpy_helio_plugins.her.instants.INSTANTS`.

        Returns
        -------
        HERTable
            One row for each record, in the same order.
        """
        maker = _Maker(records, list(problems), instants)
        made = maker.columns()
        table = cls(list(made.values()), names=list(made), client=client, copy=False)
        table.edges = list(associations)
        table.problems = maker.reader.problems
        return table

    def at(self, instants: Time) -> Self:
        """
        Return the same events with coordinates that belong to other instants.

        Parameters
        ----------
        instants : astropy.time.Time
            One, or one for each row.
        """
        whole = moments.times(np.broadcast_to(moments.parts(instants), (len(self), 2)))
        return type(self).from_records(list(self["raw"]), self.edges, self.problems, self.client, whole)

    @property
    def associations(self) -> QTable:
        """
        The relations between these and other events, as a table.

        Among its columns are ``first_ivorn``, ``edge_type`` (``"is_followed_by"``, ``"splits_into"``,
        ``"merges_into"``, ``"contains"`` and others), ``second_ivorn`` and ``strength``.
        """
        known = dict.fromkeys(("first_ivorn", "edge_type", "second_ivorn"), str)
        names = dict.fromkeys((*known, *(name for edge in self.edges for name in edge)))
        if not self.edges:
            return QTable({name: np.array([], dtype=kind) for name, kind in (known | {"strength": float}).items()})
        return QTable({name: [edge.get(name, "") for edge in self.edges] for name in names})

    def plain(self) -> QTable:
        """
        Return the same rows as a table that any astropy can write and read.

        Polygons are two columns of variable length, ``hpc_boundcc.lon`` and ``hpc_boundcc.lat``, points two of numbers.
        """
        return storage.plain(self)

    def write(self, *args: Any, **kwargs: Any) -> None:
        """
        Write the table; see `plain`.

        Parameters
        ----------
        *args, **kwargs
            As for `astropy.table.QTable.write`.
        """
        self.plain().write(*args, **kwargs)

    @classmethod
    def read(cls, *args: Any, **kwargs: Any) -> Self:
        """
        Read a table that `write` wrote, and rebuild everything.

        Parameters
        ----------
        *args, **kwargs
            As for `astropy.table.QTable.read`.
        """
        return storage.rebuilt(cls, QTable.read(*args, **kwargs))

    @property
    def display_keys(self) -> Any:
        """The columns that are printed; sunpy's own attribute is shared by slices and reset by the first print."""
        own = self.__dict__.get("_display_keys")
        if own is not None:
            return own
        return [name for name in SHOWN if name in self.colnames and (name in FIRST or _holds_anything(self[name]))]

    @display_keys.setter
    def display_keys(self, keys: Any) -> None:
        self.__dict__["_display_keys"] = keys


class _Maker:
    """Makes the columns of a table: the registry's in the order in which they came, and this package's."""

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
        made: dict[str, Any] = dict.fromkeys(name for name in self.names() if name not in ("raw", INSTANT, FLUX))
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
        whole |= {INSTANT: moments.times(self.instants)} | made
        if "event_coordunit" in whole:
            whole |= {name: self.reader.component_units(name) for name in columns.COMPONENTS}
        if "fl_goescls" in whole:
            whole[FLUX] = columns.flux(self.reader.values("fl_goescls"))
        return whole | {"raw": self.raw()}

    def column(self, name: str) -> Any:
        """Return one column."""
        if POLYGONS.fullmatch(name):
            return self.polygons(name)
        return self.places(name) if POINTS.fullmatch(name) else self.reader.column(name)

    def polygons(self, name: str) -> Polygons:
        """Return a column of polygons."""
        values = self.reader.values(name)
        vertices, offsets, bad = chaincodes.rings(values, 90 if name[:3] in ("hgs", "hgc") else np.inf)
        worst = [index for index in bad if not _is_placeholder(values[index])]
        self._say(name, [values[index] for index in worst], "no polygon")
        holes = [text for text in values if isinstance(text, str) and text.count("(") > 2]
        self._say(name, holes, "more than one ring; the first is kept")
        return Polygons(vertices, offsets, name[:3], self.instants, self.starts)

    def places(self, name: str) -> Places:
        """Return a column of points."""
        values = self.reader.values(name)
        found, bad = chaincodes.points(values)
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


def _holds_anything(column: Any) -> bool:
    mask = getattr(column, "mask", None)
    return len(column) > 0 and (mask is None or not mask.all())
