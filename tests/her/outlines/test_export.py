"""Test columns of outlines as regions, as shapes and as a GeoDataFrame."""

from __future__ import annotations

import json
import sys
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import shapely
import sunpy.map
from astropy.coordinates import SkyCoord
from sunpy.coordinates import Helioprojective, get_earth
from sunpy.map.header_helper import make_fitswcs_header

from sunpy_helio_plugins import her
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError
from sunpy_helio_plugins.her import HERTable, Polygons
from sunpy_helio_plugins.her.outlines import export, selection, sphere, trace
from sunpy_helio_plugins.her.outlines.trace import Shapes

START = "2026-01-10T12:00:00"
EVENT = {"event_starttime": START, "event_endtime": START, "event_type": "CH", "event_coordsys": "UTC-HGS-TOPO"}
FAR = "POLYGON((160 -5,200 -5,200 5,160 5,160 -5))"
NEAR = "POLYGON((-10 -5,20 -5,20 5,-10 5,-10 -5))"
LINE = "LINESTRING(0 0,5 5)"
CAP = f"POLYGON(({','.join(f'{longitude} 60' for longitude in range(0, 361, 10))}))"


def table(*texts: str | None, system: str = "hgs") -> HERTable:
    return HERTable.from_records([EVENT | {f"{system}_boundcc": text} for text in texts])


def picture() -> Any:
    frame = Helioprojective(observer=get_earth(START), obstime=START)
    middle = SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame=frame)
    return sunpy.map.Map(np.zeros((250, 250)), make_fitswcs_header((250, 250), middle, scale=[8, 8] * u.arcsec / u.pix))


def test_regions_are_those_of_the_polygons_and_of_the_mask() -> None:
    found, image = table(NEAR, None, FAR, LINE), picture()
    near, missing, far, line = found["hgs_boundcc"].to_regions(image.coordinate_frame)
    assert missing is far is line is None
    alone = found["hgs_boundcc"][0].to_region(image.coordinate_frame)
    assert (near.vertices.Tx == alone.vertices.Tx).all()
    pixels = near.to_pixel(image.wcs).to_mask(mode="center").to_image(image.data.shape) > 0
    assert (pixels != her.mask(image, found[:1])).sum() <= 2


def test_regions_need_the_frame_of_an_image() -> None:
    with pytest.raises(QueryError, match="frame"):
        table(NEAR)["hgs_boundcc"].to_regions(None)


def test_shapes_have_vertices_along_bent_edges() -> None:
    near, missing, line = table(NEAR, None, LINE)["hgs_boundcc"].to_shapely()
    assert missing is None
    assert near.area == pytest.approx(300)
    assert (line.geom_type, line.length) == ("LineString", pytest.approx(50**0.5))
    # An edge of constant latitude is bent in the image.
    record = EVENT | {"hgs_boundcc": "POLYGON((-40 40,40 40,40 60,-40 60,-40 40))"}
    polygon = HERTable.from_records([record])["hgs_boundcc"][0]
    seen = polygon.transform_to(Helioprojective(observer=get_earth(START), obstime=START))
    hpc = ",".join(f"{x!r} {y!r}" for x, y in zip(seen.Tx.value.tolist(), seen.Ty.value.tolist(), strict=True))
    both = HERTable.from_records([record | {"hpc_boundcc": f"POLYGON(({hpc}))"}])
    bent = both["hpc_boundcc"].to_shapely()[0]
    straight = shapely.Polygon(both["hpc_boundcc"][0].vertices)
    assert bent.symmetric_difference(straight).area > 0.1 * straight.area
    assert both["hgs_boundcc"].to_shapely()[0].area == pytest.approx(1600)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_outline_around_a_pole_is_closed_along_it(sign: int) -> None:
    cap = CAP.replace(" 60", f" {60 * sign}")
    (shape,) = table(cap)["hgs_boundcc"].to_shapely()
    assert shape.is_valid
    assert shape.area == pytest.approx(360 * 30)
    assert shape.contains(shapely.Point(123, 80 * sign))


def test_an_outline_across_the_seam_of_longitudes_is_continuous() -> None:
    (shape,) = table("POLYGON((350 -5,10 -5,10 5,350 5,350 -5))")["hgs_boundcc"].to_shapely()
    assert shape.area == pytest.approx(200)


def test_holes_of_outlines_are_those_of_shapes() -> None:
    outer, inner = NEAR[9:-2], "0 -2,0 2,5 2,5 -2,0 -2"
    (shape,) = table(f"POLYGON(({outer}),({inner}))")["hgs_boundcc"].to_shapely()
    assert len(shape.interiors) == 1
    assert shape.area == pytest.approx(300 - 20)


def test_a_geodataframe_states_times_and_edges() -> None:
    pytest.importorskip("geopandas")
    frame = table(NEAR, None)["hgs_boundcc"].to_geodataframe()
    assert frame["time"].tolist() == [np.datetime64(START)] * 2
    assert frame.geometry[0].area == pytest.approx(300)
    assert frame.geometry[1] is None
    assert frame.crs is None
    stated = frame.attrs["geometry"]
    assert (stated["edges"], stated["crs"], stated["system"], stated["units"]) == (
        "planar",
        None,
        "hgs",
        ["deg", "deg"],
    )


@pytest.mark.parametrize(
    ("package", "call", "extra"),
    [
        ("geopandas", lambda column: column.to_geodataframe(), "geo"),
        ("shapely", lambda column: column.to_shapely(), "polygons"),
        ("regions", lambda column: column.to_regions(picture().coordinate_frame), "polygons"),
    ],
)
def test_a_package_that_is_not_installed_is_named(
    package: str, call: Any, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=extra):
        call(table(NEAR)["hgs_boundcc"])


def test_a_closed_ring_without_an_area_is_no_shape() -> None:
    rings = np.array([[5.0, 5], [5, 5], [0.0, 0], [10, 0], [10, 10], [0, 0]])
    given = Polygons(rings, np.array([0, 2, 6]), "hpc", np.zeros((2, 2)), np.zeros((2, 2)))
    found = export.shapes(Shapes.of(given), "hpc")
    assert found[0] is None
    assert found[1].area == pytest.approx(50)


def test_outlines_without_a_shape_have_no_box() -> None:
    given = Polygons(np.empty((0, 2)), np.zeros(3, int), "hpc", np.zeros((2, 2)), np.zeros((2, 2)))
    made, told = export.geoparquet(Shapes.of(given), "hpc", "geometry")
    assert made.to_pylist() == [None, None]
    assert "bbox" not in json.loads(told)["columns"]["geometry"]


def test_only_outlines_and_points_have_shapes() -> None:
    assert selection._shapes(np.arange(3)) is None


def test_polygons_without_corners_have_no_area() -> None:
    assert sphere.areas(np.empty((0, 3)), np.zeros(4, int)).tolist() == [0.0, 0.0, 0.0]


def test_returns_to_the_first_vertex_that_enclose_no_hole_are_one_ring() -> None:
    square = np.array([[0.0, 0], [4, 0], [4, 4], [0, 0], [1, 1], [0, 0]])
    assert trace._rings(square, 10) == [(10, 16)]


def polar(corners: Any) -> str:
    """Return corners in arcsec as WKT with radii in units of 960 arcsec and position angles."""
    x, y = np.transpose(corners)
    numbers = zip((np.hypot(x, y) / 960).tolist(), (np.degrees(np.arctan2(-x, y)) % 360).tolist(), strict=True)
    return f"POLYGON(({','.join(f'{radius!r} {angle!r}' for radius, angle in numbers)}))"


@pytest.mark.parametrize("side", [1, -1], ids=["counterclockwise", "clockwise"])
@pytest.mark.parametrize("middle", [850, 0, -850], ids=["north", "center of the disk", "south"])
def test_an_outline_in_the_sky_has_the_same_shape_in_position_angles(middle: float, side: int) -> None:
    corners = [(-100, middle - 50), (100, middle - 50), (100, middle + 50), (-100, middle + 50), (-100, middle - 50)]
    corners = corners[::side]
    hpc = f"POLYGON(({','.join(f'{x} {y}' for x, y in corners)}))"
    record = EVENT | {"event_coordsys": "UTC-HPC-TOPO", "hpc_boundcc": hpc, "hrc_boundcc": polar(corners)}
    record |= {"hpc_radius": 960.0, "hrc_r": 1.0}
    (shape,) = HERTable.from_records([record])["hrc_boundcc"].to_shapely()
    places = np.random.default_rng(1).uniform((-150, middle - 80), (150, middle + 80), (300, 2))
    radius, angle = np.hypot(*places.T) / 960, np.degrees(np.arctan2(-places[:, 0], places[:, 1]))
    wanted = (np.abs(places) < (100, 1e9)).all(axis=1) & (np.abs(places[:, 1] - middle) < 50)
    inside = np.any([shapely.contains_xy(shape, radius, angle + turn) for turn in (-360, 0, 360)], axis=0)
    assert wanted.any()
    assert (inside != wanted).mean() < 0.03


@pytest.mark.parametrize("angles", [(0, 90, 180, 270, 360), (0, 90, 180, 270, 0), (0, 270, 180, 90, 0)], ids=str)
def test_a_circle_in_position_angles_encloses_the_center_of_the_disk(angles: tuple[int, ...]) -> None:
    circle, image = f"POLYGON(({','.join(f'0.5 {angle}' for angle in angles)}))", picture()
    found = HERTable.from_records([EVENT | {"event_coordsys": "UTC-HRC-TOPO", "hrc_boundcc": circle}])
    column, (shape,) = found["hrc_boundcc"], found["hrc_boundcc"].to_shapely()
    assert column[0].closed
    assert (shape.geom_type, shape.area) == ("Polygon", pytest.approx(0.5 * 360))
    assert column.area[0].to_value("Mm2") == pytest.approx(column[0].area.to_value("Mm2"))
    (region,) = column.to_regions(image.coordinate_frame)
    mask = her.mask(image, found)
    assert mask.sum() * 64 == pytest.approx(np.pi * (0.5 * 975) ** 2, rel=0.01)
    pixels = region.to_pixel(image.wcs).to_mask(mode="center").to_image(image.data.shape) > 0
    assert (pixels != mask).sum() <= 2
