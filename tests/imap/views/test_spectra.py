"""Test spectra as cubes, with the axes of the mission's definitions of SWAPI, HIT and SWE."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import astropy.units as u
import matplotlib.pyplot as plt
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from matplotlib.colors import LogNorm
from packaging.version import Version

from sunpy_helio_plugins import imap, sandbox
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError

NDCUBE = pytest.importorskip("ndcube").__version__

TT2000, FLOAT, UINT1 = 33, 44, 11
SWE = Path(sandbox.__file__).parent / "data" / "imap" / "imap_swe_l2_sci_20260110_v001.0001.cdf"
COUNTS = np.arange(12, dtype="f4").reshape(3, 4)
ENERGIES = np.tile(np.array([1000.0, 500, 250, 125], "f4"), (3, 1))
EPOCH = (TT2000, 820_000_000_000_000_000 + np.arange(3) * 12_000_000_000, {"UNITS": "ns"})


def data(unit, axis, **more):
    return {
        "DEPEND_0": "epoch",
        "DEPEND_1": axis,
        "UNITS": unit,
        "FILLVAL": np.float32(-1e31),
        "VAR_TYPE": "data",
    } | more


def support(unit, **more):
    return {"UNITS": unit, "VAR_TYPE": "support_data"} | more


@pytest.fixture
def make_swapi(make_cdf):
    """Return a function that writes and reads rates at steps of energy."""

    def make(energies=ENERGIES, minus="rate_stat_uncert_minus"):
        names = {"DELTA_PLUS_VAR": "rate_stat_uncert_plus", "DELTA_MINUS_VAR": minus}
        variables = {
            "epoch": EPOCH,
            "rate": (FLOAT, COUNTS, data("counts/s", "esa_step", **names)),
            "rate_stat_uncert_plus": (FLOAT, COUNTS / 4, data("counts/s", "esa_step")),
            "rate_stat_uncert_minus": (FLOAT, COUNTS / 8, data("counts/s", "esa_step")),
            "esa_energy": (FLOAT, energies, data("eV / q", "esa_step")),
            "esa_step": (UINT1, np.arange(4, dtype="u1"), support(" ")),
        }
        return imap.read(make_cdf(variables, ("esa_step",)))

    return make


def test_steps_have_the_energies_of_the_file(make_swapi):
    cube = imap.to_spectra(make_swapi(), "rate")
    assert cube.array_axis_physical_types == [("time",), ("em.energy",)]
    (energy,) = cube.axis_world_coords("em.energy")
    assert np.array_equal(energy.to_value(u.eV), ENERGIES[0])
    assert np.array_equal(cube.data, COUNTS)
    assert cube.unit == u.ct / u.s


@pytest.mark.parametrize("change", ["by record", "not monotonic", "missing"])
def test_energies_that_are_no_axis_are_sliced_with_the_cube(make_swapi, change):
    energies = ENERGIES.copy()
    energies[(1, 2) if change != "not monotonic" else (slice(None), 2)] = -1e31 if change == "missing" else 2000
    cube = imap.to_spectra(make_swapi(energies), "rate")
    assert cube.wcs.world_axis_names == ("esa_step", "time")
    found = cube[1, 1:].meta["esa_energy"]
    assert found.shape == (3,)
    assert found.unit == u.eV
    assert np.array_equal(found.mask, [False, change == "missing", False])


def test_an_uncertainty_that_is_not_symmetric_is_in_both_directions(make_swapi):
    cube = imap.to_spectra(make_swapi(), "rate")
    assert cube.uncertainty is None
    assert np.array_equal(cube[2].meta["rate_stat_uncert_plus"].unmasked.value, COUNTS[2] / 4)
    assert np.array_equal(cube[2].meta["rate_stat_uncert_minus"].unmasked.value, COUNTS[2] / 8)


def test_a_symmetric_uncertainty_is_that_of_the_cube(make_swapi):
    cube = imap.to_spectra(make_swapi(minus="rate_stat_uncert_plus"), "rate")
    assert np.array_equal(cube.uncertainty.array, COUNTS / 4)
    assert cube.uncertainty.unit == u.ct / u.s


def test_bins_have_the_edges_that_the_file_names(make_cdf):
    energy = np.array([2.0, 4.0, 8.0, 16.0], "f4")
    names = {"DELTA_MINUS_VAR": "h_energy_delta_minus", "DELTA_PLUS_VAR": "h_energy_delta_plus"}
    variables = {
        "epoch": EPOCH,
        "h": (FLOAT, COUNTS, data("1/(cm^2 s MeV/nuc sr)", "h_energy_mean")),
        "h_energy_mean": (FLOAT, energy, support("MeV/nuc", **names)),
        "h_energy_delta_minus": (FLOAT, energy / 4, support("MeV/nuc")),
        "h_energy_delta_plus": (FLOAT, energy / 2, support("MeV/nuc")),
    }
    table = imap.read(make_cdf(variables, tuple(name for name in variables if name.startswith("h_"))))
    cube = imap.to_spectra(table, "h")[:, 1:]
    assert np.array_equal(cube.meta["h_energy_mean_lower"].to_value(u.MeV), energy[1:] * 0.75)
    assert np.array_equal(cube.meta["h_energy_mean_upper"].to_value(u.MeV), energy[1:] * 1.5)
    assert np.array_equal(cube.axis_world_coords("em.energy")[0].to_value(u.MeV), energy[1:])


def test_spectra_of_several_dimensions_have_all_axes():
    table = imap.read(SWE)
    cube = imap.to_spectra(table, "flux")
    assert cube.shape == (2, 24, 30, 7)
    assert cube.wcs.world_axis_names == ("inst_el", "inst_az", "energy", "time")
    assert np.array_equal(cube.mask, table["flux"].mask)
    assert np.isnan(cube.data[cube.mask]).all()


@pytest.mark.skipif(Version(NDCUBE) < Version("2.4"), reason="ndcube 2.3 cannot pickle axes of tables")
def test_a_cube_can_be_pickled(make_swapi):
    made = pickle.loads(pickle.dumps(imap.to_spectra(make_swapi(), "rate")))
    assert np.array_equal(made[1].data, COUNTS[1])
    assert made[1].meta["rate_stat_uncert_plus"].shape == (4,)


def test_a_column_without_spectra_is_refused(make_swapi):
    with pytest.raises(QueryError, match=r"imap\.to_spectra takes a column of numbers .* not 'epoch'"):
        imap.to_spectra(make_swapi(), "epoch")


class TestObserver:
    EARTHWARD = SkyCoord(0 * u.deg, 0 * u.deg, 0.99 * u.AU, frame="heliographic_stonyhurst", obstime="2026-01-10")

    def test_a_position_is_that_of_all_records(self, make_swapi):
        found = imap.to_spectra(make_swapi(), "rate", observer=self.EARTHWARD)[1:].meta["observer"]
        assert found.shape == (2,)
        assert (found.radius == 0.99 * u.AU).all()

    def test_positions_are_sliced_with_the_cube(self, make_swapi):
        radius = [0.97, 0.98, 0.99] * u.AU
        many = SkyCoord([0, 1, 2] * u.deg, [0, 0, 0] * u.deg, radius, frame="heliographic_stonyhurst")
        cube = imap.to_spectra(make_swapi(), "rate", observer=many)
        assert cube[1:].meta["observer"].lon.deg.tolist() == [1, 2]

    @pytest.mark.parametrize(("given", "said"), [(2, "3 records, not 2 positions"), ("L1", "a SkyCoord .*'L1'")])
    def test_other_observers_are_refused(self, make_swapi, given, said):
        observer = self.EARTHWARD.reshape(1)[[0] * given] if given == 2 else given
        with pytest.raises(QueryError, match=said):
            imap.to_spectra(make_swapi(), "rate", observer=observer)


class TestSpectrogram:
    @pytest.fixture(autouse=True)
    def _closed_figures(self):
        yield
        plt.close("all")

    def cells(self, figure):
        """Return the edges of the bins and the values of a picture."""
        mesh = figure.axes[0].collections[0]
        return mesh.get_coordinates()[..., 1], np.ma.filled(mesh.get_array().astype(float), np.nan)

    def test_energies_have_their_name_unit_and_scale(self, make_swapi):
        figure = imap.plot_spectra(imap.to_spectra(make_swapi(ENERGIES**2), "rate"), cmap="inferno")
        axes, bar = figure.axes
        assert (axes.get_yscale(), axes.get_xlabel()) == ("log", "UTC")
        assert axes.get_ylabel().startswith("esa_energy\n[")
        assert bar.get_ylabel().startswith("rate\n[")
        mesh = axes.collections[0]
        assert mesh.get_cmap().name == "inferno"
        assert np.array_equal(self.cells(figure)[1].T[2], COUNTS[2][::-1])

    def test_cells_extend_to_the_edges_of_the_file(self, make_cdf):
        energy = np.array([2.0, 4.0, 8.0, 16.0], "f4")
        names = {"DELTA_MINUS_VAR": "h_energy_delta_minus", "DELTA_PLUS_VAR": "h_energy_delta_plus"}
        variables = {
            "epoch": EPOCH,
            "h": (FLOAT, COUNTS, data("1/(cm^2 s MeV/nuc sr)", "h_energy_mean")),
            "h_energy_mean": (FLOAT, energy, support("MeV/nuc", **names)),
            "h_energy_delta_minus": (FLOAT, energy / 4, support("MeV/nuc")),
            "h_energy_delta_plus": (FLOAT, energy / 2, support("MeV/nuc")),
        }
        table = imap.read(make_cdf(variables, tuple(name for name in variables if name.startswith("h_"))))
        edges = self.cells(imap.plot_spectra(imap.to_spectra(table, "h")))[0]
        assert edges[:, 0].tolist() == [1.5, 3, 6, 12, 24]

    def test_energies_that_change_are_those_of_each_record(self, make_swapi):
        energies = ENERGIES.copy()
        energies[2] *= 2
        figure = imap.plot_spectra(imap.to_spectra(make_swapi(energies), "rate"))
        assert figure.axes[0].get_ylabel().startswith("esa_energy\n[")
        edges = self.cells(figure)[0]
        assert np.allclose(edges[-1], 2 * edges[0])

    def test_other_axes_are_averaged(self):
        cube = imap.to_spectra(imap.read(SWE), "flux")
        figure = imap.plot_spectra(cube)
        assert isinstance(figure.axes[0].collections[0].norm, LogNorm)
        assert figure.axes[1].get_ylabel().startswith("flux, mean over inst_az, inst_el\n[")
        expected = np.nanmean(cube.data[0].astype(float), axis=(1, 2))
        assert np.allclose(np.sort(self.cells(figure)[1][:, 0]), np.sort(expected), equal_nan=True)
        assert imap.plot_spectra(cube, "inst_el").axes[0].get_ylabel().startswith("inst_el")
        assert imap.plot_spectra(cube[:, :, 4, 3]).axes[1].get_ylabel().startswith("flux\n[")

    @pytest.mark.parametrize(
        ("cut", "axis", "said"),
        [
            (lambda cube: cube[0], None, "takes spectra of two or more times"),
            (lambda cube: cube[:1], None, "takes spectra of two or more times"),
            (lambda cube: cube[:, 0, 0, 0], None, "takes spectra of two or more times"),
            (lambda cube: cube.data, None, "takes spectra of two or more times"),
            (lambda cube: cube, "energies", "one of energy, inst_az, inst_el, not 'energies'"),
        ],
    )
    def test_what_is_not_such_a_cube_is_refused(self, cut, axis, said):
        cube = imap.to_spectra(imap.read(SWE), "flux")
        with pytest.raises(QueryError, match=said):
            imap.plot_spectra(cut(cube), axis)


def test_without_ndcube_the_error_names_the_extra(make_swapi, monkeypatch):
    table = make_swapi()
    monkeypatch.setitem(sys.modules, "ndcube", None)
    with pytest.raises(MissingDependencyError, match=r"sunpy_helio_plugins\[ndcube\]"):
        imap.to_spectra(table, "rate")


def test_an_axis_without_coordinates_counts_pixels(make_cdf):
    variables = {"epoch": EPOCH, "rate": (FLOAT, COUNTS, data("counts/s", "nothing"))}
    cube = imap.to_spectra(imap.read(make_cdf(variables)), "rate")
    assert cube.data.shape == (3, 4)
    assert [name for name in cube.meta if name.endswith(("_lower", "_upper"))] == []
