"""Test the outlines of images on the sky."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from sunpy.coordinates import frames
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, helioviewer
from sunpy_helio_plugins.errors import FileError, IncompleteAnswerWarning, QueryError
from sunpy_helio_plugins.helioviewer import matching
from sunpy_helio_plugins.sandbox.helioviewer import holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

pytest.importorskip("PIL.Image")

TIME = a.Time("2026-01-10 11:58", "2026-01-10 12:01")


@pytest.fixture
def rows(archive: Any) -> Any:
    return HelioviewerClient().search(TIME, a.helioviewer.SourceID(13))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    data = made.content(holdings.images(13)[-1])
    assert data is not None
    path = tmp_path / "whole.jp2"
    path.write_bytes(data)
    return path


def test_an_outline_is_along_the_edges_of_its_image(rows: Any) -> None:
    found = helioviewer.footprints(rows)
    map_ = helioviewer.read(rows[1])
    height, width = map_.data.shape
    x, y = map_.wcs.world_to_pixel(found[1])
    assert (x.min(), y.min()) == pytest.approx((-0.5, -0.5), abs=1e-6)
    assert (x.max(), y.max()) == pytest.approx((width - 0.5, height - 0.5), abs=1e-6)
    steps = np.hypot(np.diff(x, append=x[0]), np.diff(y, append=y[0]))
    assert steps.max() == pytest.approx(width / 10), "neighbours on a closed line"
    assert found[1].observer.obstime == map_.coordinate_frame.obstime
    assert len(found) == len(rows)
    assert repr(found) == f"<Footprints of {len(rows)} images>"
    assert [one.shape for one in found[:2]] == [found[0].shape] * 2


def test_headers_are_read_when_they_are_used_and_once(rows: Any, archive: Any) -> None:
    archive.log.clear()
    found = helioviewer.footprints(rows)
    assert archive.log == []
    assert len(list(found)) == len(rows)
    assert len(archive.log) == len(rows)
    assert {request.headers["range"] for request in archive.log} == {"bytes=0-16383"}


def test_an_outline_is_a_region_of_other_images(file: Path) -> None:
    part = file.with_name("part.jp2")
    whole = helioviewer.read(file)
    box = [[200, 300], [399, 549]] * u.pix
    with file.open("rb") as stream:
        from sunpy_helio_plugins.helioviewer.maps.regions import cut_of, region_of

        region = region_of("test", box)
        assert region is not None
        part.write_bytes(cut_of(region, None).cropped(stream))
    outline = helioviewer.footprints(part)[0]
    found = helioviewer.read(file, region=outline)
    assert np.abs(np.subtract(found.data.shape, (250, 200))).max() <= 2
    x, y = whole.wcs.world_to_pixel(outline)
    assert (x.min(), x.max(), y.min(), y.max()) == pytest.approx((199.5, 399.5, 299.5, 549.5), abs=1e-3)


def test_images_that_contain_a_point(file: Path, rows: Any) -> None:
    map_ = helioviewer.read(file)
    found = helioviewer.footprints([file])
    near = SkyCoord(100 * u.arcsec, -200 * u.arcsec, frame=map_.coordinate_frame)
    far = SkyCoord(5000 * u.arcsec, 0 * u.arcsec, frame=map_.coordinate_frame)
    assert found.contain(near).tolist() == [True]
    assert found.contain(far).tolist() == [False]
    behind = SkyCoord(180 * u.deg, 0 * u.deg, frame=frames.HeliographicStonyhurst(obstime=map_.date))
    assert found.contain(behind).tolist() == [False]
    assert found.contain(SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame="helioprojective")).tolist() == [True]


def test_several_sources_are_taken_and_keep_their_order(archive: Any) -> None:
    table = HelioviewerClient().search(TIME, a.helioviewer.SourceID(11, 13))
    assert len({*table["Source ID"].tolist()}) == 2
    found = helioviewer.footprints(table[::-1])
    assert len(found) == len(table)
    assert abs((found[0].obstime - table["Start Time"][-1]).to_value("s")) < 3


def test_a_row_without_an_image_is_masked(archive: Any) -> None:
    table = helioviewer.nearest(13, ["2026-01-10 12:00", "1999-01-01"])
    found = helioviewer.footprints(table)
    point = SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame="helioprojective")
    assert found.contain(point).tolist() == [True, None]
    with pytest.raises(QueryError, match="Row 1 does not have an image"):
        found[1]


def test_a_header_that_cannot_be_used_is_told(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jp2"
    other.write_bytes(file.read_bytes().replace(b"NAXIS1>", b"NAXISX>"))
    found = helioviewer.footprints([file, other])
    point = SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame="helioprojective")
    with pytest.warns(IncompleteAnswerWarning, match=r"1 of 2 footprints are missing\. other\.jp2: .*NAXIS1"):
        assert found.contain(point).tolist() == [True, None]
    with pytest.raises(FileError, match=r"other\.jp2: The header does not contain the size"):
        found[1]


@pytest.mark.parametrize(
    "point", ["disk centre", SkyCoord([1, 2] * u.deg, [1, 2] * u.deg), SkyCoord(np.nan * u.deg, 1 * u.deg)]
)
def test_only_single_finite_coordinates_are_points(file: Path, point: Any) -> None:
    with pytest.raises(QueryError, match=r"Footprints\.contain takes a (single|finite) coordinate"):
        helioviewer.footprints(file).contain(point)


def test_other_objects_are_refused() -> None:
    with pytest.raises(QueryError, match=r"helioviewer\.footprints takes the rows of a search, or paths"):
        helioviewer.footprints(3)


def test_rows_whose_file_the_archive_lacks_are_refused(rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows["Lister"] = np.full(len(rows), matching.NEAREST)
    pairs = zip(rows["url"], rows["Path"], strict=True)
    found = [SimpleNamespace(missing="", url=url, path=path) for url, path in pairs]
    monkeypatch.setattr(matching, "places", lambda _: found)
    assert helioviewer.footprints(rows)[0].shape == helioviewer.footprints(rows[:1])[0].shape
    found[1].missing = "the image is not there any more"
    with pytest.raises(FileError, match="the image is not there any more"):
        helioviewer.footprints(rows)


def test_a_damaged_image_is_told(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "2026_01_10__12_00_00_000__SDO_AIA_AIA_304.jp2"
    other.write_bytes(b"<html>no</html>")
    found = helioviewer.footprints([file, other])
    point = SkyCoord(0 * u.arcsec, 0 * u.arcsec, frame="helioprojective")
    words = r"1 of 2 footprints are missing\. 2026_01_10__12_00_00_000__.*not a JPEG 2000"
    with pytest.warns(IncompleteAnswerWarning, match=words):
        assert found.contain(point).tolist() == [True, None]
    with pytest.raises(FileError, match=r"2026_01_10__12_00_00_000__SDO_AIA_AIA_304\.jp2: .*not a JPEG 2000"):
        found[1]
