"""Convert columns to NDCube, SkyCoord or downloadable files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.arguments import TEXT, close_names, optional, shown, taking
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.fields import common_columns
from sunpy_helio_plugins.hapi import server_list
from sunpy_helio_plugins.hapi.query import PROVIDER
from sunpy_helio_plugins.hapi.tables import HAPIFiles
from sunpy_helio_plugins.hapi.views.mesh import Intervals
from sunpy_helio_plugins.series.axes import axes_of, header_context

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord
    from ndcube import NDCube

__all__ = ["files", "to_ndcube", "to_skycoord"]

FRAMES = {
    "gse": "GeocentricSolarEcliptic", "gsm": "GeocentricSolarMagnetospheric", "sm": "SolarMagnetic",
    "mag": "Geomagnetic", "gei": "GeocentricEarthEquatorial", "hee": "HeliocentricEarthEcliptic",
    "hci": "HeliocentricInertial", "heeq": "HeliographicStonyhurst", "hgs": "HeliographicStonyhurst",
    "geo": "ITRS", "j2000": "GCRS", "gcrs": "GCRS",
}  # fmt: skip
"""
Coordinate systems by their names in SPASE (HAPI's ``coordinateSystemSchema``), as classes of sunpy and astropy.

Ambiguous ones are not included: ICRF without its centre, and Carrington's without an observer.
"""


@taking("hapi.to_ndcube", column=TEXT)
def to_ndcube(table: QTable, column: str) -> NDCube:
    r"""
    Convert a column of spectra to an NDCube with axes of time and bins.

    Parameters
    ----------
    table : astropy.table.QTable
        Records, as returned by `sunpy_helio_plugins.hapi.read`.
    column : str
        The name of a column with several values for each record, such as fluxes for each energy.

    Returns
    -------
    ndcube.NDCube
        Shape (n, \*size), in the order of the table, with an axis of time and one of bins for each further dimension. A
        dimension without bins has an axis of pixels, and so have bins that change with time, which are in
        ``meta["bins"]``. Times are the centres of the intervals of the records, which follow from ``timeStampLocation``
        and the cadence of the dataset.

    Raises
    ------
    QueryError
        If the column does not exist or is not numeric, or if the table contains fewer than two records.
    MissingDependencyError
        If ndcube is not installed.
    """
    table = inputs.records("hapi.to_ndcube", table)
    try:
        from ndcube import NDCube
        from ndcube.extra_coords import QuantityTableCoordinate, TimeTableCoordinate
    except ImportError:
        raise MissingDependencyError("Making an NDCube", "ndcube") from None
    values = _column(table, column)
    if values.dtype.kind not in "fiu" or len(table) < 2:
        raise QueryError(f"An NDCube needs at least two records of numbers; {column!r} has {len(table)} records.")
    axes = axes_of(table, column)
    meta: dict[str, Any] = {**(values.info.meta or {}), "name": column, "bins": axes}
    coordinate = TimeTableCoordinate(_middle(table), names="time", physical_types="time")
    for axis, length in zip(axes, values.shape[1:], strict=True):
        centers = axis.centers
        if centers is None or axis.varies or not np.isfinite(centers).all():
            centers = u.Quantity(np.arange(length), u.pix)
        kind = _physical_type(centers.unit)
        coordinate = QuantityTableCoordinate(centers, names=axis.name, physical_types=kind) & coordinate
    plain = getattr(values, "unmasked", values)
    data = np.asarray(np.ma.getdata(getattr(plain, "value", plain)))
    mask = getattr(values, "mask", None)
    return NDCube(
        data, wcs=coordinate.wcs, mask=None if mask is None else np.asarray(mask), unit=values.unit, meta=meta
    )


@taking("hapi.to_skycoord", column=TEXT, frame=optional(TEXT))
def to_skycoord(table: QTable, column: str, frame: str | None = None) -> SkyCoord:
    """
    Convert a column of positions to coordinates.

    Parameters
    ----------
    table : astropy.table.QTable
        Records, as returned by `sunpy_helio_plugins.hapi.read`.
    column : str
        The name of a column of positions: three lengths, or a distance and two angles according to
        ``vectorComponents``.
    frame : str, optional
        The coordinate system, if the server does not give it, such as ``"GSE"``; an error lists the supported ones.

    Returns
    -------
    astropy.coordinates.SkyCoord
        Coordinates in a frame of sunpy or astropy; their ``obstime`` is the time of each record.

    Raises
    ------
    QueryError
        If the coordinate system is not supported, or if the column does not exist or does not contain positions.
    """
    from astropy.coordinates import SkyCoord

    values = _column(inputs.records("hapi.to_skycoord", table), column)
    meta = values.info.meta or {}
    name = frame or meta.get("coordinateSystemName")
    known = ", ".join(sorted(FRAMES)).upper()
    if not name:
        raise QueryError(f"The server does not give the coordinate system of {column!r}; set frame to one of {known}.")
    made = _frame(str(name), _time(table))
    if made is None:
        raise QueryError(f"The coordinate system {name!r} of {column!r} is not supported; supported are {known}.")
    return SkyCoord(made.realize_frame(_representation(table, column, values)))


@taking("hapi.files", column=TEXT)
def files(table: QTable, column: str) -> HAPIFiles:
    """
    Return the files of a column of URLs, as a table for ``Fido.fetch``.

    Parameters
    ----------
    table : astropy.table.QTable
        Records, as returned by `sunpy_helio_plugins.hapi.read`.
    column : str
        The name of a column of URLs; relative ones are completed by the base URL in ``stringType``.

    Returns
    -------
    HAPIFiles
        One row for each URL, in the order of the table; ``Fido.fetch`` downloads all or some of them.

    Raises
    ------
    QueryError
        If the column does not exist, or does not contain URLs.
    """
    from sunpy_helio_plugins.hapi.client import HAPIClient

    values = _column(inputs.records("hapi.files", table), column)
    if values.dtype.kind not in "US":
        raise QueryError(f"The column {column!r} does not contain text, and therefore no URLs.")
    said = _uri(values.info.meta or {})
    base = said.get("base") or ""
    mask = np.broadcast_to(np.asarray(getattr(values, "mask", False)), values.shape).reshape(len(table), -1)[:, 0]
    texts = np.ma.getdata(values).reshape(len(table), -1)[:, 0].tolist()
    rows = [index for index, text in enumerate(texts) if text and not mask[index]]
    urls = [urljoin(str(base), str(texts[index])) for index in rows]
    odd = next((url for url in urls if not url.startswith(("https://", "http://"))), None)
    if odd is not None:
        raise QueryError(f"The column {column!r} contains {odd!r}, which is not a URL.")
    time = _time(table)[rows]
    nothing = [None] * len(rows)
    made = HAPIFiles(common_columns(time, time, nothing, nothing, PROVIDER), client=HAPIClient())
    made["Name"] = np.array([url.partition("?")[0].rpartition("/")[2] for url in urls], dtype=str)
    made["url"] = np.array(urls, dtype=str)
    made["media_type"] = np.array([str(said.get("mediaType") or "")] * len(rows), dtype=str)
    made["server_url"] = np.array([_server_of(table)] * len(rows), dtype=str)
    return made


def _server_of(table: QTable) -> str:
    """Return the address of the server of records; empty if the file from which they were read does not state it."""
    origin = (table.meta.get("hapi") or {}).get("x_origin") or {}
    return server_list.url_of(str(origin.get("server") or ""))


def _column(table: QTable, column: str) -> Any:
    if column not in table.colnames:
        raise QueryError(
            f"The table has no column {column!r}; it has {shown(table)}.{close_names(column, table.colnames)}"
        )
    return table[column]


def _time(table: QTable) -> Time:
    """Return the times of the records in UTC, which frames and axes use, for a table in any scale."""
    if not isinstance(table.columns[0], Time):
        raise QueryError(
            f"The first column, {table.colnames[0]!r}, contains {type(table.columns[0]).__name__}, not times."
        )
    return table.columns[0].utc


def _middle(table: QTable) -> Time:
    """Return the centre of the interval of each record, since the coordinates of pixels are at their centres."""
    time = _time(table)
    shift = Intervals.of(table.meta).shift((time - time[0]).to_value("s"))
    return time + shift * u.s if shift else time


def _physical_type(unit: u.UnitBase) -> str:
    kinds = {"energy": "em.energy", "frequency": "em.freq", "length": "em.wl", "time": "time.duration"}
    return next((kind for name, kind in kinds.items() if name in unit.physical_type), "custom:pos.bin")


def _uri(meta: dict[str, Any]) -> dict[str, Any]:
    """Return the description of URLs in ``stringType``; the test server of HAPI 3.2 uses a different form."""
    said = meta.get("stringType")
    if not isinstance(said, dict):
        return {}
    inside = said.get("uri")
    return inside if isinstance(inside, dict) else said


def _frame(name: str, time: Time) -> Any:
    import sunpy.coordinates.frames as solar
    from astropy.coordinates import GCRS, ITRS

    cls = FRAMES.get(name.strip().lower(), "")
    found = {"GCRS": GCRS, "ITRS": ITRS}.get(cls) or getattr(solar, cls or "?", None)
    return None if found is None else found(obstime=time)


def _representation(table: QTable, column: str, values: Any) -> Any:
    """Return positions; masked ones are NaN."""
    from astropy.coordinates import CartesianRepresentation, SphericalRepresentation

    meta = values.info.meta or {}
    components = [str(one).lower() for one in meta.get("vectorComponents") or ("x", "y", "z")]
    unit = getattr(values, "unit", None)
    numbers = np.array(np.ma.getdata(getattr(getattr(values, "unmasked", values), "value", values)), dtype=float)
    if numbers.ndim != 2 or numbers.shape[1] != len(components):
        raise QueryError(f"The column {column!r} does not contain vectors of {len(components)} components.")
    mask = getattr(values, "mask", None)
    if mask is not None:
        numbers[np.asarray(mask)] = np.nan
    units = _units(table, column, components)
    parts = {name: numbers[:, index] * units[index] for index, name in enumerate(components)}
    if set(parts) == {"x", "y", "z"} and parts["x"].unit.is_equivalent(u.m):
        return CartesianRepresentation(parts["x"], parts["y"], parts["z"])
    latitude = parts.get("latitude")
    if latitude is None and "colatitude" in parts:
        latitude = 90 * u.deg - parts["colatitude"]
    longitude = parts.get("longitude", parts.get("longitude0"))
    if "r" in parts and latitude is not None and longitude is not None and parts["r"].unit.is_equivalent(u.m):
        return SphericalRepresentation(_angle(longitude), _angle(latitude), parts["r"])
    raise QueryError(f"{column!r} has the components {', '.join(components)} in {unit}, which are not positions.")


def _angle(values: u.Quantity) -> u.Quantity:
    """Return angles, converted from hours if necessary, which the specification allows."""
    return values.to_value(u.hour) * 15 * u.deg if values.unit.is_equivalent(u.hour) else values


def _units(table: QTable, column: str, components: list[str]) -> list[u.UnitBase]:
    """Parse the unit of each component."""
    from sunpy_helio_plugins.quantities.units import parse

    info = table[column].info
    texts = (info.meta or {}).get("unit_string")
    unit = getattr(table[column], "unit", None)
    if unit is not None or not isinstance(texts, list):
        return [unit or u.one] * len(components)
    schema, origin = header_context(table)
    said = {**origin, "description": info.description or ""}
    named = zip(texts, components, strict=False)
    return [parse(text, schema, {**said, "name": f"{column} {component}"}) or u.one for text, component in named]
