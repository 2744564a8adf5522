"""The table of events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

import astropy.units as u
import numpy as np
from astropy.table import QTable, Table, TableAttribute
from astropy.time import Time
from numpy.typing import NDArray
from sunpy.net.attr import Attr
from sunpy.net.base_client import QueryResponseRow

from sunpy_helio_plugins.arguments import FLAG, TEXTS, TIMES, Kind, optional, taking, unchecked
from sunpy_helio_plugins.errors import Problem
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.fields import COMMON, common_columns, uncollected
from sunpy_helio_plugins.fido.table import ArchiveTable
from sunpy_helio_plugins.her.columns import (  # noqa: F401 - the codecs make their kinds of columns known
    chaincodes,
    codecs,
    parse,
    record_codecs,
    relations,
    storage,
)
from sunpy_helio_plugins.her.columns import frames as moments
from sunpy_helio_plugins.her.columns.points import Points
from sunpy_helio_plugins.her.columns.polygons import Polygons
from sunpy_helio_plugins.her.columns.positions import Positions
from sunpy_helio_plugins.her.columns.storage import INSTANT, rebuilt, stacked
from sunpy_helio_plugins.her.filters.requisites import untold
from sunpy_helio_plugins.her.keywords import keywords
from sunpy_helio_plugins.her.outlines.export import geoparquet
from sunpy_helio_plugins.her.outlines.image import VIEW, in_view
from sunpy_helio_plugins.her.outlines.trace import Shapes
from sunpy_helio_plugins.her.query import ARCHIVE
from sunpy_helio_plugins.her.records.column import EventRecords
from sunpy_helio_plugins.her.records.references import References
from sunpy_helio_plugins.io.tables import header_of, pack
from sunpy_helio_plugins.quantities import times

if TYPE_CHECKING:
    from sunpy_helio_plugins.her.submit.voevent import VOEvent

__all__ = ["FIRST", "HERTable", "TableBuilder", "events", "table_of"]

_common_columns = unchecked(common_columns)
_as_column = unchecked(times.as_column)

Record = parse.Record

Events = TypeVar("Events", bound="HERTable")

FIRST = ("event_starttime", "event_endtime", "event_type", "frm_name")
"""The first columns, which every table has."""

GEOMETRY = "geometry"
"""The column of shapes in GeoParquet files."""

FLUX = "fl_goescls_flux"
"""The column of the fluxes of GOES classes; it is added by this package."""


class TableBuilder:
    """
    Build the columns of a table.

    Parameters
    ----------
    records : sequence of dict
        The events as returned by the registry.
    problems : list of str
        A sentence is added for each kind of value that could not be read.
    instants : astropy.time.Time or None
        The times of the coordinates, instead of those that are known for each method.
    partial : bool, optional
        Whether the records contain only a part of their keywords: values that cannot be read without the others are
        masked.
    """

    def __init__(
        self,
        records: Sequence[Record] | EventRecords,
        problems: list[str],
        instants: Time | None,
        partial: bool = False,
    ) -> None:
        self.records = EventRecords.of(records)
        self.reader = parse.Reader(self.records, problems)
        self.given = instants
        self.untold = untold(self._named()) if partial else {}
        self.reader.untold = frozenset(self.untold)
        if self.untold:
            missing = dict.fromkeys(name for names in self.untold.values() for name in names)
            words = (
                f"{', '.join(sorted(self.untold))}: masked, since reading them requires {', '.join(missing)}, which "
                "were not returned; name the keywords in a.her.Return, or omit it."
            )
            self.reader.problems.append(Problem(words, "query", ARCHIVE))

    def _named(self) -> list[Record]:
        """Return a record with all keywords for each method."""
        methods = self.reader.given.get("frm_name")
        whole = dict.fromkeys(self.reader.given)
        return [whole] if methods is None else [whole | {"frm_name": one} for one in methods.different]

    def names(self) -> list[str]:
        """Return the keywords of all records."""
        # An empty table has every column, so that the same code works with and without events.
        if not len(self.records):
            return list(dict.fromkeys((*FIRST, *(word.name for word in keywords().values()))))
        return list(dict.fromkeys((*FIRST, *(name for name in self.reader.given if isinstance(name, str)))))

    def columns(self) -> dict[str, Any]:
        """Return the columns by name."""
        ours = ("raw", INSTANT, FLUX, *COMMON)
        made: dict[str, Any] = dict.fromkeys(name for name in self.names() if name not in ours)
        # Times first: coordinates depend on them.
        stamps = ("event_starttime", "event_endtime", "event_peaktime")
        made |= self.reader.columns([name for name in stamps if name in made])
        self.starts = moments.parts(made["event_starttime"])
        self.instants = self._instants(made)
        # Then these, since their texts need more memory than all other columns.
        made |= self._positions(list(filter(chaincodes.is_chaincode, made)))
        made |= self.reader.columns([name for name, one in made.items() if one is None])
        self.reader.trim()
        whole = {name: made.pop(name) for name in FIRST}
        whole |= self.common(whole)
        whole |= {INSTANT: _instant_column(moments.times(self.instants))} | made
        if "event_coordunit" in whole:
            whole |= self.reader.component_units()
        if "fl_goescls" in whole:
            whole[FLUX] = parse.flux(self.reader.values("fl_goescls"))
        return whole | {"raw": self.raw()}

    def _positions(self, names: list[str]) -> dict[str, Any]:
        positions = Positions(self.reader, self.instants, self.starts)
        made = positions.columns(names)
        positions.say()
        del positions
        self.reader.trim()
        return made

    def common(self, made: dict[str, Any]) -> dict[str, Any]:
        """Return the columns that the tables of all archives share."""
        start, end = (made[name].copy() for name in ("event_starttime", "event_endtime"))
        instruments, observatories = (self.reader.names(name) for name in ("obs_instrument", "obs_observatory"))
        return _common_columns(start, end, instruments, observatories, ARCHIVE)

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

    def raw(self) -> EventRecords:
        """Return the column of records."""
        return self.records


SHOWN = (
    *FIRST, "Instrument", "Source", "event_peaktime", "fl_goescls", "ar_noaanum", "hpc_x", "hpc_y", "area_atdiskcenter",
    "cme_radiallinvel", "cme_angularwidth",
)  # fmt: skip
"""The columns that are printed if they contain any value; the others are hidden (see ``unhide_columns``)."""


OTHER_NAMES = {
    "vso_time": "row.to_attrs(instrument=False)", "vso_instrument": "row.to_attrs()", "vso_all": "row.to_attrs()",
    "get_voevent": "row.voevent(), or Fido.fetch for the document of the registry",
    "event_coord": "row['hpc_coord']", "raw": "row['raw']",
}  # fmt: skip
"""What sunpy's tables and rows of the HEK have under another name, and the name here."""


class EventRow(QueryResponseRow):
    """One event, which is printed with the columns of its table that are printed, instead of about a hundred."""

    def to_attrs(self, before: u.Quantity = 0 * u.s, after: u.Quantity = 0 * u.s, instrument: bool = True) -> Attr:
        """
        Return the time, instrument and wavelength of the event as attrs; see `~sunpy_helio_plugins.her.to_attrs`.

        Parameters
        ----------
        before, after : astropy.units.Quantity, optional
            The time to add before its start and after its end.
        instrument : bool, optional
            Whether to include the instrument and wavelength.

        Returns
        -------
        sunpy.net.attr.Attr
            The attrs.
        """
        from sunpy_helio_plugins.her.views.to_attrs import to_attrs

        return to_attrs(self, before, after, instrument)

    def voevent(self) -> VOEvent:
        """
        Return the event as a document, made from its record; `Fido.fetch` downloads that of the registry.

        Returns
        -------
        sunpy_helio_plugins.her.voevent.VOEvent
            The event.
        """
        from sunpy_helio_plugins.her.submit import voevent

        return voevent.from_row(self)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(_unknown("row", name))

    def __getitem__(self, item: Any) -> Any:
        try:
            return super().__getitem__(item)
        except KeyError:
            if isinstance(item, str) and item in OTHER_NAMES:
                raise KeyError(_unknown("row", item)) from None
            raise

    def _base_repr_(self, html: bool = False) -> str:
        shown = self.as_table()._display_table
        words = [type(self).__name__, f"index={self.index}"]
        return str(shown._base_repr_(html, words, max_width=-1, tableid=f"table{id(self._table)}"))

    def __str__(self) -> str:
        return "\n".join(self.as_table()._display_table.pformat(max_width=-1))


def _unknown(what: str, name: str) -> str:
    hint = f"; use {OTHER_NAMES[name].replace('row', what, 1)}" if name in OTHER_NAMES else ""
    return f"A {what} of events does not have {name!r}{hint}."


def _records(given: Any) -> list[Any]:
    if isinstance(given, Mapping):
        raise TypeError
    records = list(given)
    if set(map(type, records)) - {dict} and not all(isinstance(one, Mapping) for one in records):
        raise TypeError
    return records


_RECORDS = Kind("a list of dicts", _records)


def _events(given: Any) -> Any:
    if not isinstance(given, QTable) or not {"raw", INSTANT} <= set(given.colnames):
        raise TypeError
    return given


_EVENTS = Kind(f"tables of events with the columns raw and {INSTANT}", _events)


class HERTable(ArchiveTable):
    """
    Events of the registry; columns have the registry's own names in lower case.

    In addition it contains ``Start Time``, ``End Time``, ``Instrument``, ``Source`` and ``Provider``, which the tables
    of all archives have.

    Attributes
    ----------
    edges : list of dict
        The relations between these and other events, as returned by the registry; see `associations`.
    problems : list of str
        Missing parts of the result, values that could not be read, and the reasons.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> import sunpy_helio_plugins
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> holes = Fido.search(day, a.her.CH)["her"]
    >>> print(holes["event_starttime", "frm_name", "area_atdiskcenter"][:2])
        event_starttime     frm_name area_atdiskcenter
                                            km2
    ----------------------- -------- -----------------
    2026-01-09T20:00:05.000    SPoCA     96799997952.0
    2026-01-09T20:00:05.000    SPoCA     38300000256.0
    """

    Row = EventRow
    identity = ("kb_archivid", "revision")
    lineage = ("kb_archivid",)
    needed = ("raw",)
    archive = ARCHIVE
    edges = TableAttribute(default=[])
    unasked = TableAttribute(default=[])
    """Columns that were only requested to read others, and that are not printed."""

    @classmethod
    @taking(
        "HERTable.from_records", records=_RECORDS, associations=_RECORDS, problems=TEXTS, instants=optional(TIMES),
        partial=FLAG,
    )  # fmt: skip
    def from_records(
        cls,
        records: Sequence[Record],
        associations: Iterable[Record] = (),
        problems: Iterable[str] = (),
        client: Any = None,
        instants: Time | None = None,
        partial: bool = False,
    ) -> Self:
        """
        Create a table from records as returned by the registry.

        Parameters
        ----------
        records : sequence of dict
            The events; their keys may differ.
        associations : iterable of dict, optional
            The relations between events.
        problems : iterable of str, optional
            Descriptions of missing parts.
        client : sunpy.net.base_client.BaseClient, optional
            The client that sent the request.
        instants : astropy.time.Time, optional
            Shape (n,): the times of the coordinates. Defaults to those that are known for each method; see
            `sunpy_helio_plugins.her.columns.frames.INSTANTS`.
        partial : bool, optional
            Whether the records contain only a part of their keywords, as with ``a.her.Return("required")``: values that
            cannot be read without the others are masked.

        Returns
        -------
        HERTable
            One row for each record, in the same order.
        """
        return table_of(cls, records, associations, problems, client, instants, partial)

    @taking("HERTable.at", instants=TIMES)
    def at(self, instants: Time) -> Self:
        """
        Return the same events with coordinates at other times.

        Parameters
        ----------
        instants : astropy.time.Time
            One time, or one for each row.

        Returns
        -------
        HERTable
            A copy with these times in ``detection_time``.
        """
        if instants.shape not in ((), (1,), (len(self),)):
            raise inputs.refused("HERTable.at", instants, f"one time, or one for each of {len(self)} rows")
        parts = np.broadcast_to(moments.parts(instants), (len(self), 2)).copy()
        made = self.copy()
        for name in made.colnames:
            if isinstance(made[name], Points | Polygons):
                made[name] = made[name].at(parts)
        made[INSTANT] = _instant_column(moments.times(parts))
        return made

    @taking("HERTable.in_view", view=VIEW)
    def in_view(self, view: Any) -> NDArray[np.bool_]:
        """
        Return which events are in view of an image, rotated with the solar surface to its time.

        Parameters
        ----------
        view : sunpy.map.GenericMap or sunpy.coordinates.Helioprojective
            A map in helioprojective coordinates, of any observer and time; or the frame of one, without a field of
            view.

        Returns
        -------
        numpy.ndarray of bool
            Shape (n,): whether any part of the outline of an event, or else of its line, box or position, is on the
            near side and in the map.
        """
        return in_view(self, view)

    @property
    def associations(self) -> QTable:
        """
        The relations between these and other events, as a table.

        Its columns include ``first_ivorn``, ``edge_type`` (``"is_followed_by"``, ``"splits_into"``, ``"merges_into"``,
        ``"contains"`` and others), ``second_ivorn`` and ``strength``.
        """
        return relations.associations(self)

    def __getitem__(self, item: Any) -> Any:
        try:
            return super().__getitem__(item)
        except KeyError:
            if isinstance(item, str) and item in OTHER_NAMES:
                raise KeyError(_unknown("table", item)) from None
            raise

    def plain(self) -> QTable:
        """
        Return the same rows as a table with only the column types of astropy.

        A column of polygons is converted to two columns of variable length, ``hpc_boundcc.lon`` and
        ``hpc_boundcc.lat``, a column of points to two columns of numbers.

        Returns
        -------
        astropy.table.QTable
            The rows.
        """
        return storage.plain(self)

    def to_pandas(self, *args: Any, **kwargs: Any) -> Any:
        """
        Return the same rows as a `pandas.DataFrame`: numbers without units, times in UTC, outlines (WKT) as text.

        Missing times are ``NaT``. Outlines as shapes are those of ``table["hpc_boundcc"].to_geodataframe()``.

        Parameters
        ----------
        *args, **kwargs
            As for `astropy.table.Table.to_pandas`.

        Returns
        -------
        pandas.DataFrame
            The rows.
        """
        return storage.flat(self, "pandas").to_pandas(*args, **kwargs)

    _new_columns = (*ArchiveTable._new_columns, EventRecords, Points, Polygons, References)

    def _plain_for(self, form: str, options: dict[str, Any]) -> Any:
        name = options.pop("geometry", None)
        if name is None:
            with uncollected():
                return super()._plain_for(form, options)
        known = [one for one in self.colnames if isinstance(self[one], Polygons)]
        if form != "parquet":
            raise inputs.refused("HERTable.write", form, "geometry for Parquet only")
        if name not in known:
            raise inputs.refused("HERTable.write", name, f"as geometry one of {', '.join(known)}")
        column = GEOMETRY if GEOMETRY not in self.colnames else f"{name}.{GEOMETRY}"
        shapes, told = geoparquet(Shapes.of(self[name]), self[name].system, column)
        made = pack(self, form, self._kept(), {column: shapes})
        made.meta["geo"] = told
        return made

    def _for_format(self, form: str) -> Table:
        return storage.flat(self, form)

    @classmethod
    def _from_plain(cls, plain: Table) -> Self:
        """Return the events of a file; without a header of this package they are created again from the records."""
        return super()._from_plain(plain) if header_of(plain) is not None else rebuilt(cls, QTable(plain))

    @classmethod
    @taking("HERTable.stack", tables=_EVENTS)
    def stack(cls, *tables: Self) -> Self:
        """
        Return the events of several tables as one table, created from all their records.

        `astropy.table.vstack` can be used as well, except for a column that is a quantity in one table and does not
        have a known unit in another. Each relation is included once.

        Parameters
        ----------
        *tables : HERTable
            The tables, with their columns ``raw`` and ``detection_time``; columns that were added to them are stacked
            as they are.

        Returns
        -------
        HERTable
            All rows.
        """
        return stacked(cls, tables)

    @property
    def display_keys(self) -> Any:
        """The columns that are printed; sunpy's own attribute is shared by slices and reset when printing."""
        own = self.__dict__.get("_display_keys")
        if own is not None:
            return own
        if "raw" not in self.colnames:
            # The columns were selected by the user.
            return slice(None)
        shown = [name for name in SHOWN if name in self.colnames and (name in FIRST or name not in self.unasked)]
        return [name for name in shown if name in FIRST or _holds_anything(self[name])]

    @display_keys.setter
    def display_keys(self, keys: Any) -> None:
        self.__dict__["_display_keys"] = keys


def table_of(
    kind: type[Events], records: Sequence[Record] | EventRecords, associations: Iterable[Record],
    problems: Iterable[str], client: Any, instants: Time | None = None, partial: bool = False,
) -> Events:  # fmt: skip
    """Return the table of the records of a search; see `HERTable.from_records`."""
    with uncollected():
        maker = TableBuilder(records, list(problems), instants, partial)
        made = maker.columns()
        table = kind(list(made.values()), names=list(made), client=client, copy=False)
    table.edges = list(associations)
    table.problems = maker.reader.problems
    return table


def _instant_column(instants: Time) -> Time:
    return _as_column(instants, "Instant of the coordinates", may_be_missing=True)


def _holds_anything(column: Any) -> bool:
    mask = getattr(column, "mask", None)
    return len(column) > 0 and (mask is None or not mask.all())


def events(function: str, given: Any, *needed: str) -> HERTable:
    """Return the results of an event search, or a part of them, as one table, which must have some columns."""
    tables = inputs.tables(function, given, HERTable, "events, as returned by a search of the registry", needed)
    return tables[0] if len(tables) == 1 else HERTable.stack(*tables)
