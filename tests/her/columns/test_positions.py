"""Test coordinates in four systems, at the time of each position, seen from Earth."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import QTable, hstack, join, unique, vstack
from astropy.time import Time
from spherical_geometry.polygon import SingleSphericalPolygon
from sunpy.coordinates import HeliographicStonyhurst, Helioprojective, get_earth, sun

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.her import HERTable, Points, Polygon, Polygons
from sunpy_helio_plugins.her.columns import frames as moments
from sunpy_helio_plugins.her.columns.chaincodes import rings
from sunpy_helio_plugins.her.query import Query
from sunpy_helio_plugins.her.search import search
from sunpy_helio_plugins.sandbox import scene

SQUARE = "POLYGON((0 0,10 0,10 10,0 10,0 0))"
EVENT = {
    "event_starttime": "2026-01-10T01:00:00", "event_endtime": "2026-01-10T05:00:00", "event_type": "CH",
    "event_peaktime": "2026-01-10T03:00:00", "hpc_boundcc": SQUARE, "hgs_boundcc": SQUARE, "hgs_coord": "POINT(5 6)",
}  # fmt: skip


@pytest.fixture
def holes(archive: Any) -> HERTable:
    found = search([Query("2026-01-10T00:00:00", "2026-01-11T00:00:00", ("CH",))])
    return HERTable.from_records(found.records, found.associations)


@pytest.mark.parametrize(
    ("name", "version", "expected"),
    [
        ("SPoCA", 1, "05:00"), ("SPoCA_v2", None, "05:00"), ("Emerging flux region module", 0.52, "03:00"),
        ("Emerging flux region module", 0.55, "01:00"), ("Emerging flux region module", 0.550000011920929, "01:00"),
        ("Emerging flux region module", None, "01:00"),
        ("Flare Detective - Trigger Module", 0.51, "01:00"), ("", None, "01:00"),
    ],
)  # fmt: skip
def test_each_method_has_its_own_instant_of_detection(name: str, version: float | None, expected: str) -> None:
    table = HERTable.from_records([EVENT | {"frm_name": name, "frm_versionnumber": version}])
    assert table["detection_time"].isot[0][11:16] == expected
    assert table["hpc_boundcc"][0].time.isot[11:16] == expected


def test_a_missing_end_leaves_the_start_and_another_instant_can_be_given() -> None:
    table = HERTable.from_records([EVENT | {"frm_name": "SPoCA", "event_endtime": ""}])
    assert table["detection_time"].isot[0][11:16] == "01:00"
    table["mine"], table["event_type"][0] = ["x"], "AR"
    assert table["hgs_coord"].lon[0] == 5 * u.deg
    other = table.at(Time("2026-01-10T02:00:00"))
    assert other["hgs_coord"].obstime[0].isot[11:16] == "02:00"
    assert other["hpc_boundcc"][0].time.isot[11:16] == other["detection_time"].isot[0][11:16] == "02:00"
    assert (other["mine"][0], other["event_type"][0], other.problems) == ("x", "AR", table.problems)
    assert table["hgs_coord"].obstime[0].isot[11:16] == "01:00"


def test_the_equatorial_hole_is_where_the_scene_has_it(holes: HERTable) -> None:
    equatorial = holes[holes["frm_specificid"] == "SPoCA_v1.0_CH_0000060000"]
    assert len(equatorial) == 6
    for row in equatorial:
        outline = row["hpc_boundcc"].skycoord
        when = datetime.fromisoformat(row["event_endtime"].isot)
        expected = SkyCoord(
            [scene.longitude_at(longitude, when) for longitude, _ in scene.CORONAL_HOLES[0].outline] * u.deg,
            [latitude for _, latitude in scene.CORONAL_HOLES[0].outline] * u.deg,
            frame=HeliographicStonyhurst(obstime=row["event_endtime"]),
        ).transform_to(outline.frame)
        assert outline.obstime.isot == row["event_endtime"].isot
        assert np.hypot(outline.Tx[:-1] - expected.Tx, outline.Ty[:-1] - expected.Ty).max() < 1 * u.arcsec


LIMITS = {"hrc": 0.3, "hgs": 1.0, "hgc": 1.0}


def apart(table: HERTable, row: int, system: str, name: str = "boundcc") -> tuple[np.ndarray, np.ndarray]:
    """Return the distances in arcsec of vertices in one system from those in hpc, and of these from the centre."""
    seen, other = (table[f"{each}_{name}"][row].skycoord for each in ("hpc", system))
    back = other.transform_to(seen.frame)
    radius = np.hypot(seen.Tx, seen.Ty).to_value("arcsec") / sun.angular_radius(seen.obstime).to_value("arcsec")
    return np.hypot(back.Tx - seen.Tx, back.Ty - seen.Ty).to_value("arcsec"), np.asarray(radius)


@pytest.mark.parametrize("system", ["hrc", "hgs", "hgc"])
def test_four_systems_agree_at_the_instant_of_the_place(holes: HERTable, system: str) -> None:
    for row in range(len(holes)):
        difference, radius = apart(holes, row, system)
        assert difference[radius < 0.999].max() < LIMITS[system]


@pytest.mark.parametrize("system", ["hrc", "hgs", "hgc"])
def test_four_systems_of_a_real_hole_agree_within_the_limb(real_data: Path, system: str) -> None:
    answer = json.loads((real_data / "hek/hek-events_2024-05-10.json").read_bytes())
    table = HERTable.from_records(answer["result"])
    difference, radius = apart(table, 3, system)
    assert (radius < 0.999).sum() > 8
    assert difference[radius < 0.999].max() < LIMITS[system]
    polygon = table["hgs_boundcc"][3]
    assert polygon.clamped.tolist() == (radius >= 1).tolist()


@pytest.mark.parametrize("kind", ["coord", "bbox", "boundcc"])
@pytest.mark.parametrize("system", ["hrc", "hgs", "hgc"])
def test_points_boxes_and_outlines_of_real_events_agree_within_the_limb(
    real_data: Path, system: str, kind: str
) -> None:
    """A trigger of flares, a flare, a hole, an eruption and null points, on the near side and on the far side."""
    records = [
        record
        for name in ("hek-events_2024-05-10", "hek-to_pfss")
        for record in json.loads((real_data / f"hek/{name}.json").read_bytes())["result"]
    ]
    table = HERTable.from_records(records)
    judged = 0
    for row in range(len(table)):
        mine, other = (table[f"{each}_{kind}"] for each in ("hpc", system))
        if mine.mask[row] or other.mask[row]:
            continue
        seen, there = (column[row].coordinate if kind == "coord" else column[row].skycoord for column in (mine, other))
        back = there.transform_to(seen.frame)
        limb = sun.angular_radius(seen.obstime).to_value("arcsec")
        radius = np.atleast_1d(np.hypot(seen.Tx, seen.Ty).to_value("arcsec"))
        within = radius < (np.inf if system == "hrc" else 0.999 * limb)
        apart = np.atleast_1d(np.hypot(back.Tx - seen.Tx, back.Ty - seen.Ty).to_value("arcsec"))
        assert (apart[within] < LIMITS[system]).all()
        judged += within.sum()
    assert judged >= {"coord": 6, "bbox": 15, "boundcc": 9}[kind]


@pytest.mark.parametrize("seed", range(4))
def test_random_boxes_submitted_in_degrees_agree(seed: int) -> None:
    """The registry converts all from heliographic numbers, with B0 and L0 of the start, including the far side."""
    source = np.random.default_rng(100 + seed)
    start = Time("2011-01-01") + source.uniform(0, 5000) * u.day
    frame = Helioprojective(obstime=start, observer=get_earth(start))
    hgs = np.stack([source.uniform(-180, 180, 8), source.uniform(-70, 70, 8)], axis=1)
    seen = SkyCoord(*(hgs.T * u.deg), frame=HeliographicStonyhurst(obstime=start)).transform_to(frame)
    hpc = np.stack([seen.Tx.to_value("arcsec"), seen.Ty.to_value("arcsec")], axis=1)
    limb = np.degrees(695506 / get_earth(start).radius.to_value("km")) * 3600
    hrc = np.stack([np.hypot(*hpc.T) / limb, np.degrees(np.arctan2(-hpc[:, 0], hpc[:, 1])) % 360], axis=1)
    hgc = hgs + np.array([sun.L0(start).to_value("deg") + 0.049, 0])
    texts = {
        f"{system}_bbox": "POLYGON((" + ",".join(f"{x:.6f} {y:.6f}" for x, y in [*ring, ring[0]]) + "))"
        for system, ring in (("hpc", hpc), ("hrc", hrc), ("hgs", hgs), ("hgc", hgc))
    }
    times = {"event_starttime": start.isot, "event_endtime": start.isot, "event_type": "AR", "frm_name": "NOAA"}
    table = HERTable.from_records([times | texts])
    for system, limit in LIMITS.items():
        assert apart(table, 0, system, "bbox")[0].max() < limit


@pytest.mark.parametrize("seed", range(4))
def test_random_polygons_projected_by_independent_code_agree(seed: int) -> None:
    """The registry's heliographic numbers use B0 and L0 of the start, clamped at the limb."""
    source = np.random.default_rng(seed)
    end = Time("2014-01-01") + source.uniform(0, 4000) * u.day
    start = end - 4 * u.hour
    earth = get_earth(end)
    centre, radii = source.uniform(-600, 600, 2), source.uniform(50, 300, 12)
    angles = np.sort(source.uniform(0, 2 * np.pi, 12))
    hpc = np.round(centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1), 1)
    limb = np.degrees(695506 / get_earth(start).radius.to_value("km")) * 3600
    distance = np.hypot(*hpc.T)
    hrc = np.stack([distance / limb, np.degrees(np.arctan2(-hpc[:, 0], hpc[:, 1])) % 360], axis=1)
    inside = hpc * np.minimum(1, 0.9999 * limb / distance)[:, None]
    frame = Helioprojective(obstime=start, observer=get_earth(start))
    surface = SkyCoord(*(inside.T * u.arcsec), frame=frame).transform_to(HeliographicStonyhurst(obstime=start))
    hgs = np.stack([surface.lon.to_value("deg"), surface.lat.to_value("deg")], axis=1)
    hgc = hgs + np.array([sun.L0(start).to_value("deg") + 0.049, 0])
    texts = {
        f"{system}_boundcc": "POLYGON((" + ",".join(f"{x:.6f} {y:.6f}" for x, y in [*ring, ring[0]]) + "))"
        for system, ring in (("hpc", hpc), ("hrc", hrc), ("hgs", hgs), ("hgc", hgc))
    }
    times = {"event_starttime": start.isot, "event_endtime": end.isot, "event_type": "CH", "frm_name": "SPoCA"}
    table = HERTable.from_records([times | texts])
    assert (np.abs(table["hpc_boundcc"][0].skycoord.observer.lat - earth.lat) < 1e-7 * u.deg).all()
    good = np.append(distance, distance[0]) < 0.999 * sun.angular_radius(end).to_value("arcsec")
    for system, limit in LIMITS.items():
        assert apart(table, 0, system)[0][good].max() < limit
    beyond = np.append(distance, distance[0]) > sun.angular_radius(end).to_value("arcsec")
    for system in ("hpc", "hrc", "hgs", "hgc"):
        assert table[f"{system}_boundcc"][0].clamped[beyond].all()


@pytest.mark.parametrize(
    ("system", "near", "far"), [("UTC-HRC-TOPO", "0.9 90", "1.1 90"), ("UTC-HPC-TOPO", "-860 0", "-1100 0")]
)
def test_vertices_beyond_the_limb_are_told_in_the_system_of_the_event(system: str, near: str, far: str) -> None:
    name = f"{system[4:7].lower()}_boundcc"

    def told(vertex: str) -> list[str]:
        others = ("0.1 100", "0.2 80", "0.1 90") if "HRC" in system else ("0 9", "9 0", "0 -9")
        ring = f"POLYGON(({others[0]},{vertex},{others[1]},{others[2]},{others[0]}))"
        table = HERTable.from_records([EVENT | {"event_coordsys": system, name: ring, "hgs_boundcc": SQUARE}])
        return [problem for problem in table.problems if "beyond the limb" in problem]

    assert told(near) == []
    assert len(told(far)) == 1
    assert told(far)[0].startswith("hgs_boundcc")


def test_a_column_of_polygons_slices_sorts_stacks_joins_and_pickles(holes: HERTable) -> None:
    column = holes["hpc_boundcc"]
    assert isinstance(column, Polygons)
    assert isinstance(column[2:5], Polygons)
    assert (column[[4, 1]][1].vertices == column[1].vertices).all()
    assert (column[column.counts > 9].counts > 9).all()
    table = QTable({"p": column, "n": np.arange(18)[::-1]})
    table.sort("n")
    assert (table["p"] == column[::-1]).all()
    both = vstack([table, QTable({"n": [99]})])
    assert both["p"].mask.tolist() == [False] * 18 + [True]
    assert len(unique(vstack([table, table]), keys="n")) == 18
    joined = join(table, QTable({"n": [3, 5, 77], "x": [1, 2, 3]}), join_type="left")
    assert (joined["p"] == column[::-1]).all()
    assert len(hstack([table, QTable({"m": np.arange(18)})])["p"]) == 18
    back = pickle.loads(pickle.dumps(table))
    assert (back["p"] == table["p"]).all()
    assert (table.copy()["p"] == table["p"]).all()
    assert "vertices" in str(table)
    assert "vertices" in table._repr_html_()


def test_rows_of_polygons_can_be_replaced(holes: HERTable) -> None:
    column = holes["hpc_boundcc"].copy()
    last = column[17]
    column[0], column[1] = last, None
    column[2:4] = holes["hpc_boundcc"][10:12]
    assert column[0] == last
    assert column[1] is None
    assert (column[2:4] == holes["hpc_boundcc"][10:12]).all()
    assert (column[4:] == holes["hpc_boundcc"][4:]).all()
    with pytest.raises(TypeError, match="takes such polygons"):
        column[0] = holes["hgs_boundcc"][0]
    with pytest.raises(IndexError):
        column[18]


def test_a_column_of_places_is_a_coordinate(holes: HERTable) -> None:
    places = holes["hpc_coord"]
    assert isinstance(places, Points | SkyCoord)
    np.testing.assert_allclose(places.Tx.to_value("arcsec"), holes["hpc_x"].to_value("arcsec"), atol=1e-4)
    surface = places.transform_to(HeliographicStonyhurst(obstime=places.obstime))
    # The registry uses B0 of four hours earlier.
    assert np.abs(surface.lon.to_value("deg") - holes["hgs_x"].to_value("deg")).max() < 0.1
    assert places[3].isscalar
    assert places[3].obstime.isot == holes["detection_time"][3].isot
    assert (places[:2].separation(places[:2]) == 0).all()
    stacked = vstack([holes[:2], holes[9:11]])["hpc_coord"]
    assert stacked.obstime.isot.tolist() == [*places[:2].obstime.isot, *places[9:11].obstime.isot]
    assert (pickle.loads(pickle.dumps(places)).Tx == places.Tx).all()


def test_missing_places_are_masked() -> None:
    table = HERTable.from_records([EVENT, EVENT | {"hgs_coord": None}, EVENT | {"hgs_coord": "POINT(1 95)"}])
    assert table["hgs_coord"].mask.tolist() == [False, True, True]
    assert np.isnan(table["hgs_coord"].lat[1:]).all()
    assert "beyond the pole" in table.problems[0]
    table["hgs_coord"][0] = None
    assert table["hgs_coord"].mask.all()


@pytest.mark.parametrize(
    "text",
    [
        "POINT(1 2)", "POLYGON((", "POLYGON((0 0,1 nan,2 2,0 0))", "POLYGON((0 0,1,2 2))", "POLYGON((a b,c d,e f))", 3,
        "POLYGON((1 1,1 1,1 1))", "POLYGON((0 0,9 9,1e400 1,0 0))", "x", [1], "POLYGON((0 0,9 9,-9999 1,0 0))",
        "POLYGON(())", "MULTIPOLYGON(((0 0,1 1,2 0,0 0)),((5 5,6 6,7 5,5 5)))", "POLYGON EMPTY",
        "POLYGON((0 0 1,1 1 1,2 0 1,0 0 1))",
    ],
)  # fmt: skip
def test_what_is_no_polygon_gives_none_and_costs_nothing_else(text: Any) -> None:
    table = HERTable.from_records([EVENT, EVENT | {"hpc_boundcc": text}, EVENT])
    assert table["hpc_boundcc"].mask.tolist() == [False, True, False]
    assert table["hpc_boundcc"].vertices.shape == (10, 2)
    assert table["raw"][1]["hpc_boundcc"] == text


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("POLYGON((0 0, 9 0, 9 9, 0 0))", 4), ("polygon ((0 0,9 0,9 9,0 0))", 4), ("POLYGON((0 0,9 0,9 9))", 4),
        ("POLYGON((0 0,9 0,9 9,0 0),(1 1,2 1,2 2,1 1))", 9), ("LINESTRING(0 0,1 1)", 2), ("0,0,9,0,9,9", 4),
        ("POLYGON((-1.5e2 0,9 0,9 9,-1.5e2 0))", 4), ("MULTIPOLYGON(((0 0,1 1,2 0,0 0)))", 4),
        ("MultiLineString ((0 0, 1 1, 2 3))", 3), ("LineString (0 0, 1 1)", 2),
        ("POLYGON((0 0,9 0,9 9),(1 1,2 2,3 1))", 9),
    ],
)  # fmt: skip
def test_other_spellings_are_read(text: str, count: int) -> None:
    assert np.diff(rings([SQUARE, text, None, SQUARE])[1]).tolist() == [5, count, 0, 5]


def test_an_open_outline_is_closed_but_a_ring_around_the_pole_is_closed_already() -> None:
    assert rings(["POLYGON((0 0,9 0,9 9))"])[0].tolist() == [[0, 0], [9, 0], [9, 9], [0, 0]]
    assert len(rings(["POLYGON((0 70,90 70,180 70,270 70,360 70))"], 90)[0]) == 5


def test_odd_outlines_stand_between_others_in_their_rows() -> None:
    texts = ["LINESTRING(1 1,2 2)", SQUARE, "polygon ((3 3,4 3,4 4,3 3))", None, "x", SQUARE, "POLYGON((5 5,6 5,6 6))"]
    vertices, offsets, bad = rings(texts)
    assert np.diff(offsets).tolist() == [2, 5, 4, 0, 0, 5, 4]
    assert vertices[offsets[[0, 1, 2, 5, 6]], 0].tolist() == [1, 0, 3, 0, 5]
    assert bad == [4]


def test_many_polygons_are_read_as_one_by_one() -> None:
    source = np.random.default_rng(7)
    outlines = [source.normal(0, 500, (count, 2)).tolist() for count in source.integers(3, 60, 200)]
    texts = ["POLYGON((" + ",".join(f"{x!r} {y!r}" for x, y in [*ring, ring[0]]) + "))" for ring in outlines]
    vertices, offsets, bad = rings(texts)
    slow = np.concatenate([[[float(n) for n in pair.split()] for pair in text[9:-2].split(",")] for text in texts])
    assert len(vertices) > 2000
    assert (vertices == slow).all()
    assert (offsets[-1], bad) == (len(vertices), [])


def test_one_polygon_tells_its_area_and_what_it_contains(holes: HERTable) -> None:
    pytest.importorskip("spherical_geometry")
    polygon = holes["hpc_boundcc"][0]
    surface = polygon.traced.on_surface
    middle = (surface.lon.mean().value, surface.lat.mean().value)
    other = SingleSphericalPolygon.from_lonlat(surface.lon.value, surface.lat.value, center=middle)
    assert polygon.area.to_value("Mm2") == pytest.approx(other.area() * 695.7**2, rel=1e-6)
    centre = SkyCoord(polygon.skycoord.Tx.mean(), polygon.skycoord.Ty.mean(), frame=polygon.skycoord.frame)
    assert polygon.contains(centre) is True
    both = SkyCoord([centre.Tx, 900 * u.arcsec], [centre.Ty, 0 * u.arcsec], frame=polygon.skycoord.frame)
    assert polygon.contains(both).tolist() == [True, False]
    far = SkyCoord(180 * u.deg + surface.lon.mean(), -surface.lat.mean(), frame=surface.frame)
    assert not polygon.contains(far)


def test_a_polygon_around_the_pole_has_an_area_and_contains_it() -> None:
    ring = ",".join(f"{longitude} 70" for longitude in range(0, 361, 20))
    table = HERTable.from_records([EVENT | {"hgs_boundcc": f"POLYGON(({ring}))"}])
    cap = table["hgs_boundcc"][0]
    assert cap.area.to_value("Mm2") == pytest.approx(2 * np.pi * (1 - np.sin(np.radians(70))) * 695.7**2, rel=0.03)
    pole = SkyCoord(0 * u.deg, 90 * u.deg, frame=HeliographicStonyhurst(obstime=cap.time))
    assert cap.contains(pole)


def test_a_polygon_goes_to_other_packages(holes: HERTable) -> None:
    polygon = holes["hpc_boundcc"][0]
    assert polygon.to_shapely().area > 0
    assert len(polygon.to_region().vertices) == len(polygon)
    assert polygon.wkt.startswith("POLYGON((")
    assert isinstance(polygon, Polygon)


def test_a_polygon_turns_and_hides(holes: HERTable) -> None:
    polygon = holes["hpc_boundcc"][0]
    later = polygon.rotated_to(polygon.time + 2 * u.day)
    assert (later.Tx - polygon.skycoord.Tx).mean().to_value("arcsec") == pytest.approx(390, abs=40)
    assert polygon.visible().all()
    assert not polygon.visible(time=polygon.time + 12 * u.day).any()


def test_the_flat_coordinate_has_each_rows_instant(holes: HERTable) -> None:
    column = holes["hpc_boundcc"]
    flat = column.skycoord
    assert len(flat) == len(column.vertices)
    assert flat[-1].obstime.isot == column[17].time.isot


def test_earth_is_where_sunpy_has_it() -> None:
    days = Time("2020-03-01") + np.random.default_rng(1).uniform(0, 30, 2000) * u.day
    latitude, distance = moments.earth(moments.parts(days))
    earth = get_earth(days[::100])
    np.testing.assert_allclose(latitude[::100], earth.lat.to_value("deg"), atol=1e-7)
    np.testing.assert_allclose(distance[::100], earth.radius.to_value("km"), atol=1)
    central = moments.central_longitude(moments.parts(days))
    np.testing.assert_allclose(central[::100], sun.L0(days[::100]).to_value("deg"), atol=1e-6)


def test_earth_is_computed_for_times_of_many_years_together() -> None:
    days = Time("1996-01-01") + np.sort(np.random.default_rng(2).uniform(0, 11000, 30)) * u.day
    latitude, distance = moments.earth(moments.parts(days))
    earth, central = get_earth(days), moments.central_longitude(moments.parts(days))
    np.testing.assert_allclose(latitude, earth.lat.to_value("deg"), atol=1e-11)
    np.testing.assert_allclose(distance, earth.radius.to_value("km"), atol=1e-5)
    np.testing.assert_allclose(central, sun.L0(days).to_value("deg"), atol=1e-9)


def test_other_systems_are_refused_by_name(holes: HERTable) -> None:
    with pytest.raises(QueryError, match="hpc, hgs, hgc, hrc"):
        Polygons(np.empty((0, 2)), np.zeros(1, np.int64), "xyz", np.empty((0, 2)), np.empty((0, 2)))


def test_points_are_moved_and_copied_as_coordinates_are() -> None:
    points = HERTable.from_records([EVENT, EVENT | {"hgs_coord": "POINT(7 8)"}])["hgs_coord"]
    assert np.allclose(points.directional_offset_by(0 * u.deg, 1 * u.deg).lat.deg, [7, 9])
    moved = points.spherical_offsets_by(2 * u.deg, 0 * u.deg)
    assert type(moved) is SkyCoord
    assert np.allclose(moved.lon.deg, [7, 9], atol=0.05)
    assert np.allclose(points.reshape(2, 1).lon.deg, [[5], [7]])
    for made in (copy.copy(points), copy.deepcopy(points)):
        made[0] = None
        assert type(made) is Points
        assert (made.masked, points.masked) == (True, False)
    with pytest.raises(TypeError, match="A single point cannot be indexed"):
        points[0][0]
    with pytest.raises(TypeError, match=r"A column of points in hgs takes such points or None, not 'x'"):
        points[0] = "x"
    assert [list(one) for one in points.info.get_sortable_arrays()] == [[5, 7], [6, 8]]


def later(points: Points) -> Points:
    return points.at(np.add(points.instants, (1.0, 0.0)))


def test_points_at_another_time_change_no_other_column() -> None:
    table = HERTable.from_records([EVENT | {"hpc_coord": "POINT(1 2)"}] * 3)
    first, second = table["hpc_coord"], table["hgs_coord"]
    assert first.instants is second.instants
    before = second.instants.copy()
    first[1] = later(first)[2]
    assert np.array_equal(first.instants, np.add(before, [[0, 0], [1, 0], [0, 0]]))
    assert np.array_equal(second.instants, before)
    first[0] = later(first)[2]
    assert np.array_equal(first.instants, np.add(before, [[1, 0], [1, 0], [0, 0]]))


def test_a_slice_of_points_is_a_view_unless_a_point_has_another_time() -> None:
    points = HERTable.from_records([EVENT, EVENT | {"hgs_coord": "POINT(7 8)"}])["hgs_coord"]
    part = points[:1]
    part[0] = points[1]
    assert points.values.tolist() == [[7, 8], [7, 8]]
    part[0] = later(points)[1]
    assert np.array_equal(part.instants, np.add(points.instants[:1], (1.0, 0.0)))
    part[0] = None
    assert (points.masked, part.masked) == (False, True)


def test_arrays_that_others_can_change_are_copied_to_points() -> None:
    instants = np.array([[2461051.0, 0.0]])
    fixed = instants.view()
    fixed.flags.writeable = False
    points = [Points(np.array([[1.0, 2.0]]), "hgs", given, given) for given in (instants, fixed)]
    instants[:] = 0
    assert [one.instants[0, 0] for one in points] == [2461051.0, 2461051.0]


def test_polygons_are_moved_and_copied_as_coordinates_are() -> None:
    table = HERTable.from_records([EVENT, EVENT | {"hgs_boundcc": ""}])
    polygons, one = table["hgs_boundcc"], table["hgs_boundcc"][0]
    assert np.allclose(one.directional_offset_by(0 * u.deg, 1 * u.deg).lat.deg, one.lat.deg + 1)
    assert np.allclose(one.spherical_offsets_by(0 * u.deg, 2 * u.deg).lat.deg, one.lat.deg + 2)
    for made in (copy.copy(one), copy.deepcopy(one)):
        assert made == one
        assert (made != one, made != polygons) == (False, True)
        assert made.vertices is not one.vertices
    for column in (copy.copy(polygons), copy.deepcopy(polygons)):
        column[0] = None
        assert [outline is None for outline in column] == [True, True]
        assert polygons[0] == one
    assert repr(polygons) == f"<Polygons of 2 events in hgs: 1 with {len(one)} vertices>"
    assert list(polygons == polygons) == [True, True]
    assert polygons != polygons[:1]
    assert [list(part) for part in polygons.info.get_sortable_arrays()] == [[len(one), 0]]
    with pytest.raises(ValueError, match="A column of polygons in hgs does not accept polygons in hpc"):
        polygons[:] = table["hpc_boundcc"]
    with pytest.raises(ValueError, match="Polygons of the systems hgs, hpc cannot be combined in one column"):
        polygons.info.new_like([polygons, table["hpc_boundcc"]], 4)
    with pytest.raises(TypeError):
        np.cumsum(polygons)


@pytest.mark.parametrize("name", ["hpc_coord", "hpc_boundcc"])
def test_columns_at_other_times_take_one_for_each_row(name: str, holes: HERTable) -> None:
    column = holes[:2][name]
    one, two = Time("2026-01-11"), Time(["2026-01-11", "2026-01-12"])
    np.testing.assert_array_equal(column.at(one).instants.sum(axis=1), [one.jd, one.jd])
    at_two = column.at(two)
    np.testing.assert_array_equal(at_two.instants.sum(axis=1), two.jd)
    np.testing.assert_array_equal(column.at(at_two.instants).instants, at_two.instants)
    for wrong in (two[[0, 1, 1]], at_two.instants[:1], "2026-01-11", [1, 2], column):
        with pytest.raises(QueryError, match=r"\.at takes one time or one for each row"):
            column.at(wrong)
