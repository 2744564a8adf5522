"""Test sequences of images: equal to images that are read one by one, with what is missing named."""

from __future__ import annotations

import pickle
import re
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import HelioviewerClient, helioviewer
from sunpy_helio_plugins.errors import (
    AnswerError,
    FileError,
    IncompleteAnswerWarning,
    MissingDependencyError,
    QueryError,
    ServiceError,
)
from sunpy_helio_plugins.helioviewer.jp2 import reduce
from sunpy_helio_plugins.helioviewer.maps.regions import cut_of, region_of
from sunpy_helio_plugins.helioviewer.sequences import pictures
from sunpy_helio_plugins.helioviewer.sequences.frames import FrameDecoder, GridBox, SequenceFrame, _cut_header
from sunpy_helio_plugins.helioviewer.sequences.pictures import Picture
from sunpy_helio_plugins.sandbox.helioviewer import holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.exchange import Response

pytestmark = pytest.mark.usefixtures("impatient")

TIME = a.Time("2026-01-10 11:58", "2026-01-10 12:01")


@pytest.fixture
def rows(archive: Any) -> Any:
    """Return five rows of AIA 304."""
    return HelioviewerClient().search(TIME, a.helioviewer.SourceID(13))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return five files of AIA 304 at their full size."""
    folder = tmp_path_factory.mktemp("images")
    images = [image for image in holdings.images(13) if image.when.day == 10 and image.when.hour == 12][:5]
    for image in images:
        (folder / image.name).write_bytes(made.content(image) or b"")
    return sorted(folder.iterdir())


def edited(file: Path, folder: Path, **values: Any) -> Path:
    """Return a copy of a file in which keywords have other values."""
    data = file.read_bytes()
    start = data.index(b"<meta>")
    text = data[start : data.index(b"</meta>")]
    for key, value in values.items():
        name = key.replace("_OBS", "-OBS").encode()
        text, count = re.subn(b"(<%b[^>]*>)[^<]*(</%b>)" % (name, name), rb"\g<1>%b\g<2>" % str(value).encode(), text)
        assert count, key
    whole = made.with_header(data, (text + b"</meta>").decode())
    target = folder / file.name
    target.write_bytes(whole)
    return target


def test_an_array_contains_the_images_as_they_are_read_one_by_one(files: list[Path]) -> None:
    shown = helioviewer.sequence(reversed(files), size=128)
    values = shown.to_array()
    assert values.shape == shown.shape == (5, 128, 128)
    assert (values.dtype, shown.unit) == (shown.dtype, u.Unit("byte"))
    for number, file in enumerate(files):
        assert (values[number] == helioviewer.read(file, size=128).data).all()
    assert shown.names == [file.name for file in files]
    assert (np.diff(shown.times.jd) > 0).all()
    assert values.mask is np.ma.nomask


def test_rows_give_the_same_as_their_files(rows: Any, archive: Any, tmp_path: Path) -> None:
    paths = Fido.fetch(rows, path=tmp_path / "{file}", progress=False)
    archive.log.clear()
    assert (helioviewer.sequence(rows, 128).to_array() == helioviewer.sequence(sorted(paths), 128).to_array()).all()
    assert {request.headers.get("range") is not None for request in archive.log} == {True}


@pytest.mark.parametrize("size", [None, 40])
@pytest.mark.parametrize("physical", [False, True])
def test_only_the_bytes_of_a_region_are_requested(
    rows: Any, archive: Any, files: list[Path], size: int | None, physical: bool
) -> None:
    box = [[500, 600], [579, 659]] * u.pix
    expected = helioviewer.sequence(files[:3], size, box, physical=physical).to_array()
    shown = helioviewer.sequence(rows[:3], size, box, physical=physical)
    archive.log.clear()
    assert (shown.to_array() == expected).all()
    sent = 0
    for request in archive.log:
        first, last = request.headers["range"].removeprefix("bytes=").split("-")
        sent += int(last) + 1 - int(first)
    assert sent < 0.6 * sum(file.stat().st_size for file in files[:3])
    assert (shown.to_maps()[1].data == helioviewer.read(files[1], size, physical, box).data).all()


def test_a_region_of_a_server_without_ranges_is_cut_from_whole_files(
    rows: Any, archive: Any, files: list[Path]
) -> None:
    box = [[500, 600], [579, 659]] * u.pix
    expected = helioviewer.sequence(files[:2], region=box).to_array()
    with archive.fault("ignore_range", path="/helioviewer/jp2"):
        assert (helioviewer.sequence(rows[:2], region=box).to_array() == expected).all()


def cut_picture(monkeypatch: pytest.MonkeyPatch, replies: list[tuple[int, bytes]], whole: bytes) -> Any:
    """Read a region of a picture from given replies, each of which is requested of one version of the file."""

    def get(url: str, **options: Any) -> Any:
        status, body = replies.pop(0)
        start = int(options["headers"]["Range"].removeprefix("bytes=").partition("-")[0])
        assert options["headers"].get("If-Range") == ('"1"' if start else None)
        told = {"Content-Range": f"bytes {start}-{start + len(body) - 1}/{len(whole)}", "ETag": '"1"'}
        return types.SimpleNamespace(status=status, content=body, url=url, headers=told)

    region = region_of("test", BOX)
    assert region is not None
    monkeypatch.setattr(metadata, "get", get)
    picture = Picture("x.jp2", np.datetime64("2026-01-10T12:00"), "https://example.org/x.jp2")
    return picture.region(cut_of(region, None, False))[0][::-1]


BOX = [[500, 600], [579, 659]] * u.pix


def test_a_file_that_is_replaced_between_two_requests_is_not_mixed(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With If-Range, the server sends the other version completely."""
    old, new = (file.read_bytes() for file in files[:2])
    expected = helioviewer.read(files[1], region=BOX).data
    seen = cut_picture(monkeypatch, [(206, old[: reduce.FIRST_BYTES]), (200, new)], old)
    assert (seen == expected).all()


def test_a_part_that_is_too_short_is_an_error(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    old = files[0].read_bytes()
    with pytest.raises(ServiceError, match=r"the bytes \d+ to \d+ were requested, and 3 came"):
        cut_picture(monkeypatch, [(206, old[: reduce.FIRST_BYTES]), (206, b"abc")], old)


@pytest.mark.parametrize("size", [None, 100, 5000])
def test_sizes_are_the_minimum_of_a_power_of_two(rows: Any, size: int | None) -> None:
    expected = 128 if size == 100 else 1024
    assert helioviewer.sequence(rows[:2], size).to_array().shape == (2, expected, expected)


def test_a_lazy_array_fetches_an_image_when_it_is_computed(rows: Any, archive: Any) -> None:
    shown = helioviewer.sequence(rows, 64)
    archive.log.clear()
    lazy = shown.to_dask()
    assert archive.log == []
    assert lazy.chunks == ((1,) * len(rows), (64,), (64,))
    assert lazy.dtype == np.uint8
    image = lazy[2].compute()
    assert {request.path.rpartition("/")[2] for request in archive.log} == {rows["Path"][2].rpartition("/")[2]}
    assert (image == shown.to_array()[2]).all()
    assert (lazy.max(axis=0).compute() == shown.to_array().max(axis=0)).all()


def test_maps_have_their_own_coordinates_and_times(files: list[Path]) -> None:
    maps = helioviewer.sequence(files, 128).to_maps()
    for one, file in zip(maps, files, strict=True):
        read = helioviewer.read(file, size=128)
        assert (one.data == read.data).all()
        assert one.meta == read.meta


def test_a_cube_has_time_and_the_coordinates_of_the_first_image(files: list[Path]) -> None:
    cube = helioviewer.sequence(files, 128).to_ndcube()
    first = helioviewer.read(files[0], size=128)
    assert cube.shape == (5, 128, 128)
    assert cube.unit == u.Unit("byte")
    place, time = cube.wcs.pixel_to_world(30, 40, 2)
    assert SkyCoord(place).separation(first.pixel_to_world(30 * u.pix, 40 * u.pix)) < 1e-6 * u.arcsec
    assert time.isot[:22] == helioviewer.sequence(files, 128).times.isot[2][:22]
    assert cube[1:3].shape == (2, 128, 128)


def test_parts_of_a_sequence(files: list[Path]) -> None:
    shown = helioviewer.sequence(files, 64)
    whole = shown.to_array()
    assert (shown[1:3].to_array() == whole[1:3]).all()
    assert shown[4].shape == (1, 64, 64)
    assert len(shown[np.array([True, False, True, False, False])]) == 2
    with pytest.raises(QueryError, match="needs at least one image"):
        shown[5:]
    assert repr(shown) == "<ImageSequence of 5 images of 64 x 64 pixels, 2026-01-10T12:00:05 to 2026-01-10T12:02:29>"


def test_a_region_is_that_of_a_submap(files: list[Path]) -> None:
    full = helioviewer.read(files[0])
    corners = SkyCoord([-300, 200] * u.arcsec, [-100, 250] * u.arcsec, frame=full.coordinate_frame)
    image = helioviewer.sequence(files, region=corners).to_maps()[0]
    sub = full.submap(corners[0], top_right=corners[1])
    assert image.data.shape == sub.data.shape
    # OpenJPEG decodes a region with other roundings.
    assert np.abs(image.data.astype(int) - sub.data).max() <= 1
    assert image.bottom_left_coord.separation(sub.bottom_left_coord) < 0.001 * u.arcsec


@pytest.mark.parametrize("size", [20, 64, 105, 150])
def test_a_region_has_at_least_the_requested_size(files: list[Path], size: int) -> None:
    frame = helioviewer.read(files[0]).coordinate_frame
    corners = SkyCoord([-300, 200] * u.arcsec, [-100, 250] * u.arcsec, frame=frame)
    shown = helioviewer.sequence(files, size, corners)
    image = shown.to_maps()[0]
    assert size <= max(image.data.shape) <= 2 * size + 2
    edges = [image.pixel_to_world(x * u.pix, y * u.pix) for x, y in ((-0.5, -0.5), np.array(image.data.shape)[::-1])]
    assert edges[0].Tx <= -300 * u.arcsec
    assert edges[1].Ty >= 250 * u.arcsec - image.scale[1] * u.pix
    assert (shown.to_array()[0] == image.data).all()


def test_regions_of_all_kinds_are_the_same_box(rows: Any, archive: Any) -> None:
    full = helioviewer.sequence(rows[:1]).to_maps()[0]
    corners = SkyCoord([-300, 200] * u.arcsec, [-100, 250] * u.arcsec, frame=full.coordinate_frame)
    boxes = [
        helioviewer.sequence(rows[:1], region=region).shape
        for region in (corners, (corners[0], corners[1]), full.submap(corners[0], top_right=corners[1]))
    ]
    assert boxes == [boxes[0]] * 3


def test_the_region_of_an_event_contains_its_outline(rows: Any) -> None:
    event = Fido.search(a.Time("2026-01-10", "2026-01-11"), a.her.CH)["her"][0]
    image = helioviewer.sequence(rows[:2], region=event).to_maps()[0]
    box = event["hpc_bbox"].transform_to(image.coordinate_frame)
    low, high = image.bottom_left_coord, image.top_right_coord
    assert (box.Tx > low.Tx - 2 * u.arcsec).all()
    assert (box.Tx < high.Tx + 4 * u.arcsec).all()
    assert low.Tx > box.Tx.min() - 5 * u.arcsec
    assert high.Ty < box.Ty.max() + 5 * u.arcsec


def test_the_region_follows_the_pointing(files: list[Path], tmp_path: Path) -> None:
    moved = edited(files[1], tmp_path, CRPIX1=515.2, CRPIX2=502.5)
    full = helioviewer.read(files[0])
    corners = SkyCoord([-300, 200] * u.arcsec, [-100, 250] * u.arcsec, frame=full.coordinate_frame)
    shown = helioviewer.sequence([files[0], moved], region=corners)
    first, second = shown.to_maps()
    # 2.7 pixels to the right and 10 down, of which 0.3 are left after rounding.
    assert (second.reference_pixel.x - first.reference_pixel.x).value == pytest.approx(-0.3, abs=1e-6)
    assert (second.reference_pixel.y - first.reference_pixel.y).value == pytest.approx(0, abs=1e-6)
    assert shown.to_ndcube().shape == shown.shape
    with pytest.raises(QueryError, match=rf"The pointing of {moved.name} differs by 10.0 pixels"):
        helioviewer.sequence([files[0], moved]).to_ndcube()


def test_another_scale_is_refused_by_its_name(files: list[Path], tmp_path: Path) -> None:
    scaled = edited(files[1], tmp_path, CDELT1=2.5, CDELT2=2.5)
    shown = helioviewer.sequence([files[0], scaled], size=64)
    with pytest.warns(IncompleteAnswerWarning, match=f"1 of 2 images are missing. {scaled.name}.*its scale"):
        values = shown.to_array()
    assert values.mask[:, 0, 0].tolist() == [False, True]


def test_a_damaged_file_is_masked_and_named(files: list[Path], tmp_path: Path) -> None:
    damaged = tmp_path / files[2].name
    damaged.write_bytes(files[2].read_bytes()[:9000])
    shown = helioviewer.sequence([*files[:2], damaged], size=256)
    with pytest.warns(IncompleteAnswerWarning, match=rf"1 of 3 images are missing. {damaged.name}"):
        values = shown.to_array()
    assert values.mask[:, 0, 0].tolist() == [False, False, True]
    with pytest.warns(IncompleteAnswerWarning, match="are missing"):
        assert len(shown.to_maps()) == 2
    with pytest.raises(FileError, match=re.escape(damaged.name)):
        shown.to_dask()[2].compute()
    with pytest.raises(FileError, match=re.escape(damaged.name)):
        helioviewer.sequence(damaged, size=256)


def test_a_server_that_fails_is_told_with_the_names(rows: Any, archive: Any) -> None:
    shown = helioviewer.sequence(rows, 64)
    name = shown.names[1]
    with archive.fault("status", status=404, where=lambda request: name in request.path):
        with pytest.warns(
            IncompleteAnswerWarning, match=rf"1 of {len(rows)} images are missing. {name} is missing.*404"
        ):
            values = shown.to_array()
    assert values.mask[:, 0, 0].tolist() == [number == 1 for number in range(len(rows))]
    with archive.fault("status", status=503, path="/helioviewer/jp2"), pytest.raises(ServiceError, match="503"):
        shown.to_array()


@pytest.mark.parametrize("fault", ["html_error", "cut_length", "hang_up"])
def test_a_response_that_is_no_image_is_an_error(rows: Any, archive: Any, fault: str) -> None:
    with archive.fault(fault, path="/helioviewer/jp2"), pytest.raises((ServiceError, FileError)):
        helioviewer.sequence(rows, 64)


def test_a_server_without_ranges_sends_whole_files(rows: Any, canned: Any) -> None:
    image = next(one for one in holdings.images(13) if one.when.day == 10)
    body = made.content(image) or b""
    row = rows[:1].copy()
    row["url"] = [f"{canned(lambda path: (200, 'image/jp2', body))}/image.jp2"]
    assert helioviewer.sequence(row, 64).to_array().shape == (1, 64, 64)


def test_images_are_dropped_by_exposure_and_quality_and_named(files: list[Path], tmp_path: Path) -> None:
    short = edited(files[1], tmp_path, EXPTIME=0.5)
    bad = edited(files[2], tmp_path, QUALITY=(1 << 30) | 4)
    images = [files[0], short, bad, *files[3:]]
    shown = helioviewer.sequence(images, 64, exposure=2 * u.s)
    assert shown.dropped["Name"].tolist() == [short.name]
    assert shown.dropped["Reason"].tolist() == ["EXPTIME is 0.5 s"]
    assert len(shown) == 4
    shown = helioviewer.sequence(images, 64, quality=True)
    assert shown.dropped["Reason"].tolist() == [f"QUALITY is {(1 << 30) | 4}"]
    assert len(helioviewer.sequence(images, 64, quality=(1 << 30) | 4).dropped) == 0
    assert len(helioviewer.sequence(images, 64, exposure=(0.4, 0.6) * u.s)) == 1
    with pytest.raises(QueryError, match=r"All 5 images are dropped by quality or exposure, the first since EXPTIME"):
        helioviewer.sequence(images, 64, exposure=100 * u.s)


def test_an_image_without_an_exposure_time_is_dropped_and_one_without_a_header_is_an_error(
    files: list[Path], tmp_path: Path
) -> None:
    silent, damaged = tmp_path / files[1].name, tmp_path / files[2].name
    silent.write_bytes(files[1].read_bytes().replace(b"<EXPTIME>", b"<EXPTIMX>").replace(b"</EXPTIME>", b"</EXPTIMX>"))
    shown = helioviewer.sequence([files[0], silent, files[2]], 64, exposure=2 * u.s)
    assert shown.dropped["Reason"].tolist() == ["EXPTIME is missing"]
    damaged.write_bytes(files[2].read_bytes()[:40])
    with pytest.raises(FileError, match=r"^1 headers cannot be read, so that their images cannot be judged: .*"):
        helioviewer.sequence([files[0], damaged], 64, exposure=2 * u.s)


def test_headers_in_the_rows_are_not_requested_again(archive: Any) -> None:
    rows = HelioviewerClient().search(TIME, a.helioviewer.SourceID(13), a.helioviewer.Header())
    archive.log.clear()
    shown = helioviewer.sequence(rows, 64, exposure=1 * u.s)
    assert len({request.path for request in archive.log}) == 1
    assert len(shown) == len(rows)


def test_headers_of_rows_are_requested_if_they_are_needed(rows: Any, archive: Any) -> None:
    assert len(helioviewer.sequence(rows, 64, quality=True)) == len(rows)
    assert {request.path.rpartition("/")[2] for request in archive.log} >= {
        path.rpartition("/")[2] for path in rows["Path"]
    }


def test_physical_values_are_those_of_read(files: list[Path]) -> None:
    shown = helioviewer.sequence(files[:2], physical=True)
    read = helioviewer.read(files[1], physical=True)
    assert (shown.to_array()[1] == read.data).all()
    assert (shown.unit, shown.dtype) == (read.unit, np.float32)
    assert (helioviewer.sequence(files[:2], physical=True, normalize=True).to_array() == shown.to_array()).all()


def test_bytes_are_divided_by_the_exposure(files: list[Path], tmp_path: Path) -> None:
    other = [edited(file, tmp_path, INSTRUME="EIT", EXPTIME=number + 2) for number, file in enumerate(files[:2])]
    plain, shown = helioviewer.sequence(other, 64), helioviewer.sequence(other, 64, normalize=True)
    expected = plain.to_array().data / np.array([2, 3])[:, None, None]
    np.testing.assert_allclose(shown.to_array().data, expected, rtol=1e-6)
    assert shown.unit == u.Unit("byte / s")
    with pytest.raises(QueryError, match=r"AIA.* were divided by their exposure times before"):
        helioviewer.sequence(files, 64, normalize=True)


@pytest.mark.parametrize(
    ("images", "options", "words"),
    [
        (5, {}, "takes the rows of a search, or paths of images"),
        ([], {}, "takes the rows of a search, or paths of images"),
        ("frames.jpx", {}, "one image each, not the JPX frames.jpx"),
        ("FILES", {"size": 0}, "number of pixels such as 512"),
        ("FILES", {"region": "north"}, "as region two corners as a SkyCoord"),
        ("FILES", {"region": (1, 2)}, "as region two corners as a SkyCoord"),
        ("FILES", {"exposure": 3}, "a duration such as 2"),
        ("FILES", {"exposure": (3, 2) * u.s}, "a duration such as 2"),
        ("FILES", {"quality": -1}, "non-negative integer of bits"),
        ("FILES", {"physical": "yes"}, "True or False"),
        ("FILES", {"crop": 1}, "does not take the keyword 'crop'"),
    ],
)
def test_bad_arguments_are_refused(files: list[Path], images: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(QueryError, match=words):
        helioviewer.sequence(files if images == "FILES" else images, **options)


def test_images_of_several_sources_are_refused(archive: Any) -> None:
    rows = HelioviewerClient().search(TIME, a.helioviewer.SourceID(11, 13))
    with pytest.raises(QueryError, match="the images of one source, not of 11, 13"):
        helioviewer.sequence(rows)


def test_a_region_outside_the_images_is_refused(files: list[Path]) -> None:
    frame = helioviewer.read(files[0]).coordinate_frame
    far = SkyCoord([5000, 5100] * u.arcsec, [0, 100] * u.arcsec, frame=frame)
    with pytest.raises(FileError, match=rf"{files[0].name}: The region is outside of the image"):
        helioviewer.sequence(files, region=far)


def degrees(longitudes: tuple[int, int], frame: Any) -> SkyCoord:
    """Return a box in heliographic coordinates."""
    return SkyCoord(longitudes * u.deg, [-10, 30] * u.deg, frame="heliographic_stonyhurst", obstime=frame.obstime)


REGIONS = {
    "corners": lambda frame: SkyCoord([-300, 200] * u.arcsec, [-100, 250] * u.arcsec, frame=frame),
    "a frame": lambda frame: REGIONS["corners"](frame).frame,
    "over the limb": lambda frame: SkyCoord([800, 1100] * u.arcsec, [-100, 100] * u.arcsec, frame=frame),
    "a point": lambda frame: SkyCoord([10, 10] * u.arcsec, [20, 20] * u.arcsec, frame=frame),
    "without observer": lambda frame: SkyCoord([-9, 15] * u.arcsec, [1, 4] * u.arcsec, frame="helioprojective"),
    "curved edges": lambda frame: degrees((-20, 20), frame),
    "behind the limb": lambda frame: degrees((60, 120), frame),
    "pixels": lambda frame: [[10, 10], [100, 51]] * u.pix,
}


@pytest.mark.parametrize("size", [None, 1, 50, 99999])
@pytest.mark.parametrize("name", REGIONS)
def test_a_region_has_the_same_pixels_as_that_of_read(files: list[Path], name: str, size: int | None) -> None:
    region = REGIONS[name](helioviewer.read(files[0], size=64).coordinate_frame)
    expected = helioviewer.read(files[0], size=size, region=region)
    found = helioviewer.sequence(files[0], size, region).to_maps()[0]
    assert found.data.shape == expected.data.shape
    assert np.abs(found.data.astype(int) - expected.data).max() <= 1
    assert found.bottom_left_coord.separation(expected.bottom_left_coord) < 1e-3 * u.arcsec


def test_a_region_on_the_far_side_is_refused(files: list[Path]) -> None:
    with pytest.raises(FileError, match=f"{files[0].name}: None of the 44 points .* far side"):
        helioviewer.sequence(files, region=degrees((170, 190), helioviewer.read(files[0], size=64).coordinate_frame))


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (GridBox(1, 0, 2, 2), [[1, 2], [4, 5]]),
        (GridBox(-1, 0, 2, 1), [[0, 0]]),
        (GridBox(2, 1, 2, 3), [[5, 0], [8, 0], [0, 0]]),
        (GridBox(7, 7, 1, 1), [[0]]),
    ],
)
def test_pixels_outside_an_image_are_zero(box: GridBox, expected: list[list[int]]) -> None:
    assert box.cut(np.arange(9).reshape(3, 3)).tolist() == expected


@pytest.mark.parametrize(
    ("method", "module", "extra"), [("to_dask", "dask.array", "dask"), ("to_ndcube", "ndcube", "ndcube")]
)
def test_missing_packages_are_named(
    files: list[Path], monkeypatch: pytest.MonkeyPatch, method: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    shown = helioviewer.sequence(files, 64)
    with pytest.raises(MissingDependencyError, match=rf"\[{extra}\]"):
        getattr(shown, method)()


@pytest.mark.parametrize(
    "name",
    [
        "2024_04_16__11_15_41_129__SDO_AIA_AIA_304.jp2", "2022_08_02__10_47_53_000__SDO_HMI_HMI_magnetogram.jp2",
        "soho_lasco_c3.jp2",
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [None, 200])
def test_a_region_of_a_real_file_is_the_part_of_the_whole(real_data: Path, name: str, size: int | None) -> None:
    file = real_data / "world" / "helioviewer" / name
    whole = helioviewer.read(file)
    rows, columns = whole.data.shape
    corners = whole.wcs.pixel_to_world([0.6 * columns, 0.8 * columns], [0.3 * rows, 0.4 * rows])
    shown = helioviewer.sequence(file, size, corners)
    box, image = shown._decoder.box, shown.to_maps()[0]
    full = whole if size is None else helioviewer.read(file, size=shown._decoder.size)
    expected = box.cut(full.data)
    assert np.array_equal(image.data, expected)
    for x, y in ((0, 0), (box.columns - 1, box.rows - 1)):
        there = full.pixel_to_world((x + box.left) * u.pix, (y + box.bottom) * u.pix)
        assert image.pixel_to_world(x * u.pix, y * u.pix).separation(there) < 1e-3 * u.arcsec


def test_a_damaged_file_without_a_time_in_its_name_is_named(tmp_path: Path) -> None:
    path = tmp_path / "image.jp2"
    path.write_bytes(b"<html>no</html>")
    with pytest.raises(FileError, match=r"^image\.jp2: .*not a JPEG 2000"):
        helioviewer.sequence([path])


def test_a_file_that_parts_cannot_be_requested_of_is_requested_as_a_whole(
    files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, asked = files[0].read_bytes(), []

    def get(url: str, **options: Any) -> Response:
        asked.append(options.get("headers", {}).get("Range", "all"))
        if asked[-1] == "all":
            return Response("Helioviewer", url, 200, {}, whole)
        return Response("Helioviewer", url, 206, {"Content-Range": f"bytes 0-4999/{len(whole)}"}, whole[:5000])

    monkeypatch.setattr(metadata, "get", get)
    cut = types.SimpleNamespace(needed=lambda data: len(data), parts=lambda data: None)
    assert pictures._parts("https://example.org/x.jp2", cut) == whole
    assert asked == [f"bytes=0-{reduce.FIRST_BYTES - 1}", "all"]


def test_a_range_that_was_not_requested_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def get(url: str, **_: Any) -> Response:
        return Response("Helioviewer", url, 206, {"Content-Range": "bytes 7-9/100"}, b"abc")

    monkeypatch.setattr(metadata, "get", get)
    with pytest.raises(AnswerError, match="the bytes from 0 on were requested, not bytes 7-9/100"):
        pictures._Ranges("https://x/a.jp2").get(0, 100)


def test_a_sequence_of_one_image_is_no_cube(files: list[Path]) -> None:
    with pytest.raises(QueryError, match="needs at least two images: use to_maps for a single one"):
        helioviewer.sequence(files[:1]).to_ndcube()


@pytest.mark.parametrize("own", [{}, {"EXPTIME": 0}, {"EXPTIME": "long"}])
def test_an_image_without_an_exposure_time_cannot_be_normalized(own: dict[str, Any]) -> None:
    with pytest.raises(FileError, match=r"^a\.jp2: its header does not contain the exposure time, EXPTIME"):
        FrameDecoder(normalize=True)._normalized(np.ones((2, 2)), own, "a.jp2")


def test_a_frame_with_pixels_is_pickled_as_it_is(files: list[Path]) -> None:
    frame = SequenceFrame(np.arange(6).reshape(2, 3), {"CRPIX1": 1}, (0.5, 0.25))
    made_again = pickle.loads(pickle.dumps(frame))
    assert made_again.data.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (made_again.header, made_again.offset) == ({"CRPIX1": 1}, (0.5, 0.25))
    blank = pickle.loads(pickle.dumps(frame.without_pixels()))
    assert (blank.data.shape, blank.data.any(), blank.data.strides) == ((2, 3), False, (0, 0))


def test_another_size_is_refused_by_its_name(files: list[Path]) -> None:
    picture = Picture(files[0].name, np.datetime64("2026-01-10", "us"), files[0])
    whole = FrameDecoder(size=128).located(None, picture)
    assert whole.first is not None
    smaller = replace(whole.first, data=whole.first.data[:64, :64])
    with pytest.raises(FileError, match="its size of 128 x 128 pixels differs from that of the first image, 64 x 64"):
        replace(whole, first=smaller).frame(picture)


def test_without_a_first_image_nothing_is_moved() -> None:
    assert FrameDecoder()._offset({}, "a.jp2", None) == (0.0, 0.0)


def test_a_header_without_a_grid_is_not_changed_by_a_cut() -> None:
    box = GridBox(2, 3, 4, 5)
    assert _cut_header({"A": 1}, box) == {"A": 1}
    own = {"crpix1": 10.0, "CRPIX2": 20.0, "naxis1": 64, "NAXIS2": 64}
    assert _cut_header(own, box) == {"crpix1": 8.0, "CRPIX2": 17.0, "naxis1": 4, "NAXIS2": 5}


def test_scales_that_differ_by_less_than_a_pixel_are_measured(files: list[Path], tmp_path: Path) -> None:
    near = edited(files[1], tmp_path, CDELT1=2.4000001, CDELT2=2.4000001)
    shown = helioviewer.sequence([files[0], near], size=64)
    assert not shown.to_array().mask.any()


def test_a_region_that_leaves_a_later_image_is_cut_from_the_whole(files: list[Path], tmp_path: Path) -> None:
    away = edited(files[1], tmp_path, CRPIX1=-300)
    values = helioviewer.sequence([files[0], away], region=[[450, 450], [549, 549]] * u.pix).to_array()
    assert values.shape == (2, 100, 100)
    assert values[0].any()
    assert not values[1].any()


def test_a_mistake_of_the_caller_ends_the_sequence(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> Any:
        raise QueryError("omit normalize")

    shown = helioviewer.sequence(files[:2], size=64)
    monkeypatch.setattr(FrameDecoder, "frame", refused)
    with pytest.raises(QueryError, match="omit normalize"):
        shown.to_array()
