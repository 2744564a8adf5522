"""Convert columns of positions, and the location of a dataset, to SkyCoord."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from astropy.time import Time

from sunpy_helio_plugins.arguments import PLACE, TEXT, optional, taking
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.hapi.model import Info, Parameter
from sunpy_helio_plugins.hapi.views.convert import column_of, times_of
from sunpy_helio_plugins.quantities.units import parse

if TYPE_CHECKING:
    from astropy.coordinates import SkyCoord

__all__ = ["FRAMES", "to_skycoord"]

_GEI, _HAE, _HGS = "GeocentricEarthEquatorial", "HeliocentricMeanEcliptic", "HeliographicStonyhurst"

FRAMES = {
    "gse": "GeocentricSolarEcliptic", "gsm": "GeocentricSolarMagnetospheric", "sm": "SolarMagnetic",
    "mag": "Geomagnetic", "gei": _GEI, "gei_j2000": _GEI, "gei_d": _GEI, "j2000": _GEI, "gcrs": "GCRS",
    "geo": "ITRS", "wgs84": "ITRS", "hee": "HeliocentricEarthEcliptic", "hae": _HAE, "hae_j2000": _HAE, "hae_d": _HAE,
    "hci": "HeliocentricInertial", "heeq": _HGS, "hgs": _HGS,
}  # fmt: skip
"""
Coordinate systems by their names in SPASE (HAPI's ``coordinateSystemSchema``), as classes of sunpy and astropy.

GEI and HAE refer to the mean equinox of J2000, as in SunSPICE, and those with D to that of date (Fraenz and Harper,
2002). J2000 is GEI rather than GCRS, since astropy adds the aberration of light to positions that leave GCRS. Ambiguous
ones are not included: ICRF without its centre, and Carrington's without an observer.
"""

_RTN = "rtn"
_GEODETIC = "wgs84"

Parts = Mapping[str, u.Quantity]
"""The components of positions by their names in HAPI, in lower case; each of shape (n,)."""


@taking("hapi.to_skycoord", column=optional(TEXT), frame=optional(TEXT), origin=optional(PLACE))
def to_skycoord(
    table: QTable, column: str | None = None, frame: str | None = None, *, origin: SkyCoord | None = None
) -> SkyCoord:
    """
    Convert positions to coordinates: a column, or the location of the measurements that the server gives.

    Parameters
    ----------
    table : astropy.table.QTable
        Records, as returned by `sunpy_helio_plugins.hapi.read`.
    column : str, optional
        The name of a column of positions: three lengths, or a distance and two angles according to
        ``vectorComponents``. If not given, the location of the dataset: ``geoLocation``, the point of ``location``, or
        the first of its parameters that the table contains.
    frame : str, optional
        The coordinate system, if the server does not give it, such as ``"GSE"``; an error lists the supported ones.
    origin : astropy.coordinates.SkyCoord, optional
        The position of the spacecraft at the origin of RTN, of shape () or (n,); required for RTN only.

    Returns
    -------
    astropy.coordinates.SkyCoord
        Coordinates in a frame of sunpy or astropy, shape (n,); their ``obstime`` is the time of each record. Those in
        RTN are converted to heliocentric inertial ones (HCI), since astropy has no such frame, and geodetic ones
        (WGS84) to geocentric ones.

    Raises
    ------
    QueryError
        If the coordinate system is not supported or needs an origin, if the column does not exist or does not contain
        positions, or if no column is given and the server does not give a location.
    FileError
        If the header gives a location that is not a list of numbers.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> orbit = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11", "SC_pos_GSE")
    >>> print(hapi.to_skycoord(orbit, "SC_pos_GSE", frame="GSE")[0].distance.round(-3))
    1512000.0 km
    """
    table = inputs.records("hapi.to_skycoord", table)
    if column is not None:
        one = _described(table, column)
        return _coordinates(table, _column_parts(table, column), one.coordinate_system, frame, origin, repr(column))
    info = Info(table.meta.get("hapi") or {})
    if info.location is not None:
        point, described = info.location
        parts = _point_parts(point, described, info, len(table))
        return _coordinates(table, parts, described.coordinate_system, frame, origin, "the location")
    for names in info.location_parameters:
        if set(names) <= set(table.colnames):
            parts = {key: value for name in names for key, value in _column_parts(table, name).items()}
            system = _described(table, names[0]).coordinate_system
            return _coordinates(table, parts, system, frame, origin, " and ".join(map(repr, names)))
    raise QueryError(_no_location(info))


def _no_location(info: Info) -> str:
    choices = " or ".join(", ".join(names) for names in info.location_parameters)
    if choices:
        return f"hapi.to_skycoord: the location is in the parameters {choices}, which the table does not contain."
    return "hapi.to_skycoord: the server does not give the location of this dataset; give a column of positions."


def _coordinates(
    table: QTable, parts: Parts, system: str | None, frame: str | None, origin: Any, subject: str
) -> SkyCoord:
    """Return components in the frame of a coordinate system; ``frame`` replaces that of the server."""
    from astropy.coordinates import SkyCoord

    given = frame or system
    known = ", ".join(sorted((*FRAMES, _RTN))).upper()
    if not given:
        raise QueryError(f"The server does not give the coordinate system of {subject}; set frame to one of {known}.")
    name = "_".join(given.lower().replace("-", " ").split())
    if name != _RTN and name not in FRAMES:
        raise QueryError(f"The coordinate system {given!r} of {subject} is not supported; supported are {known}.")
    if (name == _RTN) != (origin is not None):
        need = (
            "needs origin, the position of the spacecraft" if name == _RTN else "does not take an origin: leave it out"
        )
        raise QueryError(f"hapi.to_skycoord: the coordinate system {given!r} of {subject} {need}.")
    time = times_of(table)
    if name == _RTN:
        return _from_rtn(_cartesian(parts, ("x", "y", "z"), subject), origin, time)
    if name == _GEODETIC and "altitude" in parts:
        return SkyCoord(_frame(name, time).realize_frame(_geodetic(parts, subject)))
    return SkyCoord(_frame(name, time).realize_frame(_representation(parts, subject)))


def _frame(name: str, time: Time) -> Any:
    import astropy.coordinates as general
    import sunpy.coordinates.frames as solar

    cls = getattr(solar, FRAMES[name], None) or getattr(general, FRAMES[name])
    return cls(obstime=time, equinox=time) if name.endswith("_d") else cls(obstime=time)


def _from_rtn(position: Any, origin: Any, time: Time) -> SkyCoord:
    """
    Return positions relative to a spacecraft as heliocentric inertial ones.

    R points from the Sun to the spacecraft, T is the product of the Sun's rotation axis and R, and N completes them.
    """
    from astropy.coordinates import CartesianRepresentation, ConvertError, SkyCoord
    from sunpy.coordinates.frames import HeliocentricInertial

    frame = HeliocentricInertial(obstime=time)
    try:
        place = SkyCoord(origin).transform_to(frame).cartesian.xyz.to(u.km).T
        start = np.broadcast_to(place.value, (len(time), 3))
    except (ConvertError, ValueError, u.UnitsError) as error:
        raise QueryError(
            f"hapi.to_skycoord takes as origin coordinates with a distance, of shape () or ({len(time)},): {error}"
        ) from None
    radial = start / np.linalg.norm(start, axis=1, keepdims=True)
    tangential = np.cross([0.0, 0.0, 1.0], radial)
    tangential /= np.linalg.norm(tangential, axis=1, keepdims=True)
    axes = np.stack([radial, tangential, np.cross(radial, tangential)], axis=1)
    moved = start + np.einsum("nij,in->nj", axes, position.xyz.to_value(u.km))
    return SkyCoord(frame.realize_frame(CartesianRepresentation(moved.T * u.km)))


def _geodetic(parts: Parts, subject: str) -> Any:
    """Return longitudes, latitudes and altitudes above the ellipsoid of WGS84 as geocentric positions."""
    from astropy.coordinates import WGS84GeodeticRepresentation

    longitude, latitude, height = _longitude(parts), parts.get("latitude"), parts["altitude"]
    if longitude is None or latitude is None or not height.unit.is_equivalent(u.m):
        raise _not_positions(parts, subject)
    return WGS84GeodeticRepresentation(_angle(longitude), _angle(latitude), height).to_cartesian()


def _cartesian(parts: Parts, names: Sequence[str], subject: str) -> Any:
    from astropy.coordinates import CartesianRepresentation

    if set(parts) != set(names) or not all(parts[name].unit.is_equivalent(u.m) for name in names):
        raise _not_positions(parts, subject)
    return CartesianRepresentation(*(parts[name] for name in names))


def _representation(parts: Parts, subject: str) -> Any:
    """Return positions; masked ones are NaN."""
    from astropy.coordinates import SphericalRepresentation

    if set(parts) == {"x", "y", "z"}:
        return _cartesian(parts, ("x", "y", "z"), subject)
    latitude, longitude = parts.get("latitude"), _longitude(parts)
    if latitude is None and "colatitude" in parts:
        latitude = 90 * u.deg - parts["colatitude"]
    if "r" in parts and latitude is not None and longitude is not None and parts["r"].unit.is_equivalent(u.m):
        return SphericalRepresentation(_angle(longitude), _angle(latitude), parts["r"])
    raise _not_positions(parts, subject)


def _not_positions(parts: Parts, subject: str) -> QueryError:
    shown = ", ".join(f"{name} in {str(part.unit) or 'no unit'}" for name, part in parts.items())
    return QueryError(f"hapi.to_skycoord: {subject} has the components {shown}, which are not positions.")


def _longitude(parts: Parts) -> u.Quantity | None:
    return parts.get("longitude", parts.get("longitude0"))


def _angle(values: u.Quantity) -> u.Quantity:
    """Return angles, converted from hours if necessary, which the specification allows."""
    return values.to_value(u.hour) * 15 * u.deg if values.unit.is_equivalent(u.hour) else values


def _described(table: QTable, column: str) -> Parameter:
    """Return the description of a column, as far as its metadata contain it."""
    values = column_of(table, column)
    return Parameter({**(values.info.meta or {}), "name": column, "size": list(values.shape[1:])})


def _components(described: Parameter, width: int) -> list[str]:
    return [one.lower() for one in described.vector_components or ("x", "y", "z")[:width]]


def _column_parts(table: QTable, column: str) -> Parts:
    """Return the components of a column; masked values are NaN."""
    values = column_of(table, column)
    plain = np.ma.getdata(getattr(getattr(values, "unmasked", values), "value", values))
    described = _described(table, column)
    components = _components(described, described.width)
    if plain.dtype.kind not in "fiu" or plain.ndim > 2 or described.width != len(components):
        raise QueryError(f"The column {column!r} does not contain vectors of {len(components)} components.")
    numbers = np.array(plain, dtype=float).reshape(len(table), -1)
    mask = getattr(values, "mask", None)
    if mask is not None:
        numbers[np.broadcast_to(np.asarray(mask), plain.shape).reshape(numbers.shape)] = np.nan
    unit = getattr(values, "unit", None)
    texts = (values.info.meta or {}).get("unit_string")
    info = Info(table.meta.get("hapi") or {})
    context = {"name": column, "description": values.info.description or ""}
    # A column whose components have different units has no unit of its own.
    units = _units(texts, components, info, context) if unit is None and isinstance(texts, list) else None
    return {name: numbers[:, at] * (units[at] if units else unit or u.one) for at, name in enumerate(components)}


def _point_parts(point: Sequence[float], described: Parameter, info: Info, count: int) -> Parts:
    """Return the components of a fixed location, repeated for each record."""
    components = _components(described, len(point))
    if len(components) != len(point):
        raise QueryError(f"hapi.to_skycoord: the location has {len(point)} numbers for {', '.join(components)}.")
    given = described.units
    texts = given if isinstance(given, list) else [given] * len(point)
    units = _units(texts, components, info, {"name": "location", "description": ""})
    parts = {name: np.full(count, value) * unit for name, value, unit in zip(components, point, units, strict=True)}
    if (described.coordinate_system or "").lower() == _GEODETIC and set(parts) == {"longitude", "latitude"}:
        parts["altitude"] = np.zeros(count) * u.m
    return parts


def _units(
    texts: Sequence[str | None], components: Sequence[str], info: Info, context: Mapping[str, str]
) -> list[u.UnitBase]:
    """Parse the unit of each component."""
    said = {**info.origin, **context}
    return [
        (parse(text, info.units_schema, {**said, "name": f"{said['name']} {component}"}) if text else None) or u.one
        for text, component in zip(texts, components, strict=True)
    ]
