"""Test maps of the sky as cubes."""

from __future__ import annotations

import copy
import pickle
import sys

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import BarycentricMeanEcliptic, Galactic, SkyCoord
from astropy.time import Time
from astropy.wcs import WCS
from astropy.wcs.utils import celestial_frame_to_wcs, wcs_to_celestial_frame
from packaging.version import Version

from sunpy_helio_plugins import imap, series
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError

NDCUBE = pytest.importorskip("ndcube").__version__
CAN_PICKLE = pytest.mark.skipif(Version(NDCUBE) < Version("2.4"), reason="ndcube 2.3 cannot pickle axes of tables")

OBLIQUITY = np.radians(84381.448 / 3600)
ECLIPJ2000 = np.array(
    [
        [1, 0, 0],
        [0, np.cos(OBLIQUITY), np.sin(OBLIQUITY)],
        [0, -np.sin(OBLIQUITY), np.cos(OBLIQUITY)],
    ]
)
"""The rotation from J2000 to ECLIPJ2000, as SPICE defines it."""

FROM_SPICE = {
    "hae": ECLIPJ2000,
    "gcs": [
        [-0.054875539396, -0.873437104728, -0.48383499177],
        [0.494109453628, -0.444829594298, 0.7469822487],
        [-0.867666135683, -0.198076389613, 0.455983794521],
    ],
    "hnu": [
        [0.288843981719, -0.50013929527, -0.816351541648],
        [0.777737998604, -0.374669843668, 0.504723799492],
        [-0.558294509872, -0.780694046072, 0.280756205051],
    ],
    "hrc": [
        [0.196990984178, -0.617945445569, -0.76114254805],
        [0.777243620411, -0.374763281602, 0.50541550955],
        [-0.597567491321, -0.691155488341, 0.406469167654],
    ],
    "hre": [
        [-0.24785821222, -0.920681209747, -0.301516859653],
        [0.968539741803, -0.228323607039, -0.098990398608],
        [0.022295182965, -0.316566644623, 0.948308222219],
    ],
}
"""``pxform("J2000", "IMAP_<frame>", 0)`` with the kernel imap_science_130.tf."""


def directions(longitude, latitude):
    lon, lat = np.radians(longitude), np.radians(latitude)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def by_spice(frame, longitude, latitude):
    """Return the directions with coordinates in a frame of the mission, as the matrices of SPICE give them."""
    x, y, z = np.tensordot(np.array(FROM_SPICE[frame]).T, directions(longitude, latitude), axes=1)
    return SkyCoord(np.arctan2(y, x) * u.rad, np.arctan2(z, np.hypot(x, y)) * u.rad)


def healpix_sky(nside=8, order="ring"):
    healpix = pytest.importorskip("astropy_healpix").HEALPix(nside, order)
    index = np.arange(healpix.npix)
    longitude, latitude = healpix.healpix_to_lonlat(index)
    return {"pixel_index": index.astype("u4"), "longitude": longitude.deg, "latitude": latitude.deg}


@pytest.mark.parametrize("frame", sorted(FROM_SPICE))
def test_the_pixels_are_where_spice_says(make_map, frame):
    sky = imap.to_skymap(make_map(meta={"Spice_reference_frame": f"IMAP_{frame.upper()}"}))
    rows, columns = np.indices(sky.shape[1:])
    found = sky[1].wcs.pixel_to_world(columns, rows)
    expected = by_spice(frame, 3 + 6.0 * columns, -87 + 6.0 * rows)
    assert found.icrs.separation(expected).max() < 1 * u.arcsec
    assert np.allclose(sky[1].wcs.world_to_pixel(found), [columns, rows], atol=1e-8)


@pytest.mark.parametrize("frame", sorted(FROM_SPICE))
def test_the_pixels_of_healpix_are_where_spice_says(make_map, frame):
    sky = healpix_sky()
    cube = imap.to_skymap(make_map(sky, {"Spice_reference_frame": f"IMAP_{frame.upper()}"}))
    index = np.arange(cube.shape[-1])
    found = cube[1].wcs.pixel_to_world(index)
    assert found.icrs.separation(by_spice(frame, sky["longitude"], sky["latitude"])).max() < 1 * u.arcsec
    assert np.array_equal(cube[1].wcs.world_to_pixel(found), index)


def test_directions_are_ecliptic_or_galactic(make_map):
    hae, gcs = (imap.to_skymap(make_map(meta={"Spice_reference_frame": name})) for name in ("IMAP_HAE", "IMAP_GCS"))
    found = hae.wcs.pixel_to_world(0, 0, 0)
    assert isinstance(found[0].frame, BarycentricMeanEcliptic)
    assert (found[0].lon.deg, found[0].lat.deg) == pytest.approx((3, -87))
    assert isinstance(gcs[0].wcs.pixel_to_world(0, 0).frame, Galactic)


def test_a_map_has_its_values_uncertainty_and_unit(make_map):
    table = make_map()
    sky = imap.to_skymap(table)
    assert sky.shape == (4, 30, 60)
    assert sky.unit == table["ena_intensity"].unit == u.Unit("cm-2 s-1 sr-1 keV-1")
    assert np.array_equal(sky.data[2, 5], 2000 + np.arange(3, 360, 6, dtype="f4"))
    assert sky.mask.sum() == 1
    assert sky.mask[0, 0, 0]
    assert np.isnan(sky.data[0, 0, 0])
    assert sky.uncertainty.uncertainty_type == "std"
    assert sky.uncertainty.array[2, 5] == pytest.approx(sky.data[2, 5] / 10)


def test_what_is_beside_the_map_is_sliced_with_it(make_map):
    meta = imap.to_skymap(make_map())[1, 2:5].meta
    assert meta["ena_intensity_sys_err"].shape == meta["exposure_factor"].shape == (3, 60)
    assert meta["solid_angle"].shape == (3, 60)
    assert meta["solid_angle"].unit == u.sr
    assert meta["obs_date"][0, 0].isot == "2026-01-02T00:00:00.000000000"
    assert "bg_rate_sys_err" not in meta
    assert "ena_intensity_stat_uncert" not in meta


def test_the_energies_have_edges(make_map):
    sky = imap.to_skymap(make_map())
    (energy,) = sky.axis_world_coords("em.energy")
    assert np.allclose(energy.to_value(u.keV), [0.5, 0.75, 1.1, 1.65])
    assert np.allclose(sky.meta["energy_lower"], energy * 0.75)
    assert np.allclose(sky.meta["energy_upper"], energy * 1.5)
    assert sky[2].global_coords["energy"].to_value(u.keV) == pytest.approx(1.1)


def test_the_time_range_is_that_of_the_file(make_map):
    meta = imap.to_skymap(make_map()).meta
    assert meta["start_time"] == Time("2026-01-01")
    assert meta["end_time"] == Time("2026-04-01")


def test_several_records_have_an_axis_of_time(make_map):
    sky = imap.to_skymap(make_map(records=3))
    assert sky.shape == (3, 4, 30, 60)
    assert abs(sky.wcs.pixel_to_world(0, 0, 0, 1)[-1] - Time("2026-04-01")) < 1 * u.us
    assert sky[1, 2].meta["start_time"] == Time("2026-04-01")


def test_the_coordinate_of_a_single_energy_is_kept(make_map):
    sky = imap.to_skymap(make_map(energies=1))
    assert sky.shape == (30, 60)
    assert sky.global_coords["energy"] == 0.5 * u.keV


def test_another_column_is_a_map(make_map):
    sky = imap.to_skymap(make_map(), "solid_angle")
    assert sky.shape == (30, 60)
    assert sky.unit == u.sr


def test_latitude_may_be_before_longitude(make_map):
    sky = {"latitude": np.arange(-87, 90, 6.0), "longitude": np.arange(3, 360, 6.0)}
    cube = imap.to_skymap(make_map(sky))
    assert cube.shape == (4, 30, 60)
    assert cube.data[2, 5, 7] == 2045


@pytest.mark.parametrize(
    "transfer",
    [copy.deepcopy, pytest.param(lambda one: pickle.loads(pickle.dumps(one)), marks=CAN_PICKLE, id="pickle")],
)
@pytest.mark.parametrize("sky", [None, "healpix"])
def test_a_copy_is_equal(make_map, transfer, sky):
    cube = imap.to_skymap(make_map(healpix_sky() if sky else None))
    made = transfer(cube)[1]
    assert np.array_equal(made.data, cube[1].data)
    assert made.meta["solid_angle"].shape == made.shape
    place = [0] * made.wcs.pixel_n_dim
    assert made.wcs.pixel_to_world(*place).separation(cube[1].wcs.pixel_to_world(*place)) == 0 * u.deg


@pytest.mark.parametrize("order", ["ring", "nested"])
@pytest.mark.parametrize("is_stated", [True, False])
def test_the_order_of_healpix_is_that_of_the_file(make_map, order, is_stated):
    meta = {"Spice_reference_frame": "IMAP_HAE"}
    meta |= {"HEALPix_nside": "8", "HEALPix_nest": str(order == "nested")} if is_stated else {}
    sky = healpix_sky(order=order)
    found = imap.to_skymap(make_map(sky, meta))[0].wcs.pixel_to_world(np.arange(768))
    assert np.allclose(found.lon.deg, sky["longitude"])
    assert np.allclose(found.lat.deg, sky["latitude"])


def test_a_part_of_healpix_has_pixels_outside(make_map):
    whole = healpix_sky()
    part = {name: one[100:200] for name, one in whole.items()}
    meta = {"Spice_reference_frame": "IMAP_HAE", "HEALPix_nside": "8"}
    cube = imap.to_skymap(make_map(part, meta))[1]
    where = SkyCoord(whole["longitude"] * u.deg, whole["latitude"] * u.deg, frame=BarycentricMeanEcliptic())
    found = cube.wcs.world_to_pixel(where)
    assert np.array_equal(found[100:200], np.arange(100))
    assert np.isnan(np.delete(found, slice(100, 200))).all()
    low = cube.wcs.low_level_wcs
    assert np.isnan(low.pixel_to_world_values([-1, 100])).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"longitude": np.array([1.0, 2.0, 4.0])}, "longitude of a map must be at least two values with equal steps"),
        ({"latitude": np.array([5.0])}, "latitude of a map must be at least two values with equal steps"),
    ],
)
def test_an_uneven_grid_is_refused(make_map, change, words):
    sky = {"longitude": np.arange(3, 360, 6.0), "latitude": np.arange(-87, 90, 6.0)} | change
    table = make_map(sky)
    with pytest.raises(QueryError, match=words):
        imap.to_skymap(table) if len(sky["latitude"]) > 1 else imap.to_skymap(table, "solid_angle")


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({"HEALPix_nside": "4"}, "768 values of pixel_index do not fit a HEALPix grid of nside 4"),
        ({"HEALPix_nside": "7"}, "do not fit a HEALPix grid of nside 7"),
        ({"HEALPix_nest": "True"}, "are not those of a HEALPix grid of nside 8 in nested order"),
    ],
)
def test_pixels_that_do_not_fit_healpix_are_refused(make_map, meta, words):
    table = make_map(healpix_sky(), {"Spice_reference_frame": "IMAP_HAE"} | meta)
    with pytest.raises(QueryError, match=words):
        imap.to_skymap(table)


def test_healpix_needs_its_package(make_map, monkeypatch):
    table = make_map(healpix_sky())
    monkeypatch.setitem(__import__("sys").modules, "astropy_healpix", None)
    with pytest.raises(MissingDependencyError, match=r"sunpy_helio_plugins\[healpix\]"):
        imap.to_skymap(table)


@pytest.mark.parametrize(
    ("meta", "frame"),
    [
        ({"Spice_reference_frame": "IMAP_HNU"}, "hnu"),
        ({"Logical_source": "imap_hi_l2_h45-ena-h-hf-sp-ram-gcs-6deg-3mo"}, "gcs"),
        ({}, "hae"),
    ],
)
def test_the_frame_is_that_of_the_file(make_map, meta, frame):
    assert imap.to_skymap(make_map(meta=meta)).meta["frame"] == frame


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        (
            {
                "Spice_reference_frame": "IMAP_HAE",
                "Logical_source": "imap_hi_l2_h45-ena-h-hf-sp-ram-gcs-6deg-3mo",
            },
            "states two frames, gcs and hae",
        ),
        ({"Spice_reference_frame": "IMAP_RTN"}, "the file states rtn"),
    ],
)
def test_a_frame_that_is_not_clear_is_refused_unless_it_is_given(make_map, meta, words):
    table = make_map(meta=meta)
    with pytest.raises(QueryError, match=words):
        imap.to_skymap(table)
    assert imap.to_skymap(table, frame="hae").meta["frame"] == "hae"


def test_a_map_without_a_frame_is_refused(make_map):
    table = make_map(meta={})
    for name in table.colnames[1:]:
        table[name].info.meta = {**table[name].info.meta, "DICT_KEY": ""}
    for name in ("longitude", "latitude"):
        dict.pop(table.meta["support"][name], "DICT_KEY")
    with pytest.raises(QueryError, match="the file does not state it: give it as frame"):
        imap.to_skymap(table)
    assert table["ena_intensity"].shape == (1, 4, 60, 30)


def test_a_column_that_is_not_a_map_is_refused(make_map):
    with pytest.raises(QueryError, match=r"not 'epoch_delta'; the table has: ena_intensity, .* solid_angle"):
        imap.to_skymap(make_map(), "epoch_delta")


def test_a_data_set_of_xarray_is_a_map(make_map):
    pytest.importorskip("xarray")
    table = make_map()
    sky = imap.to_skymap(series.to_xarray(table))
    assert np.array_equal(sky.data, imap.to_skymap(table).data, equal_nan=True)


class TestEclipticAxes:
    """astropy reads ELON and ELAT as ICRS; see https://github.com/astropy/astropy/issues/6483."""

    @pytest.mark.parametrize(
        ("words", "year"),
        [({}, 2000), ({"radesys": "ICRS"}, 2000), ({"radesys": "FK5", "equinox": 2025.0}, 2025)],
    )
    def test_ecliptic_axes_are_read_as_such(self, words, year):
        wcs = WCS(naxis=2)
        wcs.wcs.ctype, wcs.wcs.crval = ("ELON-CAR", "ELAT-CAR"), (255.59, 0)
        for name, value in words.items():
            setattr(wcs.wcs, name, value)
        wcs.wcs.set()
        assert wcs_to_celestial_frame(wcs).is_equivalent_frame(
            BarycentricMeanEcliptic(equinox=Time(year, format="jyear"))
        )

    def test_an_ecliptic_frame_has_axes(self):
        frame = BarycentricMeanEcliptic(equinox="J2010")
        wcs = celestial_frame_to_wcs(frame, projection="MOL")
        assert list(wcs.wcs.ctype) == ["ELON-MOL", "ELAT-MOL"]
        assert wcs_to_celestial_frame(wcs).is_equivalent_frame(frame)

    @pytest.mark.parametrize("ctype", [("RA---CAR", "DEC--CAR"), ("GLON-CAR", "GLAT-CAR"), ("HPLN-TAN", "HPLT-TAN")])
    def test_other_axes_are_read_as_before(self, ctype):
        from sunpy_helio_plugins.imap.maps.frames import _frame_of_wcs

        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ctype
        assert _frame_of_wcs(wcs) is None


def test_a_map_without_records_is_refused(make_map):
    with pytest.raises(QueryError, match="takes at least one record, and the table of 'ena_intensity' has none"):
        imap.to_skymap(make_map()[:0])


def test_maps_need_ndcube(make_map, monkeypatch):
    table = make_map()
    monkeypatch.setitem(sys.modules, "sunpy_helio_plugins.imap.maps.coordinates", None)
    with pytest.raises(MissingDependencyError, match=r"^Making a map of the sky .*sunpy_helio_plugins\[ndcube\]"):
        imap.to_skymap(table)


def test_directions_in_another_unit_are_refused(make_map):
    table = make_map()
    table.meta["support"]["latitude"]["values"] = table.meta["support"]["latitude"]["values"].value * u.km
    with pytest.raises(QueryError, match="The axis latitude of the map 'ena_intensity' has no directions in degrees"):
        imap.to_skymap(table)
