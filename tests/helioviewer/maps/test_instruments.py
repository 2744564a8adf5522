"""Test that files of every instrument open as maps, in full and reduced size, with the same coordinates."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pytest
import sunpy.map
from astropy.io import fits
from sunpy.coordinates import HeliographicCarrington, get_earth
from sunpy.data.test import get_test_filepath

from sunpy_helio_plugins import helioviewer
from sunpy_helio_plugins.helioviewer import source_table
from sunpy_helio_plugins.helioviewer.jp2 import header, reduce
from sunpy_helio_plugins.helioviewer.maps import header_repairs
from sunpy_helio_plugins.sandbox.helioviewer import holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

Image = pytest.importorskip("PIL.Image")
pytest.importorskip("glymur")

# Warnings of sunpy and astropy about the instruments' headers also occur for the science files.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{words}")
    for words in ("Missing metadata for observer", "Missing CTYPE", "Invalid 'BLANK'", "overflow encountered")
]

SIDE = 64

# Headers of science files, which Helioviewer copies unchanged: sunpy has one of each kind for its tests.
HEADERS = {
    "EIT": "seit_00171_fd_19961211_1900.header",
    "LASCO C2": "lasco_c2_25299383_s.header",
    "LASCO C3": "lasco_c3.header",
    "MDI Int": "mdi.fd_Ic.20101015_230100_TAI.data.header",
    "MDI Mag": "mdi.fd_M_96m_lev182.20101015_191200_TAI.data.header",
    "AIA": "aia_171_level1.fits",
    "HMI": "resampled_hmi.fits",
    "SECCHI EUVI": "euvi_20090615_000900_n4euA_s.header",
    "SECCHI COR1": "cor1_20090615_000500_s4c1A.header",
    "SWAP": "swap_lv1_20140606_000113.header",
    "SXT": "YohkohSXT.header",
    "XRT": "HinodeXRT.header",
    "TRACE": "tsi20010130_025823_a2.header",
    "COSMO": "20181209_180305_kcor_l2.header",
    "EUI": "solo_L1_eui-fsi304-image_20201021T145510206_V03.header",
    "SJI": "iris_l2_20130801_074720_4040000014_SJI_1400_t000.header",
    "GONG": "gong_halpha.header",
    "WFI+NFI": "punch.header",
    "SUVI": "dr_suvi-l2-ci195_g16_s20190403T093200Z_e20190403T093600Z_v1-0-0_rebinned.header",
}

# Headers that sunpy.map.Map cannot read; the how-to page lists them.
MAP_FAILS = {"MDI Mag"} if sunpy.__version__.startswith("7.") else set()


def science_header(name: str) -> fits.Header:
    path = get_test_filepath(HEADERS[name])
    if path.endswith(".header"):
        return fits.Header.fromfile(path, sep="\n", endcard=False, padding=False)
    with fits.open(path) as units:
        return max((unit.header for unit in units if unit.header.get("NAXIS", 0) >= 2), key=len)


def file_of(folder: Path, name: str) -> Path:
    """Return a file like Helioviewer's: the header's keywords as elements, and bytes for an image."""
    out = io.BytesIO()
    rows, columns = np.indices((SIDE, SIDE))
    grey = np.clip(60 + 150 * np.exp(-((rows - 31.5) ** 2 + (columns - 31.5) ** 2) / 300), 0, 255)
    Image.fromarray(grey.astype(np.uint8)).save(out, format="JPEG2000", num_resolutions=3)
    left_out = ("COMMENT", "HISTORY", "", "NAXIS1", "NAXIS2")
    known = {key: value for key, value in science_header(name).items() if key not in left_out and key[0].isalpha()}
    texts = {key: int(value) if isinstance(value, bool) else value for key, value in known.items()}
    texts |= {"NAXIS1": SIDE, "NAXIS2": SIDE}
    keys = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in texts.items())
    path = folder / f"{name.replace(' ', '_')}.jp2"
    marks = "<helioviewer><HV_ROTATION>0.0</HV_ROTATION></helioviewer>"
    path.write_bytes(made.with_header(out.getvalue(), f"<meta><fits>{keys}</fits>{marks}</meta>"))
    return path


@pytest.mark.parametrize("name", HEADERS)
def test_a_map_is_of_the_instruments_own_kind(tmp_path: Path, name: str) -> None:
    file = file_of(tmp_path, name)
    science = sunpy.map.Map(np.zeros((SIDE, SIDE)), science_header(name))
    ours = helioviewer.read(file)
    assert type(ours) is type(science) is not sunpy.map.GenericMap
    assert ours.date.isot == science.date.isot
    assert ours.scale[0].value == pytest.approx(science.scale[0].value)
    if name in MAP_FAILS:
        with pytest.raises(KeyError):
            sunpy.map.Map(file)
    else:
        assert type(sunpy.map.Map(file)) is type(science)


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("way", ["read", "fetched"])
def test_a_smaller_map_has_the_same_sun(tmp_path: Path, name: str, way: str) -> None:
    file = file_of(tmp_path, name)
    whole = helioviewer.read(file)
    if way == "read":
        small = helioviewer.read(file, size=SIDE // 2)
    else:
        data = reduce.reduce(file.read_bytes(), SIDE // 2)
        file.write_bytes(data)
        small = helioviewer.read(file)
    assert small.data.shape == (SIDE // 2, SIDE // 2)
    assert small.scale[0].value == pytest.approx(2 * whole.scale[0].value)
    assert small.rsun_obs.to_value("arcsec") == pytest.approx(whole.rsun_obs.to_value("arcsec"))
    places = [map_.observer_coordinate.cartesian.xyz.to_value("m") for map_ in (small, whole)]
    assert np.allclose(*places)
    # The upper left sample keeps its position, and the others are two pixels apart.
    for x, y in ((0, 0), (20, 10)):
        there = whole.wcs.pixel_to_world(2 * x, SIDE - 1 - 2 * y)
        here = small.wcs.pixel_to_world(x, SIDE // 2 - 1 - y)
        assert here.separation(there).to_value("arcsec") < 1e-3 * whole.scale[0].to_value("arcsec / pix")


def test_every_instrument_is_among_them_or_tested_elsewhere() -> None:
    """RHESSI has a separate test; sunpy does not have a class for the coronagraphs CCOR-1 and CCOR-2 yet."""
    kinds = {source.instruments[0] for source in source_table.known() if not source.members}
    assert kinds - {name.split()[0] for name in HEADERS} == {"RHESSI", "CCOR-1", "CCOR-2"}


def test_an_instrument_that_sunpy_does_not_know_is_a_plain_map(tmp_path: Path) -> None:
    header: dict[str, Any] = {
        "TELESCOP": "GOES-19", "INSTRUME": "CCOR-1", "DETECTOR": "CCOR-1", "DATE-OBS": "2025-03-01T00:00:00.000",
        "CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN", "CUNIT1": "arcsec", "CUNIT2": "arcsec", "CDELT1": 38.5,
        "CDELT2": 38.5, "CRPIX1": 32.5, "CRPIX2": 32.5, "CRVAL1": 0, "CRVAL2": 0, "DSUN_OBS": 1.48e11, "HGLN_OBS": 0,
        "HGLT_OBS": -7,
    }  # fmt: skip
    out = io.BytesIO()
    Image.fromarray(np.zeros((SIDE, SIDE), np.uint8)).save(out, format="JPEG2000", num_resolutions=3)
    keys = "".join(f"<{key}>{value}</{key}>" for key, value in header.items())
    file = tmp_path / "image.jp2"
    file.write_bytes(made.with_header(out.getvalue(), f"<meta><fits>{keys}</fits></meta>"))
    assert type(helioviewer.read(file)) is sunpy.map.GenericMap
    assert type(sunpy.map.Map(file)) is sunpy.map.GenericMap


def facts(map_: sunpy.map.GenericMap) -> dict[str, Any]:
    """Return the properties that have to be kept when a map is saved."""
    norm = map_.plot_settings.get("norm")
    return {
        "kind": type(map_).__name__, "rotation": map_.rotation_matrix.round(9).tolist(), "date": map_.date.isot,
        "reference": map_.reference_date.isot, "unit": str(map_.unit), "nickname": map_.nickname,
        "observer": map_.observer_coordinate.cartesian.xyz.to_value("km").round(1).tolist(),
        "obstime": map_.observer_coordinate.obstime.isot, "scale": [round(float(x.value), 9) for x in map_.scale],
        "reference pixel": [float(x.value) for x in map_.reference_pixel], "measurement": str(map_.measurement),
        "radius": round(map_.rsun_obs.to_value("arcsec"), 6), "detector": map_.detector, "data": map_.data.tolist(),
        "stretch": None if norm is None else type(norm.stretch).__name__, "colours": map_.plot_settings.get("cmap"),
    }  # fmt: skip


SAVED = pytest.mark.filterwarnings("ignore:The meta key", "ignore:.*is not valid ascii")


@SAVED
@pytest.mark.parametrize("ending", ["fits", "jp2", "asdf"])
@pytest.mark.parametrize("name", HEADERS)
def test_a_repaired_map_is_the_same_after_it_was_saved_twice(tmp_path: Path, name: str, ending: str) -> None:
    ours = helioviewer.read(file_of(tmp_path, name))
    again = ours
    for number in (1, 2):
        again.save(tmp_path / f"{number}.{ending}")
        again = sunpy.map.Map(tmp_path / f"{number}.{ending}")
    assert facts(again) == facts(ours)
    flags = helioviewer.clipped(again)
    assert np.array_equal(flags, helioviewer.clipped(ours))


@SAVED
@pytest.mark.parametrize("name", HEADERS)
def test_a_repaired_map_that_was_saved_as_an_image_is_read_as_before(tmp_path: Path, name: str) -> None:
    ours = helioviewer.read(file_of(tmp_path, name))
    ours.save(tmp_path / "1.jp2")
    again = helioviewer.read(tmp_path / "1.jp2")
    assert facts(again) == facts(ours)
    assert again.meta.get("hv_bunit") == ours.meta.get("hv_bunit")


@pytest.mark.parametrize("name", HEADERS)
def test_a_repaired_header_is_not_repaired_again(tmp_path: Path, name: str) -> None:
    given = header.file_header(file_of(tmp_path, name))
    once = header_repairs.display_unit(header_repairs.repaired(given, name))
    assert header_repairs.display_unit(header_repairs.repaired(once, name)) == once
    changed = {key for key in {*given, *once} if given.get(key) != once.get(key)}
    assert {key for key in changed if len(key) > 8} <= {"helioviewer", "HELIOVIEWER", "KEYCOMMENTS"}


@pytest.mark.parametrize("name", HEADERS)
def test_the_reference_date_is_that_of_the_exposure(tmp_path: Path, name: str) -> None:
    ours = helioviewer.read(file_of(tmp_path, name))
    assert abs((ours.reference_date - ours.date).to_value("s")) < 120
    assert ours.observer_coordinate.obstime.isot == ours.reference_date.isot


LASCO = {
    "TELESCOP": "SOHO", "INSTRUME": "LASCO", "DETECTOR": "C3", "DATE_OBS": "2023/12/01", "TIME_OBS": "23:54:07.373",
    "CRPIX1": 32.5, "CRPIX2": 33.5, "CROTA": -7.42291, "CROTA1": -7.42291, "CROTA2": -7.42268, "CTYPE1": "SOLAR-X",
    "CTYPE2": "SOLAR-Y", "CDELT1": 896.0, "CDELT2": 896.0, "CRVAL1": 0, "CRVAL2": 0, "CUNIT1": "arcsec",
    "CUNIT2": "arcsec", "BUNIT": 0, "FILTER": "Clear",
}  # fmt: skip


@SAVED
@pytest.mark.parametrize("spelling", ["_", "-"])
def test_lasco_is_neither_turned_nor_dated_wrong(tmp_path: Path, spelling: str) -> None:
    """A header like Helioviewer's: separate date and time, and a rotation that was already applied to the image."""
    out = io.BytesIO()
    Image.fromarray(np.zeros((SIDE, SIDE), np.uint8)).save(out, format="JPEG2000", num_resolutions=3)
    spelt = {key.replace("_OBS", f"{spelling}OBS"): value for key, value in LASCO.items()}
    keys = "".join(f"<{key}>{value}</{key}>" for key, value in spelt.items())
    file = tmp_path / "lasco.jp2"
    file.write_bytes(made.with_header(out.getvalue(), f"<meta><fits>{keys}</fits><helioviewer>\n</helioviewer></meta>"))
    check_lasco(helioviewer.read(file), tmp_path, "2023-12-01T23:54:07.373")


def check_lasco(map_: sunpy.map.GenericMap, folder: Path, date: str) -> None:
    plain = {key: value for key, value in map_.meta.items() if key.lower() != "helioviewer"}
    map_.save(folder / "lasco.fits")
    for one in (map_, sunpy.map.Map(folder / "lasco.fits"), sunpy.map.Map(map_.data, plain)):
        assert np.array_equal(one.rotation_matrix, np.identity(2))
        assert one.date.isot == one.reference_date.isot == one.coordinate_frame.obstime.isot == date
        expected = get_earth(date)
        observer = one.observer_coordinate
        assert abs((observer.lon - expected.lon).wrap_at("180d").to_value("deg")) < 1e-6
        assert observer.lat.to_value("deg") == pytest.approx(expected.lat.to_value("deg"), abs=1e-6)
        there = [place.transform_to(HeliographicCarrington(observer=place)).lon for place in (observer, expected)]
        assert abs((there[0] - there[1]).wrap_at("180d").to_value("deg")) < 0.01
    assert map_.meta["hv_crota"] == pytest.approx(-7.42268)


@SAVED
def test_the_real_file_of_lasco(real_data: Path, tmp_path: Path) -> None:
    map_ = helioviewer.read(real_data / "world" / "helioviewer" / "soho_lasco_c3.jp2")
    check_lasco(map_, tmp_path, "2023-12-01T00:06:07.373")


@SAVED
@pytest.mark.parametrize("way", ["bytes", "physical"])
def test_a_saved_picture_of_aia_is_stretched_once(tmp_path: Path, way: str) -> None:
    data = made.content(holdings.images(13)[-1])
    assert data is not None
    (tmp_path / "aia.jp2").write_bytes(data)
    map_ = helioviewer.read(tmp_path / "aia.jp2", physical=way == "physical")
    map_.save(tmp_path / "aia.fits")
    again = sunpy.map.Map(tmp_path / "aia.fits")
    kinds = {type(one.plot_settings["norm"].stretch).__name__ for one in (map_, again)}
    assert kinds == {"LinearStretch" if way == "bytes" else "AsinhStretch"}
    assert np.array_equal(helioviewer.clipped(again), helioviewer.clipped(map_))
    # Other maps are drawn as before.
    other = sunpy.map.Map(map_.data.astype(float), {key: value for key, value in science_header("AIA").items() if key})
    assert type(other.plot_settings["norm"].stretch).__name__ == "AsinhStretch"
