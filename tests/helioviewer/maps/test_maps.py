"""Test that fetched images open as maps with correct coordinates."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from scipy.ndimage import gaussian_filter
from sunpy.coordinates import HeliographicStonyhurst
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins  # noqa: F401 - registers a.helioviewer
from sunpy_helio_plugins.sandbox import scene

pytest.importorskip("glymur")

# A SOHO image does not contain the position of its observer; sunpy warns that it uses the Earth's.
EARTH_TAKEN = pytest.mark.filterwarnings("ignore:Missing metadata for observer")


def fetched(folder: Path, source_id: int, start: str, end: str) -> list[Any]:
    import sunpy.map

    files = Fido.fetch(Fido.search(a.Time(start, end), a.helioviewer.SourceID(source_id)), path=folder / "{file}")
    assert files.errors == []
    maps = [sunpy.map.Map(file) for file in sorted(files)]
    assert maps
    return maps


def placed(map_: Any, longitude: float, latitude: float, when: datetime) -> SkyCoord:
    """Return the position of a feature of the scene in a map, for the map's observer."""
    frame = HeliographicStonyhurst(obstime=map_.reference_date)
    lon = scene.longitude_at(longitude, when)
    return SkyCoord(lon * u.deg, latitude * u.deg, 695700 * u.km, frame=frame).transform_to(map_.coordinate_frame)


@pytest.mark.parametrize(("start", "end"), [("00:00", "00:00:30"), ("12:00", "12:00:30"), ("20:05", "20:05:59")])
@pytest.mark.parametrize("source_id", [11, 13])
def test_active_regions_are_where_the_scene_says(
    archive: Any, tmp_path: Path, source_id: int, start: str, end: str
) -> None:
    (map_,) = fetched(tmp_path, source_id, f"2026-01-10 {start}", f"2026-01-10 {end}")
    smooth = gaussian_filter(map_.data.astype(float), 1.5)
    for region in scene.ACTIVE_REGIONS:
        expected = placed(map_, region.longitude, region.latitude, map_.date.to_datetime())
        x, y = (int(np.rint(value)) for value in map_.wcs.world_to_pixel(expected))
        window = smooth[y - 12 : y + 13, x - 12 : x + 13]
        row, column = np.unravel_index(np.argmax(window), window.shape)
        brightest = map_.wcs.pixel_to_world(x - 12 + column, y - 12 + row)
        assert brightest.separation(expected) < 6 * u.arcsec, region.noaa


def test_coronal_holes_are_dark_inside_and_the_sun_is_not_outside(archive: Any, tmp_path: Path) -> None:
    from matplotlib.path import Path as Polygon

    (map_,) = fetched(tmp_path, 11, "2026-01-10 12:00", "2026-01-10 12:00:30")
    columns, rows = np.meshgrid(np.arange(1024), np.arange(1024))
    for hole in scene.CORONAL_HOLES:
        corners = [placed(map_, lon, lat, map_.date.to_datetime()) for lon, lat in hole.outline]
        outline = Polygon([[float(value) for value in map_.wcs.world_to_pixel(corner)] for corner in corners])
        inside = outline.contains_points(np.column_stack([columns.ravel(), rows.ravel()])).reshape(columns.shape)
        around = gaussian_filter(inside.astype(float), 8) > 0.05
        dark = around & (gaussian_filter(map_.data.astype(float), 1) < 45)
        assert np.median(map_.data[inside]) < 45 < 60 < np.median(map_.data[around & ~inside])
        apart = np.hypot(columns[dark].mean() - columns[inside].mean(), rows[dark].mean() - rows[inside].mean())
        assert apart * 2.4 < 6, f"{hole.name}: the dark centroid is {apart * 2.4:.1f} arcsec off"


def test_the_limb_is_where_the_header_says(archive: Any, tmp_path: Path) -> None:
    (map_,) = fetched(tmp_path, 19, "2026-01-10 11:58:30", "2026-01-10 11:59")
    assert type(map_).__name__ == "HMIMap"
    area = np.count_nonzero(map_.data) * 2.4**2
    assert np.sqrt(area / np.pi) == pytest.approx(map_.rsun_obs.to_value(u.arcsec), abs=2.4)
    rows, columns = np.nonzero(map_.data)
    assert (columns.mean(), rows.mean()) == pytest.approx((511.5, 511.5), abs=0.3)


@pytest.mark.parametrize(("source_id", "kind"), [(11, "AIAMap"), (13, "AIAMap")])
def test_every_frame_has_its_own_header(archive: Any, tmp_path: Path, source_id: int, kind: str) -> None:
    maps = fetched(tmp_path, source_id, "2026-01-10 12:00", "2026-01-10 12:02")
    assert len({map_.date.isot for map_ in maps}) == len(maps) == 4
    for map_ in maps:
        assert type(map_).__name__ == kind
        observer = map_.observer_coordinate
        assert abs(observer.lon) < 1e-3 * u.deg, "at the Earth"
        assert observer.lat.to_value(u.deg) == pytest.approx(-4.06, abs=0.05)
        assert observer.radius.to_value(u.AU) == pytest.approx(0.98344, abs=1e-4)
        assert map_.rsun_obs.to_value(u.arcsec) == pytest.approx(975.4, abs=0.3)


@EARTH_TAKEN
def test_the_coronagraph_opens_unrotated(archive: Any, tmp_path: Path) -> None:
    before, _, _, after = fetched(tmp_path, 4, "2026-01-10 14:00:07", "2026-01-10 14:40")
    assert type(after).__name__ == "LASCOMap"
    assert after.date.isot == "2026-01-10T14:36:07.442"
    assert np.allclose(after.rotation_matrix, np.identity(2))
    # The ejection leaves to the south-west, and its front is 4.4 solar radii away by now.
    rows, columns = np.nonzero(after.data.astype(int) - before.data > 60)
    front = after.wcs.pixel_to_world(columns.max(), np.median(rows))
    assert front.Ty < 0 * u.arcsec < front.Tx
    assert 3.7 < front.Tx / after.rsun_obs < 4.5


REAL = {
    # A piece of 410 pixels whose NAXIS still says 4096; the name's 84 is the fraction .84.
    "2013_06_24__17_31_30_84__SDO_AIA_AIA_193.jp2": ("AIAMap", "2013-06-24T17:31:30.840", (410, 410), (2047.5, 2047.5)),
    # A piece of 102 pixels; already rotated, so that its CROTA of -173 must be ignored.
    "2013_05_13__16_54_06_137__SOHO_LASCO_C3_white-light.jp2": (
        "LASCOMap", "2013-05-13T16:54:06.137", (102, 102), (518.2, 532.5),
    ),
    "2022_04_01__00_00_45__SOLO-EUI-FSI_EUI_FSI_174.jp2": ("EUIMap", "2022-04-01T00:00:45.248", (3072, 3040), None),
    # A re-encoded file with keys in lower case.
    "2023_01_31__03_39_23_200__SDO_HMI_HMI_continuum.jp2": (
        "HMIMap", "2023-01-31T03:39:23.200", (512, 512), (255.5, 255.5),
    ),
}  # fmt: skip


@EARTH_TAKEN
@pytest.mark.parametrize("name", sorted(REAL))
def test_real_files_come_out_right(name: str) -> None:
    import sunpy.map
    from sunpy.data.test import get_test_filepath

    from sunpy_helio_plugins.helioviewer.jp2.boxes import accept
    from sunpy_helio_plugins.helioviewer.listers.filenames import true_times

    kind, date, size, centre = REAL[name]
    file = Path(get_test_filepath(name))
    accept(file)
    map_ = sunpy.map.Map(file)
    assert type(map_).__name__ == kind
    assert map_.date.isot == date
    assert map_.data.dtype == np.uint8
    assert tuple(int(side.value) for side in map_.dimensions) in (size, size[::-1])
    second = np.array([np.datetime64(date, "s")])
    named = true_times(np.array([name]), second)[0]
    assert abs(named - np.datetime64(date, "us")) <= np.timedelta64(300, "ms")
    if centre is not None:
        middle = SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame=map_.coordinate_frame)
        assert np.allclose([float(value) for value in map_.wcs.world_to_pixel(middle)], centre, atol=0.1)
    else:
        assert map_.observer_coordinate.radius.to_value(u.AU) == pytest.approx(0.344, abs=0.001)
