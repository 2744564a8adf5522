"""Test plots of maps over the whole sky."""

from __future__ import annotations

from types import SimpleNamespace

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import BarycentricMeanEcliptic, SkyCoord
from astropy.time import Time

from sunpy_helio_plugins import imap
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.imap.maps import all_sky
from sunpy_helio_plugins.imap.maps.frames import HAE, NOSE

pytest.importorskip("ndcube")


@pytest.fixture(autouse=True)
def _closed_figures():
    yield
    plt.close("all")


def value_at(figure, where):
    """Return the value of a picture in a direction."""
    axes = figure.axes[0]
    column, row = axes.wcs.world_to_pixel(where)
    return axes.images[0].get_array()[round(float(row)), round(float(column))]


def at(longitude, latitude, frame=HAE):
    return SkyCoord(longitude * u.deg, latitude * u.deg, frame=frame)


def healpix_sky():
    healpix = pytest.importorskip("astropy_healpix").HEALPix(8, "ring")
    longitude, latitude = healpix.healpix_to_lonlat(np.arange(768))
    return {"pixel_index": np.arange(768, dtype="u4"), "longitude": longitude.deg, "latitude": latitude.deg}


@pytest.mark.parametrize("longitude", [3, 75, 177, 255, 357])
def test_each_direction_has_the_value_of_its_pixel(make_map, longitude):
    figure = imap.plot_skymap(imap.to_skymap(make_map())[1])
    assert value_at(figure, at(longitude, 33)) == 1000 + longitude


def test_a_healpix_map_has_the_values_of_its_pixels(make_map):
    sky = healpix_sky()
    figure = imap.plot_skymap(imap.to_skymap(make_map(sky))[2])
    for index in (100, 300, 500):
        found = value_at(figure, at(sky["longitude"][index], sky["latitude"][index]))
        assert found == pytest.approx(2000 + sky["longitude"][index])


def test_a_galactic_map_is_plotted_in_ecliptic_coordinates(make_map):
    sky = imap.to_skymap(make_map(meta={"Spice_reference_frame": "IMAP_GCS"}))[1]
    assert value_at(imap.plot_skymap(sky), at(63, 33, "galactic").transform_to(HAE)) == 1063


def test_the_nose_is_at_the_centre_and_longitudes_increase_to_the_left(make_map):
    axes = imap.plot_skymap(imap.to_skymap(make_map())[1]).axes[0]
    height, width = axes.images[0].get_array().shape
    column, row = axes.wcs.world_to_pixel(at(NOSE.lon.deg, 0))
    assert (float(column), float(row)) == pytest.approx(((width - 1) / 2, (height - 1) / 2))
    assert axes.wcs.world_to_pixel(at(300, 0))[0] < column


def test_another_direction_may_be_at_the_centre(make_map):
    axes = imap.plot_skymap(imap.to_skymap(make_map())[1], SkyCoord(0 * u.deg, 0 * u.deg)).axes[0]
    assert axes.wcs.wcs.crval[0] == pytest.approx(0, abs=1e-4)


def test_missing_pixels_have_no_colour(make_map):
    sky = imap.to_skymap(make_map())[1]
    sky.mask[15, 10] = True
    figure = imap.plot_skymap(sky)
    assert value_at(figure, at(63, 3)) is np.ma.masked
    assert value_at(figure, at(69, 3)) == 1069


def test_the_colour_bar_has_the_quantity_and_its_unit(make_map):
    figure = imap.plot_skymap(imap.to_skymap(make_map())[1], cmap="inferno", vmin=0)
    assert figure.axes[1].get_xlabel().startswith("Intensity [$\\mathrm{keV^{-1}")
    assert figure.axes[0].images[0].get_clim()[0] == 0
    assert figure.axes[0].get_title() == "energy 0.75 keV, 2026-01-01 to 2026-04-01"


def test_the_whole_picture_can_be_drawn(make_map):
    figure = imap.plot_skymap(imap.to_skymap(make_map())[1])
    figure.canvas.draw()
    assert figure.axes[0].coords[0].get_ticklabel_position()


def test_a_map_of_several_energies_is_refused(make_map):
    with pytest.raises(QueryError, match=r"and select one of each other axis \(em\.energy\), not a NDCube of shape"):
        imap.plot_skymap(imap.to_skymap(make_map()))


@pytest.mark.parametrize("given", [None, 3, np.zeros((3, 4)), BarycentricMeanEcliptic()])
def test_other_objects_are_refused(given):
    with pytest.raises(QueryError, match=r"imap\.plot_skymap takes a map of the sky, such as imap\.to_skymap"):
        imap.plot_skymap(given)


def test_latitudes_are_written_beside_the_left_end_of_their_lines(make_map):
    axes = imap.plot_skymap(imap.to_skymap(make_map())[1]).axes[0]
    places = {label.get_text(): label.xy for label in axes.texts}
    assert [*places] == ["\N{MINUS SIGN}60°", "\N{MINUS SIGN}30°", "0°", "30°", "60°"]
    for text, place in places.items():
        where = axes.wcs.pixel_to_world(*place)
        assert where.lat.deg == pytest.approx(float(text.rstrip("°").replace("\N{MINUS SIGN}", "-")), abs=1e-6)
        assert (where.lon - NOSE.lon).wrap_at("180d").deg == pytest.approx(180, abs=0.01)


def test_the_title_has_the_source_the_energy_and_the_days():
    start = Time("2026-01-10")
    sky = SimpleNamespace(
        meta={
            "Logical_source": "imap_hi_l2_map",
            "map_name": "a name",
            "start_time": start,
            "end_time": start + 90 * u.day,
        },
        global_coords={"energy": 1.5 * u.keV, "time": start},
    )
    assert all_sky._title(sky) == "imap_hi_l2_map (a name)\nenergy 1.5 keV, 2026-01-10 to 2026-04-10"
    sky.meta = {"Logical_source": "imap_hi_l2_map", "start_time": Time(["2026-01-10"] * 2)}
    assert all_sky._title(sky) == "imap_hi_l2_map\nenergy 1.5 keV"
