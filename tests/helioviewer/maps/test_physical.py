"""Test physical values: pixels off the disk, clipped pixels, and comparison with the header's statistics."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
import sunpy.map
from sunpy.map.maputils import all_coordinates_from_map, coordinate_is_on_solar_disk

from sunpy_helio_plugins import helioviewer
from sunpy_helio_plugins.errors import FileError, QueryError
from sunpy_helio_plugins.helioviewer.maps import disk, physical
from sunpy_helio_plugins.helioviewer.maps.regions import cut_of, region_of
from sunpy_helio_plugins.sandbox.helioviewer import holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

Image = pytest.importorskip("PIL.Image")

SIDE = 256
HMI: dict[str, Any] = {
    "TELESCOP": "SDO", "INSTRUME": "HMI_FRONT2", "CONTENT": "MAGNETOGRAM", "DATE-OBS": "2022-08-02T10:47:53.000",
    "T_OBS": "2022.08.02_10:48:52.509_TAI", "BUNIT": "Gauss", "DATAMEDN": 0.0, "CTYPE1": "HPLN-TAN",
    "CTYPE2": "HPLT-TAN", "CUNIT1": "arcsec", "CUNIT2": "arcsec", "CRPIX1": 130.5, "CRPIX2": 120.5, "CDELT1": 0.6,
    "CDELT2": 0.6, "CRVAL1": 0.0, "CRVAL2": 0.0, "CROTA2": 0.0, "RSUN_OBS": 60.0, "DSUN_OBS": 1.5184889e11,
    "HGLN_OBS": 0.0, "CRLT_OBS": 5.86, "CRLN_OBS": 204.451, "RSUN_REF": 6.96e8, "WAVELNTH": 6173,
}  # fmt: skip
AIA: dict[str, Any] = {
    "TELESCOP": "SDO/AIA", "INSTRUME": "AIA_4", "WAVELNTH": 304, "WAVEUNIT": "angstrom", "EXPTIME": 2.9,
    "DATE-OBS": "2024-04-16T11:15:41.129", "CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN", "CUNIT1": "arcsec",
    "CUNIT2": "arcsec", "CRPIX1": 128.5, "CRPIX2": 128.5, "CDELT1": 0.6, "CDELT2": 0.6, "CRVAL1": 0, "CRVAL2": 0,
    "CROTA2": 0.0, "DSUN_OBS": 1.5e11, "RSUN_OBS": 956.0, "HGLN_OBS": 0, "HGLT_OBS": -5.4,
    "HV_HVS_DETAILS_FILENAME_VERSION": 5.0,
}  # fmt: skip
SAVED = pytest.mark.filterwarnings("ignore:The meta key", "ignore:.*NaN value")


def file_of(folder: Path, picture: np.ndarray, keys: dict[str, Any]) -> Path:
    """Return a losslessly encoded file of an image whose upper row is first."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, format="JPEG2000", irreversible=False, num_resolutions=5)
    text = "".join(f"<{key}>{value}</{key}>" for key, value in keys.items())
    path = folder / "image.jp2"
    path.write_bytes(made.with_header(out.getvalue(), f"<meta><fits>{text}</fits><helioviewer>\n</helioviewer></meta>"))
    return path


def magnetogram(keys: dict[str, Any]) -> np.ndarray:
    """Return bytes like Helioviewer's, with a spot of each sign beyond the limits, and zero off the disk."""
    picture = np.full((SIDE, SIDE), 128, np.uint8)
    picture[::2] = 127
    picture[100:110, 100:120] = 0
    picture[140:150, 120:130] = 255
    return np.where(disk.on_disk(keys, picture.shape), picture, 0).astype(np.uint8)


@pytest.mark.parametrize(
    "changed",
    [
        {}, {"CROTA2": 40.0}, {"CRVAL1": 12.0, "CRVAL2": -9.0}, {"CRVAL1": 12.0, "CROTA2": 40.0},
        {"PC1_1": 0.8, "PC1_2": -0.6, "PC2_1": 0.6, "PC2_2": 0.8, "CRVAL2": 20.0}, {"CDELT1": -0.6},
    ],
)  # fmt: skip
def test_the_disk_is_where_sunpy_has_it(changed: dict[str, Any]) -> None:
    keys = {**HMI, **changed}
    if "PC1_1" in keys:
        del keys["CROTA2"]
    map_ = sunpy.map.Map(np.zeros((SIDE, SIDE)), {key: value for key, value in keys.items() if key != "BUNIT"})
    places = all_coordinates_from_map(map_)
    expected = np.hypot(places.Tx, places.Ty).to_value("arcsec") <= 60
    assert np.array_equal(disk.on_disk(keys, (SIDE, SIDE))[::-1], expected)


@pytest.mark.parametrize("missing", ["RSUN_OBS", "CRPIX2", "CDELT1"])
def test_without_geometry_nothing_is_guessed(tmp_path: Path, missing: str) -> None:
    path = file_of(tmp_path, magnetogram(HMI), {key: value for key, value in HMI.items() if key != missing})
    with pytest.raises(FileError, match=f"does not contain {missing}: the location of the disk"):
        helioviewer.read(path, physical=True)


@SAVED
def test_clipped_pixels_of_a_magnetogram_are_on_the_disk(tmp_path: Path) -> None:
    picture = magnetogram(HMI)
    map_ = helioviewer.read(file_of(tmp_path, picture, HMI), physical=True)
    inside = disk.on_disk(HMI, picture.shape)[::-1]
    assert np.array_equal(np.isfinite(map_.data), inside)
    assert (map_.data[::-1][100:110, 100:120] == -250).all()
    assert [map_.meta[key] for key in ("cliplow", "cliphigh", "ncliplow", "ncliphi")] == [-250, 250, 200, 100]
    assert "meanrat" not in map_.meta
    flags = helioviewer.clipped(map_)
    assert (np.count_nonzero(flags == -1), np.count_nonzero(flags == 1)) == (200, 100)
    assert not flags[~inside].any()
    map_.save(tmp_path / "saved.fits")
    again = sunpy.map.Map(tmp_path / "saved.fits")
    assert np.array_equal(helioviewer.clipped(again), flags)
    assert np.array_equal(again.data, map_.data, equal_nan=True)
    assert again.meta["keycomments"]["CLIPLOW"] == "pixels of this value are at it or below"
    part = map_.submap([0, 0] * u.pix, width=120 * u.pix, height=150 * u.pix)
    assert np.array_equal(helioviewer.clipped(part), flags[:151, :121])


def test_the_continuum_is_not_clipped(tmp_path: Path) -> None:
    keys = {**HMI, "CONTENT": "CONTINUUM INTENSITY", "DATAMAX": 51000.0, "DATAMEDN": 25600.0, "DATAMEAN": 25500.0}
    picture = magnetogram(HMI)
    map_ = helioviewer.read(file_of(tmp_path, picture, keys), physical=True)
    assert np.array_equal(np.isfinite(map_.data), disk.on_disk(keys, picture.shape)[::-1])
    assert not helioviewer.clipped(map_).any()
    assert "cliplow" not in map_.meta
    assert map_.meta["meanrat"] == pytest.approx(np.nanmean(map_.data) / 25500, rel=1e-5)


def test_reduced_magnetograms_leave_out_what_the_limb_is_mixed_into(tmp_path: Path) -> None:
    keys = {**HMI, "RSUN_OBS": 70.0}
    picture = np.where(disk.on_disk(keys, (SIDE, SIDE)), 128, 0).astype(np.uint8)
    for size in (128, 64):
        map_ = helioviewer.read(file_of(tmp_path, picture, keys), size=size, physical=True)
        seen = map_.data[np.isfinite(map_.data)]
        assert seen.size > 100
        assert abs(seen.mean()) < 6, "a pixel of off-disk bytes is -250 G"
        radii = np.hypot(*(getattr(all_coordinates_from_map(map_), name).value for name in ("Tx", "Ty")))
        assert radii[np.isfinite(map_.data)].max() <= 70 - 2 * map_.scale[0].value + 1e-6


SIZES = [1024, 512, 256, 128, 64, 32, 16]


def big_magnetogram() -> tuple[np.ndarray, dict[str, Any]]:
    """Return bytes of a disk with active regions of both signs; it fills the image as HMI's does."""
    side = 1024
    keys = {**HMI, "CRPIX1": side / 2 + 2.5, "CRPIX2": side / 2 - 1.5, "CDELT1": 0.6, "CDELT2": 0.6, "RSUN_OBS": 236.0}
    y, x = np.mgrid[:side, :side]
    picture = np.full((side, side), 127.5) + np.random.default_rng(1).normal(0, 2, (side, side))
    for row, column, height in ((300, 400, 90), (320, 460, -80), (700, 600, 60), (512, 920, 70)):
        picture += height * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 25**2))
    return np.where(disk.on_disk(keys, picture.shape), picture.round().clip(0, 255), 0).astype(np.uint8), keys


@pytest.mark.parametrize("size", SIZES)
def test_sums_of_reduced_magnetograms_are_those_of_the_same_part_of_the_whole(tmp_path: Path, size: int) -> None:
    picture, keys = big_magnetogram()
    out = io.BytesIO()
    # As Helioviewer's files are; the reversible transform rounds each halving up by half a byte.
    Image.fromarray(picture).save(out, format="JPEG2000", irreversible=True, num_resolutions=7)
    text = "".join(f"<{key}>{value}</{key}>" for key, value in keys.items())
    path = tmp_path / "image.jp2"
    path.write_bytes(made.with_header(out.getvalue(), f"<meta><fits>{text}</fits></meta>"))
    whole = helioviewer.read(path, physical=True)
    small = helioviewer.read(path, size=size, physical=True)
    assert small.data.shape == (size, size)
    seen, step = np.isfinite(small.data), len(picture) // size
    blocks = whole.data.astype(float).reshape(size, step, size, step).mean(axis=(1, 3))
    # A byte is 1.96 G; pixels mixed with the background would be up to 250 G off.
    assert abs((small.data - blocks)[seen].mean()) < 0.5
    radius = keys["RSUN_OBS"] / keys["CDELT1"] / step
    assert small.meta["diskfrac"] == pytest.approx(seen.sum() / (np.pi * radius**2), abs=1e-3)
    margin = 2 if step > 1 else 0
    assert small.meta["diskfrac"] == pytest.approx((1 - margin / radius) ** 2, abs=0.06)
    assert small.meta["keycomments"]["DISKFRAC"] == "fraction of the disk's area with values"


def test_a_magnetogram_reduced_to_less_than_its_limb_is_refused() -> None:
    keys = {**HMI, "CRPIX1": 2.5, "CRPIX2": 2.5, "CDELT1": 40.0, "CDELT2": 40.0}
    with pytest.raises(
        FileError, match=r"4 x 4 pixels lies on the disk, 2 pixels within the limb\. Read the picture at a"
    ):
        physical.invert(np.zeros((4, 4), np.uint8), keys)


def dim(wave: int) -> tuple[np.ndarray, dict[str, Any]]:
    """Return an image half of which is below the lower limit, and part of which is above the upper one."""
    table = physical._tables(wave)[0]
    picture = np.tile(np.arange(SIDE).clip(0, 255).astype(np.uint8), (SIDE, 1))
    picture[:, : SIDE // 3] = 0
    picture[:, -20:] = 255
    median = 2.9 * float(table[int(np.median(picture))])
    return picture, {**AIA, "WAVELNTH": wave, "DATAMEDN": median, "DATAMEAN": 2.9 * float(table[picture].mean()) / 1.2}


@SAVED
@pytest.mark.parametrize("wave", [94, 131, 171, 193, 211, 304, 335, 1600, 1700, 4500])
def test_clipped_pixels_of_aia_are_told(tmp_path: Path, wave: int) -> None:
    picture, keys = dim(wave)
    map_ = helioviewer.read(file_of(tmp_path, picture, keys), physical=True)
    table = physical._tables(wave)[0]
    assert map_.data.min() == np.float32(table[0]) == np.float32(map_.meta["cliplow"])
    assert map_.data.max() == np.float32(table[255]) == np.float32(map_.meta["cliphigh"])
    counts = [np.count_nonzero(picture == one) for one in (0, 255)]
    assert [map_.meta["ncliplow"], map_.meta["ncliphi"]] == counts
    map_.save(tmp_path / "saved.fits")
    for one in (map_, sunpy.map.Map(tmp_path / "saved.fits")):
        flags = helioviewer.clipped(one)
        assert np.array_equal(flags[::-1], np.where(picture == 0, -1, np.where(picture == 255, 1, 0)))
    # The bias is given in the header, and the values are not rescaled.
    assert map_.meta["meanrat"] == pytest.approx(1.2, rel=1e-6)
    assert map_.data[0, 100] == pytest.approx(table[100])


@pytest.mark.parametrize("size", [128, 64, 32, 16])
@pytest.mark.parametrize("wave", [94, 171, 193, 304, 1600])
def test_reduced_pictures_of_aia_have_values(tmp_path: Path, wave: int, size: int) -> None:
    """Their median differs from that of single pixels if the image has many fine structures."""
    rng = np.random.default_rng(wave)
    grains = np.exp(rng.normal(0, 1.2, (SIDE, SIDE)))
    table = physical._tables(wave)[0]
    values = table[60] * grains * (1 + np.linspace(0, 1, SIDE))
    picture = np.searchsorted(table, values).clip(0, 255).astype(np.uint8)
    keys = {**AIA, "WAVELNTH": wave, "DATAMEDN": 2.9 * float(np.median(values)), "DATAMEAN": 2.9 * float(values.mean())}
    path = file_of(tmp_path, picture, keys)
    assert helioviewer.read(path, physical=True).data.shape == (SIDE, SIDE)
    assert helioviewer.read(path, size=size, physical=True).data.shape == (size, size)
    wrong = file_of(tmp_path, picture, {**keys, "DATAMEDN": 6 * keys["DATAMEDN"] + 20})
    with pytest.raises(FileError, match="than a reduced picture may differ"):
        helioviewer.read(wrong, size=size, physical=True)
    with pytest.raises(FileError, match="made in another way"):
        helioviewer.read(wrong, physical=True)


@pytest.mark.parametrize("wave", [171, 304, 1700])
def test_values_that_are_only_bounded_are_masked(tmp_path: Path, wave: int) -> None:
    picture, keys = dim(wave)
    map_ = helioviewer.read(file_of(tmp_path, picture, keys), physical=True)
    assert np.array_equal(map_.mask, helioviewer.clipped(map_) != 0)
    assert np.array_equal(map_.mask[::-1], (picture == 0) | (picture == 255))
    part = map_.submap([80, 10] * u.pix, top_right=[120, 40] * u.pix)
    assert np.array_equal(part.mask, map_.mask[10:41, 80:121])


def test_masked_pixels_are_dark_in_plots_of_aia_only(tmp_path: Path) -> None:
    picture, keys = dim(304)
    map_ = helioviewer.read(file_of(tmp_path, picture, keys), physical=True)
    assert np.allclose(map_.cmap.get_bad(), map_.cmap(0.0))
    field = helioviewer.read(file_of(tmp_path, magnetogram(HMI), HMI), physical=True)
    assert field.cmap.get_bad()[3] == 0


def test_pixels_off_the_disk_are_masked_and_counted(tmp_path: Path) -> None:
    picture = magnetogram(HMI)
    map_ = helioviewer.read(file_of(tmp_path, picture, HMI), physical=True)
    assert np.array_equal(map_.mask, np.isnan(map_.data) | (helioviewer.clipped(map_) != 0))
    assert map_.meta["noffdisk"] == np.count_nonzero(~disk.on_disk(HMI, picture.shape))
    assert np.array_equal(np.isnan(map_.uncertainty.array), np.isnan(map_.data))


@pytest.mark.parametrize("wave", [94, 171, 304, 1600, 1700])
def test_the_uncertainty_is_that_of_the_steps(wave: int) -> None:
    """Values that are spread evenly are rounded to bytes: their errors have the stated standard deviation."""
    table = physical._tables(wave)[0]
    rng = np.random.default_rng(wave)
    for byte in (20, 120, 230):
        edges = (table[byte - 1] + table[byte]) / 2, (table[byte] + table[byte + 1]) / 2
        values = rng.uniform(*edges, 20_000)
        keys = {**AIA, "WAVELNTH": wave, "DATAMEDN": 2.9 * float(table[byte])}
        found = physical.invert(np.full((4, 4), byte, np.uint8), keys)
        assert found.uncertainty[0, 0] == pytest.approx((values - values.mean()).std(), rel=0.03)


def test_the_uncertainty_of_a_magnetogram_is_half_a_gauss(tmp_path: Path) -> None:
    map_ = helioviewer.read(file_of(tmp_path, magnetogram(HMI), HMI), physical=True)
    known = map_.uncertainty.array[~map_.mask]
    assert np.allclose(known, 500 / 255 / np.sqrt(12))


def test_a_region_has_the_values_of_the_whole(tmp_path: Path) -> None:
    """The median of the header is that of the whole, with a small version of which it is compared."""
    picture, keys = dim(304)
    path = file_of(tmp_path, picture, keys)
    whole = helioviewer.read(path, physical=True)
    box = [[20, 30], [70, 60]] * u.pix
    part = helioviewer.read(path, physical=True, region=box)
    assert np.array_equal(part.data, whole.data[30:61, 20:71])
    assert np.array_equal(part.mask, whole.mask[30:61, 20:71])
    assert "meanrat" not in part.meta
    assert part.meta["hv_media"] == pytest.approx(np.median(picture), abs=12)
    wrong = file_of(tmp_path, picture, {**keys, "DATAMEDN": 6 * keys["DATAMEDN"] + 20})
    with pytest.raises(FileError, match="than a reduced picture may differ"):
        helioviewer.read(wrong, physical=True, region=box)


def test_a_region_off_the_disk_has_no_magnetic_field(tmp_path: Path) -> None:
    path = file_of(tmp_path, magnetogram(HMI), HMI)
    part = helioviewer.read(path, physical=True, region=[[100, 100], [130, 120]] * u.pix)
    whole = helioviewer.read(path, physical=True)
    assert np.array_equal(part.data, whole.data[100:121, 100:131], equal_nan=True)
    with pytest.raises(FileError, match="pixels lies on the disk"):
        helioviewer.read(path, physical=True, region=[[0, 0], [9, 9]] * u.pix)


def test_a_part_without_the_median_of_the_whole_is_refused() -> None:
    keys = {**AIA, "DATAMEDN": 4.0, "HV_CROP": "0 0 9 9 of 256 256"}
    with pytest.raises(FileError, match=r"a part of a picture without the median of the whole \(HV_MEDIA\)"):
        physical.invert(np.full((9, 9), 50, np.uint8), keys)


@pytest.mark.parametrize(
    ("instrument", "detector", "words"),
    [
        ("EIT", "EIT", r"hv_eit_setup\.pro names several"),
        ("LASCO", "C2", r"ratio to a model of the background"),
        ("SECCHI", "EUVI", r"a grey level of their colours .* 122 to 161"),
        ("EUI", "FSI", r"FITS files of 8 bits"),
        ("TRACE", "TRACE", r"trace_scale\.pro of SolarSoft"),
        ("RHESSI", "Clean", r"stretched to the extremes of each image \(hv_rhessi_make_jp2\.pro\)"),
        ("COSMO K-Coronagraph", "", r"NCAR/kcor-pipeline"),
        ("SECCHI", "COR2", r"ratio to a background image"),
        ("MDI", "MDI", r"extremes of each image"),
        ("XRT", "XRT", r"range of each image"),
        ("SUVI", "", r"how Helioviewer made bytes of SUVI is not known"),
        ("GONG", "", r"how Helioviewer made bytes of GONG is not known"),
    ],
)
def test_other_instruments_are_refused_with_the_reason(instrument: str, detector: str, words: str) -> None:
    with pytest.raises(FileError, match=rf"There are no physical values: .*{words}.*Helioviewer-Project/jp2gen"):
        physical.invert(np.zeros((4, 4), np.uint8), {"INSTRUME": instrument, "DETECTOR": detector})


def corona(**changed: Any) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Return values in DN/s, the bytes that fits2img makes of them, and a header of SWAP."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    values = 30 * np.exp(-np.hypot(x, y) / 60) + 400 * np.exp(-((x - 40) ** 2 + (y + 20) ** 2) / 50)
    picture = np.floor(255 * (values.clip(0, 360) / 360) ** (1 / 2.2) + 0.5).astype(np.uint8)
    keys = {
        "TELESCOP": "PROBA2", "INSTRUME": "SWAP", "DETECTOR": "CMOS 1Kx1K", "WAVELNTH": 174, "NAXIS1": SIDE,
        "NAXIS2": SIDE, "LAST_COL": SIDE, "DATE-OBS": "2013-06-01T00:00:34.679", "BUNIT": "DN/s/pixel", "EXPTIME": 10,
        "CTYPE1": "HPLN-TAN", "CTYPE2": "HPLT-TAN", "CUNIT1": "arcsec", "CUNIT2": "arcsec", "CRPIX1": 128.5,
        "CRPIX2": 128.5, "CDELT1": 3.16, "CDELT2": 3.16, "CRVAL1": 0, "CRVAL2": 0, "CROTA2": 0, "DSUN_OBS": 1.5169e11,
        "HGLN_OBS": 0.0, "HGLT_OBS": -0.66, "SWAVINT": float(values.mean()), "HV_COMMENT": "Software: SWMPG - fits2img",
    }  # fmt: skip
    return values, picture, {**keys, **changed}


def test_swap_comes_back_in_dn_per_second(tmp_path: Path) -> None:
    values, picture, keys = corona()
    map_ = helioviewer.read(file_of(tmp_path, picture, keys), physical=True)
    inside = ~map_.mask
    assert map_.unit == u.DN / u.s
    assert np.abs(map_.data - values[::-1])[inside].max() < 0.6 * 2.2 * 360 / 255
    assert map_.meta["cliphigh"] == 360
    assert map_.meta["ncliphi"] == np.count_nonzero(values > 359.3) > 0
    assert map_.meta["meanrat"] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("size", [128, 32])
def test_reduced_pictures_and_regions_of_swap_have_values(tmp_path: Path, size: int) -> None:
    _, picture, keys = corona()
    path = file_of(tmp_path, picture, keys)
    assert helioviewer.read(path, size=size, physical=True).meta["meanrat"] == pytest.approx(1, abs=0.1)
    box = [[150, 140], [213, 203]] * u.pix
    part = helioviewer.read(path, size=min(size, 64), region=box, physical=True)
    assert "meanrat" not in part.meta
    assert part.meta["hv_mean"] == pytest.approx(keys["SWAVINT"], rel=0.1)


def test_a_saved_region_of_swap_has_the_values_of_the_whole(tmp_path: Path) -> None:
    """The mean of the complete image is in its header."""
    _, picture, keys = corona()
    path, saved = file_of(tmp_path, picture, keys), tmp_path / "saved.jp2"
    region = region_of("test", [[150, 140], [213, 203]] * u.pix)
    assert region is not None
    with path.open("rb") as stream:
        saved.write_bytes(cut_of(region, None).cropped(stream))
    part, whole = helioviewer.read(saved, physical=True), helioviewer.read(path, physical=True)
    assert np.array_equal(part.data, whole.data[140:204, 150:214])
    assert np.array_equal(part.mask, whole.mask[140:204, 150:214])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"HV_COMMENT": "made by another program"}, "by fits2img"),
        ({"BUNIT": "DN"}, "not made of DN/s"),
        ({"SWAVINT": 3.0}, "would give a mean of .* and the header says 3: they were made with other limits"),
        ({"SWAVINT": ""}, "has no SWAVINT"),
    ],
)
def test_values_of_swap_that_cannot_be_checked_are_refused(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    _, picture, keys = corona(**changed)
    with pytest.raises(FileError, match=words):
        helioviewer.read(file_of(tmp_path, picture, keys), physical=True)


def test_the_mean_of_real_files_of_swap_is_that_of_their_headers(real_data: Path) -> None:
    """By which the upper limit was found: all files agree on it."""
    folder = real_data / "world" / "helioviewer"
    maps = [helioviewer.read(folder / name, physical=True) for name in REAL_SWAP]
    maps += helioviewer.read(folder / "swap_embedded.jpx", physical=True)
    assert len(maps) > 4
    assert all(abs(map_.data.mean() / map_.meta["swavint"] - 1) < 0.003 for map_ in maps)


REAL_SWAP = ("2010_04_01__00_00_28__PROBA2_SWAP_SWAP_174.jp2", "hetero_000.jp2")


@pytest.mark.parametrize(
    "name",
    ["2024_04_16__11_15_41_129__SDO_AIA_AIA_304.jp2", "2022_08_02__10_47_53_000__SDO_HMI_HMI_magnetogram.jp2"],
)
def test_a_region_of_a_real_picture_has_the_values_of_the_whole(real_data: Path, name: str) -> None:
    path = real_data / "world" / "helioviewer" / name
    whole = helioviewer.read(path, physical=True)
    part = helioviewer.read(path, physical=True, region=[[1500, 2500], [1755, 2755]] * u.pix)
    assert np.array_equal(part.data, whole.data[2500:2756, 1500:1756], equal_nan=True)


def test_bytes_tell_their_limits_and_others_nothing(tmp_path: Path) -> None:
    picture, keys = dim(304)
    map_ = helioviewer.read(file_of(tmp_path, picture, keys))
    assert np.array_equal(helioviewer.clipped(map_)[::-1], np.where(picture == 0, -1, np.where(picture == 255, 1, 0)))
    with pytest.raises(QueryError, match="neither CLIPLOW"):
        helioviewer.clipped(sunpy.map.Map(tmp_path / "image.jp2"))


def test_values_are_not_inverted_twice(tmp_path: Path) -> None:
    picture, keys = dim(304)
    with pytest.raises(FileError, match="inverted before"):
        helioviewer.read(file_of(tmp_path, picture, {**keys, "QSTEP": 0.03}), physical=True)


def test_the_embedded_archives_magnetogram_has_its_limb(tmp_path: Path) -> None:
    data = made.content(holdings.images(19)[-1])
    assert data is not None
    (tmp_path / "hmi.jp2").write_bytes(data)
    map_ = helioviewer.read(tmp_path / "hmi.jp2", physical=True)
    on = coordinate_is_on_solar_disk(all_coordinates_from_map(map_))
    assert not np.isfinite(map_.data[~on]).any()
    assert np.count_nonzero(on) * 0.98 < np.count_nonzero(np.isfinite(map_.data)) <= np.count_nonzero(on)


def test_the_real_magnetogram(real_data: Path) -> None:
    file = real_data / "world" / "helioviewer" / "2022_08_02__10_47_53_000__SDO_HMI_HMI_magnetogram.jp2"
    map_ = helioviewer.read(file, physical=True)
    values, flags = map_.data.astype(float), helioviewer.clipped(map_)
    assert np.count_nonzero(np.isfinite(values)) == 7_800_000
    assert (np.count_nonzero(flags == -1), np.count_nonzero(flags == 1)) == (7119, 4956)
    # G px, within RSUN_OBS: with clipped pixels at their limit, and without them.
    assert np.nansum(values) == pytest.approx(-262.0e3, abs=100)
    assert values[flags == 0][np.isfinite(values[flags == 0])].sum() == pytest.approx(278.8e3, abs=100)
    assert map_.meta["diskfrac"] == 1.0
    small = helioviewer.read(file, physical=True, size=256)
    assert -0.3e6 < 16**2 * np.nansum(small.data.astype(float)) < 1.8e6
    # The sums differ, since less of the disk is left; those of the same part do not.
    for size, coverage in zip(SIZES, (0.9899, 0.9797, 0.9598, 0.9212, 0.8434, 0.716, 0.478), strict=True):
        small = helioviewer.read(file, physical=True, size=size)
        step = 4096 // size
        blocks = values.reshape(size, step, size, step).mean(axis=(1, 3))
        assert abs(np.nanmean(small.data - blocks)) < 0.1
        assert small.meta["diskfrac"] == pytest.approx(coverage, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "low", "ratio"),
    [("2024_04_16__11_15_41_129__SDO_AIA_AIA_304.jp2", 0.3381, 1.1132), ("hetero_002.jp2", 0.1278, 0.9919)],
)
def test_the_real_pictures_of_aia(real_data: Path, name: str, low: float, ratio: float) -> None:
    file = real_data / "world" / "helioviewer" / name
    map_ = helioviewer.read(file, physical=True)
    assert (helioviewer.clipped(map_) == -1).mean() == pytest.approx(low, abs=1e-4)
    assert map_.meta["meanrat"] == pytest.approx(ratio, abs=1e-4)
    mean = map_.data.mean(dtype=float) * map_.meta["exptime"] / map_.meta["datamean"]
    assert mean == pytest.approx(ratio, abs=1e-4)
    for size in (1024, 128, 64, 16):
        assert helioviewer.read(file, size=size, physical=True).data.shape == (size, size)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({**AIA, "WAVELNTH": 4000, "DATAMEDN": 1.0}, "How Helioviewer made bytes of AIA 4000 is not known"),
        ({**HMI, "RSUN_OBS": 0.0}, r"RSUN_OBS is 0\.0: the radius of the disk is unknown"),
        ({**HMI, "RSUN_OBS": float("nan")}, "RSUN_OBS is nan: the radius of the disk is unknown"),
    ],
)
def test_headers_that_tell_nothing_are_refused(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(FileError, match=words):
        physical.invert(np.full((SIDE, SIDE), 128, np.uint8), keys)


def test_a_disk_without_pixels_is_refused() -> None:
    picture = np.full((SIDE, SIDE), 128, np.uint8)
    with pytest.raises(FileError, match="no pixel of the picture is on the disk"):
        physical.invert(picture, HMI, disk=np.zeros(picture.shape, bool))


def test_a_dark_picture_has_no_median_to_compare() -> None:
    """Half of it is below the lowest value that a byte can express."""
    keys = {**AIA, "DATAMEDN": 0.01}
    found = physical.invert(np.zeros((SIDE, SIDE), np.uint8), keys)
    assert found.limits is not None
    assert np.allclose(found.values, found.limits[0])
    with pytest.raises(FileError, match=r"would give a median of .* and the header says 0\.01"):
        physical.invert(np.full((SIDE, SIDE), 90, np.uint8), keys)


@pytest.mark.parametrize(("middle", "step"), [(0, 1), (100, 201), (253, 507), (254, 509), (255, 509)])
def test_the_step_is_that_after_the_median_and_of_the_last_value_that_before(middle: int, step: float) -> None:
    counts = np.zeros(256, np.int64)
    counts[middle] = 9
    values = physical._made(np.zeros((1, 1), np.uint8), np.arange(256.0) ** 2, "DN", counts, False, None)
    assert values.step == step


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (np.zeros((4, 4), np.uint16), {"INSTRUME": "AIA"}),
        (np.zeros((4, 4, 3), np.uint8), {"INSTRUME": "AIA"}),
        (np.zeros((4, 4), np.uint8), {"INSTRUME": "HMI_SIDE1", "CRPIX1": "?"}),
    ],
)
def test_other_pixels_or_headers_have_no_keywords_to_check(data: Any, keys: dict[str, Any]) -> None:
    assert physical.checked_keywords(data, keys) == {}
