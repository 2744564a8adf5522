"""Test regions of images: of files, and of the images of a search, of which only parts are downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from sunpy.coordinates import frames
from sunpy.map import Map
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.util.exceptions import SunpyUserWarning

from sunpy_helio_plugins import HelioviewerClient, helioviewer
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.helioviewer.jp2 import header
from sunpy_helio_plugins.helioviewer.maps import regions
from sunpy_helio_plugins.helioviewer.maps.regions import Region, region_of
from sunpy_helio_plugins.sandbox.helioviewer import holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

pytest.importorskip("PIL.Image")
pytest.importorskip("glymur")

TIME = a.Time("2026-01-10 12:00", "2026-01-10 12:00:30")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    data = made.content(holdings.images(13)[-1])
    assert data is not None
    path = tmp_path / "whole.jp2"
    path.write_bytes(data)
    return path


def corners(map_: Any, left: float = -300, lower: float = 100, right: float = 150, upper: float = 420) -> SkyCoord:
    return SkyCoord([left, right] * u.arcsec, [lower, upper] * u.arcsec, frame=map_.coordinate_frame)


def without_observer(map_: Any) -> SkyCoord:
    return SkyCoord([-300, 150] * u.arcsec, [100, 420] * u.arcsec, frame="helioprojective")


def pair(map_: Any) -> Any:
    both = corners(map_)
    return both[0], both[1]


def part(map_: Any) -> Any:
    both = corners(map_)
    return map_.submap(both[0], top_right=both[1])


def pixels(map_: Any) -> u.Quantity:
    x, y = map_.wcs.world_to_pixel(corners(map_))
    return np.array([x, y]).T * u.pix


def outline(map_: Any) -> SkyCoord:
    both = corners(map_)
    left, right = both.Tx
    lower, upper = both.Ty
    return SkyCoord([left, right, right, left], [lower, lower, upper, upper], frame=map_.coordinate_frame)


@pytest.mark.parametrize("given", [corners, without_observer, pair, part, pixels, outline])
def test_a_region_is_the_part_of_the_map_around_it(file: Path, given: Any) -> None:
    whole = helioviewer.read(file)
    found = helioviewer.read(file, region=given(whole))
    expected = part(whole)
    assert np.array_equal(found.data, expected.data)
    assert u.allclose(found.reference_pixel, expected.reference_pixel)
    assert u.allclose(found.bottom_left_coord.Tx, expected.bottom_left_coord.Tx)
    assert u.allclose(found.top_right_coord.Ty, expected.top_right_coord.Ty)


def test_a_box_on_the_sphere_contains_its_edges(file: Path) -> None:
    whole = helioviewer.read(file)
    frame = frames.HeliographicStonyhurst(obstime=whole.date)
    box = SkyCoord([-30, 30] * u.deg, [40, 60] * u.deg, frame=frame)
    found = helioviewer.read(file, region=box)
    for place in (SkyCoord(0 * u.deg, 60 * u.deg, frame=frame), SkyCoord(0 * u.deg, 40 * u.deg, frame=frame)):
        x, y = found.wcs.world_to_pixel(place)
        assert -0.5 <= y <= found.data.shape[0] - 0.5
        assert 0 < x < found.data.shape[1]


def test_a_region_across_the_edge_of_the_image_is_what_is_in_it(file: Path) -> None:
    whole = helioviewer.read(file)
    found = helioviewer.read(file, region=[[-20, -30], [40.2, 50]] * u.pix)
    assert np.array_equal(found.data, whole.data[:51, :41])


def test_the_outline_of_an_event_is_a_region(file: Path) -> None:
    from sunpy_helio_plugins.her import HERTable

    text = "POLYGON((-300 100,150 100,150 420,-300 420,-300 100))"
    record = {
        "event_type": "AR", "event_starttime": "2026-01-10T20:00:00", "event_endtime": "2026-01-10T21:00:00",
        "hpc_boundcc": text, "hpc_bbox": text, "event_coordsys": "UTC-HPC-TOPO", "obs_observatory": "SDO",
    }  # fmt: skip
    events = HERTable.from_records([record])
    whole = helioviewer.read(file)
    outline_ = events["hpc_boundcc"][0]
    found = helioviewer.read(file, region=outline_)
    x, y = found.wcs.world_to_pixel(outline_.transform_to(found.coordinate_frame))
    assert np.all((x >= -0.5) & (y >= -0.5) & (x <= found.data.shape[1] - 0.5) & (y <= found.data.shape[0] - 0.5))
    assert np.allclose(found.data.shape, part(whole).data.shape, atol=3)


def test_corners_off_the_disk_of_another_observer_are_taken_at_the_distance_of_the_sun(file: Path) -> None:
    whole = helioviewer.read(file)
    frame = frames.Helioprojective(observer=frames.HeliographicStonyhurst(
        20 * u.deg, 0 * u.deg, 1 * u.AU, obstime=whole.date), obstime=whole.date)  # fmt: skip
    box = SkyCoord([-1100, -700] * u.arcsec, [-200, 200] * u.arcsec, frame=frame)
    found = helioviewer.read(file, region=box)
    assert found.bottom_left_coord.Tx < -1000 * u.arcsec
    # The setting of sunpy for such coordinates is restored.
    with pytest.warns(SunpyUserWarning, match="all NaNs"):
        assert np.isnan(box[0].transform_to(whole.coordinate_frame).Tx)


@pytest.mark.parametrize("size", [60, 20])
def test_the_size_is_that_of_the_region(file: Path, size: int) -> None:
    box = [[200, 300], [319, 379]] * u.pix
    found = helioviewer.read(file, region=box, size=size)
    factor = {60: 2, 20: 4}[size]
    whole = helioviewer.read(file, size=whole_side(file) // factor)
    assert max(found.data.shape) >= size
    x, y = (round(float(one)) for one in whole.wcs.world_to_pixel(found.wcs.pixel_to_world(0, 0)))
    assert np.array_equal(found.data, whole.data[y : y + found.data.shape[0], x : x + found.data.shape[1]])


def whole_side(path: Path) -> int:
    return int(header.file_header(path)["NAXIS1"])


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([[5000, 0], [5010, 10]] * u.pix, "outside of the image: it spans the pixels 5000 to 5010 in x"),
        (
            SkyCoord([170, 190] * u.deg, [0, 10] * u.deg, frame="heliographic_stonyhurst", obstime="2026-01-10"),
            "on the far side",
        ),
    ],
)
def test_a_region_that_is_not_in_the_image_is_said(file: Path, box: Any, words: str) -> None:
    with pytest.raises(FileError, match=rf"whole\.jp2: .*{words}"):
        helioviewer.read(file, region=box)


@pytest.mark.parametrize(
    "given",
    [
        5, "disk", [1, 2], SkyCoord(0 * u.deg, 0 * u.deg), SkyCoord([0] * u.deg, [0] * u.deg), [[0, 0], [1, 1]] * u.m,
        [0, 0, 1, 1] * u.pix, {"x": 1},
    ],
)  # fmt: skip
def test_other_regions_are_refused(file: Path, given: Any) -> None:
    with pytest.raises(QueryError, match=r"helioviewer\.read takes as region two corners as a SkyCoord"):
        helioviewer.read(file, region=given)


def test_a_column_of_outlines_is_refused(archive: Any) -> None:
    holes = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.her.CH)["her"]
    with pytest.raises(QueryError, match=rf"not a Polygons of shape \({len(holes)},\)"):
        region_of("helioviewer.read", holes["hpc_boundcc"])


def test_an_event_without_an_outline_is_refused(archive: Any) -> None:
    flares = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.her.FL)["her"]
    assert flares[0]["hpc_boundcc"] is None
    assert flares[0]["hpc_bbox"] is None
    with pytest.raises(QueryError, match=r"takes an event with an outline .* and this one does not have any"):
        region_of("helioviewer.read", flares[0])


def test_the_box_of_an_event_without_an_outline_is_used(archive: Any) -> None:
    eruptions = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.her.CE)["her"]
    assert eruptions[0]["hpc_boundcc"] is None
    found = region_of("helioviewer.read", eruptions[0])
    assert found is not None
    assert found.points.shape == eruptions[0]["hpc_bbox"].shape


@pytest.mark.parametrize("corner", [0, 1])
def test_coordinates_that_are_not_finite_are_refused(corner: int) -> None:
    numbers = np.array([10.0, 20.0])
    numbers[corner] = np.nan
    box = SkyCoord(numbers * u.arcsec, [10, 20] * u.arcsec, frame="helioprojective")
    with pytest.raises(QueryError, match="needs finite coordinates"):
        region_of("helioviewer.read", box)


def test_corners_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(QueryError, match="lower left corner first"):
        region_of("helioviewer.read", [[10, 10], [5, 20]] * u.pix)


def test_the_name_of_a_region_is_its_own(file: Path) -> None:
    whole = helioviewer.read(file)
    given = [corners(whole), corners(whole, right=151), without_observer(whole), pixels(whole)]
    names = [named(one) for one in given]
    assert len(set(names)) == len(given)
    assert names == [named(one) for one in given]


def named(given: Any) -> str:
    found = region_of("f", given)
    assert isinstance(found, Region)
    return found.name


@pytest.fixture
def row(archive: Any) -> Any:
    return HelioviewerClient().search(TIME, a.helioviewer.SourceID(13))


@pytest.mark.parametrize("size", [None, 40])
def test_a_region_is_fetched_with_few_bytes(archive: Any, row: Any, tmp_path: Path, size: int | None) -> None:
    (whole,) = Fido.fetch(row, path=tmp_path / "{file}")
    box = corners(Map(whole), -100, 100, 60, 220)
    archive.log.clear()
    files = Fido.fetch(row, path=tmp_path / "{file}", region=box, size=size)
    assert files.errors == []
    asked = [request.headers["range"] for request in archive.log if request.path.endswith(".jp2")]
    assert 1 < len(asked) <= 13
    ends = [one.removeprefix("bytes=").split("-") for one in asked]
    sent = sum(int(last) + 1 - int(first) for first, last in ends)
    assert sent < Path(whole).stat().st_size
    expected = helioviewer.read(whole, region=box, size=size)
    assert np.array_equal(Map(files[0]).data, expected.data)
    assert u.allclose(Map(files[0]).reference_pixel, expected.reference_pixel)
    assert ".region_" in files[0]


def test_a_region_of_a_server_without_ranges_is_cut_from_the_whole(archive: Any, row: Any, tmp_path: Path) -> None:
    box = [[100, 100], [199, 149]] * u.pix
    with archive.fault("ignore_range", path="/helioviewer/jp2"):
        files = Fido.fetch(row, path=tmp_path / "{file}", region=box)
    assert files.errors == []
    assert Map(files[0]).data.shape == (50, 100)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["html_error", "status", "cut_length", "hang_up"])
def test_a_failure_is_no_region(archive: Any, row: Any, tmp_path: Path, fault: str) -> None:
    with archive.fault(fault, path="/helioviewer/jp2"):
        files = Fido.fetch(row, path=tmp_path / "{file}", region=[[100, 100], [199, 149]] * u.pix)
    assert len(files.errors) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_region_outside_of_an_image_is_an_error_of_its_file(archive: Any, row: Any, tmp_path: Path) -> None:
    files = Fido.fetch(row, path=tmp_path / "{file}", region=[[5000, 5000], [5001, 5001]] * u.pix)
    assert "outside of the image" in str(files.errors[0].exception)
    assert list(tmp_path.iterdir()) == []


def test_a_region_that_is_none_is_refused_before_any_request(archive: Any, row: Any, tmp_path: Path) -> None:
    archive.log.clear()
    with pytest.raises(QueryError, match=r"HelioviewerClient\.fetch takes as region"):
        Fido.fetch(row, path=tmp_path / "{file}", region="the north pole")
    assert archive.log == []


def test_two_arrays_of_coordinates_are_no_region(file: Path) -> None:
    map_ = helioviewer.read(file)
    with pytest.raises(QueryError, match="test takes"):
        region_of("test", [corners(map_), corners(map_)])


def test_corners_of_two_frames_are_joined(file: Path) -> None:
    map_ = helioviewer.read(file)
    first, second = pair(map_)
    turned = second.transform_to(frames.HeliographicStonyhurst(obstime=map_.date))
    expected = helioviewer.read(file, region=corners(map_)).data.shape
    for given in ((first, second), (first, turned)):
        assert helioviewer.read(file, region=given).data.shape == expected
    lost = SkyCoord(0 * u.deg, 0 * u.deg, frame=frames.Helioprojective())
    with pytest.raises(QueryError, match="The second corner of a region cannot be converted to the frame of the first"):
        region_of("test", (first, lost))


def test_a_header_without_coordinates_is_named(file: Path) -> None:
    where = SkyCoord([0, 1] * u.arcsec, [0, 1] * u.arcsec, frame="helioprojective")
    with pytest.raises(FileError, match="The region cannot be found in the image by its header: "):
        regions.pixels_of(where, {"CTYPE1": "HPLN-???", "DATE-OBS": "never"}, (10, 10))
    with pytest.raises(FileError, match="The image cannot be located by its header: "):
        regions.outline_of({"CTYPE1": "HPLN-???", "DATE-OBS": "never"}, (10, 10))


def test_coordinates_of_frames_without_a_sun_are_visible() -> None:
    assert regions._is_visible(SkyCoord(0 * u.deg, 0 * u.deg, frame="icrs")) is True
