"""Test reading files repaired, at a smaller size, and in physical values where these can be checked."""

from __future__ import annotations

import io
import struct
import sys
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord

from sunpy_helio_plugins import helioviewer
from sunpy_helio_plugins.errors import FileError, MissingDependencyError, QueryError
from sunpy_helio_plugins.helioviewer.jp2 import header, reduce
from sunpy_helio_plugins.helioviewer.maps import header_repairs, physical, stretch
from sunpy_helio_plugins.sandbox.helioviewer import holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("glymur")


def whole(source: int) -> bytes:
    data = made.content(holdings.images(source)[-1])
    assert data is not None
    return data


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(source: int, **changed: Any) -> Path:
        data = whole(source)
        text = header.replaced(header.text_of(data), changed)
        path = tmp_path / "2026_01_10__00_00_00_000__image.jp2"
        path.write_bytes(made.with_header(data, text))
        return path

    return write


@pytest.mark.parametrize("source", [4, 11, 13, 19])
def test_the_pixels_are_those_of_glymur_and_of_pillow(file: Any, source: int) -> None:
    import glymur

    path = file(source)
    map_ = helioviewer.read(path)
    assert np.array_equal(map_.data, glymur.Jp2k(path)[:][::-1])
    small = helioviewer.read(path, size=128)
    step = map_.data.shape[0] // 128
    assert np.array_equal(small.data, glymur.Jp2k(path)[::step, ::step][::-1])


@pytest.mark.parametrize("source", [11, 13, 19])
def test_a_smaller_map_has_the_same_sun(file: Any, source: int) -> None:
    path = file(source)
    full, small = helioviewer.read(path), helioviewer.read(path, size=256)
    assert small.data.shape == (256, 256)
    assert u.allclose(small.scale[0], 4 * full.scale[0])
    point = SkyCoord(500 * u.arcsec, -300 * u.arcsec, frame=full.coordinate_frame)
    x, y = (float(value) for value in full.wcs.world_to_pixel(point))
    assert np.allclose(
        [float(value) for value in small.wcs.world_to_pixel(point)], [x / 4, 255 - (1023 - y) / 4], atol=1e-3
    )


def test_bytes_say_that_they_are_bytes(file: Any) -> None:
    map_ = helioviewer.read(file(19))
    assert map_.unit == u.byte
    assert map_.meta["hv_bunit"] == "G"


def test_aia_comes_back_in_dn_per_second(file: Any) -> None:
    map_ = helioviewer.read(file(13), physical=True)
    assert map_.unit == u.DN / u.s
    assert np.median(map_.data) * 2.9 == pytest.approx(map_.meta["datamedn"], abs=0.75)
    assert 0 < map_.meta["qstep"] < 0.1


def test_hmi_comes_back_in_gauss_and_only_on_the_disk(file: Any) -> None:
    map_ = helioviewer.read(file(19), size=512, physical=True)
    assert map_.unit == u.G
    assert np.isnan(map_.data[0, 0])
    assert abs(np.nanmedian(map_.data)) < 4
    assert map_.meta["qstep"] == pytest.approx(500 / 255)


@pytest.mark.parametrize(
    ("source", "changed", "words"),
    [
        (13, {"DATAMEDN": 99.0}, "the header says 99"),
        (13, {"HV_HVS_DETAILS_FILENAME_VERSION": "4.0"}, "version 4.0"),
        (13, {"EXPTIME": 0.0}, "exposure"),
        (13, {"DATAMEDN": "nothing"}, "no DATAMEDN"),
        (19, {"DATAMEDN": 40.0}, "the header says 40"),
        (19, {"CONTENT": "CONTINUUM INTENSITY", "DATAMAX": 0.0}, "DATAMAX is zero"),
        (4, {}, "ratio to a model of the background"),
    ],
)
def test_values_that_cannot_be_checked_are_refused(file: Any, source: int, changed: Any, words: str) -> None:
    with pytest.raises(FileError, match=words):
        helioviewer.read(file(source, **changed), physical=True)


@pytest.mark.parametrize("wave", [94, 131, 171, 193, 211, 304, 335, 1600, 1700, 4500])
def test_every_channel_is_inverted_as_it_was_stretched(wave: int) -> None:
    for table in physical._tables(wave):
        assert (np.diff(table) > 0).all()
        data = np.full((8, 8), 100, np.uint8)
        keys = {
            "INSTRUME": "AIA_1", "WAVELNTH": wave, "EXPTIME": 2.0, "DATAMEDN": 2 * float(table[100]),
            "HV_HVS_DETAILS_FILENAME_VERSION": 5.0,
        }  # fmt: skip
        assert physical.invert(data, keys).values[0, 0] == pytest.approx(table[100])


def test_the_continuum_is_linear_up_to_its_maximum() -> None:
    data = np.full((8, 8), 184, np.uint8)
    keys = {"INSTRUME": "HMI_FRONT2", "CONTENT": "CONTINUUM INTENSITY", "DATAMAX": 57755.0, "DATAMEDN": 41496.0}
    assert physical.invert(data, keys).values[0, 0] == pytest.approx(184 * 57755 / 255)


def test_known_faults_are_put_right() -> None:
    rhessi = header_repairs.repaired({"TIMESYS": 1979.0, "ORIGIN": "RHESSI"})
    assert (rhessi["TIMESYS"], "TIMESYS was 1979" in rhessi["HISTORY"]) == ("UTC", True)
    early = {"INSTRUME": "HMI_FRONT2", "DSUN_OBS": 0.03, "RSUN_OBS": 0.0, "DATE-OBS": "2010-12-06T18:56:41.100"}
    hmi = header_repairs.repaired(early)
    assert hmi["DSUN_OBS"] / 1.495978707e11 == pytest.approx(0.9853, abs=1e-3)
    assert hmi["RSUN_OBS"] == pytest.approx(973.7, abs=1)
    lasco = header_repairs.repaired({"INSTRUME": "LASCO", "DATE_OBS": "2013/05/13", "TIME_OBS": "16:54:06.137"})
    assert lasco["DSUN_OBS"] / 1.495978707e11 == pytest.approx(1.0004, abs=1e-3)
    mdi = header_repairs.repaired({"INSTRUME": "MDI"}, "2005_01_11__23_59_32_227__SOHO_MDI_MDI_continuum.jp2")
    assert (mdi["DETECTOR"], mdi["CONTENT"]) == ("MDI", "continuum")
    assert "helioviewer" in header_repairs.repaired({"INSTRUME": "EUI"})


def test_an_image_of_rhessi_opens(tmp_path: Path) -> None:
    out = io.BytesIO()
    Image.fromarray(np.zeros((101, 101), np.uint8)).save(out, format="JPEG2000")
    keys = {
        "ORIGIN": "RHESSI", "TELESCOP": "RHESSI", "INSTRUME": "RHESSI", "TIMESYS": "1979", "CTYPE1": "arcsec",
        "CTYPE2": "arcsec", "CDELT1": 4, "CDELT2": 4, "CRPIX1": 51, "CRPIX2": 51, "CRVAL1": 0, "CRVAL2": 0,
        "DATE_OBS": "2012-07-05T03:36:00", "DATE_END": "2012-07-05T03:37:00", "CROTA": 0, "ENERGY_L": 3, "ENERGY_H": 6,
        "DSUN_OBS": 1.5e11, "HGLN_OBS": 0, "HGLT_OBS": 3,
    }  # fmt: skip
    text = "".join(f"<{key}>{value}</{key}>" for key, value in keys.items())
    path = tmp_path / "rhessi.jp2"
    path.write_bytes(made.with_header(out.getvalue(), f"<meta><fits>{text}</fits></meta>"))
    map_ = helioviewer.read(path)
    assert map_.date.isot == "2012-07-05T03:36:00.000"


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.jp2"
    for body in (b"File not found.", b"", whole(13)[:3000]):
        path.write_bytes(body)
        with pytest.raises(FileError, match=r"image\.jp2"):
            helioviewer.read(path, size=64)


def test_reading_needs_the_beginning_of_a_file_only(tmp_path: Path) -> None:
    data = whole(13)
    path = tmp_path / "image.jp2"
    path.write_bytes(data[: reduce.needed(256, data)])
    assert helioviewer.read(path, size=256).data.shape == (256, 256)


@pytest.mark.parametrize("size", [None, 128])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(5000), "not a JPEG 2000 file: its 5008 bytes begin with"),
        (b'{"error": "no such image"}', "no such image"),
        (b"<html><body>Sorry</body></html>", "Sorry"),
        (b"", "empty"),
        (b"SIMPLE  =                    T", "not a JPEG 2000 file"),
    ],
)
def test_what_is_not_an_image_is_refused_at_any_size(
    tmp_path: Path, size: int | None, content: bytes, words: str
) -> None:
    path = tmp_path / "x.jp2"
    path.write_bytes(content)
    with pytest.raises(FileError, match=rf"^x\.jp2: .*{words}"):
        helioviewer.read(path, size=size)


def test_a_missing_package_is_named_as_such(file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingDependencyError, match="Decoding JPEG 2000 images"):
        helioviewer.read(file(19))


@pytest.mark.parametrize("given", [np.zeros((2, 2)), "image.jp2", None])
def test_only_maps_have_clipped_pixels(given: Any) -> None:
    with pytest.raises(QueryError, match=r"helioviewer\.clipped takes a map, such as helioviewer\.read returns, not"):
        helioviewer.clipped(given)


def test_sunpys_test_of_stretches_is_extended_once() -> None:
    from sunpy.map.sources import source_type

    before = source_type.from_helioviewer_project
    assert stretch.install() is False
    assert source_type.from_helioviewer_project is before


@pytest.mark.parametrize("fault", [struct.error("too short"), IndexError("too short"), ValueError("too short")])
def test_a_fault_within_a_file_names_the_file(file: Any, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def fail(data: bytes, size: int) -> bytes:
        raise fault

    monkeypatch.setattr(reduce, "reduce", fail)
    path = file(19)
    with pytest.raises(FileError, match=f"{path.name}: the file cannot be read: too short"):
        helioviewer.read(path, size=128)


def test_a_warning_that_is_an_error_is_raised_as_it_is(file: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def warns(*_: Any, **__: Any) -> Any:
        raise UserWarning("as the filters say")

    path = file(13)
    monkeypatch.setattr("sunpy.map.Map", warns)
    with pytest.raises(UserWarning, match="as the filters say"):
        helioviewer.read(path)
