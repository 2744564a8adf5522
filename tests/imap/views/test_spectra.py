"""Test spectra as cubes, with the axes of the mission's definitions of SWAPI, HIT and SWE."""

from __future__ import annotations

import pickle
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from packaging.version import Version

from sunpy_helio_plugins import imap, sandbox
from sunpy_helio_plugins.errors import QueryError

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
