"""Test the conversion of positions to coordinates, with numbers of other programs for every coordinate system."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import EarthLocation, SkyCoord
from sunpy.coordinates.frames import HeliographicStonyhurst

from sunpy_helio_plugins import hapi
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.hapi.views.positions import FRAMES

SPHERICAL = ["r", "longitude", "latitude"]
RE = 6378.14
"""The radius of the Earth in km that Fraenz and Harper use."""


def table(parameters: list[dict[str, Any]], *rows: str, times: Sequence[str] = (), **members: Any) -> Any:
    stamps = times or [f"2026-01-10T00:0{index}:00Z" for index in range(len(rows))]
    lines = "".join(f"{stamp},{row}\n" for stamp, row in zip(stamps, rows, strict=True))
    time = {"name": "Time", "type": "isotime", "length": len(stamps[0])}
    header = json.dumps({"format": "csv", "HAPI": "3.3", "parameters": [time, *parameters], **members})
    return hapi.read(f"#{header}\n{lines}".encode())


def column(system: str | None, units: Any = "km", name: str = "pos", **members: Any) -> dict[str, Any]:
    return {
        "name": name, "type": "double", "size": [3], "units": units, "coordinateSystemName": system, **members
    }  # fmt: skip


def place(system: str, numbers: Sequence[float], time: str, units: Any, **members: Any) -> SkyCoord:
    records = table([column(system, units, **members)], ",".join(map(repr, numbers)), times=[time])
    return hapi.to_skycoord(records, "pos")


def separation(one: SkyCoord, other: SkyCoord) -> tuple[float, float]:
    """Return the distance of two positions in the frame of the second, and of the second from its origin, in km."""
    here, there = one.transform_to(other.frame).cartesian.xyz.to_value("km"), other.cartesian.xyz.to_value("km")
    return float(np.linalg.norm(here - there)), float(np.linalg.norm(there))


# Of SunSPICE, as quoted by the tests of sunpy (convert_sunspice_lonlat, /au, /degrees): r, longitude and latitude.
SUNSPICE = [
    ("2019-06-01T00:00:00Z", ("HAE", 1, 0, 10), ("HEE", 1.0, 110.01610, 10.000300), 0.1),
    ("2019-06-01T00:00:00Z", ("HEEQ", 1, 0, 10), ("HAE", 1.0, -108.65371, 10.642778), 0.2),
    ("2019-06-01T00:00:00Z", ("HGS", 1, 0, 10), ("HAE_J2000", 1.0, -108.65371, 10.642778), 0.2),
    ("2019-06-01T00:00:00Z", ("HEEQ", 1, 0, 10), ("HAE_D", 1.0, -108.38240, 10.640314), 0.2),
    ("2019-06-01T00:00:00Z", ("HEEQ", 1, 120, 10), ("HCI", 1.0, -65.736793, 10.0), 0.5),
    ("2019-06-01T00:00:00Z", ("HEE", 0.7, -20, 10), ("GSE", 0.45215884, 32.777377, 15.594639), 0.1),
    ("2019-06-01T00:00:00Z", ("HAE", 1, 120, 10), ("GEI", 1.8197210, 95.230617, 28.830109), 0.1),
    ("2019-06-01T00:00:00Z", ("HAE", 1, 120, 10), ("gei-j2000", 1.8197210, 95.230617, 28.830109), 0.1),
    ("2019-06-01T00:00:00Z", ("HAE", 1, 120, 10), ("J2000", 1.8197210, 95.230617, 28.830109), 0.1),
    ("2017-10-30T00:00:00Z", ("GEO", 0.7, -20, 10), ("MAG", 0.7, 54.400820, 15.674828), 40),
    ("2017-10-30T00:00:00Z", ("GEO", 0.7, -20, 10), ("SM", 0.7, 163.35062, 15.674828), 40),
    ("2017-10-30T00:00:00Z", ("GEO", 0.7, -20, 10), ("GSM", 0.7, 163.98552, -0.71263503), 40),
]


@pytest.mark.parametrize(("time", "given", "expected", "arcseconds"), SUNSPICE)
def test_positions_equal_those_of_sunspice(time: str, given: Any, expected: Any, arcseconds: float) -> None:
    units = ["AU", "degrees", "degrees"]
    here, there = (
        place(system, numbers, time, units, vectorComponents=SPHERICAL) for system, *numbers in (given, expected)
    )
    error, distance = separation(here, there)
    assert error / distance * 206265 < arcseconds


def test_the_equinox_of_date_is_that_of_fraenz_and_harper() -> None:
    """Heliospheric coordinate systems, 2002, table 8 in the revision of 2017, in radii of the Earth."""
    time = "1996-08-28T16:44:57.816Z"  # 16:46 TT
    vectors = {
        "GEI_J2000": (-5.7840451, -4.1082375, 1.9146822), "GEI_D": (-5.7864918, -4.1039136, 1.9165612),
    }  # fmt: skip
    j2000, date = (place(name, [RE * one for one in vector], time, "km") for name, vector in vectors.items())
    error, _ = separation(j2000, date)
    assert error < 2e-3


def test_gcrs_and_geo_differ_by_the_matrix_of_sofas_cookbook() -> None:
    """SOFA Tools for Earth Attitude, section 5.5: 2007 April 5, 12h UTC, in the frame of the ITRS."""
    time = "2007-04-05T12:00:00Z"
    columns = {
        (1, 0, 0): (0.973104317697, -0.230363800456, 0.000711560163),
        (0, 1, 0): (0.230363826239, 0.973104570633, 0.000046626402),
        (0, 0, 1): (-0.000703163482, 0.000118545368, 0.999999745754),
    }
    for axis, turned in columns.items():
        error, _ = separation(place("GCRS", axis, time, "km"), place("GEO", turned, time, "km"))
        assert error < 2e-8


def test_every_system_is_compared_with_another_program() -> None:
    compared = {one for _, *pair, _ in SUNSPICE for one, *_ in pair}
    names = {one.lower().replace("-", "_") for one in compared}
    assert set(FRAMES) - names == {"gei_d", "gcrs", "wgs84"}


@pytest.mark.parametrize("name", sorted(FRAMES))
def test_every_system_that_is_named_makes_coordinates(name: str) -> None:
    made = hapi.to_skycoord(table([column(name.upper())], "1e6,2e5,3e4", "1e6,2e5,3e4"), "pos")
    assert made.cartesian.xyz.to_value("km")[:, 1].tolist() == pytest.approx([1e6, 2e5, 3e4])
    assert made.obstime.isot.tolist() == ["2026-01-10T00:00:00.000000000", "2026-01-10T00:01:00.000000000"]


def test_the_positions_of_a_server_are_coordinates(archive: Any) -> None:
    records = hapi.load("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-11", "SC_pos_GSE")
    with pytest.raises(QueryError, match="does not give the coordinate system"):
        hapi.to_skycoord(records, "SC_pos_GSE")
    made = hapi.to_skycoord(records, "SC_pos_GSE", frame="GSE")
    assert made.frame.name == "geocentricsolarecliptic"
    assert made.cartesian.x[0] == records["SC_pos_GSE"][0, 0]
    assert (made.obstime == records["Time"]).all()
    with pytest.raises(QueryError, match="does not give the location of this dataset; give a column of positions"):
        hapi.to_skycoord(records)


def test_spherical_positions_and_unknown_systems() -> None:
    one = column("HCI", ["R_sun", "deg", "deg"], vectorComponents=SPHERICAL)
    made = hapi.to_skycoord(table([one], "10,30,5", "11,31,6"), "pos")
    assert made.lon.to_value(u.deg).tolist() == pytest.approx([30, 31])
    with pytest.raises(QueryError, match="'ICRF' of 'pos' is not supported; supported are GCRS, GEI, GEI_D"):
        hapi.to_skycoord(table([{**one, "coordinateSystemName": "ICRF"}], "1,2,3"), "pos")
    with pytest.raises(QueryError, match="'pos' has the components x in nT, y in nT, z in nT, which are not positions"):
        hapi.to_skycoord(table([column("GSE", "nT")], "1,2,3"), "pos")


def test_missing_positions_are_nan() -> None:
    made = hapi.to_skycoord(table([column("GSE", fill="-1")], "1,2,3", "1,-1,3"), "pos")
    assert np.isnan(made.cartesian.xyz.value).tolist() == [[False, False], [False, True], [False, False]]


# RTN

EARTH = SkyCoord(HeliographicStonyhurst(0 * u.deg, -0.6 * u.deg, 1.01 * u.AU, obstime="2019-06-01"))


def test_rtn_needs_its_origin() -> None:
    records = table([column("RTN")], "1,2,3")
    with pytest.raises(QueryError, match="'RTN' of 'pos' needs origin, the position of the spacecraft"):
        hapi.to_skycoord(records, "pos")
    with pytest.raises(QueryError, match="'GSE' of 'pos' does not take an origin: leave it out"):
        hapi.to_skycoord(records, "pos", "GSE", origin=EARTH)
    with pytest.raises(QueryError, match=r"takes as origin coordinates with a distance, of shape \(\) or \(1,\)"):
        hapi.to_skycoord(records, "pos", origin=SkyCoord([EARTH, EARTH]))
    with pytest.raises(QueryError, match="takes a SkyCoord or None as origin"):
        hapi.to_skycoord(records, "pos", origin="Earth")


def test_rtn_of_the_earth_equals_that_of_sunspice() -> None:
    """SunSPICE converts HEQ (7e5, 8e5, 9e5) km to HGRTN (688539.32, 800000.00, 908797.89) km from the Sun."""
    from sunpy.coordinates import get_earth

    earth = get_earth("2019-06-01")
    rtn = [688539.32 - float(earth.radius.to_value("km")), 800000.00, 908797.89]
    records = table([column("RTN")], ",".join(map(repr, rtn)), times=["2019-06-01T00:00:00Z"])
    made = hapi.to_skycoord(records, "pos", origin=earth)
    assert made.frame.name == "heliocentricinertial"
    heeq = made.transform_to(HeliographicStonyhurst(obstime="2019-06-01")).cartesian.xyz.to_value("km")
    assert heeq == pytest.approx([7e5, 8e5, 9e5], abs=1)


def test_rtn_axes_point_from_the_sun_along_the_rotation_and_north() -> None:
    records = table([column("RTN")], "1000,0,0", "0,1000,0", "0,0,1000")
    origin = SkyCoord(
        [10, 80, 170] * u.deg, [30, 5, -60] * u.deg, [1, 0.5, 2] * u.AU,
        frame="heliocentricinertial", obstime=records["Time"],
    )  # fmt: skip
    start = origin.cartesian.xyz.to_value("km")
    moved = hapi.to_skycoord(records, "pos", origin=origin).cartesian.xyz.to_value("km") - start
    assert moved[:, 0] == pytest.approx(1000 * start[:, 0] / np.linalg.norm(start[:, 0]), abs=1e-3)
    # East of the spacecraft in the plane of the Sun's equator; and north, perpendicular to R.
    assert moved[:, 1] == pytest.approx(1000 * np.array([-np.sin(np.radians(80)), np.cos(np.radians(80)), 0]), abs=1e-3)
    assert moved[2, 2] == pytest.approx(1000 * np.cos(np.radians(60)), abs=1e-3)
    assert np.sum(moved[:, 2] * start[:, 2]) / np.linalg.norm(start[:, 2]) == pytest.approx(0, abs=1e-3)


# Locations

SUGARLOAF = (-77.395, 39.269, 391.0)
"""The example of the specification."""

SCALAR = {"name": "B", "type": "double", "units": "nT"}


@pytest.mark.parametrize(
    "members",
    [
        {"geoLocation": list(SUGARLOAF)},
        {"location": {"point": list(SUGARLOAF), "vectorComponents": ["longitude", "latitude", "altitude"],
                      "units": ["deg", "deg", "m"], "coordinateSystemName": "wgs84"}},
        {"location": {"point": [0.391, 39.269, 282.605], "vectorComponents": ["altitude", "latitude", "longitude0"],
                      "units": ["km", "deg", "deg"], "coordinateSystemName": "WGS84"}},
    ],
)  # fmt: skip
def test_a_place_on_earth_is_geodetic(members: dict[str, Any]) -> None:
    made = hapi.to_skycoord(table([SCALAR], "1", "2", **members))
    assert made.shape == (2,)
    assert made.frame.name == "itrs"
    there = EarthLocation.from_geodetic(SUGARLOAF[0] * u.deg, SUGARLOAF[1] * u.deg, SUGARLOAF[2] * u.m)
    assert made[1].cartesian.xyz.to_value("m") == pytest.approx(u.Quantity(there.geocentric).to_value("m"))


def test_a_place_without_an_altitude_is_on_the_ellipsoid() -> None:
    made = hapi.to_skycoord(table([SCALAR], "1", geoLocation=[0, 90]))
    # The semi-minor axis of WGS84.
    assert made[0].cartesian.xyz.to_value("m") == pytest.approx([0, 0, 6356752.3142], abs=1e-3)


def test_a_point_in_another_system_has_its_units() -> None:
    point = [-4.1452e3, 1.2050e3, 0.10201e3]
    location = {
        "point": point, "vectorComponents": ["x", "y", "z"], "units": "km", "coordinateSystemName": "GSE"
    }  # fmt: skip
    made = hapi.to_skycoord(table([SCALAR], "1", "2", location=location))
    assert made.frame.name == "geocentricsolarecliptic"
    assert made[1].cartesian.xyz.to_value("km") == pytest.approx(point)


def test_a_location_that_changes_is_in_the_first_parameters_that_the_table_has() -> None:
    geo = [
        {"name": f"geo_{one}", "type": "double", "units": "km", "coordinateSystemName": "GEO", "vectorComponents": one}
        for one in "xyz"
    ]
    groups = {"parameters": [["gsm"], ["geo_x", "geo_y", "geo_z"], ["gse"]]}
    both = table([*geo, column("GSE", name="gse")], "1,2,3,4,5,6", location=groups)
    assert hapi.to_skycoord(both).frame.name == "itrs"
    assert hapi.to_skycoord(both).cartesian.xyz.value[:, 0].tolist() == [1, 2, 3]
    one = table([geo[0], column("GSE", name="gse")], "1,4,5,6", location=groups)
    assert hapi.to_skycoord(one).frame.name == "geocentricsolarecliptic"
    with pytest.raises(
        QueryError, match="in the parameters gsm or geo_x, geo_y, geo_z or gse, which the table does not"
    ):
        hapi.to_skycoord(table([SCALAR], "1", location=groups))


def test_a_geodetic_column_is_geocentric() -> None:
    one = column("WGS84", ["deg", "deg", "km"], vectorComponents=["longitude", "latitude", "altitude"])
    made = hapi.to_skycoord(table([one], "90,0,1"), "pos")
    assert made.cartesian.xyz.to_value("km")[:, 0] == pytest.approx([0, 6379.137, 0], abs=1e-6)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"geoLocation": ["x", 1]}, "location .'x', 1. .* is not a list of numbers"),
        ({"geoLocation": [1e999, 1]}, "is not a list of numbers"),
        ({"location": {"point": [10**400, 1, 2], "coordinateSystemName": "GSE"}}, "is not a list of numbers"),
        ({"location": {"point": [[1, 2], 3]}}, "is not a list of numbers"),
        ({"geoLocation": [1, 2, 3, 4]}, "the location has 4 numbers for longitude, latitude, altitude"),
        ({"geoLocation": [1]}, "the location has the components longitude in deg, which are not positions"),
        ({"location": {"point": [1, 2, 3]}}, "does not give the coordinate system of the location"),
        ({"location": {"point": [1, 2, 3], "coordinateSystemName": "GSE"}}, "x in no unit"),
        ({"location": "somewhere"}, "does not give the location"),
        ({"location": {"parameters": []}}, "does not give the location"),
    ],
)
def test_a_location_that_is_none_is_explained(members: dict[str, Any], words: str) -> None:
    with pytest.raises((QueryError, FileError), match=words):
        hapi.to_skycoord(table([SCALAR], "1", **members))


def test_the_colatitude_is_counted_from_the_pole() -> None:
    one = column("HCI", ["AU", "deg", "deg"], vectorComponents=["r", "colatitude", "longitude"])
    made = hapi.to_skycoord(table([one], "1,60,20"), "pos")
    assert made.lat.to_value(u.deg).tolist() == pytest.approx([30])
    assert made.lon.to_value(u.deg).tolist() == pytest.approx([20])


def test_an_altitude_is_a_length() -> None:
    one = column("WGS84", ["deg", "deg", "deg"], vectorComponents=["longitude", "latitude", "altitude"])
    with pytest.raises(QueryError, match="altitude in deg, which are not positions"):
        hapi.to_skycoord(table([one], "1,2,3"), "pos")


def test_only_columns_of_vectors_are_positions() -> None:
    matrix = column("GSE", name="m", size=[2, 2], vectorComponents=["x", "y", "z", "r"])
    text = {"name": "s", "type": "string", "length": 1, "coordinateSystemName": "GSE"}
    records = table([matrix, text], "1,2,3,4,a")
    with pytest.raises(QueryError, match="The column 'm' does not contain vectors of 4 components"):
        hapi.to_skycoord(records, "m")
    with pytest.raises(QueryError, match="The column 's' does not contain vectors of 1 components"):
        hapi.to_skycoord(records, "s")
    with pytest.raises(QueryError, match=r"The table does not have a column 't'; it has Time, m, s"):
        hapi.to_skycoord(records, "t")


def test_a_column_without_a_mask_is_a_position() -> None:
    records = table([column("GSE")], "1,2,3")
    meta = records["pos"].info.meta
    records["pos"] = records["pos"].unmasked
    records["pos"].info.meta = meta
    assert hapi.to_skycoord(records, "pos", frame="GSE").cartesian.xyz.to_value("km").T.tolist() == [[1.0, 2.0, 3.0]]
