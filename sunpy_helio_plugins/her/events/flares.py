"""Flares: one row for each, from the reports of several suppliers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io.registry import UnifiedReadWriteMethod
from astropy.table import Column, MaskedColumn, QTable, TableAttribute
from astropy.table.connect import TableRead, TableWrite
from astropy.time import Time
from astropy.utils.masked import Masked
from numpy.typing import NDArray
from sunpy.net import attrs as core
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import MARGIN, TEXTS, choice, optional, refused, taking
from sunpy_helio_plugins.errors import FileError, Problem, QueryError, ServiceError, warn_incomplete
from sunpy_helio_plugins.her.columns import frames
from sunpy_helio_plugins.her.columns.points import Points
from sunpy_helio_plugins.her.events.pairs import ANGLE
from sunpy_helio_plugins.her.events.places import COMPARED, EventIntervals, Places
from sunpy_helio_plugins.her.events.regions import active_regions, region_number
from sunpy_helio_plugins.her.events.reports import Limits, Reports, first_with, grouped
from sunpy_helio_plugins.her.filters import goes
from sunpy_helio_plugins.her.keywords import suppliers
from sunpy_helio_plugins.her.tables import HERTable, events
from sunpy_helio_plugins.io.formats import FORMATS, checked, chosen_form
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.exact import kept_json

__all__ = ["FlareTable", "flares"]

SWPC, SSW = "SWPC", "SSW Latest Events"

LISTS = (SWPC, SSW)
"""The suppliers of times, classes and regions: NOAA's own list first, then the one that is made from its data."""

IMAGES = (SSW, "Flare Detective - Trigger Module", SWPC)
"""The suppliers of positions: those that measure them in images first."""

FACTOR = 0.7
"""
The factor of the 1 to 8 Angstrom fluxes, and thus of the classes, that SWPC published for satellites before GOES-16.

The physical flux is the flux divided by it: Machol, Codrescu and Peck 2021, User's Guide for GOES-R XRS L2 Products,
section 2.2. The fluxes of GOES-16 and later satellites are not scaled.
"""

SCALED_UNTIL, PHYSICAL_FROM = 2458105.5, 2458912.5
"""2017-12-18, when GOES-16 became operational, and 2020-03-05, when GOES-15 was off; the change lies between them."""

RECORDS = "raw"
"""The column of the reports of each flare."""

Strings = NDArray[np.str_]


class FlareWrite(TableWrite):
    """
    Write flares with their reports, so that `FlareTable.read` restores them.

    Parameters
    ----------
    *args, **kwargs
        See `astropy.table.Table.write`. ECSV contains the reports as lists, and Parquet, HDF5 and FITS as text in JSON.
        FITS does not contain ``problems``; other formats cannot be read back.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Write the table."""
        table = self._instance
        form = chosen_form("write", checked("FlareTable.write", args, "write"), kwargs)
        if RECORDS in table.colnames and form in FORMATS and not FORMATS[form].mixins:
            table = table.copy(copy_data=False)
            table[RECORDS] = np.array([json.dumps(reports) for reports in table[RECORDS]], dtype=str)
        if not table.problems:
            table = table.copy(copy_data=False)
            table.meta.pop("__attributes__", None)  # of which FITS would warn
        if form == "hdf5":
            kwargs = {"path": "flares", "serialize_meta": True} | kwargs
        TableWrite(table, type(table))(*args, **kwargs)


class FlareRead(TableRead):
    """
    Read flares that were written by ``write``.

    Parameters
    ----------
    *args, **kwargs
        See `astropy.table.Table.read`.

    Raises
    ------
    FileError
        The reports in the file are damaged.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Read a table."""
        made = super().__call__(*args, **kwargs)
        cells = list(made[RECORDS]) if RECORDS in made.colnames else [""]
        # The text of other formats is the number of reports.
        if all(not isinstance(cell, str) or cell.startswith("[") for cell in cells):
            try:
                made[RECORDS] = _records([kept_json(cell) if isinstance(cell, str) else cell for cell in cells])
            except ValueError as error:
                raise FileError(f"FlareTable.read takes reports as JSON in the column {RECORDS}: {error}.") from None
        return made


class FlareTable(QTable):
    """
    Flares with the reports that they were made from, as returned by `flares`.

    The column ``raw`` contains the reports of each flare as returned by the registry, so that slices keep theirs.

    Attributes
    ----------
    problems : list of str
        What was missing or could not be read in the events that the flares were made from.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> flares = her.flares(day)
    >>> len(flares), len(flares.reports)
    (6, 12)
    """

    problems = TableAttribute(default=[])

    read = UnifiedReadWriteMethod(FlareRead)
    write = UnifiedReadWriteMethod(FlareWrite)

    @property
    def reports(self) -> HERTable:
        """
        The reports of these flares, as a `HERTable` with the number of the row of each in its first column, ``flare``.

        Reports without a flare do not exist: a flare that is reported once has one report.
        """
        made = HERTable.from_records([report for reports in self["raw"] for report in reports])
        numbers = np.repeat(np.arange(len(self)), [len(reports) for reports in self["raw"]])
        made.add_column(Column(numbers, name="flare", dtype=int), index=0)
        return made


@taking("her.flares", within=MARGIN, near=ANGLE, prefer=optional(TEXTS))
def flares(
    *given: Any, within: u.Quantity = 10 * u.min, near: u.Quantity = 200 * u.arcsec, prefer: Any = None
) -> FlareTable:
    """
    Return one row for each flare, from the reports of all suppliers.

    Parameters
    ----------
    *given : HERTable, UnifiedResponse, list of these, or attrs
        Events: flares, and active regions to join them to. Alternatively the attrs of a search; flares of all suppliers
        and the active regions of their time are then searched for.
    within : astropy.units.Quantity, optional
        The largest time between the peaks of two reports of one flare; a report without a peak is compared by its
        middle.
    near : astropy.units.Quantity, optional
        The largest angle between the positions of two reports, as seen from Earth.
    prefer : str or list of str, optional
        Suppliers (``search_frm_name``) whose values are used first. By default times, classes and regions are those of
        SWPC, then those of SSW Latest Events; positions those of SSW Latest Events, then of the Flare Detective.

    Returns
    -------
    FlareTable
        One row for each flare, sorted by peak; ``hpc_x`` and ``hpc_y`` are its position as seen from Earth, and
        ``hgs_coord`` is the same on the surface. ``time_from``, ``class_from``, ``place_from`` and ``region_from`` are
        the suppliers of the values, ``suppliers`` and ``ivorns`` those of all reports, and ``differences`` lists the
        classes and regions of all reports if they are not equal. ``fl_goescls_flux`` is the flux of the class as
        published; ``goes_scale`` and ``goes_flux`` are explained below. ``region`` is the IVORN of the active region,
        found by its ``"number"`` or ``"place"`` (``region_by``). Missing values are masked.

    Raises
    ------
    QueryError
        An argument is not allowed; no request was sent.
    ServiceError
        The search for flares failed. If only that for regions fails, a warning and ``problems`` say so.

    Notes
    -----
    Two reports are of one flare if their intervals overlap, their peaks and positions are close, and their GOES fluxes
    differ by at most a factor of 2. Values that a report does not have are not compared. A supplier has one report of
    a flare, except of different channels or resubmitted ones. The region is not compared, since suppliers often
    disagree on it.

    The class of a flare before GOES-16 includes a factor of 0.7 that SWPC applied to the fluxes of GOES-1 to GOES-15
    [1]_. ``goes_scale`` is ``"operational"`` for these classes, ``"physical"`` for those of GOES-16 and later, and
    ``"unknown"`` between 2017-12-18 and 2020-03-05, unless the report names the satellite. ``goes_flux`` is the
    physical flux, which can be compared across satellites: for example, an operational X9.3 is 1.3e-3 W/m2, which a
    later satellite would report as X13.3. It is masked for an unknown scale.

    References
    ----------
    .. [1] Machol, Codrescu and Peck 2021, User's Guide for GOES-R XRS L2 Products, section 2.2,
       https://data.ngdc.noaa.gov/platforms/solar-space-observing-satellites/goes/goes16/l2/docs/GOES-R_XRS_L2_Data_Users_Guide.pdf

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import her
    >>> day = a.Time("2026-01-10", "2026-01-10 23:59")
    >>> print(her.flares(day)["event_peaktime", "fl_goescls", "suppliers"][:3])
            event_peaktime        fl_goescls        suppliers
    ----------------------------- ---------- -----------------------
    2026-01-10T01:31:00.000000000       C3.4 SWPC, SSW Latest Events
    2026-01-10T06:19:00.000000000       M1.2 SWPC, SSW Latest Events
    2026-01-10T09:57:00.000000000       C1.1 SWPC, SSW Latest Events
    """
    table = _events(given)
    kinds = np.array([str(record.get("event_type") or "").upper() for record in table["raw"]], dtype=str)
    own, regions = table[kinds == "FL"], table[kinds == "AR"]
    limits = Limits(float(within.to_value(u.day)), float(near.to_value(u.arcsec)))
    reports = Reports.of(own)
    first = tuple(_known_supplier(name, reports.suppliers) for name in prefer or ())
    groups = grouped(reports, limits, (*first, *LISTS))
    values = _Values(own, reports, groups, first)
    made = values.table()
    _join_regions(made, values, regions)
    made[RECORDS] = _records([[own["raw"][row] for row in group] for group in groups])
    made.problems = list(table.problems)
    return made


def _known_supplier(name: str, found: list[str]) -> str:
    """Return a preferred supplier in the spelling of the registry; raise QueryError for an unknown one."""
    known = {one.casefold(): one for one in (*suppliers(), *found) if one}
    if name.casefold() not in known:
        raise QueryError(f"her.flares does not know the supplier {name!r} of prefer.{choice(name, known.values())}")
    return known[name.casefold()]


def _events(given: tuple[Any, ...]) -> HERTable:
    """Return events, or search for those that attrs select."""
    if not given or any(isinstance(one, Attr) for one in given):
        return _search(given)
    return events("her.flares", given[0] if len(given) == 1 else list(given), *COMPARED)


def _search(query: tuple[Any, ...]) -> HERTable:
    from sunpy_helio_plugins.her import attrs
    from sunpy_helio_plugins.her.client import HERClient

    if not query or not all(isinstance(one, Attr) for one in query):
        stranger = next((one for one in query if not isinstance(one, Attr)), None)
        raise refused("her.flares", stranger, "events of a search, or attrs such as a.Time(...)")
    client = HERClient()
    found = client.search(*query, attrs.EventType("FL"))
    if not len(found):
        return found
    starts = found["event_starttime"]
    first, last = (Time(edge.isot, scale="utc") for edge in (starts.min(), starts.max()))
    try:
        regions = client.search(core.Time(first, last), attrs.EventType("AR"))
    except ServiceError as error:
        text = f"The active regions are missing, so that flares are not joined to them: {error}"
        found.problems = [*found.problems, Problem.of_error(error, text)]
        warn_incomplete(text)
        return found
    return HERTable.stack(found, regions)


class _Records(list[Any]):
    """The records of one flare, which are printed as their number; any format that stores lists can store them."""

    def __str__(self) -> str:
        return f"{len(self)} report{'s' * (len(self) != 1)}"

    __repr__ = __str__


class _Values:
    """The values of flares, each from the first report that has it."""

    def __init__(self, table: HERTable, reports: Reports, groups: list[list[int]], first: Sequence[str]) -> None:
        self.table_of_reports, self.reports, self.groups, self.first = table, reports, groups, first
        self.records = list(table["raw"])
        self.names = np.array([*reports.suppliers, ""], dtype=str)
        self.numbers = [region_number(record) for record in self.records]
        self.places = Places.of(table)
        self.place_rows = self.rows(~np.isnan(self.places.longitude), IMAGES)

    def rows(self, known: Any, order: Sequence[str]) -> NDArray[np.intp]:
        """Return the row of the report that each flare's value is from; -1 if it is missing."""
        wanted = (*self.first, *order)
        having = np.asarray(known, dtype=bool)
        found = [first_with(group, having, self.reports.suppliers, wanted) for group in self.groups]
        return np.array(found, dtype=np.intp)

    def table(self) -> FlareTable:
        """Return the table, without regions."""
        made = FlareTable()
        self._times(made)
        self._classes(made)
        self._places(made)
        rows = self.rows([number is not None for number in self.numbers], LISTS)
        made["ar_noaanum"] = MaskedColumn([self.numbers[row] or 0 for row in rows], mask=rows < 0, dtype=int)
        made["region_from"] = _texts(self.names[rows])
        made["count"] = np.array([len(group) for group in self.groups], dtype=int)
        made["suppliers"] = self._joined(self.reports.suppliers, ", ")
        made["ivorns"] = self._joined([str(record.get("kb_archivid") or "") for record in self.records], " ")
        made["differences"] = _texts([self._differences(group) for group in self.groups])
        return made

    def _times(self, made: FlareTable) -> None:
        rows = self.rows(~np.isnan(self.reports.starts), LISTS)
        # A report without a peak may have a better start, but the three times belong together.
        rows = np.where(rows < 0, [group[0] for group in self.groups], rows).astype(np.intp)
        for name in ("event_starttime", "event_peaktime", "event_endtime"):
            is_there = name in self.table_of_reports.colnames
            made[name] = self.table_of_reports[name][rows] if is_there else _no_times(len(rows))
        made["time_from"] = _texts(self.names[rows])

    def _classes(self, made: FlareTable) -> None:
        fluxes = np.array(self.reports.fluxes, dtype=float)
        rows = self.rows(~np.isnan(fluxes), LISTS)
        missing = rows < 0
        classes = [str(self.records[row].get("fl_goescls")).strip() if row >= 0 else "" for row in rows]
        scales = [self._scale(row) if row >= 0 else "" for row in rows]
        made["fl_goescls"] = _texts(classes)
        flux = np.append(fluxes, np.nan)[rows]
        made["fl_goescls_flux"] = _quantity(flux, goes.UNIT)
        made["class_from"] = _texts(self.names[rows])
        made["goes_scale"] = _texts(scales)
        factors = {"operational": 1 / FACTOR, "physical": 1.0}
        made["goes_flux"] = _quantity(flux * [factors.get(scale, np.nan) for scale in scales], goes.UNIT)
        made["goes_flux"].mask |= missing

    def _scale(self, row: int) -> str:
        """Return the scale of the class of a report: by its satellite if that is named, else by its time."""
        record = self.records[row]
        words = " ".join(str(record.get(name) or "") for name in ("obs_observatory", "obs_instrument"))
        satellite = re.search(r"GOES[-_ ]?(\d{1,2})\b", words, re.IGNORECASE)
        if satellite:
            return "physical" if int(satellite[1]) >= 16 else "operational"
        peak = self.reports.peaks[row]
        return "operational" if peak < SCALED_UNTIL else "physical" if PHYSICAL_FROM <= peak < np.inf else "unknown"

    def _places(self, made: FlareTable) -> None:
        rows = self.place_rows
        x, y = (np.append(values, np.nan)[rows] for values in (self.places.x, self.places.y))
        made["hpc_x"], made["hpc_y"] = _quantity(x, u.arcsec), _quantity(y, u.arcsec)
        made["hgs_coord"] = self._points(rows)
        made["place_from"] = _texts(self.names[rows])

    def _points(self, rows: NDArray[np.intp]) -> Points:
        """Return the Stonyhurst coordinates of flares, masked where they are unknown or beyond the limb."""
        place = self.places
        values = np.stack([place.longitude, place.latitude], axis=1)
        values[~place.on_disk] = np.nan
        instants = np.stack([place.instants, np.zeros(len(place.instants))], axis=1)
        chosen = (np.append(part, [[np.nan, np.nan]], axis=0)[rows] for part in (values, instants, instants))
        found, when, start = chosen
        return Points(found, "hgs", when, start)

    def _joined(self, texts: list[str], separator: str) -> Strings:
        made = [separator.join(dict.fromkeys(texts[row] for row in group if texts[row])) for group in self.groups]
        return np.array(made, dtype=str)

    def _differences(self, group: list[int]) -> str:
        said = []
        for name, values in (
            ("fl_goescls", [str(self.records[row].get("fl_goescls") or "").strip() for row in group]),
            ("ar_noaanum", [str(self.numbers[row] or "") for row in group]),
        ):
            known = {value: self.reports.suppliers[row] for value, row in zip(values, group, strict=True) if value}
            if len(known) > 1:
                said.append(f"{name}: {', '.join(f'{value} ({whose})' for value, whose in known.items())}")
        return "; ".join(said)


def _join_regions(made: FlareTable, values: _Values, regions: HERTable) -> None:
    """Add the active region of each flare: by its number, else by its place."""
    numbers = np.asarray(made["ar_noaanum"].filled(0))
    spans = EventIntervals.of(made, "event_starttime", "event_endtime")
    rows, by = active_regions(numbers, spans, values.places, values.place_rows, regions)
    records = list(regions["raw"])
    own = [region_number(record) or 0 for record in records]
    ivorns = [str(records[row].get("kb_archivid") or "") if row >= 0 else "" for row in rows]
    _add_regions(made, _texts(ivorns), _texts(by), [own[row] if row >= 0 else 0 for row in rows])


def _add_regions(made: FlareTable, ivorns: MaskedColumn, by: MaskedColumn, found: list[int]) -> None:
    place = made.colnames.index("region_from") + 1
    made.add_columns([ivorns, by], indexes=[place, place], names=["region", "region_by"])
    # A flare without a number gets that of the region at its place; region_by tells the two apart.
    new = np.flatnonzero(np.asarray(made["ar_noaanum"].mask) & (np.array(found, dtype=int) > 0))
    for row in new:
        made["ar_noaanum"][row] = found[row]


def _records(groups: Sequence[Iterable[Any]]) -> Column:
    data = np.empty(len(groups), dtype=object)
    data[:] = [_Records(group) for group in groups]
    return Column(data, copy=False)


def _no_times(count: int) -> Time:
    return times.as_column(frames.times(np.full((count, 2), np.nan)), may_be_missing=True)


def _texts(values: Any) -> MaskedColumn:
    made = np.array(values, dtype=str)
    return MaskedColumn(made, mask=made == "")


def _quantity(values: Any, unit: u.UnitBase) -> Any:
    missing = np.isnan(values)
    return Masked(np.where(missing, 0.0, values), mask=missing) * unit
