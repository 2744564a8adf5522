"""Compare the pixel grid and the values of a FITS file with those of the image that jp2gen's steps make of it."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import astropy.units as u
import numpy as np
import pytest
import sunpy.map
from astropy.io import fits
from sunpy.data.test import get_test_filepath

from sunpy_helio_plugins import helioviewer
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

Image = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """Return the map of a FITS file of AIA 171, and a JP2 file of it with the stretch of hv_aia_list2jp2_gs2.pro."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fits.verify.VerifyWarning)
        with fits.open(get_test_filepath("aia_171_level1.fits")) as opened:
            hdu = next(one for one in opened if one.data is not None)
            data, header = hdu.data.astype(float), hdu.header
            keys = {key: value for key, value in header.items() if key and key not in ("COMMENT", "HISTORY")}
    rate = data / keys["EXPTIME"]
    root = np.sqrt(np.maximum(rate - 5, 0.1)).clip(1, 40)
    picture = np.floor((root - 1) / 39 * 255.999).astype(np.uint8)
    map_ = sunpy.map.Map(data, keys)
    keys |= {"HV_HVS_DETAILS_FILENAME_VERSION": "5.0"}
    out = io.BytesIO()
    # The first row of an image is the upper one.
    Image.fromarray(picture[::-1]).save(out, format="JPEG2000", irreversible=False, num_resolutions=4)
    text = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in keys.items())
    target = tmp_path_factory.mktemp("pair") / "2011_02_15__00_00_00_34__SDO_AIA_AIA_171.jp2"
    target.write_bytes(
        made.with_header(out.getvalue(), f"<meta><fits>{text}</fits><helioviewer>\n</helioviewer></meta>")
    )
    return map_, target


def positions(map_: Any, x: Any, y: Any) -> tuple[Any, Any]:
    """Return the longitudes and latitudes of pixels in arcseconds."""
    found = map_.wcs.pixel_to_world(x, y)
    return found.Tx.to_value("arcsec"), found.Ty.to_value("arcsec")


def test_every_pixel_is_at_the_same_place(pair: tuple[Any, Path]) -> None:
    theirs, ours = pair[0], helioviewer.read(pair[1])
    assert ours.data.shape == theirs.data.shape
    y, x = np.mgrid[: theirs.data.shape[0], : theirs.data.shape[1]]
    assert np.allclose(positions(ours, x, y), positions(theirs, x, y), rtol=0, atol=1e-6)
    assert ours.observer_coordinate.separation_3d(theirs.observer_coordinate) < 1 * u.m
    assert ours.reference_date == theirs.reference_date


def test_values_agree_within_the_step_of_a_byte(pair: tuple[Any, Path]) -> None:
    theirs, ours = pair[0], helioviewer.read(pair[1], physical=True)
    rate = theirs.data / theirs.exposure_time.to_value(u.s)
    known = ~ours.mask
    assert 0.5 < known.mean() < 1
    step = np.gradient((1 + 39 * np.arange(256) / 255) ** 2 + 5).max()
    assert np.abs(ours.data - rate)[known].max() < step
    assert np.median(np.abs(ours.data - rate)[known] / rate[known]) < 0.02
    assert ((rate[~known] < 6.5) | (rate[~known] > 1590)).all(), "all others are at a limit"


@pytest.mark.parametrize("size", [64, 32, 16])
def test_a_smaller_image_has_every_second_pixel_of_the_grid(pair: tuple[Any, Path], size: int) -> None:
    theirs, ours = pair[0], helioviewer.read(pair[1], size=size)
    step = theirs.data.shape[0] // size
    assert ours.data.shape == (size, size)
    # Counted from the upper left corner of the image.
    x = np.arange(size)
    expected = positions(theirs, step * x, np.full(size, theirs.data.shape[0] - 1))
    assert np.allclose(positions(ours, x, np.full(size, size - 1)), expected, rtol=0, atol=1e-6)


def test_a_region_is_the_submap_of_the_fits_file(pair: tuple[Any, Path]) -> None:
    theirs = pair[0]
    corners = theirs.wcs.pixel_to_world([20.2, 70.4], [31.1, 90.7])
    part = theirs.submap(corners[0], top_right=corners[1])
    ours = helioviewer.read(pair[1], region=corners, physical=True)
    assert ours.data.shape == part.data.shape
    y, x = np.mgrid[: part.data.shape[0], : part.data.shape[1]]
    assert np.allclose(positions(ours, x, y), positions(part, x, y), rtol=0, atol=1e-6)
    rate = part.data / part.exposure_time.to_value(u.s)
    assert np.corrcoef(rate[~ours.mask], ours.data[~ours.mask])[0, 1] > 0.9999


def test_a_map_of_the_fits_file_is_a_region_of_the_image(pair: tuple[Any, Path]) -> None:
    theirs = pair[0].submap([10, 15] * u.pix, top_right=[40, 70] * u.pix)
    ours = helioviewer.read(pair[1], region=theirs)
    assert ours.data.shape == theirs.data.shape
    assert np.allclose(positions(ours, 3, 5), positions(theirs, 3, 5), rtol=0, atol=1e-6)
