"""Test maps of the sky as cubes."""

from __future__ import annotations

import copy
import pickle
import sys

import astropy.units as u
import cdflib
import numpy as np
import pytest
from astropy.coordinates import AltAz, BarycentricMeanEcliptic, Galactic, SkyCoord
from astropy.time import Time
from astropy.wcs import WCS
from astropy.wcs.utils import celestial_frame_to_wcs, wcs_to_celestial_frame
from packaging.version import Version

from sunpy_helio_plugins import imap, series
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError
from sunpy_helio_plugins.imap.maps.coordinates import HEALPixWCS

NDCUBE = pytest.importorskip("ndcube").__version__
CAN_PICKLE = pytest.mark.skipif(Version(NDCUBE) < Version("2.4"), reason="ndcube 2.3 cannot pickle axes of tables")

START = int(cdflib.cdfepoch.compute_tt2000([2026, 1, 1, 0, 0, 0, 0, 0, 0]))

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


@pytest.mark.parametrize(("months", "name"), [("3mo", "2026AA"), ("6mo", "2026A"), ("1yr", "2026"), ("1mo", None)])
def test_a_map_has_the_name_of_the_mission(make_map, months, name):
    meta = {"Logical_source": f"imap_hi_l2_h45-ena-h-hf-sp-ram-hae-6deg-{months}"}
    assert imap.to_skymap(make_map(meta=meta)).meta.get("map_name") == name


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


@pytest.mark.parametrize("kind", ["support_data", "metadata"])
def test_without_a_usual_quantity_the_first_variable_of_data_is_the_map(make_map, kind):
    table = make_map()
    assert imap.to_skymap(table).meta["name"] == "ena_intensity"
    table.remove_column("ena_intensity")
    assert table.colnames.index("ena_intensity_stat_uncert") < table.colnames.index("exposure_factor")
    assert imap.to_skymap(table).meta["name"] == "exposure_factor"
    for name in table.colnames:
        if table[name].info.meta:
            table[name].info.meta["VAR_TYPE"] = kind
    assert imap.to_skymap(table).meta["name"] == "ena_intensity_stat_uncert"
    table["exposure_factor"].info.meta.pop("VAR_TYPE")
    assert imap.to_skymap(table).meta["name"] == "exposure_factor"


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
            "must be one, and its files state gcs, hae",
        ),
        ({"Spice_reference_frame": "IMAP_RTN"}, "the file states rtn"),
    ],
)
def test_a_frame_that_is_not_clear_is_refused_unless_it_is_given(make_map, meta, words):
    table = make_map(meta=meta)
    with pytest.raises(QueryError, match=words):
        imap.to_skymap(table)
    assert imap.to_skymap(table, frame="hae").meta["frame"] == "hae"


def test_files_of_two_frames_are_not_one_map(make_map, tmp_path):
    """The plain values can be read all the same."""
    make_map()
    names = ["imap_hi_l2_h45-ena-h-hf-sp-ram-{}-6deg-3mo_2026{}_v001.0001.cdf".format(*one) for one in FRAMED]
    written = (tmp_path / "made.cdf").read_bytes()
    paths = [tmp_path / name for name in names]
    for number, path in enumerate(paths):
        path.write_bytes(written.replace(np.int64(START).tobytes(), np.int64(START + number * 10**15).tobytes()))
    tables = [imap.read(path) for path in paths]
    with pytest.raises(
        QueryError, match=r"^imap\.open opens maps in one frame, and these are in gcs, hae: [^.]*a\.imap"
    ):
        imap.open(paths)
    table = imap.read(paths)
    assert len(table) == 2
    assert np.array_equal(table["ena_intensity"][0], tables[0]["ena_intensity"][0])
    table.meta["Spice_reference_frame"] = ["IMAP_HAE", "IMAP_GCS"]
    with pytest.raises(QueryError, match=r"must be one, and its files state gcs, hae: read the files of one frame"):
        imap.to_skymap(table)
    assert imap.to_skymap(table, frame="hae").shape == (2, 4, 30, 60)


FRAMED = (("hae", "0101"), ("gcs", "0401"))


def test_an_opened_data_set_is_a_map(make_map, tmp_path):
    table = make_map()
    sky = imap.to_skymap(imap.open(tmp_path / "made.cdf"), frame="hae")
    assert np.array_equal(sky.data, imap.to_skymap(table).data, equal_nan=True)


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


class TestOtherInstruments:
    """Maps of dust and of light, with the axes and attributes of the mission's writers (imap_processing 1.0.40)."""

    RATE = np.broadcast_to(np.arange(3, 360, 6.0)[:, None], (2, 60, 30))

    @pytest.fixture
    def dust(self, make_cdf):
        """Return a map of IDEX, whose axes and frame have names of their own, and whose time is the middle."""
        sky = ("rectangular_lon_pixel", "rectangular_lat_pixel")
        depend = {f"DEPEND_{index}": name for index, name in enumerate(("epoch", *sky))}
        quantity = {"VAR_TYPE": "data", "FILLVAL": -1e31} | depend
        support = {"VAR_TYPE": "support_data", "UNITS": "degrees"}
        duration = (8, np.full(2, 5 * 86_400 * 10**9), {"UNITS": "ns", "DEPEND_0": "epoch", "VAR_TYPE": "support_data"})
        by_charge = np.repeat(self.RATE[:, None], 4, axis=1)
        axes = {"DEPEND_1": "impact_charge", "DEPEND_2": sky[0], "DEPEND_3": sky[1]}
        variables = {
            "epoch": (33, 820_000_000_000_000_000 + np.arange(2) * 864_000 * 10**9, {"UNITS": "ns"}),
            "epoch_delta_plus": duration,
            "epoch_delta_minus": duration,
            "counts_map": (8, self.RATE.astype("i8"), {**depend, "VAR_TYPE": "data", "UNITS": "counts"}),
            "rate_map": (45, self.RATE, quantity | {"UNITS": "s^-1"}),
            "rate_by_charge_map": (45, by_charge, quantity | axes | {"UNITS": "s^-1"}),
            "impact_charge": (45, np.geomspace(1, 1000, 4), {"UNITS": "fC", "VAR_TYPE": "support_data"}),
            sky[0]: (45, np.arange(3, 360, 6.0), support),
            sky[1]: (45, np.arange(-87, 90, 6.0), support),
        }
        table = imap.read(make_cdf(variables, (*sky, "impact_charge")))
        table.meta |= {"Spice_reference_frame": "ECLIPJ2000"}
        return table

    def test_a_map_of_dust(self, dust):
        sky = imap.to_skymap(dust)
        assert (sky.shape, sky.unit, sky.meta["frame"]) == ((2, 30, 60), 1 / u.s, "hae")
        assert np.array_equal(sky.data, self.RATE.transpose(0, 2, 1))
        assert imap.to_skymap(dust, "counts_map").unit == u.ct
        assert imap.to_skymap(dust, "rate_by_charge_map").shape == (2, 4, 30, 60)
        first = sky[0].wcs.pixel_to_world(0, 0)
        assert (first.lon.deg, first.lat.deg) == pytest.approx((3, -87))

    def test_a_map_of_dust_lasts_from_before_its_time_to_after_it(self, dust):
        meta = imap.to_skymap(dust)[1].meta
        assert abs((meta["end_time"] - meta["start_time"]).to_value("day") - 10) < 1e-9
        assert abs((dust["epoch"][1] - meta["start_time"]).to_value("day") - 5) < 1e-9

    def test_a_map_of_light_is_without_energies(self, make_cdf):
        sky = {"longitude": np.arange(3, 360, 6.0), "latitude": np.arange(-87, 90, 6.0)}
        depend = {"DEPEND_0": "epoch", "DEPEND_1": "longitude", "DEPEND_2": "latitude", "VAR_TYPE": "data"}
        variables = {
            "epoch": (33, [820_000_000_000_000_000], {"UNITS": "ns"}),
            "exposure_factor": (45, self.RATE[:1], depend | {"UNITS": "s"}),
            "glows_rate": (45, self.RATE[:1], depend | {"UNITS": "counts/s", "FILLVAL": -1e31}),
            **{name: (45, one, {"UNITS": "deg", "VAR_TYPE": "support_data"}) for name, one in sky.items()},
        }
        table = imap.read(make_cdf(variables, tuple(sky)))
        table.meta |= {"Logical_source": "imap_glows_l3_glx-int-uv-sf-nsp-full-hae-6deg-1yr"}
        cube = imap.to_skymap(table)
        assert (cube.shape, cube.unit, cube.meta["name"]) == ((30, 60), u.ct / u.s, "glows_rate")
        assert np.array_equal(cube.data, self.RATE[0].T)

    def test_probabilities_of_survival_are_on_healpix(self, make_cdf):
        """Their pixels have another name, and directions for each record."""
        sky = healpix_sky()
        depend = {"DEPEND_0": "epoch", "DEPEND_1": "energy_grid", "DEPEND_2": "healpix_index", "VAR_TYPE": "data"}
        place = {"DEPEND_0": "epoch", "DEPEND_1": "healpix_index", "UNITS": "degrees", "VAR_TYPE": "metadata"}
        values = np.broadcast_to(sky["longitude"] / 360, (1, 3, 768)).astype("f4")
        variables = {
            "epoch": (33, [820_000_000_000_000_000], {"UNITS": "ns"}),
            "surv_prob": (44, values, depend | {"UNITS": " ", "FILLVAL": np.float32(-1e31)}),
            "pixel_longitude": (45, sky["longitude"][None], place),
            "pixel_latitude": (45, sky["latitude"][None], place),
            "energy_grid": (45, [3.0, 5.0, 8.0], {"UNITS": "keV", "VAR_TYPE": "support_data"}),
            "healpix_index": (8, sky["pixel_index"], {"UNITS": " ", "VAR_TYPE": "support_data"}),
        }
        table = imap.read(make_cdf(variables, ("energy_grid", "healpix_index")))
        cube = imap.to_skymap(table, "surv_prob", frame="hae")
        assert cube.shape == (3, 768)
        found = cube[0].wcs.pixel_to_world(np.arange(768))
        assert np.allclose(found.lon.deg, sky["longitude"])
        table["pixel_longitude"] = (table["pixel_longitude"] + 5 * u.deg) % (360 * u.deg)
        with pytest.raises(QueryError, match="are not those of a HEALPix grid of nside 8"):
            imap.to_skymap(table, "surv_prob", frame="hae")


def test_the_pixels_are_in_the_order_of_the_mission(make_map):
    """The numbers are ``az_el_points`` of RectangularSkyMap(6) and HealpixSkyMap(8) of imap_processing 1.0.40."""
    rectangular = imap.to_skymap(make_map())[0]
    places = {0: (3, -87), 1: (3, -81), 29: (3, 87), 30: (9, -87), 1799: (357, 87)}
    found = {number: rectangular.wcs.pixel_to_world(number // 30, number % 30) for number in places}
    assert {number: (round(one.lon.deg), round(one.lat.deg)) for number, one in found.items()} == places
    healpix = imap.to_skymap(make_map(healpix_sky()))[0].wcs.pixel_to_world([0, 1, 2, 500])
    assert healpix.lon.deg == pytest.approx([45, 135, 225, 50.625])
    assert healpix.lat.deg == pytest.approx([84.14973294, 84.14973294, 84.14973294, -19.47122063])


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


def test_a_healpix_map_tells_its_grid(make_map):
    pytest.importorskip("astropy_healpix")
    wcs = HEALPixWCS(np.arange(768), 8, "nested", "hae")
    assert (wcs.nside, wcs.order) == (8, "nested")
    assert (wcs.pixel_axis_names, wcs.array_shape, wcs.pixel_shape) == (["pixel_index"], (768,), (768,))


def test_other_axes_and_frames_are_left_to_astropy():
    with pytest.raises(ValueError, match="Could not determine celestial frame"):
        wcs_to_celestial_frame(WCS(naxis=1))
    with pytest.raises(ValueError, match="Could not determine WCS"):
        celestial_frame_to_wcs(AltAz())
    assert celestial_frame_to_wcs(Galactic()).wcs.ctype[0].startswith("GLON")
