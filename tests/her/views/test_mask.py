"""Test masks, cutouts and which events are in view, from Earth and from another side."""

from __future__ import annotations

import warnings
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import sunpy.map
from astropy.coordinates import SkyCoord
from sunpy.coordinates import HeliographicStonyhurst, Helioprojective, get_earth, propagate_with_solar_surface
from sunpy.map.header_helper import make_fitswcs_header

from sunpy_helio_plugins import her
from sunpy_helio_plugins.errors import OutsideImageWarning, QueryError
from sunpy_helio_plugins.her import HERTable

START = "2026-01-10T12:00:00"
LATER = "2026-01-12T18:00:00"
EVENT = {"event_starttime": START, "event_endtime": START, "event_type": "CH", "event_coordsys": "UTC-HPC-TOPO"}


def ring(x: float, y: float, size: float = 150) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 31)
    radius = size * (1 + 0.3 * np.cos(3 * angles))
    made = np.array([x, y]) + radius[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    made[-1] = made[0]
    return made


def wkt(vertices: np.ndarray) -> str:
    return f"POLYGON(({','.join(f'{x!r} {y!r}' for x, y in vertices.tolist())}))"


def hole(x: float, y: float, size: float = 150, number: int = 0) -> dict[str, Any]:
    return EVENT | {"hpc_boundcc": wkt(ring(x, y, size)), "kb_archivid": f"ivo://helio-informatics.org/{number}"}


def aside(when: str, longitude: float = 60) -> SkyCoord:
    frame = HeliographicStonyhurst(obstime=when)
    return SkyCoord(longitude * u.deg, -5 * u.deg, 0.96 * u.AU, frame=frame)


def picture(when: str, observer: Any = None, *, shape: tuple[int, int] = (300, 300), scale: float = 8) -> Any:
    """Return a map that is rotated, not square, and whose centre is beside that of the disk."""
    frame = Helioprojective(observer=observer or get_earth(when), obstime=when)
    middle = SkyCoord(20 * u.arcsec, -30 * u.arcsec, frame=frame)
    header = make_fitswcs_header(shape, middle, scale=[scale, scale] * u.arcsec / u.pix, rotation_angle=20 * u.deg)
    return sunpy.map.Map(np.zeros(shape, dtype=np.float32), header)


def eroded(mask: np.ndarray) -> np.ndarray:
    """Return the pixels all of whose neighbours are in a mask."""
    around = np.pad(mask, 1)
    return np.all([np.roll(around, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)], axis=0)[1:-1, 1:-1]


@pytest.mark.parametrize("place", [(0, 0), (-600, 300), (500, -600), (780, 100)])
@pytest.mark.parametrize(("when", "longitude"), [(START, None), (LATER, None), (START, 60), (LATER, -25)])
def test_a_mask_has_the_pixels_that_lie_within_the_polygon(
    place: tuple[float, float], when: str, longitude: float | None
) -> None:
    """Each pixel is judged by its position on the Sun; only pixels at the edge may differ."""
    table = HERTable.from_records([hole(*place)])
    image = picture(when, None if longitude is None else aside(when, longitude), shape=(280, 320))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutsideImageWarning)
        mask = her.mask(image, table)
    assert mask.shape == (280, 320)
    rows, columns = np.indices(mask.shape)
    sky = image.pixel_to_world(columns * u.pix, rows * u.pix)
    with propagate_with_solar_surface():
        expected = table["hpc_boundcc"][0].contains(sky)
    assert not (eroded(expected) & ~mask).any()
    disk = np.hypot(sky.Tx, sky.Ty) < np.arcsin(695700 * u.km / image.observer_coordinate.radius) - 12 * u.arcsec
    assert not (eroded(mask) & ~expected & disk).any()
    assert mask.sum() == pytest.approx(expected.sum(), abs=0.02 * mask.sum() + 3)


def test_a_mask_is_exact_to_half_a_pixel() -> None:
    """A square of 10 by 10 pixels, whose edges are at quarters of pixels."""
    image = picture(START)
    corners = image.pixel_to_world(
        [99.75, 109.75, 109.75, 99.75, 99.75] * u.pix, [50.25, 50.25, 60.25, 60.25, 50.25] * u.pix
    )
    ring = np.stack([corners.Tx.to_value("arcsec"), corners.Ty.to_value("arcsec")], axis=1)
    mask = her.mask(image, HERTable.from_records([EVENT | {"hpc_boundcc": wkt(ring)}]))
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max(), mask.sum()) == (51, 60, 100, 109, 100)


def test_labels_are_the_numbers_of_the_rows() -> None:
    table = HERTable.from_records([hole(-300, 0), hole(300, 0), hole(350, 0, 40)])
    labels = her.mask(picture(START), table, labels=True)
    assert np.unique(labels).tolist() == [0, 1, 2, 3]
    both = [her.mask(picture(START), table[index : index + 1]) for index in range(3)]
    np.testing.assert_array_equal(labels == 1, both[0])
    np.testing.assert_array_equal(labels == 3, both[2])
    np.testing.assert_array_equal(labels > 0, her.mask(picture(START), table))


def test_what_a_mask_leaves_out_is_told() -> None:
    names = ["near", "far", "flare", "outside"]
    flare = EVENT | {"hpc_coord": "POINT(10 10)"}
    eruption = EVENT | {"hpc_boundcc": wkt(ring(5000, 0))}
    records = [hole(0, 0), hole(700, 0), flare, eruption]
    table = HERTable.from_records([one | {"kb_archivid": name} for one, name in zip(records, names, strict=True)])
    image = picture(START, aside(START, -70))
    with pytest.warns(OutsideImageWarning, match=r"3 of 4 events .*: far, flare, outside\. "):
        mask = her.mask(image, table)
    assert mask.any()
    assert table.in_view(image).tolist() == [True, False, True, False]


def test_boxes_are_used_where_there_is_no_outline() -> None:
    table = HERTable.from_records([EVENT | {"hpc_bbox": wkt(ring(0, 0)), "event_type": "AR"}])
    assert her.mask(picture(START), table).any()
    with pytest.warns(OutsideImageWarning, match="1 of 1 events"):
        assert not her.mask(picture(START), table, boxes=False).any()


def test_parts_beyond_the_limb_are_in_the_mask_of_an_image_of_the_same_time_only() -> None:
    table = HERTable.from_records([hole(960, 0)])
    limb = np.arcsin(695700 * u.km / get_earth(START).radius)
    for when, longitude, expected in ((START, None, True), ("2026-01-09T12:00:00", None, False), (START, 30, False)):
        image = picture(when, None if longitude is None else aside(when, longitude))
        rows, columns = np.nonzero(her.mask(image, table))
        sky = image.pixel_to_world(columns * u.pix, rows * u.pix)
        assert (np.hypot(sky.Tx, sky.Ty).max() > 1.05 * limb) == expected


def test_a_hole_in_an_outline_is_not_in_the_mask() -> None:
    outer, inner = (", ".join(f"{x} {y}" for x, y in ring(0, 0, size)) for size in (200, 100))
    table = HERTable.from_records([EVENT | {"hpc_boundcc": f"POLYGON(({outer}), ({inner}))"}])
    assert table.problems == []
    polygon = table["hpc_boundcc"][0]
    image = picture(LATER)
    whole = her.mask(image, HERTable.from_records([hole(0, 0, 200)]))
    gap = her.mask(image, HERTable.from_records([hole(0, 0, 100)]))
    np.testing.assert_array_equal(her.mask(image, table), whole & ~gap)
    areas = [HERTable.from_records([hole(0, 0, size)])["hpc_boundcc"][0].area for size in (200, 100)]
    assert polygon.area.to_value("Mm2") == pytest.approx((areas[0] - areas[1]).to_value("Mm2"), rel=1e-3)
    assert polygon.wkt.count("(") == 3


@pytest.mark.parametrize(
    ("place", "seen_from_earth", "seen_aside"), [((0, 0), True, True), ((-900, 0), True, False), ((900, 0), True, True)]
)
def test_events_in_view_of_a_frame(place: tuple[float, float], seen_from_earth: bool, seen_aside: bool) -> None:
    table = HERTable.from_records([hole(*place, 20)])
    for observer, expected in ((get_earth(START), seen_from_earth), (aside(START, 70), seen_aside)):
        frame = Helioprojective(observer=observer, obstime=START)
        assert table.in_view(frame).tolist() == [expected]
        assert table.in_view(picture(START, observer)).tolist() == [expected]


def test_events_in_view_of_a_part_of_the_disk() -> None:
    """One around the image, one across its edge, one within it, one outside, and events without an outline."""
    image = picture(START, shape=(40, 40), scale=2)
    records = [hole(0, 0, 900), hole(60, -30, 30), hole(20, -30, 5), hole(300, 300)]
    points = [{"hpc_coord": "POINT(20 -30)"}, {"hpc_coord": "POINT(200 -30)"}, {}]
    line = {"hpc_skeletoncc": "LINESTRING(-200 -30,200 -30)"}
    table = HERTable.from_records([*records, *(EVENT | one for one in (*points, line))])
    assert table.in_view(image).tolist() == [True, True, True, False, True, False, False, True]
    assert table[:0].in_view(image).tolist() == []


def test_a_cutout_is_around_the_event_at_the_time_of_the_map() -> None:
    table = HERTable.from_records([hole(0, 0, 100)])
    for when in (START, LATER):
        image = picture(when)
        part = her.cutout(image, table[0], margin=40 * u.arcsec)
        mask = her.mask(part, table)
        assert mask.sum() == her.mask(image, table).sum()
        rows, columns = np.nonzero(mask)
        for index, size in ((rows, mask.shape[0]), (columns, mask.shape[1])):
            assert 4 <= index.min() <= 6
            assert 4 <= size - 1 - index.max() <= 6


def test_a_cutout_of_a_flare_and_at_the_edge_of_the_map() -> None:
    image = picture(START)
    flare = HERTable.from_records([EVENT | {"hpc_coord": "POINT(100 100)"}])
    assert her.cutout(image, flare).data.shape == (14, 14)
    part = her.cutout(image, HERTable.from_records([hole(1000, 400)]))
    assert part.data.shape[0] < 60


def test_events_that_are_not_in_view_have_no_cutout() -> None:
    table = HERTable.from_records([hole(700, 0, number=7)])
    with pytest.raises(QueryError, match=r"in view of the map, not ivo://helio-informatics.org/7; see"):
        her.cutout(picture(START, aside(START, -70)), table)
    with pytest.raises(QueryError, match="an empty table"):
        her.cutout(picture(START), table[:0])


@pytest.mark.parametrize("given", [None, 3, "map", np.zeros((3, 3))])
def test_what_is_no_map_is_refused(given: Any) -> None:
    table = HERTable.from_records([hole(0, 0)])
    for call in (her.mask, her.cutout):
        with pytest.raises(QueryError, match=r"takes a sunpy.map.Map in helioprojective coordinates"):
            call(given, table)
    with pytest.raises(QueryError, match="or its coordinate_frame"):
        table.in_view(given)


def test_a_map_in_other_coordinates_is_refused() -> None:
    centre = SkyCoord(0 * u.deg, 0 * u.deg, frame=HeliographicStonyhurst(obstime=START))
    header = make_fitswcs_header((10, 20), centre, scale=[1, 1] * u.deg / u.pix, projection_code="CAR")
    with pytest.raises(QueryError, match="helioprojective"):
        her.mask(sunpy.map.Map(np.zeros((10, 20)), header), HERTable.from_records([hole(0, 0)]))


@pytest.mark.parametrize("margin", [-1 * u.arcsec, 5, [1, 2] * u.arcsec, 5 * u.km, np.nan * u.arcsec])
def test_what_is_not_an_angle_is_refused_as_a_margin(margin: Any) -> None:
    table, image = HERTable.from_records([hole(0, 0)]), picture(START)
    with pytest.raises(QueryError, match=r"^her\.cutout takes an angle such as 50 \* u\.arcsec as margin, not "):
        her.cutout(image, table, margin=margin)
