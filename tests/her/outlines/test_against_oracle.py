"""Every real outline has the area and the inside that independent code computes from the record."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import sunpy.map
from astropy.coordinates import SkyCoord
from sunpy.coordinates import HeliographicStonyhurst, Helioprojective, get_earth
from sunpy.map.header_helper import make_fitswcs_header

from sunpy_helio_plugins import her
from sunpy_helio_plugins.her import HERTable, Polygon, Polygons

SPEC = importlib.util.spec_from_file_location("oracle", Path(__file__).with_name("oracle.py"))
assert SPEC is not None
assert SPEC.loader is not None
oracle = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(oracle)

FILES = (
    "world/her/events_2023-03-29.json", "world/her/spoca_2017-09-06.json", "world/her/spoca_2018_sample.json",
    "hek/hek-events_2024-05-10.json", "hek/hek-to_pfss.json",
)  # fmt: skip
KINDS = ("boundcc", "bbox")
SYSTEMS = ("hpc", "hgs", "hgc", "hrc")


@pytest.fixture(scope="module")
def real(real_data: Path) -> HERTable:
    return HERTable.from_records(
        [one for name in FILES for one in json.loads((real_data / name).read_bytes())["result"]]
    )


def numbers(wkt: Any) -> np.ndarray:
    """Return the vertices of a polygon of a record."""
    pairs = str(wkt).removeprefix("POLYGON((").removesuffix("))").split(",")
    return np.array([pair.split() for pair in pairs], dtype=float)


def outline(record: dict[str, Any], kind: str, polygon: Polygon) -> np.ndarray:
    """Return the points of an outline on the sphere, from the numbers in the system of submission."""
    system = record["event_coordsys"].split("-")[1].lower()
    vertices = numbers(record[f"{system}_{kind}"])
    scale = float(record["hpc_radius"]) / float(record["hrc_r"] or 1)
    start = float(np.sum(polygon.start))
    return oracle.on_the_sphere(oracle.dense(vertices), system, float(np.sum(polygon.instant)), start, scale)


def judged(real: HERTable) -> Iterator[tuple[Polygon, np.ndarray]]:
    """Return every outline and box in every system, except those beyond the limb, with the independent one."""
    for row in range(len(real)):
        for name in (f"{system}_{kind}" for kind in KINDS for system in SYSTEMS):
            polygon = real[name][row]
            if polygon is not None and not polygon.clamped.all():
                yield polygon, outline(real["raw"][row], name[4:], polygon)


def test_areas_of_every_real_outline_in_every_system(real: HERTable) -> None:
    count = 0
    for polygon, ring in judged(real):
        # The independent distance of Earth is accurate to 1e-5, by which areas at the limb change by up to 1 %.
        b0 = oracle.earth(float(np.sum(polygon.instant)))[0]
        near = (ring @ [0, np.sin(b0), np.cos(b0)]).min() < np.cos(np.radians(75))
        assert polygon.area.to_value("Mm2") == pytest.approx(oracle.area(ring), rel=1e-2 if near else 1e-3)
        count += 1
    assert count >= 140


def test_places_within_every_real_outline_in_every_system(real: HERTable) -> None:
    source = np.random.default_rng(3)
    wrong = total = 0
    for polygon, ring in judged(real):
        near = oracle.middle(ring) + 0.6 * np.ptp(ring, axis=0).max() * source.normal(size=(40, 3))
        near /= np.linalg.norm(near, axis=1, keepdims=True)
        west, north, front = near.T
        frame = HeliographicStonyhurst(obstime=polygon.time)
        places = SkyCoord(np.arctan2(west, front) * u.rad, np.arcsin(north) * u.rad, frame=frame)
        wrong += int((polygon.contains(places) != oracle.contains(ring, near)).sum())
        total += 40
    # Places within 0.01 degrees of an edge, since the independent positions of Earth are only that accurate.
    assert wrong <= total / 500


def test_an_event_contains_its_own_centre_where_the_registry_says_so(real: HERTable) -> None:
    count = 0
    for polygon, x, y, place in zip(real["hpc_boundcc"], real["hpc_x"], real["hpc_y"], real["hpc_coord"], strict=True):
        if polygon is None:
            continue
        centre = np.array([[x.to_value("arcsec"), y.to_value("arcsec")]])
        assert polygon.contains(place) == bool(oracle.winding(centre, polygon.vertices[:-1])[0] % 2)
        count += polygon.contains(place)
    assert count >= 10


def alone(polygon: Polygon) -> Polygon:
    """Return a polygon of the registry's numbers only, without those that were submitted."""
    return Polygon(polygon.vertices, polygon.system, polygon.instant, polygon.start, polygon.origin)


@pytest.mark.parametrize("system", ["hgs", "hgc", "hrc"])
def test_columns_of_the_registry_have_the_area_of_those_submitted(real: HERTable, system: str) -> None:
    """Within 1 %, for outlines within 0.95 solar radii; no radius is assumed but that of each record."""
    count = 0
    for name in (f"{system}_{kind}" for kind in KINDS):
        for polygon in filter(None, real[name]):
            seen = Helioprojective(observer=get_earth(polygon.time), obstime=polygon.time)
            place = polygon.traced.on_surface.transform_to(seen)
            limb = np.arcsin(695700 * u.km / seen.observer.radius).to_value("arcsec")
            inside = np.hypot(place.Tx, place.Ty).max().to_value("arcsec") < 0.95 * limb and polygon.visible().all()
            if not inside or polygon.clamped.any():
                continue
            assert alone(polygon).area.to_value("Mm2") == pytest.approx(polygon.area.to_value("Mm2"), rel=0.01)
            count += 1
    assert count >= 10


@pytest.mark.parametrize(("system", "limit"), [("hrc", 0.01), ("hgs", 0.8), ("hgc", 0.8)])
def test_vertices_of_the_registry_are_near_those_computed(real: HERTable, system: str, limit: float) -> None:
    """In megameters, of which one is 1.4 arcsec, except at the limb, where a small angle is a large distance."""
    column = real[f"{system}_boundcc"]
    found = column.deviation.to_value("Mm")
    submitted = np.array(["HPC" in str(text) for text in real["event_coordsys"]]) & ~column.mask
    assert np.isnan(found).tolist() == (~submitted).tolist()
    on_the_disk = np.array([one is not None and np.hypot(*one.vertices.T).max() < 900 for one in real["hpc_boundcc"]])
    assert on_the_disk.sum() >= 3
    assert found[on_the_disk].max() < limit
    assert np.isnan(real["hpc_boundcc"].deviation).all()


def test_the_area_of_a_column_is_that_of_its_polygons(real: HERTable) -> None:
    for name in (f"{system}_{kind}" for kind in KINDS for system in SYSTEMS):
        column = real[name]
        assert isinstance(column, Polygons)
        expected = [np.nan if one is None else one.area.to_value("Mm2") for one in column]
        np.testing.assert_allclose(column.area.to_value("Mm2"), expected, rtol=1e-9, atol=1e-9)


def test_factors_from_the_sky_to_the_surface_are_those_of_the_registry(real: HERTable) -> None:
    """The registry's areas are those of pixels, which differ from the outlines; their ratios do not."""
    found = []
    for polygon, row in zip(real["hpc_boundcc"], real, strict=True):
        if polygon is None:
            continue
        distance = polygon.skycoord.observer.radius.to_value("km") / 1e3
        x, y = np.radians(polygon.vertices.T / 3600) * distance
        seen = abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
        limb = np.degrees(np.arcsin(695.7 / distance)) * 3600
        registry = (row["area_atdiskcenter"] / row["area_raw"]).to_value("")
        found.append((np.hypot(*polygon.vertices.T).max() / limb, polygon.area.to_value("Mm2") / seen, registry))
    radius, mine, registry = np.array(found).T
    assert (radius < 0.98).sum() >= 8
    np.testing.assert_allclose(mine[radius < 0.98], registry[radius < 0.98], rtol=0.05)


def deprojected(image: Any, pixels: np.ndarray) -> tuple[float, float]:
    """Return the area of pixels on the surface in square megameters, and their largest angle from the disk's center."""
    rows, columns = np.nonzero(pixels)
    place = image.pixel_to_world(columns * u.pix, rows * u.pix)
    x, y = place.Tx.to_value("arcsec"), place.Ty.to_value("arcsec")
    distance = image.observer_coordinate.radius.to_value("km")
    point = oracle.towards_earth(x, y, distance)
    ray = np.array([0, 0, distance / oracle.RADIUS]) - point
    length = np.linalg.norm(ray, axis=1)
    cosine = np.einsum("ij,ij->i", ray, point) / length
    solid = np.prod([scale.to_value("rad/pix") for scale in image.scale])
    return float(np.sum(solid * (length * oracle.RADIUS / 1e3) ** 2 / cosine)), float(
        np.degrees(np.arccos(point[:, 2].min()))
    )


def picture(when: Any, observer: Any = None, *, size: int = 2048, scale: float = 1.2) -> Any:
    frame = Helioprojective(observer=observer or get_earth(when), obstime=when)
    header = make_fitswcs_header(
        (size, size), SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame=frame), scale=[scale, scale] * u.arcsec / u.pix
    )
    return sunpy.map.Map(np.zeros((size, size), dtype=np.float32), header)


def test_masks_of_real_outlines_have_their_area(real: HERTable) -> None:
    """Within 1 % if they have more than 1,000 pixels, within 75 degrees of the disk's center."""
    found = []
    for row, polygon in enumerate(real["hpc_boundcc"]):
        if polygon is None:
            continue
        image = picture(polygon.time)
        pixels = her.mask(image, real[row : row + 1])
        if pixels.sum() > 1000:
            found.append((*deprojected(image, pixels), polygon.area.to_value("Mm2")))
    areas, angles, expected = np.array(found).T
    assert (angles < 75).sum() >= 4
    np.testing.assert_allclose(areas[angles < 75], expected[angles < 75], rtol=0.01)
